"""Debian's Unbound as the DNS of a closed network: it answers from the lines it was given, and says NXDOMAIN to everything else."""

from .base import Server, free_port

_CONFIGURATION = """
server:
  interface: {address}@{port}
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: "{directory}/unbound.pid"
  use-syslog: no
  logfile: ""
  module-config: "{modules}"
  access-control: 127.0.0.0/8 allow
{zones}
{records}
{forward}
remote-control:
  control-enable: no
"""


class UnboundServer(Server):
    """`forward` ("127.0.0.1@5353") makes it ask there and validate by `anchor`, instead of knowing nothing but its records.

    `records` are zone file lines ("example.net. 60 IN MX 10 mx.example.net."); questions below the names of `failing` are refused."""

    def __init__(self, directory, records: list[str], failing=(), address="127.0.0.1", port=None, forward=None, anchor=None):
        super().__init__("unbound", directory)
        self.address, self.port = address, port or free_port()
        zones = [f'  local-zone: "{name}" always_refuse' for name in failing]
        if forward:
            zones += ["  do-not-query-localhost: no", f'  trust-anchor-file: "{anchor}"']
        else:
            zones.insert(0, '  local-zone: "." static')
        self.configuration = self.directory / "unbound.conf"
        self.configuration.write_text(_CONFIGURATION.format(
            address=address, port=self.port, directory=self.directory, zones="\n".join(zones), modules="validator iterator" if forward else "iterator",
            forward=f'forward-zone:\n  name: "."\n  forward-addr: {forward}' if forward else "",
            records="\n".join(f"  local-data: '{record}'" for record in records)))

    def start(self):
        self.spawn(["/usr/sbin/unbound", "-d", "-c", self.configuration])
        self.await_port(self.port, host=self.address)
        return self
