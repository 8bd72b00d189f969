# SPDX-License-Identifier: Apache-2.0
"""`tinify demo`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-output"), show_default=True,
    help="Folder for index.html and the two .tnf files; those of an earlier run are replaced.",
)  # fmt: skip
def demo(output: Path) -> None:
    """Compress a real photo and a real series, restore them, and compare with their usual peers.

    Prints the figures and writes one HTML page that needs nothing else. The samples come with scikit-image and
    PyWavelets: pip install "tinify-codec[demo]".
    """
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
