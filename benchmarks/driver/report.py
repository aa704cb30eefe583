"""The report of a run: pyperf's files, the pictures, the table as Markdown, and one HTML page that holds it all."""

from __future__ import annotations

import base64
import html
from pathlib import Path

from driver import charts, results, table
from driver.store import FAILED, Folder, write
from driver.summary import GroupMean, Row, Summary, summarise

STYLE = """
:root { color-scheme: light; font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; }
body { max-width: 74rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .87rem; }
th { position: sticky; top: 0; background: #f4f5f7; text-align: right; padding: .4rem .5rem; }
td { padding: .16rem .5rem; text-align: right; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2), td.text { text-align: left; }
tr.first td { border-top: 1px solid #ddd; } tr.group th { position: static; text-align: left; background: #e9ecf1; }
tr.failed td { background: #fde3e1; color: #a30d00; white-space: normal; }
tr.skipped td { color: #777; white-space: normal; }
td.faster { color: #00693e; font-weight: 600; } td.slower { color: #a30d00; font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0; font-size: .8rem; }
img { max-width: 100%; } .foot { color: #555; font-size: .85rem; }
"""


def _cell(text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<td{attribute}>{html.escape(text)}</td>"


def _row(row: Row, first: bool) -> str:
    """A line of the table; a failed one opens to its whole error."""
    item = table.line(row)
    name = row.benchmark if first else ""
    kinds = " ".join(kind for kind, on in (("first", first), ("failed", item.failed), ("skipped", item.skipped)) if on)
    start = f'<tr class="{kinds}">{_cell(name)}{_cell(row.interpreter)}'
    if row.problem is not None:
        text = html.escape(item.cells[2])
        if row.problem.status == FAILED:
            text = f"<details><summary>{text}</summary><pre>{html.escape(row.problem.text)}</pre></details>"
        return f'{start}<td class="text" colspan="{len(table.HEAD) - 2}">{text}</td></tr>'
    kind = ""
    if row.ratio and row.ratio.excludes(1):
        kind = "faster" if row.ratio.value > 1 else "slower"
    cells = [_cell(text, kind if number == 8 else "") for number, text in enumerate(item.cells) if number >= 2]
    return f"{start}{''.join(cells)}</tr>"


def _table(summary: Summary) -> str:
    parts = ["<table><thead><tr>", *(f"<th>{html.escape(head)}</th>" for head in table.HEAD), "</tr></thead><tbody>"]
    group = benchmark = None
    for row in summary.rows:
        if row.group != group:
            group = row.group
            parts.append(f'<tr class="group"><th colspan="{len(table.HEAD)}">{html.escape(group)}</th></tr>')
        parts.append(_row(row, row.benchmark != benchmark))
        benchmark = row.benchmark
    return "".join([*parts, "</tbody></table>"])


def _mean_row(mean: GroupMean) -> str:
    cells = (mean.group, mean.interpreter, table.ratio(mean.ratio), table.bounds(mean.ratio), str(mean.count))
    return f"<tr>{''.join(_cell(text) for text in cells)}</tr>"


def _means(summary: Summary) -> str:
    head = "".join(f"<th>{text}</th>" for text in ("group", "interpreter", "speed", "95 % interval", "benchmarks"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_mean_row, summary.means))}</tbody></table>"


def _picture(heading: str, path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    title = html.escape(heading)
    return f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{data}">'


def page(summary: Summary, pictures: list[tuple[str, Path]]) -> str:
    """The HTML page; it refers to nothing outside itself."""
    run = summary.results.run
    state = "" if run.finished else "<p><b>Not finished:</b> what was measured so far.</p>"
    about = (
        "<p>Latency of a call or request after warm-up. Speed is stock's mean latency divided by the interpreter's: "
        "above 1 is faster. Warm-up is the time until a window of 1 % of the run is within 5 % of the final latency, "
        "n/a where that cannot be told from noise.</p>"
    )
    body = [
        f"<h1>Pyston's benchmarks</h1><p>{html.escape(run.level)} run of {html.escape(run.started)}</p>{state}{about}",
        f"<h2>Geometric means</h2>{_means(summary)}" if summary.means else "",
        *(_picture(*picture) for picture in pictures[:1]),
        f"<h2>Table</h2>{_table(summary)}",
        *(f'<p class="foot">{html.escape(text)}</p>' for text in table.foot(summary)),
        *(_picture(*picture) for picture in pictures[1:]),
    ]
    head = f'<meta charset="utf-8"><title>Pyston\'s benchmarks</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def make(folder: Folder) -> Summary:
    """Writes everything into the run's folder from its cells; returns the summary."""
    results.write_suites(folder, folder.load())
    summary = summarise(results.load(folder))
    pictures = list(charts.save_all(summary, folder.path))
    write(folder.path / "table.md", table.markdown(summary))
    write(folder.path / "report.html", page(summary, pictures))
    return summary
