"""Programs that take JSON documents, one a line, and answer each with one: what many questions in one process look like."""

import base64
import json

from .base import PeerError, run
from .daemon import binary


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def ask(argv, commands, timeout=150) -> list[dict]:
    """The answers, in the order of the commands."""
    commands = list(commands)
    done = run(argv, input="".join(json.dumps(command) + "\n" for command in commands), timeout=timeout)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(commands):
        raise PeerError(f"{argv[0]} answered {len(answers)} of {len(commands)} commands\n{done.stderr.decode('utf-8', 'replace')[-2000:]}")
    return answers


def postern_batch(commands, timeout=150) -> list[dict]:
    """`postern batch`: (arguments, standard input) each; what --json printed, or {"error"} of a command that failed."""
    lines = [{"argv": ["--json", *map(str, argv)], "stdin_base64": b64(raw)} for argv, raw in commands]
    return [answer.get("json") or {"error": answer.get("stderr", answer)} for answer in ask([binary("postern"), "batch"], lines, timeout)]
