"""Two MTAs and their message stores over TLS, each knowing the other by the certificate of its listeners: what is submitted by P3 and P7 is transferred,
delivered, fetched and reported; a wrong pin, certificate, password or name is refused, said in log and health, and loses nothing; a bad road neither."""

import ssl

import pytest

from peers.base import wait_until
from peers.certs import TestAuthority
from peers.fault_proxy import CutAfter, Stall
from peers.ocsp import RevocationHost
from peers.pp_mta import Behaviour, Gone, Refused, connect
from peers.wiretap import TO_CLIENT, TO_SERVER
from peers.x400_people import ALICE, BOB, Pair, Person


@pytest.fixture
def pinned(make_daemon):
    """Two MTAs that know each other by pins; not started again since they do."""
    pair = Pair(make_daemon, tls=True).start()
    pair.pins()
    pair.north.stop(), pair.south.stop()
    yield pair
    pair.stop()


def health_of(daemon) -> str:
    return " ".join(check["text"] for check in daemon.get_json("/status")["health"] if check["check"] == "x400")


def no_secrets(pair, *words):
    for daemon in (pair.north, pair.south):
        for word in (pair.password, "secret words", *words):
            assert word not in daemon.log_text()


def subjects(person) -> list[str]:
    return sorted(entry.get("subject", entry["type"]) for entry in person.entries())


def test_from_submission_to_the_read_notification(pinned):
    pinned.start()
    alice, bob = pinned.people()
    alice.submit(BOB, "by P3", "p3", "--report", "--receipt", subject="p3")
    alice.submit(BOB, "by P7", "p7", "--report", "--receipt", subject="p7")
    bob.wait(2)
    assert subjects(bob) == ["p3", "p7"]
    assert [entry["type"] for entry in alice.wait(2)] == ["delivered-report"] * 2
    opened = [bob.message(entry["number"]) for entry in bob.entries()]
    assert "by P3" in str(opened)
    assert [shown["notification"]["kind"] for shown in opened if shown["notification"]["sent"]] == ["receipt"] * 2
    told = [alice.message(entry["number"]) for entry in alice.wait(4) if entry["type"] == "delivered-message"]
    assert len(told) == 2 and all("Bob" in str(shown) for shown in told)
    bob.submit(ALICE, "and back", "p7", subject="answer")
    alice.wait(5)
    pinned.await_quiet()
    assert len(bob.entries()) == 2 and len(alice.entries()) == 5
    for daemon in (pinned.north, pinned.south):
        assert any("TLSv1.3 pinned" in str(record["facts"]) for record in daemon.audit() if record["kind"] == "x400.transferred")
        assert health_of(daemon).startswith("MTA ")
    no_secrets(pinned)


WRONG = {
    "pin-of-the-caller": ("south", "pins", ["sha256:" + "0" * 64], "the certificate of north matches none of its pins"),
    "name-of-the-caller": ("north", "our_name", "stranger", "no peer has the MTA name stranger, and the certificate is that of north"),
    "pin-of-the-responder": ("north", "pins", ["sha256:" + "0" * 64], "the certificate of south matches none of its pins"),
    "name-of-the-responder": ("south", "our_name", "stranger", "the responder is stranger, not south"),
}


@pytest.mark.parametrize("where, setting, value, words", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_said_and_mended(pinned, where, setting, value, words):
    wrong = getattr(pinned, where)
    right = pinned.peer_of(wrong).get(setting)
    pinned.peer_of(wrong)[setting] = value
    pinned.start()
    alice, bob = pinned.people()
    alice.submit(BOB, "patience", "p3", subject="patience")
    said_by = pinned.south if "caller" in words or "of north" in words or "stranger, and" in words else pinned.north
    wait_until(lambda: words in health_of(said_by), f"{words!r} in the health", 20, details=lambda: health_of(said_by) + said_by.log_tail())
    assert words in said_by.log_text()
    wait_until(lambda: pinned.state(pinned.north)["peers"][0].get("trouble"), "the sender to know")
    assert not bob.entries()
    wrong.stop()
    pinned.peer_of(wrong).pop(setting) if right is None else pinned.peer_of(wrong).__setitem__(setting, right)
    pinned.start()
    bob.wait(1)
    pinned.await_quiet()
    assert subjects(bob) == ["patience"]
    wait_until(lambda: words not in health_of(said_by), "the health to be good again")
    no_secrets(pinned)


def client_context(daemon, certificate=None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(daemon.ca)
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def test_who_shows_no_certificate_or_a_foreign_one_is_refused_at_the_bind(pinned, authority):
    pinned.start()
    foreign = authority.server("127.0.0.1", label="foreign")
    who = Behaviour(name="north", password=pinned.password.encode(), isode=False)
    for certificate, words in ((None, "north showed no certificate, and has pins"), ((foreign.cert, foreign.key), "matches none of its pins")):
        with pytest.raises(Refused), connect(pinned.south.ports["x400s"], who, tls=client_context(pinned.south, certificate)):
            pass
        wait_until(lambda: words in health_of(pinned.south), f"{words!r} in the health")
    assert pinned.state(pinned.south)["received"]["binds_refused"] == 2
    no_secrets(pinned)


def test_a_trust_store_for_clients_lets_pins_in_and_no_stranger(pinned, authority, workdir):
    pinned.south.config["x400"]["tls"] |= {"client_ca": str(authority.pem), "require_client_certificate": True}
    pinned.start()
    alice = Person(pinned.north, ALICE, tls=True)
    alice.submit(BOB, "my certificate is of no store", "p3")
    wait_until(lambda: pinned.state(pinned.north)["sent"]["transferred"] == 1, "the transfer", details=pinned.north.log_tail)
    stranger = TestAuthority(workdir / "strangers").server("127.0.0.1", label="stranger")
    who = Behaviour(name="north", password=pinned.password.encode(), isode=False)
    for certificate, event in (((stranger.cert, stranger.key), "x400.certificate_refused"), (None, "x400.tls_failed")):
        with pytest.raises((Gone, OSError)), connect(pinned.south.ports["x400s"], who, tls=client_context(pinned.south, certificate)):
            pass
        wait_until(lambda: event in pinned.south.log_text(), event)
    no_secrets(pinned)


def test_guessed_passwords_of_peers_and_people(pinned):
    pinned.start()
    alice, _ = pinned.people()
    right = alice.words.read_text()
    alice.words.write_text("a guess\n")
    for protocol in ("p3", "p7", "p3", "p7", "p3"):
        assert pinned.north.cli("x400", "bind-test", *alice.options(protocol), check=False).returncode == 1
    alice.words.write_text(right)
    for protocol in ("p3", "p7"):
        assert pinned.north.cli("x400", "bind-test", *alice.options(protocol), check=False).returncode == 1, "locked, whatever comes"
    assert "locked for 15 minutes" in pinned.north.log_text()
    port, guess = pinned.south.ports["x400"], Behaviour(name="north", password=b"a guess", isode=False)
    pinned.south.stop()
    pinned.peer_of(pinned.south).update(tls="none")
    pinned.peer_of(pinned.south).pop("pins")
    pinned.start()
    port = pinned.south.ports["x400"]
    for _ in range(5):
        with pytest.raises(Refused), connect(port, guess):
            pass
    with pytest.raises(Refused), connect(port, Behaviour(name="north", password=pinned.password.encode(), isode=False)):
        pass
    assert "north was wrong 5 times from this address: locked for 15 minutes" in health_of(pinned.south)
    no_secrets(pinned, "a guess")


@pytest.fixture
def revoking(make_daemon, workdir):
    """North knows south by an authority that answers for its certificates (a real `openssl ocsp`); south shows one that is revoked."""
    pair = Pair(make_daemon, tls=True)
    pair.authority = TestAuthority(workdir / "ca", "Revoking root")
    pair.responder = RevocationHost("127.77.38.81", pair.authority, workdir / "ocsp")
    pair.north.config["outbound"] = {"revocation_networks": ["127.77.0.0/16"]}
    pair.peer_of(pair.north)["ca"] = str(pair.authority.pem)
    old, pair.new = (pair.responder.knows(pair.authority.server("127.0.0.1", label=label, more=[pair.responder.responder()])) for label in ("old", "new"))
    pair.responder.revoke(old)
    pair.south.show_certificate(old, pair.authority.root).config["tls"]["stapling"] = False
    yield pair.start()
    pair.north.stop(), pair.south.stop(), pair.stop(), pair.responder.stop()


def test_mail_for_a_revoked_peer_waits_until_it_shows_a_good_certificate(revoking):
    """RFC 6960: TLS alone would have let it pass. The reason stands at the peer and at the message; nothing was said to the peer."""
    alice, _ = revoking.people()
    alice.submit(BOB, "patience", "p3", subject="patience")
    words = "is revoked at 2025-01-01T00:00:00.000Z (keyCompromise)"
    wait_until(lambda: words in health_of(revoking.north), "the revocation in the health", 20, details=revoking.north.log_tail)
    wait_until(lambda: any(words in entry["last_reply"] for entry in revoking.north.queue()), "the revocation at the message", details=revoking.north.queue)
    assert revoking.state(revoking.south)["received"]["associations"] == 0
    revoking.south.show_certificate(revoking.new, revoking.authority.root)
    wait_until(lambda: revoking.state(revoking.south)["received"]["messages"] == 1, "the message", 60, details=revoking.north.log_tail)
    revoking.await_quiet()
    road = "TLSv1.3 verified, not revoked (OCSP)"
    assert revoking.state(revoking.north)["peers"][0]["road"] == road and road in revoking.north.cli("x400", "mta").stdout.decode()
    assert any(road in str(record["facts"]) for record in revoking.north.audit() if record["kind"] == "x400.transferred")
    assert health_of(revoking.north).startswith("MTA ")
    no_secrets(revoking)


def test_a_peer_may_be_looked_at_more_strictly_or_not_at_all(revoking):
    """`revocation` of the peer, whatever outbound.revocation says: off takes the revoked certificate; hard refuses one that nobody answers for."""
    alice, _ = revoking.people()
    entry, north = revoking.peer_of(revoking.north), revoking.north
    north.stop()
    entry["revocation"] = "off"
    north.start()
    alice.submit(BOB, "nobody looks", "p3", subject="off")
    wait_until(lambda: revoking.state(revoking.south)["received"]["messages"] == 1, "the message", 60, details=north.log_tail)
    revoking.await_quiet()
    assert revoking.state(north)["peers"][0]["road"] == "TLSv1.3 verified"
    north.stop()
    revoking.responder.stop()
    revoking.south.show_certificate(revoking.new, revoking.authority.root)
    entry["revocation"] = "hard"
    north.start()
    alice.submit(BOB, "nobody answers", "p3", subject="hard")
    wait_until(lambda: any("revo" in one["last_reply"] for one in north.queue()), "the reason at the message", 60, details=north.queue)
    assert revoking.state(revoking.south)["received"]["messages"] == 1
    north.stop()
    entry["revocation"] = "soft"
    north.start()
    wait_until(lambda: revoking.state(revoking.south)["received"]["messages"] == 2, "the message", 90, details=north.log_tail)
    revoking.await_quiet()
    assert revoking.state(north)["peers"][0]["road"] == "TLSv1.3 verified, revocation not known"
    no_secrets(revoking)


def test_a_bad_road_under_tls(pinned):
    """Cut, stalled or changed at places of the handshake and behind it: TLS notices, and the transfer is made again."""
    pinned.start()
    alice, bob = pinned.people()
    faults = [CutAfter(way, count=count) for way in (TO_SERVER, TO_CLIENT) for count in (0, 5, 300, 1500, 2200, 2600, 3000, 3600)]
    faults += [Stall(TO_SERVER, count=2400, seconds=1), Stall(TO_CLIENT, count=1700, seconds=1)]
    pinned.to_south.faults = list(faults)
    sent = []
    while pinned.to_south.faults:
        sent.append(f"message {len(sent):04}")
        alice.submit(BOB, "x" * 3000, "p3", "--report", subject=sent[-1])
    bob.wait(len(sent), 60)
    pinned.await_quiet()
    assert subjects(bob) == sent
    assert subjects(alice) == ["delivered-report"] * len(sent)
    assert len(pinned.to_south.fired) >= len(faults) * 2 // 3, "most of those places were reached"
    no_secrets(pinned)
