"""Postern opens and verifies what openssl cms, gpg and Sequoia sealed for its people; and delivers nothing whose integrity check failed."""

import re
import secrets

import pytest

from peers import mimebytes, sealtools
from peers.base import wait_until
from peers.certs import TestAuthority

BOB = "bob@postern.example"
CAROL = "carol@example.org"
MARKER = b"the fox is in the henhouse"
ENTITY = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + MARKER + b"\r\n"
TRACE_FIELD = "X-Postern-Seal"


@pytest.fixture
def opening(daemon, authority):
    """A running daemon that trusts the peers' authority for S/MIME and has keys for Bob."""
    daemon.config["security"]["smime"]["trust"] = str(authority.pem)
    daemon.start()
    return daemon


def bobs_certificate(daemon, workdir):
    path = workdir / "bob.crt"
    path.write_bytes(daemon.certificate_of(BOB))
    return path


def delivered(daemon, raw: bytes) -> bytes:
    """Sends by the MX door, over TLS, and returns what lies in Bob's mailbox."""
    daemon.send(CAROL, [BOB], raw, listener="mx")
    return daemon.await_mail(BOB)[0]


def assert_opened(raw: bytes, kind: str, signature: str | None = None):
    """The inner entity took the place of the outer one; the message's own fields stay; the trace says what was found."""
    assert MARKER in raw
    names = mimebytes.field_names(raw)
    for name in ("from", "to", "subject", "date", "message-id", "content-type"):
        assert names.count(name) == 1, f"{name} stands {names.count(name)} times"
    assert mimebytes.field(raw, "Content-Type").startswith(b"text/plain"), mimebytes.field(raw, "Content-Type")
    trace = (mimebytes.field(raw, TRACE_FIELD) or b"").decode()
    assert f"opened={kind}" in trace, f"{TRACE_FIELD}: {trace!r}"
    if signature:
        assert re.search(signature, trace), f"{TRACE_FIELD}: {trace!r}"


@pytest.mark.parametrize("cipher", ["-aes-256-gcm", "-aes-128-gcm", "-aes-256-cbc"])
def test_smime_encrypted_by_openssl_is_opened(opening, workdir, cipher):
    entity = sealtools.cms_encrypt(ENTITY, [bobs_certificate(opening, workdir)], workdir, cipher)
    raw = delivered(opening, sealtools.under_header(entity, CAROL, BOB))
    assert_opened(raw, "smime", "signature=none")


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_both_kinds_of_own_smime_keys_open(daemon, workdir, key):
    """RSA by OAEP and ECDH, as security.smime.identity_key says."""
    daemon.config["security"]["smime"]["identity_key"] = {"rsa": "rsa-2048", "ec": "ecdsa-p256"}[key]
    daemon.start()
    entity = sealtools.cms_encrypt(ENTITY, [bobs_certificate(daemon, workdir)], workdir)
    assert_opened(delivered(daemon, sealtools.under_header(entity, CAROL, BOB)), "smime")


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
def test_smime_signed_then_encrypted_is_opened_and_verified(opening, workdir, authority, kind):
    carol = authority.person(CAROL, kind)
    signed = sealtools.cms_sign(ENTITY, carol, workdir)
    entity = sealtools.cms_encrypt(signed, [bobs_certificate(opening, workdir)], workdir)
    raw = delivered(opening, sealtools.under_header(entity, CAROL, BOB))
    assert MARKER in raw
    trace = mimebytes.field(raw, TRACE_FIELD)
    assert b"opened=smime" in trace and b"signature=valid" in trace and b"signer=carol@example.org" in trace, trace
    # What was signed stays signed: the recipient can check it again.
    sealtools.cms_verify(raw, authority.pem, workdir)


@pytest.mark.parametrize("fault, expected", [("good", b"signature=valid"), ("unknown authority", b"signature=invalid"), ("expired", b"signature=invalid"),
                                             ("another person", b"signature=invalid"), ("altered", b"signature=invalid")])
def test_smime_signatures_are_judged_and_the_message_left_alone(opening, workdir, authority, fault, expected):
    carol = {"unknown authority": lambda: TestAuthority(workdir / "other").person(CAROL),
             "expired": lambda: authority.person(CAROL, days=(-30, -1), label="carol-expired"),
             "another person": lambda: authority.person("mallory@example.org")}.get(fault, lambda: authority.person(CAROL))()
    raw = sealtools.under_header(sealtools.cms_sign(ENTITY, carol, workdir), CAROL, BOB)
    if fault == "altered":
        raw = raw.replace(b"fox", b"dog")
    got = delivered(opening, raw)
    assert mimebytes.carries_unchanged(raw, got)
    assert expected in mimebytes.field(got, TRACE_FIELD), mimebytes.field(got, TRACE_FIELD)


@pytest.mark.parametrize("signed", [False, True])
def test_openpgp_by_gpg_is_opened(opening, gnupg, signed):
    bob = gnupg.import_certificate(opening.openpgp_certificate_of(BOB))
    (opening.openpgp_directory / "gina.asc").write_bytes(gnupg.certificate("gina@example.net"))
    opening.restart()
    sender = "gina@example.net"
    ciphertext = gnupg.encrypt(ENTITY, [bob], sign_as=sender if signed else None)
    opening.send(sender, [BOB], sealtools.pgp_encrypted_message(ciphertext, sender, BOB), listener="mx")
    assert_opened(opening.await_mail(BOB)[0], "openpgp", "signature=valid; signer=gina@example.net" if signed else "signature=none")


@pytest.mark.parametrize("signed", [False, True])
def test_openpgp_by_sequoia_is_opened(opening, sequoia, signed):
    key = sequoia.new_key("sven@example.net")
    (opening.openpgp_directory / "sven.asc").write_bytes(sequoia.certificate(key))
    certificate = opening.openpgp_certificate_of(BOB)
    opening.restart()
    ciphertext = sequoia.encrypt(ENTITY, [certificate], key if signed else None)
    opening.send("sven@example.net", [BOB], sealtools.pgp_encrypted_message(ciphertext, "sven@example.net", BOB), listener="mx")
    assert_opened(opening.await_mail(BOB)[0], "openpgp", "signature=valid; signer=sven@example.net" if signed else "signature=none")


@pytest.mark.parametrize("fault, expected", [("good", b"signature=valid"), ("altered", b"signature=invalid"), ("unknown key", b"signature=unknown-key")])
def test_openpgp_signatures_are_judged_and_the_message_left_alone(opening, gnupg, fault, expected):
    sender = "gina@example.net"
    if fault != "unknown key":
        (opening.openpgp_directory / "gina.asc").write_bytes(gnupg.certificate(sender))
        opening.restart()
    raw = sealtools.pgp_signed_message(ENTITY, gnupg.sign(ENTITY, sender), sender, BOB)
    if fault == "altered":
        raw = raw.replace(b"fox", b"dog")
    opening.send(sender, [BOB], raw, listener="mx")
    got = opening.await_mail(BOB)[0]
    assert mimebytes.carries_unchanged(raw, got)
    assert expected in mimebytes.field(got, TRACE_FIELD), mimebytes.field(got, TRACE_FIELD)


def test_what_is_sealed_for_others_passes_unchanged(opening, workdir, authority):
    """Local recipient, but encrypted to a key that is his own and not the gateway's."""
    bob_himself = authority.person(BOB, label="bob-himself")
    raw = sealtools.under_header(sealtools.cms_encrypt(ENTITY, [bob_himself.cert], workdir), CAROL, BOB)
    got = delivered(opening, raw)
    assert mimebytes.carries_unchanged(raw, got)
    assert MARKER in sealtools.cms_decrypt(got, bob_himself, workdir)


@pytest.mark.parametrize("kind", ["smime", "openpgp"])
@pytest.mark.parametrize("how", ["bounced", "delivered"])
@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
def test_reports_are_no_decryption_oracle(relaying, sink, gnupg, workdir, kind, how, restarted):
    """Captured mail for Bob, sent again from another address that asks for everything back: no report holds what was opened."""
    relaying.route("postern.example", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    if kind == "smime":
        sealed = sealtools.under_header(sealtools.cms_encrypt(ENTITY, [bobs_certificate(relaying, workdir)], workdir), CAROL, BOB)
    else:
        ciphertext = gnupg.encrypt(ENTITY, [gnupg.import_certificate(relaying.openpgp_certificate_of(BOB))])
        sealed = sealtools.pgp_encrypted_message(ciphertext, CAROL, BOB)
    sink.capabilities.remove("DSN")
    if how == "bounced":
        sink.on("RCPT", lambda verb, argument: "550 5.1.1 no such user" if "bob@" in argument else None)
    if restarted:
        sink.pause()
    relaying.send("eve@evil.example", [BOB], sealed, listener="mx", mail_options=["RET=FULL"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
    if restarted:
        relaying.await_attempt(BOB)
        relaying.restart()
        sink.resume()
    report = sink.for_recipient("eve@evil.example", details=relaying.log_tail).content
    assert b"multipart/report" in mimebytes.field(report, "Content-Type")
    returned = mimebytes.multipart(report)[2]
    assert MARKER not in report and b"text/rfc822-headers" in returned
    assert TRACE_FIELD.encode() not in report and b"Subject" not in returned
    assert mimebytes.field(sealed, "Message-ID") in returned
    if how == "delivered":
        assert MARKER in sink.for_recipient(BOB, details=relaying.log_tail).content


def test_the_next_hop_is_not_asked_to_return_opened_content(relaying, sink, workdir):
    relaying.route("postern.example", f"smtp:127.0.0.1:{sink.port}", tls="none").start()
    sealed = sealtools.under_header(sealtools.cms_encrypt(ENTITY, [bobs_certificate(relaying, workdir)], workdir), CAROL, BOB)
    relaying.send(CAROL, [BOB], sealed, listener="mx", mail_options=["RET=FULL"])
    delivery = sink.for_recipient(BOB, details=relaying.log_tail)
    assert MARKER in delivery.content and "RET=HDRS" in delivery.mail_parameters, delivery.mail_parameters


def flip_base64(raw: bytes, share: float) -> bytes:
    """One character of the base64 body changed, at that share of its length."""
    head, body = mimebytes.split(raw)
    at = int(len(body) * share)
    while body[at:at + 1] in b"\r\n=-":
        at -= 1
    changed = b"A" if body[at:at + 1] != b"A" else b"B"
    return head + b"\r\n" + body[:at] + changed + body[at + 1:]


@pytest.mark.parametrize("cipher", ["-aes-256-gcm"])
def test_tampered_smime_is_held_and_never_delivered(opening, workdir, cipher):
    """RFC 8551 2.7.1 and EFAIL: no plaintext after a failed integrity check."""
    big = ENTITY + b"filler line to make the content long enough\r\n" * 100
    sealed = sealtools.under_header(sealtools.cms_encrypt(big, [bobs_certificate(opening, workdir)], workdir, cipher), CAROL, BOB)
    opening.send(CAROL, [BOB], flip_base64(sealed, 0.9), listener="mx")
    entry = opening.await_queue_state(BOB, "held")
    assert "could not be opened" in entry["reason"]
    assert opening.mailbox(BOB) == []


def test_tampered_openpgp_is_held_and_never_delivered(opening, gnupg):
    bob = gnupg.import_certificate(opening.openpgp_certificate_of(BOB))
    filler = "".join(secrets.token_hex(38) + "\r\n" for _ in range(100))  # not compressible, so that most of the ciphertext is content
    ciphertext = gnupg.encrypt(ENTITY + filler.encode(), [bob])
    lines = ciphertext.split(b"\n")
    middle = len(lines) * 2 // 3
    lines[middle] = lines[middle][:10] + (b"A" if lines[middle][10:11] != b"A" else b"B") + lines[middle][11:]
    checksum = next(i for i, line in enumerate(lines) if line.startswith(b"=") and len(line) == 5)
    del lines[checksum]  # the armor's CRC is optional (RFC 9580 6.1), and its failure is not the point here
    opening.send(CAROL, [BOB], sealtools.pgp_encrypted_message(b"\n".join(lines), CAROL, BOB), listener="mx")
    opening.await_queue_state(BOB, "held")
    assert opening.mailbox(BOB) == []


@pytest.mark.parametrize("size", [1, 50, 1000, 1001, 1002, 20_000])
def test_long_openpgp_messages_are_recognised_too(opening, gnupg, size):
    """Whatever the length and wherever a line of the armor ends; six in a row, since ciphertext is random."""
    bob = gnupg.import_certificate(opening.openpgp_certificate_of(BOB))
    for _ in range(6):
        filler = secrets.token_hex(size).encode()
        entity = ENTITY + b"\r\n".join(filler[at:at + 76] for at in range(0, len(filler), 76)) + b"\r\n"
        opening.send(CAROL, [BOB], sealtools.pgp_encrypted_message(gnupg.encrypt(entity, [bob]), CAROL, BOB), listener="mx")
    for raw in opening.await_mail(BOB, 6):
        assert_opened(raw, "openpgp")


def test_a_forged_trace_field_is_taken_off(opening):
    """A verdict header that a stranger could have written must never stand in a delivered message."""
    raw = mimebytes.simple_message(CAROL, BOB, extra=[f"{TRACE_FIELD}: mail.postern.example; opened=smime; signature=valid; signer=carol@example.org"])
    got = delivered(opening, raw)
    assert b"signature=valid" not in (mimebytes.field(got, TRACE_FIELD) or b"")
    assert TRACE_FIELD.lower() not in mimebytes.field_names(got)


def test_a_forged_content_type_is_not_believed(opening):
    """Says that it is encrypted, and is not: delivered as it is, with no claim of having been opened."""
    raw = mimebytes.simple_message(CAROL, BOB, body="This is no CMS at all.\r\n", extra=[
        "MIME-Version: 1.0", "Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data; name=smime.p7m"])
    got = delivered(opening, raw)
    assert mimebytes.carries_unchanged(raw, got)
    assert b"opened=" not in (mimebytes.field(got, TRACE_FIELD) or b"")


def test_what_postern_seals_for_its_own_people_it_opens(make_daemon, workdir):
    """Two gateways, each with its own authority: signed and encrypted between them, readable at both ends, closed in between."""
    second = make_daemon(name="second")
    second.config["server"]["hostname"] = "mail.other.example"
    second.config["domains"]["local"] = ["other.example"]
    second.start()
    first = make_daemon(name="first")
    (first.smime_directory / "dora.pem").write_bytes(second.certificate_of("dora@other.example"))
    first.route("other.example", f"smtp:127.0.0.1:{second.port('plain')}", tls="none")
    first.policy(to="*@other.example", sign="smime", encrypt="must", method="smime")
    first.start()
    second.config["security"]["smime"]["trust"] = str(first.ca)
    plain_port = second.port("plain")
    second.listener("plain")["address"] = f"127.0.0.1:{plain_port}"
    second.restart()
    first.submit(to="dora@other.example", body=MARKER.decode() + "\r\n")
    got = second.await_mail("dora@other.example")[0]
    trace = mimebytes.field(got, TRACE_FIELD)
    assert MARKER in got and b"opened=smime" in trace and b"signature=valid; signer=alice@postern.example" in trace, trace
    wait_until(lambda: not first.queue(), "the first gateway's queue to be empty", details=first.log_tail)
