"""The MTA of the daemon between two others that behave as PP does: what comes from one goes to the other, with our trace in it and not an octet of
its content changed; what cannot go on comes back as a report; and tshark finds nothing wrong with what we write. In all three modes of P1."""

import contextlib
import hashlib
import socket
import ssl
import subprocess

import pytest

from peers.base import wait_until
from peers.dissect import TO_CLIENT, TO_SERVER, assert_clean_transfers
from peers.pp_mta import (AUTHENTICATION, BUSY, MODES, NORMAL_1988, P1_1984, X410_1988, Behaviour, ExceptionReport, Gone, PpMta, ProviderAbort, Refused,
                          Reset, UserAbort, WrongSpdu, connect)
from peers.wiretap import Wiretap
from peers.x400_values import Domain, Message, MtsId, ORName, Probe, Recipient, Report, TraceHop, read_apdu
from peers.x420_values import Ia5Text, Ipm, IpmId, To

OURS, NORTH, SOUTH = Domain("DE", " ", "POSTERN"), Domain("GB", "GOLD", "NORTH"), Domain("FR", "SILVER", "SOUTH")
ALICE, BOB = ORName("GB", "GOLD", "NORTH", "Works", surname="Alice"), ORName("FR", "SILVER", "SOUTH", "Hall", surname="Bob")
NOBODY, NOWHERE = ORName("DE", " ", "POSTERN", surname="Nobody"), ORName("US", "NONE", "X", surname="Nowhere")
WORDS = {NORMAL_1988: "1988", X410_1988: "x410", P1_1984: "1984"}
REPORTED = frozenset({0, 1, 2, 3, 4})  # responsibility, and every report


def message(number: int, text="Good morning\r\n", to=(BOB,), content_type=22, **fields) -> Message:
    content = Ipm(IpmId(f"{number}*north"), ALICE, [To(BOB)], subject="hello", bodies=[Ia5Text(text)]).encode()
    recipients = [Recipient(name, n + 1, REPORTED) for n, name in enumerate(to)]
    return Message(MtsId(NORTH, f"north.{number}"), ALICE, recipients, content_type=content_type, content=content,
                   trace=[TraceHop(NORTH, "261126054200Z")], **fields)


class World:
    """The daemon as MTA `postern`, between `north`, which calls it, and `south`, which it calls; all connections are recorded."""

    def __init__(self, daemon, mode=NORMAL_1988, south=None, checkpoint=63):
        self.daemon, self.mode = daemon, mode
        strict = dict(peer_name="postern", peer_password=b"from postern", isode=False)
        self.south = PpMta(south or Behaviour(name="south", password=b"from south", **strict))
        self.north = PpMta(Behaviour(name="north", password=b"from north", **strict))
        self.tap_south, self.tap_north = Wiretap(self.south.port), Wiretap(self.north.port)
        (daemon.directory / "ours").write_text("from postern\n")
        (daemon.directory / "south").write_text("from south\n")
        (daemon.directory / "north").write_text("from north\n")
        peer = {"password_ref": "file:ours", "tls": "none", "mode": WORDS[mode], "checkpoint": checkpoint}
        # PP chooses by the called T-selector.
        selector = mode.selector.decode()
        daemon.config["x400"] = {"address": "127.0.0.1:0", "domain": "C=DE;A= ;P=POSTERN", "mta_name": "postern"}
        daemon.config["x400_peer"] = [
            {"name": "north", "domain": "C=GB;A=GOLD;P=NORTH", "peer_password_ref": "file:north",
             "address": f"{selector}@127.0.0.1:{self.tap_north.port}", **peer},
            {"name": "south", "domain": "C=FR;A=SILVER;P=SOUTH", "peer_password_ref": "file:south",
             "address": f"{selector}@127.0.0.1:{self.tap_south.port}", **peer}]
        daemon.config["x400_route"] = [{"prefix": "C=DE;A= ;P=POSTERN", "via": "store"},
                                       {"prefix": "C=GB;A=GOLD;P=NORTH", "via": "peer:north"},
                                       {"prefix": "C=FR;A=SILVER;P=SOUTH", "via": "peer:south"}]
        daemon.start()
        self.tap = Wiretap(daemon.ports["x400"])

    def call(self, **behaviour):
        who = {"name": "north", "password": b"from north", "isode": False, **behaviour}
        return connect(self.tap.port, Behaviour(**who), mode=self.mode)

    def status(self) -> dict:
        return self.daemon.get_json("/status")["x400"]

    def close(self):
        for each in (self.tap, self.tap_south, self.tap_north, self.south, self.north):
            each.stop()


@pytest.fixture
def world(daemon):
    made = []

    def make(**options) -> World:
        made.append(World(daemon, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def judged(world: World):
    """Everything that we wrote, on every connection; the connections end with the daemon."""
    world.daemon.stop()
    for tap in (world.tap, world.tap_south, world.tap_north):
        tap.join()
    for tap, sender in ((world.tap, TO_CLIENT), (world.tap_south, TO_SERVER), (world.tap_north, TO_SERVER)):
        if tap.transcripts:
            assert_clean_transfers(tap.transcripts, sender)
    assert not world.south.complaints and not world.north.complaints, (world.south.complaints, world.north.complaints)


IN_EVERY_MODE = pytest.mark.parametrize("mode", MODES, ids=lambda mode: WORDS[mode])


@IN_EVERY_MODE
def test_what_comes_from_one_goes_to_the_other(world, mode):
    here = world(mode=mode)
    sent = message(1, content_type=2 if mode is P1_1984 else 22)
    with here.call() as caller:
        caller.send_apdu(sent.encode())
        caller.release()
    taken = read_apdu(here.south.wait(1)[0].apdu)
    assert taken.content == sent.content and taken.id == sent.id and taken.originator == sent.originator
    assert [r.name for r in taken.recipients] == [BOB] and 0 in taken.recipients[0].indicators
    assert [hop.domain for hop in taken.trace] == [NORTH, OURS], "our domain wrote itself down"
    judged(here)


def test_pp_as_it_is_with_its_indefinite_forms(world):
    here = world()
    sent = message(2, isode=True)
    with here.call(isode=True, checkpoint=None) as caller:
        caller.send_apdu(sent.encode())
        caller.release()
    assert read_apdu(here.south.wait(1)[0].apdu).content == sent.content
    judged(here)


@IN_EVERY_MODE
def test_recipients_that_cannot_be_served_are_reported(world, mode):
    here = world(mode=mode)
    with here.call() as caller:
        caller.send_apdu(message(3, to=(BOB, NOBODY, NOWHERE), content_type=2 if mode is P1_1984 else 22).encode())
        caller.release()
    taken = read_apdu(here.south.wait(1)[0].apdu)
    assert {r.name: 0 in r.indicators for r in taken.recipients}[BOB], "south answers for Bob"
    assert all(0 not in r.indicators for r in taken.recipients if r.name != BOB), "and for nobody else"
    report = read_apdu(here.north.wait(1)[0].apdu)
    assert isinstance(report, Report) and report.subject == MtsId(NORTH, "north.3") and report.destination == ALICE
    assert {r.name: r.delivered for r in report.recipients} == {NOBODY: "", NOWHERE: ""}
    assert report.trace[0].domain == OURS
    judged(here)


@IN_EVERY_MODE
def test_a_probe_is_answered_for_whom_we_know_and_passed_on_for_others(world, mode):
    here = world(mode=mode)
    probe = Probe(MtsId(NORTH, "north.4"), ALICE, [Recipient(BOB, 1, REPORTED), Recipient(NOBODY, 2, REPORTED)], trace=[TraceHop(NORTH, "261126054200Z")])
    with here.call() as caller:
        caller.send_apdu(probe.encode())
        caller.release()
    assert isinstance(read_apdu(here.south.wait(1)[0].apdu), Probe)
    report = read_apdu(here.north.wait(1)[0].apdu)
    assert report.subject == probe.id and [r.name for r in report.recipients] == [NOBODY]
    judged(here)


def test_large_contents_pass_in_checkpoints(world):
    here = world(checkpoint=4)
    sent = message(5, "0123456789abcde\n" * 20_000)
    with here.call(checkpoint=16) as caller:
        caller.send_apdu(sent.encode())
        caller.release()
    taken = here.south.wait(1, 60)[0]
    assert taken.content == sent.content and len(taken.segments) > 60
    judged(here)


@pytest.mark.parametrize("name, password, why", [("north", b"wrong", AUTHENTICATION), ("stranger", b"from north", AUTHENTICATION)])
def test_a_wrong_bind_is_refused_in_one_way(world, name, password, why):
    here = world()
    with pytest.raises(Refused) as refused, here.call(name=name, password=password):
        pass
    assert refused.value.bind_error == why
    assert here.status()["received"]["binds_refused"] == 1
    log = here.daemon.log_text()
    assert "wrong" not in log.split("x400.bind_refused")[1].split("\n")[0].replace("shows a wrong password", ""), "the password stands in no log"


def test_the_same_message_again_is_confirmed_and_goes_on_once(world):
    here = world()
    with here.call() as caller:
        for number in (6, 6, 7):
            caller.send_apdu(message(number).encode())
        caller.release()
    taken = [read_apdu(t.apdu).id.local for t in here.south.wait(2)]
    assert sorted(taken) == ["north.6", "north.7"]
    wait_until(lambda: here.status()["received"]["duplicates"] == 1, "the duplicate to be counted")
    judged(here)


@pytest.mark.parametrize("how", ["interrupt", "leave"])
def test_a_transfer_goes_on_after_a_cut(world, how):
    """On the same association after S-ACTIVITY-INTERRUPT, and on another one after the connection was lost."""
    here = world()
    sent = message(8, "0123456789abcde\n" * 8000)
    with here.call(checkpoint=8) as caller:
        activity = caller.send_apdu(sent.encode(), pieces=6, then=how)
        if how == "interrupt":
            caller.resume(activity)
            caller.release()
        else:
            caller.transport.reset()
    if how == "leave":
        wait_until(lambda: "x400.transfer_stopped" in here.daemon.log_text(), "the daemon to notice")
        with here.call(checkpoint=8) as caller:
            caller.resume(activity)
            caller.release()
    assert here.south.wait(1, 60)[0].content == sent.content
    assert here.status()["received"]["resumed"] == 1 and len(here.south.transfers) == 1


def test_discarded_transfers_leave_nothing(world):
    here = world()
    with here.call(checkpoint=8) as caller:
        caller.send_apdu(message(9, "0123456789abcde\n" * 8000).encode(), pieces=4, then="discard")
        caller.send_apdu(message(10).encode())
        caller.release()
    assert read_apdu(here.south.wait(1)[0].apdu).id.local == "north.10"
    wait_until(lambda: not list((here.daemon.data_dir / "mail" / "spool").glob("*.part")), "nothing staged")
    judged(here)


@pytest.mark.parametrize("moment, fault", [("AC", Reset()), ("AC", WrongSpdu(8)), ("AEA", Reset()), ("AEA", ProviderAbort()), ("AEA", UserAbort()),
                                          ("AEA", ExceptionReport(1)), ("MIA", ProviderAbort())],
                         ids=lambda value: value if isinstance(value, str) else type(value).__name__)
def test_a_peer_that_fails_once_gets_it_once(world, moment, fault):
    here = world(checkpoint=4)
    here.south.faults.once(moment, fault)
    with here.call() as caller:
        caller.send_apdu(message(11, "0123456789abcde\n" * 3000).encode())
        caller.release()
    wait_until(lambda: here.status()["sent"]["transferred"] == 1, "the transfer to succeed", 60)
    taken = {read_apdu(t.apdu).id.local for t in here.south.wait(1)}
    assert taken == {"north.11"}
    wait_until(lambda: here.daemon.get_json("/status")["queue"]["queued"] == 0, "an empty queue")


def test_a_peer_that_is_busy_is_called_again(world):
    here = world(south=Behaviour(name="south", password=b"from south", refuse_bind=BUSY))
    with here.call() as caller:
        caller.send_apdu(message(12).encode())
        caller.release()
    wait_until(lambda: here.status()["peers"][1].get("trouble"), "the refusal to be shown")
    assert "busy" in here.status()["peers"][1]["trouble"]
    health = here.daemon.json("health")
    assert {check["check"]: check["state"] for check in health["checks"]}["x400"] == "warning"
    here.south.behaviour.refuse_bind = None
    here.south.wait(1, 60)


def self_signed(directory, name: str):
    """A certificate of its own, and its SHA-256 as a pin."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-subj", f"/CN={name}", "-days", "2"], check=True, capture_output=True)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return key, certificate, "sha256:" + hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("right_pin", [True, False])
def test_over_tls_a_pin_says_who_it_is(daemon, right_pin):
    key, certificate, pin = self_signed(daemon.directory, "south")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    with PpMta(Behaviour(name="south", password=b"from south", peer_name="postern", peer_password=b"from postern", isode=False), tls=server) as south:
        (daemon.directory / "ours").write_text("from postern\n")
        (daemon.directory / "theirs").write_text("from south\n")
        daemon.config["x400"] = {"domain": "C=DE;A= ;P=POSTERN", "mta_name": "postern", "tls": {"address": "127.0.0.1:0"}}
        daemon.config["x400_peer"] = [
            {"name": "south", "domain": "C=FR;A=SILVER;P=SOUTH", "password_ref": "file:ours", "peer_password_ref": "file:theirs", "tls": "required",
             "pins": [pin if right_pin else "sha256:" + "0" * 64], "address": f"x400n@127.0.0.1:{south.port}"}]
        daemon.config["x400_route"] = [{"prefix": "C=DE;A= ;P=POSTERN", "via": "store"}, {"prefix": "C=FR;A=SILVER;P=SOUTH", "via": "peer:south"}]
        daemon.start()
        owner = "C=DE;A= ;P=POSTERN;S=Ours"
        daemon.cli("x400", "ms", "add", owner, input=b"words\n")
        (daemon.directory / "words").write_text("words\n")
        daemon.cli("x400", "submit", "--peer", f"127.0.0.1:{daemon.ports['x400s']}", "--ca", daemon.ca, "--pin", listener_pin(daemon), "--user", owner,
                   "--password-ref", f"file:{daemon.directory}/words", "--protocol", "p3", "--to", "C=FR;A=SILVER;P=SOUTH;O=Hall;S=Bob", "--text", "hello")
        if right_pin:
            assert read_apdu(south.wait(1)[0].apdu).originator.surname == "Ours"
            return
        wait_until(lambda: daemon.get_json("/status")["x400"]["peers"][0].get("trouble"), "the refusal to be shown")
        assert "matches none of its pins" in daemon.get_json("/status")["x400"]["peers"][0]["trouble"] and not south.transfers


def listener_pin(daemon) -> str:
    """Of the certificate that the daemon shows on its TLS door of X.400."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", daemon.ports["x400s"])) as plain, context.wrap_socket(plain) as secured:
        return "sha256:" + hashlib.sha256(secured.getpeercert(binary_form=True)).hexdigest()


def test_kill_9_loses_nothing_and_doubles_nothing(world):
    here = world()
    count = 0
    for _ in range(3):
        with contextlib.suppress(Gone, OSError), here.call() as caller:
            for _ in range(5):
                caller.send_apdu(message(101 + count).encode())
                count += 1
            here.daemon.kill()
        if not here.daemon.running():
            here.daemon.start()
        here.tap.stop()
        here.tap = Wiretap(here.daemon.ports["x400"])
    wait_until(lambda: len({read_apdu(t.apdu).id.local for t in here.south.transfers}) == count, "every confirmed message at south", 60)
    wait_until(lambda: here.daemon.get_json("/status")["queue"]["queued"] == 0, "an empty queue", 60)
