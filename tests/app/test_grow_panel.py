"""Explore's panel that grows a tree: what it shows, opens, puts side by side and keeps."""

from __future__ import annotations

from dataclasses import replace

from drawn_app import done, needs_demo, selected, state, tree, unfolded
from streamlit.testing.v1 import AppTest

from core.chains.alignment import align_chains
from core.chains.expansion.records import Growth
from core.chains.session import Session
from core.components.tree_nodes import ending_of, grown_nodes
from explorer.explore.aligned import aligned_html
from explorer.explore.growing import grown_from, start_opening

pytestmark = needs_demo


def growth(app: AppTest) -> Growth:
    found = tree(app).findings(grown_from(tree(app), selected(app)).id).growth
    assert found is not None
    return found


def texts(app: AppTest) -> str:
    return "\n".join(str(each.value) for each in [*app.markdown, *app.caption])


def test_a_tree_grows_its_endings_open_as_branches_and_two_chains_are_compared(
    app: AppTest,
) -> None:
    root = selected(app)
    unfolded(app, "grow").number_input("expand budget").set_value(100).run()
    assert "about 140 tokens: more than the budget. In all at most 100 tokens" in texts(app)
    app.number_input("expand budget").set_value(400).run()
    assert "more than the budget" not in texts(app)
    next(each for each in app.button if each.key == "grow").click().run()
    done(app)
    found = growth(app)
    assert found.forks is not None
    assert found.random is not None
    assert found.forks.settings.budget == 400
    assert found.forks.settings.tau == state(app).tau
    assert found.forks.levels == found.random.levels
    shown = texts(app)
    assert f"**{found.forks.grown} endings** grew" in shown
    assert "At forks:" in shown
    assert "Control: at random positions" in shown
    assert "teaching model" in shown.lower()

    # The branch tree shows the endings; one that is opened is a branch from then on.
    nodes = grown_nodes(tree(app), root, found.forks)
    assert len(nodes) == min(found.forks.grown, 40)
    assert len(grown_nodes(tree(app), root, found.forks, most=2)) == 2
    deepest = len(found.forks.endings) - 1
    depth = len(found.forks.paths[deepest])
    start_opening(state(app), tree(app), root, deepest)
    done(app)
    branch, ending = selected(app), found.forks.endings[deepest]
    assert branch.chain.token_ids[branch.position :] == ending.token_ids
    assert branch.outcome.answer == ending.outcome.answer
    assert sum(branch.chain.forced) == depth
    assert len(tree(app).branches) == 1 + depth
    left = {each.id for each in grown_nodes(tree(app), root, found.forks)}
    assert len(left) == min(found.forks.grown - depth, 40)
    assert all(ending_of(each) is not None for each in left)
    assert "which this branch comes from" in texts(app), "the panel stays with its tree"

    # Beside the chain that it leaves: one step to each difference, and on from the last.
    state(app).beside = root.id
    app.run()
    aligned = align_chains(branch.chain, root.chain)
    for each in (*aligned.differences, aligned.differences[0]):
        next(b for b in app.button if b.label == "Next difference").click().run()
        assert not app.exception
        assert tree(app).selection.position == min(each.a[0], len(branch.chain) - 1)
    assert f"Difference 1 of {len(aligned.differences)}" in texts(app)
    kept = state(app).opened.session.current

    # Branches of another problem with the same ids: no step was made between these.
    twin = state(app).opened.open_problem(replace(root.chain.problem, id="twin"))
    assert twin.add_root(root.chain, root.outcome).id == root.id
    ways = [(branch.chain, branch.outcome)]
    while (same := twin.add_branches(root.id, ending.position, ways)[0]).id != branch.id:
        pass
    twin.select(same.id)
    state(app).beside = root.id
    app.run()
    assert f"**{len(aligned.differences)} difference" in texts(app)
    assert "Difference 1 of" not in texts(app)
    state(app).opened.session.current = kept

    # The session file keeps what grew.
    again = Session.loads(state(app).opened.session.dumps()).tree
    assert again is not None
    assert again.findings(root.id).growth == found


def test_aligned_text_marks_differences_by_number_and_underline_and_escapes_tokens(
    app: AppTest,
) -> None:
    chain = selected(app).chain
    ids, tokens = list(chain.token_ids), list(chain.tokens)
    ids[3], tokens[3] = 0, "<script>x</script>"
    other = replace(chain, token_ids=tuple(ids), tokens=tuple(tokens))
    html = aligned_html(chain, other, align_chains(chain, other), 0)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<mark>") == 2
    assert 'aria-label="Difference 1, current"' in html
