"""pyspf over a fixture's zone instead of the DNS."""

import ipaddress
from unittest import mock

import spf


def verdict(zone: dict, ip: str, helo: str, sender: str, **limits: int) -> str:
    """`zone`: the "records" of a DNS fixture. `limits`: pyspf's own names for what RFC 7208 4.6.4 bounds, with other numbers."""
    def lookup(name, kind, strict=True, timeout=20, *rest):
        found = zone.get(name.lower().rstrip("."), [])
        if any(record.get("timeout") and record.get("type", kind) == kind for record in found):
            raise spf.TempError(f"DNS could not be asked for {name} {kind}")
        return [((name, kind), value_of(record)) for record in found if record.get("type") == kind]
    with mock.patch.multiple(spf, DNSLookup=lookup, **limits):
        return spf.check2(i=ip, s=sender, h=helo)[0]


def value_of(record: dict):
    kind, data = record["type"], record["data"]
    if kind == "TXT":
        return tuple(part.encode() for part in ([data] if isinstance(data, str) else data))
    if kind == "AAAA":
        return ipaddress.ip_address(data).packed
    return (record["pref"], data) if kind == "MX" else data
