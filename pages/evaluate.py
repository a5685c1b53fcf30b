"""Evaluate: how often a model solves the problems of a set, and whether it is better now."""

from __future__ import annotations

from explorer.evaluate.edit import fill_evaluation
from explorer.evaluate.report import evaluation_report
from explorer.evaluate.setup import evaluation_setup
from explorer.shared.run_page import RunScreen, run_page

run_page(
    RunScreen(
        name="evaluate",
        about="Sample several answers to every problem and count how often the model is correct; "
        "then compare with another model, adapter or sampler, problem by problem.",
        form=evaluation_setup,
        fill=fill_evaluation,
        prefix="evaluation ",
        hint="Choose problems and how many samples of each, then press **Run**.",
        report=evaluation_report,
    )
)
