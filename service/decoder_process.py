"""The decoder process: clips in on stdin, tensors out through shared memory.

What a stranger sends is parsed here and only here, away from the model and the other requests, in
the cage of `service.cage`. The server starts `python -m service.decoder_process` and kills it when
it overruns: `service.decoder`.

The wire, all integers little-endian::

    in    uint32 length, JSON setup: `DecoderSetup.told`                once
    out   uint32 length, JSON reply {"caged": true or false, "ffmpeg": its version}    ready
    in    uint32 place, uint64 length, the clip's bytes                 for each clip
    out   uint32 length, JSON reply; when it has no fault, the tensor, uint8 [T, S, S, 3], lies at
          that place of the memory that the server shares

JSON, not pickle: a clip that takes this process over must not take the server over with its answer.
The memory has no name and cannot change its size, so none is left over and none can be cut short.
"""

import contextlib
import dataclasses
import gc
import json
import logging
import mmap
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from service.cage import CageError, allow_cpu, end_with_parent, limit_resources, lock
from service.logs import write_logs_as_told
from signwrite.clip import Limits
from signwrite.clip.library import ffmpeg_version, load_all
from signwrite.errors import ClipError, LimitExceededError
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

REPLY_HEAD = struct.Struct("<I")
CLIP_HEAD = struct.Struct("<IQ")

_OUT_OF_MEMORY = "a clip that decodes in the memory allowed; received one that needs more"

_logger = logging.getLogger(__name__)


def main() -> None:
    """Serve clips until stdin ends."""
    for told_to_all in (signal.SIGTERM, signal.SIGINT):  # the server finishes what it has begun
        signal.signal(told_to_all, signal.SIG_IGN)
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    write_logs_as_told(stream=sys.stderr)
    setup = json.loads(incoming.read(*REPLY_HEAD.unpack(incoming.read(REPLY_HEAD.size))))
    recipe, limits = Recipe(**setup["recipe"]), Limits(**setup["limits"])
    shared = np.frombuffer(mmap.mmap(setup["frames_fd"], 0), np.uint8)
    shared = shared.reshape(-1, *recipe.clip_shape)
    caged = _confine(setup["memory_bytes"], seccomp=setup["seccomp"])
    gc.freeze()  # what is there now stays, so that collecting is quick
    _send(outgoing, {"caged": caged, "ffmpeg": ffmpeg_version()})
    while len(head := incoming.read(CLIP_HEAD.size)) == CLIP_HEAD.size:
        place, length = CLIP_HEAD.unpack(head)
        clip = incoming.read(length)
        allow_cpu(setup["cpu_s"])
        reply = _decode(clip, recipe=recipe, limits=limits, frames=shared[place])
        allow_cpu(0)
        _send(outgoing, reply)
        del clip  # not held while waiting for the next
        gc.collect()  # nor are its frames: they lie in cycles, hundreds of MiB of them in 1080p


def _decode(
    clip: bytes, *, recipe: Recipe, limits: Limits, frames: npt.NDArray[np.uint8]
) -> dict[str, Any]:
    """Read a clip into `frames`; return what the server is told."""
    try:
        tensor = read_tensor(clip, recipe=recipe, limits=limits, out=frames)
    except ClipError as error:
        return {"fault": _as_json(error)}
    except MemoryError:
        return {"fault": {"kind": "UnusableClipError", "message": _OUT_OF_MEMORY}}
    except Exception:
        _logger.exception("the decoder failed")
        return {"fault": {"kind": "internal"}}
    return {"info": dataclasses.asdict(tensor.info), "pts_s": tensor.pts_s.tolist()}


def _as_json(error: ClipError) -> dict[str, str]:
    if isinstance(error, LimitExceededError):
        return {
            "kind": "LimitExceededError",
            "limit": error.limit,
            "wanted": error.wanted,
            "received": error.received,
        }
    return {"kind": type(error).__name__, "message": str(error)}


def _send(outgoing: BinaryIO, reply: dict[str, Any]) -> None:
    text = json.dumps(reply).encode()
    outgoing.write(REPLY_HEAD.pack(len(text)) + text)
    outgoing.flush()


def _confine(memory_bytes: int, *, seccomp: bool) -> bool:
    """Close the cage; return whether system calls are filtered.

    Raises:
        CageError: they should be, and the kernel does not.
    """
    load_all()  # a cage has no file system
    end_with_parent()
    limit_resources(memory_bytes=memory_bytes)
    try:
        lock()
    except CageError:
        if seccomp:
            raise
        return False
    return True


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the server is gone: so is this
        main()
    sys.exit(0)
