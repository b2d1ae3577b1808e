"""Transit's life of a key and its bad days: versions, limits, batches, upsert, backup, and every malformed thing a client can send."""

import concurrent.futures
import json

import pytest

from peers import vaultcrypto as stranger
from peers.vault import Vault, b64, fresh, refused, unb64

TEXT = b64("attack at dawn")


@pytest.fixture(autouse=True)
def mounted(vault):
    vault.ensure_mount("transit", "transit")


def post(vault: Vault, path: str, **fields):
    return vault.call("POST", f"transit/{path}", fields)


# The key.

def test_key_information(vault):
    key = vault.new_key("aes256-gcm96")
    info = vault.read(f"transit/keys/{key}")
    expected = {"name": key, "type": "aes256-gcm96", "derived": False, "deletion_allowed": False, "min_available_version": 0, "min_decryption_version": 1,
                "min_encryption_version": 0, "latest_version": 1, "exportable": False, "allow_plaintext_backup": False, "supports_encryption": True,
                "supports_decryption": True, "supports_signing": False, "supports_derivation": True, "auto_rotate_period": 0, "imported_key": False}
    assert {name: info.get(name) for name in expected} == expected
    assert list(info["keys"]) == ["1"] and isinstance(info["keys"]["1"], int)


@pytest.mark.parametrize("kind,name", [("ecdsa-p256", "P-256"), ("ecdsa-p384", "P-384"), ("ecdsa-p521", "P-521"), ("ed25519", "ed25519"),
                                       ("rsa-2048", "rsa-2048")])
def test_asymmetric_key_information(vault, kind, name):
    version = vault.read(f"transit/keys/{vault.new_key(kind)}")["keys"]["1"]
    assert version["name"] == name and version["creation_time"]
    assert version["public_key"].startswith("-----BEGIN PUBLIC KEY-----") or (kind == "ed25519" and len(unb64(version["public_key"])) == 32)


def test_creating_twice_changes_nothing(vault):
    key = vault.new_key("aes256-gcm96")
    again = post(vault, f"keys/{key}", type="ed25519")
    assert again.status in (200, 204)
    assert vault.read(f"transit/keys/{key}")["type"] == "aes256-gcm96" and vault.read(f"transit/keys/{key}")["latest_version"] == 1


@pytest.mark.parametrize("fields,words", [({"type": "rot13"}, "unknown key type rot13"), ({"type": "aes256-gcm96", "convergent_encryption": True}, "deriv"),
                                          ({"type": "rsa-2048", "derived": True}, ""), ({"type": "hmac", "key_size": 16}, ""), ({"type": "hmac", "key_size": 513}, ""),
                                          ({"auto_rotate_period": "59m"}, ""), ({"derived": "perhaps"}, "derived"), ({"auto_rotate_period": "soon"}, "auto_rotate_period")])
def test_keys_that_cannot_be(vault, fields, words):
    key = fresh("impossible")
    refused(post(vault, f"keys/{key}", **fields), 400, words)
    assert vault.call("GET", f"transit/keys/{key}").status == 404


def test_the_runbook_as_typed(vault):
    """Everything the command line sends is a string; -f without data sends null."""
    for name, fields in (("mail_storage_key", {"type": "aes256-gcm96"}), ("dkim_key", {"type": "ed25519"}), ("api_hmac_key", {"type": "hmac", "key_size": "32"}),
                         ("pgp_key_encryption", {"type": "rsa-2048", "exportable": "true"})):
        assert vault.call("PUT", f"transit/keys/{fresh(name)}", fields).status in (200, 204)
    key = fresh("plain")
    assert vault.call("PUT", f"transit/keys/{key}", None).status in (200, 204)
    assert vault.call("PUT", f"transit/keys/{key}/rotate", None).status in (200, 204)
    assert vault.read(f"transit/keys/{key}")["latest_version"] == 2


def test_deletion(vault):
    key = vault.new_key()
    refused(vault.call("DELETE", f"transit/keys/{key}"), 400, f"error deleting policy {key}", "deletion is not allowed for this key")
    vault.write(f"transit/keys/{key}/config", deletion_allowed=True)
    assert vault.call("DELETE", f"transit/keys/{key}").status == 204
    assert vault.call("GET", f"transit/keys/{key}").json == {"errors": []} and vault.call("GET", f"transit/keys/{key}").status == 404


# Versions.

def test_versions(vault):
    key = vault.new_key()
    old = post(vault, f"encrypt/{key}", plaintext=TEXT).data
    vault.write(f"transit/keys/{key}/rotate")
    vault.write(f"transit/keys/{key}/rotate")
    new = post(vault, f"encrypt/{key}", plaintext=TEXT).data
    assert (old["key_version"], new["key_version"]) == (1, 3)
    assert post(vault, f"encrypt/{key}", plaintext=TEXT, key_version="2").data["ciphertext"].startswith("vault:v2:")
    refused(post(vault, f"encrypt/{key}", plaintext=TEXT, key_version=4), 400)

    vault.write(f"transit/keys/{key}/config", min_encryption_version=2, min_decryption_version=2)
    refused(post(vault, f"encrypt/{key}", plaintext=TEXT, key_version=1), 400)
    refused(post(vault, f"decrypt/{key}", ciphertext=old["ciphertext"]), 400, "ciphertext or signature version is disallowed by policy (too old)")
    refused(post(vault, f"rewrap/{key}", ciphertext=old["ciphertext"]), 400, "too old")
    vault.write(f"transit/keys/{key}/config", min_decryption_version=1)
    assert post(vault, f"decrypt/{key}", ciphertext=old["ciphertext"]).data["plaintext"] == TEXT  # back from the archive
    assert post(vault, f"rewrap/{key}", ciphertext=old["ciphertext"]).data["ciphertext"].startswith("vault:v3:")


def test_trim(vault):
    key = vault.new_key()
    old = post(vault, f"encrypt/{key}", plaintext=TEXT).data["ciphertext"]
    vault.write(f"transit/keys/{key}/rotate")
    refused(post(vault, f"keys/{key}/trim", min_available_version=2), 400)  # both minima must be set before
    vault.write(f"transit/keys/{key}/config", min_encryption_version=2, min_decryption_version=2)
    refused(post(vault, f"keys/{key}/trim", min_available_version=3), 400)
    vault.write(f"transit/keys/{key}/trim", min_available_version=2)
    info = vault.read(f"transit/keys/{key}")
    assert info["min_available_version"] == 2 and list(info["keys"]) == ["2"]
    refused(vault.call("POST", f"transit/keys/{key}/config", {"min_decryption_version": 1}), 400)
    refused(post(vault, f"decrypt/{key}", ciphertext=old), 400)


@pytest.mark.parametrize("fields", [{"min_decryption_version": 2}, {"min_decryption_version": -1}, {"min_encryption_version": 2}, {"min_encryption_version": -1},
                                    {"auto_rotate_period": "1s"}, {"min_decryption_version": "x"}])
def test_configurations_that_cannot_be(vault, fields):
    key = vault.new_key()
    before = vault.read(f"transit/keys/{key}")
    refused(vault.call("POST", f"transit/keys/{key}/config", fields), 400)
    assert vault.read(f"transit/keys/{key}") == before


def test_exportable_is_one_way(vault):
    key = vault.new_key()
    refused(vault.call("GET", f"transit/export/encryption-key/{key}"), 400, "not exportable")
    vault.write(f"transit/keys/{key}/config", exportable=True, allow_plaintext_backup=True)
    vault.call("POST", f"transit/keys/{key}/config", {"exportable": False, "allow_plaintext_backup": False})
    info = vault.read(f"transit/keys/{key}")
    assert info["exportable"] and info["allow_plaintext_backup"]


def test_rotation_while_others_work(vault):
    """Rotate, configure and decrypt from several sides: no version is lost, none is used twice, nothing that was sealed stays shut."""
    key = vault.new_key()

    def rotate(_):
        with_connection = vault.with_token(vault.token)
        for _ in range(10):
            with_connection.write(f"transit/keys/{key}/rotate")

    def work(_):
        with_connection = vault.with_token(vault.token)
        for _ in range(50):
            made = with_connection.write(f"transit/encrypt/{key}", plaintext=TEXT)
            assert made["ciphertext"].startswith(f"vault:v{made['key_version']}:")
            assert with_connection.write(f"transit/decrypt/{key}", ciphertext=made["ciphertext"])["plaintext"] == TEXT
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [*[pool.submit(rotate, n) for n in range(2)], *[pool.submit(work, n) for n in range(2)]]:
            done.result()
    assert sorted(map(int, vault.read(f"transit/keys/{key}")["keys"])) == list(range(1, 22))


def test_backup_and_restore(vault):
    key = vault.new_key("aes256-gcm96")
    refused(vault.call("GET", f"transit/backup/{key}"), 400)
    vault.write(f"transit/keys/{key}/config", exportable=True, allow_plaintext_backup=True, deletion_allowed=True)
    sealed = post(vault, f"encrypt/{key}", plaintext=TEXT).data["ciphertext"]
    vault.write(f"transit/keys/{key}/rotate")
    backup = vault.read(f"transit/backup/{key}")["backup"]
    assert unb64(backup)  # its form is this engine's own
    refused(post(vault, f"restore/{key}", backup=backup), 400)  # it exists
    other = fresh("restored")
    vault.write(f"transit/restore/{other}", backup=backup)
    assert post(vault, f"decrypt/{other}", ciphertext=sealed).data["plaintext"] == TEXT
    vault.delete(f"transit/keys/{key}")
    vault.write("transit/restore", backup=backup)
    assert vault.read(f"transit/keys/{key}")["latest_version"] == 2
    for bad in ("", "!!!", b64("{}"), b64("[]"), b64('{"policy":{},"archived_keys":{}}'), backup[:-8], backup[:40] + b64(b"xyz") + backup[44:]):
        refused(post(vault, f"restore/{fresh('bad')}", backup=bad), 400)


# Malformed input.

@pytest.mark.parametrize("ciphertext,words", [
    ("", "missing ciphertext to decrypt"), ("no-prefix", "invalid ciphertext: no prefix"), ("vault:v1", "invalid ciphertext"), ("vault:v:AAAA", "invalid ciphertext"),
    ("vault:vx:AAAA", "version number could not be decoded"), ("vault:v-1:AAAA", ""), ("vault:v2:AAAA", "version is too new"),
    ("vault:v99999999999999999999:AAAA", "version number could not be decoded"), ("vault:v1:A", "could not decode base64"),
    ("vault:v1:****", "could not decode base64"), ("vault:v1:AAAA:AAAA", ""), ("vault:v1:", ""), ("vault:v1:" + b64(b"\0" * 11), ""),
    ("vault:v1:" + b64(b"\0" * 28), "message authentication failed"), ("Vault:v1:AAAA", "no prefix"), ("vault:v1:" + "A" * 100001, "")], ids=lambda value: value[:24])
def test_malformed_ciphertexts(vault, ciphertext, words):
    refused(post(vault, f"decrypt/{vault.new_key()}", ciphertext=ciphertext), 400, words)


def test_version_zero_reads_as_one(vault):
    key = vault.new_key()
    sealed = post(vault, f"encrypt/{key}", plaintext=TEXT).data["ciphertext"]
    assert post(vault, f"decrypt/{key}", ciphertext=sealed.replace("vault:v1:", "vault:v0:")).data["plaintext"] == TEXT


def test_every_damaged_bit_is_noticed(vault):
    key = vault.new_key()
    sealed = unb64(post(vault, f"encrypt/{key}", plaintext=b64("x")).data["ciphertext"].removeprefix("vault:v1:"))
    damaged = [bytes([*sealed[:at], sealed[at] ^ 1 << bit, *sealed[at + 1:]]) for at in range(len(sealed)) for bit in (0, 7)]
    answer = post(vault, f"decrypt/{key}", batch_input=[{"ciphertext": "vault:v1:" + b64(content)} for content in damaged])
    assert answer.status == 400
    assert all("message authentication failed" in item["error"] and not item.get("plaintext") for item in answer.data["batch_results"])


@pytest.mark.parametrize("path,fields", [
    ("encrypt", {"plaintext": "!"}), ("encrypt", {}), ("encrypt", {"plaintext": TEXT, "key_version": -1}), ("encrypt", {"plaintext": TEXT, "key_version": "one"}),
    ("encrypt", {"plaintext": TEXT, "associated_data": "!"}), ("encrypt", {"plaintext": TEXT, "context": "!"}), ("encrypt", {"plaintext": {"a": 1}}),
    ("sign", {"input": TEXT}), ("hmac", {"input": "!"}), ("hmac/md5", {"input": TEXT}), ("hmac", {}), ("verify", {"input": TEXT}),
    ("verify", {"input": TEXT, "hmac": "vault:v1:AAAA", "signature": "vault:v1:AAAA"}), ("verify", {"input": TEXT, "hmac": "AAAA"}),
    ("datakey/plaintext", {"bits": 129}), ("datakey/naked", {}), ("rewrap", {}), ("rewrap", {"ciphertext": "x"})])
def test_malformed_input(vault, path, fields):
    action, _, suffix = path.partition("/")
    key = vault.new_key()
    target = f"datakey/{suffix}/{key}" if action == "datakey" else f"{action}/{key}" + (f"/{suffix}" if suffix else "")
    refused(post(vault, target, **fields), 400)


@pytest.mark.parametrize("fields", [{"input": "!"}, {"input": TEXT, "hash_algorithm": "md5"}, {"input": TEXT, "key_version": 9},
                                    {"input": TEXT, "marshaling_algorithm": "xml"}, {"input": TEXT, "prehashed": "maybe"}])
def test_malformed_signing(vault, fields):
    key = vault.new_key("ecdsa-p256")
    refused(post(vault, f"sign/{key}", **fields), 400)


@pytest.mark.parametrize("signature,status", [("", 400), ("AAAA", 400), ("vault:v1:!", 400), ("vault:v2:AAAA", 400), ("vault:vx:AAAA", 400)])
def test_malformed_signatures(vault, signature, status):
    refused(post(vault, f"verify/{vault.new_key('ed25519')}", input=TEXT, signature=signature), status)


@pytest.mark.parametrize("path", ["encrypt", "decrypt", "rewrap", "sign", "verify", "hmac", "datakey/plaintext", "keys"])
def test_keys_that_are_not_there(vault, path):
    fields = {"ciphertext": "vault:v1:AAAA", "input": TEXT, "hmac": "vault:v1:AAAA"}
    name = fresh("missing")
    answer = vault.call("GET", f"transit/keys/{name}") if path == "keys" else post(vault, f"{path}/{name}", **fields)
    assert answer.status in (400, 404), answer.body
    assert vault.call("GET", f"transit/keys/{name}").status == 404


@pytest.mark.parametrize("name", ["-lead", "trail-", ".hidden", "dot.", "a%2Fb", "a%20b", "%C3%A4%FF", "..", "a%00b", "x" * 5000], ids=lambda name: name[:12])
def test_names_that_are_none(vault, name):
    answer = vault.call("POST", f"transit/keys/{name}", {})
    assert 400 <= answer.status < 500, answer.body
    assert isinstance(answer.errors, list)


def test_wrong_kind_of_key(vault):
    signer, sealer = vault.new_key("ed25519"), vault.new_key("aes256-gcm96")
    refused(post(vault, f"encrypt/{signer}", plaintext=TEXT), 400)
    refused(post(vault, f"sign/{sealer}", input=TEXT), 400)
    derived = vault.new_key("aes256-gcm96", derived=True)
    refused(post(vault, f"encrypt/{derived}", plaintext=TEXT), 400, "context")


def test_convergent_with_associated_data_is_refused_with_the_reason(vault):
    key = vault.new_key("aes256-gcm96", derived=True, convergent_encryption=True)
    refused(post(vault, f"encrypt/{key}", plaintext=TEXT, context=TEXT, associated_data=TEXT), 400, "convergent")


def test_rewrap_knows_associated_data(vault):
    key = vault.new_key()
    sealed = post(vault, f"encrypt/{key}", plaintext=TEXT, associated_data=b64("row 7")).data["ciphertext"]
    vault.write(f"transit/keys/{key}/rotate")
    newer = post(vault, f"rewrap/{key}", ciphertext=sealed, associated_data=b64("row 7")).data["ciphertext"]
    assert newer.startswith("vault:v2:")
    assert post(vault, f"decrypt/{key}", ciphertext=newer, associated_data=b64("row 7")).data["plaintext"] == TEXT
    refused(post(vault, f"decrypt/{key}", ciphertext=newer), 400, "message authentication failed")
    refused(post(vault, f"rewrap/{key}", ciphertext=sealed), 400, "message authentication failed")


# Batches.

def test_batch_keeps_order_and_references(vault):
    key = vault.new_key()
    texts = [b64(f"item {number}") for number in range(300)]
    sealed = post(vault, f"encrypt/{key}", batch_input=[{"plaintext": text, "reference": f"r{n}"} for n, text in enumerate(texts)], plaintext="ignored!")
    assert sealed.status == 200
    results = sealed.data["batch_results"]
    assert [item["reference"] for item in results] == [f"r{n}" for n in range(300)] and "ciphertext" not in sealed.data
    opened = post(vault, f"decrypt/{key}", batch_input=[{"ciphertext": item["ciphertext"]} for item in results])
    assert [item["plaintext"] for item in opened.data["batch_results"]] == texts


def test_a_bad_item_in_a_batch(vault):
    key = vault.new_key()
    good = post(vault, f"encrypt/{key}", plaintext=TEXT).data["ciphertext"]
    batch = [{"ciphertext": good}, {"ciphertext": "vault:v1:AAAA"}, {"ciphertext": good}]
    answer = post(vault, f"decrypt/{key}", batch_input=batch)
    assert answer.status == 400 and "errors" not in answer.json and answer.json["request_id"]
    results = answer.data["batch_results"]
    assert [item.get("plaintext") or None for item in results] == [TEXT, None, TEXT] and results[1]["error"]
    assert post(vault, f"decrypt/{key}", batch_input=batch, partial_failure_response_code=207).status == 207
    assert post(vault, f"decrypt/{key}", batch_input=batch[1:2], partial_failure_response_code=207).status == 400  # all failed
    sealed = post(vault, f"encrypt/{key}", batch_input=[{"plaintext": TEXT}, {"plaintext": "!"}])
    assert sealed.status == 400 and sealed.data["batch_results"][0]["ciphertext"] and sealed.data["batch_results"][1]["error"]


@pytest.mark.parametrize("batch", [[], {}, "x", 5, [5], ["x"], [[]], [{}]])
@pytest.mark.parametrize("action", ["encrypt", "decrypt"])
def test_batches_that_are_none(vault, action, batch):
    answer = post(vault, f"{action}/{vault.new_key()}", batch_input=batch)
    assert answer.status == 400, answer.body
    assert answer.json.get("errors") or answer.data["batch_results"][0]["error"]


def test_context_in_all_items_or_in_none(vault):
    key = vault.new_key("aes256-gcm96", derived=True)
    refused(post(vault, f"encrypt/{key}", batch_input=[{"plaintext": TEXT, "context": TEXT}, {"plaintext": TEXT}]), 400)


def test_batch_of_signatures(vault):
    key = vault.new_key("ecdsa-p256")
    made = post(vault, f"sign/{key}", batch_input=[{"input": TEXT, "reference": "one"}, {"input": "!"}])
    assert made.status == 200 and made.data["batch_results"][1]["error"]
    good = made.data["batch_results"][0]
    assert good["reference"] == "one"
    other = b64("another text")
    checked = post(vault, f"verify/{key}", batch_input=[{"input": TEXT, "signature": good["signature"]}, {"input": other, "signature": good["signature"]}])
    assert [item["valid"] for item in checked.data["batch_results"]] == [True, False]
    macs = post(vault, f"hmac/{key}", batch_input=[{"input": TEXT}, {"input": other}]).data["batch_results"]
    checked = post(vault, f"verify/{key}", batch_input=[{"input": TEXT, "hmac": macs[0]["hmac"]}, {"input": TEXT, "hmac": macs[1]["hmac"]}])
    assert [item["valid"] for item in checked.data["batch_results"]] == [True, False]


# Upsert, random, policies.

def test_upsert(vault):
    name = fresh("upsert")
    assert post(vault, f"encrypt/{name}", plaintext=TEXT).status == 200
    assert vault.read(f"transit/keys/{name}")["derived"] is False
    with_context = fresh("upsert")
    assert post(vault, f"encrypt/{with_context}", plaintext=TEXT, context=TEXT).status == 200
    assert vault.read(f"transit/keys/{with_context}")["derived"] is True
    only_update = vault.limited('path "transit/encrypt/*" { capabilities = ["update"] }')
    refused(post(only_update, f"encrypt/{fresh('upsert')}", plaintext=TEXT), 403, "permission denied")
    assert post(only_update, f"encrypt/{name}", plaintext=TEXT).status == 200
    vault.write("transit/config/keys", disable_upsert=True)
    try:
        refused(post(vault, f"encrypt/{fresh('upsert')}", plaintext=TEXT), 400, "encryption key not found")
    finally:
        vault.write("transit/config/keys", disable_upsert=False)


def test_random(vault):
    assert len(unb64(vault.write("transit/random", bytes=48)["random_bytes"])) == 48
    assert len(bytes.fromhex(vault.write("transit/random/16", format="hex")["random_bytes"])) == 16
    assert len(unb64(vault.write("transit/random/platform/33")["random_bytes"])) == 33
    assert vault.write("transit/random")["random_bytes"] != vault.write("transit/random")["random_bytes"]
    for fields in ({"bytes": 0}, {"bytes": -1}, {"bytes": 131073}, {"format": "octal"}, {"bytes": "many"}):
        refused(post(vault, "random", **fields), 400)
    refused(post(vault, "hash/md5", input=TEXT), 400)
    refused(post(vault, "hash", input=TEXT, format="octal"), 400)


@pytest.mark.parametrize("fields", [{}, {"ciphertext": "!"}, {"ciphertext": b64(b"\0" * 100)}, {"ciphertext": b64(b"\0" * 600)}, {"public_key": "PEM?"},
                                    {"ciphertext": b64(b"\0" * 600), "hash_function": "MD5"}, {"type": "aes256-gcm96", "public_key": "x"}])
def test_imports_that_cannot_be(vault, fields):
    name = fresh("import")
    refused(post(vault, f"keys/{name}/import", **{"type": "aes256-gcm96", **fields}), 400)
    assert vault.call("GET", f"transit/keys/{name}").status == 404


def test_import_versions(vault):
    wrapping, name = vault.read("transit/wrapping_key")["public_key"], fresh("import")
    assert vault.read("transit/wrapping_key")["public_key"] == wrapping  # permanent
    secrets = [bytes([number]) * 32 for number in (1, 2)]
    vault.write(f"transit/keys/{name}/import", type="aes256-gcm96", ciphertext=stranger.wrapped(wrapping, secrets[0]), allow_rotation=True)
    vault.write(f"transit/keys/{name}/import_version", ciphertext=stranger.wrapped(wrapping, secrets[1]))
    sealed = post(vault, f"encrypt/{name}", plaintext=TEXT).data["ciphertext"]
    assert stranger.unseal("aes256-gcm96", secrets[1], stranger.unpacked(sealed, 2)) == unb64(TEXT)
    vault.write(f"transit/keys/{name}/rotate")
    assert vault.read(f"transit/keys/{name}")["latest_version"] == 3
    wrong_size = post(vault, f"keys/{fresh('import')}/import", type="aes256-gcm96", ciphertext=stranger.wrapped(wrapping, b"\1" * 31))
    refused(wrong_size, 400)
    refused(post(vault, f"keys/{name}/import", type="aes256-gcm96", ciphertext=stranger.wrapped(wrapping, secrets[0])), 400)  # it exists
    refused(post(vault, f"keys/{vault.new_key()}/import_version", ciphertext=stranger.wrapped(wrapping, secrets[0])), 400)  # not an imported key
