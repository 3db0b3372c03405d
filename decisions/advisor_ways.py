"""The ways of adapting a model that the advisor speaks of, in the words of a candidate.

Hybrids have a name each, since they answer different needs; on a record all of them are hybrids,
and what is run, or what a candidate is called, says which one it is.
The order is from the lightest to the heaviest, which settles ties.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from decisions.models.candidate import Approach, Candidate
from decisions.section_kinds import Text

PROMPTING = "prompting"
RAG = "rag"
PROMPT_AND_RAG = "prompt_and_rag"
FINE_TUNING = "fine_tuning"
PROMPT_ON_TUNED = "prompt_on_tuned"
TUNED_AND_RAG = "tuned_and_rag"
PRE_TRAINING = "pre_training"


@dataclass(frozen=True)
class Way:
    """One way of adapting a model; `approach` is what a candidate of it is called on a record.

    `summary`, `needs` and `risks` are where a candidate of it starts; pre-training has none, since
    it is no candidate of this product. `techniques` are what tells a hybrid from the others: the
    names of techniques that are this one.
    """

    key: str
    name: Text
    approach: Approach
    summary: Text = ""
    needs: Text = ""
    risks: Text = ""
    techniques: tuple[str, ...] = ()

    @property
    def is_candidate(self) -> bool:
        """Return whether it can be put on a record's list."""
        return bool(self.summary)

    def is_said_by(self, candidate: Candidate) -> bool:
        """Return whether a candidate's technique or its name says that it is this way."""
        technique = candidate.spec.get("technique")
        return technique in self.techniques or candidate.name == str(self.name)


_WAYS = (
    Way(
        PROMPTING,
        _("Prompt engineering"),
        Approach.PROMPTING,
        _("Instructions and a few examples in the prompt; the model stays as it is."),
        _("A dozen good examples, and cases to try wordings on."),
        _("Limited control: a change of wording for one case moves others."),
    ),
    Way(
        RAG,
        _("Retrieval"),
        Approach.RAG,
        _("What bears on a question is looked up, put into the prompt, and answered from."),
        _("The documents, cut so that what belongs together stays together, and an index."),
        _("What is not found is not answered; an outdated document is quoted with confidence."),
    ),
    Way(
        PROMPT_AND_RAG,
        _("A worked-out prompt over retrieval"),
        Approach.HYBRID,
        _(
            "Retrieval finds the facts; a prompt with examples and steps says how to use them and "
            "when to say that nothing was found."
        ),
        _("The documents and an index, and a dozen examples of good answers from them."),
        _("Long prompts cost at every question; two things to tune by hand at once."),
        ("hybrid/retrieval_and_mined_prompt", "hybrid/examples_and_mined_prompt"),
    ),
    Way(
        FINE_TUNING,
        _("Fine-tuning"),
        Approach.FINE_TUNING,
        _("A small model is trained further on examples of the task."),
        _("A few hundred examples, well chosen and checked, with others kept for measuring."),
        _("Forgets what the examples never speak of; every change needs a new training."),
    ),
    Way(
        PROMPT_ON_TUNED,
        _("A worked-out prompt on a tuned model"),
        Approach.HYBRID,
        _("Tuning teaches the manner; the rules that may change stay in the prompt."),
        _("A few hundred examples of the manner, and the rules in words."),
        _("Prompt and tuned model are kept in step: a change of one has to be measured with both."),
    ),
    Way(
        TUNED_AND_RAG,
        _("A tuned model with retrieval"),
        Approach.HYBRID,
        _("Retrieval brings the facts; a model tuned on good answers brings the manner."),
        _("The documents and an index, and a few hundred answers written from such passages."),
        _("Two things to build, to keep fresh and to watch."),
        ("hybrid/fused",),
    ),
    Way(PRE_TRAINING, _("Pre-training a model of one's own"), Approach.OTHER),
)

WAYS: dict[str, Way] = {way.key: way for way in _WAYS}


def ways_of(candidate: Candidate) -> tuple[Way, ...]:
    """Return the way that a candidate is; several if it is a hybrid that does not say which.

    None where the rules know nothing of its approach.
    """
    alike = [one for one in WAYS.values() if one.is_candidate]
    alike = [one for one in alike if one.approach == candidate.approach]
    said = [one for one in alike if one.is_said_by(candidate)]
    return tuple(said or alike)
