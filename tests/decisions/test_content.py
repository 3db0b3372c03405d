"""The canonical content and its digest: what counts as a change, and what does not."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import connection, models
from django.db.models import F, Model
from django.test.utils import CaptureQueriesContext

from decisions.actions.evidence import withdraw_evidence
from decisions.actions.rows import add_candidate, assess
from decisions.content import IMMATERIAL, IMPLIED, MATERIAL, content, current_digest, digest
from decisions.models import (
    Assessment,
    Attachment,
    Attempt,
    Bundle,
    Candidate,
    Comment,
    CommentEdit,
    Decision,
    DecisionLink,
    Delegation,
    Delivery,
    Document,
    Event,
    Evidence,
    Goal,
    Import,
    Look,
    Mail,
    Notice,
    OutcomeNote,
    Participant,
    PendingComment,
    RecordTemplate,
    Review,
    SealCertificate,
    Section,
    SignOff,
    Thread,
    User,
    Version,
    Webhook,
)
from tests import factories
from tests.factories import People, fresh
from tests.walks import taken_once

# What is about a record and not part of what it says.
NOT_CONTENT = {
    Attachment,
    *(User, Participant, Delegation, SignOff, Event, Version, Document, Bundle),
    *(Thread, Comment, CommentEdit, PendingComment, Review, Look),
    *(DecisionLink, OutcomeNote, RecordTemplate, Import, SealCertificate),
    *(Notice, Mail, Webhook, Delivery, Attempt),
}


def pairs(fields: dict[type[Model], Any]) -> list[Any]:
    """Return (model, field name) for parametrising, with a readable id."""
    return [
        pytest.param(model, name, id=f"{model.__name__}.{name}")
        for model, names in fields.items()
        for name in names
        if name != "id"
    ]


def digest_of(record: Decision) -> str:
    return current_digest(fresh(record))


def row_of(record: Decision, model: type[Model], name: str) -> Model:
    """Return a row of the record whose field is to be changed."""
    if model is Decision:
        return record
    if model is Assessment:
        return Assessment.objects.filter(candidate__decision=record).first()
    rows = model._default_manager.filter(decision=record)
    if name in {"withdrawn_by", "withdrawn_reason"}:
        rows = rows.filter(withdrawn_at__isnull=False)
    return rows.first()


def another(field: models.Field, value: Any, record: Decision) -> Any:
    """Return a valid value for a field that is not the one it has."""
    if field.choices:
        return next(key for key, _label in field.choices if key != value)
    match field:
        case models.ForeignKey():
            others = {field.target_field.name: value}
            related = field.related_model._default_manager.exclude(**others)
            return related.filter(decision=record).first() if _is_part(field) else related.first()
        case models.JSONField():
            return {"something": "else"}
        case models.BooleanField():
            return not value
        case models.UUIDField():
            return uuid.uuid4()
        case models.DateTimeField():
            return datetime(2020, 1, 1, tzinfo=UTC)
        case models.DateField():
            return date(2020, 1, 1)
        case models.FloatField():
            return value + 0.5
        case models.PositiveSmallIntegerField() if field.name == "rating":
            return 1
        case models.IntegerField():
            return value + 1000
    return ("y" if value.startswith("x") else "x") + value[1:]


def _is_part(field: models.ForeignKey) -> bool:
    return field.related_model is Candidate


def change_field(record: Decision, model: type[Model], name: str) -> None:
    """Change one field of one row behind the application's back."""
    row = row_of(record, model, name)
    field = model._meta.get_field(name)
    values = {name: another(field, getattr(row, field.attname), record)}
    if name == "withdrawn_at":
        values["withdrawn_by"] = record.owner
    if name == "superseded_by":
        values["status"] = "superseded"
    if name == "is_approved_elsewhere":
        values["status"] = "approved"
    if model is Assessment and name == "candidate":
        Assessment.objects.filter(**values).delete()
    if name == "decision" and model is Section:
        Section.objects.filter(decision=values[name], kind=row.kind).delete()
    assert model._default_manager.filter(pk=row.pk).update(**values) == 1


@pytest.fixture
def record(people: People) -> Decision:
    """A record with some of everything."""
    return some_of_everything(people)


@taken_once
def some_of_everything(people: People) -> Decision:
    """Write some of everything, one measurement withdrawn, and another record beside it."""
    record = factories.open_record(people)
    factories.add_goals(record, people)
    first, _second = factories.add_candidates(record, people)
    assess(first, by=people.ux, role="ux", ratings={"fit": (4, "Natural."), "failure": (3, "Ok.")})
    factories.measure(first, people)
    factories.edit(record, "problem", people, problem="Slow.", question="Which?")
    withdraw_evidence(record.evidence.last(), by=people.owner, reason="A slip.")
    factories.open_record(people, title="Another record")
    RecordTemplate.objects.get_or_create(key="another-kind", defaults={"title": "Another kind"})
    return fresh(record)


@pytest.mark.parametrize(("model", "name"), pairs(MATERIAL))
def test_changing_a_material_field_changes_the_digest(
    model: type[Model], name: str, record: Decision
) -> None:
    before = digest_of(record)
    change_field(record, model, name)
    assert digest_of(record) != before


@pytest.mark.parametrize(("model", "name"), pairs(IMPLIED))
def test_changing_an_implied_field_changes_the_digest(
    model: type[Model], name: str, record: Decision
) -> None:
    before = digest_of(record)
    change_field(record, model, name)
    assert digest_of(record) != before


@pytest.mark.parametrize(("model", "name"), pairs(IMMATERIAL))
def test_changing_an_immaterial_field_does_not(
    model: type[Model], name: str, record: Decision
) -> None:
    before = digest_of(record)
    change_field(record, model, name)
    assert digest_of(record) == before


@pytest.mark.parametrize("model", MATERIAL)
def test_every_field_is_classed_once(model: type[Model]) -> None:
    fields = sorted(field.name for field in model._meta.concrete_fields)
    classed = [*MATERIAL[model], *IMPLIED.get(model, {}), *IMMATERIAL[model]]
    assert sorted(classed) == fields


def test_every_table_is_either_content_or_known_not_to_be() -> None:
    assert set(apps.get_app_config("decisions").get_models()) == set(MATERIAL) | NOT_CONTENT


def test_the_content_is_plain_json_without_local_keys(record: Decision) -> None:
    told = content(record)
    assert json.loads(json.dumps(told)) == told
    assert not {"id", "pk", "number"} & set(told["decision"])
    assert "id" not in keys_in(told)


def keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for one in value.values():
            yield from keys_in(one)
    if isinstance(value, list):
        for one in value:
            yield from keys_in(one)


def test_the_digest_is_the_sha256_of_the_canonical_json() -> None:
    said = {"é": "ü", "b": [1, 2.50, True, None], "a": {"y": 1e21, "x": 3.0}}
    canonical = '{"a":{"x":3,"y":1e+21},"b":[1,2.5,true,null],"é":"ü"}'
    assert digest(said) == sha256(canonical.encode()).hexdigest()


def test_the_order_of_keys_in_answers_and_specs_does_not_matter(record: Decision) -> None:
    before = digest_of(record)
    for section in record.sections.all():
        section.data = dict(reversed(section.data.items()))
        section.save()
    candidate = record.candidates.get(letter="B")
    candidate.spec = {
        "parameters": {"rate": 0.5, "epochs": 20},
        "technique": "fine_tuning",
    }
    candidate.save()
    assert digest_of(record) == before


@pytest.mark.parametrize("blank", ["", None, []])
def test_a_blank_answer_is_the_same_as_none(blank: Any, draft: Decision) -> None:
    before = digest_of(draft)
    section = factories.section_of(draft, "problem")
    section.data = {"budget": blank, "timeline": blank}
    section.save()
    assert digest_of(draft) == before


def test_a_whole_number_is_the_same_with_and_without_a_point(record: Decision) -> None:
    before = digest_of(record)
    Goal.objects.filter(decision=record, target=85.0).update(target=85)
    assert digest_of(record) == before


def test_the_order_of_a_list_counts_but_not_the_positions_themselves(record: Decision) -> None:
    before = digest_of(record)
    for model in (Section, Goal, Candidate):
        model.objects.filter(decision=record).update(position=F("position") + 7)
    assert digest_of(record) == before


def test_who_drives_takes_part_comments_or_signs_is_not_content(
    signed: Decision, people: People
) -> None:
    before = digest_of(signed)
    factories.second_person(signed, "ux")
    User.objects.filter(pk=people.ux.pk).update(name="Uma Berg", password=make_password("x"))
    assert digest_of(signed) == before
    assert fresh(signed).digest == before


def test_withdrawn_evidence_is_left_out(record: Decision) -> None:
    numbers = [one["number"] for one in content(record)["evidence"]]
    assert numbers == list(Evidence.objects.standing().values_list("number", flat=True))
    assert len(numbers) == record.evidence.count() - 1


def test_the_same_words_in_two_records_have_two_digests(people: People) -> None:
    first, second = (factories.complete_draft(people, title="Same") for _ in range(2))
    assert digest_of(first) != digest_of(second)


def test_reading_the_content_takes_as_many_queries_for_many_candidates_as_for_two(
    record: Decision, people: People
) -> None:
    few = queries(record)
    for number in range(8):
        added = add_candidate(record, by=people.owner, name=f"No. {number}", approach="other")
        factories.rate(added, people)
        factories.measure(added, people)
    assert queries(record) == few


def queries(record: Decision) -> int:
    again = fresh(record)
    with CaptureQueriesContext(connection) as captured:
        content(again)
    return len(captured)
