"""The decoder pool, with real processes that are really stopped, killed and replaced."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from service.decoder import Decoder, DecoderGoneError, DecoderSetup
from service.decoding import DecoderPool
from signwrite.clip import Limits
from signwrite.errors import LimitExceededError, UnsupportedMediaError, UnusableClipError
from signwrite.reader import ClipTensor, read_tensor
from tests.bundles import TINY_RECIPE
from tests.clips import counter_clip, encode, rotated_clip

pytestmark = pytest.mark.slow

SETUP = DecoderSetup(recipe=TINY_RECIPE, limits=Limits(max_seconds=5), memory_bytes=2**30)


def with_pool(
    play: Callable[[DecoderPool], Awaitable[None]], *, size: int = 1, setup: DecoderSetup = SETUP
) -> list[int]:
    """Play with an open pool; return the processes it ever was seen to have."""

    async def run() -> list[int]:
        pool = DecoderPool(setup, size=size)
        try:
            await pool.start()
            first = pool.pids
            await play(pool)
            return [*first, *pool.pids]
        finally:
            await pool.close()

    return asyncio.run(run())


async def read(pool: DecoderPool, clip: bytes | bytearray) -> ClipTensor:
    """Decode a clip and keep it; the pool's own memory is let go of."""
    async with pool.decoded(clip) as tensor:
        return replace(tensor, frames=tensor.frames.copy())


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pid: int) -> None:
    while lives(pid):
        time.sleep(0.001)


async def end(pid: int) -> None:
    """Kill a process of the pool while it does nothing, and let the pool's loop notice."""
    os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until_gone, pid)
    await asyncio.sleep(0.01)  # the loop sees the closed pipe before it goes on


def test_tensors_come_back_as_they_are() -> None:
    async def play(pool: DecoderPool) -> None:
        for content in (counter_clip(), bytearray(rotated_clip(90)), counter_clip(1)):
            wanted = read_tensor(bytes(content), recipe=TINY_RECIPE)
            received = await read(pool, content)
            np.testing.assert_array_equal(received.frames, wanted.frames)
            np.testing.assert_array_equal(received.pts_s, wanted.pts_s)
            assert received.info == wanted.info

    pids = with_pool(play)
    assert not any(map(lives, pids))


def test_errors_come_back_as_they_are_and_the_process_stays() -> None:
    async def play(pool: DecoderPool) -> None:
        before = pool.pids
        with pytest.raises(UnsupportedMediaError, match="received something else"):
            await read(pool, b"no video")
        with pytest.raises(LimitExceededError) as caught:
            await read(pool, counter_clip(200))
        assert caught.value.limit == "max_seconds"
        assert caught.value.wanted == "at most 5 s"
        with pytest.raises(UnusableClipError):
            await read(pool, counter_clip()[:1500])
        assert pool.pids == before
        assert (await read(pool, counter_clip())).info.frames_decoded > 0

    with_pool(play)


def test_a_deadline_kills_the_process_and_the_next_clip_is_read() -> None:
    async def play(pool: DecoderPool) -> None:
        (stuck,) = pool.pids
        os.kill(stuck, signal.SIGSTOP)  # as good as a clip that decodes for ever
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await read(pool, counter_clip())
        assert (await read(pool, counter_clip())).info.width == 96
        assert not lives(stuck)
        assert stuck not in pool.pids

    with_pool(play)


def test_a_process_that_dies_with_a_clip_is_the_clips_fault() -> None:
    async def play(pool: DecoderPool) -> None:
        (victim,) = pool.pids
        os.kill(victim, signal.SIGSTOP)
        decoding = asyncio.create_task(read(pool, counter_clip()))
        await asyncio.sleep(0)
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(DecoderGoneError, match="ended the decoder"):
            await decoding
        assert (await read(pool, counter_clip())).info.width == 96

    with_pool(play)


def test_a_process_that_died_idle_costs_no_request() -> None:
    async def play(pool: DecoderPool) -> None:
        (victim,) = pool.pids
        await end(victim)
        assert (await read(pool, counter_clip())).info.width == 96

    with_pool(play)


def test_a_clip_that_waits_for_a_process_and_is_cancelled_harms_none() -> None:
    async def play(pool: DecoderPool) -> None:
        (only,) = pool.pids
        os.kill(only, signal.SIGSTOP)
        first = asyncio.create_task(read(pool, counter_clip()))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await read(pool, counter_clip())
        os.kill(only, signal.SIGCONT)
        assert (await first).info.width == 96
        assert pool.pids == [only]

    with_pool(play)


@cache
def large_clip() -> bytes:
    """Every one of its frames is a key frame of 28 MB, and takes about 35 ms to decode."""
    return encode("avi", "mjpeg", pixels="yuvj444p", numbers=range(24), size=(4096, 2304))


def address_space(pid: int) -> int:
    """Return how many bytes of it a process takes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_clip_that_needs_too_much_memory_is_its_own_fault() -> None:
    """The kernel refuses it; the process says so and goes on, or is replaced."""

    async def run() -> None:
        decoder = await Decoder.start(SETUP)
        needed = address_space(decoder.pid)
        await decoder.kill()
        setup = replace(SETUP, memory_bytes=needed + 72 * 2**20)
        pool = DecoderPool(setup, size=1)
        try:
            await pool.start()
            assert (await read(pool, counter_clip())).info.width == 96
            with pytest.raises(UnusableClipError):
                await read(pool, large_clip())
            assert (await read(pool, counter_clip())).info.width == 96
        finally:
            await pool.close()

    asyncio.run(run())


def test_a_clip_that_takes_too_long_is_its_own_fault() -> None:
    async def play(pool: DecoderPool) -> None:
        (stuck,) = pool.pids
        os.kill(stuck, signal.SIGSTOP)  # however fast the machine is
        with pytest.raises(DecoderGoneError, match="at most 1 s;"):
            await read(pool, counter_clip())
        assert (await read(pool, counter_clip())).info.width == 96

    with_pool(play, setup=replace(SETUP, wall_s=1.0))


def test_a_clip_that_takes_too_much_of_the_processor_is_its_own_fault() -> None:
    async def play(pool: DecoderPool) -> None:
        with pytest.raises(DecoderGoneError, match=r"at most 0\.2 s of CPU time"):
            await read(pool, large_clip())
        assert (await read(pool, counter_clip())).info.width == 96

    with_pool(play, setup=replace(SETUP, cpu_s=0.2))


def test_clips_are_read_side_by_side() -> None:
    clips = [counter_clip(frames) for frames in (5, 10, 20, 30, 60, 90)]

    async def play(pool: DecoderPool) -> None:
        tensors = await asyncio.gather(*(read(pool, clip) for clip in clips))
        wanted = [read_tensor(content, recipe=TINY_RECIPE).info for content in clips]
        assert [tensor.info for tensor in tensors] == wanted

    assert len(set(with_pool(play, size=2))) == 2


def test_a_tensor_stays_as_it_is_until_it_is_let_go_of() -> None:
    clips = [counter_clip(frames) for frames in (5, 20, 60)]
    wanted = [read_tensor(content, recipe=TINY_RECIPE).frames for content in clips]

    async def play(pool: DecoderPool) -> None:
        async with pool.decoded(clips[0]) as first, pool.decoded(clips[1]) as second:
            third = asyncio.create_task(read(pool, clips[2]))  # both places are taken
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(third), 0.5)
            np.testing.assert_array_equal(first.frames, wanted[0])
            np.testing.assert_array_equal(second.frames, wanted[1])
            assert not first.frames.flags.owndata
            assert not first.frames.flags.writeable
        np.testing.assert_array_equal((await third).frames, wanted[2])

    pids = with_pool(play, setup=replace(SETUP, places=2))
    assert len(set(pids)) == 1


def test_a_process_with_every_place_taken_can_die_and_is_replaced() -> None:
    async def play(pool: DecoderPool) -> None:
        async with pool.decoded(counter_clip()) as held:
            (victim,) = pool.pids
            await end(victim)
            wanted = read_tensor(counter_clip(), recipe=TINY_RECIPE).frames
            np.testing.assert_array_equal(held.frames, wanted)  # its memory outlives it
        assert (await read(pool, counter_clip())).info.width == 96
        assert victim not in pool.pids

    with_pool(play)
