"""Reports on tumours: size, shape, location, appearance, and the change between two scans."""
