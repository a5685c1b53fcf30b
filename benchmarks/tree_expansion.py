"""A tree of 500 endings grown in batches, against a plain loop: one `generate` call an ending.

`python -m benchmarks.tree_expansion MODEL` takes any model; with SmolLM2, the problem is a word
problem behind worked examples. Ratios are of one run, in which the loop follows the tree.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence

import torch
import transformers

from benchmarks import peer
from benchmarks.timing import timed
from core.chains.expansion.growing import expand
from core.chains.expansion.records import Expansion
from core.chains.few_shot import DEFAULT_COUNT, built_in_examples
from core.chains.generation import generate
from core.chains.judging import judge
from core.chains.settings import ExpansionSettings
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import DEMO, DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import read_problems
from core.records import Chain, Outcome, Sampler
from core.tokens.prompts import FEW_SHOT

ENDINGS = 500
TARGET = 20.0  # seconds, on the demo with two cores


def main() -> None:
    """Print the time of both, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tree_expansion")
    parser.add_argument("model", nargs="?", default=DEMO)
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default 2)")
    parser.add_argument("--endings", type=int, default=ENDINGS, help="(default 500)")
    parser.add_argument("--problem", type=int, default=0, help="number of the problem (default 0)")
    parser.add_argument("--tau", type=float, default=0.5, help="nats (default 0.5)")
    parser.add_argument(
        "--loop",
        type=int,
        default=100,
        help="endings of the plain loop, evenly spaced (default 100)",
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    lm = load_language_model(ModelSpec(arguments.model, device="cpu", dtype="float32"))
    chain, outcome = _chain(lm, arguments.problem)
    settings = ExpansionSettings(depth=4, width=4, tau=arguments.tau, floor=0, at="forks")
    budget = _budget(lm, chain, outcome, settings, arguments.endings)
    settings = settings.model_copy(update={"budget": budget})
    lm.prefixes.clear()
    begun = time.process_time()
    ours, tree = timed(lambda: expand(lm, chain, outcome, settings))
    used = time.process_time() - begun
    print(
        f"{arguments.model}, {lm.parameters:,} parameters, float32 on the CPU; "
        f"{arguments.threads} torch threads, {os.cpu_count()} CPUs, "
        f"load {os.getloadavg()[0]:.1f}.\n"
        f"A chain of {len(chain)} tokens behind a prompt of {len(chain.prompt_ids)}; "
        f"depth 4, width 4, tau {arguments.tau:g} nats.\n"
        f"ours    {len(tree.endings)} endings, {tree.tokens:,} tokens: {ours:.1f} s, "
        f"{tree.tokens / ours:.0f} tokens/s; {used:.1f} s of the processors",
        flush=True,
    )
    if arguments.model == DEMO:
        print(f"        target {TARGET:g} s: {'met' if ours < TARGET else 'MISSED'}", flush=True)
    step = max(1, len(tree.endings) // arguments.loop)
    numbers = list(range(0, len(tree.endings), step))
    begun = time.process_time()
    theirs, chains = timed(lambda: _loop(lm, chain, tree, numbers))
    spent = time.process_time() - begun
    same = sum(
        ids == list(tree.endings[number].token_ids)
        for number, ids in zip(numbers, chains, strict=True)
    )
    all_of_them = len(tree.endings) / len(numbers)
    print(
        f"theirs  one generate call an ending, {len(numbers)} of them: {theirs:.1f} s, "
        f"{spent:.1f} s of the processors; the same tokens in {same}\n"
        f"ratio   {theirs * all_of_them / ours:.1f} (for all endings), "
        f"{spent * all_of_them / used:.1f} of the processors' time"
    )


def _chain(lm: LanguageModel, number: int) -> tuple[Chain, Outcome]:
    demo = lm.spec.model == DEMO
    folder = DEMO_FOLDER.parent
    file = folder / "problems_test.jsonl" if demo else folder / "word_problems" / "test.jsonl"
    problem = read_problems(file)[number]
    (chain,) = generate(
        lm,
        [problem],
        Sampler(max_new_tokens=256 if demo else 96),
        [0],
        prompt_style=None if demo else FEW_SHOT,
        examples=() if demo else built_in_examples()[:DEFAULT_COUNT],
    )
    return chain, judge(lm, [chain])[0]


def _budget(
    lm: LanguageModel, chain: Chain, outcome: Outcome, settings: ExpansionSettings, endings: int
) -> int:
    """The budget that so many endings use up; also a warm-up."""
    budget = int(0.6 * endings * len(chain))
    while True:
        tree = expand(lm, chain, outcome, settings.model_copy(update={"budget": budget}))
        if tree.grown >= endings or tree.ended == "all":
            return sum(len(each.token_ids) for each in tree.endings[:endings])
        budget *= 2


def _loop(
    lm: LanguageModel, chain: Chain, tree: Expansion, numbers: Sequence[int]
) -> list[list[int]]:
    """The endings from their forced token on, each by a call of its own."""
    limit, stop = chain.sampler.max_new_tokens, list(chain.sampler.stop)
    more = {"stop_strings": stop, "tokenizer": lm.tokenizer} if stop else {}
    kept: list[tuple[int, ...]] = []  # the whole chain of every ending
    for each in tree.endings:
        before = chain.token_ids if each.parent is None else kept[each.parent]
        kept.append((*before[: each.position], *each.token_ids))
    found = []
    for number in numbers:
        ending = tree.endings[number]
        start = [*chain.prompt_ids, *kept[number][: ending.position], ending.token_id]
        room = limit - ending.position - 1
        ids = [ending.token_id]
        if ending.token_id not in lm.eos_ids and room > 0:
            with torch.inference_mode():
                out = peer.generate(lm.model, [start], room, logits=False, **more)
            ids += peer.new_tokens(out.sequences[0], len(start), lm.eos_ids)
        found.append(ids)
    return found


if __name__ == "__main__":
    begun = time.perf_counter()
    main()
    print(f"{time.perf_counter() - begun:.0f} s in all")
