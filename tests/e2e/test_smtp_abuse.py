"""What hostile or broken SMTP clients do. Always a precise reply, never a crash, never a second message, never a silent drop.

One daemon serves all tests of this file; after each the daemon must still be the same process and still take mail.
"""

import itertools
import pathlib
import re
import socket
import ssl
import struct
import threading
import time

import pytest

from peers import mimebytes
from peers.base import wait_until
from peers.daemon import HOSTNAME, Daemon, default_config
from peers.smtpraw import Closed, RawSmtp

CAROL = "carol@example.org"
_number = itertools.count(1)


@pytest.fixture(scope="module")
def abused(tmp_path_factory):
    config = default_config()
    config["limits"] = {"message_bytes": 1024 * 1024, "bad_commands": 20}
    config["timeouts"] = {"command": "3s", "data": "3s", "handshake": "3s"}
    config["listener"] += [
        {"kind": "mx", "name": "proxied", "address": "127.0.0.1:0", "tls": "none", "proxy_from": ["127.0.0.0/8"], "relay_from": ["127.0.0.0/8"]},
        {"kind": "mx", "name": "open", "address": "127.0.0.1:0", "tls": "opportunistic"},
        {"kind": "mx", "name": "narrow", "address": "127.0.0.1:0", "tls": "none", "max_connections": 4},
        {"kind": "mx", "name": "perhost", "address": "127.0.0.1:0", "tls": "none", "max_connections_per_address": 3},
    ]
    config["route"] = [{"domain": "*", "via": "smtp:127.0.0.1:9", "tls": "none"}]
    with Daemon(tmp_path_factory.mktemp("abused"), config) as server:
        yield server.start()


@pytest.fixture(autouse=True)
def still_serves(abused):
    pid = abused.process.pid
    yield
    assert abused.running() and abused.process.pid == pid, f"the daemon ended\n{abused.log_tail()}"
    with RawSmtp(abused.port("open")) as client:
        client.expect("EHLO still.example", 250)


@pytest.fixture
def address():
    """A recipient of this test's own."""
    return f"victim{next(_number)}@postern.example"


def connect(abused, listener="open", ehlo=True, timeout=15) -> RawSmtp:
    client = RawSmtp(abused.port(listener), timeout)
    if ehlo:
        client.ehlo()
    return client


def rss_mib(abused) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{abused.process.pid}/status").read_text())
    return int(found.group(1)) / 1024


def in_mailbox(abused, address) -> int:
    return len(abused.mailbox(address))


# SMTP smuggling: RFC 5321 4.1.1.4 knows one end of data, and 2.3.8 forbids CR and LF alone.

ENDS = {
    "LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CRLF.CR": b"\r\n.\r", "CR.CR": b"\r.\r", "CR.CRLF": b"\r.\r\n",
    "CR.LF": b"\r.\n", "LF.CR": b"\n.\r", "CRLF.NUL.CRLF": b"\r\n.\0\r\n", "CRLF.NUL": b"\r\n\0.\r\n", "LFLF.CRLF": b"\n\n.\r\n",
    "CRCRLF.CRLF": b"\r\r\n.\r\n", "CRLF.CRCRLF": b"\r\n.\r\r\n", "CRLFCR.CRLF": b"\r\n\r.\r\n",
}


@pytest.mark.parametrize("pieces", ["at once", "byte by byte"])
@pytest.mark.parametrize("end", ENDS)
def test_smuggling(abused, address, end, pieces):
    """The bytes behind a false end of data are content, and a message with such bytes is refused as a whole."""
    smuggled = f"MAIL FROM:<admin@postern.example>\r\nRCPT TO:<{address}>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n".encode()
    content = mimebytes.simple_message(CAROL, address, body="first") + ENDS[end] + smuggled
    genuine_end_inside = end == "CRCRLF.CRLF"  # here the bare CR is before a genuine end of data
    with connect(abused, timeout=20) as client:
        client.envelope(CAROL, address)
        client.expect("DATA", 354)
        if pieces == "at once":
            client.send(content)
        else:
            for index in range(len(content)):
                client.send(content[index:index + 1])
        replies = []
        try:
            replies.append(client.reply())
            if not genuine_end_inside:
                replies.append(client.command("NOOP"))
        except Closed:
            pass
    assert replies and 500 <= replies[0].code < 600, f"{end!r} was answered {replies}"
    assert genuine_end_inside or len(replies) == 1 or replies[1].code == 250, f"commands were taken out of the content: {replies}"
    stored = [abused.mail_raw(message["id"]) for message in abused.mailbox(address)]
    assert not [raw for raw in stored if b"Subject: Hello" in raw], "a message with bare CR or LF was accepted"
    if not genuine_end_inside:
        assert stored == []


@pytest.mark.parametrize("split_at", range(5))
def test_the_genuine_end_of_data_in_two_segments(abused, address, split_at):
    end = b"\r\n.\r\n"
    raw = mimebytes.simple_message(CAROL, address, body="whole")
    with connect(abused) as client:
        client.envelope(CAROL, address)
        client.expect("DATA", 354)
        client.send(raw + end[:split_at])
        time.sleep(0.05)
        client.send(end[split_at:])
        assert client.reply().code == 250
    assert mimebytes.carries_unchanged(raw + b"\r\n", abused.await_mail(address)[0])


def test_dots_are_taken_off_once(abused, address):
    """RFC 5321 4.5.2."""
    with connect(abused) as client:
        client.envelope(CAROL, address)
        assert client.data(b"Subject: dots\r\n\r\n..one\r\n...two\r\n..\r\n.\r\n").code == 250
    assert abused.await_mail(address)[0].endswith(b"\r\n\r\n.one\r\n..two\r\n.\r\n")


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\r", b"MAIL FROM:<a@example.org>\nRCPT TO:<b@postern.example>\n", b"NO\0OP\r\n", b"NOOP \n\r\n"])
def test_bare_line_ends_in_commands(abused, line):
    with connect(abused) as client:
        client.send(line)
        client.send(b"\r\n")
        try:
            reply = client.reply()
        except Closed:
            return
        assert 500 <= reply.code < 600, f"{line!r} was answered {reply}"


# STARTTLS.

def test_nothing_but_hello_noop_quit_starttls_before_tls(abused):
    """RFC 3207 4: 530 5.7.0; capability T2."""
    with connect(abused, "mx") as client:
        for command in ("MAIL FROM:<a@example.org>", "RCPT TO:<b@postern.example>", "DATA", "VRFY bob", "AUTH PLAIN AGEAYg=="):
            reply = client.command(command)
            assert reply.code in (530, 538) and reply.enhanced in ("5.7.0", "5.7.11"), f"{command} was answered {reply}"
        assert client.command("NOOP").code == 250
        assert client.command("QUIT").code == 221


def test_capabilities_before_and_after_tls(abused):
    with connect(abused, "submission", ehlo=False) as client:
        before = client.ehlo()
        client.start_tls(abused.tls_context(), HOSTNAME)
        after = client.ehlo()
    assert "STARTTLS" in before and "AUTH" not in before
    assert "STARTTLS" not in after and {"AUTH", "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN",
                                        "ENHANCEDSTATUSCODES", "REQUIRETLS"} <= after


@pytest.mark.parametrize("injected", [b"EHLO evil\r\nMAIL FROM:<evil@example.org>\r\n", b"MAIL FROM:<evil@example.org>\r\n", b"RSET\r\n", b"garbage"])
def test_starttls_injection(abused, injected):
    """CVE-2011-0411: bytes sent in clear behind STARTTLS must have no effect inside TLS."""
    with connect(abused, "mx") as client:
        client.send(b"STARTTLS\r\n" + injected)
        reply = client.reply()
        if reply.code != 220:
            assert 500 <= reply.code < 600
            return
        try:
            client.wrap(abused.tls_context(), HOSTNAME)
        except OSError:
            return  # the injected bytes broke the handshake: as good a refusal
        client.socket.settimeout(1)
        with pytest.raises((TimeoutError, socket.timeout)):
            client.reply()  # no answer to what was injected
        client.socket.settimeout(15)
        client.buffer = b""
        assert client.command("RCPT TO:<b@postern.example>").code == 503, "no MAIL must be in force, and EHLO is needed again"
        assert "MAIL" not in client.ehlo()


def test_starttls_forgets_everything_before(abused):
    """RFC 3207 4.2."""
    with connect(abused, "open") as client:
        client.expect("MAIL FROM:<a@example.org>", 250)
        client.start_tls(abused.tls_context(), HOSTNAME)
        assert client.command("RCPT TO:<b@postern.example>").code == 503


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_1"])
def test_older_tls_is_refused(abused, version):
    """Capability T1."""
    context = ssl.create_default_context(cafile=str(abused.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = getattr(ssl.TLSVersion, version)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with connect(abused, "mx") as client, pytest.raises((ssl.SSLError, ConnectionError)):
        client.start_tls(context, HOSTNAME)


def test_garbage_instead_of_a_handshake(abused):
    with connect(abused, "mx") as client:
        client.expect("STARTTLS", 220)
        client.send(b"\x16\x03\x01" + b"\xff" * 500)
        assert client.closed()


# Oversized.

def test_a_long_command_line(abused):
    """RFC 5321 4.5.3.1.4: 512 octets with extensions; longer gets 500 and the session goes on."""
    with connect(abused) as client:
        reply = client.command("NOOP " + "x" * 10_000)
        assert reply.code == 500 and reply.enhanced == "5.5.2", reply
        assert client.command("NOOP").code == 250


def test_a_command_line_without_end(abused):
    before = rss_mib(abused)
    with connect(abused) as client:
        try:
            for _ in range(400):
                client.send(b"A" * 65536)
        except OSError:
            pass  # closed by the server: right as well
        assert rss_mib(abused) - before < 20, "a command line must not be collected without bound"


def test_declared_size_over_the_limit(abused):
    """RFC 1870 6.1."""
    with connect(abused) as client:
        reply = client.command(f"MAIL FROM:<{CAROL}> SIZE=1048577")
        assert reply.code == 552 and reply.enhanced == "5.3.4", reply


def test_content_over_the_limit(abused, address):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        reply = client.data(mimebytes.simple_message(CAROL, address) + (b"x" * 78 + b"\r\n") * 14_000 + b".\r\n")
        assert reply.code == 552 and reply.enhanced == "5.3.4", reply
        assert client.command("NOOP").code == 250, "the rest of the content must have been read up to its end"
    assert in_mailbox(abused, address) == 0


def test_the_limit_is_announced(abused):
    with connect(abused, ehlo=False) as client:
        assert "250-SIZE 1048576" in client.expect("EHLO client.example", 250).text.replace("250 SIZE", "250-SIZE")


HEADERS = {
    "long line": (b"Subject: " + b"x" * 5000 + b"\r\n", "5.6.0"),
    "too many fields": (b"X-A: 1\r\n" * 1001, "5.6.0"),
    "huge header section": (b"".join(b"X-%d: %s\r\n" % (n, b"y" * 900) for n in range(700)), "5.6.0"),
    "loop": (b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n" * 101, "5.4.6"),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_oversized_headers(abused, address, kind):
    extra, status = HEADERS[kind]
    with connect(abused) as client:
        client.envelope(CAROL, address)
        reply = client.data(extra + mimebytes.simple_message(CAROL, address) + b".\r\n")
        assert reply.code == 554 and reply.enhanced == status, reply
        assert client.command("NOOP").code == 250
    assert in_mailbox(abused, address) == 0


def test_a_body_line_over_4096(abused, address):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        reply = client.data(mimebytes.simple_message(CAROL, address) + b"z" * 4097 + b"\r\n.\r\n")
        assert reply.code == 554 and reply.enhanced == "5.6.0", reply


def test_a_line_without_end_in_data(abused, address):
    before = rss_mib(abused)
    with connect(abused) as client:
        client.envelope(CAROL, address)
        client.expect("DATA", 354)
        try:
            for _ in range(300):
                client.send(b"A" * 65536)
            client.send(b"\r\n.\r\n")
            assert client.reply().code in (552, 554)
        except OSError:
            pass  # 20 times the limit: closing is an answer too
    assert in_mailbox(abused, address) == 0
    assert rss_mib(abused) - before < 40


def nested(depth: int) -> bytes:
    head = b"From: <carol@example.org>\r\nMIME-Version: 1.0\r\n"
    for level in range(depth):
        head += b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
    tail = b"\r\n".join(b"--b%d--" % level for level in reversed(range(depth)))
    return head + b"Content-Type: text/plain\r\n\r\ndeep\r\n" + tail + b"\r\n"


def many_parts(count: int) -> bytes:
    head = b'From: <carol@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="p"\r\n\r\n'
    return head + b"--p\r\nContent-Type: text/plain\r\n\r\npart\r\n" * count + b"--p--\r\n"


@pytest.mark.parametrize("content", [nested(33), nested(2000), many_parts(501), many_parts(15_000)], ids=["depth-33", "depth-2000", "parts-501", "parts-15000"])
def test_mime_structure_over_the_limits(abused, address, content):
    """Refused at the door, with the limit: nobody downstream has to recurse through it."""
    with connect(abused) as client:
        client.envelope(CAROL, address)
        reply = client.data(content + b".\r\n")
    assert reply.code == 554 and reply.enhanced == "5.6.0", reply
    assert ("mime_depth" in reply.text and "32" in reply.text) or ("mime_parts" in reply.text and "500" in reply.text), reply
    assert in_mailbox(abused, address) == 0


@pytest.mark.parametrize("content", [nested(32), many_parts(500)], ids=["depth-32", "parts-500"])
def test_mime_structure_at_the_limits(abused, address, content):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        assert client.data(content + b".\r\n").code == 250
    assert mimebytes.carries_unchanged(content, abused.await_mail(address)[0])


def test_more_than_a_hundred_recipients(abused):
    """RFC 5321 4.5.3.1.10: 452, and the first hundred stand."""
    with connect(abused) as client:
        client.expect(f"MAIL FROM:<{CAROL}>", 250)
        for number in range(100):
            client.expect(f"RCPT TO:<many{number}@postern.example>", 250)
        reply = client.command("RCPT TO:<one.too.many@postern.example>")
        assert reply.code == 452 and reply.enhanced == "4.5.3", reply
        assert client.data(mimebytes.simple_message(CAROL, "many@postern.example") + b".\r\n").code == 250
    assert len(abused.await_mail("many99@postern.example")) == 1


# Order and syntax.

SEQUENCES = [
    (["RCPT TO:<b@postern.example>"], 503), (["DATA"], 503), (["MAIL FROM:<a@example.org>", "DATA"], (503, 554)),
    (["MAIL FROM:<a@example.org>", "MAIL FROM:<a@example.org>"], 503), (["BDAT 0 LAST"], 503),
    (["MAIL FROM:<a@example.org> FOO=bar"], 555), (["MAIL FROM:<a@example.org> SIZE=abc"], 501), (["MAIL FROM:<a@example.org> BODY=9BIT"], 501),
    (["MAIL FROM:<a@example.org> SIZE=1 SIZE=2"], 501), (["MAIL FROM: a@example.org"], 501), (["MAIL FROM:<a@example.org"], 501),
    (["MAIL FROM:<@@>"], (501, 553)), (["MAIL FROM:<a@b@c>"], (501, 553)), (["MAIL FROM:<>", "RCPT TO:<>"], (501, 553)),
    (["MAIL FROM:<a@example.org> RET=ALL"], 501), (["MAIL FROM:<a@example.org>", "RCPT TO:<b@postern.example> NOTIFY=NEVER,SUCCESS"], 501),
    (["MAIL FROM:<a@example.org>", "RCPT TO:<b@postern.example> ORCPT=rfc822"], 501), (["VRFY bob"], 252), (["EXPN staff"], 502), (["ETRN x"], 502),
    (["FLY ME"], 500), (["HELO"], 501), (["EHLO"], 501), (["STARTTLS now"], 501), (["DATA now"], 501), (["RSET now"], 501), ([" NOOP"], 500), ([""], 500),
    (["MAIL FROM:<a@example.org>", "RCPT TO:<b@elsewhere.example>"], (550, 554)),
    (["MAIL FROM:<a@example.org>", "RCPT TO:<@postern.example:b@elsewhere.example>"], (550, 553, 554)),
]


@pytest.mark.parametrize("commands, code", SEQUENCES, ids=[" / ".join(commands)[:60] or "empty" for commands, _ in SEQUENCES])
def test_order_and_syntax(abused, commands, code):
    with connect(abused) as client:
        for command in commands[:-1]:
            client.expect(command, 250)
        reply = client.command(commands[-1])
        assert reply.code in (code if isinstance(code, tuple) else (code,)), reply
        if reply.code >= 500:
            assert reply.enhanced and reply.enhanced.startswith("5."), f"RFC 2034: {reply}"
        assert client.command("NOOP").code == 250


@pytest.mark.parametrize("local", ["user%elsewhere.example", "elsewhere.example!user", '"user@elsewhere.example"'])
def test_routing_tricks_do_not_relay(abused, local):
    """Our domain, so ours: a mailbox of that odd name or a refusal, but no way to elsewhere.example."""
    with connect(abused) as client:
        client.expect(f"MAIL FROM:<{CAROL}>", 250)
        if client.command(f"RCPT TO:<{local}@postern.example>").code == 250:
            assert client.data(mimebytes.simple_message(CAROL, CAROL) + b".\r\n").code == 250
    assert not [entry for entry in abused.queue() if "elsewhere" in entry["recipient"] and not entry["recipient"].endswith("@postern.example")]


def test_too_many_bad_commands_end_the_session(abused):
    with connect(abused) as client:
        codes = []
        try:
            for _ in range(25):
                codes.append(client.command("BOGUS").code)
        except (Closed, OSError):
            pass
        assert codes[-1] == 421 and len(codes) <= 21 and set(codes[:-1]) == {500}, codes


# Pipelining.

def test_legal_pipelining(abused, address):
    """RFC 2920: a whole transaction in one write, and the next behind the end of data."""
    raw = mimebytes.simple_message(CAROL, address)
    with connect(abused) as client:
        envelope = f"MAIL FROM:<{CAROL}>\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode()
        client.send(envelope)
        assert [client.reply().code for _ in range(3)] == [250, 250, 354]
        client.send(raw + b".\r\n" + envelope)
        assert [client.reply().code for _ in range(4)] == [250, 250, 250, 354]
        client.send(raw + b".\r\nQUIT\r\n")
        assert [client.reply().code for _ in range(2)] == [250, 221]
    abused.await_mail(address, 2)


def test_content_behind_a_refused_data_is_not_taken_for_commands_without_bound(abused):
    """A client that does not wait for 354: its content comes as bad commands, and the session ends after a few."""
    with connect(abused) as client:
        client.send(b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@elsewhere.example>\r\nDATA\r\n" + b"body line\r\n" * 200 + b".\r\n")
        codes = []
        try:
            while True:
                codes.append(client.reply().code)
        except (Closed, OSError, TimeoutError):
            pass
        assert codes[:3] in ([250, 550, 503], [250, 550, 554], [250, 554, 503], [250, 554, 554]) and len(codes) < 40 and codes[-1] == 421, codes


def test_bytes_behind_quit_are_ignored(abused, address):
    with connect(abused) as client:
        client.send(f"QUIT\r\nMAIL FROM:<{CAROL}>\r\nRCPT TO:<{address}>\r\n")
        assert client.reply().code == 221
        assert client.closed()


def test_a_client_that_never_reads(abused):
    """Replies that nobody reads must not pile up in memory: the server stops reading instead."""
    before = rss_mib(abused)
    with connect(abused) as client:
        client.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < 64 * 2**20:
                sent += client.socket.send(b"NOOP\r\n" * 10_000)
        except (TimeoutError, socket.timeout, ConnectionError):
            pass
        assert rss_mib(abused) - before < 30, f"{sent} bytes of commands were taken without reading replies"


# BDAT (RFC 3030).

def bdat(client: RawSmtp, chunk: bytes, last=False):
    client.send(f"BDAT {len(chunk)}{' LAST' if last else ''}\r\n".encode() + chunk)
    return client.reply()


def test_bdat_in_chunks(abused, address):
    raw = mimebytes.simple_message(CAROL, address, body="a\r\n.\r\nb\r\n")
    with connect(abused) as client:
        client.envelope(CAROL, address)
        for part in (raw[:10], raw[10:11], b"", raw[11:]):
            assert bdat(client, part).code == 250
        assert bdat(client, b"", last=True).code == 250
    assert mimebytes.carries_unchanged(raw, abused.await_mail(address)[0]), "a lone dot means nothing in BDAT"


def test_bdat_without_recipients_consumes_its_chunk(abused):
    """RFC 3030 2: the chunk of a refused BDAT is read and thrown away."""
    with connect(abused) as client:
        reply = bdat(client, b"MAIL FROM:<evil@example.org>\r\n", last=True)
        assert reply.code in (503, 554), reply
        assert client.command("NOOP").code == 250


@pytest.mark.parametrize("argument", ["", "x", "-1", "1 FIRST", "99999999999999999999999", "0x10", "1 LAST LAST"])
def test_bdat_with_a_bad_argument(abused, address, argument):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        client.send(f"BDAT {argument}\r\n")
        reply = client.reply()
        assert reply.code in (501, 552), reply
        assert in_mailbox(abused, address) == 0


def test_bdat_and_data_do_not_mix(abused, address):
    """RFC 3030 2: 503 for DATA, and for other commands of the transaction, once BDAT began."""
    with connect(abused) as client:
        client.envelope(CAROL, address)
        assert bdat(client, b"Subject: x\r\n").code == 250
        for command in ("DATA", f"RCPT TO:<{address}>", "MAIL FROM:<a@example.org>"):
            assert client.command(command).code == 503
        assert client.command("RSET").code == 250
        client.envelope(CAROL, address)
        assert bdat(client, mimebytes.simple_message(CAROL, address), last=True).code == 250
    assert b"Subject: x\r\n" not in abused.await_mail(address)[0]


def test_bdat_behind_last(abused, address):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        assert bdat(client, mimebytes.simple_message(CAROL, address), last=True).code == 250
        assert bdat(client, b"more", last=True).code == 503
        assert client.command("NOOP").code == 250


def test_bdat_over_the_size_limit(abused, address):
    with connect(abused, timeout=30) as client:
        client.envelope(CAROL, address)
        client.send(b"BDAT 3000000 LAST\r\n" + b"x" * 3_000_000)
        reply = client.reply()
        assert reply.code == 552 and reply.enhanced == "5.3.4", reply
        assert client.command("NOOP").code == 250
    assert in_mailbox(abused, address) == 0


def test_many_chunks_over_the_size_limit(abused, address):
    with connect(abused, timeout=30) as client:
        client.envelope(CAROL, address)
        codes = [bdat(client, (b"y" * 78 + b"\r\n") * 2500).code for _ in range(8)]
        assert 552 in codes, codes


@pytest.mark.parametrize("content", [b"Subject: x\r\n\r\nbare\nnewline\r\n", b"Subject: x\r\n\r\nnul\0\r\n", b"Subject: x\r\n\r\ncr\ronly\r\n"])
def test_binary_in_bdat_needs_binarymime(abused, address, content):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        reply = bdat(client, content, last=True)
        assert 500 <= reply.code < 600, reply
    assert in_mailbox(abused, address) == 0


def test_binarymime_needs_bdat(abused, address):
    """RFC 3030 3."""
    with connect(abused) as client:
        client.expect(f"MAIL FROM:<{CAROL}> BODY=BINARYMIME", 250)
        client.expect(f"RCPT TO:<{address}>", 250)
        assert client.command("DATA").code == 503


def test_a_chunk_cut_off(abused, address):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        client.send(b"BDAT 1000 LAST\r\nonly a little")
    time.sleep(0.3)
    assert in_mailbox(abused, address) == 0


# Characters.

@pytest.mark.parametrize("path, parameters, codes", [
    (b"\xff\xfe@example.org", b"", (500, 501, 553)), (b"\xff\xfe@example.org", b" SMTPUTF8", (500, 501, 553)),
    ("jürgen@example.org".encode(), b"", (501, 550, 553)), (b"\xc0\xaf@example.org", b" SMTPUTF8", (500, 501, 553)),
    (b"\xed\xa0\x80@example.org", b" SMTPUTF8", (500, 501, 553)), ("jürgen@example.org".encode(), b" SMTPUTF8", (250,)),
    ("a@bücher.example".encode(), b" SMTPUTF8", (250,)), (b"a\x01b@example.org", b"", (501, 553)), (b'"a\x00b"@example.org', b"", (500, 501, 553)),
], ids=["invalid", "invalid-declared", "undeclared", "overlong", "surrogate", "declared", "u-domain", "control", "nul"])
def test_addresses_in_utf8(abused, path, parameters, codes):
    """RFC 6531 3.5, RFC 3629 3."""
    with connect(abused) as client:
        reply = client.command(b"MAIL FROM:<" + path + b">" + parameters)
        assert reply.code in codes, reply
        assert client.command("NOOP").code == 250


@pytest.mark.parametrize("content", [b"Subject: \xff\xfe\r\n\r\nx\r\n", b"Sub\0ject: x\r\n\r\nx\r\n", b"Subject: a\0b\r\n\r\nx\r\n", b"\xff" * 100 + b"\r\n\r\n"])
def test_odd_bytes_in_content_get_a_clear_answer(abused, address, content):
    """Taken and carried as they are, or refused with 5.6.x; NUL is always refused (RFC 5322 2.2, 4)."""
    with connect(abused) as client:
        client.envelope(CAROL, address)
        reply = client.data(content + b".\r\n")
    assert reply.code == 250 or (reply.code in (550, 554) and reply.enhanced.startswith("5.6.")), reply
    assert reply.code != 250 or b"\0" not in content
    if reply.code == 250:
        assert mimebytes.carries_unchanged(content, abused.await_mail(address)[0])


# Slow, half open, gone.

def test_a_slow_client_is_served(abused, address):
    with connect(abused) as client:
        for byte in f"MAIL FROM:<{CAROL}>\r\n".encode():
            client.send(bytes([byte]))
            time.sleep(0.01)
        assert client.reply().code == 250


@pytest.mark.parametrize("state", ["greeted", "mail", "rcpt", "data", "bdat"])
def test_a_silent_client_is_let_go(abused, address, state):
    """RFC 5321 4.5.3.2 with short timeouts configured: 421 4.4.2, then the connection is closed, and nothing was accepted."""
    with connect(abused, timeout=20) as client:
        if state != "greeted":
            client.expect(f"MAIL FROM:<{CAROL}>", 250)
        if state in ("rcpt", "data", "bdat"):
            client.expect(f"RCPT TO:<{address}>", 250)
        if state == "data":
            client.expect("DATA", 354)
            client.send(b"Subject: never finished\r\n")
        if state == "bdat":
            client.send(b"BDAT 100 LAST\r\nSubject: never finished\r\n")
        begun = time.monotonic()
        reply = client.reply()
        assert reply.code == 421 and reply.enhanced == "4.4.2", reply
        assert client.closed() and 2 <= time.monotonic() - begun < 15
    assert in_mailbox(abused, address) == 0


def test_a_trickle_within_data_does_not_hold_a_session_for_ever(abused, address):
    """One byte now and then keeps no command waiting; the whole line must still come in time."""
    with connect(abused, timeout=20) as client:
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 12:
                client.send(b"N")
                time.sleep(0.5)
            closed = False
        except OSError:
            closed = True
        assert closed or client.closed(), "a command that takes 12 s to arrive outlived a command timeout of 3 s"


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("state", ["ehlo", "data", "before the dot"])
def test_a_client_that_vanishes(abused, address, how, state):
    client = connect(abused)
    if state != "ehlo":
        client.envelope(CAROL, address)
        client.expect("DATA", 354)
        client.send(mimebytes.simple_message(CAROL, address) + (b"" if state == "data" else b".\r"))
    if how == "rst":
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()
    time.sleep(0.3)
    assert in_mailbox(abused, address) == 0


def test_a_client_that_closes_its_half_after_the_dot_still_gets_its_answer(abused, address):
    with connect(abused) as client:
        client.envelope(CAROL, address)
        client.expect("DATA", 354)
        client.send(mimebytes.simple_message(CAROL, address) + b".\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.reply().code == 250
    abused.await_mail(address)


@pytest.mark.parametrize("listener", ["submissions", "mx"])
def test_a_handshake_that_never_comes(abused, listener):
    if listener == "submissions":
        client = RawSmtp(abused.port(listener), timeout=20, greeting=False)
    else:
        client = connect(abused, listener, timeout=20)
        client.expect("STARTTLS", 220)
    begun = time.monotonic()
    assert client.closed() and time.monotonic() - begun < 15
    client.socket.close()


def test_connections_over_the_limit_get_421(abused):
    clients = [RawSmtp(abused.port("narrow")) for _ in range(4)]
    try:
        fifth = RawSmtp(abused.port("narrow"), greeting=False)
        reply = fifth.reply()
        assert reply.code == 421 and reply.enhanced.startswith("4."), reply
        assert fifth.closed()
        assert clients[0].command("NOOP").code == 250
    finally:
        for client in clients:
            client.socket.close()

    def room_again():
        with RawSmtp(abused.port("narrow")) as late:
            return late.greeting.code == 220
    wait_until(room_again, "room for a connection again", 10, every=0.2)


def test_connections_of_one_address_over_the_limit_get_421(abused):
    clients = [RawSmtp(abused.port("perhost")) for _ in range(3)]
    try:
        assert RawSmtp(abused.port("perhost"), greeting=False).reply().code == 421
        other = socket.create_connection(("127.0.0.1", abused.port("perhost")), timeout=10, source_address=("127.9.9.9", 0))
        assert other.recv(4) == b"220 ", "another address must still get in"
        other.close()
    finally:
        for client in clients:
            client.socket.close()


def test_five_hundred_clients_at_once(abused):
    answers = []

    def one():
        try:
            with connect(abused, timeout=60) as client:
                answers.append(client.command("NOOP").code)
        except Exception as error:  # any failure is the finding
            answers.append(repr(error))
    threads = [threading.Thread(target=one) for _ in range(500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [250] * 500, [answer for answer in answers if answer != 250][:5]


# PROXY protocol.

V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command: int, family: int, payload: bytes) -> bytes:
    return V2 + bytes([0x20 | command, family]) + struct.pack("!H", len(payload)) + payload


def proxied(abused, header: bytes) -> RawSmtp:
    client = RawSmtp(abused.port("proxied"), greeting=False)
    client.send(header)
    return client


PROXIES = {
    "v1-tcp4": (b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 25\r\n", "203.0.113.7"),
    "v1-tcp6": (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 25\r\n", "2001:db8::7"),
    "v2-tcp4": (v2(1, 0x11, socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 56324, 25)), "203.0.113.7"),
    "v2-tlv": (v2(1, 0x11, socket.inet_aton("203.0.113.8") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 1, 25) + b"\x04\x00\x03abc"), "203.0.113.8"),
}


@pytest.mark.parametrize("kind", PROXIES)
def test_the_proxied_address_counts(abused, address, kind):
    """In Received, and for the permission to relay: 203.0.113.7 is not in relay_from though the proxy is."""
    header, source = PROXIES[kind]
    with proxied(abused, header) as client:
        assert client.reply().code == 220
        client.ehlo()
        client.expect(f"MAIL FROM:<{CAROL}>", 250)
        assert client.command("RCPT TO:<b@elsewhere.example>").code in (550, 554), "the proxy's own right to relay was used for its client"
        client.expect(f"RCPT TO:<{address}>", 250)
        assert client.data(mimebytes.simple_message(CAROL, address) + b".\r\n").code == 250
    assert source.encode() in mimebytes.field(abused.await_mail(address)[0], "Received")


def test_a_local_proxy_connection_is_its_own(abused):
    """PROXY protocol 2.2: LOCAL, a health check of the proxy."""
    with proxied(abused, v2(0, 0x00, b"")) as client:
        assert client.reply().code == 220


@pytest.mark.parametrize("header", [
    b"EHLO no.proxy.example\r\n", b"PROXY TCP4 999.0.113.7 192.0.2.1 56324 25\r\n", b"PROXY TCP4 203.0.113.7\r\n", b"PROXY " + b"x" * 200 + b"\r\n",
    v2(1, 0x11, b"short"), v2(7, 0x11, b"\0" * 12), V2[:11] + b"X" + b"\x21\x11\0\0", b"PROXY TCP4 203.0.113.7 192.0.2.1 99999 25\r\n",
], ids=["missing", "bad-address", "incomplete", "long", "short-v2", "bad-command-v2", "bad-signature", "bad-port"])
def test_a_bad_proxy_header_ends_the_connection(abused, header):
    with proxied(abused, header) as client:
        try:
            code = client.reply().code
        except Closed:
            return
        assert code >= 400, "a connection without a correct PROXY header was greeted"


def test_a_proxy_header_from_elsewhere_is_a_bad_command(abused):
    with RawSmtp(abused.port("open")) as client:
        assert client.command("PROXY TCP4 203.0.113.7 192.0.2.1 56324 25").code in (500, 502, 503)


# LMTP (RFC 2033).

def test_lmtp_answers_for_each_recipient(abused, address):
    with RawSmtp(abused.port("lmtp")) as client:
        client.expect("LHLO client.example", 250)
        client.expect(f"MAIL FROM:<{CAROL}>", 250)
        client.expect(f"RCPT TO:<{address}>", 250)
        client.expect(f"RCPT TO:<also.{address}>", 250)
        client.expect("DATA", 354)
        client.send(mimebytes.simple_message(CAROL, address) + b".\r\n")
        assert [client.reply().code, client.reply().code] == [250, 250]
        assert client.command("NOOP").code == 250
    abused.await_mail(address)


def test_lmtp_wants_lhlo(abused):
    """RFC 2033 4.1: HELO and EHLO are errors."""
    with RawSmtp(abused.port("lmtp")) as client:
        assert client.command("EHLO client.example").code in (500, 502, 503)
        assert client.command("HELO client.example").code in (500, 502, 503)


def test_smtp_does_not_know_lhlo(abused):
    with RawSmtp(abused.port("open")) as client:
        assert client.command("LHLO client.example").code in (500, 502)
