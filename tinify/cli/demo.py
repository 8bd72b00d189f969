# SPDX-License-Identifier: Apache-2.0
"""`tinify demo`"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click


@click.command()
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-output"), show_default=True,
    help="Folder for index.html and the two .tnf files; those of an earlier run are replaced.",
)  # fmt: skip
@click.option(
    "--serve", is_flag=True, help="Serve a page on this machine where you try your own files; Ctrl-C ends it."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of --serve; a free one by default.")
def demo(output: Path, serve: bool, port: int) -> None:
    """Compress a real photo and a real series, restore them, and compare with their usual peers.

    Prints the figures and writes one HTML page that needs nothing else. With --serve it is a page for your own files:
    drop a picture or a CSV, move the quality, see what comes back, how large it is and where the bits went. The
    samples come with scikit-image and PyWavelets: pip install "tinify-codec[demo]".
    """
    if serve:
        _serve(port)
        return
    if port:
        raise click.UsageError("--port is of --serve")
    from rich.console import Console

    import tinify
    from tinify.demo.run import run_demo
    from tinify.demo.tables import photo_figures, print_figures, series_figures

    console = Console()
    with console.status("loading") as status:
        photo, series, page = run_demo(tinify, output, status.update)
    for figures in (photo_figures(photo), series_figures(series)):
        print_figures(figures, console)
        console.print()
    console.print(f"[bold]{page}[/bold] shows the pictures and plots; the files are beside it", highlight=False)


def _serve(port: int) -> None:
    from tinify.demo.serve import DemoServer, warm
    from tinify.errors import InputError

    try:
        server = DemoServer(port)
    except OSError as error:
        message = f"cannot listen on port {port}: {error.strerror or error}; leave --port out for a free one"
        raise InputError(message) from error
    click.echo(f"{server.url}  (only this machine can open it; Ctrl-C ends it)")
    sys.stdout.flush()
    threading.Thread(target=warm, daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("\nended")
    finally:
        server.server_close()
