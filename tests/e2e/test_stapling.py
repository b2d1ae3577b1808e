"""Our listeners staple (RFC 6066 8, RFC 8446 4.4.2.1, RFC 7633): `openssl s_client -status` asks each door, a real `openssl ocsp` answers the daemon."""

import pytest
from cryptography import x509

from peers.base import run, wait_until
from peers.certs import TestAuthority
from peers.daemon import HOSTNAME
from peers.ocsp import RevocationHost

ADDRESS = "127.77.38.81"
MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])  # RFC 7633


@pytest.fixture
def responder(daemon, workdir):
    daemon.config["outbound"] = {"revocation_networks": ["127.77.0.0/16"]}
    host = RevocationHost(ADDRESS, TestAuthority(workdir / "ca", "Stapling root"), workdir / "ocsp")
    yield host
    daemon.stop()
    host.stop()


def show(daemon, responder, label, *more):
    issued = responder.knows(responder.authority.server(HOSTNAME, label=label, more=[responder.responder(), *more]))
    daemon.show_certificate(issued, responder.authority.root)
    return issued


def answer_at(daemon, door, *how) -> str:
    """What a client is told that asks: "good", "no response sent"."""
    done = run(["openssl", "s_client", "-status", "-connect", f"127.0.0.1:{daemon.port(door)}", *how], input="", check=False)
    text = done.stdout.decode("utf-8", "replace")
    assert "OCSP response:" in text, text + done.stderr.decode("utf-8", "replace")
    return "no response sent" if "OCSP response: no response sent" in text else text.partition("Cert Status: ")[2].partition("\n")[0]


def stapled(daemon) -> str:
    return daemon.get_json("/status")["tls"]["certificate"]["stapled"]


def certificate_check(daemon) -> list[tuple[str, str]]:
    return [(check["state"], check["text"]) for check in daemon.get_json("/status")["health"] if check["check"] == "certificate"]


def test_every_door_staples_and_goes_on_after_a_restart(daemon, responder):
    show(daemon, responder, "stapled", MUST_STAPLE)
    daemon.config["listener"] += [{"kind": "milter", "address": "127.0.0.1:0", "tls": "implicit"},
                                  {"kind": "lmtp", "name": "lmtps", "address": "127.0.0.1:0", "tls": "required"}]
    daemon.config["http"]["tls"] = {"address": "127.0.0.1:0"}
    daemon.config["x400"] = {"domain": "C=XX;A=MOCK;P=POSTERN", "mta_name": "mail", "tls": {"address": "127.0.0.1:0"}}
    daemon.start()
    wait_until(lambda: stapled(daemon).startswith("until "), "an answer to staple", details=daemon.log_tail)
    doors = {"mx": ("-starttls", "smtp"), "submission": ("-starttls", "smtp"), "submissions": (), "lmtps": ("-starttls", "lmtp"),
             "milter": (), "https": (), "x400s": ()}
    assert {door: answer_at(daemon, door, *how) for door, how in doors.items()} == dict.fromkeys(doors, "good")
    assert "OCSP stapled until " in daemon.cli("status").stdout.decode()
    assert [state for state, _ in certificate_check(daemon)] == ["ok"]
    responder.answer_with(503)
    daemon.restart()
    assert answer_at(daemon, "submissions") == "good", "the answer of before"


def test_a_certificate_that_demands_an_answer_and_has_none(daemon, responder):
    """Without the demand it is a note; with it clients refuse us, and the health check fails, until there is an answer."""
    responder.answer_with(503)
    show(daemon, responder, "demanding", MUST_STAPLE)
    daemon.start()
    wait_until(lambda: "status 503" in stapled(daemon), "the failure to be told", details=daemon.log_tail)
    (state, text), = certificate_check(daemon)
    assert state == "failed" and "RFC 7633" in text and "status 503" in text, text
    assert daemon.cli("health", check=False).returncode == 1
    assert answer_at(daemon, "submissions") == "no response sent"
    show(daemon, responder, "modest")
    wait_until(lambda: certificate_check(daemon)[0][0] == "note" and "status 503" in stapled(daemon), "the other certificate", details=daemon.log_tail)
    responder.answer_well()
    show(daemon, responder, "answered", MUST_STAPLE)
    wait_until(lambda: answer_at(daemon, "submissions") == "good", "the answer about the third certificate", details=daemon.log_tail)
    assert [state for state, _ in certificate_check(daemon)] == ["ok"]


def test_the_own_authority_has_no_responder_and_needs_none(daemon):
    daemon.start()
    assert stapled(daemon) == "" and answer_at(daemon, "submissions") == "no response sent"
    assert [state for state, _ in certificate_check(daemon)] == ["ok"]
