"""What texts refer to holds, or the record waits until it does."""

import pytest
from pytest_django import DjangoAssertNumQueries

from decisions.actions.evidence import attach_evidence, mark_stale, withdraw_evidence
from decisions.actions.lifecycle import approve, submit
from decisions.actions.rows import edit_candidate, remove_goal
from decisions.actions.sections import mark_section
from decisions.blockers import blockers
from decisions.exports.document import record_document
from decisions.models import Decision, Evidence
from decisions.policies import Refused
from decisions.record_page import RecordPage
from decisions.record_parts import with_parts
from decisions.references import named_in, reference_problems, written_by_hand
from tests import factories
from tests.factories import People, fresh, measurement, section_of

KIND = "results_data_science"


def loaded(record: Decision) -> Decision:
    """Return a record as its pages load it."""
    return with_parts(Decision.objects.all()).get(pk=record.pk)


def held_back(record: Decision, action: str = "submit") -> list[str]:
    return [one.sentence for one in blockers(fresh(record), action)]


def withdraw(record: Decision, people: People, number: int = 1) -> None:
    evidence = record.evidence.get(number=number)
    withdraw_evidence(evidence, by=people.owner, reason="The split was wrong.")


@pytest.fixture
def referring(complete_draft: Decision, people: People) -> Decision:
    """A complete draft whose quality findings refer to E1 and to a goal."""
    factories.edit(complete_draft, KIND, people, reading="It is [[E1]]; [[accuracy]] is asked for.")
    return fresh(complete_draft)


def test_standing_evidence_and_goals_may_be_referred_to(referring: Decision) -> None:
    assert held_back(referring) == []
    assert {"E1", "accuracy", "latency_p95"} <= named_in(referring).keys()


def test_a_goal_that_is_only_proposed_cannot_be_referred_to(referring: Decision) -> None:
    referring.goals.filter(metric="accuracy").update(is_accepted=False)
    assert "no goal is set on that" in " ".join(held_back(referring))


def test_withdrawn_evidence_holds_submission_until_its_part_is_mended(
    referring: Decision, people: People
) -> None:
    withdraw(referring, people)
    (found,) = blockers(fresh(referring), "submit")
    assert found.sentence == (
        "“Quality findings” needs work: It refers to E1, which was withdrawn (The split was wrong)."
    )
    assert found.waits_on == "Data science"
    assert found.url == f"/decisions/{referring.reference}/#section-{KIND}"
    with pytest.raises(Refused, match="refers to E1"):
        submit(referring, by=people.owner)
    factories.edit(referring, KIND, people, reading="It is [[E3]].")
    submit(referring, by=people.owner)


def test_what_took_the_place_of_withdrawn_evidence_is_named(
    referring: Decision, people: People
) -> None:
    candidate = referring.candidates.get(letter="A")
    again = measurement(value=90.0)
    attach_evidence(candidate, by=people.data_science, measurements=[again])
    (problem,) = reference_problems(section_of(referring, KIND))
    assert problem == (
        "It refers to E1, which was withdrawn (Measured again). E5 has taken its place."
    )


def test_what_answers_another_question_has_taken_nobodys_place(
    referring: Decision, people: People
) -> None:
    withdraw(referring, people)
    candidate = referring.candidates.get(letter="A")
    other = measurement(value=90.0, conditions={"case_set": "77aa", "split": "test"})
    attach_evidence(candidate, by=people.data_science, measurements=[other])
    (problem,) = reference_problems(section_of(referring, KIND))
    assert problem == "It refers to E1, which was withdrawn (The split was wrong)."


def test_stale_evidence_holds_as_withdrawn_evidence_does(referring: Decision) -> None:
    mark_stale(referring, {referring.evidence.get(number=1).pk: "Messages, v2 has come."})
    assert held_back(referring) == [
        "“Quality findings” needs work: "
        "It refers to E1, which is out of date (Messages, v2 has come). "
        "Measure it again, or take the reference out."
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[E99]]", "It refers to E99, and there is no such evidence."),
        ("[[nonsense]]", "It refers to “nonsense”, and no goal is set on that."),
    ],
)
def test_what_is_not_there_cannot_be_referred_to(
    text: str, problem: str, complete_draft: Decision, people: People
) -> None:
    section = section_of(complete_draft, KIND)
    section.data = {"reading": f"{text} and {text}, not `{text}`"}
    assert reference_problems(section) == [problem]


def test_a_goal_that_is_removed_is_missed(referring: Decision, people: People) -> None:
    goal = referring.goals.get(metric="accuracy")
    remove_goal(goal, by=people.owner, token=goal.token)
    assert held_back(referring) == [
        "“Quality findings” needs work: It refers to “accuracy”, and no goal is set on that."
    ]


def test_candidates_texts_hold_the_part_that_lists_them(
    complete_draft: Decision, people: People
) -> None:
    one = complete_draft.candidates.get(letter="A")
    edit_candidate(one, by=people.data_science, token=one.token, risks="Only [[E77]].")
    assert held_back(complete_draft) == [
        "“Candidate approaches” needs work: It refers to E77, and there is no such evidence."
    ]


def test_no_one_signs_or_approves_what_rests_on_withdrawn_evidence(
    signed: Decision, people: People
) -> None:
    section = section_of(signed, KIND)
    type(section).objects.filter(pk=section.pk).update(data={"reading": "It is [[E1]]."})
    withdraw(signed, people)
    with pytest.raises(Refused, match="refers to E1"):
        factories.sign(signed, people.ux, "ux")
    with pytest.raises(Refused, match="refers to E1"):
        approve(fresh(signed), by=people.owner)


def test_a_part_is_not_complete_while_it_refers_to_what_does_not_hold(
    referring: Decision, people: People
) -> None:
    section = section_of(referring, KIND)
    mark_section(section, by=people.data_science, complete=False)
    withdraw(referring, people)
    with pytest.raises(Refused, match="refers to E1"):
        mark_section(section_of(referring, KIND), by=people.data_science, complete=True)


def test_an_approved_record_is_told_nothing_afterwards(approved: Decision) -> None:
    section = section_of(approved, KIND)
    section.data = {"reading": "It is [[E99]]."}
    assert reference_problems(section) == []


def test_the_part_says_what_to_mend_also_before_it_is_complete(
    referring: Decision, people: People
) -> None:
    mark_section(section_of(referring, KIND), by=people.data_science, complete=False)
    withdraw(referring, people)
    part = RecordPage(loaded(referring), people.data_science).part(KIND)
    assert part.to_mend == ["It refers to E1, which was withdrawn (The split was wrong)."]
    unwritten = RecordPage(loaded(referring), people.data_science).part("goals")
    assert unwritten.to_mend == []


def test_numbers_by_hand_are_found_without_asking_the_database(
    referring: Decision, people: People, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    name = referring.candidates.get(letter="B").name
    factories.edit(referring, KIND, people, reading=f"{name} has 81 %, A 81 %, in 12 days.")
    record = loaded(referring)
    with django_assert_num_queries(0):
        found = written_by_hand(record)
    assert [one.bare.number for one in found] == ["81 %"]


def test_page_and_document_link_a_reference_each_to_its_own_place(
    referring: Decision, people: People
) -> None:
    record = loaded(referring)
    named = RecordPage(record, people.owner).named
    assert isinstance(named["E1"], Evidence)
    assert named["E1"].get_absolute_url().endswith("/evidence/#E1")
    assert record_document(record).named.keys() == named.keys()
