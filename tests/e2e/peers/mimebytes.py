"""Messages as bytes. Signatures cover bytes, so nothing here parses and writes again; Python's email package is used for reading only."""

import email
import email.policy
import itertools
import re
import secrets

CRLF = b"\r\n"
_counter = itertools.count(1)


def simple_message(sender="alice@postern.example", to="bob@example.net", subject="Hello", body="A line of text.\r\n", extra=()) -> bytes:
    """A small correct message; `extra` are further header lines without CRLF. Message-ID and body are unique for each call."""
    number = next(_counter)
    recipients = to if isinstance(to, str) else ", ".join(to)
    lines = [f"From: <{sender}>", f"To: {recipients}", f"Subject: {subject}", "Date: Wed, 05 Jun 2024 10:00:00 +0000",
             f"Message-ID: <{secrets.token_hex(6)}.{number}@{sender.rpartition('@')[2]}>", *extra]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Header block with its last CRLF, and body; the empty line belongs to neither."""
    if raw.startswith(CRLF):
        return b"", raw[2:]
    head, separator, body = raw.partition(b"\r\n\r\n")
    return (head + CRLF, body) if separator else (raw, b"")


def fields(raw: bytes) -> list[tuple[str, bytes]]:
    """Every header field in order: (name as written, the whole field with folding and CRLF)."""
    found = []
    for line in split(raw)[0].splitlines(keepends=True):
        if line[:1] in b" \t" and found:
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            found.append((line.partition(b":")[0].decode("ascii", "replace").strip(), line))
    return found


def field(raw: bytes, name: str) -> bytes | None:
    """The unfolded value of the first field of that name."""
    for found, whole in fields(raw):
        if found.lower() == name.lower():
            return re.sub(rb"\r\n(?=[ \t])", b"", whole.partition(b":")[2]).strip()
    return None


def field_names(raw: bytes) -> list[str]:
    return [name.lower() for name, _ in fields(raw)]


def parsed(raw: bytes):
    return email.message_from_bytes(raw, policy=email.policy.SMTP)


def boundary(raw: bytes) -> bytes:
    value = parsed(raw).get_boundary()
    assert value, f"no boundary in {field(raw, 'Content-Type')!r}"
    return value.encode()


def multipart(raw: bytes) -> list[bytes]:
    """The exact bytes of each part: the CRLF before a delimiter belongs to the delimiter (RFC 2046 5.1.1)."""
    delimiter = re.escape(b"\r\n--" + boundary(raw))
    pieces = re.split(delimiter + rb"(--)?[ \t]*(?=\r\n|$)", CRLF + split(raw)[1])
    parts = pieces[2::2]
    closed = pieces[1::2]
    assert b"--" in [c for c in closed if c], "the multipart body has no closing delimiter"
    end = closed.index(b"--")
    return [part[2:] for part in parts[:end]]


def carries_unchanged(original: bytes, delivered: bytes) -> bool:
    """Whether what arrived is the original with nothing but trace fields put before it."""
    return delivered.endswith(original) and delivered[: len(delivered) - len(original)].endswith(CRLF)


def without_fields(raw: bytes, names: set[str]) -> bytes:
    """The message with the named fields taken out, all other bytes as they were."""
    head = b"".join(whole for name, whole in fields(raw) if name.lower() not in names)
    return head + CRLF + split(raw)[1]


TRACE = {"received", "return-path", "dkim-signature", "authentication-results", "delivered-to", "x-original-to", "x-postern-id"}
