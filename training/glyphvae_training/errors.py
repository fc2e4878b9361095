"""Errors of the training package.

TrainingError
├── DataError              a data file is not what it should be
│   ├── DataMissingError   a data file is not there
│   └── FetchError         a data file could not be downloaded from any mirror
├── RunError               a run folder cannot be read, resumed or written
└── ExportError            a model cannot be exported, or an exported one not read
"""


class TrainingError(Exception):
    """Base of every error that the training commands report as one sentence."""


class DataError(TrainingError):
    """A data file is truncated, of another format, or fails its checksum."""


class DataMissingError(DataError):
    """A data file is in no place where it is looked for."""


class FetchError(DataError):
    """No mirror served a file with the right checksum."""


class RunError(TrainingError):
    """A run folder lacks a file, is of another model, or exists already."""


class ExportError(TrainingError):
    """An exported graph fails a gate, or a model repository lacks a file."""
