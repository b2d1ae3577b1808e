"""`postern x400 address`, `or2rfc` and `rfc2or`: O/R addresses explained, and mapped to Internet addresses and back."""

import json
import os
import subprocess

import pytest

from peers.daemon import binary

TABLES = """\
# ACME, both ways
PRMD$ACME.ADMD$ .C$DE#acme.de#
acme.de#PRMD$ACME.ADMD$ .C$DE#
gateway#fr#PRMD$GWFR.ADMD$atlas.C$FR#
local#gw.example.org#PRMD$GW.ADMD$.C$DE#
"""


def postern(*arguments, stdin=""):
    command = os.environ.get("POSTERN_BIN") or str(binary("postern"))
    return subprocess.run([command, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60, check=False)


def answer(*arguments, stdin=""):
    done = postern(*arguments, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = tmp_path_factory.mktemp("x400") / "tables"
    path.write_text(TABLES)
    return path


def test_an_address_is_explained():
    said = answer("x400", "address", "c=262;a=;p=ACME;o=New   York;s=Müller;g=Jane;dda:fax=1")
    assert said["canonical"] == "C=DE;A= ;P=ACME;O=New York;S=Müller;G=Jane;DDA:fax=1"
    assert said["slash"].startswith("/C=262/ADMD= /PRMD=ACME/")
    assert said["mixer"].startswith("/G=Jane/S=M{200}uller/")
    assert said["form"] == "mnemonic" and said["incomplete"] is None
    by_keyword = {each["keyword"]: each for each in said["attributes"]}
    assert by_keyword["S"] == {"keyword": "S", "component": "personal-name.surname", "alphabet": "teletex", "value": "Müller"}
    assert by_keyword["DDA:fax"]["value"] == "1"
    assert said["value"]["built-in-standard-attributes"]["private-domain-name"] == {"printable": "ACME"}
    assert bytes.fromhex(said["ber"])[0] == 0x30


def test_every_text_form_reads_back_to_the_same_octets():
    first = answer("x400", "address", "C=DE;A= ;P=AC/ME;O=a=b;OU1=Sales;OU2=Süd;CN=yen*¥*円;S=Doe;I=Q;Q=II")
    for style in ("semicolon", "slash", "mixer"):
        assert answer("x400", "address", first[style])["ber"] == first["ber"], style


def test_what_lacks_is_said():
    said = answer("x400", "address", "P=ACME;S=Doe")
    assert said["form"] is None and said["incomplete"].startswith("C: ")
    shown = postern("x400", "address", "C=DE;A=;P=ACME;S=Doe")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[:3] == ["C=DE;A= ;P=ACME;S=Doe", "/C=DE/ADMD= /PRMD=ACME/S=Doe/", "form: mnemonic"]


@pytest.mark.parametrize(
    ("text", "field", "what"),
    [
        ("", "", "expected"),
        ("C=DE;PMRD=x", "PMRD", "at octet 5: no attribute has this keyword; did you mean PRMD?"),
        ("C=DE;O=" + "x" * 65, "O", "65 characters where 64 are allowed"),
        ("C=DE;G=Jane", "S", "surname"),
        ("/C=DE//S=x/", "", "empty attribute"),
    ],
)
def test_bad_addresses_name_the_attribute_and_the_place(text, field, what):
    done = postern("x400", "address", text, "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["field"] == field and what in error["what"]


@pytest.mark.parametrize(
    ("x400", "internet"),
    [
        ("C=DE;A= ;P=ACME;S=Doe;G=Jane;I=Q", "Jane.Q.Doe@acme.de"),
        ("C=DE;A= ;P=ACME;O=sales;OU1=north;S=doe", "doe@north.sales.acme.de"),
        ("C=DE;A= ;P=ACME;CN=Fax Desk", '"/CN=Fax Desk/"@acme.de'),
        ("C=FR;A=atlas;P=x;S=Doe", "/S=Doe/PRMD=x/ADMD=atlas/C=FR/@gw.example.org"),
        ("C=DE;A= ;P=GW;DDA:RFC-822=jane(u)doe(a)example.org", "jane_doe@example.org"),
        ("C=FR;A=atlas;P=GWFR;DDA:RFC-822=x(a)inria.fr", "x@inria.fr"),
    ],
)
def test_mapped_both_ways(tables, x400, internet):
    assert postern("x400", "or2rfc", "--mapping", tables, x400).stdout.strip() == internet
    assert postern("x400", "rfc2or", "--mapping", tables, internet).stdout.strip() == x400


def test_the_tables_may_come_on_standard_input():
    said = answer("x400", "rfc2or", "--mapping", "-", "jane@sales.acme.de", stdin=TABLES)
    assert said["semicolon"] == "C=DE;A= ;P=ACME;O=sales;S=jane"
    assert answer("x400", "or2rfc", "--mapping", "-", said["slash"], stdin=TABLES)["address"] == "jane@sales.acme.de"


def test_mapping_refuses_in_words(tables):
    without = postern("x400", "rfc2or", "jane@example.org")
    assert without.returncode == 1 and "no gateway is configured" in without.stderr
    bad = postern("x400", "rfc2or", "--mapping", "-", "jane@example.org", stdin="# x\nacme.de#PRMD$x#\n")
    assert bad.returncode == 2 and "line 2: the country is missing" in bad.stderr
    assert postern("x400", "or2rfc", "--mapping", "/nonexistent", "C=DE;S=x").returncode != 0
    assert postern("x400", "rfc2or", "--mapping", tables, "not an address").returncode == 2


def test_in_a_batch_as_alone():
    line = json.dumps({"id": 1, "argv": ["x400", "address", "C=DE;A=;S=Doe", "--json"], "stdin": ""})
    done = postern("batch", stdin=line + "\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["json"] == answer("x400", "address", "C=DE;A=;S=Doe")
