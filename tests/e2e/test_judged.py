"""Mail from outside is judged: SPF, DKIM and DMARC by a zone of the test's own, signatures by dkimpy, client addresses by the PROXY protocol."""

import datetime
import json
import re
import smtplib

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from peers import dkimtools, mimebytes
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, send_exact

BOB = f"bob@{LOCAL_DOMAIN}"
GOOD, BAD = "192.0.2.10", "203.0.113.66"


def key_pair():
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, dkimtools.dns_record(public.decode())


PRIVATE, PUBLISHED = key_pair()


def txt(*data):
    return [{"type": "TXT", "data": text} for text in data]


ZONE = {
    "strict.example": txt("v=spf1 ip4:192.0.2.0/24 -all exp=why.strict.example"), "why.strict.example": txt("%{i} is not one of ours"),
    "_dmarc.strict.example": txt("v=DMARC1; p=reject"), "sel._domainkey.strict.example": txt(PUBLISHED),
    "slow._domainkey.strict.example": [{"timeout": True}],
    "soft.example": txt("v=spf1 ip4:192.0.2.0/24 ~all"), "_dmarc.soft.example": txt("v=DMARC1; p=quarantine"),
    "silent.example": txt("v=spf1 -all"),
    "broken.example": [{"timeout": True}], "_dmarc.broken.example": [{"timeout": True}],
    "10.2.0.192.in-addr.arpa": [{"type": "PTR", "data": "mx.strict.example"}], "mx.strict.example": [{"type": "A", "data": GOOD}],
    "list.example": txt("v=spf1 ip4:203.0.113.66 -all"),
}


class Proxied(smtplib.SMTP):
    """A client whose address a load balancer tells."""

    def __init__(self, port, source):
        self._source = source
        super().__init__("127.0.0.1", port, local_hostname="client.example", timeout=30)
        self.ehlo()

    def _get_socket(self, host, port, timeout):
        link = super()._get_socket(host, port, timeout)
        link.sendall(f"PROXY TCP4 {self._source} 192.0.2.1 5000 25\r\n".encode())
        return link


@pytest.fixture
def judged(daemon):
    zone = daemon.directory / "zone.json"
    zone.write_text(json.dumps({"records": ZONE}))
    daemon.config["dns"] = {"fixture_file": str(zone)}
    daemon.config["authentication"] = {"enabled": True}
    daemon.config["listener"].append({"kind": "mx", "name": "world", "address": "127.0.0.1:0", "tls": "none", "proxy_from": ["127.0.0.0/8"]})
    return daemon


def message(author, *extra):
    return "\r\n".join([*extra, f"From: <{author}>", f"To: <{BOB}>", "Subject: judged", "Date: Wed, 25 Nov 2026 12:00:00 +0000",
                        f"Message-ID: <{abs(hash((author, extra)))}@x.example>", "", "A text.", ""]).encode()


def bring(daemon, raw, sender, source=GOOD):
    with Proxied(daemon.port("world"), source) as client:
        assert not send_exact(client, sender, [BOB], raw)


def refusal(daemon, raw, sender, source=BAD) -> tuple[int, str]:
    with Proxied(daemon.port("world"), source) as client, pytest.raises(smtplib.SMTPResponseException) as refused:
        send_exact(client, sender, [BOB], raw)
    return refused.value.smtp_code, refused.value.smtp_error.decode()


def results(daemon) -> dict[str, str]:
    """method -> result, of the topmost field; and that it stands above what this host wrote."""
    stored = daemon.await_mail(BOB)[0]
    names = [name.lower() for name in mimebytes.field_names(stored)]
    assert names.index("authentication-results") < names.index("received")
    field = mimebytes.field(stored, "Authentication-Results").decode()
    assert field.split(";")[0].strip() == HOSTNAME, field
    return dict(re.findall(r"(?<![.\w])(iprev|spf|dkim|dmarc)=(\w+)", field)) | {"field": re.sub(r"\s+", " ", field)}


def test_everything_passes(judged):
    judged.start()
    raw = message("alice@strict.example")
    signature = dkim.sign(raw, b"sel", b"strict.example", PRIVATE)
    bring(judged, signature + raw, "alice@strict.example")
    found = results(judged)
    assert {key: found[key] for key in ("iprev", "spf", "dkim", "dmarc")} == {"iprev": "pass", "spf": "pass", "dkim": "pass", "dmarc": "pass"}, found
    assert "smtp.mailfrom=alice@strict.example" in found["field"] and "header.d=strict.example" in found["field"]
    assert "header.from=strict.example" in found["field"] and "policy.dmarc=reject" in found["field"]


def test_by_default_it_is_only_written_down(judged):
    judged.start()
    bring(judged, message("alice@strict.example"), "alice@strict.example", BAD)
    found = results(judged)
    assert (found["spf"], found["dkim"], found["dmarc"], found["iprev"]) == ("fail", "none", "fail", "permerror"), found


def test_a_signature_alone_carries_mail_that_was_passed_on(judged):
    """SPF fails at a forwarder, the signature is still good: DMARC passes, and nothing is refused."""
    judged.config["authentication"] |= {"dmarc": "enforce", "spf_fail": "reject"}
    judged.start()
    raw = message("alice@strict.example")
    bring(judged, dkim.sign(raw, b"sel", b"strict.example", PRIVATE) + raw, "alice@strict.example", BAD)
    found = results(judged)
    assert (found["spf"], found["dkim"], found["dmarc"]) == ("fail", "pass", "pass"), found


def test_a_signature_that_was_broken_on_the_way(judged):
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    raw = message("alice@strict.example")
    signature = dkim.sign(raw, b"sel", b"strict.example", PRIVATE)
    code, text = refusal(judged, signature + raw.replace(b"A text.", b"A text!"), "alice@list.example")
    assert code == 550 and text.startswith("5.7.26") and "strict.example" in text and "reject" in text


def test_reject_is_refused_and_quarantine_is_held(judged):
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    code, text = refusal(judged, message("alice@strict.example"), "alice@strict.example")
    assert code == 550 and "DMARC" in text and "strict.example" in text
    assert refusal(judged, message("made.up@sub.strict.example"), "x@silent.example")[0] == 550, "the policy holds for names below"
    bring(judged, message("alice@soft.example"), "alice@soft.example", BAD)
    (entry,) = judged.queue()
    assert entry["state"] == "held" and "quarantine" in entry["reason"] and judged.mailbox(BOB) == []
    shown = judged.json("queue", "show", entry["id"])
    assert "fail" in json.dumps(shown) and "dmarc" in json.dumps(shown)
    judged.cli("queue", "release", entry["id"])
    stored = judged.await_mail(BOB)[0]
    assert stored.count(b"Authentication-Results:") == 1 and b"dmarc=fail" in stored, "what was found stays with it"


def test_several_authors_are_judged_by_the_strictest(judged):
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    both = message("alice@strict.example").replace(b"From: <alice@strict.example>", b"From: <bob@list.example>, <alice@strict.example>")
    assert refusal(judged, both, "x@list.example")[0] == 550
    twice = message("bob@list.example", "From: <alice@strict.example>")
    assert refusal(judged, twice, "x@list.example")[0] == 550


SPOOFS = {  # RFC 5322 3.6.2 has one From field with mailboxes; whatever a reader may be shown is judged
    "unclosed bracket": ["From: Alice <alice@strict.example"],
    "a comma too many": ["From: Alice, Inc <alice@strict.example>"],
    "a second field that is none": ["From: <bob@list.example>", "From: <alice@strict.example> Alice <x"],
    "the first is none": ["From: <alice@strict.example", "From: <bob@list.example>"],
    "in an encoded word": ["From: =?utf-8?Q?alice=40strict.example?="],
    "white space around": ["From: alice @ strict.example, ="],
    "a comment inside": ["From: alice@strict(\\)x).example ="],
    "a comment that nobody closes": ["From: (alice@strict.example"],
    "behind a group": ["From: friends: bob@list.example;, <alice@strict.example"],
    "in a group": ["From: friends: <alice@strict.example>;"],
    "folded": ["From: alice", "\t@strict.example;"],
    "capitals": ["From: <ALICE@STRICT.EXAMPLE> x"],
    "with a dot behind": ["From: <alice@strict.example.>"],
    "no angle brackets, two of them": ["From: bob@list.example alice@strict.example"],
}


def test_a_broken_author_is_no_way_around_a_policy(judged):
    """RFC 9989 5.3.1 judges authors that can be read. One that cannot may still be shown: its domain's policy holds for it too."""
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    for name, lines in SPOOFS.items():
        raw = message("x@list.example").replace(b"From: <x@list.example>", "\r\n".join(lines).encode())
        code, text = refusal(judged, raw, "x@list.example")
        assert code == 550 and text.startswith("5.7.26") and "strict.example" in text, (name, text)


def test_a_crowd_of_authors_hides_nobody(judged):
    """RFC 7489 6.6.1. At most five domains are asked about."""
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    crowd = ", ".join(f"a@d{i}.example" for i in range(5))
    raw = message("x@list.example").replace(b"<x@list.example>", f"{crowd}, <alice@strict.example>".encode())
    code, text = refusal(judged, raw, "x@list.example")
    assert code == 550 and text.startswith("5.7.1 ") and "more than 5 domains" in text


def test_a_careless_author_who_is_authenticated_gets_through(judged):
    """The comma is not quoted, as many programs write it: no mailbox-list, and no reason to refuse it."""
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    raw = message("alice@strict.example").replace(b"From: <alice", b"From: Strict, Inc. <alice")
    bring(judged, raw, "alice@strict.example", GOOD)
    assert results(judged)["dmarc"] == "pass"


def test_spf_alone(judged):
    judged.config["authentication"]["spf_fail"] = "reject"
    judged.start()
    code, text = refusal(judged, message("alice@strict.example"), "alice@strict.example")
    assert code == 550 and text.startswith("5.7.23") and f"{BAD} is not one of ours" in text
    bring(judged, message("alice@soft.example"), "alice@soft.example", BAD)
    assert results(judged)["spf"] == "softfail"


def test_dns_that_does_not_answer(judged):
    judged.start()
    bring(judged, message("alice@broken.example"), "alice@broken.example")
    found = results(judged)
    assert (found["spf"], found["dmarc"]) == ("temperror", "temperror"), found
    judged.config["authentication"]["on_temperror"] = "defer"
    judged.restart()
    code, text = refusal(judged, message("alice@broken.example"), "alice@broken.example")
    assert code == 451 and text.startswith("4.4.3")


def test_what_could_not_be_asked_is_no_reason_to_refuse_for_good(judged):
    """The signature whose key has no answer now could be the good one; spoofed mail without it is still refused."""
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.start()
    raw = message("alice@strict.example")
    slow = dkim.sign(raw, b"slow", b"strict.example", PRIVATE)
    code, text = refusal(judged, slow + raw, "alice@strict.example")
    assert code == 451 and text.startswith("4.4.3"), text
    assert refusal(judged, raw, "alice@broken.example")[0] == 451, "SPF has no answer"
    soft = message("alice@soft.example")
    assert refusal(judged, soft, "alice@broken.example")[0] == 451, "nor is it held"
    assert refusal(judged, raw, "alice@strict.example")[0] == 550 and judged.queue() == []


FORGED = [f"Authentication-Results: {HOSTNAME}; dmarc=pass", f"authentication-results: (a (b)) {HOSTNAME.upper()}; spf=pass",
          f'Authentication-Results: "{HOSTNAME}" 1; dkim=pass', f"Authentication-Results:\r\n\t{HOSTNAME}; rubbish = ="]
OTHERS = ["Authentication-Results: mx.other.example; spf=pass smtp.mailfrom=x", f"Authentication-Results: sub.{HOSTNAME}; none"]


def test_forged_results_are_taken_off(judged):
    judged.start()
    bring(judged, message("alice@soft.example", *FORGED, *OTHERS), "alice@soft.example")
    stored = judged.await_mail(BOB)[0]
    fields = [whole for name, whole in mimebytes.fields(stored) if name.lower() == "authentication-results"]
    assert len(fields) == 1 + len(OTHERS), fields
    assert b"dmarc=pass header.from=soft.example" in re.sub(rb"\s+", b" ", fields[0]), "ours, made here"


def test_the_null_sender_and_a_name_that_says_nothing(judged):
    judged.start()
    bring(judged, message("mailer-daemon@silent.example"), "")
    found = results(judged)
    assert found["spf"] == "none" and "smtp.helo=client.example" in found["field"] and found["dmarc"] == "none"


def test_people_of_ours_are_not_judged(judged):
    judged.start()
    judged.submit(to=BOB)  # from a network that may relay
    assert b"Authentication-Results:" not in judged.await_mail(BOB)[0]


def test_a_public_suffix_list(judged):
    """By RFC 7489: under its list, example is a suffix and sub.strict.example belongs to strict.example."""
    suffixes = judged.directory / "psl.dat"
    suffixes.write_text("// for the test\nexample\n")
    judged.config["authentication"]["public_suffix_list"] = str(suffixes)
    judged.start()
    bring(judged, message("alice@sub.strict.example"), "alice@strict.example")
    assert results(judged)["dmarc"] == "pass"
    judged.stop()
    suffixes.unlink()
    status, log = judged.start_expecting_failure()
    assert status == 5 and "authentication.public_suffix_list" in log


def test_the_domains_are_told(judged, sink):
    """RFC 9990: one report a domain, to where its record says, elsewhere only by permission of that place; refused mail is in it; kept over a restart."""
    zone = json.loads((judged.directory / "zone.json").read_text())["records"]
    zone |= {"_dmarc.strict.example": txt("v=DMARC1; p=reject; rua=mailto:dmarc@strict.example,mailto:all@collector.example"),
             "strict.example._report._dmarc.collector.example": txt("v=DMARC1"),
             "_dmarc.soft.example": txt("v=DMARC1; p=quarantine; rua=mailto:all@nowhere.example")}
    (judged.directory / "zone.json").write_text(json.dumps({"records": zone}))
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.config["reports"] = {"from": f"dmarc@{LOCAL_DOMAIN}"}
    judged.dkim("ours", "dkim_key", "ed25519-sha256").route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    raw = message("alice@strict.example")
    for _ in range(2):
        bring(judged, dkim.sign(raw, b"sel", b"strict.example", PRIVATE) + raw, "alice@strict.example")
    refusal(judged, raw, "alice@strict.example")
    bring(judged, message("alice@soft.example"), "alice@soft.example", BAD)
    bring(judged, message("alice@list.example"), "alice@list.example", BAD)  # publishes nothing
    judged.restart()
    tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    judged.cli("report", "send", "--before", tomorrow)
    delivered = [sink.for_recipient(to, details=judged.log_tail).content for to in ("dmarc@strict.example", "all@collector.example")]
    for content in delivered:
        assert dkimtools.dkimpy_verdicts(content, judged.dkim_records()) == [True]
    report = json.loads(judged.cli("dmarc", "report", "--json", input=delivered[0]).stdout)
    rows = sorted((row["source_ip"], row["count"], row["policy_evaluated"]["disposition"], row["policy_evaluated"]["dkim"], row["policy_evaluated"]["spf"])
                  for row in (record["row"] for record in report["record"]))
    assert rows == [(GOOD, 2, "pass", "pass", "pass"), (BAD, 1, "reject", "fail", "fail")], report
    assert report["policy_published"]["domain"] == "strict.example" and report["policy_published"]["p"] == "reject"
    outcomes = {entry["domain"]: entry["outcome"] for entry in judged.json("report", "list")["sent"] if entry["kind"] == "dmarc"}
    assert set(outcomes) == {"strict.example", "soft.example"} and "all@nowhere.example" in outcomes["soft.example"], outcomes
    assert len(sink.messages) == 2, "nobody else is written to"
    judged.cli("report", "send", "--before", tomorrow)
    judged.restart()
    judged.cli("report", "send", "--before", tomorrow)
    assert len(sink.messages) == 2
