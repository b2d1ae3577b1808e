"""The page of the X.400 mailbox in a real browser (Chromium): written, submitted, opened, approved, followed, with the mock as the message system.
What the mock cannot bring about is answered in the gateway's place, and the test says so."""

import datetime
import json
import secrets

import pytest

from peers.base import wait_until
from test_page import address, browser, keep_screenshot, no_overflow, token_of  # noqa: F401

ME, BOB = "C=XX;A=MOCK;P=POSTERN;S=Operator", "C=XX;A=MOCK;P=POSTERN;S=Bob"
NOBODY = "C=XX;A=MOCK;P=ELSEWHERE;S=Nobody"
HOSTILE = "<img src=x onerror=document.title='got'>"


@pytest.fixture
def gateway(daemon):
    return daemon.start()


def open_page(gateway, browser, token=None, at="", width=1280):  # noqa: F811
    browser.size(width)
    browser.open(address(gateway).rstrip("/") + "/x400#token=" + (token_of(gateway) if token is None else token))
    if at:
        go(browser, at)


def go(browser, at):  # noqa: F811
    browser.run(f"location.hash = {at!r}")


def press(browser, words, within="#x400"):  # noqa: F811
    """The button of that name, when there is one."""
    found = f"[...document.querySelectorAll({within + ' button'!r})].find((b) => b.textContent === {words!r} && b.checkVisibility() && !b.disabled)"
    wait_until(lambda: browser.run(f"Boolean({found})"), f"a button {words!r}", details=browser.text)
    browser.run(f"{found}.click()")


def put(browser, field, value):  # noqa: F811
    browser.run(f"""(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change', {{ bubbles: true }})); }})(document.querySelector({field!r}))""")


def labelled(browser, words) -> str:  # noqa: F811
    """The selector of a dialog's field, by its label."""
    return "#" + browser.run(f"[...document.querySelectorAll('#ask label')].find((l) => l.textContent.startsWith({words!r})).control.id")


def show_folder(browser, folder):  # noqa: F811
    browser.run(f"location.hash = link({{ folder: {folder!r} }})")
    wait_until(lambda: browser.text("#list-title").lower() == folder.lower(), folder, details=browser.text)


def pick_message(browser, folder, words):  # noqa: F811
    show_folder(browser, folder)
    found = f"[...document.querySelectorAll('#rows a')].find((a) => a.querySelector('.title').textContent.startsWith({json.dumps(words)}))"
    wait_until(lambda: browser.run(f"Boolean({found})"), f"{words!r} in {folder}", details=browser.text)
    browser.run(f"{found}.click()")
    wait_until(lambda: words in browser.text("#reader"), f"{words!r} to be shown", details=browser.text)


def write(browser, to, subject, text="Good morning", **fields):  # noqa: F811
    go(browser, "write=new")
    browser.await_text("New message", "#write")
    for name, value in {"to": to, "subject": subject, "text": text, **fields}.items():
        put(browser, f"#w-{name}", value)


def submit(browser, strategy=None):  # noqa: F811
    """What is written, by the two buttons that it takes."""
    press(browser, "Submit…")
    browser.await_text("It goes out to", "#ask")
    if strategy is not None:
        put(browser, labelled(browser, "How"), str(strategy))
    press(browser, "Submit", "#ask")
    wait_until(lambda: browser.text("#ask") == "", "the question to be answered", details=lambda: browser.text("#ask"))


def access(browser) -> str:  # noqa: F811
    press(browser, "Access now")
    return browser.await_text("Came in:", "#acted")


def draft(gateway, subject, to=BOB, **fields) -> dict:
    return gateway.api_json("POST", "/x400/messages", {"to": [to], "subject": subject, "text": "Good morning", **fields})


def act(gateway, message, what, body=None) -> dict:
    return gateway.api_json("POST", f"/x400/messages/{message['id']}/{what}", body or {})


def state_of(gateway, message) -> str:
    return gateway.api_json("GET", f"/x400/messages/{message['id']}")["state"]


def picture(browser, name):  # noqa: F811
    keep_screenshot(browser, name)
    browser.size(1280)


def assert_fits(browser, widths=(1280, 400, 360)):  # noqa: F811
    for width in widths:
        for dark in (False, True):
            browser.size(width, dark=dark)
            assert no_overflow(browser), (width, dark)
    browser.size(1280)


def test_nothing_yet(gateway, browser):  # noqa: F811
    open_page(gateway, browser)
    browser.await_text("Nothing has come yet", "#list")
    assert browser.run("document.querySelector('nav [aria-current]').textContent") == "X.400"
    assert "postern x400 access" in browser.text("#none"), "what to do next"
    top = browser.text("#mailbox")
    assert "mock" in top and "Operator" in top and "not accessed yet" in top
    for folder, words in (("drafts", "postern x400 create"), ("quarantine", "--strategy 4"), ("sent", "postern x400 submit"), ("archive", "Archive"), ("outbox", "nothing is stuck")):
        show_folder(browser, folder)
        browser.await_text(words, "#none")
        assert browser.run("document.querySelector('#folders [aria-current]').textContent").lower().startswith(folder)
    picture(browser, "x400-empty")
    assert_fits(browser)
    assert browser.errors() == []


def test_from_writing_to_the_receipt(gateway, browser):  # noqa: F811
    """To oneself, through the mock: the message, the delivery report and the receipt notification all come here."""
    open_page(gateway, browser)
    write(browser, ME, "Plan of the route", "The plan,\nas agreed.", report="all", receipt="receipt", importance="high")
    submit(browser, 1)
    browser.await_text("submitted", "#reader .facts")
    shown = browser.await_text("nothing heard yet", "#reader .people")
    assert ME in shown
    browser.run("[...document.querySelectorAll('#reader summary')].find((s) => s.textContent.startsWith('Trace')).click()")
    browser.await_text(" ms", "#reader details[open] .steps")
    assert "1 message, 1 report, 0 notifications" in access(browser)

    pick_message(browser, "inbox", "Report")
    browser.await_text("delivered", "#reader .people")
    browser.run("[...document.querySelectorAll('#reader a')].find((a) => a.textContent === 'the message that was sent').click()")
    wait_until(lambda: browser.text("#list-title") == "Sent" and browser.text("#reader h2") == "Plan of the route", "the message that was sent", details=browser.text)
    assert "delivery report (DR)" in browser.text("#reader .people")
    picture(browser, "x400-delivered")

    pick_message(browser, "inbox", "Plan of the route")
    shown = browser.await_text("Opening it sends a receipt notification", "#reader")
    assert "as agreed." not in shown and "high importance" in shown, "it is not opened by looking at its envelope"
    picture(browser, "x400-receipt")
    press(browser, "Look without opening")
    assert "as agreed." in browser.await_text("The plan,", "#reader")
    assert [m["opened"] for m in gateway.api_json("GET", "/x400/messages?folder=inbox")["messages"] if m["kind"] == "message"] == [False]
    press(browser, "Open and send a receipt")
    browser.await_text("a receipt notification goes out", "#acted")
    wait_until(lambda: "1 notification" in access(browser), "the notification", details=browser.text)
    pick_message(browser, "sent", "Plan of the route")
    shown = browser.await_text("receipt notification (RN)", "#reader .people")
    assert "read" in shown
    assert browser.errors() == []


def test_opened_without_a_receipt(gateway, browser):  # noqa: F811
    act(gateway, draft(gateway, "No answer to this", to=ME, receipt="receipt"), "submit")
    open_page(gateway, browser)
    wait_until(lambda: "1 message" in access(browser), "the message", details=browser.text)
    pick_message(browser, "inbox", "No answer to this")
    press(browser, "Open without a receipt")
    browser.await_text("Good morning", "#reader")
    browser.await_text("no receipt notification is sent", "#acted")
    assert "0 messages, 0 reports, 0 notifications" in access(browser)
    assert gateway.api_json("GET", "/x400/messages?folder=sent")["messages"][0]["outcome"] == "waiting"


def test_a_recipient_whom_nobody_knows(gateway, browser):  # noqa: F811
    open_page(gateway, browser)
    write(browser, f"{BOB}\n{NOBODY}", "To two")
    submit(browser)
    browser.await_text("submitted", "#reader .facts")
    wait_until(lambda: "1 report" in access(browser), "the report", details=browser.text)
    shown = browser.await_text("non-delivery report (NDR)", "#reader .people")
    assert "not delivered" in shown and "nothing heard yet" in shown and NOBODY in shown
    assert "not delivered" in browser.text("#reader .facts"), "the worst is said first"
    picture(browser, "x400-ndr")


def test_what_waits_for_approval(gateway, browser):  # noqa: F811
    first, second = (act(gateway, draft(gateway, subject), "submit", {"strategy": 4}) for subject in ("Approved one", "Refused one"))
    open_page(gateway, browser)
    pick_message(browser, "quarantine", "Approved one")
    assert "Nothing has left yet" in browser.text("#reader")
    press(browser, "Approve…")
    assert BOB in browser.await_text("submitted at once to 1 recipient", "#ask")
    picture(browser, "x400-approve")
    press(browser, "Not now", "#ask")
    assert browser.text("#ask") == "" and state_of(gateway, first) == "held"
    press(browser, "Approve…")
    press(browser, "Approve and submit", "#ask")
    browser.await_text("submitted", "#reader .facts .ok")
    pick_message(browser, "quarantine", "Refused one")
    press(browser, "Refuse…")
    put(browser, labelled(browser, "Why"), "Not before noon")
    press(browser, "Refuse", "#ask")
    assert "Not before noon" in browser.await_text("It was refused", "#reader")
    assert state_of(gateway, second) == "refused"
    browser.await_text("Nothing waits for approval", "#list")
    assert browser.errors() == []


def test_what_is_approved_is_what_is_shown(gateway, browser):  # noqa: F811
    """Under an open page another officer refuses it, and its author changes it and submits it again: under the same id it is another content."""
    act(gateway, held := draft(gateway, "Harmless"), "submit", {"strategy": 4})
    open_page(gateway, browser)
    pick_message(browser, "quarantine", "Harmless")
    browser.await_text("Good morning", "#reader pre")
    press(browser, "Approve…")
    refused = act(gateway, held, "refuse", {"reason": "no"})
    gateway.api_json("PATCH", f"/x400/messages/{held['id']}", {"version": refused["version"], "subject": "Otherwise", "text": "Burn it down"})
    act(gateway, held, "submit", {"strategy": 4})
    press(browser, "Approve and submit", "#ask")
    browser.await_text("read it again", "#ask-wrong")
    assert state_of(gateway, held) == "held"
    press(browser, "Not now", "#ask")
    wait_until(lambda: browser.text("#reader h2") == "Otherwise", "what waits there now", details=browser.text)
    assert "Burn it down" in browser.text("#reader pre") and "Good morning" not in browser.text("#reader")
    press(browser, "Approve…")
    press(browser, "Approve and submit", "#ask")
    browser.await_text("submitted", "#reader .facts .ok")
    assert [error for error in browser.errors() if "409" not in error] == []


def test_a_message_for_later_can_be_taken_back(gateway, browser):  # noqa: F811
    open_page(gateway, browser)
    write(browser, BOB, "For tomorrow")
    press(browser, "Submit…")
    browser.await_text("It goes out to", "#ask")
    put(browser, labelled(browser, "How"), "2")
    assert "Not to be delivered before" in browser.text("#ask")
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
    put(browser, labelled(browser, "Not to be"), tomorrow.strftime("%Y-%m-%dT%H:%M"))
    press(browser, "Submit", "#ask")
    browser.await_text("waits for its delivery time", "#reader")
    assert "Deferred until" in browser.run("document.getElementById('reader').textContent")
    press(browser, "Take back…")
    press(browser, "Take it back", "#ask")
    browser.await_text("taken back before its delivery time", "#reader")
    assert gateway.api_json("GET", "/x400/messages")["messages"][0]["state"] == "cancelled"
    assert browser.errors() == []


def test_files_come_out_as_they_went_in(gateway, browser):  # noqa: F811
    open_page(gateway, browser)
    write(browser, BOB, "With a file")
    browser.run("""(() => { const files = new DataTransfer(); files.items.add(new File(['the plan \\u2713'], 'plan.txt')); document.getElementById('w-files').files = files.files; })()""")
    press(browser, "Keep as draft")
    browser.await_text("plan.txt", "#reader")
    assert browser.text("#list-title") == "Drafts"
    browser.run("window.kept = []; URL.createObjectURL = ((real) => (blob) => { kept.push(blob); return real.call(URL, blob); })(URL.createObjectURL)")
    press(browser, "Save plan.txt")
    wait_until(lambda: browser.run("kept.length") == 1, "the file", details=browser.text)
    assert browser.run("kept[0].text()") == "the plan ✓"
    browser.run("[...document.querySelectorAll('#reader summary')].find((s) => s.textContent === 'Content').click()")
    press(browser, "Save the content as it goes")
    wait_until(lambda: browser.run("kept.length") == 2, "the content", details=browser.text)
    assert browser.run("kept[1].size") == gateway.api_json("GET", "/x400/messages?folder=drafts")["messages"][0]["size"]
    assert browser.errors() == []


def test_a_mistake_in_writing_is_said_and_nothing_is_lost(gateway, browser):  # noqa: F811
    open_page(gateway, browser)
    write(browser, "bob", "Kept in the form", "A long text")
    press(browser, "Keep as draft")
    assert "to" in browser.await_text("It was not kept", "#w-wrong")
    go(browser, "folder=inbox")
    browser.await_text("Nothing has come yet", "#list")
    go(browser, "write=new")
    assert browser.run("document.getElementById('w-text').value") == "A long text"
    put(browser, "#w-to", BOB)
    press(browser, "Keep as draft")
    browser.await_text("A long text", "#reader")
    press(browser, "Submit…", "#reader")
    put(browser, labelled(browser, "How"), "5")
    press(browser, "Submit", "#ask")
    browser.await_text("strategy", "#ask-wrong")
    press(browser, "Not now", "#ask")
    assert browser.text("#list-title") == "Drafts"


def test_a_draft_is_changed_and_nobody_is_overwritten(gateway, browser):  # noqa: F811
    one = draft(gateway, "As it was", cc=[ME], attachments=[{"name": "plan.txt", "base64": "cGxhbg=="}], sensitivity="private", flags=["alternate_allowed"])
    open_page(gateway, browser)
    pick_message(browser, "drafts", "As it was")
    press(browser, "Edit")
    browser.await_text("Change a draft", "#write")
    wait_until(lambda: browser.run("document.getElementById('w-subject').value") == "As it was", "the form to be filled", details=browser.text)
    assert browser.run("['to', 'cc', 'text', 'sensitivity'].map((n) => document.getElementById('w-' + n).value)") == [BOB, ME, "Good morning", "private"]
    assert "keep plan.txt" in browser.text("#w-kept")
    browser.run("document.querySelectorAll('#write details').forEach((d) => { d.open = true; })")
    picture(browser, "x400-edit")
    assert_fits(browser)
    put(browser, "#w-subject", "As it is")
    gateway.api_json("PATCH", f"/x400/messages/{one['id']}", {"version": one["version"], "priority": "urgent"})
    press(browser, "Keep the change")
    browser.await_text("read it again", "#w-wrong")
    assert browser.run("document.getElementById('w-subject').value") == "As it is", "what was written is not lost"
    press(browser, "Read it again")
    wait_until(lambda: browser.run("document.getElementById('w-priority').value") == "urgent", "the other's change", details=browser.text)
    put(browser, "#w-subject", "As it is")
    press(browser, "Keep the change")
    browser.await_text("As it is", "#reader h2")
    now = gateway.api_json("GET", f"/x400/messages/{one['id']}/draft")
    assert (now["subject"], now["priority"], now["sensitivity"], now["flags"], now["cc"]) == ("As it is", "urgent", "private", ["alternate_allowed"], [ME])
    assert [each["name"] for each in now["attachments"]] == ["plan.txt"]
    assert [error for error in browser.errors() if "409" not in error] == []


def test_a_list_is_narrowed(gateway, browser):  # noqa: F811
    for subject, fields in (("Urgent one", {"priority": "urgent"}), ("Usual one", {}), ("Urgent two", {"priority": "urgent"})):
        draft(gateway, subject, **fields)
    open_page(gateway, browser, at="folder=drafts")
    browser.await_text("Usual one", "#rows")
    browser.run("document.getElementById('find').open = true")
    put(browser, "#f-priority", "urgent")
    put(browser, "#f-subject", "ONE")
    picture(browser, "x400-filter")
    assert_fits(browser)
    press(browser, "Show these")
    wait_until(lambda: browser.run("document.querySelectorAll('#rows li').length") == 1, "one of them", details=browser.text)
    assert "Urgent one" in browser.text("#rows") and "2 conditions" in browser.text("#find-head")
    browser.run("document.querySelector('#rows a').click()")
    browser.await_text("Urgent one", "#reader h2")
    assert browser.run("document.querySelectorAll('#rows li').length") == 1, "the list stays as narrow"
    browser.run("document.getElementById('find').open = true")
    put(browser, "#f-subject", "nothing like it")
    press(browser, "Show these")
    browser.await_text("None is like that", "#none")
    browser.run("document.getElementById('find').open = true")
    press(browser, "Show all")
    wait_until(lambda: browser.run("document.querySelectorAll('#rows li').length") == 3, "all of them", details=browser.text)
    assert browser.errors() == []


def test_folders_moving_and_deleting(gateway, browser):  # noqa: F811
    act(gateway, draft(gateway, "To be put away"), "submit")
    open_page(gateway, browser)
    press(browser, "New folder…")
    put(browser, labelled(browser, "Name"), "A & B #1")
    press(browser, "Make it", "#ask")
    browser.await_text("A & B #1", "#folders")
    pick_message(browser, "sent", "To be put away")
    press(browser, "Move…")
    put(browser, labelled(browser, "Folder"), "A & B #1")
    press(browser, "Move", "#ask")
    browser.await_text("Moved to A & B #1", "#acted")
    browser.await_text("Nothing was sent yet", "#list")
    pick_message(browser, "A & B #1", "To be put away")
    assert browser.text("#folder-remove") == "", "it is not empty"
    press(browser, "Archive")
    pick_message(browser, "archive", "To be put away")
    press(browser, "Delete…")
    assert "cannot be brought back" in browser.text("#ask")
    press(browser, "Not now", "#ask")
    assert len(gateway.api_json("GET", "/x400/messages")["messages"]) == 1
    press(browser, "Delete…")
    press(browser, "Delete", "#ask")
    browser.await_text("Nothing is archived", "#list")
    assert gateway.api_json("GET", "/x400/messages")["messages"] == []
    show_folder(browser, "A & B #1")
    press(browser, "Remove folder…")
    press(browser, "Remove", "#ask")
    wait_until(lambda: "A & B #1" not in browser.text("#folders"), "the folder to go", details=browser.text)
    assert browser.errors() == []


def test_an_outcome_that_nobody_knows(gateway, browser):  # noqa: F811
    """The mock always answers: here the gateway's answers are changed on their way to the page."""
    message = draft(gateway, "Between two chairs")
    open_page(gateway, browser)
    browser.await_text("Nothing has come yet", "#list")
    browser.run("""fetch = ((real) => async (path, options) => {
        if (path.endsWith('/resolve')) { window.settled = options.body; return real(path.replace('/resolve', ''), { ...options, method: 'GET', body: undefined }); }
        const answer = await real(path, options);
        return /messages.01/.test(path) ? new Response(JSON.stringify({ ...await answer.json(), state: 'unknown', reason: 'the peer went away' })) : answer; })(fetch)""")
    pick_message(browser, "drafts", "Between two chairs")
    shown = browser.text("#reader")
    assert "outcome unknown" in shown and "the peer went away" in shown and "never submitted again by itself" in shown
    assert "Submit…" not in shown and "Delete…" not in shown
    press(browser, "Settle its outcome…")
    assert "get it twice" in browser.text("#ask")
    press(browser, "Settle it", "#ask")
    assert browser.text("#ask") and browser.run("window.settled") is None, "something is to be chosen first"
    put(browser, labelled(browser, "What is known"), "submitted")
    press(browser, "Settle it", "#ask")
    browser.await_text("Settled.", "#acted")
    assert json.loads(browser.run("window.settled")) == {"as": "submitted"} and message["id"]


SMIME = [({"opened": True, "valid": True, "signed": True, "encrypted": True, "text": "t"}, ["S/MIME signed, encrypted", "ok"]),
         ({"opened": True, "valid": False, "signed": True, "encrypted": False, "text": "t"}, ["S/MIME signature not valid", "bad"]),
         ({"opened": True, "valid": False, "signed": False, "encrypted": True, "text": "t"}, ["S/MIME encrypted", "seal"]),
         ({"opened": False, "valid": False, "reason": "r", "text": "not opened: r"}, ["S/MIME not opened", "bad"])]


def test_verdicts_on_smime_contents(gateway, browser):  # noqa: F811
    """The form of the verdict is the transport's (docs/x400-mailbox.md); the mock seals nothing."""
    open_page(gateway, browser)
    for verdict, wanted in SMIME:
        attributes = json.dumps({"postern.smime": json.dumps(verdict)})
        assert browser.run(f"tags({{ kind: 'message', state: 'received', attributes: {attributes} }}).map((b) => [b.textContent, b.className.split(' ')[1]])") == [wanted]
    assert browser.run("""tags({ kind: 'message', state: 'received', attributes: { 'postern.smime': '{"' } }).length""") == 0, "what is no verdict is none"


def test_hostile_text_stays_text(gateway, browser):  # noqa: F811
    sent = draft(gateway, HOSTILE, to=ME, text="<script>document.title = 'got'</script>", attachments=[{"name": f"{HOSTILE}.txt", "base64": "PGI+"}])
    act(gateway, sent, "submit")
    gateway.api_json("POST", "/x400/folders", {"name": "<b onclick=x>"})
    open_page(gateway, browser)
    wait_until(lambda: "1 message" in access(browser), "the message", details=browser.text)
    for folder in ("sent", "inbox"):
        pick_message(browser, folder, HOSTILE)
        browser.await_text("<script>", "#reader pre")
        press(browser, "Move…")
        assert HOSTILE in browser.text("#ask")
        press(browser, "Not now", "#ask")
    picture(browser, "x400-hostile")
    assert browser.run("document.images.length") == 0 and browser.run("document.querySelectorAll('main script, main b[onclick]').length") == 0
    assert browser.run("document.title") == "Postern"
    markup = browser.run("document.documentElement.outerHTML")
    assert "style=" not in markup and "onclick=x>" not in markup.replace("&gt;", "")
    assert_fits(browser)
    assert browser.errors() == []


def test_a_narrow_screen_shows_one_thing_at_a_time(gateway, browser):  # noqa: F811
    act(gateway, draft(gateway, "A subject that is longer than a narrow screen is wide, in one breath", to="C=XX;A=MOCK;P=POSTERN;O=" + "W" * 60 + ";S=Bob"), "submit")
    open_page(gateway, browser, at="folder=sent", width=400)
    browser.await_text("A subject that is longer", "#rows")
    assert no_overflow(browser) and browser.text("#reader") == ""
    browser.run("document.querySelector('#rows a').click()")
    browser.await_text("Good morning", "#reader")
    assert no_overflow(browser) and browser.text("#list") == "" and browser.text("#folders") == ""
    assert browser.run("document.activeElement.tagName") == "H2", "whoever does not see the screen is where it goes on"
    browser.run("document.querySelectorAll('#reader details').forEach((d) => { d.open = true; })")
    assert no_overflow(browser)
    browser.run("document.querySelector('#reader .back').click()")
    browser.await_text("A subject that is longer", "#rows")
    for at in ("view=associations", "write=new"):
        go(browser, at)
        browser.await_text("Trace bundle" if at.startswith("view") else "New message", "#panes")
        assert_fits(browser, (400, 360))


def test_polling_leaves_everybody_where_he_is(gateway, browser):  # noqa: F811
    """What changes elsewhere comes in by itself; the focus and what is unfolded stay."""
    waits = act(gateway, draft(gateway, "Watched"), "submit", {"strategy": 4})
    open_page(gateway, browser)
    pick_message(browser, "quarantine", "Watched")
    browser.run("[...document.querySelectorAll('#reader summary')].find((s) => s.textContent === 'History').click()")
    browser.run("[...document.querySelectorAll('#folders a')].find((a) => a.textContent.startsWith('Sent')).focus()")
    act(gateway, waits, "approve")
    browser.await_text("submitted", "#reader .facts .ok")
    assert "approve" in browser.text("#reader details[open] .steps")
    assert browser.run("document.activeElement.textContent").startswith("Sent")
    browser.await_text("Nothing waits for approval", "#list")


def test_long_lists_come_in_pages(gateway, browser):  # noqa: F811
    for number in range(55):
        draft(gateway, f"Draft {number}")
    open_page(gateway, browser, at="folder=drafts")
    browser.await_text("Draft 54", "#rows")
    assert browser.run("document.querySelectorAll('#rows li').length") == 50 and browser.text("#newest") == ""
    browser.run("document.getElementById('older').click()")
    browser.await_text("Draft 0", "#rows")
    assert browser.run("document.querySelectorAll('#rows li').length") == 5
    browser.run("document.getElementById('newest').click()")
    browser.await_text("Draft 54", "#rows")


def test_associations(gateway, browser):  # noqa: F811
    open_page(gateway, browser, at="view=associations")
    shown = browser.await_text("Trace bundle", "#links")
    assert "nothing leaves this process" in shown and ME in shown and "No MTA runs here" in shown and "x400.domain" in shown
    assert browser.run("document.querySelector('#folders [aria-current]').textContent") == "Associations"
    browser.run("window.kept = []; URL.createObjectURL = ((real) => (blob) => { kept.push(blob); return real.call(URL, blob); })(URL.createObjectURL)")
    press(browser, "Save the trace bundle")
    wait_until(lambda: browser.run("kept.length") == 1, "the bundle", details=browser.text)
    assert json.loads(browser.run("kept[0].text()").splitlines()[0])["bundle"] == 1
    picture(browser, "x400-associations")
    assert_fits(browser)
    assert browser.errors() == []


def test_an_mta_whose_peer_is_away(daemon, browser):  # noqa: F811
    (daemon.directory / "secret").write_text("a password\n")
    daemon.config["x400"] = {"address": "127.0.0.1:0", "domain": "C=DE;A= ;P=POSTERN", "mta_name": "postern"}
    daemon.config["x400_peer"] = [{"name": "north", "domain": "C=GB;A=GOLD;P=NORTH", "address": "127.0.0.1:1", "password_ref": "file:secret", "peer_password_ref": "file:secret", "tls": "none"}]
    daemon.config["x400_route"] = [{"prefix": "C=DE;A= ;P=POSTERN", "via": "store"}, {"prefix": "C=GB;A=GOLD;P=NORTH", "via": "peer:north"}]
    daemon.start()
    daemon.api_json("POST", "/x400/mailboxes", {"address": "C=DE;A= ;P=POSTERN;S=Alice", "password": "a password for alice"})
    open_page(daemon, browser, at="view=associations")
    shown = browser.await_text("C=DE;A= ;P=POSTERN;S=Alice", "#links")
    assert "north" in shown and "MTA" in shown and "idle" in shown


@pytest.fixture
def officers(daemon):
    """role -> token"""
    tokens = {role: secrets.token_hex(32) for role in ("reader", "quarantine")}
    daemon.environment |= {role.upper(): token for role, token in tokens.items()}
    daemon.config["operator"] = [{"name": role, "role": role, "token_ref": f"env:{role.upper()}"} for role in tokens]
    daemon.start()
    return tokens


def test_what_other_roles_see(daemon, officers, browser):  # noqa: F811
    held = act(daemon, draft(daemon, "For the officer"), "submit", {"strategy": 4})
    open_page(daemon, browser, officers["reader"])
    browser.await_text("ask an admin", "#none")
    assert "Quarantine" in browser.text("#folders")
    go(browser, f"message={held['id']}")
    browser.await_text("ask an admin", "#reader")
    open_page(daemon, browser, officers["quarantine"])
    browser.await_text("the role quarantine sees", "#none")
    pick_message(browser, "quarantine", "For the officer")
    browser.await_text("Good morning", "#reader")
    press(browser, "Approve…")
    press(browser, "Approve and submit", "#ask")
    browser.await_text("the role quarantine sees", "#reader")
    wait_until(lambda: state_of(daemon, held) == "submitted", "it to go out", details=browser.text)


def test_where_there_is_no_mailbox(gateway, browser):  # noqa: F811
    """The daemon always has one; the answer of one that has none is put in its place."""
    open_page(gateway, browser)
    browser.await_text("Nothing has come yet", "#list")
    browser.run("""window.real = fetch; fetch = (path, options) => path.endsWith('/x400/mailbox')
        ? Promise.resolve(new Response(JSON.stringify({ detail: 'no transport is configured' }), { status: 404 })) : real(path, options)""")
    shown = browser.await_text("No X.400 mailbox here", "main")
    assert "no transport is configured" in shown and "postern config check" in shown and "postern x400 bind-test" in shown
    assert browser.text("#panes") == ""
    picture(browser, "x400-absent")
    assert_fits(browser)
    browser.run("fetch = real")
    browser.await_text("Nothing has come yet", "#list")


def test_the_page_wants_the_token(gateway, browser):  # noqa: F811
    open_page(gateway, browser, "wrong")
    browser.await_text("That token was not accepted", "#login")
    assert browser.text("main") == ""
    browser.run(f"document.getElementById('token').value = '{token_of(gateway)}'; document.querySelector('#token-form button').click()")
    browser.await_text("Nothing has come yet", "#list")
    assert browser.text("#login") == ""


def test_a_failed_act_is_said(gateway, browser):  # noqa: F811
    act(gateway, draft(gateway, "Not to be archived"), "submit")
    open_page(gateway, browser)
    pick_message(browser, "sent", "Not to be archived")
    browser.run("""fetch = ((real) => (path, options) => options && options.method === 'POST'
        ? Promise.resolve(new Response(JSON.stringify({ detail: 'the disk is full' }), { status: 503 })) : real(path, options))(fetch)""")
    press(browser, "Archive")
    browser.await_text("the disk is full", "#acted")
    press(browser, "Access now")
    browser.await_text("Nothing came in: the disk is full", "#acted")
    assert not browser.run("document.getElementById('access').disabled")


NAMES = {"C=DE;A= ;P=NORTH;O=Works;S=Doe;G=Jane": "Jane Doe (Works)", "C=DE;A= ;P=NORTH;S=Doe": "Doe (NORTH)", "C=FR;A=SILVER;CN=Dispatch desk": "Dispatch desk (SILVER)",
         "C=DE;P=X;CN=a;;S=b": "a;S=b (X)", "C=DE;A= ;X121=4711": "C=DE;A= ;X121=4711", "": "", "no address": "no address"}


def test_names_in_lists(gateway, browser):  # noqa: F811
    """RFC 1685: a semicolon within a value is doubled and does not end it: nobody passes for another by his common name."""
    open_page(gateway, browser)
    assert {given: browser.run(f"shortName({given!r})") for given in NAMES} == NAMES
