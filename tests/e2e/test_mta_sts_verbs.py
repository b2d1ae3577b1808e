"""`postern mta-sts check` (RFC 8461)."""

import json
import os
import subprocess

import pytest

from peers.daemon import binary

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


def check(policy, mx):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    done = subprocess.run([command, "mta-sts", "check", "--policy", "-", "--mx", mx, "--json"], input=policy, capture_output=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("mx, match", [("mail.example.com", True), ("MX1.example.net.", True), ("example.net", False), ("a.b.example.net", False)])
def test_hosts_of_a_policy(mx, match):
    status, answer = check(POLICY, mx)
    assert status == (0 if match else 1)
    assert answer == {"mode": "enforce", "max_age": 604800, "mx": ["mail.example.com", "*.example.net"], "match": match}


@pytest.mark.parametrize("policy, field", [(b"", "version"), (POLICY.replace(b"enforce", b"strict"), "mode"), (POLICY.replace(b"604800", b"a week"), "max_age"),
                                           (b"<html></html>", "policy"), (POLICY + b" " * 65536, "policy")],
                         ids=["empty", "mode", "max_age", "html", "oversize"])
def test_an_invalid_policy_is_named(policy, field):
    status, answer = check(policy, "mail.example.com")
    assert status == 2
    assert answer["error"]["field"] == field
