"Limits that keep the code open to a second person; docs/code.md has the figures beside other projects'."

import subprocess
import sys

import house

FEW_PARAMETERS, MANY_PARAMETERS, FUNCTIONS_WITH_MANY = 5, 8, 6


def test_lines_are_no_longer_than_120_columns():
    assert [line for line in house.lines() if len(line) > 120] == []


def test_export_cells_are_short():
    cells = house.export_cells()
    assert [(name, len(cell)) for name, cell in cells if len(cell) > 45] == []
    assert sum(len(cell) for _, cell in cells) / len(cells) <= 15


def test_public_parameters_have_types():
    public = [function for function in house.functions() if function.is_public]
    assert [
        f"{function.file}:{function.line} {function.name}: {function.untyped}"
        for function in public
        if function.untyped
    ] == []


def test_functions_take_few_parameters():
    public = [function for function in house.functions() if function.is_public]
    many = [
        f"{function.name} ({len(function.parameters)})"
        for function in public
        if len(function.parameters) > FEW_PARAMETERS
    ]
    assert len(many) <= FUNCTIONS_WITH_MANY, many
    assert all(len(function.parameters) <= MANY_PARAMETERS for function in public)


def test_functions_are_short():
    assert [
        f"{function.file}:{function.line} {function.name}" for function in house.functions() if function.statements > 40
    ] == []


def test_formats_have_types():
    assert house.string_subscripts() <= 500


def test_nothing_private_crosses_modules():
    assert house.private_imports() == []


def test_imports_go_one_way():
    assert house.upward_imports() == []


def test_names_for_notebooks_shadow_nothing():
    "In a process of its own: whatever other tests imported changes nothing."
    program = """
import petclf.all, fastai.vision.all
names = petclf.all.__all__
assert len(names) == len(set(names)), "a name twice"
assert 40 <= len(names) <= 80, len(names)
missing = [name for name in names if not hasattr(petclf.all, name)]
assert not missing, missing
shadowed = sorted(set(names) & {name for name in dir(fastai.vision.all) if not name.startswith("_")})
assert not shadowed, shadowed
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def ruff(*arguments):
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=house.TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_ruff_has_no_complaint():
    ruff("check", *house.written_by_hand())
    ruff("check", "--select", "F", "petclf")


def test_ruff_would_change_nothing():
    ruff("format", "--check", *house.written_by_hand())


def test_mypy_has_no_complaint():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=house.TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
