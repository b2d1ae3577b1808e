"""Where two strangers are known to differ from RFC 7208, one narrow rule for each fault.

A rule is believed only when it is shown to be the cause: the policy is written again without it, and then everybody agrees. So no rule can
hide another difference in the same policy.

- `same`: the policy means the same by the RFC when it is written so. Postern must not change its answer, the stranger must come round to it.
- `misread`: what the stranger takes the policy for. Postern, asked about that, must say what the stranger said about the original.
- `limit`: a bound the stranger lacks. pyspf without that bound must say what the stranger said; with it, what Postern said.

A difference may have several causes at once; the fewest that explain it are taken."""

import collections
import dataclasses
import functools
import itertools
import operator
import re
from typing import Callable

from spf_cases import Case, split

Change = Callable[[Case], Case]
MOST_CAUSES = 4


@dataclasses.dataclass(frozen=True)
class Rule:
    name: str
    clause: str
    same: Change | None = None
    misread: Change | None = None
    limit: dict[str, int] | None = None  # of pyspf
    ours: tuple[str, ...] = ()    # the only results it may explain; empty: any
    theirs: tuple[str, ...] = ()

    def fits(self, ours: str, theirs: str) -> bool:
        return (not self.ours or ours in self.ours) and (not self.theirs or theirs in self.theirs)


def of_terms(change) -> Change:
    """Of (terms, owner of the record, case) -> terms."""
    @functools.wraps(change)
    def of_case(case: Case) -> Case:
        return case.rewritten(change)
    return of_case


def without(part: str) -> Change:
    """Terms that have it."""
    return of_terms(lambda terms, owner, case: [term for term in terms if part not in term])


def reading(wrong: str, right: str) -> Change:
    return of_terms(lambda terms, owner, case: [term.replace(wrong, right) for term in terms])


def void_pointers_away(case):
    """They point to no validated name, with or without."""
    pointers = case.zone.get(case.reverse_name(), [])
    kept = [record for record in pointers if case.has_address(record["data"])]
    elsewhere = {"elsewhere.example": [{"type": "A", "data": "192.0.2.250"}, {"type": "AAAA", "data": "2001:db8::250"}]}
    return dataclasses.replace(case, zone={**case.zone, **elsewhere, case.reverse_name(): kept or [{"type": "PTR", "data": "elsewhere.example"}]})


# libspf2 ------------------------------------------------------------------------------------------------------------------------------

@of_terms
def counted_macros_written_out(terms, owner, case):
    values = {"d": owner, "o": case.domain, "h": case.helo, "l": case.local, "p": "%{p}"}  # of names with two labels

    def written_out(found):
        letter, keep, reverse, delimiters = found.groups()
        parts = re.split("[" + re.escape(delimiters or ".") + "]", values[letter]) if letter != "p" else ["%{p}"]
        return ".".join((parts[::-1] if reverse else parts)[-int(keep):])
    return [re.sub(r"%\{([dohlp])([1-9])(r?)([-.+]*)\}", written_out, term) for term in terms]


@of_terms
def whole_space_in_halves(terms, owner, case):
    out = []
    for qualifier, rest in map(split, terms):
        if re.fullmatch(r"ip4:[0-9.]+/0", rest, re.I):
            out += [qualifier + "ip4:0.0.0.0/1", qualifier + "ip4:128.0.0.0/1"]
        elif re.fullmatch(r"ip6:[0-9a-f:.]+/0", rest, re.I):
            out += [qualifier + "ip6:::/1", qualifier + "ip6:8000::/1"]
        else:
            out.append(qualifier + rest)
    return out


@of_terms
def odd_modifiers_away(terms, owner, case):
    return [term for term in terms if not re.match(r"[a-z][a-z0-9]*[-_.][a-z0-9-_.]*=", term, re.I)]


@of_terms
def redirect_at_its_place(terms, owner, case):
    redirects = [term for term in terms if term.lower().startswith("redirect=")]
    others = [term for term in terms if term not in redirects]
    return others if any(split(term)[1].lower() == "all" for term in others) else others + redirects


@of_terms
def libspf2_reads(terms, owner, case):
    """Its reading of what is none. It goes no further than a redirect (see the rule above)."""
    out, seen = [], set()
    for qualifier, rest in map(split, terms):
        name = rest.lower().partition("=")[0]
        if name in ("exp", "redirect"):
            if name == "redirect" and name in seen:
                return out[:1 + [split(term)[1].lower().startswith("redirect=") for term in out].index(True)]
            if name in seen or rest[len(name):] == "=":
                continue
            seen.add(name)
        for form, reading in _READINGS:
            rest = re.sub(form, reading, rest, flags=re.I)
        out.append(qualifier + rest)
    return out


_READINGS = [(r"^a/024$", "a/24"), (r"^a:$", "a"), (r"^a:nodots$", "a:nodots.example"), (r"^(exists|include):$", r"\1:nowhere.example"), (r"^a:%d\.", "a:%%d."),
             (r"^a:(n\d\.example)/x$", r"a:x-\1.x"), (r"^include:(n\d)\.example/24$", r"include:\1.example24")]

LIBSPF2 = [
    Rule("macro with a number", "7.3: the DIGIT transformer keeps that many right-hand parts; libspf2 makes something else of it", same=counted_macros_written_out),
    Rule("/0", '12: ip4-cidr-length = "/" ("0" / %x31-39 0*1DIGIT), and so for ip6; libspf2 refuses "/0"', same=whole_space_in_halves, theirs=("permerror",)),
    Rule("modifier's name", '12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), and 6: unrecognized modifiers are ignored; libspf2 refuses such a name', same=odd_modifiers_away, theirs=("permerror",)),
    Rule("redirect's place", '6.1: "if all mechanisms fail to match, and a "redirect" modifier is present", wherever it stands, and never beside "all" (5.1); libspf2 follows it where it stands', same=redirect_at_its_place),
    Rule("void lookups", '4.6.4: "SPF implementations SHOULD limit "void lookups" to two", and more "produces a permerror"; libspf2 is older and counts none', limit={"MAX_VOID_LOOKUPS": 1000}, ours=("permerror",)),
    Rule("void pointers", "4.6.4 as above, where pyspf cannot stand for libspf2, since it counts those of %{p} once", misread=void_pointers_away, ours=("permerror",)),
    Rule("more than ten MX", "4.6.4: more than ten address lookups of one mx are a permerror, which does not hang on their order; libspf2 takes a match among the first ten", limit={"MAX_MX": 1000}, ours=("permerror",)),
    Rule("more than ten terms", '4.6.4: the limit of ten is for all of "this check", with what include leads to; libspf2 counts each record by itself', limit={"MAX_LOOKUP": 30, "MAX_RECURSION": 40}, ours=("permerror",)),
    Rule("what is no term", "4.6: a syntax error anywhere in the record is a permerror; libspf2 accepts seven forms that are none", misread=libspf2_reads, ours=("permerror",)),
]


# pyspf --------------------------------------------------------------------------------------------------------------------------------

@of_terms
def itself_away(terms, owner, case):
    itself = {owner, "%{d}", "%{d2}", *(["%{o}"] if owner == case.domain else [])}
    return [term for term in terms if not (match := re.fullmatch(r"[-+~?]?(?:include:|redirect=)(.*)", term, re.I)) or match[1] not in itself]


@of_terms
def unknown_with_a_dot(terms, owner, case):
    return terms if case.validated_names() else [re.sub(r"%\{p2?\}", "unknown.example", term) for term in terms]


def void_exchanges_away(case):
    """No name loses all: then the MX lookup itself would be void."""
    def kept(records):
        found = [record for record in records if record.get("type") != "MX" or case.has_address(record["data"])]
        return found if any(record.get("type") == "MX" for record in found) else records
    return dataclasses.replace(case, zone={name: kept(records) for name, records in case.zone.items()})


PYSPF = [
    Rule("itself", "4.6.4: a record that leads to itself is bounded by the ten terms, which an earlier match may never reach; pyspf refuses it on sight", same=itself_away, theirs=("permerror",)),
    Rule("%% in a modifier", '12: unknown-modifier = name "=" macro-string, where %% is a macro-expand; pyspf refuses it', same=without("moo.cow=%%"), theirs=("permerror",)),
    Rule("no validated name", '7.3: %{p} is then "unknown", which no mechanism matches; pyspf takes it for a syntax error, even behind a mechanism that matches', same=unknown_with_a_dot, theirs=("permerror",)),
    Rule("%{p} before its turn", "4.6.2: mechanisms are evaluated from left to right, and the first that matches ends it; pyspf expands all macros first, and so counts void lookups for a %{p} that is never reached", same=without("%{p"), theirs=("permerror",)),
    Rule("redirect behind a match", '4.6.4: the ten are terms "during SPF evaluation", and 6.1: redirect is evaluated when no mechanism matched; pyspf counts it before', same=without("redirect="), theirs=("permerror",)),
    Rule("exchanges behind a match", '5.4: an address lookup on each MX name "in order of MX preference", and "if any address matches, the mechanism matches"; pyspf looks all up first, and so counts void ones behind the match', same=void_exchanges_away, theirs=("permerror",)),
    Rule("%{p} once", "5.5, 4.6.4: each %{p} and each ptr looks its names up, and void lookups count; pyspf keeps what the first %{p} found and counts it once", misread=void_pointers_away, ours=("permerror",)),
    Rule("macro that keeps nothing", '7.1: transformers = *DIGIT [ "r" ], where the DIGIT, if present, "MUST be nonzero"; pyspf makes an empty label of %{d0}, which matches nothing and is not asked about', misread=without("%{d0}"), ours=("permerror",)),
    Rule("number behind r", '7.1: transformers = *DIGIT [ "r" ], then delimiters alone; pyspf takes %{ir1} for %{ir}', misread=reading("%{ir1}", "%{ir}"), ours=("permerror",)),
]


# The proof ----------------------------------------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Difference:
    number: int
    case: Case
    ours: str
    theirs: str


@dataclasses.dataclass(frozen=True)
class Attempt:
    """Some rules put to one difference: the policies to ask about."""
    of: Difference
    rules: tuple[Rule, ...]
    same: Case
    read: Case  # `same`, as the stranger reads it

    @property
    def limits(self) -> dict[str, int]:
        return functools.reduce(operator.or_, (rule.limit for rule in self.rules if rule.limit), {})


def attempts(difference: Difference, rules: list[Rule], count: int):
    """With so many of the rules that fit and change something."""
    case = difference.case
    fitting = [rule for rule in rules if rule.fits(difference.ours, difference.theirs) and (rule.limit or (rule.same or rule.misread)(case) != case)]
    for chosen in itertools.combinations(fitting, count):
        same = rewritten(case, [rule.same for rule in chosen])
        yield Attempt(difference, chosen, same, rewritten(same, [rule.misread for rule in chosen]))


def rewritten(case: Case, changes: list[Change | None]) -> Case:
    return functools.reduce(lambda so_far, change: change(so_far) if change else so_far, changes, case)


class Explainer:
    """postern, stranger: cases -> results; pyspf: (case, limits) -> result."""

    def __init__(self, postern, stranger, pyspf):
        self.postern, self.stranger, self.pyspf = postern, stranger, pyspf

    def explain(self, differences: list[Difference], rules: list[Rule]) -> tuple[collections.Counter, list[Difference]]:
        """How often each rule was a cause, and the differences that have none."""
        fired, left = collections.Counter(), {difference.number: difference for difference in differences}
        for count in range(1, MOST_CAUSES + 1):
            for attempt in self.proven([attempt for difference in left.values() for attempt in attempts(difference, rules, count)]):
                if left.pop(attempt.of.number, None):
                    fired.update(rule.name for rule in attempt.rules)
        return fired, list(left.values())

    def proven(self, tried: list[Attempt]):
        same, read = self.postern([attempt.same for attempt in tried]), self.postern([attempt.read for attempt in tried])
        theirs = self.stranger([attempt.same for attempt in tried])
        return [attempt for attempt, *results in zip(tried, same, read, theirs) if self.is_proven(attempt, *results)]

    def is_proven(self, attempt: Attempt, same: str, read: str, theirs: str) -> bool:
        if same != attempt.of.ours:
            return False
        if not attempt.limits:
            return theirs == read
        return self.pyspf(attempt.read, {}) == read and theirs == self.pyspf(rewritten(attempt.read, [itself_away, unknown_with_a_dot]), attempt.limits)
