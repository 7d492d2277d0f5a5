"""Concurrent clips share one call of the model; a lone clip never waits for company."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from service.timings import INFER, WAIT_MODEL, Timings
from signwrite.classifier import Classification, Classifier


@dataclass(eq=False)  # two waiting clips are never equal: identity, not pixels
class _Waiting:
    clip: npt.NDArray[np.uint8]
    answer: asyncio.Future[tuple[Classification, int]]
    timings: Timings
    since_s: float
    called_s: float | None = None


class MicroBatcher:
    """Gathers clips while the model is busy, and gives it all of them at its next call.

    There is no window to wait for: when the model is free, what is there is run. The batch grows
    with the load by itself. Lives on one event loop.

    Args:
        classifier: the model; called in `thread`, never twice at once.
        thread: an executor of one thread.
        max_batch: the most clips in one call.
        observe: told of every call: how many clips it had, and its seconds.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        thread: Executor,
        max_batch: int,
        observe: Callable[[int, float], None],
    ) -> None:
        """Wait for clips."""
        self._classifier = classifier
        self._thread = thread
        self._max_batch = max_batch
        self._observe = observe
        self._waiting: list[_Waiting] = []
        self._runner: asyncio.Task[None] | None = None

    async def classify(
        self, clip: npt.NDArray[np.uint8], *, timings: Timings | None = None
    ) -> tuple[Classification, int]:
        """Score one uint8 [T, S, S, 3] clip, RGB.

        Args:
            clip: what to score.
            timings: told how long it waited, and how long its call took; nobody by default.

        Returns:
            What the model says of the batch that the clip was in, and the clip's row there.

        A caller that is cancelled before its clip's call began takes the clip out of the queue; a
        call that has begun runs to its end, as TensorFlow cannot be interrupted.
        """
        answer = asyncio.get_running_loop().create_future()
        waiting = _Waiting(clip, answer, timings or Timings(), perf_counter())
        self._waiting.append(waiting)
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        try:
            return await waiting.answer
        except asyncio.CancelledError:
            _break_off(waiting)
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._waiting[: self._max_batch]
            del self._waiting[: self._max_batch]
            started_s = perf_counter()
            for waiting in batch:
                waiting.called_s = started_s
                waiting.timings.add(WAIT_MODEL, began_s=waiting.since_s, ended_s=started_s)
            try:
                found = await loop.run_in_executor(self._thread, self._call, batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, each caller is told it
                for waiting in batch:
                    _note_call(waiting, clips=len(batch), failed=True)
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                continue
            self._observe(len(batch), perf_counter() - started_s)
            for place, waiting in enumerate(batch):
                _note_call(waiting, clips=len(batch), failed=False)
                if not waiting.answer.done():
                    waiting.answer.set_result((found, place))

    def _call(self, batch: list[_Waiting]) -> Classification:
        clips = [waiting.clip for waiting in batch]
        return self._classifier.classify(
            np.stack(clips) if len(clips) > 1 else clips[0][np.newaxis]
        )


def _note_call(waiting: _Waiting, *, clips: int, failed: bool) -> None:
    """Tell a clip's request of the call that it was in, unless it has been told: it left."""
    if waiting.called_s is not None and not waiting.answer.done():
        waiting.timings.add(
            INFER,
            began_s=waiting.called_s,
            ended_s=perf_counter(),
            failed=failed,
            batch_clips=clips,
        )


def _break_off(waiting: _Waiting) -> None:
    """Tell a request that leaves how far its clip had come."""
    name, began_s = (
        (WAIT_MODEL, waiting.since_s) if waiting.called_s is None else (INFER, waiting.called_s)
    )
    waiting.timings.add(name, began_s=began_s, ended_s=perf_counter(), failed=True)
