"""Users without a mailbox, who take what is delivered to them over P3: it waits in the queue until they bind, comes as often as it takes, under their controls,
and what was taken is on disk before the MTA is told."""

import json
import os
import pathlib
import random
import signal
import subprocess
import time

from peers import wire_audit
from peers.base import wait_until
from peers.daemon import binary
from peers.wiretap import TO_CLIENT, Wiretap

DOMAIN = "C=DE;A= ;P=NORTH"
ALICE, BOB = f"{DOMAIN};O=Works;S=Alice", f"{DOMAIN};O=Works;S=Bob"
NOBODY = f"{DOMAIN};O=Works;S=Nobody"


class People:
    """Alice has a mailbox; Bob takes what comes himself."""

    def __init__(self, daemon):
        self.daemon = daemon
        daemon.config["x400"] = {"domain": DOMAIN, "mta_name": "north", "address": "127.0.0.1:0"}
        daemon.config["x400_route"] = [{"prefix": DOMAIN, "via": "store"}]
        daemon.start()
        (daemon.directory / "words").write_text("secret words\n")
        daemon.cli("x400", "ms", "add", ALICE, input=b"secret words\n")
        daemon.cli("x400", "ms", "add", BOB, "--delivery", "p3", input=b"secret words\n")
        self.folder = daemon.directory / "taken"
        self.folder.mkdir()

    def options(self, user, protocol="p3", port=None):
        return ["--peer", f"127.0.0.1:{port or self.daemon.ports['x400']}", "--tls", "none", "--user", user,
                "--password-ref", f"file:{self.daemon.directory}/words", "--protocol", protocol]

    def submit(self, sender, to, text="Hello", **more):
        return self.daemon.json("x400", "submit", *self.options(sender), "--to", to, "--subject", "News", "--text", text, "--report", **more)["submitted"][0]

    def receive(self, *more, port=None, **options) -> list[dict]:
        return self.daemon.json("x400", "receive", *self.options(BOB, port=port), "--save", self.folder, *more, **options)["received"]

    def receiving(self, *more, port=None) -> subprocess.Popen:
        """The command on its own, to be stopped and killed."""
        argv = [binary("postern"), "--config", self.daemon.config_file, "x400", "receive", *self.options(BOB, port=port), "--save", self.folder, *more]
        return subprocess.Popen([str(each) for each in argv], cwd=self.daemon.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def entries(self) -> list[dict]:
        return self.daemon.json("x400", "list", *self.options(ALICE, "p7"))["entries"]

    def reports(self, count) -> list[dict]:
        wait_until(lambda: len(self.entries()) >= count, f"{count} reports", 30)
        return self.entries()

    def waiting(self) -> list[dict]:
        return [entry for entry in self.daemon.queue() if entry["route"].startswith("x400:user:")]

    def saved(self) -> list[pathlib.Path]:
        return sorted(self.folder.glob("*.ber"))


def test_what_waits_is_taken_and_reported(daemon):
    people = People(daemon)
    assert daemon.json("x400", "ms", "list")["mailboxes"] == [{"address": ALICE, "delivery": "store"}, {"address": BOB, "delivery": "p3"}]
    sent = people.submit(ALICE, BOB, "Grüße aus Köln")
    wait_until(lambda: len(people.waiting()) == 1, "the message waits", 10)
    daemon.restart()
    [entry] = people.receive("--count", "1")
    assert entry["kind"] == "message" and entry["id"] == sent["id"]
    assert entry["content"]["subject"] == "News" and entry["content"]["texts"] == ["Grüße aus Köln"]
    assert b"News" in (people.folder / entry["file"]).read_bytes(), "what came is in the file"
    [report] = people.reports(1)
    assert report["type"] == "delivered-report"
    assert "delivered" in str(daemon.json("x400", "message", str(report["number"]), *people.options(ALICE, "p7"))["report"])
    assert people.waiting() == []
    delivered = [record for record in daemon.audit() if record["kind"] == "x400.delivered"]
    assert any("P3" in json.dumps(record) for record in delivered), delivered


def test_his_own_reports_come_the_same_way_and_the_wire_is_clean(daemon):
    people = People(daemon)
    with Wiretap(daemon.ports["x400"]) as tap:
        sent = people.submit(BOB, NOBODY)
        people.submit(ALICE, BOB)
        entries = people.receive("--count", "2", port=tap.port)
        tap.join()
        assert {entry["kind"] for entry in entries} == {"report", "message"}, entries
        [report] = [entry for entry in entries if entry["kind"] == "report"]
        assert report["id"] == sent["id"] and not report["recipients"][0]["delivered"]
        entries = people.receive("--seconds", "1", "--reliable", port=tap.port)
        assert entries == []
        people.submit(ALICE, BOB, "Over RTSE")
        [entry] = people.receive("--count", "1", "--reliable", port=tap.port)
        assert entry["content"]["texts"] == ["Over RTSE"]
        tap.join()
        assert len(tap.transcripts) == 3
        assert wire_audit.audit([transcript.by_tpkt()[0] for transcript in tap.transcripts]) == []


def test_a_user_who_is_killed_before_his_answer_gets_it_again(daemon):
    people = People(daemon)
    with Wiretap(daemon.ports["x400"]) as tap:
        client = people.receiving("--seconds", "60", port=tap.port)
        wait_until(lambda: tap.transcripts and wire_audit.accepted(tap.transcripts[0]), "the bind", 10)
        os.kill(client.pid, signal.SIGSTOP)
        before = len(tap.transcripts[0].stream(TO_CLIENT))
        sent = people.submit(ALICE, BOB)
        wait_until(lambda: len(tap.transcripts[0].stream(TO_CLIENT)) > before + 100, "the delivery is invoked", 10)
        client.kill()
        client.wait()
    assert people.saved() == [] and people.entries() == []
    wait_until(lambda: "x400.delivery_unanswered" in daemon.log_text(), "the log says so", 10)
    [entry] = people.receive("--count", "1")
    assert entry["id"] == sent["id"] and len(people.saved()) == 1
    people.reports(1)
    assert people.receive("--seconds", "1") == [], "and it comes once"


def test_nothing_is_lost_while_both_sides_die(daemon):
    """kill -9 of the user and of the daemon in a loop, at any moment; what was confirmed to the sender is taken in the end, and saved under one name
    however often it came."""
    people = People(daemon)
    port = daemon.ports["x400"]
    daemon.stop()
    daemon.config["x400"]["address"] = f"127.0.0.1:{port}"
    daemon.start()
    chance, sent = random.Random(5), []
    for round_number in range(10):
        sent += [people.submit(ALICE, BOB, f"{round_number}.{n}")["id"] for n in range(3)]
        client = people.receiving("--seconds", "60")
        time.sleep(chance.uniform(0.05, 0.8))
        if round_number % 3 == 2:
            daemon.crash_and_restart()
        client.kill()
        client.wait()
    wait_until(lambda: people.receive("--seconds", "1") == [] and not people.waiting(), "everything is taken", 60)
    assert len(people.saved()) == len(sent) == len(set(sent))
    kinds = [entry["type"] for entry in people.reports(len(sent))]
    assert kinds == ["delivered-report"] * len(sent), "each is reported once"


def test_controls_hold_back(daemon):
    people = People(daemon)
    people.submit(ALICE, BOB, "short")
    people.submit(ALICE, BOB, "long " * 2000)
    [entry] = people.receive("--longest", "5000", "--seconds", "3")
    assert entry["content"]["texts"] == ["short"]
    [entry] = people.receive("--count", "1")
    assert entry["content"]["octets"] > 5000
    refused = daemon.cli("x400", "receive", *people.options(ALICE), "--longest", "5000", "--seconds", "3", check=False)
    assert refused.returncode == 4 and b"operation-refused" in refused.stderr, "she has a mailbox, and nothing to control"


def test_what_cannot_be_kept_is_not_taken(daemon):
    people = People(daemon)
    client = people.receiving("--seconds", "20")
    wait_until(lambda: "x400.user_bound" in daemon.log_text(), "the bind", 10)
    people.folder.rmdir()  # the command has found it: what comes now cannot be written
    sent = people.submit(ALICE, BOB)
    wait_until(lambda: "x400.delivery_refused" in daemon.log_text(), "the refusal", 10, details=daemon.log_tail)
    _, complaint = client.communicate(timeout=30)
    assert client.returncode != 0, complaint
    assert people.entries() == [], "nothing is reported as delivered"
    people.folder.mkdir()
    [entry] = people.receive("--count", "1", timeout=60)
    assert entry["id"] == sent["id"]


def test_strangers_and_mailboxes(daemon):
    people = People(daemon)
    (daemon.directory / "words").write_text("wrong words\n")
    done = daemon.cli("x400", "receive", *people.options(BOB), check=False)
    assert done.returncode == 4 and b"wrong words" not in done.stdout + done.stderr
    (daemon.directory / "words").write_text("secret words\n")
    for options in (["--protocol", "p7"], ["--save", "/nowhere"]):
        assert daemon.cli("x400", "receive", *people.options(BOB), *options, check=False).returncode != 0
    assert daemon.cli("x400", "list", *people.options(BOB, "p7"), check=False).returncode != 0, "he has no store"
    people.submit(ALICE, BOB)
    wait_until(lambda: len(people.waiting()) == 1, "the message waits", 10)
    daemon.cli("x400", "ms", "remove", BOB)
    daemon.restart()
    [report] = people.reports(1)
    assert "unrecognised" in str(daemon.json("x400", "message", str(report["number"]), *people.options(ALICE, "p7"))).lower()
