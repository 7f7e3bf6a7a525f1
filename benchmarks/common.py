"What the benchmarks share: two sides in processes of their own, their memory, medians, and a JSON of it all."

import argparse
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

from petclf.engines import Machine, machine

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
RESULTS = HERE / "results"
PACKAGES = (
    "petclf",
    "fastai",
    "torch",
    "torchvision",
    "timm",
    "onnxruntime",
    "openvino",
    "scikit-learn",
    "numpy",
    "pillow",
)


def say(text):
    print(text, file=sys.stderr, flush=True)


def parser(
    about,  # one line
    pairs=3,  # how many pairs unless told otherwise; 1: whole commands are timed once, and there is no such option
    rows=(),  # names of its rows, of which one alone may be measured
) -> argparse.ArgumentParser:  # with what all benchmarks take
    "The options of a benchmark."
    made = argparse.ArgumentParser(description=about)
    made.set_defaults(pairs=pairs)
    if pairs > 1:
        made.add_argument(
            "--pairs", type=int, default=pairs, help=f"how often each side has its turn (default: {pairs})"
        )
    if rows:
        made.add_argument(
            "--only", default=None, choices=rows, help="measure this row alone; what is kept of the others stays"
        )
    made.add_argument(
        "--quick",
        action="store_true",
        help="a few pictures, to see whether it runs; the figures mean nothing and are not kept",
    )
    return made


def pets_folder() -> Path:  # with `images/` and `annotations/`
    "Where Oxford Pets is; a line and the end of the program where nobody said."
    named = os.environ.get("PETCLF_DATA")
    if not named or not (Path(named) / "images").is_dir():
        sys.exit("benchmarks: set PETCLF_DATA to a folder that holds Oxford Pets (images/ and annotations/)")
    return Path(named)


def some_pictures(
    n,  # how many; as many of each breed as the whole has, near enough
    folder,  # where a copy of them goes, into `images/`
) -> Path:  # the folder
    "The same pictures for both sides: every so many-th of the names in order."
    names = sorted(path.name for path in (pets_folder() / "images").iterdir() if path.suffix == ".jpg")
    (folder / "images").mkdir(parents=True)
    for i in range(min(n, len(names))):
        shutil.copyfile(
            pets_folder() / "images" / (name := names[i * len(names) // min(n, len(names))]), folder / "images" / name
        )
    return folder


@contextmanager
def workplace():
    "A temporary folder."
    with tempfile.TemporaryDirectory(prefix="petclf-bench-") as folder:
        yield Path(folder)


# ## Processes


def environment(**changes):
    "What a side's process gets to see; petclf's caches are where the benchmark says."
    return {
        **os.environ,
        "PYTHONWARNINGS": "ignore",
        "MPLBACKEND": "agg",
        **{name: str(value) for name, value in changes.items()},
    }


class Side:
    "A process that has its own memory and settings, stays alive, and does what it is asked, a request at a time."

    waited = Counter()  # seconds that the benchmark waited for answers, by script

    def __init__(
        self,
        script,  # a file in this folder
        *arguments,  # that it takes
        peak=False,  # look at its memory from its first second on (`Peak`)
        **env,  # environment variables
    ):
        self.process = subprocess.Popen(
            [sys.executable, HERE / script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("BENCH_DEBUG") else subprocess.DEVNULL,
            text=True,
            env=environment(**env),
        )
        self.peak = Peak(self.process.pid) if peak else nullcontext()
        self.peak.__enter__()
        self.name = script.removesuffix(".py")

    @cached_property
    def hello(self):
        return self._answer()  # not waited for at once: several sides get ready together

    def ask(self, **request) -> dict:  # what it answers
        "Send a request and wait, if need be until it is ready at all."
        self.hello
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        asked = time.perf_counter()
        line = self.process.stdout.readline()
        self.waited[self.name] += time.perf_counter() - asked
        if not line:
            raise SystemExit(
                f"benchmarks: {self.name} ended with status {self.process.wait()}; BENCH_DEBUG=1 shows what it said"
            )
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peak.__exit__()
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


def serve(
    ready,  # what to say when everything is prepared
    answer,  # a function from a request's fields to the fields of the answer
):
    "The other end of a `Side`. Whatever the libraries print goes to standard error."
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(value):
        out.write(json.dumps(value) + "\n")
        out.flush()

    reply(ready() or {})
    for line in sys.stdin:
        reply(answer(**json.loads(line)))


def run(
    command,  # list of words
    status=(0,),  # exit statuses that are fine
    **env,  # environment variables
) -> float:  # seconds
    "Run a whole process."
    started = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**env),
    )
    seconds = time.perf_counter() - started
    if done.returncode not in status:
        raise SystemExit(
            f"benchmarks: {shlex.join(map(str, command))} ended with status {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-1500:]}"
        )
    return seconds


def spoke_and_ended(
    command,  # list of words
) -> tuple:  # seconds until the first line that it prints, and until it has ended
    "Run a whole process that says when it is ready."
    started = time.perf_counter()
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        line, spoke = process.stdout.readline(), time.perf_counter() - started
    ended = time.perf_counter() - started
    if process.returncode or not line:
        raise SystemExit(f"benchmarks: {shlex.join(map(str, command))} ended with status {process.returncode}")
    return spoke, ended


PETCLF = (
    sys.executable,
    "-c",
    "import sys; from petclf.cli import console; sys.exit(console())",
)  # the console script, from wherever petclf is imported


def alternate(
    sides,  # functions by name, each doing its part once
    pairs,  # how often
) -> dict:  # lists of what they gave, by name
    "Each side in turn, the other one first every second time."
    found = {name: [] for name in sides}
    for pair in range(pairs):
        for name in list(sides) if pair % 2 == 0 else list(sides)[::-1]:
            found[name].append(sides[name]())
            say(f"  pair {pair + 1} of {pairs}, {name}: {found[name][-1]}")
    return found


def hardly_trained(
    arch,  # a network's name
    size,  # side of the pictures, in pixels
    folder,  # pictures in the Oxford layout
    work,  # where everything goes
    plain=True,  # export fastai's learner too
) -> tuple:  # fastai's exported learner (None without `plain`), petclf's bundle
    "The same network for both sides to predict with. What it answers does not matter here: ResNet-18 has random weights, so nothing is downloaded."
    # A probe's bundle is one network, as plain fastai's learner is; that of another arm has a second one, which knows what is probably no pet.
    work.mkdir(parents=True, exist_ok=True)
    exported, bundle = work / f"{arch}.pkl", work / f"{arch}-bundle"
    with ThreadPoolExecutor(1) as beside:
        exporting = (
            beside.submit(run, [sys.executable, HERE / "plain.py", "export", folder, arch, size, exported])
            if plain
            else None
        )
        _probe_bundle(arch, size, folder, bundle, work)
    if plain:
        exporting.result()
    return exported if plain else None, bundle


def _probe_bundle(arch, size, folder, bundle, work):
    cache, weights = work / "cache", []
    if arch == "resnet18":
        run(
            [
                sys.executable,
                "-c",
                f"import torch, torchvision; torch.save(torchvision.models.resnet18().state_dict(), {str(work / 'random.pth')!r})",
            ]
        )
        weights = ["--weights", work / "random.pth"]
    run(
        [
            *PETCLF,
            "train",
            "--arm",
            "probe+direct",
            "--arch",
            arch,
            "--size",
            size,
            "--limit",
            "40",
            "--set",
            "precision=auto",
            "--no-audit",
            "--data",
            folder,
            "--out",
            work / f"{arch}-run",
            *weights,
        ],
        PETCLF_CACHE=cache,
    )
    run([*PETCLF, "export", work / f"{arch}-run", "--arm", "probe+direct", "-o", bundle, *weights], PETCLF_CACHE=cache)


# ## Memory


def anonymous_memory(
    process,  # its number
) -> int:  # bytes
    "Anonymous memory of a process and its children; pages that they share after a fork are counted once."
    total = 0
    for pid in _tree(process):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it has ended
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))
    return total


def _tree(process):
    found = [process]
    for pid in found:
        try:
            found += [
                int(child)
                for task in Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except OSError:
            pass
    return found


class Peak:
    "The largest anonymous memory of a process tree while this is open. Looking takes time itself, so where seconds are compared with plain fastai's it is not done."

    def __init__(self, process, every=0.5):
        self.process, self.every, self.bytes, self.stop = process, every, 0, threading.Event()

    def __enter__(self):
        def look():
            while True:
                self.bytes = max(self.bytes, anonymous_memory(self.process))
                if self.stop.wait(self.every):
                    return

        self.thread = threading.Thread(target=look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    @property
    def mb(self):
        return round(self.bytes / 1e6)


def peak_of(
    command,  # list of words
    every=0.2,  # seconds between two looks
    status=(0,),  # exit statuses that are fine
    **env,  # environment variables
) -> tuple:  # MB, seconds
    "Peak anonymous memory of a whole process and its children."
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(**env)
    )
    with Peak(process.pid, every) as peak:
        ended = process.wait()
    if ended not in status:
        raise SystemExit(f"benchmarks: {shlex.join(map(str, command))} ended with status {ended}")
    return peak.mb, time.perf_counter() - started


# ## Results


def spread(
    values,  # numbers
) -> dict:  # `median`, `min`, `max`, `values`
    "A list of measurements in short."
    return dict(
        median=statistics.median(values),
        min=min(values),
        max=max(values),
        values=[float(f"{value:.5g}") for value in values],
    )


def processor_kind(
    there: Machine,  # what it runs on
) -> str:  # `amx`, `avx512_bf16`, `avx512`, `avx2`, `arm`, else the architecture
    "What results are filed under: the most that the processor can do."
    kinds = {"amx": "amx_bf16", "avx512_bf16": "avx512_bf16", "avx512": "avx512f", "avx2": "avx2"}
    for kind, feature in kinds.items():
        if there.has(feature):
            return kind
    architecture = there.architecture.lower()
    return "arm" if architecture.startswith(("arm", "aarch")) else architecture or "unknown"


def hardware() -> dict:  # `name`, `cores`, `avx2`, `avx512`, `amx`, `kind`
    "The processor; its `kind` decides which figures must be reached, and where they are kept."
    there = machine()
    return dict(
        name=there.processor,
        cores=there.cores,
        avx2=there.has("avx2"),
        avx512=there.has("avx512f"),
        amx=there.has("amx_bf16"),
        kind=processor_kind(there),
    )


def results_folder() -> Path:  # such as results/avx2
    "Where this processor's results are kept. Those of another one of the same kind stay: then its name says which."
    about = hardware()
    folder = RESULTS / about["kind"]
    for path in sorted(folder.glob("*.json")):
        kept = json.loads(path.read_text())["processor"]
        if (kept["name"], kept["cores"]) != (about["name"], about["cores"]):
            slug = "-".join(re.findall("[a-z0-9]+", f"{about['name']} {about['cores']}".lower()))
            return RESULTS / f"{about['kind']}-{slug}"
    return folder


def claim(
    name,  # which figure
    unit,  # of the sides
    must,  # what the ratio must reach: {"avx2": ..., "amx": ...}, or one number for all; other kinds: as avx2
    ratio,  # what was reached
    at_most=False,  # it must not exceed
    **sides,  # `plain`, `petclf`, `bare`, each a `spread` or a number; and whatever else belongs to it
) -> dict:  # with `reached`
    "A figure that must be reached, and what was."
    needed = must.get(hardware()["kind"], must["avx2"]) if isinstance(must, dict) else must
    return dict(
        claim=name,
        unit=unit,
        must=needed,
        must_by_kind=must,
        at_most=at_most,
        ratio=ratio,
        reached=bool(ratio <= needed if at_most else ratio >= needed),
        **sides,
    )


def code_version() -> (
    str
):  # of the commit, with `+` where files of petclf or benchmarks differ from it; empty outside a checkout
    "Which petclf was measured."
    git = lambda *words: subprocess.run(["git", "-C", str(TOP), *words], capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + (
        "+" if git("status", "--porcelain", "--", "petclf", "benchmarks/*.py") else ""
    )


def measured_before(
    name,  # of a result
) -> dict:  # as `finish` wrote it; empty where nothing was measured with the same versions on the same processor
    "What an earlier run measured."
    path = _result_path(name)
    before = json.loads(path.read_text()) if path.is_file() else {}
    return before if all(before.get(key) == value for key, value in circumstances().items()) else {}


def _result_path(name):
    return results_folder() / f"{name}.json"


def circumstances() -> dict:  # `processor`, `python`, `versions`
    "What figures of one table have in common."
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return dict(processor=hardware(), python=sys.version.split()[0], versions=versions)


def finish(
    name,  # of the result
    options,  # parsed
    started,  # `time.perf_counter()` at its start
    claims,  # list of `claim`: those that are finished; called after each row, so that what was measured is kept
    script=None,  # its file's name, where that is not `name`
    **more,  # what else is worth keeping
) -> dict:  # the result, for `json.dumps`
    "Keep claims in results/PROCESSOR/NAME.json, beside those that an earlier run measured there with the same versions on the same processor."
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]  # no paths of this machine
    command = shlex.join(["python", f"benchmarks/{script or name}.py", *words])
    code = code_version()
    result = dict(
        benchmark=name,
        **circumstances(),
        pairs=options.pairs,
        commands={command: round(time.perf_counter() - started, 1)},
        plain_seconds={command: round(Side.waited["plain"], 1)},
        claims=[dict(one, command=command, code=code) for one in claims],
        **more,
    )
    if not options.quick:
        if before := measured_before(name):
            now = {one["claim"]: one for one in result["claims"]}
            result["claims"] = [now.pop(one["claim"], one) for one in before["claims"]] + list(now.values())
            used = {one["command"] for one in result["claims"]}
            for key in ("commands", "plain_seconds"):
                result[key] = {
                    command: seconds
                    for command, seconds in {**before.get(key, {}), **result[key]}.items()
                    if command in used
                }
        path = _result_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(".new")
        written.write_text(json.dumps(result, indent=1) + "\n")
        written.replace(path)
    return result


def show(result):
    "Print a result as JSON."
    print(json.dumps(result, indent=1))
