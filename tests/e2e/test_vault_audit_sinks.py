"""Sinks that do not take what they are given: a full disk, a pipe, a syslog daemon and a collector that never read. None of them holds the engine up;
where no other device records, operations stop and come back with the sink; where one does, nobody notices."""

import os
import socket

import pytest

from peers.base import wait_until
from peers.daemon import engine_config
from peers.vault import fresh

PAYLOAD = {str(number): "x" * 40 for number in range(300)}  # some 30 KB of masks in a line


def drain(peer: socket.socket) -> bytes:
    """All that waits there; the last datagram or piece."""
    last = b""
    try:
        while received := peer.recv(1 << 20):
            last = received
    except BlockingIOError:
        pass
    return last


class FullDisk:
    """/dev/full: opens, and answers every write with ENOSPC."""
    blocked_at_once = True

    def __init__(self, folder):
        self.path = folder / "full"
        self.path.symlink_to("/dev/full")
        self.settings = {"file": str(self.path), "chain": False}
        self.keeper_paths = ["/dev/full"]

    def release(self):
        if self.path.is_symlink():  # else it is the engine's new file
            self.path.unlink()  # rotated away: the next attempt opens a new file of that name

    def close(self):
        pass


class Pipe:
    """A FIFO whose reader does not read."""
    blocked_at_once = False

    def __init__(self, folder):
        self.path = folder / "pipe"
        os.mkfifo(self.path)
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.settings = {"file": str(self.path), "chain": False}

    def release(self):
        try:
            while os.read(self.descriptor, 1 << 20):
                pass
        except BlockingIOError:
            pass

    def close(self):
        os.close(self.descriptor)


class Syslog:
    """A daemon's socket that is bound, and that nobody reads."""
    blocked_at_once = False

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "log"))
        self.socket.setblocking(False)
        self.settings = {"file": "", "syslog": f"unix:{folder / 'log'} facility=local3 tag=engine"}

    def release(self):
        last = drain(self.socket)
        assert not last or (last.startswith(b"<158>") and b" engine[" in last), last[:60]  # local3.info (RFC 3164 4.1.1)

    def close(self):
        self.socket.close()


class Collector:
    """A program that accepts the connection, and never reads."""
    blocked_at_once = False

    def __init__(self, folder):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(str(folder / "collector"))
        self.listener.listen(8)
        self.listener.setblocking(False)
        self.peers = []
        self.settings = {"file": "", "socket": f"unix:{folder / 'collector'}"}

    def release(self):
        try:
            while True:
                self.peers.append(self.listener.accept()[0])
                self.peers[-1].setblocking(False)
        except BlockingIOError:
            pass
        for peer in self.peers:
            drain(peer)

    def close(self):
        for each in [*self.peers, self.listener]:
            each.close()


SINKS = [FullDisk, Pipe, Syslog, Collector]


@pytest.fixture(params=SINKS, ids=lambda kind: kind.__name__)
def sink(request, workdir):
    made = request.param(workdir)
    yield made
    made.close()


def write(vault) -> tuple[str, int, str]:
    path = f"secret/data/{fresh('sink')}"
    answer = vault.call("PUT", path, {"data": PAYLOAD})
    return path, answer.status, "" if answer.status < 400 else answer.error


def stopped(vault):
    """Writes until one is refused; the path of that one."""
    path, status, error = write(vault)
    if status < 400:
        return None
    assert status in (500, 503) and "audit" in error, (status, error)
    return path


def test_alone_it_stops_the_engine_and_lets_it_go_on(make_daemon, sink):
    daemon = make_daemon(engine_config())
    daemon.config["engine"]["audit"] = sink.settings
    daemon.config["server"]["keeper_paths"] = getattr(sink, "keeper_paths", [])
    vault = daemon.start().vault()
    if not sink.blocked_at_once:
        vault.ensure_mount("secret", "kv", version="2")
    wait_until(lambda: stopped(vault), "the engine to stop", 60, every=0, details=daemon.log_tail)
    refused_path = stopped(vault)  # of the one before perhaps only the answer was refused: then it was done, and its request recorded
    assert refused_path, "it stays stopped"
    # A line about reading is shorter: what is left of the sink's room may take some of them yet.
    wait_until(lambda: vault.call("GET", "sys/mounts").status in (500, 503), "reading to stop too: it is an operation", every=0, details=daemon.log_tail)
    assert vault.call("GET", "sys/health").status == 200, "what needs no audit is answered"

    def works():
        sink.release()
        return vault.call("GET", "sys/mounts").status == 200
    wait_until(works, "the engine to go on", 60, every=0.05, details=daemon.log_tail)
    sink.release()
    if not sink.blocked_at_once:
        assert vault.call("GET", refused_path).status == 404, "what was refused was not done"


def test_with_another_device_nobody_notices(make_daemon, sink):
    daemon = make_daemon(engine_config())
    daemon.config["engine"]["audit"] = {**sink.settings, "file": "audit/engine.jsonl"} if sink.settings["file"] == "" else {
        **sink.settings, "syslog": str(daemon.directory / "log")}
    daemon.config["server"]["keeper_paths"] = getattr(sink, "keeper_paths", [])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
        second.bind(str(daemon.directory / "log"))
        second.setblocking(False)
        vault = daemon.start().vault()
        vault.ensure_mount("secret", "kv", version="2")

        def one_more() -> bool:
            path, status, error = write(vault)
            assert status < 400, (path, status, error)
            drain(second)
            return "audit.device_failed" in daemon.log_text()
        wait_until(one_more, "the log to say that one device fails", 60, every=0, details=daemon.log_tail)
        for _ in range(20):
            one_more()


def test_a_pipe_without_reader_is_refused_at_the_start(make_daemon, workdir):
    os.mkfifo(workdir / "lonely")
    daemon = make_daemon(engine_config())
    daemon.config["engine"]["audit"] = {"file": str(workdir / "lonely"), "chain": False}
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "engine.audit.file" in log and "nobody reads from this pipe" in log, log
