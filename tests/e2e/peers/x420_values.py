"""Interpersonal messages and notifications (X.420, P2 and P22), written and read back by hand. See x400_values for the names in them."""

import dataclasses

from . import ber
from .x400_values import EP_GENERAL_TEXT, ET_GENERAL_TEXT, ORName, understood

RN, NRN, IPM_RETURN = range(3)  # NotificationRequests
LOW, NORMAL, HIGH = range(3)  # Importance


@dataclasses.dataclass(frozen=True)
class IpmId:
    """IPMIdentifier."""
    local: str
    user: ORName | None = None

    def encode(self, tag: str = "A11") -> bytes:
        return ber.cons(tag, self.user.encode() if self.user else b"", ber.printable(self.local))

    @classmethod
    def read(cls, node: ber.Node) -> "IpmId":
        user = node.get("A0")
        return cls(node.want("U19").text, ORName.read(user) if user else None)


def _descriptor(name: ORName, tag: str) -> bytes:
    return ber.cons(tag, name.encode())


@dataclasses.dataclass(frozen=True)
class To:
    """RecipientSpecifier: whom, and which notifications are asked for."""
    name: ORName
    requests: frozenset[int] = frozenset()
    reply: bool = False

    def encode(self) -> bytes:
        return ber.set_(_descriptor(self.name, "C0"), ber.bits(self.requests, tag="C1") if self.requests else b"",
                        ber.boolean(True, "C2") if self.reply else b"")

    @classmethod
    def read(cls, node: ber.Node) -> "To":
        requests, reply = node.get("C1"), node.get("C2")
        return cls(ORName.read(node.want("C0", "A0")), requests.bits if requests else frozenset(), bool(reply and reply.boolean))


# Body parts.

@dataclasses.dataclass(frozen=True)
class Ia5Text:
    text: str

    def encode(self) -> bytes:
        return ber.cons("C0", ber.set_(ber.enumerated(5, "C0")), ber.ia5(self.text))


@dataclasses.dataclass(frozen=True)
class GeneralText:
    """Octets in the character sets of these registrations (6 and 100: ISO 8859-1)."""
    octets: bytes
    registrations: tuple[int, ...] = (6, 100)

    def encode(self) -> bytes:
        parameters = ber.cons("C0", ber.oid(EP_GENERAL_TEXT), ber.cons("C0", ber.set_(*map(ber.integer, self.registrations))))
        return ber.cons("C15", parameters, ber.cons("U8", ber.oid(ET_GENERAL_TEXT), ber.cons("C0", ber.octets(self.octets, "U27"))))


@dataclasses.dataclass(frozen=True)
class Bilateral:
    """Bilaterally-defined: any octets."""
    octets: bytes

    def encode(self) -> bytes:
        return ber.octets(self.octets, "C14")


@dataclasses.dataclass(frozen=True)
class Forwarded:
    """A message in a message."""
    ipm: "Ipm"
    delivered: str = ""

    def encode(self) -> bytes:
        parameters = ber.set_(ber.utctime(self.delivered, "C0") if self.delivered else b"")
        return ber.cons("C9", parameters, ber.cons("U16", *self.ipm.parts()))


@dataclasses.dataclass(frozen=True)
class OtherBody:
    """A body part that this reader does not know, as it came."""
    raw: bytes

    def encode(self) -> bytes:
        return self.raw


def read_body(node: ber.Node):
    if node.tag == "C0":
        return Ia5Text(node.want("U22").text)
    if node.tag == "C14":
        return Bilateral(node.octets)
    if node.tag == "C9":
        delivered = node.want("U17").get("C0")
        return Forwarded(Ipm.read(node.want("U16")), delivered.text if delivered else "")
    data = node.get("U8")
    if node.tag == "C15" and data and data.want("U6").oid == ET_GENERAL_TEXT:
        registrations = node.want("C0", "C0").only()
        return GeneralText(data.want("C0").only().octets, tuple(n.integer for n in registrations.children))
    return OtherBody(node.raw)


# Information objects.

@dataclasses.dataclass(frozen=True)
class Ipm:
    """An interpersonal message."""
    id: IpmId
    originator: ORName | None = None
    to: tuple[To, ...] = ()
    copy: tuple[To, ...] = ()
    subject: str = ""
    bodies: tuple = ()
    importance: int = NORMAL
    replied_to: IpmId | None = None

    def __post_init__(self):
        for name in ("to", "copy", "bodies"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def parts(self) -> tuple[bytes, bytes]:
        """Heading and body."""
        heading = ber.set_(self.id.encode(), _descriptor(self.originator, "C0") if self.originator else b"",
                           ber.cons("C2", *(to.encode() for to in self.to)) if self.to else b"",
                           ber.cons("C3", *(to.encode() for to in self.copy)) if self.copy else b"",
                           ber.cons("C5", ber.parse(self.replied_to.encode()).content) if self.replied_to else b"",
                           ber.cons("C8", ber.teletex(self.subject)) if self.subject else b"",
                           ber.enumerated(self.importance, "C12") if self.importance != NORMAL else b"")
        return heading, ber.seq(*(body.encode() for body in self.bodies))

    def encode(self) -> bytes:
        return ber.cons("C0", *self.parts())

    @classmethod
    def read(cls, node: ber.Node) -> "Ipm":
        heading, body = node.want("U17"), node.want("U16")
        originator, subject, importance, replied = (heading.get(tag) for tag in ("C0", "C8", "C12", "C5"))
        to, copy = (tuple(map(To.read, found.children)) if (found := heading.get(tag)) else () for tag in ("C2", "C3"))
        return cls(IpmId.read(heading.want("A11")), ORName.read(originator.want("A0")) if originator else None, to, copy,
                   subject.only().text if subject else "", tuple(map(read_body, body.children)), importance.integer if importance else NORMAL,
                   IpmId.read(replied) if replied else None)


@dataclasses.dataclass(frozen=True)
class Ipn:
    """A notification: of receipt at a time, or of non-receipt for a reason."""
    subject: IpmId
    originator: ORName | None = None
    receipt_time: str = ""
    automatic: bool = False
    non_receipt_reason: int = 0
    discard_reason: int | None = None

    def encode(self) -> bytes:
        if self.receipt_time:
            kind = ber.cons("C1", ber.utctime(self.receipt_time, "C0"), ber.enumerated(1, "C1") if self.automatic else b"")
        else:
            discard = b"" if self.discard_reason is None else ber.enumerated(self.discard_reason, "C1")
            kind = ber.cons("C0", ber.enumerated(self.non_receipt_reason, "C0"), discard)
        return ber.cons("C1", self.subject.encode(), _descriptor(self.originator, "C1") if self.originator else b"", ber.cons("C0", kind))

    @classmethod
    def read(cls, node: ber.Node) -> "Ipn":
        originator, kind = node.get("C1"), node.want("C0").only().expect("C0", "C1")
        receipt = kind.tag == "C1"
        second = kind.get("C1")
        return cls(IpmId.read(node.want("A11")), ORName.read(originator.want("A0")) if originator else None,
                   kind.want("C0").text if receipt else "", bool(receipt and second and second.integer),
                   0 if receipt else kind.want("C0").integer, second.integer if second and not receipt else None)


def read_content(octets: bytes) -> Ipm | Ipn:
    """An InformationObject of content type 2 or 22; BerError says where it is not one."""
    node = ber.parse(octets).expect("C0", "C1")
    with understood("content"):
        return Ipm.read(node) if node.tag == "C0" else Ipn.read(node)
