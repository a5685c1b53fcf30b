"""How problems are asked, once for the whole session: Explore sets it, other pages follow.

A page's fields start from what a person has set in Explore. The others have the defaults of
the page's own kind of run, as on the command line. A page may depart from the session: then its
line says where, and a button takes the session's values.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st
from pydantic import BaseModel
from streamlit.delta_generator import DeltaGenerator

from core.chains.session import FormValue, is_text
from core.chains.settings import GenerationSettings
from core.errors import ExplorerError
from core.runs.settings import changed
from core.tokens.prompts import PLACEHOLDER, PROMPT_STYLES
from explorer.form import one_of
from explorer.open_session import PROBLEM_SET
from explorer.shared.messages import plain, short
from explorer.shared.model_chip import model_chip
from explorer.shared.prompt_panel import MODEL_STYLE, PromptChoice, prompt_key
from explorer.shared.setting_fields import SettingFields
from explorer.shared.thresholds import in_unit
from explorer.state import BrowserState

CHANGE_ASKING = "Change how problems are asked on this page"
"""Title of the fields with which a page departs from the session."""

_Settings = TypeVar("_Settings", bound=BaseModel)
_TEXTS = {"template": "template", "examples": "examples", "prompt_date": "date", "stop": "stop"}
_WORDS = {
    "prompt_style": "prompt style",
    "template": "template",
    "examples": "worked examples",
    "prompt_date": "date in the prompt",
    "stop": "stop strings",
    "max_new_tokens": "max new tokens",
    "tau": "τ",
}
"""What a page may do otherwise, in the order of its line."""


def session_set(state: BrowserState, offered: Container[str], default: str) -> str:
    """The problem set of Explore, where a page offers it; else the page's default."""
    return state.form.value(PROBLEM_SET, default, one_of(offered))


def asked_in_explore(state: BrowserState, problem_set: str) -> dict[str, Any]:
    """What Explore's fields say, by the names of the settings and as a person types them.

    Args:
        problem_set: each set has a prompt of its own.
    """
    form, begin = state.form, prompt_key(problem_set)
    style = form.value(f"{begin} style", MODEL_STYLE, one_of((MODEL_STYLE, *PROMPT_STYLES)))
    values: dict[str, Any] = {"prompt_style": None if style == MODEL_STYLE else style}
    for name, last in _TEXTS.items():
        values[name] = form.value(f"{begin} {last}", "", is_text)
    if style != "plain":
        values["template"] = None
    elif not values["template"]:
        values["template"] = PLACEHOLDER
    values["prompt_date"] = values["prompt_date"] or None
    sampler = SettingFields(form, GenerationSettings, "")
    values["max_new_tokens"] = sampler.current("max_new_tokens")
    values["seed"] = sampler.current("seed")
    values["tau"] = state.tau
    return values


def session_settings(state: BrowserState, settings: _Settings, problem_set: str) -> _Settings:
    """Settings of a kind of run, with what a person has set in Explore.

    Args:
        settings: the kind's defaults, or a preset.
        problem_set: whose prompt.
    """
    explored, begin = asked_in_explore(state, problem_set), prompt_key(problem_set)
    places = {"prompt_style": f"{begin} style", **{n: f"{begin} {k}" for n, k in _TEXTS.items()}}
    known = type(settings).model_fields
    set_there = {
        name: value
        for name, value in explored.items()
        if name in known and state.form.is_set(places.get(name, name)) and value != ""
    }
    try:
        return changed(settings, set_there)
    except ExplorerError:  # what was typed in Explore can't be used, which Explore says
        return settings


@dataclass
class Asking:
    """How a page asks problems: draws its line, with what differs from Explore.

    Attributes:
        state: of the session.
        page: begins the keys of the page's fields in the form.
        problem_set: its name.
        sampling: of the kind's own, in words, such as "greedy" or "temperature 0.6".
    """

    state: BrowserState
    page: str
    problem_set: str
    sampling: str
    prompt: str = ""  # begins the keys of the prompt's fields, where it isn't `page`
    explored: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.explored = asked_in_explore(self.state, self.problem_set)

    @property
    def typed(self) -> dict[str, str]:
        """What the page's fields of text start from."""
        return {"examples": self.explored["examples"]} if self.explored["examples"] else {}

    def line(
        self, place: DeltaGenerator, values: Mapping[str, Any], choice: PromptChoice, count: int
    ) -> None:
        """Say in one line what would be asked how.

        Args:
            place: where it stands.
            values: of the page's fields, by the names of the settings.
            choice: of the prompt.
            count: number of problems.
        """
        stop = choice.typed.get("stop") or choice.own_stop
        style = choice.style or "the model's own prompt"
        parts = [
            model_chip(self.state.opened.spec),
            f"{plain(self.problem_set)} ({count:,})" if count else "no problems yet",
            plain(style),
            self.sampling,
            f"{values['max_new_tokens']} tokens",
        ]
        if stop and stop != "none":
            parts.append(f"stop at {plain(short(', '.join(stop.splitlines()), 40))}")
        if "tau" in values:
            parts.append(f"τ {in_unit(values['tau'], self.state)}")
        differs = self._differs(values)
        with place:
            st.markdown(" · ".join(parts))
            if not differs:
                return
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                words = ", ".join(self._word(name) for name in differs)
                st.markdown(f":orange-badge[differs from Explore: {words}]", width="content")
                st.button(
                    "Use the session's",
                    key=f"{self.page} as in explore",
                    type="tertiary",
                    icon=":material/sync:",
                    help="Ask problems here as Explore does",
                    on_click=self._follow,
                    args=(tuple(differs),),
                )

    def _differs(self, values: Mapping[str, Any]) -> list[str]:
        return [
            name
            for name in _WORDS
            if name in values
            and _same(values[name]) != _same(self.explored[name])
            and not (name == "tau" and self._has_own_tau())
        ]

    def _has_own_tau(self) -> bool:
        """Whether Explore and the page have each the default of their own: no departure."""
        form = self.state.form
        return not form.is_set("tau") and not form.is_set(f"{self.page} tau")

    def _word(self, name: str) -> str:
        there = self.explored[name]
        if name == "tau":
            shown = in_unit(there, self.state)
        elif name == "prompt_style":
            shown = there or MODEL_STYLE
        elif name == "max_new_tokens":
            shown = str(there)
        else:
            return _WORDS[name]
        return f"{_WORDS[name]} ({plain(shown)} there)"

    def _follow(self, names: tuple[str, ...]) -> None:
        for name in names:
            value: FormValue = self.explored[name]
            key = f"{self.page} {name}"
            if name == "prompt_style":
                key, value = f"{self.prompt or self.page} style", value or MODEL_STYLE
            elif name in _TEXTS:
                key, value = f"{self.prompt or self.page} {_TEXTS[name]}", value or ""
            self.state.form.put(key, value)


def _same(value: Any) -> Any:
    """A value as it is compared: nothing typed is None."""
    return None if value == "" else value
