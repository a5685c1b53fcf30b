"""Interventions: which tokens changed the answer, and would random ones have done it?"""

from __future__ import annotations

from explorer.interventions.edit import fill_interventions
from explorer.interventions.report import intervention_report
from explorer.interventions.setup import intervention_setup
from explorer.shared.run_page import RunScreen, run_page

run_page(
    RunScreen(
        name="interventions",
        about="Replace tokens in the model's reasoning and see what changes the answer: at forks, "
        "at random, or wherever a teacher would choose differently.",
        form=intervention_setup,
        fill=fill_interventions,
        prefix="study ",
        hint="Choose problems and arms, then press **Run**.",
        report=intervention_report,
    )
)
