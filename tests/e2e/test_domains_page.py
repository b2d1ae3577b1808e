"""The page of domains and reports in a real browser (Chromium): DNS health, and what others and we ourselves counted, as charts."""

import datetime
import email.message
import email.policy
import gzip
import json

import pytest

from peers.base import wait_until
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, send_exact
from test_judged import GOOD, Proxied, txt
from test_page import address, browser, keep_screenshot, no_overflow, token_of  # noqa: F401

OTHER, INBOX = "wrong.example", f"reports@{LOCAL_DOMAIN}"
HOSTILE = "<img src=x onerror=document.title='got'>"
TODAY = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)

ZONE = {
    LOCAL_DOMAIN: [{"type": "MX", "pref": 10, "data": HOSTNAME}, *txt("v=spf1 mx -all")],
    HOSTNAME: [{"type": "A", "data": "192.0.2.1"}, *txt("v=spf1 a -all")],
    f"_dmarc.{LOCAL_DOMAIN}": txt(f"v=DMARC1; p=reject; rua=mailto:{INBOX}"),
    f"_smtp._tls.{LOCAL_DOMAIN}": txt(f"v=TLSRPTv1; rua=mailto:{INBOX}"),
    OTHER: [{"type": "MX", "pref": 10, "data": HOSTNAME}, *txt("v=spf1 -all", "v=spf1 mx -all")],
    f"_smtp._tls.{OTHER}": txt(f"v=TLSRPTv1; rua=mailto:postmaster@{OTHER}"),
    "reporter.example": txt("v=spf1 ip4:192.0.2.0/24 -all"), "_dmarc.reporter.example": txt("v=DMARC1; p=none"),
}


@pytest.fixture
def ours(daemon):
    """Two domains: DNS has one right and one wrong. Reports come to the inbox."""
    zone = daemon.directory / "zone.json"
    zone.write_text(json.dumps({"records": ZONE}))
    daemon.config["dns"] = {"fixture_file": str(zone)}
    daemon.config["domains"]["local"] = [LOCAL_DOMAIN, OTHER]
    daemon.config["authentication"] = {"enabled": True}
    daemon.config["reports"] = {"inbox": [INBOX]}
    daemon.config["listener"].append({"kind": "mx", "name": "world", "address": "127.0.0.1:0", "tls": "none", "proxy_from": ["127.0.0.0/8"]})
    return daemon


def open_page(daemon, browser, token=None):  # noqa: F811
    browser.open(address(daemon).rstrip("/") + "/domains#token=" + (token_of(daemon) if token is None else token))


def look_again(browser):  # noqa: F811
    browser.run("document.getElementById('look').click()")
    browser.await_text("Looked just now", "#looked")


def card(browser, domain) -> str:  # noqa: F811
    return browser.text(f'[data-domain="{domain}"]')


def day(ago: int) -> str:
    return (TODAY - datetime.timedelta(days=ago)).strftime("%Y-%m-%d")


def dmarc_report(number, ago, records, domain=LOCAL_DOMAIN, organization="Example") -> tuple[str, bytes]:
    """records: (address, messages, passed)"""
    begin = int((TODAY - datetime.timedelta(days=ago)).timestamp())
    escaped = organization.replace("&", "&amp;").replace("<", "&lt;")
    rows = "".join(
        f"<record><row><source_ip>{source}</source_ip><count>{count}</count><policy_evaluated><disposition>none</disposition>"
        f"<dkim>{'pass' if passed else 'fail'}</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>{domain}</header_from></identifiers>"
        f"<auth_results><spf><domain>x.example</domain><result>fail</result></spf></auth_results></record>" for source, count, passed in records)
    xml = (f"<feedback><report_metadata><org_name>{escaped}</org_name><email>d@example.net</email><report_id>{number}</report_id><date_range>"
           f"<begin>{begin}</begin><end>{begin + 86399}</end></date_range></report_metadata><policy_published><domain>{domain}</domain><p>none</p></policy_published>"
           f"{rows}</feedback>")
    return "application/gzip", gzip.compress(xml.encode())


def tls_report(number, ago, policies, domain=LOCAL_DOMAIN) -> tuple[str, bytes]:
    """policies: (kind, successful, failed)"""
    report = {"organization-name": "Example Inc.", "date-range": {"start-datetime": f"{day(ago)}T00:00:00Z", "end-datetime": f"{day(ago)}T23:59:59Z"},
              "contact-info": "tls@example.net", "report-id": str(number), "policies": [
                  {"policy": {"policy-type": kind, "policy-string": [], "policy-domain": domain},
                   "summary": {"total-successful-session-count": good, "total-failure-session-count": bad}} for kind, good, bad in policies]}
    return "application/tlsrpt+gzip", gzip.compress(json.dumps(report).encode())


def bring(daemon, report, proven=False):
    """One report by mail, from a sender whose domain DMARC passes or from one that says nothing."""
    kind, packed = report
    sender = "r@reporter.example" if proven else "r@nobody.example"
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, INBOX, "Report", f"<{abs(hash(packed))}@x.example>"
    mail["Date"] = "Wed, 25 Nov 2026 12:00:00 +0000"
    mail.set_content("A report.")
    mail.add_attachment(packed, *kind.split("/"), filename="report.gz")
    with Proxied(daemon.port("world"), GOOD) as client:
        assert not send_exact(client, sender, [INBOX], mail.as_bytes(policy=email.policy.SMTP))


def await_reports(daemon, count):
    daemon.await_mail(INBOX, count)
    wait_until(lambda: len(daemon.json("report", "received")["reports"]) == count, f"{count} reports", details=daemon.log_tail)


def table(browser, chart) -> list[list[str]]:  # noqa: F811
    """What a chart's table says to who cannot see the bars."""
    return browser.run(f"""[...document.querySelectorAll('[data-chart="{chart}"] tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))""")


def bars(browser, chart, kind) -> int:  # noqa: F811
    return browser.run(f"""document.querySelectorAll('[data-chart="{chart}"] svg.bars .{kind}').length""")


def test_nothing_yet(ours, browser):  # noqa: F811
    ours.start()
    open_page(ours, browser)
    browser.await_text("Nothing was looked at yet", "main")
    shown = browser.text("main")
    for words in ("No DMARC report in this time", "No TLS report in this time", "No session with a mail host", "None yet.", "With [[zone]] the daemon keeps"):
        assert words in shown, words
    assert browser.run("document.querySelector('nav [aria-current]').textContent") == "Domains"
    assert browser.run("[...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href'))") == ["/", "/x400", "/domains", "/keys"]
    assert browser.run("document.querySelectorAll('svg').length") == 0
    keep_screenshot(browser, "domains-empty")
    browser.size(360)
    assert no_overflow(browser) and browser.errors() == []


def test_a_healthy_and_an_unhealthy_domain(ours, browser):  # noqa: F811
    ours.start()
    browser.size(1280)
    open_page(ours, browser)
    browser.await_text("Nothing was looked at yet", "main")
    look_again(browser)
    good, bad = card(browser, LOCAL_DOMAIN), card(browser, OTHER)
    assert "all right" in good and "records are right" in good and "should be" not in good, good
    assert "2 not right" in bad and "duplicate" in bad and "one is allowed" in bad, bad
    assert "missing" in bad and f"_dmarc.{OTHER} TXT" in bad and "v=DMARC1" in bad and "should be" in bad, "what is to be done"
    assert "v=spf1 -all" in bad and "v=spf1 mx -all" in bad and f"postern dns publish {OTHER}" in bad
    assert "Nothing was looked at yet" not in browser.text("main")
    assert "3 1 1 " in browser.text("#tlsa") and "not in DNS" in browser.text("#tlsa")
    keep_screenshot(browser, "domains")
    for width in (1280, 400, 360):
        browser.size(width)
        assert no_overflow(browser), width
    assert browser.errors() == []


def test_reports_of_others_as_charts(ours, browser):  # noqa: F811
    ours.start()
    bring(ours, dmarc_report(1, 1, [("192.0.2.7", 90, True), ("2001:db8::bad", 12, False)], organization=HOSTILE))
    bring(ours, dmarc_report(2, 1, [("192.0.2.7", 10, True)]), proven=True)
    bring(ours, dmarc_report(3, 3, [("203.0.113.9", 1, False)], domain=OTHER))
    bring(ours, dmarc_report(4, 60, [("203.0.113.9", 7, False)]))
    bring(ours, tls_report(5, 2, [("sts", 40, 2), ("tlsa", 7, 0), ("<b>new</b>", 1, 0)]))
    await_reports(ours, 5)
    browser.size(1280)
    open_page(ours, browser)
    browser.await_text("By sending address", "#dmarc")
    assert table(browser, "dmarc") == [[day(1), "100", "12", "89.3%"], [day(3), "0", "1", "0%"]]
    assert (bars(browser, "dmarc", "good"), bars(browser, "dmarc", "bad"), bars(browser, "dmarc", "any")) == (1, 2, 30)
    assert [row[:3] for row in table(browser, "sources")] == [["2001:db8::bad", "0", "12"], ["203.0.113.9", "0", "1"], ["192.0.2.7", "100", "0"]]
    assert table(browser, "tls sts") == [[day(2), "40", "2", "95.2%"]] and table(browser, "tls tlsa") == [[day(2), "7", "0", "100%"]]
    assert table(browser, "tls other")[0][1] == "1"
    assert f"{day(1)}: 100 passed, 12 failed" in browser.run("[...document.querySelectorAll('[data-chart=dmarc] title')].map((t) => t.textContent)")
    listed = browser.text("#received")
    assert HOSTILE in listed and listed.count("sender not proven") == 4 and listed.count("sender proven") == 1
    assert browser.run("document.images.length") == 0 and browser.run("document.title") == "Postern", "a name is a text"
    keep_screenshot(browser, "reports")
    for width in (1280, 400, 360):
        browser.size(width)
        assert no_overflow(browser), width
    markup = browser.run("document.documentElement.outerHTML")
    assert "style=" not in markup and "onclick" not in markup
    assert browser.errors() == []


def test_a_share_is_all_or_nothing_only_when_it_is(ours, browser):  # noqa: F811
    ours.start()
    open_page(ours, browser)
    counts = {(1000150, 10): "over 99.9%", (999, 1): "99.9%", (3, 1): "75%", (5, 0): "100%", (0, 5): "0%", (1, 999): "0.1%", (10, 1000150): "under 0.1%", (0, 0): ""}
    assert {one: browser.run(f"share({one[0]}, {one[1]})") for one in counts} == counts


def choose(browser, field, value):  # noqa: F811
    browser.run(f"""(e => {{ if (e.type === 'checkbox') e.checked = {json.dumps(value)}; else e.value = {json.dumps(value)};
                    e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})(document.getElementById('{field}'))""")


def test_what_the_charts_are_about_can_be_chosen(ours, browser):  # noqa: F811
    ours.start()
    bring(ours, dmarc_report(1, 1, [("192.0.2.7", 5, True)]))
    bring(ours, dmarc_report(2, 1, [("192.0.2.8", 10, True)]), proven=True)
    bring(ours, dmarc_report(3, 3, [("203.0.113.9", 1, False)], domain=OTHER))
    bring(ours, dmarc_report(4, 60, [("203.0.113.10", 7, False)]))
    await_reports(ours, 4)
    open_page(ours, browser)
    browser.await_text("15 passed, 1 failed", "#dmarc")
    choose(browser, "days", "90")
    browser.await_text("15 passed, 8 failed", "#dmarc")
    assert bars(browser, "dmarc", "any") == 90
    choose(browser, "domain", OTHER)
    browser.await_text("0 passed, 1 failed", "#dmarc")
    assert "203.0.113.10" not in browser.text("#dmarc")
    choose(browser, "domain", "")
    choose(browser, "vouched", True)
    browser.await_text("10 passed, 0 failed", "#dmarc")
    browser.run("document.querySelector('[data-report] summary').click()")
    browser.await_text('"org_name": "Example"', "#received pre")
    assert browser.errors() == []


def test_our_own_sessions(ours, make_sink, authority, browser):  # noqa: F811
    """By MX: one host with TLS, one without."""
    records = dict(ZONE)
    for name, host, tls in (("good.example", "127.77.61.1", authority.server("mx.good.example", label="good")), ("clear.example", "127.77.61.2", None)):
        make_sink(tls=tls, host=host, port=25)
        records |= {name: [{"type": "MX", "pref": 10, "data": f"mx.{name}"}], f"mx.{name}": [{"type": "A", "data": host}]}
    (ours.directory / "zone.json").write_text(json.dumps({"records": records}))
    ours.route("*", "mx").start()
    for name in ("good.example", "clear.example"):
        ours.submit(to=f"bob@{name}")
    ours.await_empty_queue()
    open_page(ours, browser)
    browser.await_text("No policy", "#sessions")
    assert [row[1:] for row in table(browser, "sessions no-policy-found")] == [["1", "1", "50%"]]
    assert browser.errors() == []


@pytest.mark.parametrize("query, field", [("days=0", "days"), ("days=91", "days"), ("days=x", "days")])
def test_the_summary_names_what_is_wrong(ours, query, field):
    ours.start()
    status, answer = ours.api("GET", f"/reports/summary?{query}")
    assert status == 400 and json.loads(answer)["field"] == field
    assert ours.api_json("GET", "/reports/summary?days=7")["dmarc"] == []


def test_a_look_that_fails_is_said(ours, browser):  # noqa: F811
    ours.start()
    open_page(ours, browser)
    browser.await_text("Nothing was looked at yet", "main")
    browser.run("""fetch = ((real) => (path, options) => options && options.method === 'POST'
        ? Promise.resolve(new Response(JSON.stringify({detail: 'the engine is sealed'}), {status: 503})) : real(path, options))(fetch)""")
    browser.run("document.getElementById('look').click()")
    browser.await_text("It could not look: the engine is sealed", "#looked")
    assert not browser.run("document.getElementById('look').disabled")


def test_the_page_wants_the_token(ours, browser):  # noqa: F811
    ours.start()
    open_page(ours, browser, "wrong")
    browser.await_text("That token was not accepted", "#login")
    assert browser.text("main") == ""
    browser.run(f"document.getElementById('token').value = '{token_of(ours)}'; document.querySelector('#token-form button').click()")
    browser.await_text("DNS of our domains", "main")
    assert browser.text("#login") == ""
