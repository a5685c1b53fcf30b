"""Level 3: one step with larger numbers, or one that takes away or compares."""

from wordings.group import Group

GROUPS = (
    Group(
        level=3,
        family="multiply",
        expression="a * b",
        ranges={"a": (5, 12), "b": (2, 9)},
        train=(
            "{friend} has {a toys}, and {name} has {b} times as many. "
            "How many {toys} does {name} have?",
            "A train has {a} cars with {b} doors in each car. How many doors does the train have?",
            "A sack of potatoes weighs {a} pounds. How many pounds do {b} sacks weigh?",
            "{name} runs {b} laps a day. How many laps is that in {a} days?",
            "A street has {a} lamps, and each lamp has {b} bulbs. "
            "How many bulbs does the street have?",
        ),
        test=(
            "A puppy weighs {a} pounds, and its mother weighs {b} times as much. "
            "How many pounds does the mother weigh?",
            "A ladder has {a} steps. How many steps do {b} ladders have in all?",
            "{name} knits {b} scarves a month. How many scarves can {he} knit in {a} months?",
            "A theater sells {a} seats for {b} dollars each. How many dollars does it take in?",
            "A gardener waters {a} bushes with {b} gallons each. "
            "How many gallons of water does the gardener use?",
        ),
    ),
    Group(
        level=3,
        family="add",
        expression="a + b",
        ranges={"a": (10, 30), "b": (3, 15)},
        train=(
            "A library has {a} books about animals and {b} books about space. "
            "How many books is that altogether?",
            "A bakery sold {a treats} before noon and {b treats} after noon. "
            "How many {treats} did it sell that day?",
            "{a} girls and {b} boys sing in a choir. How many children sing in the choir?",
            "{friend} has {a toys}. {name} has {b} more than {friend}. "
            "How many {toys} does {name} have?",
            "A chair costs {a} dollars, and a table costs {b} dollars more. "
            "How many dollars does the table cost?",
            "A bucket holds {a} gallons of water. {name} pours in {b} more gallons. "
            "How many gallons are in the bucket now?",
        ),
        test=(
            "{name} drives {a} miles to {his} aunt and {b} miles more to the sea. "
            "How many miles does {he} drive in all?",
            "{name} has saved {a} dollars. {He} earns {b} dollars by washing cars. "
            "How many dollars does {he} have now?",
            "A train leaves with {a} passengers, and {b} more board at the first station. "
            "How many passengers does it carry then?",
            "An orchard consists of {a} apple trees and {b} plum trees. "
            "How many trees grow in the orchard?",
            "{name} is {a} years old. {His} uncle is {b} years older. How old is the uncle?",
            "A club has {a} members. In May {b} more people join. "
            "How many members does the club have after May?",
        ),
    ),
    Group(
        level=3,
        family="subtract",
        expression="a - b",
        ranges={"a": (5, 15), "b": (1, 5)},
        train=(
            "{name} had {a fruits} but lost {b} of them on the way home. "
            "How many {fruits} did {he} bring home?",
            "{a} people wait in line. When {b person has/people have} been served, "
            "how many people are still in line?",
            "There were {a} eggs in the fridge. {name} used {b egg/eggs} for a cake. "
            "How many eggs remain?",
            "{name} needs {a} dollars for a kite and has {b dollar/dollars}. "
            "How many dollars are missing?",
        ),
        test=(
            "There are {a treats} on a plate. {name} eats {b} of them. "
            "How many {treats} are left on the plate?",
            "A box holds {a toys}. {name} takes {b} out. How many {toys} are still in the box?",
            "There are {a} cars in front of a house. {b car drives/cars drive} off. "
            "How many cars stay there?",
            "The blue team scored {a} points, the green team {b point/points} fewer. "
            "How many points did the green team score?",
        ),
    ),
)
