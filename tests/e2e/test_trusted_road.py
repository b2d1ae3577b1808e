"""The road out: DANE (RFC 7672) over a root that the tests sign with Knot, MTA-STS (RFC 8461) over real HTTPS hosts, the operator's exceptions,
REQUIRETLS; with Postfix as the other side in both directions."""

import datetime
import email.message
import email.policy
import gzip
import itertools
import json

import pytest

from peers import dkimtools, mimebytes
from peers.base import run, wait_until
from peers.certs import TestAuthority
from peers.daemon import HOSTNAME, LOCAL_DOMAIN
from peers.postfix import Postfix, PostfixReceiver
from peers.signed_dns import SignedDns
from peers.sink import SmtpSink
from peers.ocsp import RevocationHost
from peers.stshost import StsHost
from peers.unbound import UnboundServer

ALICE = f"alice@{LOCAL_DOMAIN}"
_ADDRESSES = (f"127.77.{block}.{host}" for block in itertools.count(40) for host in range(10, 250))
_STS_ADDRESS = "127.77.39.1"


class World:
    """Domains with one mail host each: the sink, its certificate and what DNS says of them."""

    def __init__(self, daemon, dns, authority, make_sink):
        self.daemon, self.dns, self.authority, self._make_sink = daemon, dns, authority, make_sink
        self.sts = None

    def domain(self, name, tlsa=(), mx=None, names=None, tls=True, days=(-1, 90), chain=True, capabilities=SmtpSink.CAPABILITIES) -> SmtpSink:
        """`tlsa`: record texts in which SPKI, CERT and CA stand for the digests of the host's certificate and its issuer's."""
        host, address = mx or f"mx.{name}", next(_ADDRESSES)
        certificate = self.authority.server(*(names or [host]), days=days, label=f"{name}-{address}")
        if chain:
            certificate.cert.write_bytes(certificate.cert_pem + self.authority.root.cert_pem)
        sink = self._make_sink(tls=certificate if tls else None, host=address, port=25, capabilities=capabilities)
        self.dns.add(f"{name}. MX 10 {host}.", f"{host}. A {address}")
        for record in tlsa:
            self.dns.add(f"_25._tcp.{host}. TLSA " + self.digests(record, certificate))
        return sink

    def digests(self, record, certificate) -> str:
        return record.replace("SPKI", certificate.spki_sha256()).replace("CERT", certificate.sha256()).replace("CA", self.authority.root.sha256())

    def policy(self, name, mode="enforce", mx=None, certificate=None, identifier="1", max_age=604800, **options):
        """Publishes an MTA-STS policy for the domain; made once the daemon's network has an STS host."""
        if self.sts is None:
            self.sts = StsHost(_STS_ADDRESS, self.authority.server("nobody.example", label="sts-fallback"))
        host = f"mta-sts.{name}"
        body = options.pop("body", f"version: STSv1\r\nmode: {mode}\r\nmx: {mx or f'mx.{name}'}\r\nmax_age: {max_age}\r\n")
        self.sts.serve(host, certificate or self.authority.server(host, label=f"sts-{name}"), body, **options)
        self.identify(name, identifier)
        self.dns.remove(f"{host}. A").add(f"{host}. A {_STS_ADDRESS}")

    def identify(self, name, identifier):
        self.dns.remove(f"_mta-sts.{name}. TXT").add(f'_mta-sts.{name}. TXT "v=STSv1; id={identifier};"')

    def start(self):
        self.dns.start()
        config = self.daemon.config
        config["dns"] = {"servers": [f"{self.dns.address}@{self.dns.port}"], "trust_anchor": str(self.dns.anchor), "timeout": "5s"}
        config.setdefault("outbound", {})["mta_sts_ca"] = str(self.authority.pem)
        config["queue"]["retry"] = ["1h"]
        self.daemon.route("*", "mx", ca=str(self.authority.pem)).start()
        return self

    def arrives(self, name, sink, route=None) -> str:
        """Sends to bob@name; the road that the delivery's audit record names."""
        to = f"bob@{name}"
        raw = self.daemon.submit(to=to)
        assert mimebytes.carries_unchanged(raw, sink.for_recipient(to, details=self.daemon._queue_details).content)
        return self.road_by(route or f"mx:{name}")

    def road_by(self, route) -> str:
        def found():
            facts = [entry["facts"] for entry in self.daemon.api_list("entries", "/audit?limit=200") if entry["kind"] == "message.delivered"]
            return next((one["road"] for one in facts if one["route"] == route), None)
        return wait_until(found, f"the audit record of a delivery by {route}", details=self.daemon.log_tail)

    def waits(self, name, sinks=()) -> str:
        """Sends to bob@name; what the queue says after the first attempt, with nothing delivered."""
        to = f"bob@{name}"
        self.daemon.submit(to=to)
        said = self.daemon.await_attempt(to)["last_reply"]
        assert said.startswith("451 "), said
        assert not any(to in delivery.recipients for sink in sinks for delivery in sink.messages)
        return said


@pytest.fixture
def world(daemon, authority, make_sink, workdir):
    dns = SignedDns(workdir / "dns", "127.77.39.53")
    made = World(daemon, dns, authority, make_sink)
    yield made
    if made.sts:
        made.sts.stop()
    daemon.stop()
    dns.stop()


# DANE.

def test_records_that_match(world):
    """RFC 7672 3.1: usage 3 looks at the key alone (no name, no date), usage 2 at a path to the anchor with a name."""
    sinks = {"key.example": world.domain("key.example", ["3 1 1 SPKI"]),
             "cert.example": world.domain("cert.example", ["3 0 1 CERT"], names=["another.name.example"]),
             "expired.example": world.domain("expired.example", ["3 1 1 SPKI"], days=(-90, -1)),
             "anchor.example": world.domain("anchor.example", ["2 0 1 CA"]),
             "nexthop.example": world.domain("nexthop.example", ["2 0 1 CA"], names=["nexthop.example"]),
             "rollover.example": world.domain("rollover.example", ["3 1 1 " + "00" * 32, "3 1 1 SPKI"])}
    world.start()
    roads = {name: world.arrives(name, sink) for name, sink in sinks.items()}
    assert roads == {"key.example": "TLSv1.3 verified by DANE (3 1 1)", "cert.example": "TLSv1.3 verified by DANE (3 0 1)",
                     "expired.example": "TLSv1.3 verified by DANE (3 1 1)", "anchor.example": "TLSv1.3 verified by DANE (2 0 1)",
                     "nexthop.example": "TLSv1.3 verified by DANE (2 0 1)", "rollover.example": "TLSv1.3 verified by DANE (3 1 1)"}
    shown = {r["address"].partition("@")[2]: r["road"] for entry in world.daemon.api_list("messages", "/messages?limit=50") for r in entry["recipients"]}
    assert shown == roads, "the live page says it, too"


def test_records_that_do_not_match(world):
    """RFC 7672 2.2: mail waits; a certificate that every browser would take changes nothing."""
    wrong = world.domain("wrong.example", ["3 1 1 " + "00" * 32])
    name = world.domain("name.example", ["2 0 1 CA"], names=["another.name.example"])
    other = TestAuthority(world.daemon.directory / "other", "Another root")
    anchor = world.domain("anchor.example", ["2 0 1 " + other.root.sha256()])
    stripped = world.domain("stripped.example", ["3 1 1 SPKI"], tls=False)
    world.start()
    for domain, sink in {"wrong.example": wrong, "name.example": name, "anchor.example": anchor}.items():
        said = world.waits(domain, [sink])
        assert "4.7.5" in said and f"demanded by the TLSA records of mx.{domain}" in said, said
    said = world.waits("stripped.example", [stripped])
    assert "STARTTLS" in said and "TLSA records of mx.stripped.example" in said
    for domain in ("wrong.example", "stripped.example"):
        shown = world.daemon.cli("queue", "show", world.daemon.queue_of(f"bob@{domain}")[0]["id"]).stdout.decode()
        assert f"bob@{domain} waits. It is tried again by itself. Tell the postmaster of {domain}" in shown and f"[[exception]] for {domain} with an end date" in shown, shown
    status = world.daemon.get_json("/status")
    warning, = [text for text in status["warnings"] if "could not be trusted" in text]
    assert warning.startswith("4 messages wait because the next hop could not be trusted: ") and "(TLS failed: " in warning and "; and 1 more" in warning, warning
    assert [check["state"] for check in status["health"] if check["check"] == "next hops"] == ["warning"]


def test_records_that_cannot_be_used_make_tls_mandatory(world):
    """RFC 7672 2.2, 3.1.3: PKIX usages, unknown digests."""
    sink = world.domain("pkix.example", ["0 0 1 CA", "1 1 1 SPKI"], names=["another.name.example"])
    strange = world.domain("strange.example", ["3 1 7 " + "00" * 32], names=["another.name.example"])
    stripped = world.domain("stripped.example", ["1 1 1 SPKI"], tls=False)
    world.start()
    assert world.arrives("pkix.example", sink) == "TLSv1.3 unverified"
    assert world.arrives("strange.example", strange) == "TLSv1.3 unverified"
    assert "STARTTLS" in world.waits("stripped.example", [stripped])


def test_dns_that_fails_is_no_downgrade(world):
    """RFC 7672 2.1.1, 2.2: a TLSA lookup that is bogus; a domain whose MX is."""
    hidden = world.domain("hidden.example", ["3 1 1 SPKI"])
    world.dns.broken("_tcp.mx.hidden.example.")
    bogus = world.domain("mail.bogus", ["3 1 1 SPKI"])
    world.start()
    said = world.waits("hidden.example", [hidden])
    assert "4.7.5" in said and "TLSA records of mx.hidden.example could not be looked up" in said
    assert "4.4.3" in world.waits("mail.bogus", [bogus])
    assert hidden.connections == bogus.connections == 0


def test_what_nobody_signed_binds_nobody(world):
    """RFC 7672 2.1.1, 2.2.1: records of an unsigned zone, and signed ones behind an unsigned MX."""
    plain = world.domain("mail.plain", ["3 1 1 " + "00" * 32], names=["another.name.example"])
    behind = world.domain("signed.example", ["3 1 1 " + "00" * 32], names=["another.name.example"])
    world.dns.add("behind.plain. MX 10 mx.signed.example.")
    world.start()
    assert world.arrives("mail.plain", plain) == "TLSv1.3 unverified"
    assert world.arrives("behind.plain", behind) == "TLSv1.3 unverified"
    assert "4.7.5" in world.waits("signed.example", [behind])


def test_aliases_of_a_mail_host(world):
    """RFC 7672 2.2.2: the records of the name that the CNAME leads to; of its own where those are none or what it leads to is unsigned."""
    sink = world.domain("real.example", ["3 1 1 SPKI"])
    world.dns.add("alias.example. MX 10 mx.alias.example.", "mx.alias.example. CNAME mx.real.example.")
    own = world.domain("own.example")
    certificate = world.authority.server("mx.own-alias.example", label="own-alias")
    world.dns.add("own-alias.example. MX 10 mx.own-alias.example.", "mx.own-alias.example. CNAME mx.own.example.",
                  "_25._tcp.mx.own-alias.example. TLSA 3 1 1 " + certificate.spki_sha256())
    world.dns.add("outside.example. MX 10 mx.outside.example.", "mx.outside.example. CNAME mx.far.plain.", "_25._tcp.mx.outside.example. TLSA 3 1 1 " + "00" * 32)
    far = world.domain("far.plain")
    world.start()
    assert world.arrives("alias.example", sink) == "TLSv1.3 verified by DANE (3 1 1)"
    assert "TLSA records of mx.own-alias.example" in world.waits("own-alias.example", [own]), "another key is behind it"
    assert "TLSA records of mx.outside.example" in world.waits("outside.example", [far])


def test_the_next_host_is_tried(world):
    """RFC 7672 2.2: a host that fails is passed over, and not in clear."""
    first = world.domain("two.example", ["3 1 1 " + "00" * 32])
    second = world.domain("second.example", ["3 1 1 SPKI"])
    world.dns.add("two.example. MX 20 mx.second.example.")
    world.start()
    assert world.arrives("two.example", second) == "TLSv1.3 verified by DANE (3 1 1)"
    assert first.connections == 1 and not first.messages


def test_a_smarthost_by_name_is_bound_too(world):
    sink = world.domain("smart.example", ["3 1 1 SPKI"], names=["another.name.example"])
    wrong = world.domain("wrong.example", ["3 1 1 " + "00" * 32])
    world.daemon.route("a.invalid.example", "smtp:mx.smart.example:25").route("b.invalid.example", "smtp:mx.wrong.example:25")
    world.start()
    assert world.arrives("a.invalid.example", sink, "smtp:mx.smart.example:25") == "TLSv1.3 verified by DANE (3 1 1)"
    assert "TLSA records of mx.wrong.example" in world.waits("b.invalid.example", [wrong])


def test_dane_can_be_switched_off(world):
    sink = world.domain("wrong.example", ["3 1 1 " + "00" * 32])
    world.daemon.config["outbound"] = {"dane": False}
    world.start()
    assert world.arrives("wrong.example", sink) == "TLSv1.3 verified"


# MTA-STS.

def test_an_enforced_policy(world):
    """RFC 8461 4.1, 5: the host is one of the policy's and its certificate is good for its name; else mail waits."""
    good, wild, name, expired, listed, stripped = (world.domain(f"{word}.example", **options) for word, options in {
        "good": {}, "wild": {"mx": "a.mail.wild.example"}, "name": {"names": ["another.name.example"]}, "expired": {"days": (-90, -1)}, "listed": {},
        "stripped": {"tls": False}}.items())
    for word, mx in {"good": None, "wild": "*.mail.wild.example", "name": None, "expired": None, "listed": "mx.elsewhere.example", "stripped": None}.items():
        world.policy(f"{word}.example", mx=mx)
    world.start()
    assert world.arrives("good.example", good) == "TLSv1.3 verified by MTA-STS"
    assert world.arrives("wild.example", wild) == "TLSv1.3 verified by MTA-STS"
    for word, sink, reason in (("name", name, "not for mx.name.example"), ("expired", expired, "expired"), ("stripped", stripped, "STARTTLS")):
        said = world.waits(f"{word}.example", [sink])
        assert reason in said and "demanded by the MTA-STS policy" in said, said
    assert "mx.listed.example is not one of the hosts" in world.waits("listed.example", [listed]) and listed.connections == 0


def test_testing_and_none_stop_nothing(world):
    testing, none = world.domain("testing.example", tls=False), world.domain("none.example", tls=False)
    world.policy("testing.example", "testing", mx="mx.elsewhere.example")
    world.policy("none.example", "none")
    world.start()
    assert world.arrives("testing.example", testing) == "clear" and world.arrives("none.example", none) == "clear"


HOSTS = {"wrong-name": {"certificate": "another.name.example"}, "expired": {"days": (-90, -1)}, "not-found": {"status": "404 Not Found"},
         "moved": {"status": "301 Moved Permanently", "extra": "Location: https://mta-sts.good.example/.well-known/mta-sts.txt\r\n"},
         "html": {"content_type": "text/html"}, "large": {"body": "version: STSv1\n" * 10_000}, "wrong": {"body": "version: STSv2\nmode: enforce\n"},
         "no-age": {"body": "version: STSv1\nmode: enforce\nmx: mx.elsewhere.example\n"}}


def test_a_policy_host_that_does_not_serve_one_is_none(world):
    """RFC 8461 3.3: wrong certificate, status, redirect, content type, size or text: no policy, and mail goes on as without."""
    sinks = {}
    for word, options in HOSTS.items():
        sinks[word] = world.domain(f"{word}.example", tls=False)
        certificate = world.authority.server(options.get("certificate", f"mta-sts.{word}.example"), days=options.get("days", (-1, 90)), label=f"h-{word}")
        world.policy(f"{word}.example", mx="mx.elsewhere.example", certificate=certificate,
                     **{key: value for key, value in options.items() if key in ("status", "extra", "content_type", "body")})
    world.start()
    for word, sink in sinks.items():
        assert world.arrives(f"{word}.example", sink) == "clear", word
    told = world.daemon.log_text()
    assert told.count("sts.fetch_failed") == len(HOSTS), "and the log says why"
    world.daemon.submit(to="eve@html.example")
    sinks["html"].for_recipient("eve@html.example", details=world.daemon.log_tail)
    assert world.sts.asked["mta-sts.html.example"] == 1, "a failed fetch is not repeated at once"


def test_what_is_known_cannot_be_hidden(world):
    """RFC 8461 5.1, 10.2: a policy outlives its record, its host and a restart of ours; a new id brings a new one."""
    sink = world.domain("kept.example", tls=False)
    world.policy("kept.example")
    world.start()
    assert "STARTTLS" in world.waits("kept.example", [sink])
    assert world.sts.asked == {"mta-sts.kept.example": 1}
    world.sts.forget("mta-sts.kept.example")
    world.dns.remove("_mta-sts.kept.example.").reload()
    world.daemon.restart()
    world.daemon.submit(to="eve@kept.example")
    assert "MTA-STS" in world.daemon.await_attempt("eve@kept.example")["last_reply"]
    world.dns.add('_mta-sts.kept.example. TXT "v=STSv1; id=2;"').reload()
    world.daemon.restart()
    world.daemon.submit(to="dan@kept.example")
    assert "MTA-STS" in world.daemon.await_attempt("dan@kept.example")["last_reply"], "a fetch that fails takes nothing back"
    world.policy("kept.example", "none", identifier="3")
    world.dns.reload()
    world.daemon.restart()
    world.daemon.submit(to="fay@kept.example")
    sink.for_recipient("fay@kept.example", details=world.daemon.log_tail)


def test_dane_goes_before_mta_sts(world):
    """RFC 8461 2, both ways."""
    good = world.domain("good.example", ["3 1 1 SPKI"], names=["another.name.example"])
    bad = world.domain("bad.example", ["3 1 1 " + "00" * 32])
    world.policy("good.example", mx="mx.elsewhere.example")
    world.policy("bad.example")
    world.start()
    assert world.arrives("good.example", good) == "TLSv1.3 verified by DANE (3 1 1)"
    assert "TLSA records of mx.bad.example" in world.waits("bad.example", [bad])


# The operator's word.

def test_an_exception_holds_until_its_day(world):
    wrong = world.domain("wrong.example", ["3 1 1 " + "00" * 32])
    stripped = world.domain("sub.stripped.example", tls=False)
    past = world.domain("past.example", ["3 1 1 " + "00" * 32])
    world.policy("sub.stripped.example")
    world.daemon.config["exception"] = [
        {"domain": "wrong.example", "allow": "unverified", "until": "2199-12-31", "reason": "their key was replaced"},
        {"domain": ".stripped.example", "allow": "clear", "until": "2199-12-31"}, {"domain": "past.example", "allow": "clear", "until": "2020-12-31"}]
    world.start()
    assert world.arrives("wrong.example", wrong) == "TLSv1.3 verified (exception until 2199-12-31)", "its certificate is good for the web's roots"
    assert world.arrives("sub.stripped.example", stripped) == "clear (exception until 2199-12-31)"
    assert "TLSA records of mx.past.example" in world.waits("past.example", [past])
    assert any("their key was replaced" in warning for warning in world.daemon.get_json("/status")["warnings"])


def test_requiretls_wants_a_name_that_nobody_could_change(world):
    """RFC 8689 4.2.1: the MX by DNSSEC or MTA-STS, and a verified certificate."""
    willing = [*SmtpSink.CAPABILITIES, "REQUIRETLS"]
    dane = world.domain("dane.example", ["3 1 1 SPKI"], capabilities=willing)
    sts = world.domain("sts.plain", capabilities=willing)
    world.policy("sts.plain")
    plain = world.domain("mail.plain", capabilities=willing)
    world.daemon.listener("mx")["relay_from"] = ["127.0.0.0/8"]
    world.start()
    for name in ("dane.example", "sts.plain", "mail.plain"):
        raw = mimebytes.simple_message(ALICE, f"bob@{name}")
        world.daemon.send(ALICE, [f"bob@{name}"], raw, listener="mx", mail_options=["REQUIRETLS"])
    for sink, name in ((dane, "dane.example"), (sts, "sts.plain")):
        assert "REQUIRETLS" in sink.for_recipient(f"bob@{name}", details=world.daemon.log_tail).mail_parameters
    bounce, = world.daemon.await_mail(ALICE)
    assert b"5.7.30" in bounce and b"bob@mail.plain" in bounce and not plain.messages


# Postfix on the other side.

def test_mail_to_postfix(world, workdir):
    """Debian's Postfix, TLS 1.3 only, as the MX of one domain whose records match and of one whose records do not."""
    certificate = world.authority.server("mx.postfix.example", label="mx-postfix")
    address = next(_ADDRESSES)
    world.dns.add("postfix.example. MX 10 mx.postfix.example.", f"mx.postfix.example. A {address}", "_25._tcp.mx.postfix.example. TLSA 3 1 1 " + certificate.spki_sha256(),
                  "broken.example. MX 10 mx.broken.example.", f"mx.broken.example. A {address}", "_25._tcp.mx.broken.example. TLSA 3 1 1 " + "00" * 32)
    with PostfixReceiver(workdir / "postfix", certificate, "mx.postfix.example", address=f"{address}:25").start() as postfix:
        world.start()
        raw = world.daemon.submit(to="bob@postfix.example")
        got, = postfix.wait("bob@postfix.example", details=world.daemon.log_tail)
        assert mimebytes.field(got, "Subject") == mimebytes.field(raw, "Subject")
        assert world.road_by("mx:postfix.example") == "TLSv1.3 verified by DANE (3 1 1)"
        assert "TLSA records of mx.broken.example" in world.waits("broken.example")


def test_mail_from_postfix(world, workdir):
    """Postfix with smtp_tls_security_level=dane, a validating Unbound and a resolv.conf of its own, sends to Postern's MX."""
    address = next(_ADDRESSES)
    certificate = world.authority.server("mx.ours.example", label="mx-ours")
    certificate.key.chmod(0o600)
    world.daemon.config["tls"] = {"certificate": str(certificate.cert), "key": str(certificate.key)}
    world.daemon.config["domains"]["local"] += ["ours.example", "stale.example"]
    world.daemon.config["listener"].append({"kind": "mx", "name": "world", "address": f"{address}:25", "tls": "required"})
    for domain, digest in (("ours", certificate.spki_sha256()), ("stale", "00" * 32)):
        world.dns.add(f"{domain}.example. MX 10 mx.{domain}.example.", f"mx.{domain}.example. A {address}", f"_25._tcp.mx.{domain}.example. TLSA 3 1 1 {digest}")
    world.start()
    resolver = UnboundServer(workdir / "resolver", [], address="127.77.39.54", port=53, forward=f"{world.dns.address}@{world.dns.port}", anchor=world.dns.anchor)
    with resolver.start():
        resolv = workdir / "resolv.conf"
        resolv.write_text("nameserver 127.77.39.54\noptions trust-ad\n")
        postfix = Postfix(workdir / "sender", "smtp_dns_support_level = dnssec\nsmtp_tls_security_level = dane\nsmtp_tls_loglevel = 1\n"
                          "smtp_host_lookup = dns\nsmtpd_relay_restrictions = permit_mynetworks, reject\n")
        postfix.wrapper = ["unshare", "-m", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"]
        with postfix.start():
            for domain in ("ours.example", "stale.example"):
                run(["swaks", "--server", f"127.0.0.1:{postfix.port}", "--from", "carol@example.org", "--to", f"bob@{domain}", "--body", "by DANE"])
            assert b"by DANE" in world.daemon.await_mail("bob@ours.example")[0]
            log = wait_until(lambda: "status=deferred" in postfix.log_path.read_text() and postfix.log_path.read_text(), "Postfix to defer", details=postfix.log_tail)
            assert "Verified TLS connection established to mx.ours.example" in log, "by Postfix' own judgement"
            assert world.daemon.mailbox("bob@stale.example") == []


# What other domains are told (RFC 8460).

def packed_report(message: bytes) -> tuple[str, dict]:
    part = next(part for part in email.message_from_bytes(message).walk() if part.get_content_type() == "application/tlsrpt+gzip")
    return part.get_filename(), json.loads(gzip.decompress(part.get_payload(decode=True)))


def test_what_was_seen_is_counted_and_told(world):
    """RFC 8460 4, 5: successes and failures by policy, by mail (whatever TLS the collector offers) and by HTTPS."""
    good = world.domain("good.example", ["3 1 1 SPKI"])
    world.domain("wrong.example", ["3 1 1 " + "00" * 32])
    tested = world.domain("testing.example", names=["another.name.example"])
    world.domain("name.example", names=["another.name.example"])
    clear = world.domain("clear.example", tls=False)
    world.policy("testing.example", "testing")
    world.policy("name.example")
    collector = world.domain("collector.example", ["3 1 1 " + "00" * 32], tls=False)
    certificate = world.authority.server("tlsrpt.example", label="tlsrpt")
    world.sts.serve("tlsrpt.example", certificate, "")
    world.dns.add(f"tlsrpt.example. A {_STS_ADDRESS}", '_smtp._tls.wrong.example. TXT "v=TLSRPTv1; rua=mailto:tls@collector.example"',
                  '_smtp._tls.good.example. TXT "v=TLSRPTv1; rua=https://tlsrpt.example/v1/report,mailto:tls@collector.example"',
                  '_smtp._tls.testing.example. TXT "v=TLSRPTv1; rua=mailto:tls@collector.example"', '_smtp._tls.name.example. TXT "v=TLSRPTv2; rua=x"')
    world.daemon.config["reports"] = {"from": f"tls-reports@{LOCAL_DOMAIN}", "organization": "Postern Example"}
    world.daemon.dkim("sel", "dkim_key", "ed25519-sha256")
    world.start()
    world.arrives("good.example", good)
    world.arrives("testing.example", tested)
    world.arrives("clear.example", clear)
    world.waits("wrong.example")
    world.waits("name.example")
    tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    today = (datetime.datetime.now(datetime.timezone.utc)).strftime("%Y-%m-%d")
    listed = world.daemon.json("report", "list")
    counted = {entry["domain"]: (entry["successful"], entry["failed"]) for entry in listed["counted"]}
    assert counted == {"good.example": (1, 0), "testing.example": (0, 1), "clear.example": (0, 1), "wrong.example": (0, 1), "name.example": (0, 1)}
    world.daemon.cli("report", "send", "--before", tomorrow)
    mails = {}
    for delivery in wait_until(lambda: len(collector.messages) == 3 and collector.messages, "three reports", details=world.daemon._queue_details):
        assert delivery.tls is None and dkimtools.dkimpy_verdicts(delivery.content, world.daemon.dkim_records()) == [True]
        name, report = packed_report(delivery.content)
        parsed = email.message_from_bytes(delivery.content)
        domain = parsed["TLS-Report-Domain"]
        assert parsed["TLS-Report-Submitter"] == HOSTNAME and parsed["TLS-Required"] == "No" and f"Report Domain: {domain}" in parsed["Subject"]
        assert parsed.get_content_type() == "multipart/report" and parsed.get_param("report-type") == "tlsrpt"
        assert name.startswith(f"{HOSTNAME}!{domain}!") and name.endswith(".json.gz")
        mails[domain] = report
        assert json.loads(world.daemon.cli("tlsrpt", "parse", "--json", input=json.dumps(report).encode()).stdout)["report-id"] == report["report-id"]
    assert set(mails) == {"good.example", "wrong.example", "testing.example"}, "who did not ask rightly gets none"
    path, head, body = world.sts.posted["tlsrpt.example"]
    assert path == "/v1/report" and "application/tlsrpt+gzip" in head and json.loads(gzip.decompress(body)) == mails["good.example"]
    kinds = {domain: [(policy["policy"]["policy-type"], policy["summary"]["total-successful-session-count"], policy["summary"]["total-failure-session-count"],
                       [failure["result-type"] for failure in policy.get("failure-details", [])]) for policy in report["policies"]]
             for domain, report in mails.items()}
    assert kinds == {"good.example": [("tlsa", 1, 0, [])], "wrong.example": [("tlsa", 0, 1, ["validation-failure"])],
                     "testing.example": [("sts", 0, 1, ["certificate-host-mismatch"])]}
    sts, = mails["testing.example"]["policies"]
    assert sts["policy"]["mx-host"] == ["mx.testing.example"] and "mode: testing" in sts["policy"]["policy-string"]
    assert mails["wrong.example"]["policies"][0]["policy"]["policy-string"] == ["3 1 1 " + "00" * 32]
    named = {domain: [policy["policy"]["policy-domain"] for policy in report["policies"]] for domain, report in mails.items()}
    assert named == {"good.example": ["mx.good.example"], "wrong.example": ["mx.wrong.example"], "testing.example": ["testing.example"]}, "RFC 8460 1.1"
    for domain in ("wrong.example", "testing.example"):
        failure, = mails[domain]["policies"][0]["failure-details"]
        assert failure["sending-mta-ip"].startswith("127.") and failure["receiving-ip"].startswith("127.77."), failure
    assert mails["wrong.example"]["date-range"]["start-datetime"].startswith(today) and mails["wrong.example"]["organization-name"] == "Postern Example"
    outcomes = {entry["domain"]: entry["outcome"] for entry in world.daemon.json("report", "list")["sent"]}
    assert "tlsrpt.example/v1/report: 200" in outcomes["good.example"] and "nobody asks" in outcomes["clear.example"]
    shown = world.daemon.cli("report", "show", today).stdout.decode()
    assert "certificate-host-mismatch at mx.testing.example" in shown and "starttls-not-supported" in shown
    world.daemon.restart()
    world.daemon.cli("report", "send", "--before", tomorrow)
    assert len(collector.messages) == 3, "nobody gets the same report twice"
    refused = world.daemon.cli("report", "send", "--before", "2199-01-01", check=False)
    assert refused.returncode != 0 and "future" in refused.stderr.decode() and len(world.daemon.json("report", "list")["counted"]) == 5, "no session of a report"


def test_a_report_that_a_host_does_not_take_is_tried_again(world):
    """RFC 8460 5.5: whatever is in the way of HTTPS; the place that has it by mail does not get it again."""
    sink = world.domain("late.example")
    world.sts = StsHost(_STS_ADDRESS, world.authority.server("nobody.example", label="sts-fallback"))
    world.dns.add('_smtp._tls.late.example. TXT "v=TLSRPTv1; rua=https://tlsrpt.late.example/r,mailto:tls@late.example"')
    world.daemon.config["reports"] = {"from": f"tls-reports@{LOCAL_DOMAIN}"}
    world.start()
    world.arrives("late.example", sink)
    tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d")

    def after_sending() -> dict:
        world.daemon.restart()  # and DNS is asked anew
        world.daemon.cli("report", "send", "--before", tomorrow)
        return world.daemon.json("report", "list")["sent"][0]
    first = after_sending()
    assert "the host tlsrpt.late.example has no address" in first["outcome"] and "250" in first["outcome"] and first["again"] > first["time"]
    world.dns.add(f"tlsrpt.late.example. A {_STS_ADDRESS}").reload()
    wait_until(lambda: world.dns.ask("tlsrpt.late.example.", "A"), "the address in DNS", details=world.dns.log_tail)
    certificate = world.authority.server("tlsrpt.late.example", label="late")
    world.sts.serve("tlsrpt.late.example", certificate, "", status="503 Service Unavailable")
    second = after_sending()
    assert "tlsrpt.late.example/r: 503" in second["outcome"] and "again" in second
    world.sts.serve("tlsrpt.late.example", certificate, "")
    third = after_sending()
    assert "tlsrpt.late.example/r: 200" in third["outcome"] and "again" not in third
    wait_until(lambda: not world.daemon.queue(), "an empty queue", details=world.daemon.log_tail)
    assert [delivery.recipients for delivery in sink.messages] == [["bob@late.example"], ["tls@late.example"]]
    assert after_sending() == third


def test_reports_cause_no_reports(world):
    """RFC 8460 3: the session that brings a report is in no other; one mail makes one report, and the days after it have nothing to tell."""
    sink = world.domain("loop.example")
    world.dns.add('_smtp._tls.loop.example. TXT "v=TLSRPTv1; rua=mailto:tls@loop.example"')
    world.daemon.config["reports"] = {"from": f"tls-reports@{LOCAL_DOMAIN}"}
    world.daemon.fake_clock()
    world.start()
    world.arrives("loop.example", sink)
    for day in (1, 2, 3):
        world.daemon.stop()
        world.daemon.move_clock(day * 86400)
        world.daemon.start()
        world.daemon.cli("report", "send")
        wait_until(lambda: len(sink.messages) == 2, "the report of the first day", details=world.daemon.log_tail)
        wait_until(lambda: not world.daemon.queue(), "an empty queue", details=world.daemon.log_tail)
    assert [delivery.recipients for delivery in sink.messages] == [["bob@loop.example"], ["tls@loop.example"]]
    assert [(entry["domain"], entry["successful"]) for entry in world.daemon.json("report", "list")["counted"]] == [("loop.example", 1)]


def test_a_policy_or_report_host_with_a_revoked_certificate_is_not_talked_to(world, workdir):
    host = RevocationHost("127.77.39.2", world.authority, workdir / "ocsp")
    world.daemon.config["outbound"] = {"revocation_networks": ["127.77.39.0/24"]}
    world.daemon.config["reports"] = {"from": f"tls-reports@{LOCAL_DOMAIN}"}
    certificates = {name: host.knows(world.authority.server(name, label=f"revoked-{name}", more=[host.responder()]))
                    for name in ("mta-sts.good.example", "mta-sts.bad.example", "tlsrpt.example")}
    for name in ("mta-sts.bad.example", "tlsrpt.example"):
        host.revoke(certificates[name])
    good, bad = world.domain("good.example"), world.domain("bad.example", tls=False)
    for name in ("good.example", "bad.example"):
        world.policy(name, certificate=certificates[f"mta-sts.{name}"])
    world.sts.serve("tlsrpt.example", certificates["tlsrpt.example"], "")
    world.dns.add(f"tlsrpt.example. A {_STS_ADDRESS}", '_smtp._tls.good.example. TXT "v=TLSRPTv1; rua=https://tlsrpt.example/v1/report"')
    try:
        world.start()
        assert world.arrives("good.example", good) == "TLSv1.3 verified by MTA-STS"
        assert world.arrives("bad.example", bad) == "clear", "its policy is none"
        assert "mta-sts.bad.example" not in world.sts.asked
        tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
        world.daemon.cli("report", "send", "--before", tomorrow)
        outcome = wait_until(lambda: next((entry["outcome"] for entry in world.daemon.json("report", "list")["sent"] if entry["domain"] == "good.example"), ""),
                             "the outcome of the report", details=world.daemon.log_tail)
        assert "is revoked at 2025-01-01" in outcome and not world.sts.posted
        assert world.daemon.log_text().count("revocation.peer_refused") == 2
    finally:
        world.daemon.stop()
        host.stop()


def test_reports_without_a_sender_are_only_counted(world):
    sink = world.domain("plain.example")
    world.start()
    world.arrives("plain.example", sink)
    refused = world.daemon.cli("report", "send", check=False)
    assert refused.returncode != 0 and "reports.from" in refused.stderr.decode()
    assert world.daemon.json("report", "list")["counted"][0]["successful"] == 1
    assert world.daemon.json("outbound", "policies") == {"policies": []}


def test_a_sender_may_waive_what_the_domain_demands(world):
    """RFC 8689 3: TLS-Required: No. The next message without it does not use that connection."""
    stripped = world.domain("stripped.example", tls=False)
    world.policy("stripped.example")
    world.start()
    raw = mimebytes.simple_message(ALICE, "bob@stripped.example").replace(b"Subject:", b"TLS-Required: No\r\nSubject:", 1)
    world.daemon.send(ALICE, ["bob@stripped.example"], raw, listener="plain")
    stripped.for_recipient("bob@stripped.example", details=world.daemon.log_tail)
    world.daemon.submit(to="eve@stripped.example")
    assert "MTA-STS" in world.daemon.await_attempt("eve@stripped.example")["last_reply"]


# What we tell senders.

def test_our_own_policy_is_served(daemon, authority):
    """RFC 8461 3.1-3.3: over HTTPS under mta-sts.DOMAIN for our domains only; DNS announces it under an id that changes with it."""
    host = f"mta-sts.{LOCAL_DOMAIN}"
    certificate = authority.server(HOSTNAME, host, label="own-sts")
    certificate.key.chmod(0o600)
    daemon.config["tls"] = {"certificate": str(certificate.cert), "key": str(certificate.key)}
    daemon.config["http"]["tls"] = {"address": "127.0.0.1:0"}
    daemon.config["inbound"] = {"mta_sts": "enforce", "mx": ["mx1.postern.example", "*.mx.postern.example"]}
    daemon.start()

    def fetch(name):
        told = run(["curl", "-sS", "--cacert", authority.pem, "--connect-to", f"{host}:443:127.0.0.1:{daemon.port('https')}", "-H", f"Host: {name}",
                    "-w", "%{http_code} %{content_type}", f"https://{host}/.well-known/mta-sts.txt"]).stdout.decode()
        return told.rpartition("\r\n") if "STSv1" in told else told
    policy, _, said = fetch(host)
    assert said.startswith("200 text/plain") and policy.splitlines() == ["version: STSv1", "mode: enforce", "mx: mx1.postern.example",
                                                                        "mx: *.mx.postern.example", "max_age: 1209600"]
    file = daemon.directory / "policy"
    file.write_text(policy + "\r\n")
    assert daemon.json("mta-sts", "check", "--policy", file, "--mx", "a.mx.postern.example")["match"] is True
    assert "404" in fetch("mta-sts.elsewhere.example") and "404" in fetch(HOSTNAME)

    def announced():
        shown = daemon.json("dns", "records", LOCAL_DOMAIN, "--no-tlsa")
        return next(record["data"] for record in shown["records"] if record["name"].startswith("_mta-sts."))
    first = announced()
    assert "v=STSv1; id=" in first and announced() == first
    daemon.config["inbound"]["mta_sts"] = "testing"
    daemon.restart()
    assert announced() != first


# What others tell us.

def test_reports_of_others_are_read_and_kept(daemon, workdir):
    """RFC 8460 5.3 and RFC 9990 3.5.2 by mail to reports.inbox: a summary of each, the report itself; the mail is delivered, too; rubbish is only mail."""
    daemon.config["reports"] = {"inbox": [f"reports@{LOCAL_DOMAIN}"]}
    daemon.start()
    tls = {"organization-name": "Example Inc.", "date-range": {"start-datetime": "2026-11-24T00:00:00Z", "end-datetime": "2026-11-24T23:59:59Z"},
           "contact-info": "tls@example.net", "report-id": "77",
           "policies": [{"policy": {"policy-type": "sts", "policy-string": [], "policy-domain": LOCAL_DOMAIN},
                         "summary": {"total-successful-session-count": 5, "total-failure-session-count": 2}}]}
    xml = (f"<feedback><report_metadata><org_name>example.net</org_name><email>d@example.net</email><report_id>9</report_id><date_range><begin>1795564800</begin>"
           f"<end>1795651199</end></date_range></report_metadata><policy_published><domain>{LOCAL_DOMAIN}</domain><p>none</p></policy_published><record><row>"
           f"<source_ip>192.0.2.1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>"
           f"<identifiers><header_from>{LOCAL_DOMAIN}</header_from></identifiers><auth_results><spf><domain>x.example</domain><result>fail</result></spf></auth_results>"
           f"</record></feedback>")
    for kind, packed in (("application/tlsrpt+gzip", gzip.compress(json.dumps(tls).encode())), ("application/gzip", gzip.compress(xml.encode())),
                         ("application/gzip", b"no gzip at all")):
        mail = email.message.EmailMessage()
        mail["From"], mail["To"], mail["Subject"], mail["Date"], mail["Message-ID"] = ("r@example.net", f"reports@{LOCAL_DOMAIN}", "Report",
                                                                                     "Wed, 25 Nov 2026 12:00:00 +0000", f"<{kind}.{len(packed)}@x.example>")
        mail.set_content("A report.")
        mail.add_attachment(packed, *kind.split("/"), filename="report.gz")
        daemon.send("r@example.net", [f"reports@{LOCAL_DOMAIN}"], mail.as_bytes(policy=email.policy.SMTP), listener="plain")
    daemon.await_mail(f"reports@{LOCAL_DOMAIN}", 3)
    shown = daemon.json("report", "received")["reports"]
    assert [(one["kind"], one["organization"], one["domain"], one["good"], one["bad"], one["vouched"]) for one in shown] == [
        ("dmarc", "example.net", LOCAL_DOMAIN, 0, 3, False), ("tls", "Example Inc.", LOCAL_DOMAIN, 5, 2, False)]
    assert daemon.json("report", "read", shown[1]["number"])["report-id"] == "77"
    assert daemon.cli("report", "read", "99", check=False).returncode == 1
    assert "reports.unreadable" in daemon.log_text()
