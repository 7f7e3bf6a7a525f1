"""One photo, whole process: plain fastai's load_learner and predict against `petclf predict`. ResNet-18, 224 px.

The bare limit is a process that does nothing but open the picture, resize it and ask the network, with Pillow, numpy and onnxruntime."""

import sys
import time

from common import (
    HERE,
    PETCLF,
    alternate,
    claim,
    finish,
    hardly_trained,
    parser,
    run,
    say,
    show,
    some_pictures,
    spoke_and_ended,
    spread,
    workplace,
)

BARE = """
import gc, sys
gc.set_threshold(10_000) # the best settings found, as petclf has them: this, an end without looking for garbage, and a network that is opened for a picture or two
import numpy, onnxruntime
from PIL import Image
network, photo, size = sys.argv[1], Image.open(sys.argv[2]), int(sys.argv[3])
photo.draft(None, (size, size))
pixels = numpy.asarray(photo.convert("RGB").resize((size, size)), numpy.float32).transpose(2, 0, 1)[None] / 255
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
print(onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"]).run(["logits"], {"pictures": pixels}))
gc.freeze()
"""

OPENING = """
import sys
from petclf import cli
def open_only():
    options = cli.make_parser().parse_args(["predict", *sys.argv[1:]])
    from petclf.answers import load_bundle
    load_bundle(options.bundle, quick=True)
    print("open", flush=True)
cli.main = open_only # begun and ended as the command is
sys.exit(cli.console())
"""

if __name__ == "__main__":
    options, started = parser(__doc__.splitlines()[0], pairs=5).parse_args(), time.perf_counter()
    with workplace() as work:
        folder = some_pictures(80, work / "pets")
        say("making the models")
        size = 64 if options.quick else 224
        exported, bundle = hardly_trained("resnet18", size, folder, work)
        photo = sorted((folder / "images").iterdir())[0]
        sides = dict(
            plain=lambda: run([sys.executable, HERE / "plain.py", "one", exported, photo]),
            petclf=lambda: run([*PETCLF, "predict", bundle, photo], PETCLF_CACHE=work / "cache"),
            bare=lambda: run([sys.executable, "-c", BARE, bundle / "model.onnx", photo, size]),
        )
        for side in sides.values():
            side()  # files into the system's cache
        found = alternate(sides, 1 if options.quick else options.pairs)
        opening, whole = map(
            spread,
            zip(
                *(
                    spoke_and_ended([sys.executable, "-c", OPENING, bundle, photo])
                    for _ in range(1 if options.quick else options.pairs)
                )
            ),
        )
        help_seconds = run([*PETCLF, "--help"])
    plain, petclf = spread(found["plain"]), spread(found["petclf"])
    pairs = spread([a / b for a, b in zip(found["plain"], found["petclf"])])
    show(
        finish(
            "predict_one",
            options,
            started,
            [
                claim(
                    "one photo, whole process",
                    "seconds",
                    12,
                    plain["median"] / petclf["median"],
                    plain=plain,
                    petclf=petclf,
                    bare=spread(found["bare"]),
                    ratios=pairs,
                ),
                claim(
                    "start-up of predict: a process until its bundle is open",
                    "seconds",
                    0.5,
                    opening["median"],
                    at_most=True,
                    petclf=opening,
                ),
                claim(
                    "start-up of predict: the same process until it has ended again",
                    "seconds",
                    0.5,
                    whole["median"],
                    at_most=True,
                    petclf=whole,
                ),
            ],
            help_seconds=help_seconds,
        )
    )
