"""`fork-explorer adapter merge`: the merged model says what base and adapter say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from adapter_kinds import IDS, KINDS, RESIZED, logits_of, plain_base, save_adapter, save_base
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.models.language_model import load_language_model
from core.models.spec import DEMO_FOLDER, DEMO_TEACHER, ModelSpec

needs_demo = pytest.mark.skipif(not DEMO_FOLDER.is_dir(), reason="no demo model built")
CLOSE = 1e-4
"""Largest difference of logits in float32, where they are about 1 to 10."""


@pytest.fixture(scope="module", params=[True, False], ids=["tied head", "head of its own"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("merge") / "base", request.param)


def name_base(adapter: Path, name: str) -> Path:
    config = adapter / "adapter_config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": name})
    )
    return adapter


def merged_logits(folder: Path) -> torch.Tensor:
    """Of the written folder, by plain transformers."""
    model, found = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]
    return logits_of(model.eval())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_adapter_merges_into_what_it_said_on_its_base(
    base: Path, kind: str, tmp_path: Path, run: Any
) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", kind)
    wanted = logits_of(PeftModel.from_pretrained(plain_base(base, kind), str(adapter)).eval())
    code, out, err = run("adapter", "merge", adapter, "-o", tmp_path / "merged")
    assert (code, out) == (0, f"{tmp_path / 'merged'}\n"), err
    found = merged_logits(tmp_path / "merged")
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() < CLOSE
    plain = logits_of(plain_base(base))
    assert (found[..., : plain.shape[-1]] - plain).abs().max() > 100 * CLOSE, "it changes something"
    files = {path.name for path in (tmp_path / "merged").iterdir()}
    assert files >= {"model.safetensors", "config.json", "tokenizer.json", "README.md"}
    assert not [name for name in files if name.startswith("adapter")]


def test_a_merged_model_is_one_that_the_explorer_loads(
    base: Path, tmp_path: Path, run: Any
) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", "plain")
    assert run("adapter", "merge", adapter, "-o", tmp_path / "merged")[0] == 0
    lm = load_language_model(ModelSpec(str(tmp_path / "merged")))
    both = load_language_model(ModelSpec(str(base), str(adapter)))
    assert (logits_of(lm.model) - logits_of(both.model)).abs().max() < CLOSE
    text = "9 pieces, <8 cuts"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert tokenizer(text).input_ids == both.tokenizer(text).input_ids


@pytest.mark.parametrize(("asked", "stored"), [(None, "bfloat16"), ("float16", "float16")])
def test_weights_have_the_precision_of_the_base_or_the_one_asked_for(
    asked: str | None, stored: str, tmp_path: Path, run: Any
) -> None:
    base = save_base(tmp_path / "base", True)
    adapter = save_adapter(base, tmp_path / "adapter", "plain")
    model = plain_base(base).to(torch.bfloat16)
    model.save_pretrained(base)
    options = [] if asked is None else ["--precision", asked]
    assert run("adapter", "merge", adapter, "-o", tmp_path / "merged", *options)[0] == 0
    weights = load_file(tmp_path / "merged" / "model.safetensors")
    assert {str(each.dtype) for each in weights.values()} == {f"torch.{stored}"}
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == stored
    # Once rounded: each weight is the float32 sum, to the nearest value of its precision.
    exact = PeftModel.from_pretrained(model.float(), str(adapter)).merge_and_unload().state_dict()
    dtype = getattr(torch, stored)
    for name, weight in weights.items():
        assert torch.equal(weight, exact[name].to(dtype)), name


@needs_demo
def test_the_demo_s_teacher_merges_by_its_name(tmp_path: Path, run: Any) -> None:
    code, _, err = run(
        "adapter", "merge", DEMO_TEACHER, "-o", tmp_path / "merged", "--precision", "float32"
    )
    assert code == 0, err
    both = load_language_model(ModelSpec(adapter=DEMO_TEACHER))
    assert (merged_logits(tmp_path / "merged") - logits_of(both.model)).abs().max() < 1e-3
    card = (tmp_path / "merged" / "README.md").read_text()
    assert "Teaching model" in card
    assert "base_model" not in card, "the demo is not on the hub"


def test_another_base_is_refused_in_words(base: Path, tmp_path: Path, run: Any) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", "plain")
    other = Path(shutil.copytree(base, tmp_path / "other"))
    merge = ("adapter", "merge", adapter, "-o", tmp_path / "merged")
    code, out, err = run(*merge, "--model", other)
    assert (code, out) == (2, "")
    assert f"was trained on {base}, and {other} is another model. Leave --model out" in err
    assert not (tmp_path / "merged").exists()
    assert run(*merge, "--model", other, "--renamed-base")[0] == 0


def test_a_base_of_another_shape_is_refused_in_words(base: Path, tmp_path: Path, run: Any) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", "plain")
    weights = load_file(adapter / "adapter_model.safetensors")
    for name in [each for each in weights if "lora_A" in each]:
        weights[name] = weights[name][:, :16].contiguous()
    save_file(weights, adapter / "adapter_model.safetensors")
    code, _, err = run("adapter", "merge", adapter, "-o", tmp_path / "merged")
    assert (code, "does not fit this model" in err) == (2, True)


def test_quantised_weights_are_refused_in_words(base: Path, tmp_path: Path, run: Any) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", "plain")
    packed = Path(shutil.copytree(base, tmp_path / "base"))
    config = json.loads((packed / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (packed / "config.json").write_text(json.dumps(config))
    name_base(adapter, str(packed))
    code, _, err = run("adapter", "merge", adapter, "-o", tmp_path / "merged")
    assert code == 2
    assert "stored quantised, and a merged model would be rounded a second time. Publish" in err


def test_weights_that_are_not_finite_are_refused_in_words(
    base: Path, tmp_path: Path, run: Any
) -> None:
    adapter = save_adapter(base, tmp_path / "adapter", "plain")
    weights = load_file(adapter / "adapter_model.safetensors")
    name = next(each for each in weights if "lora_B" in each)
    weights[name][0, 0] = torch.nan
    save_file(weights, adapter / "adapter_model.safetensors")
    code, _, err = run("adapter", "merge", adapter, "-o", tmp_path / "merged")
    assert code == 2
    assert "not finite numbers" in err
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("full", "holds something already"),
        ("no base", "doesn't name its base. Give the base with --model"),
        ("no adapter", "adapter_config.json is missing"),
        ("dtype", "Models have no dtype 'int3'"),
    ],
)
def test_what_can_not_be_merged_is_said(
    base: Path, case: str, says: str, tmp_path: Path, run: Any
) -> None:
    adapter, out = save_adapter(base, tmp_path / "adapter", "plain"), tmp_path / "merged"
    options = ["--precision", "int3"] if case == "dtype" else []
    if case == "full":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    if case == "no base":
        name_base(adapter, "")
    if case == "no adapter":
        (adapter / "adapter_config.json").unlink()
    code, _, err = run("adapter", "merge", adapter, "-o", out, *options)
    assert (code, says in err) == (2, True), err
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_resized_vocabulary_is_among_the_kinds() -> None:
    assert RESIZED in KINDS
    assert IDS.max() < 320
