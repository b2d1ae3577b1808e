"""The responder of PP's stand-in: it takes what comes, insists that all of it is right, and keeps what was left in the middle. See pp_mta."""

import dataclasses

from . import ber
from . import osi_wire as osi
from . import upper_wire as upper
from .osi_wire import Spdu, WireError
from .pp_association import Association
from .pp_faults import ExceptionReport
from .x400_values import Message, Probe, Report, read_apdu


@dataclasses.dataclass
class Collected:
    """What an answering side has of an activity: its segments, how many of them ended with a checkpoint, and how many of those are confirmed."""
    number: int
    segments: list[bytes] = dataclasses.field(default_factory=list)
    marks: int = 0
    confirmed: int = 0
    resumed: int = 0


@dataclasses.dataclass
class Transfer:
    """An APDU that came whole: its activity's end was confirmed, or was about to be."""
    apdu: bytes
    activity: int
    segments: list[int]  # their sizes
    resumed: int
    association: "Answerer"

    @property
    def node(self) -> ber.Node:
        return ber.parse(self.apdu)

    @property
    def envelope(self) -> bytes:
        """The octets of the envelope, a SET; of a probe, all of it."""
        return self.node.want("U17").raw if self.node.tag != "C2" else self.node.raw

    @property
    def content(self) -> bytes:
        """The octets of the content, as they stand in the OCTET STRING."""
        return self.node.want("U4").octets

    @property
    def message(self) -> Message | Probe | Report:
        return read_apdu(self.apdu)


class Answerer(Association):
    """The responder. `mta` is the PpMta to which it belongs: it holds what was transferred, and what was left in the middle."""

    def __init__(self, connection, behaviour, faults, reference, mta):
        super().__init__(connection, behaviour, faults, reference)
        self._mta = mta
        self._collected: Collected | None = None
        self._pieces = bytearray()  # of an SSDU that session cut

    def run(self):
        """From CR to the end of the connection."""
        try:
            self.transport.answer(self.reference, self.hook, [mode.selector for mode in self._mta.modes])
            self.mode = next(mode for mode in self._mta.modes if mode.selector == self.transport.called)
            if self._bound():
                while self._step():
                    pass
        finally:
            self._park()

    def _bound(self) -> bool:
        """CN, and AC or RF for it."""
        connect = self.receive()
        if connect is None:
            return False
        if connect.name != "CN":
            raise WireError(f"session: {connect.name}, the first SPDU is CN")
        self.user, self.common = self._check_references(connect, osi.PI_CALLING)
        self._check_units(connect)
        if not connect.get(osi.PI_VERSION)[0] & self.mode.versions:
            raise WireError(f"session CN: versions {connect.get(osi.PI_VERSION).hex()}, {self.mode.name} needs {self.mode.versions:#04x}")
        opening = upper.read_connect(connect.user_data, self.mode, self.behaviour.definite_only)
        self.contexts = opening.contexts
        self.peer = opening.bind or self.peer
        return self._answer_bind(connect, opening)

    def _answer_bind(self, connect: Spdu, opening: upper.Opening) -> bool:
        refusal = self._refusal(opening)
        if refusal:
            self.send("RF", osi.refuse(self.user, self.common, upper.refuse_data(self.contexts, *refusal), self.mode.version))
            self.transport.read_tsdu()
            return False
        own = 1 if self.behaviour.checkpoint is None else self.behaviour.checkpoint
        checkpoint, window = min(opening.checkpoint, own), min(opening.window, self.behaviour.window)
        self.checkpoint, self.window = checkpoint * 1024, window
        self.segmenting = self.behaviour.segmenting and bool(connect.get(osi.PI_TSDU_SIZE))
        version = 2 if connect.get(osi.PI_VERSION)[0] & self.mode.versions & 2 else 1
        answer = upper.Opening(checkpoint, window, None if opening.recover else self._own_bind(), opening.recover, self.contexts)
        self.send("AC", osi.accept(self.user, self.common, upper.accept_data(answer), version, self.segmenting))
        return True

    def _refusal(self, opening: upper.Opening) -> tuple[int, int | None] | None:
        """RTSE's reason and the bind's error, if this association is to be refused."""
        if opening.recover:
            identifier = tuple(part.raw for part in ber.parse(opening.recover).children[:2])
            known = not self.behaviour.refuse_recovery and any(key[:2] == identifier for key in self._mta.parked)
            return None if known else (upper.REJECT_CANNOT_RECOVER, None)
        if self.behaviour.refuse_bind is not None:
            busy = self.behaviour.refuse_bind == upper.BUSY
            return upper.REJECT_BUSY if busy else upper.REJECT_VALIDATION, self.behaviour.refuse_bind
        if opening.dialogue:
            return upper.REJECT_DIALOGUE, upper.DIALOGUE_MODE
        return None if self._check_bind(opening.bind) else (upper.REJECT_VALIDATION, upper.AUTHENTICATION)

    # An association that is bound.

    def _step(self) -> bool:
        spdu = self.receive()
        if spdu is None:
            return False
        idle = self._collected is None
        handler = getattr(self, f"_on_{spdu.name.lower()}", None)
        allowed = ("AS", "AR", "FN", "PT", "GT") if idle else ("DT", "MIP", "AE", "AI", "AD", "PT", "GT")
        if handler is None or spdu.name not in allowed:
            raise WireError(f"session {spdu.name} {'outside of' if idle else 'inside'} an activity; {', '.join(allowed)} are right")
        return handler(spdu)

    def _on_gt(self, spdu: Spdu) -> bool:
        return True

    _on_pt = _on_gt

    @staticmethod
    def _activity_number(spdu: Spdu, which: int = 0) -> int:
        values = [value for code, value in spdu.parameters if code == osi.PI_ACTIVITY]
        if len(values) <= which or not 1 <= len(values[which]) <= 6:
            raise WireError(f"session {spdu.name}: no activity identifier of 1 to 6 octets (X.225 8.3.29)")
        return ber.parse(values[which]).expect("U2").integer

    def _on_as(self, spdu: Spdu) -> bool:
        self._collected = Collected(self._activity_number(spdu))
        return True

    def _on_ar(self, spdu: Spdu) -> bool:
        """The old activity, of this session or of the one that the linking information names."""
        user, common = spdu.get(osi.PI_CALLING, self.user), spdu.get(osi.PI_COMMON, self.common)
        key = (user, common, self._activity_number(spdu))
        parked = self._mta.parked.pop(key, None)
        if parked is None or not 1 <= spdu.serial <= parked.confirmed:
            known = f"confirmed up to {parked.confirmed}" if parked else "unknown here"
            raise WireError(f"session AR: activity {key[2]} at checkpoint {spdu.serial}, but it is {known}")
        self._collected = Collected(self._activity_number(spdu, 1), parked.segments[:spdu.serial], spdu.serial, spdu.serial,
                                    parked.resumed + 1)
        return True

    def _on_dt(self, spdu: Spdu) -> bool:
        data = self._whole_ssdu(spdu)
        if data is None:
            return True
        segment = upper.read_segment(data, self.mode, self.contexts, self.behaviour.definite_only)
        collected = self._collected
        if self.checkpoint and len(segment) > self.checkpoint:
            raise WireError(f"RTTR of {len(segment)} octets, a checkpoint is due every {self.checkpoint}")
        if len(collected.segments) > collected.marks:
            raise WireError("RTTR behind another without a MIP between them" if self.checkpoint else "a second RTTR, but checkpoint size 0 has one")
        collected.segments.append(segment)
        return True

    def _whole_ssdu(self, spdu: Spdu) -> bytes | None:
        enclosure = spdu.get(osi.PI_ENCLOSURE)
        if enclosure is None:
            return spdu.data
        if not self.segmenting:
            raise WireError("session DT: an enclosure item, but segmenting was not agreed on")
        if bool(enclosure[0] & 1) == bool(self._pieces):
            raise WireError(f"session DT: enclosure {enclosure.hex()} {'inside' if self._pieces else 'outside of'} an SSDU")
        self._pieces += spdu.data
        if not enclosure[0] & 2:
            return None
        whole, self._pieces = bytes(self._pieces), bytearray()
        return whole

    def _on_mip(self, spdu: Spdu) -> bool:
        collected = self._collected
        if not self.checkpoint:
            raise WireError("session MIP: checkpoint size 0 was agreed on, that is none")
        if spdu.get(osi.PI_SYNC_TYPE):
            raise WireError("session MIP: a sync type item, RTSE wants explicit confirmation, which has none (X.225 8.3.20)")
        self._check_serial(spdu)
        if len(collected.segments) != spdu.serial:
            raise WireError(f"session MIP {spdu.serial}: behind {len(collected.segments)} segments")
        if spdu.serial - collected.confirmed > max(1, self.window):
            raise WireError(f"session MIP {spdu.serial}: {collected.confirmed} are confirmed, the window is {self.window}")
        collected.marks = spdu.serial
        if self.send("MIA", osi.behind_tokens(osi.S_MIA, osi.serial(spdu.serial))):
            collected.confirmed = spdu.serial
        return True

    def _check_serial(self, spdu: Spdu):
        if spdu.serial != self._collected.marks + 1:
            raise WireError(f"session {spdu.name}: serial number {spdu.serial}, {self._collected.marks + 1} is the next")

    def _on_ae(self, spdu: Spdu) -> bool:
        """The APDU is whole: it is taken over before the end is confirmed."""
        collected = self._collected
        self._check_serial(spdu)
        if self._pieces or len(collected.segments) != spdu.serial:
            raise WireError(f"session AE {spdu.serial}: behind {len(collected.segments)} segments{' and a part' if self._pieces else ''}")
        apdu = upper.read_transferred(b"".join(collected.segments), self.mode, self.contexts, self.behaviour.definite_only)
        transfer = Transfer(apdu, collected.number, [len(s) for s in collected.segments], collected.resumed, self)
        if isinstance(self.faults.next("AEA"), ExceptionReport):
            self.send("AEA", b"")  # the fault says ED instead: nothing is taken, the sender has to discard
            return True
        self._mta.take(transfer)
        self.send("AEA", osi.behind_tokens(osi.S_AEA, osi.serial(spdu.serial)))
        self._collected = None
        return True

    def _on_ai(self, spdu: Spdu) -> bool:
        self._park()
        self.send("AIA", osi.behind_tokens(osi.S_AIA))
        return True

    def _on_ad(self, spdu: Spdu) -> bool:
        self._mta.discarded.append(self._collected.number)
        self._collected, self._pieces = None, bytearray()
        self.send("ADA", osi.behind_tokens(osi.S_ADA))
        return True

    def _park(self):
        """What is confirmed of an unfinished activity waits for its resumption."""
        if self._collected is not None:
            self._mta.parked[self.user, self.common, self._collected.number] = self._collected
        self._collected, self._pieces = None, bytearray()

    def _on_fn(self, spdu: Spdu) -> bool:
        upper.read_release(spdu.user_data, self.mode, self.contexts, False, self.behaviour.definite_only)
        data = upper.release_data(self.contexts, True)
        self.send("DN", osi.spdu(osi.S_DN, osi.pi(osi.PGI_USER_DATA, data) if data else b""))
        return True
