"""One call of bsub, bjobs, bkill, bmod or bparams, from its arguments to its exit status."""

import importlib
import os
import sys

from .cluster import Cluster
from .faults import act_first, fault_now

MODULES = {"bsub": "submit", "bjobs": "query", "bkill": "kill", "bmod": "modify", "bparams": "parameters"}


def main(command, argv):
    folder = os.environ.get("FAKE_LSF_DIR")
    if not folder:
        sys.stderr.write(f"{command} stand-in: FAKE_LSF_DIR must name the cluster's folder\n")
        return 255
    cluster = Cluster(folder)
    number = cluster.log_call(command, argv)
    fault = fault_now(cluster.config(), command, number, argv)
    code = act_first(fault, command)
    if code is not None:
        return code
    module = importlib.import_module("standin_lsf." + MODULES[command])
    return getattr(module, command)(cluster, argv, fault)
