"""Clients that ask as Stalwart 0.16 does, by milter and by MTA hook: named as mocks, made from what its source was found to do.

The milter: a connection for each stage, everything told from the start; protocol bits 0x42; no queue id; the body carries the whole raw message; fields are
trimmed; fields that the filter adds stand in front; recipients are compared in lower case; ACCEPT is CONTINUE; QUARANTINE only writes a field.
The hook: a request for each stage, fields named as its source names them; any HTTP error is 451; quarantine and discard are 250 and the message is gone.
"""

import http.client
import json
import socket
import ssl
import struct

ADDHDRS, CHGBODY, ADDRCPT, DELRCPT, CHGHDRS, QUARANTINE, CHGFROM, ADDRCPT_PAR = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80
_OFFERED = ADDHDRS | CHGBODY | ADDRCPT | DELRCPT | CHGHDRS | QUARANTINE | CHGFROM | ADDRCPT_PAR
_CHUNK = 65535
_NOHELO, _NOEOH = 0x02, 0x40


class Rejected(Exception):
    def __init__(self, reply: str):
        super().__init__(reply)
        self.reply = reply


class StalwartMilter:
    """`deliver()` gives (recipients, raw message) as Stalwart would queue it, or raises Rejected with the SMTP reply; no recipients: discarded."""

    def __init__(self, port: int, client="192.0.2.7", helo="client.example", login="", trust=None, certificate=None, actions=_OFFERED):
        self._port, self._client, self._helo, self._login, self._trust, self._certificate = port, client, helo, login, trust, certificate
        self._offered = actions

    def deliver(self, sender: str, recipients: list[str], raw: bytes) -> tuple[list[str], bytes]:
        for stage in ("connect", "mail", "data"):  # each on a connection of its own
            link = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            if self._trust:
                context = ssl.create_default_context(cafile=str(self._trust))
                context.check_hostname = False
                if self._certificate:
                    context.load_cert_chain(self._certificate.cert, self._certificate.key)
                link = context.wrap_socket(link)
            with link:
                result = self._stage(link, stage, sender, recipients, raw)
                self._send(link, b"Q")
        return result

    def _stage(self, link, stage, sender, recipients, raw):
        self._send(link, b"O" + struct.pack("!III", 6, self._offered, _NOHELO | _NOEOH))
        kind, agreed = self._read(link)
        assert kind == b"O", (kind, agreed)
        _, _, self._skipped = struct.unpack("!III", agreed[:12])
        self._macros(link, b"C", daemon_name="Stalwart", j="mx.example.net", client_addr=self._client, client_port="4711", client_ptr="unknown")
        self._ask(link, b"C" + b"unknown\0" + b"4" + struct.pack("!H", 4711) + self._client.encode() + b"\0")
        self._macros(link, b"H", cipher="", tls_version="")
        if not self._skipped & _NOHELO:
            self._ask(link, b"H" + self._helo.encode() + b"\0")
        if stage == "connect":
            return None
        mail = {"mail_addr": sender} | ({"auth_authen": self._login} if self._login else {})
        self._macros(link, b"M", **mail)
        self._ask(link, b"M" + f"<{sender}>".encode() + b"\0")
        if stage == "mail":
            return None
        for recipient in recipients:
            self._macros(link, b"R", rcpt_addr=recipient)
            self._ask(link, b"R" + f"<{recipient}>".encode() + b"\0")
        self._ask(link, b"T")
        head, _, body = raw.partition(b"\r\n\r\n")
        for name, value in self._fields(head):
            self._ask(link, b"L" + name + b"\0" + value.strip() + b"\0")
        if not self._skipped & _NOEOH:
            self._ask(link, b"N")
        for at in range(0, len(raw), _CHUNK):
            self._ask(link, b"B" + raw[at:at + _CHUNK])
        self._send(link, b"E")
        return self._modified(link, [r.lower() for r in recipients], head, body)

    @staticmethod
    def _fields(head: bytes):
        unfolded: list[bytes] = []
        for line in head.split(b"\r\n"):
            if line[:1] in b" \t" and unfolded:
                unfolded[-1] += b"\r\n" + line
            else:
                unfolded.append(line)
        return [tuple(field.split(b":", 1)) for field in unfolded]

    def _modified(self, link, recipients, head, body):
        fields, front, new_body = self._fields(head), [], None
        while True:
            kind, payload = self._read(link)
            if kind in (b"a", b"c"):
                lines = [name + b":" + value for name, value in front + fields]
                return recipients, b"\r\n".join(lines) + b"\r\n\r\n" + (body if new_body is None else new_body)
            if kind == b"d":
                return [], b""
            if kind in (b"r", b"t", b"y"):
                raise Rejected({b"r": "503 5.5.3", b"t": "451 4.3.5"}.get(kind) or payload.rstrip(b"\0").decode())
            if kind == b"b":
                new_body = (new_body or b"") + payload
            elif kind == b"h":
                name, value = payload.split(b"\0")[:2]
                front.insert(0, (name, b" " + value))
            elif kind == b"i":
                assert struct.unpack("!I", payload[:4])[0] == 0, "only the top is used"
                name, value = payload[4:].split(b"\0")[:2]
                front.insert(0, (name, b" " + value))
            elif kind == b"m":
                index = struct.unpack("!I", payload[:4])[0]
                name, value = payload[4:].split(b"\0")[:2]
                places = [i for i, field in enumerate(fields) if field[0].lower() == name.lower()]
                if value:
                    fields[places[index - 1]] = (name, b" " + value)
                else:
                    del fields[places[index - 1]]
            elif kind == b"-":
                recipients.remove(payload.rstrip(b"\0").decode().strip("<>"))
            elif kind == b"q":
                raise AssertionError("Stalwart delivers what is quarantined: this loses the protection")
            else:
                assert kind == b"p", kind

    def _ask(self, link, packet):
        self._send(link, packet)
        kind, payload = self._read(link)
        if kind == b"y":
            raise Rejected(payload.rstrip(b"\0").decode())
        if kind in (b"r", b"t"):
            raise Rejected({b"r": "503 5.5.3", b"t": "451 4.3.5"}[kind])
        assert kind in (b"c", b"a"), kind

    def _macros(self, link, command, **values):
        pairs = b"".join((f"{{{name}}}" if len(name) > 1 else name).encode() + b"\0" + value.encode() + b"\0" for name, value in values.items())
        self._send(link, b"D" + command + pairs)

    @staticmethod
    def _send(link, packet):
        link.sendall(struct.pack("!I", len(packet)) + packet)

    def _read(self, link):
        length = struct.unpack("!I", self._exactly(link, 4))[0]
        packet = self._exactly(link, length)
        return packet[:1], packet[1:]

    @staticmethod
    def _exactly(link, count):
        out = b""
        while len(out) < count:
            piece = link.recv(count - len(out))
            if not piece:
                raise ConnectionError("the filter hung up")
            out += piece
        return out


class StalwartHook:
    """`session()` runs all stages and raises Rejected with the SMTP reply of the first refusal; `ask()` is one stage's exchange as it is."""

    def __init__(self, port: int, path: str, token: str | None, client="192.0.2.7", helo="client.example", login="", stages=("connect", "ehlo", "mail", "rcpt", "data")):
        self._port, self._path, self._token, self._stages = port, path, token, stages
        self._client, self._helo, self._login = client, helo, login

    def session(self, sender: str, recipients: list[str], raw: bytes):
        self._run("connect")
        self._run("ehlo")
        self._run("mail", sender, [])
        for count in range(len(recipients)):
            self._run("rcpt", sender, recipients[:count + 1])
        self._run("data", sender, recipients, raw)

    def _run(self, stage, *message):
        if stage not in self._stages:
            return
        status, answer = self.ask(self.request(stage, *message))
        if status != 200:
            raise Rejected("451 4.3.5 Unable to accept message at this time.")  # tempFailOnError
        action, reply = answer["action"], answer.get("response") or {}
        assert action in ("accept", "reject"), f"{action}: Stalwart says 250 and forgets the message"
        assert not answer.get("modifications"), "a body that was damaged on the way here, a recipient who was answered 250: nothing may be changed"
        if action == "reject":
            raise Rejected(f"{reply.get('status', 503)} {reply.get('enhanced_status', '5.5.3')} {reply.get('message', '')}")

    def request(self, stage, sender=None, recipients=None, raw=None) -> dict:
        context = {"stage": stage, "client": {"ip": self._client, "port": 4711, "ptr": None, "helo": None if stage == "connect" else self._helo,
                                              "activeConnections": 1}}
        if self._login:
            context["sasl"] = {"login": self._login}
        context["server"] = {"name": "Stalwart", "port": 25, "ip": "198.51.100.1"}
        if raw is not None:
            context["queue"] = {"id": "1f3a"}
        context["protocol"] = {"version": 1}
        out = {"context": context}
        if sender is not None:
            out["envelope"] = {"from": {"address": sender}, "to": [{"address": address} for address in recipients]}
        if raw is not None:
            head, _, body = raw.partition(b"\r\n\r\n")
            headers = [[name.decode(errors="replace"), value.decode(errors="replace") + "\r\n"] for name, value in StalwartMilter._fields(head)]
            out["message"] = {"headers": headers, "contents": body.decode(errors="replace"), "size": len(raw)}
        return out

    def ask(self, body, path=None, token=..., method="POST") -> tuple[int, dict]:
        """Status and JSON; `body`: a value, or octets as they are. `path`, `token`: others than its own; a token of None: no field."""
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        token = self._token if token is ... else token
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        link.request(method, path or f"/hooks/mta/v1/{self._path}", body if isinstance(body, bytes) else json.dumps(body).encode(), headers)
        answer = link.getresponse()
        text = answer.read()
        link.close()
        self.headers = dict(answer.getheaders())
        return answer.status, json.loads(text) if text else {}
