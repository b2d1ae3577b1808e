"""The command: answers, exit statuses (0 done, 1 no, 2 usage, 3 unreachable, 4 not permitted, 5 internal), --json, help, configuration, keys."""

import http.server
import json
import re
import threading

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


def test_health_is_one_line_a_check_and_an_exit_status(daemon):
    daemon.start()
    answer = daemon.json("health")
    states = {check["check"]: check["state"] for check in answer["checks"]}
    assert answer["healthy"] and states["mail"] == states["storage"] == states["listeners"] == "ok", answer
    assert states["configuration"] == "note", "the listener without TLS is the operator's choice, and is said"
    text = daemon.cli("health").stdout.decode()
    assert re.search(r"^storage +ok +healthy", text, re.M), text
    daemon.stop()
    assert daemon.cli("health", check=False).returncode == 3, "nobody there"


def test_production_warns_of_its_conveniences(daemon):
    """The built-in CA, a root key beside the data and plain HTTP: in status, log and config check; refused is HTTP for other hosts, in both modes."""
    daemon.config["server"]["mode"] = "production"
    daemon.start()
    conveniences = ["tls.certificate: the built-in CA issues it", "keys.root: file:root.key lies in data_dir", "http.address: HTTP without TLS"]
    for text in (json.dumps(daemon.json("status")["warnings"]), daemon.cli("status").stdout.decode(), daemon.log_text(), daemon.cli("config", "check").stdout.decode()):
        assert all(words in text for words in conveniences), text
    daemon.stop()
    daemon.config["keys"] = {"root": f"file:{daemon.directory}/root.key"}
    (daemon.data_dir / "keeper" / "root.key").rename(daemon.directory / "root.key")
    daemon.start()
    assert "keys.root" not in json.dumps(daemon.json("status")["warnings"]), "kept elsewhere"
    daemon.stop()
    for mode in ("production", "development"):
        daemon.config["server"]["mode"], daemon.config["http"]["address"] = mode, "0.0.0.0:0"
        status, log = daemon.start_expecting_failure()
        assert status == 2 and "http.address is not a loopback address" in log, log


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
    """And the sentence says what to do: start it, with this configuration, or look at the address."""
    daemon.write_config()
    never_started = daemon.cli("status", check=False)
    daemon.start()
    daemon.stop()
    done = daemon.cli("status", check=False)
    for refused in (never_started, done):
        assert refused.returncode == 3 and not refused.stdout and f"start it with: posternd --config {daemon.config_file}" in refused.stderr.decode(), refused
    daemon.config["http"]["address"] = f"127.0.0.1:{free_port()}"
    daemon.write_config()
    fixed_port = daemon.cli("queue", "list", check=False)
    assert fixed_port.returncode == 3 and f"start it with: posternd --config {daemon.config_file}" in fixed_port.stderr.decode(), fixed_port
    elsewhere = daemon.cli("--api", f"http://127.0.0.1:{free_port()}", "--token", "x", "status", check=False)
    assert elsewhere.returncode == 3 and "check --api" in elsewhere.stderr.decode(), elsewhere


@pytest.mark.parametrize("verb", [["status"], ["queue", "list"], ["config", "check"], ["config", "show"], ["audit", "verify", "--offline"]], ids=" ".join)
def test_a_missing_configuration_is_status_2(daemon, verb):
    """A wrong call, not the answer "no"."""
    done = daemon.cli(*verb, check=False)
    assert done.returncode == 2 and f"cannot read {daemon.config_file}" in done.stderr.decode() and not done.stdout, done


@pytest.fixture
def strange_server():
    """Something that speaks HTTP and is no posternd: path -> (status, body)."""
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = answers.get(self.path.partition("?")[0], (200, b"<html>hello</html>"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.answers = answers
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("verb", [["status"], ["mail", "verify", "--file", "-"], ["policy", "explain", "--live", "--from", "a@b.example", "--to", "c@d.example"], ["audit", "verify"]], ids=" ".join)
def test_an_answer_that_makes_no_sense_is_status_5(daemon, strange_server, verb):
    daemon.write_config()
    address = f"http://127.0.0.1:{strange_server.server_port}"
    done = daemon.cli("--api", address, "--token", "x", *verb, input=b"Subject: x\r\n\r\nx\r\n", check=False)
    assert done.returncode == 5 and b"not JSON" in done.stderr and not done.stdout, done
    strange_server.answers |= {path: (500, json.dumps({"code": "internal", "detail": "it broke"}).encode())
                               for path in ("/status", "/api/v1/verify", "/api/v1/policy/explain", "/api/v1/audit/verify")}
    done = daemon.cli("--json", "--api", address, "--token", "x", *verb, input=b"Subject: x\r\n\r\nx\r\n", check=False)
    assert done.returncode == 5 and b"it broke" in done.stderr and json.loads(done.stdout)["error"]["what"] == "it broke", done


@pytest.mark.parametrize("arguments", [["nonsense"], ["queue"], ["queue", "fly"], ["--no-such-option", "status"], ["mail", "show"], ["status", "extra"]])
def test_usage_errors_are_status_2(daemon, arguments):
    daemon.start()
    done = daemon.cli(*arguments, check=False)
    assert done.returncode == 2 and done.stderr, (arguments, done)


def subcommands(daemon, *prefix) -> list[str]:
    """As --help lists them."""
    text = daemon.cli(*prefix, "--help").stdout.decode()
    return re.findall(r"^  ([a-z]+) ", text.partition("Subcommands:\n")[2], re.M) if "Subcommands:" in text else []


def test_every_verb_has_help_with_an_example(daemon):
    daemon.write_config()
    verbs = [[noun, *verb] for noun in subcommands(daemon) for verb in ([[v] for v in subcommands(daemon, noun)] or [[]])]
    assert len(verbs) >= 30 and ["status"] in verbs and ["cms", "decrypt"] in verbs, verbs
    for verb in verbs:
        help_text = daemon.cli(*verb, "--help").stdout.decode()
        example = help_text.rpartition("Example: ")[2]
        assert "postern " in example and " ".join(verb) in example, f"no example in the help of {' '.join(verb)}: {help_text}"


def test_json_is_one_document_and_nothing_else(daemon):
    """For every verb: its answer when it succeeds, and an error when it does not."""
    daemon.policy(name="strict", to="*@strict.example", encrypt="must", missing_key="hold")
    daemon.start()
    raw = mimebytes.simple_message("alice@postern.example", "bob@postern.example")

    def document(*arguments, status=0, input=None):
        done = daemon.cli("--json", *arguments, input=input, check=False)
        assert status is None or done.returncode == status, (arguments, done)
        return json.loads(done.stdout)
    document("send", "--from", "alice@postern.example", "--to", "bob@postern.example", "--subject", "Hello", "--text", "Hi")
    daemon.await_mail("bob@postern.example")
    daemon.submit(to="frank@strict.example")
    held = daemon.await_queue_state("frank@strict.example", "held")["id"]
    mail = daemon.mailbox()[0]["id"]
    for verb in ("status", "mail list", f"mail show {mail}", f"mail verify {mail}", "audit list", "audit verify", "audit verify --offline", "queue list", f"queue show {held}",
                 "key list", "key show dkim_key", "key create my_key --type ed25519", "key rotate my_key",
                 "user list", "identity certificate alice@postern.example", "config check", "config show", "config reference", "address check bob@postern.example"):
        document(*verb.split())
    for verb in ("hold", "release", "retry"):
        assert "changed" in document("queue", verb, held, status=None), "the number depends on where the copy is just now"
    document("user", "add", "carol@postern.example", input=b"a password for carol\n")
    document("user", "delete", "carol@postern.example")
    document("policy", "explain", "--from", "alice@postern.example", "--to", "bob@postern.example", input=raw)
    document("mail", "verify", "--file", "-", input=raw)
    for verb in ("mime parse", "dkim verify"):
        document(*verb.split(), input=raw)
    assert document("cms", "verify", status=2, input=raw)["error"]["what"] == "the message has no S/MIME signature"
    daemon.await_queue_state("frank@strict.example", "held")
    document("queue", "delete", held)
    # What fails is one document too.
    assert document("queue", "delete", held, status=1) == {"changed": 0}, "nothing was there: the answer is no, in JSON as in text"
    assert document("key", "show", "no_such_key", status=1)["error"]["what"]
    assert document("mail", "show", status=2)["error"]["code"] == "usage"
    assert document("mail", "verify", status=2)["error"]["what"]
    assert document("--token", "wrong", "queue", "list", status=4)["error"]["what"]
    daemon.stop()
    assert document("status", status=3)["error"]["what"]
    daemon.config_file.unlink()
    assert document("queue", "list", status=2)["error"]["field"] == "config"


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
    nobody = daemon.cli("user", "add", "bob", check=False, input=b"a password for bob\n")
    assert nobody.returncode == 2 and nobody.stderr == b"postern user add: senders: give addresses, @domains or *\n", nobody


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


def test_config_check_looks_into_lists_and_users(daemon):
    """What the MTA refuses at start is said before: addresses, members' files, what is there twice."""
    user = {"address": "C=DE;A= ;P=NORTH;S=Roe", "ca": "/etc/ssl/certs/ca-certificates.crt", "subject": "CN=Roe"}
    daemon.config["x400"] = {"domain": "C=DE;A= ;P=NORTH"}
    daemon.config["x400_list"] = [{"address": "C=DE;A= ;P=NORTH;CN=Staff", "members_file": "/nowhere/staff.txt"}]
    daemon.config["x400_user"] = [user, user]
    daemon.write_config()
    done = daemon.cli("config", "check", check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1 and "cannot read /nowhere/staff.txt" in said and "is there twice" in said, said
    daemon.config["x400_user"] = [user]
    del daemon.config["x400_list"]
    daemon.write_config()
    assert daemon.cli("config", "check").returncode == 0


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
    ("[[dkim]]\ndomain = \"a.example\"\nselector = \"s s\"\nkey = \"k\"\n", ["dkim[0].selector", "not a selector"]),
    ("[[dkim]]\ndomain = \"not a domain\"\nselector = \"s\"\nkey = \"k\"\n", ["dkim[0].domain", "not a domain name"]),
    ("[[dkim]]\ndomain = \"a.example\"\nselector = \"s\"\nkey = \"k\"\ndelegate = \"not a zone\"\n", ["dkim[0].delegate", "not a zone"]),
    ("".join(f"[[dkim]]\ndomain = \"{domain}\"\nselector = \"s\"\nkey = \"{key}\"\n" for domain, key in (("a.example", "k"), ("A.example", "l"))),
     ["dkim[1].selector", "dkim[0].selector", "s._domainkey.a.example"]),
    ("".join(f"[[listener]]\nkind = \"mx\"\nname = \"{name}\"\naddress = \"127.0.0.1:29125\"\n" for name in "ab"),
     ["listener[1].address", "listener[0].address", "another port"]),
    ("[[zone]]\nname = \"a.example\"\nserver = \"nonsense name\"\ntsig = \"key\"\n", ["zone[0].server", "nonsense name", "192.0.2.53"]),
])
def test_config_check_names_the_fault(daemon, text, words):
    daemon.config_file.write_text(text)
    done = daemon.cli("config", "check", check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1 and all(word in said for word in words), said
    status, log = refuse_to_start(daemon)
    assert status != 0 and all(word in log for word in words), log


FILES = [
    ("[authentication]\npublic_suffix_list = \"a-file\"\n", "authentication.public_suffix_list"),
    ("[dns]\nfixture_file = \"a-file\"\n", "dns.fixture_file"),
    ("[[operator]]\nname = \"ops\"\ntoken_ref = \"file:a-file\"\n", "operator[0].token_ref"),
    ("[[zone]]\nname = \"a.example\"\nserver = \"192.0.2.53\"\ntsig = \"a-file\"\n", "zone[0].tsig"),
    ("[[route]]\ndomain = \"a.example\"\nca = \"a-file\"\n", "route"),
]


@pytest.mark.parametrize("content", [None, "// nothing\n"], ids=["missing", "of no use"])
@pytest.mark.parametrize("text, setting", FILES, ids=[setting for _, setting in FILES])
def test_config_check_looks_into_the_files_that_settings_name(daemon, text, setting, content):
    if content:
        (daemon.directory / "a-file").write_text(content)
    daemon.config_file.write_text(f"[storage]\ndata_dir = \"{daemon.directory}/var\"\n[http]\naddress = \"127.0.0.1:0\"\n{text}")
    done = daemon.cli("config", "check", check=False)
    said = done.stdout.decode()
    assert done.returncode == 1 and f"fault    {setting}" in said and (content or str(daemon.directory / "a-file") in said), said
    assert refuse_to_start(daemon)[0] == 5


def test_config_check_warns_of_what_the_daemon_may_see_otherwise(daemon):
    """Secrets in its environment; a certificate that is fetched for the host later."""
    daemon.config["operator"] = [{"name": "ops", "token_ref": "env:A_TOKEN_OF_OPS"}]
    daemon.config["tls"] = {"certificate": "/nowhere/chain.pem", "key": "/nowhere/key.pem"}
    daemon.write_config()
    done = daemon.cli("config", "check")
    for words in ("operator[0].token_ref", "A_TOKEN_OF_OPS", "tls.certificate: /nowhere/chain.pem"):
        assert words in done.stdout.decode(), done.stdout


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
    assert not (daemon.data_dir / "mail" / "postern.db").read_bytes().startswith(b"SQLite format 3")
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
