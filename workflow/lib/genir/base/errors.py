"""What can be wrong with a user's input, one class per kind of mistake."""


class UserError(Exception):
    """A mistake the user can mend. The message says where it is and what to write instead."""


class ConfigError(UserError):
    """A key of the configuration is wrong."""


class CorpusError(UserError):
    """A documents, queries or qrels file is wrong."""


class ModelError(UserError):
    """A model folder or its docid mapping cannot be used."""


class SourceError(UserError):
    """A text or corpus source is missing, changed or cannot be read."""


class HubError(UserError):
    """The Hugging Face hub cannot be reached or does not have what is asked for."""


class TrainingError(UserError):
    """A training cannot run in the way it was started."""


class AnalysisError(UserError):
    """An analysis cannot be computed from the inputs it was given."""


class QueryError(UserError):
    """A typed query cannot be traced."""


class VerificationError(UserError):
    """The engine differs from an independent implementation by more than rounding."""


class ProvenanceError(UserError):
    """An artifact does not say what made it."""


class DamagedFileError(UserError):
    """A file was cut off, emptied or changed since it was written."""


class StorageError(UserError):
    """A file cannot be written: the disk is full, or the user may not."""


class SurroundingsError(UserError):
    """The environment that a run is started in is wrong: its locale or its variables."""
