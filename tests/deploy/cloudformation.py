"""What template.yaml makes for some choice of parameters."""

import importlib.machinery
import importlib.util
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent.parent


def program(path: str):
    """A script without an ending, as a module."""
    name = Path(path).name
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def template() -> dict:
    return yaml_parse((ROOT / "template.yaml").read_text())


def plain(**choices: str) -> dict:
    """The expanded template with these parameters, the others at their defaults. Conditions, parameters and mappings are
    resolved; what only a deployment knows stays a function in its long form."""
    expanded = program("deploy/expand").expand(template())
    return Choice(expanded, {"CodeBucket": "bucket", "CodeKey": "key"} | choices).made()


class Nothing:
    """AWS::NoValue."""


class Choice:
    def __init__(self, expanded: dict, choices: dict[str, str]) -> None:
        self.template = expanded
        self.values = {}
        for name, parameter in expanded["Parameters"].items():
            value = choices.pop(name, parameter.get("Default"))
            if parameter["Type"] == "CommaDelimitedList":
                value = value.split(",")
            self.values[name] = value
        assert not choices, f"no such parameter: {choices}"

    def made(self) -> dict:
        resources = {
            name: {key: self.resolve(value) for key, value in resource.items() if key != "Condition"}
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

    def holds(self, condition: str) -> bool:
        return self.resolve(self.template["Conditions"][condition])

    def resolve(self, value):
        match value:
            case {"Ref": "AWS::NoValue"}:
                return Nothing
            case {"Ref": name} if name in self.values:
                return self.values[name]
            case {"Condition": str(name)} if len(value) == 1 and name in self.template["Conditions"]:
                return self.holds(name)
            case {"Fn::If": [condition, yes, no]}:
                return self.resolve(yes if self.holds(condition) else no)
            case {"Fn::FindInMap": [table, row, column]}:
                return self.template["Mappings"][table][str(self.resolve(row))][column]
            case dict():
                resolved = {key: item for key, item in ((key, self.resolve(item)) for key, item in value.items())
                            if item is not Nothing}
                return self.function(resolved)
            case list():
                return [item for item in map(self.resolve, value) if item is not Nothing]
            case _:
                return value

    @staticmethod
    def function(value: dict):
        match value:
            case {"Fn::Equals": [one, other]}:
                return str(one) == str(other)
            case {"Fn::Not": [condition]}:
                return not condition
            case {"Fn::And": conditions}:
                return all(conditions)
            case {"Fn::Or": conditions}:
                return any(conditions)
            case {"Fn::Join": [between, list(parts)]} if all(isinstance(part, str) for part in parts):
                return between.join(parts)
            case {"Fn::Split": [between, str(text)]}:
                return text.split(between)
            case {"Fn::Select": [index, list(items)]}:
                return items[int(index)]
            case _:
                return value
