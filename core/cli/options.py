"""Options that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help='"demo", a model folder, or a hub id.')]
Adapter = Annotated[Path | None, typer.Option(help="Folder or hub id of a LoRA adapter.")]
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
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="Date for chat templates that ask for it; by default the day of the chain or run.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
Out = Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")]

Problems = Annotated[
    Path | None,
    typer.Option(help="A JSONL, JSON, CSV, TSV or Parquet file; the demo's when not given."),
]

RunDir = Annotated[
    Path | None,
    typer.Option("--run", help="Folder of the run: a new one, or one that was prepared."),
]
RunsDir = Annotated[
    Path | None, typer.Option("--runs-dir", help="Where runs are kept, each in its own folder.")
]
RunName = Annotated[str, typer.Option("--name", help="Your own name for the run.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with the run in --run, after its last unit.")
]

ChainFile = Annotated[Path, typer.Argument(metavar="CHAIN.json")]
ChainDtype = Annotated[str, typer.Option("--dtype", help="As the chain's own when not given.")]
