"""A ranking as bars in a terminal, as the service's page draws it."""

import typer

from signwrite.ranking import Ranking

UNCERTAIN = "I am not sure: the clip may show no hand, or no sign that I know. My best guesses:"
_LONGEST, _SHORTEST = 40, 8  # characters of a score of 1
_AROUND = 15  # characters of a line beside its sign and its bar
_EIGHTHS = " ▏▎▍▌▋▊▉"


def draw_ranking(ranking: Ranking, *, columns: int) -> str:
    """Draw a ranking for a terminal.

    Args:
        ranking: best first.
        columns: the terminal's width in characters.

    Returns:
        A line a sign, with colours; before them, where it is so, that they are uncertain.
    """
    widest = max(len(each.sign) for each in ranking.predictions)
    length = max(_SHORTEST, min(_LONGEST, columns - _AROUND - widest))
    lines = []
    for each in ranking.predictions:
        first = each.rank == 1
        name = typer.style(f"{each.sign:<{widest}}", bold=True)
        bar = typer.style(draw_bar(each.score, length=length), fg="cyan" if first else None)
        share = typer.style(f"{percent(each.score):>6}", bold=first, dim=not first)
        lines.append(f"  {name}  {bar}  {share}")
    if ranking.uncertain:
        lines.insert(0, "  " + typer.style(UNCERTAIN, fg="yellow"))
    return "\n".join(lines)


def draw_bar(share: float, *, length: int) -> str:
    """Draw a share of 0 to 1 in eighths of a character, padded to a length."""
    eighths = round(share * length * 8)
    whole, part = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[part] if part else "")).ljust(length, "·")


def percent(share: float) -> str:
    """Say a share as the page says it."""
    if 0 < share < 0.01:  # noqa: PLR2004 - less than can be said in whole percents
        return "<1 %"
    if 0.99 < share < 1:  # noqa: PLR2004 - as above
        return ">99 %"
    return f"{share * 100:.0f} %"
