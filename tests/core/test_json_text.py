"""What is written as JSON is JSON: no bare NaN anywhere."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from core.lora.callbacks import ProgressCallback
from core.system.json_text import json_text, json_with_list

ROOT = Path(__file__).resolve().parents[2]
SPEAK_TO_A_PROCESS_OR_QUOTE = {
    "worker.py", "checker.py", "worker_reports.py", "parquet_worker.py",
    "parquet_rows.py", "paths.py", "card.py", "adapter_card.py", "prompting.py", "json_text.py",
}  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_lacks_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_text({"a": [value]})


def test_text_stays_readable() -> None:
    assert json_text({"é": "∞"}) == '{"é": "∞"}'
    assert json_text("é", ascii_only=True) == '"\\u00e9"'
    assert json_text({"a": [1, 2]}, compact=True) == '{"a":[1,2]}'


@pytest.mark.parametrize("items", [[], ["1"], [{"b": "é\n"}, [], None]])
def test_a_list_of_texts_that_are_json_already(items: list[object]) -> None:
    text = json_with_list({"a": 1}, 'the "list"', (json_text(each) for each in items))
    assert json.loads(text) == {"a": 1, 'the "list"': items}


def test_everything_that_is_kept_or_printed_is_written_this_way() -> None:
    others = {
        path.relative_to(ROOT).as_posix()
        for folder in ("core", "explorer", "pages")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in SPEAK_TO_A_PROCESS_OR_QUOTE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("dump", "dumps")
        and isinstance(node.value, ast.Name)
        and node.value.id == "json"
    }
    assert others == set()


def test_a_training_log_leaves_out_figures_that_overflowed() -> None:
    written: dict[str, str] = {}

    class Work:
        def write(self, name: str, text: str) -> None:
            written[name] = text

    class State:
        log_history = [  # noqa: RUF012
            {"step": 1, "loss": 0.5, "grad_norm": float("inf")},
            {"step": 2, "loss": float("nan")},
            {"train_runtime": 3.0},
        ]

    ProgressCallback(Work(), "training", "history.json").on_log(None, State(), None)  # type: ignore[arg-type]
    assert json.loads(written["history.json"]) == [{"step": 1, "loss": 0.5}, {"step": 2}]
