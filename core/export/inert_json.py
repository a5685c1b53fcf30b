"""JSON inside a page, in which no character can end an element or begin one."""

from __future__ import annotations

from typing import Any

from core.system.json_text import json_text


def inert_json(data: Any) -> str:
    """JSON for a script element: `<`, `>` and `&` as escapes, so that nothing in it is markup."""
    text = json_text(data, compact=True)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
