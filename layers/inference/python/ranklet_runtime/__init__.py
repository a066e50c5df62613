"""What runs inside the Lambda function: handler, dialects, scorer, engines, telemetry."""
