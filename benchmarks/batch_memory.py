"""`python -m benchmarks.batch_memory MODEL [ALIKE]`: peak memory of a process that decodes 64
chains with prompts of 270 tokens, of which ALIKE (240) are the same, against the estimate that the
app shows for them. Buffers have their full size from the start, so that a few steps are enough.
"""

from __future__ import annotations

import resource
import subprocess
import sys

import torch
import transformers

from core.decoding.loop import Row, decode
from core.models.facts import read_facts
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.records import Sampler

ROWS, PROMPT, TOKENS = 64, 270, 28
TARGET = 1.5  # peak / estimate, at most
ALIKE = 240  # tokens that all prompts begin with, such as few-shot examples
_STEPS = 3  # that are carried out
_MIB = 2**20


def measure(model: str, alike: int) -> str:
    """Load the model and decode in this process."""
    spec = ModelSpec(model, device="cpu", dtype="float32")
    facts = read_facts(spec, rows=ROWS, length=PROMPT + TOKENS)
    assert facts.memory is not None
    lm = load_language_model(spec)
    loaded = _peak()
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(10, min(lm.vocab_size, 10_000), (ROWS, PROMPT), generator=generator)
    ids[:, :alike] = ids[0, :alike]
    rows = [Row(tuple(row)) for row in ids.tolist()]
    steps = iter(range(_STEPS))
    decode(lm, rows, Sampler(max_new_tokens=TOKENS), cancel=lambda: next(steps, None) is None)
    peak, estimate = _peak(), facts.memory.needed / _MIB
    met = "met" if peak <= TARGET * estimate else "NOT met"
    return (
        f"{ROWS} chains, prompts of {PROMPT} tokens, {alike} of them alike: peak {peak:.0f} MiB "
        f"({loaded:.0f} once loaded), estimate {estimate:.0f} MiB, ratio {peak / estimate:.2f}, "
        f"target <= {TARGET}, {met}"
    )


def _peak() -> float:
    """Highest resident set of this process so far, MiB."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MIB


def in_a_child(model: str, alike: int = ALIKE) -> str:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.batch_memory", model, str(alike)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def main() -> None:
    """Measure in this process."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model = sys.argv[1] if len(sys.argv) > 1 else "smollm2"
    print(measure(model, int(sys.argv[2]) if len(sys.argv) > 2 else ALIKE))


if __name__ == "__main__":
    main()
