"""tools/demo, the last step of `make run`: what it prints, twice in the same folder, and what it says when something is wrong."""

import os
import re
import socket
import subprocess
import sys

import pytest

from peers.daemon import ROOT, binary

DEMO = ROOT / "tools" / "demo"


def demo(workdir, *options, **environment):
    bin_dir = binary("posternd").parent
    env = {**os.environ, "POSTERN_BIN_DIR": str(bin_dir.parent if bin_dir.name == "posternd" else bin_dir), **environment}
    return subprocess.run([sys.executable, DEMO, "--once", "--var", workdir / "elsewhere", *options], env=env, capture_output=True, text=True, timeout=120)


def copies(printed: str) -> dict[str, dict[str, list[str]]]:
    """Recipient -> label -> values."""
    out: dict[str, dict[str, list[str]]] = {}
    for line in printed.splitlines():
        if re.match(r"\S+@\S+  ", line):
            current = out.setdefault(line.split()[0], {})
        elif re.match(r"    \S", line) and out:
            label, _, value = line.strip().partition(" ")
            current.setdefault(label, []).append(value.strip())
    return out


DKIM = ["pass  ed25519-sha256  ed._domainkey.postern.example", "pass  rsa-sha256  rsa._domainkey.postern.example"]
SEALS = {
    "bob@postern.example": "none  (on the wire: none)",
    "carol@partner.example": "smime sign+encrypt  (on the wire: smime encrypted)",
    "dave@openpgp.example": "openpgp sign+encrypt  (on the wire: pgp encrypted)",
    "erin@plain.example": "none  (on the wire: none)",
}


def check_copies(printed: str):
    found = copies(printed)
    assert list(found) == [*SEALS, "frank@strict.example"]
    for address, seal in SEALS.items():
        assert found[address]["state"] == ["delivered"] and found[address]["seal"] == [seal] and found[address]["DKIM"] == DKIM, (address, found[address])
    assert "yes, " in found["carol@partner.example"]["opened"][0] and "signature=valid; signer=alice@postern.example" in found["carol@partner.example"]["opened"][0]
    assert "yes, " in found["dave@openpgp.example"]["opened"][0] and "signature=valid" in found["dave@openpgp.example"]["opened"][0]
    frank = found["frank@strict.example"]
    assert frank["state"] == ["held"] and "the policy asks for encryption" in frank["why"][0] and set(frank) == {"state", "why"}, "said once"
    assert "\x1b[" not in printed


def ready_after(printed: str) -> int:
    return int(re.search(r"Postern is ready after (\d+) ms", printed)[1])


def test_the_demo_twice(workdir):
    first = demo(workdir, "--free-ports")
    assert first.returncode == 0, first
    check_copies(first.stdout)
    made = {path.name: path.read_bytes() for path in (workdir / "elsewhere").rglob("*") if path.name in ("root.key", "admin.token", "alice.password", "carol.pem", "dave.asc", "ca.pem")}
    assert len(made) == 6
    second = demo(workdir, "--free-ports")
    assert second.returncode == 0, second
    check_copies(second.stdout)
    assert "Data of earlier starts" in second.stdout and "Data of earlier starts" not in first.stdout
    for path in (workdir / "elsewhere").rglob("*"):
        assert path.name not in made or path.read_bytes() == made[path.name], f"{path} was made anew"
    times = [ready_after(second.stdout)]
    while min(times) >= ready_after(first.stdout) and len(times) < 4:  # a busy machine may delay one start
        times.append(ready_after(demo(workdir, "--free-ports").stdout))
    assert min(times) < ready_after(first.stdout), f"later starts make no keys, and took {times} ms"


def test_a_copy_that_is_not_what_it_should_be_is_status_1(workdir):
    config = workdir / "other.toml"
    config.write_text((ROOT / "config/demo.toml").read_text().replace('encrypt = "must"\nmethod = "openpgp"', 'encrypt = "never"\nmethod = "openpgp"', 1)
                      .replace('selector = "rsa"', 'selector = "other"').replace('key = "dkim_rsa"\nalgorithm = "rsa-sha256"', 'key = "dkim_key"\nalgorithm = "ed25519-sha256"'))
    done = demo(workdir, "--free-ports", "--config", config)
    assert done.returncode == 1 and "the demo did not go as it should" in done.stderr, done
    assert 'the copy of dave@openpgp.example is sealed "openpgp sign"' in done.stderr and "the copy of bob@postern.example passes DKIM with" in done.stderr
    assert "carol@partner.example is sealed" not in done.stderr


def test_a_taken_port_names_who_has_it(workdir):
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        config = workdir / "taken.toml"
        config.write_text((ROOT / "config/demo.toml").read_text().replace("127.0.0.1:2587", f"127.0.0.1:{taker.getsockname()[1]}").replace(":2525", ":0").replace(":2465", ":0").replace(":2424", ":0"))
        done = demo(workdir, "--config", config)
        assert done.returncode == 1 and f"port {taker.getsockname()[1]} is taken by" in done.stderr and f"(process {os.getpid()})" in done.stderr, done
        assert "--free-ports" in done.stderr
        assert not (workdir / "elsewhere" / "mail" / "postern.db").exists()


@pytest.mark.parametrize("no_color, coloured", [("", True), ("1", False)])
def test_colour_on_a_terminal_unless_NO_COLOR(workdir, no_color, coloured):
    command = f"{sys.executable} {DEMO} --once --free-ports --var {workdir / 'var'}"
    bin_dir = binary("posternd").parent
    env = {**os.environ, "POSTERN_BIN_DIR": str(bin_dir.parent if bin_dir.name == "posternd" else bin_dir), "NO_COLOR": no_color}
    done = subprocess.run(["script", "-qec", command, "/dev/null"], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and ("\x1b[1m" in done.stdout) == coloured, done.stdout
