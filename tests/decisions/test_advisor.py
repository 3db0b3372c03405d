"""The advisor: rules as data, ten worked products, and what an open question would change."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from decisions.advisor import (
    Advice,
    Fit,
    Level,
    advise,
    fires,
    fits_of,
    known_answers,
    leading,
    may_fire,
    questions,
)
from decisions.advisor_rules import EXPERIMENTS, RULES, SOURCES, UNUSED, Condition
from decisions.advisor_ways import FINE_TUNING, PRE_TRAINING, PROMPTING, RAG, WAYS
from decisions.management.commands import advisor_rules
from decisions.models import Approach
from decisions.section_kinds import SECTION_KINDS, FieldType
from evaluations.sample.load import PLANS
from evaluations.sample.routing import PLAN as ROUTING
from evaluations.sample.story import Plan

NAMED = re.compile(r"`(\w+)`")
PRODUCT = re.compile(
    r"^### \d+\. (?P<title>.+?)$.+?```profile\n(?P<profile>.+?)```\n(?P<lines>.+?)(?=^##)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Product:
    """A worked product of docs/advisor.md: its profile and what is said to follow."""

    title: str
    profile: dict[str, str]
    said: dict[str, list[str]]


def products() -> Iterator[Product]:
    """Yield the products that docs/advisor.md works through."""
    for found in PRODUCT.finditer(advisor_rules.DOCUMENT.read()):
        answers = (answer.split("=") for answer in found["profile"].split())
        points = re.split(r"^- ", found["lines"], flags=re.MULTILINE)[1:]
        said = (point.split(":", 1) for point in points)
        yield Product(
            found["title"],
            dict(answers),
            {name: NAMED.findall(listed) for name, listed in said},
        )


PRODUCTS = list(products())
profiles = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(one.answers) for name, one in questions().items()}
)


def rules(reasons: tuple) -> list[str]:
    """Return the names of the rules of reasons."""
    return [one.rule.key for one in reasons]


def other_ways(advice: Advice, level: Level) -> list[str]:
    """Return the ways of a level besides the leading one."""
    return [one.way.key for one in advice.fits if one.level == level and one != advice.leading]


def fit(profile: dict[str, str], way: str) -> Fit:
    """Return how one way fits."""
    return next(one for one in fits_of(profile) if one.way.key == way)


def test_ten_products_are_worked_through_and_every_candidate_way_leads_one() -> None:
    assert len(PRODUCTS) == 10
    led = {one.said["Leads"][0] for one in PRODUCTS}
    assert led == {key for key, way in WAYS.items() if way.is_candidate}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda one: one.title)
def test_a_worked_product_comes_out_as_its_page_says(product: Product) -> None:
    assert product.profile.keys() == questions().keys()
    advice = advise(product.profile)
    assert advice.leading is not None
    assert product.said == {
        "Leads": [advice.leading.way.key],
        "For it": rules(advice.leading.speaks_for),
        "Against it": rules(advice.leading.speaks_against),
        "Fits too": other_ways(advice, Level.FOR),
        "Advised against": other_ways(advice, Level.AGAINST),
    }


def test_the_page_lists_the_rules_as_they_are() -> None:
    document = advisor_rules.DOCUMENT
    assert document.updated(document.read()) == document.read(), (
        "run: manage.py advisor_rules --write"
    )


def test_the_rules_are_printed_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("advisor_rules")
    assert "| `dynamic` | `change` dynamic |" in capsys.readouterr().out


def test_no_two_questions_share_a_name() -> None:
    asked = [
        field.name
        for part in SECTION_KINDS.values()
        if part.is_profile
        for field in part.fields
        if field.type == FieldType.CHOICE
    ]
    assert sorted(asked) == sorted(questions())


@pytest.mark.parametrize("entry", [*RULES, *EXPERIMENTS], ids=lambda one: one.key)
def test_every_rule_and_experiment_can_come_up(entry: Condition) -> None:
    profile = {name: answers[0] for name, answers in entry.when.items()}
    assert fires(entry.when, known_answers(profile))
    for name, answers in entry.when.items():
        assert set(answers) < set(questions()[name].answers), "it asks nothing"


def test_every_rule_has_an_effect_a_sentence_and_a_source() -> None:
    for one in RULES:
        assert one.effects
        assert all(effect in {-2, -1, 1, 2} for effect in one.effects.values())
        assert one.effects.keys() <= WAYS.keys()
        assert str(one.reason).endswith(".")
        assert one.sources
    for trial in EXPERIMENTS:
        assert set(trial.ways) <= WAYS.keys()


# What a first view has to weigh, and a rule that weighs it.
WEIGHED = {
    "niche or broad": "niche broad",
    "static or dynamic data": "static dynamic",
    "simple or complex interaction": "simple complex",
    "stakes of accuracy": "high_stakes high_stakes_facts high_stakes_examples low_stakes",
    "need of control": "strict strict_by_example loose",
    "labelled examples": "no_examples a_few_examples hundreds thousands",
    "domain language": "domain_language domain_language_untaught",
    "style hard to describe": "style_by_example style_in_rules",
    "context larger than the window": "beyond_the_window",
    "up-to-date or private sources": "newer_than_the_model own_sources",
    "citing sources": "cites",
    "cost and volume": "cheap_and_many cheap_and_very_many cheap_and_few",
    "latency": "at_once time_to_think",
    "on the device": "on_the_device small_machines",
    "compute and budget": "can_train can_serve nothing_to_run small_budget large_budget",
    "skills": "writes_prompts keeps_an_index trains_models keeps_both",
    "time to market": "days weeks months",
    "forgetting": "forgetting",
    "pre-training": "pre_training_costs pre_training_thinkable",
    "combining": "facts_and_manner rules_over_manner prompt_directs_retrieval two_parts",
}


@pytest.mark.parametrize("keys", WEIGHED.values(), ids=WEIGHED)
def test_the_rules_weigh_what_a_first_view_has_to(keys: str) -> None:
    assert set(keys.split()) <= {one.key for one in RULES}


def test_no_two_rules_share_a_key_and_every_source_is_cited() -> None:
    assert len({one.key for one in RULES}) == len(RULES)
    assert len({one.key for one in EXPERIMENTS}) == len(EXPERIMENTS)
    cited = {source for one in (*RULES, *EXPERIMENTS) for source in one.sources}
    assert cited == SOURCES.keys()


def test_every_answer_is_used_by_a_rule_or_listed_with_the_reason_why_not() -> None:
    used = {
        (name, answer) for one in RULES for name, answers in one.when.items() for answer in answers
    }
    every = {(name, answer) for name, one in questions().items() for answer in one.answers}
    assert used | UNUSED.keys() == every
    assert not used & UNUSED.keys()


def test_the_rules_pull_both_ways_for_every_way_that_can_be_a_candidate() -> None:
    for key, way in WAYS.items():
        effects = [one.effects[key] for one in RULES if key in one.effects]
        assert min(effects) < 0 < max(effects), way.name


def answers_of(plan: Plan) -> dict[str, str]:
    """Return what a sample record answers to the questions of the profile."""
    return {
        name: value
        for kind, data in plan.parts.items()
        if SECTION_KINDS[kind].is_profile
        for name, value in data.items()
        if name in questions()
    }


def test_the_sample_records_give_answers_that_exist_and_the_first_gives_all() -> None:
    for plan in PLANS:
        said = answers_of(plan)
        assert known_answers(said) == said, plan.title
    advice = advise(answers_of(ROUTING))
    assert advice.answered == advice.asked
    assert advice.leading is not None
    assert advice.leading.way.key == FINE_TUNING


def test_an_empty_profile_leads_nowhere_and_asks_for_what_would_decide_most() -> None:
    advice = advise({})
    assert advice.leading is None
    assert {one.level for one in advice.fits} == {Level.UNKNOWN, Level.AGAINST}
    assert [one.way.key for one in advice.worth_trying] == [PROMPTING]
    assert {one.question.name for one in advice.unknown} == questions().keys()
    assert [one.question.name for one in advice.unknown[:2]] == ["knowledge", "labelled"]


def test_an_open_question_names_the_answers_that_would_give_another_way_the_lead() -> None:
    profile = {"focus": "niche", "complexity": "complex", "style": "shown"}
    advice = advise(profile)
    assert advice.leading is not None
    first = advice.unknown[0]
    assert first.question.name == "knowledge"
    said = dict(first.question.field.choices)
    for turn in first.turns:
        value = next(key for key, label in said.items() if label == turn.answer)
        then = leading(fits_of({**profile, "knowledge": value}))
        assert then is not None
        assert then.way == turn.way != advice.leading.way


def test_pre_training_is_named_and_advised_against_even_where_it_can_be_thought_of() -> None:
    wealthy = {
        "budget": "large",
        "compute": "gpu",
        "ability": "both",
        "language": "specialist",
    }
    found = fit(wealthy, PRE_TRAINING)
    assert rules(found.speaks_for) == ["pre_training_thinkable"]
    assert found.level == Level.AGAINST


def test_a_few_hundred_examples_are_enough_to_speak_for_tuning() -> None:
    profile = {"focus": "niche", "change": "static"}
    assert fit(profile | {"labelled": "hundreds"}, FINE_TUNING).level == Level.FOR
    assert fit(profile | {"labelled": "none"}, FINE_TUNING).level == Level.AGAINST


def test_one_strong_reason_against_is_never_outweighed() -> None:
    profile = {
        "focus": "niche",
        "labelled": "thousands",
        "language": "specialist",
        "time": "months",
        "ability": "training",
        "knowledge": "private",
    }
    found = fit(profile, FINE_TUNING)
    assert found.balance >= 2
    assert found.level == Level.MIXED


def test_on_a_tie_the_lighter_way_comes_first() -> None:
    fits = fits_of({"change": "dynamic"})
    first, second = fits[:2]
    assert (first.way.key, first.balance) == (RAG, second.balance)


def test_what_a_way_waits_for_is_what_could_still_speak_of_it() -> None:
    assert may_fire({"cost": ("tight",), "volume": ("high",)}, {"cost": "tight"})
    assert not may_fire({"cost": ("tight",), "volume": ("high",)}, {"cost": "flexible"})
    assert not may_fire({"cost": ("tight",)}, {"cost": "tight"})
    waits = {one.name for one in fit({}, PRE_TRAINING).open}
    assert waits == {"budget", "compute", "ability", "language"}
    assert not fit({"budget": "small"}, PRE_TRAINING).open


def test_experiments_follow_what_is_worth_trying() -> None:
    tuned = advise(PRODUCTS[6].profile)
    assert "on_the_machine" in [one.key for one in tuned.experiments]
    assert "retrieval_alone" not in [one.key for one in tuned.experiments]
    assert "baseline" in [one.key for one in advise({}).experiments]


def test_a_question_or_an_answer_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such question"):
        advise({"focus": "wide"})
    assert known_answers({"focus": "wide", "note": "niche", "change": ["static"]}) == {}


def test_pre_training_is_no_candidate_and_every_other_way_says_where_one_starts() -> None:
    assert [key for key, way in WAYS.items() if not way.is_candidate] == [PRE_TRAINING]
    for way in WAYS.values():
        assert way.is_candidate == (way.approach != Approach.OTHER)
        assert way.is_candidate == bool(way.needs and way.risks)


@given(profiles)
def test_the_view_is_a_sum_of_its_reasons_whatever_is_answered(profile: dict[str, str]) -> None:
    fits = fits_of(profile)
    assert {one.way.key for one in fits} == WAYS.keys()
    for one in fits:
        fired = [rule for rule in RULES if fires(rule.when, profile)]
        assert one.balance == sum(rule.effects.get(one.way.key, 0) for rule in fired)
        assert all(reason.effect > 0 for reason in one.speaks_for)
        assert all(reason.effect < 0 for reason in one.speaks_against)
        assert not {question.name for question in one.open} & profile.keys()
        if one.level == Level.FOR:
            assert not any(reason.is_strong for reason in one.speaks_against)


@given(profiles)
def test_a_complete_profile_leaves_nothing_unknown(profile: dict[str, str]) -> None:
    full = {name: one.answers[0] for name, one in questions().items()} | profile
    assert advise(full).unknown == ()
