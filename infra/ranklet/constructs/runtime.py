"""The one Lambda runtime, and its architectures by the name that model.toml uses."""

from aws_cdk import aws_lambda

RUNTIME = aws_lambda.Runtime.PYTHON_3_13
HANDLER = "ranklet_runtime.handler.handler"
ARCHITECTURES = {"x86_64": aws_lambda.Architecture.X86_64, "arm64": aws_lambda.Architecture.ARM_64}
