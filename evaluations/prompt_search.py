"""What a search for a prompt came to: the prompt that won, as it is sent, and those that did not.

Pure: from a run's spec and what was learned to words, for the run's page and for the evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from decisions.numbers import format_count, format_number
from evaluations.techniques import thought
from evaluations.techniques.interface import Example, Label, Question
from evaluations.techniques.language_model import PARTS
from evaluations.techniques.messages import Prompt

SPEAKERS = {
    "system": gettext_lazy("Instructions"),
    "user": gettext_lazy("Message"),
    "assistant": gettext_lazy("Answer"),
}
QUOTED = 120  # characters of a variant in a sentence


@dataclass(frozen=True)
class Variant:
    """One prompt of a search: what it has in the place of the part, and how it did in all."""

    change: str
    right: int
    asked: int
    failed: int
    rounds: int

    @property
    def text(self) -> str:
        """Return what it says in that place."""
        return self.change or _("As it was written")

    @property
    def share(self) -> str:
        """Return the share of right answers, in percent."""
        return f"{format_number(100 * self.right / self.asked, 1)} %" if self.asked else "–"


@dataclass(frozen=True)
class PromptSearch:
    """A search that is over; `prompt` won it, `variants` are all of them, the winner first."""

    prompt: Prompt
    variants: Sequence[Variant]
    spec: Mapping[str, Any]

    @property
    def part(self) -> str:
        """Return the name of the part that was searched for."""
        return str(dict(PARTS).get(self.spec.get("part", ""), self.spec.get("part", "")))

    @property
    def sentence(self) -> str:
        """Return how the prompt was found and how well it did."""
        best = self.variants[0]
        told = {
            "n": format_count(len(self.variants)),
            "part": self.part,
            "right": format_count(best.right),
            "asked": format_count(best.asked),
            "share": best.share,
        }
        return (
            _(
                "Searched for on development cases alone: of %(n)s prompts that differ in one part "
                "(%(part)s) this one was right on %(right)s of %(asked)s, %(share)s."
            )
            % told
        )

    @property
    def quoted(self) -> str:
        """Return the beginning of what the winner says in the place of the part."""
        said = self.variants[0].text
        return said if len(said) <= QUOTED else f"{said[:QUOTED].rstrip()}…"

    @cached_property
    def turns(self) -> list[tuple[str, str]]:
        """Return (who speaks, what) of the whole prompt, with places for what a case brings."""
        examples = [Example("{example}", "{answer}")] if self.spec.get("shots") else []
        messages = self.prompt.messages(
            Question("{text}"), [Label("{labels}")], examples, ["{passages}"]
        )
        if self.spec.get("reasoning") == "step_by_step":
            messages = thought.added(messages, thought.STEP_BY_STEP)
        return [(str(SPEAKERS[one["role"]]), one["content"]) for one in messages]

    @property
    def places(self) -> str:
        """Return what stands for what in the prompt, in sentences."""
        written = "".join(text for _speaker, text in self.turns)
        told = [
            _("{text} is the question of a case."),
            _("{labels} are the answers to choose from.") if "{labels}" in written else "",
            _("{passages} are the texts that were found.") if "{passages}" in written else "",
            self._of_examples(),
        ]
        return " ".join(part for part in told if part)

    def _of_examples(self) -> str:
        shots = self.spec.get("shots")
        if not shots:
            return ""
        return ngettext(
            "{example} and {answer} stand for %(n)s training case.",
            "{example} and {answer} stand for %(n)s training cases, one after the other.",
            shots,
        ) % {"n": shots}


def search_of(spec: Mapping[str, Any], artefact: Mapping[str, Any]) -> PromptSearch | None:
    """Return the search that a run's artefact tells of, None where there was none."""
    rounds, prompt = artefact.get("learning_curve"), artefact.get("mined_prompt")
    if not rounds or not prompt:
        return None
    return PromptSearch(Prompt(**prompt), _variants(rounds), spec)


def _variants(rounds: Sequence[Mapping[str, Any]]) -> list[Variant]:
    """Return every prompt as it stood in its last round, the best of the last one first."""
    last: dict[str, Variant] = {}
    for number, one in enumerate(rounds, 1):
        for told in one["prompts"]:
            counts = (told["right"], told["asked"], told.get("failed", 0))
            last[told["change"]] = Variant(told["change"], *counts, number)
    ranked = [told["change"] for one in reversed(rounds) for told in one["prompts"]]
    return [last[change] for change in dict.fromkeys(ranked)]
