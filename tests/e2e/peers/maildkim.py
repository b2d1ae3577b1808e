"""Mail::DKIM (Perl), which clients/maildkim.pl drives: DKIM and ARC, RSA only."""

from . import jsonlines
from .jsonlines import b64
from .nodeclients import ROOT


def ask(commands) -> list[dict]:
    return jsonlines.ask(["/usr/bin/perl", ROOT / "tests/e2e/clients/maildkim.pl"], commands)


def verdicts(raws, records: dict[str, str]) -> list[list[tuple[str, str]]]:
    """(selector, result) of each signature from the top, for each message."""
    answers = ask({"do": "verify", "raw": b64(raw), "txt": records} for raw in raws)
    return [[(one["selector"], one["result"]) for one in answer.get("signatures", [])] for answer in answers]
