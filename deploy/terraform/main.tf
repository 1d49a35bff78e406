# What template.yaml makes, in Terraform. CI holds the two together.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id

  # The template's conditions.
  may_write            = !var.dry_run
  may_list             = var.sweeps
  may_terminate        = local.may_write && var.allow_terminate
  requires_tag         = var.require_tag != ""
  is_running           = !var.paused
  has_sender_accounts  = length(var.sender_accounts) > 0
  has_sender_org       = var.sender_org_id != ""
  has_source_arns      = length(var.source_arns) > 0
  has_own_event_bus    = var.own_event_bus
  has_event_bus        = local.has_own_event_bus || var.event_bus_name != ""
  has_event_sources    = length(var.event_sources) > 0
  cancels_blocked_jobs = var.cancel_blocked_jobs
  has_sweep_schedule   = var.sweep_schedule != ""
  has_policy_layer     = var.policy_layer_arn != ""
  has_boundary         = var.permissions_boundary_arn != ""
  has_key              = var.kms_key_arn != ""
  has_vpc              = length(var.subnet_ids) > 0
  has_result_bus       = var.result_event_bus_name != ""
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_115: Reserved concurrency throttles pollers; maximum_concurrency limits it
  # checkov:skip=CKV_AWS_116: The event invoke config has a destination for failures, which knows more
  # checkov:skip=CKV_AWS_173: The variables hold no secrets; AWS encrypts them by a key of its own
  # checkov:skip=CKV_AWS_272: Releases are attested; a signing profile is the account's
  function_name    = var.name
  description      = "Cancels AWS Batch jobs on request and says what became of each one."
  filename         = var.package_file
  source_code_hash = var.package_file == null ? null : filebase64sha256(var.package_file)
  s3_bucket        = var.package_bucket
  s3_key           = var.package_key
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = var.memory_size
  timeout          = var.timeout
  role             = aws_iam_role.function.arn
  layers           = local.has_policy_layer ? [var.policy_layer_arn] : []
  tags             = var.tags

  tracing_config {
    mode = var.tracing
  }

  dynamic "vpc_config" {
    for_each = local.has_vpc ? [1] : []
    content {
      subnet_ids         = var.subnet_ids
      security_group_ids = var.security_group_ids
    }
  }

  logging_config {
    log_group = aws_cloudwatch_log_group.function.name
    # With JSON, Lambda hands the level to the function as AWS_LAMBDA_LOG_LEVEL.
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "INFO"
  }

  environment {
    variables = {
      ALLOW_TERMINATE     = var.allow_terminate
      ATTEMPT_TIMEOUT_MS  = var.attempt_timeout_ms
      BULK                = var.bulk
      CONFIRM_TIMEOUT_MS  = var.confirm_timeout_ms
      DEADLINE_RESERVE_MS = var.deadline_reserve_ms
      DRY_RUN             = var.dry_run
      MAX_ATTEMPTS        = var.max_attempts
      MAX_IN_FLIGHT       = var.max_in_flight
      MAX_JOBS            = var.max_jobs
      PATIENCE_MS         = var.patience_ms
      POLICY              = var.policy
      POLICY_FILE         = var.policy_file
      RESULT_EVENT_BUS    = var.result_event_bus_name
    }
  }

  # In a VPC, Lambda tries the role's permissions when it makes the function.
  depends_on = [aws_iam_role_policy.network]

  lifecycle {
    precondition {
      condition     = (var.package_file != null) != (var.package_bucket != null && var.package_key != null)
      error_message = "Give package_file, or package_bucket and package_key."
    }
    precondition {
      condition     = var.policy == "" || var.policy_file == ""
      error_message = "Give the policy as policy or as policy_file, not as both."
    }
    precondition {
      condition     = var.policy_layer_arn == "" || var.policy_file != ""
      error_message = "policy_layer_arn needs policy_file, the path under /opt of the policy in the layer."
    }
    precondition {
      condition     = !var.own_event_bus || var.event_bus_name == ""
      error_message = "Give event_bus_name or own_event_bus = true, not both."
    }
    precondition {
      condition     = var.sweep_schedule == "" || (var.sweeps && var.sweep_request != "{}")
      error_message = "sweep_schedule needs sweeps = true, and a sweep_request to send."
    }
    precondition {
      condition     = var.batch_size <= 10 || var.batching_window >= 1
      error_message = "A batch_size above 10 needs a batching_window of at least 1 second."
    }
  }
}

# For whoever invokes the function asynchronously: queues have their own retries.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.event_dead_letters.arn
    }
  }

  depends_on = [aws_iam_role_policy.messages]
}

resource "aws_lambda_event_source_mapping" "requests" {
  function_name                      = aws_lambda_function.this.function_name
  event_source_arn                   = aws_sqs_queue.requests.arn
  enabled                            = local.is_running
  batch_size                         = var.batch_size
  maximum_batching_window_in_seconds = var.batching_window
  # Without this, Lambda ignores the function's answer and deletes the messages that failed.
  function_response_types = ["ReportBatchItemFailures"]

  # Not reserved concurrency: that throttles pollers, and each throttle uses up a receive.
  scaling_config {
    maximum_concurrency = var.maximum_concurrency
  }

  depends_on = [aws_iam_role_policy.messages]
}

# What has waited out its dwell.
resource "aws_lambda_event_source_mapping" "blocked_jobs" {
  count = local.cancels_blocked_jobs ? 1 : 0

  function_name           = aws_lambda_function.this.function_name
  event_source_arn        = aws_sqs_queue.blocked_jobs[0].arn
  enabled                 = local.is_running
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }

  depends_on = [aws_iam_role_policy.messages]
}

resource "aws_cloudwatch_log_group" "function" {
  # checkov:skip=CKV_AWS_338: log_retention_days says for how long
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.has_key ? var.kms_key_arn : null
  skip_destroy      = true # The record of what was stopped outlives the function.
  tags              = var.tags
}
