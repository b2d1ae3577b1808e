"""Do reports about a day go out by themselves on the next one, and those of the days of an outage when it is over, each once?"""

import datetime
import json
import time

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
