"""The wordings of the word problems, a file a level."""

from wordings import level_1, level_2, level_3, level_4, level_5
from wordings.group import Group

GROUPS: tuple[Group, ...] = (
    *level_1.GROUPS,
    *level_2.GROUPS,
    *level_3.GROUPS,
    *level_4.GROUPS,
    *level_5.GROUPS,
)
