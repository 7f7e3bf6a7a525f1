"Files written whole or not at all, and the folders petclf keeps things in."

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from petclf.errors import PetclfError


@contextlib.contextmanager
def written_whole(
    path,  # where the file will be
):
    "A temporary path beside `path` to write to; it takes the place of `path` when the block ends without an error."
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files; these are meant to be shared
        _to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None:
            raise
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _cannot_write(path, error):
    "The error that says what helps."
    kept = Path(path).is_relative_to(cache_dir())
    return PetclfError(
        f"cannot write {path}: {error.strerror}; free some space or choose another folder {'for what petclf keeps, with PETCLF_CACHE' if kept else 'with --out'}"
    )


@contextlib.contextmanager
def held(
    folder,  # made if it is not there
    wait=False,  # for another process that holds it; else that is an `OSError`
):  # the open file that holds it: a process that inherits it holds on until it ends
    "Hold a folder against other processes. On Windows nobody is kept out."
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")
    except OSError as error:
        raise _cannot_write(folder, error) from None
    with lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except ImportError:
            pass
        except OSError:
            if not wait:
                raise  # who waits has nothing to wait for where a file system knows no locks
        yield lock


def _to_disk(path):
    "Have a file's bytes on the disk, where a power cut leaves them."
    with open(path, "r+b" if os.name == "nt" else "rb") as file:
        os.fsync(file.fileno())  # Windows wants it open for writing; elsewhere a read-only file will do


def _umask():
    "The process's umask, which can only be read by setting it."
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def folder_written_whole(
    path,  # where the folder will be; must not exist yet, or an equal one is kept
):
    "A temporary folder beside `path` that takes its place when the block ends without an error."
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        with _at_work(temporary):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            for written in filter(Path.is_file, temporary.rglob("*")):
                _to_disk(written)  # before its name says that it is whole
            try:
                os.rename(temporary, path)
            except OSError:
                if not path.is_dir():
                    raise  # else somebody finished the same folder first
    except OSError as error:
        if error.errno is None:
            raise
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _at_work(
    folder,  # held itself, so that nothing lies in it
):  # whether this process holds it: nobody can where the system knows no such locks, as on Windows
    "Hold a folder for as long as this process works in it; a process that is killed lets go."
    descriptor, holds = None, False
    try:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            holds = True
        yield holds
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _sweep(path):
    "Remove what killed processes left half-written: what nobody works in, or, where that cannot be known, what is a day old."
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with contextlib.suppress(OSError), _at_work(left) as alone:
            age = time.time() - left.stat().st_mtime
            if age > (5 if alone else 24 * 3600):
                shutil.rmtree(left, ignore_errors=True)  # in its first moment a folder is not held yet


def write_text(path, text):
    "Write `text` to `path`, whole or not at all."
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    "Write `value` as indented JSON, whole or not at all. Not-a-number is refused: it is not JSON."
    write_text(path, json.dumps(value, indent=2, allow_nan=False, default=_plain) + "\n")


def _plain(value):
    "numpy's scalars and paths as plain JSON values."
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} is not JSON")


def read_json(path):
    "The value in a JSON file; a missing or broken one is a `PetclfError` that names it."
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PetclfError(f"{path}: no such file") from None
    except OSError as error:
        raise PetclfError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise PetclfError(f"{path}: not valid JSON ({error})") from None


def write_table(path, table):
    "Write a DataFrame as CSV, whole or not at all; numbers read back bit for bit."
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def cache_dir():
    "Where petclf keeps what it can make again: `PETCLF_CACHE`, else the user's cache folder."
    if named := os.environ.get("PETCLF_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "petclf"


def data_dir():
    "Where data sets land: `data/` of a checkout, else a folder in the user's cache."
    checkout = Path(__file__).parent.parent
    return checkout / "data" if (checkout / "settings.ini").is_file() else cache_dir() / "data"


def sha256(path):
    "The SHA-256 of a file as hexadecimal digits."
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
