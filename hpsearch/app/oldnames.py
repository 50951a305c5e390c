"""The names of the older tool, as earlier copies of ``hpsearch.py`` ask for them."""

from hpsearch.config.old_names import (
    args_to_cmd_str,
    get_performance_summary,
    old_attribute,
    read_config,
    write_slurm_script,
)

__all__ = ["args_to_cmd_str", "get_performance_summary", "old_attribute", "read_config", "write_slurm_script"]
