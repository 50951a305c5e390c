"""How a run that ended for want of GPU memory is told from its log."""

from __future__ import annotations

import re

#: What PyTorch, TensorFlow, JAX, CuPy and CUDA's own libraries say; host memory is not meant.
_SIGNS = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|OutOfMemoryError: (?:CUDA|HIP)|cuda\.OutOfMemoryError"
    r"|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
    r"|RESOURCE_EXHAUSTED: (?:Out of memory|OOM)|ResourceExhaustedError|OOM when allocating tensor"
)
#: An error further up was survived by the run.
_LAST_LINES = 60


def says_gpu_out_of_memory(log: str) -> str:
    """Return the line of a log's end that says that the GPU had no more memory; empty if none does."""
    lines = log.splitlines()[-_LAST_LINES:]
    return next((line.strip() for line in reversed(lines) if _SIGNS.search(line)), "")
