"""Find the fix, on a model whose right fix is known by hand, and on the demo."""

from __future__ import annotations

import pytest
from lookup_model import BASE, END, SEVEN, SO, TEACHER, THEN, THREE, lookup_model

from core.chains.fix_search import AttemptResult, FixSearch, search_fix
from core.chains.generation import generate
from core.chains.judging import judge
from core.chains.sweep import Sweep
from core.errors import PositionError
from core.models.language_model import LanguageModel
from core.records import Chain, Outcome, Problem, Sampler, Verdict

PROBLEM = Problem("p", "so", "7")
GREEDY = Sampler(max_new_tokens=8)


def chain_of(lm: LanguageModel, problem: Problem = PROBLEM) -> tuple[Chain, Outcome]:
    (chain,) = generate(lm, [problem], GREEDY, [0], prompt_style="plain")
    (outcome,) = judge(lm, [chain])
    return chain, outcome


def found_by(lm: LanguageModel, problem: Problem = PROBLEM, positions: int = 1) -> FixSearch:
    found = search_fix(lm, *chain_of(lm, problem), positions=positions)
    assert found is not None
    return found


def turned(found: FixSearch) -> set[tuple[int, int]]:
    endings = (*found.attempts, *found.control)
    return {(e.attempt.position, e.attempt.token_id) for e in endings if e.turned}


def test_the_one_token_that_mends_the_chain_is_found_at_the_fork() -> None:
    lm = lookup_model(BASE)
    chain, outcome = chain_of(lm)
    assert (chain.token_ids, outcome.verdict) == ((SO, THREE, END), Verdict.WRONG)
    found = found_by(lm)
    tried = [(e.attempt.position, e.attempt.token_id, e.attempt.rank) for e in found.attempts]
    assert tried == [(1, SEVEN, 2), (1, THEN, 3), (1, SO, 4), (1, END, 5)]
    endings = [(e.outcome.answer, e.outcome.verdict, e.turned) for e in found.attempts]
    assert endings[0] == ("7", Verdict.CORRECT, True)
    assert [turn for *_, turn in endings[1:]] == [False] * 3
    assert found.turned_share.value == 0.25
    assert found.turned_share.n == 4


def test_the_control_tries_as_many_tokens_at_another_position() -> None:
    found = found_by(lookup_model(BASE))
    (position,) = {each.attempt.position for each in found.control}
    assert position in (0, 2)
    assert len(found.control) == len(found.attempts)
    # After "so \boxed{3}" only one token mends the chain: another box.
    assert turned(found) - {(1, SEVEN)} == ({(2, SEVEN)} if position == 2 else set())


def test_of_a_right_chain_it_finds_what_breaks_it() -> None:
    lm = lookup_model(TEACHER)
    chain, outcome = chain_of(lm)
    assert (chain.token_ids, outcome.verdict) == ((THEN, SEVEN, END), Verdict.CORRECT)
    found = found_by(lm, positions=3)
    assert found.control == ()  # no position is left for it
    assert found.control_share.n == 0
    assert {(2, THREE), (1, END), (1, THREE)} <= turned(found)
    assert (0, SO) not in turned(found)


def test_without_a_gold_answer_a_token_turns_the_chain_when_the_answer_changes() -> None:
    found = found_by(lookup_model(BASE), Problem("p", "so"))
    assert (1, SEVEN) in turned(found)
    assert {each.outcome.verdict for each in found.attempts} == {Verdict.NO_GOLD}


def test_the_same_chain_gives_the_same_search_and_a_cancelled_one_gives_none() -> None:
    lm = lookup_model(BASE)
    assert found_by(lm) == found_by(lm)
    assert search_fix(lm, *chain_of(lm), cancel=lambda: True) is None
    with pytest.raises(PositionError, match="no position"):
        search_fix(lm, *chain_of(lm), positions=0)


def test_attempts_are_planned_before_the_first_and_handed_out_as_they_end() -> None:
    lm = lookup_model(BASE)
    plans: list[Sweep] = []
    seen: list[AttemptResult] = []

    def on_ending(result: AttemptResult) -> None:
        assert plans, "the plan comes first"
        seen.append(result)

    found = search_fix(lm, *chain_of(lm), positions=1, on_plan=plans.append, on_ending=on_ending)
    assert found is not None
    results = (*found.attempts, *found.control)
    assert [each.attempt for each in results] == [*plans[0].attempts, *plans[0].control]
    assert sorted(map(repr, seen)) == sorted(map(repr, results))
