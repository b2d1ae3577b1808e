"""P1 envelopes (X.411) and P2/P22 contents (X.420), written and read back by hand: what a stranger sends to the product, and sees of it.

    me, you = ORName("GB", " ", "TEST", "a", surname="pp"), ORName("GB", " ", "TEST", "b", surname="test")
    content = Ipm("1*id", originator=me, to=[you], subject="hello", bodies=[Ia5Text("text\\r\\n")]).encode()
    apdu = Message(MtsId("GB", " ", "TEST", "mta-a.1"), me, [Recipient(you, 1)], content).encode()
    read_apdu(apdu) == Message(...)         # also Probe and Report
    read_content(content) == Ipm(...)       # also Ipn
    Message(..., isode=True).encode()       # in the forms of the capture: indefinite lengths, extension types tagged explicitly

Times are the octets of UTCTime as text ("261122002541Z"). Fields not listed here are kept by the readers only in `extensions` and `raw`.
"""

import contextlib
import dataclasses

from . import ber

P1_MESSAGE, P1_REPORT, P1_PROBE = "C0", "C1", "C2"
CONTENT_P2, CONTENT_P22 = 2, 22
NORMAL, NON_URGENT, URGENT = 0, 1, 2
ET_GENERAL_TEXT, EP_GENERAL_TEXT = "2.6.1.4.11", "2.6.1.11.11"
CONTENT_CORRELATOR, DL_EXPANSION_HISTORY, INTERNAL_TRACE = 23, 26, 38

# PerRecipientIndicators (X.411, the BIT STRING of that name)
RESPONSIBILITY, MTA_REPORT, MTA_NON_DELIVERY_REPORT, REPORT, NON_DELIVERY_REPORT = range(5)
# PerMessageIndicators
DISCLOSURE, CONVERSION_PROHIBITED, ALTERNATE_RECIPIENT_ALLOWED, CONTENT_RETURN = range(4)


def _optional(condition, *parts) -> bytes:
    return b"".join(parts) if condition else b""


@contextlib.contextmanager
def understood(what: str):
    """What a reader stumbles over, such as a missing or superfluous element, becomes a BerError."""
    try:
        yield
    except ber.BerError:
        raise
    except (ValueError, IndexError) as error:
        raise ber.BerError(f"{what}: {error}") from error


# Names.

@dataclasses.dataclass(frozen=True)
class ORName:
    """An O/R name with the attributes of X.402's mnemonic form, and domain-defined ones as (type, value)."""
    country: str = ""
    admd: str = " "
    prmd: str = ""
    organization: str = ""
    units: tuple[str, ...] = ()
    surname: str = ""
    given: str = ""
    initials: str = ""
    generation: str = ""
    common_name: str = ""
    defined: tuple[tuple[str, str], ...] = ()

    def encode(self, tag: str = "A0") -> bytes:
        return ber.cons(tag, ber.seq(*self._standard()), *self._domain_defined(), *self._extensions())

    def _standard(self):
        """Domain names are CHOICEs of numeric and printable, so their tags are explicit; the others are implicit."""
        if self.country:
            yield ber.cons("A1", ber.printable(self.country))
            yield ber.cons("A2", ber.printable(self.admd))
        if self.prmd:
            yield ber.cons("C2", ber.printable(self.prmd))
        if self.organization:
            yield ber.printable(self.organization, "C3")
        personal = [ber.printable(value, tag) for tag, value in zip(("C0", "C1", "C2", "C3"), (self.surname, self.given, self.initials,
                                                                                              self.generation)) if value]
        if personal:
            yield ber.cons("C5", *personal)
        if self.units:
            yield ber.cons("C6", *map(ber.printable, self.units))

    def _domain_defined(self):
        if self.defined:
            yield ber.seq(*(ber.seq(ber.printable(kind), ber.printable(value)) for kind, value in self.defined))

    def _extensions(self):
        if self.common_name:
            yield ber.set_(ber.seq(ber.integer(1, "C0"), ber.cons("C1", ber.printable(self.common_name))))

    @classmethod
    def read(cls, node: ber.Node) -> "ORName":
        standard = node.want("U16")
        later = node.children[1:]
        personal, units = standard.get("C5"), standard.get("C6")
        defined = next((n for n in later if n.tag == "U16"), None)
        extensions = next((n for n in later if n.tag == "U17"), None)
        common = [n.want("C1").only().text for n in (extensions.children if extensions else ()) if n.want("C0").integer in (1, 2)]
        parts = [(personal.get(tag) if personal else None) for tag in ("C0", "C1", "C2", "C3")]
        surname, given, initials, generation = (part.text if part else "" for part in parts)
        return cls(_inner(standard, "A1"), _inner(standard, "A2"), _inner(standard, "C2"), _plain(standard, "C3"),
                   tuple(unit.text for unit in units.children) if units else (), surname, given, initials, generation,
                   common[0] if common else "", tuple((d.children[0].text, d.children[1].text) for d in (defined.children if defined else ())))


def _inner(node, tag) -> str:
    found = node.get(tag)
    return found.only().text if found else ""


def _plain(node, tag) -> str:
    found = node.get(tag)
    return found.text if found else ""


@dataclasses.dataclass(frozen=True)
class Domain:
    """GlobalDomainIdentifier."""
    country: str
    admd: str = " "
    prmd: str = ""

    def encode(self) -> bytes:
        return ber.cons("A3", ber.cons("A1", ber.printable(self.country)), ber.cons("A2", ber.printable(self.admd)),
                        _optional(self.prmd, ber.printable(self.prmd)))

    @classmethod
    def read(cls, node: ber.Node) -> "Domain":
        return cls(_inner(node, "A1"), _inner(node, "A2"), _plain(node, "U19") or _plain(node, "U18"))


@dataclasses.dataclass(frozen=True)
class MtsId:
    """MTSIdentifier."""
    domain: Domain
    local: str

    def encode(self, tag: str = "A4") -> bytes:
        return ber.cons(tag, self.domain.encode(), ber.ia5(self.local))

    @classmethod
    def read(cls, node: ber.Node) -> "MtsId":
        return cls(Domain.read(node.want("A3")), node.want("U22").text)


@dataclasses.dataclass(frozen=True)
class TraceHop:
    """TraceInformationElement; with an MTA's name, an element of the internal trace."""
    domain: Domain
    arrival: str
    action: int = 0
    mta: str = ""

    def encode(self) -> bytes:
        supplied = ber.set_(ber.utctime(self.arrival, "C0"), ber.enumerated(self.action, "C2"))
        return ber.seq(self.domain.encode(), _optional(self.mta, ber.ia5(self.mta)), supplied)

    @classmethod
    def read(cls, node: ber.Node) -> "TraceHop":
        supplied = node.want("U17")
        action = supplied.get("C2")
        return cls(Domain.read(node.want("A3")), supplied.want("C0").text, action.integer if action else 0, _plain(node, "U22"))


@dataclasses.dataclass(frozen=True)
class Extension:
    """ExtensionField: a standard extension by number or a private one by object identifier; `value` is BER."""
    kind: int | str
    value: bytes
    criticality: frozenset[int] = frozenset()

    def encode(self, isode: bool = False) -> bytes:
        """ISODE writes the INTEGER below an explicit [0] (capture, frame 1245: a0 03 02 01 17); the 1992 text has it implicit."""
        if isinstance(self.kind, str):
            kind = ber.oid(self.kind, "C3")
        else:
            kind = ber.cons("C0", ber.integer(self.kind)) if isode else ber.integer(self.kind, "C0")
        return ber.seq(kind, _optional(self.criticality, ber.bits(self.criticality, 3, "C1")), _optional(self.value, ber.cons("C2", self.value)))

    @classmethod
    def read(cls, node: ber.Node) -> "Extension":
        kind, criticality, value = node.children[0].expect("C0", "C3"), node.get("C1"), node.get("C2")
        number = kind.only().integer if kind.constructed else kind.oid if kind.tag == "C3" else kind.integer
        return cls(number, value.content if value else b"", criticality.bits if criticality else frozenset())


def content_correlator(value: bytes) -> Extension:
    return Extension(CONTENT_CORRELATOR, ber.octets(value))


def internal_trace(*hops: TraceHop) -> Extension:
    return Extension(INTERNAL_TRACE, ber.seq(*(hop.encode() for hop in hops)))


@dataclasses.dataclass(frozen=True)
class Recipient:
    """PerRecipientMessageTransferFields, and those of a probe."""
    name: ORName
    number: int = 1
    indicators: frozenset[int] = frozenset({RESPONSIBILITY, MTA_NON_DELIVERY_REPORT, NON_DELIVERY_REPORT})
    extensions: tuple[Extension, ...] = ()

    def encode(self, isode: bool = False) -> bytes:
        """PP writes nine bits of indicators (capture, frame 1245: 81 03 07 a8 00)."""
        return ber.set_(self.name.encode(), ber.integer(self.number, "C0"), ber.bits(self.indicators, 9 if isode else 8, "C1"),
                        _optional(self.extensions, ber.cons("C3", *(e.encode(isode) for e in self.extensions))))

    @classmethod
    def read(cls, node: ber.Node) -> "Recipient":
        return cls(ORName.read(node.want("A0")), node.want("C0").integer, node.want("C1").bits, _extensions(node, "C3"))


def _extensions(node: ber.Node, tag: str) -> tuple[Extension, ...]:
    found = node.get(tag)
    return tuple(map(Extension.read, found.children)) if found else ()


def _write_trace(hops) -> bytes:
    return ber.cons("A9", *(hop.encode() for hop in hops))


def _read_trace(node: ber.Node) -> tuple[TraceHop, ...]:
    found = node.get("A9")
    return tuple(map(TraceHop.read, found.children)) if found else ()


# MTS-APDUs.

@dataclasses.dataclass(frozen=True)
class _Transfer:
    """What messages and probes have in common."""
    id: MtsId
    originator: ORName
    recipients: tuple[Recipient, ...]
    content_type: int | str = CONTENT_P22
    content_identifier: str = ""
    indicators: frozenset[int] = frozenset()
    trace: tuple[TraceHop, ...] = ()
    extensions: tuple[Extension, ...] = ()
    ia5_text: bool = True  # original-encoded-information-types: ia5-text
    isode: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "recipients", tuple(self.recipients))
        object.__setattr__(self, "trace", tuple(self.trace))

    def envelope(self) -> bytes:
        cons = ber.indefinite if self.isode else ber.cons
        return cons("U17", self.id.encode(), self.originator.encode(), _optional(self.ia5_text, ber.cons("A5", ber.bits({2}, tag="C0"))),
                    self._content_type(), _optional(self.content_identifier, ber.printable(self.content_identifier, "A10")), *self._own_fields(),
                    _optional(self.indicators, ber.bits(self.indicators, tag="A8")), _write_trace(self.trace),
                    _optional(self.extensions, cons("C3", *(e.encode(self.isode) for e in self.extensions))),
                    ber.cons("C2", *(r.encode(self.isode) for r in self.recipients)))

    def _content_type(self) -> bytes:
        return ber.oid(self.content_type) if isinstance(self.content_type, str) else ber.integer(self.content_type, "A6")

    def _own_fields(self):
        return ()

    @staticmethod
    def _read_common(envelope: ber.Node) -> dict:
        built_in, eits, indicators = envelope.get("A6"), envelope.get("A5"), envelope.get("A8")
        return dict(id=MtsId.read(envelope.want("A4")), originator=ORName.read(envelope.want("A0")),
                    recipients=tuple(map(Recipient.read, envelope.want("C2").children)),
                    content_type=built_in.integer if built_in else envelope.want("U6").oid, content_identifier=_plain(envelope, "A10"),
                    indicators=indicators.bits if indicators else frozenset(), trace=_read_trace(envelope),
                    extensions=_extensions(envelope, "C3"), ia5_text=bool(eits and 2 in eits.want("C0").bits))


@dataclasses.dataclass(frozen=True)
class Message(_Transfer):
    content: bytes = b""
    priority: int = NORMAL
    deferred: str = ""

    def _own_fields(self):
        return (_optional(self.priority, ber.enumerated(self.priority, "A7")), _optional(self.deferred, ber.utctime(self.deferred, "C0")))

    def encode(self) -> bytes:
        if not self.isode:
            return ber.cons(P1_MESSAGE, self.envelope(), ber.octets(self.content))
        return ber.indefinite(P1_MESSAGE, self.envelope(), ber.indefinite("U4", ber.octets(self.content)))

    @classmethod
    def read(cls, node: ber.Node) -> "Message":
        envelope, content = node.want("U17"), node.want("U4")
        priority, deferred = envelope.get("A7"), envelope.get("C0")
        return cls(**cls._read_common(envelope), content=content.octets, priority=priority.integer if priority else NORMAL,
                   deferred=deferred.text if deferred else "")


@dataclasses.dataclass(frozen=True)
class Probe(_Transfer):
    content_length: int = 0

    def _own_fields(self):
        return (_optional(self.content_length, ber.integer(self.content_length, "C0")),)

    def encode(self) -> bytes:
        envelope = dataclasses.replace(self, isode=False).envelope()
        return ber.cons(P1_PROBE, ber.parse(envelope).content)  # [2] IMPLICIT SET

    @classmethod
    def read(cls, node: ber.Node) -> "Probe":
        length = node.get("C0")
        return cls(**cls._read_common(node), content_length=length.integer if length else 0)


@dataclasses.dataclass(frozen=True)
class Reported:
    """PerRecipientReportTransferFields: delivered at a time, or a reason and diagnostic why not."""
    name: ORName
    number: int
    arrival: str
    delivered: str = ""
    reason: int = 0
    diagnostic: int | None = None
    supplementary: str = ""
    indicators: frozenset[int] = frozenset({RESPONSIBILITY, MTA_REPORT, REPORT})

    def encode(self) -> bytes:
        if self.delivered:
            kind = ber.cons("C0", ber.utctime(self.delivered, "C0"), ber.integer(1, "C1"))
        else:
            kind = ber.cons("C1", ber.integer(self.reason, "C0"), b"" if self.diagnostic is None else ber.integer(self.diagnostic, "C1"))
        return ber.set_(self.name.encode("C0"), ber.integer(self.number, "C1"), ber.bits(self.indicators, 8, "C2"),
                        ber.cons("C3", ber.utctime(self.arrival, "C0"), ber.cons("C1", kind)),
                        _optional(self.supplementary, ber.printable(self.supplementary, "C5")))

    @classmethod
    def read(cls, node: ber.Node) -> "Reported":
        last = node.want("C3")
        kind = last.want("C1").only().expect("C0", "C1")
        delivered = kind.want("C0").text if kind.tag == "C0" else ""
        diagnostic = kind.get("C1") if not delivered else None
        return cls(ORName.read(node.want("C0")), node.want("C1").integer, last.want("C0").text, delivered,
                   0 if delivered else kind.want("C0").integer, diagnostic.integer if diagnostic else None, _plain(node, "C5"),
                   node.want("C2").bits)


@dataclasses.dataclass(frozen=True)
class Report:
    id: MtsId
    destination: ORName
    subject: MtsId
    recipients: tuple[Reported, ...]
    trace: tuple[TraceHop, ...] = ()
    content_type: int | str | None = CONTENT_P22
    content_identifier: str = ""
    returned_content: bytes = b""
    extensions: tuple[Extension, ...] = ()

    def encode(self) -> bytes:
        envelope = ber.set_(self.id.encode(), self.destination.encode(), _write_trace(self.trace),
                            _optional(self.extensions, ber.cons("C1", *(e.encode() for e in self.extensions))))
        kind = b"" if self.content_type is None else _Transfer._content_type(self)
        content = ber.set_(self.subject.encode(), kind, _optional(self.content_identifier, ber.printable(self.content_identifier, "A10")),
                           _optional(self.returned_content, ber.octets(self.returned_content, "C1")),
                           ber.cons("C0", *(r.encode() for r in self.recipients)))
        return ber.cons(P1_REPORT, envelope, content)

    @classmethod
    def read(cls, node: ber.Node) -> "Report":
        envelope, content = node.children
        built_in, extended, returned = content.get("A6"), content.get("U6"), content.get("C1")
        return cls(MtsId.read(envelope.want("A4")), ORName.read(envelope.want("A0")), MtsId.read(content.want("A4")),
                   tuple(map(Reported.read, content.want("C0").children)), _read_trace(envelope),
                   built_in.integer if built_in else extended.oid if extended else None, _plain(content, "A10"),
                   returned.octets if returned else b"", _extensions(envelope, "C1"))


def read_apdu(octets: bytes) -> Message | Probe | Report:
    """An MTS-APDU, whole; BerError says where it is not one."""
    node = ber.parse(octets).expect(P1_MESSAGE, P1_PROBE, P1_REPORT)
    with understood("MTS-APDU"):
        return {P1_MESSAGE: Message, P1_PROBE: Probe, P1_REPORT: Report}[node.tag].read(node)
