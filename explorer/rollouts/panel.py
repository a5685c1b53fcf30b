"""One rollout: its numbers, its text or its coloured chain, the way to Explore."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError
from core.export.document import Handout
from core.export.of_chains import chain_handout
from core.imports.kept_files import KeptFile
from core.imports.listing import Line
from core.imports.records import Rollout
from core.imports.scores import RolloutScore
from core.imports.scoring import score_one
from core.models.spec import ModelSpec
from core.records import Outcome, StopReason, Verdict
from explorer.navigation import ask_for
from explorer.shared.messages import (
    before_gold,
    plain,
    plain_lines,
    short,
    show_error,
    verdict_badge,
)
from explorer.shared.opening import start_opening_rollout
from explorer.shared.share import share
from explorer.shared.stored_chain_view import chain_or_text, text_of
from explorer.shared.thresholds import in_unit
from explorer.state import BrowserState
from explorer.workbench import workbench

_QUESTION, _WHOLE = 2_000, 20_000  # characters of a question, of a prompt
_FEW = 40  # a shorter common start, such as "Question: ", need not be shown


@dataclass(frozen=True)
class ShownRollout:
    """A rollout on screen.

    Attributes:
        version: of the reading of its file.
        score: what the model says of it, if it is scored.
        common: characters of the question that it shares with all others.
    """

    kept: KeptFile
    version: str
    number: int
    line: Line
    score: RolloutScore | None
    common: int

    @property
    def rollout(self) -> Rollout:
        """Itself."""
        return self.line.rollout


def rollout_panel(state: BrowserState, shown: ShownRollout) -> None:
    """Draw it."""
    spec = state.opened.spec
    st.markdown(" · ".join(_facts(state, shown)))
    if shown.score is not None and shown.score.doubt:
        st.caption(f":material/warning: {plain(shown.score.doubt)}")
    st.button(
        "Open in Explore at the first fork",
        key="open rollout",
        type="primary",
        disabled=state.opened.busy,
        on_click=_open,
        args=(state, shown),
    )
    if workbench().loaded(spec) is not None:
        share(
            {"rollout": lambda: _handout(state, shown)},
            name=f"{Path(shown.kept.name).stem}-row-{shown.rollout.row}",
            key=f"share rollout {shown.number}",
            link={"session": state.opened.id},
        )
    _asked(shown)
    chain_or_text(
        state,
        spec,
        f"rollout {shown.kept.id} {shown.version} {shown.number} {spec}",
        lambda lm: score_one(lm, shown.rollout, shown.kept.name).chain,
        lambda: _text(spec, shown.rollout),
    )


def _handout(state: BrowserState, shown: ShownRollout) -> Handout:
    """The rollout as a chain, as the model of the sidebar sees it."""
    lm = workbench().model(state.opened.spec)
    found = score_one(lm, shown.rollout, shown.kept.name)
    return chain_handout(found.chain, found.outcome, state.tau, state.unit)


def _facts(state: BrowserState, shown: ShownRollout) -> list[str]:
    line, rollout = shown.line, shown.rollout
    facts = [f"row {rollout.row}"]
    if line.verdict not in (None, Verdict.NO_GOLD):
        facts.insert(0, verdict_badge(Outcome(None, line.verdict, False)))
    if line.reward is not None:
        facts.append(f"reward **{line.reward:g}**")
    if rollout.step is not None:
        facts.append(f"step {rollout.step}")
    facts.append(
        f"{line.characters:,} characters" if line.tokens is None else f"{line.tokens:,} tokens"
    )
    if rollout.stop_reason is StopReason.LENGTH:
        facts.append("stopped at the token limit")
    if line.entropy is not None:
        facts.append(f"mean entropy {in_unit(line.entropy, state)}")
    if line.their_entropy is not None:
        facts.append(f"in the file {in_unit(line.their_entropy, state)}")
    return facts


def _asked(shown: ShownRollout) -> None:
    whole, gold = shown.rollout.question, shown.rollout.gold
    question = whole[shown.common :].strip()
    if len(whole[: shown.common]) > _FEW:
        with st.expander("Whole prompt"):
            st.markdown(plain_lines(short(whole, _WHOLE)))
    if not question:
        return
    answer = "" if gold is None else f"{before_gold(question)}Correct answer: **{plain(gold)}**"
    st.caption(f"{plain_lines(short(question, _QUESTION))}{answer}")


def _text(spec: ModelSpec, rollout: Rollout) -> None:
    text = rollout.answer
    if text is None and rollout.answer_ids is not None:
        try:
            text = _decoded(spec, rollout)
        except ExplorerError as error:
            show_error(error)
            return
    if text is None:
        st.markdown("*The file has token ids without a text, and not those of this model.*")
    else:
        st.markdown(plain_lines(text) if text.strip() else "*no text*")


def _decoded(spec: ModelSpec, rollout: Rollout) -> str | None:
    """The text of a rollout's ids; None where they are not in the model's vocabulary."""
    text = text_of(spec)
    ids = [] if rollout.answer_ids is None else rollout.answer_ids.tolist()
    if not all(text.exists(each) for each in ids):
        return None
    return text.decode(ids)


def _open(state: BrowserState, shown: ShownRollout) -> None:
    start_opening_rollout(
        state.opened,
        state.opened.spec,
        shown.rollout,
        shown.kept.name,
        first_fork_above=state.tau,
    )
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)
