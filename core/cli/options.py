"""The groups of options that commands share, and what every path option has.

A command that loads a model takes a `ModelOptions` or, where something else names the model, a
`LoadOptions`; one that asks questions takes the prompt's settings; one that is a run takes
`RunOptions`; one with a JSON result takes `OutputOptions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.files import given_problems
from core.engines.served import Score, ServedEngine, score_of
from core.errors import ProblemError, RunError
from core.models.spec import ModelSpec
from core.records import Chain, Problem
from core.system.person_path import person_path


def path_option(*names: str, help: str, metavar: str = "PATH", **more: Any) -> Any:
    """An option that takes a path, in which ~ is the home folder."""
    return typer.Option(*names, parser=person_path, metavar=metavar, help=help, **more)


def path_argument(*, help: str | None = None, metavar: str = "PATH") -> Any:
    """An argument that is a path, in which ~ is the home folder."""
    return typer.Argument(parser=person_path, metavar=metavar, help=help)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
RemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run the model's own Python code.")
]
ProblemsFile = Annotated[
    Path | None,
    path_option(
        help="A JSONL, JSON, CSV, TSV or Parquet file, or the name of a set such as "
        "word-problems; the demo's when not given."
    ),
]
RunsDir = Annotated[
    Path | None, path_option("--runs-dir", help="Where runs are kept, each in its own folder.")
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the hub.")]
Sample = Annotated[
    int | None, typer.Option(min=1, help="Number of the problems, drawn by the seed.")
]
EngineModel = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The server's name of the model, or of the adapter; by default its only model.",
    ),
]
ChainFile = Annotated[Path, path_argument(metavar="CHAIN.json")]


@dataclass(frozen=True)
class OutputOptions:
    """Where the result goes."""

    as_json: AsJson = False
    out: Annotated[Path | None, path_option(help="Also write the JSON to this file.")] = None


@dataclass(frozen=True)
class _NamedModel:
    model: Annotated[
        str, typer.Option(help='"demo", "smollm2", a model folder, a .gguf file, or a hub id.')
    ] = ModelSpec.model
    adapter: Annotated[Path | None, path_option(help="Folder or hub id of a LoRA adapter.")] = None


@dataclass(frozen=True)
class LoadOptions:
    """How a model is loaded."""

    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, mps, or balanced: over all GPUs of this machine.")
    ] = ModelSpec.device
    dtype: Annotated[
        str,
        typer.Option(
            help="auto, float32, bfloat16 or float16. auto: as stored; on a CPU the faster of "
            "float32 and bfloat16."
        ),
    ] = ModelSpec.dtype
    trust_remote_code: RemoteCode = False
    revision: Revision = None
    quantization: Annotated[
        str, typer.Option(help="none, 4bit or 8bit, with bitsandbytes on a CUDA GPU.")
    ] = ModelSpec.quantization

    def spec_of(self, model: str, adapter: Path | None = None) -> ModelSpec:
        """A model, loaded as these options say; torch is imported here and not before.

        Raises:
            ModelError: an unknown quantization.
        """
        from transformers.utils import logging

        from core.models.placement import quantization_named

        logging.disable_progress_bar()
        return ModelSpec(
            model,
            None if adapter is None else str(adapter),
            self.device,
            self.dtype,
            self.trust_remote_code,
            self.revision,
            quantization_named(self.quantization),
        )


@dataclass(frozen=True)
class ChainModelOptions(LoadOptions):
    """How the model that made a chain is loaded."""

    dtype: Annotated[str, typer.Option(help="By default the chain's own.")] = ""

    def maker(self, chain: Chain) -> ModelSpec:
        """The model that made a chain, with the chain's own precision, revision and quantization
        where none is given.

        Raises:
            ModelError: an unknown quantization.
        """
        own = LoadOptions(
            self.device,
            self.dtype or chain.dtype,
            self.trust_remote_code,
            self.revision or chain.revision,
            chain.quantization
            if self.quantization == ModelSpec.quantization
            else self.quantization,
        )
        return own.spec_of(chain.model, None if chain.adapter is None else Path(chain.adapter))


@dataclass(frozen=True)
class ModelOptions(LoadOptions, _NamedModel):
    """Which model, and how it is loaded."""

    def spec(self) -> ModelSpec:
        """The model.

        Raises:
            ModelError: an unknown quantization.
        """
        return self.spec_of(self.model, self.adapter)


@dataclass(frozen=True)
class ProblemOptions:
    """The problems of a run."""

    problems: ProblemsFile = None
    sample: Sample = None

    def problem_set(self) -> list[Problem]:
        """All problems of the file, or the demo's.

        Raises:
            ProblemError: the file can't be read.
        """
        from core.problems.problem_sets import demo_problems

        return demo_problems() if self.problems is None else given_problems(self.problems)

    @property
    def set_name(self) -> str:
        """The name of the set or file."""
        return "demo" if self.problems is None else self.problems.name


@dataclass(frozen=True)
class QuestionOptions:
    """A question, or problems of a file or of the demo."""

    question: Annotated[str | None, typer.Option(help="A question of your own.")] = None
    problem: Annotated[
        str | None, typer.Option(help="Id of a problem, of --problems or of the demo's.")
    ] = None
    problems: Annotated[
        Path | None, path_option(help="A JSONL, JSON, CSV, TSV or Parquet file of problems.")
    ] = None

    def named(self, gold: str | None = None) -> list[Problem]:
        """The problems that the options name.

        Args:
            gold: the right answer to the question.

        Raises:
            ProblemError: none, too many ways to name them, or a file that can't be read.
        """
        from core.problems.problem_sets import demo_problems, find_problem

        if self.question is not None:
            if self.problem is not None or self.problems is not None:
                raise ProblemError(
                    "A question and a problem are both given.", "Give --question or --problem."
                )
            return [Problem("question", self.question, gold, source="typed")]
        if self.problem is None and self.problems is None:
            raise ProblemError(
                "There is nothing to solve.", "Give --question, --problem or --problems."
            )
        known = demo_problems() if self.problems is None else given_problems(self.problems)
        return known if self.problem is None else [find_problem(known, self.problem)]


@dataclass(frozen=True)
class _Engine:
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Sample on a vLLM or SGLang server of the same model, such as "
            "http://localhost:8000; its API key, if any, in FORK_EXPLORER_ENGINE_KEY.",
        ),
    ] = None
    engine_model: EngineModel = None
    score: Annotated[
        Score | None,
        typer.Option(
            help="Chains of the server whose entropies are computed here: all, gated (of problems "
            "with correct and wrong ones) or never; by default all where entropies are kept.",
        ),
    ] = None

    def found_engine(self, spec: ModelSpec, *, keeps_entropy: bool) -> ServedEngine | None:
        """The server, asked what it is; None without one.

        Raises:
            RunError: options without a server, or a score that doesn't go with the run.
            EngineError: nothing answers there, no such model, or no token ids.
        """
        if self.engine is None:
            if self.engine_model is not None or self.score is not None:
                raise RunError(
                    "--engine-model and --score are of a served engine.", "Give --engine URL, too."
                )
            return None
        from core.engines.finding import find_engine

        return find_engine(
            self.engine,
            self.engine_model,
            adapter=spec.adapter is not None,
            score=score_of(self.score, keeps_entropy=keeps_entropy),
        )


@dataclass(frozen=True)
class RunOptions:
    """Where a run is kept, and whether it is a new one."""

    run: Annotated[
        Path | None,
        path_option("--run", help="Folder of the run: a new one, or one that was prepared."),
    ] = None
    runs_dir: RunsDir = None
    name: Annotated[str, typer.Option("--name", help="Your own name for the run.")] = ""
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --run after its last unit.")
    ] = False
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say how long it would take, and start nothing.")
    ] = False
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Only part I of N, with problems of its own; `runs merge` makes the whole run.",
        ),
    ] = None
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster: its HOST:PORT, or auto for that of this machine.",
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Workers on the Ray cluster; by default one a GPU, or CPU."),
    ] = None


@dataclass(frozen=True)
class EngineRunOptions(_Engine, RunOptions):
    """Where a run is kept, and the server that samples its chains, if any."""
