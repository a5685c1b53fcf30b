"""The worked examples that stand before a question. Their wordings and numbers are their own."""

FEW_SHOT: tuple[tuple[str, str, str], ...] = (  # question, reasoning, expression
    (
        "An ant has 6 legs. How many legs do 3 ants have?",
        "3 times 6 legs are 3 * 6 = 18 legs.",
        "3 * 6",
    ),
    (
        "Tim had 15 grapes. He ate 7 of them, and his sister gave him 6 grapes. "
        "How many grapes does Tim have in the end?",
        "15 grapes less 7 are 15 - 7 = 8 grapes. 8 grapes and 6 more are 8 + 6 = 14 grapes.",
        "15 - 7 + 6",
    ),
    (
        "Lena's piggy bank contains 13 coins. Her father drops in 4 coins. "
        "How many coins does the piggy bank contain now?",
        "13 coins and 4 more are 13 + 4 = 17 coins.",
        "13 + 4",
    ),
    (
        "A candle was 16 inches tall. It has burned down by 5 inches. "
        "How many inches tall is the candle now?",
        "16 inches less 5 are 16 - 5 = 11 inches.",
        "16 - 5",
    ),
    (
        "A coach hands out 28 bottles of water to 7 players, the same number to everyone. "
        "How many bottles does a player receive?",
        "28 bottles for 7 players are 28 / 7 = 4 bottles each.",
        "28 / 7",
    ),
    (
        "A mule carries 2 sacks of 11 pounds and a saddle of 9 pounds. "
        "How many pounds does the mule carry?",
        "2 times 11 pounds are 2 * 11 = 22 pounds. 22 pounds and 9 more are 22 + 9 = 31 pounds.",
        "2 * 11 + 9",
    ),
    (
        "A tower has 52 steps. Rita, who is 14, has climbed 31 of the steps. "
        "How many steps are ahead of her?",
        "52 steps less 31 are 52 - 31 = 21 steps.",
        "52 - 31",
    ),
    (
        "A tailor cuts 3 dresses of 8 yards each from 40 yards of silk. "
        "How many yards of silk does the tailor not use?",
        "3 times 8 yards are 3 * 8 = 24 yards. 40 yards less 24 are 40 - 24 = 16 yards.",
        "40 - 3 * 8",
    ),
)
