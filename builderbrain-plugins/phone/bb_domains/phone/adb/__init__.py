"""Android devices, over the ADB protocol."""
