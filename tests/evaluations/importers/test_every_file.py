"""Every real result file comes in with what it says: expected values read by hand in the files.

A line of the table is one system of a file: its model, then its answers as right, wrong, errors and
without a verdict, then figures that the tool states, each with its n (None: the file says none).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from decisions.models import Decision
from evaluations.bringing import import_results
from evaluations.importers.measured import Source
from evaluations.importers.results import registry
from evaluations.importers.surveying import ResultsSurvey, surveyed
from evaluations.models import Run
from tests.evaluations.helpers import make_candidate
from tests.evaluations.importers.reading import OWN, PROJECT
from tests.factories import People

Counts = tuple[int, int, int, int]
NONE: Counts = (0, 0, 0, 0)
ROOT = Path(os.environ.get("COUNTERSIGN_DATA") or PROJECT.parent / "shared" / "data")
FOLDER = ROOT / "eval_results"


@dataclass(frozen=True)
class Expected:
    """One system of a file, as a person reads it there; `systems` is how many the file has."""

    model: str
    counts: Counts = NONE
    figures: dict[str, tuple[float | None, int | None]] = field(default_factory=dict)
    system: str = ""
    systems: int = 1
    attempted: int = 0
    repeats: int = 1


FAKE = "openai-api/fake/fake"
MINI = "openai/gpt-4o-mini"
REPEATED = (4, 6, 0, 0)
HARNESS_GENERATED = "lm_eval/generated/results_2026-11-21T01-24-00.429488.json"
RYLAN = "RylanSchaeffer/mem_Qwen3-93M_minerva_math_rep_0_sbst_1.0000_epch_1_ot_1"
ALPHA = "2026-11-21T01-24-00.429488"
MLFLOW_RUN = {"accuracy": (0.76, None), "latency_p50_ms": (412.0, None), "f1": (None, None)}
BOOM = {"Exact Match": (0.5, 6), "Boom": (0.7, 5)}


def erring(model: str, n: int, systems: int) -> Expected:
    """Return a pipeline of which every answer failed."""
    return Expected(model, (0, 0, n, 0), system=model, systems=systems, attempted=n)


TABLE: dict[str, list[Expected]] = {
    "deepeval/generated/evaluate_result.json": [Expected("", (2, 4, 0, 0))],
    "deepeval/generated/test_run_20261121_012442.json": [Expected("", (2, 4, 0, 0), BOOM)],
    "deepeval/test_run_sample.json": [
        Expected(
            "gpt-4o-mini, gpt-4o",
            (0, 1, 0, 0),
            {"Answer Relevancy": (0.92, 1), "Faithfulness": ((0.45 + 0.91 + 0.88) / 3, 3)},
        )
    ],
    "helm/hellaswag_pythia1b": [
        Expected("eleutherai/pythia-1b-v0", (3, 7, 0, 0), {"exact_match": (0.3, 10)})
    ],
    "helm/mmlu_philosophy_gpt2": [
        Expected("openai/gpt2", (1, 8, 0, 0), {"exact_match": (1 / 9, 9)})
    ],
    "helm/v3_bbq_gemini15": [Expected("google/gemini-1.5-pro-001", (0, 2, 0, 0))],
    "inspect/2025-02-11T15-17-00-05-00_popularity_dPiJifoWeEQBrfWsAopzWr.eval": [
        Expected(MINI, (0, 0, 0, 10))
    ],
    "inspect/2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval": [
        Expected(MINI, (8, 2, 0, 0), {"accuracy": (0.8, 10)})
    ],
    "inspect/2025-05-12T20-28-13-04-00_no-samples.json": [
        Expected(MINI, NONE, {"accuracy": (2 / 3, 3)}, attempted=3)
    ],
    "inspect/2025-05-12T20-28-13-04-00_popularity.json": [
        Expected(MINI, (2, 1, 0, 0), {"accuracy": (2 / 3, 3)})
    ],
    "inspect/2025-05-12T20-28-26-04-00_security-guide.json": [
        Expected(MINI, (3, 0, 0, 0), {"accuracy": (1.0, 3)})
    ],
    "inspect/data_arc_qwen.json": [
        Expected("ollama/qwen2.5:0.5b", (1, 2, 0, 0), {"accuracy": (1 / 3, 3)})
    ],
    "inspect/data_cyse2_vuln_exploit_challenges.json": [
        Expected(
            "mistral/mistral-large-latest",
            (0, 0, 0, 1),
            {"mean": (0.38108974358974357, 2340)},
            attempted=2340,
        )
    ],
    "inspect/data_pubmedqa_gpt4o_mini.json": [
        Expected("openai/azure/gpt-4o-mini", (2, 0, 0, 0), {"accuracy": (1.0, 2)})
    ],
    "inspect/data_with_llm_scoring.json": [
        Expected("anthropic/claude-opus-4-6", NONE, {"accuracy": (0.431, 1000)}, attempted=1000)
    ],
    "inspect/generated/i0285_cancelled_celery_sigterm.eval": [
        Expected(FAKE, (59, 10, 32, 0), {"accuracy": (59 / 69, 69)}, attempted=320)
    ],
    "inspect/generated/i0285_epochs3_ci.eval": [
        Expected(FAKE, (9, 9, 0, 0), {"accuracy": (0.5, 6)}, repeats=3)
    ],
    "inspect/generated/i0285_failed_run.eval": [Expected(FAKE, (1, 2, 3, 0))],
    "inspect/generated/i0285_multi_scorer_nan_zstd.eval": [
        Expected(FAKE, (5, 7, 0, 0), {"match/accuracy": (5 / 12, 12), "multi/nan/mean": (1.0, 10)})
    ],
    "inspect/generated/i0285_no_samples_logged.json": [
        Expected(FAKE, NONE, {"accuracy": (5 / 12, 12)}, attempted=12)
    ],
    "inspect/generated/i0285_sample_errors_excluded.eval": [
        Expected(FAKE, (1, 9, 10, 0), {"accuracy": (0.1, 10)})
    ],
    "inspect/generated/i0285_sample_errors_excluded.json": [
        Expected(FAKE, (1, 9, 10, 0), {"accuracy": (0.1, 10)})
    ],
    "inspect/log_formats.eval": [Expected("ollama/llama3.1", (0, 1, 0, 0), {"accuracy": (0, 1)})],
    "inspect/log_formats.json": [Expected("ollama/llama3.1", (0, 1, 0, 0), {"accuracy": (0, 1)})],
    "inspect/log_message_deduplication.eval": [
        Expected("hardcoded/hardcoded", (0, 1, 0, 0), {"accuracy": (0, 1)})
    ],
    "inspect/mmlu-summary-choices.eval": [
        Expected("openai/gpt-4o", (0, 1, 0, 0), {"accuracy": (0, 1)})
    ],
    "inspect/scout_popularity_100.eval": [
        Expected(MINI, (63, 37, 0, 0), {"accuracy": (0.63, 100)})
    ],
    "lm_eval/afridoc_swa_health_0shot_2026-02-19T20-19-26.237329.json": [
        Expected(
            "google/gemma-2b",
            NONE,
            {"bleu": (1.0643187495999427, 1982), "chrf": (16.072165346837334, 1982)},
            attempted=1982,
        )
    ],
    "lm_eval/generated/results_2026-11-21T00-57-09.615671.json": [
        Expected("fake", NONE, {"exact_match": (0.659375, 640)}, attempted=640)
    ],
    HARNESS_GENERATED: [
        Expected(
            *("org/fake-7b", NONE, {"exact_match": (0.6, 10), "bleu": (0.0, 10)}),
            *("sent_filters,maj", 5, 10),
        ),
        Expected("org/fake-7b", NONE, {"exact_match": (0.7, 10)}, "sent_demo", 5, 10),
    ],
    f"lm_eval/generated/samples_sent_demo_{ALPHA}.jsonl": [Expected("org/fake-7b", (7, 3, 0, 0))],
    "lm_eval/generated/samples_sent_demo_first40.jsonl": [Expected("", (27, 13, 0, 0))],
    f"lm_eval/generated/samples_sent_filters_{ALPHA}.jsonl": [
        Expected("org/fake-7b", (6, 4, 0, 0), system="sent_filters,strict", systems=2),
        Expected("org/fake-7b", (6, 4, 0, 0), system="sent_filters,maj", systems=2),
    ],
    "lm_eval/masakhaner_luo_prompt_2_0shot_2026-01-16T16-37-38.713565.json": [
        Expected("google/gemma-2b", NONE, {"f1": (0.031648559281985525, 185)}, attempted=185)
    ],
    "lm_eval/results_2026-01-21T03-44-18.458309.json": [
        Expected(RYLAN, NONE, {"exact_match": (0.0, 5000)}, "math_perturbed_full", 2, 5000),
        Expected(RYLAN, NONE, {"exact_match": (0.0004, 5000)}, "math_rephrased_full", 2, 5000),
    ],
    "lm_eval/samples_masakhaner_luo_prompt_2_2026-01-16T16-37-38.713565.jsonl": [
        Expected("google/gemma-2b", (0, 0, 0, 185))
    ],
    "lm_eval/samples_math_perturbed_full_2026-01-21T03-44-18.458309.jsonl": [
        Expected(RYLAN, (0, 10, 0, 0), attempted=5000)
    ],
    "lm_eval/sw_mmlu_0shot_2026-01-26T15-00-37.633186.json": [
        Expected("google/gemma-2b", NONE, {"acc": (0.255, 400)}, "global_mmlu_sw", 7, 400),
        Expected("google/gemma-2b", NONE, {"acc": (16 / 58, 58)}, "global_mmlu_sw_business", 7, 58),
    ],
    "lm_eval/v02_ja_partial_result2.json": [
        Expected(
            "sft/checkpoints/open-calm-instruct-7b_1.9.4/",
            NONE,
            {"exact_match": (40.292096219931274, None), "f1": (45.46446299023617, None)},
            "jaqket_v2-0.1-0.3",
            3,
        )
    ],
    "lm_eval/v03_pythia12b_5shot.json": [
        Expected(
            "13B",
            NONE,
            {"acc": (0.7289562289562289, None), "acc_norm": (0.7377946127946128, None)},
            "arc_easy",
            65,
        )
    ],
    "lm_eval/v03_winobias_1.4b.json": [
        Expected(
            *("1.4b-deduped", NONE, {"em": (0.44696969696969696, None)}),
            *("wino_bias_type1_pro+refers_to", 8),
        )
    ],
    "lm_eval/v04pre_pythia160m_0shot.json": [
        Expected(
            "EleutherAI/pythia-v1.1-160m",
            NONE,
            {"ppl": (3235635.6392226857, None), "acc": (0.0, None)},
            "lambada_openai",
            87,
        )
    ],
    "mlflow/generated/eval_results_table.json": [Expected("", (0, 0, 1, 2))],
    "mlflow/generated/genai_eval_results.json": [Expected("fake", (10, 2, 0, 0))],
    "mlflow/generated/genai_run.json": [
        Expected("spiffy-donkey-817", NONE, {"exact/mean": (0.15625, None)}, attempted=64)
    ],
    "mlflow/generated/get_run_to_dictionary.json": [Expected("qwen2.5:7b", NONE, MLFLOW_RUN)],
    "mlflow/generated/metric_history.json": [Expected("", NONE, {"accuracy": (0.76, None)})],
    "mlflow/generated/rest_runs_get.json": [Expected("qwen2.5:7b", NONE, MLFLOW_RUN)],
    "mlflow/generated/search_runs.csv": [Expected("qwen2.5:7b", NONE, MLFLOW_RUN)],
    "openai_evals/gpt-4-cot_semantic_role_recognition.jsonl": [
        Expected("zhishu/gpt-4-cot", (0, 0, 0, 9))
    ],
    "promptfoo/generated/pf_0.123.1_errors_repeat2.csv": [
        Expected("ok-server", REPEATED, system="prompt-0", systems=4, repeats=2),
        Expected("flaky-server", (0, 0, 10, 0), system="prompt-3", systems=4, repeats=2),
    ],
    "promptfoo/generated/pf_0.123.1_errors_repeat2.json": [
        Expected("openai:chat:fake", REPEATED, {"pass_rate": (0.4, 10)}, "prompt-1", 4, 10, 2),
        Expected(
            *("openai:chat:flaky", (0, 0, 10, 0), {"errors": (10, None)}, "prompt-3", 4, 10, 2)
        ),
    ],
    "promptfoo/generated/pf_0.123.1_errors_repeat2.jsonl": [
        Expected("openai:chat:flaky", REPEATED, system="prompt-2", systems=4, repeats=2),
        Expected("openai:chat:flaky", (0, 0, 10, 0), system="prompt-3", systems=4, repeats=2),
    ],
    "promptfoo/pf_share_v3_wrapped.json": [
        Expected("openai:gpt-4o-mini", (4, 0, 0, 0), {"pass_rate": (1.0, 4)}, "prompt-1", 2)
    ],
    "promptfoo/pf_v2flat_nodeapi_d368.json": [
        Expected("custom-function-1", (1, 1, 0, 0), {"pass_rate": (0.5, 2)}, "prompt-5", 6)
    ],
    "promptfoo/pf_v2flat_ts_09cb.json": [
        Expected("openai:gpt-3.5-turbo", (1, 1, 0, 0), {"pass_rate": (0.5, 2)}, "prompt-0", 8)
    ],
    "promptfoo/pf_v3_early_1e8e.json": [
        Expected("openai:gpt-4o-mini", (4, 0, 0, 0), {"pass_rate": (1.0, 4)}, "prompt-0", 2)
    ],
    "promptfoo/pf_v3_http_fail.json": [
        Expected(
            "https://tds-project-1-ruby-one.vercel.app/query",
            (3, 2, 0, 0),
            {"pass_rate": (0.6, 5)},
            "prompt-0",
            2,
        ),
        Expected("openai:chat:gpt-4o-mini", (4, 1, 0, 0), {"pass_rate": (0.8, 5)}, "prompt-1", 2),
    ],
    "pydantic_evals/generated/report.json": [Expected("fake", (3, 2, 1, 0))],
    "ragas/iris_detailed_20250915_212120.csv": [
        erring("current_graphrag", 8, 3),
        erring("merged_graphrag", 8, 3),
        erring("basic_rag", 8, 3),
    ],
    "ragas/iris_report_20250915_212120.json": [
        erring("current_graphrag", 8, 3),
        erring("basic_rag", 8, 3),
    ],
    "ragas/iris_report_20250928.json": [
        erring("GraphRAG", 10, 2),
        erring("HybridGraphRAG", 10, 2),
    ],
    "ragas/iris_small_report.json": [
        Expected("GraphRAG", NONE, system="GraphRAG", systems=2, attempted=10)
    ],
    "ragas/veritas_ragas_results.json": [Expected("", (0, 0, 0, 25))],
}
LINES = [(name, one) for name, lines in TABLE.items() for one in lines]


def path_of(name: str) -> Path:
    """Return where a file is; what was generated for the project it has itself."""
    folder, _slash, rest = name.partition("/")
    own = OWN / folder / rest.removeprefix("generated/")
    path = own if rest.startswith("generated/") and own.exists() else FOLDER / name
    if not path.exists():
        pytest.skip(f"{path} is absent: COUNTERSIGN_DATA names the folder of shared data")
    return path


def survey_of(name: str) -> ResultsSurvey:
    """Return what a file holds, its format found by content."""
    source = Source(path_of(name))
    form = registry.detected(source)
    folder = name.partition("/")[0]
    assert form.key == {"inspect": "inspect_ai"}.get(folder, folder)
    return surveyed(source, form)


@pytest.mark.parametrize(("name", "expected"), LINES, ids=[f"{a}-{b.system}" for a, b in LINES])
def test_a_file_says_what_a_person_reads_in_it(name: str, expected: Expected) -> None:
    survey = survey_of(name)
    assert len(survey.systems) == expected.systems
    one = survey.systems[expected.system or next(iter(survey.systems))]
    assert one.system.model == expected.model
    assert (one.right, one.wrong, one.errors, one.unjudged) == expected.counts
    assert one.attempted == (expected.attempted or sum(expected.counts))
    assert one.repeats == expected.repeats or not one.answers
    stated = {figure.metric: (figure.value, figure.n) for figure in one.figures}
    for metric, (value, n) in expected.figures.items():
        found, found_n = stated[metric]
        assert (found, found_n) == (None if value is None else pytest.approx(value), n)


def test_no_file_is_missing_from_the_table() -> None:
    if not FOLDER.exists():
        pytest.skip(f"{FOLDER} is absent: COUNTERSIGN_DATA names the folder of shared data")
    files = {
        str(path.relative_to(FOLDER))
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != "MANIFEST.md" and path.parts[-3] != "helm"
    }
    runs = {str(path.relative_to(FOLDER)) for path in (FOLDER / "helm").iterdir() if path.is_dir()}
    assert files | runs == set(TABLE)


UNSAID = {"ragas/iris_small_report.json"}  # a report that says nothing of its two pipelines


@pytest.mark.parametrize("name", [one for one in TABLE if one not in UNSAID])
def test_every_file_becomes_runs(name: str, draft: Decision, people: People) -> None:
    survey = survey_of(name)
    keys = [one.system or next(iter(survey.systems)) for one in TABLE[name]]
    chosen = {key: make_candidate(draft, people, name=key[:60]) for key in keys}
    import_results(Source(path_of(name)), survey.format, chosen, by=people.owner)
    for key, expected in zip(keys, TABLE[name], strict=True):
        run = Run.objects.get(told__system=key)
        right, _wrong, errors, unjudged = expected.counts
        assert run.results.count() == sum(expected.counts)
        assert run.results.exclude(error="").count() == errors
        assert run.results.filter(correct=True).count() == right
        assert run.results.filter(correct=None).count() == unjudged
        assert run.metrics["attempted"] == survey.systems[key].attempted
        assert run.told["model"] == expected.model
