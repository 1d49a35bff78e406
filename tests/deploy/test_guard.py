"""AWS Control Tower's rules for templates, by CloudFormation Guard, on the template as an organisation would deploy it."""

import json
import os
import platform
import subprocess
import tempfile
import unittest
from pathlib import Path

from cloudformation import plain

PACKAGE = Path(os.environ["GUARD"])
CHOICES = {
    "CancelBlockedJobs": "true",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1d828f65-7a4d-42e8-996d-3b900ed59dc4",
    "LogRetentionDays": 365,
    "OwnEventBus": "true",
    "PageTopicArn": "arn:aws:sns:eu-central-1:123456789012:page",
    "SecurityGroupIds": "sg-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "SweepSchedule": "rate(1 hour)",
    "Sweeps": "true",
    "TicketTopicArn": "arn:aws:sns:eu-central-1:123456789012:ticket",
}
EXCEPTIONS = {
    ("sqs_dlq_check", "EventDeadLetterQueue"): "It is where dead letters go. That no queue redrives to it, it says too.",
}


class Guard(unittest.TestCase):
    def test_the_rules_of_control_tower(self):
        broken = {(rule, resource) for rule, resource in failures(plain(**CHOICES))}
        self.assertEqual(broken, set(EXCEPTIONS))

    def test_they_find_what_is_wrong(self):
        made = plain(**CHOICES)
        del made["Resources"]["RequestQueue"]["Properties"]["KmsMasterKeyId"]
        self.assertIn(("sqs_queue_encrypted_check", "RequestQueue"), failures(made))


def failures(made: dict) -> set[tuple[str, str]]:
    machine = {"x86_64": "x86_64", "aarch64": "aarch64"}[platform.machine()]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as data:
        json.dump(made, data)
        data.flush()
        ran = subprocess.run(
            [PACKAGE / f"bin/ubuntu/{machine}/cfn-guard", "validate", "--data", data.name, "--rules",
             PACKAGE / "rules/control-tower/cfn-guard", "--structured", "--output-format", "json", "--show-summary", "none"],
            capture_output=True, text=True)
    assert ran.returncode in (0, 19), ran.stderr
    [report] = json.loads(ran.stdout)
    assert len(report["compliant"]) + len(report["not_applicable"]) > 200, "few rules were read"
    return {(rule["Rule"]["name"], resource)
            for rule in report["not_compliant"]
            for resource in made["Resources"]
            if f"/Resources/{resource}/" in json.dumps(rule)}


if __name__ == "__main__":
    unittest.main()
