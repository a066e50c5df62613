"""From a model with one end-to-end graph to the bundles that could stand for it, the best first.

1. **subject** says whether a model can be split at all, and gathers what is known of its graph.
2. **sides** derives the side of every graph input from model.toml's [inputs].
3. **compiling** hands the graph to `ranklet.graph` with the author's options, and remembers what was measured.
4. **making** puts a bundle together: **rows** runs the item graph over the **catalogue**, **cuts** pins the tables that
   left the graph, **wiring** turns graphs and features into the steps of an ordinary manifest.
5. **alternatives** offers what was made to the pipeline, and **outcome** tells of it.

Nothing here proves anything: the pipeline replays the golden requests through what comes out, as through any bundle.
"""
