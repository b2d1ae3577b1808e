"""External Vaults for Postern: a second posternd, and a real OpenBao or Vault (BAO=path). Both are prepared by the commands of the documentation."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shlex
import socket
import ssl
import threading

from .base import PeerError, Server, free_port, port_answers, run, wait_until
from .daemon import ROOT, Daemon, engine_config
from .vault import Vault

DOCUMENT = ROOT / "docs/external-vault.md"


def _block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.S).group(1)


def policy() -> str:
    return _block("hcl")


def commands() -> list[str]:
    return [line for line in _block("sh").splitlines() if line.startswith("vault ")]


class ExternalVault:
    """What tests ask of either kind. `address` stays the same over restarts."""

    root_token: str
    _share: str

    def client(self, token: str | None = None) -> Vault:
        return Vault(self.address, self.root_token if token is None else token)

    def answers(self) -> bool:
        return port_answers(self.port)

    def initialise(self):
        wait_until(self.answers, "the external Vault to listen")
        made = Vault(self.address).call("PUT", "sys/init", {"secret_shares": 2, "secret_threshold": 2})
        if made.status != 200:
            raise PeerError(f"no initialisation: {made.status} {made.body!r}")
        self._shares, self.root_token = made.json["keys"], made.json["root_token"]
        self.unseal()

    def unseal(self):
        for share in self._shares:
            Vault(self.address).call("PUT", "sys/unseal", {"key": share})
        wait_until(lambda: Vault(self.address).call("GET", "sys/health").status == 200, "the external Vault to work")

    def seal(self):
        assert self.client().call("PUT", "sys/seal").status == 204

    def prepare(self, directory: pathlib.Path):
        """Every command of the documentation, in order; by the real command line where there is one."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "postern.hcl").write_text(policy())
        for line in commands():
            if self._is_there(line):
                continue
            if os.environ.get("BAO"):
                self._by_command_line(line, directory)
            else:
                self._by_api(line, directory)
        for name in ("vault.role_id", "vault.secret_id"):
            (directory / name).chmod(0o600)

    def _is_there(self, line) -> bool:
        """A second posternd comes with transit enabled, as some Vaults do."""
        place = {"vault secrets enable": "sys/mounts", "vault auth enable": "sys/auth"}.get(" ".join(line.split()[:3]))
        return place is not None and f"{line.split()[3]}/" in self.client().read(place)

    def _by_command_line(self, line, directory):
        environment = {**os.environ, "HOME": str(directory)}
        for prefix in ("VAULT", "BAO"):
            environment |= {f"{prefix}_ADDR": self.address, f"{prefix}_TOKEN": self.root_token}
        run(["sh", "-c", re.sub(r"^vault ", shlex.quote(os.environ["BAO"]) + " ", line)], env=environment, cwd=directory)

    def _by_api(self, line, directory):
        """As the command line would do it (reference of the API: write is PUT, enable is POST)."""
        line, _, target = line.partition(" > ")
        words = shlex.split(line)[1:]
        field = next((word.removeprefix("-field=") for word in words if word.startswith("-field=")), None)
        words = [word for word in words if not word.startswith("-")]
        vault = self.client()
        if words[:2] in (["secrets", "enable"], ["auth", "enable"]):
            place = "sys/mounts" if words[0] == "secrets" else "sys/auth"
            answer = vault.call("POST", f"{place}/{words[2]}", {"type": words[2]})
        elif words[:2] == ["policy", "write"]:
            answer = vault.call("PUT", f"sys/policies/acl/{words[2]}", {"policy": (directory / words[3]).read_text()})
        elif words[0] == "write":
            answer = vault.call("PUT", words[1], dict(word.split("=", 1) for word in words[2:]))
        else:
            answer = vault.call("GET", words[1])
        if answer.status not in (200, 204):
            raise PeerError(f"{line}: {answer.status} {answer.body!r}")
        if target:
            (directory / target).write_text(answer.data[field])


class PosternVault(ExternalVault):
    """A second posternd, which is nothing but the Vault here."""

    def __init__(self, directory: pathlib.Path):
        config = engine_config("shamir")
        self.port = free_port()
        config["http"] = {"address": f"127.0.0.1:{self.port}"}  # without HTTPS: its own tls_server would lie where its client looks for one
        self.server = Daemon(directory / "extvault", config, "extvault")
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self):
        self.server.start()
        return self

    def initialise(self):
        """Until its own mail side has made its keys, which have the names of its client's, in the same mount."""
        made = super().initialise()
        wait_until(lambda: self.server.get("/readyz")[0] == 200, "the second posternd to have keys of its own", details=self.server.log_tail)
        return made

    def kill(self):
        self.server.kill()

    def stop(self):
        self.server.stop()


class RealVault(ExternalVault):
    """OpenBao or Vault with its keys in files."""

    def __init__(self, directory: pathlib.Path):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.server = Server("bao", directory / "bao")
        self._config = self.server.directory / "config.json"
        storage = self.server.directory / "data"
        storage.mkdir(parents=True)
        self._config.write_text(json.dumps({
            "storage": {"file": {"path": str(storage)}}, "disable_mlock": True, "api_addr": self.address,
            "listener": {"tcp": {"address": f"127.0.0.1:{self.port}", "tls_disable": True}}}))

    def start(self):
        self.server.spawn([os.environ["BAO"], "server", f"-config={self._config}"])
        wait_until(self.answers, "the real Vault to listen", seconds=60, details=self.server.log_tail)
        return self

    def kill(self):
        self.server.kill()

    def stop(self):
        self.server.stop()


class TlsFront:
    """TLS 1.3 in front of a Vault that has none; asks for a client certificate of `client_ca` when given. Counts connections."""

    def __init__(self, target: int, certificate, client_ca: pathlib.Path | None = None):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert, certificate.key)
        if client_ca:
            self._context.load_verify_locations(str(client_ca))
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._target, self.connections = target, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        with contextlib.suppress(OSError, ssl.SSLError), plain, self._context.wrap_socket(plain, server_side=True) as outer, \
                socket.create_connection(("127.0.0.1", self._target)) as inner:
            self.connections += 1
            back = threading.Thread(target=self._pump, args=(inner, outer), daemon=True)
            back.start()
            self._pump(outer, inner)
            back.join(5)

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError, ssl.SSLError):
            while content := source.recv(65536):
                sink.sendall(content)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def stop(self):
        self._listener.close()


class Standby:
    """A node that sends everybody to the active one, as a standby of a cluster does; on the same port, as nodes of a cluster are: that is
    the port the daemon may connect to."""

    def __init__(self, active: str, host: str):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _redirect(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(307)
                self.send_header("Location", active + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
            do_GET = do_POST = do_LIST = do_DELETE = _redirect

            def log_message(self, *_):
                pass
        self._server = http.server.ThreadingHTTPServer((host, int(active.rsplit(":", 1)[1])), Handler)
        self.address = f"http://{host}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
