"""What the command line of Vault 1.21 puts on the wire, recorded between it and a server of its own and sent again, byte for byte and in order.

It sends no content type, asks for gzip, writes strings where it could send numbers, and empty durations where it means the default.
"""

import json

import pytest

from peers import vaultcrypto as stranger
from peers.vault import b64, fresh

HEADERS = {"X-Vault-Request": "true", "Accept-Encoding": "gzip"}
MERGE = {"Content-Type": "application/merge-patch+json"}
NEW_MOUNT = ('{"type":"%s","description":"","config":{"options":null,"default_lease_ttl":"0s","max_lease_ttl":"0s","force_no_cache":false},'
             '"local":false,"seal_wrap":false,"external_entropy_access":false,"options":null}')
NEW_TOKEN = ('{"policies":["default"],"ttl":"%s","explicit_max_ttl":"0s","period":"0s","display_name":"","num_uses":0,"renewable":true,'
             '"type":"service","entity_alias":""}')


@pytest.fixture
def send(vault):
    """send(command line, method, path, body, statuses): the body's JSON, or None."""
    def send(typed, method, path, body="", expected=(200,), headers=None):
        answer = vault.call(method, path, body.encode() if body else b"", headers={**HEADERS, **(headers or {})})
        assert answer.status in expected, f"{typed}: {method} {path} answered {answer.status} {answer.body[:500]!r}"
        return json.loads(answer.body) if answer.body else None
    vault.ensure_mount("transit", "transit")
    vault.ensure_mount("secret", "kv", version="2")
    return send


def test_status_and_login(send):
    assert send("status", "GET", "sys/seal-status")["sealed"] is False
    send("status", "GET", "sys/leader")
    assert send("login TOKEN", "GET", "auth/token/lookup-self")["data"]["policies"]
    assert send("operator key-status", "GET", "sys/key-status")["data"]["term"] >= 1
    send("operator rotate", "POST", "sys/rotate", expected=(200, 204))
    send("operator rekey -status", "GET", "sys/rekey/init")
    send("operator generate-root -status", "GET", "sys/generate-root/attempt")


def test_transit(send):
    key = fresh("wire")
    send("write -f transit/keys/K type=aes256-gcm96", "PUT", f"transit/keys/{key}", '{"type":"aes256-gcm96"}', (200, 204))
    send("write -f transit/keys/K", "PUT", f"transit/keys/{key}", "null", (200, 204))
    send("write -f transit/keys/K/rotate", "PUT", f"transit/keys/{key}/rotate", "null", (200, 204))
    assert send("write transit/encrypt/K", "PUT", f"transit/encrypt/{key}", '{"plaintext":"eA=="}')["data"]["ciphertext"].startswith("vault:v2:")
    assert key in send("list transit/keys", "GET", "transit/keys?list=true")["data"]["keys"]
    send("delete transit/keys/K", "DELETE", f"transit/keys/{key}", expected=(400,))
    send("path-help transit", "GET", "transit?help=1")
    send("write sys/tools/random/8 format=hex", "PUT", "sys/tools/random/8", '{"format":"hex"}')


def test_kv(send):
    name = fresh("wire")
    before = ("GET", f"sys/internal/ui/mounts/secret/{name}")
    assert send("kv put", *before)["data"]["options"] == {"version": "2"}
    assert send("kv put secret/N a=b", "PUT", f"secret/data/{name}", '{"data":{"a":"b"},"options":{}}')["data"]["version"] == 1
    assert send("kv get -version=1", "GET", f"secret/data/{name}?version=1")["data"]["data"] == {"a": "b"}
    send("kv patch secret/N a=c", "PATCH", f"secret/data/{name}", '{"data":{"a":"c"},"options":{}}', headers=MERGE)
    assert send("kv list secret", "GET", "sys/internal/ui/mounts/secret")["data"]["path"] == "secret/"
    assert name in send("kv list secret", "GET", "secret/metadata?list=true")["data"]["keys"]
    send("kv delete", "DELETE", f"secret/data/{name}", expected=(204,))
    send("kv undelete -versions=2", "PUT", f"secret/undelete/{name}", '{"versions":["2"]}', (204,))
    assert send("kv get", "GET", f"secret/data/{name}")["data"]["data"] == {"a": "c"}
    send("kv metadata put -max-versions=3", "PUT", f"secret/metadata/{name}", '{"max_versions":3}', (204,))
    send("kv metadata patch -max-versions=4", "PATCH", f"secret/metadata/{name}", '{"custom_metadata":{},"max_versions":4}', (204,), MERGE)
    send("kv destroy -versions=1", "PUT", f"secret/destroy/{name}", '{"versions":["1"]}', (204,))
    metadata = send("kv metadata get", "GET", f"secret/metadata/{name}")["data"]
    assert metadata["max_versions"] == 4 and metadata["versions"]["1"]["destroyed"]
    send("kv put -cas=2", "PUT", f"secret/data/{name}", '{"data":{"a":"d"},"options":{"cas":2}}')
    send("kv metadata delete", "DELETE", f"secret/metadata/{name}", expected=(204,))
    send("kv get", "GET", f"secret/data/{name}", expected=(404,))


def test_mounts_and_logins(send):
    mount, auth = fresh("wire"), fresh("wire")
    send("secrets enable -path=M kv-v2", "POST", f"sys/mounts/{mount}", NEW_MOUNT % "kv-v2", (204,))
    assert send("secrets list", "GET", "sys/mounts")["data"][f"{mount}/"]["options"] == {"version": "2"}
    send("secrets tune -description=x M", "POST", f"sys/mounts/{mount}/tune",
         '{"options":null,"default_lease_ttl":"","description":"x","max_lease_ttl":"","force_no_cache":false}', (200, 204))
    assert send("secrets list", "GET", "sys/mounts")["data"][f"{mount}/"]["description"] == "x"
    moved = fresh("wire")
    send("secrets move M N", "POST", "sys/remount", json.dumps({"from": f"{mount}/", "to": f"{moved}/"}), (200, 204))
    send("secrets disable N", "DELETE", f"sys/mounts/{moved}", expected=(204,))
    send("auth enable -path=A userpass", "POST", f"sys/auth/{auth}", NEW_MOUNT % "userpass", (204,))
    send("auth tune -description=x A", "POST", f"sys/mounts/auth/{auth}/tune", '{"options":null,"default_lease_ttl":"","description":"x","max_lease_ttl":""}', (200, 204))
    send("login -method=userpass", "PUT", f"auth/{auth}/login/nobody", '{"password":"x"}', (400,))
    send("auth disable A", "DELETE", f"sys/auth/{auth}", expected=(204,))
    send("audit list", "GET", "sys/audit")


def test_policies_and_tokens(send):
    policy = fresh("wire")
    send("policy write P file", "PUT", f"sys/policies/acl/{policy}", '{"policy":"path \\"a\\" { capabilities = [\\"read\\"] }\\n"}', (204,))
    assert policy in send("policy list", "GET", "sys/policies/acl?list=true")["data"]["keys"]
    assert send("policy read P", "GET", f"sys/policies/acl/{policy}")["data"]["policy"]
    send("policy delete P", "DELETE", f"sys/policies/acl/{policy}", expected=(204,))
    made = send("token create -policy=default -ttl=1h", "POST", "auth/token/create", NEW_TOKEN % "1h0m0s")["auth"]
    assert made["lease_duration"] == 3600
    assert send("token create -policy=default", "POST", "auth/token/create", NEW_TOKEN % "0s")["auth"]["lease_duration"] > 3600
    token, accessor = json.dumps(made["client_token"]), json.dumps(made["accessor"])
    send("token renew T", "PUT", "auth/token/renew", '{"increment":0,"token":%s}' % token)
    send("token renew", "PUT", "auth/token/renew-self", '{"increment":0}', (200, 400))  # 400: a root token does not expire
    send("token lookup -accessor A", "POST", "auth/token/lookup-accessor", '{"accessor":%s}' % accessor)
    assert send("token capabilities T P", "POST", "sys/capabilities", '{"path":"secret/x","token":%s}' % token)["capabilities"] == ["deny"]
    assert send("token capabilities P", "POST", "sys/capabilities-self", '{"path":"secret/x","token":%s}' % token)["capabilities"]
    assert made["accessor"] in send("list auth/token/accessors", "GET", "auth/token/accessors?list=true")["data"]["keys"]
    send("token revoke -accessor A", "POST", "auth/token/revoke-accessor", '{"accessor":%s}' % accessor, (204,))
    send("token revoke T", "PUT", "auth/token/revoke", '{"token":%s}' % token, (200, 204, 400, 403))  # it is gone


def test_wrapping_and_leases(send, vault):
    wrapped = send("write -wrap-ttl=60 sys/wrapping/wrap", "PUT", "sys/wrapping/wrap", '{"a":"b"}', headers={"X-Vault-Wrap-TTL": "1m0s"})["wrap_info"]
    assert wrapped["ttl"] == 60
    assert send("unwrap T", "PUT", "sys/wrapping/unwrap", json.dumps({"token": wrapped["token"]}))["data"] == {"a": "b"}
    send("unwrap T", "PUT", "sys/wrapping/unwrap", json.dumps({"token": wrapped["token"]}), (400,))
    send("lease lookup x", "PUT", "sys/leases/lookup", '{"lease_id":"x"}', (400,))
    send("kv get -wrap-ttl=60s nothing", "GET", "secret/data/nothing-there", headers={"X-Vault-Wrap-TTL": "1m0s"}, expected=(404,))


def test_import(send, vault):
    key = send("transit import", "GET", "transit/wrapping_key")["data"]["public_key"]
    name = fresh("wire")
    body = {"ciphertext": stranger.wrapped(key, b"\7" * 32), "type": "aes256-gcm96", "hash_function": "SHA256"}
    send("transit import K", "PUT", f"transit/keys/{name}/import", json.dumps(body), (204,))
    sealed = vault.write(f"transit/encrypt/{name}", plaintext=b64("x"))["ciphertext"]
    assert stranger.unseal("aes256-gcm96", b"\7" * 32, stranger.unpacked(sealed)) == b"x"
