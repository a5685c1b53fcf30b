"""`fork-explorer protocol`: the paper's evaluation, on those of its benchmarks that are here."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.files import check_writable, say, write_result
from core.cli.option_groups import grouped
from core.cli.options import ModelOptions, OutputOptions, RunsDir, Sample
from core.errors import ProblemError
from core.evaluation.benchmarks import BENCHMARKS, Benchmark, benchmark_of
from core.evaluation.protocols import LONGEST, ProtocolName, protocol_values
from core.system.environment import cache_folder
from core.system.json_text import json_text
from core.system.person_path import person_path
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.reasonmaxxer.paper_table import PaperRow

_NAME, _FIGURE = 14, 30  # characters


@dataclass(frozen=True)
class ProtocolOptions:
    """What the protocol leaves open."""

    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0
    sample: Sample = None
    max_new_tokens: Annotated[
        int,
        typer.Option(
            min=1, max=LONGEST, help="Fewer than the protocol's, for a model of a short context."
        ),
    ] = LONGEST

    def arguments(self) -> list[str]:
        """For `fork-explorer evaluate`."""
        sample = [] if self.sample is None else ["--sample", str(self.sample)]
        return ["--seed", str(self.seed), "--max-new-tokens", str(self.max_new_tokens), *sample]


@grouped
def protocol(
    problems: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROBLEMS]...",
            help="Files or hub ids of benchmarks, recognised by their names; or NAME=FILE, with "
            f"{', '.join(BENCHMARKS)} as NAME.",
        ),
    ] = None,
    runs_dir: RunsDir = None,
    *,
    wanted: ProtocolOptions,
    model: ModelOptions,
    output: OutputOptions,
) -> None:
    """Evaluate a model as arXiv:2605.06241 does, one run a benchmark, beside the paper's figures.

    The paper's six benchmarks are GSM8K, MATH-500, Minerva Math, OlympiadBench, AIME24 and AMC23.
    Those that are given are evaluated; the others are named, with a command that fetches a copy.
    """
    check_writable(output.out)
    given = _sources(problems or ())
    results = {
        key: _evaluated(given[key], each, model, wanted, runs_dir, quiet=output.as_json)
        for key, each in BENCHMARKS.items()
        if key in given
    }
    paper = _paper_rows(model.model)
    record = {
        "protocol": str(ProtocolName.REASONMAXXER),
        "benchmarks": {
            key: {
                "title": each.title,
                "settings": _settings(each),
                "results": results.get(key),
                "missing": None if key in results else each.command,
                "paper": {method: row.accuracy[key] for method, row in paper.items()},
            }
            for key, each in BENCHMARKS.items()
        },
    }
    write_result(json_text(record), output.as_json, output.out)
    if not output.as_json:
        _show(results, paper)


def _sources(names: list[str] | tuple[str, ...]) -> dict[str, str]:
    """The given files or hub ids by benchmark.

    Raises:
        ProblemError: one that isn't recognised, or two of the same benchmark.
    """
    found: dict[str, str] = {}
    for name in names:
        key, equals, rest = name.partition("=")
        known = BENCHMARKS.get(key) if equals else benchmark_of(Path(name).name)
        if known is None:
            raise ProblemError(
                f"{name} is none of the paper's benchmarks by its name.",
                f"Say which, as NAME=FILE; the names are {', '.join(BENCHMARKS)}.",
            )
        if known.key in found:
            raise ProblemError(f"{known.title} is given twice.", "Give each benchmark once.")
        found[known.key] = rest if equals else name
    return found


def _evaluated(
    source: str,
    benchmark: Benchmark,
    model: ModelOptions,
    wanted: ProtocolOptions,
    runs_dir: Path | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    """The results of a benchmark's evaluation, as `fork-explorer evaluate` writes them.

    Args:
        quiet: print nothing of its own, since the output is to be JSON.

    Raises:
        typer.Exit: it was cancelled or failed.
        ExplorerError: as the command.
    """
    from core.cli import app as whole

    say(f"{benchmark.title}:")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.json"
        arguments = ["evaluate", "--problems", str(_file(source, benchmark)), "--out", str(out)]
        for name, value in _settings(benchmark).items():
            arguments += ["--set", f"{name}={value}"]
        arguments += [*wanted.arguments(), "--name", f"{benchmark.title}, the paper's protocol"]
        arguments += ["--model", model.model, "--device", model.device, "--dtype", model.dtype]
        arguments += ["--quantization", model.quantization]
        arguments += [] if model.adapter is None else ["--adapter", str(model.adapter)]
        arguments += [] if model.revision is None else ["--revision", model.revision]
        arguments += ["--trust-remote-code"] * model.trust_remote_code
        arguments += [] if runs_dir is None else ["--runs-dir", str(runs_dir)]
        arguments += ["--json"] * quiet
        with contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext():
            code = whole(arguments, standalone_mode=False)
        if code:
            raise typer.Exit(code)
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def _settings(benchmark: Benchmark) -> dict[str, Any]:
    values = protocol_values(ProtocolName.REASONMAXXER, benchmark.key)
    own = ("max_new_tokens",)  # of which a person may want fewer
    return {n: str(value) for n, value in values.items() if value is not None and n not in own}


def _file(source: str, benchmark: Benchmark) -> Path:
    """The file of a source; a dataset of the hub becomes one in the cache folder.

    Raises:
        ProblemError: no such file, or as `read_hub_dataset`.
    """
    from core.problems.hub import read_hub_dataset
    from core.problems.problem_sets import write_problems

    path = person_path(source)
    if path.is_file() or source.count("/") != 1 or path.is_absolute():
        return path
    table = read_hub_dataset(source, benchmark.split, benchmark.subset)
    kept = cache_folder() / "benchmarks" / f"{benchmark.key}.jsonl"
    write_problems(kept, table.problems)
    return kept


def _paper_rows(model: str) -> Mapping[str, PaperRow]:
    """The paper's rows of the same base, by method; none for other models."""
    from core.reasonmaxxer.paper_table import paper_base, paper_rows

    base = paper_base(model)
    return {row.method: row for row in paper_rows() if row.base == base}


def _show(results: Mapping[str, Any], paper: Mapping[str, PaperRow]) -> None:
    for key, each in BENCHMARKS.items():
        samples = _settings(each)["samples"]
        measure = "pass@1" if samples == "1" else f"avg@{samples}"
        if key in results:
            found = results[key]["pass_at_k"][0]["estimate"]
            figure = f"{100 * found['value']:.1f} % [{_end(found['low'])}, {_end(found['high'])}]"
            shown = f"{figure}, n = {found['n']}"
        else:
            shown = "missing"
        says = ", ".join(f"{name} {100 * row.accuracy[key]:.1f}" for name, row in paper.items())
        says = f" (paper: {says})" if says else ""
        print(printable(f"{each.title:{_NAME}} {measure:7} {shown:{_FIGURE}}{says}").rstrip())
    missing = [each for key, each in BENCHMARKS.items() if key not in results]
    if missing:
        print("To fetch what is missing (copies in common use; the paper doesn't name its own):")
    for each in missing:
        print(f"  {each.command}")


def _end(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f}"
