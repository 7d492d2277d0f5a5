"""A pool of warm decoder processes; one that overruns or crashes is replaced."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.decoder import Decoder, DecoderGoneError, DecoderSetup
from service.metrics import metrics
from service.timings import DECODE, WAIT_DECODER, Timings
from signwrite.errors import ClipError
from signwrite.reader import ClipTensor

_logger = logging.getLogger(__name__)

_RESTART_PAUSE_S = 1.0


class DecoderPool:
    """Warm decoder processes; one that overruns or crashes is replaced.

    Args:
        setup: what each is told.
        size: how many there are.
    """

    def __init__(self, setup: DecoderSetup, *, size: int) -> None:
        """Start nothing yet."""
        self._setup = setup
        self._size = size
        self._idle: asyncio.LifoQueue[Decoder] = asyncio.LifoQueue()
        self._all: set[Decoder] = set()
        self._full: set[Decoder] = set()  # whole, but without a place for another tensor
        self._renewals: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start every process and wait until each can decode."""
        adding = (self._add() for _ in range(self._size))
        # All of them, whatever becomes of one: none may start after this has failed.
        for added in await asyncio.gather(*adding, return_exceptions=True):
            if isinstance(added, BaseException):
                raise added

    @property
    def pids(self) -> list[int]:
        """The ids of the processes there are."""
        return [decoder.pid for decoder in self._all]

    @property
    def caged(self) -> bool:
        """Whether the kernel filters the system calls of every process."""
        return all(decoder.caged for decoder in self._all)

    @property
    def ffmpeg(self) -> str:
        """The version of FFmpeg that decodes."""
        return next((decoder.ffmpeg for decoder in self._all), "")

    @asynccontextmanager
    async def decoded(
        self, clip: bytes | bytearray, *, timings: Timings | None = None
    ) -> AsyncIterator[ClipTensor]:
        """Read a clip in the next free process that has a place for it.

        Args:
            clip: its bytes.
            timings: told how long it waited for a process, and how long that took; nobody by
                default.

        Yields:
            The clip, where the process wrote it: nothing is copied. It holds only as long as the
            context, as another clip may take its place then.

        A caller that is cancelled while it waits for a process has cost nothing; one that is
        cancelled later has its process killed, and the work with it.

        Raises:
            ClipError: the clip cannot be read.
        """
        timings = timings or Timings()
        with timings.span(WAIT_DECODER):
            decoder = await self._free()
        place = decoder.take_place()
        try:
            tensor = await self._decode(decoder, clip, place=place, timings=timings)
            yield tensor
        finally:
            decoder.let_go(place)
            if decoder in self._full:
                self._full.remove(decoder)
                self._idle.put_nowait(decoder)

    async def close(self) -> None:
        """End every process."""
        for renewal in self._renewals:
            renewal.cancel()
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await asyncio.gather(*(decoder.kill() for decoder in self._all))
        self._all.clear()

    async def _decode(
        self, decoder: Decoder, clip: bytes | bytearray, *, place: int, timings: Timings
    ) -> ClipTensor:
        """Read a clip, and give the process back as soon as it is free."""
        try:
            with timings.span(DECODE) as facts:
                tensor = await decoder.decode(clip, place=place)
                facts["frames_decoded"] = tensor.info.frames_decoded
                facts["frames_used"] = tensor.frames_used
        except ClipError as error:
            self._give_back(decoder, whole=not isinstance(error, DecoderGoneError))
            raise
        except BaseException:
            self._give_back(decoder, whole=False)
            raise
        self._give_back(decoder, whole=True)
        return tensor

    async def _free(self) -> Decoder:
        while not (decoder := await self._idle.get()).alive:  # it ended while nobody looked
            self._give_back(decoder, whole=False)
        return decoder

    def _give_back(self, decoder: Decoder, *, whole: bool) -> None:
        if whole and decoder.has_place:
            self._idle.put_nowait(decoder)
            return
        if whole:
            self._full.add(decoder)
            return
        renewal = asyncio.create_task(self._renew(decoder))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)

    async def _renew(self, decoder: Decoder) -> None:
        _logger.warning("decoder process %d is replaced", decoder.pid)
        metrics().decoder_replaced()
        await decoder.kill()
        self._all.discard(decoder)
        self._full.discard(decoder)
        while True:
            try:
                await self._add()
            except (DecoderGoneError, OSError) as error:
                _logger.error("a decoder process did not start (%r); trying again", error)  # noqa: TRY400 - its own output says more than our stack
                await asyncio.sleep(_RESTART_PAUSE_S)
            else:
                return

    async def _add(self) -> None:
        decoder = await Decoder.start(self._setup)
        self._all.add(decoder)
        self._idle.put_nowait(decoder)
