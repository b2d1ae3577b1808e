"""Transit agrees with strangers: OpenSSL and libsodium open what the engine sealed, and the engine opens what they sealed, for every type."""

import base64
import hashlib
import hmac
import os

import nacl.bindings as sodium
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from peers import vaultcrypto as stranger
from peers.vault import Vault, b64, fresh, refused, unb64

AEADS = list(stranger.KEY_BYTES)
SIGNERS = ["ed25519", *stranger.CURVES, "rsa-2048"]
TEXT, CONTEXT = b"attack at dawn, bring the payroll", b"tenant-7"
VECTOR_KEY, VECTOR_CONTEXT = bytes(range(32)), b"my-context"  # vectors of an implementation that is neither ours nor OpenSSL's


@pytest.fixture(autouse=True)
def mounted(vault):
    vault.ensure_mount("transit", "transit")


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return stranger.new_private("rsa-2048")


def exported(vault: Vault, what: str, key: str, version="1") -> str:
    return vault.read(f"transit/export/{what}/{key}")["keys"][version]


def import_key(vault: Vault, kind: str, target: bytes, hash_function="SHA256", **fields) -> str:
    name = fresh(f"import-{kind}")
    blob = stranger.wrapped(vault.read("transit/wrapping_key")["public_key"], target, hash_function)
    vault.write(f"transit/keys/{name}/import", type=kind, ciphertext=blob, hash_function=hash_function, **fields)
    return name


def encrypt(vault: Vault, key: str, plaintext=TEXT, **fields) -> str:
    return vault.write(f"transit/encrypt/{key}", plaintext=b64(plaintext), **fields)["ciphertext"]


def decrypt(vault: Vault, key: str, ciphertext: str, **fields) -> bytes:
    return unb64(vault.write(f"transit/decrypt/{key}", ciphertext=ciphertext, **fields)["plaintext"])


def public_of(vault: Vault, kind: str, key: str, version="1"):
    return stranger.load_public(kind, vault.read(f"transit/keys/{key}")["keys"][version]["public_key"])


# Encryption.

@pytest.mark.parametrize("aad", [b"", b"message 42"])
@pytest.mark.parametrize("kind", AEADS)
def test_aead_with_the_exported_key(vault, kind, aad):
    key = vault.new_key(kind, exportable=True)
    secret = unb64(exported(vault, "encryption-key", key))
    assert len(secret) == stranger.KEY_BYTES[kind]
    assert stranger.unseal(kind, secret, stranger.unpacked(encrypt(vault, key, associated_data=b64(aad))), aad) == TEXT
    assert decrypt(vault, key, stranger.packed(stranger.seal(kind, secret, TEXT, aad)), associated_data=b64(aad)) == TEXT


@pytest.mark.parametrize("size", [0, 1, 1024, 1 << 20])
def test_sizes(vault, size):
    key = vault.new_key()
    plaintext = os.urandom(size)
    assert decrypt(vault, key, encrypt(vault, key, plaintext)) == plaintext


@pytest.mark.parametrize("kind", AEADS)
def test_aead_with_an_imported_key(vault, kind):
    secret = os.urandom(stranger.KEY_BYTES[kind])
    key = import_key(vault, kind, secret)
    assert stranger.unseal(kind, secret, stranger.unpacked(encrypt(vault, key))) == TEXT
    assert decrypt(vault, key, stranger.packed(stranger.seal(kind, secret, TEXT))) == TEXT
    info = vault.read(f"transit/keys/{key}")
    assert info["imported_key"] and not info["exportable"]
    refused(vault.call("GET", f"transit/export/encryption-key/{key}"), 400, "not exportable")


@pytest.mark.parametrize("hash_function", ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512"])
def test_import_with_each_hash(vault, hash_function):
    secret = os.urandom(32)
    key = import_key(vault, "aes256-gcm96", secret, hash_function)
    assert stranger.unseal("aes256-gcm96", secret, stranger.unpacked(encrypt(vault, key))) == TEXT


@pytest.mark.parametrize("kind", AEADS)
def test_derived_key(vault, kind):
    key = vault.new_key(kind, derived=True, exportable=True)
    secret = stranger.derived(unb64(exported(vault, "encryption-key", key)), CONTEXT, stranger.KEY_BYTES[kind])
    assert stranger.unseal(kind, secret, stranger.unpacked(encrypt(vault, key, context=b64(CONTEXT)))) == TEXT
    assert decrypt(vault, key, stranger.packed(stranger.seal(kind, secret, TEXT)), context=b64(CONTEXT)) == TEXT
    refused(vault.call("POST", f"transit/decrypt/{key}", {"ciphertext": encrypt(vault, key, context=b64(CONTEXT)), "context": b64("tenant-8")}), 400)


def test_the_derived_vector(vault):
    expected = bytes.fromhex("4a10e0dd7750402d5d67a8babd31aaaceee6a194780140dcb6bf3bcc29da533d")
    assert stranger.derived(VECTOR_KEY, VECTOR_CONTEXT) == expected
    key = import_key(vault, "aes256-gcm96", VECTOR_KEY, derived=True)
    assert stranger.unseal("aes256-gcm96", expected, stranger.unpacked(encrypt(vault, key, context=b64(VECTOR_CONTEXT)))) == TEXT


def test_the_convergent_vector_holds_for_the_second_opinion():
    assert stranger.packed(stranger.convergent("aes256-gcm96", VECTOR_KEY, VECTOR_CONTEXT, b"hello world")) == \
        "vault:v1:qBGVuHYLU/LGxzvYPdKeG35Y6LqCcilxvrQ/jB7ngHXzKAMn7Tt4"


@pytest.mark.parametrize("kind", AEADS)
def test_convergent_key(vault, kind):
    key = vault.new_key(kind, derived=True, convergent_encryption=True, exportable=True)
    secret = unb64(exported(vault, "encryption-key", key))
    ciphertext = encrypt(vault, key, context=b64(CONTEXT))
    assert ciphertext == encrypt(vault, key, context=b64(CONTEXT)) == stranger.packed(stranger.convergent(kind, secret, CONTEXT, TEXT))
    assert decrypt(vault, key, ciphertext, context=b64(CONTEXT)) == TEXT
    assert ciphertext != encrypt(vault, key, context=b64("tenant-8")) and ciphertext != encrypt(vault, key, b"other", context=b64(CONTEXT))


def test_rsa_encryption(vault, rsa_key):
    key = vault.new_key("rsa-2048", exportable=True)
    private = stranger.load_exported("rsa-2048", exported(vault, "encryption-key", key))
    assert private.decrypt(stranger.unpacked(encrypt(vault, key)), stranger.oaep()) == TEXT
    sealed = public_of(vault, "rsa-2048", key).encrypt(TEXT, stranger.oaep())
    assert decrypt(vault, key, stranger.packed(sealed)) == TEXT
    brought = import_key(vault, "rsa-2048", stranger.pkcs8(rsa_key))
    assert rsa_key.decrypt(stranger.unpacked(encrypt(vault, brought)), stranger.oaep()) == TEXT


@pytest.mark.parametrize("kind", ["rsa-3072", "rsa-4096"])
def test_large_rsa_keys(vault, kind):
    key = import_key(vault, kind, stranger.pkcs8(stranger.new_private(kind)))
    public = public_of(vault, kind, key)
    assert public.key_size == int(kind[4:])
    assert decrypt(vault, key, encrypt(vault, key)) == TEXT == decrypt(vault, key, stranger.packed(public.encrypt(TEXT, stranger.oaep())))
    check_signature(vault, kind, key)


@pytest.mark.parametrize("kind", ["rsa-3072", "rsa-4096"])
def test_large_rsa_keys_made_here(vault, kind):
    key = vault.new_key(kind, exportable=True)
    private = stranger.load_exported(kind, exported(vault, "encryption-key", key))
    assert private.decrypt(stranger.unpacked(encrypt(vault, key)), stranger.oaep()) == TEXT
    signature = private.sign(TEXT, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH), hashes.SHA256())
    assert valid(vault, key, stranger.packed(signature)) and not valid(vault, key, stranger.packed(signature), b"another text")


def test_byok_export_to_a_strangers_key(vault, rsa_key):
    receiver, source = fresh("receiver"), vault.new_key("aes256-gcm96", exportable=True)
    vault.write(f"transit/keys/{receiver}/import", type="rsa-2048", public_key=stranger.pem_public(rsa_key.public_key()))
    blob = vault.read(f"transit/byok-export/{receiver}/{source}")["keys"]["1"]
    assert b64(stranger.unwrapped(rsa_key, blob)) == exported(vault, "encryption-key", source)


def test_data_keys(vault):
    key = vault.new_key()
    for bits, size in ((128, 16), (256, 32), (512, 64)):
        made = vault.write(f"transit/datakey/plaintext/{key}", bits=bits)
        assert len(unb64(made["plaintext"])) == size and decrypt(vault, key, made["ciphertext"]) == unb64(made["plaintext"])
        hidden = vault.write(f"transit/datakey/wrapped/{key}", bits=bits)
        assert "plaintext" not in hidden and len(decrypt(vault, key, hidden["ciphertext"])) == size


@pytest.mark.parametrize("kind", AEADS)
def test_a_data_key_for_a_stranger(vault, kind):
    """Who has the key opens what the engine wrapped, and the engine what he wrapped."""
    key = vault.new_key(kind, exportable=True)
    secret = unb64(exported(vault, "encryption-key", key))
    made = vault.write(f"transit/datakey/plaintext/{key}", associated_data=b64(b"row 7"))
    assert stranger.unseal(kind, secret, stranger.unpacked(made["ciphertext"]), b"row 7") == unb64(made["plaintext"])
    his = os.urandom(32)
    assert decrypt(vault, key, stranger.packed(stranger.seal(kind, secret, his, b"row 7")), associated_data=b64(b"row 7")) == his


@pytest.mark.parametrize("fields", [{"type": "ml-dsa", "parameter_set": "65"}, {"type": "mldsa-44"}, {"type": "mlkem-768"}])
def test_post_quantum_types_work_or_say_what_they_need(vault, fields):
    """With OpenSSL 3.5 the keys are there; with an older one the refusal is clear, and a client's fault (400), not a failure."""
    name = fresh("quantum")
    answer = vault.call("POST", f"transit/keys/{name}", fields)
    if answer.status == 400:
        assert "OpenSSL 3.5" in answer.error, answer.error
        assert vault.call("GET", f"transit/keys/{name}").status == 404
        return
    assert answer.status == 200, answer
    if "dsa" in fields["type"]:
        assert valid(vault, name, sign(vault, name)) and not valid(vault, name, sign(vault, name), b"another text")


# Signatures.

def sign(vault: Vault, key: str, content=TEXT, suffix="", **fields) -> str:
    return vault.write(f"transit/sign/{key}{suffix}", input=b64(content), **fields)["signature"]


def valid(vault: Vault, key: str, signature: str, content=TEXT, suffix="", **fields) -> bool:
    return vault.write(f"transit/verify/{key}{suffix}", input=b64(content), signature=signature, **fields)["valid"]


def check_signature(vault: Vault, kind: str, key: str):
    """The default signature of the engine, with the public key of the key's information."""
    signature, public = stranger.unpacked(sign(vault, key)), public_of(vault, kind, key)
    if kind == "ed25519":
        public.verify(signature, TEXT)
        assert sodium.crypto_sign_open(signature + TEXT, stranger.raw_public(public)) == TEXT
    elif kind in stranger.CURVES:
        public.verify(signature, TEXT, ec.ECDSA(hashes.SHA256()))
    else:
        digest = hashes.SHA256()
        public.verify(signature, TEXT, padding.PSS(padding.MGF1(digest), padding.PSS.MAX_LENGTH), digest)


@pytest.mark.parametrize("kind", SIGNERS)
def test_signature_and_exported_key(vault, kind):
    key = vault.new_key(kind, exportable=True)
    check_signature(vault, kind, key)
    private = stranger.load_exported(kind, exported(vault, "signing-key", key))
    assert stranger.pem_public(private.public_key()) == stranger.pem_public(public_of(vault, kind, key))
    assert stranger.pem_public(stranger.load_public(kind, exported(vault, "public-key", key))) == stranger.pem_public(private.public_key())
    assert valid(vault, key, sign(vault, key)) and not valid(vault, key, sign(vault, key), b"another text")


@pytest.mark.parametrize("kind", SIGNERS)
def test_signature_of_an_imported_key(vault, kind):
    private = stranger.new_private(kind)
    key = import_key(vault, kind, stranger.pkcs8(private))
    assert stranger.pem_public(public_of(vault, kind, key)) == stranger.pem_public(private.public_key())
    check_signature(vault, kind, key)
    refused(vault.call("POST", f"transit/keys/{key}/rotate", {}), 400)  # imported without allow_rotation


@pytest.mark.parametrize("kind", [*SIGNERS, "rsa-3072", "rsa-4096"])
def test_a_strangers_public_key_verifies_and_never_signs(vault, kind):
    private, key = stranger.new_private(kind), fresh(f"public-{kind}")
    public = private.public_key()
    vault.write(f"transit/keys/{key}/import", type=kind, public_key=stranger.pem_public(public))
    if kind == "ed25519":
        signature = private.sign(TEXT)
    elif kind in stranger.CURVES:
        signature = private.sign(TEXT, ec.ECDSA(hashes.SHA256()))
    else:
        signature = private.sign(TEXT, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH), hashes.SHA256())
    assert valid(vault, key, stranger.packed(signature)) and not valid(vault, key, stranger.packed(signature), b"another text")
    assert vault.call("POST", f"transit/sign/{key}", {"input": b64(TEXT)}).status == 400


def test_ed25519_of_libsodium(vault):
    """A key that libsodium made: the same signature, byte for byte (RFC 8032 is deterministic), and each side accepts the other's."""
    public, secret = sodium.crypto_sign_keypair()
    key = import_key(vault, "ed25519", stranger.pkcs8(stranger.ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32])))
    assert stranger.raw_public(public_of(vault, "ed25519", key)) == public
    signature = sodium.crypto_sign(TEXT, secret)[:64]
    assert stranger.unpacked(sign(vault, key)) == signature
    assert valid(vault, key, stranger.packed(signature)) and not valid(vault, key, stranger.packed(signature[:-1] + bytes([signature[-1] ^ 1])))
    assert sodium.crypto_sign_open(stranger.unpacked(sign(vault, key)) + TEXT, public) == TEXT


SIGNED = [name for name in stranger.HASHES if name != "sha1"]


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-2048"])
def test_sha1_is_not_signed(vault, kind):
    """SP 800-131A: SHA-1 makes no signatures. Refused with the way out, where Vault would sign."""
    answer = vault.call("POST", f"transit/sign/{vault.new_key(kind)}", {"input": b64(TEXT), "hash_algorithm": "sha1"})
    assert answer.status == 400 and "sha2-256" in answer.error


@pytest.mark.parametrize("digest", SIGNED)
@pytest.mark.parametrize("kind", list(stranger.CURVES))
def test_ecdsa_with_each_hash_and_form(vault, kind, digest):
    key = vault.new_key(kind)
    public, scheme = public_of(vault, kind, key), ec.ECDSA(stranger.HASHES[digest])
    public.verify(stranger.unpacked(sign(vault, key, hash_algorithm=digest)), TEXT, scheme)
    jws = sign(vault, key, suffix=f"/{digest}", marshaling_algorithm="jws").removeprefix("vault:v1:")
    assert "=" not in jws
    public.verify(stranger.jws_to_asn1(base64.urlsafe_b64decode(jws + "==")), TEXT, scheme)
    assert valid(vault, key, f"vault:v1:{jws}", hash_algorithm=digest, marshaling_algorithm="jws")


@pytest.mark.parametrize("kind", list(stranger.CURVES))
def test_ecdsa_of_a_stranger(vault, kind):
    key = vault.new_key(kind, exportable=True)
    private = stranger.load_exported(kind, exported(vault, "signing-key", key))
    prehashed = hashlib.sha256(TEXT).digest()
    signature = private.sign(prehashed, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    assert valid(vault, key, stranger.packed(signature), prehashed, prehashed=True)
    jws = base64.urlsafe_b64encode(stranger.asn1_to_jws(signature, kind)).decode().rstrip("=")
    assert valid(vault, key, f"vault:v1:{jws}", marshaling_algorithm="jws")


@pytest.mark.parametrize("digest", SIGNED)
def test_rsa_signatures(vault, rsa_key, digest):
    key, algorithm = import_key(vault, "rsa-2048", stranger.pkcs8(rsa_key)), stranger.HASHES[digest]
    public = rsa_key.public_key()
    for salt, length in (("auto", padding.PSS.MAX_LENGTH), ("hash", algorithm.digest_size), ("20", 20), (20, 20)):
        signature = sign(vault, key, hash_algorithm=digest, salt_length=salt)
        public.verify(stranger.unpacked(signature), TEXT, padding.PSS(padding.MGF1(algorithm), length), algorithm)
        assert valid(vault, key, signature, hash_algorithm=digest)
    pkcs1 = sign(vault, key, hash_algorithm=digest, signature_algorithm="pkcs1v15")
    assert stranger.unpacked(pkcs1) == rsa_key.sign(TEXT, padding.PKCS1v15(), algorithm)
    assert valid(vault, key, pkcs1, hash_algorithm=digest, signature_algorithm="pkcs1v15")
    assert not valid(vault, key, pkcs1, hash_algorithm=digest, signature_algorithm="pss")


def test_rsa_without_a_digest_info(vault, rsa_key):
    key = import_key(vault, "rsa-2048", stranger.pkcs8(rsa_key))
    options = {"hash_algorithm": "none", "signature_algorithm": "pkcs1v15", "prehashed": True}
    signature = sign(vault, key, **options)
    assert valid(vault, key, signature, **options)
    number = pow(int.from_bytes(stranger.unpacked(signature), "big"), 65537, rsa_key.public_key().public_numbers().n)
    assert number.to_bytes(256, "big") == b"\0\1" + b"\xff" * (253 - len(TEXT)) + b"\0" + TEXT  # RFC 8017 9.2, T is the input itself
    assert vault.call("POST", f"transit/sign/{key}", {"input": b64(TEXT), "hash_algorithm": "none"}).status == 400


def test_derived_ed25519(vault):
    seed_key = stranger.ed25519.Ed25519PrivateKey.from_private_bytes(VECTOR_KEY)
    key = import_key(vault, "ed25519", stranger.pkcs8(seed_key), derived=True)
    context = b64(VECTOR_CONTEXT)
    public = vault.call("GET", f"transit/keys/{key}?context={context.replace('+', '%2B').replace('=', '%3D')}").data["keys"]["1"]["public_key"]
    assert public == "OIvIl/P5BgXI5mVbCspIin8B4+5fbJBqqp0rjRBwXjc="
    answer = vault.write(f"transit/sign/{key}", input=b64(TEXT), context=context)
    private = stranger.derived_ed25519(VECTOR_KEY, VECTOR_CONTEXT)
    assert answer["public_key"] == public and stranger.unpacked(answer["signature"]) == private.sign(TEXT)
    assert valid(vault, key, stranger.packed(private.sign(TEXT)), context=context)
    with pytest.raises(InvalidSignature):
        seed_key.public_key().verify(stranger.unpacked(answer["signature"]), TEXT)


# HMAC and hash.

@pytest.mark.parametrize("digest", SIGNED)
def test_hmac_and_hash(vault, digest):
    plain_name = digest.replace("sha2-", "sha").replace("sha3-", "sha3_")
    secret = os.urandom(48)
    key = import_key(vault, "hmac", secret)
    made = vault.write(f"transit/hmac/{key}/{digest}", input=b64(TEXT))["hmac"]
    assert stranger.unpacked(made) == hmac.digest(secret, TEXT, plain_name)
    assert vault.write(f"transit/verify/{key}/{digest}", input=b64(TEXT), hmac=made)["valid"] is True
    assert vault.write(f"transit/verify/{key}/{digest}", input=b64(b"x"), hmac=made)["valid"] is False
    assert vault.write(f"transit/hash/{digest}", input=b64(TEXT))["sum"] == hashlib.new(plain_name, TEXT).hexdigest()
    assert unb64(vault.write(f"transit/hash/{digest}", input=b64(TEXT), format="base64")["sum"]) == hashlib.new(plain_name, TEXT).digest()


def test_every_key_has_an_hmac_key(vault):
    key = vault.new_key("aes256-gcm96", exportable=True)
    secret = unb64(exported(vault, "hmac-key", key))
    made = vault.write(f"transit/hmac/{key}", input=b64(TEXT))["hmac"]
    assert len(secret) == 32 and stranger.unpacked(made) == hmac.digest(secret, TEXT, "sha256")
    assert secret != unb64(exported(vault, "encryption-key", key))


def test_an_hmac_key_of_its_own(vault):
    key = vault.new_key("hmac", key_size=64, exportable=True)
    secret = unb64(exported(vault, "hmac-key", key))
    made = vault.write(f"transit/hmac/{key}/sha2-512", input=b64(TEXT))["hmac"]
    assert len(secret) == 64 and stranger.unpacked(made) == hmac.digest(secret, TEXT, "sha512")


def test_exported_forms(vault):
    key = vault.new_key("ecdsa-p256", exportable=True)
    pem = vault.read(f"transit/export/signing-key/{key}/latest?format=pem")["keys"]["1"]
    der = vault.read(f"transit/export/signing-key/{key}/1?format=der")["keys"]["1"]
    same = {stranger.pem_public(private.public_key()) for private in
            (serialization.load_pem_private_key(pem.encode(), None), serialization.load_der_private_key(unb64(der), None))}
    assert same == {vault.read(f"transit/keys/{key}")["keys"]["1"]["public_key"]}
