"""Training files: what is handed to a provider, and what is refused before anything is paid."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.techniques import Example, Label, PrepareError
from evaluations.techniques import training_file as module
from evaluations.techniques.messages import Prompt
from evaluations.techniques.training_file import TrainingFile, training_file

EXAMPLES = [Example(f"Question {place}", ("yes", "no")[place % 2]) for place in range(12)]


def made(
    examples: list[Example],
    prompt: Prompt = Prompt("{text}"),  # noqa: B008
) -> TrainingFile:
    labels = [Label("yes"), Label("no"), Label("perhaps")]
    return training_file(examples, prompt, labels)


def told(file: TrainingFile) -> list[list[dict[str, str]]]:
    return [json.loads(line)["messages"] for line in file.content.decode().splitlines()]


def test_an_example_is_told_with_the_whole_prompt_it_will_be_asked_with() -> None:
    file = made(EXAMPLES, Prompt("{text}\n{labels}", context="You sort."))

    assert told(file)[1] == [
        {"role": "system", "content": "You sort."},
        {"role": "user", "content": "Question 1\n- yes\n- no\n- perhaps"},
        {"role": "assistant", "content": "no"},
    ]
    assert file.examples == len(told(file)) == 12


def test_what_comes_twice_is_told_once_and_contradictions_are_counted() -> None:
    file = made([*EXAMPLES, EXAMPLES[0], Example("QUESTION  0", "no")])

    assert file.examples == 13
    assert file.findings == {"duplicates": 1, "contradictions": 1, "labels_without_example": 1}


@pytest.mark.parametrize(
    ("examples", "why"),
    [
        (EXAMPLES[:9], "at least 10 different training examples; there are 9"),
        (EXAMPLES[:1] * 30, "there are 1"),
        ([*EXAMPLES, Example(" ", "yes")], "1 training example has no input"),
        ([*EXAMPLES, Example("What?", "")], "1 training example has no input"),
        (EXAMPLES[::2] * 2 + [Example(f"Q{n}", "yes") for n in range(9)], "the same answer"),
        ([*EXAMPLES, Example("a" * 300_000, "yes")], "1 training example is longer than"),
    ],
)
def test_examples_that_do_not_do_are_refused_with_the_reason(
    examples: list[Example], why: str
) -> None:
    with pytest.raises(PrepareError, match=why):
        made(examples)


def test_a_file_that_no_provider_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 100)
    with pytest.raises(PrepareError, match="larger than"):
        made(EXAMPLES)


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=10, max_size=20, unique=True))
def test_whatever_is_written_comes_back_as_it_was(texts: list[str]) -> None:
    examples = [Example(text, ("yes", "no")[at % 2]) for at, text in enumerate(texts)]
    file = made(examples)

    assert [one[-2]["content"] for one in told(file)] == [text.strip() for text in texts]
    assert file.digest == made(examples).digest
