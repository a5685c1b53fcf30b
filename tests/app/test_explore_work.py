"""Explore while it works: cells fill one by one, nothing leaves the page, fields keep values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from drawn_app import done, needs_demo, selected, state, tree, unfolded
from streamlit.testing.v1 import AppTest

from core.chains.generation import Fork, fork
from core.chains.judging import judge
from core.chains.phrases import readings
from core.models.spec import ModelSpec
from explorer import open_session
from explorer.components.alternatives_table import AlternativeRow
from explorer.explore.alternatives import Place, place_in, probability_text, rows_of
from explorer.explore.fix import fix_marks
from explorer.explore.forcing import force
from explorer.explore.work_line import progress_words
from explorer.workbench import workbench

pytestmark = needs_demo


def place(app: AppTest) -> Place:
    position = tree(app).selection.position
    assert position is not None
    return place_in(state(app), tree(app), selected(app), position)


@pytest.fixture
def fork_of(app: AppTest) -> Place:
    """The strongest fork of the welcome chain, selected."""
    branch = selected(app)
    tree(app).select(branch.id, int(branch.chain.entropy.argmax()))
    unfolded(app, "pivotality")
    return place(app)


def rows(place: Place) -> list[AlternativeRow]:
    return rows_of(place, {})


def others(place: Place) -> list[tuple[int, ...]]:
    ids = [(int(each),) for each in place.chain.statistics.top_ids[place.position]]
    return [each for each in ids if each != place.chosen]


class Gate:
    """Lets the continuations be judged one after another."""

    def __init__(self) -> None:
        self.tickets = threading.Semaphore(0)
        self.judged = threading.Semaphore(0)

    def judge(self, *args: Any) -> Any:
        assert self.tickets.acquire(timeout=300)
        return judge(*args)

    def let(self, place: Place, count: int) -> None:
        """Judge one more, and wait until `count` are there."""
        self.tickets.release()
        for _ in range(30_000):
            if len(place.state.opened.endings(place.chain, place.position)) >= count:
                return
            threading.Event().wait(0.01)
        raise AssertionError("no continuation came")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(open_session, "judge", gate.judge)
    yield gate
    for _ in range(100):
        gate.tickets.release()


def test_cells_fill_one_by_one_and_nothing_leaves_the_page(
    app: AppTest, fork_of: Place, gate: Gate
) -> None:
    before = [each.label for each in app.button]
    opened = state(app).opened
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, others(fork_of))
    for count in (1, 2):
        gate.let(fork_of, count)
        shown = rows(fork_of)
        assert sum(bool(row.leads.text) for row in shown) == 1 + count  # and the chain's own
        assert sum(row.leads.busy for row in shown) == 4 - count
        assert all(row.enabled for row in shown), "each is there, or on its way"
        app.run()
        assert not app.exception
        labels = [each.label for each in app.button]
        assert [each for each in labels if each != "Cancel"] == before
        assert "Cancel" in labels
        assert not next(each for each in app.button if each.label == "Next fork").value
    for _ in range(4):
        gate.tickets.release()
    done(app)
    assert all(row.leads.text and not row.leads.busy for row in rows(fork_of))


def test_what_was_finished_stays_when_the_rest_is_cancelled(
    app: AppTest, fork_of: Place, gate: Gate
) -> None:
    opened = state(app).opened
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, others(fork_of))
    gate.let(fork_of, 1)
    opened.cancel()
    for _ in range(4):
        gate.tickets.release()
    done(app)
    known = opened.endings(fork_of.chain, fork_of.position)
    assert 1 <= len(known) < 4 or all(len(each.chain) for each in known.values())
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, others(fork_of))
    for _ in range(4):
        gate.tickets.release()
    done(app)
    after = opened.endings(fork_of.chain, fork_of.position)
    assert len(after) == 4
    assert all(after[ids] is ending for ids, ending in known.items()), "not computed twice"


def test_a_second_click_on_a_preview_at_work_becomes_the_branch_when_it_ends(
    app: AppTest, fork_of: Place, gate: Gate
) -> None:
    wanted = others(fork_of)[0]
    opened = state(app).opened
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, [wanted], preview=True)
    force(state(app), fork_of.branch, fork_of.position, *wanted)
    assert opened.notice is None
    assert len(tree(app).branches) == 1
    gate.tickets.release()
    done(app)
    assert len(tree(app).branches) == 2
    assert selected(app).token_ids == wanted
    assert tree(app).selection.position == fork_of.position


def test_a_token_beyond_the_top_five_has_a_row_of_its_own(app: AppTest, fork_of: Place) -> None:
    top = {each for (each,) in others(fork_of)} | set(fork_of.chosen)
    lm = workbench().model(ModelSpec())
    rare = max(readings(lm, "saws"), key=lambda each: each.token_ids not in top)
    force(state(app), fork_of.branch, fork_of.position, rare.token_ids[0])
    done(app)
    assert selected(app).token_ids == rare.token_ids[:1]
    shown = rows(place(app))
    assert len(shown) == 6
    own = shown[-1]
    assert own.chosen
    assert own.token_ids == rare.token_ids[:1]
    assert own.probability == "< 0.1 %"
    assert own.rank or own.note.startswith("rank ")
    assert own.leads.text, "it leads where its branch ends"
    assert [row.chosen for row in shown] == [False] * 5 + [True]


def test_probabilities_are_written_in_one_way() -> None:
    assert probability_text(0.3931) == "39.3 %"
    assert probability_text(0.0004) == "< 0.1 %"
    assert probability_text(0.99999) == "100 %"


def test_a_phrase_becomes_one_branch_and_its_row_leads_there(app: AppTest, fork_of: Place) -> None:
    lm = workbench().model(ModelSpec())
    phrase = readings(lm, "10 cuts")[0]
    assert len(phrase.token_ids) > 1
    force(state(app), fork_of.branch, fork_of.position, *phrase.token_ids)
    done(app)
    assert len(tree(app).branches) == 2
    assert selected(app).token_ids == phrase.token_ids
    own = next(row for row in rows(place(app)) if row.chosen)
    assert own.token_ids == phrase.token_ids
    assert own.note.startswith(f"{len(phrase.token_ids)} tokens, ranks ")
    tree(app).select("b1", fork_of.position)
    app.run()
    assert any(row.token_ids == phrase.token_ids and row.leads.text for row in rows(place(app)))
    force(state(app), selected(app), fork_of.position, *phrase.token_ids)
    assert len(tree(app).branches) == 2, "the branch that is there is selected"


def test_samples_stay_as_they_were_set_and_their_cells_fill(app: AppTest, fork_of: Place) -> None:
    field = next(each for each in app.number_input if each.key == "pivotality samples")
    field.set_value(4).run()
    next(each for each in app.button if each.label == "Sample 4 each").click().run()
    done(app)
    assert [row.sampled.text.split("/")[1] for row in rows(fork_of)] == ["4"] * 5
    field = next(each for each in app.number_input if each.key == "pivotality samples")
    assert field.value == 4
    assert any(each.label == "Sample 4 each" for each in app.button)


def test_the_cost_is_said_before_with_the_pace_that_was_measured(
    app: AppTest, fork_of: Place
) -> None:
    def line() -> str:
        return next(each.value for each in app.caption if "continuations" in each.value)

    assert line().startswith("1 fork × 5 alternatives × 16 samples = 80 continuations")
    next(each for each in app.button if each.label == "Sample 16 each").click().run()
    done(app)
    assert state(app).opened.paces[ModelSpec()].speed() is not None
    assert ", about " in line()


def test_the_search_marks_tokens_and_the_grid_is_folded(app: AppTest, fork_of: Place) -> None:
    next(each for each in app.button if each.key == "find_fix").click().run()
    done(app)
    found = tree(app).findings("b1").fix
    assert found is not None
    marks = fix_marks(state(app), selected(app))
    turned = {each.attempt.position for each in (*found.attempts, *found.control) if each.turned}
    assert {at for at, mark in marks.items() if mark == "fixes"} == turned
    assert {each.attempt.position for each in found.attempts} <= set(marks)
    # What the search found fills the token's table, too.
    tried = {each.attempt.position for each in found.attempts}
    assert fork_of.position in tried
    assert all(row.leads.text for row in rows(fork_of))
    folded = next(each for each in app.expander if each.label == "Show all attempts")
    assert not folded.proto.expanded
    goes = [each for each in app.button if (each.key or "").startswith("go to hit")]
    assert len(goes) == min(6, sum(e.turned for e in (*found.attempts, *found.control)))
    goes[0].click().run()
    done(app)
    assert len(tree(app).branches) == 2


def test_a_preview_computes_a_continuation_once_and_keeps_it(app: AppTest, fork_of: Place) -> None:
    wanted = others(fork_of)[1]
    opened = state(app).opened
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, [wanted], preview=True)
    done(app)
    first = opened.endings(fork_of.chain, fork_of.position)[wanted]
    before = opened.task
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, [wanted], preview=True)
    assert opened.task is before, "it is known"
    (same,) = fork(
        workbench().model(ModelSpec()), fork_of.chain, [Fork.of(fork_of.position, wanted)]
    )
    assert first.chain.token_ids == same.token_ids


def test_a_chain_of_another_model_offers_to_load_it(app: AppTest, fork_of: Place) -> None:
    opened = state(app).opened
    opened.spec = ModelSpec("smollm2")
    app.run()
    button = next(each for each in app.button if each.label == "Load that model")
    assert not any(row.enabled for row in rows(fork_of) if not row.chosen)
    button.click().run()
    done(app)
    assert opened.spec == ModelSpec(dtype=opened.spec.dtype)
    assert any(each.label == "Try all five" for each in app.button)


def test_the_progress_says_steps_pace_and_time(app: AppTest, fork_of: Place, gate: Gate) -> None:
    opened = state(app).opened
    opened.try_alternatives(opened.spec, fork_of.branch, fork_of.position, others(fork_of))
    gate.let(fork_of, 1)
    assert opened.task is not None
    words = progress_words(opened.task, opened.work)
    assert words.startswith("Trying 4 alternatives · 1 of 4 done · step ")
    assert "tokens/s" in words
    assert " left" in words
    for _ in range(4):
        gate.tickets.release()
    done(app)
