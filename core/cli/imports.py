"""`import`: rollouts and answers of other programs, as a table and as chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.export import form_of, write_export
from core.cli.files import check_writable, interruptible, progress, say, say_refused, write_out
from core.cli.import_run import RunOfRollouts, forget_scores, say_run, scored_and_kept
from core.cli.models import load
from core.cli.option_groups import grouped
from core.cli.options import AsJson, LoadOptions, path_argument, path_option
from core.errors import FileError
from core.records import ForkTemperature
from core.system.json_text import json_text
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.export.files import Form
    from core.imports.listing import Line
    from core.imports.records import RolloutTable
    from core.imports.scoring import NotScored, ScoredRollout
    from core.models.language_model import LanguageModel
    from core.models.spec import ModelSpec

_NAMED = 5  # rollouts that are not scored and named


@dataclass(frozen=True)
class _ScoringOptions(LoadOptions):
    score: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help='Score the rollouts by a model: "demo", "smollm2", a folder, a .gguf file or a '
            "hub id.",
        ),
    ] = None
    adapter: Annotated[
        Path | None, path_option(help="Folder or hub id of a LoRA adapter, for --score.")
    ] = None
    from_text: Annotated[
        bool,
        typer.Option(
            "--from-text",
            help="Score the text tokenised by the model, even where the file has token ids.",
        ),
    ] = False


@dataclass(frozen=True)
class _TableOptions:
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help='Only rollouts of which this is true: "reward < 1", "tokens > 200", "share > 5" '
            '(percent), "problem = 7", "verdict = wrong"; repeated, all of them.',
        ),
    ] = None
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="row, step, reward, tokens, characters, entropy, share, their_entropy or "
            "their_share; -COLUMN from the highest.",
        ),
    ] = None
    by_problem: Annotated[
        bool, typer.Option("--by-problem", help="One line a problem, with means.")
    ] = False
    show: Annotated[int, typer.Option(min=0, help="Lines shown.")] = 20
    tau: Annotated[float, typer.Option(min=0, max=100, help="Threshold of forks, nats.")] = (
        ForkTemperature.tau
    )

    def of(self, found: Sequence[Line]) -> list[Line]:
        """The lines that are asked for, in order.

        Raises:
            FileError: not a condition, or no such column.
        """
        from core.imports.listing import condition, ordered

        for test in map(condition, self.where or ()):
            found = [line for line in found if test(line)]
        return ordered(found, self.sort) if self.sort else list(found)


@dataclass(frozen=True)
class _ChainFiles:
    out: Annotated[
        Path | None,
        path_option(help="With --score: write the chains to this file, one a line."),
    ] = None
    session: Annotated[
        Path | None,
        path_option(help="With --score: write a session to this file, which Explore opens."),
    ] = None
    export: Annotated[
        Path | None,
        path_option(
            help="Write the rollouts of --where as a file to hand out: .html, .svg, .png, .md or "
            ".tex, as of export."
        ),
    ] = None


@grouped
def import_rollouts(
    file: Annotated[Path, path_argument(metavar="FILE")],
    fields: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE=FIELD,...",
            help="Fields, where the guess is wrong: prompt, answer, reward, gold, group, id, step, "
            "stop, prompt_ids, answer_ids, mask, answer_length, tokens, entropy, model or "
            "temperature; output.choices[0].text is a value inside one, nothing after = is none.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Rollouts read, from the first.")] = None,
    *,
    table: _TableOptions,
    scoring: _ScoringOptions,
    as_json: AsJson = False,
    files: _ChainFiles,
    made: RunOfRollouts,
) -> None:
    """Open rollouts, completions and evaluation logs of other programs.

    Reads verl, TRL, prime-rl's token export, slime, lm-evaluation-harness, Inspect (.eval, .json),
    chat messages, prompt and answer texts, token ids, and chains of the explorer; as JSON lines,
    JSON, CSV or Parquet. Entropies in a file are shown as theirs, beside those of --score.
    """
    from core.cli.import_table import show
    from core.imports.as_run import HowToRead
    from core.imports.listing import check_column, condition, lines
    from core.imports.reading import read_rollouts

    out, session, tau = files.out, files.session, table.tau
    if (out or session or made.to_rollouts is not None) and not scoring.score:
        raise FileError("Only scored rollouts are chains, or a run.", "Give --score MODEL too.")
    made.check()
    for text in table.where or ():
        condition(text)
    if table.sort:
        check_column(table.sort.removeprefix("-"))
    for path in (out, session, files.export):
        check_writable(path)
    form = None if files.export is None else form_of(None, files.export)
    found = read_rollouts(file, _given(fields), limit)
    items: list[Any] = list(found.rollouts)
    lm = None
    if scoring.score:
        spec = scoring.spec_of(scoring.score, scoring.adapter)
        made.check_before(spec, found, bool(table.where))
        lm = load(spec)
        if out or session or made.to_rollouts is None:
            items = _scored(found, lm, scoring.from_text, as_json)
        else:
            items = scored_and_kept(file, found, lm, scoring.from_text, quiet=as_json)
    chosen = table.of(lines(items, tau))
    kept = [line.scored for line in chosen if line.scored is not None]
    _write(kept, found.name, out, session)
    if files.export is not None and form is not None:
        _export(files.export, form, found, chosen, tau, None if lm is None else lm.spec)
    run = None
    if lm is not None and made.to_rollouts is not None:
        how = HowToRead(
            made.correct_from, _given(fields), tuple(table.where or ()), scoring.from_text
        )
        run = made.run(lm, found, items, [line.rollout for line in chosen], how)
        forget_scores(file, found, lm.spec, scoring.from_text)
    if as_json:
        record = _json(found, items, chosen, tau, table.by_problem)
        print(json_text(record | ({} if run is None else {"run": str(run.folder)})))
        return
    _describe(found)
    show(chosen, table.by_problem, table.show, tau)
    _say_doubts(found, items)
    for path in filter(None, (out, session)):
        say(f"Chains written to {path}: {len(kept):,}.")
    if run is not None:
        say_run(run)


def _given(fields: str | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for each in fields.split(",") if fields else ():
        role, sign, name = (part.strip() for part in each.partition("="))
        if not sign or role in found:
            raise FileError(
                f"--fields can't read {each.strip()!r}.",
                "Write ROLE=FIELD, each role once, with commas between them.",
            )
        found[role] = name or None
    return found


def _scored(
    found: RolloutTable, lm: LanguageModel, from_text: bool, quiet: bool
) -> list[ScoredRollout | NotScored]:
    from core.imports.scoring import score_rollouts

    items: list[ScoredRollout | NotScored] = []
    with interruptible() as stopped, progress(len(found.rollouts), quiet) as bar:
        for item in score_rollouts(lm, found.rollouts, found.name, from_text=from_text):
            items.append(item)
            bar.update()
            if stopped.is_set():
                say(f"Cancelled: {len(items):,} of {len(found.rollouts):,} rollouts are scored.")
                break
    return items


def _write(
    kept: Sequence[ScoredRollout], name: str, out: Path | None, session: Path | None
) -> None:
    from core.imports.chains import chain_record, session_of

    if out is not None:
        write_out(out, "".join(json_text(chain_record(each, name)) + "\n" for each in kept))
    if session is not None:
        write_out(session, session_of(kept).dumps())


def _export(
    path: Path,
    form: Form,
    found: RolloutTable,
    chosen: Sequence[Line],
    tau: float,
    spec: ModelSpec | None,
) -> None:
    from core.export.of_rollouts import rollouts_handout

    write_export(path, form, rollouts_handout(found, chosen, tau, spec))


def _describe(found: RolloutTable) -> None:
    from core.imports.shapes import described
    from core.problems.paths import steps

    shape = f", in the form of {described(found.shape)}" if found.shape else ""
    print(
        printable(
            f"{found.name}: {found.kind} with {_counted(len(found.rollouts), 'rollout')} of "
            f"{_counted(found.groups, 'problem')}{shape}"
        )
    )
    for role, name in found.mapping.named():
        print(printable(f"  {role:13} {name}"))
    used = {steps(name, found.columns)[0] for _, name in found.mapping.named()}
    others = [name for name in found.columns if name not in used]
    if others:
        print(printable(f"  {'not used':13} {', '.join(others)}"))
    for note in found.notes:
        print(printable(f"  {'note':13} {note}"))


def _say_doubts(found: RolloutTable, items: Sequence[Any]) -> None:
    from core.imports.scoring import NotScored, ScoredRollout

    for warning in found.warnings:
        say(f"{found.name}: {warning}")
    say_refused(found.refused, found.noun, found.name)
    if found.unread:
        say(f"{found.name} has more rollouts than --limit.")
    scored = [item for item in items if isinstance(item, ScoredRollout)]
    for text in _how_scored(scored):
        say(text)
    for item in [item for item in items if isinstance(item, NotScored)][:_NAMED]:
        say(f"{found.name}, {found.noun} {item.rollout.row} is not scored: {item.reason}")


def _how_scored(scored: Sequence[ScoredRollout]) -> Iterator[str]:
    """Where the token ids are from, and doubts about them."""
    from core.imports.scoring import Ids

    for how, count in Counter(str(each.encoded.ids) for each in scored).items():
        yield f"{_counted(count, 'rollout')} scored: {how}."
    for doubt, count in Counter(each.encoded.doubt for each in scored).items():
        if doubt:
            yield f"{_counted(count, 'rollout')}: {doubt}"
    unlikely = Counter(str(each.encoded.ids) for each in scored if each.unlikely)
    for how, count in unlikely.items():
        because = (
            "the ids are probably of another tokenizer"
            if how == Ids.UNCHECKED
            else "this model would not write them, and its entropies say little about the one that "
            "did"
        )
        yield f"{_counted(count, 'rollout')} less likely than chance under this model: {because}."


def _json(
    found: RolloutTable, items: Sequence[Any], chosen: Sequence[Line], tau: float, grouped: bool
) -> dict[str, Any]:
    from core.imports.listing import by_problem
    from core.imports.scoring import NotScored

    return {
        "name": found.name,
        "kind": found.kind,
        "shape": found.shape,
        "columns": found.columns,
        "fields": dict(found.mapping.named()),
        "notes": found.notes,
        "warnings": found.warnings,
        "refused": [asdict(refusal) for refusal in found.refused],
        "not_scored": [
            {"row": item.rollout.row, "reason": item.reason}
            for item in items
            if isinstance(item, NotScored)
        ],
        "unread": found.unread,
        "tau": tau,
        "rollouts": [line.to_json() for line in chosen],
        **({"problems": [asdict(group) for group in by_problem(chosen)]} if grouped else {}),
    }


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
