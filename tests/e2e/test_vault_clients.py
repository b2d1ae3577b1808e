"""The clients that people already have, pointed at Postern and used as always: no flag, no workaround, their own methods."""

import hvac
import pytest

from peers.nodeclients import ClientError, NodeClient
from peers.vault import b64, fresh

PAYROLL = 'path "transit/*" { capabilities = ["create", "read", "update", "delete", "list"] }'


@pytest.fixture
def node(vault):
    """Starts one of the npm clients with the root token."""
    made = []

    def start(client: str, **settings) -> NodeClient:
        made.append(NodeClient(client, vault.address, settings.pop("token", vault.token), **settings))
        return made[-1]
    yield start
    for client in made:
        client.close()


@pytest.fixture(autouse=True)
def mounts(vault):
    vault.ensure_mount("transit", "transit")
    vault.ensure_mount("secret", "kv", version="2")
    vault.ensure_auth("approle")
    vault.ensure_auth("userpass")


@pytest.fixture
def approle(vault):
    """role_id and secret_id of a new role with everything in transit and secret."""
    policy, role = fresh("clients"), fresh("mailer")
    vault.write(f"sys/policies/acl/{policy}", policy=PAYROLL + ' path "secret/*" { capabilities = ["create", "read", "update", "delete", "list"] }')
    vault.write(f"auth/approle/role/{role}", token_policies=policy, token_ttl="1h")
    return {"role_id": vault.read(f"auth/approle/role/{role}/role-id")["role_id"],
            "secret_id": vault.write(f"auth/approle/role/{role}/secret-id")["secret_id"]}


def refusal(call, *arguments) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(*arguments)
    return caught.value


# node-vault

def test_node_vault_transit(node):
    client, key = node("node-vault"), fresh("node-vault")
    client.call("transitCreateKey", {"name": key})
    ciphertext = client.call("encryptData", {"name": key, "plaintext": b64("salary list")})["data"]["ciphertext"]
    assert client.call("decryptData", {"name": key, "ciphertext": ciphertext})["data"]["plaintext"] == b64("salary list")

    client.call("write", f"transit/keys/{key}/rotate", {})
    newer = client.call("rewrapData", {"name": key, "ciphertext": ciphertext})["data"]["ciphertext"]
    assert ciphertext.startswith("vault:v1:") and newer.startswith("vault:v2:")
    info = client.call("transitReadKey", {"name": key})["data"]
    assert (info["latest_version"], info["type"], sorted(info["keys"])) == (2, "aes256-gcm96", ["1", "2"])
    assert key in client.call("transitListKeys", {})["data"]["keys"]

    batch = client.call("write", f"transit/encrypt/{key}", {"batch_input": [{"plaintext": b64(text)} for text in ("a", "b")]})
    back = client.call("write", f"transit/decrypt/{key}", {"batch_input": batch["data"]["batch_results"]})
    assert [item["plaintext"] for item in back["data"]["batch_results"]] == [b64("a"), b64("b")]

    assert "deletion is not allowed" in refusal(client.call, "transitDeleteKey", {"name": key}).message
    client.call("write", f"transit/keys/{key}/config", {"deletion_allowed": True})
    client.call("transitDeleteKey", {"name": key})
    assert refusal(client.call, "transitReadKey", {"name": key}).status == 404


def test_node_vault_signs(node):
    client, key = node("node-vault"), fresh("node-vault-sign")
    client.call("write", f"transit/keys/{key}", {"type": "ed25519"})
    signature = client.call("write", f"transit/sign/{key}", {"input": b64("order 66")})["data"]["signature"]
    for text, valid in (("order 66", True), ("order 67", False)):
        assert client.call("write", f"transit/verify/{key}", {"input": b64(text), "signature": signature})["data"]["valid"] is valid


def test_node_vault_secrets(node):
    client, path = node("node-vault"), f"secret/data/{fresh('node-vault')}"
    assert client.call("write", path, {"data": {"user": "alice", "port": 25}})["data"]["version"] == 1
    client.call("update", path, {"data": {"port": 465}})  # PATCH, application/merge-patch+json
    read = client.call("read", path)["data"]
    assert read["data"] == {"user": "alice", "port": 465} and read["metadata"]["version"] == 2
    assert path.rpartition("/")[2] in client.call("list", "secret/metadata")["data"]["keys"]
    client.call("delete", path)
    gone = refusal(client.call, "read", path)
    assert gone.status == 404 and gone.body["data"]["metadata"]["deletion_time"]
    client.call("destroySecretVersions", {"path": path.removeprefix("secret/data/"), "versions": [1, 2]})


def test_node_vault_policies_and_tokens(node):
    client, policy = node("node-vault"), fresh("payroll")
    client.call("addPolicy", {"name": policy, "rules": PAYROLL})  # the legacy path and its legacy field
    assert policy in client.call("policies")["policies"]
    assert client.call("getPolicy", {"name": policy})["rules"] == PAYROLL

    created = client.call("tokenCreate", {"policies": [policy], "ttl": "1h"})["auth"]  # the client goes on with that token
    assert set(created["policies"]) == {"default", policy} and created["lease_duration"] == 3600
    assert client.call("tokenLookupSelf")["data"]["policies"] == sorted(["default", policy])
    assert client.call("tokenRenewSelf", {"increment": "30m"})["auth"]["client_token"] == created["client_token"]
    denied = refusal(client.call, "read", "secret/data/anything")
    assert denied.status == 403 and "permission denied" in denied.message
    client.call("tokenRevokeSelf")
    assert refusal(client.call, "tokenLookupSelf").status == 403


def test_node_vault_logins(node, approle, vault):
    client = node("node-vault", token=None)
    login = client.call("approleLogin", approle)
    assert login["auth"]["client_token"] not in ("", vault.token)
    assert client.call("tokenLookupSelf")["data"]["path"] == "auth/approle/login"

    user = fresh("user")
    vault.write(f"auth/userpass/users/{user}", password="correct horse")
    client.call("userpassLogin", {"username": user, "password": "correct horse"})
    assert client.call("tokenLookupSelf")["data"]["display_name"] == f"userpass-{user}"
    assert refusal(client.call, "userpassLogin", {"username": user, "password": "battery"}).status == 400


def test_node_vault_makes_a_role(node, vault):
    client, role = node("node-vault"), fresh("role")
    client.call("addApproleRole", {"role_name": role, "policies": "default", "token_ttl": 1200})
    role_id = client.call("getApproleRoleId", {"role_name": role})["data"]["role_id"]
    secret_id = client.call("getApproleRoleSecret", {"role_name": role})["data"]["secret_id"]
    assert role in client.call("approleRoles")["data"]["keys"]
    assert client.call("approleLogin", {"role_id": role_id, "secret_id": secret_id})["auth"]["lease_duration"] == 1200


def test_node_vault_unwraps(node, vault):
    path = f"secret/data/{fresh('wrapped')}"
    vault.write(path, data={"pin": "0000"})
    wrapped = vault.call("GET", path, headers={"X-Vault-Wrap-TTL": "60"}).json["wrap_info"]["token"]
    client = node("node-vault")
    assert client.call("unwrap", {"token": wrapped})["data"]["data"] == {"pin": "0000"}
    assert refusal(client.call, "unwrap", {"token": wrapped}).status == 400


def test_node_vault_mounts(node):
    client, mount = node("node-vault"), fresh("kv")
    client.call("mount", {"mount_point": mount, "type": "kv", "options": {"version": "2"}})
    assert client.call("mounts")[f"{mount}/"]["type"] == "kv"
    client.call("unmount", {"mount_point": mount})
    assert f"{mount}/" not in client.call("mounts")
    health = client.call("health")
    assert health["initialized"] and not health["sealed"]


# @litehex/node-vault: checks every answer against its schemas, and sends JSON as text/plain.

def test_litehex_transit(node):
    client, key = node("@litehex/node-vault"), fresh("litehex")
    at = {"mountPath": "transit", "name": key}
    assert client.call("transit.createKey", {**at, "type": "aes256-gcm96"})["data"]["name"] == key
    ciphertext = client.call("transit.encrypt", {**at, "plaintext": b64("salary list")})["data"]["ciphertext"]
    assert client.call("transit.decrypt", {**at, "ciphertext": ciphertext})["data"]["plaintext"] == b64("salary list")
    assert client.call("transit.rotateKey", at)["data"]["latest_version"] == 2
    assert client.call("transit.rewrap", {**at, "ciphertext": ciphertext})["data"]["ciphertext"].startswith("vault:v2:")
    assert key in client.call("transit.listKeys", {"mountPath": "transit"})["data"]["keys"]
    client.call("transit.updateKey", {**at, "deletion_allowed": True, "min_decryption_version": 2})
    assert client.call("transit.readKey", at)["data"]["min_decryption_version"] == 2
    assert client.call("transit.deleteKey", at) is True


def test_litehex_secrets(node):
    client, path = node("@litehex/node-vault"), fresh("litehex")
    at = {"mountPath": "secret", "path": path}
    assert client.call("kv2.write", {**at, "data": {"user": "alice"}})["data"]["version"] == 1
    client.call("kv2.patch", {**at, "data": {"port": "465"}})
    assert client.call("kv2.read", at)["data"]["data"] == {"user": "alice", "port": "465"}
    assert client.call("kv2.subKeys", at)["data"]["subkeys"] == {"user": None, "port": None}
    client.call("kv2.writeMetadata", {**at, "max_versions": 7, "custom_metadata": {"owner": "hr"}})
    metadata = client.call("kv2.readMetadata", at)["data"]
    assert (metadata["max_versions"], metadata["custom_metadata"], metadata["current_version"]) == (7, {"owner": "hr"}, 2)
    assert client.call("kv2.deleteLatest", at) is True
    assert client.call("kv2.undelete", {**at, "versions": [2]}) is True
    assert client.call("kv2.destroy", {**at, "versions": [1]}) is True
    assert client.call("kv2.readMetadata", at)["data"]["versions"]["1"]["destroyed"] is True
    assert client.call("kv2.deleteMetadata", at) is True


def test_litehex_sys(node):
    client = node("@litehex/node-vault")
    status = client.call("sealStatus")
    assert status["initialized"] and not status["sealed"]
    assert client.call("initialized") == {"initialized": True}
    mount = fresh("kv")
    assert client.call("mount", {"mountPath": mount, "type": "kv-v2"}) is True
    assert client.call("engineInfo", {"mountPath": mount})["data"]["options"]["version"] == "2"
    assert client.call("unmount", {"mountPath": mount}) is True


# hashi-vault-js: X-Vault-Namespace is there, and empty.

def test_hashi_vault_js_secrets(node, vault):
    client, path, token = node("hashi-vault-js"), fresh("hashi"), vault.token
    assert client.call("createKVSecret", token, path, {"user": "alice"})["version"] == 1
    assert client.call("updateKVSecret", token, path, {"user": "bob"}, 1)["version"] == 2
    stale = refusal(client.call, "updateKVSecret", token, path, {"user": "eve"}, 1)
    assert stale.status == 400 and "check-and-set parameter did not match" in stale.body["errors"][0]
    assert client.call("readKVSecret", token, path)["data"] == {"user": "bob"}
    assert client.call("readKVSecret", token, path, 1)["data"] == {"user": "alice"}
    assert path in client.call("listKVSecrets", token, "")["keys"]
    client.call("deleteLatestVerKVSecret", token, path)
    assert refusal(client.call, "readKVSecret", token, path).status == 404
    client.call("undeleteVersionsKVSecret", token, path, [2])
    client.call("destroyVersionsKVSecret", token, path, [1])
    versions = client.call("readKVSecretMeta", token, path)["versions"]
    assert versions["1"]["destroyed"] and not versions["2"]["destroyed"] and versions["2"]["deletion_time"] == ""
    client.call("eliminateKVSecret", token, path)
    assert refusal(client.call, "readKVSecretMeta", token, path).status == 404


def test_hashi_vault_js_logins_and_tokens(node, vault, approle):
    client = node("hashi-vault-js")
    logged_in = client.call("loginWithAppRole", approle["role_id"], approle["secret_id"])["client_token"]
    assert client.call("lookupSelfToken", logged_in)["path"] == "auth/approle/login"
    user = fresh("user")
    client.call("createUserpassUser", vault.token, user, "correct horse", ["default"])
    assert client.call("readUserpassUser", vault.token, user)["token_policies"] == ["default"]
    client.call("updateUserpassPassword", vault.token, user, "staple")
    assert refusal(client.call, "loginWithUserpass", user, "correct horse").status == 400
    assert client.call("loginWithUserpass", user, "staple")["metadata"] == {"username": user}
    assert user in client.call("listUserpassUsers", vault.token)["keys"]

    child = client.call("createToken", vault.token, {"policies": ["default"], "ttl": "1h"})
    assert client.call("renewToken", vault.token, child["client_token"], "2h")["lease_duration"] == 7200
    assert client.call("lookupAccessor", vault.token, child["accessor"])["policies"] == ["default"]
    client.call("revokeAccessor", vault.token, child["accessor"])
    assert refusal(client.call, "lookupSelfToken", child["client_token"]).status == 403
    client.call("deleteUserpassUser", vault.token, user)


def test_hashi_vault_js_sys(node, vault):
    client = node("hashi-vault-js")
    assert client.call("healthCheck")["sealed"] is False
    assert client.call("sealStatus")["initialized"] is True
    assert client.call("sysCapabilitiesSelf", vault.token, ["secret/data/x"])["secret/data/x"] == ["root"]


# node-vault-client: logs in by itself, looks itself up, reads, lists and writes.

def test_node_vault_client(node, approle, vault):
    client = node("node-vault-client", token=None, auth={"type": "appRole", "config": approle})
    path = fresh("nvc")
    client.call("write", f"secret/data/{path}", {"data": {"user": "alice"}})
    assert client.call("read", f"secret/data/{path}")["data"]["data"] == {"user": "alice"}
    assert path in client.call("list", "secret/metadata/")["data"]["keys"]
    assert refusal(client.call, "read", f"secret/data/{path}-missing").status == 404
    assert refusal(client.call, "read", "sys/mounts").status == 403
    with_token = node("node-vault-client", auth={"type": "token", "config": {"token": vault.token}})
    assert with_token.call("read", f"secret/data/{path}")["data"]["data"] == {"user": "alice"}
    wrong = node("node-vault-client", auth={"type": "appRole", "config": {**approle, "secret_id": "no"}})
    assert refusal(wrong.call, "read", "sys/mounts").status == 400


# hvac, as Debian packages it.

@pytest.fixture
def hvac_client(vault):
    return hvac.Client(url=vault.address, token=vault.token)


def test_hvac_transit(hvac_client):
    transit, key = hvac_client.secrets.transit, fresh("hvac")
    transit.create_key(key, exportable=True)
    ciphertext = transit.encrypt_data(key, b64("salary list"))["data"]["ciphertext"]
    transit.rotate_key(key)  # no body, no content type
    assert transit.decrypt_data(key, ciphertext)["data"]["plaintext"] == b64("salary list")
    assert transit.rewrap_data(key, ciphertext)["data"]["ciphertext"].startswith("vault:v2:")
    assert sorted(transit.export_key(key, "encryption-key")["data"]["keys"]) == ["1", "2"]
    data_key = transit.generate_data_key(key, "plaintext")["data"]
    assert transit.decrypt_data(key, data_key["ciphertext"])["data"]["plaintext"] == data_key["plaintext"]
    assert len(transit.generate_random_bytes(16)["data"]["random_bytes"]) == 24
    assert transit.hash_data(b64("abc"))["data"]["sum"].startswith("ba7816bf")
    mac = transit.generate_hmac(key, b64("abc"))["data"]["hmac"]
    assert transit.verify_signed_data(key, b64("abc"), hmac=mac)["data"]["valid"] is True
    transit.update_key_configuration(key, deletion_allowed=True, min_decryption_version=2)
    with pytest.raises(hvac.exceptions.InvalidRequest, match="too old"):
        transit.decrypt_data(key, ciphertext)
    transit.delete_key(key)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa-p256", "rsa-2048"])
def test_hvac_signs(hvac_client, kind):
    transit, key = hvac_client.secrets.transit, fresh(f"hvac-{kind}")
    transit.create_key(key, key_type=kind)
    signature = transit.sign_data(key, b64("order 66"))["data"]["signature"]
    assert transit.verify_signed_data(key, b64("order 66"), signature=signature)["data"]["valid"] is True
    assert transit.verify_signed_data(key, b64("order 67"), signature=signature)["data"]["valid"] is False


def test_hvac_secrets(hvac_client):
    kv, path = hvac_client.secrets.kv.v2, fresh("hvac")
    kv.create_or_update_secret(path, {"user": "alice"}, cas=0)
    kv.patch(path, {"port": "465"})
    assert kv.read_secret_version(path)["data"]["data"] == {"user": "alice", "port": "465"}
    kv.delete_secret_versions(path, [2])
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.read_secret_version(path)
    kv.undelete_secret_versions(path, [2])
    kv.update_metadata(path, max_versions=3)
    assert kv.read_secret_metadata(path)["data"]["max_versions"] == 3
    assert path in kv.list_secrets("")["data"]["keys"]
    kv.delete_metadata_and_all_versions(path)


def test_hvac_logins_policies_and_tokens(hvac_client, vault):
    role, policy = fresh("hvac"), fresh("hvac")
    hvac_client.sys.create_or_update_policy(policy, PAYROLL)
    assert hvac_client.sys.read_policy(policy)["data"]["rules"] == PAYROLL
    approle = hvac_client.auth.approle
    approle.create_or_update_approle(role, token_policies=[policy], token_ttl="30m")
    guest = hvac.Client(url=vault.address)
    guest.auth.approle.login(approle.read_role_id(role)["data"]["role_id"], approle.generate_secret_id(role)["data"]["secret_id"])
    assert guest.is_authenticated() and policy in guest.auth.token.lookup_self()["data"]["policies"]
    with pytest.raises(hvac.exceptions.Forbidden):
        guest.secrets.kv.v2.read_secret_version("anything")
    wrapped = hvac_client.auth.token.create(policies=[policy], wrap_ttl="60s")["wrap_info"]["token"]
    assert policy in hvac_client.sys.unwrap(wrapped)["auth"]["policies"]
    guest.auth.token.renew_self()
    guest.auth.token.revoke_self()
    assert not guest.is_authenticated()


def test_hvac_sys(hvac_client):
    assert hvac_client.sys.is_initialized() and not hvac_client.sys.is_sealed()
    assert hvac_client.sys.read_health_status().status_code == 200  # HEAD
    assert hvac_client.sys.read_health_status(method="GET")["sealed"] is False
    assert "transit/" in hvac_client.sys.list_mounted_secrets_engines()["data"]
    assert hvac_client.sys.read_leader_status()["ha_enabled"] in (True, False)
