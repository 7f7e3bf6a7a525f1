"""Fetching from servers that behave, that break off and that lie, and unpacking archives that mean harm. Loopback only."""

import contextlib
import gzip
import hashlib
import io
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from petclf import fetch
from petclf.errors import PetclfError
from petclf.fetch import download, fetch_oxford_pets, unpack

TOP = Path(__file__).parent.parent
BODY = random.Random(0).randbytes(300_000)
SHA256, MD5 = hashlib.sha256(BODY).hexdigest(), hashlib.md5(BODY).hexdigest()
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    "Short waits, and no proxy between us and the loopback."
    monkeypatch.setattr(fetch, "TIMEOUT", 5)
    monkeypatch.setattr(fetch, "PAUSE", 0)
    monkeypatch.setenv("no_proxy", "*")


class Server(ThreadingHTTPServer):
    "Answers each request by `answer(handler, number)` and remembers which parts were asked for."

    daemon_threads = True

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                self.asked.append((handler.path, handler.headers.get("Range")))
                with contextlib.suppress(ConnectionError):
                    self.answer(handler, len(self.asked))
                handler.close_connection = True

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.asked = answer, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/file.bin"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def ranges(self):
        return [asked for _, asked in self.asked]

    def handle_error(self, *args):
        pass


@pytest.fixture
def serve():
    "A function that starts a server with an answer."
    started = []

    def start(answer=None):
        started.append(Server(answer or (lambda handler, number: send(handler))))
        return started[-1]

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def send(handler, body=BODY, *, ranges=True, stop=None, promise=None, kind="application/octet-stream", headers={}):
    "An answer: `stop` breaks it off after so many bytes, `promise` is a length that may be a lie."
    asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "") if ranges else None
    start = int(asked[1]) if asked else 0
    if asked and start >= len(body):
        handler.send_response(416)
        headers = {"Content-Range": f"bytes */{len(body)}"}
        body = b""
    elif asked:
        handler.send_response(206)
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", **headers}
    else:
        handler.send_response(200)
    rest = body[start:]
    handler.send_header("Content-Type", kind)
    if promise is not False:
        handler.send_header("Content-Length", str(len(rest) if promise is None else promise))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(rest[:stop])


def refused(call, *words):
    "The message of the one-line error that `call` raises; it must hold the words."
    with pytest.raises(PetclfError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, message
    return message


def nothing_left(folder):
    return not list(folder.iterdir())


# ## Downloading


def test_good_server(serve, tmp_path):
    server, path = serve(), tmp_path / "new/file.bin"
    assert download(server.url, path, md5=MD5, sha256=SHA256.upper()) == path
    assert path.read_bytes() == BODY
    assert [item.name for item in path.parent.iterdir()] == ["file.bin"]
    download(server.url, path, sha256=SHA256)  # it is there: nothing is asked for
    assert server.ranges == [None]


def test_another_file_in_its_place_is_replaced(serve, tmp_path):
    (tmp_path / "file.bin").write_bytes(b"old")
    assert download(serve().url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY


@pytest.mark.parametrize("digest", [SHA256, None])
def test_breaks_off_and_continues(serve, tmp_path, digest):
    server = serve(lambda handler, number: send(handler, stop=100_000 if number < 3 else None))
    assert download(server.url, tmp_path / "file.bin", sha256=digest).read_bytes() == BODY
    assert server.ranges == [None, "bytes=100000-", "bytes=200000-"]


def test_breaks_off_for_good_then_continues_another_time(serve, tmp_path):
    server = serve(lambda handler, number: send(handler, stop=10_000))
    refused(
        lambda: download(server.url, tmp_path / "file.bin", sha256=SHA256, hint="or do without"),
        server.url,
        "broke off",
        "50000 of 300000",
        "start again",
        ", or do without",
    )
    assert [item.name for item in tmp_path.iterdir()] == ["file.bin.part"]
    assert len(server.asked) == fetch.ATTEMPTS
    server.answer = lambda handler, number: send(handler)
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert server.ranges[-1] == "bytes=50000-"


def test_progress_gives_new_attempts(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MEGABYTE", 10_000)
    server = serve(lambda handler, number: send(handler, stop=20_000))
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert len(server.asked) == 15


def test_ignores_range(serve, tmp_path):
    server = serve(lambda handler, number: send(handler, ranges=False, stop=100_000 if number < 3 else None))
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert len(server.asked) == 3


def test_ignores_range_and_always_breaks_off(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MEGABYTE", 10_000)
    server = serve(lambda handler, number: send(handler, ranges=False, stop=100_000))
    refused(lambda: download(server.url, tmp_path / "file.bin", sha256=SHA256), "broke off")
    assert len(server.asked) <= fetch.ATTEMPTS + 1


@pytest.mark.parametrize(
    "content_range", ["bytes 0-299999/300000", "bytes 100000-299999/300001", "bytes 100000-299999/*", "rubbish", None]
)
def test_wrong_content_range_starts_over(serve, tmp_path, content_range):
    def answer(handler, number):
        if number == 1:
            return send(handler, stop=100_000)
        if number == 2:
            handler.send_response(206)
            if content_range:
                handler.send_header("Content-Range", content_range)
            handler.send_header("Content-Length", "5")
            handler.end_headers()
            return handler.wfile.write(b"wrong")
        send(handler)

    server = serve(answer)
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert server.ranges == [None, "bytes=100000-", None]


def test_the_file_changes_in_between(serve, tmp_path):
    "Another tag: the server sends the new file from its beginning."
    new = BODY[::-1]

    def answer(handler, number):
        if number == 1:
            return send(handler, stop=100_000, headers={"ETag": '"one"'})
        send(handler, new, ranges=handler.headers.get("If-Range") == '"two"', headers={"ETag": '"two"'})

    assert download(serve(answer).url, tmp_path / "file.bin").read_bytes() == new


def test_an_old_part_without_a_digest_is_not_trusted(serve, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"something else")
    server = serve()
    assert download(server.url, tmp_path / "file.bin").read_bytes() == BODY
    assert server.ranges == [None]


def test_a_whole_part_is_only_renamed(serve, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(BODY)
    server = serve()
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert not server.asked


def test_a_part_that_is_too_long_starts_over(serve, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(BODY + b"more")
    server = serve()
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert server.ranges == ["bytes=300004-", None]


@pytest.mark.parametrize("digest", [SHA256, None])
def test_sends_less_than_promised(serve, tmp_path, digest):
    server = serve(lambda handler, number: send(handler, BODY[:1000], ranges=False, promise=300_000))
    refused(lambda: download(server.url, tmp_path / "file.bin", sha256=digest), server.url, "1000 of 300000")
    assert not (tmp_path / "file.bin").exists()


def test_sends_more_than_promised(serve, tmp_path):
    server = serve(lambda handler, number: send(handler, promise=1000))
    refused(lambda: download(server.url, tmp_path / "file.bin", sha256=SHA256), "expected sha256", "(1000 bytes)")


def test_does_not_say_how_much(serve, tmp_path):
    server = serve(lambda handler, number: send(handler, promise=False))
    refused(lambda: download(server.url, tmp_path / "file.bin"), "how long")
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY


def test_wrong_content(serve, tmp_path):
    server, wrong = serve(lambda handler, number: send(handler, b"x" * 1000)), hashlib.md5(b"x" * 1000).hexdigest()
    refused(
        lambda: download(server.url, tmp_path / "file.bin", md5=MD5),
        server.url,
        f"expected md5 {MD5}",
        f"got {wrong}",
        "start again",
    )
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/gzip"])
def test_a_web_page_is_not_the_file(serve, tmp_path, kind):
    server = serve(
        lambda handler, number: send(handler, b"\n<!DOCTYPE html><title>Log in</title>", ranges=False, kind=kind)
    )
    part = tmp_path / "file.bin.part"
    refused(lambda: download(server.url, tmp_path / "file.bin"), server.url, "web page")
    part.write_bytes(BODY[:1000])  # a log-in page must not cost what is there already
    refused(lambda: download(server.url, tmp_path / "file.bin", sha256=SHA256), server.url, "web page")
    assert part.read_bytes() == BODY[:1000]
    assert len(server.asked) == 2


def test_not_found_is_not_tried_again(serve, tmp_path):
    server = serve(lambda handler, number: handler.send_error(404))
    refused(lambda: download(server.url, tmp_path / "file.bin"), server.url, "404 Not Found")
    assert len(server.asked) == 1 and nothing_left(tmp_path)


def test_busy_server_is_tried_again(serve, tmp_path):
    server = serve(lambda handler, number: handler.send_error(503) if number < 3 else send(handler))
    assert download(server.url, tmp_path / "file.bin").read_bytes() == BODY


def test_server_that_hangs_up_is_tried_again(serve, tmp_path):
    server = serve(lambda handler, number: None if number < 3 else send(handler))
    assert download(server.url, tmp_path / "file.bin").read_bytes() == BODY


def test_silent_server(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 0.1)
    monkeypatch.setattr(fetch, "ATTEMPTS", 2)
    over = threading.Event()

    def answer(handler, number):
        send(handler, stop=1000)
        handler.wfile.flush()
        over.wait(5)

    server = serve(answer)
    try:
        refused(lambda: download(server.url, tmp_path / "file.bin", sha256=SHA256), server.url, "timed out")
    finally:
        over.set()


def test_redirects(serve, tmp_path):
    def answer(handler, number):
        handler.send_response(302)
        handler.send_header("Location", elsewhere)
        handler.end_headers()

    server = serve(answer)
    elsewhere = serve().url
    assert download(server.url, tmp_path / "file.bin").read_bytes() == BODY
    for elsewhere in ("file:///etc/passwd", "ftp://127.0.0.1/x", server.url):
        refused(lambda: download(server.url, tmp_path / "other.bin"), server.url)
    assert [item.name for item in tmp_path.iterdir()] == ["file.bin"]


def test_no_connection(tmp_path):
    with socket.socket() as taken:  # bound and not listening: the port is closed, and nobody else gets it
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.bin"
        refused(
            lambda: download(url, tmp_path / "file.bin", hint="or set PETCLF_DATA to a folder that already holds it"),
            url,
            "refused",
            "check the network",
            "or set PETCLF_DATA to a folder that already holds it",
        )
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "data:,x",
        "/etc/passwd",
        "",
        "http://",
        "http://[x/y",
        "http://127.0.0.1:9x/",
        "http://127.0.0.1/a\nb c",
    ],
)
def test_other_addresses(tmp_path, url):
    refused(lambda: download(url, tmp_path / "file.bin"), "not an address")
    assert nothing_left(tmp_path)


def test_endless_file(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MAX_DOWNLOAD", 100_000)
    refused(lambda: download(serve().url, tmp_path / "promised.bin", sha256=SHA256), "100,000 bytes")
    server = serve(lambda handler, number: send(handler, promise=False))
    refused(lambda: download(server.url, tmp_path / "unpromised.bin", sha256=SHA256), "100,000 bytes")


@LINUX
def test_full_disk(serve, tmp_path):
    (tmp_path / "file.bin.part").symlink_to("/dev/full")
    refused(
        lambda: download(serve().url, tmp_path / "file.bin", sha256=SHA256),
        tmp_path / "file.bin.part",
        "No space left",
        "free some space",
    )
    assert not (tmp_path / "file.bin").exists()


def test_folder_that_cannot_be(serve, tmp_path):
    (tmp_path / "file").write_text("x")
    refused(lambda: download(serve().url, tmp_path / "file/file.bin"), "cannot write")


def start(code):
    "Another process that runs `code`; petclf is imported from this checkout."
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=TOP, env={**os.environ, "no_proxy": "*"}, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition, process):
    "Wait until it is so, for 20 seconds at most."
    end = time.monotonic() + 20
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end, "took too long"
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_in_the_middle(serve, tmp_path):
    over = threading.Event()

    def answer(handler, number):
        send(handler, stop=100_000)
        handler.wfile.flush()
        over.wait(20)

    server, part = serve(answer), tmp_path / "file.bin.part"
    process = start(
        f"from petclf.fetch import download; download({server.url!r}, {str(tmp_path / 'file.bin')!r}, sha256={SHA256!r})"
    )
    try:
        wait_for(lambda: part.exists() and part.stat().st_size == 100_000, process)
    finally:
        process.kill()
        process.communicate()
        over.set()
    assert [item.name for item in tmp_path.iterdir()] == ["file.bin.part"]
    server.answer = lambda handler, number: send(handler)
    assert download(server.url, tmp_path / "file.bin", sha256=SHA256).read_bytes() == BODY
    assert server.ranges == [None, "bytes=100000-"]


# ## Unpacking


def member(name, kind=tarfile.REGTYPE, link="", size=None, **fields):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, link, size or 0
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry


def pack(path, *members, **options):
    "A .tar.gz of (entry, bytes) or names, which stand for small files."
    with tarfile.open(path, "w:gz", compresslevel=1, **options) as archive:
        for item in members:
            if isinstance(item, str):
                item = (member(item), item.encode())
            entry, content = item if isinstance(item, tuple) else (item, b"")
            if entry.isreg():
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_unpacks(tmp_path):
    archive = pack(
        tmp_path / "a.tar.gz",
        member("./images", tarfile.DIRTYPE, mode=0),
        "images/pug_1.jpg",
        (member("images/dark.jpg", mode=0o4000), b"x"),
        member("images/again.jpg", tarfile.LNKTYPE, "images/pug_1.jpg"),
        "a/very/" + "long/" * 10 + "name" * 30,
    )
    folder = unpack(archive, tmp_path / "out")
    assert (
        (folder / "images/pug_1.jpg").read_bytes() == (folder / "images/again.jpg").read_bytes() == b"images/pug_1.jpg"
    )
    assert (folder / "images/dark.jpg").read_bytes() == b"x"
    assert not (folder / "images/dark.jpg").stat().st_mode & 0o7000
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.tar.gz", "out"]


HOSTILE = {
    "absolute": (["/tmp/evil"], "'/tmp/evil'", "absolute"),
    "drive": (["C:/evil"], "'C:/evil'", "absolute"),
    "parent": (["images/../../evil"], "'images/../../evil'", "out of the folder"),
    "parent on Windows": (["..\\evil"], "evil", "out of the folder"),
    "odd name": (["images/a\x1b[2Jb"], r"\x1b", "not every system"),
    "symlink out": (
        [member("images/link", tarfile.SYMTYPE, "../../outside"), "images/link/evil"],
        "'images/link'",
        "symbolic link",
    ),
    "symlink in": ([member("link", tarfile.SYMTYPE, "."), "link/evil"], "'link'", "symbolic link"),
    "absolute symlink": ([member("link", tarfile.SYMTYPE, "/etc/passwd")], "'link'", "symbolic link"),
    "hardlink out": ([member("link", tarfile.LNKTYPE, "../outside")], "'link'", "'../outside'"),
    "absolute hardlink": ([member("link", tarfile.LNKTYPE, "/etc/passwd")], "'link'", "'/etc/passwd'"),
    "hardlink to nothing": ([member("link", tarfile.LNKTYPE, "missing")], "'link'", "'missing'"),
    "character device": ([member("null", tarfile.CHRTYPE, devmajor=1, devminor=3)], "'null'", "neither a file"),
    "block device": ([member("disk", tarfile.BLKTYPE, devmajor=8)], "'disk'", "neither a file"),
    "fifo": ([member("pipe", tarfile.FIFOTYPE)], "'pipe'", "neither a file"),
    "deep": (["a/" * 100 + "b"], "'a/a/", "folders deep"),
    "bomb": ([(member("zeros"), bytes(3_000_000))], "'zeros'", "2,000,000 bytes"),
    "bomb in pieces": (
        [(member(f"zeros{number}"), bytes(500_000)) for number in range(6)],
        "'zeros3'",
        "2,000,000 bytes",
    ),
    "many": (["a", "b", "c", "d"] * 20, "others"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives(tmp_path, monkeypatch, case):
    monkeypatch.setattr(fetch, "MAX_MEMBERS", 50)
    members, *words = HOSTILE[case]
    (tmp_path / "outside").write_text("untouched")
    archive = pack(tmp_path / "evil.tar.gz", "good.jpg", *members)
    refused(lambda: unpack(archive, tmp_path / "out/folder", limit=2_000_000), archive, *words)
    assert (tmp_path / "outside").read_text() == "untouched"
    assert nothing_left(tmp_path / "out")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["evil.tar.gz", "out", "outside"]


def raw(entry, content=b"", count=1):
    "A header as it stands in an archive, and what follows it, so often."
    return (entry.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)) * count


BROKEN = {
    "empty": b"",
    "text": b"not an archive",
    "web page": b"<html>" * 1000,
    "no tar in it": gzip.compress(b"not an archive" * 1000),
    "cut": lambda good: good[: len(good) // 2],
    "cut at its end": lambda good: good[:-9],
    "one bit": lambda good: good[:2000] + bytes([good[2000] ^ 1]) + good[2001:],
    "rubbish after it": lambda good: gzip.compress(gzip.decompress(good) + bytes(2**23)),
    "huge header": gzip.compress(raw(member("x", tarfile.XHDTYPE, size=2**24), bytes(2**24)), 1),
    "huge name": gzip.compress(raw(member("x", tarfile.GNUTYPE_LONGNAME, size=2**24), b"a" * 2**24), 1),
    "headers of headers": gzip.compress(
        raw(member("x", tarfile.XHDTYPE, size=512), b"11 a=bcdef\n" + bytes(501), 3000), 1
    ),
    "negative length": gzip.compress(raw(member("x", size=-(2**20))) + raw(member("y"))),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_archives(tmp_path, case):
    content, archive = BROKEN[case], tmp_path / "broken.tar.gz"
    if callable(content):
        content = content(pack(archive, "pug_1.jpg", (member("noise"), BODY)).read_bytes())
    archive.write_bytes(content)
    refused(lambda: unpack(archive, tmp_path / "out"), archive)
    assert [item.name for item in tmp_path.iterdir()] == ["broken.tar.gz"]


def test_negative_length_of_a_header_ends(tmp_path):
    "Some versions of Python go back and round in circles there (CVE-2025-8194); others pass over it."
    archive = tmp_path / "broken.tar.gz"
    archive.write_bytes(gzip.compress(raw(member("x", tarfile.XHDTYPE, size=-1024)) + raw(member("y"))))
    with contextlib.suppress(PetclfError):
        unpack(archive, tmp_path / "out")
    assert {item.name for item in tmp_path.rglob("*")} <= {"broken.tar.gz", "out", "y"}


def test_no_archive(tmp_path):
    refused(lambda: unpack(tmp_path / "missing.tar.gz", tmp_path / "out"), "missing.tar.gz", "no such file")
    assert nothing_left(tmp_path)


# ## Oxford Pets


@pytest.fixture
def pets(serve, tmp_path, monkeypatch):
    "A server with two small archives in the place of the official ones."
    archives = {
        "images": pack(
            tmp_path / "images.tar.gz", member("images", tarfile.DIRTYPE), *(f"images/pug_{n}.jpg" for n in range(20))
        ),
        "annotations": pack(tmp_path / "annotations.tar.gz", "./._annotations", "./annotations/list.txt"),
    }
    bodies = {f"/pets/{name}.tar.gz": path.read_bytes() for name, path in archives.items()}
    monkeypatch.setattr(
        fetch, "OXFORD_PETS_MD5", {name: hashlib.md5(path.read_bytes()).hexdigest() for name, path in archives.items()}
    )
    server = serve(lambda handler, number: send(handler, bodies[handler.path]))
    server.bodies, server.base = bodies, server.url.replace("file.bin", "pets/")
    return server


def is_whole(folder):
    assert sorted(item.name for item in folder.iterdir()) == ["annotations", "images"]
    assert len(list((folder / "images").iterdir())) == 20
    assert (folder / "annotations/list.txt").read_text() == "./annotations/list.txt"
    return True


def test_the_official_place_is_known():
    assert fetch.OXFORD_PETS.startswith("https://")
    assert set(fetch.OXFORD_PETS_MD5) == {"images", "annotations"}
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in fetch.OXFORD_PETS_MD5.values())


def test_oxford_pets(pets, tmp_path):
    folder = tmp_path / "data/oxford-pets"
    assert fetch_oxford_pets(folder, pets.base) == folder and is_whole(folder)
    assert [path for path, _ in pets.asked] == ["/pets/images.tar.gz", "/pets/annotations.tar.gz"]
    fetch_oxford_pets(folder, pets.base)  # at once
    assert len(pets.asked) == 2


def test_oxford_pets_without_network(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        refused(
            lambda: fetch_oxford_pets(tmp_path / "pets", base),
            f"{base}/images.tar.gz",
            "or set PETCLF_DATA to a folder that already holds",
        )


def test_oxford_pets_of_wrong_content(pets, tmp_path):
    pets.bodies["/pets/images.tar.gz"] = b"something else"
    refused(lambda: fetch_oxford_pets(tmp_path / "pets", pets.base), "images.tar.gz", "expected md5", "PETCLF_DATA")
    assert not (tmp_path / "pets/images").exists()


def test_oxford_pets_breaks_off_and_continues(pets, tmp_path):
    good = pets.answer
    pets.answer = lambda handler, number: send(handler, pets.bodies[handler.path], stop=10)
    refused(lambda: fetch_oxford_pets(tmp_path / "pets", pets.base), "broke off")
    pets.answer = good
    assert is_whole(fetch_oxford_pets(tmp_path / "pets", pets.base))
    assert pets.asked[-2] == ("/pets/images.tar.gz", f"bytes={10 * fetch.ATTEMPTS}-")


def test_oxford_pets_deletes_an_archive_that_was_left(pets, tmp_path):
    "As a process leaves it that was killed between its last two steps."
    folder = fetch_oxford_pets(tmp_path / "pets", pets.base)
    (folder / "images.tar.gz").write_bytes(b"x")
    assert is_whole(fetch_oxford_pets(folder, pets.base))
    assert len(pets.asked) == 2


KILLED = """
import os, shutil, signal, tarfile
from petclf import fetch
fetch.OXFORD_PETS_MD5 = {md5}
original, count = {place}, 0
def until_killed(*args, **keywords):
    global count
    count += 1
    if count == {after}: os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **keywords)
{place} = until_killed
fetch.fetch_oxford_pets({folder!r}, {base!r})
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize(
    "place, after",
    [
        ("tarfile.TarFile.extract", 8),
        ("os.rename", 1),
        ("os.rename", 2),
        ("os.rename", 3),
        ("shutil.rmtree", 1),
        ("shutil.rmtree", 2),
        ("shutil.rmtree", 3),
        ("shutil.rmtree", 4),
    ],
)
def test_oxford_pets_killed_while_unpacking(pets, tmp_path, place, after):
    folder = tmp_path / "pets"
    process = start(
        KILLED.format(md5=fetch.OXFORD_PETS_MD5, place=place, after=after, folder=str(folder), base=pets.base)
    )
    assert process.communicate(timeout=20) and process.returncode == -signal.SIGKILL
    assert not (folder / "images").exists() or len(list((folder / "images").iterdir())) == 20  # whole or not at all
    before = len(pets.asked)
    assert is_whole(fetch_oxford_pets(folder, pets.base))
    assert ("/pets/images.tar.gz", None) not in pets.asked[before:]  # what was downloaded is not downloaded again


@pytest.mark.skipif(os.name == "nt", reason="needs flock")
def test_oxford_pets_by_two_at_once(pets, tmp_path):
    "The second waits for the first and finds everything done."
    folder, go = tmp_path / "pets", threading.Event()
    good = pets.answer

    def answer(handler, number):
        go.wait(20)
        good(handler, number)

    pets.answer = answer
    code = f"from petclf import fetch; fetch.OXFORD_PETS_MD5 = {fetch.OXFORD_PETS_MD5}; fetch.fetch_oxford_pets({str(folder)!r}, {pets.base!r})"
    first = start(code)
    wait_for(lambda: pets.asked, first)
    second = start(code)
    try:
        assert "waiting for another petclf" in second.stderr.readline()
    finally:
        go.set()
    for process in (first, second):
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 0, said
    assert is_whole(folder) and len(pets.asked) == 2
