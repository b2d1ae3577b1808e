"""Bad days: the disk is full or read-only, the next hop is down, slow or hostile, clocks jump, certificates are wrong, a key is missing."""

import contextlib
import os
import resource
import smtplib
import socket
import sqlite3
import ssl
import time

import pytest

from peers import mimebytes, sealtools
from peers.base import run, wait_until
from peers.certs import TestAuthority
from peers.daemon import binary, send_exact
from peers.sink import Close, Reset, Stall, Swallow

ALICE = "alice@postern.example"
BOB = "bob@example.net"
MARKER = "the fox is in the henhouse"


# Disks.

@contextlib.contextmanager
def small_disk(path, size="24m"):
    path.mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", path])
    try:
        yield path
    finally:
        run(["umount", "-l", path])


def fill(path) -> int:
    """Takes the last byte of the medium; the number written."""
    written = 0
    with open(path, "wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    written += file.write(b"\0" * size)
    return written


def send_or_reply(daemon, raw, recipient=BOB):
    """None when the message was accepted, else the reply's code and text."""
    try:
        daemon.send(ALICE, [recipient], raw)
        return None
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        return error.smtp_code, error.smtp_error


@pytest.mark.parametrize("size", [200, 200_000], ids=["small-message", "large-message"])
def test_a_full_disk_refuses_for_now_and_recovers_by_itself(make_daemon, workdir, sink, size):
    """4xx while nothing can be stored; what was accepted stays; when there is room again mail flows without a restart."""
    with small_disk(workdir / "disk") as disk:
        daemon = make_daemon().route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")
        daemon.config["storage"]["data_dir"] = str(disk / "var")
        try:
            daemon.start()
            sink.pause()
            accepted = [mimebytes.simple_message(ALICE, BOB, body="x" * 70 + "\r\n") for _ in range(3)]
            for raw in accepted:
                daemon.send(ALICE, [BOB], raw)
            fill(disk / "ballast")
            refusals = []
            for _ in range(5):
                raw = mimebytes.simple_message(ALICE, BOB, body=("y" * 70 + "\r\n") * (size // 72))
                refusal = send_or_reply(daemon, raw)
                if refusal is None:
                    accepted.append(raw)  # a preallocated file may still have had room; then it must not be lost
                else:
                    refusals.append(refusal)
            if not refusals:
                refusals = refuse_until_full(daemon, accepted)
            assert all(code in (451, 452) for code, _ in refusals), refusals
            assert all(text.startswith((b"4.3.1", b"4.3.0", b"4.2.2")) for _, text in refusals), refusals
            status, body = daemon.get("/status")
            assert status == 200, body
            assert daemon.get("/readyz") == (503, b"the disk refuses writes\n") and daemon.get("/healthz")[0] == 200
            (disk / "ballast").unlink()
            raw = mimebytes.simple_message(ALICE, BOB, body="after the flood\r\n")
            wait_until(lambda: send_or_reply(daemon, raw) is None, "mail to be accepted again", 20, every=0.5, details=daemon.log_tail)
            accepted.append(raw)
            assert daemon.get("/readyz")[0] == 200
            sink.resume()
            wait_until(lambda: all(any(m.content.endswith(raw) for m in list(sink.messages)) for raw in accepted),
                       f"all {len(accepted)} accepted messages at the sink (it has {len(sink.messages)})", 40, details=daemon.log_tail)
            assert daemon.cli("audit", "verify").returncode == 0
        finally:
            daemon.stop()


def refuse_until_full(daemon, accepted) -> list:
    """The first refusals of a disk whose files had room inside."""
    for _ in range(3000):
        raw = mimebytes.simple_message(ALICE, BOB, body=("z" * 70 + "\r\n") * 40)
        refusal = send_or_reply(daemon, raw)
        if refusal is not None:
            return [refusal]
        accepted.append(raw)
    raise AssertionError("3,000 messages were accepted on a full disk")


@contextlib.contextmanager
def breakable_disk(workdir):
    """An ext4 of its own, with the calls abort() (the kernel makes it read-only, as after an I/O error) and repair()."""
    image, path = workdir / "disk.img", workdir / "disk"
    path.mkdir()
    run(["truncate", "-s", "64M", image])
    run(["mkfs.ext4", "-q", "-F", image])
    mount = ["mount", "-o", "loop", image, path]
    run(mount)

    def repair():
        run(["umount", path])
        run(["fsck.ext4", "-y", image], check=False)  # status 1: it repaired something
        run(mount)
    try:
        yield path, (lambda: run(["mount", "-o", "remount,abort", path])), repair
    finally:
        run(["umount", "-l", path], check=False)


def test_a_disk_that_becomes_read_only(make_daemon, workdir, sink):
    """Temporary refusals and an answering status while it lasts; after the repair everything accepted before is delivered."""
    with breakable_disk(workdir) as (disk, abort, repair):
        daemon = make_daemon().route("*", f"smtp:127.0.0.1:{sink.port}", tls="none")
        daemon.config["storage"]["data_dir"] = str(disk / "var")
        try:
            daemon.start()
            sink.pause()
            accepted = [daemon.submit(to=BOB) for _ in range(5)]
            abort()
            for _ in range(3):
                code, text = send_or_reply(daemon, mimebytes.simple_message(ALICE, BOB, subject="refused"))
                assert code in (451, 452) and text.startswith(b"4.3."), (code, text)
            assert daemon.get("/status")[0] == 200 and daemon.get("/readyz")[0] == 503
            daemon.stop()
            repair()
            sink.resume()
            daemon.start()
            sink.wait(len(accepted), details=daemon.log_tail)
            assert all(any(m.content.endswith(raw) for m in sink.messages) for raw in accepted)
            assert not [m for m in sink.messages if b"Subject: refused" in m.content]
        finally:
            daemon.stop()


def test_a_read_only_data_directory_at_start_is_said_clearly(make_daemon, workdir):
    with small_disk(workdir / "disk") as disk:
        daemon = make_daemon()
        daemon.config["storage"]["data_dir"] = str(disk / "var")
        run(["mount", "-o", "remount,ro", disk])
        status, log = daemon.start_expecting_failure()
        assert status != 0 and str(disk / "var") in log, log
        assert "read-only" in log.lower() or "permission" in log.lower(), log


# Next hops.

def relay_to(daemon, sink, **settings):
    return daemon.route("*", f"smtp:127.0.0.1:{sink.port}", **{"tls": "none", **settings})


def test_a_next_hop_that_is_down_for_a_while(daemon, sink):
    relay_to(daemon, sink).start()
    sink.pause()
    raw = daemon.submit(to=BOB)
    entry = daemon.await_attempt(BOB)
    assert entry["state"] == "queued" and "refused" in entry["last_reply"].lower() and str(sink.port) in entry["last_reply"], entry
    sink.resume()
    assert mimebytes.carries_unchanged(raw, sink.wait(1, details=daemon.log_tail)[0].content)
    daemon.await_empty_queue()


FAULTS = {
    "resets on connect": ("CONNECT", Reset()), "closes on connect": ("CONNECT", Close()), "says 421 on connect": ("CONNECT", "421 4.3.2 not now"),
    "resets on EHLO": ("EHLO", Reset()), "refuses MAIL for now": ("MAIL", "451 4.7.1 greylisted"), "refuses RCPT for now": ("RCPT", "450 4.2.1 busy"),
    "refuses DATA for now": ("DATA", "451 4.3.0 later"), "closes in the middle of the content": ("MID", Close()),
    "resets in the middle of the content": ("MID", Reset()), "refuses the content for now": ("EOM", "452 4.3.1 full"),
    "closes instead of the last reply": ("EOM", Close()), "says 421 instead of the last reply": ("EOM", "421 4.3.0 going down"),
    "sends garbage": ("CONNECT", "hello there"), "answers EHLO with nonsense": ("EHLO", ["250-", "999 what"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_next_hop_that_fails_once(daemon, sink, fault):
    """The message is tried again and arrives whole; each of these is temporary."""
    sink.once(*FAULTS[fault])
    relay_to(daemon, sink).start()
    raw = daemon.submit(to=BOB, body="".join(f"{n:070d}\r\n" for n in range(2000)))
    assert mimebytes.carries_unchanged(raw, sink.wait(1, 30, daemon.log_tail)[0].content)
    daemon.await_empty_queue()
    time.sleep(0.3)
    assert len(sink.messages) == 1, "delivered more than once"


def test_a_lost_last_reply_may_deliver_twice_but_never_not_at_all(daemon, sink):
    """RFC 5321 6.1 and RFC 1047: the hop took it, the 250 got lost; a second delivery is allowed, a loss is not."""
    sink.once("EOM", Swallow())
    relay_to(daemon, sink).start()
    raw = daemon.submit(to=BOB)
    daemon.await_empty_queue()
    assert len(sink.messages) == 2 and all(mimebytes.carries_unchanged(raw, m.content) for m in sink.messages)


def test_a_slow_next_hop_holds_up_nobody_else(daemon, make_sink):
    slow, quick = make_sink(), make_sink()
    slow.on("MAIL", Stall(8))
    daemon.route("slow.example", f"smtp:127.0.0.1:{slow.port}", tls="none", concurrency=2)
    daemon.route("quick.example", f"smtp:127.0.0.1:{quick.port}", tls="none")
    daemon.start()
    for number in range(20):
        daemon.submit(to=f"r{number}@slow.example")
    begun = time.monotonic()
    daemon.submit(to="now@quick.example")
    quick.for_recipient("now@quick.example", 6, daemon.log_tail)
    assert time.monotonic() - begun < 6


def test_a_next_hop_that_never_greets_does_not_hold_up_a_stop(daemon, sink):
    """RFC 5321 4.5.3.2.1 has a client wait five minutes for the greeting; an operator who stops the daemon does not wait with it."""
    sink.once("CONNECT", Stall(120))
    relay_to(daemon, sink).start()
    daemon.submit(to=BOB)
    wait_until(lambda: sink.open_connections, "a connection to the silent hop", details=daemon.log_tail)
    begun = time.monotonic()
    assert daemon.stop(30) == 0 and time.monotonic() - begun < 20
    daemon.start()
    sink.wait(1, details=daemon.log_tail)


def test_a_5xx_bounces_at_once(daemon, sink):
    sink.on("RCPT", "550 5.1.1 no such user here")
    relay_to(daemon, sink).start()
    daemon.submit(to=BOB)
    bounce, = daemon.await_mail(ALICE)
    assert b"550 5.1.1 no such user here" in bounce
    daemon.await_empty_queue()


def test_some_recipients_fail_and_the_others_are_delivered(daemon, sink):
    answers = {"bad@example.net": "550 5.1.1 unknown", "later@example.net": "450 4.2.1 busy"}
    sink.on("RCPT", lambda moment, argument: next((reply for name, reply in answers.items() if name in argument), None))
    relay_to(daemon, sink).start()
    daemon.submit(to=["good@example.net", "bad@example.net", "later@example.net"])
    assert sink.for_recipient("good@example.net", details=daemon.log_tail).recipients == ["good@example.net"]
    bounce, = daemon.await_mail(ALICE)
    assert b"bad@example.net" in bounce and b"later@example.net" not in mimebytes.multipart(bounce)[1]
    answers.clear()
    sink.for_recipient("later@example.net", details=daemon.log_tail)
    assert [m.recipients for m in sink.messages].count(["good@example.net"]) == 1


def test_an_unresolvable_host_waits(daemon):
    daemon.config["dns"] = {"servers": ["127.0.0.1@9"], "timeout": "1s"}
    daemon.route("*", "mx").start()
    daemon.submit(to=BOB)
    entry = daemon.await_attempt(BOB, 30)
    assert entry["state"] == "queued" and "dns" in entry["last_reply"].lower(), entry


# TLS of next hops.

BAD_CERTIFICATES = {
    "expired": (lambda authority, other: authority.server("127.0.0.1", days=(-30, -1), label="hop-expired"), "expired"),
    "not yet valid": (lambda authority, other: authority.server("127.0.0.1", days=(1, 30), label="hop-early"), "not valid before"),
    "wrong name": (lambda authority, other: authority.server("mx.other.example", label="hop-other-name"), "not for 127.0.0.1"),
    "unknown authority": (lambda authority, other: other.server("127.0.0.1", label="hop-unknown"), "issuer"),
}


@pytest.mark.parametrize("fault", BAD_CERTIFICATES)
def test_bad_certificates_keep_mail_in_the_queue(daemon, make_sink, authority, workdir, fault):
    """tls=required: not a byte of the message goes out, and the queue says precisely why."""
    make, word = BAD_CERTIFICATES[fault]
    sink = make_sink(tls=make(authority, TestAuthority(workdir / "other", "Another root")))
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem)).start()
    daemon.submit(to=BOB)
    entry = daemon.await_attempt(BOB)
    assert word in entry["last_reply"].lower(), entry["last_reply"]
    assert not sink.messages and not [c for c in sink.commands if c.upper().startswith(("MAIL", "RCPT", "DATA"))]


def test_a_hop_without_starttls_gets_nothing_when_tls_is_required(daemon, sink, authority):
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem)).start()
    daemon.submit(to=BOB)
    entry = daemon.await_attempt(BOB)
    assert "STARTTLS" in entry["last_reply"], entry["last_reply"]
    assert not [c for c in sink.commands if c.upper().startswith("MAIL")]


def test_a_hop_with_old_tls_only_gets_nothing_when_tls_is_required(daemon, make_sink, authority, peer_certificate):
    sink = make_sink(tls=peer_certificate, max_tls=ssl.TLSVersion.TLSv1_2)
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem)).start()
    daemon.submit(to=BOB)
    daemon.await_attempt(BOB)
    assert not sink.messages


def test_a_stripped_starttls_reply_does_not_open_the_envelope(daemon, make_sink, authority, peer_certificate):
    sink = make_sink(tls=peer_certificate)
    sink.on("STARTTLS", "454 4.7.0 TLS not available")
    daemon.route("*", f"smtp:127.0.0.1:{sink.port}", tls="required", ca=str(authority.pem)).start()
    daemon.submit(to=BOB)
    daemon.await_attempt(BOB)
    assert not [c for c in sink.commands if c.upper().startswith("MAIL")]
    sink.on("STARTTLS", None)
    assert sink.wait(1, details=daemon.log_tail)[0].tls == "TLSv1.3"


def test_opportunistic_tls_uses_tls_and_falls_back(daemon, make_sink, peer_certificate):
    with_tls, without = make_sink(tls=peer_certificate), make_sink()
    daemon.route("with.example", f"smtp:127.0.0.1:{with_tls.port}", tls="opportunistic")
    daemon.route("without.example", f"smtp:127.0.0.1:{without.port}", tls="opportunistic")
    daemon.start()
    for domain in ("with.example", "without.example"):
        daemon.submit(to=f"bob@{domain}")
    assert with_tls.wait(1, details=daemon.log_tail)[0].tls == "TLSv1.3"
    assert without.wait(1, details=daemon.log_tail)[0].tls is None


# A key is missing.

@pytest.mark.parametrize("method", ["smime", "openpgp", "auto"])
def test_missing_key_hold_then_release_when_the_key_comes(relaying, sink, authority, gnupg, workdir, method):
    """Held and visible with its reason; an operator's release after the key arrived sends it encrypted."""
    address = "gina@example.net"
    relaying.policy(to="*@example.net", encrypt="must", method=method, missing_key="hold")
    relaying.start()
    relaying.submit(to=address, body=MARKER + "\r\n")
    entry = relaying.await_queue_state(address, "held")
    assert entry["reason"], "the queue must say why"
    time.sleep(0.5)
    assert not sink.messages
    if method == "openpgp":
        (relaying.openpgp_directory / "gina.asc").write_bytes(gnupg.certificate(address))
    else:
        person = authority.person(address, label=f"late-{method}")
        (relaying.smime_directory / "gina.pem").write_bytes(person.cert_pem)
    time.sleep(2.5)  # the folder is looked at every two seconds
    relaying.cli("queue", "release", entry["id"])
    sealed = sink.for_recipient(address, details=relaying.log_tail).content
    assert MARKER.encode() not in sealed
    opened = gnupg.decrypt(sealtools.pgp_parts(sealed))[0] if method == "openpgp" else sealtools.cms_decrypt(sealed, person, workdir)
    assert MARKER.encode() in opened


def test_released_without_a_key_stays_held(relaying, sink):
    relaying.policy(to="*@example.net", encrypt="must", missing_key="hold")
    relaying.start()
    relaying.submit(to=BOB)
    entry = relaying.await_queue_state(BOB, "held")
    relaying.cli("queue", "release", entry["id"], check=False)
    time.sleep(1)
    relaying.await_queue_state(BOB, "held")
    assert not sink.messages, "a must-encrypt message left in clear"


def test_missing_key_bounce_is_said_at_once(relaying, sink):
    """One recipient, known while the client still waits: a 5xx, no bounce message needed."""
    relaying.policy(to="*@example.net", encrypt="must", missing_key="bounce")
    relaying.start()
    code, text = send_or_reply(relaying, mimebytes.simple_message(ALICE, BOB))
    assert 550 <= code < 560 and text.startswith(b"5.7."), (code, text)
    assert not sink.messages and not relaying.queue()


def test_missing_key_bounce_among_others_sends_a_report(relaying, sink):
    relaying.policy(to="*@strict.example", encrypt="must", missing_key="bounce")
    relaying.start()
    raw = mimebytes.simple_message(ALICE, ["a@strict.example", "b@example.net"])
    relaying.send(ALICE, ["a@strict.example", "b@example.net"], raw)
    sink.for_recipient("b@example.net", details=relaying.log_tail)
    bounce, = relaying.await_mail(ALICE)
    assert b"a@strict.example" in bounce and b"5.7." in bounce
    assert len(sink.messages) == 1


def test_missing_key_send(relaying, sink):
    relaying.policy(to="*@example.net", encrypt="must", missing_key="send")
    relaying.start()
    raw = relaying.submit(to=BOB)
    assert mimebytes.carries_unchanged(raw, sink.wait(1, details=relaying.log_tail)[0].content)


def test_should_encrypt_sends_in_clear_without_a_key_and_sealed_with_one(relaying, sink, authority):
    (relaying.smime_directory / "has.pem").write_bytes(authority.person("has@example.net").cert_pem)
    relaying.policy(to="*@example.net", encrypt="should")
    relaying.start()
    relaying.submit(to="has@example.net", body=MARKER + "\r\n")
    relaying.submit(to="hasnot@example.net", body=MARKER + "\r\n")
    assert MARKER.encode() not in sink.for_recipient("has@example.net", details=relaying.log_tail).content
    assert MARKER.encode() in sink.for_recipient("hasnot@example.net", details=relaying.log_tail).content


# Damage at rest.

def damage_stored_content(daemon) -> int:
    """Flips one bit in every stored content, in the database and in segment files; the number of flips. The daemon is stopped."""
    flips = 0
    database = sqlite3.connect(daemon.data_dir / "mail" / "postern.db")
    tables = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if "key" in table or "cert" in table or "audit" in table:
            continue
        for column in [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]:
            long_blobs = f'typeof("{column}") = \'blob\' AND length("{column}") > 200'
            for blob, in database.execute(f'SELECT "{column}" FROM "{table}" WHERE {long_blobs}').fetchall():
                changed = bytearray(blob)
                changed[len(changed) // 2] ^= 1
                database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE "{column}" = ?', (bytes(changed), blob))
                flips += 1
    database.commit()
    database.close()
    for segment in (daemon.data_dir / "mail" / "spool").rglob("*.seg") if (daemon.data_dir / "mail" / "spool").exists() else []:
        data = bytearray(segment.read_bytes())
        used = [i for i in range(4096, len(data), 4096) if any(data[i:i + 16])]
        for index in used[len(used) // 2:len(used) // 2 + 1]:
            data[index] ^= 1
            flips += 1
        segment.write_bytes(data)
    return flips


@pytest.mark.parametrize("size", [1, 3000], ids=["in-the-database", "in-a-segment"])
def test_a_flipped_bit_in_the_spool_is_quarantined(relaying, sink, size):
    """Capability S1: never delivered, named in the queue and in the audit; other mail flows on."""
    sink.pause()
    relaying.start()
    relaying.submit(to="damaged@example.net", body="".join(f"{n:070d}\r\n" for n in range(size)) + "x" * 300 + "\r\n")
    relaying.await_attempt("damaged@example.net")
    relaying.stop()
    assert damage_stored_content(relaying) >= 1, "found no ciphertext to damage"
    sink.resume()
    relaying.start()
    relaying.await_queue_state("damaged@example.net", "quarantined")
    relaying.submit(to="healthy@example.net")
    sink.for_recipient("healthy@example.net", details=relaying.log_tail)
    assert not [m for m in sink.messages if "damaged@example.net" in m.recipients]
    assert any("quarantine" in record["kind"] for record in relaying.audit())


def test_a_wrong_root_key_is_a_clear_refusal_to_start(daemon):
    daemon.start()
    daemon.stop()
    root = daemon.data_dir / "keeper" / "root.key"
    root.write_bytes(bytes(byte ^ 0x55 for byte in root.read_bytes()[:32]))
    status, log = daemon.start_expecting_failure()
    assert status != 0 and "key" in log.lower(), log


# Clocks.

def test_the_wall_clock_steps_back_and_retries_go_on(relaying, sink):
    relaying.fake_clock()
    sink.pause()
    relaying.start()
    relaying.submit(to=BOB)
    relaying.await_attempt(BOB)
    relaying.move_clock(-7 * 24 * 3600)
    sink.resume()
    sink.wait(1, 15, relaying.log_tail)


def test_the_wall_clock_steps_back_over_a_restart(relaying, sink):
    """The stored time of the next attempt lies a week ahead then; it must not be believed."""
    relaying.fake_clock()
    relaying.move_clock(30 * 24 * 3600)
    sink.pause()
    relaying.start()
    relaying.submit(to=BOB)
    relaying.await_attempt(BOB)
    relaying.stop()
    relaying.move_clock(0)
    sink.resume()
    relaying.start()
    sink.wait(1, 20, relaying.log_tail)


def test_the_wall_clock_steps_forward_and_mail_expires_with_a_bounce(relaying, sink):
    relaying.fake_clock()
    sink.pause()
    relaying.start()
    relaying.submit(to=BOB)
    relaying.await_attempt(BOB)
    relaying.move_clock(6 * 24 * 3600)
    bounce, = relaying.await_mail(ALICE, seconds=30)
    assert b"4.4.7" in bounce or b"5.4.7" in bounce, "RFC 3463: delivery time expired"


# Two daemons, odd starts.

def test_a_second_daemon_on_the_same_data_is_refused(make_daemon):
    first = make_daemon(name="first")
    first.start()
    second = make_daemon(name="second")
    second.config["storage"]["data_dir"] = str(first.data_dir)
    ports = (first.data_dir / "ports.json").read_text()
    second.write_config()
    second.spawn([binary("posternd"), "--config", second.config_file])
    assert second.process.wait(20) != 0, second.log_tail()
    assert str(first.data_dir) in second.log_text(), second.log_tail()
    assert (first.data_dir / "ports.json").read_text() == ports, "the refused start touched the running daemon's files"
    first.submit(to="bob@postern.example")
    first.await_mail("bob@postern.example")


def test_a_port_in_use_is_said_clearly(daemon, sink):
    daemon.listener("plain")["address"] = f"127.0.0.1:{sink.port}"
    status, log = daemon.start_expecting_failure()
    assert status != 0 and str(sink.port) in log and "in use" in log.lower(), log


def test_sigterm_ends_cleanly_and_loses_nothing(relaying, sink):
    sink.pause()
    relaying.start()
    raws = [relaying.submit(to=f"t{number}@example.net") for number in range(20)]
    assert relaying.stop() == 0, relaying.log_tail()
    sink.resume()
    relaying.start()
    sink.wait(20, 30, relaying.log_tail)
    assert all(any(m.content.endswith(raw) for m in sink.messages) for raw in raws)


def test_a_full_file_descriptor_table_is_survived(daemon):
    """EMFILE: connections wait or get 421; afterwards everything works."""
    daemon.start()
    pid = daemon.process.pid
    used = len(os.listdir(f"/proc/{pid}/fd"))
    plenty, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 10, hard))
    clients = []
    for _ in range(60):
        with contextlib.suppress(OSError):
            clients.append(socket.create_connection(("127.0.0.1", daemon.port("plain")), timeout=2))
    time.sleep(1)
    assert daemon.running(), daemon.log_tail()
    for client in clients:
        client.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (plenty, hard))

    def serves():
        with contextlib.suppress(OSError, smtplib.SMTPException), daemon.smtp() as client:
            send_exact(client, ALICE, ["bob@postern.example"], mimebytes.simple_message())
            return True
        return False
    wait_until(serves, "the daemon to serve again", 20, every=0.5, details=daemon.log_tail)
    daemon.await_mail("bob@postern.example")
