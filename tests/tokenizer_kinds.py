"""Small tokenizers of the kinds that models come with, built in memory."""

from __future__ import annotations

from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

BOS, EOS = "<|begin|>", "<|end|>"
CORPUS = [
    "Ann saws a log into 9 pieces. How many cuts? \\boxed{64}",
    "你好，世界。今天天气很好，我们一起去公园散步吧。",
    "😀😁😂🤣 👩‍👩‍👧 👍🏽 naïve café Straße",
    "שלום עולם مرحبا بالعالم नमस्ते",
    "    indented\n\n\ttabs  and   spaces",
] * 3
# As OpenAI's cl100k pattern splits: contractions, words, up to three digits, signs, line breaks.
_TIKTOKEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(*, bos: bool = False) -> PreTrainedTokenizerFast:
    """GPT-2's kind. Its merges were learned on text with many characters of several bytes, so
    tokens end and begin in the middle of characters."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return _trained_on_bytes(core, bos)


def tiktoken(*, bos: bool = False) -> PreTrainedTokenizerFast:
    """Llama 3's and Qwen's kind: bytes, split by a pattern, without signs for the bytes."""
    core = Tokenizer(models.BPE(ignore_merges=True))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_TIKTOKEN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    return _trained_on_bytes(core, bos)


def sentencepiece(*, prefix_space: bool = True, bos: bool = False) -> PreTrainedTokenizerFast:
    """Llama 2's and Gemma's kind: ▁ for spaces, <0xE4> for bytes of what has no piece."""
    words = ["▁▁", "▁a", "▁cut", "cut", "▁saw", "log", "4}", "你", "好", "é", "😀", "\n", "▁ש"]
    pieces = [*_byte_pieces(), *"▁abcdefghijklmnopqrstuvwxyz.,469ש", *words]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    merges = [("▁", "▁"), ("▁", "a"), ("▁", "ש")]
    core = Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    )
    return _with_pieces(core, prefix_space, bos)


def unigram(*, bos: bool = False) -> PreTrainedTokenizerFast:
    """SentencePiece's other model, with byte fallback."""
    pieces = dict.fromkeys(_byte_pieces(), -20.0)
    pieces |= dict.fromkeys("▁abcdefghijklmnopqrstuvwxyz,.0123456789你好", -8.0)
    pieces |= {"▁cut": -4.0, "▁saws": -4.0, "▁a": -3.0, "你好": -4.0, "▁▁": -3.0}
    core = Tokenizer(models.Unigram(list(pieces.items()), unk_id=0, byte_fallback=True))
    return _with_pieces(core, True, bos)


def with_added_tokens(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Special and ordinary tokens beside the model's own, some of them hostile."""
    tokenizer.add_tokens(
        [
            AddedToken("<think>", normalized=False),
            AddedToken("</think>", normalized=False),
            AddedToken("<|思考|>", normalized=False, special=True),
            AddedToken("<b>&amp;</b>", normalized=False),
            AddedToken("  two spaces", normalized=False),
        ]
    )
    return tokenizer


def kinds() -> dict[str, PreTrainedTokenizerFast]:
    """All of them by name."""
    return {
        "byte-level": byte_level(),
        "byte-level with BOS": byte_level(bos=True),
        "byte-level with added tokens": with_added_tokens(byte_level()),
        "tiktoken": tiktoken(),
        "tiktoken with BOS and added tokens": with_added_tokens(tiktoken(bos=True)),
        "SentencePiece": sentencepiece(),
        "SentencePiece with BOS": sentencepiece(bos=True),
        "SentencePiece without a leading space": sentencepiece(prefix_space=False),
        "SentencePiece with added tokens": with_added_tokens(sentencepiece()),
        "Unigram": unigram(),
    }


def _trained_on_bytes(core: Tokenizer, bos: bool) -> PreTrainedTokenizerFast:
    core.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=[BOS, EOS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return _wrapped(core, bos)


def _byte_pieces() -> list[str]:
    return ["<unk>", BOS, EOS, *(f"<0x{byte:02X}>" for byte in range(256))]


def _with_pieces(core: Tokenizer, prefix_space: bool, bos: bool) -> PreTrainedTokenizerFast:
    scheme = "first" if prefix_space else "never"
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    steps: list[Any] = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if prefix_space:
        steps.append(decoders.Strip(content=" ", left=1))
    core.decoder = decoders.Sequence(steps)
    core.add_special_tokens(["<unk>", BOS, EOS])
    return _wrapped(core, bos)


def _wrapped(core: Tokenizer, bos: bool) -> PreTrainedTokenizerFast:
    if bos:
        core.post_processor = processors.TemplateProcessing(
            single=f"{BOS} $A", special_tokens=[(BOS, core.token_to_id(BOS))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=BOS,
        eos_token=EOS,
        unk_token="<unk>" if core.token_to_id("<unk>") is not None else None,
    )
