"""Level 5: two steps, and a number (d) that has nothing to do with the answer."""

from wordings.group import Group

GROUPS = (
    Group(
        level=5,
        family="multiply, multiply",
        expression="a * b * c",
        ranges={"a": (2, 6), "b": (2, 5), "c": (2, 5), "d": (11, 20)},
        train=(
            "A castle has {a} towers with {b} rooms in each tower and {c} beds in each room. "
            "How many beds does the castle with its {d} knights have?",
            "A factory packs {a} crates of {b} cartons with {c} bottles in each carton. "
            "How many bottles do its {d} workers pack?",
            "{name} rides {a} miles to work and does so {b} times a week for {c} weeks. "
            "How many miles does {he} ride on a bike of {d} pounds?",
            "{name} sets {a} tables with {b} plates each and puts {c treats} on each plate. "
            "How many {treats} does {he} need for a meal of {d} minutes?",
        ),
        test=(
            "A museum has {a} halls with {b} walls each and {c} pictures on each wall. "
            "How many pictures do its {d} guards watch?",
            "A fleet of {a} boats catches {b} nets of fish a day, with {c} fish in each net. "
            "How many fish does the fleet of a town with {d} houses catch a day?",
            "{name} does {a} sets of {b} exercises, each {c} times over. "
            "How many exercises does {he} do in {d} minutes?",
            "{name} paints {a} fences of {b} boards, with {c} nails in every board. "
            "How many nails does {he} see in {d} hours?",
        ),
    ),
    Group(
        level=5,
        family="add, add",
        expression="a + b + c",
        ranges={"a": (2, 9), "b": (2, 9), "c": (2, 9), "d": (11, 20)},
        train=(
            "{name} catches {a} trout, {b} carp and {c} perch. "
            "How many fish does {he} catch with a rod of {d} feet?",
            "A choir of {d} singers knows {a} old songs, {b} new songs and {c} hymns. "
            "How many songs does it know?",
            "{name} is {d} years old. {He} has {a} cousins in the north, {b} in the south and "
            "{c} in the west. How many cousins does {he} have?",
            "A store sells {a} lamps in the morning, {b} at noon and {c} at night. "
            "How many lamps does it sell in these {d} hours?",
        ),
        test=(
            "{name} bakes {a} loaves, {b} rolls and {c} pies for {d} guests. "
            "How many things does {he} bake?",
            "A gardener of {d} gardens trims {a} hedges, {b} trees and {c} bushes. "
            "How many plants does the gardener trim?",
            "{name} collects {a} coins from France, {b} from Spain and {c} from Italy. "
            "How many coins does {he} have in a box of {d} ounces?",
            "A mail van drives {d} miles. It brings {a} parcels to a farm, {b} to a school and "
            "{c} to a bank. How many parcels does it bring?",
        ),
    ),
    Group(
        level=5,
        family="multiply, add",
        expression="a * b + c",
        ranges={"a": (2, 6), "b": (3, 9), "c": (2, 9), "d": (10, 20)},
        train=(
            "{name} pays {d} dollars for {a} packs of {b toys} and {c} single ones. "
            "How many {toys} does {he} buy?",
            "A school of {d} teachers takes {a} buses for {b} classes each to the zoo, and {c} "
            "classes walk. How many classes go to the zoo?",
            "{name} plants {a} lines of {b flowers}, each {d} feet long, and {c flowers} in pots. "
            "How many {flowers} does {he} plant?",
        ),
        test=(
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
        family="add, subtract",
        expression="a + b - c",
        ranges={"a": (8, 20), "b": (3, 12), "c": (3, 9), "d": (6, 15)},
        train=(
            "A farm has {d} cats. It also has {a} sheep, gets {b} new ones in spring and sells "
            "{c} sheep in fall. How many sheep does it have then?",
            "A hotel with {d} floors has {a} guests. {b} guests arrive, and {c} guests "
            "check out. How many guests are in the hotel now?",
        ),
        test=(
            "A library with {d} tables had {a} atlases. It bought {b} more and threw {c} old ones "
            "away. How many atlases does it have now?",
            "A ferry with a crew of {d} carries {a} cars. In a harbor {b} more cars drive on, "
            "and then {c} cars drive off. How many cars are on the ferry now?",
        ),
    ),
    Group(
        level=5,
        family="multiply, subtract",
        expression="a - b * c",
        ranges={"a": (15, 40), "b": (2, 5), "c": (2, 6), "d": (8, 20)},
        train=(
            "A book has {a} pages and {d} pictures. {name} reads {c} pages on each of {b} days. "
            "How many pages has {he} not read yet?",
        ),
        test=(
            "{name} is {d} years old and has {a} dollars. {He} buys {b toys} at {c} dollars each. "
            "How many dollars does {name} have after that?",
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
        ),
        test=(
            "{a} boys, {b} girls and {d} parents meet on a field. The children line up in rows "
            "of {c}. How many rows do they form?",
        ),
    ),
)
