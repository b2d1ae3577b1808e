"""The audit chain: a record for everything that matters, chained; any change is found and named."""

import json
import sqlite3

import pytest

from peers.base import wait_until

ALICE = "alice@postern.example"


@pytest.fixture
def audited(relaying, sink):
    """A daemon with some history: one message relayed, one stored."""
    relaying.start()
    relaying.submit(to="bob@example.net")
    relaying.submit(to="carol@postern.example")
    sink.wait(1, details=relaying.log_tail)
    relaying.await_empty_queue()
    return relaying


def test_an_accepted_and_a_delivered_message_leave_records(audited):
    records = audited.audit()
    kinds = [record["kind"] for record in records]
    assert kinds.count("message.accepted") == 2, kinds
    assert any("deliver" in kind for kind in kinds), kinds
    numbers = [record["sequence"] for record in records]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no gaps"
    assert all(record["time"].endswith("Z") for record in records)


def test_the_chain_verifies(audited):
    answer = audited.json("audit", "verify")
    assert answer["ok"] is True and answer["entries"] >= 3 and len(answer["head"]["hash"]) == 64


def test_records_name_no_subject_and_no_content(audited):
    assert "Hello" not in str(audited.audit()) and "A line of text" not in str(audited.audit())


def test_the_audit_record_is_there_the_moment_the_250_is(relaying, sink):
    """Same commit: after kill -9 right behind the 250 the record stands."""
    sink.pause()
    relaying.start()
    relaying.submit(to="bob@example.net")
    relaying.crash_and_restart()
    assert [record["kind"] for record in relaying.audit()].count("message.accepted") == 1
    assert relaying.cli("audit", "verify").returncode == 0


def audit_table(path) -> str:
    """The table of audit records: of those named so, the one with most rows."""
    database = sqlite3.connect(path)
    tables = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE '%audit%'")]
    sizes = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    database.close()
    return max(sizes, key=sizes.get)


def tamper(path, how: str):
    table = audit_table(path)
    database = sqlite3.connect(path)
    rows = [row for row, in database.execute(f'SELECT rowid FROM "{table}" ORDER BY rowid')]
    middle = rows[len(rows) // 2]
    if how == "deleted":
        database.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (middle,))
    elif how == "cut off at the end":
        database.execute(f'DELETE FROM "{table}" WHERE rowid >= ?', (middle,))
    else:
        column = largest_column(database, table, middle)
        value = database.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = ?', (middle,)).fetchone()[0]
        changed = value.replace(b"a", b"b", 1) if isinstance(value, bytes) else value.replace("a", "b", 1)
        assert changed != value
        database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (changed, middle))
    database.commit()
    database.close()


def largest_column(database, table: str, rowid: int) -> str:
    names = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    values = database.execute(f'SELECT * FROM "{table}" WHERE rowid = ?', (rowid,)).fetchone()
    sized = {name: len(value) for name, value in zip(names, values) if isinstance(value, (bytes, str)) and "hash" not in name}
    return max(sized, key=sized.get)


@pytest.mark.parametrize("how", ["altered", "deleted", "cut off at the end"])
def test_tampering_is_found_and_named(audited, how):
    audited.stop()
    tamper(audited.data_dir / "mail" / "postern.db", how)
    audited.start()
    done = audited.cli("--json", "audit", "verify", check=False)
    assert done.returncode == 1, done
    answer = json.loads(done.stdout)
    assert answer["ok"] is False and answer["fault"]["sequence"] > 0 and answer["fault"]["text"], answer


def test_verify_works_without_the_daemon(audited):
    """Capability O2: verified offline by one command."""
    audited.stop()
    answer = audited.json("audit", "verify", "--offline")
    assert answer["ok"] is True and answer["offline"] is True
    tamper(audited.data_dir / "mail" / "postern.db", "altered")
    assert audited.cli("audit", "verify", "--offline", check=False).returncode == 1


def test_operators_acts_are_recorded(relaying, sink):
    sink.pause()
    relaying.start()
    relaying.submit(to="bob@example.net")
    entry = wait_until(lambda: next(iter(relaying.queue()), None), "a queue entry", details=relaying.log_tail)
    relaying.cli("queue", "hold", entry["id"])
    relaying.cli("key", "rotate", "dkim_key")
    relaying.add_user("alice", "some password", ALICE)
    acts = " ".join(f"{record['kind']} {record['facts']}" for record in relaying.audit())
    for act in ("hold", "key.rotate", "user.put"):
        assert act in acts, f"no record of {act}: {acts}"
    assert "some password" not in str(relaying.audit())
