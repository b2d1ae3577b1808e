#!/usr/bin/env python3
"""Memory of idle connections: how much more posternd needs for 5,000 clients that said EHLO and then nothing.

    /usr/bin/python3 bench/idle_connections.py [--connections 5000] [--tls] [--limit-mib 200]

Plain sessions by default; --tls holds as many through STARTTLS (TLS 1.3). Exit status 1 when the limit is exceeded.
"""

import argparse
import pathlib
import resource
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402
from peers.daemon import HOSTNAME, Daemon, default_config  # noqa: E402
from peers.smtpraw import RawSmtp  # noqa: E402


def connect(server: Daemon, number: int, tls: bool) -> RawSmtp:
    """One client; each hundred of them comes from its own loopback address, so that ports do not run out."""
    client = RawSmtp.__new__(RawSmtp)
    client.socket = socket.create_connection(("127.0.0.1", server.port("mx" if tls else "plain")), timeout=60,
                                             source_address=(f"127.0.{1 + number // 100}.1", 0))
    client.buffer = b""
    client.greeting = client.reply()
    client.ehlo()
    if tls:
        client.start_tls(server.tls_context(), HOSTNAME)
        client.ehlo()
    return client


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--limit-mib", type=float, default=200)
    parser.add_argument("--idle-limit-mib", type=float, default=60)
    given = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, given.connections * 2 + 1000), hard))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pb-", dir="/var/tmp"))
    config = default_config()
    config["server"]["log_level"] = "warn"
    with Daemon(directory, config) as server:
        server.start(60)
        time.sleep(1)
        roots = [server.process.pid]
        before = load.memory_bytes(roots)
        clients = [connect(server, number, given.tls) for number in range(given.connections)]
        time.sleep(1)
        after = load.memory_bytes(roots)
        assert clients[0].command("NOOP").code == 250 and clients[-1].command("NOOP").code == 250, "the first and the last must still be served"
        for client in clients:
            client.socket.close()
    shutil.rmtree(directory, ignore_errors=True)
    more = after - before
    kind = "TLS 1.3" if given.tls else "plain"
    print(f"idle: {before / 2**20:.1f} MiB; {given.connections} idle {kind} connections: {more / 2**20:.1f} MiB more, "
          f"{more / given.connections / 1024:.1f} KiB each (limits {given.idle_limit_mib:g} and {given.limit_mib:g} MiB)")
    return 1 if more > given.limit_mib * 2**20 or before > given.idle_limit_mib * 2**20 else 0


if __name__ == "__main__":
    sys.exit(main())
