"""Debian's Postfix, run as root from a private configuration and queue: receives over TLS 1.3 only and keeps the mail in maildirs."""

import os
import pathlib
import pwd
import re
import shutil
import smtplib

from . import mimebytes
from .base import Server, free_port, run, wait_until

_MAIN = """
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
maillog_file = /dev/stdout
myhostname = {hostname}
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtputf8_enable = yes
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
biff = no
"""

_RECEIVING = """
virtual_mailbox_domains = static:ok
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {mail}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = encrypt
smtpd_tls_mandatory_protocols = >=TLSv1.3
smtpd_tls_protocols = >=TLSv1.3
smtpd_tls_chain_files = {key}, {cert}
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
smtpd_forbid_bare_newline = yes
"""

_MASTER = """
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def own_resolver(nameserver: str, resolv: pathlib.Path) -> list[str]:
    """What to put before a command line (Server.wrapper), so that the program sees the file `resolv` as its /etc/resolv.conf."""
    resolv.write_text(f"nameserver {nameserver}\noptions trust-ad\n")
    return ["unshare", "-m", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"]


class Postfix(Server):
    """`directory` must be reachable for the user postfix, so not below a 0700 directory. `settings` are main.cf lines."""

    def __init__(self, directory: pathlib.Path, settings="", hostname="mx.example.net", name="postfix", address=None, address_settings=()):
        super().__init__(name, directory)
        assert os.geteuid() == 0, "Postfix changes user: run the end-to-end tests as root"
        self.port = free_port()
        self._services: list[str] = []  # lines of master.cf
        if address:
            self.listen(address, *address_settings)
        self.etc, self.queue, self.data, self.mail = (self.directory / part for part in ("etc", "queue", "data", "mail"))
        self._places = {"etc": self.etc, "queue": self.queue, "data": self.data, "mail": self.mail, "hostname": hostname}
        self._settings = settings

    def listen(self, address, *settings):
        """Before start(): it listens there, too ("127.0.0.2:25"), with settings of its own ("smtpd_milters=unix:/...")."""
        self._services.append(f"{address} inet n - n - - smtpd" + "".join(f" -o {setting}" for setting in settings) + "\n")
        return self

    def resolve_by(self, nameserver, resolv):
        """Before start(): its DNS is that server at port 53, believed about DNSSEC; `resolv` becomes its resolv.conf."""
        self.wrapper = own_resolver(nameserver, resolv)
        return self

    def start(self):
        for path in (self.etc, self.queue, self.data, self.mail):
            path.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.data, "postfix", "postfix")
        (self.etc / "main.cf").write_text(_MAIN.format(**self._places) + self._settings)
        (self.etc / "master.cf").write_text("".join(self._services) + _MASTER.format(port=f"127.0.0.1:{self.port}").lstrip())
        self.spawn(["/usr/sbin/postfix", "-c", self.etc, "start-fg"])
        self.await_port(self.port)
        return self

    def stop(self, seconds=10.0):
        if self.running():
            run(["/usr/sbin/postfix", "-c", self.etc, "stop"], check=False)
        return super().stop(seconds)

    def forward(self, to: str, sender="carol@example.org") -> str:
        """Gives it a message for that address; what its log says from then on, as soon as it has said what became of it."""
        begun = len(self.log_text())
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
            client.sendmail(sender, to, mimebytes.simple_message(sender, to))

        def ended():
            told = self.log_text()[begun:]
            return told if re.search(rf" to=<{re.escape(to)}>.* status=", told) else None
        return wait_until(ended, f"what becomes of the mail for {to}", details=self.log_tail)

    def queue_length(self) -> int:
        return sum(1 for box in ("maildrop", "incoming", "active", "deferred", "hold") for _, _, files in os.walk(self.queue / box) for _ in files)


class PostfixReceiver(Postfix):
    """Takes mail for every address; virtual(8) writes one maildir and says in Delivered-To for whom."""

    def __init__(self, directory, certificate, hostname="mx.example.net", address=None):
        nobody = pwd.getpwnam("nobody")
        directory = pathlib.Path(directory)
        places = {"etc": directory / "etc", "mail": directory / "mail", "uid": nobody.pw_uid, "gid": nobody.pw_gid,
                  "key": certificate.key, "cert": certificate.cert}
        super().__init__(directory, _RECEIVING.format(**places), hostname, address=address)
        self._owner = nobody

    def start(self):
        self.mail.mkdir(parents=True, exist_ok=True)
        os.chown(self.mail, self._owner.pw_uid, self._owner.pw_gid)
        return super().start()

    def messages(self, address: str) -> list[bytes]:
        """What was delivered for that address, with CRLF line ends again."""
        box = self.mail / "all" / "new"
        found = [path.read_bytes().replace(b"\n", b"\r\n") for path in sorted(box.glob("*"))] if box.is_dir() else []
        return [raw for raw in found if mimebytes.field(raw, "Delivered-To") == address.encode()]

    def wait(self, address: str, count=1, seconds=30.0, details=None) -> list[bytes]:
        def enough():
            found = self.messages(address)
            return found if len(found) >= count else None
        return wait_until(enough, f"{count} message(s) for {address} in Postfix", seconds,
                          details=lambda: self.log_tail() + (f"\n{details()}" if details else ""))
