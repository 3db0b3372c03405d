"""Scorers of retrieval by itself: were the documents found that answer the case, and how high?

Documents are counted, not chunks: several chunks of one document stand at the best one's rank.
"""

import math
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext_lazy as _

from evaluations.scorers.interface import CaseView, Score, Scorer, graded
from evaluations.spec import integer


def _depth_setting(default: int) -> int:
    """Describe how many documents count."""
    found: int = integer(default, _("Documents that count (k)"), minimum=1, maximum=1000)
    return found


@dataclass(frozen=True, slots=True)
class RecallSpec:
    """How many documents count."""

    k: int = _depth_setting(5)


@dataclass(frozen=True, slots=True)
class RankSpec:
    """How many documents count."""

    k: int = _depth_setting(10)


def hits(case: CaseView, k: int) -> list[bool]:
    """Return for each of the first k distinct documents retrieved whether it is relevant."""
    wanted = set(case.relevant)
    return [key in wanted for key in islice(dict.fromkeys(case.retrieved or ()), k)]


def recall_at_k(_output: str, case: CaseView, spec: RecallSpec) -> Score | None:
    """Return the share of the relevant documents among the first k.

    Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, section 8.4.
    """
    if case.retrieved is None:
        return None
    return graded(sum(hits(case, spec.k)) / len(set(case.relevant)))


def reciprocal_rank(_output: str, case: CaseView, spec: RankSpec) -> Score | None:
    """Return 1 / rank of the first relevant document, 0 if none is among the first k.

    Its mean is MRR: Voorhees (1999), The TREC-8 Question Answering Track Report.
    """
    if case.retrieved is None:
        return None
    found = hits(case, spec.k)
    return graded(1 / (1 + found.index(True)) if True in found else 0.0)


def ndcg(_output: str, case: CaseView, spec: RankSpec) -> Score | None:
    """Return the normalised discounted cumulative gain of the first k, each relevant one gaining 1.

    Järvelin and Kekäläinen (2002), ACM TOIS 20:422-446, with the discount log2(1 + rank) that has
    become usual since Burges et al. (2005).
    """
    if case.retrieved is None:
        return None
    ideal = [True] * min(spec.k, len(set(case.relevant)))
    return graded(_discounted(hits(case, spec.k)) / _discounted(ideal))


def _discounted(gains: list[bool]) -> float:
    """Return the sum of gains, each less the further down it stands."""
    return math.fsum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))


RETRIEVAL = (
    Scorer(
        "recall_at_k",
        "1",
        _("Recall at k"),
        "recall_at_k",
        recall_at_k,
        _("The share of the relevant documents among the first k that were found."),
        needs=("relevant",),
        uses=("retrieved",),
        spec_class=RecallSpec,
    ),
    Scorer(
        "mrr",
        "1",
        _("Reciprocal rank"),
        "mrr",
        reciprocal_rank,
        _("One over the rank of the first relevant document; its mean is MRR."),
        needs=("relevant",),
        uses=("retrieved",),
        spec_class=RankSpec,
    ),
    Scorer(
        "ndcg",
        "1",
        _("nDCG at k"),
        "ndcg",
        ndcg,
        _("How high the relevant documents stand, against the best possible order."),
        needs=("relevant",),
        uses=("retrieved",),
        spec_class=RankSpec,
    ),
)
