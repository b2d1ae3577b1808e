"""`postern x400 decode` and `encode`: X.420 contents as value notation and back; and the judge (tshark) reads what encode wrote as it was asked."""

import base64
import json
import os
import pathlib
import struct
import subprocess

import pytest

from peers.daemon import binary

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "fuzz/corpus/ipm_object"
SEEDS = sorted(CORPUS.iterdir())


def x400(*arguments, stdin=b"", status=0):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    done = subprocess.run([command, "x400", *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout


def address(surname, **more):
    return {"built-in-standard-attributes": {"country-name": {"iso-3166-alpha2-code": "GB"}, "administration-domain-name": {"printable": " "},
                                             "private-domain-name": {"printable": "TEST"}, "personal-name": {"surname": surname}} | more}


def general_text(registrations, text):
    return {"extended": {
        "parameters": {"direct-reference": "2.6.1.11.11", "single-ASN1-type": {"holds": "GeneralTextParameters", "value": registrations}},
        "data": {"direct-reference": "2.6.1.4.11", "single-ASN1-type": {"holds": "GeneralString", "value": text}}}}


ME, YOU = {"formal-name": address("Doe")}, {"formal-name": address("Smith")}
IPM = {"ipm": {
    "heading": {
        "this-IPM": {"user": address("Doe"), "user-relative-identifier": "42-261126"},
        "originator": ME | {"free-form-name": "Jane Doe", "telephone-number": "+49 6151 1"},
        "primary-recipients": [{"recipient": YOU, "notification-requests": ["rn", "nrn", "ipm-return"], "reply-requested": True}],
        "copy-recipients": [{"recipient": ME}],
        "replied-to-IPM": {"user-relative-identifier": "41"},
        "subject": "About it",
        "expiry-time": "261126070000Z",
        "importance": "high",
        "sensitivity": "company-confidential",
        "extensions": [{"type": "2.6.1.5.2", "value": {"holds": "AutoSubmitted", "value": "auto-generated"}}],
    },
    "body": [
        {"ia5-text": {"parameters": {}, "data": "Hello\r\n"}},
        general_text([1, 6], "plain"),
        {"bilaterally-defined": "'0102FF'H"},
        {"message": {"parameters": {"delivery-time": "261126070000Z"},
                     "data": {"heading": {"this-IPM": {"user-relative-identifier": "inner"}, "subject": "Inside"},
                              "body": [{"ia5-text": {"parameters": {}, "data": "deep"}}]}}},
    ],
}}
RN = {"ipn": {"subject-ipm": {"user-relative-identifier": "42-261126"}, "ipn-originator": YOU,
              "choice": {"receipt-fields": {"receipt-time": "261126070000Z", "acknowledgment-mode": "automatic"}}}}
NRN = {"ipn": {"subject-ipm": {"user-relative-identifier": "42-261126"}, "ipn-originator": YOU,
               "choice": {"non-receipt-fields": {"non-receipt-reason": "ipm-discarded", "discard-reason": "ipm-obsoleted"}}}}


def encode(value, syntax="p22"):
    return x400("encode", "--as", syntax, "--form", "binary", stdin=json.dumps(value).encode())


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_every_seed_comes_back_octet_by_octet(seed):
    shown = x400("decode", seed)
    assert json.loads(shown)["as"] == "p22"
    assert x400("encode", "--as", "p22", "--form", "binary", stdin=shown) == seed.read_bytes()
    assert json.loads(x400("decode", "--json", "--as", "p22", seed)) == json.loads(shown)["value"]


@pytest.mark.parametrize("value", [IPM, RN, NRN])
def test_value_notation_comes_back(value):
    assert json.loads(x400("decode", "--as", "p22", stdin=encode(value))) == value


def test_forms_of_octets():
    octets = encode(RN)
    shapes = [octets, octets.hex().encode(), b"0x" + octets.hex(":").upper().encode() + b"\n",
              x400("encode", "--as", "ipn", stdin=json.dumps(RN).encode()),
              x400("encode", "--as", "ipn", "--form", "pem", stdin=json.dumps(RN).encode()),
              b"-----BEGIN ANYTHING-----\n" + base64.b64encode(octets) + b"\n-----END ANYTHING-----\n"]
    for shape in shapes:
        assert json.loads(x400("decode", "--as", "ipn", stdin=shape)) == RN


def test_what_the_syntax_does_not_allow_is_said():
    for syntax, value, why in [("ipm", RN, "take ipn"), ("ipn", IPM, "take ipm"), ("p2", IPM, "take p22")]:
        answer = json.loads(x400("decode", "--json", "--as", syntax, stdin=encode(value), status=2))
        assert why in answer["error"]["what"]
        x400("encode", "--as", syntax, stdin=json.dumps(value).encode(), status=2)
    x400("decode", "--as", "p99", stdin=b"3000", status=2)
    x400("decode", "--as", "p22", stdin=b"3000", status=2)
    x400("decode", stdin=b"", status=2)
    x400("decode", stdin=b"-----BEGIN X-----\n", status=2)
    x400("encode", "--as", "p22", stdin=b"{", status=2)
    broken = json.loads(json.dumps(IPM))
    broken["ipm"]["heading"]["importance"] = "huge"
    assert x400("encode", "--as", "p22", stdin=json.dumps(broken).encode(), status=2) == b""


def test_no_fitting_description_shows_the_elements():
    assert b"INTEGER" in x400("decode", stdin=b"3003020105")
    assert json.loads(x400("decode", "--json", stdin=b"3003020105"))["as"] is None
    assert b"! " in x400("decode", stdin=b"30050201")


# Whole APDUs. Written by hand (peers), or by description: the two forms of one thing.

def submission(content):
    return {"envelope": {"originator-name": address("Doe"), "content-type": {"built-in": "interpersonal-messaging-1988"}, "priority": "urgent",
                         "per-recipient-fields": [{"recipient-name": address("Smith"), "originator-report-request": ["report"]}]},
            "content": {"holds": "InformationObject", "value": content}}


def invoke(operation, argument, holds):
    return {"roiv-apdu": {"invokeID": 1, "operation-value": {"local": operation}, "argument": {"holds": holds, "value": argument}}}


LIST = {"selector": {"range": {"sequence-number-range": {"from": 5}}, "limit": 2}, "requested-attributes": [{"type": "2.6.1.7.4"}]}
APDUS = [
    ("p3", invoke("message-submission", submission(IPM), "MessageSubmissionArgument")),
    ("p7", invoke("ms-message-submission", submission(RN), "MSMessageSubmissionArgument")),
    ("p7", invoke("list", LIST, "ListArgument")),
    ("p7", {"rors-apdu": {"invokeID": 1, "result": {"operation-value": {"local": "delete"}, "result": {"holds": "DeleteResult",
                                                                                                       "value": {"delete-result-88": None}}}}}),
    ("p3", {"roer-apdu": {"invokeID": 1, "error-value": {"local": "security-error"}, "parameter": {"holds": "SecurityProblem",
                                                                                                 "value": "security-policy-violation"}}}),
    ("p7", {"rorj-apdu": {"invokeID": {"present": 1}, "problem": {"invoke-problem": "mistypedArgument"}}}),
    ("p7", {"bind-invoke": {"initiator-name": address("Doe"), "initiator-credentials": {"simple": {"octet-string": "'7365637265742077'H"}}}}),
]


@pytest.mark.parametrize("syntax, value", APDUS, ids=lambda each: each if isinstance(each, str) else next(iter(each)))
def test_operations_come_back(syntax, value):
    octets = encode(value, syntax)
    assert json.loads(x400("decode", "--as", syntax, stdin=octets)) == value
    assert x400("encode", "--as", syntax, "--form", "binary", stdin=x400("decode", "--as", syntax, stdin=octets)) == octets


def test_transfers_come_back_with_their_contents_opened():
    values = pytest.importorskip("peers.x400_values")
    domain, me = values.Domain("DE", "dbp", "TEST"), values.ORName("DE", "dbp", "TEST", surname="a")
    for syntax, path, content_type in (("p1", "message", 22), ("p1-84", "user", 2)):
        octets = values.Message(values.MtsId(domain, "mta.1"), me, [values.Recipient(me)], content_type=content_type, content=encode(RN),
                                trace=[values.TraceHop(domain, "261126070000Z")]).encode()
        shown = x400("decode", "--as", syntax, stdin=octets)
        assert json.loads(shown)[path]["content"] == {"holds": "InformationObject", "value": RN}
        again = x400("encode", "--as", syntax, "--form", "binary", stdin=shown)  # the hand writes more zero bits than are needed
        assert x400("decode", "--as", syntax, stdin=again) == shown
    assert json.loads(x400("decode", stdin=octets))["as"] == "p1", "found without being named"


def test_operations_that_are_none_are_said():
    octets = encode(invoke("list", LIST, "ListArgument"), "p7")
    assert json.loads(x400("decode", stdin=octets))["as"] == "p7"
    assert "operation" in json.loads(x400("decode", "--json", "--as", "p3", stdin=octets, status=2))["error"]["what"]
    mistyped = json.loads(x400("decode", "--json", "--as", "p7", stdin=b"a1080201010201150500", status=2))
    assert "ListArgument" in mistyped["error"]["what"]


# The judge.

def judged(*contents):
    """Each content in a message of P1, in an association: what tshark reads of them."""
    dissect = pytest.importorskip("peers.dissect")
    values = pytest.importorskip("peers.x400_values")
    domain = values.Domain("DE", "dbp", "TEST")
    me, you = values.ORName("DE", "dbp", "TEST", surname="a"), values.ORName("DE", "dbp", "TEST", surname="b")
    capture = dissect.dissect_apdus([
        values.Message(values.MtsId(domain, f"mta.{number}"), me, [values.Recipient(you)], content=content,
                       trace=[values.TraceHop(domain, "261126070000Z")]).encode() for number, content in enumerate(contents)])
    dissect.assert_clean(capture)
    return capture


def test_the_judge_reads_what_was_written():
    capture = judged(encode(IPM))
    heading = IPM["ipm"]["heading"]
    assert capture.values("p22.subject") == ["About it", "Inside"]
    assert capture.values("p22.user_relative_identifier") == ["42-261126", "41", "inner"]
    assert capture.values("p22.free_form_name") == [heading["originator"]["free-form-name"]]
    assert capture.values("p22.telephone_number") == [heading["originator"]["telephone-number"]]
    assert capture.values("p22.importance") == ["2"]
    assert capture.values("p22.sensitivity") == ["3"]
    assert capture.values("p22.notification_requests")[0] == "e0"
    assert capture.values("p22.AutoSubmitted") == ["1"]
    assert capture.values("p22.bilaterally_defined") == ["01:02:ff"]
    assert capture.values("p22.GeneralTextData") == ["plain"]


def test_the_judge_reads_notifications():
    capture = judged(encode(RN), encode(NRN))
    assert capture.values("p22.receipt_time")[0].startswith("26-11-26 07:00:00")
    assert capture.values("p22.acknowledgment_mode") == ["1"]
    assert capture.values("p22.non_receipt_reason") == ["0"]
    assert capture.values("p22.discard_reason") == ["1"]


# What tshark 4.0 cannot judge: a NULL has no octets that it shows, and it has no reader for the report body part.
@pytest.mark.parametrize("seed", [seed for seed in SEEDS if seed.name not in ("extensions", "ftbp", "parts")], ids=lambda seed: seed.name)
def test_the_judge_reads_what_was_composed(seed):
    judged(seed.read_bytes())


# ---- capture files

SHARED = pathlib.Path(os.environ.get("POSTERN_SHARED_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared/data") / "x400"


def layers(document, sender=None):
    return [layer for connection in document["connections"] for unit in connection["units"] if sender in (None, unit["from"]) for layer in unit["layers"]]


@pytest.mark.parametrize("name, messages", [("pp-p1-1988-normal.pcap", 6), ("bind-rebuilt.pcap", 0)])
def test_the_shared_captures_are_shown_whole(name, messages):
    document = json.loads(x400("decode", "--json", SHARED / name))
    units = [unit for connection in document["connections"] for unit in connection["units"]]
    assert units and not [unit for unit in units if "trouble" in unit]
    shown = layers(document)
    assert sum(layer["layer"] == "P1 message" for layer in shown) >= messages
    assert all("ipm" in layer["value"]["content"]["value"] for layer in shown if layer["layer"] == "P1 message"), "down to the content"
    assert {"COTP CONNECT REQUEST", "session CONNECT", "presentation CP", "ACSE AARQ", "RTSE RTORQ"} <= {layer["layer"] for layer in shown}
    text = x400("decode", SHARED / name).decode()
    assert text.startswith("connection 1: ") and "  ->  COTP CONNECT REQUEST" in text and "  <-  COTP CONNECT CONFIRM" in text


@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng"])
def test_a_capture_of_what_was_encoded(form, tmp_path):
    """Recorded octets, in each form of file that another program writes, show what tshark shows."""
    capture = judged(encode(IPM))
    converted = tmp_path / "capture"
    subprocess.run(["editcap", "-F", form, str(capture.path), str(converted)], check=True, timeout=60)
    document = json.loads(x400("decode", "--json", converted))
    [message] = [layer["value"] for layer in layers(document, "initiator") if layer["layer"] == "P1 message"]
    assert message["content"]["value"] == IPM
    assert [message["envelope"]["message-identifier"]["local-identifier"]] == capture.values("p1.local_identifier")


def test_what_is_in_tls_and_what_is_cut_is_said(tmp_path):
    wiretap = pytest.importorskip("peers.wiretap")
    secret = wiretap.Transcript().to_server(b"\x16\x03\x01\x00\x10" + bytes(16))
    half = wiretap.Transcript().to_server(b"\x03\x00\x00\x0b\x06\xe0")
    other = wiretap.Transcript().to_server(b"EHLO mail.example\r\n")
    wiretap.write_pcap(tmp_path / "other.pcap", [secret, half, other], 102)
    document = json.loads(x400("decode", "--json", tmp_path / "other.pcap", status=1))
    in_tls, cut, smtp = document["connections"]
    assert in_tls["notes"][0].startswith("TLS") and cut["notes"] == ["6 octets of the initiator wait for the rest of their TPDU"]
    assert "RFC 1006" in smtp["units"][0]["trouble"]
    wiretap.write_pcap(tmp_path / "half.pcap", [half], 102)
    assert b"wait for the rest" in x400("decode", tmp_path / "half.pcap", status=1)


def test_a_capture_without_a_connection_is_no_success(tmp_path):
    frame = bytes(12) + b"\x08\x06" + bytes(28)  # ARP
    (tmp_path / "arp.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame)
    said = x400("decode", tmp_path / "arp.pcap", status=1).decode()
    assert "cut off): 1" in said and "no octets of a TCP connection" in said
    assert json.loads(x400("decode", "--json", tmp_path / "arp.pcap", status=1))["connections"] == []
