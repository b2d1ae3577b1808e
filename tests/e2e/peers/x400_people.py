"""The X.400 side as its people and operators see it: a person with a mailbox at a daemon, and two daemons that are each other's peer over roads
that can be made bad."""

import hashlib
import secrets
import socket
import ssl

from .base import wait_until
from .fault_proxy import FaultProxy
from .wiretap import Wiretap

ALICE, BOB = "C=DE;A= ;P=NORTH;O=Works;S=Alice", "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob"
NORTH, SOUTH = "C=DE;A= ;P=NORTH", "C=GB;A=GOLD;P=SOUTH"


class Person:
    """Somebody at a daemon who uses the command: with a mailbox, or (delivery="p3") taking what comes himself."""

    def __init__(self, daemon, address: str, tls=False, password="secret words", delivery="store"):
        self.daemon, self.address, self.tls, self.password = daemon, address, tls, password
        daemon.cli("x400", "ms", "add", address, "--delivery", delivery, input=f"{password}\n".encode())
        self.words = daemon.directory / f"words-{secrets.token_hex(4)}"
        self.words.write_text(f"{password}\n")

    def options(self, protocol):
        port = self.daemon.ports["x400s" if self.tls else "x400"]
        tls = ["--tls", "required", "--ca", self.daemon.ca] if self.tls else ["--tls", "none"]
        return ["--peer", f"{'localhost' if self.tls else '127.0.0.1'}:{port}", *tls, "--user", self.address, "--password-ref", f"file:{self.words}",
                "--protocol", protocol]

    def submit(self, to, text, protocol="p7", *more, subject="Good news"):
        return self.daemon.json("x400", "submit", *self.options(protocol), "--to", to, "--subject", subject, "--text", text, *more)["submitted"]

    def entries(self) -> list[dict]:
        """All of them, page after page."""
        out, more = [], []
        while True:
            answer = self.daemon.json("x400", "list", *self.options("p7"), *more)
            out += answer["entries"]
            if "next" not in answer:
                return out
            more = ["--from", str(answer["next"])]

    def wait(self, count, seconds=30) -> list[dict]:
        wait_until(lambda: len(self.entries()) >= count, f"{count} entries of {self.address}", seconds, every=0.2, details=self.daemon.log_tail)
        return self.entries()

    def receive(self, *more) -> list[dict]:
        """Takes what the MTA delivers."""
        return self.daemon.json("x400", "receive", *self.options("p3"), *more)["received"]

    def message(self, number):
        return self.daemon.json("x400", "message", str(number), *self.options("p7"))


def configure(daemon, name: str, domain: str, tls=False, **more):
    daemon.config["x400"] = {"domain": domain, "mta_name": name, **more, **({"tls": {"address": "127.0.0.1:0"}} if tls else {"address": "127.0.0.1:0"})}
    daemon.config["x400_route"] = [{"prefix": domain, "via": "store"}]


def behind_wiretaps(make_daemon, credentials=None):
    """Two MTAs with a store each, in clear, started, and what each hears from the other by the name of who hears it. `credentials`: by the name of an
    MTA its x400.strong, and what the other's [[x400_peer]] has in place of passwords."""
    north, south = make_daemon(name="north"), make_daemon(name="south")
    configure(north, "north", NORTH)
    configure(south, "south", SOUTH)
    peer = {"password_ref": "file:shared", "peer_password_ref": "file:shared", "tls": "none"}
    for daemon in (north, south):
        (daemon.directory / "shared").write_text("between MTAs\n")
        daemon.start()
    taps = {name: Wiretap(daemon.ports["x400"]) for name, daemon in (("north", north), ("south", south))}
    for daemon, name, domain in ((north, "south", SOUTH), (south, "north", NORTH)):
        daemon.stop()
        daemon.config["x400"]["address"] = f"127.0.0.1:{daemon.ports['x400']}"
        if credentials:
            daemon.config["x400"]["strong"], _ = credentials["south" if name == "north" else "north"]
            peer = {"tls": "none", "credentials": "strong", **credentials[name][1]}
        daemon.config["x400_peer"] = [{"name": name, "domain": domain, "address": f"127.0.0.1:{taps[name].port}", **peer}]
        daemon.config["x400_route"].append({"prefix": domain, "via": f"peer:{name}"})
    north.start(), south.start()
    return north, south, taps


def certificate_pin(port: int, of="certificate") -> str:
    """What a daemon shows on its TLS door."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as secured:
        return "sha256:" + hashlib.sha256(secured.getpeercert(binary_form=True)).hexdigest()


class Pair:
    """Two MTAs with a message store each, and a road in each direction. `start()` once the configuration is as wanted."""

    def __init__(self, make_daemon, tls=False, **peer):
        self.tls = tls
        self.north, self.south = make_daemon(name="north"), make_daemon(name="south")
        self.to_south, self.to_north = FaultProxy(), FaultProxy()
        self.password = "between MTAs " + secrets.token_hex(6)
        shared = {"password_ref": "file:shared", "peer_password_ref": "file:shared", "tls": "required" if tls else "none", **peer}
        for daemon, name, domain, other, beyond, road in ((self.north, "north", NORTH, "south", SOUTH, self.to_south),
                                                          (self.south, "south", SOUTH, "north", NORTH, self.to_north)):
            (daemon.directory / "shared").write_text(f"{self.password}\n")
            daemon.config["listener"] = [record for record in daemon.config["listener"] if record["kind"] == "lmtp"]  # no test uses it
            door = {"tls": {"address": "127.0.0.1:0"}} if tls else {}
            daemon.config["x400"] = {"domain": domain, "mta_name": name, "retry": ["1s"], "idle": "1s", "address": "127.0.0.1:0", **door}
            daemon.config["x400_peer"] = [{"name": other, "domain": beyond, "address": f"127.0.0.1:{road.port}", **shared}]
            daemon.config["x400_route"] = [{"prefix": domain, "via": "store"}, {"prefix": beyond, "via": f"peer:{other}"}]

    def peer_of(self, daemon) -> dict:
        return daemon.config["x400_peer"][0]

    def start(self):
        for daemon in (self.north, self.south):
            if not daemon.running():
                daemon.start()
        self.connect_roads()
        return self

    def connect_roads(self):
        """Ports are free ones, so each start has others."""
        door = "x400s" if self.tls else "x400"
        self.to_south.target, self.to_north.target = self.south.ports.get(door), self.north.ports.get(door)

    def pins(self):
        """Each knows the other by its certificate, from the next start on."""
        for daemon, other in ((self.north, self.south), (self.south, self.north)):
            self.peer_of(daemon)["pins"] = [certificate_pin(other.ports["x400s"])]

    def people(self):
        self.alice, self.bob = Person(self.north, ALICE, self.tls), Person(self.south, BOB, self.tls)
        return self.alice, self.bob

    def state(self, daemon) -> dict:
        return daemon.get_json("/status")["x400"]

    def queued(self) -> int:
        return sum(daemon.get_json("/status")["queue"]["queued"] for daemon in (self.north, self.south))

    def await_quiet(self, seconds=40):
        wait_until(lambda: self.queued() == 0, "empty queues", seconds, every=0.1,
                   details=lambda: f"{self.north.queue()}\n{self.south.queue()}\n{self.north.log_tail()}\n{self.south.log_tail()}")

    def stop(self):
        self.to_south.stop(), self.to_north.stop()
