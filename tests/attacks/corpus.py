"""The whole corpus: what is made, and what each must be answered.

`answers.csv` has been read line by line; a line that changes is a decision. What is written there
as RANKED is a clip that can be read in spite of what was done to it.
"""

import csv
from functools import partial
from pathlib import Path

from tests.attacks.attack import Answer, Attack, Build
from tests.attacks.bombs import BOMBS
from tests.attacks.damage import lies, truncations
from tests.attacks.references import CONTAINERS, DOCUMENTS, Canary
from tests.attacks.strangers import OTHERS

ANSWERS = Path(__file__).with_name("answers.csv")


def corpus(canary: Canary) -> list[Attack]:
    """Make the corpus, its references naming a canary.

    Raises:
        KeyError: a case has no line in the table of answers.
    """
    references: dict[str, Build] = {
        f"reference-{kind}-{word}": partial(make, target)
        for kind, make in {**DOCUMENTS, **CONTAINERS}.items()
        for word, target in canary.names.items()
    }
    cases = {
        **references,
        **{f"bomb-{name}": build for name, build in BOMBS.items()},
        **{f"other-{name}": build for name, build in OTHERS.items()},
        **dict(truncations()),
        **dict(lies()),
    }
    wanted = read_answers()
    return [Attack(name, build, wanted[name]) for name, build in cases.items()]


def read_answers() -> dict[str, Answer]:
    """Read what each case must be answered."""
    with ANSWERS.open(encoding="utf-8", newline="") as stream:
        return {row["name"]: Answer[row["answer"]] for row in csv.DictReader(stream)}
