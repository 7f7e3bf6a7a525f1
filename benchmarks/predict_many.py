"""2,000 photos: plain fastai's get_preds on a test DataLoader against petclf.predict to a CSV file, models loaded and warm.

Then petclf against its own parts: what decoding and the network take when each is timed apart on one core, added up and divided by the cores."""

import time

from common import Side, alternate, claim, finish, hardly_trained, parser, say, show, some_pictures, spread, workplace

ROWS = (("tf_efficientnet_lite0", {"avx2": 4, "amx": 8}), ("resnet18", {"avx2": 2, "amx": 5}))


def measure(arch, must, options, folder, work, n):
    say(arch)
    exported, bundle = hardly_trained(
        arch, 64 if options.quick else 224, some_pictures(80, work / arch / "pets"), work / arch
    )
    cache = work / "cache"
    with (
        Side("plain.py", "many", exported, folder) as plain,
        Side("ours.py", "many", bundle, folder, PETCLF_CACHE=cache) as ours,
        Side("ours.py", "apart", bundle, folder, PETCLF_CACHE=cache) as parts,
    ):
        for side in (plain, ours):
            side.ask(n=min(n, 64))
        found = alternate(
            dict(plain=lambda: plain.ask(n=n), petclf=lambda: ours.ask(n=n), parts=lambda: parts.ask(n=min(n, 200))),
            options.pairs,
        )
        about = ours.hello
    rates = {name: spread([one["n"] / one["seconds"] for one in found[name]]) for name in ("plain", "petclf")}
    limits = spread([one["cores"] / (one["decode_one"] + one["network_one"]) for one in found["parts"]])
    busy = spread([1 / (one["decode_all"] + one["network_all"]) for one in found["parts"]])
    ratios = spread([b["n"] / b["seconds"] / (a["n"] / a["seconds"]) for a, b in zip(found["plain"], found["petclf"])])
    yield claim(
        f"{n:,} photos: {arch}",
        "pictures a second",
        must,
        rates["petclf"]["median"] / rates["plain"]["median"],
        **rates,
        bare=limits,
        ratios=ratios,
        **about,
    )
    of_limit = spread(
        [a / b for a, b in zip(rates["petclf"]["values"], limits["values"])]
    )  # turn by turn, to be seen beside the ratio of the medians
    yield claim(
        f"{n:,} photos against decoding and network apart: {arch}",
        "pictures a second",
        0.9,
        rates["petclf"]["median"] / limits["median"],
        petclf=rates["petclf"],
        bare=limits,
        ratios=of_limit,
        bare_with_all_cores_busy=busy,
        parts=found["parts"],
        **about,
    )


if __name__ == "__main__":
    options, started = parser(__doc__.splitlines()[0], rows=[row[0] for row in ROWS]).parse_args(), time.perf_counter()
    n = 100 if options.quick else 2000
    with workplace() as work:
        folder = some_pictures(n, work / "pets")
        claims = []
        for row in [row for row in ROWS if options.only in (None, row[0])]:
            claims += measure(*row, options, folder, work, n)
            result = finish("predict_many", options, started, claims)
    show(result)
