"""The Explore page without a browser: it draws, forces and undoes, and keeps sessions."""

from __future__ import annotations

from pathlib import Path

from drawn_app import APP, needs_demo, state, tree
from streamlit.testing.v1 import AppTest

from explorer.explore.forcing import force

pytestmark = needs_demo


def select_strongest_fork(app: AppTest) -> int:
    branch = tree(app).selected
    assert branch is not None
    position = int(branch.chain.entropy.argmax())
    tree(app).select(branch.id, position)
    app.run()
    return position


def use(app: AppTest, rank: int = 0) -> None:
    """Force an alternative at the selected token, counted among those that the chain lacks."""
    branch, position = tree(app).selected, tree(app).selection.position
    assert branch is not None
    assert position is not None
    own = branch.chain.token_ids[position]
    ids = [int(each) for each in branch.chain.statistics.top_ids[position] if each != own]
    force(state(app), branch, position, ids[rank])
    task = state(app).opened.task
    if task is not None:
        assert task.wait(300)
    app.run()
    assert not app.exception


def click(app: AppTest, label: str) -> None:
    next(each for each in app.button if each.label == label).click().run()
    task = state(app).opened.task
    if task is not None:
        assert task.wait(300)
        app.run()
    assert not app.exception


def test_a_chain_is_there_at_once_with_its_notice(app: AppTest) -> None:
    assert len(tree(app).branches) == 1
    assert any("Teaching model" in caption.value for caption in app.caption)
    assert not app.error


def test_force_undo_redo(app: AppTest) -> None:
    position = select_strongest_fork(app)
    use(app)
    assert len(tree(app).branches) == 2
    forked = tree(app).selected
    assert forked is not None
    assert (forked.parent, forked.position) == ("b1", position)
    click(app, "Undo")
    assert len(tree(app).branches) == 1
    click(app, "Redo")
    assert tree(app).selected == forked


def test_forcing_the_same_token_twice_makes_one_branch(app: AppTest) -> None:
    position = select_strongest_fork(app)
    use(app)
    tree(app).select("b1", position)
    app.run()
    use(app)
    assert len(tree(app).branches) == 2


def test_another_token_at_the_same_place_is_a_sibling(app: AppTest) -> None:
    select_strongest_fork(app)
    use(app)
    use(app, 3)
    assert [branch.parent for branch in tree(app).branches] == [None, "b1", "b1"]


def test_another_problem_has_a_tree_of_its_own_and_the_first_one_stays(app: AppTest) -> None:
    first = tree(app).problem
    picker = next(each for each in app.selectbox if each.label == "Problem")
    picker.select_index(0).run()
    assert tree(app).problem != first
    assert tree(app).branches == ()
    click(app, "Generate")
    assert len(tree(app).branches) == 1
    assert len(state(app).opened.session.trees) == 2


def test_a_session_is_kept_on_disk_and_comes_back_by_its_link(
    app: AppTest, user_folder: Path
) -> None:
    position = select_strongest_fork(app)
    use(app)
    session_id = state(app).opened.id
    assert (user_folder / "sessions" / f"{session_id}.json").is_file() or list(
        user_folder.parent.parent.rglob(f"{session_id}.json")
    )
    again = AppTest.from_file(APP, default_timeout=300)
    again.query_params["session"] = session_id
    again.query_params["branch"] = "b1"
    again.query_params["token"] = str(position + 1)
    again.run()
    assert not again.exception
    assert len(tree(again).branches) == 2
    assert tree(again).selection.branch == "b1"
    assert tree(again).selection.position == position + 1
