"""Signing in someone's place: who may ask, who may answer, for how long, and what stays."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from threading import Barrier
from typing import Any

import pytest
from django.test import Client

from decisions import clock
from decisions.actions.delegation import (
    accept_delegation,
    delegate,
    delegate_for_a_time,
    end_delegation,
)
from decisions.actions.lifecycle import approve
from decisions.actions.records import invite, remove_participant
from decisions.actions.review import Remark, open_thread
from decisions.desk import Desk, tasks_of
from decisions.history import sentence
from decisions.models import Decision, Delegation, Participant, SignOff, User
from decisions.policies import BadInput, Refused, may, refusal
from decisions.record_parts import with_parts
from decisions.signatures import Signatures
from decisions.standing_in import StandingIn, State, state_of, state_words
from tests import factories
from tests.factories import People, fresh, kinds_of_events, sign
from tests.threads import in_threads

SignIn = Callable[[User], Client]
A_DAY = timedelta(days=1)


def tomorrow() -> datetime:
    return clock.now() + A_DAY


def offered(record: Decision, people: People, **fields: Any) -> Delegation:
    """Return Uma's offer to Xaver to sign one record in her place."""
    return delegate(record, by=people.ux, taker=people.outsider, **fields)


def accepted(record: Decision, people: People, **fields: Any) -> Delegation:
    """Return the same, accepted."""
    delegation = offered(record, people, **fields)
    accept_delegation(delegation, by=people.outsider)
    return delegation


def everywhere(people: People, until: datetime | None = None) -> Delegation:
    """Return Uma's accepted leave to Xaver to sign every record in her place for a time."""
    until = until or tomorrow()
    delegation = delegate_for_a_time(by=people.ux, taker=people.outsider, until=until)
    accept_delegation(delegation, by=people.outsider)
    return delegation


def sign_for_uma(record: Decision, people: People, **fields: Any) -> SignOff:
    return sign(record, people.outsider, "ux", signed_for=people.ux, **fields)


def last_sentence(record: Decision) -> str:
    event = record.events.order_by("sequence").last()
    assert event
    return sentence(event)


@pytest.mark.parametrize("whole", [accepted, lambda record, people: everywhere(people)])
def test_who_stands_in_signs_and_the_signature_names_both(
    whole: Any, in_review: Decision, people: People
) -> None:
    delegation = whole(in_review, people)
    signature = sign_for_uma(in_review, people)
    assert (signature.user, signature.signed_for) == (people.outsider, people.ux)
    assert signature.delegation == delegation
    assert signature.in_words == "Xaver Outis for Uma Lindqvist"
    assert signature.seat == (people.ux.pk, "ux")
    assert Signatures(fresh(in_review)).is_settled("ux")
    told = "signed for UX in place of Uma Lindqvist: I approve this recommendation"
    assert last_sentence(in_review) == told


def test_an_offer_lets_nobody_sign_until_it_is_accepted(
    in_review: Decision, people: People
) -> None:
    offered(in_review, people)
    with pytest.raises(Refused, match="Only a signatory"):
        sign_for_uma(in_review, people)


def test_a_delegation_is_for_one_record_or_for_all(people: People) -> None:
    first, second = factories.in_review(people), factories.in_review(people, title="Another?")
    accepted(first, people)
    with pytest.raises(Refused):
        sign_for_uma(second, people)
    everywhere(people)
    assert sign_for_uma(second, people).seat == (people.ux.pk, "ux")


def test_only_ones_own_places_are_lent(in_review: Decision, people: People) -> None:
    accepted(in_review, people)
    with pytest.raises(Refused, match="Only a signatory can let someone sign in their place"):
        delegate(in_review, by=people.outsider, taker=people.owner)
    with pytest.raises(Refused):
        sign(in_review, people.outsider, "devops", signed_for=people.ux)
    with pytest.raises(Refused):
        sign(in_review, people.outsider, "ux")


def test_there_are_no_chains(in_review: Decision, people: People) -> None:
    """Devi may sign for Uma and lets Xaver sign for herself: that does not reach Uma's place."""
    accept_delegation(delegate(in_review, by=people.ux, taker=people.devops), by=people.devops)
    accept_delegation(
        delegate(in_review, by=people.devops, taker=people.outsider), by=people.outsider
    )
    with pytest.raises(Refused, match="Only a signatory"):
        sign_for_uma(in_review, people)
    assert sign(in_review, people.outsider, "devops", signed_for=people.devops)


def test_who_does_not_sign_has_nothing_to_delegate(in_review: Decision, people: People) -> None:
    with pytest.raises(Refused, match="Only a signatory"):
        delegate(in_review, by=people.owner, taker=people.outsider)
    with pytest.raises(BadInput, match="You sign for no role"):
        delegate_for_a_time(by=people.owner, taker=people.outsider, until=tomorrow())


@pytest.mark.parametrize("whole", [True, False])
def test_what_could_never_be_used_is_refused_and_writes_nothing(
    whole: bool, in_review: Decision, people: People
) -> None:
    left = factories.person("gone", is_active=False)
    wrong = [
        ({"taker": people.ux, "until": tomorrow()}, "delegate to yourself"),
        ({"taker": left, "until": tomorrow()}, "Gone can no longer sign in"),
        ({"taker": people.outsider, "until": clock.now()}, "has passed already"),
    ]
    ask = partial(delegate, in_review) if whole else delegate_for_a_time
    before = factories.all_rows()
    for asked, told in wrong:
        with pytest.raises(BadInput, match=told):
            ask(by=people.ux, **asked)  # type: ignore[operator]
    assert factories.all_rows() == before


def test_asked_twice_it_is_one_offer(in_review: Decision, people: People) -> None:
    until = tomorrow()
    assert offered(in_review, people, until=until) == offered(in_review, people, until=until)
    assert kinds_of_events(in_review).count("delegate") == 1
    twice = [
        delegate_for_a_time(by=people.ux, taker=people.outsider, until=until) for _ in range(2)
    ]
    assert twice[0] == twice[1]


def test_accepting_twice_accepts_once(in_review: Decision, people: People) -> None:
    delegation = accepted(in_review, people)
    accept_delegation(delegation, by=people.outsider)
    assert kinds_of_events(in_review).count("accept_delegation") == 1


def test_only_who_was_asked_accepts_and_only_the_two_end_it(
    in_review: Decision, people: People
) -> None:
    both = [
        offered(in_review, people),
        delegate_for_a_time(by=people.ux, taker=people.outsider, until=tomorrow()),
    ]
    for delegation in both:
        for stranger in (people.ux, people.owner, people.devops):
            with pytest.raises(Refused) as refused:
                accept_delegation(delegation, by=stranger)
            assert refused.value.refusal.status == 403
        for stranger in (people.owner, people.devops):
            with pytest.raises(Refused) as refused:
                end_delegation(delegation, by=stranger)
            assert refused.value.refusal.status == 403
    assert not Delegation.objects.exclude(accepted_at=None, ended_at=None).exists()


# How it began, who ended it → what it is called and what the record's history says.
ENDINGS = [
    (offered, "outsider", State.DECLINED, "declined to sign in place of Uma Lindqvist"),
    (offered, "ux", State.CALLED_OFF, "no longer asks Xaver Outis to sign in their place"),
    (accepted, "outsider", State.GIVEN_BACK, "no longer signs in place of Uma Lindqvist"),
    (accepted, "ux", State.REVOKED, "no longer lets Xaver Outis sign in their place"),
]


@pytest.mark.parametrize(("begin", "who", "state", "told"), ENDINGS)
def test_either_of_the_two_ends_it_and_it_is_called_by_its_name(
    begin: Any, who: str, state: State, told: str, in_review: Decision, people: People
) -> None:
    delegation = begin(in_review, people)
    end_delegation(delegation, by=people.everyone[who])
    assert state_of(delegation) == state
    assert last_sentence(in_review) == told
    with pytest.raises(Refused):
        sign_for_uma(in_review, people)


@pytest.mark.parametrize("begin", [offered, accepted])
def test_what_has_ended_is_neither_ended_again_nor_accepted(
    begin: Any, in_review: Decision, people: People
) -> None:
    delegation = begin(in_review, people)
    end_delegation(delegation, by=people.ux)
    kept = delegation.ended_at
    events = kinds_of_events(in_review)
    end_delegation(delegation, by=people.outsider)
    assert (delegation.ended_at, delegation.ended_by) == (kept, people.ux)
    with pytest.raises(Refused, match="no longer stands"):
        accept_delegation(delegation, by=people.outsider)
    assert kinds_of_events(in_review) == events


def test_what_was_signed_stays_signed_when_the_leave_ends(
    in_review: Decision, people: People
) -> None:
    delegation = accepted(in_review, people)
    sign_for_uma(in_review, people)
    end_delegation(delegation, by=people.ux)
    assert Signatures(fresh(in_review)).is_settled("ux")
    for role in ("business", "data_science", "devops"):
        sign(in_review, people.signatories[role], role)
    approve(in_review, by=people.owner)


@pytest.mark.parametrize(
    "whole", [accepted, lambda record, people, until: everywhere(people, until)]
)
def test_it_runs_out_at_its_last_moment(whole: Any, in_review: Decision, people: People) -> None:
    until = tomorrow()
    delegation = whole(in_review, people, until=until)
    with clock.held_at(until - timedelta(microseconds=1)):
        assert state_of(delegation) == State.IN_FORCE
        assert sign_for_uma(in_review, people)
    with clock.held_at(until):
        assert state_of(delegation) == State.RUN_OUT
        with pytest.raises(Refused):
            sign_for_uma(in_review, people, meaning="reject", text="No.")
        assert Signatures(fresh(in_review)).is_settled("ux"), "what was signed stays signed"


def test_what_has_run_out_is_not_ended_after_the_fact(in_review: Decision, people: People) -> None:
    delegation = accepted(in_review, people, until=tomorrow())
    with clock.held_at(tomorrow() + A_DAY):
        end_delegation(delegation, by=people.ux)
        assert state_of(delegation) == State.RUN_OUT
    assert "end_delegation" not in kinds_of_events(in_review)


def test_an_offer_that_ran_out_cannot_be_accepted(in_review: Decision, people: People) -> None:
    delegation = offered(in_review, people, until=tomorrow())
    with clock.held_at(tomorrow() + A_DAY):
        with pytest.raises(Refused, match="no longer stands"):
            accept_delegation(delegation, by=people.outsider)
        assert state_of(delegation) == State.UNANSWERED


def test_states_are_said_in_words(in_review: Decision, people: People) -> None:
    until = clock.now() + A_DAY
    delegation = offered(in_review, people)
    assert state_words(delegation) == "Offered"
    accept_delegation(delegation, by=people.outsider)
    assert state_words(delegation) == "In force as long as the record is open"
    end_delegation(delegation, by=people.ux)
    assert state_words(delegation).startswith("Revoked ")
    other = offered(in_review, people, until=until)
    assert state_words(other).startswith("Offered, until ")
    lines = {StandingIn(other, one).sentence for one in (people.ux, people.outsider, people.owner)}
    assert lines == {
        "You asked Xaver Outis to sign in your place.",
        "Uma Lindqvist asks you to sign in their place.",
        "Uma Lindqvist asks Xaver Outis to sign in their place.",
    }


def test_a_signatory_who_left_lends_nothing(in_review: Decision, people: People) -> None:
    accepted(in_review, people)
    seat = Participant.objects.get(decision=in_review, user=people.ux)
    remove_participant(in_review, by=people.owner, participant=seat)
    with pytest.raises(Refused):
        sign_for_uma(in_review, people)


def test_a_giver_lends_every_role_for_which_they_sign(people: People) -> None:
    record = factories.in_review(people)
    invite(record, by=people.owner, user=people.ux, role="devops", is_signatory=True)
    accepted(record, people)
    roles = {seat.role for seat, _delegation in fresh(record).seats_lent_to(people.outsider)}
    assert roles == {"ux", "devops"}


def test_who_stands_in_may_discuss_and_review_but_not_write(
    in_review: Decision, people: People
) -> None:
    offered_one = offered(in_review, people)
    assert not may("comment", fresh(in_review), people.outsider)
    accept_delegation(offered_one, by=people.outsider)
    open_thread(in_review, by=people.outsider, remark=Remark("Is this so?"))
    for action in ("review", "read", "export"):
        assert refusal(action, fresh(in_review), people.outsider) is None
    for action in ("edit_details", "invite", "propose_goal", "approve", "delegate"):
        assert refusal(action, fresh(in_review), people.outsider) is not None


SCOPES = ["record", "other", "time"]
ANSWERS = ["offered", "accepted", "ended", "run out"]


@pytest.mark.parametrize(
    ("scope", "answer", "signs", "visibility"),
    list(product(SCOPES, ANSWERS, [True, False], ["participants", "everyone"])),
)
def test_lists_and_policy_agree_on_who_reads_through_a_delegation(
    scope: str, answer: str, signs: bool, visibility: str, people: People
) -> None:
    record = factories.open_record(people, visibility=visibility)
    other = factories.open_record(people, "Another?")
    long_ago = clock.now() - 10 * A_DAY
    with clock.held_at(long_ago if answer == "run out" else clock.now()):
        until = clock.now() + A_DAY
        delegation = Delegation.objects.create(
            giver=people.ux,
            taker=people.outsider,
            decision={"record": record, "other": other, "time": None}[scope],
            until=until,
            offered_at=clock.now(),
        )
        if answer != "offered":
            Delegation.objects.update(accepted_at=clock.now())
        if answer == "ended":
            end_delegation(delegation, by=people.ux)
    if not signs:
        Participant.objects.filter(decision=record, user=people.ux).update(is_signatory=False)
    lent = scope in {"record", "time"} and answer == "accepted"
    asked = scope == "record" and answer == "offered"
    expected = visibility == "everyone" or (signs and (lent or asked))
    visible = Decision.objects.visible_to(people.outsider)
    assert visible.filter(pk=record.pk).exists() == expected
    plain, loaded = fresh(record), with_parts(Decision.objects.all()).get(pk=record.pk)
    assert [refusal("read", one, people.outsider) is None for one in (plain, loaded)] == [
        expected,
        expected,
    ]
    concerned = signs and (lent or asked)
    assert Decision.objects.involving(people.outsider).filter(pk=record.pk).exists() == concerned


def test_a_superuser_reads_everything_by_list_and_by_policy(draft: Decision) -> None:
    admin = factories.person("admin", is_superuser=True)
    assert Decision.objects.visible_to(admin).filter(pk=draft.pk).exists()
    assert refusal("read", draft, admin) is None


def test_an_offer_for_a_record_waits_on_the_taker(in_review: Decision, people: People) -> None:
    delegation = offered(in_review, people)
    found = [task.sentence for task in tasks_of(fresh(in_review), people.outsider)]
    assert found == ["Uma Lindqvist asks you to sign in their place."]
    accept_delegation(delegation, by=people.outsider)
    found = [task.sentence for task in tasks_of(fresh(in_review), people.outsider)]
    assert found == ["Ready for your signature for UX, in place of Uma Lindqvist."]
    sign_for_uma(in_review, people)
    assert not list(tasks_of(fresh(in_review), people.outsider))
    assert not list(tasks_of(fresh(in_review), people.ux)), "nor on Uma, whose place is filled"


def test_an_offer_for_a_time_waits_on_the_taker_before_they_may_read_anything(
    in_review: Decision, people: People
) -> None:
    until = tomorrow()
    delegation = delegate_for_a_time(by=people.ux, taker=people.outsider, until=until)
    (task,) = Desk(people.outsider, None).tasks
    assert (task.decision, task.due_on) == (None, until.date())
    assert task.sentence == "Uma Lindqvist asks you to sign in their place."
    assert not Desk(people.outsider, None).open_decisions
    accept_delegation(delegation, by=people.outsider)
    assert [one.decision for one in Desk(people.outsider, None).tasks] == [in_review]


def test_a_signature_is_awaited_once_however_often_it_was_delegated(
    in_review: Decision, people: People
) -> None:
    accepted(in_review, people)
    everywhere(people)
    assert len(list(tasks_of(fresh(in_review), people.outsider))) == 1


def test_the_queries_of_record_and_desk_do_not_grow_with_delegations(
    people: People, in_review: Decision, sign_in: SignIn, django_assert_max_num_queries: Any
) -> None:
    accepted(in_review, people)
    pages = ("/", in_review.get_absolute_url(), f"{in_review.get_absolute_url()}people/")
    readers = [sign_in(people.owner), sign_in(people.outsider)]
    counts = {}
    for reader, address in product(readers, pages):
        reader.get(address)
        with django_assert_max_num_queries(80) as few:
            assert reader.get(address).status_code == 200
        counts[reader, address] = len(few.captured_queries)
    for number in range(20):
        taker = factories.person(f"taker_{number}")
        for giver in (people.ux, people.devops):
            accept_delegation(delegate(in_review, by=giver, taker=taker), by=taker)
            accept_delegation(
                delegate_for_a_time(by=giver, taker=taker, until=tomorrow()), by=taker
            )
            delegate_for_a_time(by=giver, taker=people.outsider, until=tomorrow())
    for (reader, address), count in counts.items():
        with django_assert_max_num_queries(count):
            reader.get(address)


def race(record: Decision, delegation: Delegation, people: People) -> list[Any]:
    """Have Uma revoke while Xaver signs; return what each returned or raised."""
    barrier = Barrier(2)

    def revoke() -> None:
        barrier.wait()
        end_delegation(Delegation.objects.get(pk=delegation.pk), by=people.ux)

    def stand_in() -> SignOff:
        barrier.wait()
        return sign_for_uma(record, people)

    return in_threads(revoke, partial(stand_in))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scope", ["record", "time"])
def test_in_a_race_of_revoke_and_sign_the_signature_came_first_or_there_is_none(
    scope: str,
) -> None:
    people = factories.people()
    record = factories.in_review(people)
    signed = 0
    for number in range(12):
        delegation = (
            accepted(record, people) if scope == "record" else everywhere(people, tomorrow())
        )
        if number in {0, 1}:  # one of each for sure
            first, second = (
                (partial(sign_for_uma, record, people), partial(end_delegation, delegation))
                if number
                else (partial(end_delegation, delegation), partial(sign_for_uma, record, people))
            )
            outcomes = [settle(one, people) for one in (first, second)]
        else:
            outcomes = race(record, delegation, people)
        delegation.refresh_from_db()
        refused = [one for one in outcomes if isinstance(one, Exception)]
        assert all(isinstance(one, Refused) for one in refused), refused
        assert delegation.ended_at is not None
        signatures = list(delegation.sign_offs.all())
        assert len(signatures) == 1 - len(refused)
        for one in signatures:
            assert one.signed_at <= delegation.ended_at
        signed += len(signatures)
        factories.edit(record, "results_ux", people, reading=f"No. {number}")
    assert 0 < signed < 12, "the race always went the same way, so it showed nothing"


def settle(work: Any, people: People) -> Any:
    """Do one side of the race alone; return what it returned or raised."""
    try:
        return work(by=people.ux) if work.func is end_delegation else work()
    except Refused as error:
        return error


def test_an_offer_that_was_never_answered_is_read_only_while_the_record_is_open(
    signed: Decision, people: People
) -> None:
    offered(signed, people)
    asked = people.outsider
    assert Decision.objects.visible_to(asked).contains(signed)
    approve(signed, by=people.owner)
    assert not Decision.objects.visible_to(asked).exists()
    assert not Decision.objects.involving(asked).exists()
    assert refusal("read", fresh(signed), asked)


def test_who_has_accepted_reads_the_closed_record_until_the_leave_is_ended(
    signed: Decision, people: People
) -> None:
    delegation = accepted(signed, people)
    approve(signed, by=people.owner)
    assert Decision.objects.visible_to(people.outsider).contains(signed)
    assert not refusal("read", fresh(signed), people.outsider)
    end_delegation(delegation, by=people.outsider)
    assert not Decision.objects.visible_to(people.outsider).exists()
    assert refusal("read", fresh(signed), people.outsider)
