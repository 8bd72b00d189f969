# SPDX-License-Identifier: Apache-2.0
import sys

from .pages import DOCS

sys.path.insert(0, str(DOCS / "_site"))  # what fills pages from the code
