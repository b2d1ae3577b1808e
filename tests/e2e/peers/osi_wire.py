"""The octets of the layers below P1, as ISODE 8 under PP 6 writes them: TPKT and COTP class 0 (RFC 1006, X.224), session (X.225). Pure functions.

What is copied from the shared capture `pp-p1-1988-normal.pcap` says in which frame it stands ("f1238"). Reading is strict: WireError names the
layer, the offset and what would have been right.
"""

import dataclasses


class WireError(ValueError):
    """What the other side sent is wrong."""


# TPKT, RFC 1006 6, and COTP, X.224 13.

CR, CC, DR, DT, ER = 0xE0, 0xD0, 0x80, 0xF0, 0x70
P_SIZE, P_CALLING, P_CALLED = 0xC0, 0xC1, 0xC2
TPDU_2048 = 11  # f1234, f1236: c0 01 0b
_NAMES = {CR: "CR", CC: "CC", DR: "DR", DT: "DT", ER: "ER"}


@dataclasses.dataclass(frozen=True)
class Tpdu:
    code: int
    destination: int = 0
    source: int = 0
    parameters: tuple[tuple[int, bytes], ...] = ()
    reason: int = 0
    last: bool = True
    data: bytes = b""

    def parameter(self, code: int) -> bytes | None:
        return next((value for found, value in self.parameters if found == code), None)

    @property
    def name(self) -> str:
        return _NAMES[self.code]


def tpkt(tpdu: bytes) -> bytes:
    return b"\x03\x00" + (len(tpdu) + 4).to_bytes(2, "big") + tpdu


def connect_request(source: int, called: bytes, calling: bytes | None = None, size: int = TPDU_2048) -> bytes:
    """f1234: the called selector, then the size; no calling selector."""
    parameters = _parameter(P_CALLED, called) + _parameter(P_SIZE, bytes([size]))
    if calling is not None:
        parameters = _parameter(P_CALLING, calling) + parameters
    return _connect(CR, 0, source, parameters)


def connect_confirm(destination: int, source: int, size: int = TPDU_2048) -> bytes:
    """f1236: nothing but the size."""
    return _connect(CC, destination, source, _parameter(P_SIZE, bytes([size])))


def _connect(code: int, destination: int, source: int, parameters: bytes) -> bytes:
    header = bytes([code]) + destination.to_bytes(2, "big") + source.to_bytes(2, "big") + b"\0" + parameters
    return tpkt(bytes([len(header)]) + header)


def _parameter(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def disconnect_request(destination: int, source: int, reason: int = 128) -> bytes:
    """f33: after the release, 128 is "normal disconnect"."""
    return tpkt(b"\x06\x80" + destination.to_bytes(2, "big") + source.to_bytes(2, "big") + bytes([reason]))


def data_tpdus(tsdu: bytes, size: int) -> list[bytes]:
    """The TSDU in DT TPDUs of at most `size` octets each, header included."""
    room = size - 3
    pieces = [tsdu[at:at + room] for at in range(0, len(tsdu), room)] or [b""]
    return [tpkt(b"\x02\xf0" + (b"\x80" if number == len(pieces) else b"\0") + piece) for number, piece in enumerate(pieces, 1)]


def read_tpdu(octets: bytes) -> Tpdu:
    """What stands in a TPKT, without its header."""
    if len(octets) < 2 or octets[0] + 1 > len(octets):
        raise WireError(f"COTP: the length indicator claims {octets[0] if octets else 0} octets of {len(octets)}: {octets[:16].hex()}")
    header, rest = octets[1:octets[0] + 1], octets[octets[0] + 1:]
    code = header[0] & 0xF0
    if code == DT:
        if len(header) != 2 or header[0] != DT or header[1] & 0x7F:
            raise WireError(f"COTP DT: the header of class 0 is 02 f0 00 or 02 f0 80, not {octets[:octets[0] + 1].hex()} (X.224 13.7)")
        return Tpdu(DT, last=bool(header[1]), data=rest)
    if code not in (CR, CC, DR, ER) or header[0] != code:
        raise WireError(f"COTP: {header[0]:#04x} is no TPDU of class 0")
    if rest:
        raise WireError(f"COTP {_NAMES[code]}: {len(rest)} octets of user data, class 0 has none (X.224 13.3)")
    return _read_control(code, header)


def _read_control(code: int, header: bytes) -> Tpdu:
    fixed = 4 if code == ER else 6
    if len(header) < fixed:
        raise WireError(f"COTP {_NAMES[code]}: {len(header)} octets of header, {fixed} are the least")
    destination, source = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    if code in (CR, CC) and header[5]:
        raise WireError(f"COTP {_NAMES[code]}: class and options {header[5]:#04x}, RFC 1006 has class 0 without options")
    return Tpdu(code, destination, 0 if code == ER else source, _read_parameters(header[fixed:], _NAMES[code]), header[5] if code == DR else 0)


def _read_parameters(octets: bytes, name: str) -> tuple[tuple[int, bytes], ...]:
    parameters, at = [], 0
    while at < len(octets):
        if at + 2 > len(octets) or at + 2 + octets[at + 1] > len(octets):
            raise WireError(f"COTP {name}: a parameter runs over the end of the header: {octets[at:].hex()}")
        parameters.append((octets[at], octets[at + 2:at + 2 + octets[at + 1]]))
        at += 2 + octets[at + 1]
    return tuple(parameters)


# Session, X.225 8.3. Where GIVE TOKENS stands first, the next SPDU is of category 2; else AB and not AI, GT and not DT.

S_GT, S_PT = 1, 2
S_CN, S_AC, S_RF, S_FN, S_DN, S_NF, S_AB, S_AA = 13, 14, 12, 9, 10, 8, 25, 26
S_GTC, S_GTA = 21, 22
S_DT, S_MIP, S_MIA, S_AE, S_AEA, S_ED, S_ER = 1, 49, 50, 41, 42, 48, 0
S_AS, S_AR, S_AI, S_AIA, S_AD, S_ADA = 45, 29, 25, 26, 57, 58
_ALONE = {S_CN: "CN", S_AC: "AC", S_RF: "RF", S_FN: "FN", S_DN: "DN", S_NF: "NF", S_AB: "AB", S_AA: "AA", S_GTC: "GTC", S_GTA: "GTA"}
_BEHIND_TOKENS = {S_DT: "DT", S_MIP: "MIP", S_MIA: "MIA", S_AE: "AE", S_AEA: "AEA", S_ED: "ED", S_ER: "ER", S_AS: "AS", S_AR: "AR", S_AI: "AI",
                  S_AIA: "AIA", S_AD: "AD", S_ADA: "ADA"}
PGI_CONNECTION, PGI_ACCEPT, PGI_LINKING, PGI_USER_DATA, PGI_EXTENDED = 1, 5, 33, 193, 194
PI_CALLED, PI_CALLING, PI_COMMON, PI_ADDITIONAL = 9, 10, 11, 12
PI_SYNC_TYPE, PI_TOKENS, PI_DISCONNECT = 15, 16, 17
PI_OPTIONS, PI_REQUIREMENTS, PI_TSDU_SIZE, PI_VERSION, PI_INITIAL_SERIAL, PI_ENCLOSURE, PI_TOKEN_SETTING = 19, 20, 21, 22, 23, 25, 26
PI_ACTIVITY, PI_SERIAL, PI_REFLECT, PI_REASON = 41, 42, 49, 50
PI_CALLING_SELECTOR, PI_CALLED_SELECTOR = 51, 52
_GROUPS = (PGI_CONNECTION, PGI_ACCEPT, PGI_LINKING)
RTS_UNITS = b"\x02\x49"  # f1238: half-duplex, minor synchronize, activity management, exceptions
ROSE_UNITS = b"\x00\x02"  # X.229 and X.217 need no more than duplex
TSDU_SIZE = 2041  # f1238: 07 f9 both ways; with 7 octets of TPKT and DT header that is a TPDU of 2048


@dataclasses.dataclass(frozen=True)
class Spdu:
    """One SPDU. `parameters` holds (code, value), those of a group behind each other after the group itself with value b""."""
    name: str
    parameters: tuple[tuple[int, bytes], ...] = ()
    data: bytes = b""

    def get(self, code: int, default: bytes | None = None) -> bytes | None:
        return next((value for found, value in self.parameters if found == code), default)

    @property
    def serial(self) -> int:
        value = self.get(PI_SERIAL)
        if not value or len(value) > 6 or not value.isdigit():
            raise WireError(f"session {self.name}: the serial number is {value!r}, 1 to 6 digits are right (X.225 8.3.20)")
        return int(value)

    @property
    def user_data(self) -> bytes:
        return self.get(PGI_EXTENDED) or self.get(PGI_USER_DATA) or b""


def pi(code: int, value: bytes) -> bytes:
    """A parameter; also a group, whose value is its parameters."""
    return bytes([code]) + _li(len(value)) + value


def _li(count: int) -> bytes:
    return bytes([count]) if count < 255 else b"\xff" + count.to_bytes(2, "big")


def spdu(code: int, *parameters: bytes) -> bytes:
    value = b"".join(parameters)
    return bytes([code]) + _li(len(value)) + value


def behind_tokens(code: int, *parameters: bytes, data: bytes = b"") -> bytes:
    """f1240, f1245: an SPDU of category 2 stands behind a GIVE TOKENS that gives none."""
    return b"\x01\x00" + spdu(code, *parameters) + data


def serial(number: int) -> bytes:
    """f1245: 2a 01 31, in digits."""
    return pi(PI_SERIAL, str(number).encode())


def references(role: int, user: bytes, common: bytes) -> bytes:
    """f1238 and f1239: the initiator's user reference (as calling or called) and the common one, each a BER string."""
    return pi(PGI_CONNECTION, pi(role, user) + pi(PI_COMMON, common))


def connect(user: bytes, common: bytes, user_data: bytes, versions: int = 3, units: bytes = RTS_UNITS) -> bytes:
    """CN, f1238: no selectors, all tokens the initiator's."""
    return spdu(S_CN, references(PI_CALLING, user, common), _accept_item(versions, True), pi(PI_REQUIREMENTS, units),
                pi(PGI_USER_DATA, user_data))


def accept(user: bytes, common: bytes, user_data: bytes, version: int = 2, segmenting: bool = False, units: bytes = RTS_UNITS) -> bytes:
    """AC, f1239: one version, no TSDU size (so no segmenting), an empty called selector."""
    return spdu(S_AC, references(PI_CALLED, user, common), _accept_item(version, segmenting), pi(PI_REQUIREMENTS, units),
                pi(PI_CALLED_SELECTOR, b""), pi(PGI_USER_DATA, user_data))


def _accept_item(versions: int, sized: bool) -> bytes:
    size = pi(PI_TSDU_SIZE, TSDU_SIZE.to_bytes(2, "big") * 2) if sized else b""
    return pi(PGI_ACCEPT, pi(PI_OPTIONS, b"\0") + size + pi(PI_VERSION, bytes([versions])) + pi(PI_TOKEN_SETTING, b"\0"))


def refuse(user: bytes, common: bytes, user_data: bytes, version: int = 2) -> bytes:
    """RF, X.225 8.3.5: reason 2, which the user data follows in the same parameter."""
    return spdu(S_RF, references(PI_CALLED, user, common), pi(PI_DISCONNECT, b"\x01"), pi(PI_REQUIREMENTS, RTS_UNITS),
                pi(PI_VERSION, bytes([version])), pi(PI_REASON, b"\x02" + user_data))


def read_tsdu(tsdu: bytes) -> list[Spdu]:
    """The SPDUs of a TSDU: one of category 1, or a GIVE or PLEASE TOKENS and at most one of category 2 (basic concatenation, X.225 6.3.7)."""
    if not tsdu:
        raise WireError("session: an empty TSDU")
    first, at = _read_spdu(tsdu, 0, {S_GT: "GT", S_PT: "PT"} if tsdu[0] in (S_GT, S_PT) else _ALONE)
    if at == len(tsdu):
        return [first]
    if first.name not in ("GT", "PT"):
        raise WireError(f"session {first.name}: {len(tsdu) - at} octets behind the end of it: {tsdu[at:at + 16].hex()}")
    second, at = _read_spdu(tsdu, at, _BEHIND_TOKENS)
    if second.name == "DT":
        return [first, dataclasses.replace(second, data=tsdu[at:])]
    if at != len(tsdu):
        raise WireError(f"session {second.name}: {len(tsdu) - at} octets behind the end of it: {tsdu[at:at + 16].hex()}")
    return [first, second]


def _read_spdu(octets: bytes, at: int, names: dict[int, str]) -> tuple[Spdu, int]:
    code = octets[at]
    if code not in names:
        raise WireError(f"session: SI {code} at octet {at} is none of {', '.join(f'{name} ({si})' for si, name in names.items())}")
    name = names[code]
    size, body = _read_li(octets, at + 1, name)
    if body + size > len(octets):
        raise WireError(f"session {name}: LI claims {size} octets, {len(octets) - body} are there")
    return Spdu(name, tuple(_read_parameters_of(octets[body:body + size], name))), body + size


def _read_parameters_of(octets: bytes, name: str, inside: bool = False):
    at, before = 0, -1
    while at < len(octets):
        code = octets[at]
        size, body = _read_li(octets, at + 1, name)
        if body + size > len(octets):
            raise WireError(f"session {name}: parameter {code} claims {size} octets, {len(octets) - body} are there")
        if code <= before:
            raise WireError(f"session {name}: parameter {code} behind {before}, they stand in ascending order (X.225 8.2)")
        before, value, at = code, octets[body:body + size], body + size
        group = code in _GROUPS and not inside
        yield code, b"" if group else value
        if group:
            yield from _read_parameters_of(value, f"{name} group {code}", True)


def _read_li(octets: bytes, at: int, name: str) -> tuple[int, int]:
    if at >= len(octets):
        raise WireError(f"session {name}: ends before its length indicator")
    if octets[at] != 255:
        return octets[at], at + 1
    size = int.from_bytes(octets[at + 1:at + 3], "big")
    if at + 3 > len(octets) or size < 255:
        raise WireError(f"session {name}: LI ff {octets[at + 1:at + 3].hex()}, three octets are for lengths over 254 (X.225 8.2)")
    return size, at + 3
