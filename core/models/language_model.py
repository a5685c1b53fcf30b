"""Load a model, its tokenizer and an optional LoRA adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from core.errors import ModelError, ResourceError
from core.models.adapter import with_adapter
from core.models.architecture import can_share_prefixes, context_length
from core.models.fetching import fetch_folder
from core.models.files import (
    check_adapter_folder,
    has_tokenizer,
    stored_bytes,
)
from core.models.finite_numbers import check_finite, check_finite_weights
from core.models.forward_check import check_forward_pass
from core.models.hub_download import download
from core.models.locks import FairLock
from core.models.memory import MemoryEstimate, estimate_memory, is_out_of_memory
from core.models.placement import place
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec, adapter_folder, check_spec
from core.models.whole_checkpoint import check_whole
from core.models.worker_reports import Report
from core.tokens.prompts import guess_prompt_style
from core.tokens.token_text import TokenText

_ALL_THREADS = torch.get_num_threads()
_SMALL_MODEL = 50_000_000  # parameters


@dataclass(frozen=True)
class Base:
    """A loaded model without adapter."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


@dataclass
class LanguageModel:
    """A loaded model. Models are not thread-safe: hold `lock` while running one."""

    spec: ModelSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    dtype: str
    prompt_style: str
    prompt_style_reason: str
    context_length: int  # tokens
    vocab_size: int  # width of the logits; may be wider than the tokenizer's vocabulary
    eos_ids: frozenset[int]
    shares_prefixes: bool
    threads: int  # of the CPU, for one forward pass
    text: TokenText
    folder: Path | None = None  # where it was loaded from
    memory: MemoryEstimate | None = None  # estimated before loading
    prompt_date: date | None = None  # for chat templates that use the date; None: today
    base: Base | None = None  # under an adapter's twin; never run
    dtype_reason: str | None = None  # why `auto` took this dtype; None: a person chose it
    lock: FairLock = field(default_factory=FairLock)
    prefixes: PrefixStore = field(default_factory=PrefixStore)
    joint: object = field(default=None, repr=False, compare=False)
    """A `core.decoding.shared_batch.SharedBatch` where several threads decode with the model."""

    def use_threads(self) -> None:
        """Set the calling thread's number of torch CPU threads; call before running the model."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)

    def check_finite(self, logits: torch.Tensor) -> None:
        """Reject logits (..., V) of this model that are not a distribution.

        Raises:
            ModelError: a row has a NaN or +inf, or nothing but -inf.
        """
        check_finite(logits, self.name, self.dtype)

    @property
    def bare(self) -> Base:
        """The model without its adapter, to build other models on."""
        return self.base or Base(self.model, self.tokenizer)

    @property
    def name(self) -> str:
        """The model's name as the user gave it: "demo", a folder or a hub id."""
        return self.spec.model

    @property
    def parameters(self) -> int:
        """Number of parameters, including the adapter's."""
        return int(self.model.num_parameters())  # handles packed 4-bit weights


@dataclass(frozen=True)
class ModelFiles:
    """Folders of a model's and an adapter's files on this machine."""

    folder: Path
    adapter: Path | None


def fetch_model(
    spec: ModelSpec,
    *,
    report: Report | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ModelFiles:
    """Locate the files of a model and its adapter: download those that are missing, and convert
    a GGUF file.

    Args:
        report: called with the progress of each download and conversion.
        cancelled: polled; cancels the download or conversion when true.

    Raises:
        ModelError: no such model, unsafe or missing weights, offline.
        ResourceError: the disk is full.
        DownloadCancelledError: `cancelled` returned true.
    """
    check_spec(spec)
    adapter = None if spec.adapter is None else adapter_folder(spec.adapter)
    if spec.adapter is not None and adapter is None:  # small, so its faults are found first
        adapter = download(spec.adapter, kind="adapter", report=report, cancelled=cancelled)
        check_adapter_folder(adapter)
    folder = fetch_folder(spec, report=report, cancelled=cancelled)
    return ModelFiles(folder, adapter)


# transformers switches torch's initialisation and its own tying of weights off while it loads, for
# the whole process: of two loads at once, one may find its tied weights missing.
_LOADING = threading.Lock()


def load_language_model(spec: ModelSpec, files: ModelFiles | None = None) -> LanguageModel:
    """Load a model, fetching it from the hub if it is not on this machine.

    Args:
        files: from `fetch_model`, if it was called to show progress.

    Raises:
        ModelError: as `fetch_model`; a model or adapter that doesn't fit or is damaged.
        ResourceError: not enough memory, or the disk is full.
    """
    files = files or fetch_model(spec)
    try:
        code = spec.trust_remote_code
        config = AutoConfig.from_pretrained(files.folder, trust_remote_code=code)
        placement = place(spec.device, spec.dtype, spec.quantization, config)
        tokenizer = load_tokenizer(spec, files.folder)
        stored = stored_bytes(files.folder)
        memory = estimate_memory(config, placement, stored=stored, code=code)
        memory.check(spec.model)
        with _LOADING:
            model, found = AutoModelForCausalLM.from_pretrained(
                files.folder,
                config=config,
                use_safetensors=True,
                trust_remote_code=code,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # rejected below, naming them
                **placement.arguments,
            )
        check_whole(spec.model, found)
        if "device_map" not in placement.arguments:
            model = model.to(placement.device)
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise ResourceError(
                f"The model {spec.model} does not fit into the memory of {spec.device}.",
                "Choose a smaller model, another device, or dtype bfloat16.",
            ) from error
        raise explain(spec, error) from error
    lm = on_base(spec, files, Base(model, tokenizer))
    return replace(lm, memory=memory, dtype_reason=placement.reason)


def on_base(spec: ModelSpec, files: ModelFiles, base: Base) -> LanguageModel:
    """Build a model on a base in memory; an adapter is loaded onto a twin of the base.

    An adapter that resized the vocabulary may have its own tokenizer.

    Raises:
        ModelError: an adapter that doesn't fit; a model that is not causal, or whose logits are
            not finite.
    """
    if files.adapter is None:
        return replace(wrap(spec, base.model.eval(), base.tokenizer), folder=files.folder)
    model = with_adapter(base.model, files.adapter, spec.adapter or "", spec.model)
    tokenizer = base.tokenizer
    widths = [len(each.get_input_embeddings().weight) for each in (model, base.model)]
    if widths[0] != widths[1] and has_tokenizer(files.adapter):
        tokenizer = load_tokenizer(replace(spec, trust_remote_code=False), files.adapter)
    return replace(wrap(spec, model, tokenizer), folder=files.folder, base=base)


def wrap(
    spec: ModelSpec, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> LanguageModel:
    """Make a LanguageModel of a model and tokenizer in memory.

    Raises:
        ModelError: the model is not causal, or its weights or logits are not finite.
    """
    config = model.config.get_text_config(decoder=True)
    style, reason = guess_prompt_style(model.config, tokenizer)
    embeddings = model.get_output_embeddings()
    width = embeddings.weight.shape[0] if embeddings is not None else config.vocab_size
    check_finite_weights(model, spec.model)
    check_forward_pass(model, spec.model, int(width))
    return LanguageModel(
        spec=spec,
        model=model,
        tokenizer=tokenizer,
        device=model.device,
        dtype=str(model.dtype).removeprefix("torch."),
        prompt_style=style,
        prompt_style_reason=reason,
        context_length=context_length(config),
        vocab_size=int(width),
        eos_ids=_eos_ids(model, tokenizer),
        shares_prefixes=can_share_prefixes(model),
        threads=_threads(model),
        text=TokenText(tokenizer),
    )


def load_tokenizer(spec: ModelSpec, folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a model's folder.

    Raises:
        ModelError: it is damaged.
        OSError, ValueError, ImportError, KeyError: from transformers.
    """
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=spec.trust_remote_code
        )
    except Exception as error:
        if type(error) is not Exception:  # tokenizers raises a bare Exception for damage
            raise
        raise ModelError(
            f"The tokenizer of {spec.model} is damaged ({error}).",
            "Copy the model's tokenizer files there again.",
        ) from error
    return tokenizer


def _threads(model: PreTrainedModel) -> int:
    """CPU threads for a model: one for a small model, whose matrix products are faster than
    waking a second thread."""
    parameters = sum(p.numel() for p in model.parameters())
    return 1 if parameters < _SMALL_MODEL else _ALL_THREADS


def _eos_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids of all end-of-sequence tokens in generation config, config and tokenizer."""
    found: set[int] = set()
    for source in (getattr(model, "generation_config", None), model.config, tokenizer):
        ids = getattr(source, "eos_token_id", None)
        if ids is not None:
            found.update(ids if isinstance(ids, list | tuple) else [ids])
    return frozenset(found)


def explain(spec: ModelSpec, error: Exception) -> ModelError:
    """Convert an error of transformers into a ModelError with a remedy."""
    message = str(error)
    first_line = message.strip().splitlines()[0] if message.strip() else type(error).__name__
    if "trust_remote_code" in message:
        return ModelError(
            f"The model {spec.model} needs Python code of its own to run.",
            "Allow remote code only if you trust its authors.",
        )
    if "safetensors" in message and "not" in message:
        return ModelError(
            f"The model {spec.model} has no safetensors weights.",
            "Pickled weights can run code and are refused: convert them to safetensors.",
        )
    return ModelError(
        f"The model {spec.model} can't be loaded ({type(error).__name__}: {first_line}).",
        "Check that the folder holds a whole causal language model.",
    )
