"""`overrule`: a person's own verdict, kept beside the checker's."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from core.chain_json import chain_from_json, chain_to_json
from core.cli.files import check_writable, read_json
from core.cli.option_groups import grouped
from core.cli.options import OutputOptions, path_argument
from core.errors import ResourceError, SessionError
from core.records import Outcome, Verdict
from core.system.durable_files import replace_file
from core.system.json_text import json_text


class PersonVerdict(StrEnum):
    """What a person can say of an answer."""

    CORRECT = "correct"
    WRONG = "wrong"
    AS_CHECKED = "as-checked"
    RIGHT = "right"  # the word of earlier versions


_VERDICTS = {
    PersonVerdict.CORRECT: Verdict.CORRECT,
    PersonVerdict.RIGHT: Verdict.CORRECT,
    PersonVerdict.WRONG: Verdict.WRONG,
    PersonVerdict.AS_CHECKED: None,
}


@grouped
def overrule(
    file: Annotated[Path, path_argument(metavar="FILE", help="A chain or a saved session.")],
    verdict: Annotated[
        PersonVerdict,
        typer.Option(metavar="VERDICT", help="correct, wrong or as-checked."),
    ],
    branch: Annotated[
        str | None, typer.Option(help="Of a session: a branch of its current problem, b1 ...")
    ] = None,
    *,
    output: OutputOptions,
) -> None:
    """Overrule the checker's verdict on an answer. The checker's own is kept, and is what counts.

    The file is changed in place, or written to --out.
    """
    target = output.out or file
    check_writable(target)
    data = read_json(file)
    if isinstance(data, dict) and data.get("kind") == "session":
        text, outcome = _in_session(data, branch, _VERDICTS[verdict])
    elif branch is not None:
        raise SessionError(f"{file} holds no session with branches.", "Leave --branch out.")
    else:
        text, outcome = _in_chain(data, _VERDICTS[verdict])
    try:
        replace_file(target, text.encode("utf-8"))  # atomically: it is the person's only copy
    except OSError as error:
        raise ResourceError(
            f"{target} can't be written ({error.strerror or error}).",
            "Free space there or choose another --out; the file is as it was.",
        ) from error
    record = {
        "answer": outcome.answer,
        "verdict": str(outcome.verdict),
        "overruled": str(outcome.overruled) if outcome.overruled else None,
    }
    if output.as_json:
        print(json_text(record))
    else:
        theirs = f"{outcome.overruled} by you" if outcome.overruled else "not overruled"
        print(f"-> {outcome.answer} ({theirs}; checker: {outcome.verdict})")


def _in_chain(data: Any, verdict: Verdict | None) -> tuple[str, Outcome]:
    chain, outcome = chain_from_json(data)
    if outcome is None:
        raise SessionError("This chain has no verdict to overrule.", "Generate it again.")
    outcome = outcome.overrule(verdict)
    return json_text(chain_to_json(chain, outcome)) + "\n", outcome


def _in_session(data: Any, branch: str | None, verdict: Verdict | None) -> tuple[str, Outcome]:
    from core.chains.session import Session

    session = Session.from_json(data)
    if session.tree is None or not session.tree.branches:
        raise SessionError("This session has no chains in it.", "Open another file.")
    chosen = branch or session.tree.selection.branch
    if chosen is None:
        raise SessionError("Which branch to overrule is not clear.", "Give --branch.")
    session.tree.overrule(chosen, verdict)
    return session.dumps(), session.tree.branch(chosen).outcome
