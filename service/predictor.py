"""The service without HTTP: a clip's bytes in, the answer out; bounded in number and in time."""

import asyncio
import logging
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from time import perf_counter

import numpy as np

from service.batching import MicroBatcher
from service.decoder import DecoderSetup
from service.decoding import DecoderPool
from service.faults import BadRequestError, DeadlineError, NotReadyError
from service.house import House
from service.metrics import metrics
from service.schema import DEFAULT_TOP_K
from service.settings import ServiceSettings
from service.timings import INFER, Timings
from signwrite.answer import PredictionAnswer
from signwrite.backends import Backend, best_batch, load_classifier
from signwrite.bundle import Bundle, Manifest, read_manifest
from signwrite.classifier import Classifier
from signwrite.errors import BundleError
from signwrite.reader import Reader

_LOADING_RETRY_S = 5

_logger = logging.getLogger(__name__)


class Predictor:
    """One model, its decoders, and the requests under way. Lives on one event loop.

    Args:
        settings: the operator's.

    Raises:
        BundleError: the bundle's manifest is missing or of an unknown version.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        """Read the manifest; nothing else is loaded before `open`."""
        self.manifest: Manifest = read_manifest(settings.bundle)
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._decoders = DecoderPool(
            DecoderSetup(
                recipe=self.manifest.recipe,
                limits=settings.limits,
                memory_bytes=settings.decoder_memory_bytes,
                cpu_s=settings.decoder_cpu_s,
                wall_s=settings.decoder_s,
                seccomp=settings.require_seccomp,
                # All requests in the house may wait for the model at once.
                places=math.ceil(settings.max_requests / settings.decoders),
            ),
            size=settings.decoders,
        )
        self._reader: Reader | None = None
        self._batcher: MicroBatcher | None = None
        self._backend: Backend | None = None
        self._house = House(places=settings.max_requests, observe=metrics().in_house)

    @property
    def ready(self) -> bool:
        """Whether the model is warm, clips can be decoded, and requests are let in."""
        return self._batcher is not None and not self._house.closing

    async def open(self) -> None:
        """Verify and load the bundle, start the decoders, and predict once.

        Raises:
            BundleError: the bundle is damaged, or does not answer as its manifest says.
            DecoderGoneError: the decoder processes do not start.
        """
        loop = asyncio.get_running_loop()
        started_s = perf_counter()
        _, (classifier, backend, max_batch) = await asyncio.gather(
            self._decoders.start(), loop.run_in_executor(self._thread, self._load)
        )
        self._backend = backend
        self._reader = Reader(self.manifest, classifier=classifier, limits=self._settings.limits)
        self._batcher = MicroBatcher(
            classifier,
            thread=self._thread,
            max_batch=max_batch,
            observe=metrics().inferred,
        )
        if not self._decoders.caged:
            _logger.warning("the decoders' system calls are not filtered: no seccomp here")
        metrics().serving(
            model=self.manifest.name,
            model_version=self.manifest.version,
            backend=backend,
            ffmpeg=self._decoders.ffmpeg,
            caged=self._decoders.caged,
        )
        _logger.info(
            "%s %s on %s is ready after %.1f s",
            self.manifest.name,
            self.manifest.version,
            backend,
            perf_counter() - started_s,
        )

    async def close(self) -> None:
        """End the decoders and the model's thread."""
        self._batcher = None
        await self._decoders.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

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
                "a model that is loaded; it still is loading", retry_after_s=_LOADING_RETRY_S
            )
        return self._house.place()

    async def predict(
        self,
        clip: bytes | bytearray,
        *,
        top_k: int | None,
        timings: Timings,
        deadline_s: float | None = None,
    ) -> PredictionAnswer:
        """Read one clip within the deadline: the settings', or a shorter one of the client's.

        A clip that overruns while it waits is dropped; while it decodes, its process is killed.
        A call of the model that has begun ends by itself, without the clip's request waiting.

        Raises:
            BadRequestError: `top_k` is not 1 to the number of signs.
            ClipError: the clip cannot be read.
            DeadlineError: there was no answer in time.
            NotReadyError: the model is not warm, or was just closed.
        """
        wanted = self._checked(top_k)
        within_s = min(self._settings.deadline_s, deadline_s or self._settings.deadline_s)
        try:
            async with asyncio.timeout(within_s):
                return await self._predict(clip, top_k=wanted, timings=timings)
        except TimeoutError as error:
            raise DeadlineError(f"an answer within {within_s:g} s; there was none") from error

    async def _predict(
        self, clip: bytes | bytearray, *, top_k: int, timings: Timings
    ) -> PredictionAnswer:
        if self._reader is None or self._batcher is None:
            raise NotReadyError("a model that is loaded", retry_after_s=_LOADING_RETRY_S)
        async with self._decoders.decoded(clip, timings=timings) as tensor:
            found, row = await self._batcher.classify(tensor.frames, timings=timings)
            timings.spans[INFER].facts["backend"] = str(self._backend)
            reading = self._reader.rank(found, tensor=tensor, row=row, top_k=top_k)
        ranking = reading.ranking
        metrics().predicted(first=ranking.predictions[0].sign, uncertain=ranking.uncertain)
        metrics().timed(timings)
        return PredictionAnswer.of(reading, manifest=self.manifest)

    def _checked(self, top_k: int | None) -> int:
        signs = len(self.manifest.vocabulary)
        wanted = min(DEFAULT_TOP_K, signs) if top_k is None else top_k
        if not 1 <= wanted <= signs:
            raise BadRequestError(f"top_k of 1 to {signs}; received {wanted}")
        return wanted

    def _load(self) -> tuple[Classifier, Backend, int]:
        classifier, backend = load_classifier(
            Bundle(self._settings.bundle),
            backend=self._settings.backend,
            threads=self._settings.threads,
        )
        wanted = len(self.manifest.vocabulary)
        max_batch = self._settings.max_batch or best_batch(backend)
        for clips in sorted({1, max_batch}):
            blank = np.zeros((clips, *self.manifest.recipe.clip_shape), np.uint8)
            shape = classifier.classify(blank).scores.shape
            if shape != (clips, wanted):
                raise BundleError(f"scores of shape {(clips, wanted)}; received {shape}")
        return classifier, backend, max_batch
