"""`postern arc seal|verify` and `postern authres parse`, with dkimpy on the other side of the chain."""

import json
import os
import re
import subprocess

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from peers import dkimtools
from peers.daemon import binary

COMMAND = os.environ.get("POSTERN_BIN") or str(binary("postern"))
HEADER = (b"Authentication-Results: mx.hop.example; spf=pass smtp.mailfrom=alice@signer.example; dkim=fail reason=\"body; changed\" header.d=signer.example\r\n"
          b"From: Alice <alice@signer.example>\r\nTo: bob@other.example\r\nSubject: a  chain\r\n\tof hops\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n"
          b"Message-ID: <1@signer.example>\r\n")
MESSAGE = HEADER + b"\r\nFirst line\r\nsecond line \r\n\r\n\r\n"
DOMAIN, SELECTOR, ID = "hop.example", "s1", "mx.hop.example"


@pytest.fixture(scope="module")
def key():
    made = rsa.generate_private_key(65537, 2048)
    private = made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, dkimtools.dns_record(public.decode())


class Bench:
    def __init__(self, folder, key):
        self.folder, (self.private, self.record) = folder, key
        (folder / "key.pem").write_bytes(self.private)
        (folder / "zone.json").write_text(json.dumps({"records": {f"{SELECTOR}._domainkey.{DOMAIN}": [{"type": "TXT", "data": self.record}]}}))

    def run(self, *arguments, raw=None):
        if raw is not None:
            (self.folder / "m.eml").write_bytes(raw)
        done = subprocess.run([COMMAND, "--json", *map(str, arguments)], capture_output=True, timeout=60)
        return json.loads(done.stdout)

    def verify(self, raw):
        return self.run("arc", "verify", "--message", self.folder / "m.eml", "--dns-fixture", self.folder / "zone.json", raw=raw)

    def seal(self, raw, *more):
        return self.run("arc", "seal", "--message", self.folder / "m.eml", "--domain", DOMAIN, "--selector", SELECTOR, "--key", self.folder / "key.pem", "--authserv-id", ID,
                        "--time", "1790000000", "--dns-fixture", self.folder / "zone.json", *more, raw=raw)

    def sealed(self, raw, *more):
        made = self.seal(raw, *more)
        return "".join(f"{name}: {made[short]}\r\n" for name, short in (("ARC-Seal", "AS"), ("ARC-Message-Signature", "AMS"), ("ARC-Authentication-Results", "AAR"))).encode() + raw

    def theirs(self, raw):
        """dkimpy adds the next set."""
        fields = dkim.arc_sign(raw, SELECTOR.encode(), DOMAIN.encode(), self.private, ID.encode(), include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
                               timestamp=1790000000) if not b"ARC-Seal" in raw else self._next(raw)
        return b"".join(fields) + raw

    def _next(self, raw):
        signer = dkim.ARC(raw)
        return signer.sign(SELECTOR.encode(), DOMAIN.encode(), self.private, ID.encode(), include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
                           timestamp=1790000000)

    def their_verdict(self, raw):
        def txt(name, timeout=5):
            return self.record.encode() if name.decode().rstrip(".") == f"{SELECTOR}._domainkey.{DOMAIN}" else b""
        cv, _, reason = dkim.arc_verify(raw, dnsfunc=txt, minkey=1024)
        return cv.decode() if isinstance(cv, bytes) else str(cv), reason


@pytest.fixture
def bench(workdir, key):
    return Bench(workdir, key)


def test_no_chain(bench):
    assert bench.verify(MESSAGE) == {"cv": "none", "reason": "", "instances": 0, "sealers": []}


def test_ours_verifies_there(bench):
    one = bench.sealed(MESSAGE)
    assert bench.verify(one)["cv"] == "pass" and bench.their_verdict(one)[0] == "pass", bench.their_verdict(one)
    two = bench.sealed(one)
    assert bench.verify(two)["instances"] == 2 and bench.their_verdict(two)[0] == "pass", bench.their_verdict(two)
    assert re.search(rb'ARC-Authentication-Results: i=1; mx.hop.example;\r\n spf=pass [^;]*;\r\n dkim=fail reason="body; changed"', one), "a quoted semicolon parts nothing"


def test_theirs_verifies_here(bench):
    one = bench.theirs(MESSAGE)
    assert bench.their_verdict(one)[0] == "pass", bench.their_verdict(one)
    assert bench.verify(one)["cv"] == "pass", (bench.verify(one), one)


def test_mixed_chains(bench):
    raw = bench.theirs(MESSAGE)
    for _ in range(3):
        raw = bench.sealed(raw)
    assert bench.verify(raw)["instances"] == 4 and bench.verify(raw)["cv"] == bench.their_verdict(raw)[0] == "pass"


def test_the_form_for_comparing(bench):
    made = bench.seal(MESSAGE, "--standardize", "--headers", "from:to:subject")
    for short in ("AS", "AMS"):
        tags = [tag.split("=")[0] for tag in made[short].split("; ")]
        assert tags == sorted(tags) and "\n" not in made[short], made[short]
    assert "h=from:to:subject;" in made["AMS"] and "cv=none" in made["AS"]
    raw = bench.sealed(MESSAGE, "--standardize", "--headers", "from:to:subject")
    assert bench.verify(raw)["cv"] == bench.their_verdict(raw)[0] == "pass"


def mutations(raw):
    for at in range(0, len(raw), 37):
        yield at, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]


def test_both_see_each_change(bench):
    """One bit, here and there over the whole message: never a pass on one side only, but where the bit is in what nobody signed."""
    raw = bench.sealed(bench.sealed(MESSAGE))
    paths, commands = [], []
    for number, (_, changed) in enumerate(mutations(raw)):
        path = bench.folder / f"{number}.eml"
        path.write_bytes(changed)
        paths.append(changed)
        commands.append({"argv": ["--json", "arc", "verify", "--message", str(path), "--dns-fixture", str(bench.folder / "zone.json")]})
    done = subprocess.run([COMMAND, "batch"], input="".join(json.dumps(command) + "\n" for command in commands).encode(), capture_output=True, timeout=120)
    failed = 0
    for changed, line in zip(paths, done.stdout.splitlines()):
        answer = json.loads(line).get("json", {})
        ours = answer.get("cv", "fail")
        try:
            theirs = bench.their_verdict(changed)[0]
        except Exception:  # it raises on much that is malformed
            theirs = "fail"
        failed += ours == "fail"
        assert not (ours == "pass" and theirs == "fail"), (answer, changed)
    assert failed > len(paths) // 2


def test_authres_parse(bench):
    done = subprocess.run([COMMAND, "authres", "parse"], input=b"mx.example 1; spf=pass (ok) smtp.mailfrom=a@b.example; none=x", capture_output=True, timeout=30)
    read = json.loads(done.stdout)
    assert read["authserv_id"] == "mx.example" and read["version"] == "1"
    assert read["results"][0] == {"method": "spf", "version": "", "result": "pass", "reason": "",
                                  "properties": [{"type": "smtp", "name": "mailfrom", "value": "a@b.example"}]}
    done = subprocess.run([COMMAND, "authres", "parse"], input=b"Authentication-Results: mx.example; spf", capture_output=True, timeout=30)
    assert done.returncode == 2 and b"octet" in done.stderr
