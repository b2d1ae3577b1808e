"""Debian's Chromium without a screen, driven by the DevTools protocol over a pipe (JSON texts with NUL between them)."""

import base64
import json
import os
import pathlib
import select
import subprocess
import time

from .base import PeerError, Server, _die_with_the_parent, wait_until


class Browser(Server):
    """One browser with one tab. Nothing of it outlives the test."""

    def __init__(self, directory: pathlib.Path):
        super().__init__("chromium", directory)
        self._number = 0
        self._buffer = b""
        self._events: list[dict] = []

    def start(self):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Chromium reads from descriptor 3 and writes to 4. First out of the way, so that neither overwrites the other.
        def arrange():
            _die_with_the_parent()
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            high = [os.dup2(reading, 60), os.dup2(writing, 61)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
        argv = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                "--remote-debugging-pipe", f"--user-data-dir={self.directory / 'profile'}", "about:blank"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=arrange, close_fds=False,
                                            start_new_session=True, env={**os.environ, "HOME": str(self.directory)})
        os.close(to_browser)
        os.close(from_browser)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def stop(self, seconds: float = 10.0):
        status = super().stop(seconds)
        os.close(self._write)
        os.close(self._read)
        return status

    def _call(self, method: str, session: str | None = None, **parameters) -> dict:
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self._write, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            message = self._next(deadline)
            if "method" in message:
                self._events.append(message)
            if message.get("id") == self._number:
                if "error" in message:
                    raise PeerError(f"{method}: {message['error']}")
                return message["result"]

    def _next(self, deadline: float) -> dict:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise PeerError(f"chromium does not answer\n{self.log_tail()}")
            block = os.read(self._read, 1 << 16)
            if not block:
                raise PeerError(f"chromium ended\n{self.log_tail()}")
            self._buffer += block
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method: str, **parameters) -> dict:
        return self._call(method, self._session, **parameters)

    # What a person does.

    def size(self, width: int, height: int = 900, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url: str):
        self.call("Page.navigate", url="about:blank")  # so that a change of the fragment alone loads the page anew
        self.call("Page.navigate", url=url)
        wait_until(lambda: self.run("location.href !== 'about:blank' && document.readyState === 'complete'"), f"{url} to load", details=self.log_tail)

    def run(self, script: str):
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PeerError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def text(self, selector="body") -> str:
        """What is to be seen of an element; empty when it is not there or hidden."""
        return self.run(f"((e) => e && e.checkVisibility() ? e.innerText : '')(document.querySelector({json.dumps(selector)}))")

    def await_text(self, words: str, selector="body", seconds=20.0) -> str:
        def found():
            text = self.text(selector)
            return text if words in text else None
        return wait_until(found, f"{words!r} in {selector}", seconds, details=lambda: self.text() + "\n" + self.log_tail())

    def errors(self) -> list[str]:
        """What the console complains of so far: exceptions nobody caught, refused by the content policy, not loaded, console.error()."""
        self.run("0")  # what happened before comes before its answer
        out = []
        for event in self._events:
            told = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                out.append(json.dumps(told["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and told["entry"]["level"] == "error":
                out.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            elif event["method"] == "Runtime.consoleAPICalled" and told["type"] == "error":
                out.append(json.dumps(told["args"]))
        return out

    def screenshot(self, path: pathlib.Path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
