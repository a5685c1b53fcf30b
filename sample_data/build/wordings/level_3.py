"""Level 3: one addition, subtraction or division."""

from wordings.group import Group

GROUPS = (
    Group(
        level=3,
        family="add",
        expression="a + b",
        ranges={"a": (4, 9), "b": (4, 9)},
        train=(
            "{name} has {a toys}. {friend} gives {him} {b} more. "
            "How many {toys} does {name} have now?",
            "{name} picks {a tall flowers} and {b short flowers}. "
            "How many {flowers} does {he} pick in all?",
            "{name} and {friend} collect {toys}. {name} has {a}, and {friend} has {b}. "
            "How many {toys} do they have together?",
            "{name} scores {a} goals in the first game and {b} goals in the second. "
            "How many goals is that in total?",
            "There are {a birds} in a tree, and then {b} more birds land in it. "
            "How many birds are in the tree now?",
            "A bowl contains {a fruits}. {name} drops in {b} more. "
            "How many {fruits} does the bowl contain?",
            "{a} students sit in a classroom when {b} more come in. How many students sit there?",
        ),
        test=(
            "There are {a fruits} in a basket. {name} puts in {b} more. "
            "How many {fruits} are in the basket now?",
            "{a} children are playing in the park. Then {b} more come to play. "
            "How many children are in the park now?",
            "A farmer keeps {a animals} in one field and {b animals} in another. "
            "How many {animals} does the farmer keep altogether?",
            "{name} baked {a treats} on Saturday and {b treats} on Sunday. "
            "How many {treats} did {he} bake over the weekend?",
            "A bus carries {a} passengers when {b} more get on. "
            "How many passengers are on the bus then?",
            "{name} blows up {a} balloons, and {friend} blows up {b} more. "
            "How many balloons do they blow up?",
            "{name} strings {a toys} on a thread and then adds {b} more. "
            "How many {toys} hang on the thread?",
        ),
    ),
    Group(
        level=3,
        family="add",
        expression="a + b",
        ranges={"a": (11, 30), "b": (3, 15)},
        train=(
            "A bakery sold {a treats} before noon and {b treats} after noon. "
            "How many {treats} did it sell that day?",
            "{a} girls and {b} boys sing in a choir. How many children sing in the choir?",
            "{friend} has {a toys}. {name} has {b} more than {friend}. "
            "How many {toys} does {name} have?",
        ),
        test=(
            "{name} has saved {a} dollars. {He} earns {b} dollars by washing cars. "
            "How many dollars does {he} have now?",
            "An orchard consists of {a} apple trees and {b} plum trees. "
            "How many trees grow in the orchard?",
            "{name} is {a} years old. {His} uncle is {b} years older. How old is the uncle?",
        ),
    ),
    Group(
        level=3,
        family="subtract",
        expression="a - b",
        ranges={"a": (4, 15), "b": (1, 4)},
        train=(
            "{name} had {a fruits} but lost {b} of them on the way home. "
            "How many {fruits} did {he} bring home?",
            "{a} people wait in line. When {b person has/people have} been served, "
            "how many people are still in line?",
            "There were {a} eggs in the fridge. {name} used {b egg/eggs} for a cake. "
            "How many eggs remain?",
        ),
        test=(
            "There are {a treats} on a plate. {name} eats {b} of them. "
            "How many {treats} are left on the plate?",
            "{name} takes {a} dollars to a shop and spends {b dollar/dollars} there. "
            "How many dollars does {he} bring back?",
            "A story is {a} pages long. {name} has read {b page/pages} so far. "
            "How many pages does {he} still have to read?",
        ),
    ),
    Group(
        level=3,
        family="divide",
        expression="a / b",
        ranges={"a": (6, 30), "b": (2, 5)},
        train=(
            "{name} shares {a toys} equally among {b} friends. "
            "How many {toys} does each friend get?",
            "{a} students form teams of {b}. How many teams are there?",
        ),
        test=(
            "{name} puts {a fruits} into bags, {b} into each bag. How many bags does {he} fill?",
            "A class of {a} children is divided into {b} groups of the same size. "
            "How many children are in a group?",
        ),
    ),
)
