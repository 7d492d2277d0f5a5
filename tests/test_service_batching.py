"""The batcher, with a model whose calls begin and end when the test says so."""

import asyncio
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from service.batching import MicroBatcher
from signwrite.classifier import Classification

SHAPE = (2, 4, 4, 3)


class GatedClassifier:
    """Scores a clip by its first value; each call waits for the gate."""

    def __init__(self) -> None:
        self.gate = Event()
        self.entered = Event()
        self.batches: list[list[int]] = []

    def classify(self, clips: npt.NDArray[np.uint8]) -> Classification:
        self.entered.set()
        assert self.gate.wait(60)
        values = clips[:, 0, 0, 0, 0]
        self.batches.append([int(value) for value in values])
        if (values == 255).any():
            raise RuntimeError("a model that fails")
        return Classification(
            scores=values.astype(np.float32)[:, np.newaxis],
            hand=np.ones(len(clips), np.float32),
            boxes=np.zeros((len(clips), 2, 4), np.float32),
        )


def clip(value: int) -> npt.NDArray[np.uint8]:
    return np.full(SHAPE, value, np.uint8)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


class Scene:
    """A batcher on a running loop."""

    def __init__(self, thread: ThreadPoolExecutor, *, max_batch: int = 8) -> None:
        self.model = GatedClassifier()
        self.observed: list[int] = []
        self.batcher = MicroBatcher(
            self.model,
            thread=thread,
            max_batch=max_batch,
            observe=lambda clips, _: self.observed.append(clips),
        )

    def ask(self, value: int) -> asyncio.Task[float]:
        return asyncio.create_task(self._score(value))

    async def _score(self, value: int) -> float:
        found, row = await self.batcher.classify(clip(value))
        return float(found.scores[row, 0])

    async def model_is_busy(self) -> None:
        await asyncio.to_thread(self.model.entered.wait, 60)


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_a_lone_clip_does_not_wait(thread: ThreadPoolExecutor) -> None:
    async def play() -> None:
        scene = Scene(thread)
        scene.model.gate.set()
        assert await scene.ask(7) == 7
        assert await scene.ask(8) == 8
        assert scene.model.batches == [[7], [8]]
        assert scene.observed == [1, 1]

    run(play())


def test_clips_gather_while_the_model_is_busy(thread: ThreadPoolExecutor) -> None:
    async def play() -> None:
        scene = Scene(thread, max_batch=3)
        first = scene.ask(0)
        await scene.model_is_busy()
        rest = [scene.ask(value) for value in range(1, 6)]
        await asyncio.sleep(0)  # each has put its clip into the queue
        scene.model.gate.set()
        assert await asyncio.gather(first, *rest) == [0, 1, 2, 3, 4, 5]
        assert scene.model.batches == [[0], [1, 2, 3], [4, 5]]
        assert scene.observed == [1, 3, 2]

    run(play())


def test_a_cancelled_clip_never_reaches_the_model(thread: ThreadPoolExecutor) -> None:
    async def play() -> None:
        scene = Scene(thread)
        first = scene.ask(1)
        await scene.model_is_busy()
        second, third = scene.ask(2), scene.ask(3)
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        scene.model.gate.set()
        assert list(await asyncio.gather(first, third)) == [1, 3]
        assert scene.model.batches == [[1], [3]]

    run(play())


def test_a_clip_cancelled_in_the_model_does_not_disturb_the_others(
    thread: ThreadPoolExecutor,
) -> None:
    async def play() -> None:
        scene = Scene(thread)
        first = scene.ask(1)
        await scene.model_is_busy()
        second = scene.ask(2)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        scene.model.gate.set()
        assert await second == 2

    run(play())


def test_a_failing_call_fails_its_clips_and_not_the_next(thread: ThreadPoolExecutor) -> None:
    async def play() -> None:
        scene = Scene(thread)
        scene.model.gate.set()
        with pytest.raises(RuntimeError, match="a model that fails"):
            await scene.ask(255)
        assert await scene.ask(4) == 4
        assert scene.observed == [1]

    run(play())
