"""`postern dmarc check` beside libopendmarc and mailauth: records, alignment and organizational domains, combinations of a table. A difference
must have a cause that is named below and shown: asked about the same without it, Postern says what the stranger said, or the stranger comes round."""

import collections
import dataclasses
import itertools
import json
import random

import pytest

from peers import mailauth, opendmarc
from peers.jsonlines import postern_batch

SUFFIXES = "/usr/share/publicsuffix/public_suffix_list.dat"
# {n}: a number of its own for each case, so that no record of one is seen by another.
AUTHORS = ["d{n}.org", "news.d{n}.org", "d{n}.co.uk", "a.b.d{n}.co.uk", "c.d{n}.kawasaki.jp"]
RECORDS = ["", "v=DMARC1; p=none", "v=DMARC1; p=quarantine; sp=reject", "v=DMARC1; p=reject; adkim=s", "v=DMARC1; p=reject; aspf=s; sp=none", "v=DMARC1;p=reject;adkim=s;aspf=s",
           "v=DMARC1; p=quarantine; pct=100; rua=mailto:a@d.example; fo=1", "v=DMARC1 ; p = reject ; unknown=x", "V=DMARC1; p=reject", "v=DMARC2; p=reject", "v=spf1 -all"]
PLACES = ["author", "organization", "both"]  # where the record stands; at both, the organization's is p=none
SPF = [("none", "other.example"), ("pass", "other.example"), ("pass", "{author}"), ("pass", "{organization}"), ("pass", "bounce.{organization}"), ("fail", "{author}"), ("pass", "not{organization}")]
DKIM = [[], [("pass", "{author}")], [("pass", "{organization}")], [("pass", "x.{organization}")], [("fail", "{author}"), ("pass", "other.example")], [("fail", "{author}"), ("pass", "{author}")]]


COMBINATIONS = list(itertools.product(AUTHORS, RECORDS, PLACES, SPF, DKIM))
CASES = 1200


def organization_of(author: str) -> str:
    """By publicsuffix.org: org, co.uk and *.kawasaki.jp are public suffixes."""
    labels = author.split(".")
    return ".".join(labels[-4:] if author.endswith(".kawasaki.jp") else labels[-3:] if author.endswith(".co.uk") else labels[-2:])


@dataclasses.dataclass(frozen=True)
class Case:
    author: str
    spf: tuple[str, str]
    dkim: tuple[tuple[str, str], ...]
    txt: dict[str, str]

    def question(self) -> dict:
        return {"from": self.author, "spf": self.spf, "dkim": self.dkim, "txt": self.txt}

    def with_records(self, change) -> "Case":
        return dataclasses.replace(self, txt={name: change(text) for name, text in self.txt.items()})

    def renamed(self, old: str, new: str) -> "Case":
        return Case(self.author.replace(old, new), (self.spf[0], self.spf[1].replace(old, new)), tuple((result, domain.replace(old, new)) for result, domain in self.dkim),
                    {name.replace(old, new): text for name, text in self.txt.items()})


def case_of(number: int, author, record, place, spf, dkim) -> Case:
    author = author.format(n=number)
    names = {"author": author, "organization": organization_of(author)}
    txt = {"_dmarc." + names["organization"]: "v=DMARC1; p=none"} if place == "both" else {}
    txt |= {"_dmarc." + names["organization" if place == "organization" else "author"]: record} if record else {}
    return Case(author, (spf[0], spf[1].format(**names)), tuple((result, domain.format(**names)) for result, domain in dkim), txt)


@dataclasses.dataclass(frozen=True)
class Verdict:
    result: str
    policy: str  # of a fail
    aligned: tuple[bool, bool]  # of a pass: SPF, DKIM


def verdict_of(result, policy, spf, dkim) -> Verdict:
    return Verdict(result, policy.strip() if result == "fail" else "", (spf, dkim) if result == "pass" else (False, False))


class Judges:
    def __init__(self, workdir):
        self.workdir = workdir

    def postern(self, cases) -> list[Verdict]:
        commands = []
        for number, case in enumerate(cases):
            path = self.workdir / f"{number}.json"
            path.write_text(json.dumps({"records": {name: [{"type": "TXT", "data": text}] for name, text in case.txt.items()}}))
            commands.append((["dmarc", "check", "--from", case.author, "--spf", ":".join(case.spf), *itertools.chain.from_iterable(["--dkim", ":".join(one)] for one in case.dkim),
                              "--dns-fixture", path, "--psl", SUFFIXES], b""))
        return [verdict_of(one["result"], one["policy"], one["spf_aligned"], one["dkim_aligned"]) for one in postern_batch(commands)]

    def libopendmarc(self, cases) -> list[Verdict]:
        return [verdict_of(**answer) for answer in opendmarc.verdicts(case.question() for case in cases)]

    def mailauth(self, cases) -> list[Verdict]:
        answers = mailauth.ask({"do": "dmarc", "from": case.author, "spf": [case.spf[1]] if case.spf[0] == "pass" else [],
                                "dkim": [domain for result, domain in case.dkim if result == "pass"], "txt": case.txt} for case in cases)
        return [verdict_of(answer["result"], answer["policy"], answer["spf"], answer["dkim"]) for answer in answers]


def relaxed(text: str) -> str:
    return text.replace("adkim=s", "adkim=r").replace("aspf=s", "aspf=r")


# Of each stranger: (cause, whom to ask again, about what); what comes back must be what the other said of the original.
KNOWN = {
    "mailauth": [("RFC 7489 3.1.1: strict alignment is an exact match; mailauth 4.8.2 goes on to compare organizational domains", "postern", lambda case: case.with_records(relaxed))],
    "libopendmarc": [
        ("RFC 7489 3.1.1: strict alignment is an exact match; libopendmarc takes a name below the author's", "postern", lambda case: case.with_records(relaxed)),
        ("RFC 7489 6.6.3: a record that does not begin with v=DMARC1 is discarded, and the organizational domain is asked then; libopendmarc stops", "libopendmarc",
         lambda case: dataclasses.replace(case, txt={name: text for name, text in case.txt.items() if text.startswith("v=DMARC1")})),
        ('publicsuffix.org: "*.kawasaki.jp" makes d.kawasaki.jp a suffix; libopendmarc knows no such rule', "postern", lambda case: case.renamed("kawasaki.jp", "org").with_records(relaxed)),
    ],
}


@pytest.fixture(scope="module")
def judges(tmp_path_factory):
    return Judges(tmp_path_factory.mktemp("dmarc"))


@pytest.fixture(scope="module")
def judged(judges):
    chosen = random.Random("dmarc").sample(COMBINATIONS, CASES)
    cases = [case_of(number, *parts) for number, parts in enumerate(chosen)]
    return cases, {"postern": judges.postern(cases), "libopendmarc": judges.libopendmarc(cases), "mailauth": judges.mailauth(cases)}


def test_most_cases_need_no_explanation(judged):
    """All three agree on most, and on every result."""
    _, said = judged
    agreed = collections.Counter((ours.result, ours.policy) for ours, *theirs in zip(*said.values()) if {*theirs} == {ours})
    assert agreed.total() >= CASES * 0.75, agreed
    assert {*agreed} == {("none", ""), ("pass", ""), ("fail", "none"), ("fail", "quarantine"), ("fail", "reject")} and min(agreed.values()) >= 20, agreed


@pytest.mark.parametrize("stranger", KNOWN)
def test_every_difference_is_a_known_fault_of_the_other(judged, judges, stranger):
    cases, said = judged
    left = [(case, ours, theirs) for case, ours, theirs in zip(cases, said["postern"], said[stranger]) if ours != theirs]
    fired = collections.Counter()
    for cause, whom, without in KNOWN[stranger]:
        again = getattr(judges, whom)([without(case) for case, _, _ in left])
        explained = [answer == (theirs if whom == "postern" else ours) for (_, ours, theirs), answer in zip(left, again)]
        fired[cause] += sum(explained)
        left = [difference for difference, is_explained in zip(left, explained) if not is_explained]
    print(f"{stranger}: {dict(fired)}")
    assert not left, f"{len(left)} of {CASES}: {left[:5]}"
    assert all(fired[cause] for cause, _, _ in KNOWN[stranger]), fired
