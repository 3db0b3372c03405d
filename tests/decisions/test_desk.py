"""What the desk asks of whom: nothing is forgotten, nothing twice, and nothing that is refused."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from decisions.actions.delegation import accept_delegation, delegate
from decisions.actions.lifecycle import approve, reopen, submit
from decisions.actions.people import change_participant
from decisions.actions.records import edit_details, invite, remove_participant
from decisions.actions.review import Remark, lift_review, open_thread, send_review
from decisions.actions.sections import mark_section
from decisions.desk import Desk, Task, tasks_of, waits_of
from decisions.models import Decision, Meaning, RecordTemplate, Status, User
from decisions.policies import refusal
from tests import factories
from tests.factories import People, edit, fresh, section_of, sign

ELSEWHERE = "Something else altogether."


def asked(record: Decision, user: User) -> list[Task]:
    return list(tasks_of(fresh(record), user))


def verbs(record: Decision, user: User) -> list[str]:
    return [one.verb for one in asked(record, user)]


def waits(record: Decision, user: User) -> list[str]:
    return [one.sentence for one in waits_of(fresh(record), user)]


def request(
    record: Decision, by: User, body: str = "Say how you know.", kind: str = "problem"
) -> None:
    """Ask for changes to one part of a record."""
    remark = Remark(body, section=section_of(record, kind))
    send_review(record, by=by, verdict="request_changes", body=body, remarks=[remark])


def answer(record: Decision, people: People, kind: str = "problem") -> None:
    """Change a part of a record."""
    edit(record, kind, people, **{kind: f"{ELSEWHERE} {record.version}"})


# People


def test_a_role_that_nobody_signs_for_waits_on_the_owner(people: People, draft: Decision) -> None:
    place = draft.participants.get(user=people.ux, role="ux")
    remove_participant(draft, by=people.owner, participant=place)

    (task,) = [one for one in asked(draft, people.owner) if one.verb == "Name people"]

    assert task.url == reverse("decisions:people", args=[draft.reference])
    assert task.verb not in verbs(draft, people.business)


# Rejections


def test_a_rejection_waits_on_the_owner_until_its_signer_takes_it_back(
    people: People, in_review: Decision
) -> None:
    sign(in_review, people.devops, "devops", meaning=Meaning.REJECT, text="It cannot be run.")
    (task,) = asked(in_review, people.owner)
    assert task.verb == "Answer the rejection"
    assert task.sentence == (
        "Devi Menon rejected it for DevOps: answer, change the record, reopen or withdraw it."
    )
    assert task.url == f"{in_review.get_absolute_url()}#signatures"
    sign(in_review, people.devops, "devops")
    assert asked(in_review, people.owner) == []


def test_a_rejection_is_answered_by_a_change_and_its_signer_asked_again(
    people: People, in_review: Decision
) -> None:
    sign(in_review, people.devops, "devops", meaning=Meaning.REJECT, text="It cannot be run.")
    answer(in_review, people)
    assert asked(in_review, people.owner) == []
    assert verbs(in_review, people.devops) == ["Read and sign"]


# Requests for changes


def test_who_asked_for_changes_looks_again_once_that_has_changed(
    people: People, in_review: Decision
) -> None:
    request(in_review, people.devops)
    assert verbs(in_review, people.owner) == ["Answer the request"]
    assert verbs(in_review, people.devops) == []
    answer(in_review, people)
    (task,) = asked(in_review, people.devops)
    assert (task.verb, task.sentence) == ("Look again", "What you asked for has changed.")
    assert task.url == reverse("decisions:review", args=[in_review.reference])
    assert verbs(in_review, people.owner) == []
    assert waits(in_review, people.owner) == [
        "Devi Menon has to look again: what they asked for has changed."
    ]


def test_a_change_elsewhere_answers_no_request(people: People, in_review: Decision) -> None:
    request(in_review, people.devops)
    edit_details(in_review, by=people.owner, title="Another title")
    assert verbs(in_review, people.owner) == ["Answer the request"]
    assert verbs(in_review, people.devops) == []


def test_a_new_round_answers_no_request(people: People, in_review: Decision) -> None:
    request(in_review, people.devops)
    reopen(in_review, by=people.owner, reason="A new tender.")
    assert verbs(in_review, people.owner) == ["Submit it for review"]
    submit(in_review, by=people.owner)
    assert verbs(in_review, people.owner) == ["Answer the request"]
    assert verbs(in_review, people.devops) == []


def test_who_has_looked_again_is_not_asked_to(people: People, in_review: Decision) -> None:
    request(in_review, people.devops)
    answer(in_review, people)
    send_review(in_review, by=people.devops, verdict="comment", body="Better.")
    assert verbs(in_review, people.devops) == ["Read and sign"]
    assert waits(in_review, people.owner) == []


def test_two_requests_of_one_person_are_one_thing(people: People, in_review: Decision) -> None:
    request(in_review, people.devops)
    request(in_review, people.devops, "And where from.", kind="recommendation")
    assert verbs(in_review, people.owner) == ["Answer the request"]
    answer(in_review, people)
    assert verbs(in_review, people.owner) == ["Answer the request"], "one is still to be answered"
    assert verbs(in_review, people.devops) == ["Look again"]
    request(in_review, people.ux, "Nor do I see it.")
    assert verbs(in_review, people.owner) == ["Answer the request"] * 2, (
        "another person's is another"
    )


def test_two_answered_requests_of_one_person_wait_once(people: People, in_review: Decision) -> None:
    request(in_review, people.devops)
    request(in_review, people.devops, "And where from.")
    answer(in_review, people)
    assert verbs(in_review, people.devops) == ["Look again"]
    assert len(waits(in_review, people.owner)) == 1


def test_the_answered_request_of_who_left_is_the_owners_to_lift(
    people: People, in_review: Decision
) -> None:
    request(in_review, people.devops)
    answer(in_review, people)
    second = factories.second_person(in_review, "devops", is_signatory=True)
    held = in_review.participants.get(user=people.devops)
    remove_participant(in_review, by=people.owner, participant=held)
    (task,) = asked(in_review, people.owner)
    assert task.verb == "Lift the request"
    assert waits(in_review, people.owner) == []
    lift_review(in_review.reviews.get(), by=people.owner)
    assert asked(in_review, people.owner) == []
    assert verbs(in_review, second) == ["Read and sign"]


# Signatures that lapsed


def test_who_signed_before_is_told_what_signing_again_waits_on(
    people: People, signed: Decision
) -> None:
    request(signed, people.devops)
    assert waits(signed, people.ux) == [], "it has not lapsed"
    answer(signed, people)
    assert asked(signed, people.ux) == []
    assert waits(signed, people.ux) == [
        "Your signature for UX has lapsed. Before you sign again: Devi Menon has asked for changes."
    ]
    lift_review(signed.reviews.get(), by=people.devops)
    assert verbs(signed, people.ux) == ["Read and sign"]
    assert waits(signed, people.ux) == []


def test_a_lapsed_signature_waits_on_what_must_be_fixed(people: People, signed: Decision) -> None:
    answer(signed, people)
    open_thread(signed, by=people.devops, remark=Remark("This first.", must_fix=True))
    (told,) = waits(signed, people.ux)
    assert told.endswith("Before you sign again: 1 thread must be resolved first.")


def test_a_lapsed_signature_waits_on_an_unfinished_part(people: People, signed: Decision) -> None:
    answer(signed, people)
    part = signed.sections.filter(role="devops").first()
    assert part is not None
    mark_section(part, by=people.devops, complete=False)
    (told,) = waits(signed, people.ux)
    assert told.endswith(f"Before you sign again: “{part}” is not complete.")


def test_a_lapsed_signature_waits_for_its_turn(people: People, complete_draft: Decision) -> None:
    policy = {"signing_roles": ["business", "ux"], "order": "listed"}
    RecordTemplate.objects.filter(key=complete_draft.template_id).update(policy=policy)
    submit(fresh(complete_draft), by=people.owner)
    sign(complete_draft, people.business, "business")
    sign(complete_draft, people.ux, "ux")
    answer(complete_draft, people)
    assert verbs(complete_draft, people.business) == ["Read and sign"]
    assert asked(complete_draft, people.ux) == []
    (told,) = waits(complete_draft, people.ux)
    assert told.endswith("Before you sign again: Business signs before UX.")


def test_who_never_signed_has_no_lapsed_signature(people: People, in_review: Decision) -> None:
    request(in_review, people.devops)
    answer(in_review, people)
    assert waits(in_review, people.ux) == []


def test_after_reopening_alone_the_desk_says_that_nothing_else_changed(
    people: People, signed: Decision
) -> None:
    reopen(signed, by=people.owner, reason="A new tender.")
    submit(signed, by=people.owner)
    assert [one.sentence for one in asked(signed, people.ux)] == [
        "It was reopened after you signed for UX, so your signature lapsed; nothing else changed."
    ]


def test_after_reopening_and_a_change_the_desk_says_both(people: People, signed: Decision) -> None:
    reopen(signed, by=people.owner, reason="A new tender.")
    answer(signed, people)
    submit(signed, by=people.owner)
    assert [one.sentence for one in asked(signed, people.ux)] == [
        "It was reopened and changed after you signed for UX: read what changed and sign again."
    ]


def test_a_lapsed_signature_in_anothers_place_says_in_whose(
    people: People, in_review: Decision
) -> None:
    accept_delegation(delegate(in_review, by=people.ux, taker=people.devops), by=people.devops)
    sign(in_review, people.devops, "ux", signed_for=people.ux)
    sign(in_review, people.devops, "devops")
    answer(in_review, people)
    assert [one.sentence for one in asked(in_review, people.devops)] == [
        "It changed after you signed for DevOps: read what changed and sign again.",
        "It changed after you signed for UX, in place of Uma Lindqvist: "
        "read what changed and sign again.",
    ]
    assert [one.sentence for one in asked(in_review, people.ux)] == [
        "Ready for your signature for UX."
    ]


def test_another_role_has_no_lapsed_signature(people: People, signed: Decision) -> None:
    held = signed.participants.get(user=people.ux)
    invite(signed, by=people.owner, user=people.business, role="ux", is_signatory=True)
    change_participant(signed, by=people.owner, participant=held, role="devops", is_signatory=True)
    answer(signed, people)
    assert [one.sentence for one in asked(signed, people.ux)] == [
        "Ready for your signature for DevOps."
    ]


# All of it


ACTIONS = {
    "Submit it for review": "submit",
    "Approve it": "approve",
    "Look again": "review",
    "Read and sign": "sign",
    "Say what became of it": "note_outcome",
    "Resolve it": "resolve",
    "Answer the request": "comment",
    "Answer the rejection": "comment",
}


def refused(record: Decision, user: User, task: Task) -> str:
    """Return why the person could not do what their desk asks for, "" if they can."""
    subjects = {"Read and sign": record.signing_roles_of(user)}.get(task.verb, {None})
    found = [refusal(ACTIONS[task.verb], record, user, one) for one in subjects]
    return "" if None in found else str(found[0])


@pytest.mark.parametrize("status", Status.values)
def test_the_desk_never_asks_for_what_would_be_refused(status: str, people: People) -> None:
    record = factories.record_in(status, people)
    if record.is_open:
        if status == Status.IN_REVIEW:
            request(record, people.devops)
        answer(record, people)
        open_thread(record, by=people.ux, remark=Remark("This first.", must_fix=True))
    for user in people.everyone.values():
        for task in asked(record, user):
            assert refused(fresh(record), user, task) == "", task


def test_an_offer_on_a_record_that_is_closed_is_not_asked_to_be_answered(
    people: People, signed: Decision
) -> None:
    delegate(signed, by=people.ux, taker=people.business)
    assert verbs(signed, people.business) == ["Answer"]
    approve(signed, by=people.owner)
    assert verbs(signed, people.business) == []


def test_more_records_with_requests_and_lapses_ask_the_database_no_more_often(
    people: People,
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            desk = Desk(people.devops, None)
            assert desk.tasks
            assert desk.waiting
            assert Desk(people.owner, None).waiting
        return len(caught.captured_queries)

    def talk(number: int) -> None:
        record = factories.signed(people, title=f"Record {number}")
        request(record, people.devops)
        answer(record, people)

    talk(1)
    few = queries()
    talk(2)
    talk(3)
    assert queries() == few
    assert len(Desk(people.devops, None).tasks) == 3
