"""Sendmail asks Postern about its mail: does what it then passes on carry the right fields, seals and recipients, and do its own ways break nothing?"""

import json
import pathlib
import smtplib
import tempfile

import dkim
import pytest

from peers import dkimtools, mimebytes, sealtools
from peers.base import wait_until
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, send_exact
from peers.sendmail import Sendmail
from test_judged import PRIVATE, ZONE, message, txt

ALICE, BOB, CAROL = f"alice@{LOCAL_DOMAIN}", f"bob@{LOCAL_DOMAIN}", "carol@example.org"
OWN, GOOD, BAD = "127.0.0.1", "127.0.0.10", "127.0.0.66"  # Sendmail takes nobody's word for a client's address: strangers come from others of the loopback
RECORDS = {**ZONE, "strict.example": txt(f"v=spf1 ip4:{GOOD} -all"), "soft.example": txt(f"v=spf1 ip4:{GOOD} ~all"),
           "list.example": txt(f"v=spf1 ip4:{BAD} -all")}


@pytest.fixture
def filtering(daemon, sink):
    """A daemon with a milter, for which only one address is its own people's; what it brings on itself goes to `sink`, local mail too."""
    zone = daemon.directory / "zone.json"
    zone.write_text(json.dumps({"records": RECORDS}))
    daemon.config["dns"] = {"fixture_file": str(zone)}
    daemon.config["authentication"] = {"enabled": True, "dmarc": "enforce"}
    daemon.config["listener"].append({"kind": "milter", "address": "127.0.0.1:0", "tls": "none", "relay_from": [f"{OWN}/32"]})
    daemon.dkim("sel", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256")
    return daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").route(LOCAL_DOMAIN, f"smtp:127.0.0.1:{sink.port}", tls="none")


@pytest.fixture
def start_sendmail(workdir, make_sink):
    made = []

    def start(milter):
        onward = make_sink()
        made.append(Sendmail(workdir / f"sendmail{len(made)}", milter, onward.port).start())
        made[-1].onward = onward
        return made[-1]
    yield start
    for sendmail in made:
        sendmail.stop()


def ask_by(filtering, start_sendmail):
    """The daemon runs; Sendmail asks it."""
    filtering.start()
    return start_sendmail(f"inet:{filtering.port('milter')}@127.0.0.1")


def client_of(sendmail, source=OWN):
    client = smtplib.SMTP("127.0.0.1", sendmail.port, local_hostname="client.example", timeout=60, source_address=(source, 0))
    client.ehlo()
    return client


def hand_in(sendmail, raw, sender, recipients, source=OWN):
    with client_of(sendmail, source) as client:
        assert not send_exact(client, sender, recipients, raw)


def refusal(sendmail, raw, sender, recipients, source=BAD) -> tuple[int, str]:
    with client_of(sendmail, source) as client, pytest.raises(smtplib.SMTPResponseException) as refused:
        send_exact(client, sender, recipients, raw)
    return refused.value.smtp_code, refused.value.smtp_error.decode()


def passed_on(filtering, sendmail, address) -> bytes:
    return sendmail.onward.for_recipient(address, details=lambda: f"{sendmail.conversations()[-3000:]}\n{filtering.log_tail()}").content


def holds(filtering, raw: bytes) -> bool:
    return dkimtools.dkimpy_verdicts(raw, filtering.dkim_records()) == [True, True]


def test_our_own_mail_is_signed(filtering, start_sendmail, workdir):
    """Do both signatures hold behind Sendmail, and is nothing but fields in front new?"""
    sendmail = ask_by(filtering, start_sendmail)
    raw = mimebytes.simple_message(ALICE, CAROL, body="A line.\r\n..dots\r\n\r\nThe end.\r\n")
    hand_in(sendmail, raw, ALICE, [CAROL])
    delivered = passed_on(filtering, sendmail, CAROL)
    assert delivered.endswith(raw) and holds(filtering, delivered), delivered
    assert dkimtools.opendkim_verdicts(delivered, filtering.dkim_records(), workdir / "opendkim") == {"sel": "pass", "rsa": "pass"}
    assert mimebytes.field_names(delivered)[:3] == ["dkim-signature", "dkim-signature", "received"], delivered
    assert delivered.count(b"(Postern)") == 0, "the trace is Sendmail's alone"


def test_a_unix_socket(filtering, start_sendmail):
    """Does Sendmail take the socket as it is made, in a directory that nobody else can write to? (It takes none below /tmp.)"""
    with tempfile.TemporaryDirectory(prefix="pt-", dir="/run") as folder:
        path = pathlib.Path(folder) / "milter.sock"
        filtering.config["listener"][-1]["address"] = f"unix:{path}"
        filtering.start()
        wait_until(path.exists, "the milter's socket", details=filtering.log_tail)
        sendmail = start_sendmail(f"unix:{path}")
        hand_in(sendmail, mimebytes.simple_message(ALICE, CAROL), ALICE, [CAROL])
        assert holds(filtering, passed_on(filtering, sendmail, CAROL))


def test_each_gets_what_policy_says(filtering, start_sendmail, sink, authority, workdir):
    """Who gets another copy is taken off Sendmail's message, however his address is written, and gets it from here."""
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="smime@example.net", encrypt="must", method="smime")
    sendmail = ask_by(filtering, start_sendmail)
    people = [CAROL, "Smime@Example.NET", "dave@example.org", "erin@example.com"]
    raw = mimebytes.simple_message(ALICE, people, body="Of the marker.\r\n")
    hand_in(sendmail, raw, ALICE, people)
    plain = passed_on(filtering, sendmail, CAROL)
    wait_until(lambda: {one for m in sendmail.onward.messages for one in m.recipients} == {CAROL, "dave@example.org", "erin@example.com"},
               "all three others, and nobody else", details=lambda: str(sendmail.onward.messages))
    sealed = wait_until(lambda: next(iter(sink.messages), None), "the sealed copy", details=filtering.log_tail)
    assert [one.lower() for one in sealed.recipients] == ["smime@example.net"]
    assert b"Of the marker." in plain and b"Of the marker." not in sealed.content
    assert b"Of the marker." in sealtools.cms_decrypt(sealed.content, person, workdir)
    assert holds(filtering, plain) and holds(filtering, sealed.content)


def test_all_of_it_sealed_goes_through_the_mta(filtering, start_sendmail, authority, workdir):
    """One copy for all, many chunks long: are its body and its Content fields replaced in Sendmail, and does its signature hold?"""
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="*@example.net", sign="smime", encrypt="must", method="smime")
    sendmail = ask_by(filtering, start_sendmail)
    raw = mimebytes.simple_message(ALICE, "smime@example.net", body="Of the marker.\r\n" * 20_000, extra=["MIME-Version: 1.0", "Content-Type: text/plain"])
    hand_in(sendmail, raw, ALICE, ["smime@example.net"])
    delivered = passed_on(filtering, sendmail, "smime@example.net")
    assert b"Of the marker." not in delivered and mimebytes.field(delivered, "Content-Type").startswith(b"application/pkcs7-mime")
    assert mimebytes.field_names(delivered).count("content-type") == 1 and mimebytes.field_names(delivered).count("mime-version") == 1
    content, _ = sealtools.cms_verify(sealtools.cms_decrypt(delivered, person, workdir), filtering.ca, workdir)
    assert content.count(b"Of the marker.") == 20_000 and holds(filtering, delivered)


def test_sealed_mail_for_us_is_opened(filtering, start_sendmail, workdir, sink):
    """Does Sendmail pass on what was sealed for our people in clear, with the fields of what was inside?"""
    sendmail = ask_by(filtering, start_sendmail)
    certificate = workdir / "bob.crt"
    certificate.write_bytes(filtering.certificate_of(BOB))
    entity = sealtools.cms_encrypt(b"Content-Type: text/plain\r\n\r\nOf the marker.\r\n", [certificate], workdir)
    hand_in(sendmail, sealtools.under_header(entity, CAROL, BOB), CAROL, [BOB], GOOD)
    delivered = passed_on(filtering, sendmail, BOB)
    assert b"Of the marker." in delivered and mimebytes.field(delivered, "Content-Type") == b"text/plain"
    assert filtering.queue() == [] and not sink.messages


def test_strangers_are_judged(filtering, start_sendmail):
    """One verdict of ours on top, the forged ones gone; `simple` signatures over odd spaces verify, because Sendmail keeps what stands behind the colon."""
    sendmail = ask_by(filtering, start_sendmail)
    raw = message("alice@strict.example", f"Authentication-Results: {HOSTNAME}; dmarc=pass (forged)", "X-Odd:   spaces  kept", "X-None:value", "X-Tab:\tvalue",
                  "Authentication-Results: other.example; dkim=pass", f"Authentication-Results: {HOSTNAME};\r\n spf=pass (forged)")
    covered = [b"from", b"x-odd", b"x-none", b"x-tab"]
    signed = dkim.sign(raw, b"sel", b"strict.example", PRIVATE, canonicalize=(b"simple", b"simple"), include_headers=covered) + raw
    hand_in(sendmail, signed, "alice@strict.example", [BOB], GOOD)
    delivered = passed_on(filtering, sendmail, BOB)
    results = [whole for name, whole in mimebytes.fields(delivered) if name.lower() == "authentication-results"]
    assert len(results) == 2 and b"forged" not in delivered and b"other.example; dkim=pass" in results[1], results
    assert results[0].startswith(f"Authentication-Results: {HOSTNAME};".encode())
    for part in (b"spf=pass", b"dkim=pass", b"dmarc=pass"):
        assert part in results[0], results[0]
    assert mimebytes.field_names(delivered)[:3] == ["authentication-results", "received", "dkim-signature"]
    for kept in (b"X-Odd:   spaces  kept\r\n", b"X-None:value\r\n", b"X-Tab:\tvalue\r\n"):
        assert kept in delivered


def test_refusals_reach_the_client(filtering, start_sendmail):
    """Code, enhanced code and text as they were said, for good and for now (RFC 3463), and a "%" once: Sendmail takes the text for a format."""
    filtering.config["authentication"]["on_temperror"] = "defer"
    filtering.config["verdict"] = [{"from": "*@list.example", "when": ["spf=pass"], "action": "reject", "text": "100% of it, %s and 50%%"}]
    sendmail = ask_by(filtering, start_sendmail)
    code, text = refusal(sendmail, message("alice@strict.example"), "alice@strict.example", [BOB])
    assert code == 550 and text.startswith("5.7.26 ") and "strict.example" in text
    code, text = refusal(sendmail, message("alice@broken.example"), "alice@broken.example", [BOB])
    assert (code, text) == (451, "4.4.3 what authenticates this mail could not be asked; try again later")
    code, text = refusal(sendmail, message("x@list.example"), "x@list.example", [BOB])
    assert (code, text) == (550, "5.7.1 100% of it, %s and 50%%")
    assert sendmail.queue_length() == 0 and not sendmail.onward.messages and filtering.queue() == []


def test_quarantine_is_our_own(filtering, start_sendmail, sink):
    """What DMARC says to quarantine is held here, encrypted; Sendmail has nothing of it; released, it goes by the route to the mail server."""
    sendmail = ask_by(filtering, start_sendmail)
    hand_in(sendmail, message("alice@soft.example"), "alice@soft.example", [BOB, ALICE], BAD)
    entries = filtering.queue()
    assert {(entry["recipient"], entry["state"]) for entry in entries} == {(BOB, "held"), (ALICE, "held")}
    assert all("quarantine" in entry["reason"] for entry in entries) and not filtering.files_containing(b"A text.")
    assert not sendmail.onward.messages and sendmail.queue_length() == 0
    filtering.cli("queue", "release", next(entry["id"] for entry in entries if entry["recipient"] == BOB))
    assert b"A text." in sink.for_recipient(BOB, details=filtering.log_tail).content


def test_large_and_odd_messages(filtering, start_sendmail):
    """Chunks, long headers, no body, 8-bit bytes, dots, no Date and no Message-ID: does what Sendmail passes on verify?"""
    sendmail = ask_by(filtering, start_sendmail)
    bodies = {"large@example.org": "x" * 70 + "\r\n", "empty@example.org": "", "dots@example.org": ".\r\n..\r\n", "eight@example.org": "grün\r\n"}
    for to, body in bodies.items():
        raw = mimebytes.simple_message(ALICE, to, body=body * (100_000 if to.startswith("large") else 1),
                                       extra=["X-Long: " + "\r\n\t".join(f"word{i}" for i in range(500)), "X-Empty:", "X-Tab:\tvalue", "X-None:value"])
        hand_in(sendmail, raw, ALICE, [to])
        delivered = passed_on(filtering, sendmail, to)
        assert delivered.endswith(raw) and holds(filtering, delivered), to
    hand_in(sendmail, f"From: <{ALICE}>\r\n\r\nShort.\r\n".encode(), ALICE, [CAROL])
    delivered = passed_on(filtering, sendmail, CAROL)
    names = mimebytes.field_names(delivered)
    assert holds(filtering, delivered) and names.count("date") == 1 and names.count("message-id") == 1, delivered


def test_several_messages_on_one_connection(filtering, start_sendmail):
    """Does each message get its own answer, also behind a refused one, one that was given up, and an unknown command?"""
    sendmail = ask_by(filtering, start_sendmail)
    with client_of(sendmail, BAD) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send_exact(client, "alice@strict.example", [BOB], message("alice@strict.example"))
        assert refused.value.smtp_code == 550
        assert client.mail("alice@strict.example")[0] == 250 and client.rcpt(BOB)[0] == 250 and client.rset()[0] == 250
        assert client.docmd("XYZZY")[0] == 500
        assert not send_exact(client, "x@list.example", ["list@example.org"], message("x@list.example"))
        assert not send_exact(client, "alice@soft.example", [BOB], message("alice@soft.example"))
        assert not send_exact(client, "y@list.example", ["last@example.org"], message("y@list.example"))
    for address in ("list@example.org", "last@example.org"):
        assert mimebytes.field_names(passed_on(filtering, sendmail, address))[0] == "authentication-results"
    assert [entry["recipient"] for entry in filtering.queue()] == [BOB] and len(sendmail.onward.messages) == 2


def test_a_filter_that_is_not_there_loses_nothing(filtering, start_sendmail):
    """F=T in the filter's line: without its filter Sendmail defers (451), and neither keeps the mail nor passes it on unsigned."""
    sendmail = ask_by(filtering, start_sendmail)
    filtering.kill()
    code, text = refusal(sendmail, mimebytes.simple_message(ALICE, CAROL), ALICE, [CAROL], OWN)
    assert code == 451 and text.startswith("4.3.2")
    assert not sendmail.onward.messages and sendmail.queue_length() == 0


# What Sendmail makes of a Cc field behind its filters; None: nothing that a relaxed signature notices.
_WRITTEN = {
    "a@example.org, b@example.org": None, "Dave <a@example.org>,\r\n b@example.org": None, "a@example.org,  b@example.org": None, "Dave<a@example.org>": None,
    "friends: a@example.org, b@example.org;": None, '"D. Dave" <a@example.org>': None, "a@example.org (Dave)": None,
    "=?utf-8?q?Gr=C3=BCn?= <a@example.org>": None,
    "a@example.org,b@example.org": b"a@example.org, b@example.org", "D. Dave <a@example.org>": b'"D. Dave" <a@example.org>', "dave": b"dave@mx.example.net"}


def test_addresses_that_sendmail_writes_anew(filtering, start_sendmail):
    """Which ways of writing an address field keep a relaxed signature (RFC 6376 3.4.2) behind Sendmail, and which break it, as docs/milter.md says?"""
    sendmail = ask_by(filtering, start_sendmail)
    with client_of(sendmail) as client:
        for number, (field, written) in enumerate(_WRITTEN.items()):
            to = f"case{number}@example.org"
            assert not send_exact(client, ALICE, [to], mimebytes.simple_message(ALICE, to, extra=[f"Cc: {field}"]))
            delivered = passed_on(filtering, sendmail, to)
            assert holds(filtering, delivered) == (written is None), delivered
            assert written is None or mimebytes.field(delivered, "Cc") == written
    hand_in(sendmail, f"To: {CAROL}\r\n\r\nOf nobody.\r\n".encode(), ALICE, [CAROL])
    delivered = passed_on(filtering, sendmail, CAROL)
    assert mimebytes.field(delivered, "From") == ALICE.encode() and "dkim-signature" not in mimebytes.field_names(delivered), "Sendmail's From comes too late"


def test_mail_that_sendmail_hands_on_is_signed_last(filtering, workdir, sink):
    """With Postern as its smart host in place of its filter: do signatures hold over what Sendmail writes anew, as docs/milter.md advises?"""
    filtering.start()
    with Sendmail(workdir / "sendmail", None, filtering.port("plain")).start() as sendmail, client_of(sendmail) as client:
        for number, (field, written) in enumerate(_WRITTEN.items()):
            if written:
                to = f"case{number}@example.org"
                assert not send_exact(client, ALICE, [to], mimebytes.simple_message(ALICE, to, extra=[f"Cc: {field}"]))
                delivered = sink.for_recipient(to, details=filtering.log_tail).content
                assert mimebytes.field(delivered, "Cc") == written and holds(filtering, delivered), delivered
        assert not send_exact(client, ALICE, [CAROL], f"To: {CAROL}\r\n\r\nOf nobody.\r\n".encode())
        assert holds(filtering, sink.for_recipient(CAROL, details=filtering.log_tail).content)
