#!/usr/bin/env python3
"""Many keys in the key engine: time to look one up and to list a page of all, time to start, memory of each.

    /usr/bin/python3 bench/vault_keys.py [--keys 100000] [--start-seconds 2] [--bytes 1024]

Looking up must take as long among all keys as among a hundredth of them (FLAT), listing as long for each name. Exit status 1 when it does not.
"""

import argparse
import concurrent.futures
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402
from peers.daemon import Daemon, engine_config  # noqa: E402
from peers.vault import Vault  # noqa: E402

FLAT = 2.0
WRITERS, PROBES = 16, 500


def make_keys(vault: Vault, begin: int, end: int):
    def share(writer: int):
        client = vault.with_token(vault.token)
        for number in range(begin + writer, end, WRITERS):
            client.write(f"transit/keys/key-{number}")
        client.close()
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(share, range(WRITERS)))


def microseconds(action) -> float:
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1e6


def probe(vault: Vault, keys: int) -> tuple[float, float]:
    """Median microseconds of a lookup, spread over all keys, and of listing, for each name."""
    step = max(1, keys // PROBES)
    lookups = [microseconds(lambda: vault.read(f"transit/keys/key-{number}")) for number in range(0, keys, step)]
    listings = [microseconds(lambda: vault.list("transit/keys")) for _ in range(5)]
    return statistics.median(lookups), statistics.median(listings) / keys


def memory(server: Daemon) -> int:
    return load.memory_bytes([server.process.pid])


def start_seconds(server: Daemon) -> float:
    server.stop()
    return microseconds(server.start) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--start-seconds", type=float, default=2)
    parser.add_argument("--bytes", type=int, default=1024)
    given = parser.parse_args()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pb-", dir="/var/tmp"))
    config = engine_config()
    config["server"]["log_level"] = "warn"
    server = Daemon(directory, config).start()
    try:
        few = max(PROBES, given.keys // 100)
        server.vault().ensure_mount("transit", "transit")
        server.restart()
        empty = memory(server)
        make_keys(server.vault(), 0, few)
        among_few = probe(server.vault(), few)
        begun = time.perf_counter()
        make_keys(server.vault(), few, given.keys)
        made = (given.keys - few) / max(1e-9, time.perf_counter() - begun)
        used = max(0, memory(server) - empty) / given.keys
        starts = [start_seconds(server) for _ in range(3)]
        idle = max(0, memory(server) - empty) / given.keys
        among_all = probe(server.vault(), given.keys)
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)
    rows = [("lookup, median us", among_few[0], among_all[0], f"at most {FLAT:g} times", among_all[0] <= FLAT * among_few[0]),
            ("listing, us for each name", among_few[1], among_all[1], f"at most {FLAT:g} times", among_all[1] <= FLAT * among_few[1]),
            ("start, s", None, statistics.median(starts), f"under {given.start_seconds:g}", statistics.median(starts) < given.start_seconds),
            ("memory of each once all were used, bytes", None, used, "", None),
            ("memory of each after a start, bytes", None, idle, f"under {given.bytes}", idle < given.bytes)]
    print(f"{given.keys:,} keys, made at {made:,.0f} a second by {WRITERS} clients\n\n"
          f"| measure | among {few:,} | among {given.keys:,} | promised | kept |\n| --- | ---: | ---: | --- | --- |")
    for name, before, after, promised, kept in rows:
        print(f"| {name} | {'' if before is None else f'{before:,.2f}'} | {after:,.2f} | {promised} | {'' if kept is None else 'yes' if kept else 'NO'} |")
    return 1 if any(row[4] is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
