"""Fine-tune: teach the model its own right decisions, and see what that does to its accuracy."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.runs.runs_folder import RunsFolder
from explorer.finetune.gate import model_is_loading
from explorer.finetune.setup import finetune_setup
from explorer.finetune.steps import finetune_steps
from explorer.shared.run_page import page_head, run_section
from explorer.state import browser_state

state, folder = browser_state(), RunsFolder()
page_head(
    "finetune",
    "ReasonMaxxer: the model solves problems several times; where it is torn between tokens, it "
    "learns from its own right and wrong tries. No teacher, no reinforcement learning, minutes.",
)
with st.container(border=True):
    recipe = finetune_setup(state, folder)
run_section(
    state,
    folder,
    "finetune",
    hint="Press **Run all steps**: rollouts, training, accuracy before and after, in one run. "
    "Or **Sample rollouts** first, to set the gate yourself (step 2) and then train (step 3).",
    report=partial(finetune_steps, folder=folder, form=recipe),
    also_live=model_is_loading,
)
