"""The key `?`, on the whole page."""

from explorer.components.help_key.component import help_key

__all__ = ["help_key"]
