"""A raw SMTP connection: says what it is told, byte for byte, and reads whole replies."""

import re
import socket
import ssl


class Reply:
    def __init__(self, lines: list[str]):
        self.lines = lines
        self.code = int(lines[-1][:3])

    @property
    def enhanced(self) -> str | None:
        """The RFC 2034 status, "5.7.0"."""
        found = re.match(r"\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b", self.lines[-1])
        return found.group(1) if found else None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self):
        return self.text


class Closed(Exception):
    """The server ended the connection."""


class RawSmtp:
    def __init__(self, port: int, timeout=15.0, greeting=True, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.greeting = self.reply() if greeting else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data: bytes | str):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def reply(self) -> Reply:
        lines = []
        while True:
            line = self._line().decode("utf-8", "replace")
            assert re.match(r"\d{3}[ -]", line), f"not an SMTP reply line: {line!r}"
            lines.append(line)
            if line[3] == " ":
                return Reply(lines)

    def _line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(f"the server closed the connection; unread: {self.buffer!r}")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def command(self, line: bytes | str) -> Reply:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def expect(self, line: bytes | str, code: int) -> Reply:
        reply = self.command(line)
        assert reply.code == code, f"{line!r} was answered {reply}, expected {code}"
        return reply

    def ehlo(self) -> set[str]:
        """Keywords offered, upper case, without parameters."""
        reply = self.expect("EHLO client.example", 250)
        return {line[4:].split(" ")[0].upper() for line in reply.lines[1:]}

    def start_tls(self, context: ssl.SSLContext, name: str):
        self.expect("STARTTLS", 220)
        self.wrap(context, name)

    def wrap(self, context: ssl.SSLContext, name: str):
        assert not self.buffer, f"bytes in clear before TLS: {self.buffer!r}"
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def envelope(self, sender="mallory@example.org", recipient="bob@postern.example"):
        self.expect(f"MAIL FROM:<{sender}>", 250)
        self.expect(f"RCPT TO:<{recipient}>", 250)

    def data(self, content: bytes) -> Reply:
        """DATA with these bytes as they are, the end included by the caller."""
        self.expect("DATA", 354)
        self.send(content)
        return self.reply()

    def closed(self) -> bool:
        """Whether the server ends the connection within the timeout."""
        try:
            while True:
                if not self.socket.recv(65536):
                    return True
        except (ConnectionResetError, BrokenPipeError):
            return True
        except (TimeoutError, socket.timeout):
            return False
