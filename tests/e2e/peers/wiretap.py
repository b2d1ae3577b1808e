"""What went over a connection, recorded from its set-up: by a proxy between two peers (Wiretap), or by hand (Transcript). `write_pcap` makes of
it a capture file with whole TCP connections, as tshark wants them; `read_pcap` makes transcripts of a foreign one.

    with Wiretap(server_port) as tap:        # connect to tap.port instead of the server
        ...
        tap.join()                           # until all connections have ended; leaving the block cuts what has not
    tap.transcripts                          # one per connection, in the order in which they came
"""

import contextlib
import dataclasses
import socket
import struct
import threading
import time

from .relay import Relay, reset

TO_SERVER, TO_CLIENT = "to server", "to client"
_MAX_SEGMENT = 16384  # each is acknowledged at once, so no window is ever full
_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16


@dataclasses.dataclass(frozen=True)
class Event:
    """Octets that went one way; or, without octets, the end ("fin" or "rst") of that way."""
    direction: str
    octets: bytes
    time: float
    end: str | None = None


class Transcript:
    """One connection: its events in order of time."""

    def __init__(self, events=()):
        self.events: list[Event] = [event if isinstance(event, Event) else Event(*event) for event in events]

    def add(self, direction: str, octets: bytes, end: str | None = None):
        self.events.append(Event(direction, bytes(octets), time.time(), end))
        return self

    def to_server(self, octets: bytes):
        return self.add(TO_SERVER, octets)

    def to_client(self, octets: bytes):
        return self.add(TO_CLIENT, octets)

    def stream(self, direction: str) -> bytes:
        """All octets that went that way."""
        return b"".join(event.octets for event in list(self.events) if event.direction == direction)

    def by_tpkt(self) -> "tuple[Transcript, dict[str, bytes]]":
        """Cut at the boundaries of TPKTs (RFC 1006 6) instead of where TCP happened to cut, each at the time when it was complete; and what
        is left over in each direction, which in an orderly connection is nothing."""
        held = {TO_SERVER: b"", TO_CLIENT: b""}
        whole = Transcript()
        for event in self.events:
            if event.end:
                whole.events.append(event)
                continue
            pieces, held[event.direction] = split_tpkts(held[event.direction] + event.octets)
            whole.events += [dataclasses.replace(event, octets=piece) for piece in pieces]
        last = self.events[-1].time if self.events else 0.0
        rest = {direction: left for direction, left in held.items() if left}
        tail = [Event(direction, left, last) for direction, left in rest.items()]
        ends = [event for event in whole.events if event.end]
        whole.events = [event for event in whole.events if not event.end] + tail + ends
        return whole, rest


def split_tpkts(octets: bytes) -> tuple[list[bytes], bytes]:
    """Whole TPKTs, and the rest. Octets that are no TPKT stay in the rest."""
    pieces, at = [], 0
    while len(octets) - at >= 4 and octets[at] == 3:
        size = int.from_bytes(octets[at + 2:at + 4], "big")
        if size < 7 or len(octets) - at < size:
            break
        pieces.append(octets[at:at + size])
        at += size
    return pieces, octets[at:]


class Wiretap(Relay):
    """Listens on a free port of the loopback, hands everything on to the server and records it. Cuts and resets are handed on too."""

    def __init__(self, server_port: int, host: str = "127.0.0.1"):
        self.transcripts: list[Transcript] = []
        self._server = (host, server_port)
        self._pumps: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        super().__init__(host)

    def stop(self):
        """Cuts what is still open and waits for what was recorded."""
        self.close_door()
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.join()

    def join(self, seconds: float = 10.0):
        """Until all connections have ended."""
        for pump in list(self._pumps):
            pump.join(seconds)

    def _target(self):
        return self._server

    def _unreachable(self):
        self.transcripts.append(Transcript().add(TO_CLIENT, b"", "rst"))

    def _connected(self, client, server):
        transcript = Transcript()
        self.transcripts.append(transcript)
        self._sockets += [client, server]
        ended = threading.Semaphore(0)
        for source, sink, direction in ((client, server, TO_SERVER), (server, client, TO_CLIENT)):
            self._start(self._pump, source, sink, direction, transcript, ended)
        self._start(_close_after, ended, client, server)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        self._pumps.append(thread)

    @staticmethod
    def _pump(source, sink, direction, transcript, ended):
        try:
            while octets := source.recv(65536):
                transcript.add(direction, octets)
                sink.sendall(octets)
            transcript.add(direction, b"", "fin")
            sink.shutdown(socket.SHUT_WR)
        except ConnectionResetError:
            transcript.add(direction, b"", "rst")
            reset(sink)
        except OSError:
            pass
        finally:
            ended.release()


def _close_after(ended, *sockets):
    for _ in sockets:
        ended.acquire()
    for one in sockets:
        one.close()


# The capture file.

def write_pcap(path, transcripts, server_port: int):
    """A pcap file of raw IPv4 (LINKTYPE_IPV4) with a TCP connection per transcript: handshake, data with right numbers and checksums, an
    acknowledgement for each segment, and the end."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 228))
        for number, transcript in enumerate(transcripts):
            for when, packet in _Flow(40000 + number, server_port).packets(transcript):
                file.write(struct.pack("<IIII", int(when), int(when % 1 * 1_000_000), len(packet), len(packet)) + packet)


class _Flow:
    """The packets of one connection."""

    def __init__(self, client_port: int, server_port: int):
        self._ports = {TO_SERVER: (client_port, server_port), TO_CLIENT: (server_port, client_port)}
        self._sent = {TO_SERVER: 1000, TO_CLIENT: 5000}
        self._identification = 0

    def packets(self, transcript: Transcript):
        start = transcript.events[0].time if transcript.events else 0.0
        yield start, self._packet(TO_SERVER, _SYN)
        yield start, self._packet(TO_CLIENT, _SYN | _ACK)
        yield start, self._packet(TO_SERVER, _ACK)
        ended = set()
        for event in transcript.events:
            if event.end and (event.direction in ended or "rst" in ended):
                continue
            if event.end:
                ended |= {event.direction, event.end}
                yield event.time, self._packet(event.direction, _RST | _ACK if event.end == "rst" else _FIN | _ACK)
            for at in range(0, len(event.octets), _MAX_SEGMENT):
                yield event.time, self._packet(event.direction, _PSH | _ACK, event.octets[at:at + _MAX_SEGMENT])
                yield event.time, self._packet(TO_CLIENT if event.direction == TO_SERVER else TO_SERVER, _ACK)

    def _packet(self, direction: str, flags: int, octets: bytes = b"") -> bytes:
        other = TO_CLIENT if direction == TO_SERVER else TO_SERVER
        acknowledged = self._sent[other] if flags & _ACK else 0
        header = struct.pack("!HHIIBBHHH", *self._ports[direction], self._sent[direction], acknowledged, 5 << 4, flags, 65535, 0, 0)
        self._sent[direction] += len(octets) + (1 if flags & (_SYN | _FIN) else 0)
        return self._ipv4(direction, header, octets)

    def _ipv4(self, direction: str, header: bytes, octets: bytes) -> bytes:
        source, target = bytes([127, 0, 0, 1]), bytes([127, 0, 0, 2])
        if direction == TO_CLIENT:
            source, target = target, source
        size = len(header) + len(octets)
        pseudo = source + target + struct.pack("!BBH", 0, 6, size)
        checksum = _checksum(pseudo + header + octets)
        self._identification += 1
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, self._identification & 0xFFFF, 0x4000, 64, 6, 0, source, target)
        ip = ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:]
        return ip + header[:16] + struct.pack("!H", checksum) + header[18:] + octets


def _checksum(octets: bytes) -> int:
    """RFC 1071."""
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclasses.dataclass(frozen=True)
class Segment:
    """A TCP segment of a capture file; `frame` counts from 1, as tshark does."""
    frame: int
    time: float
    source: int
    target: int
    flags: int
    payload: bytes


def pcap_segments(path):
    """Of a little-endian pcap file of Ethernet or raw IPv4, as tcpdump and write_pcap make them."""
    with open(path, "rb") as file:
        header = file.read(24)
        if header[:4] != b"\xd4\xc3\xb2\xa1":
            raise ValueError(f"{path} is no little-endian pcap file")
        link = 14 if header[20] == 1 else 0
        frame = 0
        while record := file.read(16):
            seconds, fraction, size, _ = struct.unpack("<IIII", record)
            ip = file.read(size)[link:]
            tcp = ip[(ip[0] & 15) * 4:int.from_bytes(ip[2:4], "big")]
            frame += 1
            yield Segment(frame, seconds + fraction / 1e6, int.from_bytes(tcp[:2], "big"), int.from_bytes(tcp[2:4], "big"), tcp[13],
                          tcp[(tcp[12] >> 4) * 4:])


def read_pcap(path, ports) -> list[Transcript]:
    """The connections to servers on these ports, as a capture of a loopback has them: in order, nothing lost or sent twice."""
    connections: dict[tuple[int, int], Transcript] = {}
    for segment in pcap_segments(path):
        direction = TO_SERVER if segment.target in ports else TO_CLIENT
        client, server = (segment.source, segment.target) if direction == TO_SERVER else (segment.target, segment.source)
        if server not in ports:
            continue
        transcript = connections.setdefault((client, server), Transcript())
        end = "rst" if segment.flags & _RST else "fin" if segment.flags & _FIN else None
        if segment.payload:
            transcript.events.append(Event(direction, segment.payload, segment.time))
        if end:
            transcript.events.append(Event(direction, b"", segment.time, end))
    return list(connections.values())
