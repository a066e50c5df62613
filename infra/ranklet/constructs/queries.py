"""Saved queries of Logs Insights over a model's log: what one looks for when something is wrong.

Requests and refusals are lines that the function writes (`ranklet_runtime.observing`, `.refusals`), numbers come from
its metrics' documents, in which a value is a list (`Rows.0`), and durations from Lambda's own REPORT lines.
"""

from __future__ import annotations

from aws_cdk import Stack, aws_logs
from constructs import Construct

QUERIES = {
    "Slowest invocations": """
        fields @timestamp, @requestId, @duration, @initDuration, @maxMemoryUsed / 1000000 as megabytes
        | filter @type = "REPORT"
        | sort @duration desc
        | limit 50
    """,
    "Slowest sampled requests": """
        fields @timestamp, request_id, route, candidates, milliseconds, phases.decode, phases.assemble, phases.rows,
          phases.run, phases.encode
        | filter message = "request"
        | sort milliseconds desc
        | limit 50
    """,
    "Sampled inputs": """
        fields @timestamp, request_id, route, candidates, top_k, @message
        | filter message = "request"
        | sort @timestamp desc
        | limit 100
    """,
    "Refusals by place": """
        filter message = "refused"
        | stats count(*) as requests by status, kind, place, route
        | sort requests desc
        | limit 100
    """,
    "Degraded, by table": """
        filter ispresent(table)
        | stats sum(Rows.0) as rows, sum(Misses.0) as absent, sum(Unavailable.0) as unavailable,
          sum(Degraded.0) as defaulted by table, bin(1h)
        | sort defaulted desc
    """,
    "Cold starts": """
        filter @type = "REPORT"
        | stats count(*) as invocations, count(@initDuration) as cold, avg(@initDuration) as mean_ms,
          max(@initDuration) as longest_ms by bin(1h)
    """,
    "Errors": """
        fields @timestamp, request_id, route, message, exception
        | filter level = "ERROR" or @message like /Task timed out|Runtime exited|Status: timeout/
        | sort @timestamp desc
        | limit 50
    """,
}

OF_HEALTH = {
    "Health of inputs": """
        filter ispresent(input)
        | stats sum(Values.0) as looked_at, sum(Missing.0) as missing, sum(Defaulted.0) as defaulted,
          sum(Unknown.0) as unknown, max(Psi.0) as unlike_training by input
        | sort unlike_training desc
    """,
}


class SavedQueries(Construct):
    """definitions: by name, in a folder of the stack's name. health: whether inputs are counted."""

    def __init__(self, scope: Construct, id: str, *, log_group: aws_logs.ILogGroup, health: bool) -> None:
        super().__init__(scope, id)
        folder = Stack.of(self).stack_name
        self.definitions = {
            name: aws_logs.CfnQueryDefinition(
                self,
                name.title().replace(" ", "").replace(",", ""),
                name=f"{folder}/{name}",
                query_string="\n".join(line.strip() for line in text.strip().splitlines()),
                log_group_names=[log_group.log_group_name],
            )
            for name, text in (QUERIES | (OF_HEALTH if health else {})).items()
        }
