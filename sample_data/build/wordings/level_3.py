"""Level 3: one addition or subtraction up to 45, some of it a comparison."""

from wordings.group import Group

GROUPS = (
    Group(
        level=3,
        family="add",
        expression="a + b",
        ranges={"a": (11, 30), "b": (3, 15)},
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
        ),
    ),
    Group(
        level=3,
        family="subtract",
        expression="a - b",
        ranges={"a": (13, 30), "b": (3, 12)},
        train=(
            "A theater has {a} seats, and {b} of them are taken. How many seats are free?",
            "A rope is {a} feet long. {name} cuts off {b} feet. How many feet of rope remain?",
            "{a} children act in a school play, and {b} of them are girls. How many are boys?",
            "A jacket costs {a} dollars. In the sale it is {b} dollars cheaper. "
            "How many dollars does it cost in the sale?",
            "A farmer picked {a} pounds of cherries and sold {b} pounds. "
            "How many pounds of cherries are left?",
        ),
        test=(
            "{name} owns {a toys} and gives {b} of them to {his} cousin. "
            "How many {toys} does {he} keep?",
            "A shop had {a fruits} this morning and has sold {b} since. "
            "How many {fruits} are still for sale?",
            "A novel has {a} pages, and {name} has finished {b} of them. "
            "How many pages does {he} have left?",
            "{a} people came to a concert, and {b} left early. "
            "How many people stayed until the end?",
            "A tank held {a} gallons of water until {b} gallons were used. "
            "How many gallons are in it now?",
        ),
    ),
    Group(
        level=3,
        family="subtract",
        expression="a - b",
        ranges={"a": (13, 30), "b": (3, 12)},
        train=(
            "{name} has {a toys}, and {friend} has {b}. "
            "How many more {toys} does {name} have than {friend}?",
            "A red ribbon is {a} inches long, a blue one {b} inches. "
            "By how many inches is the red ribbon longer?",
            "On Monday {a} people visited a museum, on Tuesday {b}. "
            "How many fewer people came on Tuesday?",
            "A lamp costs {a} dollars, which is {b} dollars more than a clock. "
            "How many dollars does the clock cost?",
            "{name} needs {a} dollars for a bike and has {b} dollars. "
            "How many dollars are missing?",
        ),
        test=(
            "{name} weighs {a} kilograms, and {his} dog weighs {b} kilograms. "
            "How many kilograms heavier is {name}?",
            "The blue team scored {a} points, the green team {b} points fewer. "
            "How many points did the green team score?",
            "{name} is {a} years old, and {his} niece is {b}. "
            "What is the difference of their ages in years?",
            "In a contest {name} jumped {a} times and {friend} {b} times. "
            "How many jumps did {name} win by?",
            "It takes {a} minutes to walk to the station and {b} minutes to cycle there. "
            "How many minutes does cycling save?",
        ),
    ),
)
