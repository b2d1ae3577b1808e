"""`postern spf check` beside pyspf and libspf2 over random policies. Every difference must be one of those that spf_differences.py names and
proves. POSTERN_SPF_CASES=100000 makes it a hunt."""

import collections
import json
import os

import pytest

import spf_differences
from peers import libspf2, pyspf
from peers.jsonlines import postern_batch
from spf_cases import case_of
from spf_differences import Difference, Explainer

CASES = int(os.environ.get("POSTERN_SPF_CASES", "4000"))
pytestmark = pytest.mark.timeout(180 + CASES // 20)
RESULTS = {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}


class Judges:
    """The three, each asked about many cases."""

    def __init__(self, workdir):
        self.workdir = workdir

    def postern(self, cases) -> list[str]:
        commands = []
        for number, case in enumerate(cases):
            path = self.workdir / f"{number}.json"
            path.write_text(json.dumps({"records": case.zone}))
            commands.append((["spf", "check", "--ip", case.ip, "--helo", case.helo, "--mail-from", case.sender, "--dns-fixture", path], b""))
        return [answer["result"] for answer in postern_batch(commands, timeout=60 + CASES / 20)]

    def pyspf(self, cases) -> list[str]:
        return [self.pyspf_within(case, {}) for case in cases]

    def pyspf_within(self, case, limits) -> str:
        return pyspf.verdict(**case.question(), **limits)

    def libspf2(self, cases) -> list[str]:
        return libspf2.verdicts(case.question() for case in cases)


@pytest.fixture(scope="module")
def judges(tmp_path_factory):
    return Judges(tmp_path_factory.mktemp("spf"))


@pytest.fixture(scope="module")
def judged(judges):
    """The cases, and who said what of them."""
    cases = [case_of(seed) for seed in range(CASES)]
    return cases, {"postern": judges.postern(cases), "pyspf": judges.pyspf(cases), "libspf2": judges.libspf2(cases)}


def test_most_cases_need_no_explanation(judged):
    """All three agree on most, and on every result: so that no rule below carries the weight."""
    _, said = judged
    agreed = collections.Counter(ours for ours, *theirs in zip(*said.values()) if {*theirs} == {ours})
    assert agreed.total() >= CASES * 0.7, agreed
    assert {*agreed} == RESULTS and min(agreed.values()) >= CASES // 25, agreed
    nearly = sum(ours == theirs for ours, theirs in zip(said["postern"], said["pyspf"]))
    assert nearly >= CASES * 0.95, nearly


@pytest.mark.parametrize("stranger, rules", [("pyspf", spf_differences.PYSPF), ("libspf2", spf_differences.LIBSPF2)], ids=["pyspf", "libspf2"])
def test_every_difference_is_a_known_fault_of_the_other(judged, judges, stranger, rules):
    """RFC 7208 as each rule quotes it. A rule that never fires in a hunt is stale."""
    cases, said = judged
    differences = [Difference(number, case, ours, theirs) for number, (case, ours, theirs) in enumerate(zip(cases, said["postern"], said[stranger])) if ours != theirs]
    fired, left = Explainer(judges.postern, getattr(judges, stranger), judges.pyspf_within).explain(differences, rules)
    print(f"{stranger}: {len(differences)} of {CASES} differ: {dict(fired)}")
    assert not left, f"{len(left)} of {CASES}\n" + "\n".join(map(describe, left[:10]))
    assert CASES < 100000 or {rule.name for rule in rules} == {*fired}, fired


def describe(difference: Difference) -> str:
    case = difference.case
    return f"case {difference.number}: {difference.ours} and not {difference.theirs} for {case.sender} ({case.helo}) from {case.ip}: {case.policies()}"


def test_a_wrong_answer_is_not_explained(judged, judges):
    """The other results, in turn, where all agree: no rule may have an excuse for a Postern that errs."""
    cases, said = judged
    wrong = {"pass": "fail", "fail": "pass", "softfail": "neutral", "neutral": "softfail", "none": "pass", "temperror": "permerror", "permerror": "neutral"}
    agreed = [number for number, results in enumerate(zip(*said.values())) if len({*results}) == 1][:250]
    differences = [Difference(number, cases[number], wrong[said["postern"][number]], said["libspf2"][number]) for number in agreed]

    def erring(rewritten):
        return [wrong[result] for result in judges.postern(rewritten)]
    for stranger, rules in (("pyspf", spf_differences.PYSPF), ("libspf2", spf_differences.LIBSPF2)):
        fired, left = Explainer(erring, getattr(judges, stranger), judges.pyspf_within).explain(differences, rules)
        assert len(left) >= len(agreed) * 0.98, fired
