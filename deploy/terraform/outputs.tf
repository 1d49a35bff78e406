output "queue_url" {
  description = "Where to send cancellation requests."
  value       = aws_sqs_queue.requests.url
}

output "queue_arn" {
  description = "The request queue's ARN, for policies and for rules that target it."
  value       = aws_sqs_queue.requests.arn
}

output "request_dead_letter_queue_url" {
  description = "Requests that were received too often, as they were sent."
  value       = aws_sqs_queue.request_dead_letters.url
}

output "event_dead_letter_queue_url" {
  description = "Events that never reached the function, and records of invocations that failed."
  value       = aws_sqs_queue.event_dead_letters.url
}

output "request_sender_policy_arn" {
  description = "The managed policy that lets a role or user of this account ask for cancels."
  value       = aws_iam_policy.request_sender.arn
}

output "request_bus_name" {
  description = "The module's event bus for cancellation requests."
  value       = one(aws_cloudwatch_event_bus.requests[*].name)
}

output "dashboard_name" {
  description = "The dashboard in CloudWatch."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "function_name" {
  description = "The function's name, to invoke it directly."
  value       = aws_lambda_function.this.function_name
}

output "function_arn" {
  description = "The function's ARN, for rules, schedules and state machines that invoke it."
  value       = aws_lambda_function.this.arn
}

output "function_role_arn" {
  description = "The function's role, to deny it more by other means."
  value       = aws_iam_role.function.arn
}

output "log_group_name" {
  description = "Where the function logs every result."
  value       = aws_cloudwatch_log_group.function.name
}
