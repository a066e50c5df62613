"""Tree ensembles, whoever trained them: what a reader of a format fills, and the graph that is made of it.

1. A reader (`importers.xgboost`, `importers.lightgbm`) makes `records`: trees as arrays, and what the library does with
   their sum. 2. **checks** refuses trees that are none: cycles, children and features that do not exist, NaN
   thresholds. 3. **lowering** writes ai.onnx.ml `TreeEnsemble` (opset 5), between the **columns** that it reads and the
   **links** after it. 4. **trial** holds onnxruntime to **walking** the same records, on rows at every threshold.
Nothing here knows a format; no reader knows ONNX.
"""
