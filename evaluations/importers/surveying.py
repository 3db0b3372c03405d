"""What a result file comes to: its systems with their answers counted, and the cases it holds.

The first of two passes. Of an answer only counts stay, of a case two numbers, so that a file of
any size passes through.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import (
    CaseFound,
    FigureFound,
    Format,
    Found,
    NotUnderstood,
    Source,
    System,
)
from evaluations.importers.results.values import canonical, excerpt, items
from evaluations.importers.rows import Unreadable

MOST_SYSTEMS = 2_000
MOST_FIGURES = 300  # of one system
MOST_REMARKS = 200
MOST_REFERENCES = 50
LONGEST_DIFFERENCE = 160
WIDEST = 2**256
CHUNK = 1_000_000
LEAST, DEAREST = Decimal("1e-9"), Decimal(10**7)  # US dollars for an answer, as results hold them
GROUP = "group"  # the status of what only sums up other systems of the same file

Watch = Callable[[Iterable[Found]], Iterator[Found]]


@dataclass
class SystemSurvey:
    """One system of a file: its answers counted, and the figures that its tool states.

    `scored` says for each scorer how many answers have a value; `unjudged` answers are neither
    right nor wrong nor errors; `verdicts` have been called right or wrong, errors among them.
    `cases` were answered at least once; `wanted` answers would be to all cases that there are.
    """

    system: System
    answers: int = 0
    errors: int = 0
    right: int = 0
    wrong: int = 0
    verdicts: int = 0
    repeats: int = 1
    scored: Counter[str] = field(default_factory=Counter)
    figures: list[FigureFound] = field(default_factory=list)
    more_figures: int = 0
    cases: int = 0
    wanted: int = 0

    @property
    def is_group(self) -> bool:
        """Return whether it only sums up others: taken with them, cases would count twice."""
        return self.system.status == GROUP

    @property
    def unjudged(self) -> int:
        """Return how many answers have no verdict."""
        return self.answers - self.errors - self.right - self.wrong

    @property
    def scorers(self) -> list[str]:
        """Return the scorers that say something, most answers first; of mere errors all do."""
        failed = self.errors == self.answers
        return [name for name, n in self.scored.most_common() if n or failed]

    @property
    def attempted(self) -> int:
        """Return how many answers the tool meant to get, as far as file and cases say."""
        return max(self.system.attempted or 0, self.answers, self.wanted)

    @property
    def missing(self) -> int:
        """Return how many of them are not in the file."""
        return self.attempted - self.answers

    @property
    def is_excerpt(self) -> bool:
        """Return whether the tool measured more answers than the file holds.

        What a log that was broken off lacks was never answered.
        """
        if self.missing and not self.system.status:
            return True
        known = (one for one in self.figures if one.value is not None and not one.is_apart)
        return any((one.n or 0) > self.answers for one in known)

    def want(self, cases: int) -> None:
        """Take into account of how many cases the answers are: each lacking one was to be given."""
        lacking = max(0, cases - self.cases) * self.repeats
        self.wanted = min(self.answers + lacking, cases * self.repeats)

    def as_plain(self) -> dict[str, Any]:
        """Return what the file holds of it, as plain JSON."""
        system = self.system
        figures = ((one.metric, one.value, one.n, one.unit) for one in self.figures)
        return {
            "key": system.key,
            "model": system.model,
            "task": system.task,
            "tool": f"{system.tool} {system.tool_version}".strip(),
            "sums_up_others": self.is_group,
            "attempted": self.attempted,
            "answers": self.answers,
            "repeats": self.repeats,
            "right": self.right,
            "wrong": self.wrong,
            "errors": self.errors,
            "unjudged": self.unjudged,
            "missing": self.missing,
            "figures": [
                {"metric": metric, "value": value, "n": n, "unit": unit}
                for metric, value, n, unit in figures
            ],
        }

    def take_case(self, case: CaseFound) -> None:
        """Count an answer."""
        self.answers += 1
        self.cases += case.repeat == 0
        self.repeats = max(self.repeats, case.repeat + 1)
        self.verdicts += case.correct is not None
        if case.error:
            self.errors += 1
        elif case.correct is not None:
            self.right += case.correct
            self.wrong += not case.correct
        self.scored.update({one: value is not None for one, value in case.scores.items()})

    def take_figure(self, figure: FigureFound) -> None:
        """Keep a figure, or count those that are too many."""
        if len(self.figures) < MOST_FIGURES:
            self.figures.append(figure)
        else:
            self.more_figures += 1


@dataclass
class TaskCases:
    """The cases of one task, each once, whichever system answered it first.

    Keeps about 150 bytes for each. The digest is the same in whatever order they come.
    """

    total: int = 0
    _content: dict[int, int] = field(default_factory=dict)
    _sum: int = 0

    def place(self, case: CaseFound) -> tuple[str, bool]:
        """Return the key of a case, and whether it was not there before.

        Where a key stands for two different questions, the later one gets a key of its own.
        """
        content = _content(case)
        short = int.from_bytes(content[:8])
        key = case.key
        if self._content.get(hash(key), short) != short:
            key = f"{key[:80]}~{content.hex()[:12]}"
        if hash(key) in self._content:
            return key, False
        self._content[hash(key)] = short
        self.total += 1
        whole = hashlib.sha256(key.encode() + b"\0" + content).digest()
        self._sum = (self._sum + int.from_bytes(whole)) % WIDEST
        return key, True

    @property
    def digest(self) -> str:
        """Return the SHA-256-sized digest (hex) of what is in it."""
        return f"{self._sum:064x}"


@dataclass
class ResultsSurvey:
    """What a file holds, as far as it was read."""

    format: Format
    systems: dict[str, SystemSurvey] = field(default_factory=dict)
    tasks: dict[str, TaskCases] = field(default_factory=dict)
    remarks: list[NotUnderstood] = field(default_factory=list)
    more_remarks: int = 0

    def take(self, one: Found) -> None:
        """Take what a reader found into account; raise `Unreadable` for too many systems."""
        if isinstance(one, System):
            if len(self.systems) >= MOST_SYSTEMS:
                told = {"most": MOST_SYSTEMS}
                raise Unreadable(_("The file has more than %(most)s systems.") % told)
            self.systems[one.key] = SystemSurvey(one)
        elif isinstance(one, CaseFound):
            self._note_cost(one)
            self.systems[one.system].take_case(one)
            self.cases_of(one.system).place(one)
        elif isinstance(one, FigureFound):
            self.systems[one.system].take_figure(one)
        else:
            self._note(one)

    def _note(self, one: NotUnderstood) -> None:
        """Keep what was not understood, or count what is too much."""
        if len(self.remarks) < MOST_REMARKS:
            self.remarks.append(NotUnderstood(excerpt(one.where, 200), excerpt(one.what, 500)))
        else:
            self.more_remarks += 1

    def _note_cost(self, case: CaseFound) -> None:
        """Tell of a cost that cannot be kept."""
        if case.cost is not None and kept_cost(case) is None:
            told = {"cost": case.cost}
            self._note(NotUnderstood(case.key, _("a cost of %(cost)s US dollars") % told))

    def cases_of(self, system: str) -> TaskCases:
        """Return the cases of the task that a system was measured on."""
        return self.tasks.setdefault(self.systems[system].system.task, TaskCases())

    def as_plain(self) -> dict[str, Any]:
        """Return what the file holds, as plain JSON."""
        apart = told_apart(self.systems.values())
        return {
            "format": self.format.key,
            "systems": [
                one.as_plain() | {"apart": apart.get(key, "")} for key, one in self.systems.items()
            ],
            "not_understood": [asdict(one) for one in self.remarks],
        }

    @property
    def own(self) -> dict[str, SystemSurvey]:
        """Return the systems that do not merely sum up others."""
        return {key: one for key, one in self.systems.items() if not one.is_group}

    @property
    def models(self) -> list[str]:
        """Return the models that were measured, each once."""
        return list(dict.fromkeys(one.system.model for one in self.own.values()))


def told_apart(systems: Iterable[SystemSurvey]) -> dict[str, str]:
    """Return, by the keys of systems of one model on one task, what of their settings differs."""
    alike: dict[tuple[str, str], list[System]] = {}
    for one in systems:
        alike.setdefault((one.system.model, one.system.task), []).append(one.system)
    found: dict[str, str] = {}
    for some in alike.values():
        if len(some) > 1:
            found |= _differences({one.key: _flat(one.settings) for one in some})
    return found


def _differences(settings: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return key → the settings that are not the same for all; with the key where that is alike."""
    names = dict.fromkeys(name for known in settings.values() for name in known)
    differing = [
        name for name in names if len({known.get(name) for known in settings.values()}) > 1
    ]
    found = {
        key: "; ".join(f"{name}: {known[name]}" for name in differing if name in known)
        for key, known in settings.items()
    }
    often = Counter(found.values())
    return {
        key: told if often[told] == 1 else f"{key} {told}".strip() for key, told in found.items()
    }


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as short texts; what is within one goes by its own name."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        inner = value if isinstance(value, dict) else {name: value}
        found |= {one: excerpt(told, LONGEST_DIFFERENCE) for one, told in inner.items()}
    return found


def surveyed(source: Source, form: Format, watched: Watch = iter) -> ResultsSurvey:
    """Read a file to its end and return what it holds; raise `Unreadable`."""
    survey = ResultsSurvey(form)
    for one in watched(form.read(source)):
        survey.take(one)
    if not survey.systems:
        raise Unreadable(_("%(file)s holds no results.") % {"file": source.title})
    return survey


def kept_cost(case: CaseFound) -> Decimal | None:
    """Return what an answer cost, None where no answer costs as much or as little."""
    return case.cost if case.cost is not None and LEAST <= case.cost < DEAREST else None


def references_of(case: CaseFound) -> list[str]:
    """Return the other right answers of a case."""
    told = items(case.details.get("references"))
    return [excerpt(one) for one in told if isinstance(one, str)][:MOST_REFERENCES]


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file, or of all files of a folder with their names."""
    running = hashlib.sha256()
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if one.is_dir():
            continue
        if one != path:
            running.update(f"{one.relative_to(path).as_posix()}\0".encode())
        with one.open("rb") as file:
            while piece := file.read(CHUNK):
                running.update(piece)
    return running.hexdigest()


def _content(case: CaseFound) -> bytes:
    """Return the SHA-256 of what a case asks and expects."""
    told: list[Any] = [case.input, case.expected, references_of(case)]
    return hashlib.sha256(canonical(told).encode()).digest()
