"Count what the code looks like, and write docs/code.md: python docs/measure_code.py"

import ast
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests"))

import house  # noqa: E402

# The other columns were counted by the same rules (fastcore, nbdev: their notebooks and modules; the others: modules).
OTHERS = {
    "lines over 120 characters": ("17 %", "2.8 %", "3.0 %", "0.1 %", "1.1 %", "2.1 %"),
    "lines over 200": ("192", "65", "35", "0", "0", "1"),
    "conditional expressions": ("703", "257", "", "", "8", "167"),
    'subscripts by a string, `x["name"]`': ("1,593", "119", "", "", "32", "244"),
    "mean export cell, lines": ("40", "9.5", "13.4", "", "", ""),
    "code cells over 45 lines": ("72 of 689", "5 of 1,833", "6 of 556", "", "", ""),
    "public parameters with a type": ("4 of 1,081", "184 of 1,042", "", "", "146 of 146", "791 of 1,380"),
    "statements": ("8,796", "", "", "", "", ""),
}
COLUMNS = ("petclf today", "petclf 0.1.0", "fastcore", "nbdev", "cifar10-airbench", "cleanvision", "fastxtend")


def measured() -> dict:  # row to text
    "The column of today."
    lines = house.lines()
    exported = [len(cell) for _, cell in house.export_cells()]
    cells = [len(cell) for _, cell in house.code_cells()]
    public = [function for function in house.functions() if function.is_public]
    parameters = sum(len(function.parameters) for function in public)
    typed = parameters - sum(len(function.untyped) for function in public)
    values = (
        f"{100 * sum(len(line) > 120 for line in lines) / len(lines):.1f} %",
        f"{sum(len(line) > 200 for line in lines)}",
        f"{house.count(ast.IfExp):,}",
        f"{house.string_subscripts():,}",
        f"{sum(exported) / len(exported):.1f}",
        f"{sum(size > 45 for size in cells)} of {len(cells):,}",
        f"{typed:,} of {parameters:,}",
        f"{house.count(ast.stmt):,}",
    )
    return dict(zip(OTHERS, values))


def table() -> str:  # Markdown
    "Today's column beside the others."
    today = measured()
    rows = [f"| | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    rows += [f"| {row} | {' | '.join((today[row], *others))} |" for row, others in OTHERS.items()]
    return "\n".join(rows)


TEXT = """# What the code looks like

Counted by `python docs/measure_code.py`, which writes this page. Lines are those that are not blank.

{table}

`tests/test_house.py` holds where each of these stands: they may only get better. Where they shall end: no line over 120
columns, export cells of at most 45 lines and 15 in the mean, public parameters all typed and at most five of them,
functions of at most 40 statements. Held already: imports go one way, and no private name is imported.
"""


if __name__ == "__main__":
    (TOP / "docs/code.md").write_text(TEXT.format(table=table()), encoding="utf-8")
    print(table())
