"""PP's stand-in against itself and against the shared capture: does it write, octet for octet, what PP wrote; does it take what is right, in all
three modes, whole, interrupted, resumed and refused? No Postern needed."""

import dataclasses
import os
import pathlib

import pytest

from peers import ber
from peers import osi_wire as osi
from peers import upper_wire as upper
from peers.dissect import TO_SERVER, assert_clean, assert_clean_transfers, dissect
from peers.pp_mta import (AUTHENTICATION, BUSY, MODES, NORMAL_1988, X410_1988, Aborted, Behaviour, ExceptionReport, Faults, Gone, NotTaken, PpMta,
                          Refused, Reset, WireError, connect)
from peers.wiretap import Wiretap, pcap_segments, split_tpkts
from peers.x400_values import (CONTENT_RETURN, ALTERNATE_RECIPIENT_ALLOWED, URGENT, Domain, Message, MtsId, ORName, Probe, Recipient, Report,
                               Reported, TraceHop, content_correlator, internal_trace, read_apdu)
from peers.x420_values import Bilateral, Forwarded, GeneralText, Ia5Text, Ipm, IpmId, Ipn, To, read_content

CAPTURE = pathlib.Path(os.environ.get("POSTERN_SHARED_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") \
    / "x400" / "pp-p1-1988-normal.pcap"
DOMAIN = Domain("GB", " ", "TEST")
ME, YOU = ORName("GB", " ", "TEST", "a", surname="pp"), ORName("GB", " ", "TEST", "b", surname="test")
DEFINITE = Behaviour(name="mta-a", isode=False)


def message(text="Hello body line\r\n", **fields) -> Message:
    content = Ipm(IpmId("1*id"), ME, [To(YOU)], subject="hello", bodies=[Ia5Text(text)]).encode()
    return Message(MtsId(DOMAIN, "mta-a.1"), ME, [Recipient(YOU)], content=content, trace=[TraceHop(DOMAIN, "261122002541Z")], **fields)


LONG = message("0123456789abcde\n" * 500)  # eight checkpoints of a kilooctet


@pytest.fixture(scope="module")
def captured() -> dict[int, bytes]:
    """The TCP payloads of the shared capture by frame number."""
    if not CAPTURE.exists():
        pytest.skip(f"{CAPTURE} is not here")
    return {segment.frame: segment.payload for segment in pcap_segments(CAPTURE)}


@pytest.fixture
def strict():
    """An answering MTA that wants definite lengths and the right name and password."""
    with PpMta(Behaviour(peer_name="mta-a", peer_password=b"secret", isode=False)) as mta:
        yield mta


def ended(mta, count=1) -> PpMta:
    return mta.wait_finished(count)


# What PP wrote.

USER, COMMON = ber.teletex("vm"), ber.utctime("261122002635Z")


@pytest.mark.parametrize("frame, octets", [
    (1234, osi.connect_request(0x5744, b"x400n")),
    (1236, osi.connect_confirm(0x5744, 0x5745)),
    (1238, osi.data_tpdus(osi.connect(USER, COMMON, upper.connect_data(upper.Opening(63, 3, upper.Bind("mta-a", b"secret"),
                                                                                    contexts=upper.CONTEXTS))), 2048)[0]),
    (1239, osi.data_tpdus(osi.accept(USER, COMMON, upper.accept_data(upper.Opening(1, 3, upper.Bind("mta-b", b"secret"),
                                                                                  contexts=upper.CONTEXTS))), 2048)[0]),
    (1240, osi.data_tpdus(osi.behind_tokens(osi.S_AS, osi.pi(osi.PI_ACTIVITY, ber.integer(1))), 2048)[0]),
    (31, osi.data_tpdus(osi.spdu(osi.S_FN, osi.pi(17, b"\1"), osi.pi(193, upper.release_data(((3, upper.ACSE),)))), 2048)[0]),
    (32, osi.data_tpdus(osi.spdu(osi.S_DN, osi.pi(193, upper.release_data(((3, upper.ACSE),), True))), 2048)[0]),
    (33, osi.disconnect_request(0x064F, 0x064B))])
def test_the_octets_are_those_of_the_capture(captured, frame, octets):
    assert octets == captured[frame]


def test_a_transfer_has_the_octets_of_the_capture(captured):
    """Frame 1245: a DT with a whole message, and the ACTIVITY END."""
    data, end = split_tpkts(captured[1245])[0]
    segment = osi.read_tsdu(osi.read_tpdu(data[4:]).data)[1].data
    apdu = upper.read_transferred(upper.read_segment(segment, NORMAL_1988, upper.CONTEXTS, False), NORMAL_1988, upper.CONTEXTS, False)
    found = read_apdu(apdu)
    built = Message(MtsId(DOMAIN, "mta-a.test.230:22.10.26.00.25.41"), ME, [Recipient(YOU)], content_identifier="hello8", content=found.content,
                    indicators=frozenset({ALTERNATE_RECIPIENT_ALLOWED, CONTENT_RETURN}), isode=True,
                    trace=[TraceHop(DOMAIN, "701122002541Z"), TraceHop(DOMAIN, "261122002541Z")],
                    extensions=(content_correlator(b"Subject: hello8,\nTo: /S=test/O=b/PRMD=TEST/ADMD= /C=GB/"),
                                internal_trace(TraceHop(DOMAIN, "701122002541Z", mta="a.test"), TraceHop(DOMAIN, "261122002541Z", mta="mta-a.test"))))
    assert found == built
    sent = upper.segment_pdv(3, upper.apdu_external(5, built.encode()))
    assert osi.data_tpdus(osi.behind_tokens(osi.S_DT, data=sent), 2048) == [data]
    assert osi.data_tpdus(osi.behind_tokens(osi.S_AE, osi.serial(1)), 2048) == [end]


def test_the_content_of_the_capture_is_read(captured):
    content = read_apdu(_transferred(captured[1245])).content
    ipm = read_content(content)
    assert (ipm.id.local, ipm.originator, [to.name for to in ipm.to], ipm.subject) == \
        ("(q)22338 Sun Nov 22 00:26:35 2026(q)(a)a.test", ME, [YOU], "hello8")
    assert ipm.bodies == (Ia5Text("From: test@a.test\r\nTo: test@b.test\r\nSubject: hello from A\r\n\r\nHello body line\r\n"),)


def _transferred(octets: bytes) -> bytes:
    segment = osi.read_tsdu(osi.read_tpdu(split_tpkts(octets)[0][0][4:]).data)[1].data
    return upper.read_transferred(upper.read_segment(segment, NORMAL_1988, upper.CONTEXTS, False), NORMAL_1988, upper.CONTEXTS, False)


def test_tshark_sees_the_same_as_in_the_capture(captured):
    """Its reading of an association between two of us equals its reading of PP's, field by field; only what names a moment or a peer differs."""
    apdu = _transferred(captured[1245])
    with PpMta(Behaviour(definite_only=False)) as mta, Wiretap(mta.port) as tap:
        with connect(tap.port, Behaviour(name="mta-a", definite_only=False)) as caller:
            caller.send_apdu(apdu)
        tap.join()
    ours = dissect(tap.transcripts)
    theirs = dissect(CAPTURE, ports=(20001, 20002))
    frames = [pdu for pdu in theirs.pdus if pdu.frame in (1234, 1236, 1238, 1239, 1240, 1245)]
    shown = [_fields(field) for pdu in ours.pdus for field in pdu.children]
    expected = [_fields(field) for pdu in frames for field in pdu.children]
    assert shown[:len(expected)] == expected


VARIES = {"cotp.srcref", "cotp.destref", "ses.common_reference", "ses.activity_identifier", "rtse.fragment", "tcp.segments", "cotp.tpdu-number",
          "rtse.rtse.fragments"}


def _fields(field) -> list:
    return [(f.name, None if f.name in VARIES else f.value) for f in field.walk()]


# Transfers.

@pytest.mark.parametrize("isode", [True, False], ids=["as ISODE writes", "definite"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.selector.decode())
def test_messages_arrive_in_every_mode(mode, isode):
    sent = [message(), LONG, message(priority=URGENT, content_identifier="third")]
    with PpMta(Behaviour(definite_only=not isode, isode=isode)) as mta, Wiretap(mta.port) as tap:
        with connect(tap.port, Behaviour(name="mta-a", definite_only=not isode, isode=isode), mode) as caller:
            for one in sent:
                caller.send_apdu(one.encode())
        tap.join()
    assert [transfer.message for transfer in ended(mta).transfers] == sent
    assert (mta.complaints, mta.ends) == ([], [])
    capture = assert_clean_transfers(tap.transcripts)
    assert_clean(capture if mode != NORMAL_1988 else dissect(tap.transcripts))
    assert capture.values("p22.subject") == ["hello"] * 3 and capture.values("p1.local_identifier") == ["mta-a.1"] * 3


def test_envelope_and_content_come_as_octets(strict):
    with connect(strict.port, DEFINITE) as caller:
        caller.send_apdu(message().encode())
    transfer = strict.wait()[0]
    assert transfer.content == message().content and transfer.envelope == message().envelope()


def test_probes_reports_and_notifications_are_read_as_they_were_written(strict):
    hop = (TraceHop(DOMAIN, "261122002541Z"),)
    sent = [Probe(MtsId(DOMAIN, "p.1"), ME, [Recipient(YOU)], content_length=500, trace=hop),
            Report(MtsId(DOMAIN, "r.1"), ME, MtsId(DOMAIN, "mta-a.1"), returned_content=message().content, trace=hop, content_identifier="hello",
                   recipients=(Reported(YOU, 1, "261122002541Z", delivered="261122002641Z"),
                               Reported(YOU, 2, "261122002541Z", reason=1, diagnostic=0, supplementary="no such user")))]
    with Wiretap(strict.port) as tap:
        with connect(tap.port, DEFINITE) as caller:
            for one in (*sent, message()):
                caller.send_apdu(one.encode())
        tap.join()
    assert [transfer.message for transfer in strict.wait(3)[:2]] == sent
    capture = assert_clean_transfers(tap.transcripts)
    assert capture.values("p1.non_delivery_diagnostic_code") == ["0"] and capture.values("p1.content_length") == ["500"]


CONTENTS = [Ipm(IpmId("1*a", ME), ME, [To(YOU, frozenset({0, 1}), True)], [To(ME)], "subject", [Ia5Text("text"), GeneralText(b"gr\xfc\xdfe"),
                                                                                              Bilateral(b"\0\1\2")], 2, IpmId("0*z")),
            Ipm(IpmId("2*a"), ME, bodies=[Forwarded(Ipm(IpmId("1*b"), YOU, [To(ME)], bodies=[Ia5Text("in")]), "261122002541Z")]),
            Ipn(IpmId("1*a", ME), YOU, receipt_time="261122002541Z", automatic=True),
            Ipn(IpmId("1*a", ME), YOU, non_receipt_reason=0, discard_reason=1)]


@pytest.mark.parametrize("content", CONTENTS, ids=["bodies", "forwarded", "receipt", "non-receipt"])
def test_contents_are_read_as_they_were_written_and_tshark_agrees(strict, content):
    assert read_content(content.encode()) == content
    with Wiretap(strict.port) as tap:
        with connect(tap.port, DEFINITE) as caller:
            caller.send_apdu(dataclasses.replace(message(), content=content.encode()).encode())
        tap.join()
    capture = assert_clean_transfers(tap.transcripts)
    assert capture.values("p22.user_relative_identifier")[0] in ("1*a", "2*a")


@pytest.mark.parametrize("kilooctets, window", [(0, 3), (1, 1), (1, 0), (2, 3), (63, 3)])
def test_checkpoints_and_windows(kilooctets, window):
    with PpMta(Behaviour(checkpoint=kilooctets, window=window)) as mta:
        with connect(mta.port, dataclasses.replace(DEFINITE, window=window)) as caller:
            caller.send_apdu(LONG.encode())
        transfer = mta.wait()[0]
    size = sum(transfer.segments)
    assert mta.complaints == [] and transfer.message == LONG
    assert transfer.segments == [kilooctets * 1024] * (size // (kilooctets * 1024)) + [size % (kilooctets * 1024)] if 0 < kilooctets < 63 else [size]


def test_small_tpdus_and_session_segments():
    """TPDUs of 128 octets, and session cutting SSDUs at 2041 octets."""
    with PpMta(Behaviour(tpdu_size=7, segmenting=True, checkpoint=4)) as mta, Wiretap(mta.port) as tap:
        with connect(tap.port, DEFINITE) as caller:
            assert caller.segmenting and caller.checkpoint == 4096
            caller.send_apdu(LONG.encode())
        tap.join()
    assert mta.complaints == [] and mta.transfers[0].message == LONG
    assert max(len(piece) for piece in split_tpkts(tap.transcripts[0].stream(TO_SERVER))[0]) == 128 + 4


# Interruption, resumption, discarding.

def test_an_interrupted_activity_is_resumed_behind_its_checkpoint(strict):
    with connect(strict.port, DEFINITE) as caller:
        activity = caller.send_apdu(LONG.encode(), pieces=3, then="interrupt")
        assert activity.confirmed == 3 and not strict.transfers
        caller.resume(activity)
    transfer = strict.wait()[0]
    assert transfer.message == LONG and transfer.resumed == 1 and strict.complaints == []


@pytest.mark.parametrize("recover", [True, False], ids=["recovering the association", "on a new one"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.selector.decode())
def test_a_cut_transfer_is_resumed_on_another_association(mode, recover):
    with PpMta() as mta, Wiretap(mta.port) as tap:
        faults = Faults().once("DT", Reset(), after=4)
        with pytest.raises(Gone), connect(tap.port, DEFINITE, mode, faults) as caller:
            caller.send_apdu(LONG.encode())
        activity = caller.unfinished
        assert activity.confirmed >= 1
        ended(mta)
        with connect(tap.port, dataclasses.replace(DEFINITE, host_reference="vn"), mode, recover=activity if recover else None) as second:
            second.resume(activity)
        assert mta.wait()[0].message == LONG and mta.transfers[0].resumed == 1
        tap.join()
    assert mta.complaints == []
    assert assert_clean_transfers(tap.transcripts, allow=("Connection reset",)).values("p22.subject") == ["hello"]


def test_an_unknown_lost_association_is_not_recovered(strict):
    with connect(strict.port, DEFINITE) as caller:
        activity = caller.send_apdu(LONG.encode(), pieces=2, then="interrupt")
    ended(strict)
    strict.parked.clear()
    with pytest.raises(Refused) as refused, connect(strict.port, DEFINITE, recover=activity):
        pass
    assert refused.value.reason == 1


def test_a_resumption_of_what_was_never_confirmed_is_complained_of(strict):
    with connect(strict.port, DEFINITE) as caller:
        activity = caller.send_apdu(LONG.encode(), pieces=2, then="interrupt")
        activity.confirmed = 5
        with pytest.raises(Aborted):
            caller.resume(activity)
    assert "checkpoint 5, but it is confirmed up to 2" in ended(strict).complaints[0]


def test_a_discarded_activity_is_forgotten_and_sent_again(strict):
    with Wiretap(strict.port) as tap:
        with connect(tap.port, DEFINITE) as caller:
            activity = caller.send_apdu(LONG.encode(), pieces=3, then="discard")
            caller.send_apdu(LONG.encode())
        tap.join()
    assert assert_clean_transfers(tap.transcripts).values("p22.subject") == ["hello"]
    assert len(strict.wait()) == 1 and strict.discarded == [activity.number] and not strict.parked


def test_an_activity_sent_twice_comes_twice(strict):
    """Elimination of duplicates is a matter of the MTA, by its MTS identifier."""
    with connect(strict.port, DEFINITE) as caller:
        caller.send_apdu(message().encode())
        caller.send_apdu(message().encode())
    assert [transfer.message.id for transfer in strict.wait(2)] == [message().id] * 2


def test_a_confirmation_that_got_lost_leaves_the_message_with_the_receiver(strict):
    strict.faults.once("AEA", Reset())
    with pytest.raises(Gone), connect(strict.port, DEFINITE) as caller:
        caller.send_apdu(message().encode())
    assert caller.unfinished and len(strict.wait()) == 1


@pytest.mark.parametrize("moment", ["MIA", "AEA"])
def test_a_receiver_that_cannot_take_it_reports_an_exception(strict, moment):
    strict.faults.once(moment, ExceptionReport(1))
    with connect(strict.port, DEFINITE) as caller:
        with pytest.raises(NotTaken) as refused:
            caller.send_apdu(LONG.encode())
        caller.send_apdu(message().encode())
    assert refused.value.reason == 1 and len(strict.wait()) == 1 and len(strict.discarded) == 1 and strict.complaints == []


# Refusals.

@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.selector.decode())
@pytest.mark.parametrize("caller, reason, error", [(Behaviour(name="mta-a", password=b"wrong"), 2, AUTHENTICATION),
                                                  (Behaviour(name="mta-x"), 2, AUTHENTICATION)], ids=["password", "name"])
def test_wrong_credentials_are_refused_in_words(strict, mode, caller, reason, error):
    with Wiretap(strict.port) as tap:
        with pytest.raises(Refused) as refused, connect(tap.port, caller, mode):
            pass
        tap.join()
    assert (refused.value.reason, refused.value.bind_error) == ((None, error) if mode.normal else (reason, None))
    assert_clean(dissect(tap.transcripts))
    assert b"wrong" not in str(refused.value).encode() and strict.complaints == []


def test_a_busy_mta_refuses(strict):
    strict.behaviour.refuse_bind = BUSY
    with pytest.raises(Refused) as refused, connect(strict.port, DEFINITE):
        pass
    assert refused.value.bind_error == BUSY


def test_the_callers_mta_must_be_the_right_one(strict):
    with pytest.raises(WireError, match="another name or password"), \
            connect(strict.port, dataclasses.replace(DEFINITE, peer_name="mta-b", peer_password=b"other")):
        pass
    assert "aborted as user" in ended(strict).ends[0]


def test_an_unknown_selector_is_refused_by_transport(strict):
    with pytest.raises(Gone, match="refused the transport connection"), connect(strict.port, DEFINITE, selector=b"x400x"):
        pass
    assert "x400x" in ended(strict).complaints[0]


def test_a_selector_of_another_mode_is_complained_of(strict):
    with pytest.raises(Aborted), connect(strict.port, DEFINITE, X410_1988, selector=b"x400n"):
        pass
    assert "mode 0, but x400n is called" in ended(strict).complaints[0]


def test_an_extra_context_is_refused_alone():
    contexts = ((1, "1.2.3.4"), (7, upper.ACSE), (9, upper.MTSE), (11, upper.RTSE))
    results = ber.parse(upper._results(contexts)).children
    assert [item.want("C0").integer for item in results] == [2, 0, 0, 0]
    with PpMta() as mta:
        with connect(mta.port, dataclasses.replace(DEFINITE, contexts=contexts[1:])) as caller:
            caller.send_apdu(message().encode())
        assert mta.wait()[0].message == message() and mta.complaints == []
