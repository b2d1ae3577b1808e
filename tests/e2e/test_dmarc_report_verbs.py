"""`postern dmarc report` and `postern arf parse`: reports as they come (packed, mailed, old and new), what is written judged by xmllint and read by
Python's own XML reader, bombs of every kind, and complaints."""

import base64
import gzip
import io
import json
import os
import pathlib
import random
import re
import subprocess
import xml.etree.ElementTree as etree
import zipfile
from email.message import EmailMessage
from xml.sax.saxutils import escape

import pytest
from peers.daemon import binary

COMMAND = os.environ.get("POSTERN_BIN") or str(binary("postern"))
SCHEMA = pathlib.Path(__file__).parent / "schemas" / "dmarc-2.0.xsd"
SPACE = "{urn:ietf:params:xml:ns:dmarc-2.0}"

RECORD = """<record><row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>
<reason><type>forwarded</type><comment>a &lt; b &amp; c</comment></reason></policy_evaluated></row><identifiers><header_from>postern.example</header_from></identifiers>
<auth_results><dkim><domain>postern.example</domain><selector/><result>fail</result></dkim>
<spf><domain>postern.example</domain><scope>mfrom</scope><result>pass</result></spf></auth_results></record>"""
OLD = f"""<?xml version="1.0"?><feedback><report_metadata><org_name>Peer</org_name><email>d@peer.example</email><report_id>77</report_id>
<date_range><begin>1795564800</begin><end>1795651199</end></date_range></report_metadata>
<policy_published><domain>postern.example</domain><p>reject</p><sp/><pct>100</pct></policy_published>{RECORD}</feedback>"""


def run(*arguments, data: bytes):
    return subprocess.run([COMMAND, *arguments], input=data, capture_output=True, timeout=120)


def parsed(data: bytes) -> dict:
    done = run("dmarc", "report", "--json", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def refused(data: bytes) -> dict:
    done = run("dmarc", "report", "--json", data=data)
    assert done.returncode in (1, 2), (done.returncode, done.stdout[:1000], done.stderr[:1000])
    return json.loads(done.stdout)["error"]


def zipped(*files, method=zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"peer.example!postern.example!1!2!{number}.xml", content)
    return out.getvalue()


def mailed(content: bytes, kind: str, name: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = "d@peer.example", "rua@postern.example"
    mail["Subject"] = "Report Domain: postern.example Submitter: peer.example Report-ID: <77>"
    mail.set_content("A report.")
    mail.add_attachment(content, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
    return mail.as_bytes()


def test_packed_mailed_or_plain():
    plain = parsed(OLD.encode())
    assert plain["report_metadata"] == {"org_name": "Peer", "email": "d@peer.example", "report_id": "77", "date_range": {"begin": 1795564800, "end": 1795651199}}
    assert plain["policy_published"] == {"domain": "postern.example", "p": "reject", "pct": 100}
    (record,) = plain["record"]
    assert record["row"] == {"source_ip": "192.0.2.1", "count": 7, "policy_evaluated": {"disposition": "none", "dkim": "fail", "spf": "pass",
                                                                                       "reason": [{"type": "forwarded", "comment": "a < b & c"}]}}
    packed, archive, stored = gzip.compress(OLD.encode()), zipped(OLD), zipped(OLD, method=zipfile.ZIP_STORED)
    for data in (packed, archive, stored, mailed(packed, "application/gzip", "x.xml.gz"), mailed(archive, "application/octet-stream", "x.ZIP"),
                 mailed(OLD.encode(), "text/xml", "x.xml"), mailed(packed, "application/gzip", "x.xml.gz").replace(b"\n", b"\r\n"), OLD.encode("utf-16")):
        assert parsed(data) == plain
    alone = b"From: d@peer.example\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(archive)
    assert parsed(alone) == plain  # as the largest sender of all does it


def test_text_for_people():
    text = run("dmarc", "report", data=OLD.replace("<org_name>Peer", "<org_name>Pe\u009ber").encode()).stdout.decode()
    assert "Pe??er, report 77" in text and "postern.example (p=reject): 7 messages, 7 passed DMARC" in text
    assert "7 x 192.0.2.1: none, dkim fail, spf pass" in text and "(forwarded: a < b & c)" in text


def test_in_a_batch():
    lines = [{"id": 1, "argv": ["dmarc", "report", "--json"], "stdin": OLD},
             {"id": 2, "argv": ["dmarc", "report", "--json"], "stdin_base64": base64.b64encode(zipped(OLD)).decode()},
             {"id": 3, "argv": ["dmarc", "check", "--from", "x.example", "--dns-fixture", "/dev/null"]},
             {"id": 4, "argv": ["arf", "parse", "--json"], "stdin": "nothing"}]
    done = run("batch", data="\n".join(map(json.dumps, lines)).encode())
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert answers[1]["json"] == answers[2]["json"] == parsed(OLD.encode())
    assert answers[4]["json"]["error"]["field"] == "Content-Type"


# What is written

def dice(seed: int) -> str:
    """A report of random shape, some of it as only old reports have it."""
    roll = random.Random(seed)
    text = lambda: escape("".join(roll.choice(["a", "Ü", "<", "&", " b", "]]>", "📧", '"', "\t.", "中"]) for _ in range(roll.randrange(1, 6))) + "x")
    maybe = lambda element: element if roll.random() < 0.5 else ""
    policy = lambda: roll.choice(["none", "quarantine", "reject"])
    records = ""
    for _ in range(roll.randrange(1, 6)):
        reasons = "".join(f"<reason><type>{roll.choice(['forwarded', 'other', 'local_policy', 'sampled_out', 'new_word'])}</type>{maybe(f'<comment>{text()}</comment>')}</reason>"
                          for _ in range(roll.randrange(3)))
        dkim = "".join(f"<dkim><domain>{text()}</domain><selector>{maybe(text())}</selector><result>{roll.choice(['pass', 'FAIL', 'none', 'odd'])}</result>"
                       f"{maybe(f'<human_result>{text()}</human_result>')}</dkim>" for _ in range(roll.randrange(4)))
        spf = "".join(f"<spf><domain>{text()}</domain>{maybe('<scope>' + scope + '</scope>')}<result>{roll.choice(['pass', 'softfail', 'unknown', 'error'])}</result></spf>"
                      for scope in roll.choice([[], ["mfrom"], ["helo", "mfrom"], ["helo"]]))
        ip = roll.choice(["192.0.2.1", "2001:DB8:0:0::1", "::ffff:192.0.2.9", "fe80::1"])
        records += (f"<record><row><source_ip>{ip}</source_ip><count>{roll.randrange(1, 10**12)}</count><policy_evaluated><disposition>{roll.choice(['none', 'pass', 'reject'])}</disposition>"
                    f"<dkim>{roll.choice(['pass', 'fail', 'neutral'])}</dkim><spf>{roll.choice(['Pass', 'fail'])}</spf>{reasons}</policy_evaluated></row>"
                    f"<identifiers>{maybe(f'<envelope_to>{text()}</envelope_to>')}{maybe('<envelope_from/>')}<header_from>{text()}</header_from></identifiers>"
                    f"<auth_results>{dkim}{spf}</auth_results></record>")
    return (f"<feedback><report_metadata><org_name>{text()}</org_name><email>{text()}</email>{maybe(f'<extra_contact_info>{text()}</extra_contact_info>')}<report_id>{text()}</report_id>"
            f"<date_range><begin>1</begin><end>{roll.randrange(1, 10**9)}</end></date_range>{maybe(f'<error>{text()}</error>') * roll.randrange(3)}</report_metadata>"
            f"<policy_published><domain>{text()}</domain><p>{policy()}</p>{maybe(f'<sp>{policy()}</sp>')}{maybe(f'<np>{policy()}</np>')}{maybe('<adkim>s</adkim>')}{maybe('<aspf/>')}"
            f"{maybe('<pct>10</pct>')}{maybe('<fo>1</fo>')}{maybe('<testing>y</testing>')}{maybe('<discovery_method>treewalk</discovery_method>')}</policy_published>{records}</feedback>")


def read_by_python(text: bytes) -> dict:
    """The form of --json, made of the XML by nobody of ours."""
    root = etree.fromstring(text)
    assert root.tag == SPACE + "feedback"
    def tree(element):
        if not len(element):
            return (element.text or "")
        out = {}
        for child in element:
            name = child.tag.removeprefix(SPACE)
            value = tree(child)
            if name in ("record", "reason", "dkim", "spf", "error") and not (name in ("dkim", "spf") and element.tag == SPACE + "policy_evaluated"):
                out.setdefault(name, []).append(value)
            else:
                assert name not in out
                out[name] = int(value) if name in ("count", "begin", "end") else value
        return out
    out = tree(root)
    assert out.pop("version") == "1.0"
    for record in out["record"]:
        results = record["auth_results"] if isinstance(record["auth_results"], dict) else {}
        record["auth_results"] = {"dkim": results.get("dkim", []), "spf": results.get("spf", [])}
    return out


def test_what_is_written_is_valid_and_python_reads_the_same(tmp_path):
    files = []
    for seed in range(150):
        done = run("dmarc", "report", "--xml", data=dice(seed).encode())
        assert done.returncode == 0, (seed, done.stderr)
        assert read_by_python(done.stdout) == parsed(done.stdout), seed
        assert run("dmarc", "report", "--xml", data=done.stdout).stdout == done.stdout, seed
        (tmp_path / f"{seed}.xml").write_bytes(done.stdout)
        files.append(str(tmp_path / f"{seed}.xml"))
    lint = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", str(SCHEMA), *files], capture_output=True, text=True, timeout=60)
    assert lint.returncode == 0, lint.stderr[-4000:]


def test_the_schema_of_the_tests_refuses(tmp_path):
    good = run("dmarc", "report", "--xml", data=OLD.encode()).stdout.decode()
    for number, (old, new) in enumerate([("<p>reject", "<p>maybe"), ("<count>7", "<count>-7"), ("<version>1.0", "<version>2.0"), ("<dkim>fail", "<dkim>none"), ("dmarc-2.0", "dmarc-1.0")]):
        assert old in good
        file = tmp_path / f"{number}.xml"
        file.write_text(good.replace(old, new, 1))
        assert subprocess.run(["xmllint", "--noout", "--schema", str(SCHEMA), str(file)], capture_output=True, timeout=60).returncode != 0, new


# What is refused

def test_bombs():
    size = 80 << 20
    for data in (gzip.compress(b" " * size), zipped(b" " * size), gzip.compress(gzip.compress(b" " * size))):
        assert refused(data)["code"] in ("too_large", "bad_input")
    assert refused(gzip.compress(b" " * size))["field"] == "gzip" and refused(zipped(b" " * size))["field"] == "zip"
    laughs = "<!DOCTYPE feedback [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(12)) + "]>"
    for doctype in (laughs, "<!DOCTYPE feedback [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", "<!DOCTYPE feedback SYSTEM 'http://127.0.0.1:1/x.dtd'>"):
        error = refused((doctype + "<feedback>&a12;&x;</feedback>").encode())
        assert "document type" in error["what"], error
    assert refused(b"<feedback>" + b"<a>" * 1_000_000)["code"] == "too_large"
    head, tail = OLD.split("<record>")[0], "</feedback>"
    rows = (head + RECORD.replace("\n", "") * 110_000 + tail).encode()
    assert refused(gzip.compress(rows, 1)) == {"code": "too_large", "field": "record", "what": "is there more than 100000 times"}
    assert len(parsed(gzip.compress((head + RECORD * 20_000 + tail).encode(), 1))["record"]) == 20_000


@pytest.mark.parametrize("old, new, field", [
    ("<count>7", "<count>-7", "record[0].row.count"), ("<end>1795651199", "<end>1795564799", "report_metadata.date_range"),
    ("<count>7</count>", "<count>7</count><count>7</count>", "record[0].row.count"), ("192.0.2.1", "192.0.2.x", "record[0].row.source_ip"),
    ("<p>reject", "<p>delete", "policy_published.p"), ("<org_name>Peer", "<org_name>", "report_metadata.org_name"), ("</feedback>", "", "feedback"),
    ('version="1.0"', 'version="1.0" encoding="ebcdic-x"', "report"), ("<feedback>", '<feedback xmlns="urn:other">', "feedback"), (RECORD, "", "record")])
def test_what_is_wrong_is_named(old, new, field):
    assert old in OLD
    assert refused(OLD.replace(old, new, 1).encode())["field"] == field


def test_other_archives_and_rubbish():
    assert refused(zipped(OLD, OLD))["field"] == "zip"
    assert refused(zipped(OLD)[:-30])["field"] == "zip" and refused(gzip.compress(OLD.encode())[:-9])["field"] == "gzip"
    assert refused(OLD.replace("Peer", "P\u00e9er").encode("latin-1"))["field"] == "report_metadata.org_name"  # says nothing, so it must be UTF-8
    for rubbish in (b"", b"\x00" * 100, b"From: a@b\r\n\r\nno report\r\n", b"<", b"PK\x03\x04", b"\x1f\x8b"):
        assert refused(rubbish)["field"]


# Feedback

FEEDBACK = ("Feedback-Type: auth-failure\r\nUser-Agent: Peer/1\r\nVersion: 1\r\nAuth-Failure: dmarc\r\nIdentity-Alignment: dkim,spf\r\nSource-IP: 192.0.2.9\r\n"
            "Original-Mail-From: <a@postern.example>\r\nReported-Domain: postern.example\r\nIncidents: 4\r\nX-Other: \x1b[31m\r\n")


def complaint(fields: str) -> bytes:
    return ("From: f@peer.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nHello.\r\n--b\r\n"
            f"Content-Type: message/feedback-report\r\n\r\n{fields}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@postern.example\r\nSubject: x\r\n\r\nbody\r\n--b--\r\n").encode()


def test_feedback():
    for data in (complaint(FEEDBACK), complaint(FEEDBACK).replace(b"\r\n", b"\n")):
        read = json.loads(run("arf", "parse", "--json", data=data).stdout)
        assert read["feedback_type"] == "auth-failure" and read["identity_alignment"] == ["dkim", "spf"] and read["incidents"] == 4 and read["source_ip"] == "192.0.2.9"
        assert read["original_header"] == "From: a@postern.example\r\nSubject: x\r\n" and read["other"][0]["name"] == "X-Other"
    text = run("arf", "parse", data=complaint(FEEDBACK)).stdout.decode()
    assert re.search(r"auth-failure \(dmarc\) reported by Peer/1", text) and "source: 192.0.2.9" in text and "\x1b" not in text
    wrong = run("arf", "parse", "--json", data=complaint(FEEDBACK + "Source-IP: 1.1.1.1\r\n"))
    assert wrong.returncode == 2 and json.loads(wrong.stdout)["error"]["field"] == "Source-IP"
