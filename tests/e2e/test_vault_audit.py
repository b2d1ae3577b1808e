"""The audit lines of the engine: one before and one after each request, values only as HMACs that an auditor can make again."""

import os

import pytest

from peers.daemon import engine_config
from peers.vault import Vault, b64, fresh, refused

SECRET = "MARKER-salary-of-alice"


@pytest.fixture(autouse=True)
def mounts(vault):
    vault.ensure_mount("transit", "transit")
    vault.ensure_mount("secret", "kv", version="2")


def device(vault) -> str:
    """The path of the file device, without its slash."""
    return next(path for path, info in vault.read("sys/audit").items() if info["type"] == "file").rstrip("/")


def audited(vault, text: str) -> str:
    return vault.write(f"sys/audit-hash/{device(vault)}", input=text)["hash"]


def lines_of(engine, path: str) -> list[dict]:
    return [line for line in engine.engine_audit_lines() if line["request"].get("path") == path]


def test_two_lines_for_each_request(engine, vault):
    path = f"secret/data/{fresh('audited')}"
    answer = vault.call("POST", path, {"data": {"pin": SECRET, "count": 7, "open": True, "list": [SECRET, 1]}})
    before, after = lines_of(engine, path)
    assert (before["type"], after["type"]) == ("request", "response")
    assert before["time"] <= after["time"] and before["request"]["id"] == after["request"]["id"] == answer.json["request_id"]
    request = before["request"]
    assert request["operation"] in ("create", "update") and request["mount_type"] == "kv" and request["mount_point"] == "secret/"
    assert request["remote_address"] == "127.0.0.1" and isinstance(request["remote_port"], int)
    hashed = audited(vault, SECRET)
    assert hashed.startswith("hmac-sha256:") and len(hashed) == len("hmac-sha256:") + 64
    assert request["data"]["data"] == {"pin": hashed, "count": 7, "open": True, "list": [hashed, 1]}
    assert after["response"]["data"]["version"] == 1
    assert request["client_token"] == audited(vault, vault.token) == before["auth"]["client_token"]
    assert before["auth"]["policies"] == ["root"] and "error" not in {name for name, value in after.items() if value}


def test_no_secret_in_clear(engine, vault):
    key = vault.new_key("aes256-gcm96", exportable=True)
    sealed = vault.write(f"transit/encrypt/{key}", plaintext=b64(SECRET), context="", associated_data=b64("row"))["ciphertext"]
    opened = vault.write(f"transit/decrypt/{key}", ciphertext=sealed, associated_data=b64("row"))["plaintext"]
    exported = vault.read(f"transit/export/encryption-key/{key}")["keys"]["1"]
    child = vault.new_token(policies=["default"])
    secrets = [SECRET, opened, sealed, exported, vault.token, child["client_token"], child["accessor"]]
    text = engine.engine_audit.read_text() + engine.log_text()
    assert [secret for secret in secrets if secret in text] == []
    assert audited(vault, sealed) in text and audited(vault, opened) in text
    files = {path for secret in secrets[:4] for path in engine.files_containing(secret.encode())}
    assert files == set()


def test_refusals_are_recorded(engine, vault):
    path = f"secret/data/{fresh('forbidden')}"
    guest = vault.with_token("no-such-token")
    refused(guest.call("GET", path), 403)
    limited = vault.limited('path "transit/*" { capabilities = ["read"] }')
    refused(limited.call("GET", path), 403)
    lines = lines_of(engine, path)
    assert len(lines) >= 2 and all("permission denied" in line["error"] for line in lines if line["type"] == "response")
    assert not any(line["auth"].get("policy_results", {}).get("allowed") for line in lines if line.get("auth"))


def test_a_login_shows_who_and_not_how(engine, vault):
    vault.ensure_auth("userpass")
    user = fresh("auditee")
    vault.write(f"auth/userpass/users/{user}", password=SECRET)
    token = vault.call("POST", f"auth/userpass/login/{user}", {"password": SECRET}, token=None).auth["client_token"]
    before, after = lines_of(engine, f"auth/userpass/login/{user}")
    assert before["request"]["data"] == {"password": audited(vault, SECRET)}
    assert after["auth"]["display_name"] == f"userpass-{user}"
    assert audited(vault, token) in (after["response"]["auth"]["client_token"], after["auth"].get("client_token"))


def test_devices_belong_to_the_configuration(vault):
    refused(vault.call("PUT", "sys/audit/mine", {"type": "file", "options": {"file_path": "/tmp/mine"}}), 400, "cannot enable audit device via API")
    assert not os.path.exists("/tmp/mine")
    assert vault.call("DELETE", f"sys/audit/{device(vault)}").status in (400, 403, 405)
    assert device(vault)
    assert vault.call("POST", "sys/audit-hash/no-such-device", {"input": "x"}).status in (400, 404)


def test_the_salt_survives_a_restart_and_is_each_engines_own(engine, vault, make_daemon):
    hashed = audited(vault, SECRET)
    engine.restart()
    assert audited(engine.vault(), SECRET) == hashed
    other = make_daemon(engine_config()).start().vault()
    assert audited(other, SECRET) != hashed


def test_modes(engine):
    assert engine.engine_audit.stat().st_mode & 0o777 == 0o600
    assert (engine.data_dir / "keeper" / "engine.token").stat().st_mode & 0o777 == 0o600


def test_nothing_works_when_nothing_is_recorded(make_daemon):
    """Fail closed: the device cannot take lines, so the engine does not act; when it can again, it goes on."""
    daemon = make_daemon(engine_config())
    daemon.config["engine"]["audit"] = {"file": "full", "chain": False}
    daemon.data_dir.mkdir(parents=True)
    (daemon.data_dir / "full").symlink_to("/dev/full")
    try:
        daemon.start()
    except AssertionError:
        assert "audit" in daemon.log_text()  # refusing to start is fail closed too
        return
    vault: Vault = daemon.vault()
    answer = vault.call("GET", "sys/mounts")
    assert answer.status in (500, 503) and "audit" in answer.error, answer.body
    assert vault.call("PUT", "secret/data/x", {"data": {"n": 1}}).status in (500, 503)
    assert vault.call("GET", "sys/health").status == 200  # asks nothing of the audit
