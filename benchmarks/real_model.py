"""`python -m benchmarks.real_model [PART ...]`: a real model on this processor, ours against a
peer.

chains     few-shot chains with statistics, against `generate` and the same statistics
sweep      the base-only sweep, against one `generate` call a try
step       a training step on rollouts of one prompt, computed once and with each rollout
precision  decoding in bfloat16 against float32, where the processor has it
rate       a batch of 64 against the processor's own rate of matrix products
memory     peak memory of 64 chains against the estimate that the app shows
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import transformers

from benchmarks import decoding, shared_prompt, sweep
from benchmarks.batch_memory import in_a_child
from benchmarks.prompts import few_shot_prompts
from benchmarks.timing import Round, alternate, line, table_head, timed
from core.decoding.loop import Row, decode
from core.models.language_model import LanguageModel, load_language_model
from core.models.precision import CLEARLY, product_times
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec
from core.records import Sampler

CHAINS, SWEEP, PRECISION, RATE = 0.35, 10.0, 0.8, 0.5
"""Targets."""

_SIDE, _PRODUCTS = 1024, 5  # of the square products that measure the processor


def chains(lm: LanguageModel, arguments: argparse.Namespace) -> list[str]:
    """All chains in one batch, nothing prefilled before."""
    batch, limit = few_shot_prompts(lm, arguments.chains), arguments.tokens
    mine, other = (
        partial(decoding.ours, lm, batch, limit),
        partial(decoding.theirs, lm, batch, limit),
    )
    rounds = [alternate(i, mine, other, decoding.check) for i in range(arguments.rounds)]
    name = f"{len(batch)} chains of {limit} tokens, cold"
    return [line(name, rounds, faster=False, target=CHAINS)]


def base_only(lm: LanguageModel, arguments: argparse.Namespace) -> list[str]:
    """All tries of some chains. The loop of calls is timed on a sample, which stands for all."""
    limit = arguments.tokens
    planned = sweep.sweeps(lm, few_shot_prompts(lm, arguments.swept), limit)
    tries = [row for each in planned for row in each]
    some = tries[:: max(1, len(tries) // arguments.sampled)][: arguments.sampled]
    rounds = []
    for _ in range(arguments.rounds):
        ours, found = timed(partial(sweep.ours, lm, tries, limit))
        theirs, expected = timed(partial(sweep.theirs, lm, some, limit))
        sweep.check([found[tries.index(row)] for row in some], expected)
        rounds.append(Round(ours, theirs * len(tries) / len(some)))
    name = f"{len(tries)} tries on {len(planned)} chains"
    return [
        line(name, rounds, faster=True, target=SWEEP),
        f"theirs: the time of {len(some)} tries, times {len(tries) / len(some):.1f}",
    ]


def training_step(lm: LanguageModel, arguments: argparse.Namespace) -> list[str]:
    """As `python -m benchmarks.shared_prompt`."""
    return shared_prompt.run(load_language_model(lm.spec), arguments.rounds)


def precision(lm: LanguageModel, arguments: argparse.Namespace) -> list[str]:
    """Few-shot chains in both precisions; their tokens may differ."""
    config = lm.model.config
    gain = product_times(config.hidden_size, config.intermediate_size).gain
    if gain < CLEARLY:
        return [f"Not measured: bfloat16 products take {1 / gain:.1f} times as long here."]
    half = load_language_model(ModelSpec(lm.spec.model, device="cpu", dtype="bfloat16"))
    batch = few_shot_prompts(lm, arguments.chains)
    quick, plain = (partial(decoding.ours, each, batch, arguments.tokens) for each in (half, lm))
    rounds = [alternate(i, quick, plain, lambda *_: None) for i in range(arguments.rounds)]
    return [line("bfloat16 / float32", rounds, faster=False, target=PRECISION)]


def rate(lm: LanguageModel, arguments: argparse.Namespace) -> list[str]:
    """Steps of 64 rows whose prompts are prefilled, statistics included."""
    prompts = few_shot_prompts(lm, 64)
    rows = [Row(each) for each in prompts]
    store = PrefixStore(1 << 34)
    sampler = Sampler(max_new_tokens=arguments.tokens)
    decode(lm, rows, Sampler(max_new_tokens=1), store=store)
    shares, seconds, speeds, products = [], [], [], []
    for _ in range(arguments.rounds):
        before = product_rate()
        took, decoded = timed(partial(decode, lm, rows, sampler, store=store))
        products.append((before + product_rate()) / 2)
        work = sum(
            operations(lm, len(row.prompt_ids) + i)
            for row, each in zip(rows, decoded, strict=True)
            for i in range(len(each.token_ids))
        )
        tokens = sum(len(each.token_ids) for each in decoded)
        shares.append(work / took / products[-1])
        seconds.append(took)
        speeds.append(tokens / took)
    share = statistics.median(shares)
    return [
        f"64 rows: {statistics.median(speeds):.0f} tokens/s, "
        f"{share * statistics.median(products) / 1e9:.1f} GFLOP/s; products of "
        f"{_SIDE} x {_SIDE}: {statistics.median(products) / 1e9:.1f} GFLOP/s; share "
        f"{share:.2f} [{min(shares):.2f}, {max(shares):.2f}], target >= {RATE}, "
        f"{'met' if share >= RATE else 'NOT met'}"
    ]


def operations(lm: LanguageModel, context: int) -> int:
    """Multiplications and additions of one token: every weight once, and attention."""
    config = lm.model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    tied = 0 if config.tie_word_embeddings else lm.vocab_size * config.hidden_size
    attention = 2 * config.num_hidden_layers * config.num_attention_heads * width * context
    return int(2 * (lm.parameters - tied + attention))


def product_rate() -> float:
    """Operations a second of a square product in float32, the quickest of some."""
    a, b = torch.randn(2, _SIDE, _SIDE)
    a @ b
    return float(2 * _SIDE**3 / min(timed(lambda: a @ b)[0] for _ in range(_PRODUCTS)))


def memory(lm: LanguageModel, arguments: argparse.Namespace) -> list[str]:
    """As `python -m benchmarks.batch_memory`, in a process of its own."""
    return [in_a_child(lm.spec.model)]


PARTS: dict[str, tuple[Callable[[LanguageModel, Any], list[str]], str]] = {
    "chains": (chains, "ours / theirs"),
    "sweep": (base_only, "theirs / ours"),
    "step": (training_step, "shared / separate"),
    "precision": (precision, "bfloat16 / float32"),
    "rate": (rate, ""),
    "memory": (memory, ""),
}


def main() -> None:
    """Print the conditions, then every part."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--model", default="smollm2", help="default smollm2")
    parser.add_argument("--rounds", type=int, default=1, help="of each part (default 1)")
    parser.add_argument("--chains", type=int, default=40, help="in a batch (default 40)")
    parser.add_argument("--tokens", type=int, default=40, help="of each chain (default 40)")
    parser.add_argument("--swept", type=int, default=8, help="chains to sweep (default 8)")
    parser.add_argument("--sampled", type=int, default=10, help="tries of the peer (default 10)")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - PARTS.keys()
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    lm = load_language_model(ModelSpec(arguments.model, device="cpu", dtype="float32"))
    lm.use_threads()
    print(
        f"{lm.name}, {lm.parameters:,} parameters, float32 on the CPU.\n"
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}; {torch.get_num_threads()} torch thread(s), "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}.\n",
        flush=True,
    )
    for name in arguments.parts or PARTS:
        part, ratio = PARTS[name]
        print(f"{name}\n{table_head(ratio)}" if ratio else name)
        for text in part(lm, arguments):
            print(text, flush=True)
        print()


if __name__ == "__main__":
    main()
