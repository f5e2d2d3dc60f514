"""The background process of ``hca local start``."""

from __future__ import annotations

import logging
import os
import sys

from hca_local.server.run import main

code = main()
logging.shutdown()
sys.stdout.flush()
sys.stderr.flush()
# Exit without cleanup: all data is on disk, and threads that still wait must not keep the process alive.
os._exit(code)
