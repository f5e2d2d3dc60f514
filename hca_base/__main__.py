"""``python -m hca_base`` is ``hca``."""

import sys

from hca_base.shell import main

if __name__ == "__main__":
    sys.exit(main())
