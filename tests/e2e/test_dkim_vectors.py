"""The DKIM vectors of the shared data through `postern dkim verify`: are the good messages of three other implementations good, and is each bad key record,
each key for something else and each message without an author refused for what is wrong with it? dkimpy is asked too, where its answer is settled."""

import json
import os
import pathlib
import re
import subprocess

import dkim
import pytest

from peers import dkimtools
from peers.daemon import binary

FOLDER = pathlib.Path(os.environ.get("POSTERN_SHARED_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") / "dkim"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="../shared/data is not here")

RFC8463_KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="  # RFC 8463 A.2
TEST_NAME, EXAMPLE_NAME = "test._domainkey.example.com", "1433868189.example._domainkey.example.com"
CANONS = [(header, body) for header in (b"simple", b"relaxed") for body in (b"simple", b"relaxed")]


def octets(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def message(name: str) -> bytes:
    """With the line ends that SMTP has."""
    return re.sub(rb"\r?\n", b"\r\n", octets(name))


def record(name: str) -> str:
    return octets(name).decode().strip()


def published() -> dict[str, str]:
    """The keys of the messages that arrived signed."""
    gmail = "".join(line for line in record("mimekit/gmail.pub").splitlines() if not line.startswith("-----"))
    return {"20120113._domainkey.gmail.com": f"k=rsa; p={gmail}", "brisbane._domainkey.football.example.com": RFC8463_KEY,
            "test._domainkey.football.example.com": record("dkimpy/test.txt"), "sed._domainkey.test.ex": record("dkimpy/eximtest.dns")}


@pytest.fixture
def verify(tmp_path):
    def judge(raw: bytes, records: dict[str, str]) -> list[tuple[str, str]]:
        """Result and reason of each signature, top first."""
        fixture = tmp_path / "dns.json"
        fixture.write_text(json.dumps({"records": {name: [{"type": "TXT", "data": text}] for name, text in records.items()}}))
        command = [binary("postern"), "dkim", "verify", "--dns-fixture", fixture, "--json"]
        done = subprocess.run(command, input=raw, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return [(signature["result"], signature.get("reason", "")) for signature in json.loads(done.stdout)["signatures"]]
    return judge


def signed(raw: bytes, canon=(b"relaxed", b"simple"), selector=b"test", domain=b"example.com", key="dkimpy/test.private", **options) -> bytes:
    return dkim.sign(raw, selector, domain, octets(key).strip(), canonicalize=canon, **options) + raw


@pytest.mark.parametrize("name, signatures", [
    ("mimekit/gmail.msg", 1), ("mimekit/related.msg", 1), ("mimekit/multipart-no-end-boundary.msg", 1), ("mimekit/rfc8463-example.msg", 2),
    ("dkimpy/test2.message", 1),  # b= folded at odd places
    ("dkimpy/rfc6376.signed.msg", 2), ("dkimpy/ed25519test2.msg", 1)])
def test_messages_that_arrived_signed(verify, name, signatures):
    """And an octet of the body or of From that is another one is seen."""
    raw = message(name)
    assert verify(raw, published()) == [("pass", "")] * signatures
    assert dkimtools.dkimpy_verdicts(raw, published()) == [True] * signatures
    for changed in (raw.rstrip() + b".\r\n", re.sub(rb"(?m)^From: ", b"From: X", raw, count=1)):
        assert {result for result, _ in verify(changed, published())} == {"fail"}, changed[-40:]


@pytest.mark.parametrize("name, result, reason", [
    ("test", "pass", ""),
    ("test2", "pass", ""),  # RFC 6376 3.6.1: k= is rsa where it is missing; g= of RFC 4871 means nothing
    ("badversion", "permerror", "version"),  # "v=DKIM1: g=*" is another value
    ("badk", "permerror", "kind"),
    ("test_bad", "permerror", "key cannot be used"),
    ("test_tlsrpt", "permerror", "email"),  # RFC 8460 3: a key for reports only
])
@pytest.mark.parametrize("canon", CANONS, ids=[b"/".join(canon).decode() for canon in CANONS])
def test_key_records(verify, name, result, reason, canon):
    """RFC 6376 6.1.2: what is wrong with a key is a permanent failure, however good the signature is."""
    raw, records = signed(message("dkimpy/test.message"), canon), {TEST_NAME: record(f"dkimpy/{name}.txt")}
    (found, why), = verify(raw, records)
    assert found == result and reason in why and bool(why) == bool(reason), why
    assert dkimtools.dkimpy_verdicts(raw, records) == [result == "pass"]


def test_a_message_without_author(verify):
    """RFC 6376 5.4: From must be signed, so a message without it cannot be; RFC 6376 6.1.1: nor is a signature good that came with another."""
    raw = message("dkimpy/test_nofrom.message")
    done = subprocess.run([binary("postern"), "dkim", "sign", "--domain", "example.com", "--selector", "test", "--key", FOLDER / "dkimpy/test.private"],
                          input=raw, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and done.stdout == b"" and b"From" in done.stderr
    records = {TEST_NAME: record("dkimpy/test.txt")}
    whole = message("dkimpy/test.message")
    field = dkim.sign(whole, b"test", b"example.com", octets("dkimpy/test.private"), include_headers=[b"from", b"to", b"subject", b"message-id"])
    assert verify(field + whole, records) == [("pass", "")]
    assert verify(field + raw, records)[0][0] == "fail"
    unsigned = re.sub(rb"(?s)\bh=[^;]*;", b"h=to : subject;", field)
    assert verify(unsigned + raw, records)[0] == ("permerror", "From is not signed")


@pytest.mark.parametrize("name", ["dkimpy/test_extra.message", "dkimpy/message.mbox"])
def test_fields_that_stand_there_more_than_once(verify, name):
    """RFC 6376 5.4.2: h= names them from the bottom up; one more above changes nothing, one less does."""
    raw, records = message(name), {TEST_NAME: record("dkimpy/test.txt")}
    signer = dkim.DKIM(raw)
    signer.should_not_sign.remove(b"received")
    field = signer.sign(b"test", b"example.com", octets("dkimpy/test.private"), include_headers=signer.all_sign_headers())
    assert verify(field + raw, records)[0] == ("pass", "")
    assert verify(field + b"Received: from elsewhere\r\n" + raw, records)[0] == ("pass", "")
    lines = re.findall(rb"(?m)^Received:.*\r\n(?:[ \t].*\r\n)*", raw)
    assert len(lines) > 1
    for one in {lines[0], lines[-1]}:
        assert verify(field + raw.replace(one, b"", 1), records)[0] == ("fail", "the signature does not match the header")


def test_a_key_that_is_gone(verify):
    """The signature that message.mbox has of its own; its domain publishes nothing here."""
    (result, reason), = verify(message("dkimpy/message.mbox"), {})
    assert result == "permerror" and "2007-00._domainkey.kitterman.com" in reason


@pytest.mark.parametrize("name, key, selector, domain, text", [
    ("dkimpy/ed25519test.msg", "dkimpy/ed25519test.key", b"test", b"example.com", "dkimpy/ed25519test.dns"),
    ("dkimpy/rfc6376.msg", "dkimpy/rfc8032_7_1.key", b"brisbane", b"football.example.com", None)])
def test_ed25519_keys(verify, name, key, selector, domain, text):
    """RFC 8463; the second key is that of RFC 8032 7.1 and RFC 8463 A.1. Under the other's record the signature does not hold."""
    raw = signed(message(name), selector=selector, domain=domain, key=key, signature_algorithm=b"ed25519-sha256")
    at, own, other = f"{selector.decode()}._domainkey.{domain.decode()}", record(text or "dkimpy/ed25519test.dns"), record("dkimpy/eximtest.dns")
    own = own if text else RFC8463_KEY
    assert verify(raw, {at: own}) == [("pass", "")] and dkimtools.dkimpy_verdicts(raw, {at: own}) == [True]
    assert verify(raw, {at: other}) == [("fail", "the signature does not match the header")]
    assert verify(raw, {at: record("dkimpy/test.txt")})[0][0] == "permerror"


def test_one_key_as_two_name_servers_publish_it(verify):
    """MimeKit's key as BIND has it, with t=s, and as tinydns has it, without. RFC 6376 3.6.1: t=s forbids an i= below d=."""
    bind = "".join(re.findall(r'"([^"]*)"', record("mimekit/example.bind9")))
    tinydns = record("mimekit/example.tinydns").split(":")[1]
    own, below = (signed(message("dkimpy/test.message"), selector=b"1433868189.example", key="mimekit/example.pem", identity=identity)
                  for identity in (b"a@example.com", b"a@sub.example.com"))
    assert verify(own, {EXAMPLE_NAME: bind}) == verify(own, {EXAMPLE_NAME: tinydns}) == verify(below, {EXAMPLE_NAME: tinydns}) == [("pass", "")]
    assert verify(below, {EXAMPLE_NAME: bind}) == [("permerror", "the key does not allow i= below d=")]
