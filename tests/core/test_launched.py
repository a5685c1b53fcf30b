"""`accelerate launch` of `fork-explorer train` and `distill`: processes that train one adapter."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from models import tiny_language_model
from safetensors.torch import load_file
from tiny_training import examples
from torch.distributed import HashStore

from core.cli import app
from core.cli.launching import check_devices, check_launched
from core.errors import ExplorerError, ModelError, RunError
from core.lora.group import Group
from core.lora.together import with_processes
from core.lora.trainer import SPARE
from core.lora.training import Training
from core.models.spec import DEMO_FOLDER
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer
from core.runs import jobs
from core.runs.config import RunPlan
from core.runs.run import Run
from core.runs.settings import changed
from core.runs.status import RunState
from core.system.launched import Launched, launched, on_its_own, started_by_mpi

MOMENTS = int(os.environ.get("FORK_EXPLORER_MOMENTS", "1"))
"""How many ways to end are tried: 3 are all."""

ROOT = Path(__file__).parent.parent.parent
TWO = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
TRAIN = {
    "problems": 8, "max_new_tokens": 80, "rollouts.samples": 4, "training.batch_size": 2,
    "held_out.problems": 2, "held_out.every": 2, "held_out.sampling.samples": 1,
    "training.warmup_steps": 1, "evaluation.samples": 1, "measured": 1,
}  # fmt: skip
DISTILL = {
    "problems": 6, "max_new_tokens": 80, "rollouts.samples": 1, "training.lora_rank": 4,
    "training.batch_size": 1, "training.epochs": 2, "evaluation.samples": 1,
}  # fmt: skip


# ---- which process this is


def test_one_process_is_not_launched_with_others() -> None:
    assert launched({}) is None
    assert launched({"WORLD_SIZE": "1", "RANK": "0"}) is None


def test_a_process_among_others() -> None:
    second = {**TWO, "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert launched(second) == Launched(rank=5, size=8, local_rank=1, local_size=4)
    assert launched(TWO) == Launched(rank=0, size=2, local_rank=0, local_size=2)


@pytest.mark.parametrize(
    "environment",
    [
        {"WORLD_SIZE": "2"},
        {**TWO, "RANK": "2"},
        {**TWO, "RANK": "-1"},
        {**TWO, "WORLD_SIZE": "two"},
        {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "localhost"},
    ],
)
def test_half_an_environment(environment: dict[str, str]) -> None:
    with pytest.raises(RunError, match="Start them with accelerate launch or torchrun"):
        launched(environment)


def test_children_are_on_their_own() -> None:
    assert on_its_own({**TWO, "HOME": "/h"}) == {"HOME": "/h"}


@pytest.fixture
def as_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("as_one_of_two")
@pytest.mark.parametrize("command", ["evaluate", "study", "app", "generate"])
def test_commands_of_one_process_are_refused(command: str) -> None:
    with pytest.raises(RunError, match=f"{command} works in one process, and 2 were launched"):
        app([command], standalone_mode=False)


@pytest.mark.usefixtures("as_one_of_two")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shard", "1/2"], "can't be divided"),
        (["--ray", "auto"], "can't be divided"),
        (["--estimate"], "Leave --estimate out, or start one process"),
    ],
)
def test_options_that_several_processes_have_no_use_for(
    options: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=said):
        app(["train", "--run", str(tmp_path / "new"), *options], standalone_mode=False)
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("as_one_of_two")
def test_every_process_has_the_whole_model(monkeypatch: pytest.MonkeyPatch) -> None:
    check_launched("train")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(RunError, match="every process trains with the whole model"):
        check_launched("train")


def test_mpi_is_refused_where_torch_would_join_its_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PMI_SIZE", "4")
    assert started_by_mpi()
    with pytest.raises(RunError, match="MPI started several processes"):
        check_launched("train")
    check_launched("evaluate")  # shards that srun started
    assert not started_by_mpi({"PMI_SIZE": "1"})


def test_a_device_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Launched(0, 2, 0, 2)
    check_devices(two, "cpu")
    with pytest.raises(ModelError, match="needs a GPU of its own"):
        check_devices(two, "balanced")
    monkeypatch.setattr("core.models.placement.device_named", lambda name: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ModelError, match="2 processes were started on this machine, which has 1 "):
        check_devices(two, "auto")
    check_devices(Launched(0, 2, 0, 1), "auto")  # of two machines


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_lines_of_a_slurm_job(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, prints in (("srun", '"$@"'), ("scontrol", "node7 node8")):
        (programs / name).write_text(f'#!/bin/sh\nfor each in {prints}; do echo "$each"; done\n')
        (programs / name).chmod(0o755)
    run = tmp_path / "my run"
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        **{"RUN": str(run), "SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "4", "SLURM_JOB_ID": "5"},
        "SLURM_JOB_NODELIST": "node[7-8]",
    }
    command = ["bash", str(ROOT / "docs" / "slurm_train.sh"), "train", "--problems", "a b.jsonl"]

    def lines() -> str:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return " | ".join(done.stdout.splitlines())

    assert " | ".join(["--nnodes", "2", "--nproc-per-node", "4"]) in lines()
    assert "--rdzv-endpoint | node7:29500 | -m | -- | core.cli | train" in lines()
    assert lines().endswith(f"core.cli | train | --problems | a b.jsonl | --run | {run}")
    run.mkdir()
    (run / "config.json").touch()
    assert lines().endswith(f"core.cli | train | --run | {run} | --resume")


@pytest.mark.training
@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize(("rollouts", "of_each"), [(8, [4, 4]), (5, [3, 2]), (1, [1, 0])])
def test_the_processes_share_a_step_and_know_its_counts(
    rollouts: int, of_each: list[int], shares: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = [replace(e, advantage=i + 1.0) for i, e in enumerate(examples()[2:][:rollouts])]
    config = ReasonMaxxerConfig(str(tmp_path), use_cpu=True, lora_rank=2)
    trainer = ReasonMaxxerTrainer(tiny_language_model(), config, step)
    trainer._share = shares
    decisions = sum(sum(each.gate) for each in step)
    predicted = sum(len(each.prompt_ids) + len(each.token_ids) - 1 for each in step)
    asked = [step[i : i + 2] for i in range(0, len(step), 2)]  # one for each process
    monkeypatch.setattr(ReasonMaxxerConfig, "world_size", 2)
    seen: list[float] = []
    for rank, count in enumerate(of_each):
        monkeypatch.setattr(ReasonMaxxerConfig, "process_index", rank)
        batches, counts = trainer.get_batch_samples(iter(asked), len(asked), torch.device("cpu"))
        assert counts.tolist() == [decisions, predicted - decisions, rollouts]
        assert len(batches) == len(asked)  # all end their step with the same number of them
        assert batches[-1]["rows"] is not None  # gradients are summed in the last one
        own = [x for b in batches if b["rows"] is not None for x in b["advantage"].tolist()]
        if count == 0:
            assert batches[-1][SPARE]
            loss = trainer.compute_loss(trainer.model, batches[-1], num_items_in_batch=counts)
            loss.backward()
            gradients = [p.grad for p in trainer.model.parameters() if p.requires_grad]
            assert all(each is not None and not each.any() for each in gradients)
        else:
            assert (len(own), SPARE in batches[-1]) == (count, False)
            seen += own
    assert sorted(seen) == [each.advantage for each in step]


@pytest.mark.parametrize(
    ("began", "begun", "now", "accumulation"),
    [
        (1, False, 1, 6),  # as ever
        (2, False, 2, 6),  # that of each process: 12 batches a step
        (2, True, 1, 12),
        (2, True, 4, 3),
        (1, True, 3, 2),
        (1, True, 4, None),
        (2, True, 5, None),
    ],
)
def test_a_run_keeps_its_steps_whoever_continues_it(
    began: int,
    begun: bool,
    now: int,
    accumulation: int | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"training.accumulation": 6}
    run = Run.create(tmp_path, "train", RunPlan({}, {"model": "demo"}, 0))
    recipe = changed(Recipe(), settings)
    training = Training(ReasonMaxxerTrainer, recipe, (), save_every=1)
    work: Any = SimpleNamespace(
        run=run, write=lambda name, text: (run.folder / name).write_text(text)
    )

    def own(processes: int, is_begun: bool) -> int:
        group = SimpleNamespace(me=Launched(0, processes, 0, processes))
        monkeypatch.setattr(
            "core.lora.together.current_group", lambda: group if processes > 1 else None
        )
        found: Any = with_processes(work, training, begun=is_begun).recipe
        assert changed(found, settings) == recipe  # nothing else is another
        return int(found.training.accumulation)

    assert own(began, False) == 6
    if accumulation is None:
        with pytest.raises(RunError, match=f"which {now} processes can't share equally"):
            own(now, begun)
    else:
        assert own(now, begun) == accumulation


# ---- what they say to each other


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[Group, Group]]]:
    """Two processes, which wait for each other for a second only."""
    monkeypatch.setattr("core.lora.group.BEAT_SECONDS", 0.05)
    monkeypatch.setattr("core.lora.group._CHECKED", 1.0)
    made: list[Group] = []

    def make() -> tuple[Group, Group]:
        store = HashStore()
        for rank in (1, 0):
            made.append(Group(Launched(rank, 2, rank, 2), store, lost_after=0.5, grace=0.2))
        return made[1], made[0]

    yield make
    for each in made:
        each._closed.set()


def wait_for(what: Callable[[], Any]) -> Any:
    until = time.monotonic() + 20
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def test_the_main_process_tells_its_exit_code(pair: Any) -> None:
    main, other = pair()
    assert (other.end, other.called_to_train) == (None, None)
    leaving = threading.Thread(target=lambda: wait_for(lambda: other.end) and other.close(3))
    leaving.start()
    main.close(3)
    leaving.join()
    assert (other.end, main.lost, other.lost) == (3, None, None)


def test_an_error_of_another_is_that_of_the_main_process(pair: Any) -> None:
    main, other = pair()
    other.fail(RunError("It has no disk.", "Buy one."))
    assert wait_for(lambda: main.lost) is not None
    assert main.why_it_broke() is main.lost
    said = str(main.lost)
    assert said == f"Process 1 of 2 on {socket.gethostname()}: It has no disk. Buy one."


@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_without_a_beat_is_given_up(pair: Any, lost: int) -> None:
    both = pair()
    assert wait_for(lambda: both[1 - lost]._get(f"beat/{lost}"))
    both[lost]._closed.set()  # as kill -9 would
    both[lost]._thread.join()
    given_up: list[ExplorerError] = []
    with both[1 - lost].watched(given_up.append):
        assert wait_for(lambda: given_up)
    assert f"Process {lost} of 2 on " in str(given_up[0])
    assert "has ended or doesn't answer." in str(given_up[0])


def test_a_store_that_cannot_be_reached(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the main process kept it, and its machine is gone."""
    _, other = pair()

    def gone(*_: Any) -> None:
        raise RuntimeError("Connection reset by peer")

    monkeypatch.setattr(other, "_store", SimpleNamespace(check=gone, get=gone, set=gone))
    assert "can't reach each other any more." in str(wait_for(lambda: other.lost))
    assert (other.end, other.called_to_train, other.why_it_broke()) == (None, None, other.lost)
    other.close(2)


def test_all_are_there_when_something_else_broke(pair: Any) -> None:
    main, _ = pair()
    assert main.why_it_broke() is None


# ---- the commands


def launch(folder: Path, *words: str, processes: int = 2) -> subprocess.Popen[str]:
    """Start the command as a person would, over gloo."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    # --cpu starts several processes by MPI only. --multi_gpu starts them by torch, on processors
    # where there are no GPUs.
    options = ["--multi_gpu", "--num_processes", str(processes), "--num_machines", "1"]
    options += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    options += ["--main_process_port", str(port), "-m", "core.cli"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *options, *words]
    return start([*command, "--run", str(folder)])


def alone(folder: Path, *words: str) -> None:
    """Carry the command out here, as one process."""
    assert app([*words, "--run", str(folder)], standalone_mode=False) in (None, 0)


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen[str], code: int | None = 0) -> str:
    found, _ = process.communicate(timeout=280)
    assert code is None or process.returncode == code, found
    return found


def words(command: str, settings: dict[str, Any], accumulation: int) -> list[str]:
    changed = {**settings, "training.accumulation": accumulation, "batch_size": 16}
    settings_given = [x for name, value in changed.items() for x in ("--set", f"{name}={value}")]
    return [command, "--device", "cpu", *settings_given]


def adapter_of(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(folder / "adapter" / "adapter_model.safetensors")
    return found


def losses(folder: Path) -> list[float]:
    entries = json.loads((folder / "training.json").read_text())
    return [each["loss"] for each in entries if "loss" in each]


def assert_same_training(folder: Path, whole: Path) -> None:
    assert losses(folder) == pytest.approx(losses(whole), rel=1e-3, abs=1e-6)
    one, other = adapter_of(whole), adapter_of(folder)
    assert one.keys() == other.keys()
    moved = [name for name in one if "lora_B" in name]  # they begin at zero
    assert min(float(one[name].abs().max()) for name in moved) > 1e-4
    for name, tensor in one.items():  # AdamW makes much of a gradient's sign where it is all but 0
        difference = torch.linalg.vector_norm(other[name] - tensor)
        assert difference <= 0.01 * torch.linalg.vector_norm(tensor), name


needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")


@pytest.fixture(scope="module")
def fine_tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tune by one process, of two batches a step."""
    folder = tmp_path_factory.mktemp("one") / "train"
    alone(folder, *words("train", TRAIN, 2))
    return folder


@needs_demo
@pytest.mark.slow
@pytest.mark.training
def test_two_processes_fine_tune_as_one_with_twice_the_accumulation(
    fine_tune: Path, tmp_path: Path
) -> None:
    output = said(launch(tmp_path / "two", *words("train", TRAIN, 1)))
    assert_same_training(tmp_path / "two", fine_tune)
    assert output.count("The run is ") == output.count("The results are in ") == 1
    record = json.loads((tmp_path / "two" / "processes.json").read_text())
    assert record == {"processes": 2, "batches_per_step": 2}
    assert not (fine_tune / "processes.json").exists()
    extra = {each.name for each in (tmp_path / "two").iterdir()} ^ {
        each.name for each in fine_tune.iterdir()
    }
    assert extra == {"processes.json"}


@needs_demo
@pytest.mark.slow
@pytest.mark.training
def test_two_processes_distil_as_one_with_twice_the_accumulation(
    random_teacher: str, tmp_path: Path
) -> None:
    measured = tmp_path / "measured.jsonl"
    problems = ROOT / "sample_data" / "problems_test.jsonl"
    measured.write_text("\n".join(problems.read_text().splitlines()[:1]))
    common = ["--teacher", random_teacher, "--eval-problems", str(measured)]
    alone(tmp_path / "one", *words("distill", DISTILL, 4), *common)
    said(launch(tmp_path / "two", *words("distill", DISTILL, 2), *common))
    assert_same_training(tmp_path / "two", tmp_path / "one")


@needs_demo
@pytest.mark.slow
@pytest.mark.training
@pytest.mark.kill
@pytest.mark.parametrize("ended", ["other", "cancelled", "main"][:MOMENTS])
def test_a_training_that_ends_early_ends_in_words_and_is_continued(
    ended: str, fine_tune: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "two"
    process = launch(folder, *words("train", TRAIN, 1))
    assert wait_for_checkpoint(folder, process)
    run = Run.open(folder)
    if ended == "cancelled":
        assert jobs.cancel(run)
    else:
        number = {"main": 0, "other": 1}[ended]
        (victim,) = [each for each in members(process) if each.environ()["RANK"] == str(number)]
        victim.send_signal(signal.SIGKILL)
    output = said(process, None)
    assert process.returncode != 0
    status = run.status()
    if ended == "main":
        assert status.state is RunState.INTERRUPTED
    elif ended == "other":
        assert status.state is RunState.FAILED
        assert "Process 1 of 2 on " in output
        assert "has ended or doesn't answer." in str(status.error)
    else:
        assert status.state is RunState.CANCELLED
        assert "Cancelled; what is finished is kept." in output
        assert "Process 1" not in output
    # By one process, or again by two: the steps are those that it began with.
    if ended == "other":
        alone(folder, "train", "--resume")
    else:
        said(launch(folder, "train", "--resume"))
    assert_same_training(folder, fine_tune)


def members(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children(recursive=True)
    return [each for each in found if "core.cli" in each.cmdline() and "RANK" in each.environ()]


def wait_for_checkpoint(folder: Path, process: subprocess.Popen[str]) -> bool:
    until = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < until:
        if list(folder.glob("checkpoints/checkpoint-*/whole")):
            return True
        time.sleep(0.02)
    return False
