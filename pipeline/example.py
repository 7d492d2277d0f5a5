"""Example clips and tutorial videos, drawn in code.

They let the whole pipeline run on a fresh machine with no download, give `make run` a clip to send,
and add drawn hands to training. What is written has the form of the real tutorials: `abc<i>.mp4`
with the signs one after the other, and beside them `video_clip_times.csv` (the legacy form),
`signers.csv`, `hand_boxes.csv` and `hand_landmarks.csv`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.drawing.filming import Box, Camera, Frame
from pipeline.drawing.schedule import clip_states, plan_states, plan_tutorial
from pipeline.drawing.sign_table import SIGNS
from pipeline.drawing.signer import Signer
from pipeline.drawing.tutorial import (
    BOXES_FILE,
    SIGNERS_FILE,
    TIMES_FILE,
    Tutorial,
    boxes_table,
    landmark_rows,
    signers_table,
    times_table,
)
from pipeline.encoding import write_video
from pipeline.files import write_text
from pipeline.jobs import ALONE, Progress, Workers, no_progress, run_each
from pipeline.landmarks.table import LANDMARKS_FILE, Joints, write_landmarks
from signwrite.errors import InputError
from signwrite.vocabulary import ASL_LETTERS

CRF = 23
EXAMPLE_SEED = 5
MAX_SIGNERS = 10_000
MAX_SECONDS = 60.0


@dataclass(frozen=True)
class DrawnClip:
    """A clip that was drawn.

    Attributes:
        frames: uint8 [N, H, W, 3], RGB, 0 to 255.
        hands: bool [N, H, W], the pixels that show the hand (not the arm).
        boxes: N hand boxes (x_min, y_min, x_max, y_max, 0 to 1), None where no hand is seen.
        fps: frames per second.
    """

    frames: npt.NDArray[np.uint8]
    hands: npt.NDArray[np.bool_]
    boxes: tuple[Box | None, ...]
    fps: Fraction


def draw_clip(
    sign: str, *, signer: Signer, seconds: float = 2.0, fps: float = 15, take: int = 0
) -> DrawnClip:
    """Draw a clip of one sign: the hand comes into the picture, signs, and leaves.

    Args:
        sign: a name in `pipeline.drawing.sign_table.SIGNS`.
        signer: who signs, where.
        seconds: the clip's length; rounded to whole frames.
        fps: frames per second.
        take: another number gives other sensor noise.

    Raises:
        InputError: an unknown sign, or a length or rate out of range.
    """
    rate, count = _rate_and_count(seconds, fps)
    camera = Camera(signer, take=take)
    shots = [camera.shoot(s) for s in clip_states(sign, signer, frames=count, fps=rate)]
    return DrawnClip(
        np.stack([shot.pixels for shot in shots]),
        np.stack([shot.hand for shot in shots]),
        tuple(shot.box for shot in shots),
        rate,
    )


def write_example_clip(
    path: Path,
    sign: str,
    *,
    signer: Signer | None = None,
    seconds: float = 2.0,
    fps: float = 15,
) -> Path:
    """Write a clip of one sign as MP4, whole or not at all.

    Args:
        path: the file; its folder is made where it is missing.
        sign: a name in `pipeline.drawing.sign_table.SIGNS`.
        signer: who signs; by default the one of `EXAMPLE_SEED`.
        seconds: the clip's length.
        fps: frames per second.

    Returns:
        The path.

    Raises:
        InputError: an unknown sign, or a length or rate out of range.
    """
    who = signer or Signer.from_seed(EXAMPLE_SEED)
    clip = draw_clip(sign, signer=who, seconds=seconds, fps=fps)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, clip.frames, fps=clip.fps, crf=CRF)
    return path


def write_tutorial(
    path: Path, *, signer: Signer, signs: Sequence[str] = ASL_LETTERS, seconds: float = 2.4
) -> Tutorial:
    """Write one tutorial video, at the signer's own frame rate and tempo.

    Raises:
        InputError: an unknown sign, or a length out of range.
    """
    _rate_and_count(seconds, signer.fps)
    fps = Fraction(signer.fps)
    plan = plan_tutorial(signer, signs, seconds=seconds)
    boxes: list[Box | None] = []
    joints: list[Joints] = []

    def frames() -> Iterator[Frame]:
        camera = Camera(signer)
        for state in plan_states(plan, signer, fps=fps):
            shot = camera.shoot(state)
            boxes.append(shot.box)
            joints.append(shot.joints)
            yield shot.pixels

    write_video(path, frames(), fps=fps, crf=CRF, keyframes=[span.start for span in plan.spans])
    return Tutorial(path.name, signer, plan, tuple(boxes), tuple(joints))


@dataclass(frozen=True)
class DrawTask:
    """One tutorial to draw; the fields are the arguments of `write_tutorial`."""

    path: Path
    signer: Signer
    signs: tuple[str, ...]
    seconds: float


def draw_tutorial(task: DrawTask) -> Tutorial:
    """Write the tutorial of a task."""
    return write_tutorial(task.path, signer=task.signer, signs=task.signs, seconds=task.seconds)


def write_tutorials(
    out: Path,
    *,
    signers: int,
    signs: Sequence[str] = ASL_LETTERS,
    seconds: float = 2.4,
    seed: int = 0,
    short_side_px: int | None = None,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> tuple[Tutorial, ...]:
    """Write tutorial videos and their annotation files, the same for the same arguments.

    The annotation file is written last: where it is, the videos are whole.

    Args:
        out: a folder, made where it is missing; files of the same names are replaced.
        signers: how many people to draw, one video each.
        signs: what each of them signs, in order; names in `SIGNS`.
        seconds: how long a sign is shown at a middling tempo.
        seed: of everything that varies.
        short_side_px: scale every picture to this short side; by default as the cameras vary.
        workers: who does it.
        progress: called after each video.

    Raises:
        InputError: no or too many signers, unknown or repeated signs, or a length out of range.
    """
    if not 1 <= signers <= MAX_SIGNERS:
        raise InputError(f"1 to {MAX_SIGNERS} signers; received {signers}")
    if not signs or len(set(signs)) != len(signs) or not set(signs) <= set(SIGNS):
        raise InputError(f"distinct signs out of {', '.join(SIGNS)}; received {list(signs)}")
    out.mkdir(parents=True, exist_ok=True)
    people = [Signer.from_seed(seed * MAX_SIGNERS + place) for place in range(signers)]
    if short_side_px is not None:
        people = [person.resized(short_side_px) for person in people]
    tasks = [
        DrawTask(out / f"abc{place}.mp4", person, tuple(signs), seconds)
        for place, person in enumerate(people, start=1)
    ]
    drawn = {}
    for task, result in run_each(draw_tutorial, tasks, workers=workers, progress=progress):
        if isinstance(result, Exception):
            raise result
        drawn[task.path] = result
    tutorials = [drawn[task.path] for task in tasks]
    write_text(out / SIGNERS_FILE, signers_table(tutorials))
    write_text(out / BOXES_FILE, boxes_table(tutorials))
    write_landmarks(out / LANDMARKS_FILE, landmark_rows(tutorials))
    write_text(out / TIMES_FILE, times_table(tutorials))
    return tuple(tutorials)


def _rate_and_count(seconds: float, fps: float) -> tuple[Fraction, int]:
    """Return the exact rate and the number of frames.

    Raises:
        InputError: out of range.
    """
    if not 1 <= fps <= 120:  # noqa: PLR2004 - the range is in the message
        raise InputError(f"1 to 120 frames per second; received {fps}")
    if not 0 < seconds <= MAX_SECONDS:
        raise InputError(f"above 0 and at most {MAX_SECONDS:g} seconds a sign; received {seconds}")
    return Fraction(fps).limit_denominator(1001), max(1, round(seconds * fps))
