"""Answers that must be JSON of a given form."""

import json
import time
from typing import Any

import pytest

from evaluations.scorers import SCORERS, CaseView, Score
from evaluations.spec import SpecError

TICKET = {
    "type": "object",
    "required": ["team", "urgent"],
    "properties": {
        "team": {"enum": ["cards", "cash"]},
        "urgent": {"type": "boolean"},
        "ref": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"},
    },
    "additionalProperties": False,
}


def judged(schema: Any, output: str, **settings: str) -> Score:
    """Return the score of an answer against a schema."""
    scorer = SCORERS["json_schema"].configured({"schema": json.dumps(schema), **settings})
    found = scorer.score(output, CaseView())
    assert found is not None
    return found


def refusal(schema: str) -> str:
    """Return the sentence with which a schema is refused."""
    with pytest.raises(SpecError) as refused:
        SCORERS["json_schema"].configured({"schema": schema})
    return refused.value.problems["schema"]


def test_a_valid_answer_is_right() -> None:
    assert judged(TICKET, ' {"team": "cards", "urgent": true, "ref": "AB12"}\n') == Score(1.0, True)


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ('{"team": "cards"}', "'urgent' is a required property"),
        ('{"team": "bank", "urgent": true}', "$.team: 'bank' is not one of"),
        ('{"team": "cards", "urgent": 1}', "$.urgent: 1 is not of type 'boolean'"),
        ('{"team": "cards", "urgent": true, "ref": "x"}', "$.ref: 'x' does not match"),
        ('{"team": "cards", "urgent": true, "more": 1}', "'more' is not allowed"),
        ("[]", "[] is not of type 'object'"),
        ('{"team": "cards", ', "It is not JSON"),
        ('{"team": NaN}', "NaN is not JSON"),
        ("Sure! Here it is: {}", "It is not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_an_answer_at_fault_is_wrong_and_says_why(output: str, why: str) -> None:
    found = judged(TICKET, output)
    assert (found.value, found.correct) == (0.0, False)
    assert why in found.why


def test_a_code_block_is_a_fault_unless_it_is_allowed() -> None:
    fenced = '```json\n{"team": "cash", "urgent": false}\n```'
    assert not judged(TICKET, fenced).correct
    assert judged(TICKET, fenced, fences="allowed").correct
    assert judged(TICKET, fenced[8:-4], fences="allowed").correct
    assert not judged(TICKET, f"Here: {fenced}", fences="allowed").correct


def test_the_draft_that_a_schema_names_is_the_one_that_holds() -> None:
    tuple_of_text = {"items": [{"type": "string"}]}
    draft7 = {"$schema": "http://json-schema.org/draft-07/schema#", **tuple_of_text}
    assert not judged(draft7, "[1]").correct
    assert judged(draft7, '["a", 1]').correct


def test_properties_named_by_pattern_are_checked() -> None:
    schema = {"patternProperties": {"^n": {"type": "number"}}, "additionalProperties": False}
    assert judged(schema, '{"n1": 2}').correct
    assert not judged(schema, '{"n1": "2"}').correct
    assert not judged(schema, '{"x": 2}').correct
    loose = {**schema, "additionalProperties": {"type": "string"}}
    assert judged(loose, '{"x": "2", "n": 1}').correct
    assert not judged(loose, '{"x": 2}').correct


def test_references_inside_the_schema_hold() -> None:
    tree = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    }
    assert judged(tree, '{"next": {"next": {}}}').correct
    assert not judged(tree, '{"next": {"next": []}}').correct


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("{", "can't be used"),
        ("3", "A schema is a JSON object"),
        ('{"type": "strin"}', "'strin' is not"),
        ('{"$ref": "https://example.com/other.json"}', "Nothing is at https://example.com"),
        ('{"$ref": "file:///etc/hostname"}', "Nothing is at file:"),
        ('{"$ref": "#/$defs/none"}', "Nothing is at #/$defs/none"),
        ('{"$ref": "#"}', "refers to itself without end"),
        ('{"pattern": "(?=a)"}', "invalid perl operator"),
        ('{"patternProperties": {"(": {}}}', "missing )"),
        ('{"patternProperties": {}, "unevaluatedProperties": false}', "isn't supported"),
        ("[" * 50_000, "nested too deeply"),
        ("[" * 100_001, "at most 100000 characters"),
        ("", "Must not be empty"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_a_sentence(schema: str, why: str) -> None:
    assert why in refusal(schema)


def test_patterns_know_the_letters_of_every_script() -> None:
    assert judged({"pattern": "^\\p{L}+$"}, '"Zoë"').correct


@pytest.mark.parametrize("where", ["pattern", "patternProperties"])
def test_no_answer_can_hold_a_worker_up(where: str) -> None:
    evil = "^(a+)+$"
    schema = {"pattern": evil} if where == "pattern" else {"patternProperties": {evil: False}}
    long = json.dumps("a" * 30_000 + "!")
    began = time.perf_counter()
    judged(
        {**schema, "additionalProperties": True}, long if where == "pattern" else f"{{{long}:1}}"
    )
    assert time.perf_counter() - began < 2
