"""Writes xgboost.zip, lightgbm.zip and films.zip anew: `python tests/oracles.py trees --make`."""

from __future__ import annotations

from trees_films import members
from trees_kit import HERE, pack, write
from trees_lightgbm import lightgbm_cases
from trees_xgboost import xgboost_cases

if __name__ == "__main__":
    write(HERE / "xgboost.zip", xgboost_cases())
    write(HERE / "lightgbm.zip", lightgbm_cases())
    pack(HERE / "films.zip", members())
