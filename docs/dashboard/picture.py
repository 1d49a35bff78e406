"""Draws a dashboard as SVG, much as CloudWatch shows it."""

import math
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import widgets
from widgets import Dashboard, Line, Records

COLUMN, ROW, GAP = 50, 43, 8
MARGIN, HEAD = 14, 56
WIDTH = 24 * COLUMN + 2 * MARGIN
TICK = 30 * 60
STYLE = """\
text{font:11px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#0f141a}
.page{fill:#f3f5f7;stroke:#c6cdd5}.widget{fill:#fff;stroke:#d5dbe1}
.name{font-size:18px;font-weight:700}.title{font-size:13px;font-weight:700}.quiet{fill:#5f6b7a}
.cell{font-size:10px}.head{font-size:9px;font-weight:700;fill:#424650}
.grid{stroke:#e9ebed}.axis{stroke:#8c8c94}.line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.limit{stroke:#d62728;stroke-width:1.2}"""


def draw(dashboard: Dashboard, records: Records) -> str:
    bottom = max(widget["y"] + widget["height"] for widget in dashboard.widgets)
    height = HEAD + bottom * ROW + MARGIN - GAP // 2
    begin, end = (datetime.fromtimestamp(time, UTC) for time in (records.start, records.end))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>The dashboard {escape(dashboard.name)}, after a made-up afternoon on an embedded AWS Batch</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        text(MARGIN + 6, 35, dashboard.name, "name"),
        text(WIDTH - MARGIN - 6, 35, f"{begin:%Y-%m-%d  %H:%M} – {end:%H:%M} UTC", "quiet", "end"),
    ]
    for widget in dashboard.widgets:
        box = Box(
            MARGIN + widget["x"] * COLUMN + GAP / 2, HEAD + widget["y"] * ROW,
            widget["width"] * COLUMN - GAP, widget["height"] * ROW - GAP)
        properties = widget["properties"]
        parts.append(f'<rect class="widget" x="{num(box.x)}" y="{num(box.y)}" width="{num(box.width)}" '
                     f'height="{num(box.height)}" rx="6"/>')
        parts.append(text(box.x + 12, box.y + 21, properties["title"], "title"))
        if widget["type"] == "metric":
            parts += chart(box, properties, records)
        elif widget["type"] == "log" and properties["view"] == "table":
            parts += table(box, properties, records)
        else:
            raise ValueError(f"A widget that this cannot draw: {properties['title']}")
    return "\n".join([*parts, "</svg>\n"])


class Box:
    def __init__(self, x: float, y: float, width: float, height: float):
        self.x, self.y, self.width, self.height = x, y, width, height
        self.right, self.bottom = x + width, y + height


class Axis:
    """From values to heights in the plot."""

    def __init__(self, plot: Box, most: float):
        self._plot = plot
        # Counts have no halves.
        step = max(nice(most / 4), 1)
        self.top = max(math.ceil(most / step), 1) * step
        self.ticks = [step * number for number in range(round(self.top / step) + 1)]

    def at(self, value: float) -> float:
        return self._plot.bottom - value / self.top * self._plot.height


def chart(box: Box, properties: dict, records: Records) -> list[str]:
    if properties["view"] != "timeSeries":
        raise ValueError(f"A view that this cannot draw: {properties['view']}")
    lines = widgets.lines(properties, records)
    limits = properties.get("annotations", {}).get("horizontal", [])
    legend, legend_height = key(box, lines)
    right = [line for line in lines if line.right]
    plot = Box(box.x + 44, box.y + 44, box.width - 44 - (48 if right else 16), box.height - 44 - 22 - legend_height)
    period = properties["period"]
    times = [records.start + period * number for number in range(round((records.end - records.start) / period))]

    def x(time: float) -> float:
        return plot.x + (time - times[0]) / (times[-1] - times[0]) * plot.width

    parts = []
    for side in ([line for line in lines if not line.right], right):
        if not side:
            continue
        on_right = side is right
        stacked = properties["stacked"]
        most = max((sum(line.points.get(time, 0) for line in side) for time in times), default=0) if stacked else \
            max((value for line in side for value in line.points.values()), default=0)
        # Some room above a limit, to see that it is one.
        axis = Axis(plot, most if on_right else max([most, *(limit["value"] * 1.1 for limit in limits)]))
        for tick in axis.ticks:
            y = axis.at(tick)
            if not on_right:
                parts.append(f'<path class="{"grid" if tick else "axis"}" d="M{num(plot.x)} {num(y)}H{num(plot.right)}"/>')
            place = (plot.right + 6, "start") if on_right else (plot.x - 6, "end")
            parts.append(text(place[0], y + 4, short(tick), "quiet", place[1]))
        unit = side[0].unit
        parts.append(text(box.right - 12 if on_right else box.x + 12, plot.y - 8, unit, "quiet", "end" if on_right else "start"))
        parts += areas(side, times, x, axis) if stacked else [stroke(line, times, x, axis, period) for line in side]
        for limit in limits if not on_right else []:
            y = axis.at(limit["value"])
            parts.append(f'<path class="limit" d="M{num(plot.x)} {num(y)}H{num(plot.right)}"/>')
            parts.append(text(plot.right, y + 13, limit["label"], "quiet", "end"))
    time = times[0]
    while time <= times[-1]:
        parts.append(f'<path class="axis" d="M{num(x(time))} {num(plot.bottom)}v4"/>')
        parts.append(text(x(time), plot.bottom + 16, f"{datetime.fromtimestamp(time, UTC):%H:%M}", "quiet", "middle"))
        time += TICK
    return parts + legend


def key(box: Box, lines: list[Line]) -> tuple[list[str], float]:
    """The legend at the foot of a widget, in as many rows as it takes, and their height."""
    rows: list[list[tuple[float, Line]]] = [[]]
    x = box.x + 12
    for line in lines:
        width = 16 + 6.2 * len(line.label) + 14
        if rows[-1] and x + width > box.right:
            rows.append([])
            x = box.x + 12
        rows[-1].append((x, line))
        x += width
    parts = []
    for number, row in enumerate(rows):
        y = box.bottom - 10 - 16 * (len(rows) - 1 - number)
        for x, line in row:
            parts.append(f'<rect x="{num(x)}" y="{num(y - 9)}" width="10" height="10" rx="2" fill="{line.color}"/>')
            parts.append(text(x + 15, y, line.label))
    return parts, 16 * len(rows) + 8


def areas(lines: list[Line], times: list[float], x, axis: Axis) -> list[str]:
    """Areas upon each other; what has no value is nothing."""
    parts = []
    floor = [0.0] * len(times)
    for line in lines:
        top = [low + line.points.get(time, 0) for low, time in zip(floor, times)]
        if any(line.points.values()):
            upper = [f"{num(x(time))} {num(axis.at(value))}" for time, value in zip(times, top)]
            lower = [f"{num(x(time))} {num(axis.at(value))}" for time, value in zip(times, floor)]
            parts.append(f'<path fill="{line.color}" d="M{"L".join(upper)}L{"L".join(reversed(lower))}Z"/>')
        floor = top
    return parts


def stroke(line: Line, times: list[float], x, axis: Axis, period: float) -> str:
    """A line that breaks where there is no value; one value by itself is a dot."""
    runs: list[list[float]] = []
    for time in times:
        if time in line.points:
            if runs and time - runs[-1][-1] <= period:
                runs[-1].append(time)
            else:
                runs.append([time])
    place = lambda time: f"{num(x(time))} {num(axis.at(line.points[time]))}"  # noqa: E731
    path = "".join("M" + "L".join(place(time) for time in run) for run in runs if len(run) > 1)
    dots = "".join(f'<circle cx="{place(run[0]).replace(" ", chr(34) + " cy=" + chr(34))}" r="2" fill="{line.color}"/>'
                   for run in runs if len(run) == 1)
    return (f'<path class="line" stroke="{line.color}" d="{path}"/>' if path else "") + dots


# How wide the columns of the table are, in parts of its width; others share what is left.
SHARES = {"@timestamp": 0.19, "outcome": 0.155, "jobId": 0.145, "requestedBy.senderId": 0.18, "requestedBy.id": 0.145}


def table(box: Box, properties: dict, records: Records) -> list[str]:
    """As many rows as there is room for, as CloudWatch shows them before one scrolls."""
    columns, rows = widgets.table(properties, records)
    width = box.width - 24
    others = [column for column in columns if column not in SHARES]
    left = 1 - sum(SHARES.get(column, 0) for column in columns)
    widths = [width * SHARES.get(column, left / max(len(others), 1)) for column in columns]
    y = box.y + 40
    parts = []
    for number, row in enumerate([columns, *rows]):
        if y > box.bottom - 8:
            break
        x = box.x + 12
        for column, cell, room in zip(columns, row, widths):
            shown = column.replace("requestedBy.", "") if number == 0 else cut(column, cell)
            parts.append(text(x, y, ellipsis(shown, room - 6), "cell" if number else "head"))
            x += room
        parts.append(f'<path class="grid" d="M{num(box.x + 12)} {num(y + 5)}h{num(width)}"/>')
        y += 15.5
    return parts


def cut(column: str, cell: str) -> str:
    """Times without their dates, ids by their beginnings, and of a role's id only its session."""
    if column == "@timestamp":
        return cell[11:19]
    if column == "requestedBy.senderId":
        return f"…:{cell.partition(':')[2]}" if ":" in cell else f"{cell[:4]}…{cell[-3:]}"
    if column in ("jobId", "requestedBy.id"):
        return cell[:8]
    return cell


def ellipsis(shown: str, room: float) -> str:
    letters = int(room / 5.4)
    return shown if len(shown) <= letters else shown[:letters - 1].rstrip() + "…"


def nice(step: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    if step <= 0:
        return 1
    power = 10 ** math.floor(math.log10(step))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= step * 0.999)


def short(value: float) -> str:
    return f"{value / 1000:g}K" if value >= 1000 else f"{value:g}"


def num(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, shown: str, kind: str = "", anchor: str = "start") -> str:
    kind = f' class="{kind}"' if kind else ""
    anchor = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{kind} x="{num(x)}" y="{num(y)}"{anchor}>{escape(shown)}</text>'
