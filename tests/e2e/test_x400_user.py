"""`postern x400 ping` and `bind-test` against a peer that speaks as much of RFC 1006 as a test needs."""

import json
import os
import socket
import subprocess
import threading

import pytest

from peers.daemon import binary

USER = "C=DE;A= ;P=ACME;S=Doe"


def read_packet(connection):
    """One TPKT (RFC 1006 6)."""
    head = b""
    while len(head) < 4:
        more = connection.recv(4 - len(head))
        if not more:
            return b""
        head += more
    left = int.from_bytes(head[2:4], "big") - 4
    body = b""
    while len(body) < left:
        body += connection.recv(left - len(body))
    return body


def packet(tpdu):
    return b"\x03\x00" + (len(tpdu) + 4).to_bytes(2, "big") + tpdu


def confirmed(request):
    """CONNECTION CONFIRM (X.224 13.4): their reference, ours, class 0."""
    return packet(b"\x06\xd0" + request[4:6] + b"\x00\x07\x00")


def refused(request):
    """DISCONNECT REQUEST (X.224 13.5), reason 3: address unknown."""
    return packet(b"\x06\x80" + request[4:6] + b"\x00\x00\x03")


@pytest.fixture
def peer():
    """Starts a listener that answers a CONNECTION REQUEST and reads until the other side leaves, or leaves itself."""
    listeners = []

    def start(answer, stays=True):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = read_packet(connection)
                if answer is not None:
                    connection.sendall(answer(request))
                while stays and connection.recv(4096):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        return f"tsel@127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def x400(*arguments, password="open sesame"):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, "x400", *arguments], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "X400_PASSWORD": password})


def steps(done):
    return [(each["step"], each["ok"]) for each in json.loads(done.stdout)["steps"]]


def bind_test(address, *more):
    return x400("bind-test", "--peer", address, "--user", USER, "--password-ref", "env:X400_PASSWORD", "--tls", "none", "--json", *more)


def test_ping_is_answered(peer):
    done = x400("ping", "--peer", peer(confirmed), "--tls", "none", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert steps(done) == [("tcp", True), ("transport", True)]


def test_ping_is_refused(peer):
    done = x400("ping", "--peer", peer(refused), "--tls", "none", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert steps(done) == [("tcp", True), ("transport", False)]
    assert json.loads(done.stdout)["steps"][1]["text"]


def test_ping_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    done = x400("ping", "--peer", f"127.0.0.1:{port}", "--tls", "none", "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    assert steps(done) == [("tcp", False)]


def test_tls_where_the_peer_has_none(peer):
    done = x400("ping", "--peer", peer(None, stays=False), "--timeout", "3", "--json")  # it waits for a packet, and says nothing
    assert done.returncode != 0
    assert steps(done)[:2] == [("tcp", True), ("tls", False)]


def test_bind_test_names_the_step_that_fails(peer):
    assert steps(bind_test(peer(refused))) == [("tcp", True), ("transport", False)]
    assert steps(bind_test(peer(None, stays=False))) == [("tcp", True), ("transport", False)]
    assert steps(bind_test(peer(confirmed, stays=False))) == [("tcp", True), ("transport", True), ("session", False)]


def test_bind_test_shows_octets_only_when_asked(peer):
    silent = bind_test(peer(confirmed, stays=False))
    assert "octets" not in json.loads(silent.stdout)
    assert "open sesame" not in silent.stdout + silent.stderr
    shown = bind_test(peer(confirmed, stays=False), "--octets")
    assert json.loads(shown.stdout)["octets"].lstrip().startswith(("O", "0"))


@pytest.mark.parametrize("arguments", [("ping", "--peer", "host:port:port"),
                                       ("ping", "--peer", "127.0.0.1:1", "--pin", "sha256:12"),
                                       ("submit", "--peer", "127.0.0.1:1", "--user", "C=DE", "--to", "nobody", "--tls", "none"),
                                       ("submit", "--peer", "127.0.0.1:1", "--user", USER, "--to", USER, "--tls", "none", "--strategy", "4"),
                                       ("list", "--peer", "127.0.0.1:1", "--user", USER, "--protocol", "p3", "--tls", "none")])
def test_wrong_options_are_named(arguments):
    done = x400(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "--" in done.stderr
