"""What the user says, checked: options, the grid module, and what an earlier search recorded of them."""
