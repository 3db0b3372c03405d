"""The pages of discussion and review: what they keep, what they hide, and how they answer."""

import re
from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from decisions.actions.lifecycle import withdraw
from decisions.actions.pending import hold_back
from decisions.actions.records import remove_participant
from decisions.actions.review import Remark, edit_comment, open_thread, reply, resolve, send_review
from decisions.exports.document import record_document
from decisions.exports.source import document_source
from decisions.models import Comment, Decision, Event, PendingComment, Review, User
from decisions.models import Thread as Discussion
from tests import factories
from tests.factories import People, fresh, section_of

SignIn = Callable[[User], Client]

SECRET = "a thought that is not ripe"


def url(record: Decision, name: str, *arguments: object) -> str:
    return reverse(f"decisions:{name}", args=[record.reference, *arguments])


def html_of(client: Client, record: Decision, name: str, *arguments: object) -> str:
    return client.get(url(record, name, *arguments)).content.decode()


def with_htmx(user: User) -> Client:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(user)
    return client


def test_a_comment_is_made_from_a_selected_passage(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    address = f"{url(in_review, 'new_thread')}?section=problem&quote=it+is+known"
    html = client.get(address).content.decode()
    assert '<option value="problem" selected>' in html
    assert re.search(r"<textarea name=\"quote\"[^>]*>\s*it is known</textarea>", html)
    sent = {"section": "problem", "quote": "it is known", "body": "By whom?"}
    response = client.post(url(in_review, "new_thread"), sent)
    thread = Discussion.objects.get()
    assert response["Location"] == thread.get_absolute_url()
    assert (thread.quote, thread.section) == ("it is known", section_of(in_review, "problem"))
    html = html_of(client, in_review, "record")
    assert 'data-quoted-in="section-problem"' in html
    assert "Outdated:" not in html
    factories.edit(in_review, "problem", people, problem="?", question="?", scope="?")
    html = html_of(client, in_review, "record")
    assert "Outdated:" in html
    assert "it is known" in html


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"section": "problem", "quote": "never written", "body": SECRET}, "not in this part"),
        ({"quote": "never written", "body": SECRET}, "nowhere in the record"),
        ({"section": "nonsense", "body": SECRET}, "Select a valid choice"),
        ({"section": "problem", "quote": "it is known", "body": ""}, "Fill this in."),
    ],
)
def test_a_comment_that_is_not_taken_comes_back_with_its_text(
    sent: dict[str, str], told: str, in_review: Decision, people: People, sign_in: SignIn
) -> None:
    response = sign_in(people.ux).post(url(in_review, "new_thread"), sent)
    assert response.status_code == 422
    html = response.content.decode()
    assert told in html
    assert (sent["body"] or sent["quote"]) in html
    assert 'data-unsaved="typed"' in html
    assert not Discussion.objects.exists()


def test_a_quote_without_a_part_finds_its_part(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    sent = {"quote": "Forgets a team that is renamed", "body": "Which?"}
    sign_in(people.ux).post(url(in_review, "new_thread"), sent)
    section = Discussion.objects.get().section
    assert section is not None
    assert section.kind == "candidates"


@pytest.mark.parametrize("name", ["new_thread", "reply", "edit_comment", "review", "edit_pending"])
def test_what_the_records_state_refuses_comes_back_with_its_text(
    name: str, in_review: Decision, people: People, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.ux, remark=Remark("Why?"))
    held = hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    withdraw(in_review, by=people.owner, reason="Given up.")
    client = sign_in(people.ux)
    before = factories.all_rows()
    arguments = {
        "reply": [thread.pk],
        "edit_comment": [thread.comments.get().pk],
        "edit_pending": [held.pk],
    }
    sent = {"body": SECRET, "summary": SECRET, "verdict": "comment"}
    response = client.post(url(in_review, name, *arguments.get(name, [])), sent)
    assert response.status_code == 409
    html = response.content.decode()
    assert SECRET in html
    assert "The record is withdrawn." in html
    assert factories.all_rows() == before


def test_who_may_not_comment_is_refused_and_keeps_the_text(people: People, sign_in: SignIn) -> None:
    record = factories.in_review(people, visibility="everyone")
    client = sign_in(people.outsider)
    assert client.get(url(record, "new_thread")).status_code == 403
    response = client.post(url(record, "new_thread"), {"body": SECRET})
    assert response.status_code == 403
    assert SECRET in response.content.decode()
    assert not Discussion.objects.exists()


def test_in_review_a_comment_goes_at_once_or_with_the_review(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    html = html_of(client, in_review, "new_thread")
    assert "Comment now" in html
    assert "Add to my review" in html
    response = client.post(
        url(in_review, "new_thread"), {"section": "problem", "body": SECRET, "hold": "1"}
    )
    assert response["Location"] == f"{in_review.get_absolute_url()}#section-problem"
    assert PendingComment.objects.get().body == SECRET
    assert not Discussion.objects.exists()
    html = html_of(client, in_review, "record")
    assert "Pending, not sent" in html
    assert "1 comment waits to be sent." in html


def test_in_a_draft_there_is_no_review_to_add_to(
    draft: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    assert "Add to my review" not in html_of(client, draft, "new_thread")
    response = client.post(url(draft, "new_thread"), {"body": SECRET, "hold": "1"})
    assert response.status_code == 409
    assert SECRET in response.content.decode()
    assert not PendingComment.objects.exists()


def test_the_review_page_lists_what_is_held_edits_removes_and_sends_it_once(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    first = hold_back(in_review, by=people.ux, remark=Remark("One."))
    second = hold_back(in_review, by=people.ux, remark=Remark("Two."))
    html = html_of(client, in_review, "review")
    assert html.count("Pending, not sent") == 2
    client.post(url(in_review, "edit_pending", first.pk), {"body": "One, and a half."})
    client.post(url(in_review, "remove_pending", second.pk))
    assert [one.body for one in PendingComment.objects.all()] == ["One, and a half."]
    html = html_of(client, in_review, "review")
    sent = {"verdict": "request_changes", "summary": "", "digest": in_review.digest, "after": "0"}
    assert f'name="digest" value="{in_review.digest}"' in html
    assert 'name="after" value="0"' in html
    assert client.post(url(in_review, "review"), sent).status_code == 302
    assert client.post(url(in_review, "review"), sent).status_code == 302
    review = Review.objects.get()
    assert review.asks_for_changes
    assert [one.body for one in review.comments.all()] == ["One, and a half."]


def test_a_review_that_says_nothing_is_asked_to_say_something(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    response = sign_in(people.ux).post(
        url(in_review, "review"), {"verdict": "comment", "after": "0"}
    )
    assert response.status_code == 422
    assert "Say what you think" in response.content.decode()


def test_a_review_of_what_has_changed_meanwhile_says_so(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    sent = {"verdict": "comment", "summary": "Fine.", "digest": in_review.digest, "after": "0"}
    factories.edit(in_review, "problem", people, budget="Unlimited")
    html = client.post(url(in_review, "review"), sent, follow=True).content.decode()
    assert "the record has changed since" in html
    assert Review.objects.get().digest == in_review.digest


def test_what_was_held_back_stays_when_the_record_leaves_review(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    held = hold_back(in_review, by=people.ux, remark=Remark(SECRET))
    withdraw(in_review, by=people.owner, reason="Given up.")
    client = sign_in(people.ux)
    client.logout()
    client.force_login(people.ux)
    assert "1 comment of yours was not sent" in html_of(client, in_review, "record")
    response = client.get(url(in_review, "review"))
    assert response.status_code == 200
    html = response.content.decode()
    assert SECRET in html
    assert "Send the review" not in html
    assert sign_in(people.devops).get(url(in_review, "review")).status_code == 409
    client.post(url(in_review, "remove_pending", held.pk))
    assert not PendingComment.objects.exists()


def test_what_one_holds_back_appears_nowhere_to_anyone_else(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.business, remark=Remark("Enough?"))
    section = section_of(in_review, "problem")
    held = hold_back(in_review, by=people.ux, remark=Remark(SECRET, section, "it is known"))
    hold_back(in_review, by=people.ux, remark=Remark(f"{SECRET} @devi"), thread=thread)
    pages = ["record", "review", "changes", "candidates", "evidence", "people", "history"]
    pages += ["documents", "new_thread", "sign"]
    superuser = factories.person("root", is_superuser=True, is_staff=True)
    for user in (people.owner, people.business, people.devops, superuser):
        client = sign_in(user)
        addresses = [url(in_review, name) for name in pages]
        addresses += [url(in_review, name, thread.pk) for name in ("thread", "reply")]
        for address in [*addresses, reverse("desk"), reverse("decisions:list")]:
            html = client.get(address).content.decode()
            assert SECRET not in html
            assert "Pending, not sent" not in html
        assert client.get(url(in_review, "edit_pending", held.pk)).status_code == 404
        client.post(url(in_review, "remove_pending", held.pk))
        sent = {"body": "Taken over."}
        assert client.post(url(in_review, "edit_pending", held.pk), sent).status_code in {403, 409}
    assert PendingComment.objects.filter(body__startswith=SECRET).count() == 2
    assert SECRET not in str(document_source(fresh(in_review)).values)
    assert SECRET not in str([list(Event.objects.values())])
    assert SECRET not in str(record_document(in_review).__dict__)
    html = html_of(sign_in(people.ux), in_review, "record")
    assert html.count("Pending, not sent") == 2


def test_replying_in_place_answers_with_the_thread_and_a_wrong_one_with_its_form(
    in_review: Decision, people: People
) -> None:
    thread = open_thread(in_review, by=people.business, remark=Remark("Enough?"))
    client = with_htmx(people.ux)
    address = url(in_review, "reply", thread.pk)
    form = client.get(address).content.decode()
    assert f'hx-target="#thread-{thread.pk}"' in form
    assert "<html" not in form
    wrong = client.post(address, {"body": ""})
    assert wrong.status_code == 422
    assert wrong["HX-Retarget"] == f"#reply-{thread.pk}"
    html = client.post(address, {"body": "Yes, @bruno."}).content.decode()
    assert "<html" not in html
    assert '<span class="mention">Bruno Costa</span>' in html
    assert "Your reply is on the record." in html
    html = client.post(address, {"body": "And later?", "hold": "1"}).content.decode()
    assert "Pending, not sent" in html
    assert 'id="held-back" hx-swap-oob="true"' in html
    withdraw(in_review, by=people.owner, reason="Given up.")
    refused = client.post(address, {"body": SECRET})
    assert refused.status_code == 409
    assert refused["HX-Retarget"] == f"#reply-{thread.pk}"
    assert SECRET in refused.content.decode()


def test_an_edited_comment_shows_that_and_what_it_said(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.ux, remark=Remark("How many?"))
    comment = thread.comments.get()
    assert "Edited" not in html_of(sign_in(people.owner), in_review, "record")
    address = url(in_review, "edit_comment", comment.pk)
    client = sign_in(people.ux)
    assert "How many?" in client.get(address).content.decode()
    assert client.post(address, {"body": "How many a day?"}).status_code == 302
    html = html_of(sign_in(people.owner), in_review, "record")
    assert "Edited" in html
    assert "How many?" in html
    assert "How many a day?" in html
    assert sign_in(people.business).get(address).status_code == 403
    assert "How many" not in html_of(client, in_review, "history")


def test_a_comment_of_another_record_is_not_found_under_this_one(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    other = factories.open_record(people)
    thread = open_thread(other, by=people.ux, remark=Remark("Elsewhere"))
    client = sign_in(people.ux)
    assert client.get(url(in_review, "thread", thread.pk)).status_code == 404
    assert client.get(url(in_review, "edit_comment", thread.comments.get().pk)).status_code == 404


def test_the_request_says_whether_what_it_speaks_of_has_changed(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    remarks = [Remark("How many?", section=section_of(in_review, "problem"))]
    said = {"verdict": "request_changes", "body": "Not yet.", "remarks": remarks}
    send_review(in_review, by=people.devops, **said)
    mine, others = sign_in(people.devops), sign_in(people.owner)
    factories.edit(in_review, "results_ux", people, reading="Otherwise.")
    html = html_of(mine, in_review, "record")
    assert "Your request still stands: nothing it spoke of has changed." in html
    assert "It speaks of: Problem and scope" in html
    assert "Lift my request" in html
    assert "It stands: nothing it spoke of has changed." in html_of(others, in_review, "record")
    factories.edit(in_review, "problem", people, budget="Unlimited")
    assert "What you spoke of has changed." in html_of(mine, in_review, "review")
    html = html_of(others, in_review, "record")
    assert "It stands until Devi Menon reviews again or lifts it." in html
    assert "Lift the request" not in html


def test_the_owner_may_lift_the_request_of_who_has_left(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    second = factories.second_person(in_review, "devops")
    review = send_review(in_review, by=second, verdict="request_changes", body="Load?")
    gone = in_review.participants.get(user=second)
    remove_participant(in_review, by=people.owner, participant=gone)
    client = sign_in(people.owner)
    html = html_of(client, in_review, "record")
    assert "has left the record" in html
    assert f"Lift the request of {second}" in html
    assert "Lift the request" not in html_of(sign_in(people.ux), in_review, "record")
    told = client.post(url(in_review, "lift", review.pk), follow=True).content.decode()
    assert f"{second}’s request for changes is lifted." in told


def test_the_people_to_call_stand_in_the_page_as_data(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    html = html_of(sign_in(people.ux), in_review, "new_thread")
    assert '<option value="bruno">Bruno Costa</option>' in html
    assert "xaver" not in html
    assert 'data-completes="people evidence"' in html


def many_threads(record: Decision, people: People, count: int) -> list[Discussion]:
    """Write threads with a reply each straight into the database."""
    sections = list(record.sections.all())
    threads = Discussion.objects.bulk_create(
        Discussion(
            decision=record,
            section=sections[number % len(sections)],
            quote="it is known" if number % 3 == 0 else "",
            must_fix=number == 1,
        )
        for number in range(count)
    )
    for author in (people.ux, people.business):
        Comment.objects.bulk_create(
            Comment(thread=one, author=author, body=f"Thought {one.pk} of {author}, @devi.")
            for one in threads
        )
    return threads


@pytest.mark.parametrize("name", ["record", "review"])
def test_the_queries_are_the_same_with_3_and_with_300_threads(
    name: str,
    people: People,
    in_review: Decision,
    sign_in: SignIn,
    django_assert_num_queries: Callable,
    django_assert_max_num_queries: Callable,
) -> None:
    client = sign_in(people.ux)
    many_threads(in_review, people, 3)
    hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    client.get(url(in_review, name))
    with django_assert_max_num_queries(80) as few:
        client.get(url(in_review, name))
    many_threads(in_review, people, 297)
    with django_assert_num_queries(len(few.captured_queries)):
        html = html_of(client, in_review, name)
    assert html.count('<section class="thread"') == 8
    assert html.count('<li class="thread-line"') == 292
    assert len(html) < 600_000


def test_what_must_be_fixed_stands_first_then_what_was_said_last(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    threads = many_threads(in_review, people, 20)
    reply(threads[4], by=people.ux, body="Again.")
    html = html_of(sign_in(people.ux), in_review, "record")
    shown = re.findall(r'<section class="thread" id="thread-(\d+)"', html)
    assert [int(one) for one in shown[:2]] == [threads[1].pk, threads[4].pk]
    lines = re.findall(r'<li class="thread-line" id="thread-(\d+)"', html)
    assert len(shown) + len(lines) == 20
    fragment = with_htmx(people.ux).get(url(in_review, "thread", lines[0])).content.decode()
    assert f'<section class="thread" id="thread-{lines[0]}"' in fragment
    assert "<html" not in fragment


def test_a_long_thread_shows_its_first_and_last_words_and_all_on_its_page(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.ux, remark=Remark("First words"))
    for number in range(10):
        reply(thread, by=people.business, body=f"Reply number {number}.")
    client = sign_in(people.ux)
    html = html_of(client, in_review, "record")
    assert "7 more replies" in html
    assert "First words" in html
    assert "Reply number 9." in html
    assert "Reply number 3." not in html
    assert "Reply number 3." in html_of(client, in_review, "thread", thread.pk)


def test_resolved_threads_stand_as_lines(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.ux, remark=Remark("Why?", must_fix=True))
    resolve(thread, by=people.owner)
    html = html_of(sign_in(people.ux), in_review, "record")
    assert "1 resolved" in html
    assert "Must fix" not in html
    assert "Resolved by Olivia Brandt" in html_of(
        sign_in(people.ux), in_review, "thread", thread.pk
    )


def test_no_page_of_the_review_holds_an_inline_script_or_style(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.ux, remark=Remark("Why?"))
    edit_comment(thread.comments.get(), by=people.ux, body="Why so?")
    hold_back(in_review, by=people.ux, remark=Remark("Hm."))
    client = sign_in(people.ux)
    for address in (url(in_review, "review"), url(in_review, "thread", thread.pk)):
        html = client.get(address).content.decode()
        assert " style=" not in html
        assert not re.search(r"<script(?![^>]* src=)", html)
        assert not re.search(r"\son\w+=", html)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("new_thread", {"section": "problem", "body": "By whom?"}),
        ("new_thread", {"section": "problem", "body": "By whom?", "hold": "1"}),
        ("reply", {"body": "By whom?"}),
        ("reply", {"body": "By whom?", "hold": "1"}),
        ("review", {"verdict": "comment", "after": "0"}),
    ],
)
def test_what_is_sent_twice_at_the_same_moment_is_written_once(
    name: str, sent: dict[str, str], people: People
) -> None:
    record = factories.in_review(people)
    thread = open_thread(record, by=people.owner, remark=Remark("Enough?"))
    hold_back(record, by=people.ux, remark=Remark("Hm."))
    address = url(record, name, *([thread.pk] if name == "reply" else []))
    clients = [Client() for _ in range(4)]
    for client in clients:
        client.force_login(people.ux)
    started = Barrier(len(clients))
    statuses = []

    def send(client: Client) -> None:
        started.wait()
        statuses.append(client.post(address, sent).status_code)
        connection.close()

    senders = [Thread(target=send, args=[client]) for client in clients]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert statuses == [302] * 4
    written = Comment.objects.count() - 1 + PendingComment.objects.count()
    assert written == (1 if name == "review" else 2)
    assert Review.objects.count() == (1 if name == "review" else 0)


def test_what_was_held_back_in_another_tab_since_stays_held(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    first = hold_back(in_review, by=people.ux, remark=Remark("Shown."))
    html = html_of(client, in_review, "review")
    shown = re.findall(r'name="held" value="([0-9]*)"', html)
    assert shown == ["", str(first.pk)]
    hold_back(in_review, by=people.ux, remark=Remark("Held back later."))
    sent = {"verdict": "comment", "digest": in_review.digest, "after": "0", "held": shown}
    html = client.post(url(in_review, "review"), sent, follow=True).content.decode()
    assert "1 comment that you held back meanwhile was not on that page: it still waits." in html
    assert [one.body for one in Review.objects.get().comments.all()] == ["Shown."]
    assert PendingComment.objects.get().body == "Held back later."
    again = client.post(url(in_review, "review"), sent)
    assert again.status_code == 302
    assert Review.objects.count() == 1
    assert PendingComment.objects.count() == 1


def test_a_stale_page_that_showed_nothing_held_sends_nothing_held(
    in_review: Decision, people: People, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    held = hold_back(in_review, by=people.ux, remark=Remark("Held back later."))
    sent = {"verdict": "comment", "digest": in_review.digest, "after": "0", "held": ["", "x"]}
    response = client.post(url(in_review, "review"), sent)
    assert response.status_code == 422
    assert f'name="held" value="{held.pk}"' in response.content.decode()
    assert not Review.objects.exists()
