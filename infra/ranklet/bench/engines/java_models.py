"""Java's side of the bench: JPMML's evaluator and H2O's scorer, called as a Python server calls them: through JPype.

    python java_models.py '{"model": …, "folder": …, "rows": {kind: "….json", …}}'

Speaks as peer_models.py does, in any environment that has the libraries. Records come decoded, as lists of Python
values by field, and the JVM's threads, its compiler's and collector's too, are in the process's CPU time. The JVM is
told of one processor, as a function of one vCPU has: it then takes its serial collector.

H2O's model is trained here once. Its wrapper scores one row a call: `predict` calls it from Python, `loop` from a few
lines of Java, which no caller has by itself, so that H2O's own work is seen too. `transpiled` is JPMML's faster form:
the model as Java code. Both need a compiler (a JDK).
"""

import json
import runpy
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jpype

WORDS = {"brand": 30, "colour": 4, "genre": 18, "shop": 21}
"""As pmml_files.py has them."""
TREES, DEPTH, TRAINED = 100, 5, 5000
ONE_CPU = "-XX:ActiveProcessorCount=1"
SCORE = "probability(yes)"

Columns = dict[str, list[Any]]

LOOP = """
import hex.genmodel.easy.*;
public class Loop {
  public static double[] score(EasyPredictModelWrapper model, String[] names, Object[][] values) throws Exception {
    double[] told = new double[values[0].length];
    for (int at = 0; at < told.length; at++) {
      RowData row = new RowData();
      for (int field = 0; field < names.length; field++) row.put(names[field], values[field][at]);
      told[at] = model.predictBinomial(row).classProbabilities[1];
    }
    return told;
  }
}
"""


def jpmml(folder: Path, name: str) -> Any:
    import jpmml_evaluator as library
    from pandas import DataFrame

    jpype.startJVM(ONE_CPU, classpath=library._package_classpath())
    file = folder / f"{name}.pmml"

    def way(*, transpile: bool) -> Callable[[Columns], Any]:
        model = library.make_evaluator(str(file), transpile=transpile)
        return lambda columns: model.evaluateAll(DataFrame(columns), parallelism=1)[SCORE]

    ways = {"predict": way(transpile=False)} | ({"transpiled": way(transpile=True)} if _compiler() else {})
    return f"jpmml-evaluator {version('jpmml-evaluator')}", file, ways


def h2o(folder: Path) -> Any:
    import h2o as library

    file = folder / "h2o-gbm.zip"
    if not file.exists():
        _train(library, file)
    classes = folder / "java"
    classes.mkdir(exist_ok=True)
    jar = Path(library.__file__).parent / "backend" / "bin" / "h2o.jar"
    jpype.startJVM(ONE_CPU, classpath=[str(jar), str(classes)])
    easy = jpype.JPackage("hex.genmodel.easy")
    config = easy.EasyPredictModelWrapper.Config()
    config.setModel(jpype.JClass("hex.genmodel.MojoModel").load(str(file)))
    config.setConvertUnknownCategoricalLevelsToNa(True)
    model = easy.EasyPredictModelWrapper(config)
    ways = {"predict": lambda columns: _scored(model, easy.RowData, columns)}
    if _compiled(classes, jar):
        ways["loop"] = lambda columns: _looped(model, columns)
    return f"h2o-genmodel {version('h2o')}", file, ways


def _scored(model: Any, row_data: Any, columns: Columns) -> list[float]:
    found = []
    for values in zip(*columns.values(), strict=True):
        row = row_data()
        for name, value in zip(columns, values, strict=True):
            row.put(name, value)
        found.append(model.predictBinomial(row).classProbabilities[1])
    return found


def _looped(model: Any, columns: Columns) -> Any:
    boxed = [jpype.JArray(jpype.JObject)(values) for values in columns.values()]
    return jpype.JClass("Loop").score(model, list(columns), boxed)


def _train(library: Any, file: Path) -> None:
    """A GBM of TREES trees, by a server of H2O's own that ends with it."""
    import numpy as np
    from h2o.estimators import H2OGradientBoostingEstimator

    random = np.random.default_rng(8)
    learned: Columns = {f"x{at}": random.standard_normal(TRAINED).tolist() for at in range(12)}
    learned |= {name: [f"{name}-{at}" for at in random.integers(0, count, TRAINED)] for name, count in WORDS.items()}
    z = np.array(learned["x0"]) + np.sin(2 * np.array(learned["x1"])) + random.normal(size=TRAINED)
    z += [len(name) + int(name[-1]) / 4 - 8 for name in learned["brand"]]
    learned["liked"] = np.where(z > 0, "yes", "no").tolist()
    library.init(ip="127.0.0.1", strict_version_check=False, max_mem_size="1g", nthreads=1)
    try:
        types = {name: "enum" if name in (*WORDS, "liked") else "real" for name in learned}
        frame = library.H2OFrame(learned, column_types=types)
        model = H2OGradientBoostingEstimator(ntrees=TREES, max_depth=DEPTH, seed=8, distribution="bernoulli")
        model.train(y="liked", training_frame=frame)
        Path(model.save_mojo(str(file.parent), force=True)).rename(file)
    finally:
        library.cluster().shutdown()


def _compiler() -> Any:
    return jpype.JClass("javax.tools.ToolProvider").getSystemJavaCompiler()


def _compiled(classes: Path, jar: Path) -> bool:
    source = classes / "Loop.java"
    source.write_text(LOOP)
    compiler = _compiler()
    return compiler is not None and not compiler.run(None, None, None, "-cp", str(jar), "-d", str(classes), str(source))


def records(path: str) -> Callable[[int], Columns]:
    """The first n of a file's records."""
    whole: Columns = json.loads(Path(path).read_text())
    return lambda n: {name: values[:n] for name, values in whole.items()}


MODELS: dict[str, Any] = {
    "pmml-gbdt": lambda folder: jpmml(folder, "gbdt"),
    "pmml-regression": lambda folder: jpmml(folder, "regression"),
    "h2o-gbm": h2o,
}

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("peer_models.py")))["serve"](MODELS, records)
