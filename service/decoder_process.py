"""The decoder process: clips in on stdin, tensors out on stdout.

What a stranger sends is parsed here and only here, away from the model and the other requests. The
server starts `python -m service.decoder_process` and kills it when it overruns: `service.decoder`.

The wire, all integers little-endian::

    in    uint32 length, JSON setup {recipe, limits, memory_bytes}      once
    out   uint32 length, JSON reply {}                                  ready
    in    uint64 length, the clip's bytes                               for each clip
    out   uint32 length, JSON reply; when it has no fault, the tensor's bytes, uint8 [T, S, S, 3]

JSON, not pickle: a clip that takes this process over must not take the server over with its answer.
"""

import contextlib
import dataclasses
import json
import logging
import os
import resource
import struct
import sys
from typing import Any, BinaryIO

from signwrite.clip import Limits
from signwrite.errors import ClipError, LimitExceededError
from signwrite.reader import read_tensor
from signwrite.recipe import Recipe

REPLY_HEAD = struct.Struct("<I")
CLIP_HEAD = struct.Struct("<Q")

_OUT_OF_MEMORY = "a clip that decodes in the memory allowed; received one that needs more"

_logger = logging.getLogger(__name__)


def main() -> None:
    """Serve clips until stdin ends."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    setup = json.loads(incoming.read(*REPLY_HEAD.unpack(incoming.read(REPLY_HEAD.size))))
    recipe, limits = Recipe(**setup["recipe"]), Limits(**setup["limits"])
    _confine(setup["memory_bytes"])
    _send(outgoing, {})
    while len(head := incoming.read(CLIP_HEAD.size)) == CLIP_HEAD.size:
        clip = incoming.read(*CLIP_HEAD.unpack(head))
        _answer(clip, recipe=recipe, limits=limits, outgoing=outgoing)
        del clip  # not held while waiting for the next


def _answer(clip: bytes, *, recipe: Recipe, limits: Limits, outgoing: BinaryIO) -> None:
    try:
        tensor = read_tensor(clip, recipe=recipe, limits=limits)
    except ClipError as error:
        _send(outgoing, {"fault": _as_json(error)})
    except MemoryError:
        _send(outgoing, {"fault": {"kind": "UnusableClipError", "message": _OUT_OF_MEMORY}})
    except Exception:
        _logger.exception("the decoder failed")
        _send(outgoing, {"fault": {"kind": "internal"}})
    else:
        reply = {"info": dataclasses.asdict(tensor.info), "pts_s": tensor.pts_s.tolist()}
        _send(outgoing, reply, tensor.frames.tobytes())


def _as_json(error: ClipError) -> dict[str, str]:
    if isinstance(error, LimitExceededError):
        return {
            "kind": "LimitExceededError",
            "limit": error.limit,
            "wanted": error.wanted,
            "received": error.received,
        }
    return {"kind": type(error).__name__, "message": str(error)}


def _send(outgoing: BinaryIO, reply: dict[str, Any], tensor: bytes = b"") -> None:
    text = json.dumps(reply).encode()
    outgoing.write(REPLY_HEAD.pack(len(text)) + text)
    outgoing.write(tensor)
    outgoing.flush()


def _confine(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):  # the server is gone: so is this
        main()
    sys.exit(0)
