"""Training files for providers: chat examples as JSON lines, checked before anything is paid for.

Pure: the same examples always give the same bytes.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evaluations.scorers import normalised
from evaluations.techniques.chat import Message
from evaluations.techniques.interface import Example, Label, PrepareError, Question
from evaluations.techniques.messages import Prompt

FEWEST = 10  # examples, as OpenAI and Azure ask for
LONGEST = 64_000  # tokens of one example, estimated; what the smallest usual limit lets through
LARGEST = 512 * 2**20  # bytes, as OpenAI takes them
CHARACTERS = 4  # that make a token, about


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """What is handed in, and what the checks found; `tokens` are estimated, for one epoch."""

    content: bytes
    examples: int
    tokens: int
    findings: dict[str, int]

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the content."""
        return hashlib.sha256(self.content).hexdigest()


def input_digest(text: str) -> str:
    """Return the digest by which an input is known without case and spacing, as case sets do."""
    return hashlib.sha256(normalised(text).encode()).hexdigest()


def training_file(
    examples: Sequence[Example],
    prompt: Prompt,
    labels: Sequence[Label],
) -> TrainingFile:
    """Return examples as a training file; raise PrepareError with what has to be mended first.

    Each is told as it will be asked, with the expected answer as the assistant's word. Examples
    that come twice are told once.
    """
    once = list(dict.fromkeys(examples))
    _refuse_unusable(once)
    told = [_messages(example, prompt, labels) for example in once]
    tokens = [sum(len(turn["content"]) for turn in turns) // CHARACTERS + 1 for turns in told]
    # All of it in ASCII: what Unicode calls the end of a line is none then, whoever reads it.
    lines = [json.dumps({"messages": turns}) + "\n" for turns in told]
    _refuse_too_large(lines, tokens)
    answers = Counter(example.expected for example in once)
    findings = {
        "duplicates": len(examples) - len(once),
        "contradictions": len(once) - len({input_digest(one.input) for one in once}),
        "labels_without_example": sum(label.slug not in answers for label in labels),
    }
    found = {name: count for name, count in findings.items() if count}
    return TrainingFile("".join(lines).encode(), len(once), sum(tokens), found)


def _refuse_unusable(examples: Sequence[Example]) -> None:
    if len(examples) < FEWEST:
        told = {"n": len(examples), "fewest": FEWEST}
        raise PrepareError(
            _("Tuning needs at least %(fewest)s different training examples; there are %(n)s.")
            % told
        )
    empty = sum(not one.input.strip() or not one.expected.strip() for one in examples)
    if empty:
        told = {"n": empty}
        raise PrepareError(
            ngettext(
                "%(n)s training example has no input or no expected answer.",
                "%(n)s training examples have no input or no expected answer.",
                empty,
            )
            % told
        )
    if len({one.expected for one in examples}) < 2:
        raise PrepareError(_("All training examples have the same answer: nothing can be learned."))


def _refuse_too_large(lines: Sequence[str], tokens: Sequence[int]) -> None:
    long = sum(one > LONGEST for one in tokens)
    if long:
        sentence = ngettext(
            "%(n)s training example is longer than some %(tokens)s tokens.",
            "%(n)s training examples are longer than some %(tokens)s tokens.",
            long,
        )
        raise PrepareError(sentence % {"n": long, "tokens": LONGEST})
    if sum(map(len, lines)) > LARGEST:
        told = {"size": LARGEST // 2**20}
        raise PrepareError(_("The training file would be larger than %(size)s MB.") % told)


def _messages(example: Example, prompt: Prompt, labels: Sequence[Label]) -> list[Message]:
    """Return one example as a chat that ends with the expected answer."""
    asked = prompt.messages(Question(example.input), labels)
    return [*asked, {"role": "assistant", "content": example.expected}]
