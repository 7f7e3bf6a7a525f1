"The command line: what it leaves behind and what it refuses."

import configparser
import hashlib
import importlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, blob, refused, run, train
from PIL import Image
from sklearn import metrics as sk

import petclf
from petclf.run import Run

TOP = Path(__file__).parent.parent


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    "A file that fits ResNet-18. Its numbers are random, which no figure in these tests depends on."
    import torch
    import torchvision

    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


# ## What a run leaves behind


def test_train_writes_the_run_folder_and_only_once(photos, capsys):
    before = digests(photos)
    train(photos, "--out", "runs/a")
    run_a = Run.open("runs/a")
    assert {path.name for path in run_a.folder.iterdir()} == {
        ".lock",
        "run.json",
        "catalog.csv",
        "audit.csv",
        "audit.json",
        "arms",
        "checklist.json",
        "report.html",
    }  # one arm: no verdict
    assert {path.name for path in run_a.arm("scratch").iterdir()} >= {
        "history.csv",
        "predictions.csv",
        "metrics.json",
        "checkpoint",
        "confusion.png",
        "history.png",
    }
    assert {path.name for path in (run_a.arm("scratch") / "checkpoint").iterdir()} == {
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
    }
    record = run_a.record
    assert (
        record["target"] == "species"
        and record["seed"] == 0
        and record["recipe"]["size"] == 32
        and record["evaluated"] == "test"
        and record["test_readings"] == 1
    )
    assert (
        record["arms"]["scratch"]["sanity"]["passed"] and record["versions"]["torch"] and record["data"]["fingerprint"]
    )
    assert digests(photos) == before  # nothing in the data folder is changed

    kept = digests(run_a.arm("scratch"))
    for same in (photos, "photos", "./photos"):  # the same again, however the folder is called
        train(same, "--out", "runs/a")
        assert "done already" in capsys.readouterr().err and digests(run_a.arm("scratch")) == kept

    line = refused(capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--seed", "1", "--out", "runs/a")
    assert "seed" in line and digests(run_a.arm("scratch")) == kept
    line = refused(capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--epochs", "3", "--out", "runs/a")
    assert "recipe.epochs" in line
    Path("runs/a/notes.txt").write_text("mine")
    (Path("runs/a") / "bodies").mkdir()
    for left in ("bodies.csv", "bodies/resnet18.csv", "repeated_splits.csv"):
        (Path("runs/a") / left).write_text("of the run before")
    train(photos, "--seed", "1", "--out", "runs/a", "--overwrite")
    assert Run("runs/a").record["seed"] == 1 and Path("runs/a/notes.txt").read_text() == "mine"
    assert not [path for path in Path("runs/a").rglob("*.csv") if path.read_text() == "of the run before"]
    assert digests(run_a.arm("scratch"))["predictions.csv"] != kept["predictions.csv"]


def test_a_run_can_be_done_again_from_its_record(photos):
    train(photos, "--seed", "3", "--no-audit", "--out", "runs/a")
    run("train", "--recipe", "runs/a/run.json", "--out", "runs/b")
    assert not (Path("runs/b") / "audit.json").exists()  # nobody looked then, so nobody looks now
    assert (Run("runs/a").arm("scratch") / "predictions.csv").read_bytes() == (
        Run("runs/b").arm("scratch") / "predictions.csv"
    ).read_bytes()
    assert Run("runs/b").record["seed"] == 3


def test_what_early_stopping_left_is_told(photos):
    train(photos, "--epochs", "20", "--set", "patience=1", "--set", "learning_rate=0.003", "--out", "runs/early")
    early = Run.open("runs/early")
    about, history = early.record["arms"]["scratch"], early.history("scratch")
    assert (
        about["epochs"] == len(history) < 20
        and about["kept_epoch"] == history.valid_loss.argmin() + 1 == len(history) - 1
    )
    page = (early.folder / "report.html").read_text()
    assert "up to 20 epochs" in page and f"Epoch {about['kept_epoch']} was kept" in page


def test_several_bodies_side_by_side(photos, monkeypatch):
    "One whose weights cannot be had, or that cannot be probed, does not keep the others from it."
    pytest.importorskip("timm")
    from torchvision.models import vit_b_16

    from petclf import experiment
    from petclf.features import Weights, pretrained_network

    def some(arch, file=None):
        if arch == "resnet50":
            raise petclf.errors.PetclfError("no network")
        return (
            (vit_b_16(), Weights(arch, "random numbers", "none", "0" * 64))
            if arch == "vit_b_16"
            else pretrained_network(arch, file)
        )

    monkeypatch.setattr(experiment, "pretrained_network", some)
    bodies = ["vit_b_16", "tf_efficientnet_lite0", "resnet50", "tf_efficientnet_lite2"]
    run(
        "compare",
        "--data",
        photos,
        "--arch",
        "tf_efficientnet_lite0",
        "--size",
        "64",
        "--arms",
        "probe,probe+threshold",
        "--bodies",
        ",".join(bodies),
        "--no-audit",
        "--out",
        "runs/bodies",
    )
    several = Run.open("runs/bodies")
    table = pd.read_csv(several.folder / "bodies.csv")
    assert (
        list(table.arch) == bodies[1::2]
        and table.chosen.sum() == 1
        and set(several.record["bodies_left_out"]) == set(bodies[::2])
    )
    assert (
        table.chosen[table.balanced_accuracy_on_valid.idxmax()]
        or table.balanced_accuracy_on_valid.nunique() == 1
        and table.chosen[table.parameters.idxmin()]
    )
    assert several.record["test_readings"] == 4  # two arms, two bodies
    item = next(
        item
        for item in json.loads((several.folder / "checklist.json").read_text())["items"]
        if item["name"] == "test_untouched"
    )
    assert item["status"] == "pass" and "2 bodies" in item["evidence"]
    assert "no network" in (several.folder / "report.html").read_text()


def test_arms_that_are_trained_alike(photos):
    "Class weights said twice: two names for one training, which is said and no mistake."
    pytest.importorskip("timm")
    run(
        "compare",
        "--data",
        photos,
        "--arch",
        "tf_efficientnet_lite0",
        "--size",
        "32",
        "--balance",
        "weights",
        "--arms",
        "probe,probe+weights",
        "--no-audit",
        "--out",
        "runs/alike",
    )
    assert "probe and probe+weights were trained alike." in Run("runs/alike").verdict["conclusion"]


def test_compare_judges_and_every_figure_follows_from_the_predictions(photos, random_weights, capsys):
    run("compare", "--data", photos, *SMALL, "--weights", random_weights, "--out", "runs/c")
    run_c = Run.open("runs/c")
    out = capsys.readouterr().out
    assert "The page: " in out and (run_c.folder / "report.html").is_file()
    verdict = run_c.verdict
    assert (
        verdict["pairs"][0]["n"] == run_c.metrics("scratch")["n"]
        and verdict["conclusion"]
        and verdict["chosen"] in run_c.arms
    )
    for arm in run_c.arms:
        figures, table = run_c.metrics(arm), run_c.predictions(arm)
        judged = table[table.split == "test"]
        truth, predicted = judged.truth, judged.predicted
        assert (
            figures["classes"] == ["cat", "dog"]
            and figures["positive"] == "cat"
            and set(table.split) == {"valid", "test"}
        )
        assert figures["confusion"] == sk.confusion_matrix(truth, predicted, labels=["cat", "dog"]).tolist()
        assert figures["accuracy"]["value"] == sk.accuracy_score(truth, predicted)
        assert figures["balanced_accuracy"]["value"] == sk.balanced_accuracy_score(truth, predicted)
        assert figures["roc_auc"]["value"] == sk.roc_auc_score(truth == "cat", judged.p_cat)
        assert figures["average_precision"]["value"] == sk.average_precision_score(truth == "cat", judged.p_cat)
        assert figures["log_loss"]["value"] == sk.log_loss(truth, judged[["p_cat", "p_dog"]], labels=["cat", "dog"])
        for label in ("cat", "dog"):
            row = figures["per_class"][label]
            assert row["recall"]["value"] == sk.recall_score(truth, predicted, pos_label=label)
            if (predicted == label).any():
                assert row["precision"]["value"] == sk.precision_score(truth, predicted, pos_label=label)
            assert row["f1"]["value"] == sk.f1_score(truth, predicted, pos_label=label, zero_division=0)
        table.to_csv("again.csv", index=False, lineterminator="\n")
        assert Path("again.csv").read_bytes() == (run_c.arm(arm) / "predictions.csv").read_bytes()  # bit for bit
    before, judged = digests(run_c.folder / "arms"), (run_c.folder / "verdict.json").read_bytes()
    run("evaluate", "runs/c")
    assert digests(run_c.folder / "arms") == before

    shutil.rmtree(run_c.arm("pretrained"))  # as if it had been stopped between the arms
    capsys.readouterr()
    run("compare", "--data", photos, *SMALL, "--weights", random_weights, "--out", "runs/c")
    said = capsys.readouterr().err
    assert "scratch: done already" in said and "pretrained: done already" not in said
    after = digests(run_c.folder / "arms")
    assert after["pretrained/predictions.csv"] == before["pretrained/predictions.csv"]
    assert {name: digest for name, digest in after.items() if name.startswith("scratch/")} == {
        name: digest for name, digest in before.items() if name.startswith("scratch/")
    }
    assert (run_c.folder / "verdict.json").read_bytes() == judged


def copy_of(photos, file, name):
    "The same photograph again: mirrored, smaller, another file."
    from PIL import ImageOps

    with Image.open(photos / file) as image:
        ImageOps.mirror(image).resize((36, 30)).save(photos / name, quality=80)


def test_audit_and_its_cleaned_catalog(photos, random_weights, capsys):
    from petclf.sample.draw import draw_pet

    for i, (breed, folder) in enumerate(
        (("Siamese", "cats"), ("pug", "dogs"))
    ):  # the blobs are noise; copies need something to see
        draw_pet(breed, i, (96, 96)).save(photos / folder / "drawn.jpg", quality=95)
    copy_of(photos, "cats/drawn.jpg", "cats/mirrored.jpg")
    copy_of(photos, "dogs/drawn.jpg", "cats/wrong.jpg")
    shutil.copy(photos / "dogs/1.jpg", photos / "dogs/again.jpg")
    (photos / "dogs/broken.jpg").write_bytes(b"no picture")
    before = digests(photos)
    run("audit", "--data", photos, "--weights", random_weights, "--out", "runs/look", "--apply")
    said = capsys.readouterr()
    findings = pd.read_csv("runs/look/audit.csv", keep_default_na=False)
    assert list(findings.columns) == ["kind", "file", "other", "score", "severity", "evidence"]
    found = {(row.kind, *sorted(filter(None, (row.file, row.other)))) for row in findings.itertuples()}
    assert {
        ("unreadable", "dogs/broken.jpg"),
        ("exact_duplicate", "dogs/1.jpg", "dogs/again.jpg"),
        ("near_duplicate", "cats/drawn.jpg", "cats/mirrored.jpg"),
        ("near_duplicate", "cats/wrong.jpg", "dogs/drawn.jpg"),
        ("duplicate_labels_disagree", "cats/wrong.jpg", "dogs/drawn.jpg"),
    } <= found
    record = json.loads(Path("runs/look/audit.json").read_text())
    assert (
        record["counts"]["unreadable"] == 1
        and "label_error" in record["counts"]
        and "audit: " in said.err
        and "changes" in said.out
    )
    assert digests(photos) == before  # nothing in the data folder is changed
    cleaned = pd.read_csv("runs/look/cleaned/catalog.csv", keep_default_na=False).set_index("file")
    assert cleaned.note["dogs/again.jpg"].startswith("a copy of") and cleaned.note["dogs/broken.jpg"].startswith(
        "unreadable"
    )
    assert cleaned.group["cats/drawn.jpg"] == cleaned.group["cats/mirrored.jpg"] and len(cleaned) == len(before)
    assert (Path("runs/look") / "report.html").is_file() and (Path("runs/look") / "changes.csv").is_file()

    run("train", "--data", "runs/look/cleaned/catalog.csv", "--arm", "scratch", *SMALL, "--out", "runs/clean")
    assert set(Run("runs/clean").predictions("scratch").file) <= set(cleaned.index[cleaned.note == ""])
    catalog = Run("runs/clean").catalog
    assert (catalog[catalog.split != ""].groupby("group").split.nunique() == 1).all()

    Path("right.csv").write_text("file,label\ncats/wrong.jpg,dogs\n")
    run(
        "audit",
        "--data",
        photos,
        "--weights",
        random_weights,
        "--out",
        "runs/look",
        "--apply",
        "--drop",
        "unreadable",
        "--relabel",
        "right.csv",
    )
    again = pd.read_csv("runs/look/cleaned/catalog.csv", keep_default_na=False).set_index("file")
    assert again.species["cats/wrong.jpg"] == "dog" and again.note["dogs/again.jpg"] == ""
    assert "nonsense" in refused(
        capsys,
        "audit",
        "--data",
        photos,
        "--weights",
        random_weights,
        "--out",
        "runs/look",
        "--apply",
        "--drop",
        "nonsense",
    )
    assert "--apply" in refused(capsys, "audit", "--data", photos, "--drop", "unreadable")


def test_audit_without_weights_one_class_and_no_labels(tmp_path, monkeypatch, capsys):
    import petclf.experiment
    from petclf.errors import PetclfError

    def nowhere(*_):
        raise PetclfError("no pretrained weights for resnet18: no network")

    monkeypatch.setattr(petclf.experiment, "pretrained_network", nowhere)
    for i in range(4):
        blob(tmp_path / "one" / "cats" / f"{i}.jpg", (200, 120, 60), i)
    run(
        "audit", "--data", tmp_path / "one", "--out", "runs/one"
    )  # one class; weights cannot be had: said, recorded, and the exit status is 0
    assert (
        "no network" in json.loads(Path("runs/one/audit.json").read_text())["left_out"]["label_error"]
        and "label error not looked for" in capsys.readouterr().err
    )
    for i in range(4):
        blob(tmp_path / "none" / f"{i}.jpg", (200, 120, 60), i)
    run("audit", "--data", tmp_path / "none", "--out", "runs/none")
    assert len(Run("runs/none").catalog) == 4
    assert "weights" in refused(
        capsys, "audit", "--data", tmp_path / "one", "--weights", "nowhere.pth", "--out", "runs/two"
    )


def test_copies_stay_on_one_side_and_the_checklist_sees_a_leak(photos, random_weights, capsys):
    from petclf.sample.draw import draw_pet

    for i in range(6):  # six drawn cats, three copies of each
        draw_pet("Siamese", i, (96, 96)).save(photos / "cats" / f"drawn{i}.jpg", quality=95)
        for j, quality in enumerate((60, 75, 85)):
            with Image.open(photos / "cats" / f"drawn{i}.jpg") as image:
                image.resize((80 + j, 80 + j)).save(photos / "cats" / f"drawn{i}-{j}.jpg", quality=quality)
    run("train", "--data", photos, "--probe", *SMALL, "--weights", random_weights, "--out", "runs/p")
    catalog = Run("runs/p").catalog
    drawn = catalog[catalog.file.str.contains("drawn")]
    assert (
        drawn.groupby(drawn.file.str.extract("(drawn.)")[0].to_numpy()).group.nunique().eq(1).all()
        and (catalog.groupby("group").split.nunique() == 1).all()
    )
    capsys.readouterr()
    run("check", "runs/p", "--rules", lenient())
    assert "groups_whole" in capsys.readouterr().out
    mixed = catalog.assign(
        split=catalog.split.mask(
            catalog.file == "cats/drawn0-0.jpg",
            "train" if catalog.split[catalog.file == "cats/drawn0.jpg"].item() != "train" else "test",
        )
    )
    mixed.to_csv("runs/p/catalog.csv", index=False)
    run("check", "runs/p", "--rules", lenient(), status=1)
    assert "groups_whole" in [
        item["name"]
        for item in json.loads(Path("runs/p/checklist.json").read_text())["items"]
        if item["status"] == "fail"
    ]


def lenient():
    "Rules under which only what is not about the figures of tiny runs can fail."
    Path("lenient.toml").write_text(
        "[floors]\nrecall_floor = 0.0\n\n[severity]\n"
        + "".join(f'{name} = "warning"\n' for name in ("majority_beaten", "loss_went_down"))
    )
    return "lenient.toml"


def test_variants_of_arms(photos, random_weights, capsys):
    for i in range(20, 40):
        blob(photos / "dogs" / f"{i}.jpg", (70, 110, 190), 200 + i)
    arms = [
        "probe",
        "probe+weights",
        "probe+threshold",
        "scratch",
        "scratch+oversample",
        "scratch+weights+threshold",
        "probe+prior",
    ]
    run(
        "compare",
        "--data",
        photos,
        *SMALL,
        "--weights",
        random_weights,
        "--arms",
        ",".join(arms),
        "--set",
        "splits=3",
        "--set",
        "seeds=2",
        "--out",
        "runs/v",
    )
    run_v, record = Run("runs/v"), Run("runs/v").record
    assert run_v.arms == arms
    assert (
        record["arms"]["probe+threshold"]["threshold"]["fitted_on"] == "out_of_fold"
        and record["arms"]["scratch+weights+threshold"]["threshold"]["fitted_on"] == "valid"
    )
    plain, cut = run_v.predictions("probe"), run_v.predictions("probe+threshold")
    assert plain.drop(columns="predicted").equals(cut.drop(columns="predicted"))  # the two differ in the decision alone
    value = record["arms"]["probe+threshold"]["threshold"]["value"]
    assert (cut.predicted == np.where(cut.q_cat >= value, "cat", "dog")).all()
    assert [(one["a"], one["b"]) for one in run_v.verdict["variants"]] == [
        ("probe+weights", "probe"),
        ("probe+threshold", "probe"),
        ("scratch+oversample", "scratch"),
        ("probe+prior", "probe"),
    ]
    assert run_v.metrics("scratch")["seeds"]["n"] == 2 and (run_v.arm("scratch") / "seeds/1/predictions.csv").is_file()
    assert (
        run_v.verdict["repeated_splits"]["splits"] == 3
        and pd.read_csv("runs/v/repeated_splits.csv").groupby("arm").size().eq(3).all()
    )
    for wrong, word in (
        ("scratch+luck", "+luck"),
        ("scratch+direct", "probes"),
        ("scratch+weights+oversample", "twice"),
        ("resnet", "not an arm"),
    ):
        assert word in refused(
            capsys, "compare", "--data", photos, *SMALL, "--arms", f"scratch,{wrong}", "--out", "runs/w"
        )


def test_pictures_from_elsewhere(photos, tmp_path, random_weights, capsys):
    run("compare", "--data", photos, *SMALL, "--weights", random_weights, "--arms", "probe,scratch", "--out", "runs/e")
    for i in range(6):
        blob(
            tmp_path / "far" / "cat" / f"{i}.jpg", (60, 120, 200), 300 + i
        )  # cats in the dogs' colour: no model of these can be right about them
        blob(tmp_path / "far" / "dog" / f"{i}.jpg", (60, 120, 200), 400 + i)
        blob(tmp_path / "far" / "bird" / f"{i}.jpg", (0, 200, 0), 500 + i)
    (tmp_path / "far" / "dog" / "broken.jpg").write_bytes(b"no")
    capsys.readouterr()
    for arm in ("probe", "scratch"):
        run("evaluate", "runs/e", "--data", tmp_path / "far", "--arm", arm)
    assert "cat pays" in capsys.readouterr().out
    for arm in ("probe", "scratch"):
        found = json.loads((Path("runs/e/arms") / arm / "outside/far/away.json").read_text())
        assert (
            found["n"] == 12
            and found["pays"] == "cat"
            and found["left_out"]
            == {"unknown_label": 6, "unreadable": 1, "without_label": 0, "noted_in_the_catalog": 0}
        )
        assert set(json.loads((Path("runs/e/arms") / arm / "robustness.json").read_text())["variants"]) == {
            "squash",
            "pad",
            "zoom",
            "jpeg",
        }
    assert "none of its" in refused(capsys, "evaluate", "runs/e", "--data", tmp_path / "far" / "bird")
    items = {item["name"]: item["status"] for item in json.loads(Path("runs/e/checklist.json").read_text())["items"]}
    assert items["outside_tried"] == "pass"


def test_classes_with_hostile_names(tmp_path):
    names = ["NA", "1", "<b>x</b>", "tabby, grey & söt"]
    for number, name in enumerate(names):
        for i in range(10):
            blob(
                tmp_path / "data" / name.replace("/", "∕") / f"{i}.png",
                (60 * number, 120, 255 - 60 * number),
                10 * number + i,
            )
    train(tmp_path / "data", "--out", "runs/h")
    classes = sorted(name.replace("/", "∕") for name in names)
    run_h = Run.open("runs/h")
    assert (
        run_h.record["classes"] == classes
        and set(run_h.catalog.label) == set(classes)
        and run_h.record["target"] == "label"
    )
    assert [column[2:] for column in run_h.predictions("scratch") if column.startswith("p_")] == classes
    assert list(run_h.metrics("scratch")["per_class"]) == classes
    assert "<b>x" not in (run_h.folder / "report.html").read_text()


# ## Data as people have it


def test_bad_pictures_among_good_ones_are_counted_and_left_out(photos, capsys):
    (photos / "cats" / "empty.jpg").write_bytes(b"")
    (photos / "dogs" / "text.jpg").write_text("hello")
    whole = (photos / "dogs" / "1.jpg").read_bytes()
    (photos / "dogs" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    train(photos, "--out", "runs/a")
    assert "3 of them left out" in capsys.readouterr().err
    catalog = Run("runs/a").catalog.set_index("file")
    bad = catalog.loc[["cats/empty.jpg", "dogs/text.jpg", "dogs/cut.jpg"]]
    assert bad.note.str.startswith("unreadable").all() and (bad.split == "").all() and (catalog.note != "").sum() == 3


def test_layouts(tmp_path, photos):
    for i in range(12):
        for part in ("train", "test"):
            blob(tmp_path / "split" / part / "healthy" / f"{i}.jpg", (200, 90, 60), i)
            blob(tmp_path / "split" / part / "sick" / f"{i}.jpg", (60, 90, 200), 50 + i)
        blob(tmp_path / "flat" / f"american_bulldog_{i}.jpg", (90, 90, 60), i)
        blob(tmp_path / "flat" / f"Maine_Coon_{i}.jpg", (60, 190, 60), i)
    train(tmp_path / "split", "--out", "runs/s")
    record, catalog = Run("runs/s").record, Run("runs/s").catalog
    assert record["split"] == "folders" and record["target"] == "label" and record["classes"] == ["healthy", "sick"]
    assert (
        catalog.split[catalog.file.str.startswith("test/")].eq("test").all()
        and 2 <= (catalog.split == "valid").sum() <= 6
    )
    train(tmp_path / "flat", "--out", "runs/f")
    assert set(Run("runs/f").catalog.breed) == {"american_bulldog", "Maine_Coon"} and Run("runs/f").record[
        "classes"
    ] == ["cat", "dog"]
    run(
        "train", "--data", "runs/f/catalog.csv", "--arm", "scratch", *SMALL, "--out", "runs/g"
    )  # a catalog; its pictures are where run.json beside it says
    assert Run("runs/g").record["data"]["pictures"] == 24


def test_a_catalog_is_data(photos, capsys):
    from petclf.catalog import read_folder
    from petclf.files import write_table
    from petclf.split import split_catalog

    catalog = split_catalog(read_folder(photos).catalog, seed=5)[0]
    catalog = catalog.assign(
        split=catalog.split.mask(catalog.file == "cats/0.jpg", ""),
        note=catalog.note.mask(catalog.file == "cats/0.jpg", "too dark"),
    )
    write_table(photos / "catalog.csv", catalog)
    train("photos/catalog.csv")
    first = Run.open("runs/photos-species-resnet18-scratch")  # called as its folder
    assert (
        first.record["split"] == "folders" and first.catalog.split.tolist() == catalog.split.tolist()
    )  # its own split is kept
    assert first.catalog.set_index("file").note["cats/0.jpg"] == "too dark" and "cats/0.jpg" not in set(
        first.predictions("scratch").file
    )
    run("train", "--recipe", first.folder / "run.json", "--out", "runs/again")
    assert (
        digests(Run("runs/again").arm("scratch"))["predictions.csv"] == digests(first.arm("scratch"))["predictions.csv"]
    )
    write_table(
        photos / "catalog.csv", catalog.assign(species=catalog.species.mask(catalog.file == "cats/1.jpg", "dog"))
    )  # a label put right is other data
    assert "fingerprint" in refused(capsys, "train", "--data", photos / "catalog.csv", "--arm", "scratch", *SMALL)


def test_files_with_hostile_names(photos, capsys):
    for number, name in enumerate(
        ["line\nbreak.jpg", 'a,"b".jpg', "#1 100%.jpg", "NA.jpg", "猫 \u202f.jpg", "<img src=x>.jpg"]
    ):
        blob(photos / "cats" / name, (200, 120, 60), 200 + number)
    train(photos, "--out", "runs/a")
    assert (
        set(Run("runs/a").catalog.file) == {path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg")}
        and (Run("runs/a").catalog.note == "").all()
    )
    for name in (b"cats/\xff.jpg", b"cats/a\rb.jpg"):  # what no table can hold is named
        try:
            (photos / os.fsdecode(name)).write_bytes((photos / "cats/1.jpg").read_bytes())
        except OSError:
            continue  # not every system allows such names
        assert "rename it" in refused(capsys, "data", photos)
        (photos / os.fsdecode(name)).unlink()


def test_a_turned_photo_is_upright_in_training(photos):
    from petclf.catalog import read_folder
    from petclf.data import cache_pixels

    image = Image.new("RGB", (60, 40), "black")
    image.paste("white", (0, 0, 20, 40))  # white on the left, which the flag turns to the bottom
    exif = Image.Exif()
    exif[0x0112] = 8
    image.save(photos / "cats" / "turned.jpg", exif=exif, quality=95)
    pixels = cache_pixels(read_folder(photos), ["cats/turned.jpg"], 32)["cats/turned.jpg"]
    assert pixels.shape[:2] == (48, 32) and pixels[-4:].mean() > 200 and pixels[:4].mean() < 50


# ## What is refused, in one line that says what to do


def test_wrong_options(photos, capsys):
    Path("list.json").write_text("[1]")
    Path("list.toml").mkdir()
    for arguments, named in [
        (["--target", "colour"], "--target"),
        (["--split", "half"], "--split"),
        (["--recipe", "best"], "--recipe"),
        (["--set", "momentum=1"], "--set"),
        (["--set", "batch_size=many"], "batch_size"),
        (["--set", "dropout=2"], "dropout"),
        (["--arch", "resnet_18x"], "--arch"),
        (["--arm", "guess"], "guess"),
        (["--epochs", "0"], "--epochs"),
        (["--seed", "x"], "--seed"),
        (["--colour", "red"], "--colour"),
        (["--weights", "no.pth", "--arm", "pretrained"], "no.pth"),
        (["--split", "official"], "trainval.txt"),
        (["--seed", "-1"], "--seed"),
        (["--set", "batch_size=1"], "batch_size"),
        (["--arm", ""], "--arm"),
        (["--weights", "some.pth"], "--weights"),
        (["--recipe", "list.json"], "list.json"),
        (["--recipe", "list.toml"], "list.toml"),
        (["--recipe", "photos"], "--recipe"),
        (["--recipe", "none.json"], "none.json"),
        (["--limit", "0"], "--limit"),
        (["--size", "8"], "size"),
    ]:
        assert named in refused(
            capsys,
            "train",
            "--data",
            photos,
            "--size",
            "32",
            *arguments,
            *([] if "--arm" in arguments else ["--arm", "scratch"]),
        ), arguments
    assert "oxford-pets" in refused(capsys, "train", "--data", "oxford_pets")
    assert "--data" in refused(capsys, "train", "--data", "") and "--target" in refused(
        capsys, "data", photos, "--target", "colour"
    )  # never another data set instead
    assert "two arms" in refused(capsys, "compare", "--data", photos, "--arms", "")
    assert "two arms" in refused(capsys, "compare", "--data", photos, "--arms", "scratch")
    assert "twice" in refused(capsys, "compare", "--data", photos, "--arms", "scratch,scratch")
    assert "run.json" in refused(capsys, "report", photos) and "no such run" in refused(capsys, "report", "nowhere")
    assert "compair" in refused(capsys, "compair")
    assert not Path("runs").exists()  # nothing half made


def test_data_that_cannot_be_learned_from(tmp_path, photos, capsys):
    (tmp_path / "empty").mkdir()
    assert "no pictures" in refused(capsys, "compare", "--data", tmp_path / "empty")
    blob(tmp_path / "one" / "cats" / "1.jpg", 100, 1)
    assert "only 'cat" in refused(capsys, "train", "--data", tmp_path / "one")
    (tmp_path / "bad" / "cats").mkdir(parents=True)
    (tmp_path / "bad" / "dogs").mkdir()
    for name in ("cats/1.jpg", "dogs/2.jpg"):
        (tmp_path / "bad" / name).write_text("no picture")
    assert "none of the 2 pictures can be used: cats/1.jpg is unreadable" in refused(
        capsys, "train", "--data", tmp_path / "bad"
    )
    run("data", tmp_path / "bad")  # counting is always possible
    assert "2 unreadable" in capsys.readouterr().out


class Harmful:
    "A pickle that runs a command when somebody is careless."

    def __reduce__(self):
        return os.system, ("touch was_run",)


def test_weights_from_strangers(photos, capsys):
    Path("text.pth").write_text("hello")
    Path("code.pth").write_bytes(pickle.dumps({"conv1.weight": Harmful()}))
    import torch
    import torchvision

    torch.save({"state_dict": Harmful()}, "code2.pth")
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), "other.pth")
    for name, why in (
        ("text.pth", "read safely"),
        ("code.pth", "read safely"),
        ("code2.pth", "read safely"),
        ("other.pth", "does not fit"),
    ):
        line = refused(capsys, "train", "--data", photos, *SMALL, "--weights", name)
        assert name in line and why in line
    assert not Path("was_run").exists()


def test_without_a_network_there_are_no_weights_and_no_random_ones(photos, capsys, monkeypatch, tmp_path):
    import socket

    def unreachable(*args):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    line = refused(capsys, "compare", "--data", photos, *SMALL, "--out", "runs/a")
    assert "no pretrained weights for resnet18" in line and "--weights FILE" in line and not Path("runs/a").exists()
    line = refused(capsys, "data", "oxford-pets")
    assert "PETCLF_DATA" in line


def test_folders_that_cannot_be_written(photos, capsys, monkeypatch):
    Path("taken").write_text("a file")
    assert "taken" in refused(capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "taken")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("precious")
    assert "not empty and not a run" in refused(
        capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "full"
    )
    assert Path("full/mine.txt").read_text() == "precious"
    assert "/dev/null/run" in refused(
        capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "/dev/null/run"
    )
    monkeypatch.setenv("PETCLF_CACHE", "/dev/null/cache")
    assert "PETCLF_CACHE" in refused(capsys, "train", "--data", photos, "--arm", "scratch", *SMALL, "--out", "runs/a")


def test_what_a_killed_process_leaves_is_no_obstacle(photos):
    Path("runs/a").mkdir(parents=True)
    Path("runs/a/.run.json.x1y2.json").write_text('{"half')
    train(photos, "--out", "runs/a")
    half = Path("runs/a/arms/scratch/.checkpoint.new.x1y2")
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    train(photos, "--out", "runs/a")
    assert not half.exists() and Run("runs/a").arms == ["scratch"]


def test_debug_shows_the_traceback(capsys):
    run("train", "--debug", "--data", "nowhere", status=2)  # the exit status stays what it is
    err = capsys.readouterr().err
    assert (
        "Traceback" in err and "load_data" in err and err.strip().splitlines()[-1].startswith("petclf: --data nowhere")
    )


# ## In a process of its own


def test_what_is_imported():
    def imported(code):
        return set(
            json.loads(
                subprocess.run(
                    [sys.executable, "-c", f"{code}\nimport sys, json; print('\\n' + json.dumps(list(sys.modules)))"],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.splitlines()[-1]
            )
        )

    assert not {"torch", "fastai", "pandas"} & imported("import petclf")
    for verb in ("--help", "report --help", "compare --help"):
        assert not {"torch", "fastai", "pandas"} & imported(
            f"from petclf.cli import main\ntry: main({verb.split()!r})\nexcept SystemExit: pass"
        )
    for setting in ("--set colour=red", "--arm resnet", "--recipe loud"):
        assert not {"torch", "fastai", "pandas"} & imported(
            f"from petclf.cli import main\nassert main({['train', *setting.split()]!r}) == 2"
        )
    for room in ("report", "checklist"):
        assert not {"torch", "fastai"} & imported(f"import petclf.{room}")


def test_everything_a_notebook_wants():
    code = (
        "from petclf.all import *; print(Recipe().arch, compare.__module__, load_data.__module__, metrics.__module__)"
    )
    assert subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split() == ["resnet18", "petclf.verdict", "petclf.catalog", "petclf.metrics"]
    rooms = re.findall(r"^from (petclf\.\w+) import \*", (TOP / "petclf" / "all.py").read_text(), re.MULTILINE)
    meant = {}
    for room in map(importlib.import_module, rooms):
        for name in filter(lambda name: callable(getattr(room, name)), room.__all__):
            meant.setdefault(name, set()).add(id(getattr(room, name)))
    assert not [name for name, things in meant.items() if len(things) > 1]  # no room hides what another one gives


def test_one_version_number_and_a_welcome(capsys):
    settings = configparser.ConfigParser(delimiters=["="])
    settings.read(TOP / "settings.ini")
    assert settings["DEFAULT"]["version"] == petclf.__version__
    assert f"## {petclf.__version__}" in (TOP / "CHANGELOG.md").read_text()
    run()
    assert "petclf compare" in capsys.readouterr().out


def test_the_console_script(photos):
    "What is said goes to standard error, what was asked for to standard output, and a terminal of another age can show it."
    blob(photos / "söt 猫" / "1.jpg", 100, 1)

    def script(*arguments, **environment):
        done = subprocess.run(
            [Path(sys.executable).with_name("petclf"), *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
        return done.returncode, done.stdout, done.stderr

    assert script("--version") == (0, f"petclf {petclf.__version__}\n", "")
    status, out, err = script("data", photos, "--target", "label", PYTHONIOENCODING="ascii")
    assert status == 0 and err == "" and "photos: 41 pictures" in out and "s\\xf6t" in out
    status, out, err = script("data", "nowhere")
    assert status == 2 and out == "" and err.startswith("petclf: --data nowhere") and err.count("\n") == 1
