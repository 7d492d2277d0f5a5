"""The cage, from inside: what a decoder that was taken over could still do. Really tried."""

import subprocess
import sys
import time
from textwrap import dedent

import pytest

from tests.servers import ROOT, lives

pytestmark = pytest.mark.slow

ESCAPES = {
    "open a file": "open('/etc/passwd')",
    "open a file to write": "open('/tmp/owned', 'w')",
    "list a folder": "os.listdir('/')",
    "look for a file": "os.stat('/etc/passwd')",
    "remove a file": "os.unlink('/tmp/nothing')",
    "make a folder": "os.mkdir('/tmp/owned')",
    "link": "os.symlink('/a', '/tmp/owned')",
    "change folder": "os.chdir('/')",
    "open a socket": "socket.socket()",
    "open a local socket": "socket.socket(socket.AF_UNIX)",
    "start a program": "os.execv('/bin/true', ['true'])",
    "fork": "os.fork()",
    "start a program by spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "kill its parent": "os.kill(os.getppid(), 0)",
    "make a pipe": "os.pipe()",
    "copy a descriptor": "os.dup(1)",
    "make memory to share": "os.memfd_create('x')",
    "make memory executable": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "raise a limit": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "read another's memory": "ctypes_call(101, 16, os.getpid() - 1, 0, 0)",
    "load a module of the kernel": "ctypes_call(313, 0, 0, 0)",
    "use io_uring": "ctypes_call(425, 8, 0)",
    "use another ABI": "ctypes_call(0x40000000 + 39)",
}


def caged(attempt: str) -> subprocess.CompletedProcess[str]:
    program = dedent(
        f"""
        import ctypes, encodings.idna, mmap, os, resource, socket, threading, time
        from service.cage import end_with_parent, limit_resources, lock

        libc = ctypes.CDLL(None, use_errno=True)

        def ctypes_call(*arguments):
            if libc.syscall(*arguments) < 0:
                raise OSError(ctypes.get_errno(), "refused")

        end_with_parent()
        limit_resources(memory_bytes=2**32)
        lock()
        try:
            {attempt}
        except (OSError, ValueError) as error:
            print("refused", error, flush=True)
        else:
            print("done", flush=True)
        """
    )
    return run(program)


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("attempt", ESCAPES.values(), ids=ESCAPES)
def test_there_is_no_way_out(attempt: str) -> None:
    done = caged(attempt)
    assert done.stdout.startswith("refused "), done.stdout + done.stderr


@pytest.mark.parametrize(
    "work",
    [
        "bytearray(64 * 2**20)",
        "threading.Thread(target=print).start()",
        "time.sleep(0.001)",
        "sum(range(1000))",
    ],
)
def test_computing_is_allowed(work: str) -> None:
    assert "done" in caged(work).stdout.split()


def test_it_ends_with_whoever_started_it() -> None:
    child = "import time; from service.cage import end_with_parent; end_with_parent()"
    child += "; print('up', flush=True); time.sleep(60)"
    program = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid)
"""
    pid = int(run(program).stdout)
    deadline = time.monotonic() + 30
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not lives(pid)
