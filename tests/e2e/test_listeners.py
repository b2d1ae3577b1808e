"""What a listener is made of: its certificate (own, renewed, replaced, bad), client certificates, interface, proxy, networks and bounds."""

import contextlib
import pathlib
import re
import shutil
import ssl
import sqlite3

import pytest
from cryptography import x509

from peers import mimebytes
from peers.base import run, wait_until
from peers.certs import TestAuthority
from peers.daemon import HOSTNAME
from peers.smtpraw import Closed, RawSmtp
from test_submission_auth import login, secured

CAROL = "carol@example.org"
BOB = "bob@postern.example"
DAY = 24 * 3600


def message() -> bytes:
    return mimebytes.simple_message(CAROL, BOB) + b".\r\n"


def trusting(authority, certificate=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.pem))
    if certificate is not None:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


def tls_session(daemon, context, listener="submissions") -> RawSmtp:
    client = RawSmtp(daemon.port(listener), greeting=False)
    client.wrap(context, HOSTNAME)
    client.greeting = client.reply()
    return client


def shown(daemon) -> x509.Certificate:
    """The certificate of a new connection, whatever is wrong with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with tls_session(daemon, context) as client:
        return x509.load_der_x509_certificate(client.socket.getpeercert(binary_form=True))


def status_of(daemon) -> tuple[str, str]:
    """The verdict on the listeners' certificate, and all warnings."""
    status = daemon.get_json("/status")
    return status["tls"]["certificate"]["verdict"], "\n".join(status["warnings"])


# Certificates.

def with_own(daemon, certificate, key=None):
    """The certificate is copied into a folder beside the configuration, as an operator has it."""
    (daemon.directory / "tls").mkdir(exist_ok=True)
    shutil.copy(certificate.cert, daemon.directory / "tls" / "tls.crt")
    shutil.copy((key or certificate).key, daemon.directory / "tls" / "tls.key")
    daemon.config["tls"] = {"certificate": "tls/tls.crt", "key": "tls/tls.key"}
    return daemon


def test_a_certificate_of_our_own(daemon, authority):
    own = authority.server(HOSTNAME, label="own")
    with_own(daemon, own).start()
    with tls_session(daemon, trusting(authority)) as client:
        assert client.greeting.code == 220
    assert shown(daemon) == own.certificate
    verdict, warnings = status_of(daemon)
    assert verdict == "valid" and "certificate" not in warnings, warnings


BAD = {
    "expired": ((HOSTNAME,), (-90, -1), "expired", "expired at"),
    "not yet valid": ((HOSTNAME,), (1, 90), "not yet valid", "not valid before"),
    "near expiry": ((HOSTNAME,), (-80, 5), "expires soon", "expires at"),
    "wrong name": (("other.example",), (-1, 90), "wrong name", f"not for server.hostname ({HOSTNAME})"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_certificate_is_warned_about(daemon, authority, kind):
    """It may be the only one there is, so the gateway starts; but nobody can overlook it."""
    names, days, expected, words = BAD[kind]
    with_own(daemon, authority.server(*names, days=days, label=f"bad-{expected}")).start()
    verdict, warnings = status_of(daemon)
    assert verdict == expected and words in warnings, (verdict, warnings)
    assert words in daemon.log_text(), daemon.log_tail()


def test_a_key_of_another_certificate_is_a_clear_refusal_to_start(daemon, authority):
    with_own(daemon, authority.server(HOSTNAME, label="one"), key=authority.server(HOSTNAME, label="two"))
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "tls.key" in log and "does not belong to the first certificate" in log, log
    assert str(daemon.directory / "tls" / "tls.crt") in log and str(daemon.directory / "tls" / "tls.key") in log, log


@pytest.mark.parametrize("file, content", [("tls.crt", None), ("tls.key", None), ("tls.crt", b"garbage"), ("tls.key", b"garbage")])
def test_an_unreadable_certificate_is_a_clear_refusal_to_start(daemon, authority, file, content):
    with_own(daemon, authority.server(HOSTNAME, label="unreadable"))
    path = daemon.directory / "tls" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    status, log = daemon.start_expecting_failure()
    setting = {"tls.crt": "tls.certificate", "tls.key": "tls.key"}[file]
    assert status != 0 and setting in log and str(path) in log, log


def test_replaced_certificate_files_are_taken_over(daemon, authority):
    """As a certbot does it, and in the worst order: the certificate first, its key later. Open sessions go on."""
    old, new = authority.server(HOSTNAME, label="old"), authority.server(HOSTNAME, label="new")
    with_own(daemon, old).start()
    with tls_session(daemon, trusting(authority)) as client:
        shutil.copy(new.cert, daemon.directory / "tls" / "tls.crt")
        wait_until(lambda: "could not be replaced" in status_of(daemon)[1], "a warning about the half replaced pair", 20, every=0.3)
        assert shown(daemon) == old.certificate, "the good one stays in use"
        assert "could not be replaced" in daemon.log_text()
        shutil.copy(new.key, daemon.directory / "tls" / "tls.key.new")
        (daemon.directory / "tls" / "tls.key.new").rename(daemon.directory / "tls" / "tls.key")
        wait_until(lambda: shown(daemon) == new.certificate, "the new certificate", 20, every=0.3, details=daemon.log_tail)
        assert "could not be replaced" not in status_of(daemon)[1]
        assert client.command("NOOP").code == 250, "a session that was open lost its connection"
    with tls_session(daemon, trusting(authority)) as client:
        assert client.greeting.code == 220


def test_the_built_in_certificate_is_renewed_while_running(daemon):
    daemon.fake_clock()
    daemon.start()
    first = shown(daemon)
    with tls_session(daemon, daemon.tls_context()) as client:
        daemon.move_clock(61 * DAY)  # of 90
        second = wait_until(lambda: (now := shown(daemon)) != first and now, "a new certificate", 20, every=0.3, details=daemon.log_tail)
        assert (second.not_valid_after - first.not_valid_after).days >= 60
        assert second.public_key().public_numbers() == first.public_key().public_numbers(), "the key is another matter"
        assert client.command("NOOP").code == 250, "a session that was open lost its connection"
    assert status_of(daemon)[0] == "valid"


# Client certificates.

@pytest.fixture
def mutual(daemon, authority):
    """A door that wants a client certificate of the peers' authority, and one that would like to see it."""
    daemon.config["listener"] += [
        {"kind": "mx", "name": "strict", "address": "127.0.0.1:0", "tls": "required", "client_ca": str(authority.pem), "require_client_certificate": True},
        {"kind": "mx", "name": "curious", "address": "127.0.0.1:0", "tls": "required", "client_ca": str(authority.pem)},
    ]
    return daemon.start()


def ehlo_with(daemon, listener, certificate=None):
    """EHLO behind STARTTLS with this client certificate. TLS 1.3: a server's refusal comes with the first read."""
    context = daemon.tls_context()
    if certificate is not None:
        context.load_cert_chain(certificate.cert, certificate.key)
    client = RawSmtp(daemon.port(listener))
    client.ehlo()
    client.start_tls(context, HOSTNAME)
    client.ehlo()
    return client


def test_a_required_client_certificate(mutual, authority):
    with ehlo_with(mutual, "strict", authority.server("client.example", label="client")) as client:
        client.envelope(CAROL, BOB)
        assert client.data(message()).code == 250
    mutual.await_mail(BOB)


@pytest.mark.parametrize("listener", ["strict", "curious"])
@pytest.mark.parametrize("kind", ["stranger", "expired"])
def test_a_bad_client_certificate_ends_the_handshake(mutual, authority, workdir, listener, kind):
    bad = authority.server("client.example", days=(-90, -1), label="late") if kind == "expired" else TestAuthority(workdir / "other").server("client.example")
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)):
        ehlo_with(mutual, listener, bad)


def test_no_client_certificate(mutual):
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)):
        ehlo_with(mutual, "strict")
    with ehlo_with(mutual, "curious") as client:
        assert client.command("NOOP").code == 250


def test_an_unreadable_client_ca_is_a_clear_refusal_to_start(daemon):
    daemon.listener("mx")["client_ca"] = "nowhere.pem"
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "listener mx" in log and "client_ca" in log and "nowhere.pem" in log, log


# Interfaces (capability T8).

def test_an_interface(daemon):
    daemon.listener("plain")["interface"] = "lo"
    daemon.start()
    daemon.submit(to=BOB)
    daemon.await_mail(BOB)


def test_a_missing_interface_is_a_clear_refusal_to_start(daemon):
    daemon.listener("plain")["interface"] = "wg-none"
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "listener plain" in log and "interface wg-none is not there; bring it up" in log, log


# Doors in combinations.

def test_lmtp_over_starttls(daemon):
    daemon.listener("lmtp")["tls"] = "required"
    daemon.start()
    with RawSmtp(daemon.port("lmtp")) as client:
        client.expect("LHLO client.example", 250)
        assert client.command(f"MAIL FROM:<{CAROL}>").code == 530
        client.start_tls(daemon.tls_context(), HOSTNAME)
        client.expect("LHLO client.example", 250)
        client.envelope(CAROL, BOB)
        client.expect(f"RCPT TO:<also.{BOB}>", 250)
        assert client.data(message()).code == 250 and client.reply().code == 250
    assert b"with LMTPS" in mimebytes.field(daemon.await_mail(BOB)[0], "Received")


def test_a_proxy_header_before_implicit_tls(daemon):
    daemon.config["listener"].append({"kind": "mx", "name": "proxied", "address": "127.0.0.1:0", "tls": "implicit", "proxy_from": ["127.0.0.0/8"]})
    daemon.start()
    client = RawSmtp(daemon.port("proxied"), greeting=False)
    client.send(b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 465\r\n")
    client.wrap(daemon.tls_context(), HOSTNAME)
    with client:
        assert client.reply().code == 220
        client.ehlo()
        client.envelope(CAROL, BOB)
        assert client.data(message()).code == 250
    received = mimebytes.field(daemon.await_mail(BOB)[0], "Received")
    assert b"203.0.113.7" in received and b"ESMTPS" in received, received


def test_relay_from_on_a_submission_door_spares_its_networks_the_login_and_nobody_else(relaying, sink):
    relaying.listener("submission")["relay_from"] = ["127.0.0.2/32"]
    relaying.start()
    for source, code in (("127.0.0.1", 530), ("127.0.0.2", 250)):
        with RawSmtp(relaying.port("submission"), source=source) as client:
            client.ehlo()
            client.start_tls(relaying.tls_context(), HOSTNAME)
            client.ehlo()
            reply = client.command("MAIL FROM:<alice@postern.example>")
            assert reply.code == code, f"{source}: {reply}"
            if code == 530:
                assert reply.enhanced == "5.7.0"
                continue
            client.expect("RCPT TO:<bob@example.net>", 250)
            assert client.data(message()).code == 250
    sink.wait(1, details=relaying.log_tail)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_a_broken_user_store_is_temporary_trouble(daemon, mechanism):
    """RFC 4954 6: 454 4.7.0; a client that hears 535 forgets its good password."""
    daemon.start()
    daemon.add_user("alice", "secret enough", "alice@postern.example")
    daemon.stop()
    database = sqlite3.connect(daemon.data_dir / "mail" / "postern.db")
    assert database.execute("UPDATE user SET credentials = 'broken'").rowcount == 1
    database.commit()
    database.close()
    daemon.start()
    with secured(daemon) as client:
        for _ in range(8):  # and nobody is thrown out for it
            reply = login(client, mechanism, "alice", "secret enough")
            assert reply.code == 454 and reply.enhanced == "4.7.0", reply
    assert not [record for record in daemon.audit() if record["kind"] == "login.failed"]


# Bounds.

def rss_mib(daemon) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text())
    return int(found.group(1)) / 1024


def test_messages_that_never_end_do_not_take_the_memory(daemon):
    """spool.inflight_bytes counts content while it arrives: many half messages hold no more than that together."""
    daemon.config["spool"] = {"inflight_bytes": 4 * 2**20}
    daemon.config["limits"] = {"message_bytes": 2 * 2**20}
    daemon.start()
    large = b"Subject: large\r\n\r\n" + b"x" * 76 + b"\r\n"
    large += (b"y" * 76 + b"\r\n") * (1_800_000 // 78)
    before = rss_mib(daemon)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            client = stack.enter_context(RawSmtp(daemon.port("plain")))
            client.ehlo()
            client.envelope(CAROL, BOB)
            client.expect("DATA", 354)
            client.send(large)
        with RawSmtp(daemon.port("plain")) as client:
            client.ehlo()
            client.envelope(CAROL, BOB)
            reply = client.data(large + b".\r\n")
            assert reply.code == 452 and reply.enhanced == "4.3.1", reply
            client.envelope(CAROL, BOB)
            assert client.data(message()).code == 250, "small mail goes on"
        grown = rss_mib(daemon) - before
        assert grown < 40, f"60 messages of 1.8 MB without an end took {grown:.0f} MiB"
    daemon.await_mail(BOB)

    def room_again():
        with RawSmtp(daemon.port("plain")) as client:
            client.ehlo()
            client.envelope(CAROL, BOB)
            return client.data(large + b".\r\n").code == 250
    wait_until(room_again, "room for a large message", 10, every=0.2, details=daemon.log_tail)


def test_a_stranger_gets_fifty_connections_and_the_trusted_more(daemon):
    """The default of max_connections_per_address: not for loopback, relay_from and proxy_from."""
    stranger, trusted = "198.51.100.7", "198.51.100.8"
    daemon.config["listener"].append({"kind": "mx", "name": "open", "address": "127.0.0.1:0", "tls": "opportunistic", "relay_from": [f"{trusted}/32"]})
    daemon.start()
    addresses = [f"{address}/32" for address in (stranger, trusted)]
    with contextlib.ExitStack() as stack:
        for address in addresses:
            run(["ip", "address", "add", address, "dev", "lo"])
            stack.callback(run, ["ip", "address", "del", address, "dev", "lo"], check=False)
        for source, most in ((stranger, 50), (trusted, 60), ("127.0.0.1", 60)):
            for _ in range(most):
                assert stack.enter_context(RawSmtp(daemon.port("open"), source=source)).greeting.code == 220, source
        reply = stack.enter_context(RawSmtp(daemon.port("open"), source=stranger, greeting=False)).reply()
        assert reply.code == 421 and reply.enhanced == "4.7.0", reply
