"""The picture of the dashboard in README.md is one of the dashboard in template.yaml."""

import json
import re
import unittest
from xml.etree import ElementTree

from cloudformation import ROOT, template

PICTURE = ROOT / "docs/dashboard.svg"


class Picture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = {"".join(text.itertext()) for text in ElementTree.parse(PICTURE).iter("{http://www.w3.org/2000/svg}text")}

    def test_it_shows_every_widget(self):
        for widget in widgets():
            self.assertIn(widget["properties"]["title"], self.texts, "run docs/dashboard/render")

    def test_it_names_every_metric(self):
        for widget in widgets():
            metrics = widget["properties"].get("metrics", [])
            for metric in metrics:
                options = metric[-1] if isinstance(metric[-1], dict) else {}
                names = {options.get("label", metric[1]), f"{metric[1]} {options.get('stat')}"}
                self.assertTrue(names & self.texts, f"{metric}: run docs/dashboard/render")

    def test_a_page_can_carry_it(self):
        self.assertLess(PICTURE.stat().st_size, 150_000)


def widgets() -> list[dict]:
    body = template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return json.loads(re.sub(r"\$\{[^}]+\}", "1", body))["widgets"]


if __name__ == "__main__":
    unittest.main()
