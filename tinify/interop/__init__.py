# SPDX-License-Identifier: Apache-2.0
"""Where people already work: array stores, Pillow, torch's loaders, other runtimes of networks.

    zarr, numcodecs   chunks of arrays as .tnf bodies        tinify.interop.zarr, tinify.interop.numcodecs
    Pillow            Image.open("x.tnf"), image.save(...)   import tinify.interop.pillow
    torch             a Dataset of .tnf files                tinify.interop.dataset
    ONNX              networks without entropy coding        tinify.interop.networks, `tinify export`

Each module imports the package that it serves; none is imported by default.
"""
