"""Counting things in a row: fence, avenue, pages, saw."""

from .story import Family, Numbers, Story, times


def _spaced() -> list[Numbers]:
    return [(gap * n, gap) for gap in range(2, 10) for n in range(4, 46)]


def _fence(story: Story, length: int, gap: int) -> None:
    way = story.fork(
        "posts",
        "one_more",
        {
            "one_more": (
                " Posts are one more than gaps:",
                " Both ends count:",
                " Remember the first post:",
            ),
            "inner": (" Inside posts only:",),
            "gaps": (" Every gap has its post:",),
        },
    )
    gaps = length // gap
    story.say(f" {length}/{gap}={gaps} gaps.")
    posts = {"one_more": gaps + 1, "gaps": gaps, "inner": gaps - 1}[way]
    if way != "gaps":
        story.so(f"{gaps}{'+' if way == 'one_more' else '-'}1={posts}.")
    story.close(f"{story.name} needs {posts} posts.")
    story.answer(posts)


def _avenue(story: Story, length: int, gap: int) -> None:
    way = story.fork(
        "ends",
        "one_more",
        {
            "one_more": (
                " Start lamp included:",
                " One lamp more than spaces:",
                " With both ends:",
            ),
            "spaces": (" Just the spaces:", " A lamp for each space:"),
        },
        cued=False,
    )
    row = length // gap
    story.say(f" {length}/{gap}={row}.")
    if way == "one_more":
        story.so(f"{row}+1={row + 1}.")
        row += 1
    way = story.fork(
        "sides",
        "both",
        {
            "both": (" Two sides:", " Twice that:", " Doubling:"),
            "one": (" Lamps are counted:", " That row is all:"),
        },
    )
    total = 2 * row if way == "both" else row
    story.say(f" 2×{row}={total}." if way == "both" else f" {total}.")
    story.answer(total)


def _pages(story: Story, first: int, last: int) -> None:
    way = story.fork(
        "ends",
        "inclusive",
        {
            "inclusive": (
                " First page counts too:",
                " Inclusive counting:",
                " Both pages are read:",
            ),
            "difference": (" Subtracting does it:",),
            "between": (" Pages in between:",),
        },
    )
    steps = last - first
    story.say(f" {last}-{first}={steps}.")
    pages = {"inclusive": steps + 1, "difference": steps, "between": steps - 1}[way]
    if way != "difference":
        story.so(f"{steps}{'+' if way == 'inclusive' else '-'}1={pages}.")
    story.close(f"{story.name} reads {pages} pages.")
    story.answer(pages)


def _saw(story: Story, pieces: int, minutes: int) -> None:
    way = story.fork(
        "cuts",
        "one_fewer",
        {
            "one_fewer": (
                " Cuts are one fewer than pieces:",
                " Last piece comes free:",
                " Count cuts, not pieces:",
            ),
            "one_more": (" Another cut at the end:",),
            "same": (" Every piece needs a cut:",),
        },
    )
    cuts = {"one_fewer": pieces - 1, "same": pieces, "one_more": pieces + 1}[way]
    if way != "same":
        story.say(f" {pieces}{'-' if way == 'one_fewer' else '+'}1={cuts} cuts.")
        story.so(f"{times(cuts, minutes)}.")
    else:
        story.say(f" {times(cuts, minutes)}.")
    story.answer(cuts * minutes)


FAMILIES = (
    Family(
        "fence",
        (
            "{name} builds a straight fence {0} m long, with a post every {1} m and a post at both "
            "ends. How many posts are there?",
            "{name} sets a post every {1} m along a straight fence of {0} m, both ends included. "
            "How many posts are there?",
        ),
        _spaced,
        lambda length, gap: length // gap + 1,
        _fence,
    ),
    Family(
        "avenue",
        (
            "{name} lights a road of {0} m on both sides, with a lamp every {1} m from start to "
            "end. How many lamps are there?",
            "{name} puts a lamp every {1} m on both sides of a road of {0} m, from start to end. "
            "How many lamps are there?",
        ),
        _spaced,
        lambda length, gap: 2 * (length // gap + 1),
        _avenue,
        forks=2,
    ),
    Family(
        "pages",
        (
            "{name} reads from page {0} to page {1}, both included. How many pages is that?",
            "{name} starts on page {0} and stops after page {1}. How many pages is that?",
        ),
        lambda: [(a, a + d) for a in range(5, 56) for d in range(6, 31)],
        lambda first, last: last - first + 1,
        _pages,
    ),
    Family(
        "saw",
        (
            "{name} saws a log into {0} pieces. One cut takes {1} minutes. How many minutes does "
            "it take?",
            "{name} needs {1} minutes for one cut and saws a log into {0} pieces. How many minutes "
            "does it take?",
        ),
        lambda: [(n, t) for n in range(4, 46) for t in range(2, 10)],
        lambda pieces, minutes: (pieces - 1) * minutes,
        _saw,
    ),
)
