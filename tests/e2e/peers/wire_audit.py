"""All layers of a transcript read again with the strict readers of the peers, for what tshark passes over in silence; and the APDUs that were
transferred, put together as X.228 means it. Nothing here knows P1: an APDU is BER, and its content is BER."""

from . import ber
from . import osi_wire as osi
from .wiretap import TO_CLIENT, TO_SERVER, Transcript, split_tpkts

_ACTIVITY_MANAGEMENT = 0x40  # X.225 8.3.1: a bit of the session user requirements


def audit(transcripts) -> list[tuple[int, str, str]]:
    """(stream, sender, what is wrong) of transcripts that are cut at TPKTs."""
    found: list[tuple[int, str, str]] = []
    rebuilt = {TO_SERVER: _Rebuilt(), TO_CLIENT: _Rebuilt()}
    for stream, transcript in enumerate(transcripts):
        for sender in (TO_SERVER, TO_CLIENT):
            try:
                for spdu in spdus(transcript, sender):
                    _check_user_data(spdu)
                    rebuilt[sender].take(spdu)
            except (osi.WireError, ber.BerError) as error:
                found.append((stream, sender, f"strict reader: {error}"))
    return found


def transferred(transcripts, sender: str = TO_SERVER) -> list[bytes]:
    """The APDUs of all activities of this sender that ended, in any mode, interrupted and resumed or not. WireError or BerError where they cannot
    be read."""
    rebuilt = _Rebuilt()
    for transcript in transcripts:
        for spdu in spdus(transcript, sender):
            rebuilt.take(spdu)
    return rebuilt.apdus


def presented(transcript: Transcript, sender: str) -> list[tuple[int, bytes]]:
    """What one sender of a normal-mode association transferred, with the presentation context that it stood on: of RTSE, whole APDUs."""
    rebuilt = _Rebuilt()
    for spdu in spdus(transcript, sender):
        rebuilt.take(spdu)
    return rebuilt.presented


def accepted(transcript: Transcript) -> bool:
    """Whether the server has taken the session connection already; it may be in the middle of its answer."""
    try:
        return any(spdu.name == "AC" for spdu in spdus(transcript, TO_CLIENT))
    except (osi.WireError, ber.BerError):
        return False


def spdus(transcript: Transcript, sender: str):
    """The SPDU that counts of each TSDU."""
    tsdu = b""
    for piece in split_tpkts(transcript.stream(sender))[0]:
        tpdu = osi.read_tpdu(piece[4:])
        tsdu += tpdu.data
        if tpdu.name == "DT" and tpdu.last:
            yield osi.read_tsdu(tsdu)[-1]
            tsdu = b""
    if tsdu:
        raise osi.WireError(f"COTP: the last TPDU of this TSDU never comes: {tsdu[:16].hex()}")


def _check_user_data(spdu: osi.Spdu):
    """Presentation is BER through and through. DT is left to _Rebuilt, which knows what belongs together."""
    data = spdu.get(osi.PI_REASON, b"")[1:] if spdu.name == "RF" else spdu.user_data
    if data:
        ber.parse(data)


class _Rebuilt:
    """Puts the activities of one sender together: a resumed one goes on behind the checkpoint that it names. Where session has no activities,
    as for ROSE alone, each DT stands for itself."""

    def __init__(self):
        self.apdus: list[bytes] = []
        self.presented: list[tuple[int, bytes]] = []
        self._activities: dict[tuple, list[bytes]] = {}
        self._session, self._now, self._sawn, self._in_activities = (None, None), None, b"", True

    def take(self, spdu: osi.Spdu):
        handler = getattr(self, f"_take_{spdu.name.lower()}", None)
        if handler:
            handler(spdu)

    def _take_cn(self, spdu: osi.Spdu):
        self._session = (spdu.get(osi.PI_CALLING) or spdu.get(osi.PI_CALLED), spdu.get(osi.PI_COMMON))
        self._in_activities = bool(int.from_bytes(spdu.get(osi.PI_REQUIREMENTS, b""), "big") & _ACTIVITY_MANAGEMENT)
        self._now, self._sawn = None, b""

    _take_ac = _take_cn

    def _take_as(self, spdu: osi.Spdu):
        self._now = (*self._session, spdu.get(osi.PI_ACTIVITY))
        self._activities[self._now] = []

    def _take_ar(self, spdu: osi.Spdu):
        session = (spdu.get(osi.PI_CALLING, self._session[0]), spdu.get(osi.PI_COMMON, self._session[1]))
        self._now = (*session, spdu.get(osi.PI_ACTIVITY))
        self._activities[self._now] = self._activities.get(self._now, [])[:spdu.serial]

    def _take_dt(self, spdu: osi.Spdu):
        """With segmenting, session saws an SSDU into pieces; in normal mode it is a PDV list, in X.410 mode it is the segment."""
        self._sawn += spdu.data
        if not spdu.get(osi.PI_ENCLOSURE, b"\2")[0] & 2:
            return
        data, self._sawn = self._sawn, b""
        if not self._in_activities:
            pdv = ber.parse(data).want("U16")
            self.presented.append((pdv.want("U2").integer, pdv.want("C0").only().raw))
            return
        if self._now is None:
            raise osi.WireError("session DT: outside of an activity")
        self._activities[self._now].append(ber.parse(data).want("U16", "C0").octets if data[:1] == b"\x61" else data)

    def _take_ae(self, spdu: osi.Spdu):
        if not self._now or not self._activities[self._now]:
            raise osi.WireError("session AE: the activity ends without data")
        whole = b"".join(self._activities[self._now])
        apdu = _without_external(whole)
        if apdu is not whole:
            self.presented.append((ber.parse(whole).want("U2").integer, apdu))
        content = ber.parse(apdu).get("U4")
        if content is not None and content.octets[:1] in (b"\xa0", b"\xa1"):
            ber.parse(content.octets)
        self.apdus.append(apdu)
        self._now = None


def _without_external(octets: bytes) -> bytes:
    """What is in the EXTERNAL of normal mode; in X.410 mode there is none."""
    node = ber.parse(octets)
    return node.want("C0").only().raw if node.tag == "U8" else octets
