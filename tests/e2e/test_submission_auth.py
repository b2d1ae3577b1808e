"""Logins on the submission doors: PLAIN, LOGIN and SCRAM-SHA-256, only inside TLS, and what a login may do."""

import base64
import contextlib
import json
import smtplib
import time

import pytest

from peers import mimebytes
from peers.base import run, wait_until
from peers.daemon import HOSTNAME, send_exact
from peers.scram import ScramClient
from peers.smtpraw import RawSmtp

ALICE = "alice@postern.example"
PASSWORD = "correct horse, battery=staple"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def submission(relaying):
    relaying.start()
    relaying.add_user("alice", PASSWORD, ALICE)
    return relaying


def secured(daemon, listener="submission") -> RawSmtp:
    client = RawSmtp(daemon.port(listener), greeting=listener != "submissions")
    if listener == "submissions":
        client.wrap(daemon.tls_context(), HOSTNAME)
        client.greeting = client.reply()
    else:
        client.ehlo()
        client.start_tls(daemon.tls_context(), HOSTNAME)
    client.ehlo()
    return client


def login(client: RawSmtp, mechanism: str, user="alice", password=PASSWORD):
    """The final reply of the exchange."""
    if mechanism == "PLAIN":
        return client.command(f"AUTH PLAIN {b64(f'{chr(0)}{user}{chr(0)}{password}')}")
    if mechanism == "PLAIN without initial response":
        client.expect("AUTH PLAIN", 334)
        return client.command(b64(f"\0{user}\0{password}"))
    if mechanism == "LOGIN":
        client.expect("AUTH LOGIN", 334)
        client.expect(b64(user), 334)
        return client.command(b64(password))
    scram = ScramClient(user, password)
    first = client.command(f"AUTH SCRAM-SHA-256 {scram.first()}")
    if first.code != 334:
        return first
    final = client.command(scram.final(first.lines[-1][4:]))
    if final.code != 334:
        return final
    assert scram.server_is_genuine(final.lines[-1][4:]), "the server did not prove that it knows the password"
    return client.command("")


MECHANISMS = ["PLAIN", "PLAIN without initial response", "LOGIN", "SCRAM-SHA-256"]


@pytest.mark.parametrize("listener", ["submission", "submissions"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_login_and_send(submission, sink, mechanism, listener):
    raw = mimebytes.simple_message(ALICE, "bob@example.net")
    with secured(submission, listener) as client:
        reply = login(client, mechanism)
        assert reply.code == 235 and reply.enhanced == "2.7.0", reply
        client.envelope(ALICE, "bob@example.net")
        assert client.data(raw + b".\r\n").code == 250
    assert mimebytes.carries_unchanged(raw, sink.wait(1, details=submission.log_tail)[0].content)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("user, password", [("alice", "wrong"), ("alice", ""), ("nobody", PASSWORD)])
def test_wrong_logins_all_look_alike(submission, mechanism, user, password):
    """RFC 4954 6: 535 5.7.8, the same for an unknown user as for a wrong password."""
    with secured(submission) as client:
        reply = login(client, mechanism, user, password)
        if password == "" and reply.code == 501:
            return  # RFC 4616 2: an empty password is not even well formed
        assert reply.code == 535 and reply.enhanced == "5.7.8", reply
        assert client.command(f"MAIL FROM:<{ALICE}>").code == 530
        assert reply.text.replace(user, "") == login(client, mechanism, "alice", "also wrong").text.replace("alice", "")


def test_scram_salt_of_an_unknown_user_is_stable(submission):
    """No oracle: asked twice, an unknown user has the same salt and iterations, as a real one would."""
    def challenge(user):
        with secured(submission) as client:
            reply = client.command(f"AUTH SCRAM-SHA-256 {ScramClient(user, 'x').first()}")
            assert reply.code == 334, reply
            facts = dict(part.split("=", 1) for part in base64.b64decode(reply.lines[-1][4:]).decode().split(","))
            return facts["s"], facts["i"]
    assert challenge("ghost") == challenge("ghost")
    assert challenge("ghost") != challenge("phantom")
    assert challenge("ghost")[1] == challenge("alice")[1]


def test_swaks_logs_in_with_every_mechanism_it_knows(submission, sink):
    for number, mechanism in enumerate(("PLAIN", "LOGIN")):
        run(["swaks", "--server", "127.0.0.1", "--port", submission.port("submission"), "--tls", "--tls-verify", "--tls-ca-path", submission.ca,
             "--tls-sni", HOSTNAME, "--auth", mechanism, "--auth-user", "alice", "--auth-password", PASSWORD, "--from", ALICE,
             "--to", f"s{number}@example.net", "--ehlo", "client.example"])
        sink.for_recipient(f"s{number}@example.net", details=submission.log_tail)


def test_smtplib_logs_in(submission, sink):
    with submission.smtp("submission") as client:
        client.login("alice", PASSWORD)
        send_exact(client, ALICE, ["bob@example.net"], mimebytes.simple_message(ALICE, "bob@example.net"))
    sink.wait(1, details=submission.log_tail)


def test_nothing_without_a_login(submission):
    """RFC 6409 4.3."""
    with secured(submission) as client:
        reply = client.command(f"MAIL FROM:<{ALICE}>")
        assert reply.code == 530 and reply.enhanced == "5.7.0", reply


def test_auth_is_neither_offered_nor_taken_before_tls(submission):
    """RFC 4954 4, capability T2: and a password sent in clear is refused without being looked at."""
    with RawSmtp(submission.port("submission")) as client:
        assert "AUTH" not in client.ehlo()
        reply = client.command(f"AUTH PLAIN {b64(f'{chr(0)}alice{chr(0)}{PASSWORD}')}")
        assert reply.code in (530, 538), reply


def test_the_mx_door_offers_no_login(submission):
    with secured(submission, "mx") as client:
        assert client.command("AUTH PLAIN").code in (500, 502, 503, 504)


def test_a_login_sends_only_as_itself(submission):
    with secured(submission) as client:
        assert login(client, "PLAIN").code == 235
        reply = client.command("MAIL FROM:<boss@postern.example>")
        assert reply.code in (550, 553) and reply.enhanced == "5.7.1", reply
        assert client.command("MAIL FROM:<anybody@elsewhere.example>").code in (550, 553)
        assert client.command(f"MAIL FROM:<{ALICE}>").code == 250


def test_a_foreign_author_field_is_refused(submission, sink, make_sink):
    """RFC 6409 6.3: the envelope is hers, the From field is not, or not only: refused, and the address is named."""
    submission.dkim("ed1", "dkim_key", "ed25519-sha256")
    submission.restart()
    for author in ("boss@postern.example", "alice@postern.example>, <boss@postern.example"):
        with submission.smtp("submission") as client:
            client.login("alice", PASSWORD)
            with pytest.raises(smtplib.SMTPDataError) as refused:
                send_exact(client, ALICE, ["bob@example.net"], mimebytes.simple_message(author, "bob@example.net"))
        assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b"5.7.1") and b"<boss@postern.example>" in refused.value.smtp_error
    assert not sink.messages and not submission.queue()


@pytest.mark.parametrize("author", ["Alice@Postern.Example", "alice+list@postern.example"])
def test_other_spellings_of_her_own_address_are_hers(submission, sink, author):
    with submission.smtp("submission") as client:
        client.login("alice", PASSWORD)
        send_exact(client, ALICE, ["bob@example.net"], mimebytes.simple_message(author, "bob@example.net"))
    sink.wait(1, details=submission.log_tail)


REPORT = ["MIME-Version: 1.0", 'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"']
REPORT_BODY = ("--b\r\n\r\nseen\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n--b--\r\n")


def test_only_reports_may_have_an_empty_sender(submission, sink):
    """RFC 8098 3: a notification has the null path. A message would avoid every rule about its sender with it."""
    with submission.smtp("submission") as client:
        client.login("alice", PASSWORD)
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send_exact(client, "", ["bob@example.net"], mimebytes.simple_message(ALICE, "bob@example.net"))
        assert refused.value.smtp_code == 550 and b"5.7.1" in refused.value.smtp_error and b"multipart/report" in refused.value.smtp_error
        send_exact(client, "", ["bob@example.net"], mimebytes.simple_message(ALICE, "bob@example.net", body=REPORT_BODY, extra=REPORT))
    assert sink.wait(1, details=submission.log_tail)[0].mail_from == ""
    assert len(sink.messages) == 1


def test_second_login_and_login_in_a_transaction_are_refused(submission):
    """RFC 4954 4."""
    with secured(submission) as client:
        assert login(client, "PLAIN").code == 235
        assert client.command("AUTH PLAIN").code == 503
        client.expect(f"MAIL FROM:<{ALICE}>", 250)
        assert client.command("AUTH LOGIN").code == 503


@pytest.mark.parametrize("line, codes", [
    ("AUTH", (501,)), ("AUTH CRAM-MD5", (504,)), ("AUTH PLAIN ***", (501,)), ("AUTH PLAIN =", (501, 535)), ("AUTH PLAIN " + "QUFB" * 5000, (500, 501)),
    ("AUTH SCRAM-SHA-256 " + b64("y,,n=alice,r=x"), (334, 501, 535)), ("AUTH SCRAM-SHA-256 " + b64("p=tls-unique,,n=alice,r=x"), (501, 504, 535)),
    ("AUTH SCRAM-SHA-256 " + b64("n,,n=alice"), (501, 535)), ("AUTH SCRAM-SHA-256 " + b64("n,,m=ext,n=alice,r=x"), (501, 535)),
])
def test_malformed_logins(submission, line, codes):
    with secured(submission) as client:
        reply = client.command(line)
        assert reply.code in codes, reply
        if reply.code == 334:
            client.command("*")
        assert client.command("NOOP").code == 250


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_acting_as_somebody_else_is_refused(submission, mechanism):
    """RFC 4616 2, RFC 5802 5.1: an authorization identity that is not the user's own needs a right that nobody has here."""
    with secured(submission) as client:
        if mechanism == "PLAIN":
            reply = client.command(f"AUTH PLAIN {b64(f'boss{chr(0)}alice{chr(0)}{PASSWORD}')}")
        else:
            scram = ScramClient("alice", PASSWORD, act_as="boss")
            reply = client.command(f"AUTH SCRAM-SHA-256 {scram.first()}")
            if reply.code == 334:
                reply = client.command(scram.final(reply.lines[-1][4:]))
            if reply.code == 334:
                reply = client.command("")
        assert reply.code in (501, 535), reply


def test_a_cancelled_login(submission):
    """RFC 4954 4: "*" cancels; 501."""
    with secured(submission) as client:
        client.expect("AUTH LOGIN", 334)
        assert client.command("*").code == 501
        assert login(client, "PLAIN").code == 235


def test_a_scram_nonce_that_was_changed_is_refused(submission):
    with secured(submission) as client:
        scram = ScramClient("alice", PASSWORD)
        first = client.command(f"AUTH SCRAM-SHA-256 {scram.first()}")
        final = base64.b64decode(scram.final(first.lines[-1][4:])).decode()
        assert client.command(b64(final.replace("r=" + scram.nonce[:1], "r=" + ("A" if scram.nonce[0] != "A" else "B"), 1))).code == 535


def test_guessing_ends_the_session(submission):
    with secured(submission) as client:
        codes = []
        try:
            for number in range(30):
                codes.append(login(client, "PLAIN", "alice", f"guess {number}").code)
        except Exception:  # the server closed
            pass
        assert len(codes) < 30 and 235 not in codes and codes[-1] in (421, 535), codes


def test_passwords_are_nowhere_readable(submission):
    """Not in the database, not in the log, not even of a failed login."""
    with secured(submission) as client:
        login(client, "PLAIN")
    with secured(submission) as client:
        login(client, "LOGIN", "alice", "mistyped-secret")
    for secret in (PASSWORD, b64(PASSWORD), "mistyped-secret"):
        assert submission.files_containing(secret.encode()) == []


def test_logins_are_in_the_audit(submission):
    with secured(submission) as client:
        login(client, "PLAIN")
    with secured(submission) as client:
        login(client, "PLAIN", "alice", "wrong")

    def both():
        found = [record for record in submission.audit() if "login" in record["kind"]]
        return found if len(found) >= 2 else None
    records = wait_until(both, "audit records of both logins", details=submission.log_tail)
    assert {record["kind"] for record in records} == {"login", "login.failed"} and "wrong" not in str(records)


# SASLprep (RFC 4013): a name or password is the same in every form in which a keyboard may send it.

DECOMPOSED, COMPOSED = "Gru\u0308\u00dfe\u00a0Ju\u0308rgen", "Gr\u00fc\u00dfe J\u00fcrgen"


@pytest.mark.parametrize("stored, typed", [(DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED), (COMPOSED, COMPOSED)], ids=["nfd-nfc", "nfc-nfd", "same"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_names_and_passwords_are_prepared(submission, mechanism, stored, typed):
    submission.add_user("ju\u0308rgen" if stored == DECOMPOSED else "j\u00fcrgen", stored, ALICE)
    password = COMPOSED if mechanism == "SCRAM-SHA-256" else typed  # our independent client does not prepare: that is the client's half
    with secured(submission) as client:
        assert login(client, mechanism, "J\u00fcrgen" if typed == COMPOSED else "ju\u0308rgen", password).code == 235
        assert client.command(f"MAIL FROM:<{ALICE}>").code == 250


def test_prohibited_characters_are_refused_with_the_reason(submission):
    for name, password, field, words in (("carol", "bell\u0007", "password", "may not stand there"), ("carol", "\u06271", "password", "both writing directions"),
                                         ("carol", "\U0001f511 key", "password", "does not know"), ("ca\u202erol", "a good password", "name", "may not stand there")):
        status, body = submission.api("POST", "/users", {"name": name, "password": password, "senders": [ALICE]})
        problem = json.loads(body)
        assert status == 400 and problem["field"] == field and words in problem["detail"], problem
    with secured(submission) as client:
        reply = login(client, "PLAIN", "ca\u202erol", "x")
        assert reply.code == 501 and "may not stand there" in reply.text, reply
        reply = login(client, "LOGIN", "alice", "bell\u0007")
        assert reply.code == 535, "a password that cannot be stored is a wrong one"


def test_the_client_half_prepares_too(daemon, make_daemon, sink):
    """A smarthost that is a posternd: its user was stored in one form, the route has the other."""
    sink_route = f"smtp:127.0.0.1:{sink.port}"
    daemon.route("*", sink_route, tls="none")
    daemon.start()
    daemon.add_user("j\u00fcrgen", COMPOSED, "*")
    front = make_daemon(name="front")
    (front.directory / "password").write_text(DECOMPOSED + "\n")
    front.route("*", f"smtp:127.0.0.1:{daemon.port('submission')}", tls="required", ca=str(daemon.ca), verify_name=False, username="ju\u0308rgen", password_ref="file:password")
    front.start()
    front.submit(to="bob@example.net")
    sink.for_recipient("bob@example.net", details=lambda: front.log_tail() + daemon.log_tail())
    front.stop()
    (front.directory / "password").write_text("bell\u0007bell\n")
    status, log = front.start_expecting_failure()
    assert status == 5 and "may not stand there" in log, log


def writable_memory(pid: int):
    """What the process has written, area by area."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(number, 16) for number in area.split("-"))
            with contextlib.suppress(OSError, ValueError, OverflowError):
                memory.seek(begin)
                yield line.strip(), memory.read(end - begin)


def test_passwords_do_not_stay_in_memory(submission):
    """Neither of a login nor of a new user: plain or in the form they have on the wire."""
    secret = "Zm9v-remember-me-not-7f3a91"
    submission.add_user("carol", secret, "carol@postern.example")
    for mechanism in ("PLAIN", "PLAIN without initial response", "LOGIN"):
        with secured(submission) as client:
            assert login(client, mechanism, "carol", secret).code == 235
            client.expect("NOOP", 250)
    with secured(submission) as client:
        line = "AUTH PLAIN " + b64(f"\0carol\0{secret}")
        client.send(line[:-6])
        time.sleep(0.1)
        assert client.command(line[-6:]).code == 235
    forms = [secret.encode(), b64(secret).encode().rstrip(b"="), b64(f"\0carol\0{secret}").encode().rstrip(b"=")]
    found = [(form, area) for area, content in writable_memory(submission.process.pid) for form in forms if form in content]
    assert not found, found
