"""One stage of training: epochs that can be killed at any moment and go on where they were."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.files import whole_file

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Stage:
    """What a stage trains, on what, and how its epochs are judged.

    Attributes:
        name: of the stage; names its files in the run folder.
        model: the model to train, compiled.
        batches: the batches of an epoch, by the epoch's number.
        epochs: how many.
        judge: figures of the model on validation clips after an epoch.
        score: the name of the figure whose highest value picks the epoch that is kept.
    """

    name: str
    model: keras.Model
    batches: Callable[[int], Any]
    epochs: int
    judge: Callable[[], Figures]
    score: str


def run_stage(stage: Stage, *, folder: Path, say: Callable[[str], None]) -> None:
    """Train a stage to its end, from its last finished epoch; leave the best epoch's weights in it.

    Writes ``<name>.last.npz`` (weights, optimizer, history) after each epoch and
    ``<name>.best.npz`` (weights) after each best one, atomically. A finished stage is only loaded.
    """
    last, best = folder / f"{stage.name}.last.npz", folder / f"{stage.name}.best.npz"
    history = _resume(stage, last)
    for epoch in range(len(history), stage.epochs):
        started = time.monotonic()
        fitted = stage.model.fit(stage.batches(epoch), epochs=1, verbose=0, shuffle=False)
        row = {name: float(values[0]) for name, values in fitted.history.items()}
        row |= {name: float(value) for name, value in stage.judge().items()}
        row["seconds"] = time.monotonic() - started
        history.append(row)
        if row[stage.score] >= max(past[stage.score] for past in history):
            _write(best, _weights(stage.model))
        _write(last, _weights(stage.model) | _optimizer(stage.model) | _pack(history))
        left = (stage.epochs - epoch - 1) * row["seconds"]
        shown = "  ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "seconds")
        say(f"{stage.name} {epoch + 1}/{stage.epochs}  {shown}  {left / 60:.0f} min left")
    if stage.epochs == 0:
        return
    pd.DataFrame(history).to_csv(folder / f"{stage.name}.csv", index_label="epoch")
    with np.load(best, allow_pickle=False) as arrays:
        for place, variable in enumerate(stage.model.weights):
            variable.assign(arrays[f"weight{place:04d}"])


def _resume(stage: Stage, last: Path) -> list[dict[str, float]]:
    """Load the last finished epoch, if there is one; return the history so far."""
    if not last.is_file():
        return []
    optimizer = stage.model.optimizer
    optimizer.build(stage.model.trainable_variables)
    with np.load(last, allow_pickle=False) as arrays:
        for place, variable in enumerate(stage.model.weights):
            variable.assign(arrays[f"weight{place:04d}"])
        for place, variable in enumerate(optimizer.variables):
            variable.assign(arrays[f"optimizer{place:04d}"])
        names = [str(name) for name in arrays["history_names"]]
        return [dict(zip(names, map(float, row), strict=True)) for row in arrays["history"]]


def _weights(model: keras.Model) -> dict[str, npt.NDArray[np.generic]]:
    return {
        f"weight{place:04d}": keras.ops.convert_to_numpy(variable)
        for place, variable in enumerate(model.weights)
    }


def _optimizer(model: keras.Model) -> dict[str, npt.NDArray[np.generic]]:
    return {
        f"optimizer{place:04d}": keras.ops.convert_to_numpy(variable)
        for place, variable in enumerate(model.optimizer.variables)
    }


def _pack(history: list[dict[str, float]]) -> dict[str, npt.NDArray[np.generic]]:
    names = list(history[0])
    rows = np.array([[row[name] for name in names] for row in history])
    return {"history_names": np.array(names), "history": rows}


def _write(path: Path, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def build_optimizer(peak: float, *, steps: int, decay: float) -> keras.Optimizer:
    """Build AdamW with warm-up and a cosine fall, which passes over steps that are not finite.

    In bfloat16 a convolution's gradient was seen to be not a number now and then (oneDNN's AMX
    kernels, TensorFlow 2.21; about once in a hundred steps): such a step is dropped.

    Args:
        peak: the highest learning rate.
        steps: steps in all; the first twentieth, at most 60, lead up to the peak.
        decay: weight decay.
    """
    warmup = min(60, max(1, steps // 20))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=peak, warmup_steps=warmup, alpha=0.01
    )
    inner = keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0)
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0)
