# As the parameters of template.yaml, by other names: AllowTerminate there is allow_terminate here.

variable "name" {
  type        = string
  default     = "batch-canceller"
  description = "The name of the function, and how the names of everything else begin."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "The tags of everything that can have some."
}

# The package

variable "package_file" {
  type        = string
  default     = null
  description = "The path of the release's zip for the architecture. In its place: package_bucket and package_key."
}

variable "package_bucket" {
  type        = string
  default     = null
  description = "The bucket of this region that holds the zip."
}

variable "package_key" {
  type        = string
  default     = null
  description = "The key of the zip. Name another one for another version: Terraform sees no other change."
}

# What may be stopped

variable "allow_terminate" {
  type        = bool
  default     = false
  description = "Whether a request may say \"action\": \"terminate\", which stops started jobs too. It also decides whether the function's role may call TerminateJob at all."
}

variable "sweeps" {
  type        = bool
  default     = false
  description = "Whether a request may name jobs by what they look like (\"sweep\"). It decides whether the function's role may call ListJobs."
}

variable "require_tag" {
  type        = string
  default     = ""
  description = "key=value: the function's role may stop only jobs that carry this tag, whatever requests and policies say. Whether IAM sees the tags of an array's parent at its children is not documented: try it before you rely on either."

  validation {
    condition     = can(regex("^$|^[A-Za-z0-9 _.:/+@-]{1,128}=[A-Za-z0-9 _.:/+@-]{0,256}$", var.require_tag))
    error_message = "It is key=value."
  }
}

variable "policy" {
  type        = string
  default     = ""
  description = "What may be stopped, as one JSON document. Empty allows everything that the role allows. Lambda takes 4 KB of environment variables in all: put a longer one into a file, and name it in policy_file."
}

variable "policy_file" {
  type        = string
  default     = ""
  description = "In place of policy, the path of a file of the package (/var/task/...) or of a layer (/opt/...) that holds it."
}

variable "policy_layer_arn" {
  type        = string
  default     = ""
  description = "The version of a layer that holds policy_file, if the package does not."
}

variable "dry_run" {
  type        = bool
  default     = false
  description = "Whether every request is a dry run: it is judged, and answered by what would be done. The function's role may not write at all then."
}

variable "paused" {
  type        = bool
  default     = false
  description = "The stop button: nothing is received any more, and rules and the schedule send nothing. Messages that wait in the queue stay there, without using up receives, and are dealt with when it is released, unless they get older than 4 days."
}

# Who may ask

variable "sender_accounts" {
  type        = list(string)
  default     = []
  description = "The ids of other accounts whose roles and users may send to the request queue."
}

variable "sender_org_id" {
  type        = string
  default     = ""
  description = "The organisation whose accounts may send to the request queue."
}

variable "source_arns" {
  type        = list(string)
  default     = []
  description = "The SNS topics and EventBridge rules, by ARN, that may send to the request queue. Those of this module may anyway."
}

# Requests from EventBridge

variable "event_bus_name" {
  type        = string
  default     = ""
  description = "The name or ARN of an event bus that cancellation requests arrive on. Empty listens on none. On the default bus, whoever may put events in this account may ask."
}

variable "own_event_bus" {
  type        = bool
  default     = false
  description = "Whether the module has an event bus of its own for cancellation requests, in the place of event_bus_name."
}

variable "event_sources" {
  type        = list(string)
  default     = []
  description = "The sources whose events count, such as acme.pipelines. Empty takes any that is not AWS's."
}

# Jobs that block their queue

variable "cancel_blocked_jobs" {
  type        = bool
  default     = false
  description = "Whether to cancel the job at the head of a job queue when AWS Batch says that it blocks the queue, and it still does, for the same reason, after blocked_dwell_seconds."
}

variable "blocked_reasons" {
  type        = list(string)
  default     = ["CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"]
  description = "For which reasons, of CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY, MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE and MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT. The last is also said for minutes while a fitting instance boots. All other reasons are the queue's, and would cost one good job after the other."

  validation {
    condition = length(setsubtract(var.blocked_reasons, [
      "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
      "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
      "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    ])) == 0
    error_message = "Other reasons are the queue's, and would cost one good job after the other."
  }
}

variable "blocked_dwell_seconds" {
  type        = number
  default     = 900
  description = "How long a job may go on blocking its queue. SQS delays a message by 15 minutes at most."

  validation {
    condition     = var.blocked_dwell_seconds >= 0 && var.blocked_dwell_seconds <= 900
    error_message = "It is from 0 to 900."
  }
}

# A sweep on a schedule

variable "sweep_schedule" {
  type        = string
  default     = ""
  description = "When to send sweep_request, as EventBridge Scheduler writes it, such as rate(1 hour) or cron(0 7 ? * MON-FRI *). Empty sends none. It needs sweeps = true."
}

variable "sweep_schedule_timezone" {
  type        = string
  default     = "UTC"
  description = "The time zone of sweep_schedule, by its name in the IANA database."
}

variable "sweep_request" {
  type        = string
  default     = "{}"
  description = "The request that sweep_schedule sends, as one JSON document with \"sweep\" and \"reason\". Try it first with batch-cancel check --sweep."
}

# The queue

variable "batch_size" {
  type        = number
  default     = 100
  description = "The most messages one invocation gets. AWS Batch describes 100 jobs and cancels 50 in one call. Above 10, the batching window must be at least 1 second."

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10000
    error_message = "It is from 1 to 10000."
  }
}

variable "batching_window" {
  type        = number
  default     = 1
  description = "The longest that a message waits for others to share its invocation, in seconds."

  validation {
    condition     = var.batching_window >= 0 && var.batching_window <= 60
    error_message = "It is from 0 to 60."
  }
}

variable "maximum_concurrency" {
  type        = number
  default     = 2
  description = "The most invocations at once for the queue. They share the account's rate of calls to AWS Batch, so more of them meet throttling before they are any faster."

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "It is from 2 to 1000."
  }
}

variable "max_receive_count" {
  type        = number
  default     = 5
  description = "How often a message is received before it goes to the dead-letter queue."

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 60
    error_message = "It is from 5 to 60."
  }
}

# Calls to AWS Batch

variable "max_jobs" {
  type        = number
  default     = 10000
  description = "The most jobs that one invocation takes on. Messages beyond that go back untouched."

  validation {
    condition     = var.max_jobs >= 1 && var.max_jobs <= 100000
    error_message = "It is from 1 to 100000."
  }
}

variable "max_attempts" {
  type        = number
  default     = 6
  description = "How often a call for one job may fail by itself, while calls for others pass."

  validation {
    condition     = var.max_attempts >= 1 && var.max_attempts <= 20
    error_message = "It is from 1 to 20."
  }
}

variable "max_in_flight" {
  type        = number
  default     = 20
  description = "The most calls to AWS Batch that one invocation has open at once."

  validation {
    condition     = var.max_in_flight >= 1 && var.max_in_flight <= 64
    error_message = "It is from 1 to 64."
  }
}

variable "attempt_timeout_ms" {
  type        = number
  default     = 5000
  description = "How long one attempt of a call may take, in milliseconds."

  validation {
    condition     = var.attempt_timeout_ms >= 100 && var.attempt_timeout_ms <= 30000
    error_message = "It is from 100 to 30000."
  }
}

variable "confirm_timeout_ms" {
  type        = number
  default     = 3000
  description = "How long to look for the effect of what AWS Batch accepted, in milliseconds."

  validation {
    condition     = var.confirm_timeout_ms >= 0 && var.confirm_timeout_ms <= 60000
    error_message = "It is from 0 to 60000."
  }
}

variable "patience_ms" {
  type        = number
  default     = 10000
  description = "How long AWS Batch is probed while it fails every call, in milliseconds, before what is left is handed back."

  validation {
    condition     = var.patience_ms >= 100 && var.patience_ms <= 300000
    error_message = "It is from 100 to 300000."
  }
}

variable "deadline_reserve_ms" {
  type        = number
  default     = 1000
  description = "The end of an invocation's time that is kept for the answer, in milliseconds. No call starts in it."

  validation {
    condition     = var.deadline_reserve_ms >= 100 && var.deadline_reserve_ms <= 10000
    error_message = "It is from 100 to 10000."
  }
}

variable "bulk" {
  type        = string
  default     = "auto"
  description = "\"auto\" cancels many jobs in one call where AWS Batch offers that, and one by one where it does not; \"off\" always cancels one by one."

  validation {
    condition     = contains(["auto", "off"], var.bulk)
    error_message = "It is one of auto, off."
  }
}

# Function

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "The instruction set that the function is built for and runs on."

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "It is one of arm64, x86_64."
  }
}

variable "memory_size" {
  type        = number
  default     = 256
  description = "The function's memory in MiB. Its share of a CPU grows with it."

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "It is from 128 to 10240."
  }
}

variable "timeout" {
  type        = number
  default     = 60
  description = "The longest that one invocation may take, in seconds. The queue's visibility timeout follows from it."

  validation {
    condition     = contains([30, 60, 120, 300, 600, 900], var.timeout)
    error_message = "It is one of 30, 60, 120, 300, 600, 900."
  }
}

variable "tracing" {
  type        = string
  default     = "Active"
  description = "Whether AWS X-Ray samples invocations itself, or only where a caller did."

  validation {
    condition     = contains(["Active", "PassThrough"], var.tracing)
    error_message = "It is one of Active, PassThrough."
  }
}

# The rules of an organisation

variable "permissions_boundary_arn" {
  type        = string
  default     = ""
  description = "The boundary of the roles that the module makes."
}

variable "role_path" {
  type        = string
  default     = "/"
  description = "The path of the roles and the managed policy that the module makes."
}

variable "kms_key_arn" {
  type        = string
  default     = ""
  description = "The key that encrypts the queues and the log, in the place of keys that AWS owns. Its policy must let CloudWatch Logs, EventBridge, SNS and EventBridge Scheduler use it where they do (docs/operations.md)."
}

variable "subnet_ids" {
  type        = list(string)
  default     = []
  description = "The subnets that the function runs in; empty runs it outside of any VPC. They need a way to AWS Batch, and to CloudWatch Logs: a NAT gateway or interface endpoints."
}

variable "security_group_ids" {
  type        = list(string)
  default     = []
  description = "The security groups of the function in subnet_ids."
}

# Results

variable "result_event_bus_name" {
  type        = string
  default     = ""
  description = "The event bus of this account that each result is put on, as an event. Empty puts none."
}

variable "log_level" {
  type        = string
  default     = "INFO"
  description = "The lowest level of the function's own log lines that is kept."

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "It is one of TRACE, DEBUG, INFO, WARN, ERROR."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "How long log lines are kept, in days. They are the record of what was cancelled, and why."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "It is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

# Alarms

variable "page_topic_arn" {
  type        = string
  default     = ""
  description = "The SNS topic of alarms that somebody must see now: requests are lost, or far more is stopped than usual. Empty notifies nobody."
}

variable "ticket_topic_arn" {
  type        = string
  default     = ""
  description = "The SNS topic of alarms that can wait until the morning. Empty notifies nobody."
}

variable "max_wait_seconds" {
  type        = number
  default     = 1800
  description = "How old the oldest request may get in the queue before an alarm says so, in seconds."

  validation {
    condition     = var.max_wait_seconds >= 60 && var.max_wait_seconds <= 345600
    error_message = "It is from 60 to 345600."
  }
}

variable "max_stopped_in_five_minutes" {
  type        = number
  default     = 1000
  description = "How many jobs may be stopped in five minutes before an alarm says so."

  validation {
    condition     = var.max_stopped_in_five_minutes >= 1 && var.max_stopped_in_five_minutes <= 1000000
    error_message = "It is from 1 to 1000000."
  }
}
