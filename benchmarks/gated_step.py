"""One training step of 1,024 tokens with a vocabulary of 150,000: its time and its peak memory.

Ours is the trainer's own: the base is the tuned model with its adapter switched off, and logits
exist a chunk at a time. Theirs is the plain way: a second copy of the base, the whole logits of
both, autograd through all of it. `python -m benchmarks.gated_step` prints this table alone;
with `ours` or `theirs` one number, MiB: the highest resident set during a step, less its level
just before.
"""

from __future__ import annotations

import copy
import gc
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import transformers
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from benchmarks.memory import PeakMemory
from benchmarks.timing import alternate, line, table_head, table_row
from core.models.language_model import wrap
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.reasonmaxxer.examples import Example
from core.reasonmaxxer.trainer import ReasonMaxxerConfig, ReasonMaxxerTrainer

VOCABULARY = 150_000
TOKENS = 1_024
PROMPT = 128  # of these
DECISIONS = 0.05  # share of the completion, as in the paper
TIME_TARGET = 0.7  # ours / theirs, at most
MEMORY_TARGET = 0.2
SAME_GRADIENT = 1e-3  # largest difference allowed, as a share of the tensor's largest entry
_MIB = 2**20

Gradients = dict[str, torch.Tensor]


def run(threads: int, steps: int) -> list[str]:
    """Time in this process, memory in child processes; table lines, then the gradients."""
    trainer, base = tiny_trainer()
    both = (partial(ours, trainer), partial(theirs, trainer, base))
    for step in both:
        step(example(64))  # warm-up
    worst = 0.0

    def check(one: Gradients, other: Gradients) -> None:
        nonlocal worst
        worst = max(worst, gradients_differ(one, other))
        assert worst < SAME_GRADIENT, "the gradients differ"

    whole = example(TOKENS)
    own, plain = (partial(step, whole) for step in both)
    rounds = [alternate(i, own, plain, check) for i in range(steps)]
    mine, other = (_in_a_child(side, threads) for side in ("ours", "theirs"))
    ratio = mine / other
    return [
        line("time", rounds, faster=False, target=TIME_TARGET),
        table_row(
            "peak extra memory",
            f"{mine:.0f} MiB",
            f"{other:.0f} MiB",
            f"{ratio:.3f}",
            f"<= {MEMORY_TARGET}",
            "yes" if ratio <= MEMORY_TARGET else "NO",
        ),
        f"Gradients of the adapter differ by {worst:.1e} of their largest entry at most.",
    ]


def tiny_trainer() -> tuple[ReasonMaxxerTrainer, Any]:
    """A random model (hidden 256, 2 layers, tied embeddings) with an adapter that is not at zero,
    and a second copy of its base."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        initializer_range=0.1,  # far enough apart that the gradients are no rounding errors
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = Qwen3ForCausalLM(config).eval()
    base = copy.deepcopy(model)
    lm = wrap(ModelSpec("tiny"), model, AutoTokenizer.from_pretrained(DEMO_FOLDER))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # between peft and transformers
        settings = ReasonMaxxerConfig(folder, use_cpu=True)
        trainer = ReasonMaxxerTrainer(lm, settings, [example(64)])
    for name, parameter in trainer.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return trainer, base


def example(tokens: int) -> Example:
    """A wrong rollout of random tokens."""
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(VOCABULARY, (tokens,), generator=generator).tolist()
    prompt = min(PROMPT, tokens // 2)
    gate = (torch.rand(tokens - prompt, generator=generator) < DECISIONS).tolist()
    return Example("problem", tuple(ids[:prompt]), tuple(ids[prompt:]), (True, *gate[1:]), -1.0)


def ours(trainer: ReasonMaxxerTrainer, learned: Example) -> Gradients:
    """The trainer's own step."""
    batch = trainer.data_collator([learned])
    batches, counts = trainer.get_batch_samples(iter([batch]), 1, torch.device("cpu"))
    loss = trainer.compute_loss(trainer.model, batches[0], num_items_in_batch=counts)
    loss.backward()
    return taken(trainer.model)


def theirs(trainer: ReasonMaxxerTrainer, base: Any, learned: Example) -> Gradients:
    """The same, plainly."""
    ids = torch.tensor([[*learned.prompt_ids, *learned.token_ids]])
    decision = torch.tensor([*[False] * len(learned.prompt_ids), *learned.gate])[1:]
    with torch.no_grad():
        base_logprobs = torch.log_softmax(base(ids, use_cache=False).logits[0, :-1], dim=-1)
    logprobs = torch.log_softmax(trainer.model(ids, use_cache=False).logits[0, :-1], dim=-1)
    entropies = -logprobs.gather(-1, ids[0, 1:, None]).squeeze(-1)
    divergences = (base_logprobs.exp() * (base_logprobs - logprobs)).sum(dim=-1)
    weight = trainer.args.kl_weight
    pushed = learned.advantage * entropies[decision].mean()
    (pushed + weight * divergences[~decision].mean()).backward()
    return taken(trainer.model)


def taken(model: Any) -> Gradients:
    """The adapter's gradients, which the next step starts without."""
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def gradients_differ(one: Gradients, other: Gradients) -> float:
    assert one.keys() == other.keys()
    return max(
        float((one[name] - other[name]).abs().max() / other[name].abs().max()) for name in one
    )


def _in_a_child(side: str, threads: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gated_step", side, str(threads)],
        env=os.environ,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


def _peak(side: str) -> float:
    trainer, base = tiny_trainer()
    steps: dict[str, Callable[[Example], Gradients]] = {
        "ours": partial(ours, trainer),
        "theirs": partial(theirs, trainer, base),
    }
    steps[side](example(64))
    gc.collect()
    with PeakMemory() as memory:
        steps[side](example(TOKENS))
    return float(memory.peak - memory.start) / _MIB


def main() -> None:
    """The table, or one side's memory in this process."""
    transformers.logging.set_verbosity_error()
    side = sys.argv[1] if len(sys.argv) > 1 else ""
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    if side:
        print(_peak(side))
        return
    print(table_head("ours / theirs"))
    for text in run(threads, 5):
        print(text, flush=True)


if __name__ == "__main__":
    main()
