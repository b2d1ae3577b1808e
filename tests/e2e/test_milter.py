"""The milter door: Debian's Postfix asks Postern about its mail; a client that behaves as Stalwart does; miltertest for each answer on its own."""

import json
import smtplib
import socket
import ssl
import struct

import dkim
import pytest

from peers import dkimtools, mimebytes, sealtools
from peers.base import run, wait_until
from peers.certs import TestAuthority
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, send_exact
from peers.postfix import Postfix
from peers.stalwart import Rejected, StalwartMilter
from test_judged import BAD, GOOD, PRIVATE, ZONE, message

ALICE, BOB, CAROL = f"alice@{LOCAL_DOMAIN}", f"bob@{LOCAL_DOMAIN}", "carol@example.org"


@pytest.fixture
def filtering(daemon, sink):
    """A daemon with a milter; what it brings on itself goes to `sink`, local mail too."""
    zone = daemon.directory / "zone.json"
    zone.write_text(json.dumps({"records": ZONE}))
    daemon.config["dns"] = {"fixture_file": str(zone)}
    daemon.config["authentication"] = {"enabled": True, "dmarc": "enforce"}
    daemon.config["listener"].append({"kind": "milter", "address": "127.0.0.1:0", "tls": "none", "relay_from": ["127.0.0.0/8"]})
    daemon.dkim("sel", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256")
    return daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").route(LOCAL_DOMAIN, f"smtp:127.0.0.1:{sink.port}", tls="none")


_SETTINGS = ("milter_protocol = 6\nmilter_default_action = tempfail\nsmtpd_authorized_xclient_hosts = 127.0.0.0/8\n"
             "smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, check_recipient_access static:OK, reject\n"
             "smtp_tls_security_level = none\nbounce_queue_lifetime = 1s\n")


@pytest.fixture
def start_postfix(workdir, make_sink):
    made = []

    def start(milter, settings=""):
        onward = make_sink()
        postfix = Postfix(workdir / f"postfix{len(made)}", f"{_SETTINGS}smtpd_milters = {milter}\nrelayhost = [127.0.0.1]:{onward.port}\n{settings}")
        made.append(postfix.start())
        postfix.onward = onward
        return postfix
    yield start
    for postfix in made:
        postfix.stop()


def ask_by(filtering, start_postfix, settings=""):
    """The daemon runs; Postfix asks it."""
    filtering.start()
    return start_postfix(f"inet:127.0.0.1:{filtering.port('milter')}", settings)


def hand_in(postfix, raw, sender, recipients, source=None):
    """By SMTP; `source`: the client's address by XCLIENT. Raises what smtplib raises."""
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        client.ehlo()
        if source:
            assert client.docmd("XCLIENT", f"ADDR={source} NAME=[UNAVAILABLE]")[0] == 220
            client.ehlo("client.example")
        assert not send_exact(client, sender, recipients, raw)


def refusal(postfix, raw, sender, recipients, source=None) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        hand_in(postfix, raw, sender, recipients, source)
    return refused.value.smtp_code, refused.value.smtp_error.decode()


# Postfix.

def test_our_own_mail_is_signed(filtering, start_postfix, workdir):
    """Both signatures hold after Postfix, and nothing but fields in front was added."""
    postfix = ask_by(filtering, start_postfix)
    raw = mimebytes.simple_message(ALICE, CAROL, body="A line.\r\n..dots\r\n\r\nThe end.\r\n")
    hand_in(postfix, raw, ALICE, [CAROL])
    delivered = postfix.onward.for_recipient(CAROL, details=filtering.log_tail).content
    assert delivered.endswith(raw), delivered
    assert dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True]
    assert dkimtools.opendkim_verdicts(delivered, filtering.dkim_records(), workdir / "opendkim") == {"sel": "pass", "rsa": "pass"}
    assert delivered.count(b"(Postern)") == 0, "the MTA writes the trace"
    status = next(door for door in filtering.get_json("/status")["listeners"] if door["name"] == "milter")
    assert (status["messages"], status["changed"], status["broken"]) == (1, 1, 0)
    accepted = [entry for entry in filtering.api_list("entries", "/audit?limit=50") if entry["kind"] == "message.accepted"]
    assert accepted[0]["facts"]["protocol"] == "MILTER"


def test_each_gets_what_policy_says(filtering, start_postfix, sink, authority, workdir):
    """The MTA has one copy: who gets another one is ours, and gets it from us."""
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="smime@example.net", sign="smime", encrypt="must", method="smime")
    postfix = ask_by(filtering, start_postfix)
    raw = mimebytes.simple_message(ALICE, [CAROL, "smime@example.net"], body="Of the marker.\r\n")
    hand_in(postfix, raw, ALICE, [CAROL, "smime@example.net"])
    plain = postfix.onward.for_recipient(CAROL, details=filtering.log_tail)
    sealed = sink.for_recipient("smime@example.net", details=filtering.log_tail)
    assert plain.recipients == [CAROL] and b"Of the marker." in plain.content
    assert sealed.recipients == ["smime@example.net"] and b"Of the marker." not in sealed.content
    content, _ = sealtools.cms_verify(sealtools.cms_decrypt(sealed.content, person, workdir), filtering.ca, workdir)
    assert b"Of the marker." in content
    for copy in (plain.content, sealed.content):
        assert dkimtools.dkimpy_verdicts(copy, filtering.dkim_records()) == [True, True]


@pytest.mark.parametrize("written", ["<@a.example:smime@example.net>", "<@a.example,@b.example:smime@example.net>", f"<smime%example.net@{LOCAL_DOMAIN}>",
                                     f"<example.net!smime@{LOCAL_DOMAIN}>", '<"smime"@example.net>', "<SMIME@EXAMPLE.NET>"])
@pytest.mark.parametrize("known", [True, False], ids=["sealed", "held"])
def test_no_way_of_writing_a_recipient_avoids_policy(filtering, start_postfix, sink, authority, written, known):
    """RFC 5321 appendix C, and what Postfix undoes: the MTA reads them all as smime@example.net, and would send a copy in clear beside ours."""
    person = authority.person("smime@example.net")
    if known:
        (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="smime@example.net", encrypt="must", method="smime", missing_key="hold")
    postfix = ask_by(filtering, start_postfix, f"mydestination = {LOCAL_DOMAIN}\n")  # of its own domains it undoes % and !
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.ehlo()
        client.mail(ALICE)
        assert client.rcpt(CAROL)[0] == 250 and client.docmd("RCPT", f"TO:{written}")[0] == 250
        assert client.data(mimebytes.simple_message(ALICE, CAROL, body="Of the marker.\r\n"))[0] == 250
    assert postfix.onward.for_recipient(CAROL, details=filtering.log_tail).recipients == [CAROL]
    if known:
        assert b"Of the marker." not in sink.for_recipient("smime@example.net", details=filtering.log_tail).content
    else:
        assert [(one["recipient"].lower(), one["state"]) for one in filtering.queue()] == [("smime@example.net", "held")]
    run(["postqueue", "-c", postfix.directory / "etc", "-f"], check=False)
    assert [one.recipients for one in postfix.onward.messages] == [[CAROL]], "nobody else's copy is with the MTA"


def test_a_recipient_who_cannot_be_read_is_refused_alone(filtering, start_postfix):
    postfix = ask_by(filtering, start_postfix)
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.ehlo()
        client.mail(ALICE)
        assert client.rcpt(CAROL)[0] == 250
        assert client.docmd("RCPT", "TO:<root>")[0] == 250, "Postfix says whose it is"
        assert client.data(mimebytes.simple_message(ALICE, CAROL))[0] == 250
    assert postfix.onward.for_recipient(CAROL, details=filtering.log_tail)
    recipients, _ = stalwart(filtering, login=ALICE).deliver(ALICE, [CAROL], mimebytes.simple_message(ALICE, CAROL))
    assert recipients == [CAROL]


def test_as_many_recipients_as_the_mta_takes(filtering, start_postfix):
    """Postfix lets 1,000 through, and cannot refuse a recipient of its own command."""
    postfix = ask_by(filtering, start_postfix)
    many = [f"carol{i}@example.org" for i in range(400)]
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        assert client.sendmail(ALICE, many, mimebytes.simple_message(ALICE, CAROL)) == {}
    wait_until(lambda: {one for message in postfix.onward.messages for one in message.recipients} == set(many), "all copies", details=filtering.log_tail)


def test_all_of_it_sealed_goes_through_the_mta(filtering, start_postfix, authority, workdir):
    """One copy for all: its body and its Content fields are replaced in the MTA."""
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="*@example.net", sign="smime", encrypt="must", method="smime")
    postfix = ask_by(filtering, start_postfix)
    hand_in(postfix, mimebytes.simple_message(ALICE, "smime@example.net", body="Of the marker.\r\n"), ALICE, ["smime@example.net"])
    delivered = postfix.onward.for_recipient("smime@example.net", details=filtering.log_tail).content
    assert b"Of the marker." not in delivered and mimebytes.field(delivered, "Content-Type").startswith(b"application/pkcs7-mime")
    assert [name.lower() for name in mimebytes.field_names(delivered)].count("content-type") == 1
    content, _ = sealtools.cms_verify(sealtools.cms_decrypt(delivered, person, workdir), filtering.ca, workdir)
    assert b"Of the marker." in content
    assert dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True]


def test_sealed_mail_for_us_is_opened(filtering, start_postfix, workdir, sink):
    postfix = ask_by(filtering, start_postfix)
    certificate = workdir / "bob.crt"
    certificate.write_bytes(filtering.certificate_of(BOB))
    entity = sealtools.cms_encrypt(b"Content-Type: text/plain\r\n\r\nOf the marker.\r\n", [certificate], workdir)
    hand_in(postfix, sealtools.under_header(entity, CAROL, BOB), CAROL, [BOB], GOOD)
    delivered = postfix.onward.for_recipient(BOB, details=filtering.log_tail).content
    assert b"Of the marker." in delivered and b"pkcs7" not in delivered.split(b"\r\n\r\n")[0].replace(b"X-Postern", b"")
    assert filtering.queue() == [] and not sink.messages


def test_strangers_are_judged(filtering, start_postfix):
    postfix = ask_by(filtering, start_postfix)
    raw = message("alice@strict.example", f"Authentication-Results: {HOSTNAME}; dmarc=pass (forged)")
    hand_in(postfix, dkim.sign(raw, b"sel", b"strict.example", PRIVATE) + raw, "alice@strict.example", [BOB], GOOD)
    delivered = postfix.onward.for_recipient(BOB, details=filtering.log_tail).content
    results = [whole for name, whole in mimebytes.fields(delivered) if name.lower() == "authentication-results"]
    assert len(results) == 1 and b"forged" not in delivered
    for part in (b"spf=pass", b"dkim=pass", b"dmarc=pass", f"{HOSTNAME};".encode()):
        assert part in results[0], results[0]
    names = [name.lower() for name in mimebytes.field_names(delivered)]
    assert names.index("authentication-results") < names.index("dkim-signature")
    code, text = refusal(postfix, message("alice@strict.example"), "alice@strict.example", [BOB], BAD)
    assert code == 550 and "5.7.26" in text and "strict.example" in text


def test_quarantine_is_our_own(filtering, start_postfix, sink):
    """What DMARC says to quarantine is held here, encrypted; the MTA has nothing of it; released, it goes by the route to the mail server."""
    postfix = ask_by(filtering, start_postfix)
    hand_in(postfix, message("alice@soft.example"), "alice@soft.example", [BOB], BAD)
    (entry,) = filtering.queue()
    assert entry["state"] == "held" and "quarantine" in entry["reason"] and not filtering.files_containing(b"A text.")
    assert not postfix.onward.messages and postfix.queue_length() == 0
    filtering.cli("queue", "release", entry["id"])
    assert b"A text." in sink.for_recipient(BOB, details=filtering.log_tail).content


def test_a_filter_that_is_not_there_loses_nothing(filtering, start_postfix):
    postfix = ask_by(filtering, start_postfix)
    filtering.kill()
    code, _ = refusal(postfix, mimebytes.simple_message(ALICE, CAROL), ALICE, [CAROL])
    assert code in (451, 454)
    filtering.start()


def test_a_unix_socket(filtering, start_postfix, workdir):
    folder = workdir / "run"
    folder.mkdir(mode=0o755)
    path = folder / "milter.sock"
    filtering.config["listener"][-1]["address"] = f"unix:{path}"
    filtering.start()
    wait_until(path.exists, "the milter's socket", details=filtering.log_tail)
    path.chmod(0o666)
    postfix = start_postfix(f"unix:{path}")
    hand_in(postfix, mimebytes.simple_message(ALICE, CAROL), ALICE, [CAROL])
    delivered = postfix.onward.for_recipient(CAROL, details=filtering.log_tail).content
    assert dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True]


def test_large_and_odd_messages(filtering, start_postfix):
    """Chunks, long headers, no body, 8-bit bytes, dots: what Postfix passes on verifies."""
    postfix = ask_by(filtering, start_postfix)
    bodies = {"large@example.org": "x" * 70 + "\r\n", "empty@example.org": "", "dots@example.org": ".\r\n..\r\n", "eight@example.org": "grün\r\n"}
    for to, body in bodies.items():
        raw = mimebytes.simple_message(ALICE, to, body=body * (30_000 if to.startswith("large") else 1),
                                       extra=["X-Long: " + "\r\n\t".join(f"word{i}" for i in range(500)), "X-Empty:", "X-Tab:\tvalue"])
        hand_in(postfix, raw, ALICE, [to])
        delivered = postfix.onward.for_recipient(to, seconds=60, details=filtering.log_tail).content
        assert delivered.endswith(raw) and dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True], to


# Stalwart.

def stalwart(filtering, **options) -> StalwartMilter:
    return StalwartMilter(filtering.port("milter"), **options)


def test_stalwart_signs_what_its_people_send(filtering):
    filtering.start()
    raw = mimebytes.simple_message(ALICE, CAROL)
    recipients, delivered = stalwart(filtering, login=ALICE).deliver(ALICE, [CAROL], raw)
    assert recipients == [CAROL] and delivered.endswith(raw)
    assert dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True]


def test_stalwart_seals_and_splits(filtering, sink, authority, workdir):
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="smime@example.net", encrypt="must", method="smime")
    filtering.start()
    raw = mimebytes.simple_message(ALICE, "Smime@example.net", body="Of the marker.\r\n")
    recipients, delivered = stalwart(filtering, login=ALICE).deliver(ALICE, ["smime@example.net"], raw)
    assert recipients == ["smime@example.net"] and b"Of the marker." in sealtools.cms_decrypt(delivered, person, workdir)
    recipients, delivered = stalwart(filtering, login=ALICE).deliver(ALICE, [CAROL, "smime@example.net"], raw)
    assert recipients == [CAROL] and b"Of the marker." in delivered
    assert b"Of the marker." in sealtools.cms_decrypt(sink.for_recipient("smime@example.net", details=filtering.log_tail).content, person, workdir)


def test_stalwart_strangers(filtering):
    """The raw message in the body makes `simple` signatures verify; quarantine is discard, because Stalwart delivers what is quarantined."""
    filtering.start()
    raw = message("alice@strict.example", "X-Odd:   spaces  kept")
    signed = dkim.sign(raw, b"sel", b"strict.example", PRIVATE, canonicalize=(b"simple", b"simple")) + raw
    recipients, delivered = stalwart(filtering, client=GOOD).deliver("alice@strict.example", [BOB], signed)
    assert recipients == [BOB] and b"dkim=pass" in delivered and delivered.endswith(raw.split(b"\r\n\r\n", 1)[1])
    with pytest.raises(Rejected) as refused:
        stalwart(filtering, client=BAD).deliver("alice@strict.example", [BOB], raw)
    assert refused.value.reply.startswith("550 5.7.26")
    recipients, _ = stalwart(filtering, client=BAD).deliver("alice@soft.example", [BOB], message("alice@soft.example"))
    assert recipients == [] and filtering.queue()[0]["state"] == "held"


def test_stalwart_over_tls(filtering, authority):
    certificate = authority.server("127.0.0.1", label="milter")
    filtering.config["tls"] = {"certificate": str(certificate.cert), "key": str(certificate.key)}
    certificate.key.chmod(0o600)
    filtering.config["listener"][-1]["tls"] = "implicit"
    filtering.start()
    recipients, delivered = stalwart(filtering, login=ALICE, trust=authority.pem).deliver(ALICE, [CAROL], mimebytes.simple_message(ALICE, CAROL))
    assert recipients == [CAROL] and dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True]
    with pytest.raises((ConnectionError, ssl.SSLError, struct.error)):
        stalwart(filtering, login=ALICE).deliver(ALICE, [CAROL], mimebytes.simple_message(ALICE, CAROL))


def test_only_mtas_with_a_certificate_may_use_a_milter_that_wants_one(filtering, authority, workdir):
    """What a milter on an address for everybody must have: whoever may speak there gets mail signed."""
    ours = authority.server("127.0.0.1", label="milter")
    ours.key.chmod(0o600)
    filtering.config["tls"] = {"certificate": str(ours.cert), "key": str(ours.key)}
    filtering.config["listener"][-1] |= {"tls": "implicit", "client_ca": str(authority.pem), "require_client_certificate": True}
    filtering.start()
    raw = mimebytes.simple_message(ALICE, CAROL)
    known = authority.server("mta.example", label="mta")
    recipients, delivered = stalwart(filtering, login=ALICE, trust=authority.pem, certificate=known).deliver(ALICE, [CAROL], raw)
    assert recipients == [CAROL] and dkimtools.dkimpy_verdicts(delivered, filtering.dkim_records()) == [True, True]
    late = authority.server("mta.example", days=(-90, -1), label="late")
    for stranger in (None, late, TestAuthority(workdir / "other").server("mta.example")):
        with pytest.raises((ConnectionError, ssl.SSLError, struct.error)):
            stalwart(filtering, login=ALICE, trust=authority.pem, certificate=stranger).deliver(ALICE, [CAROL], raw)
    assert [entry["kind"] for entry in filtering.audit()].count("message.accepted") == 1


def test_a_recipient_written_otherwise_gets_no_second_copy(filtering, sink, authority, workdir):
    """"smime"@ is smime@ (RFC 5321 4.1.2): what is sealed for it must not go out in clear as well."""
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="smime@example.net", encrypt="must", method="smime")
    filtering.start()
    raw = mimebytes.simple_message(ALICE, [CAROL, "smime@example.net"], body="Of the marker.\r\n")
    recipients, delivered = stalwart(filtering, login=ALICE).deliver(ALICE, [CAROL, '"smime"@example.net'], raw)
    assert recipients == [CAROL] and b"Of the marker." in delivered
    assert b"Of the marker." in sealtools.cms_decrypt(sink.for_recipient("smime@example.net", details=filtering.log_tail).content, person, workdir)


@pytest.mark.parametrize("sender", ["al ice@strict.example", "a@lice@strict.example", "gr\u00fcn@strict.example"])
def test_stalwart_tells_addresses_without_their_quotes(filtering, sender):
    """And <Postmaster> as an empty one: both were good when they came, and are refused for nothing."""
    filtering.start()
    recipients, delivered = stalwart(filtering, client=GOOD).deliver(sender, [f"b ob@{LOCAL_DOMAIN}", ""], message("alice@strict.example"))
    assert recipients == [f"b ob@{LOCAL_DOMAIN}", ""] and b"spf=pass" in delivered and b"dmarc=pass" in delivered
    recipients, _ = stalwart(filtering, client=BAD).deliver(sender, [f"b ob@{LOCAL_DOMAIN}", ""], message("alice@soft.example"))
    assert recipients == [], "held here"
    assert {entry["recipient"] for entry in filtering.queue()} == {f'"b ob"@{LOCAL_DOMAIN}', f"postmaster@{HOSTNAME}"}
    with pytest.raises(Rejected) as refused:
        stalwart(filtering, client=GOOD).deliver(sender, ["b ob"], message("alice@strict.example"))
    assert refused.value.reply.startswith("553 5.1.3 ") and "b ob" in refused.value.reply


def test_an_mta_that_lets_nothing_be_changed_waits(filtering):
    """Nothing becomes ours then: the next try would make it ours again."""
    filtering.start()
    with pytest.raises(Rejected) as refused:
        stalwart(filtering, login=ALICE, actions=0x01).deliver(ALICE, [CAROL], mimebytes.simple_message(ALICE, CAROL))
    assert refused.value.reply.startswith("451 4.3.5") and filtering.queue() == [] and "milter.actions_missing" in filtering.log_text()


# miltertest: the usual answers as libmilter's defaults negotiate them; test_milter_replies.py has all of them.

_SCRIPT = """
conn = mt.connect("inet:{port}@127.0.0.1")
assert(conn ~= nil, "connect")
assert(mt.conninfo(conn, "client.example", "{client}") == nil)
assert(mt.getreply(conn) == SMFIR_CONTINUE, "connect")
assert(mt.helo(conn, "client.example") == nil)
assert(mt.getreply(conn) == SMFIR_CONTINUE, "helo")
mt.macro(conn, SMFIC_MAIL, "i", "4711")
assert(mt.mailfrom(conn, "<{sender}>") == nil)
assert(mt.getreply(conn) == SMFIR_CONTINUE, "mail")
assert(mt.rcptto(conn, "<{recipient}>") == nil)
assert(mt.getreply(conn) == SMFIR_CONTINUE, "rcpt")
assert(mt.header(conn, "From", "<{sender}>") == nil)
assert(mt.header(conn, "To", "<{recipient}>") == nil)
assert(mt.header(conn, "Date", "Wed, 25 Nov 2026 12:00:00 +0000") == nil)
assert(mt.header(conn, "Message-ID", "<1@x.example>") == nil)
assert(mt.header(conn, "Authentication-Results", "{hostname}; dmarc=pass") == nil)
assert(mt.eoh(conn) == nil)
assert(mt.bodystring(conn, "A text.\\r\\n") == nil)
assert(mt.eom(conn) == nil)
{checks}
mt.disconnect(conn)
"""
_CHECKS = {
    # a stranger's mail that may pass: judged on top, the forged result taken away
    "passes": (GOOD, "alice@strict.example", BOB, """
assert(mt.getreply(conn) == SMFIR_ACCEPT, "accept")
assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"), "judged")
assert(mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results"), "the forged one is gone")
assert(not mt.eom_check(conn, MT_BODYCHANGE), "the body stays")"""),
    "signed": ("127.0.0.1", ALICE, CAROL, """
assert(mt.getreply(conn) == SMFIR_ACCEPT, "accept")
assert(mt.eom_check(conn, MT_HDRINSERT, "DKIM-Signature"), "signed")"""),
    "refused": (BAD, "alice@strict.example", BOB, """
assert(mt.getreply(conn) == SMFIR_REPLYCODE, "reply")
assert(mt.eom_check(conn, MT_SMTPREPLY, "550", "5.7.26",
  "the policy of strict.example for mail that is not authenticated as strict.example is reject (DMARC)"), "its words")"""),
    "kept": (BAD, "alice@soft.example", BOB, """
assert(mt.getreply(conn) == SMFIR_DISCARD, "ours now")"""),
    # (a sealed body is more than miltertest has room for: it dies of it; Postfix and the Stalwart client take it above)
    "held": ("127.0.0.1", ALICE, "held@example.net", """
assert(mt.getreply(conn) == SMFIR_DISCARD, "no key: held here")"""),
}


@pytest.mark.parametrize("which", _CHECKS)
def test_each_answer(filtering, authority, workdir, which):
    client, sender, recipient, checks = _CHECKS[which]
    person = authority.person("smime@example.net")
    (filtering.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    filtering.policy(to="*@example.net", encrypt="must", missing_key="hold")
    filtering.start()
    script = workdir / "script.lua"
    script.write_text(_SCRIPT.format(port=filtering.port("milter"), client=client, sender=sender, recipient=recipient, hostname=HOSTNAME, checks=checks))
    run(["miltertest", "-v", "-s", script])


# Bad input.

def packet(command: bytes, payload=b"") -> bytes:
    return struct.pack("!I", len(payload) + 1) + command + payload


@pytest.mark.parametrize("octets", [b"\0\0\0\0", b"\xff\xff\xff\xffO", packet(b"Z"), packet(b"O", b"\0\0\0"), packet(b"M", b"<x@y>\0"),
                                    packet(b"O", struct.pack("!III", 6, 0x1ff, 0)) + packet(b"M", b"no end"), b"GET / HTTP/1.1\r\n\r\n", b"EHLO x\r\n"])
def test_what_is_no_milter_ends_its_own_connection_only(filtering, octets):
    filtering.start()
    with socket.create_connection(("127.0.0.1", filtering.port("milter")), timeout=10) as link:
        link.sendall(octets)
        link.shutdown(socket.SHUT_WR)
        while link.recv(4096):
            pass
    assert stalwart(filtering, login=ALICE).deliver(ALICE, [CAROL], mimebytes.simple_message(ALICE, CAROL))[0] == [CAROL]


@pytest.mark.parametrize("change, named", [({"address": "0.0.0.0:0"}, "require_client_certificate"), ({"tls": "required"}, "tls"),
                                           ({"address": "unix:relative"}, "address")])
def test_a_milter_for_everybody_is_a_fault(filtering, change, named):
    filtering.config["listener"][-1] |= change
    filtering.write_config()
    refused = filtering.cli("config", "check", check=False)
    assert refused.returncode != 0 and named in (refused.stdout + refused.stderr).decode()
