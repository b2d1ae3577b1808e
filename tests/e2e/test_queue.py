"""The queue: retry, expiry, bounces (RFC 3464), success and delay reports (RFC 3461), hold, release, retry now, delete, restart."""

import email
import email.policy
import time

import pytest

from peers import dkimtools, mimebytes
from peers.base import wait_until

ALICE = "alice@postern.example"
BOB = "bob@example.net"


def report_of(raw: bytes) -> tuple[dict, list[dict], str]:
    """A delivery report taken apart by Python's email package: per-message fields, per-recipient fields, and the returned part's type."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content_type() == "multipart/report" and message["Content-Type"].params["report-type"] == "delivery-status", message["Content-Type"]
    assert message.defects == [], message.defects
    text, status, returned = message.iter_parts()
    assert text.get_content_type() == "text/plain" and len(text.get_content()) > 40
    assert status.get_content_type() == "message/delivery-status"
    blocks = [dict(block.items()) for block in status.get_payload()]
    return blocks[0], [block for block in blocks[1:] if block], returned.get_content_type()


def assert_is_proper_bounce(raw: bytes):
    """RFC 3464 2, RFC 3461 6.1, RFC 3834: addressed to the sender, from the null path, marked as automatic."""
    message = mimebytes.parsed(raw)
    assert mimebytes.field(raw, "Return-Path") == b"<>"
    assert ALICE in message["To"] and ("mailer-daemon" in message["From"].lower() or "postmaster" in message["From"].lower())
    assert message["Auto-Submitted"] and message["Auto-Submitted"].lower().startswith("auto-")
    assert message["Message-ID"] and message["Date"] and message["MIME-Version"] == "1.0"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_a_bounce_is_a_correct_rfc3464_report(relaying, sink):
    sink.on("RCPT", ["550-5.1.1 no such user", "550 5.1.1 try somebody else"])
    relaying.start()
    raw = mimebytes.simple_message(ALICE, BOB, body="the original body\r\n")
    relaying.send(ALICE, [BOB], raw, mail_options=["RET=FULL", "ENVID=e+2B1"], rcpt_options=["ORCPT=rfc822;first+2Bname@example.net"])
    bounce, = relaying.await_mail(ALICE)
    assert_is_proper_bounce(bounce)
    whole, (recipient,), returned = report_of(bounce)
    assert whole["Reporting-MTA"] == "dns; mail.postern.example" and whole["Original-Envelope-Id"] == "e+1" and whole["Arrival-Date"]
    assert recipient["Final-Recipient"].replace(" ", "") == f"rfc822;{BOB}"
    assert recipient["Original-Recipient"].replace(" ", "") == "rfc822;first+name@example.net", "RFC 3464 2.3.1: ORCPT, xtext decoded"
    assert recipient["Action"] == "failed" and recipient["Status"] == "5.1.1"
    assert recipient["Diagnostic-Code"].startswith("smtp; 550") and "try somebody else" in recipient["Diagnostic-Code"]
    assert recipient["Remote-MTA"].startswith("dns;")
    assert returned == "message/rfc822" and raw in bounce, "RET=FULL returns the message"


def test_ret_hdrs_returns_only_the_header(relaying, sink):
    sink.on("RCPT", "550 5.1.1 no")
    relaying.start()
    relaying.send(ALICE, [BOB], mimebytes.simple_message(ALICE, BOB, body="secret body\r\n"), mail_options=["RET=HDRS"])
    bounce, = relaying.await_mail(ALICE)
    assert report_of(bounce)[2] == "text/rfc822-headers" and b"secret body" not in bounce


def test_notify_never_gets_no_report(relaying, sink):
    sink.on("RCPT", lambda moment, argument: "550 5.1.1 no")
    relaying.start()
    relaying.send(ALICE, ["quiet@example.net"], mimebytes.simple_message(ALICE, BOB), rcpt_options=["NOTIFY=NEVER"])
    relaying.send(ALICE, ["loud@example.net"], mimebytes.simple_message(ALICE, BOB))
    bounce, = relaying.await_mail(ALICE)
    assert b"loud@example.net" in bounce and b"quiet@example.net" not in bounce
    relaying.await_empty_queue()
    assert len(relaying.mailbox(ALICE)) == 1


def test_bounces_of_bounces_do_not_exist(relaying, sink):
    """RFC 5321 4.5.5: nothing is ever sent about mail with a null reverse path."""
    sink.on("RCPT", "550 5.1.1 no")
    relaying.start()
    relaying.send("", [BOB], mimebytes.simple_message("mailer-daemon@example.org", BOB))
    relaying.await_empty_queue()
    time.sleep(0.5)
    assert relaying.mailbox() == [] and not relaying.queue()


def test_success_reports(relaying, make_sink):
    """RFC 3461 5.2: delivered (our mailbox) by us; relayed where the hop knows no DSN; left to the hop that knows it."""
    knows, ignorant = make_sink(), make_sink(capabilities=["PIPELINING", "8BITMIME"])
    relaying.route("knows.example", f"smtp:127.0.0.1:{knows.port}", tls="none")
    relaying.route("ignorant.example", f"smtp:127.0.0.1:{ignorant.port}", tls="none")
    relaying.start()
    for address in ("bob@postern.example", "a@knows.example", "b@ignorant.example"):
        relaying.send(ALICE, [address], mimebytes.simple_message(ALICE, address), rcpt_options=["NOTIFY=SUCCESS"])
    reports = {}
    for raw in relaying.await_mail(ALICE, 2):
        _, (recipient,), _ = report_of(raw)
        reports[recipient["Final-Recipient"].rpartition(";")[2].strip()] = recipient["Action"]
    assert reports == {"bob@postern.example": "delivered", "b@ignorant.example": "relayed"}
    assert "NOTIFY=SUCCESS" in knows.wait(1)[0].recipient_parameters[0]
    time.sleep(0.5)
    assert len(relaying.mailbox(ALICE)) == 2


def test_a_delay_is_reported_once(relaying, sink):
    sink.on("RCPT", "450 4.2.1 busy")
    relaying.config["queue"] |= {"delay_notice": "2s"}
    relaying.start()
    relaying.send(ALICE, [BOB], mimebytes.simple_message(ALICE, BOB), rcpt_options=["NOTIFY=DELAY,FAILURE"])
    notice, = relaying.await_mail(ALICE)
    _, (recipient,), _ = report_of(notice)
    assert recipient["Action"] == "delayed" and recipient["Status"].startswith("4.") and recipient["Will-Retry-Until"]
    time.sleep(4)
    assert len(relaying.mailbox(ALICE)) == 1, "one notice, not one for each attempt"
    sink.on("RCPT", None)
    sink.wait(1, details=relaying.log_tail)


def test_what_a_peer_says_of_its_own_trust_is_no_distrust_of_ours(relaying, sink):
    """Its 451 4.7.5 is about the message or about us: an exception for its domain would change nothing."""
    sink.on("RCPT", lambda moment, argument: "451 4.7.5 TLS failed: on our side")
    relaying.config["queue"]["retry"] = ["1h"]
    relaying.start()
    relaying.submit(to=BOB)
    shown = relaying.cli("queue", "show", relaying.await_attempt(BOB)["id"]).stdout.decode()
    assert "TLS failed: on our side" in shown and "[[exception]]" not in shown
    assert not [text for text in relaying.get_json("/status")["warnings"] if "could not be trusted" in text]


def test_the_retry_schedule_is_kept(relaying, sink):
    times = []
    sink.on("RCPT", lambda moment, argument: times.append(time.monotonic()) or "450 4.2.1 busy")
    relaying.config["queue"]["retry"] = ["1s", "3s"]
    relaying.start()
    relaying.submit(to=BOB)
    wait_until(lambda: len(times) >= 4, "four attempts", 25, details=relaying.log_tail)
    gaps = [round(b - a, 1) for a, b in zip(times, times[1:])]
    assert 0.9 <= gaps[0] <= 2 and all(2.9 <= gap <= 5 for gap in gaps[1:3]), gaps
    wait_until(lambda: relaying.queue_of(BOB)[0]["attempts"] >= 4, "the record of the fourth attempt", 10, details=relaying.log_tail)
    entry, = relaying.queue_of(BOB)
    assert "450 4.2.1 busy" in entry["last_reply"] and entry["next_attempt"]


def test_expiry_bounces(relaying, sink):
    sink.on("RCPT", "450 4.2.1 busy")
    relaying.config["queue"] |= {"retry": ["1s"], "expire": "3s"}
    relaying.start()
    relaying.submit(to=BOB)
    bounce, = relaying.await_mail(ALICE)
    assert_is_proper_bounce(bounce)
    _, (recipient,), _ = report_of(bounce)
    assert recipient["Action"] == "failed" and recipient["Status"] in ("4.4.7", "5.4.7") and "450 4.2.1 busy" in recipient["Diagnostic-Code"]
    relaying.await_empty_queue()


def test_a_sender_with_a_utf8_address_gets_his_bounce(relaying, sink):
    """RFC 6531 3.4: the report asks for SMTPUTF8 itself."""
    sink.on("RCPT", lambda verb, argument: "550 5.1.1 no such user" if "bob@" in argument else None)
    relaying.start()
    sender = "grüße@example.org"
    relaying.send(sender, [BOB], mimebytes.simple_message(sender, BOB), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    report = sink.for_recipient(sender, details=relaying.log_tail)
    assert "SMTPUTF8" in report.mail_parameters and report.mail_from == ""
    assert b"global-delivery-status" in report.content or b"delivery-status" in report.content
    relaying.await_empty_queue()


def test_released_mail_that_policy_now_refuses_bounces(relaying, sink):
    """Held under one policy, released under another: the sender hears of it; nothing disappears."""
    relaying.policy(name="strict", to="*@example.net", encrypt="must", missing_key="hold")
    relaying.start()
    relaying.submit(to=BOB)
    entry = relaying.await_queue_state(BOB, "held")
    relaying.config["policy"][0]["missing_key"] = "bounce"
    relaying.restart()
    relaying.cli("queue", "release", entry["id"])
    bounce, = relaying.await_mail(ALICE)
    assert_is_proper_bounce(bounce)
    _, (recipient,), _ = report_of(bounce)
    assert recipient["Action"] == "failed" and BOB in recipient["Final-Recipient"] and "policy asks for encryption" in recipient["Diagnostic-Code"]
    relaying.await_empty_queue()
    assert not sink.messages


# An operator's verbs.

def waiting(relaying, sink, address=BOB) -> dict:
    sink.pause()
    relaying.config["queue"]["retry"] = ["1h"]
    relaying.start()
    relaying.submit(to=address)
    return relaying.await_attempt(address)


def test_retry_now(relaying, sink):
    entry = waiting(relaying, sink)
    sink.resume()
    relaying.cli("queue", "retry", entry["id"])
    sink.wait(1, details=relaying.log_tail)


def test_hold_and_release(relaying, sink):
    entry = waiting(relaying, sink)
    sink.resume()
    relaying.cli("queue", "hold", entry["id"])
    relaying.await_queue_state(BOB, "held")
    relaying.cli("queue", "retry", entry["id"], check=False)
    time.sleep(0.7)
    assert not sink.messages, "held mail is not retried"
    relaying.restart()
    relaying.await_queue_state(BOB, "held")
    relaying.cli("queue", "release", entry["id"])
    sink.wait(1, details=relaying.log_tail)
    kinds = [record["kind"] for record in relaying.audit()]
    assert any("hold" in kind for kind in kinds) and any("release" in kind for kind in kinds), kinds


def test_delete_removes_without_a_bounce(relaying, sink):
    entry = waiting(relaying, sink)
    relaying.cli("queue", "delete", entry["id"])
    relaying.await_empty_queue()
    assert relaying.mailbox(ALICE) == []
    assert any("delete" in record["kind"] or "remove" in record["kind"] for record in relaying.audit())


def test_show_tells_the_whole_story(relaying, sink):
    entry = waiting(relaying, sink)
    shown = relaying.json("queue", "show", entry["id"])
    text = str(shown)
    for fact in (ALICE, BOB, "refused", str(sink.port)):
        assert fact in text, f"{fact} is missing in {text}"


@pytest.mark.parametrize("verb", ["show", "hold", "release", "retry", "delete"])
def test_an_unknown_id_is_status_1(daemon, verb):
    daemon.start()
    done = daemon.cli("queue", verb, "01HZZZZZZZZZZZZZZZZZZZZZZZ", check=False)
    assert done.returncode == 1 and done.stderr, done


def test_the_queue_survives_restart_and_crash(relaying, sink):
    sink.pause()
    relaying.start()
    raws = {f"r{number}@example.net": relaying.submit(to=f"r{number}@example.net") for number in range(30)}
    relaying.restart()
    relaying.crash_and_restart()
    assert {entry["recipient"] for entry in relaying.queue()} == set(raws)
    sink.resume()
    sink.wait(30, 40, relaying.log_tail)
    for address, raw in raws.items():
        assert mimebytes.carries_unchanged(raw, sink.for_recipient(address).content)
    relaying.await_empty_queue()


def test_the_sealed_form_survives_a_restart_unchanged(relaying, sink):
    """What leaves is signed as of when it was accepted: DKIM's t= tells."""
    relaying.dkim("ed1", "dkim_key", "ed25519-sha256")
    sink.pause()
    relaying.start()
    begun = int(time.time())
    relaying.submit(to=BOB)
    accepted = int(time.time())
    time.sleep(2)
    relaying.restart()
    sink.resume()
    raw = sink.wait(1, 30, relaying.log_tail)[0].content
    tags, = dkimtools.signature_tags(raw)
    assert begun <= int(tags["t"]) <= accepted
    assert dkimtools.dkimpy_verdicts(raw, relaying.dkim_records()) == [True]


@pytest.mark.parametrize("size", [500, 60_000, 90_000, 140_000])
def test_what_was_acknowledged_leaves_signed_whatever_happens(relaying, sink, size):
    """It is committed while it is being signed. Killed right after the 250, what is on the disk is made whole again, by every key as before."""
    relaying.dkim("ed1", "dkim_key", "ed25519-sha256")
    relaying.dkim("rsa1", "dkim_rsa", "rsa-sha256")
    sink.pause()
    relaying.start()
    body = "".join("x" * 70 + "\r\n" for _ in range(size // 72))
    raws = [relaying.submit(to=BOB, body=body) for _ in range(4)]
    relaying.crash_and_restart()
    sink.resume()
    arrived = sink.wait(len(raws), 60, relaying.log_tail)
    for message in arrived:
        assert [tags["s"] for tags in dkimtools.signature_tags(message.content)] == ["ed1", "rsa1"]
        assert dkimtools.dkimpy_verdicts(message.content, relaying.dkim_records()) == [True, True]
        assert any(mimebytes.carries_unchanged(raw, message.content) for raw in raws)
    relaying.await_empty_queue()


def test_signed_mail_whose_domain_became_local_is_kept_signed(relaying, sink):
    """The route was changed while it waited: what the mailbox shows is what would have been sent."""
    relaying.dkim("ed1", "dkim_key", "ed25519-sha256")
    sink.pause()
    relaying.start()
    raw = relaying.submit(to=BOB)
    relaying.stop()
    relaying.config["route"] = [{"domain": "example.net", "via": "mailbox"}]
    relaying.start()
    kept = wait_until(lambda: relaying.mailbox(BOB), "the message in the mailbox", 30, details=relaying.log_tail)
    content = relaying.mail_raw(kept[0]["id"], BOB)
    assert mimebytes.carries_unchanged(raw, content)
    assert dkimtools.dkimpy_verdicts(content, relaying.dkim_records()) == [True]
    relaying.await_empty_queue()
