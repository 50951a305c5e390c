"""What people see: the only place that prints."""
