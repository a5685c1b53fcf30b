"""`generate`, `force` and `score`: chains, a forced token, statistics of given ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.chain_json import chain_to_json
from core.chains.settings import GenerationSettings
from core.cli.files import (
    check_writable,
    interruptible,
    progress,
    read_chain,
    read_json,
    say,
    write_out,
    write_result,
)
from core.cli.models import load
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import (
    ChainFile,
    ChainModelOptions,
    ModelOptions,
    OutputOptions,
    QuestionOptions,
    Sample,
    path_option,
)
from core.errors import FileError, PositionError
from core.records import Chain
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class _MakerOptions(ModelOptions):
    model: Annotated[
        str, typer.Option(help='"demo", a folder or a hub id; of a chain file its own.')
    ] = ""


@grouped
def generate(
    model: ModelOptions,
    questions: QuestionOptions,
    gold: Annotated[str | None, typer.Option(help="The correct answer to your question.")] = None,
    sample: Sample = None,
    *,
    settings: Annotated[
        GivenSettings,
        SettingOptions(GenerationSettings, flags={"samples": ("-n", "--samples")}),
    ],
    output: OutputOptions,
) -> None:
    """Generate chains with entropy, rank and alternatives of every token.

    One chain is printed as one JSON object, several as one object a line. Samples of one
    question get the seeds SEED, SEED+1, ...; with --problems, seeds are keyed by SEED, the
    problem's id and the sample's number, so a problem keeps its chains whatever stands beside it.
    """
    from core.chains import generation
    from core.decoding.sampling import chain_seed
    from core.problems.problem_sets import chosen_problems

    check_writable(output.out)
    how = settings.changed(GenerationSettings())
    chosen = chosen_problems(questions.named(gold), sample, how.seed)
    sampler = how.sampler
    lm = load(model.spec())
    pairs = [(each, sample) for each in chosen for sample in range(how.samples)]
    if sampler.greedy and how.samples > 1:
        say("Greedy samples are all alike; set --temperature above 0 for different ones.")
    keyed = questions.problems is not None
    with interruptible() as stopped, progress(len(pairs), output.as_json) as bar:
        chains = generation.generate(
            lm,
            [each for each, _ in pairs],
            sampler,
            [chain_seed(how.seed, each.id, n) if keyed else how.seed + n for each, n in pairs],
            prompt_style=how.prompt_style,
            template=how.template,
            prompt_date=how.prompt_date,
            stop=how.stop,
            examples=how.examples or (),
            k=how.top_k_alternatives,
            batch_size=how.batch_size,
            on_chain=lambda *_: bar.update(),
            cancel=stopped.is_set,
        )
    _judge_and_report(lm, chains, output)
    if stopped.is_set():
        say("Cancelled: chains that were not finished say so in their stop_reason.")
        raise typer.Exit(130)


@grouped
def force(
    chain_file: ChainFile,
    position: Annotated[int, typer.Option(help="Completion position, from 0.")],
    token_id: Annotated[
        list[int] | None,
        typer.Option(help="Id of the token to force; repeated, of the tokens of a phrase."),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="Text to force, a token or a phrase; a leading space counts."),
    ] = None,
    *,
    loading: ChainModelOptions,
    output: OutputOptions,
) -> None:
    """Force a token or a phrase at a position of a chain and let the model continue.

    A phrase is forced token by token, in order.
    """
    from core.chains import generation

    if (not token_id) == (text is None):
        raise PositionError("Which token to force is not clear.", "Give --token-id or --text.")
    check_writable(output.out)
    chain = read_chain(chain_file)
    generation.check_position(chain, position)
    lm = load(loading.maker(chain))
    forced = list(token_id or _tokens_of(lm, text or ""))
    fork = generation.Fork.of(position, forced)
    generation.check_fork(lm, chain, fork, chain.sampler)
    if len(forced) > 1:
        names = ", ".join(f"{each} {lm.text.display(each)!r}" for each in forced)
        say(f"Forcing {len(forced)} tokens: {names}.")
    forked = generation.fork(lm, chain, [fork])
    _judge_and_report(lm, forked, output)


@grouped
def score(
    ids: Annotated[Path, path_option(help="JSON with prompt_ids and token_ids; a chain does.")],
    model: _MakerOptions,
    settings: Annotated[
        GivenSettings,
        SettingOptions(
            GenerationSettings, {"top_k_alternatives": "top_k_alternatives"}, by_name=False
        ),
    ],
    output: OutputOptions,
) -> None:
    """Teacher-forced statistics of given token ids."""
    from core.decoding.scoring import score as score_ids
    from core.records import SCHEMA_VERSION

    check_writable(output.out)
    alternatives = settings.changed(GenerationSettings()).top_k_alternatives
    prompt_ids, token_ids, made_by = _read_ids(ids)
    name, adapter = model.model, model.adapter
    if not name:
        name = str(made_by.get("model") or "demo")
        adapter = adapter or (Path(made_by["adapter"]) if made_by.get("adapter") else None)
    lm = load(model.spec_of(name, adapter))
    statistics = score_ids(lm, prompt_ids, token_ids, alternatives)
    record = {
        "schema_version": SCHEMA_VERSION,
        "model": name,
        "adapter": None if adapter is None else str(adapter),
        "prompt_ids": prompt_ids,
        "token_ids": token_ids,
        "tokens": lm.text.pieces(token_ids, prompt_ids),
        **statistics.to_json(),
    }
    write_result(json_text(record), output.as_json, output.out)
    if output.as_json:
        return
    for i, token in enumerate(record["tokens"]):
        print(f"{i:5d}  {statistics.entropy[i]:7.4f} nats  rank {statistics.rank[i]:<6d} {token!r}")


def _read_ids(path: Path) -> tuple[list[int], list[int], dict[str, Any]]:
    data = read_json(path)
    try:
        lists = [data["prompt_ids"], data["token_ids"]]
        if not all(isinstance(i, int) for ids in lists for i in ids):
            raise TypeError("ids are whole numbers")
    except (KeyError, TypeError) as error:
        raise FileError(
            f"{path} does not name its ids ({type(error).__name__}: {error}).",
            'Give {"prompt_ids": [...], "token_ids": [...]}.',
        ) from error
    return lists[0], lists[1], data


def _tokens_of(lm: LanguageModel, text: str) -> list[int]:
    """The tokens of a person's text.

    Raises:
        PositionError: it has none.
    """
    ids = lm.text.tokenise(text)
    if not ids:
        raise PositionError("The text to force is empty.", "Give --text at least one character.")
    return ids


def _judge_and_report(lm: LanguageModel, chains: Sequence[Chain], output: OutputOptions) -> None:
    from core.chains.judging import judge
    from core.tokens.thinking import sections

    results = list(zip(chains, judge(lm, chains), strict=True))
    lines = [json_text(chain_to_json(chain, outcome)) for chain, outcome in results]
    for (chain, outcome), line in zip(results, lines, strict=True):
        if output.as_json:
            print(line)
        else:
            print(chain.text.rstrip())
            for part in sections(chain, tau=0):
                if part.mean_entropy is not None:
                    print(f"-> {part.name}: {len(part)} tokens, {part.mean_entropy:.2f} nats each")
            verdict = f"{outcome.answer} ({outcome.verdict})"
            print(f"-> {verdict}, {len(chain)} tokens, seed {chain.seed}")
    write_out(output.out, "\n".join(lines) + "\n")
