"""Thousands of signed messages that were changed on the way, judged by Postern and by dkimpy: RFC 6376 3.4-3.7 and 6.1."""

import json
import pathlib
import random
import re
import subprocess
import tempfile
import time

import dkim
import pytest

from peers.daemon import binary
from test_dkim_verbs import BODIES, CANONS, DOMAIN, HEADER, keys, sign  # noqa: F401

CASES = 2400
NOW = int(time.time())  # dkimpy judges by today


# Changes: (random, message) -> message. Some keep the signature good, some do not, some depend on the canonicalization.

def _fields(raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    found = []
    for line in head.split(b"\r\n"):
        if line[:1] in b" \t" and found:
            found[-1] += b"\r\n" + line
        else:
            found.append(line)
    return found, body


def _whole(fields, body):
    return b"\r\n".join(fields) + b"\r\n\r\n" + body


def _on_fields(change):
    def mutate(pick, raw):
        fields, body = _fields(raw)
        at = pick.randrange(len(fields))
        return _whole(change(pick, fields, at), body)
    return mutate


def flip(pick, raw):
    at = pick.randrange(len(raw))
    while raw[at:at + 1] in b"\r\n":
        at = pick.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 if raw[at] ^ 1 > 32 else raw[at] ^ 2]) + raw[at + 1:]


def swap(pick, fields, at):
    other = pick.randrange(len(fields))
    fields[at], fields[other] = fields[other], fields[at]
    return fields


def twice(pick, fields, at):
    return [*fields[:at], fields[at], *fields[at:]]


def twice_at_the_end(pick, fields, at):
    return [*fields, fields[at]]


def away(pick, fields, at):
    return fields[:at] + fields[at + 1:] if len(fields) > 2 else fields


def refold(pick, fields, at):
    words = fields[at].split(b" ")
    if len(words) > 2:
        where = pick.randrange(1, len(words))
        fields[at] = b" ".join(words[:where]) + b"\r\n" + pick.choice([b" ", b"\t", b"  "]) + b" ".join(words[where:])
    return fields


def more_space(pick, fields, at):
    name, colon, value = fields[at].partition(b":")
    fields[at] = name + pick.choice([b"", b" ", b"\t"]) + colon + pick.choice([b"", b" ", b"  ", b"\t"]) + value + pick.choice([b"", b" ", b"\t "])
    return fields


def other_case(pick, fields, at):
    name, colon, value = fields[at].partition(b":")
    fields[at] = pick.choice([name.upper(), name.lower(), name.swapcase()]) + colon + value
    return fields


def new_field(pick, fields, at):
    return [*fields[:at], pick.choice([b"From: <eve@evil.example>", b"Subject: another", b"X-New: field", b"To: x@y.example"]), *fields[at:]]


def more_body(pick, raw):
    return raw + pick.choice([b"\r\n", b"\r\n\r\n", b" \r\n", b"x\r\n", b"\t", b" "])


def space_in_body(pick, raw):
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = body.split(b"\r\n")
    at = pick.randrange(len(lines))
    lines[at] = pick.choice([lines[at] + b" ", lines[at] + b"\t", b" " + lines[at], lines[at].replace(b" ", b"  ", 1)])
    return head + b"\r\n\r\n" + b"\r\n".join(lines)


def _on_tags(change):
    """A change of one DKIM-Signature field's tags."""
    def mutate(pick, raw):
        fields, body = _fields(raw)
        places = [i for i, field in enumerate(fields) if field.lower().startswith(b"dkim-signature:")]
        if not places:
            return raw
        at = pick.choice(places)
        name, _, value = fields[at].partition(b":")
        fields[at] = name + b":" + change(pick, value)
        return _whole(fields, body)
    return mutate


def odd_space(pick, value):
    return pick.choice([value.replace(b";", b" ;", 1), value.replace(b"=", b" =", 1), value.replace(b"=", b"= ", 1), value + b";", value + b" ", value + b"\r\n\t",
                        b"  " + value])


def other_tag(pick, value):
    return value.rstrip() + (b"" if value.rstrip().endswith(b";") else b";") + pick.choice(
        [b" x=%d" % (NOW - 10), b" x=%d" % (NOW + 10_000), b" t=%d" % (NOW + 100_000), b" z=From:a", b" q=dns/txt", b" unknown=1", b" l=0", b" l=99999", b" v=1", b" i=@evil.example",
         b" i=a@sub.signer.example", b" a=rsa-sha1", b" =x", b" d=signer.example"])


def base64_spaces(pick, value):
    at = value.find(b" b=") + 10
    return value[:at] + pick.choice([b" ", b"\r\n ", b"\t"]) + value[at:]


CHANGES = [flip, _on_fields(swap), _on_fields(twice), _on_fields(twice_at_the_end), _on_fields(away), _on_fields(refold), _on_fields(more_space),
           _on_fields(other_case), _on_fields(new_field), more_body, space_in_body, _on_tags(odd_space), _on_tags(other_tag), _on_tags(base64_spaces), lambda pick, raw: raw]


def dkimpy(raw: bytes, records: dict[str, str]) -> list[bool]:
    """Its verdict on each signature, top first. What it cannot read (it raises whatever comes) is no pass."""
    def verdict(index):
        try:
            return bool(dkim.DKIM(raw, minkey=1024).verify(idx=index, dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip(".").lower(), "").encode()))
        except Exception:  # noqa: BLE001
            return False
    return [verdict(index) for index in range(sum(1 for field in _fields(raw)[0] if re.match(rb"dkim-signature[ \t]*:", field, re.I)))]


def has_only_plain_fields(raw: bytes) -> bool:
    """dkimpy gives a message up whose header has a field that is none, or white space before a colon. The standards do not: RFC 5322 4.5.8 has
    that form, and RFC 6376 3.4.2 says what "relaxed" makes of it (nothing is left of it); unsigned rubbish is no concern of a signature (5.4)."""
    return all(re.match(rb"[!-9;-~]+:", field) for field in _fields(raw)[0])


@pytest.mark.parametrize("canon", CANONS)
def test_both_say_the_same_of_changed_messages(keys, canon):  # noqa: F811
    pick = random.Random(f"mutations {canon}")
    signed = [sign(keys, HEADER + body, canon, "--time", str(NOW)) for body in BODIES.values() if len(body) < 1000]
    cases = []
    while len(cases) < CASES // len(CANONS):
        raw = pick.choice(signed)
        for _ in range(pick.choice([1, 1, 1, 2, 3])):
            raw = pick.choice(CHANGES)(pick, raw)
        # RFC 5321 4.1.1.4: what travels ends with a line end.
        cases.append(raw if raw.endswith(b"\r\n") else raw + b"\r\n")
    compared, good, bad = 0, 0, 0
    for raw, ours in zip(cases, postern(cases, keys)):
        if not has_only_plain_fields(raw):
            continue
        assert ours == dkimpy(raw, keys["records"]), raw.decode("latin-1")
        compared, good, bad = compared + 1, good + any(ours), bad + (not all(ours))
    assert compared > 450 and good > 100 and bad > 200, (compared, good, bad)


def postern(cases: list[bytes], keys) -> list[list[bool]]:  # noqa: F811
    """All in one process."""
    with tempfile.TemporaryDirectory() as folder:
        lines = ""
        for number, raw in enumerate(cases):
            path = pathlib.Path(folder) / f"{number}.eml"
            path.write_bytes(raw)
            lines += json.dumps({"argv": ["dkim", "verify", "--json", "--message", str(path), "--dns-fixture", str(keys["fixture"])]}) + "\n"
        done = subprocess.run([binary("postern"), "batch"], input=lines, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [[signature["result"] == "pass" for signature in json.loads(line)["json"]["signatures"]] for line in done.stdout.splitlines()]
