"""The remote operations of P3 and P7 in a recorded association, whatever carried them: ROSE alone, or RTSE below it.

    for association in associations(tap.transcripts): ...      # contexts, binds, APDUs of both sides
    capture = assert_clean_operations(tap.transcripts)         # tshark's judgement, down to the last element of each APDU
    capture = dissect_operations(associations(...)[0])         # what tshark reads in one of them

tshark reads P7 over ROSE alone. Of P7 over RTSE it reads nothing (it has no reader for the abstract syntax 2.6.0.2.10). Of P3 it reads submission
(MSSE) over RTSE only, because over ROSE alone 2.6.0.2.1 is P7's, and delivery and administration (MDSE, MASE) over ROSE alone only. Of P7's submission
it reads messages only: of probes it expects explicit tags where the type is taken over from X.411 with its implicit ones (X.413 annex A), cancellations
it does not know. So each APDU is judged in an association of our making with the carrier that tshark can follow, on the abstract syntax that it came on:
its octets are those that were captured. A content that was fetched is an attribute like any other to tshark; it is judged in a message of P1
(fetched_contents).
"""

import dataclasses

from . import ber
from . import osi_wire as osi
from . import upper_wire as upper
from .dissect import Capture, assert_clean, dissect, dissect_apdus, not_shown
from .wire_audit import presented, spdus
from .wiretap import TO_CLIENT, TO_SERVER, Transcript
from .x400_values import Domain, Message, MtsId, ORName, Recipient, TraceHop

MS, MTS, MS_RTSE, MTS_RTSE = "2.6.0.2.9", "2.6.0.2.11", "2.6.0.2.10", "2.6.0.2.8"  # X.419: the abstract syntaxes of the binds
MSSE, MESSAGE_SUBMISSION, PROBE_SUBMISSION = "2.6.0.2.1", 3, 4
MS_ACCESS, MTS_ACCESS = "2.6.0.1.4", "2.6.0.1.0"
CONTENT = "2.6.4.3.1"  # X.413 annex A: id-att-content
MTS_RELIABLE_ACCESS = "2.6.0.1.2"
P7_BLIND = ("BER: Dissector for OID not implemented",)  # what tshark says of 2.6.0.2.10
P3_BLIND = ("ROS: Dissector for OID.*2.6.0.2.1 not implemented", "the layer p7 is empty")  # and of an error on 2.6.0.2.1
PROBE_BLIND = ("Malformed Packet .Exception occurred.", "UTCTime expected but class:UNIVERSAL.0. Constructed")  # and of a probe on it
P3_RTSE_BLIND = ("RTSE: Dissector for OID 2.6.0.2.[26] not implemented",)  # and of MDSE and MASE over RTSE


@dataclasses.dataclass(frozen=True)
class Operation:
    """An APDU of ROSE."""
    sender: str
    syntax: str
    apdu: bytes

    @property
    def kind(self) -> str:
        return {"C1": "invoke", "C2": "result", "C3": "error", "C4": "reject"}[ber.parse(self.apdu).tag]

    @property
    def invoke_id(self) -> bytes:
        return ber.parse(self.apdu).children[0].raw

    @property
    def code(self) -> int | None:
        """Of an invocation."""
        return ber.parse(self.apdu).children[1].integer if self.kind == "invoke" else None


@dataclasses.dataclass(frozen=True)
class Association:
    contexts: dict[int, str]
    bind: bytes  # with the tag of the BIND macro
    answer: bytes  # the result of the bind, or its error
    refused: bool
    operations: list[Operation]

    @property
    def of_store(self) -> bool:
        return bool({MS, MS_RTSE} & set(self.contexts.values()))

    def of(self, sender: str) -> "list[Operation]":
        return [each for each in self.operations if each.sender == sender]

    def code_of(self, operation: Operation) -> int | None:
        """Of what it invokes or answers."""
        invoker = operation.sender if operation.kind == "invoke" else TO_CLIENT if operation.sender == TO_SERVER else TO_SERVER
        return next((each.code for each in self.of(invoker) if each.kind == "invoke" and each.invoke_id == operation.invoke_id), None)


def associations(transcripts) -> list[Association]:
    """Those of P3 and P7 among the recorded ones. WireError or BerError where they cannot be read."""
    found = []
    for transcript in transcripts:
        opening = {spdu.name: spdu for sender in (TO_SERVER, TO_CLIENT) for spdu in spdus(transcript, sender) if spdu.name in ("CN", "AC", "RF")}
        if "CN" not in opening or not opening["CN"].user_data:
            continue
        normal = ber.parse(opening["CN"].user_data).get("C2")
        contexts = _contexts(normal) if normal else {}
        if {MS, MTS, MS_RTSE, MTS_RTSE} & set(contexts.values()):
            found.append(_association(transcript, contexts, normal, opening.get("AC"), opening.get("RF")))
    return found


def _association(transcript, contexts, normal, accepted, refused) -> Association:
    if accepted:
        answer = ber.parse(accepted.user_data).want("C2")
    else:
        answer = ber.parse(refused.get(osi.PI_REASON)[1:])
    operations = [Operation(sender, contexts[context], apdu) for sender in (TO_SERVER, TO_CLIENT) for context, apdu in presented(transcript, sender)]
    return Association(contexts, _bind(normal), _bind(answer), accepted is None, operations)


def _contexts(normal: ber.Node) -> dict[int, str]:
    return {item.want("U2").integer: item.want("U6").oid for item in normal.want("C4").children}


def _bind(parameters: ber.Node) -> bytes:
    """The bind's value in AARQ or AARE, without what RTSE puts around it (X.228 9: open under [0], of a refusal under [1])."""
    acse = parameters.want("A1", "U16", "C0").only()
    value = acse.want("C30", "U8", "C0").only()
    if value.tag in ("C16", "C17") and (data := value.get("C3" if value.tag == "C16" else "C2")) is not None and data.get("C0") is not None and \
            value.get("C0") is not None:
        return data.want("C0").only().raw
    if value.tag == "C18" and value.get("C0") is not None and value.get("C1") is not None:
        return value.want("C1").only().raw
    return value.raw


def fetched_contents(association: Association) -> list[bytes]:
    """The values of the attribute content in what the store returned."""
    found = []
    for each in association.of(TO_CLIENT):
        for node in ber.parse(each.apdu).walk():
            if node.tag == "U16" and len(node.children) == 2 and node.children[0].tag == "U6" and node.children[0].oid == CONTENT:
                found += [value.octets for value in node.children[1].children]
    return found


def dissect_contents(contents) -> Capture:
    """Each content in a message of P1."""
    here = Domain("XX", " ", "JUDGE")
    judge = ORName("XX", " ", "JUDGE", surname="judge")
    return dissect_apdus([Message(MtsId(here, f"judge.{number}"), judge, [Recipient(judge)], content=content,
                                  trace=[TraceHop(here, "260101000000Z")]).encode() for number, content in enumerate(contents)])


def dissect_operations(association: Association, sender: str | None = None) -> Capture:
    """Binds and APDUs of one association, or of one of its sides. `operations` of the capture are those, in the order in which they stand in it: what goes over
    RTSE first."""
    chosen = [each for each in association.operations if sender in (None, each.sender)]
    by_rtse = [each for each in chosen if _follows_over_rtse(association, each)]
    by_rose = [each for each in chosen if not _follows_over_rtse(association, each)]
    wires = [(_over_rtse, by_rtse, f"ses.type == {osi.S_AE}")] if by_rtse or not (by_rose or association.of_store) else []
    wires += [(_over_rose, by_rose, "ros && !acse")] if by_rose or association.of_store else []
    capture = dissect([carry(association, operations) for carry, operations, _ in wires])
    capture.operations = by_rtse + by_rose
    if not capture.left_over:
        for stream, (_, operations, frames) in enumerate(wires):
            capture.left_over += not_shown(capture, [each.apdu for each in operations], f"tcp.stream == {stream} && {frames}", nulls=False)
    return capture


def _follows_over_rtse(association: Association, operation: Operation) -> bool:
    """Whether tshark can, as P3, instead of over ROSE alone."""
    return operation.syntax == MSSE and not (association.of_store and association.code_of(operation) == MESSAGE_SUBMISSION)


def _over_rose(association: Association, operations) -> Transcript:
    application, bind = (MS_ACCESS, MS) if association.of_store else (MTS_ACCESS, MTS)
    contexts = _renumbered(association, bind)
    tsdus = [(each.sender, osi.behind_tokens(osi.S_DT, data=upper.pdv(contexts[each.syntax], each.apdu))) for each in operations]
    return _wire(application, contexts, association.bind, association.answer, osi.ROSE_UNITS, tsdus)


# X.411 8.1.1.1.2: an MTA with a password.
_MTS_BIND_RESULT = ber.cons("C17", ber.set_(ber.ia5("judge", "C0"), ber.cons("C2", ber.octets(b"judge"))))


def _over_rtse(association: Association, operations) -> Transcript:
    """X.228: each APDU in an activity of its sender, in the EXTERNAL that says its context. A store's answer to a bind is none of P3: the judge's own
    stands there."""
    contexts = _renumbered(association, MTS_RTSE)
    answer = _MTS_BIND_RESULT if association.of_store else association.answer
    rtorq = ber.cons("C16", ber.integer(0, "C0"), ber.integer(0, "C2"), ber.cons("C3", ber.cons("C0", association.bind)))
    rtoac = ber.cons("C17", ber.integer(0, "C0"), ber.integer(3, "C1"), ber.cons("C2", ber.cons("C0", answer)))
    tsdus = []
    for number, each in enumerate(operations, 1):
        segment = upper.segment_pdv(2, upper.apdu_external(contexts[each.syntax], each.apdu, isode=False), isode=False)
        tsdus += [(each.sender, osi.behind_tokens(osi.S_AS, osi.pi(osi.PI_ACTIVITY, ber.integer(number)))),
                  (each.sender, osi.behind_tokens(osi.S_DT, data=segment)), (each.sender, osi.behind_tokens(osi.S_AE, osi.serial(1)))]
    return _wire(MTS_RELIABLE_ACCESS, contexts, rtorq, rtoac, osi.RTS_UNITS, tsdus)


def _renumbered(association: Association, bind_syntax: str) -> dict[str, int]:
    """ACSE is 1, the bind's syntax 2, then those of the operations."""
    of_operations = [each for each in association.contexts.values() if each not in (upper.ACSE, MS, MTS, MS_RTSE, MTS_RTSE)]
    return {syntax: number for number, syntax in enumerate([upper.ACSE, bind_syntax, *of_operations], 1)}


def _wire(application: str, contexts: dict[str, int], request: bytes, answer: bytes, units: bytes, tsdus) -> Transcript:
    user, common, name = ber.teletex("judge"), ber.utctime("260101000000Z"), ber.cons("C1", ber.oid(application))
    items = [ber.seq(ber.integer(number), ber.oid(syntax), ber.seq(ber.oid(upper.BER))) for syntax, number in contexts.items()]
    results = ber.cons("C5", *(ber.seq(ber.integer(0, "C0"), ber.oid(upper.BER, "C1")) for _ in contexts))
    aarq = ber.cons("A0", name, ber.cons("C30", upper.external(2, request)))
    aare = ber.cons("A1", name, ber.cons("C2", ber.integer(0)), ber.cons("C3", ber.cons("C1", ber.integer(0))), ber.cons("C30", upper.external(2, answer)))
    mode = ber.cons("C0", ber.integer(1, "C0"))
    opening = [(TO_SERVER, osi.connect(user, common, ber.set_(mode, ber.cons("C2", ber.cons("C4", *items), upper.pdv(1, aarq))), units=units)),
               (TO_CLIENT, osi.accept(user, common, ber.set_(mode, ber.cons("C2", results, upper.pdv(1, aare))), units=units))]
    wire = Transcript().to_server(osi.connect_request(1, b"judge")).to_client(osi.connect_confirm(1, 2))
    for sender, tsdu in (*opening, *tsdus):
        for tpdu in osi.data_tpdus(tsdu, 8192):
            wire.add(sender, tpdu)
    return wire


def assert_clean_operations(transcripts, sender: str | None = None, allow=()) -> list[Capture]:
    """Judges the associations as they were recorded, and then each APDU, down to its last element. Gives back the dissected APDUs of each
    association."""
    found = associations(transcripts)
    if not found:
        raise AssertionError("no association of P3 or P7 was recorded: nothing to judge")
    syntaxes = {syntax for each in found for syntax in each.contexts.values()}
    alone = bool({MS, MTS} & syntaxes)  # ROSE
    probes = any(_follows_over_rtse(each, one) and one.code == PROBE_SUBMISSION for each in found for one in each.operations)
    blind = [*(P7_BLIND if MS_RTSE in syntaxes else ()), *(P3_RTSE_BLIND if MTS_RTSE in syntaxes else ()), *(P3_BLIND if alone else ()),
             *(PROBE_BLIND if alone and probes else ())]
    assert_clean(dissect(transcripts), sender, (*blind, *allow))
    captures = [dissect_operations(each, sender) for each in found]
    for capture in captures:
        assert_clean(capture, allow=allow)
    if contents := [content for each in found for content in fetched_contents(each) if sender in (None, TO_CLIENT)]:
        assert_clean(dissect_contents(contents), allow=allow)
    return captures
