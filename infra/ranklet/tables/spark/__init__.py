"""Tables that one machine would not hold, or not in time: a tower over a Parquet dataset, by Spark.

    recipe.py     what the workers need, as plain bytes: the table's declaration, vocabularies, the tower
    batches.py    Arrow batches cut to one size, so that a row's bits do not depend on how the data was cut
    rows.py       a batch through features and tower, checked and packed
    lines.py      packed rows → lines of DynamoDB JSON, one item a line
    content.py    what written lines hold: counts, mean row, and the digest that names the version
    workers.py    what Spark's workers run
    cluster.py    the engine `spark`; single.py: the engine `local`, the same without Spark
    build.py      both engines' way: check keys, compute and write, read back, describe
    job.py        the entry point where somebody else starts Spark (spark-submit, EMR Serverless, Glue)

A build is a folder: `items/part-*.gz`, which ImportTable reads, and `table.json`, written last. The version is
computed from what was read back, so that it names what the files hold.
"""
