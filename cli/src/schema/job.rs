//! The fields of a job, as `DescribeJobs` shows it.

use super::{Field, Others, Shape, Words, words};

const OPEN: Shape = Shape::Object(&[], Others::Anything);

const STATUS: Shape = Shape::Word(Words {
    known: &["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"],
    complete: false,
    never: Some((
        &["SUCCEEDED", "FAILED"],
        "the job has ended then, and a policy is asked about living jobs only: an ended one is told as `finished`",
    )),
});

pub(super) static JOB: [Field; 30] = [
    Field::maybe("jobArn", Shape::Text),
    Field::always("jobName", Shape::Text),
    Field::always("jobId", Shape::Text),
    Field::always("jobQueue", Shape::Text),
    Field::always("status", STATUS),
    Field::maybe("shareIdentifier", Shape::Text),
    Field::maybe("schedulingPriority", Shape::Number),
    Field::list("attempts", OPEN),
    Field::maybe("statusReason", Shape::Text),
    Field::always("createdAt", Shape::Number),
    Field::maybe("retryStrategy", Shape::Object(&RETRY_STRATEGY, Others::Anything)),
    Field::maybe("startedAt", Shape::Number),
    Field::maybe("stoppedAt", Shape::Number),
    Field::list("dependsOn", Shape::Object(&DEPENDS_ON, Others::Anything)),
    Field::always("jobDefinition", Shape::Text),
    Field::maybe("parameters", Shape::Object(&[], Others::Texts)),
    Field::maybe("container", Shape::Object(&CONTAINER, Others::Anything)),
    Field::maybe("nodeDetails", Shape::Object(&NODE_DETAILS, Others::Anything)),
    Field::maybe("nodeProperties", OPEN),
    Field::maybe("arrayProperties", Shape::Object(&ARRAY_PROPERTIES, Others::Anything)),
    Field::maybe("timeout", Shape::Object(&TIMEOUT, Others::Anything)),
    Field::maybe("tags", Shape::Object(&[], Others::Texts)),
    Field::maybe("propagateTags", Shape::Bool),
    Field::list("platformCapabilities", words(&["EC2", "FARGATE"], false)),
    Field::maybe("eksProperties", OPEN),
    Field::list("eksAttempts", OPEN),
    Field::maybe("ecsProperties", OPEN),
    Field::maybe("isCancelled", Shape::Bool),
    Field::maybe("isTerminated", Shape::Bool),
    Field::maybe("consumableResourceProperties", OPEN),
];

static RETRY_STRATEGY: [Field; 2] =
    [Field::maybe("attempts", Shape::Number), Field::list("evaluateOnExit", OPEN)];

static DEPENDS_ON: [Field; 2] =
    [Field::maybe("jobId", Shape::Text), Field::maybe("type", words(&["N_TO_N", "SEQUENTIAL"], false))];

static NODE_DETAILS: [Field; 2] =
    [Field::maybe("nodeIndex", Shape::Number), Field::maybe("isMainNode", Shape::Bool)];

static ARRAY_PROPERTIES: [Field; 3] = [
    Field::maybe("statusSummary", OPEN),
    Field::maybe("size", Shape::Number),
    Field::maybe("index", Shape::Number),
];

static TIMEOUT: [Field; 1] = [Field::maybe("attemptDurationSeconds", Shape::Number)];

static CONTAINER: [Field; 30] = [
    Field::maybe("image", Shape::Text),
    Field::maybe("vcpus", Shape::Number),
    Field::maybe("memory", Shape::Number),
    Field::list("command", Shape::Text),
    Field::maybe("jobRoleArn", Shape::Text),
    Field::maybe("executionRoleArn", Shape::Text),
    Field::list("volumes", OPEN),
    Field::list("environment", Shape::Object(&NAME_AND_VALUE, Others::Anything)),
    Field::list("mountPoints", OPEN),
    Field::maybe("readonlyRootFilesystem", Shape::Bool),
    Field::list("ulimits", OPEN),
    Field::maybe("privileged", Shape::Bool),
    Field::maybe("user", Shape::Text),
    Field::maybe("exitCode", Shape::Number),
    Field::maybe("reason", Shape::Text),
    Field::maybe("containerInstanceArn", Shape::Text),
    Field::maybe("taskArn", Shape::Text),
    Field::maybe("logStreamName", Shape::Text),
    Field::maybe("instanceType", Shape::Text),
    Field::list("networkInterfaces", OPEN),
    Field::list("resourceRequirements", Shape::Object(&TYPE_AND_VALUE, Others::Anything)),
    Field::list("secrets", OPEN),
    Field::maybe("linuxParameters", OPEN),
    Field::maybe("logConfiguration", OPEN),
    Field::maybe("networkConfiguration", OPEN),
    Field::maybe("fargatePlatformConfiguration", OPEN),
    Field::maybe("ephemeralStorage", OPEN),
    Field::maybe("runtimePlatform", OPEN),
    Field::maybe("repositoryCredentials", OPEN),
    Field::maybe("enableExecuteCommand", Shape::Bool),
];

static NAME_AND_VALUE: [Field; 2] = [Field::maybe("name", Shape::Text), Field::maybe("value", Shape::Text)];

static TYPE_AND_VALUE: [Field; 2] =
    [Field::maybe("type", words(&["GPU", "VCPU", "MEMORY"], false)), Field::maybe("value", Shape::Text)];
