"""Column names in published problem sets: lower-case letters and digits only, best first."""

from __future__ import annotations

import re

_NAMES = {
    "question": "question problem prompt input query instruction questiontext problemtext "
    "problemstatement statement squestion questionstem originaltext text content messages "
    "conversations conversation dialogue",
    "certain question": "question problem prompt query questiontext problemtext problemstatement "
    "squestion questionstem rawproblem messages conversations",
    "nested question": "question problem rawproblem rawquestion questionstem stem text content",
    "answer": "answer gold goldanswer finalanswer groundtruth expectedanswer referenceanswer "
    "correctanswer answerkey target expected reference lsolutions label answers correctoption "
    "correctchoice answerletter answerindex answeridx correctindex cop ans",
    "long answer": "output solution response completion correct",
    "nested answer": "groundtruth answer gold goldanswer finalanswer expectedanswer target "
    "solution value text",
    "choices": "choices options answerchoices candidates alternatives multiplechoice",
    "body": "body context passage background story article paragraph premise scenario",
    "id": "id uniqueid problemid questionid taskid uid idx index iindex key",
    "family": "family subject type category subfield topic domain level difficulty",
    "source": "source datasource dataset origin",
    "container": "data dataset rows records items examples instances samples problems questions "
    "problemset train test validation dev",
}
NAMES = {role: tuple(names.split()) for role, names in _NAMES.items()}
"""By role. `nested` names are the last key of a path; a `long answer` is a text that contains the
answer, or a model's output; `container` is the key of a list of records."""


def plain_name(column: str) -> str:
    """A name reduced to lower-case letters and digits."""
    return re.sub(r"[\W_]", "", column.casefold())
