"Machines that tests say the code runs on, whatever it really runs on."

from petclf.engines import Gpus, Machine

BOTH = frozenset({"onnxruntime", "openvino"})
ONNXRUNTIME = frozenset({"onnxruntime"})
AVX2 = frozenset({"avx", "avx2"})
AVX512 = AVX2 | {"avx512f", "avx512bw"}
BF16 = AVX512 | {"avx512_bf16"}
AMX = BF16 | {"amx_bf16", "amx_int8"}

# Processors without a GPU. Which engines can be imported is left open: tests say it where it matters.
MACHINES = {
    "AVX2 alone": Machine("AMD EPYC", features=AVX2, gpus=Gpus()),
    "AVX-512": Machine("Intel Xeon Gold", features=AVX512, gpus=Gpus()),
    "AVX-512 with bf16": Machine("AMD Ryzen", features=BF16, gpus=Gpus()),
    "AMX": Machine("Intel Xeon Platinum", features=AMX, gpus=Gpus()),
    "no /proc/cpuinfo": Machine("", gpus=Gpus()),
    "macOS on ARM": Machine("arm", "arm64", system="darwin", gpus=Gpus()),
    "one core": Machine("AMD EPYC", features=AVX2, cores=1, all_cores=1, gpus=Gpus()),
    "half a core of AVX-512": Machine("Intel Xeon Gold", features=AVX512, cores=1, all_cores=64, gpus=Gpus()),
}
EVERY = tuple(MACHINES)


def on(
    machine,  # what the code is to believe
    code,  # lines of Python
) -> str:  # lines of Python, for `python -c` beside the module `engines`
    "Code for another process that is told what it runs on."
    return f"with running_on({machine!r}):\n" + "".join(f"    {line}\n" for line in code.splitlines())
