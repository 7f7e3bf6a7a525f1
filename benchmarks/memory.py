"""Peak anonymous memory of all processes of a side: training, probing and predicting, petclf against plain fastai.

Runs of their own, because looking takes time: whole processes on 320 pictures where more do not change the peak (training a batch at a time),
and on all pictures where they might (petclf's probe keeps all features; its frozen counterpart in plain fastai does not)."""
import os, sys, time
from common import HERE, PETCLF, Peak, Side, claim, finish, hardly_trained, parser, peak_of, pets_folder, say, some_pictures, workplace
from time_to_accuracy import torch_home


def peak_of_side(script, *words, request, **env):
    "Peak of a side from its first second to the end of one request."
    import threading
    with Side(script, *words, **env) as side:
        with Peak(side.process.pid) as peak: side.ask(**request)
    return peak.mb


if __name__ == "__main__":
    made = parser(__doc__.splitlines()[0], pairs=1)
    made.add_argument("--weights", default=os.environ.get("PETCLF_WEIGHTS"), help="ImageNet weights of ResNet-18 for the frozen epoch (default: PETCLF_WEIGHTS, else torchvision's download)")
    options, started = made.parse_args(), time.perf_counter()
    size = 64 if options.quick else 224
    with workplace() as work:
        folder, cache, claims = some_pictures(160 if options.quick else 320, work/"pets"), work/"cache", []
        def add(name, plain, petclf, must=1, **more):
            say(f"  {name}: plain {plain} MB, petclf {petclf} MB")
            claims.append(claim(f"memory, {name}", "MB", must, petclf / plain, at_most=True, plain=plain, petclf=petclf, **more))
        add("training ResNet-18", peak_of_side("plain.py", "train", folder, "resnet18", size, request={}), peak_of_side("ours.py", "train", folder, "resnet18", size, request={}, PETCLF_CACHE=cache))
        frozen = peak_of_side("plain.py", "frozen", folder, "tf_efficientnet_lite0", size, request={}, **torch_home(work/"torch", options.weights))
        whole = folder if options.quick else pets_folder()
        probe, seconds = peak_of([*PETCLF, "train", "--probe", "--data", whole, "--target", "species", "--split", "random", "--arch", "tf_efficientnet_lite0", "--set", "precision=auto", "--no-audit", "--size", size,
                                  "--out", work/"probe"], PETCLF_CACHE=work/"probe-cache")
        add("probing with EfficientNet-Lite0", frozen, probe, plain_is="a frozen epoch")
        for arch in ("resnet18", "tf_efficientnet_lite0"):
            exported, bundle = hardly_trained(arch, size, folder, work/arch)
            plain = peak_of_side("plain.py", "many", exported, folder, request=dict(n=320))
            petclf, _ = peak_of([*PETCLF, "predict", bundle, folder/"images", "--precision", "auto", "--out", work/arch/"answers.csv"], PETCLF_CACHE=cache)
            add(f"predicting with {arch}", plain, petclf)
            claims.append(claim(f"memory, predicting with {arch}, in all", "MB", 500, petclf, at_most=True, petclf=petclf))
    finish("memory", options, started, claims)
