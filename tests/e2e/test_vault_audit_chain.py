"""The engine's audit file in the hash chain: `postern audit verify` vouches for every line, and names what somebody changed."""

import json
import sqlite3

import pytest

from peers.daemon import engine_config
from peers.vault import fresh


@pytest.fixture
def audited(make_daemon):
    """A daemon with some requests behind it, stopped, so that every line is in a block."""
    daemon = make_daemon(engine_config())
    vault = daemon.start().vault()
    vault.ensure_mount("secret", "kv", version="2")
    for number in range(20):
        vault.write(f"secret/data/{fresh('chained')}", data={"n": number})
    vault.close()
    daemon.stop()
    return daemon


def verify(daemon, *arguments, status=0) -> dict:
    done = daemon.cli("--json", "audit", "verify", *arguments, check=False)
    assert done.returncode == status, done
    return json.loads(done.stdout)


def engine_of(daemon, *arguments, status=0) -> dict:
    answer = verify(daemon, *arguments, status=status)
    assert answer["ok"] is (status == 0) and answer["engine"]["ok"] is (status == 0)
    return answer["engine"]


def file_of(engine: dict) -> dict:
    assert len(engine["files"]) == 1
    return engine["files"][0]


def test_every_line_is_vouched_for(audited):
    lines = audited.engine_audit.read_text().splitlines()
    engine = engine_of(audited, "--offline")
    assert len(engine["head"]["hash"]) == 64 and engine["entries"] >= 1
    assert file_of(engine) == {"file": str(audited.engine_audit), "read": [str(audited.engine_audit)], "lines": len(lines), "absent_lines": 0,
                               "found_lines": 0, "young_bytes": 0, "faults": []}
    text = audited.cli("audit", "verify", "--offline").stdout.decode()
    assert "the key engine's audit is whole" in text and f"{len(lines)} lines" in text


def test_through_the_running_daemon(audited):
    audited.start()
    vault = audited.vault()
    vault.read("sys/mounts")
    answer = verify(audited)
    assert answer["ok"] and answer["engine"]["ok"] and "offline" not in answer
    vault.close()


@pytest.mark.parametrize("how", ["altered", "removed", "inserted", "cut", "gone"])
def test_tampering_is_found_and_named(audited, how):
    path = audited.engine_audit
    lines = path.read_text().splitlines(keepends=True)
    middle = len(lines) // 2
    changed = {"altered": [*lines[:middle], lines[middle].replace('"request"', '"Request"', 1), *lines[middle + 1:]],
               "removed": lines[:middle] + lines[middle + 1:], "inserted": [*lines[:middle], lines[0], *lines[middle:]], "cut": lines[:middle]}
    if how == "gone":
        path.unlink()
    else:
        path.write_text("".join(changed[how]))
    for arguments in ([], ["--offline"]):
        fault = file_of(engine_of(audited, *arguments, status=1))["faults"][0]
        kinds = {"altered": ["altered"], "inserted": ["altered"], "removed": ["altered", "missing"], "cut": ["missing"], "gone": ["missing"]}
        assert fault["kind"] in kinds[how]  # a line that was removed from the last block leaves it too short
        assert fault["file"] == str(path) and fault["first_line"] <= middle + 1 <= fault["last_line"]
    text = audited.cli("audit", "verify", "--offline", check=False).stdout.decode()
    assert "TAMPERED" in text and str(path) in text and "lines" in text


def test_the_chain_itself(audited):
    database = sqlite3.connect(audited.data_dir / "keeper" / "engine.db")
    database.execute("UPDATE audit SET facts = replace(facts, '\"last_line\":', '\"last_line\": ') WHERE seq = 1")
    database.commit()
    database.close()
    engine = engine_of(audited, "--offline", status=1)
    assert engine["fault"]["sequence"] == 1 and engine["fault"]["kind"] == "altered"


def test_a_kill_looks_like_a_kill(make_daemon):
    """Lines that the chain had not seen when the process was killed are covered at the next start, and marked."""
    daemon = make_daemon(engine_config())
    vault = daemon.start().vault()
    vault.read("sys/mounts")
    vault.close()
    daemon.kill()
    assert file_of_nothing(verify(daemon, "--offline")["engine"])
    lines = len(daemon.engine_audit.read_text().splitlines())
    daemon.start()
    daemon.stop()
    entry = file_of(engine_of(daemon, "--offline"))
    assert entry["lines"] >= entry["found_lines"] == lines and entry["young_bytes"] == 0


def file_of_nothing(engine: dict) -> bool:
    """No block yet: a file of which the chain says nothing."""
    return engine["ok"] and all(file["faults"] == [] for file in engine["files"])


def test_rotation(audited):
    rotated = audited.engine_audit.with_name("engine.jsonl.1")
    audited.engine_audit.rename(rotated)
    audited.start()
    vault = audited.vault()
    vault.read("sys/mounts")
    vault.close()
    audited.stop()
    assert file_of(engine_of(audited, "--offline"))["read"] == [str(rotated), str(audited.engine_audit)]
    rotated.write_text(rotated.read_text().replace("127.0.0.1", "127.0.0.9", 1))
    assert file_of(engine_of(audited, "--offline", status=1))["faults"][0]["file"] == str(rotated)


def test_it_can_be_switched_off(make_daemon):
    daemon = make_daemon(engine_config())
    daemon.config["engine"]["audit"] = {"chain": False}
    vault = daemon.start().vault()
    vault.read("sys/mounts")
    vault.close()
    daemon.stop()
    engine = verify(daemon, "--offline")["engine"]
    assert engine["entries"] == 0 and engine["files"] == []
