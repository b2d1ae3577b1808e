"""A desktop's keychain: gnome-keyring-daemon (Secret Service) on a session bus of its own, with a home of its own."""

import os
import pathlib

from .base import Server, run, wait_until

COLLECTION = "/org/freedesktop/secrets/collection/login"


class Keyring(Server):
    def __init__(self, directory: pathlib.Path, password="the keyring's own password"):
        super().__init__("keyring", directory)
        self.address_file = self.directory / "bus"
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        self.home = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_RUNTIME_DIR": str(home), "XDG_CONFIG_HOME": str(home / "config"), "KEYRING": password}

    def start(self):
        self.address_file.unlink(missing_ok=True)
        script = f'printf %s "$DBUS_SESSION_BUS_ADDRESS" > {self.address_file}; printf %s "$KEYRING" | exec gnome-keyring-daemon --foreground --unlock --components=secrets'
        self.spawn(["dbus-run-session", "--", "sh", "-c", script], env={**os.environ, **self.home})
        wait_until(lambda: self.address_file.exists() and self.address_file.read_text(), "the session bus", details=self.log_tail)
        # Asking for the service before it is there would make the bus start a second one, which nobody unlocks.
        wait_until(self._is_there, "the Secret Service on the bus", details=self.log_tail)
        wait_until(self._is_open, "an unlocked login keyring", details=self.log_tail)
        return self

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this keychain."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address_file.read_text(), "HOME": self.home["HOME"]}

    def _run(self, *argv, input=None, check=True):
        return run(argv, input=input, check=check, env={**os.environ, **self.environment})

    def _is_there(self):
        asked = self._run("dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets", check=False)
        return asked.returncode == 0 and b"true" in asked.stdout

    def _is_open(self):
        asked = self._run("dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.secrets", COLLECTION,
                          "org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked", check=False)
        return asked.returncode == 0 and b"false" in asked.stdout

    def lock(self):
        self._run("dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets",
                  "org.freedesktop.Secret.Service.Lock", f"array:objpath:{COLLECTION}")
        wait_until(lambda: not self._is_open(), "a locked keyring", details=self.log_tail)

    def lookup(self, service: str, account: str) -> str:
        """What secret-tool finds there; empty when nothing."""
        return self._run("secret-tool", "lookup", "service", service, "account", account, check=False).stdout.decode()

    def store(self, service: str, account: str, secret: str):
        self._run("secret-tool", "store", "--label=Postern", "service", service, "account", account, input=secret)

    def forget(self, service: str, account: str):
        self._run("secret-tool", "clear", "service", service, "account", account)
