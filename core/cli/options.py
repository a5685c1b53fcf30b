"""Options that several commands share, and what every path option has."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from core.system.person_path import person_path


def path_option(*names: str, help: str, metavar: str = "PATH", **more: Any) -> Any:
    """An option that takes a path, in which ~ is the home folder."""
    return typer.Option(*names, parser=person_path, metavar=metavar, help=help, **more)


def path_argument(*, help: str | None = None, metavar: str = "PATH") -> Any:
    """An argument that is a path, in which ~ is the home folder."""
    return typer.Argument(parser=person_path, metavar=metavar, help=help)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date such as 2026-03-01.") from error


Model = Annotated[str, typer.Option(help='"demo", a model folder, or a hub id.')]
Adapter = Annotated[Path | None, path_option(help="Folder or hub id of a LoRA adapter.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the hub.")]
Quantization = Annotated[
    str, typer.Option(help="none, 4bit or 8bit, with bitsandbytes on a CUDA GPU.")
]
Device = Annotated[
    str, typer.Option(help="auto, cpu, cuda, mps, or balanced: over all GPUs of this machine.")
]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]
RemoteCode = Annotated[
    bool, typer.Option("--trust-remote-code", help="Run the model's own Python code.")
]
MaxNewTokens = Annotated[int, typer.Option(help="Longest completion, in tokens.")]
PromptStyle = Annotated[
    str | None, typer.Option(help="qwen_boxed, chat_template, llama_abel or plain.")
]
Template = Annotated[
    str | None, typer.Option(help="Text around {problem}, for the prompt style plain.")
]
PromptDate = Annotated[
    date | None,
    typer.Option(
        parser=_day,
        metavar="YYYY-MM-DD",
        help="Date for chat templates that ask for it; by default the day of the chain or run.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
Out = Annotated[Path | None, path_option(help="Also write the JSON to this file.")]

Question = Annotated[str | None, typer.Option(help="A question of your own.")]
ProblemId = Annotated[
    str | None, typer.Option(help="Id of a problem, of --problems or of the demo's.")
]
ProblemFile = Annotated[
    Path | None, path_option(help="A JSONL, JSON, CSV, TSV or Parquet file of problems.")
]
Problems = Annotated[
    Path | None,
    path_option(
        help="A JSONL, JSON, CSV, TSV or Parquet file, or the name of a set such as "
        "word-problems; the demo's when not given."
    ),
]
Sample = Annotated[
    int | None, typer.Option(min=1, help="So many of the problems, drawn by the seed.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Most chains at once.")]

RunDir = Annotated[
    Path | None,
    path_option("--run", help="Folder of the run: a new one, or one that was prepared."),
]
RunsDir = Annotated[
    Path | None, path_option("--runs-dir", help="Where runs are kept, each in its own folder.")
]
RunName = Annotated[str, typer.Option("--name", help="Your own name for the run.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --run, after its last unit.")
]

ChainFile = Annotated[Path, path_argument(metavar="CHAIN.json")]
ChainDtype = Annotated[str, typer.Option("--dtype", help="As the chain's own when not given.")]
