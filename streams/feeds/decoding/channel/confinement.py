"""What a decoding process may not do: outlive its parent, dump core, fill disks, or take more memory and time than a unit may."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass

if sys.platform != "win32":  # which has none of these limits: there, deadlines alone confine
    import resource

#: ``PR_SET_PDEATHSIG`` of Linux's ``prctl``: the signal a process gets when the thread that started it ends.
_PR_SET_PDEATHSIG = 1

#: Bytes any file of ours may grow to; vendors' notes on standard error are the only one we write.
_LARGEST_FILE = 1 << 20

#: Seconds of processor time beyond the deadline, after which even a process whose parent is gone stops.
_SPARE_CPU_S = 10

_MIB = 1 << 20


def confine(parent: int) -> None:
    """Tie this process's life to its parent's, and take from it what decoding does not need.

    Raises
    ------
    SystemExit
        If the parent is gone already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            raise SystemExit(0)
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of addresses and of memory of its own that this process has now; zeros where the system does not say."""

    addresses: int
    private: int


def measure_footprint() -> Footprint:
    """Read the kernel's account of this process (``/proc``, Linux only)."""
    try:
        account = os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return Footprint(0, 0)
    try:
        pages = os.read(account, 100).split()
    finally:
        os.close(account)
    size, resident, shared = (int(number) * _PAGE_BYTES for number in pages[:3])
    return Footprint(size, resident - shared)


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def allow(memory_mib: int, wait_s: float) -> Footprint:
    """Grant this process memory and processor time for one unit, on top of what it has used, which is returned."""
    footprint = measure_footprint()
    if sys.platform == "win32":
        return footprint
    used = footprint.addresses
    with contextlib.suppress(ValueError, OSError):  # macOS refuses limits on addresses; its deadlines remain
        if used:
            resource.setrlimit(resource.RLIMIT_AS, (used + memory_mib * _MIB, resource.RLIM_INFINITY))
        limit_s = int(time.process_time() + wait_s) + _SPARE_CPU_S
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, resource.RLIM_INFINITY))
    return footprint
