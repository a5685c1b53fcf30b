"""Facts about a model, from a loaded one or from its config and tokenizer alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import metadata_load
from transformers import AutoConfig

from core.models.architecture import context_length, hidden_size, layer_count
from core.models.fetching import small_folder
from core.models.files import check_model_folder, stored_bytes
from core.models.gguf_source import GgufSource
from core.models.language_model import LanguageModel, explain, load_tokenizer
from core.models.memory import ROWS, MemoryEstimate, estimate_memory
from core.models.placement import place
from core.models.spec import ModelSpec, check_revision_of
from core.models.worker_reports import Report
from core.system.terminal_text import in_bytes, printable
from core.tokens.prompts import guess_prompt_style

_LONGEST_CARD = 1 << 20  # bytes


@dataclass(frozen=True)
class ModelFacts:
    """A model in numbers; None means unknown."""

    name: str
    commit: str | None  # of a model from the hub
    adapter: str | None
    adapter_base: str | None  # the model named by the adapter's config
    family: str
    parameters: int  # including a loaded adapter's
    layers: int
    hidden_size: int
    vocab_size: int
    context_length: int  # tokens
    dtype: str
    quantization: str
    device: str
    prompt_style: str
    prompt_style_reason: str
    shares_prefixes: bool  # forks reuse the chain's key/value cache
    licence: str | None
    memory: MemoryEstimate | None
    memory_used: int | None  # bytes of the loaded weights
    source: GgufSource | None = None  # of weights that were converted
    dtype_reason: str | None = None  # why `auto` took this dtype; None: a person chose it

    @property
    def adapter_is_of_another(self) -> bool:
        """Whether the adapter's config names another model than the loaded one, which may be a copy
        under another name: an adapter that doesn't fit is never loaded."""
        return self.adapter_base is not None and _last(self.adapter_base) != _last(self.name)

    def rows(self) -> list[tuple[str, str]]:
        """Labels and values for display, without unknown ones."""
        memory = self.memory
        packed = "" if self.quantization == "none" else f", weights in {self.quantization}"
        reason = "" if self.dtype_reason is None else f": {self.dtype_reason}"
        forks = (
            "reuse the key/value cache of their chain"
            if self.shares_prefixes
            else "are recomputed from the start: this kind of model can't share a prefix"
        )
        known = {
            "model": self.name,
            "commit": self.commit,
            "adapter": self.adapter,
            "trained on": self.adapter_base,
            "family": self.family,
            "parameters": f"{self.parameters:,}",
            "layers": f"{self.layers} of width {self.hidden_size:,}",
            "vocabulary": f"{self.vocab_size:,}",
            "context": f"{self.context_length:,} tokens",
            "precision": self.dtype + reason + packed,
            "device": self.device,
            "prompt style": f"{self.prompt_style}: {self.prompt_style_reason}",
            "forks": forks,
            "licence": self.licence or "not stated in the model card",
            "weights": self._weights(),
        }
        if memory is not None:
            known["estimate"] = f"{in_bytes(memory.needed)}: {memory.parts}"
            if memory.free is not None:
                known["free"] = f"{in_bytes(memory.free)}" + (
                    "" if self.memory_used is None else " before it was loaded"
                )
        return [(label, value) for label, value in known.items() if value is not None]

    def _weights(self) -> str | None:
        parts = []
        if self.memory_used is not None:
            parts.append(f"{in_bytes(self.memory_used)} in use")
        if self.source is not None:
            parts.append(
                f"dequantised from GGUF {printable(self.source.quantization)}, "
                f"{printable(self.source.file)}; fine-tuning learns on the dequantised weights"
            )
        return ", ".join(parts) or None

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        facts = asdict(self)
        if self.memory is not None:
            facts["memory"] |= {
                "needed": self.memory.needed,
                "fits": self.memory.fits,
                "is_tight": self.memory.is_tight,
            }
        return facts


def facts_of(lm: LanguageModel) -> ModelFacts:
    """Facts about a loaded model."""
    config = lm.model.config
    peft = getattr(lm.model, "peft_config", {}).get("default")
    return ModelFacts(
        name=lm.name,
        commit=_commit(lm.folder),
        adapter=lm.spec.adapter,
        adapter_base=getattr(peft, "base_model_name_or_path", None),
        family=config.model_type,
        parameters=lm.parameters,
        layers=layer_count(config),
        hidden_size=hidden_size(config),
        vocab_size=lm.vocab_size,
        context_length=lm.context_length,
        dtype=lm.dtype,
        quantization=lm.spec.quantization,
        device=str(lm.device),
        prompt_style=lm.prompt_style,
        prompt_style_reason=lm.prompt_style_reason,
        shares_prefixes=lm.shares_prefixes,
        licence=_licence(lm.folder),
        memory=lm.memory,
        memory_used=int(lm.model.get_memory_footprint()),
        source=None if lm.folder is None else GgufSource.of(lm.folder),
        dtype_reason=lm.dtype_reason,
    )


def read_facts(
    spec: ModelSpec,
    *,
    rows: int = ROWS,
    length: int | None = None,
    report: Report | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ModelFacts:
    """Facts about a model that is not loaded; from the hub, all files but the weights are fetched.

    Args:
        spec: its adapter is ignored.
        rows: chains decoded at once, for the memory estimate.
        length: tokens of each, including the prompt; None: a typical length.

    Raises:
        ModelError: as `load_language_model`, except for missing weights.
        DownloadCancelledError: `cancelled` returned true.
    """
    check_revision_of(spec)
    with small_folder(spec, report=report, cancelled=cancelled) as (folder, source):
        return _facts_of_files(spec, folder, source, rows, length)


def _facts_of_files(
    spec: ModelSpec, folder: Path, source: GgufSource | None, rows: int, length: int | None
) -> ModelFacts:
    check_model_folder(folder, weights=False)
    code = spec.trust_remote_code
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=code)
        placement = place(spec.device, spec.dtype, spec.quantization, config)
        memory = estimate_memory(
            config, placement, rows=rows, length=length, stored=stored_bytes(folder), code=code
        )
        style, reason = guess_prompt_style(config, load_tokenizer(spec, folder))
    except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
        raise explain(spec, error) from error
    return ModelFacts(
        name=spec.model,
        commit=_commit(folder),
        adapter=None,
        adapter_base=None,
        family=config.model_type,
        parameters=memory.parameters,
        layers=layer_count(config),
        hidden_size=hidden_size(config),
        vocab_size=config.get_text_config(decoder=True).vocab_size,
        context_length=context_length(config),
        dtype=memory.dtype,
        quantization=memory.quantization,
        device=memory.device,
        prompt_style=style,
        prompt_style_reason=reason,
        shares_prefixes=memory.cache > 0,
        licence=_licence(folder),
        memory=memory,
        memory_used=None,
        source=source,
        dtype_reason=placement.reason,
    )


def _last(name: str) -> str:
    """A model's name without owner or folder; for a folder in the hub's cache, the repository's."""
    parts = [part for part in re.split(r"[/\\]+", name.lower()) if part]
    cached = [part for part in parts if part.startswith("models--")]
    return (cached or parts or [""])[-1].rsplit("--", 1)[-1]


def _commit(folder: Path | None) -> str | None:
    """The commit of a snapshot folder in the hub's cache; None for other folders."""
    return folder.name if folder is not None and folder.parent.name == "snapshots" else None


def _licence(folder: Path | None) -> str | None:
    """The licence in a model card's metadata; None if there is none."""
    card = None if folder is None else folder / "README.md"
    if card is None or not card.is_file() or card.stat().st_size > _LONGEST_CARD:
        return None
    try:
        named = metadata_load(card) or {}
    except (OSError, ValueError, yaml.YAMLError):
        return None  # an unreadable card is not a reason to reject a model
    licence = named.get("license_name") or named.get("license")
    return licence if isinstance(licence, str) else None
