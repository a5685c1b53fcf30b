"""Level 2: one addition or subtraction of small numbers, stated in the order of the computation."""

from wordings.group import Group

GROUPS = (
    Group(
        level=2,
        family="add",
        expression="a + b",
        ranges={"a": (2, 9), "b": (1, 9)},
        train=(
            "{name} has {a toys}. {friend} gives {him} {b} more. "
            "How many {toys} does {name} have now?",
            "{name} picks {a tall flowers} and {b short flowers}. "
            "How many {flowers} does {he} pick in all?",
            "{name} reads {a page/pages} in the morning and {b page/pages} in the evening. "
            "How many pages does {he} read that day?",
            "{name} and {friend} collect {toys}. {name} has {a}, and {friend} has {b}. "
            "How many {toys} do they have together?",
            "{name} scores {a goal/goals} in the first game and {b goal/goals} in the second. "
            "How many goals is that in total?",
            "There are {a birds} in a tree, and then {b more bird lands/more birds land} in it. "
            "How many birds are in the tree now?",
            "It rained on {a day/days} in March and on {b day/days} in April. "
            "On how many days did it rain in these months?",
            "{name} planted {a flowers} by the door and {b} by the gate. "
            "How many {flowers} has {he} planted?",
        ),
        test=(
            "There are {a fruits} in a basket. {name} puts in {b} more. "
            "How many {fruits} are in the basket now?",
            "{a} children are playing in the park. Then {b} more {b:comes/come} to play. "
            "How many children are in the park now?",
            "A farmer keeps {a animals} in one field and {b animals} in another. "
            "How many {animals} does the farmer keep altogether?",
            "{name} baked {a treats} on Saturday and {b treats} on Sunday. "
            "How many {treats} did {he} bake over the weekend?",
            "{name} has saved {a} dollars, and {his} grandmother adds {b dollar/dollars}. "
            "How many dollars does {he} have then?",
            "{name} hikes {a} miles to a lake, and from there {b mile/miles} to a village. "
            "How many miles long is the whole hike?",
            "A bus carries {a} passengers when {b} more {b:gets/get} on. "
            "How many passengers are on the bus then?",
            "{name} finds {a toys} under the bed and {b toys} behind the sofa. "
            "How many {toys} does {he} find?",
        ),
    ),
    Group(
        level=2,
        family="subtract",
        expression="a - b",
        ranges={"a": (4, 12), "b": (1, 9)},
        train=(
            "{name} has {a toys}. {He} gives {b} to {friend}. "
            "How many {toys} does {name} have left?",
            "{a} ducks swim on a pond. {b duck flies/ducks fly} away. "
            "How many ducks are still on the pond?",
            "{a} balloons are tied to a fence. {b} of them {b:bursts/burst}. "
            "How many balloons are left?",
            "There were {a} eggs in the fridge. {name} used {b egg/eggs} for a cake. "
            "How many eggs remain?",
            "{name} had {a fruits} but lost {b} of them on the way home. "
            "How many {fruits} did {he} bring home?",
            "A vase has {a flowers} in it. {name} takes out {b flower/flowers} that "
            "{b:has/have} withered. How many {flowers} stay in the vase?",
            "{a} people wait in line. When {b person has/people have} been served, "
            "how many people are still in line?",
        ),
        test=(
            "There are {a treats} on a plate. {name} eats {b} of them. "
            "How many {treats} are left on the plate?",
            "{name} takes {a} dollars to a shop and spends {b dollar/dollars} there. "
            "How many dollars does {he} bring back?",
            "A story is {a} pages long. {name} has read {b page/pages} so far. "
            "How many pages does {he} still have to read?",
            "A box holds {a toys}. {name} takes {b} out. How many {toys} are still in the box?",
            "There are {a} cars in front of a house. {b car drives/cars drive} off. "
            "How many cars stay there?",
            "A farmer owns {a animals} and sells {b} of them. "
            "How many {animals} does the farmer keep?",
            "{a} candles burn on a cake. {name} blows out {b}. How many candles are still burning?",
        ),
    ),
)
