"""The cloud on this machine: API Gateway, Lambda and DynamoDB as far as one model's functions can tell.

An assembly in, HTTP out; every part is a file:

    cloud.py        LocalCloud: starts and stops everything; hosted.py runs it in a thread
    template.py     what the synthesised stacks would deploy; assembly.py, intrinsics.py read them
    host_layers.py  layers built for this machine in the place of those for AWS

    lambdas.py      Invoke by name; lambda_api.py the same over HTTP, for an AWS SDK
    versions.py     the published versions of one function, and the one that its alias names
    pool.py         the environments of one function: reuse, cap, provisioned ones; stats.py counts
    environment.py  one environment: child.py its process, runtime_api.py what it polls, logs.py what it
                    writes, memory.py what it holds, variables.py what it is told, verdicts.py how it failed
    runtime_client.py  the folder of the stock runtime client

    gateway.py      HTTP to events and back: routes.py, call.py, event_v2.py, event_v1.py, reply.py, refusals.py
    pages.py        what the front shows to a browser at `/`: page/, one page that calls the functions
    http1/          HTTP/1.1 itself
    dynamodb/       the tables
"""
