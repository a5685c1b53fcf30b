"""The rows of the selected token's table: alternatives, typed phrases, and what is known of them.

A row's cells are filled from what there is: branches, continuations computed in this session, the
search for a fix, sampled continuations, and the work that is running.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.chains.branch import Branch
from core.chains.phrases import Phrase, PhraseOdds
from core.chains.pivotality import Pivotality
from core.chains.tree import ForkTree
from core.records import Chain, Outcome, Verdict
from core.system.percent import percent_span
from explorer.components.alternatives_table import AlternativeRow, Cell
from explorer.components.alternatives_table.component import Tone
from explorer.explore.forcing import same_model
from explorer.explore.measuring import ALTERNATIVES
from explorer.open_session import existing_branch
from explorer.shared.messages import VERDICT_SIGNS, VERDICT_WORDS, short, visible
from explorer.state import BrowserState
from explorer.work import TokenIds

_TONES: Mapping[Verdict, Tone] = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}
_WIDEST_RANK = 99  # that fits into its column


@dataclass(frozen=True)
class Place:
    """A position of the branch on screen, and the branch that its alternatives leave."""

    state: BrowserState
    tree: ForkTree
    branch: Branch
    origin: Branch
    position: int

    @property
    def chain(self) -> Chain:
        """The chain on screen."""
        return self.branch.chain

    @property
    def chosen(self) -> TokenIds:
        """The tokens that the chain on screen has here: one, or those of its phrase."""
        if self.branch.position == self.position:
            return self.branch.token_ids
        return (self.chain.token_ids[self.position],)

    @property
    def measured(self) -> Pivotality | None:
        """The samples of this position. Branches that share the tokens before it share them."""
        for each in (self.branch, self.origin):
            found = self.tree.findings(each.id).pivotality.get(self.position)
            if found is not None:
                return found
        return None


def place_in(state: BrowserState, tree: ForkTree, branch: Branch, position: int) -> Place:
    """A position of a branch."""
    return Place(state, tree, branch, tree.origin(branch.id, position), position)


def outcome_of(place: Place, token_ids: TokenIds) -> tuple[Outcome, Chain | None] | None:
    """Where these tokens lead, as far as it is known, and the chain, where it is still there."""
    state, chain, position = place.state, place.chain, place.position
    if token_ids == place.chosen:
        return place.branch.outcome, chain
    branch = branch_of(place, token_ids)
    if branch is not None:
        return branch.outcome, branch.chain
    ending = state.opened.endings(chain, position).get(token_ids)
    if ending is not None:
        return ending.outcome, ending.chain
    return _attempted(place, token_ids)


def branch_of(place: Place, token_ids: TokenIds) -> Branch | None:
    """The branch that these tokens have made already."""
    origin, position = place.origin, place.position
    sampler = place.chain.sampler
    return existing_branch(place.tree, origin, position, token_ids, sampler)


def _attempted(place: Place, token_ids: TokenIds) -> tuple[Outcome, None] | None:
    """What the search for a fix found for a token, where it continued as the chain would."""
    work = place.state.opened.work
    for branch in (place.branch, place.origin):
        fix = place.tree.findings(branch.id).fix
        results = [] if fix is None else [*fix.attempts, *fix.control]
        if fix is not None and fix.sampler != place.chain.sampler:
            results = []
        if work.is_on(place.tree, branch.id) and work.sampler == place.chain.sampler:
            results += list(work.attempts.values())
        for each in results:
            attempt = each.attempt
            if (attempt.position, (attempt.token_id,)) == (place.position, token_ids):
                return each.outcome, None
    return None


def rows_of(place: Place, typed: Mapping[Phrase, PhraseOdds | None]) -> list[AlternativeRow]:
    """The rows: the most probable tokens, the chain's own where it is not among them, branches and
    continuations of others, typed phrases."""
    chain, position = place.chain, place.position
    statistics = chain.statistics
    rows: dict[TokenIds, AlternativeRow] = {}
    for column, token_id in enumerate(statistics.top_ids[position].tolist()):
        text = visible(chain.top_tokens[position][column])
        probability = math.exp(float(statistics.top_logprobs[position, column]))
        rows[(token_id,)] = _row(place, (token_id,), str(column + 1), text, probability)
    others: dict[TokenIds, Chain] = {place.chosen: chain}
    for child in place.tree.children(place.origin.id):
        if child.position == position:
            others.setdefault(child.token_ids, child.chain)
    for ids, ending in place.state.opened.endings(chain, position).items():
        others.setdefault(ids, ending.chain)
    for ids, made in others.items():
        if ids not in rows:
            rows[ids] = _row_of_chain(place, ids, made)
    for phrase, odds in typed.items():
        if phrase.token_ids not in rows:
            rows[phrase.token_ids] = _typed_row(place, phrase, odds)
    return list(rows.values())


def _row_of_chain(place: Place, token_ids: TokenIds, chain: Chain) -> AlternativeRow:
    """The row of tokens beyond the most probable ones, whose statistics a chain holds."""
    part = slice(place.position, place.position + len(token_ids))
    statistics = chain.statistics[part]
    odds = PhraseOdds(float(statistics.logprob.sum()), tuple(statistics.rank.tolist()))
    return _typed_row(place, Phrase(token_ids, chain.tokens[part]), odds)


def _typed_row(place: Place, phrase: Phrase, odds: PhraseOdds | None) -> AlternativeRow:
    text = visible("".join(phrase.tokens))
    probability = None if odds is None else odds.probability
    ranks = () if odds is None else odds.ranks
    rank, note = "", ""
    if len(phrase.token_ids) > 1:
        note = f"{len(phrase.token_ids)} tokens"
        if ranks:
            note += f", ranks {', '.join(f'{each:,}' for each in ranks)}"
    elif ranks and ranks[0] <= _WIDEST_RANK:
        rank = str(ranks[0])
    elif ranks:
        note = f"rank {ranks[0]:,}"
    row = _row(place, phrase.token_ids, rank, text, probability)
    return replace(row, typed=True, note=note)


def _row(
    place: Place, token_ids: TokenIds, rank: str, text: str, probability: float | None
) -> AlternativeRow:
    opened = place.state.opened
    known = outcome_of(place, token_ids)
    work = opened.work
    awaited = opened.busy and work.awaits(place.chain, place.position, token_ids)
    # What is there, or on its way, needs no other work.
    there = awaited or (known is not None and known[1] is not None)
    return AlternativeRow(
        token_ids=token_ids,
        rank=rank,
        token=text,
        probability="" if probability is None else probability_text(probability),
        bar=probability or 0.0,
        leads=_leads(known, awaited or _attempt_runs(place, token_ids)),
        sampled=_sampled(place, token_ids),
        chosen=token_ids == place.chosen,
        enabled=there or (not opened.busy and same_model(place.state, place.chain)),
    )


def _leads(known: tuple[Outcome, Chain | None] | None, awaited: bool) -> Cell:
    if known is None:
        return Cell(busy=awaited)
    outcome = known[0]
    verdict = outcome.overruled or outcome.verdict
    answer = outcome.answer or "no answer"
    return Cell(
        text=short(answer, 12),
        sign=VERDICT_SIGNS[verdict],
        tone=_TONES.get(verdict, ""),
        title=f"{answer}: {VERDICT_WORDS[verdict]}",
    )


def _attempt_runs(place: Place, token_ids: TokenIds) -> bool:
    """Whether the search for a fix will come to these tokens."""
    opened = place.state.opened
    plan = opened.work.plan
    if not opened.busy or plan is None or not opened.work.is_on(place.tree, place.branch.id):
        return False
    tries = (*plan.attempts, *plan.control)
    return any((e.position, (e.token_id,)) == (place.position, token_ids) for e in tries)


def _sampled(place: Place, token_ids: TokenIds) -> Cell:
    if len(token_ids) > 1:
        return Cell()
    (token_id,) = token_ids
    opened, measured = place.state.opened, place.measured
    work = opened.work
    samples_run = opened.busy and work.kind == "samples"
    on_this = work.is_on(place.tree, place.branch.id) and place.position in work.positions
    if samples_run and on_this:
        if token_id not in place.chain.statistics.top_ids[place.position, :ALTERNATIVES]:
            return Cell()
        correct, samples = work.counts.get((place.position, token_id), (0, 0))
        text = f"{correct}/{samples}" if samples else ""
        return Cell(text, title=f"{samples} of {work.samples} so far", busy=samples < work.samples)
    if measured is None:
        return Cell()
    for each in measured.alternatives:
        if each.token_id == token_id:
            share = each.p_correct
            return Cell(
                f"{each.correct}/{each.samples}",
                title=f"{each.correct} of {each.samples} correct "
                f"({percent_span(share.low, share.high, 0)})",
            )
    return Cell()


def probability_text(probability: float) -> str:
    """A token's probability: "39.3 %", "< 0.1 %"."""
    if probability > 0.9995:
        return "100 %"
    return f"{100 * probability:.1f} %" if probability >= 0.0005 else "< 0.1 %"
