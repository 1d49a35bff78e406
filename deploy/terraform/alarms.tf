locals {
  page_topics   = compact([var.page_topic_arn])
  ticket_topics = compact([var.ticket_topic_arn])

  # One metric, or an expression over metrics of one kind: m1, m2, … in their order. Those that page are of what somebody
  # must see now; the others can wait until the morning. Each says what to do and where to read on.
  alarms = {
    DeadLettersAlarm = {
      page               = true
      namespace          = "AWS/SQS"
      metrics            = ["ApproximateNumberOfMessagesVisible"]
      dimensions         = { QueueName = aws_sqs_queue.request_dead_letters.name }
      statistic          = "Maximum"
      expression         = null
      label              = null
      period             = 60
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "Requests to cancel AWS Batch jobs could not be settled and lie in ${aws_sqs_queue.request_dead_letters.name}. Find them in the log by their ids, mend the cause, and redrive the queue: docs/operations.md, \"DeadLettersAlarm\"."
    }

    MoreDeadLettersAlarm = {
      page               = true
      namespace          = "AWS/SQS"
      metrics            = ["ApproximateNumberOfMessagesVisible"]
      dimensions         = { QueueName = aws_sqs_queue.request_dead_letters.name }
      statistic          = "Maximum"
      expression         = "IF(DIFF(m1) > 0 AND m1 > DIFF(m1), 1, 0)"
      label              = "More dead letters"
      period             = 300
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "More requests have joined those that lie in ${aws_sqs_queue.request_dead_letters.name} already: what fails, still fails. docs/operations.md, \"MoreDeadLettersAlarm\"."
    }

    DeadEventsAlarm = {
      page               = true
      namespace          = "AWS/SQS"
      metrics            = ["ApproximateNumberOfMessagesVisible"]
      dimensions         = { QueueName = aws_sqs_queue.event_dead_letters.name }
      statistic          = "Maximum"
      expression         = null
      label              = null
      period             = 60
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "Events or asynchronous invocations could not be dealt with and lie in ${aws_sqs_queue.event_dead_letters.name}. Put them into the request queue as they are: docs/operations.md, \"DeadEventsAlarm\"."
    }

    RejectedAlarm = {
      page               = false
      namespace          = "BatchCanceller"
      metrics            = ["Rejected", "Refused"]
      dimensions         = { service = var.name }
      statistic          = "Sum"
      expression         = "FILL(m1, 0) + FILL(m2, 0)"
      label              = "Rejected or refused"
      period             = 60
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "Requests were rejected as malformed, or refused by AWS Batch, in the last minutes. The sender must mend them; the log names the field and the remedy: docs/operations.md, \"RejectedAlarm\"."
    }

    WaitAlarm = {
      page               = true
      namespace          = "AWS/SQS"
      metrics            = ["ApproximateAgeOfOldestMessage"]
      dimensions         = { QueueName = aws_sqs_queue.requests.name }
      statistic          = "Maximum"
      expression         = null
      label              = null
      period             = 60
      evaluation_periods = 5
      datapoints         = null
      threshold          = var.max_wait_seconds
      made               = true
      description        = "The oldest request has waited in ${aws_sqs_queue.requests.name} for longer than ${var.max_wait_seconds} seconds. Is the stack paused, the function throttled, or AWS Batch out? docs/operations.md, \"WaitAlarm\"."
    }

    ErrorsAlarm = {
      page               = true
      namespace          = "AWS/Lambda"
      metrics            = ["Errors"]
      dimensions         = { FunctionName = var.name }
      statistic          = "Sum"
      expression         = null
      label              = null
      period             = 60
      evaluation_periods = 5
      datapoints         = 2
      threshold          = 0
      made               = true
      description        = "The function ${var.name} fails: it does not start, runs out of memory or time, or asynchronous invocations are not settled. Read its log: docs/operations.md, \"ErrorsAlarm\"."
    }

    TimeRunsOutAlarm = {
      page               = false
      namespace          = "BatchCanceller"
      metrics            = ["NotAttempted"]
      dimensions         = { service = var.name }
      statistic          = "Sum"
      expression         = null
      label              = null
      period             = 300
      evaluation_periods = 3
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "Jobs were handed back untouched because an invocation's time or MaxJobs was used up, for a quarter of an hour. Lower BatchSize or raise Timeout: docs/operations.md, \"TimeRunsOutAlarm\"."
    }

    EventsLostAlarm = {
      page               = true
      namespace          = "AWS/Lambda"
      metrics            = ["AsyncEventsDropped", "DestinationDeliveryFailures", "DeadLetterErrors"]
      dimensions         = { FunctionName = var.name }
      statistic          = "Sum"
      expression         = "FILL(m1, 0) + FILL(m2, 0) + FILL(m3, 0)"
      label              = "Events lost"
      period             = 60
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "Events were dropped, or could not be put into ${aws_sqs_queue.event_dead_letters.name} either: they are lost. Look for what was asked in the senders' logs, and at the queue's policy and key: docs/operations.md, \"EventsLostAlarm\"."
    }

    RuleFailuresAlarm = {
      page               = true
      namespace          = "AWS/Events"
      metrics            = ["FailedInvocations", "InvocationsFailedToBeSentToDlq"]
      dimensions         = { EventBusName = local.event_bus_name, RuleName = "${var.name}-cancellation-requested" }
      statistic          = "Sum"
      expression         = "FILL(m1, 0) + FILL(m2, 0)"
      label              = "Rule failures"
      period             = 60
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = local.has_event_bus
      description        = "The rule ${var.name}-cancellation-requested could not put events into the request queue. What it could not deliver lies in ${aws_sqs_queue.event_dead_letters.name}, unless that failed too: docs/operations.md, \"RuleFailuresAlarm\"."
    }

    ThrottledAlarm = {
      page               = false
      namespace          = "BatchCanceller"
      metrics            = ["Throttled"]
      dimensions         = { service = var.name }
      statistic          = "Sum"
      expression         = null
      label              = null
      period             = 300
      evaluation_periods = 6
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "AWS Batch has throttled the function for half an hour on end. Give many requests the same reason, lower MaximumConcurrency, or look for who else calls AWS Batch: docs/operations.md, \"ThrottledAlarm\"."
    }

    ManyStoppedAlarm = {
      page               = true
      namespace          = "BatchCanceller"
      metrics            = ["Stopped"]
      dimensions         = { service = var.name }
      statistic          = "Sum"
      expression         = null
      label              = null
      period             = 300
      evaluation_periods = 1
      datapoints         = null
      threshold          = var.max_stopped_in_five_minutes
      made               = true
      description        = "More than ${var.max_stopped_in_five_minutes} jobs were stopped in five minutes. If nobody meant that, set Paused=true now, then see who asked: docs/operations.md, \"ManyStoppedAlarm\"."
    }

    DeniedAlarm = {
      page               = false
      namespace          = "BatchCanceller"
      metrics            = ["Denied"]
      dimensions         = { service = var.name }
      statistic          = "Sum"
      expression         = null
      label              = null
      period             = 300
      evaluation_periods = 1
      datapoints         = null
      threshold          = 0
      made               = true
      description        = "The policy has denied requests. Somebody asks for what they may not, or the policy is not as it should be: docs/operations.md, \"DeniedAlarm\"."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if alarm.made }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.expression == null ? each.value.namespace : null
  metric_name         = each.value.expression == null ? each.value.metrics[0] : null
  dimensions          = each.value.expression == null ? each.value.dimensions : null
  statistic           = each.value.expression == null ? each.value.statistic : null
  period              = each.value.expression == null ? each.value.period : null
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = each.value.datapoints
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching" # SQS stops sending metrics for a queue that is not used.
  alarm_actions       = each.value.page ? local.page_topics : local.ticket_topics
  ok_actions          = each.value.page ? local.page_topics : local.ticket_topics
  tags                = var.tags

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [1]
    content {
      id          = "all"
      expression  = each.value.expression
      label       = each.value.label
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : each.value.metrics
    content {
      id          = "m${metric_query.key + 1}"
      return_data = false
      metric {
        namespace   = each.value.namespace
        metric_name = metric_query.value
        dimensions  = each.value.dimensions
        stat        = each.value.statistic
        period      = each.value.period
      }
    }
  }
}
