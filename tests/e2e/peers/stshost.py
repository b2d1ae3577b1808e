"""The hosts that serve MTA-STS policies, and that reports are posted to: HTTPS on port 443 of a loopback address, one answer for each name."""

import contextlib
import ssl
import threading
import warnings

from .links import LinkServer


class StsHost(LinkServer):
    """`serve()` says what a name answers; the certificate is chosen by SNI. `asked` counts requests by name; `posted` has (path, headers, body) of what
    was sent. `version`: the only TLS version that it speaks, an old one perhaps."""

    def __init__(self, address: str, fallback, version: ssl.TLSVersion | None = None):
        self.address = address
        self._version = version
        self.asked: dict[str, int] = {}
        self.posted: dict[str, tuple[str, str, bytes]] = {}
        self._answers: dict[str, bytes] = {}
        self._pauses: dict[str, float] = {}
        self._stopped = threading.Event()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._default = self._context(fallback)
        self._default.sni_callback = self._choose
        super().__init__(address, 443)

    def stop(self):
        self._stopped.set()
        super().stop()

    def _context(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # an old one is what is wanted
                context.minimum_version = context.maximum_version = self._version
        context.load_cert_chain(certificate.cert, certificate.key)
        return context

    def serve(self, host: str, certificate, body, status="200 OK", content_type="text/plain", extra="", pause=0.0):
        """`pause`: seconds before each octet of the answer."""
        self._pauses[host] = pause
        body = body.encode() if isinstance(body, str) else body
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n"
        self._contexts[host] = self._context(certificate)
        self._answers[host] = head.encode() + body

    def forget(self, host: str):
        self._answers.pop(host, None)

    def _choose(self, connection, name, _context):
        connection.context = self._contexts.get(name, self._default)

    def _serve(self, link):
        with self._default.wrap_socket(link, server_side=True) as tls:
            tls.settimeout(10)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = tls.recv(4096)
                if not piece:
                    return
                request += piece
            host = next(line.split(b":", 1)[1].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"host:")).decode()
            self.asked[host] = self.asked.get(host, 0) + 1
            head, _, body = request.partition(b"\r\n\r\n")
            if head.startswith(b"POST "):
                length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
                while len(body) < length:
                    body += tls.recv(65536)
                self.posted[host] = (head.split(b" ")[1].decode(), head.decode(), body)
            else:
                assert head.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n"), head
            self._answer(tls, self._answers.get(host, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), self._pauses.get(host, 0.0))
            with contextlib.suppress(OSError):
                tls.unwrap()

    def _answer(self, tls, answer: bytes, pause: float):
        if not pause:
            return tls.sendall(answer)
        for octet in answer:
            if self._stopped.wait(pause):
                return
            tls.sendall(bytes([octet]))
