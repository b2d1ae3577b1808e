"""BER by hand: a small reader and writer of X.690 that shares nothing with the product, so that the peers are strangers to it.

A tag is written as its class letter and number: "U16" SEQUENCE, "U17" SET, "C0" [0], "A3" [APPLICATION 3], "P1" [PRIVATE 1].

    ber.cons("C0", ber.integer(1), ber.ia5("x"))     a constructed element, definite length
    ber.prim("C0", b"\\x01")                          a primitive one
    ber.indefinite("C0", ...)                        the same with an indefinite length, as ISODE writes them
    node = ber.parse(octets)                         exactly one element; BerError with the offset of what is wrong
    node.get("C0"), node.want("C0"), node.children, node.octets, node.integer, node.text, node.oid, node.bits
"""

import dataclasses

MAX_DEPTH = 64
_CLASSES = "UACP"


class BerError(ValueError):
    """What is wrong, and at which octet."""


# Writing.

def identifier(tag: str, constructed: bool) -> bytes:
    number = int(tag[1:])
    first = _CLASSES.index(tag[0]) << 6 | (0x20 if constructed else 0)
    if number < 31:
        return bytes([first | number])
    digits = _base128(number)
    return bytes([first | 31]) + digits


def _base128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.insert(0, number & 0x7F | 0x80)
    return bytes(digits)


def length(count: int) -> bytes:
    """Definite, in as few octets as possible."""
    if count < 128:
        return bytes([count])
    digits = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def prim(tag: str, content: bytes) -> bytes:
    return identifier(tag, False) + length(len(content)) + content


def cons(tag: str, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return identifier(tag, True) + length(len(content)) + content


def indefinite(tag: str, *parts: bytes) -> bytes:
    return identifier(tag, True) + b"\x80" + b"".join(parts) + b"\0\0"


def seq(*parts: bytes) -> bytes:
    return cons("U16", *parts)


def set_(*parts: bytes) -> bytes:
    return cons("U17", *parts)


def integer(value: int, tag: str = "U2") -> bytes:
    return prim(tag, value.to_bytes(value.bit_length() // 8 + 1 if value >= 0 else (value + 1).bit_length() // 8 + 1, "big", signed=True))


def enumerated(value: int, tag: str = "U10") -> bytes:
    return integer(value, tag)


def boolean(value: bool, tag: str = "U1") -> bytes:
    return prim(tag, b"\xff" if value else b"\0")


def null(tag: str = "U5") -> bytes:
    return prim(tag, b"")


def octets(value: bytes, tag: str = "U4") -> bytes:
    return prim(tag, value)


def text(value: str, tag: str, codec: str = "latin-1") -> bytes:
    return prim(tag, value.encode(codec))


def printable(value: str, tag: str = "U19") -> bytes:
    return text(value, tag, "ascii")


def ia5(value: str, tag: str = "U22") -> bytes:
    return text(value, tag, "ascii")


def numeric(value: str, tag: str = "U18") -> bytes:
    return text(value, tag, "ascii")


def teletex(value: str, tag: str = "U20") -> bytes:
    return text(value, tag)


def utctime(value: str, tag: str = "U23") -> bytes:
    return text(value, tag, "ascii")


def bits(positions, width: int = 0, tag: str = "U3") -> bytes:
    """A BIT STRING with these bits set, bit 0 first; at least `width` bits long."""
    count = max([width, *(p + 1 for p in positions)])
    value = bytearray((count + 7) // 8)
    for position in positions:
        value[position // 8] |= 0x80 >> position % 8
    return prim(tag, bytes([-count % 8]) + bytes(value))


def oid(dotted: str, tag: str = "U6") -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return prim(tag, b"".join(map(_base128, (first * 40 + second, *rest))))


# Reading.

@dataclasses.dataclass(frozen=True)
class Node:
    """One element. `raw` is the whole of it, `content` what stands between its length and its end."""
    tag: str
    constructed: bool
    indefinite: bool
    raw: bytes
    content: bytes
    children: tuple["Node", ...]
    at: int

    def get(self, tag: str) -> "Node | None":
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> "list[Node]":
        return [child for child in self.children if child.tag == tag]

    def want(self, *path: str) -> "Node":
        """The element at the end of a path of tags."""
        node = self
        for tag in path:
            found = node.get(tag)
            if found is None:
                raise BerError(f"{node.tag} at octet {node.at} has no {tag}, only {[child.tag for child in node.children]}")
            node = found
        return node

    def only(self) -> "Node":
        if len(self.children) != 1:
            raise BerError(f"{self.tag} at octet {self.at} holds {len(self.children)} elements, one is right")
        return self.children[0]

    def expect(self, *tags: str) -> "Node":
        if self.tag not in tags:
            raise BerError(f"octet {self.at}: found {self.tag}, {' or '.join(tags)} is right")
        return self

    @property
    def octets(self) -> bytes:
        """The value of a string, in one piece or in segments."""
        return b"".join(child.octets for child in self.children) if self.constructed else self.content

    @property
    def text(self) -> str:
        return self.octets.decode("latin-1")

    @property
    def integer(self) -> int:
        if self.constructed or not self.content:
            raise BerError(f"octet {self.at}: {self.tag} is no INTEGER")
        return int.from_bytes(self.content, "big", signed=True)

    @property
    def boolean(self) -> bool:
        return self.integer != 0

    @property
    def bits(self) -> frozenset[int]:
        value = self.octets
        if not value or value[0] > 7 or (len(value) == 1 and value[0]):
            raise BerError(f"octet {self.at}: {self.tag} is no BIT STRING")
        return frozenset(p for p in range((len(value) - 1) * 8 - value[0]) if value[1 + p // 8] & 0x80 >> p % 8)

    @property
    def oid(self) -> str:
        arcs, value = [], 0
        if self.constructed or not self.content or self.content[-1] & 0x80:
            raise BerError(f"octet {self.at}: {self.tag} is no OBJECT IDENTIFIER")
        for octet in self.content:
            value = value << 7 | octet & 0x7F
            if not octet & 0x80:
                arcs.append(value)
                value = 0
        root = min(arcs[0] // 40, 2)
        return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def indefinite_at(self) -> list[int]:
        """Where an indefinite length stands, for those who must write definite ones."""
        return [node.at for node in self.walk() if node.indefinite]

    def __str__(self):
        inner = " ".join(map(str, self.children)) if self.constructed else self.content.hex()
        return f"{self.tag}({inner})"


def parse(data: bytes) -> Node:
    """Exactly one element, nothing behind it."""
    node, end = read(data, 0)
    if end != len(data):
        raise BerError(f"octet {end}: {len(data) - end} octets stand behind the end of {node.tag}")
    return node


def parse_all(data: bytes) -> list[Node]:
    nodes, at = [], 0
    while at < len(data):
        node, at = read(data, at)
        nodes.append(node)
    return nodes


def read(data: bytes, at: int, end: int | None = None, depth: int = 0) -> tuple[Node, int]:
    """The element at `at`, and where it ends."""
    end = len(data) if end is None else end
    if depth > MAX_DEPTH:
        raise BerError(f"octet {at}: nested deeper than {MAX_DEPTH}")
    tag, constructed, body = _read_identifier(data, at, end)
    size, body = _read_length(data, body, end)
    if size is None:
        if not constructed:
            raise BerError(f"octet {at}: primitive {tag} of indefinite length")
        children, stop = _read_until_eoc(data, body, end, depth)
        return Node(tag, True, True, data[at:stop], data[body:stop - 2], tuple(children), at), stop
    stop = body + size
    if stop > end:
        raise BerError(f"octet {at}: {tag} claims {size} octets, {end - body} are there")
    children = []
    inner = body
    while constructed and inner < stop:
        child, inner = read(data, inner, stop, depth + 1)
        children.append(child)
    return Node(tag, constructed, False, data[at:stop], data[body:stop], tuple(children), at), stop


def _read_until_eoc(data, at, end, depth):
    children = []
    while data[at:at + 2] != b"\0\0":
        if at >= end:
            raise BerError(f"octet {at}: the end of an indefinite length is missing")
        child, at = read(data, at, end, depth + 1)
        children.append(child)
    return children, at + 2


def _read_identifier(data, at, end):
    if at >= end:
        raise BerError(f"octet {at}: an element is missing")
    first, after = data[at], at + 1
    number = first & 31
    if number == 31:
        number = 0
        while True:
            if after >= end or after - at > 4:
                raise BerError(f"octet {at}: the tag does not end")
            number = number << 7 | data[after] & 0x7F
            after += 1
            if not data[after - 1] & 0x80:
                break
    return f"{_CLASSES[first >> 6]}{number}", bool(first & 0x20), after


def _read_length(data, at, end):
    if at >= end:
        raise BerError(f"octet {at}: a length is missing")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first == 0x80:
        return None, at + 1
    count = first & 0x7F
    if count > 8 or at + 1 + count > end:
        raise BerError(f"octet {at}: a length of {count} octets")
    return int.from_bytes(data[at + 1:at + 1 + count], "big"), at + 1 + count
