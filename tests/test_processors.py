"""Every branch that depends on the processor, its cores, the device or an installed engine.

Each test tells the code what it runs on (machines.py), so it passes on any machine; its name says what is pretended."""

import contextlib
import ctypes
import gc
import importlib.util
import os
import sys
import threading
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from machines import AVX2, AVX512, BOTH, EVERY, MACHINES, ONNXRUNTIME

from petclf import engines
from petclf.engines import Gpus, Machine, core_quota, machine, read_machine, running_on
from petclf.errors import PetclfError

CPU, CUDA, MPS = map(torch.device, ("cpu", "cuda", "mps"))
GPUS = {
    "no GPU": Gpus(),
    "CUDA": Gpus(cuda=True, cuda_name="NVIDIA T4"),
    "CUDA with bf16": Gpus(cuda=True, cuda_bf16=True, cuda_name="NVIDIA H200"),
    "MPS": Gpus(mps=True),
    "CUDA and MPS": Gpus(cuda=True, mps=True),
}
every_machine = pytest.mark.parametrize("name", EVERY)
every_gpu = pytest.mark.parametrize("gpus", GPUS.values(), ids=GPUS)


# ## Reading the machine: a made-up /proc and /sys


def made_up(
    root,  # an empty folder
    flags=None,  # of the processor; None: there is no /proc/cpuinfo
    **files,  # what else is there: paths and their text
):
    "A folder with what Linux would say."
    if flags is not None:
        files["proc/cpuinfo"] = f"processor\t: 0\nmodel name\t: Made Up\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def eight_cores(monkeypatch):
    "Eight processors, of which this process may use six."
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)


@pytest.mark.parametrize(
    "flags, bf16, avx2",
    [
        pytest.param("fpu avx avx2", False, True, id="AVX2 alone"),
        pytest.param("fpu avx2 avx512f", False, True, id="AVX-512"),
        pytest.param("fpu avx2 avx512f avx512_bf16", True, True, id="AVX-512 with bf16"),
        pytest.param("fpu avx2 avx512f amx_bf16 amx_tile", True, True, id="AMX"),
        pytest.param("fpu sse2", False, False, id="neither"),
        pytest.param(None, False, False, id="no /proc/cpuinfo"),
    ],
)
def test_features_are_read(tmp_path, flags, bf16, avx2):
    with running_on(read_machine(made_up(tmp_path, flags))) as there:
        assert engines.has_bf16() is bf16
        assert there.has("avx2") is avx2
        recorded = engines.processor()
        assert engines.processor_name() == recorded["name"] != ""
        assert (recorded["name"] == "Made Up") is (flags is not None)
        assert recorded["avx2"] is avx2
        assert recorded["avx512"] is there.has("avx512f")
        assert recorded["amx"] is there.has("amx_bf16")
        assert recorded["avx512_bf16"] is there.has("avx512_bf16")


LIMITS = {
    "no control groups": ({}, 6),
    "v2, no limit": ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, 6),
    "v2, half a core": ({"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
    "v2, one and a half": ({"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
    "v2, more than the affinity": ({"sys/fs/cgroup/cpu.max": "1600000 100000\n"}, 6),
    "v2, its own group": (
        {
            "proc/self/cgroup": "0::/user.slice/job.scope\n",
            "sys/fs/cgroup/user.slice/cpu.max": "max 100000\n",
            "sys/fs/cgroup/user.slice/job.scope/cpu.max": "50000 100000\n",
        },
        1,
    ),
    "v2, a group around its own": (
        {
            "proc/self/cgroup": "0::/user.slice/job.scope\n",
            "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/user.slice/job.scope/cpu.max": "400000 100000\n",
        },
        2,
    ),
    "v2, a group that the container does not see": (
        {"proc/self/cgroup": "0::/docker/0123abc\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"},
        3,
    ),
    "v2, above the container's own root": (
        {"proc/self/cgroup": "0::/../../other\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"},
        3,
    ),
    "v1, no limit": (
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        6,
    ),
    "v1, half a core": (
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
        1,
    ),
    "v1, its own group": (
        {
            "proc/self/cgroup": "5:memory:/job\n4:cpuacct,cpu:/docker/job\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/job/cpu.cfs_quota_us": "25000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/job/cpu.cfs_period_us": "10000\n",
        },
        3,
    ),
    "v1, a group around its own": (
        {
            "proc/self/cgroup": "4:cpu:/docker/job\n",
            "sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu/docker/cpu.cfs_period_us": "100000\n",
        },
        4,
    ),
    "nonsense": ({"proc/self/cgroup": "\n::\nwhat\n", "sys/fs/cgroup/cpu.max": "5 0\n"}, 6),
    "empty": ({"proc/self/cgroup": "", "sys/fs/cgroup/cpu.max": "", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": ""}, 6),
}


@pytest.mark.parametrize("files, cores", LIMITS.values(), ids=LIMITS)
def test_cores_follow_affinity_and_quota(tmp_path, eight_cores, files, cores):
    with running_on(read_machine(made_up(tmp_path, **files))):
        assert engines.cores() == engines.threads_to_set() == cores
        assert engines.processor()["cores"] == 8


def test_nothing_limits_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert core_quota(tmp_path) == float("inf")
    with running_on(read_machine(tmp_path)):
        assert engines.cores() == 8
        assert engines.threads_to_set() is None


@pytest.mark.parametrize("counted, cores", [(8, 8), (None, 1)], ids=["eight", "not known"])
def test_a_system_without_affinity(tmp_path, monkeypatch, counted, cores):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    with running_on(read_machine(tmp_path)):
        assert engines.cores() == cores


def test_the_machine_is_read_once_and_pretending_ends():
    here = machine()
    assert machine() is here
    with running_on(Machine(cores=3)) as outer:
        with contextlib.suppress(KeyError), running_on(Machine(cores=5)):
            assert engines.cores() == 5
            raise KeyError
        assert machine() is outer
    assert machine() is here


# ## Which engine, in which precision

# Machine, callers, precision, and what `auto` comes to with OpenVINO; without, it is always onnxruntime in full.
CHOICES = [
    ("AVX2 alone", 1, "full", ("onnxruntime", "full")),
    ("AVX2 alone", 2, "full", ("onnxruntime", "full")),
    ("AVX2 alone", 2, "auto", ("onnxruntime", "full")),
    ("AVX-512", 1, "full", ("onnxruntime", "full")),
    ("AVX-512", 2, "full", ("openvino", "full")),
    ("AVX-512", 1, "auto", ("onnxruntime", "full")),
    ("AVX-512", 2, "auto", ("openvino", "full")),
    ("AVX-512 with bf16", 1, "full", ("onnxruntime", "full")),
    ("AVX-512 with bf16", 2, "full", ("openvino", "full")),
    ("AVX-512 with bf16", 1, "auto", ("openvino", "bf16")),
    ("AVX-512 with bf16", 2, "auto", ("openvino", "bf16")),
    ("AMX", 1, "full", ("onnxruntime", "full")),
    ("AMX", 2, "full", ("openvino", "full")),
    ("AMX", 1, "auto", ("openvino", "bf16")),
    ("AMX", 2, "auto", ("openvino", "bf16")),
    ("no /proc/cpuinfo", 2, "full", ("onnxruntime", "full")),
    ("no /proc/cpuinfo", 2, "auto", ("onnxruntime", "full")),
    ("macOS on ARM", 2, "full", ("onnxruntime", "full")),
    ("macOS on ARM", 2, "auto", ("onnxruntime", "full")),
    ("one core", 1, "full", ("onnxruntime", "full")),
    ("half a core of AVX-512", 1, "full", ("onnxruntime", "full")),
]


@pytest.mark.parametrize("installed", [BOTH, ONNXRUNTIME], ids=["OpenVINO", "no OpenVINO"])
@pytest.mark.parametrize("name, callers, precision, chosen", CHOICES)
def test_engine_and_precision_by_auto(name, callers, precision, chosen, installed):
    with running_on(replace(MACHINES[name], engines=installed)):
        assert engines.choose_engine("auto", precision, callers) == (
            chosen if installed == BOTH else ("onnxruntime", "full")
        )


@every_machine
def test_engines_by_name(name):
    bf16 = name in ("AVX-512 with bf16", "AMX")
    with running_on(replace(MACHINES[name], engines=BOTH)):
        assert engines.has_bf16() is bf16
        assert engines.choose_engine("onnxruntime", "auto") == ("onnxruntime", "full")
        assert engines.choose_engine("openvino", "full") == ("openvino", "full")
        assert engines.choose_engine("openvino", "auto") == ("openvino", "bf16" if bf16 else "full")
        assert engines.choose_engine("auto", "bf16") == ("openvino", "bf16")  # asked for, so on any processor
        with pytest.raises(ValueError, match="full precision only"):
            engines.choose_engine("onnxruntime", "bf16")
    with running_on(replace(MACHINES[name], engines=ONNXRUNTIME)):
        with pytest.raises(ValueError, match="engine = openvino needs openvino: pip install openvino"):
            engines.choose_engine("openvino")
        with pytest.raises(ValueError, match="full precision only"):
            engines.choose_engine("auto", "bf16")
    with running_on(replace(MACHINES[name], engines=frozenset())):
        with pytest.raises(ValueError, match="engine = onnxruntime needs onnxruntime"):
            engines.choose_engine()


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_an_engine_that_is_installed_but_broken_is_not_there(tmp_path, monkeypatch, error):
    (tmp_path / "openvino.py").write_text(f"raise {error.__name__}('a library is missing')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    with running_on(Machine(features=AVX512)):
        assert engines.choose_engine() == ("onnxruntime", "full")
        with pytest.raises(ValueError, match="needs openvino"):
            engines.choose_engine("openvino")


@every_machine
def test_an_engine_is_imported_only_where_it_would_be_faster(monkeypatch, name):
    tried = []
    monkeypatch.setattr(engines.importlib, "import_module", tried.append)
    with running_on(MACHINES[name]):
        engines.choose_engine(callers=2)
    assert ("openvino" in tried) is MACHINES[name].has("avx512f")


def test_what_runs_a_body_says_it_in_one_line():
    from petclf.features import engine_and_precision

    with running_on(Machine(features=AVX512, engines=BOTH)):
        assert engine_and_precision() == ("openvino", "full")
    with running_on(Machine(features=AVX512, engines=ONNXRUNTIME)):
        assert engine_and_precision() == ("onnxruntime", "full")
        with pytest.raises(PetclfError, match="pip install openvino"):
            engine_and_precision("openvino")


# ## Threads


class StandIn:
    "Stands in for onnxruntime's session and OpenVINO's core; keeps how it was opened."

    def __init__(self, model=None, options=None, providers=None):
        self.options = options
        self.batches = []

    def run(self, outputs, given):
        self.batches.append(len(given["pictures"]))
        return [given["pictures"]]

    def compile_model(self, model, device, hints):
        StandIn.hints = hints


@pytest.mark.parametrize(
    "there, callers, threads",
    [
        pytest.param(Machine(cores=8, all_cores=8), 1, 0, id="one caller, all cores: the engine's own number"),
        pytest.param(Machine(cores=1, all_cores=1), 1, 0, id="one caller, one core"),
        pytest.param(Machine(cores=1, all_cores=8), 1, 1, id="one caller, half a core"),
        pytest.param(Machine(cores=3, all_cores=8), 1, 3, id="one caller, three of eight cores"),
        pytest.param(Machine(cores=3, all_cores=8), 3, 1, id="three callers, a core each"),
    ],
)
def test_threads_of_the_engines(monkeypatch, there, callers, threads):
    import onnxruntime

    opened = []
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda *some, **more: opened.append(StandIn(*some)) or opened[0]
    )
    monkeypatch.setitem(sys.modules, "openvino", types.SimpleNamespace(Core=StandIn))
    with running_on(replace(there, engines=BOTH)):
        network = engines.Network("no.onnx", "onnxruntime", callers=callers)
        assert opened[0].options.intra_op_num_threads == threads
        side = round(engines.AT_ONCE**0.5)
        network(np.zeros((6, 1, side, side), np.float32), ["logits"])
        assert opened[0].batches[0] == min(6, 1 if callers > 1 else there.cores)
        engines.Network("no.onnx", "openvino", callers=callers)
        wanted = callers if callers > 1 else threads
        assert StandIn.hints.get("INFERENCE_NUM_THREADS", "0") == str(wanted)
        assert ("NUM_STREAMS" in StandIn.hints) is (callers > 1)


@pytest.mark.parametrize("cores", [1, 3])
def test_work_side_by_side_takes_a_thread_for_each_core(cores):
    together = threading.Barrier(cores)
    with running_on(Machine(cores=cores, all_cores=8)):
        names = set(engines.in_threads(lambda _: together.wait(30) and None or threading.get_ident(), range(cores)))
    assert len(names) == cores


@pytest.mark.parametrize(
    "there, before, after",
    [
        pytest.param(Machine(cores=8, all_cores=8), None, None, id="all cores: nothing is set"),
        pytest.param(Machine(cores=1, all_cores=1), None, None, id="one core"),
        pytest.param(Machine(cores=1, all_cores=8), None, "1", id="half a core"),
        pytest.param(Machine(cores=3, all_cores=8), "2", "2", id="set by the user"),
    ],
)
def test_the_command_line_tells_torch_how_many_threads(monkeypatch, there, before, after):
    from petclf import cli

    seen = []
    monkeypatch.setenv("OMP_NUM_THREADS", before or "")
    if before is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(cli, "main", lambda: seen.append(os.environ.get("OMP_NUM_THREADS")) or 0)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    with running_on(there):
        cli.console()
    assert seen == [after]


# ## Where and how it trains


@every_gpu
def test_device(gpus):
    with running_on(Machine(gpus=gpus)):
        expected = "cuda" if gpus.cuda else "mps" if gpus.mps else "cpu"
        assert engines.choose_device().type == expected
        assert engines.choose_device("cpu").type == "cpu"
        for name, there in (("cuda", gpus.cuda), ("mps", gpus.mps)):
            if there:
                assert engines.choose_device(name).type == name
            else:
                with pytest.raises(PetclfError, match=f"device = {name}: this machine has none that torch can use"):
                    engines.choose_device(name)


@every_machine
def test_precision_on_a_cpu(name):
    with running_on(MACHINES[name]):
        bf16 = name in ("AVX-512 with bf16", "AMX")
        assert engines.choose_precision("auto", CPU) == ("bf16" if bf16 else "full")
        assert engines.choose_precision("full", CPU) == "full"
        assert (
            engines.choose_precision("bf16", CPU) == "bf16"
        )  # asked for: slower than full where it is not in hardware
        with pytest.raises(PetclfError, match="precision = fp16: not on a CPU; take bf16, auto or full"):
            engines.choose_precision("fp16", CPU)


@every_machine
@every_gpu
def test_precision_on_a_gpu(name, gpus):
    with running_on(replace(MACHINES[name], gpus=gpus)):
        if gpus.cuda:
            assert engines.choose_precision("auto", CUDA) == ("bf16" if gpus.cuda_bf16 else "fp16")
            assert [engines.choose_precision(said, CUDA) for said in ("full", "bf16", "fp16")] == [
                "full",
                "bf16",
                "fp16",
            ]
        if gpus.mps:
            assert engines.choose_precision("auto", MPS) == engines.choose_precision("full", MPS) == "full"
            for said in ("bf16", "fp16"):
                with pytest.raises(PetclfError, match=f"precision = {said}: not on Apple's GPUs; take full"):
                    engines.choose_precision(said, MPS)


@every_gpu
def test_torch_is_asked_about_gpus(monkeypatch, gpus):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus.cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: gpus.cuda_bf16)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: gpus.cuda_name)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: gpus.mps)
    with running_on(Machine()) as there:
        asked = there.gpus
        assert Gpus(asked.cuda, asked.cuda_bf16, asked.cuda_name, asked.mps) == gpus


@every_gpu
def test_what_a_device_is_called(gpus):
    with running_on(Machine("AMD EPYC", gpus=gpus)):
        assert engines.device_name(CPU) == "AMD EPYC"
        assert engines.device_name(CUDA) == gpus.cuda_name
        assert engines.device_name(MPS) == "mps"
        assert engines.gpu_at_hand() is (gpus != Gpus())


@pytest.fixture
def cuda_settings():
    "torch's settings for CUDA, put back afterwards; they cannot be patched, since torch keeps them elsewhere."
    settings = ((torch.backends.cudnn, "allow_tf32"), (torch.backends.cuda.matmul, "allow_tf32"))
    settings += ((torch.backends.cudnn, "deterministic"),)
    before = [getattr(holder, name) for holder, name in settings]
    yield
    for (holder, name), value in zip(settings, before):
        setattr(holder, name, value)


def test_exact_on_cuda(cuda_settings):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.deterministic = False
    engines.exact_on_cuda()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert torch.backends.cudnn.deterministic


@every_machine
def test_faster_convolutions_are_for_avx2_alone(name):
    with running_on(MACHINES[name]):
        assert engines.convolutions_are_slow(CPU, "full") is (name in ("AVX2 alone", "one core"))
        assert not engines.convolutions_are_slow(CPU, "bf16")
        assert not engines.convolutions_are_slow(CUDA, "full")
        assert not engines.convolutions_are_slow(MPS, "full")


def small_loaders(photos, **options):
    from petclf.catalog import choose_target, load_data
    from petclf.data import pet_loaders
    from petclf.split import split_catalog

    pets = load_data(photos)
    catalog, target = choose_target(pets.catalog)
    catalog, _ = split_catalog(catalog)
    return pet_loaders(pets, catalog, target, 32, 8, **options)


@pytest.mark.parametrize(
    "name, precision, faster, bf16",
    [
        ("AVX2 alone", "auto", True, False),
        ("AVX2 alone", "bf16", False, True),
        ("AVX-512", "auto", False, False),
        ("AMX", "auto", False, True),
        ("AMX", "full", False, False),
        ("no /proc/cpuinfo", "auto", False, False),
        ("macOS on ARM", "auto", False, False),
    ],
)
def test_a_learner_is_made_for_the_machine(photos, name, precision, faster, bf16):
    from petclf.fast.convolutions import DenseConv2d
    from petclf.learner import BF16OnCPU, make_learner
    from petclf.recipe import Recipe

    with running_on(MACHINES[name]):
        loaders = small_loaders(photos, device=engines.choose_device())
        learn = make_learner(loaders, "scratch", Recipe(size=32, batch_size=8, precision=precision))
    assert any(isinstance(layer, DenseConv2d) for layer in learn.model.modules()) is faster
    assert any(isinstance(callback, BF16OnCPU) for callback in learn.cbs) is bf16


@pytest.mark.parametrize("system, told", [("linux", True), ("darwin", False), ("win32", False)])
def test_only_glibc_is_told_to_keep_memory(monkeypatch, system, told):
    from petclf.fast.allocator import keep_memory

    said = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: types.SimpleNamespace(mallopt=lambda *words: said.append(words)))
    with running_on(Machine(system=system)):
        keep_memory()
    assert len(said) == (3 if told else 0)


def test_a_linux_without_glibc_keeps_memory_as_it_does(monkeypatch):
    from petclf.fast.allocator import keep_memory

    def missing(_):
        raise OSError("libc.so.6: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with running_on(Machine(system="linux")):
        keep_memory()


# ## Batches in pinned memory

DEVICES = [
    pytest.param(None, False, id="wherever fastai finds one"),
    pytest.param(CPU, False, id="CPU"),
    pytest.param(MPS, False, id="MPS"),
    pytest.param(CUDA, True, id="CUDA"),
    pytest.param(torch.device("cuda", 1), True, id="second CUDA card"),
    pytest.param("cuda:0", True, id="CUDA by name"),
]


@pytest.mark.parametrize("device, pinned", DEVICES)
@pytest.mark.parametrize("workers", [0, 2])
def test_workers_pin_for_cuda(photos, monkeypatch, device, pinned, workers):
    from fastai.data.block import DataBlock

    asked = []
    monkeypatch.setattr(DataBlock, "dataloaders", lambda self, rows, **options: asked.append(options))
    small_loaders(photos, device=device, workers=workers)
    assert asked[0]["pin_memory"] is (pinned and workers > 0)


@pytest.mark.parametrize("device, pinned", DEVICES)
@pytest.mark.parametrize("workers", [0, 2])
def test_without_workers_batches_pin_themselves(photos, monkeypatch, device, pinned, workers):
    loader = small_loaders(photos, device=CPU).train
    loader.device, loader.fake_l.num_workers = device, workers
    sent = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *where, **how: sent.append((where, how)) or tensor)
    loader.cut(range(4))
    is_sent = pinned and workers == 0
    expected = [((torch.device(device),), {"non_blocking": True})] * 2 if is_sent else []  # pictures and classes
    assert sent == expected


# ## Predicting


@every_machine
@pytest.mark.parametrize("precision", ["full", "bf16"])
def test_what_predict_opens(tmp_path, name, precision):
    "By the machine, the number of callers, and the precision that the bundle's thresholds hold for."
    pytest.importorskip("openvino")
    from test_predict import write_bundle

    from petclf.answers import load_bundle

    folder = write_bundle(tmp_path / "bundle", precision=precision)
    with running_on(replace(MACHINES[name], engines=BOTH)):
        opened = load_bundle(folder, callers=engines.cores())
        several = engines.cores() > 1 and machine().has("avx512f")
        assert opened.engine == ("openvino" if several or precision == "bf16" else "onnxruntime")
        assert opened.precision == precision
        missing = precision == "bf16" and not engines.has_bf16()
        assert [note for note in opened.notes if "has no bf16" in note] == opened.notes
        assert len(opened.notes) == missing
        assert load_bundle(folder, "openvino", "auto").precision == ("bf16" if engines.has_bf16() else "full")


@every_machine
def test_a_bundle_in_bf16_needs_openvino(tmp_path, name):
    from test_predict import write_bundle

    from petclf.answers import BundleError, load_bundle

    folder = write_bundle(tmp_path / "bundle", precision="bf16")
    with running_on(replace(MACHINES[name], engines=ONNXRUNTIME)):
        with pytest.raises(BundleError, match="full precision only.*thresholds hold for bf16"):
            load_bundle(folder)
        answered = load_bundle(folder, precision="auto")
        assert (answered.engine, answered.precision) == ("onnxruntime", "full")
        assert answered.notes == ["answers in full precision; the thresholds were chosen in bf16"]


# ## Benchmarks keep what another processor said


@pytest.fixture
def common():
    "The module that benchmarks share."
    place = Path(__file__).parent.parent / "benchmarks" / "common.py"
    spec = importlib.util.spec_from_file_location("benchmarks_common", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


KINDS = {
    "AVX2 alone": "avx2",
    "AVX-512": "avx512",
    "AVX-512 with bf16": "avx512_bf16",
    "AMX": "amx",
    "no /proc/cpuinfo": "x86_64",
    "macOS on ARM": "arm",
    "one core": "avx2",
    "half a core of AVX-512": "avx512",
}


@every_machine
def test_benchmarks_know_the_kind_of_processor(common, name):
    with running_on(MACHINES[name]):
        about = common.hardware()
    assert (about["kind"], about["name"], about["cores"]) == (
        KINDS[name],
        MACHINES[name].processor,
        MACHINES[name].cores,
    )


@pytest.mark.parametrize("architecture", ["arm64", "aarch64", "ARM64"])
def test_arm_by_its_names(common, architecture):
    assert common.processor_kind(Machine(architecture=architecture)) == "arm"


@every_machine
def test_results_of_another_processor_stay(common, tmp_path, monkeypatch, name):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    options = types.SimpleNamespace(quick=False, pairs=1)
    finish = lambda: common.finish("train", options, 0, [common.claim("speed", "a second", 1, 2)])
    with running_on(MACHINES["AVX2 alone"]):
        finish()
    first = tmp_path / "avx2" / "train.json"
    before = first.read_bytes()
    with running_on(replace(MACHINES[name], processor="Another One (R) @ 3 GHz")):
        kept = finish()
        finish()
        assert common.measured_before("train")["processor"] == kept["processor"]
    assert first.read_bytes() == before
    assert kept["processor"]["name"] == "Another One (R) @ 3 GHz"
    folders = sorted(path.name for path in tmp_path.iterdir())
    own = f"{KINDS[name]}-another-one-r-3-ghz-{MACHINES[name].cores}" if KINDS[name] == "avx2" else KINDS[name]
    assert folders == sorted({"avx2", own})


def test_kept_results_are_continued_on_their_own_processor(common):
    "The folder that this repository keeps is found again on the processor that it was measured on."
    with running_on(Machine("AMD EPYC", features=AVX2)):
        assert common.results_folder() == common.RESULTS / "avx2"
        assert common.hardware() == {
            "name": "AMD EPYC",
            "cores": 2,
            "avx2": True,
            "avx512": False,
            "amx": False,
            "kind": "avx2",
        }
