"""Code execution in the gate does not reach a key. The gate is taken over: its whole memory is read from within, and an intruder tries in its
confinement what intruders do; the keeper is killed, and nothing is lost."""

import base64
import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from peers import vaultcrypto as stranger
from peers.base import wait_until
from peers.daemon import LOCAL_DOMAIN, Daemon, binary, default_config
from peers.vault import Vault, b64

PROGRAMS = binary("posternd").parent.parent / "tests" / "programs"
SANDBOX = "-"  # of an argument that the attempt does not need

LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438  # the same number on every architecture since Linux 5.6


# What is planted, and the forms in which it could lie in memory.

def aes_round_keys(key: bytes) -> bytes:
    """The second pair of round keys of AES-256 (FIPS 197 5.2): there is no such text in memory but in a key schedule."""
    def times2(x):
        return (x << 1) ^ (0x11B if x & 0x80 else 0)

    def inverse(x):
        return next((y for y in range(256) if multiply(x, y) == 1), 0)

    def multiply(x, y):
        out = 0
        while y:
            out ^= x if y & 1 else 0
            x, y = times2(x), y >> 1
        return out

    def substitute(x):
        y = inverse(x)
        out = 0x63
        for shift in range(5):
            out ^= ((y << shift) | (y >> (8 - shift))) & 0xFF
        return out
    words = [key[i:i + 4] for i in range(0, 32, 4)]
    for i in range(8, 16):
        word = words[-1]
        if i % 8 == 0:
            word = bytes(substitute(b) for b in word[1:] + word[:1])
            word = bytes([word[0] ^ 1]) + word[1:]
        elif i % 8 == 4:
            word = bytes(substitute(b) for b in word)
        words.append(bytes(a ^ b for a, b in zip(words[-8], word)))
    return b"".join(words[8:16])


def forms(name: str, secret: bytes) -> dict[str, bytes]:
    out = {f"{name}": secret, f"{name}-reversed": secret[::-1], f"{name}-hex": secret.hex().encode(), f"{name}-HEX": secret.hex().upper().encode(),
           f"{name}-base64": base64.b64encode(secret).rstrip(b"=")[:-1]}
    for skipped in (1, 2):  # inside a longer text that base64 cuts elsewhere
        out[f"{name}-base64+{skipped}"] = base64.b64encode(secret[skipped:]).rstrip(b"=")[:-1]
    return out


class Planted:
    def __init__(self):
        self.aes = bytes(range(7, 7 + 64, 2))
        self.signer = ed25519.Ed25519PrivateKey.from_private_bytes(b"planted Ed25519 seed of 32 bytes")
        self.rsa = rsa.generate_private_key(65537, 2048)

    def needles(self) -> dict[str, bytes]:
        numbers = self.rsa.private_numbers()
        out = forms("aes", self.aes) | {"aes-schedule": aes_round_keys(self.aes)}
        out |= forms("ed25519", b"planted Ed25519 seed of 32 bytes")
        for name, number, size in (("rsa-d", numbers.d, 256), ("rsa-p", numbers.p, 128), ("rsa-q", numbers.q, 128)):
            out |= forms(name, number.to_bytes(size, "big")[32:96])
        return out

    def import_into(self, vault: Vault):
        for name, kind, target in (("planted_aes", "aes256-gcm96", self.aes), ("planted_signer", "ed25519", stranger.pkcs8(self.signer)),
                                   ("planted_rsa", "rsa-2048", stranger.pkcs8(self.rsa))):
            vault.write(f"transit/keys/{name}/import", type=kind, ciphertext=stranger.wrapped(vault.read("transit/wrapping_key")["public_key"], target),
                        hash_function="SHA256")


def use(vault: Vault):
    """Each planted key, so that it is in memory wherever it comes to be."""
    for _ in range(20):
        sealed = vault.write("transit/encrypt/planted_aes", plaintext=b64("text"))["ciphertext"]
        assert vault.write("transit/decrypt/planted_aes", ciphertext=sealed)["plaintext"] == b64("text")
        vault.write("transit/sign/planted_signer", input=b64("text"))
        vault.write("transit/sign/planted_rsa", input=b64("text"))


def read_memory(pid: int, needles: dict[str, bytes]) -> tuple[set[str], list[int]]:
    """Which needles the process has, as code within it would see; and how many bytes were read, secret ones, and not readable."""
    text = "".join(f"{name} {value.hex()}\n" for name, value in needles.items())
    done = subprocess.run([PROGRAMS / "memory_reader", str(pid)], input=text.encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    return {words[1] for words in lines if words[0] == "found"}, [int(n) for n in next(words[1:] for words in lines if words[0] == "read")]


PLANTED_POLICY = 'path "transit/+/planted_*" { capabilities = ["update"] }'


def planted_daemon(make_daemon, *options) -> tuple[Daemon, Planted, Vault, dict[str, bytes]]:
    """Running, with planted keys in use by the API and by mail, and a gate that has never seen the root token."""
    daemon = make_daemon(default_config())
    daemon.options = list(options)
    daemon.start()
    planted = Planted()
    root = daemon.vault()
    planted.import_into(root)
    user = root.new_token(policies=["planted"], no_parent=True) if root.call("PUT", "sys/policies/acl/planted", {"policy": PLANTED_POLICY}).status in (200, 204) else None
    root.close()
    daemon.stop()
    daemon.dkim("planted", "planted_signer", "ed25519-sha256")
    daemon.start()
    vault = Vault(f"http://127.0.0.1:{daemon.port('http')}", user["client_token"])
    use(vault)
    for number in range(5):
        daemon.submit(to=f"bob{number}@{LOCAL_DOMAIN}")
        daemon.await_mail(f"bob{number}@{LOCAL_DOMAIN}")
    keeper = daemon.data_dir / "keeper"
    needles = planted.needles() | forms("root-key", (keeper / "root.key").read_bytes())
    needles |= {"engine-token": (keeper / "engine.token").read_bytes().strip()} | forms("recovery", base64.b64decode((keeper / "engine.recovery").read_bytes()))
    return daemon, planted, vault, needles


# The gate's memory.

def test_a_gate_that_is_read_from_within_has_no_key(make_daemon):
    daemon, _, vault, needles = planted_daemon(make_daemon)
    use(vault)
    found, (read, _, unreadable) = read_memory(daemon.process_of("gate"), needles)
    assert read > 2**20 and unreadable < read / 100
    assert not found, f"the gate's memory has {found}\n{daemon.log_tail()}"
    use(vault)  # it goes on after it was read
    there, (_, secret, _) = read_memory(daemon.process_of("keeper"), needles)
    assert {"aes", "aes-schedule"} & there and {"ed25519", "rsa-p", "rsa-p-reversed"} & there, f"the same search finds only {there} in the keeper"
    assert secret > 0 or "memfd_secret" in daemon.log_text(), "the keeper uses secret pages, or the log says why not"


def test_the_warden_has_no_key(make_daemon):
    daemon, _, _, needles = planted_daemon(make_daemon)
    found, _ = read_memory(daemon.process.pid, needles)
    assert not found, found


def test_the_search_finds_them_in_a_daemon_of_one_process(make_daemon):
    daemon, _, vault, needles = planted_daemon(make_daemon, "--single")
    use(vault)
    found, _ = read_memory(daemon.process.pid, needles)
    assert {"aes", "aes-schedule"} <= found and {"ed25519", "ed25519-reversed"} & found, found


def test_root_reads_no_secret_of_the_keeper_through_proc(make_daemon):
    """What lies in pages of memfd_secret is hidden from /proc/PID/mem and ptrace: the key of use, its schedule, OpenSSL's numbers."""
    daemon, planted, vault, _ = planted_daemon(make_daemon)
    use(vault)
    if "kernel has no memfd_secret" in daemon.log_text():
        pytest.skip("this kernel has no memfd_secret")
    pid, content = daemon.process_of("keeper"), b""
    with open(f"/proc/{pid}/mem", "rb") as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            try:
                memory.seek(begin)
                content += memory.read(end - begin) if line.split()[1][0] == "r" and "[v" not in line else b""
            except (OSError, ValueError):
                continue
    assert len(content) > 2**20
    assert aes_round_keys(planted.aes) not in content and planted.aes not in content


@pytest.mark.parametrize("role", ["gate", "keeper"])
def test_no_core_file_and_no_inspection(daemon, role):
    daemon.start()
    pid = daemon.process_of(role)
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    assert "Max core file size        0                    0" in limits
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    daemon.kill_process(role, signal.SIGABRT)
    daemon.await_ready()
    assert not list(daemon.directory.rglob("core*"))
    line = next(line for line in daemon.log_text().splitlines() if "warden.ended" in line)
    assert f"child={role}" in line and "signal 6" in line and "uptime_ms=" in line


def test_the_gate_does_not_see_the_keepers_environment(daemon):
    daemon.config["keys"] = {"root": "env:PLANTED_ROOT_SECRET"}
    daemon.environment = {"PLANTED_ROOT_SECRET": "correct horse battery staple", "AWS_SECRET_ACCESS_KEY": "another program's secret"}
    daemon.start()
    def environment(role):
        return pathlib.Path(f"/proc/{daemon.process_of(role)}/environ").read_bytes()
    assert b"battery" not in environment("gate") and b"another program" not in environment("gate")
    assert b"battery" in environment("keeper") and b"another program" not in environment("keeper")


@pytest.mark.parametrize("role", ["gate", "keeper"])
def test_a_child_has_only_its_own_descriptors(daemon, role):
    daemon.start()
    other = "keeper/" if role == "gate" else "mail/"
    held = []
    for fd in pathlib.Path(f"/proc/{daemon.process_of(role)}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            held.append(str(fd.readlink()))
    assert not [place for place in held if other in place or place.endswith(".toml") or "posternd (deleted)" in place], held


# Its confinement.

class Intruder:
    def __init__(self, daemon: Daemon):
        self.daemon = daemon

    def tries(self, role: str, attempt: str, argument=SANDBOX) -> subprocess.CompletedProcess:
        return subprocess.run([PROGRAMS / "confinement_probe", role, self.daemon.config_file, attempt, str(argument)], capture_output=True,
                              text=True, timeout=30, cwd=self.daemon.directory)

    def may(self, role: str, attempt: str, argument=SANDBOX):
        done = self.tries(role, attempt, argument)
        assert done.returncode == 0, f"{role} should be able to {attempt} {argument}: {done.stdout}{done.stderr}"

    def may_not(self, role: str, attempt: str, argument=SANDBOX):
        done = self.tries(role, attempt, argument)
        assert done.returncode == -signal.SIGSYS or (done.returncode == 1 and "refused" in done.stdout), \
            f"{role} could {attempt} {argument}: status {done.returncode} {done.stdout}{done.stderr}"


@pytest.fixture
def intruder(daemon) -> Intruder:
    daemon.start()
    return Intruder(daemon)


def test_the_gate_reaches_no_file_of_the_keeper(intruder):
    data = intruder.daemon.data_dir
    for name in ("keeper/engine.db", "keeper/root.key", "keeper/engine.token", "keeper/engine.recovery", "audit/engine.jsonl"):
        intruder.may("none", "read", data / name)
        size = (data / name).stat().st_size
        for attempt in ("read", "write", "truncate", "rename"):
            intruder.may_not("gate", attempt, data / name)
        assert (data / name).stat().st_size == size
    for place in ("/etc/passwd", "/etc/shadow", "/root", "/proc/1/environ", intruder.daemon.config_file, data / "keeper"):
        intruder.may_not("gate", "read", place)
    for place in ("keeper/x", "audit/x", "x"):
        intruder.may_not("gate", "create", data / place)
    intruder.may("gate", "create", data / "mail" / "x")
    intruder.may("gate", "read", data / "admin.token")
    intruder.may_not("gate", "write", data / "admin.token")


def test_the_gate_does_nothing_to_the_keeper(intruder):
    keeper = intruder.daemon.process_of("keeper")
    for attempt, argument in (("ptrace", keeper), ("process_vm_readv", keeper), ("signal", keeper), ("read", f"/proc/{keeper}/mem"),
                              ("read", f"/proc/{keeper}/environ")):
        intruder.may("none", attempt, argument)
        intruder.may_not("gate", attempt, argument)
    intruder.may_not("gate", "kill", keeper)
    assert intruder.daemon.process_of("keeper") == keeper


BEYOND = ["exec", "fork", "init_module", "mount", "unshare", "unshare_user", "chroot", "bpf", "io_uring", "perf", "userfaultfd", "keyctl", "raw_socket",
          "packet_socket", "write_then_run", "setuid", "dumpable", "core"]


@pytest.mark.parametrize("role", ["gate", "keeper"])
def test_what_only_intruders_do_is_refused(intruder, role):
    argument = {"exec": "/bin/sh", "mount": "/mnt", "chroot": "/"}
    for attempt in BEYOND:
        intruder.may_not(role, attempt, argument.get(attempt, SANDBOX))
    for attempt in ("nothing", "thread"):
        intruder.may(role, attempt)
    for attempt in ("exec", "fork", "unshare", "write_then_run", "raw_socket", "dumpable"):  # the attempts themselves work here
        intruder.may("none", attempt, argument.get(attempt, SANDBOX))


def test_the_keeper_has_no_network_and_no_files_but_its_own(intruder):
    data = intruder.daemon.data_dir
    for attempt, argument in (("socket", SANDBOX), ("unix_socket", SANDBOX), ("connect", intruder.daemon.port("http")), ("bind", 0)):
        intruder.may("none", attempt, argument)
        intruder.may_not("keeper", attempt, argument)
    for place in ("/etc/passwd", data / "mail" / "postern.db", data / "admin.token", "/proc/1/environ", intruder.daemon.config_file):
        intruder.may_not("keeper", "read", place)
    intruder.may("keeper", "read", data / "keeper" / "root.key")
    for attempt in ("ptrace", "process_vm_readv", "signal"):
        intruder.may_not("keeper", attempt, intruder.daemon.process_of("gate"))


def test_the_gate_connects_only_where_mail_goes(daemon, sink):
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")
    daemon.start()
    intruder = Intruder(daemon)
    intruder.may("gate", "connect", sink.port)
    intruder.may("none", "connect", daemon.port("http"))
    intruder.may_not("gate", "connect", daemon.port("http"))
    intruder.may_not("gate", "unix_socket")


def test_a_setting_that_would_show_the_gate_the_keepers_files_is_refused_once(daemon):
    daemon.config["server"]["gate_paths"] = [str(daemon.data_dir)]
    status, log = daemon.start_expecting_failure()
    assert status == 2 and log.count("would show the gate") == 1, log


def test_a_user_of_its_own(daemon):
    daemon.config["server"]["user"] = "nobody"
    daemon.directory.chmod(0o755)
    daemon.start()
    for role in ("gate", "keeper"):
        status = pathlib.Path(f"/proc/{daemon.process_of(role)}/status").read_text()
        assert "Uid:\t65534\t65534\t65534\t65534" in status and "Groups:\t \n" in status, status
    daemon.submit(to=f"bob@{LOCAL_DOMAIN}")
    daemon.await_mail(f"bob@{LOCAL_DOMAIN}")
    daemon.restart()
    assert len(daemon.await_mail(f"bob@{LOCAL_DOMAIN}")) == 1


# Ends.

def test_the_warden_takes_both_with_it(daemon):
    daemon.start()
    children = [daemon.process_of(role) for role in ("gate", "keeper")]
    daemon.process.kill()  # it alone
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in children), "both children to end")
    daemon.kill()
    daemon.start()


def test_a_gate_that_dies_comes_back_to_the_same_keeper(daemon):
    daemon.start()
    keeper = daemon.process_of("keeper")
    for _ in range(3):
        daemon.kill_process("gate")
        daemon.await_ready()
        daemon.submit(to=f"bob@{LOCAL_DOMAIN}")
    assert len(daemon.await_mail(f"bob@{LOCAL_DOMAIN}", 3)) == 3
    assert daemon.process_of("keeper") == keeper
    assert daemon.stop() == 0


def test_a_forbidden_call_is_reported_for_what_it_is(daemon):
    daemon.start()
    daemon.kill_process("gate", signal.SIGSYS)
    daemon.await_ready()
    assert "only an intruder makes" in daemon.log_text()


class Load(threading.Thread):
    """Calls `once(number)` until it is told to stop; keeps what it returned, and what went wrong."""

    def __init__(self, once):
        super().__init__()
        self.once, self.done, self.failed, self.stopped = once, [], [], threading.Event()

    def run(self):
        number = 0
        while not self.stopped.is_set():
            number += 1
            try:
                self.done.append(self.once(number))
            except Exception as error:  # noqa: BLE001: each is looked at by the test
                self.failed.append(error)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join(120)


def test_a_keeper_that_is_killed_ten_times_loses_nothing(daemon, sink):
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")
    daemon.start()
    root = daemon.vault()
    root.call("POST", "transit/keys/loaded", {"type": "aes256-gcm96"})
    gate = daemon.process_of("gate")

    def send(number):
        return daemon.submit(to=f"n{number}@example.net")

    def encrypt(number):
        answer = api.call("POST", "transit/encrypt/loaded", {"plaintext": b64(str(number))})
        assert answer.status in (200, 503), answer.body  # 503: the outcome is unknown, and says so
        return (number, answer.data["ciphertext"]) if answer.status == 200 else None
    api = daemon.vault()
    with Load(send) as mail, Load(encrypt) as calls:
        born = time.monotonic()
        for _ in range(10):
            sent, called = len(mail.done), len(calls.done)
            # A second of service: shorter lives in a row are what the warden gives up on (restart.hpp).
            wait_until(lambda: time.monotonic() > born + 1.2 and len(mail.done) > sent + 2 and len([c for c in calls.done[called:] if c]) > 2,
                       "mail and calls between two kills", 60,
                       details=lambda: f"{mail.failed[-3:]} {calls.failed[-3:]}\n{daemon.log_tail()}")
            daemon.kill_process("keeper")
            born = time.monotonic()
    assert daemon.process_of("gate") == gate, "the gate lived through all of it"
    daemon.await_empty_queue(60)
    sink.wait(len(mail.done), 60, daemon.log_tail)
    contents = [message.content for message in sink.messages]
    assert all(any(content.endswith(raw) for content in contents) for raw in mail.done)
    for number, sealed in filter(None, calls.done):
        assert root.write("transit/decrypt/loaded", ciphertext=sealed)["plaintext"] == b64(str(number))
    assert not calls.failed, calls.failed[:3]
    assert daemon.stop() == 0


def test_a_keeper_that_cannot_start_ends_the_daemon_with_its_reason(daemon):
    daemon.start()
    daemon.stop()
    (daemon.data_dir / "keeper" / "root.key").unlink()
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "root.key" in log, log


def test_a_keeper_that_never_lives_long_ends_the_daemon(daemon):
    """Its key file is another one: each next life ends at once, and the warden says so instead of trying for ever."""
    daemon.start()
    (daemon.data_dir / "keeper" / "root.key").write_bytes(b"another root key of 32 bytes ...")
    daemon.kill_process("keeper")
    assert daemon.process.wait(180) == 5, daemon.log_tail()
    log = daemon.log_text()
    assert "warden.gives_up" in log and "child=keeper" in log
    daemon.process = None


# An older data directory.

def test_an_older_data_directory_is_moved_once(daemon):
    daemon.start()
    daemon.submit(to=f"bob@{LOCAL_DOMAIN}")
    before = daemon.await_mail(f"bob@{LOCAL_DOMAIN}")
    daemon.stop()
    data = daemon.data_dir
    for folder in ("mail", "keeper"):
        for path in list((data / folder).iterdir()):
            if path.name != "lock":
                path.rename(data / path.name)
    daemon.start()
    assert daemon.await_mail(f"bob@{LOCAL_DOMAIN}") == before
    assert not (data / "root.key").exists() and (data / "keeper" / "root.key").exists() and (data / "mail" / "postern.db").exists()


# What it says of itself.

def test_status_says_how_each_process_is_confined(daemon):
    daemon.start()
    gate, keeper = daemon.get_json("/status")["processes"]
    assert (gate["name"], keeper["name"]) == ("gate", "keeper")
    for process in (gate, keeper):
        assert "landlock=" in process["confinement"] and "calls=listed" in process["confinement"], process
    assert any("free port" in note for note in gate["notes"]), "what settings opened is told"
    assert not any("local sockets" in note for note in keeper["notes"])
    text = daemon.cli("status").stdout.decode()
    assert "gate: landlock=" in text and "keeper: landlock=" in text, text


def test_status_says_that_one_process_holds_all(daemon):
    daemon.options = ["--single"]
    daemon.start()
    (process,) = daemon.get_json("/status")["processes"]
    assert process["name"] == "posternd" and process["confinement"] == "none" and "--single" in process["notes"][0]


def break_channels(pid: int, warden: int) -> int:
    """Shuts down each stream socket pair that the warden gave that process, as a fault of the channel would; how many there were."""
    broken = 0
    pidfd = os.pidfd_open(pid)
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        taken = LIBC.syscall(PIDFD_GETFD, pidfd, int(entry.name), 0)
        if taken < 0:
            continue
        if not stat.S_ISSOCK(os.fstat(taken).st_mode):
            os.close(taken)
            continue
        with socket.socket(fileno=taken) as copy:
            if copy.family != socket.AF_UNIX or copy.type != socket.SOCK_STREAM:
                continue
            maker, _, _ = struct.unpack("3i", copy.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if maker == warden:
                copy.shutdown(socket.SHUT_RDWR)
                broken += 1
    os.close(pidfd)
    return broken


def test_a_channel_that_breaks_is_replaced_though_both_processes_live(daemon):
    """A hostile or faulty frame ends the channel and not the keeper: the gate asks the warden for another one."""
    daemon.start()
    vault = daemon.vault()
    before = daemon.process_of("gate"), daemon.process_of("keeper")
    for number in range(3):
        assert break_channels(before[0], daemon.process.pid) == 1
        daemon.submit(to=f"bob@{LOCAL_DOMAIN}")
        assert vault.call("GET", "sys/health").status == 200
        daemon.await_mail(f"bob@{LOCAL_DOMAIN}", number + 1)
    assert (daemon.process_of("gate"), daemon.process_of("keeper")) == before
