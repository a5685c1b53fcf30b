"""Weights of decisions by a teacher: where it diverges more from the base, the push is stronger.

arXiv:2603.22446 finds that weighting by divergence helps. Which divergence and which scale is
assumed here: a decision's weight is the Jensen-Shannon divergence of base and teacher at its
position, and all weights of a training have a mean of 1, so that learning rate and KL weight mean
what they mean without weights. The control has the same weights, permuted over all decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from core.decoding.sampling import keyed_generator
from core.disagreement.token_classes import disagree
from core.errors import RunError, TrainingError
from core.models.prefix_store import PrefixStore
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.results import WEIGHTS
from core.reasonmaxxer.settings import Weighting
from core.runs.run import Run

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_STORED = 128 * 2**20  # bytes of a model's prompts: a few are enough


@dataclass(frozen=True)
class WeightReport:
    """The weights of a training, in numbers."""

    weighting: str
    teacher: str
    decisions: int
    mean_divergence: float  # nats, over the decisions; a weight is a divergence over this
    largest: float  # weight
    effective: float  # decisions of equal weight with the same variance: (sum w)^2 / sum w^2

    @property
    def in_words(self) -> str:
        """How unequal the weights are, in a sentence."""
        whose = (
            "the divergence of the teacher from the base"
            if self.weighting == Weighting.DIVERGENCE
            else "the divergences of the teacher from the base, permuted as a control"
        )
        return (
            f"Decisions are weighted by {whose}: {self.decisions:,} of them count as "
            f"{self.effective:,.0f} of equal weight, the largest is {self.largest:.1f} times the "
            "mean."
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self)


def run_weights(run: Run) -> WeightReport | None:
    """The weights of a fine-tune; None without any, or before they are known.

    Raises:
        RunError: a damaged file.
    """
    data = run.read_json(WEIGHTS)
    try:
        return None if data is None else _REPORT.validate_python(data)
    except ValidationError as error:
        raise RunError(
            "This run's weights of decisions can't be read.",
            "Resume the run, which writes them again.",
        ) from error


def decision_divergences(
    lm: LanguageModel,
    teacher: LanguageModel,
    examples: Sequence[Example],
    *,
    cancel: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[float]] | None:
    """The Jensen-Shannon divergence of base and teacher at each decision of each example, nats;
    None when cancelled. One forward pass of each model over each example.

    Args:
        lm: the base.
        teacher: a model with the same tokens.
        cancel: asked between examples.
        on_progress: called with (examples done, examples in all).

    Raises:
        ModelError, PromptError, PositionError: as `disagree`.
    """
    stores = PrefixStore(_STORED), PrefixStore(_STORED)
    found: list[list[float]] = []
    for done, each in enumerate(examples):
        if cancel():
            return None
        on_progress(done, len(examples))
        apart = disagree(lm, teacher, each.prompt_ids, each.token_ids, stores=stores)
        gate = np.asarray(each.gate, np.bool_)
        found.append([round(float(nats), 6) for nats in apart.js_divergence[gate]])
    return found


def weighted(
    examples: Sequence[Example],
    divergences: Sequence[Sequence[float]],
    weighting: Weighting,
    seed: int = 0,
) -> list[Example]:
    """The examples with a weight at each decision; the mean of all of them is 1.

    Args:
        examples: in any order.
        divergences: of each, nats, at its decisions.
        weighting: by divergence, or its control.
        seed: of the control's permutation.

    Raises:
        TrainingError: base and teacher don't differ at any decision.
    """
    every = np.array([nats for each in divergences for nats in each], np.float64)
    if not every.sum() > 0:
        raise TrainingError(
            "The teacher equals the base at every decision point, so no decision has a weight.",
            "Choose another teacher or gate, or train without weights.",
        )
    weights = every / every.mean()
    if weighting is Weighting.PERMUTED:
        weights = keyed_generator(seed, "all decisions", "weights").permutation(weights)
    ends = np.cumsum([len(each) for each in divergences])
    parts = np.split(weights, ends[:-1])
    return [_with_weights(each, own) for each, own in zip(examples, parts, strict=True)]


def weight_report(
    divergences: Sequence[Sequence[float]], weighting: Weighting, teacher: str
) -> WeightReport:
    """The weights in numbers, of divergences that are not all 0."""
    every = np.array([nats for each in divergences for nats in each], np.float64)
    return WeightReport(
        weighting=str(weighting),
        teacher=teacher,
        decisions=len(every),
        mean_divergence=float(every.mean()),
        largest=float(every.max() / every.mean()),
        effective=float(every.sum() ** 2 / (every**2).sum()),
    )


def _with_weights(example: Example, own: NDArray[np.float64]) -> Example:
    weights = np.ones(len(example.token_ids))
    weights[np.asarray(example.gate, np.bool_)] = own
    return replace(example, weights=tuple(weights.tolist()))


_REPORT = TypeAdapter(WeightReport)
