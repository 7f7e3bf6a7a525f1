"""Peak anonymous memory of all processes of a side: training, probing and predicting, petclf against plain fastai.

Runs of their own, because looking takes time: whole processes on 320 pictures where more do not change the peak (training a batch at a time),
and on all pictures where they might (petclf's probe keeps all features; its frozen counterpart in plain fastai does not)."""

import time

from common import (
    PETCLF,
    Side,
    claim,
    finish,
    hardly_trained,
    parser,
    peak_of,
    pets_folder,
    say,
    show,
    some_pictures,
    workplace,
)


def peak_of_side(script, *words, request, **env):
    "Peak of a side from its first second to the end of one request."
    with Side(script, *words, peak=True, **env) as side:
        side.ask(**request)
    return side.peak.mb


if __name__ == "__main__":
    options, started = (
        parser(__doc__.splitlines()[0], pairs=1, rows=("training", "probing", "predicting")).parse_args(),
        time.perf_counter(),
    )
    asked = lambda row: options.only in (None, row)
    size = 64 if options.quick else 224
    with workplace() as work:
        folder, cache, claims = some_pictures(160 if options.quick else 320, work / "pets"), work / "cache", []

        def add(name, plain, petclf, must=1, **more):
            say(f"  {name}: plain {plain} MB, petclf {petclf} MB")
            claims.append(
                claim(f"memory, {name}", "MB", must, petclf / plain, at_most=True, plain=plain, petclf=petclf, **more)
            )
            return finish("memory", options, started, claims)

        if asked("training"):
            result = add(
                "training ResNet-18",
                peak_of_side("plain.py", "train", folder, "resnet18", size, request={}),
                peak_of_side("ours.py", "train", folder, "resnet18", size, request={}, PETCLF_CACHE=cache),
            )
        if asked("probing"):
            frozen = peak_of_side("plain.py", "frozen", folder, "tf_efficientnet_lite0", size, request={})
            whole = folder if options.quick else pets_folder()
            probe, seconds = peak_of(
                [
                    *PETCLF,
                    "train",
                    "--probe",
                    "--data",
                    whole,
                    "--target",
                    "species",
                    "--split",
                    "random",
                    "--arch",
                    "tf_efficientnet_lite0",
                    "--set",
                    "precision=auto",
                    "--no-audit",
                    "--size",
                    size,
                    "--out",
                    work / "probe",
                ],
                PETCLF_CACHE=work / "probe-cache",
            )
            result = add(
                "probing with EfficientNet-Lite0",
                frozen,
                probe,
                plain_is="a frozen epoch on 320 pictures, petclf the whole command on all of them",
            )
        for arch in ("resnet18", "tf_efficientnet_lite0") if asked("predicting") else ():
            exported, bundle = hardly_trained(arch, size, folder, work / arch)
            plain = peak_of_side("plain.py", "many", exported, folder, request=dict(n=320))
            petclf, _ = peak_of(
                [
                    *PETCLF,
                    "predict",
                    bundle,
                    folder / "images",
                    "--precision",
                    "auto",
                    "--out",
                    work / arch / "answers.csv",
                ],
                PETCLF_CACHE=cache,
            )
            claims.append(
                claim(f"memory, predicting with {arch}, in all", "MB", 500, petclf, at_most=True, petclf=petclf)
            )
            result = add(f"predicting with {arch}", plain, petclf)
    show(result)
