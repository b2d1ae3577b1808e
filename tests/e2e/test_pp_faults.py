"""PP's stand-in misbehaves, and is misbehaved to: does each side say precisely what is wrong, does no fault of one bring the other down, and does no
message get lost or made up by it? No Postern needed."""

import dataclasses
import random
import re
import socket

import pytest

from peers import ber
from peers import osi_wire as osi
from peers import upper_wire as upper
from peers.dissect import TO_CLIENT, TO_SERVER, assert_clean, dissect
from peers.pp_mta import (NORMAL_1988, P1_1984, Aborted, Behaviour, Close, Damage, Faults, Gone, HugeLength, Instead, PpMta, ProviderAbort,
                          RawOctets, Reset, Silence, Stall, Truncate, Twice, UserAbort, WireError, WrongContext, WrongSpdu, connect)
from peers.wiretap import Wiretap
from peers.x400_values import read_apdu
from peers.x420_values import read_content
from test_pp_mta import CONTENTS, DEFINITE, LONG, ended, message, strict  # noqa: F401 (strict is a fixture)


# What the answering side complains of.

MISDEEDS = [
    ("CR", RawOctets(b"\x03\x00\x00\x06\x01\xe0"), "TPKT: 03000006"),
    ("CR", RawOctets(b"GET / HTTP/1.0\r\n\r\n"), "TPKT: 47455420"),
    ("CN", WrongSpdu(14), "AC, the first SPDU is CN"),
    ("CN", Truncate(40), "LI claims"),
    ("CN", HugeLength("session"), "LI claims 65534 octets"),
    ("CN", WrongContext(9, instead_of=1), "AARQ|context|abstract syntax"),
    ("CN", Damage(2, 5), "parameter|reference"),
    ("AS", Instead(osi.behind_tokens(osi.S_AE, osi.serial(1))), "AE outside of an activity"),
    ("AS", Instead(osi.behind_tokens(osi.S_AS)), "no activity identifier"),
    ("AS", Instead(osi.behind_tokens(osi.S_AS, osi.pi(41, ber.integer(1))) + b"x"), "1 octets behind the end"),
    ("AS", Instead(b""), "empty TSDU"),
    ("DT", WrongContext(5), "RTTR on context 5, RTSE's is 3"),
    ("DT", WrongSpdu(99), "SI 99 at octet 2"),
    ("DT", HugeLength("ber"), "claims 2147483647 octets"),
    ("DT", HugeLength("tpkt"), "TPDU of 65531 octets, 2048 were agreed on"),
    ("DT", Truncate(30), "DT: octet"),
    ("DT", Twice(), "without a MIP between"),
    ("DT", Instead(osi.behind_tokens(osi.S_DT, data=upper.segment_pdv(3, b"x" * 1025, False))), "RTTR of 1025 octets, a checkpoint is due every 1024"),
    ("DT", Instead(osi.behind_tokens(osi.S_DT, data=upper.segment_pdv(3, b"x"))), "indefinite lengths at octets"),
    ("DT", Instead(osi.behind_tokens(osi.S_DT, osi.pi(25, b"\1"), data=upper.segment_pdv(3, b"x"))), "segmenting was not agreed"),
    ("MIP", Instead(osi.behind_tokens(osi.S_MIP, osi.serial(2))), "serial number 2, 1 is the next"),
    ("MIP", Instead(osi.behind_tokens(osi.S_MIP, osi.pi(42, b"\1"))), "1 to 6 digits"),
    ("MIP", Instead(osi.behind_tokens(osi.S_MIP, osi.pi(15, b"\1"), osi.serial(1))), "sync type"),
    ("MIP", Instead(osi.behind_tokens(osi.S_MIP, osi.serial(1), osi.pi(15, b"\1"))), "parameter 15 behind 42"),
    ("AE", Instead(osi.behind_tokens(osi.S_AE, osi.serial(1))), "serial number 1, 9 is the next"),
    ("FN", Instead(osi.spdu(osi.S_FN)), "RLRQ|RLRE"),
    ("FN", WrongContext(3, instead_of=1), "release on context 3, ACSE's is 1")]


@pytest.mark.parametrize("moment, fault, complaint", MISDEEDS, ids=lambda value: value if isinstance(value, str) else type(value).__name__)
def test_what_is_wrong_is_complained_of_and_aborted(strict, moment, fault, complaint):
    with pytest.raises((Gone, Aborted, WireError)), connect(strict.port, DEFINITE, faults=Faults().once(moment, fault)) as caller:
        caller.send_apdu(LONG.encode())
    assert len(ended(strict).complaints) == 1
    assert re.search(complaint, strict.complaints[0]), strict.complaints


def test_an_external_that_names_the_wrong_context_is_complained_of(strict):
    with pytest.raises(Aborted), connect(strict.port, DEFINITE, faults=Faults().once("DT", WrongContext(3, instead_of=5))) as caller:
        caller.send_apdu(message().encode())
    assert "EXTERNAL with indirect reference 3, 5 is right" in ended(strict).complaints[0] and not strict.transfers


def test_more_checkpoints_than_the_window_are_complained_of(strict):
    """The confirmations are swallowed, and a caller that ignores its window goes on."""
    strict.faults.on("MIA", Silence())
    with pytest.raises((Gone, Aborted)), connect(strict.port, DEFINITE) as caller:
        caller.window = 99
        caller.send_apdu(LONG.encode())
    assert "MIP 4: 0 are confirmed, the window is 3" in ended(strict).complaints[0]


# What the calling side complains of, and how it ends.

@pytest.mark.parametrize("moment, fault, expected, text", [
    ("CC", Close(), Gone, "before the end of a TPDU"),
    ("CC", Instead(osi.connect_confirm(1, 2)), WireError, "in answer to a CR"),
    ("CC", RawOctets(osi.disconnect_request(1, 2)), Gone, "refused the transport connection"),
    ("AC", WrongSpdu(16), WireError, "SI 16"),
    ("AC", Reset(), Gone, "gone|closed"),
    ("AC", Instead(osi.spdu(osi.S_FN)), WireError, "FN in answer to CN"),
    ("MIA", Instead(osi.behind_tokens(osi.S_MIA, osi.serial(7))), WireError, "confirmed so far 0"),
    ("MIA", UserAbort(3), Aborted, "as user.*reason 3"),
    ("MIA", ProviderAbort(), Aborted, "as provider"),
    ("AEA", Instead(osi.behind_tokens(osi.S_AEA, osi.serial(99))), WireError, "activity end is"),
    ("AEA", Instead(osi.behind_tokens(osi.S_MIA, osi.serial(99))), WireError, "activity end is"),
    ("DN", Instead(osi.spdu(osi.S_AC)), WireError, "AC in answer to FN")],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__))
def test_the_caller_says_what_is_wrong_with_an_answer(strict, moment, fault, expected, text):
    strict.faults.once(moment, fault)
    with pytest.raises(expected, match=text), connect(strict.port, DEFINITE) as caller:
        caller.send_apdu(LONG.encode())


@pytest.mark.parametrize("mode", [NORMAL_1988, P1_1984], ids=["normal", "1984"])
def test_aborts_are_what_tshark_calls_aborts(strict, mode):
    with Wiretap(strict.port) as tap:
        with connect(tap.port, DEFINITE, mode) as caller:
            caller.abort(4)
        with connect(tap.port, DEFINITE, mode) as caller:
            caller.abort(None)
        tap.join()
    assert "as user: transport disconnect 0x03, RTSE reason 4" in ended(strict, 2).ends[0] and "as provider" in strict.ends[1]
    capture = dissect(tap.transcripts)
    assert_clean(capture)
    assert capture.values("ses.type", TO_SERVER).count("25") == 2
    assert capture.values("rtse.abortReason") == ["4"] if mode.normal else True


ENDINGS = {"user abort": UserAbort(0), "provider abort": ProviderAbort(), "reset": Reset(), "close": Close()}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("moment", ["CN", "AS", "DT", "MIP", "AE", "FN"])
def test_a_caller_that_ends_at_any_point_leaves_no_message_and_no_complaint(strict, moment, ending):
    with pytest.raises(Gone), connect(strict.port, DEFINITE, faults=Faults().once(moment, ENDINGS[ending])) as caller:
        caller.send_apdu(LONG.encode())
    ended(strict)
    assert strict.complaints == [] and len(strict.transfers) == (1 if moment == "FN" else 0)
    assert len(strict.parked) == (1 if moment in ("DT", "MIP", "AE") else 0)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("moment", ["CC", "AC", "MIA", "AEA", "AIA", "ADA", "DN"])
def test_an_answerer_that_ends_at_any_point_is_noticed(strict, moment, ending):
    strict.faults.once(moment, ENDINGS[ending])
    with pytest.raises((Gone, Aborted, WireError)), connect(strict.port, DEFINITE) as caller:
        if moment in ("AIA", "ADA"):
            caller.send_apdu(LONG.encode(), pieces=2, then="interrupt" if moment == "AIA" else "discard")
        caller.send_apdu(LONG.encode())
    assert ended(strict).complaints == [] and len(strict.transfers) == (1 if moment in ("AEA", "DN") else 0)


@pytest.mark.parametrize("octets", [3, 4, 21, 22, 100, 205, 206, 230, 800, 1400, 5000])
def test_a_connection_cut_at_any_octet_is_noticed_by_both(octets):
    with PpMta() as mta:
        with pytest.raises(Gone), connect(mta.port, dataclasses.replace(DEFINITE, cut_after_sending=octets)) as caller:
            caller.send_apdu(LONG.encode())
        assert len(ended(mta).ends) == 1 and not mta.transfers and mta.complaints == []


@pytest.mark.parametrize("octets", [3, 21, 100, 206, 1400, 8000])
def test_a_receiver_that_cuts_at_any_octet_is_noticed(octets):
    with PpMta(Behaviour(cut_after_receiving=octets)) as mta:
        with pytest.raises(Gone), connect(mta.port, DEFINITE) as caller:
            caller.send_apdu(LONG.encode())
    assert "cut on purpose" in ended(mta).ends[0]


def test_silence_ends_with_the_timeout(strict):
    strict.faults.once("AC", Silence())
    with pytest.raises(Gone, match="silent"), connect(strict.port, dataclasses.replace(DEFINITE, timeout=0.2)):
        pass


def test_a_stall_only_delays(strict):
    strict.faults.once("AEA", Stall(0.05))
    with connect(strict.port, DEFINITE) as caller:
        caller.send_apdu(message().encode())
    assert len(strict.transfers) == 1


def test_many_associations_at_once(strict):
    with connect(strict.port, DEFINITE) as one, connect(strict.port, DEFINITE) as two, connect(strict.port, DEFINITE, P1_1984) as three:
        for caller in (one, two, three, one):
            caller.send_apdu(message().encode())
    assert len(strict.wait(4)) == 4 and ended(strict, 3).complaints == []


def test_garbage_never_breaks_the_answering_side(strict):
    """Octets of every kind after a bind; each association ends with its complaint, and the server serves on."""
    for octet in range(0, 256, 5):
        with socket.create_connection(("127.0.0.1", strict.port)) as raw:
            raw.sendall(osi.connect_request(1, b"x400n") + osi.tpkt(b"\x02\xf0\x80" + bytes([octet, 3, octet, 1, octet])))
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
    assert len(ended(strict, 52).complaints) == 51 and "aborted" in strict.ends[0]  # SI 25 is an AB
    with connect(strict.port, DEFINITE) as caller:
        caller.send_apdu(message().encode())
    assert len(strict.wait()) == 1


def test_the_recorder_sees_both_directions(strict):
    with Wiretap(strict.port) as tap:
        with connect(tap.port, DEFINITE) as caller:
            caller.send_apdu(message().encode())
        tap.join()
    capture = dissect(tap.transcripts)
    assert capture.values("ses.type", TO_CLIENT)[0] == "14" and capture.values("ses.type", TO_SERVER)[0] == "13"


def _mutations(octets: bytes, count: int):
    """Damaged copies: octets changed, taken out, doubled, cut off. The same ones in every run."""
    dice = random.Random(len(octets))
    for _ in range(count):
        copy = bytearray(octets)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(max(1, len(copy)))
            change = dice.randrange(4)
            if not copy or change == 0:
                copy[at:at + 1] = [dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])]
            elif change == 1:
                del copy[at:at + 1]
            elif change == 2:
                copy[at:at] = copy[at:at + 4]
            else:
                del copy[max(1, at):]
        yield bytes(copy)


CONNECT = osi.connect(ber.teletex("vm"), ber.utctime("261122002635Z"),
                      upper.connect_data(upper.Opening(63, 3, upper.Bind("mta-a", b"secret"), contexts=upper.CONTEXTS)))
ACCEPT = upper.accept_data(upper.Opening(1, 3, upper.Bind("mta-b", b"secret"), contexts=upper.CONTEXTS))


@pytest.mark.parametrize("octets, read", [
    (CONNECT, lambda data: upper.read_connect(osi.read_tsdu(data)[0].user_data, NORMAL_1988, True)),
    (ACCEPT, lambda data: upper.read_accept(data, NORMAL_1988, upper.CONTEXTS, True)),
    (upper.refuse_data(upper.CONTEXTS, 2, 2), lambda data: upper.read_refusal(data, upper.CONTEXTS, True)),
    (upper.segment_pdv(3, b"x" * 20), lambda data: upper.read_segment(data, NORMAL_1988, upper.CONTEXTS, False)),
    (message().encode(), read_apdu), *((content.encode(), read_content) for content in CONTENTS)],
    ids=["CN", "AC", "RF", "DT", "message", "bodies", "forwarded", "receipt", "non-receipt"])
def test_readers_of_damaged_octets_say_so_or_read_them(octets, read):
    """They raise WireError or BerError, and nothing else."""
    faulty = 0
    for damaged in _mutations(octets, 1500):
        try:
            read(damaged)
        except (WireError, ber.BerError):
            faulty += 1
    assert faulty > 500
