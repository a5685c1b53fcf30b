"""Commands that `accelerate launch` or `torchrun` starts as several processes.

The main process is the command; the others only train with it (`core.lora.group`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from core.cli.files import say
from core.errors import ExplorerError, ModelError, RunError
from core.runs.context import CANCELLED
from core.system.launched import Launched, launched, started_by_mpi

_TRAIN = ("train", "distill")
_OF_LARGE_MODELS = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")
_TOGETHER = (*_TRAIN, "runs")  # runs resume and repeat


def check_launched(command: str | None) -> None:
    """Refuse a command that several processes can't share.

    Raises:
        RunError: several were launched together, and it doesn't train one adapter; each is to
            have a part of the model; or MPI started several, and it trains.
    """
    me = launched()
    if me is not None and command not in _TOGETHER:
        raise RunError(
            f"{command} works in one process, and {me.size} were launched together.",
            "Launch train or distill this way; divide other runs by --shard or --ray.",
        )
    if me is not None and any(os.environ.get(name) == "true" for name in _OF_LARGE_MODELS):
        raise RunError(
            "accelerate is configured for FSDP or DeepSpeed, and every process trains with the "
            "whole model here.",
            "Give accelerate launch --multi_gpu, with a config file that names neither.",
        )
    if me is None and command in _TRAIN and started_by_mpi():
        raise RunError(
            f"MPI started several processes, and {command} doesn't know how they find each other.",
            "Start them with torchrun, or with accelerate launch without --cpu.",
        )


def with_the_others(command: Callable[[], int]) -> int:
    """Carry out a command in the main process, or in the only one; help it in the others.

    Args:
        command: returns the exit code.
    """
    try:
        me = launched()
        if me is None:
            return command()
        # Adapted layers may be unused (vision, experts): DDP warns where all of them are used.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        from core.lora.following import follow
        from core.lora.group import join_group

        group = join_group(me)
    except ExplorerError as error:
        say(str(error))
        return 2
    if not me.is_main:
        return follow(group)
    code = 1
    try:
        code = command()
        if code == CANCELLED and (lost := group.why_it_broke()) is not None:
            say(str(lost))
    finally:
        sys.stdout.flush()
        group.close(code)
    return code


def check_devices(me: Launched, device: str) -> None:
    """Refuse a device that the processes of a machine can't have one each of.

    Args:
        device: name of the device that the run's model is to be loaded on.

    Raises:
        ModelError: all GPUs for one model, a Mac's GPU, or fewer GPUs than processes.
    """
    import torch

    from core.models.placement import ALL_GPUS, device_named

    if device == ALL_GPUS:
        raise ModelError(
            f"Each of the {me.size} processes needs a GPU of its own, and {ALL_GPUS} spreads one "
            "model over all of them.",
            "Start one process, or leave --device out.",
        )
    kind = device_named(device).type
    if kind == "mps":
        raise ModelError(
            "Several processes can't train on one Apple GPU.",
            "Start one process, or give --device cpu.",
        )
    there = torch.cuda.device_count()
    if kind == "cuda" and me.local_size > there:
        raise ModelError(
            f"{me.local_size} processes were started on this machine, which has {there} "
            f"GPU{'s' * (there != 1)}.",
            "Start one process a GPU, or give --device cpu.",
        )
