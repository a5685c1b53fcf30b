"""Workers of a Ray cluster, each with the models of a run.

The cluster is a person's own (`ray start --head`). The run's process gives out units and keeps
them, so that its folder, cancelling and resuming are as without workers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from math import ceil
from typing import TYPE_CHECKING, Any

from core.errors import ResourceError, RunError
from core.records import Problem
from core.runs.crew import JobReport
from core.runs.ray_worker import Assignment, RayWorker, Reply, problem_fields
from core.system.environment import versions

if TYPE_CHECKING:
    from core.runs.context import RunContext
    from core.runs.run import Run

AUTO = "auto"
"""The cluster of this machine."""

_REACH_SECONDS = 5.0
_STARTS = 3  # workers in a row that may end while they load the models
_HANDED_ON = ("FORK_EXPLORER_HOME", "FORK_EXPLORER_CACHE", "HF_HOME", "HF_HUB_OFFLINE")


class RayCrew:
    """Workers of a cluster.

    Args:
        address: of the cluster, HOST:PORT, or `AUTO`.
        kind: the place of the run's `RunKind`, as module:name.
        workers: how many; None: one for every GPU, or every CPU of a cluster without GPUs.
        trust_remote_code: whether the base's own Python code may run on them.

    Raises:
        RunError: Ray is not installed, or nothing answers at the address.
    """

    def __init__(
        self,
        address: str,
        kind: str,
        workers: int | None = None,
        *,
        trust_remote_code: bool = False,
    ) -> None:
        self._address, self._kind, self._wanted = address, kind, workers
        self._trust_remote_code = trust_remote_code
        self._size = workers or 1
        _check_installed()
        if address != AUTO:
            _check_reachable(address)
        self._ray: Any = None
        self._actors: dict[Any, Any] = {}  # by the reference of what each is doing
        self._jobs: dict[Any, int | None] = {}  # by the same; None while it loads
        self._idle: list[Any] = []
        self._failed_starts = 0

    @property
    def size(self) -> int:
        """How many workers there are, or will be."""
        return self._size

    def open(self, work: RunContext) -> None:
        """Connect, start one worker, which loads the models and checks the problems, then the
        others; as `Crew`.

        Raises:
            Cancelled: a stop was requested.
            RunError: no Ray, no such cluster, too few resources, or other versions there.
            ExplorerError: models, problems and settings don't go together.
        """
        run, total = work.run, len(work.run.problems())
        work.report(0, total, "connecting to Ray")
        self._ray = _connected(self._address)
        self._place(run)
        work.report(0, total, f"loading the models on {_workers(self._size)}")
        self._work = work
        self._assignment = _assignment(work, self._kind, self._trust_remote_code)
        self._start()
        while not self._idle:
            _stop_if_asked(work)
            self.wait(0.2)
        self._assignment = _assignment(work, self._kind, self._trust_remote_code)
        for _ in range(self._size - 1):
            self._start()

    @property
    def is_free(self) -> bool:
        """Whether a worker is ready and has no job; as `Crew`."""
        return bool(self._idle)

    def give(self, job: int, problems: Sequence[Problem]) -> None:
        """Give a job to a free worker; as `Crew`."""
        actor = self._idle.pop()
        self._send(actor, actor.solve.remote(problem_fields(list(problems))), job)

    def wait(self, seconds: float) -> list[JobReport]:
        """The jobs that ended; as `Crew`.

        Raises:
            ExplorerError: of a worker that can't load the models, or workers end while they do.
        """
        waiting = list(self._jobs)
        if not waiting:  # a stop was requested just when all had ended
            return []
        done, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=seconds)
        return [report for each in done for report in self._taken(each)]

    def close(self) -> None:
        """End all workers and leave the cluster; as `Crew`."""
        if self._ray is None:
            return
        for actor in {id(each): each for each in (*self._idle, *self._actors.values())}.values():
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
        self._idle, self._actors, self._jobs = [], {}, {}
        with contextlib.suppress(Exception):
            self._ray.shutdown()

    def _place(self, run: Run) -> None:
        """How many workers, with which resources each."""
        there = self._ray.cluster_resources()
        cpus, gpus = int(there.get("CPU", 0)), there.get("GPU", 0.0)
        on_gpus = gpus > 0 and run.config.model.get("device", AUTO) != "cpu"
        most = int(gpus) if on_gpus else cpus
        self._size = self._wanted or most
        share = 1 / ceil(self._size / gpus) if on_gpus and self._size else 0.0  # fits on each GPU
        if not 0 < self._size <= cpus:
            raise RunError(
                f"The Ray cluster has room for {_workers(cpus)}, not for {max(self._size, 1)}.",
                "Give fewer --workers, or start Ray on more nodes, or with more --num-cpus.",
            )
        self._resources = {"num_cpus": 1, "num_gpus": share, "max_restarts": 0}

    def _start(self) -> None:
        actor = self._ray.remote(RayWorker).options(**self._resources).remote(self._assignment)
        self._send(actor, actor.load.remote(), None)

    def _send(self, actor: Any, reference: Any, job: int | None) -> None:
        self._actors[reference], self._jobs[reference] = actor, job

    def _taken(self, reference: Any) -> list[JobReport]:
        """What a worker's answer means for the jobs; its worker is free again, or replaced.

        Raises:
            ExplorerError: it can't load the models, as `wait`.
        """
        actor, job = self._actors.pop(reference), self._jobs.pop(reference)
        reply = self._reply(reference)
        if reply is None:
            self._failed_starts += job is None
            self._check_starts()
            self._start()
            return [] if job is None else [JobReport(job)]
        self._idle.append(actor)
        if job is not None:
            return [JobReport(job, reply.value, reply.error)]
        if reply.error is not None:
            raise reply.error
        _check_versions(reply.value["versions"])
        _take_precision(self._work, reply.value["precision"])
        self._failed_starts = 0
        return []

    def _reply(self, reference: Any) -> Reply | None:
        """What a worker answered; None where it ended without a word."""
        errors = self._ray.exceptions
        try:
            reply: Reply = self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error  # a bug, with the worker's traceback
        except errors.ActorUnschedulableError as error:
            raise RunError(
                "The Ray cluster has no room for a worker.", "Give fewer --workers."
            ) from error
        except errors.RayActorError as error:
            self._said = str(error)
            return None
        except errors.RayError as error:
            self._said = str(error)
            return None
        return reply

    def _check_starts(self) -> None:
        if self._failed_starts == _STARTS:
            said = " ".join(self._said.split())
            raise ResourceError(
                f"{_STARTS} workers in a row ended while they loaded the models ({said[:300]}).",
                "Install this version of the program on every node, and check that the model fits "
                "into its memory as often as there are workers.",
            )


def _connected(address: str) -> Any:
    """Ray, connected to a cluster.

    Raises:
        RunError: no cluster there, or one of another version.
    """
    import ray

    try:
        with _signals_kept():
            ray.init(address=address, logging_level="ERROR", log_to_driver=False)
    except ConnectionError as error:
        where = "on this machine" if address == AUTO else f"at {address}"
        raise RunError(
            f"No Ray cluster runs {where}.", "Start one with ray start --head, then try again."
        ) from error
    except (RuntimeError, ValueError, OSError) as error:
        said = " ".join(str(error).split())
        raise RunError(
            f"The Ray cluster can't be used ({said[:300]}).",
            "Use the same versions of Ray and Python on every node.",
        ) from error
    return ray


def _check_installed() -> None:
    if find_spec("ray") is None:
        raise RunError(
            "Ray is not installed.", 'Install it: pip install "decision-fork-explorer[ray]".'
        )


def _check_reachable(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        if not host or not 0 < int(port) < 65536:
            raise ValueError
        with socket.create_connection((host, int(port)), timeout=_REACH_SECONDS):
            return
    except ValueError as error:
        raise RunError(
            f"{address!r} is not the address of a Ray cluster.",
            "Give HOST:PORT, as ray start printed it, or auto for the cluster of this machine.",
        ) from error
    except OSError as error:
        raise RunError(
            f"No Ray cluster answers at {address} ({error.strerror or error}).",
            "Give the address that ray start printed, or auto.",
        ) from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray handles SIGTERM in its own way, which would end the run as a bug."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # not the main thread
            for each, handler in before.items():
                signal.signal(each, handler)


def _assignment(work: RunContext, kind: str, trust_remote_code: bool) -> Assignment:
    from core.runs.models import PRECISION, as_it_began, read_model

    run = work.run
    model = asdict(as_it_began(work, read_model(run.config.model)))
    sets = {"": run.problems(), **run.more_problems()}
    taken = run.folder / PRECISION
    return Assignment(
        kind=kind,
        config=run.config.model_dump(mode="json") | {"model": model},
        problems={name: problem_fields(some) for name, some in sets.items()},
        precision=taken.read_text(encoding="utf-8") if taken.exists() else None,
        trust_remote_code=trust_remote_code,
        environment={name: os.environ[name] for name in _HANDED_ON if name in os.environ},
    )


def _take_precision(work: RunContext, precision: str | None) -> None:
    from core.runs.models import PRECISION

    if precision is not None and not (work.run.folder / PRECISION).exists():
        work.write(PRECISION, precision)


def _check_versions(there: dict[str, str]) -> None:
    differing = [
        f"{name} {there.get(name)}, not {version}"
        for name, version in versions().items()
        if there.get(name) != version
    ]
    if differing:
        raise RunError(
            f"The workers have other versions than this machine ({', '.join(differing)}).",
            "Install the same versions on every node.",
        )


def _stop_if_asked(work: RunContext) -> None:
    from core.runs.context import Cancelled

    if work.stop.requested:
        raise Cancelled


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count != 1)}"
