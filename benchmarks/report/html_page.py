"""The report as one HTML page that needs nothing else: tables, and plots as inline SVG."""

import html
import math

from markdown import SECTIONS, best, changes, contenders, ratio_rows, rows_of, short, threads_of, times

PALETTE = ["#0b6e4f", "#c8553d", "#3d5a80", "#b5892b", "#7b4b94", "#5d737e", "#2a9d8f", "#a23b72", "#6c757d", "#8d6a3f", "#1d3557", "#e07a5f"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; background: #fff; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd; padding-bottom: .3rem; }
table { border-collapse: collapse; font-size: 13px; margin: 1rem 0; } th, td { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid #eee; }
th:first-child, td:first-child { text-align: left; } th { position: sticky; top: 0; background: #fff; }
.wide { overflow-x: auto; } .worse { color: #b3261e; font-weight: 600; } .better { color: #0b6e4f; }
svg text { font: 11px system-ui, sans-serif; fill: #333; } .plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; } figcaption { font-weight: 600; font-size: 13px; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
dd { margin: 0; } dt { color: #666; }
"""


def escape(text):
    return html.escape(str(text))


class Colours:
    def __init__(self, names):
        ordered = ["weft", *(name for name in names if name != "weft")]
        self.of = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(ordered)}


def log_ticks(low, high):
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**e for e in range(first, max(last, first + 1) + 1)]


def bars(title, entries, unit, colours):
    """Horizontal bars on a logarithmic scale; entries: (label, contender, value)."""
    entries = [entry for entry in entries if entry[2] > 0]
    if not entries:
        return ""
    ticks = log_ticks(min(e[2] for e in entries), max(e[2] for e in entries))
    low, high = math.log10(ticks[0]) - 0.15, math.log10(ticks[-1])
    left, width, step = 150, 300, 17

    def x(value):
        return left + width * (math.log10(value) - low) / (high - low)

    height = step * len(entries) + 24
    out = [f'<svg role="img" width="{left + width + 70}" height="{height}" aria-label="{escape(title)}">']
    for tick in ticks:
        out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="0" y2="{height - 20}" stroke="#e4e4e4"/>'
                   f'<text x="{x(tick):.1f}" y="{height - 6}" text-anchor="middle">{short(tick)}</text>')
    for i, (label, contender, value) in enumerate(entries):
        y = i * step
        out.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{escape(label)}</text>'
                   f'<rect x="{left}" y="{y + 2}" width="{max(1, x(value) - left):.1f}" height="{step - 5}" fill="{colours.of.get(contender, "#888")}"/>'
                   f'<text x="{x(value) + 4:.1f}" y="{y + 12}">{short(value)}</text>')
    out.append("</svg>")
    return f"<figure><figcaption>{escape(title)} ({escape(unit)}, logarithmic)</figcaption>{''.join(out)}</figure>"


def lines(title, series, x_labels, y_name, colours, logarithmic=False):
    """series: (label, colour key, dashed, values or None for each x)."""
    values = [v for s in series for v in s[3] if v is not None and (v > 0 or not logarithmic)]
    if not values:
        return ""
    left, top, width, height, legend = 56, 10, 300, 190, 210
    if logarithmic:
        ticks = log_ticks(min(values), max(values))
        low, high = math.log10(ticks[0]), math.log10(ticks[-1])
    else:
        high, low = max(values) * 1.05, 0
        count = min(6, max(2, math.ceil(high)))
        ticks = [round(high * i / count, 2) for i in range(count + 1)]

    def x(i):
        return left + width * (i / max(1, len(x_labels) - 1))

    def y(value):
        scaled = math.log10(value) if logarithmic else value
        return top + height * (1 - (scaled - low) / (high - low))

    total = max(height + 50, 18 * len(series) + 20)
    out = [f'<svg role="img" width="{left + width + legend}" height="{total}" aria-label="{escape(title)}">']
    for tick in ticks:
        out.append(f'<line x1="{left}" x2="{left + width}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e4e4e4"/>'
                   f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    for i, label in enumerate(x_labels):
        out.append(f'<text x="{x(i):.1f}" y="{top + height + 18}" text-anchor="middle">{escape(label)}</text>')
    for number, (label, key, dashed, points) in enumerate(series):
        shown = [(x(i), y(v)) for i, v in enumerate(points) if v is not None and (v > 0 or not logarithmic)]
        colour = colours.of.get(key, "#888")
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in shown)}"/>')
        out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in shown]
        out.append(f'<line x1="{left + width + 14}" x2="{left + width + 34}" y1="{14 + 18 * number}" y2="{14 + 18 * number}" stroke="{colour}" stroke-width="2"{dash}/>'
                   f'<text x="{left + width + 40}" y="{18 + 18 * number}">{escape(label)}</text>')
    out.append("</svg>")
    return f"<figure><figcaption>{escape(title)} ({escape(y_name)})</figcaption>{''.join(out)}</figure>"


def throughput(report, section, colours):
    works = []
    for row_section, work, _ in rows_of(report):
        if row_section == section and work not in works:
            works.append(work)
    figures = []
    for work in works:
        entries = []
        for row_section, other, form in rows_of(report):
            if other != work or row_section != section:
                continue
            threads = threads_of(report, work, form)
            mine = best(report, work, "weft", threads, form)
            entries.append(("weft" + (f", {form}" if form else ""), "weft", mine["median"]))
        threads = max(threads_of(report, work, form) for s, w, form in rows_of(report) if w == work)
        for peer in contenders(report, section):
            other = best(report, work, peer, threads)
            if other:
                entries.append((f"{peer} {other['threads']}t", peer, other["median"]))
        unit = next(row["unit"] for row in report["results"] if row["work"] == work)
        figures.append(bars(f"{work}, {threads} threads", entries, f"{unit} per task" if section != "memory" else unit, colours))
    return figures


def scaling(report, colours):
    if len(report["threads"]) < 2:
        return []
    figures = []
    for section, work, form in rows_of(report):
        if section != "programs" or form:
            continue
        series = []
        for name in ["weft", *contenders(report, "programs")]:
            medians = [best(report, work, name, n) for n in report["threads"]]
            if any(m is None or m["threads"] != n for m, n in zip(medians, report["threads"])):
                continue
            series.append((name, name, False, [medians[0]["median"] / m["median"] for m in medians]))
        series.append(("ideal", "", True, list(report["threads"])))
        figures.append(lines(work, series, report["threads"], "speed-up over one thread, by threads", colours))
    return figures


def latencies(report, colours):
    figures = []
    works = dict.fromkeys(row["work"] for row in report["results"] if row["section"] == "latency")
    for work in works:
        series = []
        for row in report["results"]:
            if row["work"] == work and "percentiles" in row:
                series.append((f"{row['contender']} {row['threads']}t {row['program']}", row["contender"], row["program"] == "clang", list(row["percentiles"].values())))
        figures.append(lines(work, series, ["50 %", "90 %", "99 %", "99.9 %", "worst"], "ns, logarithmic", colours, logarithmic=True))
    return figures


def ratio_table(report, section):
    peers = contenders(report, section)
    out = ['<div class="wide"><table><tr><th>work</th><th>weft</th><th>threads</th><th>compiler</th><th>1 &rarr; n</th>']
    out += [f"<th>{escape(peer)}</th>" for peer in peers]
    out.append("</tr>")
    for name, mine, speedup, ratios in ratio_rows(report, section):
        spread = 50 * (mine["high"] - mine["low"]) / mine["median"] if mine["median"] else 0
        out.append(f"<tr><td>{escape(name)}</td><td>{short(mine['median'])} {escape(mine['unit'])} ~{spread:.0f}%</td><td>{mine['threads']}</td>"
                   f"<td>{escape(mine['program'])}</td><td>{times(speedup)}</td>")
        for ratio in ratios:
            kind = "" if ratio is None else ' class="better"' if ratio >= 1.03 else ' class="worse"' if ratio < 0.97 else ""
            out.append(f"<td{kind}>{times(ratio)}</td>")
        out.append("</tr>")
    out.append("</table></div>")
    return "".join(out)


def changed(against):
    """The lines of the Markdown, the table as a table."""
    out = []
    for line in changes(against):
        if line.startswith("## "):
            out.append(f"<h2>{escape(line[3:])}</h2>")
        elif line.startswith("|") and not line.startswith("|---"):
            cells = [cell.strip().replace("**", "") for cell in line.strip("|").split("|")]
            out.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
        elif line and not line.startswith("|"):
            out.append(f"<p>{escape(line)}</p>")
    text = "".join(out)
    first = text.find("<tr>")
    return text if first < 0 else text[:first] + "<table>" + text[first:] + "</table>"


def page(report):
    colours = Colours(contenders(report))
    out = ['<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
           f"<title>weft: benchmarks</title><style>{STYLE}</style></head><body><h1>weft: benchmarks</h1>"]
    out.append(f"<p>Measured {escape(report['when'])}, {report['works']} works, {report['minutes']} minutes, sizes: {escape(report['size'])}, up to {report['rounds']} interleaved rounds. "
               "A ratio is the peer's median divided by weft's, with as many threads, each with the better of its compilers: above 1, weft is faster.</p><dl>")
    for label, text in report["machine"].items():
        out.append(f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>")
    for name, described in report["programs"].items():
        out.append(f"<dt>{escape(name)}</dt><dd>" + "; ".join(f"{escape(k)} {escape(v)}" for k, v in described.items() if k not in ("machine", "system")) + "</dd>")
    out.append("</dl>")
    if "against" in report:
        out.append(changed(report["against"]))
    for section, title in SECTIONS:
        if not any(entry[0] == section for entry in rows_of(report)):
            continue
        out.append(f"<h2>{title}</h2>{ratio_table(report, section)}")
        if section == "latency":
            out.append('<div class="plots">' + "".join(latencies(report, colours)) + "</div>")
        else:
            out.append('<div class="plots">' + "".join(throughput(report, section, colours)) + "</div>")
        if section == "programs" and (figures := scaling(report, colours)):
            out.append('<h3>Scaling over workers</h3><div class="plots">' + "".join(figures) + "</div>")
    if report["skipped"]:
        out.append("<h2>Skipped</h2><ul>" + "".join(f"<li>{escape(entry['who'])}{': ' if entry['who'] else ''}{escape(entry['why'])}</li>" for entry in report["skipped"]) + "</ul>")
    out.append("</body></html>")
    return "".join(out)
