# SPDX-License-Identifier: Apache-2.0
"""The command `tinify`: its verbs, found by name and imported when used, and the exit code of every outcome."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches

import click

from tinify import __version__
from tinify.errors import TinifyError

# verb -> (module:attribute, summary); in the order of the help page
VERBS = {
    "compress": ("tinify.cli.compress:compress", "Make files smaller: pictures and series to .tnf."),
    "decompress": ("tinify.cli.decompress:decompress", "Restore files from .tnf."),
    "repack": ("tinify.cli.repack:repack", "Make JPEG files smaller, to come back byte for byte."),
    "inspect": ("tinify.cli.inspect:inspect", "Show what a .tnf file holds, without decoding it."),
    "verify": ("tinify.cli.verify:verify", "Decode .tnf files in full and check them."),
    "train": ("tinify.cli.train:train", "Train a codec from a recipe."),
    "pack-images": ("tinify.cli.pack_images:pack_images", "Decode pictures once, for training to read."),
    "fit": ("tinify.cli.fit:fit", "Make a codec for your own series: a codec file that --codec takes."),
    "evaluate": ("tinify.cli.evaluate:evaluate", "Measure codecs on your files: size, distortion, seconds, memory."),
    "compare": ("tinify.cli.compare:compare", "Compare codecs and peers: BD-rate, curves, a page, crops."),
    "export": ("tinify.cli.export:export", "Write a codec's networks for other runtimes: ONNX, torch.export."),
    "models": ("tinify.cli.models:models", "List the pretrained codecs."),
    "components": ("tinify.cli.components:components", "List the registered parts that codecs are made of."),
    "plugins": ("tinify.cli.plugins:plugins", "List the plugins and their problems."),
    "new-plugin": ("tinify.cli.new_plugin:new_plugin", "Write a plugin to begin from."),
    "doctor": ("tinify.cli.doctor:doctor", "Check that this installation works, and say what to do if not."),
    "demo": ("tinify.cli.demo:demo", "Compress a photo and a series, and compare; --serve: your own."),
}
EXIT_CODES = """\b
Exit codes:
  0    done
  1    one of several files failed, or another error
  2    wrong usage or configuration
  3    the input cannot be read or compressed
  4    the file is damaged or not a .tnf file
  5    the file was made with other weights or tables
  6    no codec or component of that name
  7    a plugin is broken or conflicts with another
  8    the output exists (--force overwrites)
  9    weights are missing or have the wrong hash
  10   an optional package is missing
  130  interrupted
"""


class VerbGroup(click.Group):
    """Imports a verb's module when the verb is used; plugins' commands come after core's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *sorted(self._plugin_commands().usable)]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in VERBS:
            module, _, attribute = VERBS[name][0].partition(":")
            return getattr(importlib.import_module(module), attribute)
        return self._plugin_commands().get(name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple:
        if self.get_command(ctx, args[0]) is None:
            close = get_close_matches(args[0], self.list_commands(ctx), n=2)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = self._plugin_commands().usable
        rows = [(name, summary) for name, (_, summary) in VERBS.items()]
        rows += [(name, own[name].get_short_help_str()) for name in sorted(own)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    @staticmethod
    def _plugin_commands():
        from tinify.cli.plugin_commands import plugin_commands

        return plugin_commands()


@click.group(cls=VerbGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tinify")
def cli() -> None:
    """Neural codecs for pictures, time series and more, in real files that decode anywhere."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with the exit code of what happened."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """As `main`, but gives the exit code back."""
    try:
        code = cli.main(arguments, prog_name="tinify", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        if context is not None:
            click.echo(context.get_usage(), err=True)
        click.echo(f"error: {error.format_message()}", err=True)
        return error.exit_code
    except TinifyError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing half-written is left", err=True)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone: what it wanted, it has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
