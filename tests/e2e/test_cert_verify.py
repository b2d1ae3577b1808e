"""`postern cert verify` beside `openssl verify -crl_check_all` and the answers of a real `openssl ocsp` responder (RFC 5280, 6960)."""

import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import time

import pytest

from peers.daemon import binary

NAME = "mx.example.org"
AT = int(time.time()) + 86400  # when all is judged


def openssl(*arguments, stdin=b"", check=True):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 or not check, done.stderr.decode("utf-8", "replace")
    return done


def postern(*arguments, stdin=b""):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)


@dataclasses.dataclass
class Party:
    """A certificate, its key, and for an authority the list of what it issued."""

    folder: pathlib.Path
    name: str
    issuer: "Party | None" = None

    @property
    def pem(self):
        return self.folder / f"{self.name}.pem"

    @property
    def key(self):
        return self.folder / f"{self.name}.key"

    @property
    def index(self):
        return self.folder / f"{self.name}.index"

    def serial(self):
        return openssl("x509", "-in", self.pem, "-noout", "-serial").stdout.decode().strip().partition("=")[2]

    def note(self, other, revoked="", reason="keyCompromise"):
        state, since = ("R", f"{revoked},{reason}") if revoked else ("V", "")
        with self.index.open("a") as index:
            index.write(f"{state}\t490101000000Z\t{since}\t{other.serial()}\tunknown\t/CN={other.name}\n")

    def crl(self, days=30, form="PEM", number=1, since=0):
        """A list of what is revoked in the index; `since`: the delta that begins with the list of that number (RFC 5280 5.2.4)."""
        settings = self.folder / f"{self.name}.cnf"
        (self.folder / f"{self.name}.number").write_text(f"{number:02X}\n")
        more = f"2.5.29.27=critical,DER:0201{since:02X}\n" if since else "freshestCRL=URI:http://crl.example.org/delta.crl\n"
        settings.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.index}\ncrlnumber={self.folder / self.name}.number\ndefault_md=sha256\n"
                            f"crl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n{more}")
        pem = self.folder / f"{self.name}.crl.pem"
        openssl("ca", "-config", settings, "-gencrl", "-keyfile", self.key, "-cert", self.pem, "-crldays", days, "-out", pem)
        return openssl("crl", "-in", pem, "-outform", form).stdout


class Tree:
    """root, intermediate, leaf; made by OpenSSL's command line."""

    def __init__(self, folder):
        self.folder, self._numbers = folder, itertools.count(0x1001)
        self.root = self.make("root", None, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n")
        self.middle = self.authority("middle", self.root)
        self.leaf = self.server("leaf", self.middle)

    def make(self, name, issuer, extensions, days=3000):
        party = Party(self.folder, name, issuer)
        extra = self.folder / f"{name}.ext"
        extra.write_text("[e]\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n" + extensions)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", party.key, "-out", self.folder / f"{name}.csr",
                "-subj", f"/CN={name}")
        by = ["-key", party.key] if issuer is None else ["-CA", issuer.pem, "-CAkey", issuer.key]
        openssl("x509", "-req", "-in", self.folder / f"{name}.csr", *by, "-set_serial", next(self._numbers), "-days", days, "-extfile", extra,
                "-extensions", "e", "-out", party.pem)
        party.index.write_text("")
        (self.folder / f"{name}.index.attr").write_text("unique_subject = no\n")
        if issuer:
            issuer.note(party)
        return party

    def authority(self, name, issuer):
        return self.make(name, issuer, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign,digitalSignature\n")

    def server(self, name, issuer, days=3000, more=""):
        return self.make(name, issuer, f"basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
                                       f"subjectAltName=DNS:{NAME}\n{more}", days)

    def revoke(self, party, when="250101000000Z", reason="keyCompromise"):
        """In its issuer's index; valid again without a time."""
        party.issuer.index.write_text("")
        party.issuer.note(party, when, reason)

    def lists(self, *of, **options):
        folder = self.folder / "lists"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for number, authority in enumerate(of):
            (folder / f"{authority.name}.crl").write_bytes(authority.crl(form=("PEM", "DER")[number % 2], **options))
        return folder

    def verify(self, *more, leaf=None, at=AT, name=f"dns:{NAME}"):
        """(verdict, why not) of ours."""
        done = postern("cert", "verify", "--json", "--leaf", (leaf or self.leaf).pem, "--intermediates", self.middle.pem, "--roots", self.root.pem,
                       "--at", at, "--name", name, *more)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert set(answer) == {"ok", "error"} and (answer["error"] == "") == answer["ok"], answer
        return answer["ok"], answer["error"]

    def openssl_verify(self, lists, *more, at=AT):
        every = self.folder / "all.crl.pem"
        every.write_bytes(b"".join(openssl("crl", "-in", path).stdout for path in sorted(lists.iterdir())))
        done = openssl("verify", "-x509_strict", "-crl_check_all", "-CRLfile", every, "-CAfile", self.root.pem, "-untrusted", self.middle.pem, "-attime", at,
                       "-verify_hostname", NAME, "-no-CApath", "-no-CAstore", *more, self.leaf.pem, check=False)
        return done.returncode == 0

    def ocsp(self, party, signer=None, days=3, more=()):
        """The answer of OpenSSL's responder for the party's issuer about it."""
        issuer, signer = party.issuer, signer or party.issuer
        request, answer = self.folder / "ask.der", self.folder / f"{party.name}.ocsp.der"
        openssl("ocsp", "-issuer", issuer.pem, "-cert", party.pem, "-no_nonce", "-reqout", request)
        openssl("ocsp", "-index", issuer.index, "-CA", issuer.pem, "-rsigner", signer.pem, "-rkey", signer.key, "-reqin", request, "-respout", answer,
                "-ndays", days, *more)
        return answer


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_paths_names_and_times(tree):
    assert tree.verify() == (True, "")
    assert tree.verify(name=f"dns:{NAME}.") == tree.verify(name=f"dns:{NAME.upper()}") == (True, ""), "DNS tools print the dot of the root"
    assert "not for other.example" in tree.verify(name="dns:other.example")[1]
    assert "not for 192.0.2.1" in tree.verify(name="ip:192.0.2.1")[1]
    assert "expired" in tree.verify(at=AT + 3001 * 86400)[1]
    assert "not valid before" in tree.verify(at="2020-01-01T00:00:00Z")[1]
    assert not tree.verify(name="email:a@example.org")[0]
    alone = postern("cert", "verify", "--leaf", tree.leaf.pem, "--roots", tree.root.pem, "--at", AT)
    assert alone.returncode == 0 and alone.stdout.startswith(b"not ok: ") and b"was not issued by a trusted authority" in alone.stdout


def test_lists_as_openssl_judges_them(tree):
    """Every combination of what is revoked and which lists are there, judged by both."""
    seen = set()
    for bad, (of_root, of_middle) in itertools.product(("", "leaf", "middle"), itertools.product((False, True), repeat=2)):
        for party in (tree.leaf, tree.middle):
            party.issuer.index.write_text("")
            party.issuer.note(party, "250101000000Z" if party.name == bad else "")
        lists = tree.lists(*[party for party, there in ((tree.root, of_root), (tree.middle, of_middle)) if there])
        ours, why = tree.verify("--crls", lists)
        assert ours == tree.openssl_verify(lists), (bad, of_root, of_middle, why)
        if bad and of_root and of_middle:
            assert f"CN={bad} is revoked at 2025-01-01T00:00:00" in why and "keyCompromise" in why, why
        seen.add(ours)
    assert seen == {True, False}


def test_deltas_as_openssl_judges_them(tree):
    """What changed since the complete list: revoked, released again, and a delta that belongs to another list."""
    def by_both(since, reason, held=False):
        tree.revoke(tree.leaf, "250101000000Z" if held else "")
        lists = tree.lists(tree.root, tree.middle)
        tree.revoke(tree.leaf, "250201000000Z", reason)
        (lists / "delta.crl").write_bytes(tree.middle.crl(number=since + 1, since=since))
        ours, why = tree.verify("--crls", lists)
        # Without -extended_crl OpenSSL 3.0 takes a delta for a complete list.
        assert ours == tree.openssl_verify(lists, "-use_deltas", "-extended_crl"), why
        return ours, why
    ours, why = by_both(1, "keyCompromise")
    assert not ours and "CN=leaf is revoked at 2025-02-01" in why, why
    assert by_both(1, "removeFromCRL", held=True)[0]
    assert by_both(2, "keyCompromise")[0], "it begins after the list that we have"


def test_lists_out_of_time(tree):
    lists = tree.lists(tree.root, tree.middle, days=2)
    assert tree.verify("--crls", lists)[0] and tree.openssl_verify(lists)
    late = AT + 5 * 86400
    assert "outdated" in tree.verify("--crls", lists, at=late)[1] and not tree.openssl_verify(lists, at=late)


def test_answers_of_a_responder(tree):
    good = tree.ocsp(tree.leaf)
    assert tree.verify("--ocsp", good) == (True, "")
    assert "outdated since" in tree.verify("--ocsp", good, at=AT + 5 * 86400)[1]
    tree.revoke(tree.leaf)
    assert "is revoked at 2025-01-01T00:00:00.000Z (keyCompromise)" in tree.verify("--ocsp", tree.ocsp(tree.leaf))[1]
    tree.middle.index.write_text("")
    assert "does not know the certificate" in tree.verify("--ocsp", tree.ocsp(tree.leaf))[1]


def test_answers_of_others_do_not_count(tree):
    delegate = tree.make("delegate", tree.middle, "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\n")
    assert tree.verify("--ocsp", tree.ocsp(tree.leaf, delegate)) == (True, "")
    assert "not for OCSP signing" in tree.verify("--ocsp", tree.ocsp(tree.leaf, tree.server("sibling", tree.middle)))[1]
    assert "RFC 6960" in tree.verify("--ocsp", tree.ocsp(tree.leaf, tree.root))[1]
    second = tree.server("second", tree.middle)
    assert "about other certificates" in tree.verify("--ocsp", tree.ocsp(second))[1]
    assert tree.verify("--ocsp", tree.ocsp(second), leaf=second)[0]


def test_an_answer_and_lists_together(tree):
    """A revocation counts whoever says it; with lists the whole path must be covered."""
    answer = tree.ocsp(tree.leaf)
    assert not tree.verify("--ocsp", answer, "--crls", tree.lists(tree.middle))[0], "of middle nobody speaks"
    assert tree.verify("--ocsp", answer, "--crls", tree.lists(tree.root)) == (True, "")
    tree.revoke(tree.leaf)
    assert "CN=leaf is revoked" in tree.verify("--ocsp", answer, "--crls", tree.lists(tree.root, tree.middle))[1]


def test_what_is_no_certificate(tree):
    junk = tree.folder / "junk"
    junk.write_bytes(b"\x30\x82\xff\xff junk")
    for arguments in (["--leaf", junk, "--roots", tree.root.pem], ["--leaf", tree.leaf.pem, "--roots", junk],
                      ["--leaf", tree.folder / "none.pem", "--roots", tree.root.pem], ["--leaf", tree.leaf.pem, "--roots", tree.root.pem, "--name", "mx"],
                      ["--leaf", tree.leaf.pem, "--roots", tree.root.pem, "--at", "soon"], ["--leaf", tree.leaf.pem],
                      ["--leaf", tree.leaf.pem, "--roots", tree.root.pem, "--crls", tree.folder / "none"]):
        done = postern("cert", "verify", "--json", *arguments)
        assert done.returncode == 2 and "error" in json.loads(done.stdout), (arguments, done)
    for broken in (b"", junk.read_bytes(), tree.ocsp(tree.leaf).read_bytes()[:-1], tree.ocsp(tree.leaf).read_bytes() + b"\0"):
        junk.write_bytes(broken)
        assert not tree.verify("--ocsp", junk)[0]
    lists = tree.lists(tree.root)
    (lists / "broken").write_bytes(b"\x30\x03junk")
    assert postern("cert", "verify", "--leaf", tree.leaf.pem, "--roots", tree.root.pem, "--crls", lists).returncode == 2


def test_in_a_batch(tree):
    line = {"id": 7, "argv": ["cert", "verify", "--json", "--leaf", str(tree.leaf.pem), "--intermediates", str(tree.middle.pem), "--roots",
                              str(tree.root.pem), "--at", str(AT)]}
    answers = postern("batch", stdin=(json.dumps(line) + "\n").encode() * 2).stdout.splitlines()
    assert [json.loads(answer)["json"] for answer in answers] == [{"ok": True, "error": ""}] * 2


def test_show(tree):
    leaf = tree.server("told", tree.middle, more="authorityInfoAccess=OCSP;URI:http://ocsp.example.org/\n"
                                                 "crlDistributionPoints=URI:http://crl.example.org/1.crl\ntlsfeature=status_request\n")
    (shown,) = json.loads(postern("cert", "show", "--json", leaf.pem).stdout)["certificates"]
    assert shown["subject"] == "CN=told" and shown["issuer"] == "CN=middle" and shown["dns"] == [NAME] and not shown["ca"]
    assert shown["ocsp"] == ["http://ocsp.example.org/"] and shown["crls"] == ["http://crl.example.org/1.crl"] and shown["must_staple"]
    wanted = openssl("x509", "-in", leaf.pem, "-noout", "-fingerprint", "-sha256").stdout.decode().strip().partition("=")[2]
    assert shown["sha256"] == wanted.replace(":", "").lower()
    text = postern("cert", "show", stdin=leaf.pem.read_bytes() + tree.root.pem.read_bytes()).stdout.decode()
    assert text.count("fingerprint") == 2 and "OCSP         http://ocsp.example.org/" in text and "stapling" in text
    assert postern("cert", "show", stdin=b"nothing").returncode == 2
