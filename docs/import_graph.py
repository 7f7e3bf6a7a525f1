"Draw which module imports which, and refuse an import of a later one: python docs/import_graph.py"

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOP), str(TOP / "tests")]

import house  # noqa: E402

from petclf.figures import Figure, save_figure  # noqa: E402

LAST = ("cli", "all")  # they start everything else


def edges() -> set:  # pairs of an importing and an imported module
    "Every import of one module of the package by another, in functions too."
    modules = house.modules()
    pairs = {(importer, module) for importer, path in modules.items() for module, _ in house.imports_of(path)}
    return {(importer, module) for importer, module in pairs if module in modules and module != importer}


def reading_order(pairs: set) -> list:  # of modules
    "Notebooks by number, each plain module as early as its imports allow. Raises `ValueError` for a circle."
    number = house.notebook_order()
    left = {module for pair in pairs for module in pair}
    order: list = []
    while left:
        free = [module for module in left if not any(a == module and b in left for a, b in pairs)]
        if not free:
            raise ValueError(f"these import each other in a circle: {', '.join(sorted(left))}")
        first = min(free, key=lambda module: (module in LAST, number.get(module, -1), module))
        order.append(first)
        left.remove(first)
    return order


def draw(order: list, pairs: set) -> Figure:
    "A row for each module, a dot for each module that it imports: all dots lie to the left of the diagonal."
    place = {module: number for number, module in enumerate(order)}
    notebooks = house.notebook_order()
    figure = Figure(figsize=(11, 11))
    axis = figure.subplots()
    for importer, module in sorted(pairs):
        axis.plot(place[module], place[importer], "o", color="#0072B2", markersize=4)
    axis.plot([0, len(order) - 1], [0, len(order) - 1], color="#BBBBBB", linewidth=1)
    labels = [f"{module}" if module in notebooks else f"{module} (plain)" for module in order]
    axis.set_yticks(range(len(order)), labels, fontsize=8)
    axis.set_xticks(range(len(order)), order, fontsize=8, rotation=90)
    axis.xaxis.tick_top()
    axis.invert_yaxis()
    axis.set_title("What each module (row) imports (column)", pad=12)
    axis.grid(True, linewidth=0.4)
    return figure


def main() -> str:  # what is wrong; empty when nothing is
    "Draw the graph; a line for each import that goes up or takes a private name."
    pairs = edges()
    save_figure(draw(reading_order(pairs), pairs), TOP / "docs/images/imports.png")
    return "\n".join(house.upward_imports() + house.private_imports())


if __name__ == "__main__":
    sys.exit(main())
