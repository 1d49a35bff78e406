locals {
  event_bus_name = local.has_own_event_bus ? one(aws_cloudwatch_event_bus.requests[*].name) : var.event_bus_name
  state          = local.is_running ? "ENABLED" : "DISABLED"
}

resource "aws_cloudwatch_event_bus" "requests" {
  count = local.has_own_event_bus ? 1 : 0

  name        = "${var.name}-requests"
  description = "Requests to cancel AWS Batch jobs, for ${var.name}."
  tags        = var.tags
}

# Rules feed the queue: a thousand events then are some batches, with one limit on concurrency, and not a thousand
# invocations at once; and what fails can be redriven as it was sent.
resource "aws_cloudwatch_event_rule" "cancellation_requested" {
  count = local.has_event_bus ? 1 : 0

  name           = "${var.name}-cancellation-requested"
  description    = "Requests to cancel AWS Batch jobs."
  event_bus_name = local.event_bus_name
  state          = local.state
  tags           = var.tags

  event_pattern = jsonencode({
    source      = local.has_event_sources ? var.event_sources : [{ anything-but = { prefix = "aws." } }]
    detail-type = ["Batch Job Cancellation Requested"]
  })
}

resource "aws_cloudwatch_event_target" "cancellation_requested" {
  count = local.has_event_bus ? 1 : 0

  rule           = aws_cloudwatch_event_rule.cancellation_requested[0].name
  event_bus_name = local.event_bus_name
  target_id      = "RequestQueue"
  arn            = aws_sqs_queue.requests.arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.event_dead_letters.arn
  }
}

# One rule for each reason, since a transformer can pass on a text but not cut the code out of it.
resource "aws_cloudwatch_event_rule" "blocked" {
  for_each = local.cancels_blocked_jobs ? toset(var.blocked_reasons) : toset([])

  name        = "${var.name}-blocked-${lower(replace(split(":", each.key)[1], "_", "-"))}"
  description = "Jobs that block their queue: ${each.key}"
  state       = local.state
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.batch"]
    detail-type = ["Batch Job Queue Blocked"]
    detail      = { statusReason = [{ prefix = each.key }] }
  })
}

resource "aws_cloudwatch_event_target" "blocked" {
  for_each = aws_cloudwatch_event_rule.blocked

  rule      = each.value.name
  target_id = "BlockedJobsQueue"
  arn       = aws_sqs_queue.blocked_jobs[0].arn

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.event_dead_letters.arn
  }

  input_transformer {
    # The ARN rather than the id, so that a job of another region or account is rejected.
    input_paths = {
      job  = "$.detail.jobArn"
      time = "$.time"
      why  = "$.detail.statusReason"
    }
    # As text: jsonencode would write <job> in another way, which EventBridge does not fill in.
    input_template = <<-EOT
      {"jobId": <job>, "reason": "It blocked its queue at <time>, and still does: <why>",
      "expect": {"status": ["RUNNABLE"], "statusReason": [{"prefix": "${each.key}"}]}}
    EOT
  }
}

resource "aws_scheduler_schedule" "sweep" {
  # checkov:skip=CKV_AWS_297: What it sends is no secret
  count = local.has_sweep_schedule ? 1 : 0

  name                         = "${var.name}-sweep"
  description                  = "Sends the sweep of ${var.name} to its request queue."
  schedule_expression          = var.sweep_schedule
  schedule_expression_timezone = var.sweep_schedule_timezone
  state                        = local.state

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sqs_queue.requests.arn
    role_arn = aws_iam_role.scheduled_sweep[0].arn
    input    = var.sweep_request

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 185
    }

    dead_letter_config {
      arn = aws_sqs_queue.event_dead_letters.arn
    }
  }
}

data "aws_iam_policy_document" "scheduler_may_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    # By no schedule of another account.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "scheduled_sweep" {
  count = local.has_sweep_schedule ? 1 : 0

  name_prefix          = "${substr(var.name, 0, 31)}-sweep-"
  description          = "What the schedule of ${var.name} may do."
  path                 = var.role_path
  permissions_boundary = local.has_boundary ? var.permissions_boundary_arn : null
  assume_role_policy   = data.aws_iam_policy_document.scheduler_may_assume.json
  tags                 = var.tags
}

data "aws_iam_policy_document" "scheduled_sweep" {
  statement {
    sid       = "SendTheSweep"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.requests.arn, aws_sqs_queue.event_dead_letters.arn]
  }

  dynamic "statement" {
    for_each = local.has_key ? [1] : []
    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.kms_key_arn]
    }
  }
}

resource "aws_iam_role_policy" "scheduled_sweep" {
  count = local.has_sweep_schedule ? 1 : 0

  name   = "messages"
  role   = aws_iam_role.scheduled_sweep[0].id
  policy = data.aws_iam_policy_document.scheduled_sweep.json
}
