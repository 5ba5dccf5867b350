"""How fast it is, and what it takes: ``minunet bench``, against PyTorch where that is installed.

`run` is the command, `parts` what it measures: contenders work in turn (`clock`), each in a process
of its own (`processes`, `worker`), at what `minunet_work` and `torch_work` have, and `roofline`
looks into a step. `report` and `plots` show it, `machines` shows several machines together.
Nothing is imported here: a contender's process shall hold what it needs, and no more.
"""
