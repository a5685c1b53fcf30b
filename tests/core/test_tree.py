"""The tree of branches: forced, undone, redone, saved, opened."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from models import tiny_language_model

from core.chain_json import chain_to_json
from core.chains.branch import first_difference
from core.chains.generation import Fork, fork, generate
from core.chains.session import Session, SessionFolder
from core.chains.tree import ForkTree
from core.errors import PositionError, SessionError
from core.records import SCHEMA_VERSION, Chain, Outcome, Problem, Sampler, Verdict

PROBLEM = Problem("p1", "How many cuts?", "8", "test", "cuts")
WRONG = Outcome("9", Verdict.WRONG, True)
RIGHT = Outcome("8", Verdict.CORRECT, True)


@pytest.fixture(scope="module")
def chains() -> list[Chain]:
    lm = tiny_language_model()
    (root,) = generate(lm, [PROBLEM], Sampler(max_new_tokens=20), [0])
    forks = [Fork(4, int(i)) for i in root.statistics.top_ids[4, 1:3]]
    return [root, *fork(lm, root, forks)]


@pytest.fixture
def tree(chains: list[Chain]) -> ForkTree:
    tree = ForkTree(PROBLEM)
    root = tree.add_root(chains[0], WRONG)
    tree.add_branches(root.id, 4, [(chains[1], RIGHT), (chains[2], WRONG)])
    return tree


def test_a_branch_keeps_its_parent_and_position_and_is_selected(tree: ForkTree) -> None:
    root, first, second = tree.branches
    assert (root.parent, root.position) == (None, None)
    assert (first.parent, first.position) == (root.id, 4)
    assert tree.children(root.id) == (first, second)
    assert (tree.selection.branch, tree.selection.position) == (first.id, 4)


def test_another_token_at_the_place_of_a_fork_makes_a_sibling(tree: ForkTree) -> None:
    assert tree.origin("b2", 3).id == "b1"
    assert tree.origin("b2", 4).id == "b1"
    assert tree.origin("b2", 5).id == "b2"
    assert tree.origin("b1", 0).id == "b1"


def test_undo_and_redo_walk_through_every_change(tree: ForkTree) -> None:
    tree.rename(tree.branches[1].id, "the right way")
    whole = json.loads(tree.dumps())["branches"]
    for expected in (3, 1, 0):
        tree.undo()
        assert len(tree.branches) == expected
    tree.undo()
    assert not tree.can_undo
    for _ in range(3):
        tree.redo()
    assert json.loads(tree.dumps())["branches"] == whole
    assert not tree.can_redo


def test_a_new_change_ends_the_redo_and_ids_are_never_used_twice(
    tree: ForkTree, chains: list[Chain]
) -> None:
    tree.undo()
    (branch,) = tree.add_branches(tree.branches[0].id, 4, [(chains[2], WRONG)])
    assert not tree.can_redo
    assert branch.id == "b4"


def test_a_persons_verdict_is_undone_redone_and_saved(tree: ForkTree) -> None:
    tree.overrule("b1", Verdict.CORRECT)
    assert tree.branch("b1").outcome == WRONG.overrule(Verdict.CORRECT)
    assert tree.branch("b1").outcome.verdict is Verdict.WRONG, "the checker said what it said"
    tree.undo()
    assert tree.branch("b1").outcome == WRONG
    tree.redo()
    again = ForkTree.from_json(json.loads(tree.dumps()))
    assert again.branch("b1").outcome.overruled is Verdict.CORRECT
    tree.overrule("b1", None)
    assert tree.branch("b1").outcome == WRONG


def test_saying_what_was_said_already_is_no_change(tree: ForkTree) -> None:
    tree.overrule("b1", Verdict.CORRECT)
    tree.undo()
    tree.overrule("b1", None)
    assert tree.can_redo, "nothing was changed, so what was undone can still be redone"
    with pytest.raises(SessionError, match="can't be timed_out"):
        tree.overrule("b1", Verdict.TIMED_OUT)
    with pytest.raises(PositionError, match="no branch"):
        tree.overrule("b9", Verdict.WRONG)


def test_selecting_is_not_undone(tree: ForkTree) -> None:
    tree.select(tree.branches[2].id, 6)
    tree.undo()
    assert len(tree.branches) == 1


def test_positions_and_branches_that_are_not_there_are_refused(tree: ForkTree) -> None:
    with pytest.raises(PositionError):
        tree.select("b99")
    with pytest.raises(PositionError):
        tree.select("b1", 4000)
    with pytest.raises(PositionError):
        tree.add_branches("b1", 4000, [])


def test_a_session_file_gives_back_tree_and_selection(tree: ForkTree) -> None:
    session = Session()
    session.open_problem(Problem("other", "Unused?"))
    session.open_problem(PROBLEM)
    assert session.current is not None
    session.trees[session.current] = tree
    tree.select("b3", 5)
    again = Session.loads(session.dumps())
    assert again.tree is not None
    assert again.tree.dumps() == tree.dumps()
    assert again.dumps() == session.dumps()
    assert len(again.trees) == 1, "a tree without branches is not worth keeping"


def test_a_session_is_written_again_without_the_branches_that_stay(
    tree: ForkTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    session.open_problem(PROBLEM)
    assert session.current is not None
    session.trees[session.current] = tree
    session.dumps()
    written = []

    def write(chain: Chain, outcome: Outcome | None) -> dict[str, Any]:
        written.append(chain)
        return chain_to_json(chain, outcome)

    monkeypatch.setattr("core.chains.branch.chain_to_json", write)
    session.form["tau"] = 1.25
    tree.select("b2", 4)
    session.dumps()
    assert written == []
    tree.rename("b2", "other")
    text = session.dumps()
    assert written == [tree.branch("b2").chain]
    assert Session.loads(text).dumps() == text, "what was kept is what is written anew"


def damaged(tree: ForkTree, what: str) -> str:
    session = Session()
    session.open_problem(PROBLEM)
    assert session.current is not None
    session.trees[session.current] = tree
    data = json.loads(session.dumps())
    branches = data["trees"][0]["branches"]
    match what:
        case "future version":
            data["schema_version"] = SCHEMA_VERSION + 1
        case "future chain":
            branches[1]["chain"]["schema_version"] = SCHEMA_VERSION + 1
        case "not a session":
            data["kind"] = "chain"
        case "orphan":
            branches[1]["parent"] = "b77"
        case "same id twice":
            branches[2]["id"] = "b2"
        case "position outside":
            branches[1]["position"] = 999
        case "column too short":
            branches[0]["chain"]["rank"].pop()
        case "selection outside":
            data["trees"][0]["selected"]["position"] = 999
        case "no verdict":
            branches[0]["chain"]["verdict"] = None
        case "name of half a character":
            branches[1]["name"] = "\ud800"
        case "question that is a number":
            data["trees"][0]["problem"]["question"] = 5
        case "probability above one":
            branches[0]["chain"]["logprob"][0] = 1000
        case "parent that is a list":
            branches[1]["parent"] = []
        case "strange id":
            branches[1]["id"] = "branch two"
        case "negative seed":
            branches[0]["chain"]["seed"] = -1
        case "negative token":
            branches[0]["chain"]["token_ids"][0] = -5
        case "half a token more":
            branches[0]["chain"]["sampler"]["max_new_tokens"] = 25.5
        case "measurements of no branch":
            data["trees"][0]["findings"] = {"b77": {}}
        case "measurements of nothing":
            measured = {"position": 0, "seed": 0, "alternatives": [],
                        "sampler": branches[0]["chain"]["sampler"]}  # fmt: skip
            data["trees"][0]["findings"] = {"b1": {"pivotality": {"0": measured}}}
        case "a list":
            data = [data]
    return json.dumps(data)


@pytest.mark.parametrize(
    "what",
    [
        "future version",
        "future chain",
        "not a session",
        "orphan",
        "same id twice",
        "a list",
        "position outside",
        "column too short",
        "selection outside",
        "no verdict",
        "name of half a character",
        "question that is a number",
        "probability above one",
        "parent that is a list",
        "strange id",
        "negative seed",
        "negative token",
        "half a token more",
        "measurements of no branch",
        "measurements of nothing",
    ],
)
def test_a_damaged_session_is_refused_with_a_remedy(tree: ForkTree, what: str) -> None:
    with pytest.raises(SessionError) as caught:
        Session.loads(damaged(tree, what))
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "null", b"\xff\xfe"])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(SessionError):
        Session.loads(text)


def test_ids_go_on_after_the_file_s_own(tree: ForkTree, chains: list[Chain]) -> None:
    again = ForkTree.from_json(json.loads(tree.dumps()))
    assert again.add_root(chains[0], WRONG).id == "b4"


def test_branches_added_while_a_person_selects_are_never_lost(chains: list[Chain]) -> None:
    tree = ForkTree(PROBLEM)
    root = tree.add_root(chains[0], WRONG)
    stop = threading.Event()

    def select() -> None:
        while not stop.is_set():
            tree.select(root.id, 1)

    person = threading.Thread(target=select)
    person.start()
    for _ in range(300):
        tree.add_branches(root.id, 4, [(chains[1], RIGHT)])
    stop.set()
    person.join()
    assert len(tree.branches) == 301


def test_the_gold_answer_is_part_of_a_problem() -> None:
    session = Session()
    first = session.open_problem(Problem("typed", "Why?", "1"))
    assert session.open_problem(Problem("typed", "Why?", "2")) is not first


def test_the_session_folder_keeps_sessions_and_refuses_ids_that_are_paths(
    tree: ForkTree, tmp_path: Path
) -> None:
    folder = SessionFolder(tmp_path / "sessions")
    session = Session()
    session.open_problem(PROBLEM)
    assert session.current is not None
    session.trees[session.current] = tree
    session_id = SessionFolder.new_id()
    folder.save(session_id, session)
    again = folder.load(session_id)
    assert again is not None
    assert again.dumps() == session.dumps()
    assert folder.load(SessionFolder.new_id()) is None
    for name in ("../../etc/passwd", "/etc/passwd", "", "a" * 13):
        assert folder.load(name) is None
        with pytest.raises(SessionError):
            folder.save(name, session)


def test_first_difference_of_chains(chains: list[Chain]) -> None:
    assert first_difference(chains[0], chains[1]) == 4
    assert first_difference(chains[0], chains[0]) is None
