"""Logging a training to trackio, Weights & Biases or TensorBoard, beside its run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_training
from models import tiny_language_model
from small_runs import fine_tune_recipe, finish, prepare_fine_tune
from transformers import TrainerCallback
from transformers.integrations import INTEGRATION_TO_CALLBACK

import core.lora.reporting
from core.cli import app
from core.errors import RunError
from core.lora.recipe import LoraTraining
from core.lora.reporting import PROJECT, Reporter
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.reasonmaxxer.task import TRAIN
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer
from core.runs.settings import checked_settings
from core.studies.plan import plan_study
from core.studies.recipe import StudyRecipe

needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


class Place(TrainerCallback):
    """What stands in for a package's callback; it breaks where it is asked to."""

    breaks_at = ""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.logs: list[dict[str, Any]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.breaks_at == "begin":
            raise OSError("no key\nfor this host")
        self.begun.append((args.run_name, args.project))
        print("a package's own words")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self.breaks_at == "log":
            raise OSError("gone")
        self.logs.append(dict(logs))


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> type[Place]:
    monkeypatch.setattr(core.lora.reporting, "find_spec", lambda name: object())
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "trackio", Place)
    monkeypatch.setattr(Place, "breaks_at", "")
    return Place


def reporter(said: list[str], name: str = "mine") -> Reporter:
    run = SimpleNamespace(config=SimpleNamespace(name=name), id="train-1", folder=Path("nowhere"))
    work: Any = SimpleNamespace(run=run, say=said.append)
    return Reporter(work, "trackio")


def trained(folder: Path, callback: Reporter) -> Place:
    config = ReasonMaxxerConfig(
        str(folder), use_cpu=True, lora_rank=2, max_steps=2, save_strategy="no"
    )
    assert config.report_to == []  # never by itself
    examples = tiny_training.examples()
    ReasonMaxxerTrainer(tiny_language_model(), config, examples, callbacks=[callback]).train()
    found: Place = callback._inner
    return found


@pytest.mark.training
def test_what_a_training_logs(
    place: type[Place], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    found = trained(tmp_path, reporter(said))
    assert found.begun == [("mine", PROJECT)]
    steps = [each for each in found.logs if "loss" in each]
    assert len(steps) == 2
    assert {"loss", "learning_rate", "grad_norm", "decision", "kl", "gated_tokens"} <= set(steps[0])
    gated = sum(sum(each.gate) for each in tiny_training.examples()[:8])
    assert steps[0]["gated_tokens"] == gated  # those of the step's rollouts
    assert said == []
    assert capsys.readouterr().out == ""  # where --json prints


def test_a_run_without_a_name_is_logged_under_its_id(place: type[Place]) -> None:
    callback, arguments = reporter([], name=""), SimpleNamespace()
    callback.on_train_begin(arguments, None, None)
    assert arguments.run_name == "train-1"


def test_a_place_that_cannot_be_reached_ends_the_run_before_its_first_step(
    place: type[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "breaks_at", "begin")
    with pytest.raises(RunError) as refused:
        reporter([]).on_train_begin(SimpleNamespace(), None, None)
    assert str(refused.value) == (
        "The training can't be logged to trackio (OSError: no key for this host). Log in to it or "
        "correct its settings, or set training.report_to to none."
    )


@pytest.mark.training
def test_a_place_that_goes_away_ends_only_the_logging(
    place: type[Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(place, "breaks_at", "log")
    assert trained(tmp_path, reporter(said)).logs == []
    assert said == ["Nothing more is logged to trackio: OSError: gone."]


def test_nothing_is_logged_elsewhere_by_default() -> None:
    assert LoraTraining(epochs=1, batch_size=1).report_to == "none"


@pytest.mark.parametrize("command", ["train", "distill"])
def test_a_missing_package_is_named_before_any_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.lora.reporting, "find_spec", lambda name: None)
    words = [command, "--report-to", "wandb", "--run", str(tmp_path / "new")]
    words += ["--teacher", "demo-teacher"] * (command == "distill")
    with pytest.raises(RunError, match=r"logged to wandb, .* Install it \(pip install wandb\)"):
        app(words, standalone_mode=False)
    assert not (tmp_path / "new").exists()


@needs_demo
def test_a_study_is_not_logged_elsewhere() -> None:
    recipe = checked_settings(
        StudyRecipe,
        {
            **fine_tune_recipe(**{"training.report_to": "wandb"}).model_dump(),
            "vary": ("training.learning_rate=1e-4,1e-3",),
        },
    )
    with pytest.raises(RunError, match="A study trains many adapters"):
        plan_study(ModelSpec(), demo_training_problems(), demo_problems(), recipe)


@needs_demo
@pytest.mark.slow
@pytest.mark.training
def test_tensorboard_has_the_curves_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed",
    )
    for name in ("HF_TOKEN", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "secret-of-mine")
    recipe = fine_tune_recipe(**{"training.report_to": "tensorboard"})
    run = finish(prepare_fine_tune(tmp_path, recipe), TRAIN.carry_out)
    board = accumulator.EventAccumulator(str(run.folder / "tensorboard"))
    board.Reload()
    tags = board.Tags()["scalars"]
    assert {"train/loss", "train/gated_tokens", "eval/accuracy"} <= set(tags)
    history = run.read_json("training.json")
    assert history is not None
    losses = [each["loss"] for each in history if "loss" in each]
    assert [each.value for each in board.Scalars("train/loss")] == pytest.approx(losses)
    files = [each for each in run.folder.rglob("*") if each.is_file()]
    assert not [each for each in files if b"secret-of-mine" in each.read_bytes()]
