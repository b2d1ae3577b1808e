#!/usr/bin/env python3
"""SPF cases a second through `postern batch`, on one core, beside pyspf over the same zone in its own process.

    /usr/bin/python3 bench/spf_batch.py [--cases 20000] [--alternations 7] [--promise 20000]

Each case is a command line with an address of its own: an include, an address mechanism and a macro are evaluated. Both answer from memory. CPU-seconds of
the whole process, its start included. Exit status 1 when the median is under the promise.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import load  # noqa: E402,F401  (puts the peers on the path)
from peers.daemon import binary  # noqa: E402

ZONE = {
    "example.org": [{"type": "TXT", "data": "v=spf1 ip4:192.0.2.0/24 include:spf.example.net exists:%{ir}.list.example.org -all"}],
    "spf.example.net": [{"type": "TXT", "data": "v=spf1 ip4:198.51.100.0/24 a:mail.example.net ~all"}],
    "mail.example.net": [{"type": "A", "data": "203.0.113.5"}],
    "7.113.0.203.list.example.org": [{"type": "A", "data": "127.0.0.2"}],
}
PYSPF = """
import sys, spf
zone = {("example.org", "TXT"): [(b"v=spf1 ip4:192.0.2.0/24 include:spf.example.net exists:%{ir}.list.example.org -all",)],
        ("spf.example.net", "TXT"): [(b"v=spf1 ip4:198.51.100.0/24 a:mail.example.net ~all",)],
        ("mail.example.net", "A"): ["203.0.113.5"], ("7.113.0.203.list.example.org", "A"): ["127.0.0.2"]}
spf.DNSLookup = lambda name, kind, strict=True, timeout=20, *rest: [((name, kind), value) for value in zone.get((name.lower().rstrip("."), kind), [])]
for number in range(int(sys.argv[1])):
    print(spf.check2(i=f"203.0.113.{number % 250}", s="a@example.org", h="mx.example.org")[0])
"""


def cpu_of(command, text="") -> tuple[float, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def row(name, rates, ratio=""):
    return f"| {name} | {statistics.median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f}) | {ratio} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--alternations", type=int, default=7)
    parser.add_argument("--promise", type=int, default=20000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pb-", dir="/var/tmp") as folder:
        zone = os.path.join(folder, "zone.json")
        pathlib.Path(zone).write_text(json.dumps({"records": ZONE}))
        lines = "".join(json.dumps({"argv": ["--json", "spf", "check", "--ip", f"203.0.113.{number % 250}", "--helo", "mx.example.org",
                                             "--mail-from", "a@example.org", "--dns-fixture", zone]}) + "\n" for number in range(given.cases))
        ours, theirs = [], []
        few = max(200, given.cases // 20)
        for _ in range(given.alternations):
            seconds, answers = cpu_of([str(binary("postern")), "batch"], lines)
            results = [json.loads(line)["json"]["result"] for line in answers.splitlines()]
            ours.append(given.cases / seconds)
            seconds, answers = cpu_of(["/usr/bin/python3", "-c", PYSPF, str(few)])
            theirs.append(few / seconds)
            if answers.split() != results[:few]:
                raise SystemExit("the two disagree")
    print("| contender | cases per CPU-second | ratio |\n| --- | ---: | ---: |")
    print(row("postern batch", ours, f"{statistics.median(ours) / statistics.median(theirs):.1f}"))
    print(row("pyspf", theirs))
    kept = statistics.median(ours) >= given.promise
    print(f"\npromised: {given.promise:,} a second on one core; kept: {'yes' if kept else 'NO'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
