"""Loads a model, its tokenizer and an optional LoRA adapter."""

from __future__ import annotations

import os
import threading
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from core.causality import check_causal
from core.errors import ModelError, ResourceError
from core.kv_cache import PrefixStore
from core.model_files import (
    check_adapter_folder,
    check_adapter_kind,
    check_model_folder,
    is_hub_id,
)
from core.prompts import guess_prompt_style
from core.stepping import can_share_prefixes
from core.token_text import TokenText

DEMO = "demo"
DEMO_NOTICE = (
    "Teaching model: its forks were built in by construction. It shows how to look; "
    "it is no evidence about real models."
)
"""Said wherever figures of the demo model appear."""
DEMO_FOLDER = Path(__file__).parent.parent / "sample_data" / "demo_model"

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_ALL_THREADS = torch.get_num_threads()
_SMALL_MODEL = 50_000_000  # parameters
_UNBOUNDED_CONTEXT = 1 << 20  # for models whose config names no limit


@dataclass(frozen=True)
class ModelSpec:
    """Which model, and how to load it.

    `model` is "demo", a folder, or a hub id; `adapter` a folder with a LoRA adapter. With
    `trust_remote_code` the model's own Python code runs: only for authors you trust.
    """

    model: str = DEMO
    adapter: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    trust_remote_code: bool = False


def teacher_spec(base: ModelSpec, teacher: str) -> ModelSpec:
    """How to load a teacher of the base: the folder of an adapter goes onto the base's model,
    anything else is a model of its own. Device and precision are the base's. Python code of its
    own is never run: nobody was asked about it."""
    if (_folder(teacher) / "adapter_config.json").is_file():
        return replace(base, adapter=teacher)
    return replace(base, model=teacher, adapter=None, trust_remote_code=False)


def absolute_name(name: str) -> str:
    """A folder by its whole path, so that it is found from anywhere; other names as they are."""
    folder = _folder(name)
    return name if name == DEMO or not folder.is_dir() else str(folder.resolve())


def check_spec(spec: ModelSpec) -> Path | None:
    """Refuse folders that hold no model or adapter, before anything is begun with them. Whether
    the hub has a model is only known when it is loaded.

    Returns:
        The adapter's folder, where there is one.

    Raises:
        ModelError: saying what is missing.
    """
    _resolve(spec.model)
    if spec.adapter is None:
        return None
    folder = _folder(spec.adapter)
    check_adapter_folder(folder)
    return folder


@dataclass
class LanguageModel:
    """A loaded model. Whoever runs it holds `lock`: models are not thread-safe."""

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
    lock: threading.RLock = field(default_factory=threading.RLock)
    prefixes: PrefixStore = field(default_factory=PrefixStore)

    def use_threads(self) -> None:
        """Give the calling thread this model's number of CPU threads; call before running it."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)

    @property
    def name(self) -> str:
        """What the person asked for: "demo", a folder or a hub id."""
        return self.spec.model

    @property
    def parameters(self) -> int:
        """Number of parameters, the adapter's included."""
        return sum(p.numel() for p in self.model.parameters())


def load_language_model(spec: ModelSpec) -> LanguageModel:
    """Load what `spec` names.

    Raises:
        ModelError: no such model, unsafe or missing weights, offline, an adapter that doesn't fit.
        ResourceError: not enough memory.
    """
    adapter = check_spec(spec)
    source = _resolve(spec.model)
    device = _device(spec.device)
    try:
        config = AutoConfig.from_pretrained(source, trust_remote_code=spec.trust_remote_code)
        tokenizer = _tokenizer(spec, source)
        model = AutoModelForCausalLM.from_pretrained(
            source,
            config=config,
            dtype=_dtype(spec.dtype, device, config),
            use_safetensors=True,
            trust_remote_code=spec.trust_remote_code,
        )
        model = model.to(device)
    except torch.OutOfMemoryError as error:
        raise ResourceError(
            f"The model {spec.model} does not fit into the memory of {device}.",
            "Choose a smaller model, another device, or dtype bfloat16.",
        ) from error
    except (OSError, ValueError, ImportError, RuntimeError, KeyError, SafetensorError) as error:
        raise _explain(spec, error) from error
    if adapter is not None:
        model = _with_adapter(model, adapter)
    model.eval()
    return wrap(spec, model, tokenizer)


def wrap(
    spec: ModelSpec, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> LanguageModel:
    """Make a LanguageModel of a model and tokenizer that are already in memory.

    Raises:
        ModelError: the model reads ahead.
    """
    check_causal(model)
    config = model.config.get_text_config(decoder=True)
    style, reason = guess_prompt_style(model.config, tokenizer)
    embeddings = model.get_output_embeddings()
    width = embeddings.weight.shape[0] if embeddings is not None else config.vocab_size
    return LanguageModel(
        spec=spec,
        model=model,
        tokenizer=tokenizer,
        device=model.device,
        dtype=str(model.dtype).removeprefix("torch."),
        prompt_style=style,
        prompt_style_reason=reason,
        context_length=getattr(config, "max_position_embeddings", None) or _UNBOUNDED_CONTEXT,
        vocab_size=int(width),
        eos_ids=_eos_ids(model, tokenizer),
        shares_prefixes=can_share_prefixes(model),
        threads=_threads(model),
        text=TokenText(tokenizer),
    )


def _tokenizer(spec: ModelSpec, source: str) -> PreTrainedTokenizerBase:
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            source, trust_remote_code=spec.trust_remote_code
        )
    except Exception as error:
        if type(error) is not Exception:  # the tokenizers library has no finer word for damage
            raise
        raise ModelError(
            f"The tokenizer of {spec.model} is damaged ({error}).",
            "Copy the model's tokenizer files there again.",
        ) from error
    return tokenizer


def _resolve(name: str) -> str:
    """A folder to load from, or a hub id."""
    if name == DEMO:
        check_model_folder(DEMO_FOLDER)
        return str(DEMO_FOLDER)
    folder = _folder(name)
    if folder.is_dir() or not is_hub_id(name):
        check_model_folder(folder)
        return str(folder)
    return name


def _folder(name: str) -> Path:
    """The folder that a name would be; a ~ that is nobody's home, where pathlib raises, stays."""
    return Path(os.path.expanduser(name)).absolute()


def _device(name: str) -> torch.device:
    if name != "auto":
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            raise ModelError(
                f"There is no device {name!r} on this machine.", "Use auto, cpu, cuda or mps."
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _dtype(name: str, device: torch.device, config: Any) -> torch.dtype:
    """auto: float32 on a CPU, where results are then exact; the weights' own elsewhere."""
    if name != "auto":
        if name not in _DTYPES:
            raise ModelError(
                f"There is no dtype {name!r} for models.", "Use auto, float32, bfloat16 or float16."
            )
        return _DTYPES[name]
    stored: torch.dtype | None = getattr(config, "dtype", None)
    return torch.float32 if device.type == "cpu" or stored is None else stored


def _with_adapter(model: PreTrainedModel, folder: Path) -> Any:
    from peft import PeftModel

    misfit = "Choose an adapter that was trained on this model."
    check_adapter_kind(folder)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            adapted = PeftModel.from_pretrained(model, str(folder), use_safetensors=True)
        except (RuntimeError, ValueError, KeyError, TypeError, OSError) as error:
            first_line = str(error).strip().splitlines()[0]
            raise ModelError(
                f"The adapter in {folder} does not fit this model ({first_line}).", misfit
            ) from error
    if any("missing adapter keys" in str(w.message) for w in caught):
        raise ModelError(f"The adapter in {folder} has no weights for this model's layers.", misfit)
    own = {name.replace(".default", "") for name in adapted.state_dict() if "lora_" in name}
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        unknown = sorted(name for name in file.keys() if "lora_" in name and name not in own)  # noqa: SIM118
    if unknown:
        raise ModelError(
            f"The adapter in {folder} does not fit this model (it has {unknown[0]}).", misfit
        )
    return adapted


def _threads(model: PreTrainedModel) -> int:
    """One for a small model: its matrices are done before a second thread has woken up, and on a
    busy machine the two wait for each other at every one of them."""
    parameters = sum(p.numel() for p in model.parameters())
    return 1 if parameters < _SMALL_MODEL else _ALL_THREADS


def _eos_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Every token that ends a chain, as generation config, config and tokenizer name them."""
    found: set[int] = set()
    for source in (getattr(model, "generation_config", None), model.config, tokenizer):
        ids = getattr(source, "eos_token_id", None)
        if ids is not None:
            found.update(ids if isinstance(ids, list | tuple) else [ids])
    return frozenset(found)


def _explain(spec: ModelSpec, error: Exception) -> ModelError:
    """Turn what transformers raised into what to do."""
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
    if is_hub_id(spec.model) and not Path(spec.model).exists() and spec.model != DEMO:
        if "connect" in message.lower() or "offline" in message.lower():
            return ModelError(
                f"The model {spec.model} is not on this machine and the hub can't be reached.",
                "Check the network, or give a local folder.",
            )
        return ModelError(
            f"The hub has no model {spec.model} that you may read ({first_line}).",
            "Check the name, and the token environment variable if the model is private.",
        )
    return ModelError(
        f"The model {spec.model} can't be loaded ({type(error).__name__}: {first_line}).",
        "Check that the folder holds a whole causal language model.",
    )
