"""Prompts: from what is set on a technique and one question to the messages that are sent.

The parts of a prompt (context, style, tone, rules, dynamic context, output format) are written
apart, because they are changed and mined apart. Pure: the same settings and question always give
the same messages.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from evaluations.spec import Check
from evaluations.techniques.chat import Message
from evaluations.techniques.interface import Example, Label, Question

PLACEHOLDER = re.compile(r"\{(\w*)\}")
# What a reply that thinks aloud ends with.
ANSWER = "Answer:"
_LAST_ANSWER = re.compile(r"(?:^|\n)[ \t>*_#-]*answer[ \t*_]*:[ \t*_]*(.*)\Z", re.I | re.S)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with its placeholders replaced; braces in the values stay as they are."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], template)


def placeholders(required: str, *optional: str) -> Check:
    """Return a check that a template has the placeholder it needs and no unknown one."""

    def problem(template: str) -> str | None:
        found = set(PLACEHOLDER.findall(template))
        if required not in found:
            return _("Must contain {%(name)s}.") % {"name": required}
        if unknown := sorted(found - {required, *optional}):
            return _("Unknown placeholder: {%(name)s}.") % {"name": unknown[0]}
        return None

    return problem


@dataclass(frozen=True, slots=True)
class Prompt:
    """The parts of a prompt; an empty part is left out.

    `message` is the user's turn, with {text} and, where it wants them, {labels} and {passages}.
    Labels without a place there are told before it, unless the model has learned them.
    """

    message: str
    context: str = ""
    style: str = ""
    tone: str = ""
    rules: str = ""
    output_format: str = ""
    tells_labels: bool = True

    def messages(
        self,
        question: Question,
        labels: Sequence[Label] = (),
        examples: Sequence[Example] = (),
        passages: Sequence[str] = (),
    ) -> list[Message]:
        """Return the messages for a question, with the examples as turns before it."""
        system = self.instructions(labels)
        told: list[Message] = [{"role": "system", "content": system}] if system else []
        for example in examples:
            asked = self._asked(example.input, labels, ())
            told += [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": example.expected},
            ]
        return [*told, {"role": "user", "content": self._asked(question.input, labels, passages)}]

    def instructions(self, labels: Sequence[Label] = ()) -> str:
        """Return the system's turn: what the model is, how it speaks, and what it must keep to.

        Labels to choose from are told here unless the message has a place for them.
        """
        is_told = "{labels}" in self.message or not self.tells_labels
        untold = "" if is_told else listed_labels(labels)
        parts = (
            self.context,
            self.style and f"Style: {self.style}",
            self.tone and f"Tone: {self.tone}",
            self.rules and f"Rules:\n{bulleted(self.rules)}",
            self.output_format and f"Output format: {self.output_format}",
            untold and f"Answer with one of these labels alone:\n{untold}",
        )
        return "\n\n".join(part.strip() for part in parts if part.strip())

    def _asked(self, text: str, labels: Sequence[Label], passages: Sequence[str]) -> str:
        values = {
            "text": text,
            "labels": listed_labels(labels),
            "passages": numbered(passages),
        }
        return fill(self.message, values).strip()


def bulleted(rules: str) -> str:
    """Return rules, one a line, as a list."""
    lines = (line.strip().lstrip("-*• ") for line in rules.splitlines())
    return "\n".join(f"- {line}" for line in lines if line)


def listed_labels(labels: Sequence[Label]) -> str:
    """Return the labels with what they mean, one a line."""
    return "\n".join(
        f"- {one.slug}: {one.description.strip()}" if one.description.strip() else f"- {one.slug}"
        for one in labels
    )


def numbered(passages: Sequence[str]) -> str:
    """Return passages with the numbers that a reply cites them by: [1], [2] …"""
    return "\n\n".join(f"[{number}] {text}" for number, text in enumerate(passages, 1))


def concluded(reply: str) -> str:
    """Return what follows the last "Answer:" of a reply that thinks aloud, or all of it."""
    starts = [match.start() for match in re.finditer(r"(?im)^[ \t>*_#-]*answer[ \t*_]*:", reply)]
    found = _LAST_ANSWER.search(reply, starts[-1] - 1 if starts and starts[-1] else 0)
    return (found[1] if found else reply).strip().strip("*_` \n\t")


def as_label(reply: str, labels: Sequence[Label]) -> str:
    """Return the label that a reply names: by slug or name, alone or as the only one in it.

    A reply that names none, or several, is returned as it is: that is wrong, and shown as it was.
    """
    given = _plain(reply)
    known = {_plain(name): one.slug for one in labels for name in (one.slug, one.title)}
    if given in known:
        return known[given]
    named = {slug for name, slug in known.items() if name and f" {name} " in f" {given} "}
    # "card payment" is no second label beside "card payment wrong rate".
    longest = {slug for slug in named if not _is_part_of_another(slug, named, known)}
    return longest.pop() if len(longest) == 1 else reply.strip()


def _is_part_of_another(slug: str, named: set[str], known: Mapping[str, str]) -> bool:
    mine = [name for name, owner in known.items() if owner == slug]
    others = [name for name, owner in known.items() if owner in named and owner != slug]
    return any(f" {name} " in f" {other} " for name in mine for other in others)


def _plain(text: str) -> str:
    """Return words without case and punctuation, so that Card_Arrival. is card arrival."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
