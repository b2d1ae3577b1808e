"""A plain client of the Vault API that hides nothing: any method, any body, any header, every byte of the answer."""

import base64
import dataclasses
import http.client
import itertools
import json
import os
import socket
import urllib.parse

from .base import PeerError

ENVELOPE = {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"}
_NOTHING = object()
_RUN = os.urandom(3).hex()
_serial = itertools.count(1)


def b64(content: bytes | str) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def fresh(prefix: str) -> str:
    """A name that no other test uses, in this run or another: many tests share one engine."""
    return f"{prefix}-{_RUN}-{next(_serial)}"


class VaultError(AssertionError):
    def __init__(self, text: str, answer: "Answer"):
        super().__init__(text)
        self.answer = answer


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json["data"]

    @property
    def auth(self):
        return self.json["auth"]

    @property
    def errors(self) -> list[str]:
        return self.json["errors"]

    @property
    def error(self) -> str:
        """All that the server complains about, as one text."""
        return "\n".join(self.errors)


class Vault:
    """One connection, kept alive. Not for several threads."""

    def __init__(self, address: str, token: str | None = None, timeout: float = 30):
        url = urllib.parse.urlsplit(address)
        self.address, self.token = address, token
        self._host, self._port, self._timeout = url.hostname, url.port, timeout
        self._connection: http.client.HTTPConnection | None = None

    def with_token(self, token: str | None) -> "Vault":
        return Vault(self.address, token, self._timeout)

    # Every detail.

    def raw_get(self, path: str) -> tuple[int, bytes]:
        """GET of a path that no library would send."""
        return self.raw(f"GET /v1/{path} HTTP/1.1\r\nHost: h\r\nX-Vault-Token: {self.token}\r\nConnection: close\r\n\r\n".encode())

    def call(self, method: str, path: str, body=_NOTHING, *, token=_NOTHING, headers: dict | None = None) -> Answer:
        """`path` is what follows /v1/, sent as it is. `body`: bytes go as they are, anything else as JSON; no body when not given."""
        token = self.token if token is _NOTHING else token
        fields = {**({"X-Vault-Token": token} if token is not None else {}), **(headers or {})}
        content = None if body is _NOTHING else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            return self._exchange(method, f"/v1/{path}", content, fields)
        except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
            self.close()  # the server may close an idle connection at any time; a second failure is a finding
            return self._exchange(method, f"/v1/{path}", content, fields)

    def _exchange(self, method, target, content, fields) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        self._connection.request(method, target, content, fields)
        reply = self._connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read())

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """Exact bytes on a connection of their own, until the server closes; the status (0: no answer) and everything that came back."""
        with socket.create_connection((self._host, self._port), timeout=self._timeout) as connection:
            received = b""
            try:
                connection.sendall(request)
                while more := connection.recv(65536):
                    received += more
            except (ConnectionResetError, BrokenPipeError):
                pass
        status = received.split(b" ", 2)[1] if received.startswith(b"HTTP/1.") else b"0"
        return int(status), received

    # As a user means it: the data, or VaultError with the server's words.

    def _expect(self, method: str, path: str, *arguments, **options):
        answer = self.call(method, path, *arguments, **options)
        if answer.status not in (200, 204):
            raise VaultError(f"{method} /v1/{path} answered {answer.status}: {answer.body[:1000].decode('utf-8', 'replace')}", answer)
        return answer.data if answer.status == 200 and answer.body else None

    def read(self, path: str):
        return self._expect("GET", path)

    def list(self, path: str) -> list[str]:
        return self._expect("LIST", path)["keys"]

    def write(self, path: str, body: dict | None = None, **fields):
        """PUT, as the command line does."""
        return self._expect("PUT", path, {**(body or {}), **fields})

    def patch(self, path: str, body: dict):
        return self._expect("PATCH", path, body, headers={"Content-Type": "application/merge-patch+json"})

    def delete(self, path: str):
        return self._expect("DELETE", path)

    # What many tests begin with.

    def ensure_mount(self, path: str, kind: str, **options):
        """A secrets engine at `path`; nothing when there is one."""
        if f"{path}/" not in self.read("sys/mounts"):
            self.write(f"sys/mounts/{path}", type=kind, **({"options": options} if options else {}))

    def ensure_auth(self, kind: str, path: str | None = None):
        path = path or kind
        if f"{path}/" not in self.read("sys/auth"):
            self.write(f"sys/auth/{path}", type=kind)

    def new_token(self, **fields) -> dict:
        """The auth block of a child of this client's token."""
        answer = self.call("POST", "auth/token/create", fields)
        if answer.status != 200:
            raise VaultError(f"no token: {answer.status} {answer.body[:500]!r}", answer)
        return answer.auth

    def limited(self, hcl: str, **fields) -> "Vault":
        """A client whose token has one new policy (and "default")."""
        name = fresh("policy")
        self.write(f"sys/policies/acl/{name}", policy=hcl)
        return self.with_token(self.new_token(policies=[name], **fields)["client_token"])

    def new_key(self, kind="aes256-gcm96", mount="transit", **fields) -> str:
        """The name of a new transit key."""
        name = fresh(kind)
        self.write(f"{mount}/keys/{name}", type=kind, **fields)
        return name


def refused(answer: Answer, status: int, *words: str) -> str:
    """The error text of an answer that had to be a refusal in the API's form: {"errors": [...]}, nothing else of ours inside."""
    if answer.status != status:
        raise VaultError(f"answered {answer.status} instead of {status}: {answer.body[:500]!r}", answer)
    if answer.headers["Content-Type"] != "application/json" or not isinstance(answer.json.get("errors"), list):
        raise VaultError(f"not an error of the API: {answer.headers['Content-Type']} {answer.body[:500]!r}", answer)
    for word in words:
        if word not in answer.error:
            raise VaultError(f"{word!r} is not in {answer.error!r}", answer)
    return answer.error


def expect_envelope(answer: Answer) -> dict:
    if answer.status != 200 or not ENVELOPE <= answer.json.keys():
        raise PeerError(f"status {answer.status}, without {ENVELOPE - answer.json.keys()}: {answer.body[:500]!r}")
    return answer.json
