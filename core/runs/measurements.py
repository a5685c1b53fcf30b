"""What was measured of a model on this machine, kept on disk, so that it isn't measured again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from core.models.spec import ModelSpec, absolute_name, local_folder, teacher_spec
from core.runs.decoding_speed import DecodingSpeed, measure_decoding
from core.system.durable_files import replace_file
from core.system.environment import cache_folder, versions
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_FORMAT = 1
_DAYS = 30  # how long a measurement counts
_BESIDE_LOADING = 1.0  # seconds that a run takes before and after its work
_LOADED_A_SECOND = 300e6  # bytes, where loading was not measured

T = TypeVar("T")


class NotMeasuredError(Exception):
    """Raised by a meter that must not measure, for what isn't known yet."""


class Meter:
    """Measurements of one model on this machine: known ones from the disk, else made now.

    Args:
        spec: the model.
        load: loads it; only called for what isn't known.
        beside: loads a teacher beside it, by its specification.
        may_measure: otherwise `NotMeasuredError` is raised for what isn't known.
        cancel: asked during measurements, which then raise MeasuringCancelledError.
        folder: where measurements are kept; None: in the user's cache.
    """

    def __init__(
        self,
        spec: ModelSpec,
        load: Callable[[], LanguageModel],
        beside: Callable[[LanguageModel, ModelSpec], LanguageModel] | None = None,
        *,
        may_measure: bool = True,
        cancel: Callable[[], bool] = lambda: False,
        folder: Path | None = None,
    ) -> None:
        self.spec, self.cancel = spec, cancel
        self._folder = cache_folder() / "measurements" if folder is None else folder
        self._load, self._beside, self._may_measure = load, beside, may_measure

    @cached_property
    def model(self) -> LanguageModel:
        """The model, loaded at its first use; how long that took is kept."""
        if not self._may_measure:
            raise NotMeasuredError
        begun = time.perf_counter()
        found = self._load()
        took = time.perf_counter() - begun
        if took > 0.1:  # it was not in memory
            self._keep("loading", None, {"seconds": took})
        return found

    def teacher(self, name: str) -> Meter:
        """The meter of a teacher of this model."""
        spec = teacher_spec(self.spec, name)
        beside = self._beside

        def load() -> LanguageModel:
            assert beside is not None, "this meter was made for runs without a teacher"
            return beside(self.model, spec)

        return Meter(
            spec, load, may_measure=self._may_measure, cancel=self.cancel, folder=self._folder
        )

    def known(
        self,
        what: str,
        about: Any,
        read: Callable[[Any], T],
        measure: Callable[[], Any],
    ) -> T:
        """A measurement.

        Args:
            what: its kind.
            about: on what it depends beside model and machine; JSON-serialisable.
            read: reads it; raises KeyError, TypeError or ValueError where it can't be read.
            measure: makes it, JSON-serialisable.

        Raises:
            NotMeasuredError: it isn't known, and this meter must not measure.
            ExplorerError: as `measure`.
        """
        kept = self._kept(what, about)
        if kept is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError):
                return read(kept)
        if not self._may_measure:
            raise NotMeasuredError
        made = json.loads(json_text(measure()))
        found = read(made)
        self._keep(what, about, made)
        return found

    @cached_property
    def decoding(self) -> DecodingSpeed:
        """How fast the model decodes."""
        return self.known(
            "decoding",
            None,
            DecodingSpeed.from_json,
            lambda: measure_decoding(self.model, self.cancel).to_json(),
        )

    @property
    def loading(self) -> float:
        """Seconds until the model is loaded by the process of a run."""
        kept = self._kept("loading", None)
        if kept is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError):
                return _BESIDE_LOADING + float(kept["seconds"])
        return _BESIDE_LOADING + (self._bytes() or 0) / _LOADED_A_SECOND

    def _bytes(self) -> int | None:
        folder = local_folder(self.spec.model)
        if folder is None or not folder.is_dir():
            return None
        return sum(each.stat().st_size for each in folder.glob("*.safetensors"))

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """The model, and the machine."""
        adapter = self.spec.adapter
        spec = replace(
            self.spec,
            model=absolute_name(self.spec.model),
            adapter=None if adapter is None else absolute_name(adapter),
            trust_remote_code=False,
        )
        return {
            "format": _FORMAT,
            "model": asdict(spec),
            "bytes": self._bytes(),
            "host": platform.node(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "versions": versions(),
        }

    def _path(self, what: str, about: Any) -> Path:
        key = json_text([self._identity, what, about], ascii_only=True)
        name = f"{what}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
        return self._folder / name

    def _kept(self, what: str, about: Any) -> Any:
        path = self._path(what, about)
        try:
            if time.time() - path.stat().st_mtime > _DAYS * 86400:
                return None
            return json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def _keep(self, what: str, about: Any, data: Any) -> None:
        path = self._path(what, about)
        with contextlib.suppress(OSError):  # then it is measured again
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, (json_text(data) + "\n").encode())
