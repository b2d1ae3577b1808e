"""A SCRAM-SHA-256 client (RFC 5802, RFC 7677), written from the standard and independent of the daemon's."""

import base64
import hashlib
import hmac
import secrets


class ScramClient:
    def __init__(self, user: str, password: str, nonce: str | None = None, act_as: str = ""):
        self.user = user.replace("=", "=3D").replace(",", "=2C")
        self.password = password.encode()
        self.gs2_header = f"n,a={act_as}," if act_as else "n,,"
        self.nonce = nonce or secrets.token_urlsafe(18)

    def first(self) -> str:
        self._first_bare = f"n={self.user},r={self.nonce}"
        return _encode(self.gs2_header + self._first_bare)

    def final(self, server_first: str) -> str:
        server_first = base64.b64decode(server_first).decode()
        facts = dict(part.split("=", 1) for part in server_first.split(","))
        assert facts["r"].startswith(self.nonce) and len(facts["r"]) > len(self.nonce), "the server must extend the client's nonce"
        assert int(facts["i"]) >= 4096, "RFC 7677 4: at least 4096 iterations"
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(facts["s"]), int(facts["i"]))
        client_key = _mac(salted, b"Client Key")
        without_proof = f"c={_encode(self.gs2_header)},r={facts['r']}"
        message = f"{self._first_bare},{server_first},{without_proof}".encode()
        proof = bytes(a ^ b for a, b in zip(client_key, _mac(hashlib.sha256(client_key).digest(), message)))
        self._server_signature = _mac(_mac(salted, b"Server Key"), message)
        return _encode(f"{without_proof},p={base64.b64encode(proof).decode()}")

    def server_is_genuine(self, server_final: str) -> bool:
        facts = dict(part.split("=", 1) for part in base64.b64decode(server_final).decode().split(","))
        return hmac.compare_digest(base64.b64decode(facts.get("v", "")), self._server_signature)


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
