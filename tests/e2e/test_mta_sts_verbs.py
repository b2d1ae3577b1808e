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


@pytest.mark.parametrize("mx, match", [("mail.example.com", True), ("mail.example.com.", True), ("MX1.example.net.", True), ("example.net", False), ("a.b.example.net", False)])
def test_hosts_of_a_policy(mx, match):
    status, answer = check(POLICY, mx)
    assert status == 0  # contracts.md: evaluated, whatever the verdict
    assert answer == {"mode": "enforce", "max_age": 604800, "mx": ["mail.example.com", "*.example.net"], "match": match}


@pytest.mark.parametrize("policy, field", [(b"", "version"), (POLICY.replace(b"enforce", b"strict"), "mode"), (POLICY.replace(b"604800", b"a week"), "max_age"),
                                           (b"<html></html>", "policy"), (POLICY + b" " * 65536, "policy")],
                         ids=["empty", "mode", "max_age", "html", "oversize"])
def test_an_invalid_policy_is_named(policy, field):
    status, answer = check(policy, "mail.example.com")
    assert status == 0 and answer["match"] is False and answer["mode"] is None and answer["mx"] == []
    assert answer["error"]["field"] == field


def test_what_cannot_be_asked(workdir):
    """2 is for usage and for files that cannot be read, and nothing else."""
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    for arguments in (["--policy", str(workdir / "none"), "--mx", "mx.example.org"], ["--policy", "-"], ["--policy", "-", "--mx", "a.example", "--now", "soon"]):
        done = subprocess.run([command, "mta-sts", "check", "--json", *arguments], input=POLICY, capture_output=True, timeout=60, check=False)
        assert done.returncode == 2 and "error" in json.loads(done.stdout), done


@pytest.mark.parametrize("mx", ["bücher.example", "BÜCHER.example.", "xn--bcher-kva.example"])
def test_international_hosts(mx):
    """RFC 8461 4.1: policies have A-labels."""
    assert check(POLICY + b"mx: xn--bcher-kva.example\r\n", mx)[1]["match"] is True
    assert check(POLICY, mx)[1]["match"] is False
