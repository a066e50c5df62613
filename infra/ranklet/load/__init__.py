"""Load on a served model, and how long its callers waited: `ranklet load`.

Open loop: requests leave at times that were drawn beforehand, whether those before them have been answered or not, and
a latency counts from the time at which its request should have left. A generator that waits for an answer before it
sends the next asks a slow server less often, and measures best what is worst (coordinated omission).

    histogram.py  latencies in log-linear buckets, as HdrHistogram keeps them; percentiles
    plan.py       when requests leave, and which of them
    requests.py   bodies: golden requests or a file's, with as many candidates as were drawn; what is right
    wire.py       HTTP/1.1 connections: keep-alive, TLS, one request at a time each
    sending.py    the loop that sends, and Ctrl-C
    tally.py      what came back, whole and by second; the verdict
    serving.py    a local cloud in a process of its own, which does not share our interpreter's lock
    told.py       the report as JSON           page.py   the same as a page of HTML
"""
