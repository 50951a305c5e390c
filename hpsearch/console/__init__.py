"""What people see; the only package that prints."""
