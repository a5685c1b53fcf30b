"""Level 4: two steps."""

from wordings.group import Group

GROUPS = (
    Group(
        level=4,
        family="add, subtract",
        expression="a + b - c",
        ranges={"a": (4, 12), "b": (2, 8), "c": (2, 6)},
        train=(
            "{name} has {a toys}. {He} buys {b} more and then gives {c} to {friend}. "
            "How many {toys} does {name} have now?",
            "{a} boys and {b} girls are at a party. Then {c} children go home. "
            "How many children are still at the party?",
            "A farmer has {a animals}, buys {b} more and sells {c}. "
            "How many {animals} does the farmer have then?",
            "{name} and {friend} found {a} and {b} shells and threw {c} broken ones away. "
            "How many shells do they have left?",
        ),
        test=(
            "{name} earned {a} dollars on Monday and {b} dollars on Tuesday, and spent "
            "{c} dollars on Wednesday. How many dollars are left?",
            "{name} baked {a treats} before lunch and {b} after it. {His} family ate {c}. "
            "How many {treats} are left?",
            "A shop had {a} bikes, got {b} new ones and sold {c}. How many bikes does it have now?",
            "On a lake there are {a} swans. In spring {b} more arrive, and in fall {c} leave. "
            "How many swans are on the lake after that?",
        ),
    ),
    Group(
        level=4,
        family="multiply, add",
        expression="a * b + c",
        ranges={"a": (2, 6), "b": (2, 6), "c": (2, 9)},
        train=(
            "{name} buys {a} packs of {b toys} and {c} single ones. How many {toys} does {he} buy?",
            "A school hires {a} vans for {b} children each, and {c} children go by car. "
            "How many children go on the trip?",
            "{name} had {c} dollars and then worked {a} hours for {b} dollars an hour. "
            "How many dollars does {he} have now?",
            "{name} plants {a} rows of {b flowers} and {c} more by the door. "
            "How many {flowers} does {he} plant?",
        ),
        test=(
            "A ticket costs {b} dollars, and a bag of popcorn costs {c} dollars. "
            "How many dollars do {a} tickets and one bag of popcorn cost?",
            "{name} fills {a} boxes with {b fruits} each and has {c} left over. "
            "How many {fruits} are there in all?",
            "{name} ran {b} miles on each of {a} days, and {c} miles on the day after. "
            "How many miles did {he} run in total?",
            "A small cinema has {a} rows of {b} seats, and {c} seats on the balcony. "
            "How many seats does the cinema have?",
        ),
    ),
    Group(
        level=4,
        family="multiply, subtract",
        expression="a * b - c",
        ranges={"a": (2, 6), "b": (2, 6), "c": (2, 9)},
        train=(
            "{name} has {a} bags of {b fruits}. {He} and {friend} eat {c} of them. "
            "How many {fruits} are left?",
            "A cafe has {a} tables for {b} people each, and {c} seats are taken. "
            "How many seats are free?",
        ),
        test=(
            "A baker makes {a} trays of {b treats} and sells {c} of them. "
            "How many {treats} are left?",
            "{name} buys {a} packs of {b} balloons, but {c} balloons burst. "
            "How many balloons does {he} still have?",
        ),
    ),
    Group(
        level=4,
        family="multiply, subtract",
        expression="a - b * c",
        ranges={"a": (10, 40), "b": (2, 5), "c": (2, 6)},
        train=(
            "A book has {a} pages. {name} reads {c} pages a day for {b} days. "
            "How many pages are left to read?",
            "A farmer picks {a fruits} and fills {b} baskets with {c} each. "
            "How many {fruits} are not in a basket?",
        ),
        test=(
            "{name} has {a} dollars and buys {b toys} for {c} dollars each. "
            "How many dollars does {he} have left?",
            "A board is {a} inches long. {name} saws off {b} pieces of {c} inches each. "
            "How many inches of the board remain?",
        ),
    ),
    Group(
        level=4,
        family="add, divide",
        expression="(a + b) / c",
        ranges={"a": (2, 16), "b": (2, 16), "c": (2, 5)},
        train=(
            "{name} has {a toys} and finds {b} more. {He} shares them all equally among "
            "{c} friends. How many {toys} does each friend get?",
            "{a} red roses and {b} white roses are put into {c} vases, as many into each. "
            "How many roses are in each vase?",
        ),
        test=(
            "{a} red cards and {b} black cards are dealt to {c} players in equal parts. "
            "How many cards are dealt to each player?",
            "{name} earned {a} dollars, {friend} earned {b}, and they buy tickets for "
            "{c} dollars each with all of it. How many tickets do they buy?",
        ),
    ),
    Group(
        level=4,
        family="subtract, divide",
        expression="(a - b) / c",
        ranges={"a": (8, 30), "b": (2, 10), "c": (2, 5)},
        train=(
            "{name} has {a} dollars and spends {b} on a hat. For the rest {he} buys pens for "
            "{c} dollars each. How many pens does {he} buy?",
        ),
        test=(
            "{name} picks {a fruits}, eats {b} and puts the others into {c} bowls, as many into "
            "each. How many {fruits} are in each bowl?",
        ),
    ),
)
