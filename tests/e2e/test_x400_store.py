"""People of the X.400 side, as their operator sees them: mailboxes made on the command line, messages submitted by P3 and P7, fetched by P7, reports back at the
sender; over one MTA and over two; in clear and in TLS."""

import pytest

from peers.x400_people import ALICE, BOB, Person, behind_wiretaps, configure


@pytest.mark.parametrize("protocol", ["p3", "p7"])
def test_a_message_to_oneself(daemon, protocol):
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.start()
    alice = Person(daemon, ALICE)
    assert daemon.json("x400", "ms", "list")["mailboxes"] == [{"address": ALICE, "delivery": "store"}]
    [sent] = alice.submit(ALICE, "Grüße aus Köln", protocol, "--report")
    entries = alice.wait(2)
    assert {entry["type"] for entry in entries} == {"delivered-message", "delivered-report"}, entries
    number = next(entry["number"] for entry in entries if entry["type"] == "delivered-message")
    shown = alice.message(number)
    assert "Grüße aus Köln" in str(shown) and "Good news" in str(shown)
    assert sent["id"]
    alice.daemon.cli("x400", "delete", str(number), *alice.options("p7"))
    assert len(alice.entries()) == 1
    assert not [path for path in (daemon.data_dir / "mail").rglob("*") if path.is_file() and "Köln".encode() in path.read_bytes()], "encrypted at rest"


def test_two_mtas_and_their_people(make_daemon):
    north, south, taps = behind_wiretaps(make_daemon)
    alice, bob = Person(north, ALICE), Person(south, BOB)
    alice.submit(BOB, "Over the wire", "p3", "--report")
    [entry] = bob.wait(1)
    assert "Over the wire" in str(bob.message(entry["number"]))
    [report] = alice.wait(1)
    assert report["type"] == "delivered-report"
    assert "Bob" in str(alice.message(report["number"]))
    alice.submit("C=GB;A=GOLD;P=SOUTH;S=Nobody", "To nobody", "p7")
    reports = alice.wait(2)
    assert [each["type"] for each in reports] == ["delivered-report"] * 2
    assert "not known" in str(alice.message(reports[-1]["number"])) or "unrecognised" in str(alice.message(reports[-1]["number"]))
    for tap in taps.values():
        tap.stop()


def test_over_tls_with_every_step_said(daemon):
    daemon.config["server"]["hostname"] = "localhost"
    configure(daemon, "north", "C=DE;A= ;P=NORTH", tls=True)
    daemon.start()
    alice = Person(daemon, ALICE, tls=True)
    steps = daemon.json("x400", "bind-test", *alice.options("p7"))
    assert steps["ok"] and {"TLS", "bind"} & {step["step"] for step in steps["steps"]}, steps
    alice.words.write_text("wrong words\n")
    done = daemon.cli("--json", "x400", "bind-test", *alice.options("p7"), check=False)
    assert done.returncode == 1 and b"wrong words" not in done.stdout + done.stderr
    assert "wrong words" not in daemon.log_text()


def test_mailboxes_come_and_go(daemon):
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.start()
    Person(daemon, ALICE)
    assert daemon.cli("x400", "ms", "add", ALICE, input=b"x\n", check=False).returncode == 1, "there is one"
    assert daemon.cli("x400", "ms", "add", "no address", input=b"x\n", check=False).returncode != 0
    daemon.cli("x400", "ms", "password", ALICE, input=b"other words\n")
    daemon.cli("x400", "ms", "remove", ALICE)
    assert daemon.json("x400", "ms", "list")["mailboxes"] == []
    assert daemon.cli("x400", "ms", "remove", ALICE, check=False).returncode == 1
    text = daemon.cli("x400", "mta").stdout.decode()
    assert "MTA north" in text
