"""`postern dkim sign|verify` beside dkimpy and OpenDKIM: both directions, both algorithms, all four canonicalizations, odd bodies."""

import base64
import itertools
import json
import os
import subprocess

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from peers import dkimtools
from peers.daemon import binary

DOMAIN = "signer.example"
CANONS = [f"{header}/{body}" for header, body in itertools.product(("simple", "relaxed"), repeat=2)]
HEADER = (b"Received: from a.example\r\n\tby b.example; Sun, 22 Nov 2026 00:00:00 +0000\r\nFrom: Alice <alice@signer.example>\r\nTo: bob@other.example,\r\n"
          b" carol@other.example\r\nSubject:  A  subject \r\n   with folds\t\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@signer.example>\r\nX-Empty:\r\n"
          b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
BODIES = {
    "plain": b"Hello\r\nworld\r\n",
    "empty": b"",
    "one empty line": b"\r\n",
    "only empty lines": b"\r\n\r\n\r\n",
    "only white space": b" \t \r\n\t\r\n",
    "no final line end": b"Hello",
    "white space at the end": b"Hello \t\r\n \r\n",
    "empty lines at the end": b"Hello\r\n\r\n\r\n",
    "runs of white space": b"a \t b\t\t c  \r\n  d\r\n \r\ne\r\n",
    "utf-8": "Grüße, 日本語\r\n".encode(),
    "dots": b".\r\n..\r\n.x\r\n",
    "long": (b"x" * 900 + b"\r\n") * 100,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Private keys as files, as dkimpy wants them, and the DNS records."""
    directory = tmp_path_factory.mktemp("dkim-keys")
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ed_key = ed25519.Ed25519PrivateKey.generate()
    raw, pem, pkcs8, none = (serialization.Encoding.Raw, serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "rsa.pem").write_bytes(rsa_key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, none))
    (directory / "ed.pem").write_bytes(ed_key.private_bytes(pem, pkcs8, none))
    public = lambda key: key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    records = {f"rsa._domainkey.{DOMAIN}": dkimtools.dns_record(public(rsa_key)), f"ed._domainkey.{DOMAIN}": dkimtools.dns_record(public(ed_key))}
    fixture = {"records": {name: [{"type": "TXT", "data": [text[:200], text[200:]]}] for name, text in records.items()}}
    (directory / "dns.json").write_text(json.dumps(fixture))
    return {
        "directory": directory, "records": records, "fixture": directory / "dns.json",
        "rsa": directory / "rsa.pem", "ed": directory / "ed.pem",
        "rsa_for_dkimpy": (directory / "rsa.pem").read_bytes(),
        "ed_for_dkimpy": base64.b64encode(ed_key.private_bytes(raw, serialization.PrivateFormat.Raw, none)),
    }


def postern(*arguments, stdin=b"", check=True):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    done = subprocess.run([command, *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)
    assert not check or done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done


def sign(keys, raw, canon, *more):
    return postern("dkim", "sign", "--domain", DOMAIN, "--selector", "rsa", "--key", keys["rsa"], "--selector", "ed", "--key", keys["ed"], "--canon", canon, *more, stdin=raw).stdout


def verdicts(keys, raw, *more):
    out = postern("dkim", "verify", "--dns-fixture", keys["fixture"], "--json", *more, stdin=raw).stdout
    return {signature["selector"]: signature for signature in json.loads(out)["signatures"]}


def results(keys, raw, *more):
    return {selector: signature["result"] for selector, signature in verdicts(keys, raw, *more).items()}


@pytest.mark.parametrize("canon", CANONS)
@pytest.mark.parametrize("body", BODIES)
def test_dkimpy_verifies_what_we_sign(keys, canon, body):
    raw = HEADER + BODIES[body]
    signed = sign(keys, raw, canon)
    assert signed.endswith(raw), "signing changes nothing of the message"
    assert dkimtools.dkimpy_verdicts(signed, keys["records"]) == [True, True]
    assert results(keys, signed) == {"rsa": "pass", "ed": "pass"}


@pytest.mark.parametrize("canon", CANONS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("algorithm", ["rsa", "ed"])
def test_we_verify_what_dkimpy_signs(keys, canon, body, algorithm):
    raw = HEADER + BODIES[body]
    name = b"rsa-sha256" if algorithm == "rsa" else b"ed25519-sha256"
    field = dkim.sign(raw, algorithm.encode(), DOMAIN.encode(), keys[f"{algorithm}_for_dkimpy"], signature_algorithm=name,
                      canonicalize=tuple(part.encode() for part in canon.split("/")))
    assert results(keys, field + raw) == {algorithm: "pass"}


@pytest.mark.parametrize("canon", CANONS)
def test_opendkim_verifies_what_we_sign(keys, canon, tmp_path):
    """Debian's OpenDKIM knows RSA only; it must not be disturbed by the Ed25519 signature beside it. A milter sees one space after a colon and no second
    one, so that "simple" can only be asked about fields that have exactly one."""
    signed = sign(keys, HEADER.replace(b":  A", b": A") + BODIES["runs of white space"], canon)
    assert dkimtools.opendkim_verdicts(signed, keys["records"], tmp_path)["rsa"] == "pass"


@pytest.mark.parametrize("canon", CANONS)
def test_any_change_is_seen_by_all(keys, canon):
    signed = sign(keys, HEADER + BODIES["plain"], canon)
    for old, new in ((b"Hello", b"Hallo"), (b"A  subject", b"Another"), (b"From: Alice", b"From: Mallory"), (b"MIME-Version", b"Subject: second\r\nMIME-Version")):
        changed = signed.replace(old, new, 1) if old != b"Hello" else signed[:-14] + signed[-14:].replace(old, new)
        assert changed != signed
        assert results(keys, changed) == {"rsa": "fail", "ed": "fail"}, old
        assert dkimtools.dkimpy_verdicts(changed, keys["records"]) == [False, False], old


def test_relaxed_survives_what_relays_do(keys):
    signed = sign(keys, HEADER + b"a b  c \r\n\r\n", "relaxed/relaxed")
    refolded = signed.replace(b"Subject:  A  subject \r\n   with folds\t\r\n", b"SUBJECT: A subject with folds\r\n").replace(b"a b  c \r\n\r\n", b"a\tb c\r\n")
    assert refolded != signed
    assert results(keys, refolded) == {"rsa": "pass", "ed": "pass"}
    assert dkimtools.dkimpy_verdicts(refolded, keys["records"]) == [True, True]


def test_a_last_line_without_end_gets_one_on_the_way(keys):
    """SMTP adds the line end; white space before it must not count then as little as before (RFC 6376 3.4.4). dkimpy keeps it without the line end."""
    signed = sign(keys, HEADER + b"Hello \t", "relaxed/relaxed")
    assert results(keys, signed) == {"rsa": "pass", "ed": "pass"}
    assert dkimtools.dkimpy_verdicts(signed + b"\r\n", keys["records"]) == [True, True]


def test_files_with_unix_line_ends(keys):
    raw = (HEADER + BODIES["plain"]).replace(b"\r\n", b"\n")
    signed = sign(keys, raw, "simple/simple")
    assert b"\n" not in signed.replace(b"\r\n", b"")
    assert results(keys, signed.replace(b"\r\n", b"\n")) == {"rsa": "pass", "ed": "pass"}


def test_options_reach_the_signature(keys):
    signed = sign(keys, HEADER + b"x\r\n", "relaxed/simple", "--headers", "From:To:From", "--time", "1700000000", "--lifetime", "3600", "--identity", "@mail.signer.example")
    tags = dkimtools.signature_tags(signed)[0]
    assert (tags["t"], tags["x"], tags["i"], tags["h"], tags["c"]) == ("1700000000", "1700003600", "@mail.signer.example", "from:to:from", "relaxed/simple")
    assert "l" not in tags
    assert results(keys, signed, "--now", "1700000001") == {"rsa": "pass", "ed": "pass"}
    assert results(keys, signed, "--now", "1700003601") == {"rsa": "permerror", "ed": "permerror"}
    assert all(len(line) <= 76 for line in signed[: signed.index(b"Received:")].split(b"\r\n"))


def test_partial_body_is_not_a_pass(keys):
    raw = HEADER + b"signed\r\n"
    field = dkim.sign(raw, b"rsa", DOMAIN.encode(), keys["rsa_for_dkimpy"], canonicalize=(b"relaxed", b"relaxed"), length=True)
    assert results(keys, field + raw) == {"rsa": "pass"}
    longer = field + raw + b"appended by a stranger\r\n"
    assert results(keys, longer) == {"rsa": "policy"}
    assert verdicts(keys, longer)["rsa"]["partial_body"] is True
    assert results(keys, longer, "--accept-partial-body") == {"rsa": "pass"}


def test_every_dns_outcome(keys, tmp_path):
    signed = sign(keys, HEADER, "relaxed/relaxed")
    zone = tmp_path / "zone.json"
    zone.write_text(json.dumps({"records": {f"rsa._domainkey.{DOMAIN}": [{"type": "TXT", "timeout": True}], f"ed._domainkey.{DOMAIN}": [{"type": "TXT", "data": "v=DKIM1; k=ed25519; p="}]}}))
    out = json.loads(postern("dkim", "verify", "--dns-fixture", zone, "--json", stdin=signed).stdout)
    assert [signature["result"] for signature in out["signatures"]] == ["temperror", "permerror"]
    zone.write_text('{"records": {}}')
    out = json.loads(postern("dkim", "verify", "--dns-fixture", zone, "--json", stdin=signed).stdout)
    assert [signature["result"] for signature in out["signatures"]] == ["permerror", "permerror"]


def test_no_signature_is_an_empty_list(keys):
    assert json.loads(postern("dkim", "verify", "--dns-fixture", keys["fixture"], "--json", stdin=HEADER).stdout)["signatures"] == []


def test_usage_errors(keys, tmp_path):
    assert postern("dkim", "sign", check=False).returncode == 2
    assert postern("dkim", "verify", "--message", tmp_path / "none", "--dns-fixture", keys["fixture"], check=False).returncode == 2
    refused = postern("dkim", "sign", "--domain", DOMAIN, "--selector", "s", "--key", keys["ed"], stdin=b"To: x\r\n\r\n", check=False)
    assert refused.returncode == 2 and b"From" in refused.stderr and refused.stdout == b""
    wrong_kind = postern("dkim", "sign", "--domain", DOMAIN, "--selector", "s", "--key", keys["ed"], "--algorithm", "rsa-sha256", stdin=HEADER, check=False)
    assert wrong_kind.returncode == 2 and b"PRIVATE" not in wrong_kind.stderr
