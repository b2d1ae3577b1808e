"""Who may do what ([[operator]]): readers look, officers of the quarantine decide on held mail, admins do everything; and held mail that nobody decides on."""

import json
import secrets
import urllib.error
import urllib.request

import pytest

from peers import mimebytes
from peers.base import wait_until
from peers.daemon import LOCAL_DOMAIN, send_exact
from test_judged import BAD, BOB, GOOD, Proxied, bring, judged, message  # noqa: F401: a fixture

ALICE = f"alice@{LOCAL_DOMAIN}"
ULID = "01J0ABCDEFGHJKMNPQRSTVWXYZ"


@pytest.fixture
def people(judged):
    """name -> token; one by a file, one by the environment."""
    tokens = {"olga": secrets.token_hex(32), "quentin": secrets.token_hex(32), "anna": secrets.token_hex(32)}
    file = judged.directory / "olga.token"
    file.write_text(tokens["olga"] + "\n")
    judged.environment |= {"QUENTIN": tokens["quentin"], "ANNA": tokens["anna"]}
    judged.config["operator"] = [{"name": "olga", "role": "reader", "token_ref": f"file:{file}"}, {"name": "quentin", "role": "quarantine", "token_ref": "env:QUENTIN"},
                                 {"name": "anna", "role": "admin", "token_ref": "env:ANNA"}]
    judged.config["verdict"] = [{"name": "suspicious", "when": ["spf=fail"], "action": "quarantine"}]
    return tokens


def ask(daemon, token, method, path, body=None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port('http')}/api/v1{path}", data, method=method, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


LOOKS = ["/operator", "/queue", "/messages", "/keys", "/rotation", "/tenants", "/dns", "/reports", "/reports/received", "/reports/summary", "/outbound/policies", "/outbound/exceptions"]
ACTS = [("GET", "/audit", None), ("POST", "/audit/verify", {}), ("GET", "/users", None), ("POST", "/users", {"name": "x@y.example", "password": "secret secret"}),
        ("DELETE", "/users/x@y.example", None), ("GET", "/config", None), ("GET", "/mail", None), ("POST", "/mail", {}), ("GET", f"/mail/{ULID}", None),
        ("POST", "/keys", {"name": "k", "type": "hmac"}), ("POST", "/keys/dkim_key/rotate", {}), ("POST", "/keys/mail_storage_key/archive", {}),
        ("DELETE", "/keys/dkim_key", {"confirm": "dkim_key"}), ("POST", "/rotation", {"emergency": True}), ("POST", "/tenants/t/shred", {"confirm": "t"}),
        ("POST", "/identities/a@b.example/smime", None), ("GET", "/identities", None), ("POST", "/reports/send", {}), ("POST", "/dns/check", {}), ("POST", "/policy/explain", {}), ("POST", "/verify", None)]


def test_each_role_does_what_it_may_and_nothing_else(judged, people):
    judged.start()
    for path in LOOKS:
        for name in people:
            assert ask(judged, people[name], "GET", path)[0] == 200, (name, path)
    for method, path, body in ACTS:
        for name in ("olga", "quentin"):
            status, said = ask(judged, people[name], method, path, body)
            assert status == 403 and name in said.decode() and "admin" in said.decode(), (name, method, path, status)
    for token in ("", "x" * 64, people["olga"][:-1], people["olga"] + "0"):
        assert ask(judged, token, "GET", "/queue")[0] == 401
    status, said = ask(judged, people["olga"], "POST", "/queue/release", {"all": True})
    assert status == 403 and "quarantine" in json.loads(said)["detail"]
    assert ask(judged, people["anna"], "POST", "/keys", {"name": "hers", "type": "hmac"})[0] == 201
    created = [entry for entry in judged.audit() if entry["kind"] == "key.created"]
    assert [entry["actor"] for entry in created if entry["facts"].get("key") == "hers"] == ["anna"]


def test_the_quarantine_officer_decides_on_held_mail(judged, people):
    judged.start()
    for _ in range(2):
        bring(judged, message("alice@strict.example", f"X-N: {secrets.token_hex(4)}"), "alice@strict.example", BAD)
    first, second = (entry["id"] for entry in judged.queue())
    assert ask(judged, people["olga"], "GET", f"/messages/{first}/content")[0] == 403
    status, content = ask(judged, people["quentin"], "GET", f"/messages/{first}/content")
    assert status == 200 and b"A text." in content
    assert ask(judged, people["quentin"], "POST", "/queue/release", {"id": first}) == (200, b'{"changed":1}')
    judged.await_mail(BOB)
    assert ask(judged, people["quentin"], "POST", "/queue/delete", {"id": second}) == (200, b'{"changed":1}')
    assert judged.queue() == []
    acts = [(entry["kind"], entry["actor"]) for entry in judged.audit() if entry["kind"].startswith("queue.")]
    assert acts == [("queue.release", "quentin"), ("queue.delete", "quentin")] or acts == [("queue.release", "quentin"), ("queue.remove", "quentin")]


def test_the_audit_log_says_who_was_released_and_who_was_deleted(judged, people):
    """One held message, three recipients: each act names those it was for, and what went on names what it comes from."""
    judged.start()
    everybody = [BOB] + [f"{name}@{BOB.split('@')[1]}" for name in ("eve", "dan")]
    with Proxied(judged.port("world"), BAD) as client:
        send_exact(client, "alice@strict.example", everybody, message("alice@strict.example"))
    held = {entry["recipient"]: entry for entry in judged.queue()}
    old = held[BOB]["id"]
    assert ask(judged, people["quentin"], "POST", "/queue/release", {"id": old, "recipient": BOB}) == (200, b'{"changed":1}')
    judged.await_mail(BOB)
    assert ask(judged, people["quentin"], "POST", "/queue/delete", {"id": old}) == (200, b'{"changed":2}')
    records = judged.audit()
    facts = {record["kind"]: record["facts"] for record in records}
    redacted = "*@" + BOB.split("@")[1]

    def places(*whom):
        return ", ".join(sorted(f"{held[one]['item']}.{held[one]['index']}" for one in whom))
    assert (facts["queue.release"]["to"], facts["queue.release"]["entries"]) == (redacted, places(BOB))
    assert (facts["queue.remove"]["to"], facts["queue.remove"]["entries"]) == (f"{redacted}, {redacted}", places(*everybody[1:]))
    released, = [record for record in records if record["kind"] == "message.accepted" and "released_from" in record["facts"]]
    assert released["facts"]["released_from"] == old != released["message"]
    assert not [record for record in records if "eve@" in json.dumps(record) or "dan@" in json.dumps(record)]


def test_mail_on_its_way_is_none_of_his_business(judged, people):
    judged.route("*", "smtp:127.0.0.1:1", tls="none")  # where nobody listens
    judged.config["queue"]["retry"] = ["1h"]
    judged.start()
    judged.submit(to="erin@example.net")
    queued = judged.await_attempt("erin@example.net")["id"]
    quentin = people["quentin"]
    assert ask(judged, quentin, "GET", f"/messages/{queued}/content")[0] == 404
    assert ask(judged, quentin, "POST", "/queue/delete", {"all": True}) == (200, b'{"changed":0}'), "all that is held"
    for verb, body in (("hold", {"id": queued}), ("retry", {"id": queued}), ("delete", {"id": queued, "state": "queued"}), ("release", {"id": queued, "in_clear": True})):
        assert ask(judged, quentin, "POST", f"/queue/{verb}", body)[0] == 403, verb
    assert judged.queue()[0]["state"] == "queued"
    judged.cli("queue", "hold", queued)
    assert ask(judged, quentin, "POST", "/queue/release", {"id": queued}) == (200, b'{"changed":0}'), "what an admin holds is the admin's"
    assert ask(judged, quentin, "GET", f"/messages/{queued}/content")[0] == 404
    assert ask(judged, people["anna"], "GET", f"/messages/{queued}/content")[0] == 200


@pytest.mark.parametrize("record,said", [
    ({"name": "x", "token_ref": "env:SHORT"}, "operator[0].token_ref"), ({"name": "x", "token_ref": "env:NOBODY"}, "operator[0].token_ref"),
    ({"name": "admin", "token_ref": "env:LONG"}, "operator[0].name"), ({"name": "a b", "token_ref": "env:LONG"}, "operator[0].name"),
    ({"name": "x"}, "operator[0].token_ref"), ({"name": "x", "role": "king", "token_ref": "env:LONG"}, "operator[0].role")])
def test_what_cannot_be_is_named(daemon, record, said):
    daemon.environment |= {"SHORT": "short", "LONG": "l" * 40}
    daemon.config["operator"] = [record]
    with pytest.raises(Exception) as refused:
        daemon.start()
    assert said in str(refused.value)


def test_two_operators_need_two_tokens(daemon):
    daemon.environment |= {"LONG": "l" * 40}
    daemon.config["operator"] = [{"name": "x", "token_ref": "env:LONG"}, {"name": "y", "token_ref": "env:LONG"}]
    with pytest.raises(Exception, match=r"operator\[1\].token_ref"):
        daemon.start()


# Held mail that nobody decides on.

def test_held_mail_expires_and_tells_only_who_sent_it(judged, sink):
    """A stranger who may not be who he says gets no bounce (backscatter); our own people, and who is vouched for, do."""
    judged.config["verdict"] = [{"name": "suspicious", "when": [], "action": "quarantine"}]
    judged.config["queue"] |= {"held_expire": "3s"}
    judged.policy(to="*@secret.example", encrypt="must", method="smime", missing_key="hold")
    judged.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    bring(judged, message("forged@strict.example"), "forged@strict.example", BAD)
    bring(judged, message("true@strict.example"), "true@strict.example", GOOD)
    judged.submit(sender=ALICE, to="x@secret.example")
    wait_until(lambda: not [entry for entry in judged.queue() if entry["state"] == "held"], "held mail to expire", 30, details=judged.log_tail)
    ours = judged.await_mail(ALICE)[0]
    assert mimebytes.field(ours, "Content-Type").startswith(b"multipart/report") and b"held for review" in ours
    theirs = sink.for_recipient("true@strict.example", details=judged.log_tail).content
    assert b"held for review" in theirs
    judged.await_empty_queue()
    assert not any("forged@strict.example" in delivery.recipients for delivery in sink.messages)
    acts = sorted((entry["kind"], entry["actor"]) for entry in judged.audit() if entry["kind"].startswith("queue."))
    assert [actor for _, actor in acts] == ["system"] * 3 and len({kind for kind, _ in acts}) == 2


def test_what_an_operator_holds_himself_stays(judged):
    judged.config["queue"] |= {"held_expire": "1s", "retry": ["1h"]}
    judged.route("*", "smtp:127.0.0.1:1", tls="none").start()
    judged.submit(to="erin@example.net")
    entry = judged.await_attempt("erin@example.net")
    judged.cli("queue", "hold", entry["id"])
    bring(judged, message("alice@strict.example"), "alice@strict.example", GOOD)
    judged.await_mail(BOB)
    wait_until(lambda: judged.api("GET", "/queue")[0] == 200 and judged.get_json("/status"), "a look", 5)
    judged.restart()  # it looks at the start
    assert [one["state"] for one in judged.queue()] == ["held"]
