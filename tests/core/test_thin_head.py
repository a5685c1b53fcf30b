"""The head of a decoding step by oneDNN: the same numbers as torch has, and only where meant."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from models import tiny_language_model
from torch import nn

from core.decoding import stepping, thin_head
from core.decoding.loop import Row, decode
from core.records import Sampler

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch has no oneDNN here"
)


class Headed:
    """A model that is nothing but a head."""

    def __init__(self, head: Any) -> None:
        self.head = head

    def get_output_embeddings(self) -> Any:
        return self.head


@pytest.fixture(autouse=True)
def small_heads_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thin_head, "_LARGE", 1)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(1, 5), (2, 5), (3, 1, 5), (256, 5), (257, 5)])
def test_the_product_is_the_same(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    head, rows = nn.Linear(5, 70, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        expected = head(rows)
        with thin_head.thin_head(Headed(head)):
            assert "forward" in vars(head)
            found = head(rows)
    assert "forward" not in vars(head), "outside, the head is its own again"
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


class Capped(nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(input).tanh()


@pytest.mark.parametrize(
    "head",
    [
        None,
        nn.Identity(),
        Capped(5, 7),  # more than a product
        nn.Linear(5, 7).bfloat16(),
        nn.Linear(5, 7).double(),
        nn.Linear(5, 7, device="meta"),
    ],
)
def test_other_heads_are_left_alone(head: Any) -> None:
    with thin_head.thin_head(Headed(head)):
        assert head is None or "forward" not in vars(head)


def test_a_small_head_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    head = nn.Linear(64, 1000)
    with thin_head.thin_head(Headed(head)):
        assert "forward" not in vars(head)


def test_an_error_leaves_the_head_as_it_was() -> None:
    head = nn.Linear(5, 7)
    with pytest.raises(RuntimeError), thin_head.thin_head(Headed(head)):
        raise RuntimeError
    assert "forward" not in vars(head)


def test_decoded_tokens_and_statistics_are_those_of_plain_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lm = tiny_language_model()
    rows = [Row(tuple(range(10, 20 + i))) for i in range(3)]
    found = decode(lm, rows, Sampler(max_new_tokens=6))
    monkeypatch.setattr(stepping, "thin_head", lambda _: nullcontext())
    plain = decode(lm, rows, Sampler(max_new_tokens=6))
    for ours, theirs in zip(found, plain, strict=True):
        assert ours.token_ids == theirs.token_ids
        assert ours.statistics.entropy == pytest.approx(theirs.statistics.entropy, abs=1e-5)
        assert ours.statistics.logprob == pytest.approx(theirs.statistics.logprob, abs=1e-5)
