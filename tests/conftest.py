"What several test files need: a place of their own for everything petclf keeps, and small pictures."
import os

import numpy as np
import pytest
from PIL import Image

os.environ.pop("PETCLF_DATA", None) # tests run on what they make themselves, whatever it says


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    "Work in an empty folder with an empty cache."
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PETCLF_CACHE", str(tmp_path/"cache"))
    monkeypatch.delenv("PETCLF_DATA", raising=False)
    return tmp_path


def blob(path, colour, seed):
    "A small picture: noise around a colour."
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).normal(colour, 40, (40, 48, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)


@pytest.fixture
def photos(tmp_path):
    "Twenty pictures each of two labels that a network can tell apart."
    folder = tmp_path/"photos"
    for i in range(20):
        blob(folder/"cats"/f"{i}.jpg", (200, 120, 60), i)
        blob(folder/"dogs"/f"{i}.jpg", (60, 120, 200), 100 + i)
    return folder
