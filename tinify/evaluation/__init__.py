# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion runs from real files, their peers, and curves to compare.

pictures -> run.evaluate(codec, qualities) -> a curve a picture -> curves.mean_curve -> comparison, plots
"""
