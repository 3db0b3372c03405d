"""What a model was sent for a case is shown as it was, and the passages that it was handed."""

from dataclasses import asdict
from typing import Any

import pytest

from evaluations.models import Case, CaseSet, Result, ResultState, Run
from evaluations.sent_prompt import SentPrompts, passages_of
from evaluations.techniques.interface import Example, Question
from evaluations.techniques.language_model import shortened
from evaluations.techniques.messages import Prompt

LONG = "A long text. " * 300
PROMPT = Prompt("{passages}\n\nQuestion: {text}", context="Be brief.")


def run_with(prompt: Prompt, **spec: Any) -> Run:
    return Run(spec=spec, artefact={"prompt": asdict(prompt)}, case_set=CaseSet(labels=[]))


def result_of(state: str = ResultState.DONE, **details: Any) -> Result:
    return Result(case=Case(key="q1", input="Why?"), state=state, details=details)


def test_a_long_prompt_is_rebuilt_from_its_passages() -> None:
    messages = PROMPT.messages(Question("Why?"), (), (), [LONG, "Short."])
    kept = shortened(messages)
    assert kept != messages
    result = result_of(messages=kept, passages=[LONG, "Short."])
    system, user = SentPrompts(run_with(PROMPT)).turns(result)
    assert (system.speaker, system.text) == ("Instructions", "Be brief.")
    assert (user.text, user.is_cut) == (messages[-1]["content"], False)


def test_what_cannot_be_rebuilt_is_said_to_be_a_beginning() -> None:
    prompt = Prompt("{text}")
    kept = shortened(prompt.messages(Question("Why?"), (), [Example(LONG, "so")]))
    example, answer, asked = SentPrompts(run_with(prompt, shots=1)).turns(result_of(messages=kept))
    assert (example.is_cut, answer.is_cut) == (True, False)
    assert (answer.text, asked.text) == ("so", "Why?")


def test_a_case_that_failed_shows_what_was_asked_where_that_is_known() -> None:
    failed = result_of(ResultState.FAILED)
    (asked,) = SentPrompts(run_with(Prompt("Say: {text}"))).turns(failed)
    assert asked.text == "Say: Why?"
    assert SentPrompts(run_with(PROMPT)).turns(failed) == []
    assert SentPrompts(run_with(Prompt("{text}"))).turns(result_of(ResultState.PENDING)) == []


def test_thinking_aloud_is_asked_for_at_the_end() -> None:
    prompt = Prompt("{text}")
    kept = shortened(prompt.messages(Question("Why?")))
    (asked,) = SentPrompts(run_with(prompt)).turns(result_of(messages=kept, reasoning="Well …"))
    assert asked.text.startswith("Why?\n\nThink step by step.")


def test_passages_have_the_numbers_that_a_reply_cites() -> None:
    found = [{"key": "fees", "text": "Two"}, {"key": "cards", "text": "Fi"}]
    result = result_of(retrieved=found, passages=["Two euros.", "Five days."], citations=[2])
    first, second = passages_of(result)
    assert (first.number, first.key, first.text, first.is_cited) == (1, "fees", "Two euros.", False)
    assert (second.text, second.is_cited) == ("Five days.", True)


@pytest.mark.page
@pytest.mark.django_db
def test_the_page_of_a_run_shows_both(run: Run, people: Any, sign_in: Any) -> None:
    Run.objects.filter(pk=run.pk).update(artefact={"prompt": asdict(PROMPT)})
    first = run.results.select_related("case").order_by("case__position")[0]
    messages = PROMPT.messages(Question(first.case.input), (), (), ["Two euros."])
    first.details = {
        "retrieved": [{"key": "fees", "text": "Two"}],
        "passages": ["Two euros."],
        "citations": [1],
        "messages": shortened(messages),
    }
    first.state, first.output, first.correct = ResultState.DONE, "billing", True
    first.answered_at = run.requested_at
    first.save()
    page = sign_in(people.owner).get(f"/runs/{run.pk}/").content.decode()
    assert "1 passage found" in page
    assert '[1] <span class="faint">fees</span>' in page
    assert "What the model was sent" in page
