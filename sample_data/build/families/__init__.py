"""Fourteen families of word problems, each with one right strategy and classic misconceptions."""

from . import counting, prices, rules, sharing
from .story import NAMES, Choice, Decks, Family, Numbers, Story, bucket, percent, times

FAMILIES: tuple[Family, ...] = (
    counting.FAMILIES + sharing.FAMILIES + prices.FAMILIES + rules.FAMILIES
)

__all__ = [
    "FAMILIES",
    "NAMES",
    "Choice",
    "Decks",
    "Family",
    "Numbers",
    "Story",
    "bucket",
    "percent",
    "times",
]
