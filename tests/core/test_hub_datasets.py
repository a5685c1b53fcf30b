"""Hub datasets: a split becomes problems; what is not there or can't be reached is said."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError

from core.errors import ProblemError
from core.problems import hub
from core.problems.hub import read_hub_dataset
from core.problems.table import ColumnMapping, RowRefusal
from core.records import Problem


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset as the hub keeps one."""
    data = tmp_path / "sums" / "data"
    data.mkdir(parents=True)
    test = {
        "question": ["1 + 1?", "2 + 2?", None],
        "answer": ["1 + 1 = <<1+1=2>>2\n#### 2", "#### 4", "#### 5"],
        "image": [{"bytes": b"x"}] * 3,
    }
    pq.write_table(pa.table(test), data / "test-00000-of-00001.parquet")
    train = {"question": ["3 + 3?"], "answer": ["#### 6"], "image": [{"bytes": b"x"}]}
    pq.write_table(pa.table(train), data / "train-00000-of-00001.parquet")
    return tmp_path / "sums"


def test_a_split_becomes_problems(folder: Path) -> None:
    found = read_hub_dataset(str(folder), "test")
    assert found.problems == [
        Problem("sums-1", "1 + 1?", "2"),
        Problem("sums-2", "2 + 2?", "4"),
    ]
    assert found.refused == [RowRefusal(3, "the question is missing")]
    assert (found.shape, found.kind, found.columns) == (
        "GSM8K", "hub dataset", ("question", "answer"),
    )  # fmt: skip
    assert len(read_hub_dataset(str(folder), "test[:1]").problems) == 1
    mapping = ColumnMapping("answer", "question")
    assert read_hub_dataset(str(folder), "train", mapping=mapping).problems[0].answer == "3 + 3?"


def test_objects_of_a_dataset_are_read(tmp_path: Path) -> None:
    rows = [
        {"prompt": [{"role": "user", "content": f"{n} + 1?"}], "data_source": "x",
         "reward_model": {"style": "rule", "ground_truth": str(n + 1)},
         "extra_info": {"index": n, "picture": b"x"}}
        for n in range(3)
    ]  # fmt: skip
    (tmp_path / "rl").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rl" / "train.parquet", row_group_size=1)
    found = read_hub_dataset(str(tmp_path / "rl"), "train")
    assert found.shape == "verl"
    assert found.problems[2] == Problem("2", "2 + 1?", "3", "x")


def test_characters_inside_objects_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "long").mkdir()
    table = pa.table({"question": ["?"], "extra": [{"notes": [{"text": "x" * 500}]}]})
    pq.write_table(table, tmp_path / "long" / "train.parquet")
    monkeypatch.setattr(hub, "MAX_CHARS", 400)
    with pytest.raises(ProblemError, match="characters"):
        read_hub_dataset(str(tmp_path / "long"), "train")


@pytest.mark.parametrize(
    ("name", "split", "config", "reason"),
    [
        ("", "test", None, "no name"),
        ("{folder}", "validation", None, r"Unknown split .*train.*test"),
        ("{folder}", "test", "other", r"'other' not found. Available: \['default'\]"),
        ("{folder}/nothing", "test", None, "can't be read"),
        ("nobody/nothing", "test", None, "The hub can't be reached"),  # the tests are offline
    ],
)
def test_what_is_not_there_is_said(
    folder: Path, name: str, split: str, config: str | None, reason: str
) -> None:
    with pytest.raises(ProblemError, match=reason):
        read_hub_dataset(name.format(folder=folder), split, config)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            DatasetNotFoundError("Dataset 'a/b' doesn't exist"),
            "not on the hub, or you have no access",
        ),
        (DatasetNotFoundError("Dataset 'a/b' is a gated dataset"), "gated .*HF_TOKEN"),
        (ConnectionError("Couldn't reach 'a/b'"), "can't be reached"),
        (RuntimeError("Dataset scripts are no longer supported"), "scripts are no longer"),
        (DatasetGenerationError("broken file"), "DatasetGenerationError: broken file"),
    ],
)
def test_what_the_hub_refuses_is_explained(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(ProblemError, match=reason) as caught:
        read_hub_dataset("a/b", "test")
    assert caught.value.remedy


@pytest.fixture
def without_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra was left out: the package can't be found."""
    for name in [each for each in sys.modules if each.split(".")[0] == "datasets"]:
        monkeypatch.delitem(sys.modules, name)

    class Absent:
        def find_spec(self, name: str, *_: object) -> None:
            if name.split(".")[0] == "datasets":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])


@pytest.mark.usefixtures("without_datasets")
def test_the_extra_to_install_is_named_where_datasets_is_missing(run: Any) -> None:
    code, out, err = run("problems", "openai/gsm8k", "--hub", "--config", "main")
    assert (code, out) == (2, "")
    assert err == (
        "fork-explorer: Hub datasets need the package datasets, which is not installed. "
        "Install the extra hub-datasets: pip install "
        "'decision-fork-explorer[hub-datasets]'.\n"
    )
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert any(each.startswith("datasets>=") for each in extras["hub-datasets"])


def test_a_split_that_is_too_large_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MAX_ROWS", 2)
    with pytest.raises(ProblemError, match=r"has 3 rows, and 2 can be read.*test\[:5000\]"):
        read_hub_dataset(str(folder), "test")
    monkeypatch.setattr(hub, "MAX_ROWS", 3)
    monkeypatch.setattr(hub, "MAX_CHARS", 30)
    with pytest.raises(ProblemError, match="characters"):
        read_hub_dataset(str(folder), "test")


def test_a_dataset_runs_no_code_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "script.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ProblemError, match="scripts are no longer supported"):
        read_hub_dataset(str(folder), "test")


def test_reading_files_loads_neither_datasets_nor_pyarrow_nor_torch() -> None:
    code = (
        "import sys; from core.problems.problem_sets import demo_problems; demo_problems()\n"
        "print([m for m in ('datasets', 'pyarrow', 'torch', 'pandas') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
