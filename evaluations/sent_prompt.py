"""What a model was sent for one case, and the passages that it was handed.

Results keep the beginning of each message. What follows is rebuilt from the run's prompt, the case
and its passages; it is shown only where it begins as what was kept does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evaluations.models import Result, Run
from evaluations.prompt_search import SPEAKERS
from evaluations.techniques import thought
from evaluations.techniques.chat import Message
from evaluations.techniques.interface import Label, Question
from evaluations.techniques.messages import Prompt


@dataclass(frozen=True)
class Turn:
    """One message: who speaks, what it says, and whether the end of it is not known any more."""

    speaker: str
    text: str
    is_cut: bool = False


@dataclass(frozen=True)
class FoundPassage:
    """A passage that was found for a case: its number, as a reply cites it, and its document."""

    number: int
    key: str
    text: str
    is_cited: bool


class SentPrompts:
    """What the model of a run was sent, case by case."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @cached_property
    def _prompt(self) -> Prompt | None:
        told: Mapping[str, Any] | None = self.run.artefact.get("prompt")
        return Prompt(**told) if told else None

    @cached_property
    def _labels(self) -> list[Label]:
        case_set = self.run.case_set
        known = case_set.labels if case_set else []
        return [Label(one["slug"], one["name"], one["description"]) for one in known]

    def turns(self, result: Result) -> list[Turn]:
        """Return the messages that were sent for a case; nothing where no model was asked."""
        if not result.is_answered:
            return []
        kept: list[Message] = result.details.get("messages", [])
        full = self._rebuilt(result)
        if not kept and (self._prompt is None or self._shows_more):
            return []
        messages = [_whole(one, full) for one in kept] if kept else [(one, False) for one in full]
        turns = [Turn(str(SPEAKERS[one["role"]]), one["content"], cut) for one, cut in messages]
        if "reasoning" in result.details and not turns[-1].is_cut:
            *before, last = turns
            asked = f"{last.text}\n\n{thought.STEP_BY_STEP}"
            return [*before, Turn(last.speaker, asked)]
        return turns

    @property
    def _shows_more(self) -> bool:
        """Return whether examples or passages are sent that only a result's details tell."""
        message = self._prompt.message if self._prompt else ""
        return "shots" in self.run.spec or "{passages}" in message

    def _rebuilt(self, result: Result) -> list[Message]:
        """Return the messages as they follow from the run's prompt, without examples."""
        if self._prompt is None:
            return []
        question = Question(result.case.input, result.case.key)
        passages = result.details.get("passages", [])
        return self._prompt.messages(question, self._labels, (), passages)


def _whole(kept: Message, rebuilt: Sequence[Message]) -> tuple[Message, bool]:
    """Return a message as it was sent, and whether only its beginning is known."""
    if len(kept["content"]) < thought.SHOWN:
        return kept, False
    for one in rebuilt:
        if one["role"] == kept["role"] and one["content"].startswith(kept["content"]):
            return one, False
    return kept, True


def passages_of(result: Result) -> list[FoundPassage]:
    """Return what was found for a case, in the order in which it was handed over."""
    found = result.details.get("retrieved", [])
    whole = result.details.get("passages", [])
    texts = whole if len(whole) == len(found) else [one["text"] for one in found]
    cited = result.details.get("citations", [])
    return [
        FoundPassage(number, one["key"], text, number in cited)
        for number, (one, text) in enumerate(zip(found, texts, strict=True), start=1)
    ]
