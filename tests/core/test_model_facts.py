"""What a model is and needs, in Python and on the command line; revisions in runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, hub_in_use
from models import save_tiny_model

from core.cli import main
from core.errors import RunError
from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.facts import facts_of, read_facts
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.records import Problem
from core.runs.context import CANCELLED, DONE, carry_out
from core.runs.models import model_fields, read_model
from core.runs.run import Run
from core.runs.status import RunState


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ten megabytes."""
    return save_tiny_model(tmp_path_factory.mktemp("model"), padding=40_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("small"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with hub_in_use(monkeypatch, tmp_path / "huggingface") as hub:
        yield hub


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["fork-explorer", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_facts_and_memory_are_told_without_the_weights(
    hub: Hub, small: Path, tmp_path: Path, command: Any
) -> None:
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "model" / "README.md").write_text("---\nlicense: mit\n---\n# A model")
    hub.add("owner/model", tmp_path / "model")
    code, out, _ = command("model", "owner/model", "--json", "--batch-size", 2, "--length", 64)
    assert code == 0
    facts = json.loads(out)
    lm = load_language_model(ModelSpec(str(small)))
    assert facts["parameters"] == lm.parameters
    assert facts["memory"]["weights"] == lm.model.get_memory_footprint()
    assert facts["memory"]["cache"] == 2 * 64 * (2 * 2 * 8 * 2) * 4  # layers, heads, width, k and v
    assert (facts["layers"], facts["hidden_size"], facts["vocab_size"]) == (2, 32, 320)
    assert (facts["licence"], facts["context_length"]) == ("mit", 512)
    assert facts["prompt_style"] == lm.prompt_style
    assert facts["prompt_style_reason"] == "model is a Qwen base model by its name"
    assert len(facts["commit"]) == 40
    assert not hub.fetched("model.safetensors")
    code, out, _ = command("model", "owner/model")
    assert code == 0
    assert "prompt style" in out
    assert "licence       mit" in out


def test_the_facts_of_a_loaded_model_are_the_same(small: Path) -> None:
    before = read_facts(ModelSpec(str(small)))
    lm = load_language_model(ModelSpec(str(small)))
    after = facts_of(lm)
    assert after.memory_used == after.memory.weights if after.memory else False
    same = replace(after, memory=before.memory, memory_used=None)
    assert same == before


@pytest.mark.parametrize("card", ["---\nlicense: [a\n---\n", "---\n- a\n---\n", "\xff\xfe", "# No"])
def test_a_card_that_can_not_be_read_names_no_licence(
    small: Path, tmp_path: Path, card: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    (folder / "README.md").write_bytes(card.encode("latin-1"))
    assert read_facts(ModelSpec(str(folder))).licence is None


def test_download_shows_its_progress_and_prints_the_folder(
    hub: Hub, folder: Path, command: Any
) -> None:
    hub.add("owner/model", folder, "v1")
    code, out, err = command("download", "owner/model", "--revision", "v1")
    assert code == 0
    assert sorted(path.name for path in Path(out.strip()).iterdir()) == sorted(
        path.name for path in folder.iterdir()
    )
    assert "100%" in err
    code, _, err = command("generate", "--model", "owner/model", "--question", "Why?")
    assert code == 2, "there is no main branch"
    assert "no such branch" in err
    code, out, _ = command(
        "generate", "--model", "owner/model", "--revision", "v1", "--question", "Why?",
        "--max-new-tokens", 2, "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["model"] == "owner/model"


def test_ctrl_c_ends_a_download_and_throws_the_half_file_away(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    hub.add("owner/model", folder)
    hub.bytes_a_second = 1 << 20
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "download", "owner/model"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(tmp_path.rglob("*.incomplete")) or hub.requests[-1].method != "HEAD":
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the worker as well
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    assert "The download of owner/model was stopped." in err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.incomplete"))
    assert not list(tmp_path.rglob("model.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("download", "../up"), "is not a hub id"),
        (("download", "owner/nothing"), "has no public model owner/nothing"),
        (("download", "owner/nothing", "--adapter"), "has no public adapter owner/nothing"),
        (("model", "demo", "--quantization", "2bit"), "no quantization '2bit'"),
        (("model", "demo", "--revision", "main"), "has no revisions"),
        (("generate", "--model", "owner/nothing", "--question", "Why?"), "has no public model"),
    ],
)
def test_what_a_command_can_not_do_is_one_line(
    hub: Hub, command: Any, arguments: tuple[str, ...], says: str
) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_a_run_is_stopped_during_its_download_and_goes_on(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    hub.add("owner/model", folder)
    hub.bytes_a_second = 1 << 20
    settings = {"samples": 1, "temperature": 0, "max_new_tokens": 2}
    plan = plan_evaluation(ModelSpec("owner/model"), [Problem("p", "Why?", "1")], settings)
    run = Run.create(tmp_path / "run", "evaluate", plan)

    def stop_when_it_comes() -> None:
        while not any(each.path.endswith("model.safetensors") for each in hub.requests):
            time.sleep(0.05)
        time.sleep(2)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=stop_when_it_comes, daemon=True).start()
    assert carry_out(run, EVALUATE.carry_out, bar=False) == CANCELLED
    status = run.status()
    assert status.state == RunState.CANCELLED
    assert status.what == "downloading the model"
    assert 0 < status.done < (status.total or 0)
    assert status.unit == "MB"
    hub.bytes_a_second = None
    assert carry_out(run, EVALUATE.carry_out, bar=False) == DONE, run.log_tail()


def test_runs_made_before_revisions_still_open(small: Path) -> None:
    fields = model_fields(ModelSpec(str(small)))
    assert read_model(fields) == ModelSpec(str(small))
    for name in ("revision", "quantization"):
        del fields[name]
    assert read_model(fields) == ModelSpec(str(small))
    pinned = model_fields(ModelSpec("owner/model", "owner/adapter", revision="v1"))
    assert read_model(pinned) == ModelSpec("owner/model", "owner/adapter", revision="v1")
    for wrong in (fields | {"quantization": "2bit"}, fields | {"other": 1}, {"model": "demo"}):
        with pytest.raises(RunError, match="can't be read"):
            read_model(wrong)


@pytest.mark.parametrize(
    ("base", "another"),
    [
        (None, False),
        ("owner/model", False),
        ("copier/Model", False),
        ("/home/ann/models/model/", False),
        ("/x/models--owner--model/snapshots/0123", False),
        ("owner/other-model", True),
    ],
)
def test_an_adapter_trained_on_a_model_of_another_name_is_noticed(
    small: Path, base: str | None, another: bool
) -> None:
    facts = replace(read_facts(ModelSpec(str(small))), name="owner/model", adapter_base=base)
    assert facts.adapter_is_of_another == another
