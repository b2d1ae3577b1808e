"""Who may do what: tokens and their accessors, AppRole, userpass with its lockout, policies with globs and deny, guessing."""

import concurrent.futures
import time

import pytest

from peers.base import wait_until
from peers.vault import Vault, fresh, refused

DENIED = "permission denied"


@pytest.fixture(autouse=True)
def mounts(vault):
    vault.ensure_mount("secret", "kv", version="2")
    vault.ensure_auth("approle")
    vault.ensure_auth("userpass")


# Tokens.

def test_lookup(vault):
    auth = vault.new_token(policies=["default"], ttl="1h", meta={"team": "hr"}, display_name="pay roll", num_uses=5)
    child = vault.with_token(auth["client_token"])
    own = child.read("auth/token/lookup-self")
    assert own.keys() >= {"accessor", "creation_time", "creation_ttl", "display_name", "entity_id", "expire_time", "explicit_max_ttl", "id", "issue_time", "meta",
                          "num_uses", "orphan", "path", "policies", "renewable", "ttl", "type"}
    assert (own["id"], own["accessor"], own["meta"], own["creation_ttl"]) == (auth["client_token"], auth["accessor"], {"team": "hr"}, 3600)
    assert own["policies"] == ["default"] and own["display_name"].startswith("token-pay") and own["path"] == "auth/token/create" and own["type"] == "service"
    by_token = vault.call("POST", "auth/token/lookup", {"token": auth["client_token"]}).data
    by_accessor = vault.call("POST", "auth/token/lookup-accessor", {"accessor": auth["accessor"]}).data
    assert by_token["id"] == auth["client_token"] and by_accessor["id"] == "" and by_accessor["accessor"] == auth["accessor"]
    assert auth["accessor"] in vault.list("auth/token/accessors")


def test_the_root_token(vault):
    own = vault.read("auth/token/lookup-self")
    assert own["policies"] == ["root"] and own["ttl"] == 0 and own["expire_time"] is None


def test_renew_and_revoke(vault):
    auth = vault.new_token(policies=["default"], ttl="1h")
    child = vault.with_token(auth["client_token"])
    assert child.call("POST", "auth/token/renew-self", {"increment": "2h"}).auth["lease_duration"] == 7200
    assert vault.call("POST", "auth/token/renew", {"token": auth["client_token"], "increment": 1800}).auth["lease_duration"] == 1800
    assert vault.call("POST", "auth/token/renew-accessor", {"accessor": auth["accessor"], "increment": "3h"}).auth["client_token"] == ""
    assert child.call("POST", "auth/token/revoke-self").status == 204
    for answer in (child.call("GET", "auth/token/lookup-self"), vault.call("POST", "auth/token/lookup", {"token": auth["client_token"]}),
                   vault.call("POST", "auth/token/lookup-accessor", {"accessor": auth["accessor"]})):
        assert answer.status in (400, 403, 404)
    fixed = vault.new_token(policies=["default"], ttl="1h", renewable=False)
    refused(vault.call("POST", "auth/token/renew", {"token": fixed["client_token"]}), 400)


def test_children_die_with_their_parent_and_orphans_do_not(vault):
    parent = vault.with_token(vault.new_token(policies=["root"])["client_token"])
    child, orphan = parent.new_token(policies=["default"]), parent.call("POST", "auth/token/create-orphan", {"policies": ["default"]}).auth
    grandchild = vault.with_token(parent.new_token(policies=["root"])["client_token"]).new_token(policies=["default"])
    assert orphan["orphan"] and not child["orphan"]
    parent.call("POST", "auth/token/revoke-self")
    alive = [vault.with_token(auth["client_token"]).call("GET", "auth/token/lookup-self").status for auth in (child, grandchild, orphan)]
    assert alive == [403, 403, 200]


def test_a_token_that_expires(vault):
    child = vault.with_token(vault.new_token(policies=["default"], ttl="1s")["client_token"])
    assert child.call("GET", "auth/token/lookup-self").status == 200
    wait_until(lambda: child.call("GET", "auth/token/lookup-self").status == 403, "the token to expire", 15, every=0.2)


def test_a_token_with_a_number_of_uses(vault):
    child = vault.with_token(vault.new_token(policies=["default"], num_uses=3)["client_token"])
    assert [child.call("GET", "auth/token/lookup-self").status for _ in range(5)] == [200, 200, 200, 403, 403]


def test_uses_are_not_raced(vault):
    token = vault.new_token(policies=["default"], num_uses=10)["client_token"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: vault.with_token(token).call("GET", "auth/token/lookup-self").status, range(40)))
    assert found.count(200) == 10 and set(found) <= {200, 400, 403}


def test_periodic_and_limited_tokens(vault):
    periodic = vault.new_token(policies=["default"], period="1h")
    assert vault.call("POST", "auth/token/renew", {"token": periodic["client_token"], "increment": "9h"}).auth["lease_duration"] == 3600
    assert vault.call("POST", "auth/token/lookup", {"token": periodic["client_token"]}).data["period"] == 3600
    limited = vault.new_token(policies=["default"], ttl="1h", explicit_max_ttl="90m")
    renewed = vault.call("POST", "auth/token/renew", {"token": limited["client_token"], "increment": "9h"}).auth["lease_duration"]
    assert 5390 <= renewed <= 5400


def test_batch_tokens(vault):
    auth = vault.new_token(policies=["default"], type="batch", ttl="1h")
    assert auth["token_type"] == "batch" and auth["accessor"] == "" and not auth["renewable"]
    batch = vault.with_token(auth["client_token"])
    assert batch.read("auth/token/lookup-self")["type"] == "batch"
    assert batch.call("POST", "auth/token/renew-self").status == 400
    assert batch.call("POST", "auth/token/create", {"policies": ["default"]}).status in (400, 403)
    damaged = auth["client_token"][:-2] + ("AA" if not auth["client_token"].endswith("AA") else "BB")
    refused(vault.with_token(damaged).call("GET", "auth/token/lookup-self"), 403)


def test_nobody_grants_more_than_they_have(vault):
    small = vault.limited('path "auth/token/create*" { capabilities = ["create", "update"] }')
    for policies in (["root"], ["no-such-or-other-policy"], ["default", "root"]):
        assert small.call("POST", "auth/token/create", {"policies": policies}).status in (400, 403), policies
    child = small.new_token(policies=["default"])
    assert child["policies"] == ["default"]
    inherited = small.new_token()
    assert "root" not in inherited["policies"]
    assert small.call("POST", "auth/token/create", {"id": "chosen-by-me"}).status in (400, 403)
    assert small.call("POST", "auth/token/create", {"no_parent": True}).status in (400, 403)


def test_roles(vault):
    role = fresh("role")
    vault.write(f"auth/token/roles/{role}", allowed_policies="default,reader", orphan=True, token_period="30m", renewable=True)
    assert vault.read(f"auth/token/roles/{role}")["allowed_policies"] == ["default", "reader"] and role in vault.list("auth/token/roles")
    made = vault.call("POST", f"auth/token/create/{role}", {"policies": ["reader"]}).auth
    assert made["orphan"] and made["lease_duration"] == 1800 and set(made["policies"]) == {"default", "reader"}
    refused(vault.call("POST", f"auth/token/create/{role}", {"policies": ["root"]}), 400)
    vault.delete(f"auth/token/roles/{role}")
    refused(vault.call("POST", f"auth/token/create/{role}", {}), 400)


@pytest.mark.parametrize("token", ["", "x", "root", "hvs.", "s.", "b.", "hvb.AAAA", "s." + "A" * 24, "hvs." + "A" * 95, "x" * 4000, "%", "../root", "s.a.b.c.d"], ids=lambda token: token[:12])
def test_guessed_tokens(vault, token):
    for method, path in (("GET", "auth/token/lookup-self"), ("GET", "sys/mounts"), ("GET", "secret/data/x"), ("POST", "auth/token/revoke-self"), ("GET", "nowhere/x")):
        answer = vault.call(method, path, token=token)
        assert answer.status in (400, 403), path
        assert DENIED in answer.error or "missing client token" in answer.error
        assert not token or len(token) < 8 or token not in answer.error


def test_many_guesses_leave_the_engine_well(vault):
    real = vault.new_token(policies=["default"])["client_token"]
    guesser = vault.with_token(None)
    for number in range(300):
        assert guesser.call("GET", "auth/token/lookup-self", token=real[:-3] + f"{number:03}").status == 403
    assert vault.with_token(real).call("GET", "auth/token/lookup-self").status == 200


def test_accessors_are_no_tokens(vault):
    auth = vault.new_token(policies=["root"])
    refused(vault.call("GET", "sys/mounts", token=auth["accessor"]), 403)
    assert vault.call("POST", "auth/token/revoke-accessor", {"accessor": auth["accessor"]}).status == 204
    refused(vault.call("GET", "sys/mounts", token=auth["client_token"]), 403)
    for accessor in ("", "nothing", auth["accessor"], auth["client_token"]):
        assert vault.call("POST", "auth/token/lookup-accessor", {"accessor": accessor}).status in (400, 403, 404)


def test_the_cubbyhole_is_each_tokens_own(vault):
    one, two = (vault.with_token(vault.new_token(policies=["default"])["client_token"]) for _ in range(2))
    one.write("cubbyhole/note", text="mine")
    assert one.read("cubbyhole/note") == {"text": "mine"}
    assert two.call("GET", "cubbyhole/note").status == 404 and vault.call("GET", "cubbyhole/note").status == 404


# AppRole.

@pytest.fixture
def role(vault):
    """(name, role_id) of a new role with a policy of its own."""
    name = fresh("role")
    vault.write(f"sys/policies/acl/{name}", policy='path "secret/data/shared/*" { capabilities = ["read"] }')
    vault.write(f"auth/approle/role/{name}", token_policies=name, token_ttl="20m", token_max_ttl="1h", secret_id_num_uses=2, secret_id_ttl="10m")
    return name, vault.read(f"auth/approle/role/{name}/role-id")["role_id"]


def approle_login(vault: Vault, role_id, secret_id, token=None):
    return vault.call("PUT", "auth/approle/login", {"role_id": role_id, "secret_id": secret_id}, token=token)


def test_approle(vault, role):
    name, role_id = role
    made = vault.write(f"auth/approle/role/{name}/secret-id", metadata='{"host": "mx1"}')
    assert made.keys() >= {"secret_id", "secret_id_accessor", "secret_id_ttl", "secret_id_num_uses"} and made["secret_id_ttl"] == 600
    login = approle_login(vault, role_id, made["secret_id"], token="s.stale-token-of-yesterday")  # ignored on login paths
    assert login.status == 200 and login.json["data"] is None
    assert set(login.auth["policies"]) == {"default", name} and login.auth["lease_duration"] == 1200 and login.auth["metadata"]["role_name"] == name
    assert vault.with_token(login.auth["client_token"]).call("POST", "auth/token/renew-self", {"increment": "9h"}).auth["lease_duration"] <= 3600
    assert approle_login(vault, role_id, made["secret_id"]).status == 200
    refused(approle_login(vault, role_id, made["secret_id"]), 400, "invalid role or secret ID")  # its two uses are spent


def test_approle_logins_that_fail(vault, role):
    name, role_id = role
    secret_id = vault.write(f"auth/approle/role/{name}/secret-id")["secret_id"]
    for attempt in ((role_id, "wrong"), ("wrong", secret_id), (role_id, ""), ("", secret_id), (role_id, None), (role_id, secret_id + "x"), (role_id, {"a": 1})):
        refused(approle_login(vault, *attempt), 400)
    accessor = vault.write(f"auth/approle/role/{name}/secret-id")["secret_id_accessor"]
    looked = vault.write(f"auth/approle/role/{name}/secret-id-accessor/lookup", secret_id_accessor=accessor)
    assert looked["secret_id_accessor"] == accessor and "secret_id" not in looked
    assert accessor in vault.list(f"auth/approle/role/{name}/secret-id")
    vault.write(f"auth/approle/role/{name}/secret-id/destroy", secret_id=secret_id)
    refused(approle_login(vault, role_id, secret_id), 400, "invalid role or secret ID")


def test_approle_secret_ids_are_not_raced(vault, role):
    name, role_id = role
    secret_id = vault.write(f"auth/approle/role/{name}/secret-id")["secret_id"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: approle_login(vault.with_token(None), role_id, secret_id).status, range(12)))
    assert found.count(200) == 2 and set(found) <= {200, 400, 403}


def test_approle_settings_one_by_one(vault, role):
    name, _ = role
    vault.write(f"auth/approle/role/{name}/token-ttl", token_ttl="5m")
    assert vault.read(f"auth/approle/role/{name}/token-ttl")["token_ttl"] == 300
    vault.write(f"auth/approle/role/{name}/role-id", role_id=fresh("chosen"))
    custom = vault.write(f"auth/approle/role/{name}/custom-secret-id", secret_id=fresh("given"))
    assert custom["secret_id"].startswith("given")
    vault.write(f"auth/approle/role/{name}", bind_secret_id=False, token_bound_cidrs="127.0.0.0/8")
    without = vault.call("PUT", "auth/approle/login", {"role_id": vault.read(f"auth/approle/role/{name}/role-id")["role_id"]}, token=None)
    assert without.status == 200, without.body
    assert vault.call("DELETE", f"auth/approle/role/{name}").status == 204
    assert vault.call("GET", f"auth/approle/role/{name}").status == 404


def test_a_role_for_another_network(vault, role):
    name, role_id = role
    vault.write(f"auth/approle/role/{name}", token_policies=name, token_bound_cidrs="192.0.2.0/24")
    secret_id = vault.write(f"auth/approle/role/{name}/secret-id")["secret_id"]
    login = approle_login(vault, role_id, secret_id)
    if login.status == 200:  # bound is the use of the token, not its making
        refused(vault.call("GET", "auth/token/lookup-self", token=login.auth["client_token"]), 403)
    else:
        assert login.status in (400, 403)


# Userpass.

def login(vault: Vault, user: str, password):
    return vault.call("PUT", f"auth/userpass/login/{user}", {"password": password}, token=None)


def test_userpass(vault):
    user = fresh("user")
    vault.write(f"auth/userpass/users/{user}", password="correct horse", token_policies="default", token_ttl="15m")
    read = vault.read(f"auth/userpass/users/{user}")
    assert read["token_ttl"] == 900 and "password" not in read and "password_hash" not in read
    auth = login(vault, user, "correct horse").auth
    assert auth["metadata"] == {"username": user} and auth["lease_duration"] == 900
    assert login(vault, user.upper(), "correct horse").status == 200  # names are case-insensitive
    vault.write(f"auth/userpass/users/{user}/password", password="staple")
    refused(login(vault, user, "correct horse"), 400, "invalid username or password")
    assert login(vault, user, "staple").status == 200
    vault.delete(f"auth/userpass/users/{user}")
    refused(login(vault, user, "staple"), 400, "invalid username or password")


def test_userpass_tells_nothing_about_names(vault):
    user = fresh("user")
    vault.write(f"auth/userpass/users/{user}", password="correct horse")
    known, unknown = login(vault, user, "wrong"), login(vault, fresh("nobody"), "wrong")
    assert (known.status, known.json) == (unknown.status, unknown.json) == (400, {"errors": ["invalid username or password"]})
    for password in ("", None, "x" * 100_000, 5, {"a": "b"}, "correct horse\0"):
        assert login(vault, user, password).status == 400


def test_userpass_locks_out(vault):
    user = fresh("user")
    vault.write(f"auth/userpass/users/{user}", password="correct horse")
    assert [login(vault, user, f"guess {number}").status for number in range(5)] == [400] * 5
    locked = login(vault, user, "correct horse")
    assert locked.status in (400, 403) and "auth" not in locked.json
    other = fresh("user")
    vault.write(f"auth/userpass/users/{other}", password="correct horse")
    assert login(vault, other, "correct horse").status == 200


def test_an_administrator_unlocks(vault):
    user = fresh("user")
    vault.write(f"auth/userpass/users/{user}", password="correct horse")
    for number in range(5):
        login(vault, user, f"guess {number}")
    assert login(vault, user, "correct horse").status != 200
    accessor = vault.read("sys/auth")["userpass/"]["accessor"]
    assert vault.call("POST", f"sys/locked-users/{accessor}/unlock/{user}").status == 204
    assert login(vault, user, "correct horse").status == 200


# Policies.

RULES = """
path "secret/data/team/*"        { capabilities = ["create", "read", "update"] }
path "secret/data/team/closed"   { capabilities = ["deny"] }
path "secret/data/+/public"      { capabilities = ["read"] }
path "secret/data/exact"         { capabilities = ["read"] }
path "secret/metadata/team/*"    { capabilities = ["list"] }
path "secret/data/pre*"          { capabilities = ["read"] }
path "secret/data/prefix-no*"    { capabilities = ["deny"] }
path "secret/data/only"          { capabilities = ["create", "update"], allowed_parameters = { "data" = [], "options" = [] } }
"""


@pytest.mark.parametrize("allowed,method,path", [
    (True, "GET", "secret/data/team/a"), (True, "GET", "secret/data/team/a/b"), (True, "POST", "secret/data/team/a"), (False, "DELETE", "secret/data/team/a"),
    (False, "GET", "secret/data/team/closed"), (True, "GET", "secret/data/team/closed/below"), (False, "GET", "secret/data/team"), (False, "GET", "secret/data/teams"),
    (True, "GET", "secret/data/x/public"), (False, "GET", "secret/data/x/y/public"), (False, "GET", "secret/data/x/public/y"), (False, "POST", "secret/data/x/public"),
    (True, "GET", "secret/data/exact"), (False, "GET", "secret/data/exact2"), (False, "GET", "secret/data/exact/x"), (True, "LIST", "secret/metadata/team/x"),
    (True, "LIST", "secret/metadata/team/"), (True, "LIST", "secret/metadata/team"), (True, "GET", "secret/metadata/team/x?list=true"),
    (False, "GET", "secret/metadata/team/x"), (True, "GET", "secret/data/prefix"), (False, "GET", "secret/data/prefix-no-1"), (False, "GET", "sys/mounts"),
    (True, "GET", "auth/token/lookup-self"), (False, "POST", "sys/seal"), (False, "GET", "no/such/mount"), (True, "POST", "secret/data/only")])
def test_rules(rules, allowed, method, path):
    answer = rules.call(method, path, {"data": {"n": 1}} if method == "POST" else b"")
    if allowed:
        assert answer.status in (200, 404), answer.body
    else:
        refused(answer, 403, DENIED)


@pytest.fixture(scope="module")
def rules_of(request):
    return {}


@pytest.fixture
def rules(vault, rules_of):
    """One token with RULES for the module."""
    if "token" not in rules_of:
        rules_of["token"] = vault.limited(RULES).token
    return vault.with_token(rules_of["token"])


def test_deny_wins_over_every_grant(vault):
    names = [fresh("policy") for _ in range(3)]
    for name, capability in zip(names, ("read", "deny", "update")):
        vault.write(f"sys/policies/acl/{name}", policy=f'path "secret/data/merged" {{ capabilities = ["{capability}"] }}')
    both = vault.with_token(vault.new_token(policies=[names[0], names[2]])["client_token"])
    assert both.call("GET", "secret/data/merged").status == 404 and both.call("POST", "secret/data/merged", {"data": {}}).status == 403  # create is another capability
    all_three = vault.with_token(vault.new_token(policies=names)["client_token"])
    refused(all_three.call("GET", "secret/data/merged"), 403, DENIED)


def test_a_changed_policy_holds_at_once(vault):
    name = fresh("policy")
    vault.write(f"sys/policies/acl/{name}", policy='path "secret/data/now" { capabilities = ["read"] }')
    guest = vault.with_token(vault.new_token(policies=[name])["client_token"])
    assert guest.call("GET", "secret/data/now").status == 404
    vault.write(f"sys/policies/acl/{name}", policy='path "secret/data/later" { capabilities = ["read"] }')
    assert (guest.call("GET", "secret/data/now").status, guest.call("GET", "secret/data/later").status) == (403, 404)
    vault.delete(f"sys/policies/acl/{name}")
    assert guest.call("GET", "secret/data/later").status == 403


def test_parameters(vault):
    guest = vault.limited('path "auth/approle/role/limited-*" { capabilities = ["create", "update"]\n'
                          '  required_parameters = ["token_ttl"]\n  allowed_parameters = { "token_ttl" = ["5m", "10m"] "token_policies" = [] }\n'
                          '  denied_parameters = { "token_policies" = ["root"] } }')
    role = f"auth/approle/role/limited-{fresh('x')}"
    for fields, status in (({"token_ttl": "5m"}, 204), ({"token_ttl": "5m", "token_policies": "a"}, 204), ({"token_ttl": "1h"}, 403), ({"token_policies": "a"}, 403),
                           ({"token_ttl": "5m", "bind_secret_id": True}, 403), ({"token_ttl": "5m", "token_policies": "root"}, 403)):
        assert guest.call("POST", role, fields).status == status, fields


def test_sudo_paths(vault):
    guest = vault.limited('path "sys/*" { capabilities = ["create", "read", "update", "delete", "list"] }\n'
                          'path "auth/token/*" { capabilities = ["create", "read", "update", "delete", "list"] }')
    assert guest.call("GET", "sys/mounts").status == 200
    for method, path in (("POST", "sys/seal"), ("PUT", "sys/rotate"), ("LIST", "auth/token/accessors"), ("POST", "auth/token/revoke-orphan"), ("GET", "sys/audit")):
        refused(guest.call(method, path, b"{}"), 403, DENIED)
    assert vault.call("GET", "sys/health").json["sealed"] is False


def test_templates(vault):
    user, other = fresh("user"), fresh("user")
    accessor = vault.read("sys/auth")["userpass/"]["accessor"]
    name = fresh("policy")
    vault.write(f"sys/policies/acl/{name}", policy=f'path "secret/data/home/{{{{identity.entity.aliases.{accessor}.name}}}}/*" {{ capabilities = ["create", "read"] }}')
    for person in (user, other):
        vault.write(f"auth/userpass/users/{person}", password="correct horse", token_policies=name)
    own = vault.with_token(login(vault, user, "correct horse").auth["client_token"])
    assert own.call("GET", f"secret/data/home/{user}/x").status == 404
    refused(own.call("GET", f"secret/data/home/{other}/x"), 403)


def test_wrapping_limits_of_a_policy(vault):
    guest = vault.limited('path "secret/data/wrap" { capabilities = ["read"] min_wrapping_ttl = "10s" max_wrapping_ttl = "60s" }')
    vault.write("secret/data/wrap", data={"n": 1})
    assert guest.call("GET", "secret/data/wrap", headers={"X-Vault-Wrap-TTL": "30s"}).status == 200
    for headers in ({}, {"X-Vault-Wrap-TTL": "5s"}, {"X-Vault-Wrap-TTL": "120s"}):
        assert guest.call("GET", "secret/data/wrap", headers=headers).status in (400, 403)


def test_tokens_survive_a_crash(engine, vault):
    token = vault.new_token(policies=["default"], ttl="1h")["client_token"]
    revoked = vault.new_token(policies=["default"], ttl="1h")["client_token"]
    vault.write("auth/token/revoke", token=revoked)
    engine.crash_and_restart()
    again = engine.vault()
    assert again.with_token(token).call("GET", "auth/token/lookup-self").status == 200
    assert again.with_token(revoked).call("GET", "auth/token/lookup-self").status == 403
    assert time.time() - again.read("auth/token/lookup-self")["creation_time"] < 3600
