"""One association for both directions (X.218 two-way alternate): north calls south, which has nowhere to call; what south sends goes over north's
association when it has the turn. tshark reads both directions."""

from peers.dissect import TO_CLIENT, TO_SERVER, assert_clean_transfers
from peers.x400_people import ALICE, BOB, Person, behind_wiretaps


def test_both_send_over_one_association(make_daemon):
    north, south, taps = behind_wiretaps(make_daemon)
    for daemon in (north, south):
        daemon.stop()
        daemon.config["x400_peer"][0]["dialogue"] = "alternate"
    del south.config["x400_peer"][0]["address"]
    north.start(), south.start()
    alice, bob = Person(north, ALICE), Person(south, BOB)
    alice.submit(BOB, "Good morning", "p3", "--report")
    bob.wait(1), alice.wait(1)  # the report had no other way
    bob.submit(ALICE, "And to you", "p3", "--report")
    alice.wait(2), bob.wait(2)
    assert sorted(entry["type"] for entry in alice.entries()) == ["delivered-message", "delivered-report"]
    assert south.get_json("/status")["x400"]["sent"]["associations"] == 0
    north.stop(), south.stop()
    for tap in taps.values():
        tap.stop()
        tap.join()
    wire = taps["south"].transcripts
    there, back = assert_clean_transfers(wire, TO_SERVER), assert_clean_transfers(wire, TO_CLIENT)
    assert "Bob" in there.values("p1.surname") and "Alice" in back.values("p1.surname")
