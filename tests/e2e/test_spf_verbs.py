"""`postern spf check`: the suite of RFC 7208 through the command, and random policies judged beside pyspf and libspf2."""

import json
import os
import pathlib
import subprocess

import pytest
import yaml

from peers.daemon import binary

COMMAND = os.environ.get("POSTERN_BIN") or str(binary("postern"))
SUITE = pathlib.Path(os.environ.get("POSTERN_SHARED_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") / "spf" / "rfc7208-tests.yml"
KINDS = {"A", "AAAA", "MX", "TXT", "PTR", "CNAME", "NS"}


def batch(commands: list[list[str]]) -> list[dict]:
    text = "".join(json.dumps({"argv": argv}) + "\n" for argv in commands)
    done = subprocess.run([COMMAND, "batch"], input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def records_of(entries) -> list[dict]:
    """The suite's zone data in the fixture's form. SPF-type records count as TXT, unless a TXT is there; NONE takes that away."""
    out, texts = [], any(isinstance(entry, dict) and "TXT" in entry for entry in entries)
    for entry in entries:
        if entry == "TIMEOUT":
            out.append({"timeout": True})
            continue
        (kind, value), = entry.items()
        if kind == "SPF" and not texts:
            kind = "TXT"
        if kind not in KINDS or value == "NONE":
            continue
        if value == "TIMEOUT":
            out.append({"type": kind, "timeout": True})
        elif kind == "MX":
            out.append({"type": kind, "pref": value[0], "data": value[1]})
        else:
            out.append({"type": kind, "data": value})
    return out


def suite():
    """(section, name, case, zone) of each case."""
    for document in yaml.safe_load_all(SUITE.read_text(encoding="utf-8")):
        zone = {"records": {name: records_of(entries) for name, entries in document["zonedata"].items()}}
        for name, case in document["tests"].items():
            yield document["description"], name, case, zone


@pytest.mark.skipif(not SUITE.exists(), reason="../shared/data is not here")
def test_the_suite_of_rfc_7208(workdir):
    cases, commands, zones = list(suite()), [], {}
    for _, _, case, zone in cases:
        path = zones.setdefault(json.dumps(zone), workdir / f"zone{len(zones)}.json")
        path.write_text(json.dumps(zone))
        commands.append(["--json", "spf", "check", "--ip", case["host"], "--helo", case["helo"], "--mail-from", case["mailfrom"], "--dns-fixture", str(path)])
    wrong = []
    for (section, name, case, _), answer in zip(cases, batch(commands)):
        wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
        got = answer.get("json", {})
        explained = case.get("explanation")
        if got.get("result") not in wanted:
            wrong.append(f"{section} / {name}: {got.get('result')} instead of {wanted} ({got.get('reason') or answer})")
        elif explained and got["explanation"] != ("" if explained == "DEFAULT" else explained):
            wrong.append(f"{section} / {name}: explained with {got['explanation']!r} instead of {explained!r}")
    assert not wrong, "\n".join(wrong)
    assert len(cases) == 203
