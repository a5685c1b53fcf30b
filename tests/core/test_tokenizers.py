"""Display pieces of every kind of tokenizer spell the decoded text, and no byte goes amiss."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizer_kinds import BOS, kinds
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

from core.tokens.token_text import PieceStream, TokenText

KINDS = kinds()
SHOWN = {name: TokenText(tokenizer) for name, tokenizer in KINDS.items()}
each_kind = pytest.mark.parametrize("kind", KINDS)

SNIPPETS = st.sampled_from(
    ["👩‍👩‍👧", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "你好，世界", "一", "e\u0301", "n\u0303\u0308", "שָׁלוֹם", "مرحبا",
     "नमस्ते", "\u200d", "\u202e", "\ufeff", "\ufffd", "\x00", "\r\n", "  ", " a", "<think>",
     "</think>", "<|思考|>", "<|end|>", "▁", "<0xE4>", "⟨E4⟩", "Ġ", "é", "\\boxed{64}"]
)  # fmt: skip
ANY_CHARACTER = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXTS = st.lists(SNIPPETS | ANY_CHARACTER, max_size=6).map("".join)
BRACKETS = re.compile(r"⟨[0-9A-F]{2}(?: [0-9A-F]{2})*⟩")


def encode(tokenizer: Any, text: str, *, special: bool) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=special)
    return ids


@each_kind
@settings(max_examples=250, deadline=None)
@given(text=TEXTS)
def test_joined_pieces_are_the_decoded_text(kind: str, text: str) -> None:
    show, tokenizer = SHOWN[kind], KINDS[kind]
    ids = encode(tokenizer, text, special=True)
    pieces = show.pieces(ids)
    _assume_no_byte_was_typed(text, show.decode(ids))
    assert len(pieces) == len(ids)
    assert "".join(pieces) == show.decode(ids)
    assert (show.decode(ids[:1]) == BOS) == ("BOS" in kind)
    if "byte-level" in kind or "tiktoken" in kind:
        assert "".join(pieces).removeprefix(BOS) == text


def _assume_no_byte_was_typed(text: str, decoded: str) -> None:
    """Unigram reads the name of a byte, <0xE4>, as the byte."""
    assume(decoded.count("\ufffd") == text.count("\ufffd"))


@each_kind
@settings(max_examples=100, deadline=None)
@given(prompt=TEXTS, completion=TEXTS)
def test_a_completion_reads_as_it_does_after_its_prompt(
    kind: str, prompt: str, completion: str
) -> None:
    show, tokenizer = SHOWN[kind], KINDS[kind]
    before = encode(tokenizer, f"{prompt}.", special=True)
    ids = encode(tokenizer, completion, special=False)
    whole, read = show.decode([*before, *ids]), show.decode(before)
    assert whole.startswith(read)
    _assume_no_byte_was_typed(prompt + completion, whole)
    assert "".join(show.pieces(ids, before)) == whole.removeprefix(read)


@each_kind
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_ids_at_all_are_shown_without_loss(kind: str, data: st.DataObject) -> None:
    """Models draw tokens that no text is encoded to: halves of characters, one after another."""
    show, tokenizer = SHOWN[kind], KINDS[kind]
    anything = st.integers(0, len(tokenizer) - 1)
    halves = st.sampled_from(HALVES[kind])
    ids = data.draw(st.lists(anything | halves, max_size=12))
    pieces = show.pieces(ids)
    joined, decoded = "".join(pieces), show.decode(ids)
    assert "\ufffd" not in joined
    if "\ufffd" not in decoded:
        assert joined == decoded
    elif kind in ("byte-level", "tiktoken"):
        assert BRACKETS.sub("", joined) == decoded.replace("\ufffd", "")
    else:  # of a run with a broken byte, the byte fallback decodes nothing, and we the rest
        rest = iter(BRACKETS.sub("", joined))
        assert all(sign in rest for sign in decoded.replace("\ufffd", ""))


HALVES = {
    kind: [i for i in range(len(tokenizer)) if SHOWN[kind].display(i).startswith("⟨")]
    for kind, tokenizer in KINDS.items()
}


@each_kind
def test_every_kind_has_tokens_that_are_part_of_a_character(kind: str) -> None:
    assert len(HALVES[kind]) >= 128
    assert SHOWN[kind].spells


@each_kind
@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_a_growing_chain_ends_as_the_whole(kind: str, text: str) -> None:
    show = SHOWN[kind]
    ids = encode(KINDS[kind], text, special=True)
    whole = show.pieces(ids)
    stream = PieceStream(show)
    for n, token_id in enumerate(ids, 1):
        stream.push(token_id)
        assert len(stream.pieces) == n
        assert "".join(whole).startswith("".join(stream.pieces)), "what is shown is never unsaid"
    stream.finish()
    assert stream.pieces == whole


@each_kind
def test_padding_of_the_models_vocabulary_is_shown_by_its_number(kind: str) -> None:
    show, size = SHOWN[kind], len(KINDS[kind])
    assert show.display(size) == f"⟨{size}⟩"
    ids = encode(KINDS[kind], "a cut", special=False)
    expected = [*show.pieces(ids), f"⟨{size + 40}⟩", *show.pieces(ids[:1], ids)]
    assert show.pieces([*ids, size + 40, ids[0]]) == expected


def byte_tokens(*tokens: bytes) -> PreTrainedTokenizerFast:
    """A byte-level vocabulary of just these tokens."""
    signs = bytes_to_unicode()
    vocabulary = {"".join(signs[byte] for byte in token): i for i, token in enumerate(tokens)}
    core = Tokenizer(models.BPE(vocabulary, []))
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=core)


NI, HAO = "你".encode(), "好".encode()


@pytest.mark.parametrize(
    ("tokens", "pieces"),
    [
        ([NI[:1], NI[1:2], NI[2:]], ["你", "", ""]),
        ([NI[:2], NI[2:] + HAO[:1], HAO[1:]], ["你", "好", ""]),
        ([b"a" + NI[:1], NI[1:] + b"b"], ["a你", "b"]),
        ([NI[:2], b" a"], ["⟨E4 BD⟩", " a"]),
        ([NI[:1], NI[1:2], b"a"], ["⟨E4⟩", "⟨BD⟩", "a"]),
        ([NI[:2], HAO], ["⟨E4 BD⟩", "好"]),
        ([NI[1:], NI[:1]], ["⟨BD A0⟩", "⟨E4⟩"]),
        ([b"a\xffb\xfe\xfd"], ["a⟨FF⟩b⟨FE FD⟩"]),
        ([b"\xed\xa0", b"\x80"], ["⟨ED A0⟩", "⟨80⟩"]),  # half of a surrogate pair is no text
        (["\ufffd".encode()[:1], "\ufffd".encode()[1:]], ["\ufffd", ""]),
        ([NI[:1]] * 12, ["⟨E4⟩"] * 12),
    ],
)
def test_a_character_stands_where_its_first_byte_does(
    tokens: list[bytes], pieces: list[str]
) -> None:
    vocabulary = list(dict.fromkeys(tokens))
    show = TokenText(byte_tokens(*vocabulary))
    assert show.pieces([vocabulary.index(token) for token in tokens]) == pieces
