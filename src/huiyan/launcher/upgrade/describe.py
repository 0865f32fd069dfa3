"""`python -m huiyan.launcher.upgrade.describe`: what this version can do, for the one that runs now."""

from __future__ import annotations

import sys

import msgspec

from huiyan import __version__
from huiyan.launcher.upgrade.handover import SCHEMA
from huiyan.launcher.upgrade.rehearsal import Description
from huiyan.state.migrations import STEPS

if __name__ == "__main__":
    found = Description(version=__version__, handover=SCHEMA, schema=len(STEPS))
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
