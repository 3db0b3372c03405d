"""What the page of a case set shows, computed when first asked for."""

from dataclasses import dataclass
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from decisions.models import User
from evaluations.models import Case, CaseSet, Corpus

TITLES: dict[str, tuple[Promise | str, Promise | str]] = {
    "duplicates": (_("Duplicates"), _("within a split")),
    "overlaps": (_("Overlaps"), _("test cases that are also trained on")),
    "contradictions": (_("Contradictions"), _("inputs with more than one expected answer")),
}


@dataclass(frozen=True)
class Finding:
    """A finding: how many, what it means, and the first inputs that show it with their cases."""

    title: Promise | str
    count: int
    meaning: Promise | str
    examples: list[list[Case]]


class CaseSetPage:
    """One version of a case set as a person sees it."""

    def __init__(self, case_set: CaseSet, user: User) -> None:
        self.case_set, self.user = case_set, user

    @cached_property
    def findings(self) -> list[Finding]:
        """Return what the import found, with examples."""
        found = self.case_set.findings
        return [
            Finding(title, found.get(key, 0), meaning, self._shown(key))
            for key, (title, meaning) in TITLES.items()
        ]

    @property
    def with_examples(self) -> list[Finding]:
        """Return the findings that have something to show."""
        return [one for one in self.findings if one.examples]

    @property
    def corpus(self) -> Corpus | None:
        """Return the corpus, if the person may read it."""
        corpus = self.case_set.corpus
        return corpus if corpus is not None and corpus.is_visible_to(self.user) else None

    @property
    def probe(self) -> CaseSet | None:
        """Return the probe, if the person may read it."""
        probe = self.case_set.probe
        return probe if probe is not None and probe.is_visible_to(self.user) else None

    def _shown(self, key: str) -> list[list[Case]]:
        told = self.case_set.examples.get(key, [])
        known = ([self._cases[one] for one in keys if one in self._cases] for keys in told)
        return [cases for cases in known if cases]

    @cached_property
    def _cases(self) -> dict[str, Case]:
        """Return the cases that are examples by their keys, in one query."""
        told = self.case_set.examples.values()
        wanted = {key for inputs in told for keys in inputs for key in keys}
        return {case.key: case for case in self.case_set.cases.filter(key__in=wanted)}
