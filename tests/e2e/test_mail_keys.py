"""The mail system's keys are keys of the engine's transit mount: the runbook works as typed, and sealed means sealed."""

import base64
import json
import smtplib

import pytest

from peers import mimebytes
from peers.base import wait_until
from peers.daemon import default_config
from peers.smtpraw import RawSmtp
from peers.vault import Vault, refused

MARKER = b"a line that only its readers know"
NAMED = {"mail_storage_key": "aes256-gcm96", "dkim_key": "ed25519", "api_hmac_key": "hmac", "pgp_key_encryption": "aes256-gcm96"}


def letter(subject: str) -> bytes:
    return mimebytes.simple_message("alice@postern.example", "bob@example.net", subject=subject, body=MARKER.decode() + "\r\n")


def shares_config() -> dict:
    return {**default_config(), "engine": {"seal": "shamir"}}


def greeting(daemon, listener="plain") -> str:
    with RawSmtp(daemon.port(listener)) as talk:
        return talk.greeting.text


# The runbook.


def test_the_named_keys_are_the_ones_that_the_mail_uses(relaying):
    daemon = relaying.start()
    vault = daemon.vault()
    for name, kind in NAMED.items():
        assert vault.call("GET", f"transit/keys/{name}").data["type"] == kind
        again = vault.call("PUT", f"transit/keys/{name}", {"type": kind, "key_size": 64} if kind == "hmac" else {"type": kind})
        assert again.status == 200, again.body  # as the runbook types it: the key is there already, and stays
    assert set(NAMED) <= set(vault.call("LIST", "transit/keys").data["keys"])
    assert vault.call("GET", "transit/keys/dkim_key").data["keys"]["1"]["public_key"] == dkim_text(daemon)


def dkim_text(daemon) -> str:
    """The raw Ed25519 key of the PEM that the mail side shows, in base64."""
    body = "".join(line for line in daemon.public_key("dkim_key").splitlines() if not line.startswith("-----"))
    return base64.b64encode(base64.b64decode(body)[-32:]).decode()


def test_mail_counts_as_use_of_the_storage_key(relaying, sink):
    daemon = relaying.start()
    before = uses(daemon)
    for number in range(5):
        daemon.send("alice@postern.example", ["bob@example.net"], letter(f"use {number}"))
    daemon.await_empty_queue()
    assert uses(daemon) >= before + 5


def uses(daemon) -> int:
    key = next(key for key in daemon.json("key", "list")["keys"] if key["name"] == "mail_storage_key")
    return sum(version["uses"] for version in key["versions"])


def test_a_rotation_over_the_api_is_the_mails_rotation(daemon, make_sink):
    sink = make_sink()
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    sink.pause()
    daemon.send("alice@postern.example", ["old@example.net"], letter("under the old version"))
    vault = daemon.vault()
    assert vault.call("POST", "transit/keys/mail_storage_key/rotate").data["latest_version"] == 2
    daemon.send("alice@postern.example", ["new@example.net"], letter("under the new version"))
    daemon.crash_and_restart()  # nothing of it in memory any more
    sink.resume()
    assert MARKER in sink.for_recipient("old@example.net", details=daemon.log_tail).content
    assert MARKER in sink.for_recipient("new@example.net", details=daemon.log_tail).content
    shown = {key["name"]: key for key in daemon.json("key", "list")["keys"]}
    assert shown["mail_storage_key"]["latest_version"] == 2


def test_the_mount_of_the_mails_keys_stays(daemon):
    vault = daemon.start().vault()
    refused(vault.call("DELETE", "sys/mounts/transit"), 400, "transit")
    refused(vault.call("POST", "sys/remount", {"from": "transit", "to": "elsewhere"}), 400, "transit")
    assert vault.call("GET", "transit/keys/mail_storage_key").status == 200
    refused(vault.call("DELETE", "transit/keys/mail_storage_key"), 400, "deletion")


# Sealed means sealed.


def test_sealed_by_an_operator(relaying):
    daemon = relaying.start()
    vault = daemon.vault()
    daemon.submit(subject="before")
    daemon.await_empty_queue()
    assert vault.call("PUT", "sys/seal").status == 204
    wait_until(lambda: daemon.get("/readyz")[0] == 503, "the daemon to notice", details=daemon.log_tail)
    assert greeting(daemon).startswith("421 4.3.2"), greeting(daemon)
    status = daemon.get_json("/status")
    assert status["key_engine"]["sealed"] is True and "postern seal unseal" in status["key_engine"]["error"]
    assert any("what is in the spool waits" in warning for warning in status["warnings"])
    code, body = daemon.api("GET", "/api/v1/keys")
    assert code == 503 and json.loads(body)["code"] == "sealed"
    with pytest.raises(smtplib.SMTPConnectError):
        daemon.submit(subject="meanwhile")
    daemon.restart()  # the seal of this engine is a file: it opens itself
    assert greeting(daemon).startswith("220 ")
    daemon.submit(subject="after")
    daemon.await_empty_queue()


def test_mail_waits_in_the_spool_while_the_engine_is_sealed(make_daemon, make_sink):
    sink = make_sink()
    daemon = make_daemon(shares_config()).route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    assert greeting(daemon).startswith("421 4.3.2")
    assert greeting(daemon, "submission").startswith("421 4.3.2")
    assert "sealed" in daemon.get_json("/status")["key_engine"]["error"]

    vault = Vault(daemon.vault_address)
    made = vault.call("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2}).json

    def unseal():
        for key in made["keys"][:2]:
            assert Vault(daemon.vault_address).call("PUT", "sys/unseal", {"key": key}).status == 200
        wait_until(lambda: daemon.get("/readyz")[0] == 200, "mail to come and go again", details=daemon.log_tail)
    unseal()
    sink.pause()  # nobody takes it: it waits
    daemon.send("alice@postern.example", ["bob@example.net"], letter("waits"))
    assert len(daemon.queue()) == 1

    daemon.restart()
    assert greeting(daemon).startswith("421 4.3.2")
    assert daemon.get_json("/status")["queue"]["messages"] == 1
    assert daemon.metrics()["postern_sealed"] == 1
    sink.resume()
    unseal()
    assert MARKER in sink.for_recipient("bob@example.net", details=daemon.log_tail).content
    assert daemon.metrics()["postern_sealed"] == 0


def test_a_seal_in_the_middle_of_traffic_loses_nothing(make_daemon, make_sink):
    sink = make_sink()
    daemon = make_daemon(shares_config()).route("*", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    made = Vault(daemon.vault_address).call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).json
    root = Vault(daemon.vault_address, made["root_token"])

    def unseal():
        assert root.call("PUT", "sys/unseal", {"key": made["keys"][0]}).status == 200
        wait_until(lambda: daemon.get("/readyz")[0] == 200, "mail to come and go again", details=daemon.log_tail)
    unseal()
    accepted, refusals = [], 0
    for number in range(60):
        if number % 20 == 10:
            assert root.call("PUT", "sys/seal").status == 204
        if number % 20 == 15:
            unseal()
        address = f"r{number}@example.net"
        try:
            daemon.send("alice@postern.example", [address], letter(str(number)))
            accepted.append(address)
        except (smtplib.SMTPException, OSError):
            refusals += 1
    unseal()
    daemon.await_empty_queue()
    for address in accepted:
        assert MARKER in sink.for_recipient(address, details=daemon.log_tail).content
    assert refusals >= 15 and len(accepted) + refusals == 60
