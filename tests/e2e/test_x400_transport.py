"""transport.mode as its operator sees it: mock without any setting; a vendor's library in a confined process of its own, good, missing, of another version,
crashing and hanging; the native stack against another daemon's store in TLS. What /status, `postern health` and `postern x400 bind-test` say of each."""

import json
import os
import pathlib
import pwd
import shutil
import signal
import stat
import subprocess
import time

import pytest

from peers.base import PeerError, wait_until
from peers.ocsp import RevocationHost

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "x400-sdk"
BROKEN = ROOT / "src" / "sdk" / "testing" / "broken_library.c"
PARTS = [str(EXAMPLE / name) for name in ("results.c", "store.c", "reading.c")]
OPERATOR = "C=DE;A= ;P=NORTH;O=Works;S=Operator"
PASSWORD = "postern"  # the only one that the example library takes


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Builds the example, or one with a defect."""
    folder = tmp_path_factory.mktemp("libraries")
    folder.chmod(0o755)

    def build(defect=None):
        out = folder / f"{(defect or 'memory').lower()}.so"
        source = [str(BROKEN), f"-DDEFECT={defect}"] if defect else [str(EXAMPLE / "memory_library.c")]
        subprocess.run(["cc", "-std=c11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread", "-I", str(ROOT / "include"), "-o", str(out),
                        *source, *PARTS], capture_output=True, timeout=120, check=True)
        return out
    return build


def profile(daemon, peer, name="operations", user=OPERATOR, password=PASSWORD, **more):
    folder = daemon.directory / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.password").write_text(password + "\n")
    lines = [f'peer = "{peer}"', f'user = "{user}"', f'password_ref = "file:{name}.password"', *(f"{key} = {json.dumps(value)}" for key, value in more.items())]
    (folder / f"{name}.toml").write_text("\n".join(lines) + "\n")


def by_sdk(daemon, path, **settings):
    daemon.config["transport"] = {"mode": "sdk", "sdk": {"library_path": str(path), "connect_timeout_ms": 2000, "operation_timeout_ms": 2000, **settings},
                                  "tls": {"enabled": False}}
    return daemon


def findings(daemon) -> dict[str, dict]:
    return {one["name"]: one for one in daemon.get_json("/status")["transport"]["findings"]}


def bind_test(daemon, ok=True) -> dict[str, dict]:
    done = daemon.cli("--json", "x400", "bind-test", check=False, timeout=60)
    answer = json.loads(done.stdout)
    assert answer["ok"] == ok, answer
    assert done.returncode == (0 if ok else 1), done
    return {step["step"]: step for step in answer["steps"]}


def health(daemon) -> dict[str, dict]:
    done = daemon.cli("--json", "health", check=False)
    return {one["check"]: one for one in json.loads(done.stdout)["checks"]}


def library_process(daemon) -> int:
    return daemon.process_of("library")


# ---- mock

def test_mock_needs_no_setting_and_warns_of_nothing(daemon):
    daemon.start()
    status = daemon.get_json("/status")
    assert status["transport"]["mode"] == "mock"
    assert not [text for text in status["warnings"] if "X.400" in text or "mock" in text]
    assert health(daemon)["x400 mode"]["state"] == "ok"
    assert bind_test(daemon)["bind"]["state"] == "ok"
    assert "nothing leaves this process" in daemon.cli("x400", "bind-test").stdout.decode()


# ---- a vendor's library

@pytest.mark.parametrize("options", [[], ["--single"]], ids=["three processes", "one process"])
def test_the_example_library_is_bound_with(daemon, library, options):
    daemon.options = options
    by_sdk(daemon, library(), preferred_profile="memory")
    profile(daemon, "localhost", name="memory")
    daemon.start()
    wait_until(lambda: findings(daemon)["library"]["state"] == "ok", "the library to be started", details=daemon.log_tail)
    assert "Store in memory" in findings(daemon)["library"]["text"]
    assert "memory: P7 at localhost" in findings(daemon)["profile"]["text"]
    steps = bind_test(daemon)
    assert steps["bind"]["state"] == "ok" and OPERATOR in steps["bind"]["text"], steps
    assert steps["health"]["text"].startswith("ready")
    assert findings(daemon)["last bind"]["state"] == "ok"
    assert OPERATOR not in json.dumps(daemon.get_json("/status")), "/status names no person"
    assert PASSWORD + "\n" not in daemon.log_text()


def test_its_process_is_confined_and_starts_again(daemon, library):
    by_sdk(daemon, library(), preferred_profile="memory")
    profile(daemon, "localhost", name="memory")
    daemon.environment["POSTERN_TEST_SECRET"] = "not for libraries"
    daemon.start()
    first = wait_until(lambda: library_process(daemon), "the library's process")
    wait_until(lambda: findings(daemon)["library"]["state"] == "ok", "the library to be started", details=daemon.log_tail)
    shown = pathlib.Path(f"/proc/{first}/status").read_text()
    assert "Seccomp:\t2" in shown and "NoNewPrivs:\t1" in shown and "CapEff:\t0000000000000000" in shown
    home = daemon.data_dir / "library"
    assert os.readlink(f"/proc/{first}/cwd") == str(home) and stat.S_IMODE(home.stat().st_mode) == 0o700
    environment = pathlib.Path(f"/proc/{first}/environ").read_bytes()
    assert b"not for libraries" not in environment
    os.kill(first, signal.SIGSEGV)
    wait_until(lambda: "crashed (signal 11" in findings(daemon)["library"]["text"], "the crash to be told", details=daemon.log_tail)
    wait_until(lambda: bind_test_any(daemon)["bind"]["state"] == "ok", "the pause before another start to end", details=daemon.log_tail)
    assert library_process(daemon) not in (0, first)
    assert findings(daemon)["library"]["state"] == "warning", "it works, and did not always"
    before = library_process(daemon)
    daemon.kill_process("gate")
    daemon.await_ready()
    wait_until(lambda: library_process(daemon) not in (0, before), "another process for another gate", details=daemon.log_tail)
    wait_until(lambda: "Store in memory" in findings(daemon)["library"]["text"], "the other one to say its name", details=daemon.log_tail)


def test_it_runs_as_the_daemons_user_and_ends_with_the_daemon(daemon, library):
    shutil.copy(library(), daemon.directory / "memory.so")
    by_sdk(daemon, daemon.directory / "memory.so", preferred_profile="memory")
    daemon.config["server"]["user"] = "nobody"
    profile(daemon, "localhost", name="memory")
    daemon.start()
    wait_until(lambda: findings(daemon)["library"]["state"] == "ok", "the library to be started", details=daemon.log_tail)
    pid = library_process(daemon)
    assert pathlib.Path(f"/proc/{pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert bind_test(daemon)["bind"]["state"] == "ok"
    os.kill(daemon.process.pid, signal.SIGKILL)
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), "the library to end with its warden", 5)


@pytest.mark.parametrize("defect, says", [
    ("WRONG_VERSION", "version"),
    ("CRASH_IN_LOAD", "crashed (signal 6"),
    ("HANG_IN_OPEN", "no answer came in time"),
])
def test_a_library_that_cannot_be_used_is_said_from_the_start(daemon, library, defect, says):
    by_sdk(daemon, library(defect))
    profile(daemon, "localhost")
    daemon.start()
    wait_until(lambda: findings(daemon)["library"]["state"] == "failed", f"{defect} to be told", details=daemon.log_tail)
    assert says in findings(daemon)["library"]["text"], findings(daemon)["library"]
    assert health(daemon)["x400 library"]["state"] == "failed"
    assert daemon.cli("health", check=False).returncode == 1
    bind = bind_test(daemon, ok=False)["bind"]["text"]
    assert says in bind or "still starting" in bind, bind
    assert daemon.get("/readyz")[0] == 200, "mail comes and goes whatever X.400 does"


@pytest.mark.parametrize("there, says", [(False, "No such file"), (True, "does not export postern_x400_sdk_entry")])
def test_what_is_no_library_is_said(daemon, there, says):
    path = daemon.directory / "other.so"
    if there:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(path), "-x", "c", "-"], input=b"unsigned postern_x400_sdk_version(void) { return 0x10000; }\n",
                       timeout=60, check=True)
    by_sdk(daemon, path)
    profile(daemon, "localhost")
    daemon.start()
    # A start that a busy machine makes longer than connect_timeout_ms is told in other words ("no answer came in time"); the next one is not.
    wait_until(lambda: says in bind_test(daemon, ok=False)["bind"]["text"], "the fault to be told", details=daemon.log_tail)
    assert findings(daemon)["library"]["state"] == "failed" and says in findings(daemon)["library"]["text"]


def test_one_that_aborts_in_bind_is_started_again(daemon, library):
    by_sdk(daemon, library("ABORT_IN_BIND"))
    profile(daemon, "localhost")
    daemon.start()
    wait_until(lambda: findings(daemon)["library"]["state"] == "ok", "the library to be started", details=daemon.log_tail)
    assert "crashed (signal 6" in bind_test(daemon, ok=False)["bind"]["text"]
    assert findings(daemon)["last bind"]["state"] == "warning"
    assert "crashed" in health(daemon)["x400 library"]["text"]


def test_wrong_passwords_and_profiles_are_named(daemon, library):
    by_sdk(daemon, library())
    daemon.start()
    assert "profiles/default.toml" in findings(daemon)["profile"]["text"]
    profile(daemon, "localhost", password="wrong")
    steps = bind_test(daemon, ok=False)
    assert "refuses this name and password" in steps["bind"]["text"], "the profile that came meanwhile counts"
    assert "wrong" not in steps["bind"]["text"].split("password")[0]
    (daemon.directory / "profiles" / "operations.toml").write_text('peer = "localhost"\nusers = "a"\n')
    assert "did you mean user" in bind_test(daemon, ok=False)["profile"]["text"]


# ---- the native stack

@pytest.fixture
def store(make_daemon, authority):
    """Another daemon with a mailbox for the operator, in TLS with a certificate of `authority`."""
    def start(certificate=None, **tls):
        other = make_daemon(name="store")
        if certificate:
            other.config["tls"] = {"certificate": str(certificate.cert), "key": str(certificate.key)}
        other.config["x400"] = {"domain": "C=DE;A= ;P=NORTH", "mta_name": "north", "tls": {"address": "127.0.0.1:0", **tls}}
        other.config["x400_route"] = [{"prefix": "C=DE;A= ;P=NORTH", "via": "store"}]
        other.start()
        other.cli("x400", "ms", "add", OPERATOR, input=f"{PASSWORD}\n".encode())
        return other
    return start


def by_native(daemon, other, authority, host="localhost", fingerprints=(), pins=(), **tls):
    daemon.config["transport"] = {"mode": "native", "fingerprints": list(fingerprints), "tls": {"ca_bundle": str(authority.pem), **tls}}
    profile(daemon, f"{host}:{other.ports['x400s']}", **({"pins": list(pins)} if pins else {}))
    return daemon.start()


def test_native_binds_over_tls(daemon, store, authority):
    certificate = authority.server("localhost", label="store")
    by_native(daemon, store(certificate), authority)
    assert all(one["state"] in ("ok", "note") for one in findings(daemon).values()), findings(daemon)
    steps = bind_test(daemon)
    assert all(step["state"] in ("ok", "note") for step in steps.values()), steps
    assert "TLSv1.3" in steps["connection"]["text"] and OPERATOR in steps["bind"]["text"]
    assert findings(daemon)["last bind"]["state"] == "ok"


def test_fingerprints_decide_when_they_are_enforced(daemon, store, authority, make_daemon):
    certificate = authority.server("localhost", label="pinned")
    other = store(certificate)
    by_native(daemon, other, authority, pins=[f"sha256:{certificate.spki_sha256()}"], enforce_pinset=True)
    assert daemon.cli("config", "check").returncode == 0
    assert bind_test(daemon)["peer pinset"]["state"] == "ok"
    profile(daemon, f"localhost:{other.ports['x400s']}")
    assert bind_test(daemon, ok=False)["pinset"]["state"] == "failed", "a profile is read anew"
    profile(daemon, f"localhost:{other.ports['x400s']}", user="north", role="p1", domain="C=DE;A= ;P=NORTH")
    assert "x400_peer" in bind_test(daemon, ok=False)["profile"]["text"], "what transfers between MTAs is said"
    daemon.stop()
    assert b"pins of the profile" in daemon.cli("config", "check", check=False).stdout
    assert "pins of the profile" in daemon.start_expecting_failure()[1], "nowhere is a fingerprint"
    wrong = make_daemon(name="wrong")
    by_native(wrong, other, authority, fingerprints=["sha256:" + "0" * 64], enforce_pinset=True)
    steps = bind_test(wrong, ok=False)
    assert steps["peer pinset"]["state"] == "failed" and certificate.sha256() in steps["peer pinset"]["text"].replace(":", "").lower(), steps
    assert steps["bind"]["text"].startswith("not tried"), "no password is shown to a stranger"
    compared = make_daemon(name="compared")
    by_native(compared, other, authority, fingerprints=["sha256:" + "0" * 64])
    assert bind_test(compared)["peer pinset"]["state"] == "warning"


def test_a_peer_without_a_valid_certificate_is_refused(daemon, store, authority, make_daemon):
    other = store(authority.server("elsewhere.example", label="elsewhere"))
    by_native(daemon, other, authority)
    assert "not for localhost" in bind_test(daemon, ok=False)["peer"]["text"]
    assert findings(daemon).get("last bind") is None, "no password was shown to it"
    unknown = make_daemon(name="unknown")
    unknown.config["transport"] = {"mode": "native"}
    profile(unknown, f"localhost:{other.ports['x400s']}")
    unknown.start()
    assert bind_test(unknown, ok=False)["peer"]["state"] == "failed"


def test_a_peer_whose_certificate_has_expired_is_refused(daemon, store, authority):
    by_native(daemon, store(authority.server("localhost", days=(-10, -1), label="late")), authority)
    assert "expired" in bind_test(daemon, ok=False)["peer"]["text"]


def test_our_own_certificate_is_judged(daemon, store, authority):
    other = store(authority.server("localhost", label="theirs"))
    expired, good = authority.server("ours.example", days=(-10, -1), label="expired"), authority.server("ours.example", label="ours")
    soon, stranger = authority.server("ours.example", days=(-10, 20), label="soon"), authority.server("stranger.example", label="stranger")
    ours = daemon.directory / "tls"
    ours.mkdir()

    def show(certificate, key):
        (ours / "our.pem").write_bytes(certificate.cert.read_bytes())
        (ours / "our.key").write_bytes(key.key.read_bytes())
        return bind_test_any(daemon)["certificate"]
    for name, issued in (("our.pem", expired.cert), ("our.key", expired.key)):
        (ours / name).write_bytes(issued.read_bytes())
    by_native(daemon, other, authority, client_certificate=str(ours / "our.pem"), client_key=str(ours / "our.key"))
    assert "expired" in findings(daemon)["certificate"]["text"] and health(daemon)["x400 certificate"]["state"] == "failed"
    assert show(good, stranger)["state"] == "failed" and "is not the key of" in findings(daemon)["certificate"]["text"]
    assert show(soon, soon)["state"] == "warning"
    assert show(good, good)["state"] == "ok"
    assert bind_test(daemon)["bind"]["state"] == "ok", "what was mended works without a restart"


def bind_test_any(daemon):
    answer = json.loads(daemon.cli("--json", "x400", "bind-test", check=False, timeout=60).stdout)
    return {step["step"]: step for step in answer["steps"]}


def test_the_responder_that_is_configured_is_asked(daemon, store, authority, workdir):
    responder = RevocationHost("127.0.0.14", authority, workdir / "ocsp")
    try:
        certificate = responder.knows(authority.server("localhost", label="asked"))
        other = store(certificate)
        by_native(daemon, other, authority, ocsp_responder="http://127.0.0.14/ocsp")
        assert "http://127.0.0.14/ocsp is asked" in findings(daemon)["ocsp"]["text"]
        assert bind_test(daemon)["peer revocation"] == {"step": "peer revocation", "ok": True, "state": "ok", "text": "not revoked (ocsp)"}
        assert responder.asked
        responder.revoke(certificate)
        daemon.restart()
        steps = bind_test(daemon, ok=False)
        assert "revoked" in steps["peer revocation"]["text"] and steps["bind"]["text"].startswith("not tried")
        with pytest.raises(PeerError, match="answered 403: .*is revoked at"):  # the mailbox, for which nobody looks at the peer beforehand
            daemon.api_json("POST", "/x400/access", {"wait": 5})
        assert "is revoked at" in findings(daemon)["last bind"]["text"]
        responder.answer_with(500)
        daemon.restart()
        assert bind_test(daemon)["peer revocation"]["state"] == "warning"
    finally:
        responder.stop()


def test_nobody_at_the_peers_address(daemon, authority):
    daemon.config["transport"] = {"mode": "native", "tls": {"ca_bundle": str(authority.pem)}}
    profile(daemon, "127.0.0.1:9")
    daemon.start()
    steps = bind_test(daemon, ok=False)
    assert "refused" in steps["connection"]["text"].lower() and steps["bind"]["text"].startswith("not tried")
    started = time.monotonic()
    daemon.stop()
    assert time.monotonic() - started < 15
