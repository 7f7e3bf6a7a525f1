"What keeps the code open to a second person: limits, and how far we are from them; docs/code.md has more."

import subprocess
import sys
from dataclasses import dataclass

import house


@dataclass(frozen=True)
class Limit:
    "What is counted, where it shall end, and where it stands: it may only fall."

    name: str
    target: float
    today: float


LIMITS = (
    Limit("lines over 120 columns", 0, 330),
    Limit("export cells over 45 lines", 0, 53),
    Limit("lines of an export cell, in the mean", 15, 22.6),
    Limit("public parameters without a type", 0, 901),
    Limit("public functions with more than 5 parameters", 6, 24),
    Limit("functions over 40 statements", 0, 3),
    Limit("subscripts by a string", 500, 1568),
)
# Modules without a complaint of the type checker; a module that is finished joins them.
TYPED = ("petclf/app/", "petclf/names.py", "petclf/fast/allocator.py", "petclf/sample/answers.py")


def counted() -> dict:  # name of a limit to today's number
    "The numbers of today."
    functions, cells = house.functions(), [len(cell) for _, cell in house.export_cells()]
    public = [function for function in functions if function.is_public]
    numbers = (
        sum(len(line) > 120 for line in house.lines()),
        sum(size > 45 for size in cells),
        sum(cells) / len(cells),
        sum(len(function.untyped) for function in public),
        sum(len(function.parameters) > 5 for function in public),
        sum(function.statements > 40 for function in functions),
        house.string_subscripts(),
    )
    return {limit.name: number for limit, number in zip(LIMITS, numbers)}


def test_nothing_gets_worse():
    numbers = counted()
    worse = [f"{limit.name}: {numbers[limit.name]}, at most {limit.today}" for limit in LIMITS]
    assert [line for line, limit in zip(worse, LIMITS) if numbers[limit.name] > limit.today] == []


def test_nothing_private_crosses_modules():
    assert house.private_imports() == []


def test_imports_go_one_way():
    assert house.upward_imports() == []


def ruff(*arguments):
    done = subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=house.TOP, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_name_is_defined_and_used():
    ruff("check", "--select", "F,I", *house.written_by_hand())


def test_ruff_would_change_nothing():
    ruff("format", "--check", *house.written_by_hand())


def test_finished_modules_have_types():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=house.TOP, capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if line.startswith(TYPED) and ": error:" in line] == []
