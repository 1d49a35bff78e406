"""moto's AWS Batch: an independent server, which has no bulk calls and sends no flags.

Its jobs move as its state manager says, all alike: by `times` steps of their own threads, or by time. A job that
depends on an unknown one stays PENDING, and is the only kind that a cancel really ends there.
"""

import boto3

from beds import Rie, by_job
from harness import AWS, REGION, Part, free_port, http, listens, wait_for

REASON = "Superseded by run 42."
FALLBACK = "AWS Batch takes no bulk calls here"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def run(part: Part) -> None:
    moto = Moto(part)
    env = {"AWS_ENDPOINT_URL_BATCH": moto.url, "CONFIRM_TIMEOUT_MS": "10000"}
    function = Rie(part, env, name="rie-auto")

    held = [moto.pending(f"held-{n}") for n in range(3)]
    report = function.invoke({"jobIds": [*held, UNKNOWN], "reason": REASON})
    outcomes = {job: result["outcome"] for job, result in by_job(report).items()}
    part.equal("jobs held by a dependency are cancelled, an unknown one is not found", outcomes,
               dict.fromkeys(held, "cancelled") | {UNKNOWN: "not_found"})
    part.equal("moto says so too, with our reason", [moto.state(job) for job in held], [("FAILED", REASON)] * 3)
    part.equal("the bulk call is tried once", moto.posts("/v1/canceljobs"), 1)
    part.equal("then each job is cancelled by a call", moto.posts("/v1/canceljob"), 3)
    part.equal("the fallback is logged", function.log().count(FALLBACK), 1)

    more = [moto.pending(f"more-{n}") for n in range(2)]
    report = function.invoke({"jobIds": more, "reason": REASON})
    part.equal("the next invocation works too", [result["outcome"] for result in report["results"]], ["cancelled"] * 2)
    part.equal("it remembers that there is no bulk call", moto.posts("/v1/canceljobs"), 1)
    part.equal("and does not log it again", function.log().count(FALLBACK), 1)

    report = function.invoke({"jobId": held[0], "reason": REASON})
    part.equal("a request that comes again finds the job finished, as no flag says by whom",
               by_job(report)[held[0]]["outcome"], "finished")

    single = Rie(part, env | {"BULK": "off"}, name="rie-single")
    alone = [moto.pending(f"alone-{n}") for n in range(2)]
    report = single.invoke({"jobIds": alone, "reason": REASON})
    part.equal("with BULK=off jobs are cancelled", [result["outcome"] for result in report["results"]],
               ["cancelled"] * 2)
    part.equal("without the bulk call", moto.posts("/v1/canceljobs"), 1)
    part.equal("and without a word about it", single.log().count(FALLBACK), 0)

    # Last, as it moves the other jobs as well.
    deaf = moto.runnable("deaf")
    impatient = Rie(part, env | {"CONFIRM_TIMEOUT_MS": "1000"}, name="rie-impatient")
    report = impatient.invoke({"jobId": deaf, "reason": REASON})
    part.equal("a job that ignores the cancel is not called cancelled", by_job(report)[deaf]["outcome"], "cancelling")
    part.equal("moto says so too", moto.state(deaf)[0], "RUNNABLE")


class Moto:
    def __init__(self, part: Part):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._part = part
        server = part.start("moto", ["moto_server", "-H", "127.0.0.1", "-p", port], AWS)
        wait_for("moto listens", 60, lambda: listens(port), server)

        def client(service: str):
            return boto3.client(service, endpoint_url=self.url, region_name=REGION,
                                aws_access_key_id="local", aws_secret_access_key="local")

        self._batch = client("batch")
        role = client("iam").create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self._batch.create_compute_environment(computeEnvironmentName="any", type="UNMANAGED", serviceRole=role)
        self._batch.create_job_queue(jobQueueName="any", state="ENABLED", priority=1, computeEnvironmentOrder=[
            {"order": 1, "computeEnvironment": "any"}])
        self._batch.register_job_definition(
            jobDefinitionName="any", type="container",
            containerProperties={"image": "any", "vcpus": 1, "memory": 128},
        )

    def pending(self, name: str) -> str:
        """A job that waits for one that does not exist."""
        self._move({"progression": "manual", "times": 1})
        return self._submit(name, "PENDING", [{"jobId": UNKNOWN}])

    def runnable(self, name: str) -> str:
        """A job that has come to RUNNABLE by time, and stays there from now on."""
        self._move({"progression": "time", "seconds": 4})
        job = self._submit(name, "RUNNABLE", [])
        self._move({"progression": "manual", "times": 1_000_000})
        return job

    def _submit(self, name: str, status: str, depends_on: list) -> str:
        job = self._batch.submit_job(jobName=name, jobQueue="any", jobDefinition="any", dependsOn=depends_on)["jobId"]
        wait_for(f"{name} is {status}", 30, lambda: self.state(job)[0] == status)
        return job

    def state(self, job: str) -> tuple[str, str | None]:
        found = self._batch.describe_jobs(jobs=[job])["jobs"][0]
        return found["status"], found.get("statusReason")

    def posts(self, path: str) -> int:
        """How many calls of a path moto's access log shows."""
        return self._part.log("moto").count(f"POST {path} HTTP")

    def _move(self, transition: dict) -> None:
        http("POST", f"{self.url}/moto-api/state-manager/set-transition",
             {"model_name": "batch::job", "transition": transition})
