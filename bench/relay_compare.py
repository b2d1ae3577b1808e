#!/usr/bin/env python3
"""Postern beside Debian's Postfix as a relay on the loopback: smtp-source -> contender -> smtp-sink, alternating, in one run.

    /usr/bin/python3 bench/relay_compare.py                      the table of docs/benchmarks.md
    /usr/bin/python3 bench/relay_compare.py --messages 1000 --sizes 2048 --sessions 16 --alternations 1    a quick look

Every contender keeps its own durability (fsync before 250); nothing is pinned. Needs root, since Postfix changes user. A run in which the
sink's count differs from the source's is an error, not a result. Exit status 1 when a promise is not kept.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402
from document import machine, put_between_marks  # noqa: E402
from peers import mimebytes  # noqa: E402
from peers.daemon import send_exact  # noqa: E402
from peers.sink import SmtpSink  # noqa: E402

# What the project promises (ratio of medians, at every size and number of sessions).
PROMISES = (("postern", "postfix", 2.5), ("postern-dkim", "postfix", 1.5), ("postern-dkim", "postfix-opendkim", 2.0))
IDLE_MIB, LOADED_MIB = 60, 300  # and memory of ours: less than that after start, and at the peak of every run


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--messages", type=int, default=20000, help="messages of a run at 2 KiB; larger sizes send a quarter")
    parser.add_argument("--sizes", type=numbers, default=[2048, 65536])
    parser.add_argument("--sessions", type=numbers, default=[1, 16, 64])
    parser.add_argument("--alternations", type=int, default=5)
    parser.add_argument("--contenders", type=lambda text: text.split(","), default=list(load.CONTENDERS))
    parser.add_argument("--reuse", action="store_true", help="several messages on one connection (smtp-source -d)")
    parser.add_argument("--full-size", action="store_true", help="as many messages at every size")
    parser.add_argument("--no-latency", action="store_true")
    parser.add_argument("--no-syncs", action="store_true")
    parser.add_argument("--json", type=pathlib.Path, help="every single measurement goes there")
    parser.add_argument("--document", type=pathlib.Path, help="puts the tables between the relay marks of this Markdown file")
    given = parser.parse_args()
    unknown = [name for name in given.contenders if name not in load.CONTENDERS]
    if unknown:
        parser.error(f"no contender {unknown[0]!r}; there are {', '.join(load.CONTENDERS)}")
    if os.geteuid() != 0:
        parser.error("run as root: Postfix and smtp-sink change user")
    return given


def say(text: str):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def check_signatures(contender: load.Contender):
    """One message through a recording sink, so that nobody is measured without doing what the column says."""
    if not contender.roots():
        return
    with SmtpSink(port=contender.sink_port) as sink:
        import smtplib
        with smtplib.SMTP("127.0.0.1", contender.port, timeout=30) as client:
            client.ehlo("bench.example")
            send_exact(client, load.SENDER, [load.RECIPIENT], mimebytes.simple_message(load.SENDER, load.RECIPIENT))
        delivery = sink.wait(seconds=30)[0]
    found = mimebytes.field_names(delivery.content).count("dkim-signature")
    if found != contender.signatures:
        raise load.PeerError(f"{contender.name} put {found} DKIM signatures on a message; the column says {contender.signatures}")


def measure(given, running, results):
    for size in given.sizes:
        messages = given.messages if size <= 4096 or given.full_size else max(1, given.messages // 4)
        for sessions in given.sessions:
            for turn in range(given.alternations):
                order = running[turn % len(running):] + running[: turn % len(running)]
                for contender in order:
                    outcome = load.relay(contender, max(1, messages // contender.share), size, sessions, given.reuse)
                    results.append(record(contender.name, size, sessions, "throughput", outcome))
                    say(f"{contender.name:17} {size:6} B {sessions:3} sessions: {outcome.accepted_per_second:7.0f} accepted/s "
                        f"{outcome.delivered_per_second:7.0f} delivered/s {outcome.cpu_per_thousand:6.2f} CPU s/1000")
            if not given.no_latency:
                for contender in running:
                    outcome = load.relay(contender, max(1, messages // contender.share), size, sessions, given.reuse, probe=True)
                    results.append(record(contender.name, size, sessions, "latency", outcome))


def record(name, size, sessions, kind, outcome) -> dict:
    return {"contender": name, "size": size, "sessions": sessions, "kind": kind, **vars(outcome)}


def count_syncs(given, directory, results):
    """A shorter run of its own under strace, which stops the process at the counted calls only."""
    messages = max(100, min(2000, given.messages // 4))
    for name in given.contenders:
        if name == "direct":
            continue
        for sessions in given.sessions:
            contender = load.CONTENDERS[name](directory / f"syncs-{sessions}")
            try:
                contender.start(traced=True)
                load.relay(contender, messages, given.sizes[0], sessions, given.reuse)
            finally:
                contender.stop()
            calls = contender.syncs()
            results.append({"contender": name, "size": given.sizes[0], "sessions": sessions, "kind": "syncs", "messages": messages, "calls": calls})
            say(f"{name:17} {sessions:3} sessions: {sum(calls.values()) / messages:.2f} syncs/message {calls}")


# Tables.

def values(results, kind, key, **which):
    return [r[key] for r in results if r["kind"] == kind and all(r[name] == value for name, value in which.items())]


def spread(numbers, form="{:.0f}") -> str:
    if not numbers:
        return "-"
    middle = form.format(statistics.median(numbers))
    return middle if len(numbers) == 1 else f"{middle} ({form.format(min(numbers))}-{form.format(max(numbers))})"


def percentile(numbers, share) -> str:
    ordered = sorted(numbers)
    return f"{ordered[min(len(ordered) - 1, int(share * len(ordered)))]:.1f}" if ordered else "-"


def tables(given, results) -> str:
    out = [f"{machine()}. {given.alternations} alternations; median (least-most). Load average at the end {os.getloadavg()[0]:.1f}.", ""]
    for size in given.sizes:
        out += [f"### {size} bytes", "", "| contender | sessions | accepted/s | delivered/s | CPU s/1,000 | peak memory MiB | p50 ms to 250 | p99 ms to 250 | sink = source |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]
        for sessions in given.sessions:
            for name in given.contenders:
                where = {"contender": name, "size": size, "sessions": sessions}
                if not values(results, "throughput", "messages", **where):
                    continue
                probes = [ms * 1000 for run in values(results, "latency", "probes", **where) for ms in run]
                sums = [sum(values(results, "throughput", key, **where)) for key in ("sent", "sunk")]
                out.append(f"| {name} | {sessions} | {spread(values(results, 'throughput', 'accepted_per_second', **where))} | "
                           f"{spread(values(results, 'throughput', 'delivered_per_second', **where))} | "
                           f"{spread(values(results, 'throughput', 'cpu_per_thousand', **where), '{:.2f}')} | "
                           f"{max(values(results, 'throughput', 'peak_memory', **where)) / 2**20:.0f} | "
                           f"{percentile(probes, .5)} | {percentile(probes, .99)} | {sums[1]:,} = {sums[0]:,} |")
        out.append("")
    return "\n".join(out + ratio_table(given, results) + memory_table(given, results) + sync_table(given, results))


def ratios(given, results):
    """(ours, theirs, size, sessions, ratio accepted, ratio delivered, promised) for every promise that this run can judge."""
    for ours, theirs, promised in PROMISES:
        if ours not in given.contenders or theirs not in given.contenders:
            continue
        for size in given.sizes:
            for sessions in given.sessions:
                found = [statistics.median(values(results, "throughput", key, contender=ours, size=size, sessions=sessions)) /
                         statistics.median(values(results, "throughput", key, contender=theirs, size=size, sessions=sessions))
                         for key in ("accepted_per_second", "delivered_per_second")]
                yield ours, theirs, size, sessions, *found, promised


def memories(given, results):
    """(contender, MiB idle, MiB at the peak) of ours."""
    for name in given.contenders:
        peaks = [r["peak_memory"] for r in results if r["contender"] == name and r["kind"] in ("throughput", "latency")]
        if name.startswith("postern") and peaks:
            yield name, values(results, "idle", "memory", contender=name)[0] / 2**20, max(peaks) / 2**20


def broken(given, results) -> list[str]:
    """Every promise that was not kept, as a sentence."""
    out = [f"{ours} / {theirs} at {size} bytes and {sessions} sessions: {min(accepted, delivered):.2f}, promised {promised}"
           for ours, theirs, size, sessions, accepted, delivered, promised in ratios(given, results) if min(accepted, delivered) < promised]
    for name, idle, peak in memories(given, results):
        out += [f"{name} needs {found:.0f} MiB {when}, promised under {limit}"
                for found, when, limit in ((idle, "idle", IDLE_MIB), (peak, "in the load", LOADED_MIB)) if found >= limit]
    return out


def ratio_table(given, results) -> list[str]:
    rows = [f"| {ours} / {theirs} | {size} | {sessions} | {accepted:.2f} | {delivered:.2f} | {promised} | {'yes' if min(accepted, delivered) >= promised else 'NO'} |"
            for ours, theirs, size, sessions, accepted, delivered, promised in ratios(given, results)]
    if not rows:
        return []
    return ["### Ratios of medians", "", "| pair | bytes | sessions | accepted | delivered | promised | kept |", "| --- | ---: | ---: | ---: | ---: | ---: | --- |", *rows, ""]


def memory_table(given, results) -> list[str]:
    rows = [f"| {name} | {idle:.0f} | {peak:.0f} | {IDLE_MIB} and {LOADED_MIB} | {'yes' if idle < IDLE_MIB and peak < LOADED_MIB else 'NO'} |"
            for name, idle, peak in memories(given, results)]
    if not rows:
        return []
    return ["### Memory in MiB", "", "| contender | idle after start | highest peak of all runs | promised under | kept |", "| --- | ---: | ---: | ---: | --- |", *rows, ""]


def sync_table(given, results) -> list[str]:
    rows = [r for r in results if r["kind"] == "syncs"]
    if not rows:
        return []
    out = ["### fsync and fdatasync calls per message", "", "| contender | sessions | per message | calls |", "| --- | ---: | ---: | --- |"]
    for r in rows:
        calls = ", ".join(f"{name} {count}" for name, count in sorted(r["calls"].items()))
        out.append(f"| {r['contender']} | {r['sessions']} | {sum(r['calls'].values()) / r['messages']:.2f} | {calls} for {r['messages']} messages |")
    return [*out, ""]


def main():
    given = arguments()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pb-", dir=os.environ.get("POSTERN_BENCH_DIR", "/var/tmp")))
    directory.chmod(0o755)
    results, running = [], []
    try:
        for name in given.contenders:
            contender = load.CONTENDERS[name](directory)
            running.append(contender)
            contender.start()
            time.sleep(1)
            results.append({"contender": name, "kind": "idle", "memory": load.memory_bytes(contender.roots())})
            check_signatures(contender)
        measure(given, running, results)
        for contender in running:
            contender.stop()
        running = []
        if not given.no_syncs:
            count_syncs(given, directory, results)
    finally:
        for contender in running:
            contender.stop()
        shutil.rmtree(directory, ignore_errors=True)
        if given.json and results:
            given.json.write_text("".join(json.dumps(r) + "\n" for r in results))
    report = tables(given, results)
    print(report)
    if given.document:
        put_between_marks(given.document, "relay", f"`/usr/bin/python3 bench/relay_compare.py {' '.join(sys.argv[1:])}`", report)
    missed = broken(given, results)
    for promise in missed:
        say(f"NOT KEPT: {promise}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
