"""Memory that training frees stays with the process, whatever TensorFlow asks of malloc."""

import platform
import subprocess
import sys

import pytest

USES = """
import ctypes, resource, sys, threading
import numpy as np
from pipeline.training.memory import keep_freed_memory

if "keep" in sys.argv:
    assert keep_freed_memory()
assert ctypes.CDLL(None).mallopt(-1, 128 * 1024) == 1  # M_TRIM_THRESHOLD, as TensorFlow sets it

def step():
    for _ in range(20):
        tensors = [np.ones(int(mib * 2**18), np.float32) for mib in (0.5, 4, 12, 40)]
        del tensors

def count(function):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    function()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def step_in_thread():
    thread = threading.Thread(target=step)
    thread.start()
    thread.join()

step()
print(count(step), count(step_in_thread))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that hands memory back")
def test_freed_memory_is_used_again() -> None:
    faults = {}
    for how in ("keep", "hand back"):
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", USES, how], capture_output=True, text=True, check=True
        )
        faults[how] = [int(each) for each in done.stdout.split()]
    assert max(faults["keep"]) < 100  # pages asked of the kernel
    assert min(faults["hand back"]) > 10_000
