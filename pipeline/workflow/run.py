"""Runs the stages of a file of parameters: what changed, and what depends on it."""

import fcntl
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doit.api import run_tasks
from doit.cmd_base import ModuleTaskLoader
from doit.exceptions import BaseFail, TaskFailed
from doit.reporter import ZeroReporter
from doit.tools import config_changed

from pipeline.workflow.params import RunParams
from pipeline.workflow.stage import Crew, Stage
from pipeline.workflow.stages import plan_stages
from signwrite.bundle import sha256_of
from signwrite.errors import InputError

_STATE = ".doit.db"


@dataclass(frozen=True)
class Outcome:
    """What became of a stage: how long it worked; None where nothing was to be done."""

    stage: str
    seconds: float | None


def run_pipeline(params: RunParams, *, crew: Crew, until: str | None = None) -> Iterator[Outcome]:
    """Run a pipeline's stages, one after the other, each only where something changed.

    A stage is done again when a file it reads, a parameter it depends on, or a file it has written
    is no longer what it was. One that was interrupted goes on where it stopped.

    Args:
        params: what to do.
        crew: who does the work.
        until: the last stage to run; by default all.

    Yields:
        What became of each stage.

    Raises:
        InputError: there is no such stage, another run is at work in the folder, or a stage was
            given something it cannot use.
        ClipError: a clip cannot be read.
        BundleError: an exported bundle differs from its network.
    """
    stages = plan_stages(params)
    names = [stage.name for stage in stages]
    if until is not None and until not in names:
        raise InputError(f"--until: wanted one of {', '.join(names)}; received {until}")
    last = len(names) if until is None else names.index(until) + 1
    params.out.mkdir(parents=True, exist_ok=True)
    with _alone_in(params.out):
        for stage in stages[:last]:
            yield _run_stage(stage, state=params.out / _STATE, crew=crew)


def _run_stage(stage: Stage, *, state: Path, crew: Crew) -> Outcome:
    """Run one stage through doit, whose record is closed after it, so that a kill loses none."""
    worked: list[float] = []
    failures: list[Exception] = []

    def work() -> dict[str, str] | TaskFailed:
        crew.watch.say(f"== {stage.name}")
        started = time.monotonic()
        try:
            stage.work(crew)
        except Exception as error:  # noqa: BLE001 - doit would print it; the command line does better
            failures.append(error)
            return TaskFailed(stage.name)
        worked.append(time.monotonic() - started)
        return {"outputs": _digest(stage.outputs())}

    def unharmed(task: Any, values: Mapping[str, str]) -> bool:  # noqa: ANN401, ARG001 - doit's
        return values.get("outputs") == _digest(stage.outputs())

    task = {
        "actions": [work],
        "file_dep": [str(file) for file in stage.inputs()],
        "uptodate": [config_changed({"given": stage.given}), unharmed],
        "io": {"capture": False},  # absl would keep, and close, what doit puts for stderr
    }
    settings = {
        "dep_file": str(state),
        "backend": "sqlite3",
        "verbosity": 2,
        "reporter": _quietly(failures),
    }
    loader = ModuleTaskLoader({f"task_{stage.name}": lambda: task, "DOIT_CONFIG": settings})
    status = run_tasks(loader, {stage.name: {}})
    if failures:
        raise failures[0]
    if status != 0:
        raise InputError(f"{stage.name}: doit ended with status {status}")
    return Outcome(stage.name, worked[0] if worked else None)


def _quietly(failures: list[Exception]) -> type[ZeroReporter]:
    """Make a reporter that prints nothing, and keeps what went wrong beside the work itself."""

    class Quiet(ZeroReporter):  # type: ignore[misc]  # doit has no type hints
        """Tells nobody; `run_pipeline` does."""

        def add_failure(self, task: Any, fail: BaseFail) -> None:  # noqa: ANN401, ARG002 - doit's
            """Keep a failure that is not the work's own, e.g. of a file that is not there."""
            if not failures:
                failures.append(InputError(fail.get_msg().strip()))

        def runtime_error(self, msg: str) -> None:
            """Keep an error in the description of the task."""
            failures.append(InputError(msg))

    return Quiet


def _digest(files: Sequence[Path]) -> str:
    """Return one digest of the names and contents of files; one that is missing counts as such."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file}\0{sha256_of(file) if file.is_file() else None}\0".encode())
    return digest.hexdigest()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; the lock goes with the process, however it ends."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"{folder}: wanted one run at a time; another is at work") from error
        yield


def summarise(outcomes: Sequence[Outcome]) -> str:
    """Lay out what became of each stage."""
    width = max((len(each.stage) for each in outcomes), default=0)
    return "\n".join(
        f"{each.stage:{width}}  "
        + ("up to date" if each.seconds is None else f"{each.seconds:.1f} s")
        for each in outcomes
    )
