"""Words that may accompany a number: units, currencies, things counted, scales.

This is an allow-list: an answer with any other word is not understood, and so not correct.
"""

from __future__ import annotations

from fractions import Fraction


def words(text: str) -> frozenset[str]:
    """The words of a text, split at spaces."""
    return frozenset(text.split())


ANY_UNIT = "unit"
"""The canonical name of an unspecified unit: "square units"."""

_UNITS = """
meter: m meter metre
centimeter: cm centimeter centimetre
millimeter: mm millimeter millimetre
kilometer: km kilometer kilometre kms
inch: inch inches
foot: ft foot feet
yard: yd yard yds
mile: mi mile
acre: acre
hectare: hectare ha
liter: l liter litre
milliliter: ml milliliter millilitre mls
gallon: gallon gal
quart: quart qt
pint: pint pt
cup: cup
ounce: ounce oz
tablespoon: tablespoon tbsp
teaspoon: teaspoon tsp
gram: g gram gm gms
milligram: mg milligram
kilogram: kg kgs kilogram kilo
pound: lb lbs pound gbp £
ton: ton tonne
second: s sec second secs
minute: min minute mins
hour: h hr hour hrs
day: day
week: week wk
month: month
year: year yr yrs
decade: decade
century: century centuries
dollar: dollar buck usd $ us$ a$ c$ hk$ cad aud
cent: cent ¢ penny pennies
euro: euro eur €
rupee: rupee inr rs ₹
yen: yen jpy ¥
yuan: yuan cny rmb
won: won krw ₩
peso: peso
degree: degree deg
celsius: celsius centigrade
fahrenheit: fahrenheit
kelvin: kelvin
radian: radian rad rads
joule: j joule
watt: w watt
kilowatt: kw kilowatt
kilowatt-hour: kwh
volt: v volt
newton: n newton
ohm: ohm
ampere: ampere amp
hertz: hz hertz
pascal: pa pascal
mole: mol
bit: bit
byte: byte
kilobyte: kb
megabyte: mb
gigabyte: gb
unit: unit
"""
_ONE_LETTER = frozenset("mgslhLJWVN")
_PER_HOUR = {"mph": "mile", "kph": "kilometer", "kmh": "kilometer", "kmph": "kilometer"}

CURRENCY_SIGNS = frozenset("$€£¥₹₩")

_THINGS = """
accident acorn action actor address adult album alligator angle animal answer ant apartment app
apple appointment apron arrangement arrow article aunt baby backpack badge bag bagel baguette bale
ball balloon banana bandage bar barrel base baseball basket basketball bat batch bead beaker beam
bean bear bed bee beetle berry bicycle bike bill bird biscuit blanket block blouse blueberry board
boat bolt book boot bottle bouquet bow bowl box boy bracelet branch bread breakfast brick bridge
brother brownie brush bucket bug building bulb bun bunch bunny bus bush business butter butterfly
button cab cabbage cabin cage cake calf call calorie camel camera camper can candle candy cap car
card carpet carrot carton case cat cell chair change chapter check cheese cherry chicken child
chip chocolate choice chore church circle city class classmate classroom cleaner client clip clock
clothes cloud clown clue coach coat coconut coffee coin color combination computer cone container
cookie copy cord corner cost costume couch country couple coupon course cousin cow crab cracker
crate crayon croissant crop cube cucumber cupcake curtain customer cut cycle dancer dart date
daughter deer desk dessert diagonal diamond dice dictionary digit dime dinner dinosaur dish
distance divisor dog doll dollars-worth dolphin donkey donut door dot doughnut drawer drawing
dress drink driver drop drum duck duckling ear earring edge egg elbow element elephant elf email
employee engine envelope equation error essay event exam example exercise extra eye face factor
factory fair family fan farm farmer father fee fence file film finger fish flag flamingo flight
floor flour flower fly folder foot forest fork fox frame friend frog fruit function furniture game
garden gas gate gift giraffe girl glass glove goal goat gold goldfish goose grade grain grandchild
grape grapefruit group guest guitar gum gun hair hamburger hammer hamster hand handshake hat hay
head heart helmet hen hole home homework horse hospital hotel house hug human ice idea income
insect instrument integer intersection invitation island item jacket jar jellybean jewel job joke
judge juice jump kangaroo kernel kettle key kid kit kite kitten knife knot ladder ladybug lake
lamb lamp lap laptop laundry leaf leg lemon length lesson letter level library lie light lily line
lion list lizard loaf lock log lollipop loss lot luggage lunch machine magazine magnet mail man
map marble mark marker market mask mat match meal mean meatball medal member message microphone
milk milkshake mirror mistake model money monkey monster moose mother motorcycle mountain mouse
movie muffin mug mushroom nail name napkin neck necklace needle neighbor nephew nest net newspaper
nickel niece night note notebook number nurse nut object octagon onion option orange orchid order
ostrich outcome outfit outlet oven owl pack package packet page pail paint painting pair
palindrome pan pancake panda paper parent park part party passenger pastry patch path patient pea
peach pear pebble pen pencil penguin people period permutation person pet phone photo photograph
piano pickle picture pie piece pig pigeon pillow pin pineapple pinecone pizza place plane planet
plank plant plate play player plum pocket poem point pole polygon pond pool popcorn popsicle
position possibility post poster pot potato present price prime prize problem profit program
project puff pupil puppy purse push-up pushup puzzle question quilt quiz quizzes rabbit raccoon
race radio raisin rat ray recipe record rectangle region report restaurant result ribbon rice ride
ring road robot rock roll room root rope rose round route row ruler runner sack salad sale
salesman sand sandal sandwich sapphire savings scarf scene school scoop score scout screen screw
sea seashell seat section seed sentence serving session set shape share sheep sheet shelf shell
ship shirt shoe shop shot show shrimp side sign signature silver sister sit-up size skirt slice
slide slipper smoothie snack snail snake snowball snowflake snowman soap sock soda sofa soldier
solution son song sort soup space spider spool spoon spot squirrel stage stair stamp star starfish
state station statue stem step stick sticker stitch stone stop store story stove strap straw
strawberry street string stripe student subject subset sugar suit suitcase sum sunflower sweater
sweet swim swimmer symbol t-shirt table tablet tadpole tail tape task taxi teacher team tennis
tent term test textbook them thing ticket tie tiger tile time tin tire toe toffee tomato tooth
toothpick tower town toy track train tray treat tree triangle tribe trip trophy trout truck
trumpet tub tube tulip tune turkey turn turtle twin type umbrella uncle unicorn uniform vacation
value van vase vegetable vehicle vertex video village violin visitor volunteer vote voter waiter
walk wall wallet walnut watch water watermelon wave wax way weight whale wheel widget wife window
winner wire wolf woman wood word worker worm wrapper zebra zero
"""
_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "teeth": "tooth", "mice": "mouse",
    "geese": "goose", "loaves": "loaf", "knives": "knife", "leaves": "leaf", "shelves": "shelf",
    "wolves": "wolf", "calves": "calf", "scarves": "scarf", "elves": "elf", "wives": "wife",
    "vertices": "vertex", "roots": "root", "grandchildren": "grandchild", "snowmen": "snowman",
    "dollars": "dollar", "halves": "", "primes": "prime",
}  # fmt: skip
ADJECTIVES = words(
    "red blue green yellow orange purple pink black white brown gray grey golden big small large "
    "little long short tall full empty new old young different distinct possible whole total real "
    "positive unique equal extra additional more fewer fresh hot cold ripe wooden plastic gallon "
    "male female adult single integer natural valid such "
    "regular diet salty sweet spare broken ripe unripe junk math reading vacuum saltwater bird"
)
CLOSING = words(
    "total altogether left remaining old tall long wide high deep away apiece each overall more "
    "extra combined"
)
"""Words that may end a phrase: "18 in total", "18 years old"."""

SCALES = {
    "hundred": 10**2, "thousand": 10**3, "k": 10**3, "million": 10**6, "billion": 10**9,
    "bn": 10**9, "trillion": 10**12, "quadrillion": 10**15, "quintillion": 10**18, "lakh": 10**5,
    "crore": 10**7, "dozen": 12,
}  # fmt: skip
SCALES |= {f"{name}s": value for name, value in SCALES.items() if len(name) > 2}

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
CARDINALS = {word: value for value, word in enumerate(_ONES.split())}
TENS = {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
CARDINALS |= TENS

_ORDINALS = (
    "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
PARTS = {word: Fraction(1, value) for value, word in enumerate(_ORDINALS.split(), start=3)}
PARTS |= {
    "half": Fraction(1, 2), "quarter": Fraction(1, 4), "thirtieth": Fraction(1, 30),
    "fortieth": Fraction(1, 40), "fiftieth": Fraction(1, 50), "hundredth": Fraction(1, 100),
    "thousandth": Fraction(1, 1000), "millionth": Fraction(1, 10**6),
    "billionth": Fraction(1, 10**9),
}  # fmt: skip
MANY_PARTS = {f"{word}s": value for word, value in PARTS.items()} | {"halves": Fraction(1, 2)}

BASES = {word: value for word, value in CARDINALS.items() if 2 <= value <= 16}

PERCENT = frozenset(("percent", "pct", "percentage", "percents"))

_CANONICAL = {
    word: name.strip()
    for line in _UNITS.strip().splitlines()
    for name, _, spellings in (line.partition(":"),)
    for word in spellings.split()
}
_NOUNS = words(_THINGS)
_ONLY_PLURAL = words("zero cube root score prime couple")
"""Things whose singular changes the number before it: "5 zeros" is five, "5 zero" is fifty."""


def unit_named(word: str) -> tuple[str, ...] | None:
    """The canonical names in a unit ("mph": mile, per, hour); None for a word that isn't a unit."""
    if len(word) == 1 and word.isalpha():
        return (_CANONICAL[word.lower()],) if word in _ONE_LETTER else None
    word = word.casefold()
    if word in _PER_HOUR:
        return (_PER_HOUR[word], "per", "hour")
    found = _CANONICAL.get(word)
    if found is None and len(word) > 3 and word.endswith("s"):
        found = _CANONICAL.get(word[:-1])
    return None if found is None else (found,)


def is_thing(word: str) -> bool:
    """Whether a word names a thing that can be counted, singular or plural."""
    word = _IRREGULAR.get(word, word)
    if word in _NOUNS:
        return word not in _ONLY_PLURAL
    endings = ((3, "ies", "y"), (2, "es", ""), (1, "s", ""))
    return any(
        word.endswith(ending) and word[:-cut] + singular in _NOUNS
        for cut, ending, singular in endings
    )
