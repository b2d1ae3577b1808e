"""RFC 1006 on a socket, for pp_mta: TSDUs out and in, with what is needed to cut a connection at any octet."""

import contextlib
import socket
import struct
import time

from . import osi_wire as osi
from .osi_wire import WireError
from .pp_faults import Gone

MAX_TSDU = 64 << 20


class Transport:
    """COTP class 0 over one socket. `size` is the TPDU size in octets that both agreed on."""

    def __init__(self, connection: socket.socket, behaviour):
        connection.settimeout(behaviour.timeout)
        self._socket, self._behaviour = connection, behaviour
        self._buffer = bytearray()
        self._written = self._read = 0
        self.size = 1 << behaviour.tpdu_size
        self.reference = self.remote_reference = 0
        self.called = self.calling = b""
        self.closed = False

    # Setting up.

    def call(self, selector: bytes, reference: int, hook):
        """CR, and the CC for it."""
        self.reference = reference
        self._send_control(hook("CR", osi.connect_request(reference, selector, size=self._behaviour.tpdu_size)))
        answer = self.read_tpdu()
        if answer.name == "DR":
            raise Gone(f"the other refused the transport connection to {selector!r}, reason {answer.reason}")
        if answer.name != "CC" or answer.destination != reference or not answer.source:
            raise WireError(f"COTP: {answer} in answer to a CR with reference {reference:#06x}")
        self.remote_reference = answer.source
        self._agree(answer)

    def answer(self, reference: int, hook, known=None):
        """A CR, and the CC for it. `known` are the selectors that exist."""
        request = self.read_tpdu()
        if request.name != "CR" or request.destination or not request.source:
            raise WireError(f"COTP: {request} is no CR")
        self.reference, self.remote_reference = reference, request.source
        self.called, self.calling = request.parameter(osi.P_CALLED) or b"", request.parameter(osi.P_CALLING) or b""
        if known is not None and self.called not in known:
            self.write(osi.disconnect_request(self.remote_reference, 0, 2))  # X.224 13.5.3: session entity not attached
            raise WireError(f"COTP: nobody listens at the called T-selector {self.called!r}")
        self._agree(request)
        self._send_control(hook("CC", osi.connect_confirm(request.source, reference, self.size.bit_length() - 1)))

    def _agree(self, tpdu: osi.Tpdu):
        offered = tpdu.parameter(osi.P_SIZE)
        if offered is not None and (len(offered) != 1 or not 7 <= offered[0] <= 13):
            raise WireError(f"COTP {tpdu.name}: TPDU size {offered.hex()}, 07 to 0d are right (X.224 13.3.4)")
        exponent = offered[0] if offered else 16  # RFC 1006: without the parameter 65531
        if tpdu.name == "CC" and offered and exponent > self._behaviour.tpdu_size:
            raise WireError(f"COTP CC: TPDU size {exponent} is more than the {self._behaviour.tpdu_size} that was offered")
        self.size = min(self.size, 1 << exponent)

    def _send_control(self, octets: bytes | None):
        if octets is not None:
            self.write(octets)

    # Data.

    def write_tsdu(self, tsdu: bytes):
        for tpdu in osi.data_tpdus(tsdu, self.size):
            self.write(tpdu)

    def read_tsdu(self) -> bytes | None:
        """The next TSDU; None when the other disconnected in order (DR or the end of the stream between TPDUs)."""
        tsdu = bytearray()
        while True:
            tpdu = self.read_tpdu(may_end=not tsdu)
            if tpdu is None or tpdu.name == "DR":
                if tsdu:
                    raise WireError("COTP: the connection ends inside a TSDU")
                return None
            if tpdu.name != "DT":
                raise WireError(f"COTP: {tpdu.name} on an open connection: {tpdu}")
            tsdu += tpdu.data
            if len(tsdu) > MAX_TSDU:
                raise WireError(f"COTP: a TSDU of more than {MAX_TSDU} octets")
            if tpdu.last:
                return bytes(tsdu)

    def read_tpdu(self, may_end: bool = False) -> osi.Tpdu | None:
        header = self._exactly(4, may_end)
        if header is None:
            return None
        size = int.from_bytes(header[2:4], "big")
        if header[:2] != b"\x03\0" or size < 7:
            raise WireError(f"TPKT: {header.hex()}, 03 00 and a length of 7 or more are right (RFC 1006 6)")
        if self.remote_reference and size - 4 > self.size:
            raise WireError(f"TPKT: a TPDU of {size - 4} octets, {self.size} were agreed on")
        return osi.read_tpdu(self._exactly(size - 4, False))

    def _exactly(self, count: int, may_end: bool) -> bytes | None:
        while len(self._buffer) < count:
            more = self._receive()
            if not more:
                if may_end and not self._buffer:
                    return None
                raise Gone(f"the other closed the TCP connection {count - len(self._buffer)} octets before the end of a TPDU")
            self._buffer += more
        octets = bytes(self._buffer[:count])
        del self._buffer[:count]
        return octets

    def _receive(self) -> bytes:
        limit = self._behaviour.cut_after_receiving
        room = 65536 if limit is None else min(65536, limit - self._read)
        if room <= 0:
            self.reset()
            raise Gone(f"cut on purpose after {limit} octets received")
        try:
            more = self._socket.recv(room)
        except TimeoutError as error:
            raise Gone(f"the other was silent for {self._behaviour.timeout:g} s") from error
        except OSError as error:
            raise Gone(f"the TCP connection is gone: {error.strerror}") from error
        self._read += len(more)
        return more

    def write(self, octets: bytes):
        limit = self._behaviour.cut_after_sending
        cut = limit is not None and self._written + len(octets) >= limit
        try:
            self._socket.sendall(octets[:limit - self._written] if cut else octets)
        except OSError as error:
            raise Gone(f"the TCP connection is gone: {error.strerror}") from error
        self._written += len(octets)
        if cut:
            self.reset()
            raise Gone(f"cut on purpose after {limit} octets sent")

    def disconnect(self, hook):
        """The initiator's DR after a release (f33), and the end."""
        with contextlib.suppress(Gone):
            self._send_control(hook("DR", osi.disconnect_request(self.remote_reference, self.reference)))
        self.close()

    def close_heard(self, seconds: float = 2):
        """Ends our direction first and reads on until the other ends its own, for at most `seconds`. A close with octets still unread is an
        RST, which may take away from the other what was said last."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(seconds)
            while time.monotonic() < deadline and self._socket.recv(65536):
                pass
        self.close()

    def close(self):
        self.closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def reset(self):
        """RST. What the other has not read yet may be lost with it, as in a real crash."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
