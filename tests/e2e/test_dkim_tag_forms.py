"""How the tags of a DKIM signature may be written: signatures that are good but for their form, made here octet by octet, so that whoever reads
them leniently says pass. RFC 6376 3.2 and 3.5; strangers beside."""

import base64
import hashlib
import json
import re

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from peers import dkimtools, mailauth, maildkim
from peers.jsonlines import postern_batch

DOMAIN, SELECTOR = "signer.example", "s1"
FIELDS = [("From", "Alice <alice@signer.example>"), ("To", "bob@other.example"), ("Subject", "A subject")]
BODY = b"Hello\r\n"
PLAIN = "v=1; a=rsa-sha256; c=relaxed/simple; d=signer.example; s=s1; q=dns/txt; i=@signer.example; t=1790000000; h=from:to:subject; bh={bh}; b="

# (what it replaces, by what). All are in the grammar.
GOOD = {
    "plain": ("", ""), "around =": ("c=relaxed", "c = relaxed"), "around ;": ("; d=", " ;\r\n\td="), "around the colons of h=": ("h=from:to:subject", "h=from :\r\n to : subject"),
    "around the value of h=": ("h=from:to:subject", "h= from:to:subject "), "inside bh=": ("bh=", "bh= \r\n\t"), "names in capitals": ("h=from:to", "h=FROM:To"),
    "absent names": ("h=from", "h=from:x-none:x-none"), "no c=": ("c=relaxed/simple; ", ""), "c= of one word": ("c=relaxed/simple", "c=relaxed"), "unknown tags": ("v=1;", "v=1; x_y=a b; z1=;"),
    "another order": ("v=1; a=rsa-sha256;", "a=rsa-sha256; v=1;"), "no q=, no i=": ("q=dns/txt; i=@signer.example; ", ""), "i= below": ("i=@", "i=a@sub."), "leading fold": ("v=1", "\r\n v=1"),
}
# None of them is.
BAD = {
    "before the slash of c=": ("c=relaxed/simple", "c=relaxed /simple"), "behind the slash of c=": ("c=relaxed/simple", "c=relaxed/ simple"), "inside a word of c=": ("c=relaxed", "c=rel axed"),
    "inside from": ("h=from", "h=fr om"), "inside a name": ("h=from:to:subject", "h=from:to:sub\r\n ject"), "empty name": ("h=from:", "h=from::"), "inside d=": ("d=signer.", "d=signer ."),
    "inside s=": ("s=s1", "s=s 1"), "inside a=": ("a=rsa-sha256", "a=rsa -sha256"), "inside t=": ("t=1790000000", "t=179000 0000"), "inside q=": ("q=dns/txt", "q=dns /txt"), "v=2": ("v=1", "v=2"),
    "tag twice": ("s=s1;", "s=s1; s=s1;"), "empty tag": ("v=1;", "v=1;;"), "tag without =": ("v=1;", "v=1; x;"), "name of a tag": ("v=1;", "v=1; 1x=y;"), "no v=": ("v=1; ", ""), "no h=": ("h=from:to:subject; ", ""),
    "sign in t=": ("t=1790000000", "t=+1790000000"), "i= elsewhere": ("i=@signer.example", "i=@other.example"), "i= beside": ("i=@signer.example", "i=@notsigner.example"), "no From in h=": ("h=from:", "h="),
}
# What strangers (Debian 12's, and mailauth as locked) let pass all the same.
LENIENT = {
    "before the slash of c=": {"OpenDKIM", "mailauth"}, "behind the slash of c=": {"OpenDKIM", "mailauth"}, "inside a word of c=": {"OpenDKIM"}, "inside from": {"OpenDKIM", "mailauth"},
    "inside a name": {"OpenDKIM", "mailauth"}, "empty name": {"Mail::DKIM", "OpenDKIM", "dkimpy", "mailauth"}, "inside d=": {"OpenDKIM"}, "inside s=": {"OpenDKIM"}, "inside a=": {"OpenDKIM"},
    "inside t=": {"Mail::DKIM", "OpenDKIM", "mailauth"}, "inside q=": {"OpenDKIM", "mailauth"}, "v=2": {"mailauth"}, "tag twice": {"Mail::DKIM", "OpenDKIM", "mailauth"},
    "empty tag": {"Mail::DKIM", "mailauth"}, "tag without =": {"mailauth"}, "name of a tag": {"Mail::DKIM", "OpenDKIM", "mailauth"}, "no v=": {"Mail::DKIM", "mailauth"},
    "sign in t=": {"Mail::DKIM", "OpenDKIM", "mailauth"}, "i= elsewhere": {"mailauth"}, "i= beside": {"mailauth"}, "no From in h=": {"Mail::DKIM", "dkimpy", "mailauth"},
}


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def records(key):
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return {f"{SELECTOR}._domainkey.{DOMAIN}": dkimtools.dns_record(public)}


def relaxed(name: str, value: str) -> str:
    return name.lower() + ":" + re.sub(r"[ \t]+", " ", value.replace("\r\n", "")).strip()


def field_of(name: str, value: str, simple: bool) -> str:
    return f"{name}: {value}" if simple else relaxed(name, value)


def signed(key, change: tuple[str, str]) -> bytes:
    """Everything is hashed as the form would be read by a lenient reader: white space in h= means nothing, no c= is simple."""
    tags = PLAIN.format(bh=base64.b64encode(hashlib.sha256(BODY).digest()).decode()).replace(*change, 1)
    assert change == ("", "") or tags != PLAIN, change
    listed = re.search(r"; h ?=([^;]*)", tags)
    names = re.sub(r"\s", "", listed[1]).lower().split(":") if listed else [name.lower() for name, _ in FIELDS]
    simple = "c" not in [tag.partition("=")[0].strip() for tag in tags.split(";")]
    parts = [field_of(name, value, simple) for wanted in names for name, value in FIELDS if name.lower() == wanted]
    hashed = "\r\n".join([*parts, field_of("DKIM-Signature", tags, simple)])
    signature = base64.b64encode(key.sign(hashed.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return f"DKIM-Signature: {tags}{signature}\r\n".encode() + "".join(f"{name}: {value}\r\n" for name, value in FIELDS).encode() + b"\r\n" + BODY


def by_opendkim(raw, records, folder) -> list[str]:
    try:
        return list(dkimtools.opendkim_verdicts(raw, records, folder / "opendkim").values())
    except AssertionError:  # it lets mail through without a word whose signature it cannot read
        return []


@pytest.fixture(scope="module")
def said(key, records, tmp_path_factory):
    """{form: {who: whether it passed}}"""
    folder = tmp_path_factory.mktemp("forms")
    fixture = folder / "dns.json"
    fixture.write_text(json.dumps({"records": {name: [{"type": "TXT", "data": [text[:200], text[200:]]}] for name, text in records.items()}}))
    raws = {form: signed(key, change) for form, change in {**GOOD, **BAD}.items()}
    columns = {
        "postern": [[one["result"] for one in answer.get("signatures", [])] for answer in postern_batch((["dkim", "verify", "--dns-fixture", fixture], raw) for raw in raws.values())],
        "dkimpy": [["pass" if good else "fail" for good in [dkimtools.dkimpy_verdict(raw, records)]] for raw in raws.values()],
        "OpenDKIM": [by_opendkim(raw, records, folder) for raw in raws.values()],
        "Mail::DKIM": [[result for _, result in found] for found in maildkim.verdicts(raws.values(), records)],
        "mailauth": [[result for _, result in found] for found in mailauth.verdicts(raws.values(), records)],
    }
    return {form: {who: "pass" in columns[who][at] for who in columns} for at, form in enumerate(raws)}


def test_what_the_grammar_has_passes_with_everybody(said):
    assert {form: who for form in GOOD if (who := {one for one, passed in said[form].items() if not passed})} == {}


def test_what_it_has_not_passes_with_nobody_but_the_lenient(said):
    assert {form: who for form in BAD if (who := {one for one, passed in said[form].items() if passed})} == LENIENT
