"""Which evidence is out of date: its cases have a newer version, or its scorer, or its spec."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from decisions.actions.evidence import mark_stale
from decisions.freshness import Versions, earlier_spec
from decisions.models import OF_RUNS, Candidate, Decision, Evidence, EvidenceKind
from decisions.workflow import MOVES
from evaluations.models import CaseSet
from evaluations.scorers import SCORERS

RESTING_ON_CASES = (*OF_RUNS, EvidenceKind.COMPARISON)


def look_at_all() -> int:
    """Mark what is out of date on every open record, and what no longer is; return how many."""
    open_records = Decision.objects.filter(status__in=MOVES["attach_evidence"].sources)
    rows = _resting(Evidence.objects.standing().filter(decision__in=open_records))
    moved: dict[int, dict[int, str]] = {}
    for one, why in _moved(rows):
        moved.setdefault(one.decision_id, {})[one.pk] = why
    found = Decision.objects.in_bulk(moved)
    return sum(mark_stale(found[pk], reasons) for pk, reasons in moved.items())


def look_at(decision: Decision) -> int:
    """Mark what is out of date on one record, and what no longer is; return how many."""
    reasons = moved_on(decision)
    return mark_stale(decision, reasons) if reasons else 0


def moved_on(decision: Decision) -> dict[int, str]:
    """Return what of a record's evidence is marked otherwise than it should be: why, or ""."""
    return {one.pk: why for one, why in _moved(_resting(decision.evidence.standing()))}


def succeeds(now: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """Return whether conditions are others' with newer cases, or by a newer scorer.

    The rest has to agree, the settings of the scorer too; cases of another name are others.
    """
    one, other = _but_for_versions(now), _but_for_versions(then)
    return one == other and _are_of_one_case_set(_cases(now), _cases(then))


def _but_for_versions(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return conditions without their cases, and without the version of their scorer."""
    # A name without a digest is all that is known of the cases.
    left = {"case_set", "case_set_digest"} if _cases(told) else set()
    agree = {name: told[name] for name in told if name not in left}
    return agree | {"scorer": _of_any_version(str(told.get("scorer", "")))}


def _of_any_version(identity: str) -> tuple[str, str]:
    """Return a scorer's key and settings; what another tool scored by has no version known here."""
    key, _slash, rest = identity.partition("/")
    return (key, rest.partition("+")[2]) if key in SCORERS else (identity, "")


def _are_of_one_case_set(one: str, other: str) -> bool:
    """Return whether two digests are of versions of one case set."""
    if one == other:
        return True
    names = CaseSet.objects.filter(digest=one).values("slug")
    return bool(CaseSet.objects.filter(digest=other, slug__in=names).exists())


def _resting(evidence: Any) -> Iterable[Evidence]:
    rows = evidence.filter(kind__in=RESTING_ON_CASES).order_by("decision", "number")
    return rows.only(  # type: ignore[no-any-return]
        "decision", "candidate", "compared_with", "conditions", "spec_digest", "stale_because"
    )


def _moved(rows: Iterable[Evidence]) -> Iterable[tuple[Evidence, str]]:
    """Yield what is marked otherwise than it should be, with why it is out of date, or ""."""
    found = list(rows)
    digests = {_cases(one.conditions) for one in found} - {""}
    newer = _newer_cases(digests) if digests else {}
    candidates = Candidate.objects.filter(decision__in={one.decision_id for one in found})
    specs = dict(candidates.values_list("pk", "spec"))
    for one in found:
        told: Mapping[str, Any] = one.conditions
        words = (
            earlier_spec(one, specs),
            newer.get(_cases(told)),
            _newer_scorer(str(told.get("scorer", ""))),
        )
        why = " ".join(filter(None, words))
        if why != one.stale_because:
            yield one, why


def _cases(told: Mapping[str, Any]) -> str:
    """Return the digest of the cases that conditions name, "" without any."""
    return str(told.get("case_set_digest", ""))


def _newer_cases(digests: set[str]) -> dict[str, str]:
    """Return by the digest of cases, in a sentence, that they have a newer version.

    What came in under several names is fresh while it is the newest under one of them.
    """
    known = list(CaseSet.objects.filter(digest__in=digests).values_list("slug", "digest"))
    slugs = {slug for slug, _digest in known}
    newest = {one.slug: one for one in CaseSet.objects.filter(slug__in=slugs).newest()}
    fresh = {one.digest for one in newest.values()}
    return {digest: _in_words(newest[slug]) for slug, digest in known if digest not in fresh}


def _in_words(newer: CaseSet) -> str:
    """Return what has come in; the name of what not everyone may read is not told.

    The sentence stands on records whose readers need not be those of the cases.
    """
    if newer.is_open_to_all:
        return _("%(case_set)s has come in since.") % {"case_set": newer}
    return _("A newer version of its cases has come in since.")


def _newer_scorer(identity: str) -> str:
    """Return in a sentence that a scorer works otherwise by now; "" for the present one's version.

    What another tool scored by is not known here and cannot move.
    """
    key, _slash, rest = identity.partition("/")
    scorer, version = SCORERS.get(key), rest.partition("+")[0]
    if scorer is None or version == str(scorer.version):
        return ""
    told = {"scorer": scorer.title, "version": version, "now": scorer.version}
    return _("%(scorer)s is in version %(now)s by now; this is of version %(version)s.") % told


VERSIONS = Versions(moved_on, succeeds)
