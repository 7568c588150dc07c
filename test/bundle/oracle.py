"""What the tests of bundles ask of other people's programs and can't ask on a command line; see oracles.test.ts."""

import io
import json
import os
import pathlib
import sys
import tempfile


def seed_context(cache, context):
    """Fills the HTTP cache of rocrate-validator with RO-Crate's context, which its offline mode then reads."""
    from requests.adapters import HTTPAdapter
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    class FromFile(HTTPAdapter):
        def send(self, request, **_):
            body = io.BytesIO(pathlib.Path(context).read_bytes())
            headers = {"Content-Type": "application/ld+json"}
            raw = HTTPResponse(body, status=200, headers=headers, preload_content=False, request_url=request.url)
            return self.build_response(request, raw)

    session = CachedSession(cache, backend="sqlite", expire_after=-1)
    session.mount("https://", FromFile())
    session.get("https://w3id.org/ro/crate/1.2/context").raise_for_status()
    return "seeded"


def load_dataset(directory):
    import datasets

    # A cache of its own: data sets of the same name are taken for the same.
    splits = datasets.load_dataset(directory, cache_dir=tempfile.mkdtemp(dir=os.environ["TMPDIR"]))
    return {
        split: {
            "rows": len(rows),
            "columns": rows.column_names,
            "image": rows[0]["image"].size,
            "ids": rows["id"][:],
        }
        for split, rows in splits.items()
    }


def read_croissant(file):
    """Reads every record, which checks each file against its SHA-256."""
    import mlcroissant

    dataset = mlcroissant.Dataset(file)
    read = {}
    for record_set in dataset.metadata.record_sets:
        records = list(dataset.records(record_set.uuid))
        name = f"{record_set.uuid}/"
        read[record_set.uuid] = {
            "rows": len(records),
            "columns": [field.removeprefix(name) for field in records[0]],
            "image": records[0][f"{name}image"].size,
            "ids": [record[f"{name}id"].decode() for record in records],
        }
    return read


def read_card(file):
    from huggingface_hub import ModelCard

    card = ModelCard.load(file, ignore_metadata_errors=False)
    return {"data": card.data.to_dict(), "results": len(card.data.eval_results or [])}


asked, *arguments = sys.argv[1:]
answers = {answer.__name__: answer for answer in (seed_context, load_dataset, read_croissant, read_card)}
print(json.dumps(answers[asked](*arguments)))
