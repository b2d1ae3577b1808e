"""The operator's X.400 mailbox in the daemon: folders, strategies, reports and notifications at the message that was sent; in mock mode out of the box, and natively
between two MTAs with their message stores; kill -9 while it fetches and while it submits."""

import datetime
import hashlib
import json
import pathlib
import threading
import time

import pytest

from peers.base import wait_until

OPERATOR = "C=XX;A=MOCK;P=POSTERN;S=Operator"
STRANGER = "C=XX;A=MOCK;P=POSTERN;S=Roe"
ALICE, BOB = "C=DE;A= ;P=NORTH;O=Works;S=Alice", "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob"
NOBODY = "C=GB;A=GOLD;P=SOUTH;S=Nobody"
SECRETS = ("Kräuterquark", "Geheimsache", "P=SOUTH;O=Hall;S=Bob")


def submit(daemon, to, subject="Good news", *more, check=True):
    done = daemon.cli("--json", "x400", "submit", "new", "--to", to, "--subject", subject, "--text", "Kräuterquark", *more, check=check)
    return json.loads(done.stdout)


def message(daemon, identifier):
    return daemon.api_json("GET", f"/x400/messages/{identifier}")


def folder(daemon, name, kind=None):
    """Newest first."""
    found = daemon.api_list("messages", f"/x400/messages?folder={name}&limit=500")
    return [each for each in found if kind in (None, each["kind"])]


def access(daemon):
    return daemon.api_json("POST", "/x400/access", {"wait": 30})


def fetch_until(daemon, done, what):
    """Brings in what is new until it is there."""
    def looked():
        access(daemon)
        return done()
    return wait_until(looked, what, 30, every=0.2, details=daemon.log_tail)


def outcome(daemon, identifier, wanted, recipient=0):
    def there():
        found = message(daemon, identifier)["recipients"][recipient]
        return found if found["outcome"] == wanted else None
    return fetch_until(daemon, there, f"the outcome {wanted}")


def at_rest(daemon):
    return b"".join(path.read_bytes() for path in (daemon.data_dir / "mail").rglob("*") if path.is_file())


# ---- mock mode, as it is without a setting

def test_out_of_the_box(daemon):
    daemon.start()
    sent = submit(daemon, OPERATOR, "To myself", "--receipt", "--report")
    assert (sent["state"], sent["folder"]) == ("submitted", "sent"), sent
    report = daemon.json("x400", "access")
    assert (report["messages"], report["reports"], report["done"]) == (1, 1, True)
    assert daemon.json("x400", "access")["known"] == 2
    [entry] = [each for each in daemon.json("x400", "list", "--folder", "inbox")["messages"] if each["kind"] == "message"]
    assert entry["subject"] == "To myself" and not entry["opened"] and entry["receipt_requested"]
    shown = daemon.json("x400", "message", entry["id"])
    assert "Kräuterquark" in json.dumps(shown["view"], ensure_ascii=False) and shown["opened"]
    wait_until(lambda: not folder(daemon, "outbox"), "the notification is submitted", 10)
    assert daemon.json("x400", "access")["notifications"] == 1
    assert message(daemon, sent["id"])["outcome"] == "read"
    text = daemon.cli("x400", "message", sent["id"], "--peek").stdout.decode()
    assert "To myself" in text and ": read on 20" in text and "read read" not in text
    health = daemon.json("x400", "health")
    assert health["mode"] == "mock" and health["ok"]


def test_what_the_command_refuses(daemon):
    daemon.start()
    assert daemon.cli("x400", "submit", "new", "--subject", "x", check=False).returncode == 2
    assert daemon.cli("x400", "create", "--to", "nobody", check=False).returncode == 2
    assert daemon.cli("x400", "message", "01M88W6S9KY1TVJYDTRKG2AE8C", check=False).returncode == 1
    assert daemon.cli("x400", "message", "7", check=False).returncode == 2
    draft = daemon.json("x400", "create", "--to", STRANGER, "--subject", "x", "--text", "y")
    assert daemon.cli("x400", "approve", draft["id"], check=False).returncode == 1
    assert daemon.cli("x400", "submit", draft["id"], "--strategy", "2", check=False).returncode == 2
    assert daemon.cli("x400", "submit", draft["id"], "--strategy", "5", check=False).returncode == 2
    assert daemon.cli("x400", "move", draft["id"], "nowhere", check=False).returncode == 1
    assert message(daemon, draft["id"])["state"] == "draft"
    assert daemon.cli("x400", "wait", "--seconds", "1", check=False).returncode == 1


def test_roles(daemon):
    (daemon.directory / "officer").write_text("officer-token-of-quite-enough-length-0001\n")
    (daemon.directory / "reader").write_text("readers-token-of-quite-enough-length-0002\n")
    daemon.config["operator"] = [{"name": "olga", "role": "quarantine", "token_ref": "file:officer"}, {"name": "rita", "role": "reader", "token_ref": "file:reader"}]
    daemon.start()
    held = submit(daemon, STRANGER, "Held", "--strategy", "4")
    sent = submit(daemon, STRANGER, "Sent")
    officer = ("--token", "officer-token-of-quite-enough-length-0001")
    reader = ("--token", "readers-token-of-quite-enough-length-0002")
    assert [each["id"] for each in json.loads(daemon.cli("--json", *officer, "x400", "list", "--folder", "quarantine").stdout)["messages"]] == [held["id"]]
    assert daemon.cli(*officer, "x400", "list", check=False).returncode == 4
    assert daemon.cli(*officer, "x400", "message", sent["id"], "--peek", check=False).returncode == 4
    assert daemon.cli(*officer, "x400", "message", held["id"], "--peek").returncode == 0
    assert daemon.cli(*reader, "x400", "list", "--folder", "quarantine", check=False).returncode == 4
    assert daemon.cli(*reader, "x400", "folder", "list").returncode == 0
    daemon.cli(*officer, "x400", "approve", held["id"])
    wait_until(lambda: message(daemon, held["id"])["state"] == "submitted", "what was approved is submitted", 10)
    [record] = [each for each in daemon.audit() if each["kind"] == "x400.mailbox.approve"]
    assert record["actor"] == "olga"


def test_folders_and_the_bundle(daemon):
    daemon.config["tracing"] = {"trace_bundle_path": "support.jsonl"}
    daemon.config["submit"] = {"default_strategy": 1}
    daemon.start()
    daemon.cli("x400", "folder", "add", "Exercises")
    sent = submit(daemon, STRANGER, "Geheimsache")
    daemon.cli("x400", "move", sent["id"], "Exercises")
    assert daemon.cli("x400", "folder", "remove", "Exercises", check=False).returncode == 1
    [own] = [each for each in daemon.json("x400", "folder", "list")["folders"] if each["own"]]
    assert own == {"name": "Exercises", "own": True, "messages": 1, "unopened": 0}
    steps = [each["step"] for each in daemon.json("x400", "message", sent["id"], "--trace")["trace"]]
    assert steps == ["intent", "bind", "content", "submit"]
    lines = [json.loads(line) for line in daemon.cli("x400", "trace-bundle").stdout.decode().splitlines()]
    assert lines[0]["bundle"] == 1 and [line["step"] for line in lines if "step" in line] == steps
    written = daemon.json("x400", "trace-bundle", "--write")
    text = pathlib.Path(written["path"]).read_text()
    assert len(text.splitlines()) == written["lines"] == len(lines)
    assert not [secret for secret in ("Geheimsache", "Roe", "Operator", "Exercises", "MOCK") if secret in text]
    assert pathlib.Path(written["path"]).stat().st_mode & 0o777 == 0o600
    daemon.cli("x400", "archive", sent["id"])
    daemon.cli("x400", "delete", sent["id"])
    assert daemon.cli("x400", "message", sent["id"], check=False).returncode == 1
    assert "Geheimsache" not in daemon.log_text() and "S=Roe" not in daemon.log_text()


def test_a_draft_is_changed_by_one_at_a_time(daemon, workdir):
    (workdir / "plan.txt").write_text("the plan")
    (workdir / "list.txt").write_text("the list")
    daemon.start()
    draft = daemon.json("x400", "create", "--to", STRANGER, "--subject", "First", "--text", "Kräuterquark", "--attach", workdir / "plan.txt", "--expires", "2036-01-01T00:00:00Z", "--alternate-allowed")
    seen = draft["version"]
    changed = daemon.json("x400", "edit", draft["id"], "--subject", "Second", "--keep", "2", "--attach", workdir / "list.txt", "--clear", "expires", "--priority", "urgent", "--return-content")
    assert (changed["id"], changed["subject"], changed["priority"], changed["expires"]) == (draft["id"], "Second", "urgent", None)
    late = daemon.cli("x400", "edit", draft["id"], "--version", str(seen), "--subject", "Too late", check=False)
    assert late.returncode == 1 and b"read it again" in late.stdout + late.stderr, late
    status, problem = daemon.api("PATCH", f"/x400/messages/{draft['id']}", {"version": seen, "subject": "Too late"})
    assert status == 409 and b"version" in problem
    assert daemon.api("PATCH", f"/x400/messages/{draft['id']}", {"subject": "x"})[0] == 400, "nobody changes what he has not seen"
    form = daemon.api_json("GET", f"/x400/messages/{draft['id']}/draft")
    assert (form["subject"], form["text"], form["version"]) == ("Second", "Kräuterquark", changed["version"])
    assert form["flags"] == ["alternate_allowed", "return_content"], "what is not named stays"
    assert [each["name"] for each in form["attachments"]] == ["plan.txt", "list.txt"]
    assert daemon.cli("x400", "submit", draft["id"], "--version", str(seen), check=False).returncode == 1
    given = daemon.json("x400", "create", "--to", STRANGER, "--subject", "Third", "--text", "t", "--attach", workdir / "plan.txt", "--sensitivity", "private")
    daemon.cli("x400", "edit", given["id"], "--content", workdir / "list.txt", "--content-type", "1.3.6.1.4.1.55555.1")
    form = daemon.api_json("GET", f"/x400/messages/{given['id']}/draft")
    assert (form["content"]["octets"], form["subject"], form["sensitivity"], form["attachments"]) == (8, "", "none", []), "in place of the heading as well"
    refused = daemon.cli("x400", "edit", given["id"], "--subject", "Fourth", check=False)
    assert refused.returncode == 2 and b"stands in place of subject" in refused.stderr, refused
    daemon.cli("x400", "submit", draft["id"], "--version", str(changed["version"]))
    assert daemon.cli("x400", "edit", draft["id"], "--subject", "x", check=False).returncode == 1, "it has gone out"
    records = [each for each in daemon.audit() if each["kind"] == "x400.mailbox.edit"]
    assert len(records) == 2 and "Second" not in json.dumps(records)


def test_lists_and_waiting_are_filtered(daemon):
    daemon.start()
    sent = submit(daemon, OPERATOR, "Übung Nord", "--priority", "urgent", "--content-identifier", "Exercise 7", "--report")
    submit(daemon, STRANGER, "Übung Süd")
    waited = daemon.json("x400", "wait", "--seconds", "20", "--priority", "urgent", "--subject", "übung")
    assert [each["subject"] for each in waited["messages"]] == ["Übung Nord"], "its report is none of those"

    def subjects(*filters):
        return [each["subject"] for each in daemon.json("x400", "list", *filters)["messages"]]

    assert subjects("--folder", "sent", "--subject", "NORD") == ["Übung Nord"]
    assert subjects("--folder", "sent", "--to", "s=roe;p=postern") == ["Übung Süd"]
    assert subjects("--content-identifier", "exercise 7") == ["Übung Nord"]
    assert subjects("--folder", "sent", "--reports", "1") == subjects("--folder", "sent", "--outcome", "delivered,read") == ["Übung Nord"]
    assert len(subjects("--kind", "report")) == 1 and subjects("--since", "2036-01-01T00:00:00Z") == []
    assert daemon.cli("x400", "list", "--state", "lost", check=False).returncode == 2
    page = daemon.api_json("GET", f"/x400/messages?folder=sent&limit=1&before={sent['id']}")
    assert page == {"messages": [], "next": None}


# ---- native: two MTAs, two stores, and each daemon's mailbox at its own store

class Side:
    """A daemon that is MTA, message store and operator's mailbox."""

    def __init__(self, daemon, name, domain, user):
        self.daemon, self.name, self.domain, self.user = daemon, name, domain, user
        daemon.config["x400"] = {"domain": domain, "mta_name": name, "address": "127.0.0.1:0"}
        daemon.config["x400_route"] = [{"prefix": domain, "via": "store"}]
        (daemon.directory / "shared").write_text("between MTAs\n")
        daemon.start()
        daemon.cli("x400", "ms", "add", user, input=b"secret words\n")
        daemon.stop()

    def join(self, other):
        config, port = self.daemon.config, self.daemon.ports["x400"]
        config["x400"]["address"] = f"127.0.0.1:{port}"
        config["x400_peer"] = [{"name": other.name, "domain": other.domain, "address": f"127.0.0.1:{other.daemon.ports['x400']}",
                                "password_ref": "file:shared", "peer_password_ref": "file:shared", "tls": "none"}]
        config["x400_route"].append({"prefix": other.domain, "via": f"peer:{other.name}"})
        config["transport"] = {"mode": "native", "profiles_dir": "profiles", "tls": {"enabled": False}}
        profiles = self.daemon.directory / "profiles"
        profiles.mkdir()
        (profiles / "words").write_text("secret words\n")
        (profiles / "default.toml").write_text(f'peer = "127.0.0.1:{port}"\nrole = "p7"\nuser = "{self.user}"\npassword_ref = "file:words"\n')
        self.daemon.start()


@pytest.fixture
def pair(make_daemon):
    north = Side(make_daemon(name="north"), "north", "C=DE;A= ;P=NORTH", ALICE)
    south = Side(make_daemon(name="south"), "south", "C=GB;A=GOLD;P=SOUTH", BOB)
    north.join(south), south.join(north)
    return north.daemon, south.daemon


def received(daemon, count=1):
    """What lies in the inbox, once there are so many messages."""
    return fetch_until(daemon, lambda: len(found := folder(daemon, "inbox", "message")) >= count and found, f"{count} messages")


def test_reports_and_notifications_stand_at_the_message(pair):
    north, south = pair
    assert north.json("x400", "health")["mode"] == "native"
    sent = submit(north, BOB, "Geheimsache", "--receipt", "--report")
    [got] = received(south)
    assert got["subject"] == "Geheimsache" and got["from"] == ALICE and got["receipt_requested"]
    assert outcome(north, sent["id"], "delivered")["delivered_at"]
    south.cli("x400", "message", got["id"])
    south.cli("x400", "message", got["id"])
    read = outcome(north, sent["id"], "read")
    assert read["read_at"], read
    assert len(folder(north, "inbox", "notification")) == 1, "one opening, one notification"
    about = folder(north, "inbox", "report") + folder(north, "inbox", "notification")
    assert {each["subject_message"] for each in about} == {sent["id"]}

    unread = submit(north, BOB, "Not read", "--receipt")
    received(south, 2)
    south.cli("x400", "delete", folder(south, "inbox", "message")[0]["id"], "--store")
    outcome(north, unread["id"], "not read")
    assert access(south)["messages"] == 0

    lost = submit(north, NOBODY, "To nobody")
    assert "not delivered" in outcome(north, lost["id"], "not delivered")["words"]
    assert message(north, lost["id"])["outcome"] == "not delivered"
    for daemon in pair:
        stored = at_rest(daemon)
        assert not [secret for secret in SECRETS[:2] if secret.encode() in stored], "encrypted at rest"
        assert not [secret for secret in SECRETS[:2] if secret in daemon.log_text()], "redacted"
        assert daemon.cli("audit", "verify").returncode == 0
        facts = json.dumps([each["facts"] for each in daemon.audit() if each["kind"].startswith("x400.mailbox.")])
        assert facts and not [secret for secret in SECRETS if secret in facts]
    assert BOB not in north.log_text(), "recipients are not logged"


def test_all_strategies(pair, workdir):
    north, south = pair
    for strategy in ("0", "1", "3"):
        sent = submit(north, BOB, f"Strategy {strategy}", "--strategy", strategy)
        assert (sent["state"], sent["folder"], sent["strategy"]) == ("submitted", "sent", int(strategy)), sent
        traced = north.json("x400", "message", sent["id"], "--trace")["trace"]
        assert [each["step"] for each in traced] == (["intent", "bind", "content", "submit"] if strategy == "1" else [])
        if strategy == "3":
            wait_until(lambda: message(north, sent["id"])["history"][-1]["what"] == "stored_copy_verified", "the stored copy is verified", 10)

    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    deferred = submit(north, BOB, "Strategy 2", "--strategy", "2", "--defer", later)
    assert (deferred["state"], deferred["deferred_until"][:19]) == ("submitted", later[:19])
    north.cli("x400", "cancel", deferred["id"])
    assert message(north, deferred["id"])["state"] == "cancelled"
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    submit(north, BOB, "Strategy 2 soon", "--defer", soon)

    held = submit(north, BOB, "Strategy 4", "--strategy", "4")
    assert (held["state"], held["folder"]) == ("held", "quarantine")
    refused = submit(north, BOB, "Strategy 4 refused", "--strategy", "4")
    north.cli("x400", "refuse", refused["id"], "--reason", "not on Sundays")
    assert message(north, refused["id"])["reason"] == "not on Sundays"
    north.cli("x400", "approve", held["id"])

    content = bytes(range(256)) * 300
    (workdir / "content").write_bytes(content)
    passed = json.loads(north.cli("--json", "x400", "submit", "new", "--to", BOB, "--strategy", "5", "--content", workdir / "content", "--content-type",
                                  "1.3.6.1.4.1.55555.1").stdout)
    assert passed["state"] == "submitted", passed
    got = received(south, 6)
    assert sorted(each["subject"] for each in got) == ["", "Strategy 0", "Strategy 1", "Strategy 2 soon", "Strategy 3", "Strategy 4"]
    [octets] = [each for each in got if not each["subject"]]
    south.cli("x400", "message", octets["id"], "--raw", workdir / "raw")
    assert (workdir / "raw").read_bytes() == content and octets["content_type"] == "1.3.6.1.4.1.55555.1"
    assert octets["sha256"] == hashlib.sha256(content).hexdigest() == passed["sha256"]


def test_everything_that_a_submission_may_say_arrives(pair):
    """X.411 8.2.1.1.1 and X.420 7.2 through P7, P1 and back out of the other store."""
    north, south = pair
    earlier = submit(north, BOB, "Earlier")
    sent = submit(north, BOB, "Everything", "--priority", "urgent", "--importance", "high", "--sensitivity", "company_confidential", "--expires", "2036-01-01T00:00:00Z", "--reply-by",
                  "2035-01-01T00:00:00Z", "--reply-recipient", ALICE, "--authorizing", ALICE, "--obsoletes", earlier["id"], "--related", f"42 of {BOB}", "--language", "de",
                  "--auto-submitted", "auto_generated", "--receipt", "--return-message", "--reply-requested", "--precedence", "5", "--report", "--latest", "2036-01-01T00:00:00Z",
                  "--content-identifier", "Exercise 7", "--alternate", ALICE, "--disclose-recipients", "--conversion-prohibited", "--alternate-allowed", "--return-content",
                  "--expansion-prohibited", "--reassignment-prohibited")
    assert (sent["content_identifier"], sent["sensitivity"], len(sent["flags"]), sent["recipients"][0]["alternate"]) == ("Exercise 7", "company_confidential", 6, ALICE)
    [got] = [each for each in received(south, 2) if each["subject"] == "Everything"]
    assert (got["priority"], got["importance"], got["sensitivity"]) == ("urgent", "high", "company_confidential")
    assert (got["expires"][:10], got["reply_by"][:10]) == ("2036-01-01", "2035-01-01")
    heading = json.dumps(south.json("x400", "message", got["id"])["view"]["fields"], ensure_ascii=False)
    for said in (earlier["ipm_identifier"], "42 of", "de", ALICE, "generated by a program"):
        assert said in heading, (said, heading)
    assert outcome(north, sent["id"], "read")["read_at"]
    text = north.cli("x400", "message", sent["id"], "--peek").stdout.decode()
    assert "Content identifier: Exercise 7" in text and "precedence 5" in text and "Sensitivity: company_confidential" in text


def test_files_and_blind_copies(pair, workdir):
    north, south = pair
    (workdir / "plan.pdf").write_bytes(b"%PDF" + bytes(400_000))
    sent = submit(north, BOB, "With a file", "--attach", workdir / "plan.pdf", "--bcc", ALICE, "--importance", "high", "--priority", "urgent")
    assert len(sent["copies"]) == 2
    [got] = received(south)
    assert got["importance"] == "high" and got["priority"] == "urgent"
    (workdir / "saved").mkdir()
    south.cli("x400", "message", got["id"], "--save", workdir / "saved")
    assert (workdir / "saved" / "plan.pdf").read_bytes() == (workdir / "plan.pdf").read_bytes()
    assert "Alice" not in json.dumps(message(south, got["id"])["to"])
    received(north)


def test_a_peer_that_is_not_there(pair):
    north, south = pair
    south.stop()
    profile = north.directory / "profiles" / "default.toml"
    right = profile.read_text()
    profile.write_text(right.replace(str(north.ports["x400"]), "9"))
    failed = submit(north, BOB, "Later", check=False)
    assert failed["state"] == "failed" and failed["folder"] == "outbox" and failed["reason"], failed
    assert north.cli("x400", "access", check=False).returncode != 0
    assert not north.api_json("GET", "/x400/mailbox")["ok"]
    profile.write_text(right)
    assert north.json("x400", "submit", failed["id"])["state"] == "submitted"


def test_kill_while_it_fetches(pair):
    """Whenever the process ends: every message is in the inbox once."""
    north, south = pair
    wanted = {submit(north, BOB, f"Number {n}", "--no-report")["subject"] for n in range(40)}
    wait_until(lambda: not north.queue(), "all are transferred", 30)
    for n in range(6):
        _begin_access(south)
        time.sleep(0.02 * n)
        south.crash_and_restart()
    received(south, len(wanted))
    subjects = [each["subject"] for each in folder(south, "inbox", "message")]
    assert sorted(subjects) == sorted(wanted)


def _begin_access(daemon):
    """Without waiting for its end."""
    threading.Thread(target=lambda: _quietly(lambda: daemon.api("POST", "/x400/access", {"wait": 5}, timeout=5)), daemon=True).start()


def _quietly(call):
    try:
        call()
    except OSError:
        pass


def test_kill_while_it_submits(pair):
    """Whenever the process ends: nothing is submitted twice, what is said to be submitted is, and what is unknown says so and is settled by its report."""
    north, south = pair
    sent = {}
    for turn in range(5):
        for n in range(6):
            name = f"Turn {turn} number {n}"
            draft = north.api_json("POST", "/x400/messages", {"to": [BOB], "subject": name, "text": "x", "report": "all"})
            north.api_json("POST", f"/x400/messages/{draft['id']}/submit", {})
            sent[draft["id"]] = name
        time.sleep(0.03 * turn)
        north.crash_and_restart()

    def at_rest_again():
        return not [each for each in folder(north, "outbox") if each["state"] in ("queued", "submitting")]
    wait_until(at_rest_again, "no submission under way", 60, details=north.log_tail)
    states = {identifier: message(north, identifier)["state"] for identifier in sent}
    assert set(states.values()) <= {"submitted", "unknown"}, states
    certain = [sent[identifier] for identifier, state in states.items() if state == "submitted"]
    received(south, len(certain))
    wait_until(lambda: not north.queue() and not south.queue(), "nothing is under way", 60)
    access(south)
    subjects = [each["subject"] for each in folder(south, "inbox", "message")]
    assert len(subjects) == len(set(subjects)), "nothing twice"
    assert set(certain) <= set(subjects) <= set(sent.values())

    def settled():
        unknown = [identifier for identifier in sent if message(north, identifier)["state"] == "unknown"]
        return not [each for each in unknown if sent[each] in subjects]
    fetch_until(north, settled, "reports settle what was delivered")
    for identifier in sent:
        if message(north, identifier)["state"] == "unknown":
            assert north.json("x400", "resolve", identifier, "--as", "failed")["state"] == "failed"
            assert north.json("x400", "submit", identifier)["state"] == "submitted"
    received(south, len(sent))
    assert sorted(each["subject"] for each in folder(south, "inbox", "message")) == sorted(sent.values())
