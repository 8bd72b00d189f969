# SPDX-License-Identifier: Apache-2.0
"""Trains image codecs: `tinify train`, for networks.

pictures ──► crops ──► codec and losses ──► gradients ──► optimizers ──► weights ──► their average
data/        data/     objective.py         processes.py  trainer.py                 trainer.py
                                                              │
         log.py ◄── loop.py ──► checkpoint.py, validation.py ◄┘
"""
