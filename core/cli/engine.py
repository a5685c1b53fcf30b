"""`fork-explorer engine`: what a server is, and whether its model is the one in hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.files import check_writable, write_result
from core.cli.option_groups import grouped
from core.cli.options import EngineModel, ModelOptions, OutputOptions
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.engines.engine import EngineCheck
    from core.engines.served import ServedEngine

_TEXT = 40  # characters


@grouped
def engine(
    url: Annotated[str, typer.Argument(metavar="URL", help="Such as http://localhost:8000.")],
    model: ModelOptions,
    engine_model: EngineModel = None,
    *,
    output: OutputOptions,
) -> None:
    """Compare a served engine's model with the one in hand, as a run on it does before it begins.

    Token ids and the most probable next tokens of 20 texts. The server knows only the top of each
    distribution, which leaves the entropy open within an interval; the exact one is computed here.
    """
    from core.cli.models import load
    from core.engines.engine import Engine
    from core.engines.finding import find_engine

    check_writable(output.out)
    spec = model.spec()
    served = find_engine(url, engine_model, adapter=spec.adapter is not None)
    check = Engine(served, load(spec)).check()
    assert check is not None
    write_result(json_text(_record(served, check), indent=1), output.as_json, output.out)
    if not output.as_json:
        _show(served, check)


def _record(served: ServedEngine, check: EngineCheck) -> dict[str, Any]:
    return {
        **served.model_dump(mode="json", exclude={"score"}),
        "largest_difference": check.difference,
        "texts": [asdict(each) for each in check.texts],
    }


def _show(served: ServedEngine, check: EngineCheck) -> None:
    length = "" if served.context_length is None else f", {served.context_length:,} tokens long"
    print(f"{served.kind} serves {served.model}{length}, and it is the model in hand:")
    print(
        f"the same token ids on {len(check.texts)} texts, and probabilities that differ by at most "
        f"{check.difference:.1g}."
    )
    print("Entropy in nats: exact, and what the server's five most probable tokens leave open")
    for each in check.texts:
        shown = repr(each.text if len(each.text) <= _TEXT else f"{each.text[:_TEXT]}…")
        print(f"{each.entropy:7.3f}  [{each.low:.3f}, {each.high:.3f}]  {shown}")
