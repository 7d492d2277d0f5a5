"""Keeps freed memory with the process, so that a training step need not ask for it anew."""

import ctypes

# Parameters of glibc's mallopt, by their numbers in malloc.h.
_TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -2, -3, -8

_GIB = 1 << 30


def keep_freed_memory() -> bool:
    """Make glibc's malloc keep what is freed, up to a gibibyte, in one pool for all threads.

    TensorFlow 2.21 sets malloc's M_TRIM_THRESHOLD to 128 KiB as soon as it reads batches from
    Python (`generator_dataset_op.cc`). From then on every tensor beyond that is handed back to the
    kernel when it is freed, and each of its pages is zeroed and mapped again when the next step
    wants it. That was a third of the processor's time of a step. What is asked for here is not
    overruled by it. Threads that have a pool of their own already keep that, so call it before the
    first step.

    Returns:
        Whether it was done; False where the C library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError):  # macOS and musl have none; Windows has no such library
        return False
    done = [
        mallopt(*wanted) for wanted in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _GIB), (_TOP_PAD, _GIB))
    ]
    return all(done)
