"""One fine-tuned model as a folder: from data files to weights, loss curve and run record."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from genir.corpora.dataset import TrainingFiles
from genir.engine.devices import product_type
from genir.files.checkpoint import Checkpoint, identity_of
from genir.files.io import atomic_folder, write_csv
from genir.models.load import add_docids, load_weights, save_model
from genir.models.start import Start, recorded, start_files
from genir.training.finetuning import FinetuningConfig, build_examples, finetune, without_documents
from genir.training.outputs import FinetuningOutputs, write_run_record
from genir.training.processes import this_process
from genir.training.trainable import trained_parts


def make_finetuned_model(
    data: TrainingFiles,
    start: Start,
    settings: FinetuningConfig,
    outputs: FinetuningOutputs,
    removed: Sequence[str] = (),
) -> None:
    """Fine-tune on all documents but the `removed` ones, which keep their docid tokens."""
    processes = this_process()
    read = [*data.paths().values(), *start_files(start)]
    identity = identity_of(read, start.type, settings, list(removed))
    documents, pairs = data.read()
    model, tokenizer = load_weights(start, settings.seed)
    docids = add_docids(model, documents["doc_id"].tolist(), settings.seed)
    kept = without_documents(documents, pairs, removed)
    generated = data.read_generated(documents)
    pieces = tokenizer.backend_tokenizer
    examples = build_examples(*kept, docids, pieces, settings, generated)
    checkpoint = Checkpoint(outputs.checkpoints, identity)
    model, first_docid = model.to(processes.device), min(docids.values())
    curve = finetune(model, examples, settings, checkpoint, first_docid)
    if not processes.is_main:
        return
    trained = trained_parts(model, first_docid, settings.trainable, settings.rate_of_docids)
    with atomic_folder(outputs.model) as folder:
        save_model(folder, model, tokenizer, docids)
    write_csv(outputs.curve, pd.DataFrame(curve))
    write_run_record(
        outputs.run,
        data.paths(),
        settings=replace(settings, docid_learning_rate=settings.rate_of_docids),
        start=recorded(start),
        removed_documents=list(removed),
        documents=len(kept[0]),
        indexing_examples=len(examples["indexing"].labels),
        training_queries=len(kept[1]),
        parameters=model.num_parameters(),
        trained_parameters=trained.parameters(),
        device=processes.device.type,
        processes=processes.count,
        products=str(product_type(settings.precision, processes.device)).removeprefix("torch."),
        final_loss=curve[-1]["loss"],
    )
    checkpoint.remove()
