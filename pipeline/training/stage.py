"""One stage of training: epochs that can be killed at any moment and go on where they were."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.files import whole_file
from pipeline.jobs import Progress
from pipeline.training.board import Board
from pipeline.training.watch import Watch

Figures = Mapping[str, float]

# XLA is the slower way on a CPU with TensorFlow; JAX without it runs one operation after the other.
JIT_COMPILE = keras.backend.backend() == "jax"


@dataclass(frozen=True)
class Judgement:
    """What an epoch came to.

    Attributes:
        figures: of the model on validation clips.
        confusion: int64 [L, L], how often the clips of a sign (row) were read as a sign (column);
            None where the stage reads no signs.
    """

    figures: Figures
    confusion: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Stage:
    """What a stage trains, on what, and how its epochs are judged.

    Attributes:
        name: of the stage; names its files in the run folder.
        model: the model to train, compiled.
        batches: the batches of an epoch, by the epoch's number.
        epochs: how many at most.
        judge: measures the model on validation clips after an epoch.
        score: the name of the figure that an epoch should have more of.
        patience: epochs without a better score that end the stage, which then keeps the best one's
            weights; 0: all epochs are done, and the last one's weights are kept.
        start: fills the model's weights before the first epoch; not called when a run goes on.
        pictures: whether its batches are pictures in [-1, 1], of which some are shown.
        signs: names of the rows and columns of a confusion matrix.
    """

    name: str
    model: keras.Model
    batches: Callable[[int], Any]
    epochs: int
    judge: Callable[[], Judgement]
    score: str
    patience: int = 0
    start: Callable[[], None] = lambda: None
    pictures: bool = False
    signs: Sequence[str] = ()


def run_stage(stage: Stage, *, folder: Path, watch: Watch) -> None:
    """Train a stage to its end, from its last finished epoch; leave the epoch it keeps in it.

    With patience that is the best one. Without, it is the last: its rate has come down all the way,
    and on few validation clips an earlier one looks better by chance.

    Writes ``<name>.last.npz`` (weights, optimizer, history) after each epoch and, with patience,
    ``<name>.best.npz`` (weights) after each best one, atomically. A finished stage is only loaded.
    """
    if stage.epochs == 0:
        stage.start()
        return
    last, best = folder / f"{stage.name}.last.npz", folder / f"{stage.name}.best.npz"
    history = _resume(stage, last)
    if not history:
        stage.start()
    if not _finished(stage, history):
        with watch.bar(stage.name) as move, Board(folder / "board") as board:
            if not history:
                _show_start(stage, board)
            while not _finished(stage, history):
                history.append(_train_epoch(stage, len(history), move=move, board=board))
                best_yet = max(past[stage.score] for past in history)
                if stage.patience and history[-1][stage.score] >= best_yet:
                    _write(best, _named("weight", stage.model.weights))
                _write(last, _state(stage.model) | _pack(history))
                watch.say(_line(stage, history))
    pd.DataFrame(history).to_csv(folder / f"{stage.name}.csv", index_label="epoch")
    if stage.patience:
        with np.load(best, allow_pickle=False) as arrays:
            _assign("weight", stage.model.weights, arrays)


def _finished(stage: Stage, history: Sequence[Figures]) -> bool:
    """Whether all epochs are done, or the last few brought nothing better."""
    if len(history) >= stage.epochs:
        return True
    scores = [past[stage.score] for past in history]
    since_best = scores[::-1].index(max(scores)) if scores else 0
    return 0 < stage.patience <= since_best


def _train_epoch(stage: Stage, epoch: int, *, move: Progress, board: Board) -> dict[str, float]:
    started = time.monotonic()
    steps = len(batches := stage.batches(epoch))

    def moved(batch: int, logs: object) -> None:  # noqa: ARG001 - Keras passes it by name
        move(epoch * steps + batch + 1, stage.epochs * steps)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=moved)
    fitted = stage.model.fit(batches, epochs=1, verbose=0, shuffle=False, callbacks=[callback])
    judgement = stage.judge()
    figures = {name: float(values[0]) for name, values in fitted.history.items()}
    figures |= {name: float(value) for name, value in judgement.figures.items()}
    figures["rate"] = float(keras.ops.convert_to_numpy(stage.model.optimizer.learning_rate))
    figures["seconds"] = time.monotonic() - started
    board.scalars(stage.name, epoch, figures)
    if judgement.confusion is not None:
        board.confusion(stage.name, epoch, judgement.confusion, stage.signs)
    return figures


def _show_start(stage: Stage, board: Board) -> None:
    """Put the model's graph and, where it sees pictures, some of the first ones on the board."""
    board.graph(stage.model)
    if stage.pictures:
        seen = np.asarray(stage.batches(0)[0][0])
        board.frames(stage.name, 0, np.clip((seen + 1.0) * 127.5, 0, 255).astype(np.uint8))


def _line(stage: Stage, history: Sequence[Figures]) -> str:
    row, done = history[-1], len(history)
    shown = "  ".join(
        f"{name} {value:.4g}" for name, value in row.items() if name not in {"seconds", "rate"}
    )
    if _finished(stage, history):
        left = "done" if done == stage.epochs else f"stopped: best was {stage.patience} before"
    else:
        left = f"at most {(stage.epochs - done) * row['seconds'] / 60:.0f} min left"
    return f"{stage.name} {done}/{stage.epochs}  {shown}  {left}"


def _resume(stage: Stage, last: Path) -> list[dict[str, float]]:
    """Load the last finished epoch, if there is one; return the history so far."""
    if not last.is_file():
        return []
    stage.model.optimizer.build(stage.model.trainable_variables)
    with np.load(last, allow_pickle=False) as arrays:
        _assign("variable", stage.model.variables, arrays)
        _assign("optimizer", stage.model.optimizer.variables, arrays)
        names = [str(name) for name in arrays["history_names"]]
        return [dict(zip(names, map(float, row), strict=True)) for row in arrays["history"]]


def _state(model: keras.Model) -> dict[str, npt.NDArray[np.generic]]:
    """Take all that the next epoch depends on: the state of the dropout too, which is no weight."""
    return _named("variable", model.variables) | _named("optimizer", model.optimizer.variables)


def _named(kind: str, variables: Sequence[Any]) -> dict[str, npt.NDArray[np.generic]]:
    return {
        f"{kind}{place:04d}": keras.ops.convert_to_numpy(variable)
        for place, variable in enumerate(variables)
    }


def _assign(
    kind: str, variables: Sequence[Any], arrays: Mapping[str, npt.NDArray[np.generic]]
) -> None:
    for place, variable in enumerate(variables):
        variable.assign(arrays[f"{kind}{place:04d}"])


def _pack(history: list[dict[str, float]]) -> dict[str, npt.NDArray[np.generic]]:
    names = list(history[0])
    rows = np.array([[row[name] for name in names] for row in history])
    return {"history_names": np.array(names), "history": rows}


def _write(path: Path, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


class _RiseAndFall(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras ships no types
    """A straight way up to the peak, then half a cosine down to a hundredth of it.

    Keras' own `CosineDecay` says the same with a branch, and an optimizer asks anew for each
    variable: hundreds of branches, a fifth of the time that it takes to build a step's graph.
    """

    def __init__(self, peak: float, *, steps: int, warmup: int) -> None:
        self._peak, self._warmup, self._fall = peak, warmup, max(1, steps - warmup)

    def __call__(self, step: Any) -> Any:  # noqa: ANN401 - tensors of three backends
        step = keras.ops.cast(step, "float32")
        fallen = keras.ops.clip((step - self._warmup) / self._fall, 0.0, 1.0)
        cosine = 0.01 + 0.99 * 0.5 * (1.0 + keras.ops.cos(np.pi * fallen))
        return self._peak * keras.ops.minimum(step / self._warmup, cosine)


def build_optimizer(peak: float, *, steps: int, decay: float) -> keras.Optimizer:
    """Build AdamW with warm-up and a cosine fall, which passes over steps that are not finite.

    In bfloat16 a convolution's gradient was seen to be not a number now and then (oneDNN's AMX
    kernels, TensorFlow 2.21; about once in a hundred steps): such a step is dropped.

    Args:
        peak: the highest learning rate.
        steps: steps in all; the first twentieth, at most 60, lead up to the peak.
        decay: weight decay.
    """
    rate = _RiseAndFall(peak, steps=steps, warmup=min(60, max(1, steps // 20)))
    inner = keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0)
    return keras.optimizers.LossScaleOptimizer(inner, initial_scale=1.0)
