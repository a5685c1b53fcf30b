"""A run to hand out: its result, its figures, its problems with their chains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from core.components.words import VERDICT_SIGNS, VERDICT_WORDS
from core.disagreement.records import ComparedChain
from core.errors import ExplorerError, RunError
from core.evaluation.records import ProblemSamples
from core.evaluation.results import EvaluationResults
from core.export.document import ChainText, Fact, Handout, NotePart, ProblemPart, Table
from core.export.figures import figures_of, has_figures
from core.export.inert_json import inert_json
from core.export.of_chains import notices_of, versions_words
from core.interventions.records import ProblemRecord
from core.interventions.results import InterventionResults
from core.kinds import KINDS, kind_entry, kind_title
from core.models.spec import DEMO, DEMO_TEACHER
from core.models.tokenizer_text import load_token_text
from core.records import Problem, StopReason, Verdict
from core.runs.headline import FEW, counted
from core.runs.kind import RESULTS, SO_FAR, Kind
from core.runs.model_names import last_part, model_words
from core.runs.models import read_model
from core.runs.run import Run
from core.runs.status import RunState
from core.stored_chains import StoredChain, StoredProblem, arms_of, compared_of, samples_of
from core.system.json_text import json_text
from core.system.short_text import short
from core.tokens.token_text import TokenText

MOST_BYTES = 700_000
"""Of the texts of chains, so that the file stays below 1 MB."""

_MOST_PROBLEMS = 1_000  # that are listed
_QUESTION = 200  # characters of a question
_ROW = 150  # bytes around a text
_CUT = 0.05  # share of chains at the limit of new tokens, from which a run warns


def run_handout(run: Run, most_bytes: int = MOST_BYTES) -> Handout:
    """The results of a run, so far or at its end.

    Args:
        most_bytes: of the texts of chains.

    Raises:
        RunError: a kind that this program doesn't know, or no results yet.
        ExplorerError: the run's files can't be read.
    """
    kind: Any = kind_entry(run).load()
    results = kind.results_of(run)
    if results is None:
        raise RunError(
            f"The run {run.id} has no results yet.",
            "Wait until it has some, or resume it with `fork-explorer runs resume`.",
        )
    headline = kind.headline_of(run)
    problems, left_out = _problems(run, kind, most_bytes)
    model = str(run.config.model.get("model", ""))
    return Handout(
        kind=kind_title(run),
        title=run.config.name or run.id,
        line=kind_title(run) if headline is None else headline.sentence,
        model=model_words(model, run.config.model.get("adapter")),
        facts=run_facts(run),
        notices=(*notices_of(model), *_warnings(run, results)),
        headline=headline,
        notes=(NotePart("", run.config.notes),) if run.config.notes else (),
        figures=figures_of(results),
        tables=(_settings(run),),
        problems=problems,
        left_out=left_out,
    )


def results_are_there(run: Run) -> bool:
    """Whether there is something to hand out."""
    return any((run.folder / name).is_file() for name in (RESULTS, SO_FAR))


def has_picture(run: Run) -> bool:
    """Whether runs of this kind have figures to draw."""
    entry = KINDS.get(run.config.task)
    return entry is not None and has_figures(entry.load().results)


def run_facts(run: Run) -> tuple[Fact, ...]:
    """How a run was made; not where."""
    config = run.config
    model = str(config.model.get("model", ""))
    adapter = config.model.get("adapter")
    facts: list[Fact] = [
        ("model", model_words(model, None) + (", a teaching model" * (model == DEMO))),
        ("revision", str(config.model.get("revision") or "none named")),
        ("adapter", model_words("", adapter).removeprefix(" + adapter ") if adapter else "none"),
    ]
    if config.teachers:
        names = (each if each == DEMO_TEACHER else last_part(each) for each in config.teachers)
        facts.append(("teacher", ", ".join(names)))
    if config.engine is not None:
        facts.append(("sampled on", config.engine.kind))
    if config.imported is not None:
        facts.append(("rollouts", config.imported.words))
        facts.append(("sampled by", config.imported.sampled_by))
    facts += [
        ("problems", f"{len(run.problems()):,}"),
        ("prompt style", _style(run)),
        ("seed", str(config.seed)),
        ("made on", config.created[:10]),
        ("state", str(run.status().state)),
        ("versions", versions_words(config.versions)),
    ]
    return tuple(facts)


def _style(run: Run) -> str:
    if run.config.imported is not None and not run.config.inputs:
        return "of the file"
    return str(run.config.settings.get("prompt_style") or "default")


def _warnings(run: Run, results: Any) -> Iterator[str]:
    """What changes how the result is to be read."""
    n = getattr(results, "n", None)
    if run.status().state is not RunState.DONE:
        of = "" if n is None else f" of {counted(n, 'problem')}"
        yield f"Not finished: these are the results{of} so far."
    measured = [each.estimate.n for each in figures_of(results)[:1]]
    if measured and measured[0] < FEW:
        yield f"Only {counted(measured[0], 'problem')}: the interval is wide."
    cut, chains = _cut(results)
    if cut and cut >= _CUT * chains:
        yield (
            f"{cut:,} of {counted(chains, 'chain')} reached the limit of new tokens: an answer may "
            "be missing."
        )


def _cut(results: Any) -> tuple[int, int]:
    """Chains that reached the limit of new tokens, and all of them."""
    if isinstance(results, EvaluationResults) and results.n:
        return round(results.truncated.value * results.chains), results.chains
    if isinstance(results, InterventionResults) and results.arms:
        return results.arms[0].truncated, results.n
    return 0, 0


def _settings(run: Run) -> Table:
    sampled = run.config.imported is None
    rows = tuple(
        row
        for row in _flat(run.config.settings)
        if sampled or not row[0].startswith("rollouts.")  # which nothing was sampled with
    )
    return Table("Settings", ("setting", "value"), rows)


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json_text(value)
            text = "default" if value is None else text
            yield f"{prefix}{name}", short(" ".join(text.split()), 200)


def _problems(run: Run, kind: Any, most_bytes: int) -> tuple[tuple[ProblemPart, ...], str]:
    """The problems with as many chains as fit, and what is left out."""
    if not isinstance(kind, Kind):
        return (), ""
    known = {each.id: each for each in run.problems()}
    stored = [(_stored(each), _names(each)) for each in kind.records_of(run)]
    try:
        text: TokenText | None = load_token_text(read_model(run.config.model))
        reason = ""
    except ExplorerError as error:
        text, reason = None, f"The texts of chains are left out: {error.what}"
    listed = stored[:_MOST_PROBLEMS]
    parts = [_part(found, names, known.get(found.problem_id), text) for found, names in listed]
    size = sum(len(inert_json(each.question)) + _ROW for each in parts)
    for number, part in enumerate(parts):
        size += sum(len(inert_json(chain.text)) + _ROW for chain in part.chains)
        if size > most_bytes:
            parts[number] = replace(part, chains=())
    whole = sum(bool(each.chains) for each in parts)
    if text is None or (whole == len(stored)):
        return tuple(parts), reason
    n = counted(len(stored), "problem")
    said = f"The chains of {whole:,} of {n} are in this file; more would make it larger than 1 MB."
    if len(listed) < len(stored):
        said += f" The first {len(listed):,} problems are listed."
    return tuple(parts), said


def _stored(record: Any) -> StoredProblem:
    if isinstance(record, ProblemSamples):
        return samples_of(record)
    if isinstance(record, ProblemRecord):
        return arms_of(record, [chain.arm for chain in record.chains])
    assert isinstance(record, ComparedChain)
    return compared_of(record)


def _names(record: Any) -> Sequence[str]:
    """What tells a problem's chains apart."""
    if isinstance(record, ProblemRecord):
        return [chain.arm for chain in record.chains]
    if isinstance(record, ProblemSamples):
        return [f"sample {i + 1}" for i in range(record.n)]
    return ["the chain"]


def _part(
    found: StoredProblem, names: Sequence[str], problem: Problem | None, text: TokenText | None
) -> ProblemPart:
    asked = found.problem_id if problem is None else " ".join(problem.question.split())
    question = short(asked, _QUESTION)
    gold = "" if problem is None or problem.answer is None else problem.answer
    chains = () if text is None else tuple(_texts(found, names, text))
    head = _signs(found)
    return ProblemPart(question, gold, head, chains)


def _signs(found: StoredProblem) -> str:
    if len(found.chains) == 1:
        chain = found.chains[0]
        return f"{VERDICT_SIGNS[chain.verdict]} {chain.answer or 'no answer'}"
    sign = VERDICT_SIGNS[Verdict.CORRECT if found.correct else Verdict.WRONG]
    return f"{sign} {found.correct} of {len(found.chains)} correct"


def _texts(found: StoredProblem, names: Sequence[str], text: TokenText) -> Iterator[ChainText]:
    prompt = found.prompt_ids.tolist()
    for name, chain in zip(names, found.chains, strict=True):
        sign = VERDICT_SIGNS[chain.verdict]
        answer = "no answer" if chain.answer is None else short(chain.answer)
        words = [f"{sign} {name}", f"{answer}, {VERDICT_WORDS[chain.verdict]}"]
        words.append(counted(len(chain), "token") + (", cut" if chain.cut else ""))
        yield ChainText(" · ".join(words), "".join(text.pieces(_shown_ids(chain), prompt)))


def _shown_ids(chain: StoredChain) -> list[int]:
    """Without the end-of-sequence token, which isn't text."""
    ids: list[int] = chain.token_ids.tolist()
    return ids[:-1] if chain.stop_reason is StopReason.EOS else ids
