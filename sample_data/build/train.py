"""Train the teaching model from scratch on CPU: Muon for the matrices, AdamW for the rest.

Two single-threaded workers take half of each batch: they meet once a step, so another program on
the machine slows training by its share only. Two threads inside every matrix product meet a
thousand times a step, and training then ran five times slower beside a browser.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from corpus import Document
from torch.nn import functional
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

IGNORED = -100  # label of positions outside the loss
# Few different shapes: every new shape costs a compilation inside the CPU's matrix library.
WIDTH_STEP, ROWS_STEP = 16, 512
FORKS = 2  # most pivotal forks in one chain


@dataclass(frozen=True)
class Settings:
    """Everything that shapes the training run."""

    hidden: int = 256
    layers: int = 4
    mlp: int = 704
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    context: int = 512
    batch: int = 32  # documents a step
    lr: float = 5e-3
    warmup: int = 60  # steps
    decay_from: float = 0.3  # share of the run after which lr falls linearly to zero
    weight_decay: float = 0.01
    clip: float = 1.0
    fork_weight: float = 0.0  # above 0: learn the shares at pivotal forks, not single draws
    seed: int = 11
    workers: int = 2  # threads that share a batch


def build_model(tokenizer: PreTrainedTokenizerFast, settings: Settings) -> Qwen3ForCausalLM:
    """A Qwen3 model with random weights, about 3.2 M parameters."""
    config = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        intermediate_size=settings.mlp,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.kv_heads,
        head_dim=settings.head_dim,
        max_position_embeddings=settings.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config)


@dataclass(frozen=True)
class Encoded:
    """A document as token ids: prompt + completion + end."""

    ids: list[int]
    prompt: int  # length of the prompt
    forks: list[tuple[int, list[int], tuple[float, ...]]]  # position, first tokens, shares


class Batch(NamedTuple):
    """Tensors of one step; every one has the document as its first dimension."""

    ids: torch.Tensor  # (B, T)
    labels: torch.Tensor  # (B, T), completions only
    fork_at: torch.Tensor  # (B, F) position of a fork, 0 where there is none
    fork_ids: torch.Tensor  # (B, F, 5) first token of each opening
    fork_shares: torch.Tensor  # (B, F, 5) probability of each opening, 0 where there is none


def encode(documents: list[Document], tokenizer: PreTrainedTokenizerFast) -> list[Encoded]:
    """Token ids and fork positions of every document."""
    prompts, completions, choices = zip(*documents, strict=True)
    prompts, completions = (tokenizer(list(texts)).input_ids for texts in (prompts, completions))

    @cache
    def first_token(text: str) -> int:
        return tokenizer(text).input_ids[0]

    @cache
    def length(text: str) -> int:
        return len(tokenizer(text).input_ids)

    encoded = []
    for document, prompt, completion, forks in zip(
        documents, prompts, completions, choices, strict=True
    ):
        found = [
            (
                len(prompt) + length(document[1][: fork.offset]),
                [first_token(text) for text in fork.openings],
                fork.shares,
            )
            for fork in forks
        ]
        ids = prompt + completion + [tokenizer.eos_token_id]
        encoded.append(Encoded(ids, len(prompt), found))
    return encoded


def collate(group: list[Encoded], pad: int) -> Batch:
    """Right-padded tensors; the width is rounded up to one of few."""
    width = -(-max(len(document.ids) for document in group) // WIDTH_STEP) * WIDTH_STEP
    batch = Batch(
        torch.full((len(group), width), pad),
        torch.full((len(group), width), IGNORED),
        torch.zeros(len(group), FORKS, dtype=torch.long),
        torch.zeros(len(group), FORKS, 5, dtype=torch.long),
        torch.zeros(len(group), FORKS, 5),
    )
    for row, document in enumerate(group):
        size = len(document.ids)
        batch.ids[row, :size] = torch.tensor(document.ids)
        batch.labels[row, document.prompt : size] = batch.ids[row, document.prompt : size]
        for k, (position, first, shares) in enumerate(document.forks):
            batch.fork_at[row, k] = position
            batch.fork_ids[row, k] = torch.tensor(first)
            batch.fork_shares[row, k] = torch.tensor(shares)
    return batch


def batches(documents: list[Encoded], size: int, pad: int, seed: int) -> Iterator[Batch]:
    """Batches of documents of similar length."""
    rng = random.Random(f"batches/{seed}")
    pool_size = 8 * size
    for start in range(0, len(documents), pool_size):
        pool = sorted(documents[start : start + pool_size], key=lambda d: len(d.ids))
        groups = [pool[i : i + size] for i in range(0, len(pool) - size + 1, size)]
        rng.shuffle(groups)
        for group in groups:
            yield collate(group, pad)


def gradients(
    model: Qwen3ForCausalLM, batch: Batch, fork_weight: float
) -> tuple[torch.Tensor, int, tuple[torch.Tensor, ...]]:
    """Summed cross-entropy over completion tokens, their number, the gradients.

    The head runs on completion positions only. With a fork weight, the target at a pivotal fork is
    the corpus's own distribution over the five openings instead of the one that was dealt.
    """
    labels = batch.labels.clone()
    if fork_weight:
        labels.scatter_(1, batch.fork_at, IGNORED)  # position 0 belongs to the prompt anyway
    targets = labels[:, 1:].flatten()
    count = int((targets != IGNORED).sum())
    rows = (targets != IGNORED).nonzero()[:, 0]
    rows = functional.pad(rows, (0, -count % ROWS_STEP))
    wanted = targets[rows]
    wanted[count:] = IGNORED
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state  # (B, T, D)
        logits = model.lm_head(hidden[:, :-1].flatten(0, 1)[rows])  # (N, V)
        if fork_weight:
            before = (batch.fork_at - 1).clamp(min=0)[..., None].expand(-1, -1, hidden.shape[-1])
            fork_logits = model.lm_head(hidden.gather(1, before))  # (B, F, V)
    loss = functional.cross_entropy(logits.float(), wanted, reduction="sum")
    if fork_weight:
        logprobs = fork_logits.float().log_softmax(-1).gather(-1, batch.fork_ids)
        loss = loss - fork_weight * (batch.fork_shares * logprobs).sum()
    return loss.detach(), count, torch.autograd.grad(loss, tuple(model.parameters()))


def backward(
    model: Qwen3ForCausalLM,
    pool: ThreadPoolExecutor,
    settings: Settings,
    batch: Batch,
) -> float:
    """Split a batch over the workers, put the mean gradient in place; return the mean loss."""
    shards = zip(*(tensor.tensor_split(settings.workers) for tensor in batch), strict=True)
    parts = list(
        pool.map(lambda tensors: gradients(model, Batch(*tensors), settings.fork_weight), shards)
    )
    total = sum(count for _, count, _ in parts)
    for i, parameter in enumerate(model.parameters()):
        parameter.grad = sum(grads[i] for _, _, grads in parts) / total
    return float(sum(loss for loss, _, _ in parts)) / total


def optimizers(model: Qwen3ForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon on the weight matrices of the blocks, AdamW on embedding and norms."""
    blocks, rest = [], []
    for name, parameter in model.named_parameters():
        (blocks if parameter.ndim == 2 and "embed" not in name else rest).append(parameter)
    common = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    return [
        torch.optim.Muon(blocks[0::2], adjust_lr_fn="match_rms_adamw", **common),
        torch.optim.Muon(blocks[1::2], adjust_lr_fn="match_rms_adamw", **common),
        torch.optim.AdamW(rest, betas=(0.9, 0.95), fused=True, **common),
    ]


def lr_factor(step: int, steps: int, settings: Settings) -> float:
    """Warmup, plateau, then linear decay to zero."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    start = int(settings.decay_from * steps)
    return 1.0 if step < start else (steps - step) / (steps - start)


def train(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    documents: list[Document],
    settings: Settings,
    checkpoints: Path | None = None,
) -> Qwen3ForCausalLM:
    """One pass over `documents`; prints loss and time left; optional checkpoints on the way."""
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(settings.workers, initializer=torch.set_num_threads, initargs=(1,))
    encoded = encode(documents, tokenizer)
    steps = len(encoded) // settings.batch
    optims = optimizers(model, settings)
    model.train()
    begun, seen, recent = time.time(), 0, []
    stream = batches(encoded, settings.batch, tokenizer.pad_token_id, settings.seed)
    for step, batch in enumerate(stream):
        for optim in optims:
            for group in optim.param_groups:
                group["lr"] = settings.lr * lr_factor(step, steps, settings)
        loss = backward(model, pool, settings, batch)
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        list(pool.map(lambda optim: optim.step(), optims))
        seen += batch.ids.numel()
        recent.append(loss)
        if (step + 1) % 50 == 0 or step + 1 == steps:
            spent = time.time() - begun
            left = spent / (step + 1) * (steps - step - 1)
            print(
                f"step {step + 1}/{steps}  loss {sum(recent) / len(recent):.4f}  "
                f"{seen / spent:,.0f} tokens/s  {spent / 60:.1f} min, {left / 60:.1f} left",
                flush=True,
            )
            recent = []
        if checkpoints is not None and (step + 1) % 400 == 0:
            save(model, tokenizer, checkpoints)
    pool.shutdown()
    return model.eval()


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face folder in bfloat16, with the prompt style in config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = Qwen3ForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.config.prompt_style = "llama_abel"
    copy.generation_config.update(do_sample=True, temperature=1.0, top_p=0.95, max_new_tokens=256)
    copy.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
