"""What the advisor knows, as data: rules and experiments, each with where it comes from.

A rule fires when every question it asks is answered with one of the answers it names; one that
asks nothing always fires. An effect is 2 or -2 for a strong reason for or against a way, 1 or -1
for a reason. A new rule is one entry here and a line in docs/advisor.md, which is written by
`manage.py advisor_rules --write`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from decisions.advisor_sources import sources_named
from decisions.advisor_ways import (
    FINE_TUNING,
    PRE_TRAINING,
    PROMPT_AND_RAG,
    PROMPT_ON_TUNED,
    PROMPTING,
    RAG,
    TUNED_AND_RAG,
    WAYS,
)
from decisions.section_kinds import Text

Profile = Mapping[str, str]
Condition = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Rule:
    """What follows from answers, for which ways, why, and who says so."""

    key: str
    when: Condition
    effects: Mapping[str, int]
    reason: Text
    sources: tuple[str, ...]

    @property
    def sources_named(self) -> str:
        """Return its sources as they are named in passing."""
        return sources_named(self.sources)


@dataclass(frozen=True)
class Experiment:
    """Something to try or to measure, once one of its ways is worth trying and `when` holds."""

    key: str
    text: Text
    why: Text
    sources: tuple[str, ...]
    ways: tuple[str, ...] = ()
    when: Condition = field(default_factory=dict)

    @property
    def sources_named(self) -> str:
        """Return its sources as they are named in passing."""
        return sources_named(self.sources)


TUNED = (FINE_TUNING, PROMPT_ON_TUNED, TUNED_AND_RAG)
LOOKED_UP = (RAG, PROMPT_AND_RAG, TUNED_AND_RAG)
CANDIDATES = tuple(key for key, way in WAYS.items() if way.is_candidate)
ENOUGH = ("hundreds", "thousands")
OWN_FACTS = ("public", "private")


def _each(ways: tuple[str, ...], effect: int) -> dict[str, int]:
    return dict.fromkeys(ways, effect)


RULES: tuple[Rule, ...] = (
    # What holds of any product.
    Rule(
        "prompt_first",
        {},
        {PROMPTING: 1},
        _("It needs least and is tried soonest, and is what everything else has to beat."),
        ("S4", "S2"),
    ),
    Rule(
        "two_parts",
        {},
        {PROMPT_ON_TUNED: -1, TUNED_AND_RAG: -1},
        _("Two things that learn or change are two to build, to keep in step and to watch."),
        ("sculley",),
    ),
    Rule(
        "pre_training_costs",
        {},
        {PRE_TRAINING: -2},
        _(
            "Training a model from nothing takes thousands of graphics cards for weeks and a large "
            "part of the web's text; what is left to decide here is how to adapt one that exists."
        ),
        ("touvron", "S3"),
    ),
    Rule(
        "pre_training_thinkable",
        {
            "budget": ("large",),
            "compute": ("gpu",),
            "ability": ("training", "both"),
            "language": ("specialist",),
        },
        {PRE_TRAINING: 1},
        _(
            "With machines, people and a language of one's own, training an existing model further "
            "on much unlabelled text of the domain can be thought of, though not a model from "
            "nothing."
        ),
        ("gururangan",),
    ),
    # Focus and stakes.
    Rule(
        "niche",
        {"focus": ("niche",)},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1},
        _("A narrow task is what a small tuned model can become very good at."),
        ("bucher", "S2", "S4"),
    ),
    Rule(
        "broad",
        {"focus": ("broad",)},
        {PROMPTING: 1, FINE_TUNING: -1, PROMPT_ON_TUNED: -1},
        _("A broad range suits a general model; examples of a part of it would narrow the model."),
        ("S2", "S4"),
    ),
    Rule(
        "broad_sources",
        {"focus": ("broad",), "knowledge": ("private",)},
        {RAG: 1, PROMPT_AND_RAG: 1},
        _("Many subjects with documents of one's own can be looked up; they cannot be trained in."),
        ("S2", "S4"),
    ),
    Rule(
        "low_stakes",
        {"stakes": ("low",)},
        {PROMPTING: 1},
        _("Where an error is noticed and put right, the simplest thing that works is enough."),
        ("team",),
    ),
    Rule(
        "high_stakes",
        {"stakes": ("high",)},
        {PROMPTING: -1},
        _("A prompt alone gives limited control, and an error is expensive here."),
        ("lu", "S4"),
    ),
    Rule(
        "high_stakes_facts",
        {"stakes": ("high",), "knowledge": OWN_FACTS},
        _each(LOOKED_UP, 1),
        _("An answer that rests on passages which were found can be checked against them."),
        ("lewis", "S4"),
    ),
    Rule(
        "high_stakes_examples",
        {"stakes": ("high",), "labelled": ENOUGH},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1},
        _("Where the examples exist, training on a task usually gives the best accuracy on it."),
        ("bucher", "S4"),
    ),
    Rule(
        "cites",
        {"citing": ("yes",)},
        {
            RAG: 2,
            PROMPT_AND_RAG: 2,
            TUNED_AND_RAG: 2,
            PROMPTING: -1,
            FINE_TUNING: -2,
            PROMPT_ON_TUNED: -2,
        },
        _("Only what was looked up can be named as a source; a model cannot say where it read it."),
        ("asai", "S4"),
    ),
    # Cost, budget and time.
    Rule(
        "answers_may_cost",
        {"cost": ("flexible",)},
        {PROMPTING: 1},
        _("If the price of an answer does not decide, a large model can be asked as it is."),
        ("team",),
    ),
    Rule(
        "cheap_and_few",
        {"cost": ("tight",), "volume": ("low",)},
        {PROMPTING: 1, FINE_TUNING: -1},
        _("With few requests, paying by the answer costs less than building and serving a model."),
        ("team",),
    ),
    Rule(
        "cheap_and_many",
        {"cost": ("tight",), "volume": ("medium", "high")},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1},
        _("A small tuned model can do what took a large one, for a fraction of the cost."),
        ("hsieh", "S3"),
    ),
    Rule(
        "cheap_and_very_many",
        {"cost": ("tight",), "volume": ("high",)},
        {FINE_TUNING: 1, PROMPTING: -1, RAG: -1, PROMPT_AND_RAG: -2},
        _("Examples and passages in the prompt are paid for again at every one of many requests."),
        ("t_few", "S4"),
    ),
    Rule(
        "small_budget",
        {"budget": ("small",)},
        {PROMPTING: 1, TUNED_AND_RAG: -1, PROMPT_ON_TUNED: -1},
        _("Days of work are enough for one thing, and a prompt is the smallest of them."),
        ("S4",),
    ),
    Rule(
        "tuning_is_cheap",
        {"budget": ("small",), "labelled": ENOUGH},
        {FINE_TUNING: 1},
        _("Tuning is not expensive once the examples exist: tens to low hundreds of dollars."),
        ("S3",),
    ),
    Rule(
        "large_budget",
        {"budget": ("large",)},
        {TUNED_AND_RAG: 1, PROMPT_ON_TUNED: 1},
        _("There is room to build two things, and to find out whether both are needed."),
        ("S4",),
    ),
    Rule(
        "days",
        {"time": ("days",)},
        {
            PROMPTING: 2,
            RAG: -1,
            PROMPT_AND_RAG: -1,
            FINE_TUNING: -2,
            PROMPT_ON_TUNED: -2,
            TUNED_AND_RAG: -2,
        },
        _("A prompt is in use within days; what has to be built or trained first is not."),
        ("S4",),
    ),
    Rule(
        "weeks",
        {"time": ("weeks",)},
        {RAG: 1, FINE_TUNING: 1, TUNED_AND_RAG: -1},
        _("Weeks are enough for an index or for a tuned model, rarely for both."),
        ("team",),
    ),
    Rule(
        "months",
        {"time": ("months",)},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1, TUNED_AND_RAG: 1},
        _("There is time to write examples, train, measure, and train again."),
        ("S4",),
    ),
    # Data and knowledge.
    Rule(
        "static",
        {"change": ("static",), "knowledge": ("general",)},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1},
        _("What a model learned of a task that rarely changes stays true."),
        ("S2", "S4"),
    ),
    Rule(
        "dynamic",
        {"change": ("dynamic",)},
        {RAG: 2, PROMPT_AND_RAG: 2, TUNED_AND_RAG: 1, FINE_TUNING: -2, PROMPT_ON_TUNED: -1},
        _("What changes daily is in an index within minutes; what was tuned in is out of date."),
        ("lewis", "S2", "S4"),
    ),
    Rule(
        "nothing_to_look_up",
        {"knowledge": ("general",)},
        {PROMPTING: 1, RAG: -1, PROMPT_AND_RAG: -1, TUNED_AND_RAG: -2},
        _("What an answer needs is in the question or known to any model; little is to look up."),
        ("mallen", "S1"),
    ),
    Rule(
        "newer_than_the_model",
        {"knowledge": ("public",)},
        {RAG: 2, PROMPT_AND_RAG: 2, TUNED_AND_RAG: 1, PROMPTING: -2},
        _("A model does not know what happened after its training; it has to be looked up."),
        ("lewis", "S1", "S2"),
    ),
    Rule(
        "own_sources",
        {"knowledge": ("private",)},
        {RAG: 2, PROMPT_AND_RAG: 2, TUNED_AND_RAG: 2, PROMPTING: -1},
        _("No model has read these documents; what bears on a question has to be put before it."),
        ("asai", "S2", "S3"),
    ),
    Rule(
        "tuning_adds_no_facts",
        {"knowledge": OWN_FACTS},
        {FINE_TUNING: -2, PROMPT_ON_TUNED: -1},
        _("Tuning changes how a model behaves; as a way of adding facts it works badly."),
        ("ovadia", "gekhman", "S1"),
    ),
    Rule(
        "beyond_the_window",
        {"context": ("beyond",)},
        {RAG: 2, PROMPT_AND_RAG: 2, TUNED_AND_RAG: 2, PROMPTING: -2},
        _("What does not fit into one prompt has to be chosen for each question."),
        ("liu", "S3"),
    ),
    Rule(
        "learned_instead",
        {"context": ("beyond",), "knowledge": ("general",)},
        {FINE_TUNING: 1},
        _("Instructions and examples that are too long for one prompt can be learned instead."),
        ("S3",),
    ),
    Rule(
        "fits_the_window",
        {"context": ("fits",)},
        {PROMPTING: 1},
        _("All that an answer needs can stand in the prompt; nothing has to be found first."),
        ("S1", "S3"),
    ),
    Rule(
        "no_examples",
        {"labelled": ("none",)},
        {PROMPTING: 1, FINE_TUNING: -2, PROMPT_ON_TUNED: -2, TUNED_AND_RAG: -2},
        _("There is nothing to tune on, and nothing yet to measure with; a prompt needs neither."),
        ("S3", "S4"),
    ),
    Rule(
        "a_few_examples",
        {"labelled": ("tens",)},
        {
            PROMPTING: 1,
            PROMPT_AND_RAG: 1,
            FINE_TUNING: -1,
            PROMPT_ON_TUNED: -1,
            TUNED_AND_RAG: -1,
        },
        _("Tens of examples are few to tune on, and many to show in a prompt."),
        ("brown", "S4"),
    ),
    Rule(
        "a_few_for_an_encoder",
        {"labelled": ("tens",), "complexity": ("simple",), "control": ("strict",)},
        {FINE_TUNING: 1},
        _("To sort into a few answers, tens of examples can be enough for a sentence encoder."),
        ("setfit",),
    ),
    Rule(
        "hundreds",
        {"labelled": ("hundreds",)},
        _each(TUNED, 1),
        _("A few hundred good examples, written by hand, can be enough to tune a model."),
        ("bucher", "S3"),
    ),
    Rule(
        "thousands",
        {"labelled": ("thousands",)},
        {FINE_TUNING: 2, PROMPT_ON_TUNED: 1, TUNED_AND_RAG: 1},
        _("Thousands of examples hold more than a prompt can show."),
        ("S3",),
    ),
    Rule(
        "solved_cases",
        {"labelled": ENOUGH, "complexity": ("simple",)},
        {RAG: 1},
        _("Solved cases can be looked up as they are, and a new one counts from the next day."),
        ("team",),
    ),
    Rule(
        "domain_language",
        {"language": ("specialist",), "labelled": ENOUGH},
        _each(TUNED, 1),
        _("Medical, legal or financial language is learned from a body of it."),
        ("gururangan", "S3", "S4"),
    ),
    Rule(
        "domain_language_untaught",
        {"language": ("specialist",), "labelled": ("none", "tens")},
        {RAG: 1, PROMPT_AND_RAG: 1, PROMPTING: -1},
        _("The terms can be looked up where they are explained; there is too little to learn."),
        ("team",),
    ),
    Rule(
        "plain_language",
        {"language": ("plain",)},
        {PROMPTING: 1},
        _("Everyday language is what a general model has seen most of."),
        ("S1",),
    ),
    Rule(
        "reads_domain_passages",
        {"language": ("specialist",), "knowledge": ("private",), "labelled": ENOUGH},
        {TUNED_AND_RAG: 1},
        _("A model tuned on answers from such passages reads them better, also the useless ones."),
        ("raft", "balaguer"),
    ),
    Rule(
        "personal_data",
        {"sensitivity": ("personal",)},
        _each(TUNED, -1) | {RAG: 1},
        _(
            "What a model was tuned on can come out again and is not deleted from it; an index "
            "can be asked who may read what, and forgets on the day."
        ),
        ("carlini", "zeng"),
    ),
    Rule(
        "sent_to_a_provider",
        {"sensitivity": ("internal", "personal"), "place": ("hosted",)},
        _each(CANDIDATES, -1),
        _(
            "Prompts, passages and examples all leave the house: that has to be settled with the "
            "provider first, or avoided by taking out what is sensitive or by running it yourself."
        ),
        ("gdpr", "owasp"),
    ),
    Rule(
        "forgetting",
        {"forgetting": ("broad",)},
        _each(TUNED, -1),
        _("A model tuned on one task can forget others, and it has to keep them here."),
        ("biderman", "S4"),
    ),
    # Running it.
    Rule(
        "few_requests",
        {"volume": ("low",), "place": ("hosted",)},
        {PROMPTING: 1},
        _("Few requests to a hosted model need nothing that has to be kept running."),
        ("team",),
    ),
    Rule(
        "at_once",
        {"response": ("instant",)},
        {FINE_TUNING: 1, PROMPTING: -1, RAG: -1, PROMPT_AND_RAG: -2, TUNED_AND_RAG: -1},
        _("A small model with a short prompt answers soonest; looking up is one more step."),
        ("S3", "S4"),
    ),
    Rule(
        "time_to_think",
        {"response": ("batch",)},
        {PROMPTING: 1, PROMPT_AND_RAG: 1},
        _("There is time for steps of reasoning, several answers, and a vote among them."),
        ("wei", "wang", "S2"),
    ),
    Rule(
        "small_machines",
        {"compute": ("cpu",), "place": ("own", "device")},
        {FINE_TUNING: 1, PROMPTING: -1, PROMPT_AND_RAG: -1},
        _("Only a small model runs there, and a small one follows prompts less well than tuning."),
        ("hsieh", "S3"),
    ),
    Rule(
        "nothing_to_run",
        {"compute": ("cpu",), "place": ("hosted",)},
        {PROMPTING: 1, RAG: 1},
        _("A provider's model needs no machines of one's own; an index runs on any."),
        ("S4",),
    ),
    Rule(
        "can_train",
        {"compute": ("some_gpu", "gpu"), "labelled": ENOUGH},
        _each(TUNED, 1),
        _("Hours on one graphics card are enough to adapt a model with few added weights."),
        ("hu", "S3"),
    ),
    Rule(
        "can_serve",
        {"compute": ("gpu",), "place": ("own",)},
        {PROMPTING: 1, RAG: 1, PROMPT_AND_RAG: 1},
        _("A large open model can be served here, so prompts need not leave the house."),
        ("team",),
    ),
    Rule(
        "on_the_device",
        {"place": ("device",)},
        {FINE_TUNING: 2, PROMPTING: -2, RAG: -1, PROMPT_AND_RAG: -2, TUNED_AND_RAG: -1},
        _("A phone or laptop holds a small model, which has to be tuned to be good at the task."),
        ("S3",),
    ),
    Rule(
        "writes_prompts",
        {"ability": ("prompts",)},
        {
            PROMPTING: 1,
            RAG: -1,
            PROMPT_AND_RAG: -1,
            FINE_TUNING: -1,
            PROMPT_ON_TUNED: -1,
            TUNED_AND_RAG: -2,
        },
        _("Nobody here can keep an index or a model running yet; that would be learned first."),
        ("S4", "S2"),
    ),
    Rule(
        "keeps_an_index",
        {"ability": ("data",)},
        {RAG: 1, PROMPT_AND_RAG: 1, TUNED_AND_RAG: -1},
        _("Data engineers keep an index fresh; training again and again is not their trade."),
        ("S4",),
    ),
    Rule(
        "trains_models",
        {"ability": ("training",)},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1},
        _("There are people who train, serve and watch models."),
        ("S4",),
    ),
    Rule(
        "keeps_both",
        {"ability": ("both",)},
        {FINE_TUNING: 1, RAG: 1, TUNED_AND_RAG: 1},
        _("There are people for an index and people for models."),
        ("S4", "S2"),
    ),
    # Interaction.
    Rule(
        "simple",
        {"complexity": ("simple",)},
        {PROMPTING: 1},
        _("One question and one answer is what a prompt does with little effort."),
        ("S2", "S4"),
    ),
    Rule(
        "complex",
        {"complexity": ("complex",)},
        {PROMPT_AND_RAG: 1, FINE_TUNING: 1, PROMPT_ON_TUNED: 1, TUNED_AND_RAG: 1, PROMPTING: -1},
        _("Dialogue, manner and control ask for more than instructions alone."),
        ("S2", "S4"),
    ),
    Rule(
        "prompt_directs_retrieval",
        {"complexity": ("complex",), "knowledge": OWN_FACTS},
        {PROMPT_AND_RAG: 1},
        _("Somebody has to say how found passages are used in a dialogue: a worked-out prompt."),
        ("S1", "S4"),
    ),
    Rule(
        "style_in_rules",
        {"style": ("described",)},
        {PROMPTING: 1, PROMPT_AND_RAG: 1},
        _("A style that can be described belongs into the prompt."),
        ("S1",),
    ),
    Rule(
        "style_by_example",
        {"style": ("shown",)},
        {FINE_TUNING: 2, PROMPT_ON_TUNED: 2, TUNED_AND_RAG: 1, PROMPTING: -1, RAG: -1},
        _("A manner that is hard to describe is learned from examples, not from instructions."),
        ("lima", "S3"),
    ),
    Rule(
        "few_examples_of_style",
        {"style": ("shown",), "labelled": ("none", "tens")},
        {PROMPTING: 1},
        _("Ten good examples in a prompt may carry a style: try that before writing hundreds."),
        ("brown",),
    ),
    Rule(
        "facts_and_manner",
        {"style": ("shown",), "knowledge": OWN_FACTS},
        {TUNED_AND_RAG: 2},
        _("Facts from retrieval and manner from tuning: each does what the other cannot."),
        ("balaguer", "S1", "S2", "S4"),
    ),
    Rule(
        "strict",
        {"control": ("strict",)},
        {PROMPTING: -1},
        _("A prompt asks for a form or manner; it does not guarantee it."),
        ("ifeval", "S4"),
    ),
    Rule(
        "strict_by_example",
        {"control": ("strict",), "labelled": ENOUGH},
        {FINE_TUNING: 1, PROMPT_ON_TUNED: 1},
        _("The details of a form are taught by examples that keep to it."),
        ("S3",),
    ),
    Rule(
        "rules_over_manner",
        {"control": ("strict",), "style": ("shown",)},
        {PROMPT_ON_TUNED: 2},
        _("Manner from tuning, and the rules that must hold from a prompt: prompts direct both."),
        ("S1", "S4"),
    ),
    Rule(
        "loose",
        {"control": ("loose",)},
        {PROMPTING: 1},
        _("Where answers may vary, the limited control of a prompt does no harm."),
        ("S4",),
    ),
)

# Answers from which nothing follows, and why; a test holds rules and this to be complete.
UNUSED: dict[tuple[str, str], Text] = {
    ("stakes", "medium"): _("Between the two, neither rule holds."),
    ("citing", "no"): _("Answers without sources can be made in any way."),
    ("budget", "medium"): _("It rules nothing out and opens nothing."),
    ("sensitivity", "public"): _("Public data can be used in any way."),
    ("forgetting", "narrow"): _("It takes a reason against tuning away and adds none for it."),
    ("response", "seconds"): _("A few seconds are enough for every way."),
    ("style", "none"): _("Without a style, none has to be described or taught."),
}

EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        "provider_terms",
        _(
            "Before anything is sent to a provider, settle by contract what it may keep, for how "
            "long, and that it does not learn from it; else plan to run a model yourself."
        ),
        _("What was sent cannot be taken back; for personal data, EU law requires the contract."),
        ("gdpr", "owasp"),
        when={"sensitivity": ("internal", "personal"), "place": ("hosted",)},
    ),
    Experiment(
        "without_names",
        _("Take names and numbers out of the cases, and count the answers that needed them."),
        _("What an answer does not need never has to be sent."),
        ("owasp",),
        when={"sensitivity": ("personal",), "place": ("hosted",)},
    ),
    Experiment(
        "cases_first",
        _("Write down a hundred real questions with the answers you want, before anything else."),
        _("Without them nothing can be measured; with twice as many they are examples, too."),
        ("team",),
        when={"labelled": ("none", "tens")},
    ),
    Experiment(
        "baseline",
        _("Run a plain prompt on the same cases first."),
        _("What it reaches is the line that everything else has to beat, case by case."),
        ("team",),
    ),
    Experiment(
        "spread_of_prompts",
        _("Run a few-shot prompt several times, each with other examples in another order."),
        _("The choice and order of examples alone can move accuracy by many points."),
        ("lu",),
        (PROMPTING, PROMPT_AND_RAG),
    ),
    Experiment(
        "steps",
        _("Compare answering at once with answering step by step, and note what it costs."),
        _("Reasoning helps where several things must be weighed, and is paid for in tokens."),
        ("wei",),
        (PROMPTING, PROMPT_AND_RAG),
        {"response": ("batch", "seconds")},
    ),
    Experiment(
        "retrieval_alone",
        _("Measure retrieval by itself: how often is the right passage among the first five?"),
        _("What is not found cannot be answered, so this is the ceiling of the whole."),
        ("karpukhin",),
        LOOKED_UP,
    ),
    Experiment(
        "words_or_meaning",
        _("Compare search by words, by meaning, and both together on the same questions."),
        _("Names and numbers are found by words, paraphrases by meaning."),
        ("thakur",),
        LOOKED_UP,
    ),
    Experiment(
        "groundedness",
        _("Ask questions whose answer is not in the sources, and count what is made up."),
        _("An answer without a source is the expensive error here."),
        ("rajpurkar",),
        LOOKED_UP,
        {"stakes": ("medium", "high")},
    ),
    Experiment(
        "freshness",
        _("Change a document and time how long it takes until answers follow."),
        _("An index is only as fresh as what feeds it."),
        ("team",),
        LOOKED_UP,
        {"change": ("dynamic",)},
    ),
    Experiment(
        "learning_curve",
        _("Tune on a quarter, a half and all of the examples, and look whether it still rises."),
        _("A flat curve says that more examples will not help; a rising one, that they will."),
        ("bucher",),
        TUNED,
        {"labelled": ENOUGH},
    ),
    Experiment(
        "forgetting",
        _("Measure general tasks before and after tuning."),
        _("What was forgotten does not show on the cases of the task itself."),
        ("biderman", "S4"),
        TUNED,
        {"forgetting": ("broad",)},
    ),
    Experiment(
        "leaks",
        _("Look for names and numbers from the training examples in the tuned model's answers."),
        _("A model can repeat what it was tuned on."),
        ("carlini",),
        TUNED,
        {"sensitivity": ("personal",)},
    ),
    Experiment(
        "who_may_read",
        _("Ask for what stands in a document, as somebody who may not read it."),
        _("What retrieval finds, an answer can be talked into giving away."),
        ("zeng",),
        LOOKED_UP,
        {"sensitivity": ("internal", "personal")},
    ),
    Experiment(
        "parts_alone",
        _("Measure a hybrid's parts by themselves as well, on the same cases."),
        _("A combination has to be better than either part, by more than chance."),
        ("balaguer",),
        (PROMPT_AND_RAG, PROMPT_ON_TUNED, TUNED_AND_RAG),
    ),
    Experiment(
        "blind_rating",
        _("Let people who will use it choose between two answers without knowing whose they are."),
        _("A style that cannot be described cannot be scored by a formula, either."),
        ("chiang",),
        when={"style": ("shown",)},
    ),
    Experiment(
        "load",
        _("Run a load test at the busiest hour's rate, with the prompts as long as they will be."),
        _("Latency under load and the cost of a day are what decide at this volume."),
        ("dean",),
        when={"volume": ("medium", "high")},
    ),
    Experiment(
        "on_the_machine",
        _("Time the answers on the slowest machine it has to run on."),
        _("A figure from a server says nothing about a phone."),
        ("team",),
        when={"place": ("device",)},
    ),
    Experiment(
        "enough_cases",
        _("Work out how many cases a difference that matters to you needs, before you run any."),
        _("Where an error is expensive, “not decisive” is not good enough to sign."),
        ("card",),
        when={"stakes": ("high",)},
    ),
)
