"""keys.backend = "vault": the mail system with its keys in an external Vault, on good days and bad ones.

The external Vault is a second posternd, and with BAO=path also a real OpenBao or Vault.
"""

import datetime
import json
import os
import smtplib
import sqlite3
import threading

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from peers import dkimtools, mimebytes, sealtools
from peers.base import free_port, wait_until
from peers.certs import TestAuthority
from peers.extvault import PosternVault, RealVault, Standby, TlsFront, policy

ALICE = "alice@postern.example"
BOB = "bob@postern.example"
CAROL = "carol@example.org"
MARKER = b"the fox is in the henhouse"
ENTITY = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + MARKER + b"\r\n"

KINDS = [PosternVault, *([RealVault] if os.environ.get("BAO") else [])]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def external(request, workdir):
    """A running, unsealed external Vault, prepared as the documentation says."""
    server = request.param(workdir)
    try:
        server.start().initialise()
        server.prepare(workdir / "credentials")
        yield server
    finally:
        server.stop()


@pytest.fixture
def own(workdir):
    """The same, without a real one: for what does not depend on the peer."""
    server = PosternVault(workdir)
    try:
        server.start().initialise()
        server.prepare(workdir / "credentials")
        yield server
    finally:
        server.stop()


def attach(daemon, server, workdir, **settings):
    """Lets the daemon have its keys there."""
    credentials = workdir / "credentials"
    settings = {"address": [server.address], "role_id": f"file:{credentials}/vault.role_id", "secret_id": f"file:{credentials}/vault.secret_id",
                "timeout": "2s", **settings}
    daemon.config["keys"] = {"backend": "vault", "vault": {name: value for name, value in settings.items() if value is not None}}
    daemon.config["engine"] = {"enabled": False}
    return daemon


def engine_state(daemon) -> dict:
    return daemon.get_json("/status")["key_engine"]


def await_state(daemon, condition, what):
    return wait_until(lambda: (state := engine_state(daemon)) and condition(state) and state, what, details=lambda: str(engine_state(daemon)))


def away(state) -> bool:
    return "since" in state


def well(state) -> bool:
    return "since" not in state and "keys" in state


def custody(daemon) -> dict:
    return {key["name"]: key["custody"] for key in daemon.api_json("GET", "/keys")["keys"]}


def refusal(daemon, **options) -> tuple[int, str]:
    """The code and text with which SMTP refuses a message."""
    try:
        daemon.submit(**options)
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error.decode()
    return 250, ""


# Good days.

def test_mail_flows_with_keys_in_the_vault(relaying, sink, external, workdir, authority, gnupg):
    attach(relaying, external, workdir)
    relaying.dkim("sel", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256")
    relaying.config["security"]["smime"]["trust"] = str(authority.pem)
    person = authority.person("smime@example.net")
    (relaying.smime_directory / "smime.pem").write_bytes(person.cert_pem)
    (relaying.openpgp_directory / "gina.asc").write_bytes(gnupg.certificate("gina@example.net"))
    relaying.policy(to="smime@example.net", sign="smime", encrypt="must", method="smime")
    relaying.policy(to="gina@example.net", sign="openpgp", encrypt="must", method="openpgp")
    relaying.start()
    assert engine_state(relaying) | {"engine": "vault", "reachable": True, "sealed": False, "address": external.address} == engine_state(relaying)

    # Out: DKIM by two transit keys, S/MIME and OpenPGP by keys that were made here.
    plain = relaying.submit(to="plain@example.net")
    delivered = sink.for_recipient("plain@example.net", details=relaying.log_tail).content
    assert mimebytes.carries_unchanged(plain, delivered)
    assert dkimtools.dkimpy_verdicts(delivered, relaying.dkim_records()) == [True, True]
    relaying.submit(to="smime@example.net", body=MARKER.decode() + "\r\n")
    sealed = sink.for_recipient("smime@example.net", details=relaying.log_tail).content
    content, signer = sealtools.cms_verify(sealtools.cms_decrypt(sealed, person, workdir), relaying.ca, workdir)
    assert MARKER in content and sealtools.certificate_emails(signer) == [ALICE]
    relaying.submit(to="gina@example.net", body=MARKER.decode() + "\r\n")
    sealed = sink.for_recipient("gina@example.net", details=relaying.log_tail).content
    gnupg.import_certificate(relaying.openpgp_certificate_of(ALICE))
    plain, status = gnupg.decrypt(sealtools.pgp_parts(sealed))
    assert MARKER in plain and "GOODSIG" in status

    # In: what strangers sealed for Bob is opened.
    certificate = workdir / "bob.crt"
    certificate.write_bytes(relaying.certificate_of(BOB))
    entity = sealtools.cms_encrypt(ENTITY, [certificate], workdir)
    relaying.send(CAROL, [BOB], sealtools.under_header(entity, CAROL, BOB), listener="mx")
    assert MARKER in relaying.await_mail(BOB)[0]

    where = custody(relaying)
    assert {where[name] for name in ("mail_storage_key", "dkim_key", "api_hmac_key", "pgp_key_encryption", "dkim_rsa", "pki_root_key")} == {"transit"}
    assert where["tls_server"] == "wrapped" and any(name.startswith("smime-") and kind == "wrapped" for name, kind in where.items())
    assert any(name.startswith("openpgp-") and kind == "wrapped" for name, kind in where.items())
    secret_id = (workdir / "credentials/vault.secret_id").read_bytes().strip()
    assert not relaying.files_containing(secret_id) and not relaying.files_containing(MARKER)


def test_everything_opens_again_after_a_restart(daemon, external, workdir):
    attach(daemon, external, workdir, data_key_uses=1).start()
    sent = [daemon.submit(sender=CAROL, to=BOB, subject=f"number {number}", listener="mx") for number in range(5)]
    assert len(daemon.await_mail(BOB, count=5)) == 5
    certificate = daemon.certificate_of(BOB)
    daemon.crash_and_restart()
    mails = daemon.await_mail(BOB, count=5)
    assert all(any(mimebytes.carries_unchanged(raw, mail) for mail in mails) for raw in sent), "each under a wrapping key of its own"
    assert daemon.certificate_of(BOB) == certificate


def versions_in_store(daemon) -> list[int]:
    """The transit versions under which the stored messages' keys are wrapped, as the form of a wrapped key says."""
    with sqlite3.connect(f"file:{daemon.data_dir}/mail/postern.db?mode=ro", uri=True) as base:
        tables = [name for name, in base.execute("select name from sqlite_master where type = 'table'")]
        found = []
        for table in tables:
            columns = [row[1] for row in base.execute(f"pragma table_info({table})")]
            for column in ("wrapped_key", "wrapped"):
                if column in columns:
                    found += [bytes(value) for value, in base.execute(f"select {column} from {table}") if value]
    return [int.from_bytes(value[1:5], "big") for value in found if value[:1] == b"\x02"]


def test_a_rotation_in_the_vault_is_followed_and_old_mail_opens(daemon, external, workdir):
    attach(daemon, external, workdir, data_key_life="2s").start()
    first = daemon.submit(sender=CAROL, to=BOB, listener="mx")
    daemon.await_mail(BOB)
    assert set(versions_in_store(daemon)) == {1}
    external.client().write("transit/keys/mail_storage_key/rotate")

    def new_version_is_used():
        daemon.submit(sender=CAROL, to=BOB, subject="later", listener="mx")
        return 2 in versions_in_store(daemon)
    wait_until(new_version_is_used, "mail under the rotated key", every=0.3)
    assert any(mimebytes.carries_unchanged(first, mail) for mail in daemon.await_mail(BOB)), "the old version still opens"
    # Our own rotation counts at once.
    daemon.api_json("POST", "/keys/mail_storage_key/rotate")
    daemon.submit(sender=CAROL, to=BOB, subject="last", listener="mx")
    assert max(versions_in_store(daemon)) == 3
    # pgp_key_encryption: what it seals moves, so that its old version can be retired.
    certificate = daemon.certificate_of(BOB)
    daemon.api_json("POST", "/keys/pgp_key_encryption/rotate")
    external.client().write("transit/keys/pgp_key_encryption/config", min_decryption_version=2)
    daemon.restart()
    assert daemon.certificate_of(BOB) == certificate
    entity = sealtools.cms_encrypt(ENTITY, [_written(workdir / "bob.crt", certificate)], workdir)
    daemon.send(CAROL, [BOB], sealtools.under_header(entity, CAROL, BOB), listener="mx")
    wait_until(lambda: any(MARKER in mail for mail in daemon.await_mail(BOB)), "the sealed mail, opened")


def _written(path, content):
    path.write_bytes(content)
    return path


# Logging in.

def logins(daemon) -> int:
    return daemon.log_text().count("vaultkeeper.logged_in")


def test_tokens_are_renewed_and_replaced(daemon, external, workdir):
    external.client().write("auth/approle/role/postern", token_ttl="2s", token_max_ttl="4s")
    attach(daemon, external, workdir).start()
    wait_until(lambda: logins(daemon) >= 3, "tokens that reach their maximum to be replaced", details=daemon.log_tail)
    daemon.submit(sender=CAROL, to=BOB, listener="mx")
    assert well(await_state(daemon, well, "a keeper that is well")) and "token_expires" in engine_state(daemon)


def test_a_revoked_token_is_replaced_at_the_next_call(relaying, sink, external, workdir):
    attach(relaying, external, workdir).dkim("sel", "dkim_key", "ed25519-sha256").start()
    admin = external.client()
    own_accessor = admin.read("auth/token/lookup-self")["accessor"]
    for accessor in admin.list("auth/token/accessors"):
        if accessor != own_accessor:
            admin.write("auth/token/revoke-accessor", accessor=accessor)
    relaying.submit(to="after@example.net")
    delivered = sink.for_recipient("after@example.net", details=relaying.log_tail).content
    assert dkimtools.dkimpy_verdicts(delivered, relaying.dkim_records()) == [True]
    assert logins(relaying) == 2


def test_a_wrong_secret_id_is_told_at_the_start_and_never_shown(daemon, external, workdir):
    wrong = _written(workdir / "credentials/wrong", b"8f5a8c2e-wrong-secret")
    wrong.chmod(0o600)
    attach(daemon, external, workdir, secret_id=f"file:{wrong}")
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "refuses the AppRole login" in log and str(wrong) in log
    assert "8f5a8c2e" not in log
    wrong.chmod(0o644)
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "can be read or changed by others" in log


def test_a_wrapped_secret_id_is_good_for_one_start(daemon, external, workdir):
    answer = external.client().call("PUT", "auth/approle/role/postern/secret-id", {}, headers={"X-Vault-Wrap-TTL": "5m"})
    wrapped = _written(workdir / "credentials/wrapped", answer.json["wrap_info"]["token"].encode())
    wrapped.chmod(0o600)
    attach(daemon, external, workdir, secret_id=f"file:{wrapped}", secret_id_wrapped=True).start()
    daemon.submit(sender=CAROL, to=BOB, listener="mx")
    daemon.stop()
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "wrapping token" in log and "somebody else has" in log
    # A token that wraps something else was put in its place.
    other = external.client().call("POST", "sys/wrapping/wrap", {"secret_id": "planted"}, headers={"X-Vault-Wrap-TTL": "5m"})
    wrapped.write_bytes(other.json["wrap_info"]["token"].encode())
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "somebody may have exchanged it" in log


def test_a_token_file_is_read_again_when_it_changes(daemon, external, workdir):
    def new_token() -> str:
        return external.client().new_token(policies=["postern"], ttl="10m", no_parent=True)["client_token"]
    sink_file = _written(workdir / "credentials/token", new_token().encode())
    sink_file.chmod(0o600)
    attach(daemon, external, workdir, role_id=None, secret_id=None, auth="token_file", token_file=str(sink_file)).start()
    daemon.submit(sender=CAROL, to=BOB, listener="mx")
    sink_file.write_text(new_token())
    wait_until(lambda: logins(daemon) == 2, "the new token to be taken", details=daemon.log_tail)
    daemon.submit(sender=CAROL, to=BOB, subject="again", listener="mx")
    assert len(daemon.await_mail(BOB, count=2)) == 2


def test_a_permission_that_is_missing_is_named_and_mail_waits(relaying, sink, external, workdir):
    attach(relaying, external, workdir).dkim("sel", "dkim_key", "ed25519-sha256").start()
    whole = policy()
    external.client().write("sys/policies/acl/postern", policy=whole.replace('"transit/sign/+" ', '"transit/other/+" '))
    code, _ = refusal(relaying, to="waits@example.net")
    assert 400 <= code < 500
    assert 'path \\"transit/sign/dkim_key\\" { capabilities = [\\"update\\"] }' in relaying.log_text() or \
        'path "transit/sign/dkim_key" { capabilities = ["update"] }' in relaying.log_text(), relaying.log_tail()
    external.client().write("sys/policies/acl/postern", policy=whole)
    wait_until(lambda: refusal(relaying, to="waits@example.net")[0] == 250, "mail to be taken again", every=0.3, details=relaying.log_tail)
    sink.for_recipient("waits@example.net", details=relaying.log_tail)


# Bad days.

def test_a_vault_that_dies_in_the_middle_of_traffic_loses_nothing(relaying, sink, external, workdir):
    attach(relaying, external, workdir, data_key_life="3s").start()
    accepted, refused, ended = [], [], threading.Event()

    def traffic():
        number = 0
        while not ended.is_set():
            number += 1
            address = f"n{number}@example.net"
            code, _ = refusal(relaying, to=address)
            (accepted if code == 250 else refused).append((address, code))
    sender = threading.Thread(target=traffic)
    sender.start()
    try:
        wait_until(lambda: len(accepted) > 20, "traffic")
        before = len(accepted)
        external.kill()
        state = await_state(relaying, away, "the outage to be seen")
        assert state["reachable"] is False and external.address in state["error"] and state["since"]
        wait_until(lambda: refused, "refusals when the wrapping key's life is over", details=relaying.log_tail)
        during = len(accepted)
        assert during > before, "mail is taken within the life of the wrapping key"
        assert all(400 <= code < 500 for _, code in refused), refused[:3]
        external.start()
        assert not external.client().call("GET", "sys/health").status == 200, "still sealed"
        await_state(relaying, lambda state: state.get("sealed"), "the sealed state to be told")
        external.unseal()
        await_state(relaying, well, "the keeper to be well without a restart")
        wait_until(lambda: len(accepted) > during + 5, "traffic again", details=relaying.log_tail)
    finally:
        ended.set()
        sender.join()
    for address, _ in accepted:
        sink.for_recipient(address, seconds=60, details=relaying.log_tail)
    relaying.await_empty_queue()


def test_sealing_and_unsealing_the_vault(relaying, sink, external, workdir):
    attach(relaying, external, workdir).dkim("sel", "dkim_key", "ed25519-sha256").start()
    external.seal()
    code, text = refusal(relaying, to="sealed@example.net")
    assert 400 <= code < 500, text
    state = await_state(relaying, lambda state: state["sealed"], "the sealed state")
    assert state["reachable"] and "sealed" in state["error"]
    assert any("key engine" in warning for warning in relaying.get_json("/status")["warnings"])
    external.unseal()
    await_state(relaying, well, "the keeper to be well again")
    assert refusal(relaying, to="sealed@example.net")[0] == 250
    sink.for_recipient("sealed@example.net", details=relaying.log_tail)


def test_the_next_address_answers_when_the_first_is_dead(daemon, own, workdir):
    dead = f"http://127.0.0.1:{free_port()}"
    attach(daemon, own, workdir, address=[dead, own.address]).start()
    daemon.submit(sender=CAROL, to=BOB, listener="mx")
    assert len(daemon.await_mail(BOB)) == 1 and engine_state(daemon)["address"] == own.address


def test_the_vault_is_asked_by_one_interface_only(relaying, sink, own, workdir):
    attach(relaying, own, workdir, interface="wg-none").launch()
    waits_because(relaying, "interface wg-none is not there")
    relaying.stop()
    attach(relaying, own, workdir, interface="lo").start()
    relaying.submit(to="bob@example.net")
    sink.wait(1, details=relaying.log_tail)


def test_a_standby_sends_us_to_the_active_node(daemon, own, workdir):
    standby = Standby(own.address, "127.0.0.2")
    try:
        attach(daemon, own, workdir, address=[standby.address]).start()
        daemon.submit(sender=CAROL, to=BOB, listener="mx")
        assert len(daemon.await_mail(BOB)) == 1
    finally:
        standby.stop()


def test_tls_is_verified_connections_are_kept_and_we_show_our_certificate(daemon, own, workdir, authority, peer_certificate):
    us = authority.person("postern@example.net", label="client", usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    front = TlsFront(own.port, peer_certificate, client_ca=authority.pem)
    stranger = TestAuthority(workdir / "stranger", name="Somebody else")
    serial, since = peer_certificate.certificate.serial_number, datetime.datetime(2025, 1, 1)
    lists = {"good": authority.crl(), "bad": authority.crl({serial: since})}
    for name, content in lists.items():
        (workdir / f"{name}.crl").write_bytes(content)
    trusted = {"address": [f"https://127.0.0.1:{front.port}"], "ca": str(authority.pem), "client_certificate": str(us.cert), "client_key": str(us.key),
               "revocation": "hard", "crl": str(workdir / "good.crl")}
    try:
        attach(daemon, own, workdir, **trusted, connections=2).start()
        for number in range(20):
            daemon.submit(sender=CAROL, to=BOB, subject=f"number {number}", listener="mx")
        daemon.api_json("POST", "/keys/dkim_key/rotate")
        assert len(daemon.await_mail(BOB, count=20)) == 20
        assert front.connections <= 12, "most questions found a kept connection; those that must not be asked twice have one of their own"
        daemon.stop()
        for change, words in (({"ca": str(stranger.pem)}, "certificate"), ({"server_name": "other.example"}, "certificate"),
                              ({"client_certificate": None, "client_key": None}, str(front.port)),
                              ({"crl": None}, "it is not known whether"), ({"crl": str(workdir / "bad.crl"), "revocation": "soft"}, "is revoked at 2025-01-01")):
            attach(daemon, own, workdir, **{**trusted, **change}).launch()
            waits_because(daemon, words)
            daemon.stop()
    finally:
        front.stop()


def waits_because(daemon, words: str):
    """It is up, takes no mail, and says why: a Vault that cannot be asked now may be asked later."""
    def said():
        try:
            daemon.ports = json.loads((daemon.data_dir / "ports.json").read_text())
            status, reason = daemon.get("/readyz")
        except (OSError, ValueError, KeyError):
            return False
        return status == 503 and words in reason.decode()
    wait_until(said, f"/readyz to say {words!r}", details=daemon.log_tail)


def test_another_vault_in_its_place_is_refused(daemon, own, workdir):
    attach(daemon, own, workdir).start()
    daemon.submit(sender=CAROL, to=BOB, listener="mx")
    daemon.stop()
    own.stop()
    other = PosternVault(workdir / "other")
    try:
        other.start().initialise()
        other.prepare(workdir / "credentials")
        attach(daemon, other, workdir)
        status, log = daemon.start_expecting_failure()
        assert status == 5 and "does not open what it sealed for us" in log
        daemon.config["keys"] = {"backend": "embedded"}
        status, log = daemon.start_expecting_failure()
        assert status == 5
    finally:
        other.stop()


def test_a_database_of_the_embedded_engine_is_refused(daemon, own, workdir):
    daemon.start()
    daemon.stop()
    attach(daemon, own, workdir)
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "was begun with another backend of keys" in log


def test_a_named_key_that_is_gone_is_not_made_anew(daemon, own, workdir):
    attach(daemon, own, workdir).start()
    daemon.stop()
    own.client().write("transit/keys/mail_storage_key/config", deletion_allowed=True)
    own.client().delete("transit/keys/mail_storage_key")
    status, log = daemon.start_expecting_failure()
    assert status == 5 and "no key mail_storage_key any more" in log
    assert "mail_storage_key" not in own.client().list("transit/keys")


def test_configuration_faults(daemon, workdir):
    def faults(**settings) -> str:
        daemon.config["keys"] = {"backend": "vault", "vault": settings}
        daemon.write_config()
        done = daemon.cli("config", "check", check=False)
        assert done.returncode != 0
        return (done.stdout + done.stderr).decode()
    assert "keys.vault.address is missing" in faults(role_id="env:A", secret_id="env:B")
    assert "tokens and keys would travel in clear" in faults(address=["http://vault.example:8200"], role_id="env:A", secret_id="env:B")
    assert "keys.vault.secret_id" in faults(address=["https://vault.example"], role_id="env:A")
    both = faults(address=["https://vault.example"], role_id="env:A", secret_id="env:B", token_file="t")
    assert "choose one way to log in" in both
    assert "client_certificate belong together" in faults(address=["https://vault.example"], role_id="env:A", secret_id="env:B", client_key="k.pem")
    assert "from 1s to 60s" in faults(address=["https://vault.example"], role_id="env:A", secret_id="env:B", timeout="10m")
