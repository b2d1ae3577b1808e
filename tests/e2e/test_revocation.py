"""Next hops whose certificates are revoked, or of which nobody knows: OCSP by a real `openssl ocsp`, stapled answers, CRLs (RFC 6960, 5280, 6066 8, 7633)."""

import contextlib
import http.client
import itertools
import smtplib

import pytest
from cryptography import x509

from peers import mimebytes, sealtools
from peers.base import wait_until
from peers.certs import TestAuthority
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, send_exact
from peers.ocsp import RevocationHost, StaplingHost
from peers.pp_mta import Gone, Refused, connect

ADDRESS = "127.77.38.80"
VIA = "127.0.0.1"
DOORS = {"mail", "https", "x400"}


class World:
    """One authority with its web server, and next hops on loopback for a domain each."""

    def __init__(self, daemon, directory, make_sink):
        self.daemon, self.make_sink = daemon, make_sink
        self.authority = TestAuthority(directory / "ca", "Revoking root")
        self.host = RevocationHost(ADDRESS, self.authority, directory / "ocsp")
        self.staplers, self.ports = [], {}
        daemon.config.setdefault("outbound", {})["revocation_networks"] = ["127.77.0.0/16"]

    def certificate(self, label, *more):
        return self.host.knows(self.authority.server(VIA, label=label, more=more))

    def hop(self, domain, *more, revoked=False, **route):
        """A sink for the domain behind a verified connection; its certificate."""
        certificate = self.certificate(domain, *more)
        if revoked:
            self.host.revoke(certificate)
        sink = self.make_sink(tls=certificate)
        self.route(domain, sink.port, **route)
        return sink

    def stapler(self, domain, certificate, answer, **route):
        self.staplers.append(StaplingHost(certificate, answer))
        self.route(domain, self.staplers[-1].port, **route)
        return self.staplers[-1]

    def route(self, domain, port, **route):
        self.ports[domain] = port
        self.daemon.route(domain, f"smtp:{VIA}:{port}", **{"ca": str(self.authority.pem), "tls": "required", **route})

    def send(self, domain):
        """The road of the delivery, or what the queue says after the first attempt."""
        to = f"bob@{domain}"
        self.daemon.submit(to=to)

        def found():
            delivered = [entry["facts"] for entry in self.daemon.api_list("entries", "/audit?limit=200") if entry["kind"] == "message.delivered"]
            roads = [facts["road"] for facts in delivered if facts["route"] == f"smtp:{VIA}:{self.ports[domain]}"]
            return roads[0] if roads else next((e["last_reply"] for e in self.daemon.queue_of(to) if e["attempts"]), None)
        return wait_until(found, f"an attempt to {to}", every=0.05, details=self.daemon.log_tail)

    def start(self):
        self.daemon.config["queue"]["retry"] = ["1h"]
        self.daemon.start()

    def status(self):
        return self.daemon.get_json("/status")["revocation"]


@pytest.fixture
def world(daemon, workdir, make_sink):
    made = World(daemon, workdir / "revocation", make_sink)
    yield made
    daemon.stop()
    made.host.stop()
    for stapler in made.staplers:
        stapler.stop()


def test_a_responder_is_asked_once_and_believed(world):
    """RFC 6960: good, and revoked under both policies; the answer is remembered."""
    responder = world.host.responder()
    world.hop("good.example", responder)
    world.hop("soft.example", responder, revoked=True)
    world.hop("hard.example", responder, revoked=True, revocation="hard")
    world.start()
    assert world.send("good.example") == "TLSv1.3 verified, not revoked (OCSP)"
    for domain in ("soft.example", "hard.example"):
        said = world.send(domain)
        assert said.startswith("451 4.7.5 ") and "is revoked at 2025-01-01T00:00:00.000Z (keyCompromise)" in said, said
    assert world.host.asked == ["/ocsp"] * 3
    told = world.status()
    assert (told["policy"], told["good"], told["revoked"], told["ocsp"], told["remembered"]) == ("soft", 1, 2, 3, 3), told
    metrics = world.daemon.metrics()
    assert metrics['postern_revocation_checks_total{status="revoked"}'] == 2 and metrics['postern_revocation_answers_total{source="ocsp"}'] == 3
    assert "revocation" in world.daemon.cli("status").stdout.decode()


def test_two_hosts_with_one_certificate_are_one_question(world):
    certificate = world.certificate("shared", world.host.responder())
    first, second = world.make_sink(tls=certificate), world.make_sink(tls=certificate)
    world.route("one.example", first.port)
    world.route("two.example", second.port)
    world.start()
    assert world.send("one.example") == world.send("two.example") == "TLSv1.3 verified, not revoked (OCSP)"
    assert world.host.asked == ["/ocsp"] and world.status()["recalled"] == 1


def test_a_list_is_read_where_no_responder_is_named(world):
    point = world.host.list_point()
    world.hop("good.example", point, revocation="hard")
    world.hop("bad.example", point, revoked=True)
    world.start()
    assert world.send("good.example") == "TLSv1.3 verified, not revoked (CRL)"
    assert "is revoked at 2025-01-01" in world.send("bad.example")
    assert world.host.asked == ["/all.crl"] * 2


def test_a_responder_that_fails(world):
    """Soft: mail goes out and says so; hard: it waits with the reason; off: nobody asks. A list stands in for the responder."""
    responder = world.host.responder()
    world.hop("soft.example", responder)
    world.hop("hard.example", responder, revocation="hard")
    world.hop("off.example", responder, revocation="off")
    world.host.answer_with(503)
    world.start()
    assert world.send("soft.example") == "TLSv1.3 verified, revocation not known"
    said = world.send("hard.example")
    assert said.startswith("451 4.7.5 ") and "it is not known whether the certificate of" in said and "status 503" in said, said
    assert world.send("off.example") == "TLSv1.3 verified"
    assert len(world.host.asked) == 2 and world.status()["failed_questions"] == 2
    assert "courier.revocation_not_known" in world.daemon.log_text()


@pytest.mark.parametrize("answer", [b"", b"\x30\x03\x0a\x01\x06", b"<html>", b"\x30" * 100_000], ids=["empty", "unauthorized", "html", "large"])
def test_answers_that_are_none(world, answer):
    world.hop("hard.example", world.host.responder(), revocation="hard")
    world.host.answer_with(200, answer)
    world.start()
    assert "it is not known whether" in world.send("hard.example")


def test_an_old_answer_replayed_does_not_count(world):
    """The nonce of another question (RFC 9654 2.1)."""
    certificate = world.certificate("replayed", world.host.responder())
    world.route("hard.example", world.make_sink(tls=certificate).port, revocation="hard")
    world.host.answer_with(200, world.host.answer_to_another(certificate))
    world.start()
    assert "another nonce" in world.send("hard.example")


def test_nobody_to_ask(world):
    """A certificate of an authority without responder or list: soft says nothing of it, hard does not take it."""
    world.hop("soft.example")
    world.hop("hard.example", revocation="hard")
    world.start()
    assert world.send("soft.example") == "TLSv1.3 verified"
    assert "names neither an OCSP responder nor a CRL" in world.send("hard.example")


def test_private_addresses_are_not_asked(world):
    """A stranger's certificate must not make us knock at doors of our own network."""
    world.daemon.config["outbound"]["revocation_networks"] = []
    world.hop("soft.example", world.host.responder())
    world.start()
    assert world.send("soft.example") == "TLSv1.3 verified, revocation not known"
    assert world.host.asked == [] and "no public address" in world.daemon.log_text()


def test_what_is_stapled_counts_first(world):
    """RFC 6066 8: nobody else is asked, and a stapled revocation holds."""
    responder = world.host.responder()
    good, bad = world.certificate("good", responder), world.certificate("bad", responder)
    world.host.revoke(bad)
    hosts = [world.stapler("good.example", good, world.host.stapled(good), revocation="hard"), world.stapler("bad.example", bad, world.host.stapled(bad))]
    world.start()
    assert world.send("good.example") == "TLSv1.3 verified, not revoked (stapled OCSP)"
    assert "is revoked at 2025-01-01" in world.send("bad.example")
    assert [host.asked for host in hosts] == [1, 1] and world.host.asked == []
    assert world.status()["stapled"] == 2


def test_a_stapled_answer_that_is_none_makes_us_ask(world):
    responder = world.host.responder()
    mine, other = world.certificate("mine", responder), world.certificate("other", responder)
    world.stapler("junk.example", mine, b"junk", revocation="hard")
    world.stapler("other.example", other, world.host.stapled(mine), revocation="hard")
    world.start()
    for domain in ("junk.example", "other.example"):
        assert world.send(domain) == "TLSv1.3 verified, not revoked (OCSP)"


def test_must_staple(world):
    """RFC 7633: a certificate that asks for it, and a server that does not."""
    responder = world.host.responder()
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    certificate = world.certificate("stapling", responder, feature)
    world.stapler("stapled.example", certificate, world.host.stapled(certificate), revocation="hard")
    world.hop("bare.example", responder, feature, revocation="hard")
    world.start()
    assert world.send("stapled.example") == "TLSv1.3 verified, not revoked (stapled OCSP)"
    assert "RFC 7633" in world.send("bare.example")
    assert world.host.asked == []


def test_opportunistic_mail_goes_on(world):
    """Where any certificate would do, nobody is asked; a stapled revocation makes the certificate count as none."""
    certificate = world.certificate("bad", world.host.responder())
    world.host.revoke(certificate)
    world.stapler("stapled.example", certificate, world.host.stapled(certificate), tls="opportunistic")
    world.start()
    assert world.send("stapled.example") == "TLSv1.3 unverified"
    assert world.host.asked == []


def test_our_own_certificate(world):
    """What the listeners show is looked up too; a revoked one is a warning, and the new one is looked up when it is there."""
    daemon, responder = world.daemon, world.host.responder()
    old, new = (world.host.knows(world.authority.server(HOSTNAME, label=label, more=[responder])) for label in ("old", "new"))
    world.host.revoke(old)

    def told():
        return daemon.get_json("/status")["tls"]["certificate"]["revocation"]
    daemon.show_certificate(old, world.authority.root)
    world.start()
    wait_until(lambda: told().startswith("revoked at 2025-01-01"), "the revocation of our own certificate", details=daemon.log_tail)
    assert any("does not hold any more" in warning for warning in daemon.get_json("/status")["warnings"])
    assert ", revocation revoked at 2025-01-01" in daemon.cli("status").stdout.decode()
    daemon.show_certificate(new, world.authority.root)
    wait_until(lambda: told() == "good (OCSP)", "the new certificate's standing", seconds=40, details=daemon.log_tail)
    assert not any("does not hold any more" in warning for warning in daemon.get_json("/status")["warnings"])


def test_clients_with_certificates(world):
    """A listener's client certificates: revoked ones are hung up on, at the doors of mail, HTTPS and X.400; hard wants an answer."""
    daemon, trust = world.daemon, str(world.authority.pem)
    good, bad, late = (world.certificate(label, world.host.responder()) for label in ("good", "bad", "late"))
    world.host.revoke(bad)
    daemon.config["listener"].append({"kind": "mx", "name": "strict", "address": VIA + ":0", "tls": "required", "client_ca": trust,
                                      "require_client_certificate": True})
    daemon.config["http"]["tls"] = {"address": VIA + ":0", "client_ca": trust}
    daemon.config["x400"] = {"domain": "C=DE;A= ;P=NORTH", "tls": {"address": VIA + ":0", "client_ca": trust}}

    def lets_in(certificate) -> set[str]:
        context = daemon.tls_context()
        context.load_cert_chain(certificate.cert, certificate.key)
        doors = set()
        with contextlib.suppress(smtplib.SMTPException, OSError), smtplib.SMTP(VIA, daemon.port("strict"), timeout=30) as client:
            client.starttls(context=context)
            client.ehlo()
            doors.add("mail")
        with contextlib.suppress(OSError, http.client.HTTPException):
            link = http.client.HTTPSConnection(VIA, daemon.port("https"), context=context, timeout=30)
            link.request("GET", "/healthz")
            doors.add("https" if link.getresponse().status == 200 else "refused")
        with contextlib.suppress(Gone, OSError):
            try:
                with connect(daemon.port("x400s"), tls=context):
                    doors.add("a stranger bound")
            except Refused:  # by the bind, and so past TLS
                doors.add("x400")
        return doors
    world.start()
    assert lets_in(good) == DOORS and lets_in(bad) == set()
    assert world.host.asked == ["/ocsp"] * 2, "once for each, whatever the door"
    world.host.answer_with(503)
    assert lets_in(late) == DOORS, "soft"
    daemon.stop()
    daemon.config["tls"] = {"client_revocation": "hard"}
    daemon.start()
    assert lets_in(late) == set()
    assert "it is not known whether" in daemon.log_text() and "revocation.peer_refused" in daemon.log_text()


def test_signers_of_mail(world, workdir):
    """S/MIME: a revoked signer's signature is not valid, an unknown one's is said to be so or, by hard, not valid either."""
    daemon, to = world.daemon, f"bob@{LOCAL_DOMAIN}"
    people = {name: world.host.knows(world.authority.person(f"{name}@signing.example", kind="p256", more=[world.host.responder()]))
              for name in ("good", "bad", "late")}
    world.host.revoke(people["bad"])
    daemon.config["security"]["smime"]["trust"] = str(world.authority.pem)
    count = itertools.count(1)

    def verdict(name) -> str:
        sender = f"{name}@signing.example"
        signed = sealtools.cms_sign(b"Content-Type: text/plain\r\n\r\nsigned\r\n", people[name], workdir)
        daemon.send(sender, [to], sealtools.under_header(signed, sender, to), listener="mx")
        raw = daemon.await_mail(to, count=next(count))
        return mimebytes.field([one for one in raw if sender.encode() in one][-1], "X-Postern-Seal").decode()
    world.start()
    assert "signature=valid; signer=good@signing.example; revocation=good" in verdict("good")
    said = verdict("bad")
    assert "signature=invalid" in said and "is_revoked_at_2025-01-01" in said, said
    assert world.host.asked == ["/ocsp"] * 2
    world.host.answer_with(503)
    assert "signature=valid; signer=late@signing.example; revocation=unknown" in verdict("late")
    daemon.stop()
    daemon.config["security"]["smime"]["revocation"] = "hard"
    daemon.start()
    count = itertools.count(4)
    said = verdict("late")
    assert "signature=invalid" in said and "not_known" in said, said


def test_rules_act_on_what_a_signature_is_worth(world, workdir):
    """[[verdict]] signature=...: what a revoked signer sends is refused, what was changed is held, what nobody signed is labelled."""
    daemon, to = world.daemon, f"bob@{LOCAL_DOMAIN}"
    people = {name: world.host.knows(world.authority.person(f"{name}@signing.example", kind="p256", more=[world.host.responder()]))
              for name in ("good", "bad", "late")}
    world.host.revoke(people["bad"])
    (zone := workdir / "zone.json").write_text('{"records": {}}')
    daemon.config |= {"authentication": {"enabled": True}, "dns": {"fixture_file": str(zone)}}
    daemon.config["security"]["smime"] |= {"trust": str(world.authority.pem), "revocation": "hard"}
    daemon.config["verdict"] = [{"when": ["signature=revoked"], "action": "reject", "text": "signed by a revoked certificate"},
                                {"when": ["signature=broken"], "action": "quarantine", "text": "changed on its way"},
                                {"when": ["signature=temperror"], "action": "reject"},
                                {"when": ["signature!=valid"], "action": "label", "text": "unproven"}]
    world.start()

    def signed(name) -> bytes:
        return sealtools.cms_sign(b"Content-Type: text/plain\r\n\r\nsigned\r\n", people[name], workdir)

    def sends(name, entity):
        sender = f"{name}@signing.example"
        daemon.send(sender, [to], sealtools.under_header(entity, sender, to), listener="mx")

    def refusal(name, entity=None) -> str:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            sends(name, entity or signed(name))
        return f"{refused.value.smtp_code} {refused.value.smtp_error.decode()}"
    sends("good", signed("good"))
    sends("good", b"Content-Type: text/plain\r\n\r\nunsigned\r\n")
    stored = daemon.await_mail(to, count=2)
    assert sorted(b"X-Postern-Label: unproven" in raw for raw in stored) == [False, True]
    assert refusal("bad") == "550 5.7.1 signed by a revoked certificate"
    (his := workdir / "bob.crt").write_bytes(daemon.certificate_of(to))
    assert refusal("bad", sealtools.cms_encrypt(signed("bad"), [his], workdir)) == "550 5.7.1 signed by a revoked certificate", "encrypted around it"
    sends("good", signed("good").replace(b"signed\r\n", b"changed\r\n", 1))
    held = daemon.await_queue_state(to, "held")
    assert held["reason"] == "changed on its way"
    assert world.host.asked == ["/ocsp"] * 2, "rules and opening ask once"
    world.host.answer_with(503)
    assert refusal("late").startswith("451 4.4.3")


def test_what_cannot_be_opened_now_is_not_taken_for_unsigned(world, workdir):
    """A rule on signatures does not refuse for good what a sealed engine cannot open: it comes again."""
    daemon, sender, to = world.daemon, "carol@signing.example", f"bob@{LOCAL_DOMAIN}"
    (zone := workdir / "zone.json").write_text('{"records": {}}')
    daemon.config |= {"authentication": {"enabled": True}, "dns": {"fixture_file": str(zone)},
                      "verdict": [{"when": ["signature!=valid"], "action": "reject", "text": "not signed"}]}
    world.start()
    (his := workdir / "bob.crt").write_bytes(daemon.certificate_of(to))
    raw = sealtools.under_header(sealtools.cms_encrypt(b"Content-Type: text/plain\r\n\r\nunsigned\r\n", [his], workdir), sender, to)

    def refusal(client) -> str:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            send_exact(client, sender, [to], raw)
        return f"{refused.value.smtp_code} {refused.value.smtp_error.decode()}"
    with daemon.smtp("mx") as client:  # one that is open when the engine is sealed
        assert refusal(client) == "550 5.7.1 not signed"
        assert daemon.vault().call("PUT", "sys/seal").status == 204
        assert refusal(client).startswith("451 4.3.0")


def test_settings_are_checked(daemon):
    daemon.config["outbound"] = {"revocation": "maybe"}
    assert "outbound.revocation" in daemon.start_expecting_failure()[1]
    daemon.config["outbound"] = {"revocation_networks": ["everywhere"]}
    assert "outbound.revocation_networks" in daemon.start_expecting_failure()[1]


def test_local_mail_is_no_business_of_it(world):
    world.start()
    world.daemon.submit(to=f"alice@{LOCAL_DOMAIN}")
    world.daemon.await_mail(f"alice@{LOCAL_DOMAIN}")
    assert world.status()["good"] == world.status()["unknown"] == 0
