"""What Postern writes in P3 and P7, and the notifications that travel in them and in P1, before tshark as the judge: nothing malformed, nothing it does not
understand, and each value it reads is the one that was meant. Both sides are Postern, so each octet of both directions is ours. (P1, its reports and its
probes: test_x400_mta.py.)"""

import json
import re
import subprocess

import pytest

from peers.base import wait_until
from peers.ber import BerError
from peers.daemon import binary
from peers.dissect import TO_CLIENT, TO_SERVER, assert_clean_transfers
from peers.operations import MS, MS_RTSE, assert_clean_operations, associations, dissect_contents, fetched_contents
from peers.osi_wire import WireError
from peers.wire_audit import presented, spdus
from peers.wiretap import Wiretap
from peers.x400_people import Person, behind_wiretaps, configure
from test_x400_codec import x400

ALICE, BOB = "C=DE;A= ;P=NORTH;O=Works;S=Alice", "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob"
RELIABLE = pytest.mark.parametrize("carrier", ["ROSE", "RTSE"])


class Recorded(Person):
    """Somebody whose every association goes through a wiretap."""

    def __init__(self, daemon, address, carrier="ROSE", delivery="store"):
        super().__init__(daemon, address, delivery=delivery)
        self.carrier, self.port, self.taps = carrier, daemon.ports["x400"], []
        self.start()

    def start(self):
        """A new recording."""
        self.taps.append(Wiretap(self.port))

    def options(self, protocol):
        options = super().options(protocol)
        options[1] = f"127.0.0.1:{self.taps[-1].port}"
        return options + (["--reliable"] if self.carrier == "RTSE" else [])

    def wait(self, count):
        """Looks past the recording: how often does not matter to it."""
        self.taps.append(Wiretap(self.port))
        try:
            return super().wait(count)
        finally:
            self.taps.pop().stop()

    def fails(self, *arguments, protocol="p7", status=4):
        done = self.daemon.cli("--json", "x400", *arguments, *self.options(protocol), check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout.decode()

    def recorded(self, allow=()):
        """The judged associations since start(), and what tshark read in each."""
        tap = self.taps[-1]
        tap.stop()
        tap.join()
        captures = assert_clean_operations(tap.transcripts, allow=allow)
        for transcript in tap.transcripts:
            ended = [[each.name for each in spdus(transcript, sender)][-1] for sender in (TO_SERVER, TO_CLIENT)]
            assert ended in (["FN", "DN"], ["CN", "RF"]), "released in order, or refused"
        return list(zip(associations(tap.transcripts), captures))

    def stop(self):
        for tap in self.taps:
            tap.stop()


@pytest.fixture
def person(daemon):
    people = []

    def make(address=ALICE, carrier="ROSE", delivery="store", **x400) -> Recorded:
        if not people:
            configure(daemon, "north", "C=DE;A= ;P=NORTH", **x400)
            daemon.start()
        people.append(Recorded(daemon, address, carrier, delivery))
        return people[-1]

    yield make
    for each in people:
        each.stop()


# ---- what was sent, read by the command, beside what tshark reads

def decoded(operation, of_store):
    """The APDU in value notation, and its octets again from that."""
    syntax = "p7" if of_store else "p3"
    value = x400("decode", "--as", syntax, "--json", stdin=operation.apdu)
    assert x400("encode", "--as", syntax, "--form", "binary", stdin=value) == operation.apdu
    return json.loads(value)


def leaves(value, name=""):
    """(name of the component, value) of all that is no structure, in the order of the octets."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, key if key not in ("value", "octets") else name)
    elif isinstance(value, list) and not all(isinstance(each, str) for each in value):
        for inner in value:
            yield from leaves(inner, name)
    else:
        yield name, value


def comparable(value) -> str:
    """Times as tshark writes them; hex as it does."""
    text = str(value)
    if time := re.fullmatch(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", text):
        return "{}-{}-{} {}:{}:{} (UTC)".format(*time.groups())
    if octets := re.fullmatch(r"'([0-9A-F]*)'H", text):
        return ":".join(re.findall("..", octets[1].lower()))
    return text


def assert_read_as_sent(capture, association):
    """Of every component that tshark has a field for by its name, the values are those that our own reader found, in their order. Codes of operations
    and enumerations are numbers to tshark and names to us: they are compared where they are meant, in the tests."""
    compared = 0
    for operation, pdu in zip(capture.operations, [pdu for pdu in capture.pdus if "ros" in pdu.layers and "acse" not in pdu.layers]):
        ours = {}
        for name, value in leaves(decoded(operation, association.of_store)):
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                ours.setdefault(name.replace("-", "_"), []).append(comparable(value))
        theirs = {}
        for field in (field for layer in pdu.children if layer.name in ("ros", "p1", "p3", "p7", "p22") for field in layer.walk()):
            if field.value is not None and not field.children:
                theirs.setdefault(field.name.split(".")[-1], []).append(field.value)
        for name in set(ours) & set(theirs) & PLAIN:
            assert theirs[name] == ours[name], (name, operation.apdu.hex())
            compared += len(ours[name])
    assert compared, "nothing was compared"


# Components whose values are texts, numbers and times to both readers.
PLAIN = {"surname", "organization_name", "iso_3166_alpha2_code", "local_identifier", "message_submission_time", "content_identifier", "sequence_number",
         "user_relative_identifier", "subject", "attribute_type", "limit", "from", "to", "precise", "next", "lowest", "highest", "auto_action_type",
         "registration_identifier", "alert_registration_identifier", "receipt_time", "deferred_delivery_time", "type", "message_delivery_time",
         "probe_submission_time", "permissible_maximum_content_length", "content_length", "octet_string"}


# ---- P3 and P7: submission

@RELIABLE
@pytest.mark.parametrize("protocol", ["p3", "p7"])
def test_submission(person, protocol, carrier):
    alice = person(carrier=carrier)
    [sent, hidden] = alice.submit(ALICE, "How are you?", protocol, "--cc", "C=DE;A= ;P=NORTH;S=Carol", "--bcc", "C=DE;A= ;P=NORTH;S=Dave", "--report",
                                  "--receipt", "--strategy", "2", "--defer", "2030-01-02T03:04:05Z")
    [(association, capture)] = alice.recorded()
    assert association.of_store == (protocol == "p7") and not association.refused
    assert_read_as_sent(capture, association)
    assert capture.values("p1.local_identifier", TO_CLIENT) == [each["id"].split()[-1] for each in (sent, hidden)]
    assert capture.values("p1.deferred_delivery_time") == ["30-01-02 03:04:05 (UTC)"] * 2
    assert capture.values("p1.OriginatorReportRequest.report") == ["1"] * 3 and capture.values("p1.OriginatorReportRequest.non.delivery.report") == ["0"] * 3
    assert capture.values("p22.NotificationRequests.rn") == ["1"] * 5 and capture.values("p22.subject") == ["Good news"] * 2
    assert capture.text().count("How are you?") == 2
    recipients = [each.values("p1.surname") for each in capture.find("p1.recipient_name")]
    assert recipients == [["Alice"], ["Carol"], ["Dave"]], "one copy for those whom the heading shows, one for the hidden one"


@RELIABLE
def test_retrieval(person, carrier):
    """Bind, list, summarize, fetch, delete."""
    alice = person(carrier=carrier)
    for number in range(3):
        alice.submit(ALICE, f"text {number}", "p7", "--report")
    alice.wait(6)
    alice.start()
    page = alice.daemon.json("x400", "list", *alice.options("p7"), "--from", "2", "--limit", "3")
    shown = alice.message(page["entries"][0]["number"])
    alice.daemon.cli("x400", "delete", "2", "3", *alice.options("p7"))
    (listing, listed), (fetching, fetched), (deleting, deleted) = alice.recorded()
    for association, capture in ((listing, listed), (fetching, fetched), (deleting, deleted)):
        assert_read_as_sent(capture, association)
    assert {MS, MS_RTSE} & set(listing.contexts.values())
    assert listed.values("p1.surname", TO_SERVER)[0] == "Alice" and listed.values("p1.octet_string", TO_SERVER) == [b"secret words".hex(":")]
    assert (listed.values("p7.numberRange.number", TO_SERVER), listed.values("p7.limit", TO_SERVER)) == (["2"], ["3"])
    entries = page["entries"]
    assert listed.values("p7.sequence_number") == [str(each["number"]) for each in entries] and listed.values("p7.next") == [str(page["next"])]
    assert listed.values("p7.EntryType") == [{"delivered-message": "0", "delivered-report": "1"}[each["type"]] for each in entries]
    assert listed.values("p7.CreationTime") == [comparable(each["time"]) for each in entries]
    assert listed.values("p7.RetrievalStatus") == [{"new": "0", "listed": "1", "processed": "2"}[each["status"]] for each in entries]
    assert fetched.values("p7.precise", TO_SERVER) == [str(shown["number"])]
    assert deleted.values("p7.SequenceNumber", TO_SERVER) == ["2", "3"] and deleted.find("p7.DeleteResult", TO_CLIENT)
    for content in fetched_contents(fetching):
        assert dissect_contents([content]).values("p22.subject") == ["Good news"]


# What tshark 4.0 says of the parameter of any auto-action: it has a reader for none of them.
AUTO_ACTION_BLIND = ("Dissector for OID not implemented", "beyond the end of the known sequence definition", "did not understand all")


def answered(tap) -> bool:
    """Whether the server has answered an operation already."""
    try:
        return bool(tap.transcripts and presented(tap.transcripts[0], TO_CLIENT))
    except (WireError, BerError):
        return False  # in the middle of it


@RELIABLE
def test_an_alert(person, carrier):
    """register-MS, and the operation that the store invokes."""
    alice = person(carrier=carrier)
    command = [str(binary("postern")), "x400", "wait", *alice.options("p7"), "--seconds", "60", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as waiting:
        try:
            wait_until(lambda: answered(alice.taps[0]), "the registration")
            Person.submit(alice, ALICE, "news")
            news = json.loads(waiting.communicate(timeout=60)[0])
        finally:
            waiting.kill()
    (association, capture), _ = alice.recorded(AUTO_ACTION_BLIND)
    assert_read_as_sent(capture, association)
    assert [each.kind for each in association.of(TO_CLIENT)] == ["result", "invoke"] and association.of(TO_SERVER)[-1].kind == "result"
    assert capture.values("p7.auto_action_type") == ["2.6.4.4.1"]
    registration = decoded(association.operations[0], True)["roiv-apdu"]["argument"]["value"]["auto-action-registrations"][0]["registration-parameter"]
    assert {"type": "2.6.4.3.16"} in registration["value"]["requested-attributes"]
    assert capture.values("p7.sequence_number", TO_CLIENT) == [str(news["number"])]
    assert capture.values("p7.EntryType", TO_CLIENT) == ["0"]


@RELIABLE
def test_refusals(person, carrier):
    """Errors of P7 and of P3, and a refused bind."""
    alice = person(carrier=carrier)
    alice.submit(ALICE, "one", "p7")
    wait_until(lambda: alice.daemon.get_json("/status")["queue"]["queued"] == 0, "the delivery")
    alice.start()
    assert "sequence-number-error" in alice.fails("message", "77")
    assert "delete-error" in alice.fails("delete", "1")
    assert "recipient-improperly-specified" in alice.fails("submit", "--to", "C=DE", "--text", "x", protocol="p3")
    alice.words.write_text("wrong words\n")
    alice.fails("list")
    alice.fails("submit", "--to", ALICE, "--text", "x", protocol="p3")
    judged = alice.recorded()
    assert [[each.kind for each in association.of(TO_CLIENT)][-1:] for association, _ in judged] == [["error"]] * 3 + [[], []]
    assert [association.refused for association, _ in judged] == [False] * 3 + [True] * 2
    captures = [capture for _, capture in judged]
    assert captures[0].values("p7.sequence_number", TO_CLIENT) == ["77"] and captures[1].values("p7.sequence_number", TO_CLIENT) == ["1"]
    assert captures[2].values("p1.iso_3166_alpha2_code", TO_CLIENT) == ["DE"], "who is improperly specified"


# ---- notifications

@pytest.fixture
def two(make_daemon):
    """Two MTAs, each behind a wiretap, with Alice at one and Bob at the other."""
    north, south, taps = behind_wiretaps(make_daemon)
    people = Recorded(north, ALICE), Recorded(south, BOB)
    yield *people, taps
    for each in (*people, *taps.values()):
        each.stop()


def entry_of(person, kind, count):
    return [each for each in person.wait(count) if each["type"] == kind][-1]


@pytest.mark.parametrize("act", ["open", "discard"])
def test_notifications(two, act):
    """Over P7 (submission), P1, and P7 again (fetch): RN of a message that was opened, NRN of one that was discarded unread."""
    alice, bob, taps = two
    alice.submit(BOB, "Did you read it?", "p3", "--receipt")
    number = entry_of(bob, "delivered-message", 1)["number"]
    bob.start()
    if act == "open":
        notice = bob.message(number)["notification"]
        assert "notification" not in bob.message(number), "once"
    else:
        [notice] = bob.daemon.json("x400", "delete", str(number), *bob.options("p7"))["notifications"]
    assert notice["sent"] and notice["kind"] == {"open": "receipt", "discard": "non-receipt"}[act]
    came = entry_of(alice, "delivered-message", 1)
    alice.start()
    shown = {field["name"]: field["text"] for field in alice.message(came["number"])["content"]["fields"]}
    assert "Bob" in shown["Notification from"] and "Alice" in shown["Subject message"]
    assert re.match(r"read on \d{4}-\d\d-\d\d|not read: deleted", shown["Outcome"])
    assert_notified(bob.recorded()[0], act)
    fetching, fetched = alice.recorded()[0]
    [content] = fetched_contents(fetching)
    for tap in taps.values():
        tap.stop()
        tap.join()
    judged = assert_clean_transfers(taps["north"].transcripts)
    assert judged.values("p1.surname")[:2] == ["Bob", "Alice"], "originator and recipient in the envelope"
    for capture in (judged, dissect_contents([content])):
        assert_says(capture, act)
    bob.stop(), alice.stop()


def assert_notified(recorded, act):
    """How the notification was submitted: to the originator, under the recipient's name, asking for no report."""
    association, capture = recorded
    assert_read_as_sent(capture, association)
    [submission] = [pdu for pdu in capture.of(TO_SERVER) if "3" in pdu.values("ros.opcode")]
    assert submission.one("p1.originator_name").values("p1.surname") == ["Bob"]
    assert submission.one("p1.recipient_name").values("p1.surname") == ["Alice"]
    assert submission.values("p1.OriginatorReportRequest.report") in (["0"], [])
    assert submission.values("p1.OriginatorReportRequest.non.delivery.report") in (["0"], [])
    assert_says(submission, act)


def assert_says(read, act, author="Alice"):
    """The IPN itself (X.420 8), about what `author` wrote."""
    assert len(read.find("p22.ipn")) == 1
    if act == "open":
        assert len(read.values("p22.receipt_time")) == 1 and read.values("p22.non_receipt_reason") == []
        assert read.values("p22.acknowledgment_mode") in ([], ["0"]), "manual, which is the default"
    else:
        assert read.values("p22.non_receipt_reason") == ["0"] and read.values("p22.discard_reason") == ["3"]
    subject = read.find("p22.subject_ipm")[0]
    assert author in subject.values("p1.surname") and len(subject.values("p22.user_relative_identifier")) == 1


def test_a_notification_that_is_withheld(person):
    alice = person()
    alice.submit(ALICE, "again", "p3", "--receipt")
    alice.wait(1)
    assert alice.daemon.json("x400", "message", "1", *alice.options("p7"), "--no-receipt")["notification"] == {"number": 1, "kind": "receipt", "sent": False}
    assert "notification" not in alice.message(1)
    assert alice.daemon.json("x400", "message", "1", *alice.options("p7"), "--receipt")["notification"]["sent"]
    assert [each["type"] for each in alice.wait(2)] == ["delivered-message"] * 2
