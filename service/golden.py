"""Golden clips: what a new model must read as it should before it answers anybody.

A folder of the operator's, with a folder for each sign::

    golden/B/anna.mp4
    golden/THANK YOU/anna.mp4
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.served_model import ServedModel
from service.timings import Timings
from signwrite.errors import BundleError, ClipError, InputError


@dataclass(frozen=True)
class GoldenClip:
    """A clip, and the sign that a good model ranks first."""

    path: Path
    sign: str

    def __str__(self) -> str:
        """Name it for a log: nothing of where the folder is."""
        return f"{self.sign}/{self.path.name}"


def find_golden(folder: Path) -> tuple[GoldenClip, ...]:
    """List a folder's golden clips, in order of their names; hidden files are none.

    Raises:
        InputError: the folder cannot be read, or holds no clip.
    """
    try:
        signs = sorted(each for each in folder.iterdir() if each.is_dir())
        found = tuple(
            GoldenClip(path, sign.name)
            for sign in signs
            if not sign.name.startswith(".")
            for path in sorted(sign.iterdir())
            if path.is_file() and not path.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"golden clips: a folder that can be read; {error}") from error
    if not found:
        raise InputError(f"golden clips: at least one SIGN/CLIP wanted; {folder} has none")
    return found


async def check_golden(
    model: ServedModel, clips: Sequence[GoldenClip], *, share: float, within_s: float
) -> None:
    """Let a model read golden clips, each on the way that every request takes.

    Args:
        model: open.
        clips: at least one.
        share: of the clips, how many must be read as they should.
        within_s: seconds for each clip.

    Raises:
        BundleError: fewer are; says which are not, and how they were read.
    """
    mistakes = [
        f"{clip} {mistake}"
        for clip in clips
        if (mistake := await _mistake(model, clip, within_s=within_s))
    ]
    right = len(clips) - len(mistakes)
    if right < share * len(clips):
        raise BundleError(
            f"golden clips: {share:.0%} of {len(clips)} ranked first and not uncertain; "
            f"received {right}: {', '.join(mistakes)}"
        )


async def _mistake(model: ServedModel, clip: GoldenClip, *, within_s: float) -> str:
    """Say what is wrong with how a clip is read; nothing where all is right."""
    if clip.sign not in tuple(model.manifest.vocabulary):
        return "is no sign that it knows"
    try:
        content = await asyncio.to_thread(clip.path.read_bytes)
        async with asyncio.timeout(within_s):
            reading, _ = await model.read(content, top_k=1, timings=Timings())
    except TimeoutError:
        return f"is not read within {within_s:g} s"
    except (ClipError, OSError) as error:
        return f"cannot be read ({error})"
    (first,) = reading.ranking.predictions
    if first.sign != clip.sign:
        return f"is read as {first.sign}"
    return "is uncertain" if reading.ranking.uncertain else ""
