"""Level 2: one multiplication out of the times tables."""

from wordings.group import Group

GROUPS = (
    Group(
        level=2,
        family="multiply",
        expression="a * b",
        ranges={"a": (3, 9), "b": (3, 9)},
        train=(
            "{friend} has {a toys}, and {name} has {b} times as many. "
            "How many {toys} does {name} have?",
            "A train has {a} cars with {b} doors in each car. How many doors does the train have?",
            "A sack of potatoes weighs {a} pounds. How many pounds do {b} sacks weigh?",
            "{name} runs {b} laps a day. How many laps is that in {a} days?",
            "A street has {a} lamps, and each lamp has {b} bulbs. "
            "How many bulbs does the street have?",
            "A worker digs {a} holes an hour. How many holes does the worker dig in {b} hours?",
            "Every one of {a} ponds is home to {b} ducks. How many ducks are on the ponds?",
            "A poster costs {a} dollars. {name} buys {b} posters. How many dollars does {he} pay?",
            "{name} ties {a} bunches of {b flowers}. How many {flowers} does {he} use?",
            "A machine makes {a} bolts a second. How many bolts does it make in {b} seconds?",
            "There are {a} tents in a camp, and {b} scouts sleep in every tent. "
            "How many scouts sleep in the camp?",
            "A pizza is cut into {a} slices. How many slices do {b} pizzas give?",
            "{name} plants {b} rows of {a} carrots. How many carrots does {he} plant?",
            "A notebook has {a} stickers on it. How many stickers are on {b} such notebooks?",
            "A cat eats {a} cans of food a week. How many cans does it eat in {b} weeks?",
        ),
        test=(
            "A puppy weighs {a} pounds, and its mother weighs {b} times as much. "
            "How many pounds does the mother weigh?",
            "A ladder has {a} steps. How many steps do {b} ladders have in all?",
            "{name} knits {b} scarves a month. How many scarves can {he} knit in {a} months?",
            "A theater sells {a} seats for {b} dollars each. How many dollars does it take in?",
            "A gardener waters {a} bushes with {b} gallons each. "
            "How many gallons of water does the gardener use?",
            "A printer prints {a} pages a minute. How many pages come out in {b} minutes?",
            "{a} cages stand in a shop, with {b} birds in each cage. "
            "How many birds does the shop have?",
            "A jar of honey weighs {b} ounces. How many ounces do {a} jars weigh together?",
            "{name} sets {a} tables with {b} glasses each. How many glasses does {he} set out?",
            "A truck brings {a} crates of {b fruits}. How many {fruits} does the truck bring?",
            "{b} crews paint {a} walls each. How many walls do the crews paint?",
            "A web page has {a} pictures. How many pictures are on {b} such pages?",
            "{name} saves {b} dollars every week. How many dollars has {he} saved after {a} weeks?",
            "A bridge rests on {a} pillars of {b} stones each. How many stones hold the bridge?",
            "A dancer spins {a} times in each dance. How many spins is that in {b} dances?",
        ),
    ),
)
