"""The long description: the README, without what only its own folder can show.

A package index shows no picture and no page that lies beside the README, and the project has no
public address that they could be linked at. All else is in pyproject.toml.
"""

import re
from pathlib import Path

from setuptools import setup

BESIDE = r"\((?![a-z]+:|#)[^)]*\)"  # where a link leads: neither to an address nor in the page
text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
text = re.sub(r"!\[[^]]*\]" + BESIDE + r"\n*|<img [^>]*>\n*", "", text)
text = re.sub(r"\[([^]]*)\]" + BESIDE, r"\1", text)
setup(long_description=text, long_description_content_type="text/markdown")
