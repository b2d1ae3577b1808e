"""Two strangers' opinions on DKIM signatures, offline: dkimpy and OpenDKIM."""

import base64
import pathlib
import re

import dkim
from cryptography.hazmat.primitives import serialization

from . import mimebytes
from .base import run


def dns_record(public_key_pem: str) -> str:
    """The TXT record (RFC 6376 3.6.1, RFC 8463 4) for a public key as `postern key show` prints it."""
    key = serialization.load_pem_public_key(public_key_pem.encode())
    if key.__class__.__name__.lstrip("_").startswith("Ed25519"):
        raw, kind = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw), "ed25519"
    else:
        raw, kind = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo), "rsa"
    return f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}"


def signature_tags(raw: bytes) -> list[dict[str, str]]:
    """The tags of every DKIM-Signature field, top first."""
    found = []
    for name, whole in mimebytes.fields(raw):
        if name.lower() == "dkim-signature":
            value = re.sub(r"\s+", "", whole.partition(b":")[2].decode())
            found.append(dict(tag.split("=", 1) for tag in value.split(";") if tag))
    return found


def dkimpy_verdict(raw: bytes, records: dict[str, str], index=0) -> bool:
    """dkimpy's verdict on one signature; the top one is 0. `records`: {"sel._domainkey.example": TXT}."""
    def txt(name, timeout=5):
        return records.get(name.decode("utf-8", "replace").rstrip(".").lower(), "").encode()
    try:
        return bool(dkim.DKIM(raw, minkey=1024).verify(idx=index, dnsfunc=txt))
    except dkim.DKIMException:
        return False


def dkimpy_verdicts(raw: bytes, records: dict[str, str]) -> list[bool]:
    """dkimpy's verdict on each signature, top first."""
    return [dkimpy_verdict(raw, records, index) for index in range(len(signature_tags(raw)))]


def opendkim_verdicts(raw: bytes, records: dict[str, str], directory: pathlib.Path) -> dict[str, str]:
    """OpenDKIM's verdict by selector, from the Authentication-Results field it would insert."""
    directory.mkdir(parents=True, exist_ok=True)
    message, keys, configuration = directory / "message.eml", directory / "keys", directory / "opendkim.conf"
    message.write_bytes(raw)
    keys.write_text("".join(f"{name} {value}\n" for name, value in records.items()))
    configuration.write_text(f"Mode v\nSyslog no\nTestPublicKeys {keys}\nAuthservID test.example\nAlwaysAddARHeader yes\n")
    done = run(["/usr/sbin/opendkim", "-x", configuration, "-vv", "-t", message], check=False)
    output = done.stdout.decode("utf-8", "replace")
    verdicts = dict((selector, result) for result, selector in re.findall(r"dkim=(\w+)[^;]*?header\.s=(\S+)", output))
    assert verdicts or "dkim=none" in output, f"opendkim gave no verdict:\n{output}\n{done.stderr.decode('utf-8', 'replace')}"
    return verdicts


def opendkim_signed(raw: bytes, domain: str, selector: str, key: pathlib.Path, canon: str, directory: pathlib.Path) -> bytes:
    """The DKIM-Signature field that OpenDKIM (RSA only) would insert, From signed once more than it is there. Nobody else may be able to
    write to the key's directory."""
    directory.mkdir(parents=True, exist_ok=True)
    message, configuration = directory / "message.eml", directory / "opendkim.conf"
    message.write_bytes(raw)
    configuration.write_text(f"Mode s\nSyslog no\nDomain {domain}\nSelector {selector}\nKeyFile {key}\nCanonicalization {canon}\nOversignHeaders From\n"
                             "RequireSafeKeys no\n")
    output = run(["/usr/sbin/opendkim", "-x", configuration, "-vv", "-t", message], check=False).stdout
    found = re.search(rb"### INSHEADER: idx=\d+ hname='DKIM-Signature' hvalue='(.*?)'", output, re.DOTALL)
    assert found, f"opendkim did not sign:\n{output.decode('utf-8', 'replace')}"
    return b"DKIM-Signature: " + found[1].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def foreign_signed(raw: bytes, private_key_pem: bytes, domain="foreign.example", selector="sel") -> bytes:
    """The message as a stranger's signer (dkimpy, RSA) would send it."""
    return dkim.sign(raw, selector.encode(), domain.encode(), private_key_pem, canonicalize=(b"relaxed", b"simple")) + raw
