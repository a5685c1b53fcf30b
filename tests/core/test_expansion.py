"""Trees that grow by themselves, on a model whose every ending is known by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from lookup_model import BASE, END, SEVEN, SO, THEN, THREE, lookup_model

from core.chains.expansion.growing import expand, grow
from core.chains.expansion.opening import open_ending
from core.chains.expansion.records import Expansion
from core.chains.expansion.summary import weights
from core.chains.findings import Findings
from core.chains.generation import generate
from core.chains.judging import judge
from core.chains.settings import ExpansionSettings
from core.chains.tree import ForkTree
from core.errors import ModelError, PositionError, SessionError
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Outcome, Problem, Sampler, Verdict

ALL = ExpansionSettings(depth=2, width=4, tau=1.4, floor=0, budget=1000)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return lookup_model(BASE)


@pytest.fixture(scope="module")
def chain(lm: LanguageModel) -> Chain:
    r"""so \boxed{3} <eos>, with its fork at 1."""
    sampler = Sampler(max_new_tokens=8)
    (chain,) = generate(lm, [Problem("p", "so", "7")], sampler, [0], prompt_style="plain")
    assert chain.token_ids == (SO, THREE, END)
    return chain


@pytest.fixture(scope="module")
def outcome(lm: LanguageModel, chain: Chain) -> Outcome:
    return judge(lm, [chain])[0]


Grow = Callable[..., Expansion]


@pytest.fixture(scope="module")
def grown(lm: LanguageModel, chain: Chain, outcome: Outcome) -> Grow:
    """The tree with some settings changed."""

    def grown(**changes: object) -> Expansion:
        return expand(lm, chain, outcome, ALL.model_copy(update=changes))

    return grown


def test_every_ending_stands_in_the_tree_with_the_product_of_its_forced_tokens(grown: Grow) -> None:
    tree = grown()
    # After "so" the base says 7, then, so, <eos> with .28, .20, .15, .07. After "so 7" it wavers
    # again: so .24, then .22, 3 .16, 7 .10.
    found = [(path, each.token_ids) for path, each in zip(tree.paths, tree.endings, strict=True)]
    assert found == [
        (((1, SEVEN),), (SEVEN, END)),
        (((1, THEN),), (THEN, END)),
        (((1, SO),), (SO, END)),
        (((1, END),), (END,)),
        (((1, SEVEN), (2, SO)), (SO, END)),
        (((1, SEVEN), (2, THEN)), (THEN, END)),
        (((1, SEVEN), (2, THREE)), (THREE, END)),
        (((1, SEVEN), (2, SEVEN)), (SEVEN, END)),
    ]
    products = [0.28, 0.20, 0.15, 0.07, 0.28 * 0.24, 0.28 * 0.22, 0.28 * 0.16, 0.28 * 0.10]
    assert [each.path_probability for each in tree.endings] == pytest.approx(products)
    assert [each.rank for each in tree.endings] == [2, 3, 4, 5, 2, 3, 4, 5]
    assert [each.token for each in tree.endings][:2] == [r" \boxed{7}", " then"]
    assert [each.parent for each in tree.endings] == [None] * 4 + [0] * 4
    assert (tree.grown, tree.tokens, tree.pruned, tree.ended) == (8, 15, 0, "all")
    assert tree.levels == (4, 4)


def test_weights_are_the_chances_of_all_turns_and_add_up_to_1_where_every_token_was_tried(
    grown: Grow,
) -> None:
    tree = grown()
    own = [0.30, 0.28 * 0.28]  # the chain keeps its 3, and "so 7" its <eos>
    leaves = [0.20, 0.15, 0.07, 0.28 * 0.24, 0.28 * 0.22, 0.28 * 0.16, 0.28 * 0.10]
    assert weights(tree.endings) == pytest.approx([*own, *leaves])
    assert tree.explored == pytest.approx(1.0)
    # Of two tokens a fork, the others' share is missing: .15 + .07, and .28 x (.16 + .10).
    narrow = grown(width=2)
    assert narrow.explored == pytest.approx(1 - 0.22 - 0.28 * 0.26)


def test_endings_are_counted_by_answer_and_those_without_one_stand_apart(grown: Grow) -> None:
    answers = grown().answers
    assert [(each.answer, each.verdict, each.endings) for each in answers] == [
        ("7", Verdict.CORRECT, 4),
        (None, Verdict.UNPARSEABLE, 3),
        ("3", Verdict.WRONG, 2),
    ]
    seven = 0.28 * (0.28 + 0.24 + 0.22 + 0.10)
    three = 0.30 + 0.28 * 0.16
    assert [each.probability for each in answers] == pytest.approx([seven, 0.42, three])
    assert [each.example for each in answers] == [0, 1, None]


def test_a_share_of_endings_differs_counted_over_the_forks(grown: Grow) -> None:
    tree = grown()
    # All 4 of the first fork leave the answer 3; of "so 7" only the one that says 3 leaves the 7.
    assert [each.differs for each in tree.endings] == [True] * 4 + [False, False, True, False]
    assert tree.differing_endings == 5
    assert tree.differing is not None
    assert (tree.differing.value, tree.differing.n) == (5 / 8, 2)
    assert (tree.differing.low, tree.differing.high) == (0.25, 1.0), "one fork or the other"


def test_branches_below_the_floor_are_left_out(grown: Grow) -> None:
    tree = grown(floor=0.065)  # .07 and .28 x .24 stay, the next three are .0616, .0448 and .028
    assert len(tree.endings) == 5
    assert tree.pruned == 3
    assert min(each.path_probability for each in tree.endings) == pytest.approx(0.28 * 0.24)
    assert len(grown(floor=0.25).endings) == 1
    assert grown(floor=0.5).endings == ()


def test_depth_and_width_bound_the_tree(grown: Grow) -> None:
    assert grown(depth=1).levels == (4,)
    assert grown(width=2).levels == (2, 2)
    assert grown(width=50).levels == (4, 4), "there are no more tokens"


def test_the_most_probable_path_comes_first_whatever_its_depth(grown: Grow) -> None:
    tree = grown(tau=0.4, budget=20)  # now "so" is a fork too: then .04, 3 .03, 7 .02, <eos> .01
    probabilities = [each.path_probability for each in tree.endings]
    assert probabilities == sorted(probabilities, reverse=True)
    depths = [len(path) for path in tree.paths]
    assert depths != sorted(depths), ".28 x .16 comes before .04"


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_budget_ends_the_tree_at_the_same_ending_whatever_the_batch(
    lm: LanguageModel, chain: Chain, outcome: Outcome, grown: Grow, batch_size: int
) -> None:
    whole = grown()
    small = ALL.model_copy(update={"budget": 5})
    tree = expand(lm, chain, outcome, small, batch_size=batch_size)
    assert tree.endings == whole.endings[:3], "2 + 2 tokens are below 5, the next 2 reach it"
    assert (tree.tokens, tree.ended) == (6, "budget")


def test_what_was_complete_is_kept_when_cancelled_and_not_decoded_again(
    lm: LanguageModel, chain: Chain, outcome: Outcome, grown: Grow
) -> None:
    whole = grown()
    asked = 0

    def cancel() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    part = expand(lm, chain, outcome, ALL, batch_size=1, cancel=cancel)
    assert part.ended == "cancelled"
    assert 0 < len(part.endings) < 8
    assert part.endings == whole.endings[: len(part.endings)]
    decoded: list[Outcome] = []
    resumed = expand(
        lm, chain, outcome, ALL, known=part, on_ending=lambda _, found, __: decoded.append(found)
    )
    assert resumed == whole
    assert len(decoded) == len(whole.endings) - len(part.endings)
    assert not expand(lm, chain, outcome, ALL, cancel=lambda: True).endings


def test_known_endings_of_another_temperature_are_not_taken_over(
    lm: LanguageModel, chain: Chain, outcome: Outcome, grown: Grow
) -> None:
    wild = ALL.model_copy(update={"temperature": 5.0})
    drawn = expand(lm, chain, outcome, wild)
    assert expand(lm, chain, outcome, wild, known=grown()) == drawn
    assert expand(lm, chain, outcome, wild, batch_size=1) == drawn, "each has a seed of its own"
    assert drawn.endings != grown().endings


def test_the_control_has_as_many_branches_at_positions_that_are_no_forks(
    lm: LanguageModel, chain: Chain, outcome: Outcome
) -> None:
    settings = ALL.model_copy(update={"floor": 0.065})
    found = grow(lm, chain, outcome, settings)
    assert found.forks is not None
    assert found.random is not None
    assert found.forks.levels == found.random.levels == (4, 1)
    first = {each.position for each in found.random.endings if each.parent is None}
    assert first <= {0, 2}, "1 is the fork"
    assert found.random.pruned == 0, "improbable tokens are what a control has"
    assert found.complete
    assert grow(lm, chain, outcome, settings) == found
    alone = grow(lm, chain, outcome, settings.model_copy(update={"at": "random"}))
    assert alone.forks is None
    assert alone.random is not None
    # As many positions as forks: one of the chain's, and then those of "so so" have no forks.
    assert alone.random.levels[0] == 4


def test_known_branches_beyond_the_room_of_a_depth_are_left_out_with_all_that_leave_them(
    lm: LanguageModel, chain: Chain, outcome: Outcome
) -> None:
    """As when the threshold is raised: fewer forks, so the control has fewer branches."""

    def control(*levels: int, known: Expansion | None = None) -> Expansion:
        return expand(lm, chain, outcome, ALL, at="random", levels=levels, known=known)

    wide = control(8, 20)
    assert wide.levels == (8, 20)
    assert control(1, 8, known=wide) == control(1, 8)
    assert control(1, 8).levels == (1, 4), "one chain has no more"


def test_a_chain_without_forks_says_what_to_do(
    lm: LanguageModel, chain: Chain, outcome: Outcome
) -> None:
    with pytest.raises(PositionError, match=r"above 9 nats.*Lower the threshold"):
        expand(lm, chain, outcome, ALL.model_copy(update={"tau": 9.0}))


def test_an_ending_is_opened_by_the_model_that_made_it_and_by_no_other(
    lm: LanguageModel, chain: Chain, outcome: Outcome, grown: Grow
) -> None:
    tree, other = grown(), replace(lm, spec=ModelSpec("another"))
    forks = ForkTree(chain.problem)
    root = forks.add_root(chain, outcome)
    with pytest.raises(ModelError, match="made by lookup"):
        open_ending(other, forks, root, tree, 4)
    assert forks.branches == (root,)
    opened = open_ending(lm, forks, root, tree, 4)
    assert opened.chain.token_ids == (SO, SEVEN, SO, END)
    assert [each.chain.model for each in forks.branches] == ["lookup"] * 3


def test_a_tree_is_read_back_from_a_session_and_a_damaged_one_refused(
    lm: LanguageModel, chain: Chain, outcome: Outcome
) -> None:
    found = grow(lm, chain, outcome, ALL)
    data = json.loads(json.dumps(Findings(growth=found).to_json()))
    assert Findings.from_json(data, chain).growth == found
    for name, value in (("parent", 5), ("position", 99), ("token_ids", []), ("probability", 2.0)):
        broken = json.loads(json.dumps(data))
        broken["growth"]["forks"]["endings"][0][name] = value
        with pytest.raises(SessionError, match="another chain"):
            Findings.from_json(broken, chain)


def test_a_session_keeps_the_first_endings_of_a_large_tree_and_all_figures(
    lm: LanguageModel, chain: Chain, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = grow(lm, chain, outcome, ALL)
    assert found.forks is not None
    monkeypatch.setattr("core.chains.findings.MOST_ENDINGS", 5)
    kept = Findings.from_json(Findings(growth=found).to_json(), chain).growth
    assert kept is not None
    assert kept.forks is not None
    assert kept.forks == replace(found.forks, endings=found.forks.endings[:5])
    assert kept.forks.grown == 8
