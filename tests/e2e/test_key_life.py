"""The life of the mail system's keys (K8): rotation by plan and by hand, re-wrapping beside traffic and through kill -9, archive, emergency,
DKIM versions that wait for DNS, and the shredding of a tenant."""

import contextlib
import json
import shutil
import smtplib
import sqlite3
import threading

import pytest

from peers import dkimtools, mimebytes
from peers.base import wait_until

ALICE, BOB = "alice@postern.example", "bob@postern.example"
STORAGE = "mail_storage_key"


def key(daemon, name=STORAGE) -> dict:
    return daemon.api_json("GET", f"/keys/{name}")


def await_rewrapped(daemon, name=STORAGE, target=2, seconds=60.0) -> dict:
    def done():
        run = key(daemon, name)["rewrap"]
        return run if run and run["target"] == target and run["finished"] else None
    return wait_until(done, f"all stored mail under version {target} of {name}", seconds, every=0.1, details=daemon.log_tail)


def store_some(daemon, count: int, to=BOB) -> list[bytes]:
    """So many messages in the mailbox."""
    sent = [mimebytes.simple_message(ALICE, to, body=f"kept {n}\r\n" + ("x" * 70 + "\r\n") * (n % 5 * 400)) for n in range(count)]
    with daemon.smtp() as client:
        for raw in sent:
            client.sendmail(ALICE, [to], raw)
    daemon.await_mail(to, count)
    return sent


def assert_all_readable(daemon, address, sent):
    stored = daemon.await_mail(address, len(sent))
    assert len(stored) == len(sent)
    for raw in sent:
        assert any(mimebytes.carries_unchanged(raw, found) for found in stored), "a message is gone or changed"


class Traffic:
    """Mail into the mailbox until stopped, two hundred a second at most (all of it is fetched back at the end); what was acknowledged
    is remembered."""

    def __init__(self, daemon, to=BOB):
        self.daemon, self.to, self.sent, self.failures = daemon, to, [], []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        with self.daemon.smtp() as client:
            while not self._stop.is_set():
                raw = mimebytes.simple_message(ALICE, self.to)
                try:
                    client.sendmail(ALICE, [self.to], raw)
                    self.sent.append(raw)
                except smtplib.SMTPException as error:
                    self.failures.append(error)
                    return
                self._stop.wait(0.005)


def test_rotation_and_rewrapping_while_mail_flows(relaying, sink):
    """No message is refused or lost, what waits in the queue is re-wrapped as what lies in mailboxes is, and after the archive nothing
    needs the old version."""
    sink.pause()
    relaying.start()
    kept = store_some(relaying, 60)
    queued = [relaying.submit(to=f"later{n}@example.net") for n in range(5)]
    with Traffic(relaying) as traffic:
        wait_until(lambda: len(traffic.sent) > 10, "traffic")
        relaying.cli("key", "rotate", STORAGE)
        done = relaying.json("key", "rewrap", timeout=120)
        before = len(traffic.sent)
        relaying.cli("key", "rotate", STORAGE)
        await_rewrapped(relaying, target=3)
        relaying.cli("key", "archive", STORAGE)
        wait_until(lambda: len(traffic.sent) > before + 10, "traffic after the archive", details=relaying.log_tail)
    assert not traffic.failures, traffic.failures
    run = done["keys"][0]["rewrap"]
    assert run["failed"] == 0 and run["done"] == run["total"] >= 65, run
    shown = key(relaying)
    assert shown["latest_version"] == 3 and shown["min_decryption_version"] == 3
    assert "archive" in relaying.cli("key", "archive", "--help").stdout.decode().lower()
    relaying.restart()
    assert_all_readable(relaying, BOB, kept + traffic.sent)
    sink.resume()
    relaying.cli("queue", "retry", "--all")
    for n, raw in enumerate(queued):
        assert mimebytes.carries_unchanged(raw, sink.for_recipient(f"later{n}@example.net", details=relaying.log_tail).content)
    assert relaying.json("audit", "verify")["ok"] is True
    kinds = [record["kind"] for record in relaying.audit()]
    assert kinds.count("key.rotated") == 2 and "key.rewrapped" in kinds and "key.archived" in kinds


def test_killed_in_the_middle_it_goes_on_by_itself(daemon):
    """kill -9 twice while re-wrapping: the cursor and the rows are of one commit, and nobody has to say anything."""
    daemon.config["keys"] = {"rewrap": {"rate": 40}}
    daemon.start()
    kept = store_some(daemon, 50)
    daemon.cli("key", "rotate", STORAGE)
    seen = 0
    for _ in range(2):
        def further():
            run = key(daemon)["rewrap"]
            return run if run and run["done"] > seen else None
        run = wait_until(further, "progress", every=0.02, details=daemon.log_tail)
        assert run["finished"] is None, "too fast to be interrupted"
        daemon.crash_and_restart()
        after = key(daemon)["rewrap"]
        assert after["done"] >= run["done"] and after["started"] == run["started"], "it went on and did not begin anew"
        seen = after["done"]
    run = await_rewrapped(daemon)
    assert run["done"] == 50 and run["failed"] == 0
    daemon.cli("key", "archive", STORAGE)
    assert_all_readable(daemon, BOB, kept)


def test_a_message_that_cannot_be_rewrapped_is_named_and_keeps_the_old_version(daemon):
    daemon.start()
    store_some(daemon, 4)
    daemon.stop()
    with sqlite3.connect(daemon.data_dir / "mail" / "postern.db") as database:
        first, second = [row[0] for row in database.execute("SELECT id FROM content ORDER BY id LIMIT 2")]
        database.execute("UPDATE content SET wrapped_key = (SELECT wrapped_key FROM content WHERE id = ?) WHERE id = ?", (first, second))
        before = database.execute("SELECT wrapped_key FROM content WHERE id = ?", (second,)).fetchone()
    database.close()
    daemon.start()
    daemon.cli("key", "rotate", STORAGE)
    done = daemon.cli("--json", "key", "rewrap", check=False)
    assert done.returncode == 1
    shown = json.loads(done.stdout)["keys"][0]
    assert shown["rewrap"]["failed"] == 1 and shown["rewrap"]["done"] in (0, 3), "3 by this run, or by the one that began by itself"
    failure = shown["rewrap_failures"][0]
    assert failure["content"] == second and failure["message"] in [entry["id"] for entry in daemon.mailbox()] and failure["reason"]
    assert failure["message"] in daemon.cli("key", "show", STORAGE).stdout.decode()
    refused = daemon.cli("key", "archive", STORAGE, check=False)
    assert refused.returncode == 1 and b"1 stored messages" in refused.stderr
    assert key(daemon)["min_decryption_version"] == 1
    daemon.stop()
    database = sqlite3.connect(daemon.data_dir / "mail" / "postern.db")
    assert database.execute("SELECT wrapped_key FROM content WHERE id = ?", (second,)).fetchone() == before, "it stays as it is"
    database.close()


def test_a_rotation_over_the_vault_api_is_followed_too(daemon):
    daemon.start()
    kept = store_some(daemon, 5)
    with contextlib.closing(daemon.vault()) as vault:
        vault.call("PUT", f"transit/keys/{STORAGE}/rotate")
    await_rewrapped(daemon)
    daemon.cli("key", "archive", STORAGE)
    assert_all_readable(daemon, BOB, kept)


def test_the_plan_rotates_what_is_due_once(relaying, sink):
    """91 days later: storage keys rotate and are followed by stored mail, DKIM is only announced, the CA and people's keys stay."""
    relaying.fake_clock()
    relaying.dkim("ed", "dkim_key", "ed25519-sha256")
    relaying.config["keys"] = {"rotation": {"keys": {"api_hmac_key": "never"}}}
    relaying.start()
    relaying.certificate_of(BOB)
    store_some(relaying, 3)
    plan = relaying.api_json("GET", "/rotation")
    assert {row["name"]: row["note"] for row in plan["keys"]}["api_hmac_key"] == "never" and plan["next"] and plan["rewraps"] == []
    relaying.stop()
    relaying.move_clock(91 * 86400)
    relaying.start()
    await_rewrapped(relaying)
    versions = {entry["name"]: (entry["latest_version"], entry["active_version"]) for entry in relaying.records("keys", "key", "list")}
    assert versions[STORAGE] == (2, 2) and versions["pgp_key_encryption"] == (2, 2)
    assert versions["dkim_key"] == (2, 1), "prepared, and not used before DNS has it"
    assert versions["api_hmac_key"] == (1, 1) and versions["pki_root_key"] == (1, 1)
    assert all(version == (1, 1) for name, version in versions.items() if name.startswith("smime-"))
    relaying.submit(to="erin@example.net")
    assert dkimtools.signature_tags(sink.for_recipient("erin@example.net", details=relaying.log_tail).content)[0]["s"] == "ed"
    relaying.restart()
    assert key(relaying)["latest_version"] == 2, "nothing rotates twice"
    rotated = [record for record in relaying.audit() if record["kind"] == "key.rotated"]
    assert {record["actor"] for record in rotated} == {"system"}


# DKIM.

def selector_of(daemon, sink, address) -> dict[str, str]:
    daemon.submit(to=address)
    raw = sink.for_recipient(address, details=daemon.log_tail).content
    return {"raw": raw, **dkimtools.signature_tags(raw)[0]}


def announced(daemon, name="dkim_key") -> dict:
    return next(record for record in key(daemon, name)["dns"] if record["state"] == "announced")


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_dkim_version_signs_when_dns_has_it(relaying, sink, kind):
    relaying.dkim("s1", f"{kind}_signer", f"{kind}-sha256")
    relaying.config["keys"] = {"rotation": {"dkim_settle": "0s"}}
    relaying.start()
    relaying.cli("key", "rotate", f"{kind}_signer")
    record = announced(relaying, f"{kind}_signer")
    assert record["name"] == "s1-v2._domainkey.postern.example" and record["value"] in relaying.cli("key", "show", f"{kind}_signer").stdout.decode()
    fixture = relaying.directory / "dns.json"
    relaying.config["dns"] = {"fixture_file": str(fixture)}

    def publish(value):
        fixture.write_text(json.dumps({"records": {record["name"]: [{"type": "TXT", "data": value}]}}))
        relaying.restart()
    publish(record["value"].replace("p=", "p=AAAA"))
    assert selector_of(relaying, sink, "r1@example.net")["s"] == "s1", "a record that verifies nothing is no record"
    publish([record["value"][:40], record["value"][40:]])
    wait_until(lambda: key(relaying, f"{kind}_signer")["active_version"] == 2, "version 2 to be used", details=relaying.log_tail)
    found = selector_of(relaying, sink, "r2@example.net")
    assert found["s"] == "s1-v2" and dkimtools.dkimpy_verdicts(found["raw"], {record["name"]: record["value"]}) == [True]
    relaying.restart()
    assert selector_of(relaying, sink, "r3@example.net")["s"] == "s1-v2", "and over a restart"
    assert [r["facts"]["selector"] for r in relaying.audit() if r["kind"] == "dkim.activated"] == ["s1-v2"]


def test_an_operator_can_say_that_it_is_published(relaying, sink):
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.start()
    assert relaying.cli("key", "activate", "dkim_key", check=False).returncode == 1, "nothing waits"
    relaying.cli("key", "rotate", "dkim_key")
    assert relaying.cli("key", "archive", "dkim_key", "--min-version", "2", check=False).returncode == 1, "version 1 signs"
    relaying.cli("key", "activate", "dkim_key", "--in-place", "--force")
    found = selector_of(relaying, sink, "r1@example.net")
    assert found["s"] == "s1"
    assert dkimtools.dkimpy_verdicts(found["raw"], {"s1._domainkey.postern.example": dkimtools.dns_record(relaying.public_key("dkim_key"))}) == [True]
    assert relaying.json("key", "archive", "dkim_key")["min_decryption_version"] == 2
    assert selector_of(relaying, sink, "r2@example.net")["s"] == "s1"


def zone_of(daemon, records=()) -> None:
    """What DNS has for the daemon from its next start on."""
    fixture = daemon.directory / "dns.json"
    fixture.write_text(json.dumps({"records": {name: [{"type": "TXT", "data": value}] for name, value in dict(records).items()}}))
    daemon.config["dns"] = {"fixture_file": str(fixture)}


def test_activating_what_dns_does_not_have_is_refused(relaying, sink):
    """What signs with a selector that nobody finds fails at every receiver: so DNS is asked, and the refusal says what to publish."""
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    zone_of(relaying)
    relaying.start()
    relaying.cli("key", "rotate", "dkim_key")
    record = announced(relaying)
    refused = relaying.cli("key", "activate", "dkim_key", check=False)
    said = refused.stderr.decode()
    assert refused.returncode == 1 and f"publish {record['name']} IN TXT \"{record['value']}\"" in said and "--force" in said, said
    assert selector_of(relaying, sink, "r1@example.net")["s"] == "s1"
    zone_of(relaying, {record["name"]: record["value"].replace("p=", "p=AAAA")})
    relaying.restart()
    refused = relaying.cli("key", "activate", "dkim_key", check=False)
    assert refused.returncode == 1 and b"does not verify" in refused.stderr, refused.stderr
    assert relaying.api("POST", "/keys/dkim_key/activate", {"in_place": False})[0] == 409
    zone_of(relaying, {record["name"]: record["value"]})
    relaying.restart()
    relaying.cli("key", "activate", "dkim_key")
    assert selector_of(relaying, sink, "r2@example.net")["s"] == "s1-v2"


def test_force_signs_with_what_dns_does_not_have(relaying, sink):
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    zone_of(relaying)
    relaying.start()
    relaying.cli("key", "rotate", "dkim_key")
    relaying.cli("key", "activate", "dkim_key", "--force")
    assert selector_of(relaying, sink, "r1@example.net")["s"] == "s1-v2"


def test_a_dns_that_does_not_answer_activates_nothing(relaying):
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.config["dns"] = {"servers": ["127.0.0.1@1"], "timeout": "2s"}
    relaying.start()
    relaying.cli("key", "rotate", "dkim_key")
    refused = relaying.cli("key", "activate", "dkim_key", check=False)
    assert refused.returncode == 3 and b"DNS does not answer for s1-v2._domainkey.postern.example" in refused.stderr, refused
    assert key(relaying, "dkim_key")["active_version"] == 1


def dns_check(daemon) -> list[tuple[str, str]]:
    return [(check["state"], check["text"]) for check in daemon.json("health")["checks"] if check["check"] == "dns"]


def test_that_nobody_looked_at_dns_is_said(relaying):
    """In development nobody looks by himself: that is no failure, and it is not "nothing wrong" either."""
    zone_of(relaying)
    relaying.start()
    (state, text), = dns_check(relaying)
    assert state == "ok" and "not looked at" in text and "nothing wrong" not in text, "where nothing signs it is nothing to note"
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.restart()
    (state, text), = dns_check(relaying)
    assert state == "note" and "not looked at" in text and "s1._domainkey.postern.example" in text and "postern dns health --now" in text, text
    assert relaying.cli("health").returncode == 0
    assert "was not looked at" in relaying.cli("key", "show", "dkim_key").stdout.decode()
    relaying.cli("dns", "health", "--now", check=False)
    found = [text for state, text in dns_check(relaying) if "s1._domainkey" in text]
    assert len(found) == 1 and "missing" in found[0] and "publish it" in found[0], found
    assert "in DNS: missing" in relaying.cli("key", "show", "dkim_key").stdout.decode()


def test_a_key_that_signs_without_its_record_is_a_warning(relaying):
    """Where DNS is looked at: the first key of a new installation, and one that was forced."""
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.config["server"]["mode"] = "production"
    zone_of(relaying)
    relaying.start()

    def warned(selector):
        return [text for text in relaying.get_json("/status")["warnings"] if f"{selector}._domainkey.postern.example TXT missing" in text and "signatures under this selector fail" in text]
    assert len(wait_until(lambda: warned("s1"), "the warning", 30, details=relaying.log_tail)) == 1
    relaying.cli("key", "rotate", "dkim_key")
    relaying.cli("key", "activate", "dkim_key", "--force")
    assert len(wait_until(lambda: warned("s1-v2"), "the warning", 30, details=relaying.log_tail)) == 1
    assert relaying.cli("health").returncode == 0, "a warning is no failure"


def shown_dns(daemon) -> str:
    return daemon.cli("key", "show", "dkim_key").stdout.decode()


def test_show_says_what_to_do_about_each_record(relaying):
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    zone_of(relaying)
    relaying.start()
    relaying.cli("key", "rotate", "dkim_key")
    first = announced(relaying)
    assert "publish it; version 2 signs when DNS has had it for 60 minutes" in shown_dns(relaying)
    relaying.cli("key", "rotate", "dkim_key")
    text = shown_dns(relaying)
    assert "next rotation  not before version 3 is in use" in text
    assert f"withdrawn  take the TXT record of version 2 out of DNS now, if it is there: {first['name']}" in text and first["value"] not in text, text
    record = announced(relaying)
    zone_of(relaying, {record["name"]: record["value"]})
    relaying.restart()
    seen = wait_until(lambda: next((one for one in key(relaying, "dkim_key")["dns"] if one["state"] == "seen"), None), "the record to be seen", details=relaying.log_tail)
    text = shown_dns(relaying)
    assert f"DNS has it; version 3 signs at {seen['until']}, or at once after: postern key activate dkim_key" in text and "when its record is seen" not in text, text
    relaying.cli("key", "activate", "dkim_key")
    retiring = next(one for one in key(relaying, "dkim_key")["dns"] if one["state"] == "retiring")
    assert f"must stay in DNS until {retiring['until']}" in shown_dns(relaying)


def test_a_delegated_selector_is_told_with_the_place_of_its_record(relaying):
    """RFC 6376 3.6.2.2: the TXT record stands where the CNAME leads; the name of the selector has the CNAME and nothing else."""
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.config["dkim"][-1] |= {"delegate": "keys.provider.example"}
    relaying.start()
    told = [relaying.cli("key", verb, "dkim_key").stdout.decode() for verb in ("rotate", "show")]
    record = announced(relaying)
    assert record["at"] == "s1-v2.postern.example.keys.provider.example"
    for text in told:
        assert f"announced  {record['at']} IN TXT \"{record['value']}\"" in text, text
        assert f"{record['name']} IN CNAME {record['at']}" in text and f"{record['name']} IN TXT" not in text, text


# Emergency.

def test_the_emergency_rotates_everything_and_says_what_is_left_to_do(relaying, sink):
    relaying.dkim("s1", "dkim_key", "ed25519-sha256")
    relaying.start()
    certificate = relaying.certificate_of(BOB)
    relaying.openpgp_certificate_of(BOB)
    kept = store_some(relaying, 20)
    before = {entry["name"]: entry["latest_version"] for entry in relaying.records("keys", "key", "list")}
    assert relaying.cli("key", "rotate-all", "--emergency", check=False).returncode == 2, "a program must say --yes"
    assert {entry["name"]: entry["latest_version"] for entry in relaying.records("keys", "key", "list")} == before
    done = relaying.json("key", "rotate-all", "--emergency", "--yes", timeout=120)
    assert not [entry for entry in done["keys"] if "failure" in entry]
    after = {entry["name"]: entry for entry in relaying.records("keys", "key", "list")}
    assert all(after[name]["latest_version"] == version + (name != "pki_root_key") for name, version in before.items()), after
    assert {name for name, entry in after.items() if entry["min_decryption_version"] == 2} == {STORAGE, "api_hmac_key", "pgp_key_encryption"}
    assert done["rewraps"][0]["done"] == 20 and done["rewraps"][0]["min_decryption_version"] == 2
    by_hand = "\n".join(done["by_hand"])
    assert "s1-v2._domainkey.postern.example IN TXT" in by_hand and "pki_root_key" in by_hand and "smime-" in by_hand and "openpgp-" in by_hand
    assert relaying.certificate_of(BOB) != certificate, "the new one is there to be given out"
    relaying.restart()
    assert_all_readable(relaying, BOB, kept)
    assert selector_of(relaying, sink, "r1@example.net")["s"] == "s1"
    with relaying.smtp("mx") as client:
        assert client.noop()[0] == 250, "the listeners show a certificate that verifies"


def test_what_cannot_be_undone_wants_the_name(daemon):
    daemon.start()
    daemon.cli("key", "create", "app_key")
    assert daemon.cli("key", "delete", "app_key", check=False).returncode == 2
    assert daemon.cli("key", "delete", "app_key", "--confirm", "other", check=False).returncode == 2
    daemon.cli("key", "delete", "app_key", "--confirm", "app_key")
    assert daemon.cli("key", "show", "app_key", check=False).returncode == 1
    for name in (STORAGE, "dkim_key", "tls_server", "pki_root_key"):
        refused = daemon.cli("key", "delete", name, "--confirm", name, check=False)
        assert refused.returncode == 4, refused
    for bad in ("0", "-1", "x", "5000000000"):
        assert daemon.cli("key", "archive", STORAGE, "--min-version", bad, check=False).returncode == 2
    assert daemon.cli("key", "archive", STORAGE, "--min-version", "9", check=False).returncode == 2
    for body in ([], {}, {"emergency": "yes"}, {"emergency": None}):
        assert daemon.api("POST", "/rotation", body)[0] == 400
    for body in ({"minimum": 0}, {"minimum": -1}, {"minimum": "2"}, {"minimum": 1.5}):
        assert daemon.api("POST", f"/keys/{STORAGE}/archive", body)[0] == 400
    assert daemon.cli("key", "rewrap", "dkim_key", check=False).returncode != 0


# Tenants.

A, B = "ann@a.example", "ben@b.example"


@pytest.fixture
def tenants(relaying):
    relaying.config["domains"]["local"] += ["a.example", "b.example"]
    relaying.config["tenant"] = [{"name": "acme", "domains": ["a.example"]}, {"name": "bright", "domains": ["b.example"], "storage_key": "bright_key"}]
    return relaying


def storage_keys_of_contents(daemon) -> list[str]:
    database = sqlite3.connect(f"file:{daemon.data_dir / 'mail' / 'postern.db'}?mode=ro", uri=True)
    rows = [row[0] for row in database.execute("SELECT wrapped_key FROM content ORDER BY id")]
    database.close()
    return sorted(row[2:2 + row[1]].decode() if row[0] == 0 else STORAGE for row in rows)


def test_each_tenant_has_its_own_copy_under_its_own_key(tenants, sink):
    sink.pause()
    tenants.start()
    raw = mimebytes.simple_message(ALICE, "everybody@example.net")
    tenants.send(ALICE, [A, "amy@a.example", B, BOB, "out@example.net"], raw)
    for address in (A, "amy@a.example", B, BOB):
        assert mimebytes.carries_unchanged(raw, tenants.await_mail(address)[0])
    # Of the copies for nobody's tenant one stays here and one goes out.
    assert storage_keys_of_contents(tenants) == ["bright_key", STORAGE, STORAGE, "tenant_acme_storage"]
    # What a tenant's people send outside is the tenant's while it waits; what they send to others here is the others'.
    tenants.send(A, ["out@example.net", BOB], mimebytes.simple_message(A, "out@example.net"))
    tenants.await_mail(BOB, 2)
    assert storage_keys_of_contents(tenants) == ["bright_key", *[STORAGE] * 3, "tenant_acme_storage", "tenant_acme_storage"]
    assert {entry["name"]: entry["role"] for entry in tenants.records("keys", "key", "list")}["tenant_acme_storage"] == "storage"
    tenants.cli("key", "rotate", "tenant_acme_storage")
    assert await_rewrapped(tenants, "tenant_acme_storage")["done"] == 2
    tenants.cli("key", "archive", "tenant_acme_storage")
    assert mimebytes.carries_unchanged(raw, tenants.await_mail(A)[0])


def test_shredding_a_tenant(tenants, sink):
    """Its mail is gone here and in a backup of the mail store, even with the key store and root key of today; the rest is untouched."""
    sink.pause()
    tenants.start()
    of_a, of_b = mimebytes.simple_message(ALICE, A, body="for ann only\r\n"), mimebytes.simple_message(ALICE, B)
    tenants.send(ALICE, [A], of_a)
    tenants.send(ALICE, [B], of_b)
    tenants.send(A, ["out@example.net"], mimebytes.simple_message(A, "out@example.net"))
    tenants.send(B, ["out2@example.net"], mimebytes.simple_message(B, "out2@example.net"))
    tenants.await_mail(A)
    tenants.await_mail(B)
    tenants.stop()
    backup = tenants.directory / "backup"
    shutil.copytree(tenants.data_dir, backup)
    tenants.start()
    message = tenants.mailbox(A)[0]["id"]
    for words in (["acme"], ["acme", "--confirm", "bright"]):
        assert tenants.cli("tenant", "shred", *words, check=False).returncode == 2
    assert tenants.cli("tenant", "shred", "nobody", "--confirm", "nobody", check=False).returncode == 1
    assert len(tenants.mailbox(A)) == 1
    done = tenants.json("tenant", "shred", "acme", "--confirm", "acme")
    assert done["state"] == "shredded" and done["removed"] == 2 and "backups of the key store" in done["by_hand"][0]
    assert tenants.mailbox(A) == [] and tenants.api("GET", f"/mail/{message}")[0] == 404
    assert [entry["recipient"] for entry in tenants.queue()] == ["out2@example.net"]
    assert tenants.cli("key", "show", "tenant_acme_storage", check=False).returncode == 1
    assert mimebytes.carries_unchanged(of_b, tenants.await_mail(B)[0])
    with tenants.smtp() as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail(ALICE, [A], of_a)
    assert list(refused.value.recipients.values())[0][0] == 550
    with tenants.smtp() as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail(A, [BOB], of_a)
    assert {t["name"]: t["state"] for t in tenants.records("tenants", "tenant", "list")} == {"acme": "shredded", "bright": "active"}
    kinds = [record["kind"] for record in tenants.audit()]
    assert "tenant.shred_begun" in kinds and "tenant.shredded" in kinds and tenants.json("audit", "verify")["ok"] is True
    # It stays so, and status says it.
    tenants.restart()
    assert any("acme was shredded" in warning for warning in tenants.get_json("/status")["warnings"])
    assert tenants.cli("key", "show", "tenant_acme_storage", check=False).returncode == 1
    assert tenants.json("tenant", "shred", "acme", "--confirm", "acme")["removed"] == 2, "once is enough"
    # The mail store of yesterday with the keys of today.
    tenants.stop()
    shutil.rmtree(tenants.data_dir / "mail" / "spool")
    for name in ("postern.db", "postern.db-wal", "postern.db-shm"):
        (tenants.data_dir / "mail" / name).unlink(missing_ok=True)
    shutil.copytree(backup / "mail" / "spool", tenants.data_dir / "mail" / "spool")
    shutil.copy(backup / "mail" / "postern.db", tenants.data_dir / "mail" / "postern.db")
    tenants.start()
    assert [entry["mailbox"] for entry in tenants.mailbox(A)] == [A], "the row is back"
    status, content = tenants.api("GET", f"/mail/{message}?mailbox={A}")
    assert status >= 400 and b"for ann only" not in content
    assert mimebytes.carries_unchanged(of_b, tenants.await_mail(B)[0])


def test_a_crash_while_a_tenant_is_shredded_is_taken_up(tenants):
    tenants.start()
    sent = [mimebytes.simple_message(ALICE, A, body="a" * 60 + "\r\n") for _ in range(300)]
    with tenants.smtp() as client:
        for raw in sent:
            client.sendmail(ALICE, [A], raw)
    kept = store_some(tenants, 3)
    tenants.cli("tenant", "shred", "acme", "--confirm", "acme", "--no-wait")
    tenants.crash_and_restart()
    wait_until(lambda: tenants.api_json("GET", "/tenants/acme")["state"] == "shredded", "the rest to be removed", details=tenants.log_tail)
    assert tenants.mailbox(A) == [] and tenants.api_json("GET", "/tenants/acme")["shredding"]["removed"] == 300
    assert_all_readable(tenants, BOB, kept)


# What an operator sees.

def test_status_and_lists_show_use_age_and_the_next_rotation(daemon):
    daemon.start()
    store_some(daemon, 3)
    shown = key(daemon)
    assert shown["max_uses"] == 2 ** 32 and 3 <= shown["uses"] < 2 ** 20 and shown["role"] == "storage"
    assert shown["rotation"]["next"] and shown["versions"][0]["age_seconds"] < 3600
    engine = daemon.get_json("/status")["key_engine"]
    assert engine["sealed"] is False and engine["next_rotation"] and engine["keys"] >= 4
    text = daemon.cli("key", "show", STORAGE).stdout.decode()
    assert "next rotation" in text and "of 4294967296" in text
    listed = daemon.cli("key", "list").stdout.decode()
    assert "NEXT ROTATION" in listed and STORAGE in listed
    assert "next rotation" in daemon.cli("status").stdout.decode()


def test_a_sealed_engine_is_said_with_what_to_do(daemon):
    """/status and `postern status` name the next step; the mail side waits (test_mail_keys.py)."""
    daemon.config["engine"] = {"seal": "shamir"}
    daemon.launch()

    def state():
        try:
            daemon.ports = json.loads((daemon.data_dir / "ports.json").read_text())
            return daemon.get_json("/status")["key_engine"]
        except (OSError, ValueError):
            return None
    engine = wait_until(state, "the status of a daemon without keys", details=daemon.log_tail)
    assert engine["sealed"] is True and engine["initialized"] is False and "postern seal init" in engine["advice"]
    with contextlib.closing(daemon.vault("none")) as vault:
        made = vault.call("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2}).json
        vault.call("PUT", "sys/unseal", {"key": made["keys"][0]})
        engine = state()
        assert engine["seal"] == "shamir" and engine["shares"] == {"given": 1, "threshold": 2}
        assert engine["advice"] == "open it: postern seal unseal (1 of 2 shares given)" and engine["audit"][0]["type"] == "file"
        text = daemon.cli("status").stdout.decode()
        assert "SEALED (shamir)" in text and "postern seal unseal" in text
        assert daemon.cli("key", "list", check=False).returncode == 3, "the service does not answer yet"
        vault.call("PUT", "sys/unseal", {"key": made["keys"][1]})
    wait_until(lambda: daemon.get("/readyz")[0] == 200, "mail to be open", details=daemon.log_tail)
    assert state()["sealed"] is False and "advice" not in state()
    store_some(daemon, 2)
    daemon.cli("key", "rotate", STORAGE)
    assert await_rewrapped(daemon)["done"] == 2
