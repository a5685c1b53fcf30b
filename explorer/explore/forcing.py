"""Force tokens, and load the model that can."""

from __future__ import annotations

from core.chains.branch import Branch
from core.models.placement import quantization_named
from core.models.spec import ModelSpec
from core.records import Chain, Sampler
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.turns import give_up_turn
from explorer.workbench import workbench

_PATIENCE = 0.5  # seconds a click waits for a short continuation before the page shows progress
_EACH, _MOST = 0.2, 1.5  # seconds more for each other session that works, and at most


def force(
    state: BrowserState,
    branch: Branch,
    position: int,
    *token_ids: int,
    sampler: Sampler | None = None,
) -> None:
    """Force a token, or those of a phrase, and wait briefly, since most continuations are short."""
    if not same_model(state, branch.chain):
        return
    state.opened.force(state.opened.spec, branch, position, token_ids, sampler)
    wait(state)


def wait(state: BrowserState) -> None:
    """Wait briefly for the work just started."""
    if state.opened.task is not None:
        state.opened.task.wait(_PATIENCE + _beside_others(state))


def wait_beside_others(state: BrowserState) -> None:
    """Before a page that follows work is drawn again: wait for the end of the work where others
    work, too. Their pages, drawn again and again, would keep the model from working; one person
    alone sees every token as it comes."""
    seconds = _beside_others(state)
    if state.opened.busy and state.opened.task is not None and seconds > 0:
        give_up_turn()
        state.opened.task.wait(seconds)


def _beside_others(state: BrowserState) -> float:
    """Seconds, by the number of other sessions that work: what is complete when it is first drawn
    needs no page that polls, and neither its beginning nor its end draws the whole page again."""
    return min(_EACH * workbench().others_at_work(state.opened), _MOST)


def same_model(state: BrowserState, chain: Chain) -> bool:
    """Whether the chain was made by the current model, so that it can be continued."""
    return (chain.model, chain.adapter) == (state.opened.spec.model, state.opened.spec.adapter)


def load_model_of(state: BrowserState, chain: Chain) -> None:
    """Load the model that made a chain; it becomes the session's model. Device and precision are
    those of the sidebar, since this machine may differ from the chain's."""
    opened = state.opened
    here = opened.spec

    def do(_: Task) -> None:
        kind = quantization_named(chain.quantization)
        spec = ModelSpec(
            chain.model, chain.adapter, here.device, here.dtype, False, chain.revision, kind
        )
        opened.load(spec)
        opened.spec = spec  # set once loaded: the session continues with this model

    opened.start("Loading the model", do, None)
    wait(state)
    state.page_is_stale = True  # the sidebar names the model
