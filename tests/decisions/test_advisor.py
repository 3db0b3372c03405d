"""The advisor: rules as data, ten worked products, and what an open question would change."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from random import Random

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
from decisions.advisor_rules import (
    CANDIDATES,
    EXPERIMENTS,
    LOOKED_UP,
    RULES,
    TUNED,
    UNUSED,
    Experiment,
    Rule,
)
from decisions.advisor_sources import SOURCES
from decisions.advisor_ways import (
    FINE_TUNING,
    PRE_TRAINING,
    PROMPT_AND_RAG,
    PROMPT_ON_TUNED,
    PROMPTING,
    RAG,
    TUNED_AND_RAG,
    WAYS,
    Way,
)
from decisions.management.commands import advisor_rules
from decisions.models import Approach
from decisions.section_kinds import SECTION_KINDS, FieldType
from evaluations.sample.load import PLANS
from evaluations.sample.routing import PLAN as ROUTING
from evaluations.sample.story import Plan
from tests.profiles import full_profiles

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
ENTRIES: tuple[Rule | Experiment, ...] = (*RULES, *EXPERIMENTS)
FULL = full_profiles(300)
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


def lead_of(profile: dict[str, str]) -> Way | None:
    """Return the way that leads, if one does."""
    first = leading(fits_of(profile))
    return first.way if first else None


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


def view(profile: dict[str, str], rules: Collection[Rule] = RULES) -> list[tuple[str, Level]]:
    """Return what is said of each way, in the order in which they are listed."""
    return [(one.way.key, one.level) for one in fits_of(profile, rules)]


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one.key)
def test_every_rule_changes_the_view_of_some_product(rule: Rule) -> None:
    others = [one for one in RULES if one != rule]
    fired = (one for one in FULL if fires(rule.when, one))
    assert any(view(one) != view(one, others) for one in fired)


def test_every_experiment_is_advised_where_its_condition_holds_and_nowhere_else() -> None:
    advised = [(profile, advise(profile).experiments) for profile in FULL]
    for trial in EXPERIMENTS:
        found = [profile for profile, trials in advised if trial in trials]
        assert found, trial.key
        assert all(fires(trial.when, profile) for profile in found), trial.key
        is_for_some = trial.when or (trial.ways and PROMPTING not in trial.ways)
        assert not is_for_some or len(found) < len(FULL), trial.key


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda one: one.key)
def test_every_question_of_a_condition_tells_answers_apart(entry: Rule | Experiment) -> None:
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
        assert trial.sources


Given = dict[str, tuple[str, ...]]
ONLY_TUNED = (FINE_TUNING, PROMPT_ON_TUNED)
FACTS: Given = {"knowledge": ("public", "private")}
EXAMPLES: Given = {"labelled": ("hundreds", "thousands")}
FEW: Given = {"labelled": ("none", "tens")}
HOSTED: Given = {"place": ("hosted",)}
MANY: Given = {"volume": ("medium", "high")}


@dataclass(frozen=True)
class Points:
    """An answer speaks more for ways than others to the same question do, given other answers."""

    question: str
    answer: str
    ways: tuple[str, ...]
    to: tuple[str, ...] = ()
    given: Given | None = None


# What a first view has to weigh, and which way it points: the table of factors in the sources S2
# and S4, and what S3 adds to it.
WEIGHED: dict[str, tuple[Points, ...]] = {
    "niche or broad": (
        Points("focus", "broad", (PROMPTING,)),
        Points("focus", "broad", (RAG, PROMPT_AND_RAG), given={"knowledge": ("private",)}),
        Points("focus", "niche", ONLY_TUNED),
    ),
    "static or dynamic data": (
        Points("change", "dynamic", LOOKED_UP),
        Points("change", "static", ONLY_TUNED),
    ),
    "simple or complex interaction": (
        Points("complexity", "simple", (PROMPTING,)),
        Points("complexity", "complex", (PROMPT_AND_RAG, PROMPT_ON_TUNED, TUNED_AND_RAG)),
        Points("complexity", "complex", (FINE_TUNING,), given=EXAMPLES),
    ),
    "stakes of accuracy": (
        Points("stakes", "low", (PROMPTING,)),
        Points("stakes", "medium", (PROMPTING,), ("high",)),
        Points("stakes", "high", LOOKED_UP, given=FACTS),
        Points("stakes", "high", ONLY_TUNED, given=EXAMPLES),
    ),
    "need of control": (
        Points("control", "loose", (PROMPTING,)),
        Points("control", "strict", ONLY_TUNED),
    ),
    "labelled examples": (
        Points("labelled", "thousands", (FINE_TUNING,)),
        Points("labelled", "thousands", TUNED, ("none", "tens")),
        Points("labelled", "hundreds", TUNED, ("none", "tens")),
        Points("labelled", "tens", ONLY_TUNED, ("none",)),
        Points("labelled", "tens", (PROMPT_AND_RAG,)),
        Points("labelled", "none", (PROMPTING,), given={"language": ("plain",)}),
    ),
    "domain language": (
        Points("language", "specialist", TUNED, given=EXAMPLES),
        Points("language", "specialist", (RAG, PROMPT_AND_RAG), given=FEW),
        Points("language", "plain", (PROMPTING,)),
    ),
    "style hard to describe": (
        Points("style", "shown", TUNED),
        Points("style", "described", (PROMPTING, PROMPT_AND_RAG)),
        Points("style", "described", (RAG,), ("shown",)),
    ),
    "context larger than the window": (
        Points("context", "beyond", LOOKED_UP),
        Points("context", "beyond", (FINE_TUNING,)),
        Points("context", "fits", (PROMPTING,)),
    ),
    "up-to-date or private sources": (
        Points("knowledge", "private", LOOKED_UP, ("general",)),
        Points("knowledge", "public", LOOKED_UP, ("general",)),
        Points("knowledge", "general", (PROMPTING, *ONLY_TUNED)),
    ),
    "citing sources": (
        Points("citing", "yes", LOOKED_UP),
        Points("citing", "no", (PROMPTING, *ONLY_TUNED)),
    ),
    "sensitivity": (
        Points("sensitivity", "public", CANDIDATES, ("internal",), HOSTED),
        Points("sensitivity", "public", (PROMPTING, PROMPT_AND_RAG)),
        Points("sensitivity", "public", TUNED),
        Points("sensitivity", "personal", (RAG,), ("internal",)),
    ),
    "cost": (
        Points("cost", "tight", ONLY_TUNED, given=MANY),
        Points("cost", "flexible", (PROMPTING,), given=MANY),
        Points("cost", "flexible", (RAG, PROMPT_AND_RAG), given={"volume": ("high",)}),
        Points("cost", "flexible", (FINE_TUNING,), given={"volume": ("low",)}),
        Points("budget", "small", (PROMPTING,)),
        Points("budget", "small", (FINE_TUNING,), given=EXAMPLES),
        Points("budget", "medium", (PROMPT_ON_TUNED, TUNED_AND_RAG), ("small",)),
        Points("budget", "large", (PROMPT_ON_TUNED, TUNED_AND_RAG)),
    ),
    "volume": (
        Points("volume", "low", (PROMPTING, PROMPT_AND_RAG)),
        Points("volume", "medium", (PROMPTING, RAG), ("high",)),
        Points("volume", "high", (FINE_TUNING,)),
    ),
    "latency": (
        Points("response", "instant", (FINE_TUNING,)),
        Points("response", "batch", (PROMPTING, PROMPT_AND_RAG)),
        Points("response", "seconds", (PROMPTING, *LOOKED_UP), ("instant",)),
    ),
    "on the device": (
        Points("place", "device", (FINE_TUNING,)),
        Points("place", "own", (PROMPTING, *LOOKED_UP), ("device",)),
        Points("place", "own", (FINE_TUNING,), ("hosted",), {"compute": ("cpu",)}),
    ),
    "compute": (
        Points("compute", "cpu", (PROMPTING, RAG), given=HOSTED),
        Points("compute", "gpu", (RAG, PROMPT_AND_RAG), given={"place": ("own",)}),
        Points("compute", "gpu", (PROMPTING,), ("some_gpu",), {"place": ("own",)}),
        Points("compute", "some_gpu", (PROMPTING,), ("cpu",), {"place": ("own",)}),
        Points("compute", "gpu", TUNED, given=EXAMPLES | HOSTED),
    ),
    "skills": (
        Points("ability", "prompts", (PROMPTING,)),
        Points("ability", "data", (RAG, PROMPT_AND_RAG)),
        Points("ability", "training", (PROMPT_AND_RAG, RAG), ("prompts",)),
        Points("ability", "training", ONLY_TUNED),
        Points("ability", "both", (TUNED_AND_RAG,)),
        Points("ability", "training", (TUNED_AND_RAG,), ("data",)),
        Points("ability", "both", (FINE_TUNING, RAG), ("prompts",)),
        Points("ability", "data", ONLY_TUNED, ("prompts",)),
    ),
    "time to market": (
        Points("time", "days", (PROMPTING,)),
        Points("time", "weeks", (RAG,)),
        Points("time", "weeks", (FINE_TUNING,), ("days",)),
        Points("time", "months", (*TUNED, PROMPT_AND_RAG), ("days",)),
        Points("time", "months", (PROMPT_ON_TUNED, TUNED_AND_RAG), ("weeks",)),
    ),
    "forgetting": (Points("forgetting", "narrow", TUNED),),
    "pre-training": (
        Points("budget", "large", (PRE_TRAINING,)),
        Points("compute", "gpu", (PRE_TRAINING,)),
    ),
    "combining": (
        Points("style", "shown", (TUNED_AND_RAG,), given=FACTS),
        Points("control", "strict", (PROMPT_ON_TUNED,), given={"style": ("shown",)}),
        Points("complexity", "complex", (PROMPT_AND_RAG,), given=FACTS),
    ),
}


def gains(one: Points, way: str) -> Iterator[int]:
    """Yield by how much an answer adds to a way's balance, compared with each other one.

    The balance is a sum, so rules that do not ask the question are the same on both sides.
    """
    asking = [rule for rule in RULES if one.question in rule.when and way in rule.effects]
    others = one.to or tuple({*questions()[one.question].answers} - {one.answer})
    for base in FULL:
        if fires(one.given or {}, base):
            added = {
                answer: sum(
                    rule.effects[way]
                    for rule in asking
                    if fires(rule.when, base | {one.question: answer})
                )
                for answer in (one.answer, *others)
            }
            yield from (added[one.answer] - added[other] for other in others)


@pytest.mark.parametrize("points", WEIGHED.values(), ids=WEIGHED)
def test_what_a_first_view_has_to_weigh_points_where_the_sources_say(
    points: tuple[Points, ...],
) -> None:
    for one in points:
        for way in one.ways:
            found = list(gains(one, way))
            assert min(found) >= 0, (one, way)
            assert max(found) > 0, (one, way)


def test_every_question_of_the_profile_is_weighed() -> None:
    asked = {one.question for points in WEIGHED.values() for one in points}
    assert asked == questions().keys()


def test_sensitive_data_at_a_provider_speaks_against_every_way_until_it_is_settled() -> None:
    personal = {"sensitivity": "personal", "place": "hosted", "volume": "low", "compute": "cpu"}
    for profile in (personal, personal | {"sensitivity": "internal"}):
        advice = advise(profile)
        for one in advice.fits:
            assert ("sent_to_a_provider" in rules(one.speaks_against)) == one.way.is_candidate
        assert advice.experiments[0].key == "provider_terms"
    own = advise(personal | {"place": "own"})
    assert "provider_terms" not in [one.key for one in own.experiments]


def test_nothing_says_that_facts_are_learned_where_they_have_to_be_looked_up() -> None:
    profile = {"knowledge": "private", "context": "beyond", "change": "static", "focus": "niche"}
    found = fit(profile, FINE_TUNING)
    assert rules(found.speaks_for) == ["niche"]
    assert rules(found.speaks_against) == ["tuning_adds_no_facts"]
    learned = fit(profile | {"knowledge": "general"}, FINE_TUNING)
    assert set(rules(learned.speaks_for)) == {"niche", "static", "learned_instead"}


def test_a_source_is_a_full_reference_or_says_that_it_is_none() -> None:
    unpublished = {key for key, one in SOURCES.items() if not one.address}
    assert unpublished == {"S1", "S2", "S3", "S4", "team"}
    for key in SOURCES.keys() - unpublished:
        one = SOURCES[key]
        assert re.search(r"\b(19|20)\d\d\b|2016/679", f"{one.name} {one.appeared}"), key
        assert one.appeared, key
        assert one.address.startswith("https://"), key
        assert one.authors or key == "gdpr", key
    for entry in ENTRIES:
        assert entry.sources == ("team",) or "team" not in entry.sources, entry.key


def test_no_two_rules_share_a_key_and_every_source_is_cited() -> None:
    assert len({one.key for one in RULES}) == len(RULES)
    assert len({one.key for one in EXPERIMENTS}) == len(EXPERIMENTS)
    cited = {source for one in ENTRIES for source in one.sources}
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
        assert lead_of(profile | {"knowledge": value}) == turn.way != advice.leading.way


def test_an_answer_that_gives_or_takes_the_lead_is_told_and_no_other() -> None:
    draw = Random(11)
    for full in FULL[:100]:
        name = draw.choice(sorted(full))
        profile = {key: answer for key, answer in full.items() if key != name}
        led = lead_of(profile)
        told = {turn.answer: turn.way for one in advise(profile).unknown for turn in one.turns}
        for value, label in questions()[name].field.choices:
            assert (label in told) == (lead_of(profile | {name: value}) != led)
            assert told.get(label, led) == lead_of(profile | {name: value})


def test_an_answer_that_leaves_no_way_in_the_lead_is_a_turn() -> None:
    advice = advise({"labelled": "none", "time": "weeks"})
    assert advice.leading is not None
    assert advice.leading.way.key == PROMPTING
    [place] = [one for one in advice.unknown if one.question.name == "place"]
    assert [(str(turn.answer), turn.way) for turn in place.turns] == [
        ("On the device: a phone, a laptop, offline", None)
    ]


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
    assert rules(found.deciding) == ["tuning_adds_no_facts"]


def test_a_way_with_a_strong_reason_against_it_is_never_advised() -> None:
    for profile in FULL[:100]:
        for one in advise(profile).worth_trying:
            assert not one.strong_against or one.way.key == PROMPTING


def test_what_decides_is_what_is_strong_on_the_side_of_what_is_said() -> None:
    for profile in FULL[:100]:
        for one in fits_of(profile):
            if one.level == Level.FOR:
                assert one.deciding == one.strong_for
            else:
                assert one.deciding == one.strong_against
            if one.level == Level.MIXED and not one.deciding:
                assert -1 <= one.balance <= 1


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
