"""A model in an AWS account: bring it there, ask it, move it back, look at it, take it away.

CloudFormation knows what a stack holds; all else follows from that, so that no name is written down twice:

    account   clients, and who is calling             stack    what CloudFormation says of a model's stack
    cdk       the `cdk` command, its words in a log   smoke    the golden requests against what is deployed
    versions  the function's versions and its alias   rollback the alias to an earlier one
    status    all of it, to be looked at              destroy  what goes with a stack, and what stays

Nothing here prints or asks; `ranklet.cli` does.
"""
