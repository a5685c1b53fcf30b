"""How much a claim is measured with: a quick and a full size for each class of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import RunError
from core.reasonmaxxer.recipe import suited_preset

QUICK, FULL = "quick", "full"
SIZES = (QUICK, FULL)


@dataclass(frozen=True)
class Size:
    """Numbers of problems and settings.

    Attributes:
        name: "quick" or "full".
        preset: of the rollouts and of the fine-tunes.
        problems: that are measured; None for all of the set.
        asking: how problems are asked, in every run; settings of `RunPromptSettings`.
        sampling: of evaluations: samples, temperature, top-p.
        fork_tau: nats; above it an evaluation has the temperature of forks.
        taus: nats, of the fine-tunes that vary the threshold.
        fine_tune: changes of the preset, by dotted names.
        distil: preset of distillations, and its changes.
        sample: the number of problems that a person has named; None: the size's own.
    """

    name: str
    preset: str
    problems: int | None
    asking: Mapping[str, Any] = field(default_factory=dict)
    sampling: Mapping[str, Any] = field(default_factory=dict)
    fork_tau: float = 1.4
    taus: tuple[float, ...] = (1.0, 1.4, 1.8, 2.2)
    fine_tune: Mapping[str, Any] = field(default_factory=dict)
    distil: tuple[str, Mapping[str, Any]] = ("paper", {})
    sample: int | None = None


_TEACHING = {"samples": 4, "temperature": 0.8, "top_p": 0.95}
_PAPER = {"samples": 4, "temperature": 0.6, "top_p": 0.95}
_FEW_SHOT = {"prompt_style": "few_shot", "max_new_tokens": 64}
_TEACHING_TAUS = (0.5, 1.0, 1.4)  # its forks lie between 1.4 and 1.6 nats

_BY_PRESET: dict[str, dict[str, Size]] = {
    "demo": {
        QUICK: Size(
            QUICK,
            "demo",
            150,
            sampling=_TEACHING | {"samples": 2},
            fork_tau=1.0,
            taus=_TEACHING_TAUS,
            fine_tune={
                "problems": 48,
                "held_out.problems": 16,
                "held_out.sampling.samples": 1,
                "evaluation.samples": 1,
                "measured": 150,
            },
            distil=(
                "demo",
                {
                    "problems": 96,
                    "rollouts.samples": 3,
                    "training.epochs": 4,
                    "evaluation.samples": 1,
                },
            ),
        ),
        FULL: Size(
            FULL,
            "demo",
            None,
            sampling=_TEACHING,
            fork_tau=1.0,
            taus=_TEACHING_TAUS,
            distil=("demo", {}),
        ),
    },
    "quick": {
        QUICK: Size(
            QUICK,
            "quick",
            32,
            asking=_FEW_SHOT,
            sampling=_PAPER | {"samples": 2},
            fine_tune={"held_out.problems": 16, "held_out.every": 8, "measured": 32},
            distil=(
                "paper",
                _FEW_SHOT
                | {"problems": 32, "evaluation.samples": 1, "training.learning_rate": 2e-4},
            ),
        ),
        FULL: Size(
            FULL,
            "quick",
            None,
            asking=_FEW_SHOT,
            sampling=_PAPER,
            fine_tune={
                "problems": 200,
                "selection.max_problems": 32,
                "held_out.problems": 75,
                "held_out.every": 10,
                "evaluation.samples": 4,
                "measured": None,
            },
            distil=(
                "paper",
                _FEW_SHOT | {"evaluation.samples": 4, "training.learning_rate": 2e-4},
            ),
        ),
    },
    "paper": {
        QUICK: Size(
            QUICK,
            "paper",
            100,
            asking={"max_new_tokens": 1024},
            sampling=_PAPER | {"samples": 1},
            fine_tune={"problems": 100, "rollouts.samples": 8, "measured": 100},
            distil=("paper", {"problems": 50}),
        ),
        FULL: Size(FULL, "paper", None, asking={"max_new_tokens": 2048}, sampling=_PAPER),
    },
}


def size_for(
    name: str,
    *,
    is_demo: bool,
    parameters: int | None,
    on_cpu: bool,
    problems: int | None = None,
) -> Size:
    """The size for a model.

    Args:
        name: "quick" or "full".
        is_demo: whether it is the demo.
        parameters: of the model; None while unknown.
        on_cpu: whether it runs on the processor.
        problems: number of problems to measure, in place of the size's own.

    Raises:
        RunError: an unknown name.
    """
    if name not in SIZES:
        raise RunError(f"The size {name!r} is unknown.", f"Use {' or '.join(SIZES)}.")
    preset = suited_preset(is_demo=is_demo, parameters=parameters, on_cpu=on_cpu, other="paper")
    size = _BY_PRESET[preset][name]
    if problems is None:
        return size
    fine_tune = {**size.fine_tune, "measured": problems}
    return replace(size, problems=problems, fine_tune=fine_tune, sample=problems)
