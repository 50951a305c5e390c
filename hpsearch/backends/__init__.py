"""Where runs execute: the only package that starts processes."""
