#!/usr/bin/env python3
"""Draws the table of results/figure4.md as bars: normalized throughput by setting (medians). Writes results/figure4.svg."""
import pathlib
import re

HERE = pathlib.Path(__file__).parent
SERIES = [("brute force (paper)", "#b0b0b0"), ("tree, best (paper)", "#6f8fb8"), ("this scheduler", "#d9822b")]
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 360, 60, 50, 70


def rows():
    for line in (HERE / "results/figure4.md").read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) >= 4 and re.match(r"^\d", cells[0]):
            figures = [re.sub(r"[^0-9.]", "", c) for c in cells[1:4]]
            yield cells[0], [float(f) if f else None for f in figures]  # the paper may tell none


def main():
    data = list(rows())
    plot = HEIGHT - TOP - BOTTOM
    y = lambda value: TOP + plot * (1 - value / 1.1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="14">Normalized throughput: tasks finished a second, of slots / mean duration</text>']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    group = (WIDTH - LEFT - 20) / len(data)
    bar = group / (len(SERIES) + 1)
    for g, (name, values) in enumerate(data):
        for i, value in enumerate(values):
            if value is None:
                continue
            x = LEFT + g * group + (i + 0.5) * bar
            out.append(f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{bar * 0.9:.1f}" height="{y(0) - y(value):.1f}" fill="{SERIES[i][1]}"/>')
            out.append(f'<text x="{x + bar * 0.45:.1f}" y="{y(value) - 4:.1f}" text-anchor="middle">{value:g}</text>')
        for i, line in enumerate(name.split(", ", 1)):
            out.append(f'<text x="{LEFT + (g + 0.5) * group:.1f}" y="{HEIGHT - BOTTOM + 18 + 15 * i}" text-anchor="middle">{line}</text>')
    for i, (name, colour) in enumerate(SERIES):
        x = LEFT + i * 200
        out.append(f'<rect x="{x}" y="{HEIGHT - 24}" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{x + 18}" y="{HEIGHT - 14}">{name}</text>')
    out.append("</svg>")
    (HERE / "results/figure4.svg").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
