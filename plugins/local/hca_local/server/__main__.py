"""The process that ``hca local start`` leaves behind."""

from __future__ import annotations

import sys

from hca_local.server.run import main

sys.exit(main())
