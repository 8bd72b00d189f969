# SPDX-License-Identifier: Apache-2.0
"""The error tree: whatever goes wrong for a reason that a person can act on is a `TinifyError`.

Each class carries the exit code with which the command line ends.
"""


class TinifyError(Exception):
    """Something that the caller can understand and mend. Exit code 1."""

    exit_code = 1


class InputError(TinifyError):
    """The input cannot be read or compressed (missing, empty, of an unknown kind). Exit code 3."""

    exit_code = 3


class FormatError(TinifyError):
    """The bytes are not a valid file or stream: damaged, cut off, or something else. Exit code 4."""

    exit_code = 4


class LimitError(FormatError):
    """The bytes declare a size beyond the limits of the format, or of what the data can hold."""


class DesyncError(FormatError):
    """The decoder's tables or weights are not the encoder's: what came out would be wrong. Exit code 5."""

    exit_code = 5


class UnknownComponentError(TinifyError, LookupError):
    """No component, codec or plugin of that name. Exit code 6."""

    exit_code = 6


class PluginError(TinifyError):
    """A plugin failed to load or breaks the contract. Exit code 7."""

    exit_code = 7


class PluginConflictError(PluginError):
    """Two plugins claim one name; neither is used until one of them goes."""


class ConfigError(TinifyError, ValueError):
    """A configuration key or value is wrong; the message gives its path. Exit code 2, as for wrong usage."""

    exit_code = 2


class OutputExistsError(TinifyError):
    """The output is there already and nobody said to overwrite it. Exit code 8."""

    exit_code = 8


class WeightsError(TinifyError):
    """Weights are missing, do not fit, or do not have the hash they should. Exit code 9."""

    exit_code = 9


class MissingExtraError(TinifyError, ImportError):
    """A feature needs an optional package; the message gives the `pip install` line. Exit code 10."""

    exit_code = 10
