"""The commands, a module each: `run` gets the options, calls the library, and prints."""
