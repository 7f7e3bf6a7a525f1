"""How the search for copies grows: python benchmarks/audit_growth.py [N ...]   (1,000 and 10,000 unless told otherwise)

Part of what growth.py measures, alone. Generates N grey squares, none equal, that have the spectrum of photographs, searches them for copies and confirms what it finds.
Every N runs in a process of its own; each prints a line of JSON: seconds of processor and wall time, both for each picture in
milliseconds, peak memory, and what was found (nothing should be)."""

import json
import resource
import subprocess
import sys
import time

import numpy as np


def squares_like_photographs(
    n,  # how many
    seed=0,  # which ones
    side=64,  # pixels
) -> np.ndarray:  # uint8, (n, side, side)
    "Noise whose amplitudes fall with frequency, as those of natural pictures do (Field, J. Opt. Soc. Am. A 4, 1987)."
    rng, squares = np.random.default_rng(seed), np.empty((n, side, side), np.uint8)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    for at in range(0, n, 1000):
        noise = np.fft.irfft2(
            np.fft.rfft2(rng.standard_normal((min(1000, n - at), side, side))) / frequency, s=(side, side)
        )
        squares[at : at + 1000] = (128 + 45 * noise / noise.std((1, 2), keepdims=True)).clip(0, 255)
    return squares


def measure(n):
    "Search and confirm among `n` squares."
    from petclf.copies import confirm_pairs, find_candidates

    squares = squares_like_photographs(n)
    wall, processor = time.perf_counter(), time.process_time()
    candidates = find_candidates(squares)
    confirmed = confirm_pairs(squares, candidates)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "pictures": n,
        "processor_seconds": round(processor, 2),
        "wall_seconds": round(wall, 2),
        "processor_ms_each": round(1000 * processor / n, 2),
        "wall_ms_each": round(1000 * wall / n, 2),
        "peak_mb": round(peak),
        "compared_each": round(candidates.attrs["compared"] / n),
        "candidates": len(candidates),
        "confirmed": len(confirmed),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        for n in sys.argv[1:] or ("1000", "10000"):
            subprocess.run([sys.executable, __file__, "--one", n.replace(",", "").replace("_", "")], check=True)
