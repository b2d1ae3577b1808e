"""The MTA hook: a client that asks as Stalwart does gets envelope decisions, and nobody else gets anything."""

import contextlib
import json

import dkim
import pytest

from peers import mimebytes
from peers.daemon import LOCAL_DOMAIN
from peers.stalwart import Rejected, StalwartHook
from test_judged import BAD, GOOD, PRIVATE, ZONE, message

ALICE, BOB, CAROL = f"alice@{LOCAL_DOMAIN}", f"bob@{LOCAL_DOMAIN}", "carol@example.org"
PATH, TOKEN = "q7w-Xc81_kLm20vZ", "the token of the hook, 1234"
RAW = mimebytes.simple_message(ALICE, CAROL)
MIXED = ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"]


@pytest.fixture
def hooked(daemon):
    """A daemon with a hook whose token is in a file beside the configuration."""
    zone = daemon.directory / "zone.json"
    zone.write_text(json.dumps({"records": ZONE}))
    daemon.config["dns"] = {"fixture_file": str(zone)}
    daemon.config["authentication"] = {"enabled": True}
    (daemon.directory / "secrets").mkdir()
    (daemon.directory / "secrets/hook").write_text(TOKEN + "\n")
    daemon.config["mta_hook"] = {"enabled": True, "secret_ref": "file:secrets/hook", "path": PATH, "relay_from": ["10.0.0.0/8"]}
    return daemon


def hook(daemon, **options) -> StalwartHook:
    return StalwartHook(daemon.port("http"), PATH, TOKEN, **options)


def refusal(daemon, sender, recipients, raw=RAW, **options) -> str:
    with pytest.raises(Rejected) as refused:
        hook(daemon, **options).session(sender, recipients, raw)
    return refused.value.reply


def state(daemon) -> dict:
    return daemon.get_json("/status")["mta_hook"]


# Stages.

def test_every_stage_accepts_what_nothing_speaks_against(hooked):
    hooked.start()
    hook(hooked, client=GOOD).session("alice@strict.example", [BOB, f"Postmaster@{LOCAL_DOMAIN}", "postmaster", CAROL], message("alice@strict.example"))
    hook(hooked, login=ALICE).session(ALICE, [CAROL], RAW)
    hook(hooked).session("", [BOB], RAW)
    shown = state(hooked)
    assert shown["asked"] == {"connect": 3, "ehlo": 3, "mail": 3, "rcpt": 6, "data": 3}
    assert (shown["accepted"], shown["refused"], shown["deferred"], shown["denied"], shown["malformed"]) == (18, 0, 0, 0, 0)
    assert hooked.queue() == [], "nothing becomes ours"


def test_unknown_recipients(hooked):
    hooked.config["domains"]["recipients"] = [BOB]
    hooked.start()
    hook(hooked, client=GOOD).session("alice@strict.example", [BOB.upper(), f"postmaster@{LOCAL_DOMAIN}", CAROL], message("alice@strict.example"))
    assert refusal(hooked, "alice@strict.example", [BOB, f"nobody@{LOCAL_DOMAIN}"]).startswith("550 5.1.1")
    assert state(hooked)["refused"] == 1
    assert 'postern_mta_hook_answers_total{verdict="refused"} 1' in hooked.get("/metrics")[1].decode()
    assert "mta_hook.refused" in hooked.log_text()


def test_what_is_no_address(hooked):
    hooked.start()
    assert refusal(hooked, "alice", [BOB]).startswith("501 5.1.7")
    assert refusal(hooked, "alice@strict.example", ["@"]).startswith("501 5.1.3")


def test_addresses_as_stalwart_tells_them(hooked):
    """It takes quotes off, and <Postmaster> is an empty address: both were good, and are refused for nothing."""
    hooked.config["domains"]["recipients"] = [f'"b o b"@{LOCAL_DOMAIN}']
    hooked.start()
    hook(hooked, login="al ice").session("al ice@example.org", [f"b o b@{LOCAL_DOMAIN}", "", "odd@one@example.net"], RAW)
    assert refusal(hooked, "al ice@example.org", [f"b ob@{LOCAL_DOMAIN}"]).startswith("550 5.1.1")


def test_a_shredded_tenant(hooked):
    hooked.config["domains"]["local"].append("gone.example")
    hooked.config["tenant"] = [{"name": "gone", "domains": ["gone.example"]}]
    hooked.start()
    hook(hooked, login="a").session("a@gone.example", ["b@gone.example"], RAW)
    hooked.cli("tenant", "shred", "gone", "--confirm", "gone")
    assert refusal(hooked, "a@gone.example", [BOB], login="a").startswith("550 5.7.1")
    assert refusal(hooked, "a@gone.example", [BOB], login="a", stages=("data",)).startswith("550 5.7.1")
    assert refusal(hooked, "alice@strict.example", ["b@gone.example"]).startswith("550 5.7.1")


# Strangers at data.

def test_spf_and_dmarc_of_unsigned_mail(hooked):
    hooked.config["authentication"] |= {"spf_fail": "reject", "dmarc": "enforce"}
    hooked.start()
    strict, silent = message("alice@strict.example"), message("alice@silent.example")
    hook(hooked, client=GOOD).session("alice@strict.example", [BOB], strict)
    assert refusal(hooked, "alice@strict.example", [BOB], strict, client=BAD).startswith("550 5.7.26")
    assert refusal(hooked, "alice@silent.example", [BOB], silent, client=BAD).startswith("550 5.7.23")
    hook(hooked, client="10.1.2.3").session("alice@silent.example", [BOB], silent)
    hook(hooked, client=BAD, login="alice").session("alice@silent.example", [BOB], silent)
    hook(hooked, client=BAD).session("alice@soft.example", [BOB], message("alice@soft.example"))  # quarantine is the milter's
    assert hooked.queue() == []


def test_a_refusal_too_long_for_a_reply_is_one_all_the_same(hooked):
    """Else a stranger whose SPF explains itself at length would be asked back for days."""
    zone = ZONE | {"long.example": [{"type": "TXT", "data": "v=spf1 -all exp=why.long.example"}],
                   "why.long.example": [{"type": "TXT", "data": ["because " * 30] * 3}]}
    (hooked.directory / "zone.json").write_text(json.dumps({"records": zone}))
    hooked.config["authentication"] |= {"spf_fail": "reject"}
    hooked.start()
    reply = refusal(hooked, "alice@long.example", [BOB], message("alice@long.example"), client=BAD)
    assert reply.startswith("550 5.7.23 ") and reply.endswith("...")


def test_what_a_signature_may_still_save_is_left_to_the_milter(hooked):
    """DMARC that passes by DKIM outweighs SPF, and the hook has no body to verify it with."""
    hooked.config["authentication"] |= {"spf_fail": "reject", "dmarc": "enforce"}
    hooked.start()
    raw = message("alice@strict.example")
    hook(hooked, client=BAD).session("alice@strict.example", [BOB], dkim.sign(raw, b"sel", b"strict.example", PRIVATE) + raw)


def test_a_header_that_was_damaged_decides_nothing(hooked):
    hooked.config["authentication"] |= {"dmarc": "enforce"}
    hooked.start()
    raw = message("alice@strict.example").replace(b"Subject: judged", b"Subject: gr\xfcn")
    hook(hooked, client=BAD).session("alice@strict.example", [BOB], raw)


def test_a_header_that_is_none_decides_nothing_and_stops_nothing(hooked):
    hooked.config["authentication"] |= {"dmarc": "enforce"}
    hooked.config["limits"] = {"header_fields": 20}
    hooked.start()
    client = hook(hooked, client=BAD)
    good = client.request("data", "alice@strict.example", [BOB], message("alice@strict.example"))
    assert client.ask(good)[1]["action"] == "reject"
    for more in [["", " x\r\n"]], [["no colon\n", ""]], [["X", " x\r\n"]] * 30:
        odd = json.loads(json.dumps(good))
        odd["message"]["headers"] += more
        assert client.ask(odd) == (200, {"action": "accept"}), more


def test_dns_that_does_not_answer_defers(hooked):
    hooked.config["authentication"] |= {"on_temperror": "defer", "dns_timeout": "1s"}
    hooked.start()
    assert refusal(hooked, "alice@broken.example", [BOB], message("alice@broken.example")).startswith("451 4.4.3")
    assert state(hooked)["deferred"] == 1


# Policy.

def test_policy_that_bounces_for_all(hooked):
    hooked.policy(to="*@example.org", encrypt="must", missing_key="bounce")
    hooked.start()
    mixed = mimebytes.simple_message(ALICE, CAROL, extra=MIXED, body="--b\r\n\r\nx\r\n--b--\r\n")
    reply = refusal(hooked, ALICE, [CAROL, "dave@example.org"], mixed, login=ALICE)
    assert reply.startswith("550 5.7.1 refused by policy: ")
    hook(hooked, login=ALICE).session(ALICE, [CAROL, "dave@example.net"], mixed)  # some get it
    hook(hooked, login=ALICE).session(ALICE, [CAROL], RAW)  # its body may be an OpenPGP message


# Who asks.

def test_without_both_words_there_is_nothing(hooked):
    hooked.start()
    client = hook(hooked)
    good = client.request("mail", "a@example.org", [])
    assert client.ask(good) == (200, {"action": "accept"})
    nowhere = client.ask(good, path="/hooks/nothing")
    for path in ("/hooks/mta/v1/", "/hooks/mta/v1/wrong", f"/hooks/mta/v1/{PATH}x", f"/hooks/mta/v1/{PATH[:-1]}", f"/hooks/mta/v1/{PATH}/", f"/hooks/mta/v2/{PATH}"):
        status, problem = client.ask(good, path=path)
        assert (status, problem["detail"]) == (404, nowhere[1]["detail"]), path
    assert client.ask(good, method="GET")[0] == 404
    for token in (None, "", "wrong", TOKEN + "x", TOKEN[:-1], (hooked.data_dir / "admin.token").read_text().strip()):
        status, problem = client.ask(good, token=token)
        assert status == 401 and not problem.get("detail") and client.headers["WWW-Authenticate"] == "Bearer", token
    assert state(hooked)["denied"] == 6 and state(hooked)["asked"]["mail"] == 1
    assert TOKEN not in hooked.log_text() and PATH not in hooked.log_text()


def test_it_is_off_unless_it_is_wanted(daemon):
    daemon.start()
    assert StalwartHook(daemon.port("http"), PATH, TOKEN).ask({})[0] == 404
    assert "mta_hook" not in daemon.get_json("/status")


@pytest.mark.parametrize("change, named", [({"path": "short"}, "mta_hook.path"), ({"path": "with/a/slash/in/it/and/long"}, "mta_hook.path"),
                                           ({"secret_ref": "plain"}, "mta_hook.secret_ref"), ({"relay_from": ["0.0.0.0/0"]}, "mta_hook.relay_from")])
def test_a_hook_for_everybody_is_a_fault(hooked, change, named):
    hooked.config["mta_hook"] |= change
    hooked.write_config()
    refused = hooked.cli("config", "check", check=False)
    assert refused.returncode != 0 and named in (refused.stdout + refused.stderr).decode()


def test_a_weak_or_missing_token_is_said_by_the_check_and_at_the_start(hooked):
    (hooked.directory / "secrets/hook").write_text("short\n")
    hooked.write_config()
    assert "mta_hook.secret_ref" in hooked.cli("config", "check", check=False).stdout.decode()
    status, log = hooked.start_expecting_failure()
    assert status != 0 and "mta_hook.secret_ref" in log and "short" not in log.replace("shorter", "")
    (hooked.directory / "secrets/hook").unlink()
    status, log = hooked.start_expecting_failure()
    assert status != 0 and "mta_hook.secret_ref" in log


def test_the_token_from_the_environment(hooked):
    hooked.config["mta_hook"]["secret_ref"] = "env:HOOK_TOKEN"
    hooked.environment["HOOK_TOKEN"] = TOKEN
    hooked.start()
    hook(hooked, login=ALICE).session(ALICE, [CAROL], RAW)


# Bad input.

def test_what_is_no_question(hooked):
    hooked.start()
    client = hook(hooked)
    rcpt = client.request("rcpt", "a@example.org", [BOB])
    wrong_ip, no_to, auth, version = (json.loads(json.dumps(rcpt)) for _ in range(4))
    wrong_ip["context"]["client"]["ip"] = "here"
    del no_to["envelope"]["to"][0]["address"]
    auth["context"]["stage"] = "auth"
    version["context"]["protocol"]["version"] = 2
    cases = {b"": "body", b"{": "body", b"[]": "body", b"\xff\xfe": "body", b"[" * 100_000: "body", b'{"a":' * 50_000: "body", b"{}": "context",
             json.dumps(rcpt).encode() + b"{}": "body"}
    cases |= {json.dumps(value).encode(): field for value, field in
              [(wrong_ip, "context.client.ip"), (no_to, "envelope.to[0].address"), (auth, "context.stage"), (version, "context.protocol.version")]}
    for body, field in cases.items():
        status, problem = client.ask(body)
        assert (status, problem["field"]) == (400, field), body[:80]
    assert state(hooked)["malformed"] == len(cases)
    client.session("a@example.org", [BOB], RAW)


def test_large_mail_gets_through(hooked):
    """The stage data tells the whole message, and is what Stalwart asks at unless it is told otherwise."""
    hooked.start()
    hook(hooked, login=ALICE).session(ALICE, [CAROL], RAW + b"line of the body\r\n" * 1_300_000)
    assert state(hooked)["accepted"] == 5


def test_too_large(hooked):
    hooked.config["limits"] = {"http_body_bytes": 200_000}
    hooked.start()
    client = hook(hooked, login=ALICE)
    client.session(ALICE, [CAROL], RAW + b"x" * 150_000)
    with contextlib.suppress(ConnectionError):  # closed before all of it was sent
        assert client.ask(client.request("data", ALICE, [CAROL], RAW + b"x" * 250_000))[0] == 413


def test_a_mailing_list_written_out(hooked):
    hooked.policy(to="*@example.net", encrypt="must", missing_key="bounce")
    hooked.start()
    client, mixed = hook(hooked, login=ALICE), mimebytes.simple_message(ALICE, CAROL, extra=MIXED, body="--b\r\n\r\nx\r\n--b--\r\n")
    members = [f"member{i}@example.net" for i in range(5000)]
    assert client.ask(client.request("data", ALICE, members, mixed)) == (200, {"action": "accept"})
    assert client.ask(client.request("data", ALICE, members[:1000], mixed))[1]["action"] == "reject"


def test_eight_bit_bodies_are_never_answered(hooked):
    hooked.start()
    client = hook(hooked, login=ALICE)
    status, answer = client.ask(client.request("data", ALICE, [CAROL], RAW + bytes(range(128, 256))))
    assert (status, answer) == (200, {"action": "accept"})


def test_a_sealed_engine_defers(hooked):
    hooked.config["engine"] = {"seal": "shamir"}
    hooked.start()
    client = hook(hooked)
    assert client.ask(client.request("connect"))[0] == 503
    assert client.ask(client.request("connect"), token="wrong")[0] == 401
    with pytest.raises(Rejected) as refused:
        client.session("a@example.org", [BOB], RAW)
    assert refused.value.reply.startswith("451")
