"""`auto` on a processor: bfloat16 where it is measured to be faster; a run keeps what it took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from test_kind import files, prepare
from toy_kind import LENGTHS
from transformers import GPT2Config, LlamaConfig, MambaConfig

from core.models import placement
from core.models.facts import read_facts
from core.models.placement import place
from core.models.precision import CLEARLY, ProductTimes, auto_on_processor, product_times
from core.models.spec import ModelSpec
from core.runs.context import DONE, STOPPED, RunContext, carry_out
from core.runs.models import PRECISION

WIDE = LlamaConfig(hidden_size=576, intermediate_size=1536, num_attention_heads=9)
NARROW = LlamaConfig(hidden_size=256, intermediate_size=1024, num_attention_heads=4)


def choice(config: Any, float32: float, bfloat16: float) -> tuple[torch.dtype, str]:
    taken = auto_on_processor(config, lambda *_: ProductTimes(float32, bfloat16))
    return taken.dtype, taken.reason


@pytest.mark.parametrize(
    ("float32", "bfloat16", "dtype", "says"),
    [
        (0.001, 0.020, torch.float32, "bfloat16 products take 20 times as long"),
        (0.010, 0.012, torch.float32, "take 1.2 times as long"),
        (0.010, 0.009, torch.float32, "are only 1.1 times as fast"),
        (0.010, 0.004, torch.bfloat16, "on this processor its products are 2.5 times as fast"),
    ],
)
def test_bfloat16_is_taken_where_its_products_are_clearly_faster(
    float32: float, bfloat16: float, dtype: torch.dtype, says: str
) -> None:
    taken, reason = choice(WIDE, float32, bfloat16)
    assert taken == dtype
    assert says in reason


def test_the_limit_itself_is_clear_enough() -> None:
    assert choice(WIDE, CLEARLY, 1.0)[0] == torch.bfloat16
    assert choice(WIDE, CLEARLY - 0.01, 1.0)[0] == torch.float32


def test_a_narrow_model_is_float32_without_a_measurement() -> None:
    def never(*_: int) -> ProductTimes:
        raise AssertionError("measured")

    for config in (NARROW, MambaConfig(hidden_size=32)):
        taken = auto_on_processor(config, never)
        assert taken.dtype == torch.float32
        assert "too narrow" in taken.reason


@pytest.mark.parametrize(
    ("config", "shape"), [(WIDE, (576, 1536)), (GPT2Config(n_embd=768), (768, 4 * 768))]
)
def test_products_of_the_models_own_shape_are_measured(config: Any, shape: Any) -> None:
    asked = []

    def measure(*given: int) -> ProductTimes:
        asked.append(given)
        return ProductTimes(1.0, 1.0)

    auto_on_processor(config, measure)
    assert asked == [shape]


def test_a_processor_is_measured_once() -> None:
    product_times.cache_clear()
    times = product_times(512, 600)
    assert 0 < times.float32 < 60
    assert 0 < times.bfloat16 < 60
    assert product_times(512, 600) is times


def measured(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """A processor on which `auto` takes this dtype for any model."""
    from core.models.precision import Precision

    monkeypatch.setattr(placement, "auto_on_processor", lambda _: Precision(dtype, "as measured"))


def test_model_facts_say_why(tiny_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModelSpec(tiny_model, device="cpu")
    assert "float32: this model is too narrow" in dict(read_facts(spec).rows())["precision"]
    measured(monkeypatch, torch.bfloat16)
    facts = read_facts(spec)
    assert facts.dtype == "bfloat16"
    assert dict(facts.rows())["precision"] == "bfloat16: as measured"
    chosen = place("cpu", "float32", "none", WIDE)
    assert (chosen.dtype, chosen.reason) == (torch.float32, None)


def test_a_resumed_run_keeps_the_precision_that_it_began_with(
    tiny_model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    solve = LENGTHS.solve

    def watched(models: Any, *rest: Any) -> Any:
        taken.append(models.base.dtype)
        return solve(models, *rest)

    kind = type(LENGTHS)(**{**vars(LENGTHS), "solve": watched})
    run = prepare(tmp_path, tiny_model)
    measured(monkeypatch, torch.bfloat16)

    def stopping(work: RunContext) -> None:
        keep = work.keep

        def keep_one(key: str, result: Any) -> None:
            keep(key, result)
            work.stop.request()

        work.keep = keep_one  # type: ignore[method-assign]
        kind.carry_out(work)

    assert carry_out(run, stopping, bar=False) != DONE
    assert json.loads((run.folder / PRECISION).read_text()) == {tiny_model: "bfloat16"}
    config = (run.folder / "config.json").read_bytes()
    measured(monkeypatch, torch.float32)  # now the processor is found slow
    assert carry_out(run, kind.carry_out, bar=False) == DONE
    assert set(taken) == {"bfloat16"}
    assert (run.folder / "config.json").read_bytes() == config
    assert len(files(run)) == 2


def test_a_run_begun_before_there_was_a_record_stays_in_float32(
    tiny_model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare(tmp_path, tiny_model)

    def first_unit(work: RunContext) -> None:
        work.keep("earlier", {})

    assert carry_out(run, first_unit, bar=False) == DONE
    measured(monkeypatch, torch.bfloat16)
    assert carry_out(run, LENGTHS.carry_out, bar=False) == DONE
    assert not (run.folder / PRECISION).exists()


def test_a_damaged_record_is_named(tiny_model: str, tmp_path: Path, capsys: Any) -> None:
    run = prepare(tmp_path, tiny_model)
    (run.folder / PRECISION).write_text(json.dumps({tiny_model: "float7"}))
    assert carry_out(run, LENGTHS.carry_out, bar=False) == STOPPED
    assert PRECISION in capsys.readouterr().err
