"""The catalogue of metrics that goals are set on and evidence speaks of."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import inf

from django.utils.translation import gettext_lazy as _

from decisions.models.candidate import Direction
from decisions.numbers import PERCENT
from decisions.section_kinds import Text


@dataclass(frozen=True)
class Metric:
    """A thing that can be measured: its unit ("%" for shares) and which way is better.

    `meaning` says in a sentence what the figure is, where its name doesn't. No value of it lies
    below `least` or above `most`, in its unit.
    """

    key: str
    name: Text
    unit: str
    better: Direction
    meaning: Text = ""
    least: float = 0.0
    most: float = inf

    @property
    def span(self) -> tuple[float, float]:
        """Return the least and the most that it can be; a share is at most all."""
        return self.least, 100.0 if self.unit == PERCENT else self.most

    @property
    def label(self) -> str:
        """Return the name with the unit."""
        return f"{self.name} ({self.unit})" if self.unit else str(self.name)


UP, DOWN = Direction.AT_LEAST, Direction.AT_MOST

METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric("accuracy", _("Accuracy"), "%", UP),
        Metric(
            "pass_rate",
            _("Pass rate"),
            "%",
            UP,
            _("Answers that met whatever a test asserts of them."),
        ),
        Metric("macro_f1", _("Macro F1"), "%", UP, _("The mean of the F1 of every label.")),
        Metric(
            "normalised_match",
            _("Normalised match"),
            "%",
            UP,
            _("Answers that are right but for case, punctuation and articles."),
        ),
        Metric(
            "token_f1",
            _("Token F1"),
            "%",
            UP,
            _("Words that the answer and the right answer share, both ways; the mean over cases."),
        ),
        Metric(
            "rouge_l",
            _("ROUGE-L"),
            "%",
            UP,
            _("Words of the right answer in the same order; the mean over cases."),
        ),
        Metric(
            "embedding_similarity",
            _("Embedding similarity"),
            "%",
            UP,
            _("Closeness in topic to the right answer, not truth; the mean over cases."),
        ),
        Metric(
            "contains",
            _("Contains the answer"),
            "%",
            UP,
            _("Answers in which a right answer occurs."),
        ),
        Metric("regex", _("Fits the pattern"), "%", UP, _("Answers that a pattern matches.")),
        Metric(
            "json_schema",
            _("Valid by JSON schema"),
            "%",
            UP,
            _("Answers that are JSON of the form asked for."),
        ),
        Metric(
            "judged",
            _("Judged by a model"),
            "%",
            UP,
            _("What a model gave by a rubric, from nothing to full marks; the mean over cases."),
        ),
        Metric(
            "recall_at_k",
            _("Recall at k"),
            "%",
            UP,
            _("Relevant documents among the first k found; the mean over cases."),
        ),
        Metric(
            "mrr",
            _("Mean reciprocal rank"),
            "",
            UP,
            _("One over the rank of the first relevant document, 0 to 1; the mean over cases."),
            most=1.0,
        ),
        Metric(
            "ndcg",
            _("nDCG at k"),
            "",
            UP,
            _("How high the relevant documents stand, 0 to 1; the mean over cases."),
            most=1.0,
        ),
        Metric(
            "groundedness",
            _("Groundedness"),
            "%",
            UP,
            _("Words of the answer that occur in what was retrieved; the mean over cases."),
        ),
        Metric(
            "citation_correctness",
            _("Citation correctness"),
            "%",
            UP,
            _("Citations that name a passage which supports the sentence; the mean over cases."),
        ),
        Metric("latency_p50", _("Latency, median"), "ms", DOWN),
        Metric("latency_p95", _("Latency, 95th percentile"), "ms", DOWN),
        Metric("latency_p99", _("Latency, 99th percentile"), "ms", DOWN),
        Metric("error_rate", _("Error rate"), "%", DOWN),
        Metric("cost_per_1000", _("Cost of 1,000 requests"), "USD", DOWN),
        Metric("throughput", _("Throughput"), "/s", UP),
        Metric(
            "task_success",
            _("Task success"),
            "%",
            UP,
            _("People who reached what they were asked to."),
        ),
        Metric(
            "time_on_task",
            _("Time on task"),
            "s",
            DOWN,
            _("How long people took who reached it: the geometric mean."),
        ),
        Metric(
            "satisfaction",
            _("Satisfaction"),
            "",
            UP,
            _("The mean score of a questionnaire, on its own scale."),
            least=-inf,
        ),
        Metric(
            "sus",
            _("System Usability Scale"),
            "",
            UP,
            _("The mean score, 0 to 100."),
            most=100.0,
        ),
        Metric(
            "time_to_deliver",
            _("Time to deliver"),
            "days",
            DOWN,
            _("From the decision until people use it."),
        ),
        Metric(
            "one_off_cost",
            _("One-off cost"),
            "USD",
            DOWN,
            _("What it costs once, before the first request."),
        ),
    )
}

# The unit of one's own that says how many there are: "of 8", "/ 8".
_OUT_OF = re.compile(r"(?:(?:out )?of|/) *(\d+(?:\.\d+)?)")

# A metric that a team adds for itself is kept under a key of its own, which no figure of a run has.
OWN = "own"

# In which company a metric is offered; those that are in none come last.
_GROUPS: tuple[tuple[Text, tuple[str, ...]], ...] = (
    (
        _("Quality of answers"),
        (
            "accuracy",
            "pass_rate",
            "macro_f1",
            "normalised_match",
            "token_f1",
            "rouge_l",
            "embedding_similarity",
            "contains",
            "regex",
            "json_schema",
            "judged",
        ),
    ),
    (
        _("Retrieval and grounding"),
        ("recall_at_k", "mrr", "ndcg", "groundedness", "citation_correctness"),
    ),
    (
        _("Running it"),
        ("latency_p50", "latency_p95", "latency_p99", "error_rate", "throughput"),
    ),
    (_("Money and time"), ("cost_per_1000", "one_off_cost", "time_to_deliver")),
    (_("People"), ("task_success", "satisfaction", "sus", "time_on_task")),
)

# What a front is drawn of: how good the answers are, against what they cost and how long they take.
QUALITIES: frozenset[str] = frozenset(
    (*_GROUPS[0][1], *_GROUPS[1][1], "task_success", "satisfaction", "sus")
)
COSTS = ("cost_per_1000", "one_off_cost")
LATENCIES = ("latency_p95", "latency_p50", "latency_p99")


def span_of(metric: str, unit: str) -> tuple[float, float]:
    """Return the least and the most that a metric can be; of one's own its unit may tell."""
    if metric in METRICS:
        return METRICS[metric].span
    if unit.strip() == PERCENT:
        return 0.0, 100.0
    if told := _OUT_OF.fullmatch(unit.strip()):
        return 0.0, float(told[1])
    return -inf, inf


def grouped() -> list[tuple[str, list[Metric]]]:
    """Return the catalogue as it is offered, in groups."""
    named = {key for _name, keys in _GROUPS for key in keys}
    groups = [*_GROUPS, (_("Other"), tuple(key for key in METRICS if key not in named))]
    found = [(str(name), [METRICS[one] for one in keys if one in METRICS]) for name, keys in groups]
    return [(name, metrics) for name, metrics in found if metrics]


def own_key(name: str, taken: Collection[str]) -> str:
    """Return a key for a metric of one's own that is neither taken nor in the catalogue."""
    words = "_".join(re.findall("[a-z0-9]+", name.lower()))[:40].strip("_")
    plain = f"{OWN}_{words}".rstrip("_")
    tries = (plain, *(f"{plain}_{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in tries if one not in taken)
