"""Records as JSON objects, whoever makes them and however a process ends."""

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from service.exchange import Exchange, current
from service.logs import log_exchange, write_logs, write_logs_as_told

TOUCHED = ("", "service", "signwrite", "bentoml", "uvicorn", "uvicorn.error", "circus")
WRITING = "from service.logs import write_logs; write_logs('json')\n"
IN_A_THREAD = """
import threading
def fail(): raise ValueError('lost')
thread = threading.Thread(target=fail, name='mine'); thread.start(); thread.join()
"""
IN_A_FINALISER = """
class Lost:
    def __del__(self): raise ValueError('lost')
Lost()
"""


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in TOUCHED]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    hooks = sys.excepthook, sys.unraisablehook
    yield
    logging.captureWarnings(False)  # noqa: FBT003 - logging's signature
    sys.excepthook, sys.unraisablehook = hooks
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_of_many_lines_is_one_line() -> None:
    write_logs("json", stream=(stream := io.StringIO()))
    try:
        int("first\nsecond")
    except ValueError:
        logging.getLogger("service.x").exception("it\nfailed: %s", "ünïcode")
    (line,) = written(stream)
    assert line["message"] == "it\nfailed: ünïcode"
    assert "\nValueError: invalid literal" in line["exc_info"]
    assert line["level"] == "error"
    assert line["time"].endswith("Z")


def test_a_record_names_the_request_that_it_belongs_to() -> None:
    write_logs("json", stream=(stream := io.StringIO()))
    token = current.set(Exchange("mine", trace_id="ab" * 16))
    logging.getLogger("service.x").info("within")
    current.reset(token)
    logging.getLogger("service.x").info("without")
    within, without = written(stream)
    assert (within["request_id"], within["trace_id"]) == ("mine", "ab" * 16)
    assert not {"request_id", "trace_id"} & without.keys()


def test_warnings_of_libraries_and_loggers_of_others_come_the_same_way() -> None:
    write_logs("json", stream=(stream := io.StringIO()))
    logging.getLogger("uvicorn.error").warning("a %s", "door")
    logging.getLogger("uvicorn.error").info("not told")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)  # noqa: FBT003 - as pytest took them for itself
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    door, old = written(stream)
    assert door["message"] == "a door"
    assert (old["logger"], "old" in old["message"]) == ("py.warnings", True)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise ValueError('lost')", "an error that nobody caught ends the process"),
        (IN_A_THREAD, "an error that nobody caught ends mine"),
        (IN_A_FINALISER, "an error where none can be raised: "),
    ],
)
def test_an_error_that_nobody_caught_is_an_object(program: str, told: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", WRITING + program], capture_output=True, text=True, check=False
    )
    (line,) = [json.loads(each) for each in (done.stdout + done.stderr).splitlines()]
    assert line["message"].startswith(told)
    assert "ValueError: lost" in line["exc_info"]


@pytest.mark.parametrize(
    ("level", "path", "lines"),
    [("info", "/predict", 1), ("info", "/readyz", 0), ("debug", "/readyz", 1), ("warning", "/", 0)],
)
def test_the_level_says_which_requests_have_a_line(level: Any, path: str, lines: int) -> None:  # noqa: ANN401 - one of the levels
    write_logs("json", level=level, stream=(stream := io.StringIO()))
    log_exchange(Exchange("mine", method="GET", path=path, status=200))
    assert len(written(stream)) == lines


def test_a_path_without_end_is_cut() -> None:
    write_logs("json", stream=(stream := io.StringIO()))
    log_exchange(Exchange("mine", method="GET", path="/" + "x" * 60_000, status=404))
    assert len(stream.getvalue()) < 1000


def test_the_environment_is_heeded_before_the_settings_are_read() -> None:
    stream = io.StringIO()
    write_logs_as_told(
        {"SIGNWRITE_LOG_FORMAT": "json", "SIGNWRITE_LOG_LEVEL": "error"}, stream=stream
    )
    logging.getLogger("service.x").warning("not told")
    logging.getLogger("service.x").error("told")
    assert [line["message"] for line in written(stream)] == ["told"]
    write_logs_as_told({"SIGNWRITE_LOG_FORMAT": "none"}, stream=(text := io.StringIO()))
    logging.getLogger("service.x").info("for people")
    assert text.getvalue().endswith("[INFO] [service.x] for people\n")
