"""What a person set comes back on another page and after a refresh, whatever the session says."""

from __future__ import annotations

import ast
import json
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from drawn_app import needs_demo, unfolded
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from core.chains.session import Session, SessionFolder
from core.chains.settings import GenerationSettings
from core.disagreement.settings import CompareSettings
from core.evaluation.settings import EvaluationSettings
from core.interventions.settings import InterventionSettings
from core.reasonmaxxer.recipe import recipe_of
from core.runs import jobs
from core.runs.runs_folder import RunsFolder
from core.system.setting import setting, setting_names
from explorer.shared.setting_fields import field_help
from explorer.state import BrowserState, welcome_session

ROOT = Path(__file__).resolve().parents[2]
APP = str(ROOT / "explorer" / "app.py")
PAGES = ("explore", "interventions", "compare", "finetune", "evaluate")
FIELDS = {"explore": 11, "interventions": 9, "compare": 8, "finetune": 35, "evaluate": 8}
"""At least so many fields are on each page."""
pytestmark = [needs_demo, pytest.mark.usefixtures("sessions")]


def opened(page: str, session: str | None = None) -> AppTest:
    """A new browser tab on a page."""
    app = AppTest.from_file(APP, default_timeout=300)
    if session is not None:
        app.query_params["session"] = session
    app.run()
    return on(app, page)


def on(app: AppTest, page: str) -> AppTest:
    if page != "explore" or app.session_state["browser_state"].page != "Explore":
        app.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not app.exception
    return unfolded(app, "grow") if page == "explore" else app


def state(app: AppTest) -> BrowserState:
    found: BrowserState = app.session_state["browser_state"]
    return found


def fields(app: AppTest) -> dict[str, Any]:
    """Every field of the page's forms by its key; those of the sidebar have none."""
    kinds = ("number_input", "selectbox", "multiselect", "text_input", "text_area", "checkbox")
    return {each.key: each for kind in kinds for each in getattr(app.main, kind) if each.key}


def values(app: AppTest) -> dict[str, Any]:
    return {key: each.value for key, each in fields(app).items() if not key.startswith("name of ")}


def set_otherwise(app: AppTest, key: str) -> None:
    """Give a field a value that it has not."""
    field = fields(app)[key]
    match field.type:
        case "number_input":
            step = field.step or 1
            before = field.value if field.value is not None else 3 - step
            fits = before + step <= field.max
            field.set_value(before + step if fits else before - step)
        case "selectbox":
            at = field.options.index(field.format_func(field.value)) if field.value else -1
            field.select_index((at + 1) % len(field.options))
        case "multiselect":
            field.unselect(field.value[0])
        case "checkbox":
            field.set_value(not field.value)
        case "text_input" if key.endswith(" examples"):  # a number of built-in ones, or a file
            field.set_value("2")
        case _:
            field.set_value(f"{field.value} ~/typed {{problem}} <b>é 你")
    app.run()
    assert not app.exception, key


@pytest.mark.parametrize("page", PAGES)
def test_every_field_comes_back_from_another_page_and_after_a_refresh(page: str) -> None:
    app = opened(page)
    defaults = values(app)
    for key in defaults:
        if key == "evaluation protocol":  # it sets other fields: tests/app/test_words_and_protocol
            continue
        if key in fields(app) and not fields(app)[key].disabled:
            options = getattr(fields(app)[key], "options", None)
            if options is None or len(options) > 1:
                set_otherwise(app, key)
    wanted = values(app)
    changed = [key for key in wanted if wanted[key] != defaults.get(key)]
    assert len(wanted) >= FIELDS[page]
    assert len(changed) >= len(wanted) - 4, set(wanted) - set(changed)
    other = "evaluate" if page == "explore" else "explore"
    assert values(on(on(app, other), page)) == wanted
    again = opened(page, state(app).opened.id)
    assert values(again) == wanted
    assert not again.error or page in ("compare", "finetune"), again.error


# Fields of the prompt, explorer/shared/prompt_panel.py.
PROMPT = {"prompt_style", "template", "examples", "prompt_date", "stop", "keep_run_on"}
FORMS: dict[str, tuple[str, BaseModel | type[BaseModel], set[str]]] = {
    "explore": ("", GenerationSettings, {"samples", "batch_size"}),
    "interventions": (
        "study ",
        InterventionSettings,
        {"arms", "alternatives", "batch_size", "taus", "budgets"},  # curves need a teacher
    ),
    "compare": ("compare ", CompareSettings, {"batch_size"}),
    "finetune": (
        "tuning demo ",
        recipe_of("demo"),
        {"preset", "held_out.sampling.top_p", "training.weighting"},  # which needs a teacher
    ),
    "evaluate": ("evaluation ", EvaluationSettings, {"batch_size"}),
}
"""How the keys of a page's settings begin, the settings, and those without a field of this key."""

NUMBERS = ("whole", "real", "optional", "optional_real", "switch")
"""Methods of a form that take a default and bounds."""


@pytest.mark.parametrize("page", PAGES)
def test_label_help_bounds_and_default_of_a_field_are_the_setting_s(page: str) -> None:
    prefix, settings, others = FORMS[page]
    drawn = fields(opened(page))
    names = set(setting_names(settings)) - PROMPT - others
    assert {name for name in names if f"{prefix}{name}" not in drawn} == set()
    for name in names:
        field, found = drawn[f"{prefix}{name}"], setting(settings, name)
        assert (field.label, field.help or "") == (found.label, field_help(found, name)), name
        assert field_help(found, name).startswith(found.help)
        value = tuple(field.value) if field.type == "multiselect" else field.value
        assert value == found.default, name
        if field.type == "selectbox":
            assert tuple(field.options) == found.choices, name
        if field.type == "number_input":
            for shown, bound, is_open in (
                (field.min, found.low, found.open_low),
                (field.max, found.high, found.open_high),
            ):
                if is_open:  # the next number that can be seen
                    assert 0 < abs(shown - bound) < 0.0101, name
                elif isfinite(bound):
                    assert shown == bound, name
                else:
                    assert abs(shown) == 2**53 - 1, name


def test_the_pages_have_no_bounds_or_defaults_of_their_own() -> None:
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "explorer").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            method = node.func if isinstance(node, ast.Call) else None
            if isinstance(method, ast.Attribute) and method.attr in NUMBERS:
                found.setdefault(path.name, []).append(method.attr)
    # Facts of a run or of a file: how many problems there are, what a finished run cost an hour.
    assert found.pop("problem_choice.py") == ["whole"]
    assert found.pop("cost.py") == ["real"]
    # Which of a file's rewards are correct.
    assert found.pop("fine_tune.py") == ["real"]
    # Whether a stored chain is coloured, which starts on where its model is loaded.
    assert found.pop("stored_chain_view.py") == ["switch"]
    assert set(found) == {"setting_fields.py"}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_s_address_names_the_session(page: str) -> None:
    app = opened(page)
    assert app.query_params["session"] in ([state(app).opened.id], state(app).opened.id)


@cache
def default_values(page: str) -> dict[str, Any]:
    return values(opened(page))


def save(folder: Path, **form: object) -> str:
    """A session file with a form that was not made by any field."""
    session = welcome_session()
    assert session is not None
    session_id = SessionFolder.new_id()
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(json.loads(session.dumps()) | form)
    (folder / f"{session_id}.json").write_text(data, encoding="utf-8")
    return session_id


@pytest.mark.parametrize(
    "hostile",
    [
        None, True, -1, 10**40, 1e308, float("nan"), float("-inf"), "", "no such\0choice",
        "\ud800", [], ["no such choice"], [1, None], {"a": 1}, [["x"]], ["q_proj", "q_proj"],
    ],
    ids=repr,
)  # fmt: skip
def test_values_that_no_field_made_are_ignored(hostile: object, sessions: Path) -> None:
    defaults = {page: default_values(page) for page in PAGES}
    keys = [key for page in PAGES for key in defaults[page]]
    form = dict.fromkeys([*keys, "tau", "shown unit", "shown colour"], hostile)
    app = opened("explore", save(sessions, form=form))
    for page in PAGES:
        found = values(on(app, page))
        # Any text may be a teacher's name, and a problem set that was chosen has no chain yet.
        expected = {key for key in defaults[page] if not key.startswith(("expand ", "note on "))}
        assert found.keys() >= expected - {"study arms False"}, page
        for key, field in fields(app).items():
            if field.type == "number_input" and field.value is not None:
                assert field.min <= field.value <= field.max, key
        assert 0 <= state(app).tau <= 4
        assert state(app).unit in ("nats", "bits")
        state(app).opened.save()
        assert state(app).opened.notice is None, page


ABSENT = object()
"""For a session file of before there were forms."""


@pytest.mark.parametrize("form", [ABSENT, None, [], "x", 7, {"": "x", "seed": {}}])
def test_a_file_without_a_form_means_defaults(form: object, sessions: Path) -> None:
    session_id = save(sessions, form=None if form is ABSENT else form)
    if form is ABSENT:
        path = sessions / f"{session_id}.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        del data["form"]
        path.write_text(json.dumps(data), encoding="utf-8")
    assert values(opened("explore", session_id)) == default_values("explore")


def test_the_form_is_in_the_session_s_file(sessions: Path) -> None:
    app = opened("explore")
    app.number_input(key="temperature").set_value(0.7).run()
    app.number_input(key="seed").set_value(77).run()
    stored = SessionFolder(sessions).load(state(app).opened.id)
    assert stored is not None
    assert stored.form["temperature"] == 0.7
    assert stored.form["seed"] == 77
    assert Session.loads(stored.dumps()).form == stored.form


def test_an_own_question_comes_back_typed_or_generated(sessions: Path) -> None:
    app = opened("explore")
    app.selectbox(key="problem_set").set_value("My own question").run()
    app.text_area(key="own_question").set_value("What is 2 + 2?").run()
    app.text_input(key="own_gold").set_value("4").run()
    app.number_input(key="max_new_tokens").set_value(12).run()

    def check(app: AppTest) -> None:
        assert app.selectbox(key="problem_set").value == "My own question"
        assert app.text_area(key="own_question").value == "What is 2 + 2?"
        assert app.text_input(key="own_gold").value == "4"
        assert app.number_input(key="max_new_tokens").value == 12

    check(on(on(app, "runs"), "explore"))
    check(opened("explore", state(app).opened.id))
    next(each for each in app.button if each.label == "Generate").click().run()
    task = state(app).opened.task
    assert task is not None
    assert task.wait(300)
    for tab in (on(on(app, "runs"), "explore"), opened("explore", state(app).opened.id)):
        check(tab)
        tree = state(tab).opened.session.tree
        assert tree is not None
        assert (tree.problem.question, len(tree.branches)) == ("What is 2 + 2?", 1)
    # Another set and back: the question is still there.
    app.selectbox(key="problem_set").set_value("Demo problems").run()
    app.selectbox(key="problem_set").set_value("My own question").run()
    check(app)


def test_a_problem_opened_by_another_page_is_in_the_picker_whatever_was_typed() -> None:
    app = opened("explore")
    on_screen = state(app).opened.session.tree
    assert on_screen is not None
    app.selectbox(key="problem_set").set_value("My own question").run()
    on(app, "evaluate")
    state(app).opened.open_problem(on_screen.problem)
    on(app, "explore")
    assert app.selectbox(key="problem_set").value == "Demo problems"
    assert app.selectbox(key="problem of Demo problems").value.startswith(on_screen.problem.id)


def test_one_tab_doesn_t_undo_what_another_one_set() -> None:
    one = opened("evaluate")
    two = opened("evaluate", state(one).opened.id)
    one.number_input(key="evaluation samples").set_value(9).run()
    two.number_input(key="evaluation seed").set_value(5).run()
    third = opened("evaluate", state(one).opened.id)
    assert third.number_input(key="evaluation samples").value == 9
    assert third.number_input(key="evaluation seed").value == 5


def test_an_opened_file_brings_its_own_values() -> None:
    app = opened("explore")
    app.number_input(key="seed").set_value(77).run()
    session = welcome_session()
    assert session is not None
    session.form = {"temperature": 1.5, "tau": 0.5}
    state(app).open_session(session)
    again = opened("explore", state(app).opened.id)
    assert again.number_input(key="temperature").value == 1.5
    assert again.number_input(key="seed").value == 0
    assert state(again).tau == 0.5


@pytest.mark.parametrize(
    ("page", "label", "style", "template"),
    [
        ("interventions", "Run", "study style", "study template"),
        ("compare", "Compare", "compare style", "compare template"),
        ("compare", "Distil", "distillation demo style", "distillation demo template"),
        ("finetune", "Run all steps", "tuning demo prompt style", "tuning demo prompt template"),
        ("finetune", "Sample rollouts", "tuning demo prompt style", "tuning demo prompt template"),
        ("evaluate", "Run", "evaluation style", "evaluation template"),
    ],
)
def test_a_run_asks_as_the_page_says(
    page: str,
    label: str,
    style: str,
    template: str,
    user_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)
    app = opened(page)
    app.selectbox(key=style).set_value("plain").run()
    app.text_area(key=template).set_value("Q: {problem}\nA:").run()
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception
    assert not app.error
    (run,) = RunsFolder(user_folder / "runs").list()
    assert run.config.settings["prompt_style"] == "plain"
    assert run.config.settings["template"] == "Q: {problem}\nA:"
