"""`python -m benchmarks.two_runs`: two runs at once, each against itself alone.

Every run is a process of its own, as the app and the command line start them: it loads a model,
decodes batches of few-shot chains, and prints the seconds of each. A pair starts its work when both
have loaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

import transformers

from benchmarks.prompts import few_shot_prompts
from core.decoding.loop import Row, decode
from core.models.language_model import load_language_model
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec
from core.records import Sampler

TARGET = 2.2  # together / alone, at most
_CHAINS, _TOKENS, _BATCHES = 4, 4, 3


def work(model: str) -> None:
    """The child's side: wait for a line, then print the seconds of every batch."""
    lm = load_language_model(ModelSpec(model, device="cpu", dtype="float32"))
    rows = [Row(ids) for ids in few_shot_prompts(lm, _CHAINS)]
    sampler, store = Sampler(max_new_tokens=_TOKENS), PrefixStore(1 << 34)
    decode(lm, rows, sampler, store=store)  # warm-up
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = []
    for _ in range(_BATCHES):
        start = time.perf_counter()
        decode(lm, rows, sampler, store=store)
        seconds.append(time.perf_counter() - start)
    print(statistics.median(seconds), flush=True)


def together(model: str, count: int, environment: dict[str, str]) -> list[float]:
    """Seconds of a batch in each of so many processes at once."""
    command = [sys.executable, "-m", "benchmarks.two_runs", "--child", "--model", model]
    children = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        for _ in range(count)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    return [float(child.communicate()[0]) for child in children]


def main() -> None:
    """Alternate alone and together, and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_runs", description=__doc__)
    parser.add_argument("--model", default="smollm2", help="default smollm2")
    parser.add_argument("--rounds", type=int, default=1, help="default 1")
    parser.add_argument("--threads", type=int, help="of each process; by default torch's own")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.child:
        work(arguments.model)
        return
    threads = {} if arguments.threads is None else {"OMP_NUM_THREADS": str(arguments.threads)}
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {threads or 'all threads'}")
    for _ in range(arguments.rounds):
        (alone,) = together(arguments.model, 1, {})
        both = together(arguments.model, 2, threads)
        ratio = max(both) / alone
        print(
            f"alone {alone:.2f} s, two at once {both[0]:.2f} s and {both[1]:.2f} s: the slower "
            f"takes {ratio:.2f} times as long, target <= {TARGET}, "
            f"{'met' if ratio <= TARGET else 'NOT met'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
