"Catalogs and tables as people hand them over, and pictures that could not be read the first time."

import sys

import pytest
from conftest import blob, refused
from PIL import Image

from petclf.catalog import load_data
from petclf.errors import PetclfError
from petclf.run import read_text_table
from petclf.split import split_catalog


def test_what_could_not_be_read_is_tried_again(tmp_path, monkeypatch):
    pytest.importorskip("pillow_heif").register_heif_opener()
    blob(tmp_path / "phone" / "cats" / "1.jpg", (200, 120, 60), 0)
    Image.new("RGB", (64, 64)).save(tmp_path / "phone" / "cats" / "2.heic")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pillow_heif", None)
        assert "petclf[heic]" in load_data(str(tmp_path / "phone")).catalog.note[1]
    assert (load_data(str(tmp_path / "phone")).catalog.note == "").all()


def test_a_group_is_named_only_where_there_are_copies(photos):
    catalog = load_data(str(photos)).catalog
    (photos / "catalog.csv").write_text(
        "file,label,group\n"
        + "".join(f"{row.file},{row.label},{'twins' if i < 2 else ''}\n" for i, row in enumerate(catalog.itertuples()))
    )
    listed = load_data(str(photos / "catalog.csv")).catalog
    assert listed.group.tolist() == ["twins", "twins", *catalog.file[2:]]
    assert split_catalog(listed)[0].split.value_counts()["train"] == 28  # of 40


def test_a_catalog_without_rows(photos, capsys):
    (photos / "catalog.csv").write_text("file,label\n")
    for verb in ("data", "audit"):
        said = refused(
            capsys, *([verb, photos / "catalog.csv"] if verb == "data" else [verb, "--data", photos / "catalog.csv"])
        )
        assert f"{photos / 'catalog.csv'}: lists no pictures" in said


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "cannot be read as a table"),
        ("file,label\ncaf\xe9.jpg,cat\n".encode("latin-1"), "save it as CSV in UTF-8"),
        (b"file,label\na,b\na,b,c\n", "cannot be read as a table"),
        (None, "name a CSV file"),
    ],
    ids=["empty", "latin-1", "ragged", "folder"],
)
def test_a_table_that_cannot_be_read_is_one_line(tmp_path, content, said):
    path = tmp_path / "labels.csv"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(PetclfError, match=said) as raised:
        read_text_table(path)
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)
