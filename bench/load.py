"""What the relay benchmarks share: contenders, load, counters. Run by relay_compare.py; nothing to run here."""

import dataclasses
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))

from peers.base import PeerError, Server, free_port, run, wait_until  # noqa: E402
from peers.daemon import Daemon, default_config  # noqa: E402
from peers.postfix import Postfix  # noqa: E402

SENDER, RECIPIENT = "alice@postern.example", "bob@example.net"
_TICK = os.sysconf("SC_CLK_TCK")
_STRACE = ["strace", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o"]


# Processes.

def _stat(pid: int) -> list[str] | None:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def tree(roots: list[int]) -> list[int]:
    """The processes and all their descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(int(name))):
            children.setdefault(int(stat[1]), []).append(int(name))
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(roots: list[int]) -> float:
    """User and system time of the trees. Children that ended are in their parent's cutime, so nothing is lost."""
    total = 0
    for pid in tree(roots):
        if stat := _stat(pid):
            total += sum(int(stat[field]) for field in (11, 12, 13, 14))
    return total / _TICK


def memory_bytes(roots: list[int]) -> int:
    """Proportional set size of the trees: memory shared between processes counts once."""
    total = 0
    for pid in tree(roots):
        try:
            found = re.search(r"^Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        except OSError:
            continue
        total += int(found.group(1)) * 1024 if found else 0
    return total


# Contenders.

class Contender:
    """A relay under test between smtp-source and smtp-sink. `signatures`: DKIM signatures it must put on every message."""
    name = ""
    signatures = 0
    share = 1  # it gets one of so many messages, where a run would otherwise take minutes

    def __init__(self, directory: pathlib.Path):
        self.directory = directory / self.name
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)
        self.sink_port = free_port()
        self.port = 0
        self.servers: list[Server] = []

    def start(self, traced=False):
        raise NotImplementedError

    def stop(self):
        for server in self.servers:
            server.stop()

    def roots(self) -> list[int]:
        return [server.process.pid for server in self.servers]

    def _trace(self, server: Server, traced: bool):
        if traced:
            server.wrapper = [*_STRACE, str(self.directory / f"{server.name}.strace")]
        self.servers.append(server)

    def syncs(self) -> dict[str, int]:
        """Calls counted by strace, by name; after stop()."""
        counts: dict[str, int] = {}
        for server in self.servers:
            for line in (self.directory / f"{server.name}.strace").read_text().splitlines():
                parts = line.split()
                if len(parts) >= 5 and parts[-1] in ("fsync", "fdatasync", "sync_file_range", "msync"):
                    counts[parts[-1]] = counts.get(parts[-1], 0) + int(parts[3])
        return counts


class Direct(Contender):
    """No relay: the ceiling that smtp-source and smtp-sink set."""
    name = "direct"

    def start(self, traced=False):
        self.port = self.sink_port


class PlainPostfix(Contender):
    """Debian's Postfix with its defaults, relaying to the sink."""
    name = "postfix"
    settings = ""

    def start(self, traced=False):
        server = Postfix(self.directory / "run", f"relayhost = [127.0.0.1]:{self.sink_port}\nsmtp_host_lookup = native\n"
                         f"smtpd_recipient_restrictions = permit_mynetworks, reject\n{self.settings}", name="postfix")
        self._trace(server, traced)
        server.start()
        self.port = server.port


class PostfixWithOpenDkim(PlainPostfix):
    """The same with OpenDKIM signing RSA-2048 as its milter."""
    name = "postfix-opendkim"
    signatures = 1
    share = 4

    def start(self, traced=False):
        milter = Server("opendkim", self.directory / "opendkim")
        door = milter.directory / "socket"  # over TCP, delayed acknowledgements cost it 90 ms a message
        key = milter.directory / "key.pem"
        run(["openssl", "genrsa", "-traditional", "-out", key, "2048"])
        key.chmod(0o600)
        configuration = milter.directory / "opendkim.conf"
        configuration.write_text(f"Mode s\nSyslog no\nDomain {SENDER.partition('@')[2]}\nSelector rsa\nKeyFile {key}\nSocket local:{door}\nUMask 000\n"
                                 "RequireSafeKeys no\nCanonicalization relaxed/relaxed\nSignatureAlgorithm rsa-sha256\nOversignHeaders From\nInternalHosts 127.0.0.1\n")
        self._trace(milter, traced)
        milter.spawn(["/usr/sbin/opendkim", "-f", "-x", configuration])
        wait_until(door.exists, "opendkim's socket", 10, details=milter.log_tail)
        self.settings = f"smtpd_milters = unix:{door}\nmilter_default_action = tempfail\n"
        super().start(traced)


class Postern(Contender):
    """Postern with encryption at rest and audit on, as it is by default."""
    name = "postern"

    def start(self, traced=False):
        config = default_config()
        config["server"]["log_level"] = "warn"
        config["listener"] = [config["listener"][1]]  # "plain": no TLS, relays for the loopback
        server = Daemon(self.directory / "run", config).route("*", f"smtp:127.0.0.1:{self.sink_port}", tls="none")
        self._configure(server)
        self._trace(server, traced)
        server.start(60)
        self.port = server.port("plain")

    def _configure(self, server: Daemon):
        """What differs between the variants."""


class PosternSigning(Postern):
    """The same, signing every message with Ed25519 and RSA-2048."""
    name = "postern-dkim"
    signatures = 2

    def _configure(self, server: Daemon):
        server.dkim("ed", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256")


CONTENDERS = {kind.name: kind for kind in (Direct, Postern, PosternSigning, PlainPostfix, PostfixWithOpenDkim)}


# Load.

class Sink:
    """Debian's smtp-sink; `count()` is its own counter of messages."""

    def __init__(self, port: int, directory: pathlib.Path):
        self._output = directory / "sink.out"
        with open(self._output, "wb") as output:
            self.process = subprocess.Popen(["/usr/sbin/smtp-sink", "-c", "-u", "nobody", "-m", "1024", f"127.0.0.1:{port}", "1024"],
                                            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        wait_until(lambda: _listens(port), "smtp-sink to listen", 10)

    def count(self) -> int:
        with open(self._output, "rb") as output:
            output.seek(max(0, os.path.getsize(self._output) - 256))
            found = re.findall(rb"mesg=(\d+)", output.read())
        return int(found[-1]) if found else 0

    def stop(self):
        self.process.kill()
        self.process.wait()


def _listens(port: int) -> bool:
    """Whether somebody listens, without connecting: a connection would count as a session."""
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:])


class Probe(threading.Thread):
    """One message every `interval` while the load runs: the time from the final dot to its 250, and from connect to it."""

    def __init__(self, port: int, size: int, interval=0.02):
        super().__init__(daemon=True)
        self.port, self.interval = port, interval
        line = b"X" * 78 + b"\r\n"
        self.content = b"From: <%s>\r\nTo: <%s>\r\nSubject: probe\r\n\r\n" % (SENDER.encode(), RECIPIENT.encode()) + line * (size // 80)
        self.dot_to_250: list[float] = []
        self.connect_to_250: list[float] = []
        self.failures: list[str] = []
        self._stopping = threading.Event()

    def run(self):
        while not self._stopping.is_set():
            try:
                self._once()
            except (OSError, AssertionError) as error:
                self.failures.append(str(error))
            self._stopping.wait(self.interval)

    def stop(self):
        self._stopping.set()
        self.join()

    def _once(self):
        begun = time.perf_counter()
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lines = connection.makefile("rb")
            self._expect(lines, b"220")
            for command, code in ((b"EHLO probe.example", b"250"), (b"MAIL FROM:<%s>" % SENDER.encode(), b"250"),
                                  (b"RCPT TO:<%s>" % RECIPIENT.encode(), b"250"), (b"DATA", b"354")):
                connection.sendall(command + b"\r\n")
                self._expect(lines, code)
            connection.sendall(self.content + b".\r\n")
            dot = time.perf_counter()
            self._expect(lines, b"250")
            now = time.perf_counter()
            self.dot_to_250.append(now - dot)
            self.connect_to_250.append(now - begun)
            connection.sendall(b"QUIT\r\n")

    @staticmethod
    def _expect(lines, code: bytes):
        while True:
            line = lines.readline()
            assert line.startswith(code), f"probe was answered {line!r}"
            if line[3:4] == b" ":
                return


@dataclasses.dataclass
class Outcome:
    messages: int
    accepted_per_second: float
    delivered_per_second: float
    cpu_per_thousand: float
    peak_memory: int
    sent: int
    sunk: int
    probes: list[float]
    probe_failures: int


def relay(contender: Contender, messages: int, size: int, sessions: int, reuse=False, probe=False, patience=300.0) -> Outcome:
    """One run: load, drain, counts. PeerError when a message is missing or there is one too many at the sink."""
    sink = Sink(contender.sink_port, contender.directory)
    prober = Probe(contender.port, size) if probe else None
    watcher = _MemoryWatcher(contender)
    cpu = cpu_seconds(contender.roots())
    try:
        watcher.start()
        if prober:
            prober.start()
        begun = time.perf_counter()
        argv = ["/usr/sbin/smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", SENDER, "-t", RECIPIENT]
        loaded = subprocess.run([*argv, *(["-d"] if reuse else []), f"127.0.0.1:{contender.port}"], capture_output=True)
        accepted = time.perf_counter() - begun
        if loaded.returncode != 0:
            raise PeerError(f"smtp-source ended with status {loaded.returncode}: {loaded.stderr.decode('utf-8', 'replace')[-500:]}")
        if prober:
            prober.stop()
        expected = messages + (len(prober.dot_to_250) if prober else 0)
        wait_until(lambda: sink.count() >= expected, f"{expected} messages at the sink", patience, every=0.005,
                   details=lambda: f"the sink counts {sink.count()}")
        delivered = time.perf_counter() - begun
        time.sleep(0.3)
        if sink.count() != expected:
            raise PeerError(f"{expected} messages went in and {sink.count()} came out of {contender.name}")
        used = cpu_seconds(contender.roots()) - cpu
        return Outcome(messages, messages / accepted, expected / delivered, used * 1000 / expected, watcher.peak, expected, sink.count(),
                       prober.dot_to_250 if prober else [], len(prober.failures) if prober else 0)
    finally:
        watcher.stop()
        sink.stop()


class _MemoryWatcher(threading.Thread):
    def __init__(self, contender: Contender):
        super().__init__(daemon=True)
        self._contender, self.peak = contender, 0
        self._stopping = threading.Event()

    def run(self):
        while not self._stopping.wait(0.5):
            self.peak = max(self.peak, memory_bytes(self._contender.roots()))

    def stop(self):
        self._stopping.set()
        self.join()
        self.peak = max(self.peak, memory_bytes(self._contender.roots()))
