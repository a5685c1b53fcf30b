"""`generate`, `force` and `score`: chains, a forced token, statistics of given ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from core.chain_json import chain_to_json
from core.cli.files import (
    check_writable,
    given_problems,
    interruptible,
    progress,
    read_chain,
    read_json,
    say,
    write_out,
    write_result,
)
from core.cli.models import load, maker, model_spec
from core.cli.options import (
    Adapter,
    AsJson,
    BatchSize,
    ChainDtype,
    ChainFile,
    Device,
    Dtype,
    MaxNewTokens,
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
    Sample,
    Template,
    path_option,
)
from core.errors import FileError, PositionError, ProblemError
from core.records import DEFAULT_ALTERNATIVES, Chain, Problem, Sampler
from core.system.json_text import json_text


def generate(
    model: Model = "demo",
    adapter: Adapter = None,
    question: Question = None,
    gold: Annotated[str | None, typer.Option(help="The right answer to your question.")] = None,
    problem: ProblemId = None,
    problems: ProblemFile = None,
    sample: Sample = None,
    samples: Annotated[int, typer.Option("-n", "--samples", min=1, help="Chains a problem.")] = 1,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Nucleus sampling; 1 is off.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Most probable tokens to draw from; 0 is off.")] = 0,
    min_p: Annotated[
        float, typer.Option(help="Least probability, as a share of the highest; 0 is off.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same chain.")] = 0,
    max_new_tokens: MaxNewTokens = 256,
    prompt_style: PromptStyle = None,
    template: Template = None,
    prompt_date: PromptDate = None,
    top_k_alternatives: Annotated[
        int, typer.Option(min=1, help="Alternatives kept a position.")
    ] = DEFAULT_ALTERNATIVES,
    batch_size: BatchSize = 64,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: RemoteCode = False,
    revision: Revision = None,
    quantization: Quantization = "none",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Generate chains with entropy, rank and alternatives of every token.

    One chain is printed as one JSON object, several as one object a line. Samples of one
    question get the seeds SEED, SEED+1, ...; with --problems, seeds are keyed by SEED, the
    problem's id and the sample's number, so a problem keeps its chains whatever stands beside it.
    """
    from core.chains import generation
    from core.decoding.sampling import chain_seed
    from core.problems.problem_sets import chosen_problems

    check_writable(out)
    chosen = chosen_problems(named_problems(question, gold, problem, problems), sample, seed)
    sampler = Sampler(temperature, top_p, top_k, min_p, max_new_tokens)
    lm = load(model_spec(model, adapter, device, dtype, trust_remote_code, revision, quantization))
    pairs = [(each, sample) for each in chosen for sample in range(samples)]
    if sampler.greedy and samples > 1:
        say("Greedy samples are all alike; set --temperature above 0 for different ones.")
    with interruptible() as stopped, progress(len(pairs), as_json) as bar:
        chains = generation.generate(
            lm,
            [each for each, _ in pairs],
            sampler,
            [chain_seed(seed, each.id, n) if problems else seed + n for each, n in pairs],
            prompt_style=prompt_style,
            template=template,
            prompt_date=prompt_date,
            k=top_k_alternatives,
            batch_size=batch_size,
            on_chain=lambda *_: bar.update(),
            cancel=stopped.is_set,
        )
    _judge_and_report(lm, chains, as_json, out)
    if stopped.is_set():
        say("Cancelled: chains that were not finished say so in their stop_reason.")
        raise typer.Exit(130)


def force(
    chain_file: ChainFile,
    position: Annotated[int, typer.Option(help="Completion position, from 0.")],
    token_id: Annotated[int | None, typer.Option(help="Id of the token to force.")] = None,
    text: Annotated[str | None, typer.Option(help="Text of one token to force.")] = None,
    device: Device = "auto",
    dtype: ChainDtype = "",
    trust_remote_code: RemoteCode = False,
    revision: Revision = None,
    quantization: Quantization = "none",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Force a token at a position of a chain and let the model continue."""
    from core.chains import generation

    if (token_id is None) == (text is None):
        raise PositionError("Which token to force is not clear.", "Give --token-id or --text.")
    check_writable(out)
    chain = read_chain(chain_file)
    generation.check_position(chain, position)
    lm = load(maker(chain, device, dtype, trust_remote_code, revision, quantization))
    if token_id is None:
        token_id = _only_token(lm.text.tokenise(text or ""), lm.text.display, text or "")
    forked = generation.fork(lm, chain, [generation.Fork(position, token_id)])
    _judge_and_report(lm, forked, as_json, out)


def score(
    ids: Annotated[Path, path_option(help="JSON with prompt_ids and token_ids; a chain does.")],
    model: Annotated[
        str, typer.Option(help='"demo", a folder or a hub id; of a chain file its own.')
    ] = "",
    adapter: Adapter = None,
    top_k_alternatives: Annotated[int, typer.Option(min=1)] = DEFAULT_ALTERNATIVES,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: RemoteCode = False,
    revision: Revision = None,
    quantization: Quantization = "none",
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Teacher-forced statistics of given token ids."""
    from core.decoding.scoring import score as score_ids
    from core.records import SCHEMA_VERSION

    check_writable(out)
    prompt_ids, token_ids, made_by = _read_ids(ids)
    if not model:
        model = str(made_by.get("model") or "demo")
        adapter = adapter or (Path(made_by["adapter"]) if made_by.get("adapter") else None)
    lm = load(model_spec(model, adapter, device, dtype, trust_remote_code, revision, quantization))
    statistics = score_ids(lm, prompt_ids, token_ids, top_k_alternatives)
    record = {
        "schema_version": SCHEMA_VERSION,
        "model": model,
        "adapter": None if adapter is None else str(adapter),
        "prompt_ids": prompt_ids,
        "token_ids": token_ids,
        "tokens": lm.text.pieces(token_ids, prompt_ids),
        **statistics.to_json(),
    }
    write_result(json_text(record), as_json, out)
    if as_json:
        return
    for i, token in enumerate(record["tokens"]):
        print(f"{i:5d}  {statistics.entropy[i]:7.4f} nats  rank {statistics.rank[i]:<6d} {token!r}")


def named_problems(
    question: str | None, gold: str | None, problem: str | None, file: Path | None
) -> list[Problem]:
    """The problems that a command's options name.

    Raises:
        ProblemError: none, too many ways to name them, or a file that can't be read.
    """
    from core.problems.problem_sets import demo_problems, find_problem

    if question is not None:
        if problem is not None or file is not None:
            raise ProblemError(
                "A question and a problem are both given.", "Give --question or --problem."
            )
        return [Problem("question", question, gold, source="typed")]
    if problem is None and file is None:
        raise ProblemError(
            "There is nothing to solve.", "Give --question, --problem or --problems."
        )
    known = demo_problems() if file is None else given_problems(file)
    return known if problem is None else [find_problem(known, problem)]


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


def _only_token(ids: Sequence[int], show: Any, text: str) -> int:
    if len(ids) != 1:
        parts = ", ".join(f"{i} {show(i)!r}" for i in ids) or "none"
        raise PositionError(
            f"The text {text!r} is {len(ids)} tokens, not one ({parts}).",
            "Force one of them by --token-id; a leading space makes another token.",
        )
    return ids[0]


def _judge_and_report(lm: Any, chains: Sequence[Chain], as_json: bool, out: Path | None) -> None:
    from core.chains.judging import judge
    from core.tokens.thinking import sections

    results = list(zip(chains, judge(lm, chains), strict=True))
    lines = [json_text(chain_to_json(chain, outcome)) for chain, outcome in results]
    for (chain, outcome), line in zip(results, lines, strict=True):
        if as_json:
            print(line)
        else:
            print(chain.text.rstrip())
            for part in sections(chain, tau=0):
                if part.mean_entropy is not None:
                    print(f"-> {part.name}: {len(part)} tokens, {part.mean_entropy:.2f} nats each")
            verdict = f"{outcome.answer} ({outcome.verdict})"
            print(f"-> {verdict}, {len(chain)} tokens, seed {chain.seed}")
    write_out(out, "\n".join(lines) + "\n")
