"""SmtpSink: a next hop that records exactly what it was sent and misbehaves on request.

    sink = SmtpSink()                               # accepts everything, plain
    sink = SmtpSink(tls=certificate)                # offers STARTTLS, TLS 1.3 only unless max_tls says otherwise
    sink.on("RCPT", "450 4.2.1 mailbox busy")       # from now on; None takes it back
    sink.once("EOM", Reset())                       # the next time only
    sink.pause(); sink.resume()                     # refuses connections, then listens again on the same port
    SmtpSink(tls=certificate, users={"me": "secret"})  # wants a login (AUTH PLAIN, inside TLS only); .logins holds the names that got in
    SmtpSink(idle=0.5)                              # ends a connection with 421 when nothing is said for so long

Moments: CONNECT EHLO LHLO STARTTLS MAIL RCPT DATA EOM (end of message, for DATA and BDAT) RSET QUIT, and MID (while the content arrives).
What may stand at a moment: a reply line, a list of lines, Close(), Reset(), Stall(seconds), Swallow() or a callable(verb, argument) that returns one of these.
"""

import base64
import contextlib
import dataclasses
import socket
import ssl
import struct
import threading
import time

from .base import wait_until


@dataclasses.dataclass
class Close:
    """End the connection politely (FIN), without a reply."""


@dataclasses.dataclass
class Reset:
    """End the connection with RST."""


@dataclasses.dataclass
class Stall:
    """Say nothing for so long, then go on normally."""
    seconds: float


@dataclasses.dataclass
class Swallow:
    """At EOM: take the message, and end the connection before the reply gets out."""


@dataclasses.dataclass
class Delivery:
    """One message as it came over the wire, transparency dots removed."""
    helo: str
    mail_from: str
    mail_parameters: list[str]
    recipients: list[str]
    recipient_parameters: list[list[str]]
    content: bytes
    tls: str | None
    cipher: str | None
    client_certificate: bytes | None
    how: str
    connection: int
    time: float


class _Gone(Exception):
    pass


class SmtpSink:
    CAPABILITIES = ("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES")

    def __init__(self, tls=None, lmtp=False, capabilities=CAPABILITIES, max_tls=None, client_ca=None, implicit_tls=False, host="127.0.0.1", port=0,
                 users=None, idle=None):
        self.lmtp = lmtp
        self.capabilities = list(capabilities)
        self.implicit_tls = implicit_tls
        self.users, self.idle = users, idle
        self.logins: list[str] = []
        self.messages: list[Delivery] = []
        self.connections = 0
        self.open_connections = 0
        self.most_open_connections = 0
        self.commands: list[str] = []
        self._sticky, self._single = {}, {}
        self._lock = threading.Lock()
        self._sockets = set()
        self._context = self._server_context(tls, max_tls, client_ca) if tls else None
        self.host, self.port = host, port
        self._listener = self._place = None
        self.resume()

    @staticmethod
    def _server_context(tls, max_tls, client_ca):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2 if max_tls else ssl.TLSVersion.TLSv1_3
        if max_tls:
            context.maximum_version = max_tls
        context.load_cert_chain(tls.cert, tls.key)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    # What tests say to it.

    def on(self, moment, action):
        with self._lock:
            if action is None:
                self._sticky.pop(moment, None)
            else:
                self._sticky[moment] = action

    def once(self, moment, *actions):
        with self._lock:
            self._single.setdefault(moment, []).extend(actions)

    def pause(self):
        """From now on connections are refused, and open ones are cut. A paused sink keeps its port: bound, but nobody listens."""
        if self._listener:
            self._cut()
            self._place = self._bound()

    def _cut(self):
        if self._listener:
            listener, self._listener = self._listener, None
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def resume(self):
        listener, self._place = self._place or self._bound(), None
        listener.listen(256)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _bound(self):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((self.host, self.port))
        return made

    def stop(self):
        self._cut()
        if self._place:
            self._place.close()
            self._place = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait(self, count=1, seconds=20.0, details=None) -> list[Delivery]:
        """At least `count` messages, in order of arrival."""
        wait_until(lambda: len(self.messages) >= count, f"{count} message(s) at the sink (it has {len(self.messages)}; last commands: "
                   f"{self.commands[-12:]})", seconds, details=details)
        return list(self.messages)

    def for_recipient(self, address, seconds=20.0, details=None) -> Delivery:
        def found():
            return next((m for m in list(self.messages) if address in m.recipients), None)
        return wait_until(found, f"a message for {address} at the sink (last commands: {self.commands[-12:]})", seconds, details=details)

    def clear(self):
        self.messages.clear()
        self.commands.clear()

    # The server.

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self._lock:
            self.connections += 1
            self.open_connections += 1
            self.most_open_connections = max(self.most_open_connections, self.open_connections)
            number = self.connections
            self._sockets.add(connection)
        session = _Session(self, connection, number)
        try:
            connection.settimeout(120)
            session.run()
        except (_Gone, OSError):
            pass
        finally:
            with self._lock:
                self.open_connections -= 1
                self._sockets.discard(connection)
            with contextlib.suppress(OSError):
                session.socket.close()

    def _action(self, moment, argument):
        with self._lock:
            queued = self._single.get(moment)
            action = queued.pop(0) if queued else self._sticky.get(moment)
        return action(moment, argument) if callable(action) else action


class _Session:
    def __init__(self, sink: SmtpSink, connection, number):
        self.sink, self.socket, self.number = sink, connection, number
        self.buffer = bytearray()
        self.helo = ""
        self.quit = False
        self.user = None
        self._forget()

    def _forget(self):
        self.sender, self.sender_parameters, self.recipients, self.recipient_parameters, self.chunks = None, [], [], [], []

    def run(self):
        if self.sink.implicit_tls:
            self._start_tls()
        self._answer("CONNECT", "", "220 sink.example ESMTP")
        while not self.quit:
            try:
                self.socket.settimeout(self.sink.idle or 120)
                line = self._line().decode("utf-8", "surrogateescape")
                self.socket.settimeout(120)
            except TimeoutError:
                return self._write("421 4.4.2 idle for too long")
            self.sink.commands.append(line)
            verb, _, argument = line.partition(" ")
            handler = getattr(self, f"_do_{verb.lower()}", None)
            if handler:
                handler(argument)
            else:
                self._write("500 5.5.1 unknown command")

    # Bytes.

    def _fill(self):
        more = self.socket.recv(65536)
        if not more:
            raise _Gone
        self.buffer += more

    def _line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            self._fill()
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def _write(self, reply):
        lines = [reply] if isinstance(reply, str) else reply
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _answer(self, moment, argument, normal) -> str:
        """Writes what the script says for this moment, or the normal reply; returns the reply's first line."""
        action = self._scripted(moment, argument)
        reply = normal if action is None else action
        self._write(reply)
        return reply if isinstance(reply, str) else reply[0]

    def _scripted(self, moment, argument):
        action = self.sink._action(moment, argument)
        if isinstance(action, Stall):
            time.sleep(action.seconds)
            return None
        if isinstance(action, Close):
            raise _Gone
        if isinstance(action, Reset):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            raise _Gone
        return action

    # Commands.

    def _greet(self, verb, argument):
        self.helo = argument
        self._forget()
        offered = list(self.sink.capabilities)
        if self.sink._context and not isinstance(self.socket, ssl.SSLSocket):
            offered.append("STARTTLS")
        if self.sink.users is not None and isinstance(self.socket, ssl.SSLSocket):
            offered.append("AUTH PLAIN")
        names = ["sink.example", *offered]
        self._answer(verb, argument, [f"250{'-' if i + 1 < len(names) else ' '}{name}" for i, name in enumerate(names)])

    def _do_ehlo(self, argument):
        self._greet("EHLO", argument)

    def _do_lhlo(self, argument):
        self._greet("LHLO", argument)

    def _do_helo(self, argument):
        self.helo = argument
        self._forget()
        self._answer("HELO", argument, "250 sink.example")

    def _do_starttls(self, argument):
        if not self._answer("STARTTLS", argument, "220 2.0.0 go ahead").startswith("220"):
            return
        self._start_tls()

    def _start_tls(self):
        self.buffer.clear()
        self.socket = self.sink._context.wrap_socket(self.socket, server_side=True)
        self.socket.settimeout(120)

    def _do_auth(self, argument):
        mechanism, _, initial = argument.partition(" ")
        if mechanism != "PLAIN" or not isinstance(self.socket, ssl.SSLSocket):
            return self._write("504 5.5.4 no")
        _, user, password = base64.b64decode(initial).decode().split("\0")
        good = self.sink.users.get(user) == password
        if good:
            self.user = user
            self.sink.logins.append(user)
        self._write("235 2.7.0 welcome" if good else "535 5.7.8 wrong user or password")

    def _do_mail(self, argument):
        if self.sink.users is not None and self.user is None:
            return self._write("530 5.7.0 log in first")
        path, parameters = self._path(argument, "FROM:")
        if self._answer("MAIL", argument, "250 2.1.0 ok").startswith("2"):
            self.sender, self.sender_parameters = path, parameters

    def _do_rcpt(self, argument):
        path, parameters = self._path(argument, "TO:")
        if self._answer("RCPT", argument, "250 2.1.5 ok").startswith("2"):
            self.recipients.append(path)
            self.recipient_parameters.append(parameters)

    @staticmethod
    def _path(argument, prefix):
        assert argument.upper().startswith(prefix), f"the client sent a malformed path: {argument!r}"
        path, *parameters = argument[len(prefix):].split(" ")
        return path.strip("<>"), parameters

    def _do_data(self, argument):
        if not self.recipients:
            return self._write("503 5.5.1 no recipients")
        if not self._answer("DATA", argument, "354 go ahead").startswith("354"):
            return self._forget()
        self._scripted("MID", argument)
        self.buffer[:0] = b"\r\n"  # so that an empty message, and a dot on the first line, need no special case
        searched = 0
        while (end := self.buffer.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(self.buffer) - 4)
            self._fill()
        wire = bytes(self.buffer[:end])
        del self.buffer[:end + 5]
        self._finish((wire + b"\r\n").replace(b"\r\n.", b"\r\n")[2:], "DATA")

    def _do_bdat(self, argument):
        size, *last = argument.split()
        if not self.chunks:
            self._scripted("MID", argument)
        while len(self.buffer) < int(size):
            self._fill()
        self.chunks.append(bytes(self.buffer[:int(size)]))
        del self.buffer[:int(size)]
        if last:
            self._finish(b"".join(self.chunks), "BDAT")
        else:
            self._write("250 2.0.0 chunk received")

    def _finish(self, content, how):
        secured = isinstance(self.socket, ssl.SSLSocket)
        delivery = Delivery(self.helo, self.sender, self.sender_parameters, self.recipients, self.recipient_parameters, content,
                            self.socket.version() if secured else None, self.socket.cipher()[0] if secured else None,
                            self.socket.getpeercert(True) if secured else None, how, self.number, time.time())
        replies = []
        for recipient in (self.recipients if self.sink.lmtp else ["all"]):
            action = self._scripted("EOM", recipient)
            if isinstance(action, Swallow):
                self.sink.messages.append(delivery)
                raise _Gone
            replies.append("250 2.0.0 taken" if action is None else action)
        accepted = [r.startswith("2") for r in replies]
        if any(accepted):
            if self.sink.lmtp:
                delivery.recipients = [r for r, ok in zip(self.recipients, accepted) if ok]
            self.sink.messages.append(delivery)
        for reply in replies:
            self._write(reply)
        self._forget()

    def _do_rset(self, argument):
        self._forget()
        self._answer("RSET", argument, "250 2.0.0 ok")

    def _do_noop(self, argument):
        self._write("250 2.0.0 ok")

    def _do_quit(self, argument):
        self._answer("QUIT", argument, "221 2.0.0 bye")
        self.quit = True
