"""Tables for the terminal."""

from collections.abc import Collection, Sequence


def table(rows: Sequence[Sequence[str]], right: Collection[int] = (), indent: str = "") -> str:
    """Return rows, the first of which may be headings, in columns as wide as their widest cell on a terminal.

    Args:
        rows: the cells of each row.
        right: the columns that stand at the right, as numbers do.
        indent: what stands before each row.
    """
    from rich.cells import cell_len  # wide characters take two columns

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padding = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [p + cell if i in right else cell + p for i, (cell, p) in enumerate(zip(row, padding, strict=True))]
        lines.append((indent + "  ".join(cells)).rstrip())
    return "\n".join(lines)
