"""Fine-tune: teach the model its own correct decisions, and see what that does to its accuracy."""

from __future__ import annotations

from core.reasonmaxxer.recipe import Recipe
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunStatus
from explorer.classroom.here import runs_here
from explorer.finetune.edit import fill_finetune
from explorer.finetune.example_rollouts import model_is_loading
from explorer.finetune.setup import finetune_setup
from explorer.finetune.steps import finetune_steps
from explorer.shared.run_page import RunScreen, run_page
from explorer.state import BrowserState

opened: list[Recipe | None] = []  # the recipe of the form, once it is drawn


def form(state: BrowserState, folder: RunsFolder) -> None:
    """The form, whose recipe the steps below take."""
    opened.append(finetune_setup(state, folder))


def steps(state: BrowserState, run: Run, status: RunStatus) -> None:
    """The steps of the run on screen, with the recipe of the form or, folded, the run's own."""
    finetune_steps(state, run, status, folder=runs_here(), form=opened[-1:])


run_page(
    RunScreen(
        name="finetune",
        about="ReasonMaxxer: the model solves problems several times; where it hesitates, it "
        "learns from its own correct and wrong attempts: no teacher, no RL, just minutes.",
        form=form,
        fill=fill_finetune,
        prefix="tuning ",
        hint="Press **Run all steps**: rollouts, training, and the accuracy before and after, in "
        "one run. Or **Sample rollouts** first, to set the gate yourself (step 2) and then train "
        "(step 3).",
        report=steps,
        also_live=model_is_loading,
    )
)
