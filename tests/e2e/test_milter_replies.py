"""Each reply that the milter door can give, and each kind of session, on its own: miltertest asks and checks what comes back; where it cannot say a thing, or
does not show it, a small client does (protocol versions, the text of what is refused before the end of a message, connections that are passed on)."""

import json
import socket
import struct

import pytest

from peers import dkimtools, mimebytes, sealtools
from peers.base import PeerError, run, wait_until
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, Daemon, default_config
from peers.sink import SmtpSink
from test_judged import BAD, GOOD, ZONE, txt

ALICE, BOB, CAROL = f"alice@{LOCAL_DOMAIN}", f"bob@{LOCAL_DOMAIN}", "carol@example.org"
OWN = "127.0.0.1"
RECORDS = {**ZONE, "ruled.example": txt("v=spf1 +all"), "six.example": txt("v=spf1 ip6:2001:db8::/32 -all")}


@pytest.fixture(scope="module")
def door(session_directory, authority):
    """One daemon whose settings make every reply possible; its mail for others goes to `door.sink`. Small limits, so that little is too much."""
    with SmtpSink() as sink, Daemon(session_directory / "replies", default_config()) as daemon:
        zone = daemon.directory / "zone.json"
        zone.write_text(json.dumps({"records": RECORDS}))
        daemon.config["dns"] = {"fixture_file": str(zone)}
        daemon.config["authentication"] = {"enabled": True, "dmarc": "enforce", "spf_fail": "reject", "on_temperror": "defer"}
        daemon.config["verdict"] = [{"from": "refused@ruled.example", "action": "reject", "text": "100% of it"},
                                    {"from": "held@ruled.example", "action": "quarantine", "text": "an operator looks at it"},
                                    {"from": "named@ruled.example", "action": "label", "text": "of the rule"}]
        daemon.config["limits"] = {"milter_recipients": 5, "header_fields": 40, "header_bytes": 8192, "message_bytes": 65536, "received_fields": 10}
        daemon.config["listener"].append({"kind": "milter", "address": "127.0.0.1:0", "tls": "none", "relay_from": ["127.0.0.0/8"]})
        daemon.dkim("sel", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256").route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")
        person = authority.person("smime@example.net")
        (daemon.smime_directory / "smime.pem").write_bytes(person.cert_pem)
        daemon.policy(to="*@bounced.example", encrypt="must", missing_key="bounce").policy(to="*@held.example", encrypt="must", missing_key="hold")
        daemon.policy(to="smime@example.net", encrypt="must", method="smime").policy(to=BOB, sign="smime")
        daemon.sink, daemon.person = sink, person
        yield daemon.start()


# miltertest. Its manual has the arguments of mt.negotiate() the other way round: steps come before actions.

_PRELUDE = """
EVERYTHING = 511
function answer() return string.char(mt.getreply(conn)) end
function step(failure, what)
  assert(failure == nil, what .. ": " .. tostring(failure))
  assert(mt.getreply(conn) == SMFIR_CONTINUE, what .. " was answered " .. answer())
end
function meet(actions)
  conn = mt.connect("inet:" .. port .. "@127.0.0.1")
  assert(conn ~= nil, "connect")
  assert(mt.negotiate(conn, 6, 0, actions or EVERYTHING) == nil, "negotiate")
end
function visit(client)
  step(mt.conninfo(conn, "client.example", client), "connect")
  step(mt.helo(conn, "client.example"), "helo")
end
function envelope(sender, ...)
  step(mt.mailfrom(conn, sender), "mail")
  for _, recipient in ipairs({...}) do step(mt.rcptto(conn, recipient), "rcpt") end
end
function content(author, ...)
  step(mt.header(conn, "From", author), "from")
  step(mt.header(conn, "Date", "Wed, 25 Nov 2026 12:00:00 +0000"), "date")
  step(mt.header(conn, "Message-ID", "<1@x.example>"), "message-id")
  for _, field in ipairs({...}) do step(mt.header(conn, field[1], field[2]), field[1]) end
  step(mt.eoh(conn), "eoh")
  step(mt.bodystring(conn, "A text.\\r\\n"), "body")
end
function ends(reply)
  assert(mt.eom(conn) == nil, "eom")
  assert(mt.getreply(conn) == reply, "the end was answered " .. answer())
end
function message(author, recipient, reply)
  envelope("<" .. author .. ">", "<" .. recipient .. ">")
  content("<" .. author .. ">")
  ends(reply)
end
function refused(code, status, text)
  ends(SMFIR_REPLYCODE)
  assert(mt.eom_check(conn, MT_SMTPREPLY, code, status, text), "not the words of the refusal")
end
function untouched()
  for _, kind in ipairs({MT_HDRADD, MT_HDRCHANGE, MT_HDRINSERT, MT_HDRDELETE, MT_BODYCHANGE, MT_QUARANTINE}) do
    assert(not mt.eom_check(conn, kind), "something was changed, by the check of number " .. kind)
  end
end
"""


def miltertest(door, workdir, body: str, **values):
    script = workdir / "script.lua"
    script.write_text(f"""{_PRELUDE}
local good, why = pcall(function() {body} end)
if not good then mt.echo("failed: " .. tostring(why)) error(why) end  -- miltertest alone does not say why
mt.disconnect(conn)
""")
    settings = {"port": door.port("milter"), "hostname": HOSTNAME, "own": OWN, "good": GOOD, "bad": BAD, "alice": ALICE, "bob": BOB, "carol": CAROL, **values}
    try:
        run(["miltertest", "-vv", *(part for name, value in settings.items() for part in ("-D", f"{name}={value}")), "-s", script])
    except PeerError as error:
        raise PeerError(f"{error}\n{door.log_tail()}") from None


def test_every_step_is_answered(door, workdir):
    """Where the MTA wants an answer to everything (no SMFIP_NR_*), is each step answered, with "go on", and a message that needs nothing with "accept"?"""
    miltertest(door, workdir, """
meet()
for bit = 0, 20 do assert(not mt.test_option(conn, 2 ^ bit), "it asks for what was not offered") end
step(mt.conninfo(conn, "client.example", "192.0.2.10"), "connect")
step(mt.unknown(conn, "XYZZY"), "unknown command before HELO")
step(mt.helo(conn, "client.example"), "helo")
step(mt.unknown(conn, "XCLIENT A=b"), "unknown command")
step(mt.mailfrom(conn, "<x@plain.example>", "SIZE=1000", "BODY=8BITMIME"), "mail")
step(mt.rcptto(conn, "<carol@example.org>", "NOTIFY=NEVER"), "rcpt")
step(mt.unknown(conn, "XYZZY"), "unknown command in a message")
step(mt.data(conn), "data")
content("<x@plain.example>")
ends(SMFIR_ACCEPT)
assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"))
""")


_REFUSED = {
    # client, MAIL, RCPT, From; code, status, text as a Sendmail or Postfix would read it ("%%" is "%")
    "DMARC": (BAD, "alice@strict.example", BOB, "alice@strict.example", "550", "5.7.26",
              "the policy of strict.example for mail that is not authenticated as strict.example is reject (DMARC)"),
    "SPF": (BAD, "x@silent.example", BOB, "x@silent.example", "550", "5.7.23", "this host may not send mail of silent.example (SPF)"),
    "a rule": (GOOD, "x@ruled.example", BOB, "refused@ruled.example", "550", "5.7.1", "100%% of it"),
    "DNS": (GOOD, "x@broken.example", BOB, "x@broken.example", "451", "4.4.3", "what authenticates this mail could not be asked; try again later"),
    "DNS, or it would be DMARC": (BAD, "x@broken.example", BOB, "alice@strict.example", "451", "4.4.3",
                                  "what authenticates this mail could not be asked; try again later"),
    "policy": (OWN, ALICE, "x@bounced.example", ALICE, "550", "5.7.1",
               "refused by policy: the policy asks for encryption, and no usable S/MIME or OpenPGP certificate of the recipient is known"),
    "copies": (OWN, ALICE, f"{BOB}> <dave@{LOCAL_DOMAIN}", ALICE, "451", "4.3.5",
               "recipients here get different copies, and the mail server can take one: give their domain a route that leads back to it "
               '(via = "smtp:HOST:PORT" or lmtp)'),
}


@pytest.mark.parametrize("which", _REFUSED)
def test_a_refusal_is_said(door, workdir, which):
    """Code, enhanced code (RFC 3463) and text, exactly; nothing is changed beside, nothing becomes ours, and the connection goes on."""
    client, sender, recipient, author, *words = _REFUSED[which]
    before = door.queue()
    people = "".join(f', "<{one}>"' for one in recipient.split("> <"))
    miltertest(door, workdir, f"""
meet()
visit(client)
envelope("<" .. sender .. ">"{people})
content("<" .. author .. ">")
refused(code, status, text)
untouched()
message("x@plain.example", carol, SMFIR_ACCEPT)
""", client=client, sender=sender, author=author, code=words[0], status=words[1], text=words[2])
    assert door.queue() == before



def test_an_mta_that_offers_too_few_changes_waits(door, workdir):
    """Whichever of the four needed actions (SMFIF_*) is not offered: 451 for each message, so that nothing goes on unsigned, and a line in the log."""
    before = door.log_text().count("milter.actions_missing")
    miltertest(door, workdir, """
for _, missing in ipairs({SMFIF_ADDHDRS, SMFIF_CHGBODY, SMFIF_CHGHDRS, SMFIF_DELRCPT}) do
  meet(EVERYTHING - missing)
  assert(not mt.test_action(conn, missing), "what was not offered is asked for")
  visit(own)
  for _ = 1, 2 do
    envelope("<" .. alice .. ">", "<" .. carol .. ">")
    content("<" .. alice .. ">")
    refused("451", "4.3.5", "the mail server lets its filter change too little; its operator has to mend it")
    untouched()
  end
  mt.disconnect(conn)
end
meet(SMFIF_ADDHDRS + SMFIF_CHGBODY + SMFIF_CHGHDRS + SMFIF_DELRCPT)
visit(own)
message(alice, carol, SMFIR_ACCEPT)
""")
    assert door.log_text().count("milter.actions_missing") == before + 4


_OURS = {"DMARC": (BAD, "alice@soft.example", BOB, "is quarantine (DMARC)"), "a rule": (GOOD, "held@ruled.example", BOB, "an operator looks at it"),
         "a key": (OWN, ALICE, "someone@held.example", "certificate")}


@pytest.mark.parametrize("which", _OURS)
def test_what_is_held_is_discarded_there(door, workdir, which):
    """Held here, whatever the reason: the MTA is told to forget it (never to quarantine it), and one entry of the queue says why."""
    client, sender, recipient, reason = _OURS[which]
    before = {entry["id"] for entry in door.queue()}
    miltertest(door, workdir, """
meet()
visit(client)
message(sender, recipient, SMFIR_DISCARD)
untouched()
message("x@plain.example", carol, SMFIR_ACCEPT)
""", client=client, sender=sender, recipient=recipient)
    (entry,) = [entry for entry in door.queue() if entry["id"] not in before]
    assert (entry["recipient"], entry["state"]) == (recipient, "held") and reason in entry["reason"], entry


def test_forged_results_are_taken_away_by_number(door, workdir):
    """RFC 8601 5: what claims to be ours goes, counted among the fields of that name, the last first; what others wrote stays; our own stands on top."""
    miltertest(door, workdir, """
meet()
visit(good)
envelope("<alice@strict.example>", "<" .. bob .. ">")
content("<alice@strict.example>", {"Authentication-Results", hostname .. "; dmarc=pass (forged)"}, {"Authentication-Results", "other.example; dkim=pass"},
        {"AUTHENTICATION-RESULTS", " " .. string.upper(hostname) .. " 1;\\n spf=pass (forged)"}, {"X-Postern-Label", "trusted"})
ends(SMFIR_ACCEPT)
assert(mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results", 1), "the first")
assert(not mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results", 2), "another host's")
assert(mt.eom_check(conn, MT_HDRDELETE, "AUTHENTICATION-RESULTS", 3), "the third")
assert(mt.eom_check(conn, MT_HDRDELETE, "X-Postern-Label", 1), "a label is ours, too")
local ours = mt.getheader(conn, "Authentication-Results", 0)
assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results", ours, 0), "on top")
for _, part in ipairs({hostname .. ";", "spf=pass", "dkim=none", "dmarc=pass"}) do assert(string.find(ours, part, 1, true), part .. " in " .. ours) end
assert(not string.find(ours, "\\r"), "lines within a field end in LF")
assert(mt.getheader(conn, "Authentication-Results", 1) == nil, "one field of ours")
assert(not mt.eom_check(conn, MT_BODYCHANGE) and not mt.eom_check(conn, MT_QUARANTINE))
""")


def test_labels_of_a_rule_are_inserted(door, workdir):
    """Does a rule's label come back as a field of ours beside the verdict?"""
    miltertest(door, workdir, """
meet()
visit(good)
message("named@ruled.example", carol, SMFIR_ACCEPT)
assert(mt.eom_check(conn, MT_HDRINSERT, "X-Postern-Label", "of the rule"))
assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"))
""")


def test_our_own_mail_is_signed_and_completed(door, workdir):
    """Both signatures are inserted on top; Date and Message-ID, where they are missing (RFC 5322 3.6), are added; a Bcc goes (3.6.3)."""
    miltertest(door, workdir, """
meet()
visit(own)
envelope("<" .. alice .. ">", "<" .. carol .. ">")
step(mt.header(conn, "From", "<" .. alice .. ">"), "from")
step(mt.header(conn, "Bcc", "dave@example.org"), "bcc")
step(mt.eoh(conn), "eoh")
step(mt.bodystring(conn, "A text.\\r\\n"), "body")
ends(SMFIR_ACCEPT)
for number = 0, 1 do
  local signature = mt.getheader(conn, "DKIM-Signature", number)
  assert(mt.eom_check(conn, MT_HDRINSERT, "DKIM-Signature", signature, 0), "on top")
  assert(string.find(signature, "d=postern.example", 1, true), signature)
end
assert(mt.getheader(conn, "DKIM-Signature", 2) == nil)
assert(mt.getheader(conn, "Date", 0) ~= nil and mt.getheader(conn, "Message-ID", 0) ~= nil)
assert(mt.eom_check(conn, MT_HDRDELETE, "Bcc", 1))
assert(mt.getheader(conn, "Received", 0) == nil, "the MTA writes the trace")
""")


def test_who_gets_another_copy_is_taken_off(door, workdir):
    """As the MTA told him, not as we write him; the others stay, and nobody is added."""
    door.sink.clear()
    miltertest(door, workdir, """
meet()
visit(own)
envelope("<" .. alice .. ">", "<" .. carol .. ">", "<sMIME@Example.NET>", "<dave@example.org>")
content("<" .. alice .. ">")
ends(SMFIR_ACCEPT)
assert(mt.eom_check(conn, MT_RCPTDELETE, "<sMIME@Example.NET>"))
for _, other in ipairs({carol, "dave@example.org", "smime@example.net"}) do assert(not mt.eom_check(conn, MT_RCPTDELETE, "<" .. other .. ">"), other) end
for _, other in ipairs({carol, "smime@example.net"}) do assert(not mt.eom_check(conn, MT_RCPTADD, "<" .. other .. ">"), other) end
assert(not mt.eom_check(conn, MT_BODYCHANGE), "the plain copy is theirs")
assert(mt.eom_check(conn, MT_HDRINSERT, "DKIM-Signature"))
""")
    (sealed,) = door.sink.wait(details=door.log_tail)
    assert [one.lower() for one in sealed.recipients] == ["smime@example.net"]
    assert b"A text." in sealtools.cms_decrypt(sealed.content, door.person, workdir)


def test_an_opened_message_gets_its_own_body(door, workdir):
    """What was sealed for our people: body replaced by what was inside, its fields exchanged; accepted, and nothing of it is kept here."""
    certificate, body = workdir / "bob.crt", workdir / "body"
    certificate.write_bytes(door.certificate_of(BOB))
    entity = sealtools.cms_encrypt(b"Content-Type: text/plain; charset=us-ascii\r\n\r\nOf the marker.\r\n", [certificate], workdir)
    body.write_bytes(mimebytes.split(entity)[1])
    told = [(name, whole.partition(b":")[2].strip().decode().replace("\r\n", "\n")) for name, whole in mimebytes.fields(entity)]
    fields = ", ".join(f"{{[[{name}]], [==[{value}]==]}}" for name, value in told)
    before = door.queue()
    miltertest(door, workdir, f"""
meet()
visit(good)
envelope("<x@plain.example>", "<" .. bob .. ">")
step(mt.header(conn, "From", "<x@plain.example>"), "from")
for _, field in ipairs({{ {fields} }}) do step(mt.header(conn, field[1], field[2]), field[1]) end
step(mt.eoh(conn), "eoh")
step(mt.bodyfile(conn, [[{body}]]), "body")
ends(SMFIR_ACCEPT)
assert(mt.eom_check(conn, MT_BODYCHANGE, "Of the marker.\\r\\n"))
assert(mt.eom_check(conn, MT_HDRDELETE, "Content-Type", 1))
local inside = mt.getheader(conn, "Content-Type", 0)
assert(inside == "text/plain; charset=us-ascii", tostring(inside))
assert(mt.getheader(conn, "Content-Type", 1) == nil)
""")
    assert door.queue() == before


def test_many_messages_on_one_connection(door, workdir):
    """Each message has its own answer, whatever the one before got; nothing of it is left (its forged field, its recipients, its changes)."""
    miltertest(door, workdir, """
meet()
visit(bad)
for _ = 1, 3 do
  message("alice@strict.example", bob, SMFIR_REPLYCODE)
  message("alice@soft.example", bob, SMFIR_DISCARD)
  message("x@plain.example", carol, SMFIR_ACCEPT)
  assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"))
  assert(not mt.eom_check(conn, MT_HDRDELETE))
  assert(not mt.eom_check(conn, MT_RCPTDELETE, "<" .. bob .. ">"))
  envelope("<x@plain.example>", "<" .. carol .. ">")
  content("<x@plain.example>", {"Authentication-Results", hostname .. "; dmarc=pass"})
  ends(SMFIR_ACCEPT)
  assert(mt.eom_check(conn, MT_HDRDELETE, "Authentication-Results", 1))
end
""")


def test_a_message_that_is_given_up_leaves_nothing(door, workdir):
    """SMFIC_ABORT at each stage, and MAIL and HELO where one is missing: the message that follows is judged by what belongs to it alone."""
    before = door.queue()
    miltertest(door, workdir, """
stages = {
  function() end,
  function() step(mt.rcptto(conn, "<" .. bob .. ">"), "rcpt") end,
  function() step(mt.header(conn, "Authentication-Results", hostname .. "; dmarc=pass"), "header") end,
  function() step(mt.eoh(conn), "eoh") end,
  function() step(mt.bodystring(conn, "Of another message.\\r\\n"), "body") end,
}
ways = {
  function() assert(mt.abort(conn) == nil) end,
  function() step(mt.helo(conn, "client.example"), "helo") end,
  function() end,
}
meet()
visit(good)
for _, give_up in ipairs(ways) do
  for last = 1, #stages do
    step(mt.mailfrom(conn, "<alice@soft.example>"), "mail")
    for stage = 1, last do stages[stage]() end
    give_up()
    message("x@plain.example", carol, SMFIR_ACCEPT)
    assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"))
    assert(not mt.eom_check(conn, MT_HDRDELETE), "a field of the message that was given up")
    assert(not mt.eom_check(conn, MT_RCPTDELETE, "<" .. bob .. ">"))
    assert(not string.find(mt.getheader(conn, "Authentication-Results", 0), "soft.example", 1, true), "its sender")
  end
end
""")
    assert door.queue() == before


def test_a_login_holds_for_its_message(door, workdir):
    """{auth_authen} is told with MAIL: what it vouched for is signed; the next message, and one behind an abort, have to be vouched for again."""
    miltertest(door, workdir, """
function who(name) assert(mt.macro(conn, SMFIC_MAIL, "i", "4711", "{auth_authen}", name) == nil) end
function signed() return mt.eom_check(conn, MT_HDRINSERT, "DKIM-Signature") end
meet()
visit(good)
message(alice, carol, SMFIR_ACCEPT)
assert(not signed(), "a stranger")
who("alice")
message(alice, carol, SMFIR_ACCEPT)
assert(signed() and not mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"), "one of ours")
message(alice, carol, SMFIR_ACCEPT)
assert(not signed(), "the login was of the message before")
who("alice")
step(mt.mailfrom(conn, "<" .. alice .. ">"), "mail")
assert(mt.abort(conn) == nil)
message(alice, carol, SMFIR_ACCEPT)
assert(not signed(), "the login was of a message that was given up")
who("")
message(alice, carol, SMFIR_ACCEPT)
assert(not signed(), "an empty login is none")
""")


def test_too_much_is_refused_and_the_connection_goes_on(door, workdir):
    """A recipient too many alone (RFC 5321 4.5.3.1.10), a message with too many fields, octets or macros as a whole; the next one is taken."""
    miltertest(door, workdir, """
meet()
visit(good)
envelope("<x@plain.example>", "<a@example.org>", "<b@example.org>", "<c@example.org>", "<d@example.org>", "<e@example.org>")
assert(mt.rcptto(conn, "<f@example.org>") == nil and mt.getreply(conn) == SMFIR_REPLYCODE, "the sixth")
content("<x@plain.example>")
ends(SMFIR_ACCEPT)
for _, field in ipairs({"a", string.rep("a", 900)}) do
  envelope("<x@plain.example>", "<" .. carol .. ">")
  local sent = 0
  repeat
    assert(mt.header(conn, "X-Field", field) == nil)
    sent = sent + 1
  until mt.getreply(conn) ~= SMFIR_CONTINUE or sent > 50
  assert(mt.getreply(conn) == SMFIR_REPLYCODE and (#field > 1 or sent == 41), "field number " .. sent)
  refused("554", "5.6.0", "Header section too large for the mail filter")
end
envelope("<x@plain.example>", "<" .. carol .. ">")
step(mt.header(conn, "From", "<x@plain.example>"), "from")
step(mt.eoh(conn), "eoh")
assert(mt.bodyrandom(conn, 80000) == nil and mt.getreply(conn) == SMFIR_REPLYCODE, "the body")
refused("552", "5.3.4", "Message too large for the mail filter")
local many = {}
for number = 1, 201 do
  many[2 * number - 1] = string.char(97 + number % 26, 97 + math.floor(number / 26))
  many[2 * number] = ""
end
assert(mt.macro(conn, SMFIC_MAIL, (unpack or table.unpack)(many)) == nil)
assert(mt.mailfrom(conn, "<x@plain.example>") == nil and mt.getreply(conn) == SMFIR_REPLYCODE, "the macros")
assert(mt.abort(conn) == nil)
message("x@plain.example", carol, SMFIR_ACCEPT)
""")


# What miltertest cannot say or show.

ACTIONS, LEADING_SPACE = 0x1ff, 0x100000  # SMFIF_*, SMFIP_HDR_LEADSPC
_NO_REPLY = {b"L": 0x80, b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"U": 0x20000, b"N": 0x40000, b"B": 0x80000}  # SMFIP_NR_*


class Mta:
    """The MTA's half of the protocol, packet by packet; what was agreed on is in `version`, `actions`, `protocol`."""

    def __init__(self, door, version=6, actions=ACTIONS, protocol=0):
        self._link = socket.create_connection(("127.0.0.1", door.port("milter")), timeout=20)
        self.say(b"O", struct.pack("!III", version, actions, protocol))
        kind, agreed = self.answer()
        assert kind == b"O" and len(agreed) == 12
        self.version, self.actions, self.protocol = struct.unpack("!III", agreed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._link.close()

    def say(self, command: bytes, payload=b""):
        self._link.sendall(struct.pack("!I", len(payload) + 1) + command + payload)

    def answer(self) -> tuple[bytes, bytes]:
        packet = self._exactly(struct.unpack("!I", self._exactly(4))[0])
        return packet[:1], packet[1:]

    def ask(self, command: bytes, payload=b"") -> tuple[bytes, bytes]:
        self.say(command, payload)
        return self.answer()

    def go_on(self, command: bytes, payload=b""):
        """One that is answered with "go on", or not at all where that was agreed on."""
        if self.protocol & _NO_REPLY[command]:
            self.say(command, payload)
        else:
            assert self.ask(command, payload) == (b"c", b""), command

    def visit(self, client: str, family=b"4"):
        self.go_on(b"C", b"client.example\0" + family + struct.pack("!H", 4711) + client.encode() + b"\0")
        self.go_on(b"H", b"client.example\0")

    def message(self, sender=b"<x@plain.example>", recipients=(b"<carol@example.org>",), author=b"<x@plain.example>"):
        """All of a message but its end."""
        self.go_on(b"M", sender + b"\0")
        for recipient in recipients:
            self.go_on(b"R", recipient + b"\0")
        if self.version >= 4:
            self.go_on(b"T")
        space = b" " if self.protocol & LEADING_SPACE else b""
        for field in (b"From\0" + space + author, b"Date\0" + space + b"Wed, 25 Nov 2026 12:00:00 +0000", b"Message-ID\0" + space + b"<1@x.example>"):
            self.go_on(b"L", field + b"\0")
        self.go_on(b"N")
        self.go_on(b"B", b"A text.\r\n")

    def end(self) -> tuple[bytes, bytes, list[tuple[bytes, bytes]]]:
        """The last answer, and the changes before it."""
        self.say(b"E")
        changes = []
        while True:
            kind, payload = self.answer()
            if kind in b"acdrty":
                return kind, payload, changes
            changes.append((kind, payload))

    def _exactly(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            piece = self._link.recv(count - len(out))
            if not piece:
                raise ConnectionError("the filter hung up")
            out += piece
        return out


def hangs_up(door, version=6) -> bool:
    """Whether there is no answer even to the negotiation."""
    try:
        Mta(door, version)
        return False
    except ConnectionError:
        return True


def inserted(changes, name: bytes) -> list[bytes]:
    return [value for kind, payload in changes if kind == b"i" for field, value in [payload[4:].split(b"\0")[:2]] if field == name]


@pytest.mark.parametrize("version, actions, protocol", [(2, 0x1f, 0x7f), (3, 0x3f, 0x17f), (4, 0x3f, 0x3ff), (5, 0x3f, 0x3ff), (6, ACTIONS, 0x1fffff),
                                                        (7, ACTIONS, 0x1fffff)])
def test_each_version_of_the_protocol(door, version, actions, protocol):
    """Agreed is the lower version and nothing that was not offered; a message is refused, one judged and one signed, by the commands that version has."""
    with Mta(door, version, actions, protocol) as mta:
        assert mta.version == min(version, 6) and mta.actions & ~actions == 0 and mta.protocol & ~protocol == 0
        for command, bit in _NO_REPLY.items():
            assert mta.protocol & bit == (0 if command == b"R" else protocol & bit), "all may go unanswered but RCPT, where one too many has to be said"
        assert mta.protocol & LEADING_SPACE == protocol & LEADING_SPACE and mta.protocol & 0x37f == 0, "everything is to be told"
        mta.visit(BAD)
        if version >= 3:
            mta.go_on(b"U", b"XYZZY\0")
        mta.message(b"<alice@strict.example>", author=b"<alice@strict.example>")
        kind, payload, changes = mta.end()
        assert kind == b"y" and payload.startswith(b"550 5.7.26 ") and payload.endswith(b"\0") and changes == []
        mta.message()
        kind, _, changes = mta.end()
        (verdict,) = inserted(changes, b"Authentication-Results")
        space = b" " if mta.protocol & LEADING_SPACE else b""
        assert kind == b"a" and verdict.startswith(space + HOSTNAME.encode() + b";"), "the space behind the colon is ours with SMFIP_HDR_LEADSPC only"
        mta.say(b"D", b"M{auth_authen}\0alice\0")
        mta.message(f"<{ALICE}>".encode(), author=f"<{ALICE}>".encode())
        kind, _, changes = mta.end()
        signatures = [b"DKIM-Signature:" + (b"" if space else b" ") + value for value in reversed(inserted(changes, b"DKIM-Signature"))]
        rest = [f"From: <{ALICE}>".encode(), b"Date: Wed, 25 Nov 2026 12:00:00 +0000", b"Message-ID: <1@x.example>", b"", b"A text.", b""]
        raw = b"\n".join([*signatures, *rest]).replace(b"\n", b"\r\n")
        assert kind == b"a" and dkimtools.dkimpy_verdicts(raw, door.dkim_records()) == [True, True], raw



def test_keys_that_are_not_there_defer(daemon):
    """While the key engine is sealed, our own mail goes on nowhere unsigned: 451 on a connection that was open, none for a new one. Afterwards it is signed."""
    daemon.config["listener"].append({"kind": "milter", "address": "127.0.0.1:0", "tls": "none", "relay_from": ["127.0.0.0/8"]})
    daemon.dkim("sel", "dkim_key", "ed25519-sha256").start()
    ours = f"<{ALICE}>".encode()
    with Mta(daemon) as mta:
        mta.visit(OWN)
        assert daemon.vault().call("PUT", "sys/seal").status == 204
        for _ in range(2):
            mta.message(ours, author=ours)
            assert mta.end() == (b"y", b"451 4.3.0 cannot be taken now; try again later\0", [])
        wait_until(lambda: hangs_up(daemon), "the door to be shut", details=daemon.log_tail)
    daemon.restart()  # it opens itself
    with Mta(daemon) as mta:
        mta.visit(OWN)
        mta.message(ours, author=ours)
        assert len(inserted(mta.end()[2], b"DKIM-Signature")) == 1


@pytest.mark.parametrize("version", [0, 1])
def test_a_version_that_is_too_old_is_not_spoken(door, version):
    """The connection ends, and the MTA does what it does without its filter."""
    assert hangs_up(door, version)


@pytest.mark.parametrize("path, why", [(b"<alice@>", "the domain is missing"), (b"alice", "an @ is missing"), (b"<@>", "the local part is missing"),
                                       (b"<a@-.example>", "begins or ends with a hyphen"), (b"<alice@example.org> junk", "text behind the address"),
                                       (b"<" + b"x" * 65 + b"@example.org>", "longer than 64 octets")])
def test_a_path_that_is_no_address_is_refused(door, path, why):
    """In MAIL and in RCPT (RFC 5321 4.1.2), with the path and what is wrong with it. A sender: 501 5.5.4 at the end of that message. A recipient: 553 5.1.3 at
    once, and the message goes on for the others; where the MTA says how it understands the path, that counts."""
    with Mta(door) as mta:
        mta.visit(OWN)
        mta.message(sender=path)
        kind, payload, changes = mta.end()
        text = payload.rstrip(b"\0").decode()
        assert kind == b"y" and text.startswith("501 5.5.4 ") and why in text and path.decode()[:20] in text and changes == [], text
        mta.go_on(b"M", b"<x@plain.example>\0")
        kind, payload = mta.ask(b"R", path + b"\0")
        text = payload.rstrip(b"\0").decode()
        assert kind == b"y" and text.startswith("553 5.1.3 ") and why in text and path.decode()[:20] in text, text
        mta.say(b"D", b"R{rcpt_addr}\0carol2@example.org\0")
        mta.go_on(b"R", path + b"\0")
        mta.say(b"A")
        mta.message()
        assert mta.end()[0] == b"a"


_MALFORMED = {"554 5.4.6 too many Received fields": [b"Received\0from x by y; Wed, 25 Nov 2026 12:00:00 +0000\0"] * 11, "554 5.6.0 ": [b"X Y\0value\0"],
              "554 5.6.0 line_emitted": [b"X-Long\0" + b"v" * 1000 + b"\0"]}


@pytest.mark.parametrize("said", _MALFORMED)
def test_a_malformed_message_is_refused(door, said):
    """A loop (RFC 5321 6.3), a field that is none (RFC 5322 2.2), a line of our own people that may not go on (2.1.1)."""
    with Mta(door) as mta:
        mta.visit(OWN)
        mta.go_on(b"M", f"<{ALICE}>\0".encode())
        mta.go_on(b"R", b"<carol@example.org>\0")
        for field in (f"From\0<{ALICE}>\0".encode(), *_MALFORMED[said]):
            mta.go_on(b"L", field)
        mta.go_on(b"N")
        kind, payload, changes = mta.end()
        assert kind == b"y" and payload.startswith(said.encode()) and changes == [], payload
        mta.message()
        assert mta.end()[0] == b"a"


def test_what_is_too_much_is_said_in_words(door):
    """The replies that come before the end of a message, as its client reads them; what follows of that message is answered with the same."""
    with Mta(door) as mta:
        mta.visit(GOOD)
        mta.go_on(b"M", b"<x@plain.example>\0")
        for number in range(5):
            mta.go_on(b"R", b"<p%d@example.org>\0" % number)
        for _ in range(2):
            assert mta.ask(b"R", b"<more@example.org>\0") == (b"y", b"452 4.5.3 Too many recipients for the mail filter\0")
        mta.say(b"A")
        for macros, at, reply in ((b"", b"B", b"552 5.3.4 Message too large for the mail filter\0"),
                                  (b"".join(b"{m%d}\0v\0" % number for number in range(201)), b"M", b"451 4.3.0 The mail filter was told too many macros\0")):
            mta.say(b"D", b"M" + macros)
            steps = [(b"M", b"<x@plain.example>\0"), (b"R", b"<carol@example.org>\0"), (b"N", b""), (b"B", b"x" * 65000), (b"B", b"x" * 1000), (b"B", b"x")]
            answers = [mta.ask(*step) for step in steps]
            first = next(number for number, answer in enumerate(answers) if answer != (b"c", b""))
            assert steps[first][0] == at and all(answer == (b"y", reply) for answer in answers[first:]), answers
            assert mta.end()[:2] == (b"y", reply)
        mta.message()
        assert mta.end()[0] == b"a"


def test_the_next_client_on_the_same_connection_is_another_one(door):
    """SMFIC_QUIT_NC: nothing of the client before, neither his address nor his login nor his message, speaks for the one who follows."""
    with Mta(door) as mta:
        mta.visit(OWN)
        mta.say(b"D", b"M{auth_authen}\0alice\0")
        mta.message(f"<{ALICE}>".encode(), author=f"<{ALICE}>".encode())
        assert len(inserted(mta.end()[2], b"DKIM-Signature")) == 2
        mta.message(f"<{ALICE}>".encode(), author=f"<{ALICE}>".encode())  # left without an end
        mta.say(b"K")
        mta.visit(GOOD)
        mta.message(f"<{ALICE}>".encode(), author=f"<{ALICE}>".encode())
        kind, _, changes = mta.end()
        assert kind == b"a" and inserted(changes, b"DKIM-Signature") == [] and len(inserted(changes, b"Authentication-Results")) == 1
        mta.say(b"K")
        mta.visit(BAD)
        mta.message(b"<alice@strict.example>", author=b"<alice@strict.example>")
        assert mta.end()[1].startswith(b"550 5.7.26 ")


@pytest.mark.parametrize("written", ["IPv6:2001:db8::7", "2001:db8::7", "2001:0DB8:0:0:0:0:0:7", "IPv6:2001:db8::7%eth0"])
def test_a_client_with_an_ipv6_address(door, written):
    """Sendmail and Postfix write "IPv6:" in front: is the client the same one to SPF, however he is written?"""
    with Mta(door) as mta:
        mta.visit(written, b"6")
        mta.message(b"<x@six.example>", author=b"<x@six.example>")
        kind, _, changes = mta.end()
        (verdict,) = inserted(changes, b"Authentication-Results")
        assert kind == b"a" and b"spf=pass" in verdict and b"2001:db8::7" in verdict


def test_a_client_without_an_address_is_a_stranger(door):
    """Family "U", of a message that came over no network: not ours by that alone, and not refused for it either."""
    with Mta(door) as mta:
        mta.go_on(b"C", b"localhost\0U")
        mta.message(f"<{ALICE}>".encode(), author=f"<{ALICE}>".encode())
        kind, _, changes = mta.end()
        assert kind == b"a" and inserted(changes, b"DKIM-Signature") == [] and len(inserted(changes, b"Authentication-Results")) == 1
        mta.say(b"D", b"M{auth_authen}\0alice\0")
        mta.message(f"<{ALICE}>".encode(), author=f"<{ALICE}>".encode())
        assert len(inserted(mta.end()[2], b"DKIM-Signature")) == 2


_ORDERS = {"RCPT before MAIL": [(b"R", b"<a@b.example>\0")], "the end before RCPT": [(b"M", b"<a@b.example>\0"), (b"E", b"")],
           "a body before the header's end": [(b"M", b"<a@b.example>\0"), (b"R", b"<a@b.example>\0"), (b"L", b"A\0b\0"), (b"B", b"x")],
           "a field behind the header's end": [(b"M", b"<a@b.example>\0"), (b"R", b"<a@b.example>\0"), (b"N", b""), (b"L", b"A\0b\0")],
           "a second CONNECT": [(b"C", b"x\0004\0\00119.2.0.2\0")], "two lines that are two fields": [
               (b"M", b"<a@b.example>\0"), (b"R", b"<a@b.example>\0"), (b"L", b"A\0b\nBcc: c@d.example\0")]}


@pytest.mark.parametrize("which", _ORDERS)
def test_what_comes_out_of_order_ends_the_connection(door, which):
    """Nothing is guessed, and nothing is answered to what makes no sense: the MTA defers."""
    with Mta(door) as mta:
        mta.visit(GOOD)
        *before, last = _ORDERS[which]
        for step in before:
            mta.go_on(*step)
        with pytest.raises(ConnectionError):
            mta.ask(*last)
