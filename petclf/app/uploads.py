"What visitors send: refused when it is too large or too often, before anything of it is decoded."

import base64
import io
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from petclf.pixels import PictureError, identify, open_picture, resize

UPLOAD_MEGABYTES = 20  # of one picture
MEGAPIXELS = 50  # of one picture


def check_upload(
    source: str | bytes,  # a path, or the bytes of a file
) -> None:
    "Refuse what is too large before anything of it is decoded. Raises `PictureError`."
    length = len(source) if isinstance(source, bytes) else os.path.getsize(source)
    if length > UPLOAD_MEGABYTES * 1_000_000:
        raise PictureError(f"a file of {length / 1e6:.0f} MB; at most {UPLOAD_MEGABYTES} MB are taken")
    try:
        with identify(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
    except PictureError:
        raise
    except Exception:
        raise PictureError("not a picture, or a broken one") from None
    if width * height > MEGAPIXELS * 1_000_000:
        size = f"{width} x {height} pixels are {width * height / 1e6:.0f} megapixels"
        raise PictureError(f"{size}; at most {MEGAPIXELS} are taken")


class RateLimit:
    "At most so many times a minute for one visitor. Memory is bounded: who has been quiet longest is forgotten."

    def __init__(
        self,
        times: int,  # a minute
        visitors: int = 5000,  # remembered at most
    ):
        self.times, self.visitors = times, visitors
        self.seen: OrderedDict[Hashable, deque] = OrderedDict()
        self.lock = threading.Lock()

    def __call__(self, visitor: Hashable) -> bool:
        "Whether this visitor may."
        now = time.monotonic()
        with self.lock:
            times = self.seen.setdefault(visitor, deque(maxlen=self.times))
            self.seen.move_to_end(visitor)
            while len(self.seen) > self.visitors:
                self.seen.popitem(last=False)
            if len(times) == self.times and now - times[0] < 60:
                return False
            times.append(now)
            return True


@dataclass(frozen=True)
class EvidenceMap:
    "A picture as the model sees it, and the same under the map of its evidence."

    square: Image.Image  # RGB
    under_map: Image.Image | None  # RGB; None where there is no map


def map_picture(
    source: str | bytes,  # a path, or the bytes of a file
    evidence: np.ndarray | None,  # float32 (h, w): above 0 speaks for the class; None: no map
    how: str = "crop",  # how the bundle makes a picture square
    side: int = 360,  # of the pictures that are made, in pixels
) -> EvidenceMap:
    "Where the evidence for the answer lies. Grey and dark: little or nothing; orange: much."
    square = Image.fromarray(resize(open_picture(source, side), side, how))
    if evidence is None:
        return EvidenceMap(square, None)
    positive = np.maximum(np.asarray(evidence, np.float32), 0)
    smooth = Image.fromarray(positive / max(float(positive.max()), 1e-12)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    heat = np.clip(np.asarray(smooth), 0, 1)[..., None]
    # Grey below, so that an orange cat is no evidence: from yellow to vermilion over the picture's own light and shade.
    grey = np.asarray(square.convert("L").convert("RGB"), np.float32)
    tint = np.array([255, 214, 102], np.float32) * (1 - heat) + np.array([213, 74, 0], np.float32) * heat
    cover = 0.68 * heat
    blended = (grey * 0.8 * (1 - cover) + tint * cover).clip(0, 255).astype(np.uint8)
    return EvidenceMap(square, Image.fromarray(blended))


def data_uri(
    image: Image.Image,  # RGB
) -> str:  # an address that holds the picture itself
    "A picture inside the page, as JPEG."
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=86)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
