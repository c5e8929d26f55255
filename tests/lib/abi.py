# SPDX-License-Identifier: Apache-2.0
"""The number of the plugin ABI that our headers have."""
import re

from daemon import ROOT

BASE = (ROOT / "include/cmp/base.h").read_text()
ABI = ".".join(re.search(rf"CMP_ABI_{part} (\d+)", BASE)[1] for part in ("MAJOR", "MINOR"))
