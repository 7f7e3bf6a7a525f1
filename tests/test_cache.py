"The caches of pixels and features: killed in the middle, built by two at once, a picture changed, against uncached reading."

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import blob
from PIL import Image

# Reads slowly, or waits for a file, so that there is a middle to be killed or overtaken in.
SLOWLY = """
import sys, time
from pathlib import Path
import petclf.data as blocks
from petclf.catalog import load_data
pause, awaited, quick = float(sys.argv[2]), [Path(file) for file in sys.argv[3:]], blocks.shrink
def slow(*arguments):
    time.sleep(pause)
    while not all(file.exists() for file in awaited): time.sleep(0.05)
    return quick(*arguments)
blocks.shrink = slow
pets = load_data(sys.argv[1])
print("begins", flush=True)
pixels = blocks.cache_pixels(pets, pets.catalog.file, 32)
print(len(pixels), int(sum(int(pixels[file].sum()) for file in pets.catalog.file)), flush=True)
"""


def slowly(photos, pause, *awaited):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SLOWLY, str(photos), str(pause), *map(str, awaited)],
        stdout=subprocess.PIPE,
        text=True,
    )


def uncached(photos, size=32):
    "The sum of all pixels, read without any cache."
    from petclf.pixels import open_picture, shrink

    return sum(int(np.asarray(shrink(open_picture(path, size), size)).sum()) for path in photos.rglob("*.jpg"))


def kept():
    return sorted(path for path in Path(os.environ["PETCLF_CACHE"], "pixels").iterdir())


def half_of(process):
    "The file that a process has begun to write, once it has."
    assert process.stdout.readline() == "begins\n"
    deadline = time.monotonic() + 60
    while (
        not (halves := list(Path(os.environ["PETCLF_CACHE"]).glob("pixels/.32-*/pixels")))
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    return halves[0]


def test_killed_in_the_middle(photos):
    first = slowly(photos, 0.3)
    half = half_of(first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert half.exists() and not [path for path in kept() if not path.name.startswith(".")]  # half of it is no cache
    os.utime(half.parent, (time.time() - 10,) * 2)  # as if it had been left there a moment ago
    out, _ = slowly(photos, 0).communicate(timeout=120)
    assert out.split() == ["begins", "40", str(uncached(photos))]
    assert [path.name.startswith(".") for path in kept()] == [False]  # and what was left has been cleared away


def test_two_build_it_at_once(photos, tmp_path):
    first = slowly(photos, 0, tmp_path / "go")
    half = half_of(first)
    os.utime(half.parent, (time.time() - 10,) * 2)  # not new, and yet somebody is at work in it
    second, _ = slowly(photos, 0).communicate(timeout=180)
    assert half.exists() and first.poll() is None
    (tmp_path / "go").touch()
    said = [out.split()[-2:] for out in (second, first.communicate(timeout=180)[0])]
    assert said == [["40", str(uncached(photos))]] * 2
    assert len(kept()) == 1  # the same folder, whole, and nothing beside it


def test_a_changed_picture_is_read_again(photos):
    from petclf.catalog import load_data
    from petclf.data import cache_pixels

    pets = load_data(photos)
    before = cache_pixels(pets, pets.catalog.file, 32)["cats/3.jpg"].copy()
    blob(photos / "cats" / "3.jpg", (10, 250, 10), 999)
    changed = load_data(photos)
    pixels = cache_pixels(changed, changed.catalog.file, 32)
    assert pets.fingerprint != changed.fingerprint and not np.array_equal(before, pixels["cats/3.jpg"])
    assert np.array_equal(pixels["cats/4.jpg"], cache_pixels(pets, pets.catalog.file, 32)["cats/4.jpg"])
    assert len(kept()) == 2


def test_features_of_a_changed_picture_are_taken_again(photos, monkeypatch):
    timm = pytest.importorskip("timm")
    from petclf import features
    from petclf.catalog import load_data
    from petclf.features import Weights, take_features

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)  # random numbers do for this

    def taken():
        pets = load_data(photos)
        return take_features(
            pets.root,
            dict(zip(pets.facts.file, pets.facts.sha256)),
            "tf_efficientnet_lite0",
            network,
            Weights("tf_efficientnet_lite0", "random", "none", "0" * 64),
            size=32,
            engine="onnxruntime",
        )

    def broken_off(path, size):
        if path.name == "15.jpg":
            raise KeyboardInterrupt
        return read_pixels(path, size)

    read_pixels = features.read_pixels
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(features, "read_pixels", broken_off)
        taken()
    assert not list(Path(os.environ["PETCLF_CACHE"], "features").iterdir())  # half of them are none
    first, again = taken(), taken()
    assert (
        np.array_equal(first.features, again.features) and first.seconds == again.seconds
    )  # found, not taken once more
    blob(photos / "cats" / "3.jpg", (10, 250, 10), 999)
    changed = taken()
    differ = [file for file in first.files if not np.array_equal(first.of([file]), changed.of([file]))]
    assert differ == ["cats/3.jpg"]


def test_a_body_that_another_process_writes_is_waited_for(tmp_path, monkeypatch):
    from petclf import features
    from petclf.files import held

    monkeypatch.setenv("PETCLF_CACHE", str(tmp_path / "other"))
    network, weights = features.pretrained_network("tf_efficientnet_lite0")
    path = features.body_file("tf_efficientnet_lite0", network, weights, 64)
    aside = path.with_suffix(".aside")
    path.rename(aside)
    monkeypatch.setattr(features, "write_onnx", lambda *_: pytest.fail("written twice"))

    def finish():
        time.sleep(0.5)
        aside.rename(path)
        lock.close()

    holding = held(path.parent)
    lock = holding.__enter__()
    other = threading.Thread(target=finish)
    other.start()
    assert features.body_file("tf_efficientnet_lite0", network, weights, 64) == path
    other.join()


def test_cached_and_uncached_batches_are_equal_for_oblong_pictures(tmp_path):
    "Random crops too: at the places that the seed says."
    import random

    import torch

    from petclf.catalog import choose_target, load_data
    from petclf.data import pet_loaders
    from petclf.pixels import crop, open_picture, shrink
    from petclf.split import split_catalog

    for i in range(12):
        for label, shape in (("a", (50, 90)), ("b", (90, 50))):
            path = tmp_path / "oblong" / label / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng(i).integers(0, 255, (*shape, 3), dtype=np.uint8)).save(path)
    pets = load_data(tmp_path / "oblong")
    catalog, target = choose_target(pets.catalog, None)
    catalog, _ = split_catalog(catalog, "stratified", 0, pets.root)
    loaders = pet_loaders(pets, catalog, target, 32, 8, at_random=True)
    places = list(range(8))
    random.seed(5)
    x, y = loaders.train.cut(places)
    random.seed(5)
    files = loaders.train_ds.items.file.iloc[places]
    expected = [
        crop(np.asarray(shrink(open_picture(pets.root / file, 32), 32)), 32, (random.random(), random.random()))
        for file in files
    ]
    assert torch.equal(x.as_subclass(torch.Tensor), torch.from_numpy(np.stack(expected)).permute(0, 3, 1, 2))
    assert [loaders.vocab[int(i)] for i in y] == [file.split("/")[0] for file in files]
