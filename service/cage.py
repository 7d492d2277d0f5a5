"""The cage around a decoder process: it may compute, and use the files it has open.

FFmpeg reads what strangers send. Should a clip take it over, it finds a process that can open no
file, reach no network, start no program, make no memory executable, and ends with the server. The
kernel filters its system calls (seccomp-BPF: `man 2 seccomp`, Linux 3.17 and later); limits of
memory, CPU time and open files hold beside it.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_NO_NEW_PRIVS = 1, 4, 15, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000  # the low half of a refusal is its errno
_EPERM, _ENOSYS = 1, 38

_CLONE_THREAD, _PROT_EXEC = 0x10000, 4

# BPF: load a word, compare, test bits, return (linux/bpf_common.h).
_LOAD, _EQUALS, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
_X32 = 0x40000000  # numbers from here on belong to another ABI of x86-64


@dataclass(frozen=True)
class _Machine:
    """One architecture: its audit number, and the numbers of its system calls."""

    audit: int
    seccomp: int
    clone: int
    clone3: int
    mmap: int
    mprotect: int
    prctl: int
    free: Mapping[str, int]


# Numbers from the kernel's arch/x86/entry/syscalls/syscall_64.tbl and asm-generic/unistd.h.
_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        seccomp=317,
        clone=56,
        clone3=435,
        mmap=9,
        mprotect=10,
        prctl=157,
        free={
            "read": 0,
            "write": 1,
            "close": 3,
            "lseek": 8,
            "munmap": 11,
            "brk": 12,
            "rt_sigaction": 13,
            "rt_sigprocmask": 14,
            "rt_sigreturn": 15,
            "pread64": 17,
            "writev": 20,
            "sched_yield": 24,
            "mremap": 25,
            "madvise": 28,
            "nanosleep": 35,
            "setitimer": 38,
            "getpid": 39,
            "exit": 60,
            "getrusage": 98,
            "times": 100,
            "sigaltstack": 131,
            "gettid": 186,
            "futex": 202,
            "sched_getaffinity": 204,
            "restart_syscall": 219,
            "clock_gettime": 228,
            "clock_getres": 229,
            "clock_nanosleep": 230,
            "exit_group": 231,
            "set_robust_list": 273,
            "getrandom": 318,
            "membarrier": 324,
            "rseq": 334,
        },
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        seccomp=277,
        clone=220,
        clone3=435,
        mmap=222,
        mprotect=226,
        prctl=167,
        free={
            "read": 63,
            "write": 64,
            "close": 57,
            "lseek": 62,
            "munmap": 215,
            "brk": 214,
            "rt_sigaction": 134,
            "rt_sigprocmask": 135,
            "rt_sigreturn": 139,
            "pread64": 67,
            "writev": 66,
            "sched_yield": 124,
            "mremap": 216,
            "madvise": 233,
            "nanosleep": 101,
            "setitimer": 103,
            "getpid": 172,
            "exit": 93,
            "getrusage": 165,
            "times": 153,
            "sigaltstack": 132,
            "gettid": 178,
            "futex": 98,
            "sched_getaffinity": 123,
            "restart_syscall": 128,
            "clock_gettime": 113,
            "clock_getres": 114,
            "clock_nanosleep": 115,
            "exit_group": 94,
            "set_robust_list": 99,
            "getrandom": 278,
            "membarrier": 283,
            "rseq": 293,
        },
    ),
}


class CageError(OSError):
    """The kernel does not filter system calls here."""


def limit_resources(*, memory_bytes: int) -> None:
    """Limit this process for good: its address space, core dumps, and files beside those open."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def allow_cpu(seconds: float) -> None:
    """Let this process end by SIGPROF once it has used so much more CPU time; 0: no longer."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def end_with_parent() -> None:
    """Let the kernel kill this process when the thread that started it ends; no privilege comes."""
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def lock() -> None:
    """Close the cage around all threads of this process, for good.

    A call that is not on the list fails with EPERM, so that a library can still say what it missed.

    Raises:
        CageError: another system or architecture than Linux on x86-64 or AArch64, or a kernel
            that does not filter.
    """
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise CageError(f"Linux on {' or '.join(_MACHINES)}; found {platform.machine()}")
    code = ctypes.create_string_buffer(program := _filter(machine), len(program))
    described = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // _INSTRUCTION.size, ctypes.addressof(code))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC)
    if libc.syscall(machine.seccomp, *arguments, described) != 0:
        number = ctypes.get_errno()
        raise CageError(number, f"the kernel does not filter: {os.strerror(number)}")


_INSTRUCTION = struct.Struct("<HBBI")


def _filter(machine: _Machine) -> bytes:
    """Assemble the filter: every rule is whole, so none depends on where it stands."""
    refuse = _return(_REFUSE | _EPERM)
    rules = [
        _load(_ARCHITECTURE_AT),
        _jump(_EQUALS, machine.audit, then=1),
        refuse,
        _load(_NUMBER_AT),
        _jump(_AT_LEAST, _X32, otherwise=1),
        refuse,
    ]
    for number in machine.free.values():
        rules += [_jump(_EQUALS, number, otherwise=1), _return(_ALLOW)]
    # glibc falls back to clone, whose flags can be seen, where there is no clone3.
    rules += [_jump(_EQUALS, machine.clone3, otherwise=1), _return(_REFUSE | _ENOSYS)]
    rules += _if_bits(machine.clone, argument=0, bits=_CLONE_THREAD, wanted=True)
    for number in (machine.mmap, machine.mprotect):
        rules += _if_bits(number, argument=2, bits=_PROT_EXEC, wanted=False)
    rules += [
        _jump(_EQUALS, machine.prctl, otherwise=4),
        _load(_ARGUMENTS_AT),
        _jump(_EQUALS, _PR_SET_NAME, otherwise=1),
        _return(_ALLOW),
        refuse,
        refuse,
    ]
    return b"".join(rules)


def _if_bits(number: int, *, argument: int, bits: int, wanted: bool) -> list[bytes]:
    """Allow a call if an argument has, or has not, any of the bits."""
    answers = [_return(_ALLOW), _return(_REFUSE | _EPERM)]
    return [
        _jump(_EQUALS, number, otherwise=4),
        _load(_ARGUMENTS_AT + 8 * argument),
        _jump(_HAS_BITS, bits, otherwise=1),
        *(answers if wanted else answers[::-1]),
    ]


def _load(offset: int) -> bytes:
    return _INSTRUCTION.pack(_LOAD, 0, 0, offset)


def _jump(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, then, otherwise, value)


def _return(answer: int) -> bytes:
    return _INSTRUCTION.pack(_RETURN, 0, 0, answer)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise CageError(number, f"prctl {option}: {os.strerror(number)}")
