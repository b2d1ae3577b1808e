"""Keys that roll while the world watches: DKIM selectors and the listeners' TLSA records, published by the daemon itself in a zone that Knot signs, with
dkimpy, OpenDKIM and a Postfix that insists on DANE as judges. The year on a simulated clock is src/gateway/rollover_test.cpp."""

import json

import pytest

from peers import dkimtools, mimebytes
from peers.base import run, wait_until
from peers.daemon import HOSTNAME, LOCAL_DOMAIN
from peers.nameservers import TsigKey
from peers.postfix import Postfix
from peers.signed_dns import SignedDns
from peers.unbound import UnboundServer

_ADDRESS, _DNS, _RESOLVER = "127.77.38.1", "127.77.38.53", "127.77.38.54"
TLSA_NAME = f"_25._tcp.{HOSTNAME}"


@pytest.fixture
def tsig(workdir):
    return TsigKey(workdir, "update.postern.example")


@pytest.fixture
def dns(workdir, tsig):
    made = SignedDns(workdir / "dns", _DNS)
    made.changed_by(f"{LOCAL_DOMAIN}.", tsig)
    made.add(f"{LOCAL_DOMAIN}. MX 10 {HOSTNAME}.", f"{HOSTNAME}. A {_ADDRESS}")
    yield made
    made.stop()


@pytest.fixture
def rolling(relaying, dns, tsig):
    """Two signers, a listener on port 25, the right to change the zone, and stages of seconds instead of days."""
    relaying.dkim("ed", "dkim_key", "ed25519-sha256").dkim("rsa", "dkim_rsa", "rsa-sha256")
    config = relaying.config
    config["keys"] = {"rotation": {"dkim_settle": "2s", "dkim_retire": "6s", "dkim_delete": "2s"}}
    config["zone"] = [{"name": LOCAL_DOMAIN, "server": f"{dns.address}:{dns.port}", "tsig": str(tsig.file), "ttl": 1}]
    config["inbound"] = {"tlsa": True}
    config["dns"] = {"servers": [f"{dns.address}@{dns.port}"], "trust_anchor": str(dns.anchor), "timeout": "5s"}
    config["listener"].append({"kind": "mx", "name": "world", "address": f"{_ADDRESS}:25", "tls": "required"})
    dns.start()
    relaying.start()
    return relaying


@pytest.fixture
def postfix(workdir, dns, rolling):
    """Delivers where DANE says that it is safe, and nowhere else."""
    resolver = UnboundServer(workdir / "resolver", [], address=_RESOLVER, port=53, forward=f"{dns.address}@{dns.port}", anchor=dns.anchor)
    with resolver.start():
        resolv = workdir / "resolv.conf"
        resolv.write_text(f"nameserver {_RESOLVER}\noptions trust-ad\n")
        made = Postfix(workdir / "sender", "smtp_dns_support_level = dnssec\nsmtp_tls_security_level = dane-only\nsmtp_tls_loglevel = 1\n"
                       "smtp_host_lookup = dns\nsmtpd_relay_restrictions = permit_mynetworks, reject\n"
                       "minimal_backoff_time = 1000s\nsmtp_connection_cache_on_demand = no\n")
        made.wrapper = ["unshare", "-m", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"]
        with made.start():
            yield made


def texts(dns, selector) -> list[str]:
    return [record.replace('" "', "").strip('"') for record in dns.ask(f"{selector}._domainkey.{LOCAL_DOMAIN}", "TXT")]


def await_tlsa(dns, count):
    return wait_until(lambda: len(dns.ask(TLSA_NAME, "TLSA")) == count and dns.ask(TLSA_NAME, "TLSA"), f"{count} TLSA records", details=dns.log_tail)


class Judges:
    """Every message in both directions is judged at once, and those that left once more at the end of the stage."""

    def __init__(self, daemon, sink, dns, postfix, workdir):
        self.daemon, self.sink, self.dns, self.postfix, self.workdir = daemon, sink, dns, postfix, workdir
        self.count, self.selectors, self.kept = 0, [], []

    def outgoing(self):
        self.count += 1
        to = f"erin{self.count}@example.net"
        self.daemon.submit(to=to)
        raw = self.sink.for_recipient(to, details=self.daemon.log_tail).content
        self.selectors.append({tags["s"] for tags in dkimtools.signature_tags(raw)})
        self.kept.append(raw)
        self.judge(raw)

    def judge(self, raw):
        selectors = [tags["s"] for tags in dkimtools.signature_tags(raw)]
        assert len(selectors) == 2
        records = {f"{one}._domainkey.{LOCAL_DOMAIN}": texts(self.dns, one)[0] for one in selectors}
        assert dkimtools.dkimpy_verdicts(raw, records) == [True, True]
        theirs = dkimtools.opendkim_verdicts(raw, records, self.workdir / f"opendkim{self.count}")
        rsa = next(one for one in selectors if one.startswith("rsa"))
        assert theirs[rsa] == "pass", "OpenDKIM of Debian knows no Ed25519"

    def incoming(self):
        self.count += 1
        to = f"bob{self.count}@{LOCAL_DOMAIN}"
        run(["swaks", "--server", f"127.0.0.1:{self.postfix.port}", "--from", "carol@example.org", "--to", to, "--body", "by DANE"])
        assert b"by DANE" in self.daemon.await_mail(to)[0]

    def both(self):
        self.outgoing()
        self.incoming()


def test_all_stages_without_a_message_that_fails(rolling, sink, dns, postfix, workdir):
    wait_until(lambda: texts(dns, "ed") and texts(dns, "rsa"), "the daemon to publish its DKIM keys", details=rolling.log_tail)
    first, = await_tlsa(dns, 1)
    wait_until(lambda: rolling.api_json("GET", "/dns")["tlsa"]["in_dns"], "the daemon to see its TLSA record", details=rolling.log_tail)
    judges = Judges(rolling, sink, dns, postfix, workdir)
    judges.both()
    for key in ("dkim_key", "dkim_rsa", "tls_server"):
        rolling.cli("key", "rotate", key)
    both = await_tlsa(dns, 2)
    assert first in both, "this one and the next, before the next is used"

    def rolled():
        judges.both()
        states = [record["state"] for key in ("dkim_key", "dkim_rsa") for record in rolling.api_json("GET", f"/keys/{key}")["dns"]]
        tlsa = dns.ask(TLSA_NAME, "TLSA")
        return states == ["in use", "in use"] and len(tlsa) == 1 and tlsa != [first]
    wait_until(rolled, "all keys to have rolled", 60, every=0.2, details=rolling.log_tail)
    assert judges.selectors[0] == {"ed", "rsa"} and judges.selectors[-1] == {"ed-v2", "rsa-v2"}
    assert "deferred" not in postfix.log_path.read_text() and "Verified TLS connection" in postfix.log_path.read_text()
    assert texts(dns, "ed") == texts(dns, "rsa") == []
    kinds = [(entry["kind"], entry["facts"].get("selector")) for entry in rolling.audit() if entry["kind"].startswith("dkim.")]
    for selector in ("ed", "rsa"):
        assert [kind for kind, of in kinds if of == selector] == ["dkim.withdrawn", "dkim.deleted"]
        assert [kind for kind, of in kinds if of == f"{selector}-v2"] == ["dkim.activated"]
    for key in ("dkim_key", "dkim_rsa"):
        assert rolling.api_json("GET", f"/keys/{key}")["min_decryption_version"] == 2
    changed = "\n".join(entry["facts"]["added"] + entry["facts"]["removed"] for entry in rolling.audit() if entry["kind"] == "dns.published")
    assert changed.count("_domainkey") == 2 + 2 + 2 and changed.count("TLSA") == 3, "each record came once and each old one left once"
    assert rolling.cli("dns", "health", "--now", check=False).returncode in (0, 1)


def test_mail_under_way_verifies_while_the_former_key_retires(rolling, sink, dns, workdir):
    wait_until(lambda: texts(dns, "ed") and texts(dns, "rsa"), "the daemon to publish its DKIM keys", details=rolling.log_tail)
    judges = Judges(rolling, sink, dns, None, workdir)
    judges.outgoing()
    for key in ("dkim_key", "dkim_rsa"):
        rolling.cli("key", "rotate", key)

    def activated():
        judges.outgoing()
        return judges.selectors[-1] == {"ed-v2", "rsa-v2"}
    wait_until(activated, "the new keys to sign", 30, details=rolling.log_tail)
    for raw in judges.kept:
        judges.judge(raw)


PROVIDER = "keys.provider.example"


def test_selectors_in_a_zone_of_ones_own_take_turns_behind_cnames(relaying, sink, dns, tsig, workdir):
    """The customer's zone has two CNAMEs and never changes again; the keys roll in the provider's, and each message verifies when it arrives and until its
    key retires."""
    names = ("p1", "p2")
    dns.changed_by(f"{PROVIDER}.", tsig)
    dns.add(*(f"{one}._domainkey.{LOCAL_DOMAIN}. CNAME {one}.{LOCAL_DOMAIN}.{PROVIDER}." for one in names))
    relaying.dkim("p1", "dkim_key", "ed25519-sha256")
    relaying.config["dkim"][-1] |= {"alternate": "p2", "delegate": PROVIDER}
    relaying.config["keys"] = {"rotation": {"dkim_settle": "2s", "dkim_retire": "3s", "dkim_delete": "1s"}}
    relaying.config["zone"] = [{"name": PROVIDER, "server": f"{dns.address}:{dns.port}", "tsig": str(tsig.file), "ttl": 1}]
    relaying.config["dns"] = {"servers": [f"{dns.address}@{dns.port}"], "trust_anchor": str(dns.anchor), "timeout": "5s"}
    dns.start()
    relaying.start()

    def kept_at(selector):
        return [record.replace('" "', "").strip('"') for record in dns.ask(f"{selector}.{LOCAL_DOMAIN}.{PROVIDER}", "TXT")]

    lines = relaying.cli("dns", "records", LOCAL_DOMAIN).stdout.decode()
    assert f"p1._domainkey.{LOCAL_DOMAIN}." in lines and f"p1.{LOCAL_DOMAIN}.{PROVIDER}." in lines
    wait_until(lambda: kept_at("p1"), "the daemon to publish its key in the provider's zone", details=relaying.log_tail)
    assert dns.ask(f"p1._domainkey.{LOCAL_DOMAIN}", "CNAME") == [f"p1.{LOCAL_DOMAIN}.{PROVIDER}."]
    mail = []

    def selector_of_the_next():
        to = f"erin{len(mail)}@example.net"
        mail.append(to)
        relaying.submit(to=to)
        raw = sink.for_recipient(to, details=relaying.log_tail).content
        tags, = dkimtools.signature_tags(raw)
        assert dkimtools.dkimpy_verdicts(raw, {f"{tags['s']}._domainkey.{LOCAL_DOMAIN}": kept_at(tags["s"])[0]}) == [True]
        return tags["s"]

    first = {}
    for now, then in (("p1", "p2"), ("p2", "p1"), ("p1", "p2")):
        assert selector_of_the_next() == now
        first.setdefault(now, kept_at(now))
        relaying.cli("key", "rotate", "dkim_key")
        wait_until(lambda then=then: selector_of_the_next() == then, f"the next key to sign as {then}", 60, every=0.3, details=relaying.log_tail)
    assert kept_at("p2") != first["p2"], "the name was used again, for another key"
    findings = next(one for one in relaying.json("dns", "health", "--now", check=False)["domains"] if one["domain"] == LOCAL_DOMAIN)["findings"]
    standing = {(one["kind"], one["name"]): one["standing"] for one in findings}
    assert standing["dkim-alias", f"p2._domainkey.{LOCAL_DOMAIN}"] == standing["dkim", f"p2.{LOCAL_DOMAIN}.{PROVIDER}"] == "ok", findings
    touched = {name for entry in relaying.audit() if entry["kind"] == "dns.published" for name in entry["facts"]["added"].split("\n")}
    assert touched and all(PROVIDER in one for one in touched), "nothing but our own zone was changed"


def test_a_zone_that_refuses_is_a_warning_until_it_does_not(relaying, dns, tsig, workdir):
    relaying.dkim("ed", "dkim_key", "ed25519-sha256")
    stranger = TsigKey(workdir, "stranger.postern.example")
    relaying.config["zone"] = [{"name": LOCAL_DOMAIN, "server": f"{dns.address}:{dns.port}", "tsig": str(stranger.file)}]
    dns.start()
    relaying.start()
    warning = wait_until(lambda: next((one for one in relaying.get_json("/status")["warnings"] if LOCAL_DOMAIN in one and "zone" in one), None),
                         "the warning", details=relaying.log_tail)
    assert "BADKEY" in warning
    assert texts(dns, "ed") == []
    zone, = relaying.api_json("GET", "/dns")["zones"]
    assert zone["failure"] and zone["changed"] is None
    relaying.config["zone"][0]["tsig"] = str(tsig.file)
    relaying.restart()
    wait_until(lambda: texts(dns, "ed"), "the key to be published", details=relaying.log_tail)
    wait_until(lambda: not [one for one in relaying.get_json("/status")["warnings"] if LOCAL_DOMAIN in one and "zone" in one], "no warning", details=relaying.log_tail)


def test_what_strangers_wrote_into_the_zone_stays(relaying, dns, tsig):
    """A TLSA record of a key that was never shown here, and whatever is not a key, is nobody's business of ours."""
    foreign = "3 1 1 " + "AB" * 32
    dns.add(f"{TLSA_NAME}. TLSA {foreign}", f'{LOCAL_DOMAIN}. TXT "v=spf1 ?all"', f'other._domainkey.{LOCAL_DOMAIN}. TXT "v=DKIM1; p="')
    relaying.dkim("ed", "dkim_key", "ed25519-sha256")
    relaying.config["zone"] = [{"name": LOCAL_DOMAIN, "server": f"{dns.address}:{dns.port}", "tsig": str(tsig.file), "ttl": 1}]
    relaying.config["inbound"] = {"tlsa": True}
    relaying.config["dns"] = {"servers": [f"{dns.address}@{dns.port}"], "trust_anchor": str(dns.anchor), "timeout": "5s"}
    dns.start()
    relaying.start()
    records = await_tlsa(dns, 2)
    assert [record for record in records if record.replace(" ", "") == foreign.replace(" ", "")]
    wait_until(lambda: texts(dns, "ed"), "the DKIM key", details=relaying.log_tail)
    assert texts(dns, "other") == ["v=DKIM1; p="] and dns.ask(LOCAL_DOMAIN, "TXT") == ['"v=spf1 ?all"']


def test_health_shows_what_strangers_would_see(rolling, dns):
    wait_until(lambda: texts(dns, "ed") and texts(dns, "rsa") and dns.ask(TLSA_NAME, "TLSA"), "the keys", details=rolling.log_tail)
    wait_until(lambda: rolling.api_json("GET", "/dns")["tlsa"]["in_dns"], "the daemon to see its TLSA record", details=rolling.log_tail)
    answer = rolling.json("dns", "health", "--now", check=False)
    domain, = answer["domains"]
    standing = {(finding["kind"], finding["name"]): finding["standing"] for finding in domain["findings"]}
    assert standing["dkim", f"ed._domainkey.{LOCAL_DOMAIN}"] == standing["mx", LOCAL_DOMAIN] == standing["tlsa", TLSA_NAME] == "ok"
    assert standing["spf", LOCAL_DOMAIN] == "missing" and not domain["right"]
    assert domain["host"] == {"host": HOSTNAME, "reached": True, "refused": False, "road": "TLSv1.3 verified by DANE (3 1 1)", "message": ""}
    assert any("SPF" in one or "spf" in one for one in rolling.get_json("/status")["warnings"] if one.startswith(f"DNS of {LOCAL_DOMAIN}"))
    shown = rolling.cli("dns", "health", check=False)
    assert shown.returncode == 1 and f"{LOCAL_DOMAIN}" in shown.stdout.decode() and "missing" in shown.stdout.decode()
    samples = rolling.metrics()
    assert samples[f'postern_dns_wrong_records{{domain="{LOCAL_DOMAIN}"}}'] >= 1


def test_a_host_that_strangers_would_refuse_is_a_warning(rolling, dns, authority):
    """Another certificate at port 25 than the TLSA records say: what breaks mail at every renewal that nobody told DNS of."""
    wait_until(lambda: rolling.api_json("GET", "/dns")["tlsa"]["in_dns"], "the daemon to see its TLSA record", details=rolling.log_tail)
    certificate = authority.server(HOSTNAME, label="another")
    certificate.key.chmod(0o600)
    rolling.config["tls"] = {"certificate": str(certificate.cert), "key": str(certificate.key)}
    del rolling.config["zone"], rolling.config["inbound"]
    rolling.restart()
    domain, = rolling.json("dns", "health", "--now", check=False)["domains"]
    assert domain["host"]["refused"] is True and "TLSA" in domain["host"]["message"] and not domain["right"]
    assert [one for one in rolling.get_json("/status")["warnings"] if HOSTNAME in one and "from outside" in one]


def test_a_policy_that_strangers_cannot_fetch_is_a_warning(rolling):
    rolling.config["inbound"]["mta_sts"] = "testing"
    rolling.restart()
    domain, = rolling.json("dns", "health", "--now", check=False)["domains"]
    assert "_mta-sts" in domain["policy_fault"] and not domain["right"]
    assert [one for one in rolling.get_json("/status")["warnings"] if "MTA-STS" in one]
