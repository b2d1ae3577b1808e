#!/usr/bin/env python3
"""The key engine over HTTP, beside nginx `return 200` and, with BAO=path, beside an OpenBao: requests per CPU-second of the server.

    /usr/bin/python3 bench/vault_bench.py                        the table of docs/benchmarks.md
    /usr/bin/python3 bench/vault_bench.py --seconds 1 --alternations 1        a quick look
    BAO=~/bin/bao /usr/bin/python3 bench/vault_bench.py          a third column

wrk drives one contender at a time over kept connections; the contenders take turns within one run. It shares the cores with them, so the
figure that counts is requests per CPU-second of the server's processes (user and system time in /proc); nothing is pinned. Audit is on.
One answer that is not 200 makes the run an error. Exit status 1 when a promise is not kept.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402
from document import machine, put_between_marks  # noqa: E402
from peers.base import PeerError, Server, free_port, run  # noqa: E402
from peers.certs import TestAuthority  # noqa: E402
from peers.daemon import Daemon, engine_config  # noqa: E402
from peers.vault import Vault, b64  # noqa: E402

BATCH = 128
KIB, DATA_KEY = b64(os.urandom(1024)), b64(os.urandom(32))
ED25519, P256 = "sign-ed25519", "sign-ecdsa-p256"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    path: str
    body: dict
    items: int = 1
    tls: bool = False
    yardstick: bool = False  # nginx does the same; beyond two cases its figure means nothing


CASES = [
    Case("encrypt 1 KiB", "transit/encrypt/bench-aes256-gcm96", {"plaintext": KIB}, yardstick=True),
    Case("encrypt 1 KiB, TLS 1.3", "transit/encrypt/bench-aes256-gcm96", {"plaintext": KIB}, tls=True, yardstick=True),
    Case(f"encrypt {BATCH} x 32 bytes", "transit/encrypt/bench-aes256-gcm96", {"batch_input": [{"plaintext": DATA_KEY}] * BATCH}, BATCH),
    Case("sign, Ed25519", "transit/sign/bench-ed25519", {"input": DATA_KEY}),
    Case(f"sign {BATCH}, Ed25519", "transit/sign/bench-ed25519", {"batch_input": [{"input": DATA_KEY}] * BATCH}, BATCH),
    Case("sign, ECDSA P-256", "transit/sign/bench-ecdsa-p256", {"input": DATA_KEY}),
    Case(f"sign {BATCH}, ECDSA P-256", "transit/sign/bench-ecdsa-p256", {"batch_input": [{"input": DATA_KEY}] * BATCH}, BATCH),
]
KEYS = ("aes256-gcm96", "ed25519", "ecdsa-p256")

# What the project promises: at least so many items per CPU-second of the server, ...
ABSOLUTE = {"encrypt 1 KiB": 40_000, "encrypt 1 KiB, TLS 1.3": 28_000, f"encrypt {BATCH} x 32 bytes": 400_000}
# ... and at least that share of what another thing does in the same run (of nginx with the same request; of the bare signature).
OF_NGINX = {"encrypt 1 KiB": 0.3}
OF_PRIMITIVE = {f"sign {BATCH}, Ed25519": ("ed25519", 0.75), f"sign {BATCH}, ECDSA P-256": ("ecdsap256", 0.75)}

WRK = """
wrk.method = "POST"
wrk.headers["X-Vault-Token"] = "%(token)s"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[%(body)s]]
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\\n{"requests": %%d, "microseconds": %%d, "bad": %%d, "p50": %%d, "p99": %%d}\\n', summary.requests, summary.duration,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


# Contenders.

class Postern:
    name = "postern"

    def __init__(self, directory: pathlib.Path, authority: TestAuthority):
        config = engine_config()
        config["server"]["log_level"] = "warn"
        self._daemon = Daemon(directory / "postern", config)

    def start(self):
        self._daemon.start()
        self.token = self._daemon.engine_token
        make_keys(self._daemon.vault())

    def url(self, tls: bool) -> str | None:
        if tls:
            return f"https://127.0.0.1:{self._daemon.ports['https']}" if "https" in self._daemon.ports else None
        return self._daemon.vault_address

    def roots(self) -> list[int]:
        return [self._daemon.process.pid]

    def rotate(self):
        for log in (self._daemon.data_dir / "audit").glob("*.jsonl"):
            log.unlink()
        self._daemon.vault().read("auth/token/lookup-self")  # the recorder sees it and begins a new file

    def stop(self):
        self._daemon.stop()


class Nginx:
    """What any HTTP server costs at least: it reads the same request and answers 36 bytes."""
    name = "nginx return 200"
    token = "none"

    def __init__(self, directory: pathlib.Path, authority: TestAuthority):
        self._server = Server("nginx", directory / "nginx")
        self._ports = {False: free_port(), True: free_port()}
        certificate = authority.server("127.0.0.1", label="nginx")
        (self._server.directory / "nginx.conf").write_text(
            f"daemon off; user root; worker_processes 1; pid nginx.pid; error_log error.log;\nevents {{ worker_connections 1024; }}\n"
            f"http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
            f"  uwsgi_temp_path uwsgi; scgi_temp_path scgi; client_max_body_size 64m; client_body_buffer_size 1m;\n"
            f"  server {{ listen 127.0.0.1:{self._ports[False]}; listen 127.0.0.1:{self._ports[True]} ssl; ssl_protocols TLSv1.3;\n"
            f"    ssl_certificate {certificate.cert}; ssl_certificate_key {certificate.key};\n"
            f"    location / {{ return 200 \"0123456789abcdefghijklmnopqrstuvwxyz\"; }} }} }}\n")

    def start(self):
        self._server.spawn(["/usr/sbin/nginx", "-p", self._server.directory, "-c", "nginx.conf"])
        for port in self._ports.values():
            self._server.await_port(port)

    def url(self, tls: bool) -> str:
        return f"{'https' if tls else 'http'}://127.0.0.1:{self._ports[tls]}"

    def roots(self) -> list[int]:
        return [self._server.process.pid]

    def rotate(self):
        pass

    def stop(self):
        self._server.stop()


class Bao:
    """An OpenBao or Vault binary with storage in memory and a file audit device, which is what is kind to it."""

    def __init__(self, directory: pathlib.Path, authority: TestAuthority):
        self._binary = os.environ["BAO"]
        self.name = " ".join(run([self._binary, "version"]).stdout.decode().split()[:2]).rstrip(",")
        self._server = Server("bao", directory / "bao")
        self._ports = {False: free_port(), True: free_port()}
        self._certificate = authority.server("127.0.0.1", label="bao")

    def start(self):
        audit = self._server.directory / "audit.log"
        declared = f'audit "file" "file" {{ options {{ file_path = "{audit}" }} }}\n' if self.name.startswith("OpenBao") else "disable_mlock = true\n"
        tls = f'tls_cert_file = "{self._certificate.cert}"\n tls_key_file = "{self._certificate.key}"\n tls_min_version = "tls13"'
        (self._server.directory / "bao.hcl").write_text(
            f'storage "inmem" {{}}\napi_addr = "{self.url(False)}"\n{declared}'
            f'listener "tcp" {{ address = "127.0.0.1:{self._ports[False]}"\n tls_disable = true }}\n'
            f'listener "tcp" {{ address = "127.0.0.1:{self._ports[True]}"\n {tls} }}\n')
        self._server.spawn([self._binary, "server", "-log-level=warn", "-config", "bao.hcl"])
        self._server.await_port(self._ports[False], 60)
        self._open(audit)

    def _open(self, audit: pathlib.Path):
        vault = Vault(self.url(False))
        made = vault.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).json
        vault.call("PUT", "sys/unseal", {"key": made["keys"][0]})
        self.token, self._audit = made["root_token"], audit
        root = vault.with_token(self.token)
        if not root.read("sys/audit"):
            root.write("sys/audit/file", type="file", options={"file_path": str(audit)})
        make_keys(root)

    def url(self, tls: bool) -> str:
        return f"{'https' if tls else 'http'}://127.0.0.1:{self._ports[tls]}"

    def roots(self) -> list[int]:
        return [self._server.process.pid]

    def rotate(self):
        self._audit.unlink(missing_ok=True)
        self._server.process.send_signal(signal.SIGHUP)
        Vault(self.url(False)).with_token(self.token).read("auth/token/lookup-self")

    def stop(self):
        self._server.stop()


def make_keys(vault: Vault):
    vault.ensure_mount("transit", "transit")
    for kind in KEYS:
        vault.write(f"transit/keys/bench-{kind}", type=kind)


# Measuring.

def wrk(contender, case: Case, directory: pathlib.Path, seconds: int, connections: int) -> dict:
    # Audit writes 100 MB/s here. Without this, each measurement would take memory for the file that nothing has used yet, which costs more
    # than all else on a virtual machine whose host has to find it first.
    contender.rotate()
    script = directory / "request.lua"
    script.write_text(WRK % {"token": contender.token, "body": json.dumps(case.body)})
    before = load.cpu_seconds(contender.roots())
    done = run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, f"{contender.url(case.tls)}/v1/{case.path}"], timeout=seconds + 60)
    used = load.cpu_seconds(contender.roots()) - before
    result = json.loads(done.stdout.decode().strip().splitlines()[-1])
    if result["bad"] or not result["requests"]:
        raise PeerError(f"{contender.name}, {case.name}: {result['bad']} of {result['requests']} answers were not 200\n{done.stdout.decode()}")
    items = result["requests"] * case.items
    return {"contender": contender.name, "case": case.name, "per_cpu": items / used, "per_second": items / (result["microseconds"] / 1e6),
            "p50": result["p50"], "p99": result["p99"]}


def primitive(algorithm: str, seconds: int) -> float:
    """Signatures per CPU-second of libcrypto itself."""
    done = run(["openssl", "speed", "-seconds", str(seconds), algorithm], timeout=60)
    columns = re.findall(r"^.*(?:EdDSA|ecdsa).*?s\s+[\d.]+s\s+([\d.]+)\s+[\d.]+\s*$", done.stdout.decode(), re.M)
    return float(columns[-1])


def takes_part(contender, case: Case) -> bool:
    return bool(contender.url(case.tls)) and (case.yardstick or contender.name != Nginx.name)


def measure(given, contenders, directory) -> list[dict]:
    results = []
    for case in (case for case in CASES if given.cases in case.name):
        able = [contender for contender in contenders if takes_part(contender, case)]
        for contender in able:
            wrk(contender, case, directory, 1, given.connections)  # caches, threads and connections as they will be
        for turn in range(given.alternations):
            for contender in able[turn % len(able):] + able[: turn % len(able)]:
                results.append(wrk(contender, case, directory, given.seconds, given.connections))
                say(f"{contender.name:20} {case.name:28} {results[-1]['per_cpu']:10,.0f} per CPU-second {results[-1]['per_second']:10,.0f} per second")
            if case.name in OF_PRIMITIVE:
                algorithm, _ = OF_PRIMITIVE[case.name]
                results.append({"contender": algorithm, "case": case.name, "per_cpu": primitive(algorithm, max(1, given.seconds // 3))})
    return results


def say(text: str):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


# Tables.

def values(results, key, case, contender) -> list[float]:
    return [result[key] for result in results if result["case"] == case and result["contender"] == contender and key in result]


def median(results, case, contender) -> float | None:
    found = values(results, "per_cpu", case, contender)
    return statistics.median(found) if found else None


def spread(found) -> str:
    return f"{statistics.median(found):,.0f} ({min(found):,.0f}-{max(found):,.0f})"


def promises(results, only=""):
    """(sentence, measured or None, wanted) for each promise."""
    yield from (promise for promise in all_promises(results) if only in promise[0])


def all_promises(results):
    for case, wanted in ABSOLUTE.items():
        yield f"{case}: per CPU-second", median(results, case, Postern.name), wanted
    for case, wanted in OF_NGINX.items():
        yield f"{case}: share of {Nginx.name}", ratio(results, case, Nginx.name), wanted
    for case, (algorithm, wanted) in OF_PRIMITIVE.items():
        yield f"{case}: share of `openssl speed {algorithm}`", ratio(results, case, algorithm), wanted


def ratio(results, case, contender) -> float | None:
    ours, theirs = median(results, case, Postern.name), median(results, case, contender)
    return ours / theirs if ours and theirs else None


def tables(given, contenders, results) -> str:
    out = [f"{machine()}. {given.alternations} alternations of {given.seconds} s, {given.connections} connections; median (least-most). "
           f"Load average at the end {os.getloadavg()[0]:.1f}.", "",
           "| case | contender | items per CPU-second | items per second | p50 us | p99 us | postern / contender |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for case in CASES:
        for contender in contenders:
            if not (found := values(results, "per_cpu", case.name, contender.name)):
                if not contender.url(case.tls):
                    out.append(f"| {case.name} | {contender.name} | has no such door | | | | |")
                continue
            against = ratio(results, case.name, contender.name)
            out.append(f"| {case.name} | {contender.name} | {spread(found)} | {spread(values(results, 'per_second', case.name, contender.name))} | "
                       + " | ".join(f"{statistics.median(values(results, key, case.name, contender.name)):,.0f}" for key in ("p50", "p99"))
                       + f" | {'' if against is None or contender.name == Postern.name else f'{against:.2f}'} |")
    out += ["", "| promise | measured | promised | kept |", "| --- | ---: | ---: | --- |"]
    for sentence, measured, wanted in promises(results, given.cases):
        form = "{:,.0f}" if wanted > 1 else "{:.2f}"
        out.append(f"| {sentence} | {'-' if measured is None else form.format(measured)} | {form.format(wanted)} | {'yes' if (measured or 0) >= wanted else 'NO'} |")
    return "\n".join(out)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--alternations", type=int, default=5)
    parser.add_argument("--connections", type=int, default=96)
    parser.add_argument("--cases", default="", help="only those whose name holds this text; promises about others are not looked at")
    parser.add_argument("--json", type=pathlib.Path, help="every single measurement goes there")
    parser.add_argument("--document", type=pathlib.Path, help="puts the tables between the vault marks of this Markdown file")
    return parser.parse_args()


def main():
    given = arguments()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pb-", dir=os.environ.get("POSTERN_BENCH_DIR", "/var/tmp")))
    directory.chmod(0o755)
    authority = TestAuthority(directory / "authority")
    contenders, results = [], []
    try:
        for kind in (Postern, Nginx, *([Bao] if os.environ.get("BAO") else [])):
            contenders.append(kind(directory, authority))
            contenders[-1].start()
        results = measure(given, contenders, directory)
        report = tables(given, contenders, results)
    finally:
        for contender in contenders:
            contender.stop()
        shutil.rmtree(directory, ignore_errors=True)
        if given.json and results:
            given.json.write_text("".join(json.dumps(result) + "\n" for result in results))
    print(report)
    if given.document:
        put_between_marks(given.document, "vault", f"`/usr/bin/python3 bench/vault_bench.py {' '.join(sys.argv[1:])}`", report)
    missed = [f"{sentence}: {measured}, promised {wanted}" for sentence, measured, wanted in promises(results, given.cases) if (measured or 0) < wanted]
    for promise in missed:
        say(f"NOT KEPT: {promise}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
