"""S/MIME on X.400 contents beside openssl: does each verify and decrypt what the other made, octet for octet; is everything that is wrong with a signature told
by name; do messages go signed and encrypted from a mailbox to another; do status and health say what is wrong with our own certificates?"""

import base64
import json
import subprocess
import types

import pytest
from cryptography.hazmat.primitives import hashes

from peers import ber, x400_smime
from peers.base import wait_until
from peers.certs import TestAuthority
from peers.daemon import binary
from peers.x400_people import Person, configure
from peers.x400_values import ORName

ALICE, BOB = "C=DE;A= ;P=NORTH;O=Works;S=Alice", "C=DE;A= ;P=NORTH;O=Works;S=Bob"
ALICE_NAME, BOB_NAME = (ORName(country="DE", prmd="NORTH", organization="Works", surname=surname) for surname in ("Alice", "Bob"))
# Any octets may be a content; these begin as a P22 message does, and are none.
CONTENT = b"\xa0\x80content of no meaning, with \x00\x0d\x0a\x0a in it\x00\x00" * 40


class People:
    """Alice with her folder, Bob with his, one authority."""

    def __init__(self, directory, alice="p256", bob="p256", **wish):
        self.directory = directory
        self.authority = TestAuthority(directory / "authority")
        self.alice = x400_smime.person(self.authority, ALICE_NAME, label="alice", kind=alice, **wish)
        self.bob = x400_smime.person(self.authority, BOB_NAME, label="bob", kind=bob)
        x400_smime.install(directory / "alice", self.alice, "signing")
        x400_smime.install(directory / "alice", self.bob)
        x400_smime.install(directory / "bob", self.bob, "encryption")

    def seal(self, content: bytes, *options) -> bytes:
        (self.directory / "content.ber").write_bytes(content)
        out = self.directory / "sealed.p7m"
        done = command("seal", self.directory / "content.ber", "--certificates", self.directory / "alice", "--out", out, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return out.read_bytes()

    def open(self, sealed: bytes, originator=ALICE) -> dict:
        """The verdict, with the content."""
        (self.directory / "received.p7m").write_bytes(sealed)
        done = command("open", self.directory / "received.p7m", "--certificates", self.directory / "bob", "--trust", self.authority.pem,
                       "--originator", originator, "--json")
        verdict = json.loads(done.stdout)
        assert done.returncode == (0 if verdict["valid"] else 1), done.stdout + done.stderr
        if "octets_base64" in verdict:
            verdict["content"] = base64.b64decode(verdict["octets_base64"])
        return verdict


def command(*words) -> subprocess.CompletedProcess:
    return subprocess.run([binary("postern"), "x400", *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_openssl_verifies_what_is_signed(workdir, kind):
    people = People(workdir, alice=kind)
    sealed = people.seal(CONTENT, "--sign")
    assert x400_smime.verify(sealed, people.authority.pem, workdir) == CONTENT
    assert x400_smime.econtent_type(sealed) == x400_smime.P22
    assert ber.parse(sealed).indefinite_at() == [], "DER"


def test_the_content_type_goes_along(workdir):
    people = People(workdir)
    assert x400_smime.econtent_type(people.seal(CONTENT, "--sign", "--type", "1.3.26.0.4406.0.4.1")) == "1.3.26.0.4406.0.4.1"
    assert x400_smime.econtent_type(people.seal(CONTENT, "--sign", "--type", "2")) == "2.6.1.10.0"


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_what_openssl_signs_is_judged(workdir, kind):
    people = People(workdir, alice=kind)
    verdict = people.open(x400_smime.sign(CONTENT, people.alice, workdir))
    assert verdict["valid"] and verdict["content"] == CONTENT, verdict
    assert verdict["signers"][0]["addresses"] == [ALICE]


@pytest.mark.parametrize("bob", ["p256", "rsa2048"])
@pytest.mark.parametrize("profile", ["gcm", "cbc"])
def test_openssl_decrypts_what_is_encrypted(workdir, profile, bob):
    people = People(workdir, bob=bob)
    only = people.seal(CONTENT, "--encrypt", "--to", BOB, "--smime-profile", profile)
    assert x400_smime.decrypt(only, people.bob, workdir) == CONTENT
    both = people.seal(CONTENT, "--sign", "--encrypt", "--to", BOB, "--smime-profile", profile)
    signed = x400_smime.decrypt(both, people.bob, workdir)
    assert x400_smime.verify(x400_smime.content_info(x400_smime.SIGNED_DATA, signed), people.authority.pem, workdir) == CONTENT
    verdict = people.open(both)
    assert verdict["valid"] and verdict["content"] == CONTENT, verdict


@pytest.mark.parametrize("bob", ["p256", "rsa2048"])
@pytest.mark.parametrize("cipher", ["-aes-256-gcm", "-aes-256-cbc", "-aes-128-cbc"])
def test_what_openssl_encrypts_is_opened(workdir, cipher, bob):
    people = People(workdir, bob=bob)
    signed = x400_smime.sign(CONTENT, people.alice, workdir)
    verdict = people.open(x400_smime.encrypt(signed, [people.bob], workdir, cipher))
    assert verdict["valid"] and verdict["content"] == CONTENT, verdict
    assert verdict["authenticated"] == ("gcm" in cipher)
    assert not people.open(x400_smime.encrypt(CONTENT, [people.alice], workdir, cipher))["opened"], "to nobody here"


@pytest.mark.parametrize("days, kind, digest, words", [
    ((-30, -1), "p256", hashes.SHA256(), "expired"),
    ((2, 30), "p256", hashes.SHA256(), "not valid before"),
    ((-1, 90), "rsa1024", hashes.SHA256(), "1024 bits"),
    ((-1, 90), "p256", hashes.SHA1(), ""),
])
def test_certificates_that_are_not_believed(workdir, days, kind, digest, words):
    people = People(workdir, alice=kind, days=days, digest=digest)
    verdict = people.open(x400_smime.sign(CONTENT, people.alice, workdir))
    assert not verdict["valid"] and words in verdict["reason"], verdict
    assert verdict["content"] == CONTENT, "intact, and not believed"


def test_signatures_that_are_not_believed(workdir):
    people = People(workdir)
    assert "sha1" in people.open(x400_smime.sign(CONTENT, people.alice, workdir, x400_smime.P22, "sha1"))["reason"]
    stranger = TestAuthority(workdir / "elsewhere", name="Elsewhere")
    foreign = people.open(x400_smime.sign(CONTENT, x400_smime.person(stranger, ALICE_NAME, label="foreign", kind="p256"), workdir))
    assert not foreign["signers"][0]["trusted"] and not foreign["valid"]
    mallory = x400_smime.person(people.authority, ORName(country="DE", prmd="NORTH", organization="Works", surname="Mallory"), label="mallory", kind="p256")
    assert "does not name the originator" in people.open(x400_smime.sign(CONTENT, mallory, workdir))["reason"]
    nobody = x400_smime.person(people.authority, label="nobody", emails=["alice@example.org"], kind="p256")
    assert "does not name the originator" in people.open(x400_smime.sign(CONTENT, nobody, workdir))["reason"]
    by_mail = people.open(x400_smime.sign(CONTENT, nobody, workdir), "C=DE;A= ;P=GW;DDA:RFC-822=alice(a)example.org")
    assert by_mail["valid"], by_mail


def test_a_changed_octet_is_caught(workdir):
    people = People(workdir)
    for sealed in (people.seal(CONTENT, "--sign"), people.seal(CONTENT, "--sign", "--encrypt", "--to", BOB)):
        changed = bytearray(sealed)
        changed[len(CONTENT) // 2] ^= 1
        verdict = people.open(bytes(changed))
        assert not verdict["valid"] and "content" not in verdict, verdict
    retyped = people.seal(CONTENT, "--sign").replace(ber.oid(x400_smime.P22), ber.oid("2.6.1.10.0"), 1)
    assert "content" not in people.open(retyped), "RFC 5652 11.1: the type is signed as well"


def test_what_cannot_be_made_is_refused(workdir):
    people = People(workdir)
    (workdir / "content.ber").write_bytes(CONTENT)
    alice, nothing = people.directory / "alice", workdir / "nothing"
    for folder, options, words in ((alice, (), "--sign"), (alice, ("--encrypt",), "--to"), (nothing, ("--sign",), "signing.pem"),
                                   (alice, ("--encrypt", "--to", ALICE.replace("Alice", "Carol")), "Carol"), (alice, ("--sign", "--type", "40"), "content-type")):
        done = command("seal", workdir / "content.ber", "--certificates", folder, *options)
        assert done.returncode != 0 and words in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("protocol", ["p3", "p7"])
def test_from_mailbox_to_mailbox(daemon, protocol):
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.start()
    people = People(daemon.directory)
    alice, bob = Person(daemon, ALICE), Person(daemon, BOB)
    alice.submit(BOB, "For your eyes only", protocol, "--sign", "--encrypt", "--certificates", str(people.directory / "alice"))
    [entry] = bob.wait(1)
    raw = daemon.directory / "raw.p7m"
    opened = daemon.json("x400", "message", str(entry["number"]), *bob.options("p7"), "--certificates", str(people.directory / "bob"), "--trust",
                         str(people.authority.pem), "--raw", str(raw))
    assert opened["smime"]["valid"] and opened["smime"]["encrypted"], opened
    assert "For your eyes only" in str(opened["content"])
    assert b"eyes" not in raw.read_bytes(), "as it was stored"
    signed = x400_smime.content_info(x400_smime.SIGNED_DATA, x400_smime.decrypt(raw.read_bytes(), people.bob, daemon.directory))
    assert b"For your eyes only" in x400_smime.verify(signed, people.authority.pem, daemon.directory)
    closed = daemon.json("x400", "message", str(entry["number"]), *bob.options("p7"), "--certificates", str(people.directory / "alice"))
    assert not closed["smime"]["opened"] and "content" not in closed, closed


def test_somebody_elses_certificate_is_told(daemon):
    """Mallory has a certificate of the right authority, and signs with it as Alice."""
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.start()
    people = People(daemon.directory)
    mallory = x400_smime.person(people.authority, ORName(country="DE", prmd="NORTH", organization="Works", surname="Mallory"), label="mallory", kind="p256")
    x400_smime.install(people.directory / "mallory", mallory, "signing")
    alice, bob = Person(daemon, ALICE), Person(daemon, BOB)
    alice.submit(BOB, "Believe me", "p3", "--sign", "--certificates", str(people.directory / "mallory"))
    [entry] = bob.wait(1)
    shown = daemon.cli("x400", "message", str(entry["number"]), *bob.options("p7"), "--trust", str(people.authority.pem)).stdout.decode()
    assert "does not name the originator " + ALICE in shown and "Believe me" in shown, shown


def checks(daemon) -> dict[str, tuple[str, str]]:
    return {each["name"]: (each["state"], each["text"]) for each in daemon.get_json("/status")["transport"]["findings"]}


def test_status_and_health_say_what_is_wrong(daemon):
    people = People(daemon.directory)
    x400_smime.install(daemon.smime_directory, people.alice, "signing")
    (daemon.directory / "roots.pem").write_bytes(people.authority.pem.read_bytes())
    daemon.config["security"]["smime"]["trust"] = "roots.pem"
    daemon.start()
    state, text = checks(daemon)["smime signing"]
    assert state == "ok" and "Alice" not in text, "status names no person: " + text
    (daemon.smime_directory / "signing.key").write_bytes(people.bob.key_pem)
    daemon.restart()
    assert checks(daemon)["smime signing"][0] == "failed"
    done = daemon.cli("health", check=False)
    assert done.returncode == 1 and b"does not belong" in done.stdout, done.stdout
    soon = x400_smime.person(people.authority, ALICE_NAME, label="soon", kind="p256", days=(-60, 10))
    x400_smime.install(daemon.smime_directory, soon, "signing")
    daemon.restart()
    assert checks(daemon)["smime signing"][0] == "warning"


def desk_of_alice(daemon, **smime) -> Person:
    """A daemon that is MTA and store, and whose own mailbox is Alice's in that store; Bob, whose certificate it knows."""
    configure(daemon, "north", "C=DE;A= ;P=NORTH")
    daemon.config["transport"] = {"mode": "native", "tls": {"enabled": False}}
    daemon.config["security"]["smime"].update(smime)
    daemon.start()
    bob, alice = Person(daemon, BOB), Person(daemon, ALICE)
    port = daemon.ports["x400"]
    daemon.stop()
    daemon.config["x400"]["address"] = f"127.0.0.1:{port}"
    folder = daemon.directory / "profiles"
    folder.mkdir(exist_ok=True)
    (folder / "desk.password").write_text(alice.password)
    (folder / "desk.toml").write_text(f'peer = "127.0.0.1:{port}"\nuser = "{ALICE}"\npassword_ref = "file:desk.password"\n')
    daemon.start()
    return bob


def given_to_herself(daemon, name: str, content: bytes, content_type: str) -> dict:
    """A whole content from Alice to Alice, and what came of it."""
    source = daemon.directory / f"{name}.content"
    source.write_bytes(content)
    daemon.cli("x400", "submit", "new", "--to", ALICE, "--content", str(source), "--content-type", content_type)

    def received():
        daemon.cli("x400", "access")
        return [each for each in daemon.json("x400", "list", "--folder", "inbox")["messages"] if each["kind"] == "message"]
    [entry] = wait_until(received, "the message", 30, every=0.2, details=daemon.log_tail)
    shown = daemon.json("x400", "message", entry["id"])
    daemon.cli("x400", "move", entry["id"], "archive")
    return {**json.loads(shown["attributes"]["postern.smime"]), "view": json.dumps(shown["view"])}


def what_bob_decrypts(bob: Person, count: int, people: People) -> bytes:
    """The signed object in his newest message."""
    entry = bob.wait(count)[-1]
    raw = people.directory / "raw.p7m"
    bob.daemon.cli("x400", "message", str(entry["number"]), *bob.options("p7"), "--raw", str(raw))
    return x400_smime.content_info(x400_smime.SIGNED_DATA, x400_smime.decrypt(raw.read_bytes(), people.bob, people.directory))


def test_keys_in_the_key_engine(daemon):
    """Openssl verifies what the key engine signed, and encrypts to the certificate that the daemon gives out, before and after the key is rotated."""
    people = People(daemon.directory)
    x400_smime.install(daemon.smime_directory, people.bob)
    (daemon.directory / "roots.pem").write_bytes(people.authority.pem.read_bytes())
    bob = desk_of_alice(daemon, x400_source="pki", x400_encrypt="should", trust="roots.pem")
    enrolled = daemon.json("identity", "certificate", ALICE, "--kind", "x400")
    first = daemon.directory / "first.pem"
    first.write_text(enrolled["certificate"])
    for name in ("smime signing", "smime encryption"):
        state, text = checks(daemon)[name]
        assert state == "ok" and "the built-in CA's certificate for a key of the key engine until " in text and "Alice" not in text, text
    daemon.cli("x400", "submit", "new", "--to", BOB, "--subject", "Good news", "--text", "For your eyes only")
    signed = what_bob_decrypts(bob, 1, people)
    assert b"For your eyes only" in x400_smime.verify(signed, daemon.ca, daemon.directory)

    daemon.cli("key", "rotate", enrolled["key"])
    second = daemon.directory / "second.pem"
    second.write_text(daemon.json("identity", "certificate", ALICE, "--kind", "x400")["certificate"])
    assert second.read_text() != first.read_text()
    for certificate in (first, second):
        to_alice = x400_smime.encrypt(signed, [types.SimpleNamespace(cert=certificate)], daemon.directory)
        verdict = given_to_herself(daemon, certificate.stem, to_alice, "1.2.840.113549.1.9.16.1.6")
        assert verdict["valid"] and verdict["encrypted"] and "For your eyes only" in verdict["view"], verdict
    assert not list(daemon.smime_directory.glob("*.key")), "no key is a file"

    # RFC 3855 2.2: in a MIME entity
    entity = (b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-x400; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n"
              + base64.encodebytes(signed).replace(b"\n", b"\r\n"))
    verdict = given_to_herself(daemon, "entity", entity, "1.2.840.113549.1.7.1")
    assert verdict["valid"] and not verdict["encrypted"] and "For your eyes only" in verdict["view"], verdict

    # Another authority's certificate for the same key: asked for by the engine, issued by openssl, a file without a key.
    request = daemon.vault().call("POST", f"transit/keys/{enrolled['key']}/csr", {}).data["csr"]
    (daemon.smime_directory / "signing.pem").write_bytes(x400_smime.issue(people.authority, request, ALICE_NAME, daemon.directory))
    daemon.restart()
    state, text = checks(daemon)["smime signing"]
    assert state == "ok" and "signing.pem for a key of the key engine until " in text, text
    daemon.cli("x400", "submit", "new", "--to", BOB, "--subject", "Good news", "--text", "Once more")
    assert b"Once more" in x400_smime.verify(what_bob_decrypts(bob, 2, people), people.authority.pem, daemon.directory)
