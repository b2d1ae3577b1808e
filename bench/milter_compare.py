#!/usr/bin/env python3
"""Postern as a milter beside OpenDKIM with OpenDMARC, and beside rspamd; then the time it adds to Debian's Postfix.

    /usr/bin/python3 bench/milter_compare.py                     the tables of docs/benchmarks.md
    /usr/bin/python3 bench/milter_compare.py --quick             a quick look

`milter_load` speaks the protocol as Postfix does and gives all contenders the same signed messages; DNS is an Unbound on the loopback, and
every contender is warmed up before it is measured. A run with a wrong answer is an error, not a result. Needs root: Postfix changes user, and
OpenDMARC gets an /etc/resolv.conf of its own. Exit status 1 when a promise is not kept.
"""

import argparse
import contextlib
import email.utils
import json
import os
import pathlib
import random
import shutil
import signal
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402
from document import machine, put_between_marks  # noqa: E402
from peers import dkimtools  # noqa: E402
from peers.base import PeerError, Server, free_port, run, wait_until  # noqa: E402
from peers.daemon import HOSTNAME, ROOT, Daemon, default_config, send_exact  # noqa: E402
from peers.postfix import Postfix  # noqa: E402
from peers.unbound import UnboundServer  # noqa: E402

RATIO = 3.0  # messages per CPU-second, against each of the others
ADDED_MS = 2.0  # at the 99th percentile, behind Postfix
CLIENT = "198.18.0.5"  # RFC 2544: nobody's private network, so nobody treats it in a special way
AUTHOR, RECIPIENT = "alice@example.net", "bob@postern.example"
SELECTOR, KINDS = "sel", 40
EXPECTED = ("spf=pass", "dkim=pass", "dmarc=pass")
DRIVER = ROOT / "build/release/bench/milter_load"
TRUSTED = "filter.bench.example"  # the name under which OpenDKIM tells OpenDMARC what it found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--messages", type=int, default=2000, help="messages of a run; before each size a tenth of them, to warm up")
    parser.add_argument("--sizes", type=numbers, default=[2048, 16384])
    parser.add_argument("--connections", type=numbers, default=[1, 4, 16])
    parser.add_argument("--per-session", type=int, default=1, help="messages that one SMTP session sends")
    parser.add_argument("--alternations", type=int, default=5)
    parser.add_argument("--contenders", type=lambda text: text.split(","), default=list(CONTENDERS))
    parser.add_argument("--behind", type=int, default=2000, help="messages of a run behind Postfix; 0: none")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=pathlib.Path, help="every single measurement goes there")
    parser.add_argument("--document", type=pathlib.Path, help="puts the tables between the milter marks of this Markdown file")
    given = parser.parse_args()
    if given.quick:
        given.messages, given.alternations, given.connections, given.behind = min(400, given.messages), 2, [4], min(200, given.behind)
    unknown = [name for name in given.contenders if name not in CONTENDERS]
    if unknown:
        parser.error(f"no contender {unknown[0]!r}; there are {', '.join(CONTENDERS)}")
    if os.geteuid() != 0:
        parser.error("run as root: Postfix changes user, and OpenDMARC needs a mount of its own")
    if not DRIVER.is_file():
        parser.error(f"{DRIVER} is not built: cmake --preset release -DPOSTERN_BENCH=ON, then build milter_load")
    return given


def free_dns_address() -> str:
    """/etc/resolv.conf names no port, so the address must be nobody's."""
    for last in range(1, 250):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((f"127.0.53.{last}", 53))
            return f"127.0.53.{last}"
    raise PeerError("port 53 is taken on all of 127.0.53.0/24")


DNS = free_dns_address()


def say(text: str):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


# Messages, and the DNS that speaks for them.

_WORDS = ("the of and that this with from have been their which would about other after first could these people order report meeting "
          "please find attached agreed between delivery invoice quarter budget question answer tomorrow morning regards project").split()


def prose(chance: random.Random, octets: int) -> str:
    lines, line = [], ""
    while sum(map(len, lines)) + 2 * len(lines) + len(line) < octets:
        line += chance.choice(_WORDS) + " "
        if len(line) > 70:
            lines.append(line.rstrip())
            line = ""
    return "\r\n".join([*lines, line.rstrip(), ""])


def message(chance: random.Random, size: int, number: int) -> bytes:
    """A text of people with the header that such mail has, text and HTML, `size` octets long or a little longer."""
    boundary, now = f"=_part_{number:06d}", email.utils.formatdate()
    head = "\r\n".join([
        f"Received: from inside.example.net (inside.example.net [10.1.2.3])\r\n\tby out.example.net (Postfix) with ESMTPS id 4A{number:06d}\r\n\tfor <{RECIPIENT}>; {now}",
        f"From: Alice Example <{AUTHOR}>", f"To: Bob <{RECIPIENT}>", f"Subject: {prose(chance, 30).strip()}", f"Date: {now}",
        f"Message-ID: <{number}.{chance.getrandbits(64):x}@example.net>", "MIME-Version: 1.0", "User-Agent: Mail/1.0",
        f'Content-Type: multipart/alternative; boundary="{boundary}"', "", ""])
    def body(octets):
        return (f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{prose(chance, octets // 2)}\r\n"
                f"--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>{prose(chance, octets // 2)}</p></body></html>\r\n--{boundary}--\r\n")
    frame = len(head) + len(body(0)) + 700  # the signature is about so long
    return (head + body(max(0, size - frame))).encode()


def make_messages(directory: pathlib.Path, sizes) -> tuple[dict[int, pathlib.Path], str]:
    """A folder of signed messages for each size, and the TXT record of the key."""
    import dkim
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    folders, chance = {}, random.Random(4711)
    for size in sizes:
        folder = folders[size] = directory / f"messages-{size}"
        folder.mkdir()
        for number in range(KINDS):
            raw = message(chance, size, number)
            signed = dkim.sign(raw, SELECTOR.encode(), b"example.net", private, canonicalize=(b"relaxed", b"relaxed")) + raw
            (folder / f"{number:03d}.eml").write_bytes(signed)
    return folders, dkimtools.dns_record(public.decode())


def start_dns(directory: pathlib.Path, key: str) -> UnboundServer:
    halves = f'"{key[:200]}" "{key[200:]}"'
    reverse = ".".join(reversed(CLIENT.split(".")))
    records = ['example.net. 3600 IN TXT "v=spf1 ip4:198.18.0.0/24 -all"', '_dmarc.example.net. 3600 IN TXT "v=DMARC1; p=reject"',
               f"{SELECTOR}._domainkey.example.net. 3600 IN TXT {halves}", "example.net. 3600 IN MX 10 out.example.net.",
               f"out.example.net. 3600 IN A {CLIENT}", f"{reverse}.in-addr.arpa. 3600 IN PTR out.example.net.",
               'out.example.net. 3600 IN TXT "v=spf1 a -all"',
               "example.net. 3600 IN SOA ns.example.net. h.example.net. 1 3600 3600 3600 3600", ". 3600 IN SOA ns.example.net. h.example.net. 1 3600 3600 3600 3600"]
    return UnboundServer(directory / "dns", records, address=DNS, port=53).start()


# Contenders.

class Contender:
    """Filters at Unix sockets (over TCP, delayed acknowledgements cost libmilter 40 ms and more a message)."""
    name = ""
    tells = ""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory / self.name
        self.directory.mkdir()
        self.directory.chmod(0o755)
        self.servers: list[Server] = []
        self.doors: list[pathlib.Path] = []

    def start(self):
        raise NotImplementedError

    def stop(self):
        for server in self.servers:
            server.stop()

    def roots(self) -> list[int]:
        return [server.process.pid for server in self.servers]

    def log_tail(self) -> str:
        return "\n".join(server.log_tail(15) for server in self.servers)

    def _spawn(self, name: str, argv) -> pathlib.Path:
        """Starts a program of the distribution that makes `name`.sock in our folder."""
        server = Server(name, self.directory)
        door = self.directory / f"{name}.sock"
        self.servers.append(server)
        self.doors.append(door)
        server.spawn(argv)
        wait_until(door.exists, f"{name}'s socket", 20, details=server.log_tail)
        return door


def needs(program: str):
    if not shutil.which(program, path="/usr/sbin:/usr/bin"):
        raise PeerError(f"{program} is not installed")


class Postern(Contender):
    name = "postern"

    def start(self):
        door = self.directory / "doors" / "milter.sock"  # the gate sees the folder
        door.parent.mkdir(mode=0o755)
        config = default_config()
        config["server"]["log_level"] = "warn"
        config["authentication"] = {"enabled": True, "dmarc": "enforce"}
        config["dns"] = {"servers": [DNS], "trust_anchor": ""}
        config["listener"] = [{"kind": "milter", "address": f"unix:{door}", "tls": "none"}]
        server = Daemon(self.directory / "run", config).route("*", f"smtp:127.0.0.1:{free_port()}", tls="none")
        self.servers.append(server)
        server.start(60)
        wait_until(door.exists, "the milter's socket", 10, details=server.log_tail)
        door.chmod(0o666)
        self.doors.append(door)


class OpenDkimOpenDmarc(Contender):
    """OpenDKIM verifies; OpenDMARC reads its result, and looks at SPF itself."""
    name = "opendkim+opendmarc"

    def start(self):
        needs("opendkim")
        needs("opendmarc")
        dkim = self.directory / "opendkim.conf"
        dkim.write_text(f"Mode v\nSyslog no\nSocket local:{self.directory}/opendkim.sock\nUMask 000\nNameservers {DNS}\nAuthservID {TRUSTED}\n"
                        "AlwaysAddARHeader yes\nInternalHosts 127.0.0.1\n")
        self._spawn("opendkim", ["/usr/sbin/opendkim", "-f", "-x", dkim])
        dmarc = self.directory / "opendmarc.conf"
        dmarc.write_text(f"Syslog false\nSocket local:{self.directory}/opendmarc.sock\nUMask 000\nAuthservID {TRUSTED}\nTrustedAuthservIDs {TRUSTED}\n"
                         "SPFIgnoreResults true\nSPFSelfValidate true\nRejectFailures true\nPublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat\n")
        resolv = self.directory / "resolv.conf"
        resolv.write_text(f"nameserver {DNS}\n")
        self._spawn("opendmarc", ["/usr/bin/unshare", "-m", "/bin/sh", "-c",
                                  'mount --bind "$1" /etc/resolv.conf && exec /usr/sbin/opendmarc -f -c "$2"', "sh", resolv, dmarc])


_RSPAMD = """
options {{
  pidfile = "{at}/rspamd.pid"; tempdir = "{at}"; cache_file = "{at}/symbols.cache"; control_socket = "{at}/control.sock mode=0600"; hs_cache_dir = "{at}";
  filters = "dkim"; disable_hyperscan = true; url_tld = "/usr/share/rspamd/effective_tld_names.dat"; local_addrs = [ "127.0.0.0/8" ]; task_timeout = 8s;
  dns {{ nameserver = ["{dns}:53:10"]; timeout = 1s; retransmits = 5; }}
}}
logging {{ type = "console"; level = "warning"; }}
modules {{ path = "{at}/plugins"; }}
actions {{ reject = 15; }}
group "policies" {{ symbols {{ R_SPF_ALLOW {{ weight = -0.2; }} R_DKIM_ALLOW {{ weight = -0.2; }} DMARC_POLICY_ALLOW {{ weight = -0.5; }} }} }}
dkim {{ dkim_cache_size = 2k; dkim_cache_expire = 1d; }}
spf {{ spf_cache_size = 2k; spf_cache_expire = 1d; }}
dmarc {{ actions {{ reject = "reject"; quarantine = "add_header"; }} }}
milter_headers {{ use = ["authentication-results"]; authenticated_headers = []; }}
worker "rspamd_proxy" {{
  bind_socket = "{at}/rspamd.sock mode=0666"; milter = yes; count = 2; timeout = 120s;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""


class Rspamd(Contender):
    """Its proxy worker scans by itself; of its modules SPF, DKIM and DMARC, and the one that writes Authentication-Results."""
    name = "rspamd"

    def start(self):
        needs("rspamd")
        plugins = self.directory / "plugins"
        plugins.mkdir()
        for module in ("spf", "dmarc", "milter_headers"):
            (plugins / f"{module}.lua").symlink_to(f"/usr/share/rspamd/plugins/{module}.lua")
        configuration = self.directory / "rspamd.conf"
        configuration.write_text(_RSPAMD.format(at=self.directory, dns=DNS))
        shutil.chown(self.directory, "_rspamd", "_rspamd")
        self._spawn("rspamd", ["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", configuration])


CONTENDERS = {kind.name: kind for kind in (Postern, OpenDkimOpenDmarc, Rspamd)}


def start_all(given, directory) -> tuple[list[Contender], dict[str, str]]:
    """Those that run and answer rightly, and why the others do not. Ours must."""
    running, left_out = [], {}
    for name in given.contenders:
        contender = CONTENDERS[name](directory)
        try:
            contender.start()
            drive(contender, given.folders[given.sizes[0]], 5, 1)
        except (PeerError, OSError) as error:
            say(f"{name} is left out: {error}\n{contender.log_tail()}")
            contender.stop()
            if name == Postern.name:
                raise
            left_out[name] = str(error).splitlines()[0]
            continue
        running.append(contender)
    return running, left_out


# The driver.

def drive(contender: Contender, messages: pathlib.Path, count: int, connections: int, per_session=1) -> dict:
    argv = [DRIVER, "--messages", messages, "--count", count, "--connections", connections, "--per-session", per_session,
            "--client", CLIENT, "--sender", AUTHOR, "--recipient", RECIPIENT]
    for door in contender.doors:
        argv += ["--filter", door]
    for text in EXPECTED:
        argv += ["--expect", text]
    before = load.cpu_seconds(contender.roots())
    done = subprocess.run([str(part) for part in argv], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise PeerError(f"{contender.name}: {done.stderr.strip()[:600]}")
    outcome = json.loads(done.stdout)
    used = load.cpu_seconds(contender.roots()) - before
    if outcome["messages"] != count:
        raise PeerError(f"{count} messages were to be sent to {contender.name}, and {outcome['messages']} were")
    return {**outcome, "per_second": count / outcome["seconds"], "cpu_per_thousand": used * 1000 / count, "per_cpu_second": count / max(used, 0.01)}


def measure(given, running, results):
    for size in given.sizes:
        for contender in running:
            drive(contender, given.folders[size], max(KINDS, given.messages // 10), 4)
        for connections in given.connections:
            for turn in range(given.alternations):
                order = running[turn % len(running):] + running[: turn % len(running)]
                for contender in order:
                    outcome = drive(contender, given.folders[size], given.messages, connections, given.per_session)
                    results.append({"contender": contender.name, "size": size, "connections": connections, "kind": "milter", **outcome})
                    say(f"{contender.name:19} {size:6} B {connections:3} connections: {outcome['per_second']:7.0f} messages/s "
                        f"{outcome['per_cpu_second']:7.0f} per CPU s, p50 {outcome['p50_ms']:.2f} p99 {outcome['p99_ms']:.2f} ms")


# Behind Postfix.

def behind_postfix(given, directory, postern, results):
    """Two doors of one Postfix, with and without the milter, in turns; one connection and one message after the other."""
    with_it = free_port()
    settings = ("default_transport = discard:\nsmtpd_authorized_xclient_hosts = 127.0.0.0/8\nsmtpd_relay_restrictions =\n"
                "smtpd_recipient_restrictions = permit_mynetworks, check_recipient_access static:OK, reject\nmilter_protocol = 6\n"
                "milter_default_action = tempfail\nsmtpd_peername_lookup = no\n")
    postfix = Postfix(directory / "postfix", settings, address=f"127.0.0.1:{with_it}", address_settings=[f"smtpd_milters=unix:{postern.doors[0]}"])
    postfix.start()
    try:
        postfix.await_port(with_it)
        for size in given.sizes:
            bodies = [path.read_bytes() for path in sorted(given.folders[size].iterdir())]
            for port in (postfix.port, with_it):
                one_connection(port, bodies, max(20, given.behind // 10))
            for turn in range(given.alternations):
                doors = [("without", postfix.port), ("with", with_it)]
                for which, port in doors if turn % 2 == 0 else reversed(doors):
                    asked = messages_of(postern)
                    times = one_connection(port, bodies, given.behind)
                    if (asked := messages_of(postern) - asked) != (given.behind if which == "with" else 0):
                        raise PeerError(f"Postfix {which} the milter asked it about {asked} of {given.behind} messages")
                    results.append({"contender": which, "size": size, "kind": "postfix", "dot_ms": [dot for dot, _ in times], "whole_ms": [whole for _, whole in times]})
                    say(f"Postfix {which:7} the milter, {size:6} B: final dot to 250 p50 {cut(results[-1]['dot_ms'], .5):.2f} p99 {cut(results[-1]['dot_ms'], .99):.2f} ms")
                    wait_until(lambda: postfix.queue_length() == 0, "an empty queue of Postfix", 120)
    finally:
        postfix.stop()


def messages_of(postern) -> int:
    return next(door for door in postern.servers[0].get_json("/status")["listeners"] if door["name"] == "milter")["changed"]


def one_connection(port: int, bodies: list[bytes], count: int) -> list[tuple[float, float]]:
    """Milliseconds from the final dot to its 250, and from MAIL to it."""
    times = []
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.sock.setsockopt(6, 1, 1)  # TCP_NODELAY
        client.ehlo()
        if client.docmd("XCLIENT", f"ADDR={CLIENT} NAME=out.example.net")[0] != 220:
            raise PeerError("Postfix takes no XCLIENT")
        client.ehlo("out.example.net")
        for number in range(count):
            begun = time.perf_counter()
            stuffed = bodies[number % len(bodies)].replace(b"\r\n.", b"\r\n..")
            for command, arguments, wanted in (("MAIL", f"FROM:<{AUTHOR}>", 250), ("RCPT", f"TO:<{RECIPIENT}>", 250), ("DATA", "", 354)):
                code, text = client.docmd(command, arguments)
                if code != wanted:
                    raise PeerError(f"Postfix answered {command}: {code} {text!r}")
            client.send(stuffed + b".\r\n")
            dot = time.perf_counter()
            code, text = client.getreply()
            now = time.perf_counter()
            if code != 250:
                raise PeerError(f"Postfix answered the message: {code} {text!r}")
            times.append(((now - dot) * 1000, (now - begun) * 1000))
    return times


# Tables.

def cut(numbers, share) -> float:
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def values(results, key, **which):
    return [r[key] for r in results if all(r.get(name) == value for name, value in which.items())]


def spread(numbers, form="{:,.0f}") -> str:
    return f"{form.format(statistics.median(numbers))} ({form.format(min(numbers))}-{form.format(max(numbers))})"


def contest(given, results) -> list[str]:
    out = []
    for size in given.sizes:
        out += [f"### {size} bytes", "", "| contender | connections | messages/s | CPU s/1,000 | messages per CPU-second | p50 ms | p99 ms |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
        for connections in given.connections:
            for name in given.contenders:
                where = {"kind": "milter", "contender": name, "size": size, "connections": connections}
                if values(results, "messages", **where):
                    columns = (("per_second", "{:,.0f}"), ("cpu_per_thousand", "{:.2f}"), ("per_cpu_second", "{:,.0f}"), ("p50_ms", "{:.2f}"), ("p99_ms", "{:.2f}"))
                    out.append(f"| {name} | {connections} | " + " | ".join(spread(values(results, key, **where), form) for key, form in columns) + " |")
        out.append("")
    return out


def ratios(given, results):
    """(other, size, connections, ratio of the medians of messages per CPU-second)."""
    for size in given.sizes:
        for connections in given.connections:
            for name in given.contenders:
                where = {"kind": "milter", "size": size, "connections": connections}
                ours, theirs = (values(results, "per_cpu_second", contender=one, **where) for one in (Postern.name, name))
                if name != Postern.name and ours and theirs:
                    yield name, size, connections, statistics.median(ours) / statistics.median(theirs)


def added(given, results):
    """(what, size, share, without, with), in ms; of all runs together."""
    for size in given.sizes:
        for key, what in (("dot_ms", "final dot to 250"), ("whole_ms", "MAIL to 250")):
            pooled = [[ms for run_ in values(results, key, kind="postfix", size=size, contender=which) for ms in run_] for which in ("without", "with")]
            if all(pooled):
                for share in (.5, .99):
                    yield what, size, share, cut(pooled[0], share), cut(pooled[1], share)


def report(given, results, left_out) -> tuple[str, list[str]]:
    """The tables, and every promise that was not kept as a sentence."""
    missed = []
    out = [f"{machine('opendmarc', 'rspamd', 'unbound')}. {given.alternations} alternations of {given.messages} messages, {given.per_session} a session; median (least-most). "
           f"Load average at the end {os.getloadavg()[0]:.1f}.", "", *contest(given, results)]
    out += [f"{name} is left out: {why}.\n" for name, why in left_out.items()]
    rows = []
    for name, size, connections, ratio in ratios(given, results):
        rows.append(f"| postern / {name} | {size} | {connections} | {ratio:.2f} | {RATIO:g} | {'yes' if ratio >= RATIO else 'NO'} |")
        if ratio < RATIO:
            missed.append(f"postern / {name} at {size} bytes and {connections} connections: {ratio:.2f}, promised {RATIO:g}")
    if rows:
        out += ["### Messages per CPU-second, ratios of medians", "", "| pair | bytes | connections | ratio | promised | kept |", "| --- | ---: | ---: | ---: | ---: | --- |", *rows, ""]
    rows = []
    for what, size, share, without, with_ in added(given, results):
        judged = share == .99
        rows.append(f"| {what} | {size} | p{share * 100:.0f} | {without:.2f} | {with_:.2f} | {with_ - without:.2f} | " +
                    (f"{ADDED_MS:g} | {'yes' if with_ - without < ADDED_MS else 'NO'} |" if judged else " |  |"))
        if judged and with_ - without >= ADDED_MS:
            missed.append(f"{what} at {size} bytes behind Postfix: {with_ - without:.2f} ms more at p99, promised under {ADDED_MS:g}")
    if rows:
        out += [f"### Behind Postfix, ms ({given.alternations} times {given.behind} messages)", "", "| time | bytes | at | without | with postern | added | promised under | kept |",
                "| --- | ---: | --- | ---: | ---: | ---: | ---: | --- |", *rows, ""]
    return "\n".join(out), missed


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what changed its user does not end with us by itself
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pb-", dir=os.environ.get("POSTERN_BENCH_DIR", "/var/tmp")))
    directory.chmod(0o755)
    results, running = [], []
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        given.folders, key = make_messages(directory, given.sizes)
        dns = start_dns(directory, key)
        stack.callback(dns.stop)
        running, left_out = start_all(given, directory)
        for contender in running:
            stack.callback(contender.stop)
        measure(given, running, results)
        if given.behind and running[0].name == Postern.name:
            behind_postfix(given, directory, running[0], results)
    if given.json:
        given.json.write_text("".join(json.dumps(r) + "\n" for r in results))
    text, missed = report(given, results, left_out)
    print(text)
    if given.document:
        put_between_marks(given.document, "milter", f"`/usr/bin/python3 bench/milter_compare.py {' '.join(sys.argv[1:])}`", text)
    for promise in missed:
        say(f"NOT KEPT: {promise}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
