"""Strong credentials at binds (X.411 8.1.1, 12.1.1): two MTAs and their users prove who they are by signed tokens. tshark reads the binds, OpenSSL verifies
the tokens as they came over the wire, and each bad bind is refused by one code while the log says why."""

import dataclasses
import socket

import pytest

from peers import ber
from peers.base import run, wait_until
from peers.dissect import TO_CLIENT, TO_SERVER, assert_clean_transfers
from peers.wire_audit import spdus
from peers.wiretap import split_tpkts
from peers.x400_people import ALICE, BOB, Pair, behind_wiretaps, certificate_pin, configure
from test_x400_tls import health_of
from test_x400_wire import Recorded

ASYMMETRIC_TOKEN = ber.prim("C0", ber.oid("2.6.3.6.0")[2:])
DIGESTS = {"1.2.840.113549.1.1.11": "-sha256", "1.2.840.10045.4.3.2": "-sha256", "1.2.840.10045.4.3.3": "-sha384"}


def pin(issued) -> str:
    return f"sha256:{issued.spki_sha256()}"


# ---- a second opinion

@dataclasses.dataclass
class Shown:
    """Strong credentials as they stood in a bind."""
    data: ber.Node       # AsymmetricTokenData
    algorithm: str
    signature: bytes
    certificates: list[bytes]

    @property
    def random_number(self) -> bytes:
        return self.data.want("C0", "C1").only().octets

    def assert_signed(self, directory):
        """By OpenSSL, over the octets that came."""
        for name, octets in (("data", self.data.raw), ("signature", self.signature), ("certificate", self.certificates[0])):
            (directory / name).write_bytes(octets)
        run(["openssl", "x509", "-inform", "DER", "-in", directory / "certificate", "-pubkey", "-noout", "-out", directory / "key"])
        verdict = run(["openssl", "dgst", DIGESTS[self.algorithm], "-verify", directory / "key", "-signature", directory / "signature", directory / "data"])
        assert b"Verified OK" in verdict.stdout
        assert b"error" not in run(["openssl", "asn1parse", "-inform", "DER", "-in", directory / "data"]).stdout.lower()


def shown_by(transcript, sender) -> Shown:
    bind = next(spdu.user_data for spdu in spdus(transcript, sender) if spdu.name in ("CN", "AC"))
    token, end = ber.read(bind, bind.index(ASYMMETRIC_TOKEN) + len(ASYMMETRIC_TOKEN))
    certificates, _ = ber.read(bind, end)
    data, algorithm, signature = token.only().children
    path = [cross.raw for step in certificates.children[1:] for cross in step.children for cross in cross.children]
    return Shown(data, algorithm.want("U6").oid, signature.octets[1:], [certificates.children[0].raw, *path])


def assert_answered(transcript, directory):
    """Both sides proved themselves in this association, the responder with the initiator's random number."""
    asked, answered = shown_by(transcript, TO_SERVER), shown_by(transcript, TO_CLIENT)
    for each in (asked, answered):
        each.assert_signed(directory)
    assert asked.random_number == answered.random_number and len(asked.random_number) == 17
    return asked, answered


# ---- P1

def test_two_mtas_before_tshark_and_openssl(make_daemon, authority, workdir):
    """North shows a chain that leads to an authority, and is known by its subject; South is known by the pin of its key."""
    north_is, south_is = authority.server("north", kind="rsa2048"), authority.server("south", kind="p384")
    chain = workdir / "north-chain.pem"
    chain.write_bytes(north_is.cert_pem + authority.root.cert_pem)
    north, south, taps = behind_wiretaps(make_daemon, {
        "north": ({"certificate": str(chain), "key": str(north_is.key)}, {"strong_ca": str(authority.pem), "strong_subject": "CN=north"}),
        "south": ({"certificate": str(south_is.cert), "key": str(south_is.key)}, {"strong_pins": [pin(south_is)]}),
    })
    alice, bob = Recorded(north, ALICE), Recorded(south, BOB)
    alice.submit(BOB, "signed and sealed", "p3", "--report")
    bob.wait(1), alice.wait(1)
    for each in (alice, bob, *taps.values()):
        each.stop()
    for name in ("south", "north"):
        taps[name].join()
        assert_clean_transfers(taps[name].transcripts)
        for transcript in taps[name].transcripts:
            asked, answered = assert_answered(transcript, workdir)
            assert [len(each.certificates) for each in (asked, answered)] == ([2, 1] if name == "south" else [1, 2])
    assert '"credentials":"strong"' in south.log_text().replace(" ", "") or "credentials=strong" in south.log_text(), south.log_tail()


WRONG = {
    "key-of-the-caller": ("south", "strong_pins", ["sha256:" + "0" * 64], "none of the pins"),
    "key-of-the-responder": ("north", "strong_pins", ["sha256:" + "0" * 64], "none of the pins"),
    "name-that-is-called": ("north", "mta_name", "elsewhere", "made for somebody else"),
    "downgraded": ("north", "credentials", "simple", "shows no strong credentials"),
}


@pytest.fixture
def strong(make_daemon):
    """Two MTAs over TLS that prove themselves with the key of their listeners, which no process but the keeper has; not started again since they do."""
    pair = Pair(make_daemon, tls=True, credentials="strong", strong_pins=["sha256:" + "0" * 64])
    for daemon in (pair.north, pair.south):
        for setting in ("password_ref", "peer_password_ref"):
            pair.peer_of(daemon).pop(setting)
    pair.start()
    pair.pins()
    for daemon in (pair.north, pair.south):
        pair.peer_of(daemon)["strong_pins"] = pair.peer_of(daemon)["pins"]
    pair.north.stop(), pair.south.stop()
    yield pair
    pair.stop()


def test_what_is_wrong_is_refused_said_and_mended(strong):
    strong.start()
    alice, bob = strong.people()
    strong.north.stop(), strong.south.stop()
    for count, (where, setting, value, words) in enumerate(WRONG.values(), 1):
        wrong = getattr(strong, where)
        right = dict(strong.peer_of(wrong))
        if setting == "credentials":
            strong.peer_of(wrong).pop("strong_pins")
            strong.peer_of(wrong).update(password_ref="file:shared", peer_password_ref="file:shared")
        strong.peer_of(wrong)[setting] = value
        strong.start()
        alice.submit(BOB, words, "p3", subject=f"{count}")
        wait_until(lambda: any(words in health_of(daemon) for daemon in (strong.north, strong.south)), f"{words!r} in a health", 20,
                   details=lambda: strong.north.log_tail() + strong.south.log_tail())
        wait_until(lambda: strong.state(strong.north)["peers"][0].get("trouble"), "the sender to know")
        trouble = strong.state(strong.north)["peers"][0]["trouble"]
        assert where == "north" and setting == "strong_pins" or "authentication-error" in trouble and words not in trouble, "the peer learns no more"
        strong.north.stop(), strong.south.stop()
        strong.peer_of(wrong).clear()
        strong.peer_of(wrong).update(right)
        strong.start()
        bob.wait(count)
        strong.await_quiet()
        strong.north.stop(), strong.south.stop()


# ---- P3 and P7

class Proving(Recorded):
    """Somebody who binds with a certificate; a wiretap hears it."""

    def __init__(self, daemon, address, own, responder, carrier="ROSE"):
        self.own, self.responder, self.more = own, responder, {}
        super().__init__(daemon, address, carrier)

    def options(self, protocol):
        options = super().options(protocol)
        at = options.index("--password-ref")
        strong = {"--certificate": self.own.cert, "--key": self.own.key, "--responder-name": "north", "--responder-pin": pin(self.responder), **self.more}
        return options[:at] + options[at + 2:] + [word for pair in strong.items() for word in pair]

    def refused(self, protocol, **more) -> str:
        """What the command says of a bind that must fail."""
        self.more = {f"--{name.replace('_', '-')}": value for name, value in more.items()}
        try:
            done = self.daemon.cli("x400", "bind-test", *self.options(protocol), check=False)
            assert done.returncode == 1, done.stdout + done.stderr
            return done.stdout.decode()
        finally:
            self.more = {}


@pytest.fixture
def person(daemon, authority):
    """Alice at a daemon in clear whose users must prove themselves."""
    store, own = authority.server("store", kind="p256"), authority.person("alice@north.example")
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.config["x400"]["strong"] = {"certificate": str(store.cert), "key": str(store.key)}
    daemon.config["x400_user"] = [{"address": ALICE, "pins": [pin(own)]}]
    daemon.start()
    people = []

    def make(carrier="ROSE"):
        people.append(Proving(daemon, ALICE, own, store, carrier) if not people else people[0])
        return people[0]
    yield make
    for each in people:
        each.stop()


@pytest.mark.parametrize("carrier", ["ROSE", "RTSE"])
def test_a_user_by_p3_and_p7_before_tshark_and_openssl(person, workdir, carrier):
    alice = person(carrier)
    alice.submit(ALICE, "to myself", "p3")
    alice.wait(1)
    alice.submit(ALICE, "and again", "p7")
    assert [association.of_store for association, _ in alice.recorded()] == [False, True]
    for transcript in alice.taps[-1].transcripts:
        assert_answered(transcript, workdir)


def replayed(port, transcript) -> str:
    """The first two TPKTs of a recorded caller once more: connection and bind. The name of the SPDU that answers."""
    pieces, _ = split_tpkts(transcript.stream(TO_SERVER))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(pieces[0])
        assert connection.recv(4096)[5] & 0xF0 == 0xD0, "CC"
        connection.sendall(pieces[1])
        return {14: "AC", 12: "RF"}[connection.recv(65536)[7]]


def test_bad_binds_of_users_are_refused_alike(person, authority, workdir):
    alice = person()
    daemon, stranger = alice.daemon, authority.person("mallory@north.example")
    log = daemon.log_text
    for protocol in ("p3", "p7"):
        alice.more = {}
        assert daemon.cli("x400", "bind-test", *alice.options(protocol)).returncode == 0
        assert "authentication-error" in alice.refused(protocol, certificate=stranger.cert, key=stranger.key)
        assert "none of the pins" in alice.refused(protocol, responder_pin="sha256:" + "0" * 64), "ours to say: the responder is not believed"
        password = Recorded.options(alice, protocol)
        done = daemon.cli("x400", "bind-test", *password, check=False)
        assert done.returncode == 1 and b"authentication-error" in done.stdout, "the right password lets nobody in"
    assert "authentication-error" in alice.refused("p3", responder_name="south")
    for words in ("none of the pins", "shows no strong credentials", "made for somebody else"):
        assert words in log()
    first = alice.taps[-1].transcripts[0]
    assert replayed(daemon.ports["x400"], first) == "RF"
    assert "the token was shown before" in log()
    daemon.stop()
    daemon.config["x400"]["strong"]["clock_skew"] = "1s"
    daemon.start()
    wait_until(lambda: replayed(daemon.ports["x400"], first) == "RF" and "compare the clocks" in log(), "the token to be too old")
    assert "secret words" not in log()


def test_a_configuration_that_cannot_be_is_refused(daemon):
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.config["x400_peer"] = [{"name": "old", "domain": "C=GB;A=GOLD;P=SOUTH", "mode": "1984", "credentials": "strong",
                                   "strong_pins": ["sha256:" + "0" * 64]}]
    daemon.write_config()
    done = daemon.cli("config", "check", check=False)
    assert done.returncode != 0 and b"carries a password and no token" in done.stdout + done.stderr
