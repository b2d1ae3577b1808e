"""`postern x400 sdk-test`: the example library, built by the line its README gives, passes the kit; broken ones are caught by name."""

import json
import os
import pathlib
import shlex
import subprocess

import pytest

from peers.daemon import binary

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "x400-sdk"
BROKEN = ROOT / "src" / "sdk" / "testing" / "broken_library.c"
PARTS = [str(EXAMPLE / name) for name in ("results.c", "store.c", "reading.c")]


def compiler_line():
    """The command of the README, word for word."""
    lines = [line.strip() for line in (EXAMPLE / "README.md").read_text().splitlines()]
    return next(shlex.split(line) for line in lines if line.startswith("cc "))


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    words = compiler_line()
    out = tmp_path_factory.mktemp("x400") / "memory_library.so"
    words[words.index("-o") + 1] = str(out)
    words = [name for word in words for name in (sorted(path.name for path in EXAMPLE.glob(word)) if "*" in word else [word])]
    done = subprocess.run(words + ["-Werror"], cwd=EXAMPLE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def broken(tmp_path):
    def build(defect):
        out = tmp_path / f"{defect.lower()}.so"
        words = ["cc", "-std=c11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread", "-I", str(ROOT / "include"), f"-DDEFECT={defect}"]
        words += (["-DDEFECT_HAS_NO_ENTRY"] if defect == "MISSING_SYMBOL" else []) + ["-o", str(out), str(BROKEN), *PARTS]
        subprocess.run(words, capture_output=True, timeout=120, check=True)
        return out
    return build


def kit(*arguments, environment=None):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, "x400", "sdk-test", *map(str, arguments)], capture_output=True, text=True, timeout=180, check=False,
                          env={**os.environ, **(environment or {})})


def outcome_of(done, check):
    return next(one for one in json.loads(done.stdout)["checks"] if one["name"] == check)


def test_the_example_passes_every_check(example):
    done = kit("--library", example, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["failed"] == 0 and answer["skipped"] == 0
    assert answer["passed"] == len(answer["checks"]) >= 40
    assert all(one["proves"] for one in answer["checks"])
    assert done.stderr == ""


def test_people_get_a_line_for_each_check(example):
    done = kit("--library", os.path.relpath(example), "--check", "load", "--check", "round-trip")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("passed   load") and lines[1].startswith("passed   round-trip")
    assert lines[-1] == "2 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize("defect, check, why", [
    ("WRONG_VERSION", "load", "version"),
    ("MISSING_SYMBOL", "load", "does not export postern_x400_sdk_entry"),
    ("CRASH_IN_SUBMIT", "round-trip", "crashed (signal 11"),
    ("HANG_IN_LIST", "round-trip", "did not come back within 2000 ms"),
    ("LIES_IN_FETCH", "round-trip", "fetched.content_size"),
    ("DOUBLE_FREE", "ownership", "crashed (signal 6"),
    ("STDOUT_IN_SUBMIT", "round-trip", "standard output"),
    ("TELLS_PASSWORD", "wrong-password", "password"),
])
def test_a_defect_is_caught_by_name(broken, defect, check, why):
    done = kit("--library", broken(defect), "--check", check, "--limit-ms", 2000, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    found = outcome_of(done, check)
    assert found["outcome"] == "failed" and why in found["why"]


def test_a_library_that_does_not_load_fails_once_and_skips_the_rest(tmp_path):
    done = kit("--library", tmp_path / "nothing.so", "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["failed"] == 1 and answer["passed"] == 0
    assert "No such file" in outcome_of(done, "load")["why"]


def test_the_password_comes_by_reference_and_is_said_nowhere(example, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("certainly-wrong\n")
    done = kit("--library", example, "--check", "health", "--password-ref", f"file:{secret}", "--json")
    assert done.returncode == 1 and "NOT_AUTHENTICATED" in outcome_of(done, "health")["why"]
    assert "certainly-wrong" not in done.stdout + done.stderr
    done = kit("--library", example, "--check", "health", "--password-ref", "env:KIT_PASSWORD", environment={"KIT_PASSWORD": "postern"})
    assert done.returncode == 0, done.stdout
    assert kit("--library", example, "--password-ref", "env:NOT_THERE_AT_ALL").returncode == 1
    assert kit("--library", example, "--password-ref", "plain").returncode != 0


def test_profile_and_settings_reach_the_library(example, tmp_path):
    done = kit("--library", example, "--check", "load", "--profile", "nothing", "--json")
    assert done.returncode == 1 and "no such profile" in outcome_of(done, "load")["why"]
    settings = tmp_path / "settings.json"
    settings.write_text("[1]")
    bad = kit("--library", example, "--settings", settings)
    assert bad.returncode != 0 and "JSON object" in bad.stderr
    settings.write_text('{"profiles_dir": "/x"}')
    assert kit("--library", example, "--check", "load", "--profile", "memory", "--settings", settings).returncode == 0


def test_unknown_checks_and_words_are_refused(example):
    assert kit("--library", example, "--check", "perfection").returncode == 1
    assert kit().returncode == 2
    assert kit("--library", example, "--role", "p9").returncode == 2


def test_the_child_alone_does_no_harm():
    """Whoever starts the hidden verb by hand has no channel to it."""
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    done = subprocess.run([command, "x400-sdk-child"], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"" and done.returncode in (0, 70)
