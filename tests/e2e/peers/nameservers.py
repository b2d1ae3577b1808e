"""Authoritative name servers with a zone that is changed by signed updates: Knot and BIND, on one loopback port (TCP and UDP)."""

import base64
import os
import time

from .base import Server, free_port, run, wait_until

_EMPTY_ZONE = """$TTL 3600
@ IN SOA ns.{zone}. hostmaster.{zone}. {serial} 3600 600 86400 60
@ IN NS ns.{zone}.
ns IN A 127.0.0.1
"""


class TsigKey:
    """A shared key, and its file as tsig-keygen writes it."""

    def __init__(self, directory, name, algorithm="hmac-sha256", secret=None):
        self.name, self.algorithm = name, algorithm
        self.secret = secret or base64.b64encode(os.urandom(32)).decode()
        self.file = directory / f"{name}-{os.urandom(4).hex()}.key"
        self.file.write_text(self.text())
        self.file.chmod(0o600)

    def text(self):
        return f'key "{self.name}" {{\n\talgorithm {self.algorithm};\n\tsecret "{self.secret}";\n}};\n'


class NameServer(Server):
    """One zone. `records`: zone file lines besides SOA, NS and ns. `key` may update it; `strangers` are known keys that may not."""

    def __init__(self, name, directory, zone, key, records=(), strangers=(), signed=False):
        super().__init__(name, directory)
        self.zone, self.key, self.strangers, self.signed = zone, key, list(strangers), signed
        self.port = free_port()
        self.zone_file = self.directory / f"{zone}.zone"
        self.zone_file.write_text(_EMPTY_ZONE.format(zone=zone, serial=int(time.time())) + "".join(line + "\n" for line in records))

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.spawn(self.command())
        self.await_port(self.port)
        wait_until(lambda: self.ask(self.zone, "SOA"), f"{self.name} to have its zone", details=self.log_tail)
        return self

    def ask(self, name, kind):
        """The data of the records, as dig prints them."""
        done = run(["dig", "+short", "+tcp", "+norecurse", "+tries=1", "+time=5", "-p", self.port, "@127.0.0.1", name, kind], check=False)
        return sorted(line for line in done.stdout.decode().splitlines() if not line.startswith(";;"))


class Knot(NameServer):
    def __init__(self, directory, zone, key, **options):
        super().__init__("knotd", directory, zone, key, **options)

    def command(self):
        keys = "".join(f"  - id: {key.name}\n    algorithm: {key.algorithm}\n    secret: {key.secret}\n"
                       for key in (self.key, *self.strangers))
        configuration = self.directory / "knot.conf"
        (self.directory / "db").mkdir(exist_ok=True)  # the journal; without it updates fail
        configuration.write_text(
            f"server:\n  rundir: {self.directory}\n  listen: 127.0.0.1@{self.port}\n"
            f"log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {self.directory}/db\n"
            f"key:\n{keys}acl:\n  - id: updates\n    key: {self.key.name}\n    action: update\n"
            f"zone:\n  - domain: {self.zone}\n    storage: {self.directory}\n    file: {self.zone_file.name}\n    acl: updates\n"
            f"    dnssec-signing: {'on' if self.signed else 'off'}\n")
        return ["/usr/sbin/knotd", "-c", configuration]


class Bind(NameServer):
    """`grants`: rules of update-policy for the key, instead of everything in the zone."""

    def __init__(self, directory, zone, key, grants=(), **options):
        super().__init__("named", directory, zone, key, **options)
        self.grants = "".join(f'grant "{key.name}" {grant}; ' for grant in grants)

    def command(self):
        configuration = self.directory / "named.conf"
        updates = f"update-policy {{ {self.grants}}};" if self.grants else f'allow-update {{ key "{self.key.name}"; }};'
        signing = "dnssec-policy default; inline-signing no;" if self.signed else ""
        configuration.write_text(
            f'options {{ directory "{self.directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
            f'  pid-file "{self.directory}/named.pid"; session-keyfile "{self.directory}/session.key"; lock-file none;\n'
            "  recursion no; dnssec-validation no; notify no; };\ncontrols { };\n"
            + "".join(key.text() for key in (self.key, *self.strangers)) +
            f'zone "{self.zone}" {{ type primary; file "{self.zone_file.name}"; {updates} {signing} }};\n')
        return ["/usr/sbin/named", "-g", "-c", configuration]
