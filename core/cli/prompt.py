"""`fork-explorer prompt`: a problem's prompt, token by token."""

from __future__ import annotations

from typing import Annotated

from core.chains.prompting import PromptPreview, PromptSettings
from core.cli.files import check_writable, write_out
from core.cli.models import load
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ModelOptions, OutputOptions, QuestionOptions
from core.system.json_text import json_text

_PROMPT = {name: name for name in ("prompt_style", "template", "examples", "prompt_date")}


@grouped
def prompt(
    model: ModelOptions,
    questions: QuestionOptions,
    settings: Annotated[GivenSettings, SettingOptions(PromptSettings, _PROMPT, by_name=False)],
    output: OutputOptions,
) -> None:
    """Print the exact prompt that a chain would begin with: its text, ids and pieces.

    Several problems are printed one after the other, as JSON one object a line.
    """
    from core.chains.prompting import preview_prompt

    check_writable(output.out)
    how = settings.changed(PromptSettings())
    chosen = questions.named()
    lm = load(model.spec())
    shown = [
        preview_prompt(
            lm,
            each.question,
            how.prompt_style,
            how.template,
            how.prompt_date,
            how.examples,
        )
        for each in chosen
    ]
    lines = [
        json_text({"problem": each.id, **preview.to_json()})
        for each, preview in zip(chosen, shown, strict=True)
    ]
    write_out(output.out, "\n".join(lines) + "\n")
    for preview, line in zip(shown, lines, strict=True):
        if output.as_json:
            print(line)
        else:
            _show(preview)


def _show(preview: PromptPreview) -> None:
    print(f"style {preview.style}, {len(preview.ids)} tokens")
    for position, (token_id, piece) in enumerate(zip(preview.ids, preview.pieces, strict=True)):
        print(f"{position:5d}  {token_id:8d}  {piece!r}")
    print(repr(preview.text))
