"What visitors of the app say about its answers: kept only with consent, in SQLite, and handed back as a labelled folder that `audit` and `train` take. Light: numpy and Pillow are not needed to keep, only to shrink pictures."

import contextlib, csv, datetime, io, re, secrets, shutil, sqlite3
from pathlib import Path

from petclf.errors import PetclfError
from petclf.files import folder_written_whole, written_whole

NO_PET, ANOTHER_BREED = "no-pet", "another-breed"  # labels for what the model has no class for
PICTURE_SIDE = 1024  # long side of a kept picture at most
MOST = 20_000  # rows; more than that is a flood and not feedback
TABLE = """create table if not exists feedback (id text primary key, at text not null, model text not null, predicted text not null, decision text not null,
  confidence real, right_answer text not null, consent_picture integer not null, picture text not null)"""
COLUMNS = ("id", "at", "model", "predicted", "decision", "confidence", "right_answer", "consent_picture", "picture")


def clean_picture(
    image,  # an RGB picture, upright
    side=PICTURE_SIDE,  # its long side becomes this at most, in pixels
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
    bundle,  # a bundle's path
) -> Path:  # beside it
    "Where the feedback about a bundle is kept unless told otherwise."
    path = Path(bundle) if Path(bundle).name else Path(bundle).absolute()  # `.` has no name of its own
    return path.with_name(f"{path.name.removesuffix('.zip')}-feedback")


def check_new_folder(
    folder,  # where something will be written whole
    option="",  # that named it, such as `--space `
):
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
        folder,  # where it is, or will be
    ):
        self.folder = Path(folder)
        self.database = self.folder / "feedback.sqlite"

    @contextlib.contextmanager
    def _open(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
                connection.execute(TABLE)
                yield connection
        except sqlite3.DatabaseError as error:
            raise PetclfError(
                f"{self.database}: {error}; move it away or choose another folder with --feedback"
            ) from error
        except OSError as error:
            raise PetclfError(
                f"{self.folder}: cannot be written: {error.strerror}; choose another folder with --feedback"
            ) from error

    def keep(
        self,
        right_answer,  # a class, `no-pet` or `another-breed`
        consent,  # whether the visitor allows the answer to be kept
        picture=None,  # the bytes of `clean_picture`; None: the picture may not be kept
        predicted="",  # what the model said
        decision="",  # how sure it was
        confidence=None,  # its probability, 0..1
        model="",  # which model, such as its name and fingerprint
    ) -> str:  # the number under which it can be found and forgotten; `` when nothing was kept
        "Keep what a visitor said. Without consent nothing is written."
        if not consent:
            return ""
        number, name = secrets.token_hex(8), ""
        with self._open() as connection:
            if connection.execute("select count(*) from feedback").fetchone()[0] >= MOST:
                raise PetclfError(f"{self.database}: holds {MOST:,} answers already; export them and move it away")
            if picture is not None:
                name = f"pictures/{number}.jpg"
            now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
            connection.execute(
                f"insert into feedback values ({', '.join('?' * len(COLUMNS))})",
                (number, now, model, predicted, decision, confidence, right_answer, int(picture is not None), name),
            )
            if name:  # where this fails, the row above is not kept either
                with written_whole(self.folder / name) as temporary:
                    temporary.write_bytes(picture)
        return number

    def forget(
        self,
        number,  # what `keep` gave
    ) -> bool:  # whether there was such an answer
        "Take an answer and its picture back."
        with self._open() as connection:
            found = connection.execute("select picture from feedback where id = ?", (number,)).fetchone()
            if found is None:
                return False
            connection.execute("delete from feedback where id = ?", (number,))
        if found[0]:
            (self.folder / found[0]).unlink(missing_ok=True)
        return True

    def rows(self) -> list:  # a dict each, oldest first
        "All that is kept."
        if not self.database.is_file():
            return []
        with self._open() as connection:
            return [
                dict(zip(COLUMNS, row))
                for row in connection.execute(f"select {', '.join(COLUMNS)} from feedback order by at, id")
            ]

    def export(
        self,
        folder,  # a new or empty folder
    ) -> dict:  # label -> number of pictures; under `` the answers that came without a picture
        "Write a folder for each right answer with its pictures, which `--data` takes, and `feedback.csv` with all answers."
        rows, folder = self.rows(), Path(folder)
        if not rows:
            raise PetclfError(f"{self.folder}: no feedback is kept there yet")
        check_new_folder(folder)
        if folder.is_dir():
            folder.rmdir()  # Windows puts no folder in the place of another
        counts, written = {}, []
        with folder_written_whole(folder) as temporary:
            for row in rows:
                source, label = self.folder / row["picture"], folder_name(row["right_answer"])
                if row["picture"] and source.is_file():
                    (temporary / label).mkdir(exist_ok=True)
                    shutil.copyfile(source, temporary / label / source.name)
                    written.append({**row, "file": f"{label}/{source.name}"})
                    counts[label] = counts.get(label, 0) + 1
                else:
                    written.append({**row, "file": ""})
                    counts[""] = counts.get("", 0) + 1
            columns = ["file", *[name for name in COLUMNS if name != "picture"]]
            with open(temporary / "feedback.csv", "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
                writer.writeheader()
                writer.writerows(written)
            (temporary / "LICENSE.txt").write_text(
                "given by visitors of the app, who allowed their pictures to be kept to improve the model\n",
                encoding="utf-8",
            )
        return counts


def folder_name(
    label,  # a class
) -> str:  # the same, where it can be a folder's name
    "A label as a folder's name."
    return re.sub(r"[\\/:*?\"<>|\x00-\x1f]", "_", label).strip(" .") or "_"
