"""Asking a model some examples whose answers are known, outside of the run's own cases."""

import asyncio
from collections.abc import Sequence

from celery.exceptions import SoftTimeLimitExceeded

from evaluations.scorers import normalised
from evaluations.scorers.interface import CaseView
from evaluations.scorers.overlap import TokenSpec, token_f1
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
) -> list[float]:
    """Return how good each answer is, 0 to 1; an example that got no answer scores 0.

    Where there are labels an answer is right or wrong, else it is the F1 of the words that it
    shares with the expected one. Raises `Halt` where nothing more can be asked for now.
    """
    at_most = asyncio.Semaphore(MOST_AT_ONCE)

    async def score(example: Example) -> float:
        messages = prompt.messages(Question(example.input), labels)
        async with at_most:
            try:
                found = await thought.at_once(chat, messages, sampling)
            except (Halt, SoftTimeLimitExceeded):
                raise
            except Exception:  # whatever it was: this example got no answer
                return 0.0
        return graded(found.answer, example, labels)

    asked = [asyncio.ensure_future(score(example)) for example in examples]
    try:
        return await asyncio.gather(*asked)
    finally:
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


def graded(said: str, example: Example, labels: Sequence[Label]) -> float:
    """Return how good an answer is, 0 to 1."""
    if labels:
        return float(normalised(as_label(said, labels)) == normalised(example.expected))
    return token_f1(said, CaseView(example.expected), TokenSpec()).value
