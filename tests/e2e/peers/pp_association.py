"""One association of PP's stand-in, from CR to DR: what both sides share, and the side that calls and sends. pp_answerer is the other one; tests
use pp_mta, which makes both. RTSE is used as PP does it: monologue, the initiator sends and keeps all tokens (X.228 7)."""

import dataclasses
import time

from . import ber
from . import osi_wire as osi
from . import upper_wire as upper
from .osi_wire import Spdu, WireError
from .pp_faults import Behaviour, Faults, Gone
from .pp_transport import Transport


class Refused(Exception):
    """The association was refused. `reason` is RTSE's, `bind_error` the MTABindError."""

    def __init__(self, reason: int | None, bind_error: int | None):
        super().__init__(f"refused: RTSE reason {reason}, bind error {bind_error}")
        self.reason, self.bind_error = reason, bind_error


class Aborted(Exception):
    """The other side sent AB. `disconnect` are the bits of X.225 8.3.9; `reason` is RTAB's, None without one."""

    def __init__(self, disconnect: int, reason: int | None):
        who = "user" if disconnect & 2 else "provider"
        super().__init__(f"the other aborted as {who}: transport disconnect {disconnect:#04x}, RTSE reason {reason}")
        self.disconnect, self.reason, self.by_user = disconnect, reason, bool(disconnect & 2)


class NotTaken(Exception):
    """The receiver reported an exception (ED) instead of taking the APDU; the activity was discarded."""

    def __init__(self, reason: int):
        super().__init__(f"the receiver reports exception {reason}")
        self.reason = reason


@dataclasses.dataclass
class Activity:
    """What is being sent, or was in part: give it to Caller.resume, on this association or another."""
    number: int
    octets: bytes
    user: bytes  # the session connection in which it started
    common: bytes
    checkpoint: int = 0  # octets per checkpoint, as was agreed in that association
    confirmed: int = 0
    done: bool = False

    def session_id(self) -> bytes:
        """RTSE's SessionConnectionIdentifier."""
        return ber.seq(self.user, self.common)


class Association:
    """What both sides share. `mode` is one of upper_wire.MODES."""

    def __init__(self, connection, behaviour: Behaviour, faults: Faults, reference: int):
        self.behaviour, self.faults, self.reference = behaviour, faults, reference
        self.transport = Transport(connection, behaviour)
        self.mode = upper.NORMAL_1988
        self.contexts: tuple = ()
        self.user = self.common = b""
        self.segmenting = False
        self.checkpoint = self.window = 0  # as agreed; the checkpoint in octets
        self.peer = upper.Bind()
        self.log: list[str] = []  # "> CN", "< AC", ...

    def hook(self, moment: str, octets: bytes) -> bytes | None:
        self.log.append(f"> {moment}")
        fault = self.faults.at(moment)
        return fault.apply(self, octets) if fault else octets

    def send(self, moment: str, tsdu: bytes) -> bool:
        """Says whether it went out as it is: not when a fault stood at this moment."""
        octets = self.hook(moment, tsdu)
        if octets is not None:
            self.transport.write_tsdu(octets)
        return octets == tsdu

    def receive(self) -> Spdu | None:
        """The SPDU that counts of the next TSDU: what stands behind the tokens, if something does; AB is raised as Aborted."""
        tsdu = self.transport.read_tsdu()
        if tsdu is None:
            return None
        spdu = osi.read_tsdu(tsdu)[-1]
        self.log.append(f"< {spdu.name}")
        if self.segmenting and len(tsdu) > osi.TSDU_SIZE:
            raise WireError(f"session {spdu.name}: a TSDU of {len(tsdu)} octets, {osi.TSDU_SIZE} were agreed on")
        if spdu.name == "AB":
            self.transport.close()
            raise Aborted(*self._read_abort(spdu))
        return spdu

    def _read_abort(self, spdu: Spdu) -> tuple[int, int | None]:
        disconnect = (spdu.get(osi.PI_DISCONNECT) or b"\0")[0]
        if not spdu.user_data:
            return disconnect, None
        try:
            node = ber.parse(spdu.user_data)
        except ber.BerError as error:
            raise WireError(f"session AB: user data that is no BER: {error}") from error
        last = [n for n in node.walk() if n.tag == ("C22" if self.contexts else "U17")]
        reason = last[0].get("C0") if last else None
        return disconnect, reason.integer if reason and not reason.constructed else None

    def abort(self, reason: int | None = 0):
        """AB: by the user with RTAB and this reason, or with None by the provider."""
        self.log.append("> AB")
        self.transport.write_tsdu(upper.provider_abort() if reason is None else upper.user_abort(self.contexts, reason))
        self.transport.close_heard()

    def _check_references(self, spdu: Spdu, role: int):
        user, common = spdu.get(role), spdu.get(osi.PI_COMMON)
        for what, value, tags in (("user reference", user, ("U20", "U4")), ("common reference", common, ("U23",))):
            if not value or ber.parse(value).tag not in tags:
                raise WireError(f"session {spdu.name}: the {what} is {value and value.hex()}, BER of {' or '.join(tags)} is right (X.228 8)")
        return user, common

    def _check_units(self, spdu: Spdu):
        """The functional units that RTSE needs (f1238), and one octet each of version and token setting."""
        units = int.from_bytes(spdu.get(osi.PI_REQUIREMENTS) or b"", "big")
        if units & 0x249 != 0x249:
            raise WireError(f"session {spdu.name}: functional units {units:#06x}, RTSE needs 0x0249")
        for code, what in ((osi.PI_VERSION, "version number"), (osi.PI_TOKEN_SETTING, "token setting")):
            if len(spdu.get(code) or b"") != 1:
                raise WireError(f"session {spdu.name}: no {what} of one octet")
        if len(spdu.get(osi.PGI_USER_DATA) or b"") > 512:
            raise WireError(f"session {spdu.name}: {len(spdu.get(osi.PGI_USER_DATA))} octets in parameter 193, 512 are the most (X.225 8.3.1)")

    def _check_bind(self, bind: upper.Bind) -> bool:
        wanted = self.behaviour
        return wanted.peer_name in (None, bind.name) and wanted.peer_password in (None, bind.password)

    def _own_bind(self) -> upper.Bind:
        return upper.Bind(self.behaviour.name, self.behaviour.password, self.behaviour.ia5_password or self.mode.protocol == 1)


class Caller(Association):
    """The initiator. Raises Refused, Aborted, Gone or WireError when things go wrong, and says in `unfinished` what can be resumed."""

    unfinished: Activity | None = None
    _activities = 0

    def open(self, mode: upper.Mode = upper.NORMAL_1988, selector: bytes | None = None, recover: Activity | None = None) -> "Caller":
        """CR/CC, CN/AC and all above them. `recover`: bind with the identifier of the lost association in which this activity started."""
        self.mode = mode
        self.contexts = self.behaviour.contexts if mode.normal else ()
        self.user, self.common = ber.teletex(self.behaviour.host_reference), ber.utctime(time.strftime("%y%m%d%H%M%SZ", time.gmtime()))
        self.transport.call(mode.selector if selector is None else selector, self.reference, self.hook)
        checkpoint = 63 if self.behaviour.checkpoint is None else self.behaviour.checkpoint
        opening = upper.Opening(checkpoint, self.behaviour.window, None if recover else self._own_bind(), recover.session_id() if recover else b"",
                                self.contexts, protocol=mode.protocol, window_given=self.behaviour.window != 3)
        self.send("CN", osi.connect(self.user, self.common, upper.connect_data(opening), mode.versions))
        answer = self.receive()
        if answer is None:
            raise Gone("the other disconnected instead of answering CN")
        if answer.name == "RF":
            self._refused(answer)
        self._accepted(answer, checkpoint)
        return self

    def _refused(self, answer: Spdu):
        self.transport.close()
        reason = answer.get(osi.PI_REASON) or b""
        data = reason[1:] if reason[:1] == b"\x02" else b""
        raise Refused(*upper.read_refusal(data, self.contexts, self.behaviour.definite_only))

    def _accepted(self, answer: Spdu, checkpoint: int):
        if answer.name != "AC":
            raise WireError(f"session: {answer.name} in answer to CN")
        if self._check_references(answer, osi.PI_CALLED) != (self.user, self.common):
            raise WireError("session AC: the references are not those of the CN (X.228 8)")
        self._check_units(answer)
        if answer.get(osi.PI_VERSION)[0] not in (1, 2) or not answer.get(osi.PI_VERSION)[0] & self.mode.versions:
            raise WireError(f"session AC: version {answer.get(osi.PI_VERSION).hex()}, one of {self.mode.versions:#04x} is right")
        self.segmenting = bool(answer.get(osi.PI_TSDU_SIZE))
        opening = upper.read_accept(answer.user_data, self.mode, self.contexts, self.behaviour.definite_only)
        if opening.checkpoint > checkpoint or opening.window > self.behaviour.window:
            raise WireError(f"RTOAC: checkpoint {opening.checkpoint} and window {opening.window} are more than {checkpoint} and "
                            f"{self.behaviour.window} that were offered")
        self.checkpoint, self.window = opening.checkpoint * 1024, opening.window
        if opening.bind and not self._check_bind(opening.bind):
            self.abort(6)
            raise WireError(f"MTABindResult: the responder says it is {opening.bind.name!r} with another name or password than agreed")
        self.peer = opening.bind or self.peer

    # Transfers.

    def send_apdu(self, apdu: bytes, pieces: int | None = None, then: str = "leave") -> Activity:
        """One activity with this MTS-APDU. With `pieces` only so many segments, and then "interrupt", "discard", or nothing ("leave")."""
        Caller._activities += 1
        octets = upper.apdu_external(upper.context_of(self.contexts, upper.MTSE), apdu, self.behaviour.isode) if self.mode.normal else apdu
        activity = Activity(Caller._activities, octets, self.user, self.common, self.checkpoint)
        self.unfinished = activity
        self.send("AS", osi.behind_tokens(osi.S_AS, osi.pi(osi.PI_ACTIVITY, ber.integer(activity.number))))
        return self._transfer(activity, pieces, then)

    def resume(self, activity: Activity, pieces: int | None = None, then: str = "leave") -> Activity:
        """S-ACTIVITY-RESUME behind the last confirmed checkpoint (X.228 7); the linking information names the session if it was another."""
        if not activity.confirmed:
            raise ValueError("nothing was confirmed of this activity: it cannot be resumed, send it anew")
        number = osi.pi(osi.PI_ACTIVITY, ber.integer(activity.number))
        linking = osi.pi(osi.PGI_LINKING, self._other_session(activity) + number + osi.serial(activity.confirmed))
        self.unfinished = activity
        self.send("AR", osi.behind_tokens(osi.S_AR, linking, number))
        return self._transfer(activity, pieces, then)

    def _other_session(self, activity: Activity) -> bytes:
        """The identifier of the session connection in which it started, if that is not this one."""
        if (activity.user, activity.common) == (self.user, self.common):
            return b""
        return osi.pi(osi.PI_CALLED, activity.user) + osi.pi(osi.PI_CALLING, activity.user) + osi.pi(osi.PI_COMMON, activity.common)

    def _transfer(self, activity: Activity, pieces: int | None, then: str) -> Activity:
        """DT and MIP in turn, never more than the window unconfirmed; then AE, whose confirmation is the receiver's responsibility."""
        step = activity.checkpoint or max(1, len(activity.octets))
        serial = activity.confirmed + 1
        for at in range(activity.confirmed * step, len(activity.octets), step):
            if pieces is not None and (pieces := pieces - 1) < 0:
                return self._stop(activity, serial, then)
            self._send_segment(activity.octets[at:at + step])
            if at + step < len(activity.octets):
                self.send("MIP", osi.behind_tokens(osi.S_MIP, osi.serial(serial)))
                serial += 1
                while serial - 1 - activity.confirmed >= max(1, self.window):
                    self._confirmation(activity, serial)
        self.send("AE", osi.behind_tokens(osi.S_AE, osi.serial(serial)))
        while not activity.done:
            self._confirmation(activity, serial, ending=True)
        self.unfinished = None
        return activity

    def _send_segment(self, segment: bytes):
        rtse = upper.context_of(self.contexts, upper.RTSE) if self.mode.normal else None
        data = upper.segment_pdv(rtse, segment, self.behaviour.isode) if self.mode.normal else segment
        if not self.segmenting:
            self.send("DT", osi.behind_tokens(osi.S_DT, data=data))
            return
        room = osi.TSDU_SIZE - 7  # GT, DT and the enclosure item
        cuts = [data[at:at + room] for at in range(0, len(data), room)]
        for number, cut in enumerate(cuts):
            enclosure = (1 if number == 0 else 0) | (2 if number == len(cuts) - 1 else 0)
            self.send("DT", osi.behind_tokens(osi.S_DT, osi.pi(osi.PI_ENCLOSURE, bytes([enclosure])), data=cut))

    def _confirmation(self, activity: Activity, serial: int, ending: bool = False):
        answer = self._answer_or_gone()
        if answer.name == "MIA" and activity.confirmed < answer.serial < serial:
            activity.confirmed = answer.serial
        elif answer.name == "AEA" and ending and answer.serial == serial:
            activity.done = True
        elif answer.name == "ED":
            self._end_with("AD", osi.S_AD, "ADA")
            self.unfinished = None
            raise NotTaken((answer.get(osi.PI_REASON) or b"\0")[0])
        else:
            raise WireError(f"session {answer.name} {dict(answer.parameters)}: confirmed so far {activity.confirmed}, sent up to {serial - 1}"
                            f"{', activity end is ' + str(serial) if ending else ''}")

    def _answer_or_gone(self) -> Spdu:
        answer = self.receive()
        if answer is None:
            raise Gone("the other disconnected while an answer was due")
        return answer

    def _stop(self, activity: Activity, serial: int, then: str) -> Activity:
        while then != "leave" and activity.confirmed < serial - 1:
            self._confirmation(activity, serial)
        if then == "interrupt":
            self._end_with("AI", osi.S_AI, "AIA")
        elif then == "discard":
            self._end_with("AD", osi.S_AD, "ADA")
            self.unfinished = None
        return activity

    def _end_with(self, name: str, code: int, expected: str, reason: int = 0):
        self.send(name, osi.behind_tokens(code, osi.pi(osi.PI_REASON, bytes([reason]))))
        while (answer := self._answer_or_gone()).name in ("MIA", "ED"):
            pass  # what was under way before the other saw it
        if answer.name != expected:
            raise WireError(f"session: {answer.name} in answer to {name}, {expected} is right")

    def release(self):
        """FN/DN with RLRQ/RLRE, then DR (f31 to f33)."""
        data = upper.release_data(self.contexts)
        self.send("FN", osi.spdu(osi.S_FN, osi.pi(osi.PI_DISCONNECT, b"\x01"), osi.pi(osi.PGI_USER_DATA, data) if data else b""))
        answer = self._answer_or_gone()
        if answer.name != "DN":
            raise WireError(f"session: {answer.name} in answer to FN, DN is right")
        upper.read_release(answer.user_data, self.mode, self.contexts, True, self.behaviour.definite_only)
        self.transport.disconnect(self.hook)
