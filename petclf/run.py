"A run's folder: what lies where, whose it is, and whether it may be continued."

import contextlib
import functools
import shutil
from pathlib import Path

import pandas as pd

from petclf.errors import PetclfError
from petclf.files import held, read_json, write_json, write_table


class Run:
    "Paths and tables of a run folder. Reading a run needs neither torch nor fastai."

    def __init__(
        self,
        folder,  # a run folder, such as `runs/oxford-pets-species-resnet18`
    ):
        self.folder = Path(folder)

    @classmethod
    def open(
        cls,
        folder,  # a finished or unfinished run
    ):  # the run
        "A run that is there. Raises `PetclfError` when the folder holds none."
        run = cls(folder)
        if not run.folder.is_dir():
            raise PetclfError(f"{folder}: no such run folder")
        if not (run.folder / "run.json").is_file():
            raise PetclfError(f"{folder}: not a run folder, it has no run.json")
        if not isinstance(run.record, dict) or not isinstance(run.record.get("settings"), dict):
            raise PetclfError(f"{run.folder}/run.json: not the record of a run")
        return run

    def arm(self, name):
        return self.folder / "arms" / name

    @property
    def record(self):
        return read_json(self.folder / "run.json")

    @property
    def catalog(self):
        return read_text_table(self.folder / "catalog.csv")

    @property
    def verdict(self):
        return read_json(self.folder / "verdict.json")

    @property
    def arms(self):
        "The arms that are finished, in the order of the run."
        return [name for name in self.record["settings"]["arms"] if (self.arm(name) / "metrics.json").is_file()]

    def metrics(self, arm):
        return read_json(self.arm(arm) / "metrics.json")

    def history(self, arm):
        return pd.read_csv(self.arm(arm) / "history.csv")

    def predictions(self, arm):
        return read_predictions(self.arm(arm) / "predictions.csv")

    def update(self, **changes):
        "Change entries of run.json; a mapping is merged into what is there."
        path = self.folder / "run.json"
        record = read_json(path) if path.is_file() else {}
        for name, value in changes.items():
            record[name] = (
                {**record[name], **value} if isinstance(value, dict) and isinstance(record.get(name), dict) else value
            )
        write_json(path, record)


def read_text_table(
    path,  # a CSV file of a run
) -> pd.DataFrame:  # every column as text, so that a class called `NA` or `1` stays one
    "A table of text."
    return _read(path).copy()


def read_predictions(
    path,  # a `predictions.csv`
) -> pd.DataFrame:  # `file`, `split`, `truth`, `predicted` as text, `p_<class>` and `q_<class>` as float64
    "Predictions as they were written, bit for bit."
    return _read(path, ("p_", "q_")).copy()


def _read(path, numbers=()):
    "A table, read once as long as its file stays the same; columns whose names begin with one of `numbers` are float64."
    try:
        state = Path(path).stat()
        return _read_once(Path(path).resolve(), (state.st_ino, state.st_size, state.st_mtime_ns), numbers)
    except FileNotFoundError:
        raise PetclfError(f"{path}: no such file") from None
    except OSError as error:
        raise PetclfError(f"{path}: cannot be read: {error.strerror}; name a CSV file") from None
    except ValueError as error:
        raise PetclfError(
            f"{path}: cannot be read as a table ({' '.join(str(error).split())}); save it as CSV in UTF-8"
        ) from None


@functools.lru_cache(8)  # a page asks for the same few tables again and again
def _read_once(path, state, numbers):
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    return table.astype({column: "float64" for column in table if column.startswith(numbers)})


def begin_run(
    folder,  # where the run goes
    settings,  # everything that decides its results, by name
    overwrite=False,  # replace a run with other settings
) -> Run:  # new, or one with the same settings to continue
    "Begin a run or continue one. Other settings on an existing run are refused with the names of what differs."
    run = Run(folder)
    if (run.folder / "run.json").is_file():
        before = run.record.get("settings", {})
        changed = [name for name in dict.fromkeys([*before, *settings]) if before.get(name) != settings.get(name)]
        for name in [
            name for name in changed if isinstance(before.get(name), dict) and isinstance(settings.get(name), dict)
        ]:
            inner = dict.fromkeys([*before[name], *settings[name]])
            changed[changed.index(name)] = ", ".join(
                f"{name}.{key}" for key in inner if before[name].get(key) != settings[name].get(key)
            )
        if changed and not overwrite:
            raise PetclfError(
                f"{folder}: holds a run with another {', '.join(changed)}; choose another --out, or --overwrite to replace it"
            )
        if changed:
            _clear(run.folder)
    elif run.folder.is_dir() and any(
        not path.name.startswith(".") for path in run.folder.iterdir()
    ):  # hidden: the lock, and what a killed process left
        raise PetclfError(f"{folder}: not empty and not a run; choose another --out")
    for half in run.folder.glob("arms/*/.checkpoint.*"):
        shutil.rmtree(half, ignore_errors=True)  # a process was killed while it wrote this
    run.update(settings=settings)
    return run


def _clear(folder):
    "Remove a run's own files; anything else that somebody put there stays."
    for name in ("arms", "bodies"):
        shutil.rmtree(folder / name, ignore_errors=True)
    # run.json comes last: while it is there, the folder is known as a run.
    for name in (
        "catalog.csv",
        "audit.csv",
        "audit.json",
        "bodies.csv",
        "repeated_splits.csv",
        "verdict.json",
        "checklist.json",
        "report.html",
        "run.json",
    ):
        (folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def alone_in(
    folder,  # a run folder; made if it is not there
):
    "Hold a run folder, so that two processes do not write into it at once."
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
        except OSError:
            raise PetclfError(
                f"{folder}: another petclf is working in it; wait for it, or choose another --out"
            ) from None
        yield


def setting_words(
    name,  # of a setting of an arm
) -> str:  # for people
    "A setting's name in a sentence."
    return "what is trained" if name == "trained" else name.replace("_", " ")


def write_predictions(path, table):
    "Write predictions so that they read back bit for bit."
    write_table(path, table)
