"""libpostern_x400.so, the native stack as an X.400 library: exports two functions and nothing else, and passes every check of the vendors' kit against a daemon
with MTA and store, as a user of the store (P7) and of the MTA (P3), in TLS with a pin."""

import hashlib
import json
import os
import ssl
import subprocess

import pytest

from peers.daemon import binary

ALICE = "C=DE;A= ;P=NORTH;O=Works;S=Alice"
WORDS = "secret words of alice"
# What the kit says of a user who has no mailbox is a skip with words; these run for him as well.
WITHOUT_MAILBOX = {"load", "versions", "smaller-table", "status-texts", "identity", "health", "unknown-profile", "wrong-password", "unreachable-peer",
                   "unknown-role", "not-utf8", "error-buffers", "longer-structures", "closed-twice", "close-ends-associations", "unknown-handles",
                   "handles-are-new", "submission", "bad-submissions", "release-null", "deadlines", "cancel"}


@pytest.fixture
def library():
    found = binary("postern").parent / "libpostern_x400.so"
    assert found.exists(), f"{found} is not built"
    return found


@pytest.fixture
def store(daemon):
    """A daemon with MTA and store in TLS, and alice's mailbox."""
    daemon.config["server"]["hostname"] = "localhost"
    daemon.config["x400"] = {"domain": "C=DE;A= ;P=NORTH", "mta_name": "north", "tls": {"address": "127.0.0.1:0"}}
    daemon.config["x400_route"] = [{"prefix": "C=DE;A= ;P=NORTH", "via": "store"}]
    daemon.start()
    daemon.cli("x400", "ms", "add", ALICE, input=(WORDS + "\n").encode())
    return daemon


def fingerprint(port):
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    return "sha256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def settings(tmp_path, **tls):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"tls": {"enabled": True, "min_version": "1.3", **tls}}))
    return path


def kit(store, library, settings_file, *more, host="127.0.0.1", role="p7"):
    command = [str(binary("postern")), "x400", "sdk-test", "--library", str(library), "--settings", str(settings_file), "--peer", f"{host}:{store.ports['x400s']}",
               "--user", ALICE, "--password-ref", "env:KIT_WORDS", "--role", role, "--limit-ms", "120000", "--json", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ, "KIT_WORDS": WORDS})
    assert WORDS not in done.stdout + done.stderr
    return json.loads(done.stdout)


def by_outcome(answer, outcome):
    return {check["name"]: check["why"] for check in answer["checks"] if check["outcome"] == outcome}


def test_it_exports_the_two_functions_and_nothing_else(library):
    names = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", str(library)], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[0] for line in names.splitlines() if line.split()[1] != "A"}
    assert exported == {"postern_x400_sdk_version", "postern_x400_sdk_entry"}


def test_every_check_passes_by_p7_in_tls_with_a_pin(store, library, tmp_path):
    answer = kit(store, library, settings(tmp_path, fingerprints=[fingerprint(store.ports["x400s"])], enforce_pinset=True))
    assert by_outcome(answer, "failed") == {} and by_outcome(answer, "skipped") == {}
    assert answer["passed"] == len(answer["checks"]) >= 43
    assert WORDS not in store.log_text()


def test_every_check_that_an_mta_can_answer_passes_by_p3(store, library, tmp_path):
    answer = kit(store, library, settings(tmp_path, fingerprints=[fingerprint(store.ports["x400s"])], enforce_pinset=True), role="p3")
    assert by_outcome(answer, "failed") == {}
    assert set(by_outcome(answer, "passed")) == WITHOUT_MAILBOX
    assert all("mailbox" in why for why in by_outcome(answer, "skipped").values())


def test_who_answers_must_be_who_was_meant(store, library, tmp_path):
    wrong = kit(store, library, settings(tmp_path, fingerprints=["sha256:" + "ab" * 32], enforce_pinset=True), "--check", "health")
    assert "NOT_AUTHENTICATED" in by_outcome(wrong, "failed")["health"] and "pins" in by_outcome(wrong, "failed")["health"]
    trusted = settings(tmp_path, ca_bundle=str(store.ca))
    assert by_outcome(kit(store, library, trusted, "--check", "round-trip", host="localhost"), "failed") == {}
    other_name = by_outcome(kit(store, library, trusted, "--check", "health", host="127.0.0.2"), "failed")["health"]
    assert "NOT_AUTHENTICATED" in other_name or "UNAVAILABLE" in other_name  # nobody listens there, or the name is not his
    both = settings(tmp_path, ca_bundle=str(store.ca), fingerprints=["sha256:" + "ab" * 32], enforce_pinset=True)
    assert "NOT_AUTHENTICATED" in by_outcome(kit(store, library, both, "--check", "health", host="localhost"), "failed")["health"]


def test_settings_that_cannot_be_used_are_said_by_field(store, library, tmp_path):
    answer = kit(store, library, settings(tmp_path, ca_bundle="/nowhere/ca.pem"), "--check", "load")
    assert "BAD_ARGUMENT" in by_outcome(answer, "failed")["load"]
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "operations.toml").write_text("")
    place = tmp_path / "profile.json"
    place.write_text(json.dumps({"profiles_dir": str(folder), "tls": {"enabled": False}}))
    assert kit(store, library, place, "--check", "load", "--profile", "operations")["failed"] == 0
    assert "no such profile" in by_outcome(kit(store, library, place, "--check", "load", "--profile", "nothing"), "failed")["load"]
