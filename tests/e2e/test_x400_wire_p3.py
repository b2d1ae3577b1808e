"""What a user of the MTS and his MTA write in P3 beside submission, before tshark: what is delivered to him, what holds it back, his registrations and his
single operations, each over ROSE alone and over RTSE. With test_x400_wire.py (submission, P7, notifications) and test_x400_mta.py (P1) every operation that
Postern can write is judged; README.md has the list."""

import subprocess

import pytest

from peers.base import wait_until
from peers.daemon import binary
from peers.dissect import TO_CLIENT, TO_SERVER
from test_x400_wire import ALICE, RELIABLE, Recorded, assert_read_as_sent, assert_says, comparable, person  # noqa: F401 (a fixture)

BOB, NOBODY = "C=DE;A= ;P=NORTH;O=Works;S=Bob", "C=DE;A= ;P=NORTH;O=Works;S=Nobody"
# X.411 annex A, X.419 annex A: the codes of the operations, as they stand in an invocation and in its result.
REGISTER, CONTROL, PROBE, DELIVERY, REPORT, CANCEL, CHANGE_CREDENTIALS = "1", "2", "4", "5", "6", "7", "8"


# What tshark says of deliverable-maximum-content-length, which the register of 1994 does not have any more (X.411 8.4.1.1).
REGISTER_1988 = ("Unknown field in SET class:CONTEXT.2. tag:1", "have the content '07d0', tshark shows 0 of them")


@pytest.fixture
def two(person):  # noqa: F811
    """Alice, who has a mailbox, and Bob, who takes what is delivered to him."""
    def make(carrier, **x400):
        return person(ALICE, carrier, **x400), person(BOB, carrier, "p3")
    return make


def only(person_):
    """His only association since the recording began, compared with what our own reader says of it, and what tshark read in it."""
    [(association, capture)] = person_.recorded()
    assert not association.of_store and not association.refused
    assert_read_as_sent(capture, association)
    return association, capture


def invoked(capture, sender, code):
    """What this side invoked under this code."""
    return [pdu for pdu in capture.of(sender) if pdu.find("ros.invoke") and code in pdu.values("ros.opcode")]


@RELIABLE
def test_deliveries(two, carrier):
    """A message, a report, and the notification that Bob asked for, over one association that he bound."""
    alice, bob = two(carrier)
    [sent] = alice.submit(BOB, "How are you?", "p3", "--report")
    bob.submit(ALICE, "Did you read it?", "p3", "--receipt")
    [lost] = bob.submit(NOBODY, "Anybody?", "p3")
    [entry] = [each for each in alice.wait(1) if each["type"] == "delivered-message"]
    alice.message(entry["number"])
    bob.start()
    came = bob.receive("--count", "3")
    assert sorted(each["kind"] for each in came) == ["message", "message", "report"]
    association, capture = only(bob)
    assert [each.kind for each in association.of(TO_CLIENT)] == ["invoke"] * 3 and [each.kind for each in association.of(TO_SERVER)] == ["result"] * 3
    messages, [report] = invoked(capture, TO_CLIENT, DELIVERY), invoked(capture, TO_CLIENT, REPORT)
    [message] = [each for each in messages if not each.find("p22.ipn")]
    [notification] = [each for each in messages if each.find("p22.ipn")]
    assert_delivered(message, next(each for each in came if each.get("id") == sent["id"]), "Alice")
    assert message.values("p22.subject") == ["Good news"] and "How are you?" in capture.text(message.frame)
    assert_delivered(notification, next(each for each in came if each["kind"] == "message" and each["id"] != sent["id"]), "Alice")
    assert_says(notification, "open", author="Bob")
    assert report.values("p1.local_identifier") == [lost["id"].split()[-1]] and report.one("p1.actual_recipient_name").values("p1.surname") == ["Nobody"]
    assert report.values("p1.non_delivery_reason_code") == ["1"] and report.values("p1.non_delivery_diagnostic_code") == ["0"], "unrecognised-OR-name"

def assert_delivered(pdu, entry, originator):
    """X.411 8.3.1.1: what tshark reads of the delivery envelope is what Bob's command said of it."""
    assert pdu.one("p1.message_delivery_identifier").values("p1.local_identifier") == [entry["id"].split()[-1]]
    assert pdu.values("p1.message_delivery_time") == [comparable(entry["time"])]
    assert pdu.one("p1.originator_name").values("p1.surname") == [originator]
    assert pdu.one("p1.this_recipient_name").values("p1.surname") == ["Bob"]


@RELIABLE
def test_delivery_control(two, carrier):
    """What he holds back, and what the MTA says of what waits because of it."""
    alice, bob = two(carrier)
    alice.submit(BOB, "long " * 500, "p3")
    wait_until(lambda: bob.daemon.get_json("/status")["queue"]["queued"] == 1, "the message to wait")
    assert bob.receive("--longest", "1000", "--lowest-priority", "normal", "--seconds", "1") == []
    _, capture = only(bob)
    [asked] = invoked(capture, TO_SERVER, CONTROL)
    assert asked.values("p1.permissible_maximum_content_length") == ["1000"] and asked.values("p1.permissible_lowest_priority") == ["0"]
    assert capture.values("p1.Operations.message.submission.or.message.delivery", TO_CLIENT) == ["1"]
    assert capture.values("p1.WaitingMessages.long.content", TO_CLIENT) == ["1"]
    assert capture.values("p1.WaitingMessages.low.priority", TO_CLIENT) == ["0"]


@RELIABLE
def test_submission_control(two, carrier):
    """The MTA asks those who are bound to hold back what they would submit while its queue is full, and lets go when it is not."""
    _, bob = two(carrier, most_queued=1)
    carol = Recorded(bob.daemon, "C=DE;A= ;P=NORTH;O=Works;S=Carol", carrier, "p3")
    command = [str(binary("postern")), "x400", "receive", *carol.options("p3"), "--seconds", "60", "--count", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as waiting:
        try:
            wait_until(lambda: bob.daemon.log_text().count("x400.user_bound"), "Carol's bind")
            bob.submit(BOB, "fills the queue", "p3")
            wait_until(lambda: controls(bob.daemon) == ["no"], "the MTA to hold submissions back", details=bob.daemon.log_tail)
            bob.receive("--count", "1")
            wait_until(lambda: controls(bob.daemon) == ["no", "yes"], "the MTA to let go", details=bob.daemon.log_tail)
            bob.submit(carol.address, "the end", "p3")
            waiting.communicate(timeout=60)
        finally:
            waiting.kill()
    association, capture = only(carol)
    carol.stop()
    held, free, *_ = invoked(capture, TO_CLIENT, CONTROL)  # what is for Carol herself fills the queue again
    assert held.values("p1.restrict") in ([], ["1"]) and free.values("p1.restrict") == ["0"]
    assert held.find("p1.permissible_operations") and "1" not in held.values("p1.Operations.message.submission.or.message.delivery")
    assert {each.kind for each in association.of(TO_SERVER)} == {"result"}


def controls(daemon) -> list[str]:
    """Whether submission was open, each time that Carol was told."""
    lines = [line for line in daemon.log_text().splitlines() if "x400.submission_control" in line and "Carol" in line]
    return ["yes" if "open=yes" in line or '"open":"yes"' in line else "no" for line in lines]


@RELIABLE
def test_administration(two, carrier):
    """register and change-credentials."""
    _, bob = two(carrier)
    bob.daemon.cli("x400", "register", *bob.options("p3"), "--longest", "2000", "--hold-longer", "1500", "--hold-below", "normal")
    other = bob.daemon.directory / "other-words"
    other.write_text("other words\n")
    bob.daemon.cli("x400", "password", *bob.options("p3"), "--new-password-ref", f"file:{other}")
    assert "authentication" in bob.fails("submit", "--to", ALICE, "--text", "x", protocol="p3").lower(), "the old one does no longer"
    bob.words.write_text("other words\n")
    (_, registering), (changing, changed), (refused, _) = bob.recorded(REGISTER_1988)
    assert refused.refused
    [asked] = invoked(changed, TO_SERVER, CHANGE_CREDENTIALS)
    assert asked.one("p1.old_credentials").values("p1.octet_string") == [b"secret words".hex(":")]
    assert asked.one("p1.new_credentials").values("p1.octet_string") == [b"other words".hex(":")]
    assert [each.kind for each in changing.of(TO_CLIENT)] == ["result"]
    [asked] = invoked(registering, TO_SERVER, REGISTER)
    assert asked.values("p1.permissible_maximum_content_length") == ["1500"] and asked.values("p1.permissible_lowest_priority") == ["0"]


@RELIABLE
@pytest.mark.parametrize("protocol", ["p3", "p7"])
def test_probes_and_cancellations(person, protocol, carrier):  # noqa: F811
    alice = person(ALICE, carrier)
    cli = alice.daemon.json
    probe = cli("x400", "probe", *alice.options(protocol), "--to", ALICE, "--to", NOBODY, "--size", "4711")
    [late] = alice.submit(ALICE, "later", protocol, "--strategy", "2", "--defer", "2030-01-02T03:04:05Z")
    cli("x400", "cancel", late["id"], *alice.options(protocol))
    assert "message-submission-identifier-invalid" in alice.fails("cancel", late["id"], protocol=protocol)
    (probing, probed), _, (_, cancelled), (_, again) = judged = alice.recorded()
    for association, capture in judged:
        assert_read_as_sent(capture, association)
    [asked] = invoked(probed, TO_SERVER, PROBE)
    assert asked.values("p1.content_length") == ["4711"] and asked.values("p1.surname") == ["Alice", "Alice", "Nobody"]
    assert probed.values("p1.local_identifier", TO_CLIENT) == [probe["id"].split()[-1]]
    assert probed.values("p1.probe_submission_time", TO_CLIENT) == [comparable(probe["time"])]
    assert [each.kind for each in probing.of(TO_CLIENT)] == ["result"]
    [asked] = invoked(cancelled, TO_SERVER, CANCEL)
    assert asked.values("p1.local_identifier") == [late["id"].split()[-1]]
    assert cancelled.find("ros.returnResult", TO_CLIENT) and again.find("ros.returnError", TO_CLIENT)


@RELIABLE
def test_errors_of_the_delivery_port(two, carrier):
    """More than was registered, and controls of somebody who has a mailbox."""
    alice, bob = two(carrier)
    bob.daemon.cli("x400", "register", *bob.options("p3"), "--longest", "1000")
    bob.fails("receive", "--longest", "2000", "--seconds", "1", protocol="p3")
    alice.fails("receive", "--longest", "2000", "--seconds", "1", protocol="p3")
    of_alice, (_, of_bob) = alice.recorded(), bob.recorded((REGISTER_1988[0], REGISTER_1988[1].replace("07d0", "03e8")))
    for association, capture in (*of_alice, of_bob):
        assert [each.kind for each in association.of(TO_CLIENT)] == ["error"] and len(invoked(capture, TO_SERVER, CONTROL)) == 1
