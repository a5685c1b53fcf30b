"""The worked examples that stand before a question. Their wordings and numbers are their own."""

FEW_SHOT: tuple[tuple[str, str, str], ...] = (  # question, reasoning, expression
    (
        "An ant has 6 legs. How many legs do 3 ants have?",
        "The ants have 3 * 6 = 18 legs.",
        "3 * 6",
    ),
    (
        "Tim had 15 grapes. He ate 7 of them, and his sister gave him 6 grapes. "
        "How many grapes does Tim have in the end?",
        "After eating, Tim has 15 - 7 = 8 grapes. In the end he has 8 + 6 = 14 grapes.",
        "15 - 7 + 6",
    ),
    (
        "Lena's piggy bank contains 13 coins. Her father drops in 4 coins. "
        "How many coins does the piggy bank contain now?",
        "The piggy bank contains 13 + 4 = 17 coins.",
        "13 + 4",
    ),
    (
        "A candle was 16 inches tall. It has burned down by 5 inches. "
        "How many inches tall is the candle now?",
        "The candle is 16 - 5 = 11 inches tall.",
        "16 - 5",
    ),
    (
        "A coach hands out 28 bottles of water to 7 players, the same number to everyone. "
        "How many bottles does a player receive?",
        "A player receives 28 / 7 = 4 bottles.",
        "28 / 7",
    ),
    (
        "A mule carries 2 sacks of 11 pounds and a saddle of 9 pounds. "
        "How many pounds does the mule carry?",
        "The sacks weigh 2 * 11 = 22 pounds. The mule carries 22 + 9 = 31 pounds.",
        "2 * 11 + 9",
    ),
    (
        "A tower has 52 steps. Rita, who is 14, has climbed 31 of the steps. "
        "How many steps are ahead of her?",
        "There are 52 - 31 = 21 steps ahead of her.",
        "52 - 31",
    ),
    (
        "A tailor cuts 3 dresses of 8 yards each from 40 yards of silk. "
        "How many yards of silk does the tailor not use?",
        "The dresses take 3 * 8 = 24 yards. The tailor does not use 40 - 24 = 16 yards.",
        "40 - 3 * 8",
    ),
)
