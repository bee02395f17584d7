"""The report as Markdown: the ratios, what changed, what was skipped, and (detail) every median."""


def short(value):
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rows_of(report):
    """(section, work, form) of weft, in order."""
    rows = []
    for row in report["results"]:
        entry = (row["section"], row["work"], row["form"])
        if row["contender"] == "weft" and entry not in rows:
            rows.append(entry)
    return rows


def best(report, work, contender, threads, form=""):
    """The measurement with the lower median of the two compilers'. Peers with one number of threads stand beside any."""
    found = [row for row in report["results"]
             if row["work"] == work and row["contender"] == contender and (contender != "weft" or row["form"] == form)]
    exact = [row for row in found if row["threads"] == threads]
    only = {row["threads"] for row in found}
    if not exact and len(only) == 1 and contender != "weft":
        exact = found
    return min(exact, key=lambda row: row["median"], default=None)


def contenders(report, section=None):
    names = []
    for row in report["results"]:
        if row["contender"] not in names and row["contender"] != "weft" and section in (None, row["section"]):
            names.append(row["contender"])
    return names


def threads_of(report, work, form):
    return max(row["threads"] for row in report["results"] if row["work"] == work and row["contender"] == "weft" and row["form"] == form)


def ratio_rows(report, section):
    """For each work: name, weft's best measurement, its speed-up over one worker, and a ratio for each peer."""
    peers = contenders(report, section)
    for row_section, work, form in rows_of(report):
        if row_section != section:
            continue
        threads = threads_of(report, work, form)
        mine = best(report, work, "weft", threads, form)
        single = best(report, work, "weft", 1, form)
        speedup = single["median"] / mine["median"] if single and threads > 1 and mine["median"] else None
        ratios = []
        for peer in peers:
            other = best(report, work, peer, threads)
            ratios.append(other["median"] / mine["median"] if other and mine["median"] > 0 else None)
        yield work + (f", {form}" if form else ""), mine, speedup, ratios


def times(value):
    return "" if value is None else f"{value:.2f}x" if value < 10 else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


SECTIONS = (("programs", "Programs"), ("micro", "Micro-benchmarks"), ("latency", "Latency"), ("memory", "Memory"))


def page(report, detail=True):
    out = ["# weft: benchmarks", ""]
    out.append(f"Measured {report['when']}, {report['works']} works, {report['minutes']} minutes, sizes: {report['size']}, up to {report['rounds']} interleaved rounds.")
    out.append("")
    for label, text in report["machine"].items():
        out.append(f"- {label}: {text}")
    for name, lines in report["programs"].items():
        out.append(f"- {name}: " + "; ".join(f"{label} {text}" for label, text in lines.items() if label not in ("machine", "system")))
    out.append("")
    out.append("A ratio is the peer's median divided by weft's, with as many threads, each with the better of its compilers: above 1, weft is faster.")
    out.append("")
    if "against" in report:
        out += changes(report["against"])
    for section, title in SECTIONS:
        rows = list(ratio_rows(report, section))
        if not rows:
            continue
        peers = contenders(report, section)
        out.append(f"## {title}")
        out.append("")
        out.append("| work | weft | threads | compiler | 1 -> n | " + " | ".join(peers) + " |")
        out.append("|---|---|---|---|---|" + "---|" * len(peers))
        for name, mine, speedup, ratios in rows:
            spread = 50 * (mine["high"] - mine["low"]) / mine["median"] if mine["median"] else 0
            out.append(f"| {name} | {short(mine['median'])} {mine['unit']} ~{spread:.0f}% | {mine['threads']} | {mine['program']} | {times(speedup)} | "
                       + " | ".join(times(ratio) for ratio in ratios) + " |")
        out.append("")
    if report["skipped"]:
        out.append("## Skipped")
        out.append("")
        out += [f"- {entry['who'] + ': ' if entry['who'] else ''}{entry['why']}" for entry in report["skipped"]]
        out.append("")
    if detail:
        out.append("## Every measurement")
        out.append("")
        out.append("| work | form | contender | program | threads | median | quartiles | unit | rounds |")
        out.append("|---|---|---|---|---|---|---|---|---|")
        for row in report["results"]:
            out.append(f"| {row['work']} | {row['form']} | {row['contender']} | {row['program']} | {row['threads']} | {short(row['median'])} | "
                       f"{short(row['low'])} to {short(row['high'])} | {row['unit']} | {row['rounds']} |")
        out.append("")
    return "\n".join(out)


def changes(against):
    out = [f"## Against {against['path']} ({against['when']})", ""]
    out += [f"Warning: {warning}." for warning in against["warnings"]]
    slower = [change for change in against["changes"] if change["slower"]]
    out.append(f"{against['compared']} of weft's measurements compared: {len(slower)} slower beyond noise, {len(against['changes']) - len(slower)} faster.")
    out.append("")
    if against["changes"]:
        out.append("| | work | compiler | threads | before | now | change |")
        out.append("|---|---|---|---|---|---|---|")
        for change in against["changes"]:
            name = change["work"] + (f", {change['form']}" if change["form"] else "")
            out.append(f"| {'**SLOWER**' if change['slower'] else 'faster'} | {name} | {change['program']} | {change['threads']} | "
                       f"{short(change['before'])} | {short(change['now'])} | {change['ratio']:.2f}x |")
        out.append("")
    return out
