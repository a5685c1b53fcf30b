"""Fix the date that a chat template sees: "now" is a given day, at midnight."""

from __future__ import annotations

import string
from datetime import date
from typing import Any

_CLOCK = (
    "{%- macro strftime_now(format) -%}"
    "{%- set now = namespace(text='', sign='') -%}"
    "{%- for each in format -%}"
    "{%- if now.sign or each == '%' -%}{%- set now.sign = now.sign ~ each -%}"
    "{%- if now.sign in strftime_directives -%}"
    "{%- set now.text = now.text ~ strftime_directives[now.sign] -%}{%- set now.sign = '' -%}"
    "{%- endif -%}"
    "{%- else -%}{%- set now.text = now.text ~ each -%}{%- endif -%}"
    "{%- endfor -%}"
    "{{- now.text ~ now.sign -}}"
    "{%- endmacro -%}"
)
"""strftime as a Jinja macro, since transformers can't pass functions to a template: each directive
is looked up in a table."""


def asks_the_date(tokenizer: Any) -> bool:
    """Whether a tokenizer's chat template uses the date, so that its prompts change every day."""
    return "strftime_now" in str(getattr(tokenizer, "chat_template", None))


def with_date(template: str, day: date) -> dict[str, Any]:
    """Arguments for `apply_chat_template` that make `strftime_now` return a given day."""
    letters = ["%", *string.ascii_letters]
    directives = {f"%{letter}": day.strftime(f"%{letter}") for letter in letters}
    directives |= {f"%-{letter}": day.strftime(f"%-{letter}") for letter in letters}
    return {"chat_template": _CLOCK + template, "strftime_directives": directives}
