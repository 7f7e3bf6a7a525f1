"Which shampoo for which answer: a table that anybody may replace, and a rule that is no surer than the answer."

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from petclf.answers import Answer
from petclf.errors import PetclfError

TABLE = Path(__file__).parent.parent / "tables/shampoos.csv"
COLUMNS = ("species", "coat", "breed", "product", "why", "washing")


@dataclass(frozen=True)
class Shampoo:
    "A row of the table: for a breed, for a coat, or for a species in general."

    species: str
    coat: str  # empty: for every coat
    breed: str  # empty: for every breed
    product: str
    why: str  # a sentence; may be empty
    washing: str  # a sentence; may be empty

    @property
    def suits(self) -> str:
        "What it is for: `breed`, `coat` or `species`."
        if self.breed:
            return "breed"
        return "coat" if self.coat else "species"

    @property
    def key(self) -> tuple[str, str, str]:
        "What no second row may be for."
        return self.species, self.suits, self.breed or self.coat


def read_shampoos(
    path: str | Path | None = None,  # a CSV file as docs/tables.md describes; None: petclf's own
) -> list[Shampoo]:
    "The table of recommendations. Raises `PetclfError` naming the row that is wrong."
    path = TABLE if path is None else Path(path)
    columns, rows = _read_csv(path)
    if missing := [name for name in COLUMNS if name not in columns]:
        raise PetclfError(f"--shampoos {path}: has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    if not rows:
        raise PetclfError(f"--shampoos {path}: has no rows")
    return list(_checked(path, rows))


def _read_csv(path: Path) -> tuple[list[str], list[dict]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="more")
            return list(reader.fieldnames or []), list(reader)
    except FileNotFoundError:
        raise PetclfError(f"--shampoos {path}: no such file") from None
    except OSError as error:
        raise PetclfError(f"--shampoos {path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise PetclfError(f"--shampoos {path}: not a CSV file in UTF-8 ({error})") from None


def _checked(path: Path, rows: list[dict]) -> Iterator[Shampoo]:
    "The rows, each for something else, and one for each species in general."
    row_of: dict[tuple, int] = {}
    for number, row in enumerate(rows, 2):
        shampoo = _shampoo(row, f"--shampoos {path}: row {number}")
        if shampoo.key in row_of:
            raise PetclfError(
                f"--shampoos {path}: row {number} is for the same as row {row_of[shampoo.key]}; leave one out"
            )
        row_of[shampoo.key] = number
        yield shampoo
    in_general = {species for species, suits, _ in row_of if suits == "species"}
    if without := sorted({species for species, _, _ in row_of} - in_general):
        raise PetclfError(f"--shampoos {path}: no row for {without[0]} in general (one with coat and breed empty)")


def _shampoo(row: dict, where: str) -> Shampoo:
    if "more" in row:
        raise PetclfError(f"{where} has more cells than the first; put texts with commas in quotes")
    if None in row.values():
        raise PetclfError(f"{where} has fewer cells than the first; put texts with commas in quotes")
    cells = {name: row[name].strip() for name in COLUMNS}
    for name in ("species", "product"):
        if not cells[name]:
            raise PetclfError(f"{where} has no {name}")
    return Shampoo(**cells)


def recommend(
    answer: Answer,  # of a bundle
    shampoos: list[Shampoo],  # of `read_shampoos`
) -> Shampoo | None:  # None where the answer is not sure enough
    "The most particular row that the answer's certainty allows."
    if answer.error or answer.level in ("not sure", "no pet", ""):
        return None
    rows = {shampoo.key: shampoo for shampoo in shampoos}
    species = answer.species or answer.predicted
    wanted = [(species, "species", "")]
    if answer.level in ("breed", "coat"):
        wanted.insert(0, (species, "coat", answer.coat))
    if answer.level == "breed":
        wanted.insert(0, (species, "breed", answer.breed))
    return next((rows[key] for key in wanted if key in rows), None)
