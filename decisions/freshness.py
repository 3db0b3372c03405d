"""Whether evidence still speaks of what is there: of how its candidates are run, and of the rest.

What else it rests on has versions elsewhere: who keeps them registers, and is asked here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from decisions.content import digest
from decisions.models import Decision, Evidence

Conditions = Mapping[str, Any]


@dataclass(frozen=True)
class Versions:
    """What is known of the versions of what evidence rests on.

    `moved` gives for a record's standing evidence that is marked otherwise than it should be, by
    its key, the sentence why it is out of date, or "". `succeeds` says whether the first
    conditions are the second's but for newer versions.
    """

    moved: Callable[[Decision], Mapping[int, str]]
    succeeds: Callable[[Conditions, Conditions], bool]


_known: list[Versions] = []


def specs_digest(*specs: Mapping[str, Any]) -> str:
    """Return the digest of how the candidates are run of which evidence speaks, one or two."""
    return digest(list(specs))


def earlier_spec(evidence: Evidence, specs: Mapping[int, Mapping[str, Any]]) -> str:
    """Return in a sentence that a candidate of which evidence speaks is run otherwise now, or "".

    `specs` are those of the record's candidates by their key. What came before specs were kept
    with evidence has none to differ from.
    """
    spoken_of = [evidence.candidate_id, evidence.compared_with_id]
    now = specs_digest(*(specs[one] for one in spoken_of if one is not None))
    if evidence.spec_digest in ("", now):
        return ""
    return _("How the candidate is run has changed.")


def register(versions: Versions) -> None:
    """Ask these too from now on."""
    _known.append(versions)


def moved(record: Decision) -> dict[int, str]:
    """Return what is to be marked on a record, by the evidence's key: why, or ""."""
    return {pk: why for one in _known for pk, why in one.moved(record).items()}


def answers(new: Evidence, earlier: Evidence) -> bool:
    """Return whether evidence answers the question of earlier evidence, or that in newer versions.

    Of which candidate and metric they speak is the caller's to ask.
    """
    if new.question == earlier.question:
        return True
    return any(one.succeeds(new.conditions, earlier.conditions) for one in _known)
