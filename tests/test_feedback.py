"What visitors say: kept with consent only, given back as a folder that training takes."

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petclf.app.feedback import ANOTHER_BREED, NO_PET, Feedback, FeedbackStore, clean_picture, feedback_folder
from petclf.catalog import load_data
from petclf.errors import PetclfError


def picture(seed=0, size=(60, 40)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def test_without_consent_nothing_is_written(tmp_path):
    store = FeedbackStore(tmp_path / "kept")
    assert store.keep(Feedback("pug", picture=clean_picture(picture())), consent=False) == ""
    assert not (tmp_path / "kept").exists() and store.rows() == []


def test_kept_pictures_hold_nothing_but_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x9286] = "a camera", "my address"
    path = tmp_path / "phone.jpg"
    picture(size=(3000, 20)).save(path, exif=exif, comment=b"secret", icc_profile=b"0" * 200, quality=95)
    with Image.open(path) as image:
        cleaned = clean_picture(image)
    assert b"camera" not in cleaned and b"address" not in cleaned and b"secret" not in cleaned
    again = Image.open(io.BytesIO(cleaned))
    assert (
        again.size == (1024, 7)
        and not again.getexif()
        and "icc_profile" not in again.info
        and "comment" not in again.info
    )


def test_there_and_back(tmp_path):
    store = FeedbackStore(tmp_path / "kept")
    for i, label in enumerate(["pug", "pug", "Siamese", NO_PET, ANOTHER_BREED]):
        store.keep(Feedback(label, "Bombay", "sure", 0.9, "m", clean_picture(picture(i))), consent=True)
    bare = store.keep(Feedback("beagle", predicted="pug"), consent=True)
    assert [row.picture != "" for row in store.rows()].count(True) == 5
    assert store.export(tmp_path / "out") == {"pug": 2, "Siamese": 1, NO_PET: 1, ANOTHER_BREED: 1, "": 1}
    assert bare in (tmp_path / "out/feedback.csv").read_text()
    pets = load_data(str(tmp_path / "out"))
    assert pets.catalog.label.value_counts().to_dict() == {"pug": 2, "Siamese": 1, NO_PET: 1, ANOTHER_BREED: 1}
    assert set(pets.catalog[pets.catalog.species == "cat"].breed) == {"Siamese"} and (pets.catalog.note == "").all()
    assert "allowed" in pets.licence
    with pytest.raises(PetclfError, match="not empty"):
        store.export(tmp_path / "out")


def test_an_empty_folder_is_filled(tmp_path, monkeypatch):
    def as_on_windows(source, target, rename=os.rename):
        if Path(target).exists():
            raise FileExistsError(17, "there already")
        rename(source, target)

    monkeypatch.setattr(os, "rename", as_on_windows)
    store = FeedbackStore(tmp_path / "kept")
    store.keep(Feedback("pug", picture=clean_picture(picture())), consent=True)
    (tmp_path / "out").mkdir()
    assert store.export(tmp_path / "out") == {"pug": 1} and len(list((tmp_path / "out").rglob("*.jpg"))) == 1
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(PetclfError, match="while you are in it"):
        store.export(".")


def test_forgetting(tmp_path):
    store = FeedbackStore(tmp_path / "kept")
    number = store.keep(Feedback("pug", picture=clean_picture(picture())), consent=True)
    assert len(list((tmp_path / "kept/pictures").iterdir())) == 1
    assert store.forget(number) and not store.forget(number)
    assert store.rows() == [] and list((tmp_path / "kept/pictures").iterdir()) == []


def test_labels_stay_inside_the_folder(tmp_path):
    store = FeedbackStore(tmp_path / "kept")
    for label in ("../../up", "a/b", "..", "robert'); drop table feedback;--"):
        store.keep(Feedback(label, picture=clean_picture(picture())), consent=True)
    store.export(tmp_path / "out")
    assert (
        sorted(path.name for path in tmp_path.iterdir()) == ["kept", "out"]
        and len(list((tmp_path / "out").rglob("*.jpg"))) == 4
    )


def test_what_goes_wrong_is_one_line(tmp_path):
    with pytest.raises(PetclfError, match="no feedback is kept"):
        FeedbackStore(tmp_path / "none").export(tmp_path / "out")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/feedback.sqlite").write_bytes(b"not a database " * 100)
    with pytest.raises(PetclfError, match="--feedback"):
        FeedbackStore(tmp_path / "kept").rows()
    (tmp_path / "file").write_text("")
    with pytest.raises(PetclfError, match="--feedback"):
        FeedbackStore(tmp_path / "file").keep(Feedback("pug"), consent=True)


def test_beside_the_bundle():
    assert feedback_folder("bundles/pets/").as_posix() == "bundles/pets-feedback"
    assert feedback_folder("bundles/pets.zip").as_posix() == "bundles/pets-feedback"
