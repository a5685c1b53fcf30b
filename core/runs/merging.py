"""Put a run together from its shards: the same units, results and tables as the whole run has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import RunError, examples
from core.records import Problem
from core.runs.checkpoint import json_bytes
from core.runs.config import RunConfig, tidy_name
from core.runs.context import DONE, carry_out
from core.runs.events import Event
from core.runs.models import PRECISION
from core.runs.problem_units import problem_units
from core.runs.run import Run
from core.runs.shards import Shard, joined, problems_digest
from core.runs.status import DEFAULT_UNIT
from core.system.durable_files import disk_error, replace_file
from core.system.json_text import json_text
from core.tokens.prompts import PROMPT_STYLES

if TYPE_CHECKING:
    from core.runs.kind import IndependentUnits, RunKind


def merge(
    kind: RunKind[Any, Any],
    shards: Sequence[Run],
    runs_dir: Path,
    *,
    folder: Path | None = None,
    name: str = "",
) -> Run:
    """Make the whole run of all its shards. No model is loaded.

    Its units, results, tables and problems are byte for byte those of a run that was never cut. Its
    config says what it was merged from; its elapsed seconds are those of all shards.

    Args:
        kind: of the shards.
        shards: finished ones, in any order.
        runs_dir: where the run gets its own folder.
        folder: use this folder instead; it must be new or empty.
        name: given by a person; by default that of the shards, where they share one.

    Raises:
        RunError: a run that is not a shard, a missing shard, one that is there twice, is not
            finished, or belongs to another run; `folder` can't be used.
        ExplorerError: files that can't be read; the disk is full or can't be written.
    """
    parts = _checked(shards)
    first = parts[0]
    units = kind.units_of(first.run.config.settings)
    if units is None or units.problems_together != first.shard.group:
        raise RunError(
            f"{first.title} was made by another version of this program, which cut runs otherwise.",
            "Merge with the version that made the shards.",
        )
    _check_files(parts, units.files)
    results = joined([_results(part, units) for part in parts], units.at_once)
    whole = joined([part.problems for part in parts], first.shard.group)
    if problems_digest(whole) != first.shard.digest:
        raise RunError(
            "The problems of these shards are not those of the run that was cut.",
            "A problems.jsonl was changed: put it back from a copy, or make that shard again.",
        )
    sets = {"": whole, **first.run.more_problems()}
    run = Run.of_config(runs_dir, _config(parts, name), sets, folder=folder)
    keys = [unit.key for unit in problem_units(whole, units.prefix)]
    _write_units(run, dict(zip(keys, results, strict=True)))
    for each in (PRECISION, *units.files):
        _copy(first.run, run, each)
    seconds = sum(part.run.status().elapsed for part in parts)
    run.log.append(
        Event(
            event="progress",
            done=0,
            total=len(whole),
            unit=DEFAULT_UNIT,
            what="merging",
            elapsed=seconds,
        )
    )
    if carry_out(run, kind.carry_out, bar=False) != DONE:
        error = run.status().error
        raise RunError(
            f"The merged run in {run.folder} has no results. {error or ''}".strip(),
            f"Continue it with fork-explorer {kind.name} --run {run.folder} --resume.",
        )
    return run


def differing_versions(shards: Sequence[Run]) -> str | None:
    """A warning about packages that not all shards have in the same version; None without any."""
    found = {
        package: sorted({run.config.versions.get(package, "unknown") for run in shards})
        for package in sorted({name for run in shards for name in run.config.versions})
    }
    differing = [f"{name} {' and '.join(all_)}" for name, all_ in found.items() if len(all_) > 1]
    if not differing:
        return None
    return (
        f"The shards were made with different versions ({', '.join(differing)}), so the last bits "
        "of their numbers may differ from those of a run on one machine."
    )


class _Part(NamedTuple):
    run: Run
    shard: Shard
    problems: list[Problem]

    @property
    def title(self) -> str:
        return f"S{self.named[1:]}"

    @property
    def named(self) -> str:
        return f"{self.shard.words} ({self.run.id})"


def _checked(shards: Sequence[Run]) -> list[_Part]:
    """All shards of one run, in order."""
    if not shards:
        raise RunError("There are no shards to merge.", "Name their folders or ids.")
    parts = [_part(run) for run in {run.folder.resolve(): run for run in shards}.values()]
    usual = _usual(parts)
    for part in parts:
        _check_belongs(part, usual)
    parts.sort(key=lambda part: part.shard.number)
    for part, after in pairwise(parts):
        if part.shard.number == after.shard.number:
            raise RunError(
                f"{part.title} is there twice: {after.run.id} is the same shard.",
                "Name one of them.",
            )
    numbers = {part.shard.number for part in parts}
    missing = [str(each) for each in usual.shard.needed if each not in numbers]
    if missing:
        one = len(missing) == 1
        raise RunError(
            f"{'Shard' if one else 'Shards'} {examples(missing)} of {usual.shard.of} "
            f"{'is' if one else 'are'} missing.",
            "Name all shards, or make what is missing.",
        )
    return parts


def _part(run: Run) -> _Part:
    if run.config.shard is None:
        raise RunError(
            f"The run {run.id} is not a shard.", "Make shards with --shard, such as --shard 1/4."
        )
    return _Part(run, run.config.shard, run.problems())


_Facts = dict[str, Any]


def _facts(part: _Part) -> _Facts:
    """What all shards of a run have in common, by what it is called in a message."""
    config, shard = part.run.config, part.shard
    facts: _Facts = {"kind": config.task, "format": config.schema_version, "seed": config.seed}
    facts |= {f"model's {name}": value for name, value in config.model.items()}
    facts |= {"teachers": list(config.teachers), "inputs": config.inputs}
    facts |= dict(_settings(config.settings))
    facts["engine"] = None if config.engine is None else config.engine.words
    facts |= {"number of shards": shard.of, "problems decoded together": shard.group}
    facts["problems"] = f"{shard.problems} problems, {shard.digest[:12]}"
    for purpose, problems in part.run.more_problems().items():
        facts[f"{purpose} problems"] = f"{len(problems)}, {problems_digest(problems)[:12]}"
    if _may_show_the_day(config.settings):
        facts["day (UTC), which a chat template may show: give --prompt-date"] = str(config.day)
    return facts


def _settings(group: Mapping[str, Any], before: str = "setting ") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in group.items():
        nested = isinstance(value, dict)
        found += _settings(value, f"{before}{name}.") if nested else [(before + name, value)]
    return found


def _may_show_the_day(settings: Mapping[str, Any]) -> bool:
    """Whether prompts may depend on the day on which the run was made."""
    if "prompt_style" not in settings or settings.get("prompt_date") is not None:
        return False
    style = PROMPT_STYLES.get(settings["prompt_style"])
    return style is None or style.chat


def _usual(parts: Sequence[_Part]) -> _Part:
    """The first of those that most agree with."""
    known = [json_text(_facts(part), ascii_only=True) for part in parts]
    (most, _), *_ = Counter(known).most_common(1)
    return parts[known.index(most)]


def _check_belongs(part: _Part, usual: _Part) -> None:
    facts, wanted = _facts(part), _facts(usual)
    for name in dict.fromkeys([*wanted, *facts]):
        if facts.get(name) != wanted.get(name):
            raise RunError(
                f"{part.title} belongs to another run than {usual.named}: its {name} is "
                f"{_shown(facts.get(name))}, not {_shown(wanted.get(name))}.",
                "Name the shards of one run, or make this one again.",
            )


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _check_files(parts: Sequence[_Part], names: Sequence[str]) -> None:
    """The shards were computed in the same precision, and beside the same earlier run."""
    first = parts[0]
    for name, what in ((PRECISION, "precision"), *((each, f"copy in {each}") for each in names)):
        wanted = first.run.read_json(name)
        for part in parts[1:]:
            found = part.run.read_json(name)
            if found != wanted:
                raise RunError(
                    f"{part.title} has another {what} than {first.named}"
                    f"{_of(found, wanted) if name == PRECISION else ''}.",
                    "Make it again, with --dtype if the precision differs.",
                )


def _of(found: Any, wanted: Any) -> str:
    return f": {_shown(found)}, not {_shown(wanted)}"


def _results(part: _Part, units: IndependentUnits) -> list[Any]:
    """The results of all units of a shard, in order."""
    if part.run.status().state.is_live:
        raise RunError(f"{part.title} is still at work.", "Wait for it.")
    kept, read = part.run.units(), units.read(part.run)
    own = list(problem_units(part.problems, units.prefix))
    there = [unit for unit in own if read(kept.get(unit.key), unit.problems) is not None]
    if len(there) < len(own):
        raise RunError(
            f"{part.title} is not finished: it has {len(there)} of its {len(own)} units.",
            f"Resume it: fork-explorer {part.run.config.task} --run {part.run.folder} --resume",
        )
    return [kept[unit.key] for unit in own]


def _config(parts: Sequence[_Part], name: str) -> RunConfig:
    configs = [part.run.config for part in parts]
    first = configs[0]
    names = {config.name for config in configs}
    tags = [tag for tag in first.tags if all(tag in config.tags for config in configs)]
    changes = {
        "name": tidy_name(name) or (first.name if len(names) == 1 else ""),
        "tags": tuple(tags),
        "notes": "",
        "created": min(config.created for config in configs),
        "estimate": None,
        "shard": None,
        "merged_from": tuple(part.run.id for part in parts),
    }
    return first.model_copy(update=changes)


def _write_units(run: Run, units: Mapping[str, Any]) -> None:
    lines = [json_bytes({"unit": key, "result": each}) + b"\n" for key, each in units.items()]
    _writing(run.units_path, lambda path: replace_file(path, b"".join(lines)))


def _copy(source: Run, target: Run, name: str) -> None:
    path = source.folder / name
    if path.exists():
        _writing(target.folder / name, lambda to: replace_file(to, path.read_bytes()))


def _writing(path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(path)
    except OSError as error:
        raise disk_error(path, error) from error
