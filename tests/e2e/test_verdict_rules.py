"""What an operator makes of the verdicts ([[verdict]]), and ARC at the gateway: chains of those who are believed make up for a DMARC failure, and what goes on to
another host is sealed. Chains of others are dkimpy's; ours are judged by dkimpy, Mail::DKIM and mailauth."""

import json

import dkim
import pytest

from peers import dkimtools, mailauth, maildkim, mimebytes
from peers.daemon import HOSTNAME, LOCAL_DOMAIN
from peers.jsonlines import b64
from test_judged import BAD, BOB, GOOD, PRIVATE, PUBLISHED, ZONE, bring, judged, message, refusal, txt  # noqa: F401: a fixture

ALICE = "alice@strict.example"
RSA = f"rsa._domainkey.{LOCAL_DOMAIN}"


def rules(daemon, *records):
    daemon.config["verdict"] = list(records)
    daemon.start()
    return daemon


def test_a_rule_refuses(judged):
    rules(judged, {"when": ["spf=fail", "dkim!=pass"], "action": "reject", "text": "not from there"})
    assert refusal(judged, message(ALICE), ALICE) == (550, "5.7.1 not from there")
    bring(judged, message(ALICE), ALICE, GOOD)
    judged.await_mail(BOB)


def test_a_rule_holds_for_an_operator(judged):
    rules(judged, {"name": "unknown hosts", "when": ["iprev!=pass"], "action": "quarantine"})
    bring(judged, message(ALICE), ALICE, "192.0.2.11")
    (entry,) = judged.queue()
    assert entry["state"] == "held" and entry["reason"] == "held by the rule unknown hosts"
    judged.cli("queue", "release", entry["id"])
    judged.await_mail(BOB)


def test_labels_are_written_and_forged_ones_taken_off(judged):
    rules(judged, {"when": ["dkim=none"], "action": "label", "text": "unsigned"}, {"when": ["spf=fail"], "action": "label", "text": "wrong host"},
          {"from": "*@strict.example", "when": ["dmarc=fail"], "action": "accept"})
    judged.restart()
    bring(judged, message(ALICE, "X-Postern-Label: trusted", "x-postern-label: friend"), ALICE, BAD)
    stored = judged.await_mail(BOB)[0]
    labels = [whole.partition(b":")[2].strip() for name, whole in mimebytes.fields(stored) if name.lower() == "x-postern-label"]
    assert labels == [b"unsigned", b"wrong host"]


def test_accept_comes_before_what_dmarc_wants(judged):
    judged.config["authentication"]["dmarc"] = "enforce"
    rules(judged, {"when": ["dmarc=fail"], "from": "alice@strict.example", "action": "accept"})
    bring(judged, message(ALICE), ALICE, BAD)
    judged.await_mail(BOB)
    assert refusal(judged, message("other@strict.example"), ALICE)[0] == 550


def test_what_may_be_different_soon_is_not_refused_for_good(judged):
    rules(judged, {"when": ["dkim!=pass"], "action": "reject"})
    raw = message(ALICE)
    assert refusal(judged, dkim.sign(raw, b"slow", b"strict.example", PRIVATE) + raw, ALICE)[0] == 451
    assert refusal(judged, raw, ALICE)[0] == 550


@pytest.mark.parametrize("record,said", [
    ({"when": ["spf=good"], "action": "reject"}, "verdict[0].when"), ({"when": ["sender-id=pass"], "action": "reject"}, "verdict[0].when"),
    ({"when": ["spf"], "action": "reject"}, "verdict[0].when"), ({"action": "label"}, "verdict[0].text"), ({"from": "@", "action": "reject"}, "verdict[0].from"),
    ({"action": "label", "text": "a\r\nBcc: x@y.example"}, "verdict[0].text"), ({"when": ["arc=temperror"], "action": "reject"}, "verdict[0].when"),
    ({"from": "bank.example", "action": "reject"}, "verdict[0].from")])
def test_a_rule_that_makes_no_sense_is_named(judged, record, said):
    judged.config["verdict"] = [record]
    judged.write_config()
    done = judged.cli("config", "check", check=False)
    assert done.returncode == 1 and said in done.stdout.decode(), done.stdout + done.stderr
    status, log = judged.start_expecting_failure()
    assert status == 2 and said in log, log


# ARC.

def passed_on(raw, results, selector=b"sel", domain=b"strict.example", key=PRIVATE, change=b"\r\n-- \r\nthe list\r\n"):
    """As a list would: it says what it saw, changes the text, and seals."""
    seen = f"Authentication-Results: lists.example; {results}\r\n".encode() + raw + change
    return b"".join(dkim.ARC(seen).sign(selector, domain, key, b"lists.example", include_headers=[b"from", b"to", b"subject", b"date", b"message-id"])) + seen


@pytest.fixture
def believing(judged):
    """Mail of strict.example that a list changed; the list's key stands at strict.example's selector, as one key is enough."""
    judged.config["authentication"] |= {"dmarc": "enforce", "arc_trusted": ["lists.example"]}
    zone = dict(ZONE) | {"l._domainkey.lists.example": txt(PUBLISHED), "l._domainkey.other.example": txt(PUBLISHED)}
    (judged.directory / "zone.json").write_text(json.dumps({"records": zone}))
    return judged


SEEN = "spf=pass smtp.mailfrom=alice@strict.example; dkim=pass header.d=strict.example; dmarc=pass header.from=strict.example"


@pytest.mark.parametrize("said", [
    SEEN,
    SEEN.replace("smtp.mailfrom=alice@", "smtp.mailfrom=bounce+1=bob=example.org@"),  # RFC 8601 2.2: a local-part may hold "="
    SEEN.replace("smtp.mailfrom=alice@", 'smtp.mailfrom="john doe"@'),
    SEEN.replace("dmarc=pass", "dmarc=pass action=none") + "; compauth=pass reason=100",  # as Microsoft writes it
], ids=["plain", "verp", "quoted", "microsoft"])
def test_a_chain_of_who_is_believed_makes_up_for_a_failure(believing, said):
    believing.start()
    raw = message(ALICE)
    signed = dkim.sign(raw, b"sel", b"strict.example", PRIVATE) + raw
    bring(believing, passed_on(signed, said, b"l", b"lists.example"), "bounces@list.example", BAD)
    field = mimebytes.field(believing.await_mail(BOB)[0], "Authentication-Results").decode()
    assert "dkim=fail" in field and "dmarc=fail" in field and "arc=pass" in field


@pytest.mark.parametrize("case", ["changed", "stranger", "it failed there", "another author", "no chain", "believed stranger first", "one of two authors"])
def test_other_chains_do_not(believing, case):
    believing.start()
    raw = message(ALICE)
    if case == "one of two authors":
        raw = raw.replace(b"From: ", b"From: carol@soft.example, ", 1)
    results = {"it failed there": SEEN.replace("dmarc=pass", "dmarc=fail"), "another author": SEEN.replace("from=strict", "from=other")}.get(case, SEEN)
    sealer = b"other.example" if case in ("stranger", "believed stranger first") else b"lists.example"
    sent = raw if case == "no chain" else passed_on(raw, results, b"l", sealer)
    if case == "believed stranger first":
        sent = passed_on(sent, SEEN + "; arc=pass", b"l", b"lists.example", change=b"")
    if case == "changed":
        sent = sent.replace(b"A text.", b"A test.")
    code, text = refusal(believing, sent, "bounces@list.example")
    assert code == 550 and "DMARC" in text


def test_nobody_is_believed_by_default(believing):
    del believing.config["authentication"]["arc_trusted"]
    believing.start()
    assert refusal(believing, passed_on(message(ALICE), SEEN, b"l", b"lists.example"), "bounces@list.example")[0] == 550


def chain_verdicts(raw, records) -> set[str]:
    def txt_of(name, timeout=5):
        return records.get(name.decode().rstrip("."), "").encode()
    theirs = {dkim.arc_verify(raw, dnsfunc=txt_of, minkey=1024)[0].decode()}
    for peer in (maildkim, mailauth):
        theirs |= {answer.get("cv", "fail") for answer in peer.ask([{"do": "arc-verify", "raw": b64(raw), "txt": records}])}
    return theirs


@pytest.fixture
def sealing(believing, sink):
    believing.config["authentication"] |= {"arc_seal": LOCAL_DOMAIN}
    believing.config["authentication"].pop("dmarc")
    believing.dkim("ed", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256")
    believing.route(LOCAL_DOMAIN, f"smtp:127.0.0.1:{sink.port}", tls="none")
    return believing.start()


def test_what_goes_on_is_sealed(sealing, sink):
    bring(sealing, message(ALICE), ALICE, GOOD)
    raw = sink.for_recipient(BOB, details=sealing.log_tail).content
    records = {RSA: dkimtools.dns_record(sealing.public_key("dkim_rsa"))}
    assert chain_verdicts(raw, records) == {"pass"}
    results = mimebytes.field(raw, "ARC-Authentication-Results").decode()
    assert results.split(";")[1].strip() == HOSTNAME and "spf=pass" in results and "dmarc=pass" in results
    assert chain_verdicts(raw.replace(b"A text.", b"A test."), records) == {"fail"}, "the judges can say no"


def test_a_chain_that_came_is_gone_on_with(sealing, sink):
    bring(sealing, passed_on(message(ALICE), SEEN, b"l", b"lists.example"), "bounces@list.example", BAD)
    raw = sink.for_recipient(BOB, details=sealing.log_tail).content
    assert raw.count(b"\nARC-Seal:") + raw.startswith(b"ARC-Seal:") == 2
    assert chain_verdicts(raw, {RSA: dkimtools.dns_record(sealing.public_key("dkim_rsa")), "l._domainkey.lists.example": PUBLISHED}) == {"pass"}


def test_a_chain_that_is_broken_is_sealed_as_broken(sealing, sink):
    bring(sealing, passed_on(message(ALICE), SEEN, b"l", b"lists.example").replace(b"A text.", b"A test."), "bounces@list.example", BAD)
    raw = sink.for_recipient(BOB, details=sealing.log_tail).content
    seal = next(whole for name, whole in mimebytes.fields(raw) if name.lower() == "arc-seal")
    assert b"i=2" in seal and b"cv=fail" in seal
