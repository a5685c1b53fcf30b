"""Loading: real Hugging Face folders and adapters, and a clear word on what can't be loaded."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from models import byte_level_tokenizer, random_qwen3, save_tiny_model
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from core.decoding.loop import Row, decode
from core.errors import ModelError
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.records import Sampler

GREEDY = Sampler(max_new_tokens=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def save_adapter(folder: Path, *, hidden: int = 32, layers: int = 2) -> Path:
    """A LoRA adapter with weights that are not zero."""
    model = random_qwen3(320, hidden=hidden, layers=layers)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"]))
    torch.manual_seed(1)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=2.0)
    adapted.save_pretrained(folder)
    return folder


def test_a_local_folder_loads_with_all_it_says_of_itself(folder: Path) -> None:
    lm = load_language_model(ModelSpec(str(folder)))
    assert (lm.context_length, lm.vocab_size, lm.dtype) == (512, 320, "float32")
    assert lm.eos_ids == {0}
    assert lm.shares_prefixes
    assert lm.name == str(folder)
    assert not lm.model.training


def test_an_adapter_changes_the_model_and_forgets_nothing(folder: Path, tmp_path: Path) -> None:
    adapter = save_adapter(tmp_path / "adapter")
    base = load_language_model(ModelSpec(str(folder)))
    tuned = load_language_model(ModelSpec(str(folder), str(adapter)))
    row = Row((5, 6, 7, 8))
    (a,), (b,) = decode(base, [row], GREEDY), decode(tuned, [row], GREEDY)
    assert a.statistics.entropy[0] != pytest.approx(b.statistics.entropy[0], abs=1e-3)
    out = tuned.model.generate(
        input_ids=torch.tensor([[5, 6, 7, 8]]),
        attention_mask=torch.ones(1, 4, dtype=torch.long),
        max_new_tokens=12,
        do_sample=False,
        pad_token_id=0,
    )
    assert list(b.token_ids) == out[0, 4:].tolist()


def test_a_small_model_runs_on_one_thread(folder: Path) -> None:
    lm = load_language_model(ModelSpec(str(folder)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        decode(lm, [Row((5, 6))], GREEDY)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def broken(folder: Path, tmp_path: Path, what: str) -> ModelSpec:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    weights = copy / "model.safetensors"
    match what:
        case "missing folder":
            return ModelSpec(str(tmp_path / "nowhere" / "model"))
        case "no weights":
            weights.unlink()
        case "pickle only":
            weights.unlink()
            torch.save({}, copy / "pytorch_model.bin")
        case "no config":
            (copy / "config.json").unlink()
        case "broken config":
            (copy / "config.json").write_text("{")
        case "unknown architecture":
            (copy / "config.json").write_text(json.dumps({"model_type": "no_such_thing"}))
        case "broken weights":
            weights.write_bytes(b"\x10\x00\x00\x00")
        case "no tokenizer":
            for file in copy.glob("tokenizer*"):
                file.unlink()
        case "hub, offline":
            return ModelSpec("nobody/no-such-model")
        case "path that climbs":
            return ModelSpec("../../no/such/place")
        case "device":
            return ModelSpec(str(copy), device="warp")
        case "dtype":
            return ModelSpec(str(copy), dtype="float7")
        case "remote code":
            (copy / "config.json").write_text(
                json.dumps({"model_type": "mine", "auto_map": {"AutoConfig": "mine.C"}})
            )
            (copy / "mine.py").write_text("raise SystemExit('remote code ran')")
    return ModelSpec(str(copy))


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("missing folder", "no model folder"),
        ("no weights", "no weights"),
        ("pickle only", "pickle"),
        ("no config", "config.json"),
        ("broken config", "can't be loaded"),
        ("unknown architecture", "can't be loaded"),
        ("broken weights", "can't be loaded"),
        ("no tokenizer", "no tokenizer"),
        ("hub, offline", "hub can't be reached"),
        ("path that climbs", "no model folder"),
        ("device", "no device"),
        ("dtype", "no dtype"),
        ("remote code", "code of its own"),
    ],
)
def test_what_can_not_be_loaded_says_why_and_what_to_do(
    folder: Path, tmp_path: Path, what: str, says: str
) -> None:
    with pytest.raises(ModelError) as caught:
        load_language_model(broken(folder, tmp_path, what))
    assert says in caught.value.what
    assert caught.value.remedy


def broken_adapter(tmp_path: Path, what: str) -> Path:
    match what:
        case "of a wider model":
            return save_adapter(tmp_path / "a", hidden=64)
        case "for layers that are not there":
            adapter = save_adapter(tmp_path / "a")
            config = json.loads((adapter / "adapter_config.json").read_text())
            config["target_modules"] = ["c_attn"]
            (adapter / "adapter_config.json").write_text(json.dumps(config))
            return adapter
        case "with renamed weights":
            adapter = save_adapter(tmp_path / "a")
            weights = adapter / "adapter_model.safetensors"
            save_file({f"other.{k}": v for k, v in load_file(weights).items()}, weights)
            return adapter
        case "of a deeper model":
            return save_adapter(tmp_path / "a", layers=4)
        case "that is a prompt":
            adapter = save_adapter(tmp_path / "a")
            config = json.loads((adapter / "adapter_config.json").read_text())
            config["peft_type"] = "PROMPT_TUNING"
            (adapter / "adapter_config.json").write_text(json.dumps(config))
            return adapter
        case "without weights":
            adapter = save_adapter(tmp_path / "a")
            (adapter / "adapter_model.safetensors").unlink()
            return adapter
        case "pickled":
            adapter = save_adapter(tmp_path / "a")
            (adapter / "adapter_model.safetensors").unlink()
            torch.save({}, adapter / "adapter_model.bin")
            return adapter
    return tmp_path / "nowhere"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("of a wider model", "does not fit"),
        ("for layers that are not there", "does not fit"),
        ("with renamed weights", "no weights for this model's layers"),
        ("of a deeper model", "does not fit"),
        ("that is a prompt", "not LoRA"),
        ("without weights", "no weights"),
        ("pickled", "pickle"),
        ("missing", "no adapter"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    folder: Path, tmp_path: Path, what: str, says: str
) -> None:
    adapter = broken_adapter(tmp_path, what)
    with pytest.raises(ModelError, match=says):
        load_language_model(ModelSpec(str(folder), str(adapter)))


def test_a_damaged_tokenizer_is_said(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    data = json.loads((folder / "tokenizer.json").read_text())
    data["model"]["vocab"].pop("".join(data["model"]["merges"][0]))
    (folder / "tokenizer.json").write_text(json.dumps(data))
    with pytest.raises(ModelError, match="is damaged"):
        load_language_model(ModelSpec(str(folder)))


def test_models_that_are_loaded_at_once_are_whole(tmp_path: Path) -> None:
    """transformers changes torch and itself for the whole process while it loads."""
    tied = random_qwen3(320)
    tied.config.tie_word_embeddings = True
    tied.tie_weights()
    tied.save_pretrained(tmp_path)
    byte_level_tokenizer().save_pretrained(tmp_path)

    def load(_: int) -> bool:
        model = load_language_model(ModelSpec(str(tmp_path))).model
        return bool(torch.equal(model.lm_head.weight, model.model.embed_tokens.weight))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(load, range(24)))
