"""The live page in a real browser (Chromium): what an operator sees of messages, logins, warnings, and when the gateway goes away."""

import os
import pathlib
import re

import pytest

from peers import mimebytes
from peers.browser import Browser
from test_bad_days import damage_stored_content
from test_judged import BAD, GOOD, bring, judged, message  # noqa: F401: a fixture

ALICE, BOB = "alice@postern.example", "bob@postern.example"


@pytest.fixture
def browser(workdir):
    with Browser(workdir / "browser").start() as running:
        yield running


@pytest.fixture
def gateway(relaying, sink):
    """One message is on its way soon: delivered to the sink, sealed for dave, held for frank."""
    relaying.dkim("ed", "dkim_key", "ed25519-sha256")
    relaying.policy(name="sealed", to="dave@example.net", sign="openpgp", encrypt="must", method="openpgp")
    relaying.policy(name="strict", to="*@strict.example", encrypt="must", missing_key="hold")
    relaying.start()
    relaying.add_user("alice", "a password for alice", ALICE)
    (relaying.openpgp_directory / "dave.asc").write_bytes(relaying.openpgp_certificate_of("dave@example.net"))
    return relaying


def address(daemon, token=None) -> str:
    return f"http://127.0.0.1:{daemon.port('http')}/" + (f"#token={token}" if token else "")


def token_of(daemon) -> str:
    return (daemon.data_dir / "admin.token").read_text().strip()


def send_one(gateway, sink):
    with gateway.smtp("submission") as client:
        client.login("alice", "a password for alice")
        recipients = [BOB, "dave@example.net", "erin@example.net", "frank@strict.example"]
        client.sendmail(ALICE, recipients, mimebytes.simple_message(ALICE, ", ".join(recipients)))
    gateway.await_mail(BOB)
    sink.for_recipient("erin@example.net", details=gateway.log_tail)
    sink.for_recipient("dave@example.net", details=gateway.log_tail)


def rows(browser) -> dict[str, str]:
    """Recipient -> everything that its row says."""
    return browser.run("Object.fromEntries([...document.querySelectorAll('#flow tr')].map((r) => [r.cells[1].firstChild.textContent, r.innerText]))")


def no_overflow(browser) -> bool:
    return browser.run("document.documentElement.scrollWidth <= window.innerWidth")


def keep_screenshot(browser, name):
    """POSTERN_SCREENSHOTS=DIR keeps pictures of the page, to be looked at."""
    if folder := os.environ.get("POSTERN_SCREENSHOTS"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        for width in (1280, 360):
            for dark in (False, True):
                browser.size(width, dark=dark)
                browser.screenshot(pathlib.Path(folder) / f"{name}-{width}-{'dark' if dark else 'light'}.png")


def test_one_message_as_an_operator_sees_it(gateway, sink, browser):
    browser.open(address(gateway, token_of(gateway)))
    browser.await_text("No message yet", "main")
    keep_screenshot(browser, "empty")
    assert browser.run("location.hash") == "", "the token does not stay in the address"
    send_one(gateway, sink)
    browser.await_text("postern queue release", "#flow")
    seen = rows(browser)
    assert set(seen) == {BOB, "dave@example.net", "erin@example.net", "frank@strict.example"}
    assert "delivered" in seen[BOB] and "not sealed" in seen[BOB] and "delivered" in seen["erin@example.net"]
    assert "delivered" in seen["dave@example.net"] and "OpenPGP signed, encrypted" in seen["dave@example.net"]
    held = gateway.queue_of("frank@strict.example")[0]
    assert "held" in seen["frank@strict.example"] and "policy asks for encryption" in seen["frank@strict.example"]
    assert f"postern queue release {held['id']}" in seen["frank@strict.example"]
    card = browser.text(".message")
    assert ALICE in card and "DKIM ed" in card and "TLSv1.3" in card and "login alice" in card and held["id"] in card
    assert "No message yet" not in browser.text("main")
    badges = browser.await_text("1 held", "#badges")
    assert "development" in badges and "storage healthy" in badges
    assert "listener plain: tls is none" in browser.text("#warnings")


def test_every_state_has_clear_words(gateway, sink, browser):
    """Returned, waiting and damaged copies beside a held one; times of older messages carry the date."""
    answers = {"gone@": "550 5.1.1 no such user here", "later@": "451 4.3.2 come back later"}
    sink.on("RCPT", lambda moment, argument: next((reply for name, reply in answers.items() if name in argument), None))
    gateway.config["queue"]["retry"] = ["1h"]
    gateway.restart()
    sink.pause()
    gateway.submit(to="damaged@example.net", body="x" * 400 + "\r\n")
    gateway.await_attempt("damaged@example.net")
    gateway.stop()
    assert damage_stored_content(gateway) >= 1
    sink.resume()
    gateway.start()
    gateway.cli("queue", "retry", "--all")
    gateway.await_queue_state("damaged@example.net", "quarantined")
    for recipient in ("gone@example.net", "later@example.net", "frank@strict.example"):
        gateway.submit(to=recipient)
    gateway.await_attempt("later@example.net")
    gateway.await_mail(ALICE)  # the bounce of gone@
    browser.open(address(gateway, token_of(gateway)))
    browser.await_text("damaged, kept back", "#flow")
    seen = rows(browser)
    assert "returned to sender" in seen["gone@example.net"] and "no such user here" in seen["gone@example.net"]
    assert "waiting, tried 1×" in seen["later@example.net"] and "come back later" in seen["later@example.net"]
    assert "failed its integrity check" in seen["damaged@example.net"] and "postern queue show" in seen["damaged@example.net"]
    assert "1 damaged" in browser.text("#badges") and "1 held" in browser.text("#badges")
    today = browser.run("document.querySelector('#flow time').innerText")
    assert re.fullmatch(r"\d+:\d\d:\d\d( [AP]M)?", today.replace("\u202f", " ")), today
    older = browser.run("when('2026-01-05T10:20:30Z').innerText")
    assert "2026" in older and "5" in older, older
    keep_screenshot(browser, "states")


def test_without_a_token_it_asks(gateway, browser):
    browser.open(address(gateway))
    browser.await_text("admin.token", "#login")
    assert browser.text("main") == "" and browser.text("#refused") == "", "nothing was tried yet, so nothing was refused"
    assert "development" in browser.await_text("development", "#badges"), "the status names no person and shows"
    keep_screenshot(browser, "login")


def test_a_wrong_token_is_said_and_the_right_one_can_be_given(gateway, browser):
    browser.open(address(gateway, "wrong"))
    browser.await_text("That token was not accepted", "#login")
    browser.run(f"document.getElementById('token').value = '{token_of(gateway)}'; document.querySelector('#token-form button').click()")
    browser.await_text("No message yet", "main")
    assert browser.text("#login") == ""
    browser.open(address(gateway))
    browser.await_text("No message yet", "main")  # this tab remembers it


def test_a_gateway_that_goes_away_and_comes_back(gateway, sink, browser):
    port = gateway.port("http")
    gateway.config["http"]["address"] = f"127.0.0.1:{port}"
    browser.open(address(gateway, token_of(gateway)))
    send_one(gateway, sink)
    browser.await_text("frank@strict.example", "#flow")
    gateway.stop()
    browser.await_text("The gateway does not answer", "#lost")
    assert "What stands below is from" in browser.text("#lost") and "frank@strict.example" in browser.text("#flow")
    keep_screenshot(browser, "lost")
    gateway.start()
    browser.await_text("storage healthy", "#badges")
    assert browser.text("#lost") == ""


def test_a_phone_shows_it_without_scrolling_sideways(gateway, sink, browser):
    browser.size(360, 740)
    browser.open(address(gateway))
    browser.await_text("admin.token", "#login")
    assert no_overflow(browser)
    assert "5 warnings" in browser.await_text("warnings", "#warnings") and not browser.run("document.getElementById('warnings').open"), "folded, so that mail comes first"
    browser.open(address(gateway, token_of(gateway)))
    send_one(gateway, sink)
    browser.await_text("frank@strict.example", "#flow")
    assert no_overflow(browser)


def test_hostile_text_stays_text(gateway, browser):
    """An address is data: it makes no element, and the page has no inline script that a policy must allow."""
    browser.open(address(gateway, token_of(gateway)))
    hostile = '"<img src=x onerror=document.title=1>"@example.net'
    gateway.send(ALICE, [hostile], mimebytes.simple_message(ALICE, "bob@example.net"))
    browser.await_text("<img src=x", "#flow")
    assert browser.run("document.images.length") == 0 and browser.run("document.title") == "Postern"
    assert not re.search(r"<script>|onclick|style=", browser.run("document.documentElement.outerHTML"))


def badges(browser) -> set[str]:
    """Of the newest message."""
    return set(browser.run("[...document.querySelectorAll('.message:first-child .facts .badge')].map((b) => b.textContent)"))


def test_mail_from_outside_with_its_verdicts(judged, browser):  # noqa: F811
    judged.config["authentication"]["dmarc"] = "enforce"
    judged.config["verdict"] = [{"when": ["dkim=none"], "action": "label", "text": "<b>unsigned"},
                                {"name": "strangers", "when": ["iprev!=pass", "spf=pass"], "action": "accept"}]
    judged.start()
    browser.open(address(judged, token_of(judged)))
    browser.await_text("No message yet", "main")
    chain = "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=list.example; s=a; t=1; b=AA=="
    bring(judged, message("alice@strict.example", chain), "alice@strict.example", GOOD)
    browser.await_text("alice@strict.example", "#flow")
    assert {"SPF pass", "DKIM none", "DMARC pass", "ARC fail", "iprev pass", "label <b>unsigned"} <= badges(browser)
    assert browser.run("[...document.querySelectorAll('.facts .badge')].find((b) => b.textContent === 'iprev pass').title") == "mx.strict.example"
    bring(judged, message("alice@soft.example"), "alice@soft.example", BAD)
    browser.await_text("alice@soft.example", "#flow")
    assert {"SPF softfail", "DMARC fail"} <= badges(browser)
    assert "is quarantine (DMARC)" in browser.text(".message:first-child"), "and why it is held"
    bring(judged, message("alice@strict.example", "Comment: again"), "alice@strict.example", "192.0.2.11")
    browser.await_text("verdict rule strangers", "#flow")
    assert browser.errors() == []
    keep_screenshot(browser, "verdicts")
    browser.size(360)
    assert no_overflow(browser)


@pytest.mark.parametrize("road, wanted", [
    ("TLSv1.3 verified by DANE (3 1 1)", [["TLSv1.3 verified by DANE (3 1 1)", "ok"]]),
    ("TLSv1.3 verified by MTA-STS, not revoked (stapled OCSP)", [["TLSv1.3 verified by MTA-STS", "ok"], ["not revoked (stapled OCSP)", "ok"]]),
    ("TLSv1.3 verified, revocation not known", [["TLSv1.3 verified", "ok"], ["revocation not known", "warn"]]),
    ("TLSv1.3 unverified", [["TLSv1.3 unverified", "warn"]]), ("clear (TLS failed)", [["clear (TLS failed)", "warn"]]),
    ("TLSv1.3 verified (exception until 2199-12-31)", [["TLSv1.3 verified (exception until 2199-12-31)", "warn"]])])
def test_why_a_connection_was_trusted(daemon, browser, road, wanted):
    daemon.start()
    browser.open(address(daemon, token_of(daemon)))
    shown = browser.run(f"roadBadges({road!r}).filter((b) => b.textContent).map((b) => [b.textContent, b.className.split(' ')[1]])")
    assert shown == wanted


def test_what_can_be_done_about_mail_that_waits_is_said(daemon, browser):
    """The words are the API's (test_trusted_road.py)."""
    daemon.start()
    browser.open(address(daemon, token_of(daemon)))
    waiting = {"address": "a@b.example", "state": "queued", "attempts": 1, "reply": "451 4.7.5 TLS failed", "route": "mx:b.example", "road": "", "advice": "Tell <b>them"}
    assert "TLS failedTell <b>them." in browser.run(f"recipient({waiting!r}, 'ID').textContent")
    del waiting["advice"]
    assert browser.run(f"recipient({waiting!r}, 'ID').querySelector('.hint')") is None
