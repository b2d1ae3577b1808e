"""`postern spf check`: the suite of RFC 7208 through the command, and random policies judged beside pyspf."""

import ipaddress
import json
import os
import pathlib
import random
import subprocess

import pytest
import spf
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


@pytest.mark.parametrize("sender, helo", [("a@bücher.example", "mx.example.org"), ("<ä@BÜCHER.example>", "mx.example.org"), ("a@xn--bcher-kva.example.", "mx.example.org"),
                                          ("<>", "bücher.example"), ("", "xn--bcher-kva.example")])
def test_international_domains(workdir, sender, helo):
    """RFC 7208 4.3, RFC 8616: the domains of MAIL FROM and HELO are asked as A-labels."""
    zone = workdir / "zone.json"
    zone.write_text(json.dumps({"records": {"xn--bcher-kva.example": [{"type": "TXT", "data": "v=spf1 ip4:192.0.2.1 -all"}]}}))
    answers = batch([["--json", "spf", "check", "--ip", ip, "--helo", helo, "--mail-from", sender, "--dns-fixture", str(zone)] for ip in ("192.0.2.1", "192.0.2.2")])
    assert [(one["json"]["result"], one["json"]["domain"]) for one in answers] == [("pass", "xn--bcher-kva.example"), ("fail", "xn--bcher-kva.example")], answers


# Beside pyspf.

MECHANISMS = ["a", "a:{host}", "a/24", "a:{host}//64", "mx", "mx:{host}", "mx/20", "ptr", "ptr:{name}", "include:{name}", "exists:%{{ir}}.{name}",
              "exists:%{{l}}.{host}", "ip4:192.0.2.{octet}", "ip4:192.0.0.0/{four}", "ip6:2001:db8::{octet}", "ip6:2001:db8::/{six}", "all",
              "a:%{{d1r}}.{name}", "exists:%{{h}}", "A:{host}", "INCLUDE:{name}"]
BROKEN = ["foo", "a:", "ip4:192.0.2", "ip6:x", "mx/33", "include", "exists:", "all:x", "a:%{{z}}.{name}", "redirect=", "a:nodots", "ip4:1.2.3.4/40", "-"]


class Chance:
    """A zone and a question from one seed: few names, so that records meet each other."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = [f"n{number}.example" for number in range(6)]
        self.zone = {}
        for name in self.names:
            self.zone[name] = self.records(name)
        for octet in (1, 2, 3):
            if self.random.random() < 0.5:
                self.zone[f"{octet}.2.0.192.in-addr.arpa"] = [("PTR", self.random.choice(self.names))]
        self.ip = self.random.choice(["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.9.9", "2001:db8::1", "2001:db8:1::5"])
        self.sender = self.random.choice(["a", "bob", "x-y"]) + "@" + self.random.choice(self.names)

    def term(self, forms):
        pick = self.random
        return pick.choice(forms).format(host=pick.choice(self.names), name=pick.choice(self.names), octet=pick.randint(1, 4), four=pick.choice([8, 16, 24, 32, 0]),
                                         six=pick.choice([32, 48, 64, 128]))

    def record(self):
        pick = self.random
        terms = [pick.choice(["", "+", "-", "~", "?"]) + self.term(MECHANISMS) for _ in range(pick.randint(0, 4))]
        if pick.random() < 0.1:
            terms.insert(pick.randint(0, len(terms)), self.term(BROKEN))
        if pick.random() < 0.2:
            terms.append("redirect=" + pick.choice(self.names))
        if pick.random() < 0.5:
            terms.append(pick.choice(["-all", "~all", "?all"]))
        return " ".join(["v=spf1", *terms])

    def records(self, name):
        pick = self.random
        out = [("TXT", self.record())] if pick.random() < 0.85 else []
        if pick.random() < 0.05:
            out.append(("TXT", self.record()))
        out += [("TXT", "other=1")] if pick.random() < 0.3 else []
        out += [("A", f"192.0.2.{pick.randint(1, 4)}") for _ in range(pick.randint(0, 2))]
        out += [("AAAA", f"2001:db8::{pick.randint(1, 5)}")] if pick.random() < 0.5 else []
        out += [("MX", (10, pick.choice(self.names))) for _ in range(pick.randint(0, 2))]
        return out

    def fixture(self):
        form = {"MX": lambda value: {"type": "MX", "pref": value[0], "data": value[1]}}
        return {"records": {name: [form.get(kind, lambda value, kind=kind: {"type": kind, "data": value})(value) for kind, value in records]
                            for name, records in self.zone.items()}}

    def includes_itself(self):
        """pyspf refuses such a record on sight; RFC 7208 has only the limit of ten terms, which an earlier match may never reach."""
        return any(term.lower().lstrip("+-~?") == f"include:{name}" for name, records in self.zone.items() for kind, value in records if kind == "TXT"
                   for term in value.split())

    def pyspf(self):
        def lookup(name, kind, strict=True, timeout=20, *rest):
            found = [value for have, value in self.zone.get(name.lower().rstrip("."), []) if have == kind]
            convert = {"TXT": lambda value: (value.encode(),), "AAAA": lambda value: ipaddress.ip_address(value).packed}.get(kind, lambda value: value)
            return [((name, kind), convert(value)) for value in found]
        before, spf.DNSLookup = spf.DNSLookup, lookup
        try:
            return spf.check2(i=self.ip, s=self.sender, h="helo.example")[0]
        finally:
            spf.DNSLookup = before


def test_random_policies_beside_pyspf(workdir):
    """Six names with random records, a thousand times. Where the two differ, the case is looked at again for the one reason that is known."""
    chances, commands = [Chance(seed) for seed in range(1000)], []
    for number, chance in enumerate(chances):
        path = workdir / f"{number}.json"
        path.write_text(json.dumps(chance.fixture()))
        commands.append(["--json", "spf", "check", "--ip", chance.ip, "--helo", "helo.example", "--mail-from", chance.sender, "--dns-fixture", str(path)])
    seen, different = {}, []
    for number, (chance, answer) in enumerate(zip(chances, batch(commands))):
        ours, theirs = answer["json"]["result"], chance.pyspf()
        seen[ours] = seen.get(ours, 0) + 1
        if ours != theirs and not (theirs == "permerror" and chance.includes_itself()):
            different.append(f"{number}: {ours} and not {theirs} for {chance.sender} from {chance.ip}: {answer['json']['reason']} {answer['json']['mechanism']} {chance.zone}")
    assert len(seen) >= 6 and all(count >= 10 for count in seen.values()), seen
    assert not different, f"{len(different)} of {len(chances)}\n" + "\n".join(different[:10])
