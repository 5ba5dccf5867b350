"""What makes the lesson fast and safe: devices, threads, files. Skip this at first reading."""
