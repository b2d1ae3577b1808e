"""kill -9 under load, again and again: what the engine acknowledged is there, no key version is lost or used twice, what was revoked stays so."""

import http.client
import json
import threading
import time

import pytest

from peers.daemon import engine_config
from peers.vault import Vault, VaultError, b64, fresh, unb64

KILLS = 10
CUT = (OSError, http.client.HTTPException, ValueError)


class Work(threading.Thread):
    """One client that goes on through every crash. `step` gets a client and a number; what it returns was acknowledged."""

    def __init__(self, address, step):
        super().__init__(daemon=True)
        self._address, self._step, self._enough = address, step, threading.Event()
        self.acknowledged, self.findings = [], []

    def run(self):
        number = 0
        while not self._enough.is_set():
            address, token = self._address()
            number += 1
            client = Vault(address, token, timeout=10)
            try:
                self.acknowledged.append(self._step(client, number))
            except CUT:
                time.sleep(0.005)  # the crash took the answer, so nothing was promised; or the daemon is down
            except VaultError as error:
                if error.answer.status < 500:
                    self.findings.append(str(error))
            finally:
                client.close()

    def finish(self):
        self._enough.set()
        self.join(30)


def test_no_answer_without_its_audit_lines(make_daemon):
    """Answers of small calls are kept back until the device has both lines: whatever instant the process dies in, none has left without them."""
    daemon = make_daemon(engine_config()).start()
    vault, key = daemon.vault(), fresh("audited")
    vault.ensure_mount("transit", "transit")
    vault.write(f"transit/keys/{key}")
    token, running = vault.token, {"address": daemon.vault_address}
    vault.close()

    def encrypt(client, number):
        answers = []
        try:
            for item in range(1000):
                answers.append(client.call("POST", f"transit/encrypt/{key}", {"plaintext": b64(f"{number}-{item}")}).json["request_id"])
        except CUT:
            pass
        return answers
    workers = [Work(lambda: (running["address"], token), encrypt) for _ in range(6)]
    for worker in workers:
        worker.start()
    for kill in range(4):
        time.sleep(0.4 + 0.1 * kill)
        daemon.crash_and_restart()
        running["address"] = daemon.vault_address
    daemon.kill()
    for worker in workers:
        worker.finish()
    answered = {request for worker in workers for answers in worker.acknowledged for request in answers}
    recorded = {"request": set(), "response": set()}
    for line in daemon.engine_audit.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # half a line that a crash left; the next start ended it
        recorded[entry["type"]].add(entry["request"]["id"])
    assert len(answered) > 100, "the test has done its work"
    assert not answered - recorded["request"] and not answered - recorded["response"]
    assert all(not worker.findings for worker in workers)


def test_rotation_and_writing_through_crashes(make_daemon):
    daemon = make_daemon(engine_config()).start()
    vault, key, mac = daemon.vault(), fresh("crash"), fresh("crash-mac")
    vault.ensure_mount("transit", "transit")
    vault.ensure_mount("secret", "kv", version="2")
    vault.write(f"transit/keys/{key}", exportable=True)
    vault.write(f"transit/keys/{mac}", type="ed25519")
    token, running = vault.token, {"address": daemon.vault_address}
    first_secret = vault.read(f"transit/export/encryption-key/{key}")["keys"]["1"]

    def address():
        return running["address"], token

    def rotate(client, _):
        return client.write(f"transit/keys/{key}/rotate")["latest_version"]

    def encrypt(client, number):
        text = b64(f"message {number}")
        return text, client.write(f"transit/encrypt/{key}", plaintext=text)["ciphertext"]

    def store(client, number):
        return number, client.write(f"secret/data/crash/{number}", data={"n": number})["version"]

    def revoke(client, _):
        victim = client.new_token(policies=["default"])["client_token"]
        client.write("auth/token/revoke", token=victim)
        return victim
    workers = {name: Work(address, step) for name, step in (("rotate", rotate), ("encrypt", encrypt), ("store", store), ("revoke", revoke))}
    for worker in workers.values():
        worker.start()
    secrets = {"1": first_secret}
    for _ in range(KILLS):
        goal = {name: len(worker.acknowledged) + 3 for name, worker in workers.items()}
        deadline = time.monotonic() + 20
        while any(len(workers[name].acknowledged) < count for name, count in goal.items()):
            assert time.monotonic() < deadline, {name: len(worker.acknowledged) for name, worker in workers.items()}
            time.sleep(0.01)
        daemon.kill()
        daemon.start()
        now = daemon.vault().read(f"transit/export/encryption-key/{key}")["keys"]
        assert {version: now.get(version) for version in secrets} == secrets  # no version lost, none made anew
        secrets = now
        running["address"] = daemon.vault_address
    for worker in workers.values():
        worker.finish()
        assert worker.findings == []

    vault = daemon.vault()
    latest = vault.read(f"transit/keys/{key}")["latest_version"]
    rotated = workers["rotate"].acknowledged
    assert len(set(rotated)) == len(rotated) and max(rotated) <= latest and sorted(map(int, secrets)) == list(range(1, len(secrets) + 1))
    assert len(set(secrets.values())) == len(secrets)
    for text, ciphertext in workers["encrypt"].acknowledged:
        assert vault.write(f"transit/decrypt/{key}", ciphertext=ciphertext)["plaintext"] == text
    nonces = [(sealed.split(":")[1], unb64(sealed.split(":", 2)[2])[:12]) for _, sealed in workers["encrypt"].acknowledged]
    assert len(set(nonces)) == len(nonces)
    for number, version in workers["store"].acknowledged:
        assert vault.read(f"secret/data/crash/{number}?version={version}")["data"] == {"n": number}
    for victim in workers["revoke"].acknowledged:
        assert vault.call("GET", "auth/token/lookup-self", token=victim).status == 403


@pytest.mark.parametrize("verb", ["rotate", "rekey"])
def test_the_barrier_through_a_crash(make_daemon, verb):
    """The moment after the answer is the worst: the new term, or the new shares, must be what the disk knows."""
    daemon = make_daemon(engine_config("shamir")).start()
    guest = Vault(daemon.vault_address)
    made = guest.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}).json
    share, token = made["keys"][0], made["root_token"]
    guest.call("PUT", "sys/unseal", {"key": share})
    root = guest.with_token(token)
    root.ensure_mount("secret", "kv", version="2")
    for number in range(5):
        root.write(f"secret/data/{number}", data={"n": number})
        if verb == "rotate":
            root.call("PUT", "sys/rotate")
            term = root.read("sys/key-status")["term"]
        else:
            nonce = root.call("PUT", "sys/rekey/init", {"secret_shares": 1, "secret_threshold": 1}).json["nonce"]
            share = root.call("PUT", "sys/rekey/update", {"key": share, "nonce": nonce}).json["keys"][0]
        daemon.crash_and_restart()
        guest = Vault(daemon.vault_address)
        assert guest.call("PUT", "sys/unseal", {"key": share}).json["sealed"] is False
        root = guest.with_token(token)
        assert [root.read(f"secret/data/{earlier}")["data"]["n"] for earlier in range(number + 1)] == list(range(number + 1))
        if verb == "rotate":
            assert root.read("sys/key-status")["term"] == term
