"""Where the root of all keys and the database's key come from: file, environment, and a real keychain (gnome-keyring, Secret Service)."""

import os

import pytest

from peers import mimebytes
from peers.base import run
from peers.daemon import binary
from peers.keyring import Keyring

BOB = "bob@postern.example"
FALLBACK = "POSTERN_KEYCHAIN_FALLBACK"


@pytest.fixture
def keyring(workdir):
    with Keyring(workdir / "keyring").start() as running:
        yield running


@pytest.fixture
def chained(daemon, keyring):
    """A daemon, not yet started, whose root key is in the keychain."""
    daemon.config["keys"] = {"root": "keychain:postern/root"}
    daemon.environment |= keyring.environment
    return daemon


def survives_a_restart(daemon):
    raw = daemon.submit(to=BOB)
    daemon.restart()
    assert mimebytes.carries_unchanged(raw, daemon.await_mail(BOB)[0])


def refuses(daemon, *words):
    """Refuses to start, and says each of the words."""
    status, log = daemon.start_expecting_failure()
    last = log.strip().splitlines()[-1]
    assert status == 5 and all(word in last for word in words), log


# The keychain.

def test_the_first_start_puts_a_root_key_into_the_keychain_and_the_next_one_finds_it(chained, keyring):
    assert keyring.lookup("postern", "root") == ""
    chained.start()
    made = keyring.lookup("postern", "root")
    assert len(made) == 64 and not (chained.data_dir / "keeper" / "root.key").exists()
    survives_a_restart(chained)
    assert keyring.lookup("postern", "root") == made
    assert chained.files_containing(made.encode()) == [], "the root key is nowhere but in the keychain"


def test_both_references_with_names_from_the_settings(chained, keyring):
    chained.config["security"]["keychain"] = {"service_name": "mail", "account_name": "main"}
    chained.config["keys"] = {"root": "keychain:"}
    chained.config["database"] = {"use_sqlcipher": True, "sqlcipher_key_ref": "keychain:/database"}
    chained.start()
    root, database = keyring.lookup("mail", "main"), keyring.lookup("mail", "database")
    assert len(root) == len(database) == 64 and root != database
    assert not (chained.data_dir / "mail" / "postern.db").read_bytes().startswith(b"SQLite format 3")
    survives_a_restart(chained)
    chained.stop()
    done = run([binary("postern"), "--config", chained.config_file, "audit", "verify", "--offline"], env={**os.environ, **keyring.environment}, cwd=chained.directory)
    assert b"the audit log is whole" in done.stdout, "the command reads the same keychain"


def test_an_entry_of_secret_tool_is_used(chained, keyring):
    keyring.store("postern", "root", "a passphrase of the operator's own")
    chained.start()
    assert keyring.lookup("postern", "root") == "a passphrase of the operator's own"
    survives_a_restart(chained)
    chained.stop()
    keyring.store("postern", "root", "another passphrase altogether")
    refuses(chained, "root key")
    keyring.store("postern", "root", "short")
    refuses(chained, "keys.root", "12 to 1,024 bytes")


def test_an_entry_that_went_missing_is_not_replaced(chained, keyring):
    """A new root key would open nothing and hide what is wrong."""
    chained.config["database"] = {"use_sqlcipher": True, "sqlcipher_key_ref": "keychain:postern/database"}
    chained.start()
    chained.stop()
    database = keyring.lookup("postern", "database")
    keyring.forget("postern", "root")
    refuses(chained, "keys.root", "no entry for service postern, account root", "backup")
    keyring.forget("postern", "database")
    refuses(chained, "database.sqlcipher_key_ref", "no entry for service postern, account database", "secret-tool store")
    assert keyring.lookup("postern", "root") == keyring.lookup("postern", "database") == "" != database


def test_a_locked_keychain_is_a_precise_refusal(chained, keyring):
    keyring.lock()
    refuses(chained, "keys.root", "locked", "unlock", FALLBACK)
    assert not (chained.data_dir / "keeper" / "root.key").exists()


def test_a_keychain_that_locks_later_refuses_the_next_start(chained, keyring):
    chained.start()
    keyring.lock()
    survives = chained.submit(to=BOB)
    assert mimebytes.carries_unchanged(survives, chained.await_mail(BOB)[0]), "a running daemon does not need it any more"
    chained.stop()
    refuses(chained, "keys.root", "locked")


def test_a_daemon_outlives_the_session_bus(chained, keyring):
    """GLib would end a process whose session bus goes away."""
    chained.start()
    keyring.stop()
    raw = chained.submit(to=BOB)
    assert mimebytes.carries_unchanged(raw, chained.await_mail(BOB)[0]) and chained.running()


@pytest.mark.parametrize("reference", ["keys.root", "database.sqlcipher_key_ref"])
def test_no_keychain_is_a_precise_refusal(daemon, reference):
    daemon.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent/bus"
    if reference == "keys.root":
        daemon.config["keys"] = {"root": "keychain:postern/root"}
    else:
        daemon.config["database"] = {"use_sqlcipher": True}
    refuses(daemon, reference, "keychain does not answer", "Secret Service", FALLBACK)


@pytest.mark.parametrize("reason", ["switched off", "no keychain", "locked"])
def test_the_fallback_variable_stands_in(chained, keyring, reason):
    chained.environment[FALLBACK] = "a passphrase from the container"
    chained.config["database"] = {"use_sqlcipher": True}
    if reason == "switched off":
        chained.config["security"]["keychain"] = {"enabled": False}
    elif reason == "locked":
        keyring.lock()
    else:
        chained.environment["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent/bus"
    chained.start()
    assert "keychain_fallback" in chained.log_text() and "a passphrase from the container" not in chained.log_text()
    if reason != "locked":
        assert keyring.lookup("postern", "root") == ""
    survives_a_restart(chained)


def test_the_fallback_variable_can_have_another_name(daemon):
    daemon.config["security"]["keychain"] = {"enabled": False, "fallback_env": "MY_ROOT"}
    daemon.config["keys"] = {"root": "keychain:postern/root"}
    refuses(daemon, "keys.root", "security.keychain.enabled is false", "MY_ROOT")
    daemon.environment["MY_ROOT"] = "a passphrase from the container"
    daemon.start()


def test_a_keychain_that_is_switched_off_is_not_asked(chained, keyring):
    keyring.store("postern", "root", "a passphrase of the operator's own")
    chained.config["security"]["keychain"] = {"enabled": False}
    refuses(chained, "keys.root", "security.keychain.enabled is false")


# A passphrase in a file. (Environment: test_cli.py; a file of random bytes is the default of every other test.)

def test_a_passphrase_file_is_the_root_of_keys(daemon):
    passphrase = daemon.directory / "root.passphrase"
    passphrase.write_text("correct horse battery staple\n")
    passphrase.chmod(0o600)
    daemon.config["keys"] = {"root": f"file:{passphrase}"}
    daemon.start()
    survives_a_restart(daemon)
    assert passphrase.read_text() == "correct horse battery staple\n" and not (daemon.data_dir / "keeper" / "root.key").exists()
    daemon.stop()
    passphrase.chmod(0o644)
    refuses(daemon, "keys.root", "chmod 600")
    passphrase.write_text("another horse battery staple\n")
    passphrase.chmod(0o600)
    refuses(daemon, "root key")
    passphrase.unlink()
    refuses(daemon, "keys.root", "No such file", "backup")
    assert not passphrase.exists(), "a root key that is missing is not replaced"


def test_the_database_key_in_a_file_is_made_with_the_database(daemon):
    daemon.config["database"] = {"use_sqlcipher": True, "sqlcipher_key_ref": "file:database.key"}
    daemon.start()
    key = daemon.directory / "database.key"
    assert key.stat().st_mode & 0o777 == 0o600 and not (daemon.data_dir / "mail" / "postern.db").read_bytes().startswith(b"SQLite format 3")
    survives_a_restart(daemon)
    daemon.stop()
    key.unlink()
    refuses(daemon, "database.sqlcipher_key_ref", "No such file")
    assert not key.exists()
