"""An MTA that behaves on the wire as PP 6 over ISODE 8 does in the shared capture (`pp-p1-1988-normal.pcap`), answering and calling, on real
sockets of the loopback. It shares no code with the product, insists that what it gets is right, and misbehaves on request.

Answering:
    with PpMta(Behaviour(name="mta-b", password=b"secret", peer_name="mta-a", peer_password=b"secret")) as mta:
        ... something binds to mta.port, T-selector "x400n" (1988 normal mode), "x400o" (1988, X.410 mode) or "x40084" (1984) ...
        transfer = mta.wait()[0]
        transfer.envelope, transfer.content, transfer.message      # octets, octets, x400_values.Message/Probe/Report
        mta.complaints == []                                       # what it did not like of what came, in words
    mta.faults.once("AEA", Reset())       # misbehave: see pp_faults for the moments and what may stand there
    mta.behaviour.refuse_bind = BUSY      # or another MTABindError

Calling:
    with connect(port, Behaviour(name="mta-a"), mode=NORMAL_1988) as caller:
        caller.send_apdu(message.encode())
    caller.send_apdu(apdu, pieces=2, then="interrupt")             # or "discard", or "leave": then caller.abort(), .transport.reset() ...
    caller.resume(caller.unfinished)                               # here, or on connect(..., recover=activity), or on a new association
    connect(..., faults=Faults().once("DT", WrongContext(7)))

A caller raises Refused, Aborted, NotTaken, Gone or WireError; WireError says what of the answer is wrong. An answerer that finds something
wrong notes it in `complaints` and ends the association with a provider abort.

Limits: monologue only (as PP); one association is one thread; what it cannot do is P3, P7 and strong credentials.
"""

import contextlib
import socket
import threading

from . import ber
from .base import wait_until
from .osi_wire import WireError
from .pp_answerer import Answerer, Collected, Transfer
from .pp_association import Aborted, Activity, Caller, NotTaken, Refused
from .pp_faults import (Behaviour, Close, Damage, ExceptionReport, Fault, Faults, Gone, HugeLength, Instead, ProviderAbort, RawOctets, Reset, Silence,
                        Stall, Truncate, Twice, UserAbort, WrongContext, WrongSpdu)
from .upper_wire import AUTHENTICATION, BUSY, CONTEXTS, MODES, NORMAL_1988, P1_1984, X410_1988, Mode

__all__ = ["AUTHENTICATION", "BUSY", "CONTEXTS", "MODES", "NORMAL_1988", "P1_1984", "X410_1988", "Aborted", "Activity", "Answerer", "Behaviour",
           "Caller", "Close", "Collected", "Damage", "ExceptionReport", "Fault", "Faults", "Gone", "HugeLength", "Instead", "Mode", "NotTaken",
           "PpMta", "ProviderAbort", "RawOctets", "Refused", "Reset", "Silence", "Stall", "Transfer", "Truncate", "Twice", "UserAbort", "WireError",
           "WrongContext", "WrongSpdu", "connect"]

_references = iter(range(0x4880, 0xFFFF))  # f1234, f1236: any number that is not in use
_lock = threading.Lock()


def _next_reference() -> int:
    with _lock:
        return next(_references)


class PpMta:
    """The answering side: a server with any number of associations at once."""

    def __init__(self, behaviour: Behaviour | None = None, modes: tuple[Mode, ...] = MODES, port: int = 0, host: str = "127.0.0.1", tls=None):
        """`tls` is an ssl.SSLContext of a server, if the associations go over TLS."""
        self.behaviour, self.modes, self._tls = behaviour or Behaviour(), modes, tls
        self.faults = Faults()
        self.transfers: list[Transfer] = []
        self.complaints: list[str] = []
        self.ends: list[str] = []  # how associations ended that were not released: aborts and cuts
        self.finished = 0  # associations that are over, however they ended
        self.discarded: list[int] = []  # activities
        self.parked: dict[tuple[bytes, bytes, int], Collected] = {}  # unfinished activities, by session connection and number
        self.associations: list[Answerer] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for association in list(self.associations):
            association.transport.close()
        self.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def join(self, seconds: float = 10.0):
        """Until all associations that began have ended."""
        for thread in list(self._threads):
            thread.join(seconds)

    def wait_finished(self, count: int = 1, seconds: float = 20.0) -> "PpMta":
        """Until so many associations are over."""
        wait_until(lambda: self.finished >= count, f"{count} association(s) of PP to end, {self.finished} did", seconds, details=self._story)
        return self

    def wait(self, count: int = 1, seconds: float = 20.0) -> list[Transfer]:
        """At least `count` transfers, in order of arrival."""
        wait_until(lambda: len(self.transfers) >= count, f"{count} transfer(s) at PP", seconds, details=self._story)
        return list(self.transfers)

    def take(self, transfer: Transfer):
        """Called by an association when an APDU is whole, before its end is confirmed."""
        self.transfers.append(transfer)

    def _story(self) -> str:
        return "\n".join([f"transfers {len(self.transfers)}, complaints {self.complaints}, ends {self.ends}",
                          *(f"  {' '.join(association.log)}" for association in self.associations)])

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket):
        try:
            connection = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
        except OSError as error:
            self.ends.append(f"no TLS: {error}")
            self.finished += 1
            return
        association = Answerer(connection, self.behaviour, self.faults, _next_reference(), self)
        self.associations.append(association)
        try:
            association.run()
        except (WireError, ber.BerError) as error:
            self.complaints.append(str(error))
            with contextlib.suppress(Gone):
                association.abort(None)
        except (Aborted, Gone) as error:
            self.ends.append(str(error))
        finally:
            association.transport.close()
            self.finished += 1


@contextlib.contextmanager
def connect(port: int, behaviour: Behaviour | None = None, mode: Mode = NORMAL_1988, faults: Faults | None = None, selector: bytes | None = None,
            recover: Activity | None = None, host: str = "127.0.0.1", tls=None):
    """The calling side, bound. At the end of the block it is released, unless it is over already or the block failed. `tls` is an
    ssl.SSLContext of a client."""
    behaviour = behaviour or Behaviour(name="mta-a")
    connection = socket.create_connection((host, port))
    connection = tls.wrap_socket(connection, server_hostname=host) if tls else connection
    caller = Caller(connection, behaviour, faults or Faults(), _next_reference())
    try:
        caller.open(mode, selector, recover)
        yield caller
        if not caller.transport.closed:
            caller.release()
    finally:
        caller.transport.close()
