"""posternd and postern as an operator has them: a configuration file, ports, HTTP and the command. Nothing in here looks inside.

Everything the tests assume about the API's and the command's JSON stands in this file, once.
"""

import contextlib
import copy
import json
import os
import pathlib
import signal
import smtplib
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from . import dkimtools, mimebytes, toml
from .base import PeerError, Server, run, wait_until
from .vault import Vault

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOSTNAME = "mail.postern.example"
LOCAL_DOMAIN = "postern.example"
LIBFAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def binary(name: str) -> pathlib.Path:
    """posternd or postern: from POSTERN_BIN_DIR when set, else from the release build."""
    named = os.environ.get("POSTERN_BIN_DIR")
    candidates = [pathlib.Path(named) / name] if named else []
    candidates += [pathlib.Path(named) / name / name] if named else []
    candidates += [ROOT / "build/release/apps" / name, ROOT / "build/release/apps" / name / name]
    for path in candidates:
        if path.is_file():
            return path
    raise PeerError(f"{name} is not built; looked for {', '.join(map(str, candidates))}. Build it (make build) or set POSTERN_BIN_DIR.")


def default_config() -> dict:
    """Every door on a free port: mx (STARTTLS required), plain (no TLS; relays for the loopback), submission, submissions, lmtp."""
    loopback = ["127.0.0.0/8"]
    return {
        "server": {"hostname": HOSTNAME, "mode": "development", "log_level": "debug"},
        "storage": {"data_dir": "./var"},
        "domains": {"local": [LOCAL_DOMAIN]},
        "http": {"address": "127.0.0.1:0"},
        "queue": {"retry": ["1s"], "expire": "5d"},
        "authentication": {"enabled": False},  # it asks DNS, which is not there; test_judged.py brings its own
        "security": {"smime": {"certificates_dir": "certs"}, "openpgp": {"certificates_dir": "openpgp"}},
        "listener": [
            {"kind": "mx", "address": "127.0.0.1:0", "tls": "required"},
            {"kind": "mx", "name": "plain", "address": "127.0.0.1:0", "tls": "none", "relay_from": loopback},
            {"kind": "submission", "address": "127.0.0.1:0", "tls": "required"},
            {"kind": "submission", "name": "submissions", "address": "127.0.0.1:0", "tls": "implicit"},
            {"kind": "lmtp", "address": "127.0.0.1:0", "tls": "none"},
        ],
        "route": [],
        "policy": [],
        "dkim": [],
    }


def engine_config(seal="auto") -> dict:
    """The key engine and no listener but one that no test uses. "auto": initialised and unsealed at the start; "shamir": by the API."""
    config = default_config()
    config["listener"] = [record for record in config["listener"] if record["kind"] == "lmtp"]
    return {**config, "http": {"address": "127.0.0.1:0", "tls": {"address": "127.0.0.1:0"}}, "engine": {"seal": seal}}


class CliError(PeerError):
    pass


class Daemon(Server):
    def __init__(self, directory: pathlib.Path, config: dict | None = None, name="posternd"):
        super().__init__(name, directory)
        self.config = copy.deepcopy(config if config is not None else default_config())
        self.config_file = self.directory / "postern.toml"
        self.ports: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self.options: list[str] = []  # of the command line: ["--single"]
        self.clock_file: pathlib.Path | None = None
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        for folder in (self.smime_directory, self.openpgp_directory):
            folder.mkdir(parents=True, exist_ok=True)

    # Places.

    @property
    def data_dir(self) -> pathlib.Path:
        return (self.directory / self.config["storage"]["data_dir"]).resolve()

    @property
    def ca(self) -> pathlib.Path:
        """The root of the daemon's own certificate authority."""
        return self.data_dir / "ca.pem"

    @property
    def smime_directory(self) -> pathlib.Path:
        return self.directory / "certs"

    @property
    def openpgp_directory(self) -> pathlib.Path:
        return self.directory / "openpgp"

    def process_of(self, role: str) -> int:
        """The process id of "gate" or "keeper", as it is now; 0 while there is none."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            with contextlib.suppress(OSError):
                if f"--role\0{role}\0".encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                    return int(pid)
        return 0

    def kill_process(self, role: str, signal_number=signal.SIGKILL):
        """Ends the gate or the keeper, and waits until the warden has started another one."""
        before = wait_until(lambda: self.process_of(role), f"a {role}", details=self.log_tail)
        os.kill(before, signal_number)
        wait_until(lambda: self.process_of(role) not in (0, before), f"another {role}", details=self.log_tail)

    def await_ready(self, seconds=20.0):
        """After a process of it was ended: it serves again, perhaps on other ports."""
        self._await_ready(seconds)
        return self

    def port(self, name: str) -> int:
        if name not in self.ports:
            raise PeerError(f"ports.json has no {name!r}, only {self.ports}\n{self.log_tail()}")
        return self.ports[name]

    # Configuration.

    def route(self, domain: str, via: str, **settings):
        self.config["route"].append({"domain": domain, "via": via, **settings})
        return self

    def policy(self, **settings):
        settings.setdefault("name", f"rule-{len(self.config['policy']) + 1}")
        self.config["policy"].append(settings)
        return self

    def dkim(self, selector: str, key: str, algorithm: str, domain=LOCAL_DOMAIN):
        self.config["dkim"].append({"domain": domain, "selector": selector, "key": key, "algorithm": algorithm})
        return self

    def show_certificate(self, issued, *behind):
        """The listeners' certificate, with others behind it in the file; also while the daemon runs: each file is replaced as a whole."""
        folder = self.directory / "tls"
        folder.mkdir(exist_ok=True)
        chain = b"".join([issued.cert_pem, *(one.cert_pem for one in behind)])
        for name, content in (("tls.key", issued.key_pem), ("tls.crt", chain)):
            (folder / f"{name}.new").write_bytes(content)
            (folder / f"{name}.new").replace(folder / name)
        self.config.setdefault("tls", {}).update(certificate="tls/tls.crt", key="tls/tls.key")
        return self

    def listener(self, name: str) -> dict:
        """The configuration record of a listener, to be changed before start."""
        return next(record for record in self.config["listener"] if record.get("name", record["kind"]) == name)

    def write_config(self):
        self.config_file.write_text(toml.dumps(self.config))

    # Life.

    def start(self, seconds=20.0):
        self.launch()
        self._await_ready(seconds)
        return self

    def launch(self):
        """Starts the process without waiting for it."""
        self.write_config()
        ports = self.data_dir / "ports.json"
        if ports.exists():
            ports.unlink()  # so that the ports of an earlier life are not taken for the new ones
        self.spawn([binary("posternd"), "--config", self.config_file, *self.options], env={**os.environ, **self.environment})

    def start_expecting_failure(self, seconds=15.0) -> tuple[int, str]:
        """Exit status and log of a daemon that must refuse to start."""
        self.launch()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise PeerError(f"posternd should have refused to start but runs\n{self.log_tail()}") from None
        self.process = None
        return status, self.log_text()

    @property
    def waits_for_shares(self) -> bool:
        """Whether the key engine is opened by people: then the daemon is up, but not ready for mail, until they have come."""
        return self.config.get("engine", {}).get("seal") == "shamir"

    def restart(self):
        self.stop()
        return self.start()

    def crash_and_restart(self):
        self.kill()
        return self.start()

    def _await_ready(self, seconds):
        path = self.data_dir / "ports.json"

        def ready():
            if not self.running():
                raise PeerError(f"posternd ended with status {self.process.returncode} while starting\n{self.log_tail()}")
            try:
                self.ports = json.loads(path.read_text())
                status, reason = self.get("/readyz")
                return status == 200 or (self.waits_for_shares and b"sealed" in reason)
            except (OSError, ValueError, KeyError):
                return False
        wait_until(ready, "posternd to be ready (ports.json and /readyz)", seconds, every=0.02, details=self.log_tail)

    def fake_clock(self):
        """Runs the daemon under libfaketime; move_clock() then shifts its wall clock, never its monotonic one. Call before start."""
        folder = self.directory / "clock"  # of its own: the library reads it in each of the daemon's processes, all the time
        folder.mkdir(exist_ok=True)
        self.config["server"] |= {"gate_paths": [str(folder)], "keeper_paths": [str(folder)]}
        self.clock_file = folder / "faketime"
        self.move_clock(0)
        self.environment |= {"LD_PRELOAD": LIBFAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.clock_file), "FAKETIME_NO_CACHE": "1",
                             "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}

    def move_clock(self, seconds: int):
        """Wall clock = real time + seconds, from now on."""
        fresh = self.clock_file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}s\n")
        fresh.replace(self.clock_file)

    # HTTP.

    def get(self, path: str, timeout=5) -> tuple[int, bytes]:
        url = f"http://127.0.0.1:{self.port('http')}{path}"
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get_json(self, path: str):
        status, body = self.get(path)
        if status != 200:
            raise PeerError(f"GET {path} answered {status}: {body[:500]!r}\n{self.log_tail()}")
        return json.loads(body)

    def metrics(self) -> dict[str, float]:
        """Sample name with its labels -> value."""
        status, body = self.get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        samples = {}
        for line in body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    # The command.

    def cli(self, *arguments, input=None, check=True, timeout=30) -> subprocess.CompletedProcess:
        argv = [binary("postern"), "--config", self.config_file, *arguments]
        done = run(argv, input=input, check=False, timeout=timeout, env={**os.environ, "NO_COLOR": "1"}, cwd=self.directory)
        if check and done.returncode != 0:
            raise CliError(f"postern {' '.join(map(str, arguments))} ended with status {done.returncode}\n"
                           f"  stdout: {done.stdout.decode('utf-8', 'replace')[-1500:]}\n"
                           f"  stderr: {done.stderr.decode('utf-8', 'replace')[-1500:]}\n{self.log_tail()}")
        return done

    def json(self, *arguments, **options):
        """The one JSON document that `postern --json …` prints."""
        done = self.cli("--json", *arguments, **options)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise CliError(f"postern --json {' '.join(map(str, arguments))} did not print one JSON document: {done.stdout[:1500]!r}") from None

    def records(self, key: str, *arguments) -> list[dict]:
        """A list verb's answer, {"KEY": [...]}."""
        return self._list_in(self.json(*arguments), key, f"postern --json {' '.join(arguments)}")

    @staticmethod
    def _list_in(answer, key: str, origin: str) -> list[dict]:
        if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
            raise CliError(f"{origin} should answer {{\"{key}\": [...]}}, not {json.dumps(answer)[:600]}")
        return answer[key]

    # The API, with the operator's token: quicker than a process for each question.

    def api(self, method: str, path: str, body=None, timeout=30) -> tuple[int, bytes]:
        token = (self.data_dir / "admin.token").read_text().strip()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port('http')}/api/v1{path}", data, method=method,
                                         headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def api_json(self, method: str, path: str, body=None):
        status, content = self.api(method, path, body)
        if not 200 <= status < 300:
            raise PeerError(f"{method} /api/v1{path} answered {status}: {content[:800].decode('utf-8', 'replace')}\n{self.log_tail()}")
        return json.loads(content)

    def api_list(self, key: str, path: str) -> list[dict]:
        return self._list_in(self.api_json("GET", path), key, f"GET /api/v1{path}")

    def queue(self) -> list[dict]:
        """Every unfinished recipient: id, sender, recipient, state (queued, held, quarantined), reason, attempts, next_attempt, last_reply."""
        return self.api_list("entries", "/queue?limit=1000")

    def queue_of(self, address: str) -> list[dict]:
        return self.api_list("entries", f"/queue?recipient={urllib.parse.quote(address)}")

    def await_queue_state(self, address: str, state: str, seconds=20.0) -> dict:
        def found():
            return next((entry for entry in self.queue_of(address) if entry["state"] == state), None)
        return wait_until(found, f"a queue entry of {address} in state {state}", seconds, every=0.1, details=self._queue_details)

    def await_attempt(self, address: str, seconds=20.0) -> dict:
        """The queue entry of that address after at least one failed attempt."""
        def found():
            return next((entry for entry in self.queue_of(address) if entry["attempts"] >= 1), None)
        return wait_until(found, f"a failed attempt for {address}", seconds, every=0.05, details=self._queue_details)

    def await_empty_queue(self, seconds=30.0):
        wait_until(lambda: not self.queue(), "an empty queue", seconds, every=0.1, details=self._queue_details)

    def _queue_details(self) -> str:
        return f"queue: {json.dumps(self.queue())[:1500]}\n{self.log_tail()}"

    def mailbox(self, address: str | None = None) -> list[dict]:
        """What the embedded mailboxes hold: id, mailbox, sender, size, received."""
        wanted = "" if address is None else f"&mailbox={urllib.parse.quote(address)}"
        return self.api_list("messages", f"/mail?limit=1000{wanted}")

    def mail_raw(self, identifier: str, mailbox: str = "") -> bytes:
        """The exact bytes of a message in the mailbox."""
        status, content = self.api("GET", f"/mail/{identifier}?mailbox={urllib.parse.quote(mailbox)}")
        if status != 200:
            raise PeerError(f"message {identifier} was answered {status}: {content[:500]!r}\n{self.log_tail()}")
        return content

    def await_mail(self, address: str, count=1, seconds=20.0) -> list[bytes]:
        """Raw messages in the mailbox of that address, oldest first."""
        def enough():
            found = self.mailbox(address)
            return found if len(found) >= count else None
        found = wait_until(enough, f"{count} message(s) in the mailbox of {address}", seconds, every=0.1,
                           details=lambda: f"mailbox: {json.dumps(self.mailbox())[:1500]}\n{self._queue_details()}")
        return [self.mail_raw(message["id"], address) for message in sorted(found, key=lambda message: message["id"])]

    def audit(self) -> list[dict]:
        """The newest audit records, oldest first: sequence, time, kind, message, actor, facts."""
        return sorted(self.api_list("entries", "/audit?limit=1000"), key=lambda record: record["sequence"])

    def add_user(self, name: str, password: str, *addresses: str):
        self.api_json("POST", "/users", {"name": name, "password": password, "senders": list(addresses)})

    def public_key(self, key: str) -> str:
        """PEM of the newest version of a signing key."""
        info = self.api_json("GET", f"/keys/{key}")
        return next(version["public_key"] for version in info["versions"] if version["version"] == info["latest_version"])

    def dkim_records(self) -> dict[str, str]:
        """The DNS TXT records that belong to the configured signers."""
        return {f"{signer['selector']}._domainkey.{signer['domain']}": dkimtools.dns_record(self.public_key(signer["key"]))
                for signer in self.config["dkim"]}

    def certificate_of(self, address: str) -> bytes:
        """The S/MIME certificate (PEM) that strangers encrypt to for a local address."""
        return self.api_json("POST", f"/identities/{address}/smime")["certificate"].encode()

    def openpgp_certificate_of(self, address: str) -> bytes:
        """The armored OpenPGP certificate of a local address."""
        return self.api_json("POST", f"/identities/{address}/openpgp")["certificate"].encode()

    # The key engine.

    @property
    def vault_address(self) -> str:
        return f"http://127.0.0.1:{self.port('http')}"

    @property
    def engine_token(self) -> str:
        """The first root token of an engine that unseals itself."""
        path = self.data_dir / "keeper" / "engine.token"
        if not path.exists():
            raise PeerError(f"the engine has left no {path}\n{self.log_tail()}")
        return path.read_text().strip()

    def vault(self, token: str | None = None) -> Vault:
        """A client of the engine; with its root token when no other is given."""
        return Vault(self.vault_address, self.engine_token if token is None else token)

    @property
    def engine_audit(self) -> pathlib.Path:
        return self.data_dir / "audit/engine.jsonl"

    def engine_audit_lines(self) -> list[dict]:
        return [json.loads(line) for line in self.engine_audit.read_text().splitlines()]

    # Mail in.

    def tls_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def smtp(self, listener="plain", tls=None, timeout=30) -> smtplib.SMTP:
        """A connected client that has said EHLO; TLS as the listener wants it, with the server's name and chain verified."""
        port = self.port(listener)
        secured = self.listener(listener)["tls"] if tls is None else tls
        if secured == "implicit":
            client = _NamedSmtpSsl("127.0.0.1", port, context=self.tls_context(), timeout=timeout)
        else:
            client = smtplib.SMTP("127.0.0.1", port, timeout=timeout)
            client._host = HOSTNAME  # the name that starttls() verifies
        client.ehlo("client.example")
        if secured == "required":
            client.starttls(context=self.tls_context())
            client.ehlo("client.example")
        return client

    def send(self, sender: str, recipients, raw: bytes, listener="plain", mail_options=(), rcpt_options=()):
        """One message by smtplib, exact bytes. Returns smtplib's dictionary of refused recipients."""
        with self.smtp(listener) as client:
            return send_exact(client, sender, recipients, raw, mail_options, rcpt_options)

    def submit(self, **options) -> bytes:
        """Makes a simple message and sends it; returns its bytes."""
        sender, to = options.pop("sender", f"alice@{LOCAL_DOMAIN}"), options.pop("to", "bob@example.net")
        listener = options.pop("listener", "plain")
        raw = mimebytes.simple_message(sender, to, **options)
        self.send(sender, [to] if isinstance(to, str) else to, raw, listener)
        return raw

    # Files, for the marker and damage tests.

    def data_files(self) -> list[pathlib.Path]:
        return [path for path in self.data_dir.rglob("*") if path.is_file()]

    def files_containing(self, marker: bytes) -> list[pathlib.Path]:
        return [path for path in [*self.data_files(), self.log_path] if marker in path.read_bytes()]


class _NamedSmtpSsl(smtplib.SMTP_SSL):
    """Implicit TLS to 127.0.0.1 under the server's real name."""

    def _get_socket(self, host, port, timeout):
        plain = smtplib.SMTP._get_socket(self, host, port, timeout)
        return self.context.wrap_socket(plain, server_hostname=HOSTNAME)


def send_exact(client: smtplib.SMTP, sender, recipients, raw: bytes, mail_options=(), rcpt_options=()):
    """Like smtplib.sendmail, which would turn bare line ends into CRLF; here every byte goes out as it is."""
    def checked(answer, error):
        if answer[0] >= 400:
            client._rset() if hasattr(client, "_rset") else client.rset()
            raise error(*answer)
        return answer
    code, text = client.mail(sender, list(mail_options))
    if code >= 400:
        raise smtplib.SMTPSenderRefused(code, text, sender)
    refused = {}
    for recipient in [recipients] if isinstance(recipients, str) else recipients:
        code, text = client.rcpt(recipient, list(rcpt_options))
        if code >= 400:
            refused[recipient] = (code, text)
    if len(refused) == len(recipients):
        client.rset()
        raise smtplib.SMTPRecipientsRefused(refused)
    checked(client.docmd("DATA"), smtplib.SMTPDataError)
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    client.send((b"." if stuffed.startswith(b".") else b"") + stuffed + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    checked(client.getreply(), smtplib.SMTPDataError)
    return refused


def elapsed(action) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun
