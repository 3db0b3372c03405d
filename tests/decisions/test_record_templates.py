"""What a record can start from: the templates that ship, and what any template has to hold."""

from dataclasses import replace
from typing import Any

import pytest

from decisions.actions.lifecycle import approve, submit
from decisions.actions.records import open_decision
from decisions.actions.rows import add_candidate, add_goal, assess
from decisions.actions.sections import save_section
from decisions.actions.templates import copy_template, edit_template, offer_template
from decisions.blockers import blockers
from decisions.exports.document import record_document
from decisions.models import Decision, RecordTemplate, Role, User
from decisions.policies import BadInput, Refused, refusal
from decisions.record_page import RecordPage
from decisions.record_templates import GENERAL, LLM, SHIPPED, ensure_shipped
from decisions.section_kinds import SECTION_KINDS, Rows
from decisions.signing_policy import Order, Quorum, SigningPolicy
from decisions.template_plan import Plan, goal_in_words, plan_of, starting_goal
from decisions.versions import changes_between
from tests import factories
from tests.factories import People, fresh

LLM_PARTS = (
    "problem:business goals:business profile_business:business profile_data:data_science "
    "profile_operations:devops profile_interaction:ux candidates:data_science "
    "assessment_business:business assessment_data_science:data_science assessment_devops:devops "
    "assessment_ux:ux results_data_science:data_science results_devops:devops results_ux:ux "
    "results_business:business recommendation:owner"
)
GENERAL_PARTS = (
    "problem:business goals:business constraints_business:business constraints_data:data_science "
    "constraints_operations:devops constraints_people:ux options:devops rating_business:business "
    "rating_data_science:data_science rating_devops:devops rating_ux:ux "
    "results_data_science:data_science results_devops:devops results_ux:ux "
    "results_business:business recommendation:owner"
)
ACCURACY = starting_goal(
    "accuracy",
    direction="at_least",
    target=85.0,
    worst_acceptable=75.0,
    weight=3.0,
    is_must=True,
    proposed_by_role="data_science",
)
NOT_LLM = ("language model", "LLM", "prompt", "fine-tun", "retriev", "retrain", "spec that")


@pytest.fixture
def admin(people: People) -> User:
    """An administrator, who takes part in nothing."""
    return factories.person("ada", "Ada Min", is_staff=True)


def template(key: str = LLM) -> RecordTemplate:
    """Return a template as it stands."""
    return RecordTemplate.objects.get(key=key)


def save(key: str, admin: User, **values: Any) -> RecordTemplate:
    """Change some of what a template says."""
    row = template(key)
    edit_template(row, by=admin, token=row.token, plan=replace(plan_of(row), **values))
    return row


def parts_of(record: Decision) -> str:
    """Return a record's parts with their roles."""
    return " ".join(f"{one.kind}:{one.role}" for one in record.sections.all())


@pytest.mark.parametrize(("key", "parts"), [(LLM, LLM_PARTS), (GENERAL, GENERAL_PARTS)])
def test_a_record_opens_with_the_parts_of_its_template(
    key: str, parts: str, people: People
) -> None:
    assert parts_of(open_decision(by=people.owner, title="Which?", template=key)) == parts


def test_both_shipped_templates_make_sense_and_start_without_goals(db: None) -> None:
    assert {one.key for one in SHIPPED} == {LLM, GENERAL}
    for one in SHIPPED:
        plan = plan_of(template(one.key))
        assert plan.problems == []
        assert plan.row == one.row | {"goals": []}
        assert plan.policy.roles == tuple(Role.values)


def test_a_changed_template_that_ships_is_not_put_back_by_a_migration(admin: User) -> None:
    save(GENERAL, admin, title="Our decisions")
    ensure_shipped()
    assert template(GENERAL).title == "Our decisions"


def test_nothing_of_the_general_template_speaks_of_language_models(db: None) -> None:
    for kind, _role in template(GENERAL).parts:
        said = [
            kind.title,
            kind.intro,
            *(text for one in kind.criteria for text in (one.name, one.hint)),
        ]
        said += [text for one in kind.fields for text in (one.label, one.hint)]
        words = " ".join(map(str, said)).lower()
        assert not [word for word in NOT_LLM if word.lower() in words], kind.key


@pytest.mark.parametrize("key", [LLM, GENERAL])
def test_a_record_of_either_kind_can_be_walked_to_approval(key: str, people: People) -> None:
    record = factories.approved(people, template=key)
    assert record.status == "approved"
    document = record_document(record)
    keys = [one.key for one in document.chapters]
    assert keys.index("evidence") < keys.index("recommendation")
    assert all(part.ratings for one in document.chapters for part in one.parts if part.criteria)


def test_a_general_record_rates_on_general_criteria(people: People) -> None:
    record = factories.open_record(people, template=GENERAL)
    option = add_candidate(record, by=people.devops, name="Stay", approach="other")
    page = RecordPage(fresh(record), people.owner)
    keys = {role.value: [row.criterion.key for row in rows] for role, rows in page.all_criteria}
    assert keys["business"] == ["benefit", "cost", "time"]
    assert keys["devops"][-1] == "way_back"
    assess(option, by=people.devops, role="devops", ratings={"way_back": (5, "A day.")})
    assert record.sections.get(kind="rating_devops").state == "in_progress"
    with pytest.raises(BadInput, match="does not rate that"):
        assess(option, by=people.ux, role="ux", ratings={"way_back": (5, "A day.")})


def test_whoever_writes_the_options_may_change_and_measure_them(people: People) -> None:
    record = factories.open_record(people, template=GENERAL)
    for action in ("edit_candidate", "measure", "attach_evidence"):
        assert refusal(action, record, people.devops) is None
        assert refusal(action, record, people.data_science) is None
    refused = refusal("edit_candidate", record, people.ux)
    assert str(refused) == "Only the owner or data science or DevOps can change the candidates."


def test_a_change_of_a_rating_is_named_by_its_general_criterion(people: People) -> None:
    record = factories.complete_draft(people, template=GENERAL)
    before = record.digest
    option = record.candidates.get(letter="A")
    assess(option, by=people.devops, role="devops", ratings={"way_back": (1, "None.")})
    changes = changes_between(record, before, fresh(record).digest)
    assert [str(one.where) for one in changes] == ["A. A better prompt: DevOps, Way back"]


LEAN = [
    {"kind": "options", "role": "devops"},
    {"kind": "recommendation", "role": "owner"},
]


def test_a_record_without_goals_profile_ratings_or_results_works_to_the_end(
    people: People, admin: User
) -> None:
    copy = copy_template(template(GENERAL), by=admin, title="Lean")
    policy = SigningPolicy(("devops",), quorum={"devops": Quorum.ALL})
    save(copy.key, admin, sections=LEAN, policy=policy)
    record = factories.open_record(people, template="lean")
    assert parts_of(record) == "options:devops recommendation:owner"
    with pytest.raises(Refused, match="has no list of goals"):
        add_goal(record, by=people.devops, **factories.GOALS[0][1])
    add_candidate(record, by=people.devops, name="Stay", approach="other")
    assert RecordPage(fresh(record), people.owner).all_criteria == []
    factories.complete_section(factories.section_of(record, "options"), people)
    section = factories.section_of(record, "recommendation")
    answers = factories.answers_to(section) | {"chosen": ["A"]}
    save_section(section, by=people.owner, data=answers, token=0, complete=True)
    assert blockers(fresh(record), "submit") == []
    submit(record, by=people.owner)
    factories.sign(record, people.devops, "devops")
    approve(record, by=people.owner)
    assert record_document(fresh(record)).question == ""


def test_goals_that_a_template_starts_with_are_the_records_own(people: People, admin: User) -> None:
    save(LLM, admin, goals=[ACCURACY])
    record = open_decision(by=people.owner, title="Which?")
    goal = record.goals.get()
    assert (goal.name, goal.unit, goal.target, goal.weight) == ("Accuracy", "%", 85.0, 3.0)
    assert (goal.is_must, goal.proposed_by_role) == (True, "data_science")
    save(LLM, admin, goals=[ACCURACY | {"target": 99.0}])
    assert record.goals.get().target == 85.0


def test_a_template_edited_later_changes_nothing_in_flight(people: People, admin: User) -> None:
    draft = factories.complete_draft(people)
    submitted = factories.in_review(people, title="Submitted")
    before = {one.pk: (one.digest, parts_of(one)) for one in (draft, submitted)}
    kept = [one for one in plan_of(template()).sections if not one["kind"].startswith("profile")]
    policy = SigningPolicy(("ux", "business"), Order.LISTED, author_may_sign_alone=True)
    save(LLM, admin, sections=kept, goals=[ACCURACY], policy=policy)
    for record in (fresh(draft), fresh(submitted)):
        assert (record.digest, parts_of(record)) == before[record.pk]
        assert record.goals.count() == 2
    assert fresh(submitted).policy["signing_roles"] == Role.values
    assert [
        role.role for role in RecordPage(fresh(submitted), people.owner).roles if role.must_sign
    ]
    submit(draft, by=people.owner)
    assert fresh(draft).policy["signing_roles"] == ["ux", "business"]


def test_parts_of_one_chapter_stay_together_and_the_recommendation_is_last(admin: User) -> None:
    kinds = ["recommendation", "profile_data", "problem", "candidates", "profile_business"]
    sections = [{"kind": one, "role": SECTION_KINDS[one].role} for one in kinds]
    row = save(LLM, admin, sections=sections)
    assert [one["kind"] for one in row.sections] == [
        "profile_data",
        "profile_business",
        "problem",
        "candidates",
        "recommendation",
    ]


def part(kind: str, role: str = "") -> dict[str, str]:
    return {"kind": kind, "role": role or SECTION_KINDS[kind].role}


REC, CANDIDATES = part("recommendation"), part("candidates")
NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "nobody signs": ({"policy": SigningPolicy(())}, "at least one role that signs"),
    "twice signs": ({"policy": SigningPolicy(("ux", "ux"))}, "signs only once"),
    "twice a part": (
        {"sections": [CANDIDATES, part("problem"), part("problem"), REC]},
        "only once",
    ),
    "no recommendation": ({"sections": [CANDIDATES]}, "needs the recommendation"),
    "given away": (
        {"sections": [CANDIDATES, part("recommendation", "ux")]},
        "“Recommendation” is always written by: the owner",
    ),
    "rated by others": (
        {"sections": [CANDIDATES, part("assessment_ux", "devops"), REC]},
        "always written by: UX",
    ),
    "rated twice": (
        {"sections": [CANDIDATES, part("assessment_ux"), part("rating_ux"), REC]},
        "UX would rate every candidate twice",
    ),
    "nothing to choose": ({"sections": [REC]}, "Choose one part for what is chosen from"),
    "two lists": ({"sections": [CANDIDATES, part("options"), REC]}, "or “Candidate solutions”"),
    "owner's part": (
        {"sections": [CANDIDATES, part("problem", "owner"), REC]},
        "written by a role, not by the owner",
    ),
    "no such role": ({"sections": [CANDIDATES, part("problem", "boss"), REC]}, "needs a role"),
    "no such part": ({"sections": [{"kind": "poem", "role": "ux"}]}, "no part of the kind “poem”"),
    "goals nowhere": (
        {"sections": [CANDIDATES, REC], "goals": [ACCURACY]},
        "need the part “List of goals”",
    ),
    "goal twice": ({"goals": [ACCURACY, ACCURACY]}, "one goal on “Accuracy”"),
    "no such metric": ({"goals": [ACCURACY | {"metric": "beauty"}]}, "no metric “beauty”"),
    "no target": ({"goals": [ACCURACY | {"target": None}]}, "needs a direction, a target"),
    "endless target": ({"goals": [ACCURACY | {"target": float("inf")}]}, "needs a direction"),
    "wrong weight": ({"goals": [ACCURACY | {"weight": 101}]}, "a weight from 0 to 100"),
    "wrong side": ({"goals": [ACCURACY | {"worst_acceptable": 90.0}]}, "wrong side of the target"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_template_that_makes_no_sense_is_refused_in_words(name: str, admin: User) -> None:
    values, sentence = NONSENSE[name]
    before = factories.all_rows()
    with pytest.raises(BadInput, match=sentence):
        save(LLM, admin, **values)
    assert factories.all_rows() == before


def test_a_role_may_sign_without_a_part_of_its_own(admin: User) -> None:
    row = save(LLM, admin, sections=[CANDIDATES, REC], policy=SigningPolicy(("business",)))
    assert row.signing_policy.roles == ("business",)


def test_every_kind_of_part_can_stand_in_some_template() -> None:
    for kind in SECTION_KINDS.values():
        lists = [] if kind.rows == Rows.CANDIDATES else [CANDIDATES]
        sections = [*lists, part(kind.key), REC] if kind.key != "recommendation" else [*lists, REC]
        plan = Plan("One", "", sections, [], SigningPolicy(("ux",)))
        assert plan.problems == []


def test_two_people_changing_a_template_do_not_overwrite_each_other(admin: User) -> None:
    first, second = template(), template()
    plan = plan_of(first)
    edit_template(first, by=admin, token=first.token, plan=replace(plan, description="Theirs"))
    with pytest.raises(Refused, match="Someone else has changed"):
        edit_template(second, by=admin, token=0, plan=replace(plan, description="Mine"))
    assert template().description == "Theirs"
    edit_template(second, by=admin, token=0, plan=replace(plan, description="Theirs"))
    assert template().token == 1


def test_only_administrators_write_templates(people: People) -> None:
    row = template()
    before = factories.all_rows()
    for write in (
        lambda: copy_template(row, by=people.owner, title="Mine"),
        lambda: edit_template(row, by=people.owner, token=0, plan=replace(plan_of(row), title="M")),
        lambda: offer_template(row, by=people.owner, is_offered=False),
    ):
        with pytest.raises(Refused, match="Only administrators"):
            write()
    assert factories.all_rows() == before


def test_a_copy_has_a_title_and_an_address_of_its_own(admin: User) -> None:
    keys = [
        copy_template(template(), by=admin, title=title).key
        for title in ("New", "Café decisions", "Café: decisions", "決定")
    ]
    assert keys == ["new-2", "cafe-decisions", "cafe-decisions-2", "template"]
    assert template("new-2").sections == template().sections
    with pytest.raises(Refused, match="Another template has this title"):
        copy_template(template(), by=admin, title="new")
    with pytest.raises(BadInput, match="title"):
        copy_template(template(), by=admin, title=" ")


def test_a_retired_template_opens_no_record_and_keeps_those_it_has(
    people: People, admin: User
) -> None:
    record = factories.complete_draft(people, template=GENERAL)
    offer_template(template(GENERAL), by=admin, is_offered=False)
    with pytest.raises(Refused, match="no longer offered"):
        open_decision(by=people.owner, title="Another", template=GENERAL)
    submit(record, by=people.owner)
    with pytest.raises(Refused, match="the last template on offer"):
        offer_template(template(LLM), by=admin, is_offered=False)
    offer_template(template(GENERAL), by=admin, is_offered=True)
    assert open_decision(by=people.owner, title="Another", template=GENERAL).pk


def test_a_goal_reads_in_one_line() -> None:
    assert (
        goal_in_words(ACCURACY)
        == "Accuracy ≥ 85\u00a0%, worst acceptable 75\u00a0%, weight 3, a must"
    )
    latency = starting_goal(
        "latency_p95", direction="at_most", target=300.0, weight=1.0, is_must=False
    )
    assert goal_in_words(latency) == "Latency, 95th percentile ≤ 300\u00a0ms, weight 1"
