"""How PP's stand-in can be told to misbehave (see pp_mta). A fault stands at a moment: what is about to be sent when it strikes.

Moments: CR CC CN AC RF AS AR DT MIP MIA AE AEA AI AIA AD ADA FN DN DR; each fault gets the whole TSDU (for CR, CC and DR the TPKT) and returns
what goes out instead, or None for nothing.
"""

import dataclasses
import time

from . import osi_wire as osi
from . import upper_wire as upper


class Gone(Exception):
    """The connection is over; the text says how."""


class Fault:
    def apply(self, association, tsdu: bytes) -> bytes | None:
        raise NotImplementedError


@dataclasses.dataclass
class Stall(Fault):
    """Say nothing for so long, then go on."""
    seconds: float

    def apply(self, association, tsdu):
        time.sleep(self.seconds)
        return tsdu


class Silence(Fault):
    """Never send this."""

    def apply(self, association, tsdu):
        return None


class Close(Fault):
    """End the TCP connection (FIN) instead."""

    def apply(self, association, tsdu):
        association.transport.close()
        raise Gone("closed on purpose")


class Reset(Fault):
    """End the TCP connection with RST instead."""

    def apply(self, association, tsdu):
        association.transport.reset()
        raise Gone("reset on purpose")


@dataclasses.dataclass
class Instead(Fault):
    """These octets as the TSDU."""
    tsdu: bytes

    def apply(self, association, tsdu):
        return self.tsdu


@dataclasses.dataclass
class RawOctets(Fault):
    """These octets on the TCP connection, whatever they are."""
    octets: bytes

    def apply(self, association, tsdu):
        association.transport.write(self.octets)


@dataclasses.dataclass
class WrongSpdu(Fault):
    """Another SI in the last SPDU's place, everything else as it is."""
    si: int

    def apply(self, association, tsdu):
        at = 2 if tsdu[:2] == b"\x01\x00" else 0
        return tsdu[:at] + bytes([self.si]) + tsdu[at + 1:]


@dataclasses.dataclass
class WrongContext(Fault):
    """The presentation context with this identifier, or the EXTERNAL's reference to it, becomes another. In a DT that is 3, RTSE's."""
    context: int
    instead_of: int = 3

    def apply(self, association, tsdu):
        before, after = b"\x02\x01" + bytes([self.instead_of]), b"\x02\x01" + bytes([self.context])
        if before not in tsdu:
            raise AssertionError(f"no context {self.instead_of} in {tsdu[:40].hex()}")
        return tsdu.replace(before, after, 1)


@dataclasses.dataclass
class UserAbort(Fault):
    """AB with RTAB of this reason instead."""
    reason: int = 0

    def apply(self, association, tsdu):
        association.abort(self.reason)
        raise Gone("aborted on purpose (user)")


class ProviderAbort(Fault):
    """AB of the session provider instead: protocol error."""

    def apply(self, association, tsdu):
        association.abort(None)
        raise Gone("aborted on purpose (provider)")


@dataclasses.dataclass
class ExceptionReport(Fault):
    """ED (S-U-EXCEPTION-REPORT) with this reason instead: the receiver cannot take the APDU."""
    reason: int = 1

    def apply(self, association, tsdu):
        return osi.behind_tokens(osi.S_ED, osi.pi(osi.PI_REASON, bytes([self.reason])))


@dataclasses.dataclass
class HugeLength(Fault):
    """A length that claims far more than there is: of the "tpkt", of the SPDU ("session"), or of the segment ("ber")."""
    layer: str

    def apply(self, association, tsdu):
        if self.layer == "tpkt":
            association.transport.write(b"\x03\x00\xff\xff" + b"\x02\xf0\x80" + tsdu)
            return None
        if self.layer == "session":
            at = 2 if tsdu[:2] == b"\x01\x00" else 0
            return tsdu[:at + 1] + b"\xff\xff\xfe" + tsdu[at + 2:]
        inside = b"\x02\x01" + bytes([upper.context_of(association.contexts, upper.RTSE)]) + b"\xa0\x80\x04\x84\x7f\xff\xff\xff"
        return osi.behind_tokens(osi.S_DT, data=b"\x61\x80\x30\x80" + inside + tsdu[-16:])


@dataclasses.dataclass
class Truncate(Fault):
    """Only so many octets of the TSDU, as if they were all."""
    octets: int

    def apply(self, association, tsdu):
        return tsdu[:self.octets]


@dataclasses.dataclass
class Damage(Fault):
    """One octet of the TSDU is another."""
    at: int
    octet: int

    def apply(self, association, tsdu):
        changed = bytearray(tsdu)
        changed[self.at] = self.octet
        return bytes(changed)


class Twice(Fault):
    """Send it, and send it again."""

    def apply(self, association, tsdu):
        association.transport.write_tsdu(tsdu)
        return tsdu


class Faults:
    """The script of one peer: what strikes when. Each of `once` is used up; `on` stays until None takes it back."""

    def __init__(self):
        self._single: dict[str, list[Fault]] = {}
        self._sticky: dict[str, Fault] = {}

    def once(self, moment: str, *faults: Fault | None, after: int = 0):
        """At the next moment of that name, or after so many that go well."""
        self._single.setdefault(moment, []).extend([None] * after + list(faults))
        return self

    def on(self, moment: str, fault: Fault | None):
        if fault is None:
            self._sticky.pop(moment, None)
        else:
            self._sticky[moment] = fault
        return self

    def next(self, moment: str) -> Fault | None:
        """What will strike there, without using it up."""
        queued = self._single.get(moment)
        return queued[0] if queued else self._sticky.get(moment)

    def at(self, moment: str) -> Fault | None:
        queued = self._single.get(moment)
        return queued.pop(0) if queued else self._sticky.get(moment)


@dataclasses.dataclass
class Behaviour:
    """What a peer is called, offers and insists on. The defaults are the capture's."""
    name: str = "mta-b"
    password: bytes = b"secret"
    peer_name: str | None = None  # what the other's bind must say; None: anything
    peer_password: bytes | None = None
    ia5_password: bool = False
    checkpoint: int | None = None  # kilooctets, 0: none. None: what PP does, 63 offered (f1238) and 1 answered (f1239)
    window: int = 3
    tpdu_size: int = osi.TPDU_2048  # as the exponent of X.224 13.3.4: 7 to 13
    isode: bool = True  # write data in indefinite forms, as PP does
    definite_only: bool = True  # insist that the other writes definite lengths
    segmenting: bool = False  # session: as responder accept the TSDU size, so that long SSDUs are cut
    contexts: tuple[tuple[int, str], ...] = upper.CONTEXTS
    host_reference: str = "vm"  # f1238: T61String, the name of the machine
    refuse_bind: int | None = None  # as responder refuse every bind with this MTABindError
    refuse_recovery: bool = False  # as responder know nothing of lost associations
    cut_after_sending: int | None = None  # RST after so many octets written
    cut_after_receiving: int | None = None
    timeout: float = 30.0
