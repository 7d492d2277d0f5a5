"""FastAPI and TensorFlow by somebody who knows both: decoding in threads, one call at a time."""

import os
from threading import Lock
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile

from benchmarks.peers.reading import Model, rank, read_frames

app = FastAPI()
model = Model()
one_call = Lock()  # two calls at once fight for the cores


@app.post("/predict")  # type: ignore[untyped-decorator]  # an environment of its own
def predict(clip: Annotated[UploadFile, "a video"]) -> dict[str, Any]:
    """Read a clip; FastAPI runs this in a thread of its own."""
    frames = read_frames(clip.file)
    with one_call:
        scores = model.score(frames[np.newaxis])
    return rank(scores[0])


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
