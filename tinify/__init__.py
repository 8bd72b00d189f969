# SPDX-License-Identifier: Apache-2.0
"""Tinify: neural codecs for any signal, composed from registered parts.

    signal x -> transform -> y -> quantizer -> symbols -> entropy model -> tables -> coder -> bytes -> container

Names are imported on first use, so that `import tinify` costs nothing: in particular it does not import torch.
"""

import importlib as _importlib
import os as _os
import re as _re
import sys as _sys

__version__ = "0.1.0"

_NAMES = {
    "compress": "api",
    "decompress": "api",
    "open": "api",
    "open_picture": "api",
    "compress_file": "file_to_file",
    "decompress_file": "file_to_file",
    "load": "api",
    "build": "api",
    "register": "registry",
    "available_entropy_coders": "entropy_coder",
    "set_entropy_coder": "entropy_coder",
    "get_entropy_coder": "entropy_coder",
    "Signal": "signal",
    "TinifyError": "errors",
    "InputError": "errors",
    "FormatError": "errors",
    "LimitError": "errors",
    "DesyncError": "errors",
    "UnknownComponentError": "errors",
    "PluginError": "errors",
    "PluginConflictError": "errors",
    "ConfigError": "errors",
    "OutputExistsError": "errors",
    "WeightsError": "errors",
    "quantize_entropy_path": "models.entropy_path",
    "optimize": "models.optimize",
    "MissingExtraError": "errors",
}
_MODULES = (
    "ans", "api", "coders", "config", "container", "data", "entropy_models", "errors", "evaluation", "file_to_file",
    "hookspecs", "interop", "jpeg_files",
    "latent_codecs", "layers", "losses", "media", "metrics", "models", "ops", "plugins", "quantizers", "records",
    "registry", "scale_out", "signal", "testing", "training", "transforms", "zoo",
)  # fmt: skip
__all__ = ["__version__", *_NAMES]


def __getattr__(name):
    if name in _NAMES:
        value = getattr(_importlib.import_module(f"tinify.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return _importlib.import_module(f"tinify.{name}")
    raise AttributeError(f"module 'tinify' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_NAMES, *_MODULES})


def _refuse_the_other_tinify(path):
    """PyPI's `tinify` (the client of a web service) installs into the same folder, where the two break each other.

    Looks for its metadata folder by name: importlib.metadata would take longer than all the rest of this import.
    """
    for folder in path:
        try:
            names = _os.listdir(folder or ".")
        except OSError:
            continue
        found = [name for name in names if _re.fullmatch(r"tinify-\d[^-]*(-py[\d.]+)?\.(dist|egg)-info", name)]
        if found:
            raise ImportError(
                f"the distribution 'tinify' (TinyPNG's client; {_os.path.join(folder, found[0])}) is installed beside "
                "'tinify-codec', and both own the package folder 'tinify'. Next: `pip uninstall tinify`, then "
                "`pip install --force-reinstall --no-deps tinify-codec`"
            )


_refuse_the_other_tinify(_sys.path)
