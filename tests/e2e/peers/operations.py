"""The remote operations of P3 and P7 in a recorded association, whatever carried them: ROSE alone, or RTSE below it.

    for association in associations(tap.transcripts): ...      # contexts, binds, APDUs of both sides
    capture = assert_clean_operations(tap.transcripts)         # tshark's judgement, down to the last element of each APDU
    capture = dissect_operations(associations(...)[0])         # what tshark reads in one of them

tshark reads both over ROSE alone, and P3 over RTSE; P7 over RTSE it does not (it has no reader for the abstract syntax 2.6.0.2.10). So each APDU is
judged in an association over ROSE alone, of our making, on the abstract syntax that it came on: its octets are those that were captured. A content
that was fetched is an attribute like any other to tshark; it is judged in a message of P1 (fetched_contents).
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
MS_ACCESS, MTS_ACCESS = "2.6.0.1.4", "2.6.0.1.0"
CONTENT = "2.6.4.3.1"  # X.413 annex A: id-att-content
RTSE_BLIND = "Dissector for OID not implemented|BER: Dissector"  # what tshark says of 2.6.0.2.10


@dataclasses.dataclass(frozen=True)
class Operation:
    """An APDU of ROSE."""
    sender: str
    syntax: str
    apdu: bytes

    @property
    def kind(self) -> str:
        return {"C1": "invoke", "C2": "result", "C3": "error", "C4": "reject"}[ber.parse(self.apdu).tag]


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
    """Binds and APDUs of one association, or of one of its sides, over ROSE alone."""
    chosen = [each for each in association.operations if sender in (None, each.sender)]
    capture = dissect([_over_rose(association, chosen)])
    capture.left_over += not_shown(capture, [each.apdu for each in chosen], "ros && !acse", nulls=False) if not capture.left_over else []
    return capture


def _over_rose(association: Association, operations) -> Transcript:
    syntaxes = [each for each in association.contexts.values() if each not in (upper.ACSE, MS_RTSE, MTS_RTSE, MS, MTS)]
    contexts = dict(enumerate([upper.ACSE, MS if association.of_store else MTS, *syntaxes], 1))
    number = {syntax: context for context, syntax in contexts.items()}
    user, common = ber.teletex("judge"), ber.utctime("260101000000Z")
    name = ber.oid(MS_ACCESS if association.of_store else MTS_ACCESS)
    wire = Transcript().to_server(osi.connect_request(1, b"rose")).to_client(osi.connect_confirm(1, 2))
    items = [ber.seq(ber.integer(context), ber.oid(syntax), ber.seq(ber.oid(upper.BER))) for context, syntax in contexts.items()]
    aarq = ber.cons("A0", ber.cons("C1", name), ber.cons("C30", upper.external(2, association.bind)))
    aare = ber.cons("A1", ber.cons("C1", name), ber.cons("C2", ber.integer(0)), ber.cons("C3", ber.cons("C1", ber.integer(0))),
                    ber.cons("C30", upper.external(2, association.answer)))
    results = ber.cons("C5", *(ber.seq(ber.integer(0, "C0"), ber.oid(upper.BER, "C1")) for _ in contexts))
    mode = ber.cons("C0", ber.integer(1, "C0"))
    request = ber.set_(mode, ber.cons("C2", ber.cons("C4", *items), upper.pdv(1, aarq)))
    confirm = ber.set_(mode, ber.cons("C2", results, upper.pdv(1, aare)))
    tsdus = [(TO_SERVER, osi.connect(user, common, request, units=osi.ROSE_UNITS)), (TO_CLIENT, osi.accept(user, common, confirm, units=osi.ROSE_UNITS))]
    tsdus += [(each.sender, osi.behind_tokens(osi.S_DT, data=upper.pdv(number[each.syntax], each.apdu))) for each in operations]
    for sender, tsdu in tsdus:
        for tpdu in osi.data_tpdus(tsdu, 8192):
            wire.add(sender, tpdu)
    return wire


def assert_clean_operations(transcripts, sender: str | None = None, allow=()) -> list[Capture]:
    """Judges the associations as they were recorded, and then each APDU, down to its last element. Gives back the dissected APDUs of each
    association."""
    found = associations(transcripts)
    if not found:
        raise AssertionError("no association of P3 or P7 was recorded: nothing to judge")
    blind = (RTSE_BLIND,) if any(MS_RTSE in each.contexts.values() for each in found) else ()
    assert_clean(dissect(transcripts), sender, (*blind, *allow))
    captures = [dissect_operations(each, sender) for each in found]
    for capture in captures:
        assert_clean(capture, allow=allow)
    if contents := [content for each in found for content in fetched_contents(each) if sender in (None, TO_CLIENT)]:
        assert_clean(dissect_contents(contents), allow=allow)
    return captures
