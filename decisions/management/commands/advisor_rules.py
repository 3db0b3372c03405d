"""List the advisor's questions, rules and sources, or write them into docs/advisor.md."""

from collections.abc import Iterable

from django.conf import settings

from decisions.advisor import questions
from decisions.advisor_rules import EXPERIMENTS, RULES, UNUSED, Condition, Rule
from decisions.advisor_sources import SOURCES, Source
from decisions.advisor_ways import WAYS
from decisions.management.written import Document, WritingCommand
from decisions.models import Role


def parts() -> dict[str, str]:
    """Return the tables of questions, ways, rules, experiments and sources."""
    return {
        "questions": _table(("question", "asked of", "answers"), _questions()),
        "answers without a rule": _table(("answer", "why nothing follows"), _unused()),
        "ways": _table(("way", "name", "on a record"), _ways()),
        "rules": _table(("rule", "when", "for", "against", "reason", "source"), _rules()),
        "experiments": _table(
            ("experiment", "when", "ways", "what to do", "why", "source"), _experiments()
        ),
        "sources": _table(("source", "reference"), _sources()),
    }


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _questions() -> Iterable[tuple[object, ...]]:
    for name, one in questions().items():
        answers = "; ".join(f"`{value}` {label}" for value, label in one.field.choices)
        yield f"`{name}` {one.field.label}", Role(one.part.role).label, answers


def _unused() -> Iterable[tuple[object, ...]]:
    return ((f"`{name}={answer}`", why) for (name, answer), why in UNUSED.items())


def _ways() -> Iterable[tuple[object, ...]]:
    for key, way in WAYS.items():
        yield f"`{key}`", way.name, way.approach.label if way.is_candidate else "no candidate"


def _rules() -> Iterable[tuple[object, ...]]:
    for one in RULES:
        signs = _ways_of(one, 1), _ways_of(one, -1)
        yield f"`{one.key}`", _when(one.when), *signs, one.reason, one.sources_named


def _ways_of(rule: Rule, sign: int) -> str:
    """Return the ways that a rule speaks for (1) or against (-1); a strong reason is bold."""
    found = ((way, effect * sign) for way, effect in rule.effects.items())
    return ", ".join(
        f"**`{way}`**" if weight > 1 else f"`{way}`" for way, weight in found if weight > 0
    )


def _when(when: Condition) -> str:
    told = (f"`{name}` {' or '.join(answers)}" for name, answers in when.items())
    return " and ".join(told) or "always"


def _experiments() -> Iterable[tuple[object, ...]]:
    for one in EXPERIMENTS:
        ways = ", ".join(f"`{way}`" for way in one.ways) or "any"
        yield f"`{one.key}`", _when(one.when), ways, one.text, one.why, one.sources_named


def _sources() -> Iterable[tuple[object, ...]]:
    return ((one.name, _reference(one)) for one in SOURCES.values())


def _reference(source: Source) -> str:
    """Return who wrote it, its title, where it appeared and where it can be read."""
    told = (source.authors, f"*{source.title}*", source.appeared, source.address)
    return ". ".join(part for part in told if part) if source.address else str(source.title)


DOCUMENT = Document(settings.BASE_DIR / "docs" / "advisor.md", "advisor_rules", parts)


class Command(WritingCommand):
    """Print the advisor's tables, or write them into its page."""

    help = __doc__
    document = DOCUMENT
