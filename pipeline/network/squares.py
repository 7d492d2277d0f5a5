"""Squares cut from frames: the one resampling inside the network, and the one scaling of pixels."""

from typing import Any

from keras import ops

Tensor = Any  # a tensor of whichever backend Keras runs on


def sample_squares(frames: Tensor, boxes: Tensor, *, size_px: int) -> Tensor:
    """Cut a square from each frame and scale it, anti-aliased; black beyond the frame.

    Two small matrices a frame, one for rows and one for columns, hold the triangle filter, as wide
    as one output pixel where the square shrinks. It is the network's only resampling.

    Args:
        frames: float [N, S, S, 3].
        boxes: float32 [N, 3], centre x, centre y and side as fractions of the frame.
        size_px: side of the output.

    Returns:
        float [N, size_px, size_px, 3] in the frames' dtype and range.
    """
    canvas_px = frames.shape[1]

    def taps(centre: Tensor, side: Tensor) -> Tensor:
        step = side * canvas_px / size_px  # frame pixels per output pixel
        place = ops.arange(size_px, dtype="float32") + 0.5
        at = (centre - side / 2)[:, None] * canvas_px + place[None, :] * step[:, None]
        pixel = ops.arange(canvas_px, dtype="float32") + 0.5
        width = ops.maximum(step, 1.0)[:, None, None]
        weight = ops.relu(1.0 - ops.abs(pixel[None, None, :] - at[:, :, None]) / width)
        inside = ops.maximum(ops.sum(weight, axis=-1, keepdims=True), 0.5 * width)
        return ops.cast(weight / inside, frames.dtype)

    rows = taps(boxes[:, 1], boxes[:, 2])
    columns = taps(boxes[:, 0], boxes[:, 2])
    count = ops.shape(frames)[0]
    bands = ops.matmul(rows, ops.reshape(frames, (count, canvas_px, canvas_px * 3)))
    bands = ops.reshape(bands, (count, size_px, canvas_px, 3))
    across = ops.reshape(ops.transpose(bands, (0, 2, 1, 3)), (count, canvas_px, size_px * 3))
    squares = ops.reshape(ops.matmul(columns, across), (count, size_px, size_px, 3))
    return ops.transpose(squares, (0, 2, 1, 3))


def scale_pixels(frames: Tensor) -> Tensor:
    """Scale pixels 0..255 to the [-1, 1] that InceptionV3 was trained on."""
    return frames / 127.5 - 1.0
