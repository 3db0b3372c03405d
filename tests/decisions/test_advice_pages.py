"""The advisor's page, its line among the candidates, and the profile's questions that stay open."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.rows import add_candidate
from decisions.actions.sections import save_section
from decisions.advisor import advise, questions
from decisions.advisor_ways import WAYS
from decisions.models import Candidate, Decision, Section, User
from decisions.record_templates import GENERAL
from tests import factories
from tests.factories import People
from tests.profiles import full_profiles

SignIn = Callable[[User], Client]

TUNED = {
    "profile_business": {"focus": "niche", "stakes": "high", "cost": "tight"},
    "profile_data": {"change": "static", "labelled": "hundreds", "knowledge": "general"},
}


def answer(record: Decision, people: People, parts: dict[str, dict[str, str]]) -> Decision:
    """Let the profile's writers give these answers."""
    writers = {"profile_business": people.business, "profile_data": people.data_science}
    for kind, data in parts.items():
        part = record.sections.get(kind=kind)
        save_section(part, by=writers[kind], data=data, token=part.token, complete=False)
    return factories.fresh(record)


def listed(html: str) -> dict[str, str]:
    """Return what the page says of each way that belongs on the list of candidates."""
    block = html.split('id="candidates-title"')[1].split("</section>")[0]
    found = {}
    for item in block.split("<li>")[1:]:
        name, said = re.findall(r"<p.*?</p>", item, re.DOTALL)
        said = re.sub(r"<a class=.*?</a>", "", said)
        way = re.search("<b>(.+?)</b>", name)
        assert way
        found[way[1]] = " ".join(re.sub("<[^>]+>", " ", said).split())
    return found


def advice_of(client: Client, record: Decision) -> str:
    """Return the advisor's page."""
    response = client.get(reverse("decisions:advice", args=[record.reference]))
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_shows_what_speaks_for_and_against_each_way_and_where_it_comes_from(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    record = answer(draft, people, TUNED)
    html = advice_of(sign_in(people.ux), record)
    assert "So far the profile speaks most for this: <b>Fine-tuning</b>." in html
    assert html.index("would change which way leads") < html.index("None of these alone would")
    assert "Advice from rules, not evidence" in html
    assert "A few hundred good examples, written by hand, can be enough to tune a model." in html
    assert "Labelled examples at hand: Hundreds · " in html
    assert "Fine-Tuned ‘Small’ LLMs (Still) Significantly Outperform Zero-Shot" in html
    assert "Training a model from nothing takes thousands of graphics cards" in html
    for key in WAYS:
        assert f'id="way-{key}"' in html


def test_without_any_answer_nothing_leads_and_the_open_questions_stand_first(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    html = advice_of(sign_in(people.data_science), draft)
    assert "The profile does not speak for any way yet." in html
    assert "0 of 21 questions are answered." in html
    assert "“Our own documents or records”: Retrieval would lead." in html


FACTS = {
    "profile_business": {"focus": "niche", "stakes": "high", "citing": "yes"},
    "profile_data": {"change": "dynamic", "labelled": "hundreds", "knowledge": "private"},
}


def test_a_hybrid_on_the_list_is_the_one_that_it_says_and_no_other(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    record = answer(draft, people, FACTS)
    fused = {"technique": "hybrid/fused"}
    add_candidate(record, by=people.owner, name="Tuned plus index", approach="hybrid", spec=fused)
    client = sign_in(people.ux)
    assert listed(advice_of(client, record)) == {
        "Prompt engineering": "Not on the list yet",
        "Retrieval": "Not on the list yet",
        "A worked-out prompt over retrieval": "Not on the list yet",
        "A tuned model with retrieval": "On the list: A. Tuned plus index",
    }
    add_candidate(record, by=people.owner, name="Both", approach="hybrid")
    unsaid = "On the list is a hybrid that does not say which it is: B. Both"
    assert listed(advice_of(client, record)) == {
        "Prompt engineering": "Not on the list yet",
        "Retrieval": "Not on the list yet",
        "A worked-out prompt over retrieval": unsaid,
        "A tuned model with retrieval": "On the list: A. Tuned plus index",
    }


def test_what_decides_stands_beside_the_count_of_reasons(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    html = " ".join(advice_of(sign_in(people.business), answer(draft, people, FACTS)).split())
    tuned = html[html.index(">Fine-tuning</span>") :]
    assert "3 for, 3 against (3 strong)" in tuned[:600]
    assert "<b>Strongly against it:</b> Only what was looked up can be named" in tuned[:900]
    lead = html[html.index(">Retrieval</span>") :]
    assert "4 for (3 strong), 0 against" in lead[:600]
    assert "<b>Strongly for it:</b> Only what was looked up can be named" in lead[:900]


def test_where_nothing_is_open_the_page_does_not_say_yet(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    profile = next(one for one in full_profiles(200) if advise(one).leading is None)
    parts = {one.part.key for one in questions().values()}
    for kind in parts:
        asked = [name for name, one in questions().items() if one.part.key == kind]
        said = {name: profile[name] for name in asked}
        Section.objects.filter(decision=draft, kind=kind).update(data=said)
    html = advice_of(sign_in(people.ux), factories.fresh(draft))
    assert "21 of 21 questions are answered." in html
    assert "The profile speaks for no way, and no open question could change that." in html
    assert "for any way yet" not in html


def test_an_open_question_leads_to_its_answer_for_who_may_give_it_and_to_the_part_for_others(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    part = draft.sections.get(kind="profile_data")
    address = reverse("decisions:section", args=[draft.reference, "profile_data"])
    link = f'href="{address}#id_knowledge_0"'
    theirs = advice_of(sign_in(people.data_science), draft)
    assert link in theirs
    others = advice_of(sign_in(people.ux), draft)
    assert link not in others
    assert f'href="{part.get_absolute_url()}"' in others
    form = sign_in(people.data_science).get(address).content.decode()
    assert 'id="id_knowledge_0"' in form


def test_a_record_that_adapts_no_model_has_no_advice(people: People, sign_in: SignIn) -> None:
    record = factories.open_record(people, template=GENERAL)
    response = sign_in(people.owner).get(reverse("decisions:advice", args=[record.reference]))
    assert response.status_code == 404


def test_the_advisor_only_reads(people: People, in_review: Decision, sign_in: SignIn) -> None:
    before = in_review.digest, Candidate.objects.count(), in_review.events.count()
    address = reverse("decisions:advice", args=[in_review.reference])
    client = sign_in(people.owner)
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405
    after = factories.fresh(in_review)
    assert (after.digest, Candidate.objects.count(), after.events.count()) == before


def test_an_advised_way_fills_in_where_a_candidate_starts_and_adds_none(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    record = answer(draft, people, TUNED)
    client = sign_in(people.data_science)
    address = reverse("decisions:new_candidate", args=[record.reference]) + "?way=fine_tuning"
    assert f'href="{address}"' in advice_of(client, record)
    form = client.get(address).context["form"]
    assert form.initial["approach"] == "fine_tuning"
    assert not record.candidates.exists()
    response = client.post(address, form.initial)
    assert response.status_code == 302
    added = record.candidates.get()
    assert added.name == "Fine-tuning"
    assert added.risks == WAYS["fine_tuning"].risks


@pytest.mark.parametrize("way", ["pre_training", "magic", ""])
def test_what_is_no_way_for_a_candidate_fills_in_nothing(
    way: str, people: People, draft: Decision, sign_in: SignIn
) -> None:
    address = reverse("decisions:new_candidate", args=[draft.reference])
    form = sign_in(people.owner).get(address, {"way": way}).context["form"]
    assert form.initial == {}


def test_who_may_not_add_candidates_is_offered_none(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    assert "?way=" not in advice_of(sign_in(people.ux), draft)
    assert "?way=" in advice_of(sign_in(people.owner), draft)


def test_each_candidate_carries_the_advice_for_its_approach_marked_as_advice(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    record = answer(draft, people, TUNED)
    for name, approach in {"A": "fine_tuning", "B": "rag", "C": "hybrid", "D": "other"}.items():
        add_candidate(record, by=people.owner, name=name, approach=approach)
    fused = {"technique": "hybrid/fused"}
    add_candidate(record, by=people.owner, name="E", approach="hybrid", spec=fused)
    client = sign_in(people.ux)
    html = client.get(reverse("decisions:candidates", args=[record.reference])).content.decode()
    advice = reverse("decisions:advice", args=[record.reference])
    assert f'href="{advice}#way-fine_tuning"' in html
    assert f'href="{advice}#way-rag"' in html
    assert html.count("One of the hybrids.") == 1
    assert html.count('<p class="soft">A tuned model with retrieval</p>') == 1
    assert "A worked-out prompt" not in html
    assert "The rules know nothing of it" in html
    assert f"{advice}#way-prompting" not in html


def test_the_profile_leads_to_the_advice(people: People, draft: Decision, sign_in: SignIn) -> None:
    html = sign_in(people.ux).get(draft.get_absolute_url()).content.decode()
    assert "What the rules advise for this profile" in html


def test_an_answer_that_is_not_required_can_be_taken_back(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    record = answer(draft, people, TUNED)
    address = reverse("decisions:section", args=[record.reference, "profile_data"])
    client = sign_in(people.data_science)
    form = client.get(address).context["form"]
    assert dict(form.fields["knowledge"].choices)[""] == "Not known yet"
    assert "" not in dict(form.fields["change"].choices)
    said = {
        "change": "static",
        "labelled": "hundreds",
        "knowledge": "",
        "token": form["token"].value(),
    }
    assert client.post(address, said).status_code == 302
    assert "knowledge" not in record.sections.get(kind="profile_data").data


def test_questions_that_stay_open_do_not_keep_a_part_from_being_complete(
    people: People, draft: Decision, sign_in: SignIn
) -> None:
    address = reverse("decisions:section", args=[draft.reference, "profile_business"])
    client = sign_in(people.business)
    said = {"focus": "niche", "stakes": "low", "complete": "on", "token": "0"}
    assert client.post(address, said).status_code == 302
    assert draft.sections.get(kind="profile_business").is_complete
