"""mailauth (npm), which clients/mailauth.mjs drives: DKIM with RSA and Ed25519, ARC, DMARC by the public suffix list it carries."""

from . import jsonlines
from .base import PeerError
from .jsonlines import b64
from .nodeclients import ROOT


def ask(commands) -> list[dict]:
    installed = ROOT / "build/peers/node"
    if not (installed / ".installed").is_file():
        raise PeerError(f"{installed} does not hold the npm clients; run tools/install-peers")
    return jsonlines.ask(["node", ROOT / "tests/e2e/clients/mailauth.mjs", installed], commands)


def verdicts(raws, records: dict[str, str]) -> list[list[tuple[str, str]]]:
    """(selector, result) of each signature from the top, for each message."""
    answers = ask({"do": "verify", "raw": b64(raw), "txt": records} for raw in raws)
    return [[(one.get("selector", ""), one["result"]) for one in answer.get("signatures", [])] for answer in answers]
