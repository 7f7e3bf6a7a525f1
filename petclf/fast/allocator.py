"glibc's allocator, told to keep its memory: each training step gives gigabytes back and asks for them again."

import ctypes

from petclf.engines import machine

# mallopt's parameters, by their numbers in malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD
KEPT = ((-3, 32 * 2**20), (-1, 2**31 - 1), (-2, 64 * 2**20))


def keep_memory() -> None:
    "Tell glibc's allocator to keep freed memory, but for the largest pieces. Does nothing on other systems."
    if not machine().system.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # musl has no such thing
    for parameter, value in KEPT:
        mallopt(parameter, value)
