"""The shape of every answer, weak typing, verbs and bodies of any kind, hostile requests; mounts, policies, wrapping."""

import json
import re

import pytest

from peers.vault import ENVELOPE, Vault, b64, expect_envelope, fresh, refused

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(autouse=True)
def mounts(vault):
    vault.ensure_mount("transit", "transit")
    vault.ensure_mount("secret", "kv", version="2")


# Shapes.

def test_the_envelope_has_all_its_keys(vault):
    answer = vault.call("PUT", f"transit/encrypt/{vault.new_key()}", {"plaintext": b64("x")})
    envelope = expect_envelope(answer)
    assert UUID.fullmatch(envelope["request_id"]) and envelope["lease_id"] == "" and envelope["renewable"] is False and envelope["lease_duration"] == 0
    assert envelope["wrap_info"] is None and envelope["warnings"] is None and envelope["auth"] is None
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["Cache-Control"] == "no-store"
    other = vault.call("GET", "sys/mounts")
    assert other.json["request_id"] != envelope["request_id"]


def test_the_auth_block(vault):
    auth = vault.new_token(policies=["default"], ttl="1h", meta={"team": "hr"})
    assert auth.keys() >= {"client_token", "accessor", "policies", "token_policies", "metadata", "lease_duration", "renewable", "entity_id", "token_type", "orphan",
                           "mfa_requirement", "num_uses"}
    assert (auth["policies"], auth["metadata"], auth["lease_duration"], auth["renewable"], auth["token_type"]) == (["default"], {"team": "hr"}, 3600, True, "service")


def test_nothing_is_no_content_and_nothing_found_is_an_empty_error(vault):
    written = vault.call("PUT", f"sys/policies/acl/{fresh('empty')}", {"policy": ""})
    assert written.status in (200, 204) or refused(written, 400)
    gone = vault.call("DELETE", f"secret/metadata/{fresh('none')}")
    assert (gone.status, gone.body) == (204, b"") and gone.headers["Cache-Control"] == "no-store"
    for method, path in (("GET", "secret/data/none"), ("LIST", "secret/metadata/none/"), ("GET", "transit/keys/none")):
        answer = vault.call(method, path)
        assert (answer.status, answer.json, answer.headers["Content-Type"]) == (404, {"errors": []}, "application/json")


def test_unknown_mounts_and_paths(vault):
    refused(vault.call("GET", "nowhere/x"), 404, 'no handler for route "nowhere/x". route entry not found.')
    refused(vault.call("POST", "transit/no-such-action/x", {}), 404)
    refused(vault.call("GET", "sys/no-such-thing"), 404)
    refused(vault.call("DELETE", f"transit/encrypt/{vault.new_key()}"), 405, "unsupported operation")
    refused(vault.call("PUT", "secret/data/folder/", {"data": {}}), 400, "cannot write to a path ending in '/'")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS", "PURGE", "list", "GETT", "X"])
def test_verbs_that_are_none(vault, method):
    status, received = vault.raw(f"{method} /v1/sys/mounts HTTP/1.1\r\nHost: h\r\nX-Vault-Token: {vault.token}\r\nConnection: close\r\n\r\n".encode())
    assert status in (400, 405, 501) and b'"mounts' not in received and vault.token.encode() not in received


def test_list_is_a_verb_and_a_query(vault):
    folder = f"secret/metadata/{fresh('listed')}"
    vault.write(f"{folder.replace('metadata', 'data', 1)}/one", data={"n": 1})
    for method, path in (("LIST", folder), ("LIST", f"{folder}/"), ("GET", f"{folder}?list=true"), ("GET", f"{folder}/?list=1"), ("LIST", f"{folder}/?list=true"),
                         ("GET", f"{folder}?list=T")):
        assert vault.call(method, path).data == {"keys": ["one"]}, path
    assert vault.call("GET", f"{folder}/one?list=false").data["current_version"] == 1
    assert 400 <= vault.call("GET", f"{folder}?list=perhaps").status < 500


def test_data_stand_at_the_top_too(vault):
    for path in ("sys/mounts", "sys/auth", "sys/policy", "sys/audit", "sys/key-status"):
        answer = expect_envelope(vault.call("GET", path))
        assert answer["data"] and {name: answer[name] for name in answer["data"] if name not in ENVELOPE} == \
            {name: value for name, value in answer["data"].items() if name not in ENVELOPE}, path
    capabilities = vault.call("POST", "sys/capabilities-self", {"paths": ["secret/data/x"]}).json
    assert capabilities["capabilities"] == capabilities["data"]["capabilities"] == ["root"] == capabilities["secret/data/x"]
    assert "keys" not in vault.call("LIST", "sys/policies/acl").json


def test_bare_answers(vault):
    for path, keys in (("sys/init", {"initialized"}), ("sys/leader", {"ha_enabled", "is_self"}), ("sys/health", {"initialized", "sealed", "standby", "version"}),
                       ("sys/seal-status", {"type", "initialized", "sealed", "t", "n", "progress", "nonce", "version", "migration", "recovery_seal", "storage_type"})):
        answer = vault.call("GET", path, token=None)
        assert answer.status == 200 and answer.json.keys() >= keys and "request_id" not in answer.json, path


def test_health(vault):
    head = vault.call("HEAD", "sys/health", token=None)
    assert (head.status, head.body) == (200, b"")
    assert vault.call("GET", "sys/health?activecode=299", token=None).status == 299
    assert vault.call("GET", "sys/health?standbyok=true&perfstandbyok=true", token=None).status == 200
    assert vault.call("HEAD", "sys/health?activecode=204", token=None).status == 204
    refused(vault.call("GET", "sys/health?activecode=many", token=None), 400)


# Bodies and types.

@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain;charset=UTF-8", "application/octet-stream", "x", "application/x-www-form-urlencoded"])
def test_json_whatever_the_content_type(vault, content_type):
    path = f"secret/data/{fresh('typed')}"
    headers = {"Content-Type": content_type} if content_type else {}
    assert vault.call("POST", path, b'  {"data": {"n": 1}}', headers=headers).status == 200
    assert vault.read(path)["data"] == {"n": 1}


def test_a_form(vault):
    key = fresh("form")
    answer = vault.call("POST", f"transit/keys/{key}", b"type=aes128-gcm96&exportable=true", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status in (200, 204)
    assert (vault.read(f"transit/keys/{key}")["type"], vault.read(f"transit/keys/{key}")["exportable"]) == ("aes128-gcm96", True)


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b" \n", b'{"unknown": {"deep": [1]}, "name": "other", "mount_point": "transit"}'])
def test_bodies_that_say_nothing(vault, body):
    key = vault.new_key()
    assert vault.call("PUT", f"transit/keys/{key}/rotate", body).status in (200, 204)
    assert vault.read(f"transit/keys/{key}")["latest_version"] == 2


@pytest.mark.parametrize("fields", [{"derived": "true", "exportable": "1"}, {"derived": True, "exportable": 1}, {"derived": "TRUE", "exportable": "t"}])
@pytest.mark.parametrize("period", ["2h", "7200", 7200, "1h60m", "120m"])
def test_weak_typing(vault, fields, period):
    info = vault.read(f"transit/keys/{vault.new_key('aes256-gcm96', auto_rotate_period=period, **fields)}")
    assert (info["derived"], info["exportable"], info["auto_rotate_period"]) == (True, True, 7200)


def test_lists_as_arrays_and_with_commas(vault):
    for policies in (["default", "reader"], "default,reader", " default , reader ,"):
        role = fresh("role")
        vault.ensure_auth("approle")
        vault.write(f"auth/approle/role/{role}", token_policies=policies, token_ttl="1h30m")
        read = vault.read(f"auth/approle/role/{role}")
        assert read["token_policies"] == ["default", "reader"] and read["token_ttl"] == 5400


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b'"text"', b"{'a': 1}", b'{"a": 1} trailing', b"\xff\xfe", b'{"a": NaN}', b'{"a": "\xc3\x28"}',
                                  b"[" * 10000 + b"]" * 10000, b'{"a":' * 10000 + b"1" + b"}" * 10000, b'{"a": 1e999999}', b'{"a": "\\ud800"}'], ids=lambda body: repr(body[:16]))
def test_bodies_that_are_no_json_object(vault, body):
    answer = vault.call("POST", f"secret/data/{fresh('json')}", body)
    assert answer.status == 400, answer.body
    assert isinstance(answer.errors, list) and answer.errors


def test_a_body_over_the_limit(vault):
    head = f"POST /v1/secret/data/large HTTP/1.1\r\nHost: h\r\nX-Vault-Token: {vault.token}\r\nContent-Length: {(32 << 20) + 1}\r\n\r\n"
    status, received = vault.raw(head.encode() + b'{"data":')
    assert status == 413, received[:500]
    assert vault.call("GET", "sys/mounts").status == 200


def test_a_chunked_body(vault):
    path = fresh("chunked")
    body = b'{"data": {"n": 1}}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:])) + b"0\r\n\r\n"
    head = f"PUT /v1/secret/data/{path} HTTP/1.1\r\nHost: h\r\nX-Vault-Token: {vault.token}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    status, received = vault.raw(head.encode() + chunks)
    assert status == 200, received
    assert vault.read(f"secret/data/{path}")["data"] == {"n": 1}


# Paths.

@pytest.mark.parametrize("path", ["secret/data/../../sys/mounts", "secret/../sys/mounts", "%2e%2e/sys/mounts", "secret/%2e%2e/sys/mounts", "secret/data/..%2f..%2f../sys/mounts",
                                  "secret/data/a%00b", "transit/keys/%2e%2e", "../api/v1/queue", "%2e%2e/api/v1/queue", "secret/data/%ff", "secret/data/%zz", "secret/data/%",
                                  "//sys/mounts", "secret//data/x", "sys/mounts%00", "transit/keys/a%2f..%2fb", "", "%2fsys%2fmounts", "secret/data/" + "x/" * 3000], ids=lambda path: path[:32])
def test_path_tricks(vault, path):
    status, received = vault.raw_get(path)
    assert 300 <= status < 500 and b'"transit/"' not in received, received[:500]


def test_very_long_paths(vault):
    for size in (5_000, 20_000, 1_000_000):
        status, _ = vault.raw_get(f"secret/data/{'x' * size}")
        assert status in (0, 400, 404, 413, 414, 431), (size, status)
    assert vault.call("GET", "sys/mounts").status == 200


def test_a_policy_cannot_be_walked_around(vault):
    """What is decided about a path is what is read: no spelling of a denied path is allowed."""
    vault.write("secret/data/walk/closed", data={"n": 1})
    guest = vault.limited('path "secret/data/walk/*" { capabilities = ["read"] } path "secret/data/walk/closed" { capabilities = ["deny"] }')
    for path in ("secret/data/walk/closed", "secret/data/walk/./closed", "secret/data/walk//closed", "secret/data/walk/%63losed", "secret/data/walk/x/../closed",
                 "secret/data/walk/closed%00", "secret/data/walk/closed?", "secret/data/walk%2fclosed", "secret%2Fdata%2Fwalk%2Fclosed", "secret/data/walk/closed/"):
        status, received = guest.raw_get(path)
        assert 300 <= status < 500 and b'"n"' not in received, path


def test_namespaces(vault):
    for header in ("", "root", "root/"):
        assert vault.call("GET", "sys/mounts", headers={"X-Vault-Namespace": header}).status == 200
    assert 400 <= vault.call("GET", "sys/mounts", headers={"X-Vault-Namespace": "team"}).status < 500


def test_the_token_in_either_header(vault):
    assert vault.call("GET", "sys/mounts", token=None, headers={"Authorization": f"Bearer {vault.token}"}).status == 200
    refused(vault.call("GET", "sys/mounts", token="wrong", headers={"Authorization": f"Bearer {vault.token}"}), 403)
    refused(vault.call("GET", "sys/mounts", token=None, headers={"Authorization": f"Basic {vault.token}"}), 403)
    refused(vault.call("GET", "sys/mounts", token=None), 403)


def test_help(vault):
    assert vault.call("GET", "transit/keys/x?help=1").json["help"]


# Mounts.

def test_a_mount_lives(vault):
    mount = fresh("team/engine")
    assert vault.call("POST", f"sys/mounts/{mount}", {"type": "transit", "description": "theirs", "config": {"default_lease_ttl": "2h"}}).status == 204
    info = vault.read("sys/mounts")[f"{mount}/"]
    assert info.keys() >= {"type", "description", "accessor", "local", "seal_wrap", "external_entropy_access", "options", "uuid", "plugin_version",
                           "running_plugin_version", "running_sha256", "config"}
    assert info["type"] == "transit" and info["description"] == "theirs" and re.fullmatch(r"transit_[0-9a-f]{8}", info["accessor"])
    assert info["config"].keys() >= {"default_lease_ttl", "max_lease_ttl", "force_no_cache"} and info["config"]["default_lease_ttl"] == 7200
    assert vault.read(f"sys/mounts/{mount}")["uuid"] == info["uuid"]
    vault.write(f"sys/mounts/{mount}/tune", description="ours", max_lease_ttl="3h")
    tuned = vault.read(f"sys/mounts/{mount}/tune")
    assert (tuned["description"], tuned["max_lease_ttl"], tuned["default_lease_ttl"]) == ("ours", 10800, 7200)
    vault.write(f"{mount}/keys/k")
    refused(vault.call("POST", f"sys/mounts/{mount}", {"type": "kv"}), 400, "path is already in use")
    refused(vault.call("POST", f"sys/mounts/{mount}/below", {"type": "kv"}), 400)

    other = fresh("moved")
    moved = vault.call("POST", "sys/remount", {"from": mount, "to": other})
    assert moved.status in (200, 204), moved.body
    assert vault.list(f"{other}/keys") == ["k"]
    assert vault.call("DELETE", f"sys/mounts/{other}").status == 204
    refused(vault.call("LIST", f"{other}/keys"), 404, "no handler for route")


@pytest.mark.parametrize("path,body", [("x-1", {"type": "no-such-engine"}), ("x-2", {}), ("sys/x", {"type": "kv"}), ("auth/x", {"type": "kv"}), ("cubbyhole", {"type": "kv"}),
                                       ("x-3", {"type": "kv", "options": {"version": "9"}}), ("x-4", {"type": "kv", "config": {"default_lease_ttl": "soon"}})])
def test_mounts_that_cannot_be(vault, path, body):
    refused(vault.call("POST", f"sys/mounts/{path}", body), 400)
    assert f"{path}/" not in vault.read("sys/mounts") or path == "cubbyhole"


def test_system_mounts_stay(vault):
    for mount in ("sys", "cubbyhole"):
        refused(vault.call("DELETE", f"sys/mounts/{mount}"), 400)
    refused(vault.call("DELETE", "sys/auth/token"), 400)


# Policies.

def test_policies(vault):
    name, text = fresh("policy"), '# payroll\npath "secret/data/pay/+/list" {\n  capabilities = ["read", "list"]\n}\n'
    assert vault.call("PUT", f"sys/policies/acl/{name}", {"policy": text}).status == 204
    assert vault.read(f"sys/policies/acl/{name}")["policy"] == text
    assert vault.call("GET", f"sys/policy/{name}").json["rules"] == text
    assert {"default", "root", name} <= set(vault.list("sys/policies/acl"))
    as_json = json.dumps({"path": {"secret/*": {"capabilities": ["read"]}}})
    vault.write(f"sys/policies/acl/{name}", policy=as_json)
    assert vault.call("PUT", f"sys/policies/acl/{name}", {"policy": b64(text)}).status in (204, 400)
    assert vault.call("DELETE", f"sys/policies/acl/{name}").status == 204
    assert vault.call("GET", f"sys/policies/acl/{name}").status == 404
    refused(vault.call("DELETE", "sys/policies/acl/default"), 400, "cannot delete")
    refused(vault.call("PUT", "sys/policies/acl/root", {"policy": text}), 400)


@pytest.mark.parametrize("text", ['path "x" {', 'path "x" { capabilities = ["fly"] }', 'path "x" { capabilities = "read" extra }', '{"path": 5}', '{"path": {"x": 5}}',
                                  'path "x" { policy = "superuser" }', 'path "a+b" { capabilities = ["read"] } }', "\0", 'path "' + "x" * 10, 'path "x" {' * 5000,
                                  'path "+*" { capabilities = ["read"] }'], ids=lambda text: repr(text[:24]))
def test_policies_that_are_none(vault, text):
    name = fresh("policy")
    refused(vault.call("PUT", f"sys/policies/acl/{name}", {"policy": text}), 400)
    assert vault.call("GET", f"sys/policies/acl/{name}").status == 404


def test_capabilities(vault):
    guest = vault.limited('path "secret/data/a/*" { capabilities = ["read", "update"] } path "secret/data/a/no" { capabilities = ["deny"] }')
    found = guest.call("POST", "sys/capabilities-self", {"paths": ["secret/data/a/x", "secret/data/a/no", "secret/data/b"]}).json
    assert [sorted(found[path]) for path in ("secret/data/a/x", "secret/data/a/no", "secret/data/b")] == [["read", "update"], ["deny"], ["deny"]]
    same = vault.call("POST", "sys/capabilities", {"token": guest.token, "paths": "secret/data/a/x"}).json
    assert sorted(same["secret/data/a/x"]) == ["read", "update"]
    accessor = guest.read("auth/token/lookup-self")["accessor"]
    assert sorted(vault.call("POST", "sys/capabilities-accessor", {"accessor": accessor, "paths": ["secret/data/a/x"]}).json["secret/data/a/x"]) == ["read", "update"]


# Wrapping.

def wrap(vault: Vault, path: str, ttl="60") -> dict:
    answer = vault.call("GET", path, headers={"X-Vault-Wrap-TTL": ttl})
    assert answer.status == 200 and answer.json["data"] is None
    return answer.json["wrap_info"]


def test_wrapping(vault):
    vault.write("secret/data/wrapped", data={"pin": "0000"})
    for ttl in ("60", "60s", "1m"):
        info = wrap(vault, "secret/data/wrapped", ttl)
        assert info.keys() >= {"token", "accessor", "ttl", "creation_time", "creation_path"} and (info["ttl"], info["creation_path"]) == (60, "secret/data/wrapped")
    looked = vault.call("POST", "sys/wrapping/lookup", {"token": info["token"]}, token=None).data
    assert looked["creation_ttl"] == 60 and looked["creation_path"] == "secret/data/wrapped"
    renewed = vault.call("POST", "sys/wrapping/rewrap", {"token": info["token"]}).json["wrap_info"]["token"]
    refused(vault.call("POST", "sys/wrapping/unwrap", {"token": info["token"]}), 400, "wrapping token is not valid or does not exist")
    unwrapped = vault.call("POST", "sys/wrapping/unwrap", token=renewed)  # the wrapping token as the client token
    assert unwrapped.data["data"] == {"pin": "0000"}


def test_a_wrapping_token_works_once_and_for_nothing_else(vault):
    vault.write("secret/data/wrapped", data={"pin": "0000"})
    token = wrap(vault, "secret/data/wrapped")["token"]
    for method, path in (("GET", "secret/data/wrapped"), ("GET", "sys/mounts"), ("GET", "auth/token/lookup-self"), ("POST", "auth/token/create")):
        assert vault.call(method, path, token=token).status in (400, 403), path
    token = wrap(vault, "secret/data/wrapped")["token"]
    assert vault.call("POST", "sys/wrapping/unwrap", {"token": token}).data["data"] == {"pin": "0000"}
    for _ in range(3):
        refused(vault.call("POST", "sys/wrapping/unwrap", {"token": token}), 400, "wrapping token is not valid or does not exist")
    refused(vault.call("POST", "sys/wrapping/unwrap", token=token), 400)
    refused(vault.call("POST", "sys/wrapping/unwrap", {"token": vault.token}), 400)
    refused(vault.call("POST", "sys/wrapping/unwrap", {"token": "hvs.nothing"}), 400)


def test_wrapping_anything(vault):
    info = vault.call("POST", "sys/wrapping/wrap", {"a": "b"}, headers={"X-Vault-Wrap-TTL": "60"}).json["wrap_info"]
    assert vault.call("POST", "sys/wrapping/unwrap", {"token": info["token"]}).data == {"a": "b"}
    refused(vault.call("GET", "secret/data/wrapped", headers={"X-Vault-Wrap-TTL": "soon"}), 400)
    refused(vault.call("GET", "secret/data/wrapped", headers={"X-Vault-Wrap-TTL": "-5"}), 400)


# Tools, barrier, metrics.

def test_tools(vault):
    assert len(vault.write("sys/tools/random/8", format="hex")["random_bytes"]) == 16
    assert vault.write("sys/tools/hash/sha2-256", input=b64("abc"))["sum"].startswith("ba7816bf")


def test_barrier_rotation(vault):
    before = vault.read("sys/key-status")
    vault.write("secret/data/rotated", data={"n": 1})
    assert vault.call("PUT", "sys/rotate").status in (200, 204)
    assert vault.read("sys/key-status")["term"] == before["term"] + 1
    assert vault.read("secret/data/rotated")["data"] == {"n": 1}


def test_metrics(vault):
    answer = vault.call("GET", "sys/metrics?format=prometheus")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain") and b"# TYPE" in answer.body
    assert vault.token.encode() not in answer.body
