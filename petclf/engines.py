"Networks in ONNX on onnxruntime or OpenVINO, asked by one caller on all cores or by many on one core each. Light: an engine is imported when it is opened."

import importlib.util, os, platform, threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, takewhile

import numpy as np

ENGINES = ("auto", "onnxruntime", "openvino")
PRECISIONS = ("full", "auto", "bf16")
AT_ONCE = 100_000  # pixels that a core is asked about at once: what a network makes of them stays in its cache; EfficientNet-Lite2 answers 1.4 times as often as when asked about sixteen pictures, ResNet-18 1.1 times


def choose_engine(
    name="auto",  # `auto`, `onnxruntime` or `openvino`
    precision="full",  # `full`; `bf16` (OpenVINO only); or `auto`: bf16 where processor and engine have it
    callers=2,  # threads that will ask at the same time
) -> tuple:  # such as `("onnxruntime", "full")`
    "What runs ONNX here. `auto` takes OpenVINO where it is installed and faster: for bf16, and with AVX-512. Raises `ValueError` for another name, or for what cannot be had."
    if name not in ENGINES:
        raise ValueError(f"engine = {name}: it takes one of {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision = {precision}: an engine takes one of {', '.join(PRECISIONS)}")
    if name == "auto":  # for a single caller onnxruntime opens sooner than OpenVINO could win back
        better = precision == "bf16" or precision == "auto" and has_bf16() or callers > 1 and has("avx512f")
        name = "openvino" if better and importlib.util.find_spec("openvino") else "onnxruntime"
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"engine = {name} needs {name}: pip install {name}")
    if precision == "bf16" and name != "openvino":
        raise ValueError(
            "precision = bf16: onnxruntime runs networks in full precision only; engine = openvino has bf16"
        )
    return (
        name,
        "bf16"
        if precision == "auto" and name == "openvino" and has_bf16()
        else "full"
        if precision == "auto"
        else precision,
    )


def _cpuinfo():
    "What Linux says of the first processor; nothing elsewhere."
    try:
        with open("/proc/cpuinfo") as file:
            lines = list(takewhile(str.strip, file))
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def processor_name() -> str:  # such as `AMD EPYC`
    "What the processor is called."
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def has(
    *features,  # of processors, as /proc/cpuinfo names them
) -> bool:  # whether this one has any of them; False where that cannot be known
    "What the processor can do."
    return not set(features).isdisjoint(_cpuinfo().get("flags", "").split())


def has_bf16() -> bool:  # whether this processor multiplies bf16 in hardware
    "Whether bf16 is faster here: with AMX or AVX-512's bf16."
    return has("amx_bf16", "avx512_bf16")


class Network:
    "An ONNX network, ready to be asked."

    def __init__(
        self,
        model,  # its file, or its bytes
        engine="onnxruntime",  # `onnxruntime` or `openvino`
        precision="full",  # `full` (32 bit), or `bf16` (OpenVINO only)
        callers=1,  # threads that ask at the same time, each on one core; 1: a single one, on all cores
        quick=False,  # for a picture or two: onnxruntime opens in half the time and then answers more slowly
    ):
        choose_engine(engine, precision)
        if engine == "onnxruntime":
            self.ask = _onnxruntime(model, callers, quick)
        else:
            self.ask = _openvino(model, precision, callers)

    def __call__(
        self,
        pictures,  # float32 (n, 3, height, width), normalised
        outputs,  # names of the outputs that are wanted
    ) -> list:  # an array for each of them
        "Ask about a batch."
        return self.ask(pictures, outputs)


def _onnxruntime(model, callers, quick):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if quick:
        options.graph_optimization_level = (
            onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        )  # weights stay in the order in which they lie
    if callers > 1:
        options.intra_op_num_threads = 1  # a run then stays in the thread that asked
    session = onnxruntime.InferenceSession(
        model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
    )

    def ask(pictures, outputs):
        few = max(1, round(AT_ONCE * (1 if callers > 1 else cores()) / (pictures.shape[2] * pictures.shape[3])))
        found = [
            session.run(list(outputs), {"pictures": pictures[at : at + few]})
            for at in range(0, len(pictures) or 1, few)
        ]
        return found[0] if len(found) == 1 else [np.concatenate(parts) for parts in zip(*found)]

    return ask


def _openvino(model, precision, callers):
    import openvino

    hints = {"INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
    hints |= (
        {"PERFORMANCE_HINT": "LATENCY"}
        if callers == 1
        else {"NUM_STREAMS": str(callers), "INFERENCE_NUM_THREADS": str(callers)}
    )
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model) if isinstance(model, bytes) else str(model), "CPU", hints)
    own = threading.local()  # a request belongs to one caller

    def ask(pictures, outputs):
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        # Not infer({...}): its copying of the input waits for ever when two threads do it at once (OpenVINO 2026.4).
        own.request.set_tensor("pictures", openvino.Tensor(np.ascontiguousarray(pictures), shared_memory=True))
        own.request.infer()
        return [np.array(own.request.get_tensor(name).data) for name in outputs]

    return ask


def in_parts(
    items,  # anything that can be gone through, of any length
    work,  # a function of a list of items
    size,  # items in a part
    workers,  # threads
):  # generates what `work` gives, part by part, in order
    "Work on parts of a long list in threads. Only a few parts are ahead of the reader, so memory does not grow."
    items, waiting = iter(items), deque()
    pool = ThreadPoolExecutor(workers)
    try:
        while part := list(islice(items, size)):
            waiting.append(pool.submit(work, part))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)  # a reader that stops early waits for the parts at hand only


def in_threads(
    work,  # a function of an item
    items,  # a list
    workers=None,  # threads; None: one a core
):  # generates what `work` gives, in order
    "Small matrices side by side, a core each: sooner done than one after the other on all cores, which spend their time waiting for each other."
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers or cores()) as pool:
        yield from pool.map(work, items)


def cores() -> int:  # that this process may use
    "Processors at hand."
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
