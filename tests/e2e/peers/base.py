"""Processes, ports and waiting: what every peer stands on."""

import collections
import contextlib
import ctypes
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_the_parent():
    """In the child: when the test run is killed, its servers end too."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class PeerError(AssertionError):
    """A peer, or the daemon, did not do what the test needs; the text carries the tail of its log."""


# Below what Linux gives to those who take any port (net.ipv4.ip_local_port_range): none of them can get in between.
PORTS = range(15000, 32000)
WORKERS = 8  # test processes at a time, each with ports of its own
_given: collections.deque[int] = collections.deque(maxlen=200)  # perhaps not taken yet


def free_port() -> int:
    """A port for a server that is told its own: it stays free until it is taken."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    while True:
        port = secrets.choice(PORTS)
        if port % WORKERS != worker or port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.append(port)
            return port


def wait_until(condition, what: str, seconds: float = 20.0, every: float = 0.05, details=None):
    """The first truthy answer of `condition`; PeerError that names `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            more = f"\n{details()}" if details else ""
            raise PeerError(f"waited {seconds:g} s in vain for {what}{more}")
        time.sleep(every)


def port_answers(port: int, host: str = "127.0.0.1") -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def tail(path: pathlib.Path, lines: int = 40) -> str:
    """The end of a log, for the message of a failure."""
    try:
        text = pathlib.Path(path).read_bytes()[-16384:].decode("utf-8", "replace")
    except OSError as error:
        return f"({path}: {error.strerror})"
    return "\n".join(f"  | {line}" for line in text.splitlines()[-lines:]) or f"  | ({path} is empty)"


def run(argv, *, input=None, check=True, timeout=60, env=None, cwd=None) -> subprocess.CompletedProcess:
    """One short command; on failure the assertion says what it printed. Bytes in, bytes out."""
    if isinstance(input, str):
        input = input.encode()
    done = subprocess.run([str(a) for a in argv], input=input, capture_output=True, timeout=timeout, env=env, cwd=cwd)
    if check and done.returncode != 0:
        raise PeerError(f"{argv[0]} ended with status {done.returncode}: {' '.join(str(a) for a in argv)}\n"
                        f"  stdout: {done.stdout.decode('utf-8', 'replace')[-2000:]}\n"
                        f"  stderr: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
    return done


class Server:
    """A long-running program with its own log file and process group; never outlives the test."""

    def __init__(self, name: str, directory: pathlib.Path):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_path = self.directory / f"{name}.log"
        self.process: subprocess.Popen | None = None
        self.wrapper: list[str] = []  # put before the command line: strace and its like

    def spawn(self, argv, *, env=None):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(a) for a in (*self.wrapper, *argv)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                            start_new_session=True, cwd=self.directory, preexec_fn=_die_with_the_parent)

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log_tail(self, lines: int = 40) -> str:
        return f"end of {self.log_path}:\n{tail(self.log_path, lines)}"

    def log_text(self) -> str:
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def await_port(self, port: int, seconds: float = 20.0, host: str = "127.0.0.1"):
        def up():
            if not self.running():
                raise PeerError(f"{self.name} ended with status {self.process.returncode} before it listened\n{self.log_tail()}")
            return port_answers(port, host)
        wait_until(up, f"{self.name} on port {port}", seconds, details=self.log_tail)

    def stop(self, seconds: float = 10.0) -> int | None:
        """SIGTERM, then SIGKILL of the whole group. Returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self._terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self._kill_group()
        status = self.process.wait(5)
        self.process = None
        return status

    def _terminate(self):
        """A wrapper such as strace ends, and writes its summary, when what it runs ends."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if self.wrapper else []
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(children[0]) if children else pid, signal.SIGTERM)

    def kill(self):
        """kill -9, as a power cut would look to the process."""
        self._kill_group()
        self.process.wait(10)
        self.process = None

    def _kill_group(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
