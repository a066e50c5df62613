"""Tree ensembles, whoever trained them: what a reader of a format fills, and the graph that is made of it.

1. A reader (`importers.xgboost`, `importers.lightgbm`) makes `records`: trees as arrays, and what the library does with
   their sum. 2. **checks** refuses trees that are none: cycles, children and features that do not exist, NaN
   thresholds. 3. **lowering** writes ai.onnx.ml `TreeEnsemble` (opset 5), between the **inputs** and the **columns**
   that it reads and the **links** after it, and what is **linear** beside it; **packing** makes arrays for NumPy in its
   place. 4. **trial** holds onnxruntime to **walking** the same records, on rows at every threshold.
5. **drafting** proposes what callers send, with values from **drawing**; the library has them as **frames**.
Nothing here knows a format; no reader knows ONNX.
"""
