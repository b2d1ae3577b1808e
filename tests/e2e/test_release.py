"""What is shipped beside the code: settings reference, example configurations, and the hardening that the build promises."""

import pathlib
import re
import subprocess

import pytest

from peers.daemon import ROOT, binary


def postern(*arguments, cwd=ROOT):
    return subprocess.run([str(binary("postern")), *map(str, arguments)], capture_output=True, text=True, timeout=60, cwd=cwd)


def test_the_settings_page_is_what_the_parser_says():
    done = postern("config", "reference")
    assert done.returncode == 0 and (ROOT / "docs/settings.md").read_text() == done.stdout, "docs/settings.md is out of date: run make docs"


@pytest.mark.parametrize("name", ["postern.toml", "demo.toml"])
def test_the_shipped_configurations_are_good(name):
    done = postern("--config", f"config/{name}", "config", "check")
    assert done.returncode == 0 and done.stdout.endswith(": good\n"), done.stdout + done.stderr


# Hardening: read from the programs themselves, so that a flag lost somewhere between CMake and the linker is noticed.

@pytest.fixture(scope="module", params=["posternd", "postern"])
def program(request) -> pathlib.Path:
    return binary(request.param)


def readelf(program: pathlib.Path, *options: str) -> str:
    return subprocess.run(["readelf", "--wide", *options, str(program)], capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_is_position_independent(program):
    assert re.search(r"Type:\s+DYN", readelf(program, "--file-header"))
    assert "PIE" in readelf(program, "--dynamic")


def test_its_relocations_are_read_only_and_bound_at_start(program):
    assert "GNU_RELRO" in readelf(program, "--program-headers")
    assert re.search(r"FLAGS.*BIND_NOW|FLAGS_1.*NOW", readelf(program, "--dynamic"))


def test_nothing_is_writable_and_executable(program):
    headers = readelf(program, "--program-headers")
    stack = next(line for line in headers.splitlines() if "GNU_STACK" in line)
    assert " RW " in stack and "RWE" not in headers, headers


def test_it_searches_no_library_beside_itself(program):
    assert not re.search(r"\((RPATH|RUNPATH)\)", readelf(program, "--dynamic"))


def test_stack_protector_and_checked_library_calls_are_in_it(program):
    symbols = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols
    checked = set(re.findall(r"\b(__\w+_chk)\b", symbols)) - {"__stack_chk_fail"}
    assert checked, "no _FORTIFY_SOURCE call was compiled in"
