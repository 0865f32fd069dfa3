"""What `huiyan start` does: five layers of checks, then engine and gateway under watch."""
