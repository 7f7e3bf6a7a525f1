"Prediction from a bundle that is made by hand: hostile files, stopped and resumed, alone with numpy, Pillow and onnxruntime."

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from machines import EVERY, MACHINES, on
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from petclf.answers import BundleError, checksum, find_pictures, load_bundle
from petclf.engines import Machine, choose_engine, running_on
from petclf.pixels import open_picture
from petclf.predict import predict

HERE = Path(__file__).parent


def tiny_network(path, size):
    "Red is a cat, blue is a dog, green is no pet: a network of one layer."
    sees = np.array([[6, 0, -6], [-6, 0, 6]], np.float32).reshape(2, 3, 1, 1)
    imagenet = np.zeros((3, 1000), np.float32)
    imagenet[[0, 2], 151] = 40
    imagenet[1, 0] = 40
    arrays = {"sees": sees, "imagenet_weight": imagenet}
    nodes = [
        helper.make_node("Conv", ["pictures", "sees"], ["evidence"], kernel_shape=[1, 1]),
        helper.make_node("GlobalAveragePool", ["evidence"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
        helper.make_node("GlobalAveragePool", ["pictures"], ["colour"]),
        helper.make_node("Flatten", ["colour"], ["colours"]),
        helper.make_node("MatMul", ["colours", "imagenet_weight"], ["imagenet"]),
    ]
    given = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, size, size])
    told = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("logits", ["n", 2]), ("evidence", ["n", 2, size, size]), ("imagenet", ["n", 1000]))
    ]
    graph = helper.make_graph(
        nodes, "tiny", [given], told, [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))


def write_bundle(folder, size=32, **changes):
    folder.mkdir(parents=True)
    tiny_network(folder / "model.onnx", size)
    about = (
        dict(
            format=1,
            name="by-hand",
            target="species",
            classes=["cat", "dog"],
            fitted=["cat", "dog"],
            answers=["cat", "dog"],
            species=dict(cat="cat", dog="dog"),
            coat={},
            evidence="exact",
            temperature=1.0,
            prior=None,
            threshold=dict(positive="cat", value=0.5),
            levels=[dict(level="species", at=0.9)],
            pet=dict(at=0.2),
            halves=dict(species=dict(at=0.9)),
            precision="full",
            preprocessing=dict(size=size, resize="crop", mean=[0, 0, 0], std=[1, 1, 1]),
            body=dict(own=True, file="", arch="tiny", size=size),
        )
        | changes
    )
    about["files"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    about["checksum"] = checksum(about)
    (folder / "bundle.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "bundle")


RED, GREEN, BLUE = (230, 20, 20), (20, 230, 20), (20, 20, 230)


def picture(path, colour=RED, size=(60, 50), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


def petclf(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "petclf.cli", *map(os.fspath, arguments)], capture_output=True, text=True, **options
    )


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


# ## Answers


def test_an_answer_is_about_the_picture(bundle, tmp_path):
    opened = load_bundle(bundle)
    cat, dog, leaf = opened.answer_batch(
        [picture(tmp_path / f"{i}.png", colour) for i, colour in enumerate((RED, BLUE, GREEN))]
    )
    assert (cat.predicted, cat.species, cat.decision, cat.level) == ("cat", "cat", "sure", "species")
    assert (dog.predicted, dog.decision) == ("dog", "sure")
    assert leaf.decision == "probably no pet" and leaf.level == "no pet" and leaf.pet < 0.01 and leaf.predicted
    assert cat.evidence.shape == (32, 32) and cat.evidence_exact and cat.evidence.mean() > 0
    assert sum(cat.probabilities.values()) == pytest.approx(1)


def test_two_animals_side_by_side_are_not_sure(bundle):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :36], pixels[:, 36:] = RED, BLUE
    answer = load_bundle(bundle)(Image.fromarray(pixels))
    assert answer.decision == answer.level == "not sure" and answer.pet > 0.9


def test_paths_bytes_files_and_images_give_the_same(bundle, tmp_path):
    path, opened = picture(tmp_path / "cat.png"), load_bundle(bundle)
    with open(path, "rb") as file:
        answers = opened.answer_batch([path, str(path), path.read_bytes(), file, Image.open(path)])
    assert len({json.dumps(answer.probabilities) for answer in answers}) == 1 and not any(
        answer.error for answer in answers
    )


@pytest.mark.parametrize(
    "mode, format",
    [
        ("L", "PNG"),
        ("LA", "PNG"),
        ("RGBA", "PNG"),
        ("P", "GIF"),
        ("CMYK", "JPEG"),
        ("I;16", "PNG"),
        ("1", "PNG"),
        ("RGB", "WEBP"),
    ],
)
def test_modes_as_they_come(mode, format, bundle):
    buffer = io.BytesIO()
    grey = np.full((40, 50), 180, np.uint8)
    image = (
        Image.fromarray(grey.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(grey).convert("RGB").convert(mode)
    )
    image.save(buffer, format)
    answer = load_bundle(bundle)(buffer.getvalue())
    assert not answer.error and answer.predicted
    if mode != "1":
        assert abs(int(np.asarray(open_picture(buffer.getvalue()))[0, 0, 0]) - 180) < 30


def test_the_first_frame_of_an_animation_counts(bundle):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), RED).save(buffer, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40), BLUE)])
    assert load_bundle(bundle)(buffer.getvalue()).predicted == "cat"


def test_a_photo_is_turned_as_its_exif_says(bundle):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40], pixels[:, 40:] = RED, BLUE
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # lies on its left side: its left edge is up
    Image.fromarray(pixels).save(buffer, "JPEG", exif=exif, quality=95)
    evidence = load_bundle(bundle)(buffer.getvalue()).evidence
    assert (
        abs(evidence[:8].mean() - evidence[-8:].mean()) > 4
        and abs(evidence[:, :8].mean() - evidence[:, -8:].mean()) < 1
    )


def test_heic(bundle):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), RED).save(buffer, "HEIF")
    assert load_bundle(bundle)(buffer.getvalue()).predicted == "cat"


def test_heic_without_its_extra_names_it(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert "petclf[heic]" in load_bundle(bundle)(b"\0\0\0\x18ftypheic" + bytes(40)).error


def test_fifty_megapixels_are_read_and_more_than_a_hundred_refused_by_name(bundle, tmp_path):
    opened = load_bundle(bundle)
    assert opened(picture(tmp_path / "50.png", size=(8700, 5800))).predicted == "cat"
    assert (
        opened(picture(tmp_path / "150.png", size=(15000, 10000))).error == "15000 x 10000 is more than 100 megapixels"
    )


# ## Files that are no pictures


@pytest.fixture
def hostile(tmp_path):
    folder = tmp_path / "hostile"
    good = picture(folder / "a good one.jpg").read_bytes()
    (folder / "text.jpg").write_text("this is no picture\n")
    (folder / "truncated.jpeg").write_bytes(good[: len(good) // 2])
    (folder / "nothing.png").write_bytes(b"")
    Image.new("1", (60_000, 2)).save(folder / "thread.png")  # its short side at 224 pixels would take gigabytes
    (folder / "folder.jpg").mkdir()
    (folder / "notes.txt").write_text("not looked at in a folder")
    with open(os.fsencode(folder) + b"/caf\xe9.jpg", "wb") as file:
        file.write(good)
    (folder / 'comma, "quote"\nnew line.jpg').write_bytes(good)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "z.JPG").write_bytes(good)
    return folder


def test_bad_files_are_rows_and_exit_status_one(bundle, hostile):
    done = petclf("predict", bundle, hostile, "missing.jpg", "nothing*.png")
    assert done.returncode == 1, done.stderr
    rows = {row["file"].replace(f"{hostile}/", ""): row for row in rows_of(done.stdout)}
    assert set(rows) == {
        "a good one.jpg",
        "text.jpg",
        "truncated.jpeg",
        "nothing.png",
        "thread.png",
        "caf\\udce9.jpg",
        'comma, "quote"\nnew line.jpg',
        "deeper/z.JPG",
        "missing.jpg",
        "nothing*.png",
    }
    errors = {name: row["error"] for name, row in rows.items() if row["error"]}
    assert set(errors) == {"text.jpg", "truncated.jpeg", "nothing.png", "thread.png", "missing.jpg", "nothing*.png"}
    assert (
        "60000 x 2" in errors["thread.png"]
        and errors["text.jpg"] == "not a picture"
        and errors["nothing.png"] == "empty file"
        and errors["missing.jpg"] == "no such file"
        and "truncated" in errors["truncated.jpeg"]
    )
    assert all(not row["predicted"] and row["p_cat"] == "" for row in rows.values() if row["error"])
    assert list(rows["a good one.jpg"]) == [
        "file",
        "predicted",
        "decision",
        "species",
        "breed",
        "p_cat",
        "p_dog",
        "seconds",
        "error",
    ]
    assert "6 of 10" in done.stderr and "Traceback" not in done.stderr


def test_a_file_that_may_not_be_read(bundle, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = picture(tmp_path / "locked.jpg")
    path.chmod(0)
    assert load_bundle(bundle)(path).error == "no permission to read it"


def test_a_list_on_standard_input_and_json_lines(bundle, tmp_path):
    names = [picture(tmp_path / f"{i}.png", RED if i % 2 else BLUE) for i in range(20)]
    done = petclf("predict", bundle, "-", "--format", "jsonl", input="\n".join(map(str, names)) + "\n\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["file"] for row in rows] == list(map(str, names)) and [row["predicted"] for row in rows] == [
        "dog",
        "cat",
    ] * 10
    assert isinstance(rows[0]["p_cat"], float)


def test_patterns_and_folders_in_order(tmp_path):
    for name in ("b/2.jpg", "b/1.png", "a/3.webp", "a/x.txt"):
        picture(tmp_path / name) if not name.endswith("txt") else (tmp_path / name).write_text("")
    short = lambda *paths: [os.path.relpath(path, tmp_path) for path in find_pictures(paths)]
    assert short(tmp_path) == ["a/3.webp", "b/1.png", "b/2.jpg"]
    assert short(tmp_path / "b" / "*.jpg") == ["b/2.jpg"]
    assert short(f"{tmp_path}/**/*") == ["a/3.webp", "b/1.png", "b/2.jpg"]
    assert short(tmp_path / "a" / "x.txt") == ["a/x.txt"]  # named, so it is tried


def test_no_pictures_cannot_be_done(bundle, tmp_path):
    (tmp_path / "empty").mkdir()
    done = petclf("predict", bundle, tmp_path / "empty")
    assert done.returncode == 2 and "no pictures there" in done.stderr and len(done.stderr.splitlines()) == 1


# ## Bundles that are none


def test_a_changed_or_foreign_bundle_is_refused(bundle, tmp_path):
    def refused(path, said):
        with pytest.raises(BundleError, match=said) as caught:
            load_bundle(path)
        assert "\n" not in str(caught.value)

    def changed(name, change):
        copy = tmp_path / name
        shutil.copytree(bundle, copy)
        change(copy)
        return copy

    def edit(folder, seal=False, **changes):
        about = json.loads((folder / "bundle.json").read_text()) | changes
        if seal:
            about["checksum"] = checksum(about)
        (folder / "bundle.json").write_text(json.dumps(about))

    refused(tmp_path / "nowhere", "no such bundle")
    refused(HERE, "no bundle.json")
    refused(HERE / "conftest.py", "neither a bundle's folder nor a zip")
    refused(
        changed("model", lambda copy: (copy / "model.onnx").write_bytes(b"x" + (copy / "model.onnx").read_bytes()[1:])),
        "model.onnx was changed",
    )
    refused(changed("lost", lambda copy: (copy / "model.onnx").unlink()), "no model.onnx")
    refused(changed("json", lambda copy: (copy / "bundle.json").write_text("{")), "not JSON")
    refused(changed("list", lambda copy: (copy / "bundle.json").write_text("[]")), "not petclf's")
    refused(
        changed("threshold", lambda copy: edit(copy, threshold=dict(positive="cat", value=0.1))),
        "bundle.json was changed",
    )
    refused(changed("format", lambda copy: edit(copy, seal=True, format=99)), "format 99")
    refused(changed("less", lambda copy: edit(copy, seal=True, levels=None)), "no levels")
    refused(
        changed("outside", lambda copy: edit(copy, seal=True, files={"../../etc/passwd": "0" * 64})),
        "outside of the bundle",
    )
    refused(changed("no network", lambda copy: edit(copy, seal=True, files={})), "names no model.onnx")
    done = petclf("predict", tmp_path / "threshold", tmp_path)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_a_zip_is_a_bundle_and_nothing_is_unpacked(bundle, tmp_path):
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        for path in bundle.iterdir():
            archive.write(path, path.name)
        archive.writestr("../../escaped.txt", "out")
    before = sorted(tmp_path.parent.rglob("escaped.txt"))
    assert load_bundle(whole)(picture(tmp_path / "cat.png")).predicted == "cat"
    assert sorted(tmp_path.parent.rglob("escaped.txt")) == before == []
    (tmp_path / "broken.zip").write_bytes(whole.read_bytes()[:200])
    with pytest.raises(BundleError, match="neither a bundle"):
        load_bundle(tmp_path / "broken.zip")


def test_another_precision_or_engine_is_said(bundle):
    with pytest.raises(BundleError, match="engine = magic"):
        load_bundle(bundle, engine="magic")
    with pytest.raises(BundleError, match="precision = half"):
        load_bundle(bundle, precision="half")
    with pytest.raises(BundleError, match="full precision only"):
        load_bundle(bundle, engine="onnxruntime", precision="bf16")
    pytest.importorskip("openvino")
    assert "chosen in full" in load_bundle(bundle, precision="bf16").notes[0]
    assert load_bundle(bundle).notes == []


def test_engines_agree_and_many_may_ask(bundle, tmp_path):
    pytest.importorskip("openvino")
    paths = [picture(tmp_path / f"{i}.png", (8 * i, 20, 255 - 8 * i)) for i in range(30)]
    found = {
        engine: [row["p_cat"] for row in predict(bundle, paths, engine=engine)]
        for engine in ("onnxruntime", "openvino")
    }
    assert np.allclose(*found.values(), atol=1e-4)


def test_a_batch_is_asked_in_pieces_and_a_quick_opening_answers_the_same(bundle, tmp_path):
    from petclf.engines import AT_ONCE, Network

    whole, size = write_bundle(tmp_path / "large", size=200) / "model.onnx", 200
    assert 5 * size**2 > 2 * AT_ONCE * 0.9  # more than one piece, the last one smaller
    pictures = np.random.default_rng(0).random((5, 3, size, size), dtype=np.float32)
    one_by_one = [
        np.concatenate(parts)
        for parts in zip(*(Network(whole)(pictures[i : i + 1], ["logits", "imagenet"]) for i in range(5)))
    ]
    for network in (
        Network(whole, callers=2),
        Network(whole.read_bytes(), callers=2),
        Network(whole),
        Network(whole, quick=True),
    ):
        for found, expected in zip(network(pictures, ["logits", "imagenet"]), one_by_one):
            assert found.shape == expected.shape and np.allclose(found, expected, atol=1e-4)
    assert network(pictures[:0], ["logits"])[0].shape == (0, 2)
    paths = [picture(tmp_path / f"{i}.png", (80 * i, 20, 255 - 80 * i)) for i in range(3)]
    fields = lambda answer: (answer.predicted, answer.decision, answer.probabilities, answer.pet)
    assert [fields(one) for one in load_bundle(bundle, quick=True).answer_batch(paths)] == [
        fields(one) for one in load_bundle(bundle).answer_batch(paths)
    ]


def test_auto_takes_the_engine_that_is_faster_there():
    "tests/test_processors.py asks it of every processor; here the three that decide it."
    both, avx512 = frozenset({"onnxruntime", "openvino"}), frozenset({"avx2", "avx512f"})
    with running_on(Machine(features=frozenset({"avx2"}), engines=both)):
        assert choose_engine() == choose_engine(precision="auto") == ("onnxruntime", "full")
        assert choose_engine("openvino", "auto") == ("openvino", "full")
    with running_on(Machine(features=avx512, engines=both)):
        assert choose_engine() == ("openvino", "full")
        assert choose_engine(callers=1) == ("onnxruntime", "full")
    with running_on(Machine(features=avx512 | {"amx_bf16"}, engines=both)):
        assert choose_engine(precision="auto") == choose_engine(precision="bf16", callers=1) == ("openvino", "bf16")
    with running_on(Machine(features=avx512 | {"amx_bf16"}, engines=both - {"openvino"})):
        assert choose_engine(precision="auto") == ("onnxruntime", "full")
        with pytest.raises(ValueError, match="full precision only"):
            choose_engine(precision="bf16")
        with pytest.raises(ValueError, match="pip install openvino"):
            choose_engine("openvino")


# ## Stopped and resumed


def test_a_file_is_continued_and_a_half_written_line_taken_away(bundle, tmp_path):
    paths = [picture(tmp_path / f"{i:02}.png", RED if i % 2 else BLUE) for i in range(20)]
    paths[7] = tmp_path / "lost.png"
    for form in ("csv", "jsonl"):
        out = tmp_path / f"answers.{form}"
        whole = predict(bundle, paths, out, form)
        assert (whole.rows, whole.before, whole.unreadable) == (20, 0, 1)
        text = out.read_text()
        lines = text.splitlines(keepends=True)
        out.write_text("".join(lines[:11]) + lines[11][:25])  # as a kill leaves it
        again = predict(bundle, paths, out, form)
        assert (again.rows, again.before, again.unreadable) == (20, 10 if form == "csv" else 11, 1)
        same = lambda text: [
            row.split("seconds")[0] if form == "jsonl" else row.rsplit(",", 2)[0] for row in text.splitlines()
        ]
        assert same(out.read_text()) == same(text)
        assert predict(bundle, paths, out, form).before == 20


def test_a_file_of_another_bundle_or_of_nobody_is_refused(bundle, tmp_path):
    out, path = tmp_path / "answers.csv", picture(tmp_path / "a.png")
    predict(bundle, [path], out)
    other = write_bundle(tmp_path / "other", temperature=2.0)
    with pytest.raises(BundleError, match="another bundle"):
        predict(other, [path], out)
    with pytest.raises(BundleError, match="another format"):
        predict(bundle, [path], out, "jsonl")
    (tmp_path / "answers.csv.about.json").unlink()
    with pytest.raises(BundleError, match="which bundle wrote it"):
        predict(bundle, [path], out)


def test_killed_and_started_again(bundle, tmp_path):
    for i in range(400):
        picture(tmp_path / "many" / f"{i:03}.jpg", (i % 256, 20, 200), (900, 700))
    command = [
        sys.executable,
        "-m",
        "petclf.cli",
        "predict",
        str(bundle),
        str(tmp_path / "many"),
        "--out",
        str(tmp_path / "out.csv"),
    ]
    process = subprocess.Popen(command)
    until = time.time() + 60
    while time.time() < until and not (
        (tmp_path / "out.csv").exists() and (tmp_path / "out.csv").stat().st_size > 2000
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = (tmp_path / "out.csv").read_text().count("\n") - 1
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = [row["file"] for row in rows_of((tmp_path / "out.csv").read_text())]
    assert 0 < before < 400 and names == [str(tmp_path / "many" / f"{i:03}.jpg") for i in range(400)]


# ## Light


def test_predict_imports_nothing_heavy(bundle, tmp_path):
    path = picture(tmp_path / "cat.png")
    script = f"import sys; from petclf.cli import main; main(['predict', {str(bundle)!r}, {str(path)!r}]); print(sorted({{name.split('.')[0] for name in sys.modules}} & {{'torch', 'fastai', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'tqdm', 'openvino'}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


ALONE = """
import sys, importlib.abc
class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "fastai", "pandas", "petclf", "scipy", "sklearn", "tqdm", "onnx", "openvino"): raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Nothing())
sys.path.insert(0, ".")
import predict
from engines import Gpus, Machine, running_on
"""


@pytest.mark.parametrize("name", EVERY)
def test_it_stands_alone(bundle, tmp_path, name):
    "OpenVINO cannot be imported there, whatever the processor would gain by it."
    from petclf.bundle import write_standalone

    write_standalone(bundle, tmp_path / "alone")
    paths = [picture(tmp_path / f"{i}.png", (40 * i, 60, 255 - 40 * i)) for i in range(6)]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            ALONE + on(MACHINES[name], "sys.exit(predict.main(sys.argv[1:]))"),
            "bundle",
            *map(str, paths),
        ],
        cwd=tmp_path / "alone",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert np.allclose(
        [float(row["p_cat"]) for row in rows_of(done.stdout)],
        [row["p_cat"] for row in predict(bundle, paths)],
        atol=1e-4,
    )
    asked = subprocess.run(
        [sys.executable, "predict.py", "bundle", str(paths[0])], cwd=tmp_path / "alone", capture_output=True, text=True
    )
    assert asked.returncode == 0 and len(rows_of(asked.stdout)) == 1
