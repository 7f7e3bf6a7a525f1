"What several test files need: a place of their own for everything petclf keeps, small pictures, and petclf's commands."

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

os.environ.pop("PETCLF_DATA", None)  # tests run on what they make themselves, whatever it says


@pytest.fixture(autouse=True)
def own_place(tmp_path, monkeypatch):
    "Work in an empty folder with an empty cache."
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PETCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PETCLF_DATA", raising=False)
    return tmp_path


def blob(path, colour, seed):
    "A small picture: noise around a colour."
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).normal(colour, 40, (40, 48, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=90)


SMALL = ["--arch", "resnet18", "--size", "32", "--epochs", "2", "--set", "batch_size=8"]


def run(*arguments, status=0):
    from petclf.cli import main

    assert main([str(argument) for argument in arguments]) == status


def train(photos, *more, arm="scratch", status=0):
    run("train", "--data", photos, "--arm", arm, *SMALL, *more, status=status)


def refused(capsys, *arguments):
    "Run what cannot be done; the one line that says so."
    capsys.readouterr()
    run(*arguments, status=2)
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("petclf: ") and "Traceback" not in "".join(lines), lines
    return lines[-1]


def process(*arguments, **options):
    # As many threads as this process has: another number adds up in another order, so other last digits.
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "petclf.cli", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def photos(tmp_path):
    "Twenty pictures each of two labels that a network can tell apart."
    folder = tmp_path / "photos"
    for i in range(20):
        blob(folder / "cats" / f"{i}.jpg", (200, 120, 60), i)
        blob(folder / "dogs" / f"{i}.jpg", (60, 120, 200), 100 + i)
    return folder


@pytest.fixture(scope="session")
def chromium():
    "A headless Chromium of the system. Where there is none, browser tests are skipped, unless PETCLF_BROWSER=required."
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("PETCLF_BROWSER") == "required":
            pytest.fail("PETCLF_BROWSER=required, and there is no Chromium")
        pytest.skip("no Chromium: browser tests are skipped")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
