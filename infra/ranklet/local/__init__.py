"""The cloud on this machine: API Gateway, Lambda and DynamoDB as far as one model's functions can tell.

`template` reads what was synthesised → `cloud` starts a `pool` of `environment`s per function, each a child process
running the stock runtime client against a `runtime_api` → `gateway` turns HTTP into events and answers back.
"""
