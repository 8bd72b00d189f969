# SPDX-License-Identifier: Apache-2.0
"""`tinify demo`: a real photo and a real series to small files and back, beside their usual peers, on one page.

samples -> photo, series (studies: bytes, error, times, peers) -> tables (terminal), page (HTML)
"""
