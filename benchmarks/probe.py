"""All of Oxford Pets by probe: from files to the figures of breeds and species on the official test pictures, with empty caches.

`petclf train --probe --target breed --split official --arch tf_efficientnet_lite2`, whole process, with the audit (as it runs unless told
otherwise) and without, each once. The claim is about the command as it is, with the audit. The bare limit is the body on tensors in memory, as often as there are
pictures. There is no plain side: what plain fastai would have to do is in time_to_accuracy."""
import time
from common import PETCLF, Side, claim, finish, parser, pets_folder, run, say, show, some_pictures, workplace


def measure(options, folder, work, audit):
    name = "with the audit" if audit else "without the audit"
    out, cache = work/name.replace(" ", "-"), work/f"cache {name}"
    command = [*PETCLF, "train", "--probe", "--target", "breed", "--split", "stratified" if options.quick else "official", "--arch", options.arch, "--data", folder,
               "--set", "precision=auto", "--out", out, *([] if audit else ["--no-audit"]), *(["--size", "64"] if options.quick else [])]
    seconds = run(command, PETCLF_CACHE=cache)
    say(f"  {name}: {seconds:.1f} s")
    from petclf.catalog import breeds
    from petclf.evaluate import summed_to_species
    from petclf.run import Run
    table = Run.open(out).predictions("probe")
    table = table[table.split == "test"]
    species = summed_to_species(table[[column for column in table if not column.startswith("q_")]], breeds().species)
    return seconds, dict(n=len(table), breeds=float((table.predicted == table.truth).mean()), species_summed=float((species.predicted == species.truth).mean()),
                         species_errors=int((species.predicted != species.truth).sum()))


if __name__ == "__main__":
    made = parser(__doc__.splitlines()[0], pairs=1)
    made.add_argument("--arch", default="tf_efficientnet_lite2")
    options, started = made.parse_args(), time.perf_counter()
    if options.quick: options.arch = "tf_efficientnet_lite0"
    with workplace() as work:
        folder = some_pictures(740, work/"pets") if options.quick else pets_folder()
        with Side("ours.py", "body", options.arch, 64 if options.quick else 0, PETCLF_CACHE=work/"cache of the limit") as one: limit = one.ask(n=64 if options.quick else 640)["seconds_each"]
        claims = []
        for audit in (False, True):
            seconds, figures = measure(options, folder, work, audit)
            claims.append(claim(f"all of Oxford Pets by probe, {'with' if audit else 'without'} the audit", "seconds", {"avx2": 180, "amx": 60}, seconds, at_most=True, petclf=seconds, bare=limit * len(list((folder/"images").iterdir()))))
            result = finish("probe", options, started, [*claims,
                claim("37 breeds on the official test pictures", "share right", 0.915, figures["breeds"], petclf=figures["breeds"]),
                claim("species on the official test pictures, summed from breeds", "share right", 0.998, figures["species_summed"], petclf=figures["species_summed"])], figures=figures, arch=options.arch)
    show(result)
