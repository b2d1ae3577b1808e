"""`postern batch`: many commands in one process, each answered as if it had been alone."""

import base64
import json
import os
import subprocess

from peers.daemon import binary

COMMAND = os.environ.get("POSTERN_BIN") or str(binary("postern"))
MESSAGE = "From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n"


def batch(*lines) -> tuple[int, list[dict]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    done = subprocess.run([COMMAND, "batch"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def alone(*arguments, stdin="") -> subprocess.CompletedProcess:
    return subprocess.run([COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def test_each_answer_is_the_one_of_the_command_alone():
    cases = [(["address", "check", "a@example.org"], ""), (["--json", "mime", "parse"], MESSAGE), (["mime", "parse", "--json"], MESSAGE),
             (["address", "check", "not an address"], ""), (["no-such-verb"], ""), (["--json", "no-such-verb"], ""), (["--version"], ""), ([""], "")]
    status, answers = batch(*[{"id": number, "argv": argv, "stdin": stdin} for number, (argv, stdin) in enumerate(cases)])
    assert status == 0 and [answer["id"] for answer in answers] == list(range(len(cases)))
    for (argv, stdin), answer in zip(cases, answers):
        wanted = alone(*argv, stdin=stdin)
        assert (answer["status"], answer.get("stderr", "")) == (wanted.returncode, wanted.stderr), argv
        if "json" in answer:
            assert "--json" in argv and answer["json"] == json.loads(wanted.stdout)
        else:
            assert answer["stdout"] == wanted.stdout, argv


def test_bytes_in_and_a_flag_that_does_not_stay():
    raw = base64.b64encode(b"Subject: \xff\r\n\r\nx").decode()
    status, answers = batch({"argv": ["--json", "mime", "parse"], "stdin_base64": raw}, {"argv": ["address", "check", "a@example.org"]})
    assert status == 0 and "json" in answers[0] and "stdout" in answers[1] and answers[1]["id"] is None


def test_lines_that_are_no_commands():
    status, answers = batch("rubbish", {"id": 1}, {"id": 2, "argv": []}, {"id": 3, "argv": [1]}, {"id": 4, "argv": ["batch"]},
                            {"id": 5, "argv": ["--version"], "stdin": 7}, {"id": 6, "argv": ["--version"], "stdin_base64": "*"},
                            {"id": 7, "argv": ["a\0b"]}, {"id": 8, "argv": ["--version"]})
    assert status == 2
    assert [answer["id"] for answer in answers] == [None, *range(1, 9)]
    assert [answer.get("line") for answer in answers] == [1, 2, 3, 4, 5, 6, 7, 8, None]
    assert [answer["error"]["field"] for answer in answers[:-1]] == ["", "argv", "argv", "argv", "argv", "stdin", "stdin_base64", "argv"]
    assert answers[-1]["status"] == 0


def test_a_thousand_in_one_process():
    status, answers = batch(*[{"id": number, "argv": ["address", "check", f"a{number}@example.org"]} for number in range(1000)])
    assert status == 0 and len(answers) == 1000 and all(answer["status"] == 0 for answer in answers)
    assert "a999@example.org" in answers[-1]["stdout"]


def test_every_verb_on_files_takes_the_clock():
    """contracts.md, "Command line": --now UNIXTIME, also where no clock matters; no such time is a usage error."""
    zone, policy = '{"records": {}}', "version: STSv1\nmode: none\nmax_age: 1\n"
    bounce = ("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
              "Final-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n--b--\r\n")
    tls = json.dumps({"organization-name": "x", "report-id": "1", "policies": [],
                      "date-range": {"start-datetime": "2026-11-24T00:00:00Z", "end-datetime": "2026-11-24T23:59:59Z"}})
    cases = [(["spf", "check", "--ip", "192.0.2.1", "--helo", "x.example", "--mail-from", "", "--dns-fixture", "-"], zone),
             (["dmarc", "check", "--from", "example.org", "--dns-fixture", "-"], zone), (["dkim", "verify"], MESSAGE), (["arc", "verify"], MESSAGE),
             (["authres", "parse"], "mx.example.org; none"), (["address", "check", "a@example.org"], ""), (["mime", "parse"], MESSAGE), (["dsn", "parse"], bounce),
             (["tlsrpt", "parse"], tls), (["mta-sts", "check", "--mx", "x.example"], policy), (["x400", "address", "C=DE;A=;P=ACME;S=Doe"], ""), (["crypto", "vectors"], "")]
    _, answers = batch(*[{"argv": [*argv, "--now", now], "stdin": stdin} for argv, stdin in cases for now in ("1790000000", "soon")])
    wanted = [status for _ in cases for status in (0, 2)]
    assert [answer["status"] for answer in answers] == wanted, [answer for answer, status in zip(answers, wanted) if answer["status"] != status]
