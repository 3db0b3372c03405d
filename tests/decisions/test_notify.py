"""Who is told of what: only who must act, only when it changed for them, once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from decisions import clock
from decisions.actions.delegation import (
    accept_delegation,
    delegate,
    delegate_for_a_time,
    end_delegation,
)
from decisions.actions.lifecycle import approve, reopen, submit, withdraw
from decisions.actions.people import change_participant
from decisions.actions.records import edit_details, invite, remove_participant
from decisions.actions.review import (
    Remark,
    edit_comment,
    lift_review,
    open_thread,
    reply,
    resolve,
    send_review,
)
from decisions.actions.rows import accept_goal, add_goal, decline_goal, edit_goal
from decisions.actions.sections import mark_section
from decisions.models import (
    Comment,
    Decision,
    Delivery,
    Event,
    Meaning,
    Notice,
    NoticeKind,
    RecordTemplate,
    Section,
    User,
    Webhook,
)
from decisions.notify import telling
from decisions.notify.matters import MATTERS
from decisions.notify.rules import OUTCOMES, RULES, Happening, tellings
from decisions.notify.standing import Standing
from decisions.notify.telling import behind, settle_records, tell, untold
from decisions.notify.words import lines, sentence
from decisions.policies import BadInput
from tests import factories
from tests.decisions.telling import open_notices, told
from tests.factories import People, edit, fresh, section_of, sign
from tests.threads import in_threads

SIGNERS = {"bruno", "dana", "devi", "uma"}


@pytest.fixture
def reviewed(in_review: Decision) -> Decision:
    """Return a record in review of which everyone concerned was told."""
    tell(in_review.pk)
    return in_review


@pytest.fixture
def all_signed(signed: Decision) -> Decision:
    """Return a record that all have signed, of which everyone was told."""
    tell(signed.pk)
    return signed


def in_turns(people: People) -> Decision:
    """Return a record in review whose roles sign one after another, business first."""
    record = factories.complete_draft(people)
    roles = ["business", "data_science", "devops", "ux"]
    policy = {"signing_roles": roles, "order": "listed"}
    RecordTemplate.objects.filter(key=record.template_id).update(policy=policy)
    submit(fresh(record), by=people.owner)
    return fresh(record)


def remark(record: Decision, kind: str, body: str = "How do you know?", **fields: Any) -> Remark:
    return Remark(body=body, section=section_of(record, kind), **fields)


def part_of(record: Decision, role: str) -> Section:
    """Return the first part that a role writes by answering it."""
    parts = record.sections.filter(role=role)
    return next(one for one in parts if one.definition.fields)


# Writing


def test_who_is_invited_with_parts_to_write_is_told(people: People, draft: Decision) -> None:
    first = told(draft)
    assert first == {name: ["write"] for name in SIGNERS}
    notice = Notice.objects.get(user=people.ux)
    assert notice.url.startswith(f"/decisions/{draft.reference}/#section-")
    assert "gave you the role UX" in sentence(notice)


def test_an_invitation_that_changes_nothing_tells_no_one(people: People, draft: Decision) -> None:
    tell(draft.pk)
    invite(draft, by=people.owner, user=people.ux, role="ux", is_signatory=True)
    assert told(draft) == {}


def test_who_is_given_another_role_is_told_of_its_parts(people: People, draft: Decision) -> None:
    tell(draft.pk)
    held = draft.participants.get(user=people.ux)
    change_participant(draft, by=people.owner, participant=held, role="business", is_signatory=True)
    assert told(draft) == {"uma": ["write"]}


def test_of_two_people_of_one_name_only_who_was_given_the_role_is_told(
    people: People, draft: Decision
) -> None:
    namesake = factories.person("uma2", people.ux.name)
    invite(draft, by=people.owner, user=namesake, role="business")
    tell(draft.pk)
    held = draft.participants.get(user=people.ux)
    change_participant(draft, by=people.owner, participant=held, role="business", is_signatory=True)
    assert draft.events.get(kind="change_role").data["user_id"] == people.ux.pk
    assert told(draft) == {"uma": ["write"]}


def test_an_earlier_releases_invitation_finds_its_person_by_name(
    people: People, draft: Decision
) -> None:
    said = {"person": people.ux.name, "role": "ux", "signs": True}
    event = Event(kind="invite", sequence=1, actor=people.owner, data=said)
    found = tellings(Happening(event, Standing(draft.pk)))
    assert [(one.user, one.matter) for one in found] == [(people.ux, "write")]


def test_an_invitation_is_settled_once_the_parts_are_written(people: People) -> None:
    record = factories.open_record(people)
    tell(record.pk)
    factories.fill_in(record, people)
    tell(record.pk)
    assert open_notices(people.ux) == []


def test_an_invitation_is_settled_when_it_is_taken_back(people: People, draft: Decision) -> None:
    tell(draft.pk)
    remove_participant(draft, by=people.owner, participant=draft.participants.get(user=people.ux))
    tell(draft.pk)
    assert open_notices(people.ux) == []


# Signing


def test_every_signatory_is_told_when_it_is_submitted(people: People) -> None:
    record = factories.complete_draft(people)
    tell(record.pk)
    submit(record, by=people.owner)
    assert told(record) == {name: ["sign"] for name in SIGNERS}
    notice = Notice.objects.get(user=people.ux, kind=NoticeKind.SIGN)
    assert (notice.url, notice.is_urgent) == (f"/decisions/{record.reference}/sign/", False)
    assert sentence(notice) == "It is ready for your signature for UX."


def test_in_turn_only_whose_turn_it_is_is_told(people: People) -> None:
    record = in_turns(people)
    assert told(record)["bruno"][-1] == "sign"
    assert open_notices(people.data_science) == []
    sign(record, people.business, "business")
    assert told(record) == {"dana": ["sign"]}
    assert open_notices(people.business) == []


def test_when_the_turn_comes_back_it_is_told_again(people: People) -> None:
    record = in_turns(people)
    sign(record, people.business, "business")
    tell(record.pk)
    edit_details(record, by=people.owner, title="Changed since")
    assert told(record) == {"bruno": ["lapsed"]}
    assert open_notices(people.data_science) == []
    sign(record, people.business, "business")
    assert told(record) == {"dana": ["sign"]}


def test_a_signatory_added_during_review_is_told(people: People, reviewed: Decision) -> None:
    second = factories.second_person(reviewed, "ux", is_signatory=True)
    assert told(reviewed) == {second.username: ["sign"]}


def test_who_stands_in_is_told_whose_place_it_is(people: People, complete_draft: Decision) -> None:
    accept_delegation(
        delegate(complete_draft, by=people.ux, taker=people.outsider), by=people.outsider
    )
    tell(complete_draft.pk)
    submit(complete_draft, by=people.owner)
    assert told(complete_draft)["xaver"] == ["sign_for"]
    notice = Notice.objects.get(user=people.outsider, kind=NoticeKind.SIGN)
    assert sentence(notice) == ("It is ready for your signature for UX, in place of Uma Lindqvist.")


def test_signing_settles_what_asked_for_it(people: People, reviewed: Decision) -> None:
    sign(reviewed, people.ux, "ux")
    assert told(reviewed) == {}
    assert open_notices(people.ux) == []
    assert open_notices(people.devops) == ["sign"]


def test_the_owner_who_submits_and_signs_is_not_told_by_others_signing(people: People) -> None:
    record = factories.complete_draft(people)
    invite(record, by=people.owner, user=people.owner, role="ux", is_signatory=True)
    submit(record, by=people.owner)
    tell(record.pk)
    sign(record, people.devops, "devops")
    assert told(record) == {}
    assert open_notices(people.owner) == []


def test_while_something_must_be_fixed_no_signature_is_asked_for(people: People) -> None:
    record = factories.complete_draft(people)
    thread = open_thread(record, by=people.ux, remark=Remark("Wait.", must_fix=True))
    submit(record, by=people.owner)
    assert not any("sign" in matters for matters in told(record).values())
    resolve(thread, by=people.owner)
    assert told(record) == {name: ["sign"] for name in SIGNERS}


def test_a_request_for_changes_settles_what_asks_for_signatures_until_it_is_lifted(
    people: People, reviewed: Decision
) -> None:
    sign(reviewed, people.devops, "devops")
    asked = send_review(reviewed, by=people.ux, verdict="request_changes", body="Please.")
    assert told(reviewed) == {"olivia": ["request"]}
    assert open_notices(people.business) == []
    lift_review(asked, by=people.ux)
    # Not who lifted it, and not who has signed: they know.
    assert told(reviewed) == {"bruno": ["sign"], "dana": ["sign"]}
    assert open_notices(people.owner) == []
    sign(reviewed, people.business, "business")
    assert told(reviewed) == {}


# Lapses


def test_each_signer_whose_signature_lapsed_is_told_once_a_lapse(
    people: People, all_signed: Decision
) -> None:
    edit_details(all_signed, by=people.owner, title="Another title")
    assert told(all_signed) == {name: ["lapsed"] for name in SIGNERS}
    edit_details(all_signed, by=people.owner, title="A third one")
    assert told(all_signed) == {}
    notice = Notice.objects.get(user=people.ux, kind=NoticeKind.LAPSED)
    assert notice.url == f"/decisions/{all_signed.reference}/sign/"
    assert (
        sentence(notice) == "Olivia Brandt changed it after you signed for UX: read what changed."
    )


def test_going_back_to_what_was_signed_settles_it_and_the_next_lapse_is_told_anew(
    people: People, all_signed: Decision
) -> None:
    was = all_signed.title
    edit_details(all_signed, by=people.owner, title="Another title")
    tell(all_signed.pk)
    edit_details(all_signed, by=people.owner, title=was)
    assert told(all_signed) == {}
    assert open_notices(people.ux) == []
    edit_details(all_signed, by=people.owner, title="Another title")
    assert told(all_signed)["uma"] == ["lapsed"]


def test_there_and_back_before_anyone_was_told_tells_no_one(
    people: People, all_signed: Decision
) -> None:
    was = all_signed.title
    edit_details(all_signed, by=people.owner, title="Another title")
    edit_details(all_signed, by=people.owner, title=was)
    assert told(all_signed) == {}


def test_a_save_that_changes_nothing_tells_no_one(people: People, all_signed: Decision) -> None:
    section = part_of(all_signed, "ux")
    edit(all_signed, section.kind, people)
    mark_section(section_of(all_signed, section.kind), by=people.ux, complete=True)
    edit_details(all_signed, by=people.owner, title=all_signed.title)
    assert told(all_signed) == {}


def test_who_makes_their_own_signature_lapse_is_not_told(
    people: People, all_signed: Decision
) -> None:
    section = part_of(all_signed, "ux")
    name = section.definition.fields[0].name
    edit(all_signed, section.kind, people, **{name: "It reads otherwise now."})
    assert set(told(all_signed)) == SIGNERS - {"uma"}


def test_signing_again_settles_the_lapse(people: People, all_signed: Decision) -> None:
    edit_details(all_signed, by=people.owner, title="Another title")
    tell(all_signed.pk)
    sign(all_signed, people.ux, "ux")
    assert told(all_signed) == {}
    assert open_notices(people.ux) == []


def test_the_lapse_of_who_no_longer_signs_is_told_to_no_one(
    people: People, all_signed: Decision
) -> None:
    remove_participant(
        all_signed, by=people.owner, participant=all_signed.participants.get(user=people.ux)
    )
    edit_details(all_signed, by=people.owner, title="Another title")
    assert set(told(all_signed)) == SIGNERS - {"uma"}


def test_a_reopening_of_which_is_told_late_is_not_told_as_a_change(
    people: People, all_signed: Decision
) -> None:
    reopen(all_signed, by=people.owner, reason="A new tender.")
    submit(all_signed, by=people.owner)
    assert {tuple(sorted(what)) for what in told(all_signed).values()} == {("reopened", "sign")}


# Dissent, and the owner's next step


def test_a_rejection_is_told_to_the_owner_and_to_earlier_signers(
    people: People, reviewed: Decision
) -> None:
    sign(reviewed, people.ux, "ux")
    sign(reviewed, people.devops, "devops", meaning=Meaning.REJECT, text="It cannot be run.")
    assert told(reviewed) == {"olivia": ["rejected"], "uma": ["rejected_after_you"]}
    notice = Notice.objects.get(user=people.owner)
    assert sentence(notice) == "Devi Menon rejected it for DevOps."


def test_rejections_in_ones_own_and_in_a_lent_place_are_two(
    people: People, reviewed: Decision
) -> None:
    second = factories.second_person(reviewed, "ux", is_signatory=True)
    accept_delegation(delegate(reviewed, by=second, taker=people.ux), by=people.ux)
    tell(reviewed.pk)
    for giver in (None, second):
        sign(
            reviewed,
            people.ux,
            "ux",
            meaning=Meaning.REJECT,
            text="Nobody finds it.",
            signed_for=giver,
        )
    assert told(reviewed)["olivia"] == ["rejected", "rejected"]
    said = [sentence(one) for one in Notice.objects.filter(user=people.owner, settled_at=None)]
    assert sorted(said) == [
        f"Uma Lindqvist for {second} rejected it for UX.",
        "Uma Lindqvist rejected it for UX.",
    ]


def test_a_reservation_is_told_to_the_owner(people: People, reviewed: Decision) -> None:
    sign(reviewed, people.ux, "ux")
    sign(
        reviewed,
        people.devops,
        "devops",
        meaning=Meaning.APPROVE_WITH_RESERVATION,
        text="Only with a fallback.",
    )
    assert told(reviewed) == {"olivia": ["reserved"]}


def test_the_owner_is_told_once_everyone_has_signed(people: People, in_review: Decision) -> None:
    for role in ("business", "data_science", "devops"):
        sign(in_review, people.signatories[role], role)
    tell(in_review.pk)
    sign(in_review, people.ux, "ux")
    assert told(in_review) == {"olivia": ["approve"]}
    open_thread(in_review, by=people.ux, remark=Remark("By the way."))
    assert told(in_review) == {"olivia": ["comment_whole"]}


def test_a_thread_that_must_be_fixed_is_told_to_the_owner_until_it_is_resolved(
    people: People, reviewed: Decision
) -> None:
    kind = part_of(reviewed, "ux").kind
    thread = open_thread(reviewed, by=people.devops, remark=remark(reviewed, kind, must_fix=True))
    assert told(reviewed) == {"olivia": ["must_fix"], "uma": ["comment"]}
    resolve(thread, by=people.devops)
    assert told(reviewed) == {name: ["sign"] for name in SIGNERS - {"devi"}}
    assert open_notices(people.owner) == []
    resolve(thread, by=people.devops, resolved=False)
    assert told(reviewed) == {"olivia": ["must_fix"]}


@pytest.mark.parametrize(("last", "expected"), [("owner", {}), ("ux", {"olivia": ["submit"]})])
def test_the_owner_is_told_that_it_can_be_submitted_unless_they_did_the_last_thing(
    last: str, expected: dict[str, list[str]], people: People, complete_draft: Decision
) -> None:
    part = part_of(complete_draft, last)
    by = getattr(people, last)
    mark_section(part, by=by, complete=False)
    tell(complete_draft.pk)
    mark_section(section_of(complete_draft, part.kind), by=by, complete=True)
    assert told(complete_draft) == expected


# Discussion


def test_a_comment_on_a_part_is_told_to_its_writers(people: People, reviewed: Decision) -> None:
    kind = part_of(reviewed, "ux").kind
    thread = open_thread(reviewed, by=people.devops, remark=remark(reviewed, kind))
    assert told(reviewed) == {"uma": ["comment"]}
    notice = Notice.objects.get(user=people.ux, kind=NoticeKind.DISCUSSION)
    assert notice.url.endswith(f"#thread-{thread.pk}")


def test_ones_own_comment_on_ones_own_part_tells_no_one(people: People, reviewed: Decision) -> None:
    kind = part_of(reviewed, "ux").kind
    open_thread(reviewed, by=people.ux, remark=remark(reviewed, kind))
    assert told(reviewed) == {}


def test_a_reply_is_told_to_the_people_of_the_thread(people: People, reviewed: Decision) -> None:
    kind = part_of(reviewed, "ux").kind
    thread = open_thread(reviewed, by=people.devops, remark=remark(reviewed, kind))
    tell(reviewed.pk)
    reply(thread, by=people.ux, body="From the logs.")
    assert told(reviewed) == {"devi": ["reply"]}
    # Who has answered is no longer asked.
    assert "comment" not in open_notices(people.ux)


def test_a_mention_is_told_at_once_and_only_as_a_mention(
    people: People, reviewed: Decision
) -> None:
    kind = part_of(reviewed, "ux").kind
    body = "Would @uma or @bruno know? Not `@dana`."
    open_thread(reviewed, by=people.devops, remark=remark(reviewed, kind, body))
    assert told(reviewed) == {"uma": ["mention"], "bruno": ["mention"]}
    assert Notice.objects.get(user=people.business, kind=NoticeKind.MENTION).is_urgent


def test_somebody_who_is_not_on_the_record_is_never_called(
    people: People, reviewed: Decision
) -> None:
    open_thread(reviewed, by=people.devops, remark=Remark("What do you say, @xaver?"))
    assert told(reviewed) == {"olivia": ["comment_whole"]}


def test_a_name_put_in_later_is_told_to_that_one_only(people: People, reviewed: Decision) -> None:
    open_thread(reviewed, by=people.devops, remark=Remark("Ask @uma."))
    tell(reviewed.pk)
    edit_comment(Comment.objects.get(), by=people.devops, body="Ask @uma or @bruno.")
    assert told(reviewed) == {"bruno": ["mention"]}


def test_a_review_is_told_once_to_each_whatever_it_holds(
    people: People, reviewed: Decision
) -> None:
    kind = part_of(reviewed, "ux").kind
    remarks = [remark(reviewed, kind, f"Point {number}.") for number in range(5)]
    send_review(reviewed, by=people.devops, verdict="comment", remarks=remarks)
    assert told(reviewed) == {"uma": ["comment"]}
    notice = Notice.objects.get(user=people.ux, kind=NoticeKind.DISCUSSION)
    assert sentence(notice) == "Devi Menon made 5 comments on parts that you write."


def test_a_request_for_changes_says_itself_what_must_be_fixed(
    people: People, reviewed: Decision
) -> None:
    kind = part_of(reviewed, "ux").kind
    fix = remark(reviewed, kind, "This @olivia?", must_fix=True)
    send_review(reviewed, by=people.devops, verdict="request_changes", body="No.", remarks=[fix])
    assert told(reviewed) == {"olivia": ["request", "mention"], "uma": ["comment"]}


def test_the_words_of_a_review_can_call_someone(people: People, reviewed: Decision) -> None:
    send_review(reviewed, by=people.devops, verdict="comment", body="@bruno, see here.")
    assert told(reviewed) == {"bruno": ["mention"]}


# Delegations


def test_the_other_person_is_told_of_a_delegation(people: People, reviewed: Decision) -> None:
    one = delegate(reviewed, by=people.ux, taker=people.outsider)
    assert told(reviewed) == {"xaver": ["offered"]}
    accept_delegation(one, by=people.outsider)
    assert told(reviewed) == {"uma": ["accepted"]}
    assert open_notices(people.outsider) == []
    end_delegation(one, by=people.ux)
    assert told(reviewed) == {"xaver": ["revoked"]}


def test_who_loses_sight_of_a_record_is_told_without_its_name(
    people: People, reviewed: Decision
) -> None:
    one = delegate(reviewed, by=people.ux, taker=people.outsider)
    tell(reviewed.pk)
    end_delegation(one, by=people.ux)
    assert told(reviewed) == {"xaver": ["called_off"]}
    notice = Notice.objects.get(user=people.outsider, settled_at=None)
    assert (notice.decision, notice.url) == (None, f"/delegations/#delegation-{one.pk}")


@pytest.mark.parametrize(("by", "matter"), [("ux", "revoked"), ("outsider", "given_back")])
def test_a_delegation_for_a_time_is_told_without_any_record(
    by: str, matter: str, people: People, in_review: Decision
) -> None:
    until = clock.now() + timedelta(days=2)
    one = delegate_for_a_time(by=people.ux, taker=people.outsider, until=until)
    assert open_notices(people.outsider) == ["offered"]
    accept_delegation(one, by=people.outsider)
    assert (open_notices(people.outsider), open_notices(people.ux)) == ([], ["accepted"])
    end_delegation(one, by=getattr(people, by))
    other = people.outsider if by == "ux" else people.ux
    assert open_notices(other) == [matter]


# How it ended


def test_everyone_who_takes_part_is_told_how_it_ended(people: People, all_signed: Decision) -> None:
    approve(all_signed, by=people.owner)
    assert told(all_signed) == {name: ["approved"] for name in SIGNERS}
    reopen(all_signed, by=people.owner, reason="A new tender.")
    assert told(all_signed) == {name: ["reopened"] for name in SIGNERS}
    notice = Notice.objects.get(user=people.ux, data__about="reopened")
    assert "A new tender." in sentence(notice)
    assert open_notices(people.ux) == ["reopened"]
    withdraw(all_signed, by=people.owner, reason="Given up.")
    assert told(all_signed) == {name: ["withdrawn"] for name in SIGNERS}


def test_a_superseded_record_says_by_which(people: People, approved: Decision) -> None:
    tell(approved.pk)
    old = factories.superseded(people, title="The older one")
    tell(old.pk)
    notice = Notice.objects.get(user=people.ux, data__about="superseded")
    assert sentence(notice) == f"Olivia Brandt put {old.superseded_by.reference} in its place."


# Who is never told


def test_who_can_no_longer_read_the_record_is_not_told(people: People, reviewed: Decision) -> None:
    thread = open_thread(reviewed, by=people.ux, remark=Remark("Why?"))
    tell(reviewed.pk)
    remove_participant(
        reviewed, by=people.owner, participant=reviewed.participants.get(user=people.ux)
    )
    reply(thread, by=people.owner, body="Because.")
    assert told(reviewed) == {}
    assert open_notices(people.ux) == []


def test_who_can_no_longer_sign_in_is_not_told(people: People, complete_draft: Decision) -> None:
    tell(complete_draft.pk)
    User.objects.filter(pk=people.ux.pk).update(is_active=False)
    submit(complete_draft, by=people.owner)
    assert set(told(complete_draft)) == SIGNERS - {"uma"}


def test_no_one_is_ever_told_what_they_did_themself(people: People, all_signed: Decision) -> None:
    approve(all_signed, by=people.owner)
    tell(all_signed.pk)
    for one in Notice.objects.exclude(event=None).select_related("event"):
        assert one.event.actor_id != one.user_id, one.data


def test_the_name_of_a_record_that_one_may_not_read_any_more_is_not_shown(
    people: People, reviewed: Decision
) -> None:
    notices = Notice.objects.filter(user=people.ux)
    assert {one.record for one in lines(notices, people.ux)} == {reviewed}
    reviewed.participants.filter(user=people.ux).delete()
    assert {one.record for one in lines(notices, people.ux)} == {None}


# Late, twice, and at once


def test_old_news_is_not_told_but_what_waits_on_someone_is(people: People) -> None:
    with clock.held_at(clock.now() - timedelta(days=30)):
        gone = factories.approved(people)
        waiting = factories.in_review(people, title="Waits")
    assert told(gone) == {}
    assert {name: set(what) for name, what in told(waiting).items()} == {
        name: {"sign"} for name in SIGNERS
    }
    notice = Notice.objects.get(user=people.ux)
    assert notice.created_at < clock.now() - timedelta(days=29)
    assert notice.told_at > clock.now() - timedelta(minutes=5)


def test_telling_again_tells_nothing_more(people: People, signed: Decision) -> None:
    assert tell(signed.pk) == signed.events.count()
    before = list(Notice.objects.order_by("pk").values())
    assert tell(signed.pk) == 0
    Decision.objects.filter(pk=signed.pk).update(told_up_to=0)
    assert tell(signed.pk) == signed.events.count()
    assert [one["key"] for one in Notice.objects.order_by("pk").values()] == [
        one["key"] for one in before
    ]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_tell_once() -> None:
    people = factories.people()
    record = factories.in_review(people)
    outcomes = in_threads(*[lambda: tell(record.pk)] * 6)
    assert sorted(outcomes) == [0] * 5 + [record.events.count()]
    keys = list(Notice.objects.values_list("user", "key"))
    assert len(keys) == len(set(keys)) == 4


def test_a_worker_that_dies_in_between_loses_and_doubles_nothing(
    people: People, in_review: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Event] = []

    def die_at_the_tenth(event: Event) -> None:
        seen.append(event)
        if len(seen) == 10:
            raise SystemExit("killed")

    monkeypatch.setattr(telling, "enqueue", die_at_the_tenth)
    with pytest.raises(SystemExit):
        tell(in_review.pk)
    assert not Notice.objects.exists()
    assert fresh(in_review).told_up_to == 0
    assert set(told(in_review)) == SIGNERS


def test_a_failure_to_tell_is_logged_and_raised(
    people: People,
    in_review: Decision,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(event: Event) -> None:
        raise RuntimeError("no room left")

    monkeypatch.setattr(telling, "enqueue", fail)
    with pytest.raises(RuntimeError):
        tell(in_review.pk)
    (logged,) = caplog.records
    assert logged.name == "decisions.notify.telling"
    assert logged.getMessage() == f"What happened on record {in_review.pk} could not be told"


def test_what_is_told_while_a_record_is_read_is_not_settled_by_what_was_read(
    people: People, complete_draft: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = open_thread(complete_draft, by=people.ux, remark=Remark("Why?"))
    reply(thread, by=people.owner, body="Because.")
    tell(complete_draft.pk)

    class Slow(Standing):
        """A record that is submitted, and told of, just after it was read."""

        def __init__(self, decision_id: int) -> None:
            super().__init__(decision_id)
            monkeypatch.undo()
            submit(complete_draft, by=people.owner)
            tell(decision_id)

    monkeypatch.setattr(telling, "Standing", Slow)
    settle_records(people.ux, [complete_draft.pk])
    assert open_notices(people.ux) == ["reply", "sign"]


def test_long_logs_are_told_in_several_transactions(
    people: People, in_review: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "BATCH", 7)
    assert tell(in_review.pk) == in_review.events.count() > 14
    assert open_notices(people.ux) == ["sign"]


def test_events_are_handed_to_the_webhooks_too(people: People, draft: Decision) -> None:
    tell(draft.pk)
    Webhook.objects.create(
        name="Chat", url="https://chat.example.org/", secret="s" * 32, created_by=people.owner
    )
    edit_details(draft, by=people.owner, title="Another title")
    tell(draft.pk)
    assert [one.event.kind for one in Delivery.objects.all()] == ["edit_details"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_after_the_commit_and_not_after_a_rollback(
    jobs: list[tuple[str, list[Any]]],
) -> None:
    people = factories.people()
    record = factories.open_record(people)
    jobs.clear()
    with transaction.atomic():
        edit_details(record, by=people.owner, title="Another title")
        assert jobs == []
    assert jobs == [("decisions.tasks.tell_people", [record.pk])]
    with transaction.atomic():
        edit_details(record, by=people.owner, title="A third one")
        transaction.set_rollback(True)
    assert len(jobs) == 1


@pytest.mark.django_db(transaction=True)
def test_when_the_queue_is_down_the_action_succeeds_and_the_sweep_tells(
    monkeypatch: pytest.MonkeyPatch, jobs: list[tuple[str, list[Any]]]
) -> None:
    people = factories.people()
    record = factories.open_record(people)

    def unreachable(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no broker")

    from decisions import tasks

    monkeypatch.setattr(tasks.tell_people, "apply_async", unreachable)
    edit_details(record, by=people.owner, title="Another title")
    monkeypatch.undo()
    assert [one.pk for one in behind()] == [record.pk]
    jobs.clear()
    tasks.tell_the_rest()
    assert jobs == [("decisions.tasks.tell_people", [record.pk])]
    tasks.tell_people(record.pk)
    assert not untold(record.pk).exists()
    assert not behind().exists()


# Goals


def test_the_owner_is_told_of_a_proposed_goal_until_they_have_decided(
    people: People, draft: Decision
) -> None:
    tell(draft.pk)
    asked = factories.GOALS[1][1]
    goal = add_goal(draft, by=people.devops, proposed_by_role="devops", **asked)
    assert told(draft) == {"olivia": ["proposed"]}
    edit_goal(goal, by=people.devops, token=goal.token, target=200.0)
    assert told(draft) == {}
    accept_goal(goal, by=people.owner, token=goal.token)
    assert told(draft) == {}
    assert open_notices(people.owner) == []
    edit_goal(goal, by=people.devops, token=goal.token, target=700.0)
    assert told(draft) == {"olivia": ["proposed"]}


def test_who_proposed_a_goal_is_told_why_it_is_declined(people: People, draft: Decision) -> None:
    asked = factories.GOALS[1][1]
    goal = add_goal(draft, by=people.devops, proposed_by_role="devops", **asked)
    tell(draft.pk)
    with pytest.raises(BadInput, match="Say why"):
        decline_goal(goal, by=people.owner, token=goal.token, reason=" ")
    decline_goal(goal, by=people.owner, token=goal.token, reason="Nobody waits for it.")
    assert told(draft) == {"devi": ["goal_declined"]}
    notice = Notice.objects.get(user=people.devops, data__about="goal_declined")
    assert sentence(notice).endswith("95th percentile”: Nobody waits for it.")
    assert open_notices(people.owner) == []


# The tables


def test_every_rule_is_about_kinds_of_event_that_there_are() -> None:
    from decisions.history import SENTENCES

    kinds = {kind for rule in RULES for kind in rule.kinds} - {"*"}
    assert kinds <= set(SENTENCES)
    assert set(OUTCOMES.values()) <= set(MATTERS)


@pytest.mark.parametrize("key", MATTERS)
def test_every_matter_has_its_sentence(key: str) -> None:
    values = dict.fromkeys(
        ("actor", "giver", "taker", "reason", "successor", "question", "goal"), "Ana"
    ) | {
        "role": "ux",
        "part": "goals",
        "count": 1,
        "day": "2026-11-21",
        "why": {"message": "%(file)s is not there.", "values": {"file": "seal.pem"}},
    }
    for count in (1, 3):
        notice = Notice(kind=MATTERS[key].kind, data=values | {"about": key, "count": count})
        said = sentence(notice)
        assert "%" not in said
        assert said[-1] in ".:" or said.endswith("Ana")


@pytest.mark.parametrize("data", [{}, {"about": "sign"}, {"about": "told by a later release"}])
def test_a_notice_that_was_told_otherwise_is_named_by_its_kind(
    data: dict[str, str], people: People, in_review: Decision
) -> None:
    assert sentence(Notice(kind="sign", data=data)) == "A record is ready for your signature"
    Notice.objects.create(
        user=people.ux, decision=in_review, kind="sign", key="odd", data=data, url="/"
    )
    tell(in_review.pk)
    assert Notice.objects.get(key="odd").settled_at is None
