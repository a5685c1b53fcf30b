"""Products of few rows by oneDNN: the same numbers as torch has, and only where they are meant."""

from __future__ import annotations

import pytest
import torch
from models import byte_level_tokenizer
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from core.decoding import stepping, thin_products
from core.decoding.loop import Row, decode
from core.decoding.thin_products import ThinProducts
from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec
from core.records import Sampler

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch has no oneDNN here"
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the products that oneDNN was given."""
    counts: list[int] = []
    is_thin = thin_products._is_thin

    def watched(rows: torch.Tensor, weight: torch.Tensor) -> bool:
        thin = is_thin(rows, weight)
        if thin:
            counts.append(rows.numel() // rows.shape[-1])
        return thin

    monkeypatch.setattr(thin_products, "_is_thin", watched)
    return counts


@pytest.mark.parametrize("bias", [None, torch.arange(7.0)])
@pytest.mark.parametrize("shape", [(2, 5), (3, 1, 5), (256, 5)])
def test_a_product_of_few_rows_is_the_same(
    asked: list[int], shape: tuple[int, ...], bias: torch.Tensor | None
) -> None:
    torch.manual_seed(0)
    rows, weight = torch.randn(shape), torch.randn(7, 5)
    expected = functional.linear(rows, weight, bias)
    with torch.inference_mode(), ThinProducts():
        found = functional.linear(rows, weight, bias)
    assert len(asked) == 1
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "weight"),
    [
        (torch.ones(1, 5), torch.ones(7, 5)),  # a matrix-vector product
        (torch.ones(257, 5), torch.ones(7, 5)),
        (torch.ones(5), torch.ones(7, 5)),
        (torch.ones(2, 5).bfloat16(), torch.ones(7, 5).bfloat16()),
        (torch.ones(2, 5).double(), torch.ones(7, 5).double()),
        (torch.ones(2, 5), torch.ones(5, 7).t()),
    ],
)
def test_other_products_are_left_to_torch(
    asked: list[int], rows: torch.Tensor, weight: torch.Tensor
) -> None:
    with torch.inference_mode(), ThinProducts():
        found = functional.linear(rows, weight)
    assert not asked
    assert bool((found == 5).all())


def model(width: int) -> LanguageModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320,
        hidden_size=width,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    return wrap(ModelSpec("tiny"), LlamaForCausalLM(config).eval(), byte_level_tokenizer())


def test_a_wide_model_decodes_the_tokens_and_statistics_of_plain_products(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = model(512)
    rows = [Row(tuple(range(10, 20 + i))) for i in range(3)]
    found = decode(lm, rows, Sampler(max_new_tokens=6))
    assert set(asked) == {3}
    count = len(asked)
    monkeypatch.setattr(stepping, "thin_products", lambda *_: torch.no_grad())
    plain = decode(lm, rows, Sampler(max_new_tokens=6))
    assert len(asked) == count
    for ours, theirs in zip(found, plain, strict=True):
        assert ours.token_ids == theirs.token_ids
        assert ours.statistics.entropy == pytest.approx(theirs.statistics.entropy, abs=1e-5)
        assert ours.statistics.logprob == pytest.approx(theirs.statistics.logprob, abs=1e-5)


def test_a_narrow_model_is_left_alone(asked: list[int]) -> None:
    decode(model(64), [Row((1, 2, 3))] * 2, Sampler(max_new_tokens=3))
    assert not asked
