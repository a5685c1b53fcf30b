"""How fast a model trains on this machine, and decodes with an adapter: measured in seconds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.lora.recipe import LoraTraining
from core.lora.trainer import ROW_TOKENS, LoraTrainer
from core.models.language_model import LanguageModel
from core.models.prefix_store import PrefixStore
from core.models.twin import twin
from core.runs.decoding_speed import (
    Clock,
    DecodingSpeed,
    MeasuringCancelledError,
    measure_decoding,
)

if TYPE_CHECKING:
    from core.runs.measurements import Meter

_SIZES = (48, 160, 512, 1280)  # tokens of a micro-batch
_COMPLETIONS = 4  # in each; half of the tokens are their prompt
_BUDGET = 5.0  # seconds that the next size may take


@dataclass(frozen=True)
class StepSpeed:
    """Seconds of a micro-batch by its tokens, and of decoding with the adapter."""

    tokens: tuple[int, ...]  # ascending
    seconds: tuple[float, ...]  # forward and backward pass of so many
    shares: bool  # equal beginnings of prompts are computed once
    decoding: DecodingSpeed

    def micro_batch(self, tokens: float) -> float:
        """Seconds of a micro-batch."""
        if tokens <= self.tokens[-1]:
            return float(np.interp(tokens, self.tokens, self.seconds))
        if len(self.tokens) == 1:
            return self.seconds[0] * tokens / self.tokens[0]
        pace = (self.seconds[-1] - self.seconds[-2]) / (self.tokens[-1] - self.tokens[-2])
        return self.seconds[-1] + (tokens - self.tokens[-1]) * max(pace, 0.0)

    def step(
        self, shared: float, own: float, longest: float, batch: int, accumulation: int
    ) -> float:
        """Seconds of an optimizer step.

        Args:
            shared: tokens that all of its rollouts begin with.
            own: further tokens of each, on average.
            longest: tokens of the longest rollout with its prompt.
            batch: rollouts of a micro-batch, where none is shared.
            accumulation: micro-batches of a step.
        """
        if not self.shares:
            return accumulation * self.micro_batch(batch * (shared + own))
        room = max(longest * batch, ROW_TOKENS) - shared
        fits = max(int(room / max(own, 1.0)), 1)
        groups = -(-batch * accumulation // fits)
        return groups * self.micro_batch(shared + own * batch * accumulation / groups)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepSpeed:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it can't be read.
        """
        tokens, seconds = tuple(map(int, data["tokens"])), tuple(map(float, data["seconds"]))
        if not tokens or len(tokens) != len(seconds):
            raise ValueError("no sizes")
        decoding = DecodingSpeed.from_json(data["decoding"])
        return cls(tokens, seconds, bool(data["shares"]), decoding)


MakeTrainer = Callable[[LanguageModel, Path, "Sequence[Any]"], LoraTrainer]
"""A trainer of a model, with a folder for its checkpoints, on examples."""

MakeExample = Callable[["tuple[int, ...]", "tuple[int, ...]"], Any]
"""An example of a prompt and a completion."""


def step_speed(
    meter: Meter, task: str, training: LoraTraining, make: MakeTrainer, example: MakeExample
) -> StepSpeed:
    """How fast a model trains, measured on a twin of it or read from the disk.

    Args:
        meter: of the base.
        task: the kind of run that trains.
        training: of the adapter.
        make: makes its trainer.
        example: makes what it trains on.

    Raises:
        NotMeasuredError: it isn't known, and the meter must not measure.
        MeasuringCancelledError: the meter was cancelled.
        ModelError, ResourceError: as the trainer.
    """
    about = {"task": task, "rank": training.lora_rank, "layers": list(training.target_modules)}
    return meter.known(
        "training",
        about,
        StepSpeed.from_json,
        lambda: measure_steps(meter.model, make, example, meter.cancel).to_json(),
    )


def measure_steps(
    lm: LanguageModel,
    make: MakeTrainer,
    example: MakeExample,
    cancel: Callable[[], bool] = lambda: False,
    clock: Clock = time.perf_counter,
) -> StepSpeed:
    """Measure the gradients of a few micro-batches of random tokens; the model stays as it is.

    Raises:
        MeasuringCancelledError: `cancel` returned True.
        ModelError, ResourceError: as the trainer.
    """
    sizes = [each for each in _SIZES if each <= lm.context_length] or [lm.context_length]
    taken: dict[int, float] = {}
    with lm.lock:
        own = replace(lm, model=twin(lm.model), prefixes=PrefixStore())
        own.use_threads()
        with tempfile.TemporaryDirectory() as folder:
            trainer = make(own, Path(folder), _examples(lm.vocab_size, sizes[0], example))
        trainer.accumulate(_examples(lm.vocab_size, min(16, sizes[0]), example))  # allocates
        for size in sizes:
            begun = clock()
            trainer.accumulate(_examples(lm.vocab_size, size, example))
            taken[size] = clock() - begun
            if cancel():
                raise MeasuringCancelledError
            if taken[size] * 3.5 > _BUDGET:  # the next size has more than three times as many
                break
        tuned = replace(trainer.tuned, lock=lm.lock)
        decoding = measure_decoding(tuned, cancel)
    return StepSpeed(tuple(taken), tuple(taken.values()), trainer.shares, decoding)


def _examples(vocab_size: int, tokens: int, example: MakeExample) -> list[Any]:
    """Rollouts of one prompt, so many tokens in all."""
    prompt = tokens // 2
    each = max((tokens - prompt) // _COMPLETIONS, 1)
    drawn = np.random.default_rng(0).integers(1, vocab_size, (_COMPLETIONS, prompt + each))
    first = tuple(drawn[0, :prompt].tolist())
    return [example(first, tuple(row[prompt:].tolist())) for row in drawn]
