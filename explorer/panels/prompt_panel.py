"""How the chosen problem is asked: style, template, and the prompt as the model reads it."""

from __future__ import annotations

import html

import streamlit as st

from core.errors import ExplorerError
from core.language_model import LanguageModel
from core.prompt_preview import PromptPreview, preview_prompt
from core.prompts import PLACEHOLDER, PROMPT_STYLES, prompt_text
from core.records import Problem
from explorer.panels.messages import plain, show_error, visible
from explorer.state import BrowserState, PromptChoice
from explorer.workbench import workbench

_MODEL_STYLE = "the model's own"
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


def prompt_popover(state: BrowserState, problem_set: str, problem: Problem | None) -> PromptChoice:
    """Choose style and template, which are remembered for each problem set.

    Args:
        problem_set: its name.
        problem: the one to preview; None while there is none.
    """
    before = state.prompts.get(problem_set, PromptChoice())
    styles = [_MODEL_STYLE, *PROMPT_STYLES]
    with st.popover("Prompt", width="stretch", help="Prompt style, template and exact token ids"):
        style = st.selectbox(
            "Prompt style",
            styles,
            index=styles.index(before.style or _MODEL_STYLE),
            key=f"prompt_style of {problem_set}",
        )
        typed = before.typed
        if style == "plain":
            typed = st.text_area(
                "Template",
                before.typed,
                key=f"template of {problem_set}",
                help=f"{PLACEHOLDER} is the question. Kept for this problem set.",
            )
        choice = PromptChoice(None if style == _MODEL_STYLE else style, typed)
        state.prompts[problem_set] = choice
        if problem is not None and problem.question.strip():
            prompt_shown(state, problem, choice.style, choice.template)
    return choice


def prompt_shown(
    state: BrowserState, problem: Problem, style: str | None, template: str | None
) -> None:
    """A problem's prompt as the chosen model reads it, or why it can't be asked so."""
    lm = workbench().loaded(state.opened.spec)
    try:
        if lm is not None:
            _show(lm, preview_prompt(lm, problem.question, style, template))
        elif style is not None:
            st.code(prompt_text(problem.question, style, template), language=None)
            st.caption("Token ids are shown once the model is loaded.")
    except ExplorerError as error:
        show_error(error)


def _show(lm: LanguageModel, preview: PromptPreview) -> None:
    own = ""
    if preview.style == lm.prompt_style:
        own = f", the model's own: {plain(lm.prompt_style_reason)}"
    st.caption(f"{len(preview.ids)} tokens · style {plain(preview.style)}{own}")
    st.html(_CSS + tokens_as_html(preview))
    if len(preview.ids) > _SHOWN:
        st.caption(f"The first {_SHOWN} tokens; `fork-explorer prompt` prints all of them.")
    st.code(preview.text, language=None, wrap_lines=True)


def tokens_as_html(preview: PromptPreview) -> str:
    """Every token in a frame of its own with its id; token text is text, whatever it holds."""
    frames = []
    shown = zip(preview.ids[:_SHOWN], preview.pieces[:_SHOWN], strict=True)
    for position, (token_id, piece) in enumerate(shown):
        text = html.escape(visible(piece)[1:-1])
        frames.append(
            f'<span title="#{position}, id {token_id}">{text}<sub>{token_id}</sub></span>'
        )
        if piece.endswith("\n"):
            frames.append("<br>")
    return f'<div class="prompt-tokens">{"".join(frames)}</div>'
