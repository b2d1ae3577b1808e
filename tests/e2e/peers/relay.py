"""Stands between a client and a server: listens on a free port, connects each who comes with the server and hands both sockets over. What goes through
is the business of who derives from it (Wiretap, FaultProxy)."""

import contextlib
import socket
import struct
import threading


class Relay:
    """`_connected(client, server)` is called for each connection, on the thread that accepts: it starts what pumps. `_unreachable()` for each whom
    nobody could be found for; it is reset."""

    def __init__(self, host: str = "127.0.0.1"):
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _target(self) -> tuple[str, int]:
        """Where the server is now."""
        raise NotImplementedError

    def _connected(self, client: socket.socket, server: socket.socket):
        raise NotImplementedError

    def _unreachable(self):
        pass

    def close_door(self):
        """Nobody comes any more; who is there stays."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def stop(self):
        self.close_door()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target())
            except OSError:
                self._unreachable()
                reset(client)
                continue
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connected(client, server)


def reset(one: socket.socket, how: int = socket.SHUT_RD):
    """Ends it with an RST. Threads that read from it wake; with SHUT_RDWR those that write, too, and a FIN goes before."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.shutdown(how)
    with contextlib.suppress(OSError):
        one.close()
