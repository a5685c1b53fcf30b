"""What is run, in one line: model and adapter, problems, samples, sampler, prompt, stop, seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.cli.command_line import RunCommand, run_command
from core.errors import ExplorerError
from core.lora.run_files import EVALUATION
from core.models.spec import DEMO_TEACHER, ModelSpec, teacher_spec
from core.problems.problem_sets import source_of
from core.problems.set_name import OWN_PROBLEMS, set_with
from core.records import ForkTemperature, Problem
from core.runs.headline import counted
from core.runs.models import base_and_teachers
from core.runs.run import Run
from core.system.setting import typed_lines
from explorer.shared.messages import plain, short
from explorer.shared.model_chip import model_chip
from explorer.shared.problem_sets import (
    DEMO_SET,
    TRAINING_SET,
    WORD_SET,
    WORD_TRAINING_SET,
    problem_sets,
    training_sets,
)
from explorer.state import BrowserState

OF_A_RUN = "Problems of "
"""Begins the names of sets that a session has from runs, which say nothing about where those have
them from."""

_LONGEST = 40  # characters of a name, and of the stop strings


def run_line(state: BrowserState, run: Run) -> str:
    """Markdown: chips for the models of a run, then its problems and how they were asked."""
    return " · ".join([_models(run), *(plain(each) for each in _facts(state, run))])


def command_of(run: Run) -> RunCommand:
    """The command that makes a run again; cached, since a run's settings never change.

    Raises:
        ExplorerError: there is none, or the run can't be read.
    """
    return _command(str(run.folder), run.config.created)


@st.cache_data(show_spinner=False, max_entries=100)
def _command(folder: str, created: str) -> RunCommand:
    return run_command(Run.open(Path(folder)))


def problems_source(state: BrowserState, run: Run, purpose: str = "") -> str | None:
    """The name of the set of this session from which a run's problems were drawn; None where it is
    none of them."""
    every = problem_sets(state) | training_sets(state)
    sets = {name: each for name, each in every.items() if not name.startswith(OF_A_RUN)}
    try:
        return source_of(_problems(run, purpose), run.config.seed, sets)
    except ExplorerError:  # said where the results are shown
        return None


def _models(run: Run) -> str:
    try:
        base, teachers = base_and_teachers(run)
    except ExplorerError:  # said where the results are shown
        return ""
    chips = [model_chip(base)]
    chips += [f"teacher {model_chip(_teacher(base, each))}" for each in teachers]
    return " and ".join(chips)


def _teacher(base: ModelSpec, name: str) -> ModelSpec:
    """A teacher, even if it is no longer there."""
    if name == DEMO_TEACHER:
        return replace(base, adapter=name)
    try:
        return teacher_spec(base, name)
    except ExplorerError:
        return replace(base, model=name, adapter=None)


def _facts(state: BrowserState, run: Run) -> Iterator[str]:
    settings = run.config.settings
    yield from _sets(state, run)
    if run.config.imported is not None:
        yield short(run.config.imported.words, 2 * _LONGEST)
        if not run.config.inputs:  # the rollouts themselves, which nothing was asked for
            return
    if settings.get("protocol", "none") != "none":
        yield f"protocol {short(str(settings['protocol']), _LONGEST)}"
    if run.config.imported is None:
        yield from _sampling(settings)
    style = settings.get("prompt_style")
    examples = settings.get("examples")
    yield f"prompt {style}" if isinstance(style, str) else "the model's own prompt"
    if isinstance(examples, list) and examples:
        yield counted(len(examples), "worked example")
    stop = settings.get("stop")
    if isinstance(stop, list):
        text = typed_lines(tuple(map(str, stop))).replace("\n", ", ")
        yield f"stop at {short(text, _LONGEST)}" if stop else "no stop strings"
    if isinstance(settings.get("max_new_tokens"), int):
        yield f"up to {settings['max_new_tokens']:,} tokens"
    yield f"seed {run.config.seed}"


def _sets(state: BrowserState, run: Run) -> Iterator[str]:
    """The problems, and those that a training is measured on."""
    try:
        own, measured = _problems(run, ""), _problems(run, EVALUATION)
    except ExplorerError:
        return
    yield f"{_set_title(state, run)} ({len(own):,})"
    if measured:
        name = problems_source(state, run, EVALUATION) or _holding(measured)
        yield f"measured on {short(name or 'other problems', _LONGEST)} ({len(measured):,})"


def _set_title(state: BrowserState, run: Run) -> str:
    """The name of the set of a run's problems, in few characters."""
    name = problems_source(state, run) or _holding(_problems(run, "")) or _named(run)
    return short(name, _LONGEST)


def _named(run: Run) -> str:
    """What the form wrote into a run's name: "Evaluation on mine.jsonl"."""
    for word in (" on ", "Rollouts of "):
        _, found, rest = run.config.name.partition(word)
        if found and rest:
            return rest
    return OWN_PROBLEMS


def _holding(problems: list[Problem]) -> str | None:
    """The title of the explorer's own set that holds all of these problems."""
    return _TITLES.get(set_with(problems) or "")


_TITLES = {
    "demo": DEMO_SET,
    "demo-train": TRAINING_SET,
    "word-problems": WORD_SET,
    "word-problems-train": WORD_TRAINING_SET,
}


def _sampling(settings: Mapping[str, Any]) -> Iterator[str]:
    """Samples and sampler: an evaluation's own, or those of a training's rollouts."""
    rollouts = settings.get("rollouts")
    drawn = rollouts if isinstance(rollouts, dict) else settings
    samples, heat = drawn.get("samples"), drawn.get("temperature")
    if isinstance(samples, int):
        noun = "rollout" if drawn is rollouts else "sample"
        yield f"{counted(samples, noun)} per problem"
    at_forks = drawn.get("fork_temperature")
    if not heat and not at_forks:
        yield "greedy"
    else:
        top_p = drawn.get("top_p", 1)
        yield f"temperature {heat or 0:g}" + (f", top-p {top_p:g}" if top_p != 1 else "")
    if at_forks is not None:
        tau, share = drawn.get("fork_tau", ForkTemperature.tau), drawn.get("fork_random_share")
        yield ForkTemperature(at_forks, tau, share).in_words


def _problems(run: Run, purpose: str) -> list[Problem]:
    """The problems of a run, which never change.

    Raises:
        ProblemError: the file is damaged.
    """
    return _read(str(run.folder), run.config.created, purpose)


@st.cache_resource(show_spinner=False, max_entries=20)
def _read(folder: str, created: str, purpose: str) -> list[Problem]:
    return Run.open(Path(folder)).problems(purpose)
