"""`postern tlsrpt parse` and `postern dsn parse`: packed reports, bombs, and a bounce that Postfix's format and ours have in common."""

import gzip
import json
import os
import subprocess

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


def test_a_bomb_and_rubbish():
    bomb = run("tlsrpt", "parse", "--json", data=gzip.compress(b" " * (64 << 20)))
    assert bomb.returncode == 1 and json.loads(bomb.stdout)["error"]["code"] == "too_large", bomb.stdout
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
