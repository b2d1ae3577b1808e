"""Mail is judged by the live resolver while the name servers behind it lie, send rubbish, answer without end or never: does each session get its answer in
time, with the verdict that the RFC names, and does other mail not notice? And the reverse name and names in U-labels, over the wire."""

import contextlib
import ipaddress
import re
import smtplib
import threading
import time

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from peers import dkimtools, mimebytes
from peers.base import wait_until
from peers.daemon import LOCAL_DOMAIN, send_exact
from peers.hostile_dns import (FORMERR, NOTIMP, NXDOMAIN, REFUSED, SERVFAIL, HostileDns, address, alias, beside, code, cut_off, cut_short, drip, endless,
                               exchange, garbage, has, pointer, pointer_loop, poison, reset, silent, strings, truncated, txt, wrong_identity, wrong_name)
from peers.memory import MemoryGrowth

CLIENT = "192.0.2.10"
LIMIT = 2  # authentication.dns_timeout, in seconds
SLACK = 1.5  # for everything that is not DNS, on a busy machine
BOUND = 32  # MiB that all processes together may take meanwhile: caches that fill for the first time are in it


def key_pair():
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, dkimtools.dns_record(public.decode())


PRIVATE, KEY = key_pair()
SPF, DMARC = f"v=spf1 ip4:{CLIENT} -all", "v=DMARC1; p=none"


def zone(domain: str, spf, key, dmarc) -> dict:
    """The three names that are asked about a domain."""
    return {domain: spf, f"sel._domainkey.{domain}": key, f"_dmarc.{domain}": dmarc}


def each(behaviour):
    """That of the good records, for each of the three names."""
    return [behaviour(txt(text)) for text in (SPF, KEY, DMARC)]


def good(domain: str) -> dict:
    return zone(domain, *each(has))


def large(size: int):
    """The three good records, made that long."""
    networks = "".join(f"ip4:10.{100 + i // 8100}.{10 + i // 90 % 90}.{10 + i % 90} " for i in range((size - 100) // 17))
    spf, key, dmarc = f"v=spf1 {networks}ip4:{CLIENT} -all", f"{KEY}; n={'x' * (size - len(KEY) - 4)}", f"{DMARC}; x={'y' * (size - len(DMARC) - 4)}"
    return [has(txt(text)) for text in (spf, key, dmarc)]


def many():
    """As many records beside the good one as a message of 64 KiB holds."""
    return [has(*[txt(f"{i:x}") for i in range(3900)], txt(text)) for text in (SPF, DMARC)]


def several(text: str, count: int):
    return has(*[txt(text.format(i)) for i in range(count)])


PASS, TEMPORARY, ABSENT = ("pass",) * 3, ("temperror",) * 3, ("none", "permerror", "none")
# RFC 7208 4.4: an RCODE that is neither 0 nor 3, and a timeout, are temperror; 4.5: no record is none, several are permerror.
# RFC 6376 6.1.2: no answer is TEMPFAIL, no key and a bad one PERMFAIL. RFC 9989 4.10, 5.3: temperror; no record, or several, are none.
CASES = {  # behaviours of the SPF, key and DMARC record; SPF, DKIM, DMARC
    "honest": (each(has), PASS),
    "itself": ([alias("itself.example"), alias("sel._domainkey.itself.example"), alias("_dmarc.itself.example")], TEMPORARY),
    "loop": ([alias("a.loop.example")] * 3, TEMPORARY),
    "endless": ([endless] * 3, TEMPORARY),
    "elsewhere": ([alias("1.hoster.example"), alias("key.hoster.example"), alias("dmarc.hoster.example")], PASS),
    "nowhere": ([alias("nothing.hoster.example")] * 3, ABSENT),
    "tcp": (each(lambda record: truncated(has(record))), PASS),
    "tcp-reset": ([truncated(reset)] * 3, TEMPORARY),
    "tcp-ends-in-length": ([truncated(cut_off(1))] * 3, TEMPORARY),
    "tcp-ends-in-message": ([truncated(cut_off(40))] * 3, TEMPORARY),
    "tcp-garbage": ([truncated(garbage)] * 3, TEMPORARY),
    "16KiB": (large(16 << 10), PASS),
    "64KiB": (large(64900), PASS),
    "wrong-name": (each(lambda record: wrong_name("other.example", record)), TEMPORARY),
    "records-of-another": (each(lambda record: beside("other.example", record)), ABSENT),
    "garbage": ([garbage] * 3, TEMPORARY),
    "pointer-loop": ([pointer_loop] * 3, TEMPORARY),
    "cut-short": (each(cut_short), TEMPORARY),
    "nxdomain": ([code(NXDOMAIN)] * 3, ABSENT),
    "servfail": ([code(SERVFAIL)] * 3, TEMPORARY),
    "refused": ([code(REFUSED)] * 3, TEMPORARY),
    "formerr": ([code(FORMERR)] * 3, TEMPORARY),
    "notimp": ([code(NOTIMP)] * 3, TEMPORARY),
    "many": ([many()[0], has(txt(KEY)), many()[1]], PASS),
    "many-policies": ([several("v=spf1 ip4:10.0.0.1 ip4:192.0.2.{} -all", 1000), several(KEY + "; n={}", 130), several(DMARC + "; x={}", 1500)],
                      ("permerror", "pass", "none")),
    "many-empty": ([has(*[strings("")] * 5000)] * 3, ABSENT),
    "many-exchanges": ([has(txt("v=spf1 mx -all"), *[exchange(f"{i:x}.example") for i in range(2200)]), *each(has)[1:]],
                       ("permerror", "pass", "pass")),  # RFC 7208 4.6.4: more than ten
    "many-addresses": ([has(txt("v=spf1 a -all"), *[address(f"10.1.{i // 250}.{i % 250}") for i in range(4000)], address(CLIENT)), *each(has)[1:]], PASS),
    "255-empty-strings": ([has(strings(*[""] * 255))] * 3, ABSENT),
    "empty-strings-between": ([has(strings("", "v=sp", "", "f1 +a", *[""] * 200, "ll")), has(strings(KEY[:200], "", "", KEY[200:])),
                               has(strings("v=DMARC1;", "", " p=none"))], PASS),  # RFC 7208 3.3: put together without a space
}
IN_VAIN = {  # those that take all the time there is
    "tcp-drip": (each(lambda record: truncated(drip(record))), TEMPORARY),
    "tcp-silent": ([truncated(silent)] * 3, TEMPORARY),
    "wrong-id": (each(wrong_identity), TEMPORARY),
    "silent": ([silent] * 3, TEMPORARY),
}
MORE = {"a.loop.example": alias("b.loop.example"), "b.loop.example": alias("a.loop.example"), "*.endless.example": endless,
        "1.hoster.example": alias("2.hoster.example"), "2.hoster.example": has(txt(SPF)), "key.hoster.example": has(txt(KEY)),
        "dmarc.hoster.example": has(txt(DMARC))}


class Proxied(smtplib.SMTP):
    """A client whose address a load balancer tells."""

    def __init__(self, port, source=CLIENT):
        self._source = source
        super().__init__("127.0.0.1", port, local_hostname="client.example", timeout=30)
        self.ehlo()

    def _get_socket(self, host, port, timeout):
        link = super()._get_socket(host, port, timeout)
        family, own = ("TCP6", "2001:db8::1") if ":" in self._source else ("TCP4", "192.0.2.1")
        link.sendall(f"PROXY {family} {self._source} {own} 5000 25\r\n".encode())
        return link


@pytest.fixture
def judged_by(daemon):
    """Starts the daemon with that name server behind its resolver."""
    with contextlib.ExitStack() as stack:
        def start(table, tcp=True, **authentication):
            dns = stack.enter_context(HostileDns(table, tcp))
            daemon.config["dns"] = {"servers": [dns.forwarder], "trust_anchor": ""}
            daemon.config["authentication"] = {"enabled": True, "dns_timeout": f"{LIMIT}s", **authentication}
            daemon.config["listener"].append({"kind": "mx", "name": "world", "address": "127.0.0.1:0", "tls": "none", "proxy_from": ["127.0.0.0/8"]})
            daemon.start()
            return dns
        yield start
        daemon.stop()


def message(author: str, signed_by: str | None = None) -> bytes:
    raw = "\r\n".join([f"From: <{author}>", f"To: <bob@{LOCAL_DOMAIN}>", "Subject: judged", "Date: Wed, 25 Nov 2026 12:00:00 +0000",
                       f"Message-ID: <{time.monotonic_ns()}@x.example>", "", "A text.", ""]).encode()
    return dkim.sign(raw, b"sel", signed_by.encode(), PRIVATE) + raw if signed_by else raw


def bring(daemon, domain: str, to: str = "bob", source=CLIENT, options=(), raw: bytes | None = None) -> float:
    """A message of that domain, signed; how many seconds the session took."""
    raw = message(f"alice@{domain}", domain) if raw is None else raw
    begun = time.monotonic()
    with Proxied(daemon.port("world"), source) as client:
        assert not send_exact(client, f"alice@{domain}" if domain else "", [f"{to}@{LOCAL_DOMAIN}"], raw, options)
    return time.monotonic() - begun


def field(daemon, to: str = "bob") -> str:
    """The topmost Authentication-Results of the last message."""
    stored = daemon.await_mail(f"{to}@{LOCAL_DOMAIN}")[-1]
    return re.sub(r"\s+", " ", mimebytes.field(stored, "Authentication-Results").decode())


def verdicts(daemon, to: str = "bob", methods=("spf", "dkim", "dmarc")) -> tuple[str, ...]:
    found = dict(re.findall(r"(?<![.\w])(iprev|spf|dkim|dmarc)=(\w+)", field(daemon, to)))
    return tuple(found.get(method, "") for method in methods)


def refusal(daemon, domain: str, raw: bytes | None = None) -> tuple[int, str]:
    with pytest.raises(smtplib.SMTPResponseException) as refused:
        bring(daemon, domain, raw=raw)
    return refused.value.smtp_code, refused.value.smtp_error.decode()


def all_at_once(count: int, work) -> list[threading.Thread]:
    """Running threads; each has its number."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


class Growth:
    """MiB that the processes of a daemon took together since, at the most."""

    def __init__(self, daemon):
        self._parts = [MemoryGrowth(pid) for pid in (daemon.process.pid, daemon.process_of("gate"), daemon.process_of("keeper"))]

    def most(self) -> float:
        return sum(part.most() for part in self._parts)


def test_each_session_is_answered(judged_by, daemon):
    """In time, with the right results, and an ordinary message passes right behind each."""
    table = dict(MORE)
    for case, (behaviours, _) in CASES.items():
        table |= {**zone(f"{case.lower()}.example", *behaviours), **good(f"behind-{case.lower()}.example")}
    judged_by(table)
    growth = Growth(daemon)
    found = {}
    for case in CASES:
        domain = f"{case.lower()}.example"
        assert bring(daemon, domain, case) < LIMIT + SLACK, case
        found[case] = verdicts(daemon, case)
        assert bring(daemon, f"behind-{domain}", f"behind-{case}") < SLACK, case
        assert verdicts(daemon, f"behind-{case}") == PASS, case
    assert found == {case: expected for case, (_, expected) in CASES.items()}
    assert growth.most() < BOUND and daemon.running()


@pytest.mark.parametrize("case", IN_VAIN)
def test_an_answer_that_does_not_come(judged_by, daemon, case):
    """The session waits as long as authentication.dns_timeout says and no longer; other mail does not."""
    behaviours, expected = IN_VAIN[case]
    judged_by({**good("good.example"), **zone("vain.example", *behaviours)})
    growth = Growth(daemon)
    assert bring(daemon, "vain.example") < LIMIT + SLACK
    assert verdicts(daemon) == expected, field(daemon)
    assert bring(daemon, "good.example", "carol") < SLACK
    assert verdicts(daemon, "carol") == PASS, field(daemon, "carol")
    assert growth.most() < BOUND and daemon.running()


def test_a_server_that_refuses_connections(judged_by, daemon):
    """RFC 7766 5 wants TCP of every server; without it an answer that does not fit is none."""
    dns = judged_by({**good("good.example"), **zone("large.example", *large(4000))}, tcp=False)
    assert bring(daemon, "large.example") < LIMIT + SLACK
    assert verdicts(daemon) == TEMPORARY, field(daemon)
    bring(daemon, "good.example", "carol")
    assert verdicts(daemon, "carol") == PASS
    assert dns.questions("large.example", "udp") and not dns.questions("large.example", "tcp")


@pytest.mark.parametrize("which, expected", [(0, ("temperror", "pass", "pass")), (1, ("pass", "temperror", "pass")), (2, ("pass", "pass", "temperror"))],
                         ids=["spf", "key", "dmarc"])
def test_one_record_that_never_comes(judged_by, daemon, which, expected):
    """What the others say is used all the same."""
    behaviours = each(has)
    behaviours[which] = silent
    judged_by(zone("half.example", *behaviours))
    assert bring(daemon, "half.example") < LIMIT + SLACK
    assert verdicts(daemon) == expected, field(daemon)


def test_who_would_refuse_says_later(judged_by, daemon):
    """RFC 6376 6.1.2 and RFC 7208 2.6.6: 451 4.4.3, within the same limit; and 550 where everything was answered."""
    strict = {"no-key.example": has(txt("v=spf1 -all")), "sel._domainkey.no-key.example": silent, "_dmarc.no-key.example": has(txt("v=DMARC1; p=reject")),
              "no-spf.example": silent, "forged.example": has(txt("v=spf1 -all")), "_dmarc.forged.example": has(txt("v=DMARC1; p=reject"))}
    judged_by(strict, dmarc="enforce", on_temperror="defer")
    begun, got = time.monotonic(), []
    for thread in all_at_once(2, lambda number: got.append(refusal(daemon, ("no-key.example", "no-spf.example")[number]))):
        thread.join()
    assert time.monotonic() - begun < LIMIT + SLACK
    assert [(code_, text[:5]) for code_, text in got] == [(451, "4.4.3")] * 2, got
    assert refusal(daemon, "forged.example")[0] == 550
    assert daemon.queue() == [] and daemon.mailbox(f"bob@{LOCAL_DOMAIN}") == []


def test_a_signature_of_a_silent_domain_opens_no_door(judged_by, daemon):
    """A stranger's mail in the name of a domain with p=reject, under a signature whose key never comes: refused, at the most for now, as without it.
    RFC 9989 4.10 asks for _dmarc.example too; that has an answer at once."""
    judged_by({"victim.example": has(txt("v=spf1 -all")), "_dmarc.victim.example": has(txt("v=DMARC1; p=reject")), "*.attacker.example": silent},
              dmarc="enforce")
    assert refusal(daemon, "victim.example", message("alice@victim.example", "attacker.example"))[0] in (451, 550)
    assert refusal(daemon, "victim.example", message("alice@victim.example"))[0] == 550
    assert daemon.mailbox(f"bob@{LOCAL_DOMAIN}") == []


def test_records_of_others_are_not_believed(judged_by, daemon):
    """RFC 2181 5.4.1: an answer is about the name that was asked for; whatever else is in it is not served to anybody."""
    forged = [txt("v=spf1 -all"), txt("v=spf1 +all")]
    dns = judged_by({**good("victim.example"), **zone("liar.example", *[poison("victim.example", txt(text), *forged) for text in (SPF, KEY, DMARC)])})
    bring(daemon, "liar.example")
    assert verdicts(daemon) == PASS, field(daemon)
    bring(daemon, "victim.example", "carol")
    assert verdicts(daemon, "carol") == PASS, field(daemon, "carol")
    assert dns.questions("victim.example") == ["TXT"], "asked itself"


def test_an_explanation_is_one_line(judged_by, daemon):
    """RFC 7208 6.2: what a stranger's zone says about a refusal stays text, whatever octets are in it."""
    judged_by({"liar.example": has(txt("v=spf1 -all exp=why.liar.example")), "why.liar.example": has(txt("no\r\n250 2.0.0 taken\r\n\0\x1b[2J"))},
              spf_fail="reject")
    code_, text = refusal(daemon, "liar.example")
    assert code_ == 550 and text.startswith("5.7.23") and text.isprintable(), text


def test_a_silent_zone_slows_only_the_mail_that_needs_it(judged_by, daemon):
    """50 sessions wait for a zone that never answers; 20 good messages go through beside them, one after the other, as if nothing were."""
    table = {"*.silent.example": silent}
    for number in range(20):
        table |= good(f"good{number}.example")
    dns = judged_by(table, dns_timeout="4s")
    growth = Growth(daemon)
    waited: list[float] = []
    waiting = all_at_once(50, lambda number: waited.append(bring(daemon, f"{number}.silent.example", f"silent{number}")))
    try:
        wait_until(lambda: len({name for name, *_ in dns.asked}) >= 70, "seventy of their questions; one zone has no more than its share under way")
        assert not waited, "they all wait"
        for number in range(20):
            assert bring(daemon, f"good{number}.example", f"good{number}") < 1, f"message {number}"
    finally:
        for thread in waiting:
            thread.join()
    assert len(waited) == 50 and max(waited) < 4 + SLACK, waited
    assert {verdicts(daemon, f"good{number}") for number in range(20)} == {PASS}
    assert {verdicts(daemon, f"silent{number}") for number in range(0, 50, 7)} == {TEMPORARY}
    assert growth.most() < BOUND and daemon.running()
    dns.table |= good("later.example")
    assert bring(daemon, "later.example") < 1, "nor when they are gone"
    assert verdicts(daemon) == PASS


def test_answers_that_wait_on_a_connection_stop_no_others(judged_by, daemon):
    """RFC 7766 6.2.1.1: answers over TCP may come in any order. 20 sessions wait for some that do not come; large records of others do."""
    table = {"*.silent.example": truncated(silent)}
    for number in range(5):
        table |= zone(f"large{number}.example", *large(16 << 10))
    dns = judged_by(table, dns_timeout="3s")
    waited: list[float] = []
    waiting = all_at_once(20, lambda number: waited.append(bring(daemon, f"{number}.silent.example", f"silent{number}")))
    try:
        wait_until(lambda: len({name for name, _, by in dns.asked if by == "tcp"}) >= 20, "questions over TCP")
        for number in range(5):
            assert bring(daemon, f"large{number}.example", f"large{number}") < 1, f"message {number}"
            assert verdicts(daemon, f"large{number}") == PASS, field(daemon, f"large{number}")
    finally:
        for thread in waiting:
            thread.join()
    assert len(waited) == 20 and max(waited) < 3 + SLACK, waited


def test_a_flood_of_large_answers(judged_by, daemon):
    """120 answers of 64 KiB, each for another name: what is kept of them has a bound."""
    spf, key, dmarc = large(64900)
    table = {}
    for number in range(40):
        table |= zone(f"large{number}.example", spf, key, dmarc)
    judged_by(table)
    bring(daemon, "large0.example", "first")
    growth = Growth(daemon)
    for number in range(1, 40):
        assert bring(daemon, f"large{number}.example") < LIMIT + SLACK
    assert {one for one in re.findall(r"\bspf=(\w+)", field(daemon))} == {"pass"}
    assert growth.most() < BOUND


def reverse(ip: str) -> str:
    return ipaddress.ip_address(ip).reverse_pointer


def test_the_reverse_name(judged_by, daemon):
    """RFC 8601 2.7.3: pass, both ways agree; fail, they do not, or the name has no address; permerror, there is no name; temperror, the DNS failed.
    The addresses are public ones, since resolvers answer for the reverse names of documentation themselves (RFC 6303)."""
    cases = {  # result, what stands at the reverse name, what elsewhere
        "20.1.2.1": ("pass", has(pointer("mx1.example")), {"mx1.example": has(address("20.1.2.1"))}),
        "20.1.2.2": ("fail", has(pointer("mx2.example")), {"mx2.example": has(address("20.1.2.99"))}),
        "20.1.2.3": ("fail", has(pointer("mx3.example")), {}),
        "20.1.2.4": ("fail", has(pointer("mx4.example")), {"mx4.example": has(address("2a10:cafe::4"))}),
        "20.1.2.5": ("permerror", code(NXDOMAIN), {}),
        "20.1.2.6": ("permerror", has(), {}),
        "20.1.2.7": ("temperror", code(SERVFAIL), {}),
        "20.1.2.8": ("temperror", has(pointer("mx8.example")), {"mx8.example": code(SERVFAIL)}),
        "20.1.2.9": ("temperror", has(pointer("mx9.example")), {"mx9.example": silent}),
        "20.1.2.11": ("pass", alias("11.0-31.2.1.20.in-addr.arpa"), {"11.0-31.2.1.20.in-addr.arpa": has(pointer("mx11.example")),  # RFC 2317
                                                                       "mx11.example": has(address("20.1.2.11"))}),
        "20.1.2.12": ("pass", has(pointer("other.example"), pointer("mx12.example")),
                      {"other.example": has(address("20.1.2.98")), "mx12.example": has(address("20.1.2.12"))}),
        "20.1.2.13": ("pass", has(pointer("mx13.example"), pointer("dead13.example")),
                      {"mx13.example": has(address("20.1.2.13")), "dead13.example": code(SERVFAIL)}),
        "20.1.2.15": ("pass", has(pointer("a\0b .example"), pointer("mx15.example")), {"mx15.example": has(address("20.1.2.15"))}),
        "20.1.2.14": ("fail", has(*[pointer(f"{number}.many.example") for number in range(2000)]), {"*.many.example": has(address("20.1.2.97"))}),
        "2a10:cafe::1": ("pass", has(pointer("six1.example")), {"six1.example": has(address("2a10:cafe::1"), address("20.1.2.1"))}),
        "2a10:cafe::2": ("fail", has(pointer("six2.example")), {"six2.example": has(address("2a10:cafe::99"))}),
        "2a10:cafe::3": ("fail", has(pointer("six3.example")), {"six3.example": has(address("20.1.2.1"))}),
        "2a10:cafe::5": ("permerror", code(NXDOMAIN), {}),
        "2a10:cafe::7": ("temperror", code(REFUSED), {}),
    }
    table = {}
    for ip, (_, at_reverse, elsewhere) in cases.items():
        table |= {reverse(ip): at_reverse, **elsewhere}
    dns = judged_by(table)
    found = {}
    for number, ip in enumerate(cases):
        assert bring(daemon, "nothing.example", f"to{number}", ip, raw=message("alice@nothing.example")) < LIMIT + SLACK
        found[ip], = verdicts(daemon, f"to{number}", ["iprev"])
    wrong = {ip: result for ip, result in found.items() if result != cases[ip][0]}
    assert not wrong
    assert len({name for name, *_ in dns.asked if name.endswith(".many.example")}) == 10, "RFC 7208 5.5 has that limit for the same question"


def test_the_reverse_name_in_a_private_network(judged_by, daemon):
    """dns.servers knows the names of its network (RFC 1918); the resolver asks it for them, though nobody would ask the Internet (RFC 6303 3)."""
    dns = judged_by({reverse("10.20.30.40"): has(pointer("mx.inside.example")), "mx.inside.example": has(address("10.20.30.40"))})
    bring(daemon, "nothing.example", source="10.20.30.40", raw=message("alice@nothing.example"))
    assert dns.questions(reverse("10.20.30.40")) == ["PTR"]
    assert verdicts(daemon, methods=["iprev"]) == ("pass",), field(daemon)


U_NAME, A_NAME = "bücher.example", "xn--bcher-kva.example"


@pytest.mark.parametrize("signed_by", [A_NAME, U_NAME], ids=["d= in A-labels", "d= in U-labels"])
@pytest.mark.parametrize("source", [CLIENT, "203.0.113.66"], ids=["by both", "by the signature"])
def test_names_in_u_labels(judged_by, daemon, signed_by, source):
    """RFC 8616: 5, d= should stand in U-labels in such a message and may in A-labels; 4 and 6, SPF and DMARC make A-labels of U-labels before anything else,
    so that both forms are one domain."""
    dns = judged_by(zone(A_NAME, has(txt(SPF)), has(txt(KEY)), has(txt("v=DMARC1; p=reject"))), dmarc="enforce")
    bring(daemon, U_NAME, source=source, options=["SMTPUTF8", "BODY=8BITMIME"], raw=message(f"jürgen@{U_NAME}", signed_by))
    assert verdicts(daemon) == ("pass" if source == CLIENT else "fail", "pass", "pass"), field(daemon)
    assert all(name.isascii() for name, *_ in dns.asked)


def test_a_local_part_in_utf8_matches_no_macro(judged_by, daemon):
    """RFC 8616 4: terms with %{s} or %{l} of such a sender match nothing; those behind them count."""
    dns = judged_by({A_NAME: has(txt(f"v=spf1 exists:%{{l}}._l.{A_NAME} ip4:{CLIENT} -all"))})
    with Proxied(daemon.port("world")) as client:
        assert not send_exact(client, f"jürgen@{U_NAME}", [f"bob@{LOCAL_DOMAIN}"], message(f"jürgen@{U_NAME}"), ["SMTPUTF8", "BODY=8BITMIME"])
    assert verdicts(daemon, methods=["spf"]) == ("pass",), field(daemon)
    assert not [name for name, *_ in dns.asked if name.endswith(f"._l.{A_NAME}")]


def test_a_client_whose_names_never_come(judged_by, daemon):
    """RFC 7208 2.3: with the null sender it is the name in EHLO that is asked for. Neither that nor the reverse name of an IPv6 client has an answer."""
    client = "2a10:cafe::10"
    dns = judged_by({"client.example": silent, reverse(client): silent})
    assert bring(daemon, "", source=client, raw=message("alice@nothing.example")) < LIMIT + SLACK
    assert verdicts(daemon, methods=["iprev", "spf"]) == ("temperror", "temperror"), field(daemon)
    assert "TXT" in dns.questions("client.example") and "PTR" in dns.questions(reverse(client))
