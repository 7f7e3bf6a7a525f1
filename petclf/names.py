"Breeds as people call them. Light: the standard library alone."

import csv
from functools import cache
from pathlib import Path

TABLES = Path(__file__).parent / "tables"


@cache
def breed_names() -> dict[str, str]:  # breed as in a file's name, such as `Maine_Coon`, to its proper name
    "The proper names of the breeds petclf knows; none where the table is not beside this file."
    path = TABLES / "breeds.csv"
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        return {row["breed"]: row["name"] for row in csv.DictReader(file)}


def proper_name(
    label: str,  # a class: a breed, a species, or any label of a data set
) -> str:  # `american_pit_bull_terrier` is American Pit Bull Terrier, `my_own` is my own, `cat` stays cat
    "A class's name for people to read: a known breed's proper name, else the label without underscores."
    return breed_names().get(label) or " ".join(label.replace("_", " ").split()) or label
