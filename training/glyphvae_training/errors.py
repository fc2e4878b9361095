"""Errors of the training package.

TrainingError
├── DataError              a data file is not what it should be
│   ├── DataMissingError   a data file is not there
│   └── FetchError         a data file could not be downloaded from any mirror
├── RunError               a run cannot be read, resumed, written or computed here
└── ExportError            a model cannot be exported, or an exported one not read
"""


class TrainingError(Exception):
    """Base of every error that the training commands report in one sentence."""


class DataError(TrainingError):
    """Truncated data file, one of another format, or one that fails its checksum."""


class DataMissingError(DataError):
    """Data file that is in none of the places searched."""


class FetchError(DataError):
    """Download that no mirror served with the right checksum."""


class RunError(TrainingError):
    """Run folder that lacks a file, is of another model, or exists already; or hardware that is not there."""


class ExportError(TrainingError):
    """Exported graph that fails a gate, or model repository that lacks a file."""
