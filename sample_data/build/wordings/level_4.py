"""Level 4: two steps."""

from wordings.group import Group

GROUPS = (
    Group(
        level=4,
        family="multiply, multiply",
        expression="a * b * c",
        ranges={"a": (2, 6), "b": (2, 5), "c": (2, 5)},
        train=(
            "A house has {a} floors with {b} rooms on each floor and {c} lamps in each room. "
            "How many lamps does the house have?",
            "{name} buys {a} boxes of {b} bags with {c toys} in each bag. "
            "How many {toys} does {he} buy?",
            "A band plays {a} concerts a week for {b} weeks and sings {c} songs at each concert. "
            "How many songs does it sing?",
            "{name} fills {a} shelves with {b} baskets each, and every basket holds {c fruits}. "
            "How many {fruits} are on the shelves?",
            "A farmer drives {a} carts, each with {b} sacks that weigh {c} pounds. "
            "How many pounds do the sacks weigh?",
        ),
        test=(
            "A school has {a} grades of {b} classes each, and every class has {c} teachers. "
            "How many teachers work at the school?",
            "{name} walks {a} dogs {b} times a day for {c} days. "
            "How many walks are that, one dog at a time?",
            "A ship carries {a} stacks of {b} crates, with {c} barrels in each crate. "
            "How many barrels does the ship carry?",
            "{name} writes {a} pages of {b} lines with {c} words in each line. "
            "How many words does {he} write?",
            "A florist makes {a} wreaths with {b} bunches of {c flowers} each. "
            "How many {flowers} does the florist need?",
        ),
    ),
    Group(
        level=4,
        family="add, add",
        expression="a + b + c",
        ranges={"a": (2, 9), "b": (2, 9), "c": (2, 9)},
        train=(
            "{name} picks {a fruits} on Monday, {b} on Tuesday and {c} on Wednesday. "
            "How many {fruits} does {he} pick in total?",
            "A coat has {a} red buttons, {b} green buttons and {c} black buttons. "
            "How many buttons are on the coat?",
            "A tower is built of {a} blocks. {name} puts {b} more on top, and {friend} adds {c}. "
            "How many blocks tall is it now?",
            "{name} spends {a} dollars on bread, {b} dollars on cheese and {c} dollars on milk. "
            "How many dollars does {he} spend?",
        ),
        test=(
            "A zoo has {a} lions, {b} tigers and {c} bears. How many of these animals is that?",
            "{name} walks {a} miles, rests, walks {b} miles, and after lunch {c} miles more. "
            "How many miles has {he} walked?",
            "{a} guests come at noon, {b} more at one and {c} more at two. "
            "How many guests have come by then?",
            "In a drawer there are {a} forks, {b} knives and {c} spoons. "
            "How many pieces lie in the drawer?",
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
        ),
        test=(
            "{name} fills {a} boxes with {b fruits} each and has {c} left over. "
            "How many {fruits} are there in all?",
            "A small cinema has {a} rows of {b} seats, and {c} seats on the balcony. "
            "How many seats does the cinema have?",
        ),
    ),
    Group(
        level=4,
        family="add, subtract",
        expression="a + b - c",
        ranges={"a": (4, 12), "b": (2, 8), "c": (2, 6)},
        train=(
            "A farmer has {a animals}, buys {b} more and sells {c}. "
            "How many {animals} does the farmer have then?",
            "{name} and {friend} found {a} and {b} shells and threw {c} broken ones away. "
            "How many shells do they have left?",
        ),
        test=(
            "{name} baked {a treats} before lunch and {b} after it. {His} family ate {c}. "
            "How many {treats} are left?",
            "A shop had {a} bikes, got {b} new ones and sold {c}. How many bikes does it have now?",
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
        ),
        test=(
            "{name} buys {a} packs of {b} balloons, but {c} balloons burst. "
            "How many balloons does {he} still have?",
        ),
    ),
    Group(
        level=4,
        family="add, divide",
        expression="(a + b) / c",
        ranges={"a": (2, 16), "b": (2, 16), "c": (2, 5)},
        train=(
            "{a} red roses and {b} white roses are put into {c} vases, as many into each. "
            "How many roses are in each vase?",
        ),
        test=(
            "{a} red cards and {b} black cards are dealt to {c} players in equal parts. "
            "How many cards are dealt to each player?",
        ),
    ),
)
