"""Sequences that share their beginning, read in one row: as exact as each in a row of its own."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import random_qwen3, tiny_language_model

from core.lora.prefix_tree import PrefixTree, TokenRows, can_share, separate_rows

SEQUENCES = st.lists(
    st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.lists(st.integers(0, 2))),
    min_size=1,
    max_size=5,
)


def tree_of(sequences: list[tuple[list[int], list[int]]]) -> PrefixTree:
    tree = PrefixTree()
    for prompt, completion in sequences:
        expected = tree.added_by(prompt, completion)
        length = len(tree)
        tree.add(prompt, completion)
        assert len(tree) == length + expected
    return tree


@given(sequences=SEQUENCES)
def test_every_sequence_is_found_again_and_sees_itself_alone(
    sequences: list[tuple[list[int], list[int]]],
) -> None:
    tree = tree_of(sequences)
    rows = tree.rows()
    assert rows.position_ids is not None
    for (prompt, completion), places in zip(sequences, rows.places.tolist(), strict=True):
        ids = prompt + completion
        path = places[: len(ids)]
        assert rows.input_ids[0, path].tolist() == ids
        assert rows.position_ids[0, path].tolist() == list(range(len(ids)))
        assert rows.before[path].tolist() == [-1, *path[:-1]]
        for i, place in enumerate(path):
            assert rows.attention_mask[0, 0, place].nonzero().flatten().tolist() == sorted(
                path[: i + 1]
            )


@given(sequences=SEQUENCES)
def test_prompts_are_shared_as_far_as_they_are_alike_and_completions_never(
    sequences: list[tuple[list[int], list[int]]],
) -> None:
    beginnings = {tuple(p[:n]) for p, _ in sequences for n in range(1, len(p) + 1)}
    assert len(tree_of(sequences)) == len(beginnings) + sum(len(c) for _, c in sequences)


def hidden(model: torch.nn.Module, rows: TokenRows) -> list[torch.Tensor]:
    """Last hidden states (L, H) of each sequence, padding included."""
    states = model.model(**rows.arguments, use_cache=False).last_hidden_state.flatten(0, 1)
    return [states[places] for places in rows.places]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_hidden_states_and_gradients_are_those_of_separate_rows(seed: int) -> None:
    model = tiny_language_model(seed=seed).model.double()
    generator = torch.Generator().manual_seed(seed)

    def some(n: int) -> list[int]:
        return torch.randint(100, (n,), generator=generator).tolist()

    shared = some(9)
    sequences = [
        (shared, some(3)),
        (shared, some(5)),
        (shared[:6] + some(2), some(4)),
        (some(3), [1]),
    ]
    rows = [tree_of(sequences).rows(), separate_rows([a + b for a, b in sequences], 0)]
    weights = torch.randn(4, 14, model.config.hidden_size, generator=generator)
    gradients = []
    states = []
    for each in rows:
        found = hidden(model, each)
        states.append(found)
        total = sum(
            (weights[i, : len(a + b)] * found[i][: len(a + b)]).sum()
            for i, (a, b) in enumerate(sequences)
        )
        model.zero_grad()
        total.backward()
        gradients.append([p.grad.clone() for p in model.model.parameters()])
    for i, (a, b) in enumerate(sequences):
        torch.testing.assert_close(states[0][i][: len(a + b)], states[1][i][: len(a + b)])
    for one, other in zip(*gradients, strict=True):
        # norms and rotations are rounded to float32 even in a float64 model
        assert (one - other).abs().max() <= 1e-5 * other.abs().max()


def test_windows_and_other_kernels_are_not_shared() -> None:
    plain = random_qwen3(vocab_size=64)
    assert can_share(plain)
    windowed = random_qwen3(vocab_size=64)
    windowed.config.layer_types = ["sliding_attention"] * windowed.config.num_hidden_layers
    windowed.config.sliding_window = 4
    windowed.config.use_sliding_window = True
    assert not can_share(windowed)
    flash = random_qwen3(vocab_size=64)
    flash.config._attn_implementation = "flash_attention_2"
    assert not can_share(flash)


def test_padding_is_not_attended_to() -> None:
    rows = separate_rows([[5, 6, 7], [8]], pad_id=3)
    assert rows.input_ids.tolist() == [[5, 6, 7], [8, 3, 3]]
    assert rows.attention_mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert rows.places.tolist() == [[0, 1, 2], [3, 0, 0]]
