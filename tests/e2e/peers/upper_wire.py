"""Presentation (X.226), ACSE (X.227), RTSE (X.228) and the MTA's bind (X.411), as PP over ISODE writes them: in normal mode, and in X.410 mode,
where neither ACSE nor contexts exist. Pure functions, strict readers; "f1238" is a frame of the shared capture that shows the octets.
"""

import dataclasses

from . import ber
from .osi_wire import PGI_USER_DATA, PI_DISCONNECT, S_AB, WireError, pi, spdu

BER = "2.1.1"
ACSE, RTSE, MTSE = "2.2.1.0.1", "2.6.0.2.12", "2.6.0.2.7"  # f1238: contexts 1, 3, 5
MTS_TRANSFER = "2.6.0.1.6"
BUSY, AUTHENTICATION, DIALOGUE_MODE = 0, 2, 3  # MTABindError
REJECT_BUSY, REJECT_CANNOT_RECOVER, REJECT_VALIDATION, REJECT_DIALOGUE = range(4)  # RTORJ's refuse reasons


@dataclasses.dataclass(frozen=True)
class Mode:
    """One of PP's channels. The called T-selector chooses it (f1234: x400n)."""
    name: str
    selector: bytes
    normal: bool
    protocol: int | None = None  # X.410 mode: the application protocol of X.419
    versions: int = 3  # of session: bit 0 is 1, bit 1 is 2

    @property
    def version(self) -> int:
        """The one that a responder chooses: 2 where it is offered (f1239)."""
        return 2 if self.versions & 2 else 1


NORMAL_1988 = Mode("1988 normal mode", b"x400n", True)
X410_1988 = Mode("1988 X.410 mode", b"x400o", False, 12, 1)
P1_1984 = Mode("1984", b"x40084", False, 1, 1)
MODES = (NORMAL_1988, X410_1988, P1_1984)


@dataclasses.dataclass(frozen=True)
class Bind:
    """MTABindArgument or MTABindResult; without a name it is the unauthenticated NULL."""
    name: str = ""
    password: bytes = b""
    ia5: bool = False

    def encode(self) -> bytes:
        if not self.name:
            return ber.null()
        password = ber.prim("U22" if self.ia5 else "U4", self.password)  # f1238: an OCTET STRING; the 1984 text wants IA5String
        return ber.cons("C1", ber.ia5(self.name, "C0"), ber.cons("C1", password))

    @classmethod
    def read(cls, node: ber.Node) -> "Bind":
        if node.expect("U5", "C1").tag == "U5":
            return cls()
        password = node.want("C1").only().expect("U4", "U22")
        return cls(node.want("C0").text, password.octets, password.tag == "U22")

    def __repr__(self):
        return f"Bind(name={self.name!r})"  # passwords stay out of failures


@dataclasses.dataclass(frozen=True)
class Opening:
    """What a CN or AC carries for RTSE. `contexts` is empty in X.410 mode."""
    checkpoint: int = 0
    window: int = 3
    bind: Bind | None = None
    recover: bytes = b""  # instead of a bind: the SessionConnectionIdentifier of the association that was lost
    contexts: tuple[tuple[int, str], ...] = ()
    dialogue: int = 0
    protocol: int | None = None
    window_given: bool = False


CONTEXTS = ((1, ACSE), (3, RTSE), (5, MTSE))


# Writing.

def external(context: int, value: bytes) -> bytes:
    return ber.cons("U8", ber.oid(BER), ber.integer(context), ber.cons("C0", value))


def pdv(context: int, value: bytes) -> bytes:
    """Fully encoded user data with one PDV list in definite form, as around ACSE's APDUs (f1238, f31)."""
    return ber.cons("A1", ber.seq(ber.integer(context), ber.cons("C0", value)))


def segment_pdv(context: int, segment: bytes, isode: bool = True) -> bytes:
    """An RTTR on the RTSE context. f1245: 61 80 30 80 02 01 03 a0 80 04 82 ..., indefinite around a primitive string."""
    if not isode:
        return pdv(context, ber.octets(segment))
    return ber.indefinite("A1", ber.indefinite("U16", ber.integer(context), ber.indefinite("C0", ber.octets(segment))))


def apdu_external(context: int, apdu: bytes, isode: bool = True) -> bytes:
    """f1245: RTSE's data is an EXTERNAL whose indirect reference is the context of the MTSE (28 80 02 01 05 a0 80)."""
    cons = ber.indefinite if isode else ber.cons
    return cons("U8", ber.integer(context), cons("C0", apdu))


def _rtse_parts(opening: Opening, data: bytes, is_request: bool):
    yield ber.integer(opening.checkpoint, "C0")
    if not is_request or opening.window_given:
        yield ber.integer(opening.window, "C1")
    if is_request:
        yield ber.integer(opening.dialogue, "C2")
    content = ber.cons("C1", ber.parse(opening.recover).content) if opening.recover else ber.cons("C0", data)
    yield ber.cons("C3" if is_request else "C2", content)
    if is_request and opening.protocol is not None:
        yield ber.integer(opening.protocol, "C4")


def connect_data(opening: Opening) -> bytes:
    """CP with AARQ with RTORQ with the bind (f1238); X.410 mode: PConnect."""
    bind = opening.bind.encode() if opening.bind else b""
    if not opening.contexts:
        return ber.set_(_mode(0), ber.cons("C1", *_rtse_parts(opening, bind, True)))
    rtse, acse = context_of(opening.contexts, RTSE), context_of(opening.contexts, ACSE)
    rtorq = ber.cons("C16", *_rtse_parts(opening, ber.cons("C16", bind), True))
    aarq = ber.cons("A0", ber.cons("C1", ber.oid(MTS_TRANSFER)), ber.cons("C30", external(rtse, rtorq)))
    items = [ber.seq(ber.integer(number), ber.oid(name), ber.seq(ber.oid(BER))) for number, name in opening.contexts]
    return ber.set_(_mode(1), ber.cons("C2", ber.cons("C4", *items), pdv(acse, aarq)))


def accept_data(opening: Opening) -> bytes:
    """CPA with AARE with RTOAC with the bind's result (f1239); X.410 mode: PAccept. `contexts` are those of the proposal."""
    bind = opening.bind.encode() if opening.bind else b""
    if not opening.contexts:
        return ber.set_(_mode(0), ber.cons("C1", *_rtse_parts(opening, bind, False)))
    rtoac = ber.cons("C17", *_rtse_parts(opening, ber.cons("C17", bind), False))
    aare = _aare(0, external(context_of(opening.contexts, RTSE), rtoac))
    return ber.set_(_mode(1), ber.cons("C2", _results(opening.contexts), pdv(context_of(opening.contexts, ACSE), aare)))


def refuse_data(contexts, reason: int, bind_error: int | None) -> bytes:
    """CPR with AARE with RTORJ with the bind's error; X.410 mode: PRefuse."""
    if not contexts:
        return ber.set_(ber.integer(reason, "C0"))
    error = b"" if bind_error is None else ber.cons("C1", ber.cons("C18", ber.integer(bind_error)))
    rtorj = ber.cons("C18", ber.integer(reason, "C0") if bind_error is None else b"", error)
    aare = _aare(1, external(context_of(contexts, RTSE), rtorj))
    return ber.seq(_results(contexts, "C5"), pdv(context_of(contexts, ACSE), aare))


def _mode(value: int) -> bytes:
    return ber.cons("C0", ber.integer(value, "C0"))


def _results(contexts, tag: str = "C5") -> bytes:
    """One result per proposed context, in the proposer's order; a context that is none of ours is refused alone (X.226 8)."""
    accepted = ber.seq(ber.integer(0, "C0"), ber.oid(BER, "C1"))
    refused = ber.seq(ber.integer(2, "C0"), ber.integer(1, "C2"))
    return ber.cons(tag, *(accepted if name in (ACSE, RTSE, MTSE) else refused for _, name in contexts))


def _aare(result: int, information: bytes) -> bytes:
    return ber.cons("A1", ber.cons("C1", ber.oid(MTS_TRANSFER)), ber.cons("C2", ber.integer(result)),
                    ber.cons("C3", ber.cons("C1", ber.integer(0))), ber.cons("C30", information))


def context_of(contexts, name: str) -> int:
    """The identifier under which an abstract syntax was proposed."""
    return next(number for number, found in contexts if found == name)


def release_data(contexts, response: bool = False) -> bytes:
    """RLRQ and RLRE with reason normal (f31, f32); X.410 mode has no data."""
    return pdv(context_of(contexts, ACSE), ber.cons("A3" if response else "A2", ber.integer(0, "C0"))) if contexts else b""


def user_abort(contexts, reason: int) -> bytes:
    """AB with ARU with ABRT with RTAB; X.410 mode: AB with RTAB's fields in a SET."""
    if not contexts:
        data = ber.set_(ber.integer(reason, "C0"))
    else:
        rtab = external(context_of(contexts, RTSE), ber.cons("C22", ber.integer(reason, "C0")))
        abrt = ber.cons("A4", ber.integer(0, "C0"), ber.cons("C30", rtab))
        listed = ber.cons("C0", *(ber.seq(ber.integer(number), ber.oid(BER)) for number, _ in contexts))
        data = ber.cons("C0", listed, pdv(context_of(contexts, ACSE), abrt))
    return spdu(S_AB, pi(PI_DISCONNECT, b"\x03"), pi(PGI_USER_DATA, data))


def provider_abort() -> bytes:
    """AB of the session provider: transport released, protocol error."""
    return spdu(S_AB, pi(PI_DISCONNECT, b"\x05"))


# Reading.

def _strict(octets: bytes, what: str, definite: bool) -> ber.Node:
    try:
        node = ber.parse(octets)
    except ber.BerError as error:
        raise WireError(f"{what}: {error}") from error
    if definite and (places := node.indefinite_at()):
        raise WireError(f"{what}: indefinite lengths at octets {places[:5]}, definite ones are to be sent")
    return node


def _guard(reader):
    """Whatever a reader stumbles over becomes a WireError that names the PDU."""
    def guarded(*arguments, **options):
        try:
            return reader(*arguments, **options)
        except WireError:
            raise
        except (ValueError, IndexError, StopIteration) as error:
            raise WireError(f"{reader.__name__.removeprefix('read_')}: {error}") from error
    guarded.__doc__, guarded.__name__ = reader.__doc__, reader.__name__
    return guarded


def read_pdv(octets: bytes, what: str, definite: bool) -> tuple[int, ber.Node]:
    """The context and the value of fully encoded data with exactly one PDV list."""
    return _read_pdv(_strict(octets, what, definite), what)


def _read_pdv(node: ber.Node, what: str) -> tuple[int, ber.Node]:
    if node.tag != "A1":
        raise WireError(f"{what}: presentation data is {node.tag}, fully encoded data (A1) is right")
    parts = node.only().expect("U16").children
    if len(parts) != 2 or parts[0].tag != "U2" or parts[1].tag not in ("C0", "C1"):
        raise WireError(f"{what}: a PDV list of {[p.tag for p in parts]}, (U2, C0) is right")
    value = parts[1].only() if parts[1].tag == "C0" else ber.parse(parts[1].octets)
    return parts[0].integer, value


def _read_external(node: ber.Node, context: int, what: str) -> ber.Node:
    """The value of an EXTERNAL that must name this context."""
    node.expect("U8")
    reference = node.get("U2")
    if reference is None or reference.integer != context:
        raise WireError(f"{what}: EXTERNAL with indirect reference {reference and reference.integer}, {context} is right")
    encoding = next((child for child in node.children if child.tag in ("C0", "C1")), None)
    if encoding is None:
        raise WireError(f"{what}: EXTERNAL without single-ASN1-type or octet-aligned")
    return encoding.only() if encoding.tag == "C0" else ber.parse(encoding.octets)


@_guard
def read_connect(octets: bytes, mode: Mode, definite: bool) -> Opening:
    """The user data of a CN."""
    node = _strict(octets, "CP", definite).expect("U17")
    if (found := node.want("C0", "C0").integer) != (1 if mode.normal else 0):
        raise WireError(f"CP: mode {found}, but {mode.selector.decode()} is called: {mode.name}")
    if not mode.normal:
        opening = _read_rtse(node.want("C1"), True, wrapped=None)
        if opening.protocol != mode.protocol:
            raise WireError(f"PConnect: application protocol {opening.protocol}, {mode.protocol} is right for {mode.name}")
        return opening
    parameters = node.want("C2")
    contexts = tuple(_read_context(item) for item in parameters.want("C4").children)
    _check_contexts(contexts)
    context, aarq = _read_pdv(parameters.want("A1"), "CP")
    if context != context_of(contexts, ACSE):
        raise WireError(f"CP: user data on context {context}, ACSE's is {context_of(contexts, ACSE)}")
    if (name := aarq.expect("A0").want("C1").only().oid) != MTS_TRANSFER:
        raise WireError(f"AARQ: application context {name}, mts-transfer {MTS_TRANSFER} is right")
    rtorq = _read_external(aarq.want("C30").only(), context_of(contexts, RTSE), "AARQ").expect("C16")
    return dataclasses.replace(_read_rtse(rtorq, True, "C16"), contexts=contexts)


def _read_context(item: ber.Node) -> tuple[int, str]:
    number, name, syntaxes = item.expect("U16").children
    if BER not in [syntax.oid for syntax in syntaxes.children]:
        raise WireError(f"CP: context {number.integer} does not offer Basic Encoding")
    return number.integer, name.oid


def _check_contexts(contexts):
    for needed in (ACSE, RTSE, MTSE):
        if [name for _, name in contexts].count(needed) != 1:
            raise WireError(f"CP: abstract syntax {needed} is proposed {[n for _, n in contexts].count(needed)} times, once is right")
    numbers = [number for number, _ in contexts]
    if len(set(numbers)) != len(numbers) or any(number < 1 or number % 2 == 0 for number in numbers):
        raise WireError(f"CP: context identifiers {numbers}, different odd numbers are the initiator's (X.226 8)")


def _read_rtse(node: ber.Node, is_request: bool, wrapped: str | None) -> Opening:
    checkpoint, window, dialogue = (node.get(tag) for tag in ("C0", "C1", "C2"))
    data = node.want("C3" if is_request else "C2").only().expect("C0", "C1")
    if data.tag == "C1":
        bind, recover = None, ber.cons("U16", data.content)
    else:
        inner = data.only()
        bind, recover = Bind.read(inner.expect(wrapped).only() if wrapped else inner), b""
    protocol = node.get("C4") if is_request else None
    return Opening(checkpoint.integer if checkpoint else 0, window.integer if window else 3, bind, recover,
                   dialogue=dialogue.integer if dialogue and is_request else 0, protocol=protocol.integer if protocol else None,
                   window_given=window is not None)


@_guard
def read_accept(octets: bytes, mode: Mode, contexts, definite: bool) -> Opening:
    """The user data of an AC."""
    node = _strict(octets, "CPA", definite).expect("U17")
    if (found := node.want("C0", "C0").integer) != (1 if mode.normal else 0):
        raise WireError(f"CPA: mode {found} in answer to {mode.name}")
    if not mode.normal:
        return _read_rtse(node.want("C1"), False, None)
    parameters = node.want("C2")
    results = [item.want("C0").integer for item in parameters.want("C5").children]
    if results != [0] * len(contexts):
        raise WireError(f"CPA: results {results} for the contexts {contexts}, all were right")
    context, aare = _read_pdv(parameters.want("A1"), "CPA")
    if context != context_of(contexts, ACSE) or aare.expect("A1").want("C2").only().integer != 0:
        raise WireError("AARE: not on ACSE's context, or not accepted, inside an AC")
    rtoac = _read_external(aare.want("C30").only(), context_of(contexts, RTSE), "AARE").expect("C17")
    return dataclasses.replace(_read_rtse(rtoac, False, "C17"), contexts=contexts)


@_guard
def read_refusal(octets: bytes, contexts, definite: bool) -> tuple[int | None, int | None]:
    """The user data of an RF: RTSE's reason and the bind's error."""
    if not octets:
        return None, None
    node = _strict(octets, "CPR", definite)
    if not contexts:
        return node.expect("U17").want("C0").integer, None
    if (user_data := node.expect("U16").get("A1")) is None:
        return None, None
    _, aare = _read_pdv(user_data, "CPR")
    information = aare.expect("A1").get("C30")
    if information is None:
        return None, None
    rtorj = _read_external(information.only(), context_of(contexts, RTSE), "AARE").expect("C18")
    reason, data = rtorj.get("C0"), rtorj.get("C1")
    return reason.integer if reason else None, data.want("C18").only().integer if data else None


@_guard
def read_segment(octets: bytes, mode: Mode, contexts, definite: bool) -> bytes:
    """The user data of a DT: an RTTR on the RTSE context; in X.410 mode the octets themselves (X.228 8)."""
    if not mode.normal:
        return octets
    context, value = read_pdv(octets, "DT", definite)
    if context != context_of(contexts, RTSE):
        raise WireError(f"DT: an RTTR on context {context}, RTSE's is {context_of(contexts, RTSE)}")
    if value.tag != "U4":
        raise WireError(f"DT: {value.tag} is no RTTR, an OCTET STRING is")
    return value.octets


@_guard
def read_transferred(octets: bytes, mode: Mode, contexts, definite: bool) -> bytes:
    """The APDU that RTSE carried: in normal mode what is in the EXTERNAL, whose reference must be the MTSE's context."""
    node = _strict(octets, "RTSE data", definite)
    if not mode.normal:
        return node.raw
    return _read_external(node, context_of(contexts, MTSE), "RTSE data").raw


@_guard
def read_release(octets: bytes, mode: Mode, contexts, response: bool, definite: bool):
    if not mode.normal:
        if octets:
            raise WireError(f"{'DN' if response else 'FN'}: {len(octets)} octets of user data, X.410 mode has none")
        return
    context, value = read_pdv(octets, "RLRE" if response else "RLRQ", definite)
    if context != context_of(contexts, ACSE):
        raise WireError(f"release on context {context}, ACSE's is {context_of(contexts, ACSE)}")
    value.expect("A3" if response else "A2")
