"""The forgetting check: what a model could do before it was tuned, and whether it still can.

Cases of another kind (the case set's probe) are asked of the base model and of the tuned one, in
the same words. The difference is paired by case, with an exact McNemar test where answers are right
or wrong. A case that either could not be asked says nothing of forgetting: it is left out of the
difference, and told. Tuning on a narrow task can cost what was learned before: McCloskey and Cohen
(1989), "Catastrophic Interference in Connectionist Networks"; for language models Luo et al.
(2023).
"""

from dataclasses import asdict
from typing import Any

from django.utils.translation import gettext as _

from evaluations.comparison import compare
from evaluations.techniques.chat import Chat
from evaluations.techniques.fine_tuning import drawn
from evaluations.techniques.grading import metric_of, scores
from evaluations.techniques.interface import Halt, Memory, Probe
from evaluations.techniques.messages import Prompt
from evaluations.techniques.thought import Sampling

Scored = list[float | None]

STEP = 50  # cases between two times that is kept how far the check is
CHOOSE = "{text}\n\nAnswer with one of these and nothing else:\n{labels}"


async def forgotten(
    probe: Probe, before: Chat, after: Chat, sampling: Sampling, most: int, memory: Memory
) -> dict[str, Any]:
    """Return the check as plain values under `forgetting`; {} where the probe has no cases.

    What was asked is kept after every `STEP` cases, and an interrupted check goes on there. Raises
    `Halt` where a model answers nothing of a step.
    """
    prompt = Prompt(CHOOSE if probe.labels else "{text}")
    cases = drawn(probe.examples, most, 0)
    if not cases:
        return {}
    kept = {"before": Scored(), "after": Scored(), **memory.state}
    while len(kept["after"]) < len(cases):
        left = cases[len(kept["after"]) :]
        # The last step takes what is left over, so that no step is of a few cases alone.
        part = left[:STEP] if len(left) >= 2 * STEP else left
        for name, chat in (("before", before), ("after", after)):
            asked = await scores(prompt, sampling, chat, part, probe.labels)
            kept[name] = [*kept[name], *asked]
        await memory.keep(before=kept["before"], after=kept["after"])
    return {"forgetting": told(probe, kept["before"], kept["after"])}


def told(probe: Probe, before: Scored, after: Scored) -> dict[str, Any]:
    """Return the comparison of after and before as plain values; a negative difference is a loss.

    `before_failed` and `after_failed` are how many of the `asked` cases got no answer.
    """
    both = [
        (late, early)
        for late, early in zip(after, before, strict=True)
        if late is not None and early is not None
    ]
    if not both:
        raise Halt(_("The forgetting check has no case that both models have answered."))
    found = compare([late for late, _early in both], [early for _late, early in both])
    values = asdict(found)
    return {
        "asked": len(after),
        "before_failed": before.count(None),
        "after_failed": after.count(None),
        "metric": metric_of(probe.labels),
        "after": values.pop("first"),
        "before": values.pop("second"),
        **values,
        "decisive": found.decisive,
        "probe": probe.name,
        "probe_digest": probe.digest,
    }
