"""The HTTP listener over TLS (http.tls.*): the same API behind the listeners' certificate, TLS 1.3 only, clients with certificates, and the command."""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from peers.base import wait_until
from peers.daemon import HOSTNAME
from peers.vault import b64


@pytest.fixture
def secure(daemon):
    daemon.config["http"]["tls"] = {"address": "127.0.0.1:0"}
    return daemon


def trusting(ca, certificate=None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if certificate:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


def connection(daemon, context, host="127.0.0.1") -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(host, daemon.port("https"), context=context, timeout=10)


def ask(daemon, context, path="/healthz") -> tuple[int, bytes]:
    with urllib.request.urlopen(f"https://127.0.0.1:{daemon.port('https')}{path}", context=context, timeout=10) as answer:
        return answer.status, answer.read()


def test_the_same_api_by_the_own_authority(secure):
    secure.start()
    context = trusting(secure.ca)
    status, body = ask(secure, context, "/status")
    assert status == 200
    listener = next(each for each in json.loads(body)["listeners"] if each["name"] == "https")
    assert listener["tls"] == "implicit" and listener["min_tls"] == "1.3" and listener["connections"] >= 1
    assert listener["address"].endswith(f":{secure.port('https')}")
    assert 'postern_connections_accepted_total{listener="https"}' in secure.get("/metrics")[1].decode()
    assert secure.get("/healthz")[0] == 200, "plain HTTP stays where it was"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(secure, context, "/api/v1/queue")


def test_many_requests_on_one_connection_and_a_large_body(secure):
    secure.start()
    link = connection(secure, trusting(secure.ca))
    for size in (0, 1, 16_000, 17_000, 300_000):
        link.request("POST", "/v1/sys/seal-status", b" " * size)
        answer = link.getresponse()
        assert answer.status in (404, 405, 503) or answer.status < 500, answer.status
        answer.read()
    assert link.sock.version() == "TLSv1.3"
    link.request("GET", "/status")
    assert json.loads(link.getresponse().read())["mode"] == "development"


def test_older_versions_and_strangers_are_refused(secure, authority):
    secure.start()
    old = trusting(secure.ca)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        connection(secure, old).connect()
    with pytest.raises(ssl.SSLCertVerificationError):
        connection(secure, trusting(authority.pem)).connect()
    with socket.create_connection(("127.0.0.1", secure.port("https")), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        plain.settimeout(10)
        assert not plain.recv(4096).startswith(b"HTTP/"), "no clear text on this port"
    assert ask(secure, trusting(secure.ca))[0] == 200


def test_sessions_are_resumed(secure):
    secure.start()
    context = trusting(secure.ca)
    first = connection(secure, context)
    first.request("GET", "/healthz")
    first.getresponse().read()
    session = first.sock.session
    with socket.create_connection(("127.0.0.1", secure.port("https")), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as again:
            assert again.session_reused


def test_the_certificate_of_the_settings_and_its_replacement(secure, authority):
    """Files as the mail listeners have them; a new file is shown to the next connection, and no old one ends."""
    first, second = (authority.server(HOSTNAME, "127.0.0.1", label=f"https-{label}") for label in ("one", "two"))
    secure.show_certificate(first)
    secure.start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def shown():
        link = connection(secure, context)
        link.connect()
        return x509.load_der_x509_certificate(link.sock.getpeercert(binary_form=True)), link
    certificate, kept = shown()
    assert certificate == first.certificate
    secure.show_certificate(second)
    wait_until(lambda: shown()[0] == second.certificate, "the new certificate to be shown", 30)
    kept.request("GET", "/healthz")
    assert kept.getresponse().status == 200


def test_clients_with_certificates(secure, authority):
    client = authority.person("admin@postern.example", kind="p256", usages=(ExtendedKeyUsageOID.CLIENT_AUTH,), label="https-client")
    (secure.directory / "clients.pem").write_bytes(authority.pem.read_bytes())
    secure.config["http"]["tls"] |= {"client_ca": "clients.pem", "require_client_certificate": True}
    secure.start()
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected, urllib.error.URLError)):
        ask(secure, trusting(secure.ca))
    assert ask(secure, trusting(secure.ca, client))[0] == 200


def test_a_handshake_that_never_comes_holds_nobody(secure):
    secure.start()
    with socket.create_connection(("127.0.0.1", secure.port("https")), timeout=30) as silent:
        silent.sendall(b"\x16\x03\x01")
        assert ask(secure, trusting(secure.ca))[0] == 200


@pytest.mark.parametrize("settings, words", [
    ({"address": "nowhere"}, "http.tls.address"),
    ({"address": "127.0.0.1:0", "require_client_certificate": True}, "http.tls.client_ca"),
    ({"address": "127.0.0.1:0", "client_ca": "missing.pem"}, "client_ca"),
])
def test_settings_that_cannot_be(daemon, settings, words):
    daemon.config["http"]["tls"] = settings
    status, log = daemon.start_expecting_failure()
    assert status != 0 and words in log, log


def test_it_may_listen_where_plain_http_may_not(daemon):
    daemon.config["http"]["tls"] = {"address": "0.0.0.0:0"}
    daemon.start()
    assert ask(daemon, trusting(daemon.ca))[0] == 200
    assert any("others use http.tls.address" in warning for warning in daemon.get_json("/status")["warnings"])


def test_the_command_over_https(secure, authority, workdir):
    secure.start()
    api = f"https://127.0.0.1:{secure.port('https')}"
    assert json.loads(secure.cli("--json", "--api", api, "status").stdout)["mode"] == "development"
    assert secure.cli("--api", api, "--ca", secure.ca, "status").returncode == 0
    stranger = authority.pem
    refused = secure.cli("--api", api, "--ca", stranger, "status", check=False)
    assert refused.returncode == 4 and b"--ca" in refused.stderr, refused.stderr
    missing = secure.cli("--api", api, "--ca", workdir / "none.pem", "status", check=False)
    assert missing.returncode not in (0, 4), missing.stderr
    wrong_door = secure.cli("--api", f"https://127.0.0.1:{secure.port('http')}", "status", check=False)
    assert wrong_door.returncode == 3, wrong_door.stderr


def test_the_key_engine_over_https(engine):
    """The Vault API: a token goes in, an answer comes out, and nothing of it crosses the wire in clear."""
    link = connection(engine, trusting(engine.ca))
    fields = {"X-Vault-Token": engine.engine_token, "Content-Type": "application/json"}

    def call(method, path, body=None):
        link.request(method, f"/v1/{path}", None if body is None else json.dumps(body), fields)
        answer = link.getresponse()
        content = answer.read()
        assert answer.status in (200, 204), content
        return json.loads(content) if content else None
    call("POST", "transit/keys/over-tls", {"type": "aes256-gcm96"})
    for size in (0, 1, 1024, 100_000):
        sealed = call("POST", "transit/encrypt/over-tls", {"plaintext": b64(b"x" * size)})["data"]["ciphertext"]
        assert call("POST", "transit/decrypt/over-tls", {"ciphertext": sealed})["data"]["plaintext"] == b64(b"x" * size)
