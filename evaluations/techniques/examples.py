"""Few-shot examples: which ones go into the prompt of a question."""

from collections.abc import Callable, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.techniques.embedding import encoded
from evaluations.techniques.fine_tuning import drawn
from evaluations.techniques.interface import Example, Material, PrepareError, Question
from evaluations.techniques.voting import best

ARROW = "=>"
CHOICES = (
    ("fixed", gettext_lazy("Fixed: those written below")),
    ("random", gettext_lazy("Drawn by the seed, the same for every case")),
    ("nearest", gettext_lazy("The training cases most similar to the case")),
)
Choose = Callable[[Question], Sequence[Example]]


def chooser(how: str, count: int, written: str, seed: int, material: Material) -> Choose:
    """Return what picks the examples of a question; raise PrepareError if there are none."""
    if how == "fixed":
        fixed = written_examples(written)[:count]
        return lambda question: fixed
    if not material.train:
        raise PrepareError(_("Examples are drawn from training cases, and there are none."))
    if how == "random":
        found = drawn(material.train, count, seed)
        return lambda question: found
    return nearest(count, material)


def nearest(count: int, material: Material) -> Choose:
    """Return what picks the training cases with the closest meaning, the closest one last.

    Last, because a model heeds most what stands nearest to the question (Liu et al., 2022, "What
    Makes Good In-Context Examples for GPT-3?").
    """
    encoder, vectors, _kept = encoded([one.input for one in material.train], material)

    def choose(question: Question) -> Sequence[Example]:
        found = best(vectors @ encoder.encode([question.input])[0], count)
        return [material.train[index] for index in reversed(found)]

    return choose


def written_examples(text: str) -> list[Example]:
    """Return examples written one a line, `message => answer`; raise PrepareError naming a line."""
    return [_example(line, at) for at, line in enumerate(text.splitlines(), 1) if line.strip()]


def _example(line: str, at: int) -> Example:
    message, arrow, answer = line.rpartition(ARROW)
    if not arrow or not message.strip() or not answer.strip():
        raise PrepareError(_("Example %(n)s is not written as message => answer.") % {"n": at})
    return Example(message.strip(), answer.strip())


def examples_problem(text: str) -> str | None:
    """Return what is wrong with written examples, as a sentence, or None."""
    try:
        written_examples(text)
    except PrepareError as error:
        return str(error)
    return None
