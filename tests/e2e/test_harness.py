"""The peers themselves, without Postern: when these fail, no other end-to-end result means anything."""

import smtplib
import ssl

import pytest

from peers import dkimtools, mimebytes, sealtools, vaultcrypto
from peers.base import PeerError, free_port
from peers.certs import new_key
from peers.nodeclients import CLIENTS, ClientError, NodeClient
from peers.sink import Close, Reset

ENTITY = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nThe fox is in the henhouse.\r\n"


def trusting(authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.pem))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def test_sink_records_exact_bytes(make_sink, peer_certificate, authority):
    sink = make_sink(tls=peer_certificate)
    raw = mimebytes.simple_message(body=".leading dot\r\n..two dots\r\n\r\n.\x20\r\n")
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.starttls(context=trusting(authority))
        client.sendmail("a@example.org", ["b@example.net"], raw)
    delivery, = sink.wait()
    assert delivery.content == raw
    assert (delivery.tls, delivery.mail_from, delivery.recipients) == ("TLSv1.3", "a@example.org", ["b@example.net"])


@pytest.mark.parametrize("fault", [Close(), Reset()])
def test_sink_breaks_off_in_the_middle(sink, fault):
    sink.once("MID", fault)
    with pytest.raises((smtplib.SMTPException, OSError)):
        with smtplib.SMTP("127.0.0.1", sink.port) as client:
            client.sendmail("a@example.org", ["b@example.net"], mimebytes.simple_message(body="x" * 70 + "\r\n"))
    assert sink.messages == []


def test_sink_refuses_and_comes_back(sink):
    sink.pause()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", sink.port)
    sink.resume()
    smtplib.SMTP("127.0.0.1", sink.port).quit()


def test_postfix_receives_over_tls_13_only(postfix, authority):
    raw = mimebytes.simple_message(to="harness@example.net")
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@example.org", ["harness@example.net"], raw)
        client.starttls(context=trusting(authority))
        client.sendmail("a@example.org", ["harness@example.net"], raw)
    delivered, = postfix.wait("harness@example.net")
    assert mimebytes.carries_unchanged(raw, delivered)


def test_dovecot_receives_by_lmtp_over_tls_13(dovecot, authority):
    raw = mimebytes.simple_message(to="harness@example.net")
    with smtplib.LMTP("127.0.0.1", dovecot.port) as client:
        client.starttls(context=trusting(authority))
        client.sendmail("a@example.org", ["harness@example.net"], raw)
    delivered, = dovecot.wait("harness@example.net")
    assert mimebytes.carries_unchanged(raw, delivered)


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384"])
def test_openssl_cms_round_trip(authority, workdir, kind):
    person = authority.person("kim@example.net", kind)
    signed = sealtools.under_header(sealtools.cms_sign(ENTITY, person, workdir), "kim@example.net", "a@postern.example")
    content, signer = sealtools.cms_verify(signed, authority.pem, workdir)
    assert (content, sealtools.certificate_emails(signer)) == (ENTITY, ["kim@example.net"])
    with pytest.raises(PeerError):
        sealtools.cms_verify(signed.replace(b"henhouse", b"hen-ouse"), authority.pem, workdir)
    sealed = sealtools.under_header(sealtools.cms_encrypt(ENTITY, [person.cert], workdir), "a@postern.example", "kim@example.net")
    assert b"henhouse" not in sealed and sealtools.cms_decrypt(sealed, person, workdir) == ENTITY


@pytest.mark.parametrize("address", ["gina@example.net", "rsa@example.net"])
def test_gnupg_round_trip(gnupg, address):
    message = sealtools.pgp_encrypted_message(gnupg.encrypt(ENTITY, [address], sign_as=address), address, address)
    plain, status = gnupg.decrypt(sealtools.pgp_parts(message))
    assert plain == ENTITY and "GOODSIG" in status
    content, signature = sealtools.pgp_signed_parts(sealtools.pgp_signed_message(ENTITY, gnupg.sign(ENTITY, address), address, address))
    assert content == ENTITY
    gnupg.verify(content, signature)
    with pytest.raises(PeerError):
        gnupg.verify(content.replace(b"henhouse", b"hen-ouse"), signature)


def test_sequoia_round_trip_and_with_gnupg(sequoia, gnupg):
    key = sequoia.new_key("harness@example.net")
    certificate = sequoia.certificate(key)
    assert sequoia.decrypt(sequoia.encrypt(ENTITY, [certificate], key), key, certificate) == ENTITY
    signature = sequoia.sign(ENTITY, key)
    sequoia.verify(ENTITY, signature, certificate)
    with pytest.raises(PeerError):
        sequoia.verify(ENTITY + b"x", signature, certificate)
    assert gnupg.decrypt(sequoia.encrypt(ENTITY, [gnupg.certificate("gina@example.net")]))[0] == ENTITY


def test_dkimpy_and_opendkim_agree(workdir):
    from cryptography.hazmat.primitives import serialization
    key = new_key("rsa2048")
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    records = {"sel._domainkey.foreign.example": dkimtools.dns_record(public)}
    signed = dkimtools.foreign_signed(mimebytes.simple_message("a@foreign.example", "b@example.net"), private)
    assert dkimtools.dkimpy_verdicts(signed, records) == [True]
    assert dkimtools.opendkim_verdicts(signed, records, workdir / "good") == {"sel": "pass"}
    damaged = signed.replace(b"A line", b"A 1ine")
    assert dkimtools.dkimpy_verdicts(damaged, records) == [False]
    assert dkimtools.opendkim_verdicts(damaged, records, workdir / "bad") == {"sel": "fail"}


@pytest.mark.parametrize("client", CLIENTS)
def test_npm_clients_start_and_say_what_is_wrong(client):
    auth = {"auth": {"type": "token", "config": {"token": "t"}}} if client == "node-vault-client" else {}
    methods = {"node-vault": "read", "@litehex/node-vault": "sealStatus", "hashi-vault-js": "sealStatus", "node-vault-client": "read"}
    with NodeClient(client, f"http://127.0.0.1:{free_port()}", "t", **auth) as node:
        with pytest.raises(ClientError):
            node.call(methods[client], "secret/x")  # nobody listens there
        with pytest.raises(ClientError, match="has no method"):
            node.call("noSuchMethod")


@pytest.mark.parametrize("kind", list(vaultcrypto.KEY_BYTES))
def test_the_second_opinion_on_transit_agrees_with_itself_and_the_vectors(kind):
    key = bytes(range(vaultcrypto.KEY_BYTES[kind]))
    sealed = vaultcrypto.seal(kind, key, ENTITY, b"aad")
    assert vaultcrypto.unseal(kind, key, sealed, b"aad") == ENTITY
    for wrong in (lambda: vaultcrypto.unseal(kind, key, sealed, b"other"), lambda: vaultcrypto.unseal(kind, key, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"aad")):
        with pytest.raises(Exception):
            wrong()
    private = vaultcrypto.new_private("rsa-2048")
    assert vaultcrypto.unwrapped(private, vaultcrypto.wrapped(vaultcrypto.pem_public(private.public_key()), key)) == key
    derived = vaultcrypto.derived_ed25519(bytes(range(32)), b"my-context").public_key()
    assert vaultcrypto.b64(vaultcrypto.raw_public(derived)) == "OIvIl/P5BgXI5mVbCspIin8B4+5fbJBqqp0rjRBwXjc="
