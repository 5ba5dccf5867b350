"""The same numbers sooner: blocks that stay in cache, on all cores. Skip this at first reading.

What each function here gives, `minunet.ops` says, and `minunet.plain` shows in a few lines. Only
speed is added: every function is held to the definition by the tests.
"""
