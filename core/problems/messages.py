"""Chat messages in a cell: the user asks the question, the assistant gives the answer.

Two forms are supported: `{"role": "user", "content": ...}` and `{"from": "human", "value": ...}`;
content may be a list of parts, `{"type": "text", "text": ...}`.
"""

from __future__ import annotations

from typing import Any, Literal

from core.problems.cells import CellError

_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
_KEYS = (("role", "content"), ("from", "value"))
_MAX_MESSAGES = 1_000

Role = Literal["user", "assistant", "system", "tool"]


def is_chat(value: Any) -> bool:
    """Whether a value is a list of messages with known roles."""
    return (
        isinstance(value, list)
        and 0 < len(value) <= _MAX_MESSAGES
        and all(role_of(message) is not None for message in value)
    )


def role_of(message: Any) -> str | None:
    """The role of a message; None for other values."""
    if not isinstance(message, dict):
        return None
    for role, content in _KEYS:
        if isinstance(message.get(role), str) and content in message:
            return _ROLES.get(message[role].casefold())
    return None


def roles_of(chat: Any) -> list[str]:
    """The roles of a chat's messages; empty for other values."""
    return [role_of(message) or "" for message in chat] if is_chat(chat) else []


def last_message(chat: list[Any], role: Role) -> Any:
    """The text of a role's last message; None if there is none.

    Raises:
        CellError: a part of it is not text.
    """
    said = [message for message in chat if role_of(message) == role]
    if not said:
        return None
    content = next(said[-1][key] for _, key in _KEYS if key in said[-1])
    if not isinstance(content, list):
        return content
    texts: list[str] = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            kind = part.get("type") if isinstance(part, dict) else None
            raise CellError(f"has a part that is not text ({kind or type(part).__name__})")
        texts.append(text)
    return "\n".join(texts)
