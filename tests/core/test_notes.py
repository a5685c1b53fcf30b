"""Notes on chains and tokens: written, shared by branches, kept by undo and in the file, found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from export_cases import CORRECT, WORDS, WRONG, chain_of, session_of, tree_of
from hypothesis import given
from hypothesis import strategies as st

from core.chains.notes import MAX_NOTE, MAX_NOTES, Note, tidy_note
from core.chains.session import Session
from core.chains.tree import ForkTree
from core.components.note_list import found_notes, notes_of_session, notes_of_tree
from core.errors import NoteError, PositionError, SessionError
from core.records import Problem

ROOT = Path(__file__).resolve().parents[2]


def reopened(tree: ForkTree) -> ForkTree:
    found = Session.loads(session_of(tree).dumps()).tree
    assert found is not None
    return found


def test_a_token_and_its_chain_have_a_note_each_which_can_be_removed() -> None:
    tree = tree_of()
    assert tree.note("b1", 4) == tree.note("b1") == ""
    tree.write_note("b1", "Here it decides.", 4)
    tree.write_note("b1", "The wrong one.")
    assert tree.notes == (Note("b1", None, "The wrong one."), Note("b1", 4, "Here it decides."))
    tree.write_note("b1", "  \n", 4)
    assert tree.notes == (Note("b1", None, "The wrong one."),)


def test_branches_share_the_note_of_a_token_that_they_share() -> None:
    """b2 left b1 at 3, and b3 left b2 at 7: token 2 is b1's in all three, token 5 is b2's."""
    tree = tree_of()
    tree.write_note("b3", "shared by all", 2)
    tree.write_note("b3", "b2 and b3", 5)
    tree.write_note("b3", "forced", 7)
    tree.write_note("b1", "only b1", 5)
    assert [(each.branch, each.position) for each in tree.notes] == [
        ("b1", 2),
        ("b1", 5),
        ("b2", 5),
        ("b3", 7),
    ]
    assert tree.notes_on("b1") == {2: "shared by all", 5: "only b1"}
    assert tree.notes_on("b2") == {2: "shared by all", 5: "b2 and b3"}
    assert tree.notes_on("b3") == {2: "shared by all", 5: "b2 and b3", 7: "forced"}
    assert tree.note("b2", 7) == "", "its own token stays where it was"
    for branch in tree.branches:
        own = {i: tree.note(branch.id, i) for i in range(len(branch.chain))}
        assert tree.notes_on(branch.id) == {i: text for i, text in own.items() if text}


def test_undo_and_redo_lose_no_note_and_undo_none() -> None:
    tree = tree_of()
    tree.write_note("b3", "on a branch", 8)
    tree.write_note("b1", "on the root", 3)
    tree.undo()  # b3
    assert tree.notes == (Note("b1", 3, "on the root"),)
    tree.undo()  # the name of b2
    tree.redo()
    tree.redo()
    assert tree.notes == (Note("b1", 3, "on the root"), Note("b3", 8, "on a branch"))
    tree.undo()
    tree.add_branches("b1", 3, [(chain_of(WORDS), CORRECT)])  # b3 is gone; b4 is another one
    assert tree.notes == (Note("b1", 3, "on the root"),)
    assert reopened(tree).notes == tree.notes


def test_a_name_and_a_verdict_of_a_branch_keep_its_notes() -> None:
    tree = tree_of()
    tree.write_note("b2", "kept", 4)
    tree.rename("b2", "other")
    tree.overrule("b2", None)
    assert tree.note("b2", 4) == "kept"


def test_notes_are_in_the_session_s_file() -> None:
    tree = tree_of()
    tree.write_note("b2", "two\nlines", 4)
    tree.write_note("b2", "<b>é 你</b>")
    assert reopened(tree).notes == tree.notes
    assert json.loads(tree.dumps())["notes"] == [
        {"branch": "b2", "position": None, "text": "<b>é 你</b>"},
        {"branch": "b2", "position": 4, "text": "two\nlines"},
    ]


def test_a_file_without_notes_opens() -> None:
    data = json.loads(session_of(tree_of()).dumps())
    del data["trees"][0]["notes"]
    assert Session.from_json(data).trees
    for path in sorted((ROOT / "sample_data" / "sessions").glob("*.json")):
        assert all(not tree.notes for tree in Session.loads(path.read_bytes()).trees.values())


@pytest.mark.parametrize(
    "notes",
    [
        None,
        {},
        "x",
        [None],
        [{}],
        [{"branch": "b9", "position": 0, "text": "x"}],
        [{"branch": "b1", "position": 10, "text": "x"}],
        [{"branch": "b1", "position": -1, "text": "x"}],
        [{"branch": "b1", "position": True, "text": "x"}],
        [{"branch": "b1", "position": 1.0, "text": "x"}],
        [{"branch": "b1", "position": "1", "text": "x"}],
        [{"branch": "b1", "position": 1, "text": 7}],
        [{"branch": "b1", "position": 1, "text": "x" * (MAX_NOTE + 1)}],
        [{"branch": "b1", "position": 1, "text": "\x1b[31m"}],
        [{"branch": "b1", "position": 1, "text": "\ud800"}],
        [{"branch": "b1", "position": 1, "text": "x"}] * (MAX_NOTES + 1),
    ],
)
def test_damaged_notes_are_refused_in_words(notes: Any) -> None:
    data = json.loads(session_of(tree_of()).dumps())
    data["trees"][0]["notes"] = notes
    with pytest.raises(SessionError, match="notes in this file are damaged"):
        Session.from_json(json.loads(json.dumps(data)))


def test_a_file_s_note_on_a_shared_token_is_the_parent_s() -> None:
    data = json.loads(session_of(tree_of()).dumps())
    data["trees"][0]["notes"] = [{"branch": "b3", "position": 1, "text": "x"}]
    tree = Session.from_json(data).tree
    assert tree is not None
    assert tree.notes == (Note("b1", 1, "x"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * (MAX_NOTE + 1), "2,001 characters"),
        ("a\x00b", r"U\+0000"),
        ("a\u202eb", r"U\+202E"),
        ("\ud800", r"U\+D800"),
    ],
)
def test_what_can_t_be_kept_is_refused(text: str, says: str) -> None:
    tree = tree_of()
    tree.write_note("b1", "before", 1)
    with pytest.raises(NoteError, match=says):
        tree.write_note("b1", text, 1)
    assert tree.note("b1", 1) == "before"


def test_a_place_that_doesn_t_exist_is_refused() -> None:
    tree = tree_of()
    with pytest.raises(PositionError, match="no branch 'b9'"):
        tree.write_note("b9", "x")
    for position in (-1, 10):
        with pytest.raises(PositionError, match="no position"):
            tree.write_note("b1", "x", position)


def test_a_tree_has_so_many_notes_and_no_more() -> None:
    tree = ForkTree(Problem("long", "?"))
    tree.add_root(chain_of([" a"] * (MAX_NOTES + 1)), WRONG)
    for i in range(MAX_NOTES):
        tree.write_note("b1", "x", i)
    with pytest.raises(NoteError, match="1,000 notes already"):
        tree.write_note("b1", "x", MAX_NOTES)
    tree.write_note("b1", "changed", 0)
    tree.write_note("b1", "", 1)
    tree.write_note("b1", "x", MAX_NOTES)
    assert len(tree.notes) == MAX_NOTES


def test_notes_that_redo_brings_back_count_so_that_the_session_can_be_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.chains.tree.MAX_NOTES", 2)
    tree = tree_of()
    tree.write_note("b3", "on a branch", 8)
    tree.undo()
    tree.write_note("b1", "first", 0)
    with pytest.raises(NoteError):
        tree.write_note("b1", "one too many", 1)
    tree.redo()
    assert len(tree.notes) == 2


@given(st.text())
def test_a_tidy_note_is_tidy_and_one_can_write_anything_that_can_be_shown(text: str) -> None:
    try:
        tidy = tidy_note(text)
    except NoteError:
        return
    assert tidy_note(tidy) == tidy
    assert json.loads(json.dumps(tidy)) == tidy
    tidy.encode("utf-8")


def test_words_of_people_are_kept() -> None:
    for text in ("95\u00a0%", "👩\u200d👧", "می\u200cخواهم", "a\u0301", "a\n\nb"):
        assert tidy_note(f"\n {text}\t\n") == text


def test_all_notes_of_a_session_are_listed_and_searched() -> None:
    first, second = tree_of(), ForkTree(Problem("other-2", "How far is the mill?"))
    second.add_root(chain_of(WORDS), CORRECT)
    first.write_note("b2", "It Counts cuts here", 3)
    first.write_note("b1", "The whole chain is lazy")
    second.write_note("b1", "Same word: counts", 9)
    session = session_of(first, second)
    listed = notes_of_session(session)
    assert [each.place for each in listed] == ["b1 · the chain", "b2 · #3 ␣were", "b1 · #9 ␣cut"]
    assert [each.tree for each in listed] == [key for key in session.trees for _ in "xx"][:3]

    def places(query: str) -> list[str]:
        return [each.place for each in found_notes(listed, query)]

    assert places("counts") == ["b2 · #3 ␣were", "b1 · #9 ␣cut"]
    assert places("  COUNTS here ") == ["b2 · #3 ␣were"]
    assert places("mill") == ["b1 · #9 ␣cut"]
    assert places("<b>MINE") == ["b2 · #3 ␣were"]  # the branch's name
    assert places("were") == ["b2 · #3 ␣were"]
    assert places("") == [each.place for each in listed]
    assert places("nowhere") == []
    assert [each.place for each in notes_of_tree(second)] == ["b1 · #9 ␣cut"]
