"""The settings of a fine-tune's steps, which a `Recipe` puts together; importable without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.decoding.settings import Tau, Temperature
from core.evaluation.settings import DEFAULT_TEMPERATURE, Samples
from core.lora.recipe import Epochs, LoraTraining, Sampling, TrainingBatch
from core.system.setting import KeyOf

if TYPE_CHECKING:
    from core.entropy import Gate
    from core.reasonmaxxer.gates import Rollout

Averaging = Literal["token", "sequence"]
"""What the means are over: all tokens of an optimizer step, or first those of each sequence."""


@dataclass(frozen=True)
class GateEntry:
    """How a gate is shown and found. Its function is imported when it is needed, since it brings
    torch with it, and the command line's help must not wait for that."""

    takes: str  # which tokens of a rollout, to follow "Which tokens are pushed:"
    place: str  # of its function from `Rollout` to `Gate`, as module:name
    share_by: Literal["tau", "fraction"] | None  # the setting that decides how many tokens
    sees_all: bool = False  # whether it looks at the entropies of all rollouts together

    def load(self) -> Callable[[Rollout], Gate]:
        """The function of the gate."""
        gate: Callable[[Rollout], Gate] = resolve_name(self.place)
        return gate


THRESHOLD = "threshold"

GATES: dict[str, GateEntry] = {
    THRESHOLD: GateEntry("entropy above τ", "core.reasonmaxxer.gates:threshold", "tau"),
    "top-fraction": GateEntry(
        "the share of highest entropy in each rollout",
        "core.reasonmaxxer.gates:top_fraction",
        "fraction",
    ),
    "top-fraction-of-all": GateEntry(
        "the share of highest entropy in all rollouts together",
        "core.reasonmaxxer.gates:top_fraction_of_all",
        "fraction",
        sees_all=True,
    ),
    "rest-of-all": GateEntry(
        "as a control, all tokens but that share",
        "core.reasonmaxxer.gates:rest_of_all",
        "fraction",
        sees_all=True,
    ),
    "random": GateEntry(
        "as a control, as many as above τ at random", "core.reasonmaxxer.gates:random", "tau"
    ),
    "low-entropy": GateEntry(
        "as a control, as many of lowest entropy", "core.reasonmaxxer.gates:low_entropy", "tau"
    ),
    "first": GateEntry(
        "as a control, as many at the start", "core.reasonmaxxer.gates:first", "tau"
    ),
    "last": GateEntry("as a control, as many at the end", "core.reasonmaxxer.gates:last", "tau"),
    "stride": GateEntry(
        "as a control, as many at equal distances", "core.reasonmaxxer.gates:stride", "tau"
    ),
    "all": GateEntry("every token", "core.reasonmaxxer.gates:every_token", None),
}
"""How decision points are chosen, by the name in settings and on the command line."""


def _known_gate(name: str) -> str:
    if name not in GATES:
        raise ValueError(f"unknown gate {name!r}; use {', '.join(GATES)}")
    return name


GateName = Annotated[str, AfterValidator(_known_gate), KeyOf(GATES)]


class Order(StrEnum):
    """In which order the rollouts are seen."""

    SIGNAL_CLARITY = "signal-clarity"  # |advantage| x share of decisions, highest first
    RANDOM = "random"


class Weighting(StrEnum):
    """How strongly each decision is pushed."""

    NONE = "none"  # by its rollout's advantage alone
    DIVERGENCE = "divergence"  # times the divergence of base and teacher there
    PERMUTED = "divergence-permuted"  # control: the same weights on other decisions


class RolloutSampling(Sampling):
    """How the rollouts to learn from are drawn: one alone has no advantage over others."""

    samples: Samples = Field(
        20,
        ge=2,
        title="Rollouts per problem (K)",
        description="Sampled from the base; those that differ in their answer are learned from",
    )
    temperature: Temperature = Field(DEFAULT_TEMPERATURE, description="Of the rollouts")


class GateSettings(BaseModel):
    """The gate. Controls have the budget of the threshold gate, rollout by rollout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GateName = Field(
        THRESHOLD,
        title="Gate",
        description="Which tokens are pushed: "
        + "; ".join(f"{each.takes} ({name})" for name, each in GATES.items()),
    )
    tau: Tau = Field(
        1.4, description="Of the gate; with sampled rollouts it can be set after looking at them"
    )
    fraction: float = Field(
        0.05,
        gt=0,
        le=1,
        title="Top fraction",
        description="Of the tokens of a rollout, or of all rollouts; for the gates with a share",
    )


class SelectionSettings(BaseModel):
    """What is learned from. The defaults are the reference code's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_problems: int | None = Field(
        50,
        ge=1,
        title="Problems to keep",
        description="Of those with correct and wrong rollouts, the ones closest to one half; all "
        "when not set",
    )
    pass_rate_window: float = Field(
        1.0,
        gt=0,
        le=1,
        title="Pass-rate window",
        description="Width around one half of the shares of correct rollouts that are kept: 0.5 "
        "keeps problems from 25 to 75 %, 1 all with correct and wrong rollouts",
    )
    drop_truncated: bool = Field(
        False,
        title="Drop truncated rollouts",
        description="Stopped at the token limit; they count as wrong otherwise",
    )
    drop_longest: float = Field(
        0.2,
        ge=0,
        lt=1,
        title="Drop the longest",
        description="Share of the kept rollouts, as the paper's code does",
    )
    advantage_clip: float = Field(
        2.5,
        gt=0,
        allow_inf_nan=False,
        title="Advantage clip",
        description="Largest absolute value of an advantage",
    )
    positive_only: bool = Field(
        False, title="Positive only", description="Ablation: learn from correct rollouts only"
    )
    shuffle_advantages: bool = Field(
        False,
        title="Shuffled advantages",
        description="Control: the same advantages on other rollouts of the problem; nothing "
        "should be learned",
    )


class TrainingSettings(LoraTraining):
    """The adapter and its training. The defaults are the paper's (appendix B)."""

    lora_alpha: int = Field(
        64, ge=1, title="LoRA alpha", description="Scale of the adapter times its rank"
    )
    epochs: Epochs = 1
    batch_size: TrainingBatch = 1
    warmup_steps: int = Field(
        50, ge=0, title="Warm-up steps", description="Steps until the learning rate is reached"
    )
    order: Order = Field(
        Order.SIGNAL_CLARITY,
        title="Order",
        description="signal-clarity: largest advantage times share of decisions first",
    )
    weighting: Weighting = Field(
        Weighting.NONE,
        title="Weights of decisions",
        description="divergence: times the divergence of a teacher from the base at each decision, "
        "1 on average (arXiv:2603.22446); divergence-permuted: as a control, the same weights on "
        "other decisions. Both need a teacher",
    )
    kl_weight: float = Field(
        0.2,
        ge=0,
        allow_inf_nan=False,
        title="KL weight",
        description="How firmly all positions but the decisions are held at the base",
    )
    averaging: Averaging = Field(
        "sequence",  # the paper's batch is one rollout, accumulated
        title="Averaging",
        description="Over all tokens of a step, or first over those of each rollout",
    )
    probability_floor: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Probability floor",
        description="A token of a wrong rollout is pushed down no further than this; 0 is off",
    )
    relative_probability_floor: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Floor, as a share of the base",
        description="Likewise, as a share of the base's probability; 0 is off",
    )


class HeldOut(BaseModel):
    """Training problems that are kept aside to choose the best checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problems: int = Field(
        50,
        ge=0,
        title="Held-out problems",
        description="Taken from the training problems, drawn by the seed; 0 takes the last "
        "checkpoint",
    )
    every: int = Field(
        25, ge=1, title="Check every N steps", description="Steps between two measurements"
    )
    sampling: Sampling = Field(Sampling(samples=1), title="Held-out")
