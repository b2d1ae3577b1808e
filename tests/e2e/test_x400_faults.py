"""Two MTAs and their message stores on a bad road and through bad days: whatever happens to connections, processes and disks, each message is in its
mailbox once and each report with its sender once, nobody crashes, and no log holds a secret."""

import contextlib
import random
import threading

import pytest

from peers import osi_wire
from peers.base import run, wait_until
from peers.fault_proxy import CutAfter, CutBefore, Drop, Duplicate, Insert, Lie, Rewrite, Stall
from peers.memory import MemoryGrowth
from peers.pp_mta import Behaviour, Gone, connect
from peers.wiretap import TO_CLIENT, TO_SERVER
from peers.x400_people import ALICE, BOB, Pair, Person
from peers.x400_values import Domain, Message, MtsId, ORName, Recipient, TraceHop

WEST = "C=FR;A=SILVER;P=WEST"
BOTH_WAYS = (TO_SERVER, TO_CLIENT)


@pytest.fixture
def pair(make_daemon):
    made = Pair(make_daemon)
    yield made
    made.stop()


class Load:
    """What Alice has submitted to Bob, each message under a subject of its own, with a report asked for."""

    def __init__(self, pair, size=200):
        self.pair, self.size, self.tried = pair, size, 0
        self.sent: list[str] = []
        self.unknown: set[str] = set()  # their submission had no answer: they may arrive
        self._lock = threading.Lock()
        self.alice, self.bob = pair.people()

    def submit(self, protocol="p3"):
        assert self.try_to_submit(protocol), self.pair.north.log_tail()

    def try_to_submit(self, protocol="p3") -> bool:
        """Whether it was taken; the sender's own MTA may be away."""
        with self._lock:
            self.tried += 1
            subject = f"message {self.tried:04}"
        done = self.alice.daemon.cli("--json", "x400", "submit", *self.alice.options(protocol), "--to", BOB, "--subject", subject, "--text",
                                     f"{subject} " + "x" * self.size, "--report", check=False)
        with self._lock:
            self.sent.append(subject) if done.returncode == 0 else self.unknown.add(subject)
        return done.returncode == 0

    def settle(self, seconds=60):
        """Everything that is to arrive, and then nothing more."""
        wait_until(lambda: len(self.bob.entries()) >= len(self.sent), f"{len(self.sent)} messages with Bob", seconds, every=0.3,
                   details=lambda: self.pair.north.log_tail() + self.pair.south.log_tail())
        self.pair.await_quiet(seconds)
        arrived = sorted(entry["subject"] for entry in self.bob.entries())
        certain = [subject for subject in arrived if subject not in self.unknown]
        assert certain == sorted(self.sent), "each once"
        assert len(set(arrived)) == len(arrived)
        reports = self.alice.entries()
        assert [entry["type"] for entry in reports] == ["delivered-report"] * len(arrived)
        for daemon in (self.pair.north, self.pair.south):
            log = daemon.log_text()
            assert self.pair.password not in log and "secret words" not in log
            assert "x" * 40 not in log, "nor contents"


def without_crash(pair):
    """For the end of a block in which nobody may have ended."""
    before = [(daemon.process.pid, daemon.process_of("gate"), daemon.process_of("keeper")) for daemon in (pair.north, pair.south)]
    return lambda: before == [(daemon.process.pid, daemon.process_of("gate"), daemon.process_of("keeper")) for daemon in (pair.north, pair.south)]


def through(load: Load, road, faults, most=80, unfired=0):
    """Messages, until each fault has had its connection and has happened on it; of faults late in a connection `unfired` may not have been reached."""
    faults = list(faults)
    for fault in faults:
        fault.patience = 1.0
    road.faults = list(faults)
    while road.faults and len(load.sent) < most:
        load.submit()
    load.settle()
    expect_happened(road, faults, unfired)


def expect_happened(road, faults, unfired=0):
    assert not road.faults, f"{len(road.faults)} of {len(faults)} faults had no connection"
    missing = [fault for fault in faults if not fault.fired]
    assert len(missing) <= unfired, f"{len(missing)} of {len(faults)} faults did not happen: {missing}"


def tpkts_of_a_transfer(load: Load) -> dict[str, int]:
    """How many go each way over the connection of one message."""
    road = load.pair.to_south
    load.submit()
    load.settle()
    wait_until(lambda: load.pair.state(load.pair.north)["peers"][0]["associations"] == 0, "the association to be released")
    # It counts no more from the release on, whose answer is still under way: CC, AC, AEA and DN come back.
    wait_until(lambda: min(road.tpkts.values()) >= 4, "the answer to the release", details=lambda: str(road.tpkts))
    return dict(road.tpkts)


def test_resets_at_every_tpkt(pair):
    load = Load(pair.start())
    alive = without_crash(pair)
    count = tpkts_of_a_transfer(load)
    assert min(count.values()) >= 4, count
    through(load, pair.to_south, [CutBefore(way, index=index) for way in BOTH_WAYS for index in range(count[way] - 1)], unfired=2)
    assert alive()


def test_resets_at_octets_of_transfers_and_of_their_reports(pair):
    """Sampled, on both roads; every octet of a transfer is in src/mhs/cuts_test.cpp."""
    load = Load(pair.start(), size=4000)
    alive = without_crash(pair)
    chance = random.Random(400)

    def cuts(to_server, to_client, each):
        """Within what a connection with one transfer has in each direction."""
        return [CutAfter(way, count=chance.randrange(top)) for way, top in ((TO_SERVER, to_server), (TO_CLIENT, to_client)) for _ in range(each)]
    of_reports = cuts(1000, 250, each=6)
    pair.to_north.faults = list(of_reports)
    through(load, pair.to_south, cuts(5500, 400, each=12))
    expect_happened(pair.to_north, of_reports)
    assert alive()


def test_tpkts_that_are_wrong(pair):
    """Twice, missing, too long, too short, with another SPDU, token, serial number or context, and SPDUs that nobody may send there."""
    load = Load(pair.start(), size=3000)
    alive = without_crash(pair)
    count = tpkts_of_a_transfer(load)
    dt = osi_wire.data_tpdus
    foreign = [osi_wire.spdu(osi_wire.S_AB), osi_wire.behind_tokens(osi_wire.S_MIA, osi_wire.serial(77)),
               osi_wire.behind_tokens(osi_wire.S_AEA, osi_wire.serial(5)),
               osi_wire.behind_tokens(osi_wire.S_AD), osi_wire.behind_tokens(osi_wire.S_AI), osi_wire.spdu(osi_wire.S_GTC), osi_wire.spdu(osi_wire.S_DN),
               osi_wire.behind_tokens(osi_wire.S_MIP, osi_wire.serial(99))]
    inserted = [b"".join(osi_wire.tpkt(piece) for piece in dt(spdu, 2048)) for spdu in foreign]
    faults = []
    for way in BOTH_WAYS:
        middle, last = count[way] // 2, count[way] - 2
        faults += [Duplicate(way, index=middle), Drop(way, index=middle), Lie(way, index=1, by=1)]
        faults += [Lie(way, index=middle, by=-1), Lie(way, index=middle, by=4000)]
        faults += [Rewrite(way, index=index, at=at, value=value) for index in (1, middle) for at, value in ((7, 0x39), (9, 0x1D), (5, 0x80), (0, 9))]
        faults += [Insert(way, index=min(middle + 1, last), other=other) for other in inserted]
    through(load, pair.to_south, faults, most=120)
    assert alive()


def test_a_peer_that_stalls_keeps_nobody_else_waiting(pair):
    pair.peer_of(pair.north)["associations"] = 4
    load = Load(pair.start())
    through(load, pair.to_south, [Stall(way, count=count, seconds=1.5) for way in BOTH_WAYS for count in (0, 30, 350, 500)], unfired=2)


def test_an_activity_that_is_discarded_and_an_abort(pair):
    """By a third MTA that behaves badly; what it discarded is nowhere, what it sent again is there once."""
    (pair.south.directory / "west").write_text("from west\n")
    pair.south.config["x400_peer"].append({"name": "west", "domain": WEST, "password_ref": "file:shared", "peer_password_ref": "file:west", "tls": "none"})
    pair.start()
    alice, bob = pair.people()
    west, west_domain = ORName("FR", "SILVER", "WEST", surname="Will"), Domain("FR", "SILVER", "WEST")

    def message(number: int) -> bytes:
        to = Recipient(ORName("GB", "GOLD", "SOUTH", "Hall", surname="Bob"), 1, frozenset({0}))
        return Message(MtsId(west_domain, f"west.{number}"), west, [to], content_type=22, content=b"\x04\x82\x4e\x20" + b"w" * 20000,
                       trace=[TraceHop(west_domain, "261126054200Z")]).encode()

    def caller():
        return connect(pair.south.ports["x400"], Behaviour(name="west", password=b"from west", isode=False, checkpoint=4))
    for then in ("discard", "interrupt", "abort"):
        with contextlib.suppress(Gone), caller() as association:
            association.send_apdu(message(1), pieces=3, then=then) if then != "abort" else association.send_apdu(message(1), pieces=3)
            if then == "abort":
                association.abort()
    assert not bob.entries()
    for _ in range(2):
        with caller() as association:
            association.send_apdu(message(1))
    bob.wait(1)
    pair.await_quiet()
    assert len(bob.entries()) == 1
    assert pair.state(pair.south)["received"]["duplicates"] == 1


def test_wrong_selectors_are_said_and_nothing_is_lost(pair):
    pair.south.config["x400"]["transport_selector"] = "p1mta"
    pair.peer_of(pair.north)["address"] = f"other@127.0.0.1:{pair.to_south.port}"
    lost_and_found(pair, "transport", lambda: pair.peer_of(pair.north).update(address=f"p1mta@127.0.0.1:{pair.to_south.port}"))


def test_a_wrong_password_is_said_on_both_sides_and_nothing_is_lost(pair):
    secret = pair.north.directory / "shared"
    secret.write_text("another one\n")

    def mend():
        assert "north shows a wrong password" in pair.state(pair.south)["peers"][0]["refused"]
        secret.write_text(f"{pair.password}\n")
    lost_and_found(pair, "authentication", mend)
    assert "another one" not in pair.north.log_text() + pair.south.log_text()
    assert "refused" not in pair.state(pair.south)["peers"][0], "it is mended"


def lost_and_found(pair, words: str, mend):
    alice = Person(pair.start().north, ALICE)
    alice.submit(BOB, "patience", "p3")
    trouble = wait_until(lambda: pair.state(pair.north)["peers"][0].get("trouble"), "the trouble to be said")
    assert words in trouble.lower(), trouble
    mend()
    pair.north.restart()
    pair.connect_roads()
    wait_until(lambda: pair.state(pair.north)["sent"]["transferred"] == 1, "the transfer", 30, details=pair.north.log_tail)
    pair.await_quiet()


@pytest.mark.parametrize("victim", ["north", "south"])
def test_kill_9_in_a_loop_under_load(pair, victim):
    """Of the sender and of the receiver; messages with checkpoints, reports on their way back."""
    pair.peer_of(pair.north)["checkpoint"] = 1
    load = Load(pair.start(), size=6000)
    stop = threading.Event()

    def submit():
        while not stop.is_set():
            load.try_to_submit()
    threads = [threading.Thread(target=submit, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for kill in range(1, 6):
        wait_until(lambda: len(load.sent) >= 6 * kill, "messages", 30, every=0.02)
        getattr(pair, victim).crash_and_restart()
        pair.connect_roads()
    stop.set()
    for thread in threads:
        thread.join(30)
    load.settle()


def test_a_full_disk_of_the_receiver(pair, workdir):
    disk = workdir / "disk"
    disk.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "tmpfs", disk])
    try:
        pair.south.config["storage"]["data_dir"] = str(disk / "var")
        load = Load(pair.start(), size=30_000)
        alive = without_crash(pair)
        load.submit()
        load.settle()
        with open(disk / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"\0" * 4096)
        for _ in range(4):
            load.submit()
        wait_until(lambda: pair.state(pair.north)["sent"]["deferred"] > 0, "transfers that are put off", details=pair.north.log_tail)
        (disk / "filler").unlink()
        load.settle()
        assert alive()
    finally:
        pair.south.stop()
        run(["umount", "-l", disk])


# What an association may take, whichever way the octets go.
MIB_OF_AN_ASSOCIATION = 16


def growth_of(daemon) -> MemoryGrowth:
    return MemoryGrowth(daemon.process_of("gate"))


def from_west(number: int, size: int) -> bytes:
    """Of a stranger, to Bob."""
    west = Domain("FR", "SILVER", "WEST")
    to = Recipient(ORName("GB", "GOLD", "SOUTH", "Hall", surname="Bob"), 1, frozenset({0}))
    return Message(MtsId(west, f"west.{number}"), ORName("FR", "SILVER", "WEST", surname="Will"), [to], content_type=22, content=b"w" * size,
                   trace=[TraceHop(west, "261126054200Z")]).encode()


def test_100_mib_go_on_after_kill_9_of_the_receiver(pair):
    """From a stranger to north, and on to south, which dies in the middle: what was confirmed is not sent again, and no association takes more memory than
    it may. A small message goes before, so that what every process does once is not counted; and nobody logs in meanwhile, because Argon2 has memory of its
    own (19 MiB, for a moment)."""
    size = 100 * 1024 * 1024 - 4096
    (pair.north.directory / "west").write_text("from west\n")
    pair.north.config["x400_peer"].append({"name": "west", "domain": WEST, "password_ref": "file:shared", "peer_password_ref": "file:west", "tls": "none"})
    pair.start()
    bob = Person(pair.south, BOB)
    with connect(pair.north.ports["x400"], Behaviour(name="west", password=b"from west", isode=False)) as caller:
        caller.send_apdu(from_west(1, 2000))
        bob.wait(1)
        before = dict(pair.to_south.passed)
        took = {}
        north, south = growth_of(pair.north), growth_of(pair.south)
        caller.send_apdu(from_west(2, size))
        took["north, receiving"] = north.most()
    wait_until(lambda: pair.to_south.passed[TO_SERVER] > size // 2, "half of it", 120, every=0.005)
    took["south, receiving"] = south.most()
    pair.south.crash_and_restart()
    south = growth_of(pair.south)
    pair.connect_roads()
    pair.to_south.cut_all()
    wait_until(lambda: pair.state(pair.south)["received"]["messages"] == 1, "the whole of it", 120, details=pair.south.log_tail)
    assert pair.state(pair.south)["received"]["resumed"] == 1
    again = pair.to_south.passed[TO_SERVER] - before[TO_SERVER] - size
    assert again < 2 * 1024 * 1024, f"{again} octets more than there are"
    took["north, receiving and sending"], took["south, resuming"] = north.most(), south.most()
    pair.await_quiet()
    took["south, resuming and delivering"] = south.most()
    assert max(took.values()) < MIB_OF_AN_ASSOCIATION, took
    assert len(bob.wait(2)) == 2
