"What the code looks like, counted: the table of docs/code.md, the graph of imports, and the limits that tests hold."

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PACKAGE = TOP / "petclf"
NOTEBOOKS = TOP / "nbs"


@dataclass
class Function:
    "A function of the package."

    file: str  # relative to the repository's top
    line: int
    name: str
    parameters: list  # names, without self
    untyped: list  # those without a type
    statements: int

    @property
    def is_public(self) -> bool:
        return not self.name.split(".")[-1].startswith("_") and ".<" not in self.name


def modules() -> dict:  # dotted name, such as `sample.draw`, to its file
    "The modules of the package but for nbdev's index."
    files = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "_modidx.py")
    names = (path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".") for path in files)
    return {name.removesuffix(".__init__"): path for name, path in zip(names, files)}


def notebook_order() -> dict:  # module to its place in reading order
    "The modules that are written in notebooks, in the order of their numbers; the sample comes before all."
    order = {}
    for path in sorted(NOTEBOOKS.glob("sample/*.ipynb")) + sorted(NOTEBOOKS.glob("*.ipynb")):
        first = "".join(json.loads(path.read_text())["cells"][0]["source"])
        if exported := re.search(r"#\| *default_exp +(\S+)", first):
            order[exported[1]] = len(order)
    return order


def imports_of(path: Path, inside: bool = True) -> list:  # pairs of module and name, of this package alone
    "What a module imports from others of the package; `inside` takes imports in functions too."
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if inside else tree.body
    imported = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            imported += [(_absolute(node, path), alias.name) for alias in node.names]
    return [(module.removeprefix("petclf."), name) for module, name in imported if module.startswith("petclf.")]


def _absolute(node, path):
    if not node.level:
        return node.module or ""
    folder = path.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    inside = folder.relative_to(PACKAGE).as_posix().replace("/", ".").strip(".")
    return ".".join(part for part in ("petclf", inside, node.module) if part)


def functions() -> list:  # of `Function`
    "Every function and method of the package."
    return [function for path in modules().values() for function in functions_of(path)]


def functions_of(path: Path) -> list:  # of `Function`
    "Every function and method of one file."
    return list(_functions(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(TOP).as_posix(), ""))


def _functions(node, file, inside):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, file, f"{inside}{child.name}.")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield _function(child, file, inside)
            yield from _functions(child, file, f"{inside}{child.name}.<locals>.")
        else:
            yield from _functions(child, file, inside)


def _function(node, file, inside):
    arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    arguments = [argument for argument in arguments if argument.arg not in ("self", "cls")]
    untyped = [argument.arg for argument in arguments if argument.annotation is None]
    statements = sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
    names = [argument.arg for argument in arguments]
    return Function(file, node.lineno, inside + node.name, names, untyped, statements)


def export_cells() -> list:  # pairs of a notebook's name and the lines of a cell
    "The cells that become the library."
    cells = []
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and re.match(r"#\| *export", source):
                cells.append((path.relative_to(NOTEBOOKS).as_posix(), source.splitlines()))
    return cells


def code_cells() -> list:  # pairs of a notebook's name and the lines of a cell
    "All cells of code."
    return [
        (path.relative_to(NOTEBOOKS).as_posix(), "".join(cell["source"]).splitlines())
        for path in sorted(NOTEBOOKS.rglob("*.ipynb"))
        for cell in json.loads(path.read_text())["cells"]
        if cell["cell_type"] == "code"
    ]


def lines() -> list:
    "The package's lines that are not blank, without what nbdev writes by itself."
    found = []
    for path in modules().values():
        text = re.sub(r"^__all__ = \[.*?\]", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
        found += [line for line in text.splitlines() if line.strip() and not line.startswith("# %% ")]
    return found


def count(kind: type) -> int:
    "How many nodes of a kind the package has."
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in modules().values())
    return sum(isinstance(node, kind) for tree in trees for node in ast.walk(tree))


def string_subscripts() -> int:
    "How many subscripts by a string the package has."
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in modules().values())
    return sum(
        isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        for tree in trees
        for node in ast.walk(tree)
    )


def private_imports() -> list:  # a line each
    "Private names that cross from one module into another."
    return [
        f"{importer} imports {module}.{name}"
        for importer, path in modules().items()
        for module, name in imports_of(path)
        if name.startswith("_")
    ]


def upward_imports() -> list:  # a line each
    "Imports of a later notebook by an earlier one."
    order = notebook_order()
    return [
        f"{importer} imports {module}"
        for importer, path in modules().items()
        for module, _ in imports_of(path)
        if importer in order and module in order and order[module] >= order[importer] and module != importer
    ]
