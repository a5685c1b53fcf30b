"""A mark that this browser keeps, for a year, whichever session is open."""

from explorer.components.kept_mark.component import is_marked, mark

__all__ = ["is_marked", "mark"]
