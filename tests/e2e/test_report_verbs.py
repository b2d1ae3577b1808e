"""`postern tlsrpt parse` and `postern dsn parse`: packed reports, bombs, and a bounce that Postfix's format and ours have in common."""

import gzip
import json
import os
import subprocess

import pytest

from peers import mimebytes
from peers.daemon import binary

COMMAND = os.environ.get("POSTERN_BIN") or str(binary("postern"))
REPORT = {"organization-name": "Peer", "date-range": {"start-datetime": "2026-11-24T00:00:00Z", "end-datetime": "2026-11-24T23:59:59Z"}, "report-id": "7",
          "policies": [{"policy": {"policy-type": "sts", "policy-domain": "postern.example", "mx-host": "mx.postern.example"},
                        "summary": {"total-successful-session-count": 10, "total-failure-session-count": 2},
                        "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 2, "receiving-mx-hostname": "mx.postern.example"}]}]}


def run(*arguments, data: bytes):
    return subprocess.run([COMMAND, *arguments], input=data, capture_output=True, timeout=60)


def test_a_report_packed_or_not():
    raw = json.dumps(REPORT).encode()
    plain, packed = (json.loads(run("tlsrpt", "parse", "--json", data=data).stdout) for data in (raw, gzip.compress(raw)))
    assert plain == packed and plain["policies"][0]["policy"]["mx-host"] == ["mx.postern.example"]
    text = run("tlsrpt", "parse", data=raw).stdout.decode()
    assert "10 sessions well, 2 failed" in text and "2 x certificate-expired at mx.postern.example" in text


def test_counts_written_as_texts():
    """RFC 8460 4.4 has numbers; some senders write texts."""
    odd = json.loads(json.dumps(REPORT))
    odd["policies"][0]["failure-details"][0]["failed-session-count"] = "3"
    done = run("tlsrpt", "parse", "--json", data=json.dumps(odd).encode())
    assert done.returncode == 0 and json.loads(done.stdout)["policies"][0]["failure-details"][0]["failed-session-count"] == 3
    odd["policies"][0]["failure-details"][0]["failed-session-count"] = "three"
    refused = run("tlsrpt", "parse", "--json", data=json.dumps(odd).encode())
    assert refused.returncode == 2 and json.loads(refused.stdout)["error"]["field"] == "policies[0].failure-details[0].failed-session-count"


@pytest.mark.parametrize("written, kind, shown", [
    (r"utf-8; b\x{FC}b@x.example", "utf-8", "büb@x.example"), (r"UTF-8;b\x{1F4EE}\x{2B}c@x.example", "utf-8", "b📮+c@x.example"),
    (r"utf-8; bü\x{5C}b@x.example", "utf-8", "bü\\b@x.example"),  # utf-8-addr-unitext
    ("utf-8; bü+b@x.example", "utf-8", "bü+b@x.example"),  # an address as it is
    (r"utf-8; b\x{D800}b@x.example", "utf-8", r"b\x{D800}b@x.example"), (r"utf-8; b\x{FC", "utf-8", r"b\x{FC"),
    (r"rfc822; b\x{FC}b@x.example", "rfc822", r"b\x{FC}b@x.example"), ("b@x.example", None, "b@x.example")])
def test_addresses_of_rfc_6533(written, kind, shown):
    report = ("From: mailer@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
              "--b\r\nContent-Type: message/global-delivery-status\r\n\r\nReporting-MTA: dns; mx.x.example\r\n\r\n"
              f"Final-Recipient: {written}\r\nOriginal-Recipient: {written}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n")
    done = run("dsn", "parse", "--now", "1790000000", data=report.encode())
    (recipient,) = json.loads(done.stdout)["recipients"]
    assert (recipient["final_recipient"], recipient.get("final_recipient_type")) == (shown, kind)
    assert (recipient["original_recipient"], recipient.get("original_recipient_type")) == (shown, kind)


def test_a_bomb_and_rubbish():
    bomb = run("tlsrpt", "parse", "--json", data=gzip.compress(b" " * (64 << 20)))
    assert bomb.returncode == 2 and json.loads(bomb.stdout)["error"]["code"] == "too_large", bomb.stdout
    rubbish = run("tlsrpt", "parse", "--json", data=b'{"organization-name": 5}')
    assert rubbish.returncode == 2 and json.loads(rubbish.stdout)["error"]["field"] == "organization-name"


def test_a_bounce_of_ours(daemon):
    """A report that the gateway writes says the same to a reader."""
    daemon.start()
    daemon.config["domains"]["recipients"] = [f"alice@postern.example"]
    daemon.restart()
    daemon.route("*", "smtp:127.0.0.1:1", tls="none")
    daemon.config["queue"] |= {"retry": ["1s"], "expire": "2s"}
    daemon.restart()
    daemon.submit(sender="alice@postern.example", to="nobody@example.net")
    bounce = daemon.await_mail("alice@postern.example", seconds=40)[0]
    read = json.loads(run("dsn", "parse", data=bounce).stdout)
    assert read["reporting_mta"] == "mail.postern.example"
    (recipient,) = read["recipients"]
    assert recipient["final_recipient"] == "nobody@example.net" and recipient["action"] == "failed" and recipient["status"].startswith(("4.", "5."))
    assert mimebytes.field(bounce, "Content-Type").startswith(b"multipart/report")
