"""The words of the word problems: people, things, and how a wording becomes a question."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

SHE = "Anna Bella Clara Daisy Elena Fatima Grace Hana Ines Julia Kira Leila Maria Nina Olga Petra"
HE = "Adam Ben Carlos David Emil Farid George Hugo Ivan Jamal Kenji Liam Marco Noah Oscar Pablo"
PRONOUNS = {
    **dict.fromkeys(SHE.split(), ("she", "her", "her")),
    **dict.fromkeys(HE.split(), ("he", "him", "his")),
}
"""Subject, object and possessive of every name."""

THINGS = {
    "toy/toys": "marble/marbles, sticker/stickers, pencil/pencils, shell/shells, "
    "postcard/postcards, stamp/stamps, bead/beads, toy car/toy cars, crayon/crayons, "
    "button/buttons, key ring/key rings, badge/badges, comic book/comic books, puppet/puppets",
    "fruit/fruits": "apple/apples, orange/oranges, pear/pears, lemon/lemons, peach/peaches, "
    "banana/bananas, plum/plums, tomato/tomatoes, mango/mangoes, strawberry/strawberries",
    "treat/treats": "cookie/cookies, muffin/muffins, cupcake/cupcakes, bun/buns, waffle/waffles, "
    "pancake/pancakes, pastry/pastries, doughnut/doughnuts, brownie/brownies",
    "animal/animals": "sheep/sheep, goat/goats, cow/cows, horse/horses, goose/geese, pig/pigs, "
    "rabbit/rabbits, donkey/donkeys, pony/ponies",
    "flower/flowers": "tulip/tulips, rose/roses, daisy/daisies, lily/lilies, "
    "sunflower/sunflowers, violet/violets, poppy/poppies",
}
"""Things by the word that stands for them in a wording; each as singular/plural."""

FIELD = re.compile(r"\{(\w+)(?:([ :])([^{}]+))?\}")
"""`{name}`, or a number with its noun `{a boy/boys}`, or only the noun or verb `{a:is/are}`."""


def draw_words(rng: random.Random) -> dict[str, str]:
    """Two people with the first one's pronouns, and one thing of every kind."""
    name, friend = rng.sample(list(PRONOUNS), 2)
    he, him, his = PRONOUNS[name]
    words = {"name": name, "friend": friend, "he": he, "him": him, "his": his}
    words |= {"He": he.capitalize(), "His": his.capitalize()}
    for kind, things in THINGS.items():
        words |= zip(kind.split("/"), rng.choice(things.split(", ")).split("/"), strict=True)
    return words


def render(text: str, numbers: Mapping[str, int], words: Mapping[str, str]) -> str:
    """The question that a wording becomes; nouns and verbs agree with their numbers."""

    def replaced(field: re.Match[str]) -> str:
        name, sign, forms = field.groups()
        if name not in numbers:
            return words[name]
        if sign is None:
            return str(numbers[name])
        form = _form(forms, numbers[name])
        form = re.sub(r"\w+", lambda word: words.get(word[0], word[0]), form)
        return form if sign == ":" else f"{numbers[name]} {form}"

    return FIELD.sub(replaced, text)


def _form(forms: str, number: int) -> str:
    """One of `singular/plural`; a word for a kind of things, such as `toys`, has both in it."""
    if "/" in forms:
        return forms.split("/")[number != 1]
    singular = {many: one for one, many in (kind.split("/") for kind in THINGS)}
    return " ".join(singular.get(word, word) if number == 1 else word for word in forms.split())
