"A bundle with its card, and the page about the model."

import re
import zipfile
from pathlib import Path

from petclf.answers import Bundle, BundleError, load_bundle
from petclf.app.uploads import MEGAPIXELS, UPLOAD_MEGABYTES
from petclf.errors import PetclfError

ABOUT = """\
{card}

## The same answers over HTTP

```sh
{curl}
```

The reply is `{{"data": [ANSWER], ...}}`. An answer has `predicted`, `decision`, `level`, `species`, `breed`, `coat`, \
`probabilities`, `species_probabilities`, `pet`, `recommendation`, `model`, `seconds` and `error`, which is empty, or \
says why there is no answer. A picture may have {megabytes} MB and {megapixels} megapixels, and a visitor {answers} \
answers a minute.
"""
CURL = r"""(printf '{"data":[{"url":"data:image/jpeg;base64,'; base64 < pet.jpg | tr -d '\n'; printf '"}]}') |
  curl -s -H 'Content-Type: application/json' -d @- ADDRESS/gradio_api/run/answer"""


def open_bundle(
    path: str | Path,  # a bundle: its folder, or a zip
    engine: str = "auto",  # `auto`, `onnxruntime` or `openvino`
) -> Bundle:
    "A bundle. Raises `PetclfError` where it is none, or was changed."
    try:
        return load_bundle(path, engine)
    except BundleError as error:
        raise PetclfError(str(error)) from None


def read_card(
    path: str | Path,  # a bundle: its folder, or a zip
) -> str:  # Markdown; empty where it has none
    "The card of a bundle, without its YAML head."
    try:
        if Path(path).is_dir():
            text = (Path(path) / "README.md").read_text(encoding="utf-8")
        else:
            with zipfile.ZipFile(path) as file:
                text = file.read("README.md").decode("utf-8")
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile):
        return ""
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL).strip()


def curl_line(
    address: str,  # where the app is
) -> str:  # for a shell
    "A picture from disk to an answer."
    return CURL.replace("ADDRESS", address)


def about_text(
    card: str,  # of the bundle
    address: str,  # where the app is
    answers_a_minute: int,  # of one visitor
) -> str:  # Markdown
    "The page about the model: its card, and how to ask it over HTTP."
    card = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", card).strip()  # nothing is loaded from elsewhere
    limits = dict(megabytes=UPLOAD_MEGABYTES, megapixels=MEGAPIXELS, answers=answers_a_minute)
    return ABOUT.format(card=card, curl=curl_line(address), **limits)
