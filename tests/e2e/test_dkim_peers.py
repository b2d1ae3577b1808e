"""DKIM with four strangers, both ways: dkimpy, OpenDKIM, Mail::DKIM and mailauth verify what Postern signs, and Postern what they sign, over
messages that are hard to canonicalize. test_dkim_verbs.py has the bodies between Postern and dkimpy one by one."""

import base64
import itertools
import json
import re

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from peers import dkimtools, mailauth, maildkim, mimebytes
from peers.jsonlines import b64, postern_batch

DOMAIN = "signer.example"
CANONS = [f"{header}/{body}" for header, body in itertools.product(("simple", "relaxed"), repeat=2)]
BASIC = b"From: Alice <alice@signer.example>\r\nTo: bob@other.example\r\nSubject: A subject\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@signer.example>\r\n"
LONG = b"References: " + b"\r\n ".join(b"<%d.%s@signer.example>" % (number, b"r" * 50) for number in range(40)) + b"\r\n"
MESSAGES = {
    "plain": BASIC + b"\r\nHello\r\nworld\r\n",
    "empty body": BASIC + b"\r\n",
    "one empty line": BASIC + b"\r\n\r\n",
    "empty lines alone": BASIC + b"\r\n\r\n\r\n\r\n",
    "white space alone": BASIC + b"\r\n \t \r\n\t\r\n",
    "white space everywhere": BASIC + b"\r\n a \t b\t\t c  \r\n  d\r\n \r\ne \r\n\r\n",
    "8-bit body": BASIC + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "Grüße, 日本語\r\n".encode() + b"\xff\xfe\x80\r\n",
    "8-bit header": BASIC.replace(b"A subject", "Grüße, 日本語".encode()) + b"\r\nx\r\n",
    "long folded header": BASIC + LONG + b"\r\nx\r\n",
    "odd folds": BASIC.replace(b" A subject", b" A \t subject\r\n\twith tabs,\r\n  spaces \t\r\n and  more") + b"\r\nx\r\n",
    "duplicate headers": b"Received: from a by b; Sun, 22 Nov 2026 00:00:02 +0000\r\nReceived: from c by d; Sun, 22 Nov 2026 00:00:01 +0000\r\n" + BASIC
                         + b"Comments: one\r\nComments: two\r\nX-Dup: 1\r\nX-Dup: 2\r\n\r\nx\r\n",
    "dots": BASIC + b"\r\n.\r\n..\r\n.x\r\nFrom here\r\n",
    "long lines": BASIC + b"\r\n" + (b"x" * 990 + b"\r\n") * 60,
    "names in capitals": BASIC.replace(b"From:", b"FROM:").replace(b"Subject:", b"sUBJECT:") + b"\r\nx\r\n",
    "last line without end": BASIC + b"\r\nfirst\r\nlast",
}
OVERSIGNED = ["From", "From", "To", "To", "Subject", "Subject", "Date", "Comments", "Comments", "Comments", "X-Dup", "X-Absent", "Message-ID"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    directory = tmp_path_factory.mktemp("dkim-peers")
    rsa_key, ed_key = rsa.generate_private_key(public_exponent=65537, key_size=2048), ed25519.Ed25519PrivateKey.generate()
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    (directory / "rsa.pem").write_bytes(rsa_key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, none))
    (directory / "ed.pem").write_bytes(ed_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    public = {name: key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode() for name, key in (("rsa", rsa_key), ("ed", ed_key))}
    records = {f"{name}._domainkey.{DOMAIN}": dkimtools.dns_record(text) for name, text in public.items()}
    (directory / "dns.json").write_text(json.dumps({"records": {name: [{"type": "TXT", "data": [text[:200], text[200:]]}] for name, text in records.items()}}))
    seed = ed_key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, none)
    return {"directory": directory, "fixture": directory / "dns.json", "records": records, "rsa": directory / "rsa.pem", "ed": directory / "ed.pem",
            "dkimpy": {"rsa": (directory / "rsa.pem").read_bytes(), "ed": base64.b64encode(seed)}}


@pytest.fixture(scope="module")
def signed(keys):
    """{(message, canonicalization, "" or "oversigned"): bytes}: everything above, signed by Postern with RSA and Ed25519."""
    cases = list(itertools.product(MESSAGES, CANONS, ("", "oversigned")))
    answers = postern_batch((["dkim", "sign", "--domain", DOMAIN, "--selector", "rsa", "--key", keys["rsa"], "--selector", "ed", "--key", keys["ed"], "--canon", canon,
                              *(["--headers", ":".join(OVERSIGNED)] if over else [])], MESSAGES[name]) for name, canon, over in cases)
    assert all("signature" in answer for answer in answers), answers
    return {case: answer["signature"].encode() + MESSAGES[case[0]] for case, answer in zip(cases, answers)}


def survives_a_milter(raw: bytes, canon: str) -> bool:
    """A milter is given lines that have an end, and a value without the first space behind the colon: only what has exactly one comes back as it was."""
    return raw.endswith(b"\r\n") and (canon.startswith("relaxed") or all(re.match(rb"[^:]+: [^ \t\r]", whole) for _, whole in mimebytes.fields(raw)))


def dkimpy_says(raws, keys):
    return [list(zip(("rsa", "ed"), ["pass" if good else "fail" for good in dkimtools.dkimpy_verdicts(raw, keys["records"])])) for raw in raws]


def opendkim_says(raws, keys):
    return [list(dkimtools.opendkim_verdicts(raw, keys["records"], keys["directory"] / "opendkim").items()) for raw in raws]


def is_known(who: str, name: str, canon: str) -> bool:
    """Mail::DKIM's simple body lacks the CRLF of RFC 6376 3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added"."""
    return who == "Mail::DKIM" and name == "last line without end" and canon.endswith("/simple")


VERIFIERS = {"dkimpy": (dkimpy_says, {"rsa", "ed"}), "OpenDKIM": (opendkim_says, {"rsa"}),
             "Mail::DKIM": (lambda raws, keys: maildkim.verdicts(raws, keys["records"]), {"rsa"}),
             "mailauth": (lambda raws, keys: mailauth.verdicts(raws, keys["records"]), {"rsa", "ed"})}


@pytest.mark.parametrize("who", VERIFIERS)
def test_they_verify_what_postern_signs(keys, signed, who):
    """RFC 6376 3.4, 3.7 and 5.4.2, RFC 8463: every message in each canonicalization, with default and explicit h=. Debian's OpenDKIM and
    Mail::DKIM know RSA only; the Ed25519 signature beside it must not disturb them (RFC 6376 6.1)."""
    verify, known = VERIFIERS[who]
    cases = {case: raw for case, raw in signed.items()
             if not is_known(who, case[0], case[1]) and (who != "OpenDKIM" or survives_a_milter(MESSAGES[case[0]], case[1]))}
    wrong = []
    for case, found in zip(cases, verify(list(cases.values()), keys)):
        if {selector: result for selector, result in found if selector in known} != dict.fromkeys(known, "pass"):
            wrong.append((case, found))
    assert len(cases) >= 100 and not wrong, f"{len(wrong)} of {len(cases)}: {wrong[:8]}"


@pytest.mark.parametrize("who", VERIFIERS)
def test_they_see_what_was_changed(keys, signed, who):
    """The same messages with one letter of a signed field, or of the body, exchanged: so that a pass above means something."""
    verify, known = VERIFIERS[who]
    changed = [raw.replace(b"alice@signer", b"al1ce@signer") for (name, canon, over), raw in signed.items() if name in ("plain", "8-bit header")]
    changed += [raw[:-4] + b"x" + raw[-3:] for (name, canon, over), raw in signed.items() if name == "plain"]
    for found in verify(changed, keys):
        assert "pass" not in [result for _, result in found], found


def by_dkimpy(keys, raw, canon, algorithm, headers):
    name = b"rsa-sha256" if algorithm == "rsa" else b"ed25519-sha256"
    return dkim.sign(raw, algorithm.encode(), DOMAIN.encode(), keys["dkimpy"][algorithm], signature_algorithm=name, canonicalize=tuple(canon.encode().split(b"/")),
                     include_headers=[one.lower().encode() for one in headers if one != "Comments"] if headers else None)  # it refuses to sign Comments


def dkimpy_signs(keys):
    for (name, raw), canon, algorithm, headers in itertools.product(MESSAGES.items(), CANONS, ("rsa", "ed"), (None, OVERSIGNED)):
        yield (name, canon, algorithm, bool(headers)), by_dkimpy(keys, raw, canon, algorithm, headers)


def opendkim_signs(keys):
    for (name, raw), canon in itertools.product(MESSAGES.items(), CANONS):
        if survives_a_milter(raw, canon):
            yield (name, canon, "rsa", False), dkimtools.opendkim_signed(raw, DOMAIN, "rsa", keys["rsa"], canon, keys["directory"] / "signing")


def maildkim_signs(keys):
    cases = list(itertools.product(MESSAGES, CANONS, (False, True)))
    key = {"domain": DOMAIN, "selector": "rsa", "pem": keys["rsa"].read_text()}
    answers = maildkim.ask({"do": "sign", "raw": b64(MESSAGES[name]), "key": key, "canon": canon, "headers": ":".join(OVERSIGNED) if over else None} for name, canon, over in cases)
    for (name, canon, over), answer in zip(cases, answers):
        yield (name, canon, "rsa", over), base64.b64decode(answer["fields"])


def mailauth_signs(keys):
    cases = list(itertools.product(MESSAGES, CANONS))
    pair = [{"domain": DOMAIN, "selector": selector, "algorithm": algorithm, "pem": keys[selector].read_text()} for selector, algorithm in (("rsa", "rsa-sha256"), ("ed", "ed25519-sha256"))]
    for (name, canon), answer in zip(cases, mailauth.ask({"do": "sign", "raw": b64(MESSAGES[name]), "keys": pair, "canon": canon} for name, canon in cases)):
        yield (name, canon, "both", False), base64.b64decode(answer["fields"])


SIGNERS = {"dkimpy": (dkimpy_signs, 240), "OpenDKIM": (opendkim_signs, 50), "Mail::DKIM": (maildkim_signs, 116), "mailauth": (mailauth_signs, 60)}


@pytest.mark.parametrize("who", SIGNERS)
def test_postern_verifies_what_they_sign(keys, who):
    """RFC 6376 6.1: the same messages, signed by each of them in each canonicalization."""
    sign, least = SIGNERS[who]
    cases = [(case, field) for case, field in sign(keys) if not is_known(who, case[0], case[1])]
    answers = postern_batch((["dkim", "verify", "--dns-fixture", keys["fixture"]], field + MESSAGES[case[0]]) for case, field in cases)
    wrong = []
    for (case, field), answer in zip(cases, answers):
        wanted = ["pass", "pass"] if case[2] == "both" else ["pass"]
        if [one["result"] for one in answer.get("signatures", [])] != wanted:
            wrong.append((case, answer, field))
    assert len(cases) >= least and not wrong, f"{len(wrong)} of {len(cases)}: {wrong[:5]}"
