"""What a training run shows in TensorBoard: `tensorboard --logdir RUN/board`.

Events are written as TensorBoard's own protocol buffers, so nothing here depends on which backend
Keras trains with.
"""

import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.summary.writer.event_file_writer import EventFileWriter

_SHOWN = 16  # example pictures on one sheet
_ACROSS = 8


class Board:
    """A folder of TensorBoard's event files.

    Args:
        folder: where; a run that goes on writes another file beside the earlier ones.
    """

    def __init__(self, folder: Path) -> None:
        """Open an event file."""
        self._writer = EventFileWriter(str(folder))

    def __enter__(self) -> Self:
        """Write until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is pending, and close the file."""
        self._writer.close()

    def scalars(self, stage: str, step: int, figures: Mapping[str, float]) -> None:
        """Show the figures of an epoch."""
        values = [
            Summary.Value(tag=f"{stage}/{name}", simple_value=value)
            for name, value in figures.items()
        ]
        self._add(Event(summary=Summary(value=values)), step)

    def confusion(
        self, stage: str, step: int, matrix: npt.NDArray[np.int64], signs: Sequence[str]
    ) -> None:
        """Show how often each sign was read as which: int [L, L], rows are labels."""
        side = 2.0 + 0.25 * len(signs)
        figure = Figure(figsize=(side, side), layout="constrained")
        axes = figure.subplots()
        axes.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Blues")
        axes.set_xticks(range(len(signs)), signs, rotation=90)
        axes.set_yticks(range(len(signs)), signs)
        axes.set_xlabel("read as")
        axes.set_ylabel("sign")
        for row, column in np.argwhere(matrix):
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", size=7)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=90)
        self._picture(f"{stage}/confusion", step, Image.open(picture))

    def frames(self, stage: str, step: int, pictures: npt.NDArray[np.uint8]) -> None:
        """Show some of the pictures uint8 [N, H, W, 3] that the network is given."""
        shown = pictures[:_SHOWN]
        blank = np.zeros_like(shown[:1]).repeat(-len(shown) % _ACROSS, axis=0)
        rows = np.concatenate([shown, blank])
        rows = rows.reshape(-1, _ACROSS, *shown.shape[1:])
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
        self._picture(f"{stage}/examples", step, Image.fromarray(sheet))

    def parameters(self, params: Mapping[str, Any], figures: Mapping[str, float]) -> None:
        """Show a whole run's parameters, and what it came to, among the hyper-parameters."""
        self._add(Event(summary=hparams.hparams_pb(_flat(params))), 0)
        self.scalars("run", 0, figures)

    def graph(self, model: keras.Model) -> None:
        """Show a model's layers."""
        graph = keras_model_to_graph_def(json.loads(model.to_json()))
        self._add(Event(graph_def=graph.SerializeToString()), 0)

    def _picture(self, tag: str, step: int, picture: Image.Image) -> None:
        packed = io.BytesIO()
        picture.convert("RGB").save(packed, format="PNG")
        image = Summary.Image(
            height=picture.height,
            width=picture.width,
            colorspace=3,
            encoded_image_string=packed.getvalue(),
        )
        self._add(Event(summary=Summary(value=[Summary.Value(tag=tag, image=image)])), step)

    def _add(self, event: Event, step: int) -> None:
        event.wall_time, event.step = time.time(), step
        self._writer.add_event(event)


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, str | float | bool]:
    """Name nested parameters ``stage.rate``; what is no number or word is put into words."""
    flat: dict[str, str | float | bool] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value if isinstance(value, bool | int | float) else str(value)
    return flat
