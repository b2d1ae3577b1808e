"""A small Internet's DNS: Knot with a root that it signs, an unsigned zone below it and one whose chain of trust is broken."""

import hashlib
import pathlib

from cryptography.hazmat.primitives import serialization

from .base import Server, free_port, run, wait_until

_CONFIGURATION = """
server:
    listen: {address}@{port}
    rundir: "{directory}"
    user: "root:root"
log:
  - target: stderr
    any: info
database:
    storage: "{directory}/db"
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
    nsec3: off
template:
  - id: default
    storage: "{directory}"
    file: "%s.zone"
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: all
{keys}zone:
{zones}
"""


def tlsa(form: str, certificate) -> str:
    """The TLSA record of that form ("3 1 1", RFC 6698 2.1) for an x509 certificate; "3 1 1 wrong": of the right length, for no certificate at all."""
    usage, selector, matching, *wrong = form.split()
    data = certificate.public_bytes(serialization.Encoding.DER)
    if selector == "1":
        data = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if matching != "0":
        data = (hashlib.sha512 if matching == "2" else hashlib.sha256)(data).digest()
    return f"{usage} {selector} {matching} {'00' * len(data) if wrong else data.hex()}"


class SignedDns(Server):
    """Names below `plain.` are not signed, names below `bogus.` are, and the root's DS for them is wrong; all others are in the signed root.

    Records are zone file lines with absolute names ("mx.good.example. A 127.0.0.1"). `anchor` is the trust anchor file for resolvers.
    """

    def __init__(self, directory: pathlib.Path, address="127.0.0.1"):
        super().__init__("knot", directory)
        self.address, self.port = address, free_port()
        self.anchor = self.directory / "anchor"
        self._configuration = self.directory / "knot.conf"
        self._records: list[str] = []
        self._cuts: list[str] = []
        self._child: tuple[str, object] | None = None
        self._serial = 0
        self._delegation: list[str] = []

    def add(self, *records: str):
        self._records += records
        return self

    def remove(self, beginning: str):
        self._records = [record for record in self._records if not record.startswith(beginning)]
        return self

    def broken(self, name: str):
        """`name` becomes a zone of its own that the root delegates with a wrong DS: every answer from it is bogus."""
        self._cuts.append(name)
        return self

    def changed_by(self, zone: str, key):
        """`zone` ("ours.example.") becomes a signed zone of its own with a good DS, which a TsigKey may change; it begins empty but for the
        records that are added before start()."""
        self._child = (zone, key)
        return self

    def ask(self, name: str, kind: str) -> list[str]:
        """The data of the records, as dig prints them."""
        done = run(["dig", "+short", "+tcp", "+norecurse", "+tries=1", "+time=5", "-p", self.port, f"@{self.address}", name, kind], check=False)
        return sorted(line for line in done.stdout.decode().splitlines() if not line.startswith(";;"))

    def start(self):
        keys = ""
        zones = [("root", ".", True), ("plain", "plain.", False), ("bogus", "bogus.", True), *((f"cut{i}", name, True) for i, name in enumerate(self._cuts))]
        lines = []
        for file, name, signed in zones:
            lines += [f'  - domain: "{name}"', f'    file: "{file}.zone"', *(["    dnssec-signing: on", "    dnssec-policy: signed"] if signed else [])]
        if self._child:
            zone, key = self._child
            keys = f"key:\n  - id: {key.name}\n    algorithm: {key.algorithm}\n    secret: {key.secret}\nacl:\n  - id: updates\n    key: {key.name}\n    action: update\n"
            lines += [f'  - domain: "{zone}"', '    file: "child.zone"', "    acl: updates", "    dnssec-signing: on", "    dnssec-policy: signed"]
        self._configuration.write_text(_CONFIGURATION.format(address=self.address, port=self.port, directory=self.directory, keys=keys,
                                                             zones="\n".join(lines)))
        self._write()
        (self.directory / "db").mkdir(exist_ok=True)
        self.spawn(["/usr/sbin/knotd", "-c", self._configuration])
        self.await_port(self.port, host=self.address)
        ds = wait_until(lambda: self._ds_of("."), "Knot to sign the root", details=self.log_tail)
        self.anchor.write_text(ds + "\n")
        if self._child:
            self._cut_child(self._child[0])
        self.anchor.chmod(0o644)
        return self

    def _ds_of(self, zone: str) -> str:
        told = run(["keymgr", "-c", self._configuration, zone, "ds"], check=False)
        return told.stdout.decode().partition("\n")[0].strip()

    def _cut_child(self, zone: str):
        ds = wait_until(lambda: self._ds_of(zone), f"Knot to sign {zone}", details=self.log_tail)
        self._delegation = [f"{zone} NS ns.example.", ds]
        self.reload()
        wait_until(lambda: self.ask(zone, "DS"), f"the root to delegate {zone}", details=self.log_tail)

    def reload(self):
        """The files are read again; not that of changed_by(), which lives by its updates."""
        self._write()
        for zone in (".", "plain.", "bogus.", *self._cuts):
            run(["knotc", "-c", self._configuration, "-b", "zone-reload", zone])

    def _write(self):
        self._serial += 1000  # signing counts on from it
        wrong = "DS 12345 13 2 " + "ab" * 32
        cuts = ["plain. NS ns.example.", "bogus. NS ns.example.", f"bogus. {wrong}"]
        for name in self._cuts:
            cuts += [f"{name} NS ns.example.", f"{name} {wrong}"]
        names = {"plain.": "plain", "bogus.": "bogus"} | {name: f"cut{i}" for i, name in enumerate(self._cuts)}
        if self._child:
            names[self._child[0]] = "child"
        content = {"root": [f"ns.example. A {self.address}", *cuts, *self._delegation]} | {file: [] for file in names.values()}
        for record in self._records:
            owner = record.split()[0]
            home = max((name for name in names if owner == name or owner.endswith("." + name)), key=len, default=None)
            content[names.get(home, "root")].append(record)
        for file, lines in content.items():
            apex = next((name for name, its in names.items() if its == file), ".")
            head = ["$TTL 1", f"{apex} SOA ns.example. host.example. {self._serial} 3600 600 86400 1", f"{apex} NS ns.example."]
            path = self.directory / f"{file}.zone"
            if file != "child" or not path.exists():
                path.write_text("\n".join(head + lines) + "\n")
