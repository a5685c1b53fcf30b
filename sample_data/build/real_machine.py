"""The machine that a run of docs/real_models.md was made on, kept in the run's folder."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import torch

from core.models.placement import device_named

MACHINE = "machine.json"


def processor() -> str:
    """The processor's name and how many of its cores there are."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = (line for line in info.read_text().splitlines() if line.startswith("model name"))
        name = next(lines, f":{name}").partition(":")[2].strip()
    return f"{name}, {os.cpu_count()} cores"


def note_machine(folder: Path, at_once: int) -> None:
    """Write into a run's folder which machine finished it.

    Args:
        folder: of the run.
        at_once: number of runs that may have been at work there at a time.
    """
    device = device_named("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    found = {"device": name, "processor": processor(), "at_once": at_once}
    (folder / MACHINE).write_text(json.dumps(found) + "\n", encoding="utf-8")


def machine_in_words(folder: Path) -> str:
    """The machine of a run; empty where it was not noted."""
    path = folder / MACHINE
    if not path.exists():
        return ""
    found = json.loads(path.read_text(encoding="utf-8"))
    beside = f", up to {found['at_once']} runs at once" if found["at_once"] > 1 else ""
    if found["device"] == "cpu":
        return f"{found['processor']}{beside}"
    return f"{found['device']} ({found['processor']}){beside}"
