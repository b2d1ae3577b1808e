"""The embedded mailbox: list, show, verify; exactly what was accepted, exactly once."""

from peers import mimebytes, sealtools
from peers.daemon import send_exact

BOB = "bob@postern.example"


def test_list_shows_newest_facts(daemon):
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", BOB, subject="for the list")
    daemon.send("carol@example.org", [BOB], raw, listener="mx")
    daemon.await_mail(BOB)
    message, = daemon.mailbox(BOB)
    assert message["sender"] == "carol@example.org" and message["size"] > len(raw) and message["id"]
    assert message["received"].endswith("Z"), "times are RFC 3339 UTC"


def test_show_prints_the_exact_message(daemon):
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", BOB, body=".dot\r\n\ttab and trailing \r\n\r\n")
    daemon.send("carol@example.org", [BOB], raw, listener="mx")
    stored, = daemon.await_mail(BOB)
    assert mimebytes.carries_unchanged(raw, stored)
    assert mimebytes.field(stored, "Return-Path") == b"<carol@example.org>"
    assert len(mimebytes.field(stored, "Received")) > 20


def test_two_local_recipients_get_one_each_and_no_more(daemon):
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", [BOB, "eve@postern.example"])
    daemon.send("carol@example.org", [BOB, "eve@postern.example"], raw, listener="mx")
    for address in (BOB, "eve@postern.example"):
        daemon.await_mail(address)
    daemon.restart()
    assert [len(daemon.mailbox(address)) for address in (BOB, "eve@postern.example")] == [1, 1]


def test_mail_survives_restart_and_crash(daemon):
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", BOB)
    daemon.send("carol@example.org", [BOB], raw, listener="mx")
    daemon.restart()
    daemon.crash_and_restart()
    stored, = daemon.await_mail(BOB)
    assert mimebytes.carries_unchanged(raw, stored)


def test_verify_answers_with_status_0_or_1(daemon, authority, workdir):
    """A signed message with an intact signature, and the same with one word changed."""
    daemon.config["security"]["smime"]["trust"] = str(authority.pem)
    daemon.start()
    entity = b"Content-Type: text/plain\r\n\r\noriginal words\r\n"
    carol = authority.person("carol@example.org", label="mailbox-carol")
    good = sealtools.under_header(sealtools.cms_sign(entity, carol, workdir), "carol@example.org", BOB)
    daemon.send("carol@example.org", [BOB], good, listener="mx")
    daemon.await_mail(BOB)
    daemon.send("carol@example.org", [BOB], good.replace(b"original", b"invented"), listener="mx")
    daemon.await_mail(BOB, 2)
    ids = sorted(message["id"] for message in daemon.mailbox(BOB))
    assert [daemon.cli("mail", "verify", identifier, check=False).returncode for identifier in ids] == [0, 1]


def test_an_unknown_message_is_status_1(daemon):
    daemon.start()
    for identifier in ("01HZZZZZZZZZZZZZZZZZZZZZZZ", "../../etc/passwd", "x' OR 1=1 --"):
        done = daemon.cli("mail", "show", identifier, check=False)
        assert done.returncode in (1, 2) and not done.stdout, (identifier, done)
        assert done.stderr, "the error must say what was wrong"


def test_addresses_are_matched_without_case_in_the_domain(daemon):
    """RFC 5321 2.4: domains compare without case."""
    daemon.start()
    with daemon.smtp("mx") as client:
        send_exact(client, "carol@example.org", ["bob@POSTERN.Example"], mimebytes.simple_message("carol@example.org", BOB))
    daemon.await_mail(BOB)


def test_a_hundred_recipients_in_one_transaction(daemon):
    """RFC 5321 4.5.3.1.8: at least 100."""
    daemon.start()
    recipients = [f"user{number}@postern.example" for number in range(100)]
    daemon.send("carol@example.org", recipients, mimebytes.simple_message("carol@example.org", BOB), listener="mx")
    assert len(daemon.await_mail("user99@postern.example")) == 1
    assert {message["mailbox"] for message in daemon.mailbox()} == set(recipients)
