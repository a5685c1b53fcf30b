"""Prices and comparisons: discount, bat and ball, fewer than."""

from .story import Family, Numbers, Story, percent


def _discount(story: Story, price: int, d1: int, d2: int) -> None:
    way = story.fork(
        "base",
        "new_price",
        {
            "new_price": (
                " One cut after the other:",
                " Second cut uses the lower price:",
                " Lower the price twice:",
            ),
            "dollars": (" Dollars off:",),
            "add": (" Percents add up:",),
        },
    )
    if way == "dollars":
        story.say(f" {price}-{d1}={price - d1}.")
        story.so(f"{price - d1}-{d2}={price - d1 - d2}.")
        story.answer(price - d1 - d2)
        return
    if way == "add":
        off = (d1 + d2) * price // 100
        story.say(f" {d1}%+{d2}%={d1 + d2}%, {percent(d1 + d2, price)}.")
        story.so(f"{price}-{off}={price - off}.")
        story.answer(price - off)
        return
    off1 = d1 * price // 100
    mid = price - off1
    off2 = d2 * mid // 100
    story.say(f" {percent(d1, price)}, {price}-{off1}={mid}.")
    story.so(f"{percent(d2, mid)}, {mid}-{off2}={mid - off2}.")
    story.answer(mid - off2)


def _discount_tuples() -> list[Numbers]:
    found = []
    for d1 in (10, 20, 30, 40, 50):
        for d2 in (10, 20, 30, 40, 50):
            for price in range(100, 601, 10):
                mid = price - d1 * price // 100
                right, add = mid - d2 * mid // 100, price - (d1 + d2) * price // 100
                if mid % 10 == 0 and d1 + d2 < 100 and right not in (add, price - d1 - d2):
                    found.append((price, d1, d2))
    return found


def _bat_ball(story: Story, total: int, more: int) -> None:
    # The cue favours `half`: `subtract` only stops short of the right answer, so any odd word after
    # it brought the missing step, and a control that forces random tokens looked strong.
    way = story.fork(
        "split",
        "halve",
        {
            "halve": (
                " Without the extra, two balls:",
                " Extra off, then halve:",
                " Two balls plus the extra:",
            ),
            "half": (" Half each:",),
            "subtract": (" Ball is what remains:",),
        },
    )
    if way == "half":
        story.say(f" {total}/2={total // 2}.")
        story.answer(total // 2)
        return
    rest = total - more
    story.say(f" {total}-{more}={rest}.")
    if way == "halve":
        story.so(f"{rest}/2={rest // 2}.")
        rest //= 2
    story.answer(rest)


def _fewer(story: Story, own: int, less: int) -> None:
    way = story.fork(
        "direction",
        "add",
        {
            "add": (" Ravi has more:", " Fewer means Ravi is ahead:", " Add for Ravi:"),
            "subtract": (" Subtract for Ravi:", " Take away for Ravi:"),
        },
    )
    other = own + less if way == "add" else own - less
    story.say(f" {own}{'+' if way == 'add' else '-'}{less}={other}.")
    way = story.fork(
        "asked",
        "total",
        {
            "total": (" Both together:", " Sum:", " Combined:"),
            "other": (" Done:", " Just that:"),
        },
        cued=False,
    )
    if way == "other":
        story.say(f" {other}.")
        story.answer(other)
        return
    story.say(f" {own}+{other}={own + other}.")
    story.answer(own + other)


FAMILIES = (
    Family(
        "discount",
        (
            "{name} wants a bike of {0} dollars. The price drops by {1}%, then the new price drops "
            "by {2}%. What does it cost now?",
            "{name} sees a bike of {0} dollars. Its price falls by {1}%, and then that price falls "
            "by {2}%. What does it cost now?",
        ),
        _discount_tuples,
        lambda p, d1, d2: p * (100 - d1) * (100 - d2) // 10000,
        _discount,
    ),
    Family(
        "bat_ball",
        (
            "{name} pays {0} dollars for a bat and a ball. The bat costs {1} dollars more than the "
            "ball. What does the ball cost?",
            "{name} buys a bat and a ball for {0} dollars. The bat is {1} dollars dearer than the "
            "ball. What does the ball cost?",
        ),
        lambda: [
            (d + 2 * b, d)
            for d in range(10, 71, 2)
            for b in range(2, 21)
            if d != 2 * b and d + 2 * b < 100
        ],
        lambda total, more: (total - more) // 2,
        _bat_ball,
    ),
    Family(
        "fewer",
        (
            "{name} has {0} stickers, {1} fewer than Ravi. How many do the two have?",
            "{name} owns {0} stickers. That is {1} fewer than Ravi owns. How many do the two have?",
        ),
        lambda: [(a, d) for a in range(14, 46) for d in range(3, min(a - 2, 26))],
        lambda own, less: 2 * own + less,
        _fewer,
        forks=2,
    ),
)
