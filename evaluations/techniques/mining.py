"""Prompt mining: a search over variants of a prompt, judged on the development split alone.

Each variant changes one part of the prompt (context, style, tone, rules, output format, message).
They race: all are asked a few development cases, the better half is asked twice as many, and so on
until one is left: successive halving (Karnin et al., 2013; Jamieson and Talwalkar, 2016), which
spends most requests on the variants that matter. The test split is never looked at.

"Prompt mining" after Jiang et al. (2020), "How Can We Know What Language Models Know?".
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from evaluations.techniques.chat import Usage, beside
from evaluations.techniques.interface import Example, Memory, PrepareError
from evaluations.techniques.messages import Prompt

PARTS = ("context", "style", "tone", "rules", "output_format", "message")
SEPARATOR = "---"
MOST_VARIANTS = 64
SHOWN = 300

Tried = tuple[bool, Usage]
Trial = Callable[[Prompt, Example], Awaitable[Tried]]


class Unanswered(Exception):
    """A case of the search got no answer; the message is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A prompt under trial, what it changes, and how it did on the cases it was asked.

    `failed` is how many of them got no answer and so are not right.
    """

    prompt: Prompt
    change: str
    place: int = 0
    right: int = 0
    asked: int = 0
    failed: int = 0

    @property
    def share(self) -> float:
        """Return the share of right answers."""
        return self.right / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True)
class Mined:
    """The best prompt, the rounds that led to it (as plain values), and what they took."""

    prompt: Prompt
    curve: list[dict[str, Any]]
    usage: Usage


def variants_of(prompt: Prompt, part: str, alternatives: str) -> list[Variant]:
    """Return the prompt as it is and with each alternative in the place of one part.

    Alternatives are divided by lines of three dashes. Raise PrepareError if there are none, or
    too many.
    """
    texts = [text.strip() for text in f"\n{alternatives}\n".split(f"\n{SEPARATOR}\n")]
    found = [text for text in texts if text]
    if not 1 <= len(found) < MOST_VARIANTS:
        told = {"n": MOST_VARIANTS - 1}
        raise PrepareError(_("Mining needs 1 to %(n)s alternatives, divided by ---.") % told)
    parts: list[dict[str, Any]] = [{part: text} for text in found]
    changed = [
        Variant(replace(prompt, **one), one[part][:SHOWN], place)
        for place, one in enumerate(parts, 1)
    ]
    return [Variant(prompt, ""), *changed]


def lacking_cases(_spec: Any, has_dev: bool) -> str:
    """Return why nothing can be searched for without development cases, "" where there are some."""
    if has_dev:
        return ""
    return _("Mining compares prompts on development cases, and there are none.")


async def mined(
    variants: Sequence[Variant],
    dev: Sequence[Example],
    trial: Trial,
    requests: int,
    memory: Memory,
) -> Mined:
    """Return the variant that did best on development cases, within so many requests.

    Every round asks all variants the same cases, so that they are compared on the same; of equal
    ones the earlier stays. What a round came to is kept, and an interrupted search goes on after
    it. A trial may raise `Unanswered`, which counts as not right. Raise PrepareError if there are
    no cases, fewer requests than variants can use, or a round in which nothing was answered.
    """
    if not dev:
        raise PrepareError(lacking_cases(None, has_dev=False))
    if requests < 2 * len(variants):
        raise PrepareError(_("Mining needs at least two requests for each prompt."))
    state = memory.state
    standing = _standing(variants, state.get("standing"))
    usage, seen = Usage.from_plain(state.get("usage", {})), int(state.get("seen", 0))
    curve: list[dict[str, Any]] = list(state.get("curve", []))
    each_round = requests // max(math.ceil(math.log2(len(variants))), 1)
    while len(standing) > 1 and seen < len(dev):
        count = max(each_round // len(standing), 1)
        asked = dev[seen : seen + count]
        standing, spent = await _round(standing, asked, trial)
        usage, seen = usage.then(spent), seen + len(asked)
        curve.append(_told(len(curve) + 1, standing, seen))
        standing = standing[: math.ceil(len(standing) / 2)]
        left = [[one.place, one.right, one.asked, one.failed] for one in standing]
        await memory.keep(standing=left, usage=usage.plain(), seen=seen, curve=curve)
    return Mined(standing[0].prompt, curve, usage)


def _standing(variants: Sequence[Variant], kept: Sequence[Sequence[int]] | None) -> list[Variant]:
    """Return the variants that still run, as they were kept; all of them at the beginning."""
    if kept is None:
        return list(variants)
    return [
        replace(variants[place], right=right, asked=asked, failed=failed)
        for place, right, asked, failed in kept
    ]


async def _round(
    standing: Sequence[Variant], asked: Sequence[Example], trial: Trial
) -> tuple[list[Variant], Usage]:
    """Ask every variant the same cases; return them best first, and what it took."""
    tries = [(variant, example) for variant in standing for example in asked]
    found = await _all_tried([trial(one.prompt, example) for one, example in tries])
    size = len(asked)
    scored = [
        _scored(variant, found[place * size : (place + 1) * size])
        for place, variant in enumerate(standing)
    ]
    ranked = sorted(scored, key=lambda one: -one.share)
    return ranked, beside([one[1] for one in found if not isinstance(one, Unanswered)])


async def _all_tried(trials: Sequence[Awaitable[Tried]]) -> list[Tried | Unanswered]:
    """Return what became of each trial; what ends the search ends those under way as well."""

    async def tried(trial: Awaitable[Tried]) -> Tried | Unanswered:
        try:
            return await trial
        except Unanswered as error:
            return error

    asked = [asyncio.ensure_future(tried(one)) for one in trials]
    try:
        found = await asyncio.gather(*asked)
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    failed = [one for one in found if isinstance(one, Unanswered)]
    if len(failed) == len(found):
        told = {"n": len(found), "why": failed[-1]}
        raise PrepareError(
            _("Of %(n)s requests to compare prompts none was answered: %(why)s") % told
        )
    return found


def _scored(variant: Variant, found: Sequence[Tried | Unanswered]) -> Variant:
    """Return a variant with what became of its trials in one round."""
    answered = [one for one in found if not isinstance(one, Unanswered)]
    return replace(
        variant,
        right=variant.right + sum(is_right for is_right, _usage in answered),
        asked=variant.asked + len(found),
        failed=variant.failed + len(found) - len(answered),
    )


def _told(number: int, ranked: Sequence[Variant], seen: int) -> dict[str, Any]:
    """Return one round of the learning curve."""
    shown = [
        {
            "change": one.change,
            "right": one.right,
            "asked": one.asked,
            "failed": one.failed,
            "share": round(one.share, 4),
        }
        for one in ranked
    ]
    return {"round": number, "cases": seen, "prompts": shown}
