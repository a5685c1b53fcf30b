"""The prompt of the chosen problem: style, template, and the prompt as the model reads it."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from core.chains.few_shot import DEFAULT_COUNT
from core.chains.prompting import (
    PromptPreview,
    PromptSettings,
    RunPromptSettings,
    preview_prompt,
)
from core.errors import ExplorerError, PromptError
from core.models.language_model import LanguageModel
from core.records import Problem, first_fault
from core.system.setting import setting, typed_lines
from core.tokens.prompts import (
    FEW_SHOT,
    PLACEHOLDER,
    PROMPT_STYLES,
    WorkedExample,
    default_stop,
    prompt_text,
)
from core.tokens.template_clock import asks_the_date
from explorer.form import Form
from explorer.shared.messages import plain, show_error, visible
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState
from explorer.workbench import workbench

MODEL_STYLE = "the model's own"
_SHOWN = 600  # tokens; a page with every token of a very long prompt would be slow
_CSS = """
<style>
.prompt-tokens { max-height: 18rem; overflow-y: auto; font-size: 0.9rem; }
.prompt-tokens span { border: 1px solid color-mix(in srgb, currentColor 25%, transparent);
  border-radius: 4px; padding: 1px 3px; margin: 1px 2px 1px 0; white-space: pre-wrap;
  display: inline-block; line-height: 1.5; max-width: 100%; overflow-wrap: anywhere; }
.prompt-tokens sub { opacity: 0.65; margin-left: 3px; font-variant-numeric: tabular-nums; }
</style>
"""


@dataclass(frozen=True)
class PromptChoice:
    """How problems are asked."""

    style: str | None = None  # None: the model's own
    template: str | None = None  # a person's own, where the style takes one
    day: date | None = None  # for a chat template that asks; None: today, or the run's day
    typed: Mapping[str, str] = field(default_factory=dict)  # worked examples and stop strings
    lines: PromptSettings | None = None  # with these two; None: one of them can't be used
    keep_run_on: bool = False  # of a run
    own_stop: str = ""  # the stop strings of the prompt style, as a person would type them

    @property
    def examples(self) -> tuple[WorkedExample, ...]:
        """The worked examples."""
        return () if self.lines is None else self.lines.examples or ()

    def settings(self) -> dict[str, Any]:
        """As the settings of a run name them."""
        day = None if self.day is None else self.day.isoformat()
        return {
            "prompt_style": self.style,
            "template": self.template,
            "prompt_date": day,
            "keep_run_on": self.keep_run_on,
            **self.typed,
        }


def prompt_popover(state: BrowserState, problem_set: str, problem: Problem | None) -> PromptChoice:
    """Choose style and template, which are remembered for each problem set.

    Args:
        problem_set: its name.
        problem: the one to preview; None while there is none.
    """
    with st.popover("Prompt", width="stretch", help="Prompt style, template and exact token ids"):
        choice = prompt_fields(state, st.container(), prompt_key(problem_set))
        if problem is not None and problem.question.strip():
            prompt_shown(state, problem, choice)
    return choice


def prompt_key(problem_set: str) -> str:
    """Begins the names of Explore's fields for the prompt of a problem set."""
    return f"{problem_set} asked in"


def prompt_fields(
    state: BrowserState,
    place: DeltaGenerator,
    key: str,
    default: PromptSettings | None = None,
    typed_before: Mapping[str, str] = MappingProxyType({}),
) -> PromptChoice:
    """The fields for the prompt style and, below where this is called, for the template of the
    style plain and the stop strings. The template is kept while another style is chosen.

    Args:
        place: of the prompt style.
        key: begins the names of both fields.
        default: whose style and template the fields start from.
        typed_before: texts that the fields of the examples and the date start from instead.
    """
    before = default or PromptSettings()
    asked_in = setting(before, "prompt_style")
    style = state.form.choice(
        place,
        asked_in.label,
        f"{key} style",
        [MODEL_STYLE, *PROMPT_STYLES],
        before.prompt_style or MODEL_STYLE,
        help=asked_in.help,
    )
    template = None
    if style == "plain":
        around = setting(before, "template")
        template = state.form.paragraph(
            st.container(),
            around.label,
            f"{key} template",
            before.template or PLACEHOLDER,
            help=around.help,
        )
    chosen = None if style == MODEL_STYLE else style
    day = _date(state, style, key, before)
    stop, own_stop = _stop(state, chosen, template, key, before)
    typed = {"examples": _examples(state, chosen, key, before, typed_before), "stop": stop}
    lines = _checked(chosen, typed)
    keep_run_on = False
    if isinstance(before, RunPromptSettings):
        fields = SettingFields(state.form, before, key)
        keep_run_on = fields.draw(st.container(), "keep_run_on")
    return PromptChoice(chosen, template, day, typed, lines, keep_run_on, own_stop)


def _checked(style: str | None, typed: Mapping[str, str]) -> PromptSettings | None:
    """The settings that the typed texts make; None, with a message, where one can't be used."""
    try:
        return PromptSettings(prompt_style=style, **typed)
    except ValidationError as error:
        show_error(PromptError(f"The prompt can't be made ({first_fault(error)}).", "Change it."))
        return None


def _examples(
    state: BrowserState,
    style: str | None,
    key: str,
    before: PromptSettings,
    typed_before: Mapping[str, str],
) -> str:
    """A field for the worked examples of a few-shot prompt."""
    found = setting(before, "examples")
    number = "" if before.examples is None else str(len(before.examples))
    text: str = state.form.line(
        st.container(),
        found.label,
        f"{key} examples",
        typed_before.get("examples", number),
        placeholder=str(DEFAULT_COUNT) if style == FEW_SHOT else "none",
        help=found.help,
    )
    return text


def _stop(
    state: BrowserState, style: str | None, template: str | None, key: str, before: PromptSettings
) -> tuple[str, str]:
    """A field for the stop strings, which shows those of the prompt style; returns both."""
    own = ""
    lm = workbench().loaded(state.opened.spec)
    if style is not None or lm is not None:
        with contextlib.suppress(PromptError):  # a template of somebody's own, said elsewhere
            own = typed_lines(default_stop(style or (lm.prompt_style if lm else ""), template))
    fields = SettingFields(state.form, before, key)
    text: str = fields.draw(st.container(), "stop", placeholder=own, height=68)
    return text, own


def _date(state: BrowserState, style: str, key: str, before: PromptSettings) -> date | None:
    """A field for the date, where the model's chat template asks for it."""
    lm = workbench().loaded(state.opened.spec)
    if lm is None or not asks_the_date(lm.tokenizer):
        return None
    if not PROMPT_STYLES[lm.prompt_style if style == MODEL_STYLE else style].chat:
        return None
    day = setting(before, "prompt_date")
    text = state.form.line(
        st.container(),
        day.label,
        f"{key} date",
        "" if before.prompt_date is None else before.prompt_date.isoformat(),
        placeholder="today, YYYY-MM-DD",
        help=day.help,
    )
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        show_error(PromptError(f"{text} is not a date.", "Write it as 2026-03-01."))
        return None


def asked(
    state: BrowserState,
    place: DeltaGenerator,
    key: str,
    problems: Sequence[Problem],
    default: RunPromptSettings | None = None,
    typed_before: Mapping[str, str] = MappingProxyType({}),
) -> PromptChoice:
    """As `prompt_fields`, with the first problem's prompt below it."""
    choice = prompt_fields(state, place, key, default or RunPromptSettings(), typed_before)
    if problems:
        st.caption(f"Prompt for {plain(problems[0].id)}")
        prompt_shown(state, problems[0], choice)
    return choice


def prompt_shown(state: BrowserState, problem: Problem, choice: PromptChoice) -> None:
    """Show a problem's prompt as the chosen model reads it, or why there can't be one."""
    lm = workbench().loaded(state.opened.spec)
    style, template = choice.style, choice.template
    try:
        if lm is not None:
            examples = choice.examples
            _show(lm, preview_prompt(lm, problem.question, style, template, choice.day, examples))
        elif style is not None:
            text = prompt_text(problem.question, style, template, choice.examples)
            st.code(text, language=None)
            st.caption("Token ids are shown once the model is loaded.")
    except ExplorerError as error:
        show_error(error)


def _show(lm: LanguageModel, preview: PromptPreview) -> None:
    own = ""
    if preview.style == lm.prompt_style:
        own = f" (default for this model: {plain(lm.prompt_style_reason)})"
    st.caption(f"{len(preview.ids)} tokens · Prompt style: {plain(preview.style)}{own}")
    st.html(_CSS + tokens_as_html(preview))
    if len(preview.ids) > _SHOWN:
        st.caption(f"The first {_SHOWN} tokens; `fork-explorer prompt` prints all of them.")
    st.code(preview.text, language=None, wrap_lines=True)


def tokens_as_html(preview: PromptPreview) -> str:
    """HTML: every token in a frame of its own with its id; the tokens' text is escaped."""
    frames = []
    shown = zip(preview.ids[:_SHOWN], preview.pieces[:_SHOWN], strict=True)
    for position, (token_id, piece) in enumerate(shown):
        text = html.escape(visible(piece))
        frames.append(
            f'<span title="#{position}, id {token_id}">{text}<sub>{token_id}</sub></span>'
        )
        if piece.endswith("\n"):
            frames.append("<br>")
    return f'<div class="prompt-tokens">{"".join(frames)}</div>'


def put_prompt(form: Form, key: str, settings: PromptSettings, examples: str | None) -> None:
    """Put a prompt into the fields of `prompt_fields`.

    Args:
        form: of the session.
        key: as of `prompt_fields`.
        settings: with the prompt.
        examples: its worked examples as a person names them; None: they can't be named, and the
            field stays as it is.
    """
    day = settings.prompt_date
    values = {
        "style": settings.prompt_style or MODEL_STYLE,
        "template": settings.template or PLACEHOLDER,
        "date": "" if day is None else day.isoformat(),
        "stop": typed_lines(settings.stop),
    }
    for name, value in values.items():
        form.put(f"{key} {name}", value)
    if examples is not None:
        form.put(f"{key} examples", examples)
    if isinstance(settings, RunPromptSettings):
        form.put(f"{key} keep_run_on", settings.keep_run_on)
