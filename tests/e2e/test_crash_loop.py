"""kill -9 in a loop under load: nothing acknowledged is missing, nothing is corrupt, and duplicates arise only across a crash.

30 kills under 20,000 messages; POSTERN_CRASH_KILLS and POSTERN_CRASH_MESSAGES make it another size, POSTERN_CRASH_REPORT=FILE gets the counts.
"""

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import smtplib
import socket
import threading
import time

import pytest

from peers import dkimtools, mimebytes
from peers.base import PeerError, wait_until
from peers.daemon import Daemon, send_exact

KILLS = int(os.environ.get("POSTERN_CRASH_KILLS", "30"))
MESSAGES = int(os.environ.get("POSTERN_CRASH_MESSAGES", "20000"))
SESSIONS = 8
LARGE_EVERY, LOCAL_EVERY, SEVERAL_EVERY = 10, 5, 7


@dataclasses.dataclass
class Made:
    """One message of the load: who must get it, and what its bytes are."""
    number: int
    recipients: list[str]
    raw: bytes


def make(number: int) -> Made:
    """Mostly 2 KB to one remote recipient; some large enough for segment files, some for local mailboxes, some for several recipients."""
    recipients = [f"m{number}@postern.example" if number % LOCAL_EVERY == 0 else f"m{number}@example.net"]
    if number % SEVERAL_EVERY == 0:
        recipients += [f"m{number}b@example.net", f"m{number}c@postern.example"]
    size = 120_000 if number % LARGE_EVERY == 3 else 2000
    filler = random.Random(number).randbytes(size // 2).hex()
    body = "".join(filler[at:at + 76] + "\r\n" for at in range(0, len(filler), 76))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return Made(number, recipients, mimebytes.simple_message("alice@postern.example", recipients, extra=[f"X-Number: {number}", f"X-Sha256: {digest}"], body=body))


def is_whole(content: bytes) -> bool:
    body = mimebytes.split(content)[1]
    return hashlib.sha256(body).hexdigest().encode() == mimebytes.field(content, "X-Sha256")


class Load:
    """Sessions that send as fast as they are answered, across crashes. `acknowledged` holds what got a 250."""

    def __init__(self, daemon: Daemon):
        self.daemon = daemon
        self.acknowledged: dict[int, Made] = {}
        self.refused: list[str] = []
        self._next = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._session, daemon=True) for _ in range(SESSIONS)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def _take_number(self) -> int:
        with self._lock:
            self._next += 1
            return self._next

    def _session(self):
        while not self._stopping.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self.daemon.ports.get("plain", 0), timeout=20) as client:
                    client.ehlo("load.example")
                    while not self._stopping.is_set():
                        self._send(client)
            except (OSError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError):
                time.sleep(0.02)  # down, or just killed

    def _send(self, client):
        made = make(self._take_number())
        try:
            refused = send_exact(client, "alice@postern.example", made.recipients, made.raw)
        except smtplib.SMTPResponseException as error:
            if error.smtp_code >= 500:
                self.refused.append(f"{made.number}: {error}")
            raise smtplib.SMTPServerDisconnected(str(error)) from error
        made.recipients = [address for address in made.recipients if address not in refused]
        made.raw = b""  # 20,000 of them would be too much to keep
        with self._lock:
            self.acknowledged[made.number] = made


def kill_in_a_loop(daemon: Daemon, load: Load) -> list[float]:
    """Kills at random moments while messages flow; the times of the kills."""
    chance = random.Random(1)
    kills = []
    for round_number in range(1, KILLS + 1):
        goal = MESSAGES * round_number // KILLS
        wait_until(lambda: len(load.acknowledged) >= goal, f"{goal} acknowledged messages (there are {len(load.acknowledged)})", 300, every=0.005,
                   details=daemon.log_tail)
        time.sleep(chance.random() * 0.3)
        kills.append(time.time())
        daemon.kill()
        daemon.start(60)
    return kills


def unexplained(times: list[float], kills: list[float]) -> int:
    """Repeated deliveries with no crash between them and the one before. The report of a delivery may have been a second from its commit."""
    ordered = sorted(times)
    return sum(1 for first, second in zip(ordered, ordered[1:]) if not any(first - 1 <= kill <= second for kill in kills))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_kill_9_in_a_loop_under_load(relaying, sink, record_property):
    relaying.config["server"]["log_level"] = "warn"
    relaying.start()
    load = Load(relaying)
    begun = time.monotonic()
    try:
        kills = kill_in_a_loop(relaying, load)
    finally:
        load.stop()
    accepted_after = time.monotonic() - begun
    remote = {address: made for made in load.acknowledged.values() for address in made.recipients if address.endswith("@example.net")}
    local = {address for made in load.acknowledged.values() for address in made.recipients if address.endswith("@postern.example")}
    deliveries: dict[str, list] = collections.defaultdict(list)
    corrupt = []
    counted = 0

    def drained():
        nonlocal counted
        fresh, counted = sink.messages[counted:], len(sink.messages)
        for delivery in fresh:
            if not is_whole(delivery.content):
                corrupt.append(mimebytes.field(delivery.content, "X-Number"))
            for address in delivery.recipients:
                deliveries[address].append(delivery.time)
            delivery.content = b""
        return all(address in deliveries for address in remote) and not relaying.queue()
    try:
        wait_until(drained, "the queue to drain", 300, every=0.5, details=relaying.log_tail)
    except PeerError:
        pass  # what is missing is said below, with the counts
    time.sleep(1)
    drained()
    mailboxes = {address: len(relaying.mailbox(address)) for address in local}
    counts = {
        "kills": len(kills), "sent": load._next, "acknowledged": len(load.acknowledged), "acknowledged_recipients": len(remote) + len(local),
        "missing": sum(1 for address in remote if address not in deliveries) + sum(1 for address in local if not mailboxes[address]),
        "corrupt": len(corrupt), "duplicates": sum(len(times) - 1 for times in deliveries.values()),
        "duplicates_without_a_crash": sum(unexplained(times, kills) for times in deliveries.values()),
        "mailbox_duplicates": sum(count - 1 for count in mailboxes.values()), "refused": len(load.refused),
        "left_in_queue": len(relaying.queue()), "seconds": round(accepted_after, 1),
    }
    print("crash loop:", json.dumps(counts))
    record_property("crash_loop", json.dumps(counts))
    if report := os.environ.get("POSTERN_CRASH_REPORT"):
        pathlib.Path(report).write_text(json.dumps(counts) + "\n")
    assert counts["missing"] == 0 and counts["corrupt"] == 0 and counts["left_in_queue"] == 0, counts
    assert counts["duplicates_without_a_crash"] == 0 and counts["mailbox_duplicates"] == 0 and counts["refused"] == 0, counts
    verified = relaying.cli("audit", "verify", check=False, timeout=120)
    assert verified.returncode == 0, verified


@pytest.mark.parametrize("moment", ["the first seconds", "while starting"])
def test_a_kill_while_starting_does_no_harm(relaying, sink, moment):
    """Also the very first start, which makes keys, certificates and the database."""
    for milliseconds in (10, 30, 60, 100, 150, 250, 400):
        relaying.launch()
        time.sleep(milliseconds / 1000)
        relaying.kill()
        if moment == "while starting":
            relaying.start()
            relaying.stop()
    relaying.start()
    raw = relaying.submit(to="bob@example.net")
    assert mimebytes.carries_unchanged(raw, sink.wait(1, details=relaying.log_tail)[0].content)
    assert relaying.cli("audit", "verify").returncode == 0


@pytest.mark.parametrize("signs", [False, True], ids=["plain", "signed"])
def test_no_acknowledgement_without_a_commit(relaying, sink, signs):
    """250 and kill -9 in the same instant, one message at a time: it is always there; and signed, though it is committed while it is being signed."""
    if signs:
        relaying.dkim("ed1", "dkim_key", "ed25519-sha256")
        relaying.dkim("rsa1", "dkim_rsa", "rsa-sha256")
    sink.pause()
    relaying.start()
    raws = []
    for number in range(8):
        raw = mimebytes.simple_message(to=f"instant{number}@example.net")
        with socket.create_connection(("127.0.0.1", relaying.port("plain")), timeout=20) as connection:
            lines = connection.makefile("rb")
            lines.readline()
            for command in (b"HELO x\r\n", b"MAIL FROM:<alice@postern.example>\r\n", f"RCPT TO:<instant{number}@example.net>\r\n".encode(), b"DATA\r\n"):
                connection.sendall(command)
                lines.readline()
            connection.sendall(raw + b".\r\n")
            assert lines.readline().startswith(b"250")
            relaying.process.kill()
        raws.append(raw)
        relaying.process.wait(10)
        relaying.start()
    sink.resume()
    sink.wait(len(raws), 40, relaying.log_tail)
    assert all(any(m.content.endswith(raw) for m in sink.messages) for raw in raws)
    if signs:
        assert all(dkimtools.dkimpy_verdicts(m.content, relaying.dkim_records()) == [True, True] for m in sink.messages)
