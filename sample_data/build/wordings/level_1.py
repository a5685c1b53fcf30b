"""Level 1: one multiplication by a small number."""

from wordings.group import Group

GROUPS = (
    Group(
        level=1,
        family="multiply",
        expression="a * b",
        ranges={"a": (2, 9), "b": (2, 5)},
        train=(
            "{name} has {b} bags with {a toys} in each. How many {toys} does {he} have?",
            "A hall has {b} rows of chairs with {a} chairs in every row. "
            "How many chairs are in the hall?",
            "A van can carry {a} people. How many people can {b} vans carry?",
            "Each of {a} children brings {b fruits} to a picnic. How many {fruits} do they bring?",
            "{name} practices the piano for {a} hours every week. "
            "How many hours is that in {b} weeks?",
            "A ticket for the zoo costs {b} dollars. How many dollars do {a} tickets cost?",
            "A chef cooks {b} pots of soup, and every pot is enough for {a} people. "
            "How many people can eat soup?",
            "A spider has {a} white spots. How many white spots do {b} such spiders have?",
            "{name} buys {b} boxes of {a toys} each. How many {toys} is that?",
            "A tricycle has {b} wheels. How many wheels do {a} tricycles need?",
            "A farmer has {b} pens with {a animals} in each of them. "
            "How many {animals} live in the pens?",
            "There are {b} nests in a tree, and each nest holds {a} eggs. "
            "How many eggs lie in the nests?",
            "One cake needs {b} spoons of sugar. How many spoons of sugar do {a} cakes need?",
            "A game takes {a} minutes. How many minutes do {b} games take?",
            "{name} draws {b} houses with {a} windows each. How many windows does {he} draw?",
        ),
        test=(
            "A baker fills {b} trays and puts {a treats} on each. "
            "How many {treats} are on the trays?",
            "{name} learns {a} new words every evening. "
            "How many words does {he} learn in {b} evenings?",
            "A hotel has {b} floors, and every floor has {a} rooms. "
            "How many rooms are in the hotel?",
            "{name} earns {b} dollars an hour in a shop. "
            "How many dollars does {he} get for {a} hours?",
            "A garden has {b} beds, and {a flowers} grow in each bed. "
            "How many {flowers} grow in the garden?",
            "Pens come in packs of {a}, and {name} buys {b} packs. How many pens does {he} buy?",
            "{name} builds {b} toy trains of {a} wagons each. How many wagons does {he} use?",
            "A table has {b} legs. How many legs are under {a} tables?",
            "{name} packs {b} baskets with {a fruits} in every basket. "
            "How many {fruits} does {he} pack?",
            "A song lasts {b} minutes. How many minutes long are {a} songs?",
            "An apartment has {a} doors. How many doors do {b} apartments have?",
            "Every page of an album shows {a} photos. How many photos are on {b} pages?",
            "{b} teams play in a league, each with {a} players. "
            "How many players are in the league?",
            "One shirt has {a} buttons. How many buttons must {name} sew onto {b} shirts?",
            "A bus ride costs {b} dollars. How many dollars does {name} pay for {a} rides?",
        ),
    ),
)
