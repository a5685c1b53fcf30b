"""Level 1: one multiplication or division out of the times tables."""

from wordings.group import Group

GROUPS = (
    Group(
        level=1,
        family="multiply",
        expression="a * b",
        ranges={"a": (2, 12), "b": (2, 9)},
        train=(
            "{name} has {a} bags with {b toys} in each. How many {toys} does {he} have?",
            "A hall has {a} rows of chairs with {b} chairs in every row. "
            "How many chairs are in the hall?",
            "A van can carry {a} people. How many people can {b} vans carry?",
            "Each of {a} children brings {b fruits} to a picnic. How many {fruits} do they bring?",
            "{friend} has {a toys}, and {name} has {b} times as many. "
            "How many {toys} does {name} have?",
            "{name} practices the piano for {a} hours every week. "
            "How many hours is that in {b} weeks?",
            "A ticket for the zoo costs {a} dollars. How many dollars do {b} tickets cost?",
            "A chef cooks {a} pots of soup, and every pot is enough for {b} people. "
            "How many people can eat soup?",
        ),
        test=(
            "A baker fills {a} trays and puts {b treats} on each. "
            "How many {treats} are on the trays?",
            "{name} learns {a} new words every evening. "
            "How many words does {he} learn in {b} evenings?",
            "A hotel has {a} floors, and every floor has {b} rooms. "
            "How many rooms are in the hotel?",
            "{name} earns {a} dollars an hour in a shop. "
            "How many dollars does {he} get for {b} hours?",
            "A garden has {a} beds, and {b flowers} grow in each bed. "
            "How many {flowers} grow in the garden?",
            "Pens come in packs of {a}, and {name} buys {b} packs. How many pens does {he} buy?",
            "{name} builds {a} toy trains of {b} wagons each. How many wagons does {he} use?",
            "A puppy weighs {a} pounds, and its mother weighs {b} times as much. "
            "How many pounds does the mother weigh?",
        ),
    ),
    Group(
        level=1,
        family="divide",
        expression="a / b",
        ranges={"a": (6, 72), "b": (2, 9)},
        train=(
            "{name} shares {a toys} equally among {b} friends. "
            "How many {toys} does each friend get?",
            "{a} students form teams of {b}. How many teams are there?",
            "{b} tickets cost {a} dollars. How many dollars does one ticket cost?",
            "A book has {a} pages, and {name} reads {b} of them a day. "
            "In how many days does {he} finish the book?",
            "A cook has {a} eggs and needs {b} for each omelet. "
            "How many omelets can the cook make?",
            "{name} walks {a} miles in {b} days, the same distance every day. "
            "How many miles is that a day?",
            "A gardener plants {a flowers} in rows of {b}. How many rows does the gardener plant?",
        ),
        test=(
            "{name} puts {a fruits} into bags, {b} into each bag. How many bags does {he} fill?",
            "A ribbon of {a} inches is cut into {b} equal pieces. "
            "How many inches long is each piece?",
            "{a} guests sit at {b} tables, as many at one as at the other. "
            "How many guests sit at each table?",
            "A shelf has room for {b} jars. How many shelves do {a} jars fill?",
            "{b} friends earned {a} dollars together and split the money evenly. "
            "How many dollars does each of them get?",
            "A class of {a} children is divided into {b} groups of the same size. "
            "How many children are in a group?",
            "{name} bakes {a treats} and packs them in boxes of {b}. "
            "How many boxes does {he} need?",
        ),
    ),
)
