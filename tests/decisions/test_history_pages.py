"""The history of a record: what is asked for, in whose words, and how two versions differ."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from decisions import clock
from decisions.actions.lifecycle import withdraw
from decisions.history import SENTENCES, TOPICS
from decisions.models import Decision, Event, User
from tests import factories
from tests.factories import People

SignIn = Callable[[User], Client]

# Other sentences for kinds of event that have a topic.
VARIANTS = {
    "decline_goal_because",
    "open_from_file",
    "invite_signatory",
    "sign_for",
    "declined",
    "called_off",
    "revoked",
    "given_back",
}


def read(client: Client, record: Decision, query: str = "") -> str:
    address = reverse("decisions:history", args=[record.reference])
    response = client.get(f"{address}{query}")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_every_kind_of_event_belongs_to_one_topic() -> None:
    kinds = [kind for topic in TOPICS.values() for kind in topic.kinds]
    assert sorted(kinds) == sorted(SENTENCES.keys() - VARIANTS)


@pytest.mark.parametrize(
    ("topic", "told", "kept_back"),
    [
        ("signatures", "signed for UX", "wrote “"),
        ("content", "wrote “Problem and scope”", "signed for UX"),
        ("people", "the role UX, to sign for it", "attached evidence"),
        ("evidence", "attached evidence", "submitted the record"),
        ("course", "submitted the record for review", "the role UX, to sign for it"),
        ("review", "Nothing of this kind has happened.", "signed for UX"),
    ],
)
def test_the_history_shows_what_is_asked_for(
    topic: str, told: str, kept_back: str, people: People, signed: Decision, sign_in: SignIn
) -> None:
    html = read(sign_in(people.ux), signed, f"?about={topic}")
    assert told in html
    assert kept_back not in html
    assert f'<option value="{topic}" selected>' in html


def test_an_unknown_topic_is_everything(people: People, signed: Decision, sign_in: SignIn) -> None:
    client = sign_in(people.ux)
    asked = read(client, signed, "?about=nonsense<b>")
    assert asked.count('class="event') == read(client, signed).count('class="event')
    assert "nonsense<b>" not in asked


def test_the_next_page_and_a_comparison_keep_what_is_asked_for(
    people: People, signed: Decision, sign_in: SignIn
) -> None:
    last = signed.events.count()
    Event.objects.bulk_create(
        Event(
            decision=signed,
            sequence=last + number,
            kind="reply",
            at=clock.now(),
            actor=people.ux,
            actor_name="Uma",
            hash=f"{number:064}",
        )
        for number in range(1, 61)
    )
    client = sign_in(people.ux)
    first = read(client, signed, "?about=review&from=1&to=2")
    assert 'href="?about=review&amp;from=1&amp;to=2&amp;page=2"' in first
    assert '<input type="hidden" name="about" value="review">' in first
    assert '<input type="hidden" name="from" value="1">' in first
    assert read(client, signed, "?about=review&page=2").count('class="event"') == 10


def test_the_words_of_dissent_stand_with_the_signature_and_stay_there(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    said = {"meaning": "reject", "text": "It <script>misleads</script> people."}
    factories.sign(in_review, people.ux, "ux", **said)
    factories.sign(
        in_review, people.ux, "ux", meaning="approve_with_reservation", text="Better now."
    )
    factories.sign(in_review, people.business, "business")
    withdraw(in_review, by=people.owner, reason="Given up.")
    html = read(sign_in(people.ux), in_review, "?about=signatures")
    assert html.count("It &lt;script&gt;misleads&lt;/script&gt; people.") == 1
    assert html.count("Better now.") == 1
    assert html.count('<blockquote class="passage event-more">') == 2
    assert html.index("Better now.") < html.index("misleads")


def test_a_comparison_says_that_texts_stand_in_markdown(
    people: People, in_review: Decision, sign_in: SignIn
) -> None:
    before = in_review.version
    factories.edit(in_review, "problem", people, problem="Quite **another** problem.")
    after = factories.fresh(in_review).version
    html = read(sign_in(people.ux), in_review, f"?from={before}&to={after}")
    assert "Texts stand as they were typed, in Markdown." in html
