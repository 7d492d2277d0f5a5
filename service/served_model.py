"""One bundle with all that answers from it; a request sees one such model wholly, or another."""

import asyncio
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from service.batching import MicroBatcher
from service.decoder import DecoderSetup
from service.decoding import DecoderPool
from service.faults import NotReadyError
from service.metrics import metrics
from service.settings import ServiceSettings
from service.timings import INFER, Timings
from signwrite.backends import Backend, best_batch, load_classifier
from signwrite.bundle import Bundle, Manifest, read_manifest
from signwrite.classifier import Classification, Classifier
from signwrite.errors import BundleError
from signwrite.explanation import Look, looks_of
from signwrite.reader import Reader, Reading

LOADING_RETRY_S = 5

_SUM_TOLERANCE = 0.01  # of probabilities in float32, or worked out with 8-bit integers


class ServedModel:
    """A model, its decoders, its queue and its reader. Lives on one event loop.

    Two of them can stand side by side: each has its own thread and processes, as their recipes may
    differ.

    Args:
        root: the bundle's folder. What a link names now is taken, so that one model is one folder.
        settings: the operator's.

    Attributes:
        manifest: the bundle's.
        backend: what runs the model; empty before `open`.

    Raises:
        BundleError: the bundle's manifest is missing or of an unknown version.
    """

    def __init__(self, root: Path, *, settings: ServiceSettings) -> None:
        """Read the manifest; nothing else is loaded before `open`."""
        self._root = root.resolve()
        self.manifest: Manifest = read_manifest(self._root)
        self.backend: Backend | None = None
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
        self._uses = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @property
    def ready(self) -> bool:
        """Whether the model is warm and clips can be decoded."""
        return self._batcher is not None

    @property
    def caged(self) -> bool:
        """Whether the kernel filters the system calls of every decoder."""
        return self._decoders.caged

    @property
    def decoder_pids(self) -> list[int]:
        """The ids of the decoder processes."""
        return self._decoders.pids

    @property
    def ffmpeg(self) -> str:
        """The version of FFmpeg that decodes."""
        return self._decoders.ffmpeg

    async def open(self) -> None:
        """Verify and load the bundle, start the decoders, and predict once.

        Raises:
            BundleError: the bundle is damaged, or does not answer as its manifest says.
            DecoderGoneError: the decoder processes do not start.
        """
        starting = asyncio.create_task(self._decoders.start())
        try:
            loading = asyncio.get_running_loop().run_in_executor(self._thread, self._load)
            classifier, self.backend, max_batch = await loading
            await starting
        except BaseException:  # cancelled or not: no decoder may start when this has ended
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            raise
        self._reader = Reader(self.manifest, classifier=classifier, limits=self._settings.limits)
        self._batcher = MicroBatcher(
            classifier,
            thread=self._thread,
            max_batch=max_batch,
            observe=partial(metrics().inferred, model_version=self.manifest.version),
        )

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep it from being closed by `retire`."""
        self._uses += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._uses -= 1
            if not self._uses:
                self._unused.set()

    async def read(
        self, clip: bytes | bytearray, *, top_k: int, timings: Timings, explain: bool = False
    ) -> tuple[Reading, tuple[Look, ...]]:
        """Read one clip.

        Args:
            clip: its bytes.
            top_k: how many predictions to keep.
            timings: told how long it waited, and how long its parts took.
            explain: whether to cut out what the model looked at.

        Returns:
            The reading, and where it is to be explained, a look for each different frame.

        Raises:
            ClipError: it cannot be read.
            NotReadyError: the model is not warm, or was just closed.
        """
        if self._reader is None or self._batcher is None:
            raise NotReadyError("a model that is loaded", retry_after_s=LOADING_RETRY_S)
        async with self._decoders.decoded(clip, timings=timings) as tensor:
            found, row = await self._batcher.classify(tensor.frames, timings=timings)
            timings.spans[INFER].facts["backend"] = str(self.backend)
            reading = self._reader.rank(found, tensor=tensor, row=row, top_k=top_k)
            return reading, looks_of(tensor, reading.boxes) if explain else ()

    async def retire(self) -> None:
        """Wait until nobody uses it any more, and close it."""
        await self._unused.wait()
        await self.close()

    async def close(self) -> None:
        """End the decoders and the model's thread, and let go of the model."""
        self._batcher = self._reader = None
        await self._decoders.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> tuple[Classifier, Backend, int]:
        classifier, backend = load_classifier(
            Bundle(self._root), backend=self._settings.backend, threads=self._settings.threads
        )
        max_batch = self._settings.max_batch or best_batch(backend)
        for clips in sorted({1, max_batch}):
            blank = np.zeros((clips, *self.manifest.recipe.clip_shape), np.uint8)
            self._check(classifier.classify(blank), clips=clips)
        return classifier, backend, max_batch

    def _check(self, found: Classification, *, clips: int) -> None:
        """Refuse what are not the probabilities of this vocabulary's signs."""
        wanted = (clips, len(self.manifest.vocabulary))
        if found.scores.shape != wanted:
            raise BundleError(f"scores of shape {wanted}; received {found.scores.shape}")
        sums = found.scores.sum(axis=1)
        if not (np.isfinite(found.hand).all() and np.allclose(sums, 1.0, atol=_SUM_TOLERANCE)):
            raise BundleError(f"scores that are finite and sum to 1; received sums of {sums}")
