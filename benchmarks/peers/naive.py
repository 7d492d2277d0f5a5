"""FastAPI and Keras, as first written: all frames decoded, sixteen given to InceptionV3 at 299 px.

Keras' network with weights that were never trained: they are as slow as any.
"""

import os
from typing import Annotated, Any

import av
import keras
import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, UploadFile

FRAMES, SIDE_PX, LETTERS = 16, 299, 26

app = FastAPI()
model = keras.applications.InceptionV3(weights=None, classes=LETTERS)


@app.post("/predict")  # type: ignore[untyped-decorator]  # an environment of its own
def predict(clip: Annotated[UploadFile, "a video"]) -> dict[str, Any]:
    """Average what the network says of the frames."""
    with av.open(clip.file, mode="r") as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    places = np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)
    images = tf.image.resize(np.stack([frames[place] for place in places]), (SIDE_PX, SIDE_PX))
    inputs = keras.applications.inception_v3.preprocess_input(images)
    scores = model.predict(inputs, verbose=0).mean(axis=0)
    best = np.argsort(scores)[::-1][:5]
    return {"ranking": [{"sign": chr(65 + i), "score": float(scores[i])} for i in best]}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
