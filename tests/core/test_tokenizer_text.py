"""The text of tokens without a model's weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.errors import ModelError
from core.models.language_model import load_language_model
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.models.tokenizer_text import load_token_text
from core.problems.problem_sets import demo_problems

pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)


def test_a_tokenizer_alone_gives_the_same_text_as_the_model() -> None:
    lm, text = load_language_model(ModelSpec()), load_token_text(ModelSpec())
    for problem in demo_problems()[:5]:
        ids = lm.text.tokenise(problem.question)
        assert text.pieces(ids) == lm.text.pieces(ids)


def test_no_weights_are_needed(tmp_path: Path) -> None:
    folder = tmp_path / "light"
    shutil.copytree(DEMO_FOLDER, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    ids = load_token_text(ModelSpec()).tokenise("Max saws a log")
    assert load_token_text(ModelSpec(model=str(folder))).decode(ids) == "Max saws a log"


def test_a_model_that_isn_t_here_is_not_fetched() -> None:
    with pytest.raises(ModelError, match="isn't on this computer"):
        load_token_text(ModelSpec(model="nobody/never-downloaded"))


def test_a_damaged_tokenizer_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(DEMO_FOLDER, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError):
        load_token_text(ModelSpec(model=str(folder)))
