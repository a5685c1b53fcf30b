"""Read problems from a dataset on the Hugging Face hub with `datasets`, never running its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from core.errors import ProblemError
from core.problems.arrow_rows import read_columns, size, values
from core.problems.conversion import make_table
from core.problems.table import MAX_ROWS, ColumnMapping, ProblemTable, Rows

if TYPE_CHECKING:
    from datasets import Dataset

MAX_CHARS = 100 * 1024**2
"""Maximum number of characters in a split."""

_BATCH = 1_000  # rows


def read_hub_dataset(
    name: str,
    split: str,
    config: str | None = None,
    revision: str | None = None,
    mapping: ColumnMapping | None = None,
) -> ProblemTable:
    """Read the problems of one split of a dataset, and the rows that are rejected.

    Earlier downloads are reused, also offline. A private dataset needs the token stored by `hf auth
    login`, or the environment variable HF_TOKEN.

    Args:
        name: the dataset's id on the hub, or a local folder that `datasets` can load.
        split: such as "test", or a part of it: "train[:500]".
        config: the subset, if there are several.
        revision: a branch, tag or commit.
        mapping: the role of each column; None: guessed.

    Raises:
        ProblemError: the extra `hub-datasets` is not installed; the dataset, subset or split
            doesn't exist or can't be reached; the split is too large; no question column; no valid
            row.
    """
    return make_table(read_hub_rows(name, split, config, revision), mapping)


def read_hub_rows(
    name: str, split: str, config: str | None = None, revision: str | None = None
) -> Rows:
    """The rows of a split, before columns are mapped; arguments as for `read_hub_dataset`.

    Raises:
        ProblemError: as `read_hub_dataset`.
    """
    dataset = _load(name, split, config, revision)
    if dataset.num_rows > MAX_ROWS:
        raise ProblemError(
            f"The split {split} of {name} has {dataset.num_rows:,} rows, and {MAX_ROWS:,} can be "
            "read.",
            f'Read a part of it: "{split.partition("[")[0]}[:5000]".',
        )
    try:
        columns = read_columns(dataset.features.arrow_schema)
    except ValueError as error:
        raise ProblemError(f"{name} can't be read: {error}.", "Use another dataset.") from error
    rows: list[tuple[int, dict[str, Any]]] = []
    chars = 0
    for batch in dataset.select_columns(list(columns)).with_format("arrow").iter(_BATCH):
        for row in _rows(batch, columns):
            chars += sum(map(size, row.values()))
            rows.append((len(rows) + 1, row))
        if chars > MAX_CHARS:
            raise ProblemError(
                f"The split {split} of {name} has more than {MAX_CHARS / 1024**2:,.0f} million "
                "characters.",
                f'Read a part of it: "{split.partition("[")[0]}[:500]".',
            )
    return Rows(name, "hub dataset", "row", columns, tuple(rows))


def _rows(batch: pa.Table, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    cells = [values(batch.column(column).combine_chunks()) for column in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]


def _load(name: str, split: str, config: str | None, revision: str | None) -> Dataset:
    if not name.strip() or not split.strip():
        raise ProblemError("The dataset or its split has no name.", "Name both.")
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetNotFoundError
    except ModuleNotFoundError as error:
        if error.name != "datasets":
            raise
        raise ProblemError(
            "Hub datasets need the package datasets, which is not installed.",
            "Install the extra hub-datasets: pip install 'decision-fork-explorer[hub-datasets]'.",
        ) from error

    try:
        return load_dataset(name, config, split=split, revision=revision)
    except DatasetNotFoundError as error:
        raise ProblemError(
            f"{name} is not on the hub, or you have no access to it ({_reason(error)}).",
            "Check its name and revision; for a private or gated one, ask for access and set "
            "HF_TOKEN.",
        ) from error
    except ConnectionError as error:
        raise ProblemError(
            f"The hub can't be reached, and {name} is not in the cache ({_reason(error)}).",
            "Check the network and HF_HUB_OFFLINE, or give a file of the problems.",
        ) from error
    except (ValueError, FileNotFoundError) as error:  # unknown split or subset
        raise ProblemError(
            f"{name} can't be read: {_reason(error)}.", "Choose an existing split and subset."
        ) from error
    except Exception as error:  # dataset files go through many readers, each with its own errors
        raise ProblemError(
            f"{name} can't be read ({type(error).__name__}: {_reason(error)}).",
            "Give a Parquet, CSV or JSON file of the problems.",
        ) from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
