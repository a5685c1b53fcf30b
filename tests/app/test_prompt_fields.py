"""Examples and stop strings that can't be used start no work: a run would not be what was asked."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from test_form_values import fields, on, opened, pytestmark

from core.runs.runs_folder import RunsFolder

__all__ = ["pytestmark"]

FAULTS = [
    (" examples", "missing.jsonl", "missing.jsonl can't be read"),
    (" stop", "a" * 201, "stop"),
]


def typed(app: AppTest, key: str, text: str) -> Any:
    (field,) = (each for name, each in fields(app).items() if name.endswith(key))
    field.set_value(text)
    return app.run()


def messages(app: AppTest) -> str:
    return " ".join(each.value for each in app.error).replace("\\", "")  # of markdown


@pytest.mark.parametrize(("key", "text", "reason"), FAULTS)
@pytest.mark.parametrize("page", ["evaluate", "interventions"])
def test_a_run_is_refused_in_words(page: str, key: str, text: str, reason: str) -> None:
    app = typed(opened(page), key, text)
    assert reason in messages(app)
    next(each for each in app.button if each.label == "Run").click()
    app.run()
    assert not app.exception
    assert reason in messages(app)
    assert RunsFolder().list() == []


@pytest.mark.parametrize(("key", "text", "reason"), FAULTS)
def test_no_chain_is_generated(key: str, text: str, reason: str) -> None:
    app = typed(on(opened("explore"), "explore"), key, text)
    assert reason in messages(app)
    (generate,) = (each for each in app.button if each.label == "Generate")
    assert generate.disabled
    assert not typed(app, key, "").error
