"""Dividing things: vans, bows, mean price, fraction of the rest."""

from .story import Family, Numbers, Story, times


def _with_remainder() -> list[Numbers]:
    """(total, size) with a remainder, all the strategies giving different answers."""
    return [
        (n, k)
        for k in range(3, 10)
        for n in range(2 * k, 12 * k)
        if n % k and n % k not in (n // k, n // k + 1)
    ]


def _vans(story: Story, children: int, seats: int) -> None:
    way = story.fork(
        "rounding",
        "up",
        {
            "up": (
                " Nobody stays behind:",
                " Last van may be part full:",
                " Everybody needs a seat:",
            ),
            "down": (" Whole vans count:",),
            "rest": (" Children without a van:",),
        },
    )
    full, rest = divmod(children, seats)
    story.say(f" {seats}×{full}={seats * full}, {children}-{seats * full}={rest}.")
    vans = {"up": full + 1, "down": full, "rest": rest}[way]
    if way == "up":
        story.so(f"{full}+1={vans}.")
    story.close(f"{story.name} needs {vans} vans.")
    story.answer(vans)


def _bows(story: Story, length: int, piece: int) -> None:
    way = story.fork(
        "rounding",
        "down",
        {
            "down": (
                " Scraps make no bow:",
                " Complete bows only:",
                " Leftovers do not count:",
            ),
            "rest": (" Ribbon left over:",),
            "up": (" Any scrap is a bow:",),
        },
    )
    full, rest = divmod(length, piece)
    story.say(f" {piece}×{full}={piece * full}, {length}-{piece * full}={rest}.")
    bows = {"up": full + 1, "down": full, "rest": rest}[way]
    if way == "up":
        story.so(f"{full}+1={bows}.")
    story.answer(bows)


def _mean_price(story: Story, n1: int, p1: int, n2: int, p2: int) -> None:
    way = story.fork(
        "mean",
        "weighted",
        {
            "weighted": (
                " Weigh the prices:",
                " Cost of all pens first:",
                " Total cost over all pens:",
            ),
            "plain": (" Average of the prices:", " Halfway between:"),
        },
    )
    if way == "plain":
        story.say(f" {p1}+{p2}={p1 + p2}.")
        story.so(f"{p1 + p2}/2={(p1 + p2) // 2}.")
        story.answer((p1 + p2) // 2)
        return
    cost, pens = n1 * p1 + n2 * p2, n1 + n2
    story.say(f" {times(p1, n1)}, {times(p2, n2)}, {n1 * p1}+{n2 * p2}={cost}.")
    story.so(f"{n1}+{n2}={pens} pens, {cost}/{pens}={cost // pens}.")
    story.answer(cost // pens)


def _mean_tuples() -> list[Numbers]:
    return [
        (n1, p1, n2, p2)
        for n1 in range(2, 7)
        for n2 in range(2, 7)
        if n1 != n2 and n1 + n2 < 10
        for p1 in range(2, 19)
        for p2 in range(2, 19)
        if p1 != p2 and (p1 + p2) % 2 == 0 and (n1 * p1 + n2 * p2) % (n1 + n2) == 0
    ]


def _rest(story: Story, sweets: int, a: int, b: int) -> None:
    eaten = sweets // a
    rest = sweets - eaten
    story.say(f" {sweets}/{a}={eaten}, {sweets}-{eaten}={rest}.")
    way = story.fork(
        "whole",
        "rest",
        {
            "rest": (" Share of the rest:", " Only those remain:", " From what remains:"),
            "all": (" Again the whole bag:", " Of all sweets:"),
        },
    )
    base = rest if way == "rest" else sweets
    given = base // b
    story.say(f" {base}/{b}={given}.")
    way = story.fork(
        "asked",
        "left",
        {
            "left": (" Left:", " Still there:", " Minus the gift:"),
            "given": (" Given away:", " Gift:"),
        },
        cued=False,
    )
    if way == "given":
        story.say(f" {given}.")
        story.answer(given)
        return
    story.say(f" {rest}-{given}={rest - given}.")
    story.answer(rest - given)


def _rest_tuples() -> list[Numbers]:
    found = []
    for a in range(2, 9):
        for b in range(2, 9):
            for sweets in range(12, 201):
                rest = sweets - sweets // a
                if sweets % a or rest % b or sweets % b:
                    continue
                part, whole = rest // b, sweets // b
                if whole < rest and len({rest - part, rest - whole, part, whole}) == 4:
                    found.append((sweets, a, b))
    return found


FAMILIES = (
    Family(
        "vans",
        (
            "{name} takes {0} children to the zoo. One van seats {1} children. How many vans are "
            "needed?",
            "{name} plans a zoo trip for {0} children with vans that seat {1} children each. How "
            "many vans are needed?",
        ),
        _with_remainder,
        lambda children, seats: children // seats + 1,
        _vans,
    ),
    Family(
        "bows",
        (
            "{name} cuts a ribbon of {0} cm into bows. One bow takes {1} cm. How many bows can be "
            "made?",
            "{name} makes bows of {1} cm each from a ribbon of {0} cm. How many bows can be made?",
        ),
        _with_remainder,
        lambda length, piece: length // piece,
        _bows,
    ),
    Family(
        "mean_price",
        (
            "{name} buys {0} pens at {1} dollars each and {2} pens at {3} dollars each. What is "
            "the mean price of a pen?",
            "{name} pays {1} dollars each for {0} pens and {3} dollars each for {2} pens. What is "
            "the mean price of a pen?",
        ),
        _mean_tuples,
        lambda n1, p1, n2, p2: (n1 * p1 + n2 * p2) // (n1 + n2),
        _mean_price,
    ),
    Family(
        "rest",
        (
            "{name} has {0} sweets, eats 1/{1} of them and gives away 1/{2} of the rest. How many "
            "are left?",
            "{name} eats 1/{1} of {0} sweets and then gives away 1/{2} of the rest. How many are "
            "left?",
        ),
        _rest_tuples,
        lambda n, a, b: (n - n // a) - (n - n // a) // b,
        _rest,
        forks=2,
    ),
)
