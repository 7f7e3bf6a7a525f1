"""Time to the accuracy of plain fastai's 10 frozen epochs: plain fastai against petclf's probe, from the same weights on the same split.

Plain fastai is timed over one whole epoch and multiplied by 10. The predictions after 10 epochs come from one finished run that is kept in
docs/results: ResNet-18's from the story, whose pretrained arm petclf trained by the same recipe (07_train holds the two against each other),
EfficientNet-Lite0's from plain fastai itself. petclf runs the whole command, from files to predictions and page, with empty caches; without the
audit, which plain fastai does not have. The probe may look at smaller pictures, as long as it is not significantly less accurate. Accuracy is compared picture by picture (exact McNemar). One pair.

  --weights FILE  ImageNet weights of ResNet-18 in torchvision's layout (default: PETCLF_WEIGHTS, else torchvision downloads its own)
  --finish        runs EfficientNet-Lite0's 10 epochs instead and keeps their predictions; stopped, it goes on with the next epoch"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from common import (
    HERE,
    PETCLF,
    TOP,
    Side,
    claim,
    environment,
    finish,
    parser,
    pets_folder,
    run,
    say,
    show,
    some_pictures,
    workplace,
)

EPOCHS = 10
KEPT = TOP / "docs" / "results"
KEEP_MEMORY = dict(
    MALLOC_MMAP_MAX_=0, MALLOC_TRIM_THRESHOLD_=2**31 - 1, MALLOC_TOP_PAD_=2**26
)  # glibc: the same arithmetic sooner, for the run that is not timed
# Network, the probe's side of pictures, the split that the kept predictions belong to, where they are, whose they are, and what must be reached.
# At 224 px EfficientNet-Lite0's probe is far above what it is held against (99.6 and 97.0 %), so it may look at smaller pictures than plain fastai's 224 px and be there sooner.
ROWS = (
    (
        "tf_efficientnet_lite0",
        128,
        "official",
        KEPT / "fastai-lite0-frozen" / "predictions.csv",
        "plain fastai's frozen epochs",
        60,
    ),  # needs no network, so it comes first
    (
        "resnet18",
        224,
        "random",
        KEPT / "story-224px" / "arms" / "pretrained" / "predictions.csv",
        "the story's pretrained arm (trained by petclf, by the same recipe)",
        {"avx2": 25, "amx": 60},
    ),
)


def torch_home(folder, weights):
    "A folder in which torchvision finds the weights that it would otherwise download."
    if weights is None:
        return {}
    (folder / "hub" / "checkpoints").mkdir(parents=True)
    (folder / "hub" / "checkpoints" / "resnet18-f37072fd.pth").symlink_to(Path(weights).resolve())
    return dict(TORCH_HOME=folder)


def split_of(how, folder):
    "A split of the pictures, as petclf makes it."
    from petclf.catalog import load_data
    from petclf.split import split_catalog

    pets = load_data(str(folder))
    return split_catalog(pets.catalog, how, 0, pets.root)[0]


def copy_of(catalog, folder, work):
    "The pictures that a frozen epoch sees, in a folder of their own."
    (work / "images").mkdir(parents=True)
    for file in catalog.file[catalog.split.isin(["train", "valid"])]:
        (work / "images" / Path(file).name).symlink_to((folder / file).resolve())
    return work


def measure(arch, small, how, kept, whose, must, options, work):
    say(f"{arch}, {how} split")
    weights = options.weights if arch == "resnet18" else None
    folder = some_pictures(200, work / arch / "pets") if options.quick else pets_folder()
    if options.quick:
        how = "random"
    os.environ["PETCLF_CACHE"] = str(work / arch / "split")
    catalog = split_of(how, folder)
    size, small = (64, 64) if options.quick else (224, small)
    with Side(
        "plain.py",
        "frozen",
        copy_of(catalog, folder, work / arch / "seen"),
        arch,
        size,
        **torch_home(work / arch / "torch", weights),
    ) as plain:
        plain.ask(warm_up=True)
        epoch = plain.ask()
        say(f"  plain: {epoch}")
    command = [
        *PETCLF,
        "train",
        "--probe",
        "--data",
        folder,
        "--target",
        "species",
        "--split",
        how,
        "--arch",
        arch,
        "--size",
        small,
        "--set",
        "precision=auto",
        "--no-audit",
        "--out",
        work / arch / "run",
    ]
    if weights:
        command += ["--weights", weights]
    seconds = run(command, PETCLF_CACHE=work / arch / "cache")
    say(f"  petclf: {seconds:.1f} s")
    with Side(
        "ours.py", "body", arch, small, *([weights] if weights else []), PETCLF_CACHE=work / arch / "cache"
    ) as body:
        limit = body.ask(n=64 if options.quick else 640)["seconds_each"]
    return claim(
        f"time to the accuracy of {EPOCHS} frozen epochs: {arch}",
        "seconds",
        must,
        EPOCHS * epoch["seconds"] / seconds,
        plain=EPOCHS * epoch["seconds"],
        petclf=seconds,
        bare=limit * len(catalog),
        plain_epoch=epoch,
        plain_is=f"one epoch at {size} px, multiplied by {EPOCHS}",
        size=small,
        split=how,
        pictures=plain.hello,
        weights=Path(weights).name if weights else "the installed package's" if arch != "resnet18" else "torchvision's",
        kept=whose,
        accuracy=accuracy(work / arch / "run", kept, how),
    )


def accuracy(run_folder, kept, how):
    "petclf's predictions against the kept ones, on the part of the split that judges."
    if not kept.is_file():
        return f"not compared: there is no {kept.relative_to(TOP)} yet"
    from petclf.metrics import paired
    from petclf.run import Run, read_predictions

    ours, theirs = Run.open(run_folder).predictions("probe"), read_predictions(kept)
    part = "test" if (ours.split == "test").any() else "valid"
    ours, theirs = ours[ours.split == part], theirs[theirs.split == part]
    record = kept.parents[2] / "run.json"
    if record.is_file() and (used := json.loads(record.read_text())["weights"]["sha256"]) != (
        asked := Run.open(run_folder).record["weights"]["sha256"]
    ):
        return f"not compared: the kept predictions are of other weights ({used[:12]}) than these ({asked[:12]})"
    if set(ours.file) != set(theirs.file):
        return f"not compared: {kept.relative_to(TOP)} is about other pictures"
    found = paired(ours, theirs, part)
    return dict(
        part=part,
        n=found["n"],
        petclf=float((ours.predicted == ours.truth).mean()),
        plain=float((theirs.predicted == theirs.truth).mean()),
        only_petclf_right=found["only_a_right"],
        only_plain_right=found["only_b_right"],
        p_value=found["p_value"],
        difference=found["difference"],
        not_significantly_below=bool(found["p_value"] >= 0.05 or found["difference"]["value"] > 0),
    )


if __name__ == "__main__":
    made = parser(__doc__.splitlines()[0], pairs=1, rows=[row[0] for row in ROWS])
    made.add_argument(
        "--weights",
        default=os.environ.get("PETCLF_WEIGHTS"),
        help="ImageNet weights of ResNet-18 (default: PETCLF_WEIGHTS, else torchvision's download)",
    )
    made.add_argument(
        "--finish",
        action="store_true",
        help="run EfficientNet-Lite0's frozen epochs to their end and keep the predictions",
    )
    options, started = made.parse_args(), time.perf_counter()
    if options.finish:
        from petclf.files import cache_dir

        (arch, _, how, out, *_), kept = (
            ROWS[0],
            cache_dir() / "benchmarks" / "fastai-lite0-frozen",
        )  # what a stopped run goes on from
        kept.mkdir(parents=True, exist_ok=True)
        split_of(how, pets_folder()).to_csv(kept / "catalog.csv", index=False)
        sys.exit(
            subprocess.run(
                [
                    sys.executable,
                    HERE / "plain.py",
                    "finish",
                    kept / "catalog.csv",
                    pets_folder(),
                    arch,
                    "224",
                    str(EPOCHS),
                    kept,
                    out,
                ],
                env=environment(**KEEP_MEMORY),
            ).returncode
        )
    claims = []
    with workplace() as work:
        for row in [row for row in ROWS if options.only in (None, row[0])]:
            one = measure(*row, options, work)
            one["reached"] = (
                one["reached"] and isinstance(one["accuracy"], dict) and one["accuracy"]["not_significantly_below"]
            )  # being fast at something worse does not count
            claims.append(one)
            result = finish("time_to_accuracy", options, started, claims)
    show(result)
