"""Random SPF policies, each with one question about it: all mechanisms, qualifiers and macros, includes, redirects, loops, void lookups, every
limit, failing DNS, malformed terms. Few names, so that the records of one zone meet each other."""

import dataclasses
import ipaddress
import random
import re

NAMES = [f"n{number}.example" for number in range(5)]
MECHANISMS = ["a", "a:{host}", "a/24", "a:{host}//64", "a:{host}/24//64", "mx", "mx:{host}", "mx/20", "mx:{host}/16//32", "ptr", "ptr:{name}", "include:{name}", "include:{name}",
              "exists:{name}", "ip4:192.0.2.{octet}", "ip4:192.0.0.0/{four}", "ip6:2001:db8::{octet}", "ip6:2001:db8::/{six}", "ip6:::ffff:192.0.2.{octet}", "all", "A:{host}",
              "INCLUDE:{name}", "Ip4:192.0.2.{octet}", "a:{void}", "mx:{void}", "exists:{void}", "include:{void}", "a:{away}", "mx:{away}"]
MACROS = ["exists:%{{i}}.{name}", "exists:%{{ir}}.{name}", "exists:%{{ir}}.%{{v}}.{name}", "exists:%{{l}}.{name}", "exists:%{{lr-}}.{name}", "exists:%{{l1r+-}}.{name}", "exists:%{{L}}.{name}",
          "a:%{{d}}", "a:%{{d1r}}.{name}", "a:%{{d2}}", "include:%{{d2}}", "exists:%{{h}}", "exists:%{{h2}}", "exists:%{{o}}", "include:%{{o}}", "mx:%{{o}}", "exists:%{{p}}", "ptr:%{{p2}}",
          "exists:%{{l}}.%{{o}}", "exists:%{{d5}}", "exists:a%%b.{name}", "exists:%{{s}}.{name}", "exists:_spf.%{{d}}", "ptr:%{{d}}"]
BROKEN = ["foo", "foo:bar", "a:", "a/33", "a//129", "a/024", "ip4:192.0.2", "ip4:192.0.2.1.", "ip4", "ip4:", "ip6:x", "ip6:2001:db8::/129", "mx/33", "include", "include:", "exists:", "exists", "all:x",
          "all/8", "a:%{{z}}.{name}", "a:%{{d", "a:%d.{name}", "redirect=", "exp=", "a:nodots", "ip4:1.2.3.4/40", "-", "=x", "?", "a:{name}/x", "ptr/24", "exists:%{{d0}}.{name}", "exists:%{{ir1}}.{name}", "a:%{{c}}.{name}",
          "redirect={name} redirect={name}", "exp=a.example exp=b.example", "ip4:{name}", "include:{name}/24"]
ODD = ["x=y", "unknown={name}", "x-y.z_1=%{{d}}", "exp=text.{name}", "moo.cow=%%"]


def split(term: str) -> tuple[str, str]:
    """Its qualifier, and the rest."""
    return (term[0], term[1:]) if term[:1] in ("+", "-", "~", "?") else ("", term)


@dataclasses.dataclass(frozen=True)
class Case:
    zone: dict   # the "records" of a DNS fixture
    ip: str
    helo: str
    sender: str  # "": the HELO name is asked about

    def question(self) -> dict:
        return dataclasses.asdict(self)

    @property
    def domain(self) -> str:
        return (self.sender or self.helo).rpartition("@")[2]

    @property
    def local(self) -> str:
        return self.sender.partition("@")[0] or "postmaster"

    def validated_names(self) -> list[str]:
        """RFC 7208 5.5: those the address points to that point back."""
        names = [record["data"] for record in self.zone.get(self.reverse_name(), [])]
        return [name for name in names if {"type": self.address_type(), "data": self.ip} in self.zone.get(name, [])]

    def reverse_name(self) -> str:
        return ipaddress.ip_address(self.ip).reverse_pointer

    def has_address(self, name: str) -> bool:
        """Of the client's family."""
        return any(record.get("type") == self.address_type() for record in self.zone.get(name, []))

    def address_type(self) -> str:
        return "AAAA" if ":" in self.ip else "A"

    def policies(self) -> list[tuple[str, list[str]]]:
        """(whose, terms) of each SPF record."""
        return [(name, record["data"].split()[1:]) for name, records in self.zone.items() for record in records if is_policy(record)]

    def rewritten(self, change) -> "Case":
        """change(terms, owner, case) -> terms, for every SPF record."""
        def record_of(name, record):
            if not is_policy(record):
                return record
            version, *terms = record["data"].split()
            changed = change(terms, name, self)
            return record if changed == terms else {**record, "data": " ".join([version, *changed])}
        return dataclasses.replace(self, zone={name: [record_of(name, record) for record in records] for name, records in self.zone.items()})


def is_policy(record: dict) -> bool:
    return bool(re.match(r"v=spf1( |$)", record.get("data", ""), re.I)) and record.get("type") == "TXT"


def case_of(seed: int) -> Case:
    return _Chance(seed).case()


class _Chance:
    def __init__(self, seed: int):
        self.random = random.Random(f"spf {seed}")

    def case(self) -> Case:
        pick = self.random
        ip = pick.choice(["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.9.9", "2001:db8::1", "2001:db8:1::5"])
        sender = "" if pick.random() < 0.05 else pick.choice(["a", "bob", "x-y", "p+q-r", "Bob.C"]) + "@" + pick.choice(NAMES)
        helo = pick.choice([*NAMES, "helo.example"])
        zone = {name: self.records() for name in NAMES}
        zone["away.example"] = [{"timeout": True}] if pick.random() < 0.5 else [{"type": "A", "data": "192.0.2.3"}]
        for name in NAMES:
            for below in ("1.2.0.192", "192.0.2.2", "2.2.0.192.in-addr", "bob", "y.x", "x-y", "_spf", "192", "example", "bob.c"):
                if pick.random() < 0.15:
                    zone[f"{below}.{name}"] = [{"type": "A", "data": "127.0.0.2"}]
        if pick.random() < 0.7:
            pointers = pick.sample([*NAMES, "bob.n1.example", "gone.example"], pick.randint(1, 4))
            zone[ipaddress.ip_address(ip).reverse_pointer] = [{"type": "PTR", "data": name} for name in pointers]
        return Case(zone, ip, helo, sender)

    def term(self, forms: list[str]) -> str:
        pick = self.random
        return pick.choice(forms).format(host=pick.choice(NAMES), name=pick.choice(NAMES), octet=pick.randint(1, 4), four=pick.choice([8, 16, 24, 32, 0, 31]),
                                         six=pick.choice([0, 32, 48, 64, 128]), void=pick.choice(["void1.example", "void2.example", "void3.n1.example"]), away="away.example")

    def record(self) -> str:
        pick = self.random
        few = pick.choice([1, 2, 3, 4, 5]) if pick.random() < 0.95 else 12
        terms = [pick.choice(["", "", "+", "-", "~", "?"]) + self.term(MACROS if pick.random() < 0.3 else MECHANISMS) for _ in range(few)]
        for likely, forms in ((0.06, BROKEN), (0.1, ODD), (0.2, ["redirect={name}", "redirect={name}", "redirect=%{{d2}}", "redirect=void1.example"])):
            if pick.random() < likely:
                terms.insert(pick.randint(0, len(terms)), self.term(forms))
        if pick.random() < 0.6:
            terms.append(pick.choice(["-all", "~all", "?all", "-ALL"]))
        return pick.choice(["v=spf1", "v=spf1", "v=spf1", "V=SPF1"]) + " " + pick.choice([" ", " ", "  "]).join(terms) + pick.choice(["", "", " "])

    def records(self) -> list[dict]:
        pick = self.random
        out = [{"type": "TXT", "data": self.record()}] if pick.random() < 0.85 else []
        if pick.random() < 0.03:
            out.append({"type": "TXT", "data": pick.choice([self.record(), "v=spf10 -all", "v=spf1"])})
        out += [{"type": "TXT", "data": "other=1"}] if pick.random() < 0.3 else []
        out += [{"type": "A", "data": f"192.0.2.{pick.randint(1, 4)}"} for _ in range(pick.randint(0, 2))]
        out += [{"type": "AAAA", "data": f"2001:db8::{pick.randint(1, 5)}"}] if pick.random() < 0.5 else []
        many = pick.randint(0, 2) if pick.random() < 0.97 else 11
        out += [{"type": "MX", "pref": pick.choice([5, 10, 20]), "data": pick.choice([*NAMES, "void1.example"])} for _ in range(many)]
        if pick.random() < 0.03:
            out = [record for record in out if record["type"] != "TXT"] + [{"type": "TXT", "timeout": True}]
        return out
