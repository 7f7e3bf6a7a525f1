"Make README.md from nbs/index.ipynb."

from pathlib import Path

from nbconvert import MarkdownExporter
from nbconvert.preprocessors import TagRemovePreprocessor
from traitlets.config import Config

TOP = Path(__file__).parent.parent


def readme() -> str:
    "The text of README.md: the notebook's markdown and its outputs, without code that is marked `#| echo: false` or `#| hide`."
    import nbformat

    notebook = nbformat.read(TOP / "nbs/index.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        directives = [line for line in cell.source.splitlines() if line.startswith("#|")]
        if any("hide" in line for line in directives):
            cell.metadata.tags = ["remove"]
        elif any("echo: false" in line for line in directives):
            cell.metadata.tags = ["only-output"]
    config = Config(
        {
            "TagRemovePreprocessor": {
                "enabled": True,
                "remove_cell_tags": {"remove"},
                "remove_input_tags": {"only-output"},
            }
        }
    )
    text, _ = MarkdownExporter(config=config, preprocessors=[TagRemovePreprocessor(config=config)]).from_notebook_node(
        notebook
    )
    lines = [line.rstrip() for line in text.replace("(../", "(").replace('src="../', 'src="').splitlines()]
    squeezed = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
    return "\n".join(squeezed).strip() + "\n"


if __name__ == "__main__":
    (TOP / "README.md").write_text(readme(), encoding="utf-8")
