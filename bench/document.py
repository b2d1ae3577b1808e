"""Results between the marks of a Markdown file, with the machine they are from. Nothing to run here."""

import os
import pathlib
import platform
import subprocess
import tempfile
import time


def machine(*more: str) -> str:
    """The processor, the system, and the versions of what stands beside us; `more`: further packages."""
    cpu = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    release = next((line.partition("=")[2].strip('"') for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                    if line.startswith("PRETTY_NAME")), "?")
    filesystem = subprocess.run(["stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, text=True).stdout.strip()
    versions = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "libssl3", "libssl3t64", "postfix", "opendkim", "nginx-light", *more], capture_output=True, text=True).stdout
    return f"{os.cpu_count()} x {cpu}, {release}, Linux {platform.release()}, {filesystem}; {versions.rstrip(', ')}"


def put_between_marks(path: pathlib.Path, mark: str, command: str, report: str):
    """Replaces what stands between "<!-- MARK: begin -->" and "<!-- MARK: end -->"."""
    text = path.read_text()
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
    head, found, rest = text.partition(begin)
    if not found or end not in rest:
        raise SystemExit(f"{path} has no marks {begin.strip()} and {end}")
    when = time.strftime("%Y-%m-%d", time.gmtime())
    path.write_text(f"{head}{begin}\n{when}, {command}\n\n{report.strip()}\n\n{end}{rest.partition(end)[2]}")
