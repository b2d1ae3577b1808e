"""A second host on this one: a network namespace joined by a veth pair, and a WireGuard link over it.

    with PrivateNet(directory) as net:      # net.here, net.there: the two ends' addresses on the link; net.device: its interface here
        sink = net.inside(lambda: SmtpSink(host=net.there))
        net.down(); net.up(); net.delete(); net.make()

The link is the kernel's own WireGuard where it has the module, wireguard-go elsewhere. The far end's address on the link is reachable by the
veth pair too, whenever the link's own route is gone: a sender that takes what the routing table offers does arrive, without the link.
"""

import contextlib
import ctypes
import os
import pathlib
import socket
import threading

from .base import PeerError, Server, run, wait_until

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


class PrivateNet:
    def __init__(self, directory: pathlib.Path):
        self.directory = directory / "net"
        self.directory.mkdir(parents=True)
        number = os.getpid() % 200 + 20
        self.namespace = f"pt-{os.getpid()}"
        self.device, self.far_device = f"wga{os.getpid()}", f"wgb{os.getpid()}"
        self.veth, self.far_veth = f"vea{os.getpid()}", f"veb{os.getpid()}"
        self.veth_here, self.veth_there = f"10.166.{number}.1", f"10.166.{number}.2"
        self.here, self.there = f"10.177.{number}.1", f"10.177.{number}.2"
        self.servers: dict[str, Server] = {}

    # Life.

    def __enter__(self):
        try:
            self._make_veth()
            self._make_end(self.far_device, self.there, inside=True)
            self.make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for device in (self.device, self.veth):
            run(["ip", "link", "del", device], check=False)
        run(["ip", "netns", "del", self.namespace], check=False)
        for server in self.servers.values():
            server.stop(2)

    def _make_veth(self):
        run(["ip", "netns", "add", self.namespace])
        run(["ip", "link", "add", self.veth, "type", "veth", "peer", "name", self.far_veth, "netns", self.namespace])
        run(["ip", "address", "add", f"{self.veth_here}/24", "dev", self.veth])
        run(["ip", "link", "set", self.veth, "up"])
        self.exec("ip", "address", "add", f"{self.veth_there}/24", "dev", self.far_veth)
        self.exec("ip", "link", "set", self.far_veth, "up")
        self.exec("ip", "link", "set", "lo", "up")
        run(["ip", "route", "add", f"{self.there}/32", "via", self.veth_there, "metric", "5000"])

    def _make_end(self, device: str, address: str, inside: bool):
        execute = self.exec if inside else lambda *argv: run(argv)
        prefix = ["ip", "netns", "exec", self.namespace] if inside else []
        if run([*prefix, "ip", "link", "add", device, "type", "wireguard"], check=False).returncode != 0:
            server = self.servers[device] = Server(f"wireguard-{device}", self.directory)
            server.spawn([*prefix, "wireguard-go", "-f", device])
            wait_until(lambda: (pathlib.Path("/run/wireguard") / f"{device}.sock").exists() and
                       run([*prefix, "ip", "link", "show", device], check=False).returncode == 0, f"wireguard-go on {device}", details=server.log_tail)
        far = device == self.far_device
        own, other = self._key(device), self._public(self.device if far else self.far_device)
        execute("wg", "set", device, "private-key", own, "listen-port", "51821" if far else "51820", "peer", other, "endpoint",
                f"{self.veth_here}:51820" if far else f"{self.veth_there}:51821", "allowed-ips", f"{self.here if far else self.there}/32")
        execute("ip", "address", "add", f"{address}/24", "dev", device)
        execute("ip", "link", "set", device, "up")
        if not far:
            execute("ip", "route", "add", f"{self.there}/32", "dev", device)

    def _key(self, device: str) -> pathlib.Path:
        path = self.directory / f"{device}.key"
        if not path.exists():
            path.write_bytes(run(["wg", "genkey"]).stdout)
            path.chmod(0o600)
        return path

    def _public(self, device: str) -> str:
        return run(["wg", "pubkey"], input=self._key(device).read_bytes()).stdout.decode().strip()

    # The link, from this side.

    def down(self):
        run(["ip", "link", "set", self.device, "down"])

    def up(self):
        run(["ip", "link", "set", self.device, "up"])
        run(["ip", "route", "replace", f"{self.there}/32", "dev", self.device])

    def delete(self):
        run(["ip", "link", "del", self.device])
        if server := self.servers.pop(self.device, None):
            server.stop(5)

    def make(self):
        """Also after delete(): then it has the same name and another index."""
        self._make_end(self.device, self.here, inside=False)

    @property
    def index(self) -> int:
        return socket.if_nametoindex(self.device)

    # The other side.

    def exec(self, *argv, check=True):
        return run(["ip", "netns", "exec", self.namespace, *argv], check=check)

    def inside(self, action):
        """What `action` returns, done by a thread in the other namespace: sockets it makes belong there."""
        answer = []

        def act():
            with open(f"/run/netns/{self.namespace}") as space:
                if _LIBC.setns(space.fileno(), _CLONE_NEWNET) != 0:
                    answer.append(PeerError(f"setns: {os.strerror(ctypes.get_errno())}"))
                    return
            try:
                answer.append(action())
            except BaseException as error:  # it belongs to the caller
                answer.append(error)
        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
        if isinstance(answer[0], BaseException):
            raise answer[0]
        return answer[0]

    def reaches(self, address: str, port: int, inside: bool) -> bool:
        """Whether a connection comes about, from the other side or from this one."""
        def connect():
            with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=2):
                return True
            return False
        return self.inside(connect) if inside else connect()
