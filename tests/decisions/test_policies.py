"""Refusals: who may, in which state, and the sentence that a person can act on."""

from http import HTTPStatus

import pytest

from decisions.actions.lifecycle import approve
from decisions.actions.records import edit_details, invite, remove_participant
from decisions.actions.rows import edit_goal
from decisions.models import Decision, Visibility
from decisions.policies import Refused, may, refusal
from tests import factories
from tests.factories import People


def sentence(action: str, record: Decision, user: object, subject: object = None) -> str:
    refused = refusal(action, record, user, subject)
    return str(refused) if refused else ""


def test_the_sentence_says_who_may(draft: Decision, people: People) -> None:
    assert sentence("submit", draft, people.ux) == (
        "Only the owner can submit the record for review."
    )
    assert sentence("measure", draft, people.ux) == (
        "Only the owner or data science can run evaluations."
    )
    goal = factories.add_goals(draft, people)[0]
    assert sentence("edit_goal", draft, people.ux, goal) == (
        "Only the owner or Business or its author can change this goal."
    )


def test_the_sentence_says_which_state_is_needed(approved: Decision, people: People) -> None:
    section = factories.section_of(approved, "profile_interaction")
    assert sentence("edit_section", approved, people.ux, section) == (
        "The record is approved. To write this part it has to be: draft / in review."
    )


def test_the_sentence_names_what_holds_back_and_how_much_more(
    draft: Decision, people: People
) -> None:
    assert sentence("submit", draft, people.owner) == (
        "“Problem and scope” is not complete. 15 more things are open."
    )


def test_the_sentence_counts_one_more_thing_in_words(in_review: Decision, people: People) -> None:
    factories.sign(in_review, people.ux, "ux")
    factories.sign(in_review, people.devops, "devops")
    assert sentence("approve", in_review, people.owner) == (
        "Business has not signed what the record says now. One more thing is open."
    )
    factories.sign(in_review, people.business, "business")
    assert sentence("approve", factories.fresh(in_review), people.owner) == (
        "Data science has not signed what the record says now."
    )


def test_the_right_is_asked_before_the_state(draft: Decision, people: People) -> None:
    refused = refusal("approve", draft, people.business)
    assert refused
    assert refused.status == HTTPStatus.FORBIDDEN


def test_the_state_is_asked_before_what_holds_back(draft: Decision, people: People) -> None:
    refused = refusal("approve", draft, people.owner)
    assert refused
    assert refused.status == HTTPStatus.CONFLICT
    assert refused.sentence.startswith("The record is draft.")


def test_an_action_raises_the_same_refusal_that_the_page_shows(
    in_review: Decision, people: People
) -> None:
    with pytest.raises(Refused) as raised:
        approve(in_review, by=people.owner)
    assert raised.value.refusal == refusal("approve", in_review, people.owner)
    assert str(raised.value) == raised.value.refusal.sentence


def test_having_the_right_does_not_depend_on_the_state(approved: Decision, people: People) -> None:
    assert may("submit", approved, people.owner)
    assert not may("submit", approved, people.ux)


def test_an_outsider_may_read_what_is_open_to_everyone_but_not_take_part(
    draft: Decision, people: People
) -> None:
    edit_details(draft, by=people.owner, visibility=Visibility.EVERYONE)
    assert may("read", draft, people.outsider)
    assert may("export", draft, people.outsider)
    assert not may("comment", draft, people.outsider)


def test_a_superuser_may_read_everything_and_write_nothing(draft: Decision) -> None:
    root = factories.person("root", is_superuser=True)
    assert may("read", draft, root)
    rights = ("edit_details", "invite", "comment", "sign", "approve", "attach_evidence")
    assert not any(may(action, draft, root) for action in rights)


def test_someone_with_two_roles_writes_the_parts_of_both(draft: Decision, people: People) -> None:
    interaction = factories.section_of(draft, "profile_interaction")
    assert not may("edit_section", draft, people.devops, interaction)
    invite(draft, by=people.owner, user=people.devops, role="ux")
    assert may("edit_section", draft, people.devops, interaction)
    assert may("edit_section", draft, people.devops, factories.section_of(draft, "results_devops"))


def test_the_owner_writes_only_the_owners_part(draft: Decision, people: People) -> None:
    kinds = [
        section.kind
        for section in draft.sections.all()
        if may("edit_section", draft, people.owner, section)
    ]
    assert kinds == ["recommendation"]


def test_business_may_change_any_goal_and_a_role_its_own(draft: Decision, people: People) -> None:
    quality, latency = factories.add_goals(draft, people)
    assert [may("edit_goal", draft, people.business, goal) for goal in (quality, latency)] == [
        True,
        True,
    ]
    assert [may("edit_goal", draft, people.devops, goal) for goal in (quality, latency)] == [
        False,
        True,
    ]


def test_a_role_takes_back_its_own_proposal_and_what_is_accepted_only_the_owner_removes(
    draft: Decision, people: People
) -> None:
    goal = factories.add_goals(draft, people)[1]
    assert (goal.proposed_by_role, goal.is_accepted) == ("devops", True)
    team = (people.owner, people.business, people.devops)
    assert [may("remove_goal", draft, one, goal) for one in team] == [True, False, False]
    assert sentence("remove_goal", draft, people.devops, goal) == (
        "Only the owner or the role that proposed it (until it is changed or accepted) can "
        "remove this goal."
    )
    goal.is_accepted = False
    assert [may("remove_goal", draft, one, goal) for one in team] == [True, False, True]
    goal.is_accepted = True
    edit_goal(goal, by=people.devops, token=goal.token, target=700.0)
    assert not goal.is_accepted
    assert [may("remove_goal", draft, one, goal) for one in team] == [True, False, False]


def test_a_second_person_of_a_role_writes_but_signs_only_when_named(
    in_review: Decision, people: People
) -> None:
    second = factories.second_person(in_review, "ux")
    section = factories.section_of(in_review, "profile_interaction")
    assert may("edit_section", in_review, second, section)
    assert not may("sign", in_review, second)
    invite(in_review, by=people.owner, user=second, role="ux", is_signatory=True)
    assert may("sign", in_review, second, "ux")


def test_nobody_signs_for_a_role_that_is_not_theirs(in_review: Decision, people: People) -> None:
    assert may("sign", in_review, people.ux, "ux")
    assert not may("sign", in_review, people.ux, "business")
    assert not may("sign", in_review, people.owner, "business")


def test_who_is_taken_off_the_record_loses_the_rights(draft: Decision, people: People) -> None:
    participant = draft.participants.get(user=people.ux)
    remove_participant(draft, by=people.owner, participant=participant)
    assert not may("read", draft, people.ux)
    assert not may("comment", draft, people.ux)
