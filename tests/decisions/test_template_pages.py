"""The pages of record templates: looking, copying, changing, retiring, and every refusal."""

from collections.abc import Callable
from typing import Any

import pytest
from django.forms import BoundField
from django.test import Client
from django.urls import reverse

from decisions.forms.templates import TemplateForm
from decisions.models import Decision, RecordTemplate, User
from decisions.record_templates import GENERAL, LLM
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]

LIST, NEW = reverse("decisions:templates"), reverse("decisions:new_template")
ONE = reverse("decisions:template", args=[GENERAL])
EDIT = reverse("decisions:edit_template", args=[GENERAL])
OFFER = reverse("decisions:offer_template", args=[GENERAL])


@pytest.fixture
def admin(people: People) -> User:
    """An administrator, who takes part in nothing."""
    return factories.person("ada", "Ada Min", is_staff=True)


def template(key: str = GENERAL) -> RecordTemplate:
    """Return a template as it stands."""
    return RecordTemplate.objects.get(key=key)


def typed(key: str = GENERAL, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends for a template's form with some answers changed."""
    form = TemplateForm(template(key))
    fields: list[BoundField] = [*form, *form.goals.management_form]
    fields += [field for goal in form.goals for field in goal]
    sent = {one.html_name: one.value() for one in fields}
    sent |= {one.html_name: one.value() for one in form.hidden_fields()}
    sent |= changes
    return {name: value for name, value in sent.items() if value is not None and value is not False}


def goal(number: int = 0, **values: Any) -> dict[str, Any]:
    """Return what a browser sends for one goal."""
    known = {"metric": "accuracy", "direction": "at_least", "target": "85", "weight": "2"}
    return {f"goals-{number}-{name}": value for name, value in (known | values).items()}


def test_everyone_signed_in_looks_and_only_administrators_change(
    people: People, admin: User, sign_in: SignIn, client: Client
) -> None:
    looker, changer = sign_in(people.outsider), sign_in(admin)
    for page in (LIST, ONE):
        html = looker.get(page).content.decode()
        assert "General technical decision" in html
        assert EDIT not in html
        assert NEW not in html
    for page in (NEW, EDIT):
        assert looker.get(page).status_code == 403
        assert looker.post(page, typed()).status_code == 403
        assert changer.get(page).status_code == 200
    assert looker.post(OFFER, {"offered": "0"}).status_code == 403
    for page in (LIST, NEW, ONE, EDIT):
        assert client.get(page).status_code == 302


@pytest.mark.parametrize("name", ["template", "edit_template", "offer_template"])
def test_a_template_that_is_not_there_is_not_found(name: str, admin: User, sign_in: SignIn) -> None:
    url = reverse(f"decisions:{name}", args=["no-such"])
    assert sign_in(admin).post(url).status_code in {404, 405}
    assert sign_in(admin).get(url).status_code in {404, 405}
    assert sign_in(admin).get(OFFER).status_code == 405


def test_a_template_says_who_writes_what_who_signs_and_what_a_change_does(
    people: People, sign_in: SignIn
) -> None:
    html = sign_in(people.ux).get(ONE).content.decode()
    for words in (
        "Obligations and deadlines",
        "Any one of UX signs.",
        "They sign in any order.",
        "None: each team sets its own targets.",
        "Changing the template changes neither afterwards",
    ):
        assert words in html


def test_the_number_of_records_counts_only_what_the_reader_may_read(
    people: People, sign_in: SignIn
) -> None:
    factories.open_record(people, template=GENERAL)
    assert "1 record that you may read" in sign_in(people.ux).get(ONE).content.decode()
    assert "that you may read" not in sign_in(people.outsider).get(ONE).content.decode()


def test_a_copy_is_made_and_changed_and_used_without_javascript(
    people: People, admin: User, sign_in: SignIn
) -> None:
    client = sign_in(admin)
    assert (
        'value="general-technical-decision"' in client.get(f"{NEW}?from={GENERAL}").content.decode()
    )
    response = client.post(NEW, {"title": "Platforms", "source": GENERAL})
    assert response["Location"] == template("platforms").get_absolute_url()
    changes = {
        "in_constraints_people": None,
        "place_options": "1",
        "role_options": "data_science",
        "signs_business": "",
        "signs_ux": "all",
        "turn_ux": "1",
        "turn_business": "4",
        "turn_devops": "3",
        "order": "listed",
        "author_may_sign_alone": "on",
    } | goal(is_must="on", worst_acceptable="70", proposed_by_role="devops")
    url = reverse("decisions:edit_template", args=["platforms"])
    assert client.post(url, typed("platforms", **changes)).status_code == 302
    saved = template("platforms")
    kinds = [one["kind"] for one in saved.sections]
    assert kinds[0] == "options"
    assert kinds[-1] == "recommendation"
    assert "constraints_people" not in kinds
    assert saved.sections[0]["role"] == "data_science"
    assert saved.policy == {
        "signing_roles": ["ux", "data_science", "devops"],
        "order": "listed",
        "quorum": {"ux": "all", "data_science": "any", "devops": "any"},
        "author_may_sign_alone": True,
    }
    assert [(one["metric"], one["target"], one["is_must"]) for one in saved.goals] == [
        ("accuracy", 85.0, True)
    ]
    sent = {"title": "Which queue?", "template": "platforms", "visibility": "participants"}
    sign_in(people.owner).post(reverse("decisions:new"), sent)
    record = Decision.objects.get()
    assert record.goals.get().proposed_by_role == "devops"
    assert record.role_of_section("options") == "data_science"


def test_a_part_that_is_taken_in_stands_with_its_chapter(admin: User, sign_in: SignIn) -> None:
    sign_in(admin).post(EDIT, typed(in_profile_data="on"))
    kinds = [one["kind"] for one in template().sections]
    assert kinds[-2:] == ["profile_data", "recommendation"]


def test_a_save_that_changes_nothing_leaves_the_template_as_it_is(
    admin: User, sign_in: SignIn
) -> None:
    before = template()
    assert sign_in(admin).post(EDIT, typed()).status_code == 302
    after = template()
    assert (after.token, after.sections, after.policy) == (0, before.sections, before.policy)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no title": ({"title": ""}, "Title: Fill this in."),
    "another's title": ({"title": "adapting an llm"}, "Another template has this title"),
    "nobody signs": (
        {f"signs_{role}": "" for role in ("business", "data_science", "devops", "ux")},
        "Choose at least one role that signs",
    ),
    "same turn": ({"order": "listed", "turn_ux": "1"}, "a turn of its own"),
    "no such turn": ({"turn_ux": "9"}, "less than or equal to 4"),
    "no such order": ({"order": "backwards"}, "Order of the signatures"),
    "two lists": ({"in_candidates": "on"}, "Choose one part for what is chosen from"),
    "no list": ({"in_options": None}, "Choose one part for what is chosen from"),
    "rated twice": ({"in_assessment_ux": "on"}, "UX would rate every candidate twice"),
    "no such place": ({"place_goals": "0"}, "greater than or equal to 1"),
    "no such role": ({"role_goals": "owner"}, "Select a valid choice"),
    "no target": (goal(target=""), "Target: Fill this in."),
    "strange target": (goal(target="nan"), "Enter a number"),
    "wrong side": (goal(worst_acceptable="90"), "wrong side of the target"),
    "two goals on one": (goal(0) | goal(1), "one goal on “Accuracy”"),
    "goals nowhere": (goal() | {"in_goals": None}, "need the part “List of goals”"),
    "too many goals": ({"goals-TOTAL_FORMS": "99"}, "at most"),
    "no formset": ({"goals-TOTAL_FORMS": None}, "There is a problem"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_in_words_and_what_was_typed_stays(
    name: str, admin: User, sign_in: SignIn
) -> None:
    changes, sentence = REFUSED[name]
    client, before = sign_in(admin), factories.all_rows()
    response = client.post(EDIT, typed(**({"description": "Kept words"} | changes)))
    html = response.content.decode()
    assert response.status_code == 422
    assert sentence in html
    assert "Kept words" in html
    assert "Error:" in html
    assert factories.all_rows() == before


def test_the_recommendation_cannot_be_taken_out(admin: User, sign_in: SignIn) -> None:
    sign_in(admin).post(EDIT, typed(in_recommendation=None))
    assert template().sections[-1] == {"kind": "recommendation", "role": "owner"}


def test_two_versions_stand_side_by_side_and_the_second_save_goes_through(
    admin: User, sign_in: SignIn
) -> None:
    client = sign_in(admin)
    stale = typed(description="My description")
    client.post(EDIT, typed(description="Their description"))
    conflict = client.post(EDIT, stale)
    html = conflict.content.decode()
    assert conflict.status_code == 409
    assert "<del>Their</del>" in html
    assert "<ins>My</ins>" in html
    assert template().description == "Their description"
    assert 'name="token" value="1"' in html
    assert client.post(EDIT, stale | {"token": 1}).status_code == 302
    assert template().description == "My description"


def test_the_same_change_made_by_two_is_no_conflict(admin: User, sign_in: SignIn) -> None:
    client, same = sign_in(admin), typed(description="The same")
    assert [client.post(EDIT, same).status_code for _ in range(2)] == [302, 302]
    assert template().token == 1


def test_a_retired_template_is_not_offered_and_can_be_again(
    people: People, admin: User, sign_in: SignIn
) -> None:
    client, new = sign_in(admin), reverse("decisions:new")
    assert client.post(OFFER, {"offered": "0"}).status_code == 302
    assert GENERAL not in client.get(new).content.decode()
    assert "No longer offered" in client.get(LIST).content.decode()
    sent = {"title": "Which?", "template": GENERAL, "visibility": "participants"}
    assert client.post(new, sent).status_code == 422
    last = reverse("decisions:offer_template", args=[LLM])
    response = client.post(last, {"offered": "0"})
    assert (response.status_code, template(LLM).is_retired) == (409, False)
    assert "last template on offer" in response.content.decode()
    client.post(OFFER, {"offered": "1"})
    assert GENERAL in client.get(new).content.decode()


def test_a_new_decision_can_start_from_the_template_that_a_link_names(
    people: People, sign_in: SignIn
) -> None:
    client, new = sign_in(people.owner), reverse("decisions:new")
    for asked, chosen in ((GENERAL, GENERAL), ("no-such", LLM), (LLM, LLM)):
        html = client.get(f"{new}?template={asked}").content.decode()
        assert f'value="{chosen}" ' in html
        assert html.count("checked") == 2  # the template, and who may read it


def test_the_pages_of_a_general_record_do_not_speak_of_language_models(
    people: People, sign_in: SignIn
) -> None:
    record = factories.complete_draft(people, template=GENERAL)
    record.candidates.update(approach="other", spec={}, summary="", data_needed="x", risks="")
    client = sign_in(people.devops)
    pages = ["record", "candidates", "new_candidate", "evidence"]
    for page in (*pages, "candidate A"):
        name, *more = page.split()
        response = client.get(reverse(f"decisions:{name}", args=[record.reference, *more]))
        html = response.content.decode().partition("<main")[2]
        assert response.status_code == 200
        for word in (
            "Approach",
            "prompt engineering",
            "Fine-tuning",
            "How to run it",
            f"{record.reference}/runs/",
        ):
            assert word not in html, (page, word)
    url = reverse("decisions:new_candidate", args=[record.reference])
    client.post(url, {"name": "Stay as we are", "summary": "Nothing changes."})
    assert record.candidates.get(letter="C").approach == "other"


def test_the_queries_of_the_list_do_not_grow_with_the_templates(
    people: People, admin: User, sign_in: SignIn, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(admin)
    with django_assert_max_num_queries(20) as few:
        client.get(LIST)
    most = len(few.captured_queries)
    for number in range(12):
        client.post(NEW, {"title": f"Another {number}", "source": LLM})
    with django_assert_max_num_queries(most):
        client.get(LIST)
