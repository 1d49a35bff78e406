data "aws_iam_policy_document" "lambda_may_assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  name_prefix          = "${substr(var.name, 0, 28)}-function-"
  description          = "What the function ${var.name} may do."
  path                 = var.role_path
  permissions_boundary = local.has_boundary ? var.permissions_boundary_arn : null
  assume_role_policy   = data.aws_iam_policy_document.lambda_may_assume.json
  tags                 = var.tags
}

locals {
  jobs         = "arn:${local.partition}:batch:${local.region}:${local.account}:job/*"
  required_tag = split("=", var.require_tag)
}

data "aws_iam_policy_document" "batch_jobs" {
  statement {
    sid       = "LookAtJobs"
    actions   = ["batch:DescribeJobs"]
    resources = ["*"] # DescribeJobs takes no resource.
  }

  dynamic "statement" {
    for_each = local.may_list ? [1] : []
    content {
      sid       = "ListJobs"
      actions   = ["batch:ListJobs"]
      resources = ["*"] # ListJobs takes no resource.
    }
  }

  dynamic "statement" {
    for_each = local.may_write ? [1] : []
    content {
      sid       = "CancelJobs"
      actions   = ["batch:CancelJob"] # Covers the bulk call too.
      resources = [local.jobs]
    }
  }

  dynamic "statement" {
    for_each = local.may_terminate ? [1] : []
    content {
      sid       = "TerminateJobs"
      actions   = ["batch:TerminateJob"]
      resources = [local.jobs]
    }
  }

  # Whatever a request or a policy says: a job with this tag stays. "Null: false" means that the tag exists.
  statement {
    sid       = "LeaveProtectedJobs"
    effect    = "Deny"
    actions   = ["batch:CancelJob", "batch:TerminateJob"]
    resources = [local.jobs]
    condition {
      test     = "Null"
      variable = "aws:ResourceTag/cancel-protection"
      values   = ["false"]
    }
  }

  # A job without the tag is denied as well.
  dynamic "statement" {
    for_each = local.requires_tag ? [1] : []
    content {
      sid       = "LeaveJobsWithoutTheTag"
      effect    = "Deny"
      actions   = ["batch:CancelJob", "batch:TerminateJob"]
      resources = [local.jobs]
      condition {
        test     = "StringNotEquals"
        variable = "aws:ResourceTag/${local.required_tag[0]}"
        values   = [local.required_tag[1]]
      }
    }
  }
}

resource "aws_iam_role_policy" "batch_jobs" {
  name   = "batch-jobs"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.batch_jobs.json
}

data "aws_iam_policy_document" "messages" {
  statement {
    sid       = "ReceiveRequests"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = concat([aws_sqs_queue.requests.arn], aws_sqs_queue.blocked_jobs[*].arn)
  }

  statement {
    sid       = "KeepFailedEvents"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.event_dead_letters.arn]
  }

  dynamic "statement" {
    for_each = local.may_list ? [1] : []
    content {
      sid       = "HandOnWhatIsLeftOfSweeps"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.requests.arn]
    }
  }

  dynamic "statement" {
    for_each = local.has_result_bus ? [1] : []
    content {
      sid       = "PutResults"
      actions   = ["events:PutEvents"]
      resources = ["arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${var.result_event_bus_name}"]
    }
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

resource "aws_iam_role_policy" "messages" {
  name   = "messages"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.messages.json
}

data "aws_iam_policy_document" "telemetry" {
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }

  statement {
    sid       = "SendTraces"
    actions   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    resources = ["*"] # X-Ray takes no resource.
  }
}

resource "aws_iam_role_policy" "telemetry" {
  name   = "telemetry"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.telemetry.json
}

data "aws_iam_policy_document" "network" {
  # checkov:skip=CKV_AWS_111: Lambda takes no narrower resource here
  statement {
    sid = "UseTheSubnets"
    actions = [
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:AssignPrivateIpAddresses",
      "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["*"] # Lambda asks for these without a resource when it makes the function.
  }

  # Lambda's own side acts with the role, not the function's code.
  statement {
    sid       = "NotFromTheFunctionsCode"
    effect    = "Deny"
    actions   = ["ec2:*"]
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}"]
    }
  }
}

resource "aws_iam_role_policy" "network" {
  count = local.has_vpc ? 1 : 0

  name   = "network"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.network.json
}

# To let somebody of this account ask, attach this.
data "aws_iam_policy_document" "request_sender" {
  statement {
    sid       = "SendRequests"
    actions   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
    resources = [aws_sqs_queue.requests.arn]
  }

  dynamic "statement" {
    for_each = local.has_own_event_bus ? [1] : []
    content {
      sid       = "PutRequests"
      actions   = ["events:PutEvents"]
      resources = aws_cloudwatch_event_bus.requests[*].arn
    }
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

resource "aws_iam_policy" "request_sender" {
  name_prefix = "${var.name}-request-sender-"
  description = "May ask ${var.name} to cancel AWS Batch jobs."
  path        = var.role_path
  policy      = data.aws_iam_policy_document.request_sender.json
  tags        = var.tags
}
