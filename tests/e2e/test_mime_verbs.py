"""`postern mime parse` beside Python's email package, and `postern address check`."""

import email
import email.policy
import hashlib
import json
import os
import subprocess
from email.message import EmailMessage

import pytest

from peers.daemon import binary


def postern(*arguments, stdin=b""):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)


def tree(raw):
    done = postern("mime", "parse", stdin=raw)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return json.loads(done.stdout)


def python_tree(part):
    """What Python sees, in the same shape; sizes and hashes of decoded leaves."""
    node = {"type": part.get_content_type(), "disposition": part.get_content_disposition(), "filename": part.get_filename()}
    if part.is_multipart():
        node["children"] = [python_tree(child) for child in part.iter_parts()] if part.get_content_maintype() == "multipart" else [python_tree(part.get_payload(0))]
    else:
        content = part.get_payload(decode=True)
        node |= {"children": [], "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return node


def same_shape(ours, theirs):
    for key, value in theirs.items():
        if key == "children":
            assert len(ours["children"]) == len(value)
            for one, other in zip(ours["children"], value):
                same_shape(one, other)
        else:
            assert ours[key] == value, (key, ours, theirs)


def rich_message():
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Subject"] = "Jürgen <a@example.org>", "b@example.net", "Grüße aus Köln " * 8
    message.set_content("Grüße\nzweite Zeile\n", cte="quoted-printable")
    message.add_alternative("<p>Grüße</p>\n", subtype="html", cte="base64")
    message.add_attachment(bytes(range(256)) * 50, maintype="application", subtype="octet-stream", filename="naïve – Datei.bin")
    message.add_attachment("plain\n", filename="very " + "long " * 30 + "name.txt")
    inner = EmailMessage(policy=email.policy.SMTP)
    inner["Subject"] = "inner"
    inner.set_content("inside\n")
    message.add_attachment(inner)
    return message.as_bytes()


def test_the_tree_python_made():
    raw = rich_message()
    same_shape(tree(raw), python_tree(email.message_from_bytes(raw, policy=email.policy.SMTP)))
    assert tree(raw)["defects"] == []


@pytest.mark.parametrize("raw, code", [
    (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n", "missing_end_boundary"),
    (b"Content-Type: multipart/mixed\r\n\r\nx\r\n", "missing_boundary"),
    (b"Content-Transfer-Encoding: base64\r\n\r\n***\r\n", "bad_base64"),
    (b"Subject: a\rb\r\n\r\nx", "bare_cr"),
    (b"Subject: a\nX: b\r\n\r\nx", "bare_lf"),
    (b"Subject: a\x00b\r\n\r\nx", "nul"),
    (b"no header line\r\n\r\nx", "no_colon"),
])
def test_defects_are_named(raw, code):
    assert code in [defect["code"] for defect in tree(raw)["defects"]]


def test_bare_line_ends_are_reported_with_their_field():
    (defect,) = [d for d in tree(b"From: a@b\r\nSubject: a\rb\r\n\r\nx")["defects"] if d["code"] == "bare_cr"]
    assert defect["offset"] == 21 and defect["detail"].startswith("field 2 (Subject)")


def test_limits_are_answers_not_crashes():
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(5000))
    done = postern("mime", "parse", stdin=deep)
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["field"] == "mime_depth"


@pytest.mark.parametrize("address, domain", [
    ("user@EXAMPLE.org", "example.org"), ('"a b"@example.org', "example.org"), ("a@[192.0.2.1]", "[192.0.2.1]"), ("a@[IPv6:2001:DB8::1]", "[IPv6:2001:db8::1]"),
    ("jürgen@bücher.example", "bücher.example"), ("a+b@x", "x"), ("a" * 64 + "@x", "x"), ("a..b@x", None), ("a@-x", None), ("a@b@c", None), ("a b@c", None),
    ("a" * 65 + "@x", None), ("a@[300.0.0.1]", None), ("a@b\r\nRCPT TO:<x@y>", None), ("@x", None), ("a@", None),
])
def test_addresses(address, domain):
    answer = json.loads(postern("address", "check", address).stdout)
    assert answer["valid"] == (domain is not None)
    assert answer.get("domain") == domain
