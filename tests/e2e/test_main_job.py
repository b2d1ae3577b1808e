"""The main job with real peers: a message enters by SMTP, is protected by policy, and leaves as each recipient can use it."""

import json
import smtplib
import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from peers import dkimtools, mimebytes, sealtools
from peers.base import run, wait_until
from peers.daemon import HOSTNAME, send_exact
from peers.postfix import Postfix
from peers.sink import SmtpSink, Stall

ALICE = "alice@postern.example"
MARKER = "the fox is in the henhouse"


def prepended_fields(original: bytes, delivered: bytes) -> set[str]:
    """What stands before an unchanged message; fails when a byte of the message was changed."""
    assert mimebytes.carries_unchanged(original, delivered), f"the message was changed:\n{delivered[:3000]!r}"
    return set(mimebytes.field_names(delivered[: len(delivered) - len(original)] + b"\r\n"))


def swaks(daemon, *options, listener="submission", data=None):
    """swaks with TLS verified against the daemon's own CA, under the server's name."""
    argv = ["swaks", "--server", "127.0.0.1", "--port", daemon.port(listener), "--tls-verify", "--tls-ca-path", daemon.ca,
            "--tls-sni", HOSTNAME, "--protocol", "ESMTP", "--ehlo", "client.example", *options]
    if data is not None:
        argv += ["--data", "-"]
    return run(argv, input=data, timeout=60)


# In by swaks and smtplib, out to Postfix and Dovecot.

def test_swaks_submits_over_tls13_and_postfix_receives_over_tls13(daemon, postfix, authority):
    daemon.route("*", f"smtp:127.0.0.1:{postfix.port}", tls="required", ca=str(authority.pem))
    daemon.start()
    daemon.add_user("alice", "correct horse", ALICE)
    done = swaks(daemon, "--tls", "--auth", "PLAIN", "--auth-user", "alice", "--auth-password", "correct horse", "--from", ALICE,
                 "--to", "swaks@example.net", "--header", "Subject: by swaks", "--body", MARKER)
    assert b"TLSv1_3" in done.stdout or b"TLSv1.3" in done.stdout, done.stdout.decode()
    delivered, = postfix.wait("swaks@example.net", details=daemon.log_tail)
    assert mimebytes.field(delivered, "Subject") == b"by swaks" and MARKER.encode() in delivered
    received = [whole for name, whole in mimebytes.fields(delivered) if name == "Received"]
    assert b"TLSv1.3" in received[0] and b"by mx.example.net (Postfix)" in received[0], received[0]
    assert b"by " + HOSTNAME.encode() in received[1] and b"ESMTPSA" in received[1], "RFC 3848: TLS and AUTH make ESMTPSA"


def test_swaks_submits_over_implicit_tls(relaying, sink):
    relaying.start()
    relaying.add_user("alice", "correct horse", ALICE)
    swaks(relaying, "--tls-on-connect", "--auth", "LOGIN", "--auth-user", "alice", "--auth-password", "correct horse", "--from", ALICE,
          "--to", "implicit@example.net", "--body", MARKER, listener="submissions")
    assert MARKER.encode() in sink.for_recipient("implicit@example.net", details=relaying.log_tail).content


def test_smtplib_submits_and_dovecot_receives_by_lmtp_over_tls13(daemon, dovecot, authority):
    daemon.route("*", f"lmtp:127.0.0.1:{dovecot.port}", tls="required", ca=str(authority.pem))
    daemon.start()
    raw = daemon.submit(to="lmtp@example.net")
    delivered, = dovecot.wait("lmtp@example.net", details=daemon.log_tail)
    assert "received" in prepended_fields(raw, delivered)


def test_lmtp_in_and_mailbox_out(daemon):
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", "bob@postern.example")
    with smtplib.LMTP("127.0.0.1", daemon.port("lmtp")) as client:
        client.ehlo("client.example")
        send_exact(client, "carol@example.org", ["bob@postern.example"], raw)
    delivered, = daemon.await_mail("bob@postern.example")
    fields = prepended_fields(raw, delivered)
    assert {"return-path", "received"} <= fields
    assert b" with LMTP" in mimebytes.field(delivered, "Received")


def test_postfix_can_send_to_postern_over_tls13(daemon, workdir, authority):
    """A stranger's SMTP client, with its own idea of pipelining and STARTTLS, at our MX door."""
    daemon.start()
    settings = (f"relayhost = [127.0.0.1]:{daemon.port('mx')}\nsmtp_host_lookup = native\nsmtp_tls_security_level = secure\nsmtp_tls_loglevel = 1\n"
                f"smtp_tls_mandatory_protocols = >=TLSv1.3\nsmtp_tls_CAfile = {workdir}/ca.pem\nsmtp_tls_secure_cert_match = {HOSTNAME}\n"
                "smtpd_recipient_restrictions = permit_mynetworks, reject\n")
    (workdir / "ca.pem").write_bytes(daemon.ca.read_bytes())
    raw = mimebytes.simple_message("carol@example.org", "bob@postern.example", body=".dots\r\n..more\r\n")
    with Postfix(workdir / "sender", settings, "out.example.org").start() as sender:
        with smtplib.SMTP("127.0.0.1", sender.port) as client:
            client.sendmail("carol@example.org", ["bob@postern.example"], raw)
        delivered, = daemon.await_mail("bob@postern.example", seconds=40)
        assert sender.log_text().count("Verified TLS connection established") == 1, sender.log_tail()
    assert mimebytes.carries_unchanged(raw, delivered)


# Exact bytes.

BODIES = {
    "dots": b".\r\n..\r\n.leading\r\n",
    "no newline at the end": b"last line",
    "empty body": b"",
    "8bit": "Grüße aus Köln\r\n".encode(),
    "long line": b"x" * 990 + b"\r\n",
    "trailing spaces and blank lines": b"a \t \r\n\r\n \r\n\r\n",
}


@pytest.mark.parametrize("body", BODIES, ids=lambda name: name.replace(" ", "-"))
def test_relayed_bytes_are_exact(relaying, sink, body):
    relaying.start()
    raw = mimebytes.split(mimebytes.simple_message(ALICE, "exact@example.net"))[0] + b"\r\n" + BODIES[body]
    relaying.send(ALICE, ["exact@example.net"], raw, mail_options=["BODY=8BITMIME"])
    expected = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    delivery = sink.for_recipient("exact@example.net", details=relaying.log_tail)
    assert prepended_fields(expected, delivery.content) <= mimebytes.TRACE


def test_a_large_message_is_relayed_exactly(relaying, sink):
    relaying.start()
    raw = mimebytes.simple_message(ALICE, "large@example.net", body="".join(f"{n:076d}\r\n" for n in range(150_000)))  # 11.7 MB
    relaying.send(ALICE, ["large@example.net"], raw)
    assert mimebytes.carries_unchanged(raw, sink.for_recipient("large@example.net", 60, relaying.log_tail).content)


def test_binary_by_bdat_stays_binary(relaying, sink):
    """RFC 3030: BODY=BINARYMIME content may hold NUL, bare CR and LF, and goes on by BDAT only."""
    sink.capabilities.append("BINARYMIME")
    relaying.start()
    head = mimebytes.split(mimebytes.simple_message(ALICE, "binary@example.net", extra=[
        "MIME-Version: 1.0", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: binary"]))[0]
    raw = head + b"\r\n" + bytes(range(256)) * 40 + b"\n.\nbare\r.\r\n.\r\nstill inside"
    with relaying.smtp() as client:
        client.docmd("MAIL", f"FROM:<{ALICE}> BODY=BINARYMIME")
        client.docmd("RCPT", "TO:<binary@example.net>")
        half = len(raw) // 2
        for chunk, last in ((raw[:half], ""), (raw[half:], " LAST")):
            client.send(f"BDAT {len(chunk)}{last}\r\n".encode() + chunk)
            assert client.getreply()[0] == 250
    delivery = sink.for_recipient("binary@example.net", details=relaying.log_tail)
    assert delivery.how == "BDAT" and "BODY=BINARYMIME" in delivery.mail_parameters
    assert mimebytes.carries_unchanged(raw, delivery.content)


def test_binary_for_a_hop_without_binarymime_bounces_precisely(relaying, sink):
    """RFC 3030 3: a message that cannot be converted is returned, not damaged (5.6.1 or 5.6.3)."""
    relaying.start()
    with relaying.smtp() as client:
        client.docmd("MAIL", f"FROM:<{ALICE}> BODY=BINARYMIME")
        client.docmd("RCPT", "TO:<binary@example.net>")
        content = mimebytes.simple_message(ALICE, "binary@example.net") + b"\0\n\r"
        client.send(f"BDAT {len(content)} LAST\r\n".encode() + content)
        assert client.getreply()[0] == 250
    bounce, = relaying.await_mail(ALICE)
    assert b"5.6." in bounce and not sink.messages


def test_smtputf8_addresses_go_on_as_they_are(relaying, sink):
    """RFC 6531: the parameter and the UTF-8 address reach the next hop."""
    relaying.start()
    raw = mimebytes.simple_message("jürgen@postern.example", "用户@example.net", "Grüße")
    relaying.send("jürgen@postern.example", ["用户@example.net"], raw, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    delivery = sink.for_recipient("用户@example.net", details=relaying.log_tail)
    assert "SMTPUTF8" in delivery.mail_parameters and delivery.mail_from == "jürgen@postern.example"
    assert mimebytes.carries_unchanged(raw, delivery.content)


def test_dsn_parameters_travel_to_a_hop_that_knows_them(relaying, sink):
    """RFC 3461 5.2.1."""
    relaying.start()
    raw = mimebytes.simple_message(ALICE, "dsn@example.net")
    relaying.send(ALICE, ["dsn@example.net"], raw, mail_options=["RET=HDRS", "ENVID=id+2B1"],
                  rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;other+2Bname@example.net"])
    delivery = sink.for_recipient("dsn@example.net", details=relaying.log_tail)
    assert {"RET=HDRS", "ENVID=id+2B1"} <= set(delivery.mail_parameters)
    parameters = set(delivery.recipient_parameters[0])
    assert "ORCPT=rfc822;other+2Bname@example.net" in parameters
    assert any(p.startswith("NOTIFY=") and set(p[7:].split(",")) == {"SUCCESS", "FAILURE"} for p in parameters), parameters


def test_file_sink_holds_exact_bytes(daemon, workdir):
    out = workdir / "out"
    daemon.route("*", f"file:{out}")
    daemon.start()
    raw = daemon.submit(to="file@example.net")
    found = wait_until(lambda: [p for p in out.rglob("*.eml")] if out.exists() else None, "a file in the file sink", details=daemon.log_tail)
    assert len(found) == 1 and "received" in prepended_fields(raw, found[0].read_bytes())


# S/MIME.

@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
def test_smime_signed_and_encrypted_opens_in_openssl(relaying, sink, authority, workdir, kind):
    person = authority.person("bob@example.net", kind)
    (relaying.smime_directory / "bob.pem").write_bytes(person.cert_pem)
    relaying.policy(to="*@example.net", sign="smime", encrypt="must", method="smime")
    relaying.start()
    relaying.submit(to="bob@example.net", body=MARKER + "\r\n")
    sealed = sink.for_recipient("bob@example.net", details=relaying.log_tail).content
    assert MARKER.encode() not in sealed
    assert b"smime-type=authEnveloped-data" in mimebytes.field(sealed, "Content-Type").replace(b'"', b"")
    structure = sealtools.cms_structure(sealed, workdir)
    assert "aes-256-gcm" in structure
    assert ("rsaesOaep" in structure) == (kind == "rsa2048"), structure
    inner = sealtools.cms_decrypt(sealed, person, workdir)
    content, signer = sealtools.cms_verify(inner, relaying.ca, workdir)
    assert MARKER.encode() in content and sealtools.certificate_emails(signer) == [ALICE]


def test_smime_cbc_profile(relaying, sink, authority, workdir):
    person = authority.person("old@example.net")
    (relaying.smime_directory / "old.crt").write_bytes(person.cert_pem)
    relaying.config["security"]["smime"]["profile"] = "cbc"
    relaying.policy(to="*@example.net", encrypt="must", method="smime")
    relaying.start()
    relaying.submit(to="old@example.net", body=MARKER + "\r\n")
    sealed = sink.for_recipient("old@example.net", details=relaying.log_tail).content
    assert "aes-256-cbc" in sealtools.cms_structure(sealed, workdir)
    assert MARKER.encode() in sealtools.cms_decrypt(sealed, person, workdir)


def test_smime_signature_alone_verifies_in_openssl(relaying, sink, workdir):
    relaying.policy(to="*@example.net", sign="smime")
    relaying.start()
    relaying.submit(to="bob@example.net", body="Grüße, " + MARKER + "\r\n", extra=[
        "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"])
    signed = sink.for_recipient("bob@example.net", details=relaying.log_tail).content
    kind = mimebytes.field(signed, "Content-Type")
    assert b"multipart/signed" in kind and b"application/pkcs7-signature" in kind and b"micalg=" in kind
    content, signer = sealtools.cms_verify(signed, relaying.ca, workdir)
    assert sealtools.certificate_emails(signer) == [ALICE]
    assert all(byte < 128 for byte in mimebytes.multipart(signed)[0]), "RFC 8551 3.1.3: what is signed must survive 7-bit hops"
    text = mimebytes.parsed(mimebytes.multipart(signed)[0]).get_content()
    assert text.strip() == "Grüße, " + MARKER
    damaged = signed.replace(content[-20:-4], content[-20:-4][::-1])
    with pytest.raises(AssertionError):
        sealtools.cms_verify(damaged, relaying.ca, workdir)


def test_one_smime_message_for_rsa_and_ecdh_recipients_together(relaying, sink, authority, workdir):
    people = {"rsa@example.net": authority.person("rsa@example.net", "rsa2048"), "ec@example.net": authority.person("ec@example.net", "p256")}
    for address, person in people.items():
        (relaying.smime_directory / f"{address}.pem").write_bytes(person.cert_pem)
    relaying.policy(to="*@example.net", encrypt="must", method="smime")
    relaying.start()
    relaying.submit(to=list(people), body=MARKER + "\r\n")
    for address, person in people.items():
        sealed = sink.for_recipient(address, details=relaying.log_tail).content
        assert MARKER.encode() in sealtools.cms_decrypt(sealed, person, workdir)


def test_bcc_recipients_are_not_in_the_others_key_list(relaying, sink, authority, workdir):
    """A hidden recipient gets a copy of his own; the visible copy's recipient infos do not give him away."""
    people = {name: authority.person(f"{name}@example.net") for name in ("seen", "hidden")}
    for name, person in people.items():
        (relaying.smime_directory / f"{name}.pem").write_bytes(person.cert_pem)
    relaying.policy(to="*@example.net", encrypt="must", method="smime")
    relaying.start()
    raw = mimebytes.simple_message(ALICE, "seen@example.net", body=MARKER + "\r\n")
    relaying.send(ALICE, ["seen@example.net", "hidden@example.net"], raw)
    seen, hidden = (sink.for_recipient(f"{name}@example.net", details=relaying.log_tail).content for name in people)
    assert MARKER.encode() in sealtools.cms_decrypt(seen, people["seen"], workdir)
    assert MARKER.encode() in sealtools.cms_decrypt(hidden, people["hidden"], workdir)
    with pytest.raises(AssertionError):
        sealtools.cms_decrypt(seen, people["hidden"], workdir)


@pytest.mark.parametrize("fault", ["expired", "not yet valid", "weak", "wrong usage"])
def test_unusable_certificates_are_never_chosen(relaying, sink, authority, fault):
    address = "unusable@example.net"
    made = {"expired": {"days": (-30, -1)}, "not yet valid": {"days": (1, 30)}, "weak": {"kind": "rsa1024"},
            "wrong usage": {"usages": [ExtendedKeyUsageOID.SERVER_AUTH]}}[fault]
    person = authority.person(address, label=f"unusable-{fault}", **made)
    (relaying.smime_directory / "unusable.pem").write_bytes(person.cert_pem)
    relaying.policy(to="*@example.net", encrypt="must", method="smime", missing_key="hold")
    relaying.start()
    relaying.submit(to=address)
    relaying.await_queue_state(address, "held")
    assert not sink.messages


def test_one_expired_certificate_among_good_ones_does_not_block(relaying, sink, authority, workdir):
    """Of several certificates the valid one is taken."""
    address = "two@example.net"
    good = authority.person(address, label="two-good")
    bad = authority.person(address, days=(-30, -1), label="two-expired")
    (relaying.smime_directory / "a-expired.pem").write_bytes(bad.cert_pem)
    (relaying.smime_directory / "b-good.pem").write_bytes(good.cert_pem)
    relaying.policy(to="*@example.net", encrypt="must", method="smime")
    relaying.start()
    relaying.submit(to=address, body=MARKER + "\r\n")
    sealed = sink.for_recipient(address, details=relaying.log_tail).content
    assert MARKER.encode() in sealtools.cms_decrypt(sealed, good, workdir)


# OpenPGP.

def open_pgp(sealed: bytes, decrypt, sender_is_verified) -> bytes:
    """The inner entity; its signature may be inside the encryption or a multipart/signed below it (RFC 3156 6.1 and 6.2)."""
    assert b"multipart/encrypted" in mimebytes.field(sealed, "Content-Type")
    plain, signed_inside = decrypt(sealtools.pgp_parts(sealed))
    plain = plain.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if not signed_inside:
        assert b"multipart/signed" in mimebytes.field(plain, "Content-Type"), plain[:500]
        content, signature = sealtools.pgp_signed_parts(plain)
        sender_is_verified(content, signature)
        return content
    return plain


@pytest.mark.parametrize("address", ["gina@example.net", "rsa@example.net"])
def test_openpgp_signed_and_encrypted_opens_in_gpg(relaying, sink, gnupg, address):
    (relaying.openpgp_directory / "them.asc").write_bytes(gnupg.certificate(address))
    relaying.policy(to="*@example.net", sign="openpgp", encrypt="must", method="openpgp")
    relaying.start()
    relaying.submit(to=address, body=MARKER + "\r\n")
    sealed = sink.for_recipient(address, details=relaying.log_tail).content
    assert MARKER.encode() not in sealed
    gnupg.import_certificate(relaying.openpgp_certificate_of(ALICE))

    def decrypt(ciphertext):
        plain, status = gnupg.decrypt(ciphertext)
        return plain, "GOODSIG" in status
    assert MARKER.encode() in open_pgp(sealed, decrypt, gnupg.verify)


def test_openpgp_signed_and_encrypted_opens_in_sequoia(relaying, sink, sequoia):
    key = sequoia.new_key("sven@example.net")
    (relaying.openpgp_directory / "sven.pgp").write_bytes(sequoia.certificate(key))
    relaying.policy(to="*@example.net", sign="openpgp", encrypt="must", method="openpgp")
    relaying.start()
    relaying.submit(to="sven@example.net", body=MARKER + "\r\n")
    sealed = sink.for_recipient("sven@example.net", details=relaying.log_tail).content
    signer = relaying.openpgp_certificate_of(ALICE)

    def decrypt(ciphertext):
        plain = sequoia.decrypt(ciphertext, key)
        assert sequoia.sop_decrypt(ciphertext, key) == plain
        return plain, b"multipart/signed" not in plain[:2000] and bool(sequoia.decrypt(ciphertext, key, signer))
    assert MARKER.encode() in open_pgp(sealed, decrypt, lambda content, signature: sequoia.verify(content, signature, signer))


def test_openpgp_signature_alone_verifies_everywhere(relaying, sink, gnupg, sequoia):
    relaying.policy(to="*@example.net", sign="openpgp")
    relaying.start()
    relaying.submit(to="bob@example.net", body=MARKER + " \r\n-- \r\nFrom the start\r\n")
    signed = sink.for_recipient("bob@example.net", details=relaying.log_tail).content
    kind = mimebytes.field(signed, "Content-Type")
    assert b"multipart/signed" in kind and b"application/pgp-signature" in kind and b"micalg=pgp-sha" in kind
    content, signature = sealtools.pgp_signed_parts(signed)
    certificate = relaying.openpgp_certificate_of(ALICE)
    gnupg.import_certificate(certificate)
    gnupg.verify(content, signature)
    sequoia.verify(content, signature, certificate)
    assert sequoia.sop_verify(content, signature, certificate)


def test_mixed_recipients_each_get_what_policy_says(relaying, sink, authority, gnupg, workdir):
    """One message in; an S/MIME copy, an OpenPGP copy and a plain copy out."""
    smime = authority.person("smime@partner.example")
    (relaying.smime_directory / "smime.pem").write_bytes(smime.cert_pem)
    (relaying.openpgp_directory / "gina.asc").write_bytes(gnupg.certificate("gina@example.net"))
    relaying.policy(to="*@partner.example", encrypt="must", method="smime", sign="smime")
    relaying.policy(to="*@example.net", encrypt="must", method="openpgp")
    relaying.start()
    recipients = ["smime@partner.example", "gina@example.net", "plain@open.example"]
    raw = relaying.submit(to=recipients, body=MARKER + "\r\n")
    copies = {address: sink.for_recipient(address, details=relaying.log_tail).content for address in recipients}
    assert MARKER.encode() in sealtools.cms_verify(sealtools.cms_decrypt(copies["smime@partner.example"], smime, workdir), relaying.ca, workdir)[0]
    assert MARKER.encode() in gnupg.decrypt(sealtools.pgp_parts(copies["gina@example.net"]))[0]
    assert mimebytes.carries_unchanged(raw, copies["plain@open.example"])
    relaying.await_empty_queue()


# DKIM.

@pytest.fixture
def signing(relaying):
    return relaying.dkim("ed1", "dkim_key", "ed25519-sha256").dkim("rsa1", "dkim_rsa", "rsa-sha256")


def test_both_dkim_signatures_verify_in_dkimpy_and_opendkim(signing, sink, workdir):
    signing.start()
    signing.submit(to="bob@example.net", body="body \t with  spaces \r\n\r\n\r\n")
    raw = sink.for_recipient("bob@example.net", details=signing.log_tail).content
    records = signing.dkim_records()
    tags = dkimtools.signature_tags(raw)
    assert {(t["a"], t["s"], t["d"]) for t in tags} == {("ed25519-sha256", "ed1", "postern.example"), ("rsa-sha256", "rsa1", "postern.example")}
    assert all("l" not in t for t in tags), "RFC 6376 8.2: never a body length limit"
    assert dkimtools.dkimpy_verdicts(raw, records) == [True, True]
    assert dkimtools.opendkim_verdicts(raw, records, workdir / "opendkim") == {"ed1": "pass", "rsa1": "pass"}
    damaged = raw.replace(b"with  spaces", b"w1th  spaces")
    assert dkimtools.dkimpy_verdicts(damaged, records) == [False, False]


def test_rotating_a_key_breaks_no_signature(signing, sink):
    """DNS still has the old key: a selector goes on signing with it, over restarts too, until a new selector or the setting says otherwise."""
    signing.start()
    published = signing.dkim_records()
    versions = {signer["selector"]: 1 for signer in signing.config["dkim"]}

    def verdicts(address, records):
        signing.submit(to=address)
        return dkimtools.dkimpy_verdicts(sink.for_recipient(address, details=signing.log_tail).content, records)
    assert verdicts("r1@example.net", published) == [True] * len(versions)
    for signer in signing.config["dkim"]:
        signing.cli("key", "rotate", signer["key"])
    assert verdicts("r2@example.net", published) == [True] * len(versions)
    signing.restart()
    assert verdicts("r3@example.net", published) == [True] * len(versions)
    # What `postern verify` looks at is what is in DNS.
    signing.submit(to="bob@postern.example")
    entry = wait_until(lambda: signing.mailbox("bob@postern.example"), "mail for bob", details=signing.log_tail)[0]
    assert signing.api_json("GET", f"/mail/{entry['id']}/verify")["dkim_result"] == "pass"
    signing.config["dkim"][0]["version"] = 2
    signing.restart()
    assert sorted(verdicts("r4@example.net", {**published, **dict(list(signing.dkim_records().items())[:1])})) == [True] * len(versions)
    signing.config["dkim"][0]["version"] = 9
    signing.stop()
    status, log = signing.start_expecting_failure()
    assert status != 0 and "version 9" in log


def test_dkim_signs_the_sealed_form(signing, sink, authority, workdir):
    """Stamping is last: the signature covers the message as it leaves, so it must verify over the encrypted body."""
    person = authority.person("bob@example.net", label="dkim-bob")
    (signing.smime_directory / "bob.pem").write_bytes(person.cert_pem)
    signing.policy(to="*@example.net", sign="smime", encrypt="must", method="smime")
    signing.start()
    signing.submit(to="bob@example.net", body=MARKER + "\r\n")
    raw = sink.for_recipient("bob@example.net", details=signing.log_tail).content
    assert dkimtools.dkimpy_verdicts(raw, signing.dkim_records()) == [True, True]
    assert dkimtools.opendkim_verdicts(raw, signing.dkim_records(), workdir / "opendkim") == {"ed1": "pass", "rsa1": "pass"}


def test_a_second_from_field_breaks_the_signature(signing, sink):
    """From and the other display fields are oversigned: adding one makes the signature fail."""
    signing.start()
    signing.submit(to="bob@example.net")
    raw = sink.for_recipient("bob@example.net", details=signing.log_tail).content
    for name in ("From", "Subject", "To", "Reply-To", "Content-Type"):
        assert dkimtools.dkimpy_verdicts(f"{name}: added@evil.example\r\n".encode() + raw, signing.dkim_records()) == [False, False], name


def test_strangers_mail_is_not_signed_in_our_name(signing, sink):
    """Only authors that the road vouches for are signed: not a foreign domain, and not our name from an untrusted client."""
    signing.start()
    signing.submit(sender="mallory@example.org", to="bob@example.net")
    assert dkimtools.signature_tags(sink.for_recipient("bob@example.net", details=signing.log_tail).content) == []


# Foreign protected messages pass untouched.

@pytest.fixture
def busy_policy(signing, authority):
    """Everything that could tempt a gateway to rewrite: policy to sign and encrypt, DKIM, keys for all."""
    for index, kind in enumerate(("rsa2048", "p256")):
        (signing.smime_directory / f"bob{index}.pem").write_bytes(authority.person("bob@example.net", kind, label=f"busy-{kind}").cert_pem)
    signing.policy(to="*@example.net", sign="auto", encrypt="must", method="auto")
    return signing


def foreign_messages(authority, gnupg, workdir):
    entity = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nForeign, and to be left alone.\r\n"
    person = authority.person("carol@example.org", label="foreign-carol")
    bob = authority.person("bob@example.net", label="foreign-bob")
    plain = mimebytes.simple_message("carol@example.org", "bob@example.net", body="trailing space \r\n\r\n\r\n")
    key = person.key_object.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    made = {
        "smime-signed": sealtools.under_header(sealtools.cms_sign(entity, person, workdir), "carol@example.org", "bob@example.net"),
        "smime-opaque": sealtools.under_header(sealtools.cms_sign(entity, person, workdir, opaque=True), "carol@example.org", "bob@example.net"),
        "smime-encrypted": sealtools.under_header(sealtools.cms_encrypt(entity, [bob.cert], workdir), "carol@example.org", "bob@example.net"),
        "pgp-signed": sealtools.pgp_signed_message(entity, gnupg.sign(entity, "gina@example.net"), "carol@example.org", "bob@example.net"),
        "pgp-encrypted": sealtools.pgp_encrypted_message(gnupg.encrypt(entity, ["gina@example.net"]), "carol@example.org", "bob@example.net"),
        "dkim-signed": dkimtools.foreign_signed(plain, key, "example.org"),
    }
    return made, dkimtools.dns_record(person.key_object.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode())


@pytest.mark.parametrize("kind", ["smime-signed", "smime-opaque", "smime-encrypted", "pgp-signed", "pgp-encrypted"])
def test_foreign_protected_messages_pass_byte_identical(busy_policy, sink, authority, gnupg, workdir, kind):
    raw = foreign_messages(authority, gnupg, workdir)[0][kind]
    if "encrypted" not in kind:
        busy_policy.config["policy"][-1]["encrypt"] = "never"  # a signature is not encryption: see below
    busy_policy.start()
    busy_policy.send("carol@example.org", ["bob@example.net"], raw)
    delivery = sink.for_recipient("bob@example.net", details=busy_policy.log_tail)
    assert prepended_fields(raw, delivery.content) <= mimebytes.TRACE
    if kind == "smime-signed":
        sealtools.cms_verify(delivery.content, authority.pem, workdir)


@pytest.mark.parametrize("kind", ["smime-signed", "smime-opaque", "pgp-signed"])
def test_a_signature_is_no_way_around_encryption(signing, sink, authority, gnupg, workdir, kind):
    """Encrypted as a whole, what was signed byte for byte inside; never signed again. Without a certificate: as missing_key says."""
    bob = authority.person("bob@example.net", label="wrapped-bob")
    (signing.smime_directory / "bob.pem").write_bytes(bob.cert_pem)
    signing.policy(to="*@example.net", sign="auto", encrypt="must", missing_key="hold")
    raw = foreign_messages(authority, gnupg, workdir)[0][kind]
    signing.start()
    signing.send("carol@example.org", ["bob@example.net", "dora@example.net"], raw)
    sealed = sink.for_recipient("bob@example.net", details=signing.log_tail).content
    assert b"smime-type=authEnveloped-data" in mimebytes.field(sealed, "Content-Type").replace(b'"', b"")
    inner = sealtools.cms_decrypt(sealed, bob, workdir)
    assert inner.endswith(mimebytes.split(raw)[1]) and mimebytes.field(inner, "Content-Type") == mimebytes.field(raw, "Content-Type")
    if kind == "smime-signed":
        sealtools.cms_verify(inner, authority.pem, workdir)
    assert "no usable" in signing.await_queue_state("dora@example.net", "held")["reason"]
    assert all("dora@example.net" not in delivery.recipients for delivery in sink.messages)


@pytest.mark.parametrize("sender, author, to", [(ALICE, ALICE, "Boss@Partner.Example"), ("Alice@postern.example", ALICE, "boss@partner.example"),
                                                ("", ALICE, "boss@partner.example"), ("", "stranger@example.org>, <alice@postern.example", "boss@partner.example")])
def test_policy_is_not_avoided_by_spelling_or_an_empty_sender(relaying, sink, sender, author, to):
    relaying.policy(name="boss", **{"from": ALICE}, to="boss@partner.example", encrypt="must", missing_key="bounce")
    relaying.start()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        relaying.send(sender, [to], mimebytes.simple_message(author, to))
    assert refused.value.smtp_code == 550 and b"refused by policy" in refused.value.smtp_error
    assert not sink.messages


# Hidden recipients.

@pytest.mark.parametrize("sealed", [False, True], ids=["in clear", "signed"])
def test_the_bcc_field_stays_here(relaying, sink, sealed):
    """RFC 5322 3.6.3: whoever sends by us has his Bcc fields taken off, before anything is signed."""
    relaying.dkim("ed1", "dkim_key", "ed25519-sha256")
    if sealed:
        relaying.policy(to="*@example.net", sign="smime")
    relaying.start()
    raw = mimebytes.simple_message(ALICE, "bob@example.net", extra=["Bcc: <hidden@example.net>,", " <other@example.net>", "Resent-Bcc: <third@example.net>", "X-Kept: yes"])
    relaying.send(ALICE, ["bob@example.net"], raw)
    got = sink.for_recipient("bob@example.net", details=relaying.log_tail).content
    assert b"hidden@example.net" not in got and b"third@example.net" not in got and b"X-Kept: yes\r\n" in got
    assert dkimtools.dkimpy_verdicts(got, relaying.dkim_records()) == [True]
    if not sealed:
        assert prepended_fields(mimebytes.without_fields(raw, {"bcc", "resent-bcc"}), got) <= mimebytes.TRACE


def test_the_bcc_field_of_strangers_is_theirs(daemon):
    daemon.start()
    raw = mimebytes.simple_message("carol@example.org", "bob@postern.example", extra=["Bcc: <bob@postern.example>"])
    daemon.send("carol@example.org", ["bob@postern.example"], raw, listener="mx")
    assert mimebytes.carries_unchanged(raw, daemon.await_mail("bob@postern.example")[0])


# Long lines (RFC 5322 2.1.1).

TYPED = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]


@pytest.mark.parametrize("length", [998, 999, 4096, 4097])
@pytest.mark.parametrize("extra", [[], TYPED], ids=["plain", "mime"])
def test_long_lines_are_encoded_before_they_leave(relaying, sink, length, extra):
    relaying.dkim("ed1", "dkim_key", "ed25519-sha256")
    relaying.start()
    text = "=" + "é" * 10 + "x" * (length - 21) if extra else "=" + "x" * (length - 1)
    raw = mimebytes.simple_message(ALICE, "bob@example.net", body=f"before\r\n{text}\r\nafter\r\n", extra=extra)
    if length == 4097:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            relaying.send(ALICE, ["bob@example.net"], raw)
        assert refused.value.smtp_code == 554 and b"5.6.0" in refused.value.smtp_error and b"4096" in refused.value.smtp_error
        return
    relaying.send(ALICE, ["bob@example.net"], raw, mail_options=["BODY=8BITMIME"])
    got = sink.for_recipient("bob@example.net", details=relaying.log_tail).content
    assert all(len(line) <= 998 for line in got.split(b"\r\n"))
    assert dkimtools.dkimpy_verdicts(got, relaying.dkim_records()) == [True], "signed after the last change"
    if length == 998:
        assert prepended_fields(raw, got) <= mimebytes.TRACE, "nothing was too long"
    else:
        message = mimebytes.parsed(got)
        assert message["MIME-Version"] == "1.0" and message["Content-Transfer-Encoding"] == "quoted-printable"
        assert message.get_content().splitlines() == ["before", text, "after"]


def test_only_the_long_parts_of_a_multipart_are_encoded(relaying, sink):
    relaying.start()
    body = '--b\r\nContent-Type: text/html\r\n\r\n<p>' + "y" * 2000 + "</p>\r\n--b\r\nContent-Type: text/plain\r\n\r\nshort = kept\r\n--b--\r\n"
    relaying.submit(to="bob@example.net", body=body, extra=["MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b"'])
    long_part, short_part = mimebytes.multipart(sink.for_recipient("bob@example.net", details=relaying.log_tail).content)
    assert mimebytes.field(long_part, "Content-Transfer-Encoding") == b"quoted-printable"
    assert short_part == b"Content-Type: text/plain\r\n\r\nshort = kept"


@pytest.mark.parametrize("kind", ["dkim", "signed", "header"])
def test_long_lines_that_may_not_be_changed_are_refused_at_the_door(relaying, sink, authority, gnupg, workdir, kind):
    relaying.start()
    if kind == "dkim":
        raw = mimebytes.simple_message(ALICE, "bob@example.net", body="z" * 999 + "\r\n", extra=["DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=AA==; b=AA=="])
        line = 8
    elif kind == "signed":
        entity = b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + b"z" * 999 + b"\r\n"
        raw = sealtools.pgp_signed_message(entity, gnupg.sign(entity, "gina@example.net"), ALICE, "bob@example.net")
        line = raw[:raw.index(b"zzz")].count(b"\r\n") + 1
    else:
        raw = mimebytes.simple_message(ALICE, "bob@example.net", subject="z" * 990)
        line = 3
    with pytest.raises(smtplib.SMTPDataError) as refused:
        relaying.send(ALICE, ["bob@example.net"], raw)
    assert refused.value.smtp_code == 554 and b"5.6.0" in refused.value.smtp_error
    assert f"line {line} of".encode() in refused.value.smtp_error and b"999" in refused.value.smtp_error and b"998" in refused.value.smtp_error, refused.value
    assert not relaying.queue() and not sink.messages


def test_long_lines_stay_as_they_are_in_our_own_mailboxes(daemon):
    daemon.start()
    raw = daemon.submit(sender="carol@example.org", to="bob@postern.example", body="x" * 4096 + "\r\n")
    assert daemon.await_mail("bob@postern.example")[0].endswith(mimebytes.split(raw)[1])


def test_a_foreign_dkim_signature_survives(signing, sink, authority, gnupg, workdir):
    made, record = foreign_messages(authority, gnupg, workdir)
    signing.start()
    signing.send("carol@example.org", ["bob@example.net"], made["dkim-signed"])
    raw = sink.for_recipient("bob@example.net", details=signing.log_tail).content
    assert prepended_fields(made["dkim-signed"], raw) <= mimebytes.TRACE
    records = {"sel._domainkey.example.org": record}
    assert dkimtools.dkimpy_verdicts(raw, records) == [True]
    assert dkimtools.opendkim_verdicts(raw, records, workdir / "opendkim") == {"sel": "pass"}


# Next hops.

def test_next_hop_over_tls13_with_verified_name(daemon, make_sink, authority, peer_certificate):
    sink = make_sink(tls=peer_certificate)
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem)).start()
    daemon.submit(to="bob@example.net")
    delivery = sink.for_recipient("bob@example.net", details=daemon.log_tail)
    assert delivery.tls == "TLSv1.3" and delivery.cipher in ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def test_a_client_certificate_is_presented(daemon, make_sink, authority, peer_certificate):
    """Capability T3: the next hop asks for a client certificate and gets it."""
    sink = make_sink(tls=peer_certificate, client_ca=str(authority.pem))
    ours = authority.server("client.postern.example", label="our-client")
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem),
                 client_certificate=str(ours.cert), client_key=str(ours.key)).start()
    daemon.submit(to="bob@example.net")
    delivery = sink.for_recipient("bob@example.net", details=daemon.log_tail)
    assert delivery.client_certificate == ssl.PEM_cert_to_DER_cert(ours.cert_pem.decode())


@pytest.mark.parametrize("pin", ["certificate", "public key", "another"])
def test_pins(daemon, make_sink, authority, peer_certificate, pin):
    sink = make_sink(tls=peer_certificate)
    digest = {"certificate": peer_certificate.sha256(), "public key": peer_certificate.spki_sha256(), "another": "00" * 32}[pin]
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem), pins=[f"sha256:{digest}"]).start()
    daemon.submit(to="bob@example.net")
    if pin == "another":
        entry = daemon.await_attempt("bob@example.net")
        assert "pin" in entry["last_reply"].lower() and not sink.messages
    else:
        sink.for_recipient("bob@example.net", details=daemon.log_tail)


def test_connections_are_reused_and_bounded(daemon, sink):
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="none", concurrency=3).start()
    sink.on("EOM", Stall(0.05))
    with daemon.smtp() as client:
        for number in range(40):
            send_exact(client, ALICE, [f"r{number}@example.net"], mimebytes.simple_message(ALICE, f"r{number}@example.net"))
    sink.wait(40, details=daemon.log_tail)
    assert sink.most_open_connections <= 3 and sink.connections < 20, (sink.most_open_connections, sink.connections)


def test_requiretls_is_kept_to_the_next_hop(daemon, make_sink, authority, peer_certificate):
    """RFC 8689 4.2.1: a REQUIRETLS message goes only to a verified TLS hop that offers REQUIRETLS; otherwise it bounces 5.7.30."""
    willing = make_sink(tls=peer_certificate, capabilities=[*SmtpSink.CAPABILITIES, "REQUIRETLS"])
    unwilling = make_sink(tls=peer_certificate)
    for domain, hop in (("willing.example", willing), ("unwilling.example", unwilling)):
        daemon.route(domain, f"smtp:127.0.0.1:{hop.port}", tls="required", ca=str(authority.pem))
    daemon.listener("mx")["relay_from"] = ["127.0.0.0/8"]
    daemon.start()
    for domain in ("willing.example", "unwilling.example"):
        raw = mimebytes.simple_message(ALICE, f"bob@{domain}")
        daemon.send(ALICE, [f"bob@{domain}"], raw, listener="mx", mail_options=["REQUIRETLS"])
    assert "REQUIRETLS" in willing.for_recipient("bob@willing.example", details=daemon.log_tail).mail_parameters
    bounce, = daemon.await_mail(ALICE)
    assert b"5.7.30" in bounce and not unwilling.messages


def test_mx_lookup_takes_the_next_host_when_the_first_is_down(daemon, workdir, make_sink):
    """RFC 5321 5.1: hosts in order of preference. Port 25 of two loopback addresses; nobody listens on the first."""
    fixture = workdir / "dns.json"
    fixture.write_text(json.dumps({"records": {
        "example.net": [{"type": "MX", "pref": 10, "data": "mx1.example.net"}, {"type": "MX", "pref": 20, "data": "mx2.example.net"}],
        "mx1.example.net": [{"type": "A", "data": "127.77.0.1"}], "mx2.example.net": [{"type": "A", "data": "127.77.0.2"}],
        "null.example": [{"type": "MX", "pref": 0, "data": "."}]}}))
    sink = make_sink(host="127.77.0.2", port=25)
    daemon.config["dns"] = {"fixture_file": str(fixture)}
    daemon.route("*", "mx", tls="opportunistic").start()
    raw = daemon.submit(to="bob@example.net")
    assert mimebytes.carries_unchanged(raw, sink.for_recipient("bob@example.net", details=daemon.log_tail).content)
    daemon.submit(to="bob@null.example")
    bounce, = daemon.await_mail(ALICE)
    assert b"5.1.10" in bounce, "RFC 7505 4.1: a null MX is a permanent failure at once"
    daemon.submit(to="bob@nowhere.example")
    second = daemon.await_mail(ALICE, 2)[1]
    assert b"5.1.2" in second or b"5.4.4" in second, "RFC 3463: the domain does not exist"


# What must never be seen.

def test_nothing_readable_lies_on_disk(relaying, sink):
    """Capability S1: content and key material are encrypted at rest; small messages (database) and large ones (segment files)."""
    sink.pause()
    relaying.start()
    relaying.submit(to="small@example.net", body=MARKER + "\r\n")
    relaying.submit(to="large@example.net", body=(MARKER + "\r\n") * 4000)
    relaying.submit(to="bob@postern.example", body=MARKER + "\r\n")
    relaying.await_mail("bob@postern.example")
    assert relaying.files_containing(MARKER.encode()) == []
    assert relaying.files_containing(b"PRIVATE KEY") == []
    sink.resume()
    for address in ("small@example.net", "large@example.net"):
        assert MARKER.encode() in sink.for_recipient(address, 30, relaying.log_tail).content


def test_files_are_private(daemon):
    daemon.start()
    daemon.submit(to="bob@postern.example")
    daemon.await_mail("bob@postern.example")
    for path in [daemon.data_dir, *daemon.data_dir.rglob("*")]:
        mode = path.stat().st_mode & 0o777
        assert mode == (0o700 if path.is_dir() else 0o600) or path.name == "ca.pem" and mode in (0o600, 0o644), f"{path} has mode {mode:o}"


def test_the_log_names_no_person_and_no_subject(relaying, sink):
    """Capability O1."""
    relaying.start()
    relaying.submit(sender="very.private@postern.example", to="whistle.blower@example.net", subject="unspeakable", body=MARKER + "\r\n")
    sink.for_recipient("whistle.blower@example.net", details=relaying.log_tail)
    log = relaying.log_text()
    assert not [word for word in ("very.private", "whistle.blower", "unspeakable", MARKER) if word in log]
