"""ARC with three strangers, both ways: dkimpy, Mail::DKIM and mailauth seal beside Postern in every order, and all four judge every chain.
test_arc_verbs.py has Postern and dkimpy octet by octet."""

import base64
import itertools
import json

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from peers import dkimtools, mailauth, maildkim
from peers.jsonlines import b64, postern_batch
from test_dkim_peers import MESSAGES as HARD

DOMAIN, SELECTOR, ID, TIME = "hop.example", "s1", "mx.hop.example", 1790000000
RESULTS = "spf=pass smtp.mailfrom=alice@signer.example; dkim=none"
NAMES = ["plain", "8-bit body", "odd folds", "duplicate headers", "white space everywhere", "empty body", "names in capitals"]
FOUND = f"Authentication-Results: {ID}; {RESULTS}\r\n".encode()  # what each hop puts on top before it seals, and takes off when it is there
MESSAGES = {name: HARD[name] for name in NAMES}


class Hop:
    """One key, which all four seal with; and the four."""

    def __init__(self, folder):
        key = rsa.generate_private_key(65537, 2048)
        self.private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.records = {f"{SELECTOR}._domainkey.{DOMAIN}": dkimtools.dns_record(public)}
        self.key_file, self.fixture = folder / "key.pem", folder / "dns.json"
        self.key_file.write_bytes(self.private)
        self.fixture.write_text(json.dumps({"records": {name: [{"type": "TXT", "data": [text[:200], text[200:]]}] for name, text in self.records.items()}}))
        self.key = {"domain": DOMAIN, "selector": SELECTOR, "pem": self.private.decode()}
        self.sealers = {"postern": self.by_postern, "dkimpy": self.by_dkimpy, "Mail::DKIM": self.by_maildkim, "mailauth": self.by_mailauth}
        self.judges = {"postern": self.postern_says, "dkimpy": self.dkimpy_says, "Mail::DKIM": self.maildkim_says, "mailauth": self.mailauth_says}

    # Each seals all of the messages: [(raw, cv)] -> [raw with one set more].

    def by_postern(self, jobs):
        answers = postern_batch((["arc", "seal", "--message", "-", "--domain", DOMAIN, "--selector", SELECTOR, "--key", self.key_file, "--authserv-id", ID, "--time", TIME, "--dns-fixture", self.fixture], raw)
                                for raw, _ in jobs)
        return ["".join(f"{name}: {made[short]}\r\n" for name, short in (("ARC-Seal", "AS"), ("ARC-Message-Signature", "AMS"), ("ARC-Authentication-Results", "AAR"))).encode() + raw
                for (raw, _), made in zip(jobs, answers)]

    def by_dkimpy(self, jobs):
        return [b"".join(dkim.ARC(raw).sign(SELECTOR.encode(), DOMAIN.encode(), self.private, ID.encode(), include_headers=[b"from", b"to", b"subject", b"date", b"message-id"],
                                            timestamp=TIME)) + raw for raw, _ in jobs]

    def by_maildkim(self, jobs):
        return self._fields(jobs, maildkim.ask({"do": "arc-seal", "raw": b64(raw), "key": self.key, "id": ID, "cv": cv, "time": TIME} for raw, cv in jobs))

    def by_mailauth(self, jobs):
        return self._fields(jobs, mailauth.ask({"do": "arc-seal", "raw": b64(raw), "key": self.key, "results": f"{ID}; {RESULTS}", "cv": cv, "time": TIME} for raw, cv in jobs))

    def _fields(self, jobs, answers):
        failed = [answer["error"] for answer in answers if "error" in answer]
        assert not failed, failed[:3]
        return [base64.b64decode(answer["fields"]) + raw for (raw, _), answer in zip(jobs, answers)]

    # Each judges all of the messages: none, pass or fail.

    def postern_says(self, raws):
        return [answer["cv"] for answer in postern_batch((["arc", "verify", "--message", "-", "--dns-fixture", self.fixture], raw) for raw in raws)]

    def dkimpy_says(self, raws):
        def verdict(raw):
            try:
                return dkim.arc_verify(raw, dnsfunc=lambda name, timeout=5: self.records.get(name.decode().rstrip("."), "").encode(), minkey=1024)[0].decode()
            except Exception:  # noqa: BLE001: it raises on much that is malformed
                return "fail"
        return [verdict(raw) for raw in raws]

    def maildkim_says(self, raws):
        return [answer.get("cv", "fail") for answer in maildkim.ask({"do": "arc-verify", "raw": b64(raw), "txt": self.records} for raw in raws)]

    def mailauth_says(self, raws):
        return [answer.get("cv", "fail") for answer in mailauth.ask({"do": "arc-verify", "raw": b64(raw), "txt": self.records} for raw in raws)]

    def say(self, raws):
        """One dictionary for each message."""
        columns = {who: judge(raws) for who, judge in self.judges.items()}
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def chains(self, ways, change=lambda raw: raw):
        """Every (message, order of sealers) in `ways`, hop by hop; change() is what each hop but the first does before it seals."""
        raws = {way: MESSAGES[way[0]] for way in ways}
        for at in range(max(len(order) for _, order in ways)):
            for who, sealer in self.sealers.items():
                now = [way for way in ways if at < len(way[1]) and way[1][at] == who]
                jobs = [(FOUND + (change(raws[way]).replace(FOUND, b"") if at else raws[way]), "pass" if at else "none") for way in now]
                raws.update(zip(now, sealer(jobs) if jobs else []))
        return raws


@pytest.fixture(scope="module")
def hop(tmp_path_factory):
    return Hop(tmp_path_factory.mktemp("arc"))


ALL = ("postern", "dkimpy", "Mail::DKIM", "mailauth")
WAYS = [*itertools.product(NAMES, [(who,) for who in ALL]), *itertools.product(NAMES[:4], itertools.product(ALL, repeat=2)), *itertools.product(NAMES[:1], itertools.permutations(ALL))]


def test_a_message_without_a_chain(hop):
    assert hop.say([MESSAGES["plain"]]) == [dict.fromkeys(ALL, "none")]


def test_every_chain_passes_with_everybody(hop):
    """RFC 8617 5.1, 5.2: one hop, two in each order, all four in each order."""
    raws = hop.chains(WAYS)
    wrong = [(way, found) for way, found in zip(raws, hop.say(list(raws.values()))) if found != dict.fromkeys(ALL, "pass")]
    assert len(raws) >= 110 and not wrong, f"{len(wrong)} of {len(raws)}: {wrong[:8]}"


def test_only_the_last_message_signature_must_fit(hop):
    """RFC 8617 5.2 step 4: a hop that changes the text seals what it changed; older message signatures may fail. The second hop is one that
    takes its verdict on the chain from the caller, who had it before the change; the others judge again what they seal."""
    ways = [*itertools.product(["plain"], itertools.product(ALL, ("Mail::DKIM", "mailauth")))]
    raws = hop.chains(ways, lambda raw: raw.replace(b"\r\nSubject: ", b"\r\nSubject: [list] ") + b"-- \r\nA list\r\n")
    wrong = [(way, found) for way, found in zip(raws, hop.say(list(raws.values()))) if found != dict.fromkeys(ALL, "pass")]
    assert len(raws) == 8 and not wrong, f"{len(wrong)}: {wrong}"


CHANGES = {
    "body": (b"Hello", b"Hallo"), "subject": (b"A subject", b"Another"), "results": (b"i=1; mx.hop.example", b"i=1; mx.evil.example"), "result": (b"spf=pass", b"spf=fail"),
    "first seal's cv": (b"cv=none", b"cv=pass"), "domain": (b"d=hop.example", b"d=hip.example"), "time": (b"t=1790000000", b"t=1790000001"),
}


def test_everybody_sees_each_change(hop):
    """So that a pass above means something. The Authentication-Results field, which nobody signed, is taken off first."""
    raws = hop.chains([*itertools.product(["plain"], itertools.product(ALL, repeat=2))])
    sealed = {way: raw.replace(FOUND, b"") for way, raw in raws.items()}
    assert all(found == dict.fromkeys(ALL, "pass") for found in hop.say(list(sealed.values())))
    cases = {(way[1], name): raw.replace(*change, 1) for way, raw in sealed.items() for name, change in CHANGES.items() if change[0] in raw}
    assert len(cases) >= 100 and all(raw != sealed["plain", order] for (order, _), raw in cases.items())
    wrong = [(case, found) for case, found in zip(cases, hop.say(list(cases.values()))) if "pass" in found.values()]
    assert not wrong, f"{len(wrong)} of {len(cases)}: {wrong[:8]}"


def test_a_chain_marked_as_failed_stays_failed(hop):
    """RFC 8617 5.1.2: Postern, given a broken chain, seals cv=fail; nobody trusts it after that."""
    raws = [raw.replace(b"Hello", b"Hallo") for raw in hop.chains([("plain", (who,)) for who in ALL]).values()]
    marked = hop.by_postern([(raw, "fail") for raw in raws])
    assert all(b"cv=fail" in raw.partition(b"ARC-Message-Signature")[0] for raw in marked)
    assert hop.say(marked) == [dict.fromkeys(ALL, "fail")] * 4
