"""Models that judge answers: asked after each answer of a run, at the run's expense."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from evaluations.scorers import CaseView, Score
from evaluations.scorers.rubric import (
    RubricSpec,
    pair_messages,
    rating_messages,
    read,
    schema_of,
    score_of,
    silence,
    verdicts_of,
)
from evaluations.scoring import Scoring
from evaluations.techniques.chat import Chat, Message
from evaluations.techniques.interface import Connect

FIRST, SECOND, NEITHER = 1, 2, 0
MOST_TOKENS = 600
EITHER_WAY: Mapping[int, int] = {FIRST: SECOND, SECOND: FIRST, NEITHER: NEITHER}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of one answer; model and cost (US dollars) where they are known.

    Without a score it said nothing that can be used, and `fault` tells why.
    """

    score: Score | None
    model: str = ""
    cost: Decimal | None = None
    fault: str = ""

    @property
    def noted(self) -> dict[str, Any]:
        """Return what a result keeps of it beside the score."""
        if self.score is None:
            return {"fault": self.fault}
        cost = None if self.cost is None else str(self.cost)
        return {"why": self.score.why, "model": self.model, "cost": cost}


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two answers a judge prefers: 1 or 2, 0 for neither or where the order decided."""

    verdict: int
    reasons: tuple[str, str]
    swayed: bool


async def rated(output: str, case: CaseView, spec: RubricSpec, chat: Chat) -> Verdict:
    """Return a judge's verdict on one answer; raises ValueError for a reply without one."""
    if empty := silence(output, case, spec):
        return Verdict(empty)
    verdicts = verdicts_of(spec)
    reply = await _asked(chat, rating_messages(output, case, spec), verdicts)
    verdict, why = read(reply.text, verdicts)
    return Verdict(score_of(verdict, why, spec), reply.model, reply.cost)


async def preferred(
    first: str, second: str, case: CaseView, spec: RubricSpec, chat: Chat
) -> Preference:
    """Return which of two answers a judge prefers, asked in both orders at once.

    Where the two verdicts contradict each other the place decided and not the answer: then
    neither is preferred. Raises ValueError for a reply without a verdict.
    """
    verdicts = [NEITHER, FIRST, SECOND]
    replies = await asyncio.gather(
        _asked(chat, pair_messages(first, second, case, spec), verdicts),
        _asked(chat, pair_messages(second, first, case, spec), verdicts),
    )
    (one, why), (swapped, other_why) = (read(reply.text, verdicts) for reply in replies)
    other = EITHER_WAY[swapped]
    return Preference(one if one == other else NEITHER, (why, other_why), one != other)


async def _asked(chat: Chat, messages: list[dict[str, str]], verdicts: list[int]) -> Any:
    told = cast("list[Message]", messages)
    schema = schema_of(verdicts)
    return await chat.say(told, temperature=0.0, max_tokens=MOST_TOKENS, seed=0, schema=schema)


class Judges:
    """The models that judge a run's answers, by the key of their scorer."""

    def __init__(self, scoring: Scoring, connect: Connect) -> None:
        """Open the models; raises `PrepareError` for a server that is not there."""
        self.sitting: dict[str, tuple[RubricSpec, Chat]] = {
            one.scorer.key: (one.spec, connect(one.spec.endpoint, one.spec.model))
            for one in scoring.asking
        }

    def __bool__(self) -> bool:
        return bool(self.sitting)

    async def verdict(self, key: str, output: str, case: CaseView) -> Verdict:
        """Return one judge's verdict on an answer; raises what asking it raises."""
        spec, chat = self.sitting[key]
        return await rated(output, case, spec, chat)

    def seats(self) -> int:
        """Return how many answers can be judged at once now."""
        return min(chat.seats() for _spec, chat in self.sitting.values())

    async def close(self) -> None:
        """Give connections and seats back."""
        for _spec, chat in self.sitting.values():
            await chat.close()
