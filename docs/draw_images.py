"Draw the pictures of the README anew: python docs/draw_images.py"

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from petclf.sample.draw import banner  # noqa: E402

if __name__ == "__main__":
    banner().save(TOP / "docs/images/pets.jpg", quality=86, optimize=True)
