"""Training in whole epochs, plain fastai against petclf on the same pictures, and petclf's training part against the bare loop.

1,280 pictures to train on and 320 to validate on, the story's recipe from random weights. Each side is a process of its own that is
warmed up with two batches, then both take turns. petclf reads pictures once into its cache; how long that took (beside the other sides, which get
ready at the same time) is in the JSON, not in the epochs."""

import time

from common import Side, alternate, claim, finish, parser, say, show, some_pictures, spread, workplace

ROWS = (
    ("resnet18", 224, {"avx2": 1.25, "amx": 2.5}, 4),
    ("resnet18", 128, {"avx2": 1.2, "amx": 1.8}, 8),
    ("tf_efficientnet_lite0", 128, 1.8, 8),
)  # the last: steps of the bare loop before an epoch of petclf, and again after it


def measure(arch, size, must, steps, options, folder, cache):
    say(f"{arch}, {size} px")
    with (
        Side("plain.py", "train", folder, arch, size) as plain,
        Side("ours.py", "train", folder, arch, size, PETCLF_CACHE=cache) as ours,
        Side("ours.py", "bare", folder, arch, size, PETCLF_CACHE=cache) as bare,
    ):
        for side in (plain, ours):
            side.ask(warm_up=True)
        bare.ask(steps=2)

        def between():  # a shared processor is not equally fast all the time, so the bare loop runs on both sides of the epoch that is compared with it
            before, epoch, after = bare.ask(steps=steps), ours.ask(), bare.ask(steps=steps)
            loops.append(
                dict(seconds=before["seconds"] + after["seconds"], trained=before["trained"] + after["trained"])
            )
            return epoch

        loops = []
        found = alternate(dict(plain=plain.ask, petclf=between), options.pairs)
        hello = dict(plain=plain.hello, petclf=ours.hello, bare=bare.hello)
    # Pictures that were trained on in a second of a whole epoch, validation and checkpoint included; then in a second of its training part.
    epochs = {name: [one["trained"] / one["seconds"] for one in found[name]] for name in ("plain", "petclf")}
    parts = {name: [one["trained"] / one["train_seconds"] for one in found[name]] for name in ("plain", "petclf")}
    loop = [one["trained"] / one["seconds"] for one in loops]
    name = f"{arch}, {size} px"
    about = dict(precision=hello["petclf"]["precision"], started=hello)
    plain, petclf, bare = spread(epochs["plain"]), spread(epochs["petclf"]), spread(loop)
    pairs = [b / a for a, b in zip(epochs["plain"], epochs["petclf"])]
    whole = claim(
        f"training, whole epochs: {name}",
        "pictures a second",
        must,
        petclf["median"] / plain["median"],
        plain=plain,
        petclf=petclf,
        bare=bare,
        ratios=spread(pairs),
        **about,
    )
    part = spread(parts["petclf"])
    of_limit = spread(
        [a / b for a, b in zip(parts["petclf"], loop)]
    )  # turn by turn: the processor is not equally fast all the time
    return whole, claim(
        f"training part against the bare loop: {name}",
        "pictures a second",
        0.95,
        of_limit["median"],
        plain=spread(parts["plain"]),
        petclf=part,
        bare=bare,
        ratios=of_limit,
        **about,
    )


if __name__ == "__main__":
    named = {f"{row[0]}-{row[1]}": row for row in ROWS}
    options, started = parser(__doc__.splitlines()[0], rows=list(named)).parse_args(), time.perf_counter()
    rows = (
        [(arch, 64, must, 1) for arch, _, must, _ in ROWS[1:]]
        if options.quick
        else [named[options.only]]
        if options.only
        else ROWS
    )
    with workplace() as work:
        folder = some_pictures(160 if options.quick else 1600, work / "pets")
        claims = []
        for row in rows:  # kept row by row: each takes minutes
            claims += measure(*row, options, folder, work / "cache")
            result = finish(
                "train",
                options,
                started,
                claims,
                note="the story's recipe from random weights; petclf with precision = auto, its pixels cached before the first epoch; plain fastai on its default loaders",
            )
    show(result)
