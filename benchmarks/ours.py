"""petclf's side, asked through its functions.

train: python benchmarks/ours.py train FOLDER ARCH SIZE     an epoch when asked (see common.Side), the story's recipe, cached pixels
bare:  python benchmarks/ours.py bare FOLDER ARCH SIZE      the same network, loss and optimiser on tensors in memory: nothing but steps
many:  python benchmarks/ours.py many BUNDLE FOLDER         predicts when asked
apart: python benchmarks/ours.py apart BUNDLE FOLDER        decoding and the network, each timed alone, when asked
body:  python benchmarks/ours.py body ARCH SIZE [WEIGHTS]   a frozen body on tensors in memory, on all cores: nothing but features"""

import sys
import tempfile
import time
from pathlib import Path

from common import serve


def _learner(folder, arch, size):
    from petclf.catalog import load_data
    from petclf.data import pet_loaders
    from petclf.engines import choose_device, choose_precision
    from petclf.learner import make_learner
    from petclf.recipe import Recipe
    from petclf.split import split_catalog

    recipe = Recipe.story(arch=arch, size=int(size), epochs=1, precision="auto", device="cpu")
    pets = load_data(folder)
    catalog, _ = split_catalog(pets.catalog, "random", 0, pets.root)
    started = time.perf_counter()
    loaders = pet_loaders(
        pets,
        catalog,
        "species",
        recipe.size,
        recipe.batch_size,
        recipe.crop == "random",
        None,
        choose_device("cpu"),
        recipe.workers,
    )
    made = time.perf_counter() - started
    return (
        make_learner(loaders, "scratch", recipe),
        recipe,
        choose_precision(recipe.precision, choose_device("cpu")),
        made,
    )


def train(folder, arch, size):
    from fastai.callback.core import Callback
    from fastai.vision.all import ShortEpochCallback

    from petclf.learner import fit_arm

    class Stamp(Callback):
        def before_train(self):
            self.began = time.perf_counter()

        def after_train(self):
            self.train_seconds = time.perf_counter() - self.began

    learn, recipe, precision, cached = _learner(folder, arch, size)
    dls = learn.dls

    def answer(warm_up=False):
        stamp = Stamp()
        with (
            tempfile.TemporaryDirectory() as kept,
            learn.added_cbs([stamp] + ([ShortEpochCallback(min(1, 2 / len(dls.train)))] if warm_up else [])),
        ):
            started = time.perf_counter()
            fit_arm(learn, "scratch", recipe, folder=Path(kept) / "arm")  # with its checkpoint, as in a run
            return dict(
                seconds=time.perf_counter() - started,
                train_seconds=getattr(stamp, "train_seconds", None),
                trained=len(dls.train) * dls.train.bs,
                validated=len(dls.valid_ds),
            )

    serve(
        lambda: dict(train=len(dls.train_ds), valid=len(dls.valid_ds), precision=precision, cache_seconds=cached),
        answer,
    )


def bare(folder, arch, size):
    import torch

    learn, recipe, precision, _ = _learner(
        folder, arch, size
    )  # channels-last, the allocator told to keep its memory, whatever else petclf does to the network
    model, loss = learn.model.train(), torch.nn.CrossEntropyLoss()
    batches = [tuple(part.as_subclass(torch.Tensor) for part in learn.dls.train.one_batch()) for _ in range(2)]
    batches = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in batches]
    # fastai's Adam is AdamW with these constants; torch's own fused one is the fastest.
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=recipe.learning_rate,
        betas=(0.9, 0.99),
        eps=1e-5,
        weight_decay=recipe.weight_decay,
        fused=True,
    )

    def answer(steps):
        started = time.perf_counter()
        for step in range(steps):
            x, y = batches[step % 2]
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                value = loss(model(x), y)
            value.backward()
            optimizer.step()
            optimizer.zero_grad()
        return dict(seconds=time.perf_counter() - started, trained=steps * len(batches[0][0]))

    serve(lambda: dict(precision=precision, batch=len(batches[0][0])), answer)


def _files(folder, n=None):
    return sorted(str(path) for path in (Path(folder) / "images").iterdir())[:n]


def many(bundle, folder):
    from petclf.answers import load_bundle
    from petclf.engines import cores
    from petclf.predict import predict

    opened = load_bundle(bundle, callers=cores())

    def answer(n):
        with tempfile.TemporaryDirectory() as kept:
            started = time.perf_counter()
            written = predict(opened, _files(folder, n), Path(kept) / "answers.csv")
            return dict(seconds=time.perf_counter() - started, n=written.rows)

    serve(
        lambda: dict(engine=opened.engine, precision=opened.precision, networks=1 + (opened.body is not None)), answer
    )


def apart(bundle, folder):
    "On one core each, and on all at once, as `predict` uses them."
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from petclf.answers import load_bundle
    from petclf.engines import cores
    from petclf.pixels import normalise
    from petclf.predict import PART

    opened = load_bundle(bundle, callers=max(2, cores()))  # more than one caller: each has one core
    prepared = opened.about["preprocessing"]
    batch = normalise(
        np.stack([opened._pixels(file)[0] for file in _files(folder, PART)]), prepared["mean"], prepared["std"]
    )

    def decode(files):
        for file in files:
            opened._pixels(file)

    def ask(times):
        for _ in times:
            opened.network(batch, ["logits"])

    def timed(work, parts):
        with ThreadPoolExecutor(len(parts)) as pool:
            started = time.perf_counter()
            list(pool.map(work, parts))
            return time.perf_counter() - started

    def answer(n):
        files, times = _files(folder, n), range(max(1, n // PART))
        decode(files[:8])
        ask(range(1))
        return dict(
            n=len(files),
            decode_one=timed(decode, [files]) / len(files),
            network_one=timed(ask, [times]) / (len(times) * PART),
            decode_all=timed(decode, [files[i :: cores()] for i in range(cores())]) / len(files),
            network_all=timed(ask, [times] * cores()) / (len(times) * PART * cores()),
            cores=cores(),
        )

    serve(lambda: dict(engine=opened.engine, precision=opened.precision), answer)


def body(arch, size, weights=None):
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from petclf.engines import cores
    from petclf.features import Body, body_file, engine_and_precision, expects, pretrained_network

    network, origin = pretrained_network(arch, weights)
    size = int(size) or expects(arch).size
    engine, precision = engine_and_precision("auto", "auto")
    opened = Body(body_file(arch, network, origin, size), engine, precision, callers=cores())
    batch = np.random.default_rng(0).normal(0, 1, (16, 3, size, size)).astype(np.float32)

    def answer(n):
        times = max(1, n // (16 * cores()))
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(opened, [batch] * cores()))  # warm
            started = time.perf_counter()
            list(pool.map(lambda _: [opened(batch) for _ in range(times)], range(cores())))
            return dict(seconds_each=(time.perf_counter() - started) / (times * 16 * cores()))

    serve(lambda: dict(engine=engine, precision=precision, size=size), answer)


if __name__ == "__main__":
    {"train": train, "bare": bare, "many": many, "apart": apart, "body": body}[sys.argv[1]](*sys.argv[2:])
