"""What changed between two contents, in words."""

from typing import Any

import pytest

from decisions.actions.evidence import withdraw_evidence
from decisions.actions.records import edit_details
from decisions.actions.rows import add_goal, assess, edit_goal
from decisions.content import content
from decisions.models import Decision, Version
from decisions.versions import Change, changes_between, compare
from tests import factories
from tests.factories import People, fresh, section_of


def changes_since(record: Decision, digest: str) -> list[Change]:
    return changes_between(record, digest, fresh(record).digest)


def test_nothing_changed_between_a_content_and_itself(complete_draft: Decision) -> None:
    digest = complete_draft.digest
    assert changes_between(complete_draft, digest, digest) == []


def test_a_changed_answer_is_named_by_section_and_question(
    complete_draft: Decision, people: People
) -> None:
    before = complete_draft.digest
    tone = section_of(complete_draft, "profile_interaction").data["tone"]
    factories.edit(complete_draft, "profile_interaction", people, tone="Warm")
    assert changes_since(complete_draft, before) == [
        Change("Interaction: Tone and style", tone, "Warm")
    ]


def test_an_emptied_answer_reads_as_nothing(complete_draft: Decision, people: People) -> None:
    before = complete_draft.digest
    factories.edit(complete_draft, "problem", people, budget="")
    (change,) = changes_since(complete_draft, before)
    assert (change.where, change.after) == ("Problem and scope: Budget", "")


def test_several_chosen_candidates_read_as_a_list(complete_draft: Decision, people: People) -> None:
    before = complete_draft.digest
    factories.edit(complete_draft, "recommendation", people, chosen=["A", "B"])
    (change,) = changes_since(complete_draft, before)
    assert (change.before, change.after) == ("B", "A, B")


def test_title_goals_ratings_and_evidence_are_each_one_change(
    complete_draft: Decision, people: People
) -> None:
    before = complete_draft.digest
    edit_details(complete_draft, by=people.owner, title="A new title")
    goal = complete_draft.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, target=90.0)
    first = complete_draft.candidates.get(letter="A")
    assess(first, by=people.ux, role="ux", ratings={"fit": (1, "It interrupts.")})
    withdraw_evidence(complete_draft.evidence.get(number=1), by=people.owner, reason="A slip.")
    changes = {str(one.where): one for one in changes_since(complete_draft, before)}
    assert list(changes) == [
        "Title",
        "Goal: Accuracy (accuracy)",
        "A. A better prompt: UX, Fit to the interaction",
        "Evidence E1",
    ]
    assert "target: 85.0" in changes["Goal: Accuracy (accuracy)"].before
    assert "target: 90.0" in changes["Goal: Accuracy (accuracy)"].after
    rating = changes["A. A better prompt: UX, Fit to the interaction"]
    assert rating.after == "1 – It interrupts."
    assert changes["Evidence E1"].after == ""


def test_two_goals_of_one_name_are_told_apart(draft: Decision, people: People) -> None:
    shared = {"name": "Speed", "direction": "at_most", "target": 10.0}
    first = add_goal(draft, by=people.owner, metric="latency_p50", **shared)
    add_goal(draft, by=people.owner, metric="latency_p95", **shared)
    before = fresh(draft).digest
    edit_goal(first, by=people.owner, token=first.token, target=5.0)
    assert [one.where for one in changes_since(draft, before)] == ["Goal: Speed (latency_p50)"]


def test_an_unknown_digest_compares_as_an_empty_record(complete_draft: Decision) -> None:
    everything = changes_between(complete_draft, "0" * 64, complete_draft.digest)
    assert len(everything) > 30
    assert {one.before for one in everything} == {""}


def test_another_records_version_is_not_looked_at(people: People) -> None:
    first, second = factories.open_record(people), factories.open_record(people)
    assert changes_between(first, second.digest, second.digest) == []


def test_each_kept_version_is_the_content_of_its_time(
    complete_draft: Decision, people: People
) -> None:
    told = content(fresh(complete_draft))
    factories.edit(complete_draft, "profile_interaction", people, tone="Warm")
    kept = Version.objects.get(decision=complete_draft, number=complete_draft.version)
    assert kept.content == told
    assert list(compare(kept.content, told)) == []


def test_keys_in_another_order_are_no_change(complete_draft: Decision) -> None:
    told = content(complete_draft)
    assert list(compare(told, turned(told))) == []


def turned(value: Any) -> Any:
    """Return the same JSON with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: turned(one) for key, one in reversed(value.items())}
    return [turned(one) for one in value] if isinstance(value, list) else value


def test_a_difference_is_told_in_words_not_in_stored_values(
    in_review: Decision, people: People
) -> None:
    before = in_review.digest
    goal = in_review.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, is_must=False)
    factories.edit(in_review, "profile_business", people, focus="broad")
    record = factories.fresh(in_review)
    told = {str(one.where): one for one in changes_between(record, before, record.digest)}
    assert told["Focus and stakes: Product focus"].after == "Broad"
    assert "a must: no" in told["Goal: Accuracy (accuracy)"].after
    assert "direction: at least" in told["Goal: Accuracy (accuracy)"].after


def test_another_order_of_goals_candidates_and_parts_is_shown(complete_draft: Decision) -> None:
    """Lists are signed in their order."""
    before = content(complete_draft)
    after = before | {
        "goals": before["goals"][::-1],
        "candidates": before["candidates"][::-1],
        "sections": [before["sections"][1], before["sections"][0], *before["sections"][2:]],
    }
    told = {one.where: one for one in compare(before, after)}
    assert list(told) == ["Order of the parts", "Order of the goals", "Order of the candidates"]
    assert told["Order of the goals"].after == "Latency, 95th percentile, Accuracy"
    assert told["Order of the goals"].section == "goals"
    assert told["Order of the candidates"].before == "A. A better prompt, B. A tuned head"
    assert told["Order of the parts"].after.startswith("List of goals, Problem and scope, ")


def test_a_goal_more_is_no_change_of_order(complete_draft: Decision) -> None:
    after = content(complete_draft)
    before = after | {"goals": after["goals"][:1]}
    assert [one.where for one in compare(before, after)] == [
        "Goal: Latency, 95th percentile (latency_p95)"
    ]


def test_another_writer_of_a_part_is_shown(complete_draft: Decision) -> None:
    before = content(complete_draft)
    first = before["sections"][0] | {"role": "ux"}
    after = before | {"sections": [first, *before["sections"][1:]]}
    (change,) = compare(before, after)
    assert (change.where, change.section) == ("Problem and scope: Written by", "problem")
    assert (change.before, change.after) == ("Business", "UX")


def test_an_answer_that_is_no_longer_asked_for_is_shown(complete_draft: Decision) -> None:
    before = content(complete_draft)
    first = before["sections"][0]
    first = first | {"data": first["data"] | {"bygone": "It was signed."}}
    after = before | {"sections": [first, *before["sections"][1:]]}
    (change,) = compare(before, after)
    assert (change.where, change.after) == ("Problem and scope: bygone", "It was signed.")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"spec": {"a": "x, b: y"}}, {"spec": {"a": "x", "b": "y"}}),
        ({"spec": {"a": ["x, y"]}}, {"spec": {"a": ["x", "y"]}}),
        ({"spec": {"a": 1}}, {"spec": {"a": "1"}}),
        ({"spec": {"a": True}}, {"spec": {"a": "yes"}}),
        ({"spec": {"a": None}}, {"spec": {"a": "None"}}),
        ({"spec": {"a": {"b": 1, "c": 2}}}, {"spec": {"a": {"b": 1}, "c": 2}}),
        (
            {"summary": "It works.\nrisks: none", "risks": ""},
            {"summary": "It works.", "risks": "none"},
        ),
        (
            {"summary": "It works; risks: none", "risks": ""},
            {"summary": "It works", "risks": "none"},
        ),
        ({"summary": "It works.\n"}, {"summary": "It works."}),
    ],
)
def test_two_contents_that_differ_never_read_alike(
    one: dict[str, Any], other: dict[str, Any], complete_draft: Decision
) -> None:
    told = content(complete_draft)
    first = told["candidates"][0]
    before = told | {"candidates": [first | one]}
    after = told | {"candidates": [first | other]}
    (change,) = compare(before, after)
    assert change.before != change.after
