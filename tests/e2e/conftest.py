"""Fixtures of the end-to-end tests. Every test has its own directory and its own daemon; all servers stop with the test that made them."""

import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from peers.certs import TestAuthority  # noqa: E402
from peers.daemon import Daemon, default_config, engine_config  # noqa: E402
from peers.dovecot import DovecotLmtp  # noqa: E402
from peers.postfix import PostfixReceiver  # noqa: E402
from peers.sealtools import Gnupg, Sequoia  # noqa: E402
from peers.sink import SmtpSink  # noqa: E402
from peers.vault import Vault  # noqa: E402

# The command line of OpenBao is in no registry that serves Debian; with BAO=path its tests belong to the run.
collect_ignore = [] if os.environ.get("BAO") else ["test_vault_cli.py"]


def _new_directory() -> pathlib.Path:
    """Short, because Unix sockets have 108 bytes for their name; open to other users, because Postfix and Dovecot change user."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pt-", dir="/tmp"))
    directory.chmod(0o755)
    return directory


def _remove(directory: pathlib.Path):
    if os.environ.get("POSTERN_KEEP"):
        print(f"kept: {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def workdir():
    """The test's own directory; POSTERN_KEEP=1 leaves it for inspection."""
    directory = _new_directory()
    yield directory
    _remove(directory)


@pytest.fixture(scope="session")
def session_directory():
    directory = _new_directory()
    yield directory
    _remove(directory)


@pytest.fixture(scope="session")
def authority(session_directory) -> TestAuthority:
    """The peers' own certificate authority."""
    return TestAuthority(session_directory / "authority")


@pytest.fixture(scope="session")
def peer_certificate(authority):
    """What the next hops present: good for 127.0.0.1 and localhost."""
    return authority.server("127.0.0.1", "localhost", label="peer")


_SERVERS = pytest.StashKey[list]()


@pytest.fixture
def make_daemon(workdir, request):
    """Daemon(s) not yet started: change .config, add .route(), .policy(), .dkim(), then .start()."""
    made = request.node.stash.setdefault(_SERVERS, [])

    def make(config=None, name="posternd") -> Daemon:
        daemon = Daemon(workdir / name, config if config is not None else default_config(), name)
        made.append(daemon)
        return daemon
    yield make
    for daemon in made:
        daemon.stop()


@pytest.fixture
def daemon(make_daemon) -> Daemon:
    return make_daemon()


@pytest.fixture(scope="module")
def engine(request):
    """One running daemon for all tests of a module that use its key engine; they do not share names (peers.vault.fresh)."""
    directory = _new_directory()
    daemon = Daemon(directory / "posternd", engine_config())
    request.node.stash.setdefault(_SERVERS, []).append(daemon)
    try:
        yield daemon.start()
    finally:
        daemon.stop()
        _remove(directory)


@pytest.fixture
def vault(request) -> Vault:
    """The key engine with its root token. POSTERN_TEST_VAULT=http://host:port and POSTERN_TEST_TOKEN name a foreign server instead, to
    check the tests themselves; those that want the daemon (`engine`) then still start it."""
    foreign = os.environ.get("POSTERN_TEST_VAULT")
    client = Vault(foreign, os.environ["POSTERN_TEST_TOKEN"]) if foreign else request.getfixturevalue("engine").vault()
    yield client
    client.close()


@pytest.fixture
def make_sink():
    made = []

    def make(**options) -> SmtpSink:
        made.append(SmtpSink(**options))
        return made[-1]
    yield make
    for sink in made:
        sink.stop()


@pytest.fixture
def sink(make_sink) -> SmtpSink:
    """A next hop without TLS."""
    return make_sink()


@pytest.fixture
def relaying(daemon, sink) -> Daemon:
    """A daemon, not yet started, that relays everything that is not local to the plain sink."""
    return daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")


@pytest.fixture(scope="module")
def postfix(authority, peer_certificate):
    directory = _new_directory()
    with PostfixReceiver(directory, peer_certificate).start() as server:
        yield server
    _remove(directory)


@pytest.fixture(scope="module")
def dovecot(authority, peer_certificate):
    directory = _new_directory()
    with DovecotLmtp(directory, peer_certificate).start() as server:
        yield server
    _remove(directory)


@pytest.fixture(scope="session")
def gnupg():
    """A keyring with gina@example.net (Ed25519/X25519) and rsa@example.net (RSA-2048)."""
    home = _new_directory()
    keyring = Gnupg(home)
    keyring.new_key("gina@example.net")
    keyring.new_key("rsa@example.net", "rsa2048")
    yield keyring
    keyring.stop()
    _remove(home)


@pytest.fixture(scope="session")
def sequoia(session_directory) -> Sequoia:
    return Sequoia(session_directory / "sequoia")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows the end of its daemons' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in [*item.stash.get(_SERVERS, []), *item.getparent(pytest.Module).stash.get(_SERVERS, [])]:
            report.sections.append((f"log of {server.name}", server.log_tail(60)))
