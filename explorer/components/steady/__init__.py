"""Parts of a page that keep their height while something works."""

from explorer.components.steady.component import steady

__all__ = ["steady"]
