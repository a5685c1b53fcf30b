"""A component that is mounted again at its place stands there once: Streamlit ends and begins a
component anew without clearing its place."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import streamlit as st
from harness_data import STORY, nodes_of, view_of
from playwright.sync_api import Page

from explorer import components
from explorer.components.row_table.view import Column, RowTable, TableRow

FOLDER = Path(components.__file__).parent
MOUNT_TWICE = """async ({ js, data }) => {
  const module = await import(URL.createObjectURL(new Blob([js], { type: "text/javascript" })));
  const parentElement = document.createElement("div");
  document.body.replaceChildren(parentElement);
  const nothing = () => {};
  const mount = () => module.default(
    { data, parentElement, setStateValue: nothing, setTriggerValue: nothing });
  const counts = [];
  for (let i = 0; i < 2; i++) {
    const leave = mount();
    mount();
    counts.push(parentElement.querySelectorAll("*").length);
    leave();
  }
  return [...counts, parentElement.children.length];
}"""


def grid(own: ModuleType) -> None:
    cell = own.GridCell(3, 1, "␣So")
    table = own.GridTable("At forks", "0 of 1", [own.GridRow(0, "␣The", "1.2 nats", [cell])])
    own.attempt_grid([table], chain_id="a", key="grid")


def alternatives(own: ModuleType) -> None:
    row = own.AlternativeRow((3,), "1", "␣So", "41.0 %", 0.41)
    own.alternatives_table(own.AlternativesTable("a", 0, [row]), key="table")


def rows(own: ModuleType) -> None:
    table = RowTable("t", "Runs", [Column("name", "Name")], [TableRow("a", ["first"])])
    own.row_table(table, key="rows")


DRAWN: Mapping[str, Callable[[ModuleType], object]] = {
    "attempt_grid": grid,
    "alternatives_table": alternatives,
    "branch_tree": lambda own: own.branch_tree(nodes_of(6), selected="root", key="tree"),
    "row_table": rows,
    "token_heatmap": lambda own: own.token_heatmap(view_of(STORY, "root"), key="chain"),
}


def test_every_component_that_draws_is_looked_at() -> None:
    drawing = {each.parent.name for each in FOLDER.glob("*/component.py")} - {
        "help_key",
        "kept_mark",
        "steady",
    }
    assert drawing == set(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_a_component_stands_once_at_its_place(
    name: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered: dict[str, Any] = {}
    messages: list[dict[str, Any]] = []

    def component(_name: str, **files: Any) -> Callable[..., dict[str, Any]]:
        registered.update(files)
        return lambda **given: messages.append(given["data"]) or {}

    monkeypatch.setattr(st.components.v2, "component", component)
    spec = importlib.util.spec_from_file_location(
        f"explorer.components.{name}.mounted_again", FOLDER / name / "component.py"
    )
    assert spec is not None
    assert spec.loader is not None
    own = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, own)  # dataclasses look for it there
    spec.loader.exec_module(own)
    DRAWN[name](own)
    page.goto("about:blank")
    first, second, left = page.evaluate(MOUNT_TWICE, {"js": registered["js"], "data": messages[0]})
    assert (second, left) == (first, 0)
