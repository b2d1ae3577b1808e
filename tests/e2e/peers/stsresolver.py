"""Debian's postfix-mta-sts-resolver: it fetches MTA-STS policies and tells a Postfix of them in a socketmap."""

import os
import pathlib

from .base import Server, free_port
from .postfix import own_resolver

_CONFIGURATION = """
host: 127.0.0.1
port: {port}
reuse_port: true
shutdown_timeout: 1
cache:
  type: internal
  options:
    cache_size: 100
default_zone:
  strict_testing: false
  timeout: 4
"""


class StsResolver(Server):
    """Asks `nameserver` (at port 53) and trusts the authorities of the file `roots` only. `policy_map` is what Postfix has for smtp_tls_policy_maps."""

    def __init__(self, directory: pathlib.Path, nameserver: str, roots: pathlib.Path):
        super().__init__("mta-sts-daemon", directory)
        self.port = free_port()
        self.policy_map = f"socketmap:inet:127.0.0.1:{self.port}:postfix"
        self.wrapper = own_resolver(nameserver, self.directory / "resolv.conf")
        self._environment = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(roots)}
        self._configuration = self.directory / "mta-sts-daemon.yml"
        self._configuration.write_text(_CONFIGURATION.format(port=self.port))

    def start(self):
        self.spawn(["/usr/bin/python3", "/usr/bin/mta-sts-daemon", "-v", "debug", "-c", self._configuration], env=self._environment)
        self.await_port(self.port)
        return self
