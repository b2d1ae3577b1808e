"""Debian's Unbound as the DNS of a closed network: it answers from the lines it was given, and says NXDOMAIN to everything else."""

from .base import Server, free_port

_CONFIGURATION = """
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: "{directory}/unbound.pid"
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  access-control: 127.0.0.0/8 allow
  local-zone: "." static
{zones}
{records}
remote-control:
  control-enable: no
"""


class UnboundServer(Server):
    """`records` are zone file lines ("example.net. 60 IN MX 10 mx.example.net."); questions below the names of `failing` are refused."""

    def __init__(self, directory, records: list[str], failing=()):
        super().__init__("unbound", directory)
        self.port = free_port()
        self.configuration = self.directory / "unbound.conf"
        self.configuration.write_text(_CONFIGURATION.format(
            port=self.port, directory=self.directory, zones="\n".join(f'  local-zone: "{name}" always_refuse' for name in failing),
            records="\n".join(f"  local-data: '{record}'" for record in records)))

    def start(self):
        self.spawn(["/usr/sbin/unbound", "-d", "-c", self.configuration])
        self.await_port(self.port)
        return self
