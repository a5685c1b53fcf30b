"""Build the demo from nothing: corpus, tokenizer, model, problem sets.

Run: python sample_data/build/build.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from checks import check_families, check_tokenizer
from corpus import documents
from problems import write_problems
from tokenizer import build_tokenizer
from train import Settings, build_model, save, train

SAMPLE_DATA = Path(__file__).resolve().parent.parent
DOCUMENTS = 75_000
DRILL_SHARE = 0.14
FINISHING = 9_600
FINISH = Settings(lr=1.5e-3, warmup=20, fork_weight=4.0, seed=12)
VOCABULARY = 1024  # upper bound: the corpus runs out of words a little earlier


def main() -> None:
    """Run every step in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SAMPLE_DATA, help="folder to write into")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="length of the corpus")
    parser.add_argument(
        "--checkpoints", type=Path, help="folder for checkpoints on the way (default: temporary)"
    )
    options = parser.parse_args()
    begun = time.time()
    options.out.mkdir(parents=True, exist_ok=True)

    corpus = list(documents(options.documents, DRILL_SHARE, "demo"))
    print(f"{len(corpus):,} documents")
    texts = (prompt + completion for prompt, completion, _ in corpus[:30_000])
    tokenizer = build_tokenizer(texts, VOCABULARY)
    check_tokenizer(tokenizer)
    check_families(tokenizer)
    print("problems:", write_problems(options.out))

    settings = Settings()
    torch.manual_seed(settings.seed)
    model = build_model(tokenizer, settings)
    count = sum(p.numel() for p in model.parameters())
    print(f"vocabulary {len(tokenizer)}, {count:,} parameters")
    with tempfile.TemporaryDirectory() as scratch:
        train(model, tokenizer, corpus, settings, options.checkpoints or Path(scratch))
    finishing = list(documents(FINISHING, DRILL_SHARE, "finish"))
    train(model, tokenizer, finishing, FINISH)
    save(model, tokenizer, options.out / "demo_model")
    print(f"built in {(time.time() - begun) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
