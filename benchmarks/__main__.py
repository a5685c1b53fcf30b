"""`python -m benchmarks`: ours against a peer, seven tables in one run."""

from __future__ import annotations

import argparse
import os
import platform
import time

import torch
import transformers

from benchmarks import answers, decoding, forks, gated_step, memory, sweep
from benchmarks.timing import table_head
from core.models.language_model import load_language_model
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import read_problems
from core.tokens.prompts import encode_prompt

LIMIT = 256  # most new tokens a chain


def main() -> None:
    """Print the conditions, then a table each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of decoding (default 9)")
    parser.add_argument("--chains", type=int, default=7, help="chains to fork (default 7)")
    parser.add_argument("--swept", type=int, default=50, help="chains to sweep (default 50)")
    parser.add_argument("--steps", type=int, default=5, help="training steps (default 5)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    start = time.perf_counter()

    lm = load_language_model(ModelSpec(device="cpu"))
    problems = read_problems(DEMO_FOLDER.parent / "problems_test.jsonl")
    step = 37  # the file is ordered by family; a stride mixes them
    problems = [problems[i * step % len(problems)] for i in range(len(problems))]
    prompts = [encode_prompt(lm.tokenizer, p.question, lm.prompt_style) for p in problems]
    print(
        f"Demo model, {lm.parameters:,} parameters, float32 on the CPU.\n"
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"transformers {transformers.__version__}; {arguments.threads} torch thread(s), "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}.\n"
        "Rounds alternate. Times: medians; ratios: median [min, max]. Same tokens, asserted.\n"
    )
    print("Time of a round: decoding with statistics")
    print(table_head("ours / theirs"), flush=True)
    for text in decoding.run(lm, prompts, LIMIT, arguments.rounds):
        print(text, flush=True)
    print("theirs: generate(output_logits=True), then the statistics\n")
    print("Time of a round: 10 positions of a chain, 5 alternatives each, continued to the end")
    print(table_head("theirs / ours"), flush=True)
    print(forks.run(lm, problems, LIMIT, arguments.chains), flush=True)
    print("theirs: one generate call a fork\n")
    print("Time of a round: 10 chains, 5 positions each, every other top-5 token, to the end")
    print(table_head("theirs / ours"), flush=True)
    print(sweep.run(lm, prompts, LIMIT, arguments.swept), flush=True)
    print("theirs: one generate call a token tried\n")
    print("Peak extra memory of 1,000 tokens, vocabulary 150,000")
    print(table_head("ours / theirs"), flush=True)
    for text in memory.run(arguments.threads):
        print(text, flush=True)
    print("theirs: generate(output_logits=True), then the statistics, a step at a time\n")
    print("A training step of 1,024 tokens, vocabulary 150,000")
    print(table_head("ours / theirs"), flush=True)
    for text in gated_step.run(arguments.threads, arguments.steps):
        print(text, flush=True)
    print("theirs: a second copy of the base, whole logits of both, autograd\n")
    print("Time of a round: 100 checks of answers")
    print(table_head("ours / theirs"), flush=True)
    print(answers.run(arguments.rounds), flush=True)
    print("theirs: math-verify's parse and verify, in this process")
    print(f"\n{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
