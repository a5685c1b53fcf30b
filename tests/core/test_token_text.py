"""What the screen shows of tokens is the text, with nothing lost, doubled or interpreted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import byte_level_tokenizer
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.tokens.token_text import PieceStream, TokenText


def byte_fallback_tokenizer() -> PreTrainedTokenizerFast:
    """As SentencePiece models have it: ▁ for spaces, <0xE4> for bytes of unknown characters."""
    words = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words += ["▁", "a", "▁a", "▁cuts", "b", "\n", ".", "▁▁"]
    core = Tokenizer(
        models.BPE(
            vocab={word: i for i, word in enumerate(words)},
            merges=[("▁", "a"), ("▁", "▁")],
            unk_token="<unk>",
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    core.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", unk_token="<unk>")


class OwnTokenizer:
    """A tokenizer of somebody's own, of which nothing is known but what it decodes."""

    backend_tokenizer = None

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer

    def __len__(self) -> int:
        return len(self._tokenizer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


KINDS = {
    "byte-level": byte_level_tokenizer(),
    "byte-fallback": byte_fallback_tokenizer(),
    "one's own": OwnTokenizer(byte_level_tokenizer()),
}
each_kind = pytest.mark.parametrize("tokenizer", KINDS.values(), ids=KINDS.keys())


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


@each_kind
@settings(max_examples=400, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_joined_pieces_are_the_decoded_text(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    if "\ufffd" in text:
        return
    show = TokenText(tokenizer)
    ids = encode(tokenizer, text)
    pieces = show.pieces(ids)
    assert len(pieces) == len(ids)
    assert "".join(pieces) == show.decode(ids)


@each_kind
@pytest.mark.parametrize("text", ["你好", "a 😀 b", "naïve 一二三 👩‍👩‍👧"])
def test_a_character_split_over_tokens_is_shown_once_on_its_first_token(
    tokenizer: PreTrainedTokenizerBase, text: str
) -> None:
    show = TokenText(tokenizer)
    ids = encode(tokenizer, text)
    pieces = show.pieces(ids)
    assert "".join(pieces).strip() == text
    assert "" in pieces, "some character is split"
    assert all(text.count(char) == sum(char in piece for piece in pieces) for char in "你好😀二")


def test_a_completion_keeps_its_leading_space_after_a_prompt() -> None:
    tokenizer = KINDS["byte-fallback"]
    show = TokenText(tokenizer)
    ids = encode(tokenizer, "a a")
    assert show.pieces(ids[1:], before=ids[:1]) == [" a"]
    assert show.display(ids[1]) == " a"


def test_part_of_a_character_on_its_own_is_shown_as_bytes() -> None:
    for name in ("byte-level", "byte-fallback"):
        ids = encode(KINDS[name], "b你")
        assert TokenText(KINDS[name]).display(ids[-1]) in ("⟨A0⟩", "⟨BD A0⟩"), name


def test_a_character_that_never_ends_is_shown_when_the_chain_does() -> None:
    tokenizer = KINDS["byte-level"]
    show = TokenText(tokenizer)
    ids = encode(tokenizer, "a你")[:-1]
    stream = PieceStream(show)
    for token_id in ids:
        stream.push(token_id)
    assert stream.pieces[0] == "a"
    assert set(stream.pieces[1:]) == {""}
    stream.finish()
    assert stream.pieces[1].startswith("⟨E4")


@each_kind
def test_a_broken_character_does_not_swallow_what_follows(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    show = TokenText(tokenizer)
    broken = encode(tokenizer, "b你")[:-1]
    after = encode(tokenizer, "b a")[-1:]
    pieces = show.pieces([*broken, *after])
    assert "".join(pieces[:2]).strip().startswith("b")
    assert pieces[-2].startswith(("⟨", "\ufffd"))
    assert pieces[-1] == show.display(after[0])


def test_streaming_gives_the_pieces_of_the_whole() -> None:
    tokenizer = KINDS["byte-level"]
    show = TokenText(tokenizer)
    ids = encode(tokenizer, "To start, 你好 😀 there.")
    stream = PieceStream(show)
    for n, token_id in enumerate(ids, 1):
        stream.push(token_id)
        assert len(stream.pieces) == n
    stream.finish()
    assert stream.pieces == show.pieces(ids)


def test_markup_and_special_tokens_are_text_like_any_other() -> None:
    tokenizer = byte_level_tokenizer()
    hostile = ["<script>alert(1)</script>", "&amp;", "<|im_end|>"]
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in hostile])
    show = TokenText(tokenizer)
    ids = [tokenizer.convert_tokens_to_ids(text) for text in hostile]
    assert show.pieces(ids) == hostile
    assert [show.display(i) for i in ids] == hostile
    assert show.display(tokenizer.eos_token_id) == "<eos>"


def test_an_id_beyond_the_tokenizer_is_shown_as_its_number() -> None:
    tokenizer = byte_level_tokenizer()
    show = TokenText(tokenizer)
    beyond = len(tokenizer) + 3
    assert show.display(beyond) == f"⟨{beyond}⟩"
    assert show.pieces([beyond]) == [f"⟨{beyond}⟩"]
