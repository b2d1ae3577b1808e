"""The npm clients of the Vault API (tests/e2e/clients), each in a Node process that takes and answers JSON lines."""

import json
import pathlib
import select
import subprocess
import tempfile
import time

from .base import PeerError, tail

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLIENTS = ("node-vault", "@litehex/node-vault", "hashi-vault-js", "node-vault-client")


class ClientError(Exception):
    """What the client threw: its own class and text, and the server's status and body as far as the client gives them away."""

    def __init__(self, error: dict):
        super().__init__(f"{error.get('name')}: {error.get('message')} (status {error.get('status')}, body {error.get('body')!r})")
        self.name, self.message = error.get("name"), error.get("message")
        self.status, self.body = error.get("status"), error.get("body")


class NodeClient:
    def __init__(self, client: str, endpoint: str, token: str | None = None, **settings):
        installed = ROOT / "build/peers/node"
        if not (installed / ".installed").is_file():
            raise PeerError(f"{installed} does not hold the npm clients; run tools/install-peers")
        self.client = client
        self._log = tempfile.NamedTemporaryFile(prefix="pt-node-", suffix=".log")
        self._process = subprocess.Popen(["node", ROOT / "tests/e2e/clients/drive.mjs", client, installed], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._log)
        self._unread = b""
        self._ask({"open": {"endpoint": endpoint, **({"token": token} if token else {}), **settings}})

    def call(self, method: str, *arguments):
        """One method of the client, by its own name; what it resolves to. ClientError when it throws."""
        return self._ask({"call": method, "args": arguments})

    def set(self, **properties):
        self._ask({"set": properties})

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process.stdout.close()
        self._log.close()

    def _ask(self, command: dict):
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"{self.client} has ended\n{tail(self._log.name)}") from None
        answer = json.loads(self._line(30))
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["value"]

    def _line(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = self._process.stdout.read1(1 << 16) if ready else b""
            if not more:
                raise PeerError(f"{self.client} {'ended' if ready else f'did not answer within {seconds:g} s'}\n{tail(self._log.name)}")
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
