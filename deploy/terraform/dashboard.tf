variable "dashboard" {
  type        = bool
  default     = true
  description = "Whether to make a dashboard in CloudWatch."
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = <<-EOT
    {"widgets": [
      {"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": {"title": "What became of jobs", "region": "${local.region}", "view": "timeSeries", "stacked": true, "stat": "Sum", "period": 300, "metrics": [["BatchCanceller", "Stopped", "service", "${var.name}", {"color": "#2ca02c"}], ["BatchCanceller", "Finished", "service", "${var.name}", {"color": "#7f7f7f"}], ["BatchCanceller", "WouldStop", "service", "${var.name}", {"color": "#17becf"}], ["BatchCanceller", "Denied", "service", "${var.name}", {"color": "#9467bd"}], ["BatchCanceller", "Rejected", "service", "${var.name}", {"color": "#d62728"}], ["BatchCanceller", "Refused", "service", "${var.name}", {"color": "#ff9896"}]]}},
      {"type": "metric", "x": 12, "y": 0, "width": 6, "height": 6, "properties": {"title": "Runs on, not found, not seen", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Sum", "period": 300, "metrics": [["BatchCanceller", "Started", "service", "${var.name}"], ["BatchCanceller", "NotFound", "service", "${var.name}"], ["BatchCanceller", "NotConfirmed", "service", "${var.name}"]]}},
      {"type": "metric", "x": 18, "y": 0, "width": 6, "height": 6, "properties": {"title": "Not settled: comes back", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Sum", "period": 300, "metrics": [["BatchCanceller", "Unavailable", "service", "${var.name}"], ["BatchCanceller", "NotAttempted", "service", "${var.name}"]]}},
      {"type": "metric", "x": 0, "y": 6, "width": 8, "height": 6, "properties": {"title": "Requests that wait", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Maximum", "period": 300, "metrics": [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${aws_sqs_queue.requests.name}", {"label": "waiting"}], ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", "${aws_sqs_queue.requests.name}", {"label": "in work"}], ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${aws_sqs_queue.requests.name}", {"label": "age of the oldest, s", "yAxis": "right"}]]}},
      {"type": "metric", "x": 8, "y": 6, "width": 8, "height": 6, "properties": {"title": "Dead letters", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Maximum", "period": 300, "metrics": [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${aws_sqs_queue.request_dead_letters.name}", {"label": "requests"}], ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${aws_sqs_queue.event_dead_letters.name}", {"label": "events"}]]}},
      {"type": "metric", "x": 16, "y": 6, "width": 8, "height": 6, "properties": {"title": "Calls to AWS Batch", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Sum", "period": 300, "metrics": [["BatchCanceller", "Calls", "service", "${var.name}"], ["BatchCanceller", "Throttled", "service", "${var.name}", {"color": "#d62728"}]]}},
      {"type": "metric", "x": 0, "y": 12, "width": 8, "height": 6, "properties": {"title": "Duration against the timeout, ms", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Sum", "period": 300, "metrics": [["AWS/Lambda", "Duration", "FunctionName", "${var.name}", {"stat": "p50"}], ["AWS/Lambda", "Duration", "FunctionName", "${var.name}", {"stat": "p99"}], ["AWS/Lambda", "Duration", "FunctionName", "${var.name}", {"stat": "Maximum"}]], "annotations": {"horizontal": [{"label": "timeout", "value": ${var.timeout}000}]}}},
      {"type": "metric", "x": 8, "y": 12, "width": 8, "height": 6, "properties": {"title": "Invocations at once, errors", "region": "${local.region}", "view": "timeSeries", "stacked": false, "stat": "Sum", "period": 300, "metrics": [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", "${var.name}", {"stat": "Maximum"}], ["AWS/Lambda", "Errors", "FunctionName", "${var.name}", {"color": "#d62728"}], ["AWS/Lambda", "Throttles", "FunctionName", "${var.name}"]]}},
      {"type": "log", "x": 16, "y": 12, "width": 8, "height": 6, "properties": {"title": "The last failures, and who asked", "region": "${local.region}", "view": "table", "query": "SOURCE '${aws_cloudwatch_log_group.function.name}' | filter outcome in ['rejected', 'refused', 'denied', 'unavailable', 'not_found'] | display @timestamp, outcome, jobId, why, clause, requestedBy.senderId, requestedBy.id | sort @timestamp desc | limit 20"}}
    ]}
  EOT
}
