"""Readers: the layouts of folders and the formats of files that patients come in."""
