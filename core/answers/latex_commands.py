"""LaTeX commands and environments that may occur in an answer, grouped by how they are handled."""

from __future__ import annotations

from core.answers.lexicon import words as listed

_SIZES = "tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge"
DROPPED = listed(
    f"{_SIZES} displaystyle textstyle scriptstyle scriptscriptstyle bf it rm sf tt sl bfseries "
    "itshape rmfamily sffamily ttfamily boldmath left right middle mleft mright big Big bigg Bigg "
    "bigl bigr bigm Bigl Bigr Bigm biggl biggr biggm Biggl Biggr Biggm limits nolimits noindent "
    "centering hline strut mathstrut relax nonumber notag null allowbreak"
)
"""Formatting commands without an argument, removed."""

SPACES = listed("quad qquad space thickspace medspace enspace enskip hfill hspace")
"""Commands for a space."""

THIN_SPACES = frozenset((",", "thinspace"))
"""Commands for a thin space, which may separate thousands."""

UNWRAPPED = listed(
    "mathbf mathit mathsf mathtt boldsymbol bm pmb mathnormal underline ensuremath boxed fbox "
    "Boxed framebox mathord mathop mathstrut smash"
)
"""Formatting commands that are replaced by their argument."""

TEXTS = listed(
    "text textbf textit textrm textsf texttt textnormal textup textmd textsl textsc emph mbox hbox "
    "mathrm operatorname"
)
"""Commands whose argument is in text mode."""

ALIGNED = listed(
    "aligned align align* alignedat gathered gather gather* equation equation* split "
    "displaymath math center multline multline*"
)
"""Environments of aligned rows, which become a list."""

MATRICES = listed("pmatrix bmatrix matrix Bmatrix smallmatrix array psmallmatrix")
"""Environments that become a matrix."""

RENAMED = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac", "sfrac", "nicefrac"), "frac"),
    **dict.fromkeys(("dbinom", "tbinom"), "binom"),
    **dict.fromkeys(("leq", "leqslant", "leqq"), "le"),
    **dict.fromkeys(("geq", "geqslant", "geqq"), "ge"),
    "neq": "ne",
    **dict.fromkeys(("varnothing", "empty"), "emptyset"),
    **dict.fromkeys(("times", "ast", "cdotp", "bullet"), "cdot"),
    **dict.fromkeys(("simeq", "approxeq", "doteq", "sim"), "approx"),
    **dict.fromkeys(("dots", "cdots", "dotsc", "dotsb"), "ldots"),
    **dict.fromkeys(("bmod", "mod"), "mod"),
    "infin": "infty",
    "bigcup": "cup",
    "bigcap": "cap",
    "backslash": "setminus",
    "varphi": "phi",
    "varepsilon": "epsilon",
    "vartheta": "theta",
    "varrho": "rho",
    "bar": "overline",
    "widehat": "hat",
    "overrightarrow": "vec",
}
"""Commands by another name for the same meaning."""

AS_SIGNS = {
    "lt": "<", "gt": ">", "colon": ":", "mid": "|", "vert": "|", "lvert": "|", "rvert": "|",
    "lbrace": r"\{", "rbrace": r"\}", "{": r"\{", "}": r"\}", "lbrack": "[", "rbrack": "]",
    "langle": "(", "rangle": ")", "lparen": "(", "rparen": ")", "%": "%", "$": "$", "&": "and",
    "#": "#", "_": "_", "textdollar": "$", "prime": "'", "minus": "-",
}  # fmt: skip
"""Commands that stand for a plain sign."""

ARGUMENTS = {
    "frac": 2, "binom": 2, "sqrt": 1, "overline": 1, "hat": 1, "vec": 1, "tilde": 1, "dot": 1,
    "pmod": 1, "mathbb": 1, "mathcal": 1, "mathfrak": 1, "widetilde": 1,
}  # fmt: skip
"""Number of arguments of the commands that have any."""

SPELLED_OUT = {"infinity": "infty", "inf": "infty", "infty": "infty", "sqrt": "sqrt", "pi": "pi"}
_FUNCTIONS = (
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot log ln exp gcd lcm max min"
)
SPELLED_OUT |= {name: name for name in listed(_FUNCTIONS)}
"""Words of plain text that are read as commands."""

FUNCTIONS = listed(_FUNCTIONS)
"""Commands for functions, in LaTeX or spelled out."""
