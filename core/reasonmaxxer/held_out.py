"""Accuracy on problems that are kept out of training, as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.evaluation.results import summarise_evaluation
from core.evaluation.sampling import EvaluationSettings, evaluate
from core.language_model import LanguageModel
from core.records import Problem


class HeldOutAccuracy:
    """Samples the held-out problems, always with the same seeds, and says how they went.

    Args:
        problems: at least one.
        settings: how they are sampled.
        cancel: asked between tokens.
        cancelled: what to raise when it says yes.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        settings: EvaluationSettings,
        cancel: Callable[[], bool] = lambda: False,
        cancelled: type[BaseException] = KeyboardInterrupt,
    ) -> None:
        self._problems, self._settings = problems, settings
        self._cancel, self._cancelled = cancel, cancelled

    def __call__(self, lm: LanguageModel) -> dict[str, float]:
        """Accuracy (pass@1) with its interval, boxed and truncated shares, mean length in tokens.

        Raises:
            ResourceError: as `evaluate`.
        """
        records = evaluate(lm, self._problems, self._settings, cancel=self._cancel)
        if records is None:
            raise self._cancelled
        results = summarise_evaluation(records, self._settings.seed)
        return {
            "accuracy": results.pass_at_1.value,
            "accuracy_low": results.pass_at_1.low,
            "accuracy_high": results.pass_at_1.high,
            "boxed": results.boxed.value,
            "truncated": results.truncated.value,
            "length": results.mean_length.value,
            "n": results.n,
        }
