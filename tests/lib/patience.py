# SPDX-License-Identifier: Apache-2.0
"""How long what takes a moment may take on a machine that is busy with something else. Only what
hangs gets so far; so it is no measure of what is tested."""

PATIENCE = 60  # seconds
