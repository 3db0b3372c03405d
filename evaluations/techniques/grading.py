"""Asking a model some examples whose answers are known, outside of the run's own cases."""

import asyncio
from collections.abc import Sequence

from celery.exceptions import SoftTimeLimitExceeded
from django.utils.translation import gettext as _

from evaluations.scorers import SCORERS, CaseView, normalised
from evaluations.techniques import thought
from evaluations.techniques.chat import Chat
from evaluations.techniques.interface import Example, Halt, Label, Question
from evaluations.techniques.messages import Prompt, as_label
from evaluations.techniques.thought import Sampling

MOST_AT_ONCE = 32  # requests under way; the endpoint's seats may allow fewer


async def scores(
    prompt: Prompt,
    sampling: Sampling,
    chat: Chat,
    examples: Sequence[Example],
    labels: Sequence[Label],
) -> list[float | None]:
    """Return how good each answer is, 0 to 1; None for an example that got no answer.

    Where there are labels an answer is right or wrong, else it is the F1 of the words that it
    shares with a right one. Raises `Halt` where nothing more can be asked for now, which is also
    so where not a single example got an answer.
    """
    why: list[str] = []
    at_most = asyncio.Semaphore(MOST_AT_ONCE)

    async def score(example: Example) -> float | None:
        messages = prompt.messages(Question(example.input), labels)
        async with at_most:
            try:
                found = await thought.at_once(chat, messages, sampling)
                return graded(found.answer, example, labels)
            except (Halt, SoftTimeLimitExceeded):
                raise
            except Exception as error:  # whatever it was: this example got no answer
                why.append(str(error))
                return None

    asked = [asyncio.ensure_future(score(example)) for example in examples]
    try:
        found = await asyncio.gather(*asked)
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    if why and len(why) == len(examples):
        told = {"n": len(examples), "why": why[-1]}
        raise Halt(_("Of %(n)s examples none got an answer: %(why)s") % told)
    return found


def metric_of(labels: Sequence[Label]) -> str:
    """Return the name in the catalogue of what the mean of such scores is."""
    return "accuracy" if labels else SCORERS["token_f1"].metric


def graded(said: str, example: Example, labels: Sequence[Label]) -> float:
    """Return how good an answer is, 0 to 1."""
    if labels:
        return float(normalised(as_label(said, labels)) == normalised(example.expected))
    case = CaseView(example.expected, example.input, example.references)
    found = SCORERS["token_f1"].configured().score(said, case)
    return found.value if found else 0.0
