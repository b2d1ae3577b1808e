"""tshark as the judge of what went over the wire: an independent reader of the whole X.400 family, from TPKT down to the content.

    with Wiretap(server.port) as tap: ...; tap.join()
    capture = dissect(tap.transcripts)                  # or dissect("file.pcap", ports=[20001])
    assert_clean(capture)                               # nothing malformed, nothing tshark warns of, nothing left over
    assert_clean(capture, sender=TO_SERVER)             # judge one side only
    capture.values("p1.local_identifier")               # all values of a field, in the order of the wire
    capture.one("p1.message").values("p1.surname")      # those below another field
    print(capture.text())                               # tshark -V, for people

The names are tshark's: tpkt, cotp, ses, pres, acse, rtse, ros, p1 (P3 too), p22, p7, p772 (`tshark -G fields`). Over TLS, give the file in which
a side logs its secrets (SSLKEYLOGFILE): dissect(..., keylog=path).

In X.410 mode tshark reads the bind but none of the data (it knows no session user data without presentation). There assert_clean_transfers judges the
layers below, and then each APDU that was transferred, in a normal-mode association of its own making: dissect_apdus.

What counts against a sender (test_dissect.py proves each with octets that were broken on purpose):
  - `_ws.expert` of severity warning or error. All of BER's findings (`ber.error...`), tshark's "malformed", unknown extensions, unknown OIDs,
    wrong checksums and resets come as such; a `_ws.malformed` mark without one counts too.
  - a layer `data` or a `_ws.short`: octets that no dissector took; a layer of P1, P3, P7, P22 or P772 in which there is nothing.
  - what tshark passes over in silence. It does not look at lengths below explicit tags, nor at a CHOICE that is none of its alternatives, and it
    waits for ever for the rest of a TPDU. So peers.wire_audit reads all layers again with the strict readers of the peers, and each APDU is
    held against what was shown of it: an element whose octets tshark shows nowhere was not understood (dissect_apdus).
"""

import collections
import dataclasses
import json
import pathlib
import re
import tempfile

from . import ber
from . import osi_wire as osi
from . import upper_wire as upper
from .base import PeerError, run
from .wire_audit import audit, transferred
from .wiretap import TO_CLIENT, TO_SERVER, Transcript, write_pcap

WARNING = 0x00600000  # epan/proto.h: PI_WARN; PI_ERROR is above it, notes and chat are below
PORT = 102
_ACTIVITY_RESUME, _ACTIVITY_DISCARD = "29", "57"
_ACTIVITY_END = "41"  # X.225 8.3.35: 0x29, which ACTIVITY END shares with MAJOR SYNC POINT
_APPLICATIONS = ("p1", "p3", "p7", "p22", "p772")


@dataclasses.dataclass
class Field:
    """A field or layer as tshark names it, with what it shows as its value, and what stands below it."""
    name: str
    value: str | None
    children: "list[Field]" = dataclasses.field(default_factory=list)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, name: str) -> "list[Field]":
        return [field for field in self.walk() if field.name == name]

    def values(self, name: str) -> list[str]:
        return [field.value for field in self.find(name)]

    def one(self, name: str) -> "Field":
        """The only field of that name."""
        return _only(self.find(name), name, f"below {self.name}")

    def value_of(self, name: str) -> str:
        return self.one(name).value


@dataclasses.dataclass
class Pdu(Field):
    """A frame that carried octets. As Wiretap's transcripts are cut at TPKTs, it is one TPDU, and the APDU that it completed."""
    frame: int = 0
    stream: int = 0
    sender: str = TO_SERVER

    @property
    def layers(self) -> list[str]:
        """Of X.400's family, in order: ["tpkt", "cotp", "ses", "ses", "pres", "rtse", "p1", "p22"]."""
        return [layer.name for layer in self.children]

    def spdus(self) -> list[str]:
        """The SPDU codes of this TSDU."""
        return [value for layer in self.children if layer.name == "ses" for value in layer.values("ses.type")]


@dataclasses.dataclass
class Complaint:
    frame: int
    stream: int
    sender: str
    what: str

    def __str__(self):
        return f"frame {self.frame} (stream {self.stream}, {self.sender}): {self.what}"


class Capture:
    """A capture file, dissected."""

    def __init__(self, path, pdus: list[Pdu], options: list[str], left_over: list[Complaint], directory=None):
        self.path, self.pdus, self.left_over = pathlib.Path(path), pdus, left_over
        self.operations = []  # of a capture that peers.operations made
        self._options, self._directory = options, directory  # the directory lives as long as the capture

    def of(self, sender: str | None = None, stream: int | None = None) -> "list[Pdu]":
        return [pdu for pdu in self.pdus if sender in (None, pdu.sender) and stream in (None, pdu.stream)]

    def find(self, name: str, sender: str | None = None, stream: int | None = None) -> list[Field]:
        return [field for pdu in self.of(sender, stream) for field in pdu.find(name)]

    def values(self, name: str, sender: str | None = None, stream: int | None = None) -> list[str]:
        return [field.value for field in self.find(name, sender, stream)]

    def one(self, name: str, sender: str | None = None, stream: int | None = None) -> Field:
        return _only(self.find(name, sender, stream), name, f"in {self.path}")

    def with_field(self, name: str, sender: str | None = None, stream: int | None = None) -> list[Pdu]:
        return [pdu for pdu in self.of(sender, stream) if pdu.find(name)]

    def text(self, *frames: int) -> str:
        """What `tshark -V` shows of these frames, or of all that carry TPKTs."""
        wanted = " || ".join(f"frame.number == {frame}" for frame in frames) or "tpkt"
        return _tshark(self.path, *self._options, "-V", "-O", "tpkt,cotp,ses,pres,acse,rtse,ros,p1,p3,p7,p22,p772,data", "-Y", wanted)

    def complaints(self, sender: str | None = None, allow=()) -> list[Complaint]:
        """What is wrong with what `sender` (or anybody) sent, without what matches one of the patterns in `allow`."""
        found = [*self.left_over, *(c for pdu in self.pdus for c in _complaints_of(pdu))]
        found = [c for c in found if sender in (None, c.sender) and not any(re.search(pattern, c.what) for pattern in allow)]
        return sorted(found, key=lambda c: c.frame)


def assert_clean(capture: Capture, sender: str | None = None, allow=(), but_frames=()):
    """Fails with the complaints and with the text of the frames that earned them. A capture without any PDU proves nothing, so it fails."""
    if not any("cotp" in pdu.layers for pdu in capture.of(sender)):
        raise AssertionError(f"{capture.path} holds no TPDU{f' {sender}' if sender else ''}: nothing to judge")
    complaints = [complaint for complaint in capture.complaints(sender, allow) if complaint.frame not in but_frames]
    if complaints:
        frames = sorted({complaint.frame for complaint in complaints})[:5]
        raise AssertionError("tshark complains:\n  " + "\n  ".join(map(str, complaints)) + "\n" + capture.text(*frames))


def dissect(source, ports=(PORT,), keylog=None, checksums=None) -> Capture:
    """Of transcripts, or of the path of a capture file, whose servers listen on `ports`. Checksums are checked where the file is our own: a
    captured loopback has none."""
    directory = None
    left_over: list[Complaint] = []
    if not isinstance(source, (str, pathlib.Path)):
        directory = tempfile.TemporaryDirectory(prefix="pt-dissect-")
        path = pathlib.Path(directory.name) / "wire.pcap"
        source = list(source)
        if not keylog:
            source, left_over = _cut_at_tpkts(source)
        write_pcap(path, source, ports[0])
    else:
        path = pathlib.Path(source)
    options = _options(ports, keylog) + (_CHECKSUMS if (directory if checksums is None else checksums) else [])
    shown = json.loads(_tshark(path, *options, "-T", "json", "-Y", "tcp") or "[]", object_pairs_hook=_Pairs)
    pdus = []
    for pdu, below in (_pdu(frame, set(map(str, ports))) for frame in shown):
        left_over += _complaints_of(below)
        pdus += [pdu] if pdu.children else []
    return Capture(path, pdus, options, left_over, directory)


_CHECKSUMS = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]


def _options(ports, keylog) -> list[str]:
    options = []
    for port in ports:
        options += ["-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},tpkt"] if keylog else ["-d", f"tcp.port=={port},tpkt"]
    return options + (["-o", f"tls.keylog_file:{keylog}"] if keylog else [])


def _cut_at_tpkts(transcripts):
    cut, left_over = [], []
    for number, transcript in enumerate(transcripts):
        whole, rest = transcript.by_tpkt()
        cut.append(whole)
        left_over += [Complaint(0, number, way, f"the stream ends with {len(octets)} octets that are no whole TPKT: {octets[:16].hex()}")
                      for way, octets in rest.items()]
    return cut, left_over + [Complaint(0, *found) for found in audit(cut)]


def _tshark(path, *options) -> str:
    done = run(["tshark", "-n", "-r", path, *options], check=False, timeout=120)
    if done.returncode != 0:
        raise PeerError(f"tshark cannot read {path}: {done.stderr.decode('utf-8', 'replace')[-1000:]}")
    return done.stdout.decode("utf-8", "replace")


# APDUs without the association that carried them, and X.410 mode.

X410_BLIND = "can't get spdu type from session dissector"  # what tshark says of each DT in X.410 mode


def dissect_apdus(apdus) -> Capture:
    """MTS-APDUs, each in an activity of one normal-mode association."""
    opening = upper.Opening(bind=upper.Bind(), contexts=upper.CONTEXTS)
    user, common = ber.teletex("judge"), ber.utctime("260101000000Z")
    wire = Transcript().to_server(osi.connect_request(1, b"x400n")).to_client(osi.connect_confirm(1, 2))
    tsdus = [(wire.to_server, osi.connect(user, common, upper.connect_data(opening))),
             (wire.to_client, osi.accept(user, common, upper.accept_data(opening)))]
    for number, apdu in enumerate(apdus, 1):
        segment = upper.segment_pdv(3, upper.apdu_external(5, apdu, isode=False), isode=False)
        tsdus += [(wire.to_server, osi.behind_tokens(osi.S_AS, osi.pi(osi.PI_ACTIVITY, ber.integer(number)))),
                  (wire.to_server, osi.behind_tokens(osi.S_DT, data=segment)), (wire.to_server, osi.behind_tokens(osi.S_AE, osi.serial(1)))]
    for send, tsdu in tsdus:
        for tpdu in osi.data_tpdus(tsdu, 8192):
            send(tpdu)
    capture = dissect([wire])
    capture.left_over += not_shown(capture, apdus, f"ses.type == {_ACTIVITY_END}") if not capture.left_over else []
    return capture


def not_shown(capture: Capture, apdus, frames: str, nulls=True) -> list[Complaint]:
    """The primitive elements of each APDU whose octets tshark shows less often than they are there. `frames`: the filter that picks the frames
    in which APDUs end, in the order of the APDUs. `nulls`: elements without octets count, which tshark 4.0 shows in some places only."""
    ends = json.loads(_tshark(capture.path, *capture._options, "-T", "json", "-x", "-Y", frames), object_pairs_hook=_Pairs)
    complaints = []
    for frame, apdu in zip(ends, apdus):
        layers, shown = frame.first("_source").first("layers"), (set(), set())
        _collect_raw(layers, *shown)
        plain, named = (collections.Counter(octets for octets, _, _ in places) for places in shown)
        for octets, count in collections.Counter(_primitives(apdu)).items():
            as_bits = plain[octets[2:]] + named[octets[2:]] if octets[:2] < "08" else 0  # a BIT STRING is shown without its first octet
            if plain[octets] + as_bits < count and (octets or nulls):
                complaints.append(Complaint(int(layers.first("frame").first("frame.number")), 0, TO_SERVER, f"{count} elements of the APDU have the "
                                            f"content {octets[:40]!r}, tshark shows {plain[octets] + as_bits} of them: it did not understand all"))
    return complaints


def _collect_raw(pairs, plain: set, named: set):
    """(octets, offset, length) of all fields; those with fields of their own, such as bit names, apart."""
    names = {name for name, _ in pairs}
    for name, value in pairs:
        if name.endswith("_raw"):
            places = named if f"{name[:-4]}_tree" in names else plain
            places.update((one[0], one[1], one[2]) for one in (value if isinstance(value[0], list) else [value]))
        else:
            for inner in [value] if isinstance(value, _Pairs) else value if isinstance(value, list) else []:
                if isinstance(inner, _Pairs):
                    _collect_raw(inner, plain, named)


def _primitives(apdu: bytes):
    """The contents, in hex, of all primitive elements of an APDU and of the contents in it, as far as those are BER."""
    node = ber.parse(apdu)
    contents = [ber.parse(each.octets) for each in _contents_in(node) if each.octets[:1] in (b"\xa0", b"\xa1")]
    for part in (node, *contents):
        yield from (element.content.hex() for element in part.walk() if not element.constructed)


def _contents_in(node: ber.Node) -> list[ber.Node]:
    """Of a message its content, of a report the one that it returns, of an operation that in its argument."""
    if node.children and node.children[0].tag == "U2":
        found = [each.get("U4") for each in node.children if each.tag == "U16"]
    else:
        found = [node.children[1].get("C1") if node.tag == "C1" and len(node.children) == 2 else node.get("U4")]
    return [each for each in found if each is not None]


def assert_clean_transfers(transcripts, sender: str | None = None, allow=()) -> Capture:
    """The strictest judge, and the only one where tshark cannot put activities together itself: in X.410 mode, and where some were interrupted,
    discarded or resumed (it joins all segments of a connection). Judges the association as assert_clean does, and then each APDU alone, down to
    its last element. Of an association of P1; gives back the dissected APDUs of `sender`, or of the side that called."""
    wire = dissect(transcripts)
    disturbed = {pdu.stream for pdu in wire.pdus if {_ACTIVITY_RESUME, _ACTIVITY_DISCARD} & set(pdu.spdus())}
    ends = {pdu.frame for pdu in wire.pdus if pdu.stream in disturbed and _ACTIVITY_END in pdu.spdus()}
    assert_clean(wire, sender, (X410_BLIND, *allow), but_frames=ends)
    apdus = dissect_apdus(transferred(transcripts, sender or TO_SERVER))
    assert_clean(apdus, allow=allow)
    return apdus


# tshark's JSON repeats keys, and their order is the order of the wire: it is read as pairs.

class _Pairs(list):
    def first(self, key):
        return next((value for name, value in self if name == key), None)


def _pdu(frame: _Pairs, ports: set[str]) -> tuple[Pdu, Pdu]:
    """What a frame carried above TCP, and what is below that."""
    layers = frame.first("_source").first("layers")
    tcp = layers.first("tcp")
    number, stream = int(layers.first("frame").first("frame.number")), int(tcp.first("tcp.stream"))
    sender = TO_CLIENT if tcp.first("tcp.srcport") in ports else TO_SERVER
    fields = _fields(layers)
    above = 1 + next(at for at, field in enumerate(fields) if field.name == "tcp")
    payload = [field for field in fields[above:] if field.name != "tls" and not field.name.startswith("tcp.")]
    return Pdu("pdu", None, payload, number, stream, sender), Pdu("transport", None, fields[:above], number, stream, sender)


def _fields(pairs: _Pairs) -> list[Field]:
    """`x` and `x_tree` are one field; `x_element` is a field without a value; what stands in a list is repeated."""
    fields: list[Field] = []
    for name, value in pairs:
        if name.endswith("_tree") and isinstance(value, _Pairs) and fields and fields[-1].name == name[:-5]:
            fields[-1].children = _fields(value)
            continue
        name = name.removesuffix("_element")
        for item in value if isinstance(value, list) and not isinstance(value, _Pairs) else [value]:
            fields.append(Field(name, None, _fields(item)) if isinstance(item, _Pairs) else Field(name, item))
    return fields


def _severity(expert: Field) -> int:
    return max((int(value) for value in expert.values("_ws.expert.severity")), default=0)


def _complaints_of(pdu: Pdu):
    marked = False
    for field in pdu.walk():
        if field.name == "_ws.expert" and _severity(field) >= WARNING:
            marked = True
            yield Complaint(pdu.frame, pdu.stream, pdu.sender, " ".join(field.values("_ws.expert.message")) or str(field.children))
        elif field.name in _APPLICATIONS and not field.children:
            yield Complaint(pdu.frame, pdu.stream, pdu.sender, f"the layer {field.name} is empty: nothing in it is what tshark knows")
        elif field.name in ("data", "_ws.short"):
            yield Complaint(pdu.frame, pdu.stream, pdu.sender, f"octets that no dissector took: {' '.join(v for v in field.values('data.data') if v)}")
    if not marked and any(field.name == "_ws.malformed" for field in pdu.walk()):
        yield Complaint(pdu.frame, pdu.stream, pdu.sender, "malformed")


def _only(found: list[Field], name: str, where: str) -> Field:
    if len(found) != 1:
        raise AssertionError(f"{len(found)} fields {name} {where}, 1 is right: {[field.value for field in found[:10]]}")
    return found[0]
