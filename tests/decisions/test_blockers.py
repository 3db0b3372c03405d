"""What holds a record back: computed, with whom it waits on and where it is mended."""

from decisions.actions.lifecycle import reopen, submit
from decisions.actions.records import invite, remove_participant
from decisions.actions.review import Remark, lift_review, open_thread, resolve, send_review
from decisions.actions.rows import add_candidate, edit_candidate, remove_goal
from decisions.blockers import blockers, section_problems
from decisions.models import Decision
from tests import factories
from tests.factories import People, fresh, section_of


def sentences(record: Decision, action: str) -> list[str]:
    return [blocker.sentence for blocker in blockers(fresh(record), action)]


def test_nothing_holds_a_complete_draft_or_a_fully_signed_record(people: People) -> None:
    assert blockers(factories.complete_draft(people), "submit") == []
    assert blockers(factories.signed(people), "approve") == []


def test_an_unfinished_part_waits_on_its_role_and_links_to_itself(draft: Decision) -> None:
    found = {blocker.sentence: blocker for blocker in blockers(draft, "submit")}
    part = found["“Interaction” is not complete."]
    assert part.waits_on == "UX"
    assert part.url == "/decisions/DR-1/#section-profile_interaction"
    assert found["“Recommendation” is not complete."].waits_on == "Olivia Brandt"


def test_an_empty_required_answer_is_named_and_an_empty_optional_one_is_not(
    draft: Decision, people: People
) -> None:
    factories.edit(draft, "problem", people, problem="Slow.", question="Which?")
    assert section_problems(section_of(draft, "problem")) == ["“Scope” is empty."]


def test_a_part_needs_its_rows(draft: Decision) -> None:
    assert section_problems(section_of(draft, "goals")) == ["There is no goal yet."]
    assert section_problems(section_of(draft, "candidates")) == ["There is no candidate yet."]


def test_a_complete_part_that_lost_its_rows_needs_work(
    complete_draft: Decision, people: People
) -> None:
    for goal in complete_draft.goals.all():
        remove_goal(goal, by=people.owner, token=goal.token)
    assert sentences(complete_draft, "submit") == [
        "“List of goals” needs work: There is no goal yet."
    ]


def test_a_candidate_added_later_waits_for_every_roles_ratings(
    complete_draft: Decision, people: People
) -> None:
    add_candidate(complete_draft, by=people.data_science, name="Retrieval", approach="rag")
    assert sentences(complete_draft, "submit") == [
        "“Cost and time” needs work: “C. Retrieval” is not fully rated.",
        "“Data and risk” needs work: “C. Retrieval” is not fully rated.",
        "“Running it” needs work: “C. Retrieval” is not fully rated.",
        "“Fit to the interaction” needs work: “C. Retrieval” is not fully rated.",
    ]


def test_a_dropped_candidate_needs_no_ratings(complete_draft: Decision, people: People) -> None:
    added = add_candidate(complete_draft, by=people.owner, name="Retrieval", approach="rag")
    edit_candidate(added, by=people.owner, token=added.token, is_dropped=True)
    assert sentences(complete_draft, "submit") == []


def test_a_candidate_that_was_chosen_and_then_dropped_holds_the_record_back(
    signed: Decision, people: People
) -> None:
    chosen = signed.candidates.get(letter="B")
    edit_candidate(chosen, by=people.owner, token=chosen.token, is_dropped=True)
    assert sentences(signed, "sign") == [
        "“Recommendation” needs work: Candidate B was chosen, but is no longer considered."
    ]


def test_a_role_without_a_signatory_holds_submission_and_says_so(
    complete_draft: Decision, people: People
) -> None:
    invite(complete_draft, by=people.owner, user=people.ux, role="ux", is_signatory=False)
    (found,) = blockers(fresh(complete_draft), "submit")
    assert found.sentence == "No one signs for UX."
    assert found.waits_on == "Olivia Brandt"
    assert found.url == "/decisions/DR-1/people/"


def test_a_request_for_changes_holds_approval_until_it_is_lifted(
    signed: Decision, people: People
) -> None:
    review = send_review(signed, by=people.devops, verdict="request_changes", body="Load?")
    (found,) = blockers(fresh(signed), "approve")
    assert found.sentence == "Devi Menon has asked for changes."
    assert found.waits_on == "Devi Menon"
    assert found.url == f"/decisions/DR-1/#review-{review.pk}"
    lift_review(review, by=people.devops)
    assert sentences(signed, "approve") == []


def test_a_new_review_takes_the_place_of_the_same_persons_request_once_something_changed(
    signed: Decision, people: People
) -> None:
    send_review(signed, by=people.devops, verdict="request_changes", body="Load?")
    send_review(signed, by=people.devops, verdict="comment", body="Well?")
    assert sentences(signed, "approve") == ["Devi Menon has asked for changes."]
    factories.edit(signed, "results_devops", people, reading="A thousand a day.")
    send_review(signed, by=people.devops, verdict="comment", body="Answered.")
    assert "Devi Menon has asked for changes." not in sentences(signed, "approve")


def test_someone_elses_review_does_not_lift_a_request(signed: Decision, people: People) -> None:
    send_review(signed, by=people.devops, verdict="request_changes", body="Load?")
    send_review(signed, by=people.ux, verdict="comment", body="Fine by me.")
    assert sentences(signed, "approve") == ["Devi Menon has asked for changes."]


def test_reopening_alone_answers_no_request(signed: Decision, people: People) -> None:
    send_review(signed, by=people.devops, verdict="request_changes", body="Load?")
    reopen(signed, by=people.owner, reason="New facts.")
    submit(signed, by=people.owner)
    factories.sign_all(signed, people)
    assert sentences(signed, "approve") == ["Devi Menon has asked for changes."]


def test_a_comment_alone_never_holds_but_a_must_fix_thread_does(
    signed: Decision, people: People
) -> None:
    open_thread(signed, by=people.ux, remark=Remark("A thought."))
    assert sentences(signed, "approve") == []
    thread = open_thread(signed, by=people.ux, remark=Remark("Wrong!", must_fix=True))
    (found,) = blockers(fresh(signed), "approve")
    assert found.sentence == "1 thread must be resolved first."
    assert found.url == f"/decisions/DR-1/#thread-{thread.pk}"
    open_thread(signed, by=people.ux, remark=Remark("This too.", must_fix=True))
    assert sentences(signed, "approve") == ["2 threads must be resolved first."]
    resolve(thread, by=people.ux)
    assert sentences(signed, "approve") == ["1 thread must be resolved first."]


def test_every_role_has_to_sign_what_the_record_says_now(signed: Decision, people: People) -> None:
    factories.edit(signed, "results_ux", people, reading="Nine of ten found their team.")
    assert sentences(signed, "approve") == [
        "Business has not signed what the record says now.",
        "Data science has not signed what the record says now.",
        "DevOps has not signed what the record says now.",
        "UX has not signed what the record says now.",
    ]
    assert {one.url for one in blockers(fresh(signed), "approve")} == {
        "/decisions/DR-1/#signatures"
    }


def test_a_rejection_holds_approval_and_names_the_person(signed: Decision, people: People) -> None:
    factories.sign(signed, people.ux, "ux", meaning="reject", text="It misleads people.")
    assert sentences(signed, "approve") == ["Uma Lindqvist has rejected it for UX."]


def test_a_reservation_is_an_approval(signed: Decision, people: People) -> None:
    reserved = {"meaning": "approve_with_reservation", "text": "Watch the tone."}
    factories.sign(signed, people.ux, "ux", **reserved)
    assert sentences(signed, "approve") == []


def test_one_rejection_outweighs_another_signatorys_approval(
    signed: Decision, people: People
) -> None:
    second = factories.second_person(signed, "ux", is_signatory=True)
    factories.sign(signed, second, "ux", meaning="reject", text="No.")
    assert sentences(signed, "approve") == [f"{second} has rejected it for UX."]


def test_who_must_sign_is_the_policy_copied_at_submission(
    in_review: Decision, people: People
) -> None:
    policy = {"signing_roles": ["ux"]}
    Decision.objects.filter(pk=in_review.pk).update(policy=policy)
    assert sentences(in_review, "approve") == ["UX has not signed what the record says now."]


def test_blockers_stand_in_the_tables_order(in_review: Decision, people: People) -> None:
    open_thread(in_review, by=people.ux, remark=Remark("Wrong!", must_fix=True))
    send_review(in_review, by=people.devops, verdict="request_changes", body="Load?")
    factories.edit(in_review, "results_ux", people)
    section = section_of(in_review, "results_ux")
    section.state = "in_progress"
    section.save()
    assert [text.split()[0] for text in sentences(in_review, "approve")] == [
        "“Study",
        "Devi",
        "1",
        "Business",
        "Data",
        "DevOps",
        "UX",
    ]


def test_an_action_without_holds_is_never_held_back(draft: Decision) -> None:
    assert blockers(draft, "comment") == []


def test_who_no_longer_signs_for_a_role_does_not_count(people: People, signed: Decision) -> None:
    invite(signed, by=people.owner, user=people.ux, role="ux", is_signatory=False)
    assert sentences(signed, "approve") == ["No one signs for UX."]
    invite(signed, by=people.owner, user=people.ux, role="ux", is_signatory=True)
    assert sentences(signed, "approve") == []


def test_several_requests_of_one_person_are_one_thing(signed: Decision, people: People) -> None:
    first = send_review(signed, by=people.devops, verdict="request_changes", body="Load?")
    send_review(signed, by=people.devops, verdict="request_changes", body="Cost?")
    send_review(signed, by=people.ux, verdict="request_changes", body="Tone?")
    ours, theirs = blockers(fresh(signed), "approve")
    assert ours.sentence == "Devi Menon has asked for changes; 2 requests stand."
    assert ours.url == f"/decisions/DR-1/#review-{first.pk}"
    assert ours.person == people.devops.pk
    assert theirs.sentence == "Uma Lindqvist has asked for changes."


def test_the_request_of_who_has_left_waits_on_the_owner(signed: Decision, people: People) -> None:
    second = factories.second_person(signed, "devops")
    send_review(signed, by=second, verdict="request_changes", body="Load?")
    gone = signed.participants.get(user=second)
    remove_participant(signed, by=people.owner, participant=gone)
    (found,) = blockers(fresh(signed), "approve")
    assert found.sentence == (
        f"{second} asked for changes and has left the record: the owner may lift it."
    )
    assert (found.waits_on, found.person) == ("Olivia Brandt", people.owner.pk)


def test_parts_of_a_role_that_nobody_has_wait_on_the_owner_to_give_it_out(
    draft: Decision, people: People
) -> None:
    gone = draft.participants.get(user=people.ux)
    remove_participant(draft, by=people.owner, participant=gone)
    held = [one for one in blockers(fresh(draft), "submit") if "for UX to write" in one.sentence]
    count = draft.sections.filter(role="ux").count()
    assert [one.sentence for one in held] == [
        f"{count} parts are for UX to write, and no one has that role."
    ]
    assert held[0].url == "/decisions/DR-1/people/"
    assert held[0].waits_on == "Olivia Brandt"
    assert held[0].concerns(people.owner, set())
    assert not held[0].concerns(people.ux, {"ux"})


def test_the_last_part_of_a_role_that_nobody_has_is_named(
    complete_draft: Decision, people: People
) -> None:
    part = section_of(complete_draft, "profile_interaction")
    part.state = "in_progress"
    part.save()
    gone = complete_draft.participants.get(user=people.ux)
    remove_participant(complete_draft, by=people.owner, participant=gone)
    assert sentences(complete_draft, "submit")[0] == (
        "“Interaction” is for UX to write, and no one has that role."
    )


def test_a_rejection_waits_on_the_owner_and_a_missing_signature_on_its_role(
    in_review: Decision, people: People
) -> None:
    factories.sign(in_review, people.ux, "ux", meaning="reject", text="It misleads people.")
    *missing, rejected = blockers(fresh(in_review), "approve")
    assert rejected.sentence == "Uma Lindqvist has rejected it for UX."
    assert rejected.concerns(people.owner, set())
    assert not rejected.is_missing_signature
    assert all(one.is_missing_signature for one in missing)
    assert [one.role for one in missing] == ["business", "data_science", "devops"]
    assert missing[0].concerns(people.business, {"business"})


def test_where_all_of_a_role_sign_a_missing_signature_waits_on_its_person(
    in_review: Decision, people: People
) -> None:
    policy = {"signing_roles": ["ux"], "quorum": {"ux": "all"}}
    Decision.objects.filter(pk=in_review.pk).update(policy=policy)
    second = factories.second_person(in_review, "ux", is_signatory=True)
    factories.sign(in_review, people.ux, "ux")
    (found,) = blockers(fresh(in_review), "approve")
    assert (found.waits_on, found.person, found.role) == (str(second), second.pk, "ux")
    assert found.concerns(second, {"ux"})
    assert not found.concerns(people.ux, {"ux"}), "who has signed already is not waited for"


def test_figures_of_an_earlier_spec_hold_a_record_until_it_is_measured_again(
    people: People, in_review: Decision
) -> None:
    candidate = in_review.candidates.get(letter="B")
    figures = [one.reference for one in in_review.evidence.standing().filter(candidate=candidate)]
    spec = candidate.spec

    def problems_with(spec: dict[str, object]) -> list[str]:
        candidate.refresh_from_db()
        edit_candidate(candidate, by=people.data_science, token=candidate.token, spec=spec)
        return section_problems(section_of(fresh(in_review), "candidates"))

    assert problems_with(dict(spec)) == []
    (problem,) = problems_with({"k": 1})
    assert problem == (
        f"{candidate} was run otherwise when it was measured: {', '.join(figures)}. "
        "Measure it again."
    )
    assert any(problem in one.sentence for one in blockers(fresh(in_review), "approve"))
    assert problems_with(spec) == []
