"A Hugging Face Space that serves a bundle."

import json
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from petclf.app.card import open_bundle, read_card
from petclf.app.feedback import check_new_folder
from petclf.app.views import TITLES
from petclf.files import folder_written_whole

TESTED_GRADIO = "6.31.0"
PACKAGE = Path(__file__).parent.parent
# What the app needs of petclf.
NEEDED = (
    "__init__.py",
    "errors.py",
    "files.py",
    "names.py",
    "pixels.py",
    "engines.py",
    "answers.py",
    "app/*.py",
    "templates/app.css",
    "templates/*.svg",
    "tables/shampoos.csv",
    "tables/breeds.csv",
)
REQUIREMENTS = (
    "fastcore>=2.1",
    "gradio>=6.14,<7",
    "numpy>=2.0,<3",
    "onnxruntime>=1.20,<2",
    "pillow>=11.0,<14",
    "pillow-heif>=0.20,<2",
)
APP = """\
"The app of this Space: petclf's own, on the bundle beside it."
import os

from petclf.app.server import PORT, Place, serve

feedback = "/data/feedback" if os.access("/data", os.W_OK) else "feedback"
port = int(os.environ.get("GRADIO_SERVER_PORT", PORT))
serve({bundle!r}, Place("0.0.0.0", port), feedback=feedback)
"""
LARGE_FILES = "".join(
    f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in ("*.onnx", "*.safetensors", "*.zip")
)


def write_space(
    bundle: str | Path,  # a bundle: its folder, or a zip
    folder: str | Path,  # a new or empty folder
) -> Path:  # the folder
    "Write a Space: app file, requirements, card, bundle, and the light modules. No torch."
    bundle, folder = Path(bundle), Path(folder)
    manifest = open_bundle(bundle).about  # every file is the one that was exported, and none lies elsewhere
    check_new_folder(folder, "--space ")
    if folder.is_dir():
        folder.rmdir()  # Windows puts no folder in the place of another
    with folder_written_whole(folder) as temporary:
        name = "bundle.zip" if bundle.is_file() else "bundle"
        _copy_bundle(bundle, temporary / name, manifest["files"])
        _copy_package(temporary / "petclf")
        _write(temporary / "app.py", APP.format(bundle=name))
        _write(temporary / "requirements.txt", "\n".join(_requirements(manifest["precision"])) + "\n")
        _write(temporary / ".gitattributes", LARGE_FILES)
        _write(temporary / "README.md", _front(manifest["target"]) + f"\n{read_card(bundle)}\n")
    return folder


def _copy_bundle(bundle: Path, target: Path, files: dict) -> None:
    if bundle.is_file():
        shutil.copyfile(bundle, target)
        return
    target.mkdir()
    for file in ["bundle.json", *files]:
        shutil.copyfile(bundle / file, target / file)


def _copy_package(target: Path) -> None:
    for pattern in NEEDED:
        for source in sorted(PACKAGE.glob(pattern)):
            copied = target / source.relative_to(PACKAGE)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copied)


def _requirements(precision: str) -> list[str]:
    # Thresholds that were chosen in bf16 hold for what onnxruntime does not have.
    return [*REQUIREMENTS, "openvino>=2025.0"] if precision == "bf16" else list(REQUIREMENTS)


def _front(target: str) -> str:
    "The YAML head of a Space's README; JSON strings are YAML strings."
    front = {
        "title": f"petclf: {TITLES.get(target, 'What is it?')}",
        "emoji": "\U0001f43e",
        "colorFrom": "green",
        "colorTo": "yellow",
        "sdk": "gradio",
        "sdk_version": _gradio_version(),
        "python_version": "3.11",
        "app_file": "app.py",
        "pinned": False,
    }
    return (
        "---\n" + "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in front.items()) + "---\n"
    )


def _gradio_version() -> str:
    "The installed one, which was tried; else the one that petclf was tested with."
    try:
        return version("gradio")
    except PackageNotFoundError:
        return TESTED_GRADIO


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
