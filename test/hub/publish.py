"""publish.py RENDERED OUTPUT: writes a rendered data set as published ones are: four columns, compressed, a split in two files."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

rendered, output = Path(sys.argv[1]), Path(sys.argv[2])
COLUMNS = ["query", "image", "ground_truth", "response"]
WRONG = {"test": {1: '{"v": 5, "c": 1, "edges": [[0, 1]]}', 4: "no JSON"}}
CODECS = {"test": ["SNAPPY", "ZSTD"], "train_sft": ["GZIP"]}

(output / "data").mkdir(parents=True)
for split, codecs in CODECS.items():
    (file,) = rendered.glob(f"data/{split}-*.parquet")
    rows = parquet.read_table(file).to_pylist()
    for number, wrong in WRONG.get(split, {}).items():
        rows[number]["ground_truth"] = wrong
    size = -(-len(rows) // len(codecs))
    for index, codec in enumerate(codecs):
        part = [{name: row[name] for name in COLUMNS} for row in rows[index * size : (index + 1) * size]]
        target = output / f"data/{split}-{index:05}-of-{len(codecs):05}.parquet"
        parquet.write_table(pa.Table.from_pylist(part), target, compression=codec, row_group_size=3)
(output / "README.md").write_text("# A published data set\n")
(output / "data/extra.txt").write_text("")
