"""Forced access: the MTA binds to a user of P3 when something waits for him, in clear and with pins, over ROSE and over RTSE, and tshark reads what went
over the wire; and notifications of users of P3, each sent once."""

import json
import socket
import subprocess
import time

import pytest

from peers import ber
from peers.base import free_port, port_answers, wait_until
from peers.certs import TestAuthority
from peers.daemon import binary
from peers.operations import assert_clean_operations, associations
from peers.wire_audit import audit, spdus
from peers.wiretap import TO_CLIENT, TO_SERVER, Wiretap
from peers.x400_people import ALICE, NORTH, Person, certificate_pin, configure

BOB = f"{NORTH};O=Works;S=Bob"
MTA_WORDS, BOB_WORDS = "words of the north", "words of bob"
FORCED = {"ROSE": "2.6.0.1.1", "RTSE": "2.6.0.1.3"}  # X.419: id-ac-mts-forced-access, id-ac-mts-forced-reliable-access


class Called:
    """Bob has no mailbox. The MTA binds to him, by way of a wiretap in clear."""

    def __init__(self, daemon, tls=False, **user):
        self.daemon, self.port, self.tls = daemon, free_port(), tls
        self.tap = None if tls else Wiretap(self.port)
        configure(daemon, "north", NORTH, tls)
        daemon.config["x400"] |= {"retry": ["1s"], "idle": "1s", "address": "127.0.0.1:0"}
        daemon.config["x400_called_user"] = [{"user": BOB, "address": f"127.0.0.1:{self.port if tls else self.tap.port}", "password_ref": "file:north-words",
                                       "tls": "required" if tls else "none", **user}]
        for name, words in (("north-words", MTA_WORDS), ("bob-words", BOB_WORDS), ("other-words", "other words")):
            (daemon.directory / name).write_text(f"{words}\n")
        daemon.start()
        self.alice = Person(daemon, ALICE, tls)
        daemon.cli("x400", "ms", "add", BOB, "--delivery", "p3", input=f"{BOB_WORDS}\n".encode())
        self.folder = daemon.directory / "taken"
        self.folder.mkdir()

    def who(self):
        return ["--user", BOB, "--password-ref", f"file:{self.daemon.directory}/bob-words", "--save", self.folder]

    def listening(self, *more, mta="north", words="north-words", seconds="40") -> subprocess.Popen:
        """Bob listens, once the port answers."""
        tls = [] if self.tls else ["--tls", "none"]
        argv = [binary("postern"), "--json", "x400", "receive", "--listen", f"127.0.0.1:{self.port}", *tls, "--mta", mta, "--mta-password-ref",
                f"file:{self.daemon.directory}/{words}", *self.who(), "--seconds", seconds, *more]
        process = subprocess.Popen([str(each) for each in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: port_answers(self.port), "Bob listens", 10)
        return process

    def binding(self, *more):
        """Bob binds himself."""
        return self.daemon.json("x400", "receive", "--peer", f"127.0.0.1:{self.daemon.ports['x400']}", "--tls", "none", *self.who(), *more)

    def user(self) -> dict:
        return self.daemon.get_json("/status")["x400"]["users"][0]

    def trouble(self):
        return self.user().get("trouble", "")

    def subjects(self):
        return sorted(str(entry.get("subject", entry["type"])) for entry in self.alice.entries())


def answer_of(process) -> dict:
    output, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, output + complaint
    return json.loads(output)


def endings(transcript) -> list[str]:
    return [[each.name for each in spdus(transcript, sender)][-1] for sender in (TO_SERVER, TO_CLIENT)]


@pytest.mark.parametrize("carrier", FORCED)
def test_the_mta_comes_to_the_user_and_the_wire_is_clean(daemon, carrier):
    called = Called(daemon, reliable=carrier == "RTSE")
    process = called.listening("--count", "2", "--notify", "read")
    first = called.alice.submit(BOB, "Grüße aus Köln", "p7", "--report", "--receipt", subject="one")[0]
    wait_until(lambda: called.user()["bound"], "the MTA binds", 20, details=daemon.log_tail)
    called.alice.submit(BOB, "and again", "p7", "--receipt", subject="two")
    answer = answer_of(process)
    assert [entry["content"]["subject"] for entry in answer["received"]] == ["one", "two"] and answer["received"][0]["id"] == first["id"]
    assert answer["received"][0]["content"]["texts"] == ["Grüße aus Köln"]
    assert [notice["sent"] for notice in answer["notifications"]] == [True, True]
    assert len(called.alice.wait(3)) == 3, "a report, and two notifications"
    shown = [called.alice.message(entry["number"]) for entry in called.alice.entries() if entry["type"] == "delivered-message"]
    assert len(shown) == 2 and all("read" in str(each).lower() for each in shown), shown
    assert not called.user()["bound"] and not called.trouble()

    called.tap.join()
    [association] = associations(called.tap.transcripts)
    [transcript] = [each for each in called.tap.transcripts if each.stream(TO_SERVER)]
    opening = next(each for each in spdus(transcript, TO_SERVER) if each.name == "CN")
    assert ber.oid(FORCED[carrier]) in opening.user_data, "the MTA is the initiator, in the forced context"
    assert endings(transcript) == ["FN", "DN"], "and unbinds"
    assert_clean_operations([transcript])
    assert audit([transcript.by_tpkt()[0]]) == []
    assert [each.kind for each in association.of(TO_SERVER)].count("invoke") >= 2, "two deliveries"
    called.tap.stop()


def test_what_rests_over_a_restart_brings_the_mta_past_a_stranger(daemon):
    called = Called(daemon)
    called.alice.submit(BOB, "before the restart", "p7", subject="rests")
    wait_until(called.trouble, "nobody listens", 20, details=daemon.log_tail)
    daemon.restart()
    process, begun = called.listening("--count", "1"), time.monotonic()
    with socket.create_connection(("127.0.0.1", called.port)):  # says nothing
        [entry] = answer_of(process)["received"]
    assert entry["content"]["subject"] == "rests"
    assert time.monotonic() - begun < 30, "nobody waits for the stranger, who had a minute"
    called.tap.stop()


def test_each_notification_goes_out_once(daemon):
    called = Called(daemon)
    called.alice.submit(BOB, "read me", "p7", "--receipt", subject="read")
    answer = called.binding("--count", "1", "--notify", "read")
    assert [notice["sent"] for notice in answer["notifications"]] == [True]
    assert len(called.alice.wait(1)) == 1
    [notified] = called.folder.glob("*.notified")
    assert called.binding("--seconds", "1", "--notify", "read") == {"received": []}

    (called.folder / "message-0.owed").write_bytes(b"damaged")
    called.alice.submit(BOB, "and me", "p7", "--receipt", subject="beside it")
    process = daemon.cli("--json", "x400", "receive", "--peer", f"127.0.0.1:{daemon.ports['x400']}", "--tls", "none", *called.who(), "--count", "1",
                         "--notify", "read", check=False)
    answer = json.loads(process.stdout)
    assert process.returncode == 1 and "take it away" in answer["notifications"][0]["error"], "what is damaged is said"
    assert len(answer["received"]) == 1 and answer["notifications"][1]["sent"], "and stands in nobody's way"
    (called.folder / "message-0.owed").unlink()
    assert len(called.alice.wait(2)) == 2

    notified.rename(notified.with_suffix(".owed"))  # as a run leaves it that was killed before it could submit
    [notice] = called.binding("--seconds", "1", "--notify", "read")["notifications"]
    assert notice["sent"] and len(called.alice.wait(3)) == 3 and notified.exists()

    called.alice.submit(BOB, "do not read me", "p7", "--receipt", subject="discard")
    answer = called.binding("--count", "1", "--notify", "discarded")
    assert "content" not in answer["received"][0] and [notice["sent"] for notice in answer["notifications"]] == [True]
    assert len(list(called.folder.glob("*.ber"))) == 2, "nothing of it is saved"
    told = [str(called.alice.message(entry["number"])) for entry in called.alice.wait(4)]
    assert sum("not read" in each for each in told) == 1, told
    refused = daemon.cli("x400", "receive", "--peer", "127.0.0.1:1", "--tls", "none", "--user", BOB, "--notify", "read", check=False)
    assert refused.returncode == 2, "where nothing is saved nobody knows what was notified of"
    called.tap.stop()


def test_pins_and_passwords_both_ways(daemon, tmp_path):
    shown = TestAuthority(tmp_path / "ca").server("bob.example")
    called = Called(daemon, tls=True, pins=["sha256:" + shown.sha256()])
    pin = certificate_pin(daemon.ports["x400s"])
    keys = ["--tls-certificate", shown.cert, "--tls-key", shown.key]
    called.alice.submit(BOB, "for Bob only", "p7", subject="secret")

    def refused(*more, **options):
        process = called.listening(*keys, *more, seconds="4", **options)
        output, complaint = process.communicate(timeout=30)
        assert process.returncode == 4, output + complaint
        return complaint.decode()

    assert "matches none of the pins" in refused("--pin", "sha256:" + "0" * 64)
    wait_until(lambda: "confidentiality" in called.trouble(), "the MTA knows", 20, details=called.trouble)
    assert "wrong password" in refused("--pin", pin, words="other-words")
    wait_until(lambda: "authentication" in called.trouble(), "the MTA knows", 20, details=called.trouble)
    assert "north, not south" in refused("--pin", pin, mta="south")
    (daemon.directory / "bob-words").write_text("other words\n")
    process = called.listening(*keys, "--pin", pin, seconds="4")
    wait_until(lambda: "the user shows a wrong password" in called.trouble(), "the MTA minds", 20, details=called.trouble)
    assert answer_of(process)["received"] == []
    assert "X.400 user" in str(daemon.get_json("/status")["health"])
    (daemon.directory / "bob-words").write_text(f"{BOB_WORDS}\n")

    other = TestAuthority(tmp_path / "other").server("bob.example")
    process = called.listening("--tls-certificate", other.cert, "--tls-key", other.key, "--pin", pin, seconds="4")
    wait_until(lambda: "matches none of the pins" in called.trouble(), "a stranger's certificate", 20, details=called.trouble)
    process.communicate(timeout=30)

    [entry] = answer_of(called.listening(*keys, "--pin", pin, "--count", "1"))["received"]
    assert entry["content"]["subject"] == "secret"
    for words in (MTA_WORDS, BOB_WORDS):
        assert words not in daemon.log_text()
