"""What a training run shows in TensorBoard: `tensorboard --logdir RUN/board`.

Events are written as TensorBoard's own protocol buffers, so nothing here depends on which backend
Keras trains with.
"""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.summary_pb2 import Summary
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
        """Show a model's layers, and which feeds which."""
        graph = GraphDef(node=_nodes(model.get_config()["layers"]))
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


def _nodes(layers: Sequence[Mapping[str, Any]]) -> Iterator[NodeDef]:
    """Turn the layers of a model's configuration into the nodes of a graph.

    TensorBoard's own converter fails on Keras 3 where a layer has several inputs or outputs.
    """
    before: list[str] = []
    for layer in layers:
        name = layer["config"]["name"]
        feeds = _feeding(layer["inbound_nodes"]) if "inbound_nodes" in layer else before
        yield NodeDef(name=name, op=layer["class_name"], input=list(dict.fromkeys(feeds)))
        before = [name]  # a sequential model does not say what feeds what


def _feeding(part: object) -> Iterator[str]:
    """Name the layers whose outputs lie anywhere in a layer's recorded arguments."""
    if isinstance(part, Mapping):
        if part.get("class_name") == "__keras_tensor__":
            yield part["config"]["keras_history"][0]
            return
        part = list(part.values())
    if isinstance(part, list | tuple):
        for inner in part:
            yield from _feeding(inner)


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, str | float | bool]:
    """Name nested parameters ``stage.rate``; what is no number or word is put into words."""
    flat: dict[str, str | float | bool] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value if isinstance(value, bool | int | float) else str(value)
    return flat
