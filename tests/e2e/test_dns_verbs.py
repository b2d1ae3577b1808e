"""`postern dns records|check|publish` beside real name servers: Knot and BIND, changed by updates of RFC 2136 under keys of RFC 8945."""

import base64
import hashlib
import json
import os
import subprocess
import time

import pytest

from peers.base import run
from peers.daemon import binary
from peers.nameservers import Bind, Knot, TsigKey

ZONE = "postern.example"
HOST = f"mx.{ZONE}"
DKIM = "v=DKIM1; k=ed25519; p=" + "A" * 43 + "="
RSA = ("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsLUOQ83VPHw50Q7zK5vAtoZXssWit4ZrjmXIZM+W/6N2kgNnswYLb8eof6XCMvg9nw"  # longer than one string of a TXT record
       "cTN9KiJ2qA06a3vekTGzOUQVamWt8lIIydb/0Re4oEqen2pzUEoMRoFbDVCLevHFynRJKtJ4wLAY95x6eYud2Wz2zPB9fO7yno0xeiDm15uIFhZPC8S20vVUxGyVBd/RueTXWmwS0Ssw"
       "/934lG/CvBRiImdxnWE3K1EDtDn4cfLQWgL7xz5WVvqjXYF6dDBir7siCRUlk/08kZeK9XDp29h0v0mYqscRxwm4Db4pyMJZQWCooSQVGNVyG5dV3lygWSMCQk4sCWo6zN8ktjZwIDAQAB")
TLSA = "3 1 1 " + "ab" * 32
SPF, DMARC = "v=spf1 mx -all", f"v=DMARC1; p=none; rua=mailto:postmaster@{ZONE}"
FACTS = ["--hostname", HOST, "--address", "127.0.0.1", "--dkim", f"ed={DKIM}", "--dkim", f"rsa={RSA}", "--tlsa", TLSA, "--mta-sts", "testing"]


def postern(*arguments):
    """Exit status, the JSON document, and what was said to people."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("POSTERN_")}
    done = subprocess.run([str(binary("postern")), *map(str, arguments), "--json"], capture_output=True, timeout=60, check=False, cwd="/",
                          env=environment)
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def check(server, *options, facts=FACTS):
    status, answer, _ = postern("dns", "check", ZONE, "--server", server.address, *facts, *options)
    assert status == (0 if answer["right"] else 1)
    return answer


def publish(server, *options, key=None, facts=FACTS, domain=ZONE):
    return postern("dns", "publish", domain, "--server", server.address, "--tsig", (key or server.key).file, *facts, *options)


def standings(answer):
    return {(finding["name"], finding["type"]): finding["standing"] for finding in answer["findings"] if finding["standing"] != "ok"}


def changes(answer):
    return sorted((change["action"], change["name"], change["type"]) for change in answer["changes"])


def unsplit(text):
    return text.replace('" "', "").strip('"')


@pytest.fixture(params=[Knot, Bind], ids=["knot", "bind"])
def kind(request):
    return request.param


@pytest.fixture
def make_server(kind, workdir):
    made = []

    def make(**options):
        key = TsigKey(workdir, "update.postern.example", options.pop("algorithm", "hmac-sha256"))
        made.append(kind(workdir / "ns", ZONE, key, **options))
        return made[-1].start()
    yield make
    for server in made:
        server.stop()


@pytest.fixture
def server(make_server):
    return make_server()


def test_an_empty_zone_gets_everything_once(server):
    before = check(server)
    assert {standing for standing in standings(before).values()} == {"missing"}

    status, planned, _ = publish(server, "--dry-run")
    assert (status, planned["outcome"]) == (0, "planned")
    assert server.ask(ZONE, "MX") == []

    status, done, said = publish(server)
    assert "outcome" in done, said + server.log_tail()
    assert (status, done["outcome"], done["zone"], done["right"]) == (0, "published", ZONE, True), (said, done)
    assert changes(done) == changes(planned)
    assert server.ask(ZONE, "MX") == [f"10 {HOST}."]
    assert server.ask(HOST, "A") == ["127.0.0.1"]
    assert server.ask(ZONE, "TXT") == [f'"{SPF}"']
    assert server.ask(f"_dmarc.{ZONE}", "TXT") == [f'"{DMARC}"']
    assert server.ask(f"mta-sts.{ZONE}", "CNAME") == [f"{HOST}."]
    assert server.ask(f"_smtp._tls.{ZONE}", "TXT") == [f'"v=TLSRPTv1; rua=mailto:postmaster@{ZONE}"']
    assert [line.replace(" ", "").lower() for line in server.ask(f"_25._tcp.{HOST}", "TLSA")] == [TLSA.replace(" ", "")]
    long = server.ask(f"rsa._domainkey.{ZONE}", "TXT")
    assert len(long) == 1 and '" "' in long[0] and unsplit(long[0]) == RSA

    after = check(server)
    assert after["right"] and standings(after) == {}

    serial = server.ask(ZONE, "SOA")
    status, again, _ = publish(server)
    assert (status, again["outcome"], again["changes"]) == (0, "unchanged", [])
    assert server.ask(ZONE, "SOA") == serial


CA, BOUND = "ca.example", "other.example; accounturi=https://other.example/acct/1"
MORE = ["--caa", CA, "--caa", BOUND, "--caa-mail", ";", "--submissions", HOST, "--submission", f"out.{ZONE}:587", "--imaps", "none"]


def test_authorities_and_services(server):
    status, done, said = publish(server, *MORE)
    assert done["outcome"] == "published", said + server.log_tail()
    assert standings(done) == {(f"_submission._tcp.{ZONE}", "SRV"): "differs"}, said  # its host has no address yet
    assert status == 1
    assert server.ask(ZONE, "CAA") == [f'0 issue "{CA}"', f'0 issue "{BOUND}"', '0 issuemail ";"']
    assert server.ask(f"_submissions._tcp.{ZONE}", "SRV") == [f"0 1 465 {HOST}."]
    assert server.ask(f"_submission._tcp.{ZONE}", "SRV") == [f"10 1 587 out.{ZONE}."]
    assert server.ask(f"_imaps._tcp.{ZONE}", "SRV") == ["0 0 0 ."]
    serial = server.ask(ZONE, "SOA")
    assert publish(server, *MORE)[1]["outcome"] == "unchanged"
    assert server.ask(ZONE, "SOA") == serial
    # Without a choice whatever is there is right.
    assert publish(server)[1]["right"]


def test_authorities_and_services_that_are_wrong(make_server):
    server = make_server(records=[
        "out IN A 127.0.0.1", '@ IN CAA 0 issue "web.example"', '@ IN CAA 0 issue "other.example"', '@ IN CAA 0 iodef "mailto:x@postern.example"',
        '@ IN CAA 0 issuemail "ca.example"', "_submissions._tcp IN SRV 0 0 0 .", "_submission._tcp IN SRV 5 5 2587 out",
        "_submission._tcp IN SRV 20 5 587 backup.example.net.", "_imaps._tcp IN SRV 0 1 993 imap.example.net."])
    before = check(server, *MORE)
    found = [(f["name"], f["wanted"], f["standing"]) for f in before["findings"] if f["type"] in ("CAA", "SRV") and not f["right"]]
    assert [(name, standing) for name, _, standing in found] == [(ZONE, "differs")] * 3 + [
        (f"_submissions._tcp.{ZONE}", "differs"), (f"_submission._tcp.{ZONE}", "differs"), (f"_imaps._tcp.{ZONE}", "differs")]
    status, done, said = publish(server, *MORE)
    assert (status, done["outcome"]) == (0, "published"), said
    # The web server's CA and the report address stay, and so does the second submission host.
    assert server.ask(ZONE, "CAA") == ['0 iodef "mailto:x@postern.example"', f'0 issue "{CA}"', f'0 issue "{BOUND}"', '0 issue "web.example"',
                                       '0 issuemail ";"']
    assert server.ask(f"_submissions._tcp.{ZONE}", "SRV") == [f"0 1 465 {HOST}."]
    assert server.ask(f"_submission._tcp.{ZONE}", "SRV") == [f"10 1 587 out.{ZONE}.", "20 5 587 backup.example.net."]
    assert server.ask(f"_imaps._tcp.{ZONE}", "SRV") == ["0 0 0 ."]
    remarks = " ".join(f["message"] for f in done["findings"])
    assert "web.example may issue too" in remarks and "backup.example.net:587" in remarks
    assert publish(server, *MORE)[1]["outcome"] == "unchanged"


@pytest.mark.parametrize("option, value", [("--caa", "not a domain"), ("--imaps", "a..b"), ("--submission", f"{HOST}:0"),
                                           ("--submission", f"{HOST}:65536"), ("--submissions", f"{HOST}:x")])
def test_choices_that_are_none(option, value):
    status, answer, said = postern("dns", "records", ZONE, *FACTS, option, value)
    assert status == 2 and answer["error"]["field"] in (option, "CAA"), said


@pytest.mark.parametrize("algorithm", ["hmac-sha384", "hmac-sha512"])
def test_longer_digests(make_server, algorithm):
    server = make_server(algorithm=algorithm)
    status, done, said = publish(server)
    assert (status, done["outcome"]) == (0, "published"), said


def test_what_is_not_ours_survives(make_server):
    server = make_server(records=[
        '@ 600 IN TXT "google-site-verification=abc"', '@ 600 IN TXT "v=spf1 ip4:192.0.2.9 -all"', "@ IN MX 20 backup.example.net.",
        f"mx IN A 127.0.0.1", "www IN A 192.0.2.80", '_dmarc IN TXT "v=DMARC1; p=reject"'])
    status, done, said = publish(server, "--spf", "v=spf1 mx ip4:192.0.2.10 -all")
    assert (status, done["outcome"]) == (0, "published"), said
    assert server.ask(ZONE, "TXT") == ['"google-site-verification=abc"', '"v=spf1 mx ip4:192.0.2.10 -all"']
    assert server.ask(ZONE, "MX") == [f"10 {HOST}.", "20 backup.example.net."]
    assert server.ask(f"www.{ZONE}", "A") == ["192.0.2.80"]
    # Nothing was chosen for DMARC, and what is there is valid.
    assert server.ask(f"_dmarc.{ZONE}", "TXT") == ['"v=DMARC1; p=reject"']
    # An RRset has one TTL: the new string took that of the others.
    assert next(c for c in done["changes"] if c["name"] == ZONE and c["action"] == "add" and c["type"] == "TXT")["ttl"] == 600


def test_a_default_never_replaces_a_record(make_server):
    server = make_server(records=['@ IN TXT "v=spf1 include:_spf.example.net mxx -all"'])
    status, done, _ = publish(server)
    assert status == 1 and done["outcome"] == "published"
    assert standings(done) == {(ZONE, "TXT"): "differs"}
    assert server.ask(ZONE, "TXT") == ['"v=spf1 include:_spf.example.net mxx -all"']


def test_broken_records_are_found_and_replaced(make_server):
    other = "v=DKIM1; k=ed25519; p=" + "C" * 43 + "="
    server = make_server(records=[
        "@ IN MX 0 .", "mx IN A 127.0.0.1", '@ IN TXT "v=spf1 mx -all"', '@ IN TXT "v=spf1 a -all"', f'ed._domainkey IN TXT "{other}"',
        '_dmarc IN TXT "v=DMARC1; p=rejekt"', '_dmarc IN TXT "unrelated"', "_25._tcp.mx IN TLSA 3 1 1 " + "cd" * 32])
    found = standings(check(server))
    assert found[(ZONE, "MX")] == "differs"
    assert found[(ZONE, "TXT")] == "duplicate"
    assert found[(f"ed._domainkey.{ZONE}", "TXT")] == "differs"
    assert found[(f"rsa._domainkey.{ZONE}", "TXT")] == "missing"
    assert found[(f"_dmarc.{ZONE}", "TXT")] == "differs"
    assert found[(f"_25._tcp.{HOST}", "TLSA")] in ("differs", "extra")
    status, done, said = publish(server, "--spf", SPF, "--dmarc", "quarantine")
    assert (status, done["outcome"]) == (0, "published"), said
    assert server.ask(ZONE, "TXT") == [f'"{SPF}"']
    assert server.ask(ZONE, "MX") == [f"10 {HOST}."]
    assert server.ask(f"_dmarc.{ZONE}", "TXT") == ['"unrelated"', f'"v=DMARC1; p=quarantine; rua=mailto:postmaster@{ZONE}"']
    assert [unsplit(line) for line in server.ask(f"ed._domainkey.{ZONE}", "TXT")] == [DKIM]
    assert len(server.ask(f"_25._tcp.{HOST}", "TLSA")) == 1


def test_a_selector_that_is_delegated_is_left_to_whom_it_is_delegated(make_server):
    server = make_server(records=["ed._domainkey IN CNAME ed.keys", f'ed.keys IN TXT "p={"A" * 43}=; k=ed25519"', "mta-sts IN A 192.0.2.7"])
    status, done, said = publish(server)
    assert (status, done["outcome"]) == (0, "published"), said
    assert server.ask(f"ed._domainkey.{ZONE}", "CNAME") == [f"ed.keys.{ZONE}."]
    delegated = next(f for f in done["findings"] if f["name"] == f"ed._domainkey.{ZONE}")
    assert delegated["standing"] == "ok" and f"ed.keys.{ZONE}" in delegated["message"]
    assert server.ask(f"mta-sts.{ZONE}", "A") == ["192.0.2.7"]


def test_a_wildcard_does_not_stand_in_the_way(make_server):
    """Its records show under every name that does not exist, so that a key seems to be there that is none."""
    server = make_server(records=['* IN TXT "v=spf1 -all"', '*.keys IN TXT "other"'])
    status, done, said = publish(server)
    assert (status, done["outcome"]) == (0, "published"), said
    assert [unsplit(line) for line in server.ask(f"ed._domainkey.{ZONE}", "TXT")] == [DKIM]
    assert server.ask(f"_dmarc.{ZONE}", "TXT") == [f'"{DMARC}"']
    assert server.ask(f"anything.{ZONE}", "TXT") == ['"v=spf1 -all"']
    assert publish(server)[1]["outcome"] == "unchanged"


def test_a_signed_zone_takes_updates(make_server, kind):
    server = make_server(signed=True)
    status, done, said = publish(server)
    assert (status, done["outcome"]) == (0, "published"), said
    signatures = run(["dig", "+tcp", "+dnssec", "+norecurse", "-p", server.port, "@127.0.0.1", f"_25._tcp.{HOST}", "TLSA"]).stdout.decode()
    assert "RRSIG" in signatures


def refusal(server, *options, **more):
    status, answer, said = publish(server, *options, **more)
    assert answer["error"]["what"] in said
    assert server.ask(ZONE, "MX") == []
    return status, answer["error"]["what"]


def test_a_key_that_the_server_does_not_have(server, workdir):
    status, what = refusal(server, key=TsigKey(workdir, "nobody.example"))
    assert status == 4 and "BADKEY" in what and "nobody.example" in what


def test_another_secret_under_the_name(server, workdir):
    status, what = refusal(server, key=TsigKey(workdir, server.key.name))
    assert status == 4 and "BADSIG" in what and "copy the key file" in what


@pytest.mark.parametrize("by", [-3600, 3600])
def test_clocks_too_far_apart(server, by):
    status, what = refusal(server, "--now", int(time.time()) + by)
    assert status == 4 and "BADTIME" in what and ("ahead" if by < 0 else "behind") in what


def test_a_key_that_may_not(make_server, workdir):
    stranger = TsigKey(workdir, "stranger.example")
    server = make_server(strangers=[stranger])
    status, what = refusal(server, key=stranger)
    assert status == 4 and what.startswith("BADKEY" if server.name == "knotd" else "REFUSED") and "stranger.example" in what


@pytest.mark.parametrize("grant, done", [("zonesub TXT MX TLSA A AAAA CNAME CAA SRV OPENPGPKEY SMIMEA", True), ("zonesub TXT", False)])
def test_the_policy_of_bind(workdir, grant, done):
    """The rule of docs/dns.md is enough; a narrower one refuses the whole update."""
    with Bind(workdir / "ns", ZONE, TsigKey(workdir, "update.postern.example"), grants=[grant]) as server:
        server.start()
        if done:
            assert publish(server)[1]["outcome"] == "published"
        else:
            status, what = refusal(server)
            assert status == 4 and what.startswith("REFUSED") and "update-policy" in what
            assert "not signed" not in what  # the server proved that it has the key
            assert server.ask(ZONE, "TXT") == []


def test_an_open_key_file_is_named(server):
    server.key.file.chmod(0o644)
    assert any("chmod 600" in note for note in publish(server)[1]["notes"])


def test_zones_that_are_not_there(server):
    status, what = refusal(server, "--zone", "example")
    assert status == 4 and ("NOTAUTH" in what or "REFUSED" in what) and "--zone" in what
    status, what = refusal(server, "--zone", "elsewhere.example")
    assert status == 2 and "not in the zone elsewhere.example" in what
    status, answer, _ = publish(server, domain="elsewhere.example")
    assert status == 1 and "no zone" in answer["error"]["what"] and "REFUSED" in answer["error"]["what"]


def test_a_server_that_is_not_there(server):
    server.stop()
    status, answer, _ = publish(server)
    assert status == 3 and "Connection refused" in answer["error"]["what"]


@pytest.mark.parametrize("text, field", [
    ("", "key file"), ('key "a" { algorithm hmac-md5; secret "AAAA"; };', "algorithm"), ('key "a" { algorithm hmac-sha256; };', "secret"),
    ('key "a" { algorithm hmac-sha256; secret "SECRET!"; };', "secret")])
def test_key_files_that_are_none(workdir, text, field):
    path = workdir / "bad.key"
    path.write_text(text)
    status, answer, said = postern("dns", "publish", ZONE, "--server", "127.0.0.1:1", "--tsig", path, *FACTS)
    assert status == 2 and answer["error"]["field"] == field
    assert "SECRET" not in said


def fixture_of(workdir, records):
    path = workdir / "zone.json"
    path.write_text(json.dumps({"records": records}))
    return path


def good_records():
    """As a resolver answers; each record DNSSEC-authentic."""
    def secure(**record):
        return {**record, "secure": True}
    return {
        ZONE: [secure(type="MX", pref=10, data=HOST), secure(type="TXT", data=SPF)],
        HOST: [secure(type="A", data="127.0.0.1")],
        f"ed._domainkey.{ZONE}": [secure(type="TXT", data=DKIM)],
        f"rsa._domainkey.{ZONE}": [secure(type="TXT", data=[RSA[:100], RSA[100:]])],
        f"_dmarc.{ZONE}": [secure(type="TXT", data=DMARC)],
        f"_mta-sts.{ZONE}": [secure(type="TXT", data="v=STSv1; id=1;")],
        f"mta-sts.{ZONE}": [secure(type="CNAME", data=HOST)],
        f"_smtp._tls.{ZONE}": [secure(type="TXT", data=f"v=TLSRPTv1; rua=mailto:postmaster@{ZONE}")],
        f"_25._tcp.{HOST}": [secure(type="TLSA", data=TLSA)],
    }


def judge(workdir, records):
    status, answer, _ = postern("dns", "check", ZONE, "--dns-fixture", fixture_of(workdir, records), *FACTS)
    assert status == 0  # evaluated, whatever it says
    return answer


def test_a_resolver_that_shows_all(workdir):
    answer = judge(workdir, good_records())
    assert answer["right"], answer


def test_a_ca_that_the_mx_host_does_not_allow(workdir):
    """RFC 8659 3: the records nearest to the name decide; the set above the domain is right for the domain, and not for the host."""
    records = good_records()
    records["example"] = [{"type": "CAA", "data": '0 issue "ca.example"'}]
    records[HOST].append({"type": "CAA", "data": '0 issue "other.example"'})
    _, answer, _ = postern("dns", "check", ZONE, "--dns-fixture", fixture_of(workdir, records), *FACTS, "--caa", "ca.example")
    found = [(f["name"], f["standing"]) for f in answer["findings"] if f["type"] == "CAA"]
    assert found == [(ZONE, "ok"), (HOST, "differs")] and not answer["right"]
    assert judge(workdir, records)["right"]  # nothing was chosen


@pytest.mark.parametrize("name, record, standing, words", [
    (f"_25._tcp.{HOST}", {"type": "TLSA", "data": TLSA}, "insecure", "DNSSEC"),
    (ZONE, {"type": "TXT", "data": "v=spf1 " + " ".join(f"a:h{i}.{ZONE}" for i in range(11)) + " -all"}, "differs", "10 lookups"),
    (ZONE, {"type": "TXT", "data": "v=spf1 ip4:192.0.2.1 -all"}, "differs", "127.0.0.1"),
    (ZONE, {"type": "TXT", "data": "v=spf1 +all"}, "differs", "anybody"),
    (f"ed._domainkey.{ZONE}", {"type": "TXT", "data": "v=DKIM1; p="}, "differs", "revoked"),
    # RFC 6376 3.6.1: right tags in an order that verifiers refuse
    (f"ed._domainkey.{ZONE}", {"type": "TXT", "data": DKIM.removeprefix("v=DKIM1; ") + "; v=DKIM1"}, "differs", "v= must stand first"),
    # RFC 7208 5.2: no word of lookups where they are not the fault
    (ZONE, {"type": "TXT", "data": "v=spf1 mx include:nx.example -all"}, "differs", "cannot evaluate it: include:nx.example has no SPF record; publishing"),
    # RFC 9989 4.10.1
    (f"_dmarc.{ZONE}", {"type": "TXT", "data": "v=DMARC1; p=reject; sp=quarantin; rua=mailto:a@" + ZONE}, "differs", "sp=quarantin is not valid: receivers apply p=none"),
    (f"_dmarc.{ZONE}", {"type": "TXT", "data": "v=DMARC1; p=reject; np=no"}, "differs", "np=no is not valid: receivers apply no DMARC at all"),
    # RFC 9991 5, RFC 9990 4
    (f"_dmarc.{ZONE}", {"type": "TXT", "data": f"v=DMARC1; p=none; rua=mailto:a@{ZONE}; ruf=mailto:x@reports.example.net"}, "differs",
     f"ruf=mailto:x@reports.example.net: reports.example.net does not say that it takes them: no record v=DMARC1 at {ZONE}._report._dmarc.reports.example.net"),
    (f"_dmarc.{ZONE}", {"type": "TXT", "data": "v=DMARC1; p=none; rua=mailto:x@reports.example.net"}, "differs",
     f"{ZONE}._report._dmarc.reports.example.net"),
    (f"_mta-sts.{ZONE}", {"type": "TXT", "data": "v=STSv1; id=not-an-id;"}, "differs", "id"),
    (f"_smtp._tls.{ZONE}", {"type": "TXT", "timeout": True}, "unreachable", "timeout"),
])
def test_what_a_resolver_shows_wrong(workdir, name, record, standing, words):
    records = good_records()
    records[name] = [other for other in records[name] if other["type"] != record["type"]] + [record]
    answer = judge(workdir, records)
    assert not answer["right"]
    wrong = [finding for finding in answer["findings"] if not finding["right"]]
    assert [(finding["name"], finding["standing"]) for finding in wrong if finding["type"] == record["type"]] == [(name, standing)], wrong
    assert any(words in finding["message"] for finding in wrong), wrong


def test_reports_that_another_domain_agreed_to(workdir):
    records = good_records()
    records[f"_dmarc.{ZONE}"] = [{"type": "TXT", "data": "v=DMARC1; p=reject; rua=mailto:x@reports.example.net!10m"}]
    records[f"{ZONE}._report._dmarc.reports.example.net"] = [{"type": "TXT", "data": "v=DMARC1;"}]
    assert judge(workdir, records)["right"]
    records[f"_dmarc.{ZONE}"] = [{"type": "TXT", "data": "v=DMARC1; p=reject; t=y; ruf=mailto:x@reports.example.net"}]
    answer = judge(workdir, records)
    (dmarc,) = [finding for finding in answer["findings"] if finding["name"] == f"_dmarc.{ZONE}"]
    assert answer["right"] and "without rua" in dmarc["message"] and "t=y" in dmarc["message"], dmarc


def test_the_records_of_a_running_daemon(make_daemon, workdir, kind):
    """Keys come from the daemon, everything is published and right; without it, what is missing is said."""
    daemon = make_daemon()
    daemon.config["dkim"] = []
    daemon.dkim("ed", "dkim_key", "ed25519-sha256").start()
    answer = daemon.json("dns", "records", ZONE)
    by_kind = {record["kind"]: record for record in answer["records"]}
    assert by_kind["dkim"]["name"] == f"ed._domainkey.{ZONE}" and "k=ed25519; p=" in by_kind["dkim"]["data"]
    assert by_kind["tlsa"]["data"].startswith("3 1 1 ")
    shown = run(["openssl", "x509", "-noout", "-pubkey"], input=_certificate_of(daemon)).stdout
    spki = run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=shown).stdout
    digest = run(["openssl", "dgst", "-sha256", "-r"], input=spki).stdout.decode().split()[0]
    assert by_kind["tlsa"]["data"] == f"3 1 1 {digest}"

    key = TsigKey(workdir, "update.postern.example")
    with kind(workdir / "ns", ZONE, key) as server:
        server.start()
        done = daemon.json("dns", "publish", ZONE, "--server", server.address, "--tsig", key.file, "--address", "127.0.0.1")
        assert done["outcome"] == "published" and done["right"]
        assert [unsplit(line) for line in server.ask(f"ed._domainkey.{ZONE}", "TXT")] == [unsplit(by_kind["dkim"]["data"])]
        daemon.stop()
        down = daemon.cli("--json", "dns", "check", ZONE, "--server", server.address, check=False)
        answer = json.loads(down.stdout)
        assert down.returncode == 1
        assert [f["name"] for f in answer["findings"] if not f["right"]] == [f"ed._domainkey.{ZONE}"]
        assert any("posternd" in note for note in answer["notes"])


def _owner(local, label):
    return hashlib.sha256(local.encode()).hexdigest()[:56] + f".{label}.{ZONE}"


def test_the_keys_of_people(make_daemon, workdir, kind):
    """OPENPGPKEY and SMIMEA of everybody who has a key: shown, published, as dig and others read them, and right."""
    daemon = make_daemon()
    daemon.config["dkim"] = []
    daemon.start()
    certificate = daemon.cli("identity", "certificate", f"alice@{ZONE}").stdout
    armored = daemon.cli("identity", "certificate", f"alice@{ZONE}", "--kind", "openpgp").stdout
    daemon.cli("identity", "certificate", f"bob@{ZONE}")
    daemon.cli("identity", "certificate", "carol@elsewhere.example")
    names = {record["name"] for record in daemon.json("dns", "records", ZONE, "--people")["records"]
             if record["kind"] in ("openpgpkey", "smimea")}
    assert names == {_owner("alice", "_openpgpkey"), _owner("alice", "_smimecert"), _owner("bob", "_smimecert")}
    assert not any(record["kind"] == "smimea" for record in daemon.json("dns", "records", ZONE)["records"])

    key = TsigKey(workdir, "update.postern.example")
    with kind(workdir / "ns", ZONE, key, records=[f"{_owner('bob', '_smimecert').split('.' + ZONE)[0]} IN SMIMEA 3 1 1 {'ab' * 32}"]) as server:
        server.start()
        where = ["dns", "publish", ZONE, "--server", server.address, "--tsig", key.file, "--address", "127.0.0.1", "--people"]
        done = daemon.json(*where)
        assert done["outcome"] == "published" and done["right"], done
        (shown,) = server.ask(_owner("alice", "_smimecert"), "SMIMEA")
        der = run(["openssl", "x509", "-outform", "DER"], input=certificate).stdout
        assert shown.replace(" ", "").lower() == "300" + der.hex()
        (shown,) = server.ask(_owner("alice", "_openpgpkey"), "OPENPGPKEY")
        assert base64.b64decode(shown.replace(" ", "")) == _dearmored(workdir, armored)
        assert len(server.ask(_owner("bob", "_smimecert"), "SMIMEA")) == 2  # the digest may be bob's own
        assert daemon.json(*where)["outcome"] == "unchanged"
        # Without --people they do not count.
        assert daemon.json("dns", "check", ZONE, "--server", server.address)["right"]

    page = daemon.api_json("GET", "/identities?limit=1")
    assert len(page["identities"]) == 1 and page["next"]
    rest = daemon.api_json("GET", f"/identities?after={page['next']}")
    assert {one["address"] for one in page["identities"] + rest["identities"]} == {f"alice@{ZONE}", f"bob@{ZONE}", "carol@elsewhere.example"}
    assert len(rest["identities"]) == 2 and rest["next"] == ""
    assert daemon.api("GET", "/identities?after=zz")[0] == 400
    assert daemon.api("GET", "/identities?limit=1000")[0] == 400
    daemon.stop()
    down = daemon.cli("dns", "records", ZONE, "--people", check=False)
    assert down.returncode == 3 and b"posternd" in down.stderr


def _dearmored(workdir, armored):
    source, target = workdir / "alice.asc", workdir / "alice.pgp"
    source.write_bytes(armored)
    run(["gpg", "--homedir", _gpg_home(workdir), "--batch", "--output", target, "--dearmor", source])
    return target.read_bytes()


def _gpg_home(workdir):
    home = workdir / "gpg"
    home.mkdir(mode=0o700, exist_ok=True)
    return home


@pytest.mark.parametrize("listeners, found", [
    ([("0.0.0.0:465", "implicit"), ("0.0.0.0:587", "required")], {"_submissions._tcp": 465, "_submission._tcp": 587}),
    ([("127.0.0.1:465", "implicit"), ("0.0.0.0:2587", "required")], {}),
    ([("0.0.0.0:465", "required")], {}),
])
def test_listeners_that_mail_programs_look_for(workdir, listeners, found):
    """Known from the configuration, without a daemon; what only this machine reaches is nothing for them."""
    path = workdir / "postern.toml"
    path.write_text(f'[server]\nhostname = "{HOST}"\n[storage]\ndata_dir = "{workdir}/var"\n[domains]\nlocal = ["{ZONE}"]\n' + "".join(
        f'[[listener]]\nkind = "submission"\naddress = "{address}"\ntls = "{tls}"\n' for address, tls in listeners))
    status, answer, said = postern("--config", path, "dns", "records", ZONE, "--no-tlsa")
    assert status == 0, said
    shown = {record["name"]: record for record in answer["records"] if record["kind"] == "service"}
    assert {name: record["data"] for name, record in shown.items()} == {
        f"{name}.{ZONE}": f"{0 if port == 465 else 10} 1 {port} {HOST}." for name, port in found.items()}
    assert all(record["default"] for record in shown.values())


def _certificate_of(daemon):
    """What the MX listener shows after STARTTLS."""
    done = run(["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{daemon.port('mx')}"], input="QUIT\n", check=False)
    return done.stdout
