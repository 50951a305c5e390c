"""Look-alikes of the commands that hpsearch calls, for tests on machines that have neither GPUs nor LSF.

They go on PATH in front of everything else, below the real packages GPUtil and bsub. `worlds` makes and reads them,
`fixtures` hands them to tests, `gpu/standin_gpu` and `lsf/standin_lsf` say in their docstrings what can be set.
"""
