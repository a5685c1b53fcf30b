"""Text from people, files and models is shown as it is, never interpreted."""

from __future__ import annotations

import re

import pytest

from explorer.shared.messages import plain, visible

MAGIC = [
    "www.evil.com",
    "https://evil.com/x",
    "me@evil.com",
    ":material/home: :streamlit: :joy: :red[no]",
    "a -> b <- c -- d => e >= f <= g",
    "**b** _i_ `c` [l](u) ~~s~~ $x$ <b>h</b> &amp; # h",
    "C:\\path 3-1=2 100%",
]


@pytest.mark.parametrize("text", MAGIC)
def test_without_escapes_and_joiners_the_text_is_the_same(text: str) -> None:
    shown = re.sub(r"\\([^\w\s]|_)", r"\1", plain(text)).replace("\u2060", "")
    assert shown == text


@pytest.mark.parametrize("magic", ["www.", "http", "->", "<-", "--", "=>", ">=", "<=", "@evil"])
def test_no_sign_that_streamlit_would_interpret_is_left_whole(magic: str) -> None:
    unescaped = re.sub(r"\\([^\w\s]|_)", r"\1", plain(f"a {magic} b"))
    assert magic not in unescaped


def test_whitespace_tokens_can_be_told_apart() -> None:
    assert visible("  ") == "“··”"
    assert visible("    ") == "“····”"
    assert visible("\n") == "“↵”"
    assert visible(" Cuts") == "“ Cuts”"
    assert visible("\x1a") == "“\\x1a”"
