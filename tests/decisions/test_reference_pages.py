"""References on the pages: offered, shown, refused while they do not hold; numbers by hand."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.evidence import attach_evidence, withdraw_evidence
from decisions.actions.review import Remark, edit_comment, open_thread, send_review
from decisions.actions.rows import edit_goal
from decisions.exports.document import record_document
from decisions.exports.pdf import render_html
from decisions.models import Decision, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]
KIND = "results_data_science"
HTMX = {"HTTP_HX_REQUEST": "true"}


def html_of(client: Client, record: Decision, name: str = "record", *rest: str) -> str:
    response = client.get(reverse(f"decisions:{name}", args=[record.reference, *rest]))
    return str(response.content.decode())


def part_of(html: str, kind: str = KIND) -> str:
    """Return what a record's page shows of one part."""
    return html.partition(f'id="section-{kind}"')[2].partition("</section>")[0]


def withdraw(record: Decision, people: People) -> None:
    evidence = record.evidence.get(number=1)
    withdraw_evidence(evidence, by=people.owner, reason="The split was wrong.")


def answer(record: Decision, **fields: Any) -> dict[str, Any]:
    """Return the form of the quality findings as a browser sends it."""
    return {"token": factories.section_of(record, KIND).token, **fields}


def test_a_part_shows_figure_and_target_and_strikes_what_was_withdrawn(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    factories.edit(complete_draft, KIND, people, reading="It is [[E1]]; asked is [[accuracy]].")
    client = sign_in(people.ux)
    part = part_of(html_of(client, complete_draft))
    assert "(95% CI 76.0–86.0, n = 200) [E1]</a>" in part
    assert "at least 85&nbsp;% [Accuracy]</a>" in part
    assert "<s>" not in part
    withdraw(complete_draft, people)
    part = part_of(html_of(client, complete_draft))
    assert 'title="The split was wrong."' in part
    assert "<s>" in part
    assert "It refers to E1, which was withdrawn (The split was wrong)." in part


def test_the_document_says_so_too_and_links_within_itself(
    people: People, complete_draft: Decision
) -> None:
    factories.edit(complete_draft, KIND, people, reading="It is [[E1]]; asked is [[accuracy]].")
    withdraw(complete_draft, people)
    html = render_html(record_document(complete_draft))
    assert '<a class="evidence-link" href="#E1" title="The split was wrong."' in html
    assert "(withdrawn)</mark>" in html
    assert html.count('id="E1"') == 1
    assert 'href="#section-goals"' in html
    assert 'id="section-goals"' in html


def test_the_next_step_leads_to_the_part_that_has_to_be_mended(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    factories.edit(complete_draft, KIND, people, reading="It is [[E1]].")
    withdraw(complete_draft, people)
    html = html_of(sign_in(people.owner), complete_draft)
    step = html.partition('id="next-step"')[2].partition("</section>")[0]
    assert f'href="/decisions/{complete_draft.reference}/#section-{KIND}"' in step
    assert "needs work: It refers to E1, which was withdrawn" in step
    assert "disabled" in step
    response = sign_in(people.owner).post(
        reverse("decisions:move", args=[complete_draft.reference, "submit"])
    )
    assert response.status_code == 409


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_part_that_refers_to_nothing_is_not_taken_as_complete(
    headers: dict[str, str], people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.data_science)
    url = reverse("decisions:section", args=[complete_draft.reference, KIND])
    data = answer(complete_draft, reading="It is [[E99]], as typed.", complete="on")
    response = client.post(url, data, **headers)
    assert response.status_code == 422
    html = response.content.decode()
    assert "It refers to E99, and there is no such evidence." in html
    assert "It is [[E99]], as typed." in html
    saved = client.post(url, answer(complete_draft, reading="It is [[E99]]."))
    assert saved.status_code == 302
    assert "there is no such evidence" in part_of(html_of(client, complete_draft))


def test_evidence_and_goals_are_offered_where_a_text_is_written(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    withdraw(complete_draft, people)
    client = sign_in(people.data_science)
    pages = (
        html_of(client, complete_draft),
        html_of(client, complete_draft, "section", KIND),
        html_of(client, complete_draft, "candidate", "A"),
        html_of(client, complete_draft, "new_thread"),
    )
    for html in pages:
        offers = html.partition('<datalist id="references">')[2].partition("</datalist>")[0]
        assert '<option value="E3">B. A tuned head, Accuracy: 89.0' in offers
        assert '<option value="accuracy">Goal: Accuracy at least 85' in offers
        assert 'value="E1"' not in offers, "what was withdrawn is not offered"
        assert "js/completer.js" in html
    for html in pages[1:]:
        assert "<code>[[E3]]</code> B. A tuned head, Accuracy" in html, "without JavaScript"
        assert 'data-completes="' in html
    form = client.get(
        reverse("decisions:section", args=[complete_draft.reference, KIND]), **HTMX
    ).content.decode()
    assert 'data-completes="references"' in form
    assert "<code>[[E3]]</code>" in form


WORDS = "Only as the target is [[accuracy]], by [[E1]]; [[E5]] will tell"
SPOKEN = re.compile(r"Only as the target is .*?will tell")


def test_what_people_say_reads_for_ever_as_it_did_when_they_said_it(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    thread = open_thread(in_review, by=people.ux, remark=Remark(WORDS, must_fix=False))
    edit_comment(thread.comments.get(), by=people.ux, body=f"{WORDS} us")
    send_review(in_review, by=people.ux, verdict="request_changes", body=WORDS)
    reserved = {"meaning": "approve_with_reservation", "text": WORDS}
    signature = factories.sign(in_review, people.devops, "devops", **reserved)
    client = sign_in(people.owner)

    def spoken() -> tuple[list[str], list[str]]:
        page = html_of(client, in_review) + html_of(client, in_review, "review")
        document = render_html(record_document(factories.fresh(in_review)))
        return SPOKEN.findall(page), SPOKEN.findall(document)

    before = spoken()
    assert [len(found) for found in before] == [7, 3]
    assert {found.partition(", by")[0] for found in before[0] + before[1]} == {
        "Only as the target is accuracy"
    }
    assert all("n = 200) [E1]</a>; E5 will tell" in found for found in before[0] + before[1])
    goal = in_review.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, target=99.0)
    withdraw(in_review, people)
    candidate = in_review.candidates.get(letter="A")
    attach_evidence(candidate, by=people.data_science, measurements=[factories.measurement()])
    assert in_review.evidence.filter(number=5).exists()
    after = spoken()
    assert [set(found) for found in after] == [set(found) for found in before]
    signature.refresh_from_db()
    assert signature.text == WORDS


def test_where_people_speak_only_evidence_is_offered(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.ux)
    for name in ("new_thread", "review", "sign"):
        html = html_of(client, in_review, name)
        assert re.search(r'data-completes="(people )?evidence"', html)
        assert "<code>[[accuracy]]</code>" not in html


def test_who_may_not_read_the_record_is_offered_nothing(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    url = reverse("decisions:section", args=[complete_draft.reference, KIND])
    assert sign_in(people.outsider).get(url).status_code == 404


def test_a_number_written_by_hand_is_shown_to_its_author_after_the_save(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.data_science)
    url = reverse("decisions:section", args=[complete_draft.reference, KIND])
    data = answer(complete_draft, reading="B is right in **88%** of cases.", complete="on")
    html = client.post(url, data, **HTMX).content.decode()
    part = part_of(html)
    assert "Written by hand" in part
    assert "B is right in <mark>88%</mark> of cases." in part
    assert "<code>[[E3]]</code>, 89.0" in part
    assert "Written by hand" not in part_of(html_of(sign_in(people.ux), complete_draft))


def test_reviewers_see_the_numbers_written_by_hand_and_nobody_is_held_back(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    factories.edit(in_review, "recommendation", people, rationale="It costs $7 now.")
    factories.edit(in_review, "recommendation", people, exit_criteria="Below 60 %.")
    reviewer = sign_in(people.ux)
    for name in ("record", "review"):
        html = html_of(reviewer, in_review, name)
        block = html.partition('id="by-hand-title"')[2].partition("</section>")[0]
        assert "1 number<" in block, "limits are no measurements"
        assert "<mark>$7</mark>" in block
        assert "#section-recommendation" in block
    assert "… and more" not in html
    factories.edit(in_review, KIND, people, reading="Then 12 % came. " * 51)
    html = html_of(reviewer, in_review, "review")
    assert html.count("<mark>12 %</mark>") == 50
    assert html.count("… and more") == 1
    outsider = html_of(sign_in(people.owner), in_review)
    assert "needs work" not in outsider
    factories.sign(in_review, people.ux, "ux")


def test_a_closed_record_is_left_alone(people: People, approved: Decision, sign_in: SignIn) -> None:
    section = factories.section_of(approved, KIND)
    type(section).objects.filter(pk=section.pk).update(data={"reading": "93% of [[E99]]."})
    html = html_of(sign_in(people.data_science), approved)
    assert "Written by hand" not in html
    assert "It refers to" not in html
