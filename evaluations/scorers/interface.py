"""What every scorer is made of: a case with its answer in, a score from 0 to 1 out.

A scorer sees plain values only. One that is computed here carries a `judge`; one whose verdict
comes later, from a model or a person, has none and hands in the same `Score` when it has it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from evaluations.scorers.words import without_marks
from evaluations.spec import Field, Words, fields_of, validated

Outcome = str | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """What a scorer may know of a case and of how it was answered.

    Of the case: `expected` is the label or first reference, `references` are other right answers,
    `relevant` the keys of the documents that answer it. Of the answer: `retrieved` are the keys
    of the documents found, best first, and `passages` the texts that were handed to the model, in
    the order of their citation numbers ([1] is the first). Both are None where nothing was
    retrieved because the technique doesn't, and empty where it looked and found nothing.
    """

    expected: str = ""
    input: str = ""
    references: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()
    retrieved: tuple[str, ...] | None = None
    passages: tuple[str, ...] | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """Return every right answer once, the expected one first; blank ones are none."""
        return tuple(dict.fromkeys(a for a in (self.expected, *self.references) if a.strip()))

    def with_details(self, details: Mapping[str, Any]) -> "CaseView":
        """Return the view with what an answer's details say was retrieved.

        `retrieved` lists document keys, or objects with a `key` and perhaps a `text`; `passages`
        lists texts, without it they are the texts found in `retrieved`.
        """
        found = details.get("retrieved")
        if not isinstance(found, list | tuple):
            return self
        passages = details.get("passages")
        texts = passages if isinstance(passages, list | tuple) else _texts(found)
        return replace(
            self, retrieved=_keys(found), passages=None if texts is None else tuple(texts)
        )


def _keys(found: Iterable[Any]) -> tuple[str, ...]:
    """Return the keys of what was retrieved; one without a key holds its rank as ""."""
    return tuple(str(one.get("key", "") if isinstance(one, Mapping) else one) for one in found)


def _texts(found: Sequence[Any]) -> tuple[str, ...] | None:
    """Return the texts of what was retrieved; None if any of them is not there."""
    texts = [one.get("text") if isinstance(one, Mapping) else None for one in found]
    return None if any(text is None for text in texts) else tuple(map(str, texts))


@dataclass(frozen=True, slots=True)
class Score:
    """How good one answer is, from 0 to 1; `correct` is None where right and wrong don't apply.

    `why` says in a sentence what was wrong, where the scorer can tell more than its figure does.
    """

    value: float
    correct: bool | None
    why: str = ""


def right(correct: bool, why: str = "") -> Score:
    """Return 1 for a right answer and 0 for a wrong one."""
    return Score(float(correct), correct, why)


def graded(value: float) -> Score:
    """Return a score by degrees, with no verdict; rounding can't take it out of 0 to 1."""
    return Score(min(1.0, max(0.0, float(value))), None)


@dataclass(frozen=True, slots=True)
class NoSettings:
    """The spec of a scorer on which nothing can be set."""


Judge = Callable[[str, CaseView, Any], Score | None]


@dataclass(frozen=True, slots=True)
class Scorer:
    """An entry of the registry. `version` is raised when an answer would be scored differently.

    `metric` names the figure that the mean of its scores is. `needs` names the fields of a
    `CaseView` without which a case can't be scored (`expected` stands for any right answer; a
    case without one asks for an empty answer), `uses` those that the technique must provide.
    `judges` is "computation" where `judge` gives the verdict at once, else "model" or "person":
    then `judge` is None. `decides` says whether an answer is right or wrong rather than good to a
    degree.
    """

    key: str
    version: str
    title: Words
    metric: str
    judge: Judge | None
    description: Words = ""
    needs: tuple[str, ...] = ("expected",)
    uses: tuple[str, ...] = ()
    spec_class: type = NoSettings
    decides: bool = False
    judges: str = "computation"

    @property
    def identity(self) -> str:
        """Return name and version, for the conditions of evidence: exact_match/1."""
        return f"{self.key}/{self.version}"

    @property
    def fields(self) -> tuple[Field, ...]:
        """Return what can be set, in the order of the form."""
        return fields_of(self.spec_class)

    def validate(self, raw: Mapping[str, Any]) -> Any:
        """Return the frozen spec; raise SpecError with a sentence for each field at fault."""
        return validated(self.spec_class, raw)

    def configured(self, raw: Mapping[str, Any] | None = None) -> "Configured":
        """Return the scorer with its settings; raise SpecError if they can't be used."""
        return Configured(self, self.validate(raw or {}))

    def applies(self, case: CaseView) -> bool:
        """Return whether a case has what this scorer needs of it."""
        return all(getattr(case, name) for name in self.needs if name != "expected")

    def score(self, output: Outcome, expected: str) -> Score:
        """Return the score of an answer against one right answer, with the default settings.

        No answer is a wrong answer; where nothing was expected, only an empty one is right.
        """
        return self.configured().score(output, CaseView(expected)) or Score(0.0, False)


@dataclass(frozen=True, slots=True)
class Configured:
    """A scorer with its settings: what a run scores its answers with."""

    scorer: Scorer
    spec: Any

    @property
    def settings(self) -> dict[str, Any]:
        """Return every setting, defaults filled in, as plain JSON."""
        return asdict(self.spec)

    @property
    def identity(self) -> str:
        """Return name and version, and 8 hex digits of the settings unless all are defaults.

        Figures may be compared only where this agrees: recall_at_k/1+5a0c7d31.
        """
        defaults = {field.name: field.default for field in self.scorer.fields}
        if self.settings == defaults:
            return self.scorer.identity
        canonical = json.dumps(self.settings, sort_keys=True)
        return f"{self.scorer.identity}+{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"

    def score(self, output: Outcome, case: CaseView) -> Score | None:
        """Return the score of one answer, None where the scorer doesn't apply to it.

        No answer (None) is a failure and scores 0 wherever the case itself can be scored. Where
        nothing is expected (a question without an answer, SQuAD 2.0), an empty answer is right
        and any other wrong: Rajpurkar et al. (2018), section 4. Raise ValueError for a scorer
        whose verdict comes from a model or a person.
        """
        if self.scorer.judge is None:
            raise ValueError(f"{self.scorer.key} is judged by a {self.scorer.judges}, not computed")
        if not self.scorer.applies(case):
            return None
        if output is None:
            return Score(0.0, False if self.scorer.decides else None)
        told = self._compared(output, case)
        if "expected" in self.scorer.needs and not case.answers:
            return self._of_silence(told)
        return self.scorer.judge(told, case, self.spec)

    def _compared(self, output: str, case: CaseView) -> str:
        """Return the answer as it is compared: marks like [1] are no part of a right answer."""
        cites = case.passages is not None and "expected" in self.scorer.needs
        return without_marks(output) if cites else output

    def _of_silence(self, output: str) -> Score:
        """Return the score of an answer where the right one is to say nothing."""
        is_silent = not output.strip()
        return right(is_silent) if self.scorer.decides else graded(is_silent)
