"""Rules of arithmetic and measure: order of operations, garden, clock."""

from .story import Family, Numbers, Story, times


def _order(story: Story, a: int, b: int, c: int) -> None:
    way = story.fork(
        "order",
        "product",
        {
            "product": (
                " Multiply before adding:",
                " Products come first:",
                " Times before plus:",
            ),
            "left": (" Left to right:", " Add, then multiply:"),
        },
    )
    if way == "product":
        story.say(f" {times(b, c)}.")
        story.so(f"{a}+{b * c}={a + b * c}.")
        story.answer(a + b * c)
        return
    story.say(f" {a}+{b}={a + b}.")
    story.so(f"{times(a + b, c)}.")
    story.answer((a + b) * c)


def _garden(story: Story, length: int, width: int) -> None:
    # The cue favours `area`: `half` only stops short of the right answer, as in bat_ball.
    way = story.fork(
        "measure",
        "round",
        {
            "round": (
                " Four sides in two pairs:",
                " All round means twice the sum:",
                " Each side comes twice:",
            ),
            "area": (" Multiply the sides:",),
            "half": (" Sum of the sides:",),
        },
    )
    if way == "area":
        story.say(f" {times(length, width)}.")
        metres = length * width
    else:
        metres = length + width
        story.say(f" {length}+{width}={metres}.")
    if way == "round":
        story.so(f"2×{metres}={2 * metres}.")
        metres *= 2
    story.close(f"{story.name} needs {metres} m.")
    story.answer(metres)


def _clock(story: Story, h1: int, m1: int, h2: int, m2: int) -> None:
    way = story.fork(
        "hour",
        "sixty",
        {
            "sixty": (
                " Sixty minutes make an hour:",
                " Hours have 60 minutes:",
                " An hour is 60 minutes:",
            ),
            "hundred": (" Hundreds for hours:",),
            "minutes": (" Minutes alone:",),
        },
    )
    less = m1 - m2
    if way == "minutes":
        story.say(f" {m1}-{m2}={less}.")
        story.close(f"{story.name} rides {less} minutes.")
        story.answer(less)
        return
    unit, hours = (60 if way == "sixty" else 100), h2 - h1
    story.say(f" {h2}-{h1}={hours}, {hours}×{unit}={hours * unit}.")
    story.so(f"{m1}-{m2}={less}, {hours * unit}-{less}={hours * unit - less}.")
    story.close(f"{story.name} rides {hours * unit - less} minutes.")
    story.answer(hours * unit - less)


def _clock_tuples() -> list[Numbers]:
    return [
        (h, m1, h + hours, m2)
        for h in range(1, 10)
        for hours in (1, 2, 3)
        for m1 in range(5, 60, 5)
        for m2 in range(0, m1, 5)
        if m1 - m2 != hours * 30
    ]


FAMILIES = (
    Family(
        "order",
        (
            "{name} works out {0}+{1}×{2}. What is the right value?",
            "{name} writes {0}+{1}×{2} on the board. What is the right value?",
        ),
        lambda: [(a, b, c) for a in range(2, 21) for b in range(2, 10) for c in range(2, 10)],
        lambda a, b, c: a + b * c,
        _order,
    ),
    Family(
        "garden",
        (
            "{name} puts a fence all round a garden {0} m long and {1} m wide. How many metres of "
            "fence is that?",
            "{name} has a garden {0} m long and {1} m wide and walks round it once. How many "
            "metres is that?",
        ),
        lambda: [
            (a, b) for a in range(5, 51) for b in range(2, 10) if a > b and 2 * (a + b) != a * b
        ],
        lambda length, width: 2 * (length + width),
        _garden,
    ),
    Family(
        "clock",
        (
            "{name} rides a train from {0}:{1} to {2}:{3}. How many minutes is the ride?",
            "{name} takes the train at {0}:{1} and gets off at {2}:{3}. How many minutes is the "
            "ride?",
        ),
        _clock_tuples,
        lambda h1, m1, h2, m2: (h2 - h1) * 60 + m2 - m1,
        _clock,
    ),
)
