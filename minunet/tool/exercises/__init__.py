"""Exercises: nine tasks, from ReLU to a U-Net made of one's own operations, and their grading."""

from minunet.tool.exercises.grade import grade
from minunet.tool.exercises.write import write_exercises

__all__ = ["grade", "write_exercises"]
