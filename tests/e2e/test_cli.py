"""The command: answers, exit statuses (0 done, 1 no, 2 usage, 3 unreachable, 4 not permitted, 5 internal), --json, help, configuration, keys."""

import json

import pytest

from peers import mimebytes
from peers.base import free_port


def test_status_says_what_an_operator_must_see(daemon):
    daemon.start()
    status = daemon.json("status")
    assert status["mode"] == "development" and status["warnings"], status
    listeners = {listener["name"]: listener for listener in status["listeners"]}
    assert set(listeners) >= {"mx", "plain", "submission", "submissions", "lmtp"}
    assert listeners["mx"]["tls"] == "required"
    assert any("plain" in warning for warning in status["warnings"]), "a listener without TLS is a warning"
    text = daemon.cli("status").stdout.decode()
    assert "mx" in text and "development" in text and "\x1b[" not in text


def test_status_matches_http(daemon):
    daemon.start()
    assert daemon.get_json("/status")["mode"] == daemon.json("status")["mode"]
    assert daemon.get("/healthz")[0] == 200 and daemon.get("/readyz")[0] == 200


def test_metrics_count_messages(daemon):
    daemon.start()
    before = daemon.metrics()
    daemon.submit(to="bob@postern.example")
    daemon.await_mail("bob@postern.example")
    after = daemon.metrics()
    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert any("accepted" in name or "messages" in name for name in grown), sorted(grown)
    assert all(name.startswith(("postern_", "process_")) for name in after), sorted(after)[:10]


def test_the_live_page_and_the_api_need_no_outside_help(daemon):
    daemon.start()
    daemon.submit(to="bob@postern.example")
    status, page = daemon.get("/")
    assert status == 200 and b"<html" in page.lower() and b"http://" not in page.replace(b"http://www.w3.org", b"") and b"https://" not in page


def test_unknown_paths_are_problem_documents(daemon):
    daemon.start()
    status, body = daemon.get("/api/v1/no-such-thing")
    assert status in (401, 404) and json.loads(body)["code"], body


def test_the_api_wants_the_token(daemon):
    daemon.start()
    status, body = daemon.get("/api/v1/queue")
    assert status == 401 and json.loads(body)["code"], (status, body)


def test_a_wrong_token_is_status_4(daemon):
    daemon.start()
    assert daemon.cli("--token", "wrong", "queue", "list", check=False).returncode == 4


def test_no_daemon_is_status_3(daemon):
    daemon.start()
    daemon.stop()
    done = daemon.cli("status", check=False)
    assert done.returncode == 3 and done.stderr and not done.stdout, done
    assert daemon.cli("--api", f"http://127.0.0.1:{free_port()}", "status", check=False).returncode == 3


@pytest.mark.parametrize("arguments", [["nonsense"], ["queue"], ["queue", "fly"], ["--no-such-option", "status"], ["mail", "show"], ["status", "extra"]])
def test_usage_errors_are_status_2(daemon, arguments):
    daemon.start()
    done = daemon.cli(*arguments, check=False)
    assert done.returncode == 2 and done.stderr, (arguments, done)


VERBS = [["status"], ["send"], *(["mail", verb] for verb in ("list", "show", "verify")), *(["audit", verb] for verb in ("list", "verify")),
         *(["queue", verb] for verb in ("list", "show", "hold", "release", "retry", "delete")),
         *(["key", verb] for verb in ("list", "show", "create", "rotate")), *(["user", verb] for verb in ("add", "list", "delete")),
         ["identity", "certificate"], ["policy", "explain"], *(["config", verb] for verb in ("check", "show", "reference"))]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(daemon, verb):
    daemon.write_config()
    done = daemon.cli(*verb, "--help")
    example = done.stdout.decode().rpartition("Example: ")[2]
    assert "postern " in example and " ".join(verb) in example, f"no example in the help of {' '.join(verb)}: {done.stdout.decode()}"


@pytest.mark.parametrize("verb", [["status"], ["mail", "list"], ["audit", "list"], ["audit", "verify"], ["queue", "list"], ["key", "list"], ["config", "show"], ["config", "check"]],
                         ids=" ".join)
def test_json_is_one_document_and_nothing_else(daemon, verb):
    daemon.start()
    done = daemon.cli("--json", *verb)
    json.loads(done.stdout)


def test_policy_explain_tells_what_would_happen(daemon):
    daemon.policy(name="partners", to="*@partner.example", encrypt="must", missing_key="hold")
    daemon.start()
    raw = mimebytes.simple_message("alice@postern.example", "carol@partner.example")
    answer = json.loads(daemon.cli("--json", "policy", "explain", "--from", "alice@postern.example", "--to", "carol@partner.example", "--message", "-", input=raw).stdout)
    assert (answer["action"], answer["rule"]) == ("hold", "partners") and answer["reason"]
    answer = json.loads(daemon.cli("--json", "policy", "explain", "--from", "alice@postern.example", "--to", "bob@open.example", "--message", "-", input=raw).stdout)
    assert (answer["action"], answer["encrypt"]) == ("deliver", "none")
    assert daemon.queue() == [] and daemon.mailbox() == [], "explaining sends nothing"


def test_policy_explain_works_on_files_alone(daemon, authority):
    """No daemon, no state: the configuration, the certificate folders and the message; sender and recipients are the message's own."""
    daemon.policy(name="partners", **{"from": "*@postern.example"}, to="*@partner.example", sign="auto", encrypt="must", missing_key="hold")
    (daemon.smime_directory / "carol.pem").write_bytes(authority.person("carol@partner.example").cert_pem)
    daemon.write_config()
    raw = mimebytes.simple_message("alice@postern.example", ["carol@partner.example", "dora@partner.example"], extra=["Cc: eve@open.example"])
    message = daemon.directory / "m.eml"
    message.write_bytes(raw)
    answers = [json.loads(line) for line in daemon.cli("--json", "policy", "explain", "--message", message).stdout.splitlines()]
    assert [(a["recipient"], a["action"], a["encrypt"], a["rule"]) for a in answers] == [
        ("carol@partner.example", "deliver", "smime", "partners"), ("dora@partner.example", "hold", "none", "partners"), ("eve@open.example", "deliver", "none", "")]
    text = daemon.cli("policy", "explain", "--message", message, "--from", "zoe@elsewhere.example", "--to", "carol@partner.example").stdout.decode()
    assert "none matched" in text
    assert not daemon.data_dir.exists() and not daemon.running()
    assert daemon.cli("policy", "explain", "--message", message, "--live", check=False).returncode == 3


def test_policy_explain_asks_the_daemon_when_told_to(daemon):
    daemon.policy(name="partners", to="*@partner.example", encrypt="must", missing_key="hold")
    daemon.start()
    raw = mimebytes.simple_message("alice@postern.example", "carol@partner.example")
    answer = json.loads(daemon.cli("--json", "policy", "explain", "--live", "--message", "-", input=raw).stdout)
    assert (answer["recipient"], answer["action"], answer["rule"]) == ("carol@partner.example", "hold", "partners")


def test_user_add_list_delete(daemon):
    daemon.start()
    daemon.cli("user", "add", "alice@postern.example", "--sender", "alice@postern.example", input=b"a password for alice\n")
    user, = daemon.records("users", "user", "list")
    assert user["name"] == "alice@postern.example" and user["senders"] == ["alice@postern.example"] and "password" not in str(user)
    daemon.cli("user", "delete", "alice@postern.example")
    assert daemon.records("users", "user", "list") == []
    assert daemon.cli("user", "delete", "alice@postern.example", check=False).returncode == 1
    assert daemon.cli("user", "add", "bob", check=False, input=b"").returncode in (1, 2), "no password, no user"


def test_identity_certificate_prints_what_correspondents_need(daemon):
    daemon.start()
    assert b"BEGIN CERTIFICATE" in daemon.cli("identity", "certificate", "alice@postern.example").stdout
    assert b"BEGIN PGP PUBLIC KEY BLOCK" in daemon.cli("identity", "certificate", "alice@postern.example", "--kind", "openpgp").stdout


def test_send_sends(daemon):
    daemon.start()
    raw = mimebytes.simple_message("alice@postern.example", "bob@postern.example", subject="from the command line")
    daemon.cli("send", "--from", "alice@postern.example", "--to", "bob@postern.example", "--message", "-", input=raw)
    assert b"from the command line" in daemon.await_mail("bob@postern.example")[0]


# Keys (capability K7, first floor).

def test_the_named_keys_exist_from_the_start(daemon):
    daemon.start()
    keys = {key["name"]: key["type"] for key in daemon.records("keys", "key", "list")}
    assert {name: keys.get(name) for name in ("mail_storage_key", "dkim_key", "api_hmac_key", "pgp_key_encryption")} == {
        "mail_storage_key": "aes256-gcm96", "dkim_key": "ed25519", "api_hmac_key": "hmac", "pgp_key_encryption": "aes256-gcm96"}


def test_no_key_verb_shows_private_material(daemon):
    daemon.start()
    for key in daemon.records("keys", "key", "list"):
        shown = daemon.cli("--json", "key", "show", key["name"]).stdout
        assert b"PRIVATE" not in shown and b"private" not in shown.lower().replace(b"private_", b"")


def test_rotate_makes_a_new_version_and_old_mail_stays_readable(daemon):
    daemon.start()
    raw = daemon.submit(to="bob@postern.example")
    daemon.await_mail("bob@postern.example")
    daemon.cli("key", "rotate", "mail_storage_key")
    assert daemon.json("key", "show", "mail_storage_key")["latest_version"] == 2
    second = daemon.submit(to="bob@postern.example")
    daemon.restart()
    stored = daemon.await_mail("bob@postern.example", 2)
    assert mimebytes.carries_unchanged(raw, stored[0]) and mimebytes.carries_unchanged(second, stored[1])


def test_create_and_refuse_a_bad_name(daemon):
    daemon.start()
    daemon.cli("key", "create", "my_key", "--type", "ecdsa-p256")
    assert "BEGIN PUBLIC KEY" in daemon.public_key("my_key")
    assert daemon.cli("key", "create", "../evil", "--type", "ed25519", check=False).returncode in (1, 2)
    assert daemon.cli("key", "create", "my_key2", "--type", "rot13", check=False).returncode in (1, 2)
    assert daemon.cli("key", "show", "no_such_key", check=False).returncode == 1


# Configuration.

def test_config_check_accepts_and_shows(daemon):
    daemon.write_config()
    assert daemon.cli("config", "check").returncode == 0
    shown = daemon.cli("config", "show").stdout.decode()
    assert "mail.postern.example" in shown
    assert "server.hostname" in daemon.cli("config", "reference").stdout.decode()


@pytest.mark.parametrize("text, words", [
    ("[server]\nhostnme = \"x\"\n", ["hostnme", "hostname"]),
    ("[serverr]\nhostname = \"x\"\n", ["serverr", "server"]),
    ("[limits]\nmessage_bytes = \"lots\"\n", ["message_bytes"]),
    ("[limits]\nmessage_bytes = 1\n", ["message_bytes", "65536"]),
    ("[[listener]]\nkind = \"mx\"\naddress = \"nonsense\"\n", ["address", "HOST:PORT"]),
    ("[[listener]]\nkind = \"mx\"\naddress = \"127.0.0.1:0\"\nrelay_from = [\"0.0.0.0/0\"]\n", ["relay_from"]),
    ("[[policy]]\nsign = \"maybe\"\n", ["sign", "smime"]),
    ("[http]\naddress = \"0.0.0.0:80\"\n", ["http.address", "loopback"]),
    ("not toml at all", []),
])
def test_config_check_names_the_fault(daemon, text, words):
    daemon.config_file.write_text(text)
    done = daemon.cli("config", "check", check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1 and all(word in said for word in words), said
    status, log = refuse_to_start(daemon)
    assert status != 0 and all(word in log for word in words), log


def refuse_to_start(daemon) -> tuple[int, str]:
    daemon.write_config = lambda: None  # the faulty file stays
    return daemon.start_expecting_failure()


def test_the_environment_overrides(daemon):
    daemon.environment["POSTERN_SERVER__HOSTNAME"] = "from.the.environment.example"
    daemon.start()
    with daemon.smtp(tls="none") as client:
        assert b"from.the.environment.example" in client.ehlo_resp


# SQLCipher.

def test_sqlcipher_encrypts_the_whole_database(daemon):
    daemon.config["database"] = {"use_sqlcipher": True, "sqlcipher_key_ref": "env:E2E_DATABASE_KEY"}
    daemon.environment["E2E_DATABASE_KEY"] = "a passphrase for tests"
    daemon.start()
    daemon.submit(to="bob@postern.example")
    daemon.await_mail("bob@postern.example")
    assert not (daemon.data_dir / "postern.db").read_bytes().startswith(b"SQLite format 3")
    assert daemon.files_containing(b"bob@postern.example") == []
    daemon.restart()
    daemon.await_mail("bob@postern.example")
    daemon.stop()
    daemon.environment["E2E_DATABASE_KEY"] = "another passphrase"
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "key" in log.lower(), log


def test_switching_sqlcipher_on_over_a_plain_database_says_what_to_do(daemon):
    daemon.start()
    daemon.stop()
    daemon.config["database"] = {"use_sqlcipher": True, "sqlcipher_key_ref": "env:E2E_DATABASE_KEY"}
    daemon.environment["E2E_DATABASE_KEY"] = "a passphrase for tests"
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "sqlcipher" in log.lower(), log


def test_a_passphrase_from_the_environment_is_the_root_of_keys(daemon):
    daemon.config["keys"] = {"root": "env:E2E_ROOT"}
    daemon.environment["E2E_ROOT"] = "first passphrase"
    daemon.start()
    raw = daemon.submit(to="bob@postern.example")
    daemon.restart()
    assert mimebytes.carries_unchanged(raw, daemon.await_mail("bob@postern.example")[0])
    daemon.stop()
    daemon.environment["E2E_ROOT"] = "second passphrase"
    status, log = daemon.start_expecting_failure()
    assert status != 0 and ("passphrase" in log.lower() or "key" in log.lower()) and "second passphrase" not in log, log
