"""What Prometheus is told beside BentoML's own figures; `/metrics` shows all of it."""

from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, get_args

from service.faults import Fault
from service.timings import DECODE, WAIT_DECODER, WAIT_MODEL, Timings
from service.workers import say_alive

ReloadOutcome = Literal["swapped", "refused", "unchanged"]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_CLIPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The service's own series; made once in a process, by `metrics`.

    `prometheus_client` is imported here, not above: BentoML must have named the folder its workers
    share before that, or the series of all workers but one are lost (bentoml #5056).
    """

    def __init__(self) -> None:
        """Register the series."""
        say_alive()
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - see the class

        self._decode = Histogram(
            "signwrite_decode_seconds",
            "From a decoder's first byte of a clip to its tensor",
            buckets=_SECONDS,
        )
        self._wait = Histogram(
            "signwrite_wait_seconds",
            "How long clips waited, by what for: decoder or model",
            ["for"],
            buckets=_SECONDS,
        )
        self._inference = Histogram(
            "signwrite_inference_seconds",
            "One call of the model, by its version",
            ["model_version"],
            buckets=_SECONDS,
        )
        self._batch = Histogram(
            "signwrite_batch_clips", "Clips that shared one call of the model", buckets=_CLIPS
        )
        self._answers = Counter(
            "signwrite_predictions",
            "Answers of POST /predict, by status and kind",
            ["status", "kind"],
        )
        self._uncertain = Counter(
            "signwrite_uncertain_predictions",
            "Predictions that were called uncertain, by the model's version",
            ["model_version"],
        )
        self._first = Counter(
            "signwrite_first",
            "Predictions, by the sign that was ranked first and the model's version",
            ["sign", "model_version"],
        )
        self._replaced = Counter(
            "signwrite_decoders_replaced",
            "Decoder processes that were killed, or died, and were started anew",
        )
        self._build = Gauge(
            "signwrite_build_info",
            "1 for what serves, as labels, and 0 for what did before; "
            "caged: whether the decoders' system calls are filtered",
            ["model", "model_version", "backend", "ffmpeg", "tensorflow", "bentoml", "caged"],
            multiprocess_mode="livemax",
        )
        self._built: dict[str, str] = {}  # the labels of what serves now
        self._reloads = Counter(
            "signwrite_reloads",
            "Times that a worker was told to look for a new model, by what came of it",
            ["outcome"],
        )
        for outcome in get_args(ReloadOutcome):
            self._reloads.labels(outcome)  # told from the start, as 0
        self._refused = Gauge(
            "signwrite_reload_refused",
            "1 while the last model that was to be let in is refused; the log says why",
            multiprocess_mode="livemax",
        )
        self._in_house = Gauge(
            "signwrite_requests_in_house",
            "Predictions being uploaded, decoded, or in the model",
            multiprocess_mode="livesum",
        )

    def timed(self, timings: Timings) -> None:
        """Count where the time of an answered request went."""
        seconds = timings.seconds
        self._decode.observe(seconds[DECODE])
        self._wait.labels("decoder").observe(seconds[WAIT_DECODER])
        self._wait.labels("model").observe(seconds[WAIT_MODEL])

    def inferred(self, clips: int, seconds: float, *, model_version: str) -> None:
        """Count a call of the model."""
        self._batch.observe(clips)
        self._inference.labels(model_version).observe(seconds)

    def predicted(self, *, first: str, uncertain: bool, model_version: str) -> None:
        """Count an answer with a ranking."""
        self._first.labels(sign=first, model_version=model_version).inc()
        self._answers.labels(status="200", kind="ranking").inc()
        self._uncertain.labels(model_version).inc(int(uncertain))

    def failed(self, fault: Fault) -> None:
        """Count an answer with a problem."""
        self._answers.labels(status=str(fault.status), kind=fault.slug).inc()

    def decoder_replaced(self) -> None:
        """Count a decoder process that is started anew."""
        self._replaced.inc()

    def serving(
        self, *, model: str, model_version: str, backend: str, ffmpeg: str, caged: bool
    ) -> None:
        """Tell what serves from now on; a series cannot be removed where workers share them."""
        if self._built:
            self._build.labels(**self._built).set(0)
        self._built = {
            "model": model,
            "model_version": model_version,
            "backend": backend,
            "ffmpeg": ffmpeg,
            "tensorflow": _version("tensorflow", "tensorflow-cpu"),
            "bentoml": _version("bentoml"),
            "caged": str(caged).lower(),
        }
        self._build.labels(**self._built).set(1)

    def reloaded(self, outcome: ReloadOutcome) -> None:
        """Count what came of looking for a new model."""
        self._reloads.labels(outcome).inc()
        self._refused.set(int(outcome == "refused"))

    def in_house(self, count: int) -> None:
        """Tell how many predictions are under way."""
        self._in_house.set(count)


def _version(*distributions: str) -> str:
    """Return the version of the first of these that is installed."""
    for name in distributions:
        with suppress(PackageNotFoundError):
            return version(name)
    return "unknown"


@cache
def metrics() -> Metrics:
    """Return this process's series."""
    return Metrics()
