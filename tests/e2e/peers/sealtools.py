"""Strangers that sign, verify, encrypt and decrypt: openssl cms, GnuPG, Sequoia's sq, and sqop. All bytes are exact."""

import os
import pathlib
import re
import subprocess

from cryptography import x509
from cryptography.x509.oid import NameOID

from . import mimebytes
from .base import PeerError, run


# S/MIME with the openssl command line.

def cms_decrypt(raw: bytes, person, directory: pathlib.Path) -> bytes:
    """The entity inside application/pkcs7-mime, as openssl cms opens it with that person's key."""
    source = directory / "sealed.eml"
    source.write_bytes(raw)
    return run(["openssl", "cms", "-decrypt", "-in", source, "-recip", person.cert, "-inkey", person.key]).stdout


def cms_structure(raw: bytes, directory: pathlib.Path) -> str:
    """openssl's printed view of the CMS structure, for assertions about algorithms."""
    source = directory / "print.eml"
    source.write_bytes(raw)
    return run(["openssl", "cms", "-cmsout", "-print", "-noout", "-in", source]).stdout.decode("utf-8", "replace")


def cms_verify(raw: bytes, roots: pathlib.Path, directory: pathlib.Path) -> tuple[bytes, x509.Certificate]:
    """Signed content and the signer's certificate; PeerError when openssl does not accept signature and chain."""
    source, signer = directory / "signed.eml", directory / "signer.pem"
    source.write_bytes(raw)
    signer.unlink(missing_ok=True)
    content = run(["openssl", "cms", "-verify", "-in", source, "-CAfile", roots, "-purpose", "smimesign", "-signer", signer]).stdout
    return content, x509.load_pem_x509_certificate(signer.read_bytes())


def certificate_emails(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.RFC822Name)
    return list(names) + [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]


def cms_sign(entity: bytes, person, directory: pathlib.Path, digest="sha256", opaque=False) -> bytes:
    """A complete MIME entity (Content-Type and all) that carries the entity signed."""
    source = directory / "to-sign"
    source.write_bytes(entity)
    done = run(["openssl", "cms", "-sign", "-in", source, "-signer", person.cert, "-inkey", person.key, "-md", digest, "-crlfeol",
                *(["-nodetach"] if opaque else [])])
    return _crlf(done.stdout)


def cms_encrypt(entity: bytes, certificates, directory: pathlib.Path, cipher="-aes-256-gcm", oaep=True) -> bytes:
    """A complete MIME entity with the entity encrypted to PEM files; each recipient by OAEP (RSA) or ECDH."""
    source = directory / "to-encrypt"
    source.write_bytes(entity)
    recipients = []
    for path in certificates:
        recipients += ["-recip", path]
        if oaep and _is_rsa(path):
            recipients += ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]
    return _crlf(run(["openssl", "cms", "-encrypt", "-binary", cipher, "-in", source, *recipients]).stdout)


def _is_rsa(path) -> bool:
    return hasattr(x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes()).public_key(), "key_size") and \
        "RSA" in x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes()).public_key().__class__.__name__


def _crlf(data: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", data)


def under_header(entity: bytes, sender: str, to: str, subject="sealed elsewhere", extra=()) -> bytes:
    """The entity as a message: its own MIME fields follow the message's fields."""
    head, _ = mimebytes.split(mimebytes.simple_message(sender, to, subject, extra=extra))
    if "mime-version" not in mimebytes.field_names(entity):
        head += b"MIME-Version: 1.0\r\n"
    return head + entity


# OpenPGP.

def pgp_parts(raw: bytes) -> bytes:
    """The armored ciphertext of a multipart/encrypted message (RFC 3156 4)."""
    control, data = mimebytes.multipart(raw)
    assert b"application/pgp-encrypted" in mimebytes.split(control)[0] and b"Version: 1" in control, control
    return mimebytes.split(data)[1]


def pgp_signed_parts(raw: bytes) -> tuple[bytes, bytes]:
    """The exact signed bytes and the armored signature of a multipart/signed message (RFC 3156 5)."""
    content, signature = mimebytes.multipart(raw)
    return content, mimebytes.split(signature)[1]


def pgp_encrypted_message(ciphertext: bytes, sender: str, to: str) -> bytes:
    body = (b"--pgp-e2e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--pgp-e2e\r\n"
            b"Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\r\n" + _crlf(ciphertext) + b"\r\n--pgp-e2e--\r\n")
    entity = b"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"pgp-e2e\"\r\n\r\n" + body
    return under_header(entity, sender, to)


def pgp_signed_message(entity: bytes, signature: bytes, sender: str, to: str, micalg="pgp-sha512") -> bytes:
    body = (b"--pgp-e2e\r\n" + entity + b"\r\n--pgp-e2e\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n" +
            _crlf(signature) + b"\r\n--pgp-e2e--\r\n")
    head = (f"Content-Type: multipart/signed; micalg={micalg}; protocol=\"application/pgp-signature\"; boundary=\"pgp-e2e\"\r\n\r\n")
    return under_header(head.encode() + body, sender, to)


class Gnupg:
    """A private GNUPGHOME. The path must be short: gpg-agent listens on a socket in it."""

    def __init__(self, home: pathlib.Path):
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)

    def gpg(self, *arguments, input=None, check=True) -> subprocess.CompletedProcess:
        return run(["gpg", "--homedir", self.home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "",
                    "--trust-model", "always", *arguments], input=input, check=check, env={**os.environ, "LC_ALL": "C"})

    def new_key(self, email: str, algorithm="future-default") -> None:
        """"future-default" is Ed25519 with X25519; "rsa2048" an RSA key with an RSA subkey."""
        self.gpg("--quick-gen-key", f"Test <{email}>", algorithm, "default" if not algorithm.startswith("rsa") else "sign,cert", "1y")
        if algorithm.startswith("rsa"):
            listing = self.gpg("--with-colons", "--list-keys", email).stdout.decode()
            fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
            self.gpg("--quick-add-key", fingerprint, algorithm, "encrypt", "1y")

    def certificate(self, email: str) -> bytes:
        return self.gpg("--armor", "--export", email).stdout

    def secret_key(self, email: str) -> bytes:
        return self.gpg("--armor", "--export-secret-keys", email).stdout

    def import_certificate(self, armored: bytes) -> str:
        """Its fingerprint, to encrypt to: the keyring may hold several certificates of one address, made within one second."""
        status = self.gpg("--status-fd", "1", "--import", input=armored).stdout.decode()
        return next(line.split()[3] for line in status.splitlines() if line.startswith("[GNUPG:] IMPORT_OK"))

    def decrypt(self, ciphertext: bytes) -> tuple[bytes, str]:
        """Plaintext and the status lines (GOODSIG, DECRYPTION_OKAY ...)."""
        done = self.gpg("--status-fd", "2", "--decrypt", input=ciphertext)
        status = done.stderr.decode("utf-8", "replace")
        if "DECRYPTION_OKAY" not in status:
            raise PeerError(f"gpg did not say DECRYPTION_OKAY:\n{status}")
        return done.stdout, status

    def verify(self, content: bytes, signature: bytes) -> str:
        """Status lines; PeerError when the signature is not good."""
        signed, detached = self.home / "signed.bin", self.home / "signed.asc"
        signed.write_bytes(content)
        detached.write_bytes(signature)
        status = self.gpg("--status-fd", "1", "--verify", detached, signed).stdout.decode("utf-8", "replace")
        if "GOODSIG" not in status:
            raise PeerError(f"gpg did not say GOODSIG:\n{status}")
        return status

    def encrypt(self, entity: bytes, recipients, sign_as=None) -> bytes:
        """Recipients are fingerprints, or addresses of which the keyring has one certificate."""
        options = [part for recipient in recipients for part in ("--recipient", recipient)]
        if sign_as:
            options += ["--sign", "--local-user", sign_as]
        return self.gpg("--armor", "--encrypt", *options, input=entity).stdout

    def sign(self, entity: bytes, sign_as: str) -> bytes:
        return self.gpg("--armor", "--digest-algo", "SHA512", "--detach-sign", "--local-user", sign_as, input=entity).stdout

    def stop(self):
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], capture_output=True, timeout=20)


class Sequoia:
    """Sequoia: sq decrypts and verifies as a person would type it; sqop (whose command line is a standard) makes keys, encrypts and signs."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def new_key(self, email: str) -> pathlib.Path:
        return self._file(f"{email}.key", run(["sqop", "generate-key", f"Test <{email}>"]).stdout)

    def certificate(self, key: pathlib.Path) -> bytes:
        return run(["sqop", "extract-cert"], input=key.read_bytes()).stdout

    def decrypt(self, ciphertext: bytes, key: pathlib.Path, signer: bytes | None = None) -> bytes:
        arguments = ["sq", "decrypt", "--recipient-key", key]
        if signer:
            arguments += ["--signer-cert", self._file("signer.cert", signer), "--signatures", "1"]
        return run(arguments, input=ciphertext).stdout

    def verify(self, content: bytes, signature: bytes, signer: bytes) -> None:
        run(["sq", "verify", "--signer-cert", self._file("signer.cert", signer), "--detached", self._file("sig", signature),
             self._file("content", content)])

    def encrypt(self, entity: bytes, certificates, sign_with: pathlib.Path | None = None) -> bytes:
        files = [self._file(f"recipient-{number}", certificate) for number, certificate in enumerate(certificates)]
        return run(["sqop", "encrypt", *([f"--sign-with={sign_with}"] if sign_with else []), *files], input=entity).stdout

    def sign(self, entity: bytes, key: pathlib.Path) -> bytes:
        return run(["sqop", "sign", key], input=entity).stdout

    def sop_decrypt(self, ciphertext: bytes, key: pathlib.Path) -> bytes:
        return run(["sqop", "decrypt", key], input=ciphertext).stdout

    def sop_verify(self, content: bytes, signature: bytes, signer: bytes) -> str:
        return run(["sqop", "verify", self._file("sig", signature), self._file("signer.cert", signer)], input=content).stdout.decode()

    def _file(self, name: str, data: bytes) -> pathlib.Path:
        path = self.directory / name
        path.write_bytes(data)
        return path
