"""`postern crypto vectors`: the Wycheproof files of the shared data through the product's own crypto layer, all in one process.

How a verdict is judged. "valid" must be valid and "invalid" must not. "acceptable" is what a standard leaves to the implementation, and each flag that
comes with it has one answer here (ACCEPTABLE); a new flag fails until somebody decides. "unsupported" is right only for UNUSED, and for nothing less.
"""

import json
import os
import pathlib
import subprocess

import pytest

from peers.daemon import binary

FOLDER = pathlib.Path(os.environ.get("POSTERN_SHARED_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data") / "wycheproof"

# What each type's answer is: left out of the case, compared with the output.
ANSWERS = {"AeadTest": "msg", "KeywrapTest": "msg", "HkdfTest": "okm", "XdhComp": "shared"}
# Some flags of "acceptable" cases and whether the product accepts them.
ACCEPTABLE = {
    "ZeroSharedSecret": False,  # RFC 7748 6.1: checked for, and refused
    "MissingNull": False,  # RFC 8017 9.2: the parameters of DigestInfo are NULL
    "Twist": True, "NonCanonicalPublic": True,  # RFC 7748 5: "MUST accept non-canonical values"; the ladder is safe on the twist
}
COUNTS = {
    "aes_gcm_test.json": (316, 229, 87), "aes_kwp_test.json": (254, 77, 177), "chacha20_poly1305_test.json": (325, 256, 69),
    "ecdsa_secp256r1_sha256_test.json": (484, 174, 310), "ecdsa_secp384r1_sha384_test.json": (504, 194, 310), "ed25519_test.json": (151, 88, 63),
    "hkdf_sha512_test.json": (83, 80, 3), "hmac_sha512_test.json": (174, 66, 108), "rsa_pss_2048_sha256_mgf1_32_test.json": (108, 63, 45),
    "rsa_signature_2048_sha256_test.json": (259, 9, 249), "x25519_test.json": (518, 264, 0),
}
# GCM with AES-192 (103 cases), or with a nonce that is neither 96 bits nor empty (76 more).
UNUSED = {"aes_gcm_test.json": 179}


def unused(case: dict) -> bool:
    if case["algorithm"] != "AES-GCM":
        return False
    return case["group"]["keySize"] == 192 or case["group"]["ivSize"] not in (0, 96)


def expected(test: dict) -> bool:
    if test["result"] != "acceptable":
        return test["result"] == "valid"
    verdicts = {ACCEPTABLE[flag] for flag in test["flags"] if flag in ACCEPTABLE}
    assert verdicts, f"nobody has decided on {test['flags']}"
    return verdicts == {True}  # one reason to refuse is enough


class Cases:
    """All files as cases of the verb, with what must come out of each."""

    def __init__(self):
        self.lines, self.wanted = [], {}
        for path in sorted(FOLDER.glob("*.json")):
            document = json.loads(path.read_text())
            for group in document["testGroups"]:
                for test in group["tests"]:
                    self.add(path.name, document["algorithm"], group, test)

    def add(self, file: str, algorithm: str, group: dict, test: dict):
        answer = ANSWERS.get(group["type"])
        shown = {name: value for name, value in test.items() if name not in ("result", "comment", "flags", answer)}
        case = {"id": f"{file}:{test['tcId']}", "type": group["type"], "algorithm": algorithm,
                "group": {name: value for name, value in group.items() if name != "tests"}, "test": shown}
        self.lines.append(json.dumps(case))
        self.wanted[case["id"]] = (case, test, test.get(answer))


def run(text: str, *arguments) -> subprocess.CompletedProcess:
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, *arguments, "crypto", "vectors"], input=text, capture_output=True, text=True, timeout=300, check=False)


def replies(done: subprocess.CompletedProcess) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def judged():
    if not FOLDER.is_dir():
        pytest.skip(f"no vectors in {FOLDER}")
    cases = Cases()
    done = run("\n".join(cases.lines) + "\n", "--json")
    assert done.returncode == 0 and not done.stderr, done.stderr
    answers = replies(done)
    assert [answer["id"] for answer in answers] == list(cases.wanted), "one answer for each case, in order"
    return [(answer, *cases.wanted[answer["id"]]) for answer in answers]


def disagreement(answer: dict, case: dict, test: dict, output: str | None) -> str | None:
    if answer.get("unsupported"):
        return None if unused(case) else "unsupported"
    if answer["valid"] != expected(test):
        return f"valid is {answer['valid']}, {test['result']} was expected"
    if answer["valid"] and output is not None and answer.get("output") != output:
        return f"another output: {answer.get('output')}"
    return None if answer["valid"] or case["type"] not in ("AeadTest", "KeywrapTest") or "output" not in answer else "plaintext of what did not verify"


def test_every_verdict(judged):
    wrong = [f"{answer['id']} {test['comment']} {test['flags']}: {why}" for answer, case, test, output in judged
             if (why := disagreement(answer, case, test, output))]
    assert not wrong, "\n".join(wrong[:50])


@pytest.mark.parametrize("file", COUNTS)
def test_counts(judged, file):
    """So that a file that was read wrongly, or answered with too many "unsupported", shows."""
    of_file = [(answer, case, test) for answer, case, test, _ in judged if answer["id"].startswith(file + ":")]
    results = [test["result"] for _, _, test in of_file]
    assert (len(results), results.count("valid"), results.count("invalid")) == COUNTS[file]
    left_out = [answer["id"] for answer, case, _ in of_file if answer.get("unsupported")]
    assert len(left_out) == sum(unused(case) for _, case, _ in of_file)
    assert len(left_out) == UNUSED.get(file, 0), "no more than was agreed on is left out"


def test_no_file_is_left_out(judged):
    assert {answer["id"].rpartition(":")[0] for answer, *_ in judged} == set(COUNTS)


def test_the_answer_that_came_along_counts():
    """A case may keep its msg, okm or shared: then an answer that differs is not valid."""
    case = {"id": 1, "type": "HkdfTest", "algorithm": "HKDF-SHA-256", "group": {},
            "test": {"ikm": "0b" * 22, "salt": "000102030405060708090a0b0c", "info": "f0f1f2f3f4f5f6f7f8f9", "size": 4}}
    right, wrong = {**case["test"], "okm": "3cb25f25"}, {**case["test"], "okm": "3cb25f26"}
    answers = replies(run("\n".join(json.dumps({**case, "test": test}) for test in (case["test"], right, wrong))))
    assert [answer["valid"] for answer in answers] == [True, True, False]


def test_lines_that_are_none_do_not_stop_the_rest():
    good = json.dumps({"id": "last", "type": "NoSuchTest", "algorithm": "X", "group": {}, "test": {}})
    done = run("\n".join(["rubbish", "", '{"id":5}', "[" * 100000, "x" * (2 << 20), '{"id":{"a":1}}', "\0", good]))
    answers = replies(done)
    assert done.returncode == 2
    assert [answer.get("line") for answer in answers] == [1, 3, 4, 5, 6, 7, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == ["bad_input"] * 3 + ["too_large"] + ["bad_input"] * 2 + [None]
    assert answers[1]["id"] == 5 and answers[1]["error"]["field"] == "type"
    assert answers[-1] == {"id": "last", "unsupported": True}


def test_it_is_a_stream():
    """An answer comes before the next case is given."""
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    with subprocess.Popen([command, "crypto", "vectors"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for number in range(3):
            process.stdin.write(json.dumps({"id": number, "type": "X", "algorithm": "X", "group": {}, "test": {}}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(timeout=30) == 0
