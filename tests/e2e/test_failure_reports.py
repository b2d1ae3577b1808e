"""DMARC failure reports (RFC 9991): real mail that fails, and what those get who asked to hear of it; nothing for anybody else."""

import datetime
import email
import email.policy
import email.utils
import json

import dkim
import pytest

from peers import dkimtools
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, send_exact
from test_judged import BAD, BOB, GOOD, PRIVATE, PUBLISHED, Proxied, bring, judged, message, refusal, txt  # noqa: F401

FROM = f"dmarc@{LOCAL_DOMAIN}"
SPF = "v=spf1 ip4:192.0.2.0/24 -all"


def domain(name, tags):
    """The records of one that sends from 192.0.2.0/24, and signs as `sel`."""
    return {name: txt(SPF), f"_dmarc.{name}": txt(f"v=DMARC1; p=none; {tags}"), f"sel._domainkey.{name}": txt(PUBLISHED)}


FENCE = "fence.example"  # reports go out in the order of what they are about: with that of the fence, all of those before it are out


@pytest.fixture
def telling(judged, sink):  # noqa: F811
    """`records` are in the zone when it starts."""
    judged.config["reports"] = {"from": FROM, "failures": "redacted"}
    judged.dkim("ours", "dkim_key", "ed25519-sha256").route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")

    def start(*records, **reports):
        path = judged.directory / "zone.json"
        zone = json.loads(path.read_text())["records"]
        for more in (domain(FENCE, f"ruf=mailto:ruf@{FENCE}"), *records):
            zone |= more
        path.write_text(json.dumps({"records": zone}))
        judged.config["reports"] |= reports
        judged.start()
        return judged
    return start


def fence(daemon, sink) -> dict[str, int]:
    """Who got how many reports for the mail so far."""
    bring(daemon, message(f"x@{FENCE}"), f"x@{FENCE}", BAD)
    sink.for_recipient(f"ruf@{FENCE}", details=daemon.log_tail)
    daemon.await_empty_queue()
    told: dict[str, int] = {}
    for delivery in sink.messages:
        for recipient in delivery.recipients:
            told[recipient] = told.get(recipient, 0) + 1
    assert told.pop(f"ruf@{FENCE}") == 1
    return told


def outcomes(daemon) -> dict[str, str]:
    return {entry["domain"]: entry["outcome"] for entry in daemon.json("report", "list")["sent"] if entry["kind"] == "dmarc-failure"}


def fields_of(part) -> email.message.Message:
    return email.message_from_string(part.get_payload() if isinstance(part.get_payload(), str) else part.get_payload()[0].as_string())


def test_a_failure_is_told_to_who_asked(telling, sink):
    """Field by field, by Python and by `postern arf parse`; nobody is named, nothing is quoted; signed, and without a sender."""
    daemon = telling(domain("strict.example", "ruf=mailto:ruf@strict.example,mailto:all@collector.example") | {
        "_dmarc.strict.example": txt("v=DMARC1; p=reject; ruf=mailto:ruf@strict.example,mailto:all@collector.example"),
        "strict.example._report._dmarc.collector.example": txt("v=DMARC1")})
    daemon.stop()
    daemon.config["authentication"]["dmarc"] = "enforce"
    daemon.start()
    raw = message("alice@strict.example", "Received: from a.example by b.example for <alice@strict.example>; Wed, 25 Nov 2026 11:59:00 +0000",
                  "X-Private: alice's business")
    broken = dkim.sign(raw, b"sel", b"strict.example", PRIVATE) + raw.replace(b"A text.", b"Another text.")
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    assert refusal(daemon, broken, "alice@strict.example")[0] == 550

    own = sink.for_recipient("ruf@strict.example", details=daemon.log_tail)
    other = sink.for_recipient("all@collector.example", details=daemon.log_tail)
    for delivery in (own, other):
        assert delivery.mail_from == "" and dkimtools.dkimpy_verdicts(delivery.content, daemon.dkim_records()) == [True]
        for secret in (b"alice", b"bob@", b"judged", b"text.", b"X-Private"):
            assert secret not in delivery.content, (secret, delivery.content)
    mail = email.message_from_bytes(own.content, policy=email.policy.SMTP)
    assert not mail.defects and mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "feedback-report"
    assert (mail["From"], mail["To"], mail["Auto-Submitted"]) == (FROM, "ruf@strict.example", "auto-generated")
    assert "strict.example" in mail["Subject"] and mail["Message-ID"] and mail["Date"]
    words, feedback, header = mail.get_payload()
    assert [part.get_content_type() for part in (words, feedback, header)] == ["text/plain", "message/feedback-report", "text/rfc822-headers"]
    assert "RFC 9991" in words.get_content()

    fields = fields_of(feedback)
    expected = {"Feedback-Type": "auth-failure", "Version": "1", "Auth-Failure": "dmarc", "Identity-Alignment": "dkim, spf", "Delivery-Result": "reject",
                "DKIM-Domain": "strict.example", "DKIM-Identity": "@strict.example", "DKIM-Selector": "sel", "Source-IP": BAD,
                "Reported-Domain": "strict.example", "Incidents": "1", "Reporting-MTA": f"dns; {HOSTNAME}", "SPF-DNS": f'txt : strict.example : "{SPF}"'}
    assert {name: fields[name] for name in expected} == expected
    assert fields["User-Agent"].startswith("Postern/") and fields["Original-Rcpt-To"] is None
    sender = fields["Original-Mail-From"]
    assert sender.startswith("<") and sender.endswith("@strict.example>") and len(sender) == len("<@strict.example>") + 22
    assert before <= email.utils.parsedate_to_datetime(fields["Arrival-Date"]) <= datetime.datetime.now(datetime.timezone.utc)
    results = " ".join(fields["Authentication-Results"].split())
    assert results.startswith(f"{HOSTNAME};") and "dmarc=fail" in results and "dkim=fail" in results and f"spf=fail smtp.mailfrom={sender[1:-1]}" in results

    kept = email.message_from_string(header.get_payload() if isinstance(header.get_payload(), str) else header.get_content())
    assert "d=strict.example" in kept["DKIM-Signature"] and kept["From"] == sender and kept["Message-ID"] and f"for {sender};" in " ".join(kept["Received"].split())
    assert kept["Subject"] is None

    parsed = json.loads(daemon.cli("arf", "parse", "--json", input=own.content).stdout)
    assert (parsed["auth_failure"], parsed["identity_alignment"], parsed["incidents"]) == ("dmarc", ["dkim", "spf"], 1)
    assert parsed["original_mail_from"] == sender and parsed["reported_domain"] == ["strict.example"] and parsed["source_ip"] == BAD
    daemon.await_empty_queue()
    assert len(sink.messages) == 2
    outcome = outcomes(daemon)["strict.example"]
    assert outcome.count(": 250") == 2 and "ruf@strict.example" in outcome and "all@collector.example" in outcome


def test_only_what_was_asked_about(telling, sink):
    """RFC 9989 4.7: 0 nothing passed for the domain, 1 something did not, d a signature failed, s SPF failed."""
    asked = {"none.example": "", "all.example": "; fo=1", "dkim.example": "; fo=d", "spf.example": "; fo=s", "both.example": "; fo=d:s"}
    daemon = telling(*(domain(name, f"ruf=mailto:ruf@{name}{fo}") for name, fo in asked.items()))
    for name in asked:
        raw = message(f"a@{name}")
        signed = dkim.sign(raw, b"sel", name.encode(), PRIVATE) + raw
        bring(daemon, signed, f"a@{name}", GOOD)                                    # all passes
        bring(daemon, raw, f"a@{name}", GOOD)                                       # no signature
        bring(daemon, signed, f"a@{name}", BAD)                                     # SPF fails
        bring(daemon, signed.replace(b"A text.", b"A lie."), f"a@{name}", GOOD)     # the signature fails
        bring(daemon, raw, f"a@{name}", BAD)                                        # SPF fails, no signature
    assert fence(daemon, sink) == {"ruf@none.example": 1, "ruf@all.example": 4, "ruf@dkim.example": 1, "ruf@spf.example": 2, "ruf@both.example": 3}


def test_nobody_else_is_told(telling, sink):
    """Not who was named without his consent, not about reports, bounces, answers to us, what could not be asked, or our own mail."""
    daemon = telling(domain("named.example", "ruf=mailto:victim@elsewhere.example"), domain("asks.example", "ruf=mailto:ruf@asks.example; fo=1"),
                     domain("suffix.example", "ruf=mailto:ruf@suffix.example; psd=y"), domain("silent-ruf.example", "rua=mailto:rua@silent-ruf.example"),
                     domain("list.example", "ruf=https://list.example/ruf"), {"slow._domainkey.asks.example": [{"timeout": True}]},
                     inbox=[f"inbox@{LOCAL_DOMAIN}"])
    for name in ("named", "suffix", "silent-ruf", "list"):
        bring(daemon, message(f"a@{name}.example"), f"a@{name}.example", BAD)
    author = "a@asks.example"
    bring(daemon, message(author), "", BAD)
    bring(daemon, message(author, "Auto-Submitted: auto-replied"), author, BAD)
    bring(daemon, message(author, "MIME-Version: 1.0", "Content-Type: multipart/report; report-type=feedback-report; boundary=x"), author, BAD)
    bring(daemon, dkim.sign(message(author), b"slow", b"asks.example", PRIVATE) + message(author), author, BAD)
    for ours in (FROM, f"inbox@{LOCAL_DOMAIN}"):
        with Proxied(daemon.port("world"), BAD) as client:
            assert not send_exact(client, author, [ours], message(author))
    daemon.submit(sender=author, to=BOB)  # from a network that may relay: nobody judges it
    assert fence(daemon, sink) == {}
    told = outcomes(daemon)
    assert set(told) == {"named.example", "list.example", FENCE}, told
    assert "victim@elsewhere.example" in told["named.example"] and "elsewhere.example does not say that it takes them" in told["named.example"]
    bring(daemon, message(author), author, BAD)
    assert sink.for_recipient("ruf@asks.example", details=daemon.log_tail), "it is the mail above that made the difference"


def test_no_flood(telling, sink):
    """So many in an hour about a domain, and so many to a host, whoever's name is used."""
    shared = [f"tenant{number}.example" for number in range(3)]
    daemon = telling(domain("flooded.example", "ruf=mailto:ruf@flooded.example"),
                     *(domain(name, "ruf=mailto:all@collector.example") | {f"{name}._report._dmarc.collector.example": txt("v=DMARC1")} for name in shared),
                     failures_per_hour=2)
    for name in ("flooded.example", *shared):
        for _ in range(4):
            bring(daemon, message(f"a@{name}"), f"a@{name}", BAD)
    assert fence(daemon, sink) == {"ruf@flooded.example": 2, "all@collector.example": 2}
    assert "more than 2 in an hour do not go there" in outcomes(daemon)[shared[-1]]


def test_off_as_long_as_nobody_asks_for_it(telling, sink):
    daemon = telling(domain("asks.example", "ruf=mailto:ruf@asks.example; rua=mailto:rua@asks.example"), failures="off")
    bring(daemon, message("a@asks.example"), "a@asks.example", BAD)
    tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    daemon.cli("report", "send", "--before", tomorrow)
    sink.for_recipient("rua@asks.example", details=daemon.log_tail)
    daemon.await_empty_queue()
    assert [delivery.recipients for delivery in sink.messages] == [["rua@asks.example"]] and outcomes(daemon) == {}


@pytest.mark.parametrize("reports, named", [({"failures": "redacted"}, "reports.failures"), ({"failures": "whole", "from": FROM}, "reports.failures"),
                                            ({"failures": "redacted", "from": FROM, "failures_per_hour": 0}, "reports.failures_per_hour")])
def test_settings_that_make_no_sense(daemon, reports, named):
    daemon.config["reports"] = reports
    daemon.write_config()
    refused = daemon.cli("config", "check", check=False)
    assert refused.returncode != 0 and named in (refused.stdout + refused.stderr).decode()
