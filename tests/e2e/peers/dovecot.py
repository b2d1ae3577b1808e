"""Debian's Dovecot as an LMTP server from a private configuration: TLS 1.3 only, exact bytes into maildirs."""

import os
import pathlib
import pwd

from .base import Server, free_port, run, wait_until

_CONFIGURATION = """
base_dir = {run}
state_dir = {run}
log_path = /dev/stderr
info_log_path = /dev/stderr
protocols = lmtp
listen = 127.0.0.1
hostname = lmtp.example.net
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = dovenull
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_save_crlf = yes
mail_fsync = never
lmtp_add_received_header = no
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.3
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mail}/%u allow_all_users=yes
}}
service lmtp {{
  user = root
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener lmtp {{
    mode = 0600
  }}
}}
service stats {{
  client_limit = 200
}}
"""


class DovecotLmtp(Server):
    """`directory` must be reachable for the user nobody. Mail for a@b stands in mail/a@b/Maildir/new."""

    def __init__(self, directory, certificate):
        super().__init__("dovecot", directory)
        assert os.geteuid() == 0, "Dovecot changes user: run the end-to-end tests as root"
        self.port = free_port()
        self.mail = self.directory / "mail"
        self._certificate = certificate

    def start(self):
        nobody = pwd.getpwnam("nobody")
        running = self.directory / "run"
        for path in (self.mail, running):
            path.mkdir(parents=True, exist_ok=True)
        os.chown(self.mail, nobody.pw_uid, nobody.pw_gid)
        configuration = self.directory / "dovecot.conf"
        configuration.write_text(_CONFIGURATION.format(run=running, mail=self.mail, cert=self._certificate.cert, key=self._certificate.key,
                                                       uid=nobody.pw_uid, gid=nobody.pw_gid, port=self.port))
        run(["/usr/bin/doveconf", "-c", configuration, "-n"])
        self.spawn(["/usr/sbin/dovecot", "-F", "-c", configuration])
        self.await_port(self.port)
        return self

    def messages(self, address: str) -> list[bytes]:
        box = self.mail / address / "Maildir" / "new"
        return [path.read_bytes() for path in sorted(box.glob("*"))] if box.is_dir() else []

    def wait(self, address: str, count=1, seconds=30.0, details=None) -> list[bytes]:
        def enough():
            found = self.messages(address)
            return found if len(found) >= count else None
        return wait_until(enough, f"{count} message(s) for {address} in Dovecot", seconds,
                          details=lambda: self.log_tail() + (f"\n{details()}" if details else ""))
