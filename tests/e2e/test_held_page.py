"""Held mail on the live page in a real browser (Chromium): who may decide decides there, for some recipients or all, and is told what became of it."""

import json

import pytest

from peers import mimebytes
from peers.base import wait_until
from peers.daemon import LOCAL_DOMAIN, send_exact
from test_judged import BAD, BOB, Proxied, judged, message  # noqa: F401: a fixture
from test_operators import people  # noqa: F401: a fixture
from test_page import address, browser, keep_screenshot, no_overflow, token_of  # noqa: F401

ALICE, CAROL, DORA = (f"{name}@{LOCAL_DOMAIN}" for name in ("alice", "carol", "dora"))
STRANGER = "alice@strict.example"


def hold_one(daemon, *recipients, extra=()) -> str:
    """A stranger's message that the verdict rule keeps back; its id."""
    with Proxied(daemon.port("world"), BAD) as client:
        assert not send_exact(client, STRANGER, list(recipients), message(STRANGER, *extra))
    return daemon.await_queue_state(recipients[0], "held")["id"]


def press(browser, words, within="#decide"):  # noqa: F811
    """The button that begins with these words."""
    found = f"[...document.querySelectorAll({json.dumps(within + ' button')})].find((b) => b.checkVisibility() && b.textContent.startsWith({json.dumps(words)}))"
    wait_until(lambda: browser.run(f"!!{found}"), f"a button {words!r} in {within}", details=lambda: browser.text(within))
    browser.run(f"{found}.click()")


def buttons(browser, within="#decide") -> list[str]:  # noqa: F811
    return browser.run(f"[...document.querySelectorAll({json.dumps(within + ' menu button')})].map((b) => b.textContent)")


def tick(browser, address, on):  # noqa: F811
    browser.run(f"[...document.querySelectorAll('#decide .tick')].find((t) => t.textContent.startsWith({json.dumps(address)})).querySelector('input').checked = {json.dumps(on)}")


def key(browser, name, code):  # noqa: F811
    text = {"text": "\r"} if name == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **(text if kind == "keyDown" else {}))


def look(daemon, browser, token):  # noqa: F811
    browser.open(address(daemon, token))
    browser.await_text("for a decision", "#held")


def test_an_officer_of_the_quarantine_decides_for_each_recipient(judged, people, browser):  # noqa: F811
    judged.start()
    held = hold_one(judged, BOB, CAROL, DORA)
    browser.size(1280)
    look(judged, browser, people["quentin"])
    assert "1 message is kept back and waits" in browser.text("#held") and STRANGER in browser.text("#held") and "suspicious" in browser.text("#held")
    keep_screenshot(browser, "held-list")
    press(browser, "Decide", "#held")
    shown = browser.await_text("For which recipients", "#decide")
    assert held in shown and "SPF fail" in shown and all(f"{who}\n" in shown for who in (BOB, CAROL, DORA)) and shown.count("suspicious") >= 3, shown
    assert buttons(browser) == ["Not now", "Delete…", "Release…"], "in clear is an admin's order"
    assert "A text." not in browser.run("document.documentElement.innerHTML"), "content only when it is asked for"
    browser.run("document.querySelector('#decide details summary').click()")
    assert "Subject: judged" in browser.await_text("A text.", "#decide pre")
    keep_screenshot(browser, "held-look")
    press(browser, "All or none")
    press(browser, "Release…")
    assert "Choose a recipient first" in browser.text("#decide-wrong")
    tick(browser, BOB, True)
    press(browser, "Release…")
    asked = browser.await_text("Release for 1 recipient?", "#decide")
    assert BOB in asked and CAROL not in asked and "goes on its way now" in asked and "audit log" in asked
    keep_screenshot(browser, "held-ask")
    press(browser, "Back")
    browser.await_text("For which recipients", "#decide")
    assert browser.run("[...document.querySelectorAll('#decide .tick input')].map((c) => c.checked)") == [True, False, False], "the choice is kept"
    press(browser, "Release…")
    browser.run("document.getElementById('decide-reason').value = 'asked him by phone'")
    press(browser, "Release")
    assert "what becomes of it" in browser.await_text(f"Released for {BOB}.", "#acted-text")
    judged.await_mail(BOB)
    assert {entry["recipient"]: entry["state"] for entry in judged.queue()} == {CAROL: "held", DORA: "held"}

    press(browser, "Decide", "#held")
    shown = browser.await_text("Not to be decided here", "#decide")
    assert f"{BOB}: delivered" in shown
    press(browser, "Delete…")
    assert "nothing bounces" in browser.await_text("Delete for 2 recipients?", "#decide")
    keep_screenshot(browser, "held-delete")
    browser.run("document.getElementById('decide-reason').value = 'forged'")
    press(browser, "Delete")
    browser.await_text("Deleted for 2 recipients.", "#acted-text")
    browser.await_text("deleted by hand", "#flow")
    keep_screenshot(browser, "held-done")
    wait_until(lambda: browser.text("#held") == "", "an empty list")
    assert judged.queue() == [] and judged.mailbox(CAROL) == []
    acts = [entry for entry in judged.audit() if entry["kind"].startswith("queue.")]
    assert [(entry["kind"], entry["actor"], entry["message"]) for entry in acts][:1] == [("queue.release", "quentin", held)], acts
    assert {entry["actor"] for entry in acts} == {"quentin"} and len(acts) in (2, 3), acts
    assert "asked him by phone" in json.dumps(acts[0]) and "forged" in json.dumps(acts[-1])
    assert browser.run("sessionStorage.length") == 1 and browser.run("localStorage.length") == 0, "the token of this tab, nothing else"
    markup = browser.run("document.documentElement.outerHTML")
    assert "onclick" not in markup and "style=" not in markup and browser.errors() == []


def test_the_wrong_role_is_told_so(judged, people, browser):  # noqa: F811
    judged.start()
    held = hold_one(judged, BOB)
    look(judged, browser, people["olga"])
    press(browser, "Look", "#held")
    shown = browser.await_text("olga has the role reader", "#decide")
    assert buttons(browser) == ["Close"] and "Read the message" not in shown and f"{BOB}: held" in shown
    keep_screenshot(browser, "held-reader")
    # A page that was opened with more than its holder may now: the API decides, and its words are shown.
    look(judged, browser, people["quentin"])
    press(browser, "Decide", "#held")
    press(browser, "Release…")
    browser.run(f"sessionStorage.setItem('token', {json.dumps(people['olga'])})")
    press(browser, "Release")
    said = browser.await_text("this takes the role quarantine, and olga has the role reader", "#decide-wrong")
    assert "ask an admin" in said
    keep_screenshot(browser, "held-refused")
    assert judged.queue()[0]["state"] == "held" and judged.queue()[0]["id"] == held
    assert not [entry for entry in judged.audit() if entry["kind"].startswith("queue.")]
    browser.run("sessionStorage.setItem('token', 'nobody')")
    press(browser, "Release")
    browser.await_text("That token was not accepted", "#login")
    assert browser.text("#decide") == "" and browser.text("main") == ""


def test_an_admin_sends_in_clear_what_waits_for_a_key(judged, people, browser, sink):  # noqa: F811
    judged.policy(name="strict", to="*@secret.example", encrypt="must", method="smime", missing_key="hold")
    judged.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    judged.submit(to="x@secret.example", body="a readable text\r\n")
    judged.await_queue_state("x@secret.example", "held")
    look(judged, browser, people["quentin"])
    press(browser, "Decide", "#flow")
    browser.await_text("For this recipient", "#decide")
    assert "Release in clear…" not in buttons(browser)
    look(judged, browser, token_of(judged))
    press(browser, "Decide", "#flow")
    browser.await_text("For this recipient", "#decide")
    assert buttons(browser) == ["Not now", "Delete…", "Release in clear…", "Release…"]
    press(browser, "Release…")
    press(browser, "Release")
    browser.await_text("Released for x@secret.example.", "#acted-text")
    judged.await_queue_state("x@secret.example", "held")  # policy still has no key
    look(judged, browser, token_of(judged))
    press(browser, "Decide", "#flow")
    press(browser, "Release in clear…")
    assert "without encryption" in browser.await_text("Release in clear for 1 recipient?", "#decide")
    keep_screenshot(browser, "held-clear")
    press(browser, "Release in clear")
    browser.await_text("Released in clear for x@secret.example.", "#acted-text")
    assert b"a readable text" in sink.for_recipient("x@secret.example", details=judged.log_tail).content
    assert browser.errors() == []


def test_what_an_admin_holds_is_the_admins(judged, people, browser):  # noqa: F811
    judged.route("*", "smtp:127.0.0.1:1", tls="none")  # where nobody listens
    judged.config["queue"]["retry"] = ["1h"]
    judged.start()
    judged.submit(to="erin@example.net")
    judged.cli("queue", "hold", judged.await_attempt("erin@example.net")["id"], "--reason", "waits for legal")
    look(judged, browser, people["quentin"])
    assert "waits for legal" in browser.text("#held")
    press(browser, "Look", "#held")
    browser.await_text("only an admin decides", "#decide")
    look(judged, browser, people["anna"])
    press(browser, "Decide", "#held")
    browser.await_text("waits for legal", "#decide")
    assert "Release in clear…" not in buttons(browser), "policy does not hold it"
    press(browser, "Delete…")
    press(browser, "Delete")
    browser.await_text("Deleted for erin@example.net.", "#acted-text")
    assert judged.queue() == []


def test_what_others_decided_meanwhile_is_said(judged, people, browser):  # noqa: F811
    judged.start()
    held = hold_one(judged, BOB, CAROL)
    look(judged, browser, people["quentin"])
    press(browser, "Decide", "#held")
    press(browser, "Delete…")
    browser.await_text("Delete for 2 recipients?", "#decide")
    judged.cli("queue", "delete", held, "--recipient", CAROL)
    press(browser, "Delete")
    browser.await_text("Deleted for 1 of 2 recipients. The others are not held any more", "#acted-text")

    held = hold_one(judged, BOB, extra=("X-N: 2",))
    press(browser, "Decide", "#held")
    press(browser, "Release…")
    browser.await_text("Release for 1 recipient?", "#decide")
    judged.cli("queue", "delete", held)
    press(browser, "Release")
    browser.await_text("Nothing was changed: it is not held any more.", "#acted-text")
    browser.run("openDialog('01J0ABCDEFGHJKMNPQRSTVWXYZ', '')")
    browser.await_text("It cannot be shown: no message 01J0ABCDEFGHJKMNPQRSTVWXYZ", "#acted-text")


def test_what_is_deleted_elsewhere_is_seen(judged, people, browser):  # noqa: F811
    """It takes one from what is held and adds one to what was removed: the flow tells the two apart."""
    judged.start()
    held = hold_one(judged, BOB)
    look(judged, browser, people["quentin"])
    browser.await_text("held by the rule suspicious", "#flow")
    judged.cli("queue", "delete", held)
    browser.await_text("deleted by hand", "#flow")
    wait_until(lambda: browser.text("#held") == "", "an empty list")


def test_a_held_message_is_found_behind_newer_mail(judged, people, browser):  # noqa: F811
    """The flow shows the newest hundred; what waits for a decision may be older."""
    judged.start()
    held = hold_one(judged, BOB)
    with judged.smtp("plain") as client:
        for _ in range(101):
            send_exact(client, ALICE, [DORA], mimebytes.simple_message(ALICE, DORA))
    judged.await_mail(DORA, 101)
    look(judged, browser, people["quentin"])
    assert held not in browser.text("#flow")
    press(browser, "Decide", "#held")
    assert held in browser.await_text("For this recipient", "#decide")


def test_more_recipients_than_are_shown(judged, people, browser):  # noqa: F811
    """A list of the API ends at 1,000: what nobody has seen is not decided on, though every box is ticked."""
    judged.config["limits"] = {"recipients": 1100}
    judged.start()
    everybody = [f"member{n}@{LOCAL_DOMAIN}" for n in range(1003)]
    exact = hold_one(judged, *everybody[:1000])
    whole = judged.api_json("GET", f"/messages/{exact}")
    assert len(whole["queue"]) == 1000 and whole["more"] is False
    judged.cli("queue", "delete", exact)
    held = hold_one(judged, *everybody)
    listed, = (entry for entry in judged.api_list("messages", "/messages") if entry["id"] == held)
    assert (len(listed["recipients"]), listed["more_recipients"]) == (100, 903)
    assert len(judged.api_json("GET", f"/messages/{held}")["recipients"]) == 1003
    look(judged, browser, people["quentin"])
    assert "and 903 more recipients" in browser.text("#flow") and "member100@" not in browser.text("#flow")
    press(browser, "Decide", "#held")
    shown = browser.await_text("there are more", "#decide")
    assert "its first 1,000 recipients" in shown and "Not to be decided here" not in shown
    keep_screenshot(browser, "held-cut")
    press(browser, "Delete…")
    browser.await_text("Delete for 1,000 recipients?", "#decide")
    press(browser, "Delete")
    wait_until(lambda: "Deleted for 1,000 recipients." in browser.text("#acted-text"), "a thousand orders", 60, details=lambda: browser.text("#decide"))
    left = judged.queue()
    assert len(left) == 3 and {(entry["id"], entry["state"]) for entry in left} == {(held, "held")}
    press(browser, "Decide", "#held")
    shown = browser.await_text("For which recipients", "#decide")
    assert "there are more" not in shown and all(entry["recipient"] in shown for entry in left)
    press(browser, "Delete…")
    press(browser, "Delete")
    browser.await_text("Deleted for 3 recipients.", "#acted-text")
    assert judged.queue() == []
    ended, = (entry for entry in judged.api_list("messages", "/messages") if entry["id"] == held)
    assert "finished" in ended and (len(ended["recipients"]), ended["more_recipients"]) == (100, 903)


def test_by_keyboard_and_for_a_screen_reader(judged, people, browser):  # noqa: F811
    judged.start()
    hold_one(judged, BOB, CAROL)
    look(judged, browser, people["quentin"])
    opener = "document.querySelector('#held button')"
    assert browser.run(f"{opener}.getAttribute('aria-label')").startswith(f"Decide on mail from {STRANGER}")
    browser.run(f"{opener}.focus()")
    key(browser, "Enter", 13)
    browser.await_text("For which recipients", "#decide")
    active = "document.activeElement.id"
    assert browser.run(active) == "decide-title", "what it is about is read first"
    labels = browser.run("[...document.querySelectorAll('#decide input')].map((c) => !!c.labels.length)")
    assert labels == [True, True] and browser.run("document.querySelector('#decide fieldset legend').textContent") == "For which recipients"
    key(browser, "Tab", 9)
    assert browser.run("document.activeElement.type") == "checkbox"
    key(browser, "Escape", 27)
    wait_until(lambda: browser.text("#decide") == "", "the dialog to close")
    assert browser.run("document.activeElement.dataset.key").startswith("list "), "back where one was"
    key(browser, "Enter", 13)
    press(browser, "Delete…")
    browser.await_text("Delete for 2 recipients?", "#decide")
    assert browser.run("document.querySelector('#decide-reason').labels.length") == 1
    browser.run("document.getElementById('decide-reason').focus()")
    key(browser, "Enter", 13)
    browser.await_text("Deleted for 2 recipients.", "#acted-text")
    assert browser.run("document.getElementById('acted-text').getAttribute('role')") == "status"
    assert browser.run("document.getElementById('decide-wrong').getAttribute('role')") == "alert"
    wait_until(lambda: browser.run("document.activeElement.id") == "flow", "the focus to stay near", details=lambda: browser.run("document.activeElement.outerHTML")[:200])


@pytest.mark.parametrize("width", [1280, 360])
def test_it_fits(judged, people, browser, width):  # noqa: F811
    judged.start()
    hostile = f"<img src=x onerror=document.title=1>{'w' * 300}"
    hold_one(judged, *(f"{'long-name-' * 5}{n}@{LOCAL_DOMAIN}" for n in range(12)), extra=(f"X-Long: {hostile}",))
    browser.size(width, 740)
    look(judged, browser, people["quentin"])
    assert no_overflow(browser)
    press(browser, "Decide", "#held")
    browser.await_text("For which recipients", "#decide")
    browser.run("document.querySelector('#decide details summary').click()")
    browser.await_text("onerror", "#decide pre")
    fits = "((d) => d.scrollWidth <= d.clientWidth && d.getBoundingClientRect().right <= innerWidth && d.getBoundingClientRect().bottom <= innerHeight)(document.getElementById('decide'))"
    assert no_overflow(browser) and browser.run(fits)
    keep_screenshot(browser, f"held-many-{width}")
    browser.size(width, 740)
    press(browser, "Delete…")
    browser.await_text("Delete for 12 recipients?", "#decide")
    assert no_overflow(browser) and browser.run(fits)
    assert browser.run("document.images.length") == 0 and browser.run("document.title") == "Postern"
    assert browser.errors() == []
