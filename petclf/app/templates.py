"Text files of the app that are no code: its style sheet and drawings."

from pathlib import Path

FOLDER = Path(__file__).parent.parent / "templates"


def template(
    name: str,  # of a file in `templates/`
) -> str:
    "The text of a file that comes with petclf."
    return (FOLDER / name).read_text(encoding="utf-8")
