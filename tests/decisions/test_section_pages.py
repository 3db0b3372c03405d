"""Writing a part in the browser: in place, without JavaScript, wrongly, and two people at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.models import Decision, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]
HTMX = {"HTTP_HX_REQUEST": "true"}


def part(record: Decision, kind: str, name: str = "section") -> str:
    return reverse(f"decisions:{name}", args=[record.reference, kind])


def problem(record: Decision, **fields: Any) -> dict[str, Any]:
    """Return the form of the problem as a browser sends it."""
    section = factories.section_of(record, "problem")
    return {**section.data, "token": section.token, **fields}


def test_a_save_without_javascript_goes_back_to_the_part(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    response = client.post(part(draft, "problem"), problem(draft, problem="Messages get lost."))
    assert response.status_code == 302
    assert response["Location"] == f"{draft.get_absolute_url()}#section-problem"
    assert factories.section_of(draft, "problem").data == {"problem": "Messages get lost."}


def test_a_save_with_htmx_gives_the_part_and_brings_the_rails_up_to_date(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    data = problem(draft, problem="Messages get *lost*.")
    html = client.post(part(draft, "problem"), data, **HTMX).content.decode()
    assert "<em>lost</em>" in html
    assert 'id="section-problem"' in html
    assert 'id="tasks"' in html
    assert "<html" not in html
    assert "Saved." in html


def test_opening_the_form_with_htmx_gives_the_form_alone(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    html = client.get(part(draft, "problem"), **HTMX).content.decode()
    assert html.lstrip().startswith("<form")
    back = client.get(part(draft, "problem") + "?read", **HTMX).content.decode()
    assert '<section class="part" id="section-problem"' in back


def test_from_a_page_of_its_own_a_part_goes_back_to_the_record(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    url = part(draft, "problem")
    alone = HTMX | {"HTTP_HX_CURRENT_URL": f"http://testserver{url}"}
    saved = client.post(url, problem(draft, problem="Messages get lost."), **alone)
    left = client.get(f"{url}?read", **alone)
    there = f"{draft.get_absolute_url()}#section-problem"
    assert saved["HX-Redirect"] == left["HX-Redirect"] == there
    assert "Saved." in client.get(there).content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_bad_fields_keep_the_typed_text(
    headers: dict[str, str], people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    typed = problem(draft, problem="Half a thought", complete="on")
    response = client.post(part(draft, "problem"), typed, **headers)
    html = response.content.decode()
    assert response.status_code == 422
    assert "Half a thought" in html
    assert "There is a problem" in html
    assert 'href="#id_question"' in html
    assert factories.section_of(draft, "problem").data == {}


def test_two_people_saving_one_part_lose_nothing(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    second = factories.second_person(draft, "business")
    stale = problem(draft, problem="Mine: messages wait for days.", question="Which one?")
    sign_in(people.business).post(
        part(draft, "problem"), problem(draft, problem="Theirs: messages get lost.")
    )
    response = sign_in(second).post(part(draft, "problem"), stale)
    html = response.content.decode()
    assert response.status_code == 409
    assert "Bruno Costa saved this while you were writing." in html
    assert "messages get lost" in html.replace("<del>", "").replace("</del>", "")
    assert "Mine: messages wait for days." in html
    assert factories.section_of(draft, "problem").data["problem"] == "Theirs: messages get lost."


def test_after_a_conflict_the_merged_text_is_saved(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    second = factories.second_person(draft, "business")
    stale = problem(draft, problem="Mine.")
    sign_in(people.business).post(part(draft, "problem"), problem(draft, problem="Theirs."))
    client = sign_in(second)
    conflict = client.post(part(draft, "problem"), stale, **HTMX)
    assert conflict.status_code == 409
    assert "<html" not in conflict.content.decode()
    merged = problem(draft, problem="Theirs and mine.")
    assert client.post(part(draft, "problem"), merged).status_code == 302
    assert factories.section_of(draft, "problem").data["problem"] == "Theirs and mine."


def test_a_browsers_line_ends_alone_change_nothing(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    section = factories.section_of(signed, "problem")
    factories.edit(signed, "problem", people, problem="One line\nand another")
    before = factories.fresh(signed).digest
    data = problem(signed, problem="One line\r\nand another", complete="on")
    sign_in(people.business).post(part(signed, "problem"), data)
    assert factories.fresh(signed).digest == before
    assert section.is_complete


def test_a_refusal_reaches_htmx_in_the_live_region(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.data_science)
    url = part(draft, "candidates", "mark_section")
    response = client.post(url, {"complete": "1"}, **HTMX)
    assert response.status_code == 409
    assert response["HX-Retarget"] == "#messages"
    assert "There is no candidate yet." in response.content.decode()


def test_a_session_that_is_over_leaves_the_half_written_form_where_it_is(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    typed = problem(draft, problem="Half a thought")
    strict = sign_in(people.business, enforce_csrf_checks=True)
    for client in (Client(), strict):
        response = client.post(part(draft, "problem"), typed, **HTMX)
        assert response.status_code == 403
        assert response["HX-Retarget"] == "#messages"
        html = response.content.decode()
        assert "Your session is over." in html
        assert "<html" not in html
    assert Client().post(part(draft, "problem"), typed).status_code == 302


def test_marking_a_part_complete_says_so(
    people: People, complete_draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.data_science)
    url = part(complete_draft, "candidates", "mark_section")
    client.post(url, {"complete": "0"})
    assert not factories.section_of(complete_draft, "candidates").is_complete
    html = client.post(url, {"complete": "1"}, **HTMX).content.decode()
    assert "Marked complete." in html
    assert factories.section_of(complete_draft, "candidates").is_complete


def test_a_script_in_a_text_is_shown_and_never_run(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    client = sign_in(people.business)
    text = "<script>alert(1)</script> [here](javascript:alert(1))"
    client.post(part(draft, "problem"), problem(draft, problem=text))
    html = client.get(draft.get_absolute_url()).content.decode()
    assert "<script>alert" not in html
    assert 'href="javascript' not in html
