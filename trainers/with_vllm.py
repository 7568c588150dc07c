"""Runs a command beside a vLLM that serves a model, such as a teacher for `distill`: `python -m trainers.with_vllm MODEL -- COMMAND…`.

MODEL is a directory; its last part is the model's name at the endpoint. The command begins once the server has answered, and finds
its address in the variable VLLM_URL, which `url_env` of a teacher names. Whichever ends first ends the other; if this program is killed,
the server ends too. Run it with the Python of `npx pipe env build vllm`, from pipe's directory. In a job of pipe with a part of a GPU
(`resources: { gpus: 0.25 }`), the server takes its share of that part.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoConfig

from trainers.job import JobError, gpu_share
from trainers.lifeline import ending_with_us
from trainers.vllm_environment import require_device
from trainers.vllm_server import HOST, VllmServer, server_settings

POLL_SECONDS = 0.2
GRACE_SECONDS = 30.0  # for the command, from TERM to KILL


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m trainers.with_vllm", description="Runs a command beside a vLLM that serves a model.")
    parser.add_argument("model", type=Path, help="a model directory")
    parser.add_argument("--context", type=int, default=8192, help="most tokens of a prompt with its reply (8192)")
    parser.add_argument("--at-once", type=int, default=8, help="replies written at a time (8)")
    parser.add_argument("--gpu-memory", type=float, default=0.9, help="share of the GPU's memory, or of a job's part of it (0.9)")
    parser.add_argument("--start-seconds", type=float, default=900, help="wait for the first answer (900)")
    parser.add_argument("command", nargs="+", help="after `--`: the command and its arguments")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: ends the server too
    directory = Path(tempfile.mkdtemp(prefix="pipe-with-vllm-"))
    name, port = options.model.resolve().name, free_port()
    try:
        require_device(torch.cuda.is_available())
        config = AutoConfig.from_pretrained(options.model)
        settings = server_settings(config, options.context, options.at_once, options.gpu_memory * gpu_share())
        with (
            VllmServer(directory, options.model.resolve(), settings, options.start_seconds, name=name, port=port) as server,
            ending_with_us(server.process.pid),
        ):
            print(f"starting vLLM, whose log is {server.log}", file=sys.stderr)
            server.start({"model": name, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1})
            return run_beside(server, options.command, f"http://{HOST}:{port}/v1")
    except JobError as error:
        print(f"{error.message} {error.fix}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_beside(server: VllmServer, command: list[str], url: str) -> int:
    """The command's exit code; 1 if the server ended first."""
    running = subprocess.Popen(command, env=os.environ | {"VLLM_URL": url})
    try:
        while running.poll() is None:
            if server.process.poll() is not None:
                raise server.death()
            time.sleep(POLL_SECONDS)
        return running.returncode if running.returncode >= 0 else 128 - running.returncode
    finally:
        if running.poll() is None:
            running.terminate()
            try:
                running.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
