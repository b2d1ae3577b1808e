"""The road out and in with Debian's Postfix at its other end: do the two agree about DANE (RFC 7672) and MTA-STS (RFC 8461) in every good and bad case?

One network for all tests: a root that Knot signs, Unbound that validates it for both sides, a Postfix with a mail host for each case, one that sends, with
Debian's postfix-mta-sts-resolver beside it, a Postern that sends and one that receives, on addresses 127.77.62.* and 127.77.63.*."""

import contextlib
import dataclasses
import itertools
import pathlib
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from peers import mimebytes
from peers.base import run, wait_until
from peers.certs import Issued, TestAuthority
from peers.daemon import HOSTNAME, LOCAL_DOMAIN, Daemon, default_config
from peers.postfix import Postfix, PostfixReceiver
from peers.signed_dns import SignedDns, tlsa
from peers.stshost import StsHost
from peers.stsresolver import StsResolver
from peers.unbound import UnboundServer

_KNOT, _UNBOUND, _STS, _OLD_STS, _SILENT, _CLOSED, _DOOR = (f"127.77.63.{host}" for host in (53, 54, 80, 81, 82, 83, 25))
_DEADLINE = 60  # seconds: RFC 8461 3.3 suggests a minute for a policy


@dataclasses.dataclass
class Case:
    """A domain, its mail host at Postfix and what becomes of mail for it."""
    tlsa: tuple[str, ...] = ()             # forms of peers.signed_dns.tlsa; usages 0 and 2 are for the authority's certificate
    road: str = ""                         # it arrives by this road
    waits: tuple[str, ...] = ()            # it waits, with these words
    names: tuple[str, ...] = ()            # of the certificate, instead of the host's; {} is the domain
    days: tuple[int, int] = (-1, 90)
    issuer: str = "known"                  # to Postern; or "unknown", "middle" (below the unknown one), "self"
    chain: bool = True                     # whether the issuers are sent along
    starttls: bool = True
    top: str = "example"
    alias: bool = False                    # the MX is a CNAME of the host
    sni: bool = False                      # the host shows another certificate to clients that do not name it
    policy: str = ""                       # mode of the MTA-STS policy
    listed: str = "{}"                     # the host that it names; {} is the MX
    connects: bool = True                  # whether Postfix hears of it at all
    result: str = ""                       # what the TLS report says that went wrong (RFC 8460 4.3); only looked at with a policy and no records


OTHER = ("another.name.example",)
DANE = {
    # RFC 7672 3.1.1: usage 3 looks at the key or the certificate alone; who issued it, for whom and until when does not matter.
    "ee-key": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)"),
    "ee-key-self-signed": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)", issuer="self"),
    "ee-key-expired": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)", days=(-90, -1)),
    "ee-key-another-name": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)", names=OTHER),
    "ee-key-512": Case(("3 1 2",), road="TLSv1.3 verified by DANE (3 1 2)", issuer="self"),
    "ee-key-whole": Case(("3 1 0",), road="TLSv1.3 verified by DANE (3 1 0)", issuer="self"),
    "ee-certificate": Case(("3 0 1",), road="TLSv1.3 verified by DANE (3 0 1)", issuer="self"),
    "ee-certificate-expired": Case(("3 0 1",), road="TLSv1.3 verified by DANE (3 0 1)", issuer="self", days=(-90, -1), names=OTHER),
    "ee-key-sni": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)", issuer="self", sni=True),
    "ee-wrong": Case(("3 1 1 wrong",), waits=("no TLSA record matches",)),
    "ee-certificate-wrong": Case(("3 0 1 wrong",), waits=("no TLSA record matches",)),
    # RFC 7672 3.1.2, 3.2.2: usage 2 wants a path to the anchor, which is sent along, dates and a name. Whom the route trusts does not matter.
    "ta-certificate": Case(("2 0 1",), road="TLSv1.3 verified by DANE (2 0 1)", issuer="unknown"),
    "ta-key": Case(("2 1 1",), road="TLSv1.3 verified by DANE (2 1 1)", issuer="unknown"),
    "ta-key-512": Case(("2 1 2",), road="TLSv1.3 verified by DANE (2 1 2)", issuer="unknown"),
    "ta-between": Case(("2 1 1",), road="TLSv1.3 verified by DANE (2 1 1)", issuer="middle"),
    "ta-next-hop": Case(("2 0 1",), road="TLSv1.3 verified by DANE (2 0 1)", issuer="unknown", names=("{}",)),
    "ta-another-name": Case(("2 0 1",), waits=("names of the server",), issuer="unknown", names=OTHER),
    "ta-key-another-name": Case(("2 1 1",), waits=("names of the server",), names=OTHER),
    "ta-expired": Case(("2 0 1",), waits=("expired",), issuer="unknown", days=(-90, -1)),
    "ta-not-sent": Case(("2 0 1",), waits=("no TLSA record matches",), issuer="unknown", chain=False),
    "ta-wrong": Case(("2 0 1 wrong",), waits=("no TLSA record matches",)),
    # RFC 7672 2.2.3, 3.1.3, RFC 7671 9: one of several is enough; of a digest that is too weak beside another, or of no use to SMTP, none is.
    "several": Case(("3 1 1 wrong", "2 0 1 wrong", "3 1 1"), road="TLSv1.3 verified by DANE (3 1 1)", issuer="self"),
    "several-kinds": Case(("3 1 1 wrong", "2 1 1"), road="TLSv1.3 verified by DANE (2 1 1)", issuer="unknown"),
    "several-digests": Case(("3 1 1 wrong", "3 1 2"), road="TLSv1.3 verified by DANE (3 1 2)", issuer="self"),
    "weaker-digest": Case(("3 1 1", "3 1 2 wrong"), waits=("no TLSA record matches",)),
    "some-unusable": Case(("1 1 1 wrong", "3 1 1"), road="TLSv1.3 verified by DANE (3 1 1)", issuer="self"),
    "some-unusable-wrong": Case(("1 1 1", "3 1 1 wrong"), waits=("no TLSA record matches",)),
    "unusable": Case(("0 0 1 wrong", "1 1 1 wrong", "3 1 9 wrong"), road="TLSv1.3 unverified", issuer="self"),
    "unusable-stripped": Case(("1 1 1",), waits=("STARTTLS", "TLSA records of mx."), starttls=False),
    "stripped": Case(("3 1 1",), waits=("STARTTLS", "TLSA records of mx."), starttls=False),
    # RFC 7672 2.1, 2.2: what fails is no "none"; what nobody signed binds nobody; a CNAME leads to the records of its end.
    "bogus-tlsa": Case(("3 1 1",), waits=("4.7.5", "could not be looked up"), connects=False),
    "refused-tlsa": Case(("3 1 1",), waits=("4.7.5", "could not be looked up"), connects=False),
    "bogus-zone": Case(("3 1 1",), waits=("4.4.3",), top="bogus", connects=False),
    "insecure-zone": Case(("3 1 1 wrong",), road="TLSv1.3 unverified", top="plain", issuer="self"),
    "insecure-stripped": Case(("3 1 1",), road="clear", top="plain", starttls=False),
    "alias": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)", alias=True, issuer="self"),
    "alias-sni": Case(("3 1 1",), road="TLSv1.3 verified by DANE (3 1 1)", alias=True, issuer="self", sni=True),
    "alias-wrong": Case(("3 1 1 wrong",), waits=("no TLSA record matches", "TLSA records of host.alias-wrong.example"), alias=True),
    "nothing-said": Case(road="TLSv1.3 unverified", issuer="self"),
}
STS = {
    # RFC 8461 4.1: the MX is one of the policy's and its certificate is good for its name.
    "sts-good": Case(policy="enforce", road="TLSv1.3 verified by MTA-STS"),
    "sts-good-unsigned": Case(policy="enforce", road="TLSv1.3 verified by MTA-STS", top="plain"),
    "sts-wildcard": Case(policy="enforce", road="TLSv1.3 verified by MTA-STS", listed="*.sts-wildcard.example"),
    "sts-sni": Case(policy="enforce", road="TLSv1.3 verified by MTA-STS", sni=True),
    "sts-another-name": Case(policy="enforce", waits=("not for mx.sts-another-name.example",), names=OTHER, result="certificate-host-mismatch"),
    "sts-domain-name": Case(policy="enforce", waits=("not for mx.sts-domain-name.example",), names=("{}",), result="certificate-host-mismatch"),
    "sts-expired": Case(policy="enforce", waits=("expired",), days=(-90, -1), result="certificate-expired"),
    "sts-unknown-issuer": Case(policy="enforce", waits=("demanded by the MTA-STS policy",), issuer="unknown", result="certificate-not-trusted"),
    "sts-self-signed": Case(policy="enforce", waits=("demanded by the MTA-STS policy",), issuer="self", result="certificate-not-trusted"),
    "sts-not-listed": Case(policy="enforce", waits=("mx.sts-not-listed.example is not one of the hosts",), listed="mx.elsewhere.example", connects=False,
                           result="validation-failure"),
    "sts-stripped": Case(policy="enforce", waits=("STARTTLS", "demanded by the MTA-STS policy"), starttls=False, result="starttls-not-supported"),
    # RFC 8461 5: a policy that is tested stops nothing.
    "sts-testing": Case(policy="testing", road="TLSv1.3 verified"),
    "sts-testing-self-signed": Case(policy="testing", road="TLSv1.3 unverified", issuer="self", result="certificate-not-trusted"),
    "sts-testing-not-listed": Case(policy="testing", road="TLSv1.3 verified", listed="mx.elsewhere.example", result="validation-failure"),
    "sts-testing-stripped": Case(policy="testing", road="clear", starttls=False, result="starttls-not-supported"),
    # RFC 8461 2: DANE goes before, whatever either says; records that SMTP has no use for leave it to the policy.
    "both-dane-good": Case(("3 1 1",), policy="enforce", road="TLSv1.3 verified by DANE (3 1 1)", issuer="self", listed="mx.elsewhere.example"),
    "both-dane-wrong": Case(("3 1 1 wrong",), policy="enforce", waits=("no TLSA record matches", "TLSA records of mx.both-dane-wrong.example")),
    "both-dane-wrong-testing": Case(("3 1 1 wrong",), policy="testing", waits=("no TLSA record matches",)),
    "both-unusable-good": Case(("1 1 1 wrong",), policy="enforce", road="TLSv1.3 verified by MTA-STS"),
    "both-unusable-wrong": Case(("1 1 1",), policy="enforce", waits=("demanded by the MTA-STS policy",), issuer="self"),
}
CASES = DANE | STS
# RFC 8461 3.3: hosts that serve no policy in time or in good TLS; what the log says of them, and the TLS report (RFC 8460 4.3.2.2).
FAULTS = {"unknown-issuer": ("certificate verify failed (unable to get local issuer certificate)", "sts-webpki-invalid"),
          "self-signed": ("certificate verify failed (self-signed certificate)", "sts-webpki-invalid"),
          "tls-1-1": ("alert protocol version", "sts-"),  # there is no word for it
          "closed": ("Connection refused", "sts-policy-fetch-error"), "nowhere": ("has no address", "sts-policy-fetch-error"),
          "hangs": ("nothing in time", "sts-policy-fetch-error"), "drips": ("nothing in time", "sts-policy-fetch-error"),
          "silent": ("TLS handshake: the peer sent nothing in time", "sts-policy-fetch-error")}


def signed_anew(one: Issued, by: Issued) -> Issued:
    """The same certificate, issued by another, or by itself."""
    old = one.certificate
    builder = (x509.CertificateBuilder().subject_name(old.subject).issuer_name(by.certificate.subject).public_key(old.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(old.not_valid_before).not_valid_after(old.not_valid_after))
    for extension in old.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    return Issued(one.cert.parent, one.cert.stem, one.key_object, builder.sign(by.key_object, hashes.SHA256()))


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def policy_text(mode, mx) -> str:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 604800\r\n"


class Network:
    """Everything there is: `stack` ends what was started."""

    def __init__(self, directory: pathlib.Path, stack: contextlib.ExitStack):
        self.known, self.unknown, self.middle = (TestAuthority(directory / name, f"Authority {name}") for name in ("known", "unknown", "middle"))
        self.middle.root = signed_anew(self.middle.root, self.unknown.root)
        self._labels = itertools.count()
        fallback = self.known.server("nobody.example")
        self.dns = SignedDns(directory / "dns", _KNOT).broken("_tcp.mx.bogus-tlsa.example.")
        self.sts, self.old_sts = StsHost(_STS, fallback), StsHost(_OLD_STS, fallback, ssl.TLSVersion.TLSv1_1)
        stack.callback(self.sts.stop)
        stack.callback(self.old_sts.stop)
        stack.enter_context(socket.create_server((_SILENT, 443)))  # nobody takes what it accepts
        self.receiver = PostfixReceiver(directory / "postfix", fallback)
        for number, (name, case) in enumerate(CASES.items(), 10):
            self._host(name, case, f"127.77.62.{number}")
        self._faulty_hosts()
        self.door = Door(directory / "door", self)
        stack.callback(self.door.daemon.stop)
        stack.enter_context(self.dns.start())
        stack.enter_context(UnboundServer(directory / "resolver", [], ["_tcp.mx.refused-tlsa.example."], _UNBOUND, 53,
                                          f"{_KNOT}@{self.dns.port}", self.dns.anchor).start())
        self.policies = stack.enter_context(StsResolver(directory / "policies", _UNBOUND, self.known.pem).start())
        stack.enter_context(self.receiver.start())
        self.sender = Postfix(directory / "sender", _SENDING.format(policies=self.policies.policy_map, roots=self.known.pem), "out.example.org")
        stack.enter_context(self.sender.resolve_by(_UNBOUND, directory / "resolv.conf").start())
        self.postern = Daemon(directory / "postern", default_config(), "postern-out")
        self.postern.config["dns"] = {"servers": [f"{_UNBOUND}@53"], "trust_anchor": str(self.dns.anchor), "timeout": "5s"}
        self.postern.config["outbound"] = {"mta_sts_ca": str(self.known.pem)}
        self.postern.config["queue"]["retry"] = ["1h"]
        self.postern.route("*", "mx", ca=str(self.known.pem))
        stack.enter_context(self.postern.start())
        self.begun, self.day = time.monotonic(), _today()
        for name in FAULTS:
            self.postern.submit(to=f"bob@fault-{name}.example")

    def _certificate(self, issuer, *names, days=(-1, 90)) -> tuple[Issued, list[Issued]]:
        """A certificate and those of its issuers."""
        authority, behind = {"known": (self.known, [self.known.root]), "unknown": (self.unknown, [self.unknown.root]),
                             "middle": (self.middle, [self.middle.root, self.unknown.root]), "self": (self.known, [])}[issuer]
        one = authority.server(*names, days=days, label=f"host-{next(self._labels)}")
        return (signed_anew(one, one) if issuer == "self" else one), behind

    def _host(self, name, case, address):
        domain = f"{name}.{case.top}"
        mx = f"mx.{domain}"
        host = f"host.{domain}" if case.alias else mx
        certificate, behind = self._certificate(case.issuer, *(one.format(domain) for one in case.names or [host]), days=case.days)
        certificate.both.write_bytes(b"".join([certificate.key_pem, certificate.cert_pem, *(one.cert_pem for one in behind if case.chain)]))
        tls = f"smtpd_tls_chain_files={certificate.both}" if case.starttls else "smtpd_tls_security_level=none"
        if case.sni:
            certificate.both.with_suffix(".sni").write_text(f"{host} {certificate.both}\n")
            tls = f"tls_server_sni_maps=texthash:{certificate.both.with_suffix('.sni')}"
        self.receiver.listen(f"{address}:25", f"syslog_name={name}", tls)
        self.dns.add(f"{domain}. MX 10 {mx}.", f"{host}. A {address}")
        if case.alias:
            self.dns.add(f"{mx}. CNAME {host}.")
        for form in case.tlsa:
            of = behind[0] if form[0] in "02" and behind else certificate
            self.dns.add(f"_25._tcp.{host}. TLSA {tlsa(form, of.certificate)}")
        if case.policy:
            self._policy(domain, policy_text(case.policy, case.listed.format(mx)))

    def _policy(self, domain, text, at=_STS, issuer="known", **options):
        host = f"mta-sts.{domain}"
        certificate, _ = self._certificate(issuer, host)
        (self.old_sts if at == _OLD_STS else self.sts).serve(host, certificate, text, **options)
        self.dns.add(f'_mta-sts.{domain}. TXT "v=STSv1; id=1;"', *([f"{host}. A {at}"] if at else []))

    def _faulty_hosts(self):
        """Policies that would keep all mail back, at hosts that they cannot be had from."""
        self.receiver.listen("127.77.62.9:25", "syslog_name=faults")
        enforced = policy_text("enforce", "mx.elsewhere.example")
        options = {"unknown-issuer": {"issuer": "unknown"}, "self-signed": {"issuer": "self"}, "tls-1-1": {"at": _OLD_STS}, "closed": {"at": _CLOSED},
                   "nowhere": {"at": None}, "hangs": {"pause": 3600.0}, "drips": {"pause": 1.0}, "silent": {"at": _SILENT}}
        for name in FAULTS:
            self._policy(f"fault-{name}.example", enforced, **options[name])
            self.dns.add(f"fault-{name}.example. MX 10 mx.fault-{name}.example.", f"mx.fault-{name}.example. A 127.77.62.9")

    def road(self, domain) -> str:
        """The road that the audit record of the delivery names."""
        def found():
            facts = [entry["facts"] for entry in self.postern.audit() if entry["kind"] == "message.delivered"]
            return next((one["road"] for one in facts if one["route"] == f"mx:{domain}"), None)
        return wait_until(found, f"the audit record of a delivery to {domain}", details=self.postern.log_tail)

    def reported(self, domain) -> set[tuple[str, str]]:
        """Policy types of the TLS reports about that domain, with what went wrong ("": nothing)."""
        found = set()
        for day in {self.day, _today()}:
            for one in self.postern.api_list("reports", f"/reports/tls/{day}"):
                for policy in one["report"]["policies"] if one["domain"] == domain else []:
                    kind, failures = policy["policy"]["policy-type"], policy.get("failure-details", [])
                    found |= {(kind, failure["result-type"]) for failure in failures} or {(kind, "")}
        return found

    def reaches_the_door(self, to, judgement="Verified"):
        """Postfix delivers, thinks that of the certificate ("Verified", "Trusted"), and Postern has the mail."""
        told = self.sender.forward(to)
        assert f" {judgement} TLS connection established to " in told and f"[{_DOOR}]:25: TLSv1.3 " in told, told
        assert "status=sent (250 2.0.0 accepted as " in told, told
        got, = self.door.daemon.await_mail(to)
        assert b"with ESMTPS" in got and b"(TLSv1.3" in got, "so says Postern's own Received"

    def stays_out(self, to, reason):
        """Postfix finds that wrong about the certificate, and keeps the mail."""
        told = self.sender.forward(to)
        assert "certificate verification failed for " in told and reason in told, told
        assert f" Untrusted TLS connection established to " in told and f"[{_DOOR}]:25: TLSv1.3 " in told, told
        assert "dsn=4.7.5, status=deferred (Server certificate not " in told, told
        assert self.door.daemon.mailbox(to) == []

    def told(self, name) -> str:
        """What the host of that case has logged."""
        return "\n".join(line for line in self.receiver.log_text().splitlines() if f" {name}/smtpd[" in line)

    def hears(self, name, words):
        wait_until(lambda: words in self.told(name), f"{words!r} in the log of {name}", 10, details=self.receiver.log_tail)


_SENDING = """
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane
smtp_tls_policy_maps = {policies}
smtp_tls_CAfile = {roots}
smtp_tls_loglevel = 1
smtp_host_lookup = dns
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_connection_cache_on_demand = no
minimal_backoff_time = 1000s
"""
_STS_MX, _UNLISTED_MX = f"sts.{LOCAL_DOMAIN}", "mx.in-unlisted.example"
_STS_DOMAINS = [f"in-{word}.example" for word in ("good", "wrong", "unlisted", "cached", "testing")]


class Door:
    """Postern as the receiver, at port 25 with a certificate from files, and its policy at port 443. `certificates` has what shows() can show."""

    def __init__(self, directory, network):
        self.network = network
        self._authority = TestAuthority(directory / "authority", "Authority of the door")
        self._authority.root = signed_anew(self._authority.root, network.known.root)
        policies = [f"mta-sts.{domain}" for domain in _STS_DOMAINS]
        full = (HOSTNAME, _STS_MX, "mx.in-ta.example", "mx.in-ta-root.example", *policies)
        self.certificates = {label: self._authority.server(*full, label=label) for label in ("first", "next")}
        self.certificates["others"] = self._authority.server(HOSTNAME, _UNLISTED_MX, *policies, label="others")  # good for the policy's host, not for the MX
        self.certificates["unknown"] = network.unknown.server(*full, label="door")
        self.daemon = Daemon(directory, default_config(), "postern-in")
        self._config = self.daemon.config
        self._config["http"]["tls"] = {"address": f"{_DOOR}:443"}
        self._config["listener"].append({"kind": "mx", "name": "world", "address": f"{_DOOR}:25", "tls": "required"})
        self._config["inbound"] = {"mta_sts": "enforce", "mx": [_STS_MX]}
        self._config["domains"]["local"] += [*_STS_DOMAINS, "in-ta-root.example", *(f"in-{word}.example" for word, _, _ in INBOUND if word)]
        self._shown = "first"
        self._show().start()
        self._publish()

    def _show(self):
        return self.daemon.show_certificate(self.certificates[self._shown], self._authority.root, self.network.known.root)

    def _publish(self):
        """The records that Postern wants, as it says them, also under other names; and wrong ones."""
        dns = self.network.dns
        said = self.daemon.json("dns", "records", LOCAL_DOMAIN, "--next-certificate", self.certificates["next"].cert)["records"]
        now, after = (record["data"] for record in said if record["kind"] == "tlsa")
        assert {record["name"] for record in said if record["kind"] == "tlsa"} == {f"_25._tcp.{HOSTNAME}"}
        dns.add(f"{LOCAL_DOMAIN}. MX 10 {HOSTNAME}.", f"{HOSTNAME}. A {_DOOR}", *(f"_25._tcp.{HOSTNAME}. TLSA {data}" for data in (now, after)))
        anchor, root = (tlsa("2 1 1", one.certificate) for one in (self._authority.root, self.network.known.root))
        for word, data in {"another-name": now, "former": now, "dane-wrong": "3 1 1 " + "00" * 32, "too-early": after, "next": after, "ta": anchor,
                           "ta-another-name": anchor, "ta-root": root}.items():
            dns.add(f"in-{word}.example. MX 10 mx.in-{word}.example.", f"mx.in-{word}.example. A {_DOOR}", f"_25._tcp.mx.in-{word}.example. TLSA {data}")
        dns.add(f"{_STS_MX}. A {_DOOR}", f"{_UNLISTED_MX}. A {_DOOR}")
        for domain in _STS_DOMAINS:
            dns.add(f"{domain}. MX 10 {_UNLISTED_MX if 'unlisted' in domain else _STS_MX}.", f"mta-sts.{domain}. A {_DOOR}", self._announcement(domain))

    def _announcement(self, domain) -> str:
        records = self.daemon.json("dns", "records", domain)["records"]
        return next(f"{record['name']}. TXT {record['data']}" for record in records if record["name"] == f"_mta-sts.{domain}")

    def shows(self, certificate: str, mode="enforce"):
        """From now on: that certificate, and a policy of that mode, announced under its new id."""
        before, self._shown = (self._shown, self._config["inbound"]["mta_sts"]), certificate
        self._config["inbound"]["mta_sts"] = mode
        if before == (certificate, mode):
            return
        self._show().restart()
        if before[1] != mode:
            for domain in _STS_DOMAINS:
                self.network.dns.remove(f"_mta-sts.{domain}. TXT").add(self._announcement(domain))
            self.network.dns.reload()


@pytest.fixture(scope="module")
def network(session_directory):
    directory = session_directory / "road"
    directory.mkdir()
    with contextlib.ExitStack() as stack:
        yield Network(directory, stack)


# Postern to Postfix.

@pytest.mark.parametrize("name", CASES)
def test_mail_to_postfix(network, name):
    """Does mail arrive where it may, by the right road, and wait where it must, with the reason?"""
    case = CASES[name]
    domain = f"{name}.{case.top}"
    raw = network.postern.submit(to=f"bob@{domain}")
    if case.road:
        got, = network.receiver.wait(f"bob@{domain}", details=network.postern._queue_details)
        assert mimebytes.field(got, "Message-ID") == mimebytes.field(raw, "Message-ID")
        assert network.road(domain) == case.road
        network.hears(name, " TLS connection established from " if case.starttls else " client=")
        assert (": TLSv1.3 with cipher" in network.told(name)) == case.starttls, network.told(name)
    else:
        said = network.postern.await_attempt(f"bob@{domain}")["last_reply"]
        assert said.startswith("451 ") and all(word in said for word in case.waits), said
        if case.connects:
            network.hears(name, "lost connection after STARTTLS" if case.starttls else "lost connection after EHLO")
        assert not network.receiver.messages(f"bob@{domain}") and "client=" not in network.told(name), "not even MAIL was said"
        assert (" connect from " in network.told(name)) == case.connects, network.told(name)
    if case.policy and not case.tlsa:
        assert network.reported(domain) == {("sts", case.result)}


@pytest.mark.parametrize("name", DANE)
def test_postfix_judges_the_same(network, name):
    """Does Postfix as the sender, which RFC 7672 was written with, do to that host what Postern does?"""
    case = DANE[name]
    domain = f"{name}.{case.top}"
    told = network.sender.forward(f"eve@{domain}")
    assert ("status=sent" in told, "Verified TLS connection established to " in told) == (bool(case.road), "by DANE" in case.road), told
    if case.road:
        network.receiver.wait(f"eve@{domain}")
    else:
        assert "status=deferred" in told and not network.receiver.messages(f"eve@{domain}"), told


# Postfix to Postern.

# RFC 7672 3.1: the domain in-WORD.example (none: Postern's own), the certificate that is shown, and what Postfix finds wrong about it.
_NO_MATCH, _NAME = "num=65:no matching DANE TLSA records", "num=62:hostname mismatch"
INBOUND = [("", "first", ""), ("another-name", "first", ""), ("ta", "first", ""), ("ta-another-name", "first", _NAME), ("dane-wrong", "first", _NO_MATCH),
           ("too-early", "first", _NO_MATCH), ("", "next", ""), ("next", "next", ""), ("former", "next", _NO_MATCH)]


@pytest.mark.parametrize(("word", "shown", "reason"), INBOUND, ids=[f"{word or 'own'}-{shown}" for word, shown, _ in INBOUND])
def test_mail_from_postfix_by_dane(network, word, shown, reason):
    """Does Postfix find Postern's certificate to be what Postern's own TLSA records say: this one's and the next one's, under any name of the host?"""
    network.door.shows(shown)
    to = f"{shown}@in-{word}.example" if word else f"{shown}@{LOCAL_DOMAIN}"
    network.stays_out(to, reason) if reason else network.reaches_the_door(to)


def test_mail_from_postfix_by_a_root(network):
    """RFC 7672 3.1.2: a host with a record of usage 2 "MUST include the TA certificate ... even when it is a self-signed root"."""
    network.door.shows("first")
    network.reaches_the_door("bob@in-ta-root.example")


@pytest.mark.parametrize(("word", "shown", "mode", "reason"), [
    ("good", "first", "enforce", ""), ("wrong", "others", "enforce", _NAME), ("unlisted", "others", "enforce", _NAME), ("testing", "others", "testing", "")],
    ids=["good", "wrong", "unlisted", "testing"])
def test_mail_from_postfix_by_the_policy_of_postern(network, word, shown, mode, reason):
    """RFC 8461 4.1, 5: does Debian's postfix-mta-sts-resolver read the policy that Postern serves, and Postfix hold to it?

    The certificate "others" is not for the host that the policy names; it is for the MX of in-unlisted.example, which the policy does not name."""
    network.door.shows(shown, mode)
    to = f"bob@in-{word}.example"
    network.stays_out(to, reason) if reason else network.reaches_the_door(to, "Verified" if mode == "enforce" else "Trusted")
    read = [line for line in network.policies.log_text().splitlines() if f"Parsed policy for domain in-{word}.example: " in line]
    assert len(read) == 1 and f"'mode': '{mode}'" in read[0] and f"'mx': ['{_STS_MX}']" in read[0], read


def test_a_policy_that_postfix_knows_outlives_the_trust_in_a_certificate(network):
    """RFC 8461 5.1: with a certificate by an authority that nobody trusts the policy cannot be had anew, and the former one keeps mail back."""
    network.door.shows("first")
    network.reaches_the_door("first@in-cached.example")
    network.door.shows("unknown")
    network.stays_out("second@in-cached.example", "untrusted issuer /CN=Authority unknown")


# Hosts of policies.

def test_a_host_of_old_tls_does_serve_its_policy(network):
    """So that what Postern says of it is about the version (RFC 8996), and nothing else."""
    host = "mta-sts.fault-tls-1-1.example"
    got = run(["curl", "-sS", "--cacert", network.known.pem, "--tls-max", "1.1", "--tlsv1.1", "--ciphers", "DEFAULT@SECLEVEL=0",
               "--connect-to", f"{host}:443:{_OLD_STS}:443", f"https://{host}/.well-known/mta-sts.txt"])
    assert b"mode: enforce" in got.stdout


@pytest.mark.parametrize("name", FAULTS)
def test_a_host_that_serves_no_policy_holds_up_no_mail(network, name):
    """RFC 8461 3.3: does Postern give up in time, whatever the host does, say why, and send as without a policy? All are asked since the network began."""
    domain, (reason, result) = f"fault-{name}.example", FAULTS[name]
    network.receiver.wait(f"bob@{domain}", seconds=max(5.0, network.begun + _DEADLINE + 15 - time.monotonic()), details=network.postern._queue_details)
    assert network.road(domain) == "TLSv1.3 unverified"
    said, = (line for line in network.postern.log_text().splitlines() if " sts.fetch_failed " in line and f" domain={domain} " in line)
    assert reason in said
    (kind, told), = network.reported(domain)
    assert kind == "sts" and told.startswith(result)
    begun = time.monotonic()
    network.postern.submit(to=f"eve@{domain}")
    network.receiver.wait(f"eve@{domain}", details=network.postern._queue_details)
    assert time.monotonic() - begun < 10, "a failed fetch is not repeated at once"
