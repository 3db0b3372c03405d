import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluations.importers.measured import Source
from evaluations.importers.results.lm_eval import FORMAT
from evaluations.importers.rows import Unreadable
from tests.evaluations.importers.reading import read, shared_file, written

GEMMA = "google/gemma-2b"
QWEN = "RylanSchaeffer/mem_Qwen3-93M_minerva_math_rep_0_sbst_1.0000_epch_1_ot_1"
CALM = "sft/checkpoints/open-calm-instruct-7b_1.9.4/"
PYTHIA = "EleutherAI/pythia-v1.1-160m"

AFRIDOC = "afridoc_swa_health_0shot_2026-02-19T20-19-26.237329.json"
MMLU = "sw_mmlu_0shot_2026-01-26T15-00-37.633186.json"
LUO = "masakhaner_luo_prompt_2_0shot_2026-01-16T16-37-38.713565.json"
LUO_SAMPLES = "samples_masakhaner_luo_prompt_2_2026-01-16T16-37-38.713565.jsonl"
MATH = "results_2026-01-21T03-44-18.458309.json"
MATH_SAMPLES = "samples_math_perturbed_full_2026-01-21T03-44-18.458309.jsonl"
DEMO = "generated/results_2026-11-21T00-57-09.615671.json"
FILTERS = "generated/results_2026-11-21T01-24-00.429488.json"
DEMO_SAMPLES = "generated/samples_sent_demo_2026-11-21T01-24-00.429488.jsonl"
FILTERS_SAMPLES = "generated/samples_sent_filters_2026-11-21T01-24-00.429488.jsonl"
FIRST40 = "generated/samples_sent_demo_first40.jsonl"

# Written by hand from the files: model, systems, figures, cases, tool's version.
EXPECTED = {
    "v02_ja_partial_result2.json": (CALM, 3, 4, 0, ""),
    "v03_pythia12b_5shot.json": ("13B", 65, 128, 0, ""),
    "v04pre_pythia160m_0shot.json": (PYTHIA, 87, 172, 0, ""),
    "v03_winobias_1.4b.json": ("1.4b-deduped", 8, 8, 0, ""),
    MATH: (QWEN, 2, 2, 0, "0.4.9.2"),
    MATH_SAMPLES: (QWEN, 1, 0, 10, "0.4.9.2"),
    AFRIDOC: (GEMMA, 1, 2, 0, "0.4.10.dev0"),
    MMLU: (GEMMA, 7, 7, 0, "0.4.10.dev0"),
    LUO: (GEMMA, 1, 1, 0, "0.4.10.dev0"),
    LUO_SAMPLES: (GEMMA, 1, 0, 185, "0.4.10.dev0"),
    DEMO: ("fake", 1, 1, 0, "0.4.13"),
    FILTERS: ("org/fake-7b", 5, 7, 0, "0.4.13"),
    DEMO_SAMPLES: ("org/fake-7b", 1, 0, 10, "0.4.13"),
    FILTERS_SAMPLES: ("org/fake-7b", 2, 0, 20, "0.4.13"),
    FIRST40: ("", 1, 0, 40, ""),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_file_gives_its_model_and_all_its_tasks(name: str) -> None:
    found = read(FORMAT, shared_file("lm_eval", name))
    model, systems, figures, cases, version = EXPECTED[name]
    assert {one.model for one in found.systems.values()} == {model}
    assert {one.tool_version for one in found.systems.values()} == {version}
    counted = sum(len(one) for one in found.cases.values())
    assert (len(found.systems), len(found.figures), counted) == (systems, figures, cases)


# Written by hand: (file, system, metric) → (value, standard error, number of cases, unit).
FIGURES: dict[tuple[str, str, str], tuple[float, float | None, int | None, str]] = {
    ("v02_ja_partial_result2.json", "jaqket_v2-0.1-0.3", "exact_match"): (
        *(40.292096219931274, None, None, "%"),
    ),
    ("v02_ja_partial_result2.json", "jaqket_v2-0.1-0.3", "f1"): (
        45.46446299023617,
        None,
        None,
        "%",
    ),
    ("v02_ja_partial_result2.json", "xlsum_ja-1.0-0.3", "rouge2"): (
        *(1.0537473567422466, None, None, "%"),
    ),
    ("v02_ja_partial_result2.json", "mgsm-1.0-0.3", "acc"): (0.012, 0.006900323023694277, None, ""),
    ("v03_pythia12b_5shot.json", "hendrycksTest-abstract_algebra", "acc_norm"): (
        *(0.33, 0.047258156262526045, None, ""),
    ),
    ("v03_pythia12b_5shot.json", "lambada_openai", "ppl"): (
        *(4.495355618939203, 0.0993043807649553, None, ""),
    ),
    ("v04pre_pythia160m_0shot.json", "lambada_openai", "ppl"): (
        *(3235635.6392226857, 304080.9188374961, None, ""),
    ),
    ("v04pre_pythia160m_0shot.json", "lambada_openai", "acc"): (0.0, 0.0, None, ""),
    ("v04pre_pythia160m_0shot.json", "crows_pairs_english_age", "pct_stereotype"): (
        *(0.6263736263736264, 0.050993431663867696, None, ""),
    ),
    ("v03_winobias_1.4b.json", "wino_bias_type2_anti+refers_to", "em"): (
        *(0.025252525252525252, 0.007894050831728498, None, ""),
    ),
    (MATH, "math_perturbed_full", "exact_match"): (0.0, 0.0, 5000, ""),
    (MATH, "math_rephrased_full", "exact_match"): (0.0004, 0.0002828144211304471, 5000, ""),
    (AFRIDOC, "afridoc_swa_health_en_sw", "bleu"): (
        *(1.0643187495999427, 0.07409745439783809, 1982, "%"),
    ),
    (AFRIDOC, "afridoc_swa_health_en_sw", "chrf"): (
        *(16.072165346837334, 0.36468989986314754, 1982, "%"),
    ),
    (MMLU, "global_mmlu_sw", "acc"): (0.255, 0.021945867372873167, 400, ""),
    (MMLU, "global_mmlu_sw_medical", "acc"): (0.2222222222222222, 0.07027283689263068, 36, ""),
    (LUO, "masakhaner_luo_prompt_2", "f1"): (0.031648559281985525, None, 185, ""),
    (DEMO, "sent_demo", "exact_match"): (0.659375, 0.01874796220016568, 640, ""),
    (FILTERS, "sent_filters,strict", "exact_match"): (0.6, 0.16329931618554522, 10, ""),
    (FILTERS, "sent_filters,maj", "bleu"): (0.0, 0.0, 10, "%"),
    (FILTERS, "sent_demo", "exact_match"): (0.7, 0.15275252316519466, 10, ""),
    (FILTERS, "sent_group,none", "exact_match"): (0.7, 0.15275252316519464, 10, ""),
    (FILTERS, "sent_group,strict", "exact_match"): (0.6, 0.16329931618554522, 10, ""),
}


@pytest.mark.parametrize(("name", "system", "metric"), FIGURES)
def test_the_figures_are_the_harness_own(name: str, system: str, metric: str) -> None:
    found = read(FORMAT, shared_file("lm_eval", name)).figures[system, metric]
    assert (found.value, found.stderr, found.n, found.unit) == FIGURES[name, system, metric]


def test_a_group_comes_in_once_and_says_what_it_sums_up() -> None:
    found = read(FORMAT, shared_file("lm_eval", MMLU))
    groups = [one for one in found.systems.values() if one.status == "group"]
    assert [one.key for one in groups] == ["global_mmlu_sw"]
    assert len(groups[0].settings["group_of"]) == 6
    tasks = [one.attempted for one in found.systems.values() if one.status != "group"]
    assert groups[0].attempted == sum(filter(None, tasks)) == 58 + 102 + 36 + 56 + 46 + 102


def test_a_missing_standard_error_is_told() -> None:
    figure = read(FORMAT, shared_file("lm_eval", LUO)).figures["masakhaner_luo_prompt_2", "f1"]
    assert figure.settings == {"higher_is_better": True, "stderr": "N/A"}


def test_the_examples_in_a_prompt_are_known_in_every_version() -> None:
    shots = {
        name: [
            system.settings.get("num_fewshot")
            for system in read(FORMAT, shared_file("lm_eval", name)).systems.values()
        ][:3]
        for name in ("v02_ja_partial_result2.json", "v03_pythia12b_5shot.json", MATH)
    }
    assert list(shots.values()) == [[1, 1, 4], [5, 5, 5], [0, 0]]


def test_a_checkpoint_is_told() -> None:
    pythia = read(FORMAT, shared_file("lm_eval", "v04pre_pythia160m_0shot.json"))
    bias = read(FORMAT, shared_file("lm_eval", "v03_winobias_1.4b.json"))
    assert pythia.systems["sciq"].settings["revision"] == "step32"
    assert bias.systems["wino_bias_type1_pro+refers_to"].settings["iteration"] == 134000
    assert bias.systems["wino_bias_type1_pro+refers_to"].task == "wino_bias_type1_pro"


# Written by hand: (file, system) → (cases, right, wrong, errors).
VERDICTS = {
    (DEMO_SAMPLES, "sent_demo"): (10, 7, 3, 0),
    (FIRST40, "sent_demo_first40"): (40, 27, 13, 0),
    (FILTERS_SAMPLES, "sent_filters,strict"): (10, 6, 4, 0),
    (FILTERS_SAMPLES, "sent_filters,maj"): (10, 6, 4, 0),
    (MATH_SAMPLES, "math_perturbed_full"): (10, 0, 10, 0),
    (LUO_SAMPLES, "masakhaner_luo_prompt_2"): (185, 0, 0, 0),
}


@pytest.mark.parametrize(("name", "system"), VERDICTS)
def test_samples_give_their_verdicts(name: str, system: str) -> None:
    found = read(FORMAT, shared_file("lm_eval", name))
    assert found.verdicts(system) == VERDICTS[name, system]


def test_a_sample_is_a_case_under_its_document_and_prompt() -> None:
    found = read(FORMAT, shared_file("lm_eval", FILTERS_SAMPLES))
    strict, majority = (found.case(f"sent_filters,{one}", "Classify") for one in ("strict", "maj"))
    assert strict.key == majority.key == "04525d2e5c5ab40a-15daf3891f1327c4"
    assert strict.input == majority.input == "Classify: Review 0 é "
    assert (strict.output, majority.output) == ("[invalid]", "negative")
    assert (strict.expected, strict.correct) == ("positive", False)
    assert strict.scores == {"exact_match": 0.0, "bleu": None}
    assert strict.details["answer"] == '["negative", "negative", "negative"]'
    assert "“bleu” is not a score" in found.lost_text


def test_the_same_document_pairs_across_files() -> None:
    keys = [
        {case.key for cases in read(FORMAT, path).cases.values() for case in cases}
        for path in (shared_file("lm_eval", DEMO_SAMPLES), shared_file("lm_eval", FIRST40))
    ]
    assert len(keys[0]) == 10
    assert keys[0] <= keys[1]


def test_samples_that_are_not_all_there_are_told() -> None:
    found = read(FORMAT, shared_file("lm_eval", MATH_SAMPLES))
    assert found.systems["math_perturbed_full"].attempted == 5000
    assert "hold 10 of the 5000 documents" in found.lost_text


def test_samples_alone_say_that_they_name_no_model() -> None:
    found = read(FORMAT, shared_file("lm_eval", FIRST40))
    assert "samples name no model" in found.lost_text


def test_a_folder_joins_results_and_samples(tmp_path: Path) -> None:
    for name in (FILTERS, DEMO_SAMPLES, FILTERS_SAMPLES, FIRST40):
        shutil.copy(shared_file("lm_eval", name), tmp_path)
    found = read(FORMAT, tmp_path)
    assert len(found.systems) == 5
    assert {key: len(cases) for key, cases in found.cases.items()} == {
        "sent_demo": 10,
        "sent_filters,strict": 10,
        "sent_filters,maj": 10,
    }
    assert "samples_sent_demo_first40.jsonl: no results file" in found.lost_text


def test_two_results_of_a_task_in_a_folder_stay_apart(tmp_path: Path) -> None:
    for name in (DEMO, FILTERS, DEMO_SAMPLES):
        shutil.copy(shared_file("lm_eval", name), tmp_path)
    found = read(FORMAT, tmp_path)
    own = "results_2026-11-21T01-24-00.429488:sent_demo"
    assert found.systems["sent_demo"].model == "fake"
    assert found.systems[own].model == "org/fake-7b"
    assert list(found.cases) == [own]


def results(metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a results file of one task."""
    config = {"model": "hf", "model_args": "pretrained=a/b,revision=main"}
    return {"results": {"task": {"alias": "task", **metrics}}, "config": config, **more}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "N/A", " "])
def test_a_figure_that_is_none_is_none_and_says_why(value: Any, tmp_path: Path) -> None:
    told = results({"acc,none": value, "acc_stderr,none": "N/A"})
    found = read(FORMAT, written(tmp_path, "results.json", told))
    figure = found.figures["task", "acc"]
    assert figure.value is None
    assert figure.why.startswith("the harness wrote")


def test_a_value_that_is_no_figure_is_told(tmp_path: Path) -> None:
    told = results({"acc,none": 0.5, "per_class,none": {"a": 1}})
    found = read(FORMAT, written(tmp_path, "results.json", told))
    assert list(found.figures) == [("task", "acc")]
    assert "results.task.per_class,none: its value is not a number" in found.lost_text


def sample(**changed: Any) -> dict[str, Any]:
    """Return a question with three answers to choose from, as current versions log it."""
    return {
        "doc_id": 0,
        "doc": {"q": "2 + 2?"},
        "target": 1,
        "arguments": {
            f"gen_args_{at}": {"arg_0": "2 + 2?", "arg_1": f" {at + 3}"} for at in range(3)
        },
        "resps": [[["-3.5", "False"]], [["-0.5", "True"]], [["-9.0", "False"]]],
        "filtered_resps": [["-3.5", "False"], ["-0.5", "True"], ["-9.0", "False"]],
        "filter": "none",
        "metrics": ["acc"],
        "acc": 1.0,
        **changed,
    }


def test_of_choices_the_likeliest_is_the_answer(tmp_path: Path) -> None:
    case = read(FORMAT, written(tmp_path, "samples_q.jsonl", sample())).cases["q"][0]
    assert (case.input, case.output, case.expected) == ("2 + 2?", "4", "4")
    assert case.correct is True


def test_chat_messages_are_text_to_read(tmp_path: Path) -> None:
    messages = '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]'
    request = {"gen_args_0": {"arg_0": [messages], "arg_1": {}}}
    line = sample(arguments=request, filtered_resps=["Hello"], target="Hello")
    case = read(FORMAT, written(tmp_path, "samples_q.jsonl", line)).cases["q"][0]
    assert case.input == "system: Be brief.\n\nuser: Hi"


def test_an_answer_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    lines = [sample(filtered_resps=[None], acc=0.0), sample(filtered_resps=[], doc_id=1)]
    found = read(FORMAT, written(tmp_path, "samples_q.jsonl", *lines))
    assert [case.error for case in found.cases["q"]] == ["the harness recorded no answer."] * 2
    assert [case.correct for case in found.cases["q"]] == [False, None]


def test_samples_of_older_versions_come_in(tmp_path: Path) -> None:
    line = sample(arguments=[["2 + 2?", " 3"], ["2 + 2?", " 4"], ["2 + 2?", " 5"]])
    for gone in ("filter", "metrics"):
        del line[gone]
    case = read(FORMAT, written(tmp_path, "samples_q.jsonl", line)).cases["q"][0]
    assert (case.output, case.expected, case.scores) == ("4", "4", {"acc": 1.0})


def test_a_document_that_occurs_twice_is_two_cases(tmp_path: Path) -> None:
    found = read(FORMAT, written(tmp_path, "samples_q.jsonl", sample(), sample(doc_id=1)))
    keys = [case.key for case in found.cases["q"]]
    assert keys[1] == f"{keys[0]}-2"


def test_samples_inside_a_results_file_come_in(tmp_path: Path) -> None:
    told = results({"acc,none": 1.0}, samples={"task": [sample()]})
    found = read(FORMAT, written(tmp_path, "results.json", told))
    assert found.verdicts("task") == (1, 1, 0, 0)
    assert list(found.systems) == ["task"]


MALFORMED = {
    "cut off": ('{"results": {"task": {"acc,none": 0.5', "broken off or damaged"),
    "ends too early": ('{"results": {"t": {"acc,none": 1}, "u": "x"}', "ends too early"),
    "NUL": ('{"results": {"t\\u0000": {"acc,none": 0.5}}}', "characters that are not text"),
    "too deep": (
        '{"results": {"t": {"acc,none": ' + "[" * 99_999 + "]" * 99_999 + "}}}",
        "nested too deeply",
    ),
    "lines cut off": ('{"doc_id": 0, "resps": []}\n{"doc_id": 1, "re', "line 2 is not valid JSON"),
    "a line that is no sample": ('{"doc_id": 0, "resps": []}\n[1]', "line 2 is not a sample"),
    "a long line": ('{"doc_id": 0, "resps": ["' + "x" * 4_100_000 + '"]}', "longer than 4000000"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_file_that_makes_no_sense_is_one_sentence(name: str, tmp_path: Path) -> None:
    content, sentence = MALFORMED[name]
    path = written(tmp_path, "file.json", content)
    with pytest.raises(Unreadable) as refused:
        list(FORMAT.read(Source(path, "theirs.json")))
    assert sentence in str(refused.value)
    assert "theirs.json" in str(refused.value)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"results": {"scores": [1]}}', "\0\1", "a,b\n1,2\n"]
)
def test_what_is_not_the_harness_is_not_taken_for_it(content: str, tmp_path: Path) -> None:
    assert not FORMAT.detect(Source(written(tmp_path, "file", content)))
    assert not FORMAT.detect(Source(tmp_path / "absent"))
