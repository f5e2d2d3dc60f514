"""The process that ``hca local start`` leaves behind."""

from __future__ import annotations

import logging
import os
import sys

from hca_local.server.run import main

code = main()
logging.shutdown()
sys.stdout.flush()
sys.stderr.flush()
# At once: what the store holds is on disk, and threads that still wait for something must not keep the process.
os._exit(code)
