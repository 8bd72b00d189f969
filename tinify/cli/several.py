# SPDX-License-Identifier: Apache-2.0
"""Options that take several numbers: `--quality 10 30 50`, which click alone would want as three options."""

from __future__ import annotations

from typing import Any

import click


class Several(click.Command):
    """Gives each word after an option of SEVERAL that its type takes the option's name again; the rest as typed."""

    def __init__(self, *args: Any, several: tuple[str, ...] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.several = several

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._spread(args))

    def _spread(self, args: list[str]) -> list[str]:
        spread: list[str] = []
        option, taken = "", False
        for word in args:
            if word in self.several:
                option, taken = word, False
            elif option and taken and not self._takes(option, word):
                option = ""
            elif option:
                spread += [option] if taken else []
                taken = True
            spread.append(word)
        return spread

    def _takes(self, option: str, word: str) -> bool:
        kind = next(parameter.type for parameter in self.params if option in parameter.opts)
        try:
            kind.convert(word, None, None)
        except click.UsageError:
            return False
        return not word.startswith("--")
