"""Do reports about a day go out by themselves on the next one, and those of the days of an outage when it is over, each once?"""

import datetime
import email
import gzip
import json
import time

import pytest

from peers.base import wait_until
from peers.daemon import LOCAL_DOMAIN
from test_judged import BAD, GOOD, ZONE, bring, judged, message, refusal, txt  # noqa: F401

DAY = 86400


def shift_to(day: int, hour: int) -> int:
    """From now to that hour (UTC) of a day from today on."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return int((now.replace(hour=hour, minute=0, second=0, microsecond=0) - now).total_seconds()) + day * DAY


def test_reports_go_out_at_their_time(judged, sink):  # noqa: F811
    """RFC 9990 and 8460 4.1: a day ends at midnight UTC; a host begins within the four hours after it (report_desk.cpp), and looks once a minute."""
    zone = ZONE | {"_dmarc.strict.example": txt("v=DMARC1; p=reject; rua=mailto:dmarc@strict.example")}
    (judged.directory / "zone.json").write_text(json.dumps({"records": zone}))
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.config["reports"] = {"from": f"dmarc@{LOCAL_DOMAIN}"}
    judged.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").fake_clock()
    for day in (0, 1):
        judged.move_clock(shift_to(day, 22))
        judged.start()
        bring(judged, message("alice@strict.example"), "alice@strict.example", GOOD)
        refusal(judged, message("alice@strict.example"), "alice@strict.example", BAD)
        assert not sink.messages, "the day is not over, and of the day before nobody looked for a minute"
        judged.stop()
    judged.move_clock(shift_to(4, 5))
    judged.start()
    wait_until(lambda: len(sink.messages) == 2, "the reports of both days", 100, details=judged.log_tail)
    reports = [json.loads(judged.cli("dmarc", "report", "--json", input=one.content).stdout) for one in sink.messages]
    begins = sorted(int(report["report_metadata"]["date_range"]["begin"]) for report in reports)
    assert begins[1] - begins[0] == DAY and begins[0] % DAY == 0, begins
    for report in reports:
        assert sum(record["row"]["count"] for record in report["record"]) == 2, report
    wait_until(lambda: len(judged.json("report", "list")["sent"]) == 2, "the note that both are sent", details=judged.log_tail)
    judged.restart()
    judged.cli("report", "send", "--before", time.strftime("%Y-%m-%d", time.gmtime(time.time() + 4 * DAY)))
    assert len(sink.messages) == 2, "none twice"


def asked_by_two(daemon, **permission):
    """A domain that wants its reports at home and at a place elsewhere, which must permit it in DNS (RFC 9990 4)."""
    zone = ZONE | {"_dmarc.strict.example": txt("v=DMARC1; p=reject; rua=mailto:dmarc@strict.example,mailto:a@reports.example")}
    zone |= {"strict.example._report._dmarc.reports.example": permission.get("records", [{"timeout": True}])}
    (daemon.directory / "zone.json").write_text(json.dumps({"records": zone}))


def day_text(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * DAY))


@pytest.fixture
def unpermitted(judged, sink):  # noqa: F811
    """Sent to one place of two, since DNS does not say whether the other one takes reports."""
    asked_by_two(judged)
    judged.config["reports"] = {"from": f"dmarc@{LOCAL_DOMAIN}"}
    judged.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").fake_clock()
    judged.start()
    bring(judged, message("alice@strict.example"), "alice@strict.example", GOOD)
    judged.cli("report", "send", "--before", day_text(1))
    wait_until(lambda: len(sink.messages) == 1, "the report that can be sent", details=judged.log_tail)
    assert sink.messages[0].recipients == ["dmarc@strict.example"]
    return judged


def sent(daemon) -> dict:
    (entry,) = daemon.json("report", "list")["sent"]
    return entry


def report_id(content: bytes, daemon) -> str:
    return json.loads(daemon.cli("dmarc", "report", "--json", input=content).stdout)["report_metadata"]["report_id"]


def test_what_could_not_be_sent_goes_out_when_it_can(unpermitted, sink):
    """After five minutes by itself, over a restart; the same report, and not again to who has it."""
    entry = sent(unpermitted)
    assert "250" in entry["outcome"] and "mailto:a@reports.example: DNS could not be asked for strict.example._report._dmarc.reports.example TXT" in entry["outcome"]
    tried, again = (datetime.datetime.fromisoformat(entry[key]) for key in ("time", "again"))
    assert again - tried == datetime.timedelta(minutes=5)
    assert entry["again"] in unpermitted.cli("report", "list").stdout.decode()
    unpermitted.stop()
    asked_by_two(unpermitted, records=txt("v=DMARC1"))
    unpermitted.move_clock(6 * 60)
    unpermitted.start()
    wait_until(lambda: len(sink.messages) == 2, "the report to the other place", 100, details=unpermitted.log_tail)
    assert sink.messages[1].recipients == ["a@reports.example"]
    assert report_id(sink.messages[0].content, unpermitted) == report_id(sink.messages[1].content, unpermitted)
    wait_until(lambda: "again" not in sent(unpermitted), "the note that it is done", details=unpermitted.log_tail)
    unpermitted.cli("report", "send", "--before", day_text(1))
    assert len(sink.messages) == 2 and sent(unpermitted)["outcome"].count("250") == 2


def test_sending_by_hand_does_not_wait(unpermitted, sink):
    asked_by_two(unpermitted, records=txt("v=DMARC1"))
    unpermitted.restart()
    unpermitted.cli("report", "send")
    wait_until(lambda: len(sink.messages) == 2, "the report to the other place", details=unpermitted.log_tail)
    assert "again" not in sent(unpermitted)


def test_after_a_day_a_report_is_given_up(unpermitted, sink):
    """RFC 8460 5.5: for 24 hours after the first attempt."""
    unpermitted.stop()
    unpermitted.move_clock(25 * 3600)
    unpermitted.start()
    unpermitted.cli("report", "send")
    entry = sent(unpermitted)
    assert entry["outcome"].startswith("given up after 24 hours: ") and "DNS could not be asked" in entry["outcome"] and "again" not in entry
    asked_by_two(unpermitted, records=txt("v=DMARC1"))
    unpermitted.restart()
    unpermitted.cli("report", "send")
    assert len(sink.messages) == 1 and sent(unpermitted) == entry


def test_reports_in_the_making_can_be_seen(judged, sink):  # noqa: F811
    """What goes out for a domain and day, before it does; and nothing of it after."""
    asked_by_two(judged, records=txt("v=DMARC1"))
    judged.config["reports"] = {"from": f"dmarc@{LOCAL_DOMAIN}"}
    judged.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    for _ in range(2):
        bring(judged, message("alice@strict.example"), "alice@strict.example", GOOD)
    today = day_text(0)
    (pending,) = judged.json("report", "list")["pending"]
    assert pending == {"kind": "dmarc", "day": today, "domain": "strict.example", "messages": 2, "to": ["mailto:dmarc@strict.example", "mailto:a@reports.example"]}
    assert "mailto:a@reports.example" in judged.cli("report", "list").stdout.decode()
    (shown,) = judged.json("report", "show", today)["dmarc"]
    assert shown["domain"] == "strict.example" and shown["messages"] == 2
    assert "dmarc: 2 messages, to mailto:dmarc@strict.example" in judged.cli("report", "show", today).stdout.decode()
    xml = judged.cli("report", "show", today, "--xml", "strict.example").stdout
    assert xml.decode() == shown["xml"] and xml.startswith(b"<?xml")
    other = judged.cli("report", "show", today, "--xml", "other.example", check=False)
    assert other.returncode == 1 and "no DMARC report about other.example" in other.stderr.decode()
    judged.cli("report", "send", "--before", day_text(1))
    wait_until(lambda: len(sink.messages) == 2, "both reports", details=judged.log_tail)
    for delivery in sink.messages:
        packed = next(part for part in email.message_from_bytes(delivery.content).walk() if part.get_content_type() == "application/gzip")
        assert gzip.decompress(packed.get_payload(decode=True)) == xml
    assert judged.json("report", "list")["pending"] == [] and judged.json("report", "show", today)["dmarc"] == []
