"""A model that says, pair by pair, which of two runs' answers is better, as people do when blind.

It is an opinion and stands on the record as one: with how often the order alone decided, and how
far it agrees with the people who rated the same answers.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils.translation import gettext as _

from decisions.actions.evidence import Measurement, attach_evidence
from decisions.models import Evidence, EvidenceKind, User
from decisions.numbers import format_count
from decisions.policies import BadInput, ensure
from evaluations import judge_agreement
from evaluations.actions import digest_of, refuse_other_spec
from evaluations.comparing import compare_url
from evaluations.endpoints.chats import connect
from evaluations.judging import FIRST, SECOND, preferred
from evaluations.learning import learned
from evaluations.models import RatedCase, Run
from evaluations.preference import Preference, preference
from evaluations.rating import headline, paired_runs, sampled, share_of
from evaluations.scorers.rubric import RubricSpec
from evaluations.scoring import view_of
from evaluations.techniques import Halt, Memory
from evaluations.techniques.chat import Chat

VERSION = "judge_pairs/1"
STEP = 8  # pairs between two times that is kept how far the judge is
SEED = 0  # draws the same cases for every judge
CHOICES = {FIRST: "first", SECOND: "second"}


@dataclass(frozen=True)
class JudgedPairs:
    """What a judge said: case's key → "first", "second" or "tie"; `swayed` by the order alone."""

    choices: Mapping[str, str]
    swayed: int
    failed: int

    @property
    def result(self) -> Preference:
        """Return what the choices come to."""
        return preference({key: [choice] for key, choice in self.choices.items()}, ["judge"])


def judge_pairs(first: Run, second: Run, spec: RubricSpec, size: int, *, by: User) -> Evidence:
    """Have a model judge which run's answers are better, on up to `size` cases; attach it.

    What is judged is kept after every `STEP` pairs: asked again, it goes on there. Raises `Refused`
    or `BadInput`, and `Halt` where a budget ends or the server does not answer.
    """
    ensure("measure", first.candidate.decision, by)
    first, second = paired_runs(first, second)
    pairs = sampled(first, second, size, SEED).pairs
    return attached(first, second, spec, pairs, judged(pairs, spec), by=by)


def attached(
    first: Run,
    second: Run,
    spec: RubricSpec,
    pairs: list[RatedCase],
    found: JudgedPairs,
    *,
    by: User,
) -> Evidence:
    """Hand a judge's verdicts to the record; raises `Refused` or `BadInput`."""
    if not found.result.decided:
        raise BadInput(_("Not attached to the record: neither side won a single case."))
    with transaction.atomic():
        (evidence,) = attach_evidence(
            first.candidate,
            by=by,
            measurements=[measurement(first, second, spec, pairs, found)],
            kind=EvidenceKind.COMPARISON,
        )
        for run in (first, second):
            refuse_other_spec(run)
    return evidence


def key_of(pairs: list[RatedCase], spec: RubricSpec) -> str:
    """Return what names a judge and the pairs that it is asked about: SHA-256 (hex)."""
    return digest_of([VERSION, asdict(spec), _shown(pairs)])


def judged(pairs: list[RatedCase], spec: RubricSpec) -> JudgedPairs:
    """Return what a judge says of pairs of answers; those it was asked before are kept."""
    found = learned(key_of(pairs, spec), partial(_verdicts, pairs, spec), lambda: False)
    return said_of(pairs, found["verdicts"])


def said_of(pairs: list[RatedCase], told: list[dict[str, Any] | None]) -> JudgedPairs:
    """Return what a judge's verdicts come to, None standing for a pair it did not judge."""
    rows = [(pair.case.key, one) for pair, one in zip(pairs, told, strict=True) if one]
    return JudgedPairs(
        {key: CHOICES.get(one["verdict"], "tie") for key, one in rows},
        sum(one["swayed"] for _key, one in rows),
        len(told) - len(rows),
    )


async def _verdicts(pairs: list[RatedCase], spec: RubricSpec, memory: Memory) -> Mapping[str, Any]:
    """Ask for every pair, step by step; None stands for one that could not be judged."""
    chat = await sync_to_async(connect)(spec.endpoint, spec.model)
    verdicts = list(memory.state.get("verdicts", []))
    try:
        while len(verdicts) < len(pairs):
            part = pairs[len(verdicts) : len(verdicts) + STEP]
            verdicts += await _step(part, spec, chat)
            await memory.keep(verdicts=verdicts)
    finally:
        await chat.close()
    return {"verdicts": verdicts}


async def _step(part: list[RatedCase], spec: RubricSpec, chat: Chat) -> list[dict[str, Any] | None]:
    """Return the verdicts on some pairs; raise `Halt` at a budget's end, or if all fail."""
    asked = (
        preferred(one.first_output, one.second_output, view_of(one.case), spec, chat)
        for one in part
    )
    said = await asyncio.gather(*asked, return_exceptions=True)
    errors = [one for one in said if isinstance(one, BaseException)]
    for error in errors:
        if isinstance(error, Halt) or not isinstance(error, Exception):
            raise error
    if len(errors) == len(part):
        raise Halt(
            _("Of %(n)s pairs none was judged: %(why)s") % {"n": len(part), "why": errors[0]}
        )
    return [
        None
        if isinstance(one, BaseException)
        else {"verdict": one.verdict, "swayed": one.swayed, "reasons": list(one.reasons)}
        for one in said
    ]


def _shown(pairs: list[RatedCase]) -> list[list[str]]:
    return [[one.case.key, one.first_output, one.second_output] for one in pairs]


def measurement(
    first: Run, second: Run, spec: RubricSpec, pairs: list[RatedCase], found: JudgedPairs
) -> Measurement:
    """Return a judge's verdicts as the record takes them in."""
    other = second.candidate
    told = {"other": other.letter}
    share = share_of(first, second, found.result)
    lines = json.dumps([_shown(pairs), sorted(found.choices.items())])
    judge = {"scorer": VERSION, "judge": f"{spec.endpoint} {spec.model}", "rubric": spec.rubric}
    return Measurement(
        metric="preferred_by_model",
        metric_name=_("Preferred by a model, against %(other)s") % told,
        method=" ".join(in_words(first, second, spec, found)),
        origin=f"{first}, {second}",
        origin_url=compare_url(first, second),
        source_digest=hashlib.sha256(lines.encode()).hexdigest(),
        **share | {"conditions": share["conditions"] | judge},
    )


def in_words(first: Run, second: Run, spec: RubricSpec, found: JudgedPairs) -> list[str]:
    """Return in sentences whom the model prefers, how it was asked, and how far to trust it."""
    result = found.result
    winning = _(
        "The model prefers %(ahead)s to %(behind)s on %(share)s of the %(n)s cases that one of "
        "them won (95%% interval: %(interval)s; sign test: %(p)s)."
    )
    told = {
        "model": spec.model,
        "endpoint": spec.endpoint,
        "n": format_count(result.n),
        "same": format_count(result.n - found.swayed),
        "wins": format_count(result.first),
        "losses": format_count(result.second),
        "neither": format_count(result.neither),
        "failed": format_count(found.failed),
    }
    sentences = [
        headline(first, second, result, winning),
        _("Cases won: %(wins)s, lost: %(losses)s; %(neither)s that neither won are left out.")
        % told,
        _(
            "%(model)s at %(endpoint)s was asked about %(n)s pairs in both orders and said the "
            "same on %(same)s; where the order decided, neither won."
        )
        % told,
    ]
    if found.failed:
        sentences.append(_("%(failed)s more could not be judged and are left out.") % told)
    agreement = judge_agreement.on_pairs(first, second, found.choices)
    sentences.append(agreement.sentence if agreement else _("No people have rated these pairs."))
    return [*sentences, _("By the rubric: %(rubric)s") % {"rubric": spec.rubric}]
