"One look for every picture petclf draws: colours, a figure that shows itself once, files."

import io

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MatplotlibFigure

# Okabe and Ito's palette, which colour-blind readers can tell apart. Cats and dogs keep theirs everywhere.
COLOURS = {
    "cat": "#D55E00",
    "dog": "#0072B2",
    "scratch": "#999999",
    "pretrained": "#009E73",
    "finetuned": "#CC79A7",
    "probe": "#E69F00",
}
OTHERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999", "#F0E442")
STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.edgecolor": "#777777",
    "axes.labelcolor": "#333333",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.grid": False,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "text.color": "#222222",
}


def colour(
    name,  # a class or an arm; a variant such as `scratch+weights` takes its arm's colour
    number=0,  # which of the palette to take for a name without a colour of its own
):
    "The colour of a class or an arm."
    return COLOURS.get(name) or COLOURS.get(str(name).split("+")[0]) or OTHERS[number % len(OTHERS)]


class Figure(MatplotlibFigure):
    "A matplotlib figure outside pyplot: it shows itself once in a notebook and is freed like any other object."

    def __init__(self, *args, **kwargs):
        with rc_context(STYLE):
            super().__init__(*args, layout=kwargs.pop("layout", "constrained"), **kwargs)
        FigureCanvasAgg(self)

    def subplots(self, *args, **kwargs):
        with rc_context(STYLE):
            return super().subplots(*args, **kwargs)

    def png(self, dpi=110):
        "The figure as the bytes of a PNG."
        buffer = io.BytesIO()
        with rc_context(STYLE):
            self.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_png_(self):
        return self.png()


def save_figure(
    figure,  # a `Figure`
    path,  # where the PNG goes
):
    "Write a figure as PNG, whole or not at all."
    from petclf.files import written_whole

    with written_whole(path) as temporary:
        temporary.write_bytes(figure.png(dpi=130))
