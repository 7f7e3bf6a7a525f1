import ctypes


def keep_memory():
    "Tell glibc's allocator to keep freed memory for the next step, but for the largest pieces. Does nothing on other systems."
    if not machine().system.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # musl has no such thing
    for option, value in ((-3, 32 * 2**20), (-1, 2**31 - 1), (-2, 64 * 2**20)):
        mallopt(option, value)  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD
