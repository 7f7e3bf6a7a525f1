"A bundle on labelled pictures from the command line, and the next one against the last."

import json

import pytest
from test_predict import petclf, picture, write_bundle


@pytest.fixture
def pictures(tmp_path):
    "Twelve each; red is a cat, blue is a dog."
    for i in range(12):
        picture(tmp_path / "pets" / "cat" / f"{i}.png", (200 + i, i, i))
        picture(tmp_path / "pets" / "dog" / f"{i}.png", (i, i, 200 + i))
    picture(tmp_path / "pets" / "bird" / "1.png", (20, 230, 20))
    (tmp_path / "pets" / "cat" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "pets"


def test_a_bundle_on_labelled_pictures(pictures, tmp_path):
    picture(pictures / "stray.png")
    done = petclf("evaluate", write_bundle(tmp_path / "good"), "--data", pictures, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "recall of cat" in done.stdout and "probably no pet" in done.stdout
    for why in ("unknown label", "unreadable", "without label"):
        assert f"1 pictures left out of the figures: {why}." in done.stdout, done.stdout
    assert "noted in the catalog" not in done.stdout
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["n"] == 24
    assert (tmp_path / "out" / "decisions.csv").read_text().count("\n") == 4 and (
        tmp_path / "out" / "predictions.csv"
    ).is_file()


def test_a_worse_bundle_is_not_to_go_out(pictures, tmp_path):
    good, bad = (
        write_bundle(tmp_path / "good"),
        write_bundle(tmp_path / "bad", threshold=dict(positive="cat", value=1.0)),
    )  # calls no picture a cat
    done = petclf("evaluate", bad, "--data", pictures, "--against", good, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert (
        "breaks 12 and mends 0 of 24 pictures" in done.stdout
        and "significantly worse" in done.stdout
        and "cat/3.png" in done.stdout
    )
    assert (tmp_path / "out" / "changes.csv").read_text().count("broken") == 12
    other_way = petclf("evaluate", good, "--data", pictures, "--against", bad)
    assert other_way.returncode == 0 and "mends 12" in other_way.stdout and "significantly better" in other_way.stdout
    same = petclf("evaluate", good, "--data", pictures, "--against", good)
    assert same.returncode == 0 and "cannot be told apart" in same.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "a bundle has no pictures of its own"),
        (("--data", "nowhere"), "neither a data set"),
        (("--data", "PICTURES", "--against", "nowhere"), "nowhere"),
        (("--data", "PICTURES", "--arm", "probe"), "--arm and --treatments are for runs"),
    ],
)
def test_what_cannot_be_evaluated(arguments, said, pictures, tmp_path):
    done = petclf(
        "evaluate", write_bundle(tmp_path / "good"), *(pictures if one == "PICTURES" else one for one in arguments)
    )
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1


def test_a_changed_bundle_is_refused(pictures, tmp_path):
    good = write_bundle(tmp_path / "good")
    (good / "model.onnx").write_bytes((good / "model.onnx").read_bytes() + b" ")
    done = petclf("evaluate", good, "--data", pictures)
    assert done.returncode == 2 and "changed after export" in done.stderr
