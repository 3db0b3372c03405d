"""What a results file of lm-evaluation-harness says next to its figures: model, settings, numbers.

Versions 0.2 and 0.3 name the model only in `config.model_args`, a text or an object; 0.4 has
`model_name`. `num_fewshot` may be a list beside the tasks.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import Any

from django.utils.translation import gettext as _

from evaluations.importers.measured import Source, System
from evaluations.importers.results.json_stream import parts
from evaluations.importers.results.values import (
    items,
    mapping,
    moment,
    name,
    number,
    opened,
    plain,
    text,
    whole,
)
from evaluations.importers.rows import Unreadable

TOOL = "lm-evaluation-harness"
TABLES = (("results", "*"), ("table_results", "*"))
MEMBERS = (
    *("config", "versions", "n-shot", "n-samples", "groups", "group_subtasks", "higher_is_better"),
    *("model_name", "model_args", "lm_eval_version", "date", "task_hashes", "git_hash"),
    *("chat_template_sha", "system_instruction"),
)
MODEL_ARGS = ("pretrained", "model", "engine", "model_name", "path")
TOLD_ARGS = ("revision", "iteration", "dtype", "peft", "tokenizer", "subfolder", "quantization")
TOLD_CONFIG = (
    *("limit", "batch_size", "gen_kwargs", "random_seed", "numpy_seed", "torch_seed"),
    *("fewshot_seed", "bootstrap_iters", "model_revision", "model_sha", "model_dtype"),
)
LONGEST_KEY = 500
MOST_TASKS = 20_000
VERDICTS = ("acc", "exact_match", "em", "exact", "acc_norm", "pass@1", "f1")


@dataclass(frozen=True)
class Head:
    """What a results file says about all its tasks; an empty one knows nothing."""

    told: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    prefix: str = ""  # of the keys of its systems, where another file has tasks of these names

    def key(self, task: str, filter_: str, filters: Collection[str]) -> str:
        """Return the key of a task's system; where there are several filters, one for each."""
        key = task if len(filters) < 2 else f"{task},{filter_}"
        return text(self.prefix + key, LONGEST_KEY)

    @property
    def config(self) -> Mapping[str, Any]:
        """Return how the harness was called."""
        return mapping(self.told.get("config"))

    @property
    def model_args(self) -> Mapping[str, Any]:
        """Return the model's arguments, also those written as “a=1,b=2”."""
        args = self.config.get("model_args") or self.told.get("model_args")
        if isinstance(args, str):
            pairs = (one.partition("=") for one in args.split(",") if "=" in one)
            return {key.strip(): value.strip() for key, _equals, value in pairs}
        return mapping(args)

    @property
    def model(self) -> str:
        """Return the model's name; in GPT-NeoX files the name of its configuration."""
        args = self.model_args
        named = (self.told.get("model_name"), *(args.get(one) for one in MODEL_ARGS))
        for one in named:
            if isinstance(one, str) and one:
                return name(one)
        files = [*mapping(args.get("config_files"))]
        return _stem(files[0]) if files else name(self.config.get("model"))

    def of(self, member: str, task: str) -> Any:
        """Return what a member of the file says about a task."""
        return mapping(self.told.get(member)).get(task)

    def subtasks(self, task: str) -> list[str]:
        """Return the tasks of a group; none for a task."""
        return [one for one in items(self.of("group_subtasks", task)) if isinstance(one, str)]

    def is_group(self, task: str) -> bool:
        """Return whether a name stands for several tasks, whose figures it sums up."""
        return bool(self.subtasks(task)) or self.of("groups", task) is not None

    def leaves(self, task: str) -> set[str]:
        """Return the tasks under a name: itself, or those of a group and of its groups."""
        found, open_, leaves = set[str](), [task], set[str]()
        while open_:
            one = open_.pop()
            if one in found:
                continue
            found.add(one)
            open_.extend(self.subtasks(one))
            if not self.is_group(one):
                leaves.add(one)
        return leaves

    def attempted(self, task: str) -> int | None:
        """Return how many documents a task was meant to measure; for a group, all of its tasks'."""
        counts = [
            whole(mapping(self.of("n-samples", one)).get("effective")) for one in self.leaves(task)
        ]
        known = [count for count in counts if count is not None]
        return sum(known) if known and len(known) == len(counts) else None

    def shots(self, task: str) -> int | None:
        """Return how many examples a prompt showed."""
        shown = self.config.get("num_fewshot")
        if isinstance(shown, list):
            of_tasks = dict(zip(self.tasks, shown, strict=False))
            shown = of_tasks.get(task) if len(shown) == len(self.tasks) else None
        told = self.of("n-shot", task)
        return whole(shown if told is None else told)

    def system(self, key: str, task: str, filter_: str, metrics: list[str]) -> System:
        """Return the system that this file measured on a task, as one filter reads its answers."""
        return System(
            key=key,
            model=self.model,
            task=name(task),
            tool=TOOL,
            tool_version=name(self.told.get("lm_eval_version")),
            scorer=main_metric(metrics),
            attempted=self.attempted(task),
            status="group" if self.is_group(task) else "",
            started_at=moment(number(self.told.get("date"))),
            settings=plain(dict(self._settings(task, filter_))),
        )

    def _settings(self, task: str, filter_: str) -> Iterator[tuple[str, Any]]:
        """Yield what a comparison has to know, where the file says it."""
        found = {
            "filter": filter_,
            "num_fewshot": self.shots(task),
            "version": self.of("versions", task),
            "task_hash": self.of("task_hashes", task),
            "documents": mapping(self.of("n-samples", task)).get("original"),
            "group_of": self.subtasks(task) or None,
            "model_type": self.config.get("model"),
            "git_hash": self.told.get("git_hash"),
            "chat_template_sha": self.told.get("chat_template_sha"),
            "system_instruction": self.told.get("system_instruction"),
            **{one: self.config.get(one) for one in TOLD_CONFIG},
            **{one: self.model_args.get(one) for one in TOLD_ARGS},
        }
        yield from ((key, value) for key, value in found.items() if value not in (None, "", {}))


def head_of(source: Source) -> Head:
    """Return what a results file says next to its figures; raise `Unreadable`."""
    told: dict[str, Any] = {}
    with opened(source) as file:
        for path, value in parts(file, [(one,) for one in MEMBERS]):
            told.setdefault(str(path[0]), value)
    with opened(source) as file:
        tasks = tuple(str(path[1]) for path, _value in islice(parts(file, TABLES), MOST_TASKS + 1))
    if len(tasks) > MOST_TASKS:
        raise Unreadable(_("%(file)s has too many tasks.") % {"file": source.title})
    return Head(told, tasks)


def main_metric(metrics: list[str]) -> str:
    """Return which of a task's metrics is its main one: one that a single case can have."""
    return next((one for one in VERDICTS if one in metrics), next(iter(metrics), ""))


def is_missing(value: Any) -> bool:
    """Return whether a figure is written as none: “N/A”, a blank, NaN or an infinity."""
    if isinstance(value, str):
        return True
    return isinstance(value, float) and not math.isfinite(value)


def _stem(path: str) -> str:
    return name(PurePath(path).name.removesuffix(".yml").removesuffix(".yaml"))
