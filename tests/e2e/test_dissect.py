"""The judge itself: does tshark, as we ask it, find fault with all that is broken on purpose, and with nothing that is right? No Postern needed."""

import collections
import dataclasses
import os
import pathlib
import re
import ssl

import pytest

from peers import ber
from peers import osi_wire as osi
from peers import upper_wire as upper
from peers.dissect import TO_CLIENT, TO_SERVER, assert_clean, assert_clean_transfers, dissect, dissect_apdus, transferred
from peers.operations import MS, MTS, Association, Operation, dissect_operations
from peers.pp_mta import Behaviour, PpMta, connect
from peers.wire_audit import audit
from peers.wiretap import Event, Transcript, Wiretap, read_pcap, split_tpkts, write_pcap
from peers.x400_values import Domain, Extension, Message, MtsId, ORName, Recipient, TraceHop, read_apdu
from peers.x420_values import Ia5Text, Ipm, IpmId, To

SHARED = pathlib.Path(os.environ.get("POSTERN_SHARED_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") / "x400"
DOMAIN = Domain("DE", "dbp", "TEST")
ME, YOU = ORName("DE", "dbp", "TEST", "a", surname="me"), ORName("DE", "dbp", "TEST", "b", surname="you")


def shared(name: str) -> pathlib.Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


def message(arrival="261122002541Z", **fields) -> Message:
    content = Ipm(IpmId("1*id"), ME, [To(YOU)], subject="a subject", bodies=[Ia5Text("text\r\n" * 300)]).encode()
    return Message(MtsId(DOMAIN, "mta.1"), ME, [Recipient(YOU)], content=content, trace=[TraceHop(DOMAIN, arrival)], **fields)


def association(apdu: bytes | None = None, change=lambda tsdus: tsdus) -> Transcript:
    """A transfer from CR to DR, written by hand; `change` may break its TSDUs, of which the fourth is the first DT."""
    opening = upper.Opening(1, 3, upper.Bind("mta-a", b"secret"), contexts=upper.CONTEXTS)
    user, common = ber.teletex("vm"), ber.utctime("261122002635Z")
    data = upper.apdu_external(5, apdu or message().encode(), isode=False)
    there, back = TO_SERVER, TO_CLIENT
    tsdus = [(there, osi.connect(user, common, upper.connect_data(opening))), (back, osi.accept(user, common, upper.accept_data(opening))),
             (there, osi.behind_tokens(osi.S_AS, osi.pi(osi.PI_ACTIVITY, ber.integer(1))))]
    pieces = [data[at:at + 1024] for at in range(0, len(data), 1024)]
    for number, piece in enumerate(pieces, 1):
        tsdus.append((there, osi.behind_tokens(osi.S_DT, data=upper.segment_pdv(3, piece, isode=False))))
        if number < len(pieces):
            tsdus += [(there, osi.behind_tokens(osi.S_MIP, osi.serial(number))), (back, osi.behind_tokens(osi.S_MIA, osi.serial(number)))]
    tsdus += [(there, osi.behind_tokens(osi.S_AE, osi.serial(len(pieces)))), (back, osi.behind_tokens(osi.S_AEA, osi.serial(len(pieces)))),
              (there, osi.spdu(osi.S_FN, osi.pi(17, b"\1"), osi.pi(193, upper.release_data(upper.CONTEXTS)))),
              (back, osi.spdu(osi.S_DN, osi.pi(193, upper.release_data(upper.CONTEXTS, True))))]
    wire = Transcript().to_server(osi.connect_request(1, b"x400n")).to_client(osi.connect_confirm(1, 2))
    for direction, tsdu in change(tsdus):
        for tpdu in osi.data_tpdus(tsdu, 2048):
            wire.add(direction, tpdu)
    return wire.to_server(osi.disconnect_request(2, 1)).add(TO_SERVER, b"", "fin").add(TO_CLIENT, b"", "fin")


# What is right.

def test_a_clean_association_is_clean_and_read_to_the_content():
    capture = dissect([association()])
    assert_clean(capture)
    assert capture.values("p22.subject") == ["a subject"] and capture.values("p1.surname") == ["me", "you", "me", "you"]
    assert capture.one("p1.message_identifier").value_of("p1.local_identifier") == "mta.1"
    assert [pdu.sender for pdu in capture.pdus[:4]] == [TO_SERVER, TO_CLIENT, TO_SERVER, TO_CLIENT]
    assert capture.with_field("p22.ipm")[0].layers[-2:] == ["p1", "p22"]
    assert "subject: a subject" in capture.text()


def test_how_tcp_cuts_the_octets_does_not_matter():
    """All at once, octet by octet, and both directions interleaved give the same PDUs as one write each."""
    whole = association()
    split = Transcript([Event(e.direction, e.octets[at:at + 1], e.time, e.end) for e in whole.events for at in range(max(1, len(e.octets)))])
    want = [[(f.name, f.value) for f in pdu.walk()] for pdu in dissect([whole]).pdus]
    assert [[(f.name, f.value) for f in pdu.walk()] for pdu in dissect([split]).pdus] == want
    assert_clean(dissect([split]))


def test_each_connection_is_a_stream_of_its_own():
    capture = dissect([association(), association(message(content_identifier="second").encode())])
    assert_clean(capture)
    assert [capture.values("p1.content_identifier", stream=stream) for stream in (0, 1)] == [[], ["second"]]


def test_a_large_message_passes_without_a_word_about_tcp():
    content = Ipm(IpmId("1*id"), ME, [To(YOU)], subject="large", bodies=[Ia5Text("x" * 300_000)]).encode()
    capture = dissect_apdus([dataclasses.replace(message(), content=content).encode()])
    assert_clean(capture)
    assert capture.values("p22.subject") == ["large"]


def test_an_apdu_is_judged_without_its_association():
    capture = dissect_apdus([message().encode(), message(content_identifier="two").encode()])
    assert_clean(capture)
    assert capture.values("p1.content_identifier") == ["two"] and len(capture.find("p22.subject")) == 2
    with pytest.raises(AssertionError, match="UTCTime"):
        assert_clean(dissect_apdus([message(arrival="1261122002541Z").encode()]))


def test_what_an_association_transferred_is_rebuilt():
    assert transferred([association()]) == [message().encode()]
    assert assert_clean_transfers([association()]).values("p22.subject") == ["a subject"]


OR_NAME = ber.cons("A0", ber.seq(ber.cons("A1", ber.printable("DE"))))
BIND = ber.cons("C16", ber.set_(OR_NAME, ber.cons("C2", ber.octets(b"words"))))


def operation(apdu: bytes, syntax="2.6.0.2.5", of_store=True) -> Association:
    bound = ber.cons("C17", ber.set_(ber.cons("C2", ber.octets(b""))))
    contexts = {1: upper.ACSE, 3: MS if of_store else MTS, 5: syntax}
    return Association(contexts, BIND, bound if of_store else ber.cons("C17", ber.set_(OR_NAME, ber.cons("C2", ber.octets(b"")))), False,
                       [Operation(TO_SERVER, syntax, apdu)])


def fetch(item: bytes) -> bytes:
    """fetch (X.413 8.4)."""
    return ber.cons("C1", ber.integer(1), ber.integer(22), ber.set_(item))


def test_operations_are_judged_without_what_carried_them():
    capture = dissect_operations(operation(fetch(ber.cons("C2", ber.integer(7)))))
    assert_clean(capture)
    assert capture.values("p7.precise") == ["7"]
    with pytest.raises(AssertionError, match="tshark complains"):
        assert_clean(dissect_operations(operation(fetch(ber.cons("C9", ber.integer(7))))))  # no component of a fetch


def test_the_file_has_whole_connections_with_right_checksums(tmp_path):
    write_pcap(tmp_path / "x.pcap", [association()], 102)
    octets = (tmp_path / "x.pcap").read_bytes()
    assert octets[:4] == b"\xd4\xc3\xb2\xa1" and octets[20:24] == (228).to_bytes(4, "little")
    capture = dissect([association()])
    assert capture.complaints() == []  # tshark was told to check checksums and sequence numbers
    damaged = octets.replace(b"a subject", b"A subject")
    (tmp_path / "y.pcap").write_bytes(damaged)
    with pytest.raises(AssertionError, match="Bad checksum"):
        assert_clean(dissect(tmp_path / "y.pcap", checksums=True))


# What is broken.

def replacing(before: bytes, after: bytes, count=1):
    def change(tsdus):
        assert any(before in tsdu for _, tsdu in tsdus), before.hex()
        return [(direction, tsdu.replace(before, after, count)) for direction, tsdu in tsdus]
    return change


def at(number: int, new):
    return lambda tsdus: [(direction, new(tsdu) if place == number else tsdu) for place, (direction, tsdu) in enumerate(tsdus)]


DT = 3
BROKEN = {
    "a UTCTime of 13 digits": (association(message(arrival="1261122002541Z").encode()), "malformed UTCTime"),
    "a length inside the envelope that lies": (association(change=replacing(b"\x13\x02DE", b"\x13\x04DE")),
                                                "strict reader: octet .* claims 4 octets, 2 are there"),
    "a wrong type in the envelope": (association(change=replacing(b"\x13\x02DE", b"\x04\x02DE")),
                                     "content '4445', tshark shows 5 of them"),
    "an integer without content": (association(change=replacing(b"\x80\x01\x01\x81\x02\x00\xa8", b"\x85\x01\x01\x81\x02\x00\xa8")), "BER Error"),
    "an unknown field in a SET": (association(ber.cons("C0", ber.set_(message().envelope(), ber.prim("C30", b"x")), ber.octets(b"x"))), "BER Error"),
    "a content that is no IPM": (association(Message(MtsId(DOMAIN, "m"), ME, [Recipient(YOU)], content=b"\x30\x03\x02\x01\x01",
                                                          trace=[TraceHop(DOMAIN, "261122002541Z")]).encode()),
                                 "the layer p22 is empty"),
    "an unknown extension": (association(message(extensions=(Extension(9999, ber.null()),)).encode()), "Unknown standard-extension"),
    "an extension typed as ISODE does": (association(message(extensions=(Extension(23, ber.octets(b"x")),), isode=True).encode()),
                                         "Unknown standard-extension"),
    "a PDV on a context never negotiated": (association(change=replacing(b"\x02\x01\x03\xa0\x82", b"\x02\x01\x07\xa0\x82")), "."),
    "a PDV on the wrong context": (association(change=replacing(b"\x02\x01\x03\xa0\x82", b"\x02\x01\x01\xa0\x82")), "."),
    "an EXTERNAL that refers to no context": (association(change=replacing(b"\x02\x01\x05\xa0\x82", b"\x02\x01\x09\xa0\x82")),
                                              "Unable to determine abstract syntax"),
    "an EXTERNAL that refers to RTSE": (association(change=replacing(b"\x02\x01\x05\xa0\x82", b"\x02\x01\x03\xa0\x82")), "."),
    "an abstract syntax nobody knows": (association(change=replacing(ber.oid(upper.MTSE), ber.oid("2.6.0.2.99"))), "."),
    "an AARQ with an unknown element": (association(change=at(0, lambda tsdu: tsdu.replace(b"\x60\x36\xa1\x06", b"\x60\x36\xbd\x06"))), "BER Error"),
    "a bind with a wrong credential": (association(change=at(0, lambda tsdu: tsdu.replace(b"\x04\x06secret", b"\x02\x06secret"))),
                                       "Unknown field in SET"),
    "an SPDU whose length lies": (association(change=at(2, lambda tsdu: tsdu[:3] + b"\x50" + tsdu[4:])), "."),
    "an SPDU that does not exist": (association(change=at(2, lambda tsdu: tsdu[:2] + b"\x7b" + tsdu[3:])), "."),
    "a truncated CN": (association(change=at(0, lambda tsdu: tsdu[:60])), "."),
    "a truncated segment": (association(change=at(DT, lambda tsdu: tsdu[:200])), "."),
    "an activity without data": (association(change=lambda tsdus: [t for t in tsdus if t[1][:4] != b"\1\0\1\0"]), "ends without data"),
    "data that is no APDU": (association(change=at(DT, lambda _: osi.behind_tokens(osi.S_DT, data=upper.segment_pdv(3, b"\0\1\2", False)))), "."),
    "a stream that ends in a TPKT": (association().to_server(osi.tpkt(b"\x02\xf0\x80" + b"x" * 40)[:20]), "20 octets that are no whole TPKT"),
    "octets that are no TPKT": (association().to_client(b"HTTP/1.1 400 Bad Request\r\n"), "26 octets that are no whole TPKT"),
    "a TSDU without its last TPDU": (association().to_server(osi.tpkt(b"\x02\xf0\x00\x01\x00")), "last TPDU of this TSDU never comes"),
    "a COTP TPDU that does not exist": (association().to_server(osi.tpkt(b"\x02\x10\x80")), "."),
    "a reset": (Transcript(association().events[:-2]).add(TO_CLIENT, b"", "rst"), "Connection reset")}


TSHARK_IS_SILENT = {"a length inside the envelope that lies", "a wrong type in the envelope", "an activity without data", "a content that is no IPM",
                    "a TSDU without its last TPDU", "a stream that ends in a TPKT", "octets that are no TPKT"}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_out(name):
    """By the judge as a whole; and it is known which of it a plain `_ws.expert` filter would have passed."""
    transcript, words = BROKEN[name]
    with pytest.raises(AssertionError, match=f"(?s)complain.*({words})"):
        assert_clean_transfers([transcript])
    by_tshark = [c for c in dissect([transcript]).complaints() if not re.search("strict reader|no whole TPKT|is empty", c.what)]
    assert bool(by_tshark) != (name in TSHARK_IS_SILENT), by_tshark


def test_only_the_sender_that_broke_it_is_blamed():
    capture = dissect([BROKEN["a UTCTime of 13 digits"][0]])
    assert_clean(capture, sender=TO_CLIENT)
    assert_clean_transfers([BROKEN["a UTCTime of 13 digits"][0]], sender=TO_CLIENT)
    with pytest.raises(AssertionError, match="UTCTime"):
        assert_clean(capture, sender=TO_SERVER)
    assert_clean(capture, allow=("malformed UTCTime",))


def test_a_capture_without_anything_proves_nothing():
    with pytest.raises(AssertionError, match="nothing to judge"):
        assert_clean(dissect([Transcript()]))
    with pytest.raises(AssertionError, match="nothing to judge"):
        assert_clean(dissect([Transcript().to_server(b"")]))


# The shared captures.

def test_the_shared_capture_of_a_bind_is_clean():
    capture = dissect(shared("bind-rebuilt.pcap"))
    assert_clean(capture)
    assert capture.values("p1.authenticated.initiator-name") == ["percival.smhs.co.uk"]
    assert capture.values("p1.authenticated.responder-name") == ["guinevere.smhs.co.uk"]


def test_the_shared_capture_of_pp_is_judged_as_it_is():
    """PP's six messages: a UTCTime of 13 digits in three of them; in all, two extensions whose type stands as an explicit INTEGER, so that tshark
    reads 02 01 17 as the number 131351. The rest is the private protocol of PP's queue manager, the ports of its other programs, and connections
    that were not served or were broken off."""
    capture = dissect(shared("pp-p1-1988-normal.pcap"), ports=(20001, 20002))
    found = collections.Counter(_kind(complaint.what) for complaint in capture.complaints())
    assert found == {"malformed UTCTime": 3, "Unknown standard-extension": 12, "Dissector for OID not implemented": 199,
                     "Connection reset": 29, "octets that no dissector took": found["octets that no dissector took"]}
    assert sorted({complaint.frame for complaint in capture.complaints() if "UTCTime" in complaint.what}) == [462, 621, 784]
    assert set(capture.values("p1.standard_extension")) == {str(0x020117), str(0x020126)}
    assert capture.values("p22.subject") == [f"hello{number}" for number in (2, 3, 5, 6, 7, 8)]
    elsewhere = {complaint.stream for complaint in capture.complaints() if "no dissector took" in complaint.what}
    assert elsewhere.isdisjoint({pdu.stream for pdu in capture.pdus if "p1" in pdu.layers})


def test_the_strict_readers_find_nothing_wrong_with_what_pp_sent():
    """Neither in its P1 nor in the ROSE associations of its queue manager. (Its envelopes are well-formed; the UTCTime is a matter for tshark.)"""
    transcripts = [transcript.by_tpkt()[0] for transcript in read_pcap(shared("pp-p1-1988-normal.pcap"), (20001, 20002))]
    assert len(transcripts) > 50 and audit(transcripts) == []
    assert [read_apdu(apdu).content_identifier for apdu in transferred(transcripts)] == [f"hello{number}" for number in (2, 3, 5, 6, 7, 8)]


def test_a_written_capture_is_read_back(tmp_path):
    write_pcap(tmp_path / "x.pcap", [association(), association()], 102)
    for transcript in read_pcap(tmp_path / "x.pcap", (102,)):
        assert [(e.direction, e.octets, e.end) for e in transcript.events] == [(e.direction, e.octets, e.end) for e in association().events]


def _kind(what: str) -> str:
    kinds = ("malformed UTCTime", "Unknown standard-extension", "Dissector for OID not implemented", "Connection reset", "octets that no dissector took")
    return next((kind for kind in kinds if kind in what), what)


# TLS.

def test_tls_1_3_is_read_to_the_content_with_the_key_log(peer_certificate, tmp_path):
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (server, client):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    server.load_cert_chain(peer_certificate.cert, peer_certificate.key)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = str(tmp_path / "secrets")
    with PpMta(Behaviour(isode=False), tls=server) as mta, Wiretap(mta.port) as tap:
        with connect(tap.port, Behaviour(name="mta-a", isode=False), tls=client) as caller:
            caller.send_apdu(message().encode())
        tap.join()
    capture = dissect(tap.transcripts, keylog=tmp_path / "secrets")
    assert_clean(capture)
    assert mta.complaints == [] and capture.values("p22.subject") == ["a subject"] and capture.values("p1.authenticated.initiator-name") == ["mta-a"]
    (tmp_path / "nothing").write_text("")
    with pytest.raises(AssertionError, match="nothing to judge"):
        assert_clean(dissect(tap.transcripts, keylog=tmp_path / "nothing"))


def test_the_tap_hands_on_cuts_and_says_who_made_them():
    with PpMta(Behaviour(cut_after_receiving=100)) as mta, Wiretap(mta.port) as tap:
        with pytest.raises(Exception), connect(tap.port):
            pass
        tap.join()
    transcript = tap.transcripts[0]
    assert [event.direction for event in transcript.events if event.end == "rst"] == [TO_CLIENT]
    assert split_tpkts(transcript.stream(TO_CLIENT))[1] == b""
