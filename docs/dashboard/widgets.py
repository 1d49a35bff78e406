"""The dashboard as template.yaml has it, and what its widgets make of records."""

import json
import re
from dataclasses import dataclass, field

import yaml

REGION = "us-east-1"
STACK = "batch-canceller"
FUNCTION = "batch-canceller"  # So examples/local calls it; CloudFormation would add to the stack's name.
PALETTE = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"]


class Cloudformation(yaml.SafeLoader):
    """YAML with CloudFormation's tags. They leave their arguments as they are, and !Ref becomes what !Sub would take."""


def _argument(loader: yaml.Loader, tag: str, node: yaml.Node):
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return f"${{{text}}}" if tag == "Ref" else text
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


Cloudformation.add_multi_constructor("!", _argument)


@dataclass
class Deployment:
    """What a stack with the template's defaults would be."""

    function: str
    queue: str
    request_dead_letters: str
    event_dead_letters: str
    timeout: int
    visibility: int
    batch_size: int
    window: int
    concurrency: int
    receives: int


@dataclass
class Records:
    """What was measured and logged."""

    start: float
    end: float
    values: dict[tuple, list[tuple[float, float]]] = field(default_factory=dict)
    units: dict[tuple, str] = field(default_factory=dict)
    lines: list[dict] = field(default_factory=list)

    def put(self, metric: tuple, unit: str, time: float, value: float) -> None:
        self.units[metric] = unit
        self.values.setdefault(metric, []).append((time, value))


@dataclass
class Line:
    label: str
    color: str
    right: bool
    unit: str
    points: dict[float, float]


@dataclass
class Dashboard:
    name: str
    widgets: list[dict]
    deployment: Deployment

    @classmethod
    def of(cls, template: str) -> "Dashboard":
        made = yaml.load(template, Cloudformation)
        parameters = {name: str(each.get("Default", "")) for name, each in made["Parameters"].items()}
        resources = made["Resources"]
        known = {"AWS::Region": REGION, "AWS::StackName": STACK, "CancelFunction": FUNCTION, **parameters}

        def filled(text: str) -> str:
            return re.sub(r"\$\{([^}]+)\}", lambda found: known[found[1]], text)

        for name, resource in resources.items():
            for of_name, attribute in (("QueueName", ".QueueName"), ("LogGroupName", "")):
                text = resource.get("Properties", {}).get(of_name)
                if isinstance(text, str) and set(re.findall(r"\$\{([^}]+)\}", text)) <= known.keys():
                    known[name + attribute] = filled(text)
        timeout = parameters["Timeout"]
        deployment = Deployment(
            function=known["CancelFunction"],
            queue=known["RequestQueue.QueueName"],
            request_dead_letters=known["RequestDeadLetterQueue.QueueName"],
            event_dead_letters=known["EventDeadLetterQueue.QueueName"],
            timeout=int(timeout),
            visibility=made["Mappings"]["VisibilityByTimeout"][timeout]["Seconds"],
            batch_size=int(parameters["BatchSize"]),
            window=int(parameters["BatchingWindow"]),
            concurrency=int(parameters["MaximumConcurrency"]),
            receives=int(parameters["MaxReceiveCount"]),
        )
        properties = resources["Dashboard"]["Properties"]
        widgets = json.loads(filled(properties["DashboardBody"]))["widgets"]
        return cls(filled(properties["DashboardName"]), widgets, deployment)

    def without_data(self, records: Records) -> list[str]:
        """The metrics that the picture cannot show."""
        metrics = [metric for widget in self.widgets for metric in widget["properties"].get("metrics", [])]
        return [" ".join(identity(metric)) for metric in metrics if identity(metric) not in records.values]


def identity(metric: list) -> tuple:
    return tuple(part for part in metric if isinstance(part, str))


def lines(properties: dict, records: Records) -> list[Line]:
    """What a widget of metrics shows, in the order of its legend."""
    metrics = [(identity(each), each[-1] if isinstance(each[-1], dict) else {}) for each in properties["metrics"]]
    names = [metric for metric, _ in metrics]
    shown = []
    for number, (metric, options) in enumerate(metrics):
        stat = options.get("stat", properties["stat"])
        label = metric[1] + (f" {stat}" if names.count(metric) > 1 else "")
        period = options.get("period", properties["period"])
        periods: dict[float, list[float]] = {}
        for time, value in records.values.get(metric, []):
            if records.start <= time < records.end:
                periods.setdefault(time - (time - records.start) % period, []).append(value)
        points = {time: statistic(stat, values) for time, values in sorted(periods.items())}
        shown.append(Line(
            label=options.get("label", label),
            color=options.get("color", PALETTE[number % len(PALETTE)]),
            right=options.get("yAxis") == "right",
            unit=records.units.get(metric, "Count"),
            points=points,
        ))
    return shown


def statistic(stat: str, values: list[float]) -> float:
    if stat == "Sum":
        return sum(values)
    if stat == "Maximum":
        return max(values)
    rank = float(re.fullmatch(r"p(\d+(?:\.\d+)?)", stat)[1]) / 100 * (len(values) - 1)
    ordered = sorted(values)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


QUERY = re.compile(r"SOURCE '[^']+' \| filter (?P<field>\S+) in \[(?P<values>[^]]*)\] \| display (?P<display>[^|]+)"
                   r" \| sort (?P<sort>\S+) desc \| limit (?P<limit>\d+)")


def table(properties: dict, records: Records) -> tuple[list[str], list[list[str]]]:
    """The columns and rows that a widget's query finds; a query of any other form is an error."""
    query = QUERY.fullmatch(properties["query"])
    wanted = re.findall(r"'([^']*)'", query["values"])
    found = [line for line in records.lines if _field(line, query["field"]) in wanted]
    found.sort(key=lambda line: _field(line, query["sort"]), reverse=True)
    columns = [column.strip() for column in query["display"].split(",")]
    rows = [[_field(line, column) for column in columns] for line in found[:int(query["limit"])]]
    return columns, rows


def _field(line: dict, path: str) -> str:
    value: object = line
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)
