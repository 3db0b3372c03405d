"""Discussing a record, and reviewing it with a verdict."""

import pytest

from decisions.actions.review import (
    Remark,
    lift_review,
    open_thread,
    reply,
    resolve,
    send_review,
)
from decisions.models import Decision, Verdict
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
    assert (last.kind, last.data) == ("review", {"verdict": "comment", "remarks": 2})


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
