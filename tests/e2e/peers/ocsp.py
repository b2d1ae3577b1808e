"""A certificate authority's web server: `openssl ocsp` answers behind HTTP on port 80 of a loopback address, and its CRL; and a mail host that staples."""

import datetime
import http.server
import pathlib
import socket
import threading

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from OpenSSL import SSL

from .base import run
from .links import LinkServer


class RevocationHost:
    """Answers for one TestAuthority. `asked` has the paths of requests; `answer_with()` makes it misbehave."""

    def __init__(self, address: str, authority, directory: pathlib.Path):
        self.address, self.authority, self.directory = address, authority, pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.asked: list[str] = []
        self._revoked: dict[int, datetime.datetime] = {}
        self._issued: list[int] = []
        self._fixed: tuple[int, bytes] | None = None
        self._lock = threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(b"")

            def do_POST(self):
                self._answer(self.rfile.read(int(self.headers["Content-Length"])))

            def _answer(self, body):
                owner.asked.append(self.path)
                status, answer = owner._fixed or (200, owner.crl() if self.path.endswith(".crl") else owner.ocsp(body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass
        self._server = http.server.ThreadingHTTPServer((address, 80), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def answer_with(self, status: int, body: bytes = b""):
        self._fixed = (status, body)

    def answer_well(self):
        self._fixed = None

    # What certificates say of it.

    def responder(self):
        url = x509.UniformResourceIdentifier(f"http://{self.address}/ocsp")
        return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)])

    def list_point(self):
        url = x509.UniformResourceIdentifier(f"http://{self.address}/all.crl")
        return x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)])

    # What it says.

    def knows(self, issued):
        self._issued.append(issued.certificate.serial_number)
        return issued

    def revoke(self, issued):
        self._revoked[issued.certificate.serial_number] = datetime.datetime(2025, 1, 1)

    def ocsp(self, request: bytes) -> bytes:
        with self._lock:
            index, asked, answer = (self.directory / name for name in ("index", "ask.der", "answer.der"))
            asked.write_bytes(request)
            index.write_text("".join(f"{'R' if serial in self._revoked else 'V'}\t490101000000Z\t"
                                     f"{'250101000000Z,keyCompromise' if serial in self._revoked else ''}\t{_hex(serial)}\tunknown\t/CN={_hex(serial)}\n"
                                     for serial in self._issued))
            run(["openssl", "ocsp", "-index", index, "-CA", self.authority.pem, "-rsigner", self.authority.pem, "-rkey", self.authority.root.key,
                 "-reqin", asked, "-respout", answer, "-ndays", "2"])
            return answer.read_bytes()

    def stapled(self, issued) -> bytes:
        """The answer that a server fetches to staple it."""
        return self.answer_to_another(issued, "-no_nonce")

    def answer_to_another(self, issued, *options) -> bytes:
        """The answer to a question with a nonce of its own."""
        request = self.directory / "another.der"
        run(["openssl", "ocsp", "-issuer", self.authority.pem, "-cert", issued.cert, *options, "-reqout", request])
        return self.ocsp(request.read_bytes())

    def crl(self) -> bytes:
        return self.authority.crl(self._revoked)


def _hex(serial: int) -> str:
    digits = f"{serial:X}"
    return digits if len(digits) % 2 == 0 else "0" + digits


class StaplingHost(LinkServer):
    """A mail host with STARTTLS that takes every message and staples `answer` (bytes; empty: nothing). `asked` counts clients that asked for one."""

    _FAILURES = (OSError, SSL.Error)

    def __init__(self, certificate, answer: bytes = b""):
        self.answer, self.asked = answer, 0
        self.messages: list[list[str]] = []
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate_file(str(certificate.cert))
        self._context.use_privatekey_file(str(certificate.key))
        self._context.set_ocsp_server_callback(self._staple)
        super().__init__("127.0.0.1", 0)

    def _staple(self, _connection, _data):
        self.asked += 1
        return self.answer

    def _serve(self, link):
        reader, recipients, content = _Lines(link), [], False
        link.sendall(b"220 stapling.example ESMTP\r\n")
        while (line := reader.next()) is not None:
            word = line.split(b" ")[0].split(b":")[0].upper()
            if content:
                content = line != b"."
                if content:
                    continue
                self.messages.append(recipients)
                link.sendall(b"250 2.0.0 taken\r\n")
            elif word == b"EHLO":
                link.sendall(b"250-stapling.example\r\n250-8BITMIME\r\n250 STARTTLS\r\n" if isinstance(link, socket.socket) else b"250-stapling.example\r\n250 8BITMIME\r\n")
            elif word == b"STARTTLS":
                link.sendall(b"220 2.0.0 go on\r\n")
                link = SSL.Connection(self._context, link)
                link.set_accept_state()
                link.do_handshake()
                reader = _Lines(link)
            elif word == b"DATA":
                link.sendall(b"354 go on\r\n")
                content = True
            elif word == b"QUIT":
                link.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                if word == b"MAIL":
                    recipients = []
                if word == b"RCPT":
                    recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                link.sendall(b"250 2.0.0 ok\r\n")


class _Lines:
    def __init__(self, link):
        self._link, self._rest = link, b""

    def next(self):
        while b"\r\n" not in self._rest:
            piece = self._link.recv(65536)
            if not piece:
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line
