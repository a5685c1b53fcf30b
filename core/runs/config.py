"""config.json: the settings of a run, and the versions it was made with."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.engines.served import ServedEngine
from core.errors import RunError
from core.records import SCHEMA_VERSION, Problem
from core.runs.estimate import RunEstimate
from core.runs.imported import ImportedRollouts
from core.runs.references import found_references
from core.runs.shards import Shard
from core.system.durable_files import disk_error, replace_file
from core.system.environment import versions
from core.system.json_text import json_text

_OLD_TEACHERS = ("teacher", "teachers")
_OLD_INPUTS = ("against", "rollouts_from", "teacher_from")

TASK = r"[a-z][a-z0-9-]{0,39}"
MAX_NAME = 200
"""Longest name of a run, in characters."""

MAX_TAG, MAX_TAGS = 40, 20
"""Longest tag in characters, and most tags of a run."""

MAX_NOTES = 4000
"""Longest notes of a run, in characters."""


@dataclass(frozen=True)
class RunPlan:
    """Everything about a new run; `settings` and `model` must be JSON-serialisable.

    `teachers` are adapter folders for the model, or other models. `inputs` are folders of earlier
    runs that this one builds on, by their role. `thresholds` says where a setting in nats came from
    that was given as a share of the model's tokens, by the setting's dotted name. `shard` says
    which part of a whole the problems are. `engine` is a server that samples the chains. `imported`
    says where rollouts come from that another program sampled.
    """

    settings: dict[str, Any]
    model: dict[str, Any]
    seed: int
    teachers: Sequence[str] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    more_problems: Mapping[str, Sequence[Problem]] = field(default_factory=dict)  # by purpose
    estimate: RunEstimate | None = None  # what it will take, where that was measured
    shard: Shard | None = None
    engine: ServedEngine | None = None
    imported: ImportedRollouts | None = None


class RunConfig(BaseModel):
    """Everything that is needed to carry a run out, or to repeat it.

    Paths inside `settings` and `model` should be absolute: a run may be resumed from another
    working directory.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: int = SCHEMA_VERSION
    kind: Literal["run"] = "run"
    task: str = Field(pattern=f"^{TASK}$")  # the kind of run, and the command that carries it out
    name: str = ""  # given by a person, as are tags and notes
    tags: tuple[str, ...] = ()
    notes: str = ""
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat())  # ISO 8601, UTC
    seed: int = Field(ge=0)
    settings: dict[str, Any] = {}
    model: dict[str, Any] = {}
    teachers: tuple[str, ...] = ()  # adapter folders for the model, or other models
    inputs: dict[str, str] = {}  # folders of earlier runs, by their role
    thresholds: dict[str, Any] = {}  # shares that settings in nats were measured for, by setting
    versions: dict[str, str] = Field(default_factory=versions)
    host: str = Field(default_factory=platform.node)
    estimate: dict[str, Any] | None = None  # a `RunEstimate`, as it was given before the start
    shard: Shard | None = None  # which part of a whole this run is
    merged_from: tuple[str, ...] = ()  # ids of the shards that it was put together from
    engine: ServedEngine | None = None  # a server that samples the chains; None: this program
    imported: ImportedRollouts | None = None  # rollouts that another program sampled

    @model_validator(mode="before")
    @classmethod
    def _lift_links(cls, data: Any) -> Any:
        """Older configs lack these fields: their teachers are among the fields of the model, and
        their earlier runs among the settings."""
        if not isinstance(data, dict):
            return data
        model, settings = data.get("model"), data.get("settings")
        if isinstance(model, dict) and not data.get("teachers"):
            own = {key: value for key, value in model.items() if key not in _OLD_TEACHERS}
            found = [model[key] for key in _OLD_TEACHERS if model.get(key) is not None]
            listed = found[0] if found and isinstance(found[0], list) else found
            data = {**data, "model": own, "teachers": listed}
        if isinstance(settings, dict) and not data.get("inputs"):
            own = {key: value for key, value in settings.items() if key not in _OLD_INPUTS}
            inputs = {key: settings[key] for key in _OLD_INPUTS if settings.get(key) is not None}
            data = {**data, "settings": own, "inputs": inputs}
        settings = data.get("settings")
        if isinstance(settings, dict) and "prompt_style" in settings and "stop" not in settings:
            # Made before there were stop strings: resumed, it must go on as it began.
            data = {**data, "settings": {**settings, "stop": [], "keep_run_on": True}}
        return data

    @property
    def day(self) -> date:
        """The day on which the run was made, in UTC."""
        return datetime.fromisoformat(self.created).date()

    @field_validator("name")
    @classmethod
    def _can_be_shown(cls, name: str) -> str:
        # The folder may come from another machine, and control characters would be obeyed by a
        # terminal: what `tidy_name` would refuse is replaced here.
        return _printable(" ".join(name.split())[:MAX_NAME])

    @field_validator("tags")
    @classmethod
    def _tags_can_be_shown(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        tidy = (_printable(" ".join(tag.split())[:MAX_TAG]) for tag in tags)
        return tuple(dict.fromkeys(filter(None, tidy)))[:MAX_TAGS]

    @field_validator("notes")
    @classmethod
    def _notes_can_be_shown(cls, notes: str) -> str:
        return "\n".join(map(_printable, notes[:MAX_NOTES].splitlines())).strip()

    @field_validator("created")
    @classmethod
    def _is_a_time(cls, created: str) -> str:
        return datetime.fromisoformat(created).astimezone(UTC).isoformat()


def tidy_name(name: str) -> str:
    """A name in one line.

    Raises:
        RunError: longer than `MAX_NAME`, or with control characters.
    """
    tidy = " ".join(name.split())
    if len(tidy) > MAX_NAME or not all(sign.isprintable() for sign in tidy):
        raise RunError(
            "This name is too long, or has characters that can't be shown.",
            f"Give a name of at most {MAX_NAME} characters.",
        )
    return tidy


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """Tags without outer spaces, each once, in the order given.

    Raises:
        RunError: too many; or one is empty, longer than `MAX_TAG`, or has control characters.
    """
    tidy = list(dict.fromkeys(" ".join(tag.split()) for tag in tags))
    bad = [tag for tag in tidy if not tag or len(tag) > MAX_TAG or not tag.isprintable()]
    if bad:
        raise RunError(
            "A tag is empty or too long, or has characters that can't be shown.",
            f"Give tags of 1 to {MAX_TAG} characters.",
        )
    if len(tidy) > MAX_TAGS:
        raise RunError(f"These are {len(tidy)} tags.", f"Give at most {MAX_TAGS}.")
    return tidy


def tidy_notes(notes: str) -> str:
    """Notes without outer blank lines.

    Raises:
        RunError: longer than `MAX_NOTES`, or with control characters.
    """
    tidy = "\n".join(line.rstrip() for line in notes.replace("\t", " ").splitlines()).strip()
    if len(tidy) > MAX_NOTES or not all(line.isprintable() for line in tidy.split("\n")):
        raise RunError(
            "These notes are too long, or have characters that can't be shown.",
            f"Write at most {MAX_NOTES} characters.",
        )
    return tidy


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def new_config(task: str, plan: RunPlan, name: str) -> RunConfig:
    """The config of a plan, made now and on this machine.

    Raises:
        RunError: the name is too long.
        ValueError: `task` isn't a valid name, or JSON can't hold the settings.
    """
    if not re.fullmatch(TASK, task):
        raise ValueError(f"{task!r} is not a valid name of a task")
    # Through JSON, so that a new run and an opened one have equal settings.
    settings, model, thresholds = json.loads(
        json_text([plan.settings, plan.model, dict(plan.thresholds)], ascii_only=True)
    )
    return RunConfig(
        task=task,
        name=tidy_name(name),
        seed=plan.seed,
        settings=settings,
        model=model,
        teachers=tuple(plan.teachers),
        inputs=dict(plan.inputs),
        estimate=None if plan.estimate is None else plan.estimate.to_json(),
        thresholds=thresholds,
        shard=plan.shard,
        engine=plan.engine,
        imported=plan.imported,
    )


def write_config(path: Path, data: dict[str, Any]) -> None:
    """Write a config in one step.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    try:
        replace_file(path, (json_text(data, indent=2, ascii_only=True) + "\n").encode())
    except OSError as error:
        raise disk_error(path, error) from error


def read_config(path: Path) -> dict[str, Any]:
    """The JSON of a config, to be validated by `check_config`.

    Raises:
        RunError: it isn't there, can't be read, is damaged or of a newer version.
    """
    folder = path.parent
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{folder} holds no run.", "Check the path.") from error
    except OSError as error:
        raise RunError(
            f"{path} can't be read ({error.strerror or error}).", "Check your right to read it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, type(error).__name__) from error
    if not isinstance(data, dict):
        raise _damaged(path, "no JSON object")
    version = data.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise RunError(
            f"The run {folder.name} was made by a newer version of this program"
            f" (its format is {version}, this program reads {SCHEMA_VERSION}).",
            "Update the program.",
        )
    return data


def check_config(path: Path, data: dict[str, Any]) -> RunConfig:
    """Validate what `read_config` read; folders that were moved together are found again.

    Raises:
        RunError: naming the first missing or invalid field.
    """
    try:
        config = RunConfig.model_validate({"schema_version": None, "kind": None, **data})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _damaged(path, f"{where}: {first['msg']}") from error
    runs = path.parent.parent
    references = found_references(config.teachers, config.inputs, config.model, runs)
    return config.model_copy(update=references)


def _damaged(path: Path, how: str) -> RunError:
    return RunError(
        f"{path} is damaged ({how}).",
        "Put the file back from a copy, or make a new run with the same settings.",
    )
