"""What the tuned peers share: the model's input and its output, done as well as is known."""

import os
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from av.video.reformatter import VideoReformatter

FRAMES, SIDE_PX = 12, 384
LETTERS = [chr(65 + letter) for letter in range(26)]

Images = npt.NDArray[np.uint8]


def read_frames(file: BinaryIO) -> Images:
    """Decode with threads, resize only what is kept, while decoding: uint8 [12, 384, 384, 3]."""
    canvas = np.zeros((FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)
    scaler = VideoReformatter()
    with av.open(file, mode="r") as video:
        stream = video.streams.video[0]
        stream.thread_type = "AUTO"
        total = stream.frames
        wanted = np.floor((np.arange(FRAMES) + 0.5) * total / FRAMES).astype(int).tolist()
        for number, frame in enumerate(video.decode(stream)):
            if number not in wanted:
                continue
            scale = SIDE_PX / max(frame.width, frame.height)
            width, height = round(frame.width * scale), round(frame.height * scale)
            small = scaler.reformat(frame, width=width, height=height, format="rgb24")
            left, top = (SIDE_PX - width) // 2, (SIDE_PX - height) // 2
            canvas[wanted.index(number), top : top + height, left : left + width] = (
                small.to_ndarray()
            )
            if number == wanted[-1]:
                break
    return canvas


class Model:
    """The SavedModel."""

    def __init__(self) -> None:
        """Load it, and warm it up."""
        self._loaded = tf.saved_model.load(os.environ["SAVED_MODEL"])
        self._signature = self._loaded.signatures["serving_default"]
        self.score(np.zeros((1, FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8))

    def score(self, clips: Images) -> npt.NDArray[np.float32]:
        """Score a batch of clips: float32 [B, 26]."""
        scores: npt.NDArray[np.float32] = self._signature(clips=tf.constant(clips))[
            "scores"
        ].numpy()
        return scores


def rank(scores: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Rank one clip's letters."""
    best = np.argsort(scores)[::-1][:5]
    return {"ranking": [{"sign": LETTERS[i], "score": float(scores[i])} for i in best]}
