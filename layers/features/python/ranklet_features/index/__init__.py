"""An index of item vectors: the best of a catalogue for a vector, by files that are mapped and never read as a whole.

    spec        what a manifest pins                       files       the arrays, mapped
    ids         ids ↔ rows                                 attributes  attribute values → rows
    scoring     exact scores, and the best of some rows    chosen      which rows may be answered
    exact, ivf  which rows are looked at                   fresh       items that came and went after the build
    searching   all of it together: `Index.search`

A row's place in the files is its position. In an inverted file (`ivf`) positions follow the lists, so that a list is
one contiguous block; the catalogue's own order, by ascending id, decides between equal scores.
"""
