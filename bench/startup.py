#!/usr/bin/env python3
"""Time until posternd is ready: first start (makes keys, certificates, database) and starts after that.

    /usr/bin/python3 bench/startup.py [--starts 9] [--queued 0] [--limit-ms 300]

Ready means that /readyz answers 200 and the SMTP listener greets. --queued leaves that many messages in the spool between the starts.
Exit status 1 when the median of the later starts exceeds the limit.
"""

import argparse
import pathlib
import shutil
import socket
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402,F401  (puts the peers on the path)
from peers import mimebytes  # noqa: E402
from peers.base import free_port, port_answers  # noqa: E402
from peers.daemon import Daemon, default_config, send_exact  # noqa: E402


def ready_after(server: Daemon, http: int, smtp: int) -> float:
    """Milliseconds from exec to ready. Fixed ports, so that no file needs to be read first."""
    server.ports = {"http": http, "plain": smtp}
    begun = time.perf_counter()
    server.launch()
    while not (port_answers(http) and server.get("/readyz")[0] == 200 and greets(smtp)):
        if time.perf_counter() - begun > 60 or not server.running():
            raise SystemExit(f"posternd did not get ready\n{server.log_tail()}")
        time.sleep(0.002)
    return (time.perf_counter() - begun) * 1000


def greets(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        return connection.recv(4) == b"220 "


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--queued", type=int, default=0)
    parser.add_argument("--limit-ms", type=float, default=300)
    given = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pb-", dir="/var/tmp"))
    config = default_config()
    config["server"]["log_level"] = "warn"
    http, smtp = free_port(), free_port()
    config["http"]["address"] = f"127.0.0.1:{http}"
    config["listener"] = [{**config["listener"][1], "address": f"127.0.0.1:{smtp}"}]
    config["queue"]["retry"] = ["1h"]
    server = Daemon(directory, config).route("*", f"smtp:127.0.0.1:{free_port()}", tls="none")
    first = ready_after(server, http, smtp)
    if given.queued:
        with server.smtp("plain") as client:
            for _ in range(given.queued):
                send_exact(client, load.SENDER, [load.RECIPIENT], mimebytes.simple_message())
    later = []
    for _ in range(given.starts):
        server.stop()
        later.append(ready_after(server, http, smtp))
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)
    middle = statistics.median(later)
    print(f"first start {first:.0f} ms; {given.starts} later starts with {given.queued} queued messages: median {middle:.0f} ms "
          f"({min(later):.0f}-{max(later):.0f}), limit {given.limit_ms:g} ms")
    return 1 if middle > given.limit_ms else 0


if __name__ == "__main__":
    sys.exit(main())
