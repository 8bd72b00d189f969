# SPDX-License-Identifier: Apache-2.0
"""A study of series codecs: trained alike, measured from real files, written up from the measured numbers.

studies/*.toml -> config -> jobs: training -> measures -> runs/*.json -> results -> figures, tables -> document
"""
