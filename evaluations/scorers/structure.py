"""A scorer of form: is the answer JSON that a schema allows?

Patterns in a schema run on RE2 and references stay inside it, so that no answer can hold a worker
up and no schema can fetch anything.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evaluations.scorers.interface import CaseView, Score, Scorer, right
from evaluations.scorers.matching import compiled
from evaluations.spec import choice, text

LONGEST_SCHEMA = 100_000
TOLD = 300  # characters of a reason that are kept
SAMPLES: tuple[Any, ...] = (None, {}, [], "", 0)


def json_value(written: str) -> Any:
    """Return the value of a JSON text; raise ValueError. NaN and Infinity are not JSON."""
    try:
        return json.loads(written, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError(_("It is nested too deeply.")) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(_("%(name)s is not JSON.") % {"name": name})


def unfenced(answer: str) -> str:
    """Return what stands between ``` marks if the whole answer stands between them."""
    stripped = answer.strip()
    first, _newline, rest = stripped.partition("\n")
    if first.startswith("```") and rest.endswith("```"):
        return rest.removesuffix("```")
    return stripped


def schema_problem(written: str) -> str | None:
    """Return why a text is no schema that can be used, as a sentence."""
    try:
        schema = json_value(written)
        validator = _validator(schema)
        _check_parts(schema)
        for sample in SAMPLES:
            validator.is_valid(sample)
    except RecursionError:
        return _("The schema refers to itself without end.")
    except ValueError as error:
        return _("This schema can't be used: %(why)s") % {"why": str(error)[:TOLD]}
    return None


def _validator(schema: Any) -> Any:
    """Return the validator of a schema's draft (2020-12 if it names none); raise ValueError."""
    from jsonschema import FormatChecker
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, extend, validator_for
    from jsonschema_specifications import REGISTRY

    if not isinstance(schema, dict | bool):
        raise ValueError(_("A schema is a JSON object."))
    draft = validator_for(schema, default=Draft202012Validator)
    try:
        draft.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        raise ValueError(error.message) from error
    return extend(draft, LINEAR)(schema, registry=REGISTRY)


def _check_parts(schema: Any) -> None:
    """Raise ValueError for a pattern that RE2 has not or a reference that leads nowhere."""
    from jsonschema_specifications import REGISTRY
    from referencing import Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    resolver = REGISTRY.with_resource("", resource).resolver()
    for part in _objects(schema):
        for pattern in _patterns(part):
            compiled(pattern)
        if isinstance(reference := part.get("$ref"), str):
            try:
                resolver.lookup(reference)
            except Unresolvable as error:
                raise ValueError(_("Nothing is at %(at)s.") % {"at": reference}) from error


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a JSON value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _patterns(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the patterns of one object of a schema; raise ValueError for what can't be guarded."""
    if isinstance(pattern := part.get("pattern"), str):
        yield pattern
    if isinstance(named := part.get("patternProperties"), dict):
        if "unevaluatedProperties" in part:
            raise ValueError(_("patternProperties next to unevaluatedProperties isn't supported."))
        yield from named


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    """Yield an error unless a text has a match of the pattern."""
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and compiled(pattern).search(value) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, named: Any, value: Any, _schema: Any) -> Iterator[Any]:
    """Yield the errors of the properties whose names match a pattern."""
    if isinstance(value, dict):
        for pattern, below in named.items():
            for name in value:
                if compiled(pattern).search(name):
                    yield from validator.descend(value[name], below, path=name, schema_path=pattern)


def _additional_properties(validator: Any, below: Any, value: Any, schema: Any) -> Iterator[Any]:
    """Yield the errors of the properties that nothing else in the schema speaks of."""
    from jsonschema.exceptions import ValidationError

    for name in value if isinstance(value, dict) else ():
        patterns = schema.get("patternProperties", {})
        if name in schema.get("properties", {}) or any(compiled(p).search(name) for p in patterns):
            continue
        if below is False:
            yield ValidationError(f"{name!r} is not allowed")
        else:
            yield from validator.descend(value[name], below, path=name)


LINEAR = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}


@lru_cache(maxsize=16)
def _kept_validator(written: str) -> Any:
    return _validator(json_value(written))


@dataclass(frozen=True, slots=True)
class SchemaSpec:
    """The schema, and whether the answer may be wrapped as code."""

    schema: str = text(
        "",
        gettext_lazy("JSON schema"),
        gettext_lazy("Draft 2020-12 unless $schema names another; formats are not checked."),
        maximum=LONGEST_SCHEMA,
        check=schema_problem,
    )
    fences: str = choice(
        "refused",
        gettext_lazy("Marks of a code block around the answer"),
        (("refused", gettext_lazy("Are a fault")), ("allowed", gettext_lazy("Are taken off"))),
    )


def json_schema(output: str, _case: CaseView, spec: SchemaSpec) -> Score:
    """Return 1 if the answer is JSON and valid by the schema; `why` names the first fault."""
    try:
        value = json_value(unfenced(output) if spec.fences == "allowed" else output)
        fault = next(_kept_validator(spec.schema).iter_errors(value), None)
    except RecursionError:
        return right(False, _("It is nested too deeply."))
    except ValueError as error:
        return right(False, _("It is not JSON: %(why)s") % {"why": str(error)[:TOLD]})
    return right(fault is None, f"{fault.json_path}: {fault.message}"[:TOLD] if fault else "")


STRUCTURE = (
    Scorer(
        "json_schema",
        "1",
        gettext_lazy("Valid by JSON schema"),
        "json_schema",
        json_schema,
        gettext_lazy("The answer is JSON and has the form that the schema asks for."),
        needs=(),
        spec_class=SchemaSpec,
        decides=True,
    ),
)
