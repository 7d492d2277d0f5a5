"""The server's side of one decoder process, which can be killed without harm to anything else."""

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from service.decoder_process import CLIP_HEAD, REPLY_HEAD
from signwrite.clip import ClipInfo, Limits
from signwrite.errors import LimitExceededError, UnsupportedMediaError, UnusableClipError
from signwrite.reader import ClipTensor
from signwrite.recipe import Recipe

_MAX_REPLY_BYTES = 64 * 1024
_PIPE_BUFFER_BYTES = 4 * 1024 * 1024
_START_S = 60.0


class DecoderGoneError(UnusableClipError):
    """The decoder process ended in the middle of the clip: killed, crashed, or out of memory."""

    def __init__(self) -> None:
        """Say what can be said."""
        super().__init__("a clip that decodes; received one that ended the decoder")


@dataclass(frozen=True)
class DecoderSetup:
    """What a decoder process is told once.

    Attributes:
        recipe: how a clip becomes a tensor.
        limits: on what is decoded.
        memory_bytes: the most address space of the process.
    """

    recipe: Recipe
    limits: Limits
    memory_bytes: int


class Decoder:
    """One decoder process; it has one clip at a time."""

    def __init__(self, process: asyncio.subprocess.Process, setup: DecoderSetup) -> None:
        """Own a process that said it is ready; use `start`."""
        self._process = process
        self._shape = setup.recipe.clip_shape

    @classmethod
    async def start(cls, setup: DecoderSetup) -> Self:
        """Start a process and wait until it can decode.

        Raises:
            DecoderGoneError: it ended, or said nothing for a minute.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "service.decoder_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_PIPE_BUFFER_BYTES,
            env=_environment(),
        )
        decoder = cls(process, setup)
        told = {
            "recipe": setup.recipe.model_dump(),
            "limits": setup.limits.model_dump(),
            "memory_bytes": setup.memory_bytes,
        }
        text = json.dumps(told).encode()
        try:
            async with asyncio.timeout(_START_S):
                await decoder._ask(REPLY_HEAD.pack(len(text)) + text)
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

    async def decode(self, clip: bytes | bytearray) -> ClipTensor:
        """Read a clip.

        Raises:
            ClipError: the clip cannot be read; DecoderGoneError, if it ended the process.
            RuntimeError: the decoder failed at something that is not the clip's fault.
        """
        reply = await self._ask(CLIP_HEAD.pack(len(clip)), clip)
        if "fault" in reply:
            raise _error_of(reply["fault"])
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 - piped above; for the type checker
        try:
            raw = await stdout.readexactly(int(np.prod(self._shape)))
        except asyncio.IncompleteReadError:
            raise DecoderGoneError from None
        return ClipTensor(
            frames=np.frombuffer(raw, np.uint8).reshape(self._shape),
            pts_s=np.asarray(reply["pts_s"], np.float64),
            info=ClipInfo(**reply["info"]),
        )

    async def _ask(self, *message: bytes | bytearray) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None  # noqa: S101, PT018 - both are pipes
        try:
            stdin.writelines(message)
            await stdin.drain()
            (length,) = REPLY_HEAD.unpack(await stdout.readexactly(REPLY_HEAD.size))
            if length > _MAX_REPLY_BYTES:
                raise DecoderGoneError
            reply: dict[str, Any] = json.loads(await stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError, json.JSONDecodeError):
            raise DecoderGoneError from None
        return reply

    async def kill(self) -> None:
        """End the process, whatever it is doing, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


def _environment() -> dict[str, str]:
    """Return this process's environment, with the service importable and numpy's pools small."""
    root = str(Path(__file__).resolve().parents[1])
    path = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each pool costs address space
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
