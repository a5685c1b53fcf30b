"""Merge an adapter into its base: whole weights that need neither peft nor this program."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.errors import FileError, ModelError
from core.models.language_model import LanguageModel, ModelFiles, load_language_model
from core.models.placement import DTYPES, dtype_named
from core.models.spec import ModelSpec
from core.publishing.source import AdapterSource
from core.system.durable_files import is_full

SAME = 0.01
"""Largest difference in nats, in float32, at which the merged model counts as the adapted one."""

_PROBED = 32  # tokens on which both are compared


@dataclass(frozen=True)
class Merged:
    """A merged model on the disk.

    Attributes:
        folder: safetensors, config, tokenizer and README.
        dtype: of the stored weights.
        difference: largest one of a log-probability, in nats, from the base with its adapter;
            measured in float32 on a probe of tokens, before the weights are rounded to `dtype`.
    """

    folder: Path
    dtype: str
    difference: float


def base_spec(source: AdapterSource, *, trust_remote_code: bool = False) -> ModelSpec:
    """The base with its adapter as it is loaded to be merged: on the processor, in float32.

    Raises:
        ModelError: the adapter was trained on quantised weights, or the base brings code of its
            own, which is not allowed.
    """
    base = source.base
    if base.quantization != "none":
        raise _quantised(f"The adapter was trained on {source.base_name} in {base.quantization}")
    if base.trust_remote_code and not trust_remote_code:
        raise ModelError(
            f"The base {base.model} brings Python code of its own.",
            "If you trust its authors, give --trust-remote-code.",
        )
    return ModelSpec(
        base.model,
        str(source.folder),
        device="cpu",
        dtype="float32",
        trust_remote_code=trust_remote_code,
        revision=base.revision,
    )


def merge_adapter(
    source: AdapterSource,
    files: ModelFiles,
    out: Path,
    *,
    card: Callable[[str], str],
    dtype: str | None = None,
    trust_remote_code: bool = False,
) -> Merged:
    """Write the base with its adapter merged into its weights.

    The sum is made in float32 and rounded once. Weights that the base ties and the adapter changes
    apart are stored apart.

    Args:
        files: of `base_spec(source)`, from `fetch_model`.
        out: a new or empty folder.
        card: the README, given the precision of the stored weights.
        dtype: of the stored weights; None: that of the run's measurements, else of the base's
            stored weights.

    Raises:
        ModelError: as `base_spec` and `load_language_model`; quantised weights; a merged model
            that is not the adapted one.
        FileError: `out` holds something already, or can't be written.
        ResourceError: not enough memory.
    """
    spec = base_spec(source, trust_remote_code=trust_remote_code)
    facts = _config(files.folder)
    if facts.get("quantization_config"):
        raise _quantised(f"The weights of {source.base_name} are stored quantised")
    taken = dtype or source.dtype or _stored_dtype(facts)
    dtype_named(taken)
    _check_empty(out)
    lm = load_language_model(spec, files)
    merged, difference = _merged(lm)
    merged.to(DTYPES[taken])
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        merged.save_pretrained(partial)
        lm.tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card(taken), encoding="utf-8")
        if out.is_dir():
            out.rmdir()
        os.replace(partial, out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise FileError(
            f"The disk is full: the merged model doesn't fit into {out}."
            if is_full(error)
            else f"{out} can't be written ({error.strerror or error}).",
            "Make room there, or choose another --out.",
        ) from error
    return Merged(out, taken, difference)


def _merged(lm: LanguageModel) -> tuple[Any, float]:
    """The model with its adapter merged, and how far apart the two are, in nats.

    Raises:
        ModelError: weights that are not finite, or another model.
    """
    adapted: Any = lm.model
    ids = torch.linspace(0, min(lm.vocab_size, len(lm.tokenizer)) - 1, _PROBED).long()[None]
    before = _log_probabilities(adapted, ids)
    tied = _untie(adapted)
    try:
        model = adapted.merge_and_unload(safe_merge=True)
    except ValueError as error:  # peft's, of weights with NaN
        raise ModelError(
            f"The adapter can't be merged ({error}).", "Choose an adapter with finite weights."
        ) from error
    if tied:
        _tie_where_equal(model)
    difference = float((_log_probabilities(model, ids) - before).abs().max())
    if not difference <= SAME:
        raise ModelError(
            f"The merged model differs from the base with its adapter by {difference:.3g} nats.",
            "Load the base with the adapter instead; this kind of adapter can't be merged exactly.",
        )
    return model, difference


def _log_probabilities(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Of every next token, (1, L, V) nats; a token that can't be has the lowest finite one."""
    with torch.inference_mode():
        found = torch.log_softmax(model(input_ids=ids).logits.float(), -1)
    return torch.nan_to_num(found, nan=float("nan"), neginf=torch.finfo(torch.float32).min)


def _untie(model: Any) -> bool:
    """Give every layer its own copy of weights that it shares with another one, so that a change
    of one doesn't reach the other; whether there were any."""
    seen: set[int] = set()
    found = False
    for module in model.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if id(weight) in seen:
                copied = torch.nn.Parameter(weight.detach().clone(), requires_grad=False)
                setattr(module, name, copied)
                found = True
            seen.add(id(weight))
    return found


def _tie_where_equal(model: Any) -> None:
    """Tie head and embeddings again if both are still the same; otherwise say in the config that
    they are apart."""
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    same = head is not None and torch.equal(head.weight, embeddings.weight)
    if same:
        head.weight = embeddings.weight
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = same


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The config in {folder} can't be read ({type(error).__name__}).",
            "Get the model's files again.",
        ) from error
    return found if isinstance(found, dict) else {}


def _stored_dtype(facts: dict[str, Any]) -> str:
    """The precision that a config names; float32 where it names none that is known."""
    text = facts.get("text_config")
    inner = text if isinstance(text, dict) else {}
    for each in (facts, inner):
        for key in ("dtype", "torch_dtype"):
            if each.get(key) in DTYPES:
                return str(each[key])
    return "float32"


def _check_empty(out: Path) -> None:
    try:
        taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    except OSError as error:
        raise FileError(
            f"{out} can't be read ({error.strerror}).", "Choose another --out."
        ) from error
    if taken:
        raise FileError(f"{out} holds something already.", "Give a new or an empty folder.")


def _quantised(what: str) -> ModelError:
    return ModelError(
        f"{what}, and a merged model would be rounded a second time.",
        "Publish the adapter itself (`fork-explorer adapter push`), or train on whole weights.",
    )
