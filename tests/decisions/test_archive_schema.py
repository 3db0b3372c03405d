"""The published schema of an archive says what is written, all of it and nothing else."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db.models import Model
from jsonschema import Draft202012Validator

from decisions.actions.importing import import_file
from decisions.case_results import CaseResult
from decisions.content import MATERIAL
from decisions.exports.archive import FIELDS, WITHDRAWN, archive, canonical_archive
from decisions.management.commands.archive_schema import PUBLISHED, published_text
from decisions.models import (
    Attachment,
    Candidate,
    Comment,
    Decision,
    DecisionLink,
    Evidence,
    Goal,
    Section,
    SignOff,
    Status,
    Thread,
    Version,
)
from tests import factories
from tests.elsewhere import made_elsewhere
from tests.factories import People
from tests.rich_records import ENDS, rich_record


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return told


def test_the_published_file_is_the_schema_and_the_schema_is_one(schema: dict[str, Any]) -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == published_text(), "archive_schema --write"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("status", Status.values)
def test_every_archive_fits_it(status: str, people: People, schema: dict[str, Any]) -> None:
    record = factories.record_in(status, people)
    told = json.loads(canonical_archive(record))
    assert list(Draft202012Validator(schema).iter_errors(told)) == []


def test_nothing_may_stand_in_an_archive_that_the_schema_does_not_know(
    schema: dict[str, Any],
) -> None:
    for one in objects_of(schema):
        assert one["additionalProperties"] is False or not one.get("required")


# What an archive tells otherwise than by a row's own name, or leaves out because it is of a place.
TOLD_OTHERWISE: dict[type[Model], set[str]] = {
    Decision: {"digest", "number", "superseded_by"},
    Section: {"position"},
    Goal: {"is_accepted", "position"},
    Candidate: {"position"},
    Evidence: {"attachment", "compared_with", "notes", *WITHDRAWN},
    Version: {"content"},
    SignOff: {"delegation"},
    Thread: {"section"},
    Comment: {"review"},
    DecisionLink: {"target"},
}
OF_THIS_PLACE = {
    Decision: {"is_approved_elsewhere", "told_up_to"},
    Evidence: {"origin_url"},
    Attachment: {"file"},
}
OF_THEIR_PARENT = {"id", "decision", "candidate", "thread", "comment", "source", "token"}


@pytest.mark.parametrize("model", [*FIELDS, Candidate], ids=lambda one: one.__name__)
def test_every_field_of_a_record_is_told_or_left_out_on_purpose(model: type[Model]) -> None:
    told = {*FIELDS.get(model, ()), *MATERIAL.get(model, ()), *TOLD_OTHERWISE.get(model, ())}
    left = {one.name for one in model._meta.concrete_fields} - told - OF_THEIR_PARENT
    assert left == OF_THIS_PLACE.get(model, set())


@pytest.mark.slow
@pytest.mark.django_db
def test_no_field_of_the_schema_is_never_written(schema: dict[str, Any]) -> None:
    wanted = (ENDS.index(Status.APPROVED), ENDS.index(Status.SUPERSEDED))
    files = [made_elsewhere(partial(rich_record, one), with_files=True) for one in wanted]
    record = import_file(files[0], by=factories.person("nora"))
    told = [json.loads(one) for one in [*files, canonical_archive(record)]]
    case = CaseResult("0" * 64, "m1", 0, "done", "Billing", True, 1.0, {"exact": 1.0}, 3.5, "")
    told.append(archive(record, results=[case]))
    assert names_in_schema(schema) - set().union(*map(names_in, told)) == {"role_weights"}


def objects_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every part of a schema that lists its properties."""
    if isinstance(schema, dict):
        if "properties" in schema and "required" in schema and isinstance(schema["required"], list):
            yield schema
        for one in schema.values():
            yield from objects_of(one)


def names_in_schema(schema: dict[str, Any]) -> set[str]:
    return {name for one in objects_of(schema) for name in one["properties"]}


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()
