"""What the service writes to stdout: lines for people, or one JSON object a line for programs.

BentoML configures logging in its parent and in each worker before it loads the service; this stands
in its place from then on. What native libraries write to stderr (TensorFlow, OpenVINO, FFmpeg's
allocator) does not come this way and cannot be put into a form.
"""

import logging
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from service.exchange import Exchange, current

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

PROBES = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})  # asked every few seconds

_TEXT = "%(asctime)s [%(levelname)s] [%(name)s] %(message)s"
_TEXT_TIME = "%Y-%m-%dT%H:%M:%S%z"
_OURS = ("service", "signwrite", "bentoml")  # told from the level on that is set
_OTHERS = ("uvicorn", "uvicorn.error", "circus")  # from WARNING on
_LEVELS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_LONGEST_PATH = 200

_logger = logging.getLogger(__name__)
_access = logging.getLogger("service.access_log")


class JsonLines(JsonFormatter):
    """A record as one JSON object on one line, with the request that it belongs to."""

    def __init__(self) -> None:
        """Leave out what records carry for other formatters."""
        super().__init__(reserved_attrs=[*RESERVED_ATTRS, "color_message"], json_default=str)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Put the fields that every line has first."""
        when = datetime.fromtimestamp(record.created, UTC)
        log_data["time"] = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        log_data["level"] = record.levelname.lower()
        log_data["logger"] = record.name
        log_data["message"] = record.getMessage()
        log_data["pid"] = record.process
        exchange = current.get()
        if exchange is not None:
            log_data["request_id"] = exchange.request_id
            if exchange.trace_id:
                log_data["trace_id"] = exchange.trace_id
        super().add_fields(log_data, record, message_dict)
        log_data.pop("taskName", None)


def write_logs(
    log_format: LogFormat = "text", *, level: LogLevel = "info", stream: TextIO | None = None
) -> None:
    """Write every record of this process to a stream, stdout by default, in one form."""
    handler = logging.StreamHandler(stream or sys.stdout)
    as_json = log_format == "json"
    handler.setFormatter(JsonLines() if as_json else logging.Formatter(_TEXT, _TEXT_TIME))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, _LEVELS[level]))
    for name in (*_OURS, *_OTHERS):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.disabled = False
        logger.setLevel(_LEVELS[level] if name in _OURS else root.level)
    logging.captureWarnings(as_json)
    if as_json:
        sys.excepthook = _log_uncaught
        sys.unraisablehook = _log_unraisable
        threading.excepthook = _log_of_thread


def write_logs_as_told(
    environment: Mapping[str, str] = os.environ, *, stream: TextIO | None = None
) -> None:
    """Do so as the environment says, before the settings are read: they may be wrong.

    A value that is none of those allowed counts as the default here; reading the settings refuses
    it.
    """
    level: LogLevel = "info"
    match environment.get("SIGNWRITE_LOG_LEVEL"):
        case "debug" | "warning" | "error" as told:
            level = told
    write_logs(
        "json" if environment.get("SIGNWRITE_LOG_FORMAT") == "json" else "text",
        level=level,
        stream=stream,
    )


def log_exchange(exchange: Exchange) -> None:
    """Write the one line of a request; those of probes from DEBUG on."""
    level = logging.DEBUG if exchange.path in PROBES else logging.INFO
    if not _access.isEnabledFor(level):
        return
    path = exchange.path[:_LONGEST_PATH]
    method = exchange.method or "-"  # broken HTTP has none
    told = (exchange.status, method, path, exchange.duration_s, exchange.request_id)
    fields = {
        "request_id": exchange.request_id,
        "method": exchange.method or None,
        "path": path or None,
        "status": exchange.status,
        "problem": exchange.problem,
        "duration_s": round(exchange.duration_s, 6),
        "received_bytes": exchange.received_bytes,
        "key": exchange.key,
        "trace_id": exchange.trace_id or None,
        **exchange.facts,
    }
    spans = {name: round(took, 6) for name, took in exchange.timings.seconds.items()}
    extra = {name: value for name, value in fields.items() if value is not None}
    _access.log(
        level,
        "%s to %s %r after %.3f s, request %s",
        *told,
        extra=extra | ({"spans_s": spans} if spans else {}),
    )


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _logger.critical("an error that nobody caught ends the process", exc_info=(kind, error, trace))


def _log_unraisable(told: "sys.UnraisableHookArgs") -> None:
    _logger.error(
        "an error where none can be raised: %s",
        told.err_msg or "while an object was taken down",
        exc_info=(told.exc_type, told.exc_value or told.exc_type(), told.exc_traceback),
    )


def _log_of_thread(told: threading.ExceptHookArgs) -> None:
    name = told.thread.name if told.thread else "a thread"
    error = told.exc_value or told.exc_type()
    _logger.critical(
        "an error that nobody caught ends %s",
        name,
        exc_info=(told.exc_type, error, told.exc_traceback),
    )
