"""Discussing a record, and reviewing it with a verdict."""

import pytest

from decisions.actions.lifecycle import reopen, submit, withdraw
from decisions.actions.pending import change_pending, drop_pending, hold_back
from decisions.actions.records import remove_participant
from decisions.actions.review import (
    Remark,
    edit_comment,
    lift_review,
    open_thread,
    reply,
    resolve,
    send_review,
)
from decisions.actions.rows import assess
from decisions.blockers import blockers, standing_requests
from decisions.models import Comment, Decision, Look, PendingComment, Review, Verdict
from decisions.policies import BadInput, Refused
from tests import factories
from tests.factories import People, fresh, kinds_of_events, section_of


def test_a_thread_is_anchored_to_a_section_and_a_quote(draft: Decision, people: People) -> None:
    section = section_of(draft, "problem")
    remark = Remark("How many?", section=section, quote="many messages", must_fix=True)
    thread = open_thread(draft, by=people.ux, remark=remark)
    assert (thread.section, thread.quote, thread.must_fix) == (section, "many messages", True)
    assert thread.get_absolute_url() == f"/decisions/DR-1/#thread-{thread.pk}"
    (comment,) = thread.comments.all()
    assert (comment.author, comment.body) == (people.ux, "How many?")


def test_replies_follow_in_order(draft: Decision, people: People) -> None:
    thread = open_thread(draft, by=people.ux, remark=Remark("How many?"))
    reply(thread, by=people.business, body="About 300 a day.")
    assert [str(one) for one in thread.comments.all()] == ["How many?", "About 300 a day."]
    assert kinds_of_events(draft)[-2:] == ["comment", "reply"]


def test_a_comment_sent_twice_is_said_once(draft: Decision, people: People) -> None:
    remark = Remark("How many?", section=section_of(draft, "problem"), quote="many messages")
    first, second = (open_thread(draft, by=people.ux, remark=remark) for _ in range(2))
    assert first == second
    replies = [reply(first, by=people.business, body="About 300.") for _ in range(2)]
    assert replies[0] == replies[1]
    assert kinds_of_events(draft)[-2:] == ["comment", "reply"]


def test_the_same_words_elsewhere_or_later_are_another_comment(
    draft: Decision, people: People
) -> None:
    thread = open_thread(draft, by=people.ux, remark=Remark("Why?"))
    about = Remark("Why?", section=section_of(draft, "problem"))
    assert open_thread(draft, by=people.ux, remark=about) != thread
    assert open_thread(draft, by=people.business, remark=Remark("Why?")) != thread
    said = [reply(thread, by=by, body="Yes.") for by in (people.ux, people.business, people.ux)]
    assert len(set(said)) == 3
    resolve(thread, by=people.ux)
    assert open_thread(draft, by=people.ux, remark=Remark("Why?")) != thread


def test_a_review_sent_twice_stays_one_request(in_review: Decision, people: People) -> None:
    remarks = [Remark("Say how many.", section=section_of(in_review, "problem"), must_fix=True)]
    asked = {"verdict": "request_changes", "body": "Not yet.", "remarks": remarks}
    first, second = (send_review(in_review, by=people.devops, **asked) for _ in range(2))
    assert first == second
    assert first.asks_for_changes
    assert in_review.threads.count() == 1
    lift_review(first, by=people.devops)
    assert send_review(in_review, by=people.devops, **asked) != first


def test_discussion_never_changes_the_content(signed: Decision, people: People) -> None:
    before = signed.digest
    thread = open_thread(signed, by=people.ux, remark=Remark("Why?", must_fix=True))
    reply(thread, by=people.business, body="Because.")
    resolve(thread, by=people.ux)
    send_review(signed, by=people.devops, verdict="request_changes", body="Load?")
    assert fresh(signed).digest == before
    assert all(factories.holds(one) for one in signed.sign_offs.all())


def test_who_opened_a_thread_or_owns_the_record_resolves_it(
    draft: Decision, people: People
) -> None:
    for by in (people.ux, people.owner):
        thread = open_thread(draft, by=people.ux, remark=Remark("Why?"))
        with pytest.raises(Refused, match="Only the owner or its author can resolve"):
            resolve(thread, by=people.business)
        resolve(thread, by=by)
        thread.refresh_from_db()
        assert (thread.is_resolved, thread.resolved_by) == (True, by)


def test_a_reply_does_not_make_one_the_author(draft: Decision, people: People) -> None:
    thread = open_thread(draft, by=people.ux, remark=Remark("Why?"))
    reply(thread, by=people.business, body="Because.")
    with pytest.raises(Refused):
        resolve(thread, by=people.business)


def test_a_thread_can_be_taken_up_again(draft: Decision, people: People) -> None:
    thread = open_thread(draft, by=people.ux, remark=Remark("Why?"))
    resolve(thread, by=people.ux)
    resolve(thread, by=people.ux, resolved=False)
    thread.refresh_from_db()
    assert (thread.is_resolved, thread.resolved_by) == (False, None)
    assert kinds_of_events(draft)[-2:] == ["resolve", "unresolve"]


def test_resolving_twice_is_one_event(draft: Decision, people: People) -> None:
    thread = open_thread(draft, by=people.ux, remark=Remark("Why?"))
    resolve(thread, by=people.ux)
    before = factories.all_rows()
    resolve(thread, by=people.owner)
    assert factories.all_rows() == before


def test_a_review_sends_all_its_comments_at_once(in_review: Decision, people: People) -> None:
    remarks = [Remark("One", section=section_of(in_review, "problem")), Remark("Two")]
    review = send_review(in_review, by=people.ux, verdict="comment", remarks=remarks)
    assert [str(one) for one in review.comments.all()] == ["One", "Two"]
    last = in_review.events.order_by("sequence").last()
    said = {"review": review.pk, "verdict": "comment", "remarks": 2}
    assert (last.kind, last.data) == ("review", said)


def test_a_review_knows_the_content_it_spoke_of(in_review: Decision, people: People) -> None:
    review = send_review(in_review, by=people.ux, verdict="comment", body="Fine.")
    assert (review.digest, review.round) == (in_review.digest, 1)
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    assert review.digest != fresh(in_review).digest


def test_a_review_that_says_nothing_is_refused(in_review: Decision, people: People) -> None:
    before = factories.all_rows()
    with pytest.raises(BadInput, match="write a comment"):
        send_review(in_review, by=people.ux, verdict="request_changes", body=" ")
    assert factories.all_rows() == before


def test_the_right_to_review_is_asked_before_the_words(in_review: Decision, people: People) -> None:
    with pytest.raises(Refused, match="Only a participant"):
        send_review(in_review, by=people.outsider, verdict="comment")


def test_only_the_reviewer_lifts_a_request_and_only_once(
    in_review: Decision, people: People
) -> None:
    review = send_review(in_review, by=people.ux, verdict="request_changes", body="Tone?")
    assert review.asks_for_changes
    with pytest.raises(Refused, match="Only its author can lift"):
        lift_review(review, by=people.owner)
    lift_review(review, by=people.ux)
    before = factories.all_rows()
    lift_review(review, by=people.ux)
    assert factories.all_rows() == before
    review.refresh_from_db()
    assert (review.asks_for_changes, review.lifted_by) == (False, people.ux)
    assert review.verdict == Verdict.REQUEST_CHANGES


def test_an_edited_comment_keeps_what_it_said_before_and_the_log_only_the_fact(
    draft: Decision, people: People
) -> None:
    comment = open_thread(draft, by=people.ux, remark=Remark("How many?")).comments.get()
    edit_comment(comment, by=people.ux, body="How many a day?")
    edit_comment(comment, by=people.ux, body="How many an hour?")
    comment.refresh_from_db()
    assert comment.body == "How many an hour?"
    assert comment.edited_at is not None
    first, second = comment.edits.all()
    assert (first.body, first.written_at) == ("How many?", comment.written_at)
    assert second.body == "How many a day?"
    last = draft.events.order_by("sequence").last()
    assert (last.kind, last.data) == (
        "edit_comment",
        {"thread": comment.thread_id, "comment": comment.pk},
    )


def test_saving_a_comment_unchanged_writes_nothing(draft: Decision, people: People) -> None:
    comment = open_thread(draft, by=people.ux, remark=Remark("How many?")).comments.get()
    before = factories.all_rows()
    edit_comment(comment, by=people.ux, body="How many?")
    assert factories.all_rows() == before


def test_only_its_author_edits_a_comment_and_only_while_the_record_is_open(
    in_review: Decision, people: People
) -> None:
    comment = open_thread(in_review, by=people.ux, remark=Remark("How many?")).comments.get()
    for by in (people.owner, people.business, people.outsider):
        with pytest.raises(Refused, match="Only its author can change this comment"):
            edit_comment(comment, by=by, body="None.")
    withdraw(in_review, by=people.owner, reason="Given up.")
    with pytest.raises(Refused, match="The record is withdrawn"):
        edit_comment(comment, by=people.ux, body="None.")


def test_held_comments_are_sent_as_threads_and_replies_of_one_review(
    in_review: Decision, people: People
) -> None:
    thread = open_thread(in_review, by=people.business, remark=Remark("Enough?"))
    about = Remark("Say how many.", section_of(in_review, "problem"), "it is known", must_fix=True)
    hold_back(in_review, by=people.ux, remark=about)
    hold_back(in_review, by=people.ux, remark=Remark("No."), thread=thread)
    before = kinds_of_events(in_review)
    review = send_review(in_review, by=people.ux, verdict="request_changes")
    assert not PendingComment.objects.exists()
    assert [one.body for one in review.comments.all()] == ["Say how many.", "No."]
    opened = in_review.threads.get(must_fix=True)
    assert (opened.section, opened.quote) == (about.section, "it is known")
    assert thread.comments.last().body == "No."
    assert kinds_of_events(in_review) == [*before, "review"]


def test_holding_back_writes_nothing_of_the_record(in_review: Decision, people: People) -> None:
    before = factories.all_rows()
    held = hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    change_pending(held, by=people.ux, remark=Remark("Hm?", section_of(in_review, "goals")))
    now = factories.all_rows()
    assert [row["body"] for row in now.pop("PendingComment")] == ["Hm?"]
    before.pop("PendingComment")
    assert now == before
    drop_pending(held, by=people.ux)
    drop_pending(held, by=people.ux)
    assert not PendingComment.objects.exists()


def test_the_same_words_held_back_twice_are_one_comment(
    in_review: Decision, people: People
) -> None:
    first, second = (hold_back(in_review, by=people.ux, remark=Remark("Hm.")) for _ in range(2))
    assert first == second
    assert hold_back(in_review, by=people.devops, remark=Remark("Hm.")) != first


def test_a_review_takes_its_authors_held_comments_only(in_review: Decision, people: People) -> None:
    hold_back(in_review, by=people.ux, remark=Remark("Mine."))
    theirs = hold_back(in_review, by=people.devops, remark=Remark("Theirs."))
    review = send_review(in_review, by=people.ux, verdict="comment")
    assert [one.body for one in review.comments.all()] == ["Mine."]
    assert list(PendingComment.objects.all()) == [theirs]


def test_nobody_touches_what_another_holds_back(in_review: Decision, people: People) -> None:
    held = hold_back(in_review, by=people.ux, remark=Remark("Mine."))
    drop_pending(held, by=people.devops)
    with pytest.raises(Refused, match="sent or removed meanwhile"):
        change_pending(held, by=people.devops, remark=Remark("Theirs."))
    held.refresh_from_db()
    assert held.body == "Mine."


def test_what_was_sent_meanwhile_is_not_changed_unseen(in_review: Decision, people: People) -> None:
    held = hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    send_review(in_review, by=people.ux, verdict="comment")
    with pytest.raises(Refused, match="sent or removed meanwhile"):
        change_pending(held, by=people.ux, remark=Remark("Hm?"))
    assert Comment.objects.get().body == "Hm."


def test_comments_are_held_back_in_review_only_and_stay_when_it_ends(
    in_review: Decision, people: People
) -> None:
    held = hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    withdraw(in_review, by=people.owner, reason="Given up.")
    with pytest.raises(Refused, match="The record is withdrawn"):
        hold_back(in_review, by=people.ux, remark=Remark("And this."))
    with pytest.raises(Refused, match="The record is withdrawn"):
        change_pending(held, by=people.ux, remark=Remark("Hm?"))
    with pytest.raises(Refused):
        hold_back(in_review, by=people.outsider, remark=Remark("And mine."))
    assert list(PendingComment.objects.all()) == [held]
    drop_pending(held, by=people.ux)


def test_a_review_without_words_sent_twice_from_one_form_is_one(
    in_review: Decision, people: People
) -> None:
    hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    first, second = (
        send_review(in_review, by=people.ux, verdict="comment", after=0) for _ in range(2)
    )
    assert first == second
    assert kinds_of_events(in_review).count("review") == 1
    with pytest.raises(BadInput):
        send_review(in_review, by=people.ux, verdict="comment", after=first.pk)


def test_other_words_from_an_old_form_are_another_review(
    in_review: Decision, people: People
) -> None:
    first = send_review(in_review, by=people.ux, verdict="comment", body="Fine.", after=0)
    second = send_review(in_review, by=people.ux, verdict="comment", body="And short.", after=0)
    assert first != second


def test_a_review_speaks_of_the_content_that_the_reviewer_was_shown(
    in_review: Decision, people: People
) -> None:
    shown = in_review.digest
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    said = {"verdict": "comment", "digest": shown}
    assert send_review(in_review, by=people.devops, body="Fine.", **said).digest == shown
    said["digest"] = "f" * 64
    now = fresh(in_review).digest
    assert send_review(in_review, by=people.devops, body="Fine!", **said).digest == now


def standing(record: Decision) -> list[str]:
    """Return who still asks for changes."""
    return [str(one.reviewer) for one in standing_requests(fresh(record))]


def ask(record: Decision, people: People, *kinds: str) -> None:
    """Have DevOps ask for changes of these parts."""
    remarks = [Remark(f"Load? {kind}", section_of(record, kind)) for kind in kinds]
    said = {"verdict": "request_changes", "body": "Not yet.", "remarks": remarks}
    send_review(record, by=people.devops, **said)


def review_again(record: Decision, people: People, body: str = "Thank you.") -> None:
    """Have DevOps send a second review, without a request."""
    now = fresh(record).digest
    send_review(record, by=people.devops, verdict="comment", body=body, digest=now)


def test_a_request_stands_when_nothing_changed_even_if_they_review_again(
    in_review: Decision, people: People
) -> None:
    ask(in_review, people)
    review_again(in_review, people)
    assert standing(in_review) == ["Devi Menon"]


def test_a_request_stands_when_it_was_answered_but_not_reviewed_again(
    in_review: Decision, people: People
) -> None:
    ask(in_review, people, "results_devops")
    factories.edit(in_review, "results_devops", people, reading="A thousand a day.")
    assert standing(in_review) == ["Devi Menon"]
    review_again(in_review, people)
    assert standing(in_review) == []


def test_a_change_elsewhere_does_not_answer_a_request(in_review: Decision, people: People) -> None:
    ask(in_review, people, "results_devops", "profile_operations")
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    review_again(in_review, people)
    assert standing(in_review) == ["Devi Menon"]
    factories.edit(in_review, "profile_operations", people, load="Ten a minute")
    review_again(in_review, people, "Good.")
    assert standing(in_review) == []


def test_a_request_of_the_whole_record_is_answered_by_any_change(
    in_review: Decision, people: People
) -> None:
    ask(in_review, people)
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    review_again(in_review, people)
    assert standing(in_review) == []


def test_a_change_that_the_reviewer_was_not_shown_answers_nothing(
    in_review: Decision, people: People
) -> None:
    ask(in_review, people, "results_devops")
    shown = fresh(in_review).digest
    factories.edit(in_review, "results_devops", people, reading="A thousand a day.")
    send_review(in_review, by=people.devops, verdict="comment", body="Hm.", digest=shown)
    assert standing(in_review) == ["Devi Menon"]


def test_a_change_that_was_taken_back_answers_nothing(in_review: Decision, people: People) -> None:
    was = section_of(in_review, "results_devops").data["reading"]
    ask(in_review, people, "results_devops")
    factories.edit(in_review, "results_devops", people, reading="A thousand a day.")
    shown = fresh(in_review).digest
    factories.edit(in_review, "results_devops", people, reading=was)
    send_review(in_review, by=people.devops, verdict="comment", body="Good.", digest=shown)
    assert standing(in_review) == ["Devi Menon"]


def test_a_second_request_does_not_end_the_first(in_review: Decision, people: People) -> None:
    ask(in_review, people, "results_devops")
    ask(in_review, people, "results_ux")
    assert standing(in_review) == ["Devi Menon", "Devi Menon"]
    first = blockers(fresh(in_review), "approve")[0]
    assert first.sentence == "Devi Menon has asked for changes; 2 requests stand."
    assert first.waits_on == "Devi Menon"


def test_a_rating_answers_a_request_about_that_roles_ratings(
    in_review: Decision, people: People
) -> None:
    ask(in_review, people, "assessment_ux")
    candidate = in_review.candidates.get(letter="A")
    assess(candidate, by=people.ux, role="ux", ratings={"fit": (1, "It interrupts.")})
    review_again(in_review, people)
    assert standing(in_review) == []


def test_the_request_of_who_has_left_is_the_owners_to_lift(
    in_review: Decision, people: People
) -> None:
    second = factories.second_person(in_review, "devops")
    review = send_review(in_review, by=second, verdict="request_changes", body="Load?")
    gone = in_review.participants.get(user=second)
    remove_participant(in_review, by=people.owner, participant=gone)
    with pytest.raises(Refused):
        lift_review(fresh_review(review), by=people.ux)
    lift_review(fresh_review(review), by=people.owner)
    assert standing(in_review) == []


def fresh_review(review: Review) -> Review:
    """Return a review as it stands in the database."""
    return Review.objects.get(pk=review.pk)


def test_sending_a_review_is_a_look_at_what_was_shown(in_review: Decision, people: People) -> None:
    shown = in_review.digest
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    send_review(in_review, by=people.devops, verdict="comment", body="Fine.", digest=shown)
    assert set(Look.objects.filter(user=people.devops).values_list("digest", flat=True)) == {shown}


def test_reopening_answers_no_request_for_changes(in_review: Decision, people: People) -> None:
    send_review(in_review, by=people.devops, verdict="request_changes", body="Load?")
    reopen(in_review, by=people.owner, reason="Once more.")
    submit(in_review, by=people.owner)
    send_review(in_review, by=people.devops, verdict="comment", body="I still ask.")
    assert [one.reviewer for one in standing_requests(fresh(in_review))] == [people.devops]
