"""`postern dane check` beside OpenSSL's own DANE in `openssl s_client` (RFC 6698, 7671, 7672)."""

import hashlib
import json
import os
import subprocess
import time

import pytest

from peers.daemon import binary

NAME = "mx.example.org"
AT = int(time.time()) + 10 * 86400  # when all is judged


def openssl(*arguments, stdin=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


def postern(*arguments, stdin=b""):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)


class Authority:
    """A root and the leaves it signs, made by OpenSSL."""

    def __init__(self, folder):
        self.folder = folder
        self.root = self.path("root.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path("root.key"),
                "-out", self.root, "-subj", "/CN=root", "-days", 3650, "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return self.folder / name

    def leaf(self, name, dns, days=3000):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key"),
                "-out", self.path(name + ".csr"), "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + dns)
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.root, "-CAkey", self.path("root.key"), "-copy_extensions",
                "copyall", "-days", days, "-out", self.path(name + ".pem"))
        return self.path(name + ".pem")


def tlsa(usage, selector, matching, pem):
    data = openssl("x509", "-in", pem, "-outform", "DER")
    if selector == 1:
        data = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", pem, "-pubkey", "-noout"))
    data = [data.hex(), hashlib.sha256(data).hexdigest(), hashlib.sha512(data).hexdigest()][matching]
    return f"{usage} {selector} {matching} {data}"


class Server:
    """`openssl s_server` with this chain, until the block ends."""

    def __init__(self, leaf, chain):
        self.arguments = ["-cert", leaf, "-key", leaf.with_suffix(".key")] + (["-cert_chain", chain] if chain else [])

    def __enter__(self):
        self.process = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-no-CAfile", "-no-CApath", *map(str, self.arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in self.process.stdout:  # "ACCEPT 127.0.0.1:PORT"
            if line.startswith(b"ACCEPT"):
                self.port = int(line.rsplit(b":", 1)[1])
                return self
        raise AssertionError("openssl s_server did not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def openssl_says(leaf, chain, records, name=NAME):
    with Server(leaf, chain) as server:
        wanted = [word for record in records for word in ("-dane_tlsa_rrdata", record)]
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-dane_tlsa_domain", name, *wanted,
                               "-dane_ee_no_namechecks", "-attime", str(AT), "-verify_return_error", "-brief"],
                              input=b"", capture_output=True, timeout=60, check=False)
    return done.returncode == 0 and b"Verification: OK" in done.stdout + done.stderr


def we_say(leaf, chain, records, name=NAME):
    pem = leaf.read_bytes() + (chain.read_bytes() if chain else b"")
    wanted = [word for record in records for word in ("--tlsa", record)]
    done = postern("dane", "check", *wanted, "--chain", "-", "--name", name, "--at", AT, "--json", stdin=pem)
    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr  # contracts.md: evaluated, whatever the verdict
    return answer


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("dane"))
    authority.good = authority.leaf("good", NAME)
    authority.wrong = authority.leaf("wrong", "mx.example.net")
    authority.old = authority.leaf("old", NAME, days=1)
    return authority


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("leaf", ["good", "wrong", "old"])
def test_every_kind_of_record_as_openssl_judges_it(world, usage, selector, matching, leaf):
    server = getattr(world, leaf)
    records = [tlsa(usage, selector, matching, world.root if usage == 2 else server)]
    ours = we_say(server, world.root, records)
    assert (ours["result"] == "match") == openssl_says(server, world.root, records), ours
    assert (ours["result"] == "match") == (usage == 3 or leaf == "good"), ours


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1])
def test_an_anchor_that_is_not_sent(world, selector, matching):
    records = [tlsa(2, selector, matching, world.root)]
    ours = we_say(world.good, None, records)
    assert (ours["result"] == "match") == openssl_says(world.good, None, records), ours
    assert (ours["result"] == "match") == (matching == 0), ours


def test_a_weaker_digest_does_not_count_beside_a_stronger(world):
    records = [tlsa(3, 1, 1, world.good), tlsa(3, 1, 2, world.wrong)]
    assert we_say(world.good, None, records)["result"] == "mismatch"
    assert not openssl_says(world.good, None, records)
    records.append(tlsa(3, 0, 1, world.good))
    assert we_say(world.good, None, records)["result"] == "match"
    assert openssl_says(world.good, None, records)


def test_usages_0_and_1_are_unusable(world):
    ours = we_say(world.good, world.root, [tlsa(1, 1, 1, world.good), tlsa(0, 1, 1, world.root)])
    assert ours["result"] == "unusable" and ours["record"] is None
    assert [one["reason"] for one in ours["set_aside"]] == ["usages 0 and 1 are not for SMTP"] * 2


def test_why_each_record_does_not_count(world):
    """RFC 7672 3.1.3, RFC 6698 2.1.3, RFC 7671 9."""
    short, weaker, good = tlsa(3, 1, 1, world.good)[:-2], tlsa(3, 1, 1, world.good), tlsa(3, 1, 2, world.good)
    ours = we_say(world.good, None, [short, tlsa(1, 1, 1, world.good), good, weaker])
    assert ours["result"] == "match" and ours["record"] == good
    assert [(one["record"], one["reason"]) for one in ours["set_aside"]] == [
        (short, "the digest has not its length"), (tlsa(1, 1, 1, world.good), "usages 0 and 1 are not for SMTP"),
        (weaker, "another record of its usage and selector has a stronger digest")]
    said = postern("dane", "check", "--tlsa", short, "--chain", world.good)
    assert said.returncode == 0 and said.stdout.decode().splitlines()[0] == "unusable: no TLSA record can be used"
    assert f"{short} does not count: the digest has not its length" in said.stdout.decode()
    assert we_say(world.good, None, [weaker])["set_aside"] == []


@pytest.mark.parametrize("name", [NAME + ".", NAME.upper() + "."])
def test_names_as_dns_tools_print_them(world, name):
    assert we_say(world.good, world.root, [tlsa(2, 0, 1, world.root)], name)["result"] == "match"
    assert we_say(world.wrong, world.root, [tlsa(2, 0, 1, world.root)], name)["result"] == "mismatch"


@pytest.mark.parametrize("record, field", [("3 1 1 abc", "certificate association data"), ("3 1 x 00", "matching type"), ("900 1 1 00", "usage")])
def test_a_record_that_cannot_be_read_is_named(world, record, field):
    done = postern("dane", "check", "--tlsa", record, "--chain", world.good, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["field"] == field


def test_in_a_batch(world):
    line = json.dumps({"argv": ["dane", "check", "--tlsa", tlsa(3, 1, 1, world.good), "--chain", str(world.good), "--json"]})
    done = postern("batch", stdin=(line + "\n").encode())
    assert done.returncode == 0, done.stderr
    assert '"match"' in done.stdout.decode().replace("\\", "")
