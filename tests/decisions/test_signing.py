"""A signature covers content: it holds exactly while the record says what its signer saw."""

import pytest

from decisions.actions.lifecycle import approve, reopen, submit
from decisions.actions.records import edit_details, invite
from decisions.actions.rows import edit_goal
from decisions.actions.sections import save_section
from decisions.actions.signing import ContentMoved
from decisions.content import digest
from decisions.models import Decision, SignOff, Version
from decisions.policies import BadInput, Refused
from decisions.signatures import Signatures, latest_sign_offs
from tests import factories
from tests.factories import People, edit, fresh, holds, section_of


def holding(record: Decision) -> list[SignOff]:
    """Return the signatures that count for what the record says."""
    return [one.signature for one in Signatures(record).seats if one.signature]


def test_a_signature_keeps_what_was_signed_by_whom_and_how(
    in_review: Decision, people: People
) -> None:
    signature = factories.sign(in_review, people.ux, "ux")
    assert signature.digest == in_review.digest
    assert (signature.version, signature.round) == (in_review.version, 1)
    assert (signature.printed_name, signature.role) == ("Uma Lindqvist", "ux")
    assert (signature.method, signature.time_zone) == ("password", "Europe/Stockholm")
    assert signature.policy == {
        "signing_roles": ["business", "data_science", "devops", "ux"],
        "order": "any",
        "quorum": dict.fromkeys(["business", "data_science", "devops", "ux"], "any"),
        "author_may_sign_alone": False,
    }


def test_the_signed_version_is_kept_and_digests_to_what_was_signed(
    in_review: Decision, people: People
) -> None:
    signature = factories.sign(in_review, people.ux, "ux")
    edit(in_review, "results_ux", people, reading="Otherwise.")
    kept = Version.objects.get(decision=in_review, number=signature.version)
    assert kept.digest == signature.digest == digest(kept.content)


def test_a_signature_lapses_when_a_goal_changes(signed: Decision, people: People) -> None:
    goal = signed.goals.get(metric="accuracy")
    edit_goal(goal, by=people.owner, token=goal.token, target=80.0)
    assert holding(fresh(signed)) == []
    assert len(latest_sign_offs(signed)) == 4


def test_going_back_to_the_signed_content_makes_it_hold_again(
    signed: Decision, people: People
) -> None:
    words = section_of(signed, "results_ux").data["reading"]
    edit(signed, "results_ux", people, reading="Otherwise.")
    assert not any(holds(one) for one in signed.sign_offs.all())
    edit(signed, "results_ux", people, reading=words)
    assert all(holds(one) for one in signed.sign_offs.all())
    approve(signed, by=people.owner)


def test_a_change_that_is_not_content_lets_signatures_hold(
    signed: Decision, people: People
) -> None:
    edit_details(signed, by=people.owner, tags=["routing"], visibility="everyone")
    factories.second_person(signed, "ux")
    assert all(holds(one) for one in signed.sign_offs.all())


def test_signing_what_the_record_no_longer_says_is_refused_and_writes_nothing(
    in_review: Decision, people: People
) -> None:
    seen = in_review.digest
    edit(in_review, "results_ux", people, reading="Otherwise.")
    before = factories.all_rows()
    with pytest.raises(ContentMoved) as raised:
        factories.sign(in_review, people.business, "business", digest=seen)
    assert raised.value.seen == seen
    assert raised.value.decision.digest == fresh(in_review).digest != seen
    assert factories.all_rows() == before


def test_a_change_outside_the_app_is_noticed_when_signing_and_when_approving(
    signed: Decision, people: People
) -> None:
    seen = signed.digest
    signed.goals.update(target=1.0)
    with pytest.raises(ContentMoved):
        factories.sign(signed, people.ux, "ux", digest=seen)
    with pytest.raises(Refused, match="changed outside the app"):
        approve(signed, by=people.owner)


def test_signing_twice_gives_the_first_signature_back(in_review: Decision, people: People) -> None:
    first = factories.sign(in_review, people.ux, "ux")
    before = factories.all_rows()
    assert factories.sign(in_review, people.ux, "ux") == first
    assert factories.all_rows() == before


def test_signing_for_two_roles_gives_two_signatures(people: People) -> None:
    record = factories.complete_draft(people)
    invite(record, by=people.owner, user=people.ux, role="devops", is_signatory=True)
    submit(record, by=people.owner)
    both = {factories.sign(record, people.ux, role) for role in ("ux", "devops")}
    assert len(both) == 2


def test_who_rejects_may_approve_later_and_the_rejection_stays_in_the_history(
    signed: Decision, people: People
) -> None:
    factories.sign(signed, people.ux, "ux", meaning="reject", text="It misleads people.")
    with pytest.raises(Refused, match="Uma Lindqvist has rejected it for UX"):
        approve(signed, by=people.owner)
    factories.sign(signed, people.ux, "ux")
    approve(signed, by=people.owner)
    meanings = [one.meaning for one in signed.sign_offs.filter(user=people.ux)]
    assert meanings == ["approve", "reject", "approve"]


def test_a_rejection_lapses_with_the_content_it_spoke_of(signed: Decision, people: People) -> None:
    rejection = factories.sign(signed, people.ux, "ux", meaning="reject", text="The tone.")
    edit(signed, "profile_interaction", people, tone="Warm")
    assert not holds(rejection)
    factories.sign_all(signed, people)
    approve(signed, by=people.owner)


@pytest.mark.parametrize("meaning", ["approve_with_reservation", "reject"])
def test_dissent_needs_words(meaning: str, in_review: Decision, people: People) -> None:
    before = factories.all_rows()
    with pytest.raises(BadInput, match="needs a reason"):
        factories.sign(in_review, people.ux, "ux", meaning=meaning, text=" ")
    assert factories.all_rows() == before


def test_a_signature_needs_a_known_meaning(in_review: Decision, people: People) -> None:
    with pytest.raises(BadInput, match="Choose what your signature means"):
        factories.sign(in_review, people.ux, "ux", meaning="maybe")


def test_the_right_to_sign_is_asked_before_the_words(in_review: Decision, people: People) -> None:
    with pytest.raises(Refused, match="Only a signatory"):
        factories.sign(in_review, people.outsider, "ux", meaning="reject")


def test_an_unfinished_record_cannot_be_signed(in_review: Decision, people: People) -> None:
    section = section_of(in_review, "results_ux")
    save_section(section, by=people.ux, data=section.data, token=section.token)
    with pytest.raises(Refused, match="“Study findings” is not complete"):
        factories.sign(in_review, people.business, "business")


def test_reopening_lapses_every_signature_even_if_no_word_changed(
    signed: Decision, people: People
) -> None:
    reopen(signed, by=people.owner, reason="New facts.")
    submit(signed, by=people.owner)
    assert fresh(signed).round == 2
    assert not any(holds(one) for one in signed.sign_offs.all())
    assert signed.sign_offs.count() == 4


def test_a_signature_is_for_a_role(in_review: Decision, people: People) -> None:
    with pytest.raises(Refused, match="Only a signatory"):
        factories.sign(in_review, people.ux, "")
