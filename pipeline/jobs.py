"""Runs one function over many tasks, on one process or many; one bad task fails alone."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

Progress = Callable[[int, int], None]
"""Called with the number of finished tasks and the number of all tasks."""


def no_progress(finished: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Workers:
    """Who works on tasks.

    Attributes:
        jobs: processes to start; 1 stays in this one.
        executor: where to run instead, e.g. `dask.distributed.Client.get_executor()`; functions,
            tasks and results must pickle, for several processes too.
    """

    jobs: int = 1
    executor: Executor | None = None


ALONE = Workers()


def run_each(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    workers: Workers = ALONE,
    progress: Progress = no_progress,
) -> Iterator[tuple[Task, Result | Exception]]:
    """Yield every task with its result, or with the error it ended in, as they finish.

    Args:
        function: what to do.
        tasks: what to do it to.
        workers: who does it.
        progress: called after each task.
    """
    if workers.executor is not None:
        finished = _run_on(workers.executor, function, tasks)
    elif workers.jobs > 1 and len(tasks) > 1:
        finished = _run_on_own_pool(function, tasks, jobs=min(workers.jobs, len(tasks)))
    else:
        finished = ((task, _attempt(function, task)) for task in tasks)
    for count, (task, result) in enumerate(finished, start=1):
        progress(count, len(tasks))
        yield task, result


def _attempt(function: Callable[[Task], Result], task: Task) -> Result | Exception:
    try:
        return function(task)
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this task and is handed to the caller
        return error


def _run_on(
    executor: Executor, function: Callable[[Task], Result], tasks: Sequence[Task]
) -> Iterator[tuple[Task, Result | Exception]]:
    futures: dict[Future[Result], Task] = {executor.submit(function, task): task for task in tasks}
    try:
        for future in as_completed(futures):
            yield futures[future], _attempt(_result, future)
    finally:
        for future in futures:
            future.cancel()


def _result(future: "Future[Result]") -> Result:
    return future.result()


def _run_on_own_pool(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
) -> Iterator[tuple[Task, Result | Exception]]:
    """Run on fresh processes; when one dies, tasks it took along get a process of their own."""
    taken_along = []
    with _pool(jobs) as pool:
        for task, result in _run_on(pool, function, tasks):
            if isinstance(result, BrokenExecutor):
                taken_along.append(task)
            else:
                yield task, result
    for task in taken_along:
        with _pool(1) as pool:
            yield from _run_on(pool, function, [task])


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Spawned, not forked: FFmpeg and TensorFlow hold threads that a fork would leave half alive.
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Let this process end when its parent is killed; it would go on writing beside a new run."""
    threading.Thread(target=_wait_for_parents_end, daemon=True).start()


def _wait_for_parents_end() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
