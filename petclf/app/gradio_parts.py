"Gradio, made private: nothing calls home, an upload's name cannot be guessed, and only uploads count as sent."

import base64
import binascii
import os
import re
from pathlib import Path
from typing import Any

from petclf.errors import need

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
MONO_FONTS = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
GREENS = (
    "#e7f6f0",
    "#dff3ea",
    "#bfe6d6",
    "#8fd4b8",
    "#4fb993",
    "#045b41",
    "#045b41",
    "#04503a",
    "#034432",
    "#033528",
    "#02271d",
)
COLOURS = dict(
    body_background_fill="#f5f5f2",
    body_background_fill_dark="#14171b",
    block_background_fill="#fff",
    block_background_fill_dark="#1c2127",
    block_border_color="#deded9",
    block_border_color_dark="#313841",
    body_text_color="#1c2126",
    body_text_color_dark="#e6e9ec",
    button_primary_background_fill="#045b41",
    button_primary_background_fill_hover="#037a57",
    button_primary_background_fill_dark="#0a7a5a",
    button_primary_text_color="#fff",
    background_fill_primary="#fff",
    background_fill_primary_dark="#1c2127",
)


def import_gradio(
    folder: str | Path,  # where uploads go: new, private, and gone at the end
) -> Any:  # the module
    "Gradio, with all that calls home turned off before it is imported, and names of uploads that nobody can guess."
    os.environ.update(
        GRADIO_ANALYTICS_ENABLED="False",
        GRADIO_TEMP_DIR=str(folder),
        GRADIO_RUN_HISTORY="False",
        GRADIO_MCP_SERVER="False",
        HF_HUB_DISABLE_TELEMETRY="1",
    )
    gradio = need("gradio", "app", "the web app")
    from gradio import processing_utils

    processing_utils.hash_seed = os.urandom(32)  # the name of an upload is a digest of this secret and its contents
    return gradio


def make_theme(gradio: Any) -> Any:
    "The app's colours and fonts, none of which is loaded from elsewhere."
    hue = gradio.themes.Color(*GREENS)
    base = gradio.themes.Base(primary_hue=hue, neutral_hue="stone", radius_size="lg", font=FONTS, font_mono=MONO_FONTS)
    return base.set(**COLOURS)


def make_picture(
    gradio: Any,
    folder: Path,  # where uploads lie
    **settings: Any,  # of `gradio.Image`
) -> Any:  # a `gradio.Image`
    "An Image whose functions get what was sent, its path or its bytes, not yet decoded; and only uploads are sent."
    # Changed in place: a subclass would make Gradio write a file beside this module.
    image = gradio.Image(type="filepath", **settings)
    move = image.async_move_resource_to_block_cache

    def refuse(words: str) -> Exception:
        return gradio.Error(words, print_exception=False)

    def preprocess(payload: Any) -> str | bytes | None:
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            try:
                return base64.b64decode(payload.url.partition(",")[2], validate=True)
            except (binascii.Error, ValueError):
                raise refuse("the picture is not in base64") from None
        if not payload.path or not Path(payload.path).resolve().is_relative_to(folder):
            raise refuse("no picture was sent")
        return payload.path

    async def move_uploads_only(path: str | None) -> Any:
        # Gradio would fetch addresses and, mounted in another app, copy any file of this computer.
        if re.match("https?:", str(path or "")):
            raise refuse("addresses are not fetched; send the picture itself")
        if path is not None and not Path(path).resolve().is_relative_to(folder):
            raise refuse("not an upload")
        return await move(path)

    image.preprocess = preprocess
    image.async_move_resource_to_block_cache = move_uploads_only
    return image
