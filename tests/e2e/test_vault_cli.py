"""The command line of OpenBao or Vault, as an administrator types it. Collected only when BAO names the binary (no Debian package has one):

    BAO=/usr/local/bin/bao /usr/bin/python3 -m pytest tests/e2e/test_vault_cli.py
"""

import json
import os
import subprocess

import pytest

from peers import vaultcrypto as stranger
from peers.base import run
from peers.daemon import engine_config
from peers.vault import b64, fresh, unb64


class CommandLine:
    def __init__(self, address: str, token: str | None, home):
        names = {name: value for name, value in os.environ.items() if not name.startswith(("VAULT_", "BAO_"))}
        self._environment = {**names, "HOME": str(home)}
        for prefix in ("VAULT", "BAO"):
            self._environment[f"{prefix}_ADDR"] = address
            if token:
                self._environment[f"{prefix}_TOKEN"] = token

    def run(self, *arguments, input=None, check=True, form="table") -> subprocess.CompletedProcess:
        forms = {"VAULT_FORMAT": form, "BAO_FORMAT": form}
        return run([os.environ["BAO"], *arguments], input=input, check=check, env={**self._environment, **forms})

    def text(self, *arguments, **options) -> str:
        return self.run(*arguments, **options).stdout.decode().strip()

    def json(self, *arguments, **options):
        return json.loads(self.text(*arguments, form="json", **options))

    def fails(self, *arguments, words="") -> str:
        done = self.run(*arguments, check=False)
        said = done.stderr.decode() + done.stdout.decode()
        assert done.returncode != 0 and words in said, said
        return said


@pytest.fixture
def bao(vault, workdir) -> CommandLine:
    vault.ensure_mount("transit", "transit")
    vault.ensure_mount("secret", "kv", version="2")
    return CommandLine(vault.address, vault.token, workdir)


def test_status_and_login(bao, vault, workdir):
    assert bao.json("status")["sealed"] is False
    assert "policies" in bao.text("login", vault.token)
    vault.ensure_auth("userpass")
    user = fresh("user")
    bao.run("write", f"auth/userpass/users/{user}", "password=correct horse", "policies=default")
    stranger_home = workdir / "other"
    stranger_home.mkdir()
    other = CommandLine(vault.address, None, stranger_home)
    assert "default" in other.text("login", "-method=userpass", f"username={user}", "password=correct horse")
    assert other.json("token", "lookup")["data"]["display_name"] == f"userpass-{user}"
    other.fails("login", "-method=userpass", f"username={user}", "password=wrong", words="invalid username or password")


def test_the_runbook(bao):
    storage, dkim, mac, pgp = fresh("mail_storage_key"), fresh("dkim_key"), fresh("api_hmac_key"), fresh("pgp_key_encryption")
    bao.run("write", "-f", f"transit/keys/{storage}", "type=aes256-gcm96")
    bao.run("write", f"transit/keys/{dkim}", "type=ed25519")
    bao.run("write", f"transit/keys/{mac}", "type=hmac", "key_size=32")
    bao.run("write", "-f", f"transit/keys/{pgp}", "type=rsa-2048")
    bao.run("write", "-f", f"transit/keys/{storage}/rotate")
    assert bao.json("read", f"transit/keys/{storage}")["data"]["latest_version"] == 2
    assert {storage, dkim, mac, pgp} <= set(bao.json("list", "transit/keys"))
    sealed = bao.text("write", "-field=ciphertext", f"transit/encrypt/{storage}", f"plaintext={b64('x')}")
    assert unb64(bao.text("write", "-field=plaintext", f"transit/decrypt/{storage}", f"ciphertext={sealed}")) == b"x"
    bao.run("write", f"transit/keys/{storage}/config", "deletion_allowed=true", "min_decryption_version=1", "auto_rotate_period=30d")
    bao.run("delete", f"transit/keys/{storage}")
    bao.fails("read", f"transit/keys/{storage}", words="No value found")


def test_kv(bao):
    path = fresh("secret/app")
    assert bao.json("kv", "put", path, "user=alice", "port=25")["data"]["version"] == 1
    bao.run("kv", "patch", path, "port=465")
    assert bao.json("kv", "get", path)["data"]["data"] == {"user": "alice", "port": "465"}
    assert bao.text("kv", "get", "-field=user", "-version=1", path) == "alice"
    bao.fails("kv", "put", "-cas=1", path, "user=eve", words="check-and-set parameter did not match")
    bao.run("kv", "put", "-mount=secret", "-cas=2", path.removeprefix("secret/"), "user=bob")
    assert path.removeprefix("secret/") in bao.json("kv", "list", "secret")
    bao.run("kv", "delete", path)
    bao.fails("kv", "get", "-field=user", path)
    bao.run("kv", "undelete", "-versions=3", path)
    bao.run("kv", "metadata", "put", "-max-versions=5", "-custom-metadata=owner=hr", path)
    assert bao.json("kv", "metadata", "get", path)["data"]["custom_metadata"] == {"owner": "hr"}
    bao.run("kv", "destroy", "-versions=1,2", path)
    bao.run("kv", "rollback", "-version=3", path)
    assert bao.text("kv", "get", "-field=user", path) == "bob"
    bao.run("kv", "metadata", "delete", path)
    bao.fails("kv", "get", path, words="No value found")


def test_policies_tokens_and_wrapping(bao, vault, workdir):
    policy = fresh("policy")
    bao.run("policy", "write", policy, "-", input='path "secret/data/mine/*" { capabilities = ["create", "read"] }')
    assert policy in bao.text("policy", "list") and "secret/data/mine" in bao.text("policy", "read", policy)
    made = bao.json("token", "create", f"-policy={policy}", "-ttl=1h")["auth"]
    guest = CommandLine(vault.address, made["client_token"], workdir)
    guest.run("kv", "put", f"secret/mine/{fresh('x')}", "a=b")
    guest.fails("kv", "get", "secret/theirs", words="permission denied")
    assert bao.text("token", "capabilities", made["client_token"], "secret/data/mine/x") == "create, read"
    assert bao.json("token", "renew", made["client_token"])["auth"]["client_token"] == made["client_token"]
    wrapped = bao.json("kv", "put", "secret/mine/wrapped", "a=b") and bao.json("kv", "get", "-wrap-ttl=60s", "secret/mine/wrapped")["wrap_info"]["token"]
    assert bao.json("unwrap", wrapped)["data"]["data"] == {"a": "b"}
    bao.fails("unwrap", wrapped, words="wrapping token is not valid or does not exist")
    bao.run("token", "revoke", "-accessor", made["accessor"])
    guest.fails("token", "lookup", words="403")
    bao.run("policy", "delete", policy)


def test_mounts_and_approle(bao, vault):
    mount, role = fresh("team"), fresh("role")
    bao.run("secrets", "enable", f"-path={mount}", "-description=theirs", "kv-v2")
    assert bao.json("secrets", "list")[f"{mount}/"]["options"] == {"version": "2"}
    bao.run("secrets", "tune", "-description=ours", mount)
    bao.run("secrets", "disable", mount)
    if "approle/" not in bao.json("auth", "list"):
        bao.run("auth", "enable", "approle")
    bao.run("write", f"auth/approle/role/{role}", "token_policies=default", "token_ttl=20m")
    role_id = bao.text("read", "-field=role_id", f"auth/approle/role/{role}/role-id")
    secret_id = bao.text("write", "-f", "-field=secret_id", f"auth/approle/role/{role}/secret-id")
    login = bao.json("write", "auth/approle/login", f"role_id={role_id}", f"secret_id={secret_id}")
    assert login["auth"]["lease_duration"] == 1200


def test_transit_import(bao, vault):
    secret, name = os.urandom(32), fresh("imported")
    bao.run("transit", "import", f"transit/keys/{name}", b64(secret), "type=aes256-gcm96")
    sealed = vault.write(f"transit/encrypt/{name}", plaintext=b64("x"))["ciphertext"]
    assert stranger.unseal("aes256-gcm96", secret, stranger.unpacked(sealed)) == b"x"


def test_operator(make_daemon, workdir):
    """From sys/init to a sealed engine and its exit codes."""
    daemon = make_daemon(engine_config("shamir")).start()
    bao = CommandLine(daemon.vault_address, None, workdir)
    assert bao.run("status", check=False).returncode == 2
    made = bao.json("operator", "init", "-key-shares=3", "-key-threshold=2")
    for key in made["unseal_keys_b64"][:2]:
        bao.run("operator", "unseal", key)
    assert bao.run("status").returncode == 0
    root = CommandLine(daemon.vault_address, made["root_token"], workdir)
    root.run("secrets", "list")
    root.run("operator", "rotate")
    root.run("operator", "seal")
    assert bao.run("status", check=False).returncode == 2
