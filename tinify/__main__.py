# SPDX-License-Identifier: Apache-2.0
"""`python -m tinify`, which is `tinify`; launchers such as torchrun start modules."""

from tinify.cli.main import main

if __name__ == "__main__":
    main()
