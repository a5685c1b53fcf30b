"""The adapter to publish: of a run or a folder, with the base that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.distillation.results import TASK as DISTILL_TASK
from core.errors import ModelError, RunError
from core.kinds import kind_title
from core.lora.run_files import ADAPTER, run_of_adapter
from core.models.catalogue import model_named
from core.models.files import adapter_facts, check_adapter_folder, is_hub_id
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec, adapter_folder, gguf_on_hub
from core.reasonmaxxer.results import TRAIN_TASK
from core.runs.model_names import last_part
from core.runs.models import read_model, recorded_dtype
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder, run_named
from core.system.person_path import person_path


@dataclass(frozen=True)
class AdapterSource:
    """An adapter on this machine.

    Attributes:
        folder: of the adapter, as peft saves it.
        base: the model it was trained on, without an adapter.
        run: the run that made it; None for any other folder.
        dtype: the precision in which the run measured it; None where that is unknown.
    """

    folder: Path
    base: ModelSpec
    run: Run | None = None
    dtype: str | None = None

    @property
    def base_name(self) -> str:
        """The base in words, without a folder of this machine."""
        return last_part(self.base.model)

    @property
    def hub_base(self) -> str | None:
        """The hub id of the base; None for the demo and for folders."""
        return hub_id_of(self.base.model)


def adapter_source(
    name: str,
    runs: RunsFolder,
    *,
    model: str | None = None,
    revision: str | None = None,
    renamed: bool = False,
) -> AdapterSource:
    """Find an adapter and its base.

    Args:
        name: id or folder of a fine-tune or distillation, folder of an adapter, or "demo-teacher".
        model: the base, where the adapter doesn't name it or it lies elsewhere.
        revision: of that base on the hub.
        renamed: whether `model` is the adapter's base under another name.

    Raises:
        RunError: no such run, or one without an adapter.
        ModelError: no adapter in the folder, no base known, or another base than the adapter's.
    """
    run, folder = _found(name, runs)
    check_adapter_folder(folder)
    named = adapter_facts(folder).get("base_model_name_or_path")
    known = named if isinstance(named, str) and named else None
    if run is not None:
        own = replace(read_model(run.config.model), adapter=None)
        dtype = recorded_dtype(run, own)
    elif known is not None:
        own, dtype = ModelSpec(known), None
    elif model is not None:
        return AdapterSource(folder, ModelSpec(model, revision=revision))
    else:
        raise ModelError(
            f"The adapter in {folder} doesn't name its base.", "Give the base with --model."
        )
    if model is not None and model != own.model:
        if not renamed and _short(model) != _short(own.model):
            raise ModelError(
                f"The adapter was trained on {own.model}, and {model} is another model.",
                "Leave --model out; if it is the same model under another name, give "
                "--renamed-base as well.",
            )
        own = replace(own, model=model, revision=None)
    if revision is not None:
        own = replace(own, revision=revision)
    return AdapterSource(folder, own, run, dtype)


def hub_id_of(model: str) -> str | None:
    """The hub id of a model by the name that a ModelSpec takes; None for the demo and folders."""
    entry = model_named(model)
    if entry is not None and entry.hub_id is not None:
        return entry.hub_id
    name, _ = gguf_on_hub(model) or (model, "")
    on_hub = "/" in name and is_hub_id(name) and not person_path(name).exists()
    return name if on_hub and name != DEMO else None


def _found(name: str, runs: RunsFolder) -> tuple[Run | None, Path]:
    """The run, if one made the adapter, and the adapter's folder."""
    if name == DEMO_TEACHER:
        folder = adapter_folder(name)
        assert folder is not None
        return None, folder
    path = person_path(name)
    if (path / "adapter_config.json").is_file():
        return _maker(path), path.absolute()
    if path.is_dir() and not (path / "config.json").is_file():
        check_adapter_folder(path)
    run = run_named(name, runs)
    if run.config.task not in (TRAIN_TASK, DISTILL_TASK):
        raise RunError(
            f"The run {run.id} is of the kind {kind_title(run)!r}, which keeps no adapter of its "
            "own.",
            "Give a fine-tune or a distillation, or the folder of an adapter.",
        )
    if not (run.folder / ADAPTER / "adapter_config.json").is_file():
        raise RunError(
            f"The run {run.id} has no adapter yet.",
            "Wait until it is finished, or resume it with `fork-explorer runs resume`.",
        )
    return run, (run.folder / ADAPTER).absolute()


def _maker(folder: Path) -> Run | None:
    """The run whose adapter a folder is."""
    run = run_of_adapter(folder)
    return None if run is None or run.config.task not in (TRAIN_TASK, DISTILL_TASK) else run


def _short(model: str) -> str:
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()
