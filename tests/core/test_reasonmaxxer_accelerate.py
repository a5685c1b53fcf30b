"""Several processes under `accelerate launch` train as one process does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_training
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.training
TESTS = Path(__file__).parent.parent


def launch(processes: int, folder: Path, accumulation: int) -> None:
    """Start the script as a person would, over gloo."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    # --cpu starts several processes by MPI only. --multi_gpu starts them by torch, and the script
    # asks for the CPU itself.
    options = ["--multi_gpu", "--num_processes", str(processes), "--num_machines", "1"]
    options += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    options += ["--main_process_port", str(port)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "accelerate.commands.launch", *options),
            *(tiny_training.__file__, str(folder), str(accumulation)),
        ],
        env=os.environ | {"PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def found(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The log and the adapter that a training has left."""
    log: dict[str, Any] = json.loads((folder / "log.json").read_text())
    return log, load_file(folder / "adapter" / "adapter_model.safetensors")


def test_two_processes_equal_one_with_twice_the_accumulation(tmp_path: Path) -> None:
    launch(2, tmp_path / "two", 4)
    tiny_training.train(tmp_path / "one", 8)
    two_log, two = found(tmp_path / "two")
    one_log, one = found(tmp_path / "one")
    assert (two_log["processes"], one_log["processes"]) == (2, 1)
    for key in ("loss", "decision", "kl", "negative_pressure", "grad_norm"):
        curve = [entry[key] for entry in one_log["history"] if key in entry]
        assert len(curve) == tiny_training.STEPS
        assert [entry[key] for entry in two_log["history"] if key in entry] == pytest.approx(
            curve, rel=1e-4, abs=1e-7
        )
    moved = [tensor for name, tensor in one.items() if "lora_B" in name]  # they begin at zero
    assert min(float(tensor.abs().max()) for tensor in moved) > 1e-4
    assert two.keys() == one.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-7)
