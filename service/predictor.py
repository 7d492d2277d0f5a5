"""The service without HTTP: a clip's bytes in, the answer out; bounded in number and in time."""

import asyncio
import logging
from contextlib import AbstractContextManager
from time import perf_counter

from service.faults import BadRequestError, DeadlineError, NotReadyError
from service.house import House
from service.metrics import metrics
from service.schema import DEFAULT_TOP_K
from service.served_model import LOADING_RETRY_S, ServedModel
from service.settings import ServiceSettings
from service.timings import EXPLAIN, Timings
from signwrite.answer import ExplainedAnswer, PredictionAnswer
from signwrite.bundle import Manifest

_logger = logging.getLogger(__name__)


class Predictor:
    """The model that serves, and the requests under way. Lives on one event loop.

    Args:
        settings: the operator's.

    Raises:
        BundleError: the bundle's manifest is missing or of an unknown version.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        """Read the manifest; nothing else is loaded before `open`."""
        self._settings = settings
        self._model = ServedModel(settings.bundle, settings=settings)
        self._leaving: dict[asyncio.Task[None], ServedModel] = {}
        self._house = House(places=settings.max_requests, observe=metrics().in_house)

    @property
    def model(self) -> ServedModel:
        """The model that serves now."""
        return self._model

    @property
    def manifest(self) -> Manifest:
        """What the model that serves now is."""
        return self._model.manifest

    @property
    def ready(self) -> bool:
        """Whether the model is warm, clips can be decoded, and requests are let in."""
        return self._model.ready and not self._house.closing

    async def open(self) -> None:
        """Verify and load the bundle, start the decoders, and predict once.

        Raises:
            BundleError: the bundle is damaged, or does not answer as its manifest says.
            DecoderGoneError: the decoder processes do not start.
        """
        started_s = perf_counter()
        await self._model.open()
        if not self._model.caged:
            _logger.warning("the decoders' system calls are not filtered: no seccomp here")
        self._tell_what_serves()
        _logger.info(
            "%s %s on %s is ready after %.1f s",
            self.manifest.name,
            self.manifest.version,
            self._model.backend,
            perf_counter() - started_s,
        )

    def replace(self, model: ServedModel) -> None:
        """Let another model, which is open, read every request from now on.

        Requests under way are finished by the one that began them, which is closed then.
        """
        old, self._model = self._model, model
        retiring = asyncio.create_task(old.retire())
        self._leaving[retiring] = old
        retiring.add_done_callback(self._leaving.pop)
        self._tell_what_serves()

    async def close(self) -> None:
        """End what belongs to the model, and to those that still finish requests."""
        leaving = dict(self._leaving)
        for retiring in leaving:
            retiring.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        for model in (*leaving.values(), self._model):
            await model.close()

    async def drain(self) -> bool:
        """Let no request in any more, and finish those under way, as long as the settings say.

        Returns:
            Whether all of them were finished.
        """
        return await self._house.close(within_s=self._settings.drain_s)

    def admitted(self) -> AbstractContextManager[None]:
        """Hold one of the places in the house; taken before a body is read, so memory is bounded.

        Raises:
            NotReadyError: the model is not warm yet.
            ClosingError: the service is stopping.
            QueueFullError: every place is taken.
        """
        if not self.ready and not self._house.closing:
            raise NotReadyError(
                "a model that is loaded; it still is loading", retry_after_s=LOADING_RETRY_S
            )
        return self._house.place()

    async def predict(
        self,
        clip: bytes | bytearray,
        *,
        top_k: int | None,
        timings: Timings,
        explain: bool = False,
        deadline_s: float | None = None,
    ) -> PredictionAnswer:
        """Read one clip within the deadline: the settings', or a shorter one of the client's.

        With `explain` it is an `ExplainedAnswer`. A clip that overruns while it waits is dropped;
        while it decodes, its process is killed. A call of the model that has begun ends by itself,
        without the clip's request waiting.

        Raises:
            BadRequestError: `top_k` is not 1 to the number of signs.
            ClipError: the clip cannot be read.
            DeadlineError: there was no answer in time.
            NotReadyError: the model is not warm, or was just closed.
        """
        model = self._model
        wanted = _checked(top_k, signs=len(model.manifest.vocabulary))
        within_s = min(self._settings.deadline_s, deadline_s or self._settings.deadline_s)
        try:
            with model.in_use():
                async with asyncio.timeout(within_s):
                    reading, looks = await model.read(
                        clip, top_k=wanted, explain=explain, timings=timings
                    )
        except TimeoutError as error:
            raise DeadlineError(f"an answer within {within_s:g} s; there was none") from error
        answer = PredictionAnswer.of(reading, manifest=model.manifest)
        metrics().predicted(
            first=answer.ranking[0].sign,
            uncertain=answer.uncertain,
            model_version=answer.model.version,
        )
        metrics().timed(timings)
        if not explain:
            return answer
        with timings.span(EXPLAIN):
            return await asyncio.to_thread(ExplainedAnswer.with_looks, answer, looks)

    def _tell_what_serves(self) -> None:
        metrics().serving(
            model=self.manifest.name,
            model_version=self.manifest.version,
            backend=str(self._model.backend),
            ffmpeg=self._model.ffmpeg,
            caged=self._model.caged,
        )


def _checked(top_k: int | None, *, signs: int) -> int:
    wanted = min(DEFAULT_TOP_K, signs) if top_k is None else top_k
    if not 1 <= wanted <= signs:
        raise BadRequestError(f"top_k of 1 to {signs}; received {wanted}")
    return wanted
