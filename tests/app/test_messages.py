"""Text from people, files and models is shown as it is, never interpreted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from core.runs.run import Run
from explorer.shared.messages import plain, visible
from explorer.shared.model_chip import model_words

STORED_RUNS = Path(__file__).resolve().parents[1] / "data" / "stored_runs"

MAGIC = [
    "www.evil.com",
    "https://evil.com/x",
    "me@evil.com",
    ":material/home: :streamlit: :joy: :red[no]",
    "a -> b <- c -- d => e >= f <= g",
    "**b** _i_ `c` [l](u) ~~s~~ $x$ <b>h</b> &amp; # h",
    "C:\\path 3-1=2 100%",
]


@pytest.mark.parametrize("text", MAGIC)
def test_without_escapes_and_joiners_the_text_is_the_same(text: str) -> None:
    shown = re.sub(r"\\([^\w\s]|_)", r"\1", plain(text)).replace("\u2060", "")
    assert shown == text


@pytest.mark.parametrize("magic", ["www.", "http", "->", "<-", "--", "=>", ">=", "<=", "@evil"])
def test_no_sign_that_streamlit_would_interpret_is_left_whole(magic: str) -> None:
    unescaped = re.sub(r"\\([^\w\s]|_)", r"\1", plain(f"a {magic} b"))
    assert magic not in unescaped


def test_whitespace_tokens_can_be_told_apart() -> None:
    assert visible("  ") == "␣␣"
    assert visible("    ") == "␣␣␣␣"
    assert visible("\n") == "↵"
    assert visible(" Cuts") == "␣Cuts"
    assert visible("\x1a") == "\\x1a"


def test_a_chip_names_the_model_and_its_adapter(tmp_path: Path) -> None:
    assert model_words("demo", None) == "demo"
    assert model_words(str(tmp_path / "llama"), None) == "llama"
    assert model_words("owner/name", "owner/adapter") == "owner/name + adapter owner/adapter"
    assert model_words("demo", str(tmp_path / "adapter")) == "demo + adapter adapter"


def test_an_adapter_of_a_run_is_called_by_the_run(tmp_path: Path) -> None:
    run = shutil.copytree(STORED_RUNS / "train", tmp_path / "train")
    (run / "adapter").mkdir()
    name = Run.open(run).config.name or Run.open(run).id
    assert model_words("demo", str(run / "adapter")) == f"demo + adapter {name}"
