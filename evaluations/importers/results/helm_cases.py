"""From HELM's request states to cases.

An instance with its perturbation is a case, a trial with other examples in the prompt a repeat.
Choices are answered by a letter where all stand in one prompt; where each is asked about by
itself, the states of an instance belong together, and only its statistics say what was chosen.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from decisions.numbers import format_count
from evaluations.importers.measured import CaseFound
from evaluations.importers.results.values import (
    Remarks,
    canonical,
    digest,
    excerpt,
    items,
    legible,
    mapping,
    milliseconds,
    name,
    number,
    plain,
    share,
    text,
    whole,
)

CORRECT, TEST = "correct", "test"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LONGEST_KEY = 100
MOST_REFERENCES = 20
MOST_METRICS = 1_000
MOST_STATES = 1_000  # requests about one instance
CHOSEN = "predicted_index"
INPUT_TOKENS, OUTPUT_TOKENS = "num_prompt_tokens", ("num_output_tokens", "num_completion_tokens")
BOOKKEEPING = (
    *("num_", "finish_reason_", "training_", "inference_", "batch_size", "prompt_truncated"),
    *("max_prob", "logprob", CHOSEN),
)
# Metrics whose 1 and 0 say right and wrong.
VERDICTS = (
    *("exact_match", "quasi_exact_match", "prefix_exact_match", "quasi_prefix_exact_match"),
    *("math_equiv", "math_equiv_chain_of_thought", "final_number_exact_match", "code_eval_acc"),
    *("chain_of_thought_correctness", "ifeval_strict_accuracy", "classification_accuracy"),
)

Row = Mapping[str, Any]
Values = dict[str, float | None]


class Statistics:
    """The statistics of each instance, kept in a file that goes away when this is closed.

    HELM writes them apart from the answers, several times for one instance and in any order.
    """

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute("CREATE TABLE told (instance TEXT, stats TEXT)")
        self._rows.execute("BEGIN")

    def close(self) -> None:
        """Forget them."""
        self._rows.close()

    def take(self, rows: Iterable[Any], remarks: Remarks) -> None:
        """Keep what the file of per-instance statistics says."""
        for row in map(mapping, map(legible, rows)):
            instance = _place(row.get("instance_id"), row.get("perturbation"), row)
            means = list(_means(row, remarks))
            if len(means) > MOST_METRICS:
                raise ValueError(_("an instance in it has too many statistics."))
            stats = json.dumps(means)
            self._rows.execute("INSERT INTO told VALUES (?, ?)", (instance, stats))
        self._rows.execute("CREATE INDEX by_instance ON told (instance)")

    def of(self, state: Row) -> Values:
        """Return the metrics of a request state's instance; of those told twice the last."""
        instance = mapping(state.get("instance"))
        place = _place(instance.get("id"), instance.get("perturbation"), state)
        query = "SELECT stats FROM told WHERE instance = ? ORDER BY rowid"
        with closing(self._rows.execute(query, (place,))) as found:
            return dict(pair for (stats,) in found for pair in json.loads(stats))


@dataclass(frozen=True)
class Headline:
    """Which instances HELM's headline is over: those of one split, without perturbations if any."""

    split: str = ""
    is_perturbed: bool = False

    @classmethod
    def among(cls, places: Iterable[tuple[str, str]]) -> "Headline":
        """Return that of a run with instances in these places: test, or the only split there is."""
        found: dict[str, bool] = {}
        for split, perturbation in places:
            found[split] = found.get(split, True) and bool(perturbation)
        split = TEST if TEST in found else next(iter(found), "")
        return cls(split, found.get(split, False))

    def has(self, split: str, perturbation: str) -> bool:
        """Return whether it is over instances in this place."""
        return split in {self.split, ""} and (self.is_perturbed or not perturbation)


@dataclass(frozen=True)
class Asked:
    """The measured system that the states are read for, and how it was asked."""

    system: str
    main: str
    method: str = ""
    is_chosen: bool = False  # among the instance's references
    headline: Headline = Headline()


def cases(
    states: Iterable[Any], statistics: Statistics, asked: Asked, remarks: Remarks
) -> Iterator[CaseFound]:
    """Yield a case for the states of each instance and trial of the headline; raise ValueError.

    The instances that HELM's headline is not over are counted and told.
    """
    read = (_state(one, remarks) for one in states)
    others = Counter[tuple[str, str]]()
    for _key, group in groupby(read, key=_case_place):
        found = []
        for state in group:
            found.append(state)
            if len(found) > MOST_STATES:
                raise ValueError(_("one instance in it has too many requests."))
        place = place_of(mapping(found[0].get("instance")))
        if asked.headline.has(*place):
            yield _case(found, statistics.of(found[0]), asked, remarks)
        elif place in others or len(others) < MOST_METRICS:
            others[place] += 1
        else:
            others["", ""] += 1
    for place, n in others.items():
        remarks.note(asked.system, _left_out(" ".join(place).strip(), n, asked.headline.split))


def place_of(instance: Row) -> tuple[str, str]:
    """Return an instance's split and the name of its perturbation, each "" where it has none."""
    return name(instance.get("split")), perturbation_name(instance.get("perturbation"))


def _left_out(other: str, n: int, split: str) -> str:
    """Return how many answers did not come in, and why."""
    told = {"n": format_count(n), "other": other, "split": split}
    return (
        ngettext(
            "%(n)s answer of “%(other)s” is left out: HELM’s headline is over “%(split)s” alone",
            "%(n)s answers of “%(other)s” are left out: HELM’s headline is over “%(split)s” alone",
            n,
        )
        % told
    )


def metric_name(told: Any) -> str:
    """Return the name of a metric; old versions write it by itself."""
    return name(mapping(told).get("name") if isinstance(told, dict) else told)


def is_bookkeeping(metric: str) -> bool:
    """Return whether a metric counts or describes, and does not judge the answer."""
    return metric.startswith(BOOKKEEPING)


def perturbation_name(perturbation: Any) -> str:
    """Return what a perturbation is called, with what it was computed on."""
    told = mapping(perturbation)
    return " ".join(filter(None, (name(told.get("name")), name(told.get("computed_on")))))


def _state(found: Any, remarks: Remarks) -> Row:
    """Return a request state that is one; note what of it cannot be shown."""
    if not isinstance(found, dict) or not isinstance(found.get("instance"), dict):
        raise ValueError(_("one of its request states is without an instance."))
    state: Row = legible(found)
    if state != found:
        what = _("it holds characters that are not text: ␀ and � stand for them")
        remarks.note(text(state["instance"].get("id")), what)
    return state


def _case(states: list[Row], values: Values, asked: Asked, remarks: Remarks) -> CaseFound:
    """Return the states of one instance and trial as a case."""
    state = states[0]
    instance, result = mapping(state.get("instance")), mapping(state.get("result"))
    key, error = _case_key(instance), _error(states)
    choices = _choices(state, instance, asked)
    _note(states, values, key, error, remarks)
    scores = {one: value for one, value in values.items() if not is_bookkeeping(one)}
    tokens = (values.get(one) for one in OUTPUT_TOKENS)
    return CaseFound(
        system=asked.system,
        key=key,
        input=_input(instance, choices),
        expected=next(iter(_expected(instance, choices)), ""),
        output=None if error else _output(states, values, choices),
        error=error,
        repeat=whole(state.get("train_trial_index")) or 0,
        scores={one: None if error else share(value) for one, value in scores.items()}
        or ({asked.main: None} if asked.main else {}),
        correct=None if error else _verdict(values, asked.main),
        latency_ms=None if error else _milliseconds(states),
        input_tokens=whole(values.get(INPUT_TOKENS)),
        output_tokens=next((whole(one) for one in tokens if one is not None), None),
        details=plain(
            {
                one: value
                for one, value in _details(state, instance, result, scores, choices)
                if value
            }
        ),
    )


def _case_place(state: Row) -> str:
    instance = mapping(state.get("instance"))
    return _place(instance.get("id"), instance.get("perturbation"), state)


def _place(instance: Any, perturbation: Any, row: Row) -> str:
    """Return what the answers and the statistics of one instance and trial have in common."""
    trial = whole(row.get("train_trial_index")) or 0
    return digest([text(instance), canonical(perturbation or None), trial])


def _means(row: Row, remarks: Remarks) -> Iterator[tuple[str, float | None]]:
    """Yield (metric, mean): without a mean where nothing was counted."""
    for stat in map(mapping, items(row.get("stats"))):
        metric = metric_name(stat.get("name"))
        value = number(stat.get("mean"))
        if "mean" not in stat and stat.get("count"):
            value = _sum_over_count(stat)
        if value is None and is_bookkeeping(metric):
            continue
        if not is_bookkeeping(metric) and share(value) is None:
            told = {"metric": metric}
            remarks.note(text(row.get("instance_id")), _("“%(metric)s” is not from 0 to 1") % told)
        yield metric, value


def _sum_over_count(stat: Row) -> float | None:
    total, count = number(stat.get("sum")), whole(stat.get("count"))
    return total / count if total is not None and count else None


def _case_key(instance: Row) -> str:
    """Return an instance's id, with its perturbation where it has one; else a digest."""
    key, perturbation = text(instance.get("id")), instance.get("perturbation")
    if perturbation:
        key = f"{key} {perturbation_name(perturbation)} {digest(perturbation)[:6]}"
    return key if key and len(key) <= LONGEST_KEY else digest(key or dict(instance))


def _input(instance: Row, choices: dict[str, str]) -> str:
    """Return what is asked, with the choices to choose from."""
    asked = instance.get("input")
    if isinstance(asked, dict):
        shown = [
            _media(one)
            for one in items(mapping(asked.get("multimedia_content")).get("media_objects"))
        ]
        asked = "\n".join(filter(None, (text(asked.get("text")), *shown)))
    shown_choices = (f"{letter}) {one}" for letter, one in choices.items())
    return text("\n".join([text(asked), *shown_choices]))


def _media(part: Any) -> str:
    told = mapping(part)
    if isinstance(told.get("text"), str):
        return text(told["text"])
    return f"[{name(told.get('content_type')) or 'media'} {digest(part)}]"


def _choices(state: Row, instance: Row, asked: Asked) -> dict[str, str]:
    """Return letter → choice, none where the answer is free."""
    shown = mapping(state.get("output_mapping"))
    if shown:
        return {name(letter): text(choice) for letter, choice in shown.items()}
    if not asked.method.startswith("multiple_choice"):
        return {}
    texts = [_reference_text(one) for one in _references(instance)]
    return dict(zip(LETTERS, texts, strict=False))


def _references(instance: Row) -> list[Row]:
    return [mapping(one) for one in items(instance.get("references"))]


def _reference_text(reference: Row) -> str:
    """Return a reference's text; old versions write it by itself."""
    output = reference.get("output")
    return text(mapping(output).get("text") if isinstance(output, dict) else output)


def _expected(instance: Row, choices: dict[str, str]) -> list[str]:
    """Return the right answers: letters where there are choices, else texts."""
    right = [one for one in _references(instance) if CORRECT in items(one.get("tags"))]
    texts = [_reference_text(one) for one in right]
    letters = [letter for letter, choice in choices.items() if choice in texts]
    return letters or texts


def _output(states: list[Row], values: Values, choices: dict[str, str]) -> str | None:
    """Return what the model said; the chosen letter where it was asked about each choice."""
    if len(states) > 1:
        chosen = whole(values.get(CHOSEN))
        return list(choices)[chosen] if chosen is not None and chosen < len(choices) else None
    completions = items(mapping(states[0].get("result")).get("completions"))
    return text(mapping(completions[0]).get("text")) if completions else None


def _error(states: list[Row]) -> str:
    """Return why there is no answer, "" where there is one."""
    for state in states:
        result = state.get("result")
        if not isinstance(result, dict):
            return _("HELM did not ask the model.")
        if result.get("success") is False:
            told = text(result.get("error"))
            return told or _("HELM calls the request a failure and does not say why.")
    return ""


def _verdict(values: Values, main: str) -> bool | None:
    """Return whether the main metric says right or wrong, None where it is a matter of degree."""
    value = values.get(main)
    return bool(value) if main in VERDICTS and value in (0.0, 1.0) else None


def _milliseconds(states: list[Row]) -> float | None:
    """Return the time of the requests; HELM keeps it with answers from its cache."""
    times = [number(mapping(one.get("result")).get("request_time")) for one in states]
    known = [one for one in times if one is not None]
    return milliseconds(sum(known) * 1000) if known else None


def _details(
    state: Row, instance: Row, result: Row, scores: Values, choices: dict[str, str]
) -> Iterator[tuple[str, Any]]:
    yield "split", name(instance.get("split"))
    yield "sub_split", name(instance.get("sub_split"))
    yield "perturbation", instance.get("perturbation")
    yield "references", _expected(instance, choices)[1:MOST_REFERENCES]
    odd = {
        one: value for one, value in scores.items() if value is not None and share(value) is None
    }
    yield "scores", {one: excerpt(value, 200) for one, value in odd.items()}
    yield "cached", result.get("cached") is True
    yield "prompt_truncated", state.get("prompt_truncated") is True


def _note(states: list[Row], values: Values, key: str, error: str, remarks: Remarks) -> None:
    """Note what a case leaves behind in the file, and what it has no score for."""
    result = mapping(states[0].get("result"))
    if not values and not error:
        remarks.note(key, _("an answer without statistics"))
    if len(items(result.get("completions"))) > 1:
        remarks.note(key, _("of several answers of the model only the first comes in"))
    if len(states) > 1 and CHOSEN not in values:
        remarks.note(key, _("each choice was asked about by itself: the file has no answer"))
    if _has_media(mapping(states[0].get("instance"))):
        remarks.note(key, _("the question holds images or sounds: their digests stand for them"))


def _has_media(instance: Row) -> bool:
    return bool(mapping(instance.get("input")).get("multimedia_content"))
