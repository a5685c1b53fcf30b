"""The six benchmarks of arXiv:2605.06241, how its protocol samples each, and where copies are."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """A published problem set that the paper evaluates on.

    Attributes:
        key: its name in files of this program.
        averaged: the paper reports the mean of 8 samples (avg@8); else one sample each (pass@1).
        hub: a copy on the Hugging Face hub that is in common use; the paper doesn't name its own.
        split, subset: of that copy.
        names: other ways in which files spell it, without signs and spaces.
    """

    key: str
    title: str
    averaged: bool
    hub: str
    split: str = "test"
    subset: str | None = None
    names: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that fetches a copy of it into a file."""
        subset = "" if self.subset is None else f" --config {self.subset}"
        return (
            f"fork-explorer problems {self.hub} --hub --split {self.split}{subset} "
            f"--out {self.key}.jsonl"
        )


BENCHMARKS: dict[str, Benchmark] = {
    each.key: each
    for each in (
        Benchmark("gsm8k", "GSM8K", False, "openai/gsm8k", subset="main"),
        Benchmark("math500", "MATH-500", False, "HuggingFaceH4/MATH-500"),
        Benchmark("minerva", "Minerva Math", False, "math-ai/minervamath"),
        Benchmark("olympiad", "OlympiadBench", False, "math-ai/olympiadbench"),
        Benchmark(
            "aime24", "AIME24", True, "HuggingFaceH4/aime_2024", split="train", names=("aime2024",)
        ),
        Benchmark("amc23", "AMC23", True, "math-ai/amc23", names=("amc2023",)),
    )
}
"""By key, in the order of the paper's Table 3."""


def benchmark_of(name: str) -> Benchmark | None:
    """The benchmark that a file, a set or a dataset of the hub is named after; None where its name
    says none or several of them."""
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    found = [
        each
        for each in BENCHMARKS.values()
        if any(spelled in plain for spelled in (each.key, *each.names))
    ]
    return found[0] if len(found) == 1 else None
