"""Next hops: TLS that cannot be stripped, logins, fairness between destinations, kept connections, real DNS, routes that change."""

import json
import ssl
import time

import pytest

from peers import mimebytes
from peers.base import free_port, wait_until
from peers.sink import Close, Stall
from peers.unbound import UnboundServer

ALICE = "alice@postern.example"
BOB = "bob@example.net"


def via(sink) -> str:
    return f"smtp:127.0.0.1:{sink.port}"


def said(sink, *verbs) -> list[str]:
    return [command for command in sink.commands if command.upper().startswith(verbs)]


def status(daemon) -> dict:
    return daemon.get_json("/status")


# The bound on all deliveries.

@pytest.mark.parametrize("bound", [1, 2])
def test_the_bound_on_all_deliveries_starves_no_destination(daemon, make_sink, bound):
    """A busy destination shares its places: the others are served before it is done, and nobody is forgotten."""
    daemon.config["queue"] |= {"concurrency": bound, "retry": ["1h"]}
    busy, others = make_sink(), [make_sink() for _ in range(4)]
    busy.on("EOM", Stall(0.15))
    daemon.route("busy.example", via(busy), tls="none")
    for number, sink in enumerate(others):
        daemon.route(f"d{number}.example", via(sink), tls="none")
    daemon.start()
    for number in range(20):
        daemon.submit(to=f"r{number}@busy.example")
    for number in range(4):
        for name in ("a", "b"):
            daemon.submit(to=f"{name}@d{number}.example")
    for sink in others:
        sink.wait(2, details=daemon.log_tail)
    busy.wait(20, details=daemon.log_tail)
    daemon.await_empty_queue()
    last = max(message.time for message in busy.messages)
    assert all(message.time < last for sink in others for message in sink.messages), "the others had to wait until the busy one was done"


# TLS.

@pytest.mark.parametrize("needs", ["pins", "client certificate"])
def test_what_needs_tls_is_not_delivered_where_starttls_was_stripped(daemon, sink, authority, peer_certificate, needs):
    """The default tls setting: pins and a client certificate make TLS required, so that stripping STARTTLS gains an attacker nothing."""
    settings = {"pins": [f"sha256:{peer_certificate.sha256()}"]}
    if needs == "client certificate":
        ours = authority.server("client.postern.example", label="stripped-client")
        settings = {"client_certificate": str(ours.cert), "client_key": str(ours.key)}
    daemon.route("*", via(sink), **settings).start()
    daemon.submit(to=BOB)
    entry = daemon.await_attempt(BOB)
    assert "STARTTLS" in entry["last_reply"], entry
    assert not said(sink, "MAIL", "RCPT", "DATA")


def test_pins_with_tls_none_are_a_fault_that_names_the_route(daemon, sink):
    daemon.route("pinned.example", via(sink), tls="none", pins=["sha256:" + "00" * 32])
    code, log = daemon.start_expecting_failure()
    assert code != 0 and "pinned.example" in log and "pins" in log, log


@pytest.mark.parametrize("floor", ["1.3", "1.2"])
def test_an_opportunistic_route_and_a_hop_with_tls_1_2_only(daemon, make_sink, peer_certificate, floor):
    """T1: 1.3 is the floor unless the route says otherwise aloud. Below it opportunistic TLS is no TLS (RFC 7435), and the log says so."""
    hop = make_sink(tls=peer_certificate, max_tls=ssl.TLSVersion.TLSv1_2)
    daemon.route("*", via(hop), tls="opportunistic", **({} if floor == "1.3" else {"min_tls": floor})).start()
    daemon.submit(to=BOB)
    delivery, = hop.wait(1, details=daemon.log_tail)
    daemon.await_empty_queue()
    road = next(record["facts"]["road"] for record in daemon.audit() if record["kind"] == "message.delivered")
    warned = [warning for warning in status(daemon)["warnings"] if "route *" in warning]
    if floor == "1.2":
        assert delivery.tls == "TLSv1.2" and road == "TLSv1.2 unverified" and warned and "courier.tls_given_up" not in daemon.log_text()
    else:
        assert delivery.tls is None and road == "clear (TLS failed)" and not warned and "courier.tls_given_up" in daemon.log_text()


# Logins.

def smarthost(daemon, hop, password="correct horse", **settings):
    (daemon.directory / "password").write_text(password + "\n")
    return daemon.route("*", via(hop), username="relay@postern.example", password_ref="file:password", **settings)


def test_a_smarthost_login_over_verified_tls(daemon, make_sink, authority, peer_certificate):
    hop = make_sink(tls=peer_certificate, users={"relay@postern.example": "correct horse"})
    smarthost(daemon, hop, ca=str(authority.pem)).start()
    raw = daemon.submit(to=BOB)
    delivery, = hop.wait(1, details=daemon.log_tail)
    assert delivery.tls == "TLSv1.3" and hop.logins == ["relay@postern.example"] and mimebytes.carries_unchanged(raw, delivery.content)
    assert not daemon.files_containing(b"correct horse")


def test_a_refused_login_keeps_the_queue_and_tells_the_operator(daemon, make_sink, authority, peer_certificate):
    """A wrong password is ours to mend: nothing bounces, the host is not asked again for each message, and all goes out afterwards."""
    hop = make_sink(tls=peer_certificate, users={"relay@postern.example": "changed yesterday"})
    smarthost(daemon, hop, ca=str(authority.pem)).start()
    for number in range(6):
        daemon.submit(to=f"r{number}@example.net")
    for number in range(6):
        entry = daemon.await_attempt(f"r{number}@example.net")
        assert entry["last_reply"].startswith("451 4.7.8 login refused by 127.0.0.1: 535"), entry
    tried = len(said(hop, "AUTH"))
    time.sleep(3)  # each message is due again every second
    assert tried <= 6 and len(said(hop, "AUTH")) <= tried + 1, "a smarthost locks accounts that try on"
    assert any("login refused" in warning for warning in status(daemon)["warnings"])
    assert daemon.log_text().count("courier.refused") == 1
    hop.users["relay@postern.example"] = "correct horse"
    hop.wait(6, 30, daemon.log_tail)
    daemon.await_empty_queue()
    assert daemon.mailbox(ALICE) == [] and not any("login refused" in warning for warning in status(daemon)["warnings"])


def test_a_password_is_shown_to_no_unverified_host(daemon, make_sink, peer_certificate):
    """No ca setting: the system does not know the hop's authority. The default tls setting means required here."""
    hop = make_sink(tls=peer_certificate, users={"relay@postern.example": "correct horse"})
    smarthost(daemon, hop).start()
    daemon.submit(to=BOB)
    daemon.await_attempt(BOB)
    assert not said(hop, "AUTH", "MAIL") and not hop.messages


@pytest.mark.parametrize("tls", ["none", "opportunistic"])
def test_a_login_without_verified_tls_is_a_fault(daemon, sink, tls):
    smarthost(daemon, sink, tls=tls)
    code, log = daemon.start_expecting_failure()
    assert code != 0 and "route *" in log and "login" in log, log


@pytest.mark.parametrize("moment", ["CONNECT", "EHLO"])
def test_a_smarthost_that_turns_us_away_bounces_nothing(daemon, sink, moment):
    sink.on(moment, "554 5.7.1 your account is suspended")
    daemon.route("*", via(sink), tls="required" if moment == "EHLO" else "none").start()
    daemon.submit(to=BOB)
    entry = daemon.await_attempt(BOB)
    assert entry["last_reply"].startswith("451 4.3.2") and "suspended" in entry["last_reply"], entry
    assert any("suspended" in warning for warning in status(daemon)["warnings"]) and daemon.mailbox(ALICE) == []


# Connections that were kept open.

def one_after_the_other(daemon, hop, pause):
    """Two messages with a pause, one connection if it lives; a deferral would show, since the retry is an hour away."""
    daemon.config["queue"]["retry"] = ["1h"]
    daemon.route("*", via(hop), tls="none").start()
    daemon.submit(to="first@example.net")
    hop.wait(1, details=daemon.log_tail)
    time.sleep(pause)
    daemon.submit(to="second@example.net")
    hop.wait(2, details=daemon.log_tail)
    daemon.await_empty_queue()
    assert status(daemon)["queue"]["deferrals"] == 0 and len(hop.messages) == 2


def test_a_connection_that_the_hop_ended_while_idle_costs_no_deferral(daemon, make_sink):
    hop = make_sink(idle=0.4)
    one_after_the_other(daemon, hop, 1.5)
    assert hop.connections == 2 and len(said(hop, "MAIL")) == 2


@pytest.mark.parametrize("reply", [Close(), "421 4.3.2 going down"], ids=["closed", "421"])
def test_a_reused_connection_that_breaks_is_replaced_at_once(daemon, sink, reply):
    seen = []

    def second_only(moment, argument):
        seen.append(argument)
        return reply if len(seen) == 2 else None
    sink.on("MAIL", second_only)
    one_after_the_other(daemon, sink, 0.3)
    assert sink.connections == 2 and len(seen) == 3


def test_a_fresh_connection_that_breaks_is_a_deferral(daemon, sink):
    """Only what was kept open gets a second chance: a hop that is in trouble is left alone."""
    sink.on("MAIL", Close())
    daemon.config["queue"]["retry"] = ["1h"]
    daemon.route("*", via(sink), tls="none").start()
    daemon.submit(to=BOB)
    daemon.await_attempt(BOB)
    time.sleep(0.5)
    assert sink.connections == 1


# Routes.

def test_queued_mail_follows_a_changed_configuration(daemon, make_sink):
    """The route that was queued to is gone: each recipient goes where his own domain goes now, and nobody where another's goes."""
    one, two = make_sink(), make_sink()
    daemon.route("*", f"smtp:127.0.0.1:{free_port()}", tls="none").start()
    raw = daemon.submit(to=["a@one.example", "b@two.example", "c@postern.test"])
    daemon.await_attempt("b@two.example")
    daemon.stop()
    daemon.config["route"] = []
    daemon.route("one.example", via(one), tls="none").route("two.example", via(two), tls="none").route("postern.test", "mailbox")
    daemon.start()
    assert mimebytes.carries_unchanged(raw, one.for_recipient("a@one.example", details=daemon.log_tail).content)
    assert mimebytes.carries_unchanged(raw, two.for_recipient("b@two.example", details=daemon.log_tail).content)
    daemon.await_mail("c@postern.test")
    daemon.await_empty_queue()
    assert [m.recipients for m in one.messages] == [["a@one.example"]] and [m.recipients for m in two.messages] == [["b@two.example"]]


# International domains.

def test_an_international_domain_is_delivered_by_mx(daemon, workdir, make_sink):
    """RFC 6531 3.2, RFC 5890: the DNS is asked for A-labels; the address keeps what its writer wrote."""
    fixture = workdir / "dns.json"
    fixture.write_text(json.dumps({"records": {"xn--bcher-kva.example": [{"type": "MX", "pref": 10, "data": "mx.bucher.example"}],
                                               "mx.bucher.example": [{"type": "A", "data": "127.77.21.1"}]}}))
    hop = make_sink(host="127.77.21.1", port=25)
    daemon.config["dns"] = {"fixture_file": str(fixture)}
    daemon.route("*", "mx").start()
    raw = mimebytes.simple_message(ALICE, "bob@bücher.example")
    daemon.send(ALICE, ["bob@bücher.example"], raw, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    daemon.send(ALICE, ["eve@xn--bcher-kva.example"], mimebytes.simple_message(ALICE, "eve@xn--bcher-kva.example"))
    assert "SMTPUTF8" in hop.for_recipient("bob@bücher.example", details=daemon.log_tail).mail_parameters
    hop.for_recipient("eve@xn--bcher-kva.example", details=daemon.log_tail)


@pytest.mark.parametrize("configured, written", [("xn--mnchen-3ya.example", "münchen.example"), ("münchen.example", "xn--mnchen-3ya.example")])
def test_a_local_international_domain_is_local_in_both_forms(daemon, configured, written):
    daemon.config["domains"] = {"local": ["postern.example", configured], "recipients": [f"eve@{configured}"]}
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", f"eve@{written}")
    options = [] if written.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
    daemon.send("carol@example.org", [f"eve@{written}"], raw, listener="mx", mail_options=options)
    daemon.await_mail(f"eve@{written}")


# Real DNS.

def test_mx_lookup_over_real_dns(daemon, workdir, make_sink):
    """libunbound asks Debian's Unbound: preference, a host without an address, the implicit MX, NXDOMAIN, null MX, and a server that refuses."""
    records = ["example.net. 60 IN MX 10 gone.example.net.", "example.net. 60 IN MX 20 mx1.example.net.", "example.net. 60 IN MX 30 mx2.example.net.",
               "mx1.example.net. 60 IN A 127.77.22.1", "mx2.example.net. 60 IN A 127.77.22.2", "implicit.example. 60 IN A 127.77.22.2",
               "null.example. 60 IN MX 0 .", "alias.example. 60 IN CNAME example.net."]
    dns = UnboundServer(workdir / "dns", records, failing=["broken.example."])
    with dns.start():
        hop = make_sink(host="127.77.22.2", port=25)  # nobody listens at mx1
        daemon.config["dns"] = {"servers": [f"127.0.0.1@{dns.port}"], "trust_anchor": "", "timeout": "5s"}
        daemon.config["queue"]["retry"] = ["1h"]
        daemon.route("*", "mx").start()
        raw = daemon.submit(to=BOB)
        assert mimebytes.carries_unchanged(raw, hop.for_recipient(BOB, details=daemon.log_tail).content)
        daemon.submit(to="bob@implicit.example")
        hop.for_recipient("bob@implicit.example", details=daemon.log_tail)
        daemon.submit(to="bob@broken.example")
        assert daemon.await_attempt("bob@broken.example")["last_reply"].startswith("451 4.4.3")
        daemon.submit(to="bob@null.example")
        bounce, = daemon.await_mail(ALICE)
        assert b"5.1.10" in bounce, "RFC 7505 4.1"
        daemon.submit(to="bob@nowhere.example")
        assert b"5.1.2" in daemon.await_mail(ALICE, 2)[1]


# Released in clear.

def test_an_order_to_send_in_clear_is_for_the_recipients_it_names(relaying, sink):
    relaying.policy(to="*@example.net", encrypt="must", missing_key="hold")
    relaying.start()
    relaying.submit(to=["a@example.net", "b@example.net"])
    entry = relaying.await_queue_state("a@example.net", "held")
    relaying.await_queue_state("b@example.net", "held")
    nobody = relaying.cli("queue", "release", entry["id"], "--recipient", "nobody@example.net", "--in-clear", check=False)
    assert nobody.returncode == 1
    relaying.cli("queue", "release", entry["id"])  # an order that fits nobody leaves nothing behind
    time.sleep(0.5)
    assert not sink.messages
    relaying.await_queue_state("b@example.net", "held")
    relaying.cli("queue", "release", entry["id"], "--recipient", "a@example.net", "--in-clear", "--reason", "the partner asked for it")
    assert sink.for_recipient("a@example.net", details=relaying.log_tail).recipients == ["a@example.net"]
    relaying.restart()
    relaying.cli("queue", "release", entry["id"])
    time.sleep(1)
    relaying.await_queue_state("b@example.net", "held")
    assert [message.recipients for message in sink.messages] == [["a@example.net"]], "the order for a freed b as well"
    released = [record for record in relaying.audit() if record["kind"] == "queue.release" and record["facts"].get("route") == "policy:clear"]
    assert len(released) == 1 and released[0]["facts"]["reason"] == "the partner asked for it"


def test_an_order_to_send_in_clear_survives_a_crash(relaying, sink):
    relaying.config["queue"]["concurrency"] = 1
    relaying.policy(to="*@example.net", encrypt="must", missing_key="hold")
    relaying.start()
    sink.once("MAIL", Stall(20))
    relaying.submit(to="busy@example.org")  # takes the only place, so that the order is not carried out before the crash
    wait_until(lambda: said(sink, "MAIL"), "the slow delivery", details=relaying.log_tail)
    relaying.submit(to=BOB)
    entry = relaying.await_queue_state(BOB, "held")
    relaying.cli("queue", "release", entry["id"], "--in-clear")
    waiting, = relaying.queue_of(BOB)
    assert waiting["state"] == "queued" and not sink.messages
    relaying.crash_and_restart()
    sink.for_recipient(BOB, details=relaying.log_tail)


# Tagged addresses.

def test_tags_of_one_person_share_one_key(relaying, sink):
    """alice+N@ signs with alice's key: a sender cannot make the key store grow with every tag."""
    relaying.policy(**{"from": "*@postern.example"}, to="*@example.net", sign="smime")
    relaying.start()
    relaying.submit(to="r0@example.net")
    sink.wait(1, details=relaying.log_tail)
    keys = status(relaying)["key_engine"]["keys"]
    for number in range(1, 4):
        relaying.submit(sender=f"alice+{number}@postern.example", to=f"r{number}@example.net")
    sink.wait(4, details=relaying.log_tail)
    assert status(relaying)["key_engine"]["keys"] == keys
    assert all(b"multipart/signed" in message.content for message in sink.messages)
