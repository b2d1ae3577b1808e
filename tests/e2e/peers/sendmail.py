"""Sendmail, unpacked from Debian's packages by tools/install-peers (installed, it would push Postfix out): an MTA that asks its mail filter and passes on
what that says to `onward`. Its configuration is made by m4 from Debian's macros, as an administrator makes it.

It runs in namespaces of its own for host name and mounts: a host without a domain in its name makes it sleep for a minute at the start, and each client
would be looked up in the real DNS. Only files are asked for names there. On a busy host it would put mail off (its load limits), so they are high.
"""

import os
import pathlib

from .base import PeerError, Server, free_port, run

ROOT = pathlib.Path(__file__).resolve().parents[3]
INSTALLED = ROOT / "build/peers/sendmail"
MACROS = INSTALLED / "usr/share/sendmail/cf"

_MC = """
divert(0)dnl
OSTYPE(`linux')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`confPID_FILE', `{directory}/pid')dnl
define(`QUEUE_DIR', `{directory}/queue')dnl
define(`ALIAS_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {onward}')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
{filter}
MAILER(`smtp')dnl
"""

_START = """
hostname {hostname}
mount --bind {directory}/nsswitch.conf /etc/nsswitch.conf
exec {program} -bD -C {directory}/sendmail.cf -X {directory}/smtp.log
"""


class Sendmail(Server):
    """`milter` as Sendmail writes it: "inet:8891@127.0.0.1", "unix:/path"; None: it asks nobody. `onward`: a port of this host."""

    def __init__(self, directory: pathlib.Path, milter: str | None, onward: int, hostname="mx.example.net"):
        super().__init__("sendmail", directory)
        assert os.geteuid() == 0, "Sendmail gets namespaces of its own: run the end-to-end tests as root"
        if not (INSTALLED / ".installed").is_file():
            raise PeerError(f"{INSTALLED} does not hold Sendmail; run tools/install-peers")
        self.port = free_port()
        self._queue = self.directory / "queue"
        self._places = {"directory": self.directory, "hostname": hostname, "program": INSTALLED / "usr/libexec/sendmail/sendmail"}
        asked = f"INPUT_MAIL_FILTER(`postern', `S={milter}, F=T')dnl" if milter else "dnl"
        self._mc = _MC.format(**self._places, filter=asked, onward=onward, port=self.port)

    def start(self):
        self._queue.mkdir(mode=0o700, exist_ok=True)
        (self.directory / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (self.directory / "sendmail.mc").write_text(self._mc)
        made = run(["m4", f"-D_CF_DIR_={MACROS}/", MACROS / "m4/cf.m4", self.directory / "sendmail.mc"])
        (self.directory / "sendmail.cf").write_bytes(made.stdout)
        (self.directory / "start").write_text(_START.format(**self._places))
        self.spawn(["unshare", "--uts", "--mount", "sh", "-e", self.directory / "start"])
        self.await_port(self.port)
        return self

    def queue_length(self) -> int:
        """Messages in its queue: one qf or hf file each."""
        return sum(1 for path in self._queue.iterdir() if path.name[:2] in ("qf", "hf"))

    def conversations(self) -> str:
        """What was said over SMTP, on both sides."""
        path = self.directory / "smtp.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""
