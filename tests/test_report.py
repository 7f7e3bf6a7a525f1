"The page of a run: what the notebook cannot show well."
import subprocess, sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from petclf.errors import PetclfError
from petclf.evaluate import metrics
from petclf.files import write_json, write_table
from petclf.report import write_report
from petclf.run import Run, write_predictions

HOSTILE = ["<script>alert(1)</script>", "\"'><svg onload=alert(1)>", "$x_{$ & ${}", "</td></table><h2>mine</h2>"]


class Seen(HTMLParser):
    "The tags, attributes and text that a browser would see."
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes): self.tags.append(tag); self.attributes += attributes
    def handle_data(self, data): self.text.append(data)


@pytest.fixture
def run(tmp_path):
    "A finished run of one arm whose classes, files, data set, licence and sentences are all hostile; a fifth of its pictures are wrong, one has no file."
    data, rng = tmp_path/"data", np.random.default_rng(0)
    data.mkdir()
    files = [f"{'<b>' if i % 2 else chr(34)}{i}.jpg" for i in range(40)]
    for file in files[1:]: Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype="uint8")).save(data/file)
    classes, truth = sorted(HOSTILE), [sorted(HOSTILE)[i % 4] for i in range(40)]
    predicted = [classes[(i + 1) % 4] if i % 5 == 0 else name for i, name in enumerate(truth)]
    predictions = pd.DataFrame(dict(file=files, split="test", truth=truth, predicted=predicted)).assign(
        **{f"p_{name}": [0.7 if answer == name else 0.1 for answer in predicted] for name in classes})
    catalog = pd.DataFrame(dict(file=files, label=truth, breed="", species="", split="test", group=files, note="")).astype("str")
    catalog.loc[len(catalog)] = ["bad.jpg", classes[0], "", "", "", "bad.jpg", "unreadable: <h2>bad</h2>"]
    run = Run(tmp_path/"runs"/"<em>run</em>".replace("/", "-"))
    write_table(run.folder/"catalog.csv", catalog)
    write_predictions(run.arm("pretrained")/"predictions.csv", predictions)
    write_json(run.arm("pretrained")/"metrics.json", metrics(predictions, "test", None, catalog.set_index("file").group))
    recipe = dict(arch="resnet18", size=64, epochs=1)
    run.update(settings=dict(data="<i>data", target="label", split="stratified", seed=0, limit=None, arms=["pretrained", "scratch"]), recipe=recipe, seed=0,
               versions=dict(petclf="0.1.0"), hardware=dict(name="<u>processor", cores=2, memory_gib=1, device="cpu", precision="full"),
               data=dict(name="<i>data", root=str(data), fingerprint="0", licence="</style><script>alert(2)</script>", pictures=41, left_out=1), target="label",
               classes=classes, positive=None, split="stratified", evaluated="test", weights=dict(source="the file <b>.pth", licence="<b>", sha256="0"),
               arms=dict(pretrained=dict(settings={**recipe, "initial_weights": "<b>"}, parameters=1, trained_parameters=1, sanity=dict(passed=True, loss=1.0, loss_of_guessing=1.4))))
    return run


def test_hostile_names_stay_text(run):
    seen = Seen(write_report(run).read_text(encoding="utf-8"))
    assert not {"script", "svg", "iframe", "object", "embed", "form", "b", "i", "u", "em"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert all(value.startswith(("data:", "#")) for name, value in seen.attributes if name in ("src", "href"))
    text = " ".join(seen.text)
    for name in HOSTILE: assert name in text
    assert "alert(2)" in text and "unreadable: <h2>bad</h2>" in text
    assert any(name == "alt" and "<b>" in value for name, value in seen.attributes)


def test_hostile_sentences_stay_text(run):
    write_json(run.folder/"verdict.json", dict(chosen="pretrained", pairs=[], differences={}, conclusion=["<script>alert(3)</script>"]))
    seen = Seen(write_report(run).read_text(encoding="utf-8"))
    assert "script" not in seen.tags and "<script>alert(3)</script>" in seen.text


def test_missing_picture_and_unfinished_arm_are_said(run):
    text = " ".join(Seen(write_report(run).read_text(encoding="utf-8")).text)
    assert "cannot be shown: no such file" in text
    assert "Not finished yet, and not on this page: scratch" in text


def test_same_run_same_page(run):
    first = write_report(run).read_bytes()
    assert write_report(str(run.folder)).read_bytes() == first


def test_no_finished_arm(run):
    (run.arm("pretrained")/"metrics.json").unlink()
    with pytest.raises(PetclfError, match="no arm is finished"): write_report(run)


def test_needs_neither_torch_nor_fastai(run):
    code = "import sys; from petclf.report import write_report; write_report(sys.argv[1]); print([name for name in ('torch', 'fastai') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("width", [390, 1280])
def test_in_a_browser_nothing_runs_loads_or_sticks_out(run, chromium, width):
    page = chromium.new_page(viewport=dict(width=width, height=844))
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.goto(write_report(run).resolve().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not said and not [url for url in asked[1:] if not url.startswith("data:")]
    folded = page.locator("details").first
    folded.locator("summary").click() # what is folded opens without a script
    assert folded.evaluate("element => element.open")
    broken = page.evaluate("[...document.images].filter(image => !image.complete || image.naturalWidth === 0).map(image => image.alt)")
    assert page.locator("img").count() > 3 and not broken and page.evaluate("[...document.images].every(image => image.alt)")
    page.close()
