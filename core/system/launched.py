"""The processes that `accelerate launch` or `torchrun` started together, by their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import RunError

_MARKS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_OF_MPI = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


@dataclass(frozen=True)
class Launched:
    """One of several processes that were launched together."""

    rank: int  # 0 is the main process
    size: int  # of all machines together
    local_rank: int
    local_size: int  # of this machine

    @property
    def is_main(self) -> bool:
        """Whether it is the one that works on the run; the others only train with it."""
        return self.rank == 0


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """This process among those it was launched with; None for one alone.

    Raises:
        RunError: the environment names several processes, but not which one this is.
    """
    try:
        size = int(environment.get("WORLD_SIZE", 1))
        if size <= 1:
            return None
        rank = int(environment["RANK"])
        local_rank = int(environment.get("LOCAL_RANK", rank))
        local_size = int(environment.get("LOCAL_WORLD_SIZE", size))
    except (KeyError, ValueError):
        rank = size = -1
    if not 0 <= rank < size or not {"MASTER_ADDR", "MASTER_PORT"} <= environment.keys():
        raise RunError(
            "WORLD_SIZE says that several processes were launched together, and RANK, MASTER_ADDR "
            "and MASTER_PORT don't say how they find each other.",
            "Start them with accelerate launch or torchrun, or unset WORLD_SIZE.",
        )
    return Launched(rank, size, local_rank, local_size)


def started_by_mpi(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether MPI started several processes, which torch would join while they train."""
    return any(environment.get(name, "1") not in ("", "0", "1") for name in _OF_MPI)


def on_its_own(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child process that is not one of those launched together."""
    return {name: value for name, value in environment.items() if name not in _MARKS}
