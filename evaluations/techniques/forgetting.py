"""The forgetting check: what a model could do before it was tuned, and whether it still can.

Cases of another kind (the case set's probe) are asked of the base model and of the tuned one, in
the same words. The difference is paired by case, with an exact McNemar test where answers are right
or wrong. Tuning on a narrow task can cost what was learned before: McCloskey and Cohen (1989),
"Catastrophic Interference in Connectionist Networks"; for language models Luo et al. (2023).
"""

from dataclasses import asdict
from typing import Any

from evaluations.comparison import Comparison, compare
from evaluations.techniques.chat import Chat
from evaluations.techniques.fine_tuning import drawn
from evaluations.techniques.grading import scores
from evaluations.techniques.interface import Memory, Probe
from evaluations.techniques.messages import Prompt
from evaluations.techniques.thought import Sampling

STEP = 50  # cases between two times that is kept how far the check is
CHOOSE = "{text}\n\nAnswer with one of these and nothing else:\n{labels}"


async def forgotten(
    probe: Probe, before: Chat, after: Chat, sampling: Sampling, most: int, memory: Memory
) -> dict[str, Any]:
    """Return the check as plain values under `forgetting`; {} where the probe has no cases.

    What was asked is kept after every `STEP` cases, and an interrupted check goes on there.
    """
    prompt = Prompt(CHOOSE if probe.labels else "{text}")
    cases = drawn(probe.examples, most, 0)
    if not cases:
        return {}
    kept = {"before": list[float](), "after": list[float](), **memory.state}
    for start in range(len(kept["after"]), len(cases), STEP):
        part = cases[start : start + STEP]
        for name, chat in (("before", before), ("after", after)):
            asked = await scores(prompt, sampling, chat, part, probe.labels)
            kept[name] = [*kept[name], *asked]
        await memory.keep(before=kept["before"], after=kept["after"])
    return {"forgetting": told(probe, compare(kept["after"], kept["before"]))}


def told(probe: Probe, found: Comparison) -> dict[str, Any]:
    """Return a comparison of after and before as plain values; a negative difference is a loss."""
    values = asdict(found)
    return {
        "after": values.pop("first"),
        "before": values.pop("second"),
        **values,
        "decisive": found.decisive,
        "probe": probe.name,
        "probe_digest": probe.digest,
    }
