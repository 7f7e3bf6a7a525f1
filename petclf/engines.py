"""Networks in ONNX on onnxruntime or OpenVINO, and the machine they run on: what it has, and what that decides.

Light: numpy, torch and the engines are imported where they are needed."""

import importlib
import math
import os
import platform
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import torch

    Ask = Callable[[np.ndarray, Sequence[str]], list[np.ndarray]]  # pictures and names of outputs to arrays

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES = ("auto", "onnxruntime", "openvino")
PRECISIONS = ("full", "auto", "bf16")
# Pixels that a core is asked about at once: what a network makes of them stays in its cache. EfficientNet-Lite2 answers
# 1.4 times as often as when asked about sixteen pictures, ResNet-18 1.1 times.
AT_ONCE = 100_000


# ## What the code runs on


@dataclass(frozen=True)
class Gpus:
    "What torch can use besides the processor."

    cuda: bool = False  # an NVIDIA card
    cuda_bf16: bool = False  # and it multiplies bf16 in hardware
    cuda_name: str = ""  # what the card is called
    mps: bool = False  # Apple's GPU


@dataclass(frozen=True)
class TorchGpus:
    "The same, asked of torch when somebody wants to know."

    @property
    def cuda(self) -> bool:
        import torch

        return bool(torch.cuda.is_available())

    @property
    def cuda_bf16(self) -> bool:
        import torch

        return bool(torch.cuda.is_bf16_supported(including_emulation=False))

    @property
    def cuda_name(self) -> str:
        import torch

        return str(torch.cuda.get_device_name())

    @property
    def mps(self) -> bool:
        import torch

        return bool(torch.backends.mps.is_available())


@dataclass(frozen=True)
class Machine:
    "What the code runs on, as far as anything is decided by it."

    processor: str = "a processor"  # its name
    architecture: str = "x86_64"  # as `platform.machine()` says
    features: frozenset[str] = frozenset()  # of the processor, as /proc/cpuinfo names them; empty: not known
    cores: int = 2  # that this process may use
    all_cores: int = 2  # that the machine has
    system: str = "linux"  # as `sys.platform` says
    engines: frozenset[str] | None = None  # that can be imported; None: each is tried when it is wanted
    gpus: Gpus | TorchGpus = field(default_factory=TorchGpus)

    def has(
        self,
        *features: str,  # of processors, as /proc/cpuinfo names them
    ) -> bool:  # whether it has any of them; False where that cannot be known
        "What the processor can do."
        return not self.features.isdisjoint(features)

    def has_engine(
        self,
        name: str,  # `onnxruntime` or `openvino`
    ) -> bool:
        "Whether an engine can be imported. One that is installed and broken cannot."
        if self.engines is not None:
            return name in self.engines
        try:
            importlib.import_module(name)
        except Exception:  # it is not there, or whatever else is wrong with it
            return False
        return True


_machines: list[Machine] = []  # the last one counts


def machine() -> Machine:
    "What the code runs on, read once; or what `running_on` says."
    if not _machines:
        _machines.append(read_machine())
    return _machines[-1]


@contextmanager
def running_on(
    other: Machine,  # what everything is decided by meanwhile
) -> Iterator[Machine]:
    "Decide as on another machine: for tests, and to see what would be done there."
    _machines.append(other)
    try:
        yield other
    finally:
        _machines.remove(other)


def read_machine(
    root: str | Path = "/",  # where /proc and /sys are
) -> Machine:
    "Look at the machine."
    about = _cpuinfo(Path(root))
    return Machine(
        processor=about.get("model name") or platform.processor() or platform.machine(),
        architecture=platform.machine(),
        features=frozenset(about.get("flags", "").split()),
        cores=_allowed_cores(core_quota(root)),
        all_cores=os.cpu_count() or 1,
        system=sys.platform,
    )


def _cpuinfo(root: Path) -> dict[str, str]:
    "What Linux says of the first processor; nothing elsewhere."
    try:
        with open(root / "proc/cpuinfo") as file:
            lines = list(takewhile(str.strip, file))
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _allowed_cores(quota: float) -> int:
    "By affinity and by the quota: half a core is one thread, one and a half are two."
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if quota == math.inf else max(1, min(cores, math.ceil(quota)))


def core_quota(
    root: str | Path = "/",  # where /proc and /sys are
) -> float:  # cores, such as 0.5; infinite where nothing limits them
    "Processor time that a container may take: the least that a control group of this process allows (cgroup v1, v2)."
    return min((_cores_of(folder) for folder in _control_groups(Path(root))), default=math.inf)


# Where control groups lie, and the controller by which /proc/self/cgroup names them; version 2 names none.
_MOUNTS = (
    ("sys/fs/cgroup", ""),
    ("sys/fs/cgroup/unified", ""),
    ("sys/fs/cgroup/cpu", "cpu"),
    ("sys/fs/cgroup/cpu,cpuacct", "cpu"),
)


def _control_groups(root: Path) -> Iterator[Path]:
    "Folders of this process's control groups and of those around them. A container sees some under other names only."
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 2)[1:] for line in lines if line.count(":") >= 2]
    for controllers, path in [["", "/"], ["cpu", "/"], *named]:
        own = PurePosixPath(path.lstrip("/"))
        if ".." in own.parts:  # above what this container sees
            continue
        for mount, controller in _MOUNTS:
            if controller in controllers.split(","):
                yield from (root / mount / group for group in (own, *own.parents))


def _cores_of(folder: Path) -> float:
    "What a control group allows: microseconds of processor time in a period, by the period."
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        cores = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # not there, or "max"
        return math.inf
    return cores if cores > 0 else math.inf


def cores() -> int:
    "Threads that this process can keep busy: its affinity and its container's quota, at least one."
    return machine().cores


def processor_name() -> str:  # such as `AMD EPYC`
    "What the processor is called."
    return machine().processor


def has_bf16() -> bool:  # whether this processor multiplies bf16 in hardware
    "Whether bf16 is faster here: with AMX or AVX-512's bf16."
    return machine().has("amx_bf16", "avx512_bf16")


def processor() -> dict[str, Any]:  # `name`, `cores`, `amx`, `avx512_bf16`, `avx512`, `avx2`, `memory_gib`
    "The processor this runs on, as a run records it."
    here = machine()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        memory = 0
    return {
        "name": here.processor,
        "cores": here.all_cores,
        "amx": here.has("amx_bf16"),
        "avx512_bf16": here.has("avx512_bf16"),
        "avx512": here.has("avx512f"),
        "avx2": here.has("avx2"),
        "memory_gib": round(memory, 1),
    }


# ## What is decided by it


def choose_engine(
    name: str = "auto",  # `auto`, `onnxruntime` or `openvino`
    precision: str = "full",  # `full`; `bf16` (OpenVINO only); or `auto`: bf16 where processor and engine have it
    callers: int = 2,  # threads that will ask at the same time
) -> tuple[str, str]:  # such as `("onnxruntime", "full")`
    """What runs ONNX here. `auto` takes OpenVINO where it can be imported and is faster: for bf16, and with AVX-512.

    Raises `ValueError` for another name, or for what cannot be had."""
    if name not in ENGINES:
        raise ValueError(f"engine = {name}: it takes one of {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision = {precision}: an engine takes one of {', '.join(PRECISIONS)}")
    if name == "auto":
        better = _openvino_is_faster(precision, callers) and machine().has_engine("openvino")
        name = "openvino" if better else "onnxruntime"
    if not machine().has_engine(name):
        raise ValueError(f"engine = {name} needs {name}: pip install {name}")
    if precision == "bf16" and name != "openvino":
        raise ValueError(
            "precision = bf16: onnxruntime runs networks in full precision only; engine = openvino has bf16"
        )
    if precision == "auto":
        precision = "bf16" if name == "openvino" and has_bf16() else "full"
    return name, precision


def _openvino_is_faster(precision: str, callers: int) -> bool:
    "For a single caller in full precision onnxruntime opens sooner than OpenVINO could win back."
    if precision == "bf16" or (precision == "auto" and has_bf16()):
        return True
    return callers > 1 and machine().has("avx512f")


def threads_to_set() -> int | None:
    "Threads that a library must be told, where this process may not use all cores. None: it finds the number itself."
    return cores() if cores() < machine().all_cores else None


def choose_device(
    name: str = "auto",  # `auto`, `cpu`, `cuda` or `mps`
) -> "torch.device":  # where to train
    "The device a recipe names. Raises `PetclfError` when it is not there."
    import torch

    there = {"cuda": machine().gpus.cuda, "mps": machine().gpus.mps, "cpu": True}
    if name == "auto":
        name = next(device for device, is_there in there.items() if is_there)
    if not there[name]:
        from petclf.errors import PetclfError

        raise PetclfError(f"device = {name}: this machine has none that torch can use; take auto or cpu")
    return torch.device(name)


def choose_precision(
    name: str,  # `full`, `auto`, `bf16` or `fp16`
    device: "torch.device",  # where it trains
) -> str:  # `full`, `bf16` or `fp16`
    "What a precision comes to on a device. Raises `PetclfError` where the device does not have it."
    from petclf.errors import PetclfError

    if name == "fp16" and device.type == "cpu":
        raise PetclfError("precision = fp16: not on a CPU; take bf16, auto or full")
    if name in ("bf16", "fp16") and device.type == "mps":
        raise PetclfError(f"precision = {name}: not on Apple's GPUs; take full")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if machine().gpus.cuda_bf16 else "fp16"
    return "bf16" if device.type == "cpu" and has_bf16() else "full"


def exact_on_cuda() -> None:
    "Full precision means 32 bit, not TF32, and the same seed the same numbers. Without CUDA nothing changes."
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


def device_name(
    device: "torch.device",  # where a network runs
) -> str:  # such as `AMD EPYC`, the name of a card, or `mps`
    "What a device is called: results of different ones may differ in the last digits."
    if device.type == "cpu":
        return processor_name()
    return machine().gpus.cuda_name if device.type == "cuda" else device.type


def gpu_at_hand() -> bool:
    "Whether torch would run networks on a GPU."
    return machine().gpus.cuda or machine().gpus.mps


def is_cuda(
    device: "torch.device | str | None",  # where batches go; None: where fastai finds one
) -> bool:
    "Whether batches are to be copied to an NVIDIA card, for which they lie in pinned memory."
    return device is not None and str(device).split(":")[0] == "cuda"


def convolutions_are_slow(
    device: "torch.device",  # where it trains
    precision: str,  # that `choose_precision` chose
) -> bool:
    "Whether `faster_convolutions` gains anything: on a processor with AVX2 and no more, in full precision."
    here = machine()
    return device.type == "cpu" and precision == "full" and here.has("avx2") and not here.has("avx512f")


# ## Asking a network


class Network:
    "An ONNX network, ready to be asked."

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes,  # its file, or its bytes
        engine: str = "onnxruntime",  # `onnxruntime` or `openvino`
        precision: str = "full",  # `full` (32 bit), or `bf16` (OpenVINO only)
        callers: int = 1,  # threads that ask at the same time, each on one core; 1: a single one, on all cores
        quick: bool = False,  # for a picture or two: onnxruntime opens in half the time and then answers more slowly
    ):
        choose_engine(engine, precision)
        if engine == "onnxruntime":
            self.ask = _onnxruntime(model, callers, quick)
        else:
            self.ask = _openvino(model, precision, callers)

    def __call__(
        self,
        pictures: "np.ndarray",  # float32 (n, 3, height, width), normalised
        outputs: Sequence[str],  # names of the outputs that are wanted
    ) -> "list[np.ndarray]":  # an array for each of them
        "Ask about a batch."
        return self.ask(pictures, outputs)


def _onnxruntime(model: str | os.PathLike[str] | bytes, callers: int, quick: bool) -> "Ask":
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if quick:  # weights stay in the order in which they lie
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    if callers > 1:
        options.intra_op_num_threads = 1  # a run then stays in the thread that asked
    elif threads := threads_to_set():
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )
    pixels = AT_ONCE * (1 if callers > 1 else cores())

    def ask(pictures: "np.ndarray", outputs: Sequence[str]) -> "list[np.ndarray]":
        few = max(1, round(pixels / (pictures.shape[2] * pictures.shape[3])))
        answers = [
            session.run(list(outputs), {"pictures": pictures[start : start + few]})
            for start in range(0, len(pictures) or 1, few)
        ]
        return answers[0] if len(answers) == 1 else [np.concatenate(parts) for parts in zip(*answers, strict=True)]

    return ask


def _openvino(model: str | os.PathLike[str] | bytes, precision: str, callers: int) -> "Ask":
    import numpy as np
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    if callers > 1:
        hints |= {"NUM_STREAMS": str(callers), "INFERENCE_NUM_THREADS": str(callers)}
    else:
        hints["PERFORMANCE_HINT"] = "LATENCY"
        if threads := threads_to_set():
            hints["INFERENCE_NUM_THREADS"] = str(threads)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model) if isinstance(model, bytes) else str(model), "CPU", hints)
    own = threading.local()  # a request belongs to one caller

    def ask(pictures: "np.ndarray", outputs: Sequence[str]) -> "list[np.ndarray]":
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        # Not infer({...}): its copying of the input waits for ever when two threads do it at once (OpenVINO 2026.4).
        own.request.set_tensor("pictures", openvino.Tensor(np.ascontiguousarray(pictures), shared_memory=True))
        own.request.infer()
        return [np.array(own.request.get_tensor(name).data) for name in outputs]

    return ask


# ## Working side by side


def in_parts(
    items: Iterable[Item],  # anything that can be gone through, of any length
    work: Callable[[list[Item]], Result],  # a function of a list of items
    size: int,  # items in a part
    workers: int,  # threads
) -> Iterator[Result]:  # what `work` gives, part by part, in order
    "Work on parts of a long list in threads. Only a few parts are ahead of the reader, so memory does not grow."
    remaining = iter(items)
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        while part := list(islice(remaining, size)):
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # a reader that stops early waits for the parts at hand only


def in_threads(
    work: Callable[[Item], Result],  # a function of an item
    items: Iterable[Item],  # a list
    workers: int | None = None,  # threads; None: one a core
) -> Iterator[Result]:  # what `work` gives, in order
    """Small matrices side by side, a core each.

    Sooner done than one after the other on all cores, which spend their time waiting for each other."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers or cores()) as pool:
        yield from pool.map(work, items)
