"""Words and signs in which tokens and verdicts are written wherever they are shown."""

from __future__ import annotations

from core.records import Chain, Outcome, StopReason, Verdict
from core.tokens.visible import visible as visible

VERDICT_SIGNS = {
    Verdict.CORRECT: "✓",
    Verdict.WRONG: "✗",
    Verdict.UNPARSEABLE: "?",
    Verdict.TIMED_OUT: "⏱",
    Verdict.NO_GOLD: "–",
}
VERDICT_WORDS = {
    Verdict.CORRECT: "correct",
    Verdict.WRONG: "wrong",
    Verdict.UNPARSEABLE: "no answer found",
    Verdict.TIMED_OUT: "check timed out",
    Verdict.NO_GOLD: "not checked (no correct answer given)",
}
_ENDINGS = {
    StopReason.LENGTH: "stopped at the token limit",
    StopReason.CANCELLED: "cancelled",
    StopReason.STOP: "ended by a stop string",
}


def token_label(chain: Chain, position: int) -> str:
    """A token of a chain, as `visible` writes it; for a token that continues an earlier token's
    character, its bytes, as in the list of alternatives."""
    if chain.tokens[position]:
        return visible(chain.tokens[position])
    ids = chain.statistics.top_ids[position].tolist()
    token_id = chain.token_ids[position]
    return visible(chain.top_tokens[position][ids.index(token_id)] if token_id in ids else "")


def verdict_words(outcome: Outcome) -> str:
    """A verdict; a person's own is labelled as such."""
    if outcome.overruled is None:
        return VERDICT_WORDS[outcome.verdict]
    checker = VERDICT_WORDS[outcome.verdict]
    return f"{VERDICT_WORDS[outcome.overruled]} by you (checker: {checker})"


def sampling_words(chain: Chain) -> str:
    """How a chain's tokens were drawn: "greedy", or its temperature, filters and seed."""
    sampler = chain.sampler
    if sampler.greedy:
        return "greedy"
    filters = {"top-p": sampler.top_p, "top-k": sampler.top_k, "min-p": sampler.min_p}
    set_ones = [f"{n} {v:g}" for n, v in filters.items() if v and not (n == "top-p" and v == 1)]
    forks = [] if sampler.forks is None else [sampler.forks.in_words]
    heat = f"temperature {sampler.temperature:g}"
    return ", ".join([heat, *forks, *set_ones, f"seed {chain.seed}"])


def chain_words(chain: Chain) -> list[str]:
    """Length, sampler and ending of a chain, each in a few words."""
    words = [f"{len(chain)} tokens", sampling_words(chain)]
    if chain.stop_reason in _ENDINGS:
        words.append(_ENDINGS[chain.stop_reason])
    if chain.run_on is not None and chain.stop_reason is not StopReason.STOP:
        words.append(f"runs on after {chain.answer_length} tokens")
    return words
