"""How time and memory grow: audit and predict at 1,000 and 10,000 generated pictures, none equal; with --large at 100,000 too.

Pictures have the spectrum of photographs (audit_growth.squares_like_photographs), tinted, 128 px, as JPEG. Whole commands, each with empty caches.
The claim compares what a further picture costs: from 10,000 to 100,000 against from 1,000 to 10,000. The two smaller numbers are measured before and after the large one,
since a processor is not equally fast all the time, and their means are compared; predict runs three times each time, since the memory of two threads is not
the same in every run, and its medians count. audit_growth.py measures the search for copies alone."""

import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from audit_growth import squares_like_photographs
from common import (
    PETCLF,
    claim,
    finish,
    hardly_trained,
    measured_before,
    parser,
    peak_of,
    say,
    show,
    some_pictures,
    workplace,
)
from PIL import Image

VERBS = ("audit", "predict")


def generate(folder, first, n):
    "Pictures number `first` and on."
    rng = np.random.default_rng(first)
    for number, square in enumerate(squares_like_photographs(n, seed=1_000_000 + first), first):
        kind = ("cat", "dog")[number % 2]
        tint = rng.uniform(0.7, 1.0, 3)
        pixels = (
            np.asarray(Image.fromarray(square).resize((128, 128), Image.Resampling.BICUBIC), np.float32)[..., None]
            * tint
        )
        Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number:06d}.jpg", quality=85)


def pictures(n, folder):
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(generate, *zip(*[(folder, first, min(1000, n - first)) for first in range(0, n, 1000)])))
    return folder


# A peak that lasts for a moment is met in a long run and not in a short one, unless memory is looked at often.
EVERY = {"audit": 2, "predict": 0.1}  # seconds
TIMES = {"audit": 1, "predict": 3}


def measure(n, bundle, folder, work, verbs):
    commands, found = (
        {
            "audit": lambda turn: ["audit", "--data", folder, "--out", work / f"audit-{turn}"],
            "predict": lambda turn: ["predict", bundle, folder, "--out", work / f"answers-{turn}.csv"],
        },
        dict(pictures=n),
    )
    work.mkdir()
    for verb in verbs:
        peaks, seconds = zip(
            *[
                peak_of([*PETCLF, *commands[verb](turn)], every=EVERY[verb], PETCLF_CACHE=work / "cache")
                for turn in range(TIMES[verb])
            ]
        )
        middle = statistics.median(seconds)
        found |= {
            f"{verb}_seconds": middle,
            f"{verb}_ms_each": 1000 * middle / n,
            f"{verb}_mb": statistics.median(peaks),
            f"{verb}_mb_each": peaks,
        }
    say(f"  {found}")
    return found


if __name__ == "__main__":
    made = parser(__doc__.splitlines()[0], pairs=1, rows=VERBS)
    made.add_argument("--large", action="store_true", help="100,000 pictures too")
    options, started = made.parse_args(), time.perf_counter()
    sizes = (50, 100, 200) if options.quick else (1_000, 10_000, 100_000) if options.large else (1_000, 10_000)
    claims, name, verbs = [], "growth-large" if options.large else "growth", [options.only] if options.only else VERBS
    kept = (
        measured_before(name).get("rows", []) if options.only and not options.quick else []
    )  # what was measured of the other verb
    with workplace() as work:
        if os.environ.get("PETCLF_DATA"):
            some = some_pictures(80, work / "pets")
        else:  # generated ones are good enough for a network that is hardly trained
            some = pictures(80, work / "pets")
        _, bundle = hardly_trained("tf_efficientnet_lite0", 64, some, work, plain=False)
        rows, folders = [], {n: pictures(n, work / f"pictures-{n}") for n in sizes}
        for turn, n in enumerate(sizes if len(sizes) == 2 else (*sizes, *sizes[:2])):
            rows.append(
                (kept[turn] if turn < len(kept) else {}) | measure(n, bundle, folders[n], work / f"turn-{turn}", verbs)
            )
            result = finish(name, options, started, claims, script="growth", rows=rows + kept[len(rows) :])
    if len(sizes) == 3:
        a, b, c = (
            {
                what: statistics.mean(row[what] for row in rows if row["pictures"] == n)
                for what in rows[0]
                if not what.endswith("_mb_each")
            }
            for n in sizes
        )
        for verb in verbs:
            further = lambda x, y: (
                1000 * (y[f"{verb}_seconds"] - x[f"{verb}_seconds"]) / (y["pictures"] - x["pictures"])
            )
            claims.append(
                claim(
                    f"growth of {verb}: a further picture",
                    "ms a picture",
                    1.2,
                    further(b, c) / further(a, b),
                    at_most=True,
                    before=further(a, b),
                    petclf=further(b, c),
                )
            )
        if "predict" in verbs:
            claims.append(
                claim(
                    f"growth of predict's memory, {c['pictures']:,} pictures against {b['pictures']:,}",
                    "MB",
                    1.1,
                    c["predict_mb"] / b["predict_mb"],
                    at_most=True,
                    before=b["predict_mb"],
                    petclf=c["predict_mb"],
                )
            )
        result = finish(name, options, started, claims, script="growth", rows=rows)
    show(result)
