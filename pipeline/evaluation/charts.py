"""The pictures of a report, as SVG; the same figures give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pipeline.evaluation.figures import Bin, Group

# Of signwrite/palette.css, in the light: paper is light.
_INK, _QUIET, _LINE, _DEEP = "#17857f", "#b7c5c7", "#8f4410", "#0d6a66"
_STYLE: Any = {  # rcParams; matplotlib types their names one by one
    "svg.hashsalt": "signwrite",  # else every file has ids of its own
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_NARROW, _PER_BAR = 2.2, 0.27  # inches
_LEGIBLE = 40  # signs, beyond which a confusion matrix has no numbers
_DARK = 0.5  # share of a cell from which its number is white


def draw_confusion(matrix: npt.NDArray[np.int64], signs: Sequence[str]) -> str:
    """Draw how often each sign was read as which: int [L, L], rows are labels."""
    side = 1.8 + 0.27 * len(signs)
    figure, axes = _figure(side, side)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(
        shares, cmap=LinearSegmentedColormap.from_list("depth", ["#ffffff", _DEEP]), vmin=0, vmax=1
    )
    axes.set_xticks(range(len(signs)), signs, rotation=90 if max(map(len, signs)) > 1 else 0)
    axes.set_yticks(range(len(signs)), signs)
    axes.set_xlabel("read as")
    axes.set_ylabel("sign")
    axes.spines[:].set_visible(False)
    for row, column in np.argwhere(matrix) if len(signs) <= _LEGIBLE else ():
        colour = "white" if shares[row, column] > _DARK else "black"
        count = str(matrix[row, column])
        axes.text(column, row, count, ha="center", va="center", size=7, color=colour)
    return _svg(figure)


def draw_calibration(bins: Sequence[Bin], *, error: float) -> str:
    """Draw the share of right answers against their score, and how many clips each point is."""
    figure, axes = _figure(4.6, 4.2)
    axes.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", label="as promised")
    scores, right = [each.score for each in bins], [each.right for each in bins]
    most = max(each.clips for each in bins)
    sizes = [20 + 180 * each.clips / most for each in bins]
    axes.plot(scores, right, color=_INK, linewidth=1)
    axes.scatter(scores, right, s=sizes, color=_INK, alpha=0.8, label="measured", clip_on=False)
    for each in bins:
        below: Any = {"xytext": (0, -14), "textcoords": "offset points", "ha": "center"}
        axes.annotate(str(each.clips), (each.score, each.right), size=7, **below)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="score of the first sign", ylabel="share right")
    _percent(axes, x=True, y=True)
    axes.set_title(f"expected calibration error {error:.1%}; numbers are clips", size=9)
    axes.legend(frameon=False, loc="upper left")
    return _svg(figure)


def draw_groups(groups: Mapping[str, Group], *, what: str) -> str:
    """Draw the share of clips read rightly, by sign or by signer."""
    names = list(groups)
    figure, axes = _figure(1.5 + _PER_BAR * len(names), _NARROW)
    right = [groups[name].right for name in names]
    axes.bar(range(len(names)), right, color=_INK, width=0.7)
    mean = float(np.average(right, weights=[groups[name].clips for name in names]))
    axes.axhline(mean, color=_LINE, linewidth=1, linestyle=":")
    _name_bars(axes, names)
    axes.set(ylim=(0, 1), ylabel="share right", xlabel=what)
    _percent(axes, y=True)
    return _svg(figure)


def draw_motion(groups: Mapping[str, Group]) -> str:
    """Draw the share of clips read rightly with frames in order and shuffled, by sign."""
    names = list(groups)
    figure, axes = _figure(1.8 + _PER_BAR * len(names), _NARROW)
    places = np.arange(len(names))
    in_order = [groups[name].right for name in names]
    shuffled = [groups[name].shuffled for name in names]
    axes.bar(places - 0.2, in_order, width=0.4, color=_INK, label="in order")
    axes.bar(places + 0.2, shuffled, width=0.4, color=_QUIET, label="shuffled")
    _name_bars(axes, names)
    axes.set(ylim=(0, 1), ylabel="share right", xlabel="sign")
    _percent(axes, y=True)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.25), ncols=2)
    return _svg(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots()


def _name_bars(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 1 else 0)
    axes.set_xlim(-0.6, len(names) - 0.4)


def _percent(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    for wanted, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if wanted:
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _svg(figure: Figure) -> str:
    drawn = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(
            drawn, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    text = drawn.getvalue()
    return text[text.index("<svg") :]  # without the XML prolog, it can stand inside a page
