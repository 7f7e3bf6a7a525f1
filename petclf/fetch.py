"Fetching: a download that continues and is verified, an archive unpacked safely, and Oxford Pets made of the two."

import contextlib
import gzip
import hashlib
import http.client
import os
import re
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

from petclf import __version__
from petclf.errors import PetclfError
from petclf.files import folder_written_whole

OXFORD_PETS = "https://www.robots.ox.ac.uk/~vgg/data/pets/data"
OXFORD_PETS_MD5 = {  # as torchvision's OxfordIIITPet has them; each archive holds one folder of its own name
    "images": "5c4f3ee8e5d25df40f4fd59a7f44e54c",
    "annotations": "95a8c909bbe2e81eed6a22bccdf3f68f",
}

MEGABYTE = 2**20
BLOCK = MEGABYTE // 4
TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 5  # in a row that bring less than a megabyte
PAUSE = 1  # seconds before the second attempt, doubled before each further one
MAX_DOWNLOAD = 4 * 2**30
MAX_UNPACKED = 4 * 2**30
MAX_MEMBERS = 100_000
MAX_DEPTH = 20  # folders within folders
MAX_HEADER = 4 * MEGABYTE  # what an archive may hold between two members


# ## Downloading


class _BrokenOff(Exception):
    "The connection failed in a way that another attempt may mend."


class _NoConnection(_BrokenOff):
    "There was no connection in the first place."


def download(
    url,  # http or https
    path,  # where the file will be; until it is whole and verified, it is `path` + `.part`
    md5=None,  # hexadecimal digits
    sha256=None,  # hexadecimal digits
    progress=True,  # whether to count megabytes on a terminal
    hint="",  # what else the user can do when there is no network, such as "or set NAME to ..."
) -> Path:  # `path`
    "Download a file, continuing where an earlier attempt stopped. A file that is there already is kept."
    path = Path(path)
    part = path.with_name(path.name + ".part")
    digests = {name: digits.lower() for name, digits in (("md5", md5), ("sha256", sha256)) if digits}
    _refuse_other_schemes(url)
    try:
        if path.is_file() and not _wrong_digest(path, digests):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not digests:
            part.unlink(missing_ok=True)  # nothing could tell whether an old part belongs to this file
        if not (part.is_file() and not _wrong_digest(part, digests)):  # else it was stopped just before the end
            _download_part(url, part, bool(digests), progress, hint)
        if wrong := _wrong_digest(part, digests):
            part.unlink()
            raise PetclfError(
                f"{url}: {wrong}; it was deleted, start again, and if that does not help, "
                f"the file there is another one now{_and(hint)}"
            )
        os.replace(part, path)
    except OSError as error:
        raise PetclfError(
            f"cannot write {part}: {error.strerror or error}; free some space or choose another folder, "
            "then start again"
        ) from error
    return path


def _refuse_other_schemes(url):
    "No `file:`, no `ftp:`."
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PetclfError(
            f"{_words(url)}: not an address ({_words(error)}); give one that starts with https://"
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PetclfError(
            f"{_words(url)}: not an address to download from; give one that starts with https:// or http://"
        )


def _wrong_digest(path, digests):
    "What is wrong with the digests of a file, in words; empty when all agree."
    for name, expected in digests.items():
        with open(path, "rb") as file:
            got = hashlib.file_digest(file, lambda: hashlib.new(name, usedforsecurity=False)).hexdigest()
        if got != expected:
            return f"expected {name} {expected} but got {got} ({path.stat().st_size} bytes)"
    return ""


def _and(hint):
    return f", {hint}" if hint else ""


def _size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _download_part(url, part, will_be_verified, progress, hint):
    "Fill `part`, asking again for the rest when the connection breaks off."
    attempts, furthest, total, tag = ATTEMPTS, _size(part), None, None
    answered = False
    with _Counter(part.name.removesuffix(".part"), progress) as counter:
        while True:
            try:
                with _ask(url, _size(part), tag, hint) as response:
                    answered = True
                    start, promised = _promise(url, response, part, total, will_be_verified, hint)
                    total, tag = promised, response.headers.get("ETag")
                    _receive(url, response, part, start, total, counter, hint)
                return
            except _BrokenOff as broken:
                attempts = ATTEMPTS if _size(part) >= furthest + MEGABYTE else attempts - 1
                furthest = max(furthest, _size(part))
                # Whoever is offline should hear it at once; whoever was connected may be so again.
                if attempts == 0 or (isinstance(broken, _NoConnection) and not answered):
                    raise PetclfError(
                        f"cannot download {url}: {broken}; check the network and start again "
                        f"(it continues where it stopped){_and(hint)}"
                    ) from broken
            time.sleep(PAUSE * 2 ** (ATTEMPTS - attempts - 1) if attempts < ATTEMPTS else PAUSE)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    "Follows a server that sends us elsewhere, but never from https to http."

    def redirect_request(self, request, file, code, message, headers, url):
        if request.type == "https" and not url.lower().startswith("https:"):
            return None
        return super().redirect_request(request, file, code, message, headers, url)


def _opener():
    "What opens http and https, and neither files nor ftp, wherever a server may send us."
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        _SafeRedirects,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _ask(url, have, tag, hint):
    "The server's answer to a request for all of the file, or for what is missing of it."
    headers = {"User-Agent": f"petclf/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag and not tag.startswith("W/"):
            headers["If-Range"] = tag
    try:
        return _opener().open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            return error  # no such range: `_promise` starts over
        error.close()
        if error.code in (408, 429) or error.code >= 500:
            raise _BrokenOff(f"the server answered {error.code} {_words(error.reason)}") from error
        raise _refused(url, error, hint) from error
    except urllib.error.URLError as error:
        raise _NoConnection(_words(error.reason)) from error
    except (http.client.InvalidURL, ValueError) as error:
        raise PetclfError(
            f"{_words(url)}: not an address ({_words(error)}); give one that starts with https://"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff(_words(error)) from error


def _words(error):
    "What an error or a server says, on one line and short."
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]


def _refused(url, response, hint):
    return PetclfError(
        f"cannot download {url}: the server answered {response.status} {_words(response.reason)}; "
        f"look whether the file has moved{_and(hint)}"
    )


def _promise(url, response, part, total, will_be_verified, hint):
    "Where the answer starts in the file, and how long the file is (None where only its end will tell)."
    if response.status == 200:
        if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise _web_page(url, hint)
        if response.length is None and not response.chunked and not will_be_verified:
            raise PetclfError(
                f"{url}: the server does not say how long the file is, so nothing tells when it is whole; "
                f"give the file's sha256{_and(hint)}"
            )
        start, promised = 0, response.length
    elif response.status in (206, 416):
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", "").strip(), re.ASCII)
        start, promised = (int(found[1]), int(found[3])) if found else (None, None)
        if start != _size(part) or (total is not None and promised != total):
            part.unlink(missing_ok=True)
            raise _BrokenOff("the server did not send the part that was asked for")
    else:
        raise _refused(url, response, hint)
    if promised is not None and promised > MAX_DOWNLOAD:
        raise _too_large(url)
    return start, promised


def _web_page(url, hint):
    return PetclfError(
        f"{url}: the server sent a web page instead of the file; open the address in a browser "
        f"(a network's log-in page does that){_and(hint)}"
    )


def _too_large(url):
    return PetclfError(f"{url}: more than {MAX_DOWNLOAD:,} bytes; look whether it is the right file")


def _receive(url, response, part, start, total, counter, hint):
    "Write what the server sends to `part`, from `start` on."
    block = _read(response, BLOCK if total is None else min(BLOCK, total - start))
    # Looked at before the part that is there is given up.
    if start == 0 and block.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise _web_page(url, hint)
    with open(part, "ab" if start else "wb") as file:
        have = start
        while block:
            file.write(block)
            have += len(block)
            counter.show(have, total)
            if have > MAX_DOWNLOAD:
                raise _too_large(url)
            if have == total:
                break
            file.flush()
            block = _read(response, BLOCK if total is None else min(BLOCK, total - have))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and have < total:
        raise _BrokenOff(f"the connection broke off after {have} of {total} bytes")


def _read(response, count):
    "The next bytes, at most `count`; empty at the end."
    try:
        return response.read1(count) if count else b""
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _BrokenOff(f"the connection broke off ({_words(error)})") from error


class _Counter:
    "A line of megabytes on the terminal; nothing where there is none."

    def __init__(self, name, progress):
        self.name, self.shown, self.next = name, progress and sys.stderr.isatty(), 0.0

    def __enter__(self):
        return self

    def show(self, have, total):
        if not self.shown or (time.monotonic() < self.next and have != total):
            return
        self.next = time.monotonic() + 0.2
        of = f" of {total / 1e6:,.0f}" if total is not None else ""
        print(f"\r{self.name}: {have / 1e6:,.0f}{of} MB ", end="", file=sys.stderr, flush=True)

    def __exit__(self, *error):
        if self.shown and self.next:
            print(file=sys.stderr)


# ## Unpacking


class _Allowance:
    "A file that hands on only as many bytes as were allowed, so that no header of an archive can fill the memory."

    def __init__(self, file):
        self.file, self.left = file, 0

    def read(self, count):
        block = self.file.read(count)
        self.left -= len(block)
        if self.left < 0:
            raise tarfile.ReadError("more between two members than headers need")
        return block


def unpack(
    archive,  # a .tar.gz
    folder,  # where the folder will be, which must not exist yet
    limit=MAX_UNPACKED,  # most bytes that it may unpack to
) -> Path:  # `folder`
    "Unpack an archive, whole or not at all. Nothing in it can reach outside of `folder`."
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise PetclfError(f"{archive}: no such file; fetch it first")
    with folder_written_whole(folder) as temporary:
        try:
            with gzip.open(archive) as file:
                _unpack_members(archive, file, temporary, limit)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, RecursionError) as error:
            raise PetclfError(f"{archive}: a broken archive ({_words(error)}); delete it and fetch it again") from error
    return folder


def _unpack_members(archive, file, temporary, limit):
    "Unpack in one pass from front to back: what is read is bounded, and nothing is gone back to."
    allowance, total, number, files = _Allowance(file), 0, 0, set()
    allowance.left = MAX_HEADER
    with tarfile.open(fileobj=allowance, mode="r|", bufsize=BLOCK, errorlevel=2) as members:  # no error is passed over
        members.extraction_filter = getattr(
            tarfile, "data_filter", lambda member, _: member
        )  # Python before 3.11.4 has none
        for number, member in enumerate(members, 1):
            total += member.size
            why = _why_not(member, files)
            if total > limit:
                why = f"brings what it unpacks to over {limit:,} bytes"
            if number > MAX_MEMBERS:
                why = f"comes after {MAX_MEMBERS:,} others"
            if why:
                raise PetclfError(
                    f"{archive}: {_short(member.name)} in it {why}; nothing was unpacked, "
                    "get the archive from a place you trust"
                )
            allowance.left = MAX_HEADER + member.size
            members.extract(member, temporary, set_attrs=False)
            if member.isfile():
                files.add(PurePosixPath(member.name))
            members.members.clear()  # they are kept for going back
    if not number:
        raise tarfile.ReadError("nothing is in it")
    allowance.left = MAX_HEADER
    while allowance.read(BLOCK):
        pass  # to the end, where gzip's checksum is


def _why_not(member, files):
    """Why a member is refused; empty when it is not.

    Without symbolic links in a fresh folder, a name without `..` cannot lead out of it. tarfile's own filter comes after this,
    but several versions of it could be led out through symbolic links (CVE-2025-4330, CVE-2025-4517).
    """
    if why := _why_not_name(member.name):
        return why
    if member.issym():
        return "is a symbolic link"
    if member.islnk():
        if _why_not_name(member.linkname) or PurePosixPath(member.linkname) not in files:
            return f"is a link to {_short(member.linkname)}, which is no file before it"
    elif not (member.isfile() or member.isdir()):
        return "is neither a file nor a folder"
    return "has a negative size" if member.size < 0 else ""


def _why_not_name(name):
    "Why a name is refused, on any system; empty when it is not."
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.anchor:
        return "is an absolute path"
    if ".." in posix.parts or ".." in windows.parts:
        return "leads out of the folder"
    if not name.isprintable() or "\\" in name or ":" in name:
        return "has a name that not every system can write"
    return f"is more than {MAX_DEPTH} folders deep" if len(posix.parts) > MAX_DEPTH else ""


def _short(name):
    return repr(name if len(name) <= 100 else name[:97] + "...")


# ## Oxford Pets


@contextlib.contextmanager
def _alone(
    path,  # a lock file
):
    "Wait until no other process is in here. The lock falls with its process, however that ends."
    with open(path, "ab") as file:
        try:
            _lock(file, wait=False)
        except (BlockingIOError, PermissionError):
            print(f"waiting for another petclf that holds {path}", file=sys.stderr)
            _lock(file, wait=True)
        except OSError:
            pass  # a file system without locks
        yield
        with contextlib.suppress(OSError):
            Path(path).unlink()  # whoever waits for it will find everything done


def _lock(file, wait):
    if os.name == "nt":
        import msvcrt

        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    raise
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def fetch_oxford_pets(
    folder,  # gets `images/` and `annotations/`
    base=OXFORD_PETS,  # the address that both archives are under
    progress=True,  # whether to count megabytes on a terminal
) -> Path:  # `folder`
    "Oxford-IIIT Pet, fetched from its official place unless it is there. Stopped at any point, it continues."
    folder = Path(folder)
    if all(_is_fetched(folder, name) for name in OXFORD_PETS_MD5):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / ".fetching"):
            for name, md5 in OXFORD_PETS_MD5.items():
                if not _is_fetched(folder, name):
                    _fetch_folder(folder, name, md5, base, progress)
    except OSError as error:
        raise PetclfError(
            f"cannot write {folder}: {error.strerror or error}; free some space "
            "or set PETCLF_DATA to a folder that already holds Oxford Pets"
        ) from error
    return folder


def _is_fetched(folder, name):
    return (folder / name).is_dir() and not (folder / f"{name}.tar.gz").exists()


def _fetch_folder(folder, name, md5, base, progress):
    "Download, unpack and put in place one archive, then delete it."
    archive, unpacked = folder / f"{name}.tar.gz", folder / f"{name}.unpacked"
    for left_over in [unpacked, *folder.glob(f".{name}.*")]:  # by a killed process; no other is in here
        if left_over.exists():
            shutil.rmtree(left_over)
    if not (folder / name).is_dir():
        download(
            f"{base.rstrip('/')}/{archive.name}",
            archive,
            md5=md5,
            progress=progress,
            hint="or set PETCLF_DATA to a folder that already holds Oxford Pets",
        )
        unpack(archive, unpacked)
        if not (unpacked / name).is_dir():
            raise PetclfError(f"{archive}: there is no {name}/ in it; delete it and fetch it again")
        os.rename(unpacked / name, folder / name)
        shutil.rmtree(unpacked)
    archive.unlink(missing_ok=True)
