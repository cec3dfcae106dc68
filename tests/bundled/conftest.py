"""The tests of the bundled variant need build/bundled (make bundle, minutes): `make bundle-test` runs
them, `make test` leaves them out."""

import os

collect_ignore_glob = [] if os.environ.get("DBK_BUNDLED_DIR") else ["*"]
