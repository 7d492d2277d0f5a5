"""Plots of what is measured."""

from matplotlib.figure import Figure

from benchmarks.tables import Table


def plot_roofline(table: Table) -> Figure:
    """Draw what each backend makes of the machine, against the peak of the same run."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for backend in dict.fromkeys(str(row["backend"]) for row in table.rows):
        rows = [row for row in table.rows if row["backend"] == backend]
        shares = [float(str(row["of the float32 peak"]).rstrip("%")) for row in rows]
        axes.plot([int(row["clips in a call"]) for row in rows], shares, marker="o", label=backend)
    axes.axhline(100, linestyle=":", color="black", label="product of two float32 matrices")
    axes.set_xticks(sorted({int(row["clips in a call"]) for row in table.rows}))
    axes.set_xlabel("clips in a call")
    axes.set_ylabel("% of the float32 peak")
    axes.set_ylim(0, 1.1 * axes.dataLim.ymax)
    axes.legend()
    return figure


def plot_knee(table: Table) -> Figure:
    """Draw throughput and latencies against the number of clients."""
    rows = [row for row in table.rows if str(row["clients"]).isdigit()]
    clients = [int(row["clients"]) for row in rows]
    figure = Figure(figsize=(7, 5), layout="constrained")
    rate, wait = figure.subplots(2, 1, sharex=True)
    rate.plot(clients, [row["clips/s"] for row in rows], marker="o", label="clips/s")
    rate.axhline(float(table.rows[0]["clips/s"]), linestyle=":", label="loop in one process")
    for name in ("p50", "p95", "p99"):
        wait.plot(clients, [row[f"{name}, ms"] for row in rows], marker="o", label=name)
    wait.set_ylabel("ms")
    wait.set_xlabel("clients")
    for axes in (rate, wait):
        axes.set_ylim(0, 1.1 * axes.dataLim.ymax)
        axes.legend()
    return figure


PLOTS = {"roofline": plot_roofline, "serving": plot_knee}
"""By the name of the table that a plot shows."""
