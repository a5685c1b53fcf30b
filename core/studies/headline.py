"""A study in one figure and one sentence: the chosen settings, with their test accuracy."""

from __future__ import annotations

from collections.abc import Mapping

from core.runs.headline import Headline, clear, counted, interval, points
from core.statistics import in_a_word
from core.studies.results import StudyResults
from core.system.percent import percent


def study_headline(results: StudyResults) -> Headline:
    """The chosen settings on the test problems; how far it is, while cells are missing; that none
    could be chosen."""
    chosen, done = results.chosen, len(results.cells)
    if chosen is None and done == results.all_cells:
        return Headline(
            "none chosen",
            f"{counted(done, 'cell')} done, but no settings could be trained with every seed, so "
            "none were chosen. What each cell has found is exploration.",
        )
    if chosen is None:
        return Headline(
            f"{done} of {results.all_cells} cells",
            f"{done} of {counted(results.all_cells, 'cell')} done. The settings are chosen when "
            "all of them are.",
        )
    before, after = percent(results.base_test.value), percent(chosen.test.value)
    return Headline(
        f"{before} → {after}",
        f"Of {counted(results.settings, 'setting')} the one with the highest accuracy on held-out "
        f"problems is {in_words(chosen.values)}. On {counted(chosen.test.n, 'test problem')}, "
        f"which took no part in the choice, it solves {after} ({interval(chosen.test)}), the base "
        f"{before}: {points(chosen.difference)}. {clear(in_a_word(chosen.difference))}",
    )


def in_words(values: Mapping[str, str]) -> str:
    """The values that vary: "gate.tau = 1.4, training.lora_rank = 8"."""
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "the recipe itself"
