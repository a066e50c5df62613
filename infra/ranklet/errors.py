"""What can go wrong at build time.

RankletError
├── ModelError         model.toml, or a file that it names
├── ImportRefused      an exported model holds something that cannot be served exactly
├── ParityError        the packaged function does not give the trainer's scores
├── BundleError        a bundle is absent, changed, or has no certificate
├── PackagingError     a layer could not be built, or what is packed passes its limit
├── TableError         an embedding table could not be written or checked
├── LocalError         the local cloud could not start or refused an operation
├── DeployError        a model could not be brought to AWS, moved, looked at or taken away there
├── DataError          a public data set could not be fetched, or is not the one that is pinned
├── BenchError         a bench got a wrong answer, or could not measure
└── LoadError          load could not be put on a model
"""


class RankletError(Exception):
    """Base of every build-time error; the command line prints its message and exits with `exit_code`."""

    exit_code = 1


class ModelError(RankletError):
    """model.toml, or a file that it names, is wrong; the message gives file, field and remedy."""

    exit_code = 2


class ImportRefused(RankletError):
    """An exported model holds an element that would not be served exactly; named with its place."""

    exit_code = 3


class ParityError(RankletError):
    """The packaged function's scores differ from the trainer's by more than the bound."""

    exit_code = 4


class BundleError(RankletError):
    """A bundle is absent, was changed after it was proven, or has no certificate."""

    exit_code = 5


class PackagingError(RankletError):
    """A layer could not be built for its target, or what is packed passes its limit."""

    exit_code = 6


class TableError(RankletError):
    """An embedding table could not be written or did not read back equal."""

    exit_code = 7


class LocalError(RankletError):
    """The local cloud could not start or refused an operation."""

    exit_code = 8


class DataError(RankletError):
    """A public data set could not be fetched, or is not the one that is pinned."""

    exit_code = 9


class DeployError(RankletError):
    """A model could not be deployed, asked, moved or taken away in an AWS account."""

    exit_code = 10


class BenchError(RankletError):
    """A bench got a wrong answer, or could not measure; a figure of time alone never raises it."""


class LoadError(RankletError):
    """Load could not be put on a model: no such requests, no such URL. Bad answers are a report, not this error."""

    exit_code = 2
