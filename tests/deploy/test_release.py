"""What a release is made of."""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
import zipfile
from pathlib import Path

from cloudformation import ROOT, template
from samtranslator.yaml_helper import yaml_parse

VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
CODE = {"CodeBucket", "CodeKey"}


class Package(unittest.TestCase):
    def test_the_same_program_makes_the_same_bytes(self):
        one, other = package(0o644, 1_000_000_000), package(0o755, 1_700_000_000)
        self.assertEqual(one.keys(), other.keys())
        self.assertEqual(one, other)

    def test_the_package_is_fit_for_lambda(self):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "function.zip"
            archive.write_bytes(package()[f"batch-canceller-{VERSION}-x86_64.zip"])
            with zipfile.ZipFile(archive) as held:
                [entry] = held.infolist()
                self.assertEqual(entry.filename, "bootstrap")
                self.assertEqual(entry.external_attr >> 16 & 0o111, 0o111)
                self.assertEqual(held.read(entry), b"a program")

    def test_the_template_takes_the_zip_and_builds_nothing(self):
        packaged = yaml_parse(package()[f"template-{VERSION}.yaml"].decode())
        own = template()
        function = packaged["Resources"]["CancelFunction"]
        self.assertEqual(function["Properties"].pop("CodeUri"), f"batch-canceller-{VERSION}-arm64.zip")
        own["Resources"]["CancelFunction"]["Properties"].pop("CodeUri")
        self.assertNotIn("BuildMethod", function["Metadata"])
        for built in ("BuildMethod", "BuildProperties"):
            own["Resources"]["CancelFunction"]["Metadata"].pop(built)
        self.assertEqual(packaged, own)


class Expanded(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = subprocess.run(
            [sys.executable, ROOT / "deploy/expand"], check=True, capture_output=True, text=True).stdout
        cls.plain = yaml_parse(cls.text)

    def test_cloudformation_lints_it(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(self.text)
            file.flush()
            lint = subprocess.run(["cfn-lint", "--append-rules", "cfn_lint_serverless.rules", "--", file.name],
                                  capture_output=True, text=True)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""))

    def test_it_needs_no_transform(self):
        self.assertNotIn("Transform", self.plain)
        self.assertNotIn("AWS::Serverless::", self.text)

    def test_every_parameter_condition_rule_and_output_survives(self):
        own = template()
        self.assertEqual(self.plain["Parameters"].keys() - CODE, own["Parameters"].keys())
        for section in ("Conditions", "Mappings", "Outputs", "Rules"):
            self.assertEqual(self.plain[section], own[section], section)
        for name, parameter in own["Parameters"].items():
            self.assertEqual(self.plain["Parameters"][name], parameter, name)

    def test_every_resource_survives(self):
        for name, resource in template()["Resources"].items():
            made = self.plain["Resources"][name]
            if resource["Type"] != "AWS::Serverless::Function":
                self.assertEqual(made["Properties"], resource["Properties"], name)
                self.assertEqual(made.get("Condition"), resource.get("Condition"), name)

    def test_the_function_is_fed_and_its_failures_are_kept(self):
        resources = self.plain["Resources"]
        code = resources["CancelFunction"]["Properties"]["Code"]
        self.assertEqual(code, {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}})
        mapping = resources["CancelFunctionRequests"]["Properties"]
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(mapping["ScalingConfig"], {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}})
        failures = resources["CancelFunctionEventInvokeConfig"]["Properties"]["DestinationConfig"]["OnFailure"]
        self.assertEqual(failures["Destination"], {"Fn::GetAtt": ["EventDeadLetterQueue", "Arn"]})


class Versions(unittest.TestCase):
    def test_the_template_has_cargos_version(self):
        self.assertEqual(template()["Metadata"]["AWS::ServerlessRepo::Application"]["SemanticVersion"], VERSION)

    def test_the_changelog_begins_with_it(self):
        newest = re.search(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.M)
        self.assertEqual(newest[1], VERSION)


def package(mode: int = 0o755, written: int = 1_000_000_000) -> dict[str, bytes]:
    """The files that deploy/package makes of a program with this mode and time."""
    with tempfile.TemporaryDirectory() as folder:
        program_file = Path(folder) / "program"
        program_file.write_bytes(b"a program")
        program_file.chmod(mode)
        os.utime(program_file, (written, written))
        subprocess.run([sys.executable, ROOT / "deploy/package", Path(folder) / "dist", f"arm64={program_file}",
                        f"x86_64={program_file}"], check=True)
        return {path.name: path.read_bytes() for path in sorted((Path(folder) / "dist").iterdir())}


if __name__ == "__main__":
    unittest.main()
