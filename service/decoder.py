"""The server's side of one decoder process, which can be killed without harm to anything else."""

import asyncio
import contextlib
import fcntl
import json
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from service.decoder_process import CLIP_HEAD, REPLY_HEAD
from signwrite.clip import ClipInfo, Limits
from signwrite.errors import LimitExceededError, UnsupportedMediaError, UnusableClipError
from signwrite.reader import ClipTensor
from signwrite.recipe import Recipe

_MAX_REPLY_BYTES = 64 * 1024
_START_S = 60.0
_PIECE_BYTES = 256 * 1024  # a whole clip, copied at once, would hold the event loop


class DecoderGoneError(UnusableClipError):
    """The decoder process ended in the middle of the clip: killed, crashed, or out of memory."""

    def __init__(
        self, message: str = "a clip that decodes; received one that ended the decoder"
    ) -> None:
        """Say what can be said."""
        super().__init__(message)


@dataclass(frozen=True)
class DecoderSetup:
    """What a decoder process is told once.

    Attributes:
        recipe: how a clip becomes a tensor.
        limits: on what is decoded.
        memory_bytes: the most address space of the process.
        cpu_s: the most CPU time for one clip, in seconds.
        wall_s: the most time for one clip, in seconds.
        seccomp: whether a kernel that does not filter system calls is an error.
        places: how many tensors fit into the memory that is shared with it.
    """

    recipe: Recipe
    limits: Limits
    memory_bytes: int
    cpu_s: float = 20.0
    wall_s: float = 20.0
    seccomp: bool = False
    places: int = 1

    def told(self, *, frames_fd: int) -> bytes:
        """Put into words what the process is told, and where the shared memory is."""
        told = {
            "recipe": self.recipe.model_dump(),
            "limits": self.limits.model_dump(),
            "memory_bytes": self.memory_bytes,
            "cpu_s": self.cpu_s,
            "seccomp": self.seccomp,
            "frames_fd": frames_fd,
        }
        return json.dumps(told).encode()


class Decoder:
    """One decoder process; it has one clip at a time.

    What it decodes stays where it wrote it, in one of the places of the memory that is shared with
    it, until whoever reads it lets go of the place.

    Attributes:
        caged: whether the kernel filters its system calls.
        ffmpeg: the version of its FFmpeg.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        setup: DecoderSetup,
        *,
        frames: npt.NDArray[np.uint8],
    ) -> None:
        """Own a process; use `start`."""
        self._process = process
        self._setup = setup
        self._frames = frames
        self._free = list(range(len(frames)))
        self.caged = False
        self.ffmpeg = ""

    @classmethod
    async def start(cls, setup: DecoderSetup) -> Self:
        """Start a process and wait until it can decode.

        Raises:
            DecoderGoneError: it ended, or said nothing for a minute.
        """
        shape = (setup.places, *setup.recipe.clip_shape)
        with _shared_memory(int(np.prod(shape))) as frames_fd:
            frames = np.frombuffer(mmap.mmap(frames_fd, 0, prot=mmap.PROT_READ), np.uint8)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "service.decoder_process",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=_environment(),
                pass_fds=(frames_fd,),
            )
            text = setup.told(frames_fd=frames_fd)
        decoder = cls(process, setup, frames=frames.reshape(shape))
        try:
            async with asyncio.timeout(_START_S):
                reply = await decoder._ask(REPLY_HEAD.pack(len(text)), text)
                decoder.caged, decoder.ffmpeg = reply["caged"] is True, str(reply["ffmpeg"])
        except BaseException as error:  # cancelled at the door is no reason to leave it running
            await decoder.kill()
            if isinstance(error, TimeoutError):
                raise DecoderGoneError from None
            raise
        return decoder

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not been seen to end."""
        stdout = self._process.stdout
        return self._process.returncode is None and stdout is not None and not stdout.at_eof()

    @property
    def has_place(self) -> bool:
        """Whether there is room for another tensor."""
        return bool(self._free)

    def take_place(self) -> int:
        """Take a place that is free; there must be one."""
        return self._free.pop()

    def let_go(self, place: int) -> None:
        """Let the next clip overwrite a place."""
        self._free.append(place)

    async def decode(self, clip: bytes | bytearray, *, place: int) -> ClipTensor:
        """Read a clip.

        Args:
            clip: its bytes.
            place: one that was taken; the tensor's frames are this memory itself, read-only here.

        Raises:
            ClipError: the clip cannot be read; DecoderGoneError, if it ended the process, or took
                longer than it may: then the process is still at it.
            RuntimeError: the decoder failed at something that is not the clip's fault.
        """
        limit = asyncio.timeout(self._setup.wall_s)
        try:
            async with limit:
                reply = await self._ask(CLIP_HEAD.pack(place, len(clip)), clip)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DecoderGoneError(_too_slow(self._setup.wall_s)) from None
        if "fault" in reply:
            raise _error_of(reply["fault"])
        try:
            return ClipTensor(
                frames=self._frames[place],
                pts_s=np.asarray(reply["pts_s"], np.float64),
                info=ClipInfo(**reply["info"]),
            )
        except (KeyError, TypeError, ValueError) as error:  # no answer of ours: it was taken over
            raise DecoderGoneError from error

    async def _ask(self, head: bytes, body: bytes | bytearray = b"") -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 - both are pipes
        try:
            stdin.write(head)
            for start in range(0, len(body), _PIECE_BYTES):
                stdin.write(memoryview(body)[start : start + _PIECE_BYTES])
                await stdin.drain()
            (length,) = REPLY_HEAD.unpack(await stdout.readexactly(REPLY_HEAD.size))
            if length > _MAX_REPLY_BYTES:
                raise DecoderGoneError
            reply: dict[str, Any] = json.loads(await stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            if await self._process.wait() == -signal.SIGPROF:
                raise DecoderGoneError(_too_slow(self._setup.cpu_s, of=" of CPU time")) from None
            raise DecoderGoneError from None
        except json.JSONDecodeError:
            raise DecoderGoneError from None
        return reply

    async def kill(self) -> None:
        """End the process, whatever it is doing, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


def _too_slow(seconds: float, *, of: str = "") -> str:
    return f"a clip that decodes in at most {seconds:g} s{of}; received one that takes longer"


@contextlib.contextmanager
def _shared_memory(size: int) -> Iterator[int]:
    """Make memory that two processes can share; it is gone when both have let go of it.

    It has no name, so nothing can be left behind; and its size is sealed, as reading beyond the
    end of one that was cut short would end the server.
    """
    descriptor = os.memfd_create("frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        yield descriptor
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    """Return this process's environment, with the service importable and numpy's pools small."""
    root = str(Path(__file__).resolve().parents[1])
    path = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    # Each pool and each of malloc's arenas costs address space, of which there is little.
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return {**os.environ, **single, "PYTHONPATH": os.pathsep.join(path)}


def _error_of(fault: dict[str, str]) -> Exception:
    match fault:
        case {"kind": "LimitExceededError", **sides}:
            return LimitExceededError(
                sides["limit"], wanted=sides["wanted"], received=sides["received"]
            )
        case {"kind": "UnsupportedMediaError", "message": message}:
            return UnsupportedMediaError(message)
        case {"message": message}:
            return UnusableClipError(message)
    return RuntimeError("a decoder process failed; its own traceback stands above in the log")
