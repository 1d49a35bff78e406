locals {
  queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}"
  # Six times the function's timeout, as Lambda asks for, and the longest batching window. A shorter one hands out
  # messages again while they are still being worked on.
  visibility_timeout = 6 * var.timeout + 60
}

resource "aws_sqs_queue" "requests" {
  name                       = "${var.name}-requests"
  sqs_managed_sse_enabled    = local.has_key ? null : true
  kms_master_key_id          = local.has_key ? var.kms_key_arn : null
  visibility_timeout_seconds = local.visibility_timeout
  message_retention_seconds  = 345600 # 4 days
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.request_dead_letters.arn
    # Throttled pollers and outages of AWS Batch use up receives as well: fewer than 5 lose good messages to them.
    maxReceiveCount = var.max_receive_count
  })
}

# Requests that were received too often, their bodies as they were sent: they can be redriven.
resource "aws_sqs_queue" "request_dead_letters" {
  name                    = "${var.name}-requests-dead"
  sqs_managed_sse_enabled = local.has_key ? null : true
  kms_master_key_id       = local.has_key ? var.kms_key_arn : null
  # A message keeps its age when it moves here: a retention no longer than the source's could drop it at once.
  message_retention_seconds = 1209600 # 14 days, the longest there is
  tags                      = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["${local.queue_arn}-requests", "${local.queue_arn}-blocked-jobs"]
  })
}

# Each message waits here before anybody sees it.
resource "aws_sqs_queue" "blocked_jobs" {
  count = local.cancels_blocked_jobs ? 1 : 0

  name                       = "${var.name}-blocked-jobs" # policies/blocked-queue knows its messages by the end of this name.
  sqs_managed_sse_enabled    = local.has_key ? null : true
  kms_master_key_id          = local.has_key ? var.kms_key_arn : null
  delay_seconds              = var.blocked_dwell_seconds
  visibility_timeout_seconds = local.visibility_timeout
  message_retention_seconds  = 345600 # 4 days
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.request_dead_letters.arn
    maxReceiveCount     = var.max_receive_count
  })
}

# Events that never reached the function, as they were sent, and invocations that failed, as Lambda's record of them.
resource "aws_sqs_queue" "event_dead_letters" {
  name                      = "${var.name}-events-dead"
  sqs_managed_sse_enabled   = local.has_key ? null : true
  kms_master_key_id         = local.has_key ? var.kms_key_arn : null
  message_retention_seconds = 1209600
  redrive_allow_policy      = jsonencode({ redrivePermission = "denyAll" }) # No queue's dead letters belong here.
  tags                      = var.tags
}

# Roles and users of this account need the policy request_sender, or any that lets them send. The others are named here.
data "aws_iam_policy_document" "requests" {
  dynamic "statement" {
    for_each = local.has_event_bus ? [1] : []
    content {
      sid       = "FromTheStacksRule"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.requests.arn]
      principals {
        type        = "Service"
        identifiers = ["events.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = aws_cloudwatch_event_rule.cancellation_requested[*].arn
      }
    }
  }

  dynamic "statement" {
    for_each = local.has_source_arns ? [1] : []
    content {
      sid       = "FromTopicsAndRules"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.requests.arn]
      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com", "events.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = var.source_arns
      }
    }
  }

  dynamic "statement" {
    for_each = local.has_sender_accounts ? [1] : []
    content {
      sid       = "FromOtherAccounts"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.requests.arn]
      principals {
        type        = "AWS"
        identifiers = var.sender_accounts
      }
    }
  }

  dynamic "statement" {
    for_each = local.has_sender_org ? [1] : []
    content {
      sid       = "FromTheOrganisation"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.requests.arn]
      principals {
        type        = "*"
        identifiers = ["*"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [var.sender_org_id]
      }
    }
  }

  source_policy_documents = [data.aws_iam_policy_document.tls_only["requests"].json]
}

data "aws_iam_policy_document" "blocked_jobs" {
  statement {
    sid       = "FromTheStacksRules"
    actions   = ["sqs:SendMessage"]
    resources = aws_sqs_queue.blocked_jobs[*].arn
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.blocked : rule.arn]
    }
  }

  source_policy_documents = [data.aws_iam_policy_document.tls_only["blocked-jobs"].json]
}

data "aws_iam_policy_document" "event_dead_letters" {
  statement {
    sid       = "KeepUndeliveredEvents"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.event_dead_letters.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values = concat(
        aws_cloudwatch_event_rule.cancellation_requested[*].arn,
        [for rule in aws_cloudwatch_event_rule.blocked : rule.arn],
      )
    }
  }

  source_policy_documents = [data.aws_iam_policy_document.tls_only["events-dead"].json]
}

data "aws_iam_policy_document" "tls_only" {
  for_each = toset(["requests", "requests-dead", "blocked-jobs", "events-dead"])

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = ["${local.queue_arn}-${each.key}"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "requests" {
  queue_url = aws_sqs_queue.requests.url
  policy    = data.aws_iam_policy_document.requests.json
}

resource "aws_sqs_queue_policy" "request_dead_letters" {
  queue_url = aws_sqs_queue.request_dead_letters.url
  policy    = data.aws_iam_policy_document.tls_only["requests-dead"].json
}

resource "aws_sqs_queue_policy" "blocked_jobs" {
  count = local.cancels_blocked_jobs ? 1 : 0

  queue_url = aws_sqs_queue.blocked_jobs[0].url
  policy    = data.aws_iam_policy_document.blocked_jobs.json
}

resource "aws_sqs_queue_policy" "event_dead_letters" {
  queue_url = aws_sqs_queue.event_dead_letters.url
  policy    = data.aws_iam_policy_document.event_dead_letters.json
}
