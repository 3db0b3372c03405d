"""How signatures stand: seats, quorum, order, separation of duties, and who left."""

from datetime import timedelta
from typing import Any

import pytest

from decisions import clock
from decisions.actions.delegation import accept_delegation, delegate
from decisions.actions.lifecycle import approve, submit
from decisions.actions.people import change_participant
from decisions.actions.records import invite, remove_participant
from decisions.exports.source import document_source
from decisions.models import Decision, Participant, User
from decisions.policies import BadInput, Refused, refusal
from decisions.record_page import RecordPage
from decisions.signatures import Signatures
from decisions.signing_policy import SigningPolicy
from tests import factories
from tests.factories import People, fresh, sign


def board(record: Decision) -> Signatures:
    """Return how the signatures stand, computed from the rows."""
    return Signatures(fresh(record))


def with_policy(people: People, *roles: str, **rules: Any) -> Decision:
    """Return a record in review, unsigned, under a policy of its own."""
    record = factories.complete_draft(people)
    known = {"signing_roles": list(roles or ("business", "data_science", "devops", "ux"))}
    template = record.template
    template.policy = SigningPolicy.from_json(known | rules).to_json()
    template.save()
    submit(record, by=people.owner)
    return fresh(record)


def lend(record: Decision, giver: User, taker: User) -> None:
    """Have one person let another sign a record in their place."""
    accept_delegation(delegate(record, by=giver, taker=taker), by=taker)


def seat_of(record: Decision, user: User, role: str) -> Participant:
    return Participant.objects.get(decision=record, user=user, role=role)


def test_any_one_signatory_fills_a_role_where_any_one_is_asked(people: People) -> None:
    record = with_policy(people)
    second = factories.second_person(record, "ux", is_signatory=True)
    assert len(board(record).empty_seats("ux")) == 2
    sign(record, second, "ux")
    assert board(record).is_settled("ux")
    assert board(record).empty_seats("ux") == []


def test_all_signatories_have_to_sign_where_all_are_asked(people: People) -> None:
    record = with_policy(people, quorum={"ux": "all"})
    second = factories.second_person(record, "ux", is_signatory=True)
    factories.sign_all(record, people)
    assert not board(record).is_settled("ux")
    assert [one.participant.user for one in board(record).empty_seats("ux")] == [second]
    with pytest.raises(Refused, match="has not signed for UX what the record says now"):
        approve(record, by=people.owner)
    sign(record, second, "ux")
    approve(record, by=people.owner)


def test_a_rejection_blocks_although_another_of_the_role_approves(people: People) -> None:
    record = with_policy(people)
    second = factories.second_person(record, "ux", is_signatory=True)
    factories.sign_all(record, people)
    assert board(record).is_settled("ux")
    sign(record, second, "ux", meaning="reject", text="It misleads.")
    assert not board(record).is_settled("ux")
    assert [one.user for one in board(record).against("ux")] == [second]


def test_a_role_without_a_signatory_is_never_settled(people: People) -> None:
    record = with_policy(people)
    remove_participant(record, by=people.owner, participant=seat_of(record, people.ux, "ux"))
    assert not board(record).is_settled("ux")


def test_the_listed_order_is_kept(people: People) -> None:
    record = with_policy(people, "ux", "devops", order="listed")
    with pytest.raises(Refused, match="UX signs before DevOps"):
        sign(record, people.devops, "devops")
    sign(record, people.ux, "ux")
    sign(record, people.devops, "devops")
    assert board(record).awaited_before("devops") is None


def test_where_all_of_a_role_sign_first_the_next_waits_for_the_last_of_them(
    people: People,
) -> None:
    record = with_policy(people, "ux", "devops", order="listed", quorum={"ux": "all"})
    second = factories.second_person(record, "ux", is_signatory=True)
    sign(record, people.ux, "ux")
    assert refusal("sign", fresh(record), people.devops, "devops") is not None
    sign(record, second, "ux")
    assert refusal("sign", fresh(record), people.devops, "devops") is None


def test_a_rejection_of_the_first_keeps_the_next_from_signing(people: People) -> None:
    record = with_policy(people, "ux", "devops", order="listed")
    sign(record, people.ux, "ux", meaning="reject", text="No.")
    assert board(record).awaited_before("devops") == "ux"


def test_a_role_that_does_not_have_to_sign_may_at_any_time(people: People) -> None:
    record = with_policy(people, "ux", "devops", order="listed")
    sign(record, people.business, "business")
    assert board(record).awaited_before("business") is None


def test_what_lapsed_no_longer_opens_the_way_for_the_next(people: People) -> None:
    record = with_policy(people, "ux", "devops", order="listed")
    sign(record, people.ux, "ux")
    factories.edit(record, "problem", people, problem="Another.")
    with pytest.raises(Refused, match="UX signs before DevOps"):
        sign(record, people.devops, "devops")


def own_the_only_seat(people: People, **rules: Any) -> Decision:
    """Return a record that UX alone signs, for which the owner, its author, signs as well."""
    record = with_policy(people, "ux", **rules)
    invite(record, by=people.owner, user=people.owner, role="ux", is_signatory=True)
    return fresh(record)


def test_the_author_of_the_recommendation_cannot_be_its_only_signatory(people: People) -> None:
    record = own_the_only_seat(people)
    sign(record, people.owner, "ux")
    assert board(record).only_approval_of_author is not None
    with pytest.raises(Refused, match="Only Olivia Brandt, who wrote the recommendation"):
        approve(record, by=people.owner)
    sign(record, people.ux, "ux")
    approve(record, by=people.owner)


def test_the_author_may_sign_alone_where_the_policy_says_so(people: People) -> None:
    record = own_the_only_seat(people, author_may_sign_alone=True)
    sign(record, people.owner, "ux")
    approve(record, by=people.owner)


def test_the_author_signing_in_anothers_place_is_still_the_author(people: People) -> None:
    record = with_policy(people, "ux")
    lend(record, people.ux, people.owner)
    sign(record, people.owner, "ux", signed_for=people.ux)
    assert board(record).is_settled("ux")
    with pytest.raises(Refused, match="Only Olivia Brandt, who wrote the recommendation"):
        approve(record, by=people.owner)


def test_the_author_signing_twice_in_two_places_is_one_person(people: People) -> None:
    record = own_the_only_seat(people)
    lend(record, people.ux, people.owner)
    sign(record, people.owner, "ux")
    sign(record, people.owner, "ux", signed_for=people.ux)
    assert board(record).only_approval_of_author is not None


def test_somebody_signing_in_the_authors_place_is_not_the_author(people: People) -> None:
    record = own_the_only_seat(people)
    lend(record, people.owner, people.outsider)
    sign(record, people.outsider, "ux", signed_for=people.owner)
    assert board(record).only_approval_of_author is None
    approve(record, by=people.owner)


def test_a_reservation_of_another_counts_as_a_second_opinion_and_a_rejection_does_not(
    people: People,
) -> None:
    record = own_the_only_seat(people)
    sign(record, people.owner, "ux")
    sign(record, people.ux, "ux", meaning="reject", text="No.")
    assert board(record).only_approval_of_author is not None
    sign(record, people.ux, "ux", meaning="approve_with_reservation", text="Only just.")
    assert board(record).only_approval_of_author is None


def test_a_record_that_only_its_author_would_sign_is_not_submitted(people: People) -> None:
    record = factories.complete_draft(people)
    for role, user in people.signatories.items():
        invite(record, by=people.owner, user=people.owner, role=role, is_signatory=True)
        remove_participant(record, by=people.owner, participant=seat_of(record, user, role))
    assert board(record).only_the_author_could
    with pytest.raises(Refused, match="name someone else too"):
        submit(record, by=people.owner)


def test_the_signature_of_who_was_removed_no_longer_counts(
    signed: Decision, people: People
) -> None:
    factories.second_person(signed, "ux", is_signatory=True)
    remove_participant(signed, by=people.owner, participant=seat_of(signed, people.ux, "ux"))
    assert not board(signed).is_settled("ux")
    with pytest.raises(Refused, match="UX has not signed"):
        approve(signed, by=people.owner)
    departed = [one for one in RecordPage(fresh(signed), people.owner).places if one.is_departed]
    assert [one.signature.user for one in departed if one.signature] == [people.ux]


def test_who_is_named_again_finds_their_signature_counting_again(
    signed: Decision, people: People
) -> None:
    remove_participant(signed, by=people.owner, participant=seat_of(signed, people.ux, "ux"))
    invite(signed, by=people.owner, user=people.ux, role="ux", is_signatory=True)
    assert board(signed).is_settled("ux")


def test_a_signature_counts_for_the_role_it_was_given_for(signed: Decision, people: People) -> None:
    seat = seat_of(signed, people.ux, "ux")
    change_participant(
        signed, by=people.owner, participant=seat, role="business", is_signatory=True
    )
    now = board(signed)
    assert not now.is_settled("ux")
    assert now.is_settled("business"), "any one of Business is enough, and Bruno signed"
    assert [one.signature for one in now.of_role("business") if one.participant == seat] == [None]


def test_who_stops_signing_for_a_role_takes_their_signature_out_of_the_count(
    signed: Decision, people: People
) -> None:
    seat = seat_of(signed, people.ux, "ux")
    change_participant(signed, by=people.owner, participant=seat, role="ux", is_signatory=False)
    assert not board(signed).is_settled("ux")
    change_participant(signed, by=people.owner, participant=seat, role="ux", is_signatory=True)
    assert board(signed).is_settled("ux")


def test_a_signature_in_a_removed_persons_place_goes_with_the_seat(people: People) -> None:
    record = with_policy(people, "ux")
    lend(record, people.ux, people.outsider)
    sign(record, people.outsider, "ux", signed_for=people.ux)
    assert board(record).is_settled("ux")
    remove_participant(record, by=people.owner, participant=seat_of(record, people.ux, "ux"))
    assert not board(record).is_settled("ux")


def test_who_stands_in_cannot_speak_over_the_signatorys_own_word(
    in_review: Decision, people: People
) -> None:
    lend(in_review, people.ux, people.outsider)
    sign(in_review, people.ux, "ux", meaning="reject", text="It misleads people.")
    with pytest.raises(Refused, match="nobody else’s signature replaces it"):
        sign(in_review, people.outsider, "ux", signed_for=people.ux)
    factories.edit(in_review, "results_ux", people, reading="Put right.")
    sign(in_review, people.outsider, "ux", signed_for=people.ux)
    assert board(in_review).is_settled("ux")


def test_nobody_signs_for_no_role(in_review: Decision, people: People) -> None:
    lend(in_review, people.ux, people.outsider)
    with pytest.raises(BadInput, match="for which role"):
        sign(in_review, people.outsider, "", signed_for=people.ux)


def test_inviting_a_signatory_in_review_unsettles_a_role_of_which_all_sign(people: People) -> None:
    record = with_policy(people, quorum={"ux": "all"})
    factories.sign_all(record, people)
    assert board(record).is_settled("ux")
    factories.second_person(record, "ux", is_signatory=True)
    assert not board(record).is_settled("ux")


def test_a_template_changed_in_review_changes_nothing_in_flight(people: People) -> None:
    record = with_policy(people, "ux")
    template = record.template
    template.policy = SigningPolicy(("business", "ux")).to_json()
    template.save()
    sign(record, people.ux, "ux")
    assert board(record).policy.roles == ("ux",)
    approve(record, by=people.owner)


def test_an_earlier_clock_does_not_bring_an_older_signature_back(
    in_review: Decision, people: People
) -> None:
    sign(in_review, people.ux, "ux")
    with clock.held_at(clock.now() - timedelta(seconds=5)):
        sign(in_review, people.ux, "ux", meaning="reject", text="It misleads people.")
    assert not board(in_review).is_settled("ux")


def test_going_back_brings_back_the_words_said_of_just_that(
    in_review: Decision, people: People
) -> None:
    lend(in_review, people.ux, people.outsider)
    before = factories.section_of(in_review, "results_ux").data["reading"]
    sign(in_review, people.ux, "ux", meaning="reject", text="It misleads people.")
    factories.edit(in_review, "results_ux", people, reading="Put right.")
    sign(in_review, people.outsider, "ux", signed_for=people.ux)
    factories.edit(in_review, "results_ux", people, reading=before)
    assert [one.user for one in board(in_review).against("ux")] == [people.ux]
    with pytest.raises(Refused, match="nobody else’s signature replaces it"):
        sign(in_review, people.outsider, "ux", signed_for=people.ux)


def test_nobody_stands_in_for_who_can_no_longer_sign_in(
    in_review: Decision, people: People
) -> None:
    lend(in_review, people.ux, people.outsider)
    User.objects.filter(pk=people.ux.pk).update(is_active=False)
    with pytest.raises(Refused):
        sign(fresh(in_review), people.outsider, "ux", signed_for=people.ux)


def test_a_document_is_made_anew_when_a_signature_no_longer_counts(
    signed: Decision, people: People
) -> None:
    before = document_source(fresh(signed)).digest
    remove_participant(signed, by=people.owner, participant=signed.participants.get(user=people.ux))
    assert document_source(fresh(signed)).digest != before
