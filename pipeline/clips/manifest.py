"""The manifest of the cut clips, `clips.csv`: one row a clip."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.table import read_table, write_table

MANIFEST = "clips.csv"


@dataclass(frozen=True, kw_only=True)
class ClipRow:
    """One clip: where it came from, and what it is.

    Attributes:
        clip: path within the clips' folder, with forward slashes: `<split>/<SIGN>/<file>.mp4`.
        video: file name of the video.
        sign: the label.
        signer: who signs.
        split: train, validation or test.
        start_s: start of the interval in the video, as annotated.
        end_s: its end: the first moment that no longer belongs to the sign.
        first_frame: index in the video, from 0 in order of display, of the clip's first frame.
            Without a constant rate, frame k of the clip is frame first_frame + k of the video.
        frames: number of frames in the clip.
        fps: frames per second: the constant rate, or else the mean one.
        width: of the clip as displayed (rotation applied), in pixels; even.
        height: likewise.
        encoding: codec, quality and rate the clip was written with.
        video_sha256: of the video it was cut from.
        clip_sha256: of the clip.
    """

    clip: str
    video: str
    sign: str
    signer: str
    split: str
    start_s: float
    end_s: float
    first_frame: int
    frames: int
    fps: float
    width: int
    height: int
    encoding: str
    video_sha256: str
    clip_sha256: str


def read_manifest(folder: Path) -> list[ClipRow]:
    """Read the manifest of a folder of clips.

    Raises:
        InputError: there is none, or it is not one that `write_manifest` wrote.
    """
    return read_table(folder / MANIFEST, ClipRow)


def write_manifest(folder: Path, rows: Iterable[ClipRow]) -> None:
    """Write the manifest of a folder of clips, whole or not at all."""
    write_table(folder / MANIFEST, ClipRow, rows)
