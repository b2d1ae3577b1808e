"""`postern dmarc check`: results in, verdict out, by tree walk or by the list of publicsuffix.org that Debian has."""

import json
import os
import pathlib
import subprocess

import pytest

from peers.daemon import binary

COMMAND = os.environ.get("POSTERN_BIN") or str(binary("postern"))
LIST = pathlib.Path("/usr/share/publicsuffix/public_suffix_list.dat")
ZONE = {"records": {"_dmarc.shop.co.uk": [{"type": "TXT", "data": "v=DMARC1; p=reject; sp=quarantine"}],
                    "_dmarc.example.org": [{"type": "TXT", "data": "v=DMARC1; p=none; aspf=s"}],
                    "_dmarc.away.example": [{"timeout": True}]}}


def check(workdir, *arguments, expected=0):
    zone = workdir / "zone.json"
    zone.write_text(json.dumps(ZONE))
    done = subprocess.run([COMMAND, "--json", "dmarc", "check", "--dns-fixture", zone, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == expected, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_aligned_and_not(workdir):
    assert check(workdir, "--from", "example.org", "--dkim", "pass:news.example.org")["result"] == "pass"
    assert check(workdir, "--from", "example.org", "--spf", "pass:news.example.org")["result"] == "fail", "aspf=s"
    assert check(workdir, "--from", "example.org", "--spf", "softfail:example.org", "--dkim", "fail:example.org", "--dkim", "pass:other.example")["result"] == "fail"
    below = check(workdir, "--from", "news.shop.co.uk", "--spf", "fail:x.example")
    assert (below["result"], below["policy"], below["org_domain"]) == ("fail", "quarantine", "shop.co.uk")


def test_nothing_published_and_dns_away(workdir):
    none = check(workdir, "--from", "nobody.example", "--spf", "pass:nobody.example")
    assert (none["result"], none["policy"], none["org_domain"]) == ("none", "none", "nobody.example")
    assert check(workdir, "--from", "away.example", "--spf", "pass:away.example")["result"] == "temperror"


@pytest.mark.skipif(not LIST.exists(), reason="Debian's publicsuffix is not installed")
def test_the_real_public_suffix_list(workdir):
    found = check(workdir, "--from", "a.b.shop.co.uk", "--dkim", "pass:mail.shop.co.uk", "--psl", LIST)
    assert (found["result"], found["org_domain"]) == ("pass", "shop.co.uk")
    assert check(workdir, "--from", "x.y.city.kawasaki.jp", "--psl", LIST)["org_domain"] == "city.kawasaki.jp"
    assert check(workdir, "--from", "a.b.c.kawasaki.jp", "--psl", LIST)["org_domain"] == "b.c.kawasaki.jp"
    assert check(workdir, "--from", "www.食狮.公司.cn", "--psl", LIST)["org_domain"] == "xn--85x722f.xn--55qx5d.cn"


def test_what_cannot_be_asked(workdir):
    assert check(workdir, "--from", "example.org", "--spf", "maybe:x", expected=2)["error"]["field"] == "--spf"
    assert check(workdir, "--from", "nodots")["result"] == "permerror"
    address = check(workdir, "--from", "user@example.org", expected=2)["error"]
    assert address["field"] == "--from" and "the domain alone" in address["what"]
