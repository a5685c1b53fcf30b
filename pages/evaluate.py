"""Evaluate: how often a model solves the problems of a set, and whether it is better now."""

from __future__ import annotations

from explorer.evaluate.report import evaluation_report
from explorer.evaluate.setup import evaluation_setup
from explorer.shared.run_page import run_page

run_page(
    "evaluate",
    about="Draw several answers to every problem, and count how often the model is right; then "
    "compare with another model, an adapter, or another sampler, problem by problem.",
    form=evaluation_setup,
    hint="Choose problems and how many samples of each, then press **Run**.",
    report=evaluation_report,
)
