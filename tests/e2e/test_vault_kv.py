"""KV version 2: versions, check-and-set, patch, the three ways to lose a secret, and metadata."""

import concurrent.futures

import pytest

from peers.vault import expect_envelope, fresh, refused


@pytest.fixture(autouse=True)
def mounted(vault):
    vault.ensure_mount("secret", "kv", version="2")


@pytest.fixture
def path(vault) -> str:
    """Below data/, metadata/ and so on: one secret with two versions."""
    name = f"{fresh('team')}/app"
    vault.write(f"secret/data/{name}", data={"user": "alice"})
    vault.write(f"secret/data/{name}", data={"user": "bob", "port": 25, "tls": True, "hosts": ["a", "b"], "deep": {"x": None}})
    return name


def test_write_and_read(vault, path):
    written = vault.call("POST", f"secret/data/{path}", {"data": {"user": "carol"}})
    expect_envelope(written)
    assert written.data.keys() == {"created_time", "custom_metadata", "deletion_time", "destroyed", "version"}
    assert (written.data["version"], written.data["deletion_time"], written.data["destroyed"], written.data["custom_metadata"]) == (3, "", False, None)
    for version, user in (("", "carol"), ("?version=1", "alice"), ("?version=2", "bob"), ("?version=0", "carol")):
        assert vault.read(f"secret/data/{path}{version}")["data"]["user"] == user
    second = vault.read(f"secret/data/{path}?version=2")
    assert second["data"] == {"user": "bob", "port": 25, "tls": True, "hosts": ["a", "b"], "deep": {"x": None}}  # types survive
    assert second["metadata"]["version"] == 2


def test_what_is_not_there(vault, path):
    for target in (f"secret/data/{path}-no", f"secret/data/{path}?version=9", f"secret/metadata/{path}-no", f"secret/subkeys/{path}-no"):
        answer = vault.call("GET", target)
        assert (answer.status, answer.json) == (404, {"errors": []}), target
    wrong = vault.call("GET", f"secret/{path}")  # the path of version 1
    assert wrong.status == 404 and any("Invalid path for a versioned K/V secrets engine" in text for text in wrong.json.get("warnings") or [])


def test_check_and_set(vault, path):
    mismatch = "check-and-set parameter did not match the current version"
    for cas in (0, 1, 3, -1):
        refused(vault.call("POST", f"secret/data/{path}", {"data": {}, "options": {"cas": cas}}), 400, mismatch)
    assert vault.write(f"secret/data/{path}", data={"n": 3}, options={"cas": 2})["version"] == 3
    assert vault.write(f"secret/data/{path}", data={"n": 4}, options={"cas": "3"})["version"] == 4
    assert vault.write(f"secret/data/{fresh('new')}", data={}, options={"cas": 0})["version"] == 1
    refused(vault.call("POST", f"secret/data/{fresh('new')}", {"data": {}, "options": {"cas": 1}}), 400, mismatch)

    vault.write(f"secret/metadata/{path}", cas_required=True)
    refused(vault.call("POST", f"secret/data/{path}", {"data": {}}), 400, "check-and-set parameter required for this call")
    assert vault.write(f"secret/data/{path}", data={}, options={"cas": 4})["version"] == 5


def test_only_one_of_many_wins_a_version(vault, path):
    def attempt(number):
        return vault.with_token(vault.token).call("POST", f"secret/data/{path}", {"data": {"n": number}, "options": {"cas": 2}}).status
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == [200] + [400] * 7
    assert vault.read(f"secret/metadata/{path}")["current_version"] == 3


def test_patch(vault, path):
    assert vault.patch(f"secret/data/{path}", {"data": {"port": 465, "tls": None, "deep": {"y": 1}}})["version"] == 3
    assert vault.read(f"secret/data/{path}")["data"] == {"user": "bob", "port": 465, "hosts": ["a", "b"], "deep": {"x": None, "y": 1}} or \
        vault.read(f"secret/data/{path}")["data"] == {"user": "bob", "port": 465, "hosts": ["a", "b"], "deep": {"y": 1}}
    merge = {"Content-Type": "application/merge-patch+json"}
    refused(vault.call("PATCH", f"secret/data/{path}", {"data": {}, "options": {"cas": 1}}, headers=merge), 400, "did not match")
    assert vault.call("PATCH", f"secret/data/{path}", {"data": {}}, headers={"Content-Type": "application/json"}).status == 415
    assert vault.call("PATCH", f"secret/data/{fresh('none')}", {"data": {"a": 1}}, headers=merge).status == 404


def test_delete_and_undelete(vault, path):
    assert vault.call("DELETE", f"secret/data/{path}").status == 204
    gone = vault.call("GET", f"secret/data/{path}")
    assert gone.status == 404 and gone.json["request_id"]
    assert gone.data["data"] is None and gone.data["metadata"]["version"] == 2 and gone.data["metadata"]["deletion_time"]
    assert vault.read(f"secret/data/{path}?version=1")["data"] == {"user": "alice"}
    assert vault.call("POST", f"secret/undelete/{path}", {"versions": [2]}).status == 204
    assert vault.read(f"secret/data/{path}")["data"]["user"] == "bob"
    assert vault.call("PUT", f"secret/delete/{path}", {"versions": "1,2"}).status == 204
    assert [vault.call("GET", f"secret/data/{path}?version={version}").status for version in (1, 2)] == [404, 404]


def test_destroy(vault, path):
    assert vault.call("PUT", f"secret/destroy/{path}", {"versions": [2]}).status == 204
    gone = vault.call("GET", f"secret/data/{path}?version=2")
    assert gone.status == 404 and gone.data["data"] is None and gone.data["metadata"]["destroyed"] is True
    vault.write(f"secret/undelete/{path}", versions=[2])  # brings nothing back
    assert vault.call("GET", f"secret/data/{path}?version=2").status == 404
    for action in ("delete", "undelete", "destroy"):
        refused(vault.call("POST", f"secret/{action}/{path}", {}), 400)
        refused(vault.call("POST", f"secret/{action}/{path}", {"versions": ["x"]}), 400)


def test_destroyed_leaves_the_data_directory(engine, vault, path):
    """Not in clear before, and not under another name after."""
    marker = fresh("MARKER-of-a-secret-value")
    vault.write(f"secret/data/{path}", data={"pin": marker})
    assert engine.files_containing(marker.encode()) == []
    vault.write(f"secret/destroy/{path}", versions=[3])
    assert engine.files_containing(marker.encode()) == []


def test_metadata(vault, path):
    created = vault.read(f"secret/metadata/{path}")
    assert created.keys() >= {"cas_required", "created_time", "current_version", "custom_metadata", "delete_version_after", "max_versions", "oldest_version",
                              "updated_time", "versions"}
    assert (created["current_version"], created["oldest_version"], created["delete_version_after"]) == (2, 0, "0s")
    assert created["versions"].keys() == {"1", "2"} and created["versions"]["1"].keys() >= {"created_time", "deletion_time", "destroyed"}
    assert vault.call("POST", f"secret/metadata/{path}", {"custom_metadata": {"owner": "hr"}, "max_versions": "2"}).status == 204
    vault.write(f"secret/data/{path}", data={"n": 3})
    after = vault.read(f"secret/metadata/{path}")
    assert after["custom_metadata"] == {"owner": "hr"} and after["versions"].keys() == {"2", "3"} and after["oldest_version"] == 2
    assert vault.read(f"secret/data/{path}")["metadata"]["custom_metadata"] == {"owner": "hr"}
    vault.patch(f"secret/metadata/{path}", {"custom_metadata": {"owner": None, "cost": "7"}})
    assert vault.read(f"secret/metadata/{path}")["custom_metadata"] == {"cost": "7"}
    assert vault.call("DELETE", f"secret/metadata/{path}").status == 204
    assert vault.call("GET", f"secret/metadata/{path}").status == 404 and vault.call("GET", f"secret/data/{path}").status == 404


def test_versions_that_expire(vault):
    path = fresh("expiring")
    vault.write(f"secret/metadata/{path}", delete_version_after="1h")
    written = vault.write(f"secret/data/{path}", data={"n": 1})
    assert written["deletion_time"] > written["created_time"]
    assert vault.read(f"secret/data/{path}")["data"] == {"n": 1}
    assert vault.read(f"secret/metadata/{path}")["delete_version_after"] == "1h0m0s"


def test_listing(vault):
    folder = fresh("folder")
    for name in ("b", "a", "sub/x", "sub/y", "b/under"):
        vault.write(f"secret/data/{folder}/{name}", data={"n": 1})
    assert vault.list(f"secret/metadata/{folder}") == ["a", "b", "b/", "sub/"]
    assert vault.list(f"secret/metadata/{folder}/") == vault.list(f"secret/metadata/{folder}")
    assert vault.call("GET", f"secret/metadata/{folder}/sub?list=true").data["keys"] == ["x", "y"]
    assert vault.call("LIST", f"secret/metadata/{folder}/none").json == {"errors": []}
    vault.delete(f"secret/metadata/{folder}/b")
    assert vault.list(f"secret/metadata/{folder}") == ["a", "b/", "sub/"]


def test_subkeys_show_no_value(vault, path):
    answer = vault.call("GET", f"secret/subkeys/{path}")
    assert answer.data["subkeys"] == {"user": None, "port": None, "tls": None, "hosts": None, "deep": {"x": None}}
    assert b"bob" not in answer.body
    assert vault.read(f"secret/subkeys/{path}?depth=1")["subkeys"]["deep"] is None
    assert vault.read(f"secret/subkeys/{path}?version=1")["subkeys"] == {"user": None}


def test_configuration_of_the_mount(vault):
    mount = fresh("kv")
    vault.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    assert vault.read(f"{mount}/config") == {"cas_required": False, "delete_version_after": "0s", "max_versions": 0}
    vault.write(f"{mount}/config", max_versions="3", cas_required="true", delete_version_after="2h")
    assert vault.read(f"{mount}/config") == {"cas_required": True, "delete_version_after": "2h0m0s", "max_versions": 3}
    refused(vault.call("POST", f"{mount}/data/x", {"data": {}}), 400, "check-and-set parameter required")
    for version in range(5):
        vault.write(f"{mount}/data/x", data={"n": version}, options={"cas": version})
    assert vault.read(f"{mount}/metadata/x")["versions"].keys() == {"3", "4", "5"}
    vault.delete(f"sys/mounts/{mount}")
    vault.write(f"sys/mounts/{mount}", type="kv", options={"version": "2"})
    assert vault.call("GET", f"{mount}/data/x").status == 404  # nothing of the old mount comes back


def test_paths_with_anything_in_them(vault):
    for name in ("sp%20ace", "%C3%BCml%C3%A4ut", "a.b-c_d", "per%25cent", "q%3Fmark", "x" * 1000):
        path = f"{fresh('odd')}{name}"
        vault.write(f"secret/data/{path}", data={"n": name})
        assert vault.read(f"secret/data/{path}")["data"] == {"n": name}
        assert vault.call("DELETE", f"secret/metadata/{path}").status == 204


@pytest.mark.parametrize("body", [None, {}, {"data": "text"}, {"data": ["x"]}, {"user": "alice"}, {"data": {}, "options": "x"},
                                  {"data": {}, "options": {"cas": "many"}}, {"data": {}, "options": {"cas": 1.5}}])
def test_bodies_that_are_no_secret(vault, body):
    path = fresh("bad")
    refused(vault.call("POST", f"secret/data/{path}", body), 400)
    assert vault.call("GET", f"secret/data/{path}").status == 404


def test_a_large_secret(vault):
    path, value = fresh("large"), "x" * 500_000
    vault.write(f"secret/data/{path}", data={"value": value})
    assert vault.read(f"secret/data/{path}")["data"]["value"] == value


def test_capabilities_of_each_part(vault, path):
    reader = vault.limited(f'path "secret/data/{path}" {{ capabilities = ["read"] }}')
    assert reader.read(f"secret/data/{path}")["data"]["user"] == "bob"
    for method, target in (("POST", f"secret/data/{path}"), ("DELETE", f"secret/data/{path}"), ("GET", f"secret/metadata/{path}"), ("POST", f"secret/destroy/{path}"),
                           ("LIST", "secret/metadata"), ("GET", f"secret/data/{path}x")):
        refused(reader.call(method, target, {"data": {}, "versions": [1]} if method == "POST" else b""), 403, "permission denied")


def test_the_preflight_of_the_command_line(vault, path):
    whole = vault.call("GET", f"sys/internal/ui/mounts/secret/{path}")
    assert (whole.data["path"], whole.data["type"], whole.data["options"]) == ("secret/", "kv", {"version": "2"})
    assert vault.read("sys/internal/ui/mounts/secret")["path"] == "secret/"
    stranger = vault.limited('path "transit/*" { capabilities = ["read"] }')
    refused(stranger.call("GET", f"sys/internal/ui/mounts/secret/{path}"), 403, "preflight capability check returned 403", "ensure client's policies grant access")


def test_crash_keeps_what_was_acknowledged(engine, vault, path):
    vault.write(f"secret/data/{path}", data={"n": "kept"})
    engine.crash_and_restart()
    again = engine.vault()
    assert again.read(f"secret/data/{path}")["data"] == {"n": "kept"}
