"""Specs: what can be set on a technique, described once and used for checking and for forms.

A spec class is a frozen dataclass whose fields are made with `text`, `choice`, `integer` and
`number`; the same description checks stored JSON and lets a page build its form.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _

Words = str | Promise
Check = Callable[[Any], str | None]
S = TypeVar("S")


class SpecError(ValueError):
    """A spec that can't be used; `problems` has one sentence for each field at fault."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(f"{name}: {what}" for name, what in self.problems.items()))


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be set: enough to check a value and to draw a form field.

    `type` is text, line, choice, endpoint, integer or number; an endpoint is stored by its slug. A
    `nullable` field may be left empty (null; for a text: ""), which means what `help` says.
    `choices` are pairs of stored value and label; of an endpoint, what none of them means.
    """

    name: str
    type: str
    label: Words
    help: Words = ""
    default: Any = None
    nullable: bool = False
    choices: tuple[tuple[str, Words], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    check: Check | None = None

    def problem(self, value: object) -> str | None:
        """Return what is wrong with a value, as a sentence, or None."""
        if self.nullable and value in (None, ""):
            return None
        problem = TYPE_CHECKS[self.type](self, value)
        return problem or (self.check(value) if self.check else None)


def text_problem(field: Field, value: object) -> str | None:
    """Return what is wrong with a text of at most `maximum` characters."""
    if not isinstance(value, str):
        return _("Must be text.")
    if not value.strip():
        return _("Must not be empty.")
    if field.maximum is not None and len(value) > field.maximum:
        return _("Must have at most %(n)d characters.") % {"n": field.maximum}
    return None


def choice_problem(field: Field, value: object) -> str | None:
    """Return what is wrong with a choice."""
    known = [stored for stored, _label in field.choices]
    if value in known:
        return None
    return _("Must be one of: %(choices)s.") % {"choices": ", ".join(known)}


def integer_problem(field: Field, value: object) -> str | None:
    """Return what is wrong with a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        return _("Must be a whole number.")
    return range_problem(field, value)


def number_problem(field: Field, value: object) -> str | None:
    """Return what is wrong with a number."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return _("Must be a number.")
    return range_problem(field, value)


def range_problem(field: Field, value: float) -> str | None:
    """Return whether a number is outside the field's range, as a sentence."""
    if field.minimum is not None and value < field.minimum:
        return _("Must be at least %(minimum)s.") % {"minimum": f"{field.minimum:g}"}
    if field.maximum is not None and value > field.maximum:
        return _("Must be at most %(maximum)s.") % {"maximum": f"{field.maximum:g}"}
    return None


TYPE_CHECKS: dict[str, Callable[[Field, object], str | None]] = {
    "text": text_problem,
    "line": text_problem,
    "endpoint": text_problem,
    "choice": choice_problem,
    "integer": integer_problem,
    "number": number_problem,
}


def described(type_: str, default: Any, label: Words, help_: Words, **limits: Any) -> Any:
    """Return a dataclass field that carries its own description."""
    metadata = {"type": type_, "label": label, "help": help_, **limits}
    return dataclasses.field(default=default, metadata=metadata)


def text(
    default: str,
    label: Words,
    help_: Words = "",
    *,
    maximum: int = 4000,
    check: Check | None = None,
    nullable: bool = False,
) -> Any:
    """Describe a text."""
    limits = {"maximum": maximum, "check": check, "nullable": nullable}
    return described("text", default, label, help_, **limits)


def line(
    default: str,
    label: Words,
    help_: Words = "",
    *,
    maximum: int = 200,
    check: Check | None = None,
    nullable: bool = False,
) -> Any:
    """Describe a text of one line."""
    limits = {"maximum": maximum, "check": check, "nullable": nullable}
    return described("line", default, label, help_, **limits)


def endpoint(label: Words, help_: Words = "", *, empty: Words | None = None) -> Any:
    """Describe the choice of a model server, by its slug; `empty` is what none means, if it may."""
    limits: dict[str, Any] = {}
    if empty is not None:
        limits = {"choices": (("", empty),), "nullable": True}
    return described("endpoint", "", label, help_, maximum=200, **limits)


def choice(
    default: str, label: Words, choices: tuple[tuple[str, Words], ...], help_: Words = ""
) -> Any:
    """Describe a choice of one."""
    return described("choice", default, label, help_, choices=choices)


def integer(
    default: int | None,
    label: Words,
    help_: Words = "",
    *,
    minimum: int,
    maximum: int,
    nullable: bool = False,
) -> Any:
    """Describe a whole number within a range."""
    limits = {"minimum": minimum, "maximum": maximum, "nullable": nullable}
    return described("integer", default, label, help_, **limits)


def number(
    default: float | None,
    label: Words,
    help_: Words = "",
    *,
    minimum: float,
    maximum: float,
    nullable: bool = False,
) -> Any:
    """Describe a number within a range."""
    limits = {"minimum": minimum, "maximum": maximum, "nullable": nullable}
    return described("number", default, label, help_, **limits)


def fields_of(spec_class: type) -> tuple[Field, ...]:
    """Return what can be set on a technique, in the order of its form."""
    return tuple(
        Field(name=found.name, default=found.default, **found.metadata)
        for found in dataclasses.fields(spec_class)
    )


def validated(spec_class: type[S], raw: Mapping[str, Any]) -> S:
    """Return the spec with its defaults filled in; raise SpecError naming every field at fault.

    What no field can tell alone, a spec's own `problems` does.
    """
    fields = {field.name: field for field in fields_of(spec_class)}
    problems = {str(name): _("There is no such setting.") for name in raw if name not in fields}
    values = {name: raw.get(name, field.default) for name, field in fields.items()}
    for name, field in fields.items():
        if problem := field.problem(values[name]):
            problems[name] = problem
    if problems:
        raise SpecError(problems)
    spec = spec_class(**values)
    if problems := getattr(spec, "problems", dict)():
        raise SpecError(problems)
    return spec
