"""Load a LoRA adapter onto a twin of its base model, or reject one that does not fit."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from core.errors import ModelError, examples
from core.models.files import adapter_facts
from core.models.hub_files import ADAPTER_WEIGHTS
from core.models.twin import own_copy, twin


def with_adapter(
    bare: PreTrainedModel, folder: Path, name: str, model_name: str = ""
) -> PreTrainedModel:
    """Load an adapter onto a twin of the base, which shares the base's weights.

    Tensors that the adapter replaces (biases, whole modules, embedding rows, anything its file
    names) are copied first, so neither the base nor twins of other adapters change. The result
    equals `PeftModel.from_pretrained` on a separately loaded base, bit for bit. An adapter trained
    with a resized vocabulary gets embeddings of that size if its file has all rows.

    Args:
        bare: the base, without any adapter.
        folder: as written by `PeftModel.save_pretrained`.
        name: the adapter's name as the user gave it.
        model_name: the base's name as the user gave it.

    Returns:
        A `PeftModel` in evaluation mode.

    Raises:
        ModelError: not a LoRA adapter, or one for another model: missing layers, different
            shapes, weights that match no layer.
    """
    from peft import PeftModel

    facts = adapter_facts(folder)
    if facts.get("alora_invocation_tokens"):
        raise ModelError(
            f"The adapter in {name} is an activated LoRA, which works only after certain tokens; "
            "it can't be applied token by token here.",
            "Choose a LoRA adapter that is always active.",
        )
    remedy = _remedy(facts, model_name)
    model = twin(bare)
    try:
        _resize_vocabulary(model, folder)
        with _quiet(), _own_copies_when_written(model, bare) as unused:
            adapted: Any = PeftModel.from_pretrained(
                model, str(folder), use_safetensors=True, torch_device=str(bare.device)
            )
    except (RuntimeError, ValueError, KeyError, TypeError, OSError, SafetensorError) as error:
        raise ModelError(
            f"The adapter in {name} does not fit this model ({_reason(error)}).", remedy
        ) from error
    if unused.missing:
        raise ModelError(
            f"The adapter in {name} has no weights for this model's layers "
            f"({examples(unused.missing)}).",
            remedy,
        )
    if unused.surplus:
        raise ModelError(
            f"The adapter in {name} does not fit this model: it has weights that match no layer "
            f"({examples(unused.surplus)}).",
            remedy,
        )
    loaded: PreTrainedModel = adapted.eval()
    return loaded


class _Unused:
    """Names of unmatched weights after loading an adapter."""

    def __init__(self) -> None:
        self.missing: list[str] = []  # layers without weights in the file
        self.surplus: list[str] = []  # weights in the file without a layer


@contextlib.contextmanager
def _own_copies_when_written(model: PreTrainedModel, bare: PreTrainedModel) -> Iterator[_Unused]:
    """While weights are loaded into a twin, copy each of its tensors before it is overwritten."""
    found = _Unused()
    shared = {each.data_ptr() for each in (*bare.parameters(), *bare.buffers())}

    taken: set[str] = set()

    def before(module: Any, state: dict[str, Any], prefix: str, *_: Any) -> None:
        taken.update(state)
        named = dict(module.named_parameters(remove_duplicate=False))
        named.update(module.named_buffers(remove_duplicate=False))
        for key in state:
            tensor = named.get(key.removeprefix(prefix)) if key.startswith(prefix) else None
            if tensor is not None and tensor.data_ptr() in shared:
                own_copy(tensor)

    def after(_: Any, keys: Any) -> None:
        # The file holds only the adapter's weights, so the base's are always reported as missing.
        found.missing[:] = sorted(key for key in keys.missing_keys if "lora_" in key)
        found.surplus[:] = sorted(key for key in keys.unexpected_keys if not _is_copy(key, taken))

    hooks = (
        model.register_load_state_dict_pre_hook(before),
        model.register_load_state_dict_post_hook(after),
    )
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _is_copy(key: str, keys: set[str]) -> bool:
    """Whether a key is the second copy of a resized vocabulary's embeddings, which peft writes but
    does not read."""
    taken = key.replace(".modules_to_save.", ".modules_to_save.default.")
    return taken != key and taken in keys


def _resize_vocabulary(model: PreTrainedModel, folder: Path) -> None:
    """Resize a twin's embeddings to the number of rows in the adapter's file.

    Only if the file has every row of the input embeddings and of the head (or they are tied);
    otherwise missing rows would be random.

    Raises:
        SafetensorError, OSError: the file can't be read.
    """
    with safe_open(folder / ADAPTER_WEIGHTS, framework="pt") as file:
        shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    tied = head is not None and head.weight is embeddings.weight
    rows = []
    for module in (embeddings, head):
        width = list(module.weight.shape[1:]) if module is not None else []
        names = [key for key, each in model.named_modules() if each is module]
        rows.append(
            {
                shape[0]
                for key, shape in shapes.items()
                if any(key.endswith(f"{own}.weight") for own in names) and shape[1:] == width
            }
        )
    sizes = rows[0] | rows[1]
    if len(sizes) != 1 or sizes == {embeddings.weight.shape[0]}:
        return
    if tied or (rows[0] and rows[1]):
        model.resize_token_embeddings(sizes.pop(), mean_resizing=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress peft's warnings about mismatches, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    """The first few faults that an error lists, on one line, and the number of others."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    faults = [line for line in lines if not line.startswith("Error(s) in loading state_dict")]
    if isinstance(error, KeyError):
        faults = [f"it lacks {error}"]
    return examples(faults or lines or [type(error).__name__])


def _remedy(facts: dict[str, Any], model_name: str) -> str:
    base = facts.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        return "Choose an adapter that was trained on this model."
    if _last_part(base) == _last_part(model_name):
        return (
            f"It was trained on another version of {base}: get that version, or "
            "choose another adapter."
        )
    return f"It was trained on {base}: load that model with it, or choose another adapter."


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()
