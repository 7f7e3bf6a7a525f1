"The tables that come with the package say what docs/tables.md says they do."

import csv
from collections import Counter
from pathlib import Path

import pytest

from petclf.names import proper_name

TOP = Path(__file__).parent.parent
COLUMNS = ["breed", "species", "name", "size", "coat", "source"]
SIZES = {"cat": {"small", "medium", "large"}, "dog": {"small", "medium", "large", "giant"}}
COATS = {"hairless", "short", "medium", "long", "curly", "wire", "double"}


def read(name):
    with open(TOP / "petclf/tables" / name, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return reader.fieldnames, list(reader)


def test_breeds_are_the_37_of_oxford_pets():
    columns, rows = read("breeds.csv")
    assert columns == COLUMNS
    assert len({row["breed"] for row in rows}) == len(rows) == 37
    assert Counter(row["species"] for row in rows) == {"cat": 12, "dog": 25}
    assert [row["breed"] for row in rows] == sorted(row["breed"] for row in rows)


def test_breeds_have_no_empty_cells():
    for row in read("breeds.csv")[1]:
        assert set(row) == set(COLUMNS) and all(value and value == value.strip() for value in row.values()), row


def test_a_capital_letter_means_cat():
    for row in read("breeds.csv")[1]:
        assert row["breed"][0].isupper() == (row["species"] == "cat"), row


def test_vocabulary_is_closed_and_documented():
    documented = (TOP / "docs/tables.md").read_text(encoding="utf-8")
    rows = read("breeds.csv")[1]
    for row in rows:
        assert row["size"] in SIZES[row["species"]] and row["coat"] in COATS, row
    assert {row["coat"] for row in rows} == COATS  # no word of the vocabulary is without a breed
    for word in COATS | SIZES["dog"] | set(COLUMNS):
        assert f"`{word}`" in documented, word


def test_names_are_for_people_to_read():
    names = [row["name"] for row in read("breeds.csv")[1]]
    assert len(set(names)) == 37
    for name in names:
        assert "_" not in name and name[0].isupper(), name


@pytest.mark.parametrize(
    "label, name",
    [
        ("Maine_Coon", "Maine Coon"),
        ("american_pit_bull_terrier", "American Pit Bull Terrier"),
        ("wheaten_terrier", "Soft Coated Wheaten Terrier"),
        ("cat", "cat"),
        ("my_own", "my own"),
        ("__", "__"),
    ],
)
def test_labels_are_shown_to_people_without_underscores(label, name):
    assert proper_name(label) == name
