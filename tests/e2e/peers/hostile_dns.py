"""A name server that misbehaves on request: UDP and TCP on one loopback port, a behaviour for each name.

It answers as a forwarder does, so that a resolver that is told of no other server asks it for everything. What it was not told of does not exist.
"""

import collections
import contextlib
import ipaddress
import os
import random
import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5
LONGEST = 65535  # RFC 1035 4.2.2: a message over TCP
_NAMES = {number: name for name, number in TYPES.items()}
_PLAIN_UDP = 1232  # what is longer is truncated
_THE_QUESTION = b"\xc0\x0c"  # RFC 1035 4.1.4: a pointer to the name asked for


class Question(collections.namedtuple("Question", "id name kind section")):
    """`section` is the question as it came, octet for octet."""

    @classmethod
    def parse(cls, packet: bytes):
        """None for what is no query with one question."""
        if len(packet) < 17 or packet[2] & 0x80 or packet[4:6] != b"\0\1":
            return None
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
            at += 1 + packet[at]
        number, = struct.unpack_from(">H", packet, at + 1)
        return cls(struct.unpack_from(">H", packet)[0], ".".join(labels), _NAMES.get(number, str(number)), packet[12:at + 5])


# Data of records: (type, octets).

def wire_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".") if label) + b"\0"


def txt(text: str):
    """In strings of 255 octets."""
    return strings(*[text[at:at + 255] for at in range(0, len(text), 255)])


def strings(*parts: str):
    return "TXT", b"".join(bytes([len(part)]) + part.encode() for part in parts)


def address(text: str):
    ip = ipaddress.ip_address(text)
    return ("A" if ip.version == 4 else "AAAA"), ip.packed


def pointer(name: str):
    return "PTR", wire_name(name)


def exchange(name: str, preference=10):
    return "MX", struct.pack(">H", preference) + wire_name(name)


def record(kind: str, data: bytes, owner: bytes = _THE_QUESTION, ttl=60) -> bytes:
    return owner + struct.pack(">HHIH", TYPES[kind], 1, ttl, len(data)) + data


def message(question: Question, answers=(), rcode=0, truncated=False, authority=(), additional=(), identity=None, section=None) -> bytes:
    """`answers` and the others: records as record() makes them."""
    flags = 0x8180 | (0x0200 if truncated else 0) | rcode  # QR, RD, RA
    return (struct.pack(">HHHHHH", question.id if identity is None else identity, flags, 1, len(answers), len(authority), len(additional))
            + (section or question.section) + b"".join([*answers, *authority, *additional]))


def _nothing(question: Question, rcode=0) -> bytes:
    """No such name, or no such data; RFC 2308 2: the SOA says how long that holds."""
    soa = wire_name("ns.example") + wire_name("host.example") + struct.pack(">IIIII", 1, 3600, 600, 86400, 60)
    return message(question, rcode=rcode, authority=[record("SOA", soa, b"\0")])


# Behaviours: what is done about a Question. `link` is a _Datagram or a _Stream.

def has(*data):
    """An honest server: the records of the type asked for, from txt() and the others; what is too long for UDP is truncated (RFC 2181 9)."""
    def behave(question, link):
        found = [record(kind, value) for kind, value in data if kind == question.kind]
        whole = message(question, found) if found else _nothing(question)
        link.send(message(question, truncated=True) if link.udp and len(whole) > _PLAIN_UDP else whole)
    return behave


def alias(target: str):
    """A CNAME, and nothing of where it leads."""
    def behave(question, link):
        link.send(message(question, [record("CNAME", wire_name(target))]))
    return behave


def endless(question, link):
    """Each name is an alias of a new one in its zone: 7.x leads to 8.x."""
    first, _, zone = question.name.partition(".")
    target = f"{int(first) + 1}.{zone}" if first.isdigit() else f"1.{question.name}"
    link.send(message(question, [record("CNAME", wire_name(target))]))


def code(rcode: int):
    def behave(question, link):
        link.send(_nothing(question, rcode) if rcode == NXDOMAIN else message(question, rcode=rcode))
    return behave


def silent(question, link):
    """Never answers; a connection stays open until the other side or the server ends it."""
    link.wait()


def truncated(then):
    """TC over UDP, however short the answer; `then` over TCP."""
    def behave(question, link):
        if link.udp:
            link.send(message(question, truncated=True))
        else:
            then(question, link)
    return behave


def reset(question, link):
    """Over TCP: the connection is reset instead of an answer."""
    link.reset()


def cut_off(size: int):
    """Over TCP: the connection ends after `size` octets of an answer that says it is longer."""
    def behave(question, link):
        whole = message(question, [record(*txt("v=spf1 +all"))])
        link.raw((struct.pack(">H", len(whole)) + whole)[:size])
        link.close()
    return behave


def drip(*data, every=0.25):
    """Over TCP: an honest answer, an octet each quarter of a second."""
    def behave(question, link):
        whole = message(question, [record(kind, value) for kind, value in data if kind == question.kind])
        with link.alone:
            for octet in struct.pack(">H", len(whole)) + whole:
                link.raw(bytes([octet]))
                if link.wait(every):
                    return
    return behave


def wrong_identity(*data):
    """An answer with another id (RFC 5452 9.1)."""
    def behave(question, link):
        for other in (1, 0x1234, 0x8000):
            link.send(message(question, [record(*one) for one in data], identity=question.id ^ other))
    return behave


def wrong_name(name: str, *data):
    """The right id, but the answer is to a question for another name."""
    def behave(question, link):
        link.send(message(question, [record(*one) for one in data], section=wire_name(name) + question.section[-4:]))
    return behave


def beside(name: str, *data):
    """The question asked, and in the answer only records of another name."""
    def behave(question, link):
        link.send(message(question, [record(*one, owner=wire_name(name)) for one in data]))
    return behave


def poison(victim: str, truth, *data):
    """An honest answer with records of somebody else's name in all three sections (RFC 2181 5.4.1)."""
    def behave(question, link):
        others = [record(*one, owner=wire_name(victim), ttl=3600) for one in data]
        link.send(message(question, [record(*truth), *others], authority=others, additional=others))
    return behave


def garbage(question, link):
    """Octets at random, of many lengths; the first two are right."""
    chance = random.Random(question.name)
    for size in (0, 1, 9, 10, 31, 200, 500, 1200):
        link.send(struct.pack(">H", question.id) + chance.randbytes(size))


def pointer_loop(question, link):
    """The name of the record is a pointer to itself (RFC 1035 4.1.4)."""
    link.send(message(question, [record(*txt("v=spf1 +all"), owner=struct.pack(">H", 0xC000 | 12 + len(question.section)))]))


def cut_short(*data):
    """Datagrams that end inside their record."""
    def behave(question, link):
        whole = message(question, [record(*one) for one in data])
        for missing in (1, 5, len(whole) - len(question.section) - 14):
            link.send(whole[:-missing])
    return behave


class _Datagram:
    udp = True

    def __init__(self, server, peer):
        self._server, self._peer = server, peer

    def send(self, packet: bytes):
        with contextlib.suppress(OSError):
            self._server.udp.sendto(packet, self._peer)

    def wait(self, seconds=None):
        """Returns at once: the datagrams behind this one are not kept waiting."""


class _Stream:
    """One question on a connection. Its answer may come behind later ones (RFC 7766 6.2.1.1), but no message inside another."""

    udp = False

    def __init__(self, connection, gone: threading.Event, alone: threading.RLock):
        self._connection, self._gone, self.alone = connection, gone, alone

    def send(self, packet: bytes):
        self.raw(struct.pack(">H", len(packet)) + packet)

    def raw(self, octets: bytes):
        with self.alone, contextlib.suppress(OSError):
            self._connection.sendall(octets)

    def close(self):
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def reset(self):
        with contextlib.suppress(OSError):
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self._connection.detach())

    def wait(self, seconds=None) -> bool:
        """Whether the connection ended meanwhile."""
        return self._gone.wait(seconds)


class HostileDns:
    """`table`: name -> behaviour, for each type; "*.example" is for all names below that have none of their own. With `tcp=False` connections are refused."""

    def __init__(self, table=None, tcp=True):
        self.table = dict(table or {})
        self.asked: list[tuple[str, str, str]] = []  # name, type, "udp" or "tcp"
        self._stopping = False
        self._gone: list[threading.Event] = []
        self.listener, self.udp = _one_port()
        self.port = self.udp.getsockname()[1]
        if tcp:
            self.listener.listen(128)
            self._start(self._accept)
        else:
            self.listener.close()
        self._start(self._receive)

    @property
    def forwarder(self) -> str:
        """As `dns.servers` has it."""
        return f"127.0.0.1@{self.port}"

    def questions(self, name: str, transport=None) -> list[str]:
        """The types that were asked for at a name."""
        return [kind for asked, kind, by in self.asked if asked == name and transport in (None, by)]

    def stop(self):
        self._stopping = True
        for gone in self._gone:
            gone.set()
        for one in (self.udp, self.listener):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _start(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _behaviour(self, name: str):
        if name in self.table:
            return self.table[name]
        while name:
            name = name.partition(".")[2]
            if f"*.{name}" in self.table:
                return self.table[f"*.{name}"]
        return code(NXDOMAIN)

    def _answer(self, packet: bytes, link):
        question = Question.parse(packet)
        if question:
            self.asked.append((question.name, question.kind, "udp" if link.udp else "tcp"))
            self._behaviour(question.name)(question, link)

    def _receive(self):
        while not self._stopping:
            try:
                packet, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            self._answer(packet, _Datagram(self, peer))

    def _accept(self):
        while not self._stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection):
        """RFC 7766 6.2.1: several questions may come on one connection."""
        gone, alone = threading.Event(), threading.RLock()
        self._gone.append(gone)
        with connection, contextlib.suppress(OSError):
            stream = connection.makefile("rb")
            while size := stream.read(2):
                self._start(self._answer, stream.read(int.from_bytes(size, "big")), _Stream(connection, gone, alone))
        gone.set()


def _one_port():
    """A TCP and a UDP socket on the same number."""
    for _ in range(50):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        datagrams = socket.socket(type=socket.SOCK_DGRAM)
        try:
            datagrams.bind(listener.getsockname())
        except OSError:
            listener.close()
            datagrams.close()
            continue
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        return listener, datagrams
    raise AssertionError("no port is free for both UDP and TCP")
