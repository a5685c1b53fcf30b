"""Level 5: two steps, and a number (d) that has nothing to do with the answer."""

from wordings.group import Group

GROUPS = (
    Group(
        level=5,
        family="add, subtract",
        expression="a + b - c",
        ranges={"a": (8, 20), "b": (3, 12), "c": (3, 9), "d": (6, 15)},
        train=(
            "{name} is {d} years old and has {a toys}. {He} gets {b} more for {his} birthday and "
            "lends {c} to {friend}. How many {toys} does {name} have at home then?",
            "A farm has {d} cats. It also has {a} sheep, gets {b} new ones in spring and sells "
            "{c} sheep in fall. How many sheep does it have then?",
            "A camp lasts {d} days. {a} scouts come on the first day and {b} on the second, and "
            "{c} scouts fall ill and go home. How many scouts remain?",
            "A hotel with {d} floors has {a} guests. {b} guests arrive, and {c} guests "
            "check out. How many guests are in the hotel now?",
        ),
        test=(
            "{name} bakes {a treats} and {friend} bakes {b} for a party with {d} guests. "
            "The guests eat {c}. How many {treats} are left?",
            "{name} gets {a} dollars for mowing {d} lawns, and {b} dollars from an uncle. "
            "{He} pays {c} dollars for a game. How many dollars does {he} have left?",
            "A library with {d} tables had {a} atlases. It bought {b} more and threw {c} old ones "
            "away. How many atlases does it have now?",
            "A ferry with a crew of {d} carries {a} cars. In a harbor {b} more cars drive on, "
            "and then {c} cars drive off. How many cars are on the ferry now?",
        ),
    ),
    Group(
        level=5,
        family="multiply, add",
        expression="a * b + c",
        ranges={"a": (2, 6), "b": (3, 9), "c": (2, 12), "d": (10, 20)},
        train=(
            "{name} pays {d} dollars for {a} packs of {b toys} and {c} single ones. "
            "How many {toys} does {he} buy?",
            "A school of {d} teachers takes {a} buses for {b} classes each to the zoo, and {c} "
            "classes walk. How many classes go to the zoo?",
            "{name} plants {a} lines of {b flowers}, each {d} feet long, and {c flowers} in pots. "
            "How many {flowers} does {he} plant?",
            "In {d} minutes {name} sews {a} buttons onto each of {b} shirts and {c} buttons onto "
            "a coat. How many buttons does {he} sew on?",
        ),
        test=(
            "A puppet show lasts {d} minutes. A seat costs {b} dollars, a drink {c} dollars. "
            "How many dollars do {a} seats and one drink cost?",
            "{name} fills {a} crates with {b fruits} each in {d} minutes. {c fruits} are left "
            "over. How many {fruits} did {name} start with?",
            "A circus that is {d} years old has {a} benches for {b} people each and {c} chairs. "
            "How many people can sit there?",
            "{name} swims {a} laps on each of {b} mornings and {c} laps on Sunday. The water "
            "has {d} degrees. How many laps does {he} swim?",
        ),
    ),
    Group(
        level=5,
        family="multiply, subtract",
        expression="a * b - c",
        ranges={"a": (3, 6), "b": (3, 9), "c": (3, 12), "d": (10, 20)},
        train=(
            "A restaurant has {d} lamps and {a} tables with {b} chairs each. {c} chairs are "
            "broken. How many chairs are not broken?",
            "{name} buys {a} nets of {b fruits} for {d} dollars and gives {c fruits} away. "
            "How many {fruits} does {he} have left?",
        ),
        test=(
            "A baker who has worked for {d} years makes {a} sheets of {b treats} and sells {c}. "
            "How many {treats} does the baker have left?",
            "{name} has {a} albums with {b} photos each and {d} empty frames. {He} takes {c} "
            "photos out of the albums. How many photos stay in the albums?",
        ),
    ),
    Group(
        level=5,
        family="multiply, subtract",
        expression="a - b * c",
        ranges={"a": (15, 60), "b": (2, 6), "c": (3, 8), "d": (8, 20)},
        train=(
            "A book has {a} pages and {d} pictures. {name} reads {c} pages on each of {b} days. "
            "How many pages has {he} not read yet?",
            "A farmer and {d} workers harvest {a} melons and load {b} carts with {c} melons each. "
            "How many melons are not on a cart?",
        ),
        test=(
            "{name} is {d} years old and has {a} dollars. {He} buys {b toys} at {c} dollars each. "
            "How many dollars does {name} have after that?",
            "A roll of wire weighs {d} pounds and is {a} feet long. {name} cuts {b} pieces of "
            "{c} feet from it. How many feet of wire are left on the roll?",
        ),
    ),
    Group(
        level=5,
        family="add, divide",
        expression="(a + b) / c",
        ranges={"a": (6, 20), "b": (6, 20), "c": (2, 6), "d": (9, 20)},
        train=(
            "{name} has {a toys} in a box that weighs {d} ounces, and {b} on a shelf. {He} deals "
            "them all out evenly to {c} cousins. How many {toys} does each cousin get?",
            "A florist works until {d} minutes past noon and ties {a} pink roses and {b} red roses "
            "into bunches of {c}. How many bunches are there?",
        ),
        test=(
            "{a} boys, {b} girls and {d} parents meet on a field. The children line up in rows "
            "of {c}. How many rows do they form?",
            "{name} has {a} dollars, {friend} has {b}, and a bus ride takes {d} minutes. They "
            "spend all their money on rides for {c} dollars each. How many rides do they buy?",
        ),
    ),
    Group(
        level=5,
        family="subtract, divide",
        expression="(a - b) / c",
        ranges={"a": (15, 40), "b": (3, 15), "c": (2, 6), "d": (9, 20)},
        train=(
            "{name} has {a} dollars in a purse that cost {d} dollars. {He} gives {b} dollars to "
            "{friend} and buys mugs for {c} dollars each with the rest. "
            "How many mugs does {he} buy?",
        ),
        test=(
            "{name} picks {a fruits} in {d} minutes and drops {b} of them. {He} lays the others "
            "on {c} plates, as many on each. How many {fruits} are on each plate?",
        ),
    ),
)
