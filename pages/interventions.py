"""Interventions: which tokens changed the answer, and would random ones have done it?"""

from __future__ import annotations

from explorer.interventions.report import intervention_report
from explorer.interventions.setup import intervention_setup
from explorer.shared.run_page import run_page

run_page(
    "interventions",
    about="Put tokens into the model's chains, and see what changes the answer: at forks, at "
    "random positions, or wherever a teacher would have chosen otherwise.",
    form=intervention_setup,
    hint="Choose problems and arms, then press **Run**.",
    report=intervention_report,
)
