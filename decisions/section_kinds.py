"""What sections exist, who writes them, and what each asks for.

A new kind of section is one entry here. `chapter` groups the kinds into the record's chapters;
`lists` names the rows that belong to a section besides its own fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from decisions.models.decision import OWNER
from decisions.models.people import Role

Text = str | Promise


class FieldType(StrEnum):
    """How a field is asked for and shown."""

    MARKDOWN = "markdown"
    LINE = "line"
    CHOICE = "choice"
    DATE = "date"
    CANDIDATES = "candidates"


class Rows(StrEnum):
    """Rows that are written in a section besides its fields."""

    GOALS = "goals"
    CANDIDATES = "candidates"
    ASSESSMENTS = "assessments"


@dataclass(frozen=True)
class Field:
    """One question of a section. Choices are (value, label) pairs.

    `sets_limits` says that numbers in the answer are limits somebody sets, not measurements.
    """

    name: str
    label: Text
    hint: Text = ""
    type: FieldType = FieldType.MARKDOWN
    required: bool = True
    choices: tuple[tuple[str, Text], ...] = ()
    sets_limits: bool = False

    def is_empty(self, value: Any) -> bool:
        """Return whether `value` answers nothing."""
        return value in (None, "", [])

    def label_of(self, value: str) -> Text:
        """Return the label of a choice's value."""
        return dict(self.choices).get(value, value)


@dataclass(frozen=True)
class Criterion:
    """One thing a role rates a candidate on; 5 is always the better end."""

    key: str
    name: Text
    hint: Text


@dataclass(frozen=True)
class SectionKind:
    """One kind of section: its chapter, the role that writes it, its questions and its rows.

    `criteria` are what candidates are rated on in it. `adapts_a_model` says that its candidates
    are ways of adapting a language model: each has an approach, and a spec that says how to run it.
    """

    key: str
    title: Text
    chapter: Text
    role: str
    intro: Text
    fields: tuple[Field, ...] = ()
    rows: Rows | None = None
    criteria: tuple[Criterion, ...] = ()
    adapts_a_model: bool = False

    @property
    def is_bound(self) -> bool:
        """Return whether no other role may write it: ratings, and the owner's own part."""
        return self.role == OWNER or self.rows == Rows.ASSESSMENTS

    @property
    def is_profile(self) -> bool:
        """Return whether its answers describe the product, which the advisor reads."""
        return self.chapter == PROFILE


GOALS = _("Goals")
PROFILE = _("Product profile")
CONSTRAINTS = _("Constraints")
CANDIDATES = _("Candidates")
RESULTS = _("Results")
RECOMMENDATION = _("Recommendation")


ASSESSMENT_TITLES: dict[Role, Text] = {
    Role.BUSINESS: _("Cost and time"),
    Role.DATA_SCIENCE: _("Data and risk"),
    Role.DEVOPS: _("Running it"),
    Role.UX: _("Fit to the interaction"),
}
GENERAL_ASSESSMENT_TITLES: dict[Role, Text] = {
    Role.BUSINESS: _("Benefit, cost and time"),
    Role.DATA_SCIENCE: _("Data and technical risk"),
    Role.DEVOPS: _("Running it and changing back"),
    Role.UX: _("What it does to people"),
}

CRITERIA: dict[str, tuple[Criterion, ...]] = {
    Role.BUSINESS: (
        Criterion("cost", _("Cost"), _("5: hardly any; 1: beyond the budget")),
        Criterion("time", _("Time to deliver"), _("5: days; 1: after the deadline")),
    ),
    Role.DATA_SCIENCE: (
        Criterion("data", _("Data needed"), _("5: at hand; 1: not to be had")),
        Criterion("risk", _("Technical risk"), _("5: well understood; 1: may fail or forget")),
    ),
    Role.DEVOPS: (
        Criterion(
            "scalability", _("Scalability"), _("5: grows easily; 1: will not carry the load")
        ),
        Criterion("monitoring", _("Monitoring"), _("5: failures show at once; 1: they hide")),
        Criterion("upkeep", _("Refresh or retraining"), _("5: hardly any; 1: constant work")),
    ),
    Role.UX: (
        Criterion("fit", _("Fit to the interaction"), _("5: natural; 1: gets in the way")),
        Criterion("failure", _("How it fails"), _("5: gracefully; 1: misleads people")),
    ),
}

# The same questions of any technical decision. A criterion that means the same has the same key.
GENERAL_CRITERIA: dict[str, tuple[Criterion, ...]] = {
    Role.BUSINESS: (
        Criterion("benefit", _("Benefit"), _("5: what the product needs most; 1: hardly felt")),
        *CRITERIA[Role.BUSINESS],
    ),
    Role.DATA_SCIENCE: (
        Criterion("data", _("Effect on data"), _("5: nothing moves; 1: it has to be rebuilt")),
        Criterion("risk", _("Technical risk"), _("5: well understood; 1: may not work at all")),
    ),
    Role.DEVOPS: (
        *CRITERIA[Role.DEVOPS][:2],
        Criterion("upkeep", _("Upkeep"), _("5: hardly any; 1: constant work")),
        Criterion("way_back", _("Way back"), _("5: undone in a day; 1: there is none")),
    ),
    Role.UX: (
        Criterion("fit", _("Fit to how people work"), _("5: natural; 1: gets in the way")),
        Criterion("failure", _("How it fails"), _("5: gracefully; 1: people lose work or trust")),
    ),
}


def _choice(name: str, label: Text, hint: Text, *choices: tuple[str, Text]) -> Field:
    return Field(name, label, hint, FieldType.CHOICE, choices=choices)


def _asked(name: str, label: Text, hint: Text, *choices: tuple[str, Text]) -> Field:
    """Return a choice that may stay open: the advisor says what it would change."""
    return replace(_choice(name, label, hint, *choices), required=False)


def _reading(key: str, title: Text, role: Role, hint: Text) -> SectionKind:
    """Return a Results section: one role's reading of the evidence."""
    intro = _("What the evidence means from this role's side. Refer to evidence as [[E1]].")
    return SectionKind(key, title, RESULTS, role, intro, (Field("reading", title, hint),))


def _assessment(
    role: Role,
    titles: Mapping[Role, Text] = ASSESSMENT_TITLES,
    criteria: Mapping[str, tuple[Criterion, ...]] = CRITERIA,
    prefix: str = "assessment",
) -> SectionKind:
    """Return the section in which one role rates every candidate."""
    return SectionKind(
        f"{prefix}_{role.value}",
        titles[role],
        CANDIDATES,
        role,
        _("Rate each candidate from 1 (poor) to 5 (very good) and say why."),
        rows=Rows.ASSESSMENTS,
        criteria=criteria[role],
    )


def _general_assessment(role: Role) -> SectionKind:
    """Return the section in which one role rates the options of any technical decision."""
    return _assessment(role, GENERAL_ASSESSMENT_TITLES, GENERAL_CRITERIA, "rating")


_KINDS = (
    SectionKind(
        "problem",
        _("Problem and scope"),
        GOALS,
        Role.BUSINESS,
        _("What is wrong today, and what this decision has to settle."),
        (
            Field("problem", _("Problem"), _("What happens today, to whom, and what it costs.")),
            Field("question", _("Question"), _("The one question this record answers.")),
            Field("scope", _("Scope"), _("What is in, and what is left out on purpose.")),
            Field("budget", _("Budget"), type=FieldType.LINE, required=False),
            Field("timeline", _("Timeline"), type=FieldType.LINE, required=False),
            Field("resources", _("People and resources"), type=FieldType.LINE, required=False),
        ),
    ),
    SectionKind(
        "goals",
        _("List of goals"),
        GOALS,
        Role.BUSINESS,
        _("What must be reached, as numbers that can be measured. Every role may propose one."),
        rows=Rows.GOALS,
    ),
    SectionKind(
        "profile_business",
        _("Focus and stakes"),
        PROFILE,
        Role.BUSINESS,
        _("What kind of product this is and what a wrong answer costs."),
        (
            _choice(
                "focus",
                _("Product focus"),
                _("A niche with its own language, or a broad range of subjects?"),
                ("niche", _("Niche")),
                ("broad", _("Broad")),
            ),
            _choice(
                "stakes",
                _("Stakes of a wrong answer"),
                "",
                ("low", _("Low: easily noticed and put right")),
                ("medium", _("Medium: costs time or goodwill")),
                ("high", _("High: costs money, safety or trust")),
            ),
            _asked(
                "citing",
                _("Sources in an answer"),
                "",
                ("yes", _("Must be named: people check where it comes from")),
                ("no", _("Need not be named")),
            ),
            _asked(
                "cost",
                _("What one answer may cost"),
                _("Once it is in use, not to build it."),
                ("flexible", _("It does not decide")),
                ("tight", _("Next to nothing")),
            ),
            _asked(
                "budget",
                _("Budget to build it"),
                "",
                ("small", _("Small: days of work, hundreds of dollars")),
                ("medium", _("Some: weeks of a small team")),
                ("large", _("Large: months of a team")),
            ),
            _asked(
                "time",
                _("Time until it must be in use"),
                "",
                ("days", _("Days")),
                ("weeks", _("Weeks")),
                ("months", _("Months")),
            ),
            Field("note", _("In your words"), required=False),
        ),
    ),
    SectionKind(
        "profile_data",
        _("Data"),
        PROFILE,
        Role.DATA_SCIENCE,
        _("What data there is and how it behaves."),
        (
            _choice(
                "change",
                _("How often the data changes"),
                "",
                ("static", _("Static: rarely")),
                ("dynamic", _("Dynamic: daily or faster")),
            ),
            _asked(
                "knowledge",
                _("Where the facts of an answer come from"),
                "",
                ("general", _("The question itself, or what any model knows")),
                ("public", _("Public sources that are newer than the model")),
                ("private", _("Our own documents or records")),
            ),
            _asked(
                "context",
                _("What an answer has to take into account"),
                _("Measured against the model's window: all that fits into one prompt."),
                ("fits", _("Fits into one prompt")),
                ("beyond", _("More than fits into one prompt")),
            ),
            _choice(
                "labelled",
                _("Labelled examples at hand"),
                _("A few hundred good ones can be enough to tune a model."),
                ("none", _("None")),
                ("tens", _("Tens")),
                ("hundreds", _("Hundreds")),
                ("thousands", _("Thousands")),
            ),
            _choice(
                "language",
                _("Domain language"),
                "",
                ("plain", _("Plain, everyday language")),
                ("specialist", _("Specialist: medical, legal, financial, technical")),
            ),
            _asked(
                "forgetting",
                _("What the model must stay able to do"),
                _("A model that is tuned on one task can forget others."),
                ("narrow", _("This task only")),
                ("broad", _("Other things as well")),
            ),
            _choice(
                "sensitivity",
                _("Sensitivity"),
                "",
                ("public", _("Public")),
                ("internal", _("Internal")),
                ("personal", _("Personal or confidential")),
            ),
            Field("note", _("In your words"), required=False),
        ),
    ),
    SectionKind(
        "profile_operations",
        _("Operations"),
        PROFILE,
        Role.DEVOPS,
        _("The load it must carry and what there is to run it on."),
        (
            Field("load", _("Expected load"), type=FieldType.LINE),
            _asked(
                "volume",
                _("Requests a day"),
                "",
                ("low", _("Up to a thousand")),
                ("medium", _("Thousands")),
                ("high", _("A hundred thousand or more")),
            ),
            Field("latency", _("Latency budget"), type=FieldType.LINE),
            _asked(
                "response",
                _("How soon an answer is needed"),
                "",
                ("batch", _("In minutes, or overnight")),
                ("seconds", _("In a few seconds")),
                ("instant", _("In less than half a second")),
            ),
            _choice(
                "compute",
                _("Compute at hand"),
                "",
                ("cpu", _("CPUs only")),
                ("some_gpu", _("Some GPU time")),
                ("gpu", _("GPUs of our own")),
            ),
            Field("deployment", _("Deployment limits"), type=FieldType.LINE, required=False),
            _asked(
                "place",
                _("Where it may run"),
                "",
                ("hosted", _("At a provider")),
                ("own", _("Inside our own network only")),
                ("device", _("On the device: a phone, a laptop, offline")),
            ),
            Field("skills", _("Skills to run it"), type=FieldType.LINE),
            _asked(
                "ability",
                _("The most the team can keep up"),
                _("Every team can write prompts."),
                ("prompts", _("Prompts, and a model that somebody else runs")),
                ("data", _("Pipelines and a search index (data engineering)")),
                ("training", _("Training and serving of models (MLOps)")),
                ("both", _("Both: an index and models")),
            ),
            Field("note", _("In your words"), required=False),
        ),
    ),
    SectionKind(
        "profile_interaction",
        _("Interaction"),
        PROFILE,
        Role.UX,
        _("How people meet the product, and how a failure feels to them."),
        (
            _choice(
                "complexity",
                _("Interaction"),
                "",
                ("simple", _("Simple: one question, one answer")),
                ("complex", _("Complex: dialogue, manner or control")),
            ),
            Field("tone", _("Tone and style"), type=FieldType.LINE),
            _asked(
                "style",
                _("Describing the style"),
                "",
                ("none", _("There is none: nobody reads it as a text")),
                ("described", _("Easy: a page of rules would do")),
                ("shown", _("Hard: one knows it on sight")),
            ),
            _asked(
                "control",
                _("Control over each answer"),
                "",
                ("loose", _("Answers may vary")),
                ("strict", _("Every answer keeps to a set form or manner")),
            ),
            Field("failure", _("What a failure looks like to a person")),
        ),
    ),
    SectionKind(
        "candidates",
        _("Candidate approaches"),
        CANDIDATES,
        Role.DATA_SCIENCE,
        _("The approaches under consideration, each with a spec that says how to run it."),
        rows=Rows.CANDIDATES,
        adapts_a_model=True,
    ),
    _assessment(Role.BUSINESS),
    _assessment(Role.DATA_SCIENCE),
    _assessment(Role.DEVOPS),
    _assessment(Role.UX),
    SectionKind(
        "constraints_business",
        _("Obligations and deadlines"),
        CONSTRAINTS,
        Role.BUSINESS,
        _("What the decision may not break, whichever way it goes."),
        (
            _choice(
                "reversible",
                _("Can it be taken back?"),
                _("A decision that is easily undone deserves less effort."),
                ("easily", _("Easily: within days")),
                ("with_effort", _("With effort: within months")),
                ("hardly", _("Hardly: it binds us for years")),
            ),
            Field("obligations", _("Obligations"), _("Contracts, law, promises to customers.")),
            Field("deadline", _("Deadline, and what sets it"), type=FieldType.LINE, required=False),
        ),
    ),
    SectionKind(
        "constraints_data",
        _("Data it touches"),
        CONSTRAINTS,
        Role.DATA_SCIENCE,
        _("Which data the decision concerns, and what must not happen to it."),
        (
            Field("data", _("Data concerned"), _("What it is, how much, how it grows.")),
            _choice(
                "sensitivity",
                _("Sensitivity"),
                "",
                ("public", _("Public")),
                ("internal", _("Internal")),
                ("personal", _("Personal or confidential")),
            ),
            Field("migration", _("What has to move"), required=False),
        ),
    ),
    SectionKind(
        "constraints_operations",
        _("What it must run with"),
        CONSTRAINTS,
        Role.DEVOPS,
        _("The systems, the load and the skills that are there today."),
        (
            Field("systems", _("Systems it must fit"), _("What runs today and stays.")),
            Field("load", _("Expected load"), type=FieldType.LINE),
            Field("availability", _("Availability"), type=FieldType.LINE, required=False),
            Field("security", _("Security"), type=FieldType.LINE, required=False),
            Field("skills", _("Skills at hand"), type=FieldType.LINE),
        ),
    ),
    SectionKind(
        "constraints_people",
        _("People concerned"),
        CONSTRAINTS,
        Role.UX,
        _("Who will feel the decision, and what they must still be able to do."),
        (
            Field("people", _("Who will feel it")),
            Field("needs", _("What they must be able to do")),
            Field("change", _("What changes for them on the day"), required=False),
        ),
    ),
    SectionKind(
        "options",
        _("Candidate solutions"),
        CANDIDATES,
        Role.DEVOPS,
        _("What could be done, doing nothing among it: what each is, needs and risks."),
        rows=Rows.CANDIDATES,
    ),
    _general_assessment(Role.BUSINESS),
    _general_assessment(Role.DATA_SCIENCE),
    _general_assessment(Role.DEVOPS),
    _general_assessment(Role.UX),
    _reading(
        "results_data_science",
        _("Quality findings"),
        Role.DATA_SCIENCE,
        _("Comparisons, and an analysis of the errors."),
    ),
    _reading(
        "results_devops",
        _("Load and cost findings"),
        Role.DEVOPS,
        _("Latency, load, what it takes to run."),
    ),
    _reading(
        "results_ux",
        _("Study findings"),
        Role.UX,
        _("What people did and said when they met it."),
    ),
    _reading(
        "results_business",
        _("Benefit and cost reading"),
        Role.BUSINESS,
        _("What the figures are worth to the product."),
    ),
    SectionKind(
        "recommendation",
        _("Recommendation"),
        RECOMMENDATION,
        OWNER,
        _("What the owner asks the team to sign."),
        (
            Field("chosen", _("Chosen candidates"), type=FieldType.CANDIDATES),
            Field("rationale", _("Why"), _("Refer to evidence as [[E1]].")),
            Field("consequences", _("Consequences"), _("What becomes easier, and what harder.")),
            Field("risks", _("Risks"), _("What could go wrong, and who watches it.")),
            Field(
                "exit_criteria",
                _("Exit criteria"),
                _("What would make you stop or go back."),
                sets_limits=True,
            ),
            Field(
                "review_on",
                _("Look at it again on"),
                _("The record comes back to its owner on this day."),
                FieldType.DATE,
            ),
        ),
    ),
)

SECTION_KINDS: dict[str, SectionKind] = {kind.key: kind for kind in _KINDS}
