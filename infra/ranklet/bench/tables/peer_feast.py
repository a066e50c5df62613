"""Feast's side of the bench. It runs in Feast's own environment, as a script: nothing of ranklet is there.

    python peer_feast.py '{"endpoint": …, "region": …, "rows": "….npy", "folder": …, "requests": [[id, …], …]}'

One JSON document a line. Out, first: {"version": …}. In: {"way": …, "request": i}, and "answer": "….npy" where the
answer, float32 [n, dim], is to be written. Out: {"cpu": seconds of this process's CPU time in the call}.
"""

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Whatever Feast and its libraries print is for people.
OUT = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
logging.disable(logging.INFO)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402, TID253
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType  # noqa: E402
from feast.protos.feast.types.EntityKey_pb2 import EntityKey  # noqa: E402
from feast.protos.feast.types.Value_pb2 import Value  # noqa: E402
from feast.types import Array, Float32  # noqa: E402

BLOCK = 500


def opened(given: Any) -> Any:
    """A feature store over the endpoint, its rows written."""
    folder = Path(given["folder"])
    source = FileSource(path=str(folder / "none.parquet"), timestamp_field="event_timestamp")
    pd.DataFrame({"item_id": [0], "vector": [[0.0]], "event_timestamp": [datetime.now(UTC)]}).to_parquet(
        folder / "none.parquet"
    )
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": "file"},
            online_store={"type": "dynamodb", "region": given["region"], "endpoint_url": given["endpoint"]},
            entity_key_serialization_version=3,
        )
    )
    entity = Entity(name="item", join_keys=["item_id"], value_type=ValueType.INT64)
    view = FeatureView(
        name="rows", entities=[entity], schema=[Field(name="vector", dtype=Array(Float32))], source=source,
        ttl=timedelta(days=1),
    )  # fmt: skip
    store.apply([entity, view])
    rows = np.load(given["rows"])
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        frame = pd.DataFrame(
            {
                "item_id": np.arange(start, start + len(part)),
                "vector": list(part),
                "event_timestamp": datetime.now(UTC),
            }
        )
        store.write_to_online_store("rows", frame)
    return store


def ways(store: Any) -> dict[str, Any]:
    """Name → function of a list of ids that answers with float32 [n, dim]."""
    view, features = store.get_feature_view("rows"), ["rows:vector"]
    online = store._get_provider().online_store

    def get_online_features(ids: list[int]) -> Any:
        answer = store.get_online_features(features=features, entity_rows=[{"item_id": i} for i in ids]).to_dict()
        return np.array(answer["vector"], np.float32)

    def online_read(ids: list[int]) -> Any:
        keys = [EntityKey(join_keys=["item_id"], entity_values=[Value(int64_val=i)]) for i in ids]
        answer = online.online_read(store.config, view, keys, ["vector"])
        return np.array([values["vector"].float_list_val.val for _, values in answer], np.float32)

    return {"get_online_features": get_online_features, "online_read": online_read}


def main() -> None:
    given = json.loads(sys.argv[1])
    known = ways(opened(given))
    print(json.dumps({"version": version("feast")}), file=OUT)
    for line in sys.stdin:
        asked = json.loads(line)
        run, ids = known[asked["way"]], given["requests"][asked["request"]]
        start = time.process_time_ns()
        answer = run(ids)
        cpu = (time.process_time_ns() - start) / 1e9
        if "answer" in asked:
            np.save(asked["answer"], answer)
        print(json.dumps({"cpu": cpu}), file=OUT)


if __name__ == "__main__":
    main()
