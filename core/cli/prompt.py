"""`prompt`: what a problem's prompt is, token by token."""

from __future__ import annotations

from core.chains.prompting import PromptPreview
from core.cli.chains import named_problems
from core.cli.files import check_writable, write_out
from core.cli.models import load, model_spec
from core.cli.options import (
    AsJson,
    Device,
    Dtype,
    Model,
    Out,
    ProblemFile,
    ProblemId,
    PromptDate,
    PromptStyle,
    Quantization,
    Question,
    RemoteCode,
    Revision,
    Template,
)
from core.system.json_text import json_text


def prompt(
    model: Model = "demo",
    question: Question = None,
    problem: ProblemId = None,
    problems: ProblemFile = None,
    prompt_style: PromptStyle = None,
    template: Template = None,
    prompt_date: PromptDate = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: RemoteCode = False,
    revision: Revision = None,
    quantization: Quantization = "none",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Print the exact prompt that a chain would begin with: its text, ids and pieces.

    Several problems are printed one after the other, as JSON one object a line.
    """
    from core.chains.prompting import preview_prompt

    check_writable(out)
    chosen = named_problems(question, None, problem, problems)
    spec = model_spec(model, None, device, dtype, trust_remote_code, revision, quantization)
    lm = load(spec)
    shown = [
        preview_prompt(lm, each.question, prompt_style, template, prompt_date) for each in chosen
    ]
    lines = [
        json_text({"problem": each.id, **preview.to_json()})
        for each, preview in zip(chosen, shown, strict=True)
    ]
    write_out(out, "\n".join(lines) + "\n")
    for preview, line in zip(shown, lines, strict=True):
        if as_json:
            print(line)
        else:
            _show(preview)


def _show(preview: PromptPreview) -> None:
    print(f"style {preview.style}, {len(preview.ids)} tokens")
    for position, (token_id, piece) in enumerate(zip(preview.ids, preview.pieces, strict=True)):
        print(f"{position:5d}  {token_id:8d}  {piece!r}")
    print(repr(preview.text))
