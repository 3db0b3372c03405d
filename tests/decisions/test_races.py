"""People who act in the same moment: whatever comes first, nobody signs what they did not see."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from time import sleep
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from decisions.actions.lifecycle import approve, reopen, submit
from decisions.actions.people import change_participant
from decisions.actions.signing import ContentMoved, sign_off
from decisions.content import content, current_digest, digest
from decisions.models import Decision, Participant, SignOff, Status, User, Version
from decisions.policies import Refused
from decisions.signatures import Signatures
from tests import factories
from tests.factories import PASSWORD, People, edit, fresh
from tests.threads import in_threads

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

# `COUNTERSIGN_RACES=1000` is what the figures in the notes come from.
ROUNDS = int(os.environ.get("COUNTERSIGN_RACES") or 150)
CLICKS = 100


def after(seconds: float, work: Callable[[], Any]) -> Callable[[], Any]:
    """Return the work, begun a little later."""

    def wait_and_work() -> Any:
        sleep(seconds)
        return work()

    return wait_and_work


def head_starts(number: int) -> tuple[float, float]:
    """Return how long the two wait, in seconds: the first two rounds have a sure winner."""
    draw = Random(number)
    sure = {0: (0.3, 0.0), 1: (0.0, 0.3)}
    return sure.get(number, (draw.uniform(0, 0.02), draw.uniform(0, 0.02)))


def at_once(number: int, one: Callable[[], Any], other: Callable[[], Any]) -> list[Any]:
    """Run two things with head starts that differ from round to round."""
    first, second = head_starts(number)
    return in_threads(after(first, one), after(second, other))


def sign(record: Decision, signer: User, role: str, seen: str) -> SignOff:
    return sign_off(fresh(record), by=signer, role=role, digest=seen, meaning="approve")


def check_every_signature(record: Decision) -> None:
    """Check that the record's digest is true, and that what counts covers just that content."""
    now_says = fresh(record)
    assert now_says.digest == current_digest(now_says)
    board = Signatures(now_says)
    counting = [one.signature for one in board.seats if one.signature]
    kept = Version.objects.filter(decision=record, digest__in={one.digest for one in counting})
    versions = {one.digest: one.content for one in kept}
    for signature in counting:
        assert digest(versions[signature.digest]) == now_says.digest


def both_ways(seen: Counter[str]) -> None:
    """Check that each side has won at times: a race that always goes one way shows nothing."""
    assert len(seen) > 1, seen


def test_edit_against_sign() -> None:
    people = factories.people()
    record = factories.in_review(people)
    signers = list(people.signatories.items())
    won: Counter[str] = Counter()
    for number in range(ROUNDS):
        role, signer = signers[number % 4]
        seen = digest(content(fresh(record)))
        edited, signed = at_once(
            number,
            partial(edit, record, "results_ux", people, reading=f"No. {number}"),
            partial(sign, record, signer, role, seen),
        )
        assert not isinstance(edited, Exception), edited
        assert isinstance(signed, SignOff | ContentMoved), signed
        if isinstance(signed, SignOff):
            assert signed.digest == seen
        won[type(signed).__name__] += 1
        check_every_signature(record)
    assert SignOff.objects.count() == won["SignOff"]
    both_ways(won)
    print(dict(won))


def test_releasing_a_signatory_against_their_signature() -> None:
    people = factories.people()
    record = factories.in_review(people)
    participant = Participant.objects.get(decision=record, role="ux")
    won: Counter[str] = Counter()
    for number in range(ROUNDS // 5):
        words = f"No. {number}"
        edit(record, "results_ux", people, reading=words)
        seen = fresh(record).digest
        values: dict[str, Any] = {"by": people.owner, "participant": participant, "role": "ux"}
        released, signed = at_once(
            number,
            partial(change_participant, record, is_signatory=False, **values),
            partial(sign, record, people.ux, "ux", seen),
        )
        assert released is None, released
        assert isinstance(signed, SignOff | Refused), signed
        won[type(signed).__name__] += 1
        assert not Signatures(fresh(record)).of_role("ux")
        change_participant(fresh(record), is_signatory=True, **values)
        assert Signatures(fresh(record)).is_settled("ux") == isinstance(signed, SignOff)
    both_ways(won)


def test_edit_against_approve(people_of_races: tuple[Decision, People]) -> None:
    record, people = people_of_races
    won: Counter[str] = Counter()
    for number in range(max(ROUNDS // 15, 4)):
        for role, user in people.signatories.items():
            sign(record, user, role, fresh(record).digest)
        signed = content(fresh(record))
        edited, approved = at_once(
            number,
            partial(edit, record, "results_ux", people, reading=f"No. {number}"),
            partial(approve, record, by=people.owner),
        )
        is_approved = fresh(record).status == Status.APPROVED
        assert is_approved == (approved is None) == isinstance(edited, Refused)
        if is_approved:
            assert content(fresh(record)) == signed
            reopen(fresh(record), by=people.owner, reason="Once more.")
            submit(fresh(record), by=people.owner)
        won["approved" if is_approved else "edited"] += 1
    both_ways(won)


@pytest.fixture
def people_of_races() -> tuple[Decision, People]:
    """A record in review, and its people."""
    people = factories.people()
    return factories.in_review(people), people


def test_a_hundred_clicks_on_sign_leave_one_signature_and_no_failure() -> None:
    people = factories.people()
    record = factories.in_review(people)
    url = reverse("decisions:sign", args=[record.reference])
    said = {
        "role": "ux",
        "meaning": "approve",
        "password": PASSWORD,
        "digest": record.digest,
    }
    browsers = [Client() for _click in range(CLICKS)]
    for browser in browsers:
        browser.force_login(people.ux)

    def click(browser: Client) -> int:
        return browser.post(url, said).status_code

    answers = in_threads(*(partial(click, browser) for browser in browsers))
    assert answers == [302] * CLICKS
    assert SignOff.objects.count() == 1
    assert factories.kinds_of_events(record).count("sign") == 1
