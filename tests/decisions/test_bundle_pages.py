"""From a filtered list to its zip: who may ask, wait, cancel and fetch."""

import io
import json
import re
from collections.abc import Callable
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import reverse

from decisions import tasks
from decisions.actions.bundles import cancel_bundle
from decisions.actions.records import remove_participant
from decisions.models import Bundle, Decision, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]

LIST = "/decisions/"
EXPORTS = "/decisions/exports/"
LINK, LINK_WITH_ID = re.compile(r"<a\b"), re.compile(r"<a\b[^>]* id=")


@pytest.fixture
def records(people: People) -> list[Decision]:
    """Two drafts that Olivia owns and signatories read; the first has a tag."""
    return [
        factories.open_record(people, "Which model?", tags=["routing"]),
        factories.open_record(people, "Which corpus?"),
    ]


def ask(client: Client, query: str = "", format: str = "csv") -> Bundle:
    """Ask for a zip; return the newest."""
    response = client.post(EXPORTS, {"query": query, "format": format})
    assert response.status_code == 302
    assert response["Location"] == EXPORTS
    newest = Bundle.objects.first()
    assert newest
    return newest


def test_a_fourth_at_a_time_is_refused_where_the_others_can_be_cancelled(
    records: list[Decision], people: People, sign_in: SignIn
) -> None:
    ux = sign_in(people.ux)
    for format in ("csv", "madr", "json"):
        ask(ux, format=format)
    told = ux.post(EXPORTS, {"query": "", "format": "html"}, follow=True).content.decode()
    assert "3 of your exports are under way" in told
    assert told.count(">Cancel<") == 3
    assert people.ux.bundles.count() == 3


def test_what_the_list_shows_leaves_as_one_file_for_who_asked(
    records: list[Decision], people: People, sign_in: SignIn
) -> None:
    ux = sign_in(people.ux)
    html = ux.get(f"{LIST}?tag=routing&sort=title&page=1").content.decode()
    assert "Export this decision" in html
    assert '<input type="hidden" name="query" value="tag=routing">' in html
    bundle = ask(ux, "tag=routing")
    assert "HX-Trigger" not in ux.get(EXPORTS, headers={"HX-Request": "true"})
    waiting = ux.get(EXPORTS).content.decode()
    assert "Tag: routing" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    fetch = reverse("decisions:export_file", args=[bundle.pk])
    assert ux.get(fetch).status_code == 404, "it is not made yet"
    tasks.make_bundle(bundle.pk)
    polled = ux.get(EXPORTS, headers={"HX-Request": "true"})
    assert json.loads(polled["HX-Trigger"]) == {"announce": "Evidence as a table (CSV): ready."}
    ready = polled.content.decode()
    assert len(LINK.findall(ready)) == len(LINK_WITH_ID.findall(ready)), "focus finds it again"
    assert ready.lstrip().startswith("<section")
    assert fetch in ready
    assert "every 2s" not in ready
    response = ux.get(fetch)
    assert response["Content-Disposition"].endswith('-csv.zip"')
    content = ZipFile(io.BytesIO(response.getvalue()))
    name = f"{records[0].reference}-v{records[0].version}-draft Which model.csv"
    assert content.namelist() == [name, "index.csv"]
    for other in (people.outsider, people.owner):
        client = sign_in(other)
        assert client.get(fetch).status_code == 404
        assert bundle.query not in client.get(EXPORTS).content.decode()
    assert Client().get(fetch).status_code == 302


def test_it_is_not_handed_out_once_a_record_in_it_is_no_longer_theirs(
    records: list[Decision], people: People, sign_in: SignIn
) -> None:
    ux = sign_in(people.ux)
    bundle = ask(ux)
    leave(records[0], people.ux)
    tasks.make_bundle(bundle.pk)
    fetch = reverse("decisions:export_file", args=[bundle.pk])
    assert ux.get(fetch).status_code == 200, "it says nothing of the first"
    leave(records[1], people.ux)
    response = ux.get(fetch)
    assert response.status_code == 404
    sentence = "A record in it is no longer yours to read. Export what you may read anew."
    assert sentence in response.content.decode()
    page = ux.get(EXPORTS).content.decode()
    assert sentence in page
    assert fetch not in page
    User.objects.filter(pk=people.ux.pk).update(is_superuser=True)
    assert ux.get(fetch).status_code == 200


def leave(record: Decision, user: User) -> None:
    taking_part = record.participants.get(user=user)
    remove_participant(record, by=record.owner, participant=taking_part)


def test_it_is_filtered_anew_for_who_asks_and_says_what_cannot_be(
    records: list[Decision], people: People, sign_in: SignIn
) -> None:
    outsider = sign_in(people.outsider)
    response = outsider.post(EXPORTS, {"query": "tag=routing", "format": "pdf"})
    assert response.status_code == 422
    assert "No decision fits this search." in response.content.decode()
    owner = sign_in(people.owner)
    assert owner.post(EXPORTS, {"format": "docx"}).status_code == 422
    for query in ("q=%ED%A0%80", "status=%00", "q=" + "x" * 5000, "tag=%2522&&==&q"):
        assert owner.post(EXPORTS, {"query": query, "format": "csv"}).status_code in {302, 422}


def test_too_many_is_said_where_one_would_ask(
    records: list[Decision], people: People, sign_in: SignIn, settings: object
) -> None:
    settings.BUNDLE_RECORDS = 1  # type: ignore[attr-defined]
    html = sign_in(people.owner).get(LIST).content.decode()
    assert "At most 1 decision leaves in one file, and this search finds 2. Narrow it." in html
    assert "Export as zip" not in html


def test_an_export_is_cancelled_by_who_asked_for_it_alone(
    records: list[Decision], people: People, sign_in: SignIn
) -> None:
    owner = sign_in(people.owner)
    bundle = ask(owner)
    cancel = reverse("decisions:cancel_export", args=[bundle.pk])
    assert sign_in(people.ux).post(cancel).status_code == 404
    assert owner.get(cancel).status_code == 405
    assert owner.post(cancel).status_code == 302
    html = owner.get(EXPORTS).content.decode()
    assert "Cancelled" in html
    assert "The export is cancelled." in html
    assert not cancel_bundle(bundle)
    owner.post(cancel)
    assert "It was finished already." in owner.get(EXPORTS).content.decode()


def test_a_record_that_could_not_be_exported_is_named_on_the_page(
    records: list[Decision], people: People, sign_in: SignIn
) -> None:
    owner = sign_in(people.owner)
    bundle = ask(owner)
    row = Bundle.objects.filter(pk=bundle.pk)
    row.update(outcomes=[{"document": 1}, {"problem": "It took too long."}])
    assert "2 of 2" in owner.get(EXPORTS).content.decode()
    row.update(state="ready", file="bundles/lost.zip")
    html = owner.get(EXPORTS).content.decode()
    assert "1 record with a problem" in html
    assert "It took too long." in html
