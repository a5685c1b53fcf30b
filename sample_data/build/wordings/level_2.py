"""Level 2: one addition of small numbers, stated in the order of the computation."""

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
            "{a} people wait at a bus stop. {b} more {b:joins/join} them. "
            "How many people wait at the bus stop now?",
            "A bowl contains {a fruits}. {name} drops in {b} more. "
            "How many {fruits} does the bowl contain?",
            "{a} students sit in a classroom when {b more comes/more come} in. "
            "How many students sit there?",
            "A jug holds {a} cups of milk. {name} pours in {b more cup/more cups}. "
            "How many cups of milk does the jug hold now?",
            "{name} had {a} dollars and found {b more dollar/more dollars} in a drawer. "
            "How many dollars did {he} have then?",
            "A library lends {a} books to {name}, and {he} borrows {b more book/more books} later. "
            "How many books has {he} borrowed?",
            "A shelf carries {a} cups. {friend} puts {b more cup/more cups} on it. "
            "How many cups stand on the shelf now?",
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
            "A parking lot has {a} cars on it. {b more car arrives/more cars arrive}. "
            "How many cars are parked now?",
            "{name} blows up {a} balloons, and {friend} blows up {b} more. "
            "How many balloons do they blow up?",
            "A team won {a} medals last year and {b more medal/more medals} this year. "
            "How many medals has the team won?",
            "{a} frogs sit on a log. {b more frog jumps/more frogs jump} onto the log. "
            "How many frogs sit on the log now?",
            "{name} wrote {a} letters on Friday. Today {he} wrote {b} more. "
            "How many letters did {he} write?",
            "A fish tank has {a} fish in it. {name} buys {b} more fish for the tank. "
            "How many fish swim in the tank now?",
            "{name} strings {a toys} on a thread and then adds {b} more. "
            "How many {toys} hang on the thread?",
        ),
    ),
)
