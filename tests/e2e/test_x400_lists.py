"""Distribution lists between two daemons: a list at north with members at both, one of them a list of south that names north's list again; who may send,
who gets the reports, and what the operator sees."""

import pytest

from peers.x400_people import NORTH, SOUTH, Pair, Person

STAFF, BOARD, HALL = f"{NORTH};O=Lists;CN=staff", f"{NORTH};O=Lists;CN=board", f"{SOUTH};O=Lists;CN=hall"
DAVE, OWNER = f"{NORTH};O=Works;S=Dave", f"{NORTH};O=Works;S=Owner"


@pytest.fixture
def pair(make_daemon):
    made = Pair(make_daemon)
    members = made.north.directory / "staff.txt"
    members.write_text(f"# who works here, and the hall\n{DAVE}\n{HALL}\n")
    made.north.config["x400_list"] = [
        {"address": STAFF, "members_file": "staff.txt", "owner": OWNER, "reports": "both"},
        {"address": BOARD, "members": [DAVE, f"{SOUTH};O=Hall;S=Nobody"], "submit": "members", "owner": OWNER, "reports": "owner"}]
    made.south.config["x400_list"] = [{"address": HALL, "members": [STAFF, f"{SOUTH};O=Hall;S=Bob"]}]
    made.start()
    yield made
    made.stop()


def kinds(entries) -> list[str]:
    return sorted(entry["type"].removeprefix("delivered-") for entry in entries)


def test_a_list_of_people_and_lists_with_its_reports(pair):
    alice, bob = pair.people()
    dave, owner = Person(pair.north, DAVE), Person(pair.north, OWNER)
    alice.submit(STAFF, "Meeting at ten\r\n", "p7", "--report")
    bob.wait(1), dave.wait(1), alice.wait(2), owner.wait(2)
    pair.await_quiet()
    # Circles of lists end: everybody has it once, and each delivery is reported once to the originator and once to the owner.
    assert kinds(dave.entries()) == kinds(bob.entries()) == ["message"]
    assert kinds(alice.entries()) == kinds(owner.entries()) == ["report", "report"]

    shown = pair.north.json("x400", "mta", "lists")["lists"]
    assert [(each["members"], each["reports"]) for each in shown] == [(2, "owner"), (2, "both")]
    assert pair.north.json("x400", "mta", "lists", STAFF)["names"] == [DAVE, HALL]

    # Alice may not write to the board: she is told. Dave may; the owner hears of the member who is not there, Dave that the list was expanded.
    alice.submit(BOARD, "Hello\r\n", "p3")
    alice.wait(3)
    dave.submit(BOARD, "Hello\r\n", "p3", "--report")
    owner.wait(3), dave.wait(3)
    pair.await_quiet()
    assert kinds(owner.entries()) == ["report"] * 3 and kinds(dave.entries()) == ["message", "message", "report"]
    assert b"at lists" in pair.north.cli("x400", "mta").stdout
