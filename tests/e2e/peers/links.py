"""A peer that takes connections, each in a thread of its own."""

import contextlib
import socket
import threading


class LinkServer:
    """`_serve(link)` is the subclass's; it may fail as connections do, and the link is closed behind it."""

    _FAILURES = (OSError,)

    def __init__(self, address: str, port: int):
        self._listener = socket.create_server((address, port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(link,), daemon=True).start()

    def _run(self, link):
        with contextlib.suppress(*self._FAILURES), link:
            self._serve(link)
