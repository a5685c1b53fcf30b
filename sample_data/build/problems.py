"""The problem sets: train and test, disjoint by their numbers from each other and the corpus."""

from __future__ import annotations

import json
import random
from pathlib import Path

from families import FAMILIES, NAMES, bucket

BUCKETS = {"test": 0, "train": 1}


def problems(split: str, per_family: int) -> list[dict[str, str]]:
    """`per_family` problems of every family; names and wordings are spread evenly."""
    found = []
    for family in FAMILIES:
        rng = random.Random(f"problems/{split}/{family.name}")
        pool = [n for n in family.tuples() if bucket(family.name, n) == BUCKETS[split]]
        rng.shuffle(pool)
        names = list(NAMES)
        rng.shuffle(names)
        for i, numbers in enumerate(pool[:per_family]):
            found.append(
                {
                    "id": f"{split}-{family.name}-{i + 1:03d}",
                    "question": family.question(numbers, names[i // 2 % len(names)], i % 2),
                    "answer": str(family.result(*numbers)),
                    "source": "demo",
                    "family": family.name,
                }
            )
    return found


def write_problems(folder: Path, per_family: int = 24) -> dict[str, int]:
    """Write problems_train.jsonl and problems_test.jsonl; return their lengths."""
    lengths = {}
    for split in BUCKETS:
        rows = problems(split, per_family)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"problems_{split}.jsonl").write_text(text, encoding="utf-8")
        lengths[split] = len(rows)
    return lengths
