"""A bad road between two MTAs: hands octets on, and does to each connection what a fault says. Works on TPKTs (RFC 1006 6) where the connection
is in clear, on octets always, so also inside TLS.

    road = FaultProxy()                     # connect to road.port; nobody is behind it yet: connections are reset
    road.target = daemon.ports["x400"]
    road.faults = [CutAfter(TO_SERVER, 200), Duplicate(TO_CLIENT, 3)]     # one for each connection that comes, in this order; then none
    road.fired                              # the faults that have happened
"""

import dataclasses
import socket
import struct
import threading
import time

from .relay import Relay, reset
from .wiretap import TO_CLIENT, TO_SERVER, split_tpkts


class Cut(Exception):
    """The connection ends here: reset in both directions."""


@dataclasses.dataclass
class Fault:
    """What happens in one direction of one connection; `fired` once it has. One object serves one connection. With `patience` the connection
    is reset so many seconds later: two peers that wait for each other would do so for minutes."""
    direction: str
    fired: bool = dataclasses.field(default=False, init=False)
    patience: float | None = dataclasses.field(default=None, init=False)

    def octets(self, octets: bytes):
        """What is handed on of what came; raises Cut."""
        yield octets


@dataclasses.dataclass
class CutAfter(Fault):
    """A reset after so many octets."""
    count: int = 0

    def octets(self, octets):
        if len(octets) < self.count:
            self.count -= len(octets)
            yield octets
            return
        yield octets[:self.count]
        self.fired = True
        raise Cut


@dataclasses.dataclass
class Stall(Fault):
    """After so many octets nothing goes on for a time; then a reset."""
    count: int = 0
    seconds: float = 1.0

    def octets(self, octets):
        if len(octets) < self.count:
            self.count -= len(octets)
            yield octets
            return
        yield octets[:self.count]
        self.fired = True
        time.sleep(self.seconds)
        raise Cut


@dataclasses.dataclass
class AtTpkt(Fault):
    """Something happens to TPKT number `index` (the first is 0)."""
    index: int = 0
    held: bytes = dataclasses.field(default=b"", init=False, repr=False)
    seen: int = dataclasses.field(default=0, init=False, repr=False)

    def octets(self, octets):
        tpkts, self.held = split_tpkts(self.held + octets)
        for tpkt in tpkts:
            if self.seen == self.index:
                self.fired = True
                yield from self.change(tpkt)
            else:
                yield tpkt
            self.seen += 1

    def change(self, tpkt: bytes):
        raise Cut
        yield


class CutBefore(AtTpkt):
    """A reset at the boundary in front of it."""


class Duplicate(AtTpkt):
    def change(self, tpkt):
        yield tpkt + tpkt


class Drop(AtTpkt):
    def change(self, tpkt):
        yield b""


@dataclasses.dataclass
class Insert(AtTpkt):
    """Other octets come in front of it."""
    other: bytes = b""

    def change(self, tpkt):
        yield self.other + tpkt


@dataclasses.dataclass
class Rewrite(AtTpkt):
    """Octet `at` of it becomes another one; with `at` beyond its end, the last one."""
    at: int = 0
    value: int = 0

    def change(self, tpkt):
        changed = bytearray(tpkt)
        where = min(self.at, len(tpkt) - 1)
        changed[where] = self.value if changed[where] != self.value else self.value ^ 1
        yield bytes(changed)


@dataclasses.dataclass
class Lie(AtTpkt):
    """Its TPKT length says `by` more octets than there are."""
    by: int = 1

    def change(self, tpkt):
        yield tpkt[:2] + struct.pack("!H", (len(tpkt) + self.by) & 0xFFFF) + tpkt[4:]


class FaultProxy(Relay):
    def __init__(self, host="127.0.0.1"):
        self.target: int | None = None
        self.faults: list[Fault] = []
        self.fired: list[Fault] = []
        self.connections = 0
        self.passed = {TO_SERVER: 0, TO_CLIENT: 0}  # octets, of all connections
        self.tpkts = {TO_SERVER: 0, TO_CLIENT: 0}   # of the connection that had most, where it was in clear
        self._host = host
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        super().__init__(host)

    def cut_all(self):
        """Resets every connection there is."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            _cut(one)

    def stop(self):
        self.close_door()
        self.cut_all()

    def _target(self):
        return self._host, self.target or 1

    def _connected(self, client, server):
        with self._lock:
            self.connections += 1
            self._sockets += [client, server]
            fault = self.faults.pop(0) if self.faults else None
        for source, sink, direction in ((client, server, TO_SERVER), (server, client, TO_CLIENT)):
            mine = fault if fault is not None and fault.direction == direction else None
            threading.Thread(target=self._pump, args=(source, sink, direction, mine), daemon=True).start()

    def _pump(self, source, sink, direction, fault):
        count, rest = 0, b""
        try:
            while octets := source.recv(65536):
                tpkts, rest = split_tpkts(rest + octets)
                count += len(tpkts)
                self.tpkts[direction] = max(self.tpkts[direction], count)
                for piece in fault.octets(octets) if fault is not None and not fault.fired else (octets,):
                    sink.sendall(piece)
                    self.passed[direction] += len(piece)
                if self._note(fault) and fault.patience is not None:
                    threading.Timer(fault.patience, lambda: (_cut(source), _cut(sink))).start()
            sink.shutdown(socket.SHUT_WR)
        except Cut:
            self._note(fault)
            _cut(source), _cut(sink)
        except OSError:
            _cut(source), _cut(sink)

    def _note(self, fault) -> bool:
        """Whether it has happened just now."""
        with self._lock:
            new = fault is not None and fault.fired and not any(fault is each for each in self.fired)
            if new:
                self.fired.append(fault)
            return new


def _cut(one: socket.socket):
    reset(one, socket.SHUT_RDWR)
