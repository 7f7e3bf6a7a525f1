"The web app: in a real browser, over HTTP, and as a Space. The bundle is a breed probe trained on drawn pets."

import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from petclf.answers import Answer
from petclf.app import (
    RateLimit,
    answer_html,
    check_upload,
    headline,
    map_picture,
    percent,
    pretty,
    read_shampoos,
    recommend,
    stated_error,
    write_space,
)
from petclf.catalog import breeds, load_data
from petclf.errors import PetclfError
from petclf.feedback import feedback_folder
from petclf.pixels import PictureError
from petclf.sample.draw import draw_pet

# What serves needs none of these, so in what the tests start they cannot be imported.
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}: raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Block())
"""
HEAVY = ("torch", "torchvision", "fastai", "fastcore", "timm", "onnx", "sklearn", "scipy", "matplotlib")
SERVE = (
    BLOCK.format(names=HEAVY)
    + "from petclf.app import serve; serve(sys.argv[1], port=0, feedback=sys.argv[2], answers_a_minute=100_000)"
)


# ## Without a server


def answer(level, **more):
    return Answer(
        **{
            **dict(
                predicted="pug",
                breed="pug",
                species="dog",
                coat="short",
                level=level,
                decision="sure" if level == "breed" else "not sure",
                probabilities=dict(pug=0.9, Siamese=0.1),
                species_probabilities=dict(cat=0.1, dog=0.9),
                evidence=np.eye(4, dtype=np.float32),
                evidence_exact=True,
            ),
            **more,
        }
    )


def test_shampoos_that_come_with_petclf():
    rows = read_shampoos()
    assert 15 <= len(rows) <= 25 and all(row["product"] and row["why"] and row["washing"] for row in rows)
    known = breeds()
    for row in rows:
        if row["breed"]:
            assert known.loc[row["breed"], ["species", "coat"]].tolist() == [row["species"], row["coat"]], row
    pairs = {(row["species"], row["coat"]) for row in rows if not row["breed"]}
    assert {tuple(pair) for pair in known[["species", "coat"]].values} <= pairs  # every breed's coat has a row
    documented = (Path(__file__).parent.parent / "docs/tables.md").read_text(encoding="utf-8")
    for column in rows[0]:
        assert f"| `{column}` |" in documented, column


@pytest.mark.parametrize(
    "level, kind, coat", [("breed", "breed", "short"), ("coat", "coat", "short"), ("species", "species", "")]
)
def test_recommendation_is_as_particular_as_the_answer_is_sure(level, kind, coat):
    row = recommend(answer(level), read_shampoos())
    assert (row["for"], row["species"], row["coat"]) == (kind, "dog", coat)
    assert (row["breed"] == "pug") == (level == "breed")


def test_no_recommendation_on_a_guess():
    for level in ("not sure", "no pet"):
        assert recommend(answer(level), read_shampoos()) is None
    html = answer_html(answer("no pet"), {}, read_shampoos())
    assert "another photo" in html.lower() and "Our recommendation" not in html


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "has no column 'species'"),
        ("species,coat,breed,product,why,washing\n", "has no rows"),
        ("species,coat,breed,product,why,washing\ncat,,,,x,x\n", "row 2 has no product"),
        ("species,coat,breed,product,why,washing\ncat,,,A\n", "row 2 has fewer cells"),
        ("species,coat,breed,product,why,washing\ncat,,,A,b,c,d\n", "row 2 has more cells"),
        ("species,coat,breed,product,why,washing\ncat,,,A,b,c\ncat,,,B,b,c\n", "row 3 is for the same as row 2"),
        ("species,coat,breed,product,why,washing\ndog,short,,A,b,c\n", "no row for dog in general"),
        ("species,coat,breed,product,why,washing\ncat,,,\xff\n", "not a CSV file in UTF-8"),
    ],
)
def test_a_table_of_ones_own_is_checked(tmp_path, text, words):
    (tmp_path / "mine.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(PetclfError, match=re.escape(words)) as raised:
        read_shampoos(tmp_path / "mine.csv")
    assert "--shampoos" in str(raised.value) and "\n" not in str(raised.value)


def test_hostile_names_stay_text():
    nasty = "<img src=x onerror=alert(1)>"
    html = answer_html(
        answer("breed", predicted=nasty, breed=nasty, probabilities={nasty: 1.0}, coat=nasty),
        dict(species={}),
        [dict(species="dog", coat="", breed="", product=nasty, why=nasty, washing=nasty)],
    )
    assert "<img" not in html and "&lt;img" in html


def test_words():
    assert (
        headline(answer("breed"))[2] == "Pug"
        and headline(answer("species"))[2] == "A dog"
        and headline(answer("coat"))[2] == "A dog with a short coat"
    )
    assert (percent(0.9999), percent(0.5), percent(0.004), percent(0.0)) == ("> 99.9 %", "50 %", "0.4 %", "< 0.1 %")
    assert pretty("wheaten_terrier") == "Soft Coated Wheaten Terrier" and pretty("my_own") == "My own"


def test_it_says_which_pictures_were_counted():
    about = dict(figures=dict(levels=[dict(level="breed", n=40, wrong=1)]))
    assert stated_error(about | dict(evaluated="test"), "breed") == "Of 40 such answers in the test, 1 was wrong."
    assert (
        stated_error(about | dict(evaluated="valid"), "breed")
        == "Of 40 such answers about validation pictures, which also steered the training, 1 was wrong."
    )


def test_the_map_lies_where_the_evidence_is():
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), (90, 90, 90)).save(buffer, format="PNG")
    evidence = np.zeros((4, 4), np.float32)
    evidence[0, 3] = 1
    square, under_map = map_picture(buffer.getvalue(), evidence, side=200)
    pixels = np.asarray(under_map, float)
    assert square.size == under_map.size == (200, 200)
    assert pixels[20, 180, 0] > pixels[20, 180, 2] + 60 and np.ptp(pixels[150, 50]) < 5  # orange there, grey elsewhere


def test_uploads_are_checked_before_they_are_decoded(tmp_path):
    path = tmp_path / "large.png"
    Image.new("1", (10_000, 6_000)).save(path)
    with pytest.raises(PictureError, match="60 megapixels; at most 50"):
        check_upload(str(path))
    with pytest.raises(PictureError, match="21 MB; at most 20 MB"):
        check_upload(b"x" * 21_000_000)
    with pytest.raises(PictureError, match="not a picture"):
        check_upload(b"hello")


def test_rate_limit_is_per_visitor_and_bounded():
    may = RateLimit(3, visitors=10)
    assert [may("a") for _ in range(5)] == [True] * 3 + [False] * 2 and may("b")
    for i in range(100):
        may(i)
    assert len(may.seen) == 10


def test_without_gradio_the_extra_is_named(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            BLOCK.format(names=("gradio",)) + "from petclf.app import import_gradio; import_gradio('.')",
        ],
        capture_output=True,
        text=True,
    )
    assert "pip install 'petclf[app]'" in done.stderr


# ## A bundle and its server


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    "A breed probe on drawn pets at 96 pixels, exported."
    folder = tmp_path_factory.mktemp("app")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PETCLF_DATA"},
        "PETCLF_CACHE": str(folder / "cache"),
    }
    for command in (
        [
            "train",
            "--probe",
            "--target",
            "breed",
            "--arch",
            "tf_efficientnet_lite0",
            "--size",
            "96",
            "--no-audit",
            "--out",
            "run",
        ],
        ["export", "run", "--out", "pets"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "petclf.cli", *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stderr
    return folder / "pets"


@contextlib.contextmanager
def started(command, **settings):
    "A server and its address; it must end quietly on Ctrl-C."
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address, line + (process.stderr.read() if process.poll() is not None else "")
        wait_for(address.group())
        process.address = address.group()
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            said = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 0 and said[1] == "", said


def wait_for(address):
    for _ in range(100):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(address, timeout=10).read()
        time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


@pytest.fixture(scope="module")
def server(bundle):
    with started([sys.executable, "-c", SERVE, str(bundle), str(feedback_folder(bundle))]) as process:
        yield process


def drawn(breed="Maine_Coon", seed="app", **settings):
    buffer = io.BytesIO()
    draw_pet(breed, seed, (400, 400)).save(buffer, format="JPEG", quality=92, **settings)
    return buffer.getvalue()


def ask(address, data):
    request = urllib.request.Request(
        f"{address}/gradio_api/run/answer", json.dumps({"data": [data]}).encode(), {"Content-Type": "application/json"}
    )
    return json.loads(urllib.request.urlopen(request, timeout=60).read())["data"][0]


def as_url(contents):
    return {"url": "data:image/jpeg;base64," + base64.b64encode(contents).decode()}


def status_of(address, path, data=None):
    try:
        return urllib.request.urlopen(urllib.request.Request(address + path, data), timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


def memory(process):
    return int(Path(f"/proc/{process.pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


# ## In a browser


@pytest.fixture
def page(chromium, server):
    "The page on a desktop; nothing may be asked of other machines, and no script may fail."
    with opened(chromium, server, 1280, 900) as page:
        yield page


@contextlib.contextmanager
def opened(chromium, server, width, height):
    page = chromium.new_page(viewport=dict(width=width, height=height))
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(server.address)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    yield page
    assert not [url for url in asked if not url.startswith((server.address, "data:", "blob:"))] and not failed
    page.close()


def show(page, contents, name="pet.jpg", mime="image/jpeg"):
    "Upload a file; the text of what comes of it."
    page.set_input_files("#photo input[type=file]", dict(name=name, mimeType=mime, buffer=contents))
    page.wait_for_selector("#result .pc-result:not([data-level=''])", timeout=30_000)
    return page.locator("#result").inner_text()


def test_answer_recommendation_and_map(page):
    text = show(page, drawn())
    assert "Maine Coon" in text and "Sure" in text and "How likely" in text
    assert page.locator("#result .pc-result").get_attribute("data-level") == "breed"
    assert "Our recommendation for Maine Coon" in text and "Half-long coat shampoo for large cats" in text
    assert page.locator("#result .pc-bar").count() == 2 + 5  # species, and the top five breeds
    page.wait_for_selector("#where .pc-map")
    assert page.evaluate(
        "[...document.querySelectorAll('#where img')].every(image => image.complete && image.naturalWidth >= 224)"
    )
    assert "exact" in page.locator("#where").inner_text()


def test_a_text_file_named_jpg(page):
    text = show(page, b"I am no picture, whatever I am called.\n" * 20)
    assert "This file cannot be used" in text and "Not a picture" in text
    assert "Maine Coon" in show_again(page, drawn())  # and the next one works


def show_again(page, contents):
    page.wait_for_selector("#photo input[type=file]", state="attached")  # the refused file was taken away
    page.set_input_files("#photo input[type=file]", dict(name="pet.jpg", mimeType="image/jpeg", buffer=contents))
    page.wait_for_selector("#result .pc-result[data-level=breed]")
    return page.locator("#result").inner_text()


def test_sixty_megapixels(page, server):
    buffer = io.BytesIO()
    Image.new("1", (10_000, 6_000), 1).save(buffer, format="PNG")
    before = memory(server)
    assert "10000 x 6000 pixels are 60 megapixels; at most 50 are taken" in show(
        page, buffer.getvalue(), "large.png", "image/png"
    )
    assert memory(server) < before + 60


def test_feedback_comes_back_as_data(page, bundle, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "my own camera"
    show(page, drawn(exif=exif))
    page.locator("#wrong button").first.click()
    page.locator("#right input").click()
    page.get_by_role("option", name="Siamese").click()
    page.locator("#send").click()
    page.wait_for_selector("text=Without your consent nothing is kept")
    assert not feedback_folder(bundle).exists()
    page.get_by_label("You may keep my answer").check()
    page.get_by_label("You may keep the photo too").check()
    page.locator("#send").click()
    page.wait_for_selector("text=Thank you")
    done = subprocess.run(
        [sys.executable, "-m", "petclf.cli", "app", str(bundle), "--export-feedback", "said"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "1 pictures" in done.stdout, done
    catalog = load_data("said").catalog
    assert catalog[["label", "breed", "species"]].values.tolist() == [["Siamese", "Siamese", "cat"]]
    kept = Path("said") / catalog.file[0]
    assert Image.open(kept).size == (400, 400) and b"camera" not in kept.read_bytes()
    assert ",Maine_Coon,sure," in Path("said/feedback.csv").read_text()


def test_on_a_phone_nothing_sticks_out(chromium, server):
    with opened(chromium, server, 390, 844) as page:
        show(page, drawn())
        page.wait_for_selector("#where .pc-map")
        page.locator("#wrong button").first.click()
        page.wait_for_selector("#send")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        tops = page.evaluate(
            "['photo', 'result', 'where', 'wrong'].map(name => document.getElementById(name).getBoundingClientRect().top)"
        )
        assert tops == sorted(tops)
        page.get_by_role("tab", name="About the model").click()
        page.wait_for_selector("text=The same answers over HTTP")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_card_is_shown(page, bundle):
    page.get_by_role("tab", name="About the model").click()
    heading = re.search(r"^# (.+)$", (bundle / "README.md").read_text(encoding="utf-8"), re.MULTILINE).group(1)
    page.wait_for_selector("#about h1")
    assert page.locator("#about h1").first.inner_text() == heading


# ## Over HTTP


def test_the_same_answer_over_http(server):
    found = ask(server.address, as_url(drawn()))
    assert (found["breed"], found["species"], found["level"], found["decision"], found["error"]) == (
        "Maine_Coon",
        "cat",
        "breed",
        "sure",
        "",
    )
    assert abs(sum(found["probabilities"].values()) - 1) < 1e-6 and found["recommendation"]["breed"] == "Maine_Coon"
    assert ask(server.address, as_url(b"no picture"))["error"] == "not a picture"


def test_the_documented_curl_line(server):
    from petclf.app import curl_line

    Path("pet.jpg").write_bytes(drawn())
    done = subprocess.run(["bash", "-c", curl_line(server.address)], capture_output=True, text=True)
    assert json.loads(done.stdout)["data"][0]["breed"] == "Maine_Coon", done


def test_gradios_own_client(server):
    from gradio_client import Client, handle_file

    Path("pet.jpg").write_bytes(drawn())
    assert (
        Client(server.address, verbose=False).predict(handle_file("pet.jpg"), api_name="/answer")["breed"]
        == "Maine_Coon"
    )


def test_files_of_this_computer_and_addresses_stay_closed(server, bundle):
    meta = {"meta": {"_type": "gradio.FileData"}}
    picture = bundle.parent / "secret.jpg"
    picture.write_bytes(drawn())
    for data in (
        {"path": str(picture)},
        {"path": str(picture), **meta},
        {"path": "http://127.0.0.1:9/x.jpg", **meta},
        {"path": "/etc/passwd", **meta},
    ):
        with pytest.raises(urllib.error.HTTPError):
            ask(server.address, data)
    for path in (
        f"/gradio_api/file={picture}",
        f"/gradio_api/file={bundle / 'bundle.json'}",
        "/gradio_api/file=/etc/passwd",
    ):
        assert status_of(server.address, path) in (403, 404)
    for path in (
        "/gradio_api/file=http://127.0.0.1:9/",
        "/gradio_api/file=HTTPS://127.0.0.1:9/",
        "/gradio_api/proxy=http://127.0.0.1:9/",
        "/monitoring",
        "/gradio_api/runs",
        "/docs",
        "/gradio_api/deep_link",
    ):
        assert status_of(server.address, path) == 404, path


def upload(address, contents):
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="pet.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        + contents
        + b"\r\n--x--\r\n"
    )
    return json.loads(
        urllib.request.urlopen(
            urllib.request.Request(
                f"{address}/gradio_api/upload", body, {"Content-Type": "multipart/form-data; boundary=x"}
            )
        ).read()
    )[0]


def test_an_upload_that_is_deleted_already(server):
    path = upload(server.address, drawn())
    sent = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert ask(server.address, sent)["breed"] == "Maine_Coon"
    Path(path).unlink()
    assert ask(server.address, sent)["error"] == "the upload is gone; send it again"


def test_an_upload_cannot_be_guessed_and_a_large_one_is_refused(server):
    import hashlib

    contents = drawn(seed="unguessable")
    path = upload(server.address, contents)
    assert hashlib.sha256(contents).hexdigest() not in path and len(Path(path).parent.name) == 64
    response = urllib.request.urlopen(f"{server.address}/gradio_api/file={path}")
    assert (
        response.headers["Cache-Control"] == "private, no-store"
        and response.headers["X-Content-Type-Options"] == "nosniff"
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        upload(server.address, os.urandom(21_000_000))
    assert raised.value.code == 413


def test_memory_stays_flat(server):
    pictures = [as_url(drawn(seed=i)) for i in range(4)]
    for i in range(40):
        ask(server.address, pictures[i % 4])
    before, times = memory(server), []
    for i in range(200):
        begun = time.perf_counter()
        ask(server.address, pictures[i % 4])
        times.append(time.perf_counter() - begun)
    assert memory(server) < before + 10
    assert np.median(times) < 0.5


# ## On the command line


def test_ctrl_c_port_taken_and_rate_limit(bundle):
    with started([sys.executable, "-m", "petclf.cli", "app", str(bundle), "--port", "0"]) as process:
        port = process.address.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "petclf.cli", "app", str(bundle), "--port", port], capture_output=True, text=True
        )
        assert (
            done.returncode == 2
            and done.stderr
            == f"petclf: --port {port} on 127.0.0.1: taken by another program; choose another one with --port\n"
        )
        found = [ask(process.address, as_url(b"x")) for _ in range(32)]
        assert found[29]["error"] == "not a picture" and "more than 30 pictures in a minute" in found[31]["error"]


@pytest.mark.parametrize(
    "options, words",
    [
        (["nowhere"], "no such bundle"),
        (["nowhere", "--port", "70000"], "not a port"),
        (["nowhere", "--shampoos", "none.csv"], "none.csv: no such file"),
        (["nowhere", "--export-feedback", "x"], "no feedback"),
    ],
)
def test_what_goes_wrong_is_one_line(options, words):
    done = subprocess.run([sys.executable, "-m", "petclf.cli", "app", *options], capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1


def test_a_space_runs_on_its_own(bundle, tmp_path, monkeypatch):
    folder = write_space(bundle, tmp_path / "space")
    front = (folder / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    assert 'sdk: "gradio"' in front and 'app_file: "app.py"' in front
    requirements = (folder / "requirements.txt").read_text()
    assert "torch" not in requirements and "onnxruntime" in requirements
    assert not {path.stem for path in (folder / "petclf").glob("*.py")} & {"train", "catalog", "bundle", "cli"}
    code = (
        BLOCK.format(names=(*HEAVY, "openvino"))
        + "import runpy; sys.path.insert(0, '.'); import petclf.app, os; assert petclf.app.__file__.startswith(os.getcwd()), petclf.app.__file__; runpy.run_path('app.py', run_name='__main__')"
    )
    with started([sys.executable, "-c", code], cwd=folder, env={**os.environ, "GRADIO_SERVER_PORT": "0"}) as process:
        assert ask(process.address, as_url(drawn()))["breed"] == "Maine_Coon"
    with pytest.raises(PetclfError, match="not empty"):
        write_space(bundle, folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(PetclfError, match="--space .: cannot be replaced while you are in it"):
        write_space(bundle, ".")
