"What visitors of the app say about its answers: kept only with consent, and handed back as a labelled folder."

# In SQLite. numpy and Pillow are not needed to keep an answer, only to shrink its picture.
import contextlib
import csv
import datetime
import io
import re
import secrets
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from petclf.errors import PetclfError
from petclf.files import folder_written_whole, written_whole

if TYPE_CHECKING:
    from PIL.Image import Image

NO_PET, ANOTHER_BREED = "no-pet", "another-breed"  # labels for what the model has no class for
PICTURE_SIDE = 1024  # long side of a kept picture at most
MOST = 20_000  # rows; more than that is a flood and not feedback
TABLE = """create table if not exists feedback (
  id text primary key, at text not null, model text not null, predicted text not null, decision text not null,
  confidence real, right_answer text not null, consent_picture integer not null, picture text not null)"""
LICENCE = "given by visitors of the app, who allowed their pictures to be kept to improve the model\n"


@dataclass(frozen=True)
class Feedback:
    "What a visitor says about an answer."

    right_answer: str  # a class, `no-pet` or `another-breed`
    predicted: str = ""  # what the model said
    decision: str = ""  # how sure it was
    confidence: float | None = None  # its probability, 0..1
    model: str = ""  # which model, such as its name and fingerprint
    picture: bytes | None = None  # of `clean_picture`; None: the picture may not be kept


@dataclass(frozen=True)
class Kept:
    "A row of the database, in the order of its columns."

    id: str  # under which it can be forgotten
    at: str  # ISO 8601, UTC
    model: str
    predicted: str
    decision: str
    confidence: float | None
    right_answer: str
    consent_picture: int  # 1 where the picture was kept too
    picture: str  # relative to the folder; empty where there is none


COLUMNS = tuple(column.name for column in fields(Kept))


def clean_picture(
    image: "Image",  # an RGB picture, upright
    side: int = PICTURE_SIDE,  # its long side becomes this at most, in pixels
) -> bytes:  # a JPEG without EXIF, colour profile or comment
    "A picture encoded anew: nothing of the file that it came from is left but its pixels, made smaller."
    image = image.convert("RGB")
    image.thumbnail((side, side))
    plain = image.copy()
    plain.info.clear()
    buffer = io.BytesIO()
    plain.save(buffer, format="JPEG", quality=92)
    return buffer.getvalue()


def feedback_folder(
    bundle: str | Path,  # a bundle's path
) -> Path:  # beside it
    "Where the feedback about a bundle is kept unless told otherwise."
    path = Path(bundle) if Path(bundle).name else Path(bundle).absolute()  # `.` has no name of its own
    return path.with_name(f"{path.name.removesuffix('.zip')}-feedback")


def check_new_folder(
    folder: str | Path,  # where something will be written whole
    option: str = "",  # that named it, such as `--space `
) -> None:
    "Refuse a folder that is neither new nor empty, or that one is in and that would be replaced."
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PetclfError(f"{option}{folder}: is there already and not empty; choose another folder")
    if folder.resolve() == Path.cwd():
        raise PetclfError(f"{option}{folder}: cannot be replaced while you are in it; choose another folder")


class FeedbackStore:
    "A folder with `feedback.sqlite` and `pictures/`. Nothing is made before there is something to keep."

    def __init__(
        self,
        folder: str | Path,  # where it is, or will be
    ):
        self.folder = Path(folder)
        self.database = self.folder / "feedback.sqlite"

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        option = "choose another folder with --feedback"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
                connection.execute(TABLE)
                yield connection
        except sqlite3.DatabaseError as error:
            raise PetclfError(f"{self.database}: {error}; move it away or {option}") from error
        except OSError as error:
            raise PetclfError(f"{self.folder}: cannot be written: {error.strerror}; {option}") from error

    def keep(
        self,
        feedback: Feedback,
        consent: bool,  # whether the visitor allows the answer to be kept
    ) -> str:  # the number under which it can be found and forgotten; empty when nothing was kept
        "Keep what a visitor said. Without consent nothing is written."
        if not consent:
            return ""
        row = _row(feedback)
        with self._open() as connection:
            if connection.execute("select count(*) from feedback").fetchone()[0] >= MOST:
                raise PetclfError(f"{self.database}: holds {MOST:,} answers already; export them and move it away")
            places = ", ".join("?" * len(COLUMNS))
            connection.execute(f"insert into feedback values ({places})", tuple(asdict(row).values()))
            if feedback.picture is not None:  # where this fails, the row above is not kept either
                with written_whole(self.folder / row.picture) as temporary:
                    temporary.write_bytes(feedback.picture)
        return row.id

    def forget(
        self,
        number: str,  # what `keep` gave
    ) -> bool:  # whether there was such an answer
        "Take an answer and its picture back."
        with self._open() as connection:
            row = connection.execute("select picture from feedback where id = ?", (number,)).fetchone()
            if row is None:
                return False
            connection.execute("delete from feedback where id = ?", (number,))
        if row[0]:
            (self.folder / row[0]).unlink(missing_ok=True)
        return True

    def rows(self) -> list[Kept]:  # oldest first
        "All that is kept."
        if not self.database.is_file():
            return []
        with self._open() as connection:
            rows = connection.execute(f"select {', '.join(COLUMNS)} from feedback order by at, id")
            return [Kept(*row) for row in rows]

    def export(
        self,
        folder: str | Path,  # a new or empty folder
    ) -> Counter:  # label to number of pictures; under `` the answers that came without a picture
        "Write a folder for each right answer with its pictures, which `--data` takes, and `feedback.csv` with all."
        rows, folder = self.rows(), Path(folder)
        if not rows:
            raise PetclfError(f"{self.folder}: no feedback is kept there yet")
        check_new_folder(folder)
        if folder.is_dir():
            folder.rmdir()  # Windows puts no folder in the place of another
        with folder_written_whole(folder) as temporary:
            files = [self._copy_picture(row, temporary) for row in rows]
            _write_csv(temporary / "feedback.csv", rows, files)
            (temporary / "LICENSE.txt").write_text(LICENCE, encoding="utf-8")
        return Counter(file.rpartition("/")[0] for file in files)

    def _copy_picture(self, row: Kept, folder: Path) -> str:
        "Where a row's picture is now, relative to the folder; empty where it has none."
        source, label = self.folder / row.picture, folder_name(row.right_answer)
        if not row.picture or not source.is_file():
            return ""
        (folder / label).mkdir(exist_ok=True)
        shutil.copyfile(source, folder / label / source.name)
        return f"{label}/{source.name}"


def _row(feedback: Feedback) -> Kept:
    number = secrets.token_hex(8)
    return Kept(
        id=number,
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        model=feedback.model,
        predicted=feedback.predicted,
        decision=feedback.decision,
        confidence=feedback.confidence,
        right_answer=feedback.right_answer,
        consent_picture=int(feedback.picture is not None),
        picture="" if feedback.picture is None else f"pictures/{number}.jpg",
    )


def _write_csv(path: Path, rows: list[Kept], files: list[str]) -> None:
    columns = ["file", *(name for name in COLUMNS if name != "picture")]
    with open(path, "w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"file": file, **asdict(row)} for file, row in zip(files, rows))


def folder_name(
    label: str,  # a class
) -> str:  # the same, where it can be a folder's name
    "A label as a folder's name."
    return re.sub(r"[\\/:*?\"<>|\x00-\x1f]", "_", label).strip(" .") or "_"
