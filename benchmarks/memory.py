"""Peak memory of 1,000 tokens with their statistics, with a vocabulary of 150,000 tokens.

`python -m benchmarks.memory ours|theirs` prints one number, MiB: the highest resident set while
generating, less its level after a short warm-up. Both sides run in fresh processes.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from dataclasses import replace

import psutil
import torch
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from benchmarks import peer
from benchmarks.timing import table_row
from core.decoding.loop import Row, decode
from core.models.language_model import LanguageModel, wrap
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.records import Sampler

VOCABULARY = 150_000
TOKENS = 1_000
ALTERNATIVES = 5
TARGET = 0.05  # ours / theirs, at most
PROMPT = (11, 22, 33, 44, 55, 66, 77, 88)
ALLOCATORS = {
    "freed tensors returned at once": {"MALLOC_MMAP_THRESHOLD_": "65536"},  # what is held
    "default allocator": {},  # and what the heap keeps of what was freed
}
_MIB = 2**20


def run(threads: int) -> list[str]:
    """Both sides in child processes, under two behaviours of the C library; a table line each."""
    lines = []
    for name, environment in ALLOCATORS.items():
        ours, theirs = (_in_a_child(side, threads, environment) for side in ("ours", "theirs"))
        ratio = ours / theirs
        lines.append(
            table_row(
                name,
                f"{ours:.1f} MiB",
                f"{theirs:.1f} MiB",
                f"{ratio:.4f}",
                f"<= {TARGET}",
                "yes" if ratio <= TARGET else "NO",
            )
        )
    return lines


def _in_a_child(side: str, threads: int, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", side, str(threads)],
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def tiny_model() -> LanguageModel:
    """A random model that never ends: hidden 64, 2 layers, tied embeddings."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = Qwen3ForCausalLM(config).eval()
    lm = wrap(ModelSpec("tiny"), model, AutoTokenizer.from_pretrained(DEMO_FOLDER))
    return replace(lm, eos_ids=frozenset())


def ours(lm: LanguageModel, tokens: int) -> None:
    """Statistics on the fly."""
    (decoded,) = decode(lm, [Row(PROMPT)], Sampler(max_new_tokens=tokens), k=ALTERNATIVES)
    assert len(decoded.statistics.entropy) == tokens


def theirs(lm: LanguageModel, tokens: int) -> None:
    """Statistics afterwards; one step at a time, so that only the logits themselves pile up."""
    with torch.inference_mode():
        out = peer.generate(lm.model, [PROMPT], tokens, logits=True)
        chosen = out.sequences[0, len(PROMPT) :]
        statistics = [
            peer.statistics_of(logits, token.unsqueeze(0), ALTERNATIVES)
            for logits, token in zip(out.logits, chosen, strict=True)
        ]
    assert len(statistics) == tokens


class PeakMemory:
    """The highest resident set of this process while the block runs, sampled every 2 ms."""

    def __enter__(self) -> PeakMemory:
        self._process = psutil.Process()
        self.start = self.peak = self._process.memory_info().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            self.peak = max(self.peak, self._process.memory_info().rss)


def main() -> None:
    """Measure one side in this process."""
    side, threads = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    lm = tiny_model()
    work = {"ours": ours, "theirs": theirs}[side]
    work(lm, 8)
    gc.collect()
    with PeakMemory() as memory:
        work(lm, TOKENS)
    print((memory.peak - memory.start) / _MIB)


if __name__ == "__main__":
    main()
