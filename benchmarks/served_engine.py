"""`python -m benchmarks.served_engine URL`: few-shot chains of SmolLM2 on a served engine of this
machine, against ours. Start it fresh: its prefix cache makes all rounds but the first warm.
"""

from __future__ import annotations

import argparse
from functools import partial

from benchmarks.prompts import few_shot_prompts
from benchmarks.timing import timed
from core.decoding.loop import Row, decode
from core.engines.engine import Engine
from core.engines.finding import find_engine
from core.evaluation.rescoring import entropies_of
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.records import Sampler


def main() -> None:
    """Print one line a way of making the same greedy chains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--chains", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    lm = load_language_model(ModelSpec(given.model, dtype="float32"))
    engine = Engine(find_engine(given.url), lm)
    engine.check()
    rows = [Row(prompt) for prompt in few_shot_prompts(lm, given.chains)]
    sampler = Sampler(max_new_tokens=given.tokens)
    print(f"{given.chains} greedy few-shot chains of {given.tokens} tokens, float32, seconds")
    for number in range(given.rounds):
        there, chains = timed(partial(engine.sample, rows, sampler, at_once=len(rows)))
        assert chains is not None
        scored, _ = timed(partial(entropies_of, lm, rows, chains, [True] * len(rows)))
        here, ours = timed(partial(decode, lm, rows, sampler, k=1))
        same = sum(a.token_ids == b.token_ids for a, b in zip(chains, ours, strict=True))
        print(
            f"round {number + 1}: ours with statistics {here:.1f}; engine "
            f"{there:.1f}, scored here {scored:.1f}; same ids in {same} of {len(rows)} chains"
        )


if __name__ == "__main__":
    main()
