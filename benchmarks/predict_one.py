"""One photo, whole process: plain fastai's load_learner and predict against `petclf predict`. ResNet-18, 224 px."""
import sys, time
from common import HERE, PETCLF, alternate, claim, finish, hardly_trained, parser, run, say, some_pictures, spread, workplace

if __name__ == "__main__":
    options, started = parser(__doc__.splitlines()[0], pairs=5).parse_args(), time.perf_counter()
    with workplace() as work:
        folder = some_pictures(80, work/"pets")
        say("making the models")
        exported, bundle = hardly_trained("resnet18", 64 if options.quick else 224, folder, work)
        photo = sorted((folder/"images").iterdir())[0]
        sides = dict(plain=lambda: run([sys.executable, HERE/"plain.py", "one", exported, photo]), petclf=lambda: run([*PETCLF, "predict", bundle, photo], PETCLF_CACHE=work/"cache"))
        for side in sides.values(): side() # files into the system's cache
        found = alternate(sides, 1 if options.quick else options.pairs)
        help_seconds = run([*PETCLF, "--help"])
    plain, petclf = spread(found["plain"]), spread(found["petclf"])
    pairs = spread([a / b for a, b in zip(found["plain"], found["petclf"])])
    finish("predict_one", options, started, [claim("one photo, whole process", "seconds", 12, plain["median"] / petclf["median"], plain=plain, petclf=petclf, ratios=pairs)], help_seconds=help_seconds)
