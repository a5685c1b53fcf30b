"""A fine-tune in one figure and one sentence: accuracy before and after."""

from __future__ import annotations

from core.evaluation.headline import change, change_sentence
from core.reasonmaxxer.results import TrainingResults
from core.runs.headline import Headline, counted
from core.system.percent import percent


def training_headline(results: TrainingResults) -> Headline:
    """Accuracy on problems that were not trained on, before and after."""
    found = results.comparison
    return Headline(
        change(found),
        f"From {percent(found.before.value)} to {percent(found.after.value)} correct on "
        f"{counted(found.n, 'problem')} that it was not trained on: {change_sentence(found)}",
    )
