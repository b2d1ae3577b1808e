"""A throw-away certificate authority for peers: server, client and S/MIME certificates, good ones and deliberately bad ones."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)


def new_key(kind: str):
    """"rsa2048", "rsa1024", "p256" or "p384"."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


class Issued:
    """A certificate and its key as PEM files, ready for a peer's configuration."""

    def __init__(self, directory: pathlib.Path, name: str, key, certificate: x509.Certificate, mode=0o644):
        self.key_object, self.certificate = key, certificate
        self.cert, self.key, self.both = (directory / f"{name}.{suffix}" for suffix in ("crt", "key", "pem"))
        self.cert_pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.cert.write_bytes(self.cert_pem)
        self.key.write_bytes(self.key_pem)
        self.both.write_bytes(self.key_pem + self.cert_pem)
        for path in (self.key, self.both):
            path.chmod(mode)

    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def spki_sha256(self) -> str:
        spki = self.certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(spki)
        return digest.finalize().hex()


class TestAuthority:
    __test__ = False  # not a test class, whatever its name says

    def __init__(self, directory: pathlib.Path, name="Peers' test root"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._key = new_key("p256")
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = _now()
        certificate = (self._builder(self._name, self._key.public_key(), now - _DAY, now + 3650 * _DAY)
                       .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                       .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
                       .sign(self._key, hashes.SHA256()))
        self.root = Issued(self.directory, "ca", self._key, certificate)
        self.pem = self.root.cert

    def server(self, *names: str, kind="p256", days=(-1, 90), label=None, more=()) -> Issued:
        """`more`: further extensions, such as where revocation is told."""
        alternatives = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
        key = new_key(kind)
        return self._issue(label or f"server-{names[0]}", names[0], key, alternatives, days,
                           [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], _usage(digital_signature=True), more=more)

    def person(self, email: str, kind="rsa2048", days=(-1, 90), label=None, usages=(ExtendedKeyUsageOID.EMAIL_PROTECTION,),
               digest=hashes.SHA256(), names=None, more=()) -> Issued:
        """An S/MIME certificate: rfc822Name, emailProtection, and the key usage its kind of key calls for (RFC 8550 4.4). `names`: a subjectAltName of
        its own; `more` as of server()."""
        key = new_key(kind)
        usage = _usage(digital_signature=True, key_encipherment=kind.startswith("rsa"), key_agreement=not kind.startswith("rsa"))
        return self._issue(label or f"person-{email}-{kind}", email, key, names or [x509.RFC822Name(email)], days, list(usages), usage, digest, more)

    def crl(self, revoked=None) -> bytes:
        """The authority's list in DER (RFC 5280 5); `revoked`: when, by serial number."""
        now = _now()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(now - _DAY / 24).next_update(now + 2 * _DAY)
                   .add_extension(x509.CRLNumber(1), critical=False))
        for serial, since in (revoked or {}).items():
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _issue(self, label, common_name, key, alternatives, days, usages, usage, digest=hashes.SHA256(), more=()) -> Issued:
        now = _now()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = (self._builder(subject, key.public_key(), now + days[0] * _DAY, now + days[1] * _DAY)
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                   .add_extension(x509.SubjectAlternativeName(alternatives) if isinstance(alternatives, list) else alternatives, critical=False)
                   .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
                   .add_extension(usage, critical=True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False))
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self._key, digest)
        return Issued(self.directory, label.replace("/", "_"), key, certificate)

    def _builder(self, subject, public_key, begins, ends):
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))


def _now() -> datetime.datetime:
    return datetime.datetime.utcnow().replace(microsecond=0)


def _usage(**set_bits) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: bool(set_bits.get(name)) for name in names})
