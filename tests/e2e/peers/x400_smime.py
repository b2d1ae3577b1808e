"""S/MIME on X.400 contents as strangers make it: openssl's command signs, verifies, encrypts and decrypts CMS objects in DER (RFC 3854, 3855), and certificates
name O/R addresses in x400Address (RFC 5280 4.2.1.6), which openssl cannot write and python-cryptography passes on as octets."""

import pathlib

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from . import ber
from .base import run
from .certs import Issued, TestAuthority
from .x400_values import ORName

P22 = "2.6.1.10.1"  # id-mct-p2-1988, X.420 annex A
SIGNED_DATA, ENVELOPED_DATA = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.3"


def x400_address(name: ORName) -> bytes:
    """GeneralName's x400Address [3] IMPLICIT ORAddress."""
    return name.encode("C3")


def person(authority: TestAuthority, *names: ORName, label: str, emails=(), **wish) -> Issued:
    """A certificate that names O/R addresses, and mail addresses where they are given."""
    general = ber.seq(*(ber.ia5(email, "C1") for email in emails), *map(x400_address, names))
    return authority.person(label, label=label, names=x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, general), **wish)


def issue(authority: TestAuthority, request: str, name: ORName, directory: pathlib.Path) -> bytes:
    """What a certificate request in PEM is answered by the authority, for this O/R address."""
    asked, extensions = directory / "request.pem", directory / "extensions"
    asked.write_text(request)
    extensions.write_text(f"subjectAltName=DER:{ber.seq(x400_address(name)).hex()}\nextendedKeyUsage=emailProtection\n"
                          "keyUsage=critical,digitalSignature,keyAgreement\nbasicConstraints=critical,CA:FALSE\n"
                          "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    return run(["openssl", "x509", "-req", "-in", asked, "-CA", authority.root.cert, "-CAkey", authority.root.key, "-days", "90", "-sha256",
                "-extfile", extensions]).stdout


def install(folder: pathlib.Path, who: Issued, *roles: str):
    """As security.smime.certificates_dir has our own: "signing", "encryption"; without a role a correspondent's certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    for role in roles:
        (folder / f"{role}.pem").write_bytes(who.cert_pem)
        (folder / f"{role}.key").write_bytes(who.key_pem)
    if not roles:
        (folder / who.cert.name).write_bytes(who.cert_pem)


def sign(content: bytes, who: Issued, directory: pathlib.Path, content_type=P22, digest="sha256", *more) -> bytes:
    """ContentInfo of a SignedData whose eContentType is that of the content."""
    source = directory / "to-sign.ber"
    source.write_bytes(content)
    return run(["openssl", "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-econtent_type", content_type, "-md", digest, "-in", source,
                "-signer", who.cert, "-inkey", who.key, *more]).stdout


def verify(sealed: bytes, roots: pathlib.Path, directory: pathlib.Path) -> bytes:
    """The content; PeerError when openssl accepts signature or chain not."""
    source = directory / "to-verify.p7m"
    source.write_bytes(sealed)
    return run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", source, "-CAfile", roots, "-purpose", "any"]).stdout


def encrypt(content: bytes, readers: list[Issued], directory: pathlib.Path, cipher="-aes-256-gcm") -> bytes:
    source = directory / "to-encrypt.ber"
    source.write_bytes(content)
    recipients = [word for each in readers for word in ("-recip", each.cert)]
    return run(["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", cipher, "-in", source, *recipients]).stdout


def decrypt(sealed: bytes, who: Issued, directory: pathlib.Path) -> bytes:
    source = directory / "to-decrypt.p7m"
    source.write_bytes(sealed)
    return run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", source, "-recip", who.cert, "-inkey", who.key]).stdout


def content_info(content_type: str, content: bytes) -> bytes:
    """RFC 5652 3, around what RFC 3854 3.4 nests without it."""
    return ber.seq(ber.oid(content_type), ber.cons("C0", content))


def econtent_type(sealed: bytes) -> str:
    """Of a SignedData: by our own reader of BER, not by what is tested."""
    signed = ber.parse(sealed).want("C0").only()
    return next(node for node in signed.children if node.tag == "U16").want("U6").oid
