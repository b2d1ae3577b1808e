"""What a transit key does, done again by OpenSSL (python3-cryptography) and libsodium (python3-nacl): the second opinion of the tests."""

import hmac
import os

import nacl.bindings as sodium
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .vault import b64, unb64

KEY_BYTES = {"aes128-gcm96": 16, "aes256-gcm96": 32, "chacha20-poly1305": 32, "xchacha20-poly1305": 32}
HASHES = {"sha1": hashes.SHA1(), "sha2-224": hashes.SHA224(), "sha2-256": hashes.SHA256(), "sha2-384": hashes.SHA384(), "sha2-512": hashes.SHA512(),
          "sha3-224": hashes.SHA3_224(), "sha3-256": hashes.SHA3_256(), "sha3-384": hashes.SHA3_384(), "sha3-512": hashes.SHA3_512()}
CURVES = {"ecdsa-p256": ec.SECP256R1(), "ecdsa-p384": ec.SECP384R1(), "ecdsa-p521": ec.SECP521R1()}


# "vault:vN:" and what follows it.

def packed(content: bytes, version=1) -> str:
    return f"vault:v{version}:{b64(content)}"


def unpacked(text: str, version=1) -> bytes:
    prefix = f"vault:v{version}:"
    assert text.startswith(prefix), text
    return unb64(text.removeprefix(prefix))


# AEADs. XChaCha20 is libsodium's alone; ChaCha20 goes through both libraries, which must agree.

def seal(kind: str, key: bytes, plaintext: bytes, aad=b"", nonce: bytes | None = None) -> bytes:
    nonce = nonce or os.urandom(24 if kind.startswith("x") else 12)
    if kind.startswith("aes"):
        return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)
    if kind == "xchacha20-poly1305":
        return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, nonce, key)
    sealed = ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)
    assert sealed == sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, nonce, key)
    return nonce + sealed


def unseal(kind: str, key: bytes, sealed: bytes, aad=b"") -> bytes:
    split = 24 if kind.startswith("x") else 12
    nonce, rest = sealed[:split], sealed[split:]
    if kind.startswith("aes"):
        return AESGCM(key).decrypt(nonce, rest, aad)
    if kind == "xchacha20-poly1305":
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(rest, aad, nonce, key)
    opened = ChaCha20Poly1305(key).decrypt(nonce, rest, aad)
    assert opened == sodium.crypto_aead_chacha20poly1305_ietf_decrypt(rest, aad, nonce, key)
    return opened


# Derived and convergent keys.

def derived(key: bytes, context: bytes, length=32) -> bytes:
    """HKDF-SHA256 without salt, the context as info."""
    return HKDF(hashes.SHA256(), length, None, context).derive(key)


def convergent(kind: str, key: bytes, context: bytes, plaintext: bytes) -> bytes:
    """The nonce is the start of an HMAC of the plaintext under a second derived key."""
    size = KEY_BYTES[kind]
    both = derived(key, context, size + 32)
    nonce = hmac.digest(both[size:], plaintext, "sha256")[: 24 if kind.startswith("x") else 12]
    return seal(kind, both[:size], plaintext, nonce=nonce)


def derived_ed25519(seed: bytes, context: bytes) -> ed25519.Ed25519PrivateKey:
    public = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return ed25519.Ed25519PrivateKey.from_private_bytes(derived(seed + raw_public(public), context))


def raw_public(key: ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


# Bring your own key.

def wrapped(wrapping_pem: str, target: bytes, hash_function="SHA256") -> str:
    """RSA-OAEP of a new AES key, then AES-KWP of the target under it."""
    digest = getattr(hashes, hash_function)()
    inner = os.urandom(32)
    outer = serialization.load_pem_public_key(wrapping_pem.encode()).encrypt(inner, padding.OAEP(padding.MGF1(digest), digest, None))
    return b64(outer + keywrap.aes_key_wrap_with_padding(inner, target))


def unwrapped(private: rsa.RSAPrivateKey, blob: str, hash_function="SHA256") -> bytes:
    digest = getattr(hashes, hash_function)()
    content, size = unb64(blob), private.key_size // 8
    inner = private.decrypt(content[:size], padding.OAEP(padding.MGF1(digest), digest, None))
    return keywrap.aes_key_unwrap_with_padding(inner, content[size:])


def pkcs8(private) -> bytes:
    return private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def pem_public(key) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def new_private(kind: str):
    """A private key for a signing or RSA type, made by OpenSSL."""
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


def load_exported(kind: str, text: str):
    """A private key as export/signing-key or export/encryption-key gives it."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(unb64(text)[:32])
    return serialization.load_pem_private_key(text.encode(), None)


def load_public(kind: str, text: str):
    if kind == "ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(unb64(text))
    return serialization.load_pem_public_key(text.encode())


# Signatures.

def oaep() -> padding.OAEP:
    return padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def jws_to_asn1(signature: bytes) -> bytes:
    half = len(signature) // 2
    return utils.encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def asn1_to_jws(signature: bytes, kind: str) -> bytes:
    size = (CURVES[kind].key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in utils.decode_dss_signature(signature))
