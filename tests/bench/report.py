"""Turns results.csv into tables and targets: report.py [FOLDER]"""
import csv
import pathlib
import platform
import statistics
import subprocess
import sys

LEAST, MOST = "at least", "at most"


def medians(rows, question, measure):
    """By contestant, in the order in which they came."""
    values = {}
    for asked, contestant, _, what, value in rows:
        if asked == question and what == measure:
            values.setdefault(contestant, []).append(float(value))
    return {name: statistics.median(all_) for name, all_ in values.items()}


def spread(rows, question, measure, contestant):
    """From the least to the most, in percent of the median."""
    values = [float(row[4]) for row in rows if (row[0], row[1], row[3]) == (question, contestant, measure)]
    return (max(values) - min(values)) / statistics.median(values) * 100


def targets(rows):
    """What is promised: text, value, at least or at most, limit. A line without figures is left out."""
    def rate(question, name="users-fcgi"):
        return medians(rows, question, "rate").get(name)

    def cpu(question, name="users-fcgi"):
        return medians(rows, question, "cpu_us").get(name)

    def memory(contestant, state="idle"):
        return medians(rows, "memory", f"pss_{state}")[contestant] / 1024

    hello = rate("1001", "hello")
    lines = [(f"{question} / hello world", rate(question) / hello, LEAST, least) for question, least in
             (("1001", 0.9), ("auth", 0.55), ("1002", 0.5))]
    lines += [(f"{question} / {name}", rate(question) / rate(question, name), LEAST, least) for question, name, least in
              (("1002", "php", 1.7), ("regist, cheap hash", "php", 1.2), ("regist", "bare argon2", 1.35),
               ("login", "bare argon2", 1.35), ("regist", "php", 2.2), ("login", "php", 2.2), ("auth", "better-auth", 15),
               ("login", "better-auth", 1.3))]
    beside = rate("regist beside 1,000 auth/s")
    lines.append(("regist beside 1,000 auth/s / bare argon2", beside / rate("regist", "bare argon2"), LEAST, 1.35))
    lines += [(f"{question}: CPU of the workers / php", cpu(question) / cpu(question, "php"), MOST, most) for question, most
              in (("1002", 0.5), ("auth", 0.4), ("regist, cheap hash", 0.75))]
    lines += [(f"memory of a process after the load, {pool} pool / better-auth", memory(f"users-fcgi {pool}", "busy") / memory("better-auth", "busy"), MOST,
               1 / 20) for pool in ("hash", "fast")]
    rules = medians(rows, "protected location", "rate")
    lines.append(("protected location, signed / unsigned", rules["signed"] / rules["any session"], LEAST, 0.85))
    sizes = medians(rows, "rows", "rate")
    first, last = list(sizes)[0], list(sizes)[-1]
    lines.append((f"registrations/s at {int(last):,} users / at {int(first):,}", sizes[last] / sizes[first], LEAST, 0.8))
    groups = medians(rows, "groups", "rate")
    lines.append(("auth with 10,000 groups of 100 accounts / with none", groups["10,000 groups"] / groups["none"], LEAST, 0.95))
    lines.append(("users-ctl group list with 10,000 groups, ms", max(medians(rows, "groups, users-ctl", "ms").values()), MOST, 1000))
    quiet, storm = (medians(rows, f"auth, {weather}", "p99") for weather in ("quiet", "storm"))
    lines.append(("auth p99 in a storm / quiet", storm["users-fcgi"] / quiet["users-fcgi"], MOST, 5))
    lines.append(("auth p99 in a storm, one shared pool / split", storm["one shared pool"] / storm["users-fcgi"], LEAST, 10))
    lines.append(("a worker's first answer after exec, ms", medians(rows, "start", "ms")["users-fcgi"], MOST, 50))
    for pool, state, most in (("hash", "idle", 8), ("hash", "hashing", 28), ("fast", "idle", 6), ("fast", "busy", 6)):
        lines.append((f"PSS of a worker of the {pool} pool, {state}, MiB", memory(f"users-fcgi {pool}", state), MOST, most))
    half = {percentile: medians(rows, "half load", percentile)["users-fcgi"] for percentile in ("p50", "p99")}
    lines.append(("1002 at half load, p99 / p50", half["p99"] / half["p50"], MOST, 3))
    return lines


def table(head, lines):
    return "\n".join(["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(line) + " |" for line in lines)])


def question_table(rows, question):
    rates, cpu = medians(rows, question, "rate"), medians(rows, question, "cpu_us")
    p50, p99 = medians(rows, question, "p50"), medians(rows, question, "p99")
    ours = rates["users-fcgi"]
    return table(("", "requests/s", "± %", "users-fcgi is", "p50 ms", "p99 ms", "CPU µs"), [
        (name, f"{value:,.0f}", f"{spread(rows, question, 'rate', name) / 2:.0f}", f"{ours / value:.2f}",
         *((f"{times[name] / 1000:.2f}" if name in times else "") for times in (p50, p99)),
         f"{cpu[name]:.0f}" if name in cpu else "") for name, value in rates.items()])


def picture(rows, questions):
    """Requests a second of each contestant as bars, for each question; SVG that is readable on any background."""
    line, left, right = 18, 150, 560
    parts, top = [], 0
    for question in questions:
        rates = {name: value for name, value in medians(rows, question, "rate").items() if name != "bare statements"}
        top += line * 1.5
        parts.append(f'<text x="4" y="{top}" font-weight="bold">{question}, requests/s</text>')
        for name, value in rates.items():
            top += line
            width = (right - left) * value / max(rates.values())
            colour = "#2a7" if name == "users-fcgi" else "#888"
            parts.append(f'<text x="{left - 6}" y="{top}" text-anchor="end">{name}</text>'
                         f'<rect x="{left}" y="{top - 11}" width="{width:.1f}" height="13" fill="{colour}"/>'
                         f'<text x="{left + width + 6:.1f}" y="{top}">{value:,.0f}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right + 80} {top + line:.0f}" font-family="sans-serif" '
            f'font-size="13"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n')


def storms(rows):
    for weather in ("quiet", "storm", "full queue"):
        times = [medians(rows, f"auth, {weather}", percentile) for percentile in ("p50", "p99", "p999")]
        others = [medians(rows, f"registrations, {weather}", what) for what in ("rate", "refused")]
        for name in times[0]:
            yield (f"{name}, {weather}", *(f"{time[name] / 1000:.2f}" for time in times),
                   *(f"{rate.get(name, 0):,.0f}" for rate in others))


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    names = ("nginx", "mariadb-server-core", "php8.2-fpm", "nodejs", "python3-tornado", "python3-sqlalchemy")
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *names], capture_output=True, text=True)
    return f"{len(models)} × {models[0] if models else 'unknown'}, Linux {platform.release()}; {done.stdout.rstrip(', ')}"


def write(folder, seconds, quick):
    with open(folder / "results.csv", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    questions = [question for question in dict.fromkeys(row[0] for row in rows) if medians(rows, question, "cpu_us")]
    parts = [f"Run on {machine()}. {seconds // 60:.0f} min {seconds % 60:.0f} s{', quick: too short to be quoted' if quick else ''}.", "## Targets",
             table(("", "measured", "target", ""), [
                 (text, f"{value:.2f}", f"{kind} {limit:g}", "met" if (value >= limit if kind == LEAST else value <= limit) else "**missed**")
                 for text, value, kind, limit in targets(rows)])]
    (folder / "rates.svg").write_text(picture(rows, questions), encoding="utf-8")
    parts += ["## Rates", "![requests a second of each contestant](rates.svg)"]
    for question in questions:
        parts += [f"## {question}", question_table(rows, question)]
    parts += ["## auth at 200 requests/s, quiet and beside registrations",
              "In the storm, 32 clients register; for the full queue, 256 do, and come back at once when they are refused.",
              table(("", "p50 ms", "p99 ms", "p99.9 ms", "registrations/s", "refused/s"), storms(rows)),
              "## A protected location by its rule",
              table(("", "requests/s", "p50 ms", "p99 ms"), [
                  (name, f"{rate:,.0f}", *(f"{medians(rows, 'protected location', part)[name] / 1000:.2f}" for part in ("p50", "p99")))
                  for name, rate in medians(rows, "protected location", "rate").items()]),
              "## Registrations as the table grows",
              table(("users", "registrations/s", "p99 ms"), [
                  (f"{int(size):,}", f"{value:,.0f}", f"{medians(rows, 'rows', 'p99')[size] / 1000:.1f}") for size, value in
                  medians(rows, "rows", "rate").items()]),
              "## By number of workers in a pool",
              table(("workers", "1002/s", "auth/s"), [
                  (count, f"{value:,.0f}", f"{medians(rows, 'workers, auth', 'rate')[count]:,.0f}") for count, value in
                  medians(rows, "workers, 1002", "rate").items()]),
              "## Memory of a worker, KiB, and time to the first answer"]
    sizes = {what: medians(rows, "memory", what) for what in ("pss_idle", "private_idle", "pss_busy", "pss_hashing")}
    start = medians(rows, "start", "ms")
    parts.append(table(("", "PSS idle", "private idle", "PSS busy", "PSS hashing", "first answer ms"), [
        (name, *(f"{size[name]:,.0f}" if name in size else "" for size in sizes.values()), f"{start[name]:.0f}" if name in start else "")
        for name in sizes["pss_idle"]]))
    (folder / "report.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench"), 0, False)
