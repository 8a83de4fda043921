"""A circuit before its queries: what can be asked of it is ranks and the first documents."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from genir.base.errors import AnalysisError
from genir.engine.circuit import Circuit, CircuitDecoder
from genir.engine.circuit_files import is_circuit, load_circuit
from genir.engine.decoder import Trace
from genir.engine.devices import best_device, product_type
from genir.engine.weights import are_finite
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, Subject, load_subject, subject_of


@dataclass(frozen=True)
class CircuitSubject(Subject):
    """A subject whose model is a circuit."""

    model: Circuit

    @cached_property
    def decoder(self) -> CircuitDecoder:
        precision = product_type(self.limits.precision, self.device)
        return CircuitDecoder(self.model, self.docid_tokens, precision)

    def _check_finite(self, trace: Trace, rows: np.ndarray) -> None:
        if not are_finite(trace.states.square().sum(-1)):
            raise AnalysisError(
                "the circuit's states are no numbers, infinite or too large for float32, for some "
                f"of {len(rows)} queries; take an earlier checkpoint of the model"
            )


def load_retriever(folder: Path, source: QuerySource, limits: Limits) -> Subject:
    """A model folder, or that of a circuit, with its docid mapping, and one split of its dataset.

    Raises ModelError as `load_t5` and `load_circuit`.
    """
    if is_circuit(folder):
        return subject_of(
            load_circuit(folder, best_device()), folder, source, limits, CircuitSubject
        )
    return load_subject(folder, source, limits)
