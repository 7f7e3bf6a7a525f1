"""All of Oxford Pets by probe: from files to the figures of breeds and species on the official test pictures, with empty caches.

`petclf train --probe --target breed --split official --arch tf_efficientnet_lite2`, the whole process once, with the audit, as it runs unless told otherwise:
that is the claim. Beside it, what is left of it without the time that the audit took. The steps that it took are in the JSON. The bare limit is the body on tensors
in memory, as often as there are pictures, before and after. There is no plain side: what plain fastai would have to do is in time_to_accuracy."""

import time

from common import PETCLF, Side, claim, finish, parser, pets_folder, run, say, show, some_pictures, spread, workplace


def measure(options, folder, work):
    out = work / "run"
    seconds = run(
        [
            *PETCLF,
            "train",
            "--probe",
            "--target",
            "breed",
            "--split",
            "stratified" if options.quick else "official",
            "--arch",
            options.arch,
            "--data",
            folder,
            "--set",
            "precision=auto",
            "--out",
            out,
            *(["--size", "64"] if options.quick else []),
        ],
        PETCLF_CACHE=work / "cache",
    )
    from petclf.catalog import breeds
    from petclf.levels import summed_to_species
    from petclf.run import Run

    made = Run.open(out)
    table, took, features = (
        made.predictions("probe"),
        made.record["timings"],
        made.record["arms"]["probe"]["seconds_for_features"],
    )
    table = table[table.split == "test"]
    species = summed_to_species(table[[column for column in table if not column.startswith("q_")]], breeds().species)
    steps = {
        "imports, checklist and page": seconds - took["last_call_seconds"],
        "looking for the files and their facts": took["steps"]["data"],
        "weights, and the body as ONNX": took["steps"]["features"] - features,
        "features: reading, decoding and the body": features,
        "audit": took["steps"]["audit_and_split"],
        "head, learning curve, figures": took["steps"]["arms"],
    }
    say(f"  {seconds:.1f} s: " + ", ".join(f"{name} {value:.1f}" for name, value in steps.items()))
    return (
        seconds,
        steps,
        dict(
            n=len(table),
            breeds=float((table.predicted == table.truth).mean()),
            species_summed=float((species.predicted == species.truth).mean()),
            species_errors=int((species.predicted != species.truth).sum()),
        ),
    )


if __name__ == "__main__":
    made = parser(__doc__.splitlines()[0], pairs=1)
    made.add_argument("--arch", default="tf_efficientnet_lite2")
    options, started = made.parse_args(), time.perf_counter()
    if options.quick:
        options.arch = "tf_efficientnet_lite0"
    with workplace() as work:
        folder = some_pictures(740, work / "pets") if options.quick else pets_folder()
        with Side(
            "ours.py", "body", options.arch, 64 if options.quick else 0, PETCLF_CACHE=work / "cache of the limit"
        ) as body:  # asked before and after: a processor is not equally fast all the time

            def limit():
                return body.ask(n=64 if options.quick else 640)["seconds_each"] * len(
                    list((folder / "images").iterdir())
                )

            before = limit()
            seconds, steps, figures = measure(options, folder, work)
            bare = spread([before, limit()])

        def within(name, value):
            return claim(
                f"all of Oxford Pets by probe, {name} the audit",
                "seconds",
                {"avx2": 180, "amx": 60},
                value,
                at_most=True,
                petclf=value,
                bare=bare,
                steps=steps,
            )

        show(
            finish(
                "probe",
                options,
                started,
                [
                    within("without", seconds - steps["audit"]),
                    within("with", seconds),
                    claim(
                        "37 breeds on the official test pictures",
                        "share right",
                        0.915,
                        figures["breeds"],
                        petclf=figures["breeds"],
                    ),
                    claim(
                        "species on the official test pictures, summed from breeds",
                        "share right",
                        0.998,
                        figures["species_summed"],
                        petclf=figures["species_summed"],
                    ),
                ],
                figures=figures,
                arch=options.arch,
            )
        )
